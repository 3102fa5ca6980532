//! Checks of files against each other, one module for each noun.
//!
//! Every check is linear in what it looks at, because all of them run again after
//! each edit. What one file alone can tell is checked when it is read and kept
//! with it, such as the [`flow`] of an experience.

mod actions;
mod addresses;
mod articles;
mod attributes;
mod automations;
mod cycles;
pub(crate) mod flow;
mod handlers;
mod identifiers;
mod locales;
mod overlap;
mod phrases;
mod references;
mod segments;

use std::sync::Arc;

use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::diagnostic::Diagnostic;
use crate::domain::project::Settings;

use super::entry::Entry;
use super::kind::Kind;

/// All files of a project, as the checks look at them.
pub(crate) struct Across<'e> {
    /// Files by their path, in order.
    entries: &'e [(&'e Arc<str>, &'e Entry)],
    settings: &'e Settings,
    /// Files by the kind and identifier of their object; the first one of several.
    by_id: FxHashMap<(Kind, &'e str), &'e Entry>,
    diagnostics: Vec<Diagnostic>,
}

/// Checks all files of a project against each other.
pub(crate) fn across(entries: &[(&Arc<str>, &Entry)], settings: &Settings) -> Vec<Diagnostic> {
    let by_id = FxHashMap::with_capacity_and_hasher(entries.len(), FxBuildHasher);
    let mut across = Across { entries, settings, by_id, diagnostics: Vec::new() };
    identifiers::check(&mut across);
    references::check(&mut across);
    actions::check(&mut across);
    addresses::check(&mut across);
    attributes::check(&mut across);
    handlers::check(&mut across);
    phrases::check(&mut across);
    automations::check(&mut across);
    segments::check(&mut across);
    articles::check(&mut across);
    locales::check(&mut across);
    across.diagnostics
}

impl<'e> Across<'e> {
    /// The file whose object has that kind and identifier.
    fn object(&self, kind: Kind, id: &str) -> Option<&'e Entry> {
        self.by_id.get(&(kind, id)).copied()
    }

    /// All identifiers of a kind.
    fn ids(&self, kind: Kind) -> impl Iterator<Item = &'e str> {
        self.entries
            .iter()
            .filter(move |(_, entry)| entry.object_kind() == Some(kind))
            .filter_map(|(_, entry)| entry.id.as_ref().map(|(id, _)| id.as_str()))
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }
}
