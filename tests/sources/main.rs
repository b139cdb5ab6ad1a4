//! Sources: what comes in over the wire -> what is handed in.

mod ami;
mod asterisk;
mod board;
mod inbox;
mod link;
mod queue_log;
mod support;
mod transcripts;
