//! Runs: what the agent produces becomes events, and every run ends exactly once.

use super::{Conversation, ConversationEffect, push_bounded};
use crate::agent::turn_event::{AgentMessage, Phase, TurnEvent, TurnFault, TurnFinish};
use crate::domain::action::ActionKind;
use crate::domain::conversation::{Citation, Outcome};
use crate::domain::ids::{ClientId, MessageId, RunId};
use crate::domain::project::Project;
use crate::protocol::convert::answer;
use crate::protocol::error_code::ErrorCode;
use crate::protocol::message::{CitationAdded, MessageCompleted, MessageDelta, MessageStarted, QuickReply, Role};
use crate::protocol::run::{RunError, RunFinished, RunPhase, RunStatus, RunTrace, Usage};
use crate::protocol::server_message::{ServerFrame, ServerMessage};
use crate::session::moment::Moment;
use crate::session::settings::SessionSettings;

/// A run that goes on.
#[derive(Clone, Debug)]
pub struct Run {
    id: RunId,
    pub(super) message: MessageId,
    pub(super) client: ClientId,
    pub(super) capabilities: Vec<ActionKind>,
    pub(super) offered: u32,
    /// Which attempt at its answer it is, from 1.
    rev: u32,
    /// Whether `message.started` was sent.
    started: bool,
    /// Whether the agent's `message.completed` was sent.
    completed: bool,
    /// What was streamed, for the case that the run breaks off.
    text: String,
    citations: Vec<Citation>,
    /// Number of the first event that the whole answer contains.
    first_contained: Option<u64>,
}

/// Why a run came to its end without the agent saying so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// It took too long.
    TimedOut,
    /// The agent broke down.
    Crashed,
    /// The server is shutting down.
    ShutDown,
    /// Its events can no longer be stored.
    StorageFailed,
    /// The user stopped it.
    Cancelled,
    /// The server ended while it went on.
    Lost,
}

impl Run {
    pub(super) fn new(fresh: &str, client: ClientId, capabilities: Vec<ActionKind>) -> Self {
        Self {
            id: RunId::new(&format!("run-{fresh}")).expect("a ULID makes an identifier"),
            message: MessageId::new(&format!("answer-{fresh}")).expect("a ULID makes an identifier"),
            client,
            capabilities,
            offered: 0,
            rev: 1,
            started: false,
            completed: false,
            text: String::new(),
            citations: Vec::new(),
            first_contained: None,
        }
    }

    /// A run that gives an answer again, as attempt `rev`.
    pub(super) fn again(
        fresh: &str,
        client: ClientId,
        capabilities: Vec<ActionKind>,
        (message, rev): (MessageId, u32),
    ) -> Self {
        Self { message, rev, ..Self::new(fresh, client, capabilities) }
    }

    /// A run that a log tells of; what it said is lost.
    pub(super) fn restored(id: RunId) -> Self {
        let fresh = id.as_str().trim_start_matches("run-").to_owned();
        let nobody = ClientId::new("gone").expect("a word makes an identifier");
        Self { id, ..Self::new(&fresh, nobody, Vec::new()) }
    }

    /// Its answer is given in place of an earlier one.
    pub(super) fn resume_message(&mut self, message: Option<MessageId>, rev: Option<u32>) {
        self.rev = rev.unwrap_or(1);
        self.message = message.unwrap_or_else(|| self.message.clone());
    }

    /// Its answer was there.
    pub(super) fn message_is_complete(&mut self) {
        self.completed = true;
    }

    /// Its identifier.
    pub fn id(&self) -> &RunId {
        &self.id
    }
}

/// The end of a run that nobody can be told about in the log.
pub fn unstored_end(run: &RunId) -> ServerFrame {
    let error = RunError { code: ErrorCode::StorageUnavailable, message: "the answer cannot be stored".to_owned() };
    ServerFrame::notice(ServerMessage::RunFinished(RunFinished {
        run_id: run.to_string(),
        kind: None,
        outcome: crate::protocol::run::RunOutcome::Failed,
        answer_id: None,
        degraded: false,
        handover_reason: None,
        error: Some(error),
        usage: None,
    }))
}

