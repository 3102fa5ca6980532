//! Steps a conversation, stores what happened, and tells everyone who follows.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep_until;

use super::{Core, Inside, Room, not_stored};
use crate::agent::turn_event::TurnEvent;
use crate::domain::ids::{AutomationId, RunId};
use crate::ports::conversation_store::{Keep, NewEvent, StoreError};
use crate::protocol::automation::AutomationState;
use crate::protocol::error_code::ErrorCode;
use crate::protocol::server_message::{Ack, CommandError, ServerFrame, ServerMessage};
use crate::server::budgets::{Budgets, Reservation};
use crate::server::outbox::{Outbox, Outgoing, encode};
use crate::server::throttles::begins_turn;
use crate::session::conversation::command::{Command, Request};
use crate::session::conversation::run::{RunEnd, unstored_end};
use crate::session::conversation::{self, Conversation, ConversationEffect, ConversationEvent};
use crate::session::moment::Moment;

/// How often an action is expired that cannot be stored as expired, and how far apart.
const EXPIRY_ATTEMPTS: u32 = 30;
const EXPIRY_PAUSE: Duration = Duration::from_secs(2);

impl Core {
    pub(super) async fn request(
        self: &Arc<Self>,
        room: &Arc<Room>,
        mut request: Box<Request>,
        outbox: &Arc<Outbox>,
    ) -> Option<Ack> {
        let mut inside = room.inner.lock().await;
        let before = inside.conversation.clone()?;
        if let Command::Claim { action, setup, preflight } = &mut request.command
            && let Some(offered) = before.pending_action(action)
        {
            *preflight =
                self.answerer.check_action(offered, &setup.context, &setup.capabilities, self.clock.now().timestamp());
        }
        if let Command::Say(say) = &mut request.command
            && before.is_asking()
        {
            say.is_question = self.answerer.is_phrase(&say.text, &say.setup.context);
        }
        let mut reservation = Vec::new();
        if request.refusal.is_none() && begins_turn(&request.command) {
            match self.reserve_turn(room).await {
                Ok(reserved) => reservation = reserved,
                Err(refusal) => request.refusal = Some(refusal),
            }
        }
        let id = request.id.clone();
        let project = self.answerer.published().project;
        let event = ConversationEvent::Request { request, project, now: self.clock.now() };
        match self.step_and_store(room, &mut inside, vec![event]).await {
            Ok(effects) => {
                let begins = effects.iter().any(|(effect, _)| matches!(effect, ConversationEffect::Start(_)));
                reservation.into_iter().filter(|_| begins).for_each(Reservation::keep);
                self.carry_out(room, &inside, effects, Some(outbox))
            }
            Err(error) => {
                inside.conversation = Some(before);
                room.note_run(&inside);
                outbox.push(answer(id, not_stored(&error)));
                None
            }
        }
    }

    /// Counts a turn of the room's user and of the project, where turns are counted; else
    /// why none may begin.
    async fn reserve_turn(&self, room: &Room) -> Result<Vec<Reservation>, CommandError> {
        if self.tracker.is_closed() {
            return Err(CommandError::new(ErrorCode::Internal, "the server is shutting down"));
        }
        let daily = self.settings.now().daily_turns;
        let of_user =
            daily.user.or_else(|| self.answerer.published().project.settings.daily_turns_per_user.map(u64::from));
        let of_person = if room.user.as_str().starts_with("anon-") { daily.visitor.or(of_user) } else { of_user };
        let now = self.clock.now();
        let mut reserved = Vec::new();
        for (user, most) in [(Some(&room.user), of_person), (None, daily.project)] {
            let Some(most) = most else { continue };
            match self.budgets.reserve(user, most, now).await.map_err(|error| not_stored(&error))? {
                Some(reservation) => reserved.push(reservation),
                None => {
                    let mut error = CommandError::new(ErrorCode::QuotaExceeded, "no more turns are left for today");
                    error.retry_after_ms = Some(Budgets::renewed_in_ms(now));
                    return Err(error);
                }
            }
        }
        Ok(reserved)
    }

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
            Ok(effects) => {
                self.carry_out(room, &inside, effects, None);
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
    ) -> Result<Vec<(ConversationEffect, Option<String>)>, StoreError> {
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
        let mut effects = Vec::new();
        let settings = self.settings.now();
        for event in events {
            let (next, wanted) = conversation::step(&settings.session, conversation, event);
            conversation = next;
            effects.extend(wanted);
        }
        drop(settings);
        let id = conversation.id().clone();
        let seq = conversation.seq();
        inside.conversation = Some(conversation);
        if inside.has_run() {
            room.note_run(inside);
        }
        let effects: Vec<_> = effects
            .into_iter()
            .map(|effect| {
                let frame = match &effect {
                    ConversationEffect::Append(frame) => {
                        Some(encode(&ServerFrame { seq: None, ..frame.as_ref().clone() }))
                    }
                    ConversationEffect::Reply(_)
                    | ConversationEffect::Broadcast(_)
                    | ConversationEffect::Start(_)
                    | ConversationEffect::Stop(_)
                    | ConversationEffect::WakeAt(_) => None,
                };
                (effect, frame)
            })
            .collect();
        let events: Vec<NewEvent> = effects
            .iter()
            .filter_map(|(effect, frame)| {
                let ConversationEffect::Append(appended) = effect else { return None };
                let fingerprint = fingerprint.filter(|_| appended.reference.is_some());
                let begins = begun_automation(&appended.message);
                Some(NewEvent { frame: frame.clone()?, keep: keep(&appended.message), fingerprint, begins })
            })
            .collect();
        if events.is_empty() {
            return Ok(effects);
        }
        // Before it is stored: after a crash between the two a person looks in vain, rather
        // than a user waits in vain.
        for (effect, _) in &effects {
            if let ConversationEffect::Append(frame) = effect
                && let ServerMessage::RunFinished(run) = &frame.message
            {
                self.hand_over(room, inside, run, frame.ts.as_deref());
            }
        }
        match self.store.append(&id, events).await.inspect_err(|_| self.metrics.unstored())? {
            last if last == seq => Ok(effects),
            last => Err(StoreError::Failed(format!("the log is at event {last}, the conversation at {seq}"))),
        }
    }

    pub(super) fn carry_out(
        self: &Arc<Self>,
        room: &Arc<Room>,
        inside: &Inside,
        effects: Vec<(ConversationEffect, Option<String>)>,
        requester: Option<&Arc<Outbox>>,
    ) -> Option<Ack> {
        let mut ack = None;
        for (effect, stored) in effects {
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
                    let core = self.clone();
                    let stop = room.begins(&turn.run);
                    self.tracker.spawn(core.drive(room.clone(), *turn, stop));
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

fn answer(reference: Option<String>, error: CommandError) -> Outgoing {
    Outgoing::new(&ServerFrame::answer(reference, ServerMessage::Error(error)))
}

/// Puts the number into a stored frame, which is an object with other members.
pub(super) fn numbered(seq: u64, frame: &str) -> String {
    format!("{{\"seq\":{seq},{}", frame.strip_prefix('{').unwrap_or(frame))
}
