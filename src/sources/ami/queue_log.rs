//! The exchange's `queue_log` file -> lines.
//!
//! Owns where reading stands: the file by inode and offset, the line that is not finished, and
//! what stands just before the offset. Rotation, truncation and a first read that goes back in time
//! are its business; what a line means is not (that is `translate`). The offset lives
//! in memory only: after a start the look-back is read again, and keys make that harmless. Which older files there are is
//! asked of `rotated`.

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::rotated::{self, Rotated, UNPACKED_BYTES_MAX, Unread, UnreadFile};

/// Longest line, in bytes; the rest of a longer one is thrown away and counted.
pub const LOG_LINE_BYTES_MAX: usize = 4 * 1024;
/// Most bytes read in one go, so that a large file does not fill the memory.
pub const LOG_READ_BYTES_MAX: usize = 1024 * 1024;
/// Bytes before the offset that are compared, to notice a file that was written anew.
const MARK_BYTES: usize = 64;
/// No talk and no wait is longer than a day (seconds).
const TALK_SECONDS_MAX: i64 = 86_400;

/// One line: `epoch|call|queue|agent|event|parameter…`.
#[derive(Clone, PartialEq, Eq)]
pub struct Line {
    /// Whole seconds of the exchange's own clock.
    pub epoch_s: i64,
    /// The caller's Uniqueid, `NONE` for lines about the queue itself.
    pub call: String,
    pub queue: String,
    /// A member's name or interface, `NONE` when nobody.
    pub agent: String,
    pub event: String,
    pub parameters: Vec<String>,
}

impl Line {
    /// Reads a line without its end. None: it does not have the five fields.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let mut fields = text.trim_end_matches('\r').split('|');
        let mut next = || fields.next().map(str::to_owned);
        let epoch_s = next()?.parse().ok()?;
        let (call, queue, agent, event) = (next()?, next()?, next()?, next()?);
        let known = [&call, &queue, &event].into_iter().all(|field| !field.is_empty());
        let parameters = fields.map(str::to_owned).collect();
        known.then_some(Self { epoch_s, call, queue, agent, event, parameters })
    }
}

impl Line {
    /// Of a line that ends a talk: how long the caller was held and how long they talked, in seconds. None: it is no
    /// such line.
    pub fn held_and_talked_s(&self) -> Option<(i64, i64)> {
        let (held, talked) = match self.event.as_str() {
            "COMPLETEAGENT" | "COMPLETECALLER" => (self.parameters.first(), self.parameters.get(1)),
            // To where comes first, in one field or in two or three.
            "TRANSFER" | "BLINDTRANSFER" | "ATTENDEDTRANSFER" => {
                let mut from_behind = self.parameters.iter().rev();
                let (talked, held) = (from_behind.nth(1), from_behind.next());
                (held, talked)
            }
            _ => return None,
        };
        let seconds = |field: Option<&String>| {
            field.and_then(|it| it.parse().ok()).map_or(0, |it: i64| it.clamp(0, TALK_SECONDS_MAX))
        };
        Some((seconds(held), seconds(talked)))
    }
}

/// Without the parameters: one of them is the caller's number.
impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}|{}|{}|{}|{}|…", self.epoch_s, self.call, self.queue, self.agent, self.event)
    }
}

/// What one go brought.
#[derive(Debug, Default)]
pub struct Lines {
    pub lines: Vec<Line>,
    /// Lines that could not be read.
    pub unreadable: usize,
    /// Older files that were not read, or not to their end: each is told once.
    pub unread: Vec<UnreadFile>,
    /// There is more already: read on.
    pub more: bool,
}

/// An open file and how far it is read.
#[derive(Debug)]
pub(super) struct OpenLog {
    pub(super) file: File,
    /// Device and inode.
    id: (u64, u64),
    offset: u64,
    cutter: Cutter,
    /// The last bytes before the offset.
    mark: Vec<u8>,
}

impl OpenLog {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let about = file.metadata()?;
        let id = (about.dev(), about.ino());
        Ok(Self { file, id, offset: 0, cutter: Cutter::default(), mark: Vec::new() })
    }

    /// True when the file is no longer the one that was read: shorter, or other bytes before the offset.
    fn rewritten(&self) -> io::Result<bool> {
        if self.file.metadata()?.len() < self.offset {
            return Ok(true);
        }
        let mut before = vec![0; self.mark.len()];
        self.file.read_exact_at(&mut before, self.offset - self.mark.len() as u64)?;
        Ok(before != self.mark)
    }

    /// Reads what was added, at most [`LOG_READ_BYTES_MAX`].
    fn read(&mut self, since: DateTime<Utc>, into: &mut Lines) -> io::Result<()> {
        if self.rewritten()? {
            self.offset = 0;
            self.cutter = Cutter::default();
            self.mark.clear();
        }
        let mut chunk = vec![0; LOG_READ_BYTES_MAX];
        let read = self.file.read_at(&mut chunk, self.offset)?;
        chunk.truncate(read);
        self.offset += read as u64;
        into.more |= read == LOG_READ_BYTES_MAX;
        let kept = if chunk.len() >= MARK_BYTES { &[] } else { &self.mark[..] };
        let seen = [kept, &chunk[..]].concat();
        self.mark = seen[seen.len().saturating_sub(MARK_BYTES)..].to_vec();
        self.cutter.take(&chunk, since, into);
        Ok(())
    }
}

