//! The log in one SQLite file: one connection writes, a few read.
//!
//! Owns the settings that make a commit durable. Must never know a kind of event.
//!
//! Write-ahead log with `synchronous=FULL`: with less, a power cut takes acknowledged records.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Row as _, SqlSafeStr as _};

use super::chain::{self, Chain, Hash, Link, Walk};
use super::owed::Owed;
use super::row::{self, LookRow, Row, SeenRow};
use super::witness::{self, Witness};
use super::{Batch, Head, Heads, Look, PAGE_MAX, Salts, Seen, StoreError, Why, check_numbering, folder};
use crate::domain::identity::{CitizenId, EntryId, Key, Sequence};

/// Name of the log in the data folder; SQLite adds `-wal` and `-shm`.
pub const LOG_FILE: &str = "log.db";
/// How long a statement waits for another connection.
const BUSY_FOR: Duration = Duration::from_secs(5);
/// Connections that read.
const READERS_MAX: u32 = 4;
/// How long a reader waits for a connection.
const READER_WAIT_FOR: Duration = Duration::from_secs(5);
/// Pause between pages where nobody waits for the result: a hundred thousand links take three seconds.
const PAGE_PAUSE: Duration = Duration::from_millis(300);
/// Links at the end of each chain that are checked at start. Logs up to this length are checked whole.
pub const TAIL_MAX: u64 = 20_000;

