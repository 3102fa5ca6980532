//! How long a connection that is no socket may stay open: for a while, and as long as
//! it carries a stream.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// How long a connection may stay open.
#[derive(Clone, Debug)]
pub(crate) struct Stay {
    /// None while it carries a stream.
    limit: watch::Sender<Option<Duration>>,
}

/// A stream that goes on until this is dropped.
#[derive(Debug)]
pub(crate) struct Streaming {
    stay: Stay,
    after: Duration,
}

impl Stay {
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit: watch::Sender::new(Some(limit)) }
    }

    /// Lets the connection stay open for a stream, and for `after` when that is over.
    pub(crate) fn streaming(&self, after: Duration) -> Streaming {
        self.limit.send_replace(None);
        Streaming { stay: self.clone(), after }
    }

    /// Until the connection has been open for too long.
    pub(crate) async fn is_over(&self) {
        let mut limits = self.limit.subscribe();
        loop {
            let limit = *limits.borrow_and_update();
            // The sender is held here, so that a wait for a change ends with one.
            match limit {
                None => _ = limits.changed().await,
                Some(limit) if timeout(limit, limits.changed()).await.is_err() => return,
                Some(_) => {}
            }
        }
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        self.stay.limit.send_replace(Some(self.after));
    }
}
