//! The few sentences that the agent says in its own words, by language.
//!
//! Everything else it says is an author's text. A language that is not listed
//! falls back to English.

mod languages;

use crate::domain::locale::Locale;

use languages::{ENGLISH, OTHERS};

/// The agent's own sentences in one language.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Phrasing {
    language: &'static str,
    /// Asks which of several answers was meant.
    pub(crate) did_you_mean: &'static str,
    /// Says that the knowledge does not hold the answer.
    pub(crate) no_answer: &'static str,
    /// Comes before the articles nearest to a question without an answer.
    pub(crate) nearest: &'static str,
    /// Comes before further articles.
    pub(crate) see_also: &'static str,
    /// Comes before offers that are all there is to say.
    pub(crate) offer: &'static str,
    /// A reply that asks for a person.
    pub(crate) talk_to_person: &'static str,
    /// Says that a person takes over.
    pub(crate) handover: &'static str,
    /// Says that an action, `{}`, failed; a reason follows.
    pub(crate) did_not_work: &'static str,
    /// Comes before the actions that are left.
    pub(crate) you_can_still: &'static str,
    /// Comes before a page that serves instead.
    pub(crate) see_instead: &'static str,
    /// A reason: its target is not for this user or page.
    pub(crate) not_available: &'static str,
    /// A reason: an element of the page is not there.
    pub(crate) element_missing: &'static str,
    /// A reason: the browser refused.
    pub(crate) not_allowed: &'static str,
    /// A reason: the time was over.
    pub(crate) too_late: &'static str,
    /// A reason: the tab is not connected any more.
    pub(crate) tab_gone: &'static str,
    /// Offers an automation, whose button is beside it.
    pub(crate) shall_i: &'static str,
    /// Asks for the consent to an automation.
    pub(crate) go_ahead: &'static str,
    /// A reply that consents.
    pub(crate) yes: &'static str,
    /// A reply that refuses.
    pub(crate) no: &'static str,
    /// Asks again for one of several values.
    pub(crate) choose_one: &'static str,
    /// Asks again for a number.
    pub(crate) number_please: &'static str,
    /// Asks again for a yes or a no.
    pub(crate) yes_or_no: &'static str,
    /// Asks again for a text.
    pub(crate) text_please: &'static str,
    /// Says that an automation, `{}`, has ended well.
    pub(crate) done: &'static str,
    /// Says that an automation, `{}`, will not be run.
    pub(crate) cancelled: &'static str,
    /// Says that an automation, `{}`, has stopped at `{step}` of `{steps}`; a reason follows.
    pub(crate) stopped: &'static str,
}

impl Phrasing {
    /// The sentences for `locale`, else for `fallback`, else in English.
    pub(crate) fn of(locale: Option<&Locale>, fallback: &Locale) -> &'static Self {
        Self::in_language(locale.unwrap_or(fallback))
    }

    /// The sentences for `locale`, else in English.
    pub(crate) fn in_language(locale: &Locale) -> &'static Self {
        let language = locale.language();
        OTHERS.iter().find(|phrasing| phrasing.language == language).unwrap_or(&ENGLISH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_without_sentences_falls_back_to_english() {
        let locale = |tag| Locale::new(tag).expect("a tag");
        assert_eq!(Phrasing::of(Some(&locale("de-AT")), &locale("en")).language, "de");
        assert_eq!(Phrasing::of(None, &locale("zh-Hant")).language, "zh");
        assert_eq!(Phrasing::of(Some(&locale("fi")), &locale("de")), &ENGLISH);
    }

    #[test]
    fn every_language_names_what_it_speaks_of() {
        for phrasing in OTHERS.iter().chain([&ENGLISH]) {
            for named in [phrasing.did_not_work, phrasing.done, phrasing.cancelled, phrasing.stopped] {
                assert_eq!(named.matches("{}").count(), 1, "{}: {named}", phrasing.language);
            }
            assert!(phrasing.stopped.contains("{step}") && phrasing.stopped.contains("{steps}"));
        }
    }
}
