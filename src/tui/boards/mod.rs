//! The boards: the list of them, and what stands on each place.
//!
//! Owns which boards there are on the desk, and hands each question on to the board that it is about. A board file knows
//! what is said of its entries; a place's file knows its columns; the list itself is drawn by `view`. A new board is a
//! file here, its line in [`listed()`], and one in [`BY_HAND`] if somebody opens its entries: the compiler asks for the
//! first.

pub mod agreements;
pub mod alarms;
pub mod closed;
pub mod complaints;
pub mod deadlines;
pub mod discharges;
pub mod duties;
mod listed;
pub mod overview;
pub mod phone;
pub mod plain;
pub mod shift;
pub mod sources;
pub mod visits;

pub use listed::{ByHand, Listed};

use super::action::{Place, bare};
use super::model::Model;
use super::paint::{Column, Pieces};
use super::words::Words;
use crate::protocol::Entry;
use crate::protocol::entry::Details;

/// What its own board says of an entry.
pub fn listed(entry: &Entry) -> &dyn Listed {
    match &entry.details {
        Details::Phone(it) => it,
        Details::Alarms(it) => it,
        Details::Discharges(it) => it,
        Details::Visits(it) => it,
        Details::Duties(it) => it,
        Details::Sources(it) => it,
        Details::Complaints(it) => it,
    }
}

/// What is opened by hand.
const BY_HAND: &[ByHand] = &[discharges::BY_HAND, duties::BY_HAND, complaints::BY_HAND];

/// What a verb opens by hand, where that is what it means.
pub fn by_hand(model: &Model, verb: &str) -> Option<&'static ByHand> {
    BY_HAND.iter().find(|it| bare(&(it.form)(&[]).verb) == verb && (it.is_meant)(model))
}

/// Whether an entry is a row of a place.
pub fn is_on(place: Place, entry: &Entry) -> bool {
    let board = listed(entry);
    match place {
        Place::Overview => board.is_on_overview(entry),
        Place::Alarms
        | Place::Phone
        | Place::Discharges
        | Place::Visits
        | Place::Duties
        | Place::Shift
        | Place::Sources
        | Place::Agreements => board.place() == place || board.also_at(entry) == Some(place),
        // What stands there is no longer on the board.
        Place::Closed => false,
    }
}

/// The columns of the place that is shown.
pub fn columns(words: Words<'_>) -> Vec<Column> {
    match words.model.place {
        Place::Overview => overview::columns(words),
        Place::Alarms => alarms::columns(words),
        Place::Phone => phone::columns(words),
        Place::Duties => deadlines::columns(words),
        Place::Sources => sources::columns(words),
        Place::Discharges => discharges::columns(words),
        Place::Visits => visits::columns(words),
        Place::Closed => closed::columns(words),
        Place::Shift | Place::Agreements => plain::columns(words),
    }
}

/// An entry's cells under those columns.
pub fn cells(words: Words<'_>, entry: &Entry) -> Vec<Pieces> {
    let place = words.model.place;
    match place {
        Place::Overview => overview::cells(words, entry),
        Place::Alarms | Place::Phone | Place::Discharges | Place::Visits | Place::Duties | Place::Sources => {
            listed(entry).cells(words, entry, place)
        }
        Place::Closed => closed::cells(words, entry),
        Place::Shift | Place::Agreements => plain::cells(words, entry),
    }
}
