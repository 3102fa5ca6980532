//! Reading one step of a flow.

use crate::diagnostic::Position;
use crate::domain::action::availability::Context;
use crate::domain::action::{BookInterview, InterviewProvider, StepTarget};
use crate::domain::experience::{Buttons, ExperienceKind, Step};
use crate::domain::ids::StepId;
use crate::knowledge::action;
use crate::knowledge::experience::progress::progress_trigger;
use crate::knowledge::experience::survey;
use crate::knowledge::reading::{Mapping, Reading};
use crate::knowledge::uses::Inside;
use crate::knowledge::yaml::Node;

/// Identifiers given so far within one file.
#[derive(Default)]
pub(crate) struct UniqueIds(Vec<(StepId, Position)>);

/// Reads the `id` of a step, a task or a block, which must be unique.
pub(crate) fn step_id(mapping: &mut Mapping<'_>, ids: &mut UniqueIds, reading: &mut Reading<'_>) -> Option<StepId> {
    let node = mapping.require("id")?;
    let id = reading.id(node, StepId::new)?;
    if matches!(id.as_str(), "next" | "previous" | "complete") {
        let message = format!("`{id}` has a meaning of its own in `go_to_step`");
        reading.error_with_hint("reserved-id", node.position, message, "choose another id");
    }
    if let Some((_, first)) = ids.0.iter().find(|(other, _)| *other == id) {
        let message = format!("the id `{id}` stands here again; the first one is on line {}", first.line);
        reading.error_with_hint("duplicate-id", node.position, message, "choose another id");
    } else {
        ids.0.push((id.clone(), node.position));
    }
    Some(id)
}

/// Places of a step that the check of the flow reports.
#[derive(Clone, Copy)]
pub(crate) struct StepPlaces {
    /// The step.
    pub step: Position,
    /// Its `else`.
    pub otherwise: Option<Position>,
}

/// Reads one step.
pub(crate) fn step(
    node: &Node,
    kind: ExperienceKind,
    first_step: bool,
    ids: &mut UniqueIds,
    reading: &mut Reading<'_>,
) -> Option<(Step, StepPlaces)> {
    let inside = Some(Inside { kind, first_step });
    let mut mapping = Mapping::open(node, "a step", reading)?;
    let id = step_id(&mut mapping, ids, reading);
    let target_node = match kind {
        ExperienceKind::Hint => mapping.require("target"),
        ExperienceKind::Tour
        | ExperienceKind::Modal
        | ExperienceKind::Survey
        | ExperienceKind::Banner
        | ExperienceKind::Checklist
        | ExperienceKind::ResourceCenter => mapping.get("target"),
    };
    let target = target_node.and_then(|node| reading.text(node));
    let (title_node, body_node) = (mapping.get("title"), mapping.get("body"));
    let says_nothing = title_node.is_none() && body_node.is_none();
    let title = title_node.and_then(|node| reading.template(node));
    let body = body_node.and_then(|node| reading.template(node));
    let buttons_node = mapping.get("ctas");
    let buttons = buttons_node.map(|node| action::buttons(node, inside, reading)).unwrap_or_default();
    let cross_node = mapping.get("cross");
    let cross =
        cross_node.map(|node| action::actions(node, Context::ClosingCross, inside, false, reading)).unwrap_or_default();
    if let (Some(node), false) = (cross_node, kind.has_cross()) {
        let message = format!("the closing cross of a {} takes no actions; it always closes", kind.name());
        let hint = "remove `cross`; tours, surveys and banners have one";
        reading.error_with_hint("cross", node.position, message, hint);
    }
    let progress = mapping
        .get("progress")
        .map(|node| {
            let items = reading.items(node, "a list of progress triggers");
            items.iter().filter_map(|item| progress_trigger(item, inside, reading)).collect()
        })
        .unwrap_or_default();
    let question = mapping.get("question");
    let interview = mapping.get("book_interview");
    let conditions = mapping.get("conditions");
    let otherwise = mapping.get("else");
    for (key, node) in
        [("question", question), ("book_interview", interview), ("conditions", conditions), ("else", otherwise)]
    {
        if let (Some(node), false) = (node, kind == ExperienceKind::Survey) {
            let message = format!("only a survey has `{key}`, and this is a {}", kind.name());
            reading.error_with_hint("survey-only", node.position, message, "write `type: survey`");
        }
    }
    if kind == ExperienceKind::Survey && question.is_none() && interview.is_none() && says_nothing {
        let hint = "add `question`, `book_interview`, or a `title` and `body`";
        reading.error_with_hint("empty-step", mapping.position(), "this step asks and says nothing", hint);
    } else if kind != ExperienceKind::Survey && says_nothing {
        let message = "this step says nothing";
        reading.error_with_hint("empty-step", mapping.position(), message, "add `title` or `body`");
    }
    let question = question.and_then(|node| survey::question(node, reading));
    let interview_node = interview;
    let book_interview = interview.and_then(|node| book_interview(node, reading));
    let conditions_node = conditions;
    let conditions = conditions.map(|node| {
        let items = reading.items(node, "a list of conditions on the answer");
        items.iter().filter_map(|item| survey::condition(item, question.as_ref(), inside, reading)).collect::<Vec<_>>()
    });
    if let (Some(node), None, true) = (conditions_node, &question, kind == ExperienceKind::Survey) {
        reading.error("no-question", node.position, "conditions on an answer need a `question` in the same step");
    }
    let otherwise_target = otherwise.and_then(|node| survey::otherwise(node, reading)).unwrap_or(StepTarget::Next);
    if let (Some(_), Some(node)) = (interview_node, fixed_primary(&buttons, buttons_node)) {
        let message = "the primary button of a step with `book_interview` is fixed: it opens the scheduling page";
        let hint = "remove the actions of the primary button; its label may stay";
        reading.error_with_hint("book-interview", node.position, message, hint);
    }
    let places = StepPlaces { step: mapping.position(), otherwise: otherwise.map(|node| node.position) };
    mapping.close(reading);
    let step = Step {
        id: id?,
        target,
        title,
        body,
        question,
        book_interview,
        buttons,
        cross,
        progress,
        conditions: conditions.unwrap_or_default(),
        otherwise: otherwise_target,
    };
    Some((step, places))
}

