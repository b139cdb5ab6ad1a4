//! Rows of a route list -> observations. Pure.
//!
//! Owns what a row must have, and the keys: a row that says the same of a visit, from the same file, has the same
//! key. Must never keep a CPR number: a citizen written as one leaves here only as a secret for the care system.

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use super::mapping::{Field, Mapping, Status};
use super::times::{self, When};
use super::wire::{BadRow, Place, Row};
use crate::domain::calendar;
use crate::domain::identity::{AgreementId, BadId, CitizenId, ExternalId, Key, looks_like_cpr};
use crate::domain::observation::{CancelledBy, Grant, Help, Observation, Rank, Window};
use crate::protocol::observations::{CLOCK_SKEW_MAX, LiveFacts, Observed, Said};

/// Visits agreed longer ago than this are not taken in: the log may have let go of them, and they would be opened
/// anew.
pub const PAST_MAX: TimeDelta = TimeDelta::days(30);
/// Nor later than this from now: the year is wrong.
pub const AHEAD_MAX: TimeDelta = TimeDelta::days(370);

/// When a file is read.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    pub now: DateTime<Utc>,
    /// When the file was written: what a row tells without a time of its own happened then.
    pub written_at: DateTime<Utc>,
}

impl Reading {
    /// When something told by the file happened, as far as the file knows; never in the future.
    fn at(&self) -> DateTime<Utc> {
        self.written_at.min(self.now)
    }
}

/// How a row names its citizen.
#[derive(Clone)]
pub enum Who {
    Id(CitizenId),
    /// To be asked about in the care system, and forgotten.
    Cpr(SecretString),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    pub grant: Grant,
    pub help: Help,
    pub agreed_at: DateTime<Utc>,
    pub window: Option<Window>,
}

/// What one row says.
pub struct Told {
    pub place: Place,
    pub visit: ExternalId,
    /// Set if the row holds a plan.
    pub planned: Option<(Who, Plan)>,
    /// Facts about the visit, in the order in which they happened.
    pub facts: Vec<(DateTime<Utc>, Observation)>,
}

/// Reads one row. None: it says nothing that concerns us. Errors: the first thing wrong with it.
pub fn row(row: &Row, mapping: &Mapping, reading: &Reading) -> Result<Option<Told>, BadRow> {
    Reader { row, mapping, reading }.told().map_err(|what| BadRow { place: row.place, what })
}

struct Reader<'r> {
    row: &'r Row,
    mapping: &'r Mapping,
    reading: &'r Reading,
}

