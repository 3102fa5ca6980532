//! What the server needs of the agent.
//!
//! The agent is behind a trait here so that tests of sockets, queues and shutdown
//! can script what it says, how fast, and how it breaks.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::agent::Agent;
use crate::agent::library::KnowledgeStatus;
use crate::agent::turn_event::{OfferedAction, TurnEvent};
use crate::agent::turn_request::TurnRequest;
use crate::domain::action::ActionKind;
use crate::domain::project::Project;
use crate::domain::user::UserContext;

/// The project as it is published now.
#[derive(Clone, Debug, Default)]
pub struct Published {
    /// Everything its authors wrote.
    pub project: Arc<Project>,
    /// Grows with every change.
    pub version: u64,
}

/// Answers messages.
#[async_trait]
pub trait Answerer: Send + Sync {
    /// The project as it is published now.
    fn published(&self) -> Published;

    /// How the knowledge is.
    fn knowledge_status(&self) -> Arc<KnowledgeStatus>;

    /// Whether an action still may be executed, with the address and the page that
    /// its turn found.
    ///
    /// # Errors
    /// Why it may not, for a developer.
    fn check_action(
        &self,
        offered: &OfferedAction,
        context: &UserContext,
        capabilities: &[ActionKind],
        now: Timestamp,
    ) -> Result<(), String>;

    /// Messages before the one to be answered that [`Answerer::run_turn`] wants to have.
    fn recalled_messages(&self) -> usize;

    /// Whether a text is one of the authors' phrases.
    fn is_phrase(&self, text: &str, context: &UserContext) -> bool;

    /// Answers a message. The last event is `Finished`; when it is not, or the
    /// future is dropped, the server ends the run itself.
    async fn run_turn(&self, request: TurnRequest, events: mpsc::Sender<TurnEvent>);
}

#[async_trait]
impl Answerer for Agent {
    fn published(&self) -> Published {
        let snapshot = self.snapshot();
        Published { project: snapshot.project.clone(), version: snapshot.version }
    }

    fn knowledge_status(&self) -> Arc<KnowledgeStatus> {
        self.knowledge_status()
    }

    fn check_action(
        &self,
        offered: &OfferedAction,
        context: &UserContext,
        capabilities: &[ActionKind],
        now: Timestamp,
    ) -> Result<(), String> {
        self.check_action(offered, context, capabilities, now)
    }

    fn recalled_messages(&self) -> usize {
        self.recalled_messages()
    }

    fn is_phrase(&self, text: &str, context: &UserContext) -> bool {
        self.is_phrase(text, context)
    }

    async fn run_turn(&self, request: TurnRequest, events: mpsc::Sender<TurnEvent>) {
        self.run_turn(request, events).await;
    }
}
