//! The data folder: who may read it, that it is on a local disk, and that one server alone holds it.
//!
//! Must never know what is in the files.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::{StoreError, Why};

/// Rights of folders; wider ones are refused.
pub const FOLDER_MODE: u32 = 0o700;
/// Rights of files; wider ones are refused.
pub const FILE_MODE: u32 = 0o600;
/// Name of the lock file in the data folder. It holds the process id of its holder.
pub const LOCK_FILE: &str = "lock";
/// Longest lock file that is read for the message (bytes).
const LOCK_TEXT_MAX: u64 = 32;
/// Kinds of file system without dependable locks or syncs.
const NETWORK_KINDS: &[&str] = &["nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.sshfs"];

/// Where the witness lives when nothing is set: `<dir>.witness`, beside the data folder.
pub fn default_witness(dir: &Path) -> PathBuf {
    let dir = dir.canonicalize().or_else(|_| std::path::absolute(dir)).unwrap_or_else(|_| dir.to_path_buf());
    let mut name = dir.file_name().unwrap_or_default().to_os_string();
    name.push(".witness");
    dir.with_file_name(name)
}

/// Makes the folder (0700) or checks the one there. Errors: `Refused` for wider rights or a network file system,
/// `Unavailable` when it cannot be made.
pub fn prepare(dir: &Path) -> Result<(), StoreError> {
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(dir).map_err(|error| failed(dir, &error))?;
    check_mode(dir, FOLDER_MODE)?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let whole = dir.canonicalize().map_err(|error| failed(dir, &error))?;
    match network_kind(&mounts, &whole) {
        None => Ok(()),
        Some(kind) => {
            let text = format!("{} is on a network file system ({kind}); use a local disk", dir.display());
            let why = Why::coded("network-disk", text).with("file", dir.display()).with("kind", kind);
            Err(StoreError::refused(why))
        }
    }
}

/// Makes an empty file with rights 0600, or checks the rights of the one there.
pub fn own_file(path: &Path) -> Result<File, StoreError> {
    let is_new = !path.exists();
    let file = open(path)?;
    check_mode(path, FILE_MODE)?;
    // One that was there is durable; a disk that hangs must not hold up the start for it.
    if is_new {
        sync_folder_of(path)?;
    }
    Ok(file)
}

/// Checks a file that may be missing. Errors: `Refused` naming the command that mends it.
pub fn check_file(path: &Path) -> Result<(), StoreError> {
    if path.exists() { check_mode(path, FILE_MODE) } else { Ok(()) }
}

/// Makes a name in the folder durable.
pub fn sync_folder_of(path: &Path) -> Result<(), StoreError> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| failed(path, &error))
}

/// Writes a file anew: under another name until it is whole and on disk. Errors: as [`prepare`].
pub fn replace(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), StoreError> {
    let unfinished = path.with_extension("new");
    let mut file = own_file(&unfinished)?;
    let written = file
        .set_len(0)
        .and_then(|()| write(&mut file))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&unfinished, path));
    written.map_err(|error| failed(path, &error))?;
    sync_folder_of(path)
}

/// Takes the folder for this process until the file is dropped. Errors: `Refused` when another server has it.
pub fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join(LOCK_FILE);
    let mut file = own_file(&path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Only for the message: an unreadable lock file leaves the process out of it.
            let _ = file.take(LOCK_TEXT_MAX).read_to_string(&mut holder);
            let (process, dir) = (holder.trim(), dir.display());
            let text = format!("another server (process {process}) holds {dir}");
            let why = Why::coded("held", text).with("process", process).with("file", dir);
            return Err(StoreError::refused(why));
        }
        Err(TryLockError::Error(error)) => return Err(failed(&path, &error)),
    }
    file.set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(|error| failed(&path, &error))?;
    Ok(file)
}

/// Gives the folder up at once. Closing the file is not enough: a program that is just being started by another
/// thread holds a copy of it until it runs.
pub fn unlock(lock: &File) {
    // It is closed in any case.
    let _ = lock.unlock();
}

fn open(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(FILE_MODE)
        .open(path)
        .map_err(|error| failed(path, &error))
}

fn check_mode(path: &Path, allowed: u32) -> Result<(), StoreError> {
    let mode = fs::metadata(path).map_err(|error| failed(path, &error))?.permissions().mode() & 0o777;
    if mode & !allowed == 0 {
        return Ok(());
    }
    let path = path.display();
    let text = format!("others may read {path} (rights {mode:03o}); run: chmod {allowed:03o} {path}");
    let why = Why::coded("open-to-others", text).with("file", path).with("rights", format!("{allowed:03o}"));
    Err(StoreError::refused(why))
}

/// The kind of network file system that `path` is on, read from `/proc/self/mountinfo`.
pub fn network_kind<'m>(mountinfo: &'m str, path: &Path) -> Option<&'m str> {
    let mounts = mountinfo.lines().filter_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        Some((left.split(' ').nth(4)?, right.split(' ').next()?))
    });
    // The later of two mounts on one place hides the earlier.
    let (_, kind) = mounts
        .filter(|(place, _)| path.starts_with(place))
        .max_by_key(|(place, _)| Path::new(place).components().count())?;
    NETWORK_KINDS.contains(&kind).then_some(kind)
}

pub(super) fn failed(path: &Path, error: &io::Error) -> StoreError {
    let code = match error.kind() {
        io::ErrorKind::NotFound => "missing",
        io::ErrorKind::PermissionDenied => "forbidden",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "disk-full",
        io::ErrorKind::ReadOnlyFilesystem => "read-only",
        _ => "disk",
    };
    let why = Why::coded(code, format!("{}: {error}", path.display()));
    StoreError::unavailable(why.with("file", path.display()).with("error", error))
}
