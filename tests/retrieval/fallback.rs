//! Searching while the embedder is away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use docent::adapters::static_embedder::StaticEmbedder;
use docent::ports::embedder::{EmbedError, Embedder, Role, Vectors};
use docent::retrieval::audience::AudienceSet;
use docent::retrieval::index::builder::IndexBuilder;
use docent::retrieval::search::{Mode, SearchRequest, SemanticUse, SkipReason};

use crate::library::{article, ids, project, search};

/// The static embedder behind a switch.
#[derive(Default)]
struct Flaky {
    is_down: AtomicBool,
    is_short: AtomicBool,
}

#[async_trait]
impl Embedder for Flaky {
    fn is_word(&self, _word: &str) -> bool {
        false
    }

    fn name(&self) -> &str {
        "flaky"
    }

    fn dimension(&self) -> usize {
        StaticEmbedder::new().dimension()
    }

    fn knows(&self, language: &str) -> bool {
        language == "en"
    }

    async fn embed(&self, texts: &[&str], role: Role) -> Result<Vectors, EmbedError> {
        if self.is_down.load(Ordering::Relaxed) {
            let reason = "connection refused".to_owned();
            return Err(EmbedError::Unavailable { embedder: self.name().to_owned(), reason });
        }
        let given = if self.is_short.load(Ordering::Relaxed) { &texts[..texts.len() / 2] } else { texts };
        StaticEmbedder::new().embed(given, role).await
    }
}

fn articles() -> [docent::domain::article::Article; 2] {
    [
        article("export", "Exporting data", "Choose export in the settings to download your data."),
        article("invite", "Inviting people", "Send an invitation to your colleagues."),
    ]
}

#[tokio::test]
async fn a_question_falls_back_to_words_and_says_so() {
    let embedder = Arc::new(Flaky::default());
    let mut builder = IndexBuilder::new(Some(embedder.clone())).expect("a builder");
    let index = builder.update(&project(articles())).await.expect("an index");
    let well = search(&index, "How do I export data?", None).await;
    assert!(well.semantic == SemanticUse::Used && !well.degraded && well.passages[0].semantic.is_some());

    embedder.is_down.store(true, Ordering::Relaxed);
    let ill = search(&index, "How do I export data?", None).await;
    assert!(ill.degraded);
    assert_eq!(ids(&ill)[0], "export");
    assert_eq!(ill.passages[0].semantic, None);
    let SemanticUse::Skipped(reason) = ill.semantic else { panic!("the embedder is down") };
    assert_eq!(reason.to_string(), "the embedder `flaky` is unavailable: connection refused");

    let everyone = AudienceSet::everyone();
    let words = SearchRequest { query: "export", locale: None, audiences: &everyone, mode: Mode::Lexical, limit: 3 };
    let asked = index.search(words).await;
    assert!(!asked.degraded, "words alone were asked for");
    assert_eq!(asked.semantic, SemanticUse::Skipped(SkipReason::NotAsked));
}

#[tokio::test]
async fn articles_without_vectors_are_embedded_by_the_next_update() {
    for is_short in [false, true] {
        let embedder = Arc::new(Flaky::default());
        let switch = if is_short { &embedder.is_short } else { &embedder.is_down };
        switch.store(true, Ordering::Relaxed);
        let mut builder = IndexBuilder::new(Some(embedder.clone())).expect("a builder");
        let index = builder.update(&project(articles())).await.expect("an index");
        assert!(index.semantic_failure().is_some());
        let result = search(&index, "How do I export data?", None).await;
        assert!(result.degraded && ids(&result)[0] == "export");

        switch.store(false, Ordering::Relaxed);
        let index = builder.update(&project(articles())).await.expect("an index");
        assert_eq!(index.semantic_failure(), None);
        assert_eq!(search(&index, "How do I export data?", None).await.semantic, SemanticUse::Used);
    }
}

#[tokio::test]
async fn without_an_embedder_words_are_enough() {
    let index = IndexBuilder::new(None).expect("a builder").update(&project(articles())).await.expect("an index");
    let result = search(&index, "How do I export data?", None).await;
    assert_eq!(ids(&result), ["export"]);
    assert_eq!(result.semantic, SemanticUse::Skipped(SkipReason::NoEmbedder));
    assert!(!result.degraded && result.confidence > 0.4, "{}", result.confidence);
}
