//! Shows an answer while it is written, once it rests on evidence.
//!
//! Nothing is shown before the first claim that its passages support. What is held
//! back until then is at most a sentence or two of a grounded answer, and all of one
//! that is not.

use tokio::sync::mpsc;

use super::evidence::Evidence;
use super::screen::{Piece, Screen};
use crate::agent::turn_event::TurnEvent;
use crate::domain::conversation::Citation;

/// The answer as far as it is written.
pub(super) struct Writer<'a> {
    events: &'a mpsc::Sender<TurnEvent>,
    /// What the user said, which an answer may repeat.
    said: &'a str,
    screen: Screen,
    held: Vec<Piece>,
    /// What was written since the last citation.
    claim: String,
    /// Whether a request to the model has ended and the next one has written nothing.
    is_between: bool,
    is_shown: bool,
    shown: Vec<(String, Vec<u32>)>,
    citations: Vec<Citation>,
    claims: u32,
    supported: u32,
    /// What there was when the current request to the model began.
    before: Before,
}

/// What earlier requests to the model have brought.
#[derive(Clone, Copy, Default)]
struct Before {
    shown: usize,
    claims: u32,
    supported: u32,
}

/// How an answer turned out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Its claims are in the passages, or most of them.
    Grounded,
    /// It claims nothing and asks something back.
    Question,
    /// It says nothing that the passages support.
    Ungrounded,
}

impl<'a> Writer<'a> {
    pub(super) fn new(events: &'a mpsc::Sender<TurnEvent>, said: &'a str) -> Self {
        Self {
            events,
            said,
            screen: Screen::new(),
            held: Vec::new(),
            claim: String::new(),
            is_between: false,
            is_shown: false,
            shown: Vec::new(),
            citations: Vec::new(),
            claims: 0,
            supported: 0,
            before: Before::default(),
        }
    }

    /// Takes in what the model wrote.
    pub(super) async fn write(&mut self, text: &str, evidence: &mut Evidence<'_>) {
        if std::mem::take(&mut self.is_between) && !self.is_empty() {
            self.take(Piece { text: "\n\n".to_owned(), cites: Vec::new() }, evidence).await;
        }
        for piece in self.screen.push(text, evidence) {
            self.take(piece, evidence).await;
        }
    }

    /// Takes in the rest of what was held back. What follows is another paragraph.
    pub(super) async fn end(&mut self, evidence: &mut Evidence<'_>) {
        self.is_between = true;
        for piece in self.screen.finish(evidence) {
            self.take(piece, evidence).await;
        }
        self.before = Before { shown: self.shown.len(), claims: self.claims, supported: self.supported };
    }

    /// Takes back what the current request has brought: it was no answer. What of it
    /// was shown is replaced in the end by what the answer is.
    pub(super) fn retract(&mut self) {
        let Before { shown, claims, supported } = self.before;
        self.screen.forget();
        self.held.clear();
        self.claim.clear();
        self.shown.truncate(shown);
        self.is_shown = shown > 0;
        (self.claims, self.supported) = (claims, supported);
    }

    async fn take(&mut self, piece: Piece, evidence: &mut Evidence<'_>) {
        self.claim.push_str(&piece.text);
        let mut is_supported = false;
        if !piece.cites.is_empty() {
            self.claims += 1;
            is_supported = evidence.supports(&self.claim, &piece.cites, self.said);
            self.supported += u32::from(is_supported);
            self.claim.clear();
        }
        if self.is_shown {
            self.show(piece, evidence).await;
            return;
        }
        self.held.push(piece);
        if is_supported {
            self.is_shown = true;
            for piece in std::mem::take(&mut self.held) {
                self.show(piece, evidence).await;
            }
        }
    }

    async fn show(&mut self, piece: Piece, evidence: &mut Evidence<'_>) {
        let (cites, new) = evidence.cite(&piece.cites);
        for citation in new {
            self.citations.push(citation.clone());
            let _ = self.events.send(TurnEvent::Citation(citation)).await;
        }
        let _ = self.events.send(TurnEvent::Delta { text: piece.text.clone(), cites: cites.clone() }).await;
        self.shown.push((piece.text, cites));
    }

    /// Whether a reader has seen anything.
    pub(super) fn is_shown(&self) -> bool {
        self.is_shown
    }

    /// Whether the model has written anything.
    pub(super) fn is_empty(&self) -> bool {
        self.held.iter().all(|piece| piece.text.trim().is_empty()) && self.shown.is_empty()
    }

    pub(super) fn verdict(&self) -> Verdict {
        if self.is_shown {
            return if self.supported * 2 >= self.claims { Verdict::Grounded } else { Verdict::Ungrounded };
        }
        let text = self.held_text();
        let text = text.trim();
        let is_question = text.ends_with(['?', '？', '؟']) && !text.contains('\n') && text.chars().count() <= 300;
        if is_question && self.claims == 0 { Verdict::Question } else { Verdict::Ungrounded }
    }

    pub(super) fn held_text(&self) -> String {
        self.held.iter().map(|piece| piece.text.as_str()).collect()
    }

    pub(super) fn claims(&self) -> (u32, u32) {
        (self.supported, self.claims)
    }

    pub(super) fn removed(&self) -> super::screen::Removed {
        self.screen.removed()
    }

    /// The pieces that were shown, and their citations.
    pub(super) fn into_shown(self) -> (Vec<(String, Vec<u32>)>, Vec<Citation>) {
        (self.shown, self.citations)
    }
}
