//! Articles that say the same, or stand at the same address.

use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::diagnostic::{Diagnostic, Place};
use crate::knowledge::entry::Object;
use crate::knowledge::kind::Kind;

use super::Across;

/// Reports articles that repeat another one.
pub(super) fn check(across: &mut Across<'_>) {
    let count = across.entries.len();
    let mut texts: FxHashMap<u64, &str> = FxHashMap::with_capacity_and_hasher(count, FxBuildHasher);
    let mut addresses: FxHashMap<u64, &str> = FxHashMap::with_capacity_and_hasher(count, FxBuildHasher);
    let mut diagnostics = Vec::new();
    for (path, entry) in across.entries {
        let Some(Object::Article(article)) = &entry.object else { continue };
        if let Some(hash) = entry.digest.and_then(|digest| digest.text) {
            match texts.get(&hash) {
                None => {
                    texts.insert(hash, path);
                }
                Some(first) => {
                    let message = format!("this article has the same text as `{first}`");
                    let hint = "keep one of them, or a search finds both";
                    let place = Place::file((*path).clone());
                    diagnostics.push(Diagnostic::warning("duplicate-article", place, message).hint(hint));
                }
            }
        }
        match entry.digest.and_then(|digest| addresses.get(&digest.url)) {
            None => {
                addresses.extend(entry.digest.map(|digest| (digest.url, &***path)));
            }
            // That two files have one id is reported already.
            Some(_)
                if !across.object(Kind::Article, article.id.as_str()).is_some_and(|one| std::ptr::eq(one, *entry)) => {}
            Some(first) => {
                let message = format!("this article has the same address as `{first}`: `{}`", article.url);
                let place = Place::file((*path).clone());
                diagnostics.push(Diagnostic::warning("duplicate-url", place, message).hint("set `url` of one of them"));
            }
        }
    }
    across.diagnostics.extend(diagnostics);
}
