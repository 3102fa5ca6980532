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

/// A fresh identifier of an anonymous user: `anon-` and a UUID of version 4. Whoever
/// knows it is that user, so it has nothing in common with other identifiers.
pub fn anonymous_id() -> String {
    let random = random();
    let uuid = (random & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{uuid:032x}");
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    format!("anon-{}", parts.join("-"))
}

/// A fresh name of a connection, which nobody can guess: over HTTP, whoever knows it
/// speaks for its user.
pub fn session_id() -> String {
    format!("sess-{:032x}", random())
}

fn random() -> u128 {
    (Ulid::generate().random() << 64) | (Ulid::generate().random() & u128::from(u64::MAX))
}

/// A random number below `bound`, so that not all clients come back at once.
pub fn spread(bound: u64) -> u64 {
    let random = Ulid::generate().random() & u128::from(u64::MAX);
    u64::try_from(random % u128::from(bound.max(1))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::profile::is_anonymous_id;

    #[test]
    fn anonymous_users_get_identifiers_that_they_may_bring_again() {
        for _ in 0..100 {
            let (one, other) = (anonymous_id(), anonymous_id());
            assert!(is_anonymous_id(&one) && one != other, "{one} {other}");
        }
    }
}
