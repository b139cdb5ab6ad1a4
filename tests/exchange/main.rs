//! From a real telephone exchange to a real screen: the real server between them, killed and started again on the way.
//!
//! Needs what `pbx` needs; without it this says so, and fails where `CI` is set.

#[path = "../support/files.rs"]
mod files;
#[path = "../sources/pbx.rs"]
mod pbx;
#[path = "../support/ports.rs"]
mod ports;
#[path = "../pty/sequences.rs"]
mod sequences;
#[path = "../pty/server.rs"]
#[expect(dead_code, reason = "shared with the tests in a terminal")]
mod server;
#[path = "../pty/terminal.rs"]
#[expect(dead_code, reason = "shared with the tests in a terminal")]
mod terminal;

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use files::holding;
use pbx::{Pbx, SECRET};
use server::Server;
use terminal::BOUND;

/// What became of a call to the phone queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Missed,
    Answered,
    RangOut,
    /// Not over, or something else.
    Open,
}

/// By the exchange's own log, read by other code than ours.
fn truth(pbx: &Pbx) -> BTreeMap<String, End> {
    let mut ends = BTreeMap::new();
    for line in pbx.queue_log_lines() {
        let fields: Vec<&str> = line.split('|').collect();
        let end = match fields[4] {
            "CONNECT" => End::Answered,
            "ABANDON" if fields[2] == "teknik" => End::RangOut,
            "ABANDON" => End::Missed,
            _ => continue,
        };
        ends.insert(fields[1].to_owned(), end);
    }
    ends
}

/// By our board: a missed call stands there, an unanswered alarm owes a justification, an answered call owes a note.
fn on_board(board: &Value) -> BTreeMap<String, End> {
    let mut ends = BTreeMap::new();
    for entry in board["entries"].as_array().unwrap() {
        let details = &entry["details"];
        let (id, end) = match (entry["board"].as_str().unwrap(), entry["state"].as_str().unwrap()) {
            ("phone", "missed") => (&details["call"], End::Missed),
            ("phone", "answered" | "ended") => (&details["call"], End::Answered),
            ("alarms", "unanswered") => {
                let owes = entry["due"].as_array().unwrap().iter().any(|due| due["what"] == "justification");
                assert!(owes, "{entry:#}");
                (&details["alarm"], End::RangOut)
            }
            ("duties", "open") if details["duty"] == "documentation" => (&details["about"], End::Answered),
            _ => (&entry["id"], End::Open),
        };
        ends.insert(id.as_str().unwrap().to_owned(), end);
    }
    ends
}

fn count(ends: &BTreeMap<String, End>, end: End) -> usize {
    ends.values().filter(|it| **it == end).count()
}

/// Waits until the board is so; panics with the board when it never is.
fn until(server: &Server, token: &str, what: &str, mut is_so: impl FnMut(&Value) -> bool) -> Value {
    let give_up_at = Instant::now() + BOUND;
    loop {
        let board = server.board(token);
        if is_so(&board) {
            return board;
        }
        assert!(Instant::now() < give_up_at, "never {what}: {board:#}");
        std::thread::park_timeout(Duration::from_millis(100));
    }
}

fn states(board: &Value, state: &str) -> usize {
    board["entries"].as_array().unwrap().iter().filter(|entry| entry["state"] == state).count()
}

fn callers(board: &Value) -> Vec<&str> {
    let entries = board["entries"].as_array().unwrap();
    let mut callers: Vec<_> = entries.iter().filter_map(|entry| entry["live"]["caller"].as_str()).collect();
    callers.sort_unstable();
    callers
}

fn is_connected(board: &Value) -> bool {
    board["sources"].as_array().unwrap().iter().any(|it| it["name"] == "central" && it["state"] == "ok")
}

fn secret_file(path: &Path, secret: &str) {
    let mut file = std::fs::File::options().write(true).create_new(true).mode(0o600).open(path).unwrap();
    file.write_all(secret.as_bytes()).unwrap();
}

