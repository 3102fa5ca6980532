//! From text to the terms that are searched for.
//!
//! The same analysis reads articles and questions. A word gives its stem; a
//! name such as `user_id` gives itself and its parts; text without spaces
//! gives its words and its pairs of characters, since no dictionary has every
//! name and the two sides must still meet.

use std::borrow::Cow;

use super::identifier;
use super::language::Language;
use super::normalize::{fold_word, strip_accents};
use super::script::Script;
use super::segment::{self, Segment, SegmentKind};
use super::stem::WordStemmer;
use super::stopword::Stopwords;

/// What a [`Term`] stands for in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TermKind {
    /// A word.
    Word,
    /// A name with several parts, joined without separators.
    Name,
    /// One part of a name.
    Part,
    /// One character of Han or kana, where a word has several.
    Character,
    /// Two neighboring characters of a script without spaces, or of Hangul.
    Pair,
}

/// One term and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term<'a> {
    /// The form that is compared.
    pub text: &'a str,
    /// Byte offset of its first character in the analyzed text.
    pub start: usize,
    /// Byte offset after its last character.
    pub end: usize,
    /// The number of words before it; the parts of a name count as words, and
    /// the name stands where its first part does.
    pub position: u32,
    /// What it stands for.
    pub kind: TermKind,
    /// Whether it says nothing on what a text is about.
    pub stopword: bool,
}

/// A [`Term`] that owns its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedTerm {
    /// The form that is compared.
    pub text: String,
    /// Byte offset of its first character in the analyzed text.
    pub start: usize,
    /// Byte offset after its last character.
    pub end: usize,
    /// The number of words before it.
    pub position: u32,
    /// What it stands for.
    pub kind: TermKind,
    /// Whether it says nothing on what a text is about.
    pub stopword: bool,
}

/// Longest term, in bytes; the rest of a longer one is cut off.
pub const MAX_TERM_BYTES: usize = 120;

/// Reads text of one language.
pub struct Analyzer {
    language: Language,
    stemmer: WordStemmer,
    stopwords: Stopwords,
}

impl Analyzer {
    /// The analyzer of a language. It is cheap to make.
    pub fn of(language: Language) -> Self {
        Self { language, stemmer: WordStemmer::of(language), stopwords: Stopwords::of(language) }
    }

    /// The language it reads.
    pub fn language(&self) -> Language {
        self.language
    }

    /// The terms of `text`, in order.
    pub fn terms(&self, text: &str) -> Vec<OwnedTerm> {
        let mut terms = Vec::new();
        self.visit(text, |term| {
            terms.push(OwnedTerm {
                text: term.text.to_owned(),
                start: term.start,
                end: term.end,
                position: term.position,
                kind: term.kind,
                stopword: term.stopword,
            });
        });
        terms
    }

