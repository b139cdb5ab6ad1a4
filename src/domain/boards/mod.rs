//! The boards: the list of them, what each must say of itself, and what is the same for all.
//!
//! Owns the one list of boards and the shell around them: an entry is opened, changed, kept count of and asked in one
//! way, whatever board it is on. Must never know a board's rules. A new board is a module here with a [`Column`], a line
//! in the list, a word in [`Board`], and in [`super::kinds`] the fields that nothing stored had yet.

pub mod alarms;
pub mod complaints;
pub mod discharges;
pub mod duties;
pub mod phone;
pub mod sources;
pub mod visits;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::agreement::Agreement;
use super::entry::{self, Due, DueKind, Entry, Opening, Origin};
use super::envelope::Record;
use super::identity::{AgreementId, Board, CitizenId, Code, EntryId, ExternalId, SourceName};
use super::refusal::Refusal;
use super::{Ctx, Draft, State, adoption, devices, people, server, shift};

/// What comes of a decision.
pub type Decided = Result<Vec<Draft>, Refusal>;

/// What an entry of a board is. The list makes it.
pub trait OnBoard: Sized + Into<Body> {
    const BOARD: Board;

    /// What an entry is, if it is on this board.
    fn of(body: &Body) -> Option<&Self>;
}

/// What a board says of itself. Implemented by what an entry of it is.
pub trait Column: OnBoard {
    /// What a person may ask of it.
    type Command;
    /// What is recorded of it.
    type Event: Serialize + DeserializeOwned;

    /// What it tells of a citizen belongs together with what others that say so tell of the same one, near in time.
    const IS_JOINED: bool = false;

    /// The state's name, as in the outside contract. `is_held`: somebody has it.
    fn state(&self, is_held: bool) -> &'static str;

    /// How it ended, where its state does not say that.
    fn outcome(&self) -> Option<&'static str> {
        None
    }

    /// The entry that an event opens. None: it is about one that is there.
    fn opened<'e>(record: &Record, event: &'e Self::Event) -> Option<(&'e Opening, Self)>;

    /// Raises the entry's version: what was read before is not what stands there now.
    fn is_material(_event: &Self::Event) -> bool {
        true
    }

    /// The entry may belong to others from here on.
    fn may_assign(_event: &Self::Event) -> bool {
        false
    }

    /// What else the outside calls the entry from here on; of which source, if not of the one that tells it.
    fn also_known(_event: &Self::Event) -> Option<(&ExternalId, Option<&SourceName>)> {
        None
    }

    /// What an event makes of the entry. Never fails: what makes no sense is left alone.
    fn apply(entry: &mut Entry, record: &Record, event: &Self::Event);

    /// Puts dues and closing in step with what is now known at `at`. Saying it again changes nothing.
    fn settle(_entry: &mut Entry, _at: DateTime<Utc>) {}

    /// Brings what is kept across entries in step with this one. Saying it again changes nothing.
    fn keep_count(_state: &mut State, _id: EntryId) {}

    /// Decides what a person asks of an entry.
    ///
    /// # Errors
    /// Refused, and why.
    fn decide(&self, state: &State, ctx: &Ctx, entry: &Entry, command: &Self::Command) -> Decided;

    /// Decides what a person asks without an entry.
    ///
    /// # Errors
    /// [`Refusal::EntryMissing`] unless it opens one; else refused, and why.
    fn open(_state: &State, _ctx: &Ctx, _command: &Self::Command) -> Decided {
        Err(Refusal::EntryMissing)
    }

    /// Something fell due: the timer's decision.
    ///
    /// # Errors
    /// [`Refusal::NotDue`] unless it is this board's, and still to be recorded.
    fn due(&self, _state: &State, _ctx: &Ctx, _entry: &Entry, _what: DueKind) -> Decided {
        Err(Refusal::NotDue)
    }
}

