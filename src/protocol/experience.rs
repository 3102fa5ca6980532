//! Experiences on the wire: the published content of all seven kinds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::action::{Action, InterviewProvider};
use super::condition::{Comparison, EventTest, PageRule, ShowOn};
use super::context::Attributes;

/// `experience.get`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExperienceGet {
    /// The experience.
    pub experience_id: String,
}

/// `experience.event`: what became of an experience.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExperienceEvent {
    /// The experience.
    pub experience_id: String,
    /// The revision that was shown.
    pub revision: u64,
    /// The step it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_id: Option<String>,
    /// What happened.
    pub kind: ExperienceEventKind,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Answers of a survey by step.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub answers: Attributes,
}

/// What became of an experience.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExperienceEventKind {
    /// It appeared.
    Shown,
    /// A step appeared.
    Step,
    /// A question was answered.
    Answered,
    /// It was completed.
    Completed,
    /// It was dismissed.
    Dismissed,
    /// It was snoozed.
    Snoozed,
    /// It could not be shown.
    Failed,
}

/// `experience.show`: display an experience now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExperienceShow {
    /// The experience.
    pub experience_id: String,
    /// This showing of it.
    pub delivery_id: String,
    /// What brought it up.
    pub source: String,
}

/// `experience.close`: take an experience away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExperienceClose {
    /// The experience.
    pub experience_id: String,
    /// Why.
    pub reason: String,
}

/// `experience.content`: a published experience, its attributes filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExperienceContent {
    /// The experience.
    pub experience_id: String,
    /// Changes when the published content changes.
    pub revision: u64,
    /// Its name.
    pub name: String,
    /// What makes it appear by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub show_on: Option<ShowOn>,
    /// On which pages; on all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<PageRule>,
    /// From 0 to 100; the higher one wins.
    pub priority: u8,
    /// What is shown.
    #[serde(flatten)]
    pub content: Content,
}

/// What an experience shows, by its kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    /// Steps that point at elements of the page.
    Tour {
        /// In order.
        steps: Vec<Step>,
    },
    /// Steps in a dialog.
    Modal {
        /// In order.
        steps: Vec<Step>,
    },
    /// Questions.
    Survey {
        /// In order.
        steps: Vec<Step>,
    },
    /// A bar with one message.
    Banner {
        /// Its text, in Markdown.
        body: String,
        /// Where it is.
        position: BannerPosition,
        /// Its buttons.
        buttons: Vec<Button>,
        /// What the closing cross does; dismiss when empty.
        cross: Vec<Action>,
    },
    /// Notes at elements of the page, side by side.
    Hint {
        /// In no order.
        steps: Vec<Step>,
    },
    /// Tasks to do.
    Checklist {
        /// Whether each task waits for the one before.
        in_order: bool,
        /// The tasks.
        tasks: Vec<Task>,
    },
    /// A panel of links, posts and tasks.
    ResourceCenter {
        /// Its blocks.
        blocks: Vec<Block>,
    },
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Its identifier.
    pub id: String,
    /// CSS selector of the element it points at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its text, in Markdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The question it asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<Question>,
    /// The scheduling page behind its primary button.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub book_interview: Option<BookInterview>,
    /// Its buttons, the primary one first.
    #[serde(default)]
    pub buttons: Vec<Button>,
    /// What the closing cross does; dismiss when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cross: Vec<Action>,
    /// Rules on what the user does on the page.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub progress: Vec<ProgressTrigger>,
    /// Rules on the answer; the first that holds counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<SurveyCondition>,
    /// Where a survey goes when no condition holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<Action>,
}

/// A scheduling page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BookInterview {
    /// The service.
    pub provider: InterviewProvider,
    /// The address of the page.
    pub url: String,
}

/// A button.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Button {
    /// Which of the buttons it is.
    pub slot: ButtonSlot,
    /// What stands on it.
    pub label: String,
    /// What it does, in the order in which the actions start.
    pub actions: Vec<Action>,
}

/// Which button.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ButtonSlot {
    /// The first one.
    Primary,
    /// The second one.
    Secondary,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Question {
    /// The question.
    pub text: String,
    /// Whether it may be left unanswered.
    pub optional: bool,
    /// What kind of answer it takes.
    #[serde(flatten)]
    pub kind: QuestionKind,
}

/// What kind of answer a question takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum QuestionKind {
    /// 0 to 10.
    Nps {},
    /// 1 to `scale`.
    Rating {
        /// The highest mark.
        scale: u8,
    },
    /// One of these.
    Single {
        /// To choose from.
        options: Vec<String>,
    },
    /// Any of these.
    Multi {
        /// To choose from.
        options: Vec<String>,
    },
    /// Free text.
    Text {},
}

/// A rule on the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SurveyCondition {
    /// How the answer compares.
    pub answer: Comparison,
    /// What is done then.
    pub then: Vec<Action>,
}

/// A rule on what the user does on the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProgressTrigger {
    /// What must happen.
    pub when: ProgressCondition,
    /// What is done then.
    pub then: Vec<Action>,
}

/// What a progress trigger waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ProgressCondition {
    /// A click on an element.
    Click {
        /// CSS selector.
        selector: String,
    },
    /// A value in an input.
    Input {
        /// CSS selector.
        selector: String,
        /// How the value compares; any value when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<Comparison>,
    },
    /// The pointer over an element.
    Hover {
        /// CSS selector.
        selector: String,
    },
    /// An element appears.
    Appears {
        /// CSS selector.
        selector: String,
    },
    /// The page becomes one of these.
    Page {
        /// Which pages.
        pages: PageRule,
    },
    /// An event.
    Event {
        /// Which event.
        event: EventTest,
    },
    /// So much time on the step.
    After {
        /// In milliseconds.
        after_ms: u64,
    },
}

/// Where a banner is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BannerPosition {
    /// At the top of the page.
    Top,
    /// At the bottom of the page.
    Bottom,
    /// Within the page.
    Inline,
}

/// A task of a checklist.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Task {
    /// Its identifier.
    pub id: String,
    /// What is to do.
    pub title: String,
    /// More about it, in Markdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// What a click on it does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<Action>,
    /// Buttons inside it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Button>,
    /// What completes it.
    pub done: TaskDone,
}

/// What completes a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TaskDone {
    /// The user does something.
    Event {
        /// Which event.
        event: EventTest,
    },
    /// The server finds it done: a segment or another experience's state.
    Server {},
    /// The user opens one of these pages.
    Page {
        /// Which pages.
        pages: PageRule,
    },
    /// The task is clicked.
    Click {},
}

/// A block of a resource center.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Block {
    /// Its identifier.
    pub id: String,
    /// What stands on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it is.
    #[serde(flatten)]
    pub kind: BlockKind,
}

/// What a block is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum BlockKind {
    /// Opens the agent.
    Agent {},
    /// Does something on a click.
    Action {
        /// What.
        actions: Vec<Action>,
    },
    /// Shows the changelog.
    Feed {},
    /// Shows a checklist.
    Checklist {
        /// Which one.
        experience_id: String,
    },
}
