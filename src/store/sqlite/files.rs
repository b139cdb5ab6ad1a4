//! What is read of the log, and checked: beside the one connection that writes.
//!
//! Owns that nothing is handed out whose hash is not that of its place in the chain. Must never write.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::Row as _;
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions, SqliteRow};

use super::super::chain::{self, Chain, Hash, Link, Walk};
use super::super::row::{self, LookRow, Row};
use super::super::{Head, Heads, PAGE_MAX, StoreError, Why, folder, witness};
use super::failures::{bad_file, failed, keys_damaged};
use super::reader_options;
use super::rows::{checked, hash_of, look_row, record_row, seen_row};
use crate::domain::identity::{CitizenId, EntryId, Sequence};

const SELECT_RECORDS: &str = "
SELECT it.*, before.hash AS previous FROM records AS it LEFT JOIN records AS before ON before.sequence = it.sequence - 1
WHERE it.sequence > $1 ORDER BY it.sequence LIMIT $2";
const SELECT_ENTRY: &str = "
SELECT it.*, before.hash AS previous FROM records AS it LEFT JOIN records AS before ON before.sequence = it.sequence - 1
WHERE it.entry = $1 ORDER BY it.sequence";
/// As the index of the second migration has it.
const SELECT_CITIZEN: &str = "
SELECT entry FROM records
WHERE json_extract(payload, '$.citizen') = $1 AND json_extract(payload, '$.citizen') IS NOT NULL
GROUP BY entry ORDER BY min(sequence) DESC LIMIT $2";
const SELECT_LOOKS: &str = "
SELECT it.*, before.hash AS previous FROM looks AS it LEFT JOIN looks AS before ON before.number = it.number - 1
WHERE it.number > $1 ORDER BY it.number LIMIT $2";
const WALK_RECORDS: &str = "SELECT * FROM records WHERE sequence > $1 ORDER BY sequence LIMIT $2";
const WALK_LOOKS: &str = "SELECT * FROM looks WHERE number > $1 ORDER BY number LIMIT $2";
const WALK_KEYS: &str = "SELECT * FROM seen WHERE number > $1 ORDER BY number LIMIT $2";
/// Keys from before they had numbers, in pages.
const KEYS_BEFORE: &str = "
SELECT * FROM seen WHERE number IS NULL AND (scope, key) > ($1, $2) ORDER BY scope, key LIMIT $3";
pub(super) const LAST_KEY: &str = "
SELECT number, hash FROM seen WHERE number IS NOT NULL ORDER BY number DESC LIMIT 1";
const LAST_RECORD: &str = "SELECT sequence, hash FROM records ORDER BY sequence DESC LIMIT 1";
const LAST_LOOK: &str = "SELECT number, hash FROM looks ORDER BY number DESC LIMIT 1";
/// Pause between pages where nobody waits for the result: a hundred thousand links take three seconds.
const PAGE_PAUSE: Duration = Duration::from_millis(300);

/// What readers need.
#[derive(Clone)]
pub struct Files {
    pub(super) pool: SqlitePool,
    pub(super) witness: PathBuf,
}

impl Files {
    pub(in crate::store) async fn head(&self) -> Result<Head, StoreError> {
        self.last(LAST_RECORD).await
    }

    pub(super) async fn heads(&self) -> Result<Heads, StoreError> {
        let keys = match self.last(LAST_KEY).await? {
            none if none.sequence == Sequence(0) => self.sealed().await?.unwrap_or_default(),
            keys => keys,
        };
        Ok(Heads { records: self.head().await?, looks: self.last(LAST_LOOK).await?, keys })
    }

    /// What stands before the first key with a number; none when the keys from before were never sealed.
    pub(super) async fn sealed(&self) -> Result<Option<Head>, StoreError> {
        let row =
            sqlx::query("SELECT hash FROM seen_before").fetch_optional(&self.pool).await.map_err(failed)?;
        let hash = row.as_ref().map(|row| hash_of(row, "hash")).transpose()?.flatten();
        Ok(hash.map(|hash| Head { sequence: Sequence(0), hash }))
    }

