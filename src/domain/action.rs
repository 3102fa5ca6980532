//! The nine actions, and the tables that say where and with what each may stand.

pub mod availability;
pub mod combination;
pub mod order;

use std::fmt;

use super::attribute::Template;
use super::automation::{Arguments, StepInRun};
use super::ids::{AutomationId, ExperienceId, HandlerName, PostId, StepId};
use super::value::Value;

/// What happens when a button is clicked, a condition is met or an answer is given.
///
/// Built only from what an author's files name: a model chooses among that, and gives
/// values to arguments, which are checked.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Opens the agent, optionally with a message that it processes at once.
    LaunchAgent(LaunchAgent),
    /// Moves within the experience that is being shown.
    GoToStep(StepTarget),
    /// Closes the experience and records that it was dismissed.
    Dismiss,
    /// Starts another experience and dismisses the running one.
    LaunchExperience(ExperienceId),
    /// Opens one changelog post.
    OpenPost(PostId),
    /// Goes to a page.
    Navigate(Navigate),
    /// Hides the experience for a while.
    Snooze(Snooze),
    /// Calls a function that the page registered.
    RunJs(RunJs),
    /// Opens a scheduling page; fixed on the primary button of its survey step.
    BookInterview(BookInterview),
    /// Runs an automation: an extension for Custom Answers and the agent.
    RunAutomation(RunAutomation),
    /// One step of an automation that runs; nobody writes or chooses it.
    AutomationStep(Box<StepInRun>),
}

/// Fields of [`Action::LaunchAgent`].
#[derive(Clone, Debug, PartialEq)]
pub struct LaunchAgent {
    /// The pre-filled message.
    pub message: Option<Template>,
    /// What is done with it.
    pub mode: LaunchMode,
}

/// What a Launch Agent request does with its message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LaunchMode {
    /// Sends it, so that the agent answers at once.
    #[default]
    Send,
    /// Puts it into the input field.
    Prefill,
    /// Only opens the agent.
    Open,
}

/// Where [`Action::GoToStep`] leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepTarget {
    /// The step after this one.
    Next,
    /// The step visited before this one; from buttons only.
    Previous,
    /// Completes the experience and closes it.
    Complete,
    /// One step by its id.
    Step(StepId),
}

/// Fields of [`Action::Navigate`].
#[derive(Clone, Debug, PartialEq)]
pub struct Navigate {
    /// Absolute, or relative to the page, with attributes percent-encoded.
    pub url: Template,
    /// Which tab.
    pub open_in: OpenIn,
}

/// The tab in which a page opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OpenIn {
    /// Replaces the current page.
    #[default]
    SameTab,
    /// A separate tab.
    NewTab,
}

/// Fields of [`Action::Snooze`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snooze {
    /// How long the experience stays hidden, in hours.
    pub hours: u32,
    /// How often a user may snooze it; after that it counts as dismissed.
    pub up_to: u8,
}

/// Most times an experience may be snoozed.
pub const MAX_SNOOZES: u8 = 5;

/// Fields of [`Action::RunJs`].
#[derive(Clone, Debug, PartialEq)]
pub struct RunJs {
    /// The name under which the page registered the function.
    pub handler: HandlerName,
    /// Its argument.
    pub args: Value,
}

/// Fields of [`Action::BookInterview`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookInterview {
    /// The scheduling service.
    pub provider: InterviewProvider,
    /// The https address of the scheduling page.
    pub url: String,
}

/// A scheduling service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterviewProvider {
    /// Calendly.
    Calendly,
    /// Google Calendar.
    GoogleCalendar,
    /// Zcal.
    Zcal,
}

/// Fields of [`Action::RunAutomation`].
#[derive(Clone, Debug, PartialEq)]
pub struct RunAutomation {
    /// The automation.
    pub automation: AutomationId,
    /// What is known already of what it must be told; the user is asked for the rest.
    pub arguments: Arguments,
}

/// The kind of an [`Action`], without its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ActionKind {
    /// See [`Action::LaunchAgent`].
    LaunchAgent,
    /// See [`Action::GoToStep`].
    GoToStep,
    /// See [`Action::Dismiss`].
    Dismiss,
    /// See [`Action::LaunchExperience`].
    LaunchExperience,
    /// See [`Action::OpenPost`].
    OpenPost,
    /// See [`Action::Navigate`].
    Navigate,
    /// See [`Action::RunJs`].
    RunJs,
    /// See [`Action::Snooze`].
    Snooze,
    /// See [`Action::BookInterview`].
    BookInterview,
    /// See [`Action::RunAutomation`].
    RunAutomation,
    /// See [`Action::AutomationStep`].
    AutomationStep,
}

impl ActionKind {
    /// The nine actions in the order of the combination matrix.
    pub const NINE: [Self; 9] = [
        Self::LaunchAgent,
        Self::GoToStep,
        Self::Dismiss,
        Self::LaunchExperience,
        Self::OpenPost,
        Self::Navigate,
        Self::RunJs,
        Self::Snooze,
        Self::BookInterview,
    ];

    /// Everything that a client may declare to carry out.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::NINE.into_iter().chain([Self::RunAutomation, Self::AutomationStep])
    }

    /// The name in files and on the wire, such as `launch_experience`.
    pub fn name(self) -> &'static str {
        match self {
            Self::LaunchAgent => "launch_agent",
            Self::GoToStep => "go_to_step",
            Self::Dismiss => "dismiss",
            Self::LaunchExperience => "launch_experience",
            Self::OpenPost => "open_post",
            Self::Navigate => "navigate",
            Self::RunJs => "run_js",
            Self::Snooze => "snooze",
            Self::BookInterview => "book_interview",
            Self::RunAutomation => "run_automation",
            Self::AutomationStep => "automation_step",
        }
    }

    /// The kind with that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::all().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for ActionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Action {
    /// Which of the actions it is.
    pub fn kind(&self) -> ActionKind {
        match self {
            Action::LaunchAgent(_) => ActionKind::LaunchAgent,
            Action::GoToStep(_) => ActionKind::GoToStep,
            Action::Dismiss => ActionKind::Dismiss,
            Action::LaunchExperience(_) => ActionKind::LaunchExperience,
            Action::OpenPost(_) => ActionKind::OpenPost,
            Action::Navigate(_) => ActionKind::Navigate,
            Action::RunJs(_) => ActionKind::RunJs,
            Action::Snooze(_) => ActionKind::Snooze,
            Action::BookInterview(_) => ActionKind::BookInterview,
            Action::RunAutomation(_) => ActionKind::RunAutomation,
            Action::AutomationStep(_) => ActionKind::AutomationStep,
        }
    }

    /// Whether it shows something in this tab and changes nothing, so that an author may
    /// let it start without a click.
    pub fn only_shows(&self) -> bool {
        match self {
            Action::LaunchExperience(_) | Action::OpenPost(_) => true,
            Action::Navigate(navigate) => navigate.open_in == OpenIn::SameTab,
            Action::LaunchAgent(_)
            | Action::GoToStep(_)
            | Action::Dismiss
            | Action::Snooze(_)
            | Action::RunJs(_)
            | Action::BookInterview(_)
            | Action::RunAutomation(_)
            | Action::AutomationStep(_) => false,
        }
    }
}
