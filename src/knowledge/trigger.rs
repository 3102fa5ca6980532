//! Reading `triggers/*.yaml`.

use std::time::Duration;

use crate::domain::ids::{ExperienceId, PostId, TriggerId};
use crate::domain::trigger::{Delivery, Once, Reaction, Trigger, Unless, When};

use super::condition::single_key;
use super::kind::Kind;
use super::reading::{Mapping, Reading};
use super::uses::Role;
use super::yaml::{Node, NodeKind};
use super::{action, condition, heading};

const WHEN_HINT: &str = "write `{event: Name}`, `{absence: {event: Name, for: 7d}}`, `{returned_after: 7d}`, \
                         `{enters_segment: id}`, `{leaves_segment: id}` or `{trait_changed: name}`";

/// How much longer is waited for late events when the author says nothing.
const DEFAULT_GRACE: Duration = Duration::from_secs(30);

/// Reads a trigger.
pub(crate) fn trigger(reading: &mut Reading<'_>) -> Option<Trigger> {
    let root = reading.object("a trigger")?;
    let mut mapping = Mapping::open(&root, "a trigger", reading)?;
    let id = heading::id(&mut mapping, TriggerId::new, reading);
    let name = heading::name(&mut mapping, id.as_ref().map(TriggerId::as_str), reading);
    let status = heading::unscheduled_status(&mut mapping, "a trigger", reading);
    let when = mapping.require("when").and_then(|node| when(node, reading));
    let unless_node = mapping.get("unless");
    let unless = unless_node.and_then(|node| unless(node, reading));
    let condition = mapping.get("if").and_then(|node| condition::condition(node, reading));
    let reactions = mapping.require("do").map(|node| {
        let items = reading.items(node, "a list of reactions");
        if items.is_empty() && matches!(node.kind, NodeKind::Sequence(_)) {
            reading.error("no-reactions", node.position, "a trigger needs at least one reaction");
        }
        items.iter().filter_map(|item| reaction(item, reading)).collect::<Vec<_>>()
    });
    let once_node = mapping.get("once");
    let choices = [("never", Once::Never), ("user", Once::User), ("key", Once::Key), ("period", Once::Period)];
    let once = once_node.and_then(|node| reading.choice(node, "how often it fires", &choices)).unwrap_or_default();
    let cooldown = mapping.get("cooldown").and_then(|node| reading.positive_duration(node));
    let deliver = mapping.get("deliver").and_then(|node| delivery(node, reading)).unwrap_or_default();
    let control_percent = mapping.get("control").map(|node| control(node, reading)).unwrap_or_default();
    let backfill = mapping
        .get("backfill")
        .and_then(|node| reading.choice(node, "a way to treat existing users", &[("none", false), ("evaluate", true)]))
        .unwrap_or_default();
    mapping.close(reading);
    if let Some(node) = once_node {
        match once {
            Once::Period if cooldown.is_none() => {
                let message = "`once: period` needs `cooldown`, the length of a period";
                reading.error_with_hint("once", node.position, message, "add `cooldown: 7d`");
            }
            Once::Key if unless_node.is_some() && unless.as_ref().is_some_and(|unless| unless.same.is_none()) => {
                let message = "`once: key` needs `same` in `unless`, which says what the key is";
                reading.warning("once", node.position, message, "add `same: properties.…`, or write `once: user`");
            }
            Once::Key if unless_node.is_none() => {
                let message = "`once: key` has no key without `unless`, so it fires once for each user";
                reading.warning("once", node.position, message, "write `once: user`");
            }
            Once::Period | Once::Key | Once::Never | Once::User => {}
        }
    }
    Some(Trigger {
        id: id?,
        name,
        status,
        when: when?,
        unless,
        condition,
        reactions: reactions?,
        once,
        cooldown,
        deliver,
        control_percent,
        backfill,
    })
}

