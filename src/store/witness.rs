//! The head witness: the last numbers and hashes of both chains, kept outside the data folder.
//!
//! A log that was cut short or replaced by an older copy is well-formed in itself; only the witness knows that there
//! was more. Must never know what a record says.
//!
//! The file is `head`: lines `record <number> <hash>`, `look <number> <hash>`, `key <number> <hash>`, `check <digest of
//! the ones before>`; one that an older program wrote has no line of keys. It
//! is overwritten in place after each commit (that survives the end of the process) and synced at least each second
//! (that survives a power cut). A witness that is behind the log is normal after a power cut.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::chain::{Chain, Hash};
use super::{Head, Heads, StoreError, folder};
use crate::domain::identity::Sequence;

/// Name of the file in the witness folder.
pub const WITNESS_FILE: &str = "head";
/// The file is synced at least this often while it changes. Real time: it bounds what a power cut may take.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// Longer files are not ours (bytes).
const LENGTH_MAX: u64 = 1_024;

pub struct Witness {
    path: PathBuf,
    file: Arc<File>,
    /// Tells the syncing thread that there is something to sync; it ends when this is dropped.
    changed: SyncSender<()>,
    /// Trouble is logged once, not at each commit.
    is_failing: AtomicBool,
}

impl Witness {
    /// Opens or makes the file; what it saw last is read with [`read`].
    /// Errors: `Refused` for wider rights.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        folder::prepare(dir)?;
        let path = dir.join(WITNESS_FILE);
        let file = Arc::new(folder::own_file(&path)?);
        let (changed, told) = sync_channel::<()>(1);
        let syncing = Arc::clone(&file);
        std::thread::spawn(move || {
            while told.recv().is_ok() {
                if let Err(error) = syncing.sync_data() {
                    tracing::error!(%error, "the head witness could not be synced");
                }
                #[expect(
                    clippy::disallowed_methods,
                    reason = "a pause of the disk's own, not of the domain's time"
                )]
                std::thread::sleep(SYNC_EVERY);
            }
        });
        Ok(Self { path, file, changed, is_failing: AtomicBool::new(false) })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Notes what was committed. A failure does not undo the commit: it is logged and mended by the next one.
    pub fn note(&self, heads: Heads) {
        let written = self.file.write_all_at(text(heads).as_bytes(), 0);
        let was_failing = self.is_failing.swap(written.is_err(), Ordering::Relaxed);
        match written {
            Err(error) if !was_failing => {
                tracing::error!(%error, path = %self.path.display(), "the head witness cannot be written");
            }
            Ok(()) if was_failing => tracing::warn!("the head witness is written again"),
            _ => {}
        }
        // A full channel means that a sync is due already.
        let _ = self.changed.try_send(());
    }

    /// Errors: `Unavailable`.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.file.sync_all().map_err(|error| folder::failed(&self.path, &error))
    }
}

/// What the witness saw last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Noted {
    pub records: Head,
    pub looks: Head,
    /// None: noted by a program that kept no chain of keys.
    pub keys: Option<Head>,
}

/// What the witness at `path` saw last; none while it is empty or missing.
pub fn read(path: &Path) -> Result<Option<Noted>, StoreError> {
    let length = match std::fs::metadata(path) {
        Ok(it) => it.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(folder::failed(path, &error)),
    };
    if length == 0 {
        return Ok(None);
    }
    let text = if length > LENGTH_MAX { None } else { std::fs::read_to_string(path).ok() };
    match text.as_deref().and_then(parse) {
        Some(noted) => Ok(Some(noted)),
        None => Err(StoreError::Corrupt {
            chain: Chain::Records,
            sequence: Sequence(0),
            why: format!("the witness {} cannot be read; delete it to go on without", path.display()),
        }),
    }
}

/// Compares one chain with what the witness saw. `at` is the hash that the log has at the witness's number.
/// Errors: `Corrupt` naming from and to.
pub fn compare(chain: Chain, seen: Head, log: Head, at: Option<Hash>, path: &Path) -> Result<(), StoreError> {
    let (from, to) = (log.sequence.next(), seen.sequence);
    let path = path.display();
    if seen.sequence > log.sequence {
        let why = format!(
            "{chain}s {from} to {to} are gone: the witness has seen them. To accept that, delete {path}"
        );
        return Err(StoreError::Corrupt { chain, sequence: from, why });
    }
    if at.is_some_and(|hash| hash != seen.hash) {
        let why = format!("it is not the {chain} that the witness {path} has seen");
        return Err(StoreError::Corrupt { chain, sequence: to, why });
    }
    Ok(())
}

fn text(heads: Heads) -> String {
    let lines = [(Chain::Records, heads.records), (Chain::Looks, heads.looks), (Chain::Keys, heads.keys)];
    let lines: String = lines.iter().map(|(chain, head)| line(*chain, *head) + "\n").collect();
    let check = check(&lines);
    format!("{lines}check {check}\n")
}

/// Fixed width, so that a shorter text never leaves a rest of a longer one.
fn line(chain: Chain, head: Head) -> String {
    format!("{chain} {:020} {}", head.sequence.0, head.hash)
}

fn check(lines: &str) -> String {
    hex::encode(Sha256::digest(lines.as_bytes()))
}

fn parse(text: &str) -> Option<Noted> {
    let (lines, rest) = text.split_at_checked(text.find("check ")?)?;
    if rest.strip_prefix("check ")?.trim_end() != check(lines) {
        return None;
    }
    let mut heads = lines.lines().map(|line| {
        let mut words = line.split(' ').skip(1);
        let sequence = Sequence(words.next()?.parse().ok()?);
        Some(Head { sequence, hash: Hash::parse(words.next()?)? })
    });
    let (records, looks) = (heads.next()??, heads.next()??);
    let keys = match heads.next() {
        Some(head) => Some(head?),
        None => None,
    };
    Some(Noted { records, looks, keys })
}
