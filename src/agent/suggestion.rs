//! Which automation a message asks for, by the instructions that its author wrote.
//!
//! An instruction such as "the user asks where billing is or wants to change the plan"
//! tells several uses. Each is compared with the message word by word, where words near
//! in meaning count in part, and as a whole. What comes of it is only an offer with a
//! button, yet one that leads astray is worse than none: a use must be said nearly whole,
//! and hardly anything beside it.

use super::trace::AutomationTrace;
use crate::domain::ids::AutomationId;
use crate::domain::project::Project;
use crate::intent::message::Message;
use crate::intent::polarity::Polarity;
use crate::ports::embedder::{EmbedError, Embedder, Role};
use crate::ports::word_vectors::WordVectors;
use crate::text::analysis::{Analyzer, TermKind};
use crate::text::language::Language;
use crate::text::normalize::normalize;

/// Least score of a use that fits, where meanings are compared.
const FITS: f32 = 0.64;

/// Least score where words alone are compared.
const FITS_BY_WORDS: f32 = 0.7;

/// How much more a question about something must be like a use that is no question.
const ASKING: f32 = 0.15;

/// Words that are less alike than this have nothing to do with each other.
const UNRELATED: f32 = 0.35;

/// From this cosine on a word is taken for another form of the asked one.
const SAME: f32 = 0.75;

/// Most uses that one instruction tells.
const MAX_USES: usize = 8;

/// Words of instructions that say who wants something, and not what.
const WHO: &[&str] = &[
    "user",
    "users",
    "customer",
    "customers",
    "visitor",
    "visitors",
    "someone",
    "somebody",
    "person",
    "people",
    "they",
    "benutzer",
    "nutzer",
    "kunde",
    "kunden",
    "utilisateur",
    "utilisatrice",
    "client",
    "usuario",
    "usuaria",
    "cliente",
];

/// Words that may stand before those.
const ARTICLES: &[&str] = &["the", "a", "an", "der", "die", "le", "la", "el"];

/// Words that say that something is wanted, and not what.
const WANTS: &[&str] = &[
    "ask", "asks", "asking", "asked", "want", "wants", "wanting", "wish", "wishes", "need", "needs", "like", "try",
    "tries", "trying", "say", "says", "mention", "mentions", "looking", "looks", "please", "fragt", "fragen", "möchte",
    "möchten", "will", "wissen", "sucht", "bitte", "demande", "veut", "veux", "souhaite", "cherche", "pregunta",
    "quiere", "quiero", "busca",
];

/// Words that questions begin with which want to know something rather than to have it
/// done.
const INFORMATION: &[&str] = &[
    "which", "who", "whose", "what", "when", "why", "does", "do", "did", "is", "are", "was", "were", "welche",
    "welcher", "welches", "wer", "was", "wann", "warum", "ist", "sind", "quel", "quelle", "quels", "quelles", "qui",
    "quand", "pourquoi", "combien", "cuál", "cuáles", "quién", "qué", "cuándo", "cuánto", "cuántos",
];

/// What follows "how" in such a question.
const HOW: &[&str] = &["many", "much", "long", "often", "viel", "viele", "lange", "oft"];

/// Words that stand for something which only the text before them names.
const PRONOUNS: &[&str] = &["it", "them", "that", "this", "es", "sie"];

/// What automations are for.
#[derive(Default)]
pub(super) struct Suggestions {
    uses: Vec<Use>,
    lack_vectors: bool,
}

struct Use {
    automation: AutomationId,
    text: String,
    words: Vec<Word>,
    polarity: Polarity,
    vector: Option<Vec<f32>>,
    /// Whether it is a question of that kind itself.
    asks: bool,
}

struct Word {
    stem: String,
    vector: Option<Vec<f32>>,
}

/// How well a message fits the best use of an automation.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fit {
    pub(super) automation: AutomationId,
    /// The use, in the author's words.
    pub(super) text: String,
    /// How much of the use and of the message the other one says, 0 to 1.
    pub(super) words: f32,
    /// Cosine of the two meanings, when they were compared.
    pub(super) meaning: Option<f32>,
    pub(super) score: f32,
    pub(super) threshold: f32,
    /// The opposites on which the two stand, when they do.
    pub(super) conflict: Option<&'static str>,
}

