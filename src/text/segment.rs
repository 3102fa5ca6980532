//! Cuts text into words, whether or not its script writes spaces.
//!
//! Scripts with spaces are cut by a scan of our own, which is several times
//! faster than the general rules and keeps names such as `user_id` whole.
//! Chinese, Japanese, Thai, Lao, Khmer and Burmese runs are cut by ICU4X, from
//! dictionaries and models that are compiled in.

use std::sync::LazyLock;

use icu_segmenter::options::WordBreakInvariantOptions;
use icu_segmenter::{WordSegmenter, WordSegmenterBorrowed};
use unicode_normalization::char::is_combining_mark;

use super::identifier::is_connector;
use super::script::Script;

/// What a [`Segment`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentKind {
    /// A word of letters and digits alone.
    Word,
    /// A word with connectors, apostrophes or capitals inside.
    Name,
    /// A word of Hangul, to which particles may be attached.
    Hangul,
    /// A run of a script without spaces, to be cut by [`words_of_run`].
    Run,
}

/// A word, or a run of words without spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// The text, as written.
    pub text: &'a str,
    /// Byte offset where it starts.
    pub start: usize,
    /// What it is.
    pub kind: SegmentKind,
}

/// The side of a boundary on which a character stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Spaced,
    Hangul,
    Unspaced,
    Outside,
}

fn class(c: char) -> Class {
    if c.is_ascii() {
        return if c.is_ascii_alphanumeric() { Class::Spaced } else { Class::Outside };
    }
    match Script::of(c) {
        Script::Common if c.is_alphanumeric() => Class::Spaced,
        Script::Common => Class::Outside,
        Script::Hangul => Class::Hangul,
        script if !c.is_alphanumeric() && !is_combining_mark(c) => {
            debug_assert_ne!(script, Script::Common);
            Class::Outside
        }
        script if script.is_unspaced() => Class::Unspaced,
        _ => Class::Spaced,
    }
}

/// Characters that stand inside a word without ending it.
fn is_inner(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{200C}' | '\u{200D}') || (!c.is_ascii() && is_combining_mark(c))
}

/// Calls `visit` with every segment of `text`, in order.
pub fn segments<'a>(text: &'a str, mut visit: impl FnMut(Segment<'a>)) {
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let class = class(c);
        let start = at;
        at += c.len_utf8();
        let kind = match class {
            Class::Outside => continue,
            Class::Spaced => {
                let (end, kind) = spaced_end(text, start);
                at = end;
                kind
            }
            Class::Hangul => {
                at = run_end(text, at, Class::Hangul);
                SegmentKind::Hangul
            }
            Class::Unspaced => {
                at = run_end(text, at, Class::Unspaced);
                SegmentKind::Run
            }
        };
        visit(Segment { text: &text[start..at], start, kind });
    }
}

fn run_end(text: &str, mut at: usize, wanted: Class) -> usize {
    for c in text[at..].chars() {
        if class(c) != wanted && !is_inner(c) {
            break;
        }
        at += c.len_utf8();
    }
    at
}

/// Where the word that starts at `start` ends, and whether it is plain.
fn spaced_end(text: &str, start: usize) -> (usize, SegmentKind) {
    let bytes = text.as_bytes();
    let mut at = start;
    let mut kind = SegmentKind::Word;
    let mut before = '\0';
    while let Some(c) = next_char(text, at) {
        if c.is_ascii_alphanumeric() {
            let rises = c.is_ascii_uppercase() && at > start && !before.is_ascii_uppercase();
            let falls = c.is_ascii_lowercase() && before.is_ascii_uppercase() && at > start + 1;
            if rises || falls {
                kind = SegmentKind::Name;
            }
        } else if c.is_ascii() || is_connector(c) || c == '’' {
            let after = next_char(text, at + c.len_utf8());
            let joins = match c {
                '\'' | '’' => after.is_some_and(char::is_alphabetic),
                ',' => is_thousands(&bytes[at + 1..]) && before.is_ascii_digit(),
                '_' => after.is_some_and(|after| after == '_' || class(after) == Class::Spaced),
                _ => is_connector(c) && after.is_some_and(|after| class(after) == Class::Spaced),
            };
            if !joins {
                break;
            }
            kind = SegmentKind::Name;
        } else if class(c) == Class::Spaced {
            if c.is_uppercase() && at > start {
                kind = SegmentKind::Name;
            }
        } else if !is_inner(c) {
            break;
        }
        before = c;
        at += c.len_utf8();
    }
    let at = start + text[start..at].trim_end_matches('_').len();
    (at + programming_suffix(&text[start..at], &bytes[at..]), kind)
}