/// A server that reads this exchange: a phone queue and a queue of alarms.
fn start(pbx: &Pbx) -> Server {
    start_reading(
        pbx,
        "",
        "doegnvagt = { kind = \"phone\", agreements = [\"jammerbugt\"] }\n\
         teknik = { kind = \"alarm\", agreements = [\"jammerbugt\"] }\n",
    )
}

/// A server that reads these queues of the exchange; `more` of its settings.
fn start_reading(pbx: &Pbx, more: &str, queues: &str) -> Server {
    let folder = tempfile::tempdir().unwrap();
    secret_file(&folder.path().join("ami.secret"), SECRET);
    let config = folder.path().join("server.toml");
    let settings = format!(
        "[[ami]]\nname = \"central\"\naddress = \"127.0.0.1:{}\"\nuser = \"vagt-laes\"\nsecret_file = \"ami.secret\"\n\
         queue_log = \"{}\"\n{more}\n[ami.queues]\n{queues}",
        pbx.ami_port,
        pbx.queue_log().display()
    );
    std::fs::write(&config, settings).unwrap();
    let config = config.display().to_string();
    Server::start_with(folder, &["--config", &config])
}

fn place(pbx: &Pbx, arguments: &[&str]) {
    let out = pbx.tool("call", arguments);
    assert!(out.status.success(), "call {arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn two_missed_and_two_answered_calls_end_as_exactly_that_with_both_ends_restarted() {
    let Some(pbx) = Pbx::start() else { return };
    let mut server = start(&pbx);
    let reader = server.add("laeser", "viewer", "jammerbugt");
    let desk = server.desk("mette", &[]).size(140, 40).open();
    until(&server, &reader, "connected", is_connected);

    // Who takes the calls: one agent of two, and of the technicians nobody.
    let on_duty = |board: &Value| -> Vec<(String, u64)> {
        let queues = board["sources"].as_array().unwrap().iter().flat_map(|it| it["queues"].as_array());
        let count = |it: &Value| (it["queue"].as_str().unwrap().to_owned(), it["on_duty"].as_u64().unwrap());
        queues.flatten().map(count).collect()
    };
    let one_and_nobody = [("doegnvagt".to_owned(), 1), ("teknik".to_owned(), 0)];
    until(&server, &reader, "who is on duty", |board| on_duty(board) == one_and_nobody);
    desk.until_text("INGEN tager teknik");
    let paused = pbx.tool("cli", &["queue pause member Local/2411@agenter/n"]);
    assert!(paused.status.success(), "{}", String::from_utf8_lossy(&paused.stderr));
    desk.until_text("INGEN tager doegnvagt");
    pbx.tool("cli", &["queue unpause member Local/2411@agenter/n"]);
    desk.until("somebody takes it again", |seen| !seen.has("INGEN tager doegnvagt"));

    // One waits, is seen on the screen, and gives up.
    place(&pbx, &["--number", "20304050", "--abandon", "8", "--bg"]);
    desk.until_text("Telefon venter");
    desk.until_text("20304050");
    until(&server, &reader, "missed", |board| states(board, "missed") == 1);
    place(&pbx, &["--number", "20304051", "--answer", "1", "--talk", "1"]);
    until(&server, &reader, "answered", |board| count(&on_board(board), End::Answered) == 1);

    // Both ends go down; one is missed while we are away.
    server.kill();
    desk.until_text("FORÆLDET siden");
    place(&pbx, &["--number", "20304052", "--abandon", "1"]);
    let restarted = pbx.tool("cli", &["core restart now"]);
    assert!(restarted.status.success(), "{}", String::from_utf8_lossy(&restarted.stderr));
    server.start_again();
    until(&server, &reader, "connected again", is_connected);
    desk.until("is live again", |seen| !seen.has("FORÆLDET") && seen.has("2 ubesvarede"));

    place(&pbx, &["--number", "20304053", "--answer", "1", "--talk", "1"]);
    place(&pbx, &["--number", "20304059", "--to", "2500", "--abandon", "1"]);
    let truth = truth(&pbx);
    let counts = [End::Missed, End::Answered, End::RangOut].map(|end| count(&truth, end));
    assert_eq!(counts, [2, 2, 1], "{truth:?}");
    // The log's ids stand on the board; of an answered call only the duty to write a note stands there.
    let board = until(&server, &reader, "as in the log of the exchange", |board| {
        let ours = on_board(board);
        let same = |(id, end): (&String, &End)| *end == End::Answered || ours.get(id) == Some(end);
        ours.len() == truth.len()
            && truth.iter().all(same)
            && count(&ours, End::Answered) == count(&truth, End::Answered)
    });
    // Who hung up at once is missed like the others, and in no figure.
    let figures = board["answering"].as_array().unwrap();
    let within = &figures.iter().find(|it| it["board"] == "phone").unwrap()["within"][0];
    assert_eq!((within["count"].as_u64(), within["of"].as_u64()), (Some(2), Some(3)), "{board:#}");

    // Numbers are asked for again after a restart; no disk has ever seen one.
    let callers = callers(&board);
    assert!(callers.contains(&"20304050") && callers.contains(&"20304052"), "{callers:?}");
    server.kill();
    assert_eq!(holding(server.folder.path(), b"2030405"), Vec::<String>::new());
}

#[test]
fn an_exchange_that_falls_silent_or_goes_away_is_told_with_why_and_read_again_when_it_is_back() {
    let Some(pbx) = Pbx::start() else { return };
    let server = start(&pbx);
    let reader = server.add("laeser", "viewer", "jammerbugt");
    until(&server, &reader, "connected", is_connected);
    let is_silent = |board: &Value, why: &str| {
        let is_it = |it: &Value| it["name"] == "central" && it["state"] == "silent" && it["why"] == why;
        board["sources"].as_array().unwrap().iter().any(is_it) && states(board, "silent") == 1
    };
    // It keeps the connection and says nothing: nobody is told by the network.
    pbx.signal("-STOP");
    until(&server, &reader, "half open", |board| is_silent(board, "half-open"));
    pbx.signal("-CONT");
    until(&server, &reader, "connected again", is_connected);
    place(&pbx, &["--number", "20304050", "--abandon", "1"]);
    until(&server, &reader, "missed", |board| states(board, "missed") == 1);

    // Gone, and back after the first tries: they have not grown so far apart that nobody notices.
    pbx.signal("-KILL");
    until(&server, &reader, "away", |board| is_silent(board, "unreachable"));
    let started = pbx.tool("start", &["--keep-db"]);
    assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
    until(&server, &reader, "connected once more", is_connected);
}

/// Three queues of one member: 2700 leads to 9000 and after three seconds on to 9001, 2701 to 9001, 2702 to 9002.
const OVERFLOW: [(&str, &str); 2] = [
    (
        "queues.conf",
        "\n[9000](koe)\nmember => Local/2411@agenter/n,0,Anna Andersen\n\
         [9001](koe)\nmember => Local/2411@agenter/n,0,Anna Andersen\n\
         [9002](koe)\nmember => Local/2411@agenter/n,0,Anna Andersen\n",
    ),
    (
        "extensions.conf",
        "\n[fra-net]\nexten => _270[02],1,Set(SVAR=${PJSIP_HEADER(read,X-Svar)})\n \
         same => n,Set(__TALETID=${PJSIP_HEADER(read,X-Tale)})\n \
         same => n,Set(__SVARKL=$[${STRFTIME(,,%s.%3q)} + ${SVAR}])\n \
         same => n,Answer()\n \
         same => n,GotoIf($[${EXTEN} = 2702]?alarm)\n \
         same => n,Queue(9000,,,,3)\n \
         same => n,Queue(9001)\n \
         same => n,Hangup()\n \
         same => n(alarm),Queue(9002)\n \
         same => n,Hangup()\n\
         exten => 2701,1,Queue(9001)\n \
         same => n,Hangup()\n",
    ),
];

/// Waits until the exchange's own log has a line with all of this.
fn until_logged(pbx: &Pbx, what: &[&str]) {
    let give_up_at = Instant::now() + BOUND;
    while !pbx.queue_log_lines().iter().any(|line| what.iter().all(|it| line.contains(it))) {
        assert!(Instant::now() < give_up_at, "never {what:?}: {:?}", pbx.queue_log_lines());
        std::thread::park_timeout(Duration::from_millis(100));
    }
}

/// Passes on, unannounced, whom the simulated agent talks with.
fn pass_on(pbx: &Pbx, to: &str) {
    let channels = pbx.tool("cli", &["core show channels concise"]);
    let channels = String::from_utf8_lossy(&channels.stdout).into_owned();
    let is_agents = |name: &&str| name.starts_with("Local/2411@agenter-") && name.ends_with(";1");
    let names = channels.lines().filter_map(|line| line.split('!').next());
    let agent = names.into_iter().find(is_agents).unwrap_or_else(|| panic!("nobody talks: {channels}"));
    let action = format!("Action: BlindTransfer|Channel: {agent}|Context: fra-net|Exten: {to}");
    let sent = pbx.tool("ami-record", &["-s", "1", "--mask", "off", "--send", &action]);
    let answered = String::from_utf8_lossy(&sent.stdout).into_owned();
    assert!(answered.contains("Transfer succeeded"), "{answered}");
}

/// Of the calls to the phone: how many were answered in time, and of how many.
fn in_time(board: &Value) -> (u64, u64) {
    let phone = board["answering"].as_array().unwrap().iter().find(|it| it["board"] == "phone");
    let within = phone.map(|it| it["within"][0].clone()).unwrap_or_default();
    (within["count"].as_u64().unwrap_or_default(), within["of"].as_u64().unwrap_or_default())
}

fn only<'b>(board: &'b Value, which: &str) -> Option<&'b Value> {
    let mut entries = board["entries"].as_array().unwrap().iter().filter(|it| it["board"] == which);
    let one = entries.next();
    assert!(entries.next().is_none(), "two of {which}: {board:#}");
    one
}

