//! Passages: the pieces of an article that are searched, cited and quoted.

use std::ops::Range;
use std::sync::Arc;

use crate::domain::article::{Article, Block, BlockKind};
use crate::text::language::Language;
use crate::text::segment;
use crate::text::sentence;

/// Most words of a passage, except for a code block or table that alone has more.
pub const MAX_WORDS: usize = 220;
/// Sections with fewer words are joined with their neighbors under the same heading.
pub const TINY_WORDS: usize = 12;

/// A piece of an article under one heading, or under several tiny ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Passage {
    /// The article that it is from.
    pub article: Arc<Article>,
    /// Its place among the passages of the article, from 0.
    pub ordinal: usize,
    /// Headings from the outermost to its own, without the article's title; to
    /// the common one above when it joins several sections.
    pub heading_path: Vec<String>,
    /// The fragment that leads to its heading, without `#`.
    pub anchor: Option<String>,
    /// Where a reader finds it: the article's address with the fragment.
    pub url: String,
    /// Its blocks in order. The headings of joined sections are among them, as
    /// paragraphs in bold.
    pub blocks: Vec<Block>,
    /// The plain text of its blocks, one a line.
    pub text: String,
    /// The language of its article.
    pub language: Language,
    /// How many words [`Self::text`] has.
    pub words: usize,
}

/// A section, or several tiny ones together, with the length of its blocks.
struct Part<'a> {
    heading_path: &'a [String],
    anchor: Option<&'a str>,
    blocks: Vec<(Block, usize)>,
    is_tiny: bool,
    /// Whether it has several sections; then its path is that of the heading above them.
    is_joined: bool,
}

impl Part<'_> {
    fn words(&self) -> usize {
        self.blocks.iter().map(|(_, words)| words).sum()
    }
}

/// Splits an article into passages, in order. An article without text gives
/// one empty passage, so that its title can be found.
pub fn split(article: &Arc<Article>, language: Language) -> Vec<Passage> {
    let mut parts: Vec<Part<'_>> = Vec::new();
    for section in &article.sections {
        let blocks: Vec<(Block, usize)> = section.blocks.iter().flat_map(split_block).collect();
        if blocks.is_empty() {
            continue;
        }
        let is_tiny = blocks.iter().map(|(_, words)| words).sum::<usize>() < TINY_WORDS;
        let mut part = Part {
            heading_path: &section.heading_path,
            anchor: section.anchor.as_deref(),
            blocks,
            is_tiny,
            is_joined: false,
        };
        match parts.last_mut() {
            Some(last) if joins(last, &part) => {
                if !last.is_joined {
                    last.is_joined = true;
                    let own = std::mem::take(&mut last.blocks);
                    last.blocks = heading_block(last.heading_path).into_iter().chain(own).collect();
                    last.heading_path = parent(last.heading_path);
                }
                last.blocks.extend(heading_block(part.heading_path));
                last.blocks.append(&mut part.blocks);
            }
            _ => parts.push(part),
        }
    }
    let mut passages = Vec::new();
    for part in parts {
        for blocks in pack(part.blocks) {
            push(&mut passages, article, language, part.heading_path, part.anchor, blocks);
        }
    }
    if passages.is_empty() {
        push(&mut passages, article, language, &[], None, Vec::new());
    }
    passages
}

fn parent(heading_path: &[String]) -> &[String] {
    heading_path.split_last().map_or(&[], |(_, parent)| parent)
}

/// Whether the tiny section `next` goes with the tiny ones before it: all
/// stand under the same heading.
fn joins(last: &Part<'_>, next: &Part<'_>) -> bool {
    let common = if last.is_joined { last.heading_path } else { parent(last.heading_path) };
    let is_sibling = common == parent(next.heading_path)
        && !next.heading_path.is_empty()
        && (last.is_joined || !last.heading_path.is_empty());
    last.is_tiny && next.is_tiny && is_sibling && last.words() + next.words() <= MAX_WORDS
}

fn heading_block(heading_path: &[String]) -> Option<(Block, usize)> {
    let heading = heading_path.last()?;
    let block = Block { kind: BlockKind::Paragraph, markdown: format!("**{heading}**"), text: heading.clone() };
    let words = count_words(heading);
    Some((block, words))
}

