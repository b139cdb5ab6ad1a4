//! A watched folder: files that somebody else drops, handed on one by one and deleted once their effects are on disk.
//!
//! Owns when a file is complete, in which order files go, what happens to one that cannot be read, and how the
//! folder's own health is told. Must never know what is in a file, never follow a link, never copy a file, and never
//! say a file's name: it may hold a CPR number.
//!
//! A file counts as complete when it looked the same (size, time, inode) in [`Timing::looks`] looks in a row, nobody has
//! it open for writing, and it has been so for [`Timing::rest`]; one whose content says that it is whole
//! ([`Handler::is_whole`]) waits for no rest. Until then it waits, and that is told. Nothing is deleted of which a byte
//! came later: a file is put aside under a hidden name, looked at once more, and put back if it is another. The
//! better way for whoever fills the folder is to write under another name (`.…`, `….tmp`, `….part`: never looked at)
//! and rename. A file that comes again after a crash between "on disk" and "deleted" must be harmless: the handler's
//! keys are made of the content.
//!
//! A file of which a part waits for somebody else ([`Verdict::Waits`]) holds up no other: it stays, is read again
//! every [`Timing::again_looks`] looks, in its place by name, and how much waits is told.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::future::Future;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use super::{Backlog, Contact, Malformed, Now, SourceHealth, Waiting};
use crate::domain::identity::{Code, SourceName};
use crate::protocol::board::SourceState;

/// Names looked at in one look at most; a fuller folder is told as trouble and emptied from what was seen.
const NAMES_MAX: usize = 20_000;
/// Files handed on in one look at most.
const FILES_PER_LOOK_MAX: usize = 200;
/// A file that has stayed for this many looks because of our own trouble is told of.
const KEPT_LOOKS_TOLD: u32 = 15;
/// Appended to the name of a file that cannot be read at all; such names are never looked at again.
pub const SET_ASIDE: &str = ".unreadable";
/// Around the name of a file that is being deleted. Left over by a crash it is put back and read again.
const PUT_ASIDE: (&str, &str) = (".", ".taken");
/// A file that is not complete for so long is told of.
const TOLD_AFTER: TimeDelta = TimeDelta::seconds(30);
/// Names tried for a file that is set aside, so that an earlier one is never overwritten.
const SET_ASIDE_NAMES_MAX: u32 = 1000;

/// Every wait of the folder. Tests look by hand; the defaults are what is promised.
#[derive(Debug, Clone)]
pub struct Timing {
    pub look_every: Duration,
    /// Looks in a row in which a file must look the same before it is read.
    pub looks: u32,
    /// Looks after which files that wait are read again.
    pub again_looks: u32,
    /// How long a file must have looked the same, and not been open, unless its content says that it is whole.
    pub rest: TimeDelta,
}

impl Default for Timing {
    fn default() -> Self {
        Self { look_every: Duration::from_secs(2), looks: 3, again_looks: 5, rest: TimeDelta::seconds(60) }
    }
}

/// One complete file. Its `Debug` says nothing: name and content may be personal data.
pub struct Dropped {
    /// For telling formats apart by their ending; never to be logged or stored.
    pub name: String,
    pub bytes: Vec<u8>,
    /// When it was last written, by the folder's clock; the same for a file that is read again after a crash.
    pub written_at: DateTime<Utc>,
}

impl std::fmt::Debug for Dropped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Dropped({} bytes)", self.bytes.len())
    }
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Everything it says is on disk: it is deleted.
    Done,
    /// Our own trouble: it stays where it is, and nothing after it is read before it.
    Retry,
    /// Some of it waits for somebody else, the rest is on disk: it stays, and those after it are read.
    Waits(Waiting),
    /// It can never be read; the code says why in source health. It is renamed in place.
    SetAside(Code),
}

/// What reads the files.
pub trait Handler: Send + Sync {
    fn handle(&self, file: Dropped) -> impl Future<Output = Verdict> + Send;

    /// Whether the bytes end where what they say ends, so that nothing can come behind them.
    fn is_whole(&self, _bytes: &[u8]) -> bool {
        false
    }