/// Tables by version. Not by the `migrate!` macro: it has the database driver compiled twice.
const MIGRATIONS: [(i64, &str, &str); 3] = [
    (1, "log", include_str!("migrations/sqlite/0001_log.sql")),
    (2, "citizen", include_str!("migrations/sqlite/0002_citizen.sql")),
    (3, "keys", include_str!("migrations/sqlite/0003_keys.sql")),
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
const SEAL_KEYS: &str = "INSERT INTO seen_before (id, keys, hash) VALUES (1, $1, $2)";
const LAST_KEY: &str = "
SELECT number, hash FROM seen WHERE number IS NOT NULL ORDER BY number DESC LIMIT 1";
const LAST_RECORD: &str = "SELECT sequence, hash FROM records ORDER BY sequence DESC LIMIT 1";
const LAST_LOOK: &str = "SELECT number, hash FROM looks ORDER BY number DESC LIMIT 1";

/// What readers need.
#[derive(Clone)]
pub struct Files {
    pool: SqlitePool,
    witness: PathBuf,
}

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
        if batch.records.is_empty() && batch.seen.is_empty() {
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
        let writer = usable(&mut self.writer, self.is_doubtful)?;
        // Stays so if this future is dropped half-way.
        self.is_doubtful = true;
        match write_batch(writer, &records, &seen).await {
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

impl Files {
    pub(super) async fn head(&self) -> Result<Head, StoreError> {
        self.last(LAST_RECORD).await
    }

    async fn heads(&self) -> Result<Heads, StoreError> {
        let keys = match self.last(LAST_KEY).await? {
            none if none.sequence == Sequence(0) => self.sealed().await?.unwrap_or_default(),
            keys => keys,
        };
        Ok(Heads { records: self.head().await?, looks: self.last(LAST_LOOK).await?, keys })
    }

    /// What stands before the first key with a number; none when the keys from before were never sealed.
    async fn sealed(&self) -> Result<Option<Head>, StoreError> {
        let row =
            sqlx::query("SELECT hash FROM seen_before").fetch_optional(&self.pool).await.map_err(failed)?;
        let hash = row.as_ref().map(|row| hash_of(row, "hash")).transpose()?.flatten();
        Ok(hash.map(|hash| Head { sequence: Sequence(0), hash }))
    }

    /// How many keys there are from before they had numbers, and one hash over all of them.
    async fn keys_before(&self) -> Result<(i64, Hash), StoreError> {
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

    async fn last(&self, sql: &'static str) -> Result<Head, StoreError> {
        let row = sqlx::query(sql).fetch_optional(&self.pool).await.map_err(failed)?;
        let Some(row) = row else { return Ok(Head::default()) };
        let number: i64 = row.try_get(0).map_err(failed)?;
        Ok(Head {
            sequence: Sequence(number.unsigned_abs()),
            hash: hash_of(&row, "hash")?.unwrap_or_default(),
        })
    }

    /// The link with that number, zero being the beginning. Errors: `Corrupt` when it is missing.
    async fn link_at(&self, chain: Chain, number: u64) -> Result<Head, StoreError> {
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

    pub(super) async fn rows(&self, after: Sequence, limit: usize) -> Result<Vec<Row>, StoreError> {
        let query = sqlx::query(SELECT_RECORDS).bind(row::number(after)?).bind(count_of(limit));
        checked(&query.fetch_all(&self.pool).await.map_err(failed)?, record_row)
    }

    pub(super) async fn rows_of(&self, entry: EntryId) -> Result<Vec<Row>, StoreError> {
        let query = sqlx::query(SELECT_ENTRY).bind(entry.to_string());
        checked(&query.fetch_all(&self.pool).await.map_err(failed)?, record_row)
    }

    pub(super) async fn entries_of(
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

    pub(super) async fn look_rows(&self, after: u64, limit: usize) -> Result<Vec<LookRow>, StoreError> {
        let query = sqlx::query(SELECT_LOOKS).bind(row::number(Sequence(after))?).bind(count_of(limit));
        checked(&query.fetch_all(&self.pool).await.map_err(failed)?, look_row)
    }

    pub(super) async fn verify(&self) -> Result<Heads, StoreError> {
        self.verify_pausing(Duration::ZERO).await
    }

    pub(super) async fn verify_slowly(&self) -> Result<Heads, StoreError> {
        self.verify_pausing(PAGE_PAUSE).await
    }

    pub(super) async fn reached(&self, chain: Chain) -> Option<Sequence> {
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

    pub(super) async fn backup(&self, file: &Path) -> Result<Heads, StoreError> {
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

    async fn compare(&self, seen: witness::Noted, heads: Heads) -> Result<(), StoreError> {
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

    async fn walk_all(&self, from: Heads, to: Heads, pause: Duration) -> Result<(), StoreError> {
        self.walk(WALK_RECORDS, record_row, (from.records, to.records), pause).await?;
        self.walk(WALK_LOOKS, look_row, (from.looks, to.looks), pause).await?;
        self.walk(WALK_KEYS, seen_row, (from.keys, to.keys), pause).await
    }

    /// Asks SQLite whether its file is well-formed.
    async fn check_file(&self, pragma: &'static str) -> Result<(), StoreError> {
        let said: String = sqlx::query_scalar(pragma).fetch_one(&self.pool).await.map_err(failed)?;
        if said == "ok" { Ok(()) } else { Err(bad_file(said)) }
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

async fn write_batch(writer: &mut SqliteConnection, records: &str, seen: &str) -> Result<(), sqlx::Error> {
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await?;
    let written = async {
        sqlx::query(INSERT_RECORDS).bind(records).execute(&mut *transaction).await?;
        sqlx::query(INSERT_SEEN).bind(seen).execute(&mut *transaction).await
    };
    match written.await {
        Ok(_) => transaction.commit().await,
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

fn keys_damaged(why: &str) -> StoreError {
    StoreError::Corrupt { chain: Chain::Keys, sequence: Sequence(0), why: why.into() }
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

fn records_json(rows: &[Row]) -> Result<String, StoreError> {
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

fn seen_json(rows: &[SeenRow]) -> Result<String, StoreError> {
    let values: Vec<_> = rows
        .iter()
        .map(|it| {
            let hash = it.hash.to_string();
            (&it.scope, &it.key, &it.digest, &it.outcome, &it.entry, it.first, &it.answer, it.number, hash)
        })
        .collect();
    json(&values)
}

fn looks_json(rows: &[LookRow]) -> Result<String, StoreError> {
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

fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::refused(error.to_string()))
}

fn count_of(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Reads rows and checks each against its hash and the one before it.
fn checked<L: Link>(
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

fn record_row(row: &SqliteRow) -> Result<Row, StoreError> {
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

fn look_row(row: &SqliteRow) -> Result<LookRow, StoreError> {
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

fn seen_row(row: &SqliteRow) -> Result<SeenRow, StoreError> {
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

fn hash_of(row: &SqliteRow, column: &str) -> Result<Option<Hash>, StoreError> {
    hash_in(row, column).map_err(failed)
}

/// None when absent or not 32 bytes: no hash that is expected anywhere.
fn hash_in(row: &SqliteRow, column: &str) -> Result<Option<Hash>, sqlx::Error> {
    let bytes: Option<&[u8]> = row.try_get(column)?;
    Ok(bytes.and_then(|bytes| bytes.try_into().ok()).map(Hash))
}

/// The columns that were taken already, when that is why a batch failed.
fn taken(error: &sqlx::Error) -> Option<String> {
    let error = error.as_database_error().filter(|error| error.is_unique_violation())?;
    let (_, columns) = error.message().split_once("failed: ")?;
    Some(columns.to_owned())
}

fn failed(error: sqlx::Error) -> StoreError {
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

fn bad_file(why: String) -> StoreError {
    StoreError::Corrupt { chain: Chain::Records, sequence: Sequence(0), why }
}

fn not_migrated(error: MigrateError) -> StoreError {
    match error {
        MigrateError::VersionMissing(version) => {
            let text = format!("the log was written by a newer program (tables of version {version})");
            StoreError::refused(Why::coded("newer-program", text).with("version", version))
        }
        MigrateError::Execute(error) => failed(error),
        other => StoreError::refused(other.to_string()),
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
