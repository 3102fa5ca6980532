//! Actions on the wire: what is offered, who executes it, and how it ended.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::launch::{LaunchMessage, LaunchMode};

/// An action with its fields resolved. Clients ignore types that they do not know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Action {
    /// Opens the agent: the client sends `agent.launch` with these fields.
    LaunchAgent {
        /// The pre-filled message, its attributes not yet filled in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<LaunchMessage>,
        /// What is done with it.
        mode: LaunchMode,
    },
    /// Starts an experience and dismisses the running one.
    LaunchExperience {
        /// The experience.
        experience_id: String,
        /// Its kind, such as `tour`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kind: Option<String>,
        /// The step to begin with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        start_step: Option<String>,
    },
    /// Opens one changelog post.
    OpenPost {
        /// The post.
        post_id: String,
    },
    /// Goes to a page.
    Navigate {
        /// http(s) or relative to the page; attributes are percent-encoded.
        url: String,
        /// Which tab.
        open_in: OpenIn,
    },
    /// Moves within the experience that is shown.
    GoToStep {
        /// Where to.
        to: StepTarget,
        /// The step, when `to` is `step`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step_id: Option<String>,
    },
    /// Closes the experience.
    Dismiss {},
    /// Hides the experience for a while.
    Snooze {
        /// For how long.
        hours: u32,
        /// How often; after that it counts as dismissed.
        up_to: u8,
    },
    /// Calls a function that the page registered.
    RunJs {
        /// Its name.
        handler: String,
        /// Its argument.
        #[serde(default)]
        args: serde_json::Value,
    },
    /// Opens a scheduling page.
    BookInterview {
        /// The service.
        provider: InterviewProvider,
        /// The address of the page.
        url: String,
    },
    /// Runs an automation.
    RunAutomation {
        /// The automation.
        automation_id: String,
        /// Its name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// What is known already of what it must be told.
        #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
        arguments: serde_json::Map<String, serde_json::Value>,
    },
    /// One step of an automation.
    AutomationStep {
        /// The automation.
        automation_id: String,
        /// This run of it.
        run: String,
        /// Its place, from 0.
        index: u32,
        /// What the step does.
        kind: AutomationStepKind,
        /// CSS selector of the element it works on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        selector: Option<String>,
        /// The value, address, experience or handler it works with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<String>,
        /// What a function is called with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        args: Option<serde_json::Value>,
        /// How long it may take.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_ms: Option<u64>,
    },
}

/// The tab in which a page opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OpenIn {
    /// Replaces the page.
    SameTab,
    /// A separate tab.
    NewTab,
}

/// Where `go_to_step` leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepTarget {
    /// The step after this one.
    Next,
    /// The step visited before this one.
    Previous,
    /// Completes the experience and closes it.
    Complete,
    /// The one in `step_id`.
    Step,
}

/// A scheduling service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InterviewProvider {
    /// Calendly.
    Calendly,
    /// Google Calendar.
    GoogleCalendar,
    /// Zcal.
    Zcal,
}

/// What a step of an automation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AutomationStepKind {
    /// Clicks an element.
    Click,
    /// Puts a value into an input.
    Fill,
    /// Waits for an element.
    WaitFor,
    /// Goes to a page.
    Navigate,
    /// Starts an experience.
    LaunchExperience,
    /// Calls a function that the page registered.
    Handler,
}

/// `action.requested`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ActionRequested {
    /// The action.
    pub action_id: String,
    /// The run that offers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// The message it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// Actions of one batch are one choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_id: Option<String>,
    /// Its place in the batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<u32>,
    /// What is to be done.
    pub action: Action,
    /// What stands on its button.
    pub label: String,
    /// Whether it waits for a click.
    pub execution: Execution,
    /// The tab that should do it.
    pub target_client_id: String,
    /// How far it is.
    pub state: ActionState,
    /// Until when it may be claimed, RFC 3339; absent while the conversation is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Whether the server expects `action.result`.
    pub await_result: bool,
    /// Where it comes from.
    pub origin: ActionOrigin,
    /// The page that a navigation of its batch leads to, where a launch happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrives_at: Option<String>,
    /// The language of the answer it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// What serves the same question when it cannot be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead: Option<Link>,
}

/// A page and what it is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Link {
    /// What it is called.
    pub title: String,
    /// Where it is.
    pub url: String,
}

/// Whether an action waits for a click.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Execution {
    /// It does not.
    Auto,
    /// It does.
    Offer,
}

/// How far an action is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActionState {
    /// Open.
    Pending,
    /// Granted to a tab.
    Claimed,
    /// Done.
    Succeeded,
    /// Tried in vain.
    Failed,
    /// The user did not want it.
    Declined,
    /// The client cannot do it.
    Unsupported,
    /// The browser did not let it happen.
    Blocked,
    /// Nobody did it in time.
    Expired,
}

/// Where an action comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActionOrigin {
    /// The agent found it fitting.
    Model,
    /// A Custom Answer.
    CustomAnswer,
    /// An automation.
    Automated,
    /// The page.
    Host,
}

/// `action.claim`: asks for the right to execute an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ActionClaim {
    /// The action.
    pub action_id: String,
}

/// `action.result`: how an action ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ActionResult {
    /// The action.
    pub action_id: String,
    /// How it ended.
    pub status: ActionStatus,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ActionResultCode>,
    /// For a developer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// How long it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

/// How an action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActionStatus {
    /// Done.
    Succeeded,
    /// Tried in vain.
    Failed,
    /// The user did not want it.
    Declined,
    /// The client cannot do it.
    Unsupported,
    /// The browser did not let it happen.
    Blocked,
    /// Not done in time.
    Expired,
}

impl ActionStatus {
    /// The state of an action that ended so.
    pub fn state(self) -> ActionState {
        match self {
            Self::Succeeded => ActionState::Succeeded,
            Self::Failed => ActionState::Failed,
            Self::Declined => ActionState::Declined,
            Self::Unsupported => ActionState::Unsupported,
            Self::Blocked => ActionState::Blocked,
            Self::Expired => ActionState::Expired,
        }
    }
}

/// Why an action ended as it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActionResultCode {
    /// The target is not for this user on this page.
    NotEligible,
    /// The target is not there.
    NotFound,
    /// An element of the page is not there.
    ElementMissing,
    /// The browser blocked a new tab.
    PopupBlocked,
    /// The page's content security policy forbids it.
    CspBlocked,
    /// The address is not allowed.
    UrlNotAllowed,
    /// Run JavaScript is switched off.
    JsDisabled,
    /// It was snoozed often enough.
    SnoozeLimit,
    /// The client has no experience runtime.
    NoRuntime,
    /// It took too long.
    Timeout,
}

/// `action.updated`: an action's state changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ActionUpdated {
    /// The action.
    pub action_id: String,
    /// How far it is.
    pub state: ActionState,
    /// The tab that claimed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ActionResultCode>,
    /// For a developer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// How long it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Until when a result is expected, RFC 3339; of a pending one, until when it may
    /// be claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Whether it waits for a click from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<Execution>,
    /// The tab that should do it from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_client_id: Option<String>,
}
