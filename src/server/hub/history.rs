//! Past messages, and a conversation as a whole.

use std::collections::HashMap;

use super::{Core, Hub, Inside, Room, not_stored};
use crate::agent::turn_request::Said;
use crate::domain::conversation;
use crate::domain::ids::{ConversationId, MessageId, UserId};
use crate::ports::conversation_store::StoreError;
use crate::protocol::action::{ActionRequested, ActionState, ActionUpdated};
use crate::protocol::history::{ConversationSnapshot, HistoryPage};
use crate::protocol::message::{MessageCompleted, Role};
use crate::protocol::run::RunStarted;
use crate::protocol::server_message::{CommandError, ServerFrame, ServerMessage};

/// Messages of a snapshot; earlier ones come with `history.get`.
const SNAPSHOT_MESSAGES: usize = 100;
/// Most messages of a page.
const PAGE_MESSAGES: usize = 100;
/// Events that are read at a time: at first about as many as the messages have, then ever
/// more.
const EVENTS_A_MESSAGE: usize = 4;
const EVENTS_AT_A_TIME: usize = 500;
/// Events that one page or snapshot looks at.
const MAX_EVENTS: usize = 5_000;
/// Bytes of the messages of one page or snapshot, so that it fits into a frame.
const MAX_BYTES: usize = 192 * 1024;

/// What the end of a log tells.
#[derive(Default)]
struct Digest {
    messages: Vec<MessageCompleted>,
    actions: Vec<ActionRequested>,
    run: Option<RunStarted>,
    /// Whether there are earlier messages.
    has_more: bool,
    first_seq: Option<u64>,
}

impl Hub {
    /// Messages of a conversation of `user` before event `before`.
    pub(crate) async fn history(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        before: u64,
        limit: u32,
    ) -> Result<HistoryPage, CommandError> {
        let core = &self.core;
        let limit = usize::try_from(limit).unwrap_or(PAGE_MESSAGES).clamp(1, PAGE_MESSAGES);
        let is_followed = core.rooms().by_id.get(conversation).is_some_and(|room| room.user == *user);
        let read = async {
            core.store.position(conversation, user).await?;
            core.digest(conversation, before, limit).await
        };
        let digest = read.await;
        if !is_followed {
            core.store.release(conversation).await;
        }
        let digest = digest.map_err(|error| not_stored(&error))?;
        Ok(HistoryPage { messages: digest.messages, has_more: digest.has_more, first_seq: digest.first_seq })
    }
}

/// An action as it stands after its last update, while it may be claimed.
fn pending(requested: ActionRequested, updates: &HashMap<String, ActionUpdated>) -> Option<ActionRequested> {
    let Some(updated) = updates.get(&requested.action_id) else { return Some(requested) };
    let execution = updated.execution.unwrap_or(requested.execution);
    (updated.state == ActionState::Pending).then(|| ActionRequested {
        execution,
        expires_at: updated.expires_at.clone(),
        target_client_id: updated.target_client_id.clone().unwrap_or(requested.target_client_id),
        ..requested
    })
}

impl Core {
    /// The conversation as a whole; `seq` is the number of its last event.
    pub(super) async fn snapshot(&self, room: &Room, inside: &Inside, seq: u64) -> Result<ServerFrame, StoreError> {
        let digest = self.digest(&room.id, u64::MAX, SNAPSHOT_MESSAGES).await?;
        let snapshot = ConversationSnapshot {
            messages: digest.messages,
            pending_actions: digest.actions,
            active_run: digest.run.filter(|_| inside.has_run()),
            as_of_seq: seq,
            first_seq: digest.first_seq,
        };
        Ok(ServerFrame::notice(ServerMessage::ConversationSnapshot(snapshot)))
    }

    /// The last `limit` messages before `question`, oldest first, whether it is stored yet
    /// or not. Without them a run goes on, as if the conversation began here.
    pub(super) async fn recall(&self, id: &ConversationId, question: &MessageId, limit: usize) -> Vec<Said> {
        if limit == 0 {
            return Vec::new();
        }
        // The message itself and, when its answer is given again, that answer.
        let mut messages = match self.digest(id, u64::MAX, limit + 2).await {
            Ok(digest) => digest.messages,
            Err(error) => {
                tracing::error!(conversation.id = id.as_str(), %error, "a conversation cannot be recalled");
                return Vec::new();
            }
        };
        let stored = messages.iter().position(|message| message.message_id == question.as_str());
        messages.truncate(stored.unwrap_or(messages.len()));
        messages.drain(..messages.len().saturating_sub(limit));
        let messages = messages.into_iter().map(|message| Said {
            role: match message.role {
                Role::User => conversation::Role::User,
                Role::Agent => conversation::Role::Agent,
            },
            text: message.text,
        });
        messages.collect()
    }

    async fn digest(&self, id: &ConversationId, before: u64, limit: usize) -> Result<Digest, StoreError> {
        let mut digest = Digest::default();
        let (mut before, mut looked_at, mut bytes) = (before, 0, 0);
        let mut wanted = (limit * EVENTS_A_MESSAGE).min(EVENTS_AT_A_TIME);
        // Going backwards, the first update of an action is how it stands.
        let mut updates: HashMap<String, ActionUpdated> = HashMap::new();
        let mut is_over = false;
        loop {
            let events = self.store.read_before(id, before, wanted).await?;
            looked_at += events.len();
            for event in events.iter().rev() {
                let Ok(frame) = serde_json::from_str::<ServerFrame>(&event.frame) else { continue };
                match frame.message {
                    // An answer that was given again stands where its last attempt does.
                    ServerMessage::MessageCompleted(message)
                        if digest.messages.iter().any(|known| known.message_id == message.message_id) => {}
                    ServerMessage::MessageCompleted(message) => {
                        bytes += event.frame.len();
                        if digest.messages.len() == limit || bytes > MAX_BYTES {
                            digest.has_more = true;
                            break;
                        }
                        digest.messages.push(*message);
                        digest.first_seq = Some(event.seq);
                    }
                    ServerMessage::ActionUpdated(updated) => {
                        updates.entry(updated.action_id.clone()).or_insert(*updated);
                    }
                    ServerMessage::ActionRequested(requested) => {
                        digest.actions.extend(pending(*requested, &updates));
                    }
                    ServerMessage::RunFinished(_) => is_over = true,
                    ServerMessage::RunStarted(started) if !is_over && digest.run.is_none() => {
                        digest.run = Some(started);
                    }
                    _ => {}
                }
            }
            let Some(first) = events.first().filter(|_| !digest.has_more && looked_at < MAX_EVENTS) else { break };
            if events.len() < wanted {
                break;
            }
            before = first.seq;
            wanted = (wanted * 2).min(EVENTS_AT_A_TIME);
        }
        digest.has_more |= looked_at >= MAX_EVENTS;
        digest.messages.reverse();
        digest.actions.reverse();
        Ok(digest)
    }
}