    /// How many keys there are from before they had numbers, and one hash over all of them.
    pub(super) async fn keys_before(&self) -> Result<(i64, Hash), StoreError> {
        let (mut count, mut hash) = (0, Hash::ZERO);
        let mut last = (String::new(), String::new());
        loop {
            let page = sqlx::query(KEYS_BEFORE).bind(&last.0).bind(&last.1).bind(count_of(PAGE_MAX));
            let rows = page.fetch_all(&self.pool).await.map_err(failed)?;
            for row in &rows {
                let row = seen_row(row)?;
                hash = chain::key_before_hash(&row, hash);
                count += 1;
                last = (row.scope, row.key);
            }
            if rows.len() < PAGE_MAX {
                return Ok((count, hash));
            }
        }
    }

    async fn check_keys_before(&self) -> Result<(), StoreError> {
        let said = match self.sealed().await? {
            Some(sealed) => sealed.hash,
            None => return Err(keys_damaged("what was there before is not sealed")),
        };
        match self.keys_before().await? {
            (_, hash) if hash == said => Ok(()),
            _ => Err(keys_damaged("a key from before they had numbers was changed")),
        }
    }

    pub(super) async fn last(&self, sql: &'static str) -> Result<Head, StoreError> {
        let row = sqlx::query(sql).fetch_optional(&self.pool).await.map_err(failed)?;
        let Some(row) = row else { return Ok(Head::default()) };
        let number: i64 = row.try_get(0).map_err(failed)?;
        Ok(Head {
            sequence: Sequence(number.unsigned_abs()),
            hash: hash_of(&row, "hash")?.unwrap_or_default(),
        })
    }

    /// The link with that number, zero being the beginning. Errors: `Corrupt` when it is missing.
    pub(super) async fn link_at(&self, chain: Chain, number: u64) -> Result<Head, StoreError> {
        let sequence = Sequence(number);
        if number == 0 {
            let sealed = if chain == Chain::Keys { self.sealed().await? } else { None };
            return Ok(sealed.unwrap_or_default());
        }
        let sql = match chain {
            Chain::Records => "SELECT hash FROM records WHERE sequence = $1",
            Chain::Looks => "SELECT hash FROM looks WHERE number = $1",
            Chain::Keys => "SELECT hash FROM seen WHERE number = $1",
        };
        let row =
            sqlx::query(sql).bind(row::number(sequence)?).fetch_optional(&self.pool).await.map_err(failed)?;
        match row.as_ref().map(|row| hash_of(row, "hash")).transpose()?.flatten() {
            Some(hash) => Ok(Head { sequence, hash }),
            None => Err(StoreError::Corrupt { chain, sequence, why: "missing".into() }),
        }
    }

    pub(in crate::store) async fn rows(&self, after: Sequence, limit: usize) -> Result<Vec<Row>, StoreError> {
        let query = sqlx::query(SELECT_RECORDS).bind(row::number(after)?).bind(count_of(limit));
        checked(&query.fetch_all(&self.pool).await.map_err(failed)?, record_row)
    }

    pub(in crate::store) async fn rows_of(&self, entry: EntryId) -> Result<Vec<Row>, StoreError> {
        let query = sqlx::query(SELECT_ENTRY).bind(entry.to_string());
        checked(&query.fetch_all(&self.pool).await.map_err(failed)?, record_row)
    }

    pub(in crate::store) async fn entries_of(
        &self,
        citizen: &CitizenId,
        limit: usize,
    ) -> Result<Vec<EntryId>, StoreError> {
        let query = sqlx::query(SELECT_CITIZEN).bind(citizen.as_str()).bind(count_of(limit));
        let found = query.fetch_all(&self.pool).await.map_err(failed)?;
        let entry =
            |found: &SqliteRow| found.try_get::<String, _>("entry").ok().and_then(|it| row::entry(&it));
        Ok(found.iter().filter_map(entry).collect())
    }

