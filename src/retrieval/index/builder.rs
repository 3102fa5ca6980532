//! Makes snapshots of the searchable knowledge, each at the cost of what changed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rayon::prelude::*;
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};

use super::{Index, Slot};
use crate::domain::article::Article;
use crate::domain::ids::ArticleId;
use crate::domain::locale::Locale;
use crate::domain::project::Project;
use crate::ports::embedder::{Embedder, Role};
use crate::ports::vector_store::vector_set::VectorSet;
use crate::ports::vector_store::{Point, Publication, VectorStore, VectorVersion};
use crate::retrieval::abbreviations::{self, Abbreviations, Lesson};
use crate::retrieval::audience::Audiences;
use crate::retrieval::bm25::FIELDS;
use crate::retrieval::confidence::{self, Belief, Headings};
use crate::retrieval::excerpt::excerpts;
use crate::retrieval::fusion::Weights;
use crate::retrieval::lexical::{Document, LexicalError, Writer};
use crate::retrieval::lexicon::{self, Lexicon};
use crate::retrieval::passage::{self, Passage};
use crate::retrieval::scope::{Access, Scopes};
use crate::retrieval::semantic::{self, PartVectors};
use crate::retrieval::spelling::Spellings;
use crate::retrieval::vectors::MemoryVectors;
use crate::text::analysis::Analyzer;
use crate::text::language::{self, Language};

/// Texts that are embedded in one call.
const EMBEDDING_BATCH: usize = 512;

/// Follows a project from version to version and indexes only what changed.
pub struct IndexBuilder {
    embedder: Option<Arc<dyn Embedder>>,
    store: Arc<dyn VectorStore>,
    writer: Writer,
    entries: BTreeMap<ArticleId, Entry>,
    default_locale: Option<Locale>,
    slots: Vec<Option<Slot>>,
    free: Vec<usize>,
    vectors: VectorSet,
    parts: PartVectors,
    lexicon: Lexicon,
    spellings: Spellings,
    abbreviations: Abbreviations,
    audiences: Audiences,
    next_number: u64,
    /// Whether an update failed half way: the next one starts over.
    is_broken: bool,
}

/// An indexed article.
struct Entry {
    article: Arc<Article>,
    number: u64,
    slots: Vec<usize>,
}

/// An article ready to be indexed.
struct Prepared {
    passages: Vec<Passage>,
    fields: Vec<[String; FIELDS.len()]>,
    /// The words of headings and text of each passage that say something.
    words: Vec<[String; 2]>,
    /// The same of its keywords.
    keywords: String,
    /// What each passage tells about abbreviations.
    lessons: Vec<Vec<Lesson>>,
}

impl IndexBuilder {
    /// A builder of nothing yet; without an embedder it indexes words alone. The
    /// vectors are searched in the memory of this process.
    ///
    /// # Errors
    /// When the inverted index cannot start.
    pub fn new(embedder: Option<Arc<dyn Embedder>>) -> Result<Self, LexicalError> {
        let dimension = embedder.as_ref().map_or(1, |embedder| embedder.dimension());
        let table = embedder.as_ref().and_then(|embedder| embedder.words());
        let words = table.map_or(1, |table| table.dimension());
        Ok(Self {
            embedder,
            store: Arc::<MemoryVectors>::default(),
            writer: Writer::new()?,
            entries: BTreeMap::new(),
            default_locale: None,
            slots: Vec::new(),
            free: Vec::new(),
            vectors: VectorSet::new(dimension),
            parts: PartVectors::new(dimension),
            lexicon: Lexicon::new(words),
            spellings: Spellings::default(),
            abbreviations: Abbreviations::default(),
            audiences: Audiences::default(),
            next_number: 0,
            is_broken: false,
        })
    }

    /// The same, with the vectors searched in `store`.
    pub fn with_store(mut self, store: Arc<dyn VectorStore>) -> Self {
        self.store = store;
        self
    }

