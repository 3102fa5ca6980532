//! Whatever happens in whatever order: no number is skipped, every run ends once,
//! every action is granted once, and an automation does each of its steps once.

use std::sync::Arc;

use docent::agent::turn_event::{AgentMessage, Phase, TurnEvent, TurnFinish};
use docent::domain::conversation::{AnswerKind, Choice, Citation, Outcome, QuickReply};
use docent::domain::ids::{ActionId, AnswerId, ArticleId, ClientId, ConversationId, MessageId, RunId};
use docent::ports::conversation_store::StoredEvent;
use docent::protocol::action::ActionStatus;
use docent::protocol::launch::{LaunchMode, LaunchSource, LaunchSourceKind};
use docent::protocol::message::FeedbackValue;
use docent::protocol::server_message::{ServerFrame, ServerMessage};
use docent::session::conversation::command::{Command, Feedback, Launch, Report, Request, Say};
use docent::session::conversation::run::RunEnd;
use docent::session::conversation::tab::Visitor;
use docent::session::conversation::{Conversation, ConversationEffect, ConversationEvent, step};
use docent::session::moment::Moment;
use docent::session::settings::SessionSettings;
use proptest::prelude::*;

use crate::product::{offered, project, setup};
use crate::seen::Seen;

/// One thing that happens; numbers choose among what there is.
#[derive(Clone, Debug)]
enum Move {
    Say {
        id: u8,
        text: u8,
    },
    Launch {
        id: u8,
        mode: u8,
    },
    Claim {
        action: u8,
        client: u8,
        eligible: bool,
        id: u8,
    },
    Report {
        action: u8,
        client: u8,
        status: u8,
    },
    Judge {
        message: u8,
    },
    Turn {
        run: u8,
        event: u8,
    },
    End {
        run: u8,
        end: u8,
    },
    Cancel {
        run: u8,
    },
    Read {
        seq: u8,
    },
    Regenerate {
        message: u8,
    },
    Tick {
        later: u16,
    },
    Come {
        client: u8,
    },
    Leave {
        client: u8,
    },
    /// What brings an automation on: its claim, the answer to its question, a step.
    Proceed {
        id: u8,
    },
    /// The process ends and another one takes the conversation from its log.
    Crash,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        3 => (any::<u8>(), 0..6_u8).prop_map(|(id, text)| Move::Say { id: id % 24, text }),
        1 => (any::<u8>(), 0..3_u8).prop_map(|(id, mode)| Move::Launch { id: id % 24, mode }),
        2 => (0..12_u8, 0..2_u8, any::<bool>(), any::<u8>())
            .prop_map(|(action, client, eligible, id)| Move::Claim { action, client, eligible, id: 100 + id % 24 }),
        2 => (0..12_u8, 0..2_u8, 0..6_u8).prop_map(|(action, client, status)| Move::Report { action, client, status }),
        1 => (0..6_u8).prop_map(|message| Move::Judge { message }),
        12 => (0..3_u8, 0..16_u8).prop_map(|(run, event)| Move::Turn { run, event }),
        1 => (0..3_u8, 0..4_u8).prop_map(|(run, end)| Move::End { run, end }),
        1 => (0..3_u8).prop_map(|run| Move::Cancel { run }),
        1 => any::<u8>().prop_map(|seq| Move::Read { seq }),
        2 => (0..2_u8).prop_map(|message| Move::Regenerate { message }),
        1 => any::<u16>().prop_map(|later| Move::Tick { later }),
        2 => (0..2_u8).prop_map(|client| Move::Come { client }),
        1 => (0..2_u8).prop_map(|client| Move::Leave { client }),
        6 => any::<u8>().prop_map(|id| Move::Proceed { id }),
        1 => Just(Move::Crash),
    ];
    prop::collection::vec(one, 1..120)
}

fn turn_event(at: u8) -> TurnEvent {
    let citation = Citation {
        number: 1,
        article: ArticleId::new("a").expect("an id"),
        title: String::new(),
        url: String::new(),
        snippet: String::new(),
    };
    match at {
        0 => TurnEvent::Status(Phase::Answering),
        1 => TurnEvent::Citation(citation),
        2 | 3 => TurnEvent::Delta { text: "piece ".to_owned(), cites: vec![1] },
        4 => TurnEvent::Message(AgentMessage {
            text: "whole".to_owned(),
            citations: vec![citation],
            quick_replies: vec![(
                QuickReply { id: "q".to_owned(), text: "q".to_owned() },
                AnswerId::new("x").ok().map(Choice::Answer),
            )],
        }),
        8.. => TurnEvent::Action(offered(at)),
        6 => TurnEvent::Trace(Arc::new(serde_json::Value::Null)),
        _ => TurnEvent::Finished(TurnFinish {
            kind: Some(AnswerKind::Knowledge),
            answer: None,
            outcome: Outcome::Completed,
            degraded: false,
            fault: None,
            handover: None,
            usage: None,
        }),
    }
}