impl Fit {
    pub(super) fn is_enough(&self) -> bool {
        self.score >= self.threshold && self.conflict.is_none()
    }

    pub(super) fn trace(&self) -> AutomationTrace {
        AutomationTrace {
            automation_id: self.automation.to_string(),
            text: self.text.clone(),
            words: self.words,
            meaning: self.meaning,
            score: self.score,
            threshold: self.threshold,
            detail: match self.conflict {
                Some(opposites) => format!("it is about the opposite: {opposites}"),
                None if self.is_enough() => "it fits".to_owned(),
                None => "the message asks for something else".to_owned(),
            },
        }
    }
}

impl Suggestions {
    /// Reads the instructions of all automations that the agent may offer.
    pub(super) async fn read(project: &Project, embedder: &dyn Embedder) -> Self {
        let language = Language::of_locale(&project.settings.default_locale);
        let active = project.automations.values().filter(|automation| automation.agent.active);
        let mut uses: Vec<Use> = active
            .flat_map(|automation| {
                let told = uses_of(&automation.agent.instructions);
                let texts = told.into_iter().chain([automation.name.clone()]);
                texts.map(|text| Use::read(automation.id.clone(), text, language, embedder))
            })
            .filter(|one| !one.words.is_empty())
            .collect();
        let mut lack_vectors = false;
        if !uses.is_empty() && embedder.knows(language.as_str()) {
            let texts: Vec<&str> = uses.iter().map(|one| one.text.as_str()).collect();
            match embedder.embed(&texts, Role::Phrase).await {
                Ok(vectors) => {
                    let vectors: Vec<Vec<f32>> = vectors.iter().map(<[f32]>::to_vec).collect();
                    for (one, vector) in uses.iter_mut().zip(vectors) {
                        one.vector = Some(vector).filter(|vector| vector.iter().any(|value| *value != 0.0));
                    }
                }
                Err(error) => {
                    lack_vectors = true;
                    tracing::warn!(%error, "instructions of automations are compared by their words alone");
                }
            }
        }
        Self { uses, lack_vectors }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.uses.is_empty()
    }

    /// Whether the embedder failed when they were read.
    pub(super) fn lack_vectors(&self) -> bool {
        self.lack_vectors
    }

    /// How well a message fits each automation, the best first.
    ///
    /// # Errors
    /// When the message cannot be embedded; then words alone can be compared, with
    /// `embedder` absent.
    pub(super) async fn fits(
        &self,
        said: &str,
        message: &Message,
        embedder: Option<&dyn Embedder>,
    ) -> Result<Vec<Fit>, EmbedError> {
        let knowing = embedder.filter(|embedder| embedder.knows(message.language.as_str()));
        let vector = match knowing {
            Some(embedder) => Some(embedder.embed(&[said], Role::Question).await?.into_values()),
            None => None,
        };
        let words = content(said, message.language, knowing.and_then(Embedder::words));
        let asks = wants_to_know(said);
        let mut fits: Vec<Fit> = Vec::new();
        for one in &self.uses {
            let fit = one.fit(&words, (&message.polarity, asks), vector.as_deref());
            match fits.iter_mut().find(|known| known.automation == fit.automation) {
                Some(known) if known.score >= fit.score => {}
                Some(known) => *known = fit,
                None => fits.push(fit),
            }
        }
        fits.sort_by(|one, other| other.score.total_cmp(&one.score));
        Ok(fits)
    }
}

impl Use {
    fn read(automation: AutomationId, text: String, language: Language, embedder: &dyn Embedder) -> Self {
        let known = embedder.knows(language.as_str());
        let words = content(&text, language, embedder.words().filter(|_| known));
        let polarity = Message::read(&text, language).polarity;
        let asks = wants_to_know(&text);
        Self { automation, text, words, polarity, vector: None, asks }
    }

    fn fit(&self, said: &[Word], (polarity, asks): (&Polarity, bool), vector: Option<&[f32]>) -> Fit {
        let (of_use, of_message) = (share(&self.words, said), share(said, &self.words));
        let sum = of_use + of_message;
        let words = if sum > 0.0 { 2.0 * of_use * of_message / sum } else { 0.0 };
        let meaning = self.vector.as_deref().zip(vector).map(|(one, other)| cosine(one, other));
        let (score, threshold) = match meaning {
            Some(meaning) => (0.5 * words + 0.5 * meaning.max(0.0), FITS),
            None => (words, FITS_BY_WORDS),
        };
        let threshold = if asks && !self.asks { threshold + ASKING } else { threshold };
        Fit {
            automation: self.automation.clone(),
            text: self.text.clone(),
            words,
            meaning,
            score,
            threshold,
            conflict: polarity.conflict(&self.polarity),
        }
    }
}

