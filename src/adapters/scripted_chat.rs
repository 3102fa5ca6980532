//! A chat model without a network, for load tests: it quotes a passage that it is
//! given, and then writes numbers at a steady rate, each of them the time at which
//! it was written, so that a reader can tell how long it was on its way. Asked for a
//! form, as when a question is to be rewritten, it says nothing, at once.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use tokio::time::{Instant, sleep_until};

use crate::ports::chat_model::{
    ChatError, ChatEvent, ChatMessage, ChatModel, ChatRequest, ChatStream, StopReason, TokenUsage,
};

/// Characters of the passage that are quoted.
const QUOTED_CHARS: usize = 160;

/// What the model writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptedSettings {
    /// Pieces in a second.
    pub per_second: u32,
    /// Pieces of an answer, without the quotation.
    pub pieces: u32,
}

impl ScriptedSettings {
    /// Reads `scripted:30`, or `scripted:30:150` with the number of pieces; five
    /// seconds of them when it is not told.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.strip_prefix("scripted:")?.split(':');
        let mut number = |most: u32| match numbers.next() {
            Some(number) => number.parse().ok().filter(|number| (1..=most).contains(number)).map(Some),
            None => Some(None),
        };
        let (per_second, pieces) = (number(1_000)??, number(100_000)?);
        numbers.next().is_none().then_some(Self { per_second, pieces: pieces.unwrap_or(per_second * 5) })
    }
}

/// The model.
pub struct ScriptedChat {
    settings: ScriptedSettings,
    context_tokens: u32,
    /// The time, in microseconds.
    now: fn() -> u64,
}

impl ScriptedChat {
    /// A model that reads the time from `now`, in microseconds.
    pub fn new(settings: ScriptedSettings, context_tokens: u32, now: fn() -> u64) -> Self {
        Self { settings, context_tokens, now }
    }
}

#[async_trait]
impl ChatModel for ScriptedChat {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn context_tokens(&self) -> u32 {
        self.context_tokens
    }

    async fn answer(&self, request: &ChatRequest) -> Result<ChatStream, ChatError> {
        let ScriptedSettings { per_second, mut pieces } = self.settings;
        if request.form.is_some() {
            pieces = 0;
        }
        let (start, now) = (Instant::now(), self.now);
        let quoted = request.form.is_none().then(|| Ok(ChatEvent::Text(quotation(request))));
        let quotation = stream::iter(quoted);
        // By the clock and not by the piece before, so that a late one delays no other.
        let numbers = stream::iter(1..=pieces).then(move |number| async move {
            sleep_until(start + Duration::from_secs(1) * number / per_second).await;
            Ok(ChatEvent::Text(format!("{} ", now())))
        });
        let usage = Some(TokenUsage { input: 0, output: u64::from(pieces) });
        let end = stream::iter([Ok(ChatEvent::Finished { reason: StopReason::Complete, usage })]);
        let events = quotation.chain(numbers).chain(end).boxed();
        Ok(ChatStream { model: self.name().to_owned(), attempts: 1, events })
    }
}

/// The beginning of the first passage in a prompt, with its number.
fn quotation(request: &ChatRequest) -> String {
    let prompt = request.messages.iter().find_map(|message| match message {
        ChatMessage::System(text) => Some(text.as_str()),
        ChatMessage::User(_) | ChatMessage::Assistant { .. } | ChatMessage::ToolResult { .. } => None,
    });
    let mut lines = prompt.unwrap_or_default().lines();
    lines.find(|line| line.starts_with("[1] "));
    let passage = lines.find(|line| !line.trim().is_empty()).unwrap_or("Nothing was found.");
    let words: String = passage.chars().take(QUOTED_CHARS).collect();
    format!("{words} [1]\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read() {
        let settings = |per_second, pieces| Some(ScriptedSettings { per_second, pieces });
        assert_eq!(ScriptedSettings::parse("scripted:30"), settings(30, 150));
        assert_eq!(ScriptedSettings::parse("scripted:30:9"), settings(30, 9));
        for odd in
            ["scripted:", "scripted:0", "scripted:x", "scripted:1:0", "scripted:1:2:3", "http://a", "scripted:2000"]
        {
            assert_eq!(ScriptedSettings::parse(odd), None, "{odd}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_passage_is_quoted_and_numbers_come_by_the_clock() {
        let model = ScriptedChat::new(ScriptedSettings { per_second: 10, pieces: 3 }, 100, || 7);
        let prompt = "Answer.\n\n[1] Fees › Cards\n\nA card is free.\n\n[2] Other\n\nNo.";
        let request = ChatRequest { messages: vec![ChatMessage::System(prompt.to_owned())], ..ChatRequest::default() };
        let start = Instant::now();
        let answer = model.answer(&request).await.expect("an answer");
        let events: Vec<_> = answer.events.map(|event| event.expect("no error")).collect().await;
        let texts: Vec<_> = events
            .iter()
            .filter_map(|event| if let ChatEvent::Text(text) = event { Some(text.as_str()) } else { None })
            .collect();
        assert_eq!(texts, ["A card is free. [1]\n\n", "7 ", "7 ", "7 "]);
        assert_eq!(start.elapsed().as_millis(), 300);
        assert!(matches!(events.last(), Some(ChatEvent::Finished { .. })));
    }
}
