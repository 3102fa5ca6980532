//! Searching with the vectors in a store that is elsewhere, slow to come or lost.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use docent::adapters::static_embedder::StaticEmbedder;
use docent::ports::vector_store::{
    Neighbor, Neighbors, Point, Publication, VectorQuery, VectorStore, VectorStoreError, VectorVersion,
};
use docent::retrieval::index::builder::IndexBuilder;
use docent::retrieval::search::{SearchResult, SemanticUse, SkipReason};

use crate::library::{article, builder, for_role, ids, index, project, search};

/// What the store does when it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Well,
    Away,
    Lost,
}

/// A store that knows points by their labels alone, as one elsewhere does.
struct Elsewhere {
    state: Arc<Mutex<State>>,
    publications: AtomicUsize,
}

impl Elsewhere {
    fn new() -> Arc<Self> {
        Arc::new(Self { state: Arc::new(Mutex::new(State::Well)), publications: AtomicUsize::new(0) })
    }

    fn set(&self, state: State) {
        *self.state.lock().expect("no panic") = state;
    }
}

fn fault(state: &Mutex<State>) -> Option<VectorStoreError> {
    let (store, reason) = ("elsewhere".to_owned(), "a test".to_owned());
    match *state.lock().expect("no panic") {
        State::Well => None,
        State::Away => Some(VectorStoreError::Unavailable { store, reason }),
        State::Lost => Some(VectorStoreError::Lost { store, reason }),
    }
}

#[async_trait]
impl VectorStore for Elsewhere {
    fn name(&self) -> &str {
        "elsewhere"
    }

    async fn publish(&self, publication: Publication<'_>) -> Result<Arc<dyn VectorVersion>, VectorStoreError> {
        if let Some(fault) = fault(&self.state).filter(|fault| matches!(fault, VectorStoreError::Unavailable { .. })) {
            return Err(fault);
        }
        self.set(State::Well);
        self.publications.fetch_add(1, Ordering::Relaxed);
        let vectors = publication.vectors;
        let rows =
            (publication.points)().into_iter().filter_map(|point| Some((point, vectors.vector(point.id as usize)?)));
        Ok(Arc::new(ElsewhereVersion { rows: rows.collect(), state: Arc::clone(&self.state) }))
    }
}

struct ElsewhereVersion {
    rows: Vec<(Point, Vec<f32>)>,
    state: Arc<Mutex<State>>,
}

#[async_trait]
impl VectorVersion for ElsewhereVersion {
    async fn search(&self, query: VectorQuery<'_>) -> Result<Neighbors, VectorStoreError> {
        if let Some(fault) = fault(&self.state) {
            return Err(fault);
        }
        let cosine = |row: &[f32]| row.iter().zip(query.vector).map(|(a, b)| a * b).sum::<f32>();
        let may_find = |point: &Point| {
            query.scope.audiences.contains(&point.audience)
                && query.scope.language.is_none_or(|language| language == point.language)
        };
        let rows = self.rows.iter().filter(|(point, _)| may_find(point));
        let mut nearest: Vec<Neighbor> =
            rows.map(|(point, row)| Neighbor { id: point.id, cosine: cosine(row) }).collect();
        nearest.retain(|neighbor| neighbor.cosine > 0.0);
        nearest.sort_by(|a, b| b.cosine.total_cmp(&a.cosine));
        nearest.truncate(query.nearest);
        let also = query.also.iter().map(|id| {
            let row = self.rows.iter().find(|(point, _)| point.id == *id)?;
            Some(cosine(&row.1))
        });
        Ok(Neighbors { also: also.collect(), nearest })
    }

    fn bytes(&self) -> usize {
        0
    }
}

fn with_store(store: Arc<Elsewhere>) -> IndexBuilder {
    builder().with_store(store)
}

fn articles() -> Vec<docent::domain::article::Article> {
    let mut articles: Vec<_> = [
        ("export", "Exporting data", "Choose export in the settings to download your data as a file."),
        ("invite", "Inviting people", "Send an invitation to your colleagues, and they join the workspace."),
        ("invoice", "Invoices", "Every invoice can be downloaded from the billing page."),
        ("password", "Forgotten passwords", "Ask for a link to set a new password."),
        ("secret", "Exporting secrets", "Administrators export and download all data and keys."),
        (
            "deutsch",
            "Daten ausgeben",
            "Die Daten werden in den Einstellungen als Datei ausgegeben, und man kann sie dort laden.",
        ),
    ]
    .into_iter()
    .map(|(id, title, text)| article(id, title, text))
    .collect();
    articles[4].audience = Some(for_role("admin"));
    articles
}

