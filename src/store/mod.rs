//! The event log: append in one durable transaction, read, remember keys, prove that nothing was changed.
//!
//! Owns how records, seen keys and looks are kept. Must never know a board, a rule or HTTP.

pub mod chain;
pub mod closed;
pub mod folder;
mod memory;
mod owed;
mod row;
pub mod sqlite;
mod witness;

use std::path::Path;

use chrono::{DateTime, Utc};

pub use chain::{Chain, Hash};
pub use closed::{Spot, Wanted};
pub use memory::Memory;
pub use owed::Owed;
pub use sqlite::Sqlite;
pub use witness::WITNESS_FILE;

use crate::domain::closed::Became;
use crate::domain::envelope::{Actor, Record};
use crate::domain::identity::{CitizenId, Code, EntryId, Key, Sequence};

/// Most records or looks handed out at once, whatever was asked for.
pub const PAGE_MAX: usize = 10_000;

/// Where salts come from: randomness enters from outside.
pub type Salts = Box<dyn FnMut() -> [u8; chain::SALT_BYTES] + Send + Sync>;

/// A key that came before, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Whose key: `source:central`, `person:anna`. Keys are unique within it.
    pub scope: String,
    pub key: Key,
    /// Digest of the opaque content, hex: tells a repeat from another content under the same key.
    pub digest: String,
    /// What became of it, as a code.
    pub outcome: String,
    pub entry: Option<EntryId>,
    /// The record that it led to, if any.
    pub first: Option<Sequence>,
    /// The refusal as JSON, codes only.
    pub answer: Option<String>,
}

/// What is written at once: all of it or nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// Numbered gaplessly from the head + 1. Times are kept in whole microseconds.
    pub records: Vec<Record>,
    pub seen: Vec<Seen>,
    /// What of the entries is over now, or no longer is: each once.
    pub became: Vec<Became>,
}

/// Somebody saw personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// When (UTC).
    pub at: DateTime<Utc>,
    pub who: Actor,
    /// Why, e.g. `duty`.
    pub purpose: Code,
    pub entry: EntryId,
    pub citizen: Option<CitizenId>,
}

/// A look with its place in the chain of looks, gapless from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    pub number: u64,
    pub look: Look,
}

/// The last record: its number and hash. Zero and zeroes while the log is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    pub sequence: Sequence,
    pub hash: Hash,
}

/// The ends of the chains. `verify` gives them after recomputing everything before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Heads {
    pub records: Head,
    /// `sequence` is the look's number.
    pub looks: Head,
    /// What was seen; `sequence` is the key's number.
    pub keys: Head,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The log moved on since the batch was decided: decide again.
    #[error("the log is at {actual}, not at {expected}")]
    Conflict { expected: Sequence, actual: Sequence },
    /// A `(cause, index)` or `(scope, key)` is there already; nothing was written.
    #[error("{what} is in the log already")]
    Duplicate { what: String },
    /// Not to be had now. After an append it is unknown whether it took effect: `recover`, then read.
    #[error("the log cannot be used: {why}")]
    Unavailable { why: Why },
    /// What is stored is not what was written. `sequence` is the first bad one; 0 means the file itself.
    #[error("the log is damaged at {chain} {sequence}: {why}")]
    Corrupt { chain: Chain, sequence: Sequence, why: String },
    /// Will not do that: wrong setting of the database, rights of a folder, second server, misuse.
    #[error("refused: {why}")]
    Refused { why: Why },
}

impl StoreError {
    pub(crate) fn refused(why: impl Into<Why>) -> Self {
        Self::Refused { why: why.into() }
    }

    /// What of the log is not what was written, if that is what it says.
    pub fn trouble(&self) -> Option<Trouble> {
        match self {
            Self::Corrupt { chain, sequence, .. } => {
                Some(Trouble { chain: *chain, from: *sequence, to: None })
            }
            _ => None,
        }
    }

    pub(crate) fn unavailable(why: impl Into<Why>) -> Self {
        Self::Unavailable { why: why.into() }
    }
}

