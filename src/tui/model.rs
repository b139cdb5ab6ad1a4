//! Everything the desk knows and shows: plain data.
//!
//! Owns the chosen entry (by id, never by row), the overlays (a stack) and what was sent but
//! not yet answered. No clock: `now` comes in with a message. `view` and `update` agree about
//! the room there is through `layout`.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};

use super::action::Place;
use super::boards::alarms::{is_person_alarm, is_ringing};
use super::boards::closed;
pub use super::boards::closed::Closed;
use super::boards::{is_on, listed};
use super::editor::Editor;
use super::effect::Purpose;
use super::form::{Deed, Form};
use super::guard::Unfinished;
use super::keymap::{Context, Keymap};
use super::layout;
use crate::protocol::board::{LogTrouble, Me};
use crate::protocol::commands::Command;
use crate::protocol::entry::{EntryView, Live};
use crate::protocol::history::CitizenHistory;
use crate::protocol::sync::Replica;
use crate::protocol::{Board, CitizenId, Entry, EntryId, Key, Level, Problem};
use serde_json::Value;

/// Cells of the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub width: u16,
    pub height: u16,
}

/// How the desk stands with the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// Nothing heard yet.
    Connecting,
    Live,
    /// What is shown may be wrong since then (the desk's clock).
    Stale {
        since: DateTime<Utc>,
    },
}

/// Where one is on a list. `index` is only a memory of the row, for when the entry vanishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursor {
    pub chosen: Option<EntryId>,
    pub index: usize,
    /// First row shown.
    pub top: usize,
    /// First line shown of a place's text: below its rows, or all there is.
    pub below: u16,
}

/// The opened entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Detail {
    pub entry: EntryId,
    /// History and numbers, once they are here.
    pub view: Option<Box<EntryView>>,
    pub problem: Option<Problem>,
    pub scroll: u16,
}

/// What lies over the board; the last one has the keys.
#[derive(Debug, Clone, PartialEq)]
pub enum Overlay {
    Menu {
        entry: EntryId,
        index: usize,
    },
    Form(Box<Form>),
    Confirm(Box<Confirm>),
    Help {
        scroll: u16,
    },
    Filter {
        before: Editor,
    },
    /// Numbers to ring.
    Numbers {
        scroll: u16,
    },
    /// What a citizen's history is looked at for.
    Purpose {
        about: EntryId,
        citizen: CitizenId,
        index: usize,
    },
    History(Box<History>),
}

/// What the log knows of a citizen, as asked for from one entry.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    pub about: EntryId,
    pub citizen: CitizenId,
    pub purpose: Purpose,
    /// None until it is here.
    pub answer: Option<Result<CitizenHistory, Problem>>,
    pub scroll: u16,
}

/// Forms put aside, and where they were open.
#[derive(Debug, Clone, PartialEq)]
pub struct Aside {
    pub overlays: Vec<Overlay>,
    pub place: Place,
    pub detail: Option<Detail>,
}

/// A question before something that cannot be undone. Carries exactly what will be done.
#[derive(Debug, Clone, PartialEq)]
pub struct Confirm {
    pub asked: Asked,
    /// When it was answered yes, and asked the question of its own that a death has.
    pub death_asked_at: Option<DateTime<Utc>>,
    pub sent: Option<Key>,
    pub problem: Option<Problem>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    Command {
        deed: Deed,
        command: Command,
    },
    SignOff,
    /// Leave although something is at stake: [`Model::stakes`], as it is while it is asked.
    Leave(Leaving),
    /// Throw away a form with text in it.
    Discard,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    Quit,
    /// The shell brings it back.
    Suspend,
}

/// What leaving would lose, or leave without anybody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stakes {
    /// Commands of this desk that nobody has answered: lost with it.
    pub unsent: usize,
    /// Forms with text in them: lost with it.
    pub texts: usize,
    /// In the server's memory: lost when the server ends before the care system answers.
    pub notes: usize,
    pub is_on_shift: bool,
    /// What whoever sits here has.
    pub held: Vec<EntryId>,
    pub ringing: Vec<EntryId>,
}

/// Sent, and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
    pub entry: Option<EntryId>,
    /// Number and board of that entry: still said when it is gone by then.
    pub about: Option<(Option<u32>, Board)>,
    pub verb: String,
    pub since: DateTime<Utc>,
    /// Answered; waits for the stream to say the same.
    pub sequence: Option<u64>,
}