    /// The files that wait, by name, are handed in again from here on; what is remembered of others may go.
    fn again(&self, _waiting: &BTreeSet<String>) {}
}

/// What one look did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Looked {
    pub done: usize,
    pub set_aside: usize,
    /// Complete, and still there: our own trouble.
    pub kept: usize,
    /// Complete, and still there: part of it waits for somebody else.
    pub waits: usize,
}

/// Whom a folder tells how it is. What the files say is its handler's.
pub trait Inbox: Contact + SourceHealth + Malformed + Backlog {}

impl<I: Contact + SourceHealth + Malformed + Backlog> Inbox for I {}

/// A folder to watch.
pub struct DropFolder<I> {
    pub source: SourceName,
    pub folder: PathBuf,
    /// Larger files are set aside unread (bytes).
    pub file_max: u64,
    pub inbox: I,
    pub timing: Timing,
    pub now: Now,
}

impl<I: Inbox> DropFolder<I> {
    /// Looks until `stop`. Never fails: whatever goes wrong is told as source health and tried again.
    pub async fn run(self, handler: impl Handler, stop: CancellationToken) {
        let (source, inbox) = (self.source.clone(), self.inbox.clone());
        let every = self.timing.look_every;
        let mut watch = self.watch();
        while !stop.is_cancelled() {
            watch.scan_once(&handler).await;
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(every) => {}
            }
        }
        inbox.state(&source, SourceState::Off, None);
    }

    pub fn watch(self) -> Watch<I> {
        Watch {
            folder: self,
            known: HashMap::new(),
            told: None,
            kept_looks: 0,
            looks_since_again: 0,
            told_waiting: None,
        }
    }
}

/// What a file looked like. Another content is another one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Looks {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Looks {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }

    fn written_at(&self) -> DateTime<Utc> {
        let (seconds, nanos) = self.modified;
        DateTime::from_timestamp(seconds, u32::try_from(nanos).unwrap_or(0)).unwrap_or(DateTime::UNIX_EPOCH)
    }
}

/// What is remembered of a file between two looks.
struct Known {
    looks: Looks,
    /// So many looks in a row showed the same.
    times: u32,
    /// Since when it looks the same and nobody has it open.
    since: DateTime<Utc>,
    /// Since when it is there and not complete.
    incomplete_since: Option<DateTime<Utc>>,
    /// Handled, and could not be deleted or renamed: not read again while it looks the same.
    is_over: bool,
    /// What of it waits.
    waiting: Option<Waiting>,
    /// It waits, and its turn has not come again.
    is_resting: bool,
}

/// A folder being watched.
pub struct Watch<I> {
    folder: DropFolder<I>,
    known: HashMap<OsString, Known>,
    /// The folder's trouble last told; the inner None: it is well.
    told: Option<Option<&'static str>>,
    /// Looks in a row that ended with a file that could not be taken in.
    kept_looks: u32,
    looks_since_again: u32,
    /// What was last told of what waits.
    told_waiting: Option<Waiting>,
}

impl<I: Inbox> Watch<I> {
    /// One look: every complete file goes to the handler, in order of name.
    pub async fn scan_once(&mut self, handler: &impl Handler) -> Looked {
        let mut looked = Looked::default();
        let path = self.folder.folder.clone();
        let (listed, beside) = match blocking(move || list(&path)).await {
            Ok(Listed { files, beside }) => (files, beside),
            Err(trouble) => {
                self.tell(Some(trouble));
                return looked;
            }
        };
        self.note(&listed);
        self.wake(handler);
        self.tell(self.lasting().or(beside));
        let ready = listed.into_iter().filter(|(name, _)| self.is_ready(name));
        let ready: Vec<_> = ready.take(FILES_PER_LOOK_MAX).collect();
        for (name, looks) in ready {
            match self.one(&name, looks, handler).await {
                Some(Verdict::Done) => looked.done += 1,
                Some(Verdict::SetAside(_)) => looked.set_aside += 1,
                Some(Verdict::Retry) => {
                    looked.kept += 1;
                    break;
                }
                Some(Verdict::Waits(_)) => looked.waits += 1,
                None => {}
            }
        }
        self.tell_waiting();
        self.kept_looks = if looked.kept > 0 { self.kept_looks.saturating_add(1) } else { 0 };
        looked
    }