/// Which part of the log is not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trouble {
    pub chain: Chain,
    /// The first bad one; 0 means the file itself.
    pub from: Sequence,
    /// The last one that is known to be gone or bad; none when that is not known.
    pub to: Option<Sequence>,
}

/// Why the log is not to be had: in our own words for a log line, and, where a person can do something about it, as a
/// code with what goes into its sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    text: String,
    pub code: Option<&'static str>,
    pub arguments: Vec<(&'static str, String)>,
}

impl Why {
    /// A reason with a sentence of its own.
    pub(crate) fn coded(code: &'static str, text: impl Into<String>) -> Self {
        Self { text: text.into(), code: Some(code), arguments: Vec::new() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.arguments.push((name, value.to_string()));
        self
    }
}

impl<T: Into<String>> From<T> for Why {
    fn from(text: T) -> Self {
        Self { text: text.into(), code: None, arguments: Vec::new() }
    }
}

impl std::ops::Deref for Why {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// The log, with its one writer. Handles for reading: `reader`.
pub enum Log {
    Memory(Memory),
    Sqlite(Box<Sqlite>),
}

impl Log {
    /// A log that is gone with the process.
    pub fn memory(salts: Salts) -> Self {
        Self::Memory(Memory::new(salts))
    }

    /// Opens or makes the log in `dir` with its witness in `witness_dir` (default: `folder::default_witness`).
    ///
    /// Errors: `Refused` for folders or files with wider rights than 0700 and 0600, a second server, a network file
    /// system, settings that the database did not take, or a log of a newer program; `Corrupt` when the tail of a chain
    /// does not verify or the witness has seen more than the log holds.
    pub async fn open_sqlite(dir: &Path, witness_dir: &Path, salts: Salts) -> Result<Self, StoreError> {
        let mut log = Self::claim_sqlite(dir, witness_dir, salts)?;
        log.recover().await?;
        Ok(log)
    }

    /// Takes the folders for this process and reads nothing yet: the log is opened by `recover`, however long that takes.
    ///
    /// Errors: `Refused` for folders or files with wider rights than 0700 and 0600, a second server or a network file
    /// system; `Corrupt` for a witness that cannot be read.
    pub fn claim_sqlite(dir: &Path, witness_dir: &Path, salts: Salts) -> Result<Self, StoreError> {
        Ok(Self::Sqlite(Box::new(Sqlite::claim(dir, witness_dir, salts)?)))
    }

    /// Writes a batch in one durable transaction and gives the new head. An empty batch writes nothing.
    ///
    /// Errors: `Conflict` (nothing written), `Duplicate` (nothing written), `Refused` for a batch with gaps or a field
    /// that may not be stored (nothing written), `Unavailable` (unknown: call `recover`, then read).
    pub async fn append(&mut self, expected_head: Sequence, batch: &Batch) -> Result<Sequence, StoreError> {
        match self {
            Self::Memory(log) => log.append(expected_head, batch),
            Self::Sqlite(log) => log.append(expected_head, batch).await,
        }
    }

    /// The records from before there was an index of what is over: after the first, up to the second. None: it is whole.
    /// Errors: `Unavailable`.
    pub async fn unfilled(&self) -> Result<Option<(Sequence, Sequence)>, StoreError> {
        match self {
            Self::Memory(_) => Ok(None),
            Self::Sqlite(log) => log.files().unfilled().await,
        }
    }

    /// Puts into the index of what is over what became of entries by the records up to `through`. Errors: `Unavailable`.
    pub async fn fill(&mut self, through: Sequence, became: &[Became]) -> Result<(), StoreError> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Sqlite(log) => log.fill(through, became).await,
        }
    }

    /// Writes a look in a durable transaction of its own. Errors: as `look_all`.
    pub async fn look(&mut self, look: &Look) -> Result<(), StoreError> {
        self.look_all(std::slice::from_ref(look)).await
    }

    /// Writes looks in one durable transaction: one sync for all of them. Errors: `Unavailable` (unknown: `recover`).
    pub async fn look_all(&mut self, looks: &[Look]) -> Result<(), StoreError> {
        match self {
            Self::Memory(log) => {
                log.look_all(looks);
                Ok(())
            }
            Self::Sqlite(log) => log.look_all(looks).await,
        }
    }

