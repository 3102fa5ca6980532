//! Which files of a folder belong to its project.

use crate::diagnostic::{Diagnostic, Place, did_you_mean};

use super::kind::Kind;
use super::settings;

/// What kind of folder was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// A project: `project.yaml` and one folder for each kind of object.
    Project,
    /// Articles alone, wherever they are in the folder.
    PlainFolder,
}

/// What a file of a project is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// `project.yaml`.
    Settings,
    /// One object.
    Object(Kind),
}

impl Scope {
    /// The scope of a folder by the names of what is in it: a project has
    /// `project.yaml` or at least one of the known folders.
    pub(crate) fn of_names<'a>(mut names: impl Iterator<Item = &'a str>) -> Self {
        if names.any(|name| name == settings::FILE || Kind::of_folder(name).is_some()) {
            Self::Project
        } else {
            Self::PlainFolder
        }
    }

    /// What the file at a path is, when the project reads it.
    pub(crate) fn kind_of(self, path: &str) -> Option<FileKind> {
        let extension = path.rsplit('/').next()?.rsplit_once('.').filter(|(stem, _)| !stem.is_empty())?.1;
        match self {
            Self::PlainFolder => {
                Kind::Article.extensions().contains(&extension).then_some(FileKind::Object(Kind::Article))
            }
            Self::Project if path == settings::FILE => Some(FileKind::Settings),
            Self::Project => {
                let (folder, _) = path.split_once('/')?;
                let kind = Kind::of_folder(folder)?;
                kind.extensions().contains(&extension).then_some(FileKind::Object(kind))
            }
        }
    }

    /// Whether the project reads the file at a path.
    pub(crate) fn reads(self, path: &str) -> bool {
        self.kind_of(path).is_some()
    }

    /// Whether files below the folder at a path may be read.
    pub(crate) fn enters(self, path: &str) -> bool {
        match self {
            Self::PlainFolder => !matches!(path, "node_modules" | "target"),
            Self::Project => Kind::of_folder(path.split('/').next().unwrap_or_default()).is_some(),
        }
    }

    /// Warns about an entry of the root that looks as if it should be read and is not.
    pub(crate) fn stray(self, name: &str, is_folder: bool) -> Option<Diagnostic> {
        if self == Self::PlainFolder || name.starts_with('.') {
            return None;
        }
        let place = Place::file(name);
        let folders = Kind::ALL.map(Kind::folder);
        if is_folder {
            let known = Kind::of_folder(name).is_some();
            let close = did_you_mean(name, folders).filter(|_| !known)?;
            let message = format!("the folder `{name}` is not read");
            return Some(Diagnostic::warning("stray-folder", place, message).hint(format!("did you mean `{close}`?")));
        }
        let (stem, extension) = name.rsplit_once('.')?;
        if matches!(extension, "yaml" | "yml") && name != settings::FILE {
            let message = format!("the file `{name}` is not read");
            let hint = match did_you_mean(name, [settings::FILE]) {
                Some(close) => format!("did you mean `{close}`?"),
                None => format!("put it into one of the folders {}", folders.map(|f| format!("`{f}`")).join(", ")),
            };
            return Some(Diagnostic::warning("stray-file", place, message).hint(hint));
        }
        if extension == "md" && !stem.eq_ignore_ascii_case("readme") {
            let message = format!("the file `{name}` is not read");
            return Some(Diagnostic::warning("stray-file", place, message).hint("put articles into `articles`"));
        }
        None
    }
}
