//! The log in one SQLite file: one connection writes, a few read.
//!
//! Owns the settings that make a commit durable. Must never know a kind of event.
//!
//! Write-ahead log with `synchronous=FULL`: with less, a power cut takes acknowledged records.

mod closed;
mod failures;
mod files;
mod rows;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Row as _, SqlSafeStr as _};

use super::chain::{self, Chain};
use super::owed::Owed;
use super::row::{self, LookRow, Row, SeenRow};
use super::witness::{self, Witness};
use super::{Batch, Head, Heads, Look, Salts, Seen, StoreError, Why, check_numbering, folder};
use crate::domain::closed::Became;
use crate::domain::identity::{Key, Sequence};
use failures::{failed, keys_damaged, not_migrated, taken};
pub use files::Files;
use files::LAST_KEY;
use rows::{hash_of, json, looks_json, records_json, seen_json, seen_row};

/// Name of the log in the data folder; SQLite adds `-wal` and `-shm`.
pub const LOG_FILE: &str = "log.db";
/// How long a statement waits for another connection.
const BUSY_FOR: Duration = Duration::from_secs(5);
/// Connections that read.
const READERS_MAX: u32 = 4;
/// How long a reader waits for a connection.
const READER_WAIT_FOR: Duration = Duration::from_secs(5);
/// Links at the end of each chain that are checked at start. Logs up to this length are checked whole.
pub const TAIL_MAX: u64 = 20_000;

/// Tables by version. Not by the `migrate!` macro: it has the database driver compiled twice.
const MIGRATIONS: [(i64, &str, &str); 4] = [
    (1, "log", include_str!("migrations/sqlite/0001_log.sql")),
    (2, "citizen", include_str!("migrations/sqlite/0002_citizen.sql")),
    (3, "keys", include_str!("migrations/sqlite/0003_keys.sql")),
    (4, "closed", include_str!("migrations/sqlite/0004_closed.sql")),
];

const INSERT_RECORDS: &str = "
INSERT INTO records (sequence, entry, happened_at, recorded_at, actor, agreement, kind, version, payload, salt, digest,
                     cause, idx, hash)
SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7, value->>8,
       unhex(value->>9), unhex(value->>10), value->>11, value->>12, unhex(value->>13)
FROM json_each($1)";
const INSERT_SEEN: &str = "
INSERT INTO seen (scope, key, digest, outcome, entry, first, answer, number, hash)
SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7, unhex(value->>8)
FROM json_each($1)";
const INSERT_LOOKS: &str = "
INSERT INTO looks (number, at, who, purpose, entry, citizen, salt, digest, hash)
SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, unhex(value->>6), unhex(value->>7),
       unhex(value->>8)
FROM json_each($1)";
const SELECT_SEEN: &str = "
SELECT asked.key AS place, seen.*, coalesce(before.hash, (SELECT hash FROM seen_before)) AS previous
FROM json_each($1) AS asked
JOIN seen ON seen.scope = asked.value->>0 AND seen.key = asked.value->>1
LEFT JOIN seen AS before ON before.number = seen.number - 1";
const SEAL_KEYS: &str = "INSERT INTO seen_before (id, keys, hash) VALUES (1, $1, $2)";

pub struct Sqlite {
    file: PathBuf,
    /// None after `close`.
    writer: Option<SqliteConnection>,
    files: Files,
    /// Held, never read: the folder is ours as long as it is open.
    lock: Option<File>,
    witness: Witness,
    owed: Owed,
    salts: Salts,
    heads: Heads,
    /// A write began and did not end well: what is on disk is unknown until `recover`.
    is_doubtful: bool,
    /// There are records, and no witness of them was found.
    is_unwitnessed: bool,
}