/// The list of boards: the module, the board's name, what an entry of it is, what is recorded of it.
macro_rules! boards {
    ($( $module:ident: $board:ident($body:ident, $event:ident) ),* $(,)?) => {
        /// The boards themselves, for who speaks of them by name.
        pub mod each {
            pub use super::{$( $module ),*};
        }

        /// What an entry is, by its board.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Body { $( $board($module::$body), )* }

        /// Everything that can be recorded. Stable names and versions are in `kinds`.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Event {
            Entry(entry::EntryEvent),
            $( $board($module::$event), )*
            Devices(devices::DeviceEvent),
            Shift(shift::ShiftEvent),
            People(people::PeopleEvent),
            Agreements(adoption::AdoptionEvent),
            Server(server::ServerEvent),
        }

        /// Everything a person (or the machine's owner) can ask for.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        pub enum Command {
            Entry(entry::Command),
            /// What the server itself records of an entry.
            OfServer(entry::OfServer),
            $( $board($module::Command), )*
            Shift(shift::Command),
            People(people::PeopleCommand),
            /// Which secret ids are kept as digests under. The server's own.
            IdKey(Code),
            /// Adopt an agreement: from now on its values rule.
            Adopt(Box<Agreement>),
        }

        $(
            impl From<$module::$body> for Body {
                fn from(body: $module::$body) -> Self {
                    Self::$board(body)
                }
            }

            impl OnBoard for $module::$body {
                const BOARD: Board = Board::$board;

                fn of(body: &Body) -> Option<&Self> {
                    if let Body::$board(it) = body { Some(it) } else { None }
                }
            }
        )*

        impl Body {
            pub fn board(&self) -> Board {
                match self { $( Self::$board(_) => Board::$board, )* }
            }

            pub(super) fn state(&self, is_held: bool) -> &'static str {
                match self { $( Self::$board(it) => Column::state(it, is_held), )* }
            }

            pub(super) fn outcome(&self) -> Option<&'static str> {
                match self { $( Self::$board(it) => Column::outcome(it), )* }
            }

            pub(super) fn due(&self, state: &State, ctx: &Ctx, entry: &Entry, what: DueKind) -> Decided {
                match self { $( Self::$board(it) => Column::due(it, state, ctx, entry, what), )* }
            }
        }

        impl Event {
            /// Whether an entry may belong to others from here on.
            pub fn may_assign(&self) -> bool {
                match self {
                    $( Self::$board(event) => <$module::$body as Column>::may_assign(event), )*
                    Self::Entry(_) | Self::Devices(_) | Self::Shift(_) | Self::People(_) => false,
                    Self::Agreements(_) | Self::Server(_) => false,
                }
            }

            /// The board that it is of. None: of all, or of none.
            pub fn board(&self) -> Option<Board> {
                match self {
                    $( Self::$board(_) => Some(Board::$board), )*
                    Self::Entry(_) | Self::Devices(_) | Self::Shift(_) | Self::People(_) => None,
                    Self::Agreements(_) | Self::Server(_) => None,
                }
            }

            /// The first half of its stored name, and what is stored with the second in it as `type`.
            pub(super) fn stored(&self) -> (&'static str, serde_json::Result<serde_json::Value>) {
                use serde_json::to_value;
                match self {
                    Self::Entry(it) => ("entry", to_value(it)),
                    $( Self::$board(it) => (Board::$board.name(), to_value(it)), )*
                    Self::Devices(it) => ("devices", to_value(it)),
                    Self::Shift(it) => ("shift", to_value(it)),
                    Self::People(it) => ("people", to_value(it)),
                    Self::Agreements(it) => ("agreements", to_value(it)),
                    Self::Server(it) => ("server", to_value(it)),
                }
            }

            /// How what is stored under the first half of a name is read. None: nothing is.
            pub(super) fn reader(half: &str) -> Option<Reader> {
                use serde_json::from_value;
                let readers: &[(&str, Reader)] = &[
                    ("entry", |it| from_value(it).map(Self::Entry)),
                    $( (Board::$board.name(), |it| from_value(it).map(Self::$board)), )*
                    ("devices", |it| from_value(it).map(Self::Devices)),
                    ("shift", |it| from_value(it).map(Self::Shift)),
                    ("people", |it| from_value(it).map(Self::People)),
                    ("agreements", |it| from_value(it).map(Self::Agreements)),
                    ("server", |it| from_value(it).map(Self::Server)),
                ];
                readers.iter().find(|(name, _)| *name == half).map(|(_, reader)| *reader)
            }
        }

        /// The first half of every stored name, and the second halves that go with it.
        pub(super) fn stored_names() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
            use strum::VariantNames;
            let names = [
                ("entry", entry::EntryEvent::VARIANTS),
                $( (Board::$board.name(), $module::$event::VARIANTS), )*
                ("devices", devices::DeviceEvent::VARIANTS),
                ("shift", shift::ShiftEvent::VARIANTS),
                ("people", people::PeopleEvent::VARIANTS),
                ("agreements", adoption::AdoptionEvent::VARIANTS),
                ("server", server::ServerEvent::VARIANTS),
            ];
            names.into_iter()
        }

        /// See [`Column::IS_JOINED`].
        pub(super) fn is_joined(board: Board) -> bool {
            match board {
                $( Board::$board => <$module::$body as Column>::IS_JOINED, )*
                Board::Shift => false,
            }
        }

        /// Decides what a person asks: of an entry, or of none.
        pub(super) fn decide(state: &State, ctx: &Ctx, entry: Option<&Entry>, command: &Command) -> Decided {
            match command {
                $( Command::$board(command) => ask::<$module::$body>(state, ctx, entry, command), )*
                Command::Entry(command) => {
                    entry::decide(state, ctx, entry.ok_or(Refusal::EntryMissing)?, command)
                }
                Command::OfServer(command) => {
                    entry::decide_of_server(state, ctx, entry.ok_or(Refusal::EntryMissing)?, command)
                }
                Command::Shift(_) | Command::People(_) | Command::IdKey(_) | Command::Adopt(_) => {
                    let entry = entry.ok_or(Refusal::EntryMissing)?;
                    Err(Refusal::WrongBoard { board: entry.board() })
                }
            }
        }

        /// The entry that a record opens.
        pub(super) fn opened_entry(record: &Record) -> Option<Entry> {
            match &record.event {
                $( Event::$board(event) => open::<$module::$body>(record, event), )*
                Event::Entry(_) | Event::Devices(_) | Event::Shift(_) | Event::People(_) => None,
                Event::Agreements(_) | Event::Server(_) => None,
            }
        }

        /// Applies a record, of an entry or of none.
        pub(super) fn evolve(state: &mut State, record: &Record) {
            match &record.event {
                Event::Entry(event) => state.change(record.entry, |entry| entry::evolve(entry, record, event)),
                $( Event::$board(event) => change::<$module::$body>(state, record, event), )*
                Event::Devices(event) => devices::evolve(state, record, event),
                Event::Shift(event) => shift::evolve(state, record, event),
                Event::People(event) => people::evolve(state, record, event),
                Event::Agreements(event) => adoption::evolve(state, record, event),
                Event::Server(event) => server::evolve(state, event),
            }
            let board = state.entry(record.entry).map(Entry::board);
            $( if board == Some(Board::$board) {
                $module::$body::keep_count(state, record.entry);
            } )*
        }
    };
}

