//! Commands on the wire: `POST /v1/commands`.
//!
//! Owns reading `board.verb` straight into the board's own command (a bare verb is taken for the entry's own board) and
//! the split between the command (storable) and free text (written through to the care system, never stored).

use chrono::{DateTime, Utc};
use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value, json};
use serde_with::skip_serializing_none;
use utoipa::ToSchema;

use super::boards;
pub use super::boards::verbs;
use super::entry::Entry;
use super::problem::Problem;
use super::text::LongText;
use super::wire;
use crate::domain::identity::{Board, EntryId, Key, Sequence};
pub use crate::domain::verbs::Weight;
use crate::domain::verbs::{About, Schemas, Shape, Verb};
use crate::domain::{self, Refusal, alarms, duties, entry};

/// A command as sent. The same `id` again gives the same answer.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CommandRequest {
    /// Drawn by the sender, unique per person.
    pub id: Key,
    /// The entry that is meant: needed by all but `open`, `expect`, `notify`, `sign-on` and `sign-off`.
    pub entry: Option<EntryId>,
    /// Demanded only for closing, redirecting and stopping.
    pub expected_version: Option<u32>,
    /// RFC 3339 with a zone; never in the future.
    pub happened_at: Option<DateTime<Utc>>,
    #[schema(value_type = Object)]
    pub command: Command,
}

/// The answer to a command that took effect.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CommandReply {
    pub sequence: Sequence,
    pub entry: Option<Entry>,
    /// The note waits in memory for the care system.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waiting: bool,
}

/// What a person asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// The domain's own, with nothing in it that may not be stored.
    Plain(domain::Command),
    /// A note: its text goes to the care system.
    Note { text: LongText },
    /// A justification whose text goes to where it is sent; the receipt becomes its reference.
    Justification { channel: alarms::Channel, text: LongText },
}

/// A note is free text about an entry; what is recorded is its receipt.
pub const NOTE: Verb = Verb { name: "note", weight: Weight::Light, about: About::Entry };
/// Opened on its own board, and about an entry of any other.
const NOTIFY: &str = "notify";
const JUSTIFY_SENT: &str = "justify.sent";

/// What a verb is on a board, its own or one that every board knows.
pub fn verb_of(board: Board, verb: &str) -> Option<Verb> {
    let notify = duties::Command::VERBS.iter().filter(|it| it.name == NOTIFY);
    let of_entries = entry::Command::VERBS.iter().chain([&NOTE]).chain(notify);
    let shared = of_entries.filter(|_| boards::has_entries(board));
    shared.chain(verbs(board)).find(|it| it.name == verb).copied()
}

/// How much a verb weighs on a board; what the board does not know weighs nothing.
pub fn weight_of(board: Board, verb: &str) -> Weight {
    verb_of(board, verb).map_or(Weight::Light, |verb| verb.weight)
}

/// The fields of what is read with its text beside them.
#[derive(Deserialize)]
struct NoteFields {
    text: LongText,
}

#[derive(Deserialize)]
struct JustificationFields {
    channel: alarms::Channel,
    text: LongText,
}

impl Command {
    /// Reads a verb's fields. None: the board has no such verb. Errors name the field, under `prefix`.
    pub fn read(
        prefix: &str,
        board: Board,
        verb: &str,
        fields: Map<String, Value>,
    ) -> Option<Result<Self, Problem>> {
        verb_of(board, verb)?;
        let has_text = fields.get("text").is_some_and(|text| !text.is_null());
        let fields = Value::Object(fields);
        if verb == NOTE.name {
            return Some(wire::read(prefix, fields).map(|NoteFields { text }| Self::Note { text }));
        }
        if (board, verb) == (Board::Alarms, JUSTIFY_SENT) && has_text {
            let read = wire::read(prefix, fields);
            return Some(
                read.map(|JustificationFields { channel, text }| Self::Justification { channel, text }),
            );
        }
        let read = match entry::Command::read(verb, fields.clone()) {
            Some(read) => read.map(domain::Command::Entry),
            None if verb == NOTIFY => duties::Command::read(verb, fields)?.map(domain::Command::Duties),
            None => boards::read(board, verb, fields)?,
        };
        Some(read.map(Self::Plain).map_err(|bad| wire::at_fault(prefix, bad)))
    }

    /// Its board, unless every board knows it, and its verb. None: nobody can ask for it.
    pub fn name(&self) -> Option<(Option<Board>, &'static str)> {
        use domain::Command as C;
        match self {
            Self::Note { .. } => Some((None, NOTE.name)),
            Self::Justification { .. } => Some((Some(Board::Alarms), JUSTIFY_SENT)),
            Self::Plain(C::Entry(it)) => Some((None, it.verb())),
            // About an entry of another board it is that board's.
            Self::Plain(C::Duties(it @ duties::Command::Notify { .. })) => Some((None, it.verb())),
            Self::Plain(other) => boards::named(other).map(|(board, verb)| (Some(board), verb)),
        }
    }

    /// Closing, redirecting and stopping demand the version that was read.
    pub fn demands_version(&self) -> bool {
        let Some((board, verb)) = self.name() else { return false };
        // What every board knows weighs alike on each.
        weight_of(board.unwrap_or(Board::Duties), verb) == Weight::Final
    }

