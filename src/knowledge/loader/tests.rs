//! Real folders: what is read, what is refused, and what is read again.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use super::*;

struct Folder {
    _temporary: tempfile::TempDir,
    root: PathBuf,
}

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let temporary = tempfile::tempdir().expect("a folder");
        let root = temporary.path().join("knowledge");
        fs::create_dir(&root).expect("a folder");
        let folder = Self { _temporary: temporary, root };
        files.iter().for_each(|(path, text)| folder.write(path, text));
        folder
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(path, text).expect("a file");
    }
}

fn told(loaded: &Loaded) -> Vec<String> {
    loaded.diagnostics.iter().map(|one| format!("{}: {}", one.place, one.message)).collect()
}

fn ids(loaded: &Loaded) -> Vec<&str> {
    loaded.project.articles.keys().map(ArticleId::as_str).collect()
}

fn articles(ids: &[&str]) -> BTreeSet<ArticleId> {
    ids.iter().map(|id| ArticleId::new(id).expect("an id")).collect()
}

#[test]
fn a_folder_that_cannot_be_read_is_one_mistake() {
    let folder = Folder::new(&[("file", "")]);
    let loaded = load(&folder.path("missing"));
    assert!(told(&loaded)[0].ends_with("missing: there is no such folder"));
    assert!(loaded.has_errors());
    assert!(told(&load(&folder.path("file")))[0].ends_with("file: this is not a folder"));
    fs::create_dir(folder.path("empty")).expect("a folder");
    let loaded = load(&folder.path("empty"));
    assert!(told(&loaded)[0].ends_with("there is nothing to read in this folder") && !loaded.has_errors());
}

#[test]
fn what_is_no_regular_file_is_told_and_hidden_files_are_not_read() {
    let folder = Folder::new(&[
        ("articles/good.md", "Text."),
        ("articles/.hidden.md", "Text."),
        ("articles/.git/a.md", "Text."),
        ("articles/backup.md~", "Text."),
        ("articles/folder.md/inside.md", "Text."),
        ("articles/image.png", "no text"),
        ("evals/case.md", "not part of it"),
    ]);
    symlink("missing.md", folder.path("articles/dangling.md")).expect("a link");
    symlink("self.md", folder.path("articles/self.md")).expect("a link");
    let _listener = UnixListener::bind(folder.path("articles/socket.md")).expect("a socket");
    let loaded = load(&folder.root);
    assert_eq!(ids(&loaded), ["good"]);
    let told = told(&loaded);
    assert_eq!(told.len(), 4, "{told:#?}");
    assert!(told[0].starts_with("articles/dangling.md: this file cannot be read: no such file"));
    assert_eq!(told[1], "articles/folder.md: this is a folder, and a file of this name is expected here");
    assert!(told[2].starts_with("articles/self.md: this file cannot be read: too many levels of symbolic links"));
    assert_eq!(told[3], "articles/socket.md: this is not a regular file");
}

#[test]
fn links_are_followed_but_not_in_circles() {
    let folder = Folder::new(&[("articles/a.md", "One."), ("shared/b.md", "Two."), ("shared/deep/c.md", "Three.")]);
    symlink("../shared", folder.path("articles/linked")).expect("a link");
    symlink("..", folder.path("articles/up")).expect("a link");
    symlink("..", folder.path("shared/deep/around")).expect("a link");
    let loaded = load(&folder.root);
    assert_eq!(ids(&loaded), ["a", "linked/b", "linked/deep/c"]);
    assert_eq!(
        told(&loaded),
        [
            "articles/linked/deep/around: this link leads back to a folder around it",
            "articles/up: this link leads back to a folder around it",
        ]
    );
}

#[test]
fn a_plain_folder_is_articles_alone() {
    let folder = Folder::new(&[
        ("a b.md", "No heading."),
        ("guide/start.mdx", "---\nslug: /x\n---\nimport X from 'x';\n\n# Start here\n\n<X/>Text."),
        ("guide/page.html", "<html><head><title>A page</title></head><body><p>Text of the page.</p></body></html>"),
        ("guide/notes.txt", "not read"),
    ]);
    let loaded = load(&folder.root);
    assert_eq!(told(&loaded), Vec::<String>::new());
    let shown: Vec<_> = loaded
        .project
        .articles
        .values()
        .map(|article| (article.id.as_str(), article.title.as_str(), article.url.as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            ("a-b", "a b", "/articles/a-b"),
            ("guide/page", "A page", "/articles/guide/page"),
            ("guide/start", "Start here", "/articles/guide/start"),
        ]
    );
}

