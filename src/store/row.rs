//! Records and looks as they are stored: texts, whole numbers and bytes.
//!
//! Owns the way from a `Record` to its row and back. Must never know a kind of event (that is `domain::kinds`) nor a
//! database.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::chain::{self, Chain, Hash, SALT_BYTES};
use super::{Look, Looked, Salts, Seen, StoreError};
use crate::domain::envelope::{Actor, Record};
use crate::domain::identity::{AgreementId, CitizenId, Code, EntryId, Key, Sequence};
use crate::domain::kinds;

/// One row of `records`. Times are µs since 1970 UTC.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub sequence: i64,
    pub entry: String,
    pub happened_at: i64,
    pub recorded_at: i64,
    pub actor: String,
    pub agreement: Option<String>,
    pub kind: String,
    pub version: i64,
    /// JSON; none when erased.
    pub payload: Option<String>,
    pub salt: Option<Vec<u8>>,
    pub digest: Hash,
    pub cause: String,
    pub index: i64,
    pub hash: Hash,
}

impl Row {
    /// The row of a record after `previous`. Errors: `Refused` for a kind or field that may not be stored.
    pub fn of(record: &Record, previous: Hash, salts: &mut Salts) -> Result<Self, StoreError> {
        let encoded = kinds::encode(&record.event).map_err(|error| StoreError::refused(error.to_string()))?;
        let payload = encoded.payload.to_string();
        let salt: [u8; SALT_BYTES] = salts();
        let mut row = Self {
            sequence: number(record.sequence)?,
            entry: record.entry.to_string(),
            happened_at: record.happened_at.timestamp_micros(),
            recorded_at: record.recorded_at.timestamp_micros(),
            actor: record.actor.to_string(),
            agreement: record.agreement.as_ref().map(ToString::to_string),
            kind: encoded.kind,
            version: i64::from(encoded.version),
            digest: chain::content_digest(&salt, &payload),
            payload: Some(payload),
            salt: Some(salt.to_vec()),
            cause: record.cause.to_string(),
            index: i64::from(record.index),
            hash: Hash::ZERO,
        };
        row.hash = chain::record_hash(&row, previous);
        Ok(row)
    }

    /// The record. Errors: `Corrupt` when a value cannot be read.
    pub fn record(&self) -> Result<Record, StoreError> {
        let bad = |why: String| StoreError::Corrupt {
            chain: Chain::Records,
            sequence: Sequence(self.sequence.unsigned_abs()),
            why,
        };
        let payload = self.payload.as_deref().ok_or_else(|| bad("its content was erased".into()))?;
        let payload = serde_json::from_str(payload).map_err(|error| bad(error.to_string()))?;
        let version = u16::try_from(self.version).map_err(|error| bad(error.to_string()))?;
        let event = kinds::decode(&self.kind, version, &payload).map_err(|error| bad(error.to_string()))?;
        let agreement = self.agreement.as_ref().map(|id| AgreementId::new(id.clone())).transpose();
        Ok(Record {
            sequence: Sequence(u64::try_from(self.sequence).map_err(|error| bad(error.to_string()))?),
            entry: entry(&self.entry).ok_or_else(|| bad("its entry is no id".into()))?,
            happened_at: time(self.happened_at).ok_or_else(|| bad("happened_at is no time".into()))?,
            recorded_at: time(self.recorded_at).ok_or_else(|| bad("recorded_at is no time".into()))?,
            actor: Actor::try_from(self.actor.clone()).map_err(&bad)?,
            agreement: agreement.map_err(|error| bad(format!("agreement: {error}")))?,
            event,
            cause: Key::new(self.cause.clone()).map_err(|error| bad(format!("cause: {error}")))?,
            index: u32::try_from(self.index).map_err(|error| bad(error.to_string()))?,
        })
    }
}

/// One row of `looks`.
#[derive(Debug, Clone, PartialEq)]
pub struct LookRow {
    pub number: i64,
    pub at: i64,
    /// None in this and the next three (and no salt) when erased.
    pub who: Option<String>,
    pub purpose: Option<String>,
    pub entry: Option<String>,
    pub citizen: Option<String>,
    pub salt: Option<Vec<u8>>,
    pub digest: Hash,
    pub hash: Hash,
}