    /// Brings the index to the articles of `project` and returns a snapshot.
    ///
    /// Articles that are the same values as before cost a comparison each. All
    /// work but the embedder's runs on the calling thread and rayon's, so an
    /// async caller gives it a thread of its own. When the embedder fails, the
    /// passages stay without vectors until the next update, and when the vector
    /// store fails, this snapshot is searched by words alone; it says so.
    ///
    /// # Errors
    /// When the inverted index fails. Earlier snapshots stay as they are, and the
    /// next update indexes everything anew.
    pub async fn update(&mut self, project: &Project) -> Result<Arc<Index>, LexicalError> {
        if self.is_broken {
            self.start_over()?;
        }
        let default_locale = &project.settings.default_locale;
        let is_new_default = self.default_locale.as_ref() != Some(default_locale);
        let is_same = |entry: &Entry, article: &Arc<Article>| {
            !is_new_default && (Arc::ptr_eq(&entry.article, article) || entry.article == *article)
        };
        let changed: Vec<&Arc<Article>> = project
            .articles
            .iter()
            .filter(|(id, article)| !self.entries.get(*id).is_some_and(|entry| is_same(entry, article)))
            .map(|(_, article)| article)
            .collect();
        let gone: Vec<ArticleId> =
            self.entries.keys().filter(|id| !project.articles.contains_key(*id)).cloned().collect();
        self.default_locale = Some(default_locale.clone());

        let prepared: Vec<Prepared> = changed.par_iter().map(|article| prepare(article, default_locale)).collect();
        self.is_broken = true;
        for id in gone.iter().chain(changed.iter().map(|article| &article.id)) {
            self.remove(id);
        }
        for (article, prepared) in changed.into_iter().zip(prepared) {
            self.add(article, prepared)?;
        }
        let lexical = self.writer.commit()?;
        self.is_broken = false;
        let embedding_failure = self.embed_missing().await;
        let (vectors, store_failure) = self.publish().await;
        let default_language = Language::of_locale(default_locale);
        let is_of_words = self.embedder.as_ref().is_some_and(|embedder| embedder.words().is_some());
        let fusion = if is_of_words { Weights::OF_WORDS } else { Weights::OF_SENTENCES };
        Ok(Arc::new(Index {
            scopes: Scopes::of(self.slots.iter().map(|slot| slot.as_ref().map(|slot| slot.access))),
            slots: self.slots.clone(),
            audiences: self.audiences.clone(),
            default_language,
            lexical,
            vectors,
            vector_bytes: self.vectors.bytes() + self.parts.bytes() + self.lexicon.bytes(),
            parts: self.parts.clone(),
            lexicon: self.lexicon.clone(),
            spellings: self.spellings.clone(),
            abbreviations: self.abbreviations.clone(),
            embedder: self.embedder.clone(),
            fusion: fusion.for_repetition(self.parts.repetition()),
            belief: Belief::of(self.headings(), is_of_words),
            semantic_failure: embedding_failure.or(store_failure),
            is_lost: AtomicBool::new(false),
            articles: self.entries.len(),
        }))
    }

    fn headings(&self) -> Headings {
        let mut sum = Headings::default();
        let mut passages = 0.0;
        for slot in self.slots.iter().flatten() {
            passages += 1.0;
            sum.asking += f32::from(slot.is_asked);
            sum.telling += confidence::tells(slot.heading_words);
        }
        let passages = f32::max(passages, 1.0);
        Headings { asking: sum.asking / passages, telling: sum.telling / passages }
    }

    fn start_over(&mut self) -> Result<(), LexicalError> {
        self.writer = Writer::new()?;
        self.entries.clear();
        self.slots.clear();
        self.free.clear();
        self.vectors = VectorSet::new(self.vectors.dimension());
        self.parts = PartVectors::new(self.vectors.dimension());
        self.lexicon = Lexicon::new(self.lexicon.vectors().dimension());
        self.spellings = Spellings::default();
        self.abbreviations = Abbreviations::default();
        self.is_broken = false;
        Ok(())
    }

    fn remove(&mut self, id: &ArticleId) {
        let Some(entry) = self.entries.remove(id) else { return };
        self.writer.remove(entry.number);
        self.abbreviations.remove(&entry.slots);
        for slot in entry.slots {
            if let Some(gone) = self.slots[slot].take() {
                self.lexicon.remove(&gone.words);
            }
            self.vectors.clear(slot);
            self.parts.clear(slot);
            self.free.push(slot);
        }
    }

