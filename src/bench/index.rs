//! `docent bench index`: what it costs to index a knowledge folder, and to bring
//! one changed article live.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::scratch_folder::{ScratchFolder, copy_folder};
use crate::knowledge::Loader;
use crate::ports::embedder::Embedder;
use crate::retrieval::index::builder::IndexBuilder;
use crate::retrieval::lexical::LexicalError;

/// How often an article is changed; the median is reported.
const RELOADS: usize = 9;

/// What to measure.
#[derive(Clone)]
pub struct Options {
    /// The folder: a project, or Markdown files alone.
    pub docs: PathBuf,
    /// How many times every file is indexed, under different names.
    pub copies: usize,
    /// The embedder of the semantic side.
    pub embedder: Option<Arc<dyn Embedder>>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The folder cannot be copied or changed.
    #[error("`{}` cannot be used: {source}", path.display())]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is nothing to measure.
    #[error("`{}` has no articles", .0.display())]
    Empty(PathBuf),
    /// The index failed.
    #[error(transparent)]
    Index(#[from] LexicalError),
}

/// The figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Articles.
    pub docs: usize,
    /// Passages that they were split into.
    pub passages: usize,
    /// From the files to a searchable index, in milliseconds.
    pub build_ms: f64,
    /// From a changed file to an index that has the change, in milliseconds: the median of several.
    pub reload_one_changed_ms: f64,
    /// Memory of the inverted index and the vectors, in bytes.
    pub index_bytes: u64,
    /// The most memory that this process ever used, in bytes; 0 where the system does not tell.
    pub peak_rss_bytes: u64,
}

/// Copies the folder to a temporary one and measures there; the folder itself is only read.
///
/// # Errors
/// When the folder cannot be copied, has no articles, or the index fails.
pub async fn run(options: Options) -> Result<Report, BenchError> {
    let fault = |path: &Path| {
        let path = path.to_path_buf();
        move |source| BenchError::Folder { path, source }
    };
    let scratch = ScratchFolder::new("bench-index").map_err(fault(&std::env::temp_dir()))?;
    let root = scratch.path().join("knowledge");
    copy_folder(&options.docs, &root).map_err(fault(&options.docs))?;
    // Copies go beside the articles: into `articles/` of a project, else into the folder itself.
    let articles = Some(root.join("articles")).filter(|articles| articles.is_dir()).unwrap_or_else(|| root.clone());
    let original = scratch.path().join("original");
    copy_folder(&articles, &original).map_err(fault(&articles))?;
    for copy in 1..options.copies.max(1) {
        copy_folder(&original, &articles.join(format!("copy-{copy}"))).map_err(fault(&articles))?;
    }

    let started = Instant::now();
    let mut loader = Loader::new(&root);
    let loaded = loader.load();
    let mut builder = IndexBuilder::new(options.embedder.clone())?;
    let index = builder.update(&loaded.project).await?;
    let build = started.elapsed();
    let Some(file) = first_article(&articles).map_err(fault(&articles))? else {
        return Err(BenchError::Empty(options.docs));
    };
    if index.article_count() == 0 {
        return Err(BenchError::Empty(options.docs));
    }

    let mut reloads = Vec::with_capacity(RELOADS);
    for change in 0..RELOADS {
        append(&file, change).map_err(fault(&file))?;
        let started = Instant::now();
        let loaded = loader.reload(&[&file]);
        builder.update(&loaded.project).await?;
        reloads.push(started.elapsed());
    }
    reloads.sort_unstable();
    let median = reloads[RELOADS / 2];
    Ok(Report {
        docs: index.article_count(),
        passages: index.passage_count(),
        build_ms: milliseconds(build),
        reload_one_changed_ms: milliseconds(median),
        index_bytes: index.bytes(),
        peak_rss_bytes: peak_rss(),
    })
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn append(file: &Path, change: usize) -> io::Result<()> {
    writeln!(fs::OpenOptions::new().append(true).open(file)?, "\n\nA sentence that was added as change {change}.")
}

/// The first Markdown file below `folder`, by name.
fn first_article(folder: &Path) -> io::Result<Option<PathBuf>> {
    let mut paths =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            if let Some(found) = first_article(&path)? {
                return Ok(Some(found));
            }
        } else if path.extension().is_some_and(|extension| extension == "md") {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// The peak resident memory of this process; Linux alone tells it in a file.
fn peak_rss() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kibibytes =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
    kibibytes.map_or(0, |kibibytes: u64| kibibytes * 1024)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mebibytes = |bytes: u64| bytes as f64 / (1024.0 * 1024.0);
        writeln!(f, "articles            {}", self.docs)?;
        writeln!(f, "passages            {}", self.passages)?;
        writeln!(f, "build               {:.1} ms", self.build_ms)?;
        writeln!(f, "one changed, live   {:.1} ms", self.reload_one_changed_ms)?;
        writeln!(f, "index               {:.1} MiB", mebibytes(self.index_bytes))?;
        write!(f, "peak memory         {:.1} MiB", mebibytes(self.peak_rss_bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_small_folder_is_measured_with_its_copies() {
        let folder = ScratchFolder::new("bench-test").unwrap();
        for name in ["a.md", "b.md"] {
            fs::write(folder.path().join(name), "# Title\n\nSome text.\n").unwrap();
        }
        let options = Options { docs: folder.path().to_path_buf(), copies: 3, embedder: None };
        let report = run(options).await.unwrap();
        assert_eq!((report.docs, report.passages), (6, 6));
        assert!(report.build_ms > 0.0 && report.reload_one_changed_ms > 0.0);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[tokio::test]
    async fn an_empty_or_missing_folder_is_an_error() {
        let folder = ScratchFolder::new("bench-test").unwrap();
        let run_on = |docs: PathBuf| run(Options { docs, copies: 1, embedder: None });
        assert!(matches!(run_on(folder.path().to_path_buf()).await, Err(BenchError::Empty(_))));
        assert!(matches!(run_on(folder.path().join("none")).await, Err(BenchError::Folder { .. })));
    }
}
