//! One turn of the agent: from a message to an answer with its actions.

mod extractive;
pub mod generation;
mod instead;
mod intent_trace;
pub mod launch;
pub mod library;
mod link;
mod phrase_review;
pub(crate) mod phrasing;
mod preflight;
mod questions;
pub(crate) mod reply;
mod retrieval_trace;
pub mod snapshot;
mod suggestion;
pub mod trace;
mod turn;
pub mod turn_event;
pub mod turn_request;

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::domain::action::ActionKind;
use crate::domain::user::UserContext;
use crate::intent::matcher;
use crate::intent::message::Message;
use crate::ports::embedder::Embedder;
use generation::ChatUse;
use library::{KnowledgeLibrary, KnowledgeStatus};
use preflight::Preflight;
use snapshot::KnowledgeSnapshot;
use turn_event::{OfferedAction, TurnEvent};
use turn_request::TurnRequest;

/// Messages before the one to be answered that a language model is told of.
const RECALLED: usize = 12;

/// Answers messages from the knowledge of one project.
#[derive(Clone)]
pub struct Agent {
    library: Arc<KnowledgeLibrary>,
    embedder: Arc<dyn Embedder>,
    chat: Option<ChatUse>,
}

impl Agent {
    /// An agent that reads `library`.
    pub fn new(library: Arc<KnowledgeLibrary>, embedder: Arc<dyn Embedder>) -> Self {
        Self { library, embedder, chat: None }
    }

    /// The same agent with a language model, which writes what no author has written.
    #[must_use]
    pub fn with_chat(self, chat: Option<ChatUse>) -> Self {
        Self { chat, ..self }
    }

    /// Messages before the one to be answered that a turn can make use of.
    pub fn recalled_messages(&self) -> usize {
        if self.chat.is_some() { RECALLED } else { 0 }
    }

    /// The knowledge as it is now.
    pub fn snapshot(&self) -> Arc<KnowledgeSnapshot> {
        self.library.snapshot()
    }

    /// What is served, and what is wrong with the newest edit.
    pub fn knowledge_status(&self) -> Arc<KnowledgeStatus> {
        self.library.status()
    }

    /// Runs one turn on the knowledge as it is now. The last event is always
    /// [`TurnEvent::Finished`]; when nobody receives any more, the turn ends.
    pub async fn run_turn(&self, request: TurnRequest, events: mpsc::Sender<TurnEvent>) {
        let snapshot = self.snapshot();
        turn::run(&snapshot, self.embedder.as_ref(), self.chat.as_ref(), &request, &events).await;
    }

    /// Whether a text is one of the authors' phrases, whoever may have its answer.
    pub fn is_phrase(&self, text: &str, context: &UserContext) -> bool {
        let snapshot = self.snapshot();
        let message = Message::read(text, snapshot.language_of(text, context.user.locale.as_ref()));
        matcher::decide(&snapshot.phrases, &message, None, None, |_| true).is_exact()
    }

    /// Checks an offered action again, as at its claim.
    ///
    /// # Errors
    /// Why it may not be carried out any more, for the user.
    pub fn check_action(
        &self,
        offered: &OfferedAction,
        context: &UserContext,
        capabilities: &[ActionKind],
        now: Timestamp,
    ) -> Result<(), String> {
        let snapshot = self.snapshot();
        let attributes = context.template_attributes();
        let facts = snapshot.facts(context, now);
        Preflight { project: &snapshot.project, facts, attributes: &attributes, capabilities }
            .recheck(offered)
            .map_err(|check| check.detail)
    }
}
