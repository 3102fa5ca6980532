//! Requests: pages, refusals, origins, and heads that no server should wait for.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use docent::protocol::SUBPROTOCOL;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::client::{Came, Client, PATIENCE, request};
use crate::rig::{Rig, settings};

/// Sends bytes and reads until the server closes.
async fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    // The server may refuse before everything is sent.
    let _ = stream.write_all(bytes).await;
    let mut response = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut response)).await.expect("an end");
    String::from_utf8_lossy(&response).into_owned()
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> String {
    raw(address, format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").as_bytes()).await
}

fn status(response: &str) -> u16 {
    response.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

fn body(response: &str) -> &str {
    response.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

async fn lives(address: SocketAddr) {
    assert_eq!(status(&get(address, "/healthz").await), 200);
}

#[tokio::test]
async fn what_happens_is_counted() {
    let rig = Rig::start().await;
    let mut client = Client::join(rig.address).await;
    client.ask("a secret canary").await;
    client.call("feedback.set", json!({"message_id": "none", "value": "up"})).await;
    let counted = get(rig.address, "/metrics").await;
    assert_eq!(status(&counted), 200);
    for line in [
        "docent_sockets 1",
        "docent_joined_total{code=\"new\"} 1",
        "docent_refused_total{code=\"bad_request\"} 1",
        "docent_run_seconds_count 1",
        "docent_knowledge_version",
        "# EOF",
    ] {
        assert!(counted.contains(line), "{line} is missing in {counted}");
    }
    assert!(counted.contains("docent_runs_total{kind=") && counted.contains("outcome=\"completed\""), "{counted}");
    assert!(!counted.contains("canary") && !counted.contains("anon-"), "{counted}");
}

#[tokio::test]
async fn pages_and_reports() {
    let rig = Rig::start().await;
    for (path, kind, part) in [
        ("/", "text/html; charset=utf-8", "<!doctype html>"),
        ("/try-it.js", "text/javascript; charset=utf-8", "docent.chat.v1"),
        ("/try-it.css", "text/css; charset=utf-8", "{"),
        ("/article.css", "text/css; charset=utf-8", "{"),
        ("/healthz", "application/json", "\"ok\""),
        ("/readyz", "application/json", "\"ready\""),
        ("/v1/schema.json", "application/json", "ClientFrame"),
        ("/v1/asyncapi.json", "application/json", "\"asyncapi\":\"3.0.0\""),
        ("/articles/billing/invoices", "text/html; charset=utf-8", "<h2 id=\"when\">When &lt;they&gt; come</h2>"),
    ] {
        let response = get(rig.address, path).await;
        let lower = response.to_lowercase();
        assert_eq!(status(&response), 200, "{path}");
        assert!(lower.contains(&format!("content-type: {kind}\r\n")), "{path}: {response}");
        assert!(lower.contains(&part.to_lowercase()), "{path}: no {part}");
        for header in [
            "content-security-policy: default-src 'none'",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
        ] {
            assert!(lower.contains(header), "{path}: no {header}");
        }
    }
    let article = get(rig.address, "/articles/billing/invoices").await;
    assert!(!article.contains("<script") && !article.contains("javascript:"), "{article}");
    assert!(article.contains("Invoices &amp; &lt;more&gt;"));
}

#[tokio::test]
async fn refusals_are_json() {
    let rig = Rig::start().await;
    let request = |line: &str| format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    for (line, expected) in [
        ("GET /nothing", 404),
        ("GET /articles/secret", 404),
        ("GET /articles/none", 404),
        ("GET /articles/%00", 404),
        ("GET /articles/..%2f..%2fetc%2fpasswd", 404),
        ("GET /../../etc/passwd", 404),
        ("POST /", 405),
        ("DELETE /healthz", 405),
        ("GET /v1/socket", 426),
        ("POST /v1/socket", 405),
    ] {
        let response = raw(rig.address, request(line).as_bytes()).await;
        assert_eq!(status(&response), expected, "{line}: {response}");
        let json: Value = serde_json::from_str(body(&response)).unwrap_or_else(|_| panic!("{line}: {response}"));
        assert!(json["error"]["code"].is_string(), "{line}");
    }
}

#[tokio::test]
async fn a_client_without_a_common_version_learns_why() {
    let rig = Rig::start().await;
    let open = async |offer: Option<&'static str>| {
        let mut request = request(rig.address);
        request.headers_mut().remove("sec-websocket-protocol");
        if let Some(offer) = offer {
            request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(offer));
        }
        Client::open_with(rig.address, request).await.expect("an upgrade")
    };
    let mut later = open(Some("docent.chat.v9")).await;
    assert_eq!(later.closed().await, (Vec::new(), Came::Closed(4503)));
    let mut both = open(Some("docent.chat.v9, docent.chat.v1")).await;
    both.send(json!({"type": "hello", "data": crate::client::hello()})).await;
    assert_eq!(both.frame().await["type"], "welcome");
}

#[tokio::test]
async fn junk_heads_are_refused() {
    let rig = Rig::start().await;
    let upgrade = |extra: &str| {
        format!("GET /v1/socket HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n{extra}\r\n")
    };
    let many_headers = (0..200).map(|n| format!("x-{n}: y\r\n")).collect::<String>();
    let cases: Vec<(&str, Vec<u8>, &[u16])> = vec![
        ("nothing that is HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(), &[400, 0]),
        ("a line of junk", b"hello there\r\n\r\n".to_vec(), &[400]),
        ("HTTP/2 without asking", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), &[400, 0]),
        ("a null byte in a header", b"GET / HTTP/1.1\r\nhost: a\0b\r\n\r\n".to_vec(), &[400]),
        ("a space before the colon", b"GET / HTTP/1.1\r\nhost : a\r\n\r\n".to_vec(), &[400]),
        ("a path of 70,000 bytes", format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(70_000)).into_bytes(), &[414, 431]),
        ("200 headers", format!("GET / HTTP/1.1\r\nhost: x\r\n{many_headers}\r\n").into_bytes(), &[431]),
        ("700 KB of headers", format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(700_000)).into_bytes(), &[431]),
        ("HTTP/1.0 to the socket", upgrade("").replace("HTTP/1.1", "HTTP/1.0").into_bytes(), &[426]),
        ("an upgrade without a key", upgrade("sec-websocket-version: 13\r\nconnection: close\r\n").into_bytes(), &[426]),
        ("an upgrade with a short key", upgrade("sec-websocket-version: 13\r\nsec-websocket-key: abc\r\nconnection: close\r\n").into_bytes(), &[426]),
        ("an upgrade of version 8", upgrade("sec-websocket-version: 8\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nconnection: close\r\n").into_bytes(), &[426]),
        ("two origins", upgrade(&format!("sec-websocket-version: 13\r\nsec-websocket-protocol: {SUBPROTOCOL}\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\norigin: http://x\r\norigin: http://y\r\nconnection: close\r\n")).into_bytes(), &[403]),
    ];
    for (name, bytes, expected) in cases {
        let response = raw(rig.address, &bytes).await;
        let status = status(&response);
        assert!(expected.contains(&status), "{name}: {status} {response}");
        lives(rig.address).await;
    }
}

