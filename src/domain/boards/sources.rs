//! Trouble with a source, as an entry: silent, unreadable, failed, nobody listening. Silence must never
//! look like quiet.
//!
//! Must never hold the raw bytes that could not be read (they stay in memory, in `engine::live`).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::domain::boards::{Column, Decided};
use crate::domain::entry::{Body, Entry, Opening};
use crate::domain::envelope::Record;
use crate::domain::identity::{Board, Code, SourceName};
use crate::domain::refusal::Refusal;
use crate::domain::verbs::verbs;
use crate::domain::vocabulary::vocabulary;
use crate::domain::{Ctx, Draft, Event, State};

vocabulary! {
    TroubleKind {
        Silent,
        Unreadable,
        /// An alarm came of which not even the sender could be read: somebody may wait for help.
        AlarmUnreadable,
        NobodyListening,
        /// The same key came again with another content; the first one stands.
        KeyReused,
        /// What it says now contradicts what it said: both stand.
        Conflict,
        /// What we do ourselves to be sure did not work: an escalation, a canary.
        Failed,
        /// Rows of one file were not taken in: somebody must put them in by hand. One for each file.
        RowsRefused,
        /// It said what cannot be, and was taken at its word all the same: an end before its beginning, one visit at two times.
        Odd,
    }
}

/// A row of a file, and what was wrong with it. Never what stands in it.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowSaid {
    pub what: Code,
    /// From 1, as an editor counts.
    pub line: u32,
    /// Which row of the file, from 1, where lines do not tell the rows apart.
    pub row: Option<u32>,
    /// So many rows for that reason, of which this is the first: where there are too many to list.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub times: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Trouble {
    pub source: SourceName,
    pub trouble: TroubleKind,
    /// What exactly, e.g. `line-too-long`.
    pub what: Option<Code>,
    /// Where in a file, from 1; of several rows the first.
    pub line: Option<u32>,
    /// Which row of the file, from 1, where lines do not tell the rows apart.
    pub row: Option<u32>,
    /// The rows of a file, as told last.
    pub rows: Vec<RowSaid>,
    pub count: u32,
    pub last_at: DateTime<Utc>,
    pub recovered_at: Option<DateTime<Utc>>,
    pub done_at: Option<DateTime<Utc>>,
}

impl Trouble {
    pub fn state(&self) -> TroubleState {
        match (self.done_at, self.trouble) {
            (Some(_), _) => TroubleState::Done,
            (None, TroubleKind::Silent) => TroubleState::Silent,
            (
                None,
                TroubleKind::Unreadable
                | TroubleKind::AlarmUnreadable
                | TroubleKind::KeyReused
                | TroubleKind::Conflict,
            ) => TroubleState::Unreadable,
            (None, TroubleKind::RowsRefused) => TroubleState::Refused,
            (None, TroubleKind::Odd) => TroubleState::Odd,
            (None, TroubleKind::NobodyListening) => TroubleState::NobodyListening,
            (None, TroubleKind::Failed) => TroubleState::Failed,
        }
    }
}

vocabulary! {
    /// States, in the words of the outside contract.
    TroubleState {
        Silent,
        Unreadable,
        Refused,
        Odd,
        NobodyListening,
        Failed,
        Done,
    }
}

verbs! {
    /// What a coordinator does with a source's trouble.
    Command {
        "done" [Asked, Entry] => Done {}
    }
}

/// What the supervision of a source reports.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Report {
    /// `times`: how often since it was last reported.
    Trouble {
        trouble: TroubleKind,
        what: Option<Code>,
        times: u32,
    },
    /// All rows of one file that were refused ([`TroubleKind::RowsRefused`]) or taken and marked
    /// ([`TroubleKind::Odd`]), in the order of the file.
    Rows {
        trouble: TroubleKind,
        rows: Vec<RowSaid>,
    },
    Recovered {
        from: TroubleKind,
    },
}

impl TroubleKind {
    /// Ends by itself, with an event that says so; the others were seen by somebody.
    fn ends_by_itself(self) -> bool {
        matches!(self, Self::Silent | Self::NobodyListening | Self::Failed)
    }
}

#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::VariantNames)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum SourceEvent {
    Opened {
        #[serde(flatten)]
        opening: Opening,
        source: SourceName,
        trouble: TroubleKind,
        what: Option<Code>,
        line: Option<u32>,
        row: Option<u32>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rows: Vec<RowSaid>,
        /// How often at once: rows of a file.
        #[serde(default = "once", skip_serializing_if = "is_once")]
        times: u32,
    },
    Repeated {
        what: Option<Code>,
        /// How often since it was last recorded.
        #[serde(default = "once", skip_serializing_if = "is_once")]
        times: u32,
        line: Option<u32>,
        row: Option<u32>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rows: Vec<RowSaid>,
    },
    /// Heard again, somebody takes the calls again, it works again: it ends by itself, with an event that says so.
    Recovered {},
    Done {},
}

fn once() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands in a reference")]
fn is_once(times: &u32) -> bool {
    *times == 1
}

impl SourceEvent {
    pub fn is_material(&self) -> bool {
        !matches!(self, Self::Repeated { .. })
    }
}