    /// Calls `visit` with every term of `text`, in order, and returns the number of words.
    pub fn visit(&self, text: &str, mut visit: impl FnMut(Term<'_>)) -> u32 {
        let mut position = 0;
        segment::segments(text, |segment| match segment.kind {
            SegmentKind::Word => {
                self.word(segment.text, segment.start, position, TermKind::Word, &mut visit);
                position += 1;
            }
            SegmentKind::Name => position += self.name(segment, position, &mut visit),
            SegmentKind::Hangul => {
                self.word(segment.text, segment.start, position, TermKind::Word, &mut visit);
                neighbors(segment.text, segment.start, TermKind::Pair, &|_| position, &mut visit);
                position += 1;
            }
            SegmentKind::Run => position += self.run(segment, position, &mut visit),
        });
        position
    }

    fn word(&self, word: &str, start: usize, position: u32, kind: TermKind, visit: &mut impl FnMut(Term<'_>)) {
        let folded = fold_word(word);
        let stopword = self.stopwords.contains(&folded);
        // Most words of a text are stopwords, and their stems are of no use.
        let stem = if stopword { Cow::Borrowed(folded.as_ref()) } else { self.stemmer.stem(&folded) };
        let text = cut(strip_accents(&stem));
        if !text.is_empty() {
            visit(Term { text: &text, start, end: start + word.len(), position, kind, stopword });
        }
    }

    fn name(&self, segment: Segment<'_>, position: u32, visit: &mut impl FnMut(Term<'_>)) -> u32 {
        let Segment { text, start, .. } = segment;
        let has_apostrophe = text.contains(['\'', '’']);
        if has_apostrophe && !text.chars().any(identifier::is_connector) {
            return self.contraction(text, start, position, visit);
        }
        if identifier::is_number(text) || text.as_bytes().first().is_some_and(u8::is_ascii_digit) && text.contains(',')
        {
            let digits = text.replace(',', "");
            visit(Term {
                text: &cut_str(&digits),
                start,
                end: start + text.len(),
                position,
                kind: TermKind::Word,
                stopword: false,
            });
            return 1;
        }
        let mut count = 0;
        identifier::parts(text, |_| count += 1);
        if count < 2 {
            self.word(text, start, position, TermKind::Word, visit);
            return 1;
        }
        let joined: String =
            text.chars().filter(|c| !identifier::is_connector(*c) && !matches!(c, '\'' | '’')).collect();
        let folded = fold_word(&joined);
        let stem = self.stemmer.stem(&folded);
        let whole = cut(strip_accents(&stem));
        visit(Term { text: &whole, start, end: start + text.len(), position, kind: TermKind::Name, stopword: false });
        let mut next = position;
        identifier::parts(text, |range| {
            self.word(&text[range.clone()], start + range.start, next, TermKind::Part, visit);
            next += 1;
        });
        next - position
    }

    /// A word with an apostrophe: `don't`, `user's`, and the elisions of
    /// Romance languages (`l'exportation`), which are two words.
    fn contraction(&self, text: &str, start: usize, position: u32, visit: &mut impl FnMut(Term<'_>)) -> u32 {
        let elides = matches!(self.language.as_str(), "fr" | "it" | "ca");
        if elides && let Some((at, mark)) = text.char_indices().find(|(_, c)| matches!(c, '\'' | '’')) {
            let after = at + mark.len_utf8();
            self.word(&text[..at], start, position, TermKind::Word, visit);
            self.word(&text[after..], start + after, position + 1, TermKind::Word, visit);
            return 2;
        }
        self.word(text, start, position, TermKind::Word, visit);
        1
    }

    fn run(&self, segment: Segment<'_>, position: u32, visit: &mut impl FnMut(Term<'_>)) -> u32 {
        let Segment { text, start, .. } = segment;
        let mut next = position;
        let mut ends = Vec::new();
        segment::words_of_run(text, |range| {
            self.word(&text[range.clone()], start + range.start, next, TermKind::Word, visit);
            ends.push(range.end);
            next += 1;
        });
        let is_han = text.chars().any(|c| matches!(Script::of(c), Script::Han | Script::Kana));
        if is_han {
            let place = |at: usize| {
                let before = ends.partition_point(|end| *end <= at);
                position + u32::try_from(before).unwrap_or(0)
            };
            neighbors(text, start, TermKind::Character, &place, visit);
            neighbors(text, start, TermKind::Pair, &place, visit);
        }
        next - position
    }
}

/// Visits each character, or each pair of neighboring ones, that is not the whole text.
fn neighbors(
    text: &str,
    start: usize,
    kind: TermKind,
    place: &impl Fn(usize) -> u32,
    visit: &mut impl FnMut(Term<'_>),
) {
    let length = if kind == TermKind::Pair { 2 } else { 1 };
    let folded = fold_word(text);
    if folded.len() != text.len() {
        // Offsets would not fit; compatibility letters in such runs are rare.
        return;
    }
    let offsets: Vec<usize> = folded.char_indices().map(|(at, _)| at).chain([folded.len()]).collect();
    if offsets.len() <= length + 1 {
        return;
    }
    for ends in offsets.windows(length + 1) {
        let (from, to) = (ends[0], ends[length]);
        visit(Term {
            text: &folded[from..to],
            start: start + from,
            end: start + to,
            position: place(from),
            kind,
            stopword: false,
        });
    }
}

fn cut(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.len() <= MAX_TERM_BYTES { text } else { Cow::Owned(cut_str(&text)) }
}

fn cut_str(text: &str) -> String {
    let mut end = text.len().min(MAX_TERM_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn analyzed(language: &str, text: &str) -> String {
        let analyzer = Analyzer::of(Language::new(language).unwrap());
        let mark = |term: &OwnedTerm| {
            assert!(text.is_char_boundary(term.start) && text.is_char_boundary(term.end) && term.start < term.end);
            format!("{}{}:{}", if term.stopword { "-" } else { "" }, term.text, term.position)
        };
        analyzer.terms(text).iter().map(mark).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn terms_of_many_languages() {
        for (language, text, expected) in [
            ("en", "Exporting the files", "export:0 -the:1 file:2"),
            ("en", "user_id or HTTP2Server", "userid:0 user:0 id:1 -or:2 http2server:3 http2:3 server:4"),
            ("en", "e-mail, the user's 10,000 v1.2", "email:0 e:0 mail:1 -the:2 user:3 10000:4 v12:5 v1:5 2:6"),
            ("de", "Die Rechnungen über Größe", "-die:0 rechnung:1 -uber:2 gross:3"),
            ("fr", "l'exportation des données", "-l:0 export:1 -des:2 don:3"),
            ("zh", "导出数据", "导出:0 数据:1 导:0 出:0 数:1 据:1 导出:0 出数:0 数据:1"),
            ("zh", "导出", "导出:0 导:0 出:0"),
            ("ko", "데이터를 내보내기", "데이터를:0 데이:0 이터:0 터를:0 내보내기:1 내보:1 보내:1 내기:1"),
            ("th", "ส่งออกข้อมูล", "ส่ง:0 ออก:1 ข้อมูล:2"),
            ("ru", "Экспорт счетов", "экспорт:0 счет:1"),
        ] {
            assert_eq!(analyzed(language, text), expected, "{text}");
        }
    }

    #[test]
    fn long_words_are_cut_between_characters() {
        let analyzer = Analyzer::of(Language::ENGLISH);
        for word in ["x".repeat(5_000), "é".repeat(5_000), "a_".repeat(5_000)] {
            assert!(analyzer.terms(&word).iter().all(|term| term.text.len() <= MAX_TERM_BYTES));
        }
    }
}
