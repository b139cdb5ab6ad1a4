//! What SQLite says went wrong, as a failure of the log.
//!
//! Owns which of it is damage, which a wrong request, and which passes. Must never name a statement.

use sqlx::migrate::MigrateError;

use super::super::chain::Chain;
use super::super::{StoreError, Why};
use crate::domain::identity::Sequence;

/// The columns that were taken already, when that is why a batch failed.
pub(super) fn taken(error: &sqlx::Error) -> Option<String> {
    let error = error.as_database_error().filter(|error| error.is_unique_violation())?;
    let (_, columns) = error.message().split_once("failed: ")?;
    Some(columns.to_owned())
}

pub(super) fn failed(error: sqlx::Error) -> StoreError {
    const CORRUPT: i32 = 11;
    const NOT_A_DATABASE: i32 = 26;
    const FULL: i32 = 13;
    let code = error.as_database_error().and_then(|it| it.code()?.parse::<i32>().ok());
    match code.map(|code| code & 0xff) {
        Some(CORRUPT | NOT_A_DATABASE) => bad_file(error.to_string()),
        Some(FULL) => {
            StoreError::unavailable(Why::coded("disk-full", error.to_string()).with("file", "log.db"))
        }
        _ => StoreError::unavailable(error.to_string()),
    }
}

pub(super) fn bad_file(why: String) -> StoreError {
    StoreError::Corrupt { chain: Chain::Records, sequence: Sequence(0), why }
}

pub(super) fn not_migrated(error: MigrateError) -> StoreError {
    match error {
        MigrateError::VersionMissing(version) => {
            let text = format!("the log was written by a newer program (tables of version {version})");
            StoreError::refused(Why::coded("newer-program", text).with("version", version))
        }
        MigrateError::Execute(error) => failed(error),
        other => StoreError::refused(other.to_string()),
    }
}

pub(super) fn keys_damaged(why: &str) -> StoreError {
    StoreError::Corrupt { chain: Chain::Keys, sequence: Sequence(0), why: why.into() }
}
