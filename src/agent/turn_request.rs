//! What starts a turn.

use jiff::Timestamp;

use crate::domain::action::ActionKind;
use crate::domain::conversation::{Choice, Role};
use crate::domain::ids::RunId;
use crate::domain::user::UserContext;

/// A message to be answered.
#[derive(Clone, Debug, PartialEq)]
pub struct TurnRequest {
    /// Identifies the turn.
    pub run: RunId,
    /// What the user said; for a launch, after its attributes were resolved.
    pub message: String,
    /// For a launch, the message without the values that were put into it.
    pub plain: Option<String>,
    /// What was said before, oldest first; may be cut off at the beginning.
    pub history: Vec<Said>,
    /// What the chip stands for that the user clicked, which is then done without
    /// matching.
    pub choice: Option<Choice>,
    /// Who says it, and where.
    pub context: UserContext,
    /// The kinds of action that the client can carry out.
    pub capabilities: Vec<ActionKind>,
    /// When it was said.
    pub now: Timestamp,
    /// Whether the full trace is wanted.
    pub trace: bool,
}

/// Something that was said before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// By whom.
    pub role: Role,
    /// What.
    pub text: String,
}
