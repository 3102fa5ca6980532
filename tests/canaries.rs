//! Secrets and what is personal stay where they belong: more than fifty are brought into
//! the real server by every way in, and none comes out in its log at TRACE, in a trace
//! for somebody who is no author, in its metrics, or in what it says about an error.

#[path = "socket/client.rs"]
#[expect(dead_code, reason = "each suite uses a part of the client")]
mod client;
#[path = "canaries/endpoint.rs"]
mod endpoint;
#[path = "canaries/flock.rs"]
mod flock;
#[path = "canaries/flow.rs"]
mod flow;
#[path = "torture/server.rs"]
#[expect(dead_code, reason = "each suite uses a part of the server")]
mod server;

use flock::Flock;
use server::Server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_canary_is_heard_outside() {
    let flock = Flock::default();
    let folder = tempfile::tempdir().expect("a folder");
    server::project(folder.path());
    let embeddings = endpoint::start().await;
    let (secret, previous) = (flock.text("identity secret"), flock.text("previous identity secret"));
    let (api_key, qdrant_key) = (flock.text("embeddings key"), flock.text("qdrant key"));
    let (chat_key, fallback_key) = (flock.text("chat key"), flock.text("fallback chat key"));
    let desk = format!("{embeddings}/handovers");
    let handover_secret = flock.text("handover secret");
    let server = Server::start_with(
        folder.path(),
        &[
            ("DOCENT_LOG_LEVEL", "trace"),
            ("DOCENT_IDENTITY_SECRET", &secret),
            ("DOCENT_IDENTITY_PREVIOUS_SECRET", &previous),
            ("DOCENT_EMBEDDER", "openai"),
            ("DOCENT_EMBEDDINGS_BASE_URL", &embeddings),
            ("DOCENT_EMBEDDINGS_API_KEY", &api_key),
            ("DOCENT_QDRANT_API_KEY", &qdrant_key),
            ("DOCENT_MODEL_BASE_URL", &embeddings),
            ("DOCENT_MODEL_MODEL", "m"),
            ("DOCENT_MODEL_API_KEY", &chat_key),
            ("DOCENT_FALLBACK_MODEL_BASE_URL", &embeddings),
            ("DOCENT_FALLBACK_MODEL_MODEL", "n"),
            ("DOCENT_FALLBACK_MODEL_API_KEY", &fallback_key),
            ("DOCENT_HANDOVER_WEBHOOK_URL", &desk),
            ("DOCENT_HANDOVER_WEBHOOK_SECRET", &handover_secret),
            ("DOCENT_LIMITS_COMMANDS_PER_10S", "100000"),
            ("DOCENT_LIMITS_TURNS_PER_MIN_VISITOR", "100000"),
            ("DOCENT_LIMITS_TURNS_PER_MIN_USER", "100000"),
            ("DOCENT_LIMITS_CONNECTIONS_PER_MIN_USER", "100000"),
        ],
    );
    let told = flow::all(server.address, &flock, &secret).await;
    let (address, log) = (server.address, server.log.clone());
    tokio::task::spawn_blocking(move || server.terminate()).await.expect("an end");
    let log = log.lock().expect("no panic").clone();
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "the log says everything:\n{log}");
    assert!(log.contains("a model did not answer"), "the chat models are asked:\n{log}");
    assert!(told.len() >= 60, "the server of {address} said too little: {}", told.len());

    flock.assert_complete();
    for line in log.lines() {
        flock.assert_silent("the log", line);
    }
    for (place, text) in &told {
        flock.assert_silent(place, text);
    }
    println!("{} canaries, {} lines of log, {} answers", flock.len(), log.lines().count(), told.len());
}
