//! Conversations in which nothing has happened for a long time are removed, little by
//! little, so that the store has time for those who write meanwhile.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::clock::Clock;
use super::hub::Hub;
use super::settings::LiveSettings;
use crate::ports::conversation_store::{Inactive, StoreError};

/// Time between two looks at what is to be removed.
const INTERVAL: Duration = Duration::from_secs(600);
/// Conversations that are removed together.
const TOGETHER: usize = 32;
/// Time between two such removals.
const PAUSE: Duration = Duration::from_millis(100);

/// Removes what the settings no longer keep, until the server drains.
pub(crate) async fn run(hub: Hub, settings: LiveSettings, clock: Clock, drain: CancellationToken) {
    while drain.run_until_cancelled(sleep(INTERVAL)).await.is_some() {
        let Some(kept) = settings.now().retention else { continue };
        let Ok(before) = clock.now().timestamp().checked_sub(kept) else { continue };
        match drain.run_until_cancelled(remove(&hub, before)).await {
            Some(Ok(0)) => {}
            Some(Ok(count)) => tracing::info!(conversations.removed = count, "conversations of long ago were removed"),
            Some(Err(error)) => tracing::error!(%error, "conversations of long ago cannot be removed"),
            None => return,
        }
    }
}

/// Removes all conversations in which nothing has happened since `before`; how many.
async fn remove(hub: &Hub, before: Timestamp) -> Result<u64, StoreError> {
    let (mut removed, mut last): (u64, Option<Inactive>) = (0, None);
    loop {
        let batch = hub.inactive(before, last.as_ref(), TOGETHER).await?;
        last = batch.last().cloned();
        if last.is_none() {
            return Ok(removed);
        }
        removed += hub.remove(batch, before).await?;
        sleep(PAUSE).await;
    }
}
