//! The best of many scores, in one pass.

/// Keeps the `limit` best scores above 0; equal scores in the order of their place.
pub(super) struct Top {
    limit: usize,
    kept: Vec<(f32, u32)>,
    /// No score at or below it can be among the best.
    bar: f32,
}

impl Top {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, kept: Vec::with_capacity(2 * limit.min(1_000)), bar: 0.0 }
    }

    /// Takes the score of place `at`; places come in ascending order.
    #[inline]
    pub(super) fn offer(&mut self, score: f32, at: u32) {
        if score > self.bar && self.limit > 0 {
            self.kept.push((score, at));
            if self.kept.len() >= 2 * self.limit {
                self.cut();
            }
        }
    }

    fn cut(&mut self) {
        if self.kept.len() > self.limit {
            let (_, last, _) = self.kept.select_nth_unstable_by(self.limit - 1, best_first);
            self.bar = last.0;
            self.kept.truncate(self.limit);
        }
    }

    /// The best scores with their places, in no particular order.
    pub(super) fn into_unsorted(mut self) -> Vec<(f32, u32)> {
        self.cut();
        self.kept
    }
}

/// The order of a result: by score, equal ones by place.
pub(super) fn best_first(a: &(f32, u32), b: &(f32, u32)) -> std::cmp::Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_head_of_the_sorted_list(scores in prop::collection::vec(0_u8..20, 0..200), limit in 0_usize..20) {
            let mut top = Top::new(limit);
            let mut all: Vec<(f32, u32)> = Vec::new();
            for (at, score) in (0..).zip(scores) {
                top.offer(f32::from(score), at);
                if score > 0 {
                    all.push((f32::from(score), at));
                }
            }
            all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            all.truncate(limit);
            let mut kept = top.into_unsorted();
            kept.sort_by(best_first);
            prop_assert_eq!(kept, all);
        }
    }
}
