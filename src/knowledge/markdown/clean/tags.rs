//! Prose: code spans, comments, expressions and tags.

use super::{Cleaner, MAX_BACKTICKS, tag};
use crate::knowledge::markdown::element::{Role, is_void, role};
use crate::knowledge::markdown::entity;

/// Deepest nesting of lists that keeps its indentation.
const MAX_LISTS: usize = 8;

impl<'t> Cleaner<'t> {
    /// Takes prose up to `end`, or further when something begun before it ends later.
    pub(super) fn inline(&mut self, end: usize) {
        while self.at < end {
            let rest = &self.text[self.at..end];
            let special = rest.find(['`', '\\', '<', '{', '&']).unwrap_or(rest.len());
            if special > 0 {
                self.text_piece(self.at, self.at + special);
                self.at += special;
                continue;
            }
            match rest.as_bytes()[0] {
                b'`' if !self.html => self.code_span(),
                b'\\' if !self.html => {
                    let next = rest[1..].chars().next().map_or(0, char::len_utf8);
                    self.output.prose(&rest[..=next]);
                    self.at += 1 + next;
                }
                b'<' => self.angle(),
                b'{' if !self.html => self.brace(),
                _ => {
                    self.text_piece(self.at, self.at + 1);
                    self.at += 1;
                }
            }
        }
    }

    fn text_piece(&mut self, from: usize, to: usize) {
        let piece = &self.text[from..to];
        if self.html {
            self.output.prose(&escape(piece));
        } else {
            self.output.prose(piece);
        }
    }

    fn code_span(&mut self) {
        let rest = &self.text[self.at..];
        let run = rest.bytes().take_while(|b| *b == b'`').count();
        let open_end = self.at + run;
        let slot = run.min(MAX_BACKTICKS) - 1;
        let mut end = None;
        if self.unclosed_spans[slot] <= self.at {
            if self.paragraph_end <= open_end {
                self.paragraph_end = self.text[open_end..].find("\n\n").map_or(self.text.len(), |n| open_end + n + 1);
            }
            let paragraph = self.paragraph_end;
            let mut at = open_end;
            while let Some(found) = self.text[at..paragraph].find('`').map(|found| at + found) {
                let length = self.text[found..].bytes().take_while(|b| *b == b'`').count();
                at = found + length;
                if length == run {
                    end = Some(at);
                    break;
                }
            }
            if end.is_none() {
                self.unclosed_spans[slot] = paragraph;
            }
        }
        let end = end.unwrap_or(open_end);
        self.output.prose(&self.text[self.at..end]);
        self.at = end;
    }

    /// `{/* comments */}`, `{useBaseUrl('…')}`, `{' '}` and `` {`text`} ``; inside
    /// elements also `{name}` and `{call(…)}`, which only a build can resolve.
    fn brace(&mut self) {
        let rest = &self.text[self.at..];
        let inside = rest[1..].trim_start();
        if inside.starts_with("/*") {
            let window = &rest[..floor_boundary(rest, self.patience)];
            if let Some(end) = window.find("*/").and_then(|end| Some(end + window[end..].find('}')? + 1)) {
                self.at += end;
                return;
            }
            self.patience -= window.len();
        } else if self.patience > 0 && (inside.starts_with(['\'', '"', '`']) || self.is_expression(inside)) {
            let length = tag::balanced(rest);
            self.patience = self.patience.saturating_sub(length.unwrap_or(tag::MAX_TAG_BYTES.min(rest.len())));
            if let Some(length) = length {
                let inside = rest[1..length - 1].trim();
                let quote = inside.chars().next().filter(|c| matches!(c, '\'' | '"' | '`'));
                if let Some(text) = quote.and_then(|quote| inside[1..].strip_suffix(quote)) {
                    self.output.prose(text);
                    self.at += length;
                    return;
                } else if quote.is_none() {
                    self.at += length;
                    return;
                }
            }
        }
        self.output.prose("{");
        self.at += 1;
    }

