//! A small server that speaks as much of Qdrant's gRPC interface as the adapter
//! uses, keeps everything in memory, and fails in the ways that servers fail.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use qdrant_client::qdrant::condition::ConditionOneOf;
use qdrant_client::qdrant::r#match::MatchValue;
use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::value::Kind;
use qdrant_client::qdrant::{
    AliasDescription, BatchResult, ChangeAliases, CollectionExists, CollectionExistsRequest, CollectionExistsResponse,
    CollectionOperationResponse, CountPoints, CountResponse, CountResult, CreateCollection, DeleteCollection,
    ListAliasesResponse, PointId, PointStruct, PointsOperationResponse, QueryBatchPoints, QueryBatchResponse,
    QueryPoints, ScoredPoint, UpsertPoints, alias_operations, query, vector, vector_input, vectors,
};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

/// Codes of gRPC.
const INVALID_ARGUMENT: u8 = 3;
const NOT_FOUND: u8 = 5;
const ALREADY_EXISTS: u8 = 6;

/// What the server does with requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Answers.
    Well,
    /// Takes requests and never answers.
    Hangs,
    /// Answers every request with a code of gRPC.
    Fails(u8),
    /// Answers so many more requests, then with code 14.
    WellFor(usize),
}

/// What the server holds.
#[derive(Default)]
pub(crate) struct Content {
    pub(crate) collections: BTreeMap<String, BTreeMap<u64, StoredPoint>>,
    pub(crate) aliases: BTreeMap<String, String>,
    /// Requests by the last part of their path.
    pub(crate) requests: BTreeMap<String, usize>,
    /// The most points of one upload.
    pub(crate) largest_batch: usize,
}

pub(crate) struct StoredPoint {
    vector: Vec<f32>,
    payload: BTreeMap<String, Kind>,
}

/// A running server; it ends when it is dropped.
pub(crate) struct QdrantServer {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<(Mood, Content)>>,
    _task: AbortOnDropHandle<()>,
}

impl QdrantServer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new((Mood::Well, Content::default())));
        let shared = Arc::clone(&state);
        let task = AbortOnDropHandle::new(tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                let service = service_fn(move |request| respond(request, Arc::clone(&state)));
                let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service);
                connections.spawn(connection);
            }
        }));
        Self { address, state, _task: task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn set(&self, mood: Mood) {
        self.lock().0 = mood;
    }

    /// What the server holds, with `look` at it.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&mut Content) -> T) -> T {
        look(&mut self.lock().1)
    }

    /// How often a request came.
    pub(crate) fn requests(&self, name: &str) -> usize {
        self.look(|content| content.requests.get(name).copied().unwrap_or(0))
    }

    fn lock(&self) -> MutexGuard<'_, (Mood, Content)> {
        self.state.lock().expect("no panic")
    }
}

type Body = StreamBody<stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, Infallible>>>>;

async fn respond(request: Request<Incoming>, state: Arc<Mutex<(Mood, Content)>>) -> Result<Response<Body>, Infallible> {
    let name = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let message = body.get(5..).unwrap_or_default();
    let answer = {
        let (mood, content) = &mut *state.lock().expect("no panic");
        *content.requests.entry(name.clone()).or_default() += 1;
        match mood {
            Mood::WellFor(0) => Some(Err(14)),
            Mood::WellFor(left) => {
                *left -= 1;
                Some(content.answer(&name, message))
            }
            Mood::Well => Some(content.answer(&name, message)),
            Mood::Fails(code) => Some(Err(*code)),
            Mood::Hangs => None,
        }
    };
    let Some(answer) = answer else { return std::future::pending().await };
    let mut trailers = HeaderMap::new();
    let mut frames = Vec::new();
    match answer {
        Ok(message) => {
            let length = u32::try_from(message.len()).expect("a short message");
            let mut data = vec![0];
            data.extend(length.to_be_bytes());
            data.extend(message);
            frames.push(Ok(Frame::data(Bytes::from(data))));
            trailers.insert("grpc-status", HeaderValue::from_static("0"));
        }
        Err(code) => {
            trailers.insert("grpc-status", HeaderValue::from(u16::from(code)));
            trailers.insert("grpc-message", HeaderValue::from_static("as the test wants it"));
        }
    }
    frames.push(Ok(Frame::trailers(trailers)));
    let mut response = Response::new(StreamBody::new(stream::iter(frames)));
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    Ok(response)
}

fn read<M: Message + Default>(message: &[u8]) -> Result<M, u8> {
    M::decode(message).map_err(|_| INVALID_ARGUMENT)
}

fn key(id: Option<&PointId>) -> Result<u64, u8> {
    match id.and_then(|id| id.point_id_options.as_ref()) {
        Some(PointIdOptions::Num(key)) => Ok(*key),
        _ => Err(INVALID_ARGUMENT),
    }
}

