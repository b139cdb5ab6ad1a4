//! The domain: pure. Boards as state machines over one log.
//!
//! Must never do I/O, read a clock, draw a random number or know HTTP, SQL or a terminal.

pub mod identity;
pub mod observation;
