//! From an observation posted to the changed screen, and what a key and an idle minute cost: time and bytes.
//!
//! ```text
//! cargo bench --bench to_screen                         about a minute
//! cargo bench --bench to_screen -- --posts 5 --keys 16 --idle 5
//! ```
//!
//! The real server over SQLite and the real desk in a pseudo-terminal of 80x24, beside a bare `cat` in raw mode in
//! the same kind of pseudo-terminal and in the same run: its echo is the floor under every figure here. A reader
//! thread stamps what arrives; the terminal that finds the text on the screen works afterwards and is in no figure.
//!
//! - `post`: a call that waits is posted as the exchange's source would; shown when a row of the list says that a call waits. That is: HTTP, rules, one synced commit, the stream to the desk, one drawing. `answer` is when the
//!   source had its receipt.
//! - `key`: the cursor down and up within the page; to the last byte of the answer.
//! - `idle`: nobody does anything; the clock and the ages go on.
//!
//! Read the ratios to the echo and the bytes. Above 3 ms a p99 says more about the machine than about us.

mod common;

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use common::{Connection, PROGRAM, Running, Server, argument, median, quantile};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::{Value, json};
use vagttavle::clock::Clock;

const COLUMNS: NonZero<u16> = NonZero::new(80).expect("not zero");
const ROWS: NonZero<u16> = NonZero::new(24).expect("not zero");
/// Silence that ends the answer to a key or a post.
const SETTLED: Duration = Duration::from_millis(60);
/// What is not on the screen by then never comes.
const SHOWN_WITHIN: Duration = Duration::from_secs(15);
/// Missed calls that stand on the board.
const LISTED: usize = 10;
/// The file system's number of "no controlling terminal for me".
const O_NOCTTY: i32 = 0o400;
const DOWN: &[u8] = b"\x1b[B";
const UP: &[u8] = b"\x1b[A";

fn main() {
    let (posts, keys, idle) = (argument("posts", 30), argument("keys", 48), argument("idle", 20));
    let mut echo = Pty::start(raw_cat());
    echo.wait_for("READY");
    let mut echo_took: Vec<f64> = (0..keys).map(|_| echo.answer_to(b"x").expect("an echo").ms).collect();
    drop(echo);

    let server = Server::start();
    let mut source = Connection::open(&server.address);
    for number in 0..LISTED {
        let name = format!("listet-{number}");
        observe(
            &mut source,
            &server,
            &name,
            json!({ "type": "call-waiting", "call": name, "queue": "natten" }),
        );
        observe(
            &mut source,
            &server,
            &name,
            json!({ "type": "call-missed", "call": name, "reason": "hung-up" }),
        );
    }
    let token_file = token_file(&server);
    let mut desk = Pty::start(desk(&server, token_file.path()));
    desk.wait_for("ubesvaret");
    desk.settle();

    let mut shown: Vec<Posted> =
        (0..posts).map(|number| post(&mut desk, &mut source, &server, number)).collect();
    let mut moves = Vec::new();
    let mut still = 0;
    for number in 0..keys {
        let key = if (number / (LISTED as u64 / 2)).is_multiple_of(2) { DOWN } else { UP };
        match desk.answer_to(key) {
            Some(answer) => moves.push(answer),
            None => still += 1,
        }
    }
    let idle_bytes = desk.bytes_during(Duration::from_secs(idle));

    let floor = median(&mut echo_took);
    println!("80x24, {LISTED} missed calls listed; {posts} posts, {keys} keys, {idle} s idle\n");
    println!("{:<22} {:>8} {:>8} {:>10} {:>10}", "", "p50 ms", "p99 ms", "x echo", "bytes p50");
    let line = |name: &str, times: &mut [f64], bytes: Option<usize>| {
        let (middle, most) = (median(times), quantile(times, 0.99));
        let bytes = bytes.map_or_else(|| "-".to_owned(), |it| it.to_string());
        println!("{name:<22} {middle:>8.2} {most:>8.2} {:>10.1} {bytes:>10}", middle / floor);
    };
    line("echo of a raw cat", &mut echo_took, Some(1));
    line("post: answer", &mut shown.iter().map(|it| it.answer_ms).collect::<Vec<_>>(), None);
    let bytes = median(&mut shown.iter().map(|it| it.bytes).collect::<Vec<_>>());
    line("post: on the screen", &mut shown.iter_mut().map(|it| it.shown_ms).collect::<Vec<_>>(), Some(bytes));
    let bytes = median(&mut moves.iter().map(|it| it.bytes).collect::<Vec<_>>());
    line("cursor key", &mut moves.iter().map(|it| it.ms).collect::<Vec<_>>(), Some(bytes));
    println!("{:<22} {:>40.0}", "idle, bytes a minute", idle_bytes as f64 * 60.0 / idle as f64);
    if still > 0 {
        println!("{still} keys changed nothing");
    }
}

struct Posted {
    answer_ms: f64,
    shown_ms: f64,
    bytes: usize,
}

fn post(desk: &mut Pty, source: &mut Connection, server: &Server, number: u64) -> Posted {
    desk.settle();
    let name = format!("nyt-{number}");
    while desk.shows_waiting() {
        desk.settle();
    }
    let from = Instant::now();
    let waiting = json!({ "type": "call-waiting", "call": name, "queue": "natten" });
    let entry = observe(source, server, &name, waiting);
    let answer_ms = ms(from.elapsed());
    let mut bytes = 0;
    let mut shown_ms = None;
    loop {
        let Some((at, piece)) = desk.next(SETTLED) else {
            if shown_ms.is_some() || from.elapsed() > SHOWN_WITHIN {
                break;
            }
            continue;
        };
        bytes += piece.len();
        desk.terminal.process(&piece);
        if shown_ms.is_none() && desk.shows_waiting() {
            shown_ms = Some(ms(at - from));
        }
    }
    let shown_ms = shown_ms.unwrap_or_else(|| panic!("no call that waits on:\n{}", desk.text()));
    // Off the board again, so that every post meets the same one.
    observe(source, server, &name, json!({ "type": "call-answered", "call": name, "agent": "anna" }));
    observe(source, server, &name, json!({ "type": "call-ended", "call": name }));
    let documented = json!({ "id": name, "entry": entry, "command": { "type": "documented" } });
    source.post("/v1/commands", &server.coordinator, &documented.to_string());
    Posted { answer_ms, shown_ms, bytes }
}

