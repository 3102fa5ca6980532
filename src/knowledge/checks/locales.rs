//! Gaps between languages.
//!
//! Files are translations of each other when their identifiers differ only in a
//! part that names their own language: `de/export` and `en/export`, `export-de`
//! and `export`. A language counts once there is such a pair and half of the objects
//! of the kind exist in it; a few translated files are a decision and not a gap.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Diagnostic, Place};
use crate::domain::locale::Locale;
use crate::knowledge::entry::{Entry, Object};
use crate::knowledge::kind::Kind;

use super::Across;

/// Reports objects that exist in some languages and lack another.
pub(super) fn check(across: &mut Across<'_>) {
    for kind in [Kind::Article, Kind::Answer, Kind::Post] {
        check_kind(across, kind);
    }
}

fn check_kind(across: &mut Across<'_>, kind: Kind) {
    let default = &across.settings.default_locale;
    // Without a second language there is nothing to compare, which is the usual case.
    if !across.entries.iter().any(|(_, entry)| locale(entry, kind).is_some_and(|locale| locale != default)) {
        return;
    }
    let mut groups: BTreeMap<String, BTreeMap<&str, &Place>> = BTreeMap::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, entry) in across.entries.iter().filter(|(_, entry)| entry.object_kind() == Some(kind)) {
        let Some((id, place)) = entry.id.as_ref().filter(|_| entry.object.is_some()) else { continue };
        let language = locale(entry, kind).unwrap_or(default).language();
        groups.entry(stem(id, language)).or_default().entry(language).or_insert(place);
        *counts.entry(language).or_default() += 1;
    }
    let paired: BTreeSet<&str> =
        groups.values().filter(|languages| languages.len() > 1).flat_map(BTreeMap::keys).copied().collect();
    let wanted: BTreeSet<&str> = paired.into_iter().filter(|language| counts[language] * 2 >= groups.len()).collect();
    let mut diagnostics = Vec::new();
    for (stem, languages) in groups.iter().filter(|(_, languages)| !languages.is_empty()) {
        let missing: Vec<&str> = wanted.iter().copied().filter(|language| !languages.contains_key(language)).collect();
        let place = languages.get(default.language()).or_else(|| languages.values().next());
        if let (Some(place), false) = (place, missing.is_empty()) {
            let message = format!("the {kind} `{stem}` is missing in {}", missing.join(", "));
            let hint = "translate it, and keep the rest of its path; or leave it as it is";
            diagnostics.push(Diagnostic::warning("locale-gap", (*place).clone(), message).hint(hint));
        }
    }
    across.diagnostics.extend(diagnostics);
}

fn locale(entry: &Entry, kind: Kind) -> Option<&Locale> {
    match entry.object.as_ref()? {
        Object::Article(article) if kind == Kind::Article => article.locale.as_ref(),
        Object::Answer(answer) if kind == Kind::Answer => answer.locale.as_ref(),
        Object::Post(post) if kind == Kind::Post => post.locale.as_ref(),
        Object::Settings(_)
        | Object::Article(_)
        | Object::Answer(_)
        | Object::Post(_)
        | Object::Experience(_)
        | Object::Automation(_)
        | Object::Segment(_)
        | Object::Trigger(_) => None,
    }
}

/// The identifier without the part that names its language.
fn stem(id: &str, language: &str) -> String {
    let parts: Vec<&str> = id.split('/').filter(|part| !part.eq_ignore_ascii_case(language)).collect();
    let joined = parts.join("/");
    for separator in ['-', '.', '_'] {
        if let Some((stem, last)) = joined.rsplit_once(separator)
            && last.eq_ignore_ascii_case(language)
        {
            return stem.to_owned();
        }
    }
    joined
}
