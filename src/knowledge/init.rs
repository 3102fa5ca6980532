//! A small project to begin with, for `docent init`.

use std::io;
use std::path::{Path, PathBuf};

use super::files;
use super::prompts::Purpose;

/// What is written, by path.
const FILES: [(&str, &str); 10] = [
    ("knowledge/project.yaml", include_str!("init/knowledge/project.yaml")),
    ("knowledge/articles/getting-started.md", include_str!("init/knowledge/articles/getting-started.md")),
    ("knowledge/articles/export.md", include_str!("init/knowledge/articles/export.md")),
    ("knowledge/articles/plans.md", include_str!("init/knowledge/articles/plans.md")),
    ("knowledge/answers/export.md", include_str!("init/knowledge/answers/export.md")),
    ("knowledge/answers/change-plan.md", include_str!("init/knowledge/answers/change-plan.md")),
    ("knowledge/experiences/export-tour.yaml", include_str!("init/knowledge/experiences/export-tour.yaml")),
    ("knowledge/posts/export-v2.md", include_str!("init/knowledge/posts/export-v2.md")),
    ("evals/cases/export.yaml", include_str!("init/evals/cases/export.yaml")),
    ("evals/cases/plans.yaml", include_str!("init/evals/cases/plans.yaml")),
];

/// Why a project was not written.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// Something stands there already; nothing was written.
    #[error("`{0}` exists already")]
    Exists(PathBuf),
    /// A file could not be written.
    #[error("`{path}` cannot be written: {reason}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
}

/// Writes a small project into `folder`, which is made when it is not there.
/// Gives the paths of the files.
///
/// # Errors
/// When one of the files is there already (then none is written), or cannot be
/// written.
pub fn init(folder: &Path) -> Result<Vec<PathBuf>, InitError> {
    let prompts = Purpose::ALL.map(|purpose| (format!("prompts/{}", purpose.file()), purpose.built_in()));
    let files: Vec<(PathBuf, &str)> = FILES
        .iter()
        .map(|(path, text)| (folder.join(path), *text))
        .chain(prompts.iter().map(|(path, text)| (folder.join(path), *text)))
        .collect();
    let top = ["knowledge", "prompts", "evals"].map(|name| folder.join(name));
    if let Some(exists) = top.into_iter().find(|path| files::exists(path)) {
        return Err(InitError::Exists(exists));
    }
    for (path, text) in &files {
        files::write_new(path, text).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => InitError::Exists(path.clone()),
            _ => InitError::Write { path: path.clone(), reason: files::reason(&error) },
        })?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::{load, prompts};

    #[test]
    fn the_project_has_no_mistakes_and_is_never_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("new");
        let written = init(&root).expect("a project");
        assert_eq!(written.len(), FILES.len() + Purpose::ALL.len());
        let loaded = load(&root.join("knowledge"));
        assert_eq!(loaded.diagnostics, []);
        let project = loaded.project;
        let counts = (project.articles.len(), project.answers.len(), project.experiences.len(), project.posts.len());
        assert_eq!(counts, (3, 2, 1, 1));
        assert_eq!(prompts::load(&root.join("prompts")).1, []);
        assert!(matches!(init(&root), Err(InitError::Exists(path)) if path.ends_with("knowledge")));
    }

    #[test]
    fn a_file_in_the_way_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        std::fs::write(&file, "").expect("a file");
        let Err(error) = init(&file) else { panic!("a file is no folder") };
        assert!(error.to_string().contains("cannot be written"), "{error}");
    }
}