fn event_of(made: &Move, at: usize, seen: &Seen, now: Moment) -> ConversationEvent {
    let client = |n: u8| ClientId::new(&format!("tab-{n}")).expect("an id");
    let request = |id: Option<String>, client: ClientId, fingerprint: u64, command: Command| {
        let request = Request { id, fingerprint, fresh: format!("{at:026}"), client, command, refusal: None };
        ConversationEvent::Request { request: Box::new(request), project: project(), now }
    };
    let run = |at: u8| RunId::new(&Seen::choose(&seen.runs, at)).expect("an id");
    match made.clone() {
        Move::Say { id, text } => {
            let text = usize::from(text);
            let said = ["pro", "yes", "no", "cancel", "how many of them may I have in all?", "gold"][text];
            let say = Say { text: said.to_owned(), quick_reply: None, is_question: false, setup: setup() };
            request(Some(format!("c{id}")), client(0), text as u64, Command::Say(say))
        }
        Move::Launch { id, mode } => {
            let launch = Launch {
                plain: None,
                text: "go".to_owned(),
                missing: Vec::new(),
                mode: [LaunchMode::Send, LaunchMode::Prefill, LaunchMode::Open][usize::from(mode)],
                source: LaunchSource { kind: LaunchSourceKind::Cta, experience_id: None, step_id: None },
                announce: false,
                setup: setup(),
            };
            request(Some(format!("c{id}")), client(0), 1_000 + u64::from(mode), Command::Launch(Box::new(launch)))
        }
        Move::Claim { action, client: tab, eligible, id } => {
            let name = Seen::choose(&seen.actions, action);
            let action = ActionId::new(&name).expect("an id");
            let preflight = if eligible { Ok(()) } else { Err("no".to_owned()) };
            let command = Command::Claim { action, setup: setup(), preflight };
            request(Some(format!("c{id}-{name}")), client(tab), 7, command)
        }
        Move::Report { action, client: tab, status } => {
            let status = [
                ActionStatus::Succeeded,
                ActionStatus::Failed,
                ActionStatus::Declined,
                ActionStatus::Unsupported,
                ActionStatus::Blocked,
                ActionStatus::Expired,
            ][usize::from(status)];
            let action = ActionId::new(&Seen::choose(&seen.actions, action)).expect("an id");
            let report = Report { action, status, code: None, detail: None, duration_ms: None };
            request(None, client(tab), 0, Command::Report(report))
        }
        Move::Judge { message } => {
            let message = MessageId::new(&Seen::choose(&seen.answers, message)).expect("an id");
            let feedback = Feedback { message, value: Some(FeedbackValue::Up), reason: None, comment: None };
            request(None, client(0), 0, Command::Judge(feedback))
        }
        Move::Turn { run: which, event } => {
            ConversationEvent::Turn { run: run(which), event: Box::new(turn_event(event)), project: project(), now }
        }
        Move::End { run: which, end } => {
            let end = [RunEnd::TimedOut, RunEnd::Crashed, RunEnd::ShutDown, RunEnd::StorageFailed][usize::from(end)];
            ConversationEvent::RunEnded { run: run(which), end, now }
        }
        Move::Cancel { run: which } => request(None, client(0), 0, Command::Cancel(run(which))),
        Move::Regenerate { message } => {
            let message = MessageId::new(&Seen::choose(&seen.answers, message)).expect("an id");
            request(None, client(0), 0, Command::Regenerate { message, setup: setup() })
        }
        Move::Read { seq } => request(None, client(0), 0, Command::Read(u64::from(seq))),
        Move::Crash => match &seen.open_run {
            Some(run) => ConversationEvent::RunEnded { run: RunId::new(run).expect("an id"), end: RunEnd::Lost, now },
            None => ConversationEvent::Restored { now },
        },
        Move::Come { client: tab } => {
            let visitor = Visitor { client: client(tab), capabilities: setup().capabilities };
            ConversationEvent::TabCame { visitor, now }
        }
        Move::Proceed { id } => {
            let (who, command) = seen.proceed(id);
            request(Some(format!("p{at}")), ClientId::new(&who).expect("an id"), 9, command)
        }
        Move::Leave { client: tab } => ConversationEvent::TabLeft { client: client(tab), now },
        Move::Tick { .. } => ConversationEvent::Tick { now },
    }
}

/// Whether an event is there after a crash.
fn lasts(event: &StoredEvent) -> bool {
    let frame = &event.frame;
    let begins = frame.contains("message.started") && frame.contains("run_id") && !frame.contains("rev\"");
    !begins && !frame.contains("message.delta") && !frame.contains("citation.added")
}

