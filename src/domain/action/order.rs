//! The nominal order in which the actions of one list start.

use super::{Action, ActionKind};

/// All actions in nominal order. Snooze takes the place of Dismiss, which it
/// excludes; Launch Agent comes after Open Post; Run Automation, an extension
/// that stands alone in its list, comes last.
pub const NOMINAL: [ActionKind; 10] = [
    ActionKind::GoToStep,
    ActionKind::LaunchExperience,
    ActionKind::Snooze,
    ActionKind::Dismiss,
    ActionKind::BookInterview,
    ActionKind::OpenPost,
    ActionKind::LaunchAgent,
    ActionKind::RunJs,
    ActionKind::Navigate,
    ActionKind::RunAutomation,
];

/// Where `kind` comes in [`NOMINAL`], from 0.
pub fn rank(kind: ActionKind) -> usize {
    NOMINAL.iter().position(|nominal| *nominal == kind).unwrap_or(NOMINAL.len())
}

/// Brings a list into nominal order; Run JavaScript comes first when `js_first`.
pub fn sort(actions: &mut [Action], js_first: bool) {
    actions.sort_by_key(|action| match action.kind() {
        ActionKind::RunJs if js_first => (false, 0),
        kind => (true, rank(kind)),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_order_is_kept() {
        use ActionKind::*;
        let published = [GoToStep, LaunchExperience, Dismiss, BookInterview, OpenPost, RunJs, Navigate];
        let ranks: Vec<_> = published.into_iter().map(rank).collect();
        assert!(ranks.is_sorted());
        assert!(ActionKind::NINE.into_iter().all(|kind| rank(kind) < 9));
        assert!(rank(LaunchExperience) < rank(Snooze) && rank(Snooze) < rank(Dismiss));
        assert!(rank(OpenPost) < rank(LaunchAgent) && rank(LaunchAgent) < rank(RunJs));
    }
}
