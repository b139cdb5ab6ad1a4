//! The operating log: JSON lines on standard error, no citizen in them.
//!
//! Owns that saying something never waits for whoever reads it. Lines go through a bounded queue to a thread of its
//! own; what does not fit is counted and said when it flows again. Each place in the code says so many lines a minute,
//! the rest is counted and said at the end of it: whoever asks for rubbish all night does not fill a disk. Must never
//! hold a lock that a request needs.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

use tokio::time::Instant;
use tracing::callsite::Identifier;
use tracing::{Event, Metadata, warn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, Filter};

use crate::{clock, config};

/// Lines that may wait for their reader.
const WAITING_MAX: usize = 4_096;
/// Bytes of a line; what is longer is cut.
const LINE_MAX: usize = 16 * 1024;
/// Lines that one place in the code says within a minute.
const LINES_PER_MINUTE: u32 = 60;
const MINUTE: Duration = Duration::from_secs(60);
/// How often the thread looks whether there is something to say that nobody else says.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long the end of the program waits for the last lines.
const FLUSH_MAX: Duration = Duration::from_millis(500);

/// The way to the thread; set once, when the log begins.
static WAY: OnceLock<SyncSender<Said>> = OnceLock::new();

enum Said {
    Line(Vec<u8>),
    /// Answered when everything before it has been written.
    Flush(SyncSender<()>),
}

/// Begins to log. A second time in one process is no fault: the first one stays.
pub fn begin() {
    use tracing_subscriber::Layer;
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;
    let filter = tracing_subscriber::EnvFilter::try_new(config::log_filter())
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let (way, lines) = sync_channel(WAITING_MAX);
    if WAY.set(way.clone()).is_err() {
        return;
    }
    let (dropped, throttle) = (Arc::new(AtomicU64::new(0)), Throttle::default());
    let writing = Writing { lines, dropped: dropped.clone(), throttle: throttle.clone() };
    // Without the thread nothing is read from the queue: the server runs on and says nothing.
    let thread = std::thread::Builder::new().name("log".into()).spawn(|| writing.run());
    let writer = thread.ok().map(|thread| thread.thread().id());
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .with_writer(Lines { way, dropped, writer })
        .with_filter(throttle);
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
    // The usual one writes on standard error itself and waits for its reader. What was to be said may be about a citizen.
    std::panic::set_hook(Box::new(|panic| {
        let at = panic.location().map(ToString::to_string).unwrap_or_default();
        let what =
            panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("(not said: it may hold data)");
        tracing::error!(at, what, "a panic");
    }));
}

/// Waits a moment for the last lines: their reader may be stuck.
pub fn flush() {
    let Some(way) = WAY.get() else { return };
    let (done, is_done) = sync_channel(1);
    if way.try_send(Said::Flush(done)).is_ok() {
        let _stuck = is_done.recv_timeout(FLUSH_MAX);
    }
}

/// Says something on standard output or error without waiting for its reader longer than a moment.
pub fn aside(out: impl Write + Send + 'static, text: String) {
    let (done, is_done) = sync_channel(1);
    let mut out = out;
    let said = std::thread::Builder::new().spawn(move || {
        // Nobody reading is no fault of ours.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        let _ = done.send(());
    });
    if said.is_ok() {
        let _stuck = is_done.recv_timeout(FLUSH_MAX);
    }
}

/// The thread's side.
struct Writing {
    lines: Receiver<Said>,
    dropped: Arc<AtomicU64>,
    throttle: Throttle,
}

