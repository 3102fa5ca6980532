//! Abbreviations and the words that they stand for, as the passages themselves tell.
//!
//! A passage that says "single sign-on (SSO)" teaches that a question about either is
//! about both, and a heading teaches its initials, for a question that uses letters
//! which no passage has.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::lexical::LexicalScores;
use super::passage::Passage;
use super::query::{Question, QuestionWord};
use crate::text::abbreviation;
use crate::text::analysis::{Analyzer, TermKind};

/// Most abbreviations of one question that are looked at.
const MAX_EXPANSIONS: usize = 4;
/// How many initials of a heading abbreviate it.
const INITIALS: std::ops::RangeInclusive<usize> = 3..=6;

/// What was searched for beside what a question says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expansion {
    /// An abbreviation in the question, the words that one stands for, or a word that is
    /// written together of others.
    pub written: String,
    /// What it stands for or is made of, or its abbreviation.
    pub meant: String,
    /// The terms of what is meant: a passage that has all of them has what is written.
    pub(super) terms: Vec<String>,
    /// The words of the question that a passage with these terms has, as bits.
    pub(super) covers: u64,
    /// Whether the question spells out what is abbreviated here.
    pub(super) is_spelled_out: bool,
}

/// An abbreviation that a passage tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lesson {
    short: String,
    /// The abbreviation as a term.
    term: String,
    meaning: Meaning,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Meaning {
    long: String,
    /// The terms of the words that say something.
    terms: Vec<String>,
    /// Whether a text says so; else these are a heading's initials.
    is_stated: bool,
}

/// All that the passages tell. A clone shares it.
#[derive(Clone, Debug, Default)]
pub(super) struct Abbreviations(Arc<Tables>);

#[derive(Clone, Debug, Default)]
struct Tables {
    /// By the term of the abbreviation.
    taught: FxHashMap<String, Vec<Taught>>,
    /// The terms of abbreviations by the first term of their meaning.
    by_word: FxHashMap<String, Vec<String>>,
}

#[derive(Clone, Debug)]
struct Taught {
    short: String,
    meaning: Meaning,
    /// The passages that say so, by slot.
    slots: Vec<usize>,
}

impl Abbreviations {
    /// Takes in what the passage in a slot tells.
    pub(super) fn add(&mut self, slot: usize, lessons: Vec<Lesson>) {
        if lessons.is_empty() {
            return;
        }
        let Tables { taught, by_word } = Arc::make_mut(&mut self.0);
        for Lesson { short, term, meaning } in lessons {
            let shorts = by_word.entry(meaning.terms[0].clone()).or_default();
            if !shorts.contains(&term) {
                shorts.push(term.clone());
            }
            let all = taught.entry(term).or_default();
            match all
                .iter_mut()
                .find(|taught| (&taught.meaning.terms, taught.meaning.is_stated) == (&meaning.terms, meaning.is_stated))
            {
                Some(known) => known.slots.push(slot),
                None => all.push(Taught { short, meaning, slots: vec![slot] }),
            }
        }
    }

    /// Forgets what the passages in these slots told.
    pub(super) fn remove(&mut self, slots: &[usize]) {
        let is_gone = |taught: &Taught| taught.slots.iter().any(|slot| slots.contains(slot));
        if !self.0.taught.values().flatten().any(is_gone) {
            return;
        }
        for all in Arc::make_mut(&mut self.0).taught.values_mut() {
            all.iter_mut().for_each(|taught| taught.slots.retain(|slot| !slots.contains(slot)));
            all.retain(|taught| !taught.slots.is_empty());
        }
    }

    /// Whether it knows a term as an abbreviation.
    pub(super) fn has(&self, term: &str) -> bool {
        self.0.taught.get(term).is_some_and(|all| !all.is_empty())
    }

