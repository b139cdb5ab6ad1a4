//! Vagttavle: duty board for the on-call coordinators of Danish home care.

pub mod app;
pub mod care;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod domain;
pub mod engine;
pub mod i18n;
pub mod ids;
pub mod protocol;
pub mod server;
pub mod sources;
pub mod store;
pub mod theme;
pub mod tui;
