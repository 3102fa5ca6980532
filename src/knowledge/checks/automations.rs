//! Automations that run automations.

use crate::diagnostic::Diagnostic;
use crate::domain::automation::MAX_AUTOMATION_DEPTH;
use crate::knowledge::kind::Kind;

use super::Across;
use super::cycles::{self, Graph};

/// Reports automations that run themselves, or nest too deep.
pub(super) fn check(across: &mut Across<'_>) {
    let mut graph = Graph::new();
    for (_, entry) in across.entries.iter().filter(|(_, entry)| entry.object_kind() == Some(Kind::Automation)) {
        let Some((id, _)) = &entry.id else { continue };
        let runs = entry.uses.references.iter().filter(|reference| reference.kind == Kind::Automation);
        graph.insert(id, runs.map(|reference| (reference.id.as_str(), &reference.place)).collect());
    }
    let (cycles, lengths) = cycles::walk(&graph);
    for cycle in &cycles {
        let message = format!("this automation runs itself: {}", cycle.shown());
        across.report(
            Diagnostic::error("automation-cycle", cycle.place.clone(), message).hint("remove one of the steps"),
        );
    }
    for (id, runs) in &graph {
        let depth = lengths.get(id).copied().unwrap_or(1);
        // Only the outermost one that is too deep is to blame.
        if depth == MAX_AUTOMATION_DEPTH + 1 && cycles.is_empty() {
            let deepest = runs.iter().find(|(target, _)| lengths.get(target).is_some_and(|length| length + 1 == depth));
            if let Some((_, place)) = deepest {
                let message = format!("automations run each other {depth} levels deep here");
                let hint = format!("at most {MAX_AUTOMATION_DEPTH} levels are run");
                across.report(Diagnostic::error("automation-depth", (*place).clone(), message).hint(hint));
            }
        }
    }
}
