//! Resource centers: panels of links, posts and tasks.

use crate::domain::action::Action;
use crate::domain::attribute::Template;
use crate::domain::ids::{ExperienceId, StepId};

/// A block of a resource center.
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceBlock {
    /// Its identifier, unique within the resource center.
    pub id: StepId,
    /// What stands on it.
    pub title: Option<Template>,
    /// What it is.
    pub kind: ResourceBlockKind,
}

/// What a block of a resource center is.
#[derive(Clone, Debug, PartialEq)]
pub enum ResourceBlockKind {
    /// Opens the agent.
    Agent,
    /// Does something on a click.
    Action(Vec<Action>),
    /// Shows the changelog.
    Feed,
    /// Shows a checklist.
    Checklist(ExperienceId),
}
