//! Launch Agent: opens the agent with a message whose attributes the server fills in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::context::Attributes;

/// `agent.launch`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AgentLaunch {
    /// The pre-filled message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<LaunchMessage>,
    /// What is done with it.
    #[serde(default)]
    pub mode: LaunchMode,
    /// Attributes for this request, by the names that the template uses.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
    /// What asked for it.
    pub source: LaunchSource,
    /// Which conversation it goes to.
    #[serde(default)]
    pub conversation: LaunchConversation,
}

/// A pre-filled message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LaunchMessage {
    /// Text with attributes, such as `How do I export, {{user.name|there}}?`.
    pub template: String,
}

/// What a launch does with its message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LaunchMode {
    /// Sends it.
    #[default]
    Send,
    /// Puts it into the input field.
    Prefill,
    /// Only opens the agent.
    Open,
}

/// What asked for a launch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LaunchSource {
    /// What it is.
    pub kind: LaunchSourceKind,
    /// The experience it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experience_id: Option<String>,
    /// The step it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_id: Option<String>,
}

/// A kind of launch source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LaunchSourceKind {
    /// A button.
    Cta,
    /// A progress trigger.
    ProgressTrigger,
    /// A survey's condition.
    SurveyCondition,
    /// A behaviour trigger.
    Trigger,
    /// The page's own code.
    Sdk,
    /// A link; its message is never sent without a click.
    Url,
}

/// Which conversation a launch goes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LaunchConversation {
    /// The current one.
    #[default]
    Current,
    /// A new one, which becomes the current one.
    New,
}

/// `launch.resolved`: the message with its attributes filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LaunchResolved {
    /// The conversation it went to.
    pub conversation_id: String,
    /// Its epoch.
    pub epoch: String,
    /// What is done with the message; `prefill` where `send` was asked for but is not allowed.
    pub mode: LaunchMode,
    /// The message.
    pub text: String,
    /// Attributes that had no value, fallback or not.
    pub missing_attributes: Vec<String>,
    /// The user's message, when it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// What asked for it.
    pub source: LaunchSource,
}
