//! Fetching from a hub on loopback that redirects, cuts off and lies.

use std::collections::HashMap;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use docent::adapters::model_hub::{self, HubError, HubSettings};
use docent::adapters::transformer::{TransformerEmbedder, TransformerSettings};
use futures_util::{StreamExt, stream};
use sha2::{Digest, Sha256};

use crate::tiny_model::{self, Family};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const MODEL: &str = "owner/tiny";

#[derive(Default)]
struct Hub {
    files: HashMap<String, Vec<u8>>,
    /// Answers with weights end after so many bytes, so often.
    cuts: Mutex<Vec<usize>>,
    wrong_checksum: bool,
    wrong_size: bool,
    endless_redirects: bool,
    /// Path and range of each request for a file.
    requests: Mutex<Vec<(String, Option<String>)>>,
}

type Shared = Arc<Hub>;

fn with_model() -> Hub {
    let folder = tempfile::tempdir().unwrap();
    tiny_model::write(folder.path(), Family::Bert);
    let names = ["config.json", "tokenizer.json", "model.safetensors"];
    let files = names.map(|name| (name.to_owned(), fs::read(folder.path().join(name)).unwrap()));
    Hub { files: files.into(), ..Hub::default() }
}

async fn start(hub: Hub) -> (Shared, HubSettings) {
    let hub = Arc::new(hub);
    let router = Router::new()
        .route("/owner/tiny/resolve/{revision}/{*file}", get(resolve))
        .route("/content/{*file}", get(content))
        .with_state(Arc::clone(&hub));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let settings = HubSettings { base_url, tries: 3, pause: Duration::from_millis(1), ..HubSettings::default() };
    (hub, settings)
}

/// Large files are elsewhere, as on the real hub.
async fn resolve(
    State(hub): State<Shared>,
    UrlPath((revision, file)): UrlPath<(String, String)>,
    headers: HeaderMap,
) -> Response {
    hub.requests
        .lock()
        .unwrap()
        .push((format!("{revision}/{file}"), headers.get("range").map(|range| range.to_str().unwrap().to_owned())));
    let Some(bytes) = hub.files.get(&file) else { return StatusCode::NOT_FOUND.into_response() };
    let commit = ("x-repo-commit", COMMIT.to_owned());
    if !file.ends_with(".safetensors") {
        return ([commit], bytes.clone()).into_response();
    }
    let sum: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let sum = if hub.wrong_checksum { sum.replace(|c: char| c.is_ascii_digit(), "0") } else { sum };
    let size = if hub.wrong_size { bytes.len() - 1 } else { bytes.len() };
    let location =
        if hub.endless_redirects { format!("/owner/tiny/resolve/main/{file}") } else { format!("/content/{file}") };
    let headers =
        [commit, ("x-linked-etag", format!("\"{sum}\"")), ("x-linked-size", size.to_string()), ("location", location)];
    (StatusCode::FOUND, headers).into_response()
}

async fn content(State(hub): State<Shared>, UrlPath(file): UrlPath<String>, headers: HeaderMap) -> Response {
    let bytes = &hub.files[&file];
    let start: usize = headers
        .get("range")
        .map_or(0, |range| range.to_str().unwrap().trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap());
    if start >= bytes.len() {
        return (StatusCode::RANGE_NOT_SATISFIABLE, [("content-range", format!("bytes */{}", bytes.len()))])
            .into_response();
    }
    let range = [("content-range", format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len()))];
    let status = if start == 0 { StatusCode::OK } else { StatusCode::PARTIAL_CONTENT };
    let rest = bytes[start..].to_vec();
    match hub.cuts.lock().unwrap().pop() {
        Some(end) => {
            let part = rest[..end.min(rest.len())].to_vec();
            // What was sent is on its way before the connection breaks.
            let broken = async {
                tokio::task::yield_now().await;
                Err(std::io::Error::other("cut off"))
            };
            let parts = stream::once(std::future::ready(Ok(part))).chain(stream::once(broken));
            (status, range, Body::from_stream(parts)).into_response()
        }
        None => (status, range, rest).into_response(),
    }
}

async fn fetch(settings: &HubSettings, folder: &std::path::Path) -> Result<Vec<model_hub::Fetched>, HubError> {
    model_hub::fetch(settings, MODEL, folder, &|_| {}).await
}

