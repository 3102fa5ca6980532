//! A point in time, as a value that the edge passes in.

use jiff::Timestamp;

/// Milliseconds since 1970. The edge makes sure that it never goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub u64);

impl Moment {
    /// So many milliseconds later.
    #[must_use]
    pub fn plus(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds since `earlier`; 0 when that is later.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The time of day in UTC, as RFC 3339.
    pub fn text(self) -> String {
        self.timestamp().to_string()
    }

    /// The time that [`Self::text`] gave as `text`.
    pub fn parse(text: &str) -> Option<Self> {
        let time: Timestamp = text.parse().ok()?;
        u64::try_from(time.as_millisecond()).ok().map(Self)
    }

    /// The time as conditions are tested with it.
    pub fn timestamp(self) -> Timestamp {
        i64::try_from(self.0).ok().and_then(|millis| Timestamp::from_millisecond(millis).ok()).unwrap_or_default()
    }
}
