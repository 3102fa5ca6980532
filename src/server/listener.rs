//! The accept loop: what a stock one leaves open, closed.
//!
//! A deep backlog, so that a burst of connections does not wait for a retry of the
//! kernel; a limit on how long the head of a request may take; and a cap on
//! connections, above which clients are told to come back instead of left hanging.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tower::ServiceExt;

use super::stay::Stay;
use super::{App, router};

/// Connections that wait to be accepted.
const BACKLOG: u32 = 4096;

/// What the kernel keeps for a client that does not read, beside the outbox.
const SEND_BUFFER: u32 = 128 * 1024;

/// How many clients are refused politely at a time; beyond it they are cut off.
const POLITE_REFUSALS: usize = 64;

/// The place of a connection among those that may be open at a time.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    _permit: Arc<OwnedSemaphorePermit>,
}

/// The address of the other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Listens with a deep backlog.
///
/// # Errors
/// When the address cannot be listened on.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    // Inherited by every connection that is accepted.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

pub(crate) async fn accept_until(listener: TcpListener, app: Arc<App>, shutdown: impl Future<Output = ()>) {
    let settings = app.settings.now();
    let places = Arc::new(Semaphore::new(settings.connections.min(Semaphore::MAX_PERMITS)));
    let refusals = Arc::new(Semaphore::new(POLITE_REFUSALS));
    let router = router::router(app.clone());
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(settings.head_timeout)
        .max_buf_size(settings.head_bytes.max(8 * 1024))
        .keep_alive(true)
        .half_close(false);
    let http = Arc::new(http);
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => return,
        };
        let (stream, peer) = match accepted {
            Ok((stream, peer)) => (stream, Peer(peer.ip())),
            Err(error) => {
                if is_of_one_connection(&error) {
                    continue;
                }
                tracing::error!(error = %error, "a connection could not be accepted");
                // Out of descriptors or memory: without a pause this loop would take a whole core.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        match places.clone().try_acquire_owned() {
            Ok(permit) => {
                let place = Place { _permit: Arc::new(permit) };
                let connection = connection((stream, peer), place, http.clone(), router.clone(), app.clone());
                app.tracker.spawn(connection);
            }
            Err(_) => {
                if let Ok(permit) = refusals.clone().try_acquire_owned() {
                    app.tracker.spawn(refuse(stream, permit));
                }
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

async fn connection(
    (stream, peer): (TcpStream, Peer),
    place: Place,
    http: Arc<http1::Builder>,
    router: Router,
    app: Arc<App>,
) {
    // A piece of an answer must not wait for the one after it.
    let _ = stream.set_nodelay(true);
    let stay = Stay::new(app.settings.now().http_timeout);
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let router = router.clone();
        let (place, stay) = (place.clone(), stay.clone());
        async move {
            let mut request: Request = request.map(Body::new);
            request.extensions_mut().insert(place);
            request.extensions_mut().insert(peer);
            request.extensions_mut().insert(stay);
            let response: Result<Response, Infallible> = router.oneshot(request).await;
            response
        }
    });
    let connection = http.serve_connection(TokioIo::new(stream), service).with_upgrades();
    let is_over = stay.is_over();
    tokio::pin!(connection, is_over);
    let served = async {
        tokio::select! {
            _ = connection.as_mut() => {}
            () = is_over.as_mut() => {}
            () = app.stages.drain.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    _ = connection.as_mut() => {}
                    () = is_over.as_mut() => {}
                }
            }
        }
    };
    tokio::select! {
        () = served => {}
        () = app.stages.abandon.cancelled() => {}
    }
}

async fn refuse(mut stream: TcpStream, _permit: OwnedSemaphorePermit) {
    const RESPONSE: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nconnection: close\r\n\
        content-type: application/json\r\ncontent-length: 89\r\n\r\n\
        {\"error\":{\"code\":\"rate_limited\",\"message\":\"the server has no room for more connections\"}}";
    let _ = timeout(Duration::from_secs(1), async {
        stream.write_all(RESPONSE).await?;
        stream.shutdown().await?;
        // Closing with unread bytes would reset the connection and take the response with it.
        let mut rest = [0; 1024];
        while stream.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    })
    .await;
}