impl Content {
    fn answer(&mut self, name: &str, message: &[u8]) -> Result<Vec<u8>, u8> {
        let done = CollectionOperationResponse { result: true, time: 0.0 }.encode_to_vec();
        Ok(match name {
            "CollectionExists" => {
                let asked: CollectionExistsRequest = read(message)?;
                let exists = self.collections.contains_key(&asked.collection_name);
                CollectionExistsResponse { result: Some(CollectionExists { exists }), time: 0.0 }.encode_to_vec()
            }
            "Create" => {
                let asked: CreateCollection = read(message)?;
                if self.collections.contains_key(&asked.collection_name) {
                    return Err(ALREADY_EXISTS);
                }
                self.collections.insert(asked.collection_name, BTreeMap::new());
                done
            }
            "CreateFieldIndex" => PointsOperationResponse::default().encode_to_vec(),
            "Upsert" => {
                let asked: UpsertPoints = read(message)?;
                self.largest_batch = self.largest_batch.max(asked.points.len());
                let collection = self.collections.get_mut(&asked.collection_name).ok_or(NOT_FOUND)?;
                for point in asked.points {
                    collection.insert(key(point.id.as_ref())?, stored(point)?);
                }
                PointsOperationResponse::default().encode_to_vec()
            }
            "Count" => {
                let asked: CountPoints = read(message)?;
                let count = self.collections.get(&asked.collection_name).ok_or(NOT_FOUND)?.len() as u64;
                CountResponse { result: Some(CountResult { count }), ..CountResponse::default() }.encode_to_vec()
            }
            "ListAliases" => {
                let alias = |(alias, collection): (&String, &String)| AliasDescription {
                    alias_name: alias.clone(),
                    collection_name: collection.clone(),
                };
                ListAliasesResponse { aliases: self.aliases.iter().map(alias).collect(), time: 0.0 }.encode_to_vec()
            }
            "UpdateAliases" => {
                let asked: ChangeAliases = read(message)?;
                for operation in asked.actions {
                    let Some(alias_operations::Action::CreateAlias(create)) = operation.action else {
                        return Err(INVALID_ARGUMENT);
                    };
                    self.aliases.insert(create.alias_name, create.collection_name);
                }
                done
            }
            "Delete" => {
                let asked: DeleteCollection = read(message)?;
                self.collections.remove(&asked.collection_name);
                self.aliases.retain(|_, collection| *collection != asked.collection_name);
                done
            }
            "QueryBatch" => {
                let asked: QueryBatchPoints = read(message)?;
                let results: Result<Vec<_>, u8> = asked.query_points.iter().map(|query| self.query(query)).collect();
                let result = results?.into_iter().map(|result| BatchResult { result }).collect();
                QueryBatchResponse { result, ..QueryBatchResponse::default() }.encode_to_vec()
            }
            _ => return Err(12),
        })
    }

    fn query(&self, asked: &QueryPoints) -> Result<Vec<ScoredPoint>, u8> {
        let collection = self.collections.get(&asked.collection_name).ok_or(NOT_FOUND)?;
        let Some(query::Variant::Nearest(input)) = asked.query.as_ref().and_then(|query| query.variant.as_ref()) else {
            return Err(INVALID_ARGUMENT);
        };
        let Some(vector_input::Variant::Dense(question)) = &input.variant else { return Err(INVALID_ARGUMENT) };
        let conditions = asked.filter.iter().flat_map(|filter| &filter.must);
        let conditions: Vec<_> = conditions.filter_map(|condition| condition.condition_one_of.as_ref()).collect();
        let mut found: Vec<ScoredPoint> = collection
            .iter()
            .filter(|(key, point)| conditions.iter().all(|condition| holds(condition, **key, point)))
            .map(|(key, point)| ScoredPoint {
                id: Some(PointId::from(*key)),
                score: point.vector.iter().zip(&question.data).map(|(a, b)| a * b).sum(),
                ..ScoredPoint::default()
            })
            .collect();
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        found.truncate(usize::try_from(asked.limit.unwrap_or(10)).unwrap_or(usize::MAX));
        Ok(found)
    }
}

fn stored(point: PointStruct) -> Result<StoredPoint, u8> {
    let Some(vectors::VectorsOptions::Vector(found)) = point.vectors.and_then(|vectors| vectors.vectors_options) else {
        return Err(INVALID_ARGUMENT);
    };
    let vector = match found.vector {
        Some(vector::Vector::Dense(dense)) => dense.data,
        _ => return Err(INVALID_ARGUMENT),
    };
    let payload = point.payload.into_iter().filter_map(|(name, value)| Some((name, value.kind?))).collect();
    Ok(StoredPoint { vector, payload })
}

fn holds(condition: &ConditionOneOf, key: u64, point: &StoredPoint) -> bool {
    match condition {
        ConditionOneOf::HasId(ids) => ids.has_id.contains(&PointId::from(key)),
        ConditionOneOf::Field(field) => {
            let wanted = field.r#match.as_ref().and_then(|wanted| wanted.match_value.as_ref());
            match (wanted, point.payload.get(&field.key)) {
                (Some(MatchValue::Integers(wanted)), Some(Kind::IntegerValue(own))) => wanted.integers.contains(own),
                (Some(MatchValue::Keyword(wanted)), Some(Kind::StringValue(own))) => wanted == own,
                _ => false,
            }
        }
        _ => false,
    }
}
