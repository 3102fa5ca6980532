//! Whatever happens in whatever order: no number is skipped, every run ends once,
//! every action is granted once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use docent::agent::turn_event::{ActionOrigin, AgentMessage, OfferedAction, Phase, TurnEvent, TurnFinish};
use docent::domain::action::{Action, ActionKind, Navigate, OpenIn, RunAutomation, RunJs, Snooze, StepTarget};
use docent::domain::attribute::Template;
use docent::domain::automation::argument::{Argument, ArgumentKind};
use docent::domain::automation::{AgentUse, Arguments, Automation, AutomationStep, Risk};
use docent::domain::conversation::{AnswerKind, Citation, Link, Outcome, QuickReply};
use docent::domain::experience::Status;
use docent::domain::ids::{
    ActionId, AnswerId, ArticleId, AutomationId, ClientId, ConversationId, ExperienceId, HandlerName, MessageId,
    PostId, RunId, StepId, UserId,
};
use docent::domain::locale::Locale;
use docent::domain::page::Page;
use docent::domain::project::{Policy, Project, Settings};
use docent::domain::user::UserContext;
use docent::domain::value::Value;
use docent::ports::conversation_store::StoredEvent;
use docent::protocol::action::{Action as WireAction, ActionState, ActionStatus, Execution};
use docent::protocol::automation::{AutomationState, AutomationUpdated};
use docent::protocol::launch::{LaunchMode, LaunchSource, LaunchSourceKind};
use docent::protocol::message::{FeedbackValue, Role};
use docent::protocol::server_message::{ServerFrame, ServerMessage};
use docent::session::conversation::command::{Command, Feedback, Launch, Report, Request, Say, TurnSetup};
use docent::session::conversation::run::RunEnd;
use docent::session::conversation::tab::Visitor;
use docent::session::conversation::{Conversation, ConversationEffect, ConversationEvent, step};
use docent::session::moment::Moment;
use docent::session::settings::SessionSettings;
use proptest::prelude::*;

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

#[derive(Default)]
struct Seen {
    seq: u64,
    runs: Vec<String>,
    open_run: Option<String>,
    finished: HashSet<String>,
    completed: HashSet<String>,
    actions: Vec<String>,
    granted: HashSet<String>,
    ended: HashMap<String, ActionState>,
    answers: Vec<String>,
    acked: HashMap<String, u32>,
    /// The tab that an action is for, while it needs no click.
    auto: HashMap<String, String>,
    failures: HashSet<String>,
    /// The automation that goes on, as it was told last.
    automation: Option<AutomationUpdated>,
    /// How many steps each run of an automation has, and how many of them succeeded.
    steps: HashMap<String, (usize, usize)>,
    over: HashSet<String>,
    targets: HashMap<String, String>,
}

