//! The server: HTTP in front of the engine.
//!
//! Owns routes, sessions, scope, the stream's fan-out and the looks at personal data. Errors are a code and
//! arguments. Must never hold a sentence for people, a rule of a board, or anything a terminal needs.

mod asked;
mod carried;
mod door;
mod errors;
mod hub;
mod listen;
mod looks;
mod metrics;
mod presence;
mod refused;
mod routes;
mod scope;
mod session;
mod show;
mod signed;

use std::sync::Arc;

use axum::body::Bytes;
use futures_util::future::BoxFuture;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::domain::people::Person;
use crate::engine::Engine;
use crate::protocol::Problem;

pub use listen::Limits;
pub use routes::open_api;
pub use session::digest as token_digest;
pub use signed::Signers;

/// A source that comes over HTTP with its own format: `POST path`, role source.
///
/// The server signs the caller in and bounds the body; what the bytes mean is the source's.
pub trait Receiver: Send + Sync {
    /// Below `/v1/`.
    fn path(&self) -> &'static str;
    /// A body at most (bytes).
    fn body_max(&self) -> usize;
    /// Answers one message of this source's token.
    fn receive<'a>(&'a self, caller: &'a Person, body: Bytes) -> BoxFuture<'a, Result<Answer, Problem>>;
}

/// What a receiver answers, in the format of its own.
pub struct Answer {
    pub content_type: &'static str,
    pub body: Vec<u8>,
}

/// What the server is told at start.
#[derive(Clone, Default)]
pub struct Options {
    pub receivers: Vec<Arc<dyn Receiver>>,
    /// Sources that sign what they post.
    pub signers: Signers,
    /// The people are invented, and every screen says so.
    pub synthetic: bool,
    /// Whether it is trouble when no desk is open. Not in a demo, whose clock may run faster than a desk can answer.
    pub watches_desks: bool,
    pub limits: Limits,
}

/// Shared by all requests.
#[derive(Clone)]
struct App {
    engine: Engine,
    hub: hub::Hub,
    looks: looks::Looks,
    metrics: Arc<metrics::Metrics>,
    refused: refused::Refused,
    seats: presence::Seats,
    options: Arc<Options>,
    stop: CancellationToken,
}

/// Serves until `stop`; open requests are given a moment to end. The listener may be on port 0.
pub async fn serve(listener: TcpListener, engine: Engine, options: Options, stop: CancellationToken) {
    let metrics = Arc::new(metrics::Metrics::default());
    let looks = looks::Looks::new(engine.clone());
    let seats = presence::Seats::default();
    let watches = options.watches_desks;
    let hub = hub::Hub::start(engine.clone(), metrics.clone(), seats.clone(), watches, stop.clone());
    let limits = options.limits.clone();
    let refused = refused::Refused::start(metrics.clone(), stop.clone());
    let app =
        App { engine, hub, looks, metrics, refused, seats, options: Arc::new(options), stop: stop.clone() };
    listen::run(listener, routes::router(app), limits, stop).await;
}
