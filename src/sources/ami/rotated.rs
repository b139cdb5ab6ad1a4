//! Older parts of `queue_log`: files beside it with its name and an ending, as `logrotate` leaves them.
//!
//! Owns which of them are read at the start and in what order, and the unpacking of those that were packed by gzip: as a
//! stream, so that no file is ever whole in memory. Must never know what a line means. One that cannot be read costs itself
//! alone: it is named, with the reason, and the rest goes on.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use flate2::bufread::MultiGzDecoder;

use super::queue_log::{Cutter, LOG_LINE_BYTES_MAX, LOG_READ_BYTES_MAX, Line, Lines, OpenLog};
use crate::domain::identity::Code;

/// Most bytes that one packed file may become: five times the largest that is kept anywhere. A few kilobytes can be
/// packed so that they would become as many gigabytes.
pub const UNPACKED_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// How often the folder is looked through again when a file was gone before it could be opened: it was just packed.
const LOOKS_MAX: usize = 3;

/// Why an older file, or the rest of it, was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// It cannot be opened or read.
    Unreadable,
    /// Cut short or damaged; what was unpacked before that was read.
    Broken,
    /// It would become more than [`UNPACKED_BYTES_MAX`]; so much of it was read.
    TooLarge,
    /// Packed by something that is not read here.
    Bz2,
    Xz,
    Zst,
}

impl Unread {
    /// The code of source health.
    pub fn code(self) -> Code {
        Code::constant(match self {
            Self::Unreadable => "queue-log-old-unreadable",
            Self::Broken => "queue-log-old-broken",
            Self::TooLarge => "queue-log-old-too-large",
            Self::Bz2 => "queue-log-old-bz2",
            Self::Xz => "queue-log-old-xz",
            Self::Zst => "queue-log-old-zst",
        })
    }
}

/// An older file that was not read, or not to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadFile {
    /// Its name in the folder.
    pub file: String,
    pub why: Unread,
}

/// How a file was packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    Gzip,
    Other(Unread),
}

impl Packing {
    /// By how it begins, else by its ending: a name can be set to anything, and one that is named so and begins
    /// otherwise is broken.
    fn of(beginning: &[u8], name: &str) -> Option<Self> {
        const KNOWN: [(&[u8], &str, Packing); 4] = [
            (&[0x1f, 0x8b], ".gz", Packing::Gzip),
            (b"BZh", ".bz2", Packing::Other(Unread::Bz2)),
            (b"\xfd7zXZ\0", ".xz", Packing::Other(Unread::Xz)),
            (&[0x28, 0xb5, 0x2f, 0xfd], ".zst", Packing::Other(Unread::Zst)),
        ];
        let by_beginning = KNOWN.iter().find(|(mark, _, _)| beginning.starts_with(mark));
        let by_name = || KNOWN.iter().find(|(_, ending, _)| name.ends_with(ending));
        by_beginning.or_else(by_name).map(|(_, _, packing)| *packing)
    }
}

/// An older file, to be read once.
#[derive(Debug)]
pub(super) enum Rotated {
    Plain(OpenLog),
    Packed(Box<Packed>),
}

/// What [`find`] found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Oldest first.
    pub files: Vec<(String, Rotated)>,
    pub unread: Vec<UnreadFile>,
}

/// The files that may hold lines since then: those written to later. A file both packed and not is read once.
pub(super) fn find(log: &Path, since: DateTime<Utc>) -> Found {
    for _ in 1..LOOKS_MAX {
        if let Some(found) = look(log, since, true) {
            return found;
        }
    }
    look(log, since, false).unwrap_or_default()
}

/// None: one was gone before it was opened. Unless that counts, it is left out.
fn look(log: &Path, since: DateTime<Utc>, gone_counts: bool) -> Option<Found> {
    let mut found = Found::default();
    let mut order: Vec<(i64, i64, String, Rotated)> = Vec::new();
    for (written_s, name, path) in beside(log, since) {
        match open(&path, &name) {
            Ok(Ok((first_s, rotated))) => {
                order.push((first_s.unwrap_or(written_s), written_s, name, rotated));
            }
            Ok(Err(why)) => found.unread.push(UnreadFile { file: name, why }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if gone_counts {
                    return None;
                }
            }
            Err(_) => found.unread.push(UnreadFile { file: name, why: Unread::Unreadable }),
        }
    }
    // By their lines, not by when they were written to: a file may be packed, or copied back, long after.
    order.sort_by(|(a_s, a_written_s, a, _), (b_s, b_written_s, b, _)| {
        (a_s, a_written_s, a).cmp(&(b_s, b_written_s, b))
    });
    found.files = order.into_iter().map(|(_, _, name, rotated)| (name, rotated)).collect();
    Some(found)
}