#[test]
fn a_repetition_that_is_lost_leaves_the_answer_as_it_was() {
    let (settings, now) = (SessionSettings::default(), Moment(1_700_000_000_000));
    let id = ConversationId::new("conv-1").expect("an id");
    let (mut conversation, mut seen, mut log) =
        (Conversation::new(id.clone(), "e1".to_owned()), Seen::default(), Vec::new());
    let moves = [
        Move::Say { id: 1, text: 4 },
        Move::Turn { run: 0, event: 4 },
        Move::Turn { run: 0, event: 5 },
        Move::Regenerate { message: 0 },
        Move::Crash,
        Move::Regenerate { message: 0 },
    ];
    let mut told: Vec<Vec<String>> = Vec::new();
    for (at, made) in moves.iter().enumerate() {
        if let Move::Crash = made {
            log.retain(lasts);
            conversation = Conversation::restore(&settings, id.clone(), "e2".to_owned(), seen.seq, &log);
        }
        let (next, effects) = step(&settings, conversation, event_of(made, at, &seen, now));
        conversation = next;
        let mut types = Vec::new();
        for effect in &effects {
            let ConversationEffect::Append(frame) = effect else { continue };
            seen.event(frame);
            let frame = serde_json::to_value(frame.as_ref()).expect("JSON");
            types.push(frame["type"].as_str().expect("a type").to_owned());
            log.push(StoredEvent { seq: seen.seq, frame: frame.to_string(), fingerprint: None });
        }
        told.push(types);
    }
    assert_eq!(told[3], ["run.started"]);
    assert_eq!(told[4], ["run.finished"], "no answer is made up");
    assert_eq!(told[5], ["run.started"], "it can be asked for again");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn the_log_is_sound_whatever_happens(moves in moves()) {
        let settings = SessionSettings { open_actions: 4, remembered_commands: 8, ..SessionSettings::default() };
        let id = ConversationId::new("conv-1").expect("an id");
        let mut conversation = Conversation::new(id, "e".to_owned());
        let mut seen = Seen::default();
        let mut now = Moment(1_700_000_000_000);
        let mut log = Vec::new();
        for (at, made) in moves.iter().enumerate() {
            if let Move::Tick { later } = made {
                now = now.plus(u64::from(*later));
            }
            if let Move::Crash = made {
                // Pieces of an answer are lost, and with them their numbers.
                log.retain(lasts);
                seen.seq = log.last().map_or(0, |event| event.seq);
                let id = conversation.id().clone();
                let before = conversation;
                conversation = Conversation::restore(&settings, id, format!("e{at}"), seen.seq, &log);
                for action in &seen.actions {
                    let action = ActionId::new(action).expect("an id");
                    prop_assert_eq!(conversation.pending_action(&action), before.pending_action(&action));
                }
                prop_assert_eq!(conversation.active_run().map(ToString::to_string), seen.open_run.clone());
            }
            let event = event_of(made, at, &seen, now);
            let fingerprint = match &event {
                ConversationEvent::Request { request, .. } => Some(request.fingerprint),
                _ => None,
            };
            let command = match &event {
                ConversationEvent::Request { request, .. } => request.id.clone(),
                _ => None,
            };
            let is_request = matches!(event, ConversationEvent::Request { .. });
            let (next, effects) = step(&settings, conversation, event);
            conversation = next;
            let mut replies = 0;
            let mut appended = false;
            for effect in &effects {
                match effect {
                    ConversationEffect::Append(frame) => {
                        appended = true;
                        seen.event(frame);
                        let stored = ServerFrame { seq: None, ..frame.as_ref().clone() };
                        log.push(StoredEvent {
                            seq: seen.seq,
                            frame: serde_json::to_string(&stored).expect("JSON"),
                            fingerprint: fingerprint.filter(|_| stored.reference.is_some()),
                        });
                    }
                    ConversationEffect::Reply(frame) => {
                        replies += 1;
                        prop_assert!(!appended, "the answer comes before its events");
                        prop_assert_eq!(&frame.reference, &command);
                        if let (ServerMessage::Ack(ack), Some(id)) = (&frame.message, &command)
                            && !ack.duplicate
                        {
                            *seen.acked.entry(id.clone()).or_default() += 1;
                        }
                    }
                    ConversationEffect::Start(start) => {
                        prop_assert_eq!(Some(&start.run), conversation.active_run());
                    }
                    ConversationEffect::Broadcast(frame) => prop_assert_eq!(frame.seq, None),
                    ConversationEffect::Stop(run) => {
                        prop_assert!(seen.finished.contains(run.as_str()), "what is stopped has ended");
                    }
                    ConversationEffect::WakeAt(moment) => prop_assert!(*moment > now),
                }
            }
            prop_assert_eq!(replies, u32::from(is_request), "every command is answered once");
            prop_assert_eq!(conversation.seq(), seen.seq);
            prop_assert_eq!(conversation.active_run().map(ToString::to_string), seen.open_run.clone());
        }
        let end = ConversationEvent::RunEnded {
            run: RunId::new(&Seen::choose(&seen.runs, 0)).expect("an id"),
            end: RunEnd::ShutDown,
            now,
        };
        let (_, effects) = step(&settings, conversation, end);
        for effect in &effects {
            if let ConversationEffect::Append(frame) = effect {
                seen.event(frame);
            }
        }
        prop_assert_eq!(seen.runs.len(), seen.finished.len(), "every run has ended");
    }
}