#[tokio::test]
async fn slow_and_silent_heads_are_closed() {
    let mut settings = settings();
    settings.head_timeout = Duration::from_millis(300);
    let rig = Rig::with(settings).await;
    let start = Instant::now();
    let mut streams = Vec::new();
    for bytes in [&b""[..], b"G", b"GET / HTTP/1.1\r\nhost: x\r\n", b"GET /v1/socket HTTP/1.1\r\nupgrade"] {
        let mut stream = TcpStream::connect(rig.address).await.expect("a connection");
        stream.write_all(bytes).await.expect("a write");
        streams.push(stream);
    }
    let mut idle = TcpStream::connect(rig.address).await.expect("a connection");
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("a write");
    streams.push(idle);
    for mut stream in streams {
        let mut rest = Vec::new();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("an end");
    }
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    lives(rig.address).await;
}

#[tokio::test]
async fn beyond_the_cap_clients_are_told_to_come_back() {
    let mut settings = settings();
    settings.connections = 3;
    let rig = Rig::with(settings).await;
    let mut first = Client::join(rig.address).await;
    let _second = Client::join(rig.address).await;
    let third = Client::join(rig.address).await;
    for _ in 0..5 {
        let start = Instant::now();
        let response = get(rig.address, "/healthz").await;
        assert_eq!(status(&response), 503);
        assert!(response.contains("retry-after: 5"), "{response}");
        let length: usize = response
            .split("content-length: ")
            .nth(1)
            .and_then(|rest| rest.split("\r\n").next()?.parse().ok())
            .expect("a length");
        assert_eq!(body(&response).len(), length);
        assert!(start.elapsed() < Duration::from_secs(1));
    }
    assert_eq!(first.call("context.update", json!({})).await["type"], "ack");
    drop(third);
    timeout(PATIENCE, async {
        while status(&get(rig.address, "/healthz").await) != 200 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the place is free again");
}

/// A website can make its name lead here; then it is of the server's own origin.
#[tokio::test]
async fn a_name_that_was_made_to_lead_here_opens_no_socket() {
    let mut settings = settings();
    settings.allowed_origins = vec!["https://app.example.com".to_owned()];
    let rig = Rig::with(settings).await;
    for (host, origin, passes) in [
        ("evil.example:8787", Some("http://evil.example:8787"), false),
        ("evil.example", None, false),
        ("localhost:8787", Some("http://localhost:8787"), true),
        ("app.example.com", Some("https://app.example.com"), true),
    ] {
        let mut request = request(rig.address);
        request.headers_mut().insert("host", HeaderValue::from_static(host));
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", HeaderValue::from_static(origin));
        }
        assert_eq!(Client::open_with(rig.address, request).await.is_ok(), passes, "{host}");
    }
}

#[tokio::test]
async fn what_comes_through_a_proxy_gets_neither_traces_nor_diagnostics() {
    let rig = Rig::start().await;
    let features = async |forwarded: bool| {
        let mut request = request(rig.address);
        if forwarded {
            request.headers_mut().insert("x-forwarded-for", HeaderValue::from_static("192.0.2.1"));
        }
        let mut client = Client::open_with(rig.address, request).await.expect("an upgrade");
        client.send(json!({"type": "hello", "data": crate::client::hello()})).await;
        client.frame().await["data"]["features"].clone()
    };
    assert_eq!(features(false).await, json!(["trace"]));
    assert!(features(true).await.as_array().is_none_or(Vec::is_empty));
    let ready = async |host: &str| {
        let request = format!("GET /readyz HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let response = raw(rig.address, request.as_bytes()).await;
        serde_json::from_str::<Value>(body(&response)).expect("JSON")["knowledge"].clone()
    };
    assert!(ready("localhost").await["diagnostics"].is_array());
    let counts = ready("app.example.com").await;
    assert_eq!((&counts["diagnostics"], &counts["errors"], &counts["warnings"]), (&Value::Null, &json!(0), &json!(0)));
}
