//! Every fault that an endpoint can have, for answers of text and of calls, cut in
//! many ways: each turn has one end, what is shown is what was sent, and each
//! request is counted.

use std::sync::Arc;
use std::time::Duration;

use docent::adapters::chat_relay::{ChatRelay, ChatWaits};
use docent::adapters::openai_chat::OpenAiChat;
use docent::ports::chat_model::{ChatEvent, ChatFault, ChatMessage, ChatModel, ChatRequest, StopReason};
use futures_util::{StreamExt, stream};
use serde_json::json;

use crate::provider::{Provider, Script, Step, called, ended, event, head, said, status};

/// What a turn comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    /// A whole answer from this model.
    Good,
    /// A whole answer, after this model or the fallback was asked again.
    GoodAgain,
    /// A whole answer from the fallback.
    Fallback,
    /// As `GoodAgain` where nothing was shown before, as `Broken` where text was.
    BrokenWhenShown,
    Cut(StopReason),
    TooLong,
}

/// A fault: what is sent of a good answer's events, and how it ends.
struct Fault {
    name: &'static str,
    script: fn(Answer) -> Script,
    end: End,
}

/// The events of a good answer, and where a fault is to be.
struct Answer {
    events: Vec<String>,
    seed: u64,
}

impl Answer {
    /// The events before the fault: some of them, and never the end.
    fn begun(&self) -> String {
        let most = self.events.len() - 1;
        let count = 1 + usize::try_from(self.seed).unwrap() % (most - 1);
        self.events[..count].concat()
    }

    fn whole(&self) -> String {
        self.events.concat()
    }
}

/// The bytes in parts whose lengths the seed gives.
fn sent(seed: u64, text: &str) -> Script {
    let mut script = vec![Step::Send(head("200 OK").into_bytes())];
    let (mut rest, mut state) = (text.as_bytes(), seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    while !rest.is_empty() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let length = usize::try_from(state % 90).unwrap() + 1;
        let (part, after) = rest.split_at(length.min(rest.len()));
        script.push(Step::Send(part.to_vec()));
        rest = after;
    }
    script
}

fn then(mut script: Script, step: Step) -> Script {
    script.push(step);
    script
}

/// The answer begun, and then these events and steps.
fn broken(answer: &Answer, events: &str, step: Option<Step>) -> Script {
    let mut script = sent(answer.seed, &(answer.begun() + events));
    script.extend(step);
    script
}

/// An answer in one chunk of HTTP, whose own end is missing.
fn without_an_end(text: &str) -> Script {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    vec![Step::Send(format!("{head}{:x}\r\n{text}\r\n", text.len()).into_bytes())]
}

fn refused(line: &'static str, body: &str) -> Script {
    status(line, "", body)
}

const OVERLOAD: &str = "{\"error\":{\"message\":\"Overloaded\",\"type\":\"overloaded_error\"}}";

/// A fault as a row: its name, what a turn comes to, and how it is produced.
macro_rules! faults {
    ($($name:literal, $end:expr, $script:expr;)*) => {
        [$(Fault { name: $name, end: $end, script: $script },)*]
    };
}