/// A word at the foot of the screen.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// The server or the rules said no.
    Refused {
        number: Option<u32>,
        board: Option<Board>,
        verb: String,
        problem: Problem,
    },
    Done {
        number: Option<u32>,
        board: Option<Board>,
        verb: String,
    },
    /// The chosen or asked-about entry is over or out of sight.
    Gone {
        number: u32,
    },
    /// The entry changed while a question about it was open.
    Changed {
        number: u32,
    },
    /// A key was held back: the chosen entry had just vanished and another took its place.
    Held {
        number: u32,
    },
    /// The care system is away: the note waits in the server's memory.
    NoteWaits,
    PasteIgnored,
    /// Something from the terminal never ended, and was dropped.
    Unfinished(Unfinished),
    /// An act was held back: what came may not have been typed.
    Doubted,
    /// What was typed waits beside, for the worst to be looked at.
    PutAside,
    /// Nobody would bring the desk back.
    NoJobControl,
    NothingChosen,
    /// Nobody knows yet which citizen the entry is about.
    NoCitizen,
    NotHere,
    ReadOnly,
    Copied,
    NothingToCopy,
    /// A place that is read has no list to search in.
    NothingToSearch,
    NewAlarm {
        number: u32,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The desk's own clock, from the last tick.
    pub desk_now: DateTime<Utc>,
    pub size: Size,
    pub keymap: Keymap,
    pub me: Option<Me>,
    pub read_only: bool,
    /// There is a shell that brings the desk back after it was stopped.
    pub can_suspend: bool,
    /// Bytes came then that no hand types: what comes as keys next may be none.
    pub doubted_at: Option<DateTime<Utc>>,
    /// Citizens are shown by their initials.
    pub hides_people: bool,
    /// Drawn by the caller; makes command ids unique per person.
    pub session: String,
    pub sent_count: u64,
    pub board: Option<Replica>,
    pub link: Link,
    /// The last problem of the link.
    pub link_problem: Option<String>,
    pub agreements: Option<Vec<Value>>,
    pub place: Place,
    pub cursors: BTreeMap<Place, Cursor>,
    pub filter: Editor,
    /// What was being typed when the worst was looked at: the same key brings it back.
    pub aside: Option<Aside>,
    /// What the server is being asked for: one question at a time.
    pub finding: Option<String>,
    /// What was last searched for and answered.
    pub found: String,
    /// What is over, as far as it was fetched.
    pub closed: Closed,
    pub detail: Option<Detail>,
    pub overlays: Vec<Overlay>,
    /// How far the topmost text can be scrolled, as last drawn.
    pub scroll_max: u16,
    pub pending: BTreeMap<Key, Pending>,
    pub notice: Option<Notice>,
    /// When the chosen entry vanished and the neighbour became the chosen one.
    pub slipped_at: Option<DateTime<Utc>>,
    pub rung_at: Option<DateTime<Utc>>,
    /// Alarms open and ringing, as last said in the title.
    pub titled: Option<(usize, usize)>,
}

/// So long after bytes that no hand types, an act asks: the rest of them may come late.
const DOUBT_MS: i64 = 6_000;
/// So long a question is not answered: the answer may be of the same bytes.
const DEEP_DOUBT_MS: i64 = 2_000;

/// Alarms stay at the top of a list, however far down somebody reads: so many rows at most.
const PINNED_MAX: usize = 3;

/// How many leading rows of a list are pinned: the alarms nobody has brought to an end. Never more than a third.
pub fn pinned(rows: &[&Entry], height: usize) -> usize {
    let alarms = rows.iter().take_while(|entry| entry.attention.level == Level::Alarm).count();
    alarms.min(PINNED_MAX).min(height / 3)
}

impl Model {
    /// A desk that has heard nothing yet.
    pub fn new(desk_now: DateTime<Utc>, size: Size, session: impl Into<String>) -> Self {
        Self {
            desk_now,
            size,
            keymap: Keymap::default(),
            me: None,
            read_only: false,
            can_suspend: false,
            doubted_at: None,
            hides_people: false,
            session: session.into(),
            sent_count: 0,
            board: None,
            link: Link::Connecting,
            link_problem: None,
            agreements: None,
            place: Place::Overview,
            cursors: BTreeMap::new(),
            filter: Editor::line(),
            aside: None,
            finding: None,
            found: String::new(),
            closed: Closed::default(),
            detail: None,
            overlays: Vec::new(),
            scroll_max: u16::MAX,
            pending: BTreeMap::new(),
            notice: None,
            slipped_at: None,
            rung_at: None,
            titled: None,
        }
    }

    /// The server's time as far as the desk knows; its own before it has heard any.
    pub fn now(&self) -> DateTime<Utc> {
        self.board.as_ref().map_or(self.desk_now, |board| board.now(self.desk_now))
    }

    pub fn cursor(&self) -> Cursor {
        self.cursors.get(&self.place).copied().unwrap_or_default()
    }

    /// The rows of a place in order, filtered; what rings is a row whatever is searched for.
    pub fn rows(&self, place: Place) -> Vec<&Entry> {
        let Some(board) = &self.board else { return Vec::new() };
        if place == Place::Closed {
            return closed::rows(self);
        }
        board
            .worst_first()
            .filter(|entry| is_on(place, entry) && (is_ringing(entry) || self.matches(entry)))
            .collect()
    }

