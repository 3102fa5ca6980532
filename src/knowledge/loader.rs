//! Loads a folder, and again what changed in it.
//!
//! A loader keeps every file that it has read. Loading again reads only files
//! that changed; the objects of all others are shared with the project before.

mod assemble;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::diagnostic::{self, Diagnostic, Place};
use crate::domain::ids::{AnswerId, ArticleId};
use crate::domain::project::{Project, Settings};

use super::checks;
use super::entry::{Entry, Object};
use super::files::{self, Stamp};
use super::scope::{FileKind, Scope};
use super::settings;

/// A project folder as it was read.
#[derive(Debug)]
pub struct Loaded {
    /// Everything that could be read. Serve it only without errors.
    pub project: Project,
    /// All mistakes, in the order of their places.
    pub diagnostics: Vec<Diagnostic>,
    /// How many files belong to the project.
    pub files: usize,
    /// What differs from what the same loader gave before.
    pub changes: Changes,
}

impl Loaded {
    /// Whether a mistake keeps the project from being served.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

/// What differs between two loadings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Articles that are new or whose file was read again.
    pub articles: BTreeSet<ArticleId>,
    /// Articles that are gone.
    pub removed_articles: BTreeSet<ArticleId>,
    /// Whether something other than an article changed.
    pub other: bool,
}

impl Changes {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.articles.is_empty() && self.removed_articles.is_empty() && !self.other
    }
}

/// Loads the folder at `root` once.
pub fn load(root: &Path) -> Loaded {
    Loader::new(root).load()
}

/// Loads files that are given by their paths and bytes.
pub fn load_files<P: Into<Arc<str>>>(files: impl IntoIterator<Item = (P, Vec<u8>)>) -> Loaded {
    let files: BTreeMap<Arc<str>, Vec<u8>> = files.into_iter().map(|(path, bytes)| (path.into(), bytes)).collect();
    let mut loader = Loader::new(Path::new("."));
    loader.scope = Scope::of_names(files.keys().map(|path| path.split('/').next().unwrap_or_default()));
    let names: BTreeMap<&str, bool> =
        files.keys().map(|path| path.split_once('/').map_or((&**path, false), |(folder, _)| (folder, true))).collect();
    loader.strays = names.iter().filter_map(|(name, is_folder)| loader.scope.stray(name, *is_folder)).collect();
    let mut files: Vec<_> = files.into_iter().filter(|(path, _)| loader.scope.reads(path)).collect();
    files.sort_by_key(|(path, _)| &**path != settings::FILE);
    for (path, bytes) in files {
        let Some(kind) = loader.scope.kind_of(&path) else { continue };
        let entry = match files::decode(&path, bytes) {
            Ok(text) => Entry::read(&path, kind, loader.scope, &loader.settings().articles_url, &text),
            Err(diagnostic) => Entry::unread(&path, kind, loader.scope, diagnostic),
        };
        loader.files.insert(path, Known { stamp: None, entry: Arc::new(entry) });
    }
    loader.assemble(Changes::default())
}

/// Loads one folder again and again.
#[derive(Debug)]
pub struct Loader {
    root: PathBuf,
    scope: Scope,
    files: BTreeMap<Arc<str>, Known>,
    /// What could not be walked, by its path.
    faults: BTreeMap<Arc<str>, Diagnostic>,
    /// Entries of the root that are not read.
    strays: Vec<Diagnostic>,
    /// Why the root itself cannot be read.
    unreadable: Option<Diagnostic>,
}

#[derive(Debug)]
struct Known {
    /// Absent when the file must be read again in any case.
    stamp: Option<Stamp>,
    entry: Arc<Entry>,
}

