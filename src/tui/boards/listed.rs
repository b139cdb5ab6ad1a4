//! What a board is on the desk: where its entries stand, and what is said of one.
//!
//! Owns the questions that the desk asks of every board, with the answer of most. Must never know which boards there
//! are.

use super::super::action::Place;
use super::super::model::Model;
use super::super::paint::Pieces;
use super::super::words::Words;
use crate::i18n::{Key, Said, key};
use crate::protocol::actions::Action;
use crate::protocol::entry::Step;
use crate::protocol::{AgreementId, Board, Entry, EntryId};

/// A board's entries, in lists and opened. Implemented by their details.
pub trait Listed {
    /// Where they stand. Several boards may stand on one place, each with cells of its own under its columns.
    fn place(&self) -> Place;

    /// Where one stands as well.
    fn also_at(&self, _entry: &Entry) -> Option<Place> {
        None
    }

    /// It is something to look at among everything that is open.
    fn is_on_overview(&self, _entry: &Entry) -> bool {
        true
    }

    /// Its cells under the columns of a place where it stands; not of the overview, where all are alike.
    fn cells(&self, words: Words<'_>, entry: &Entry, at: Place) -> Vec<Pieces>;

    /// What is known about it, for the detail pane: label and value.
    fn facts(&self, words: Words<'_>, entry: &Entry) -> Vec<(Key, Said)>;

    /// The code of its state in words.
    fn state<'e>(&self, entry: &'e Entry) -> &'e str {
        &entry.state
    }

    /// What it came to, where the state alone does not say it.
    fn outcome(&self, _words: Words<'_>) -> Said {
        Said::default()
    }

    /// The list that somebody goes through about it.
    fn steps(&self) -> &[Step] {
        &[]
    }

    /// What must be said before a verb is done, besides its fields.
    fn warnings(&self, _words: Words<'_>, _entry: &Entry, _verb: &str) -> Vec<Said> {
        Vec::new()
    }

    /// A verb of little weight is asked about all the same.
    fn asks_before(&self, _entry: &Entry, _verb: &str) -> bool {
        false
    }

    /// What it comes from, where that is no municipality.
    fn origin(&self) -> Option<Said> {
        None
    }

    /// What the outside calls it, where that is searched for.
    fn searched_as(&self) -> Option<&str> {
        None
    }

    /// Somebody rang: that nobody knows who is said.
    fn is_of_a_caller(&self) -> bool {
        false
    }

    /// Somebody is rung about it now: the numbers that are manned stand with it.
    fn is_rung_about(&self) -> bool {
        true
    }

    /// A bell rings once when it is new; alarms have their own.
    fn is_heard_once(&self, _entry: &Entry) -> bool {
        false
    }

    /// The entry that it is about, open or over.
    fn about(&self) -> Option<EntryId> {
        None
    }

    /// What the time is called at which we heard of it.
    fn opened_label(&self) -> Key {
        key::DETAIL_OPENED
    }
}

/// What is opened by hand on a board.
pub struct ByHand {
    pub board: Board,
    /// Its verb and fields, for somebody who has these agreements.
    pub form: fn(&[AgreementId]) -> Action,
    /// Its verb means this here, and not a chosen entry.
    pub is_meant: fn(&Model) -> bool,
}
