//! The review of the phrases, as warnings at the phrases' places.

use std::collections::HashMap;

use super::library::teaching;
use crate::diagnostic::{Diagnostic, Place};
use crate::domain::ids::AnswerId;
use crate::domain::project::Project;
use crate::intent::phrases::Phrases;
use crate::intent::review::{ENOUGH_PHRASES, Finding, review};
use crate::knowledge::Loader;
use crate::ports::embedder::Embedder;

/// What an author should know of the phrases; nothing when the embedder fails.
pub(super) async fn warnings(project: &Project, loader: &Loader, embedder: &dyn Embedder) -> Vec<Diagnostic> {
    let teaching = teaching(project, &[], embedder);
    let phrases = Phrases::read(project.answers.values().cloned(), teaching);
    let findings = match review(&phrases, teaching).await {
        Ok(findings) => findings,
        Err(error) => {
            tracing::warn!(%error, "the phrases were not compared with each other");
            return Vec::new();
        }
    };
    let places: HashMap<(&AnswerId, &str), &Place> =
        loader.phrase_places().map(|(answer, phrase, place)| ((answer, phrase), place)).collect();
    let first = |answer: &AnswerId| project.answers.get(answer)?.phrases.first().map(String::as_str);
    let place = |answer: &AnswerId, phrase: Option<&str>| {
        let phrase = phrase.or_else(|| first(answer))?;
        places.get(&(answer, phrase)).map(|place| (*place).clone())
    };
    findings.iter().filter_map(|finding| warning(finding, place)).collect()
}

fn warning(finding: &Finding, place: impl Fn(&AnswerId, Option<&str>) -> Option<Place>) -> Option<Diagnostic> {
    Some(match finding {
        Finding::Confusable { answer, phrase, other, like, similarity, own } => Diagnostic::warning(
            "confusable-phrase",
            place(answer, Some(phrase))?,
            format!(
                "the phrase `{phrase}` reads like `{like}` of the answer `{other}` (likeness {similarity:.2}; {own:.2} to the next phrase here)"
            ),
        )
        .hint("reword one of the two, or give this answer more phrases of its own"),
        Finding::Shadowed { answer, by, taken, asked } => Diagnostic::warning(
            "shadowed-answer",
            place(answer, None)?,
            format!("{taken} of {asked} phrases would get the answer `{by}` if they were not written here"),
        )
        .hint("merge the two answers, or write phrases that tell them apart"),
        Finding::FewPhrases { answer, phrases } => Diagnostic::warning(
            "few-phrases",
            place(answer, None)?,
            format!("{phrases} of at least {ENOUGH_PHRASES} phrases: hardly any other wording will match"),
        )
        .hint("write how users ask for it, in their words; five or more are better"),
    })
}
