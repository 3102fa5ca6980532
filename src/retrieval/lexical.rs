//! The inverted index: which passages have which terms. The only file that
//! names tantivy.
//!
//! Terms come analyzed ([`crate::text::analysis`]), so the index splits on
//! spaces and nothing else. Scores are BM25F ([`super::bm25`]) added up term by
//! term into one array over all passages; that is faster than tantivy's own
//! queries at the sizes of a help center, gives exact scores to the fusion for
//! every passage, and tells which words of the question each passage has.

use std::sync::Arc;

use tantivy::columnar::Column;
use tantivy::directory::RamDirectory;
use tantivy::fieldnorm::FieldNormReader;
use tantivy::index::{InvertedIndexReader, SegmentReader};
use tantivy::postings::TermInfo;
use tantivy::schema::{self, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::{IndexReader, IndexSettings, IndexWriter, ReloadPolicy, Searcher, TantivyDocument, Term};

use super::bm25::{self, FIELDS};
use super::query::QueryTerm;

/// Memory that waits for a commit, in bytes; whole knowledge bases of 10,000
/// articles fit, so a first build makes one segment.
const WRITER_BYTES: usize = 200_000_000;
/// Marks a deleted document.
const NO_SLOT: u32 = u32::MAX;

/// Why the index could not be changed.
#[derive(Debug, thiserror::Error)]
#[error("the search index failed: {0}")]
pub struct LexicalError(#[from] tantivy::TantivyError);

/// One passage as terms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// The place of the passage in the arrays of the snapshot.
    pub slot: u32,
    /// The number of its article, by which it is removed.
    pub article: u64,
    /// The terms of each field with a space between them, in the order of [`FIELDS`].
    pub fields: [String; FIELDS.len()],
}

struct Columns {
    article: schema::Field,
    slot: schema::Field,
    fields: [schema::Field; FIELDS.len()],
}

/// Changes the index and makes snapshots of it.
pub struct Writer {
    columns: Columns,
    writer: IndexWriter,
    reader: IndexReader,
}

impl Writer {
    /// An empty index in memory.
    ///
    /// # Errors
    /// When the index cannot start its threads.
    pub fn new() -> Result<Self, LexicalError> {
        let mut builder = Schema::builder();
        let indexing = TextFieldIndexing::default()
            .set_tokenizer("whitespace")
            .set_index_option(IndexRecordOption::WithFreqs)
            .set_fieldnorms(true);
        let text = TextOptions::default().set_indexing_options(indexing);
        let columns = Columns {
            article: builder.add_u64_field("article", schema::INDEXED),
            slot: builder.add_u64_field("slot", schema::FAST),
            fields: ["title", "headings", "body", "keywords"].map(|name| builder.add_text_field(name, text.clone())),
        };
        let index = tantivy::Index::create(RamDirectory::create(), builder.build(), IndexSettings::default())?;
        let writer = index.writer_with_num_threads(1, WRITER_BYTES)?;
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Self { columns, writer, reader })
    }

    /// Adds a passage; it is found from the next commit on.
    ///
    /// # Errors
    /// When an indexing thread has failed.
    pub fn add(&mut self, document: Document) -> Result<(), LexicalError> {
        let mut added = TantivyDocument::new();
        added.add_u64(self.columns.article, document.article);
        added.add_u64(self.columns.slot, u64::from(document.slot));
        for (field, text) in self.columns.fields.iter().zip(document.fields) {
            if !text.is_empty() {
                added.add_text(*field, text);
            }
        }
        self.writer.add_document(added)?;
        Ok(())
    }

    /// Removes all passages of an article that were added before.
    pub fn remove(&mut self, article: u64) {
        self.writer.delete_term(Term::from_field_u64(self.columns.article, article));
    }

    /// Makes all changes visible and returns an immutable view of them.
    ///
    /// # Errors
    /// When an indexing thread has failed.
    pub fn commit(&mut self) -> Result<LexicalIndex, LexicalError> {
        self.writer.commit()?;
        self.reader.reload()?;
        Ok(LexicalIndex::of(self.reader.searcher(), &self.columns)?)
    }
}

