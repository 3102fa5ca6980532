//! Which passages one search looks at: those that the user may read, in the
//! language of the question when there are any.

use std::borrow::Cow;

use super::audience::{AudienceNumber, AudienceSet};
use crate::text::language::Language;

/// Languages whose forms of a word are looked for at once.
const MAX_QUERY_LANGUAGES: usize = 4;

/// What filters a passage.
#[derive(Clone, Copy, Debug)]
pub(super) struct Access {
    pub(super) audience: AudienceNumber,
    pub(super) language: Language,
}

/// The filters of a snapshot, worked out as far as they are the same for every
/// user: most knowledge is for everyone, and then a search copies nothing.
pub(super) struct Scopes {
    all: Open,
    /// The same for one language each, the one with most passages first.
    languages: Vec<(Language, Open)>,
    restricted: Vec<(usize, Access)>,
}

/// Slots that everyone may read.
#[derive(Default)]
struct Open {
    allowed: Vec<bool>,
    /// Passages, with the restricted ones.
    count: usize,
}

/// The slots that one search looks at.
pub(super) struct Scope<'a> {
    /// By slot.
    pub(super) allowed: Cow<'a, [bool]>,
    /// The languages of the passages, at most [`MAX_QUERY_LANGUAGES`].
    pub(super) languages: Vec<Language>,
    /// The one language that the slots are limited to.
    pub(super) only: Option<Language>,
}

impl Scopes {
    pub(super) fn of(slots: impl ExactSizeIterator<Item = Option<Access>>) -> Self {
        let length = slots.len();
        let empty = || Open { allowed: vec![false; length], count: 0 };
        let mut scopes = Self { all: empty(), languages: Vec::new(), restricted: Vec::new() };
        for (slot, access) in slots.enumerate() {
            let Some(access) = access else { continue };
            let at = scopes.languages.iter().position(|(language, _)| *language == access.language);
            let at = at.unwrap_or_else(|| {
                scopes.languages.push((access.language, empty()));
                scopes.languages.len() - 1
            });
            let is_open = access.audience == AudienceNumber::EVERYONE;
            if !is_open {
                scopes.restricted.push((slot, access));
            }
            for open in [&mut scopes.all, &mut scopes.languages[at].1] {
                open.allowed[slot] = is_open;
                open.count += 1;
            }
        }
        scopes.languages.sort_by(|(a, first), (b, second)| second.count.cmp(&first.count).then(a.cmp(b)));
        scopes
    }

    /// The languages of the passages, the one with most first.
    pub(super) fn languages(&self) -> impl Iterator<Item = Language> {
        self.languages.iter().map(|(language, _)| *language)
    }

    /// The passages in the language of the question, when it is known and there
    /// are any that the user may read; else all that the user may read.
    pub(super) fn select(&self, question: Option<Language>, audiences: &AudienceSet) -> Scope<'_> {
        let of_language = self.languages.iter().find(|(language, _)| Some(*language) == question);
        if let Some((language, open)) = of_language.filter(|_| self.languages.len() > 1) {
            let allowed = self.with_restricted(open, Some(*language), audiences);
            if allowed.contains(&true) {
                return Scope { allowed, languages: vec![*language], only: Some(*language) };
            }
        }
        let languages = self.languages().take(MAX_QUERY_LANGUAGES).collect();
        Scope { allowed: self.with_restricted(&self.all, None, audiences), languages, only: None }
    }

    fn with_restricted<'a>(&self, open: &'a Open, only: Option<Language>, audiences: &AudienceSet) -> Cow<'a, [bool]> {
        let mut allowed = Cow::Borrowed(open.allowed.as_slice());
        for (slot, access) in &self.restricted {
            if audiences.contains(access.audience) && only.is_none_or(|language| language == access.language) {
                allowed.to_mut()[*slot] = true;
            }
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::condition::Audience;
    use crate::retrieval::audience::Audiences;
    use proptest::prelude::*;

    const LANGUAGES: [&str; 3] = ["en", "de", "zh"];

    proptest! {
        #[test]
        fn a_search_sees_what_the_user_may_read_and_nothing_else(
            slots in prop::collection::vec(prop::option::of((0_usize..4, 0_usize..3)), 0..60),
            mine in prop::collection::vec(1_usize..4, 0..3),
            asked in prop::option::of(0_usize..3),
        ) {
            let mut audiences = Audiences::default();
            let mut number = |depth: usize| {
                let nested = (1..depth).fold(Audience::All(vec![]), |inner, _| Audience::Not(Box::new(inner)));
                audiences.number((depth > 0).then_some(&nested))
            };
            let numbers: Vec<AudienceNumber> = (0..4).map(&mut number).collect();
            let mut set = AudienceSet::everyone();
            mine.iter().for_each(|audience| set.insert(numbers[*audience]));
            let language = |at: usize| Language::new(LANGUAGES[at]).unwrap();
            let access = |slot: &Option<(usize, usize)>| {
                slot.map(|(audience, at)| Access { audience: numbers[audience], language: language(at) })
            };
            let scopes = Scopes::of(slots.iter().map(access).collect::<Vec<_>>().into_iter());
            let scope = scopes.select(asked.map(language), &set);
            let readable = |slot: &Option<(usize, usize)>| slot.filter(|(audience, _)| *audience == 0 || mine.contains(audience));
            let in_language = slots.iter().filter_map(readable).any(|(_, at)| Some(at) == asked);
            for (slot, allowed) in slots.iter().zip(scope.allowed.iter()) {
                let expected = readable(slot).is_some_and(|(_, at)| !in_language || Some(at) == asked);
                prop_assert_eq!(*allowed, expected);
            }
            prop_assert_eq!(scope.allowed.len(), slots.len());
        }
    }
}
