//! A real pseudo-terminal with a program in it, an emulated screen, and every byte that came out.
//!
//! Waits for conditions, never for a time: each wait has a generous bound and prints what it saw when that is over.
//! Only complete frames (between begin and end of a synchronised update) reach the emulated screen.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::ioctl_fionread;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Action, Termios, Winsize, tcflow, tcgetattr, tcsetwinsize};

/// More than enough on the slowest machine; nothing is asserted about it.
pub const BOUND: Duration = Duration::from_secs(60);
/// How often the reader looks whether it shall end.
const LOOK_AGAIN: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
const FRAME_BEGINS: &[u8] = b"\x1b[?2026h";
const FRAME_ENDS: &[u8] = b"\x1b[?2026l";
/// The file system's number of "no controlling terminal for me".
const O_NOCTTY: i32 = 0o400;

/// What came out so far.
pub struct Seen {
    pub bytes: Vec<u8>,
    screen: vt100::Parser,
    /// Bytes the emulated screen has taken in.
    fed: usize,
    exit: Option<ExitStatus>,
}

impl Seen {
    fn take_in(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        let waiting = &self.bytes[self.fed..];
        let complete = match (last(waiting, FRAME_BEGINS), last(waiting, FRAME_ENDS)) {
            (Some(begins), ends) if ends.is_none_or(|ends| ends < begins) => begins,
            _ => waiting.len(),
        };
        let (from, to) = (self.fed, self.fed + complete);
        let piece = self.bytes[from..to].to_vec();
        self.screen.process(&piece);
        self.fed = to;
    }

    pub fn text(&self) -> String {
        self.screen.screen().contents()
    }

    pub fn has(&self, text: &str) -> bool {
        self.text().contains(text)
    }

    /// The first line with this text.
    pub fn line(&self, text: &str) -> Option<String> {
        self.text().lines().find(|line| line.contains(text)).map(str::to_owned)
    }

    pub fn bells(&self) -> usize {
        // A title ends in a bell byte too (OSC … BEL): those are no bells.
        crate::sequences::read(&self.bytes).iter().filter(|it| *it == "control 07").count()
    }

    pub fn screen(&self) -> &vt100::Screen {
        self.screen.screen()
    }
}

fn last(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).rposition(|window| window == what)
}

#[derive(Clone)]
struct Shared(Arc<(Mutex<Seen>, Condvar)>);

impl Shared {
    /// A test that failed while it looked leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.lock());
        self.0.1.notify_all();
    }

    /// The next change, or none for this long.
    fn changed<'s>(&'s self, seen: MutexGuard<'s, Seen>, at_most: Duration) -> MutexGuard<'s, Seen> {
        self.0.1.wait_timeout(seen, at_most).unwrap_or_else(PoisonError::into_inner).0
    }
}

/// What is started in the terminal.
pub struct Start {
    command: Command,
    size: (u16, u16),
}

impl Start {
    /// Of the program: nothing of this machine's settings reaches it.
    pub fn new(arguments: &[&str]) -> Self {
        Self::program(env!("CARGO_BIN_EXE_vagttavle"), arguments)
    }

    pub fn program(program: &str, arguments: &[&str]) -> Self {
        // `setsid --ctty` makes the pseudo-terminal the controlling one and becomes the program: same process id.
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(program).args(arguments).env_clear();
        command.env("PATH", "/usr/bin:/bin").env("HOME", "/nonexistent").env("LANG", "da_DK.UTF-8");
        command.env("TERM", "xterm-256color").env("COLORTERM", "truecolor");
        Self { command, size: (80, 24) }
    }

