//! Accepting connections, with limits on each: a half-sent header must not hold a connection for ever.
//!
//! axum's own accept loop sets no timer, so hyper's header timeout would do nothing; hence this one.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use tracing::{debug, warn};

use super::door::{Admission, Door};

/// More connections than this are of no use to a duty board.
const CONNECTIONS_MAX: usize = 2_000;
/// However few descriptors there are.
const CONNECTIONS_MIN: usize = 8;
/// A request's header (bytes).
const HEADER_MAX: usize = 32 * 1024;
/// Headers of one request.
const HEADERS_MAX: usize = 64;

/// Limits of the listener.
#[derive(Debug, Clone)]
pub struct Limits {
    /// A request's header must be whole within this.
    pub header_read: Duration,
    /// The first header of a connection must be whole within this: until then nobody knows who it is.
    pub first_header_read: Duration,
    /// A request's body must be whole within this.
    pub body_read: Duration,
    /// Open connections at once. A quarter is for those who have not signed in, of the rest a quarter for one token.
    pub connections_max: usize,
    /// How long open requests may take to end when the server stops.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_read: Duration::from_secs(10),
            first_header_read: Duration::from_secs(5),
            body_read: Duration::from_secs(15),
            connections_max: CONNECTIONS_MAX,
            drain: Duration::from_secs(3),
        }
    }
}

impl Limits {
    /// For a server that may have so many descriptors for its connections.
    pub fn of(descriptors: usize) -> Self {
        Self { connections_max: descriptors.clamp(CONNECTIONS_MIN, CONNECTIONS_MAX), ..Self::default() }
    }
}

pub async fn run(listener: TcpListener, router: Router, limits: Limits, stop: CancellationToken) {
    let (door, open) = (Door::new(&limits), TaskTracker::new());
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file descriptors, mostly.
                    warn!(%error, "a connection could not be accepted");
                    door.make_room();
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        open.spawn(connection(stream, router.clone(), door.come_in(), limits.clone(), stop.clone()));
    }
    open.close();
    if tokio::time::timeout(limits.drain, open.wait()).await.is_err() {
        debug!("some connections were still open when the server stopped");
    }
}

async fn connection(
    stream: TcpStream,
    router: Router,
    place: Admission,
    limits: Limits,
    stop: CancellationToken,
) {
    // An answer of a few bytes must not wait for more.
    let _ = stream.set_nodelay(true);
    let (asked, mut has_asked) = tokio::sync::watch::channel(false);
    let asking = place.clone();
    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        asking.has_asked();
        asked.send_replace(true);
        request.extensions_mut().insert(asking.clone());
        let router = router.clone();
        async move {
            let response = router.oneshot(request.map(Body::new)).await;
            Ok::<_, Infallible>(response.unwrap_or_else(|never| match never {}))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_read)
        .max_buf_size(HEADER_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let says_nothing = async {
        // The sender lives in the service: it is gone when the connection is.
        let first = has_asked.wait_for(|asked| *asked);
        if tokio::time::timeout(limits.first_header_read, first).await.is_ok() {
            std::future::pending::<()>().await;
        }
    };
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = place.must_go() => return,
        () = says_nothing => return,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%error, "a connection ended");
    }
}
