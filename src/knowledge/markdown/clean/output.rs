//! The cleaned text on its way: indentation, collapsed space and open tables.

use crate::knowledge::markdown::table::Table;

/// A block element that is open.
#[derive(Debug)]
struct Block {
    name: String,
    /// The indentation of its first line of text, once there is one.
    content_indent: Option<usize>,
}

/// Text written so far.
#[derive(Debug)]
pub(crate) struct Output {
    text: String,
    table: Option<Table>,
    blocks: Vec<Block>,
    /// The indentation of the outermost open block; text inside keeps it.
    outer_indent: usize,
    /// How many open elements turn every white space into one space.
    collapsing: usize,
}

/// Deepest nesting of block elements that is followed.
const MAX_BLOCKS: usize = 64;

/// Most space at the beginning of a line that is looked at.
const MAX_INDENT: usize = 256;

impl Output {
    pub(crate) fn new(capacity: usize, collapsing: bool) -> Self {
        Self {
            text: String::with_capacity(capacity),
            table: None,
            blocks: Vec::new(),
            outer_indent: 0,
            collapsing: usize::from(collapsing),
        }
    }

    /// Whether no element is open that changes how lines are read.
    pub(crate) fn is_plain(&self) -> bool {
        self.table.is_none() && self.blocks.is_empty() && self.collapsing == 0
    }

    /// Whether a block element or a component is open.
    pub(crate) fn in_block(&self) -> bool {
        !self.blocks.is_empty()
    }

    pub(crate) fn finish(mut self) -> String {
        if let Some(table) = self.table.take() {
            self.break_block();
            self.text.push_str(&table.to_markdown());
        }
        self.text
    }

    /// Text that stays exactly as it is.
    pub(crate) fn verbatim(&mut self, text: &str) {
        match &mut self.table {
            Some(table) => table.push(text),
            None => self.text.push_str(text),
        }
    }

    /// A line of a code block, with its newline.
    pub(crate) fn code_line(&mut self, line: &str) {
        if self.table.is_some() || self.blocks.is_empty() {
            self.verbatim(line);
        } else {
            if self.collapsing > 0 && !self.at_line_start() {
                self.text.push('\n');
            }
            self.indented(line);
        }
    }

    /// Prose.
    pub(crate) fn prose(&mut self, text: &str) {
        if let Some(table) = &mut self.table {
            table.push(text);
        } else if self.collapsing > 0 {
            for c in text.chars() {
                match c {
                    c if !c.is_whitespace() || c == '\u{a0}' => self.text.push(c),
                    _ if self.text.is_empty() || self.text.ends_with([' ', '\n']) => {}
                    _ => self.text.push(' '),
                }
            }
        } else if self.blocks.is_empty() {
            self.text.push_str(text);
        } else {
            for line in text.split_inclusive('\n') {
                if self.at_line_start() { self.indented(line) } else { self.text.push_str(line) }
            }
        }
    }

    /// A line inside blocks, moved left by what the innermost block is indented.
    fn indented(&mut self, line: &str) {
        let content = line.trim_start_matches([' ', '\t']);
        if content.trim().is_empty() && line.ends_with('\n') {
            self.text.push('\n');
            return;
        }
        let indent: usize = line[..line.len() - content.len()].bytes().map(|b| if b == b'\t' { 4 } else { 1 }).sum();
        let base = match self.blocks.last_mut() {
            Some(block) => *block.content_indent.get_or_insert(indent),
            None => 0,
        };
        let kept = indent.saturating_sub(base) + self.outer_indent;
        self.text.extend(std::iter::repeat_n(' ', kept));
        self.text.push_str(content);
    }

    fn at_line_start(&self) -> bool {
        self.text.is_empty() || self.text.ends_with('\n')
    }

    /// How much space stands on the current line, when nothing else does.
    fn blank_line(&self) -> Option<usize> {
        let spaces = self.text.bytes().rev().take(MAX_INDENT).take_while(|b| matches!(b, b' ' | b'\t')).count();
        let before = self.text.len() - spaces;
        (spaces == MAX_INDENT || before == 0 || self.text.as_bytes()[before - 1] == b'\n').then_some(spaces)
    }

    /// Whether nothing but space stands on the current line.
    pub(crate) fn line_is_blank(&self) -> bool {
        self.blank_line().is_some()
    }

    /// Ends the current line, if there is text on it.
    pub(crate) fn break_line(&mut self) {
        if let Some(table) = &mut self.table {
            table.push(" ");
        } else if !self.line_is_blank() {
            self.text.truncate(self.text.trim_end_matches(' ').len());
            self.text.push('\n');
            self.text.extend(std::iter::repeat_n(' ', self.outer_indent));
        }
    }

    /// Ends the current paragraph, if there is text in it.
    pub(crate) fn break_block(&mut self) {
        if let Some(table) = &mut self.table {
            table.push(" ");
            return;
        }
        if !self.line_is_blank() {
            self.text.truncate(self.text.trim_end_matches(' ').len());
            self.text.push_str("\n\n");
            self.text.extend(std::iter::repeat_n(' ', self.outer_indent));
        } else if self.collapsing > 0 && !self.text.is_empty() && !self.text.trim_end_matches(' ').ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    pub(crate) fn open_block(&mut self, name: &str) {
        if self.table.is_some() || self.blocks.len() >= MAX_BLOCKS {
            return;
        }
        if self.blocks.is_empty() {
            self.outer_indent = self.blank_line().unwrap_or(0);
        }
        self.blocks.push(Block { name: name.to_owned(), content_indent: None });
    }

    pub(crate) fn close_block(&mut self, name: &str) {
        if self.table.is_some() {
            return;
        }
        if let Some(at) = self.blocks.iter().rposition(|block| block.name == name) {
            self.blocks.truncate(at);
        }
        if self.blocks.is_empty() {
            self.outer_indent = 0;
        }
    }

    pub(crate) fn start_collapsing(&mut self) {
        self.collapsing += 1;
    }

    pub(crate) fn stop_collapsing(&mut self) {
        self.collapsing = self.collapsing.saturating_sub(1);
    }

    /// The table that is open.
    pub(crate) fn table(&mut self) -> Option<&mut Table> {
        self.table.as_mut()
    }

    pub(crate) fn open_table(&mut self) {
        if self.table.is_none() {
            self.break_block();
            self.table = Some(Table::default());
        }
    }

    pub(crate) fn close_table(&mut self) {
        let Some(table) = self.table.take() else { return };
        self.break_block();
        let indent = " ".repeat(self.blank_line().unwrap_or(0));
        for (index, line) in table.to_markdown().split_inclusive('\n').enumerate() {
            if index > 0 {
                self.text.push_str(&indent);
            }
            self.text.push_str(line);
        }
        self.text.push('\n');
    }
}