/// One segment with its readers at hand.
struct SegmentView {
    fields: [FieldView; FIELDS.len()],
    /// The slot of each document; [`NO_SLOT`] for deleted ones.
    slots: Vec<u32>,
}

struct FieldView {
    field: schema::Field,
    inverted: Arc<InvertedIndexReader>,
    norms: FieldNormReader,
}

/// An immutable view of the index.
pub struct LexicalIndex {
    /// Keeps the segments of this view alive.
    searcher: Searcher,
    segments: Vec<SegmentView>,
    /// What an occurrence counts by field and by tantivy's code of the field's length.
    occurrence: [Box<[f32; 256]>; FIELDS.len()],
    documents: usize,
}

/// Lexical scores of all passages for one question.
#[derive(Clone, Debug, Default)]
pub struct LexicalScores {
    /// BM25F by slot; 0 for passages that may not be read or have no term.
    pub scores: Vec<f32>,
    /// The largest of them.
    pub best: f32,
    /// By slot: the words of the question that the passage has, as bits.
    pub matched: Vec<u64>,
    /// Inverse document frequency of each query term; 0 where no passage that may be
    /// read has it.
    pub idf: Vec<f32>,
}

impl LexicalScores {
    fn none(slots: usize) -> Self {
        Self { scores: vec![0.0; slots], best: 0.0, matched: vec![0; slots], idf: Vec::new() }
    }
}

impl LexicalIndex {
    fn of(searcher: Searcher, columns: &Columns) -> tantivy::Result<Self> {
        let mut segments = Vec::with_capacity(searcher.segment_readers().len());
        let mut documents = 0;
        let mut tokens = [0_u64; FIELDS.len()];
        let mut maximum = 0_u64;
        for reader in searcher.segment_readers() {
            let slots = slots_of(reader)?;
            documents += slots.iter().filter(|slot| **slot != NO_SLOT).count();
            maximum += u64::from(reader.max_doc());
            let mut fields = Vec::with_capacity(FIELDS.len());
            for (field, tokens) in columns.fields.iter().zip(&mut tokens) {
                let inverted = reader.inverted_index(*field)?;
                *tokens += inverted.total_num_tokens();
                fields.push(FieldView { field: *field, inverted, norms: reader.get_fieldnorms_reader(*field)? });
            }
            if let Ok(fields) = fields.try_into() {
                segments.push(SegmentView { fields, slots });
            }
        }
        let mut fields = FIELDS.iter().zip(tokens);
        let occurrence = std::array::from_fn(|_| {
            let mut table = Box::new([0.0; 256]);
            if let Some((field, tokens)) = fields.next() {
                let average = tokens as f32 / maximum.max(1) as f32;
                for (code, value) in (0_u8..=255).zip(table.iter_mut()) {
                    *value = bm25::occurrence(*field, FieldNormReader::id_to_fieldnorm(code) as f32, average);
                }
            }
            table
        });
        Ok(Self { searcher, segments, occurrence, documents })
    }

    /// How many passages can be found.
    pub fn documents(&self) -> usize {
        self.documents
    }

    /// Memory of the inverted index, in bytes.
    pub fn bytes(&self) -> u64 {
        self.searcher.space_usage().map_or(0, |usage| usage.total().get_bytes())
    }

    /// How often a term stands in the passages whose slots are `allowed`.
    pub fn frequency(&self, term: &str, allowed: &[bool]) -> usize {
        let mut frequency = 0;
        for segment in &self.segments {
            for view in &segment.fields {
                view.visit(term, |document, count| {
                    let slot = segment.slots[document as usize] as usize;
                    frequency += if allowed.get(slot) == Some(&true) { count as usize } else { 0 };
                });
            }
        }
        frequency
    }

    /// Scores every passage whose slot is `allowed`; one entry a slot.
    pub fn score(&self, terms: &[QueryTerm], allowed: &[bool]) -> LexicalScores {
        let mut result = LexicalScores::none(allowed.len());
        let mut scratch = Scratch::new(allowed.len());
        for term in terms {
            let word = 1 << (term.word % 64);
            let idf = self.add(&term.text, term.weight, allowed, &mut scratch, &mut result, |matched| *matched |= word);
            result.idf.push(idf);
        }
        result
    }

