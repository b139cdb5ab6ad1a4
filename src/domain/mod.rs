//! The domain: pure. Boards as state machines over one log.
//!
//! Must never do I/O, read a clock, draw a random number or know HTTP, SQL or a terminal.

pub mod agreement;
mod agreement_file;
pub mod calendar;
pub mod identity;
pub mod observation;
pub mod toml_reader;
