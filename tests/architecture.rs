//! Holds the layers, names and sizes that `src/ARCHITECTURE.md` promises.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Modules by rank: a module uses only modules of a lower rank, itself, and
/// those listed beside it on its own line where that is said.
const RANKS: &[&[&str]] = &[
    &["diagnostic", "domain"],
    &["text"],
    &["ports", "knowledge", "protocol"],
    &["retrieval", "intent"],
    &["agent"],
    &["session"],
    &["adapters"],
    &["server", "eval"],
    &["bench", "conformance"],
    &["config"],
    &["cli"],
];

/// `adapters` implement ports and know nothing else of the core.
const ADAPTERS_MAY_USE: &[&str] = &["ports", "domain", "text", "adapters"];

/// Names that tell a reader nothing.
const BANNED_NAMES: &[&str] = &["utils", "util", "common", "helpers", "helper", "types", "misc", "mod"];

/// A file longer than this is split by its nouns.
const MAX_LINES: usize = 420;

/// What only some places may name: the text, who may, and why.
const CONFINED: &[(&str, &[&str], &str)] = &[
    ("axum::", &["src/server"], "only the server knows the web framework"),
    ("tantivy::", &["src/retrieval/lexical"], "only the lexical index knows tantivy"),
    ("std::env::var", &["src/config"], "only the configuration reads the environment"),
    (
        "fs::",
        &["src/knowledge", "src/config", "src/eval", "src/bench", "src/cli", "src/adapters"],
        "only these touch the disk",
    ),
    ("tokio::spawn(", &[], "a task is spawned on a tracker, so that shutdown waits for it"),
    ("SystemTime::now", &[], "time enters at the edge"),
    ("Timestamp::now", &["src/server", "src/cli", "src/eval", "src/bench"], "time enters at the edge"),
];

fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(folder).expect("a readable folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((path.clone(), fs::read_to_string(&path).expect("a readable file")));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    walk(&root.join("src"), &mut found);
    found.sort();
    found.into_iter().map(|(path, text)| (path.strip_prefix(root).expect("below the root").to_owned(), text)).collect()
}

/// The source without its test module and without comments and doc comments.
fn code_of(text: &str) -> String {
    let production = text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text);
    production.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn module_of(path: &Path) -> Option<String> {
    let name = path.components().nth(1)?.as_os_str().to_str()?.trim_end_matches(".rs").to_owned();
    (!matches!(name.as_str(), "main" | "lib")).then_some(name)
}

fn rank_of(module: &str) -> Option<usize> {
    RANKS.iter().position(|modules| modules.contains(&module))
}

fn modules_used(code: &str) -> BTreeSet<String> {
    code.match_indices("crate::")
        .map(|(at, found)| {
            let rest = &code[at + found.len()..];
            rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default().to_owned()
        })
        .filter(|module| rank_of(module).is_some())
        .collect()
}

#[test]
fn modules_use_only_lower_layers() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let Some(module) = module_of(&path) else { continue };
        let rank = rank_of(&module).unwrap_or_else(|| panic!("`{module}` has no rank: put it into the table"));
        for used in modules_used(&code_of(&text)) {
            let allowed = if module == "adapters" {
                ADAPTERS_MAY_USE.contains(&used.as_str())
            } else if module == "server" {
                used == module || (rank_of(&used) < Some(rank) && used != "adapters")
            } else {
                used == module || rank_of(&used) < Some(rank) || used == "diagnostic"
            };
            if !allowed {
                wrong.push(format!("{}: `{module}` may not use `{used}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_domain_is_plain() {
    for (path, text) in sources().into_iter().filter(|(path, _)| path.starts_with("src/domain")) {
        let code = code_of(&text);
        for banned in ["serde", "async ", "tokio", "std::fs", "std::io"] {
            assert!(!code.contains(banned), "{}: the domain must not contain `{banned}`", path.display());
        }
    }
}

#[test]
fn outside_things_are_named_where_they_belong() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let code = code_of(&text);
        for (needle, places, reason) in CONFINED {
            let named = code
                .match_indices(needle)
                .any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'));
            if named && !places.iter().any(|place| path.to_str().is_some_and(|path| path.starts_with(place))) {
                wrong.push(format!("{}: `{needle}`: {reason}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_are_short_named_by_nouns_and_documented() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if BANNED_NAMES.contains(&stem) {
            wrong.push(format!("{}: `{stem}` tells nothing", path.display()));
        }
        let lines = text.lines().count();
        if lines > MAX_LINES {
            wrong.push(format!("{}: {lines} lines", path.display()));
        }
        if !text.starts_with("//!") {
            wrong.push(format!("{}: no module doc", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_architecture_document_names_every_module() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = fs::read_to_string(root.join("src/ARCHITECTURE.md")).expect("src/ARCHITECTURE.md");
    let modules: BTreeSet<_> = sources().iter().filter_map(|(path, _)| module_of(path)).collect();
    for module in modules {
        assert!(document.contains(&format!("`{module}`")), "src/ARCHITECTURE.md does not tell what `{module}` is");
    }
}
