//! From one conversation into a new one, with the command that begins it.

use std::sync::Arc;

use super::{Following, Hub, Room, not_stored, replay};
use crate::domain::ids::ConversationId;
use crate::protocol::MAX_REPLAY_EVENTS;
use crate::protocol::server_message::{Ack, CommandError, ServerFrame, ServerMessage};
use crate::server::outbox::{Outgoing, Outlets};
use crate::session::conversation::command::Request;
use crate::session::conversation::tab::Visitor;

/// A conversation to be entered: its identifier is that of the command, so that the
/// command finds it when it comes a second time.
pub(crate) struct Entrance {
    pub(crate) conversation: ConversationId,
    /// Its identifier when that one is taken by a conversation whose state is lost.
    pub(crate) otherwise: ConversationId,
    pub(crate) request: Box<Request>,
    pub(crate) visitor: Visitor,
    pub(crate) trace: bool,
}

/// A conversation that was entered.
pub(crate) struct Entered {
    pub(crate) following: Following,
    pub(crate) conversation: ConversationId,
    pub(crate) ack: Ack,
}

impl Hub {
    /// Carries out a command in a new conversation of the same user, and follows that
    /// one instead of `old`. When it is refused, the error is sent and `old` goes on.
    pub(crate) async fn enter(&self, old: &Following, entrance: Entrance, outlets: &Outlets) -> Option<Entered> {
        let Entrance { conversation, otherwise, request, visitor, trace } = entrance;
        let known = self.core.find(&conversation, &old.room.user).await;
        let entered = match known {
            // The client came back to where the command had led it.
            Some(room) if Arc::ptr_eq(&room, &old.room) => {
                self.core.request(&room, request, &outlets.answers).await;
                None
            }
            Some(room) => self.enter_again(room, request, outlets, visitor, trace).await,
            None => {
                let user = &old.room.user;
                let is_taken = self.core.store.position(&conversation, user).await.is_ok();
                if is_taken {
                    self.core.store.release(&conversation).await;
                }
                let reference = request.id.clone();
                match self.open(if is_taken { otherwise } else { conversation }, user.clone()).await {
                    Ok(room) => self.enter_new(room, request, outlets, visitor, trace).await,
                    Err(error) => {
                        outlets.answers.push(refused(reference, error));
                        None
                    }
                }
            }
        }?;
        self.leave(old).await;
        Some(entered)
    }

    async fn enter_new(
        &self,
        room: Arc<Room>,
        request: Box<Request>,
        outlets: &Outlets,
        visitor: Visitor,
        trace: bool,
    ) -> Option<Entered> {
        let reference = request.id.clone();
        let following = match self.core.follow_new(room, &outlets.events, visitor, trace).await {
            Ok(entry) => entry.following,
            Err(error) => {
                outlets.answers.push(refused(reference, error));
                return None;
            }
        };
        match self.core.request(&following.room, request, &outlets.answers).await {
            Some(ack) => Some(Entered { conversation: following.room.id.clone(), following, ack }),
            None => {
                self.leave(&following).await;
                None
            }
        }
    }

    /// The command came before: its answer comes again, then what has happened since.
    async fn enter_again(
        &self,
        room: Arc<Room>,
        request: Box<Request>,
        outlets: &Outlets,
        visitor: Visitor,
        trace: bool,
    ) -> Option<Entered> {
        let reference = request.id.clone();
        let ack = self.core.request(&room, request, &outlets.answers).await?;
        let mut inside = room.inner.lock().await;
        if let Err(error) = self.core.store.position(&room.id, &room.user).await {
            outlets.answers.push(refused(reference, not_stored(&error)));
            return None;
        }
        let events = self.core.store.read_after(&room.id, 0, MAX_REPLAY_EVENTS + 1).await.unwrap_or_default();
        let missed = replay::compacted(&events);
        // A client that misses events sees so by their numbers, and resumes.
        if events.len() <= MAX_REPLAY_EVENTS && missed.len() <= self.core.settings.now().session.queue_events / 2 {
            missed.into_iter().for_each(|event| outlets.events.push(event));
        }
        let following = self.core.follow(&room, &mut inside, &outlets.events, Some(&visitor.client), trace);
        self.core.tab_came(&room, &mut inside, visitor).await;
        drop(inside);
        Some(Entered { conversation: room.id.clone(), following, ack })
    }
}

fn refused(reference: Option<String>, error: CommandError) -> Outgoing {
    Outgoing::new(&ServerFrame::answer(reference, ServerMessage::Error(error)))
}
