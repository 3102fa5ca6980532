//! Runs, apart from the sockets that asked for them, with a watchdog: whatever the
//! agent does, `run.finished` is sent.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::publish::changes_only_the_run;
use super::{Core, Inside, Room};
use crate::agent::turn_event::{Phase, TurnEvent};
use crate::agent::turn_request::TurnRequest;
use crate::domain::ids::RunId;
use crate::ports::handover_desk::Handover;
use crate::protocol::run::RunFinished;
use crate::session::conversation::command::StartTurn;
use crate::session::conversation::run::RunEnd;
use crate::session::conversation::{Conversation, ConversationEvent};

/// Events of one run that wait to be stored.
const WAITING_EVENTS: usize = 64;
/// How long a question waits for its answer, to be stored with it.
const AT_ONCE: Duration = Duration::from_millis(5);

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

    /// Lets the agent begin a run.
    pub(super) fn begin(self: &Arc<Self>, room: &Arc<Room>, turn: StartTurn) -> Running {
        let StartTurn { run, question, message, plain, choice, setup } = turn;
        let started = Instant::now();
        let stop = room.begins(&run);
        let (sender, events) = mpsc::channel(WAITING_EVENTS);
        let mut request = TurnRequest {
            run: run.clone(),
            message,
            plain,
            history: Vec::new(),
            choice,
            context: setup.context,
            capabilities: setup.capabilities,
            now: self.clock.now().timestamp(),
            trace: setup.trace,
        };
        let (core, conversation) = (self.clone(), room.id.clone());
        // A task of its own, so that a panic in it ends this run and nothing else.
        let agent = self.tracker.spawn(async move {
            let answerer = &core.answerer;
            request.history = core.recall(&conversation, &question, answerer.recalled_messages()).await;
            answerer.run_turn(request, sender).await;
        });
        Running { run, started, stop, events, is_over: false, _agent: AbortOnDropHandle::new(agent) }
    }

    /// What the agent of `running` said, for the conversation.
    pub(super) fn turn_events(&self, running: &Running, said: Vec<TurnEvent>) -> Vec<ConversationEvent> {
        let (project, now) = (self.answerer.published().project, self.clock.now());
        let events = said.into_iter().map(|event| {
            let (run, project) = (running.run.clone(), project.clone());
            ConversationEvent::Turn { run, event: Box::new(event), project, now }
        });
        events.collect()
    }

    /// Lets happen what the agent said: its pieces first, then what has to be stored, in
    /// one go; `false` when the run cannot go on.
    async fn say(self: &Arc<Self>, room: &Arc<Room>, running: &Running, said: Vec<TurnEvent>) -> bool {
        let mut pieces = self.turn_events(running, said);
        let stored = pieces.split_off(pieces.iter().take_while(|event| changes_only_the_run(event)).count());
        for events in [pieces, stored] {
            if !events.is_empty() && !self.happen(room, &running.run, events).await {
                return false;
            }
        }
        true
    }

    /// Follows a run to its end.
    pub(super) async fn drive(self: Arc<Self>, room: Arc<Room>, mut running: Running) {
        let deadline = running.started + self.settings.now().run_timeout;
        let stop = running.stop.clone();
        let end = loop {
            let said = tokio::select! {
                biased;
                () = sleep_until(deadline) => break Some(RunEnd::TimedOut),
                () = self.stages.stop.cancelled() => break Some(RunEnd::ShutDown),
                // The conversation has ended the run already.
                () = stop.cancelled() => break None,
                said = running.next() => said,
            };
            if said.is_empty() {
                break Some(RunEnd::Crashed);
            }
            if !self.say(&room, &running, said).await || running.is_over {
                break None;
            }
        };
        if let Some(end) = end {
            tracing::warn!(
                run.id = running.run.as_str(),
                conversation.id = room.id.as_str(),
                reason = ?end,
                "run ended by the server"
            );
            self.end(&room, &running.run, end).await;
        }
        let mut inside = room.inner.lock().await;
        self.leave_run(&room, &mut inside, &running).await;
    }

    /// Leaves a run that has ended.
    pub(super) async fn leave_run(&self, room: &Room, inside: &mut Inside, running: &Running) {
        let took = running.started.elapsed();
        self.metrics.run_took(took);
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let (run, conversation) = (running.run.as_str(), room.id.as_str());
        tracing::debug!(run.id = run, conversation.id = conversation, duration_ms, "run finished");
        inside.followers.iter().for_each(|follower| follower.outbox.nudge());
        self.settle(room, inside).await;
    }
}

/// A run that the agent is at, until this is dropped.
pub(super) struct Running {
    run: RunId,
    started: Instant,
    stop: CancellationToken,
    events: mpsc::Receiver<TurnEvent>,
    /// Whether the agent has said that it is finished.
    is_over: bool,
    _agent: AbortOnDropHandle<()>,
}

impl Running {
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// What the agent says next, with all that came meanwhile; nothing when it says no more.
    async fn next(&mut self) -> Vec<TurnEvent> {
        let mut said = Vec::new();
        self.events.recv_many(&mut said, WAITING_EVENTS).await;
        self.is_over |= said.iter().any(|event| matches!(event, TurnEvent::Finished(_)));
        said
    }

    /// What the agent says before it would keep others waiting.
    pub(super) async fn at_once(&mut self) -> Vec<TurnEvent> {
        let mut said = Vec::new();
        let timeout = sleep(AT_ONCE);
        tokio::pin!(timeout);
        while said.len() < WAITING_EVENTS {
            let more = tokio::select! {
                biased;
                more = self.next() => more,
                () = &mut timeout => break,
            };
            let is_longer = more.is_empty() || more.contains(&TurnEvent::Status(Phase::Answering));
            said.extend(more);
            if self.is_over || is_longer {
                break;
            }
        }
        said
    }
}
