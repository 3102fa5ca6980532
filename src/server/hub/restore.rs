//! Takes a conversation that nobody followed lately from the store.

use std::sync::Arc;

use super::{Core, RESTORED_AT_ONCE, Room};
use crate::domain::ids::{ConversationId, UserId};
use crate::ports::conversation_store::StoreError;
use crate::session::conversation::run::RunEnd;
use crate::session::conversation::{Conversation, ConversationEvent};

/// Events of the log that a conversation is restored from: the last offers, chips
/// and commands stand in them.
const RESTORED_EVENTS: usize = 1_000;

pub(super) fn shard_of(id: &ConversationId) -> usize {
    id.as_str().bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)))
        % RESTORED_AT_ONCE
}

impl Core {
    /// The conversation of `user`, from memory or from the store.
    pub(super) async fn find(self: &Arc<Self>, id: &ConversationId, user: &UserId) -> Option<Arc<Room>> {
        if let Some(room) = self.known(id) {
            return Some(room).filter(|room| room.user == *user);
        }
        let _one_at_a_time = self.restoring[shard_of(id)].lock().await;
        if let Some(room) = self.known(id) {
            return Some(room).filter(|room| room.user == *user);
        }
        match self.restored(id, user).await {
            Ok(room) => Some(room),
            Err(StoreError::NotFound) => None,
            Err(error) => {
                tracing::error!(conversation.id = id.as_str(), %error, "a conversation cannot be restored");
                None
            }
        }
    }

    pub(super) fn known(&self, id: &ConversationId) -> Option<Arc<Room>> {
        self.rooms().by_id.get(id).cloned()
    }

    async fn restored(self: &Arc<Self>, id: &ConversationId, user: &UserId) -> Result<Arc<Room>, StoreError> {
        let mut position = self.store.position(id, user).await?;
        let events = self.store.read_before(id, u64::MAX, RESTORED_EVENTS).await?;
        let settings = self.settings.now();
        let restore =
            |epoch: String| Conversation::restore(&settings.session, id.clone(), epoch, position.seq, &events);
        let mut conversation = restore(position.epoch.clone());
        let lost = conversation.active_run().cloned();
        if lost.is_some() {
            // Somebody may have seen more of the answer than was kept.
            position.epoch = self.store.renew(id).await?.epoch;
            conversation = restore(position.epoch.clone());
        }
        let room = Room::new(id.clone(), user.clone(), conversation);
        self.rooms().by_id.insert(id.clone(), room.clone());
        if let Some(run) = lost {
            self.end(&room, &run, RunEnd::Lost).await;
        }
        let mut inside = room.inner.lock().await;
        let event = ConversationEvent::Restored { now: self.clock.now() };
        self.let_happen(&room, &mut inside, event).await;
        self.settle(&room, &mut inside).await;
        drop(inside);
        Ok(room)
    }
}