/// The node of the buttons, when the primary one has actions of its own.
fn fixed_primary<'n>(buttons: &Buttons, node: Option<&'n Node>) -> Option<&'n Node> {
    buttons.primary.as_ref().filter(|primary| !primary.actions.is_empty()).and(node)
}

fn book_interview(node: &Node, reading: &mut Reading<'_>) -> Option<BookInterview> {
    let providers = [
        ("calendly", InterviewProvider::Calendly),
        ("google_calendar", InterviewProvider::GoogleCalendar),
        ("zcal", InterviewProvider::Zcal),
    ];
    let mut mapping = Mapping::open(node, "`book_interview`", reading)?;
    let provider =
        mapping.require("provider").and_then(|node| reading.choice(node, "a scheduling service", &providers));
    let url = mapping.require("url").and_then(|node| {
        let text = reading.text(node)?;
        let host = url::Url::parse(&text).ok().filter(|url| url.scheme() == "https");
        let Some(host) = host.as_ref().and_then(url::Url::host_str) else {
            let message = format!("`{text}` is not the address of a scheduling page");
            reading.error_with_hint(
                "interview-url",
                node.position,
                message,
                "write an address that begins with `https://`",
            );
            return None;
        };
        let expected = match provider? {
            InterviewProvider::Calendly => "calendly.com",
            InterviewProvider::GoogleCalendar => "google.com",
            InterviewProvider::Zcal => "zcal.co",
        };
        let fits = |domain: &str| host == domain || host.ends_with(&format!(".{domain}"));
        let google_short = expected == "google.com" && host == "calendar.app.google";
        if !fits(expected) && !google_short {
            let message = format!("`{host}` is not a host of this scheduling service");
            reading.warning("interview-url", node.position, message, format!("its pages are at `{expected}`"));
        }
        Some(text)
    });
    mapping.close(reading);
    Some(BookInterview { provider: provider?, url: url? })
}
