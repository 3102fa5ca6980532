//! Functions of the page: Run JavaScript is on, and their names are listed.

use crate::diagnostic::Diagnostic;
use crate::knowledge::settings;

use super::Across;

/// Reports calls of functions that will never be allowed.
pub(super) fn check(across: &mut Across<'_>) {
    for (_, entry) in across.entries {
        for (handler, place) in &entry.uses.handlers {
            let diagnostic = match &across.settings.run_js {
                None => {
                    let message = format!("the function `{handler}` is never called: Run JavaScript is off");
                    let hint =
                        format!("write `run_js: {{enabled: true, handlers: [{handler}]}}` in `{}`", settings::FILE);
                    Diagnostic::error("js-disabled", place.clone(), message).hint(hint)
                }
                Some(handlers) if !handlers.contains(handler) => {
                    let message = format!("unknown function `{handler}`");
                    let diagnostic = Diagnostic::error("unknown-handler", place.clone(), message);
                    let names = handlers.iter().map(|handler| handler.as_str());
                    let diagnostic = diagnostic.suggest(handler.as_str(), names);
                    match diagnostic.hint {
                        Some(_) => diagnostic,
                        None => diagnostic.hint(format!("list it under `run_js.handlers` in `{}`", settings::FILE)),
                    }
                }
                Some(_) => continue,
            };
            across.report(diagnostic);
        }
    }
}
