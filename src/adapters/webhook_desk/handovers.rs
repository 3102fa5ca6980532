//! The handovers that wait, in memory and in a file: one line for each, and one for each
//! that is done with. The file is empty when nothing waits, and begins anew, with what
//! waits, when it is opened.
//!
//! `docent erase` may put another file in its place while a server has it open. Each of
//! the two holds the lock of the file while it writes, and the server looks first
//! whether its file is still the one in the folder.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Its name in the data folder.
const FILE: &str = "handovers.jsonl";

/// A line of the file; it is also what the webhook is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) id: String,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(super) about: Option<About>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct About {
    pub(super) conversation_id: String,
    pub(super) user_id: String,
    pub(super) reason: String,
    pub(super) question: String,
    pub(super) at: String,
}

impl Line {
    /// Tells that a handover is done with.
    fn done(id: &str) -> Self {
        Self { kind: "done".to_owned(), id: id.to_owned(), about: None }
    }

    fn is_of(&self, user: &str) -> bool {
        self.about.as_ref().is_some_and(|about| about.user_id == user)
    }
}

/// The handovers that wait, oldest first.
pub(super) struct Handovers {
    waiting: VecDeque<Line>,
    /// Absent when nothing is kept on disk.
    kept: Option<Kept>,
}

/// The file, held open to be appended to.
struct Kept {
    path: PathBuf,
    file: File,
}

impl Handovers {
    /// Those in the data folder `folder`, if any.
    pub(super) fn open(folder: Option<&Path>) -> io::Result<Self> {
        let Some(folder) = folder else { return Ok(Self { waiting: VecDeque::new(), kept: None }) };
        fs::create_dir_all(folder)?;
        let path = folder.join(FILE);
        let waiting = read(&path)?;
        let file = begun(&path, &waiting)?;
        Ok(Self { waiting, kept: Some(Kept { path, file }) })
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// The next one to be told.
    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        self.locked(|_, _| Ok(()))?;
        Ok(self.waiting.front().cloned())
    }

    /// Adds one; it is on disk when this returns.
    pub(super) fn add(&mut self, line: Line) -> io::Result<()> {
        self.locked(|file, _| write(file, &line))?;
        self.waiting.push_back(line);
        Ok(())
    }

    /// One is done with; it waits no longer, also when that cannot be written.
    pub(super) fn done(&mut self, id: &str) -> io::Result<()> {
        self.waiting.retain(|line| line.id != id);
        self.locked(|file, waiting| {
            waiting.retain(|line| line.id != id);
            // Nothing of what users asked stays when nothing waits.
            if waiting.is_empty() { file.set_len(0) } else { write(file, &Line::done(id)) }
        })
    }

    /// Does something with the file that is in the folder, under its lock. When it is
    /// another one than before, what waits is what it says.
    fn locked(&mut self, work: impl FnOnce(&mut File, &mut VecDeque<Line>) -> io::Result<()>) -> io::Result<()> {
        let Some(kept) = &mut self.kept else { return Ok(()) };
        loop {
            kept.file.lock()?;
            if is_same(&kept.file, &kept.path)? {
                break;
            }
            kept.file = OpenOptions::new().append(true).create(true).open(&kept.path)?;
            self.waiting = read(&kept.path)?;
        }
        let done = work(&mut kept.file, &mut self.waiting);
        kept.file.unlock()?;
        done
    }
}

fn write(file: &mut File, line: &Line) -> io::Result<()> {
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    file.write_all(text.as_bytes())?;
    file.sync_data()
}

/// The handovers of `user` that wait in the data folder `folder`, as JSON objects.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn export(folder: &Path, user: &str) -> io::Result<Vec<serde_json::Value>> {
    let waiting = read(&folder.join(FILE))?;
    let lines = waiting.iter().filter(|line| line.is_of(user));
    lines.map(|line| serde_json::to_value(line).map_err(io::Error::other)).collect()
}

/// Erases the handovers of `user` from the data folder `folder`, also those that are done
/// with and still stand in the file. A running server tells nobody of them any more,
/// except of one that it is telling right now.
///
/// # Errors
/// When the file cannot be read or written; then it is as it was.
pub fn erase(folder: &Path, user: &str) -> io::Result<()> {
    let path = folder.join(FILE);
    loop {
        let file = match OpenOptions::new().append(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        file.lock()?;
        if !is_same(&file, &path)? {
            continue;
        }
        let mut waiting = read(&path)?;
        waiting.retain(|line| !line.is_of(user));
        // The lock goes with the file that held it.
        return begun(&path, &waiting).map(drop);
    }
}

fn is_same(file: &File, path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (file.metadata()?.dev(), file.metadata()?.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The handovers of a file that are not done with. Lines that cannot be read, such as
/// one that a crash cut off, are passed over.
fn read(path: &Path) -> io::Result<VecDeque<Line>> {
    let text = match fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    let mut waiting: VecDeque<Line> = VecDeque::new();
    for line in text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok()) {
        waiting.retain(|known| known.id != line.id);
        if line.about.is_some() {
            waiting.push_back(line);
        }
    }
    Ok(waiting)
}

/// Puts a file with what waits in the place of the one before.
fn begun(path: &Path, waiting: &VecDeque<Line>) -> io::Result<File> {
    let fresh = path.with_extension("new");
    let mut text = String::new();
    for line in waiting {
        text.push_str(&serde_json::to_string(line)?);
        text.push('\n');
    }
    fs::write(&fresh, text)?;
    File::open(&fresh)?.sync_data()?;
    fs::rename(&fresh, path)?;
    OpenOptions::new().append(true).open(path)
}