#[tokio::test]
async fn a_fetched_model_can_be_used() {
    let (hub, settings) = start(with_model()).await;
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("models/tiny");
    let files = fetch(&settings, &target).await.unwrap();
    let verified: Vec<_> = files.iter().map(|file| (file.file.as_str(), file.is_verified)).collect();
    assert_eq!(verified, [("config.json", false), ("tokenizer.json", false), ("model.safetensors", true)]);
    let first = hub.requests.lock().unwrap().first().unwrap().0.clone();
    assert_eq!(first, "main/config.json");
    let last = hub.requests.lock().unwrap().last().unwrap().0.clone();
    assert_eq!(last, format!("{COMMIT}/model.safetensors"), "all files are of one version");
    assert_eq!(fs::read_dir(folder.path().join("models")).unwrap().count(), 1, "nothing is left beside it");
    let load = TransformerSettings { dir: target.clone(), ..TransformerSettings::default() };
    TransformerEmbedder::load(load, Arc::default()).unwrap();
    assert!(matches!(fetch(&settings, &target).await, Err(HubError::Exists(_))), "nothing is overwritten");
}

#[tokio::test]
async fn a_cut_connection_goes_on_where_it_was() {
    let hub = with_model();
    *hub.cuts.lock().unwrap() = vec![700, 500];
    let (hub, settings) = start(hub).await;
    let folder = tempfile::tempdir().unwrap();
    fetch(&settings, &folder.path().join("tiny")).await.unwrap();
    let ranges: Vec<_> = hub
        .requests
        .lock()
        .unwrap()
        .iter()
        .filter(|(path, _)| path.ends_with("model.safetensors"))
        .map(|(_, range)| range.clone())
        .collect();
    assert_eq!(ranges, [None, Some("bytes=500-".to_owned()), Some("bytes=1200-".to_owned())]);
}

#[tokio::test]
async fn a_fetch_goes_on_after_a_new_start() {
    let hub = with_model();
    *hub.cuts.lock().unwrap() = vec![0, 0, 0, 900];
    let (hub, settings) = start(hub).await;
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("tiny");
    let error = fetch(&settings, &target).await.unwrap_err();
    assert!(matches!(error, HubError::Broken { .. }) && !target.exists(), "{error}");
    hub.cuts.lock().unwrap().clear();
    fetch(&settings, &target).await.unwrap();
    assert_eq!(hub.requests.lock().unwrap().last().unwrap().1.as_deref(), Some("bytes=900-"));
}

#[tokio::test]
async fn a_part_that_is_complete_or_too_long_is_noticed() {
    for extra in [0, 100] {
        let (hub, settings) = start(with_model()).await;
        let folder = tempfile::tempdir().unwrap();
        let partial = folder.path().join("tiny.partial");
        fs::create_dir_all(&partial).unwrap();
        let mut bytes = hub.files["model.safetensors"].clone();
        bytes.resize(bytes.len() + extra, 0);
        fs::write(partial.join("model.safetensors.part"), &bytes).unwrap();
        fetch(&settings, &folder.path().join("tiny")).await.unwrap();
        assert_eq!(fs::read(folder.path().join("tiny/model.safetensors")).unwrap(), hub.files["model.safetensors"]);
    }
}

#[tokio::test]
async fn what_is_not_as_promised_is_no_model() {
    let without = |file: &str| {
        let mut hub = with_model();
        hub.files.remove(file);
        hub
    };
    let cases = [
        (Hub { wrong_checksum: true, ..with_model() }, "SHA-256"),
        (Hub { wrong_size: true, ..with_model() }, "more bytes"),
        (Hub { endless_redirects: true, ..with_model() }, "redirects more than"),
        (without("tokenizer.json"), "has no tokenizer.json"),
        (without("model.safetensors"), "has no model.safetensors.index.json"),
    ];
    for (hub, told) in cases {
        let (_, settings) = start(hub).await;
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("tiny");
        let error = fetch(&settings, &target).await.unwrap_err().to_string();
        assert!(error.contains(told), "{told}: {error}");
        assert!(!target.exists());
    }
}

#[tokio::test]
async fn names_and_sizes_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["", "../x", "a/b/c", "a/../b", "a b", ".hidden", "a/"] {
        let error = model_hub::fetch(&HubSettings::default(), name, &folder.path().join("x"), &|_| {}).await;
        assert!(matches!(error, Err(HubError::Name(_))), "{name}");
    }
    let (_, settings) = start(with_model()).await;
    let small = HubSettings { max_bytes: 1_000, ..settings };
    let error = fetch(&small, &folder.path().join("tiny")).await.unwrap_err();
    assert!(error.to_string().contains("more than 1000 bytes"), "{error}");
}
