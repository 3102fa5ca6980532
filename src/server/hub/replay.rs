//! The events that a client has missed, with finished answers in one piece.

use std::ops::Range;

use serde::Deserialize;

use super::publish::numbered;
use crate::ports::conversation_store::StoredEvent;
use crate::server::outbox::Outgoing;

/// What decides whether an event is left out.
#[derive(Deserialize)]
struct Head {
    r#type: String,
    data: HeadData,
}

#[derive(Deserialize)]
struct HeadData {
    message_id: Option<String>,
    from_seq: Option<u64>,
}

/// Leaves out what a later `message.completed` contains: its beginning, the pieces of
/// its text, and the sources that came between them. Its `from_seq` explains the hole.
pub(super) fn compacted(events: &[StoredEvent]) -> Vec<Outgoing> {
    let heads: Vec<Option<Head>> = events.iter().map(|event| serde_json::from_str(&event.frame).ok()).collect();
    // An answer that was given again has several.
    let completed: Vec<(&str, Range<u64>)> = events
        .iter()
        .zip(&heads)
        .filter_map(|(event, head)| {
            let head = head.as_ref().filter(|head| head.r#type == "message.completed")?;
            Some((head.data.message_id.as_deref()?, head.data.from_seq?..event.seq))
        })
        .collect();
    let is_contained = |event: &StoredEvent, head: &Head| {
        matches!(head.r#type.as_str(), "message.started" | "message.delta" | "citation.added")
            && head.data.message_id.as_deref().is_some_and(|message| {
                completed.iter().any(|(whole, numbers)| *whole == message && numbers.contains(&event.seq))
            })
    };
    events
        .iter()
        .zip(&heads)
        .filter(|(event, head)| !head.as_ref().is_some_and(|head| is_contained(event, head)))
        .map(|(event, _)| Outgoing::encoded(numbered(event.seq, &event.frame)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::outbox::Outbox;

    #[test]
    fn finished_answers_come_in_one_piece() {
        let frames = [
            r#"{"type":"message.started","data":{"message_id":"m"}}"#,
            r#"{"type":"citation.added","data":{"message_id":"m","ref":1}}"#,
            r#"{"type":"message.delta","data":{"message_id":"m","delta":"a"}}"#,
            r#"{"type":"citation.added","data":{"message_id":"m","ref":2}}"#,
            r#"{"type":"message.delta","data":{"message_id":"m","delta":"b"}}"#,
            r#"{"type":"message.completed","data":{"message_id":"m","text":"ab","from_seq":8}}"#,
            r#"{"type":"message.started","data":{"message_id":"m","rev":2}}"#,
            r#"{"type":"message.delta","data":{"message_id":"m","delta":"c"}}"#,
        ];
        let events: Vec<_> = (7..)
            .zip(frames)
            .map(|(seq, frame)| StoredEvent { seq, frame: frame.to_owned(), fingerprint: None })
            .collect();
        let outbox = Outbox::new(100, 100_000);
        outbox.prepend(compacted(&events));
        let seqs: Vec<u64> = std::iter::from_fn(|| outbox.pop())
            .map(|text| {
                serde_json::from_str::<serde_json::Value>(&text).expect("JSON")["seq"].as_u64().expect("a number")
            })
            .collect();
        assert_eq!(seqs, [7, 12, 13, 14], "another attempt goes on");
    }
}