    /// What to search for beside the words of `question`, as the passages tell whose
    /// slots are `allowed`. `scores` are those of the question's terms.
    pub(super) fn expand(&self, question: &Question, scores: &LexicalScores, allowed: &[bool]) -> Vec<Expansion> {
        let may_tell = |taught: &&Taught| taught.slots.iter().any(|slot| allowed[*slot]);
        let mut expansions: Vec<Expansion> = Vec::new();
        for (term, idf) in question.terms.iter().zip(&scores.idf) {
            let word = &question.words[term.word];
            let taught = self.0.taught.get(&term.text).into_iter().flatten().filter(may_tell);
            let taught = taught.filter(|taught| taught.meaning.is_stated || *idf == 0.0);
            let is_whole = matches!(word.kind, TermKind::Word | TermKind::Name);
            if let Some(taught) = taught.filter(|_| is_whole).max_by_key(|taught| taught.slots.len()) {
                expansions.push(Expansion {
                    written: word.text.clone(),
                    meant: taught.meaning.long.clone(),
                    terms: taught.meaning.terms.clone(),
                    covers: 1 << (term.word % 64),
                    is_spelled_out: false,
                });
            }
            for short in self.0.by_word.get(&term.text).into_iter().flatten() {
                let taught = self.0.taught.get(short).into_iter().flatten().filter(may_tell);
                for taught in taught.filter(|taught| taught.meaning.is_stated) {
                    if question.terms.iter().all(|term| term.text != *short)
                        && let Some(covers) = taught.meaning.place(question)
                    {
                        expansions.push(Expansion {
                            written: taught.meaning.long.clone(),
                            meant: taught.short.clone(),
                            terms: vec![short.clone()],
                            covers,
                            is_spelled_out: true,
                        });
                    }
                }
            }
        }
        expansions.truncate(MAX_EXPANSIONS);
        expansions
    }
}

impl Meaning {
    /// The words of the question that say this in its order and close together, as bits.
    fn place(&self, question: &Question) -> Option<u64> {
        let mut covers = 0;
        let (mut start, mut end) = (None, 0);
        for wanted in &self.terms {
            let term = question.terms.iter().find(|term| term.text == *wanted)?;
            let QuestionWord { text, start: at, .. } = &question.words[term.word];
            if *at < end {
                return None;
            }
            covers |= 1 << (term.word % 64);
            start.get_or_insert(*at);
            end = at + text.len();
        }
        (end - start? <= self.long.len() + INITIALS.end()).then_some(covers)
    }
}

/// What a passage tells about abbreviations. The title is the first passage's to tell.
pub(super) fn lessons(analyzer: &Analyzer, passage: &Passage) -> Vec<Lesson> {
    let mut lessons: Vec<Lesson> = Vec::new();
    let title = Some(&passage.article.title).filter(|_| passage.ordinal == 0);
    let headings = || title.into_iter().chain(passage.heading_path.last());
    let mut teach = |short: &str, long: &str, is_stated: bool| {
        let terms: Vec<String> = content(analyzer, long);
        let Some(term) = analyzer.terms(short).into_iter().next().filter(|term| !term.stopword) else { return };
        let lesson = Lesson {
            short: short.to_owned(),
            term: term.text,
            meaning: Meaning { long: long.to_owned(), terms, is_stated },
        };
        if lesson.meaning.terms.len() > 1 && !lessons.contains(&lesson) {
            lessons.push(lesson);
        }
    };
    for text in headings().map(String::as_str).chain([passage.text.as_str()]) {
        abbreviation::explained(text, |short, long| teach(short, long, true));
    }
    for heading in headings() {
        if let Some(initials) = initials(analyzer, heading) {
            teach(&initials, heading, false);
        }
    }
    lessons
}

fn content(analyzer: &Analyzer, text: &str) -> Vec<String> {
    let mut terms = Vec::new();
    analyzer.visit(text, |term| {
        if !term.stopword && matches!(term.kind, TermKind::Word | TermKind::Part) {
            terms.push(term.text.to_owned());
        }
    });
    terms
}

/// The initials of a heading that names something: it begins and ends with a word that
/// says something, and has letters for initials.
fn initials(analyzer: &Analyzer, heading: &str) -> Option<String> {
    let mut initials = String::new();
    let (mut first, mut last, mut is_spelled) = (None, None, true);
    analyzer.visit(heading, |term| {
        if matches!(term.kind, TermKind::Word | TermKind::Part) {
            let initial = heading[term.start..].chars().next().filter(|c| c.is_lowercase() || c.is_uppercase());
            is_spelled &= initial.is_some();
            initials.extend(initial.into_iter().flat_map(char::to_uppercase));
            first = first.or(Some(term.stopword));
            last = Some(term.stopword);
        }
    });
    let is_name = is_spelled && (first, last) == (Some(false), Some(false));
    (is_name && INITIALS.contains(&initials.chars().count())).then_some(initials)
}