impl Sqlite {
    /// See `Log::claim_sqlite`. Reads nothing of the log.
    pub fn claim(dir: &Path, witness_dir: &Path, salts: Salts) -> Result<Self, StoreError> {
        folder::prepare(dir)?;
        let lock = folder::lock(dir)?;
        let file = dir.join(LOG_FILE);
        for name in [wal_of(&file), shm_of(&file)] {
            folder::check_file(&name)?;
        }
        drop(folder::own_file(&file)?);
        if is_same_folder(dir, witness_dir) {
            return Err(StoreError::refused(Why::coded(
                "witness-inside",
                "the witness must not be in the data folder",
            )));
        }
        let witness = Witness::open(witness_dir)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS_MAX)
            .acquire_timeout(READER_WAIT_FOR)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(reader_options(&file));
        let files = Files { pool: readers, witness: witness.path().to_path_buf() };
        Ok(Self {
            file,
            writer: None,
            files,
            lock: Some(lock),
            witness,
            owed: Owed::open(witness_dir)?,
            salts,
            heads: Heads::default(),
            is_doubtful: true,
            is_unwitnessed: false,
        })
    }

    /// Checks the ends of the chains against themselves and the witness, and believes them from then on.
    async fn check_tail(&mut self) -> Result<(), StoreError> {
        let seen = witness::read(self.witness.path())?;
        if let Some(writer) = &mut self.writer {
            seal_keys(writer, &self.files, seen).await?;
        }
        let heads = self.files.heads().await?;
        match seen {
            Some(seen) => {
                self.is_unwitnessed = false;
                self.files.compare(seen, heads).await?;
            }
            None if heads.records.sequence > Sequence(0) => {
                self.is_unwitnessed = true;
                tracing::error!(head = %heads.records.sequence, file = %self.witness.path().display(),
                    "there is no witness of the log: what is missing at its end cannot be seen");
            }
            None => {}
        }
        if heads.records.sequence.0 <= TAIL_MAX {
            self.files.check_file("PRAGMA quick_check(1)").await?;
        }
        let tail = |head: Head| head.sequence.0.saturating_sub(TAIL_MAX);
        let from = Heads {
            records: self.files.link_at(Chain::Records, tail(heads.records)).await?,
            looks: self.files.link_at(Chain::Looks, tail(heads.looks)).await?,
            keys: self.files.link_at(Chain::Keys, tail(heads.keys)).await?,
        };
        self.files.walk_all(from, heads, Duration::ZERO).await?;
        self.heads = heads;
        // One that was missing is not made anew in silence: with what is appended next, after it was said.
        if !self.is_unwitnessed {
            self.witness.note(heads);
        }
        Ok(())
    }

    pub(super) fn owed(&self) -> Owed {
        self.owed.clone()
    }

    pub(super) fn begin_witness(&mut self) {
        if !self.is_doubtful {
            self.is_unwitnessed = false;
            self.witness.note(self.heads);
        }
    }

    pub(super) fn beside(&self) -> Option<&Path> {
        self.witness.path().parent()
    }

    pub(super) fn is_unwitnessed(&self) -> bool {
        self.is_unwitnessed
    }

    pub(super) fn files(&self) -> Files {
        self.files.clone()
    }

    pub(super) async fn append(&mut self, expected: Sequence, batch: &Batch) -> Result<Sequence, StoreError> {
        let head = self.heads.records;
        if head.sequence != expected {
            return Err(StoreError::Conflict { expected, actual: head.sequence });
        }
        check_numbering(expected, &batch.records)?;
        if batch.records.is_empty() && batch.seen.is_empty() && batch.became.is_empty() {
            return Ok(head.sequence);
        }
        let mut rows: Vec<Row> = Vec::with_capacity(batch.records.len());
        for record in &batch.records {
            let previous = rows.last().map_or(head.hash, |row| row.hash);
            rows.push(Row::of(record, previous, &mut self.salts)?);
        }
        let mut keys: Vec<SeenRow> = Vec::with_capacity(batch.seen.len());
        let mut keys_head = self.heads.keys;
        for seen in &batch.seen {
            let row = SeenRow::of(seen, row::number(keys_head.sequence)?, keys_head.hash)?;
            keys_head = Head { sequence: keys_head.sequence.next(), hash: row.hash };
            keys.push(row);
        }
        let records = records_json(&rows)?;
        let seen = seen_json(&keys)?;
        let became = match batch.became.as_slice() {
            [] => None,
            became => Some(closed::closed_json(became)?),
        };
        let writer = usable(&mut self.writer, self.is_doubtful)?;
        // Stays so if this future is dropped half-way.
        self.is_doubtful = true;
        match write_batch(writer, &records, &seen, became.as_deref()).await {
            Ok(()) => {}
            Err(error) => return Err(self.not_written(error, expected).await),
        }
        self.is_doubtful = false;
        self.heads.keys = keys_head;
        if let Some(row) = rows.last() {
            self.heads.records = Head { sequence: Sequence(row.sequence.unsigned_abs()), hash: row.hash };
        }
        self.witness.note(self.heads);
        Ok(self.heads.records.sequence)
    }

    pub(super) async fn fill(&mut self, through: Sequence, became: &[Became]) -> Result<(), StoreError> {
        let writer = usable(&mut self.writer, self.is_doubtful)?;
        self.is_doubtful = true;
        closed::fill(writer, through, became).await?;
        self.is_doubtful = false;
        Ok(())
    }

    pub(super) async fn look_all(&mut self, looks: &[Look]) -> Result<(), StoreError> {
        let mut rows: Vec<LookRow> = Vec::with_capacity(looks.len());
        let mut head = self.heads.looks;
        for look in looks {
            let row = LookRow::of(look, row::number(head.sequence)?, head.hash, &mut self.salts);
            head = Head { sequence: head.sequence.next(), hash: row.hash };
            rows.push(row);
        }
        if rows.is_empty() {
            return Ok(());
        }
        let rows = looks_json(&rows)?;
        let writer = usable(&mut self.writer, self.is_doubtful)?;
        self.is_doubtful = true;
        sqlx::query(INSERT_LOOKS).bind(rows).execute(writer).await.map_err(failed)?;
        self.is_doubtful = false;
        self.heads.looks = head;
        self.witness.note(self.heads);
        Ok(())
    }

    pub(super) async fn seen(&self, keys: &[(String, Key)]) -> Result<Vec<Option<Seen>>, StoreError> {
        let mut found = vec![None; keys.len()];
        if keys.is_empty() {
            return Ok(found);
        }
        let asked: Vec<_> = keys.iter().map(|(scope, key)| (scope, key.as_str())).collect();
        let rows =
            sqlx::query(SELECT_SEEN).bind(json(&asked)?).fetch_all(&self.files.pool).await.map_err(failed)?;
        for row in &rows {
            let place: i64 = row.try_get("place").map_err(failed)?;
            if let Some(slot) = usize::try_from(place).ok().and_then(|place| found.get_mut(place)) {
                let seen = seen_row(row)?;
                // Those from before have no number, and are proved all together.
                if seen.number > 0 {
                    chain::check(&seen, hash_of(row, "previous")?.unwrap_or_default())?;
                }
                *slot = Some(seen.seen()?);
            }
        }
        Ok(found)
    }

    pub(super) async fn recover(&mut self) -> Result<(), StoreError> {
        if let Some(writer) = self.writer.take() {
            // It failed already; what matters is the new one.
            let _ = writer.close_hard().await;
        }
        self.is_doubtful = true;
        self.writer = Some(open_writer(&self.file).await?);
        self.check_tail().await?;
        self.is_doubtful = false;
        Ok(())
    }

    pub(super) async fn close(&mut self) -> Result<(), StoreError> {
        self.files.pool.close().await;
        let witnessed = self.witness.sync();
        if let Some(mut writer) = self.writer.take() {
            checkpoint(&mut writer).await?;
            writer.close().await.map_err(failed)?;
        }
        if let Some(lock) = self.lock.take() {
            folder::unlock(&lock);
        }
        witnessed
    }

    /// What to say of a batch that failed, and whether it is known that nothing was written.
    async fn not_written(&mut self, error: sqlx::Error, expected: Sequence) -> StoreError {
        let Some(taken) = taken(&error) else { return failed(error) };
        self.is_doubtful = false;
        if taken != "records.sequence" {
            return StoreError::Duplicate { what: taken };
        }
        match self.files.head().await {
            Ok(head) => StoreError::Conflict { expected, actual: head.sequence },
            Err(error) => error,
        }
    }
}