    /// When it is time, those that wait are read again.
    fn wake(&mut self, handler: &impl Handler) {
        self.looks_since_again = self.looks_since_again.saturating_add(1);
        if self.looks_since_again < self.folder.timing.again_looks {
            return;
        }
        self.looks_since_again = 0;
        let waiting = self.known.iter_mut().filter(|(_, known)| known.waiting.is_some());
        let names = waiting.map(|(name, known)| {
            known.is_resting = false;
            name.to_string_lossy().into_owned()
        });
        handler.again(&names.collect());
    }

    /// How much waits in all files together, and why the first of it does.
    fn tell_waiting(&mut self) {
        let mut all: Vec<_> =
            self.known.iter().filter_map(|(name, known)| Some((name, known.waiting.as_ref()?))).collect();
        all.sort_unstable_by_key(|(name, _)| *name);
        let count = all.iter().fold(0_u32, |sum, (_, waiting)| sum.saturating_add(waiting.count));
        let waiting = all.first().map(|(_, first)| Waiting { count, why: first.why.clone() });
        if self.told_waiting != waiting {
            self.folder.inbox.waits(&self.folder.source, waiting.clone());
            self.told_waiting = waiting;
        }
    }

    /// Trouble that is not over because the folder can be read.
    fn lasting(&self) -> Option<&'static str> {
        let is_stuck = self.known.values().any(|known| known.is_over);
        let waits = (self.kept_looks >= KEPT_LOOKS_TOLD).then_some("file-waits");
        let now = (self.folder.now)();
        let is_long = |known: &Known| known.incomplete_since.is_some_and(|since| now - since >= TOLD_AFTER);
        let written = self.known.values().any(is_long).then_some("file-being-written");
        is_stuck.then_some("cannot-delete").or(waits).or(written)
    }

    fn tell(&mut self, trouble: Option<&'static str>) {
        if self.told == Some(trouble) {
            return;
        }
        self.told = Some(trouble);
        let state = match trouble {
            None => SourceState::Ok,
            // Files are read all the same.
            Some("file-being-written" | "is-folder" | "is-link" | "folder-full") => SourceState::Late,
            Some(_) => SourceState::Silent,
        };
        self.folder.inbox.state(&self.folder.source, state, trouble.map(Code::constant));
    }

    /// Counts how long each file has looked the same; what is gone is forgotten.
    fn note(&mut self, listed: &[(OsString, Looks)]) {
        let now = (self.folder.now)();
        let mut before = std::mem::take(&mut self.known);
        for (name, looks) in listed {
            let known = match before.remove(name) {
                Some(known) if known.looks == *looks => {
                    Known { times: known.times.saturating_add(1), ..known }
                }
                other => Known {
                    looks: *looks,
                    times: 1,
                    since: now,
                    incomplete_since: other.and_then(|it| it.incomplete_since).or(Some(now)),
                    is_over: false,
                    waiting: None,
                    is_resting: false,
                },
            };
            self.known.insert(name.clone(), known);
        }
    }

    fn is_ready(&self, name: &OsStr) -> bool {
        let is_due = |known: &Known| !known.is_over && !known.is_resting;
        self.known.get(name).is_some_and(|known| is_due(known) && known.times >= self.folder.timing.looks)
    }

    /// None: it changed or went away while we looked.
    async fn one(&mut self, name: &OsStr, looks: Looks, handler: &impl Handler) -> Option<Verdict> {
        let path = self.folder.folder.join(name);
        let max = self.folder.file_max;
        let verdict = if looks.size > max {
            Verdict::SetAside(Code::constant("file-too-large"))
        } else {
            let (from, shown) = (path.clone(), name.to_string_lossy().into_owned());
            match blocking(move || read(&from, looks, max)).await {
                Ok(Some((bytes, is_open))) => {
                    if !self.is_complete(name, is_open, || handler.is_whole(&bytes)) {
                        return None;
                    }
                    let file = Dropped { name: shown, bytes, written_at: looks.written_at() };
                    handler.handle(file).await
                }
                Ok(None) => return None,
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    Verdict::SetAside(Code::constant("file-unreadable"))
                }
                // The disk's trouble, or the server is stopping: the file is well.
                Err(_) => Verdict::Retry,
            }
        };
        self.settle(name, path, looks, &verdict).await;
        Some(verdict)
    }

    /// Nobody writes it any more, as far as can be told.
    fn is_complete(&mut self, name: &OsStr, is_open: bool, is_whole: impl FnOnce() -> bool) -> bool {
        let (now, rest) = ((self.folder.now)(), self.folder.timing.rest);
        let Some(known) = self.known.get_mut(name) else { return false };
        if is_open {
            known.since = now;
            return false;
        }
        let is_complete = now - known.since >= rest || is_whole();
        if is_complete {
            known.incomplete_since = None;
        }
        is_complete
    }

    async fn settle(&mut self, name: &OsStr, path: PathBuf, looks: Looks, verdict: &Verdict) {
        let (inbox, source) = (&self.folder.inbox, &self.folder.source);
        let settled = match verdict {
            Verdict::Retry => return,
            Verdict::Waits(waiting) => {
                inbox.heard(source);
                if let Some(known) = self.known.get_mut(name) {
                    (known.waiting, known.is_resting) = (Some(waiting.clone()), true);
                }
                return;
            }
            Verdict::Done => {
                inbox.heard(source);
                blocking(move || delete(&path, looks)).await
            }
            Verdict::SetAside(why) => {
                inbox.unreadable(source, why.clone());
                blocking(move || set_aside(&path, looks)).await
            }
        };
        match settled {
            Ok(()) => {
                self.known.remove(name);
            }
            Err(error) => {
                tracing::warn!(%source, kind = ?error.kind(), "a file could not be taken out of its folder");
                if let Some(known) = self.known.get_mut(name) {
                    known.is_over = true;
                }
                self.tell(Some("cannot-delete"));
            }
        }
    }
}

