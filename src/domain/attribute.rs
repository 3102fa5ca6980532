//! Attributes and the templates that name them: `Hello {{user.name|there}}`.
//!
//! A template is resolved in one pass. A value is text and nothing else: braces
//! inside it are never read again, and inside a URL it is percent-encoded, so a
//! value can neither name another attribute nor change where a link leads.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::value::Value;

/// Most attributes in one template; whatever a client sends, a template is
/// resolved in bounded time.
pub const MAX_PLACEHOLDERS: usize = 100;

/// Longest value of an attribute that is put into a text, in characters.
pub const MAX_VALUE_CHARS: usize = 700;

/// RFC 3986 unreserved characters stay; everything else is encoded.
const URL_COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Values by attribute name; `user.name` is stored under that whole name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes(BTreeMap<String, Value>);

impl Attributes {
    /// No attributes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets one attribute, and returns what it was.
    pub fn insert(&mut self, name: impl Into<String>, value: Value) -> Option<Value> {
        self.0.insert(name.into(), value)
    }

    /// The value of an attribute; `a.b` also finds `b` inside a map `a`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        if let Some(value) = self.0.get(name) {
            return Some(value);
        }
        name.match_indices('.').find_map(|(at, _)| self.0.get(&name[..at])?.get(&name[at + 1..]))
    }

    /// All attributes by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(String, Value)> for Attributes {
    fn from_iter<T: IntoIterator<Item = (String, Value)>>(values: T) -> Self {
        Self(values.into_iter().collect())
    }
}

/// A text with attributes in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    source: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Attribute(Placeholder),
}

/// One `{{name|fallback}}` of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placeholder {
    /// Dotted name, such as `user.email`.
    pub name: String,
    /// Used when the attribute has no value.
    pub fallback: Option<String>,
    /// Byte offset of the opening braces in the template's source.
    pub offset: usize,
}

/// Why a text is not a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct TemplateError {
    /// Byte offset of the opening braces.
    pub offset: usize,
    /// What is wrong there.
    pub kind: TemplateErrorKind,
}

/// What is wrong with one placeholder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateErrorKind {
    /// No closing braces follow.
    #[error("`{{{{` is never closed by `}}}}`")]
    Unclosed,
    /// There are more than [`MAX_PLACEHOLDERS`].
    #[error("a template has at most {MAX_PLACEHOLDERS} attributes")]
    TooMany,
    /// The name is not a dotted name.
    #[error("`{0}` is not the name of an attribute; names have letters, digits, `_`, `-` and dots")]
    Name(String),
}

/// What a template became.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The text with every placeholder replaced.
    pub text: String,
    /// Names of the attributes that had no value, each once, in order.
    pub missing: Vec<String>,
}

/// Where a template's values are put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Into plain text, as they are.
    Plain,
    /// Into a URL, percent-encoded; `.` and `..` count as missing.
    Url,
    /// Into a CSS selector, escaped so that it stays one name or one string.
    Selector,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// All faulty placeholders, in order.
    pub fn parse(source: &str) -> Result<Self, Vec<TemplateError>> {
        let mut parts = Vec::new();
        let mut errors = Vec::new();
        let mut rest = 0;
        while let Some(open) = source[rest..].find("{{").map(|at| rest + at) {
            let Some(close) = source[open + 2..].find("}}").map(|at| open + 2 + at) else {
                errors.push(TemplateError { offset: open, kind: TemplateErrorKind::Unclosed });
                break;
            };
            if parts.len() + errors.len() >= 2 * MAX_PLACEHOLDERS {
                errors.truncate(MAX_PLACEHOLDERS);
                errors.push(TemplateError { offset: open, kind: TemplateErrorKind::TooMany });
                break;
            }
            if open > rest {
                parts.push(Part::Text(source[rest..open].to_owned()));
            }
            let inside = &source[open + 2..close];
            let (name, fallback) = match inside.split_once('|') {
                Some((name, fallback)) => (name.trim(), Some(fallback.trim().to_owned())),
                None => (inside.trim(), None),
            };
            if is_attribute_name(name) {
                parts.push(Part::Attribute(Placeholder { name: name.to_owned(), fallback, offset: open }));
            } else {
                errors.push(TemplateError { offset: open, kind: TemplateErrorKind::Name(name.to_owned()) });
            }
            rest = close + 2;
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        if rest < source.len() {
            parts.push(Part::Text(source[rest..].to_owned()));
        }
        Ok(Self { source: source.to_owned(), parts })
    }

    /// A text that names no attributes, whatever stands in it.
    pub fn literal(text: &str) -> Self {
        Self { source: text.to_owned(), parts: vec![Part::Text(text.to_owned())] }
    }

    /// The text it was read from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Its placeholders, in order.
    pub fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        self.parts.iter().filter_map(|part| match part {
            Part::Attribute(placeholder) => Some(placeholder),
            Part::Text(_) => None,
        })
    }

    /// Replaces each placeholder by its value, else its fallback, else nothing.
    pub fn resolve<'a>(&self, encoding: Encoding, value_of: impl Fn(&str) -> Option<&'a Value>) -> Resolved {
        let mut text = String::with_capacity(self.source.len());
        let mut missing = Vec::new();
        for part in &self.parts {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Attribute(placeholder) => {
                    let value = value_of(&placeholder.name).map(printable).filter(|value| usable(value, encoding));
                    if value.is_none() && !missing.contains(&placeholder.name) {
                        missing.push(placeholder.name.clone());
                    }
                    let value = value.as_deref().or(placeholder.fallback.as_deref()).unwrap_or_default();
                    match encoding {
                        Encoding::Plain => text.push_str(value),
                        Encoding::Url => text.extend(utf8_percent_encode(value, URL_COMPONENT)),
                        Encoding::Selector => escape_selector(value, &mut text),
                    }
                }
            }
        }
        Resolved { text, missing }
    }
}

