//! Rows of a route list -> observations. Pure.
//!
//! Owns what a row must have, and the keys: a row that says the same of a visit, from the same file, has the same
//! key. Must never keep a CPR number: a citizen written as one leaves here only as a secret for the care system.

use std::cell::RefCell;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::mapping::{Field, Mapping, Status};
use super::times::{self, When};
use super::wire::{BadRow, Row, RowPlace};
use crate::domain::calendar;
use crate::domain::identity::{AgreementId, CitizenId, ExternalId, Key};
use crate::domain::masking::{self, Masked, Masking};
use crate::domain::observation::{CancelledBy, Grant, Help, Observation, Rank, Window};
use crate::protocol::observations::{CLOCK_SKEW_MAX, LiveFacts, Mark, Observed, Said};

/// Visits agreed longer ago than this are marked: the date is wrong, or the list is an old one.
pub const PAST_MAX: TimeDelta = TimeDelta::days(30);
/// So are those later than this from now: the year is wrong.
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
pub struct RowSays {
    pub place: RowPlace,
    pub visit: ExternalId,
    /// Set if the row holds a plan.
    pub planned: Option<(Who, Plan)>,
    /// Facts about the visit, in the order in which they happened.
    pub facts: Vec<(DateTime<Utc>, Observation)>,
    /// What was odd about the row; it is taken all the same.
    pub odd: Vec<&'static str>,
}

/// Reads one row. None: it says nothing that concerns us. Errors: the first thing wrong with it.
pub fn row(
    row: &Row,
    mapping: &Mapping,
    reading: &Reading,
    masking: &Masking,
) -> Result<Option<RowSays>, BadRow> {
    let reader = Reader { row, mapping, reading, masking, odd: RefCell::default() };
    reader.told().map_err(|what| BadRow { place: row.place, what })
}

/// What a spreadsheet leaves of an id: an error of its own, signs because the column is narrow, a number it rounded.
fn is_ruined(text: &str) -> bool {
    let text = text.trim();
    if let Some(rest) = text.strip_prefix('#') {
        let is_sign = rest.chars().all(|c| c == '#') || !rest.chars().any(|c| c.is_ascii_digit());
        return is_sign || rest.ends_with(['!', '?']);
    }
    let Some((number, exponent)) = text.split_once(['E', 'e']) else { return false };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = number.strip_prefix(['+', '-']).unwrap_or(number);
    let (whole, part) = number.split_once(['.', ',']).unwrap_or((number, "0"));
    is_digits(whole) && is_digits(part) && is_digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))
}

/// The id of a visit under whose id another citizen's is as well: both keep what they said.
pub fn of_its_own(visit: &ExternalId, who: &Who, masking: &Masking) -> ExternalId {
    let whose = match who {
        Who::Id(citizen) => citizen.as_str(),
        Who::Cpr(cpr) => cpr.expose_secret(),
    };
    // The line between the two is in no id: a digest stands for both, under the key.
    masking
        .id(masking::Field::Other, &format!("{visit}\n{whose}"))
        .map_or_else(|| visit.clone(), |(id, _)| id)
}

struct Reader<'r> {
    row: &'r Row,
    mapping: &'r Mapping,
    reading: &'r Reading,
    masking: &'r Masking,
    odd: RefCell<Vec<&'static str>>,
}

