//! Looks that were answered and are not in the log yet: how many, in a file beside the witness.
//!
//! Written before such an answer is given, and not synced: it survives the end of the process, as the answer does. What
//! stands in it at the next start was lost, and is said. Must never hold who looked, or at whom.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::{StoreError, folder};

/// Name of the file in the witness folder.
pub const OWED_FILE: &str = "owed";
/// Longest number that is read (bytes).
const LENGTH_MAX: usize = 10;

/// Cheap to clone.
#[derive(Clone, Default)]
pub struct Owed(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// None in memory: what is owed ends with the process.
    file: Option<File>,
    count: Mutex<u32>,
    before: u32,
}

impl Owed {
    /// Opens or makes the file. Errors: as the witness.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let file = folder::own_file(&dir.join(OWED_FILE))?;
        let mut bytes = [0; LENGTH_MAX];
        // What cannot be read as a number was cut short: one at least is owed.
        let length = file.read_at(&mut bytes, 0).unwrap_or(0);
        let text = std::str::from_utf8(&bytes[..length]).unwrap_or("1").trim();
        let before = if text.is_empty() { 0 } else { text.parse().unwrap_or(1) };
        Ok(Self(Arc::new(Inner { file: Some(file), count: Mutex::new(before), before })))
    }

    /// How many were owed when the log was opened, and are lost.
    pub fn lost(&self) -> u32 {
        self.0.before
    }

    /// So many are answered now.
    pub fn add(&self, count: u32) {
        self.change(|owed| owed.saturating_add(count));
    }

    /// So many are in the log now, or were said to be lost.
    pub fn settle(&self, count: u32) {
        self.change(|owed| owed.saturating_sub(count));
    }

    fn change(&self, change: impl FnOnce(u32) -> u32) {
        let mut count = self.0.count.lock().unwrap_or_else(PoisonError::into_inner);
        *count = change(*count);
        let Some(file) = &self.0.file else { return };
        // Fixed width, so that a shorter number never leaves a rest of a longer one.
        if let Err(error) = file.write_all_at(format!("{count:010}").as_bytes(), 0) {
            tracing::error!(%error, owed = *count, "how many looks are owed cannot be written");
        }
    }
}
