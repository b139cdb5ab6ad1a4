//! The public shapes shared by server, desk and sources.

pub mod text;
