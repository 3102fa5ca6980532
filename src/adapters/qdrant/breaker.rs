//! Keeps searches from waiting for a server that does not answer.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Failures in a row after which the server is left alone for a while.
const FAILURES: u32 = 3;
/// The first pause; each one after it is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Counts failures. After [`FAILURES`] in a row nobody is let through for a pause;
/// then one is, and what comes of it decides.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// What happened last.
    reason: String,
    closed_until: Option<Instant>,
}

impl State {
    fn pause(&self) -> Duration {
        let doublings = self.failures.saturating_sub(FAILURES).min(16);
        FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE)
    }
}

impl Breaker {
    /// Lets a caller through, or says why not.
    pub(super) fn admit(&self, now: Instant) -> Result<(), String> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.closed_until {
            Some(until) if now < until => {
                Err(format!("{}; it is not asked again for {} ms", state.reason, (until - now).as_millis()))
            }
            // One at a time tries: for the others the pause goes on.
            Some(_) => {
                state.closed_until = Some(now + state.pause());
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Notes that the server did not answer.
    pub(super) fn fail(&self, reason: &str, now: Instant) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.failures = state.failures.saturating_add(1);
        reason.clone_into(&mut state.reason);
        if state.failures >= FAILURES {
            state.closed_until = Some(now + state.pause());
        }
    }

    /// Notes that the server answers.
    pub(super) fn close(&self) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_some_failures_one_at_a_time_tries_again() {
        let breaker = Breaker::default();
        let start = Instant::now();
        let at = |millis: u64| start + Duration::from_millis(millis);
        for _ in 0..FAILURES {
            assert!(breaker.admit(at(0)).is_ok());
            breaker.fail("no answer", at(0));
        }
        assert_eq!(breaker.admit(at(100)), Err("no answer; it is not asked again for 900 ms".to_owned()));
        assert!(breaker.admit(at(1_000)).is_ok());
        assert!(breaker.admit(at(1_000)).is_err(), "one is enough to try");
        breaker.fail("no answer", at(1_150));
        assert!(breaker.admit(at(3_100)).is_err(), "the second pause is twice as long");
        assert!(breaker.admit(at(3_150)).is_ok());
        breaker.close();
        assert!(breaker.admit(at(3_151)).is_ok() && breaker.admit(at(3_151)).is_ok());
    }

    #[test]
    fn a_failure_now_and_then_closes_nothing_and_no_pause_is_endless() {
        let breaker = Breaker::default();
        let now = Instant::now();
        for _ in 0..10 {
            breaker.fail("slow", now);
            breaker.close();
        }
        assert!(breaker.admit(now).is_ok());
        for _ in 0..100 {
            breaker.fail("slow", now);
        }
        assert!(breaker.admit(now + LONGEST_PAUSE).is_ok());
    }
}
