//! Accepting connections, with limits on each: a half-sent header must not hold a connection for ever.
//!
//! axum's own accept loop sets no timer, so hyper's header timeout would do nothing; hence this one.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use tracing::{debug, warn};

/// Limits of the listener.
#[derive(Debug, Clone)]
pub struct Limits {
    /// A request's header must be whole within this.
    pub header_read: Duration,
    /// A request's body must be whole within this.
    pub body_read: Duration,
    /// Open connections at once; more wait at the door.
    pub connections_max: usize,
    /// How long open requests may take to end when the server stops.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_read: Duration::from_secs(10),
            body_read: Duration::from_secs(15),
            connections_max: 2_000,
            drain: Duration::from_secs(3),
        }
    }
}

pub async fn run(listener: TcpListener, router: Router, limits: Limits, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let open = TaskTracker::new();
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { break };
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file descriptors, mostly: give others time to close.
                    warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let (router, stop, header_read) = (router.clone(), stop.clone(), limits.header_read);
        open.spawn(async move {
            connection(stream, router, header_read, stop).await;
            drop(place);
        });
    }
    open.close();
    if tokio::time::timeout(limits.drain, open.wait()).await.is_err() {
        debug!("some connections were still open when the server stopped");
    }
}

async fn connection(stream: TcpStream, router: Router, header_read: Duration, stop: CancellationToken) {
    // An answer of a few bytes must not wait for more.
    let _ = stream.set_nodelay(true);
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let router = router.clone();
        async move {
            let response = router.oneshot(request.map(Body::new)).await;
            Ok::<_, Infallible>(response.unwrap_or_else(|never| match never {}))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_read)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%error, "a connection ended");
    }
}
