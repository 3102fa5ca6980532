//! Reading what most objects have in common: identifier, name, status, schedule.

use crate::domain::condition::Audience;
use crate::domain::experience::{Schedule, Status};
use crate::domain::ids::InvalidId;

use super::condition;
use super::reading::{Mapping, Reading};

/// Reads `id`, which defaults to the file's name.
pub(crate) fn id<T>(
    mapping: &mut Mapping<'_>,
    new: fn(&str) -> Result<T, InvalidId>,
    reading: &mut Reading<'_>,
) -> Option<T> {
    if let Some(node) = mapping.get("id") {
        let id = reading.id(node, new)?;
        reading.own_id(node.as_scalar().unwrap_or_default().trim(), Some(node.position));
        return Some(id);
    }
    let default = reading.default_id().to_owned();
    match new(&default) {
        Ok(id) => {
            reading.own_id(&default, None);
            Some(id)
        }
        Err(error) => {
            let message = format!("the file's name is not an identifier: {error}");
            reading.file_error("invalid-id", message, "rename the file, or set `id`");
            None
        }
    }
}

/// Reads `name`, which defaults to the identifier.
pub(crate) fn name(mapping: &mut Mapping<'_>, id: Option<&str>, reading: &mut Reading<'_>) -> String {
    let name = mapping.get("name").and_then(|node| reading.text(node));
    name.unwrap_or_else(|| id.unwrap_or_default().to_owned())
}

/// Reads `status`, which defaults to draft, and `schedule`.
pub(crate) fn status_and_schedule(mapping: &mut Mapping<'_>, reading: &mut Reading<'_>) -> (Status, Schedule) {
    let status = status(mapping, reading);
    let mut schedule = Schedule::default();
    if let Some(node) = mapping.get("schedule")
        && let Some(mut inner) = Mapping::open(node, "a schedule", reading)
    {
        schedule.from = inner.get("from").and_then(|node| reading.timestamp(node));
        schedule.until = inner.get("until").and_then(|node| reading.timestamp(node));
        inner.close(reading);
        if let (Some(from), Some(until)) = (schedule.from, schedule.until)
            && until <= from
        {
            reading.error("schedule", node.position, "this schedule ends before it begins");
        }
    } else if status == Status::Scheduled {
        let position = mapping.position_of("status");
        let hint = "add `schedule: {from: 2026-03-01}`, or write `status: published`";
        reading.error_with_hint("schedule", position, "`status: scheduled` needs a `schedule`", hint);
    }
    (status, schedule)
}

/// Reads `status` of what has no schedule.
pub(crate) fn status(mapping: &mut Mapping<'_>, reading: &mut Reading<'_>) -> Status {
    let statuses = [
        ("draft", Status::Draft),
        ("scheduled", Status::Scheduled),
        ("published", Status::Published),
        ("paused", Status::Paused),
        ("archived", Status::Archived),
    ];
    mapping.get("status").and_then(|node| reading.choice(node, "a status", &statuses)).unwrap_or_default()
}

/// Reads `status` of what cannot be scheduled.
pub(crate) fn unscheduled_status(mapping: &mut Mapping<'_>, what: &str, reading: &mut Reading<'_>) -> Status {
    let status = status(mapping, reading);
    if status == Status::Scheduled {
        let position = mapping.position_of("status");
        let hint = "write `status: published` when its time has come";
        reading.error_with_hint("schedule", position, format!("{what} has no schedule"), hint);
    }
    status
}

/// Reads `audience`; everyone when absent.
pub(crate) fn audience(mapping: &mut Mapping<'_>, reading: &mut Reading<'_>) -> Option<Audience> {
    mapping.get("audience").and_then(|node| condition::audience(node, reading))
}
