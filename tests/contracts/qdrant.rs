//! The store in Qdrant: the contract, and what it does when the server fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use docent::adapters::qdrant::{QdrantSettings, QdrantVectors};
use docent::domain::secret::Secret;
use docent::ports::vector_store::{VectorStore, VectorStoreError, VectorVersion};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::qdrant_server::{Mood, QdrantServer};
use crate::vector_store::{Version, vector_store_contract};

fn settings(url: String) -> QdrantSettings {
    let search_timeout = Duration::from_secs(20);
    QdrantSettings { url, api_key: None, collection: "docent-test".to_owned(), search_timeout }
}

fn store(url: String) -> QdrantVectors {
    QdrantVectors::new(settings(url)).expect("a store")
}

/// A store that waits no longer than a test likes to.
fn hasty(url: String) -> QdrantVectors {
    QdrantVectors::new(QdrantSettings { search_timeout: Duration::from_millis(60), ..settings(url) }).expect("a store")
}

async fn fault(version: &Version, published: &dyn VectorVersion) -> VectorStoreError {
    version.try_search(published).await.expect_err("a fault")
}

#[tokio::test]
async fn the_store_in_qdrant_keeps_the_contract() {
    let server = QdrantServer::start().await;
    vector_store_contract(&store(server.url())).await;
    assert!(server.look(|content| content.largest_batch) <= 1_000);
}

#[tokio::test]
async fn a_real_server_keeps_the_contract() {
    match std::env::var("DOCENT_TEST_QDRANT_URL") {
        Ok(url) => {
            let api_key = std::env::var("DOCENT_TEST_QDRANT_API_KEY").ok().map(|key| Secret::new(&key));
            let settings = QdrantSettings { api_key, ..settings(url) };
            vector_store_contract(&QdrantVectors::new(settings).expect("a store")).await;
        }
        Err(_) => eprintln!("skipped: DOCENT_TEST_QDRANT_URL names no Qdrant server"),
    }
}

#[tokio::test]
async fn a_version_is_uploaded_once_by_all_nodes_and_starts() {
    let server = QdrantServer::start().await;
    let version = Version::new(1_500, 1);
    let first = store(server.url());
    version.publish(&first).await;
    let uploads = server.requests("Upsert");
    assert!(uploads >= 2, "more than a batch");
    version.publish(&first).await;
    version.publish(&store(server.url())).await;
    assert_eq!(server.requests("Upsert"), uploads, "it is there already");

    // Two nodes at once write the same points.
    let other = Version::new(700, 2);
    let (one, two) = (store(server.url()), store(server.url()));
    let (here, there) = tokio::join!(other.publish(&one), other.publish(&two));
    for published in [here, there] {
        other.try_search(published.as_ref()).await.expect("neighbors");
    }
    server.look(|content| {
        let current = &content.aliases["docent-test"];
        assert_eq!(content.collections[current].len(), other.with_vector());
        assert_eq!(content.collections.len(), 2);
    });
}

#[tokio::test]
async fn the_version_before_is_kept_and_older_ones_only_while_they_are_read() {
    let server = QdrantServer::start().await;
    let store = store(server.url());
    let versions: Vec<Version> = (1..=5).map(|round| Version::new(30, round)).collect();
    let read = versions[0].publish(&store).await;
    for version in &versions[1..4] {
        version.publish(&store).await;
    }
    versions[0].try_search(read.as_ref()).await.expect("a search still reads it");
    assert_eq!(server.look(|content| content.collections.len()), 3, "the newest, the one before, the one that is read");
    drop(read);
    versions[4].publish(&store).await;
    server.look(|content| {
        let mut names: Vec<&String> = content.collections.keys().collect();
        let mut kept: Vec<&String> = content.aliases.values().collect();
        names.sort();
        kept.sort();
        assert_eq!(names, kept, "the newest and the one before");
    });
}

