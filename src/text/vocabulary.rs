//! Words that are known by how they are written, and which of them a mistyped
//! word may have been meant as.

use std::sync::Arc;

use rustc_hash::FxHashSet;
use strsim::osa_distance;

use super::script::Script;

/// Longest word that can have been mistyped, in letters.
const MAX_LETTERS: usize = 40;

/// A set of words that is searched for spellings. A clone shares the words.
///
/// Words are kept by their number of letters, each with the letters it has as bits:
/// that leaves few to be compared letter by letter.
#[derive(Clone, Debug, Default)]
pub struct Vocabulary(Arc<Words>);

#[derive(Clone, Debug, Default)]
struct Words {
    known: FxHashSet<Arc<str>>,
    /// By their number of letters.
    spellings: Vec<Vec<Spelling>>,
}

#[derive(Clone, Debug)]
struct Spelling {
    word: Arc<str>,
    first: Option<char>,
    letters: u64,
}

impl Vocabulary {
    /// Adds a folded word. What can never be meant by a mistyped word is left out:
    /// words with other characters than letters, and very long ones.
    pub fn add(&mut self, word: &str) {
        let length = word.chars().count();
        if self.contains(word) || length > MAX_LETTERS || !is_spelled(word) {
            return;
        }
        let Words { known, spellings } = Arc::make_mut(&mut self.0);
        let word: Arc<str> = word.into();
        if spellings.len() <= length {
            spellings.resize(length + 1, Vec::new());
        }
        let (first, letters) = (word.chars().next(), letters(&word));
        spellings[length].push(Spelling { word: Arc::clone(&word), first, letters });
        known.insert(word);
    }

    /// Whether it has a folded word.
    pub fn contains(&self, word: &str) -> bool {
        self.0.known.contains(word)
    }

    /// The words that a folded word may be a typing mistake of: those that differ in
    /// the fewest places, and in no more than its length excuses. Two swapped
    /// letters are one place (optimal string alignment). The first letter is right,
    /// except where it was swapped with the second.
    ///
    /// Nothing for a word that is in the vocabulary, is very short, or is not
    /// spelled with letters.
    pub fn meant(&self, word: &str) -> Vec<&str> {
        let length = word.chars().count();
        let excused = match length {
            0..=3 => 0,
            4..=7 => 1,
            8..=MAX_LETTERS => 2,
            _ => 0,
        };
        if excused == 0 || self.contains(word) || !is_spelled(word) {
            return Vec::new();
        }
        let letters = letters(word);
        let mut start = word.chars();
        let (first, second) = (start.next(), start.next());
        let mut meant = Vec::new();
        for distance in 1..=excused {
            for other in length - distance..=length + distance {
                // Each letter more or less changes one bit, each replaced one two.
                let changed = 2 * distance - other.abs_diff(length);
                let near = self.0.spellings.get(other).into_iter().flatten().filter(|known| {
                    (known.letters ^ letters).count_ones() as usize <= changed
                        && (known.first == first || known.first == second && is_swapped(&known.word, word))
                        && osa_distance(&known.word, word) == distance
                });
                meant.extend(near.map(|known| &*known.word));
            }
            if !meant.is_empty() {
                break;
            }
        }
        meant
    }
}

/// Whether a word is of letters alone, in a script whose words are spelled with spaces
/// between them.
fn is_spelled(word: &str) -> bool {
    word.chars().all(|c| {
        c.is_ascii_lowercase() || {
            let script = Script::of(c);
            c.is_alphabetic() && script != Script::Hangul && !script.is_unspaced()
        }
    })
}

/// Whether two words begin with the same two letters, the other way round.
fn is_swapped(a: &str, b: &str) -> bool {
    let (mut a, mut b) = (a.chars(), b.chars());
    let (a, b) = ([a.next(), a.next()], [b.next(), b.next()]);
    a[0] == b[1] && a[1] == b[0]
}

/// The letters that a word has, as bits; letters of other alphabets may share one.
fn letters(word: &str) -> u64 {
    word.chars().fold(0, |letters, c| letters | 1 << (u32::from(c) % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn vocabulary(words: &[&str]) -> Vocabulary {
        let mut vocabulary = Vocabulary::default();
        words.iter().for_each(|word| vocabulary.add(word));
        vocabulary
    }

    #[test]
    fn what_a_mistyped_word_may_mean() {
        let words =
            "export exports sort contact invoice invoices rechnung lösche счета data user2 导出数据库 데이터베이스";
        let vocabulary = vocabulary(&words.split(' ').collect::<Vec<_>>());
        for (mistyped, meant) in [
            ("exprot", "export"),
            ("xeport", "export"),
            ("eksport", ""),
            ("exportz", "export exports"),
            ("expert", "export"),
            ("export", ""),
            ("aport", ""),
            ("srt", ""),
            ("invioces", "invoices"),
            ("lnvoice", ""),
            ("rechnugn", "rechnung"),
            ("losche", "lösche"),
            ("счтеа", "счета"),
            ("contracts", "contact"),
            ("user3", ""),
            ("dtaa", "data"),
            ("导出数据裤", ""),
            ("데이터베이승", ""),
        ] {
            let mut found = vocabulary.meant(mistyped);
            found.sort_unstable();
            assert_eq!(found.join(" "), meant, "{mistyped}");
        }
    }

    proptest! {
        #[test]
        fn it_finds_what_comparing_with_every_word_finds(
            words in prop::collection::vec("[a-dä]{1,12}", 0..80),
            asked in "[a-dä]{1,12}",
        ) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let vocabulary = vocabulary(&words);
            let excused = match asked.chars().count() { 0..=3 => 0, 4..=7 => 1, _ => 2 };
            let begins = |word: &&str| word.chars().next() == asked.chars().next() || is_swapped(word, &asked);
            let distance = |word: &&str| osa_distance(word, &asked);
            let near = || words.iter().copied().filter(begins).filter(|word| distance(word) <= excused);
            let least = near().map(|word| distance(&word)).min();
            let mut expected: Vec<&str> =
                near().filter(|word| Some(distance(word)) == least && least != Some(0)).collect();
            expected.sort_unstable();
            expected.dedup();
            if words.contains(&asked.as_str()) {
                expected.clear();
            }
            let mut found = vocabulary.meant(&asked);
            found.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }
}
