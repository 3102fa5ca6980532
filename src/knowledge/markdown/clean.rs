//! Turns the HTML and JSX in a Markdown text into Markdown, line by line.
//!
//! Code stays as it is. Elements leave their text, in Markdown where Markdown has
//! a word for them (headings, lists, tables, links, code); what only a browser
//! or a documentation tool can use is dropped. The work is linear in the length
//! of the text: every search that can fail fails once.

mod output;
mod tags;

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use super::admonition;
use super::fence::{Fence, after_list_marker};
use super::tag;

use output::Output;

/// Cleans a Markdown text.
pub(crate) fn clean(markdown: &str) -> Cow<'_, str> {
    let suspicious = markdown.contains(['<', '{']) || lines_begin_with(markdown, &["import ", "export "]);
    let cleaned: Cow<'_, str> =
        if suspicious { Cow::Owned(Cleaner::new(markdown, false).run()) } else { Cow::Borrowed(markdown) };
    if cleaned.contains(":::") { Cow::Owned(admonition::to_quotes(&cleaned)) } else { cleaned }
}

/// Turns HTML into Markdown.
pub(crate) fn clean_html(html: &str) -> String {
    Cleaner::new(html, true).run()
}

fn lines_begin_with(text: &str, starts: &[&str]) -> bool {
    text.lines().any(|line| starts.iter().any(|start| line.starts_with(start)))
}

struct Cleaner<'t> {
    text: &'t str,
    at: usize,
    /// Whether the text is HTML, in which nothing is Markdown.
    html: bool,
    output: Output,
    links: Vec<Option<String>>,
    lists: Vec<Option<u32>>,
    /// Where the end tags of each name begin.
    ends: FxHashMap<String, Vec<usize>>,
    /// Bytes that may still be spent on text that only looks like a tag.
    patience: usize,
    /// Up to where no run of so many backticks is closed.
    unclosed_spans: [usize; MAX_BACKTICKS],
    /// Where the paragraph ends that was looked at last.
    paragraph_end: usize,
    /// Whether a comment may still be closed.
    comments_end: bool,
    previous_blank: bool,
    in_list: bool,
}

const MAX_BACKTICKS: usize = 16;

impl<'t> Cleaner<'t> {
    fn new(text: &'t str, html: bool) -> Self {
        Self {
            text,
            at: 0,
            html,
            output: Output::new(text.len(), html),
            links: Vec::new(),
            lists: Vec::new(),
            ends: end_tags(text),
            patience: text.len().saturating_mul(4) + (1 << 20),
            unclosed_spans: [0; MAX_BACKTICKS],
            paragraph_end: 0,
            comments_end: true,
            previous_blank: true,
            in_list: false,
        }
    }

    fn run(mut self) -> String {
        while self.at < self.text.len() {
            let at_line_start = self.at == 0 || self.text.as_bytes()[self.at - 1] == b'\n';
            if !(at_line_start && !self.html && self.whole_lines()) {
                let end = self.line_end(self.at);
                self.inline(end);
            }
        }
        self.output.finish()
    }

    fn line_end(&self, at: usize) -> usize {
        self.text[at..].find('\n').map_or(self.text.len(), |length| at + length + 1)
    }

    /// Takes lines that are no prose: code, and imports and exports of modules.
    fn whole_lines(&mut self) -> bool {
        let line = &self.text[self.at..self.line_end(self.at)];
        let blank = line.trim().is_empty();
        if let Some(fence) = Fence::open(line) {
            self.fenced_code(fence);
            self.previous_blank = false;
            return true;
        }
        let indent = line.len() - line.trim_start_matches(' ').len();
        let indented = (indent >= 4 || line.starts_with('\t')) && !blank;
        if indented && self.previous_blank && !self.in_list && self.output.is_plain() {
            self.output.verbatim(line);
            self.at += line.len();
            return true;
        }
        if self.previous_blank && self.output.is_plain() && is_module_line(line) {
            self.module_lines(line);
            return true;
        }
        if !blank {
            let marker = after_list_marker(line.trim_start()).is_some();
            self.in_list = marker || (self.in_list && (indent > 0 || !self.previous_blank));
        }
        self.previous_blank = blank;
        false
    }

    fn fenced_code(&mut self, fence: Fence) {
        let mut first = true;
        while self.at < self.text.len() {
            let line = &self.text[self.at..self.line_end(self.at)];
            self.at += line.len();
            self.output.code_line(line);
            if !first && fence.is_closed_by(line) {
                break;
            }
            first = false;
        }
    }

    /// Drops an import up to its address, or an export up to the next blank line.
    fn module_lines(&mut self, first: &str) {
        let import = first.starts_with("import ");
        while self.at < self.text.len() {
            let line = &self.text[self.at..self.line_end(self.at)];
            if line.trim().is_empty() {
                break;
            }
            self.at += line.len();
            if import && ends_import(line) {
                break;
            }
        }
    }
}

/// Whether a line begins an `import` or `export` of a module, and no sentence.
fn is_module_line(line: &str) -> bool {
    let line = line.trim_end();
    if let Some(rest) = line.strip_prefix("import ") {
        return rest.ends_with('{') || rest.ends_with(',') || ends_import(line);
    }
    line.strip_prefix("export ").is_some_and(|rest| {
        [
            "const ",
            "let ",
            "var ",
            "function ",
            "class ",
            "{",
            "*",
            "async ",
            "default function",
            "default class",
            "default (",
        ]
        .iter()
        .any(|word| rest.starts_with(word))
    })
}

fn ends_import(line: &str) -> bool {
    let line = line.trim_end().trim_end_matches(';');
    let quoted = line.ends_with('\'') || line.ends_with('"');
    quoted && (line.contains(" from ") || line.starts_with("import '") || line.starts_with("import \""))
}

fn end_tags(text: &str) -> FxHashMap<String, Vec<usize>> {
    let mut ends: FxHashMap<String, Vec<usize>> = FxHashMap::default();
    for (at, _) in text.match_indices("</") {
        let name: String = text[at + 2..]
            .chars()
            .take(32)
            .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'))
            .collect();
        ends.entry(name.to_ascii_lowercase()).or_default().push(at);
    }
    ends
}
