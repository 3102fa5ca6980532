//! A chat model that keeps its callers from the faults of others.
//!
//! It asks one model, and another in its place when the first fails before its
//! answer has begun. Everything has a bound: how long an answer may take to begin,
//! to go on and to end, how often a model is asked again, and how long one that
//! fails is left alone. Once an answer has begun it is not begun anew: what goes
//! wrong then is said in the stream.

mod breaker;
mod pace;
mod retries;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, stream};
use tokio::time::{Instant, timeout_at};

use self::breaker::Breaker;
use self::pace::{Pace, Stall};
use self::retries::{Ladder, RetryBudget};
use crate::ports::chat_model::{ChatError, ChatEvent, ChatFault, ChatModel, ChatRequest, ChatStream};

/// Time in which the fallback begins in any case.
const TAKEOVER: Duration = Duration::from_secs(5);

/// How long a model is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChatWaits {
    /// Until an answer shows its first sign, all tries together; the fallback has
    /// five seconds more.
    pub first_token: Duration,
    /// Between two pieces.
    pub gap: Duration,
    /// For a whole answer.
    pub turn: Duration,
    /// Characters that an answer must gain within 20 seconds.
    pub least_chars: usize,
    /// Before a model is asked again: a random time from this one on.
    pub shortest_pause: Duration,
    /// Bound of that time; an endpoint may ask for more.
    pub longest_pause: Duration,
}

impl Default for ChatWaits {
    fn default() -> Self {
        Self {
            first_token: Duration::from_secs(20),
            gap: Duration::from_secs(15),
            turn: Duration::from_secs(120),
            least_chars: 20,
            shortest_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(8),
        }
    }
}

/// One model with what is known of it.
struct Seat {
    model: Arc<dyn ChatModel>,
    breaker: Breaker,
    waits: ChatWaits,
}

/// A primary model, and a fallback.
pub struct ChatRelay {
    primary: Arc<Seat>,
    fallback: Option<Arc<Seat>>,
    budget: RetryBudget,
}

impl ChatRelay {
    /// A relay to `model` alone.
    pub fn new(model: Arc<dyn ChatModel>, waits: ChatWaits) -> Self {
        Self { primary: Arc::new(Seat::new(model, waits)), fallback: None, budget: RetryBudget::default() }
    }

    /// The same with a model that is asked when the first one fails.
    #[must_use]
    pub fn with_fallback(self, model: Arc<dyn ChatModel>, waits: ChatWaits) -> Self {
        Self { fallback: Some(Arc::new(Seat::new(model, waits))), ..self }
    }

    /// Asks one model until its answer begins, or it has failed often enough.
    async fn ask(
        &self,
        seat: &Arc<Seat>,
        request: &ChatRequest,
        times: Times,
        attempts: &mut u32,
    ) -> Result<Answer, ChatError> {
        let mut ladder = Ladder::new(seat.waits.shortest_pause, seat.waits.longest_pause);
        loop {
            let now = Instant::now();
            if let Err(wait) = seat.breaker.admit(now) {
                let fault = ChatFault::Unavailable { retry_after: Some(wait) };
                return Err(seat.error(fault, "it failed before and is left alone for a while", *attempts));
            }
            let mut error = match seat.begin(request, times, attempts).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            error.attempts = *attempts;
            let asked = match error.fault {
                ChatFault::Unavailable { retry_after } => retry_after,
                ChatFault::TimedOut | ChatFault::Broken => None,
                ChatFault::TooLong | ChatFault::Refused => return Err(error),
            };
            seat.fail(&error.reason);
            let now = Instant::now();
            let pause = ladder.pause(asked).filter(|pause| now + *pause < times.begin);
            match pause {
                Some(pause) if self.budget.take() => tokio::time::sleep(pause).await,
                _ => return Err(error),
            }
        }
    }
}

/// Until when an answer must have begun, and be over.
#[derive(Clone, Copy)]
struct Times {
    begin: Instant,
    end: Instant,
}

#[async_trait]
impl ChatModel for ChatRelay {
    fn name(&self) -> &str {
        self.primary.model.name()
    }

    fn context_tokens(&self) -> u32 {
        // Of both, so that the fallback can take any conversation over.
        let tokens = self.primary.model.context_tokens();
        self.fallback.as_ref().map_or(tokens, |fallback| tokens.min(fallback.model.context_tokens()))
    }

