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
}

/// Replaces the attributes in `template` in one pass; values are data and are
/// never read as templates.
pub fn resolve(template: &Template, context: &UserContext) -> LaunchMessage {
    let attributes = context.template_attributes();
    let resolved = template.resolve(Encoding::Plain, |name| attributes.get(name));
    LaunchMessage { text: resolved.text, missing_attributes: resolved.missing }
}
