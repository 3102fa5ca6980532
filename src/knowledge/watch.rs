//! Watches folders and tells in batches what changed in them.
//!
//! One thread owns the watcher. It gathers events until none has come for a short
//! time, so that a save by rename or a checkout of many files is one batch. When
//! events are lost, or a folder itself is replaced, the batch is
//! [`Batch::Everything`]: walk it again. Dropping a [`Watch`] ends the thread.
//!
//! A folder that a link leads to has several paths, and the system tells of a change in
//! it under one of them. So links are not followed by the watcher: the folders that they
//! lead to are watched by themselves, and while there are any, each batch is
//! [`Batch::Everything`].

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{Config, Event, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::files;

/// How a folder is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchSettings {
    /// A batch ends when nothing has happened for so long.
    pub quiet: Duration,
    /// A batch ends at the latest after so long.
    pub longest: Duration,
    /// How often folders are compared when the system cannot tell of changes.
    pub poll: Duration,
}

impl Default for WatchSettings {
    fn default() -> Self {
        Self { quiet: Duration::from_millis(10), longest: Duration::from_millis(50), poll: Duration::from_secs(1) }
    }
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Batch {
    /// What stands at these paths, or below them.
    Paths(BTreeSet<PathBuf>),
    /// Perhaps everything.
    Everything,
}

/// Why folders cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error("`{folder}` cannot be watched: {reason}")]
pub struct WatchError {
    /// The folder.
    pub folder: String,
    /// What the system says.
    pub reason: String,
}

/// Events that may wait for the thread; more are lost and lead to a full walk.
const EVENTS: usize = 4096;

/// Batches that may wait for the reader; more are merged.
const BATCHES: usize = 4;

/// How often the thread looks whether its folders were replaced.
const TICK: Duration = Duration::from_millis(500);

/// Folders that are being watched.
#[derive(Debug)]
pub struct Watch {
    batches: mpsc::Receiver<Batch>,
    polling: bool,
}

impl Watch {
    /// Begins to watch folders and all that is in them.
    ///
    /// # Errors
    /// When a folder is not there, or the system has no more threads.
    pub fn start(folders: &[PathBuf], settings: WatchSettings) -> Result<Self, WatchError> {
        if let Some(folder) = folders.iter().find(|folder| !files::is_folder(folder)) {
            let reason = "there is no such folder".to_owned();
            return Err(WatchError { folder: folder.display().to_string(), reason });
        }
        let (events, received) = sync_channel(EVENTS);
        let lost = Arc::new(AtomicBool::new(false));
        let sink = {
            let lost = lost.clone();
            move |event: notify::Result<Event>| {
                if events.try_send(event).is_err() {
                    lost.store(true, Ordering::Release);
                }
            }
        };
        let (watcher, polling) = watcher(folders, settings, sink)?;
        let (sender, batches) = mpsc::channel(BATCHES);
        let folders =
            folders.iter().map(|path| Folder { path: path.clone(), identity: files::identity(path) }).collect();
        let mut thread =
            Thread { watcher, folders, linked: BTreeSet::new(), polling, received, lost, sender, settings };
        thread.follow_links();
        let spawned = std::thread::Builder::new().name("docent-watch".to_owned()).spawn(move || thread.run());
        match spawned {
            Ok(_) => Ok(Self { batches, polling }),
            Err(error) => Err(WatchError { folder: "*".to_owned(), reason: error.to_string() }),
        }
    }

    /// The next batch; `None` when the thread has ended.
    pub async fn next(&mut self) -> Option<Batch> {
        self.batches.recv().await
    }