/// Checks the settings that a connection really has. Errors: `Refused` naming the first wrong one.
pub async fn check_settings(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let journal: String =
        sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *connection).await.map_err(failed)?;
    if journal != "wal" {
        return Err(StoreError::refused(format!(
            "journal_mode is {journal}, not wal: commits would not be safe"
        )));
    }
    let wanted = [("PRAGMA synchronous", "synchronous", 2), ("PRAGMA foreign_keys", "foreign_keys", 1)];
    for (pragma, name, wanted) in wanted {
        let value: i64 = sqlx::query_scalar(pragma).fetch_one(&mut *connection).await.map_err(failed)?;
        if value != wanted {
            return Err(StoreError::refused(format!(
                "{name} is {value}, not {wanted}: commits would not be safe"
            )));
        }
    }
    Ok(())
}

/// Connects, checks the settings, brings the tables up to date and empties the write-ahead file: what a failed sync
/// may have left only in the system's cache is written anew and synced.
async fn open_writer(file: &Path) -> Result<SqliteConnection, StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_FOR)
        // For macOS, where a plain sync does not reach the disk; elsewhere without effect.
        .pragma("fullfsync", "ON")
        .pragma("checkpoint_fullfsync", "ON")
        .disable_statement_logging();
    let mut writer = options.connect().await.map_err(failed)?;
    check_settings(&mut writer).await?;
    migrations().run(&mut writer).await.map_err(not_migrated)?;
    checkpoint(&mut writer).await?;
    for name in [file.to_path_buf(), wal_of(file), shm_of(file)] {
        folder::check_file(&name)?;
    }
    Ok(writer)
}

