//! Keeps turns from waiting for a model that fails.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row after which the model is left alone.
const IN_A_ROW: u32 = 5;
/// Outcomes that must be known before their share counts.
const LEAST_OUTCOMES: u32 = 20;
/// Seconds in which outcomes are counted.
const WINDOW: usize = 30;
/// Time between two probes.
pub(super) const PROBE_INTERVAL: Duration = Duration::from_secs(10);

/// Counts what comes of asking. After five failures in a row, or when half of
/// twenty or more within 30 seconds failed, nobody is let through but a probe
/// every ten seconds; the first success lets everybody through again.
#[derive(Debug)]
pub(super) struct Breaker {
    start: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    in_a_row: u32,
    seconds: [Second; WINDOW],
    /// When the next probe is let through; nothing while everybody is.
    next_probe: Option<Instant>,
}

/// Outcomes within one second.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    number: u64,
    good: u32,
    bad: u32,
}

impl Breaker {
    pub(super) fn new(now: Instant) -> Self {
        Self { start: now, state: Mutex::default() }
    }

    /// Lets a caller through, or says after which time one is.
    pub(super) fn admit(&self, now: Instant) -> Result<(), Duration> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.next_probe {
            Some(next) if now < next => Err(next - now),
            Some(_) => {
                state.next_probe = Some(now + PROBE_INTERVAL);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Notes a failure; true when nobody is let through from now on.
    pub(super) fn fail(&self, now: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.in_a_row = state.in_a_row.saturating_add(1);
        let number = self.second(now);
        state.at(number).bad += 1;
        let (good, bad) = state.sums(number);
        let is_bad = state.in_a_row >= IN_A_ROW || (good + bad >= LEAST_OUTCOMES && bad >= good);
        let opens = is_bad && state.next_probe.is_none();
        if opens {
            state.next_probe = Some(now + PROBE_INTERVAL);
        }
        opens
    }

    /// Notes a success; true when everybody is let through again.
    pub(super) fn succeed(&self, now: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.next_probe.is_some() {
            *state = State::default();
            return true;
        }
        state.in_a_row = 0;
        let number = self.second(now);
        state.at(number).good += 1;
        false
    }

    fn second(&self, now: Instant) -> u64 {
        now.duration_since(self.start).as_secs()
    }
}

impl State {
    /// The place of a second, emptied when an older one is in it.
    fn at(&mut self, number: u64) -> &mut Second {
        let place = usize::try_from(number % WINDOW as u64).unwrap_or_default();
        let second = &mut self.seconds[place];
        if second.number != number {
            *second = Second { number, ..Second::default() };
        }
        second
    }

    /// Good and bad outcomes in the window that ends with this second.
    fn sums(&self, number: u64) -> (u32, u32) {
        let recent = self.seconds.iter().filter(|second| second.number + WINDOW as u64 > number);
        recent.fold((0, 0), |(good, bad), second| (good + second.good, bad + second.bad))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_in_a_row_let_a_probe_through_every_ten_seconds() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let breaker = Breaker::new(start);
        let opened: Vec<bool> = (0..7).map(|_| breaker.fail(at(1))).collect();
        assert_eq!(opened, [false, false, false, false, true, false, false]);
        assert_eq!(breaker.admit(at(2)), Err(Duration::from_secs(9)));
        assert!(breaker.admit(at(11)).is_ok());
        assert_eq!(breaker.admit(at(12)), Err(Duration::from_secs(9)), "one probe, and no more");
        assert!(!breaker.fail(at(13)));
        assert!(breaker.admit(at(20)).is_err() && breaker.admit(at(21)).is_ok());
        assert!(breaker.succeed(at(22)));
        assert!(breaker.admit(at(22)).is_ok() && breaker.admit(at(22)).is_ok());
        assert!(!breaker.fail(at(23)), "what was is forgotten");
    }

    #[test]
    fn half_of_twenty_within_the_window_are_too_many() {
        let start = Instant::now();
        let outcomes = |pairs: u64, every: Duration| {
            let breaker = Breaker::new(start);
            let mut now = start;
            (0..pairs).any(|_| {
                now += every;
                breaker.succeed(now);
                breaker.fail(now)
            })
        };
        assert!(!outcomes(9, Duration::from_secs(1)));
        assert!(outcomes(10, Duration::from_secs(1)));
        assert!(!outcomes(100, Duration::from_secs(4)), "there are never twenty within the window");
    }

    #[test]
    fn a_success_between_keeps_it_open_for_all() {
        let start = Instant::now();
        let breaker = Breaker::new(start);
        for second in 0..400 {
            let now = start + Duration::from_secs(second * 2);
            assert!(breaker.admit(now).is_ok());
            let _ = if second % 3 == 0 { breaker.fail(now) } else { breaker.succeed(now) };
        }
    }
}