    /// Whether folders are compared now and then, because the system cannot tell.
    pub fn is_polling(&self) -> bool {
        self.polling
    }
}

/// The system's watcher, or one that compares when the system has none to give.
fn watcher(
    folders: &[PathBuf],
    settings: WatchSettings,
    sink: impl Fn(notify::Result<Event>) + Clone + Send + 'static,
) -> Result<(Box<dyn Watcher + Send>, bool), WatchError> {
    let config = Config::default().with_follow_symlinks(false);
    let native = RecommendedWatcher::new(sink.clone(), config).and_then(|mut watcher| {
        folders.iter().try_for_each(|folder| watcher.watch(folder, RecursiveMode::Recursive))?;
        Ok(watcher)
    });
    if let Ok(watcher) = native {
        return Ok((Box::new(watcher), false));
    }
    let fault = |folder: &Path, error: &notify::Error| WatchError {
        folder: folder.display().to_string(),
        reason: error.to_string().to_lowercase(),
    };
    let first = folders.first().map(PathBuf::as_path).unwrap_or(Path::new("."));
    let config = Config::default().with_poll_interval(settings.poll);
    let mut watcher = PollWatcher::new(sink, config).map_err(|error| fault(first, &error))?;
    for folder in folders {
        watcher.watch(folder, RecursiveMode::Recursive).map_err(|error| fault(folder, &error))?;
    }
    Ok((Box::new(watcher), true))
}

struct Folder {
    path: PathBuf,
    /// Absent while it is not there.
    identity: Option<(PathBuf, u64)>,
}

struct Thread {
    watcher: Box<dyn Watcher + Send>,
    folders: Vec<Folder>,
    /// The folders that links below them lead to.
    linked: BTreeSet<PathBuf>,
    polling: bool,
    received: Receiver<notify::Result<Event>>,
    lost: Arc<AtomicBool>,
    sender: mpsc::Sender<Batch>,
    settings: WatchSettings,
}

impl Thread {
    fn run(mut self) {
        let mut pending = Pending::default();
        loop {
            let wait = match pending.due(self.settings) {
                Some(due) => due.saturating_duration_since(Instant::now()).min(TICK),
                None => TICK,
            };
            match self.received.recv_timeout(wait) {
                Ok(event) => pending.take(event),
                Err(RecvTimeoutError::Timeout) if pending.is_empty() => {
                    if self.sender.is_closed() {
                        return;
                    }
                    if self.replaced() {
                        pending.take_everything();
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.lost.swap(false, Ordering::AcqRel) {
                pending.take_everything();
            }
            if pending.due(self.settings).is_some_and(|due| due <= Instant::now()) {
                pending.everything |= self.replaced();
                if !self.linked.is_empty() || pending.paths.iter().any(|path| !files::is_regular(path)) {
                    // Nothing was watched for a moment.
                    pending.everything |= self.follow_links();
                }
                pending.everything |= !self.linked.is_empty();
                match self.sender.try_send(pending.batch()) {
                    Ok(()) => pending = Pending::default(),
                    // The reader is busy: the batch grows until it asks again.
                    Err(TrySendError::Full(_)) => pending.wait_again(),
                    Err(TrySendError::Closed(_)) => return,
                }
            }
        }
    }

    /// Watches the folders that links lead to; whether these are others than before. A
    /// watcher that compares folders follows links itself.
    fn follow_links(&mut self) -> bool {
        if self.polling {
            return false;
        }
        let linked: BTreeSet<PathBuf> = self.folders.iter().flat_map(|folder| files::linked(&folder.path)).collect();
        if linked == self.linked {
            return false;
        }
        // A folder within another one is watched once for both, so all are watched anew.
        for folder in self.linked.iter().chain(self.folders.iter().map(|folder| &folder.path)) {
            let _ = self.watcher.unwatch(folder);
        }
        for folder in linked.iter().chain(self.folders.iter().map(|folder| &folder.path)) {
            // One that is gone by now is told of by the folder around it.
            let _ = self.watcher.watch(folder, RecursiveMode::Recursive);
        }
        self.linked = linked;
        true
    }

    /// Whether a folder is not the one that is watched; then the new one is.
    fn replaced(&mut self) -> bool {
        let mut replaced = false;
        for folder in &mut self.folders {
            let now = files::identity(&folder.path);
            if now == folder.identity {
                continue;
            }
            replaced = true;
            // An error means that the old folder is gone already.
            let _ = self.watcher.unwatch(&folder.path);
            folder.identity = now.filter(|_| self.watcher.watch(&folder.path, RecursiveMode::Recursive).is_ok());
        }
        replaced
    }
}

/// Events since the last batch.
#[derive(Default)]
struct Pending {
    paths: BTreeSet<PathBuf>,
    everything: bool,
    /// When the first and the last of them came.
    times: Option<(Instant, Instant)>,
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.paths.is_empty() && !self.everything
    }

    /// When the batch ends.
    fn due(&self, settings: WatchSettings) -> Option<Instant> {
        let (first, last) = self.times.filter(|_| !self.is_empty())?;
        Some((last + settings.quiet).min(first + settings.longest))
    }

    fn take(&mut self, event: notify::Result<Event>) {
        match event {
            Ok(event) if event.need_rescan() => self.everything = true,
            Ok(event) if changes_something(event.kind) => {
                self.paths.extend(event.paths.into_iter().filter(|path| !is_passing(path)));
            }
            Ok(_) => return,
            Err(_) => self.everything = true,
        }
        self.note_time();
    }

    fn take_everything(&mut self) {
        self.everything = true;
        self.note_time();
    }

    fn note_time(&mut self) {
        let now = Instant::now();
        if !self.is_empty() {
            let first = self.times.map_or(now, |(first, _)| first);
            self.times = Some((first, now));
        }
    }

    fn batch(&self) -> Batch {
        if self.everything { Batch::Everything } else { Batch::Paths(self.paths.clone()) }
    }

    fn wait_again(&mut self) {
        let now = Instant::now();
        self.times = Some((now, now));
    }
}

fn changes_something(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        EventKind::Modify(ModifyKind::Metadata(_)) => true,
        EventKind::Any | EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_) | EventKind::Other => true,
    }
}

/// Whether a file is one that editors make for a moment.
fn is_passing(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    name.starts_with('.') || name.ends_with('~')
}

#[cfg(test)]
mod tests;