impl Conversation {
    pub(super) fn turn(
        &mut self,
        settings: &SessionSettings,
        run: &RunId,
        event: TurnEvent,
        project: &Project,
        now: Moment,
        effects: &mut Vec<ConversationEffect>,
    ) {
        // What an ended run still says is too late.
        if self.active_run() != Some(run) {
            return;
        }
        match event {
            TurnEvent::Status(phase) => {
                let phase = match phase {
                    Phase::Retrieving => RunPhase::Retrieving,
                    Phase::Answering => RunPhase::Answering,
                };
                broadcast(ServerMessage::RunStatus(RunStatus { run_id: run.to_string(), phase }), effects);
            }
            TurnEvent::Trace(trace) => {
                let trace = RunTrace { run_id: run.to_string(), trace: trace.as_ref().clone() };
                broadcast(ServerMessage::RunTrace(trace), effects);
            }
            TurnEvent::Citation(citation) => self.cite(citation, now, effects),
            TurnEvent::Delta { text, cites } => self.stream(settings, text, cites, now, effects),
            TurnEvent::Message(message) => self.complete(settings, message, Outcome::Completed, now, effects),
            TurnEvent::Action(offered) => self.offer(settings, offered, project, now, effects),
            TurnEvent::Finished(finish) => self.finish(settings, finish, None, now, effects),
        }
    }

    pub(super) fn end_run(
        &mut self,
        settings: &SessionSettings,
        run: &RunId,
        end: RunEnd,
        now: Moment,
        effects: &mut Vec<ConversationEffect>,
    ) {
        if self.active_run() != Some(run) {
            return;
        }
        let (outcome, code, message) = match end {
            RunEnd::TimedOut => (Outcome::Interrupted, ErrorCode::ModelTimeout, "the answer took too long"),
            RunEnd::Crashed => (Outcome::Failed, ErrorCode::Internal, "the answer failed"),
            RunEnd::ShutDown => (Outcome::Interrupted, ErrorCode::Internal, "the server is shutting down"),
            RunEnd::StorageFailed => {
                (Outcome::Interrupted, ErrorCode::StorageUnavailable, "the answer cannot be stored")
            }
            RunEnd::Lost => (Outcome::Interrupted, ErrorCode::Internal, "the server ended before the answer did"),
            RunEnd::Cancelled => (Outcome::Cancelled, ErrorCode::Internal, ""),
        };
        let finish =
            TurnFinish { kind: None, answer: None, outcome, degraded: false, fault: None, handover: None, usage: None };
        let error = (end != RunEnd::Cancelled).then(|| RunError { code, message: message.to_owned() });
        self.finish(settings, finish, error, now, effects);
    }

    fn start_message(&mut self, now: Moment, effects: &mut Vec<ConversationEffect>) {
        let Some(run) = self.run.as_mut().filter(|run| !run.started) else { return };
        run.started = true;
        let rev = (run.rev > 1).then_some(run.rev);
        let message_id = run.message.to_string();
        let started = MessageStarted { message_id, role: Role::Agent, run_id: Some(run.id.to_string()), rev };
        let seq = self.append(ServerMessage::MessageStarted(started), None, now, effects);
        if rev.is_none() {
            self.contained(seq);
        }
    }

    /// Notes that the whole answer will contain event number `seq`.
    fn contained(&mut self, seq: u64) {
        if let Some(run) = self.run.as_mut() {
            run.first_contained.get_or_insert(seq);
        }
    }

    fn cite(&mut self, citation: Citation, now: Moment, effects: &mut Vec<ConversationEffect>) {
        self.start_message(now, effects);
        let Some(run) = self.run.as_mut().filter(|run| !run.completed) else { return };
        let added = CitationAdded { message_id: run.message.to_string(), citation: answer::citation(&citation) };
        run.citations.push(citation);
        let seq = self.append(ServerMessage::CitationAdded(added), None, now, effects);
        self.contained(seq);
    }

    fn stream(
        &mut self,
        settings: &SessionSettings,
        text: String,
        cites: Vec<u32>,
        now: Moment,
        effects: &mut Vec<ConversationEffect>,
    ) {
        self.start_message(now, effects);
        let Some(run) = self.run.as_mut().filter(|run| !run.completed) else { return };
        if run.text.len() + text.len() > settings.answer_bytes {
            return;
        }
        run.text.push_str(&text);
        let message_id = run.message.to_string();
        let delta = MessageDelta { message_id, delta: text, cites, from_seq: None };
        let seq = self.append(ServerMessage::MessageDelta(delta), None, now, effects);
        self.contained(seq);
    }

