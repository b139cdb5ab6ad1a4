//! What a board is on the wire: the details of its entries, and what it answers about them.
//!
//! Owns the questions that the shared code asks of every board, with the answer of most. Must never know which boards
//! there are.

use chrono::{DateTime, Utc};

use super::super::attention::Attention;
use super::super::head::Head;
use super::super::sight::Shown;
use super::offer::Offer;
use crate::domain::agreement::{Agreement, AnswerTarget, Value};
use crate::domain::identity::ExternalId;

/// The details of one board's entries. What is asked of `self` is asked on the desk as well, where the domain's state
/// is not.
pub trait Column: Sized {
    /// What the domain keeps of such an entry.
    type Body;
    /// What may be asked for on this board.
    type Command;

    /// Its entries are of citizens: notes are written of them, and the municipality may be told of them at once.
    const IS_OF_CITIZENS: bool = true;

    /// The details as they are shown.
    fn project(body: &Self::Body, shown: Shown<'_>) -> Self;

    /// What is left of them for a scope that the entry turned out not to belong to: what the outside calls it, where the
    /// scope knew that; else nothing.
    fn remnant(body: &Self::Body, at: DateTime<Utc>) -> Self;

    /// What may be done, in the order a coordinator would want it.
    fn offers(body: &Self::Body, shown: Shown<'_>) -> Vec<Offer<Self::Command>>;

    /// To say that something recorded was wrong, offered after what every board offers.
    fn correction(_shown: Shown<'_>) -> Option<Offer<Self::Command>> {
        None
    }

    /// What an open entry asks for at `now`. None: of a state that this program does not know.
    fn attention(&self, head: Head<'_>, now: DateTime<Utc>) -> Option<Attention>;

    /// When what is far off comes near, so that it asks for more; besides what falls due.
    fn nears_at(&self, _head: Head<'_>) -> Option<DateTime<Utc>> {
        None
    }

    /// Somebody waits for us at this moment, on the line or at home.
    fn is_waited_for(&self, _head: Head<'_>) -> bool {
        false
    }

    /// Since when it is as it is. None: since it was opened.
    fn since(&self, _head: Head<'_>) -> Option<DateTime<Utc>> {
        None
    }

    /// When it is, or was, about. None: when we heard of it.
    fn stands_at(&self) -> Option<DateTime<Utc>> {
        None
    }

    /// What the outside calls it, where one id is one entry.
    fn outside_id(&self) -> Option<&ExternalId> {
        None
    }

    /// The command says that somebody is dead.
    fn says_dead(_command: &Self::Command) -> bool {
        false
    }

    /// How fast it must be answered.
    fn answer_within(_rules: &Agreement) -> Option<&Value<Vec<AnswerTarget>>> {
        None
    }

    /// How that is counted, by its name: of all of them.
    fn answer_formula(_rules: &Agreement) -> &'static str {
        "answered-within-of-all"
    }
}
