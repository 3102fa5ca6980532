//! Reading texts, identifiers, templates and choices.

use regex::Regex;

use crate::diagnostic::{Diagnostic, Position};
use crate::domain::attribute::Template;
use crate::domain::ids::InvalidId;
use crate::domain::locale::Locale;
use crate::domain::value::Value;
use crate::knowledge::kind::Kind;
use crate::knowledge::uses::{AttributeUse, Reference, Role};
use crate::knowledge::yaml::{Node, NodeKind};

use super::Reading;
use super::mapping::list_of;

/// Longest regular expression after it is compiled, in bytes.
const MAX_REGEX_BYTES: usize = 1 << 20;

impl Reading<'_> {
    /// A text that is not blank.
    pub(crate) fn text(&mut self, node: &Node) -> Option<String> {
        match node.as_scalar() {
            Some(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            Some(_) | None => {
                self.expected("a text", node);
                None
            }
        }
    }

    /// True or false.
    pub(crate) fn boolean(&mut self, node: &Node) -> Option<bool> {
        let value = node.as_bool();
        if value.is_none() {
            let lower = node.as_scalar().unwrap_or_default().to_ascii_lowercase();
            let quoted = matches!(node.kind, NodeKind::Scalar { plain: false, .. });
            match lower.as_str() {
                "true" | "false" if quoted => {
                    self.expected_with_hint("`true` or `false`", node, "write it without quotes");
                }
                "yes" | "on" | "y" | "true" => self.expected_with_hint("`true` or `false`", node, "write `true`"),
                "no" | "off" | "n" | "false" => self.expected_with_hint("`true` or `false`", node, "write `false`"),
                _ => self.expected("`true` or `false`", node),
            }
        }
        value
    }

    /// One of some words.
    pub(crate) fn choice<T: Copy>(&mut self, node: &Node, what: &str, choices: &[(&str, T)]) -> Option<T> {
        let Some(word) = node.as_scalar() else {
            self.expected(what, node);
            return None;
        };
        let found = choices.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            self.not_one_of(node.position, word, what, &names);
        }
        found
    }

    /// Records that `word` is none of `names`.
    pub(crate) fn not_one_of(&mut self, position: Position, word: &str, what: &str, names: &[&str]) {
        let message = format!("`{word}` is not {what}");
        let diagnostic = Diagnostic::error("unknown-value", self.place(position), message);
        let diagnostic = diagnostic.suggest(word, names.iter().copied());
        self.report(match diagnostic.hint {
            Some(_) => diagnostic,
            None => diagnostic.hint(format!("one of {}", list_of(names))),
        });
    }

    /// The items of a list.
    pub(crate) fn items<'n>(&mut self, node: &'n Node, what: &str) -> &'n [Node] {
        match &node.kind {
            NodeKind::Sequence(items) => items,
            NodeKind::Scalar { .. } | NodeKind::Mapping(_) => {
                self.expected_with_hint(what, node, "write a list: `[…]`, or lines that begin with `- `");
                &[]
            }
        }
    }

    /// A list of texts, each with its node.
    pub(crate) fn texts(&mut self, node: &Node, what: &str) -> Vec<String> {
        self.items(node, what).iter().filter_map(|item| self.text(item)).collect()
    }

    /// An identifier.
    pub(crate) fn id<T>(&mut self, node: &Node, new: fn(&str) -> Result<T, InvalidId>) -> Option<T> {
        let text = self.text(node)?;
        match new(&text) {
            Ok(id) => Some(id),
            Err(error) => {
                self.error("invalid-id", node.position, format!("`{text}` is not an identifier: {error}"));
                None
            }
        }
    }

    /// The id of another object, which a check across files looks up.
    pub(crate) fn reference<T>(
        &mut self,
        node: &Node,
        kind: Kind,
        role: Role,
        new: fn(&str) -> Result<T, InvalidId>,
    ) -> Option<T> {
        let id = self.id(node, new)?;
        let text = node.as_scalar().unwrap_or_default().trim().to_owned();
        let place = self.place(node.position);
        self.uses.references.push(Reference { kind, id: text, place, role });
        Some(id)
    }

    /// A text with attributes in it.
    pub(crate) fn template(&mut self, node: &Node) -> Option<Template> {
        let text = self.text(node)?;
        self.template_of(&text, node.position)
    }

    /// A template whose text stands at or after a position.
    pub(crate) fn template_of(&mut self, text: &str, position: Position) -> Option<Template> {
        let brace = |offset: usize| text[..offset].matches("{{").count();
        match Template::parse(text) {
            Ok(template) => {
                for placeholder in template.placeholders() {
                    let at = self.position_of("{{", brace(placeholder.offset), position);
                    self.uses.attributes.push(AttributeUse {
                        name: placeholder.name.clone(),
                        has_fallback: placeholder.fallback.is_some(),
                        place: self.place(at),
                    });
                }
                Some(template)
            }
            Err(errors) => {
                for error in errors {
                    let at = self.position_of("{{", brace(error.offset), position);
                    let hint = "write `{{name}}` or `{{name|what stands there without it}}`";
                    self.error_with_hint("template", at, error.to_string(), hint);
                }
                None
            }
        }
    }

    /// A language tag.
    pub(crate) fn locale(&mut self, node: &Node) -> Option<Locale> {
        let text = self.text(node)?;
        let locale = Locale::new(&text);
        if locale.is_none() {
            let message = format!("`{text}` is not a language tag");
            self.error_with_hint("locale", node.position, message, "write a tag such as `en` or `pt-BR`");
        }
        locale
    }

    /// A regular expression of linear time.
    pub(crate) fn regex(&mut self, node: &Node) -> Option<Regex> {
        let text = self.text(node)?;
        match regex::RegexBuilder::new(&text).size_limit(MAX_REGEX_BYTES).build() {
            Ok(regex) => Some(regex),
            Err(error) => {
                let reason = error.to_string();
                let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
                let message = format!("this regular expression cannot be used: {reason}");
                self.error("regex", node.position, message);
                None
            }
        }
    }

    /// Any value, as data.
    ///
    /// Recursion is bounded, since no tree is deeper than `yaml::MAX_DEPTH`.
    pub(crate) fn value(&mut self, node: &Node) -> Value {
        match &node.kind {
            NodeKind::Scalar { text, .. } => {
                if node.is_null() {
                    Value::Null
                } else if let Some(boolean) = node.as_bool() {
                    Value::Bool(boolean)
                } else if let Some(number) = node.as_number() {
                    Value::Number(number)
                } else {
                    Value::Text(text.clone())
                }
            }
            NodeKind::Sequence(items) => Value::List(items.iter().map(|item| self.value(item)).collect()),
            NodeKind::Mapping(entries) => {
                Value::Map(entries.iter().map(|(key, node)| (key.text.clone(), self.value(node))).collect())
            }
        }
    }
}