fn push(
    passages: &mut Vec<Passage>,
    article: &Arc<Article>,
    language: Language,
    heading_path: &[String],
    anchor: Option<&str>,
    blocks: Vec<(Block, usize)>,
) {
    let words = blocks.iter().map(|(_, words)| words).sum();
    let blocks: Vec<Block> = blocks.into_iter().map(|(block, _)| block).collect();
    let text = blocks.iter().map(|block| block.text.as_str()).collect::<Vec<_>>().join("\n");
    let url = match anchor {
        Some(anchor) if !article.url.contains('#') => format!("{}#{anchor}", article.url),
        Some(_) | None => article.url.clone(),
    };
    passages.push(Passage {
        article: Arc::clone(article),
        ordinal: passages.len(),
        heading_path: heading_path.to_vec(),
        anchor: anchor.map(str::to_owned),
        url,
        blocks,
        text,
        language,
        words,
    });
}

/// Groups blocks into passages of about equal length, as few as [`MAX_WORDS`] allows.
fn pack(blocks: Vec<(Block, usize)>) -> Vec<Vec<(Block, usize)>> {
    let total: usize = blocks.iter().map(|(_, words)| words).sum();
    let count = total.div_ceil(MAX_WORDS).max(1);
    let target = total.div_ceil(count);
    let mut groups: Vec<Vec<(Block, usize)>> = Vec::with_capacity(count);
    let mut filled = 0;
    for (block, words) in blocks {
        match groups.last_mut() {
            Some(group) if filled + words <= MAX_WORDS && (filled + words / 2 <= target || words == 0) => {
                filled += words;
                group.push((block, words));
            }
            _ => {
                filled = words;
                groups.push(vec![(block, words)]);
            }
        }
    }
    groups
}

/// A block with its length; a block of text that is too long for a passage is
/// cut between its sentences.
fn split_block(block: &Block) -> Vec<(Block, usize)> {
    let words = count_words(&block.text);
    let is_text = match block.kind {
        BlockKind::Paragraph | BlockKind::ListItem | BlockKind::Quote => true,
        BlockKind::Code | BlockKind::Table => false,
    };
    if words <= MAX_WORDS || !is_text {
        return vec![(block.clone(), words)];
    }
    let texts = groups_of_sentences(&block.text, words);
    let sentences = sentence::sentences(&block.text);
    let in_markdown = sentence::sentences(&block.markdown);
    let pieces = texts.into_iter().map(|(sentence_range, words)| {
        let text = span(&block.text, &sentences[sentence_range.clone()]);
        // Marks such as `**` can move where sentences end; then the plain text stands for both.
        let markdown = if in_markdown.len() == sentences.len() {
            span(&block.markdown, &in_markdown[sentence_range])
        } else {
            text
        };
        (Block { kind: block.kind, markdown: markdown.to_owned(), text: text.to_owned() }, words)
    });
    pieces.collect()
}

/// Ranges of neighboring sentences that are about equally long, with their words.
fn groups_of_sentences(text: &str, words: usize) -> Vec<(Range<usize>, usize)> {
    let count = words.div_ceil(MAX_WORDS).max(1);
    let target = words.div_ceil(count);
    let mut groups: Vec<(Range<usize>, usize)> = Vec::with_capacity(count);
    for (at, range) in sentence::sentences(text).into_iter().enumerate() {
        let words = count_words(&text[range]);
        match groups.last_mut() {
            Some((group, filled)) if *filled + words <= MAX_WORDS && *filled + words / 2 <= target => {
                group.end = at + 1;
                *filled += words;
            }
            _ => groups.push((at..at + 1, words)),
        }
    }
    groups
}

fn span<'a>(text: &'a str, sentences: &[Range<usize>]) -> &'a str {
    match (sentences.first(), sentences.last()) {
        (Some(first), Some(last)) => &text[first.start..last.end],
        _ => "",
    }
}

