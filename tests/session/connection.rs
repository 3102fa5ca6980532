//! Whatever a client sends in whatever order: no panic, one welcome, one close, and
//! nothing for a conversation before there is one.

use docent::domain::ids::ConversationId;
use docent::protocol::close_code::CloseCode;
use docent::protocol::error_code::ErrorCode;
use docent::protocol::frame::{FrameError, parse_frame};
use docent::protocol::hello::AgentInfo;
use docent::protocol::server_message::{Ack, CommandError, ServerMessage};
use docent::session::effect::Effect;
use docent::session::event::{Event, Joined};
use docent::session::moment::Moment;
use docent::session::settings::SessionSettings;
use docent::session::state::{Opening, State};
use docent::session::step;
use proptest::prelude::*;

const HELLO: &str = r#"{"type":"hello","id":"h","data":{"project_key":"local","client_id":"t"}}"#;

const FRAMES: [&str; 22] = [
    HELLO,
    r#"{"type":"hello","id":"h2","data":{"project_key":"other","client_id":"t"}}"#,
    r#"{"type":"hello","id":"h3","data":{"project_key":"local","client_id":"t","identity_token":"x"}}"#,
    r#"{"type":"hello","data":{"project_key":"local"}}"#,
    r#"{"type":"pong"}"#,
    r#"{"type":"message.send","id":"a","data":{"text":"hi"}}"#,
    r#"{"type":"message.send","id":"a","data":{"text":"ho"}}"#,
    r#"{"type":"message.send","data":{"text":""}}"#,
    r#"{"type":"message.send","data":{"text":"hi","conversation_id":"conv-x"}}"#,
    r#"{"type":"agent.launch","id":"l","data":{"message":{"template":"{{user.name}}"},"source":{"kind":"url"}}}"#,
    r#"{"type":"agent.launch","id":"n","data":{"source":{"kind":"sdk"},"conversation":"new","mode":"open"}}"#,
    r#"{"type":"action.claim","id":"c","data":{"action_id":"x"}}"#,
    r#"{"type":"action.result","data":{"action_id":"x","status":"failed"}}"#,
    r#"{"type":"feedback.set","data":{"message_id":"m"}}"#,
    r#"{"type":"context.update","id":"u","data":{"attributes":{"a":1},"page":{"url":"https://a.example"}}}"#,
    r#"{"type":"context.update","id":"u","data":{"attributes":{"a":null}}}"#,
    r#"{"type":"experience.get","data":{"experience_id":"t"}}"#,
    r#"{"type":"post.get","data":{"post_id":"p"}}"#,
    r#"{"type":"run.cancel","id":"r","data":{"run_id":"r"}}"#,
    r#"{"type":"nonsense","id":"x"}"#,
    r#"{"type":5}"#,
    r"{}",
];

#[derive(Clone, Debug)]
enum Move {
    Frame(usize),
    Bad,
    Control,
    Joined(bool),
    Entered,
    Wait(u32),
    Drain(bool),
    Drained,
    Overflowed,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        20 => (0..FRAMES.len()).prop_map(Move::Frame),
        4 => Just(Move::Frame(0)),
        4 => any::<bool>().prop_map(Move::Joined),
        1 => Just(Move::Bad),
        2 => Just(Move::Control),
        1 => Just(Move::Entered),
        4 => (0..40_000_u32).prop_map(Move::Wait),
        1 => any::<bool>().prop_map(Move::Drain),
        1 => Just(Move::Drained),
        1 => Just(Move::Overflowed),
    ];
    prop::collection::vec(one, 1..80)
}

