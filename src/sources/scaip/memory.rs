//! The file in which it is remembered who was heard when. Owns its form and how it is replaced; must never hold more than
//! device ids and times.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use tracing::warn;

use super::pulse::Memory;

/// A larger one is none of ours (bytes).
const FILE_MAX: u64 = 16 * 1024 * 1024;

/// None: there is none, or none that can be read, which is logged; then silence counts from now.
pub fn read(file: &Path) -> Option<Memory> {
    let read = || -> io::Result<Memory> {
        if fs::metadata(file)?.len() > FILE_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(serde_json::from_slice(&fs::read(file)?)?)
    };
    match read() {
        Ok(memory) => Some(memory),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            warn!(file = %file.display(), %error, "who was heard when cannot be read: silence of units counts from now");
            None
        }
    }
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
