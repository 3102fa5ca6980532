//! Projects as text: each case is a few files and the mistakes that are told.
//!
//! `tests/knowledge/*.txt` hold the cases. After a wanted change of messages,
//! `BLESS=1 cargo test --test knowledge` writes what is told now; read the diff.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use docent::knowledge::load_files;

/// A case: a title, files, and what is expected.
struct Case<'t> {
    title: &'t str,
    files: Vec<(&'t str, Vec<u8>)>,
    input: &'t str,
    expected: &'t str,
}

const EXPECTED: &str = "=== mistakes\n";

fn cases(suite: &str) -> Vec<Case<'_>> {
    let body = suite.find("\n@@ ").map_or("", |at| &suite[at + 1..]);
    let mut starts = vec![0];
    starts.extend(body.match_indices("\n@@ ").map(|(at, _)| at + 1));
    starts.push(body.len());
    starts.windows(2).map(|pair| case(&body[pair[0]..pair[1]])).collect()
}

fn case(text: &str) -> Case<'_> {
    let (input, expected) = text.split_once(EXPECTED).unwrap_or((text, ""));
    let (title, rest) = input.split_once('\n').expect("a title line");
    let mut files = Vec::new();
    for file in rest.split(">>> ").skip(1) {
        let (head, content) = file.split_once('\n').expect("a path line");
        let (path, escaped) = match head.split_once(' ') {
            Some((path, "escaped")) => (path, true),
            Some((_, other)) => panic!("{title}: {other}"),
            None => (head, false),
        };
        let bytes = if escaped { unescape(content.trim_end()) } else { content.as_bytes().to_vec() };
        files.push((path, bytes));
    }
    Case { title: title.trim_start_matches("@@ "), files, input, expected: expected.trim_end() }
}

/// Bytes from `\n`, `\r`, `\t`, `\xNN` and `\*100(text)`, which repeats a text.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(escape) = rest.strip_prefix('\\') {
            let (byte, length) = match escape.as_bytes()[0] {
                b'n' => (vec![b'\n'], 1),
                b'r' => (vec![b'\r'], 1),
                b't' => (vec![b'\t'], 1),
                b'x' => (vec![u8::from_str_radix(&escape[1..3], 16).expect("two digits")], 3),
                b'*' => {
                    let open = escape.find('(').expect("an open parenthesis");
                    let close = escape.find(')').expect("a closing parenthesis");
                    let count = escape[1..open].parse().expect("a number");
                    (unescape(&escape[open + 1..close]).repeat(count), close + 1)
                }
                other => panic!("an escape {other}"),
            };
            bytes.extend(byte);
            rest = &escape[length..];
        } else {
            // A line break in the case is for its reader.
            if c != '\n' {
                bytes.extend(c.to_string().as_bytes());
            }
            rest = &rest[c.len_utf8()..];
        }
    }
    bytes
}

fn told(case: &Case<'_>) -> String {
    let loaded = load_files(case.files.iter().map(|(path, bytes)| (*path, bytes.clone())));
    let lines: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/knowledge");
    let bless = std::env::var_os("BLESS").is_some();
    let (mut count, mut failures) = (0, String::new());
    let mut suites: Vec<_> =
        fs::read_dir(folder).expect("the suites").map(|entry| entry.expect("a suite").path()).collect();
    suites.sort();
    for path in suites {
        let suite = fs::read_to_string(&path).expect("a suite");
        let cases = cases(&suite);
        assert!(!cases.is_empty(), "{} has no cases", path.display());
        count += cases.len();
        let mut blessed = suite[..suite.find("\n@@ ").expect("a case") + 1].to_owned();
        for case in &cases {
            let told = told(case);
            if told != case.expected {
                let name = path.file_name().expect("a name").display();
                writeln!(failures, "{name}: {}\n--- expected\n{}\n--- told\n{told}\n", case.title, case.expected)
                    .expect("a text");
            }
            write!(blessed, "{}{EXPECTED}{told}\n\n", case.input).expect("a text");
        }
        if bless {
            fs::write(&path, format!("{}\n", blessed.trim_end())).expect("a suite");
        }
    }
    assert!(count >= 90, "only {count} cases");
    assert!(bless || failures.is_empty(), "{failures}");
}

#[test]
fn the_examples_of_the_design_are_read_as_meant() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/knowledge/examples.txt");
    let suite = fs::read_to_string(path).expect("the suite");
    let case = &cases(&suite)[0];
    let loaded = load_files(case.files.iter().map(|(path, bytes)| (*path, bytes.clone())));
    assert!(!loaded.has_errors(), "{:#?}", loaded.diagnostics);
    insta::assert_debug_snapshot!(loaded.project);
}