    pub(in crate::store) async fn look_rows(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<LookRow>, StoreError> {
        let query = sqlx::query(SELECT_LOOKS).bind(row::number(Sequence(after))?).bind(count_of(limit));
        checked(&query.fetch_all(&self.pool).await.map_err(failed)?, look_row)
    }

    pub(in crate::store) async fn verify(&self) -> Result<Heads, StoreError> {
        self.verify_pausing(Duration::ZERO).await
    }

    pub(in crate::store) async fn verify_slowly(&self) -> Result<Heads, StoreError> {
        self.verify_pausing(PAGE_PAUSE).await
    }

    pub(in crate::store) async fn reached(&self, chain: Chain) -> Option<Sequence> {
        let seen = witness::read(&self.witness).ok().flatten();
        let seen = seen.and_then(|it| match chain {
            Chain::Records => Some(it.records.sequence),
            Chain::Looks => Some(it.looks.sequence),
            Chain::Keys => it.keys.map(|head| head.sequence),
        });
        let last = match chain {
            Chain::Records => LAST_RECORD,
            Chain::Looks => LAST_LOOK,
            Chain::Keys => LAST_KEY,
        };
        let there = self.last(last).await.ok().map(|head| head.sequence);
        seen.max(there).filter(|at| *at > Sequence(0))
    }

    async fn verify_pausing(&self, pause: Duration) -> Result<Heads, StoreError> {
        // In this order: the witness is never ahead of a log that is written meanwhile.
        let seen = witness::read(&self.witness)?;
        let heads = self.heads().await?;
        if let Some(seen) = seen {
            self.compare(seen, heads).await?;
        }
        let keys = self.link_at(Chain::Keys, 0).await?;
        self.walk_all(Heads { keys, ..Heads::default() }, heads, pause).await?;
        self.check_keys_before().await?;
        self.check_file("PRAGMA integrity_check(1)").await?;
        Ok(heads)
    }

    pub(in crate::store) async fn backup(&self, file: &Path) -> Result<Heads, StoreError> {
        if file.exists() {
            let why = Why::coded("file-exists", format!("{} exists", file.display()));
            return Err(StoreError::refused(why.with("file", file.display())));
        }
        let name = file.to_str().ok_or_else(|| StoreError::refused("the name of the backup is not UTF-8"))?;
        // Made beforehand for its rights; SQLite takes an empty file.
        let made = folder::own_file(file)?;
        if let Err(error) = sqlx::query("VACUUM INTO $1").bind(name).execute(&self.pool).await {
            // Half a copy must not look like one.
            let _ = std::fs::remove_file(file);
            return Err(failed(error));
        }
        made.sync_all().map_err(|error| folder::failed(file, &error))?;
        folder::sync_folder_of(file)?;
        let pool = SqlitePoolOptions::new().max_connections(1).connect_lazy_with(reader_options(file));
        let copy = Self { pool, witness: PathBuf::new() };
        let verified = copy.verify().await;
        copy.pool.close().await;
        verified
    }

    pub(super) async fn compare(&self, seen: witness::Noted, heads: Heads) -> Result<(), StoreError> {
        let chains = [
            (Chain::Records, Some(seen.records), heads.records),
            (Chain::Looks, Some(seen.looks), heads.looks),
            (Chain::Keys, seen.keys, heads.keys),
        ];
        for (chain, seen, log) in chains {
            let Some(seen) = seen else { continue };
            let at = match seen.sequence <= log.sequence {
                true => Some(self.link_at(chain, seen.sequence.0).await?.hash),
                false => None,
            };
            witness::compare(chain, seen, log, at, &self.witness)?;
        }
        Ok(())
    }

    /// Checks the links behind `from` up to `to`, each against the one before it.
    async fn walk<L: Link>(
        &self,
        sql: &'static str,
        read: fn(&SqliteRow) -> Result<L, StoreError>,
        (from, to): (Head, Head),
        pause: Duration,
    ) -> Result<(), StoreError> {
        let mut walk = Walk::after(from);
        while walk.head().sequence < to.sequence {
            let after = row::number(walk.head().sequence)?;
            let rows = sqlx::query(sql).bind(after).bind(count_of(PAGE_MAX)).fetch_all(&self.pool).await;
            let rows = rows.map_err(failed)?;
            if rows.is_empty() {
                let sequence = walk.head().sequence.next();
                return Err(StoreError::Corrupt { chain: L::CHAIN, sequence, why: "missing".into() });
            }
            for row in &rows {
                walk.step(&read(row)?)?;
            }
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
        }
        Ok(())
    }

    pub(super) async fn walk_all(&self, from: Heads, to: Heads, pause: Duration) -> Result<(), StoreError> {
        self.walk(WALK_RECORDS, record_row, (from.records, to.records), pause).await?;
        self.walk(WALK_LOOKS, look_row, (from.looks, to.looks), pause).await?;
        self.walk(WALK_KEYS, seen_row, (from.keys, to.keys), pause).await
    }

    /// Asks SQLite whether its file is well-formed.
    pub(super) async fn check_file(&self, pragma: &'static str) -> Result<(), StoreError> {
        let said: String = sqlx::query_scalar(pragma).fetch_one(&self.pool).await.map_err(failed)?;
        if said == "ok" { Ok(()) } else { Err(bad_file(said)) }
    }
}

fn count_of(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