impl Seen {
    fn event(&mut self, frame: &ServerFrame) {
        assert_eq!(frame.seq, Some(self.seq + 1), "no number is skipped: {frame:?}");
        assert!(frame.ts.is_some());
        self.seq += 1;
        match &frame.message {
            ServerMessage::RunStarted(run) => {
                assert_eq!(self.open_run.replace(run.run_id.clone()), None, "one run at a time");
                self.runs.push(run.run_id.clone());
            }
            ServerMessage::RunFinished(run) => {
                assert_eq!(self.open_run.take().as_ref(), Some(&run.run_id), "only the open run ends");
                assert!(self.finished.insert(run.run_id.clone()), "a run ends once");
            }
            ServerMessage::MessageCompleted(message) => {
                if message.message_id.starts_with("failure-") {
                    assert!(self.failures.insert(message.message_id.clone()), "a failure is told once");
                }
                assert!(self.completed.insert(message.message_id.clone()), "a message is completed once");
                assert!(message.from_seq.is_none_or(|from| from < self.seq));
                if message.role == Role::Agent {
                    self.answers.push(message.message_id.clone());
                }
            }
            ServerMessage::MessageStarted(started) if started.rev.is_some() => {
                assert!(self.completed.remove(&started.message_id), "what was completed is given again");
                self.answers.retain(|answer| *answer != started.message_id);
            }
            ServerMessage::MessageDelta(delta) => {
                assert!(!self.completed.contains(&delta.message_id), "nothing follows a completed message");
            }
            ServerMessage::ActionRequested(action) => {
                self.actions.push(action.action_id.clone());
                assert_eq!(action.execution == Execution::Auto, action.expires_at.is_some());
                self.targets.insert(action.action_id.clone(), action.target_client_id.clone());
                if let WireAction::AutomationStep { run, index, .. } = &action.action {
                    assert!(!self.over.contains(run), "nothing follows the end of an automation");
                    let (all, done) = self.steps[run];
                    assert_eq!(
                        usize::try_from(*index).ok(),
                        Some(done),
                        "a step follows the success of the one before"
                    );
                    assert!(done < all);
                }
                if action.execution == Execution::Auto {
                    self.auto.insert(action.action_id.clone(), action.target_client_id.clone());
                }
            }
            ServerMessage::ActionUpdated(update) if update.state == ActionState::Pending => {
                assert!(!self.granted.contains(&update.action_id), "what was granted is not offered again");
                assert!(!self.ended.contains_key(&update.action_id), "what has ended is not offered again");
                if update.execution == Some(Execution::Offer) {
                    self.auto.remove(&update.action_id);
                }
            }
            ServerMessage::ActionUpdated(update) if update.state == ActionState::Claimed => {
                if let Some(target) = self.auto.get(&update.action_id) {
                    assert_eq!(update.client_id.as_ref(), Some(target), "it starts by itself in its own tab alone");
                }
                assert!(self.granted.insert(update.action_id.clone()), "an action is granted once");
                assert!(!self.ended.contains_key(&update.action_id), "an ended action is not granted");
            }
            ServerMessage::AutomationUpdated(update) => {
                assert!(self.over.is_empty() || !self.over.contains(&update.run), "an automation ends once");
                match update.state {
                    AutomationState::Asking | AutomationState::Confirming | AutomationState::Running => {
                        let before = self.automation.replace(update.as_ref().clone());
                        assert!(before.is_none_or(|before| before.run == update.run), "one automation at a time");
                        if update.state == AutomationState::Running {
                            let before = self.steps.insert(update.run.clone(), (update.steps.len(), 0));
                            assert_eq!(before, None, "an automation begins once");
                            assert_eq!(update.arguments["plan"], "pro");
                        }
                    }
                    AutomationState::Succeeded | AutomationState::Stopped | AutomationState::Cancelled => {
                        if update.state == AutomationState::Succeeded {
                            let (all, done) = self.steps[&update.run];
                            assert_eq!(all, done, "every step was carried out");
                        }
                        assert!(self.over.insert(update.run.clone()));
                        self.automation = None;
                    }
                }
            }
            ServerMessage::ActionUpdated(update) => {
                if let Some((step, index)) = update.action_id.strip_prefix("step-").and_then(|id| id.rsplit_once('-'))
                    && update.state == ActionState::Succeeded
                {
                    assert!(self.granted.contains(&update.action_id), "a step is carried out by whom it was granted");
                    let (_, done) = self.steps.get_mut(&format!("auto-{step}")).expect("a run");
                    assert_eq!(index.parse().ok(), Some(*done), "a step succeeds once");
                    *done += 1;
                }
                let before = self.ended.insert(update.action_id.clone(), update.state);
                assert_eq!(before, None, "an action ends once");
            }
            _ => {}
        }
    }

    /// What a user and a tab would do next who want the automation to be done.
    fn proceed(&self, id: u8) -> (String, Command) {
        let newest = self.actions.last().cloned().unwrap_or_else(|| "none".to_owned());
        let target = self.targets.get(&newest).cloned().unwrap_or_else(|| "tab-0".to_owned());
        let say = |text: &str| Say { text: text.to_owned(), quick_reply: None, is_question: false, setup: setup() };
        let action = ActionId::new(&newest).expect("an id");
        let command = match &self.automation {
            Some(asking) if asking.state == AutomationState::Asking => Command::Say(say("the pro one")),
            Some(asking) if asking.state == AutomationState::Confirming => Command::Say(say("Yes!")),
            _ if self.granted.contains(&newest) => {
                let status = if id % 16 == 0 { ActionStatus::Failed } else { ActionStatus::Succeeded };
                Command::Report(Report { action, status, code: None, detail: None, duration_ms: None })
            }
            _ => Command::Claim { action, setup: setup(), preflight: Ok(()) },
        };
        (target, command)
    }

