//! The whole from outside: the real server, the real client, the real binary.

mod api;
mod at_rest;
mod bad_input;
mod canary;
mod canary_night;
mod care;
mod cli;
mod closed;
mod commands;
mod corpora;
mod description;
mod drill;
mod escalation;
mod exchanges;
mod hanging_disk;
mod headless_desk;
mod history;
mod homecare;
mod http;
mod intake;
#[path = "../support/jam.rs"]
mod jam;
mod loading;
mod looks;
mod medcom;
#[path = "../support/medcom.rs"]
mod messages;
#[path = "../sources/mutate.rs"]
mod mutate;
mod nexus;
#[path = "../care/nexus_double.rs"]
mod nexus_double;
mod old_log;
#[path = "../support/old_log.rs"]
mod old_logs;
mod open_way;
mod plans;
#[path = "../support/ports.rs"]
mod ports;
mod process;
mod proxy;
mod restart;
#[path = "../pty/sequences.rs"]
mod sequences;
mod set_clock;
mod signed;
mod sources;
mod standing;
mod stream;
#[path = "../pty/terminal.rs"]
#[expect(dead_code, reason = "shared with the tests in a terminal")]
mod terminal;
#[path = "../scaip/unit.rs"]
#[expect(dead_code, reason = "shared with the tests of alarm units")]
mod unit;
mod unstored;
mod visits;
mod world;
