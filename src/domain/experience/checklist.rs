//! Checklists: tasks, and what completes them.

use super::Buttons;
use crate::domain::action::Action;
use crate::domain::attribute::Template;
use crate::domain::condition::{EventTest, ExperienceState};
use crate::domain::ids::{ExperienceId, SegmentId, StepId};
use crate::domain::page::PageRule;

/// A checklist.
#[derive(Clone, Debug, PartialEq)]
pub struct Checklist {
    /// Whether each task waits for the one before.
    pub in_order: bool,
    /// At least one.
    pub tasks: Vec<Task>,
}

/// A task of a checklist.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// Its identifier, unique within the checklist.
    pub id: StepId,
    /// What is to do.
    pub title: Template,
    /// More about it, in Markdown.
    pub body: Option<Template>,
    /// What a click on it does.
    pub actions: Vec<Action>,
    /// Buttons inside it.
    pub buttons: Buttons,
    /// What completes it; a click when absent.
    pub done: Option<TaskDone>,
}

/// What completes a task.
#[derive(Clone, Debug, PartialEq)]
pub enum TaskDone {
    /// The user does something.
    Event(EventTest),
    /// The user comes into a segment.
    Segment(SegmentId),
    /// The user opens one of these pages.
    Page(PageRule),
    /// An experience reaches a state.
    Experience(ExperienceId, ExperienceState),
    /// The task itself is clicked.
    Click,
}
