//! Commands and observations decided and stored per second, beside a bare server that only stores.
//!
//! ```text
//! cargo bench --bench throughput                        about two minutes
//! cargo bench --bench throughput -- --seconds 1 --rounds 1
//! ```
//!
//! The real server (`vagttavle serve`, SQLite, every commit synced) and the bare one run in processes of their own;
//! requests go over kept connections on the loopback. Per round each row is measured once for each number of
//! connections, on a fresh folder, so that what the machine does meanwhile falls on all; the medians of the rounds
//! are printed.
//!
//! - `bare`: axum and one SQLite writer with group commit that inserts a text of about the size that a command
//!   leaves in our log (record and remembered key). No sessions, no rules, no history, no hash chain.
//! - `command`: a coordinator claims and releases an alarm, each connection its own, with 100 alarms open.
//! - `planned`: the same, with a plan of visits at rest behind it (`--planned 3000`): what nobody looks at costs a
//!   command nothing, so its figures are those of `command`.
//! - `observation`: a source raises an alarm, each a new one, one in a request. The board gets longer all the while.
//!
//! Read the ratios: absolute figures belong to one machine on one day.

mod common;

use std::process::Command;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use axum::serve::ListenerExt;
use common::{Connection, Running, Server, argument, disk, median, quantile};
use serde_json::{Value, json};
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use tokio::sync::{mpsc, oneshot};
use vagttavle::clock::Clock;

const CONNECTIONS: [usize; 3] = [1, 8, 32];
/// Alarms that are open while commands are measured.
const OPEN: usize = 100;
/// Visits in one request.
const AT_ONCE: usize = 500;
/// What a command leaves in our log: about 420 bytes of record and 130 of remembered key.
const STORED_BYTES: usize = 550;
/// Items in one transaction of the bare server, as in ours.
const BATCH_MAX: usize = 512;
/// Says that this process is the bare server.
const BARE: &str = "--bare-server";

fn main() {
    if std::env::args().any(|it| it == BARE) {
        bare_server();
        return;
    }
    let (seconds, rounds) = (argument("seconds", 3), argument("rounds", 3));
    let rows: [(&str, Measure); 4] =
        [("bare", bare), ("command", commands), ("planned", planned), ("observation", observations)];
    let mut all = vec![vec![Vec::new(); CONNECTIONS.len()]; rows.len()];
    for _ in 0..rounds {
        for (place, connections) in CONNECTIONS.into_iter().enumerate() {
            for (row, (_, measure)) in rows.iter().enumerate() {
                all[row][place].push(measure(connections, Duration::from_secs(seconds)));
            }
        }
    }
    println!("medians of {rounds} rounds of {seconds} s; ratio: per second, against bare in the same run\n");
    println!("{:<12} {:>5} {:>10} {:>8} {:>8} {:>7}", "", "conns", "per s", "p50 ms", "p99 ms", "ratio");
    for (place, connections) in CONNECTIONS.into_iter().enumerate() {
        let bare = middle(&all[0][place]).per_second;
        for (row, (name, _)) in rows.iter().enumerate() {
            let it = middle(&all[row][place]);
            println!(
                "{name:<12} {connections:>5} {:>10.0} {:>8.2} {:>8.2} {:>7.2}",
                it.per_second,
                it.p50_ms,
                it.p99_ms,
                it.per_second / bare
            );
        }
    }
}

/// One row: so many connections for so long.
type Measure = fn(usize, Duration) -> Figures;

#[derive(Clone, Copy)]
struct Figures {
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
}

fn middle(rounds: &[Figures]) -> Figures {
    let of = |pick: fn(&Figures) -> f64| median(&mut rounds.iter().map(pick).collect::<Vec<_>>());
    Figures { per_second: of(|it| it.per_second), p50_ms: of(|it| it.p50_ms), p99_ms: of(|it| it.p99_ms) }
}

/// Each of the workers does its request again and again until the time is over.
fn measure<W: FnMut() + Send + 'static>(workers: Vec<W>, time: Duration) -> Figures {
    let start = Arc::new(Barrier::new(workers.len()));
    let threads: Vec<_> = workers
        .into_iter()
        .map(|mut worker| {
            let start = start.clone();
            std::thread::spawn(move || {
                worker();
                start.wait();
                let (began, mut took) = (Instant::now(), Vec::new());
                while began.elapsed() < time {
                    let from = Instant::now();
                    worker();
                    took.push(from.elapsed().as_secs_f64() * 1_000.0);
                }
                took
            })
        })
        .collect();
    let mut took: Vec<f64> =
        threads.into_iter().flat_map(|it| it.join().expect("no request failed")).collect();
    Figures {
        per_second: took.len() as f64 / time.as_secs_f64(),
        p50_ms: median(&mut took),
        p99_ms: quantile(&mut took, 0.99),
    }
}

fn commands(connections: usize, time: Duration) -> Figures {
    commands_beside(0, connections, time)
}

fn planned(connections: usize, time: Duration) -> Figures {
    let visits = argument("planned", 3_000);
    commands_beside(usize::try_from(visits).unwrap_or(usize::MAX), connections, time)
}

