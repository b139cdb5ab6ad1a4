//! What is left of an entry for a scope that it turned out not to belong to: that it is over there, and which one it was.
//!
//! Made from nothing, never by taking away from what others see: a field that an entry gets tomorrow is not in it.

use chrono::{DateTime, Utc};

use super::attention::Attention;
use super::entry::{Details, Entry};
use crate::domain::entry;

/// The state of every remnant.
pub const ELSEWHERE: &str = "elsewhere";

/// The remnant of an entry that was given to others at `at`.
pub fn remnant(of: &entry::Entry, at: DateTime<Utc>) -> Entry {
    Entry {
        id: of.id,
        number: of.number,
        state: ELSEWHERE.to_owned(),
        agreement: None,
        candidates: Vec::new(),
        version: of.version,
        opened_at: of.opened_at,
        recorded_at: of.recorded_at,
        closed_at: Some(at),
        holder: None,
        due: Vec::new(),
        attention: Attention::NONE,
        citizen: None,
        links: Vec::new(),
        notes: 0,
        escalation: None,
        told: Vec::new(),
        details: Details::remnant(&of.body, at),
        at_rest: false,
        actions: Vec::new(),
        live: None,
    }
}
