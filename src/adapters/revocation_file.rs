//! Revoked users and tokens in a file of the data folder, one a line, which a running
//! server reads again when it changes.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::domain::revocation::{Revocation, Revocations, Revoked};

/// Its name in the data folder.
const FILE: &str = "revoked.jsonl";
/// Time between two looks at the file.
const INTERVAL: Duration = Duration::from_secs(1);

#[derive(Deserialize, Serialize)]
struct Line {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    at_ms: u64,
}

/// The revocations of a data folder.
#[derive(Clone, Debug)]
pub struct RevocationFile {
    path: PathBuf,
}

impl RevocationFile {
    /// Those in `folder`.
    pub fn new(folder: &Path) -> Self {
        Self { path: folder.join(FILE) }
    }

    /// Adds one; it is on disk when this returns.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add(&self, revocation: &Revocation) -> std::io::Result<()> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let at_ms = revocation.at_ms;
        let line = match revocation.what.clone() {
            Revoked::User(user) => Line { user: Some(user), token: None, at_ms },
            Revoked::Token(token) => Line { user: None, token: Some(token), at_ms },
        };
        let mut file = File::options().create(true).append(true).open(&self.path)?;
        let mut text = serde_json::to_string(&line).map_err(std::io::Error::other)?;
        text.push('\n');
        file.write_all(text.as_bytes())?;
        file.sync_all()
    }

    /// All of them; a line that cannot be read is told in the log.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn load(&self) -> std::io::Result<Revocations> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let mut all = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let what = match serde_json::from_str(line) {
                Ok(Line { user: Some(user), token: None, at_ms }) => Some((Revoked::User(user), at_ms)),
                Ok(Line { user: None, token: Some(token), at_ms }) => Some((Revoked::Token(token), at_ms)),
                _ => None,
            };
            match what {
                Some((what, at_ms)) => all.push(Revocation { what, at_ms }),
                None => tracing::error!(line = number + 1, "a revocation cannot be read"),
            }
        }
        Ok(Revocations::new(all))
    }

    /// Reads the file again whenever it changes, until `stop`.
    pub async fn watch(self, sender: watch::Sender<std::sync::Arc<Revocations>>, stop: CancellationToken) {
        let mut seen = self.state();
        loop {
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                () = stop.cancelled() => return,
            }
            let now = self.state();
            if now == seen {
                continue;
            }
            match self.load() {
                Ok(revocations) => {
                    seen = now;
                    sender.send_replace(std::sync::Arc::new(revocations));
                }
                Err(error) => tracing::error!(%error, "the revocations cannot be read"),
            }
        }
    }

    fn state(&self) -> Option<(u64, SystemTime)> {
        let about = fs::metadata(&self.path).ok()?;
        Some((about.len(), about.modified().ok()?))
    }
}
