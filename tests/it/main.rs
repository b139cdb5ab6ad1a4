//! The whole from outside: the real server, the real client, the real binary.

mod api;
mod bad_input;
mod canary;
mod care;
mod cli;
mod commands;
mod corpora;
mod description;
mod escalation;
mod exchanges;
mod hanging_disk;
mod headless_desk;
mod history;
mod homecare;
mod http;
mod intake;
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
mod open_way;
mod plans;
#[path = "../support/ports.rs"]
mod ports;
mod process;
mod proxy;
mod restart;
mod set_clock;
mod signed;
mod sources;
mod standing;
mod stream;
mod unstored;
mod visits;
mod world;