impl Writing {
    fn run(self) {
        loop {
            match self.lines.recv_timeout(LOOK_EVERY) {
                Ok(Said::Line(line)) => write(&line),
                Ok(Said::Flush(done)) => {
                    let _ = done.send(());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            // It flows. What is said from here goes straight out.
            let lines = self.dropped.swap(0, Ordering::Relaxed);
            if lines > 0 {
                warn!(lines, "log lines were lost: nobody read them");
            }
            for (place, lines) in self.throttle.left_out(clock::steady()) {
                warn!(place, lines, "more of these within a minute were left out");
            }
        }
    }
}

fn write(line: &[u8]) {
    // A log nobody can write to stops nothing.
    let _ = io::stderr().write_all(line);
}

/// Where lines are made.
struct Lines {
    way: SyncSender<Said>,
    dropped: Arc<AtomicU64>,
    writer: Option<ThreadId>,
}

impl<'l> MakeWriter<'l> for Lines {
    type Writer = Line<'l>;

    fn make_writer(&'l self) -> Line<'l> {
        Line { bytes: Vec::with_capacity(256), to: self }
    }
}

/// One line while it is written; handed on when it is dropped.
struct Line<'l> {
    bytes: Vec<u8>,
    to: &'l Lines,
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = LINE_MAX.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        let mut line = std::mem::take(&mut self.bytes);
        if line.is_empty() {
            return;
        }
        if line.last() != Some(&b'\n') {
            line.push(b'\n');
        }
        if self.to.writer == Some(std::thread::current().id()) {
            write(&line);
        } else if self.to.way.try_send(Said::Line(line)).is_err() {
            self.to.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// How much each place in the code has said within its minute.
#[derive(Clone, Default)]
struct Throttle(Arc<Mutex<HashMap<Identifier, CallSite>>>);

struct CallSite {
    name: String,
    since: Instant,
    said: u32,
    left_out: u64,
}

impl Throttle {
    /// Whether this place may say one more line now.
    fn may_say(&self, about: &Metadata<'_>, now: Instant) -> bool {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = places.entry(about.callsite()).or_insert_with(|| {
            let name = format!("{}:{}", about.file().unwrap_or_default(), about.line().unwrap_or_default());
            CallSite { name, since: now, said: 0, left_out: 0 }
        });
        // What was left out is told first, by the thread, and only then does a new minute begin.
        if now - place.since >= MINUTE && place.left_out == 0 {
            (place.since, place.said) = (now, 0);
        }
        let may = place.said < LINES_PER_MINUTE;
        if may {
            place.said += 1
        } else {
            place.left_out += 1
        }
        may
    }

    /// What was left out in minutes that are over, by place.
    fn left_out(&self, now: Instant) -> Vec<(String, u64)> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = places.values_mut().filter(|place| place.left_out > 0 && now - place.since >= MINUTE);
        over.map(|place| {
            (place.since, place.said) = (now, 0);
            (place.name.clone(), std::mem::take(&mut place.left_out))
        })
        .collect()
    }
}

impl<S> Filter<S> for Throttle {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        // What the log says of itself is little, and said by its own thread.
        event.metadata().target() == module_path!() || self.may_say(event.metadata(), clock::steady())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> &'static Metadata<'static> {
        use tracing::callsite::{Callsite, DefaultCallsite};
        static CALLSITE: DefaultCallsite = DefaultCallsite::new(&META);
        static META: Metadata<'static> = tracing::metadata! {
            name: "a line", target: "test", level: tracing::Level::WARN, fields: &[], callsite: &CALLSITE,
            kind: tracing::metadata::Kind::EVENT
        };
        CALLSITE.metadata()
    }

    #[test]
    fn a_place_says_sixty_lines_a_minute_and_the_rest_as_a_count() {
        let (throttle, start) = (Throttle::default(), clock::steady());
        let said = (0..200).filter(|_| throttle.may_say(place(), start)).count();
        assert_eq!(said, 60);
        assert_eq!(throttle.left_out(start + Duration::from_secs(59)), []);
        let told = throttle.left_out(start + MINUTE);
        assert_eq!(told.iter().map(|(_, lines)| *lines).collect::<Vec<_>>(), [140]);
        assert_eq!(throttle.left_out(start + MINUTE), []);
        assert!(throttle.may_say(place(), start + MINUTE));
    }

    #[test]
    fn a_line_that_finds_no_room_is_counted_and_waits_for_nobody() {
        let (way, lines) = sync_channel(2);
        let dropped = Arc::new(AtomicU64::new(0));
        let to = Lines { way, dropped: dropped.clone(), writer: None };
        for nth in 0..5 {
            let _ = to.make_writer().write_all(format!("line {nth}\n").as_bytes());
        }
        assert_eq!(dropped.load(Ordering::Relaxed), 3);
        let kept: Vec<Vec<u8>> = lines
            .try_iter()
            .filter_map(|it| if let Said::Line(line) = it { Some(line) } else { None })
            .collect();
        assert_eq!(kept, [b"line 0\n".to_vec(), b"line 1\n".to_vec()]);
    }
}
