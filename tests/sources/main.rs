//! Sources: what comes in over the wire -> what is handed in.

#![expect(
    clippy::disallowed_methods,
    reason = "a test asks whether it runs in CI, and is the clock of a link"
)]

mod ami;
mod asterisk;
mod board;
mod broken;
mod canary_call;
mod colleague;
mod drop_folder;
mod fuzzed;
mod inbox;
mod link;
mod medcom;
mod members;
#[path = "../support/medcom.rs"]
#[expect(dead_code, reason = "shared with the tests of the whole")]
mod messages;
mod mutate;
mod one_call;
mod pbx;
mod polled;
#[path = "../support/ports.rs"]
mod ports;
mod queue_log;
mod scaip;
mod scaip_form;
mod scaip_words;
mod support;
mod transcripts;
mod visits;
mod xml;
