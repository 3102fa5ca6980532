//! YAML as a small tree in which every node knows its line and column.
//!
//! Only what authors need: scalars, sequences and mappings with text keys. A
//! plain scalar is a boolean only when it is `true` or `false` (YAML 1.2).
//! Anchors, aliases and tags are refused, so that a tree is never larger than
//! its file. Nothing here panics or recurses, whatever the text.

use rustc_hash::FxHashMap;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span};

use crate::diagnostic::Position;

/// Deepest nesting of sequences and mappings.
pub const MAX_DEPTH: usize = 64;

/// A scalar, a sequence or a mapping, and where it begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its first character.
    pub position: Position,
    /// What it is.
    pub kind: NodeKind,
}

/// What a [`Node`] is.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeKind {
    /// A text, a number, a boolean or nothing.
    Scalar {
        /// Its text with quotes and escapes resolved.
        text: String,
        /// Whether it stands there without quotes, so that it may be other than text.
        plain: bool,
    },
    /// Nodes in order.
    Sequence(Vec<Node>),
    /// Nodes by key, in the file's order; no key stands twice.
    Mapping(Vec<(Key, Node)>),
}

/// A key of a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its text.
    pub text: String,
    /// Its first character.
    pub position: Position,
}

/// A mistake in a YAML text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where it is.
    pub position: Position,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<&'static str>,
}

/// What a YAML text holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// Its tree; absent when the text is empty or cannot be read to its end.
    pub root: Option<Node>,
    /// Its mistakes.
    pub faults: Vec<Fault>,
}

/// Reads a YAML text.
pub fn parse(text: &str) -> Document {
    parse_from(text, 1)
}

/// Reads a YAML text whose first line is line `first_line` of its file.
pub fn parse_from(text: &str, first_line: u32) -> Document {
    let mut builder = Builder { first_line, open: Vec::new(), root: None, faults: Vec::new() };
    let mut parser = Parser::new_from_str(text);
    let mut documents = 0;
    loop {
        match parser.next_event() {
            None | Some(Ok((Event::StreamEnd, _))) => break,
            Some(Ok((Event::DocumentStart(_), span))) => {
                documents += 1;
                if documents > 1 {
                    let position = builder.position(span.start);
                    builder.fault(position, "a second document begins here", Some("write one object per file"));
                    break;
                }
            }
            Some(Ok((event, span))) => {
                if !builder.event(event, span) {
                    builder.root = None;
                    break;
                }
            }
            Some(Err(error)) => {
                builder.scan_error(&error, text);
                builder.root = None;
                break;
            }
        }
    }
    Document { root: builder.root, faults: builder.faults }
}

enum Frame {
    Sequence { position: Position, items: Vec<Node> },
    Mapping { position: Position, entries: Vec<(Key, Node)>, lines: FxHashMap<String, u32>, key: PendingKey },
}

enum PendingKey {
    /// A key comes next.
    None,
    /// The value of this key comes next.
    Key(Key),
    /// A value comes next that is dropped, since its key is faulty.
    Faulty,
}

struct Builder {
    first_line: u32,
    open: Vec<Frame>,
    root: Option<Node>,
    faults: Vec<Fault>,
}

impl Builder {
    fn position(&self, marker: Marker) -> Position {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Position {
            line: number(marker.line()).max(1).saturating_add(self.first_line - 1),
            column: number(marker.col()).saturating_add(1),
        }
    }

    fn fault(&mut self, position: Position, message: impl Into<String>, hint: Option<&'static str>) {
        self.faults.push(Fault { position, message: message.into(), hint });
    }

    fn scan_error(&mut self, error: &ScanError, text: &str) {
        let position = self.position(*error.marker());
        let line = text.lines().nth(error.marker().line().saturating_sub(1)).unwrap_or_default();
        let hint = if line.trim_start_matches(' ').starts_with('\t') {
            Some("indent with spaces; YAML does not allow tabs there")
        } else if error.info().contains("mapping values are not allowed") {
            Some("put quotes around a text that contains `: `")
        } else if error.info().contains("flow") || line.contains(['{', '[', '"', '\'']) {
            Some("check that every bracket and quote is closed")
        } else {
            None
        };
        self.fault(position, format!("this is not YAML: {}", error.info()), hint);
    }

    /// Takes one event; `false` when nothing after it can be read.
    fn event(&mut self, event: Event<'_>, span: Span) -> bool {
        let position = self.position(span.start);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse(position, anchor, tag.is_some());
                let plain = style == ScalarStyle::Plain;
                self.value(Node { position, kind: NodeKind::Scalar { text: text.into_owned(), plain } });
            }
            Event::Alias(_) => {
                self.fault(position, "aliases such as `*name` are not supported", Some("write the value out"));
                self.value(Node { position, kind: NodeKind::Scalar { text: String::new(), plain: true } });
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse(position, anchor, tag.is_some());
                self.open.push(Frame::Sequence { position, items: Vec::new() });
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse(position, anchor, tag.is_some());
                let (entries, lines) = (Vec::new(), FxHashMap::default());
                self.open.push(Frame::Mapping { position, entries, lines, key: PendingKey::None });
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Frame::Sequence { position, items }) => {
                    self.value(Node { position, kind: NodeKind::Sequence(items) });
                }
                Some(Frame::Mapping { position, entries, .. }) => {
                    self.value(Node { position, kind: NodeKind::Mapping(entries) });
                }
                None => {}
            },
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {}
        }
        if self.open.len() > MAX_DEPTH {
            self.fault(position, format!("nested more than {MAX_DEPTH} levels deep"), None);
            return false;
        }
        true
    }

    fn refuse(&mut self, position: Position, anchor: usize, tagged: bool) {
        if anchor > 0 {
            self.fault(position, "anchors such as `&name` are not supported", Some("write the value out"));
        }
        if tagged {
            let hint = "remove the tag, or put quotes around a text that begins with `!`";
            self.fault(position, "tags such as `!name` are not supported", Some(hint));
        }
    }

    /// Puts a finished node where it belongs.
    fn value(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Frame::Sequence { items, .. }) => items.push(node),
            Some(Frame::Mapping { entries, lines, key, .. }) => {
                match std::mem::replace(key, PendingKey::None) {
                    PendingKey::Key(name) => entries.push((name, node)),
                    PendingKey::Faulty => {}
                    PendingKey::None => {
                        let position = node.position;
                        let NodeKind::Scalar { text, .. } = node.kind else {
                            *key = PendingKey::Faulty;
                            let hint = "put quotes around a text that begins with `{` or `[`";
                            self.fault(position, "a key must be a text", Some(hint));
                            return;
                        };
                        if let Some(line) = lines.get(&text) {
                            let message =
                                format!("the key `{text}` stands here again; the first one is on line {line}");
                            *key = PendingKey::Faulty;
                            self.fault(position, message, Some("keep one of them"));
                        } else {
                            lines.insert(text.clone(), position.line);
                            *key = PendingKey::Key(Key { text, position });
                        }
                    }
                };
            }
        }
    }
}

