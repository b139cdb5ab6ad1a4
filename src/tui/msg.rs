//! What can happen to the desk.

use chrono::{DateTime, Utc};

use super::input::Input;
use crate::protocol::board::{BoardSnapshot, Found, Me};
use crate::protocol::closed::ClosedQuery;
use crate::protocol::entry::EntryView;
use crate::protocol::history::CitizenHistory;
use crate::protocol::{CitizenId, CommandReply, EntryId, Key, Problem, StreamItem};
use serde_json::Value;

#[derive(Debug, Clone, PartialEq)]
pub enum Msg {
    /// The desk's own clock. Comes before every input, so that a key is judged by the time it was pressed.
    Tick(DateTime<Utc>),
    Input(Input),
    SignedIn(Me),
    /// A snapshot of the board: the start, or after a gap.
    Board(Box<BoardSnapshot>),
    Item(Box<StreamItem>),
    /// The server cannot be reached or refuses us; `code` is a problem's.
    LinkLost {
        code: String,
    },
    /// The answer to a submitted command.
    Done {
        id: Key,
        outcome: Box<Result<CommandReply, Problem>>,
    },
    Fetched {
        entry: EntryId,
        outcome: Result<Box<EntryView>, Problem>,
    },
    /// What the log knows of a citizen.
    History {
        citizen: CitizenId,
        outcome: Box<Result<CitizenHistory, Problem>>,
    },
    /// What was asked for by `FetchClosed`.
    Closed {
        query: ClosedQuery,
        outcome: Result<Box<Found>, Problem>,
    },
    /// What was asked for by `Find`.
    Found {
        wanted: String,
        outcome: Result<Box<Found>, Problem>,
    },
    Agreements(Result<Vec<Value>, Problem>),
    /// A frame was drawn, and this is how far its topmost text can be scrolled.
    Drawn {
        scroll_max: u16,
    },
    /// The system wants the desk to end: a signal, a closed terminal.
    Terminate,
    /// The system wants the desk to step aside.
    Suspend,
}
