//! How long a request that failed is tried again.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use super::Waits;
use super::endpoint::Failure;

/// The patience that is left for one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    tries_left: u32,
    /// Upper bound of the next pause.
    bound: Duration,
    longest: Duration,
}

impl Patience {
    /// One try, and no more.
    pub(super) fn none() -> Self {
        Self { tries_left: 0, bound: Duration::ZERO, longest: Duration::ZERO }
    }

    /// The patience that settings give, with the first try behind it.
    pub(super) fn of(waits: Waits) -> Self {
        Self { tries_left: waits.tries.saturating_sub(1), bound: waits.first_pause, longest: waits.longest_pause }
    }

    /// The pause before the next try; nothing when it is of no use, or when the
    /// endpoint asks for more time than there is.
    pub(super) fn pause_after(&mut self, failure: &Failure) -> Option<Duration> {
        self.pause(failure, RandomState::new().hash_one(self.tries_left))
    }

    /// Full jitter (Brooker, 2015): any time up to the bound, which doubles; and
    /// on top of it what the endpoint asks for.
    fn pause(&mut self, failure: &Failure, random: u64) -> Option<Duration> {
        let asked = failure.retry_after().unwrap_or_default();
        if !failure.may_pass() || self.tries_left == 0 || asked > self.longest {
            return None;
        }
        self.tries_left -= 1;
        let bound = self.bound.min(self.longest);
        self.bound = bound.saturating_mul(2);
        let nanos = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX);
        Some(asked + Duration::from_nanos(if nanos == 0 { 0 } else { random % nanos }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(tries: u32) -> Waits {
        let (first_pause, longest_pause) = (Duration::from_secs(1), Duration::from_secs(5));
        Waits { tries, first_pause, longest_pause, ..Waits::default() }
    }

    #[test]
    fn pauses_grow_to_a_bound_and_end() {
        let mut patience = Patience::of(waits(6));
        let failure = Failure::passing("busy".to_owned(), None);
        let pauses: Vec<_> = std::iter::from_fn(|| patience.pause(&failure, u64::MAX)).collect();
        assert_eq!(pauses.len(), 5);
        for (pause, bound) in pauses.iter().zip([1, 2, 4, 5, 5]) {
            assert!(*pause < Duration::from_secs(bound), "{pauses:?}");
        }
    }

    #[test]
    fn the_endpoint_is_heeded_within_reason() {
        let asks = |seconds| Failure::passing("busy".to_owned(), Some(Duration::from_secs(seconds)));
        assert!(Patience::of(waits(2)).pause_after(&asks(3)).is_some_and(|pause| pause >= Duration::from_secs(3)));
        assert_eq!(Patience::of(waits(2)).pause_after(&asks(6)), None);
        assert_eq!(Patience::of(waits(2)).pause_after(&Failure::lasting("no".to_owned())), None);
        assert_eq!(Patience::none().pause_after(&asks(0)), None);
    }
}