impl Node {
    /// The text of a scalar.
    pub fn as_scalar(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Scalar { text, .. } => Some(text),
            NodeKind::Sequence(_) | NodeKind::Mapping(_) => None,
        }
    }

    /// Whether nothing stands there: no text, `~` or `null`.
    pub fn is_null(&self) -> bool {
        match &self.kind {
            NodeKind::Scalar { text, plain: true } => matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"),
            NodeKind::Scalar { .. } | NodeKind::Sequence(_) | NodeKind::Mapping(_) => false,
        }
    }

    /// The boolean, when it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match &self.kind {
            NodeKind::Scalar { text, plain: true } if text == "true" => Some(true),
            NodeKind::Scalar { text, plain: true } if text == "false" => Some(false),
            NodeKind::Scalar { .. } | NodeKind::Sequence(_) | NodeKind::Mapping(_) => None,
        }
    }

    /// The finite number, when it is one.
    pub fn as_number(&self) -> Option<f64> {
        match &self.kind {
            NodeKind::Scalar { text, plain: true }
                if text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) =>
            {
                text.parse().ok().filter(|number: &f64| number.is_finite())
            }
            NodeKind::Scalar { .. } | NodeKind::Sequence(_) | NodeKind::Mapping(_) => None,
        }
    }

    /// What it is, as an author would name it.
    pub fn describe(&self) -> String {
        match &self.kind {
            _ if self.is_null() => "nothing".to_owned(),
            NodeKind::Scalar { text, .. } if text.trim().is_empty() => "an empty text".to_owned(),
            NodeKind::Scalar { text, .. } => {
                let mut short: String = text.chars().take(40).collect();
                if short.len() < text.len() {
                    short.push('…');
                }
                format!("`{}`", short.replace('\n', " "))
            }
            NodeKind::Sequence(_) => "a list".to_owned(),
            NodeKind::Mapping(_) => "a mapping".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn faults(text: &str) -> Vec<String> {
        parse(text)
            .faults
            .into_iter()
            .map(|f| format!("{}:{} {}", f.position.line, f.position.column, f.message))
            .collect()
    }

    #[test]
    fn nodes_know_their_places() {
        let root = parse("a: 1\nb:\n  - {c: x}\n  - \"é\"\n").root.expect("a tree");
        let NodeKind::Mapping(entries) = root.kind else { panic!("a mapping") };
        let NodeKind::Sequence(items) = &entries[1].1.kind else { panic!("a list") };
        let NodeKind::Mapping(inner) = &items[0].kind else { panic!("a mapping") };
        assert_eq!(inner[0].1.position, Position { line: 3, column: 9 });
        assert_eq!(items[1].position, Position { line: 4, column: 5 });
    }

    #[test]
    fn only_true_and_false_are_booleans() {
        let plain = |text: &str| Node {
            position: Position::START,
            kind: NodeKind::Scalar { text: text.to_owned(), plain: true },
        };
        assert_eq!(plain("true").as_bool(), Some(true));
        for other in ["yes", "True", "on", "no", "y"] {
            assert_eq!(plain(other).as_bool(), None, "{other}");
        }
        assert_eq!(plain("infinity").as_number(), None);
        assert_eq!(plain("1e999").as_number(), None);
        assert_eq!(plain("0.01").as_number(), Some(0.01));
    }

    #[test]
    fn everything_refused_has_its_place() {
        assert_eq!(
            faults("a: &x 1\nb: *x\nc: !t 2\na: 3\n{d: e}: 4"),
            [
                "1:4 anchors such as `&name` are not supported",
                "2:4 aliases such as `*name` are not supported",
                "3:4 tags such as `!name` are not supported",
                "4:1 the key `a` stands here again; the first one is on line 1",
                "5:1 a key must be a text",
            ]
        );
        assert!(faults("a: 1\n---\nb: 2")[0].contains("a second document"));
    }

    #[test]
    fn depth_is_bounded() {
        for deep in ["[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(100_000)] {
            let document = parse(&deep);
            assert!(document.root.is_none());
            assert_eq!(document.faults.len(), 1, "{:?}", document.faults);
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[-a-c:{}\\[\\],&*!|>'\"#%@`\\\\ \t\r\n~?0-2é]{0,60}") {
            parse(&text);
        }

        #[test]
        fn no_characters_panic(text in any::<String>()) {
            parse(&text);
        }
    }
}
