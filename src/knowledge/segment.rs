//! Reading `segments/*.yaml`.

use crate::domain::ids::SegmentId;
use crate::domain::segment::Segment;

use super::reading::{Mapping, Reading};
use super::{condition, heading};

/// Reads a segment.
pub(crate) fn segment(reading: &mut Reading<'_>) -> Option<Segment> {
    let root = reading.object("a segment")?;
    let mut mapping = Mapping::open(&root, "a segment", reading)?;
    let id = heading::id(&mut mapping, SegmentId::new, reading);
    let name = heading::name(&mut mapping, id.as_ref().map(SegmentId::as_str), reading);
    let condition = mapping.require("if").and_then(|node| condition::condition(node, reading));
    mapping.close(reading);
    Some(Segment { id: id?, name, condition: condition? })
}
