//! The disk: which files a project folder has, and what stands in them.
//!
//! Order is the same on every machine. Hidden entries are skipped; links are
//! followed, except into a folder that is being walked already.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use crate::diagnostic::{Diagnostic, Place, Position};

use super::scope::Scope;

/// Largest YAML file, in bytes.
pub(crate) const MAX_YAML_BYTES: u64 = 1 << 20;

/// Largest article, answer or post, in bytes.
pub(crate) const MAX_TEXT_BYTES: u64 = 4 << 20;

/// Deepest nesting of folders.
const MAX_DEPTH: usize = 32;

/// What tells whether a file has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    modified: Option<SystemTime>,
    changed: (i64, i64),
    inode: u64,
    size: u64,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        let (changed, inode) = {
            use std::os::unix::fs::MetadataExt;
            ((metadata.ctime(), metadata.ctime_nsec()), metadata.ino())
        };
        #[cfg(not(unix))]
        let (changed, inode) = ((0, 0), 0);
        Self { modified: metadata.modified().ok(), changed, inode, size: metadata.len() }
    }
}

/// What was found below a folder.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Files by their path relative to the root, with `/` between its parts.
    pub files: BTreeMap<Arc<str>, Stamp>,
    /// What could not be walked, by its path.
    pub faults: BTreeMap<Arc<str>, Diagnostic>,
}

/// Walks what a project reads below `start`, a path relative to `root`.
pub(crate) fn walk(root: &Path, start: &str, scope: &Scope) -> Found {
    let mut found = Found::default();
    let mut regular = Vec::new();
    let mut open = vec![(start.to_owned(), Vec::new())];
    while let Some((folder, ancestors)) = open.pop() {
        let path = root.join(&folder);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) => {
                found.fault(&folder, "unreadable", format!("this folder cannot be read: {}", reason(&error)), None);
                continue;
            }
        };
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    found.fault(&folder, "unreadable", format!("this folder cannot be read: {}", reason(&error)), None);
                    break;
                }
            };
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                let shown = join(&folder, &name.to_string_lossy());
                found.fault(&shown, "file-name", "the name of this file is not UTF-8".to_owned(), Some("rename it"));
                continue;
            };
            if name.starts_with('.') || name.ends_with('~') {
                continue;
            }
            let relative = join(&folder, name);
            if entry.file_type().is_ok_and(|kind| kind.is_file()) {
                if scope.reads(&relative) {
                    regular.push(relative);
                }
                continue;
            }
            if let Some(deeper) = found.entry(&entry, relative, &ancestors, scope) {
                open.push(deeper);
            }
        }
    }
    let stamps: Vec<_> = if regular.len() < 64 {
        regular.iter().map(|path| fs::symlink_metadata(root.join(path))).collect()
    } else {
        regular.par_iter().map(|path| fs::symlink_metadata(root.join(path))).collect()
    };
    for (path, metadata) in regular.into_iter().zip(stamps) {
        // A file that is gone by now was removed while the folder was walked.
        if let Ok(metadata) = metadata {
            found.files.insert(path.into(), Stamp::of(&metadata));
        }
    }
    found
}

impl Found {
    fn fault(&mut self, path: &str, code: &'static str, message: String, hint: Option<&str>) {
        let path: Arc<str> = path.into();
        let diagnostic = Diagnostic::error(code, Place::file(path.clone()), message);
        let diagnostic = match hint {
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic,
        };
        self.faults.insert(path, diagnostic);
    }

    /// Takes an entry that is no regular file; gives the folder that is to be walked next.
    fn entry(
        &mut self,
        entry: &fs::DirEntry,
        relative: String,
        ancestors: &[PathBuf],
        scope: &Scope,
    ) -> Option<(String, Vec<PathBuf>)> {
        let wanted = scope.reads(&relative);
        let path = entry.path();
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !is_folder && !wanted && !is_link {
            return None;
        }
        let metadata = match if is_folder { entry.metadata() } else { fs::metadata(&path) } {
            Ok(metadata) => metadata,
            Err(error) => {
                if wanted {
                    self.fault(&relative, "unreadable", format!("this file cannot be read: {}", reason(&error)), None);
                }
                return None;
            }
        };
        if metadata.is_dir() {
            if wanted {
                let message = "this is a folder, and a file of this name is expected here".to_owned();
                self.fault(&relative, "not-a-file", message, Some("rename the folder; what is in it is not read"));
                return None;
            }
            if !scope.enters(&relative) {
                return None;
            }
            if ancestors.len() >= MAX_DEPTH {
                let message = format!("folders are nested more than {MAX_DEPTH} levels deep here");
                self.fault(&relative, "folder-depth", message, None);
                return None;
            }
            let mut inside = ancestors.to_vec();
            if is_link {
                let target = fs::canonicalize(&path).ok()?;
                let folder = path.parent().and_then(|parent| fs::canonicalize(parent).ok())?;
                if folder.starts_with(&target) || inside.contains(&target) {
                    let message = "this link leads back to a folder around it".to_owned();
                    self.fault(&relative, "link-loop", message, Some("remove the link"));
                    return None;
                }
                inside.push(target);
            } else {
                inside.push(path);
            }
            return Some((relative, inside));
        }
        if !wanted {
            return None;
        }
        if !metadata.is_file() {
            let message = "this is not a regular file".to_owned();
            self.fault(&relative, "not-a-file", message, Some("remove it"));
            return None;
        }
        self.files.insert(relative.into(), Stamp::of(&metadata));
        None
    }
}

