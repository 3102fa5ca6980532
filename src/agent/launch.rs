//! A Launch Agent request: its message with attributes becomes plain text.

use crate::domain::attribute::{Encoding, Template};
use crate::domain::user::UserContext;

/// A launch message after its attributes were replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaunchMessage {
    /// Plain text.
    pub text: String,
    /// Attributes that had no value, each once.
    pub missing_attributes: Vec<String>,
    /// The text as its author wrote it, with the fallback of each attribute: absent
    /// when no value was put in. A name or a number that a launch brings along must
    /// not keep its message from the Custom Answer that it was written for.
    pub plain: Option<String>,
}

/// Replaces the attributes in `template` in one pass; values are data and are
/// never read as templates.
pub fn resolve(template: &Template, context: &UserContext) -> LaunchMessage {
    let attributes = context.template_attributes();
    let resolved = template.resolve(Encoding::Plain, |name| attributes.get(name));
    let plain = template.resolve(Encoding::Plain, |_| None).text;
    let plain = (plain != resolved.text).then_some(plain);
    LaunchMessage { text: resolved.text, missing_attributes: resolved.missing, plain }
}
