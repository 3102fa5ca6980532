//! What waits to be sent to one client.
//!
//! Bounded by events and bytes: adjacent pieces of the same answer are merged
//! first, and when even so it is too much, the client reads too slowly and its
//! connection is closed. Nobody who puts something in ever waits.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::protocol::message::MessageDelta;
use crate::protocol::server_message::{ServerFrame, ServerMessage};

/// Pieces of an answer are not merged beyond this size.
const MAX_MERGED_BYTES: usize = 32 * 1024;
/// Room that a waiting frame may have left.
const SPARE_BYTES: usize = 1024;

/// A frame that is sent to one or several clients.
#[derive(Clone, Debug)]
pub struct Outgoing {
    text: Utf8Bytes,
    /// What can be merged, when it is a piece of an answer.
    delta: Option<Box<Piece>>,
}

#[derive(Clone, Debug)]
struct Piece {
    first: u64,
    last: u64,
    ts: Option<String>,
    delta: MessageDelta,
    merged: bool,
}

impl Outgoing {
    /// A frame as it is.
    pub fn new(frame: &ServerFrame) -> Self {
        Self::encoded(encode(frame))
    }

    /// A frame that is encoded already.
    pub fn encoded(text: String) -> Self {
        Self { text: trimmed(text), delta: None }
    }

    /// An event that is encoded already.
    pub fn event(text: String, frame: &ServerFrame) -> Self {
        let delta = match (&frame.message, frame.seq) {
            (ServerMessage::MessageDelta(delta), Some(seq)) => {
                let piece = Piece { first: seq, last: seq, ts: frame.ts.clone(), delta: delta.clone(), merged: false };
                Some(Box::new(piece))
            }
            _ => None,
        };
        Self { text: trimmed(text), delta }
    }

    fn len(&self) -> usize {
        self.delta.as_ref().filter(|piece| piece.merged).map_or(self.text.len(), |piece| piece.delta.delta.len() + 256)
    }

    /// Takes `next` in, when both are pieces of one answer and nothing is between.
    fn merge(&mut self, next: &Outgoing) -> bool {
        let (Some(piece), Some(more)) = (self.delta.as_mut(), next.delta.as_ref()) else { return false };
        // Sources hold for the text before them, so a piece with sources ends there.
        let fits = piece.delta.message_id == more.delta.message_id
            && piece.delta.cites.is_empty()
            && piece.last + 1 == more.first
            && piece.delta.delta.len() + more.delta.delta.len() <= MAX_MERGED_BYTES;
        if fits {
            piece.delta.delta.push_str(&more.delta.delta);
            piece.delta.cites.clone_from(&more.delta.cites);
            piece.last = more.last;
            piece.merged = true;
        }
        fits
    }

    fn into_text(self) -> Utf8Bytes {
        match self.delta {
            Some(piece) if piece.merged => {
                let Piece { first, last, ts, mut delta, merged: _ } = *piece;
                delta.from_seq = Some(first);
                let message = ServerMessage::MessageDelta(delta);
                encode(&ServerFrame { message, seq: Some(last), reference: None, ts }).into()
            }
            Some(_) | None => self.text,
        }
    }
}

/// A text that may wait for long, without more room than it needs: what it was written
/// into has grown by doubling.
fn trimmed(mut text: String) -> Utf8Bytes {
    if text.capacity() - text.len() > SPARE_BYTES {
        text.shrink_to_fit();
    }
    text.into()
}

/// A frame as JSON.
pub fn encode(frame: &ServerFrame) -> String {
    serde_json::to_string(frame).unwrap_or_else(|error| {
        tracing::error!(error = %error, "a frame could not be encoded");
        String::from(
            "{\"type\":\"error\",\"data\":{\"code\":\"internal\",\"message\":\"not encodable\",\"retryable\":true}}",
        )
    })
}

/// What waits to be sent to one client.
#[derive(Debug)]
pub struct Outbox {
    queue: Mutex<Queue>,
    wake: Notify,
    max_events: usize,
    max_bytes: usize,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Outgoing>,
    bytes: usize,
    /// How many of the first ones are a replay, which has a limit of its own.
    exempt: usize,
    exempt_bytes: usize,
    overflowed: bool,
}

impl Queue {
    /// Bytes that count against `max_bytes`. A frame larger than that is let through
    /// when it is the first one: that it waits is not the fault of a slow reader.
    fn counted_bytes(&self, max_bytes: usize) -> usize {
        let first = self.waiting.get(self.exempt).map_or(0, Outgoing::len);
        let large = if first > max_bytes { first } else { 0 };
        self.bytes.saturating_sub(self.exempt_bytes + large)
    }
}

impl Outbox {
    /// An empty one.
    pub fn new(max_events: usize, max_bytes: usize) -> Self {
        Self { queue: Mutex::default(), wake: Notify::new(), max_events, max_bytes }
    }

    /// One that takes nothing.
    pub fn closed() -> Self {
        let queue = Queue { overflowed: true, ..Queue::default() };
        Self { queue: Mutex::new(queue), ..Self::new(0, 0) }
    }

