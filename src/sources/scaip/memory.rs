//! The file in which it is remembered who was heard when. Owns its form and how it is replaced; must never hold more than
//! device ids and times.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::pulse::Memory;

/// A larger one is none of ours (bytes).
const FILE_MAX: u64 = 16 * 1024 * 1024;

/// None: there is none, or none that can be read; then nobody's silence is known.
pub fn read(file: &Path) -> Option<Memory> {
    let is_small = fs::metadata(file).ok()?.len() <= FILE_MAX;
    is_small.then(|| fs::read(file).ok()).flatten().and_then(|bytes| serde_json::from_slice(&bytes).ok())
}

/// Replaces it as a whole.
///
/// # Errors
/// It could not be written; what was there stays.
pub fn write(file: &Path, memory: &Memory) -> io::Result<()> {
    let next = file.with_extension("next");
    let mut out = fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(&next)?;
    out.write_all(&serde_json::to_vec(memory)?)?;
    out.sync_all()?;
    fs::rename(next, file)
}
