//! Watching real folders.

use std::fs;

use super::*;

async fn next(watch: &mut Watch) -> Batch {
    tokio::time::timeout(Duration::from_secs(10), watch.next()).await.expect("a batch in time").expect("a thread")
}

/// Batches until `path` is in one of them.
async fn until(watch: &mut Watch, path: &Path) {
    loop {
        match next(watch).await {
            Batch::Everything => return,
            Batch::Paths(paths) if paths.contains(path) => return,
            Batch::Paths(_) => {}
        }
    }
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().canonicalize().expect("a path").join("knowledge");
    fs::create_dir(&path).expect("a folder");
    (folder, path)
}

fn start(path: &Path) -> Watch {
    Watch::start(&[path.to_path_buf()], WatchSettings::default()).expect("a watch")
}

#[tokio::test]
async fn a_save_by_rename_is_seen_under_its_last_name() {
    let (_folder, path) = folder();
    let mut watch = start(&path);
    fs::write(path.join(".a.md.tmp"), "text").expect("a file");
    fs::rename(path.join(".a.md.tmp"), path.join("a.md")).expect("a rename");
    assert_eq!(next(&mut watch).await, Batch::Paths([path.join("a.md")].into()));
}

#[tokio::test]
async fn many_writes_are_few_batches() {
    let (_folder, path) = folder();
    let mut watch = start(&path);
    for number in 0..50 {
        fs::write(path.join(format!("{number}.md")), "text").expect("a file");
    }
    let mut seen = BTreeSet::new();
    let mut batches = 0;
    while seen.len() < 50 {
        batches += 1;
        match next(&mut watch).await {
            Batch::Paths(paths) => seen.extend(paths),
            Batch::Everything => break,
        }
    }
    assert!(batches <= 25, "{batches}");
}

#[tokio::test]
async fn new_and_removed_folders_are_seen() {
    let (_folder, path) = folder();
    let mut watch = start(&path);
    fs::create_dir(path.join("new")).expect("a folder");
    until(&mut watch, &path.join("new")).await;
    fs::write(path.join("new/a.md"), "text").expect("a file");
    until(&mut watch, &path.join("new/a.md")).await;
    fs::remove_dir_all(path.join("new")).expect("no folder");
    until(&mut watch, &path.join("new")).await;
}

#[tokio::test]
async fn a_folder_that_is_replaced_is_watched_again() {
    let (_folder, path) = folder();
    let mut watch = start(&path);
    fs::rename(&path, path.with_file_name("old")).expect("a rename");
    fs::create_dir(&path).expect("a folder");
    while next(&mut watch).await != Batch::Everything {}
    fs::write(path.join("b.md"), "text").expect("a file");
    until(&mut watch, &path.join("b.md")).await;
}

#[tokio::test]
async fn a_busy_reader_loses_nothing() {
    let (_folder, path) = folder();
    let mut watch = start(&path);
    let settings = WatchSettings::default();
    for number in 0..BATCHES + 3 {
        fs::write(path.join(format!("{number}.md")), "text").expect("a file");
        // Longer than a batch, so that each write would be a batch of its own.
        tokio::time::sleep(settings.longest * 2).await;
    }
    let mut seen = BTreeSet::new();
    while seen.len() < BATCHES + 3 {
        match next(&mut watch).await {
            Batch::Paths(paths) => seen.extend(paths),
            Batch::Everything => break,
        }
    }
}

#[test]
fn a_folder_that_is_not_there_cannot_be_watched() {
    let missing = PathBuf::from("/nonexistent/knowledge");
    let error = Watch::start(&[missing], WatchSettings::default()).expect_err("no folder");
    assert_eq!(error.folder, "/nonexistent/knowledge");
}

#[tokio::test]
async fn a_loader_reads_what_a_batch_names() {
    let (_folder, path) = folder();
    fs::create_dir(path.join("articles")).expect("a folder");
    fs::write(path.join("articles/a.md"), "One.").expect("a file");
    let mut loader = crate::knowledge::Loader::new(&path);
    loader.load();
    let mut watch = start(&path);
    fs::write(path.join("articles/b.md"), "Two.").expect("a file");
    loop {
        let loaded = match next(&mut watch).await {
            Batch::Paths(paths) => loader.reload(&paths.into_iter().collect::<Vec<_>>()),
            Batch::Everything => loader.load(),
        };
        assert!(!loaded.changes.other && loaded.changes.removed_articles.is_empty());
        if loaded.project.articles.contains_key("b") {
            break;
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_folder_that_a_link_leads_to_is_seen_and_a_link_in_a_circle_hides_nothing() {
    use std::os::unix::fs::symlink;

    let (folder, path) = folder();
    let shared = folder.path().canonicalize().expect("a path").join("shared");
    fs::create_dir(&shared).expect("a folder");
    let mut watch = start(&path);
    symlink("../shared", path.join("linked")).expect("a link");
    assert_eq!(next(&mut watch).await, Batch::Everything);
    fs::write(shared.join("a.md"), "text").expect("a file");
    assert_eq!(next(&mut watch).await, Batch::Everything, "it is told of under another path");
    fs::create_dir(path.join("x")).expect("a folder");
    symlink("..", path.join("x/up")).expect("a link");
    fs::remove_file(path.join("linked")).expect("no link");
    fs::remove_dir_all(path.join("x")).expect("no folder");
    // Whatever is told of these: what is written later is seen under its own path.
    let mut edits = 0;
    loop {
        fs::write(path.join("b.md"), format!("{edits}")).expect("a file");
        match next(&mut watch).await {
            Batch::Paths(paths) if paths == [path.join("b.md")].into() => break,
            Batch::Paths(_) | Batch::Everything => edits += 1,
        }
        assert!(edits < 20, "edits are told of as they are where there is no link");
    }
}
