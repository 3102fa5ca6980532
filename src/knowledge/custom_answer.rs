//! Reading `answers/*.md`.

use crate::domain::action::availability::Context;
use crate::domain::custom_answer::CustomAnswer;
use crate::domain::ids::AnswerId;
use crate::text::normalize::normalize_phrase;

use super::reading::{Mapping, Reading};
use super::uses::PhraseUse;
use super::yaml::{Node, NodeKind};
use super::{action, heading};

/// Longest phrase, in characters; a message that long is not a phrase any more.
const MAX_PHRASE_CHARS: usize = 500;

/// Reads a Custom Answer.
pub(crate) fn custom_answer(reading: &mut Reading<'_>) -> Option<CustomAnswer> {
    let front = reading.front_matter("a Custom Answer")?;
    let mut mapping = Mapping::open(&front.root, "a Custom Answer", reading)?;
    let id = heading::id(&mut mapping, AnswerId::new, reading);
    let phrases_node = mapping.require("phrases");
    let positive = phrases_node.map(|node| phrases(node, false, reading)).unwrap_or_default();
    let negative = mapping.get("not").map(|node| phrases(node, true, reading)).unwrap_or_default();
    let audience = heading::audience(&mut mapping, reading);
    let locale = mapping.get("locale").and_then(|node| reading.locale(node));
    let actions = mapping
        .get("actions")
        .map(|node| action::actions(node, Context::Agent, None, false, reading))
        .unwrap_or_default();
    if let Some(node) = mapping.get("status") {
        let hint = "remove `status`, or move the file out of `answers/` until it is ready";
        reading.error_with_hint("answer-status", node.position, "a Custom Answer is always live", hint);
    }
    mapping.close(reading);
    let is_empty_list = |node: &Node| matches!(&node.kind, NodeKind::Sequence(items) if items.is_empty());
    if let Some(node) = phrases_node.filter(|node| is_empty_list(node)) {
        reading.error("no-phrases", node.position, "a Custom Answer needs at least one phrase");
    }
    let body = front.body.trim().to_owned();
    if body.is_empty() {
        reading.file_error("empty-body", "this Custom Answer has no text", "write it below the front matter");
    }
    if positive.is_empty() {
        return None;
    }
    Some(CustomAnswer { id: id?, phrases: positive, not: negative, audience, locale, actions, body })
}

fn phrases(node: &Node, negative: bool, reading: &mut Reading<'_>) -> Vec<String> {
    let mut phrases = Vec::new();
    let items = match &node.kind {
        NodeKind::Sequence(items) => items.as_slice(),
        NodeKind::Scalar { .. } | NodeKind::Mapping(_) => reading.items(node, "a list of phrases"),
    };
    for item in items {
        if let NodeKind::Mapping(_) = item.kind {
            reading.expected_with_hint("a phrase", item, "put quotes around a phrase that contains `: `");
            continue;
        }
        let Some(text) = reading.text(item) else { continue };
        let normal = normalize_phrase(&text);
        if normal.chars().all(|c| c.is_ascii_punctuation() || c == ' ') {
            let message = format!("the phrase `{text}` has no letters or digits");
            reading.error("empty-phrase", item.position, message);
            continue;
        }
        if text.chars().count() > MAX_PHRASE_CHARS {
            let message = format!("this phrase has more than {MAX_PHRASE_CHARS} characters");
            reading.error_with_hint("long-phrase", item.position, message, "write it as short as a user would");
            continue;
        }
        let place = reading.place(item.position);
        reading.uses.phrases.push(PhraseUse { text: text.clone(), normal, negative, place });
        phrases.push(text);
    }
    phrases
}