    /// It says that somebody is dead.
    pub fn says_dead(&self) -> bool {
        match self {
            Self::Plain(command) => boards::says_dead(command),
            Self::Note { .. } | Self::Justification { .. } => false,
        }
    }

    /// Every shape there is: the board it is of (none: of every board), the verb and what its fields look like.
    pub fn shapes(schemas: &mut Schemas) -> Vec<(Option<Board>, Shape)> {
        let shared: Vec<_> = entry::Command::shapes(schemas).into_iter().map(|it| (None, it)).collect();
        let of_boards = boards::shapes(schemas).into_iter().map(|(board, it)| (Some(board), it));
        shared.into_iter().chain(of_boards).collect()
    }
}

impl From<domain::Command> for Command {
    fn from(command: domain::Command) -> Self {
        Self::Plain(command)
    }
}

impl Serialize for Command {
    fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        use domain::Command as C;
        let unknown = || S::Error::custom("nobody can ask for this");
        let (board, verb) = self.name().ok_or_else(unknown)?;
        let value = match self {
            Self::Note { text } => json!({ "text": text }),
            Self::Justification { channel, text } => json!({ "channel": channel, "text": text }),
            Self::Plain(C::Entry(it)) => json!(it),
            Self::Plain(other) => boards::written(other).ok_or_else(unknown)?,
        };
        let Value::Object(mut fields) = value else { return Err(unknown()) };
        let name = board.map_or_else(|| verb.to_owned(), |board| format!("{}.{verb}", board.name()));
        fields.insert("type".into(), name.into());
        fields.serialize(writer)
    }
}

/// A request read as far as that goes without knowing the entry it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    pub id: Key,
    pub entry: Option<EntryId>,
    pub expected_version: Option<u32>,
    pub happened_at: Option<DateTime<Utc>>,
    /// The board, if it was named.
    pub board: Option<Board>,
    verb: String,
    fields: Map<String, Value>,
}

/// Reads a request body. Errors name the field.
pub fn parse(body: Value) -> Result<Parsed, Problem> {
    wire::check_depth(&body)?;
    let Value::Object(mut fields) = body else { return Err(Problem::new(422, "not-an-object")) };
    let mut take = |name: &str| fields.remove(name).filter(|value| !value.is_null());
    let id = take("id").ok_or_else(|| Problem::field(422, "missing-field", "id"))?;
    let command = take("command").ok_or_else(|| Problem::field(422, "missing-field", "command"))?;
    let entry = take("entry").map(|value| wire::read("entry", value)).transpose()?;
    let expected_version =
        take("expected_version").map(|value| wire::read("expected_version", value)).transpose()?;
    let happened_at = take("happened_at").map(|value| wire::time("happened_at", &value)).transpose()?;
    let (tag, fields) = wire::tagged("command", command)?;
    let (board, verb) = split_board(&tag);
    let verb = verb.to_owned();
    Ok(Parsed { id: wire::read("id", id)?, entry, expected_version, happened_at, board, verb, fields })
}

/// `alarms.justify.begin` is board `alarms`, verb `justify.begin`; `claim` is no board.
pub fn split_board(tag: &str) -> (Option<Board>, &str) {
    match tag.split_once('.').and_then(|(board, verb)| Some((Board::parse(board)?, verb))) {
        Some((board, verb)) => (Some(board), verb),
        None => (None, tag),
    }
}

impl Parsed {
    /// The command. `of` is the board of the entry it is about, if it is about one. Errors: a verb that the board does not
    /// have, one that needs to be told its board, a field.
    pub fn command(self, of: Option<Board>) -> Result<Command, Problem> {
        let unknown = || Problem::field(422, "unknown-command", "command.type");
        let is_another = |board: Board| of.is_some_and(|of| of != board);
        if let Some(of) = of.filter(|_| self.board.is_some_and(is_another)) {
            return Err(wrong_board(of));
        }
        let is_of = |board: Board| verb_of(board, &self.verb).is_some();
        let board = match self.board.or(of) {
            // About nobody's entry: whichever one was named beside it.
            Some(board) if self.board.is_none() && !is_of(board) && is_of(Board::Shift) => Board::Shift,
            Some(board) => board,
            None => opens(&self.verb).ok_or_else(|| match Board::ALL.iter().copied().any(is_of) {
                true => Problem::from(&Refusal::EntryMissing),
                false => unknown(),
            })?,
        };
        match Command::read("command", board, &self.verb, self.fields) {
            Some(read) => read,
            // A verb of another board, meant for an entry of this one.
            None if of.is_some() && Board::ALL.iter().any(|it| verb_of(*it, &self.verb).is_some()) => {
                Err(wrong_board(board))
            }
            None => Err(unknown()),
        }
    }
}

fn wrong_board(of: Board) -> Problem {
    Problem::field(422, "wrong-board", "command.type").with("board", of.name())
}

/// The board of a verb that was given without a board and an entry: the one on which it opens something.
fn opens(verb: &str) -> Option<Board> {
    let opens = |board: &Board| verbs(*board).iter().any(|it| it.name == verb && it.about != About::Entry);
    let mut boards = Board::ALL.iter().copied().filter(opens);
    // What every board knows reads alike on each; that the entry is missing is then said by the rule.
    let is_shared = || verb == NOTE.name || entry::Command::VERBS.iter().any(|it| it.name == verb);
    boards.next().filter(|_| boards.next().is_none()).or_else(|| is_shared().then_some(Board::Alarms))
}