/// When it was last written to (seconds), name and path of each file that is an older part by its name.
fn beside(log: &Path, since: DateTime<Utc>) -> Vec<(i64, String, PathBuf)> {
    let (Some(folder), Some(log_name)) = (log.parent(), log.file_name().and_then(|name| name.to_str()))
    else {
        return Vec::new();
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let mut found: Vec<(i64, String, PathBuf)> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|file| Some((file.file_name().to_str()?.to_owned(), file.path())))
        .filter(|(name, _)| name.strip_prefix(log_name).is_some_and(|ending| ending.starts_with(['.', '-'])))
        .filter_map(|(name, path)| {
            let about = fs::metadata(&path).ok().filter(fs::Metadata::is_file)?;
            Some((about.mtime(), name, path))
        })
        .filter(|(written_s, _, _)| *written_s >= since.timestamp())
        .collect();
    let names: BTreeSet<String> = found.iter().map(|(_, name, _)| name.clone()).collect();
    found.retain(|(_, name, _)| {
        // While it is being packed it is both, and only the one that was there first is whole.
        let unpacked = [".gz", ".bz2", ".xz", ".zst"].iter().find_map(|ending| name.strip_suffix(ending));
        unpacked.is_none_or(|unpacked| !names.contains(unpacked))
    });
    found
}

/// The file, with the time of its first line (seconds), or why it is not read.
fn open(path: &Path, name: &str) -> io::Result<Result<(Option<i64>, Rotated), Unread>> {
    let place = OpenLog::open(path)?;
    let mut beginning = vec![0; LOG_LINE_BYTES_MAX];
    let read = place.file.read_at(&mut beginning, 0)?;
    beginning.truncate(read);
    Ok(match Packing::of(&beginning, name) {
        None => Ok((first_line_s(&beginning), Rotated::Plain(place))),
        Some(Packing::Other(why)) => Err(why),
        Some(Packing::Gzip) => {
            let mut unpacked = Vec::new();
            // What is wrong with it shows again when it is read.
            let _ = unpacking(File::open(path)?).take(LOG_LINE_BYTES_MAX as u64).read_to_end(&mut unpacked);
            let packed =
                Packed { lines: unpacking(place.file), cutter: Cutter::default(), unpacked_bytes: 0 };
            Ok((first_line_s(&unpacked), Rotated::Packed(Box::new(packed))))
        }
    })
}

fn first_line_s(beginning: &[u8]) -> Option<i64> {
    beginning.split(|byte| *byte == b'\n').find_map(Line::parse).map(|line| line.epoch_s)
}

fn unpacking(file: File) -> MultiGzDecoder<BufReader<File>> {
    MultiGzDecoder::new(BufReader::new(file))
}

/// A packed file that is being read.
pub(super) struct Packed {
    lines: MultiGzDecoder<BufReader<File>>,
    cutter: Cutter,
    unpacked_bytes: u64,
}

impl Packed {
    /// Reads on, at most [`LOG_READ_BYTES_MAX`]; `into.more` says whether that was the end. At most so many bytes are
    /// unpacked in all.
    pub fn read(&mut self, since: DateTime<Utc>, bytes_max: u64, into: &mut Lines) -> Result<(), Unread> {
        let mut chunk = vec![0; LOG_READ_BYTES_MAX];
        let mut read = 0;
        // In steps: what was unpacked before the fault counts.
        let outcome = loop {
            match self.lines.read(&mut chunk[read..]) {
                Ok(0) => break Ok(()),
                Ok(some) => read += some,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break Err(Unread::Broken),
            }
        };
        chunk.truncate(read);
        self.unpacked_bytes += read as u64;
        self.cutter.take(&chunk, since, into);
        outcome?;
        if self.unpacked_bytes > bytes_max {
            return Err(Unread::TooLarge);
        }
        into.more |= read == LOG_READ_BYTES_MAX;
        if !into.more {
            self.cutter.end(into);
        }
        Ok(())
    }
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packed").field("unpacked_bytes", &self.unpacked_bytes).finish_non_exhaustive()
    }
}