/// Words of a text; in scripts without spaces every two characters count as one.
pub fn count_words(text: &str) -> usize {
    let mut words = 0;
    segment::segments(text, |segment| {
        words += match segment.kind {
            segment::SegmentKind::Word | segment::SegmentKind::Name | segment::SegmentKind::Hangul => 1,
            segment::SegmentKind::Run => segment.text.chars().count().div_ceil(2),
        };
    });
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::article::Section;
    use crate::domain::ids::ArticleId;
    use proptest::prelude::*;

    fn block(kind: BlockKind, text: &str) -> Block {
        Block { kind, markdown: text.to_owned(), text: text.to_owned() }
    }

    fn section(path: &[&str], texts: &[&str]) -> Section {
        Section {
            heading_path: path.iter().map(|heading| (*heading).to_owned()).collect(),
            anchor: path.last().map(|heading| heading.to_lowercase()),
            blocks: texts.iter().map(|text| block(BlockKind::Paragraph, text)).collect(),
        }
    }

    fn article(sections: Vec<Section>) -> Arc<Article> {
        Arc::new(Article {
            id: ArticleId::new("a").unwrap(),
            title: "A".to_owned(),
            url: "/a".to_owned(),
            locale: None,
            audience: None,
            keywords: Vec::new(),
            sections,
        })
    }

    fn words(count: usize) -> String {
        (0..count)
            .map(|at| format!("word{at}{}", if at % 10 == 9 { ". Then" } else { "" }))
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn a_passage_never_crosses_a_heading_that_has_text() {
        let long = words(30);
        let passages = split(&article(vec![section(&[], &[&long]), section(&["One"], &[&long])]), Language::ENGLISH);
        assert_eq!(passages.len(), 2);
        assert_eq!((passages[0].url.as_str(), passages[1].url.as_str()), ("/a", "/a#one"));
        assert_eq!(passages[1].heading_path, ["One"]);
    }

    #[test]
    fn tiny_sections_under_one_heading_are_joined_and_keep_their_headings() {
        let sections = vec![
            section(&["Codes", "E1"], &["Bad key."]),
            section(&["Codes", "E2"], &["Bad id."]),
            section(&["Other"], &["Alone."]),
            section(&["More", "E3"], &["Elsewhere."]),
        ];
        let passages = split(&article(sections), Language::ENGLISH);
        assert_eq!(
            passages.iter().map(|p| p.text.as_str()).collect::<Vec<_>>(),
            ["E1\nBad key.\nE2\nBad id.", "Alone.", "Elsewhere."]
        );
        assert_eq!(passages[0].heading_path, ["Codes"]);
        assert_eq!(passages[0].url, "/a#e1");
    }

    #[test]
    fn code_and_tables_stay_whole() {
        let code = Block { kind: BlockKind::Code, ..block(BlockKind::Code, &words(900)) };
        let with_code = Section { blocks: vec![code.clone()], ..section(&["One"], &[]) };
        let passages = split(&article(vec![with_code]), Language::ENGLISH);
        assert_eq!(passages.len(), 1);
        assert_eq!(passages[0].blocks, [code]);
    }

    #[test]
    fn an_article_without_text_can_still_be_found() {
        let passages = split(&article(vec![section(&["One"], &[])]), Language::ENGLISH);
        assert_eq!(passages.len(), 1);
        assert_eq!(passages[0].text, "");
    }

    fn sections() -> impl Strategy<Value = Vec<Section>> {
        let heading = prop_oneof![Just("One"), Just("Two"), Just("Three")];
        let path = prop::collection::vec(heading, 0..3);
        let text =
            prop_oneof![(0_usize..700).prop_map(words), "(\\PC|[ .]){0,60}".prop_map(|text| text.replace('*', "x"))];
        let kind = prop_oneof![
            Just(BlockKind::Paragraph),
            Just(BlockKind::ListItem),
            Just(BlockKind::Code),
            Just(BlockKind::Table)
        ];
        let blocks = prop::collection::vec((kind, text).prop_map(|(kind, text)| block(kind, &text)), 0..4);
        prop::collection::vec((path, blocks).prop_map(|(path, blocks)| Section { blocks, ..section(&path, &[]) }), 0..6)
    }

    proptest! {
        #[test]
        fn no_text_is_lost_and_order_is_kept(sections in sections()) {
            let article = article(sections);
            let passages = split(&article, Language::ENGLISH);
            let squeeze = |text: &str| text.split_whitespace().collect::<String>();
            let whole: String = article.sections.iter().flat_map(|s| &s.blocks).map(|b| squeeze(&b.text)).collect();
            let is_added = |block: &&Block| !block.markdown.starts_with("**");
            let kept: String =
                passages.iter().flat_map(|p| &p.blocks).filter(is_added).map(|b| squeeze(&b.text)).collect();
            prop_assert_eq!(kept, whole);
            for (at, passage) in passages.iter().enumerate() {
                prop_assert_eq!(passage.ordinal, at);
                let one_piece = passage.blocks.len() == 1;
                prop_assert!(passage.words <= MAX_WORDS || one_piece, "{} words", passage.words);
            }
        }
    }
}
