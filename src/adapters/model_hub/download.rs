//! One file: redirects, resuming, and the checksum.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::{CONTENT_RANGE, ETAG, HeaderMap, LOCATION, RANGE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use sha2::{Digest, Sha256};

use super::{HubError, HubSettings};

/// Redirects that are followed for one request.
const MAX_REDIRECTS: usize = 5;
/// Time to reach the hub at all.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest pause between two tries.
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// How far a file is.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The file.
    pub file: &'a str,
    /// Bytes that are there.
    pub done: u64,
    /// Bytes that it has, if the hub says so.
    pub total: Option<u64>,
}

/// A file that is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Its path in the model folder.
    pub file: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
    /// Whether the hub names the same checksum; it does for large files.
    pub is_verified: bool,
}

/// Why a file is not there.
pub(super) enum DownloadError {
    /// The connection failed too often.
    Broken(String),
    /// The content is not what the hub says.
    Wrong(String),
    Disk(io::Error),
}

/// Fetches the files of one model.
pub(super) struct Download<'a> {
    http: Client,
    settings: &'a HubSettings,
    model: &'a str,
    /// The commit that the first file was from; the others come from the same.
    revision: String,
    watch: &'a (dyn Fn(Step<'_>) + Send + Sync),
}

/// What the hub says of a file, gathered over redirects.
#[derive(Default)]
struct About {
    sha256: Option<String>,
    total: Option<u64>,
    commit: Option<String>,
}

/// How one request ended.
enum Ended {
    Complete(About),
    Absent,
    /// It may go on from where it is.
    CutOff(String),
}

impl<'a> Download<'a> {
    pub(super) fn new(
        settings: &'a HubSettings,
        model: &'a str,
        watch: &'a (dyn Fn(Step<'_>) + Send + Sync),
    ) -> Result<Self, HubError> {
        let http = Client::builder()
            .connect_timeout(CONNECT)
            .read_timeout(settings.silence)
            .redirect(Policy::none())
            .build()
            .map_err(|error| HubError::Broken {
                model: model.to_owned(),
                file: "it".to_owned(),
                reason: error.to_string(),
            })?;
        Ok(Self { http, settings, model, revision: "main".to_owned(), watch })
    }

    pub(super) fn hub(&self) -> &str {
        &self.settings.base_url
    }

    /// Fetches a file to `path`; nothing when the hub does not have it.
    pub(super) async fn run(&mut self, file: &str, path: &Path) -> Result<Option<Fetched>, DownloadError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(DownloadError::Disk)?;
        }
        let part = PathBuf::from(format!("{}.part", path.display()));
        if path.is_file() {
            // It is asked for once more, which costs an answer that there is nothing behind it.
            fs::rename(path, &part).map_err(DownloadError::Disk)?;
        }
        let mut target = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&part)
            .map_err(DownloadError::Disk)?;
        let mut tries = 0;
        loop {
            let before = length(&target)?;
            match self.once(file, &mut target).await? {
                Ended::Absent => {
                    fs::remove_file(&part).map_err(DownloadError::Disk)?;
                    return Ok(None);
                }
                Ended::Complete(about) => {
                    let fetched = check(file, &mut target, &about);
                    if let Err(error @ DownloadError::Wrong(_)) = fetched {
                        fs::remove_file(&part).map_err(DownloadError::Disk)?;
                        return Err(error);
                    }
                    let fetched = fetched?;
                    target.sync_all().and_then(|()| fs::rename(&part, path)).map_err(DownloadError::Disk)?;
                    self.revision = about.commit.unwrap_or_else(|| self.revision.clone());
                    return Ok(Some(fetched));
                }
                Ended::CutOff(reason) => {
                    tries = if length(&target)? > before { 1 } else { tries + 1 };
                    if tries >= self.settings.tries {
                        return Err(DownloadError::Broken(reason));
                    }
                    let pause = self.settings.pause.saturating_mul(1 << (tries - 1).min(16));
                    tokio::time::sleep(pause.min(MAX_PAUSE)).await;
                }
            }
        }
    }

    /// One request for what is missing of a file.
    async fn once(&self, file: &str, target: &mut File) -> Result<Ended, DownloadError> {
        let done = length(target)?;
        let (response, mut about) = match self.follow(file, done).await {
            Ok(answered) => answered,
            Err(reason) => return Ok(Ended::CutOff(reason)),
        };
        let status = response.status();
        let start = match status {
            StatusCode::OK => 0,
            StatusCode::PARTIAL_CONTENT if range_start(response.headers()) == Some(done) => done,
            StatusCode::NOT_FOUND => return Ok(Ended::Absent),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return Err(DownloadError::Broken(format!("the hub does not let anyone have it ({status})")));
            }
            StatusCode::RANGE_NOT_SATISFIABLE if done > 0 => {
                about.total = about.total.or_else(|| range_total(response.headers()));
                if about.total == Some(done) {
                    return Ok(Ended::Complete(about));
                }
                target.set_len(0).map_err(DownloadError::Disk)?;
                return Ok(Ended::CutOff("what was there is longer than the file".to_owned()));
            }
            _ => return Ok(Ended::CutOff(format!("the hub answered with {status}"))),
        };
        about.total = about.total.or_else(|| match status {
            StatusCode::PARTIAL_CONTENT => range_total(response.headers()),
            _ => response.content_length(),
        });
        if about.total.is_some_and(|total| total > self.settings.max_bytes) {
            return Err(DownloadError::Wrong(format!("it has more than {} bytes", self.settings.max_bytes)));
        }
        target.set_len(start).map_err(DownloadError::Disk)?;
        self.receive(file, response, about, target).await
    }

    async fn receive(
        &self,
        file: &str,
        mut response: Response,
        about: About,
        target: &mut File,
    ) -> Result<Ended, DownloadError> {
        let mut done = target.seek(SeekFrom::End(0)).map_err(DownloadError::Disk)?;
        loop {
            let bytes = match response.chunk().await {
                Ok(Some(bytes)) => bytes,
                Ok(None) => break,
                Err(_) => return Ok(Ended::CutOff(format!("the connection broke after {done} bytes"))),
            };
            done += bytes.len() as u64;
            if done > about.total.unwrap_or(self.settings.max_bytes) {
                return Err(DownloadError::Wrong("more bytes come than it has".to_owned()));
            }
            target.write_all(&bytes).map_err(DownloadError::Disk)?;
            (self.watch)(Step { file, done, total: about.total });
        }
        match about.total {
            Some(total) if done < total => {
                Ok(Ended::CutOff(format!("the connection ended after {done} of {total} bytes")))
            }
            _ => Ok(Ended::Complete(about)),
        }
    }

    /// Sends the request and follows redirects, which name the checksum.
    async fn follow(&self, file: &str, done: u64) -> Result<(Response, About), String> {
        let hub = self.settings.base_url.trim_end_matches('/');
        let address = format!("{hub}/{}/resolve/{}/{file}", self.model, self.revision);
        let mut url = Url::parse(&address).map_err(|error| format!("{address} is no address: {error}"))?;
        let mut about = About::default();
        for _ in 0..=MAX_REDIRECTS {
            let mut request = self.http.get(url.clone());
            if done > 0 {
                request = request.header(RANGE, format!("bytes={done}-"));
            }
            let response = request.send().await.map_err(|error| unreached(&url, &error))?;
            about.read(response.headers());
            let location = response.headers().get(LOCATION).filter(|_| response.status().is_redirection());
            let Some(location) = location else { return Ok((response, about)) };
            let target = location.to_str().ok().and_then(|location| url.join(location).ok());
            let target = target.ok_or_else(|| "the hub redirects to no address".to_owned())?;
            let is_safe = target.scheme() == "https" || target.scheme() == url.scheme();
            if !is_safe {
                return Err(format!(
                    "the hub redirects to {}, which is not encrypted",
                    target.origin().ascii_serialization()
                ));
            }
            url = target;
        }
        Err(format!("the hub redirects more than {MAX_REDIRECTS} times"))
    }
}