    /// Open entries of a place, whatever the filter; those at rest that are not held included.
    pub fn count(&self, place: Place) -> usize {
        let held = |board: &Replica| board.worst_first().filter(|entry| is_on(place, entry)).count();
        self.board.as_ref().map_or(0, held) + self.more(place)
    }

    /// Entries of a place that are not held: a long plan's visits at rest.
    pub fn more(&self, place: Place) -> usize {
        self.board.as_ref().filter(|_| place == Place::Visits).map_or(0, Replica::more)
    }

    /// An entry that is here: open, over and fetched, or the opened one.
    pub fn entry(&self, id: EntryId) -> Option<&Entry> {
        let opened = || self.detail.as_ref()?.view.as_ref().map(|view| &view.entry).filter(|it| it.id == id);
        self.on_board(id).or_else(|| self.closed.get(id)).or_else(opened)
    }

    /// An entry that is open, as the board has it.
    pub fn on_board(&self, id: EntryId) -> Option<&Entry> {
        self.board.as_ref()?.get(id)
    }

    /// The entry a key acts on: the opened one, else the chosen row.
    pub fn chosen(&self) -> Option<&Entry> {
        match &self.detail {
            Some(detail) => self.entry(detail.entry),
            None => self.cursor().chosen.and_then(|id| self.entry(id)),
        }
    }

    /// A citizen's data as far as it is here: with the board, or with the opened entry.
    pub fn live_of<'m>(&'m self, entry: &'m Entry) -> Option<&'m Live> {
        let opened = self.detail.as_ref().filter(|detail| detail.entry == entry.id);
        let fetched =
            opened.and_then(|detail| detail.view.as_ref()).and_then(|view| view.entry.live.as_ref());
        entry.live.as_ref().or(fetched)
    }

    pub fn me_name(&self) -> &str {
        self.me.as_ref().map_or("", |me| me.name.as_str())
    }

    /// May this desk change anything?
    pub fn may_act(&self) -> bool {
        !self.read_only && self.me.as_ref().is_none_or(|me| me.role == "coordinator" || me.role == "leader")
    }

    /// Alarms nobody has taken.
    pub fn ringing(&self) -> impl Iterator<Item = &Entry> {
        self.board.iter().flat_map(Replica::worst_first).filter(|entry| is_ringing(entry))
    }

    /// The worst ringing alarm whose agreement counts redirects: what the next one costs is said.
    pub fn costly(&self) -> Option<&Entry> {
        let ledgers = &self.board.as_ref()?.ledgers;
        self.ringing().find(|alarm| {
            let agreement = alarm.agreement.as_ref().or(alarm.candidates.first());
            ledgers.iter().any(|ledger| Some(&ledger.agreement) == agreement)
        })
    }

    /// Alarms of people that are not over.
    pub fn alarms_open(&self) -> usize {
        self.board.iter().flat_map(Replica::worst_first).filter(|entry| is_person_alarm(entry)).count()
    }

    /// True when the entry has something sent about it that is not yet in the log.
    pub fn is_pending(&self, id: EntryId) -> bool {
        self.pending.values().any(|pending| pending.entry == Some(id))
    }

    /// What is wrong with the server's log.
    pub fn log_trouble(&self) -> Option<&LogTrouble> {
        self.board.as_ref()?.log.as_ref()
    }

    /// True while an act must ask: what comes as keys may have been typed by nobody.
    pub fn is_in_doubt(&self) -> bool {
        self.doubted_at.is_some_and(|at| self.desk_now - at < Duration::milliseconds(DOUBT_MS))
    }

    /// True while a question is not even answered.
    pub fn is_in_deep_doubt(&self) -> bool {
        self.doubted_at.is_some_and(|at| self.desk_now - at < Duration::milliseconds(DEEP_DOUBT_MS))
    }

    /// What leaving now would lose, or leave without anybody.
    pub fn stakes(&self) -> Stakes {
        let Some(board) = &self.board else { return Stakes::default() };
        let me = self.me_name();
        let held = |entry: &&Entry| entry.holder.as_ref().is_some_and(|it| it.name.as_str() == me);
        let aside = self.aside.iter().flat_map(|aside| &aside.overlays);
        let has_text = |it: &&Overlay| matches!(it, Overlay::Form(form) if form.has_text());
        Stakes {
            unsent: self.pending.values().filter(|pending| pending.sequence.is_none()).count(),
            texts: self.overlays.iter().chain(aside).filter(has_text).count(),
            notes: board.notes_waiting as usize,
            is_on_shift: board.shift.on_call.iter().any(|it| it.signed_on && it.name.as_str() == me),
            held: board.worst_first().filter(held).map(|it| it.id).collect(),
            ringing: self.ringing().map(|it| it.id).collect(),
        }
    }