    /// What is remembered of these keys, in their order. Errors: `Unavailable`.
    pub async fn seen(&self, keys: &[(String, Key)]) -> Result<Vec<Option<Seen>>, StoreError> {
        match self {
            Self::Memory(log) => Ok(log.seen(keys)),
            Self::Sqlite(log) => log.seen(keys).await,
        }
    }

    /// The last record. Errors: `Unavailable`.
    pub async fn head(&self) -> Result<Head, StoreError> {
        self.reader().head().await
    }

    /// See `Reader::read`.
    pub async fn read(&self, after: Sequence, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.reader().read(after, limit).await
    }

    /// See `Reader::read_entry`.
    pub async fn read_entry(&self, entry: EntryId) -> Result<Vec<Record>, StoreError> {
        self.reader().read_entry(entry).await
    }

    /// See `Reader::looks`.
    pub async fn looks(&self, after: u64, limit: usize) -> Result<Vec<Looked>, StoreError> {
        self.reader().looks(after, limit).await
    }

    /// See `Reader::verify`.
    pub async fn verify(&self) -> Result<Heads, StoreError> {
        self.reader().verify().await
    }

    /// See `Reader::backup`.
    pub async fn backup(&self, file: &Path) -> Result<Heads, StoreError> {
        self.reader().backup(file).await
    }

    /// Opens the log anew after `Unavailable`: from then on it holds what is on disk. Errors: those of `open_sqlite`.
    pub async fn recover(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Sqlite(log) => log.recover().await,
        }
    }

    /// Empties the write-ahead file, syncs the witness and lets go of the folder. Readers end with it.
    pub async fn close(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Sqlite(log) => log.close().await,
        }
    }

    /// Looks that were answered before they were written.
    pub fn owed(&self) -> Owed {
        match self {
            Self::Memory(_) => Owed::default(),
            Self::Sqlite(log) => log.owed(),
        }
    }

    /// There are records, and no witness of them was found: it is made anew with the next append.
    pub fn is_unwitnessed(&self) -> bool {
        match self {
            Self::Memory(_) => false,
            Self::Sqlite(log) => log.is_unwitnessed(),
        }
    }

    /// The witness begins anew, on purpose: with what the log holds now. Nothing when it is not open.
    pub fn begin_witness(&mut self) {
        match self {
            Self::Memory(_) => {}
            Self::Sqlite(log) => log.begin_witness(),
        }
    }

    /// The folder beside the log, where its witness is; none in memory.
    pub fn beside(&self) -> Option<&Path> {
        match self {
            Self::Memory(_) => None,
            Self::Sqlite(log) => log.beside(),
        }
    }

    /// How far a chain is known to have reached, by itself or by the witness, as well as that can be said.
    pub async fn reached(&self, chain: Chain) -> Option<Sequence> {
        match self {
            Self::Memory(_) => None,
            Self::Sqlite(log) => log.files().reached(chain).await,
        }
    }

    /// A handle for reading while the writer appends.
    pub fn reader(&self) -> Reader {
        match self {
            Self::Memory(log) => Reader::Memory(log.tables()),
            Self::Sqlite(log) => Reader::Sqlite(log.files()),
        }
    }
}

/// Reads the log beside its writer. Cheap to clone. Every record and look is checked against its hash as it is read.
#[derive(Clone)]
pub enum Reader {
    Memory(memory::Shared),
    Sqlite(sqlite::Files),
}

impl Reader {
    /// The last record. Errors: `Unavailable`.
    pub async fn head(&self) -> Result<Head, StoreError> {
        match self {
            Self::Memory(log) => Ok(log.head()),
            Self::Sqlite(log) => log.head().await,
        }
    }

    /// Records after `after`, at most `limit` (and `PAGE_MAX`). Errors: `Corrupt` at the first bad one, `Unavailable`.
    pub async fn read(&self, after: Sequence, limit: usize) -> Result<Vec<Record>, StoreError> {
        let rows = match self {
            Self::Memory(log) => log.rows(after, limit.min(PAGE_MAX)),
            Self::Sqlite(log) => log.rows(after, limit.min(PAGE_MAX)).await?,
        };
        rows.iter().map(row::Row::record).collect()
    }

