//! Handovers, told to a webhook: kept in a file until the other side has accepted them.

pub mod handovers;

use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use reqwest::redirect::Policy;
use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::domain::secret::Secret;
use crate::ports::handover_desk::{DeskError, Handover, HandoverDesk};
use handovers::{About, Handovers, Line};

/// Header with the signature of the body.
const SIGNATURE: &str = "docent-signature";
/// Handovers that wait at a time; more are refused.
const MOST_WAITING: usize = 10_000;
/// Time for one attempt.
const ATTEMPT: Duration = Duration::from_secs(10);
/// Pause after the first failure; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Attempts of one handover, over about a day; then it is given up.
const MOST_ATTEMPTS: u32 = 290;

/// Where handovers are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookSettings {
    /// Address.
    pub url: String,
    /// What its requests are signed with.
    pub secret: Option<Secret>,
}

/// A desk behind a webhook.
pub struct WebhookDesk {
    settings: WebhookSettings,
    client: reqwest::Client,
    handovers: Mutex<Handovers>,
    more: Notify,
}

impl WebhookDesk {
    /// A desk that keeps what is open in the data folder `folder`, if any.
    ///
    /// # Errors
    /// When the file cannot be read or written, or no HTTP client can be made.
    pub fn open(settings: WebhookSettings, folder: Option<&Path>) -> io::Result<Self> {
        let client = reqwest::Client::builder().redirect(Policy::none()).timeout(ATTEMPT).build();
        let client = client.map_err(|_| io::Error::other("no HTTP client can be made"))?;
        let handovers = Mutex::new(Handovers::open(folder)?);
        Ok(Self { settings, client, handovers, more: Notify::new() })
    }

    /// Tells what waits, oldest first, until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        stop.run_until_cancelled_owned(self.tell_all()).await;
    }

    async fn tell_all(&self) {
        loop {
            let Some(next) = self.next() else {
                self.more.notified().await;
                continue;
            };
            let (mut pause, mut attempts) = (FIRST_PAUSE, 0);
            while let Err(reason) = self.tell(&next).await {
                attempts += 1;
                if attempts == 1 || attempts == MOST_ATTEMPTS {
                    let given_up = attempts == MOST_ATTEMPTS;
                    tracing::warn!(handover.id = next.id, reason, given_up, "a handover was not accepted");
                }
                if attempts == MOST_ATTEMPTS {
                    break;
                }
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                // Its user may have been erased meanwhile.
                if self.next().is_none_or(|line| line.id != next.id) {
                    break;
                }
            }
            if let Err(error) = self.lock().done(&next.id) {
                tracing::warn!(%error, "a handover is told again after a restart");
            }
        }
    }

    async fn tell(&self, line: &Line) -> Result<(), String> {
        let body = serde_json::to_string(line).map_err(|error| error.to_string())?;
        let mut request = self.client.post(&self.settings.url).header("content-type", "application/json");
        if let Some(secret) = &self.settings.secret {
            request = request.header(SIGNATURE, signature(secret, &body)?);
        }
        let answer = request.body(body).send().await;
        match answer.map(|answer| answer.status()) {
            Ok(status) if status.is_success() => Ok(()),
            Ok(status) => Err(format!("HTTP {}", status.as_u16())),
            Err(error) if error.is_connect() => Err("it cannot be reached".to_owned()),
            Err(_) => Err("the connection to it broke".to_owned()),
        }
    }

    fn next(&self) -> Option<Line> {
        let next = self.lock().next();
        next.unwrap_or_else(|error| {
            tracing::error!(%error, "the handovers that wait cannot be read");
            None
        })
    }

    /// The lock is held for one write, never across a wait.
    fn lock(&self) -> MutexGuard<'_, Handovers> {
        self.handovers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The HMAC-SHA256 of the body, in base64url.
fn signature(secret: &Secret, body: &str) -> Result<String, String> {
    let key = EncodingKey::from_secret(secret.reveal().as_bytes());
    crypto::sign(body.as_bytes(), &key, Algorithm::HS256).map_err(|_| "it cannot be signed".to_owned())
}

