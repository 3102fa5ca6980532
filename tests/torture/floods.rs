//! Clients that mean harm by the thousand: each is closed in time, by its code, and the
//! others do not notice.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::client::{Came, Client, hello, request};
use crate::server::{Server, project};
use crate::witness::Witness;
use crate::{count, is_full};

/// Connections that are being opened at a time.
const AT_ONCE: usize = 500;
/// What the longest head may take beyond its limit.
const GRACE: Duration = Duration::from_secs(2);

async fn closed_after(address: SocketAddr, bytes: &[u8], dribbles: bool) -> Duration {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let started = Instant::now();
    stream.write_all(bytes).await.expect("sent");
    let mut rest = [0; 512];
    loop {
        match timeout(Duration::from_millis(if dribbles { 500 } else { 60_000 }), stream.read(&mut rest)).await {
            Ok(Ok(1..)) => {}
            Ok(_) => return started.elapsed(),
            // One byte more, for ever.
            Err(_) if dribbles => drop(stream.write_all(b"x").await),
            Err(_) => panic!("a connection is open after {:?}", started.elapsed()),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_heads_are_closed() {
    let folder = tempfile::tempdir().expect("a folder");
    project(folder.path());
    let limit = Duration::from_secs(count(1, 10) as u64);
    let head = limit.as_millis().to_string();
    let server = Server::start_raised(folder.path(), &[("DOCENT_LIMITS_HEAD_TIMEOUT_MS", &head)]);
    let witness = Witness::of(server.address);
    let heads: [(&[u8], bool); 3] =
        [(b"", false), (b"GET / HTTP/1.1\r\nHost: x\r\n", false), (b"GET / HTTP/1.1\r\nHost: x\r\nA: ", true)];
    let wanted = count(150, 5_000);
    let closing = (0..wanted).map(|at| {
        let (bytes, dribbles) = heads[at % heads.len()];
        tokio::spawn(closed_after(server.address, bytes, dribbles))
    });
    let closed = join_all(closing).await;
    let slowest = closed.into_iter().map(|closed| closed.expect("no panic")).max().expect("some");
    println!("{wanted} slow heads, all closed within {slowest:?} where {limit:?} are allowed; {}", witness.end().await);
    assert!(slowest <= limit + GRACE, "{slowest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_pings_and_of_fragments_are_cut_off() {
    let folder = tempfile::tempdir().expect("a folder");
    project(folder.path());
    let server = Server::start(folder.path());
    let witness = Witness::of(server.address);
    let each = count(20, 500);
    let pings = (0..each).map(|at| async move {
        let mut client = Client::join_as(server.address, hello_of(at)).await;
        for _ in 0..1_000 {
            client.send_raw(Message::Ping(vec![0; 100].into())).await;
        }
        client.closed().await.1
    });
    let fragments = (0..each).map(|at| async move {
        let mut client = Client::join_as(server.address, hello_of(each + at)).await;
        let mut opcode = Data::Text;
        for _ in 0..200 {
            let piece = Frame::message(b"{".to_vec(), OpCode::Data(opcode), false);
            client.send_raw(Message::Frame(piece)).await;
            opcode = Data::Continue;
        }
        client.closed().await.1
    });
    let (pings, fragments) = tokio::join!(join_all(pings), join_all(fragments));
    for (floods, code) in [(pings, 4005), (fragments, 1009)] {
        // What a flood sent after it was closed may reset the connection before it reads why.
        let told = floods.iter().filter(|came| **came == Came::Closed(code)).count();
        assert!(floods.iter().all(|came| matches!(came, Came::Cut) || *came == Came::Closed(code)), "{floods:?}");
        println!("{each} floods cut off, {told} of them read {code}");
    }
    let by_code = |code: u16| server.closed_by(code);
    assert_eq!((by_code(4005), by_code(1009)), (each as u64, each as u64), "each was closed for its reason");
    println!("{}", witness.end().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_open_sockets_are_noticed() {
    let folder = tempfile::tempdir().expect("a folder");
    project(folder.path());
    let heartbeat = if is_full() { "25000" } else { "1000" };
    let server = Server::start_raised(folder.path(), &[("DOCENT_LIMITS_HEARTBEAT_MS", heartbeat)]);
    let witness = Witness::of(server.address);
    let each = count(20, 1_000);
    let started = Instant::now();
    let silent = (0..each).map(|at| async move {
        let client = Client::join_as(server.address, hello_of(at)).await;
        // It is there and does nothing, as one that lost its network without a word.
        client.socket.into_inner()
    });
    let silent = join_all(silent).await;
    let shut = (0..each).map(|at| async move {
        let client = Client::join_as(server.address, hello_of(each + at)).await;
        let mut stream = client.socket.into_inner();
        stream.shutdown().await.expect("its half is closed");
        stream
    });
    let shut = join_all(shut).await;
    while server.open_sockets() > each as u64 {
        assert!(started.elapsed() < Duration::from_secs(15), "a half-closed socket is closed");
        sleep(Duration::from_millis(50)).await;
    }
    let half_closed = started.elapsed();
    while server.open_sockets() > 0 {
        assert!(started.elapsed() < Duration::from_secs(45), "a silent socket is closed");
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(server.closed_by(4001), each as u64);
    println!(
        "{each} half-closed sockets gone after {half_closed:?}, {each} silent ones after {:?}; {}",
        started.elapsed(),
        witness.end().await
    );
    drop((silent, shut));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_connections_is_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    project(folder.path());
    docent::server::descriptors::raise_open_files();
    let room = count(400, 10_000);
    let server = Server::start_raised(folder.path(), &[("DOCENT_LIMITS_MAX_CONNECTIONS", &room.to_string())]);
    let witness = Witness::of(server.address);
    let wanted = count(1_000, 20_000);
    let (mut held, mut refused, mut slowest) = (Vec::new(), 0, Duration::ZERO);
    let started = Instant::now();
    for wave in (0..wanted).step_by(AT_ONCE) {
        let opening = (wave..wanted.min(wave + AT_ONCE)).map(|_| tokio::spawn(upgraded(server.address)));
        for opened in join_all(opening).await {
            let (stream, took) = opened.expect("no panic");
            slowest = slowest.max(took);
            match stream {
                Some(stream) => held.push(stream),
                None => refused += 1,
            }
        }
        // Not all are held: whoever leaves makes room.
        held.drain(..held.len().saturating_sub(room * 9 / 10));
    }
    let took = started.elapsed();
    println!(
        "{wanted} connections in {took:?}, each answered within {slowest:?}, {refused} of them with 503; {}",
        witness.end().await
    );
    assert!(slowest < Duration::from_secs(10), "{slowest:?}");
}

/// Opens a socket that says nothing more; `None` when the server has no room. Also how
/// long the answer took.
async fn upgraded(address: SocketAddr) -> (Option<TcpStream>, Duration) {
    let started = Instant::now();
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request = format!(
        "GET /v1/socket HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = [0; 12];
    // Beyond some refusals at a time the server only cuts off.
    let read = timeout(Duration::from_secs(20), stream.read_exact(&mut answer)).await.expect("no accept hangs");
    let is_open = read.is_ok() && &answer == b"HTTP/1.1 101";
    (is_open.then_some(stream), started.elapsed())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_do_not_read_are_closed_and_hurt_only_themselves() {
    let folder = tempfile::tempdir().expect("a folder");
    project(folder.path());
    let server = Server::start(folder.path());
    let alone = Witness::of(server.address);
    sleep(Duration::from_secs(count(1, 5) as u64)).await;
    println!("before: {}", alone.end().await);
    let wanted = count(10, 200);
    let joining = (0..wanted).map(|at| async move {
        let mut client = narrow(server.address, hello_of(at)).await;
        for part in 0..24 {
            client.ask(&format!("{part} {}", "long ".repeat(1_500))).await;
        }
        client
    });
    let mut readers = Vec::new();
    for joined in join_all(joining).await {
        readers.push(joined);
    }
    let (witness, before, started) = (Witness::of(server.address), server.resident_bytes(), Instant::now());
    let asking = readers.iter_mut().map(|client| async {
        let page = json!({
            "conversation_id": client.welcome["data"]["conversation_id"], "before_seq": 1_000_000, "limit": 4,
        });
        // The answers are about 30 KiB each, and nobody reads them.
        loop {
            client.command("history.get", page.clone()).await;
            sleep(Duration::from_millis(count(40, 400) as u64)).await;
        }
    });
    let mut most = before;
    let closing = async {
        while server.closed_by(4002) < wanted as u64 {
            most = most.max(server.resident_bytes());
            assert!(started.elapsed() < Duration::from_secs(15), "{} are closed", server.closed_by(4002));
            sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = closing => {}
        _ = join_all(asking) => {}
    }
    let grown = most.saturating_sub(before) >> 20;
    println!(
        "{wanted} clients that do not read, closed with 4002 within {:?}, {grown} MiB more; {}",
        started.elapsed(),
        witness.end().await
    );
    assert!(grown <= 64, "the server grew by {grown} MiB");
}

/// A client for which the system keeps only a little that is not read.
async fn narrow(address: SocketAddr, hello: serde_json::Value) -> Client {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(8 * 1024).expect("a small buffer");
    let stream = socket.connect(address).await.expect("a connection");
    Client::open_over(stream, request(address)).await.expect("an upgrade").greeted(hello).await
}

fn hello_of(user: usize) -> serde_json::Value {
    let mut hello = hello();
    hello["anonymous_id"] = json!(format!("anon-9b2f7c1e-3f55-4c58-9d44-{user:012}"));
    hello
}