    fn complete(
        &mut self,
        settings: &SessionSettings,
        message: AgentMessage,
        outcome: Outcome,
        now: Moment,
        effects: &mut Vec<ConversationEffect>,
    ) {
        self.start_message(now, effects);
        let Some(run) = self.run.as_mut().filter(|run| !run.completed) else { return };
        run.completed = true;
        let mut text = message.text;
        let mut end = settings.answer_bytes.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        let prefix = run.id.as_str().to_owned();
        let answer_id = run.message.clone();
        let mut quick_replies = Vec::new();
        for (reply, answer) in message.quick_replies {
            // Replies are named within one turn; the run makes the name unique.
            let id = format!("{prefix}:{}", reply.id);
            if let Some(answer) = answer {
                push_bounded(&mut self.quick_replies, (id.clone(), answer), settings.remembered_answers);
            }
            quick_replies.push(QuickReply { id, text: reply.text });
        }
        let completed = MessageCompleted {
            message_id: answer_id.to_string(),
            role: Role::Agent,
            text,
            citations: message.citations.iter().map(answer::citation).collect(),
            quick_replies,
            finish_reason: answer::finish_reason(outcome),
            from_seq: self.run.as_ref().and_then(|run| run.first_contained),
            run_id: Some(prefix),
        };
        let seq = self.append(ServerMessage::MessageCompleted(Box::new(completed)), None, now, effects);
        self.answers.retain(|(answer, _)| *answer != answer_id);
        push_bounded(&mut self.answers, (answer_id, seq), settings.remembered_answers);
    }

    fn finish(
        &mut self,
        settings: &SessionSettings,
        finish: TurnFinish,
        error: Option<RunError>,
        now: Moment,
        effects: &mut Vec<ConversationEffect>,
    ) {
        if let Some(run) = self.run.as_mut().filter(|run| run.started && !run.completed) {
            let text = std::mem::take(&mut run.text);
            let citations = std::mem::take(&mut run.citations);
            let outcome = match finish.outcome {
                Outcome::Cancelled => Outcome::Cancelled,
                Outcome::Completed | Outcome::Interrupted | Outcome::Failed => Outcome::Interrupted,
            };
            let message = AgentMessage { text, citations, quick_replies: Vec::new() };
            self.complete(settings, message, outcome, now, effects);
        }
        let Some(run) = self.run.take() else { return };
        let error = error.or_else(|| finish.fault.map(run_error)).or_else(|| {
            (finish.outcome == Outcome::Failed)
                .then(|| RunError { code: ErrorCode::Internal, message: "the answer failed".to_owned() })
        });
        let finished = RunFinished {
            run_id: run.id.to_string(),
            kind: finish.kind.map(answer::run_kind),
            outcome: answer::run_outcome(finish.outcome),
            answer_id: finish.answer.map(|answer| answer.to_string()),
            degraded: finish.degraded,
            handover_reason: finish.handover.map(|reason| reason.name().to_owned()),
            error,
            usage: finish.usage.map(|usage| Usage { input_tokens: usage.input, output_tokens: usage.output }),
        };
        self.append(ServerMessage::RunFinished(finished), None, now, effects);
    }
}

fn run_error(fault: TurnFault) -> RunError {
    let (code, message) = match fault {
        TurnFault::ModelUnavailable => (ErrorCode::ModelUnavailable, "the language model failed"),
        TurnFault::ModelTimeout => (ErrorCode::ModelTimeout, "the language model took too long"),
        TurnFault::ContentBlocked => (ErrorCode::ContentBlocked, "the language model may not go on"),
        TurnFault::UsageLimit => (ErrorCode::QuotaExceeded, "no more may be spent on answers today"),
    };
    RunError { code, message: message.to_owned() }
}

fn broadcast(message: ServerMessage, effects: &mut Vec<ConversationEffect>) {
    effects.push(ConversationEffect::Broadcast(Box::new(ServerFrame::notice(message))));
}