fn when(node: &Node, reading: &mut Reading<'_>) -> Option<When> {
    let NodeKind::Mapping(entries) = &node.kind else {
        reading.expected_with_hint("what sets the trigger off", node, WHEN_HINT);
        return None;
    };
    if entries.iter().any(|(key, _)| key.text == "event") {
        let mut mapping = Mapping::open(node, "`when`", reading)?;
        let name = mapping.require("event").and_then(|node| reading.text(node));
        let event = condition::event_with(name, &mut mapping, reading);
        mapping.close(reading);
        return event.map(When::Event);
    }
    let (key, value) = single_key(node, "`when`", WHEN_HINT, reading)?;
    match key.text.as_str() {
        "absence" => {
            let mut mapping = Mapping::open(value, "`absence`", reading)?;
            let name = mapping.require("event").and_then(|node| reading.text(node));
            let lasting = mapping.require("for").and_then(|node| reading.positive_duration(node));
            let event = condition::event_with(name, &mut mapping, reading);
            mapping.close(reading);
            Some(When::Absence { event: event?, lasting: lasting? })
        }
        "returned_after" => reading.positive_duration(value).map(When::ReturnedAfter),
        "enters_segment" => condition::segment(value, reading).map(When::EntersSegment),
        "leaves_segment" => condition::segment(value, reading).map(When::LeavesSegment),
        "trait_changed" => reading.text(value).map(When::TraitChanged),
        unknown => {
            let names = ["event", "absence", "returned_after", "enters_segment", "leaves_segment", "trait_changed"];
            reading.not_one_of(key.position, unknown, "what can set a trigger off", &names);
            None
        }
    }
}

fn unless(node: &Node, reading: &mut Reading<'_>) -> Option<Unless> {
    let mut mapping = Mapping::open(node, "`unless`", reading)?;
    let name = mapping.require("event").and_then(|node| reading.text(node));
    let same = mapping.get("same").and_then(|node| reading.text(node));
    let within = mapping.require("within").and_then(|node| reading.positive_duration(node));
    let grace = mapping.get("grace").map_or(Some(DEFAULT_GRACE), |node| reading.duration(node));
    let properties = mapping.get("where").map(|node| condition::property_tests(node, reading)).unwrap_or_default();
    mapping.close(reading);
    let mut event = condition::at_least_once(name?);
    event.properties = properties;
    Some(Unless { event, same, within: within?, grace: grace? })
}

fn reaction(node: &Node, reading: &mut Reading<'_>) -> Option<Reaction> {
    const HINT: &str = "write `launch_agent`, `push_message`, `launch_experience` or `open_post`";
    let (key, value) = single_key(node, "a reaction", HINT, reading)?;
    match key.text.as_str() {
        "launch_agent" => action::launch_agent(value, reading).map(Reaction::LaunchAgent),
        "push_message" => reading.template(value).map(Reaction::PushMessage),
        "launch_experience" => {
            reading.reference(value, Kind::Experience, Role::Launch, ExperienceId::new).map(Reaction::LaunchExperience)
        }
        "open_post" => reading.reference(value, Kind::Post, Role::Launch, PostId::new).map(Reaction::OpenPost),
        unknown => {
            let names = ["launch_agent", "push_message", "launch_experience", "open_post"];
            reading.not_one_of(key.position, unknown, "something that a trigger can do", &names);
            None
        }
    }
}

fn delivery(node: &Node, reading: &mut Reading<'_>) -> Option<Delivery> {
    let default = Delivery::default();
    let mut mapping = Mapping::open(node, "`deliver`", reading)?;
    let offline = mapping.get("when_offline").and_then(|node| {
        reading.choice(node, "what happens when the user is away", &[("hold", true), ("drop", false)])
    });
    let expires = mapping.get("expires").and_then(|node| reading.positive_duration(node));
    mapping.close(reading);
    Some(Delivery {
        hold_when_offline: offline.unwrap_or(default.hold_when_offline),
        expires: expires.unwrap_or(default.expires),
    })
}

fn control(node: &Node, reading: &mut Reading<'_>) -> u8 {
    let Some(mut mapping) = Mapping::open(node, "`control`", reading) else { return 0 };
    let percent = mapping.require("percent").and_then(|node| reading.integer(node, 0..=100));
    mapping.close(reading);
    percent.and_then(|percent| u8::try_from(percent).ok()).unwrap_or_default()
}