    pub fn size(mut self, width: u16, height: u16) -> Self {
        self.size = (width, height);
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Program and arguments, for whoever starts it elsewhere.
    pub fn words(&self) -> Vec<String> {
        let words = self.command.get_args().skip(1);
        words.map(|word| word.to_string_lossy().into_owned()).collect()
    }

    pub fn open(self) -> Terminal {
        Terminal::open(self)
    }
}

pub struct Terminal {
    pid: Pid,
    master: Option<Arc<File>>,
    /// Kept open, so that the terminal's settings can be read after the program has ended.
    slave: File,
    before: Termios,
    shared: Shared,
    is_over: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
    waiter: Option<JoinHandle<()>>,
}

impl Terminal {
    fn open(mut start: Start) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = PathBuf::from(ptsname(&master, Vec::new()).unwrap().into_string().unwrap());
        let slave = File::options().read(true).write(true).custom_flags(O_NOCTTY).open(name).unwrap();
        let (width, height) = start.size;
        tcsetwinsize(&master, winsize(width, height)).unwrap();
        let before = tcgetattr(&slave).unwrap();
        let end = || slave.try_clone().unwrap();
        let command = start.command.stdin(end()).stdout(end()).stderr(end());
        let mut child = command.spawn().unwrap();
        let pid = Pid::from_child(&child);
        let size = |it: u16| it.try_into().unwrap();
        let seen = Seen {
            bytes: Vec::new(),
            screen: vt100::Parser::new(size(height), size(width), 0),
            fed: 0,
            exit: None,
        };
        let shared = Shared(Arc::new((Mutex::new(seen), Condvar::new())));
        let master = Arc::new(File::from(master));
        let is_over = Arc::new(AtomicBool::new(false));
        let reader = std::thread::spawn({
            let (master, shared, is_over) = (master.clone(), shared.clone(), is_over.clone());
            move || read(&master, &shared, &is_over)
        });
        let waiter = std::thread::spawn({
            let shared = shared.clone();
            move || {
                let status = child.wait().unwrap();
                shared.change(|seen| seen.exit = Some(status));
            }
        });
        let (reader, waiter) = (Some(reader), Some(waiter));
        Self { pid, master: Some(master), slave, before, shared, is_over, reader, waiter }
    }

    pub fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    pub fn send(&self, bytes: impl AsRef<[u8]>) {
        let mut master: &File = self.master.as_ref().expect("the terminal is there");
        master.write_all(bytes.as_ref()).unwrap();
    }

    pub fn paste(&self, text: &str) {
        self.send(format!("\x1b[200~{text}\x1b[201~"));
    }

    pub fn resize(&self, width: u16, height: u16) {
        let size = |it: u16| it.try_into().unwrap();
        self.shared.change(|seen| seen.screen.set_size(size(height), size(width)));
        tcsetwinsize(self.master.as_ref().expect("the terminal is there"), winsize(width, height)).unwrap();
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).unwrap();
    }

    /// The terminal is gone, as when its window is closed.
    pub fn hang_up(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        self.reader.take().map(JoinHandle::join);
        let master = self.master.take().expect("hung up once");
        assert_eq!(Arc::strong_count(&master), 1, "the last one holds the terminal");
    }

    /// As Ctrl+S does: what is written from now on waits for ever.
    pub fn freeze(&self) {
        tcflow(&self.slave, Action::OOff).unwrap();
    }

    /// The program reads its keys no more.
    pub fn until_stuck(&self) {
        let mut unread = Vec::new();
        self.until("is stuck", |_| {
            self.send("?");
            unread.push(ioctl_fionread(&self.slave).unwrap());
            // What was sent just now may not have arrived yet, so two looks may count alike; a program that reads
            // makes the count fall, or keeps it where it is.
            let last = &unread[unread.len().saturating_sub(10)..];
            last.len() == 10 && last.is_sorted() && last[9] >= last[0] + 5
        });
    }

    /// The program has read what it was sent.
    pub fn until_read(&self) {
        self.until("reads what it was sent", |_| ioctl_fionread(&self.slave).unwrap() == 0);
    }

    pub fn look<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.shared.lock())
    }

    /// Waits until the screen is so; panics with the screen when it never is.
    pub fn until(&self, what: &str, mut is_so: impl FnMut(&Seen) -> bool) {
        let give_up_at = Instant::now() + BOUND;
        let mut seen = self.shared.lock();
        while !is_so(&seen) {
            let left = give_up_at.saturating_duration_since(Instant::now());
            assert!(!left.is_zero() && seen.exit.is_none(), "never {what}: {}", told(&seen));
            // A look again now and then: conditions outside the screen change unannounced.
            seen = self.shared.changed(seen, left.min(Duration::from_millis(200)));
        }
    }

    pub fn until_text(&self, text: &str) {
        self.until(&format!("shows {text:?}"), |seen| seen.has(text));
    }

    /// It drew once more: it has had time for what it was sent.
    pub fn redrawn(&self) {
        let clock = self.look(|seen| seen.text());
        self.until("draws", |seen| seen.text() != clock);
    }

    /// A key, and what it must show.
    pub fn press(&self, key: &str, shows: &str) {
        self.send(key);
        self.until(&format!("shows {shows:?} after {key:?}"), |seen| seen.has(shows));
    }

    /// Leaves, whether or not something is at stake that it asks about.
    pub fn leave(&self) -> ExitStatus {
        self.send("\x03");
        let give_up_at = Instant::now() + BOUND;
        let mut seen = self.shared.lock();
        while seen.exit.is_none() && !seen.has("Afslut alligevel?") {
            let left = give_up_at.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "neither asks nor ends: {}", told(&seen));
            seen = self.shared.changed(seen, left);
        }
        if seen.exit.is_none() {
            drop(seen);
            self.send("J");
        }
        self.ended()
    }

    /// The program ends by itself; panics with the screen when it does not.
    pub fn ended(&self) -> ExitStatus {
        let give_up_at = Instant::now() + BOUND;
        let mut seen = self.shared.lock();
        loop {
            if let Some(status) = seen.exit {
                return status;
            }
            let left = give_up_at.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "did not end: {}", told(&seen));
            seen = self.shared.changed(seen, left);
        }
    }

    /// The program has ended and gave the terminal back as it was.
    pub fn assert_given_back(&mut self) {
        self.ended();
        self.stop_reading();
        let seen = self.shared.lock();
        let screen = seen.screen();
        assert!(!screen.alternate_screen(), "alternate screen left on: {}", told(&seen));
        assert!(!screen.hide_cursor(), "cursor left hidden: {}", told(&seen));
        assert!(!screen.bracketed_paste(), "bracketed paste left on: {}", told(&seen));
        let after = tcgetattr(&self.slave).unwrap();
        assert_eq!(format!("{:?}", after.local_modes), format!("{:?}", self.before.local_modes));
        assert_eq!(format!("{:?}", after.input_modes), format!("{:?}", self.before.input_modes));
        assert_eq!(format!("{:?}", after.output_modes), format!("{:?}", self.before.output_modes));
        assert_eq!(processes_of_session(self.pid()), Vec::<String>::new(), "left running");
    }

    /// The reader has taken in everything the program wrote.
    pub fn stop_reading(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        self.reader.take().map(JoinHandle::join);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let is_running = self.look(|seen| seen.exit.is_none());
        if is_running {
            let _gone = kill_process(self.pid, Signal::KILL);
        }
        self.stop_reading();
        self.waiter.take().map(JoinHandle::join);
    }
}

