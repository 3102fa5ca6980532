//! Automations on the wire: what the user is asked for, and how far one is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::action::{Action, ActionResultCode};

/// `automation.updated`: how far the automation is that the user has started. Whoever
/// reads the last one of a log, and the actions after it, knows all that is needed to
/// go on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AutomationUpdated {
    /// The automation.
    pub automation_id: String,
    /// This run of it.
    pub run: String,
    /// Its name.
    pub name: String,
    /// The offer that it was started with.
    pub action_id: String,
    /// The tab in which it runs.
    pub client_id: String,
    /// The language in which it is spoken of.
    pub language: String,
    /// How far it is.
    pub state: AutomationState,
    /// What it was told so far, by name.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub arguments: serde_json::Map<String, serde_json::Value>,
    /// The argument that the user is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asking: Option<String>,
    /// How often the user was asked the same thing, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// What it does, once it runs: an `automation_step` each, requested one at a time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Action>,
    /// The step at which it stopped, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<u32>,
    /// Why it stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ActionResultCode>,
}

/// How far an automation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AutomationState {
    /// The user is asked for an argument.
    Asking,
    /// The user is asked for consent.
    Confirming,
    /// Its steps are carried out.
    Running,
    /// All of them were.
    Succeeded,
    /// One of them failed.
    Stopped,
    /// The user did not want it any more.
    Cancelled,
}
