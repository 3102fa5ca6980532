//! Excerpts: the pieces of a passage that are quoted, and compared with a question
//! one by one.

use crate::domain::article::{Block, BlockKind};
use crate::text::sentence;

/// A sentence of a paragraph, or a block that is kept whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The number of its block in the passage.
    pub block: usize,
    /// What its block is.
    pub kind: BlockKind,
    /// As it is quoted.
    pub markdown: String,
    /// As it is compared: without marks, as far as sentences can be told apart so.
    pub text: String,
}

/// The excerpts of a passage's blocks, in order: the sentences of paragraphs, and
/// all other blocks whole.
pub fn excerpts(blocks: &[Block]) -> Vec<Excerpt> {
    let mut excerpts = Vec::new();
    for (number, block) in blocks.iter().enumerate() {
        let mut push = |markdown: &str, text: &str| {
            let (markdown, text) = (markdown.trim().to_owned(), text.trim().to_owned());
            if !markdown.is_empty() {
                excerpts.push(Excerpt { block: number, kind: block.kind, markdown, text });
            }
        };
        match block.kind {
            BlockKind::Paragraph => {
                let (quoted, plain) = (sentence::sentences(&block.markdown), sentence::sentences(&block.text));
                // Marks such as `**` can move where sentences end; then the marked one stands for both.
                let is_alike = quoted.len() == plain.len();
                for (at, range) in quoted.into_iter().enumerate() {
                    let markdown = &block.markdown[range];
                    push(markdown, if is_alike { &block.text[plain[at].clone()] } else { markdown });
                }
            }
            BlockKind::Quote => push(&unquoted(&block.markdown), &block.text),
            BlockKind::ListItem | BlockKind::Code | BlockKind::Table => push(&block.markdown, &block.text),
        }
    }
    excerpts
}

/// A quotation without its own marks, since it becomes part of another one.
fn unquoted(markdown: &str) -> String {
    let lines = markdown.lines().map(|line| line.strip_prefix("> ").or(line.strip_prefix('>')).unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_stand_alone_and_other_blocks_whole() {
        let block = |kind, markdown: &str, text: &str| Block { kind, markdown: markdown.into(), text: text.into() };
        let blocks = [
            block(BlockKind::Paragraph, "Press **Export**. Wait.", "Press Export. Wait."),
            block(BlockKind::Code, "```\na. b.\n```", "a. b."),
            block(BlockKind::Quote, "> Yes. No.", "Yes. No."),
            block(BlockKind::Paragraph, " ", ""),
        ];
        let found = excerpts(&blocks);
        let seen: Vec<_> = found.iter().map(|e| (e.block, e.markdown.as_str(), e.text.as_str())).collect();
        assert_eq!(
            seen,
            [
                (0, "Press **Export**.", "Press Export."),
                (0, "Wait.", "Wait."),
                (1, "```\na. b.\n```", "a. b."),
                (2, "Yes. No.", "Yes. No."),
            ]
        );
    }
}
