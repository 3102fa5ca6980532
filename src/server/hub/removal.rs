//! Removes conversations in which nothing has happened for a long time.

use futures_util::future::try_join_all;
use jiff::Timestamp;

use super::restore::shard_of;
use super::{Core, Hub};
use crate::domain::ids::ConversationId;
use crate::ports::conversation_store::{Inactive, StoreError};

impl Hub {
    /// Conversations in which nothing has happened since `before`, at most `limit`, after
    /// the one that was found last.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn inactive(
        &self,
        before: Timestamp,
        after: Option<&Inactive>,
        limit: usize,
    ) -> Result<Vec<Inactive>, StoreError> {
        self.core.store.inactive(before, after, limit).await
    }

    /// Removes those of `found` in which nothing goes on and that nobody follows; how many.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn remove(&self, found: Vec<Inactive>, before: Timestamp) -> Result<u64, StoreError> {
        let removals = found.iter().map(|found| self.core.remove(&found.conversation, before));
        let removed = try_join_all(removals).await?;
        Ok(removed.into_iter().filter(|removed| *removed).count() as u64)
    }
}

impl Core {
    /// Whoever comes back meanwhile waits for the lock, and then finds it gone.
    async fn remove(&self, id: &ConversationId, before: Timestamp) -> Result<bool, StoreError> {
        let _nobody_restores = self.restoring[shard_of(id)].lock().await;
        let Some(room) = self.known(id) else { return self.store.remove(id, before).await };
        let inside = room.inner.lock().await;
        if !inside.followers.is_empty() || inside.is_unfinished() {
            return Ok(false);
        }
        let is_removed = self.store.remove(id, before).await?;
        if is_removed {
            let mut rooms = self.rooms();
            rooms.by_id.remove(id);
            if let Some(at) = inside.left {
                rooms.left.remove(&at);
            }
        }
        Ok(is_removed)
    }
}