/// Whether `name` is a dotted name of letters, digits, `_` and `-`.
pub fn is_attribute_name(name: &str) -> bool {
    name.len() <= 128
        && name.split('.').all(|part| {
            part.starts_with(|c: char| c.is_alphabetic() || c == '_')
                && part.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
        })
}

/// The value as one line of text of bounded length.
fn printable(value: &Value) -> String {
    value.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_VALUE_CHARS).collect()
}

/// As `CSS.escape` of browsers does it: the result is an identifier, the middle of
/// one, and the inside of a quoted string alike.
fn escape_selector(value: &str, text: &mut String) {
    for (at, c) in value.chars().enumerate() {
        match c {
            '0'..='9' if at == 0 => text.push_str(&format!("\\{:x} ", u32::from(c))),
            '\0' => text.push('\u{fffd}'),
            c if c.is_ascii_control() => text.push_str(&format!("\\{:x} ", u32::from(c))),
            c if c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii() => text.push(c),
            '-' if at > 0 => text.push('-'),
            c => text.extend(['\\', c]),
        }
    }
}

fn usable(value: &str, encoding: Encoding) -> bool {
    match encoding {
        Encoding::Plain | Encoding::Selector => !value.trim().is_empty(),
        Encoding::Url => !matches!(value.trim(), "" | "." | ".."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(source: &str, encoding: Encoding) -> Resolved {
        let attributes: Attributes = [
            ("user.name".to_owned(), Value::Text("Ann {{user.email}}".to_owned())),
            ("user.id".to_owned(), Value::Text("a/b?c#d e%".to_owned())),
            ("up".to_owned(), Value::Text("..".to_owned())),
            ("plan".to_owned(), Value::Map([("name".to_owned(), Value::Text("Pro".to_owned()))].into())),
            ("seats".to_owned(), Value::Number(12.0)),
        ]
        .into_iter()
        .collect();
        Template::parse(source).expect("a template").resolve(encoding, |name| attributes.get(name))
    }

    #[test]
    fn values_are_never_expanded_again() {
        let resolved = resolve("Hi {{ user.name }}, {{user.email|you}} on {{plan.name}} ({{seats}})", Encoding::Plain);
        assert_eq!(resolved.text, "Hi Ann {{user.email}}, you on Pro (12)");
        assert_eq!(resolved.missing, ["user.email"]);
    }

    #[test]
    fn a_value_cannot_leave_its_place_in_a_url() {
        let resolved = resolve("/users/{{user.id}}/profile?of={{up}}", Encoding::Url);
        assert_eq!(resolved.text, "/users/a%2Fb%3Fc%23d%20e%25/profile?of=");
        assert_eq!(resolved.missing, ["up"]);
    }

    #[test]
    fn a_value_cannot_leave_its_place_in_a_selector() {
        for (value, expected) in [
            ("pro", "#p-pro"),
            ("1st", "#p-\\31 st"),
            ("a b, body", "#p-a\\ b\\,\\ body"),
            ("\"] , *", "#p-\\\"\\]\\ \\,\\ \\*"),
            ("-x\\", "#p-\\-x\\\\"),
            ("größe", "#p-größe"),
            ("a\nb", "#p-a\\ b"),
        ] {
            let value = Value::Text(value.to_owned());
            let template = Template::parse("#p-{{plan}}").expect("a template");
            assert_eq!(template.resolve(Encoding::Selector, |_| Some(&value)).text, expected);
        }
    }

    #[test]
    fn every_faulty_placeholder_is_reported() {
        let errors = Template::parse("{{a b}} {{}} {{ok}} {{open").expect_err("three mistakes");
        assert_eq!(errors.iter().map(|e| e.offset).collect::<Vec<_>>(), [0, 8, 20]);
    }
}
