//! Vagttavle: duty board for the on-call coordinators of Danish home care.

pub mod care;
pub mod client;
pub mod clock;
pub mod domain;
pub mod i18n;
pub mod ids;
pub mod protocol;
pub mod sources;
pub mod store;
pub mod theme;
pub mod tui;