impl Reader<'_> {
    fn mark(&self, what: &'static str) {
        self.odd.borrow_mut().push(what);
    }

    fn masked(&self, masked: Option<Masked>) {
        if let Some(masked) = masked {
            self.mark(Mark::from(masked).code());
        }
    }

    fn told(&self) -> Result<Option<RowSays>, &'static str> {
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
        let odd = self.odd.take();
        Ok(Some(RowSays { place: self.row.place, visit, planned, facts, odd }))
    }

    fn visit(&self) -> Result<ExternalId, &'static str> {
        let text = self.row.get(Field::Visit).ok_or("missing-visit")?;
        if is_ruined(text) {
            return Err("not-an-id");
        }
        let (id, masked) = self.masking.id(masking::Field::Other, text).ok_or("missing-visit")?;
        if masked == Some(Masked::Cpr) {
            self.masked(masked);
            return Ok(id);
        }
        match ExternalId::new(text) {
            Ok(id) => Ok(id),
            // Ids with spaces or letters of their own: a digest stands for them.
            Err(_) => {
                let digest = Key::of_bytes("visit-", &Sha256::digest(text.as_bytes())[..16]);
                ExternalId::new(digest.as_str()).map_err(|_| "bad-visit")
            }
        }
    }

    fn citizen(&self) -> Result<Who, &'static str> {
        let text = self.row.get(Field::Citizen).ok_or("missing-citizen")?;
        if is_ruined(text) {
            return Err("not-an-id");
        }
        if let Some(cpr) = masking::cpr_of(text) {
            return Ok(Who::Cpr(SecretString::from(cpr)));
        }
        let (citizen, masked) = self.masking.citizen(text).ok_or("missing-citizen")?;
        self.masked(masked);
        Ok(Who::Id(citizen))
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
            self.mark("long-past");
        }
        if agreed_at > self.reading.now + AHEAD_MAX {
            self.mark("far-ahead");
        }
        Ok(Plan { grant, help, agreed_at, window: self.window()? })
    }

    fn agreed_at(&self) -> Result<DateTime<Utc>, &'static str> {
        let text = self.row.get(Field::AgreedAt).ok_or("missing-time")?;
        match times::when(text).ok_or("bad-time")? {
            When::At(at) => {
                times::oddity(text).into_iter().for_each(|odd| self.mark(odd));
                Ok(at)
            }
            When::Clock(clock) => {
                let date = self.row.get(Field::Date).ok_or("missing-date")?;
                // `22-11-2026 00:00:00`: a date column of a spreadsheet.
                let date = date.split_whitespace().next().unwrap_or_default();
                let date = date.split('T').next().unwrap_or_default();
                let date = times::date(date).ok_or("bad-date")?;
                times::odd_local(date.and_time(clock)).into_iter().for_each(|odd| self.mark(odd));
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
        // The visit itself is known: what is beside it is passed over, and said.
        let Some(when) = times::when(text) else {
            self.mark("time-unread");
            return Ok(None);
        };
        match when {
            When::At(at) => {
                times::oddity(text).into_iter().for_each(|odd| self.mark(odd));
                Ok(Some(at))
            }
            When::Clock(clock) => Ok(Some(times::nearest(clock, near))),
        }
    }

    /// As [`Reader::time`], of something that has happened.
    fn past(&self, field: Field, near: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, &'static str> {
        match self.time(field, near)? {
            Some(at) if at > self.reading.now + CLOCK_SKEW_MAX => {
                self.mark("clock-ahead");
                Ok(Some(self.reading.now))
            }
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

impl Who {
    /// As the row names them: for telling two apart, in memory.
    pub fn said(&self) -> String {
        match self {
            Self::Id(citizen) => format!("id {citizen}"),
            Self::Cpr(cpr) => format!("cpr {}", cpr.expose_secret()),
        }
    }
}

impl RowSays {
    /// What stands for a citizen whom nobody could tell by the CPR number.
    pub fn stand_in(&self, masking: &Masking) -> Option<CitizenId> {
        match &self.planned {
            Some((Who::Cpr(cpr), _)) => masking.citizen(cpr.expose_secret()).map(|(citizen, _)| citizen),
            _ => None,
        }
    }

    /// Gives the visit another id, in everything that is said of it.
    pub fn rename(&mut self, to: &ExternalId) {
        self.visit = to.clone();
        for (_, fact) in &mut self.facts {
            if let Observation::VisitExpected { visit, .. }
            | Observation::VisitStarted { visit }
            | Observation::VisitDone { visit }
            | Observation::VisitCancelled { visit, .. }
            | Observation::DoorUnanswered { visit } = fact
            {
                *visit = to.clone();
            }
        }
    }

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
