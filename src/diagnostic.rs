//! A mistake in an author's file: where it is, what is wrong and what to do.
//!
//! Mistakes are data. Loading never stops at the first one: it returns all of
//! them, in the order of [`sort`], and the caller decides whether they matter.

use std::fmt;
use std::sync::Arc;

use serde::ser::{Serialize, SerializeStruct, Serializer};

/// How much a mistake matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The project cannot be served with it.
    Error,
    /// The project can be served; the author probably meant something else.
    Warning,
}

/// Line and column in a text, both counted from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Position {
    /// The first character of a file.
    pub const START: Self = Self { line: 1, column: 1 };

    /// The position of a byte offset in `text`; the end of `text` when beyond it.
    pub fn of_offset(text: &str, offset: usize) -> Self {
        let mut end = offset.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &text[..end];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self {
            line: count(before.matches('\n').count()).saturating_add(1),
            column: count(before[line_start..].chars().count()).saturating_add(1),
        }
    }
}

/// A place in a file, relative to the folder that was loaded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Path relative to the loaded folder, with `/` between its parts.
    pub path: Arc<str>,
    /// Absent when the mistake concerns the file as a whole.
    pub position: Option<Position>,
}

impl Place {
    /// The whole file at `path`.
    pub fn file(path: impl Into<Arc<str>>) -> Self {
        Self { path: path.into(), position: None }
    }

    /// One position in the file at `path`.
    pub fn at(path: impl Into<Arc<str>>, position: Position) -> Self {
        Self { path: path.into(), position: Some(position) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some(Position { line, column }) => write!(f, "{}:{line}:{column}", self.path),
            None => f.write_str(&self.path),
        }
    }
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable name of the check, such as `unknown-experience`, for editors.
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// Where it is.
    pub place: Place,
    /// What is wrong, in lower case, without a final full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// A mistake that keeps the project from being served.
    pub fn error(code: &'static str, place: Place, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Error, place, message: message.into(), hint: None }
    }

    /// A mistake that the project can be served with.
    pub fn warning(code: &'static str, place: Place, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, place, message) }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds ``did you mean `x`?`` when one of `candidates` is close to `word`.
    #[must_use]
    pub fn suggest<'a>(self, word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Self {
        match did_you_mean(word, candidates) {
            Some(close) => self.hint(format!("did you mean `{close}`?")),
            None => self,
        }
    }

    /// Whether it keeps the project from being served.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{}: {severity}: {}", self.place, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

/// As editors and `/readyz` read it.
impl Serialize for Diagnostic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Diagnostic", 7)?;
        fields.serialize_field("code", self.code)?;
        fields.serialize_field("severity", if self.is_error() { "error" } else { "warning" })?;
        fields.serialize_field("path", &*self.place.path)?;
        fields.serialize_field("line", &self.place.position.map(|position| position.line))?;
        fields.serialize_field("column", &self.place.position.map(|position| position.column))?;
        fields.serialize_field("message", &self.message)?;
        fields.serialize_field("hint", &self.hint)?;
        fields.end()
    }
}

/// Orders mistakes by file, then by position, errors first at the same place.
pub fn sort(diagnostics: &mut [Diagnostic]) {
    diagnostics
        .sort_by(|a, b| (&a.place, a.severity, a.code, &a.message).cmp(&(&b.place, b.severity, b.code, &b.message)));
}

/// The candidate closest to `word`, if it is close enough to be a typing mistake.
///
/// Distance is Damerau-Levenshtein; at most a third of the longer word may differ.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    candidates
        .into_iter()
        .filter(|candidate| *candidate != word)
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance * 3 <= lower.chars().count().max(candidate.chars().count()))
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_as_compilers_do() {
        let place = Place::at("answers/billing.md", Position { line: 14, column: 12 });
        let diagnostic = Diagnostic::error("unknown-experience", place, "unknown experience `upgrade-pln`")
            .suggest("upgrade-pln", ["export-tour", "upgrade-plan"]);
        assert_eq!(
            diagnostic.to_string(),
            "answers/billing.md:14:12: error: unknown experience `upgrade-pln`\n  hint: did you mean `upgrade-plan`?"
        );
    }

    #[test]
    fn suggests_only_what_is_close() {
        assert_eq!(did_you_mean("navigat", ["dismiss", "navigate"]), Some("navigate"));
        assert_eq!(did_you_mean("xyz", ["dismiss", "navigate"]), None);
    }

    #[test]
    fn positions_count_characters() {
        assert_eq!(Position::of_offset("añb\ncé!", 8), Position { line: 2, column: 3 });
        assert_eq!(Position::of_offset("ab", 99), Position { line: 1, column: 3 });
    }
}
