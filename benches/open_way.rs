//! How soon a real alarm rings while something jams the way: seconds on a table, never asserted.
//!
//! ```text
//! cargo bench --bench open_way                          about two minutes
//! cargo bench --bench open_way -- --units 600 --records 2000
//! ```
//!
//! The real server over SQLite, an alarm unit that speaks SIP, and the real desk in a pseudo-terminal of 80x24. `rings`
//! is from the unit's first packet to its row and the bell on the desk; `answered` to the MESSAGE that tells the unit.
//! That it rings at all, and in which order, is held by the drill in `tests/it/drill.rs`, with the same jams.
//!
//! - `quiet`: nothing jams.
//! - `disk`: each sync takes five seconds (`--sync 5`).
//! - `mute`: so many units (`--units 3000`) said something and never answer our MESSAGE.
//! - `half-open`: a thousand connections begin to ask, and come again when hung up; the server has 1,024 descriptors.
//! - `start`: a log of so many records (`--records 100000`); from the start of the process until it listens for alarms,
//!   and until the log is read.
//! - `seat`: from the moment in which the only desk is frozen until the board says that nobody listens: ten seconds for
//!   the seat, and the agreement's own five.

mod common;
#[path = "../tests/support/jam.rs"]
mod jam;
#[path = "../tests/support/ports.rs"]
mod ports;
#[path = "../tests/pty/sequences.rs"]
#[expect(dead_code, reason = "shared with the tests in a terminal")]
mod sequences;
#[path = "../tests/pty/terminal.rs"]
#[expect(dead_code, reason = "shared with the tests in a terminal")]
mod terminal;
#[path = "../tests/scaip/unit.rs"]
#[expect(dead_code, reason = "shared with the tests of alarm units")]
mod unit;

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use common::{Connection, PROGRAM, Running, argument, disk, program};
use jam::{HalfOpen, Hanging, Mute, with_all_descriptors};
use rustix::process::Signal;
use serde_json::{Value, json};
use terminal::{Start, Terminal};
use unit::Unit;
use vagttavle::clock::Clock;

/// Longest wait for what a figure needs.
const BOUND: Duration = Duration::from_secs(120);
/// Visits in one request.
const AT_ONCE: usize = 500;
/// What the agreement gives the desks before it is said that nobody listens.
const MISSED_AFTER: &str = "nobody_listening_seconds = { own = 5 }";
const PENDANT: &str = "<dty>0003</dty><stc>0010</stc>";
/// A unit says that its battery is low: a row, and no alarm.
const BATTERY: &str = "<dty>0002</dty><stc>0016</stc>";

fn main() {
    with_all_descriptors();
    let units = usize::try_from(argument("units", 3_000)).unwrap_or(usize::MAX);
    let records = usize::try_from(argument("records", 100_000)).unwrap_or(usize::MAX);
    let sync = u32::try_from(argument("sync", 5)).unwrap_or(u32::MAX);
    // It is waited for most of the time: beside the others it costs them nothing.
    let seat = std::thread::spawn(empty_seat);
    println!("{:<34} {:>10} {:>12}", "a real alarm, seconds", "rings", "answered");
    let line =
        |name: &str, (rings, answered): (f64, f64)| println!("{name:<34} {rings:>10.2} {answered:>12.2}");
    line("quiet", quiet());
    line(&format!("disk, a sync of {sync} s"), hanging_disk(sync));
    line(&format!("mute units, {units}"), mute(units));
    line("half-open connections, 1000", half_open());
    let (listens, read) = start_up(records);
    println!("\n{:<34} {:>10} {:>12}", "a start, seconds", "listens", "log read");
    println!("{:<34} {listens:>10.2} {read:>12.2}", format!("a log of {records} records and more"));
    println!("\n{:<34} {:>10.2}", "frozen desk, until nobody listens", seat.join().expect("the seat"));
}

/// A server with a receiver of alarms, a coordinator, a source and a viewer.
struct Board {
    folder: tempfile::TempDir,
    running: Option<Running>,
    address: String,
    at: SocketAddr,
    viewer: String,
    source: String,
}

