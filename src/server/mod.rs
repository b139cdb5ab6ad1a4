//! The server: HTTP in front of the engine.
//!
//! Owns routes, sessions, scope, the stream's fan-out and the looks at personal data. Errors are a code and
//! arguments. Must never hold a sentence for people, a rule of a board, or anything a terminal needs.

mod errors;
mod hub;
mod listen;
mod looks;
mod metrics;
mod routes;
mod scope;
mod session;
mod show;

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;

pub use listen::Limits;
pub use routes::observations::{fact, receipt};
pub use routes::open_api;
pub use session::digest as token_digest;

/// What the server is told at start.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The people are invented, and every screen says so.
    pub synthetic: bool,
    pub limits: Limits,
}

/// Shared by all requests.
#[derive(Clone)]
struct App {
    engine: Engine,
    hub: hub::Hub,
    looks: looks::Looks,
    metrics: Arc<metrics::Metrics>,
    options: Arc<Options>,
    stop: CancellationToken,
}

/// Serves until `stop`; open requests are given a moment to end. The listener may be on port 0.
pub async fn serve(listener: TcpListener, engine: Engine, options: Options, stop: CancellationToken) {
    let metrics = Arc::new(metrics::Metrics::default());
    let looks = looks::Looks::new(engine.clone());
    let hub = hub::Hub::start(engine.clone(), looks.clone(), metrics.clone(), stop.clone());
    let limits = options.limits.clone();
    let app = App { engine, hub, looks, metrics, options: Arc::new(options), stop: stop.clone() };
    listen::run(listener, routes::router(app), limits, stop).await;
}
