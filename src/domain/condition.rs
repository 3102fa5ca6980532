//! Conditions on a user, their page and their history: audiences, segments, triggers.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use regex::Regex;

use super::ids::{ExperienceId, SegmentId};
use super::locale::Locale;
use super::page::{Page, PageRule};
use super::user::User;
use super::value::Value;

/// A test of who the user is, where they are and what they did.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// Every one holds; true when there are none.
    All(Vec<Condition>),
    /// At least one holds; false when there are none.
    Any(Vec<Condition>),
    /// The inner one does not hold.
    Not(Box<Condition>),
    /// The user is in a saved segment.
    Segment(SegmentId),
    /// A trait of the user compares as told.
    Trait(PropertyTest),
    /// The user did something so many times.
    Event(EventTest),
    /// An experience is in a state for the user.
    Experience(ExperienceId, ExperienceState),
    /// The user looks at one of these pages.
    Page(PageRule),
    /// The user's language is one of these.
    Locale(Vec<Locale>),
}

/// Who may see something.
pub type Audience = Condition;

/// A test of one trait or event property.
#[derive(Clone, Debug, PartialEq)]
pub struct PropertyTest {
    /// Dotted name, such as `role` or `properties.value`.
    pub name: String,
    /// How its value compares.
    pub comparison: Comparison,
}

/// How a value compares.
#[derive(Clone, Debug)]
pub enum Comparison {
    /// Equal; in a list, one equal member.
    Eq(Value),
    /// Not equal; an absent value is not equal.
    Ne(Value),
    /// One of these.
    In(Vec<Value>),
    /// A text containing it, or a list with it.
    Contains(Value),
    /// A text beginning with it.
    Starts(String),
    /// A text ending with it.
    Ends(String),
    /// A text in which the expression is found.
    Matches(Regex),
    /// Less.
    Lt(Value),
    /// Less or equal.
    Lte(Value),
    /// Greater.
    Gt(Value),
    /// Greater or equal.
    Gte(Value),
    /// Present (`true`) or absent (`false`); null counts as absent.
    Exists(bool),
    /// A time at most this long ago.
    Within(Duration),
}

impl PartialEq for Comparison {
    fn eq(&self, other: &Self) -> bool {
        format!("{self:?}") == format!("{other:?}")
    }
}

/// A test of how often something happened.
#[derive(Clone, Debug, PartialEq)]
pub struct EventTest {
    /// The event's name.
    pub name: String,
    /// How often; at least once when the author says nothing.
    pub count: Count,
    /// Only this far back; ever when absent.
    pub within: Option<Duration>,
    /// Only events whose properties pass all of these.
    pub properties: Vec<PropertyTest>,
}

/// Bounds of a count, both inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// At least.
    pub min: u32,
    /// At most.
    pub max: Option<u32>,
}

/// How far an experience got with a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExperienceState {
    /// Never shown.
    NeverSeen,
    /// Shown at least once.
    Seen,
    /// Completed.
    Completed,
    /// Dismissed.
    Dismissed,
    /// Snoozed.
    Snoozed,
    /// Being shown.
    Active,
    /// A survey that was answered.
    Answered,
}

/// What is known about a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Yes,
    /// It does not hold.
    No,
    /// What it asks about is not known here, such as past events.
    Unknown,
}

impl Verdict {
    fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Yes, Self::Yes) => Self::Yes,
        }
    }
}

/// What conditions are tested against.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The user.
    pub user: &'a User,
    /// The user's page, when it is known.
    pub page: Option<&'a Page>,
    /// The saved segments by id.
    pub segments: &'a BTreeMap<SegmentId, Condition>,
    /// The time of the test.
    pub now: Timestamp,
}

/// Deepest nesting of conditions, segments within segments included.
pub const MAX_DEPTH: usize = 32;

