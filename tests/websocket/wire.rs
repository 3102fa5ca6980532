//! A client's side of a websocket, byte by byte.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

use crate::case::Part;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];

/// Payloads from this length on are masked with zeros, which costs nothing.
const LARGE: usize = 256 * 1024;

/// A frame of the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) opcode: u8,
    pub(crate) payload: Vec<u8>,
}

/// The client's side of a connection.
pub(crate) struct Wire {
    reading: OwnedReadHalf,
    writing: OwnedWriteHalf,
    /// Written, but not sent yet.
    buffer: Vec<u8>,
    /// How many bytes of an unfinished payload were masked.
    masked: usize,
    is_large: bool,
}

impl Wire {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("an option");
        let request = format!(
            "GET / HTTP/1.1\r\nhost: {address}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.expect("a write");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("a byte"));
        }
        let head = String::from_utf8(head).expect("text");
        assert!(head.contains("101") && head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
        let (reading, writing) = stream.into_split();
        Self { reading, writing, buffer: Vec::new(), masked: 0, is_large: false }
    }

    /// Sends a part. A server that has closed already takes nothing, which is no fault.
    pub(crate) async fn send(&mut self, part: &Part) {
        if let Some(rest) = &part.rest {
            self.mask(&rest.bytes());
            return self.flush(None).await;
        }
        let Some((opcode, payload)) = part.frame() else { return };
        let fragments: Vec<&[u8]> = match part.fragments {
            Some(size) => payload.chunks(size).collect(),
            None => vec![&payload],
        };
        for (at, fragment) in fragments.iter().enumerate() {
            let is_last = at + 1 == fragments.len() && !part.more;
            let opcode = if at == 0 { opcode } else { 0 };
            self.head(u8::from(is_last) << 7 | part.rsv << 4 | opcode, fragment.len());
            self.mask(&fragment[..part.only.unwrap_or(fragment.len())]);
        }
        if part.chop.is_some() || part.flush {
            self.flush(part.chop).await;
        }
    }

    pub(crate) async fn close(&mut self, code: u16) {
        self.head(0x88, 2);
        self.mask(&code.to_be_bytes());
        self.flush(None).await;
    }

    fn head(&mut self, first: u8, len: usize) {
        self.masked = 0;
        self.buffer.push(first);
        match u16::try_from(len) {
            Ok(short @ 0..126) => self.buffer.push(0x80 | u8::try_from(short).expect("below 126")),
            Ok(medium) => {
                self.buffer.push(0x80 | 126);
                self.buffer.extend(medium.to_be_bytes());
            }
            Err(_) => {
                self.buffer.push(0x80 | 127);
                self.buffer.extend((len as u64).to_be_bytes());
            }
        }
        self.is_large = len >= LARGE;
        self.buffer.extend(if self.is_large { [0; 4] } else { MASK });
    }

    fn mask(&mut self, payload: &[u8]) {
        if self.is_large {
            return self.buffer.extend_from_slice(payload);
        }
        let offset = self.masked;
        self.buffer.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ MASK[(offset + at) % 4]));
        self.masked += payload.len();
    }

    /// Writes what was not sent yet, `chop` bytes at a time.
    pub(crate) async fn flush(&mut self, chop: Option<usize>) {
        let bytes = std::mem::take(&mut self.buffer);
        for chunk in bytes.chunks(chop.unwrap_or(bytes.len()).max(1)) {
            if self.writing.write_all(chunk).await.is_err() {
                return;
            }
        }
    }

    /// The next frame; `None` at the end of the connection.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        timeout(PATIENCE, self.read()).await.expect("a frame in time")
    }

    /// The next frame, if one comes soon.
    pub(crate) async fn frame_soon(&mut self) -> Option<Option<Frame>> {
        // Only before the first byte: a read that was begun must not be given up.
        let peeked = timeout(Duration::from_millis(300), self.reading.peek(&mut [0])).await;
        if peeked.is_err() { None } else { Some(self.frame().await) }
    }

    async fn read(&mut self) -> Option<Frame> {
        let first = self.reading.read_u8().await.ok()?;
        let second = self.reading.read_u8().await.ok()?;
        assert_eq!(first & 0xf0, 0x80, "a server's frames here are whole and have no reserved bits");
        assert_eq!(second & 0x80, 0, "a server's frames are not masked");
        let len = match second {
            126 => usize::from(self.reading.read_u16().await.ok()?),
            127 => usize::try_from(self.reading.read_u64().await.ok()?).expect("a length"),
            short => usize::from(short),
        };
        let mut payload = vec![0; len];
        self.reading.read_exact(&mut payload).await.ok()?;
        Some(Frame { opcode: first & 0x0f, payload })
    }
}
