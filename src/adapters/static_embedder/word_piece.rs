//! BERT's uncased tokenization: cleaned, split on white space and punctuation,
//! then the longest known piece from the left, again and again.

use icu_properties::CodePointMapData;
use icu_properties::props::{GeneralCategory, GeneralCategoryGroup};
use rustc_hash::FxHashMap;
use unicode_normalization::UnicodeNormalization;

/// Longest word in characters; a longer one is unknown as a whole.
const MAX_WORD_CHARS: usize = 100;
/// The id of padding and of unknown words: their rows are zero, so they are left out.
const FIRST_KNOWN: u32 = 2;

/// The pieces of words that have an id.
#[derive(Debug)]
pub struct Vocabulary {
    /// Pieces that start a word.
    first: FxHashMap<&'static str, u32>,
    /// Pieces that go on in a word, without `##`.
    inner: FxHashMap<&'static str, u32>,
    /// Longest piece in bytes.
    longest: usize,
}

/// Buffers that one caller reuses from text to text.
#[derive(Debug, Default)]
pub struct Scratch {
    word: String,
    ids: Vec<u32>,
}

impl Vocabulary {
    /// Reads one token a line; the line is the id, from 0.
    pub fn new(lines: &'static str) -> Self {
        let mut vocabulary = Self { first: FxHashMap::default(), inner: FxHashMap::default(), longest: 0 };
        for (id, token) in (0_u32..).zip(lines.lines()) {
            if id < FIRST_KNOWN {
                continue;
            }
            let (pieces, piece) = match token.strip_prefix("##") {
                Some(piece) if !piece.is_empty() => (&mut vocabulary.inner, piece),
                _ => (&mut vocabulary.first, token),
            };
            pieces.insert(piece, id);
            vocabulary.longest = vocabulary.longest.max(piece.len());
        }
        vocabulary
    }

    /// Calls `visit` with the id of each known token of `text`, in order.
    pub fn tokenize(&self, text: &str, scratch: &mut Scratch, mut visit: impl FnMut(u32)) {
        scratch.word.clear();
        if text.is_ascii() {
            for byte in text.bytes() {
                self.step(char::from(byte.to_ascii_lowercase()), scratch, &mut visit);
            }
        } else {
            for c in text.chars() {
                if c.is_ascii() {
                    self.step(c.to_ascii_lowercase(), scratch, &mut visit);
                } else if is_dropped(c) {
                } else if is_cjk(c) {
                    self.flush(scratch, &mut visit);
                    scratch.word.push(c);
                    self.flush(scratch, &mut visit);
                } else if c.is_whitespace() {
                    self.flush(scratch, &mut visit);
                } else {
                    let bare = std::iter::once(c).nfd().filter(|c| !is_nonspacing(*c)).flat_map(char::to_lowercase);
                    bare.for_each(|c| self.step(c, scratch, &mut visit));
                }
            }
        }
        self.flush(scratch, &mut visit);
    }

    /// Takes one clean character in lower case.
    #[inline]
    fn step(&self, c: char, scratch: &mut Scratch, visit: &mut impl FnMut(u32)) {
        if c.is_ascii_alphanumeric() {
            scratch.word.push(c);
        } else if is_space(c) {
            self.flush(scratch, visit);
        } else if is_dropped(c) {
        } else if is_punctuation(c) {
            self.flush(scratch, visit);
            scratch.word.push(c);
            self.flush(scratch, visit);
        } else {
            scratch.word.push(c);
        }
    }

    /// Cuts the word in `scratch` into pieces; all or nothing.
    fn flush(&self, scratch: &mut Scratch, visit: &mut impl FnMut(u32)) {
        let Scratch { word, ids } = scratch;
        if word.is_empty() {
            return;
        }
        if let Some(id) = self.first.get(word.as_str()) {
            visit(*id);
        } else if word.len() <= MAX_WORD_CHARS || word.chars().count() <= MAX_WORD_CHARS {
            ids.clear();
            if self.pieces(word, ids) {
                ids.iter().for_each(|id| visit(*id));
            }
        }
        word.clear();
    }

    fn pieces(&self, word: &str, ids: &mut Vec<u32>) -> bool {
        let mut rest = word;
        while !rest.is_empty() {
            let known = if ids.is_empty() { &self.first } else { &self.inner };
            let mut end = rest.len().min(self.longest);
            let found = loop {
                if end == 0 {
                    return false;
                }
                if let Some(id) = rest.get(..end).and_then(|piece| known.get(piece)) {
                    break *id;
                }
                end -= 1;
            };
            ids.push(found);
            rest = &rest[end..];
        }
        true
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r') || (!c.is_ascii() && c.is_whitespace())
}

/// The general category of a character outside ASCII.
fn category(c: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(c)
}

/// Characters that BERT's cleaning removes: the general category C without tab
/// and line ends, and the replacement character.
fn is_dropped(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' => false,
        '\u{FFFD}' => true,
        c if c.is_ascii() => c.is_control(),
        c => GeneralCategoryGroup::Other.contains(category(c)),
    }
}

/// Marks that NFD leaves behind accented letters.
fn is_nonspacing(c: char) -> bool {
    !c.is_ascii() && category(c) == GeneralCategory::NonspacingMark
}

/// The blocks that BERT calls Chinese characters.
fn is_cjk(c: char) -> bool {
    matches!(c,
        '\u{3400}'..='\u{4DBF}'
        | '\u{4E00}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{2A6DF}'
        | '\u{2A700}'..='\u{2CEAF}'
        | '\u{2F800}'..='\u{2FA1F}'
    )
}

/// Punctuation as BERT has it: all of ASCII that is no letter, digit or space,
/// and the general category P.
fn is_punctuation(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_punctuation() } else { GeneralCategoryGroup::Punctuation.contains(category(c)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> String {
        let vocabulary = Vocabulary::new("[PAD]\n[UNK]\nun\nunaffable\n##aff\n##able\na\n,\n世\n界\ncafe\n#\n##a\n-");
        let tokens = ["", "", "un", "unaffable", "##aff", "##able", "a", ",", "世", "界", "cafe", "#", "##a", "-"];
        let mut found = Vec::new();
        vocabulary.tokenize(text, &mut Scratch::default(), |id| found.push(tokens[id as usize]));
        found.join(" ")
    }

    #[test]
    fn words_are_cut_as_bert_cuts_them() {
        for (text, expected) in [
            ("UN unable", "un un ##able"),
            ("unaffable", "unaffable"),
            ("unaffablea", "unaffable ##a"),
            ("unknown a", "a"),
            ("a,a", "a , a"),
            ("世界a", "世 界 a"),
            ("Café cafe\u{301} CAFÉ", "cafe cafe cafe"),
            ("a\u{200B}\u{0}\u{FFFD}a", "a ##a"),
            ("a\u{A0}a\u{3000}a\ta", "a a a a"),
            ("#a", "# a"),
            ("", ""),
        ] {
            assert_eq!(pieces(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_word_of_more_than_a_hundred_characters_is_unknown() {
        let word = |length: usize| "a".repeat(length);
        assert_eq!(pieces(&word(100)).split(' ').count(), 100);
        assert_eq!(pieces(&word(101)), "");
        assert_eq!(pieces(&"é".repeat(101)), "");
    }
}
