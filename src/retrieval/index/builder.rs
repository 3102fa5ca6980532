//! Makes snapshots of the searchable knowledge, each at the cost of what changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::{Index, Slot};
use crate::domain::article::Article;
use crate::domain::ids::ArticleId;
use crate::domain::locale::Locale;
use crate::domain::project::Project;
use crate::ports::embedder::Embedder;
use crate::retrieval::audience::Audiences;
use crate::retrieval::bm25::FIELDS;
use crate::retrieval::lexical::{Document, LexicalError, Writer};
use crate::retrieval::passage::{self, Passage};
use crate::retrieval::semantic::VectorTable;
use crate::text::analysis::Analyzer;
use crate::text::language::{self, Language};

/// Texts that are embedded in one call.
const EMBEDDING_BATCH: usize = 512;

/// Follows a project from version to version and indexes only what changed.
pub struct IndexBuilder {
    embedder: Option<Arc<dyn Embedder>>,
    writer: Writer,
    entries: BTreeMap<ArticleId, Entry>,
    default_locale: Option<Locale>,
    slots: Vec<Option<Slot>>,
    free: Vec<usize>,
    vectors: VectorTable,
    audiences: Audiences,
    next_number: u64,
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
}

impl IndexBuilder {
    /// A builder of nothing yet; without an embedder it indexes words alone.
    ///
    /// # Errors
    /// When the inverted index cannot start.
    pub fn new(embedder: Option<Arc<dyn Embedder>>) -> Result<Self, LexicalError> {
        let dimension = embedder.as_ref().map_or(1, |embedder| embedder.dimension());
        Ok(Self {
            embedder,
            writer: Writer::new()?,
            entries: BTreeMap::new(),
            default_locale: None,
            slots: Vec::new(),
            free: Vec::new(),
            vectors: VectorTable::new(dimension),
            audiences: Audiences::default(),
            next_number: 0,
        })
    }

    /// Brings the index to the articles of `project` and returns a snapshot.
    ///
    /// Articles that are the same values as before cost a comparison each. All
    /// work but the embedder's runs on the calling thread and rayon's, so an
    /// async caller gives it a thread of its own. When the embedder fails, the
    /// passages stay without vectors until the next update, and the snapshot
    /// says so.
    ///
    /// # Errors
    /// When the inverted index fails; the builder then is as before the call.
    pub async fn update(&mut self, project: &Project) -> Result<Arc<Index>, LexicalError> {
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
        for id in gone.iter().chain(changed.iter().map(|article| &article.id)) {
            self.remove(id);
        }
        for (article, prepared) in changed.into_iter().zip(prepared) {
            self.add(article, prepared)?;
        }
        let lexical = self.writer.commit()?;
        let embedding_failure = self.embed_missing().await;
        let default_language = Language::of_locale(default_locale);
        Ok(Arc::new(Index {
            languages: count_languages(&self.slots),
            slots: self.slots.clone(),
            audiences: self.audiences.clone(),
            default_language,
            lexical,
            vectors: self.vectors.clone(),
            embedder: self.embedder.clone(),
            embedding_failure,
            articles: self.entries.len(),
        }))
    }

    fn remove(&mut self, id: &ArticleId) {
        let Some(entry) = self.entries.remove(id) else { return };
        self.writer.remove(entry.number);
        for slot in entry.slots {
            self.slots[slot] = None;
            self.vectors.clear(slot);
            self.free.push(slot);
        }
    }

    fn add(&mut self, article: &Arc<Article>, prepared: Prepared) -> Result<(), LexicalError> {
        let number = self.next_number;
        self.next_number += 1;
        let audience = self.audiences.number(article.audience.as_ref());
        let mut slots = Vec::with_capacity(prepared.passages.len());
        for (passage, fields) in prepared.passages.into_iter().zip(prepared.fields) {
            let slot = self.free.pop().unwrap_or_else(|| {
                self.slots.push(None);
                self.slots.len() - 1
            });
            self.slots[slot] = Some(Slot { passage: Arc::new(passage), audience });
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
            let wanted = !self.vectors.has(at) && embedder.knows(slot.passage.language.as_str());
            wanted.then(|| (at, embedding_text(&slot.passage)))
        };
        let missing: Vec<(usize, String)> = self.slots.iter().enumerate().filter_map(is_missing).collect();
        for batch in missing.chunks(EMBEDDING_BATCH) {
            let texts: Vec<&str> = batch.iter().map(|(_, text)| text.as_str()).collect();
            match embedder.embed(&texts).await {
                Ok(vectors) if vectors.iter().len() == batch.len() => {
                    for ((slot, _), vector) in batch.iter().zip(vectors.iter()) {
                        self.vectors.set(*slot, vector);
                    }
                }
                Ok(vectors) => {
                    let (given, wanted) = (vectors.iter().len(), batch.len());
                    return Some(format!("the embedder `{}` gave {given} vectors for {wanted} texts", embedder.name()));
                }
                Err(error) => return Some(error.to_string()),
            }
        }
        None
    }
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
    Prepared { fields: fields.collect(), passages }
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

/// What stands for a passage in the embedder: its title and headings say what
/// a short passage leaves out.
fn embedding_text(passage: &Passage) -> String {
    let mut text = passage.article.title.clone();
    for part in passage.heading_path.iter().chain([&passage.text]) {
        text.push('\n');
        text.push_str(part);
    }
    text
}

fn count_languages(slots: &[Option<Slot>]) -> Vec<(Language, usize)> {
    let mut counts: Vec<(Language, usize)> = Vec::new();
    for slot in slots.iter().flatten() {
        let language = slot.passage.language;
        match counts.iter_mut().find(|(known, _)| *known == language) {
            Some((_, count)) => *count += 1,
            None => counts.push((language, 1)),
        }
    }
    counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    counts
}
