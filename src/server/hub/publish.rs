//! Steps a conversation, stores what happened, and tells everyone who follows.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep_until;

use super::{Core, Inside, Room};
use crate::agent::turn_event::TurnEvent;
use crate::domain::ids::{AutomationId, RunId};
use crate::ports::conversation_store::{Keep, NewEvent, StoreError};
use crate::protocol::automation::AutomationState;
use crate::protocol::server_message::{Ack, ServerFrame, ServerMessage};
use crate::server::outbox::{Outbox, Outgoing, encode};
use crate::session::conversation::command::StartTurn;
use crate::session::conversation::run::{RunEnd, unstored_end};
use crate::session::conversation::{self, Conversation, ConversationEffect, ConversationEvent};
use crate::session::moment::Moment;

/// How often an action is expired that cannot be stored as expired, and how far apart.
const EXPIRY_ATTEMPTS: u32 = 30;
const EXPIRY_PAUSE: Duration = Duration::from_secs(2);

impl Core {
    /// Lets events of a run happen, which are stored together; `false` when the run
    /// cannot go on.
    pub(super) async fn happen(
        self: &Arc<Self>,
        room: &Arc<Room>,
        run: &RunId,
        events: Vec<ConversationEvent>,
    ) -> bool {
        let mut inside = room.inner.lock().await;
        let stored = inside.conversation.as_ref().map_or(0, Conversation::seq);
        let before = if events.iter().all(changes_only_the_run) { None } else { inside.conversation.clone() };
        match self.step_and_store(room, &mut inside, events).await {
            Ok(stepped) => {
                self.carry_out(room, &inside, stepped, None);
                true
            }
            Err(error) => {
                tracing::error!(run.id = run.as_str(), error = %error, "an answer cannot be stored");
                if before.is_some() {
                    inside.conversation = before;
                }
                self.give_up(&mut inside, run, stored);
                room.note_run(&inside);
                false
            }
        }
    }

    /// Ends a run that nothing more can be stored of: the followers are told, the
    /// log is not, and the next event takes the number after the last stored one.
    fn give_up(&self, inside: &mut Inside, run: &RunId, stored: u64) {
        if let Some(conversation) = inside.conversation.as_mut() {
            conversation.give_up_run(stored);
        }
        let end = Outgoing::new(&unstored_end(run));
        inside.followers.iter().for_each(|follower| follower.outbox.push(end.clone()));
    }

    pub(super) async fn step_and_store(
        &self,
        room: &Room,
        inside: &mut Inside,
        events: Vec<ConversationEvent>,
    ) -> Result<Stepped, StoreError> {
        let mut stepped = self.step(room, inside, events)?;
        self.store(room, inside, &mut stepped).await?;
        Ok(stepped)
    }

    /// Steps the conversation; nothing is stored or sent yet.
    pub(super) fn step(
        &self,
        room: &Room,
        inside: &mut Inside,
        events: Vec<ConversationEvent>,
    ) -> Result<Stepped, StoreError> {
        let lost = || StoreError::Failed("the conversation is lost".to_owned());
        let fingerprint = events.iter().find_map(|event| match event {
            ConversationEvent::Request { request, .. } => Some(request.fingerprint),
            ConversationEvent::Turn { .. }
            | ConversationEvent::RunEnded { .. }
            | ConversationEvent::TabCame { .. }
            | ConversationEvent::TabUsed { .. }
            | ConversationEvent::TabLeft { .. }
            | ConversationEvent::Restored { .. }
            | ConversationEvent::Tick { .. } => None,
        });
        let mut conversation = inside.conversation.take().ok_or_else(lost)?;
        let mut stepped = Stepped::default();
        let settings = self.settings.now();
        for event in events {
            let (next, wanted) = conversation::step(&settings.session, conversation, event);
            conversation = next;
            wanted.into_iter().for_each(|effect| stepped.want(effect, fingerprint));
        }
        inside.conversation = Some(conversation);
        if inside.has_run() {
            room.note_run(inside);
        }
        Ok(stepped)
    }