fn faults() -> [Fault; 48] {
    use End::{BrokenWhenShown, Cut, Fallback, Good, GoodAgain, TooLong};
    faults![
        "none", Good, |a| sent(a.seed, &a.whole());
        "CRLF", Good, |a| sent(a.seed, &a.whole().replace('\n', "\r\n"));
        "no space", Good, |a| sent(a.seed, &a.whole().replace("data: ", "data:"));
        "comments", Good, |a| sent(a.seed, &a.whole().replace("data: ", ": keep-alive\n\ndata: "));
        "no DONE", Good, |a| sent(a.seed, &a.whole().replace("data: [DONE]\n\n", ""));
        "open after the end", Good, |a| then(sent(a.seed, &a.whole()), Step::Stall);
        "open after the reason", Good, |a| then(sent(a.seed, &a.whole().replace("data: [DONE]\n\n", "")), Step::Stall);
        "reset after the end", Good, |a| then(sent(a.seed, &a.whole()), Step::Wait(Duration::from_millis(50)));
        "no end of HTTP", Good, |a| without_an_end(&a.whole());
        "slow", Good, |a| sent(a.seed, &a.whole()).into_iter().flat_map(|step| [step, Step::Wait(Duration::from_millis(5))]).collect();
        "reasons first", Good, |a| sent(a.seed, &(said("<think>no</think>") + &a.whole()));
        "unknown fields", Good, |a| sent(a.seed, &a.whole().replace("\"index\":0", "\"index\":0,\"new\":{\"a\":[]}"));
        "empty reasons", Good, |a| sent(a.seed, &a.whole().replace("\"finish_reason\":null", "\"finish_reason\":\"\""));
        "empty usage", Good, |a| sent(a.seed, &a.whole().replace("data: {\"choices\":[{", "data: {\"usage\":{},\"choices\":[{"));
        "reset at once", GoodAgain, |_| vec![Step::Reset];
        "closed at once", GoodAgain, |_| Vec::new();
        "not HTTP", GoodAgain, |_| vec![Step::Send(b"nonsense\r\n\r\n".to_vec())];
        "half a head", GoodAgain, |_| vec![Step::Send(b"HTTP/1.1 200 OK\r\ncontent-".to_vec())];
        "nothing", GoodAgain, |a| sent(a.seed, "");
        "HTML", GoodAgain, |a| sent(a.seed, "<html><body>Welcome</body></html>");
        "only DONE", GoodAgain, |a| sent(a.seed, "data: [DONE]\n\n");
        "error first", GoodAgain, |a| sent(a.seed, &event(&json!({"error": {"code": 503, "message": "busy"}})));
        "error as a document", GoodAgain, |a| sent(a.seed, OVERLOAD);
        "error as an event", GoodAgain, |a| sent(a.seed, "event: error\ndata: busy\n\n");
        "damaged first", GoodAgain, |a| sent(a.seed, "data: {\"choices\":[{\n\ndata: [DONE]\n\n");
        "too long an event first", GoodAgain, |_| vec![Step::Send(head("200 OK").into_bytes()), Step::Send([b"data: {\"a\":\"".as_slice(), &[b'x'; 1_100_000]].concat())];
        "cut in reasoning", GoodAgain, |a| sent(a.seed, &said("<think>hm")[..]);
        "429", GoodAgain, |_| status("429 Too Many Requests", "retry-after-ms: 20\r\n", "{}");
        "500", GoodAgain, |_| refused("500 Internal Server Error", "oh");
        "502", GoodAgain, |_| refused("502 Bad Gateway", "<html>");
        "503", GoodAgain, |_| status("503 Service Unavailable", "retry-after: 0\r\n", "");
        "504", GoodAgain, |_| refused("504 Gateway Timeout", "");
        "529", GoodAgain, |_| refused("529 Overloaded", OVERLOAD);
        "408", GoodAgain, |_| refused("408 Request Timeout", "");
        "silence", Fallback, |_| vec![Step::Stall];
        "silence after the head", Fallback, |_| vec![Step::Send(head("200 OK").into_bytes()), Step::Stall];
        "401", Fallback, |_| refused("401 Unauthorized", "{}");
        "404", Fallback, |_| refused("404 Not Found", "{}");
        "redirect", Fallback, |_| status("307 Temporary Redirect", "location: http://127.0.0.1:9/\r\n", "");
        "no quota", Fallback, |_| refused("429 Too Many Requests", "{\"error\":{\"code\":\"insufficient_quota\"}}");
        "too long", TooLong, |_| refused("400 Bad Request", "{\"error\":{\"code\":\"context_length_exceeded\"}}");
        "stalled", BrokenWhenShown, |a| broken(&a, "", Some(Step::Stall));
        "closed", BrokenWhenShown, |a| broken(&a, "", None);
        "reset", BrokenWhenShown, |a| broken(&a, "", Some(Step::Reset));
        "error within", BrokenWhenShown, |a| broken(&a, &event(&json!({"error": {"message": "gone"}})), None);
        "damaged within", BrokenWhenShown, |a| broken(&a, "data: {\"choices\":[{\"del\n\ndata: [DONE]\n\n", None);
        "ends with an error", BrokenWhenShown, |a| broken(&a, &ended("error"), None);
        "ends too soon", Cut(StopReason::Length), |a| broken(&a, &ended("length"), None);
    ]
}

