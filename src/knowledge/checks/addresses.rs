//! Where navigation leads: relative, or http(s) to a host that is allowed.

use crate::diagnostic::Diagnostic;
use crate::domain::attribute::Template;
use crate::domain::project::{NavigationRefusal, Settings};
use crate::knowledge::uses::AddressUse;

use super::Across;

/// Reports addresses that the agent would refuse to lead to.
pub(super) fn check(across: &mut Across<'_>) {
    for (_, entry) in across.entries {
        for address in &entry.uses.addresses {
            if let Some(diagnostic) = address_fault(address, across.settings) {
                across.report(diagnostic);
            }
        }
    }
}

fn address_fault(address: &AddressUse, settings: &Settings) -> Option<Diagnostic> {
    let error = |code, message: String| Diagnostic::error(code, address.place.clone(), message);
    let literal = &address.url.source()[..first_attribute(&address.url)];
    if literal.len() < address.url.source().len() {
        if literal.is_empty() {
            let message = "an address cannot begin with an attribute, which could lead anywhere".to_owned();
            return Some(error("host-attribute", message).hint("begin with `/`, or with `https://` and a host"));
        }
        let in_host = literal.split_once("//").is_some_and(|(_, rest)| !rest.contains(['/', '?', '#']));
        if literal.starts_with("//") || (in_host && !literal.starts_with(['/', '?', '#', '.'])) {
            let message = "the host of an address cannot come from an attribute".to_owned();
            return Some(error("host-attribute", message).hint("write the host out, and attributes after it"));
        }
    }
    let filled = filled(&address.url);
    match settings.check_navigation(&filled) {
        Ok(()) => None,
        Err(refusal) => {
            let message = refusal.to_string();
            Some(match refusal {
                NavigationRefusal::Scheme(_) => {
                    error("scheme", message).hint("only relative, `https:` and `http:` addresses are allowed")
                }
                NavigationRefusal::Host(host) => {
                    let hint = format!("add `{host}` to `allowed_hosts` in `project.yaml`");
                    error("host", message).hint(hint)
                }
                NavigationRefusal::Malformed(_) => {
                    let message = format!("`{}` is not a plain http(s) or relative URL", address.url.source());
                    error("address", message).hint("write it without spaces, backslashes and credentials")
                }
            })
        }
    }
}

fn first_attribute(url: &Template) -> usize {
    url.placeholders().next().map_or(url.source().len(), |placeholder| placeholder.offset)
}

/// The address with a plain letter for each attribute.
fn filled(url: &Template) -> String {
    let source = url.source();
    let mut filled = String::with_capacity(source.len());
    let mut at = 0;
    for placeholder in url.placeholders() {
        filled.push_str(&source[at..placeholder.offset]);
        filled.push('x');
        at = source[placeholder.offset..].find("}}").map_or(source.len(), |end| placeholder.offset + end + 2);
    }
    filled.push_str(&source[at..]);
    filled
}
