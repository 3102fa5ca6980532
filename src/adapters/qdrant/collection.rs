//! The collection of one version: its name, its points and how they get there.

use qdrant_client::qdrant::{
    CountPointsBuilder, CreateCollectionBuilder, CreateFieldIndexCollectionBuilder, Distance, FieldType, PointStruct,
    UpsertPointsBuilder, VectorParamsBuilder,
};
use qdrant_client::{Payload, Qdrant};
use sha2::{Digest, Sha256};

use super::fault;
use crate::ports::vector_store::vector_set::VectorSet;
use crate::ports::vector_store::{Point, Publication, VectorStoreError};

/// The payload that says for whom a point is.
pub(super) const AUDIENCE: &str = "audience";
/// The payload with the language of a point.
pub(super) const LANGUAGE: &str = "language";
/// Components in one call of an upload: 4 MiB of floats.
const BATCH_COMPONENTS: usize = 1 << 20;
/// Most points in one call of an upload.
const BATCH_POINTS: usize = 1_000;

/// A version on its way to the server.
pub(super) struct Upload<'a> {
    collection: String,
    vectors: &'a VectorSet,
    /// The points with a vector, in the order of their keys.
    points: Vec<Point>,
}

impl<'a> Upload<'a> {
    /// The points with a vector; `prefix` begins the name of the collection.
    pub(super) fn new(publication: &Publication<'a>, prefix: &str) -> Self {
        let vectors = publication.vectors;
        let mut points = (publication.points)();
        points.retain(|point| vectors.has(point.id as usize));
        points.sort_unstable_by_key(|point| point.key);
        points.dedup_by_key(|point| point.key);
        let mut hash = Sha256::new();
        hash.update(publication.embedder);
        hash.update([0]);
        hash.update(u64::try_from(vectors.dimension()).unwrap_or(u64::MAX).to_le_bytes());
        for point in &points {
            hash.update(point.key.to_le_bytes());
            hash.update(point.audience.to_le_bytes());
            hash.update(point.language.as_str());
        }
        let hash: [u8; 32] = hash.finalize().into();
        let content: String = hash.iter().take(10).map(|byte| format!("{byte:02x}")).collect();
        Self { collection: format!("{prefix}-{content}"), vectors, points }
    }

    pub(super) fn collection(&self) -> &str {
        &self.collection
    }

    pub(super) fn points(&self) -> &[Point] {
        &self.points
    }

    pub(super) fn dimension(&self) -> usize {
        self.vectors.dimension()
    }

    /// Uploads what is not there yet. Another node that does the same writes the
    /// same points.
    ///
    /// # Errors
    /// When the server fails, or has fewer points in the end than were sent.
    pub(super) async fn complete(&self, client: &Qdrant) -> Result<(), VectorStoreError> {
        if !client.collection_exists(&self.collection).await.map_err(|error| fault::of(&error))? {
            self.create(client).await?;
        } else if self.is_complete(client).await? {
            return Ok(());
        }
        let batch = (BATCH_COMPONENTS / self.vectors.dimension()).clamp(1, BATCH_POINTS);
        for points in self.points.chunks(batch) {
            let points: Vec<PointStruct> = points.iter().filter_map(|point| self.point(point)).collect();
            let request = UpsertPointsBuilder::new(&self.collection, points).wait(true);
            client.upsert_points(request).await.map_err(|error| fault::of(&error))?;
        }
        match self.is_complete(client).await? {
            true => Ok(()),
            false => Err(fault::unavailable(format!("the collection `{}` is not complete", self.collection))),
        }
    }

    async fn create(&self, client: &Qdrant) -> Result<(), VectorStoreError> {
        let dimension = u64::try_from(self.vectors.dimension()).unwrap_or(u64::MAX);
        // The vectors have length 1, so the product is the cosine, rounded as in this process.
        let vectors = VectorParamsBuilder::new(dimension, Distance::Dot);
        let created = client.create_collection(CreateCollectionBuilder::new(&self.collection).vectors_config(vectors));
        if let Err(error) = created.await {
            // Another node may have been faster.
            let exists = client.collection_exists(&self.collection).await;
            return if exists.is_ok_and(|exists| exists) { Ok(()) } else { Err(fault::of(&error)) };
        }
        for (field, kind) in [(AUDIENCE, FieldType::Integer), (LANGUAGE, FieldType::Keyword)] {
            let request = CreateFieldIndexCollectionBuilder::new(&self.collection, field, kind).wait(true);
            client.create_field_index(request).await.map_err(|error| fault::of(&error))?;
        }
        Ok(())
    }

    async fn is_complete(&self, client: &Qdrant) -> Result<bool, VectorStoreError> {
        let request = CountPointsBuilder::new(&self.collection).exact(true);
        let counted = client.count(request).await.map_err(|error| fault::of(&error))?;
        let wanted = u64::try_from(self.points.len()).unwrap_or(u64::MAX);
        Ok(counted.result.is_some_and(|result| result.count == wanted))
    }

    fn point(&self, point: &Point) -> Option<PointStruct> {
        let vector = self.vectors.vector(point.id as usize)?;
        let mut payload = Payload::new();
        payload.insert(AUDIENCE, integer(point.audience));
        payload.insert(LANGUAGE, point.language.as_str());
        Some(PointStruct::new(point.key, vector, payload))
    }
}

/// A label as the server keeps it: the same bits, with a sign.
pub(super) fn integer(label: u64) -> i64 {
    label.cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::language::Language;

    #[test]
    fn the_name_tells_the_content_and_nothing_of_its_history() {
        let language = Language::new("en").expect("a language");
        let point = |id: u32, key: u64| Point { id, key, audience: 0, language };
        let name = |embedder: &str, points: Vec<Point>| {
            let mut vectors = VectorSet::new(2);
            points.iter().for_each(|point| vectors.set(point.id as usize, &[1.0, 0.0]));
            vectors.clear(9);
            let points = || points.clone();
            Upload::new(&Publication { embedder, vectors: &vectors, points: &points }, "docent").collection
        };
        let first = name("a", vec![point(0, 7), point(1, 8)]);
        assert_eq!(name("a", vec![point(5, 8), point(3, 7)]), first, "other ids, another order");
        assert_eq!(name("a", vec![point(0, 7), point(1, 8), point(9, 10)]), first, "a point without a vector");
        let restricted = Point { audience: 3, ..point(1, 8) };
        for other in [name("b", vec![point(0, 7), point(1, 8)]), name("a", vec![point(0, 7), restricted])] {
            assert_ne!(other, first);
        }
    }
}
