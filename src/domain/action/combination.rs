//! Which actions may stand together in one list.

use super::ActionKind;

/// Cells in the order of [`ActionKind::NINE`]: row already added, column still
/// addable. The diagonal is empty: no action stands twice in a list.
const MATRIX: [[bool; 9]; 9] = {
    const Y: bool = true;
    const N: bool = false;
    [
        // LA GS DM LX OP NV JS SZ BI
        [N, Y, N, N, N, Y, Y, Y, N], // Launch Agent
        [N, N, N, N, N, Y, Y, Y, N], // Go to step
        [N, Y, N, N, N, Y, Y, N, N], // Dismiss
        [N, Y, N, N, N, Y, Y, Y, N], // Launch experience
        [N, Y, N, N, N, Y, Y, Y, N], // Open Post
        [Y, Y, Y, Y, Y, N, Y, Y, N], // Navigate to
        [Y, Y, Y, Y, Y, Y, N, Y, N], // Run JS
        [Y, Y, N, Y, Y, Y, Y, N, N], // Snooze
        [N, Y, N, N, N, N, Y, N, N], // Book Interview
    ]
};

/// Longest list of actions without a warning.
pub const COMFORTABLE_LENGTH: usize = 3;

/// How lists are checked against the matrix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strictness {
    /// A pair is legal when the matrix admits it in either order: files have no
    /// order in which actions were clicked together.
    #[default]
    Sets,
    /// Each action must be admitted by every one before it, as the matrix is read.
    Order,
}

/// Whether `second` may still be added once `first` is there.
///
/// Run Automation, which the matrix does not know, stands alone.
pub fn admits(first: ActionKind, second: ActionKind) -> bool {
    let index = |kind| ActionKind::NINE.iter().position(|nine| *nine == kind);
    match (index(first), index(second)) {
        (Some(row), Some(column)) => MATRIX[row][column],
        _ => false,
    }
}

/// The first pair of indices in `kinds` that may not stand together.
pub fn first_conflict(kinds: &[ActionKind], strictness: Strictness) -> Option<(usize, usize)> {
    (1..kinds.len()).find_map(|later| {
        (0..later).map(|earlier| (earlier, later)).find(|(earlier, later)| {
            let (first, second) = (kinds[*earlier], kinds[*later]);
            let legal = match strictness {
                Strictness::Sets => admits(first, second) || admits(second, first),
                Strictness::Order => admits(first, second),
            };
            !legal
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published matrix; its rows and columns have the order of [`ActionKind::NINE`].
    const SOURCE: &str = "\
Launch Agent: - Yes No No No Yes Yes Yes No
Go to step: No - No No No Yes Yes Yes No
Dismiss: No Yes - No No Yes Yes No No
Launch exp.: No Yes No - No Yes Yes Yes No
Open Post: No Yes No No - Yes Yes Yes No
Navigate to: Yes Yes Yes Yes Yes - Yes Yes No
Run JS: Yes Yes Yes Yes Yes Yes - Yes No
Snooze: Yes Yes No Yes Yes Yes Yes - No
Book Interview: No Yes No No No No Yes No -";

    #[test]
    fn agrees_with_the_source_cell_by_cell() {
        for (row, line) in SOURCE.lines().enumerate() {
            let (_, cells) = line.split_once(": ").expect("a row");
            let cells: Vec<&str> = cells.split(' ').collect();
            assert_eq!(cells.len(), 9);
            for (column, cell) in cells.into_iter().enumerate() {
                assert_eq!(MATRIX[row][column], cell == "Yes", "row {row} column {column}");
                assert_eq!(row == column, cell == "-");
            }
        }
    }

    #[test]
    fn pairs_are_counted_as_in_the_design() {
        let (mut both, mut one_way, mut never) = (0, Vec::new(), 0);
        for (i, a) in ActionKind::NINE.into_iter().enumerate() {
            for b in ActionKind::NINE.into_iter().skip(i + 1) {
                match (admits(a, b), admits(b, a)) {
                    (true, true) => both += 1,
                    (true, false) => one_way.push((a, b)),
                    (false, true) => one_way.push((b, a)),
                    (false, false) => never += 1,
                }
            }
        }
        assert_eq!((both, one_way.len(), never), (17, 6, 13));
        use ActionKind::*;
        one_way.sort();
        assert_eq!(
            one_way,
            [
                (LaunchAgent, GoToStep),
                (Dismiss, GoToStep),
                (LaunchExperience, GoToStep),
                (OpenPost, GoToStep),
                (BookInterview, GoToStep),
                (BookInterview, RunJs)
            ]
        );
    }

    #[test]
    fn legal_sets_are_counted_as_in_the_design() {
        let mut by_size = [0; 10];
        for bits in 0u32..1 << 9 {
            let set: Vec<_> = (0..9).filter(|i| bits >> i & 1 == 1).map(|i| ActionKind::NINE[i]).collect();
            if first_conflict(&set, Strictness::Sets).is_none() {
                by_size[set.len()] += 1;
            }
        }
        assert_eq!(by_size, [1, 9, 23, 26, 14, 3, 0, 0, 0, 0]);
    }

    #[test]
    fn strict_order_replays_the_matrix_literally() {
        use ActionKind::*;
        assert_eq!(first_conflict(&[LaunchAgent, GoToStep], Strictness::Order), None);
        assert_eq!(first_conflict(&[GoToStep, LaunchAgent], Strictness::Order), Some((0, 1)));
        assert_eq!(first_conflict(&[GoToStep, LaunchAgent], Strictness::Sets), None);
        assert_eq!(first_conflict(&[Navigate, RunJs, Navigate], Strictness::Sets), Some((0, 2)));
        assert_eq!(first_conflict(&[OpenPost, RunAutomation], Strictness::Sets), Some((0, 1)));
    }
}
