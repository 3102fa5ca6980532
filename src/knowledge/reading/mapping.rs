//! Reading a mapping key by key, so that what was never asked for is unknown.

use crate::diagnostic::{Diagnostic, Position, did_you_mean};
use crate::knowledge::yaml::{Key, Node, NodeKind};

use super::Reading;

/// A mapping that is being read.
///
/// Asking for a key makes it known. [`Mapping::close`] reports the others, each
/// with the known key that it resembles, and the required keys that are missing.
#[must_use = "unknown keys are reported by `close`"]
pub(crate) struct Mapping<'n> {
    what: &'static str,
    position: Position,
    entries: &'n [(Key, Node)],
    known: Vec<&'static str>,
    missing: Vec<&'static str>,
}

impl<'n> Mapping<'n> {
    /// Begins to read a node that should be a mapping: `what`, such as `a step`.
    pub(crate) fn open(node: &'n Node, what: &'static str, reading: &mut Reading<'_>) -> Option<Self> {
        let NodeKind::Mapping(entries) = &node.kind else {
            reading.expected(&format!("{what} as a mapping of keys"), node);
            return None;
        };
        Some(Self { what, position: node.position, entries, known: Vec::new(), missing: Vec::new() })
    }

    /// A mapping without any keys.
    pub(crate) fn empty(what: &'static str) -> Self {
        Self { what, position: Position::START, entries: &[], known: Vec::new(), missing: Vec::new() }
    }

    /// Where it begins.
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    /// The value of a key that may be absent; nothing written counts as absent.
    pub(crate) fn get(&mut self, key: &'static str) -> Option<&'n Node> {
        self.known.push(key);
        self.find(key).map(|(_, node)| node).filter(|node| !node.is_null())
    }

    /// The value of a key that must be there.
    pub(crate) fn require(&mut self, key: &'static str) -> Option<&'n Node> {
        let node = self.get(key);
        if node.is_none() {
            self.missing.push(key);
        }
        node
    }

    /// The position of a key itself; of the mapping when it is absent.
    pub(crate) fn position_of(&self, key: &str) -> Position {
        self.find(key).map_or(self.position, |(key, _)| key.position)
    }

    fn find(&self, key: &str) -> Option<&'n (Key, Node)> {
        self.entries.iter().find(|(name, _)| name.text == key)
    }

    /// Reports missing keys, and of the unknown ones those that resemble them.
    pub(crate) fn close_partly(mut self, reading: &mut Reading<'_>) {
        let missing = self.missing.clone();
        let resembles = |(key, _): &&(Key, Node)| did_you_mean(&key.text, missing.iter().copied()).is_some();
        let entries: Vec<(Key, Node)> = self.entries.iter().filter(resembles).cloned().collect();
        self.known.retain(|known| missing.contains(known));
        Mapping { entries: &entries, ..self }.close(reading);
    }

    /// Reports unknown and missing keys.
    pub(crate) fn close(self, reading: &mut Reading<'_>) {
        self.close_as(reading, Diagnostic::error);
    }

    /// Reports missing keys as errors, unknown ones as warnings.
    pub(crate) fn close_with_warnings(self, reading: &mut Reading<'_>) {
        self.close_as(reading, Diagnostic::warning);
    }

    fn close_as(
        self,
        reading: &mut Reading<'_>,
        make: fn(&'static str, crate::diagnostic::Place, String) -> Diagnostic,
    ) {
        let mut misspelled = Vec::new();
        for (key, _) in self.entries.iter().filter(|(key, _)| !self.known.contains(&key.text.as_str())) {
            let free = self.known.iter().copied().filter(|known| self.find(known).is_none());
            let close = did_you_mean(&key.text, free);
            misspelled.extend(close);
            let message = format!("unknown key `{}` in {}", key.text, self.what);
            let diagnostic = make("unknown-key", reading.place(key.position), message);
            reading.report(match close {
                Some(close) => diagnostic.hint(format!("did you mean `{close}`?")),
                None => diagnostic.hint(format!("known keys: {}", list_of(&self.known))),
            });
        }
        for key in self.missing.iter().filter(|key| !misspelled.contains(key)) {
            let (position, message) = match self.find(key) {
                Some((name, _)) => (name.position, format!("`{key}` of {} is empty", self.what)),
                None => (self.position, format!("{} needs `{key}`", self.what)),
            };
            reading.error("missing-key", position, message);
        }
    }
}

/// Names as a sentence lists them: `` `a`, `b` ``.
pub(crate) fn list_of(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