/// Commands on alarms, beside so many visits as planned.
fn commands_beside(visits: usize, connections: usize, time: Duration) -> Figures {
    let server = Server::start();
    let mut source = Connection::open(&server.address);
    for from in (0..visits).step_by(AT_ONCE) {
        let items: Vec<Value> = (from..visits.min(from + AT_ONCE)).map(visit).collect();
        source.post("/v1/observations", &server.source, &json!(items).to_string());
    }
    let entries: Vec<String> = (0..OPEN.max(connections))
        .map(|number| {
            let answer = source.post("/v1/observations", &server.source, &alarm("aaben", number));
            let receipts: Value = serde_json::from_slice(answer).expect("receipts");
            receipts[0]["entry"].as_str().unwrap_or_else(|| panic!("no entry: {receipts}")).to_owned()
        })
        .collect();
    let workers = entries.into_iter().take(connections).enumerate().map(|(worker, entry)| {
        let mut connection = Connection::open(&server.address);
        let (token, mut number) = (server.coordinator.clone(), 0);
        move || {
            let verb = if number % 2 == 0 { "claim" } else { "release" };
            let id = format!("bench-{worker}-{number}");
            let command = json!({ "id": id, "entry": entry, "command": { "type": verb } });
            connection.post("/v1/commands", &token, &command.to_string());
            number += 1;
        }
    });
    measure(workers.collect(), time)
}

fn observations(connections: usize, time: Duration) -> Figures {
    let server = Server::start();
    let workers = (0..connections).map(|worker| {
        let mut connection = Connection::open(&server.address);
        let (token, mut number) = (server.source.clone(), 0);
        move || {
            let answer =
                connection.post("/v1/observations", &token, &alarm(&format!("kald-{worker}"), number));
            assert!(answer.windows(8).any(|it| it == b"recorded"), "{}", String::from_utf8_lossy(answer));
            number += 1;
        }
    });
    measure(workers.collect(), time)
}

/// A visit tomorrow.
fn visit(number: usize) -> Value {
    let now = Clock::system().now();
    let agreed_at =
        now + chrono::TimeDelta::hours(24) + chrono::TimeDelta::seconds(i64::try_from(number).unwrap_or(0));
    json!({ "key": format!("plan-{number}"), "at": now, "agreement": "jammerbugt", "observation": {
        "type": "visit-planned", "visit": format!("besoeg-{number}"), "citizen": format!("borger-{}", number / 5),
        "grant": "service", "help": "personal", "agreed_at": agreed_at } })
}

/// A body with one alarm.
fn alarm(series: &str, number: usize) -> String {
    let name = format!("{series}-{number}");
    let observation = json!({ "type": "alarm-raised", "alarm": name, "device": format!("apparat-{name}") });
    let at = Clock::system().now();
    json!([{ "key": name, "at": at, "agreement": "jammerbugt", "observation": observation }]).to_string()
}

fn bare(connections: usize, time: Duration) -> Figures {
    let folder = tempfile::Builder::new().prefix("vagttavle-bare-").tempdir_in(disk()).expect("a folder");
    let this = std::env::current_exe().expect("this program");
    let (_running, address) = Running::start(Command::new(this).arg(BARE).arg(folder.path()));
    let text = "x".repeat(STORED_BYTES);
    let workers = (0..connections).map(|worker| {
        let mut connection = Connection::open(&address);
        let (text, mut number) = (text.clone(), 0);
        move || {
            connection.post("/insert", "none", &json!([format!("{worker}-{number}"), text]).to_string());
            number += 1;
        }
    });
    measure(workers.collect(), time)
}

type Insert = (String, oneshot::Sender<()>);

#[tokio::main]
async fn bare_server() {
    let folder = std::env::args().skip_while(|it| it != BARE).nth(1).expect("a folder");
    let options = SqliteConnectOptions::new()
        .filename(std::path::Path::new(&folder).join("bare.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut writer = SqliteConnection::connect_with(&options).await.expect("a database");
    let table =
        "CREATE TABLE rows (number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, text TEXT NOT NULL)";
    sqlx::query(table).execute(&mut writer).await.expect("a table");
    let (inserts, mut waiting) = mpsc::channel::<Insert>(4_096);
    tokio::spawn(async move {
        let mut batch = Vec::new();
        while waiting.recv_many(&mut batch, BATCH_MAX).await > 0 {
            let rows: Vec<&str> = batch.iter().map(|(row, _)| row.as_str()).collect();
            let rows = format!("[{}]", rows.join(","));
            let insert = "INSERT INTO rows (key, text) SELECT value->>0, value->>1 FROM json_each($1)";
            let mut transaction = writer.begin().await.expect("a transaction");
            sqlx::query(insert).bind(rows).execute(&mut *transaction).await.expect("rows");
            transaction.commit().await.expect("a commit");
            for (_, done) in batch.drain(..) {
                let _ = done.send(());
            }
        }
    });
    let router = Router::new().route("/insert", post(insert)).with_state(inserts);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    println!("listening on http://{}", listener.local_addr().expect("its address"));
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).expect("a socket"));
    axum::serve(listener, router).await.expect("it serves");
}

async fn insert(State(inserts): State<mpsc::Sender<Insert>>, row: String) -> &'static str {
    let (done, stored) = oneshot::channel();
    inserts.send((row, done)).await.expect("the writer runs");
    stored.await.expect("the writer answers");
    "{}"
}