const SEEDS: u64 = 25;
const TURNS_AT_ONCE: usize = 100;
const TEXT: &str = "Open the settings. 打开设置。 افتح الإعدادات. 😀 Then press Save.";
const CALLS: [(&str, &str); 2] = [("open_post", "{\"post\": \"wel–come\"}"), ("navigate", "{\"to\":\"/a\"}")];

fn text_answer() -> Vec<String> {
    let chars: Vec<char> = TEXT.chars().collect();
    chars.chunks(5).map(|part| said(&part.iter().collect::<String>())).chain([ended("stop")]).collect()
}

fn call_answer() -> Vec<String> {
    let mut events = Vec::new();
    for (index, (name, arguments)) in (0..).zip(CALLS) {
        let (start, rest) = arguments.split_at(5);
        events.extend([called(index, &format!("id{index}"), name, start), called(index, "", "", rest)]);
    }
    events.push(ended("tool_calls"));
    events
}

/// What a turn gave.
#[derive(Debug, Default)]
struct Turn {
    text: String,
    calls: Vec<(String, String)>,
    ends: Vec<Result<StopReason, ChatFault>>,
    attempts: u32,
}

async fn turn(relay: &ChatRelay, message: &str) -> Turn {
    let mut turn = Turn::default();
    let messages = vec![ChatMessage::User(message.to_owned())];
    let request = ChatRequest { messages, max_output_tokens: 500, ..ChatRequest::default() };
    let answer = match relay.answer(&request).await {
        Ok(answer) => answer,
        Err(error) => return Turn { ends: vec![Err(error.fault)], attempts: error.attempts, ..turn },
    };
    turn.attempts = answer.attempts;
    let mut events = answer.events;
    while let Some(event) = events.next().await {
        assert!(turn.ends.is_empty(), "nothing follows the end");
        match event {
            Ok(ChatEvent::Text(text)) => turn.text.push_str(&text),
            Ok(ChatEvent::Call(call)) => turn.calls.push((call.name, call.arguments)),
            Ok(ChatEvent::Finished { reason, .. }) => turn.ends.push(Ok(reason)),
            Ok(ChatEvent::Retracted) => turn.text.clear(),
            Ok(ChatEvent::Working) => panic!("a relay does not show work"),
            Err(error) => {
                assert_eq!(error.attempts, turn.attempts);
                turn.ends.push(Err(error.fault));
            }
        }
    }
    turn
}

/// As by default, but for what a test would have to wait for: the pauses, and the
/// one time that the fault is to exceed.
fn waits(fault: &Fault) -> ChatWaits {
    let (shortest_pause, longest_pause) = (Duration::from_millis(1), Duration::from_millis(20));
    let waits = ChatWaits { shortest_pause, longest_pause, ..ChatWaits::default() };
    match fault.name {
        "silence" | "silence after the head" => ChatWaits { first_token: Duration::from_secs(3), ..waits },
        "stalled" => ChatWaits { gap: Duration::from_millis(1_500), ..waits },
        _ => waits,
    }
}

/// Where turns go: two providers, and models of theirs.
struct Place {
    primary: Provider,
    fallback: Provider,
    model: Arc<OpenAiChat>,
    fallback_model: Arc<OpenAiChat>,
}

