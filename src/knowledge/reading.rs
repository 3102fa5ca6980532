//! The state of reading one file: its mistakes, and what it refers to.
//!
//! Readers never stop at a mistake. They record it, go on with what is left, and
//! give `None` only for what cannot be built at all.

mod mapping;
mod number;
mod scalar;

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Place, Position};

use super::front_matter;
use super::uses::Uses;
use super::yaml::{self, Node};

pub(crate) use mapping::Mapping;

/// The two parts of a Markdown file that holds one object.
pub(crate) struct Front<'t> {
    /// The tree of its front matter.
    pub root: Node,
    /// The text after it.
    pub body: &'t str,
    /// The line on which that text begins.
    pub body_line: u32,
}

/// The state of reading one file.
pub(crate) struct Reading<'t> {
    path: Arc<str>,
    text: &'t str,
    /// The identifier of the object in it, and where it is told.
    own_id: Option<(String, Place)>,
    /// Its mistakes so far.
    pub diagnostics: Vec<Diagnostic>,
    /// What it refers to so far.
    pub uses: Uses,
}

impl<'t> Reading<'t> {
    /// Begins to read the file at `path` with that text.
    pub(crate) fn new(path: Arc<str>, text: &'t str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self { path, text, own_id: None, diagnostics: Vec::new(), uses: Uses::default() }
    }

    /// The text of the file, without a byte order mark.
    pub(crate) fn text_of_file(&self) -> &'t str {
        self.text
    }

    /// The file's name without its extension.
    pub(crate) fn default_id(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name.rsplit_once('.').map_or(name, |(stem, _)| stem)
    }

    /// Records the identifier of the object in the file.
    pub(crate) fn own_id(&mut self, id: &str, position: Option<Position>) {
        let place = Place { path: self.path.clone(), position };
        self.own_id = Some((id.to_owned(), place));
    }

    /// What reading the file gave beside its object.
    pub(crate) fn finish(self) -> (Option<(String, Place)>, Vec<Diagnostic>, Uses) {
        (self.own_id, self.diagnostics, self.uses)
    }

    /// The path of the file.
    pub(crate) fn path(&self) -> &Arc<str> {
        &self.path
    }

    /// A position in the file.
    pub(crate) fn place(&self, position: Position) -> Place {
        Place::at(self.path.clone(), position)
    }

    /// Records a mistake.
    pub(crate) fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Records an error.
    pub(crate) fn error(&mut self, code: &'static str, position: Position, message: impl Into<String>) {
        self.report(Diagnostic::error(code, self.place(position), message));
    }

    /// Records an error about the file as a whole.
    pub(crate) fn file_error(&mut self, code: &'static str, message: impl Into<String>, hint: impl Into<String>) {
        self.report(Diagnostic::error(code, Place::file(self.path.clone()), message).hint(hint));
    }

    /// Records an error with what to do about it.
    pub(crate) fn error_with_hint(
        &mut self,
        code: &'static str,
        position: Position,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.report(Diagnostic::error(code, self.place(position), message).hint(hint));
    }

    /// Records a warning with what to do about it.
    pub(crate) fn warning(
        &mut self,
        code: &'static str,
        position: Position,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.report(Diagnostic::warning(code, self.place(position), message).hint(hint));
    }

    /// Records that a node is not what belongs there.
    pub(crate) fn expected(&mut self, expected: &str, node: &Node) {
        let message = format!("expected {expected}, found {}", node.describe());
        self.error("wrong-type", node.position, message);
    }

    /// As [`Self::expected`], with what to do about it.
    pub(crate) fn expected_with_hint(&mut self, expected: &str, node: &Node, hint: impl Into<String>) {
        let message = format!("expected {expected}, found {}", node.describe());
        self.error_with_hint("wrong-type", node.position, message, hint);
    }

    /// Reads YAML that begins on line `first_line` of the file.
    pub(crate) fn yaml(&mut self, yaml: &str, first_line: u32) -> Option<Node> {
        let document = yaml::parse_from(yaml, first_line);
        for fault in document.faults {
            let diagnostic = Diagnostic::error("yaml", self.place(fault.position), fault.message);
            self.report(match fault.hint {
                Some(hint) => diagnostic.hint(hint),
                None => diagnostic,
            });
        }
        document.root
    }

    /// The tree of a YAML file that holds one object.
    pub(crate) fn object(&mut self, what: &str) -> Option<Node> {
        let before = self.diagnostics.len();
        let root = self.yaml(self.text, 1);
        if self.diagnostics.len() == before && root.as_ref().is_none_or(Node::is_null) {
            self.report(Diagnostic::error(
                "empty-file",
                Place::file(self.path.clone()),
                format!("{what} is expected here, and the file is empty"),
            ));
            return None;
        }
        root
    }

    /// The front matter and body of a Markdown file that needs both.
    pub(crate) fn front_matter(&mut self, what: &str) -> Option<Front<'t>> {
        let parts = front_matter::split(self.text);
        let Some(yaml) = parts.yaml else {
            let (message, hint) = match parts.unclosed {
                true => ("the front matter that begins here is never closed".to_owned(), "add a line `---` after it"),
                false => (format!("{what} begins with front matter"), "write its keys between two lines `---`"),
            };
            self.error_with_hint("front-matter", Position::START, message, hint);
            return None;
        };
        let before = self.diagnostics.len();
        let root = self.yaml(yaml, parts.yaml_line);
        match root {
            Some(root) if !root.is_null() => Some(Front { root, body: parts.body, body_line: parts.body_line }),
            Some(_) | None => {
                if self.diagnostics.len() == before {
                    self.error("front-matter", Position::START, "the front matter is empty");
                }
                None
            }
        }
    }

    /// The position of the occurrence number `index` of `needle` in the file at or
    /// after `from`; `from` itself when there are not so many.
    ///
    /// The value of a scalar and its source differ by quotes, escapes and folded
    /// lines, but not in the number and order of their braces.
    pub(crate) fn position_of(&self, needle: &str, index: usize, from: Position) -> Position {
        let Some(line_start) = self.line_start(from.line) else { return from };
        let skipped = self.text[line_start..].chars().take(from.column as usize - 1).map(char::len_utf8).sum::<usize>();
        let start = line_start + skipped;
        match self.text[start..].match_indices(needle).nth(index) {
            Some((at, _)) => {
                let mut found = Position::of_offset(&self.text[line_start..], start + at - line_start);
                found.line += from.line - 1;
                found
            }
            None => from,
        }
    }

    fn line_start(&self, line: u32) -> Option<usize> {
        match line {
            1 => Some(0),
            _ => self.text.match_indices('\n').nth(line as usize - 2).map(|(at, _)| at + 1),
        }
    }
}
