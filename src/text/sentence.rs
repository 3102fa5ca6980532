//! Cuts text into sentences, to quote the ones that answer a question.

use std::ops::Range;
use std::sync::LazyLock;

use icu_segmenter::options::SentenceBreakInvariantOptions;
use icu_segmenter::{SentenceSegmenter, SentenceSegmenterBorrowed};

static SEGMENTER: LazyLock<SentenceSegmenterBorrowed<'static>> =
    LazyLock::new(|| SentenceSegmenter::new(SentenceBreakInvariantOptions::default()));

/// Abbreviations after which a sentence goes on, in lower case, without the final full stop.
const ABBREVIATIONS: [&str; 44] = [
    "approx", "art", "bzw", "ca", "cf", "co", "corp", "dept", "dr", "e.g", "ed", "eg", "etc", "ex", "fig", "i.e", "ie",
    "inc", "incl", "jr", "ltd", "max", "min", "mr", "mrs", "ms", "mt", "no", "nr", "p.ej", "pp", "prof", "resp", "s",
    "sec", "sr", "st", "tel", "u.a", "usw", "v", "vgl", "vs", "z.b",
];

/// The byte ranges of the sentences of `text`, without the white space around
/// them. A sentence does not end after an abbreviation or an initial, nor
/// before a word in lower case; it ends at an empty line.
pub fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut all: Vec<Range<usize>> = Vec::new();
    let mut open: Option<usize> = None;
    let mut start = 0;
    for end in SEGMENTER.segment_str(text) {
        let from = open.unwrap_or(start);
        start = end;
        if end < text.len() && !is_end(&text[from..end], &text[end..]) {
            open = Some(from);
            continue;
        }
        open = None;
        let piece = &text[from..end];
        let trimmed = piece.trim();
        if !trimmed.is_empty() {
            let begin = from + (piece.len() - piece.trim_start().len());
            all.push(begin..begin + trimmed.len());
        }
    }
    all
}

/// Whether a sentence ends between `before` and `after`.
fn is_end(before: &str, after: &str) -> bool {
    let trimmed = before.trim_end();
    let space = &before[trimmed.len()..];
    let blank_line = space.matches('\n').count() > 1;
    if blank_line || trimmed.is_empty() {
        return blank_line;
    }
    if !trimmed.ends_with('.') {
        return true;
    }
    if after.trim_start().starts_with(char::is_lowercase) {
        return false;
    }
    let stopped = &trimmed[..trimmed.len() - 1];
    let word = stopped.rsplit(|c: char| c.is_whitespace() || matches!(c, '(' | '[' | '"')).next().unwrap_or(stopped);
    let lower = word.to_lowercase();
    let is_initial = word.chars().count() == 1 && word.chars().all(char::is_uppercase) && word != "I";
    !is_initial && ABBREVIATIONS.binary_search(&lower.as_str()).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(text: &str) -> Vec<&str> {
        sentences(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn sentences_end_where_readers_see_an_end() {
        for (text, expected) in [
            ("One. Two! Three?", vec!["One.", "Two!", "Three?"]),
            ("Use a tool, e.g. Docent, to answer. Done.", vec!["Use a tool, e.g. Docent, to answer.", "Done."]),
            ("Dr. Smith met J. Doe. They left.", vec!["Dr. Smith met J. Doe.", "They left."]),
            ("Version 1.2. is out", vec!["Version 1.2. is out"]),
            ("It costs $3.50. Pay now.", vec!["It costs $3.50.", "Pay now."]),
            ("导出数据。然后下载！", vec!["导出数据。", "然后下载！"]),
            ("Ask z.B. Anna. Gut.", vec!["Ask z.B. Anna.", "Gut."]),
            ("  spaced  ", vec!["spaced"]),
            ("", vec![]),
        ] {
            assert_eq!(cut(text), expected, "{text}");
        }
    }

    #[test]
    fn abbreviations_are_sorted() {
        assert!(ABBREVIATIONS.is_sorted());
    }

    proptest! {
        #[test]
        fn nothing_but_space_is_lost(text in "(\\PC|[ .!?\n]){0,80}") {
            let mut rest = text.clone();
            for range in sentences(&text).into_iter().rev() {
                rest.replace_range(range, "");
            }
            prop_assert!(rest.chars().all(char::is_whitespace), "{:?}", rest);
        }
    }
}
