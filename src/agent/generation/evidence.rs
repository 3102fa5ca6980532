//! The passages that an answer may rest on, numbered, and what follows from them:
//! which citations and links it may have, and whether what it says is in them.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::screen::{Allowed, is_visible};
use crate::agent::reply;
use crate::domain::conversation::Citation;
use crate::domain::project::Project;
use crate::retrieval::passage::Passage;
use crate::text::analysis::Analyzer;
use crate::text::language::{self, Language};

/// Characters of a passage that a model is given.
const PASSAGE_CHARS: usize = 2_400;

/// Least share of a claim's words that its passages must have.
const CLAIM_COVERAGE: f32 = 0.34;

/// Numbered passages.
pub(super) struct Evidence<'a> {
    project: &'a Project,
    passages: Vec<Arc<Passage>>,
    /// Numbers of passages in the order in which the answer cites them first: its
    /// reader sees the first of them as 1.
    cited: Vec<u32>,
    /// The addresses that stand in the passages.
    addresses: FxHashSet<String>,
}

impl<'a> Evidence<'a> {
    pub(super) fn new(project: &'a Project) -> Self {
        Self { project, passages: Vec::new(), cited: Vec::new(), addresses: FxHashSet::default() }
    }

    /// Adds passages that are not there yet, and gives the number of each.
    pub(super) fn add<'p>(&mut self, passages: impl IntoIterator<Item = &'p Arc<Passage>>) -> Vec<u32> {
        let mut numbers = Vec::new();
        for passage in passages {
            let known = self
                .passages
                .iter()
                .position(|known| known.article.id == passage.article.id && known.ordinal == passage.ordinal);
            let place = known.unwrap_or_else(|| {
                self.addresses.extend(addresses(passage));
                self.passages.push(Arc::clone(passage));
                self.passages.len() - 1
            });
            numbers.push(number(place));
        }
        numbers
    }

    /// Leaves out all passages but the first `count`.
    pub(super) fn truncate(&mut self, count: usize) {
        self.passages.truncate(count);
        self.addresses = self.passages.iter().flat_map(|passage| addresses(passage)).collect();
    }

    pub(super) fn len(&self) -> usize {
        self.passages.len()
    }

    pub(super) fn passages(&self) -> &[Arc<Passage>] {
        &self.passages
    }

    /// The passages as a model reads them.
    pub(super) fn quoted(&self, numbers: impl IntoIterator<Item = u32>) -> String {
        let passages = numbers.into_iter().filter_map(|number| Some((number, self.get(number)?)));
        passages.map(|(number, passage)| quoted(number, passage)).collect::<Vec<_>>().join("\n\n")
    }

    /// The numbers that a reader sees for passages, and the citations that are new.
    pub(super) fn cite(&mut self, numbers: &[u32]) -> (Vec<u32>, Vec<Citation>) {
        let (mut shown, mut new) = (Vec::new(), Vec::new());
        for cites in numbers {
            let Some(passage) = self.get(*cites).map(Arc::clone) else { continue };
            let known = self.cited.iter().position(|known| known == cites);
            let place = known.unwrap_or_else(|| {
                self.cited.push(*cites);
                let place = self.cited.len() - 1;
                new.push(reply::citation(number(place), &passage, self.project));
                place
            });
            shown.push(number(place));
        }
        (shown, new)
    }

    /// Whether what `claim` says is in the passages that it cites, or was said by
    /// the user. Its numbers must be there; its words to a part, where they are of
    /// the same language.
    pub(super) fn supports(&self, claim: &str, cites: &[u32], said: &str) -> bool {
        let passages: Vec<&Arc<Passage>> = cites.iter().filter_map(|number| self.get(*number)).collect();
        let Some(first) = passages.first() else { return false };
        let sources: Vec<String> = passages
            .iter()
            .map(|passage| format!("{} {} {}", passage.article.title, passage.heading_path.join(" "), passage.text))
            .chain([said.to_owned()])
            .collect();
        let known: FxHashSet<String> = sources.iter().flat_map(|source| figures(source)).collect();
        if figures(claim).any(|figure| !known.contains(&figure)) {
            return false;
        }
        let candidates = [first.language];
        if language::detect(claim, &candidates).is_some_and(|detected| detected.language != first.language) {
            return true;
        }
        let analyzer = Analyzer::of(first.language);
        let terms = content(claim, &analyzer);
        let known: FxHashSet<String> = sources.iter().flat_map(|source| content(source, &analyzer)).collect();
        let found = terms.iter().filter(|term| known.contains(*term)).count();
        terms.is_empty() || ratio(found, terms.len()) >= CLAIM_COVERAGE
    }

    /// The language of the best passage.
    pub(super) fn language(&self) -> Option<Language> {
        self.passages.first().map(|passage| passage.language)
    }

    fn get(&self, number: u32) -> Option<&Arc<Passage>> {
        self.passages.get(usize::try_from(number.checked_sub(1)?).ok()?)
    }
}

