//! Experiences of all seven kinds: what is shown to a user inside the product.

pub mod checklist;
pub mod resource_center;
pub mod survey;

use std::time::Duration;

use jiff::Timestamp;

use super::action::{Action, BookInterview, StepTarget};
use super::attribute::Template;
use super::condition::{Audience, Comparison, EventTest};
use super::ids::{ExperienceId, StepId};
use super::page::PageRule;
use checklist::Checklist;
use resource_center::ResourceBlock;
use survey::{Question, SurveyCondition};

/// Something shown inside the product.
#[derive(Clone, Debug, PartialEq)]
pub struct Experience {
    /// Its identifier.
    pub id: ExperienceId,
    /// Its name for people; the identifier when the author gives none.
    pub name: String,
    /// Whether it may be shown at all.
    pub status: Status,
    /// When a published one stops being shown and starts to be.
    pub schedule: Schedule,
    /// What makes it appear by itself.
    pub show_on: ShowOn,
    /// Who may see it; everyone when absent.
    pub audience: Option<Audience>,
    /// On which pages; on all when absent.
    pub pages: Option<PageRule>,
    /// How often it may appear by itself.
    pub recurrence: Recurrence,
    /// From 0 to 100; the higher one wins.
    pub priority: u8,
    /// The group whose experiences share one frequency cap.
    pub cap_group: Option<String>,
    /// What is shown.
    pub content: Content,
}

impl Experience {
    /// Its kind.
    pub fn kind(&self) -> ExperienceKind {
        match self.content {
            Content::Tour(_) => ExperienceKind::Tour,
            Content::Modal(_) => ExperienceKind::Modal,
            Content::Survey(_) => ExperienceKind::Survey,
            Content::Banner(_) => ExperienceKind::Banner,
            Content::Hint(_) => ExperienceKind::Hint,
            Content::Checklist(_) => ExperienceKind::Checklist,
            Content::ResourceCenter(_) => ExperienceKind::ResourceCenter,
        }
    }
}

/// The seven kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExperienceKind {
    /// Steps that point at elements of the page.
    Tour,
    /// Steps in a dialog.
    Modal,
    /// Questions.
    Survey,
    /// A bar with one message.
    Banner,
    /// Notes at elements of the page.
    Hint,
    /// Tasks to do.
    Checklist,
    /// A panel of links, posts and tasks.
    ResourceCenter,
}

impl ExperienceKind {
    /// All kinds.
    pub const ALL: [Self; 7] =
        [Self::Tour, Self::Modal, Self::Survey, Self::Banner, Self::Hint, Self::Checklist, Self::ResourceCenter];

    /// The name in files and on the wire, such as `resource_center`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tour => "tour",
            Self::Modal => "modal",
            Self::Survey => "survey",
            Self::Banner => "banner",
            Self::Hint => "hint",
            Self::Checklist => "checklist",
            Self::ResourceCenter => "resource_center",
        }
    }

    /// Whether its first step may be snoozed: those shown in sequence.
    pub fn can_snooze(self) -> bool {
        matches!(self, Self::Tour | Self::Survey | Self::Banner)
    }

    /// Whether its closing cross takes actions.
    pub fn has_cross(self) -> bool {
        matches!(self, Self::Tour | Self::Survey | Self::Banner)
    }
}

/// Whether something may reach users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// Being written.
    #[default]
    Draft,
    /// Published from a time on.
    Scheduled,
    /// Live.
    Published,
    /// Held back for now.
    Paused,
    /// No longer in use.
    Archived,
}

impl Status {
    /// The name in files, such as `published`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Scheduled => "scheduled",
            Self::Published => "published",
            Self::Paused => "paused",
            Self::Archived => "archived",
        }
    }
}

/// A span of time; open where a bound is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// From this time on.
    pub from: Option<Timestamp>,
    /// Up to this time.
    pub until: Option<Timestamp>,
}

impl Status {
    /// Whether it is live at `now`, given its schedule: published, or scheduled
    /// with its time come, and in either case within the schedule.
    pub fn is_live(self, schedule: Schedule, now: Timestamp) -> bool {
        let started = match (self, schedule.from) {
            (Self::Published, from) => from.is_none_or(|from| from <= now),
            (Self::Scheduled, Some(from)) => from <= now,
            (Self::Scheduled, None) | (Self::Draft | Self::Paused | Self::Archived, _) => false,
        };
        started && schedule.until.is_none_or(|until| now < until)
    }
}

/// What makes an experience appear by itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ShowOn {
    /// Nothing: only actions and the page's own code show it.
    #[default]
    None,
    /// Its page opens.
    PageOpen,
    /// The user is about to leave its page.
    PageExit,
    /// The user clicks an element, by CSS selector.
    ElementClick(String),
    /// The user does something.
    Event(EventTest),
    /// A behaviour trigger names it.
    Trigger,
    /// Someone opens a link to it.
    SharedUrl,
}