/// The uses that an instruction tells, each without who wants it.
fn uses_of(instructions: &str) -> Vec<String> {
    let mut uses = Vec::new();
    for part in instructions.split([',', ';', '.', '\n']) {
        let words: Vec<&str> = part.split_whitespace().collect();
        for clause in words.split(|word| matches!(word.to_lowercase().as_str(), "or" | "oder" | "ou" | "o")) {
            let is_of = |words: &[&str], word: &str| words.contains(&word.to_lowercase().as_str());
            let is_frame = |word: &&&str| is_of(WHO, word) || is_of(WANTS, word);
            let framed = clause.iter().take_while(|word| is_frame(word) || is_of(ARTICLES, word)).count();
            // An article before the thing that is wanted belongs to it.
            let wanted = clause[..framed].iter().rposition(|word| is_frame(&word)).map_or(0, |at| at + 1);
            let text = clause[wanted..].join(" ");
            let text = text.strip_prefix("to").filter(|rest| rest.is_empty() || rest.starts_with(' ')).unwrap_or(&text);
            let text = text.trim().to_owned();
            let stands_alone = text.split(' ').count() > 2 || !text.split(' ').any(|word| PRONOUNS.contains(&word));
            if stands_alone && !text.is_empty() && uses.len() < MAX_USES {
                uses.push(text);
            }
        }
    }
    uses
}

fn wants_to_know(text: &str) -> bool {
    let lower = text.to_lowercase();
    let mut words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    match words.next() {
        Some("how" | "wie") => words.next().is_some_and(|word| HOW.contains(&word)),
        Some(word) => INFORMATION.contains(&word),
        None => false,
    }
}

/// The words of a text that say something.
fn content(text: &str, language: Language, vectors: Option<&dyn WordVectors>) -> Vec<Word> {
    let folded = normalize(text);
    let mut words: Vec<Word> = Vec::new();
    for term in Analyzer::of(language).terms(&folded) {
        let surface = &folded[term.start..term.end];
        let says = !term.stopword && term.kind != TermKind::Name && !WANTS.contains(&surface);
        if says && words.iter().all(|word| word.stem != term.text) {
            let vector = vectors.and_then(|vectors| vectors.known_vector(surface));
            words.push(Word { stem: term.text, vector });
        }
    }
    words
}

/// How much of `asked` is said by `said`.
fn share(asked: &[Word], said: &[Word]) -> f32 {
    if asked.is_empty() {
        return 0.0;
    }
    let likeness = |one: &Word| said.iter().map(|other| alike(one, other)).fold(0.0, f32::max);
    #[expect(clippy::cast_precision_loss, reason = "a text has few words")]
    let count = asked.len() as f32;
    asked.iter().map(likeness).sum::<f32>() / count
}

fn alike(one: &Word, other: &Word) -> f32 {
    if one.stem == other.stem {
        return 1.0;
    }
    let Some((one, other)) = one.vector.as_deref().zip(other.vector.as_deref()) else { return 0.0 };
    match cosine(one, other) {
        same if same >= SAME => 1.0,
        near => ((near - UNRELATED) / (SAME - UNRELATED)).clamp(0.0, 1.0),
    }
}

fn cosine(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_tell_uses() {
        for (instructions, expected) in [
            (
                "the user asks where billing is or wants to change the plan",
                &["where billing is", "change the plan"][..],
            ),
            ("The customer needs an invoice, or a receipt; refunds.", &["an invoice", "a receipt", "refunds"]),
            ("exporting contacts", &["exporting contacts"]),
            ("der Benutzer möchte die Rechnung oder den Tarif sehen", &["die Rechnung", "den Tarif sehen"]),
            ("the user wants to", &[]),
            ("the user forgot the password or wants to reset it", &["forgot the password"]),
            ("", &[]),
        ] {
            assert_eq!(uses_of(instructions), expected, "{instructions}");
        }
    }
}
