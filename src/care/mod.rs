//! The care-system port: who is this citizen or device, write this note, what do the lists and the calendar say, and
//! pause or resume this citizen.
//!
//! Owns what we ask of a care system and how it may fail. The answers are personal: they live in the asker's memory
//! only, so `Person` shows nothing of itself in `Debug` and no error carries any of it. What the lists and the calendar
//! say comes as facts without a name, with our opaque id. Must never know a board, an entry or what an answer is for;
//! the engine makes checked text of what comes back.

pub mod demo;
pub mod demo_service;
mod http;
pub mod nexus;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::domain::identity::{AgreementId, CitizenId, ExternalId, Key, looks_like_cpr};
use crate::domain::observation::{Grant, Help, Observation};

/// Whom one asks about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    Citizen(CitizenId),
    /// The alarm device that stands at the citizen's.
    Device(ExternalId),
    /// The citizen with this CPR number, if they are ours: the way from a hospital's message to our id.
    Cpr(Cpr),
}

/// A CPR number on its way to the care system. Shows nothing of itself, is no JSON, and is wiped when it is dropped.
#[derive(Clone)]
pub struct Cpr(SecretString);

/// Not ten digits, with or without a hyphen behind the sixth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a CPR number")]
pub struct BadCpr;

impl Cpr {
    /// # Errors
    /// [`BadCpr`]: not ten digits that begin with a date (day + 60 counts: a replacement number).
    pub fn new(text: &str) -> Result<Self, BadCpr> {
        let digits = match text.split_once('-') {
            Some((date, rest)) if date.len() == 6 && rest.len() == 4 => format!("{date}{rest}"),
            Some(_) => return Err(BadCpr),
            None => text.to_owned(),
        };
        if digits.len() != 10 || !digits.bytes().all(|b| b.is_ascii_digit()) || !looks_like_cpr(&digits) {
            return Err(BadCpr);
        }
        Ok(Self(SecretString::from(digits)))
    }

    /// Ten digits. For a request's body and nothing else: no address, no log, no error.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl PartialEq for Cpr {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Cpr {}

impl fmt::Debug for Cpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cpr(…)")
    }
}

/// One citizen as the care system has them. As it came: not yet safe to draw.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    pub citizen: CitizenId,
    pub name: String,
    pub address: String,
    pub phone: Option<String>,
    /// Which key box, never its code.
    pub key_box: Option<String>,
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Person(…)")
    }
}

/// A fact that a list of the care system tells: opaque ids, times and codes only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListedFact {
    /// The same for the same row, however often it is read.
    pub key: Key,
    pub at: DateTime<Utc>,
    pub agreement: AgreementId,
    pub observation: Observation,
}

/// Rows or citizens that could not be asked about now. They are with the next answer; the rest is with this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    pub count: u32,
    /// Of the first of them.
    pub why: CareError,
}

impl Held {
    /// One more.
    pub fn add(held: &mut Option<Self>, why: CareError) {
        held.get_or_insert(Self { count: 0, why }).count += 1;
    }
}

/// What was read of the lists.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Heard {
    pub told: Vec<ListedFact>,
    /// Rows that are said to mean something and could not be read, by an id that says nothing.
    pub unreadable: Vec<ExternalId>,
    pub held: Option<Held>,
}

/// What was read of the calendars.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    pub visits: Vec<Visit>,
    /// What else stands there: no visit by its name, not for the time asked about, or unreadable.
    pub others: BTreeSet<ExternalId>,
    /// Of these, what is a visit by its name and could not be read.
    pub unreadable: Vec<ExternalId>,
    /// Whose calendar was read to its end: what is not there of theirs was taken out of it.
    pub whole: BTreeSet<CitizenId>,
    pub held: Option<Held>,
}

/// One visit as the care system plans it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Visit {
    pub visit: ExternalId,
    pub citizen: CitizenId,
    pub agreement: AgreementId,
    pub grant: Grant,
    pub help: Help,
    pub planned_at: DateTime<Utc>,
    /// Whether the care system tells when it began; if not, the visit is late only when somebody says so.
    pub tells_start: bool,
    #[serde(default)]
    pub started_at: Option<DateTime<Utc>>,
    #[serde(default)]
    pub done_at: Option<DateTime<Utc>>,
}

/// Whose visits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VisitsOf {
    Citizen(CitizenId),
    /// Everybody's whom we help.
    Everybody,
}

/// Why there is no answer. Carries nothing of what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CareError {
    /// It may be there later: texts wait in memory, people are asked for again.
    #[error("the care system is away: {why}")]
    Away { why: Why },
    /// The care system does not know this citizen or device.
    #[error("the care system does not know them")]
    Unknown,
    /// The care system will not, and will not later either.
    #[error("the care system refuses")]
    Refused,
    /// The settings do not say how; `setting` is the one that is missing, or that names what is not there.
    #[error("not set up: {setting}")]
    NotSetUp { setting: &'static str },
}

impl CareError {
    /// Stable code, as source health shows it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Away { why: Why::Unreachable } => "care-unreachable",
            Self::Away { why: Why::TookTooLong } => "care-took-too-long",
            Self::Away { why: Why::Failed } => "care-failed",
            Self::Away { why: Why::Unreadable } | Self::Unknown => "care-unreadable",
            Self::Refused => "care-refused",
            Self::NotSetUp { .. } => "care-not-set-up",
        }
    }
}

