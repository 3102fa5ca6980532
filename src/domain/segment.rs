//! Saved audiences.

use super::condition::Condition;
use super::ids::SegmentId;

/// A saved audience.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Its identifier.
    pub id: SegmentId,
    /// Its name for people; the identifier when the author gives none.
    pub name: String,
    /// Who is in it.
    pub condition: Condition,
}