impl Loader {
    /// A loader of the folder at `root`, which is not looked at yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            scope: Scope::PlainFolder,
            files: BTreeMap::new(),
            faults: BTreeMap::new(),
            strays: Vec::new(),
            unreadable: None,
        }
    }

    /// Where each phrase of each Custom Answer stands, by the answer and the phrase as
    /// it was written.
    pub fn phrase_places(&self) -> impl Iterator<Item = (&AnswerId, &str, &Place)> {
        self.files.values().flat_map(|known| {
            let answer = match &known.entry.object {
                Some(Object::Answer(answer)) => Some(&answer.id),
                _ => None,
            };
            let phrases = known.entry.uses.phrases.iter();
            phrases.filter_map(move |phrase| Some((answer?, phrase.text.as_str(), &phrase.place)))
        })
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Walks the whole folder and reads what is new or changed.
    pub fn load(&mut self) -> Loaded {
        let names = match self.root_names() {
            Ok(names) => names,
            Err(diagnostic) => {
                self.unreadable = Some(diagnostic);
                return self.assemble(Changes::default());
            }
        };
        self.unreadable = None;
        let scope = Scope::of_names(names.iter().map(|(name, _)| name.as_str()));
        self.strays = names.iter().filter_map(|(name, is_folder)| scope.stray(name, *is_folder)).collect();
        let mut changes = Changes::default();
        if scope != self.scope {
            self.scope = scope;
            let all: Vec<Arc<str>> = self.files.keys().cloned().collect();
            self.forget(&all, &mut changes);
        }
        let found = files::walk(&self.root, "", &scope);
        self.faults = found.faults;
        let gone: Vec<Arc<str>> = self.files.keys().filter(|path| !found.files.contains_key(*path)).cloned().collect();
        self.forget(&gone, &mut changes);
        let changed = found
            .files
            .into_iter()
            .filter(|(path, stamp)| self.files.get(path).is_none_or(|known| known.stamp != Some(*stamp)))
            .collect();
        self.read(changed, &mut changes);
        self.assemble(changes)
    }

    /// Reads what stands at these paths, absolute or relative to the current folder
    /// as the root is; all else stays as it was. Paths outside the root are nothing
    /// to it.
    pub fn reload<P: AsRef<Path>>(&mut self, paths: &[P]) -> Loaded {
        let relative: BTreeSet<String> = paths.iter().filter_map(|path| self.relative(path.as_ref())).collect();
        // What stands directly in the root decides what the folder is.
        let is_root = |path: &String| {
            !path.contains('/') && (!self.files.contains_key(path.as_str()) || !files::exists(&self.root.join(path)))
        };
        if self.unreadable.is_some() || self.files.is_empty() || relative.iter().any(is_root) {
            return self.load();
        }
        let mut changes = Changes::default();
        let mut changed = Vec::new();
        for path in &relative {
            self.faults.retain(|fault, _| !is_inside(fault, path));
            let absolute = self.root.join(path);
            let mut found = files::Found::default();
            if files::is_folder(&absolute) {
                if self.scope.reads(path) {
                    return self.load();
                }
                if self.scope.enters(path) {
                    found = files::walk(&self.root, path, &self.scope);
                }
            } else if self.scope.reads(path)
                && let Some(stamp) = files::stamp(&self.root, path)
            {
                found.files.insert(path.as_str().into(), stamp);
            } else if self.scope.reads(path) && files::exists(&absolute) {
                return self.load();
            }
            let known =
                self.files.range::<str, _>((std::ops::Bound::Included(path.as_str()), std::ops::Bound::Unbounded));
            let gone: Vec<Arc<str>> = known
                .map(|(known, _)| known)
                .take_while(|known| known.starts_with(path.as_str()))
                .filter(|known| is_inside(known, path) && !found.files.contains_key(*known))
                .cloned()
                .collect();
            self.forget(&gone, &mut changes);
            self.faults.extend(found.faults);
            changed.extend(found.files);
        }
        self.read(changed, &mut changes);
        self.assemble(changes)
    }

    fn root_names(&self) -> Result<Vec<(String, bool)>, Diagnostic> {
        let shown = self.root.display().to_string();
        let fault = |code, message: String, hint: &str| {
            Err(Diagnostic::error(code, Place::file(shown.as_str()), message).hint(hint))
        };
        match files::names(&self.root) {
            Ok(names) => Ok(names),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let hint = "give the project folder with `--knowledge`, or make one with `docent init`";
                fault("no-folder", "there is no such folder".to_owned(), hint)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
                fault("no-folder", "this is not a folder".to_owned(), "give the folder around it")
            }
            Err(error) => {
                let message = format!("this folder cannot be read: {}", files::reason(&error));
                fault("unreadable", message, "check its permissions")
            }
        }
    }

    /// The path relative to the root, empty for the root itself; `None` when it is
    /// not in it.
    fn relative(&self, path: &Path) -> Option<String> {
        let inside = files::relative(&self.root, path)?;
        let parts: Option<Vec<&str>> = inside.components().map(|part| part.as_os_str().to_str()).collect();
        parts.map(|parts| parts.join("/"))
    }

    fn settings(&self) -> Arc<Settings> {
        match self.files.get(settings::FILE).and_then(|known| known.entry.object.as_ref()) {
            Some(Object::Settings(settings)) => settings.clone(),
            Some(
                Object::Article(_)
                | Object::Answer(_)
                | Object::Post(_)
                | Object::Experience(_)
                | Object::Automation(_)
                | Object::Segment(_)
                | Object::Trigger(_),
            )
            | None => Arc::default(),
        }
    }

    fn forget(&mut self, paths: &[Arc<str>], changes: &mut Changes) {
        for path in paths {
            if let Some(known) = self.files.remove(path) {
                changes.note_removed(&known.entry);
            }
        }
    }

    /// Reads files, the settings first, since addresses of articles follow from them.
    fn read(&mut self, changed: Vec<(Arc<str>, Stamp)>, changes: &mut Changes) {
        let before = self.settings().articles_url.clone();
        let (settings, mut others): (Vec<_>, Vec<_>) =
            changed.into_iter().partition(|(path, _)| &**path == settings::FILE);
        for (path, stamp) in settings {
            self.read_all(vec![(path, stamp)], &before, changes);
        }
        let articles_url = self.settings().articles_url.clone();
        if articles_url != before {
            let stale = self.files.iter().filter(|(path, _)| {
                matches!(self.scope.kind_of(path), Some(FileKind::Object(super::kind::Kind::Article)))
            });
            let stale = stale.filter_map(|(path, known)| Some((path.clone(), known.stamp?)));
            others.extend(stale.collect::<Vec<_>>());
            others.sort_by(|(a, _), (b, _)| a.cmp(b));
            others.dedup_by(|(a, _), (b, _)| a == b);
        }
        self.read_all(others, &articles_url, changes);
    }

    fn read_all(&mut self, changed: Vec<(Arc<str>, Stamp)>, articles_url: &str, changes: &mut Changes) {
        let (root, scope) = (&self.root, self.scope);
        let read = |(path, stamp): (Arc<str>, Stamp)| {
            let kind = scope.kind_of(&path)?;
            let entry = match files::read(root, &path) {
                Ok(text) => Entry::read(&path, kind, scope, articles_url, &text),
                Err(diagnostic) => Entry::unread(&path, kind, scope, diagnostic),
            };
            Some((path, Known { stamp: Some(stamp), entry: Arc::new(entry) }))
        };
        // A few files are read sooner than threads are woken.
        let entries: Vec<_> = if changed.len() < 8 {
            changed.into_iter().filter_map(read).collect()
        } else {
            changed.into_par_iter().filter_map(read).collect()
        };
        for (path, known) in entries {
            if let Some(before) = self.files.get(&path) {
                changes.note_removed(&before.entry);
            }
            changes.note_read(&known.entry);
            self.files.insert(path, known);
        }
    }
}

