//! An answer without a language model: the sentences of the best passage that
//! answer the question, quoted.
//!
//! What is quoted reads on its own: a step is quoted with the steps around it,
//! a sentence that announces a list or an example with what it announces, and
//! code and tables whole.

use rustc_hash::FxHashSet;

use crate::domain::article::{Block, BlockKind};
use crate::retrieval::excerpt::{Excerpt, excerpts};
use crate::text::analysis::Analyzer;

/// Characters after which no further sentence is added.
const ENOUGH_CHARS: usize = 360;

/// Characters that a quotation never exceeds, unless one block alone does.
const MAX_CHARS: usize = 1400;

/// What the first sentence of a passage is ahead of the others: authors answer
/// directly under the heading.
const FIRST_SENTENCE_BONUS: f32 = 0.35;

/// What is quoted from a passage.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Quotation {
    /// Markdown; empty when there is nothing to quote.
    pub(super) markdown: String,
    /// How much its best sentence says of what is asked, about 0 to 1.6.
    pub(super) score: f32,
}

/// What the meaning of an excerpt counts beside the words that it has of the question.
const MEANING: f32 = 0.6;

/// Quotes from `blocks` what answers a question made of `terms`.
///
/// `heading` is the passage's own heading: its words count as said. `meanings` are the
/// cosines of the excerpts with the question, as far as they are known.
pub(super) fn quote(
    blocks: &[Block],
    heading: &str,
    terms: &[String],
    meanings: &[f32],
    analyzer: &Analyzer,
) -> Quotation {
    let wanted: FxHashSet<&str> = terms.iter().map(String::as_str).collect();
    let in_heading = words_in(heading, &wanted, analyzer);
    let units = excerpts(blocks);
    let score = |(at, unit): (usize, &Excerpt)| {
        let mut found = words_in(&unit.markdown, &wanted, analyzer);
        let said = found.len();
        found.extend(in_heading.iter().cloned());
        let coverage = ratio(found.len(), wanted.len());
        let own = ratio(said, wanted.len());
        let meaning = meanings.get(at).map_or(0.0, |cosine| cosine.clamp(0.0, 1.0));
        own + 0.25 * coverage + MEANING * meaning + if at == 0 { FIRST_SENTENCE_BONUS } else { 0.0 }
    };
    let scores: Vec<f32> = units.iter().enumerate().map(score).collect();
    let Some(best) = (0..units.len()).max_by(|a, b| scores[*a].total_cmp(&scores[*b]).then(b.cmp(a))) else {
        return Quotation::default();
    };
    let chosen = extend(&units, best);
    Quotation { markdown: render(&units[chosen]), score: scores[best] }
}

/// The units around the best one that make it readable.
fn extend(units: &[Excerpt], best: usize) -> std::ops::Range<usize> {
    let (mut start, mut end) = (best, best + 1);
    let length =
        |range: std::ops::Range<usize>| units[range].iter().map(|unit| unit.markdown.chars().count()).sum::<usize>();
    if units[best].kind == BlockKind::ListItem {
        while end < units.len() && units[end].kind == BlockKind::ListItem && length(start..end + 1) <= MAX_CHARS {
            end += 1;
        }
        while start > 0 && units[start - 1].kind == BlockKind::ListItem && length(start - 1..end) <= MAX_CHARS {
            start -= 1;
        }
    }
    // What announces the quoted block belongs to it.
    if start > 0 && announces(&units[start - 1]) && units[start].kind != BlockKind::Paragraph {
        start -= 1;
    }
    while end < units.len() {
        let announced = announces(&units[end - 1]);
        let same_block = units[end].block == units[end - 1].block;
        let next_step = units[end].kind == BlockKind::ListItem && units[end - 1].kind == BlockKind::ListItem;
        let same_text = units[end].kind == BlockKind::Paragraph && units[end - 1].kind == BlockKind::Paragraph;
        let flows = announced || next_step || (same_block || same_text) && length(start..end) < ENOUGH_CHARS;
        if !flows || length(start..end + 1) > MAX_CHARS {
            break;
        }
        end += 1;
    }
    // Nothing may be announced that does not follow.
    while end - start > 1 && announces(&units[end - 1]) {
        end -= 1;
    }
    start..end
}

