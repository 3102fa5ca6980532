//! Checks of files against each other.

pub(crate) mod flow;

use crate::diagnostic::Diagnostic;
use crate::domain::project::Settings;

use super::entry::Entry;

/// Checks all files of a project against each other.
pub(crate) fn across(_entries: &[&Entry], _settings: &Settings) -> Vec<Diagnostic> {
    Vec::new()
}
