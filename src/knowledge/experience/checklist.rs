//! Reading checklists.

use crate::domain::action::availability::Context;
use crate::domain::experience::ExperienceKind;
use crate::domain::experience::checklist::{Checklist, Task, TaskDone};
use crate::knowledge::action;
use crate::knowledge::condition::{self, single_key};
use crate::knowledge::experience::step::{UniqueIds, step_id};
use crate::knowledge::reading::{Mapping, Reading};
use crate::knowledge::uses::Inside;
use crate::knowledge::yaml::{Node, NodeKind};

const INSIDE: Option<Inside> = Some(Inside { kind: ExperienceKind::Checklist, first_step: false });

/// Reads what a checklist has beside the keys of every experience.
pub(crate) fn checklist(mapping: &mut Mapping<'_>, reading: &mut Reading<'_>) -> Option<Checklist> {
    let in_order = mapping
        .get("order")
        .and_then(|node| reading.choice(node, "an order of tasks", &[("any", false), ("in_order", true)]))
        .unwrap_or_default();
    let tasks = mapping.require("tasks").map(|node| {
        let items = reading.items(node, "a list of tasks");
        if items.is_empty() && matches!(node.kind, NodeKind::Sequence(_)) {
            reading.error("no-tasks", node.position, "a checklist needs at least one task");
        }
        let mut ids = UniqueIds::default();
        items.iter().filter_map(|item| task(item, &mut ids, reading)).collect()
    });
    Some(Checklist { in_order, tasks: tasks? })
}

fn task(node: &Node, ids: &mut UniqueIds, reading: &mut Reading<'_>) -> Option<Task> {
    let mut mapping = Mapping::open(node, "a task", reading)?;
    let id = step_id(&mut mapping, ids, reading);
    let title = mapping.require("title").and_then(|node| reading.template(node));
    let body = mapping.get("body").and_then(|node| reading.template(node));
    let actions = mapping
        .get("actions")
        .map(|node| action::actions(node, Context::ChecklistTask, INSIDE, false, reading))
        .unwrap_or_default();
    let buttons = mapping.get("ctas").map(|node| action::buttons(node, INSIDE, reading)).unwrap_or_default();
    let done = mapping.get("done").and_then(|node| done(node, reading));
    mapping.close(reading);
    Some(Task { id: id?, title: title?, body, actions, buttons, done })
}

fn done(node: &Node, reading: &mut Reading<'_>) -> Option<TaskDone> {
    const HINT: &str = "write `{event: Name}`, `{segment: id}`, `{page: …}`, `{experience: {id, state}}` or `click`";
    if node.as_scalar() == Some("click") {
        return Some(TaskDone::Click);
    }
    let (key, value) = single_key(node, "what completes a task", HINT, reading)?;
    match key.text.as_str() {
        "event" => condition::event_test(value, reading).map(TaskDone::Event),
        "segment" => condition::segment(value, reading).map(TaskDone::Segment),
        "page" => condition::page_rule(value, reading).map(TaskDone::Page),
        "experience" => {
            let (id, state) = condition::experience_state(value, reading)?;
            Some(TaskDone::Experience(id, state))
        }
        "click" => Some(TaskDone::Click),
        unknown => {
            let names = ["event", "segment", "page", "experience", "click"];
            reading.not_one_of(key.position, unknown, "what can complete a task", &names);
            None
        }
    }
}
