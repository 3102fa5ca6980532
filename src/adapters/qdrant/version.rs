//! One version in a Qdrant server, as searches see it.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::{
    Condition, Filter, QueryBatchPointsBuilder, QueryPoints, QueryPointsBuilder, ScoredPoint, SearchParamsBuilder,
};
use rustc_hash::FxHashMap;

use super::collection::{AUDIENCE, LANGUAGE, Upload, integer};
use super::{Shared, fault};
use crate::ports::vector_store::{Neighbor, Neighbors, VectorQuery, VectorScope, VectorStoreError, VectorVersion};

/// A collection with the ids of its points.
pub(super) struct QdrantVersion {
    shared: Arc<Shared>,
    collection: String,
    dimension: usize,
    /// Ids by key.
    ids: FxHashMap<u64, u32>,
    /// Keys by id; absent where there is no vector.
    keys: Vec<Option<u64>>,
}

impl QdrantVersion {
    pub(super) fn new(shared: Arc<Shared>, upload: &Upload<'_>) -> Self {
        let length = upload.points().iter().map(|point| point.id as usize + 1).max().unwrap_or(0);
        let mut keys = vec![None; length];
        for point in upload.points() {
            keys[point.id as usize] = Some(point.key);
        }
        let ids = upload.points().iter().map(|point| (point.key, point.id)).collect();
        Self { shared, collection: upload.collection().to_owned(), dimension: upload.dimension(), ids, keys }
    }

    pub(super) fn collection(&self) -> &str {
        &self.collection
    }

    async fn ask(&self, queries: Vec<QueryPoints>) -> Result<Vec<Vec<ScoredPoint>>, VectorStoreError> {
        let breaker = &self.shared.breaker;
        breaker.admit(Instant::now()).map_err(fault::unavailable)?;
        let limit = self.shared.settings.search_timeout;
        let request = QueryBatchPointsBuilder::new(&self.collection, queries);
        let answer = match tokio::time::timeout(limit, self.shared.client.query_batch(request)).await {
            Ok(answer) => answer.map_err(|error| fault::of(&error)),
            Err(_) => Err(fault::unavailable(format!("no answer within {} ms", limit.as_millis()))),
        };
        match &answer {
            Err(VectorStoreError::Unavailable { reason, .. }) => breaker.fail(reason, Instant::now()),
            Ok(_) | Err(VectorStoreError::Lost { .. } | VectorStoreError::Refused { .. }) => breaker.close(),
        }
        Ok(answer?.result.into_iter().map(|batch| batch.result).collect())
    }

    /// The id and the cosine of a point that may be found.
    fn neighbor(&self, point: &ScoredPoint, scope: &VectorScope<'_>) -> Option<Neighbor> {
        let Some(PointIdOptions::Num(key)) = point.id.as_ref()?.point_id_options else { return None };
        let id = *self.ids.get(&key)?;
        // The labels have said so already; a server that mixes them up is not believed.
        let is_allowed = scope.allowed.get(id as usize) == Some(&true);
        (is_allowed && point.score.is_finite()).then_some(Neighbor { id, cosine: point.score })
    }
}

#[async_trait]
impl VectorVersion for QdrantVersion {
    async fn search(&self, query: VectorQuery<'_>) -> Result<Neighbors, VectorStoreError> {
        let VectorQuery { vector, scope, nearest, also } = query;
        let is_sound = vector.len() == self.dimension && vector.iter().all(|value| value.is_finite());
        if !is_sound || vector.iter().all(|value| *value == 0.0) {
            return Ok(Neighbors { nearest: Vec::new(), also: vec![None; also.len()] });
        }
        let keys: Vec<u64> = also.iter().filter_map(|id| self.keys.get(*id as usize).copied().flatten()).collect();
        let mut queries = Vec::with_capacity(2);
        if nearest > 0 {
            queries.push(by_meaning(&self.collection, &query));
        }
        if !keys.is_empty() {
            queries.push(by_key(&self.collection, vector, keys));
        }
        if queries.is_empty() {
            return Ok(Neighbors { nearest: Vec::new(), also: vec![None; also.len()] });
        }
        let mut answers = self.ask(queries).await?.into_iter();
        let found = if nearest > 0 { answers.next().unwrap_or_default() } else { Vec::new() };
        let asked = answers.next().unwrap_or_default();
        let cosines: FxHashMap<u32, f32> = asked
            .iter()
            .filter_map(|point| self.neighbor(point, &scope))
            .map(|neighbor| (neighbor.id, neighbor.cosine))
            .collect();
        let found = found.iter().filter_map(|point| self.neighbor(point, &scope));
        Ok(Neighbors {
            nearest: found.filter(|neighbor| neighbor.cosine > 0.0).collect(),
            also: also.iter().map(|id| cosines.get(id).copied()).collect(),
        })
    }

    fn bytes(&self) -> usize {
        self.keys.len() * size_of::<Option<u64>>() + self.ids.capacity() * size_of::<(u64, u32)>()
    }
}

fn by_meaning(collection: &str, query: &VectorQuery<'_>) -> QueryPoints {
    let audiences: Vec<i64> = query.scope.audiences.iter().map(|label| integer(*label)).collect();
    let mut conditions = vec![Condition::matches(AUDIENCE, audiences)];
    if let Some(language) = query.scope.language {
        conditions.push(Condition::matches(LANGUAGE, language.as_str().to_owned()));
    }
    QueryPointsBuilder::new(collection)
        .query(query.vector.to_vec())
        .filter(Filter::must(conditions))
        .limit(u64::try_from(query.nearest).unwrap_or(u64::MAX))
        .build()
}

fn by_key(collection: &str, vector: &[f32], keys: Vec<u64>) -> QueryPoints {
    let limit = u64::try_from(keys.len()).unwrap_or(u64::MAX);
    QueryPointsBuilder::new(collection)
        .query(vector.to_vec())
        .filter(Filter::must([Condition::has_id(keys)]))
        .params(SearchParamsBuilder::default().exact(true))
        .limit(limit)
        .build()
}