#[test]
fn a_start_in_mid_talk_an_overflow_and_a_transfer_are_one_story_each() {
    let Some(pbx) = Pbx::start() else { return };
    pbx.configure(&OVERFLOW);
    // Somebody talks when the server starts, and what was logged before is not read.
    place(&pbx, &["--number", "20304060", "--to", "2702", "--answer", "1", "--talk", "6", "--bg"]);
    until_logged(&pbx, &["|9002|", "|CONNECT|"]);
    let server = start_reading(
        &pbx,
        "look_back_days = 0\n",
        "9000 = { kind = \"phone\", agreements = [\"jammerbugt\"] }\n\
         9001 = { kind = \"phone\", agreements = [\"jammerbugt\"] }\n\
         9002 = { kind = \"alarm\", agreements = [\"jammerbugt\"] }\n",
    );
    let reader = server.add("laeser", "viewer", "jammerbugt");
    until(&server, &reader, "connected", is_connected);
    until_logged(&pbx, &["|9002|", "|COMPLETE"]);
    let board = until(&server, &reader, "the talk answered and over", |board| {
        only(board, "alarms").is_some_and(|it| it["attention"]["why"] == "talk-over")
    });
    let alarm = only(&board, "alarms").unwrap();
    assert_eq!((&alarm["attention"]["why"], &alarm["due"]), (&json!("talk-over"), &json!([])), "{alarm:#}");

    // One queue lets the call go into the next: one call, that waits there, and is answered after the whole time.
    place(&pbx, &["--number", "20304061", "--to", "2700", "--answer", "5", "--talk", "3", "--bg"]);
    let is_in = |board: &Value, queue: &str, state: &str| {
        only(board, "phone").is_some_and(|it| it["details"]["queue"] == queue && it["state"] == state)
    };
    until(&server, &reader, "waiting in the first", |board| is_in(board, "9000", "waiting"));
    until(&server, &reader, "waiting in the second", |board| is_in(board, "9001", "waiting"));
    let board = until(&server, &reader, "answered", |board| is_in(board, "9001", "answered"));
    let call = only(&board, "phone").unwrap();
    let time = |it: &Value| it.as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    let waited = time(&call["details"]["answered_at"]) - time(&call["opened_at"]);
    assert!(waited.num_seconds() >= 4, "{call:#}");
    let board = until(&server, &reader, "one of one", |board| in_time(board) == (1, 1));
    assert_eq!((states(&board, "missed"), states(&board, "unanswered")), (0, 0), "{board:#}");
    until(&server, &reader, "over", |board| only(board, "phone").is_none());

    // Whoever answered passes the caller on: still one call, answered.
    place(&pbx, &["--number", "20304062", "--to", "2700", "--answer", "1", "--talk", "5", "--bg"]);
    until(&server, &reader, "answered in the first", |board| is_in(board, "9000", "answered"));
    pass_on(&pbx, "2701");
    until(&server, &reader, "answered in the second", |board| is_in(board, "9001", "answered"));
    let board = until(&server, &reader, "over, as answered", |board| only(board, "phone").is_none());
    assert_eq!((in_time(&board), states(&board, "missed")), ((2, 2), 0), "{board:#}");
    // That is what the exchange's own log says.
    let log = pbx.queue_log_lines();
    let said = |of: &[&str]| log.iter().filter(|line| of.iter().all(|it| line.contains(it))).count();
    assert_eq!(said(&["|9000|", "|EXITWITHTIMEOUT|"]), 1, "{log:?}");
    assert_eq!(said(&["|9000|", "|BLINDTRANSFER|"]), 1, "{log:?}");
    assert_eq!((said(&["|9000|", "|ENTERQUEUE|"]), said(&["|9001|", "|CONNECT|"])), (2, 2), "{log:?}");
}