    fn is_expression(&self, inside: &str) -> bool {
        let name = inside.bytes().take(256).take_while(|b| b.is_ascii_alphanumeric() || b"_$.".contains(b)).count();
        let (name, rest) = inside.split_at(name);
        let named = name.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '$'));
        let call = rest.starts_with('(');
        name == "useBaseUrl" && call || (named && self.output.in_block() && (call || rest.starts_with('}')))
    }

    fn angle(&mut self) {
        let text = self.text;
        let rest = &text[self.at..];
        if rest.starts_with("<!--") {
            if self.comments_end {
                if let Some(end) = rest.find("-->") {
                    self.at += end + 3;
                    return;
                }
                self.comments_end = false;
            }
        } else if rest.starts_with("<!") || rest.starts_with("<?") {
            let end = rest.bytes().take(1024).position(|b| b == b'>');
            if let Some(end) = end.filter(|_| self.html || rest[2..].starts_with(|c: char| c.is_ascii_alphabetic())) {
                self.at += end + 1;
                return;
            }
        } else if let Some(length) = autolink(rest) {
            self.output.prose(&rest[..length]);
            self.at += length;
            return;
        } else if self.patience > 0 {
            match tag::parse(rest) {
                Ok(tag) => {
                    self.at += tag.length;
                    if !self.tag(&tag) {
                        self.output.prose("\\");
                        self.output.prose(&rest[..tag.length]);
                    }
                    return;
                }
                Err(looked_at) => self.patience = self.patience.saturating_sub(looked_at),
            }
        }
        let literal = rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'));
        self.output.prose(if literal { "\\<" } else { "<" });
        self.at += 1;
    }

    /// Takes a tag that has been read; `false` when it is text after all.
    fn tag(&mut self, tag: &tag::Tag<'_>) -> bool {
        let opening = !tag.closing && !tag.self_closing && !is_void(tag.name);
        match role(tag.name) {
            Role::Hidden => {
                if opening {
                    let Some(end) = self.end_of(tag.name) else { return false };
                    self.at = end;
                }
            }
            Role::Image => {
                let alt = entity::decode(tag.attribute("alt").unwrap_or_default());
                if !alt.trim().is_empty() {
                    self.output.prose(&format!("![{}](image)", escape(alt.trim())));
                }
            }
            Role::Break => self.output.break_line(),
            Role::Rule => self.output.break_block(),
            Role::Heading(level) => {
                self.output.break_block();
                if tag.closing {
                    self.output.stop_collapsing();
                } else if opening {
                    self.output.start_collapsing();
                    self.output.prose(&"#".repeat(level));
                    self.output.prose(" ");
                }
            }
            Role::List { numbered } => {
                self.output.break_block();
                if tag.closing {
                    self.lists.pop();
                } else if opening {
                    self.lists.push(numbered.then_some(0));
                }
            }
            Role::Item => self.item(tag.closing),
            Role::Table if tag.closing => self.output.close_table(),
            Role::Table => self.output.open_table(),
            Role::Row => {
                if let (Some(table), false) = (self.output.table(), tag.closing) {
                    table.row();
                }
            }
            Role::Cell => {
                if let Some(table) = self.output.table() {
                    if tag.closing { table.end_cell() } else { table.cell() }
                }
            }
            Role::Preformatted => self.preformatted(opening),
            Role::Code => self.code(opening, tag.name),
            Role::Link => self.link(tag, opening),
            Role::Block => {
                self.output.break_block();
                if tag.closing {
                    self.output.close_block(tag.name);
                } else if opening {
                    self.output.open_block(tag.name);
                }
            }
            Role::Inline => {}
            Role::Component => self.component(tag, opening),
            Role::Unknown => {
                let placeholder = opening && tag.attributes.is_empty() && self.end_of(tag.name).is_none();
                return !placeholder;
            }
        }
        true
    }

    fn item(&mut self, closing: bool) {
        self.output.break_line();
        if closing {
            self.output.stop_collapsing();
            return;
        }
        let indent = "  ".repeat(self.lists.len().saturating_sub(1).min(MAX_LISTS));
        let marker = match self.lists.last_mut() {
            Some(Some(number)) => {
                *number += 1;
                format!("{indent}{number}. ")
            }
            Some(None) | None => format!("{indent}- "),
        };
        self.output.verbatim(&marker);
        self.output.start_collapsing();
    }

    fn preformatted(&mut self, opening: bool) {
        self.output.break_block();
        if !opening {
            return;
        }
        let Some((inside, end)) = self.inside("pre") else { return };
        let code = entity::decode(&without_tags(inside, &mut self.patience));
        let code = code.trim_matches('\n');
        let longest = code.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest.max(2) + 1);
        self.output.verbatim(&format!("{fence}\n{code}\n{fence}\n\n"));
        self.at = end;
    }

    fn code(&mut self, opening: bool, name: &str) {
        let Some((inside, end)) = opening.then(|| self.inside(name)).flatten() else { return };
        let code = entity::decode(&without_tags(inside, &mut self.patience));
        let code = code.split_whitespace().collect::<Vec<_>>().join(" ");
        if !code.is_empty() {
            let marks = if code.contains('`') { "``" } else { "`" };
            let space = if code.contains('`') { " " } else { "" };
            self.output.prose(&format!("{marks}{space}{code}{space}{marks}"));
        }
        self.at = end;
    }

    fn link(&mut self, tag: &tag::Tag<'_>, opening: bool) {
        if opening {
            let target = tag.attribute("href").or_else(|| tag.attribute("to")).map(address);
            let target = target.filter(|target| !target.is_empty());
            if target.is_some() {
                self.output.prose("[");
            }
            self.links.push(target);
        } else if let (true, Some(Some(target))) = (tag.closing, self.links.pop()) {
            self.output.prose(&format!("](<{target}>)"));
        }
    }

    fn component(&mut self, tag: &tag::Tag<'_>, opening: bool) {
        if tag.closing {
            self.output.close_block(tag.name);
            return;
        }
        if opening && self.output.line_is_blank() {
            if let Some(label) = tag.attribute("label").filter(|label| !label.trim().is_empty()) {
                self.output.prose(&format!("**{}**\n\n", escape(label.trim())));
            }
            self.output.open_block(tag.name);
        }
    }

    /// Where the next end tag of that name ends.
    fn end_of(&self, name: &str) -> Option<usize> {
        let begin = self.next_end(name)?;
        let end = self.text[begin..].bytes().take(256).position(|b| b == b'>')?;
        Some(begin + end + 1)
    }

    fn next_end(&self, name: &str) -> Option<usize> {
        let ends = self.ends.get(&name.to_ascii_lowercase())?;
        ends.get(ends.partition_point(|end| *end < self.at)).copied()
    }

    /// The text up to the next end tag of that name, and where that tag ends.
    fn inside(&self, name: &str) -> Option<(&'t str, usize)> {
        Some((&self.text[self.at..self.next_end(name)?], self.end_of(name)?))
    }
}