/// Reads what is stored of an event.
type Reader = fn(serde_json::Value) -> serde_json::Result<Event>;

boards! {
    phone: Phone(Call, PhoneEvent),
    alarms: Alarms(Alarm, AlarmEvent),
    discharges: Discharges(Stay, DischargeEvent),
    visits: Visits(Visit, VisitEvent),
    duties: Duties(Duty, DutyEvent),
    sources: Sources(Trouble, SourceEvent),
    complaints: Complaints(Complaint, ComplaintEvent),
}

fn ask<B: Column>(state: &State, ctx: &Ctx, entry: Option<&Entry>, command: &B::Command) -> Decided {
    let Some(entry) = entry else { return B::open(state, ctx, command) };
    match B::of(&entry.body) {
        Some(body) => body.decide(state, ctx, entry, command),
        None => Err(Refusal::WrongBoard { board: entry.board() }),
    }
}

fn open<B: Column>(record: &Record, event: &B::Event) -> Option<Entry> {
    let (opening, body) = B::opened(record, event)?;
    let mut entry = Entry::open(record, opening, body.into());
    B::settle(&mut entry, record.happened_at);
    Some(entry)
}

fn change<B: Column>(state: &mut State, record: &Record, event: &B::Event) {
    if let Some(entry) = open::<B>(record, event) {
        state.insert(entry);
        return;
    }
    match B::also_known(event) {
        Some((id, Some(source))) => state.known_to(source, id, record.entry),
        Some((id, None)) => state.also_known_as(record, id),
        None => {}
    }
    state.change(record.entry, |entry| {
        if B::is_material(event) {
            entry.version += 1;
        }
        B::apply(entry, record, event);
        B::settle(entry, record.happened_at);
    });
}

