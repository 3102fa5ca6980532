//! One turn of the agent: from a message to an answer with its actions.
//!
//! STAND-IN: this file only echoes, so that the server can be built and tested
//! before the agent is there. The agent's own file replaces it whole.

pub mod turn_event;
pub mod turn_request;

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::diagnostic::Diagnostic;
use crate::domain::action::{Action, ActionKind};
use crate::domain::conversation::{AnswerKind, Outcome};
use crate::domain::project::Project;
use crate::domain::user::UserContext;

use turn_event::{AgentMessage, Phase, TurnEvent, TurnFinish};
use turn_request::TurnRequest;

/// What the agent knows at one moment.
#[derive(Debug, Default)]
pub struct KnowledgeSnapshot {
    /// Everything its authors wrote.
    pub project: Arc<Project>,
    /// Grows with every change.
    pub version: u64,
}

/// How the knowledge is.
#[derive(Clone, Debug, Default)]
pub struct KnowledgeStatus {
    /// The version that is served.
    pub version: u64,
    /// How many articles there are.
    pub articles: usize,
    /// How many Custom Answers there are.
    pub answers: usize,
    /// Mistakes of the last reload.
    pub diagnostics: Vec<Diagnostic>,
    /// Whether the last reload is the one that is served.
    pub healthy: bool,
}

/// The agent.
#[derive(Debug, Default)]
pub struct Agent {
    snapshot: Arc<KnowledgeSnapshot>,
}

impl Agent {
    /// What it knows now.
    pub fn snapshot(&self) -> Arc<KnowledgeSnapshot> {
        self.snapshot.clone()
    }

    /// How its knowledge is.
    pub fn knowledge_status(&self) -> Arc<KnowledgeStatus> {
        Arc::new(KnowledgeStatus { healthy: true, ..KnowledgeStatus::default() })
    }

    /// Whether an action still may be executed.
    ///
    /// # Errors
    /// Why it may not.
    pub fn check_action(
        &self,
        _action: &Action,
        _context: &UserContext,
        _capabilities: &[ActionKind],
    ) -> Result<(), String> {
        Ok(())
    }

    /// Answers a message.
    pub async fn run_turn(&self, request: TurnRequest, events: mpsc::Sender<TurnEvent>) {
        let text = format!("You said: {}", request.message);
        let delta = |text: &str| TurnEvent::Delta { text: text.to_owned(), cites: Vec::new() };
        let message = AgentMessage { text: text.clone(), citations: Vec::new(), quick_replies: Vec::new() };
        let kind = Some(AnswerKind::Knowledge);
        let finish = TurnFinish { kind, answer: None, outcome: Outcome::Completed, degraded: false };
        for event in [
            TurnEvent::Status(Phase::Answering),
            delta("You said: "),
            delta(&request.message),
            TurnEvent::Message(message),
            TurnEvent::Finished(finish),
        ] {
            if events.send(event).await.is_err() {
                return;
            }
        }
    }
}
