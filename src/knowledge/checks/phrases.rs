//! Phrases of Custom Answers: each belongs to one answer.

use rustc_hash::FxHashMap;

use crate::diagnostic::Diagnostic;
use crate::domain::custom_answer::CustomAnswer;
use crate::domain::project::Settings;
use crate::knowledge::entry::{Entry, Object};
use crate::knowledge::uses::PhraseUse;

use super::{Across, overlap};

/// Reports phrases that two answers claim, and those that an answer takes back.
pub(super) fn check(across: &mut Across<'_>) {
    let mut first: FxHashMap<(&str, &str), (&Entry, &PhraseUse)> = FxHashMap::default();
    let mut diagnostics = Vec::new();
    for (_, entry) in across.entries {
        let Some(Object::Answer(answer)) = &entry.object else { continue };
        let language = language(answer, across.settings);
        let mut negative: FxHashMap<&str, &PhraseUse> = FxHashMap::default();
        for phrase in entry.uses.phrases.iter().filter(|phrase| phrase.negative) {
            negative.entry(&phrase.normal).or_insert(phrase);
        }
        for phrase in entry.uses.phrases.iter().filter(|phrase| !phrase.negative) {
            if let Some(taken_back) = negative.get(phrase.normal.as_str()) {
                let message = format!("`{}` stands under `phrases` too", taken_back.text);
                let hint = "a phrase cannot both match and not match";
                diagnostics
                    .push(Diagnostic::error("contradicting-phrase", taken_back.place.clone(), message).hint(hint));
            }
            match first.get(&(language, phrase.normal.as_str())) {
                None => {
                    first.insert((language, &phrase.normal), (entry, phrase));
                }
                Some((other, _)) if std::ptr::eq(*other, *entry) => {
                    let message = format!("the phrase `{}` stands here twice", phrase.text);
                    let hint = "case, spaces and punctuation do not matter; remove one";
                    diagnostics.push(Diagnostic::warning("repeated-phrase", phrase.place.clone(), message).hint(hint));
                }
                Some((other, claimed)) => {
                    if overlap::never(across, entry, other).is_none() {
                        diagnostics.push(claimed_twice(entry, phrase, other, claimed));
                    }
                }
            }
        }
    }
    across.diagnostics.extend(diagnostics);
}

fn claimed_twice(entry: &Entry, phrase: &PhraseUse, other: &Entry, claimed: &PhraseUse) -> Diagnostic {
    let place = phrase.place.clone();
    if entry.audience() == other.audience() {
        let message = format!("the phrase `{}` belongs to another answer too, at {}", phrase.text, claimed.place);
        return Diagnostic::error("duplicate-phrase", place, message).hint("keep it in one of the two answers");
    }
    let message =
        format!("the phrase `{}` is shadowed by another answer for some users, at {}", phrase.text, claimed.place);
    Diagnostic::warning("shadowed-phrase", place, message)
        .hint("give the two answers audiences that exclude each other")
}

fn language<'a>(answer: &'a CustomAnswer, settings: &'a Settings) -> &'a str {
    answer.locale.as_ref().unwrap_or(&settings.default_locale).language()
}