/// Reads until the program's end or until told; what is there is always read to its end.
fn read(mut master: &File, shared: &Shared, is_over: &AtomicBool) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let was_over = is_over.load(Ordering::SeqCst);
        let mut ready = [PollFd::new(&master, PollFlags::IN)];
        if !matches!(poll(&mut ready, Some(&LOOK_AGAIN)), Ok(count) if count > 0) {
            if was_over {
                return;
            }
            continue;
        }
        match master.read(&mut buffer) {
            Ok(length) if length > 0 => shared.change(|seen| seen.take_in(&buffer[..length])),
            _ => return,
        }
    }
}

fn winsize(width: u16, height: u16) -> Winsize {
    Winsize { ws_row: height, ws_col: width, ws_xpixel: 0, ws_ypixel: 0 }
}

fn told(seen: &Seen) -> String {
    let tail = &seen.bytes[seen.bytes.len().saturating_sub(400)..];
    format!(
        "exit {:?}, screen:\n{}\nlast bytes: {}",
        seen.exit,
        seen.text(),
        String::from_utf8_lossy(tail).escape_debug()
    )
}

/// Processes of a session that are still there, by name.
fn processes_of_session(session: i32) -> Vec<String> {
    let folders = std::fs::read_dir("/proc").unwrap().flatten();
    folders
        .filter_map(|folder| {
            let stat = std::fs::read_to_string(folder.path().join("stat")).ok()?;
            // pid (name) state parent group session …; the name may hold anything.
            let (name, rest) = stat.rsplit_once(") ")?;
            let found: i32 = rest.split(' ').nth(3)?.parse().ok()?;
            (found == session).then(|| name.to_owned())
        })
        .collect()
}

/// Ports on which a process listens.
pub fn listening_ports(pid: i32) -> Vec<u16> {
    let links = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    let sockets: Vec<String> = links
        .filter_map(|link| std::fs::read_link(link.path()).ok())
        .filter_map(|to| to.to_str()?.strip_prefix("socket:[")?.strip_suffix(']').map(str::to_owned))
        .collect();
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    table
        .lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let is_listening = fields.get(3) == Some(&"0A");
            let is_its = fields.get(9).is_some_and(|inode| sockets.iter().any(|socket| socket == inode));
            let port = fields.get(1)?.rsplit_once(':')?.1;
            (is_listening && is_its).then(|| u16::from_str_radix(port, 16).ok())?
        })
        .collect()
}