#[test]
fn only_what_changed_is_read_again() {
    let folder = Folder::new(&[("articles/a.md", "One."), ("articles/b.md", "Two."), ("articles/x/c.md", "Three.")]);
    let mut loader = Loader::new(&folder.root);
    let first = loader.load();
    assert_eq!(first.changes.articles, articles(&["a", "b", "x/c"]));
    assert!(loader.load().changes.is_empty());

    folder.write("articles/a.md", "One and more.");
    let second = loader.load();
    assert_eq!(second.changes.articles, articles(&["a"]));
    let shared = |id: &str| Arc::ptr_eq(&first.project.articles[id], &second.project.articles[id]);
    assert_eq!((shared("a"), shared("b"), shared("x/c")), (false, true, true));

    fs::rename(folder.path("articles/x"), folder.path("articles/y")).expect("a rename");
    let third = loader.load();
    assert_eq!(third.changes.articles, articles(&["y/c"]));
    assert_eq!(third.changes.removed_articles, articles(&["x/c"]));

    folder.write("articles/b.mdx", "Two again.");
    fs::remove_file(folder.path("articles/b.md")).expect("no file");
    let fourth = loader.load();
    assert_eq!(fourth.changes.articles, articles(&["b"]));
    assert_eq!(fourth.changes.removed_articles, articles(&[]));

    folder.write("project.yaml", "articles_url: https://docs.example.com/\n");
    let fifth = loader.load();
    assert!(fifth.changes.other);
    assert_eq!(fifth.project.articles["a"].url, "https://docs.example.com/a");
}

#[test]
fn reloading_looks_only_at_the_paths_it_is_given() {
    let folder = Folder::new(&[
        ("project.yaml", "name: Ada"),
        ("articles/a.md", "One."),
        ("articles/ab.md", "Other."),
        ("articles/a/b.md", "Two."),
    ]);
    let mut loader = Loader::new(&folder.root);
    loader.load();
    folder.write("articles/a.md", "ONE.");
    folder.write("articles/a/b.md", "TWO.");
    let loaded = loader.reload(&[folder.path("articles/a.md")]);
    assert_eq!(loaded.changes.articles, articles(&["a"]));

    folder.write("articles/a/new/c.md", "Three.");
    let loaded = loader.reload(&[folder.path("articles/a")]);
    assert_eq!(loaded.changes.articles, articles(&["a/b", "a/new/c"]));

    fs::remove_dir_all(folder.path("articles/a")).expect("no folder");
    let loaded = loader.reload(&[folder.path("articles/a")]);
    assert_eq!(loaded.changes.removed_articles, articles(&["a/b", "a/new/c"]));
    assert_eq!(ids(&loaded), ["a", "ab"]);

    folder.write("segments/s.yaml", "if: {all: []}");
    let loaded = loader.reload(&[folder.path("segments")]);
    assert!(loaded.changes.other && loaded.project.segments.len() == 1);

    folder.write("project.yaml", "name: Bob");
    let loaded = loader.reload(&[folder.path("project.yaml")]);
    assert_eq!(loaded.project.settings.name, "Bob");
    let loaded = loader.reload(&[PathBuf::from("/elsewhere/a.md")]);
    assert!(loaded.changes.is_empty());
}

#[test]
fn a_broken_edit_is_told_and_its_repair_takes_it_back() {
    let good = "---\nphrases: [export]\nactions: [{open_post: p}]\n---\nText.";
    let folder = Folder::new(&[("answers/a.md", good), ("posts/p.md", "---\ntitle: P\nstatus: published\n---\nText.")]);
    let mut loader = Loader::new(&folder.root);
    assert_eq!(told(&loader.load()), Vec::<String>::new());
    fs::remove_file(folder.path("posts/p.md")).expect("no file");
    let loaded = loader.reload(&[folder.path("posts/p.md")]);
    assert_eq!(told(&loaded), ["answers/a.md:3:23: unknown post `p`"]);
    folder.write("answers/a.md", "---\nphrases: [export]\n---\nText.");
    assert_eq!(told(&loader.reload(&[folder.path("answers/a.md")])), Vec::<String>::new());
    fs::rename(&folder.root, folder.root.with_file_name("gone")).expect("a rename");
    assert!(told(&loader.load())[0].ends_with("there is no such folder"));
    fs::rename(folder.root.with_file_name("gone"), &folder.root).expect("a rename");
    assert_eq!(told(&loader.load()), Vec::<String>::new());
}

#[test]
fn a_plain_folder_becomes_a_project() {
    let folder = Folder::new(&[("a.md", "One."), ("notes/b.md", "Two.")]);
    let mut loader = Loader::new(&folder.root);
    assert_eq!(ids(&loader.load()), ["a", "notes/b"]);
    folder.write("articles/c.md", "Three.");
    let loaded = loader.reload(&[folder.path("articles")]);
    assert_eq!(ids(&loaded), ["c"]);
    assert_eq!(loaded.changes.removed_articles, articles(&["a", "notes/b"]));
}