/// Cuts bytes into lines, whatever portions they come in.
#[derive(Debug, Default)]
pub(super) struct Cutter {
    /// The line that has no end yet.
    partial: Vec<u8>,
    /// The front of the partial line was thrown away.
    cut: bool,
}

impl Cutter {
    /// Takes what comes next; lines older than `since` are skipped.
    pub(super) fn take(&mut self, bytes: &[u8], since: DateTime<Utc>, into: &mut Lines) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.piece(piece, since, into);
        }
    }

    /// Nothing more comes: a line without its end is none.
    pub(super) fn end(&mut self, into: &mut Lines) {
        let Self { partial, cut } = std::mem::take(self);
        into.unreadable += usize::from(cut || !partial.is_empty());
    }

    /// Takes a piece that holds at most one line end, at its own end.
    fn piece(&mut self, piece: &[u8], since: DateTime<Utc>, into: &mut Lines) {
        let ended = piece.last() == Some(&b'\n');
        self.partial.extend_from_slice(&piece[..piece.len() - usize::from(ended)]);
        if self.partial.len() > LOG_LINE_BYTES_MAX {
            self.partial.clear();
            self.cut = true;
        }
        if !ended {
            return;
        }
        let cut = std::mem::take(&mut self.cut);
        match Line::parse(&std::mem::take(&mut self.partial)) {
            _ if cut => into.unreadable += 1,
            Some(line) if line.epoch_s >= since.timestamp() => into.lines.push(line),
            Some(_) => {}
            None => into.unreadable += 1,
        }
    }
}

/// Follows the file through rotations.
#[derive(Debug)]
pub struct LogReader {
    path: PathBuf,
    /// Older lines are skipped.
    since: DateTime<Utc>,
    /// Rotated files still to be read once, oldest first, by name. None: not looked for yet.
    rotated: Option<VecDeque<(String, Rotated)>>,
    /// Most bytes that a packed one may become.
    unpacked_bytes_max: u64,
    /// The file before the last rotation: the exchange may go on writing to it for a while.
    previous: Option<OpenLog>,
    current: Option<OpenLog>,
}

impl LogReader {
    /// `since`: where the look-back begins.
    pub fn new(path: PathBuf, since: DateTime<Utc>) -> Self {
        let unpacked_bytes_max = UNPACKED_BYTES_MAX;
        Self { path, since, rotated: None, unpacked_bytes_max, previous: None, current: None }
    }

    /// A packed file may become so many bytes.
    #[must_use]
    pub fn unpacking_at_most(self, bytes: u64) -> Self {
        Self { unpacked_bytes_max: bytes, ..self }
    }

    /// The same file from the beginning of the look-back.
    pub fn anew(&self) -> Self {
        Self::new(self.path.clone(), self.since).unpacking_at_most(self.unpacked_bytes_max)
    }

    /// Reads what is new; call again at once while `more` is set.
    ///
    /// # Errors
    /// The file was never there, or cannot be read. What was read before is not lost: the
    /// next call goes on where this one stopped.
    pub fn read(&mut self) -> io::Result<Lines> {
        let mut lines = Lines::default();
        self.read_rotated(&mut lines);
        if lines.more {
            return Ok(lines);
        }
        for place in [&mut self.previous, &mut self.current].into_iter().flatten() {
            place.read(self.since, &mut lines)?;
        }
        if lines.more {
            return Ok(lines);
        }
        match OpenLog::open(&self.path) {
            Ok(found) if self.current.as_ref().is_none_or(|current| current.id != found.id) => {
                if let Some(rotated) = self.current.replace(found) {
                    self.previous = Some(rotated);
                }
                if let Some(current) = &mut self.current {
                    current.read(self.since, &mut lines)?;
                }
            }
            // Between the two steps of a rotation there is no file; the old one is still read.
            Err(error) if self.current.is_none() || error.kind() != io::ErrorKind::NotFound => {
                return Err(error);
            }
            _ => {}
        }
        Ok(lines)
    }

    /// Reads on in the files that were rotated away before we began, one portion.
    fn read_rotated(&mut self, lines: &mut Lines) {
        let rotated = self.rotated.get_or_insert_with(|| {
            let found = rotated::find(&self.path, self.since);
            lines.unread = found.unread;
            found.files.into()
        });
        while let Some((file, mut oldest)) = rotated.pop_front() {
            let outcome = match &mut oldest {
                Rotated::Plain(place) => place.read(self.since, lines).map_err(|_| Unread::Unreadable),
                Rotated::Packed(packed) => packed.read(self.since, self.unpacked_bytes_max, lines),
            };
            match (outcome, oldest) {
                (Err(why), _) => lines.unread.push(UnreadFile { file, why }),
                (Ok(()), oldest) if lines.more => {
                    rotated.push_front((file, oldest));
                    return;
                }
                (Ok(()), Rotated::Plain(place)) => self.previous = Some(place),
                // Nobody writes to it any more.
                (Ok(()), Rotated::Packed(_)) => {}
            }
        }
    }
}