fn next_char(text: &str, at: usize) -> Option<char> {
    match text.as_bytes().get(at) {
        Some(byte) if byte.is_ascii() => Some(char::from(*byte)),
        Some(_) => text[at..].chars().next(),
        None => None,
    }
}

/// Whether exactly three digits follow, as after the comma of `10,000`.
fn is_thousands(rest: &[u8]) -> bool {
    rest.len() >= 3 && rest[..3].iter().all(u8::is_ascii_digit) && !rest.get(3).is_some_and(u8::is_ascii_digit)
}

/// The length of `++` or `#` after a single letter: `C++`, `C#`, `F#`.
fn programming_suffix(word: &str, rest: &[u8]) -> usize {
    match rest {
        _ if word.len() != 1 || !word.as_bytes()[0].is_ascii_alphabetic() => 0,
        [b'+', b'+', ..] => 2,
        [b'#', after, ..] if after.is_ascii_alphanumeric() => 0,
        [b'#', ..] => 1,
        _ => 0,
    }
}

static UNSPACED: LazyLock<WordSegmenterBorrowed<'static>> =
    LazyLock::new(|| WordSegmenter::new_auto(WordBreakInvariantOptions::default()));

/// Calls `visit` with the byte range of each word in a run of a script without spaces.
pub fn words_of_run(run: &str, mut visit: impl FnMut(std::ops::Range<usize>)) {
    let mut start = 0;
    for end in UNSPACED.segment_str(run) {
        if end > start {
            visit(start..end);
        }
        start = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> String {
        let mut all = Vec::new();
        segments(text, |segment| {
            assert_eq!(&text[segment.start..segment.start + segment.text.len()], segment.text);
            if segment.kind == SegmentKind::Run {
                words_of_run(segment.text, |range| all.push(segment.text[range].to_owned()));
            } else {
                all.push(segment.text.to_owned());
            }
        });
        all.join("|")
    }

    #[test]
    fn words_of_many_scripts() {
        for (text, expected) in [
            ("How do I export my data?", "How|do|I|export|my|data"),
            ("Set `user_id` or fooBar; don't use-this.", "Set|user_id|or|fooBar|don't|use-this"),
            ("Costs $10,000.50 (or 3,5 %), 1,2,3", "Costs|10,000.50|or|3|5|1|2|3"),
            ("C++ and C# and F#m", "C++|and|C#|and|F|m"),
            ("__init__ a_b__c", "init|a_b__c"),
            ("Größe über naïve e\u{301}te\u{301}", "Größe|über|naïve|e\u{301}te\u{301}"),
            ("Привет, мир!", "Привет|мир"),
            ("مرحبا بالعالم، كيف؟", "مرحبا|بالعالم|كيف"),
            ("नमस्ते दुनिया।", "नमस्ते|दुनिया"),
            ("데이터를 내보내기", "데이터를|내보내기"),
            ("如何导出CSV文件？", "如何|导出|CSV|文件"),
            ("データをエクスポートする", "データ|を|エクスポート|する"),
            ("ส่งออกข้อมูล", "ส่ง|ออก|ข้อมูล"),
            ("ver2.0 of 308分", "ver2.0|of|308|分"),
            ("", ""),
            ("… — 🙂", ""),
        ] {
            assert_eq!(cut(text), expected, "{text}");
        }
    }

    #[test]
    fn plain_words_are_told_from_names() {
        for (text, kind) in [
            ("word", SegmentKind::Word),
            ("Word", SegmentKind::Word),
            ("URL", SegmentKind::Word),
            ("don't", SegmentKind::Name),
            ("fooBar", SegmentKind::Name),
            ("a-b", SegmentKind::Name),
            ("Ünder", SegmentKind::Word),
            ("데이터", SegmentKind::Hangul),
            ("导出", SegmentKind::Run),
        ] {
            segments(text, |segment| assert_eq!(segment.kind, kind, "{text}"));
        }
    }
}
