//! Reads a TOML file with the place of each value.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::setting::{self, Raw};
use crate::diagnostic::{Diagnostic, Place, Position};

/// Reads the file at `path` into `raw`.
pub(super) fn read(path: &Path, raw: &mut Raw, diagnostics: &mut Vec<Diagnostic>) {
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&name, &text, raw, diagnostics),
        Err(error) => diagnostics.push(
            Diagnostic::error("unreadable", Place::file(name), format!("the configuration cannot be read: {error}"))
                .hint("name another file with --config, or leave it out"),
        ),
    }
}

/// Reads `text`, the content of the file called `name`, into `raw`.
pub(super) fn parse(name: &str, text: &str, raw: &mut Raw, diagnostics: &mut Vec<Diagnostic>) {
    match DeTable::parse(text) {
        Ok(table) => walk(name, text, "", table.get_ref(), raw, diagnostics),
        Err(error) => {
            let position = Position::of_offset(text, error.span().map_or(0, |span| span.start));
            diagnostics.push(Diagnostic::error("bad-toml", Place::at(name, position), error.message().to_owned()));
        }
    }
}

fn walk(name: &str, text: &str, prefix: &str, table: &DeTable<'_>, raw: &mut Raw, diagnostics: &mut Vec<Diagnostic>) {
    for (key, value) in table {
        let path = format!("{prefix}{}", key.get_ref());
        let place = |start: usize| Place::at(name, Position::of_offset(text, start));
        let group = format!("{path}.");
        if let DeValue::Table(inner) = value.get_ref()
            && setting::ALL.iter().any(|setting| setting.key.starts_with(&group))
        {
            walk(name, text, &group, inner, raw, diagnostics);
            continue;
        }
        match setting::ALL.iter().find(|setting| setting.key == path) {
            Some(setting) => raw.set(setting.key, written(value), place(value.span().start)),
            None => diagnostics.push(
                Diagnostic::error("unknown-setting", place(key.span().start), format!("there is no setting `{path}`"))
                    .suggest(&path, setting::ALL.iter().map(|setting| setting.key)),
            ),
        }
    }
}

/// A value as an environment variable would give it; lists have commas between.
fn written(value: &Spanned<DeValue<'_>>) -> String {
    match value.get_ref() {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(values) => values.iter().map(written).collect::<Vec<_>>().join(","),
        DeValue::Table(_) => "{…}".to_owned(),
    }
}