impl HandoverDesk for WebhookDesk {
    fn take_in(&self, handover: &Handover) -> Result<(), DeskError> {
        let line = Line {
            kind: "handover".to_owned(),
            id: handover.id.clone(),
            about: Some(About {
                conversation_id: handover.conversation.clone(),
                user_id: handover.user.clone(),
                reason: handover.reason.clone(),
                question: handover.question.clone(),
                at: handover.at.clone(),
            }),
        };
        let mut handovers = self.lock();
        if handovers.len() >= MOST_WAITING {
            return Err(DeskError("too many handovers wait".to_owned()));
        }
        handovers.add(line).map_err(|error| DeskError(error.to_string()))?;
        drop(handovers);
        self.more.notify_one();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    fn handover(id: &str) -> Handover {
        Handover {
            id: id.to_owned(),
            conversation: "conv-1".to_owned(),
            user: "ann".to_owned(),
            reason: "customer_request".to_owned(),
            question: "May I speak with somebody?".to_owned(),
            at: "2026-03-01T12:00:00Z".to_owned(),
        }
    }

    /// Answers one request with `status`, and gives what was asked.
    async fn answer(listener: &TcpListener, status: &str) -> String {
        let (mut socket, _) = listener.accept().await.expect("a connection");
        let (mut request, mut buffer) = (String::new(), [0; 4096]);
        while !request.contains("\r\n\r\n{") || !request.ends_with('}') {
            let read = socket.read(&mut buffer).await.expect("a request");
            request.push_str(std::str::from_utf8(&buffer[..read]).expect("text"));
        }
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        socket.write_all(head.as_bytes()).await.expect("an answer");
        request
    }

    #[tokio::test]
    async fn a_handover_is_told_until_it_is_accepted_also_over_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let url = format!("http://{}/handover", listener.local_addr().expect("an address"));
        let settings = WebhookSettings { url, secret: Some(Secret::new("s".repeat(32))) };
        let open = || Arc::new(WebhookDesk::open(settings.clone(), Some(folder.path())).expect("a desk"));

        let desk = open();
        desk.take_in(&handover("run-1")).expect("kept");
        drop(desk);
        let desk = open();
        let stop = CancellationToken::new();
        let run = desk.run(stop.clone());
        let told = async {
            let refused = answer(&listener, "503 Service Unavailable").await;
            let accepted = answer(&listener, "204 No Content").await;
            let body = accepted.split("\r\n\r\n").nth(1).expect("a body").to_owned();
            assert_eq!(refused.split("\r\n\r\n").nth(1), Some(body.as_str()), "the same is told again");
            let json: serde_json::Value = serde_json::from_str(&body).expect("JSON");
            assert_eq!((json["type"].as_str(), json["id"].as_str()), (Some("handover"), Some("run-1")));
            assert_eq!(json["reason"], "customer_request");
            let signed = signature(&Secret::new("s".repeat(32)), &body).expect("a signature");
            assert!(accepted.contains(&format!("docent-signature: {signed}")), "{accepted}");
            while desk.lock().len() > 0 {
                tokio::task::yield_now().await;
            }
            stop.cancel();
        };
        tokio::join!(run, told);
        let kept = std::fs::read_to_string(folder.path().join("handovers.jsonl")).expect("a file");
        assert_eq!(kept, "", "nothing of what users asked stays");
        assert_eq!(open().lock().len(), 0);
    }

    #[tokio::test]
    async fn an_erased_user_waits_for_nobody() {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = WebhookSettings { url: "http://127.0.0.1:9/".to_owned(), secret: None };
        let open = || WebhookDesk::open(settings.clone(), Some(folder.path())).expect("a desk");
        let of = |id: &str, user: &str| Handover { user: user.to_owned(), ..handover(id) };
        let ids = |desk: &WebhookDesk| {
            let mut handovers = desk.lock();
            std::iter::from_fn(|| {
                let next = handovers.next().expect("a file")?;
                handovers.done(&next.id).expect("written");
                Some(next.id)
            })
            .collect::<Vec<_>>()
        };
        assert!(handovers::erase(folder.path(), "ann").is_ok(), "there is no file yet");
        let desk = open();
        for (id, user) in [("run-1", "ann"), ("run-2", "bob"), ("run-3", "ann")] {
            desk.take_in(&of(id, user)).expect("kept");
        }
        assert_eq!(handovers::export(folder.path(), "ann").expect("a file").len(), 2);
        // While the server runs, which then takes one more in.
        handovers::erase(folder.path(), "ann").expect("erased");
        desk.take_in(&of("run-4", "cid")).expect("kept");
        let bytes = std::fs::read_to_string(folder.path().join("handovers.jsonl")).expect("a file");
        assert!(!bytes.contains("ann") && bytes.contains("run-2") && bytes.contains("run-4"), "{bytes}");
        drop(desk);
        let desk = open();
        handovers::erase(folder.path(), "bob").expect("erased");
        assert_eq!(ids(&desk), ["run-4"]);
        assert_eq!(std::fs::metadata(folder.path().join("handovers.jsonl")).expect("a file").len(), 0);
    }
}