/// Queue `kanarie`, without members, behind the number 2600: for whoever calls, and for `kanarie`, who must prove it.
const CANARY_QUEUE: [(&str, &str); 3] = [
    ("queues.conf", "\n[kanarie](koe)\n"),
    ("extensions.conf", "\n[fra-net]\nexten => 2600,1,Goto(koe,kanarie,1)\n"),
    (
        "pjsip.conf",
        "\n[kanarie](telefon)\ncontext = fra-net\nauth = kanarie-auth\n\
         [kanarie-auth]\ntype = auth\nauth_type = userpass\nusername = kanarie\npassword = hemmelig\n",
    ),
];

/// A server that reads the phone queue, and calls this number to be seen in that queue; `more` of its settings.
fn start_with_canary(pbx: &Pbx, queue: &str, number: &str, more: &str) -> Server {
    let folder = tempfile::tempdir().unwrap();
    secret_file(&folder.path().join("ami.secret"), SECRET);
    secret_file(&folder.path().join("ret.secret"), "hemmelig");
    secret_file(&folder.path().join("forkert.secret"), "gættet");
    let config = folder.path().join("server.toml");
    let settings = format!(
        "[[ami]]\nname = \"central\"\naddress = \"127.0.0.1:{}\"\nuser = \"vagt-laes\"\nsecret_file = \"ami.secret\"\n\
         queue_log = \"{}\"\n\n[ami.queues]\n\
         doegnvagt = {{ kind = \"phone\", agreements = [\"jammerbugt\"] }}\n\n\
         [canary.call]\nexchange = \"central\"\nqueue = \"{queue}\"\nto = \"sip:{number}@127.0.0.1:{}\"\n{more}",
        pbx.ami_port,
        pbx.queue_log().display(),
        pbx.sip_port()
    );
    std::fs::write(&config, settings).unwrap();
    let config = config.display().to_string();
    Server::start_with(folder, &["--config", &config])
}

