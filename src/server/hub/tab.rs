//! Tells conversations of the tabs that come, are used and go.

use std::sync::Arc;

use super::{Core, Following, Hub, Inside, Room};
use crate::domain::ids::ClientId;
use crate::session::conversation::ConversationEvent;
use crate::session::conversation::tab::Visitor;

impl Hub {
    /// The user has done something in the tab of `following`.
    pub(crate) async fn used(&self, following: &Following) {
        let mut inside = following.room.inner.lock().await;
        let follower = inside.followers.iter().find(|follower| follower.number == following.number);
        let Some(client) = follower.and_then(|follower| follower.client.clone()) else { return };
        let event = ConversationEvent::TabUsed { client, now: self.core.clock.now() };
        self.core.let_happen(&following.room, &mut inside, event).await;
    }
}

impl Core {
    pub(super) async fn tab_came(self: &Arc<Self>, room: &Arc<Room>, inside: &mut Inside, visitor: Visitor) {
        let event = ConversationEvent::TabCame { visitor, now: self.clock.now() };
        self.let_happen(room, inside, event).await;
    }

    pub(super) async fn tab_left(self: &Arc<Self>, room: &Arc<Room>, inside: &mut Inside, client: ClientId) {
        let event = ConversationEvent::TabLeft { client: client.clone(), now: self.clock.now() };
        if !self.let_happen(room, inside, event).await
            && let Some(conversation) = inside.conversation.as_mut()
        {
            conversation.forget_tab(&client);
        }
    }

    /// Lets something happen that nobody is answered for; when it cannot be stored, it
    /// has not happened.
    pub(super) async fn let_happen(
        self: &Arc<Self>,
        room: &Arc<Room>,
        inside: &mut Inside,
        event: ConversationEvent,
    ) -> bool {
        let before = inside.conversation.clone();
        match self.step_and_store(room, inside, vec![event]).await {
            Ok(stepped) => {
                self.carry_out(room, inside, stepped, None);
                true
            }
            Err(error) => {
                tracing::error!(conversation.id = room.id.as_str(), %error, "what happened cannot be stored");
                inside.conversation = before;
                room.note_run(inside);
                false
            }
        }
    }
}