    /// Stores what is to be appended, all of it or nothing.
    pub(super) async fn store(&self, room: &Room, inside: &Inside, stepped: &mut Stepped) -> Result<(), StoreError> {
        let events = std::mem::take(&mut stepped.events);
        if events.is_empty() {
            return Ok(());
        }
        // Before it is stored: after a crash between the two a person looks in vain, rather
        // than a user waits in vain.
        for (effect, _) in &stepped.effects {
            if let ConversationEffect::Append(frame) = effect
                && let ServerMessage::RunFinished(run) = &frame.message
            {
                self.hand_over(room, inside, run, frame.ts.as_deref());
            }
        }
        let seq = inside.conversation.as_ref().map_or(0, Conversation::seq);
        match self.store.append(&room.id, events).await.inspect_err(|_| self.metrics.unstored())? {
            last if last == seq => Ok(()),
            last => Err(StoreError::Failed(format!("the log is at event {last}, the conversation at {seq}"))),
        }
    }

    pub(super) fn carry_out(
        self: &Arc<Self>,
        room: &Arc<Room>,
        inside: &Inside,
        stepped: Stepped,
        requester: Option<&Arc<Outbox>>,
    ) -> Option<Ack> {
        let mut ack = None;
        for (effect, stored) in stepped.effects {
            match effect {
                ConversationEffect::Append(frame) => {
                    if let ServerMessage::RunFinished(run) = &frame.message {
                        self.metrics.run_finished(run);
                    }
                    let outgoing =
                        Outgoing::event(numbered(frame.seq.unwrap_or(0), &stored.unwrap_or_default()), &frame);
                    inside.followers.iter().for_each(|follower| follower.outbox.push(outgoing.clone()));
                }
                ConversationEffect::Reply(frame) => {
                    if let Some(outbox) = requester {
                        outbox.push(Outgoing::new(&frame));
                    }
                    match frame.message {
                        ServerMessage::Ack(accepted) => ack = Some(accepted),
                        ServerMessage::Error(error) => self.metrics.refused(error.code),
                        _ => {}
                    }
                }
                ConversationEffect::Broadcast(frame) => {
                    let is_trace = matches!(frame.message, ServerMessage::RunTrace(_));
                    let outgoing = Outgoing::new(&frame);
                    let followers = inside.followers.iter().filter(|follower| follower.trace || !is_trace);
                    followers.for_each(|follower| follower.outbox.push(outgoing.clone()));
                }
                ConversationEffect::Start(turn) => {
                    let running = self.begin(room, *turn);
                    self.tracker.spawn(self.clone().drive(room.clone(), running));
                }
                ConversationEffect::Stop(run) => room.stop(&run),
                ConversationEffect::WakeAt(moment) => {
                    let core = self.clone();
                    self.tracker.spawn(core.wake(room.clone(), moment));
                }
            }
        }
        room.note_run(inside);
        ack
    }

    /// Expires what was not claimed or not reported in time; a shutdown does not wait
    /// for it, since the next process finds it in the log.
    async fn wake(self: Arc<Self>, room: Arc<Room>, moment: Moment) {
        let mut due = self.clock.instant(moment);
        for _ in 0..EXPIRY_ATTEMPTS {
            tokio::select! {
                () = sleep_until(due) => {}
                () = self.stages.drain.cancelled() => return,
            }
            let mut inside = room.inner.lock().await;
            let event = ConversationEvent::Tick { now: self.clock.now() };
            if self.let_happen(&room, &mut inside, event).await {
                self.settle(&room, &mut inside).await;
                return;
            }
            due += EXPIRY_PAUSE;
        }
    }

    pub(super) async fn end(self: &Arc<Self>, room: &Arc<Room>, run: &RunId, end: RunEnd) {
        let event = ConversationEvent::RunEnded { run: run.clone(), end, now: self.clock.now() };
        self.happen(room, run, vec![event]).await;
    }
}