impl About {
    fn read(&mut self, headers: &HeaderMap) {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let digest = |value: &str| {
            let digits = value.trim_start_matches("W/").trim_matches('"');
            (digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| digits.to_lowercase())
        };
        let named = text("x-linked-etag").and_then(digest).or_else(|| text(ETAG.as_str()).and_then(digest));
        self.sha256 = self.sha256.take().or(named);
        self.total = self.total.or_else(|| text("x-linked-size").and_then(|size| size.parse().ok()));
        let commit = text("x-repo-commit")
            .filter(|commit| commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()));
        self.commit = self.commit.take().or_else(|| commit.map(str::to_owned));
    }
}

/// Compares the file with what the hub says of it.
fn check(file: &str, target: &mut File, about: &About) -> Result<Fetched, DownloadError> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    let mut bytes = 0;
    target.seek(SeekFrom::Start(0)).map_err(DownloadError::Disk)?;
    loop {
        let read = target.read(&mut buffer).map_err(DownloadError::Disk)?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        bytes += read as u64;
    }
    let sha256: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if let Some(total) = about.total.filter(|total| *total != bytes) {
        return Err(DownloadError::Wrong(format!("it has {bytes} bytes instead of {total}")));
    }
    if let Some(wanted) = about.sha256.as_ref().filter(|wanted| **wanted != sha256) {
        return Err(DownloadError::Wrong(format!("its SHA-256 is {sha256} instead of {wanted}")));
    }
    Ok(Fetched { file: file.to_owned(), bytes, sha256, is_verified: about.sha256.is_some() })
}

fn length(file: &File) -> Result<u64, DownloadError> {
    file.metadata().map(|about| about.len()).map_err(DownloadError::Disk)
}

/// Start of `bytes 100-199/200`.
fn range_start(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_RANGE)?.to_str().ok()?.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}

/// Length of the file in `bytes 100-199/200` or `bytes */200`.
fn range_total(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_RANGE)?.to_str().ok()?.rsplit('/').next()?.parse().ok()
}

fn unreached(url: &Url, error: &reqwest::Error) -> String {
    let host = url.host_str().unwrap_or_default();
    if error.is_timeout() { format!("{host} does not answer") } else { format!("{host} cannot be reached") }
}