fn migrations() -> Migrator {
    let one = |(version, name, sql): (i64, &'static str, &'static str)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(MIGRATIONS.map(one).into())
}

fn reader_options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .read_only(true)
        .busy_timeout(BUSY_FOR)
        .disable_statement_logging()
}

/// Moves the write-ahead file into the main file and empties it. Errors: `Unavailable` when a reader is in the way.
async fn checkpoint(writer: &mut SqliteConnection) -> Result<(), StoreError> {
    let row = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(writer).await.map_err(failed)?;
    match row.try_get::<i64, _>(0).map_err(failed)? {
        0 => Ok(()),
        _ => Err(StoreError::unavailable("the write-ahead file could not be emptied: somebody reads it")),
    }
}

async fn write_batch(
    writer: &mut SqliteConnection,
    records: &str,
    seen: &str,
    became: Option<&str>,
) -> Result<(), sqlx::Error> {
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await?;
    let written = async {
        sqlx::query(INSERT_RECORDS).bind(records).execute(&mut *transaction).await?;
        sqlx::query(INSERT_SEEN).bind(seen).execute(&mut *transaction).await?;
        match became {
            Some(became) => closed::write(&mut transaction, became).await,
            None => Ok(()),
        }
    };
    match written.await {
        Ok(()) => transaction.commit().await,
        Err(error) => {
            transaction.rollback().await?;
            Err(error)
        }
    }
}

/// Puts one hash over the keys from before they had numbers, when the log is first opened with numbers for them. What
/// was sealed and no longer is was tampered with.
async fn seal_keys(
    writer: &mut SqliteConnection,
    files: &Files,
    seen: Option<witness::Noted>,
) -> Result<(), StoreError> {
    if files.sealed().await?.is_some() {
        return Ok(());
    }
    let has_numbers = files.last(LAST_KEY).await?.sequence > Sequence(0);
    if has_numbers || seen.is_some_and(|it| it.keys.is_some()) {
        return Err(keys_damaged("what was there before is no longer sealed"));
    }
    let (count, hash) = files.keys_before().await?;
    let seal = sqlx::query(SEAL_KEYS).bind(count).bind(hash.0.to_vec());
    seal.execute(writer).await.map_err(failed)?;
    Ok(())
}

fn usable(
    writer: &mut Option<SqliteConnection>,
    is_doubtful: bool,
) -> Result<&mut SqliteConnection, StoreError> {
    match writer {
        None => Err(StoreError::unavailable("it is closed")),
        Some(_) if is_doubtful => Err(StoreError::unavailable("a write failed; recover first")),
        Some(writer) => Ok(writer),
    }
}

fn is_same_folder(left: &Path, right: &Path) -> bool {
    match (left.canonicalize(), right.canonicalize()) {
        (Ok(left), Ok(right)) => left == right,
        _ => false,
    }
}

fn wal_of(file: &Path) -> PathBuf {
    with_suffix(file, "-wal")
}

fn shm_of(file: &Path) -> PathBuf {
    with_suffix(file, "-shm")
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_os_string();
    name.push(suffix);
    PathBuf::from(name)
}