/// What steps of a conversation want to be done, in order, and not done yet.
#[derive(Default)]
pub(super) struct Stepped {
    /// Each with the frame of what it appends.
    effects: Vec<(ConversationEffect, Option<String>)>,
    /// What is to be stored.
    events: Vec<NewEvent>,
}

impl Stepped {
    fn want(&mut self, effect: ConversationEffect, fingerprint: Option<u64>) {
        let frame = match effect {
            ConversationEffect::Append(ref appended) => {
                let frame = encode(&ServerFrame { seq: None, ..appended.as_ref().clone() });
                self.events.push(NewEvent {
                    frame: frame.clone(),
                    keep: keep(&appended.message),
                    fingerprint: fingerprint.filter(|_| appended.reference.is_some()),
                    begins: begun_automation(&appended.message),
                });
                Some(frame)
            }
            ConversationEffect::Reply(_)
            | ConversationEffect::Broadcast(_)
            | ConversationEffect::Start(_)
            | ConversationEffect::Stop(_)
            | ConversationEffect::WakeAt(_) => None,
        };
        self.effects.push((effect, frame));
    }

    /// Takes out the run that is to begin.
    pub(super) fn take_start(&mut self) -> Option<StartTurn> {
        let is_start = |(effect, _): &_| matches!(effect, ConversationEffect::Start(_));
        let (effect, _) = self.effects.remove(self.effects.iter().position(is_start)?);
        match effect {
            ConversationEffect::Start(turn) => Some(*turn),
            _ => None,
        }
    }

    /// And then what `more` wants.
    pub(super) fn then(&mut self, more: Self) {
        self.effects.extend(more.effects);
        self.events.extend(more.events);
    }
}

/// Whether nothing is left of an event once its run is forgotten, so that no copy
/// need be kept of the conversation before it. Most events of a run are such, and they
/// wait for no sync, unless they begin an answer that is given again.
pub(super) fn changes_only_the_run(event: &ConversationEvent) -> bool {
    match event {
        ConversationEvent::Turn { event, .. } => match event.as_ref() {
            TurnEvent::Status(_) | TurnEvent::Citation(_) | TurnEvent::Delta { .. } | TurnEvent::Trace(_) => true,
            TurnEvent::Message(_) | TurnEvent::Action(_) | TurnEvent::Finished(_) => false,
        },
        ConversationEvent::Request { .. }
        | ConversationEvent::RunEnded { .. }
        | ConversationEvent::TabCame { .. }
        | ConversationEvent::TabUsed { .. }
        | ConversationEvent::TabLeft { .. }
        | ConversationEvent::Restored { .. }
        | ConversationEvent::Tick { .. } => false,
    }
}

/// The pieces of an answer pass; the whole one contains them. That an answer is given
/// again, only its beginning tells.
fn keep(message: &ServerMessage) -> Keep {
    match message {
        ServerMessage::MessageStarted(started) if started.run_id.is_some() && started.rev.is_none() => Keep::Passing,
        ServerMessage::MessageDelta(_) | ServerMessage::CitationAdded(_) => Keep::Passing,
        ServerMessage::MessageCompleted(message) if message.from_seq.is_some() => Keep::Whole,
        _ => Keep::Lasting,
    }
}

/// The automation whose steps begin with this event.
fn begun_automation(message: &ServerMessage) -> Option<AutomationId> {
    match message {
        ServerMessage::AutomationUpdated(updated) if updated.state == AutomationState::Running => {
            AutomationId::new(&updated.automation_id).ok()
        }
        _ => None,
    }
}

/// Puts the number into a stored frame, which is an object with other members.
pub(super) fn numbered(seq: u64, frame: &str) -> String {
    format!("{{\"seq\":{seq},{}", frame.strip_prefix('{').unwrap_or(frame))
}