async fn check(place: &Place, fault: &Fault, is_calls: bool, seed: u64) {
    let what = format!("{}, {}, seed {seed}", fault.name, if is_calls { "calls" } else { "text" });
    let events = if is_calls { call_answer() } else { text_answer() };
    let good = || sent(seed, &events.concat());
    place.primary.will_for(&what, [(fault.script)(Answer { events: events.clone(), seed }), good()]);
    place.fallback.will_for(&what, [good()]);
    let relay = ChatRelay::new(Arc::clone(&place.model) as _, waits(fault))
        .with_fallback(Arc::clone(&place.fallback_model) as _, waits(fault));
    let turn = turn(&relay, &what).await;
    let (asked, asked_fallback) = (place.primary.asked(&what), place.fallback.asked(&what));

    assert_eq!(turn.ends.len(), 1, "{what}: {turn:?}");
    assert_eq!(turn.attempts, u32::try_from(asked + asked_fallback).unwrap(), "{what}: nothing is unbilled");
    let is_whole = |turn: &Turn| {
        let calls: Vec<_> = turn.calls.iter().map(|(name, arguments)| (name.as_str(), arguments.as_str())).collect();
        if is_calls {
            turn.text.is_empty() && calls == CALLS && turn.ends == [Ok(StopReason::Calls)]
        } else {
            calls.is_empty() && turn.text == TEXT && turn.ends == [Ok(StopReason::Complete)]
        }
    };
    match fault.end {
        End::Good => assert!(is_whole(&turn) && (asked, asked_fallback) == (1, 0), "{what}: {turn:?}"),
        End::GoodAgain => assert!(is_whole(&turn) && turn.attempts == 2, "{what}: {turn:?}"),
        End::Fallback => assert!(is_whole(&turn) && (asked, asked_fallback) == (1, 1), "{what}: {turn:?}"),
        End::TooLong => assert!(turn.ends == [Err(ChatFault::TooLong)] && turn.attempts == 1, "{what}: {turn:?}"),
        End::Cut(reason) => {
            assert_eq!((turn.ends.as_slice(), asked), ([Ok(reason)].as_slice(), 1), "{what}");
            assert!(TEXT.starts_with(&turn.text), "{what}: {turn:?}");
            for ((name, arguments), (whole_name, whole)) in turn.calls.iter().zip(CALLS) {
                assert!(name == whole_name && whole.starts_with(arguments), "{what}: {turn:?}");
            }
        }
        End::BrokenWhenShown if is_calls => assert!(is_whole(&turn) && turn.attempts == 2, "{what}: {turn:?}"),
        End::BrokenWhenShown => {
            assert_eq!((turn.ends.as_slice(), turn.attempts), ([Err(ChatFault::Broken)].as_slice(), 1), "{what}");
            assert!(!turn.text.is_empty() && TEXT.starts_with(&turn.text), "{what}: {turn:?}");
        }
    }
}

#[tokio::test]
async fn every_fault_ends_a_turn_once_and_nothing_is_unbilled() {
    let (primary, fallback) = (Provider::start().await, Provider::start().await);
    let (model, fallback_model) = (Arc::new(primary.model()), Arc::new(fallback.model()));
    let place = Place { primary, fallback, model, fallback_model };
    let faults = faults();
    let turns = (0..SEEDS).flat_map(|seed| [(seed, false), (seed, true)]).flat_map(|(seed, is_calls)| {
        let place = &place;
        faults.iter().map(move |fault| check(place, fault, is_calls, seed))
    });
    stream::iter(turns).buffer_unordered(TURNS_AT_ONCE).collect::<Vec<()>>().await;
}

#[tokio::test]
async fn calls_that_were_cut_off_come_as_they_are_and_are_not_repaired() {
    let provider = Provider::start().await;
    let relay = ChatRelay::new(Arc::new(provider.model()), ChatWaits::default());
    let whole = "{\"post\": \"welcome\", \"why\": [1, {\"é\": \"\\u00e9\\\\\"}, null, true], \"n\": -1.5e3}";
    let cuts: Vec<usize> = (1..whole.len()).filter(|at| whole.is_char_boundary(*at)).collect();
    let mut truncations = 0;
    for reason in ["length", "tool_calls", "stop"] {
        for at in &cuts {
            let half = at / 2;
            let half = (0..=half).rev().find(|at| whole.is_char_boundary(*at)).unwrap();
            let events =
                [called(0, "a", "open_post", &whole[..half]), called(0, "", "", &whole[half..*at]), ended(reason)];
            provider.will([sent(truncations, &events.concat())]);
            let turn = turn(&relay, "").await;
            assert_eq!(turn.calls, [("open_post".to_owned(), whole[..*at].to_owned())]);
            truncations += 1;
        }
    }
    assert!(truncations >= 200, "{truncations}");
}
