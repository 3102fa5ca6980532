//! Writes parsed Markdown as blocks, each as clean Markdown and as plain text.

mod inline;

use pulldown_cmark::{CodeBlockKind, Event, Tag, TagEnd};

use crate::domain::article::{Block, BlockKind};

use inline::Inline;

/// The block being written.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    /// Containers that are open: list items and quotations.
    containers: Vec<Container>,
    lists: Vec<Option<u64>>,
    /// The kind of the block that is open, and how many containers it began in.
    open: Option<BlockKind>,
    inline: Inline,
    /// Whether the next text is the first one of its list item.
    item_starts: bool,
    table: TableState,
    /// A code block's fence, while it is open.
    code: Option<String>,
    /// Depth of what is dropped: raw HTML that the cleaning left.
    dropped: usize,
}

#[derive(Debug)]
enum Container {
    Quote,
    Item { indent: usize },
}

#[derive(Debug, Default, PartialEq, Eq)]
struct TableState {
    columns: usize,
    in_head: bool,
}

/// Deepest nesting of lists and quotations whose indentation is kept.
const MAX_DEPTH: usize = 16;

impl Writer {
    /// Whether no container and no block is open, so that a heading divides the article.
    pub(crate) fn is_outside(&self) -> bool {
        self.containers.is_empty() && self.open.is_none() && self.lists.is_empty()
    }

    /// Takes one event; gives the block that it ends.
    pub(crate) fn event(&mut self, event: Event<'_>) -> Option<Block> {
        match event {
            Event::Start(tag) => {
                self.start(tag);
                None
            }
            Event::End(tag) => self.end(tag),
            Event::Text(text) if self.code.is_some() => {
                self.code_text(&text);
                None
            }
            Event::Text(text) => {
                self.put(|inline, _| inline.text(&text));
                None
            }
            Event::Code(code) | Event::InlineMath(code) | Event::DisplayMath(code) => {
                let in_table = self.table.columns > 0;
                self.put(|inline, _| inline.code(&code, in_table));
                None
            }
            Event::SoftBreak => {
                self.put(|inline, prefix| inline.line_break("", prefix));
                None
            }
            Event::HardBreak => {
                self.put(|inline, prefix| inline.line_break("\\", prefix));
                None
            }
            Event::Html(_)
            | Event::InlineHtml(_)
            | Event::FootnoteReference(_)
            | Event::Rule
            | Event::TaskListMarker(_) => None,
        }
    }

    fn put(&mut self, write: impl FnOnce(&mut Inline, &str)) {
        if self.dropped == 0 && self.open.is_some() {
            let prefix = self.prefix();
            self.item_starts = false;
            write(&mut self.inline, &prefix);
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph => self.begin(BlockKind::Paragraph),
            Tag::Heading { .. } => {
                self.begin(BlockKind::Paragraph);
                self.inline.mark("**");
            }
            Tag::BlockQuote(_) => {
                if self.open.is_none() {
                    self.begin(BlockKind::Quote);
                    self.containers.push(Container::Quote);
                    self.inline.raw("> ");
                } else {
                    self.next_block();
                    self.containers.push(Container::Quote);
                    self.inline.raw("> ");
                }
                self.item_starts = true;
            }
            Tag::CodeBlock(kind) => {
                self.begin(BlockKind::Code);
                let language = match &kind {
                    CodeBlockKind::Fenced(info) => info.split_whitespace().next().unwrap_or_default(),
                    CodeBlockKind::Indented => "",
                };
                self.code = Some(language.to_owned());
                self.inline.begin_code();
            }
            Tag::List(start) => self.lists.push(start),
            Tag::Item => self.item(),
            Tag::Table(alignments) => {
                self.begin(BlockKind::Table);
                self.table.columns = alignments.len().max(1);
            }
            Tag::TableHead => {
                self.table.in_head = true;
                self.inline.raw("|");
            }
            Tag::TableRow => self.inline.raw("|"),
            Tag::TableCell => self.inline.raw(" "),
            Tag::Emphasis => self.inline.mark("*"),
            Tag::Strong => self.inline.mark("**"),
            Tag::Strikethrough => self.inline.mark("~~"),
            Tag::Link { dest_url, .. } if self.open.is_some() => self.inline.begin_link(&dest_url),
            Tag::Image { .. } => self.inline.begin_picture(),
            Tag::Link { .. } | Tag::HtmlBlock => {}
            Tag::MetadataBlock(_) => self.dropped += 1,
            Tag::FootnoteDefinition(_)
            | Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::Superscript
            | Tag::Subscript => {}
        }
    }

