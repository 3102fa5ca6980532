//! Automations: sequences of steps that the agent may offer to run on the page.

pub mod argument;
pub mod plan;

use std::collections::BTreeMap;
use std::time::Duration;

use super::action::Navigate;
use super::attribute::Template;
use super::condition::Audience;
use super::experience::Status;
use super::ids::{AutomationId, ExperienceId, HandlerName};
use super::value::Value;
use argument::Argument;

/// What automations are told, by the names of their arguments.
pub type Arguments = BTreeMap<String, Value>;

/// A sequence of steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Automation {
    /// Its identifier.
    pub id: AutomationId,
    /// Its name for people; the identifier when the author gives none.
    pub name: String,
    /// Whether it may be offered.
    pub status: Status,
    /// Whether the user must confirm it.
    pub risk: Risk,
    /// When the agent may offer it.
    pub agent: AgentUse,
    /// Who may be offered it; everyone when absent.
    pub audience: Option<Audience>,
    /// What it must be told, in order.
    pub arguments: Vec<Argument>,
    /// What it does; at least one step.
    pub steps: Vec<AutomationStep>,
}

/// Deepest nesting of automations that run automations.
pub const MAX_AUTOMATION_DEPTH: usize = 3;

/// What an automation can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Risk {
    /// It shows something.
    Low,
    /// It changes something, so the user confirms it.
    #[default]
    Confirm,
}

/// When the agent may offer an automation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentUse {
    /// Whether it may at all.
    pub active: bool,
    /// When, in the author's words.
    pub instructions: String,
}

/// One step of an automation.
#[derive(Clone, Debug, PartialEq)]
pub enum AutomationStep {
    /// Goes to a page.
    Navigate(Navigate),
    /// Clicks an element, by CSS selector.
    Click(Template),
    /// Puts a value into an input.
    Fill {
        /// CSS selector.
        selector: Template,
        /// The value.
        value: Template,
    },
    /// Waits until an element is there.
    WaitFor {
        /// CSS selector.
        selector: Template,
        /// How long at most; the default when absent.
        timeout: Option<Duration>,
    },
    /// Starts an experience.
    LaunchExperience(ExperienceId),
    /// Calls a function that the page registered.
    Handler {
        /// Its name.
        name: HandlerName,
        /// Its argument.
        args: Value,
    },
    /// Runs another automation.
    Run(AutomationId),
}

/// One step of one run of an automation, with everything filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct StepInRun {
    /// The automation.
    pub automation: AutomationId,
    /// This run of it.
    pub run: String,
    /// Its place, from 0.
    pub index: u32,
    /// What it does.
    pub deed: Deed,
    /// How long it may take.
    pub timeout: Duration,
}

/// What one step does, with everything filled in: nothing in it is read as a template.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// Goes to a page in the same tab; the address was checked.
    Navigate(String),
    /// Clicks the element of a CSS selector.
    Click(String),
    /// Puts a value into an input.
    Fill {
        /// CSS selector.
        selector: String,
        /// The value.
        value: String,
    },
    /// Waits for the element of a CSS selector.
    WaitFor(String),
    /// Starts an experience.
    LaunchExperience(ExperienceId),
    /// Calls a function that the page registered.
    Call {
        /// Its name.
        handler: HandlerName,
        /// Its argument.
        args: Value,
    },
}