/// Runs on a thread that may block.
async fn blocking<T: Send + 'static, E: From<Lost> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(E::from(Lost)))
}

/// The thread is gone: the server is stopping.
struct Lost;

impl From<Lost> for io::Error {
    fn from(_: Lost) -> Self {
        io::Error::other("stopping")
    }
}

impl From<Lost> for &'static str {
    fn from(_: Lost) -> Self {
        "folder-unreadable"
    }
}

/// What a look found.
struct Listed {
    /// The regular files that may be read, in order of name.
    files: Vec<(OsString, Looks)>,
    /// Something else that lies there and is never read.
    beside: Option<&'static str>,
}

fn list(folder: &Path) -> Result<Listed, &'static str> {
    let entries = fs::read_dir(folder).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "folder-missing",
        _ => "folder-unreadable",
    })?;
    let (mut files, mut beside, mut seen) = (Vec::new(), None, 0);
    for entry in entries.take(NAMES_MAX) {
        seen += 1;
        let Ok(entry) = entry else { return Err("folder-unreadable") };
        let name = entry.file_name();
        // Of the link itself, not of what it points to. Gone in between: nothing to read.
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_file() && put_back(folder, &name) {
            continue;
        }
        if is_passed_over(&name) {
            continue;
        }
        if metadata.is_file() {
            files.push((name, Looks::of(&metadata)));
        } else if metadata.is_dir() {
            beside = beside.or(Some("is-folder"));
        } else if metadata.is_symlink() {
            beside = beside.or(Some("is-link"));
        }
    }
    files.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    Ok(Listed { files, beside: beside.or((seen == NAMES_MAX).then_some("folder-full")) })
}