/// The address in an attribute of JSX or HTML.
fn address(value: &str) -> String {
    let value = value.trim();
    let value = value.strip_prefix("useBaseUrl(").and_then(|value| value.strip_suffix(')')).unwrap_or(value);
    let value = value.trim().trim_matches(['\'', '"', '`']);
    entity::decode(value).chars().filter(|c| !matches!(c, '<' | '>' | '\n' | '\r')).collect()
}

fn without_tags(text: &str, patience: &mut usize) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while *patience > 0
        && let Some(found) = text[at..].find('<').map(|found| at + found)
    {
        out.push_str(&text[at..found]);
        match tag::parse(&text[found..]) {
            Ok(tag) => at = found + tag.length,
            Err(looked_at) => {
                *patience = patience.saturating_sub(looked_at);
                out.push('<');
                at = found + 1;
            }
        }
    }
    out.push_str(&text[at..]);
    out
}

/// The last character boundary of `text` at or before `at`.
fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The length of `<https://…>` or `<name@host>` at the start of `text`.
fn autolink(text: &str) -> Option<usize> {
    let end = 1 + text.bytes().skip(1).take(2048).position(|b| matches!(b, b'<' | b'>') || b.is_ascii_whitespace())?;
    let inside = text.get(1..end)?;
    let is_link = inside.contains("://") || (inside.contains('@') && !inside.contains(['"', '\'', '=', '{']));
    (text.as_bytes()[end] == b'>' && is_link).then_some(end + 1)
}

/// Text in which nothing is Markdown.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '*' | '_' | '`' | '[' | ']' | '#' | '|' | '<' | '>' | '~') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
