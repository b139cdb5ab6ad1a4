//! The public shapes shared by server, desk, cli and sources: what stands on the wire.
//!
//! Owns JSON. Must never know SQL, sockets or a terminal. Changes only by adding.

mod action;
pub mod actions;
pub mod attention;
pub mod board;
pub mod boards;
pub mod closed;
pub mod commands;
mod contact;
pub mod entry;
mod head;
pub mod history;
pub mod item;
pub mod json;
pub mod observations;
pub mod problem;

pub mod project;
pub mod remnant;
pub mod seat;
mod sight;
pub mod signature;
pub mod stream;
pub mod sync;
pub mod text;
pub mod urgency;
pub mod vocabulary;
mod wire;

pub use crate::domain::entry::DueKind;
pub use crate::domain::identity::{AgreementId, Board, CitizenId, EntryId, Key};
pub use attention::{Attention, Level};
pub use board::BoardSnapshot;
pub use commands::{CommandReply, CommandRequest};
pub use entry::{Details, Entry};
pub use problem::Problem;
pub use stream::StreamItem;
pub use urgency::attention;