/// Puts back a file that was being deleted when the program ended: it is read once more, which is harmless.
fn put_back(folder: &Path, name: &OsStr) -> bool {
    let Some(was) = name.to_str().and_then(|name| {
        let bare = name.strip_prefix(PUT_ASIDE.0)?.strip_suffix(PUT_ASIDE.1)?;
        (!bare.is_empty()).then(|| bare.to_owned())
    }) else {
        return false;
    };
    let (aside, path) = (folder.join(name), folder.join(was));
    // A link made under a free name fails if the name is taken; then it waits for its turn.
    fs::hard_link(&aside, &path).and_then(|()| fs::remove_file(&aside)).is_ok()
}

/// The files that somebody has open for writing, by device and inode. Of other users' programs it cannot be told.
fn written_by_somebody() -> HashSet<(u64, u64)> {
    let mut open = HashSet::new();
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Ok(files) = fs::read_dir(process.path().join("fd")) else { continue };
        for file in files.flatten() {
            let info = process.path().join("fdinfo").join(file.file_name());
            let flags = fs::read_to_string(info).ok().and_then(|info| {
                let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
                u32::from_str_radix(flags.trim(), 8).ok()
            });
            // O_WRONLY or O_RDWR.
            if flags.is_some_and(|flags| flags & 3 != 0)
                && let Ok(metadata) = fs::metadata(file.path())
            {
                open.insert((metadata.dev(), metadata.ino()));
            }
        }
    }
    open
}

/// Names of files that are still being written, or that were set aside.
fn is_passed_over(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_ascii_lowercase();
    let is_set_aside = name.rsplit_once(SET_ASIDE).is_some_and(|(_, rest)| {
        rest.is_empty() || rest.strip_prefix('-').is_some_and(|number| number.parse::<u32>().is_ok())
    });
    name.starts_with('.')
        || name.ends_with('~')
        || [".tmp", ".part", ".partial", ".filepart", ".crdownload"].iter().any(|end| name.ends_with(end))
        || is_set_aside
}

/// The bytes, and whether somebody has it open for writing. None: it is no longer the file that was listed.
fn read(path: &Path, listed: Looks, max: u64) -> io::Result<Option<(Vec<u8>, bool)>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    // What a link put in its place would point to has another inode.
    if Looks::of(&file.metadata()?) != listed {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    (&file).take(max + 1).read_to_end(&mut bytes)?;
    let is_whole = bytes.len() as u64 == listed.size && Looks::of(&file.metadata()?) == listed;
    let is_open = is_whole && written_by_somebody().contains(&(listed.device, listed.inode));
    Ok(is_whole.then_some((bytes, is_open)))
}

/// Whether the name still stands for the file that was read.
fn is_still(path: &Path, looks: Looks) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(metadata.is_file() && Looks::of(&metadata) == looks),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// A file that was written over in the meantime stays: it is another one, and is read in its turn.
fn delete(path: &Path, looks: Looks) -> io::Result<()> {
    if !is_still(path, looks)? {
        return Ok(());
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
    let mut hidden = OsString::from(PUT_ASIDE.0);
    hidden.push(name);
    hidden.push(PUT_ASIDE.1);
    let aside = folder.join(hidden);
    fs::rename(path, &aside)?;
    // Whoever opened it by its name before that has it open still.
    let is_same = is_still(&aside, looks)? && !written_by_somebody().contains(&(looks.device, looks.inode));
    if is_same {
        return fs::remove_file(&aside);
    }
    fs::hard_link(&aside, path).and_then(|()| fs::remove_file(&aside))
}

fn set_aside(path: &Path, looks: Looks) -> io::Result<()> {
    if !is_still(path, looks)? {
        return Ok(());
    }
    for number in 1..=SET_ASIDE_NAMES_MAX {
        let mut to = path.as_os_str().to_owned();
        to.push(SET_ASIDE);
        if number > 1 {
            to.push(format!("-{number}"));
        }
        // A link made under a free name fails if the name is taken; a rename would overwrite.
        match fs::hard_link(path, &to) {
            Ok(()) => return fs::remove_file(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            // A file system without hard links.
            Err(_) if fs::symlink_metadata(&to).is_err() => return fs::rename(path, &to),
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}