    /// All records of one entry, oldest first. Errors: as `read`.
    pub async fn read_entry(&self, entry: EntryId) -> Result<Vec<Record>, StoreError> {
        let rows = match self {
            Self::Memory(log) => log.rows_of(entry),
            Self::Sqlite(log) => log.rows_of(entry).await?,
        };
        rows.iter().map(row::Row::record).collect()
    }

    /// The entries that ever were this citizen's, the one opened last first; at most `PAGE_MAX`. Errors: `Unavailable`.
    pub async fn entries_of(&self, citizen: &CitizenId) -> Result<Vec<EntryId>, StoreError> {
        match self {
            Self::Memory(log) => Ok(log.entries_of(citizen)),
            Self::Sqlite(log) => log.entries_of(citizen, PAGE_MAX).await,
        }
    }

    /// Where what is over and wanted is found, the last closed first; at most `limit` (and `PAGE_MAX`). What it is, is in
    /// its records. Errors: `Unavailable`.
    pub async fn closed(&self, wanted: &Wanted, limit: usize) -> Result<Vec<closed::Found>, StoreError> {
        match self {
            Self::Memory(log) => Ok(log.closed(wanted, limit.min(PAGE_MAX))),
            Self::Sqlite(log) => log.closed(wanted, limit.min(PAGE_MAX)).await,
        }
    }

    /// The number that an entry had which is over. None: there is none such. Errors: `Unavailable`.
    pub async fn number_of(&self, entry: EntryId) -> Result<Option<u32>, StoreError> {
        match self {
            Self::Memory(log) => Ok(log.number_of(entry)),
            Self::Sqlite(log) => log.number_of(entry).await,
        }
    }

    /// Looks after number `after`, at most `limit` (and `PAGE_MAX`). Errors: as `read`.
    pub async fn looks(&self, after: u64, limit: usize) -> Result<Vec<Looked>, StoreError> {
        let rows = match self {
            Self::Memory(log) => log.look_rows(after, limit.min(PAGE_MAX)),
            Self::Sqlite(log) => log.look_rows(after, limit.min(PAGE_MAX)).await?,
        };
        rows.iter().map(row::LookRow::looked).collect()
    }

    /// Recomputes the chains from the first link, checks the file and compares with the witness.
    /// Errors: `Corrupt` naming the first bad one, `Unavailable`.
    pub async fn verify(&self) -> Result<Heads, StoreError> {
        match self {
            Self::Memory(log) => log.verify(),
            Self::Sqlite(log) => log.verify().await,
        }
    }

    /// As `verify`, with pauses, so that others are not held up. Not of a log in memory.
    pub async fn verify_slowly(&self) -> Result<Heads, StoreError> {
        match self {
            Self::Memory(log) => log.verify(),
            Self::Sqlite(log) => log.verify_slowly().await,
        }
    }

    /// How far a chain is known to have reached.
    pub async fn reached(&self, chain: Chain) -> Option<Sequence> {
        match self {
            Self::Memory(_) => None,
            Self::Sqlite(log) => log.reached(chain).await,
        }
    }

    /// Copies the log to a new file (rights 0600), syncs and verifies the copy. To go back to it: put it in the data
    /// folder as `log.db`, without the old `-wal` and `-shm`, and delete the witness.
    /// Errors: `Refused` when the file exists or the log is in memory, `Unavailable`.
    pub async fn backup(&self, file: &Path) -> Result<Heads, StoreError> {
        match self {
            Self::Memory(_) => Err(StoreError::refused("a log in memory has no backup")),
            Self::Sqlite(log) => log.backup(file).await,
        }
    }
}

/// Errors: `Refused` when the records are not numbered gaplessly from `head` + 1.
fn check_numbering(head: Sequence, records: &[Record]) -> Result<(), StoreError> {
    let mut expected = head;
    for record in records {
        expected = expected.next();
        if record.sequence != expected {
            let why = format!("record {} in a batch where {expected} was due", record.sequence);
            return Err(StoreError::refused(why));
        }
    }
    Ok(())
}