/// How often an experience may appear by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recurrence {
    /// Once.
    #[default]
    Once,
    /// Until it is completed.
    UntilCompleted,
    /// Again after `interval`, at most `max` times.
    Every {
        /// Between two of them.
        interval: Duration,
        /// At most so many; no limit when absent.
        max: Option<u32>,
    },
    /// Each time.
    Always,
}

/// What an experience shows.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A tour.
    Tour(Flow),
    /// A modal.
    Modal(Flow),
    /// A survey.
    Survey(Flow),
    /// A banner.
    Banner(Box<Banner>),
    /// Hints, shown side by side.
    Hint(Flow),
    /// A checklist.
    Checklist(Checklist),
    /// A resource center.
    ResourceCenter(Vec<ResourceBlock>),
}

/// Steps; at least one.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    /// In the author's order.
    pub steps: Vec<Step>,
}

/// One step of a flow.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its identifier, unique within the flow.
    pub id: StepId,
    /// CSS selector of the element it points at.
    pub target: Option<String>,
    /// Its title.
    pub title: Option<Template>,
    /// Its text, in Markdown.
    pub body: Option<Template>,
    /// The question it asks; surveys only.
    pub question: Option<Question>,
    /// The scheduling page it opens; surveys only.
    pub book_interview: Option<BookInterview>,
    /// Its buttons.
    pub buttons: Buttons,
    /// What the closing cross does; dismiss when empty.
    pub cross: Vec<Action>,
    /// Rules that watch what the user does.
    pub progress: Vec<ProgressTrigger>,
    /// Rules on the answer, the first that holds; surveys only.
    pub conditions: Vec<SurveyCondition>,
    /// Where a survey goes when no condition holds.
    pub otherwise: StepTarget,
}

/// The buttons of a step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Buttons {
    /// The first one.
    pub primary: Option<Cta>,
    /// The second one.
    pub secondary: Option<Cta>,
}

impl Buttons {
    /// Those that are there.
    pub fn iter(&self) -> impl Iterator<Item = &Cta> {
        self.primary.iter().chain(&self.secondary)
    }
}

/// A button (call to action).
#[derive(Clone, Debug, PartialEq)]
pub struct Cta {
    /// What stands on it.
    pub label: Template,
    /// What it does.
    pub actions: Vec<Action>,
    /// Whether Run JavaScript goes before everything else.
    pub js_first: bool,
}

/// A rule on what the user does on the page.
#[derive(Clone, Debug, PartialEq)]
pub struct ProgressTrigger {
    /// What must happen.
    pub when: ProgressCondition,
    /// What is done then.
    pub then: Vec<Action>,
}

/// What a progress trigger waits for.
#[derive(Clone, Debug, PartialEq)]
pub enum ProgressCondition {
    /// A click on an element, by CSS selector.
    Click(String),
    /// A value in an input, by CSS selector; any value when no comparison.
    Input(String, Option<Comparison>),
    /// The pointer over an element, by CSS selector.
    Hover(String),
    /// An element appears, by CSS selector.
    Appears(String),
    /// The page becomes one of these.
    Page(PageRule),
    /// An event.
    Event(EventTest),
    /// So much time on the step.
    After(Duration),
}

/// A banner.
#[derive(Clone, Debug, PartialEq)]
pub struct Banner {
    /// Its text, in Markdown.
    pub body: Template,
    /// Where it is.
    pub position: BannerPosition,
    /// Its buttons.
    pub buttons: Buttons,
    /// What the closing cross does; dismiss when empty.
    pub cross: Vec<Action>,
}

/// Where a banner is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BannerPosition {
    /// At the top of the page.
    #[default]
    Top,
    /// At the bottom of the page.
    Bottom,
    /// Within the page.
    Inline,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_bounds_what_is_live() {
        let time = |text: &str| text.parse::<Timestamp>().expect("a time");
        let schedule = Schedule { from: Some(time("2026-01-10T00:00:00Z")), until: Some(time("2026-01-20T00:00:00Z")) };
        let live = |status: Status, now: &str| status.is_live(schedule, time(now));
        assert!(live(Status::Scheduled, "2026-01-10T00:00:00Z"));
        assert!(live(Status::Published, "2026-01-15T00:00:00Z"));
        assert!(!live(Status::Published, "2026-01-09T00:00:00Z"));
        assert!(!live(Status::Scheduled, "2026-01-20T00:00:00Z"));
        assert!(!live(Status::Paused, "2026-01-15T00:00:00Z"));
        assert!(!Status::Scheduled.is_live(Schedule::default(), time("2026-01-15T00:00:00Z")));
    }
}
