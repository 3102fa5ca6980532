//! A message that asks two things: "how do I export, and what does it cost?"

use crate::text::sentence::sentences;

/// Most questions of one message that are answered apart.
const MAX_QUESTIONS: usize = 3;

/// Words that a question begins with.
const OPENERS: &[&str] = &[
    "how", "what", "what's", "where", "where's", "when", "why", "who", "which", "can", "could", "do", "does", "did",
    "is", "are", "will", "would", "should", "may", "wie", "was", "wo", "wann", "warum", "wer", "welche", "kann",
    "können", "gibt", "ist", "comment", "quel", "quelle", "combien", "où", "quand", "pourquoi", "qui", "puis-je",
    "peut-on", "est-ce", "cómo", "qué", "cuánto", "dónde", "cuándo", "quién", "puedo", "se",
];

/// Words that join two questions.
const JOINERS: &[&str] = &["and", "also", "plus", "und", "et", "y"];

/// The questions of a message, in its order; one or none when it does not ask more
/// than one thing.
pub(super) fn of(message: &str) -> Vec<&str> {
    let mut questions: Vec<&str> = Vec::new();
    for range in sentences(message) {
        let mut rest = &message[range];
        while let Some((first, second)) = cut(rest) {
            questions.push(first);
            rest = second;
        }
        questions.push(rest);
    }
    let mut questions: Vec<&str> = questions.into_iter().map(str::trim).filter(|text| is_question(text)).collect();
    questions.truncate(MAX_QUESTIONS);
    questions
}

/// Cuts before a joiner that a question follows: "..., and what does it cost".
fn cut(text: &str) -> Option<(&str, &str)> {
    let words: Vec<(usize, &str)> = words(text).collect();
    let at = words.windows(2).skip(2).position(|pair| {
        JOINERS.contains(&pair[0].1.to_lowercase().as_str()) && OPENERS.contains(&pair[1].1.to_lowercase().as_str())
    })?;
    let ((joiner, _), (opener, _)) = (words[at + 2], words[at + 3]);
    let first = text[..joiner].trim_end().trim_end_matches(',');
    Some((first, &text[opener..]))
}

fn is_question(text: &str) -> bool {
    let opens = words(text).next().is_some_and(|(_, word)| OPENERS.contains(&word.to_lowercase().as_str()));
    (opens || text.ends_with(['?', '？'])) && words(text).count() >= 3
}

fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_inner = |c: char| c.is_alphanumeric() || matches!(c, '\'' | '’' | '-');
    text.split(move |c: char| !is_inner(c))
        .filter(|word| !word.is_empty())
        .map(|word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_questions_are_two() {
        for (message, expected) in [
            ("how do I export, and what does it cost?", &["how do I export", "what does it cost?"][..]),
            ("How do I export? What does it cost?", &["How do I export?", "What does it cost?"]),
            (
                "Hi! I am new. Where are my invoices and can I pay by card?",
                &["Where are my invoices", "can I pay by card?"],
            ),
            ("how do I import and export contacts?", &["how do I import and export contacts?"]),
            ("export and import", &[]),
            ("", &[]),
        ] {
            assert_eq!(of(message), expected, "{message}");
        }
    }
}
