//! The real program in a real pseudo-terminal: started, acted on, left, killed, resized, fed with hostile bytes.

mod closed;
mod homecare;
mod input;
mod lifecycle;
mod link;
mod looks;
#[path = "../support/ports.rs"]
mod ports;
mod seat;
mod sequences;
mod server;
mod terminal;