/// Whether `path` is `folder` or stands in it.
fn is_inside(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Loader {
    /// Makes the project from what was read, and checks it across files.
    fn assemble(&mut self, mut changes: Changes) -> Loaded {
        let settings = self.settings();
        let entries: Vec<(&Arc<str>, &Entry)> = self.files.iter().map(|(path, known)| (path, &*known.entry)).collect();
        let project = assemble::project(settings.clone(), &entries);
        changes.settle(&project);
        if let Some(diagnostic) = &self.unreadable {
            let diagnostics = vec![diagnostic.clone()];
            return Loaded { project, diagnostics, files: self.files.len(), changes };
        }
        let mut diagnostics: Vec<Diagnostic> =
            entries.iter().flat_map(|(_, entry)| entry.diagnostics.iter().cloned()).collect();
        diagnostics.extend(self.faults.values().cloned());
        diagnostics.extend(self.strays.iter().cloned());
        if entries.is_empty() && diagnostics.is_empty() {
            let hint = "write Markdown files, or make a project with `docent init`";
            let place = Place::file(self.root.display().to_string());
            diagnostics
                .push(Diagnostic::warning("empty-folder", place, "there is nothing to read in this folder").hint(hint));
        }
        diagnostics.extend(checks::across(&entries, &settings));
        diagnostic::sort(&mut diagnostics);
        diagnostics.dedup();
        Loaded { project, diagnostics, files: self.files.len(), changes }
    }
}

#[cfg(test)]
mod tests;