impl Reader<'_> {
    fn told(&self) -> Result<Option<Told>, &'static str> {
        let status = self.status()?;
        if status == Some(Status::PassOver) {
            return Ok(None);
        }
        let visit = self.visit()?;
        let is_plan = self.row.get(Field::Citizen).is_some() || self.row.get(Field::AgreedAt).is_some();
        let planned = if is_plan { Some((self.citizen()?, self.plan()?)) } else { None };
        let near = planned.as_ref().map_or(self.reading.at(), |(_, plan)| plan.agreed_at);
        let facts = self.facts(&visit, status, near)?;
        if planned.is_none() && facts.is_empty() {
            // An update has something to update; a plan has a citizen.
            return Err(if status.is_none() { "missing-citizen" } else { "missing-time" });
        }
        Ok(Some(Told { place: self.row.place, visit, planned, facts }))
    }

    fn visit(&self) -> Result<ExternalId, &'static str> {
        let text = self.row.get(Field::Visit).ok_or("missing-visit")?;
        if looks_like_cpr(text) {
            return Err("visit-is-cpr");
        }
        match ExternalId::new(text) {
            Ok(id) => Ok(id),
            Err(BadId::LooksLikeCpr) => Err("visit-is-cpr"),
            // Ids with spaces or letters of their own: a digest stands for them.
            Err(_) => {
                let digest = Key::of_bytes("visit-", &Sha256::digest(text.as_bytes())[..16]);
                ExternalId::new(digest.as_str()).map_err(|_| "bad-visit")
            }
        }
    }

    fn citizen(&self) -> Result<Who, &'static str> {
        let text = self.row.get(Field::Citizen).ok_or("missing-citizen")?;
        if looks_like_cpr(text) {
            return Ok(Who::Cpr(SecretString::from(text.to_owned())));
        }
        CitizenId::new(text).map(Who::Id).map_err(|_| "bad-citizen")
    }

    fn plan(&self) -> Result<Plan, &'static str> {
        let (mapping, defaults) = (self.mapping, &self.mapping.defaults);
        let help = match self.row.get(Field::Help) {
            Some(word) => mapping.help(word).ok_or("unknown-help")?,
            None => defaults.help.ok_or("missing-help")?,
        };
        let grant = match self.row.get(Field::Grant) {
            Some(word) => mapping.grant(word).ok_or("unknown-grant")?,
            None => defaults.grant.ok_or("missing-grant")?,
        };
        let agreed_at = self.agreed_at()?;
        if agreed_at < self.reading.now - PAST_MAX {
            return Err("too-old");
        }
        if agreed_at > self.reading.now + AHEAD_MAX {
            return Err("too-far-ahead");
        }
        Ok(Plan { grant, help, agreed_at, window: self.window()? })
    }

    fn agreed_at(&self) -> Result<DateTime<Utc>, &'static str> {
        let text = self.row.get(Field::AgreedAt).ok_or("missing-time")?;
        match times::when(text).ok_or("bad-time")? {
            When::At(at) => Ok(at),
            When::Clock(clock) => {
                let date = self.row.get(Field::Date).ok_or("missing-date")?;
                // `22-11-2026 00:00:00`: a date column of a spreadsheet.
                let date = date.split_whitespace().next().unwrap_or_default();
                let date = date.split('T').next().unwrap_or_default();
                let date = times::date(date).ok_or("bad-date")?;
                Ok(calendar::instant(date.and_time(clock)))
            }
        }
    }

    fn window(&self) -> Result<Option<Window>, &'static str> {
        let clock = |field| match self.row.get(field) {
            None => Ok(None),
            Some(text) => times::clock(text).map(Some).ok_or("bad-window"),
        };
        match (clock(Field::WindowFrom)?, clock(Field::WindowTo)?) {
            (Some(from), Some(to)) => Ok(Some(Window { from, to })),
            (None, None) => Ok(None),
            _ => Err("bad-window"),
        }
    }

    fn status(&self) -> Result<Option<Status>, &'static str> {
        self.row.get(Field::Status).map(|word| self.mapping.status(word).ok_or("unknown-status")).transpose()
    }

    /// A time of the row; a clock time alone is the one nearest to when the visit was agreed.
    fn time(&self, field: Field, near: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, &'static str> {
        let Some(text) = self.row.get(field) else { return Ok(None) };
        match times::when(text).ok_or("bad-time")? {
            When::At(at) => Ok(Some(at)),
            When::Clock(clock) => Ok(Some(times::nearest(clock, near))),
        }
    }

    /// As [`Reader::time`], of something that has happened.
    fn past(&self, field: Field, near: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, &'static str> {
        match self.time(field, near)? {
            Some(at) if at > self.reading.now + CLOCK_SKEW_MAX => Err("in-future"),
            at => Ok(at.map(|at| at.min(self.reading.now))),
        }
    }

    fn facts(
        &self,
        visit: &ExternalId,
        status: Option<Status>,
        near: DateTime<Utc>,
    ) -> Result<Vec<(DateTime<Utc>, Observation)>, &'static str> {
        let visit = || visit.clone();
        let told_at = self.past(Field::ToldAt, near)?.unwrap_or(self.reading.at());
        let expected = self.time(Field::ExpectedAt, near)?;
        let started = self.past(Field::StartedAt, near)?;
        let done = self.past(Field::DoneAt, near)?;
        let mut facts = Vec::new();
        if let Some(expected_at) = expected {
            facts.push((told_at, Observation::VisitExpected { visit: visit(), expected_at }));
        }
        // A list that says "done" without a time: it was so when the list was written.
        let started = started.or_else(|| (status == Some(Status::Started)).then_some(told_at));
        let done = done.or_else(|| (status == Some(Status::Done)).then_some(told_at));
        if let Some(at) = started {
            facts.push((at, Observation::VisitStarted { visit: visit() }));
        }
        if let Some(at) = done {
            facts.push((at, Observation::VisitDone { visit: visit() }));
        }
        if status == Some(Status::DoorUnanswered) {
            facts.push((told_at, Observation::DoorUnanswered { visit: visit() }));
        }
        if let Some(by) = self.cancelled_by(status)? {
            facts.push((
                told_at,
                Observation::VisitCancelled { visit: visit(), by, told_at, withdrawn: false },
            ));
        }
        Ok(facts)
    }

    fn cancelled_by(&self, status: Option<Status>) -> Result<Option<CancelledBy>, &'static str> {
        match status {
            Some(Status::CancelledByCitizen) => Ok(Some(CancelledBy::Citizen)),
            Some(Status::Cancelled) => match self.row.get(Field::CancelledBy) {
                Some(word) => self.mapping.cancelled_by(word).map(Some).ok_or("unknown-cancelled-by"),
                None => self.mapping.defaults.cancelled_by.map(Some).ok_or("missing-cancelled-by"),
            },
            _ => Ok(None),
        }
    }
}

impl Told {
    /// Whether the planned time of the visit was so long ago.
    pub fn is_over(&self, reading: &Reading, since: TimeDelta) -> bool {
        self.planned.as_ref().is_some_and(|(_, plan)| plan.agreed_at + since < reading.now)
    }

    /// What the row says, as it is handed in. `citizen` is who the row's citizen is, once that is known.
    pub fn observations(
        self,
        citizen: Option<CitizenId>,
        agreement: &AgreementId,
        reading: &Reading,
    ) -> Vec<Observed> {
        let plan = self.planned.as_ref().map(|(_, plan)| *plan).zip(citizen).map(|(plan, citizen)| {
            let Plan { grant, help, agreed_at, window } = plan;
            let visit = self.visit.clone();
            // Whether starts are told is the folder's, not the row's.
            let starts = None;
            (
                reading.at(),
                Observation::VisitPlanned { visit, citizen, grant, help, agreed_at, window, starts },
            )
        });
        let observed = |(at, observation)| Observed {
            key: key(&observation, reading),
            at,
            agreement: Some(agreement.clone()),
            candidates: Vec::new(),
            rank: Rank::Event,
            observation,
            live: LiveFacts::default(),
            said: Said::default(),
        };
        plan.into_iter().chain(self.facts).map(observed).collect()
    }
}

/// Of what is told and of the file's time. Not of what is told alone: a visit that is moved to ten and back to nine
/// says the first thing again and means it.
fn key(observation: &Observation, reading: &Reading) -> Key {
    let content = format!("{observation:?}\n{}", reading.written_at.timestamp_millis());
    Key::of_bytes("list-", &Sha256::digest(content.as_bytes())[..16])
}
