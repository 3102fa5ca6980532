//! Reading `experiences/*.yaml`.

mod banner;
mod checklist;
mod flow;
mod progress;
mod resource_center;
mod step;
mod survey;

pub(crate) use step::StepPlaces;

use crate::domain::experience::{Content, Experience, ExperienceKind, Recurrence, ShowOn};
use crate::domain::ids::ExperienceId;

use super::reading::{Mapping, Reading};
use super::yaml::{Node, NodeKind};
use super::{condition, heading};

const DEFAULT_PRIORITY: u8 = 50;

/// Reads an experience.
pub(crate) fn experience(reading: &mut Reading<'_>) -> Option<Experience> {
    let root = reading.object("an experience")?;
    let mut mapping = Mapping::open(&root, "an experience", reading)?;
    let kinds = ExperienceKind::ALL.map(|kind| (kind.name(), kind));
    let kind = mapping.require("type").and_then(|node| reading.choice(node, "a kind of experience", &kinds));
    let id = heading::id(&mut mapping, ExperienceId::new, reading);
    let name = heading::name(&mut mapping, id.as_ref().map(ExperienceId::as_str), reading);
    let (status, schedule) = heading::status_and_schedule(&mut mapping, reading);
    let show_on = mapping.get("show_on").and_then(|node| show_on(node, reading)).unwrap_or_default();
    let audience = heading::audience(&mut mapping, reading);
    let pages = mapping.get("pages").and_then(|node| condition::page_rule(node, reading));
    let recurrence = mapping.get("recurrence").and_then(|node| recurrence(node, reading)).unwrap_or_default();
    let priority = mapping
        .get("priority")
        .and_then(|node| reading.integer(node, 0..=100))
        .and_then(|priority| u8::try_from(priority).ok())
        .unwrap_or(DEFAULT_PRIORITY);
    let cap_group = mapping.get("caps").and_then(|node| cap_group(node, reading));
    let Some(kind) = kind else {
        // Without its kind nothing is known about the other keys.
        mapping.close_partly(reading);
        return None;
    };
    let content = content(kind, &mut mapping, reading);
    mapping.close(reading);
    let content = content?;
    Some(Experience {
        id: id?,
        name,
        status,
        schedule,
        show_on,
        audience,
        pages,
        recurrence,
        priority,
        cap_group,
        content,
    })
}

fn content(kind: ExperienceKind, mapping: &mut Mapping<'_>, reading: &mut Reading<'_>) -> Option<Content> {
    match kind {
        ExperienceKind::Tour => flow::flow(kind, mapping, reading).map(Content::Tour),
        ExperienceKind::Modal => flow::flow(kind, mapping, reading).map(Content::Modal),
        ExperienceKind::Survey => flow::flow(kind, mapping, reading).map(Content::Survey),
        ExperienceKind::Hint => flow::flow(kind, mapping, reading).map(Content::Hint),
        ExperienceKind::Banner => banner::banner(mapping, reading).map(|banner| Content::Banner(Box::new(banner))),
        ExperienceKind::Checklist => checklist::checklist(mapping, reading).map(Content::Checklist),
        ExperienceKind::ResourceCenter => resource_center::blocks(mapping, reading).map(Content::ResourceCenter),
    }
}

fn show_on(node: &Node, reading: &mut Reading<'_>) -> Option<ShowOn> {
    const HINT: &str = "write one word, `{element_click: \"#selector\"}` or `{event: Name}`";
    match &node.kind {
        NodeKind::Scalar { text, .. } => match text.as_str() {
            "none" => Some(ShowOn::None),
            "page_open" => Some(ShowOn::PageOpen),
            "page_exit" => Some(ShowOn::PageExit),
            "trigger" => Some(ShowOn::Trigger),
            "shared_url" => Some(ShowOn::SharedUrl),
            "element_click" => {
                let hint = "write `show_on: {element_click: \"#selector\"}`";
                reading.error_with_hint(
                    "show-on",
                    node.position,
                    "`element_click` needs the selector of an element",
                    hint,
                );
                None
            }
            "event" => {
                let hint = "write `show_on: {event: Name}`";
                reading.error_with_hint("show-on", node.position, "`event` needs the name of an event", hint);
                None
            }
            unknown => {
                let names = ["none", "page_open", "page_exit", "element_click", "event", "trigger", "shared_url"];
                reading.not_one_of(node.position, unknown, "what can show an experience", &names);
                None
            }
        },
        NodeKind::Mapping(_) | NodeKind::Sequence(_) => {
            let (key, value) = condition::single_key(node, "`show_on`", HINT, reading)?;
            match key.text.as_str() {
                "element_click" => reading.text(value).map(ShowOn::ElementClick),
                "event" => condition::event_test(value, reading).map(ShowOn::Event),
                unknown => {
                    reading.not_one_of(key.position, unknown, "what `show_on` can name", &["element_click", "event"]);
                    None
                }
            }
        }
    }
}

fn recurrence(node: &Node, reading: &mut Reading<'_>) -> Option<Recurrence> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mode {
        Once,
        UntilCompleted,
        Every,
        Always,
    }
    const HINT: &str = "write `{mode: every, interval: 30d}`";
    let modes = [
        ("once", Mode::Once),
        ("until_completed", Mode::UntilCompleted),
        ("every", Mode::Every),
        ("always", Mode::Always),
    ];
    let (mode, interval, max) = if matches!(node.kind, NodeKind::Scalar { .. }) {
        (reading.choice(node, "a recurrence", &modes)?, None, None)
    } else {
        let mut mapping = Mapping::open(node, "a recurrence", reading)?;
        let mode = mapping.require("mode").and_then(|node| reading.choice(node, "a recurrence", &modes));
        let interval = mapping.get("interval");
        let max = mapping.get("max");
        mapping.close(reading);
        (mode?, interval, max)
    };
    if mode != Mode::Every {
        for node in interval.into_iter().chain(max) {
            let message = "only `mode: every` has `interval` and `max`";
            reading.error_with_hint("recurrence", node.position, message, HINT);
        }
    }
    match mode {
        Mode::Once => Some(Recurrence::Once),
        Mode::UntilCompleted => Some(Recurrence::UntilCompleted),
        Mode::Always => Some(Recurrence::Always),
        Mode::Every => {
            let Some(interval) = interval else {
                reading.error_with_hint("recurrence", node.position, "`every` needs `interval`", HINT);
                return None;
            };
            let interval = reading.positive_duration(interval)?;
            let max = max.and_then(|node| reading.integer(node, 1..=u32::MAX));
            Some(Recurrence::Every { interval, max })
        }
    }
}

fn cap_group(node: &Node, reading: &mut Reading<'_>) -> Option<String> {
    let mut mapping = Mapping::open(node, "`caps`", reading)?;
    let group = mapping.require("group").and_then(|node| reading.text(node));
    mapping.close(reading);
    group
}