/// The stamp of one file; `None` when it is not there or is no regular file.
pub(crate) fn stamp(root: &Path, path: &str) -> Option<Stamp> {
    let metadata = fs::metadata(root.join(path)).ok()?;
    metadata.is_file().then(|| Stamp::of(&metadata))
}

/// Reads the text of a file.
///
/// # Errors
/// A diagnostic when it cannot be read, is too large or is not UTF-8.
pub(crate) fn read(root: &Path, path: &Arc<str>) -> Result<String, Diagnostic> {
    read_at(&root.join(&**path), path)
}

/// Reads the text of a file that is shown as `path`.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_at(location: &Path, path: &Arc<str>) -> Result<String, Diagnostic> {
    let fault = |message: String| Diagnostic::error("unreadable", Place::file(path.clone()), message);
    let limit = max_bytes(path);
    let file = File::open(location).map_err(|error| fault(unreadable(&error)))?;
    let size = file.metadata().map_err(|error| fault(unreadable(&error)))?.len();
    if size > limit {
        return Err(too_large(path, size));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default() + 1);
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| fault(unreadable(&error)))?;
    decode(path, bytes)
}

/// The text of a file whose bytes are known.
///
/// # Errors
/// A diagnostic when they are too many or not UTF-8.
pub(crate) fn decode(path: &Arc<str>, bytes: Vec<u8>) -> Result<String, Diagnostic> {
    let size = bytes.len() as u64;
    if size > max_bytes(path) {
        return Err(too_large(path, size));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        let place = Place::at(path.clone(), Position::START);
        return Err(Diagnostic::error("not-utf-8", place, "this file is UTF-16").hint("save it as UTF-8"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let before = String::from_utf8_lossy(&bytes[..valid]);
        let byte = bytes.get(valid).copied().unwrap_or_default();
        let place = Place::at(path.clone(), Position::of_offset(&before, valid));
        Diagnostic::error("not-utf-8", place, format!("the byte 0x{byte:02x} is not UTF-8"))
            .hint("save the file as UTF-8")
    })
}

fn max_bytes(path: &str) -> u64 {
    if path.ends_with(".yaml") || path.ends_with(".yml") { MAX_YAML_BYTES } else { MAX_TEXT_BYTES }
}

fn too_large(path: &Arc<str>, size: u64) -> Diagnostic {
    let limit = max_bytes(path) >> 20;
    let message = format!("this file has {size} bytes; at most {limit} MiB are read");
    Diagnostic::error("too-large", Place::file(path.clone()), message).hint("split it, or move it out of the folder")
}

fn unreadable(error: &io::Error) -> String {
    format!("this file cannot be read: {}", reason(error))
}

/// An error of the system in the style of our messages.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// The names in a folder, in order, each with whether it is a folder itself.
///
/// # Errors
/// When the folder cannot be read.
pub(crate) fn names(folder: &Path) -> io::Result<Vec<(String, bool)>> {
    let entries = fs::read_dir(folder)?.filter_map(Result::ok);
    let mut names: Vec<_> =
        entries.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path().is_dir()))).collect();
    names.sort();
    Ok(names)
}

/// Whether something stands at a path, be it a link that leads nowhere.
pub(crate) fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Whether a file that is no link stands at a path.
pub(crate) fn is_regular(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_file())
}

/// Whether a folder stands at a path.
pub(crate) fn is_folder(path: &Path) -> bool {
    path.is_dir()
}

/// The folders that links below a folder lead to, and links below those.
pub(crate) fn linked(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                open.push(entry.path());
            } else if kind.is_symlink()
                && let Ok(target) = fs::canonicalize(entry.path())
                && target.is_dir()
                && found.insert(target.clone())
            {
                open.push(target);
            }
        }
    }
    found
}

/// Where a path leads after all links, and what tells the folder there from
/// another one at the same place.
pub(crate) fn identity(path: &Path) -> Option<(PathBuf, u64)> {
    let target = fs::canonicalize(path).ok()?;
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(&fs::metadata(&target).ok()?);
    #[cfg(not(unix))]
    let inode = 0;
    Some((target, inode))
}

/// A path relative to a folder, however either of them is written.
pub(crate) fn relative(root: &Path, path: &Path) -> Option<PathBuf> {
    let roots = [Some(root.to_path_buf()), std::path::absolute(root).ok(), fs::canonicalize(root).ok()];
    roots.iter().flatten().find_map(|root| path.strip_prefix(root).ok()).map(Path::to_path_buf)
}

/// Writes a file that must not be there yet, and the folders around it.
///
/// # Errors
/// When it is there, or cannot be written.
pub(crate) fn write_new(path: &Path, text: &str) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut file = File::options().write(true).create_new(true).open(path)?;
    io::Write::write_all(&mut file, text.as_bytes())
}
