//! Segments that are made of segments.

use crate::diagnostic::Diagnostic;
use crate::knowledge::kind::Kind;

use super::Across;
use super::cycles::{self, Graph};

/// Reports segments that are made of themselves.
pub(super) fn check(across: &mut Across<'_>) {
    let mut graph = Graph::new();
    for (_, entry) in across.entries.iter().filter(|(_, entry)| entry.object_kind() == Some(Kind::Segment)) {
        let Some((id, _)) = &entry.id else { continue };
        let inside = entry.uses.references.iter().filter(|reference| reference.kind == Kind::Segment);
        graph.insert(id, inside.map(|reference| (reference.id.as_str(), &reference.place)).collect());
    }
    for cycle in cycles::walk(&graph).0 {
        let message = format!("this segment is made of itself: {}", cycle.shown());
        across.report(
            Diagnostic::error("segment-cycle", cycle.place.clone(), message).hint("remove one of the references"),
        );
    }
}