impl Board {
    fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("vagttavle-way-").tempdir_in(disk()).expect("a folder");
        let rules = include_str!("../src/domain/agreements/jammerbugt.toml")
            .replace("nobody_listening_seconds = { own = 30 }", MISSED_AFTER);
        std::fs::create_dir(folder.path().join("agreements")).expect("a folder");
        std::fs::write(folder.path().join("agreements/jammerbugt.toml"), rules).expect("room");
        let at = SocketAddr::from(([127, 0, 0, 1], ports::free_port()));
        let settings = format!(
            "agreements = \"agreements\"\n[[scaip]]\nlisten = [\"udp://{at}\"]\nagreement = \"jammerbugt\"\n"
        );
        std::fs::write(folder.path().join("server.toml"), settings).expect("room");
        let add = |name: &str, role: &str| {
            let user = ["user", "add", name, "--role", role, "--agreement", "jammerbugt"];
            let said = program(folder.path()).args(user).output().expect("the program runs");
            assert!(said.status.success(), "user add: {}", String::from_utf8_lossy(&said.stderr));
            let token = String::from_utf8_lossy(&said.stdout).trim().to_owned();
            let file = folder.path().join(format!("{name}.token"));
            let mut file =
                std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(file);
            file.as_mut().expect("room").write_all(token.as_bytes()).expect("room");
            token
        };
        add("anna", "coordinator");
        let (viewer, source) = (add("skaerm", "viewer"), add("kilde", "source"));
        let mut board = Self { folder, running: None, address: String::new(), at, viewer, source };
        board.run();
        board
    }

    /// Starts the program, with 1,024 descriptors as systems give.
    fn run(&mut self) {
        let (running, address) = Running::start(&mut self.command());
        (self.running, self.address) = (Some(running), address);
    }

    fn command(&self) -> Command {
        let settings = self.folder.path().join("server.toml");
        let mut command = Command::new("sh");
        let like = program(self.folder.path());
        command.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.args(["-c", "ulimit -n 1024; exec \"$0\" \"$@\"", PROGRAM]);
        command.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(settings);
        command.current_dir(self.folder.path());
        command
    }

    fn process(&self) -> u32 {
        self.running.as_ref().expect("it runs").0.id()
    }

    /// Anna's desk, with the board on it.
    fn desk(&self) -> Terminal {
        let token = self.folder.path().join("anna.token").display().to_string();
        let desk =
            Start::new(&["desk", "--server", &format!("http://{}", self.address), "--token-file", &token]);
        let desk = desk.open();
        desk.until("has the board", |seen| seen.has("Kilder") && !seen.has("Venter på serveren"));
        desk
    }

    /// How the desks of the agreement are.
    fn desks(&self) -> String {
        let board: Value = serde_json::from_slice(&self.get("/v1/board")).expect("a board");
        let found =
            board["sources"].as_array().expect("sources").iter().find(|it| it["name"] == "vagt-jammerbugt");
        found.and_then(|it| it["state"].as_str()).unwrap_or_default().to_owned()
    }

    fn get(&self, path: &str) -> Vec<u8> {
        Connection::open(&self.address).get(path, &self.viewer).to_vec()
    }
}

/// Asks again and again; the seconds until it was so.
fn until(what: &str, from: Instant, mut is_so: impl FnMut() -> bool) -> f64 {
    while !is_so() {
        assert!(from.elapsed() < BOUND, "never {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    from.elapsed().as_secs_f64()
}

/// A unit presses: seconds until it rings on the desk, and until the unit is told.
fn press(board: &Board, desk: &Terminal) -> (f64, f64) {
    let (at, bells) = (board.at, desk.look(|seen| seen.bells()));
    let (tell, told) = channel();
    let from = Instant::now();
    let unit = std::thread::spawn(move || {
        let answered = Unit::new(at, "700100").ask_until_taken("r1", PENDANT);
        let _ = tell.send((answered, from.elapsed().as_secs_f64()));
    });
    desk.until("rings", |seen| seen.bells() > bells && seen.text().lines().any(|it| it.contains("***")));
    let rings = from.elapsed().as_secs_f64();
    let (answered, took) = told.recv().expect("the unit was told");
    assert_eq!(answered.own, Some(4), "{answered:?}");
    unit.join().expect("the unit");
    (rings, took)
}

fn quiet() -> (f64, f64) {
    let board = Board::start();
    let desk = board.desk();
    press(&board, &desk)
}

fn hanging_disk(sync: u32) -> (f64, f64) {
    let board = Board::start();
    let desk = board.desk();
    let hanging = Hanging::begin(board.process(), sync);
    until("the disk hangs", Instant::now(), || hanging.free().is_empty());
    press(&board, &desk)
}

fn mute(units: usize) -> (f64, f64) {
    let board = Board::start();
    let desk = board.desk();
    let mut mute = Mute::speak(board.at, 800_000, units, BATTERY);
    mute.until_answered(board.at);
    press(&board, &desk)
}

fn half_open() -> (f64, f64) {
    let board = Board::start();
    let desk = board.desk();
    let _strangers = HalfOpen::keep(&board.address, 1_000);
    press(&board, &desk)
}

fn start_up(records: usize) -> (f64, f64) {
    let mut board = Board::start();
    let mut source = Connection::open(&board.address);
    for from in (0..records).step_by(AT_ONCE) {
        let items: Vec<Value> = (from..records.min(from + AT_ONCE)).map(visit).collect();
        source.post("/v1/observations", &board.source, &json!(items).to_string());
    }
    // As a power cut.
    drop(board.running.take());
    let from = Instant::now();
    let mut command = board.command();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut line).expect("a first line");
    let listens = from.elapsed().as_secs_f64();
    board.address = line.trim().rsplit("http://").next().unwrap_or_default().to_owned();
    board.running = Some(Running(child));
    let read = until("the log is read", from, || Connection::open(&board.address).is_well("/readyz"));
    (listens, read)
}

/// A visit tomorrow.
fn visit(number: usize) -> Value {
    let now = Clock::system().now();
    let agreed_at = now + chrono::TimeDelta::hours(24);
    json!({ "key": format!("plan-{number}"), "at": now, "agreement": "jammerbugt", "observation": {
        "type": "visit-planned", "visit": format!("besoeg-{number}"), "citizen": format!("borger-{}", number / 5),
        "grant": "service", "help": "personal", "agreed_at": agreed_at } })
}

fn empty_seat() -> f64 {
    let board = Board::start();
    let desk = board.desk();
    until("somebody listens", Instant::now(), || board.desks() == "ok");
    desk.signal(Signal::STOP);
    until("nobody listens", Instant::now(), || board.desks() == "silent")
}