    async fn answer(&self, request: &ChatRequest) -> Result<ChatStream, ChatError> {
        self.budget.earn();
        let start = Instant::now();
        let mut attempts = 0;
        let waits = self.primary.waits;
        let end = start + waits.turn;
        let times = Times { begin: (start + waits.first_token).min(end), end };
        let error = match self.ask(&self.primary, request, times, &mut attempts).await {
            Ok(answer) => return Ok(answer.into_stream(attempts)),
            Err(error) => error,
        };
        let Some(fallback) = self.fallback.as_ref().filter(|_| error.fault != ChatFault::TooLong) else {
            return Err(error);
        };
        tracing::warn!(model.name = error.model, reason = error.reason, "the fallback model is asked");
        let now = Instant::now();
        let begin = (now + fallback.waits.first_token).min(times.begin + TAKEOVER).max(now + TAKEOVER);
        match self.ask(fallback, request, Times { begin: begin.min(end), end }, &mut attempts).await {
            Ok(answer) => Ok(answer.into_stream(attempts)),
            Err(last) => {
                let reason = format!("{}; and `{}`: {}", last.reason, error.model, error.reason);
                Err(ChatError { reason, ..last })
            }
        }
    }
}

impl Seat {
    fn new(model: Arc<dyn ChatModel>, waits: ChatWaits) -> Self {
        Self { model, breaker: Breaker::new(Instant::now()), waits }
    }

    fn error(&self, fault: ChatFault, reason: &str, attempts: u32) -> ChatError {
        ChatError { model: self.model.name().to_owned(), fault, reason: reason.to_owned(), attempts }
    }

    /// Asks once, and returns with the first piece that is shown.
    async fn begin(
        self: &Arc<Self>,
        request: &ChatRequest,
        times: Times,
        attempts: &mut u32,
    ) -> Result<Answer, ChatError> {
        let Ok(asked) = timeout_at(times.begin, self.model.answer(request)).await else {
            *attempts += 1;
            return Err(self.error(ChatFault::TimedOut, "it did not begin to answer in time", *attempts));
        };
        *attempts += asked.as_ref().map_or_else(|error| error.attempts, |stream| stream.attempts);
        let mut answer = Answer {
            seat: Arc::clone(self),
            events: asked?.events,
            first: None,
            pace: Pace::new(self.waits.gap, self.waits.least_chars, times.end),
        };
        loop {
            match answer.wait().await? {
                ChatEvent::Working => {}
                event => {
                    answer.first = Some(event);
                    return Ok(answer);
                }
            }
        }
    }

    fn fail(&self, reason: &str) {
        if self.breaker.fail(Instant::now()) {
            tracing::error!(
                model.name = self.model.name(),
                reason,
                "the chat model keeps failing, so it is left alone"
            );
        }
    }

    fn succeed(&self) {
        if self.breaker.succeed(Instant::now()) {
            tracing::info!(model.name = self.model.name(), "the chat model works again");
        }
    }
}

/// An answer that has begun.
struct Answer {
    seat: Arc<Seat>,
    events: BoxStream<'static, Result<ChatEvent, ChatError>>,
    first: Option<ChatEvent>,
    pace: Pace,
}

impl Answer {
    fn into_stream(self, attempts: u32) -> ChatStream {
        let model = self.seat.model.name().to_owned();
        let events = stream::unfold(Some(self), move |answer| async move {
            let mut answer = answer?;
            let event = answer.next(attempts).await;
            let is_last = matches!(event, Err(_) | Ok(ChatEvent::Finished { .. }));
            Some((event, (!is_last).then_some(answer)))
        });
        ChatStream { model, attempts, events: events.boxed() }
    }

    /// The next piece that is shown; what goes wrong now cannot be made good.
    async fn next(&mut self, attempts: u32) -> Result<ChatEvent, ChatError> {
        loop {
            let event = match self.first.take() {
                Some(event) => Ok(event),
                None => self.wait().await,
            };
            match event {
                Ok(ChatEvent::Working) => {}
                Ok(event) => {
                    if matches!(event, ChatEvent::Finished { .. }) {
                        self.seat.succeed();
                    }
                    return Ok(event);
                }
                Err(error) => {
                    self.seat.fail(&error.reason);
                    return Err(ChatError { fault: ChatFault::Broken, attempts, ..error });
                }
            }
        }
    }

    /// The next piece, as long as it is waited for.
    async fn wait(&mut self) -> Result<ChatEvent, ChatError> {
        let start = Instant::now();
        let (deadline, stall) = self.pace.deadline(start);
        let event = match timeout_at(deadline, self.events.next()).await {
            Ok(Some(event)) => event?,
            Ok(None) => {
                let fault = ChatFault::Unavailable { retry_after: None };
                return Err(self.seat.error(fault, "its answer has no end", 0));
            }
            Err(_) => {
                let reason = match stall {
                    Stall::Silent => "its answer stalled",
                    Stall::Slow => "its answer came too slowly",
                    Stall::TooLong => "its answer took too long",
                };
                return Err(self.seat.error(ChatFault::TimedOut, reason, 0));
            }
        };
        let waited = start.elapsed();
        match &event {
            ChatEvent::Text(text) => self.pace.text(waited, text.chars().count()),
            ChatEvent::Call(_) | ChatEvent::Working => self.pace.work(waited),
            ChatEvent::Retracted | ChatEvent::Finished { .. } => {}
        }
        Ok(event)
    }
}