#[tokio::test]
async fn an_upload_that_was_cut_off_is_completed_before_it_is_used() {
    let server = QdrantServer::start().await;
    let version = Version::new(2_500, 1);
    let store = store(server.url());
    // The collection, its two indexes and one batch; then the server goes away.
    server.set(Mood::WellFor(5));
    assert!(matches!(version.try_publish(&store).await, Err(VectorStoreError::Unavailable { .. })));
    server.look(|content| assert!(content.aliases.is_empty(), "what is not complete is not led to"));
    server.set(Mood::Well);
    let published = version.publish(&store).await;
    version.try_search(published.as_ref()).await.expect("neighbors");
    server
        .look(|content| assert_eq!(content.collections[&content.aliases["docent-test"]].len(), version.with_vector()));
}

#[tokio::test]
async fn a_server_that_hangs_costs_a_bounded_time_and_then_none() {
    let server = QdrantServer::start().await;
    let version = Version::new(60, 1);
    let published = version.publish(&hasty(server.url())).await;
    version.try_search(published.as_ref()).await.expect("neighbors");

    server.set(Mood::Hangs);
    for _ in 0..3 {
        let started = Instant::now();
        let error = fault(&version, published.as_ref()).await;
        assert_eq!(error.to_string(), "the vector store `qdrant` is unavailable: no answer within 60 ms");
        assert!(started.elapsed() < Duration::from_secs(5));
    }
    let asked = server.requests("QueryBatch");
    for _ in 0..100 {
        let error = fault(&version, published.as_ref()).await;
        assert!(error.to_string().contains("it is not asked again for"), "{error}");
    }
    assert_eq!(server.requests("QueryBatch"), asked, "it is left alone");

    // A publication shows that it is well again.
    server.set(Mood::Well);
    version.publish(&hasty(server.url())).await;
}

#[tokio::test]
async fn every_fault_of_the_server_means_an_action() {
    let server = QdrantServer::start().await;
    let version = Version::new(60, 1);
    let store = store(server.url());
    let published = version.publish(&store).await;
    for (code, expected) in [(5, "lost"), (8, "unavailable"), (13, "unavailable"), (14, "unavailable"), (16, "refused")]
    {
        server.set(Mood::Fails(code));
        let error = fault(&version, published.as_ref()).await;
        let meant = match &error {
            VectorStoreError::Lost { .. } => "lost",
            VectorStoreError::Unavailable { .. } => "unavailable",
            VectorStoreError::Refused { .. } => "refused",
        };
        assert_eq!(meant, expected, "{code}: {error}");
        server.set(Mood::Well);
        version.publish(&store).await;
        version.try_search(published.as_ref()).await.expect("a publication shows that the server is well");
    }
    let collection = server.look(|content| content.aliases["docent-test"].clone());
    server.look(|content| content.collections.remove(&collection));
    assert!(matches!(fault(&version, published.as_ref()).await, VectorStoreError::Lost { .. }));
    let again = version.publish(&store).await;
    version.try_search(again.as_ref()).await.expect("it was published again");
    version.try_search(published.as_ref()).await.expect("which helps the snapshot before as well");
}

#[tokio::test]
async fn a_server_that_is_not_one_is_unavailable() {
    let version = Version::new(10, 1);
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let stranger = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = stranger.local_addr().expect("an address");
    // Takes each connection and closes it at once.
    let _task = AbortOnDropHandle::new(tokio::spawn(async move { while stranger.accept().await.is_ok() {} }));
    for address in [closed, address] {
        let error = version.try_publish(&store(format!("http://{address}"))).await.err().expect("a fault");
        assert!(matches!(error, VectorStoreError::Unavailable { .. }), "{error:?}");
    }
    let error = QdrantVectors::new(settings("not an address".to_owned())).err().expect("a fault");
    assert!(matches!(error, VectorStoreError::Refused { .. }), "{error:?}");
}

/// Keeps a published version alive beside the store that made it.
#[tokio::test]
async fn a_version_can_be_searched_after_its_store_is_gone() {
    let server = QdrantServer::start().await;
    let version = Version::new(20, 1);
    let published: Arc<dyn VectorVersion> = version.publish(&store(server.url()) as &dyn VectorStore).await;
    version.try_search(published.as_ref()).await.expect("neighbors");
}
