//! Token buckets.

use super::moment::Moment;

/// So many in a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In how many milliseconds.
    pub window_ms: u64,
}

impl Rate {
    /// So many a minute, of which at most `burst` at once.
    pub fn with_burst(per_minute: u32, burst: u32) -> Self {
        Self { count: burst, window_ms: u64::from(burst) * 60_000 / u64::from(per_minute.max(1)) }
    }
}

/// Holds one token for each thing that may still happen; they come back evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenBucket {
    rate: Rate,
    /// Tokens times the window, so that coming back needs no fractions.
    level: u64,
    at: Moment,
}

impl TokenBucket {
    /// A full bucket.
    pub fn new(rate: Rate, now: Moment) -> Self {
        Self { rate, level: Self::full(rate), at: now }
    }

    fn full(rate: Rate) -> u64 {
        u64::from(rate.count).saturating_mul(rate.window_ms)
    }

    /// How often its things may happen.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// Whether all tokens are there at `now`.
    pub fn is_full(&self, now: Moment) -> bool {
        let gained = now.since(self.at).saturating_mul(u64::from(self.rate.count));
        self.level.saturating_add(gained) >= Self::full(self.rate)
    }

    /// Takes a token.
    ///
    /// # Errors
    /// When there is none: in how many milliseconds there will be one.
    pub fn take(&mut self, now: Moment) -> Result<(), u64> {
        let gained = now.since(self.at).saturating_mul(u64::from(self.rate.count));
        self.level = self.level.saturating_add(gained).min(Self::full(self.rate));
        self.at = self.at.max(now);
        match self.level.checked_sub(self.rate.window_ms) {
            Some(rest) => {
                self.level = rest;
                Ok(())
            }
            None => Err((self.rate.window_ms - self.level).div_ceil(u64::from(self.rate.count.max(1)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_evenly() {
        let mut bucket = TokenBucket::new(Rate { count: 20, window_ms: 10_000 }, Moment(0));
        assert!((0..20).all(|_| bucket.take(Moment(0)).is_ok()));
        assert_eq!(bucket.take(Moment(0)), Err(500));
        assert_eq!(bucket.take(Moment(499)), Err(1));
        assert_eq!(bucket.take(Moment(500)), Ok(()));
        assert!(bucket.take(Moment(500)).is_err());
        assert!((0..20).all(|_| bucket.take(Moment(60_000)).is_ok()));
        assert!(bucket.take(Moment(60_000)).is_err());
    }
}