    fn add(&mut self, article: &Arc<Article>, prepared: Prepared) -> Result<(), LexicalError> {
        let number = self.next_number;
        self.next_number += 1;
        let audience = self.audiences.number(article.audience.as_ref());
        if let Some(passage) = prepared.passages.first() {
            self.spellings.add(passage.language, &prepared.keywords);
        }
        let mut slots = Vec::with_capacity(prepared.passages.len());
        let embedder = self.embedder.clone();
        let table = embedder.as_ref().and_then(|embedder| embedder.words());
        let of_passages = prepared.fields.into_iter().zip(prepared.words).zip(prepared.lessons);
        for (passage, ((fields, words), lessons)) in prepared.passages.into_iter().zip(of_passages) {
            let slot = self.free.pop().unwrap_or_else(|| {
                self.slots.push(None);
                self.slots.len() - 1
            });
            self.abbreviations.add(slot, lessons);
            let access = Access { audience, language: passage.language };
            words.iter().for_each(|words| self.spellings.add(passage.language, words));
            let table = table.filter(|table| table.knows(passage.language.as_str()));
            let words = table.map(|table| self.lexicon.add(&words[0], &words[1], table)).unwrap_or_default();
            let heading_words = passage::count_words(&heading_text(&passage));
            let is_asked = [Some(&passage.article.title), passage.heading_path.last()]
                .into_iter()
                .flatten()
                .any(|heading| confidence::asks(heading));
            let (passage, words) = (Arc::new(passage), Arc::new(words));
            self.slots[slot] = Some(Slot { passage, access, words, heading_words, is_asked });
            slots.push(slot);
            let slot = u32::try_from(slot).expect("fewer passages than 2^32");
            self.writer.add(Document { slot, article: number, fields })?;
        }
        self.entries.insert(article.id.clone(), Entry { article: Arc::clone(article), number, slots });
        Ok(())
    }

    /// Embeds every passage that has no vector and is in a language that the
    /// embedder knows; returns what kept it from that.
    async fn embed_missing(&mut self) -> Option<String> {
        let embedder = Arc::clone(self.embedder.as_ref()?);
        let is_missing = |(at, slot): (usize, &Option<Slot>)| {
            let slot = slot.as_ref()?;
            let wanted = !self.vectors.has(at) && embedder.knows(slot.access.language.as_str());
            wanted.then(|| (at, Arc::clone(&slot.passage)))
        };
        let missing: Vec<(usize, Arc<Passage>)> = self.slots.iter().enumerate().filter_map(is_missing).collect();
        embedder.announce(missing.chunks(EMBEDDING_BATCH).map(Texts::count).sum());
        for batch in missing.chunks(EMBEDDING_BATCH) {
            let mut texts = Texts::default();
            let of_batch: Vec<Places> = batch.iter().map(|(_, passage)| texts.places(passage)).collect();
            let texts: Vec<&str> = texts.texts.iter().map(String::as_str).collect();
            let vectors = match embedder.embed(&texts, Role::Passage).await {
                Ok(vectors) => vectors,
                Err(error) => return Some(error.to_string()),
            };
            let vectors: Vec<&[f32]> = vectors.iter().collect();
            if vectors.len() != texts.len() {
                let (given, wanted) = (vectors.len(), texts.len());
                return Some(format!("the embedder `{}` gave {given} vectors for {wanted} texts", embedder.name()));
            }
            for ((slot, _), places) in batch.iter().zip(of_batch) {
                let (heading, text) = (vectors[places.heading], vectors[places.text]);
                let excerpts: Vec<&[f32]> = places.excerpts.iter().map(|place| vectors[*place]).collect();
                self.vectors.set(*slot, &semantic::between(heading, text));
                self.parts.set(*slot, heading, text, &excerpts);
            }
        }
        None
    }

    /// Makes the vectors searchable, if there are any; returns what kept the store from it.
    async fn publish(&self) -> (Option<Arc<dyn VectorVersion>>, Option<String>) {
        let Some(embedder) = self.embedder.as_ref().filter(|_| !self.vectors.is_empty()) else { return (None, None) };
        let points = || points(&self.entries, &self.slots, &self.audiences);
        let publication = Publication { embedder: embedder.name(), vectors: &self.vectors, points: &points };
        match self.store.publish(publication).await {
            Ok(version) => (Some(version), None),
            Err(error) => (None, Some(error.to_string())),
        }
    }
}

