//! Reading resource centers.

use crate::domain::action::availability::Context;
use crate::domain::experience::ExperienceKind;
use crate::domain::experience::resource_center::{ResourceBlock, ResourceBlockKind};
use crate::domain::ids::ExperienceId;
use crate::knowledge::action;
use crate::knowledge::experience::step::{UniqueIds, step_id};
use crate::knowledge::kind::Kind;
use crate::knowledge::reading::{Mapping, Reading};
use crate::knowledge::uses::{Inside, Role};
use crate::knowledge::yaml::{Node, NodeKind};

const INSIDE: Option<Inside> = Some(Inside { kind: ExperienceKind::ResourceCenter, first_step: false });

#[derive(Clone, Copy)]
enum BlockType {
    Agent,
    Action,
    Feed,
    Checklist,
}

/// Reads what a resource center has beside the keys of every experience.
pub(crate) fn blocks(mapping: &mut Mapping<'_>, reading: &mut Reading<'_>) -> Option<Vec<ResourceBlock>> {
    let node = mapping.require("blocks")?;
    let items = reading.items(node, "a list of blocks");
    if items.is_empty() && matches!(node.kind, NodeKind::Sequence(_)) {
        reading.error("no-blocks", node.position, "a resource center needs at least one block");
    }
    let mut ids = UniqueIds::default();
    Some(items.iter().filter_map(|item| block(item, &mut ids, reading)).collect())
}

fn block(node: &Node, ids: &mut UniqueIds, reading: &mut Reading<'_>) -> Option<ResourceBlock> {
    let mut mapping = Mapping::open(node, "a block", reading)?;
    let id = step_id(&mut mapping, ids, reading);
    let types = [
        ("agent", BlockType::Agent),
        ("action", BlockType::Action),
        ("feed", BlockType::Feed),
        ("checklist", BlockType::Checklist),
    ];
    let block_type = mapping.require("kind").and_then(|node| reading.choice(node, "a kind of block", &types));
    let title = mapping.get("title").and_then(|node| reading.template(node));
    let Some(block_type) = block_type else {
        for key in ["actions", "checklist"] {
            let _ = mapping.get(key);
        }
        mapping.close(reading);
        return None;
    };
    let kind = match block_type {
        BlockType::Agent => Some(ResourceBlockKind::Agent),
        BlockType::Feed => Some(ResourceBlockKind::Feed),
        BlockType::Action => {
            if title.is_none() {
                let _ = mapping.require("title");
            }
            mapping
                .require("actions")
                .map(|node| action::actions(node, Context::ResourceCenterBlock, INSIDE, false, reading))
                .map(ResourceBlockKind::Action)
        }
        BlockType::Checklist => mapping
            .require("checklist")
            .and_then(|node| reading.reference(node, Kind::Experience, Role::Checklist, ExperienceId::new))
            .map(ResourceBlockKind::Checklist),
    };
    mapping.close(reading);
    Some(ResourceBlock { id: id?, title, kind: kind? })
}
