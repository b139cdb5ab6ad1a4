//! The boards: which columns each has and what stands in them.
//!
//! One exhaustive match, so that the compiler lists what a new board needs. A board file
//! knows its own columns and facts; the list itself is drawn by `view`.

pub mod agreements;
pub mod alarms;
pub mod discharges;
pub mod duties;
pub mod overview;
pub mod phone;
pub mod plain;
pub mod shift;
pub mod sources;
pub mod visits;

use super::action::Place;
use super::paint::{Column, Pieces};
use super::words::Words;
use crate::protocol::Entry;
use crate::protocol::entry::Details;

/// The columns of the place that is shown.
pub fn columns(words: Words<'_>) -> Vec<Column> {
    match words.model.place {
        Place::Overview => overview::columns(words),
        Place::Alarms => alarms::columns(words),
        Place::Phone => phone::columns(words),
        Place::Duties => duties::columns(words),
        Place::Sources => sources::columns(words),
        Place::Discharges => discharges::columns(words),
        Place::Visits => visits::columns(words),
        Place::Shift | Place::Agreements => plain::columns(words),
    }
}

/// An entry's cells under those columns.
pub fn cells(words: Words<'_>, entry: &Entry) -> Vec<Pieces> {
    match (words.model.place, &entry.details) {
        (Place::Alarms, Details::Alarms(alarm)) => alarms::cells(words, entry, alarm),
        (Place::Phone, Details::Phone(call)) => phone::cells(words, entry, call),
        (Place::Discharges, Details::Discharges(stay)) => discharges::cells(words, entry, stay),
        (Place::Visits, Details::Visits(visit)) => visits::cells(words, entry, visit),
        (Place::Duties, Details::Duties(duty)) => duties::cells(words, entry, duty),
        (Place::Duties, _) => duties::justification_cells(words, entry),
        (Place::Sources, Details::Sources(trouble)) => sources::cells(words, entry, trouble),
        (Place::Overview, _) => overview::cells(words, entry),
        _ => plain::cells(words, entry),
    }
}

/// What is known about an entry, for the detail pane: label and value.
pub fn facts(words: Words<'_>, entry: &Entry) -> Vec<(crate::i18n::Key, crate::i18n::Said)> {
    match &entry.details {
        Details::Alarms(alarm) => alarms::facts(words, alarm),
        Details::Phone(call) => phone::facts(words, entry, call),
        Details::Duties(duty) => duties::facts(words, duty),
        Details::Sources(trouble) => sources::facts(words, trouble),
        Details::Discharges(stay) => discharges::facts(words, stay),
        Details::Visits(visit) => visits::facts(words, entry, visit),
    }
}