fn canary(board: &Value) -> &Value {
    let sources = board["sources"].as_array().unwrap();
    sources.iter().find(|it| it["name"] == "kanariefugl-opkald").unwrap()
}

/// The calls that came to this queue, by the exchange's own log.
fn calls_to(pbx: &Pbx, queue: &str) -> usize {
    let name = format!("|{queue}|");
    pbx.queue_log_lines().iter().filter(|it| it.contains(&name) && it.contains("|ENTERQUEUE|")).count()
}

#[test]
fn a_canary_call_is_seen_in_its_queue_and_in_no_figure() {
    let Some(pbx) = Pbx::start() else { return };
    pbx.configure(&CANARY_QUEUE);
    for more in ["", "user = \"kanarie\"\nsecret_file = \"ret.secret\"\n"] {
        let before = pbx.queue_log_lines().len();
        let server = start_with_canary(&pbx, "kanarie", "2600", more);
        let reader = server.add("laeser", "viewer", "jammerbugt");
        until(&server, &reader, "seen", |board| canary(board)["heard_at"].is_string());
        // It was hung up: the exchange's own log says so, and nobody else called.
        let give_up_at = Instant::now() + BOUND;
        let is_over = |line: &String| line.contains("|kanarie|") && line.contains("|ABANDON|");
        while !pbx.queue_log_lines()[before..].iter().any(is_over) {
            assert!(Instant::now() < give_up_at, "never hung up: {:?}", pbx.queue_log_lines());
            std::thread::park_timeout(Duration::from_millis(100));
        }
        // An ordinary call that came after it stands there, so its own would by now.
        let missed = states(&server.board(&reader), "missed");
        place(&pbx, &["--number", "20304050", "--abandon", "8"]);
        let board =
            until(&server, &reader, "the call after it", |board| states(board, "missed") == missed + 1);
        assert_eq!(canary(&board)["state"], "ok");
        assert_eq!(board["entries"].as_array().unwrap().len(), missed + 1, "{board:#}");
        let phone = board["answering"].as_array().unwrap().iter().find(|it| it["board"] == "phone").unwrap();
        assert_eq!(phone["within"][0]["of"].as_u64(), Some(missed as u64 + 1), "{board:#}");
    }
}

