//! Whether two audiences can have anybody in common.
//!
//! Only the plain cases are seen: values of one trait, languages, and saved
//! segments that one side requires and the other excludes. All else may overlap.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::condition::{Comparison, Condition};
use crate::domain::value::Value;
use crate::knowledge::entry::{Entry, Object};
use crate::knowledge::kind::Kind;

use super::Across;

/// Deepest nesting of segments that is followed.
const MAX_DEPTH: usize = 16;

/// Why nobody is meant by both objects, when that is certain.
pub(super) fn never(across: &Across<'_>, a: &Entry, b: &Entry) -> Option<String> {
    let (a, b) = (a.audience()?, b.audience()?);
    needs(across, a, 0).conflict(&needs(across, b, 0))
}

/// What a user must have to meet a condition; weaker than the condition itself.
#[derive(Clone, Debug, Default)]
struct Needs {
    /// The trait has one of these values.
    values: BTreeMap<String, BTreeSet<String>>,
    /// The language is one of these.
    languages: Option<BTreeSet<String>>,
    within: BTreeSet<String>,
    outside: BTreeSet<String>,
}

fn needs(across: &Across<'_>, condition: &Condition, depth: usize) -> Needs {
    let mut needs_here = Needs::default();
    if depth >= MAX_DEPTH {
        return needs_here;
    }
    match condition {
        Condition::All(all) => {
            for one in all {
                needs_here.and(needs(across, one, depth + 1));
            }
        }
        Condition::Any(any) => {
            let mut each = any.iter().map(|one| needs(across, one, depth + 1));
            if let Some(first) = each.next() {
                needs_here = each.fold(first, Needs::or);
            }
        }
        Condition::Not(inner) => {
            if let Condition::Segment(id) = &**inner {
                needs_here.outside.insert(id.to_string());
            }
        }
        Condition::Segment(id) => {
            let segment = across.object(Kind::Segment, id.as_str()).and_then(|entry| entry.object.as_ref());
            if let Some(Object::Segment(segment)) = segment {
                needs_here = needs(across, &segment.condition, depth + 1);
            }
            needs_here.within.insert(id.to_string());
        }
        Condition::Trait(test) => {
            let values = match &test.comparison {
                Comparison::Eq(value) => vec![value],
                Comparison::In(values) => values.iter().collect(),
                Comparison::Ne(_)
                | Comparison::Contains(_)
                | Comparison::Starts(_)
                | Comparison::Ends(_)
                | Comparison::Matches(_)
                | Comparison::Lt(_)
                | Comparison::Lte(_)
                | Comparison::Gt(_)
                | Comparison::Gte(_)
                | Comparison::Exists(_)
                | Comparison::Within(_) => return needs_here,
            };
            needs_here.values.insert(test.name.clone(), values.into_iter().map(shown).collect());
        }
        Condition::Locale(locales) => {
            needs_here.languages = Some(locales.iter().map(|locale| locale.language().to_owned()).collect());
        }
        Condition::Event(_) | Condition::Experience(..) | Condition::Page(_) => {}
    }
    needs_here
}

fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("`{text}`"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Map(_) => value.to_string(),
    }
}

impl Needs {
    fn and(&mut self, other: Self) {
        for (name, values) in other.values {
            self.values.entry(name).and_modify(|mine| mine.retain(|value| values.contains(value))).or_insert(values);
        }
        self.languages = match (self.languages.take(), other.languages) {
            (Some(mine), Some(theirs)) => Some(mine.intersection(&theirs).cloned().collect()),
            (mine, theirs) => mine.or(theirs),
        };
        self.within.extend(other.within);
        self.outside.extend(other.outside);
    }

    fn or(mut self, mut other: Self) -> Self {
        let mut values = BTreeMap::new();
        for (name, mut mine) in self.values {
            if let Some(theirs) = other.values.remove(&name) {
                mine.extend(theirs);
                values.insert(name, mine);
            }
        }
        self.values = values;
        self.languages = match (self.languages, other.languages) {
            (Some(mine), Some(theirs)) => Some(mine.union(&theirs).cloned().collect()),
            (Some(_) | None, _) => None,
        };
        self.within.retain(|id| other.within.contains(id));
        self.outside.retain(|id| other.outside.contains(id));
        self
    }

    fn conflict(&self, other: &Self) -> Option<String> {
        let list = |values: &BTreeSet<String>| values.iter().cloned().collect::<Vec<_>>().join(" or ");
        for (name, mine) in &self.values {
            if let Some(theirs) = other.values.get(name)
                && mine.is_disjoint(theirs)
            {
                return Some(format!("here `{name}` is {}, there it is {}", list(mine), list(theirs)));
            }
        }
        if let (Some(mine), Some(theirs)) = (&self.languages, &other.languages)
            && mine.is_disjoint(theirs)
        {
            return Some(format!("here the language is {}, there it is {}", list(mine), list(theirs)));
        }
        let excluded = self.within.intersection(&other.outside).chain(self.outside.intersection(&other.within)).next();
        excluded.map(|id| format!("one requires the segment `{id}`, the other excludes it"))
    }
}
