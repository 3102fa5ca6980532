//! Help articles as the agent reads them.

use super::condition::Audience;
use super::ids::ArticleId;
use super::locale::Locale;

/// A help article.
#[derive(Clone, Debug, PartialEq)]
pub struct Article {
    /// Its identifier.
    pub id: ArticleId,
    /// Its title: front matter, else its first heading, else its file's name.
    pub title: String,
    /// Where a reader finds it.
    pub url: String,
    /// The language it is written in, when its author says so.
    pub locale: Option<Locale>,
    /// Who may see it; everyone when absent.
    pub audience: Option<Audience>,
    /// Further words that it should be found by.
    pub keywords: Vec<String>,
    /// Its text by headings, in order.
    pub sections: Vec<Section>,
}

/// The text under one heading, up to the next heading of any level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Headings from the outermost to this one, without the article's title.
    /// Empty for the text before the first heading.
    pub heading_path: Vec<String>,
    /// The fragment that leads to the heading, without `#`; absent at the top.
    pub anchor: Option<String>,
    /// Its text.
    pub blocks: Vec<Block>,
}

/// A piece of an article that is never cut inside, except a long paragraph
/// between its sentences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// What it is.
    pub kind: BlockKind,
    /// As Markdown, cleaned of HTML and of what a documentation tool left.
    pub markdown: String,
    /// As plain text, for search.
    pub text: String,
}

/// What a [`Block`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// A paragraph.
    Paragraph,
    /// One item of a list with what is nested in it.
    ListItem,
    /// A quotation or an admonition.
    Quote,
    /// A code block, kept whole.
    Code,
    /// A table, kept whole.
    Table,
}
