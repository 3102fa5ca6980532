//! Runs: one turn of the agent each, from `run.started` to `run.finished`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error_code::ErrorCode;

/// `run.cancel`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunCancel {
    /// The run to be stopped.
    pub run_id: String,
}

/// `run.started`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunStarted {
    /// The run.
    pub run_id: String,
    /// What started it.
    pub trigger: RunTrigger,
    /// The user's message that it answers.
    pub message_id: String,
}

/// What started a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunTrigger {
    /// A message.
    Message,
    /// A quick reply.
    QuickReply,
    /// A launch.
    Launch,
    /// The wish for another answer.
    Regenerate,
    /// The answer to what an automation asks for.
    Automation,
}

/// `run.status`: what is being done. Not kept, and not replayed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunStatus {
    /// The run.
    pub run_id: String,
    /// What is being done.
    pub phase: RunPhase,
}

/// What a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunPhase {
    /// Looks for passages.
    Retrieving,
    /// Writes the answer.
    Answering,
    /// Waits for an action.
    WaitingAction,
}

/// `run.finished`: exactly one for each `run.started`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunFinished {
    /// The run.
    pub run_id: String,
    /// What kind of answer it gave; absent when it gave none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<RunKind>,
    /// How it ended.
    pub outcome: RunOutcome,
    /// The Custom Answer that it gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_id: Option<String>,
    /// Whether a part that should have helped was away.
    #[serde(default, skip_serializing_if = "is_false")]
    pub degraded: bool,
    /// Why a person takes over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handover_reason: Option<String>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RunError>,
    /// What it used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// A kind of answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// An author's own words.
    CustomAnswer,
    /// From articles, with sources.
    Knowledge,
    /// A question back.
    Chips,
    /// The knowledge does not hold it.
    NoAnswer,
    /// A person takes over.
    Handover,
    /// An automation was offered, or asked for something.
    Automation,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// It said what it had to say.
    Completed,
    /// The user stopped it.
    Cancelled,
    /// It broke off.
    Interrupted,
    /// It could not answer.
    Failed,
}

/// What went wrong with a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunError {
    /// What.
    pub code: ErrorCode,
    /// For a developer.
    pub message: String,
}

/// What a run used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Tokens read by the model.
    pub input_tokens: u64,
    /// Tokens written by the model.
    pub output_tokens: u64,
}

/// `run.trace`: why a run did what it did. Sent only when the client asks for the
/// feature `trace` and the server allows it; never kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunTrace {
    /// The run.
    pub run_id: String,
    /// The trace; its shape is not part of the protocol.
    pub trace: serde_json::Value,
}
