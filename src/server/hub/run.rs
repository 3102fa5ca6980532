//! Runs, apart from the sockets that asked for them, with a watchdog: whatever the
//! agent does, `run.finished` is sent.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::publish::changes_only_the_run;
use super::{Core, Inside, Room};
use crate::agent::turn_event::TurnEvent;
use crate::agent::turn_request::TurnRequest;
use crate::domain::ids::RunId;
use crate::ports::handover_desk::Handover;
use crate::protocol::run::RunFinished;
use crate::session::conversation::command::StartTurn;
use crate::session::conversation::run::RunEnd;
use crate::session::conversation::{Conversation, ConversationEvent};

/// Events of one run that wait to be stored.
const WAITING_EVENTS: usize = 64;

impl Core {
    /// Tells people of a run that handed its conversation over to them.
    pub(super) fn hand_over(&self, room: &Room, inside: &Inside, run: &RunFinished, at: Option<&str>) {
        let Some((desk, reason)) = self.desk.as_ref().zip(run.handover_reason.as_ref()) else { return };
        let handover = Handover {
            id: run.run_id.clone(),
            conversation: room.id.to_string(),
            user: room.user.to_string(),
            reason: reason.clone(),
            question: inside.conversation.as_ref().and_then(Conversation::question).unwrap_or_default().to_owned(),
            at: at.unwrap_or_default().to_owned(),
        };
        if let Err(error) = desk.take_in(&handover) {
            tracing::error!(run.id = run.run_id, %error, "nobody is told of a handover");
        }
    }

    /// Lets happen what the agent said: its pieces first, then what has to be stored, in
    /// one go; `false` when the run cannot go on.
    async fn say(self: &Arc<Self>, room: &Arc<Room>, run: &RunId, said: Vec<TurnEvent>) -> bool {
        let (project, now) = (self.answerer.published().project, self.clock.now());
        let mut pieces: Vec<ConversationEvent> = said
            .into_iter()
            .map(|event| {
                let (run, project) = (run.clone(), project.clone());
                ConversationEvent::Turn { run, event: Box::new(event), project, now }
            })
            .collect();
        let stored = pieces.split_off(pieces.iter().take_while(|event| changes_only_the_run(event)).count());
        for events in [pieces, stored] {
            if !events.is_empty() && !self.happen(room, run, events).await {
                return false;
            }
        }
        true
    }

    pub(super) async fn drive(self: Arc<Self>, room: Arc<Room>, turn: StartTurn, stop: CancellationToken) {
        let StartTurn { run, message, plain, choice, setup } = turn;
        let started = Instant::now();
        let deadline = started + self.settings.now().run_timeout;
        let (sender, mut events) = mpsc::channel(WAITING_EVENTS);
        let history = self.recall(&room.id, self.answerer.recalled_messages()).await;
        let request = TurnRequest {
            run: run.clone(),
            message,
            plain,
            history,
            choice,
            context: setup.context,
            capabilities: setup.capabilities,
            now: self.clock.now().timestamp(),
            trace: setup.trace,
        };
        let answerer = self.answerer.clone();
        // A task of its own, so that a panic in it ends this run and nothing else.
        let agent = self.tracker.spawn(async move { answerer.run_turn(request, sender).await });
        let end = loop {
            let event = tokio::select! {
                biased;
                () = sleep_until(deadline) => break Some(RunEnd::TimedOut),
                () = self.stages.stop.cancelled() => break Some(RunEnd::ShutDown),
                // The conversation has ended the run already.
                () = stop.cancelled() => break None,
                event = events.recv() => event,
            };
            let Some(event) = event else { break Some(RunEnd::Crashed) };
            // With all that came meanwhile.
            let mut said = vec![event];
            while said.len() < WAITING_EVENTS
                && let Ok(event) = events.try_recv()
            {
                said.push(event);
            }
            let is_last = said.iter().any(|event| matches!(event, TurnEvent::Finished(_)));
            if !self.say(&room, &run, said).await || is_last {
                break None;
            }
        };
        agent.abort();
        let conversation = room.id.as_str();
        self.metrics.run_took(started.elapsed());
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        match end {
            None => tracing::debug!(run.id = run.as_str(), conversation.id = conversation, duration_ms, "run finished"),
            Some(end) => {
                tracing::warn!(
                    run.id = run.as_str(),
                    conversation.id = conversation,
                    duration_ms,
                    reason = ?end,
                    "run ended by the server"
                );
                self.end(&room, &run, end).await;
            }
        }
        let mut inside = room.inner.lock().await;
        inside.followers.iter().for_each(|follower| follower.outbox.nudge());
        self.settle(&room, &mut inside).await;
    }
}
