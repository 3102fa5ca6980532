//! Where times and random identifiers enter.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use ulid::Ulid;

use crate::session::moment::Moment;

/// Times that never go back, also when someone sets the computer's clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
    started_at: u64,
}

impl Clock {
    /// Starts with the computer's time.
    pub fn start() -> Self {
        let started_at = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0);
        Self { started: Instant::now(), started_at }
    }

    /// Now.
    pub fn now(&self) -> Moment {
        Moment(self.started_at.saturating_add(millis(self.started.elapsed())))
    }

    /// The instant of a moment, for a timer.
    pub fn instant(&self, moment: Moment) -> Instant {
        self.started + Duration::from_millis(moment.0.saturating_sub(self.started_at))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A fresh ULID.
pub fn fresh() -> String {
    Ulid::generate().to_string()
}

/// A random number below `bound`, so that not all clients come back at once.
pub fn spread(bound: u64) -> u64 {
    let random = Ulid::generate().random() & u128::from(u64::MAX);
    u64::try_from(random % u128::from(bound.max(1))).unwrap_or(0)
}