fn announces(unit: &Excerpt) -> bool {
    unit.kind == BlockKind::Paragraph && unit.markdown.ends_with([':', '：'])
}

/// Joins units into a Markdown quotation: sentences of one block on one line.
fn render(units: &[Excerpt]) -> String {
    let mut text = String::new();
    for (i, unit) in units.iter().enumerate() {
        match i.checked_sub(1).map(|before| &units[before]) {
            None => {}
            Some(before) if before.block == unit.block && before.markdown.ends_with(['。', '！', '？']) => {}
            Some(before) if before.block == unit.block => text.push(' '),
            Some(before) if before.kind == BlockKind::ListItem && unit.kind == BlockKind::ListItem => text.push('\n'),
            Some(_) => text.push_str("\n\n"),
        }
        text.push_str(&unit.markdown);
    }
    text.lines().map(|line| format!("> {line}").trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

fn words_in(text: &str, wanted: &FxHashSet<&str>, analyzer: &Analyzer) -> FxHashSet<String> {
    let mut found = FxHashSet::default();
    analyzer.visit(text, |term| {
        if wanted.contains(term.text) {
            found.insert(term.text.to_owned());
        }
    });
    found
}

#[expect(clippy::cast_precision_loss, reason = "numbers of words are far below 2^24")]
fn ratio(part: usize, whole: usize) -> f32 {
    if whole == 0 { 0.0 } else { part as f32 / whole as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::language::Language;

    fn block(kind: BlockKind, text: &str) -> Block {
        Block { kind, markdown: text.to_owned(), text: text.to_owned() }
    }

    fn check(blocks: &[Block], question: &str, expected: &str) {
        let analyzer = Analyzer::of(Language::ENGLISH);
        let terms: Vec<_> = analyzer.terms(question).into_iter().filter(|t| !t.stopword).map(|t| t.text).collect();
        assert_eq!(quote(blocks, "", &terms, &[], &analyzer).markdown, expected);
    }

    #[test]
    fn steps_are_quoted_together_with_what_announces_them() {
        let blocks = [
            block(BlockKind::Paragraph, "Reports show the last month. To export a report:"),
            block(BlockKind::ListItem, "1. Open the report."),
            block(BlockKind::ListItem, "2. Press **Export** and choose a format."),
            block(BlockKind::Paragraph, "Old reports are deleted after a year."),
        ];
        check(
            &blocks,
            "which format can I choose for the export",
            "> To export a report:\n>\n> 1. Open the report.\n> 2. Press **Export** and choose a format.",
        );
    }

    #[test]
    fn a_sentence_is_quoted_without_the_rest_of_a_long_article() {
        let filler = "Something else is told here at some length so that it is clearly enough for one quotation, is it not, and then some more of it. ".repeat(3);
        let blocks = [
            block(BlockKind::Paragraph, &filler),
            block(BlockKind::Paragraph, "Invoices are sent on the first day of each month. They list every seat."),
            block(BlockKind::Paragraph, &filler),
        ];
        let analyzer = Analyzer::of(Language::ENGLISH);
        let quoted =
            quote(&blocks, "", &["invoic".to_owned(), "month".to_owned(), "sent".to_owned()], &[], &analyzer).markdown;
        assert!(
            quoted.starts_with("> Invoices are sent on the first day of each month. They list every seat."),
            "{quoted}"
        );
        assert!(quoted.len() < 700, "{quoted}");
    }

    #[test]
    fn nothing_is_announced_that_does_not_follow() {
        let code = format!("```\n{}\n```", "x".repeat(MAX_CHARS));
        let blocks = [block(BlockKind::Paragraph, "Use this key. Like so:"), block(BlockKind::Code, &code)];
        check(&blocks, "which key", "> Use this key.");
    }
}
