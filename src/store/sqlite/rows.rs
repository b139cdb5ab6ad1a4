//! Rows of the tables, to and from SQLite.
//!
//! Owns the columns' order in what is handed over as JSON, and that what is read hangs on the row before it. Must never
//! ask the file for anything.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::super::StoreError;
use super::super::chain::{self, Hash, Link};
use super::super::row::{LookRow, Row, SeenRow};
use super::failures::failed;
use crate::domain::identity::Sequence;

pub(super) fn records_json(rows: &[Row]) -> Result<String, StoreError> {
    let values: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                row.sequence,
                &row.entry,
                row.happened_at,
                row.recorded_at,
                &row.actor,
                &row.agreement,
                &row.kind,
                row.version,
                &row.payload,
                row.salt.as_ref().map(hex::encode),
                row.digest.to_string(),
                &row.cause,
                row.index,
                row.hash.to_string(),
            )
        })
        .collect();
    json(&values)
}

pub(super) fn seen_json(rows: &[SeenRow]) -> Result<String, StoreError> {
    let values: Vec<_> = rows
        .iter()
        .map(|it| {
            let hash = it.hash.to_string();
            (&it.scope, &it.key, &it.digest, &it.outcome, &it.entry, it.first, &it.answer, it.number, hash)
        })
        .collect();
    json(&values)
}

pub(super) fn looks_json(rows: &[LookRow]) -> Result<String, StoreError> {
    let values: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                row.number,
                row.at,
                &row.who,
                &row.purpose,
                &row.entry,
                &row.citizen,
                row.salt.as_ref().map(hex::encode),
                row.digest.to_string(),
                row.hash.to_string(),
            )
        })
        .collect();
    json(&values)
}

pub(super) fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::refused(error.to_string()))
}

/// Reads rows and checks each against its hash and the one before it.
pub(super) fn checked<L: Link>(
    rows: &[SqliteRow],
    read: fn(&SqliteRow) -> Result<L, StoreError>,
) -> Result<Vec<L>, StoreError> {
    let mut links = Vec::with_capacity(rows.len());
    for row in rows {
        let link = read(row)?;
        let before = link.number() - 1;
        let previous = match hash_of(row, "previous")? {
            Some(hash) => hash,
            None if before == 0 => Hash::ZERO,
            None => {
                let sequence = Sequence(before.unsigned_abs());
                return Err(StoreError::Corrupt { chain: L::CHAIN, sequence, why: "missing".into() });
            }
        };
        chain::check(&link, previous)?;
        links.push(link);
    }
    Ok(links)
}

pub(super) fn record_row(row: &SqliteRow) -> Result<Row, StoreError> {
    let get = || -> Result<Row, sqlx::Error> {
        Ok(Row {
            sequence: row.try_get("sequence")?,
            entry: row.try_get("entry")?,
            happened_at: row.try_get("happened_at")?,
            recorded_at: row.try_get("recorded_at")?,
            actor: row.try_get("actor")?,
            agreement: row.try_get("agreement")?,
            kind: row.try_get("kind")?,
            version: row.try_get("version")?,
            payload: row.try_get("payload")?,
            salt: row.try_get("salt")?,
            digest: hash_in(row, "digest")?.unwrap_or_default(),
            cause: row.try_get("cause")?,
            index: row.try_get("idx")?,
            hash: hash_in(row, "hash")?.unwrap_or_default(),
        })
    };
    get().map_err(failed)
}

pub(super) fn look_row(row: &SqliteRow) -> Result<LookRow, StoreError> {
    let get = || -> Result<LookRow, sqlx::Error> {
        Ok(LookRow {
            number: row.try_get("number")?,
            at: row.try_get("at")?,
            who: row.try_get("who")?,
            purpose: row.try_get("purpose")?,
            entry: row.try_get("entry")?,
            citizen: row.try_get("citizen")?,
            salt: row.try_get("salt")?,
            digest: hash_in(row, "digest")?.unwrap_or_default(),
            hash: hash_in(row, "hash")?.unwrap_or_default(),
        })
    };
    get().map_err(failed)
}

pub(super) fn seen_row(row: &SqliteRow) -> Result<SeenRow, StoreError> {
    let get = || -> Result<SeenRow, sqlx::Error> {
        Ok(SeenRow {
            number: row.try_get::<Option<i64>, _>("number")?.unwrap_or(0),
            scope: row.try_get("scope")?,
            key: row.try_get("key")?,
            digest: row.try_get("digest")?,
            outcome: row.try_get("outcome")?,
            entry: row.try_get("entry")?,
            first: row.try_get("first")?,
            answer: row.try_get("answer")?,
            hash: hash_in(row, "hash")?.unwrap_or_default(),
        })
    };
    get().map_err(failed)
}

pub(super) fn hash_of(row: &SqliteRow, column: &str) -> Result<Option<Hash>, StoreError> {
    hash_in(row, column).map_err(failed)
}

/// None when absent or not 32 bytes: no hash that is expected anywhere.
fn hash_in(row: &SqliteRow, column: &str) -> Result<Option<Hash>, sqlx::Error> {
    let bytes: Option<&[u8]> = row.try_get(column)?;
    Ok(bytes.and_then(|bytes| bytes.try_into().ok()).map(Hash))
}
