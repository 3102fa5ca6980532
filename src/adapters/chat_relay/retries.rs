//! How often, and after which pauses, a model is asked again.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Times that one turn asks a model again.
const MOST: u32 = 2;
/// Longest pause, whatever the endpoint asks for.
const LONGEST: Duration = Duration::from_secs(30);
/// Retries that a turn earns, in hundredths, and most that are kept.
const EARNED: u32 = 10;
const MOST_KEPT: u32 = 1_000;

/// Retries that all turns share: one for ten turns, and ten to begin with, so
/// that a model that fails does not get more to do than one that works.
#[derive(Debug)]
pub(super) struct RetryBudget(Mutex<u32>);

impl Default for RetryBudget {
    fn default() -> Self {
        Self(Mutex::new(MOST_KEPT))
    }
}

impl RetryBudget {
    /// Notes a turn.
    pub(super) fn earn(&self) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = (*kept + EARNED).min(MOST_KEPT);
    }

    /// Takes a retry, if one is left.
    pub(super) fn take(&self) -> bool {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = kept.checked_sub(100);
        *kept = left.unwrap_or(*kept);
        left.is_some()
    }
}

/// The pauses of one turn.
#[derive(Debug)]
pub(super) struct Ladder {
    shortest: Duration,
    longest: Duration,
    retries: u32,
}

impl Ladder {
    pub(super) fn new(shortest: Duration, longest: Duration) -> Self {
        Self { shortest, longest, retries: 0 }
    }

    /// The pause before the next try; nothing when there were enough.
    pub(super) fn pause(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.pause_by(asked, RandomState::new().hash_one(self.retries))
    }

    /// Full jitter (Brooker, 2015), and never less than the endpoint asks for.
    fn pause_by(&mut self, asked: Option<Duration>, random: u64) -> Option<Duration> {
        if self.retries == MOST {
            return None;
        }
        self.retries += 1;
        let bound = self.shortest.saturating_mul(4_u32.saturating_pow(self.retries)).min(self.longest);
        let spread = u64::try_from(bound.saturating_sub(self.shortest).as_nanos()).unwrap_or(u64::MAX);
        let pause = self.shortest + Duration::from_nanos(random % spread.max(1));
        Some(pause.max(asked.unwrap_or_default()).min(LONGEST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ladder(retries: u32) -> Ladder {
        Ladder { shortest: Duration::from_millis(500), longest: Duration::from_secs(8), retries }
    }

    #[test]
    fn pauses_are_spread_between_their_bounds() {
        for (retry, bound) in [(0, 2_000), (1, 8_000)] {
            let pauses = (0..500_u64).map(|seed| {
                ladder(retry).pause_by(None, RandomState::new().hash_one(seed)).expect("a pause").as_millis()
            });
            let pauses: Vec<u128> = pauses.collect();
            let (least, most) = (pauses.iter().min().expect("some"), pauses.iter().max().expect("some"));
            assert!(*least >= 500 && *most < bound, "{least} {most}");
            assert!(*most - *least > (bound - 500) * 9 / 10, "{least} {most}");
        }
    }

    #[test]
    fn there_are_two_and_the_endpoint_is_heeded() {
        let mut ladder = ladder(0);
        assert_eq!(ladder.pause(Some(Duration::from_secs(9))), Some(Duration::from_secs(9)));
        assert_eq!(ladder.pause(Some(Duration::from_secs(90))), Some(LONGEST));
        assert_eq!(ladder.pause(None), None);
    }

    #[test]
    fn retries_are_a_tenth_of_traffic() {
        let budget = RetryBudget::default();
        let mut taken = 0;
        for _ in 0..1_000 {
            budget.earn();
            taken += u32::from(budget.take()) + u32::from(budget.take());
        }
        assert_eq!(taken, 110 - 1, "ten at first and a tenth, less what the first turn could not earn");
    }
}