/// Posts one observation; its entry.
fn observe(source: &mut Connection, server: &Server, call: &str, observation: Value) -> String {
    let key = format!("{call}/{}", observation["type"].as_str().unwrap_or_default());
    let at = Clock::system().now();
    let body = json!([{ "key": key, "at": at, "agreement": "jammerbugt", "observation": observation }]);
    let answer = source.post("/v1/observations", &server.source, &body.to_string());
    let receipts: Value = serde_json::from_slice(answer).expect("receipts");
    receipts[0]["entry"].as_str().unwrap_or_else(|| panic!("no entry: {receipts}")).to_owned()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn raw_cat() -> Command {
    let mut command = in_terminal("sh");
    command.args(["-c", "stty raw -echo; printf READY; exec cat"]);
    command
}

/// The coordinator's token as the desk wants it.
fn token_file(server: &Server) -> tempfile::NamedTempFile {
    // Made with rights for its owner alone.
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(server.coordinator.as_bytes()).expect("a disk with room");
    file
}

fn desk(server: &Server, token_file: &Path) -> Command {
    let mut command = in_terminal(PROGRAM);
    command.args(["desk", "--server", &format!("http://{}", server.address), "--token-file"]).arg(token_file);
    command.envs([("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("HOME", "/nonexistent")]);
    command.env_remove("XDG_CONFIG_HOME").env_remove("NO_COLOR");
    command
}

/// `setsid --ctty` makes the pseudo-terminal the controlling one and becomes the program.
fn in_terminal(program: &str) -> Command {
    let mut command = Command::new("setsid");
    command.arg("--ctty").arg(program);
    command
}

/// The answer to a key.
struct Answer {
    ms: f64,
    bytes: usize,
}

/// A program in a pseudo-terminal; ended with its holder.
struct Pty {
    _running: Running,
    keys: File,
    pieces: Receiver<(Instant, Vec<u8>)>,
    terminal: vt100::Parser,
}

impl Pty {
    fn start(mut command: Command) -> Self {
        let ours =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
        grantpt(&ours).and_then(|()| unlockpt(&ours)).expect("its other end");
        let name = OsString::from_vec(ptsname(&ours, Vec::new()).expect("its name").into_bytes());
        let theirs =
            File::options().read(true).write(true).custom_flags(O_NOCTTY).open(name).expect("its other end");
        let size = Winsize { ws_row: ROWS.get(), ws_col: COLUMNS.get(), ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&ours, size).expect("its size");
        let end = || theirs.try_clone().expect("a file");
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().expect("it starts");
        let keys = File::from(ours);
        let mut reader = keys.try_clone().expect("a file");
        let (sender, pieces) = channel();
        std::thread::spawn(move || {
            let mut piece = [0; 64 * 1024];
            while let Ok(got @ 1..) = reader.read(&mut piece) {
                if sender.send((Instant::now(), piece[..got].to_vec())).is_err() {
                    break;
                }
            }
        });
        Self { _running: Running(child), keys, pieces, terminal: vt100::Parser::new(ROWS, COLUMNS, 0) }
    }

    /// What comes next. None: nothing within the time.
    fn next(&self, within: Duration) -> Option<(Instant, Vec<u8>)> {
        match self.pieces.recv_timeout(within) {
            Ok(piece) => Some(piece),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => panic!("the program ended; it showed:\n{}", self.text()),
        }
    }

    fn text(&self) -> String {
        self.terminal.screen().contents()
    }

    fn shows(&self, text: &str) -> bool {
        self.text().contains(text)
    }

    /// Whether a row of the list says that a call waits.
    fn shows_waiting(&self) -> bool {
        self.text().lines().any(|line| line.contains("Telefon venter"))
    }

    fn wait_for(&mut self, text: &str) {
        let from = Instant::now();
        while !self.shows(text) {
            assert!(from.elapsed() < SHOWN_WITHIN, "no {text} on:\n{}", self.text());
            if let Some((_, piece)) = self.next(SETTLED) {
                self.terminal.process(&piece);
            }
        }
    }

    /// Takes in everything up to a silence.
    fn settle(&mut self) {
        while let Some((_, piece)) = self.next(SETTLED) {
            self.terminal.process(&piece);
        }
    }

    /// Sends a key and takes in the answer. None: it changed nothing.
    fn answer_to(&mut self, key: &[u8]) -> Option<Answer> {
        self.settle();
        let from = Instant::now();
        self.keys.write_all(key).expect("the program reads");
        let mut answer: Option<Answer> = None;
        while let Some((at, piece)) = self.next(SETTLED) {
            self.terminal.process(&piece);
            let bytes = answer.map_or(0, |it| it.bytes) + piece.len();
            answer = Some(Answer { ms: ms(at - from), bytes });
        }
        answer
    }

    fn bytes_during(&mut self, time: Duration) -> usize {
        self.settle();
        let until = Instant::now() + time;
        let mut bytes = 0;
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|it| !it.is_zero()) {
            let Some((_, piece)) = self.next(left) else { break };
            self.terminal.process(&piece);
            bytes += piece.len();
        }
        bytes
    }
}
