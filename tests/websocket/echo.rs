//! The server's websocket behind a handler that says everything back.

use std::net::SocketAddr;
use std::time::Duration;

use docent::server::websocket::{self, WebSocketLimits};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

const LIMITS: WebSocketLimits =
    WebSocketLimits { message_bytes: 64 * 1024 * 1024, fragments: u32::MAX, waiting_bytes: 64 * 1024 * 1024 };

/// Listens on a port of its own.
pub(crate) async fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            tokio::spawn(echo(stream));
        }
    });
    address
}

async fn echo(mut stream: TcpStream) {
    stream.set_nodelay(true).expect("an option");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a byte"));
    }
    let head = String::from_utf8(head).expect("text");
    let key = head.split("sec-websocket-key: ").nth(1).and_then(|rest| rest.lines().next()).expect("a key");
    let accept = derive_accept_key(key.as_bytes());
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: {accept}\r\n\r\n"
    );
    stream.write_all(response.as_bytes()).await.expect("a write");
    let mut socket = websocket::accept(stream, Vec::new(), LIMITS).await;
    loop {
        let code = match socket.next().await {
            Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => match socket.send(message).await {
                Ok(()) => continue,
                Err(_) => return,
            },
            Some(Ok(_)) => continue,
            Some(Err(error)) => websocket::code_of(&error),
            None => None,
        };
        if let Some(code) = code {
            websocket::close(&mut socket, code, [], Duration::from_secs(5)).await;
        }
        return;
    }
}
