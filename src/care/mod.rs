//! The care-system port: who is this citizen or device, and write this note.
//!
//! Owns what we ask of a care system and how it may fail. The answers are personal: they live in the asker's memory
//! only, so `Person` shows nothing of itself in `Debug` and no error carries any of it. Must never know a board,
//! an entry or what an answer is for; the engine makes checked text of what comes back.

pub mod demo;
pub mod demo_service;

use std::fmt;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};

use crate::domain::identity::{CitizenId, ExternalId, Key, looks_like_cpr};

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
}

/// Why a care system is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// None is configured.
    Off,
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
            Self::Off => "off",
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

/// The care system that is configured. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Care {
    Demo(demo::Client),
    Off,
}

impl Care {
    /// Stable name of the adapter, as in the settings.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Demo(_) => "demo",
            Self::Off => "off",
        }
    }

    /// Who this is.
    ///
    /// # Errors
    /// `Unknown`, `Refused`, or `Away` after the adapter's own few tries.
    pub async fn who(&self, whose: &Whose) -> Result<Person, CareError> {
        match self {
            Self::Demo(client) => client.who(whose).await,
            Self::Off => Err(CareError::Away { why: Why::Off }),
        }
    }

    /// Writes a note about a citizen; the answer is the care system's receipt. `key` belongs to the text: the same
    /// key again writes nothing new and gives the same receipt, so after `Away` one may always try again.
    /// `at` is when it was said (UTC).
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
            Self::Off => Err(CareError::Away { why: Why::Off }),
        }
    }
}
