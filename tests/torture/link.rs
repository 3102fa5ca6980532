//! A bad network between a client and the server: it delays, holds back and cuts, as its
//! seed says. The client's end is in memory; the server's is a real connection, so that
//! its own accept loop and websocket are what is tried.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex, split};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::chance::Chance;

/// Bytes on their way at a time.
const PIECE: usize = 1024;
/// Bytes that wait for a client that does not read.
const WAITING: usize = 4096;

/// What one connection goes through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    /// Longest delay of a piece, in milliseconds.
    pub(crate) delay_ms: u64,
    /// After how many bytes of the server the connection is cut.
    pub(crate) cut_after: u64,
    /// After how many bytes of the server nothing gets through for so many milliseconds.
    pub(crate) holds: (u64, u64),
    /// Whether the server learns of the end as a reset.
    pub(crate) resets: bool,
}

impl Weather {
    /// Nothing goes wrong.
    pub(crate) const CLEAR: Self = Self { delay_ms: 1, cut_after: u64::MAX, holds: (u64::MAX, 0), resets: false };

    pub(crate) fn of(chance: &mut Chance) -> Self {
        let often = |chance: &mut Chance, bound: u64| if chance.below(3) > 0 { chance.below(bound) } else { u64::MAX };
        Self {
            delay_ms: 1 + chance.below(60),
            cut_after: often(chance, 9_000),
            holds: (often(chance, 6_000), chance.below(50_000)),
            resets: chance.below(2) == 0,
        }
    }
}

/// Connects through `weather`; the client's end.
pub(crate) fn connect(server: SocketAddr, weather: Weather, mut chance: Chance) -> DuplexStream {
    let (client, link) = duplex(WAITING);
    tokio::spawn(async move {
        let Ok(stream) = TcpStream::connect(server).await else { return };
        let _ = stream.set_nodelay(true);
        if weather.resets {
            let _ = stream.set_zero_linger();
        }
        let (from_server, to_server) = split(stream);
        let (from_client, to_client) = split(link);
        let up = pump(from_client, to_server, Weather { cut_after: u64::MAX, ..weather }, chance.split());
        let down = pump(from_server, to_client, weather, chance);
        tokio::select! {
            () = up => {}
            () = down => {}
        }
    });
    client
}

async fn pump(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, weather: Weather, mut chance: Chance) {
    let (mut piece, mut passed, mut held) = ([0; PIECE], 0, false);
    while let Ok(read @ 1..) = from.read(&mut piece).await {
        sleep(Duration::from_millis(chance.below(weather.delay_ms))).await;
        if !held && passed >= weather.holds.0 {
            held = true;
            sleep(Duration::from_millis(weather.holds.1)).await;
        }
        passed += read as u64;
        if passed > weather.cut_after || to.write_all(&piece[..read]).await.is_err() {
            return;
        }
    }
}
