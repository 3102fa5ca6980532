//! Identifiers are unique among the objects of a kind.

use crate::diagnostic::Diagnostic;

use super::Across;

/// Indexes all objects by their identifiers, and reports those given twice.
pub(super) fn check(across: &mut Across<'_>) {
    for (_, entry) in across.entries {
        let (Some(kind), Some((id, place))) = (entry.object_kind(), &entry.id) else { continue };
        match across.by_id.get(&(kind, id.as_str())) {
            None => {
                across.by_id.insert((kind, id), entry);
            }
            Some(first) => {
                let first = first.id.as_ref().map(|(_, place)| place.path.to_string()).unwrap_or_default();
                let message = format!("the {kind} `{id}` exists already, in `{first}`");
                across.diagnostics.push(
                    Diagnostic::error("duplicate-id", place.clone(), message).hint("rename one of them, or set `id`"),
                );
            }
        }
    }
}
