//! Attributes in templates: they are known, and something stands there without them.

use crate::diagnostic::Diagnostic;
use crate::knowledge::settings;

use super::Across;

/// Attributes that every project has.
const BUILT_IN: [&str; 5] = ["user.id", "user.email", "user.name", "page.url", "page.title"];

/// Reports attributes that no user ever has, and those that some have not.
pub(super) fn check(across: &mut Across<'_>) {
    for (_, entry) in across.entries {
        for attribute in &entry.uses.attributes {
            let name = attribute.name.as_str();
            if entry.uses.arguments.iter().any(|argument| argument == name) {
                continue;
            }
            let declared = across.settings.attributes.iter().map(String::as_str);
            let mut known = BUILT_IN.into_iter().chain(declared);
            if !known.clone().any(|one| one == name) {
                let message = format!("unknown attribute `{name}`");
                let arguments = entry.uses.arguments.iter().map(String::as_str);
                let diagnostic = Diagnostic::error("unknown-attribute", attribute.place.clone(), message);
                let diagnostic = diagnostic.suggest(name, known.by_ref().chain(arguments));
                across.report(match diagnostic.hint {
                    Some(_) => diagnostic,
                    None => diagnostic.hint(format!("list it under `attributes` in `{}`", settings::FILE)),
                });
            } else if !attribute.has_fallback && name != "user.id" {
                let message = format!("nothing stands here for a user without `{name}`");
                let hint = format!("write `{{{{{name}|something else}}}}`");
                across.report(Diagnostic::warning("no-fallback", attribute.place.clone(), message).hint(hint));
            }
        }
    }
}
