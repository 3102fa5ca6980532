//! Reading the steps of tours, modals, surveys and hints.

use crate::domain::experience::{ExperienceKind, Flow};
use crate::knowledge::checks;
use crate::knowledge::experience::step::{UniqueIds, step};
use crate::knowledge::reading::{Mapping, Reading};
use crate::knowledge::yaml::NodeKind;

/// Reads `steps` and checks how they lead to each other.
pub(crate) fn flow(kind: ExperienceKind, mapping: &mut Mapping<'_>, reading: &mut Reading<'_>) -> Option<Flow> {
    let node = mapping.require("steps")?;
    let items = reading.items(node, "a list of steps");
    if items.is_empty() && matches!(node.kind, NodeKind::Sequence(_)) {
        reading.error("no-steps", node.position, format!("a {} needs at least one step", kind.name()));
    }
    let mut ids = UniqueIds::default();
    let (mut steps, mut routes) = (Vec::new(), Vec::new());
    for (index, item) in items.iter().enumerate() {
        if let Some((step, places)) = step(item, kind, index == 0, &mut ids, reading) {
            steps.push(step);
            routes.push(places);
        }
    }
    if steps.len() == items.len() {
        checks::flow::check(kind, &steps, &routes, reading);
    }
    (!steps.is_empty()).then_some(Flow { steps })
}