/// Why a care system is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    Unreachable,
    TookTooLong,
    /// It answered that it cannot now.
    Failed,
    /// It answered what we cannot read, or about somebody else.
    Unreadable,
}

impl Why {
    /// Stable code.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::TookTooLong => "took-too-long",
            Self::Failed => "failed",
            Self::Unreadable => "unreadable",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a care system may be able to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ability {
    /// Who a citizen is, by our own id.
    Citizens,
    /// Who stands behind an alarm device.
    Devices,
    Notes,
    /// Notices and discharges from activity lists.
    Lists,
    /// Planned visits.
    Visits,
    /// When a visit really began: without it a visit is late only when somebody says so.
    VisitStarts,
    Pause,
}

impl Ability {
    pub const ALL: [Self; 7] = [
        Self::Citizens,
        Self::Devices,
        Self::Notes,
        Self::Lists,
        Self::Visits,
        Self::VisitStarts,
        Self::Pause,
    ];

    /// Stable code.
    pub fn name(self) -> &'static str {
        match self {
            Self::Citizens => "citizens",
            Self::Devices => "devices",
            Self::Notes => "notes",
            Self::Lists => "lists",
            Self::Visits => "visits",
            Self::VisitStarts => "visit-starts",
            Self::Pause => "pause",
        }
    }
}

/// The care system that is configured. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Care {
    Demo(demo::Client),
    Nexus(nexus::Client),
    Off,
}

/// Nothing is set up at all.
const OFF: CareError = CareError::NotSetUp { setting: "care.adapter" };

impl Care {
    /// Stable name of the adapter, as in the settings.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Demo(_) => "demo",
            Self::Nexus(_) => "nexus",
            Self::Off => "off",
        }
    }

    /// What it is not set up for, each with the setting that is missing.
    pub fn missing(&self) -> Vec<(Ability, &'static str)> {
        match self {
            Self::Demo(_) => Vec::new(),
            Self::Nexus(client) => client.missing(),
            Self::Off => Ability::ALL.into_iter().map(|ability| (ability, "care.adapter")).collect(),
        }
    }

    /// Who this is.
    ///
    /// # Errors
    /// `Unknown`, `Refused`, `NotSetUp`, or `Away` after the adapter's own few tries.
    pub async fn who(&self, whose: &Whose) -> Result<Person, CareError> {
        match self {
            Self::Demo(client) => client.who(whose).await,
            Self::Nexus(client) => client.who(whose).await,
            Self::Off => Err(OFF),
        }
    }

    /// Writes a note about a citizen; the answer is the care system's receipt. `key` belongs to the text: after `Away`
    /// one may always try again with it. Where the care system keeps keys, that writes nothing twice; one that does
    /// not (Nexus) may have it twice after a lost answer, each with the key at its end, so that a reader sees that
    /// they are one. `at` is when it was said (UTC).
    ///
    /// # Errors
    /// `Away` says nothing about whether it was written: try again with the same key.
    pub async fn write_note(
        &self,
        key: &Key,
        citizen: &CitizenId,
        text: &str,
        at: DateTime<Utc>,
    ) -> Result<ExternalId, CareError> {
        match self {
            Self::Demo(client) => client.write_note(key, citizen, text, at).await,
            Self::Nexus(client) => client.write_note(key, citizen, text, at).await,
            Self::Off => Err(OFF),
        }
    }

    /// What the activity lists say now: all of it, each time.
    ///
    /// # Errors
    /// `Away`, `Refused`, `NotSetUp`: nothing is known of any list.
    pub async fn lists(&self) -> Result<Heard, CareError> {
        match self {
            Self::Demo(client) => client.lists().await,
            Self::Nexus(client) => client.lists().await,
            Self::Off => Err(OFF),
        }
    }

    /// Visits planned to begin from `from` until before `to` (UTC). Of everybody: a citizen whose calendar cannot be
    /// read now keeps nobody else's from being told.
    ///
    /// # Errors
    /// `Unknown`: no such citizen. Else as `lists`.
    pub async fn visits(
        &self,
        of: &VisitsOf,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Plan, CareError> {
        match self {
            Self::Demo(client) => client.visits(of, from, to).await,
            Self::Nexus(client) => client.visits(of, from, to).await,
            Self::Off => Err(OFF),
        }
    }

    /// Says that a citizen's help is paused, or goes on. Saying it twice changes nothing.
    ///
    /// # Errors
    /// `Away`: try again.
    pub async fn set_paused(&self, citizen: &CitizenId, paused: bool) -> Result<(), CareError> {
        match self {
            Self::Demo(client) => client.set_paused(citizen, paused).await,
            Self::Nexus(client) => client.set_paused(citizen, paused).await,
            Self::Off => Err(OFF),
        }
    }
}

/// For what is changed in one step: a panic elsewhere cannot leave it half changed.
fn locked<T>(it: &Mutex<T>) -> MutexGuard<'_, T> {
    it.lock().unwrap_or_else(PoisonError::into_inner)
}
