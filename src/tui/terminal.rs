//! The terminal: one of the two files of the desk that touch the world.
//!
//! Owns entering and leaving the screen, so that whatever happens (a panic, a signal, a
//! closed line) the terminal is given back as it was, and empty. Asks the terminal nothing: an answer
//! could arrive late over a slow line and end up in the shell.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufWriter, Stdout, Write};
use std::mem::ManuallyDrop;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crossterm::clipboard::CopyToClipboard;
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::style::{Attribute, Print, SetAttribute};
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen, SetTitle, disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute, queue};
use ratatui::Frame;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use rustix::fs::OFlags;
use rustix::process::{Signal, getpgrp, getsid, kill_current_process_group};
use rustix::termios::{isatty, ttyname};
use termprofile::{DetectorSettings, TermProfile};

use super::seat::{Signs, Taking};

/// Bytes gathered before they go out: a full frame of a large terminal in one write.
const FRAME_BYTES: usize = 64 * 1024;

/// Puts the window's title aside, and back (xterm's title stack; others ignore it).
const KEEP_TITLE: &str = "\u{1b}[22;0t";
const GIVE_TITLE_BACK: &str = "\u{1b}[23;0t";

/// True while the terminal is ours.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);
static HELD: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The screen while the desk runs. Dropping it gives the terminal back.
pub struct Screen {
    /// Never dropped: its own drop shows the cursor once more and prints a failure to standard
    /// error, which panics when the whole terminal has hung up.
    inner: ManuallyDrop<ratatui::Terminal<CrosstermBackend<BufWriter<Taking<Stdout>>>>>,
    signs: Signs,
}

impl Screen {
    /// Takes the terminal over. Errors: standard output is no terminal, or is closed.
    pub fn open() -> io::Result<Self> {
        let signs = Signs::default();
        let (desk, before) = (std::thread::current().id(), std::panic::take_hook());
        std::panic::set_hook(Box::new(move |panic| {
            if std::thread::current().id() == desk || !IS_TAKEN.load(Ordering::SeqCst) {
                give_back();
                before(panic);
            } else {
                // Somebody else's: the desk runs on, and its screen is no place for this.
                held().push(panic.to_string());
            }
        }));
        let mut out = BufWriter::with_capacity(FRAME_BYTES, Taking::new(io::stdout(), &signs));
        take(&mut out)?;
        let inner = ratatui::Terminal::new(CrosstermBackend::new(out)).inspect_err(|_| give_back())?;
        Ok(Self { inner: ManuallyDrop::new(inner), signs })
    }

    /// What tells that the terminal takes what is drawn.
    pub fn signs(&self) -> Signs {
        self.signs.clone()
    }

    pub fn size(&self) -> io::Result<(u16, u16)> {
        let size = self.inner.size()?;
        Ok((size.width, size.height))
    }

    /// Draws one frame in one write and hands back what drawing found out. Errors: the line is closed.
    pub fn draw<T: Default>(&mut self, view: impl FnOnce(&mut Frame<'_>) -> T) -> io::Result<T> {
        let mut found = T::default();
        queue!(self.inner.backend_mut(), BeginSynchronizedUpdate)?;
        self.inner.draw(|frame| found = view(frame))?;
        execute!(self.inner.backend_mut(), EndSynchronizedUpdate)?;
        Ok(found)
    }

    /// Paints everything anew at the next draw. (`Terminal::clear` would ask for the cursor.)
    pub fn redraw(&mut self) -> io::Result<()> {
        let size = self.inner.size()?;
        self.inner.resize(Rect::new(0, 0, size.width, size.height))
    }

    /// Gives the terminal to whoever started us, and takes it again when we are brought back.
    /// Errors: the line is closed.
    pub fn suspend(&mut self) -> io::Result<()> {
        give_back();
        kill_current_process_group(Signal::STOP)?;
        self.take_again()
    }

    /// We were stopped, and others have drawn here since.
    pub fn take_again(&mut self) -> io::Result<()> {
        take(self.inner.backend_mut())?;
        self.redraw()
    }

    pub fn bell(&mut self) -> io::Result<()> {
        execute!(self.inner.backend_mut(), Print('\u{7}'))
    }

    /// Our own words and counts only: a title is seen by others.
    pub fn set_title(&mut self, title: &str) -> io::Result<()> {
        execute!(self.inner.backend_mut(), SetTitle(title))
    }

    /// Hands a text to the clipboard of the terminal's owner (OSC 52).
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        execute!(self.inner.backend_mut(), CopyToClipboard::to_clipboard_from(text))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Errors: standard output is no terminal, or is closed.
fn take(out: &mut impl Write) -> io::Result<()> {
    enable_raw_mode()?;
    IS_TAKEN.store(true, Ordering::SeqCst);
    execute!(out, Print(KEEP_TITLE), EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)
        .inspect_err(|_| give_back())
}

/// The terminal as a file of our own to read keys from: that reading there never waits must not become so for whoever
/// else has the terminal open. Errors: there is none.
pub fn keyboard() -> io::Result<File> {
    let mut options = File::options();
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    options.read(true).custom_flags(flags);
    let stdin = io::stdin();
    if isatty(&stdin)
        && let Ok(name) = ttyname(&stdin, Vec::new())
        && let Ok(file) = options.open(OsStr::from_bytes(name.as_bytes()))
    {
        return Ok(file);
    }
    options.open("/dev/tty")
}

/// True when there is a shell that brings us back after we were stopped. The first of a session has none, nor has what
/// it started without a group of its own.
pub fn has_job_control() -> bool {
    getsid(None).is_ok_and(|session| session != getpgrp())
}

/// Words of panics elsewhere in the program, until they can be read.
fn held() -> MutexGuard<'static, Vec<String>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Once only: doing it again would take the cursor back over what has been said since.
/// Best effort: the line may be gone.
fn give_back() {
    if !IS_TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = io::stdout();
    // A terminal without a second screen keeps what stood there: citizens.
    let _gone = queue!(
        out,
        EndSynchronizedUpdate,
        DisableBracketedPaste,
        SetAttribute(Attribute::Reset),
        Clear(ClearType::All),
        LeaveAlternateScreen,
        Print(GIVE_TITLE_BACK),
        cursor::Show
    );
    let _gone = out.flush();
    let _gone = disable_raw_mode();
    for panic in held().drain(..) {
        let _gone = writeln!(io::stderr(), "{panic}");
    }
}

/// Lines and echo again, without a byte written: for a terminal that takes none.
pub fn abandon() {
    let _gone = disable_raw_mode();
}

/// How many colours the terminal shows, from the environment alone.
pub fn depth() -> TermProfile {
    TermProfile::detect(&io::stdout(), DetectorSettings::new().enable_tmux_info(false))
}