impl Condition {
    /// Tests the condition by three-valued logic (Kleene): what is not known
    /// leaves the whole unknown unless the known parts decide it.
    pub fn test(&self, facts: Facts<'_>) -> Verdict {
        self.test_at(facts, 0)
    }

    fn test_at(&self, facts: Facts<'_>, depth: usize) -> Verdict {
        if depth >= MAX_DEPTH {
            return Verdict::Unknown;
        }
        let test = |condition: &Condition| condition.test_at(facts, depth + 1);
        match self {
            Self::All(all) => all.iter().map(test).fold(Verdict::Yes, Verdict::and),
            Self::Any(any) => any.iter().map(|one| test(one).not()).fold(Verdict::Yes, Verdict::and).not(),
            Self::Not(inner) => test(inner).not(),
            Self::Segment(id) => facts.segments.get(id).map_or(Verdict::No, test),
            Self::Trait(property) => {
                Verdict::of(property.comparison.test(facts.user.traits.get(&property.name), facts.now))
            }
            Self::Event(_) | Self::Experience(..) => Verdict::Unknown,
            Self::Page(rule) => facts.page.map_or(Verdict::Unknown, |page| Verdict::of(rule.matches(&page.url))),
            Self::Locale(locales) => facts.user.locale.as_ref().map_or(Verdict::Unknown, |locale| {
                Verdict::of(locales.iter().any(|one| one == locale || one.as_str() == locale.language()))
            }),
        }
    }

    /// Calls `visit` on this condition and every one inside it, segments not followed.
    pub fn visit<'a>(&'a self, visit: &mut impl FnMut(&'a Condition)) {
        visit(self);
        match self {
            Self::All(inner) | Self::Any(inner) => inner.iter().for_each(|one| one.visit(visit)),
            Self::Not(inner) => inner.visit(visit),
            Self::Segment(_)
            | Self::Trait(_)
            | Self::Event(_)
            | Self::Experience(..)
            | Self::Page(_)
            | Self::Locale(_) => {}
        }
    }
}

impl Comparison {
    /// Whether `value`, absent when `None`, compares as told at the time `now`.
    pub fn test(&self, value: Option<&Value>, now: Timestamp) -> bool {
        let value = value.filter(|value| **value != Value::Null);
        let ordered = |other: &Value, wanted: &[Ordering]| {
            value.and_then(|value| compare(value, other)).is_some_and(|ordering| wanted.contains(&ordering))
        };
        let text = value.and_then(Value::as_text);
        match self {
            Self::Eq(other) => value.is_some_and(|value| equal_or_member(value, other)),
            Self::Ne(other) => !value.is_some_and(|value| equal_or_member(value, other)),
            Self::In(others) => value.is_some_and(|value| others.iter().any(|other| equal_or_member(value, other))),
            Self::Contains(other) => value.is_some_and(|value| match (value, other) {
                (Value::Text(text), Value::Text(part)) => text.contains(part.as_str()),
                (value, other) => equal_or_member(value, other),
            }),
            Self::Starts(start) => text.is_some_and(|text| text.starts_with(start)),
            Self::Ends(end) => text.is_some_and(|text| text.ends_with(end)),
            Self::Matches(regex) => text.is_some_and(|text| regex.is_match(text)),
            Self::Lt(other) => ordered(other, &[Ordering::Less]),
            Self::Lte(other) => ordered(other, &[Ordering::Less, Ordering::Equal]),
            Self::Gt(other) => ordered(other, &[Ordering::Greater]),
            Self::Gte(other) => ordered(other, &[Ordering::Greater, Ordering::Equal]),
            Self::Exists(exists) => value.is_some() == *exists,
            Self::Within(duration) => value.and_then(time_of).is_some_and(|time| {
                let age = now.duration_since(time);
                !age.is_negative() && age.unsigned_abs() <= *duration
            }),
        }
    }
}

fn equal_or_member(value: &Value, other: &Value) -> bool {
    value == other || matches!(value, Value::List(members) if members.contains(other))
}

fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    if let (Some(a), Some(b)) = (a.as_number(), b.as_number()) {
        return a.partial_cmp(&b);
    }
    match (time_of(a), time_of(b)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        _ => Some(a.as_text()?.cmp(b.as_text()?)),
    }
}

/// An RFC 3339 time, or a number of seconds (milliseconds above 10^11) since 1970.
fn time_of(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Text(text) => text.parse().ok(),
        #[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and the range is checked after it")]
        Value::Number(number) if number.abs() > 1e11 => Timestamp::from_millisecond(*number as i64).ok(),
        #[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and the range is checked after it")]
        Value::Number(number) => Timestamp::from_second(*number as i64).ok(),
        Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::UserId;

    fn user(traits: &[(&str, Value)]) -> User {
        let mut user = User::new(UserId::new("u1").expect("an id"));
        for (name, value) in traits {
            user.traits.insert(*name, value.clone());
        }
        user
    }

    fn test(condition: &Condition, user: &User) -> Verdict {
        let segments = [(SegmentId::new("loop").expect("an id"), segment("loop"))].into();
        let now = "2026-03-01T00:00:00Z".parse().expect("a time");
        condition.test(Facts { user, page: None, segments: &segments, now })
    }

    fn segment(id: &str) -> Condition {
        Condition::Segment(SegmentId::new(id).expect("an id"))
    }

    fn property(name: &str, comparison: Comparison) -> Condition {
        Condition::Trait(PropertyTest { name: name.to_owned(), comparison })
    }

    #[test]
    fn the_unknown_decides_only_when_the_known_does_not() {
        let unknown = || Condition::Experience(ExperienceId::new("tour").expect("an id"), ExperienceState::Seen);
        let yes = || Condition::All(vec![]);
        let no = || Condition::Any(vec![]);
        let user = user(&[]);
        assert_eq!(test(&Condition::All(vec![unknown(), no()]), &user), Verdict::No);
        assert_eq!(test(&Condition::All(vec![unknown(), yes()]), &user), Verdict::Unknown);
        assert_eq!(test(&Condition::Any(vec![unknown(), yes()]), &user), Verdict::Yes);
        assert_eq!(test(&Condition::Not(Box::new(unknown())), &user), Verdict::Unknown);
    }

    #[test]
    fn segments_that_contain_themselves_end() {
        assert_eq!(test(&segment("loop"), &user(&[])), Verdict::Unknown);
        assert_eq!(test(&segment("gone"), &user(&[])), Verdict::No);
    }

    #[test]
    fn traits_compare_by_their_type() {
        let text = |text: &str| Value::Text(text.to_owned());
        let user = user(&[
            ("role", text("admin")),
            ("seats", Value::Number(10.0)),
            ("tags", Value::List(vec![text("beta")])),
            ("createdAt", text("2026-02-27T12:00:00Z")),
            ("gone", Value::Null),
        ]);
        let week = Duration::from_secs(7 * 24 * 3600);
        for (name, comparison, expected) in [
            ("role", Comparison::Eq(text("admin")), Verdict::Yes),
            ("role", Comparison::In(vec![text("owner"), text("admin")]), Verdict::Yes),
            ("role", Comparison::Gt(Value::Number(1.0)), Verdict::No),
            ("seats", Comparison::Gte(Value::Number(10.0)), Verdict::Yes),
            ("seats", Comparison::Lt(Value::Number(10.0)), Verdict::No),
            ("tags", Comparison::Contains(text("beta")), Verdict::Yes),
            ("createdAt", Comparison::Within(week), Verdict::Yes),
            ("createdAt", Comparison::Lt(text("2026-02-28T00:00:00Z")), Verdict::Yes),
            ("gone", Comparison::Exists(true), Verdict::No),
            ("gone", Comparison::Ne(text("x")), Verdict::Yes),
        ] {
            let condition = property(name, comparison);
            assert_eq!(test(&condition, &user), expected, "{condition:?}");
        }
    }
}
