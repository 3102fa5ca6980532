//! Tells an answer that goes on from one that has stalled.

use std::time::Duration;

use tokio::time::Instant;

/// Time in which an answer must get on.
pub(super) const WINDOW: Duration = Duration::from_secs(20);

/// How an answer gets on. Only time spent waiting for the model counts, so that a
/// slow reader of the answer is not taken for a slow model.
#[derive(Debug)]
pub(super) struct Pace {
    gap: Duration,
    least_chars: usize,
    /// When the answer must be over.
    end: Instant,
    /// Time waited, and characters that came, in this window.
    waited: Duration,
    chars: usize,
}

/// Why an answer is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stall {
    Silent,
    Slow,
    TooLong,
}

impl Pace {
    pub(super) fn new(gap: Duration, least_chars: usize, end: Instant) -> Self {
        Self { gap, least_chars, end, waited: Duration::ZERO, chars: 0 }
    }

    /// Until when the next piece is waited for, from now, and what it means when
    /// none comes.
    pub(super) fn deadline(&self, now: Instant) -> (Instant, Stall) {
        let mut deadline = (now + self.gap, Stall::Silent);
        let slow = now + WINDOW.saturating_sub(self.waited);
        if self.chars < self.least_chars && slow < deadline.0 {
            deadline = (slow, Stall::Slow);
        }
        if self.end < deadline.0 { (self.end, Stall::TooLong) } else { deadline }
    }

    /// Notes that text of so many characters came after a wait.
    pub(super) fn text(&mut self, waited: Duration, chars: usize) {
        self.waited += waited;
        self.chars += chars;
        if self.waited >= WINDOW && self.chars >= self.least_chars {
            (self.waited, self.chars) = (Duration::ZERO, 0);
        }
    }

    /// Notes that the model is at work; how much it did is not known.
    pub(super) fn work(&mut self, waited: Duration) {
        self.text(waited, self.least_chars);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_dribble_is_a_stall_and_slow_text_is_not() {
        let now = Instant::now();
        let given_up = |every: Duration, chars: usize| {
            let mut pace = Pace::new(15 * SECOND, 20, now + 3_600 * SECOND);
            (1..=60).find(|_| {
                let (deadline, _) = pace.deadline(now);
                let gives_up = deadline < now + every;
                pace.text(every, chars);
                gives_up
            })
        };
        assert_eq!(given_up(SECOND, 1), None);
        assert_eq!(given_up(2 * SECOND, 1), Some(11));
        assert_eq!(given_up(10 * SECOND, 10), None);
        assert_eq!(given_up(16 * SECOND, 100), Some(1));
    }

    #[test]
    fn the_first_limit_that_is_met_counts() {
        let now = Instant::now();
        let mut pace = Pace::new(15 * SECOND, 20, now + 100 * SECOND);
        assert_eq!(pace.deadline(now), (now + 15 * SECOND, Stall::Silent));
        pace.text(10 * SECOND, 1);
        assert_eq!(pace.deadline(now), (now + 10 * SECOND, Stall::Slow));
        pace.work(SECOND);
        assert_eq!(pace.deadline(now), (now + 15 * SECOND, Stall::Silent));
        assert_eq!(pace.deadline(now + 90 * SECOND), (now + 100 * SECOND, Stall::TooLong));
    }
}
