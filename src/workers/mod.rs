//! Workers: what goes on by itself around the writer, each with a rule of its own.
//!
//! Owns how a hospital message is answered ([`medcom`]), when and how a second person is called ([`escalation`]), what
//! we try on ourselves ([`canary`]), what a care system is asked and told ([`care`]), and what is said of a changed
//! secret ([`id_key`]). A worker watches the state and hands in observations and orders like anybody else; the domain
//! decides them.
//!
//! Must never know the command line, the settings file, HTTP routes or a terminal: settings, secrets and what else they
//! need are handed in by whoever starts them.

pub mod canary;
pub mod care;
pub mod escalation;
pub mod id_key;
pub mod medcom;
