//! A relay over scripted models, on a paused clock: what is waited for, how often
//! a model is asked, and who answers in the end.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use docent::adapters::chat_relay::{ChatRelay, ChatWaits};
use docent::ports::chat_model::{ChatError, ChatEvent, ChatFault, ChatModel, ChatRequest, ChatStream, StopReason};
use futures_util::{StreamExt, stream};
use tokio::time::Instant;

/// What a scripted model does when it is asked.
#[derive(Clone, Debug)]
enum Act {
    Fail(ChatFault),
    /// Never answers.
    Hang,
    /// Answers with these events, each after a time.
    Say(Vec<(Duration, Result<ChatEvent, ChatFault>)>),
}

struct Scripted {
    name: &'static str,
    acts: Mutex<VecDeque<Act>>,
    /// What it does when its acts are over.
    then: Act,
    asked: AtomicU32,
}

impl Scripted {
    fn new(name: &'static str, acts: impl IntoIterator<Item = Act>, then: Act) -> Arc<Self> {
        Arc::new(Self { name, acts: Mutex::new(acts.into_iter().collect()), then, asked: AtomicU32::new(0) })
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }

    fn error(&self, fault: ChatFault) -> ChatError {
        ChatError { model: self.name.to_owned(), fault, reason: "a fault".to_owned(), attempts: 1 }
    }
}

#[async_trait]
impl ChatModel for Scripted {
    fn name(&self) -> &str {
        self.name
    }

    fn context_tokens(&self) -> u32 {
        if self.name == "primary" { 8_000 } else { 4_000 }
    }

    async fn answer(&self, _request: &ChatRequest) -> Result<ChatStream, ChatError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let act = self.acts.lock().unwrap().pop_front().unwrap_or_else(|| self.then.clone());
        let events = match act {
            Act::Fail(fault) => return Err(self.error(fault)),
            Act::Hang => std::future::pending().await,
            Act::Say(events) => events,
        };
        let events: Vec<_> =
            events.into_iter().map(|(time, event)| (time, event.map_err(|fault| self.error(fault)))).collect();
        let mut events = stream::iter(events)
            .then(|(time, event)| async move {
                tokio::time::sleep(time).await;
                event
            })
            .boxed();
        let first = events.next().await.unwrap_or_else(|| Err(self.error(AWAY)))?;
        let events = stream::iter([Ok(first)]).chain(events).boxed();
        Ok(ChatStream { model: self.name.to_owned(), attempts: 1, events })
    }
}

const AWAY: ChatFault = ChatFault::Unavailable { retry_after: None };

fn after(millis: u64, event: ChatEvent) -> (Duration, Result<ChatEvent, ChatFault>) {
    (Duration::from_millis(millis), Ok(event))
}

fn text(millis: u64, text: &str) -> (Duration, Result<ChatEvent, ChatFault>) {
    after(millis, ChatEvent::Text(text.to_owned()))
}

fn end(millis: u64) -> (Duration, Result<ChatEvent, ChatFault>) {
    after(millis, ChatEvent::Finished { reason: StopReason::Complete, usage: None })
}

fn good() -> Act {
    Act::Say(vec![text(100, "Yes."), end(100)])
}

/// The text of an answer and what it ended with, after how long.
struct Outcome {
    model: String,
    text: String,
    error: Option<ChatFault>,
    attempts: u32,
    took: Duration,
}

async fn ask(relay: &ChatRelay) -> Outcome {
    let start = Instant::now();
    let mut answer = match relay.answer(&ChatRequest::default()).await {
        Ok(answer) => answer,
        Err(error) => {
            let (model, attempts, took) = (error.model, error.attempts, start.elapsed());
            return Outcome { model, text: String::new(), error: Some(error.fault), attempts, took };
        }
    };
    let (mut said, mut end) = (String::new(), None);
    while let Some(event) = answer.events.next().await {
        assert!(end.is_none(), "nothing follows the end");
        match event {
            Ok(ChatEvent::Text(text)) => said.push_str(&text),
            Ok(ChatEvent::Finished { .. }) => end = Some(None),
            Ok(other) => panic!("{other:?} is not shown"),
            Err(error) => {
                assert_eq!(error.attempts, answer.attempts);
                end = Some(Some(error.fault));
            }
        }
    }
    let error = end.expect("an end");
    Outcome { model: answer.model, text: said, error, attempts: answer.attempts, took: start.elapsed() }
}

