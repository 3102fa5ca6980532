//! Chooses the embedder.

use std::sync::Arc;

use super::EmbedderName;
use crate::adapters::static_embedder::StaticEmbedder;
use crate::ports::embedder::Embedder;

/// The embedder of that name.
pub(super) fn of(name: EmbedderName) -> Arc<dyn Embedder> {
    match name {
        EmbedderName::Static => Arc::new(StaticEmbedder::new()),
    }
}