    fn end(&mut self, tag: TagEnd) -> Option<Block> {
        match tag {
            TagEnd::Paragraph => return self.end_leaf(BlockKind::Paragraph),
            TagEnd::Heading(_) => {
                self.inline.mark("**");
                return self.end_leaf(BlockKind::Paragraph);
            }
            TagEnd::BlockQuote(_) => {
                self.containers.pop();
                return self.end_leaf(BlockKind::Quote);
            }
            TagEnd::CodeBlock => {
                let prefix = self.prefix();
                let language = self.code.take().unwrap_or_default();
                self.inline.end_code(&language, &prefix);
                return self.end_leaf(BlockKind::Code);
            }
            TagEnd::List(_) => {
                self.lists.pop();
            }
            TagEnd::Item => {
                self.containers.pop();
                if self.containers.is_empty() {
                    return self.flush();
                }
            }
            TagEnd::Table => {
                self.table = TableState::default();
                return self.end_leaf(BlockKind::Table);
            }
            TagEnd::TableHead => {
                let prefix = self.prefix();
                let border = format!("\n{prefix}|{}", "---|".repeat(self.table.columns));
                self.inline.raw(&border);
                self.inline.end_row(&prefix);
                self.table.in_head = false;
            }
            TagEnd::TableRow => {
                let prefix = self.prefix();
                self.inline.end_row(&prefix);
            }
            TagEnd::TableCell => self.inline.end_cell(),
            TagEnd::Emphasis => self.inline.mark("*"),
            TagEnd::Strong => self.inline.mark("**"),
            TagEnd::Strikethrough => self.inline.mark("~~"),
            TagEnd::Link => self.inline.end_link(),
            TagEnd::MetadataBlock(_) => self.dropped = self.dropped.saturating_sub(1),
            TagEnd::Image => self.inline.end_picture(),
            TagEnd::HtmlBlock
            | TagEnd::FootnoteDefinition
            | TagEnd::DefinitionList
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition
            | TagEnd::Superscript
            | TagEnd::Subscript => {}
        }
        None
    }

    /// Begins a block, or a part of the one that is open.
    fn begin(&mut self, kind: BlockKind) {
        if self.open.is_some() {
            self.next_block();
        } else {
            self.open = Some(kind);
        }
    }

    /// Separates a part from what stands before it in the same block.
    fn next_block(&mut self) {
        if self.item_starts || self.inline.is_empty() {
            self.item_starts = false;
            return;
        }
        let prefix = self.prefix();
        self.inline.paragraph_break(&prefix);
    }

    fn item(&mut self) {
        let marker = match self.lists.last_mut() {
            Some(Some(number)) => {
                let marker = format!("{number}. ");
                *number = number.saturating_add(1);
                marker
            }
            Some(None) | None => "- ".to_owned(),
        };
        if self.containers.is_empty() && self.open.is_none() {
            self.open = Some(BlockKind::ListItem);
        } else if !self.item_starts {
            let prefix = self.prefix();
            self.inline.item_break(&prefix);
        }
        self.inline.raw(&marker);
        self.containers.push(Container::Item { indent: marker.len() });
        self.item_starts = true;
    }

    /// What stands at the beginning of each further line.
    fn prefix(&self) -> String {
        let mut prefix = String::new();
        for container in self.containers.iter().take(MAX_DEPTH) {
            match container {
                Container::Quote => prefix.push_str("> "),
                Container::Item { indent } => prefix.extend(std::iter::repeat_n(' ', *indent)),
            }
        }
        prefix
    }

    fn code_text(&mut self, text: &str) {
        if self.dropped == 0 {
            self.inline.code_lines(text);
        }
    }

    /// Ends a part; the block too, when it stands in no container.
    fn end_leaf(&mut self, _kind: BlockKind) -> Option<Block> {
        if self.containers.is_empty() && self.lists.is_empty() { self.flush() } else { None }
    }

    fn flush(&mut self) -> Option<Block> {
        let kind = self.open.take()?;
        self.item_starts = false;
        let (markdown, text) = self.inline.take();
        (!text.is_empty()).then_some(Block { kind, markdown, text })
    }
}