/// Decides what the supervision reports.
pub fn report(state: &State, ctx: &Ctx, report: &Report) -> Result<Vec<Draft>, Refusal> {
    let source = ctx.source().ok_or(Refusal::Unchanged)?;
    let open = |wanted: TroubleKind| {
        state.open_on(Board::Sources).find(
            |entry| matches!(&entry.body, Body::Sources(it) if it.source == *source && it.trouble == wanted),
        )
    };
    let told = match report {
        Report::Recovered { from } => {
            let entry = open(*from).filter(|_| from.ends_by_itself()).ok_or(Refusal::Unchanged)?;
            return Ok(vec![entry.draft(ctx.at, Event::Sources(SourceEvent::Recovered {}))]);
        }
        Report::Trouble { trouble, what, times } => {
            Reported { trouble: *trouble, what: what.clone(), times: *times, ..Reported::default() }
        }
        Report::Rows { trouble, rows } => {
            let first = rows.first().ok_or(Refusal::Unchanged)?;
            Reported {
                trouble: *trouble,
                what: Some(first.what.clone()),
                line: Some(first.line),
                row: first.row,
                times: rows.iter().fold(0, |sum, row| sum.saturating_add(row.times)),
                rows: rows.clone(),
            }
        }
    };
    match open(told.trouble) {
        Some(_) if matches!(told.trouble, TroubleKind::Silent | TroubleKind::NobodyListening) => {
            Err(Refusal::Unchanged)
        }
        // Each file's rows are a duty of their own.
        Some(entry) if told.trouble != TroubleKind::RowsRefused => Ok(vec![told.again(ctx, entry)]),
        _ => Ok(vec![told.opened(state, ctx, source)]),
    }
}

/// Something odd that was seen while a fact was taken: told beside what the fact did.
pub(in crate::domain) fn odd(state: &State, ctx: &Ctx, what: &'static str) -> Option<Draft> {
    let source = ctx.source()?;
    let is_it = |entry: &&Entry| matches!(&entry.body, Body::Sources(it) if it.source == *source && it.trouble == TroubleKind::Odd);
    let told =
        Reported { trouble: TroubleKind::Odd, what: Code::new(what).ok(), times: 1, ..Reported::default() };
    Some(match state.open_on(Board::Sources).find(is_it) {
        Some(entry) => told.again(ctx, entry),
        None => told.opened(state, ctx, source),
    })
}

/// One trouble as reported.
struct Reported {
    trouble: TroubleKind,
    what: Option<Code>,
    line: Option<u32>,
    row: Option<u32>,
    rows: Vec<RowSaid>,
    times: u32,
}

impl Default for Reported {
    fn default() -> Self {
        Self {
            trouble: TroubleKind::Unreadable,
            what: None,
            line: None,
            row: None,
            rows: Vec::new(),
            times: 1,
        }
    }
}

impl Reported {
    fn again(self, ctx: &Ctx, entry: &Entry) -> Draft {
        let Self { what, line, row, rows, times, .. } = self;
        entry.draft(ctx.now, Event::Sources(SourceEvent::Repeated { what, times, line, row, rows }))
    }

    fn opened(self, state: &State, ctx: &Ctx, source: &SourceName) -> Draft {
        let opening = Opening {
            number: state.free_number(0),
            candidates: ctx.agreement.iter().chain(&ctx.candidates).cloned().collect(),
            origin: None,
            citizen: None,
            dues: Vec::new(),
        };
        let Self { trouble, what, line, row, rows, times } = self;
        let source = source.clone();
        let event = SourceEvent::Opened { opening, source, trouble, what, line, row, rows, times };
        Draft {
            entry: ctx.unused(state),
            happened_at: ctx.now,
            agreement: None,
            event: Event::Sources(event),
        }
    }
}

/// Decides a coordinator's command.
impl Column for Trouble {
    type Command = Command;
    type Event = SourceEvent;

    fn state(&self, _is_held: bool) -> &'static str {
        self.state().name()
    }

    fn opened<'e>(record: &Record, event: &'e SourceEvent) -> Option<(&'e Opening, Self)> {
        let SourceEvent::Opened { opening, source, trouble, what, line, row, rows, times } = event else {
            return None;
        };
        let trouble = Self {
            source: source.clone(),
            trouble: *trouble,
            what: what.clone(),
            line: *line,
            row: *row,
            rows: rows.clone(),
            count: *times,
            last_at: record.happened_at,
            recovered_at: None,
            done_at: None,
        };
        Some((opening, trouble))
    }

    fn is_material(event: &SourceEvent) -> bool {
        event.is_material()
    }

    fn apply(entry: &mut Entry, record: &Record, event: &SourceEvent) {
        let Body::Sources(trouble) = &mut entry.body else { return };
        match event {
            SourceEvent::Opened { .. } => {}
            SourceEvent::Repeated { what, times, line, row, rows } => {
                trouble.count = trouble.count.saturating_add(*times);
                trouble.last_at = record.happened_at;
                if what.is_some() {
                    trouble.what.clone_from(what);
                    (trouble.line, trouble.row) = (*line, *row);
                    trouble.rows.clone_from(rows);
                }
            }
            SourceEvent::Recovered {} | SourceEvent::Done {} => {
                if matches!(event, SourceEvent::Recovered {}) {
                    trouble.recovered_at = Some(record.happened_at);
                }
                trouble.done_at = Some(record.happened_at);
                entry.close(record.happened_at);
            }
        }
    }

    /// A coordinator ticks it off.
    fn decide(&self, _state: &State, ctx: &Ctx, entry: &Entry, command: &Command) -> Decided {
        match command {
            Command::Done {} if self.done_at.is_some() => Err(Refusal::AlreadyDone),
            Command::Done {} => Ok(vec![entry.draft(ctx.at, Event::Sources(SourceEvent::Done {}))]),
        }
    }
}
