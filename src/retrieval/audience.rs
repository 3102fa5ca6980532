//! Audiences by number, so that a search can test them passage by passage.

use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};

use crate::domain::condition::{Audience, Facts, Verdict};

/// The number of an audience within one [`super::index::builder::IndexBuilder`]. It is
/// never used again for another audience, so a set holds for later snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AudienceNumber(u32);

impl AudienceNumber {
    /// Everyone: articles without an audience.
    pub const EVERYONE: Self = Self(0);

    /// Its place in a list of audiences in which 0 is everyone.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// The distinct audiences of a project.
#[derive(Clone, Debug, Default)]
pub struct Audiences {
    restricted: Vec<Audience>,
    /// The labels of the restricted audiences; see [`Self::label`].
    labels: Vec<u64>,
    /// By their whole content: conditions hold expressions and numbers, which
    /// have no hash of their own.
    numbers: FxHashMap<String, AudienceNumber>,
}

impl Audiences {
    /// The number of an audience, which is added when it is new.
    pub fn number(&mut self, audience: Option<&Audience>) -> AudienceNumber {
        let Some(audience) = audience else {
            return AudienceNumber::EVERYONE;
        };
        let next = u32::try_from(self.restricted.len() + 1).expect("fewer audiences than memory has bytes");
        *self.numbers.entry(format!("{audience:?}")).or_insert_with_key(|content| {
            self.restricted.push(audience.clone());
            self.labels.push(label(content));
            AudienceNumber(next)
        })
    }

    /// The audiences that the user is known to be in. What cannot be known
    /// here keeps a passage from the user.
    pub fn allowed(&self, facts: Facts<'_>) -> AudienceSet {
        let mut set = AudienceSet::everyone();
        for (number, audience) in (1..).zip(&self.restricted) {
            match audience.test(facts) {
                Verdict::Yes => set.insert(AudienceNumber(number)),
                Verdict::No | Verdict::Unknown => {}
            }
        }
        set
    }

    /// What an audience is called outside of this process: unlike its number, the
    /// same for the same audience on every node and after every start.
    pub fn label(&self, number: AudienceNumber) -> u64 {
        number.index().checked_sub(1).map_or(0, |at| self.labels[at])
    }

    /// The labels of a user's audiences.
    pub fn labels(&self, set: &AudienceSet) -> Vec<u64> {
        let restricted = (1..).map(AudienceNumber).take(self.labels.len());
        let mine = std::iter::once(AudienceNumber::EVERYONE).chain(restricted).filter(|number| set.contains(*number));
        mine.map(|number| self.label(number)).collect()
    }

    /// The restricted audiences with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (AudienceNumber, &Audience)> {
        (1..).map(AudienceNumber).zip(&self.restricted)
    }
}

/// Never 0, which is everyone.
fn label(content: &str) -> u64 {
    let hash: [u8; 32] = Sha256::digest(content).into();
    hash.iter().take(8).fold(0, |label, byte| label << 8 | u64::from(*byte)).max(1)
}

/// The audiences that one user is in; always with everyone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudienceSet {
    words: Vec<u64>,
}

impl AudienceSet {
    /// Only what everyone may read.
    pub fn everyone() -> Self {
        Self { words: vec![1] }
    }

    /// Adds an audience.
    pub fn insert(&mut self, audience: AudienceNumber) {
        let word = audience.index() / 64;
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (audience.index() % 64);
    }

    /// Whether the user may read what is for `audience`.
    pub fn contains(&self, audience: AudienceNumber) -> bool {
        self.words.get(audience.index() / 64).is_some_and(|word| word >> (audience.index() % 64) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_audiences_share_a_number() {
        let mut audiences = Audiences::default();
        let (a, b) = (Audience::All(vec![]), Audience::Any(vec![]));
        let numbers = [None, Some(&a), Some(&b), Some(&a)].map(|audience| audiences.number(audience).index());
        assert_eq!(numbers, [0, 1, 2, 1]);
        let mut other = Audiences::default();
        let number = other.number(Some(&b));
        assert_eq!(other.label(number), audiences.label(AudienceNumber(2)), "whatever came before");
        assert_ne!(audiences.label(AudienceNumber(1)), audiences.label(AudienceNumber(2)));
        let mut set = AudienceSet::everyone();
        set.insert(AudienceNumber(2));
        assert_eq!(audiences.labels(&set), [0, audiences.label(AudienceNumber(2))]);
    }

    #[test]
    fn a_set_has_what_was_put_in_and_everyone() {
        let mut set = AudienceSet::everyone();
        set.insert(AudienceNumber(3));
        set.insert(AudienceNumber(200));
        for (number, contained) in [(0, true), (1, false), (3, true), (200, true), (201, false), (9_999, false)] {
            assert_eq!(set.contains(AudienceNumber(number)), contained, "{number}");
        }
    }
}