/// Every passage as stores elsewhere know it.
fn points(entries: &BTreeMap<ArticleId, Entry>, slots: &[Option<Slot>], audiences: &Audiences) -> Vec<Point> {
    let of_article = |entry: &Entry| entry.slots.clone().into_iter().enumerate();
    let point = |(ordinal, at): (usize, usize)| {
        let slot = slots[at].as_ref()?;
        Some(Point {
            id: u32::try_from(at).ok()?,
            key: key(&slot.passage, ordinal),
            audience: audiences.label(slot.access.audience),
            language: slot.access.language,
        })
    };
    entries.values().flat_map(of_article).filter_map(point).collect()
}

/// Tells a passage from all others by where it stands and what is embedded of it.
fn key(passage: &Passage, ordinal: usize) -> u64 {
    let mut hash = Sha256::new();
    for part in [passage.article.id.as_str(), &ordinal.to_string(), &heading_text(passage), &passage.text] {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        hash.update(part);
    }
    let hash: [u8; 32] = hash.finalize().into();
    hash.iter().take(8).fold(0, |key, byte| key << 8 | u64::from(*byte))
}

fn prepare(article: &Arc<Article>, default: &Locale) -> Prepared {
    let text = article.sections.iter().flat_map(|section| &section.blocks).map(|block| block.text.as_str());
    let mut sample = article.title.clone();
    for text in text {
        if sample.len() >= language::EXAMINED_BYTES {
            break;
        }
        sample.push('\n');
        sample.push_str(text);
    }
    let language = language::of_article(&sample, article.locale.as_ref(), default);
    let analyzer = Analyzer::of(language);
    let passages = passage::split(article, language);
    let title = terms(&analyzer, [article.title.as_str()]);
    let keywords = terms(&analyzer, article.keywords.iter().map(String::as_str));
    let fields = passages.iter().map(|passage| {
        let headings = terms(&analyzer, passage.heading_path.iter().map(String::as_str));
        [title.clone(), headings, terms(&analyzer, [passage.text.as_str()]), keywords.clone()]
    });
    let words = passages.iter().map(|passage| {
        let mut words = [String::new(), String::new()];
        lexicon::folded_words(&analyzer, &heading_text(passage), &mut words[0]);
        lexicon::folded_words(&analyzer, &passage.text, &mut words[1]);
        words
    });
    let mut written = String::new();
    article.keywords.iter().for_each(|keyword| lexicon::folded_words(&analyzer, keyword, &mut written));
    let lessons = passages.iter().map(|passage| abbreviations::lessons(&analyzer, passage)).collect();
    Prepared { fields: fields.collect(), words: words.collect(), lessons, passages, keywords: written }
}

/// The terms of texts with a space between them.
fn terms<'a>(analyzer: &Analyzer, texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut all = String::new();
    for text in texts {
        all.reserve(text.len());
        analyzer.visit(text, |term| {
            all.push_str(term.text);
            all.push(' ');
        });
    }
    all
}

/// The title and the headings of a passage, which say what it is about where
/// its text takes that as known.
fn heading_text(passage: &Passage) -> String {
    let mut text = passage.article.title.clone();
    for heading in &passage.heading_path {
        text.push('\n');
        text.push_str(heading);
    }
    text
}

/// Different texts, each once: the passages under one heading share its vector.
#[derive(Default)]
struct Texts {
    texts: Vec<String>,
    places: FxHashMap<String, usize>,
}

/// Where the texts of a passage are among those of its batch.
struct Places {
    heading: usize,
    text: usize,
    excerpts: Vec<usize>,
}

impl Texts {
    /// How many texts passages are embedded by.
    fn count(batch: &[(usize, Arc<Passage>)]) -> usize {
        let mut texts = Self::default();
        batch.iter().for_each(|(_, passage)| drop(texts.places(passage)));
        texts.texts.len()
    }

    fn places(&mut self, passage: &Passage) -> Places {
        Places {
            heading: self.place(heading_text(passage)),
            text: self.place(passage.text.clone()),
            excerpts: excerpts(&passage.blocks).into_iter().map(|excerpt| self.place(excerpt.text)).collect(),
        }
    }

    fn place(&mut self, text: String) -> usize {
        *self.places.entry(text).or_insert_with_key(|text| {
            self.texts.push(text.clone());
            self.texts.len() - 1
        })
    }
}
