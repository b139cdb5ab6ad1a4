//! The boards on the wire: a file each, and the list of them.
//!
//! Owns which boards there are, and hands each question on to the board that it is about. Must never know an answer.

pub mod alarms;
mod column;
pub mod complaints;
pub mod discharges;
pub mod duties;
mod offer;
pub mod phone;
pub mod sources;
pub mod steps;
pub mod visits;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

pub(super) use offer::{MadeUp, Offer, offer};

use super::attention::Attention;
use super::head::Head;
use super::sight::Shown;
use crate::domain;
use crate::domain::agreement::{self, Agreement, AnswerTarget};
use crate::domain::entry::Body;
use crate::domain::identity::{Board, ExternalId};
use crate::domain::verbs::{BadFields, Schemas, Shape, Verb};
use column::Column;

/// What may be asked for on the board of these details.
type Commands<D> = <D as Column>::Command;

/// Declares the boards: `Board(its details);` and then those that have no entries, with their commands. The name is that
/// of [`Board`], [`Body`] and [`domain::Command`].
macro_rules! boards {
    (
        with entries { $( $board:ident($details:ty); )* }
        without { $( $bare:ident($commands:ty); )* }
    ) => {
        /// Typed per board.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
        #[serde(tag = "board", content = "details", rename_all = "kebab-case")]
        pub enum Details {
            $( $board($details), )*
        }

        impl Details {
            /// The board that they are of.
            pub fn board(&self) -> Board {
                match self { $( Self::$board(_) => Board::$board, )* }
            }

            /// The details of an entry as they are shown.
            pub(super) fn of(shown: Shown<'_>) -> Self {
                match &shown.entry.body { $( Body::$board(body) => Self::$board(Column::project(body, shown)), )* }
            }

            /// What is left of them for a scope that the entry turned out not to belong to.
            pub(super) fn remnant(body: &Body, at: DateTime<Utc>) -> Self {
                match body { $( Body::$board(body) => Self::$board(Column::remnant(body, at)), )* }
            }

            pub(super) fn attention(&self, head: Head<'_>, now: DateTime<Utc>) -> Option<Attention> {
                match self { $( Self::$board(it) => it.attention(head, now), )* }
            }

            pub(super) fn nears_at(&self, head: Head<'_>) -> Option<DateTime<Utc>> {
                match self { $( Self::$board(it) => it.nears_at(head), )* }
            }

            pub(super) fn is_waited_for(&self, head: Head<'_>) -> bool {
                match self { $( Self::$board(it) => it.is_waited_for(head), )* }
            }

            pub(super) fn since(&self, head: Head<'_>) -> Option<DateTime<Utc>> {
                match self { $( Self::$board(it) => it.since(head), )* }
            }

            pub(super) fn stands_at(&self) -> Option<DateTime<Utc>> {
                match self { $( Self::$board(it) => it.stands_at(), )* }
            }

            pub(super) fn outside_id(&self) -> Option<&ExternalId> {
                match self { $( Self::$board(it) => it.outside_id(), )* }
            }
        }

        /// What the entry's own board offers.
        pub(super) fn offers(shown: Shown<'_>) -> Vec<Offer<domain::Command>> {
            match &shown.entry.body {
                $( Body::$board(body) => {
                    among_all(domain::Command::$board, <$details as Column>::offers(body, shown))
                } )*
            }
        }

        /// What it offers to correct.
        pub(super) fn correction(shown: Shown<'_>) -> Option<Offer<domain::Command>> {
            match &shown.entry.body {
                $( Body::$board(_) => {
                    let own = <$details as Column>::correction(shown);
                    own.map(|own| own.among_all(domain::Command::$board))
                } )*
            }
        }

        /// Its entries are of citizens.
        pub fn is_of_citizens(board: Board) -> bool {
            match board {
                $( Board::$board => <$details as Column>::IS_OF_CITIZENS, )*
                $( Board::$bare => false, )*
            }
        }

        /// Something may stand on it.
        pub(super) fn has_entries(board: Board) -> bool {
            match board {
                $( Board::$board => true, )*
                $( Board::$bare => false, )*
            }
        }

        /// How fast what comes to this board must be answered.
        pub(super) fn answer_within(
            board: Board,
            rules: &Agreement,
        ) -> Option<&agreement::Value<Vec<AnswerTarget>>> {
            match board {
                $( Board::$board => <$details as Column>::answer_within(rules), )*
                $( Board::$bare => None, )*
            }
        }

        /// How that is counted. None: nothing is.
        pub(super) fn answer_formula(board: Board, rules: &Agreement) -> Option<&'static str> {
            match board {
                $( Board::$board => Some(<$details as Column>::answer_formula(rules)), )*
                $( Board::$bare => None, )*
            }
        }

        /// The verbs of a board that are its own.
        pub fn verbs(board: Board) -> &'static [Verb] {
            match board {
                $( Board::$board => <Commands<$details>>::VERBS, )*
                $( Board::$bare => <$commands>::VERBS, )*
            }
        }

        /// Reads the fields of a verb of this board. None: it has no such verb.
        pub(super) fn read(
            board: Board,
            verb: &str,
            fields: Value,
        ) -> Option<Result<domain::Command, BadFields>> {
            Some(match board {
                $( Board::$board => <Commands<$details>>::read(verb, fields)?.map(domain::Command::$board), )*
                $( Board::$bare => <$commands>::read(verb, fields)?.map(domain::Command::$bare), )*
            })
        }

        /// What the fields of every verb look like, with its board.
        pub(super) fn shapes(schemas: &mut Schemas) -> Vec<(Board, Shape)> {
            let mut all = Vec::new();
            $( all.extend(<Commands<$details>>::shapes(schemas).into_iter().map(|it| (Board::$board, it))); )*
            $( all.extend(<$commands>::shapes(schemas).into_iter().map(|it| (Board::$bare, it))); )*
            all
        }

        /// The board and the verb of a command. None: it is of no board alone.
        pub(super) fn named(command: &domain::Command) -> Option<(Board, &'static str)> {
            use domain::Command as C;
            match command {
                $( C::$board(it) => Some((Board::$board, it.verb())), )*
                $( C::$bare(it) => Some((Board::$bare, it.verb())), )*
                C::Entry(_) | C::OfServer(_) | C::People(_) | C::IdKey(_) | C::Adopt(_) => None,
            }
        }

        /// A command of a board as it is written. None: it is of no board alone.
        pub(super) fn written(command: &domain::Command) -> Option<Value> {
            use domain::Command as C;
            match command {
                $( C::$board(it) => Some(json!(it)), )*
                $( C::$bare(it) => Some(json!(it)), )*
                C::Entry(_) | C::OfServer(_) | C::People(_) | C::IdKey(_) | C::Adopt(_) => None,
            }
        }

        /// The command says that somebody is dead.
        pub(super) fn says_dead(command: &domain::Command) -> bool {
            use domain::Command as C;
            match command {
                $( C::$board(it) => <$details as Column>::says_dead(it), )*
                $( C::$bare(_) => false, )*
                C::Entry(_) | C::OfServer(_) | C::People(_) | C::IdKey(_) | C::Adopt(_) => false,
            }
        }
    };
}

boards! {
    with entries {
        Phone(phone::PhoneDetails);
        Alarms(alarms::AlarmDetails);
        Discharges(discharges::DischargeDetails);
        Visits(visits::VisitDetails);
        Duties(duties::DutyDetails);
        Sources(sources::SourceDetails);
        Complaints(complaints::ComplaintDetails);
    }
    without {
        Shift(domain::shift::Command);
    }
}

fn among_all<C>(command: fn(C) -> domain::Command, offers: Vec<Offer<C>>) -> Vec<Offer<domain::Command>> {
    offers.into_iter().map(|it| it.among_all(command)).collect()
}
