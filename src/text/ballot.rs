//! Function words as votes for the language of a text.

use super::language::Language;
use super::segment::{self, SegmentKind};
use super::stopword;

/// Votes that decide among all languages: a word of three letters has three.
const DECIDING_VOTES: u32 = 4;
/// Votes that decide among the few languages of a project.
const DECIDING_VOTES_OF_FEW: u32 = 3;
/// Text of at most so many words is a question or a heading, which names more
/// things in proportion than running text does.
const FEW_WORDS: u32 = 20;

/// The votes of the words of a text.
pub(super) struct Ballot {
    votes: [u32; stopword::LANGUAGES.len()],
    words: u32,
}

impl Ballot {
    /// Counts the votes of `text`.
    pub(super) fn of(text: &str) -> Self {
        let mut ballot = Self { votes: [0; stopword::LANGUAGES.len()], words: 0 };
        segment::segments(text, |segment| {
            if matches!(segment.kind, SegmentKind::Word | SegmentKind::Name) {
                ballot.words += 1;
                stopword::vote(segment.text, &mut ballot.votes);
            }
        });
        ballot
    }

    /// The language that the words clearly speak for, of all that pass `filter`.
    ///
    /// Running text has more than one vote a word in its own language; the names
    /// of places or people in it can have many in another.
    pub(super) fn clear(&self, filter: impl Fn(Language) -> bool) -> Option<Language> {
        let (language, most, second) = self.leader(filter)?;
        let enough = if self.words <= FEW_WORDS { most * 3 >= self.words } else { most * 5 >= self.words * 3 };
        (most >= DECIDING_VOTES && most * 2 >= second * 3 && enough).then_some(language)
    }

    /// The language that the words rather speak for, of the few that pass `filter`.
    pub(super) fn likely(&self, filter: impl Fn(Language) -> bool) -> Option<Language> {
        let (language, most, second) = self.leader(filter)?;
        (most >= DECIDING_VOTES_OF_FEW && most >= second * 2).then_some(language)
    }

    /// The language with the most votes, these votes, and those of the next one.
    fn leader(&self, filter: impl Fn(Language) -> bool) -> Option<(Language, u32, u32)> {
        let mut best: Option<(Language, u32)> = None;
        let mut second = 0;
        for (votes, code) in self.votes.into_iter().zip(stopword::LANGUAGES) {
            let Some(language) = Language::new(code).filter(|language| filter(*language)) else { continue };
            match best {
                Some((_, most)) if votes <= most => second = second.max(votes),
                _ => {
                    second = best.map_or(second, |(_, most)| second.max(most));
                    best = Some((language, votes));
                }
            }
        }
        best.map(|(language, most)| (language, most, second))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clear(text: &str) -> Option<String> {
        Ballot::of(text).clear(|_| true).map(|language| language.to_string())
    }

    #[test]
    fn running_text_decides_and_names_do_not() {
        assert_eq!(clear("What is the fee of my account, and how can I pay it?").as_deref(), Some("en"));
        assert_eq!(
            clear(
                "Los Angeles, San Diego, Los Alamos, La Jolla, Las Vegas and El Paso have offices; more offices \
                          open soon near Santa Fe, Palo Alto, Sacramento, Fresno, Oakland, Reno, Phoenix"
            ),
            None
        );
        assert_eq!(clear("API token"), None);
    }

    #[test]
    fn one_word_decides_between_two_languages() {
        let [english, german, dutch] = ["en", "de", "nl"].map(|code| Language::new(code).unwrap());
        let ballot = Ballot::of("Wie viele Grammys gewann Lady Gaga?");
        assert_eq!(ballot.likely(|language| language == english || language == german), Some(german));
        assert_eq!(ballot.likely(|language| language == dutch || language == german), None);
        assert_eq!(Ballot::of("Lady Gaga").likely(|_| true), None);
    }
}