/// A citation needs a passage of its number. An address must stand in a passage,
/// or be that of its article, and lead to where navigation may lead: a model can
/// neither invent an address nor add anything to one.
impl Allowed for Evidence<'_> {
    fn cites(&self, number: u32) -> bool {
        self.get(number).is_some()
    }

    fn leads_to(&self, address: &str) -> bool {
        let leads_there = |passage: &Arc<Passage>| {
            let article = &passage.article;
            [&passage.url, &article.url]
                .into_iter()
                .any(|url| reply::address(article, url, self.project) == Some(address))
        };
        let is_article = self.passages.iter().any(leads_there);
        is_article || self.addresses.contains(address) && self.project.settings.check_navigation(address).is_ok()
    }
}

fn number(place: usize) -> u32 {
    u32::try_from(place + 1).unwrap_or(u32::MAX)
}

fn quoted(number: u32, passage: &Passage) -> String {
    let mut headings = vec![passage.article.title.as_str()];
    headings.extend(passage.heading_path.iter().map(String::as_str));
    let text = passage.blocks.iter().map(|block| block.markdown.as_str()).collect::<Vec<_>>().join("\n\n");
    let text: String = text.chars().take(PASSAGE_CHARS).collect();
    format!("[{number}] {}\n{}", harmless(&headings.join(" › ")), harmless(&text))
}

/// A text without what cannot be seen, and without lines that look like the bounds
/// of a quotation.
pub(super) fn harmless(text: &str) -> String {
    let visible: String = text.chars().filter(|c| is_visible(*c) && !is_zero_width(*c)).collect();
    visible
        .lines()
        .map(|line| if line.trim().len() >= 3 && line.trim().bytes().all(|byte| byte == b'-') { "" } else { line })
        .collect::<Vec<_>>()
        .join("\n")
}

/// Characters without a width. They belong into scripts and emoji on a screen, and
/// hide text from people in a prompt.
fn is_zero_width(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Every address that stands in the links or the text of a passage.
fn addresses(passage: &Passage) -> Vec<String> {
    use pulldown_cmark::{Event, Parser, Tag};
    let mut all = Vec::new();
    for block in &passage.blocks {
        for event in Parser::new(&block.markdown) {
            if let Event::Start(Tag::Link { dest_url, .. }) = event {
                all.push(dest_url.to_string());
            }
        }
        let words = block.markdown.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '(' | ')' | '`' | '"'));
        let bare = words.filter(|word| word.starts_with("https://") || word.starts_with("http://"));
        all.extend(bare.map(|word| word.trim_end_matches(['.', ',', ';', ':', '!', '?']).to_owned()));
    }
    all
}

/// Figures of two digits and more.
fn figures(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_numeric() && !matches!(c, '.' | ','))
        .map(|word| word.chars().filter(|c| c.is_numeric()).collect::<String>())
        .filter(|digits| digits.chars().count() >= 2)
}

fn content(text: &str, analyzer: &Analyzer) -> FxHashSet<String> {
    let mut terms = FxHashSet::default();
    analyzer.visit(text, |term| {
        if !term.stopword {
            terms.insert(term.text.to_owned());
        }
    });
    terms
}

#[expect(clippy::cast_precision_loss, reason = "numbers of words are far below 2^24")]
fn ratio(part: usize, whole: usize) -> f32 {
    part as f32 / whole as f32
}