#[test]
fn a_canary_call_that_cannot_be_made_is_told_with_why_and_one_that_would_ring_a_person_is_not_made() {
    let Some(pbx) = Pbx::start() else { return };
    pbx.configure(&CANARY_QUEUE);
    let (user, wrong) = ("user = \"kanarie\"\n", "secret_file = \"forkert.secret\"\n");
    let cases = [
        ("kanarie", "2999", String::new(), "canary-call-refused"),
        ("kanarie", "2600", user.to_owned(), "canary-call-secret-needed"),
        ("kanarie", "2600", format!("{user}{wrong}"), "canary-call-secret-wrong"),
        ("findes-ikke", "2600", String::new(), "canary-call-no-queue"),
        // Its member is a telephone that is not even on.
        ("teknik", "2500", String::new(), "canary-call-members"),
    ];
    for (queue, number, more, why) in cases {
        let server = start_with_canary(&pbx, queue, number, &more);
        let reader = server.add("laeser", "viewer", "jammerbugt");
        let is_missed =
            |it: &Value| it["state"] == "failed" && it["details"]["source"] == "kanariefugl-opkald";
        let board = until(&server, &reader, "missed", |board| {
            board["entries"].as_array().unwrap().iter().any(is_missed)
        });
        assert_eq!((&canary(&board)["state"], &canary(&board)["why"]), (&json!("silent"), &json!(why)));
    }
    assert_eq!((calls_to(&pbx, "kanarie"), calls_to(&pbx, "teknik")), (0, 0), "{:?}", pbx.queue_log_lines());
}
