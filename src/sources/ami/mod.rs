//! A telephone exchange: Asterisk, over its manager interface and its `queue_log` file.
//!
//! The manager interface is the fast path and keeps nothing for those who were away; the
//! file is slower and complete. Both are read, every fact carries its rank, and the
//! domain lets the better one win. Nothing here can steer the exchange: the only
//! actions that exist in code are the five of [`link::Action`], which read.

mod action;
pub mod canary;
pub mod link;
mod members;
pub mod queue_log;
pub mod rotated;
pub mod settings;
mod start;
pub mod translate;
pub mod wire;

pub use start::start;