/// The draft that opens an entry which the sender of a fact tells of, under the id it has there: it belongs where the fact
/// does.
fn told(
    ctx: &Ctx,
    number: u32,
    id: &ExternalId,
    citizen: Option<&CitizenId>,
    dues: Vec<Due>,
    event: impl FnOnce(Opening) -> Event,
) -> Draft {
    let agreement = ctx.only_agreement();
    let opening = Opening {
        number,
        candidates: if agreement.is_some() { Vec::new() } else { ctx.candidates.clone() },
        origin: ctx.source().map(|source| Origin { source: source.clone(), id: id.clone() }),
        citizen: citizen.cloned(),
        dues,
    };
    Draft { entry: ctx.fresh(0), happened_at: ctx.at, agreement, event: event(opening) }
}

/// The draft that opens an entry of one municipality which no message tells of.
fn untold(
    ctx: &Ctx,
    number: u32,
    agreement: AgreementId,
    citizen: Option<&CitizenId>,
    dues: Vec<Due>,
    event: impl FnOnce(Opening) -> Event,
) -> Draft {
    let opening = Opening { number, candidates: Vec::new(), origin: None, citizen: citizen.cloned(), dues };
    Draft { entry: ctx.fresh(0), happened_at: ctx.at, agreement: Some(agreement), event: event(opening) }
}

/// The draft that opens an entry which follows from another: of its municipality and its citizen.
fn following(
    ctx: &Ctx,
    state: &State,
    from: &Entry,
    dues: Vec<Due>,
    event: impl FnOnce(Opening) -> Event,
) -> Draft {
    let opening = Opening {
        number: state.free_number(0),
        candidates: from.candidates.clone(),
        origin: None,
        citizen: from.citizen.clone(),
        dues,
    };
    Draft {
        entry: ctx.unused(state),
        happened_at: ctx.at,
        agreement: from.agreement.clone(),
        event: event(opening),
    }
}

/// The agreement that an entry is opened for by hand: the one named, or the only one the person has.
pub(super) fn agreement_of(
    state: &State,
    ctx: &Ctx,
    named: Option<&AgreementId>,
) -> Result<AgreementId, Refusal> {
    let known = |id: &AgreementId| state.agreements.contains_key(id) && ctx.may_use(state, id);
    match named {
        Some(id) if known(id) => Ok(id.clone()),
        Some(id) => Err(Refusal::UnknownAgreement { agreement: id.clone() }),
        None => {
            let mut own = state.agreements.keys().filter(|id| known(id));
            match (own.next(), own.next()) {
                (Some(only), None) => Ok(only.clone()),
                _ => Err(Refusal::FieldMissing { field: "agreement".into() }),
            }
        }
    }
}
