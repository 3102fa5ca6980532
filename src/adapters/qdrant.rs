//! The vectors in a Qdrant server.
//!
//! A version of the knowledge is one collection, named by its content, so that a
//! version is recognised after a restart and by other nodes. A point is named by
//! its content too: nodes that upload the same version write the same points. An
//! alias leads to the newest version that is complete, a second one to the version
//! before it; what falls out of both is deleted.

mod breaker;
mod collection;
mod fault;
mod version;

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use qdrant_client::Qdrant;
use qdrant_client::config::QdrantConfig;
use qdrant_client::qdrant::{CreateAliasBuilder, DeleteCollectionBuilder};

use crate::domain::secret::Secret;
use crate::ports::vector_store::{Publication, VectorStore, VectorStoreError, VectorVersion};
use breaker::Breaker;
use collection::Upload;
use version::QdrantVersion;

/// Name of the store, in errors and traces.
const NAME: &str = "qdrant";
/// Time to reach the server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Time for one call of an upload.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How to use a Qdrant server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QdrantSettings {
    /// Address of its gRPC interface, such as `http://127.0.0.1:6334`.
    pub url: String,
    /// Its key, if it asks for one.
    pub api_key: Option<Secret>,
    /// The alias of the newest version; the collections begin with it. Projects
    /// that share a server each have their own.
    pub collection: String,
    /// Time for a search, after which it goes on by words alone.
    pub search_timeout: Duration,
}

/// A Qdrant server.
pub struct QdrantVectors {
    shared: Arc<Shared>,
    /// Versions that searches of this process may still read.
    live: Mutex<Vec<Weak<QdrantVersion>>>,
    /// Collections to be deleted once no search of this process reads them.
    retired: Mutex<Vec<String>>,
}

/// What a store and its versions share.
struct Shared {
    client: Qdrant,
    settings: QdrantSettings,
    breaker: Breaker,
}

impl QdrantVectors {
    /// A store at a server, which is not asked before the first publication.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(settings: QdrantSettings) -> Result<Self, VectorStoreError> {
        let mut config = QdrantConfig::from_url(&settings.url).skip_compatibility_check();
        config.set_timeout(UPLOAD_TIMEOUT);
        config.set_connect_timeout(CONNECT_TIMEOUT);
        if let Some(key) = &settings.api_key {
            config.set_api_key(key.reveal());
        }
        let client = Qdrant::new(config).map_err(|error| fault::of(&error))?;
        let shared = Arc::new(Shared { client, settings, breaker: Breaker::default() });
        Ok(Self { shared, live: Mutex::default(), retired: Mutex::default() })
    }

    /// Leads the alias to `newest`, and deletes what neither it nor the version
    /// before needs any more.
    async fn swap(&self, newest: &str) -> Result<(), VectorStoreError> {
        let client = &self.shared.client;
        let alias = &self.shared.settings.collection;
        let before_alias = format!("{alias}-before");
        let aliases = client.list_aliases().await.map_err(|error| fault::of(&error))?.aliases;
        let target = |name: &str| {
            let alias = aliases.iter().find(|alias| alias.alias_name == name);
            alias.map(|alias| alias.collection_name.clone())
        };
        let (current, before) = (target(alias), target(&before_alias));
        if current.as_deref() == Some(newest) {
            return Ok(());
        }
        let lead = async |collection: &str, alias: &str| {
            client.create_alias(CreateAliasBuilder::new(collection, alias)).await.map_err(|error| fault::of(&error))
        };
        if let Some(current) = &current {
            lead(current, &before_alias).await?;
        }
        lead(newest, alias).await?;
        let kept = |name: &String| Some(name) == current.as_ref() || name == newest;
        self.retire(before.filter(|name| !kept(name)), newest).await
    }

    /// Deletes a collection, and those that had to wait, as soon as no search of
    /// this process reads them.
    async fn retire(&self, collection: Option<String>, newest: &str) -> Result<(), VectorStoreError> {
        let due = {
            let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
            let is_live =
                |name: &String| live.iter().filter_map(Weak::upgrade).any(|version| version.collection() == name);
            let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
            retired.extend(collection);
            retired.retain(|name| name != newest);
            let (waiting, due): (Vec<_>, Vec<_>) = retired.drain(..).partition(is_live);
            *retired = waiting;
            due
        };
        for name in due {
            self.shared
                .client
                .delete_collection(DeleteCollectionBuilder::new(name))
                .await
                .map_err(|error| fault::of(&error))?;
        }
        Ok(())
    }
}

#[async_trait]
impl VectorStore for QdrantVectors {
    fn name(&self) -> &str {
        NAME
    }

    async fn publish(&self, publication: Publication<'_>) -> Result<Arc<dyn VectorVersion>, VectorStoreError> {
        let upload = Upload::new(&publication, &self.shared.settings.collection);
        upload.complete(&self.shared.client).await?;
        let version = Arc::new(QdrantVersion::new(Arc::clone(&self.shared), &upload));
        {
            let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
            live.retain(|version| version.strong_count() > 0);
            live.push(Arc::downgrade(&version));
        }
        self.swap(upload.collection()).await?;
        self.shared.breaker.close();
        Ok(version)
    }
}
