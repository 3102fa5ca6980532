//! Remembers which commands were carried out, so that sending one again is harmless.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::protocol::server_message::Ack;

/// The commands carried out last.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcomes {
    /// Shared, since a conversation is copied before each step.
    done: VecDeque<Arc<Outcome>>,
}

#[derive(Clone, Debug, PartialEq)]
struct Outcome {
    id: Box<str>,
    fingerprint: u64,
    ack: Ack,
}

/// What is known about a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Known {
    /// It was not carried out, or long ago.
    New,
    /// It was carried out, with this answer.
    Done(Ack),
    /// Another command with its identifier was carried out.
    Conflict,
}

impl Outcomes {
    /// What is known about a command; one without an identifier is always new.
    pub fn look_up(&self, id: Option<&str>, fingerprint: u64) -> Known {
        let Some(id) = id else { return Known::New };
        match self.done.iter().rev().find(|outcome| &*outcome.id == id) {
            None => Known::New,
            Some(outcome) if outcome.fingerprint == fingerprint => {
                Known::Done(Ack { duplicate: true, ..outcome.ack.clone() })
            }
            Some(_) => Known::Conflict,
        }
    }

    /// Remembers a command that was carried out, and forgets the oldest beyond `capacity`.
    pub fn record(&mut self, id: Option<&str>, fingerprint: u64, ack: Ack, capacity: usize) {
        let Some(id) = id else { return };
        while self.done.len() >= capacity.max(1) {
            self.done.pop_front();
        }
        self.done.push_back(Arc::new(Outcome { id: id.into(), fingerprint, ack }));
    }
}

/// Tells the content of a command from that of another (FNV-1a, 64 bits): enough
/// against a client's mistake, and it must only mislead the client itself.
pub fn fingerprint(content: &str) -> u64 {
    content.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_commands_are_remembered() {
        let mut outcomes = Outcomes::default();
        outcomes.record(Some("a"), 1, Ack::default(), 2);
        assert_eq!(outcomes.look_up(Some("a"), 1), Known::Done(Ack { duplicate: true, ..Ack::default() }));
        assert_eq!(outcomes.look_up(Some("a"), 2), Known::Conflict);
        assert_eq!(outcomes.look_up(None, 1), Known::New);
        outcomes.record(Some("b"), 1, Ack::default(), 2);
        outcomes.record(Some("c"), 1, Ack::default(), 2);
        assert_eq!(outcomes.look_up(Some("a"), 2), Known::New);
    }
}
