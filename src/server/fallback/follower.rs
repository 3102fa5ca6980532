//! The reading end of a session's stream.

use std::str::FromStr;
use std::sync::Arc;

use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::protocol::close_code::CloseCode;
use crate::protocol::error_code::ErrorCode;
use crate::protocol::server_message::CommandError;
use crate::server::outbox::Outbox;

/// A place in a log, written `epoch:seq`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) epoch: String,
    pub(super) seq: u64,
}

impl FromStr for Place {
    type Err = CommandError;

    fn from_str(text: &str) -> Result<Self, CommandError> {
        let place = text.rsplit_once(':').and_then(|(epoch, seq)| Some((epoch.to_owned(), seq.parse().ok()?)));
        let (epoch, seq) = place.ok_or_else(|| {
            CommandError::new(ErrorCode::BadRequest, "a place in a conversation is written `epoch:seq`")
        })?;
        Ok(Self { epoch, seq })
    }
}

/// The reading end of a session's stream. The session learns when it is dropped.
#[derive(Debug)]
pub(super) struct Follower {
    /// The epoch of the events.
    pub(super) epoch: String,
    outbox: Arc<Outbox>,
    ended: watch::Receiver<Option<Option<CloseCode>>>,
    _gone: DropGuard,
}

/// What a stream brings.
#[derive(Debug)]
pub(super) enum Next {
    Frame(Utf8Bytes),
    /// Nothing more, and why when that is to be told.
    End(Option<CloseCode>),
}

impl Follower {
    pub(super) fn new(
        epoch: String,
        outbox: Arc<Outbox>,
        ended: watch::Receiver<Option<Option<CloseCode>>>,
        gone: CancellationToken,
    ) -> Self {
        Self { epoch, outbox, ended, _gone: gone.drop_guard() }
    }

    /// What waits already.
    pub(super) fn waiting(&self) -> Option<Utf8Bytes> {
        self.outbox.pop()
    }

    /// What comes next.
    pub(super) async fn next(&mut self) -> Next {
        loop {
            // Looked at first: what waits when a stream is ended still comes.
            let end = *self.ended.borrow();
            if let Some(frame) = self.outbox.pop() {
                return Next::Frame(frame);
            }
            if self.outbox.overflowed() {
                return Next::End(Some(CloseCode::Slow));
            }
            if let Some(code) = end {
                return Next::End(code);
            }
            let is_over = tokio::select! {
                () = self.outbox.changed() => false,
                changed = self.ended.changed() => changed.is_err(),
            };
            if is_over && self.outbox.is_empty() && self.ended.borrow().is_none() {
                return Next::End(None);
            }
        }
    }
}