    pub fn is_stale(&self) -> bool {
        matches!(self.link, Link::Stale { .. })
    }

    /// True when the worst is what is looked at.
    pub fn is_at_worst(&self) -> bool {
        self.overlays.is_empty()
            && self.detail.is_none()
            && self.place == Place::Overview
            && self.cursor().index == 0
    }

    /// Everything that lies over the board, and what was put aside.
    pub fn overlays_mut(&mut self) -> impl Iterator<Item = &mut Overlay> {
        let aside = self.aside.iter_mut().flat_map(|aside| &mut aside.overlays);
        self.overlays.iter_mut().chain(aside)
    }

    /// Contexts that get a key, topmost first.
    pub fn contexts(&self) -> Vec<Context> {
        self.contexts_under(self.overlays.last())
    }

    /// The contexts if `top` were the topmost overlay; without one, those of the board.
    pub fn contexts_under(&self, top: Option<&Overlay>) -> Vec<Context> {
        let mut stack = match top {
            Some(Overlay::Menu { entry, .. }) => {
                let mut stack = vec![Context::Menu];
                if let Some(entry) = self.entry(*entry) {
                    stack.extend([Context::On(entry.board().name()), Context::Entry]);
                }
                stack
            }
            Some(Overlay::Form(_)) => vec![Context::Form],
            Some(Overlay::Confirm(_)) => vec![Context::Confirm],
            Some(Overlay::Help { .. }) => vec![Context::Help],
            Some(Overlay::Filter { .. }) => vec![Context::Filter],
            Some(Overlay::Numbers { .. } | Overlay::History(_)) => vec![Context::Card],
            Some(Overlay::Purpose { .. }) => vec![Context::Menu],
            None => {
                let mut stack = vec![Context::At(self.place.name())];
                if let Some(entry) = self.chosen() {
                    stack.extend([Context::On(entry.board().name()), Context::Entry]);
                }
                stack.push(if self.detail.is_some() { Context::Detail } else { Context::List });
                stack.push(Context::Global);
                stack
            }
        };
        stack.push(Context::Always);
        stack
    }

    /// Keeps the chosen entry chosen; when it is gone, its neighbour takes its place.
    pub fn settle_cursor(&mut self) {
        let rows = self.rows(self.place);
        let pinned = pinned(&rows, usize::from(layout::list_rows(self)));
        let ids: Vec<EntryId> = rows.iter().map(|entry| entry.id).collect();
        let height = usize::from(layout::list_rows(self)).saturating_sub(pinned).max(1);
        let cursor = self.cursors.entry(self.place).or_default();
        match cursor.chosen.and_then(|id| ids.iter().position(|other| *other == id)) {
            Some(index) => cursor.index = index,
            None => {
                let is_slip = cursor.chosen.is_some();
                cursor.index = cursor.index.min(ids.len().saturating_sub(1));
                cursor.chosen = ids.get(cursor.index).copied();
                if is_slip {
                    self.slipped_at = Some(self.desk_now);
                }
            }
        }
        // `top` counts below the pinned rows.
        let below = cursor.index.saturating_sub(pinned);
        if cursor.index >= pinned {
            cursor.top = cursor.top.min(below).max((below + 1).saturating_sub(height));
        } else {
            // Up among the alarms: the rows below begin with the worst again.
            cursor.top = 0;
        }
        cursor.top = cursor.top.min(ids.len().saturating_sub(pinned + height));
    }

    /// True while a key may still have been meant for the entry that vanished.
    pub fn has_just_slipped(&self) -> bool {
        self.slipped_at.is_some_and(|at| self.desk_now - at < Duration::milliseconds(SLIP_GUARD_MS))
    }

    fn matches(&self, entry: &Entry) -> bool {
        let wanted = self.filter.text().trim().to_lowercase();
        if wanted.is_empty() {
            return true;
        }
        let live = entry.live.as_ref();
        let has = |text: &str| text.to_lowercase().contains(&wanted);
        entry.number.to_string() == wanted
            || entry.holder.as_ref().is_some_and(|holder| has(holder.name.as_str()))
            || entry.agreement.as_ref().is_some_and(|id| has(id.as_str()))
            || entry.citizen.as_ref().is_some_and(|id| has(id.as_str()))
            || listed(entry).searched_as().is_some_and(has)
            || live.is_some_and(|live| {
                [&live.caller, &live.caller_name, &live.name, &live.address, &live.phone, &live.text]
                    .into_iter()
                    .flatten()
                    .any(|text| has(text.as_str()))
            })
    }
}

/// After the chosen entry vanished, keys that act are held back this long.
const SLIP_GUARD_MS: i64 = 1_500;