fn relay(primary: &Arc<Scripted>, fallback: Option<&Arc<Scripted>>) -> ChatRelay {
    let relay = ChatRelay::new(Arc::clone(primary) as _, ChatWaits::default());
    match fallback {
        Some(fallback) => relay.with_fallback(Arc::clone(fallback) as _, ChatWaits::default()),
        None => relay,
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_passes_is_met_with_two_more_tries() {
    for failures in 0..5 {
        let model = Scripted::new("primary", vec![Act::Fail(AWAY); failures], good());
        let outcome = ask(&relay(&model, None)).await;
        let tries = u32::try_from(failures.min(2)).unwrap() + 1;
        assert_eq!((model.asked(), outcome.attempts), (tries, tries));
        assert_eq!(outcome.error, (failures > 2).then_some(AWAY), "{failures}");
        assert!(outcome.took < Duration::from_secs(11), "{:?}", outcome.took);
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_asks_for_time_gets_it_unless_there_is_none() {
    let asks = |seconds| Act::Fail(ChatFault::Unavailable { retry_after: Some(Duration::from_secs(seconds)) });
    let model = Scripted::new("primary", [asks(9)], good());
    let outcome = ask(&relay(&model, None)).await;
    assert_eq!((outcome.text.as_str(), outcome.attempts), ("Yes.", 2));
    assert!(outcome.took >= Duration::from_secs(9));

    let (model, fallback) = (Scripted::new("primary", [asks(25)], good()), Scripted::new("fallback", [], good()));
    let outcome = ask(&relay(&model, Some(&fallback))).await;
    assert_eq!((outcome.model.as_str(), outcome.attempts), ("fallback", 2));
    assert!(outcome.took < Duration::from_secs(1), "nobody waits for what comes too late");
}

#[tokio::test(start_paused = true)]
async fn what_lasts_goes_to_the_fallback_at_once() {
    let fallback = Scripted::new("fallback", [], good());
    let model = Scripted::new("primary", [Act::Fail(ChatFault::Refused)], good());
    let both = relay(&model, Some(&fallback));
    assert_eq!(both.context_tokens(), 4_000, "any conversation can be taken over");
    let outcome = ask(&both).await;
    assert_eq!((outcome.model.as_str(), outcome.text.as_str(), outcome.attempts), ("fallback", "Yes.", 2));
    let model = Scripted::new("primary", [Act::Fail(ChatFault::TooLong)], good());
    let outcome = ask(&relay(&model, Some(&fallback))).await;
    assert_eq!((outcome.error, outcome.attempts), (Some(ChatFault::TooLong), 1));
    let model = Scripted::new("primary", [Act::Fail(ChatFault::Refused)], good());
    assert_eq!(ask(&relay(&model, None)).await.error, Some(ChatFault::Refused));
}

#[tokio::test(start_paused = true)]
async fn a_model_that_says_nothing_is_given_up() {
    let (model, fallback) = (Scripted::new("primary", [], Act::Hang), Scripted::new("fallback", [], good()));
    let outcome = ask(&relay(&model, None)).await;
    assert_eq!((outcome.error, outcome.attempts), (Some(ChatFault::TimedOut), 1));
    assert_eq!(outcome.took.as_secs(), 20);
    let outcome = ask(&relay(&model, Some(&fallback))).await;
    assert_eq!((outcome.text.as_str(), outcome.attempts), ("Yes.", 2));
    let dead = Scripted::new("fallback", [], Act::Hang);
    let outcome = ask(&relay(&model, Some(&dead))).await;
    assert_eq!((outcome.error, outcome.took.as_secs()), (Some(ChatFault::TimedOut), 25));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_stalls_or_dribbles_or_never_ends_is_broken() {
    let dribble: Vec<_> = std::iter::repeat_n(text(10_000, "a"), 100).collect();
    let endless: Vec<_> = std::iter::repeat_n(text(100, "and so on "), 10_000).collect();
    for (events, at_most) in [
        (vec![text(100, "Yes"), end(16_000)], 16),
        (vec![text(100, "Yes"), text(14_000, " and no, and so on."), end(16_000)], 30),
        (dribble, 31),
        (endless, 120),
        (vec![text(100, "Yes")], 1),
        (vec![text(100, "Yes"), (Duration::ZERO, Err(AWAY))], 1),
    ] {
        let model = Scripted::new("primary", [], Act::Say(events));
        let outcome = ask(&relay(&model, None)).await;
        assert_eq!(outcome.error, Some(ChatFault::Broken));
        assert!(!outcome.text.is_empty());
        assert!(outcome.took.as_secs() <= at_most, "{:?}", outcome.took);
        assert_eq!(model.asked(), 1, "what has begun is not begun anew");
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_that_reasons_or_writes_slowly_is_waited_for() {
    let mut events: Vec<_> = std::iter::repeat_n(after(10_000, ChatEvent::Working), 6).collect();
    events.extend([text(10_000, "Yes."), end(100)]);
    let model = Scripted::new("primary", [], Act::Say(events));
    let outcome = ask(&relay(&model, None)).await;
    assert_eq!((outcome.text.as_str(), outcome.error), ("Yes.", None));

    let mut events: Vec<_> = std::iter::repeat_n(text(1_900, "abc"), 50).collect();
    events.push(end(100));
    let model = Scripted::new("primary", [], Act::Say(events));
    assert_eq!(ask(&relay(&model, None)).await.error, None);

    let failing = Act::Say(vec![after(100, ChatEvent::Working), (Duration::ZERO, Err(AWAY))]);
    let model = Scripted::new("primary", [failing], good());
    let outcome = ask(&relay(&model, None)).await;
    assert_eq!((outcome.text.as_str(), outcome.attempts), ("Yes.", 2), "nothing was shown, so it may begin anew");
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_is_slow_is_not_taken_for_a_slow_model() {
    let events = std::iter::repeat_n(text(10, "a"), 6).chain([end(10)]).collect();
    let model = Scripted::new("primary", [], Act::Say(events));
    let mut answer = relay(&model, None).answer(&ChatRequest::default()).await.unwrap();
    let mut last = None;
    while let Some(event) = answer.events.next().await {
        last = Some(event.unwrap());
        tokio::time::sleep(Duration::from_secs(17)).await;
    }
    assert!(matches!(last, Some(ChatEvent::Finished { .. })));
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_ten_minutes_ends_every_turn_soon_and_is_over_soon() {
    for act in [Act::Fail(AWAY), Act::Hang] {
        let (model, fallback) = (Scripted::new("primary", [], act.clone()), Scripted::new("fallback", [], act));
        let both = Arc::new(relay(&model, Some(&fallback)));
        let start = Instant::now();
        let mut turns = Vec::new();
        while start.elapsed() < Duration::from_secs(600) {
            let both = Arc::clone(&both);
            turns.push(tokio::spawn(async move { ask(&both).await }));
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        for turn in turns {
            let outcome = turn.await.unwrap();
            assert!(outcome.error.is_some() && outcome.took <= Duration::from_secs(25), "{:?}", outcome.took);
        }
        let asked = model.asked();
        assert!(asked < 60 + 40, "a model that is left alone is asked every ten seconds: {asked}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_that_works_again_is_used_again() {
    let model = Scripted::new("primary", vec![Act::Fail(AWAY); 9], good());
    let fallback = Scripted::new("fallback", [], good());
    let both = relay(&model, Some(&fallback));
    let start = Instant::now();
    let mut from_primary = None;
    while start.elapsed() < Duration::from_secs(120) && from_primary.is_none() {
        let outcome = ask(&both).await;
        assert_eq!(outcome.text, "Yes.", "the fallback answers in the meantime");
        from_primary = (outcome.model == "primary").then(|| start.elapsed());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    // Nine failures, of which a breaker lets through one every ten seconds.
    assert!(from_primary.is_some(), "the primary is not asked any more");
}

#[tokio::test(start_paused = true)]
async fn retries_do_not_multiply_the_traffic() {
    let acts =
        (0..10_000).flat_map(|at| if at % 4 == 0 { [Some(Act::Fail(AWAY)), None] } else { [None, Some(good())] });
    let model = Scripted::new("primary", acts.flatten(), good());
    let one = relay(&model, None);
    for _ in 0..1_000 {
        ask(&one).await;
    }
    assert!(model.asked() <= 1_000 + 110, "{}", model.asked());
}