fn event_of(made: &Move, at: usize, now: Moment) -> Event {
    let conversation = ConversationId::new("conv-1").expect("an id");
    match made {
        Move::Frame(index) => {
            let command = parse_frame(FRAMES[*index]).expect("a frame").pop().expect("a command");
            Event::Command { command, fresh: format!("{at:026}"), now }
        }
        Move::Bad => Event::BadFrame { error: FrameError::Binary, now },
        Move::Control => Event::Control { now },
        Move::Joined(true) => Event::Joined(Joined {
            session: "s".to_owned(),
            conversation,
            epoch: "e".to_owned(),
            seq: 0,
            resumed: false,
            agent: AgentInfo::default(),
        }),
        Move::Joined(false) => Event::JoinFailed(CommandError::new(ErrorCode::StorageUnavailable, "no")),
        Move::Entered => {
            Event::Entered { conversation, command: Some("n".to_owned()), fingerprint: 1, ack: Ack::default() }
        }
        Move::Wait(_) => Event::Tick { now },
        Move::Drain(busy) => Event::Drain { busy: *busy, reconnect_after_ms: 5 },
        Move::Drained => Event::Drained,
        Move::Overflowed => Event::Overflowed,
    }
}

fn run(moves: &[Move]) -> Vec<Effect> {
    let settings = SessionSettings::default();
    let mut now = Moment(1_700_000_000_000);
    let opening = Opening { is_local: true, anonymous_id: "anon-1".to_owned() };
    let mut state = State::open(&settings, opening, now);
    let (mut welcomes, mut joins, mut closed) = (0, 0, false);
    let mut all = Vec::new();
    for (at, made) in moves.iter().enumerate() {
        if let Move::Wait(millis) = made {
            now = now.plus(u64::from(*millis));
        }
        let was_live = matches!(state, State::Live(_));
        let (next, effects) = step(&settings, state, event_of(made, at, now));
        state = next;
        assert!(effects.is_empty() || !closed, "nothing follows a close: {effects:?}");
        for effect in &effects {
            assert!(!closed, "a close is the last effect");
            match effect {
                Effect::Greet(frame) => {
                    assert!(matches!(frame.message, ServerMessage::Welcome(_)));
                    welcomes += 1;
                }
                Effect::Join(_) => joins += 1,
                Effect::Converse(_)
                | Effect::Enter { .. }
                | Effect::Used
                | Effect::ReadExperience { .. }
                | Effect::ReadPost { .. }
                | Effect::ReadFeed { .. }
                | Effect::ReadHistory { .. } => {
                    assert!(was_live, "nothing for a conversation before there is one");
                }
                Effect::Close(_) => closed = true,
                Effect::Send(_) => {}
            }
        }
        assert!(welcomes <= joins && joins <= 1, "one hello leads to one welcome");
        assert_eq!(closed, state == State::Closing);
        all.extend(effects);
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    #[test]
    fn a_connection_is_sound_whatever_happens(moves in moves()) {
        run(&moves);
    }
}

#[test]
fn a_flood_is_refused_and_then_cut_off() {
    let hello = [Move::Frame(0), Move::Joined(true)];
    let flood = std::iter::repeat_n(Move::Frame(14), 200);
    let effects = run(&hello.into_iter().chain(flood).collect::<Vec<_>>());
    let is_limited = |effect: &&Effect| matches!(effect, Effect::Send(frame) if matches!(&frame.message, ServerMessage::Error(error) if error.code == ErrorCode::RateLimited));
    assert_eq!(effects.iter().filter(is_limited).count(), 100);
    assert_eq!(effects.last(), Some(&Effect::Close(CloseCode::RateLimited)));
}

#[test]
fn silence_is_asked_about_once_and_then_closed() {
    let moves = [Move::Frame(0), Move::Joined(true), Move::Wait(25_000), Move::Wait(9_999), Move::Wait(1)];
    let effects = run(&moves);
    let pings = effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Send(frame) if matches!(frame.message, ServerMessage::Ping(_))));
    assert_eq!(pings.count(), 1);
    assert_eq!(effects.last(), Some(&Effect::Close(CloseCode::NoPong)));
    let spoken = [Move::Frame(0), Move::Joined(true), Move::Wait(25_000), Move::Frame(4), Move::Wait(24_999)];
    assert!(!run(&spoken).iter().any(|effect| matches!(effect, Effect::Close(_))));
}