    fn choose(list: &[String], at: u8) -> String {
        list.iter().rev().nth(usize::from(at)).cloned().unwrap_or_else(|| format!("none-{at}"))
    }
}

fn setup() -> TurnSetup {
    TurnSetup {
        context: UserContext::new(UserId::new("u").expect("an id")),
        capabilities: ActionKind::all().collect(),
        trace: true,
    }
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
            quick_replies: vec![(QuickReply { id: "q".to_owned(), text: "q".to_owned() }, AnswerId::new("x").ok())],
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

/// An action of each kind that can be offered.
fn offered(at: u8) -> OfferedAction {
    let navigate = |url: &str| Navigate { url: Template::literal(url), open_in: OpenIn::SameTab };
    let action = match at {
        8 => Action::LaunchExperience(ExperienceId::new("tour").expect("an id")),
        9 => Action::Navigate(navigate("/a?b={{c}}")),
        10 => Action::RunJs(RunJs { handler: HandlerName::new("save").expect("an id"), args: Value::Number(1.5) }),
        11 => Action::GoToStep(StepTarget::Step(StepId::new("one").expect("an id"))),
        12 => Action::Dismiss,
        13 => Action::Snooze(Snooze { hours: 3, up_to: 2 }),
        14 => Action::RunAutomation(RunAutomation {
            automation: AutomationId::new("billing").expect("an id"),
            arguments: Arguments::new(),
        }),
        _ => Action::OpenPost(PostId::new("p").expect("an id")),
    };
    let url = "https://app.example/a".parse().expect("a URL");
    OfferedAction {
        resolved_url: matches!(action, Action::Navigate(_)).then(|| "/a?b={{c}}".to_owned()),
        arrives_at: (at == 8).then(|| Arc::new(Page { url, title: None })),
        action,
        label: "Do it".to_owned(),
        origin: if at % 3 == 2 { ActionOrigin::Agent } else { ActionOrigin::CustomAnswer },
        order: u32::from(at),
        language: Locale::new("de"),
        instead: (at == 15).then(|| Link { title: "News".to_owned(), url: "/news".to_owned() }),
    }
}

/// Lets posts and navigations start without a click, and calls one function.
fn project() -> Arc<Project> {
    let policy = [ActionKind::OpenPost, ActionKind::Navigate, ActionKind::Dismiss].map(|kind| (kind, Policy::Allow));
    let run_js = Some(vec![HandlerName::new("save").expect("an id")]);
    let template = |text: &str| Template::parse(text).expect("a template");
    let plans = ArgumentKind::Enum(vec!["free".to_owned(), "pro".to_owned()]);
    let billing = Automation {
        id: AutomationId::new("billing").expect("an id"),
        name: "Change the plan".to_owned(),
        status: Status::Published,
        risk: Risk::Confirm,
        agent: AgentUse { active: true, instructions: "the user wants to change the plan".to_owned() },
        audience: None,
        arguments: vec![Argument { name: "plan".to_owned(), kind: plans, ask: None }],
        steps: vec![
            AutomationStep::Navigate(Navigate { url: template("/billing"), open_in: OpenIn::SameTab }),
            AutomationStep::Click(template("#plan-{{plan}}")),
            AutomationStep::WaitFor { selector: template("#done"), timeout: None },
        ],
    };
    let settings = Settings { action_policy: policy.into(), run_js, ..Settings::default() };
    let automations = [(billing.id.clone(), Arc::new(billing))].into();
    Arc::new(Project { settings: Arc::new(settings), automations, ..Project::default() })
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
                log.retain(|event: &StoredEvent| !event.frame.contains("message.delta"));
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
