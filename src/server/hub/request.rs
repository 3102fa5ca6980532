//! Carries out what a connection asks of a conversation.

use std::sync::Arc;

use super::publish::Stepped;
use super::run::Running;
use super::{Core, Inside, Room, not_stored};
use crate::ports::conversation_store::StoreError;
use crate::protocol::error_code::ErrorCode;
use crate::protocol::server_message::{Ack, CommandError, ServerFrame, ServerMessage};
use crate::server::budgets::{Budgets, Reservation};
use crate::server::outbox::{Outbox, Outgoing};
use crate::server::throttles::begins_turn;
use crate::session::conversation::ConversationEvent;
use crate::session::conversation::command::{Command, Request};

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
        match self.take_up(room, &mut inside, event).await {
            Ok((stepped, running)) => {
                reservation.into_iter().filter(|_| running.is_some()).for_each(Reservation::keep);
                let ack = self.carry_out(room, &inside, stepped, Some(outbox));
                match running {
                    Some(running) if running.is_over() => self.leave_run(room, &mut inside, &running).await,
                    Some(running) => drop(self.tracker.spawn(self.clone().drive(room.clone(), running))),
                    None => {}
                }
                ack
            }
            Err(error) => {
                inside.conversation = Some(before);
                room.note_run(&inside);
                outbox.push(answer(id, not_stored(&error)));
                None
            }
        }
    }

    /// Steps and stores. When a run begins, the agent is at it meanwhile; what it says at
    /// once is stored together with the question, so that both wait for one sync.
    async fn take_up(
        self: &Arc<Self>,
        room: &Arc<Room>,
        inside: &mut Inside,
        event: ConversationEvent,
    ) -> Result<(Stepped, Option<Running>), StoreError> {
        let mut stepped = self.step(room, inside, vec![event])?;
        let mut running = stepped.take_start().map(|turn| self.begin(room, turn));
        if let Some(running) = &mut running {
            let said = running.at_once().await;
            stepped.then(self.step(room, inside, self.turn_events(running, said))?);
        }
        self.store(room, inside, &mut stepped).await?;
        Ok((stepped, running))
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
}

fn answer(reference: Option<String>, error: CommandError) -> Outgoing {
    Outgoing::new(&ServerFrame::answer(reference, ServerMessage::Error(error)))
}