impl LookRow {
    /// The row of a look after number `last` with hash `previous`.
    pub fn of(look: &Look, last: i64, previous: Hash, salts: &mut Salts) -> Self {
        let salt: [u8; SALT_BYTES] = salts();
        let (who, entry) = (look.who.to_string(), look.entry.to_string());
        let citizen = look.citizen.as_ref().map(ToString::to_string);
        let digest = chain::look_digest(&salt, &who, look.purpose.as_str(), &entry, citizen.as_deref());
        let mut row = Self {
            number: last + 1,
            at: look.at.timestamp_micros(),
            who: Some(who),
            purpose: Some(look.purpose.to_string()),
            entry: Some(entry),
            citizen,
            salt: Some(salt.to_vec()),
            digest,
            hash: Hash::ZERO,
        };
        row.hash = chain::look_hash(&row, previous);
        row
    }

    /// The look. Errors: `Corrupt` when a value cannot be read.
    pub fn looked(&self) -> Result<Looked, StoreError> {
        let number = self.number.unsigned_abs();
        let bad = |why: &str| StoreError::Corrupt {
            chain: Chain::Looks,
            sequence: Sequence(number),
            why: why.into(),
        };
        let (Some(who), Some(purpose), Some(id)) = (&self.who, &self.purpose, &self.entry) else {
            return Err(bad("its content was erased"));
        };
        let look = Look {
            at: time(self.at).ok_or_else(|| bad("at is no time"))?,
            who: Actor::try_from(who.clone()).map_err(|error| bad(&error))?,
            purpose: Code::new(purpose.clone()).map_err(|_| bad("its purpose is no code"))?,
            entry: entry(id).ok_or_else(|| bad("its entry is no id"))?,
            citizen: match &self.citizen {
                None => None,
                Some(id) => Some(CitizenId::new(id.clone()).map_err(|_| bad("its citizen is no id"))?),
            },
        };
        Ok(Looked { number, look })
    }
}

/// One row of `seen`.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenRow {
    /// 0: from before keys had numbers.
    pub number: i64,
    pub scope: String,
    pub key: String,
    pub digest: String,
    pub outcome: String,
    pub entry: Option<String>,
    pub first: Option<i64>,
    pub answer: Option<String>,
    pub hash: Hash,
}

impl SeenRow {
    /// The row of a key after number `last` with hash `previous`. Errors: `Refused` beyond 2^63.
    pub fn of(seen: &Seen, last: i64, previous: Hash) -> Result<Self, StoreError> {
        let mut row = Self {
            number: last + 1,
            scope: seen.scope.clone(),
            key: seen.key.to_string(),
            digest: seen.digest.clone(),
            outcome: seen.outcome.clone(),
            entry: seen.entry.map(|entry| entry.to_string()),
            first: seen.first.map(number).transpose()?,
            answer: seen.answer.clone(),
            hash: Hash::ZERO,
        };
        row.hash = chain::key_hash(&row, previous);
        Ok(row)
    }

    /// What is remembered. Errors: `Corrupt` when the key cannot be read.
    pub fn seen(&self) -> Result<Seen, StoreError> {
        let key = Key::new(self.key.clone()).map_err(|error| StoreError::Corrupt {
            chain: Chain::Keys,
            sequence: Sequence(self.number.unsigned_abs()),
            why: format!("a key cannot be read: {error}"),
        })?;
        Ok(Seen {
            scope: self.scope.clone(),
            key,
            digest: self.digest.clone(),
            outcome: self.outcome.clone(),
            entry: self.entry.as_deref().and_then(entry),
            first: self.first.map(|first| Sequence(first.unsigned_abs())),
            answer: self.answer.clone(),
        })
    }
}

/// A sequence as the database counts. Errors: `Refused` beyond 2^63.
pub fn number(sequence: Sequence) -> Result<i64, StoreError> {
    i64::try_from(sequence.0).map_err(|_| StoreError::refused(format!("sequence {sequence} is too large")))
}

/// The citizen a record names, as the second migration's index has it.
pub fn citizen(row: &Row) -> Option<String> {
    let payload: serde_json::Value = serde_json::from_str(row.payload.as_deref()?).ok()?;
    payload.get("citizen")?.as_str().map(str::to_owned)
}

/// An entry's id from its text.
pub fn entry(text: &str) -> Option<EntryId> {
    Uuid::parse_str(text).ok().map(EntryId)
}

fn time(micros: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros)
}