fn scores(result: &SearchResult) -> Vec<(&str, f32, f32)> {
    result.passages.iter().map(|scored| (scored.passage.article.id.as_str(), scored.fused, scored.lexical)).collect()
}

#[tokio::test]
async fn the_result_is_the_same_wherever_the_vectors_are() {
    let here = index(articles()).await;
    let there = with_store(Elsewhere::new()).update(&project(articles())).await.expect("an index");
    for query in
        ["How do I export my data?", "download a bill", "new colleague", "I lost my password", "Daten ausgeben"]
    {
        for locale in [None, Some("de"), Some("en")] {
            let (here, there) = (search(&here, query, locale).await, search(&there, query, locale).await);
            assert_eq!(ids(&here), ids(&there), "{query}");
            assert!(!ids(&there).contains(&"secret"));
            for ((_, fused, lexical), (_, other, words)) in scores(&here).iter().zip(scores(&there)) {
                assert!((fused - other).abs() < 2e-3 && *lexical == words, "{query}: {fused} and {other}");
            }
            assert_eq!((&here.semantic, here.degraded), (&there.semantic, there.degraded));
        }
    }
}

#[tokio::test]
async fn an_outage_leaves_the_words_and_heals() {
    let store = Elsewhere::new();
    let mut builder = with_store(Arc::clone(&store));
    store.set(State::Away);
    let index = builder.update(&project(articles())).await.expect("an index");
    assert!(index.is_incomplete());
    let result = search(&index, "How do I export data?", None).await;
    assert!(result.degraded && ids(&result)[0] == "export");
    let reason = "the vector store `elsewhere` is unavailable: a test".to_owned();
    assert_eq!(result.semantic, SemanticUse::Skipped(SkipReason::Failed { error: reason }));

    store.set(State::Well);
    let index = builder.update(&project(articles())).await.expect("an index");
    assert!(!index.is_incomplete());
    assert_eq!(search(&index, "How do I export data?", None).await.semantic, SemanticUse::Used);

    // A store that is away for a while has what it had, so nothing is to be done.
    store.set(State::Away);
    assert!(search(&index, "How do I export data?", None).await.degraded);
    assert!(!index.is_incomplete());
    store.set(State::Well);
    assert!(!search(&index, "How do I export data?", None).await.degraded);

    store.set(State::Lost);
    assert!(search(&index, "How do I export data?", None).await.degraded);
    assert!(index.is_incomplete(), "what is lost is to be published again");
    let index = builder.update(&project(articles())).await.expect("an index");
    assert!(!search(&index, "How do I export data?", None).await.degraded);
    assert_eq!(store.publications.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn points_are_named_by_their_content_and_not_by_their_history() {
    /// Keeps the points of the newest publication.
    struct Recorder(Mutex<Vec<(u64, u64)>>);
    #[async_trait]
    impl VectorStore for Recorder {
        fn name(&self) -> &str {
            "recorder"
        }
        async fn publish(&self, publication: Publication<'_>) -> Result<Arc<dyn VectorVersion>, VectorStoreError> {
            let points = (publication.points)().into_iter().map(|point| (point.key, point.audience));
            let mut points: Vec<_> = points.collect();
            points.sort_unstable();
            *self.0.lock().expect("no panic") = points;
            let reason = "a test".to_owned();
            Err(VectorStoreError::Refused { store: "recorder".to_owned(), reason })
        }
    }
    let points_of = async |versions: &[Vec<docent::domain::article::Article>]| {
        let recorder = Arc::new(Recorder(Mutex::default()));
        let mut builder =
            IndexBuilder::new(Some(Arc::new(StaticEmbedder::new()))).expect("a builder").with_store(recorder.clone());
        for articles in versions {
            builder.update(&project(articles.clone())).await.expect("an index");
        }
        recorder.0.lock().expect("no panic").clone()
    };
    let mut other = articles();
    other[1].title = "Guests".to_owned();
    other[3].audience = Some(for_role("owner"));
    other.remove(0);
    let fresh = points_of(&[articles()]).await;
    assert_eq!(points_of(&[other.clone(), articles()]).await, fresh);
    assert_ne!(points_of(&[other]).await, fresh);
    assert!(fresh.is_sorted_by(|a, b| a.0 < b.0), "every key is another");
}