    /// Adds terms that say together what words of the question say, which `covers` tells
    /// as bits, for `weight` of a word: to the passages that have all of them and not
    /// all of these words, and which have these words then.
    pub fn expand(&self, terms: &[String], weight: f32, covers: u64, allowed: &[bool], scores: &mut LexicalScores) {
        let mut scratch = Scratch::new(allowed.len());
        let mut found = LexicalScores::none(allowed.len());
        for term in terms {
            self.add(term, weight / terms.len() as f32, allowed, &mut scratch, &mut found, |count| *count += 1);
        }
        for (slot, count) in found.matched.into_iter().enumerate() {
            if count == terms.len() as u64 && scores.matched[slot] & covers != covers {
                scores.matched[slot] |= covers;
                scores.scores[slot] += found.scores[slot];
                scores.best = scores.best.max(scores.scores[slot]);
            }
        }
    }

    /// Adds the scores of one term, calls `visit` with the matched words of each
    /// passage that has it, and returns its inverse document frequency.
    fn add(
        &self,
        term: &str,
        weight: f32,
        allowed: &[bool],
        scratch: &mut Scratch,
        scores: &mut LexicalScores,
        visit: impl Fn(&mut u64),
    ) -> f32 {
        let Scratch { frequencies, touched } = scratch;
        for segment in &self.segments {
            for (view, occurrence) in segment.fields.iter().zip(&self.occurrence) {
                view.gather(term, &segment.slots, occurrence, frequencies, touched);
            }
        }
        let idf = if touched.iter().any(|slot| allowed[*slot as usize]) {
            bm25::inverse_document_frequency(self.documents, touched.len())
        } else {
            0.0
        };
        for slot in touched.drain(..) {
            let slot = slot as usize;
            let frequency = std::mem::take(&mut frequencies[slot]);
            if allowed[slot] {
                scores.scores[slot] += weight * idf * bm25::saturate(frequency);
                // Scores only grow, so the largest seen on the way is the largest.
                scores.best = scores.best.max(scores.scores[slot]);
                visit(&mut scores.matched[slot]);
            }
        }
        idf
    }
}

/// What the scoring of one term after the other uses again.
struct Scratch {
    /// By slot; 0 between two terms.
    frequencies: Vec<f32>,
    /// The slots that have another frequency.
    touched: Vec<u32>,
}

impl Scratch {
    fn new(slots: usize) -> Self {
        Self { frequencies: vec![0.0; slots], touched: Vec::new() }
    }
}

impl FieldView {
    /// Adds the weighted frequency of a term in this field to every document that has it.
    fn gather(
        &self,
        term: &str,
        slots: &[u32],
        occurrence: &[f32; 256],
        frequencies: &mut [f32],
        touched: &mut Vec<u32>,
    ) {
        self.visit(term, |document, count| {
            let slot = slots[document as usize];
            let Some(frequency) = frequencies.get_mut(slot as usize) else { return };
            if *frequency == 0.0 {
                touched.push(slot);
            }
            *frequency += count as f32 * occurrence[usize::from(self.norms.fieldnorm_id(document))];
        });
    }

    /// Calls `visit` with each document that has a term in this field, and how often.
    fn visit(&self, term: &str, mut visit: impl FnMut(u32, u32)) {
        let Ok(Some(info)) = self.term_info(term) else { return };
        let Ok(mut block) = self.inverted.read_block_postings_from_terminfo(&info, IndexRecordOption::WithFreqs) else {
            return;
        };
        while block.block_len() > 0 {
            block.docs().iter().zip(block.freqs()).for_each(|(document, count)| visit(*document, *count));
            block.advance();
        }
    }

    fn term_info(&self, term: &str) -> std::io::Result<Option<TermInfo>> {
        self.inverted.get_term_info(&Term::from_field_text(self.field, term))
    }
}

fn slots_of(reader: &SegmentReader) -> tantivy::Result<Vec<u32>> {
    let column: Column<u64> = reader.fast_fields().u64("slot")?;
    let slot = |document| {
        let alive = !reader.is_deleted(document);
        column.first(document).filter(|_| alive).and_then(|slot| u32::try_from(slot).ok()).unwrap_or(NO_SLOT)
    };
    Ok((0..reader.max_doc()).map(slot).collect())
}