    /// The lock is held for a few moves of memory, never across a wait.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a frame at the end.
    pub fn push(&self, outgoing: Outgoing) {
        let mut queue = self.lock();
        if queue.overflowed {
            return;
        }
        let exempt = queue.exempt;
        let before = queue.waiting.back().map_or(0, Outgoing::len);
        let last = if queue.waiting.len() > exempt { queue.waiting.back_mut() } else { None };
        match last.and_then(|last| last.merge(&outgoing).then(|| last.len())) {
            Some(after) => queue.bytes = (queue.bytes + after).saturating_sub(before),
            None => {
                queue.bytes += outgoing.len();
                queue.waiting.push_back(outgoing);
            }
        }
        if queue.waiting.len() - queue.exempt > self.max_events || queue.counted_bytes(self.max_bytes) > self.max_bytes
        {
            *queue = Queue { overflowed: true, ..Queue::default() };
        }
        drop(queue);
        self.wake.notify_one();
    }

    /// Puts frames before everything that waits; they do not count as waiting.
    pub fn prepend(&self, frames: Vec<Outgoing>) {
        let mut queue = self.lock();
        for outgoing in frames.into_iter().rev() {
            queue.exempt += 1;
            queue.exempt_bytes += outgoing.len();
            queue.bytes += outgoing.len();
            queue.waiting.push_front(outgoing);
        }
        drop(queue);
        self.wake.notify_one();
    }

    /// Takes the first frame.
    pub fn pop(&self) -> Option<Utf8Bytes> {
        let mut queue = self.lock();
        let first = queue.waiting.pop_front()?;
        let len = first.len();
        if queue.exempt > 0 {
            queue.exempt -= 1;
            queue.exempt_bytes = queue.exempt_bytes.saturating_sub(len);
        }
        queue.bytes = if queue.waiting.is_empty() { 0 } else { queue.bytes.saturating_sub(len) };
        if queue.waiting.is_empty() {
            queue.waiting.shrink_to(8);
        }
        drop(queue);
        Some(first.into_text())
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.lock().waiting.is_empty()
    }

    /// Whether more came than may wait.
    pub fn overflowed(&self) -> bool {
        self.lock().overflowed
    }

    /// Until something is there to be looked at.
    pub async fn changed(&self) {
        self.wake.notified().await;
    }

    /// Makes the connection look, though nothing was added.
    pub fn nudge(&self) {
        self.wake.notify_one();
    }
}

/// Where the frames of one connection wait.
#[derive(Clone, Debug)]
pub struct Outlets {
    /// Answers to its commands.
    pub answers: Arc<Outbox>,
    /// Events of its conversation.
    pub events: Arc<Outbox>,
}

impl Outlets {
    /// One queue for everything, in the order in which it came.
    pub fn together(outbox: Arc<Outbox>) -> Self {
        Self { answers: outbox.clone(), events: outbox }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delta(seq: u64, text: &str, cites: Vec<u32>) -> Outgoing {
        let delta = MessageDelta { message_id: "m".to_owned(), delta: text.to_owned(), cites, from_seq: None };
        let message = ServerMessage::MessageDelta(delta);
        let frame = ServerFrame { message, seq: Some(seq), reference: None, ts: None };
        Outgoing::event(encode(&frame), &frame)
    }

    fn drain(outbox: &Outbox) -> Vec<ServerFrame> {
        std::iter::from_fn(|| outbox.pop()).map(|text| serde_json::from_str(&text).expect("a frame")).collect()
    }

    #[test]
    fn adjacent_pieces_of_one_answer_are_merged_up_to_their_sources() {
        let outbox = Outbox::new(2, 10_000);
        outbox.push(delta(1, "a", vec![]));
        outbox.push(delta(2, "b", vec![1]));
        outbox.push(delta(3, "c", vec![]));
        outbox.push(delta(4, "d", vec![]));
        let frames = drain(&outbox);
        let seen: Vec<_> = frames
            .iter()
            .map(|frame| match &frame.message {
                ServerMessage::MessageDelta(delta) => (frame.seq, delta.from_seq, delta.delta.as_str()),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(seen, [(Some(2), Some(1), "ab"), (Some(4), Some(3), "cd")]);
        assert!(!outbox.overflowed());
    }

    #[test]
    fn what_is_merged_is_counted_as_it_waits() {
        let outbox = Outbox::new(2, 2_000);
        (1..500).for_each(|seq| outbox.push(delta(seq, "x", vec![])));
        assert!(!outbox.overflowed(), "one piece of about 750 bytes waits");
        let queue = outbox.lock();
        assert_eq!(queue.bytes, queue.waiting.iter().map(Outgoing::len).sum::<usize>());
    }

    #[test]
    fn overflows_by_events_or_by_bytes_and_spares_the_replay() {
        let frame = || Outgoing::encoded("x".repeat(10));
        let outbox = Outbox::new(2, 25);
        outbox.prepend(vec![frame(), frame(), frame(), frame()]);
        outbox.push(frame());
        outbox.push(frame());
        assert!(!outbox.overflowed());
        outbox.push(frame());
        assert!(outbox.overflowed() && outbox.is_empty());

        let outbox = Outbox::new(100, 25);
        outbox.push(Outgoing::encoded("x".repeat(100)));
        outbox.push(frame());
        assert!(!outbox.overflowed(), "one large frame alone is not a slow reader");
        outbox.push(Outgoing::encoded("x".repeat(100)));
        assert!(outbox.overflowed());

        let outbox = Outbox::new(100, 25);
        (0..2).for_each(|_| outbox.push(frame()));
        assert!(!outbox.overflowed());
        outbox.push(frame());
        assert!(outbox.overflowed());
    }
}
