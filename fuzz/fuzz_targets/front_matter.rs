//! Files of authors: whatever the bytes, reading them gives a project and
//! mistakes that point into them, and never a panic.

#![no_main]

use docent::knowledge::load_files;
use libfuzzer_sys::fuzz_target;

const PATHS: [&str; 8] = [
    "articles/a.md",
    "answers/a.md",
    "posts/a.md",
    "experiences/a.yaml",
    "automations/a.yaml",
    "segments/a.yaml",
    "triggers/a.yaml",
    "project.yaml",
];

fuzz_target!(|data: &[u8]| {
    let Some((first, text)) = data.split_first() else { return };
    let path = PATHS[usize::from(*first) % PATHS.len()];
    // In YAML a carriage return alone ends a line, too.
    let lines = text.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() + 1;
    for diagnostic in load_files([(path, text.to_vec())]).diagnostics {
        let line = diagnostic.place.position.map_or(1, |position| position.line as usize);
        assert!(line <= lines + 1, "{diagnostic}");
    }
});
