//! Alarm units and the real server: what a unit is told, what is on the board, and what is on the disk.
//!
//! The tests with a SIP client that nobody here wrote need sipp (Debian: sip-tester) and `../shared/scaip/send`. Without
//! them they say so; where `CI` is set they fail.

#[path = "../support/files.rs"]
mod files;
#[path = "../support/ports.rs"]
mod ports;
#[path = "../pty/sequences.rs"]
mod sequences;
#[path = "../pty/server.rs"]
#[expect(dead_code, reason = "shared with the tests in a terminal")]
mod server;
mod sipp;
#[path = "../pty/terminal.rs"]
#[expect(dead_code, reason = "shared with the tests in a terminal")]
mod terminal;
#[expect(dead_code, reason = "shared with the drill and its bench")]
mod unit;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use vagttavle::sources::scaip::trust;

use files::holding;
use ports::free_port;
use server::{Server, call, http};
use terminal::BOUND;
use unit::Unit;

/// An agreement whose alarms ring out at once.
const QUICK: &str = r#"
id = "hurtig"
name = "Hurtig"
version = "2026-11-01"
valid_from = 2026-11-01

[alarms]
claim_minutes = { own = 15 }
ring_out_seconds = { own = 3 }
justification_days = { own = 7 }
"#;

/// A server with one receiver; `more` is added to its settings.
pub fn start(agreement: &str, more: &str) -> (Server, SocketAddr) {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    std::fs::create_dir(folder.path().join("agreements")).unwrap();
    std::fs::write(folder.path().join("agreements/hurtig.toml"), QUICK).unwrap();
    let settings = format!(
        "agreements = \"agreements\"\n[[scaip]]\nlisten = [\"udp://127.0.0.1:{port}\", \"tcp://127.0.0.1:{port}\"]\n\
         agreement = \"{agreement}\"\n{more}\n"
    );
    let config = folder.path().join("server.toml");
    std::fs::write(&config, settings).unwrap();
    let config = config.display().to_string();
    let server = Server::start_with(folder, &["--config", &config]);
    (server, SocketAddr::from(([127, 0, 0, 1], port)))
}

/// What the program says in Danish when these settings do not let it start.
fn refusal(settings: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("agreements")).unwrap();
    let slow = QUICK.replace("ring_out_seconds = { own = 3 }", "ring_out_seconds = { own = 1790 }");
    std::fs::write(folder.path().join("agreements/hurtig.toml"), slow).unwrap();
    let config = folder.path().join("server.toml");
    std::fs::write(&config, format!("agreements = \"agreements\"\n[[scaip]]\n{settings}\n")).unwrap();
    let out = std::process::Command::new(env!("CARGO_BIN_EXE_vagttavle"))
        .env_clear()
        .env("HOME", folder.path())
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(folder.path().join("data"))
        .arg("--config")
        .arg(&config)
        .output()
        .unwrap();
    assert!(!out.status.success());
    String::from_utf8(out.stderr).unwrap()
}

#[test]
fn what_does_not_fit_is_said_at_start_in_danish_with_what_to_do() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap();
    let free = format!("listen = ['udp://127.0.0.1:{}']", free_port());
    let cases = [
        (format!("{free}\nagreement = 'hurtig'"), "ringer ud efter 1790 sekunder"),
        (format!("{free}\nagreement = 'jammerbugt'\nholds_seconds = 190"), "apparaterne giver op efter 190"),
        (format!("{free}\nagreement = 'ukendt'"), "agreement nævner aftalen ukendt"),
        (format!("listen = ['udp://{at}']\nagreement = 'jammerbugt'"), "Kan ikke lytte efter nødkald på"),
        (
            "listen = ['tls://127.0.0.1:0']\nagreement = 'jammerbugt'\ncertificate_file = 'x'\nkey_file = 'y'".into(),
            "kan ikke bruges som certifikat eller nøgle",
        ),
    ];
    for (settings, says) in cases {
        let said = refusal(&settings);
        assert!(said.contains(says), "{settings}: {said}");
    }
}

/// The alarms on the board.
pub fn alarms(server: &Server, token: &str) -> Vec<Value> {
    let board = server.board(token);
    let entries = board["entries"].as_array().unwrap();
    entries.iter().filter(|entry| entry["board"] == "alarms").cloned().collect()
}

/// Waits until the board is so; panics with the board when it never is.
pub fn until<T>(server: &Server, token: &str, what: &str, find: impl Fn(&[Value]) -> Option<T>) -> T {
    let give_up_at = Instant::now() + BOUND;
    loop {
        let board = server.board(token);
        if let Some(found) = find(board["entries"].as_array().unwrap()) {
            return found;
        }
        assert!(Instant::now() < give_up_at, "never {what}: {board:#}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

fn order(server: &Server, token: &str, id: &str, entry: &Value, command: &Value) {
    let body = json!({"id": id, "entry": entry["id"], "command": command}).to_string();
    let (status, answer) = http(server.address, "POST", "/v1/commands", token, &body);
    assert_eq!(status, 200, "{answer}");
}

/// The number of the last record.
fn head(server: &Server, token: &str) -> u64 {
    let (status, text) = http(server.address, "GET", "/metrics", token, "");
    assert_eq!(status, 200, "{text}");
    text.lines().find_map(|line| line.strip_prefix("vagttavle_head ")).unwrap().parse().unwrap()
}

#[test]
fn a_unit_holds_until_a_person_has_its_alarm_also_over_a_crash_and_leaves_no_text_behind() {
    let (mut server, at) = start("jammerbugt", "answer_in_ok = true");
    let anna = server.add("anna", "coordinator", "jammerbugt");
    let mut unit = Unit::new(at, "4512345678");
    let alarm =
        "<dty>0003</dty><crd>gsm:+4520304077</crd><dte>Halskæde</dte><lte>Køkkenet</lte><stc>0010</stc>";
    let asked = unit.ask("a1", alarm);
    assert_eq!((asked.sip, asked.in_ok, asked.own), (200, Some(4), Some(4)));
    let rings = alarms(&server, &anna);
    assert_eq!(rings.len(), 1, "{rings:#?}");
    // The account is a telephone number: it rests nowhere, and stands for nobody on the board.
    let device = rings[0]["details"]["device"].as_str().unwrap();
    assert!(device.starts_with("x-"), "{device}");
    assert_eq!(rings[0]["details"]["trigger"], "pendant");
    assert_eq!(rings[0]["live"]["caller"], "+4520304077");
    assert_eq!(rings[0]["live"]["text"], "Halskæde · Køkkenet");

    // Killed and started again: the unit's next copy is the same alarm, and brings the texts back.
    server.kill();
    server.start_again();
    assert_eq!(unit.ask("a1", alarm).own, Some(4));
    let rings = alarms(&server, &anna);
    assert_eq!(rings.len(), 1, "{rings:#?}");
    assert_eq!(rings[0]["live"]["text"], "Halskæde · Køkkenet");

    order(&server, &anna, "claim-1", &rings[0], &json!({"type": "claim"}));
    let told = unit.ask("a1", alarm);
    assert_eq!((told.in_ok, told.own), (Some(0), Some(0)));
    server.kill();
    server.start_again();
    assert_eq!(unit.ask("a1", alarm).own, Some(0), "a claim on disk is a claim after a restart");

    server.kill();
    for text in ["20304077", "12345678", "Halsk", "kkenet"] {
        assert_eq!(holding(server.folder.path(), text.as_bytes()), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn a_unit_that_turns_to_another_receiver_is_one_alarm_and_another_systems_unit_is_another() {
    let reserve = free_port();
    let (server, at) = start(
        "jammerbugt",
        &format!(
            "[[scaip]]\nname = \"reserve\"\nlisten = [\"udp://127.0.0.1:{reserve}\"]\nagreement = \"jammerbugt\"\n\
             [[web_hook]]\nname = \"opkald\"\nunits_of = \"scaip\"\n"
        ),
    );
    let anna = server.add("anna", "coordinator", "jammerbugt");
    let post = |source: &str, key: &str| {
        let token = server.add(source, "source", "jammerbugt");
        let item = json!({"key": key, "observation": {"type": "alarm-raised", "alarm": key, "device": "700", "trigger": "pendant"}});
        let (status, text) =
            http(server.address, "POST", "/v1/observations", &token, &json!([item]).to_string());
        assert_eq!(status, 200, "{text}");
    };
    let alarm = "<dty>0003</dty><stc>0010</stc>";
    assert_eq!(Unit::new(at, "700").ask("a1", alarm).own, Some(4));
    let reserve = SocketAddr::from(([127, 0, 0, 1], reserve));
    assert_eq!(Unit::new(reserve, "700").ask("b1", alarm).own, Some(4));
    post("opkald", "k-1");
    assert_eq!(alarms(&server, &anna).len(), 1, "one unit");
    // Its 700 is its own.
    post("vestby", "k-2");
    assert_eq!(alarms(&server, &anna).len(), 2, "two systems");
}

#[test]
fn a_unit_known_by_its_number_has_a_short_name_on_the_board() {
    let (mut server, at) = start("jammerbugt", "");
    let config = server.folder.path().join("server.toml");
    let said = std::process::Command::new(env!("CARGO_BIN_EXE_vagttavle"))
        .env_clear()
        .env("HOME", server.folder.path())
        .args(["unit", "+45 12 34 56 78", "--data"])
        .arg(server.folder.path().join("data"))
        .arg("--config")
        .arg(&config)
        .output()
        .unwrap();
    let id = String::from_utf8(said.stdout).unwrap().trim().to_owned();
    assert!(id.starts_with("x-"), "{id} {}", String::from_utf8_lossy(&said.stderr));
    server.kill();
    let named =
        format!("{}\n[units]\n\"{id}\" = \"Solgården 4\"\n", std::fs::read_to_string(&config).unwrap());
    std::fs::write(&config, named).unwrap();
    server.start_again();
    let anna = server.add("anna", "coordinator", "jammerbugt");
    Unit::new(at, "4512345678").ask("a1", "<dty>0003</dty><stc>0010</stc>");
    let rings = alarms(&server, &anna);
    assert_eq!(
        (&rings[0]["details"]["device"], &rings[0]["live"]["unit"]),
        (&json!(id), &json!("Solgården 4"))
    );
    server.kill();
    assert_eq!(holding(server.folder.path(), b"12345678"), Vec::<String>::new());
}

#[test]
fn what_nobody_takes_is_told_to_go_elsewhere_once_the_ring_out_is_on_disk_and_is_then_redirected() {
    let (mut server, at) = start("hurtig", "");
    let anna = server.add("anna", "coordinator", "hurtig");
    let mut unit = Unit::new(at, "4512345678");
    let alarm = "<dty>0003</dty><stc>0010</stc>";
    assert_eq!(unit.ask("b1", alarm).own, Some(4));
    until(&server, &anna, "rung out", |all| all.iter().find(|it| it["state"] == "unanswered").map(|_| ()));
    server.kill();
    server.start_again();
    assert_eq!(unit.ask("b1", alarm).own, Some(5));
    let entry =
        until(&server, &anna, "redirected", |all| all.iter().find(|it| it["state"] == "redirected").cloned());
    assert!(entry["due"].as_array().unwrap().iter().any(|due| due["what"] == "justification"), "{entry:#}");
    assert_eq!(unit.ask("b1", alarm).own, Some(5));
    assert_eq!(alarms(&server, &anna).len(), 1);
}

#[test]
fn what_needs_nobody_is_handled_at_once_and_what_was_cancelled_still_rings() {
    let (server, at) = start("jammerbugt", "test_accounts = [\"990001\"]");
    let anna = server.add("anna", "coordinator", "jammerbugt");
    let mut unit = Unit::new(at, "100200300");
    assert_eq!(unit.ask("c1", "<dty>2</dty><stc>16</stc>").own, Some(0), "battery low");
    assert_eq!(Unit::new(at, "990001").ask("t1", "<dty>3</dty><stc>10</stc>").own, Some(0), "a test");
    assert_eq!(unit.ask("c2", "<dty>3</dty>").own, Some(4), "no state is an alarm");
    assert_eq!(unit.ask("c2", "<mty>RE</mty><dty>3</dty>").own, Some(0), "the unit gives up");
    assert_eq!(unit.ask("c2", "<mty>IN</mty><dty>3</dty><ite>ny</ite>").own, Some(4), "more about it");
    let found = alarms(&server, &anna);
    let with = |name: &str| found.iter().filter(|it| it["details"][name] == true).count();
    assert_eq!((found.len(), with("technical"), with("test")), (3, 1, 1), "{found:#?}");
    let ringing = found.iter().find(|it| it["details"]["alarm"] == "100200300/c2").unwrap();
    assert_eq!(ringing["state"], "raised");
    assert!(ringing["details"]["cleared_at"].is_string(), "{ringing:#}");
    assert_eq!(ringing["live"]["text"], "ny");
}

#[test]
fn the_voice_call_of_a_unit_is_joined_to_its_alarm_whichever_comes_first() {
    let (server, at) = start("jammerbugt", "");
    let anna = server.add("anna", "coordinator", "jammerbugt");
    let exchange = server.add("central", "source", "jammerbugt");
    let mut unit = Unit::new(at, "100200300");
    unit.ask("v1", "<dty>3</dty><crd>gsm:+4520304077</crd>");
    server.observe(&exchange, &[call("c1", "20 30 40 77", ""), call("c2", "20304078", "")]);
    Unit::new(at, "100200400").ask("v2", "<dty>3</dty><crd>gsm:20304078</crd>");
    let board = server.board(&anna);
    let entries = board["entries"].as_array().unwrap();
    let linked = |alarm: &str, call: &str| {
        let of = |name: &str, id: &str| entries.iter().find(|it| it["details"][name] == id).unwrap();
        let (alarm, call) = (of("alarm", alarm), of("call", call));
        let knows = |one: &Value, other: &Value| one["links"].as_array().unwrap().contains(&other["id"]);
        assert_eq!(knows(alarm, call), knows(call, alarm));
        knows(alarm, call)
    };
    assert!(linked("100200300/v1", "c1") && linked("100200400/v2", "c2"), "{board:#}");
    assert!(!linked("100200300/v1", "c2") && !linked("100200400/v2", "c1"), "{board:#}");
}

#[test]
fn a_unit_that_falls_silent_is_known_after_a_restart() {
    let (mut server, at) = start("jammerbugt", "heartbeat_minutes = 1");
    let anna = server.add("anna", "coordinator", "jammerbugt");
    let mut unit = Unit::new(at, "100200300");
    assert_eq!(unit.ask("h1", "<mty>PI</mty><hbo>1</hbo>").own, Some(0));
    let before = head(&server, &anna);
    for _ in 0..5 {
        assert_eq!(unit.ask("h1", "<mty>PI</mty>").own, Some(0));
    }
    assert_eq!(head(&server, &anna), before, "one line a day in the log, not one a heartbeat");
    server.kill();
    server.start_again();
    assert!(alarms(&server, &anna).is_empty());
    assert_eq!(unit.ask("h2", "<mty>PI</mty>").own, Some(0));
    assert_eq!(unit.ask("a1", "<dty>3</dty>").own, Some(4));
    assert_eq!(head(&server, &anna), before + 1, "nor one a restart: the one more is the alarm");
}

#[test]
fn silence_goes_on_over_a_restart_and_the_time_that_the_server_was_away_does_not_count() {
    let (mut server, at) = start("jammerbugt", "heartbeat_minutes = 60\nheartbeat_factor = 1.5");
    let anna = server.add("anna", "coordinator", "jammerbugt");
    for account in ["100200300", "100200400", "100200500"] {
        assert_eq!(Unit::new(at, account).ask("h1", "<mty>PI</mty>").own, Some(0));
    }
    server.kill();
    // As it would stand there: heard 100, 80 and 100 minutes before; of the last 20 of those nobody listened.
    let ago =
        |minutes: i64| (vagttavle::clock::Clock::system().now() - TimeDelta::minutes(minutes)).to_rfc3339();
    let heard = json!({"listened_until": ago(0), "units": {
        "100200300": {"at": ago(100), "away_s": 0},
        "100200400": {"at": ago(80), "away_s": 0},
        "100200500": {"at": ago(100), "away_s": 1200},
    }});
    std::fs::write(server.data().join("heard-scaip.json"), heard.to_string()).unwrap();
    server.start_again();
    let silent = |all: &[Value]| -> Vec<Value> {
        all.iter().filter(|it| it["details"]["trigger"] == "device-silent").cloned().collect()
    };
    let found = until(&server, &anna, "silent", |all| Some(silent(all)).filter(|it| !it.is_empty()));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0]["details"]["device"], "100200300");
    assert_eq!(Unit::new(at, "100200300").ask("h2", "<mty>PI</mty>").own, Some(0));
    let is_cleared = |it: &Value| it["details"]["cleared_at"].is_string();
    until(&server, &anna, "heard again", |all| silent(all).iter().all(is_cleared).then_some(()));
}

#[test]
fn an_alarm_in_parts_and_a_packed_one_ring_like_any_other() {
    let (server, at) = start("jammerbugt", "");
    let anna = server.add("anna", "coordinator", "jammerbugt");
    let mut unit = Unit::new(at, "100200300");
    let part = |elements: &str| format!("<mrq><ref>p1</ref><cid>100200300</cid>{elements}</mrq>");
    let first = part("<dty>3</dty><dte>Halskæde</dte><ame>1</ame>");
    assert_eq!(unit.say_as("", first.as_bytes(), None).sip, 200);
    let found = alarms(&server, &anna);
    assert_eq!(
        (found.len(), &found[0]["live"]["text"]),
        (1, &json!("Halskæde")),
        "it rings with its first part"
    );
    assert_eq!(unit.say(&part("<lte>Køkkenet</lte><ame>0</ame>"), "p1").own, Some(4));
    let found = alarms(&server, &anna);
    assert_eq!((found.len(), &found[0]["live"]["text"]), (1, &json!("Halskæde · Køkkenet")), "{found:#?}");
    // What is technical stays so when a later part says no state.
    let parts =
        ["<dty>2</dty><stc>16</stc><ame>1</ame>", "<ite>lavt</ite>"].map(|it| part(it).replace("p1", "p2"));
    assert_eq!(unit.say_as("", parts[0].as_bytes(), None).sip, 200);
    assert_eq!(unit.say(&parts[1], "p2").own, Some(0));
    let technical = |all: &[Value]| all.iter().filter(|it| it["details"]["technical"] == true).count();
    let found = alarms(&server, &anna);
    assert_eq!((found.len(), technical(&found)), (2, 1), "{found:#?}");

    let packed =
        hex::decode("b3c92d2ab4b3294a4db3ab32b4d107d136c9992976e6060636fa20864d4a49a59db18d3e88b2d107290600");
    let mut unit = Unit::new(at, "700");
    let told = unit.say_as("Content-Encoding: deflate\r\n", &packed.unwrap(), Some("z1"));
    assert_eq!((told.sip, told.own), (200, Some(4)));
    assert!(alarms(&server, &anna).iter().any(|it| it["details"]["alarm"] == "700/z1"));
}

/// A file of the fixtures.
fn fixture(name: &str) -> String {
    format!("{}/tests/sources/fixtures/scaip/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Reads until this was said.
fn heard(stream: &mut impl Read, until: &str) -> String {
    let mut text = Vec::new();
    let mut byte = [0; 1024];
    loop {
        let size = stream.read(&mut byte).unwrap();
        text.extend_from_slice(&byte[..size]);
        let so_far = String::from_utf8_lossy(&text).into_owned();
        if so_far.contains(until) {
            return so_far;
        }
        assert!(size > 0, "it ended after {so_far:?}");
    }
}

#[test]
fn a_unit_that_registered_by_tls_and_hung_up_is_called_back_by_tls() {
    let port = free_port();
    let (server, _) = start(
        "jammerbugt",
        &format!(
            "[[scaip]]\nname = 'sikker'\nlisten = ['tls://127.0.0.1:{port}']\nagreement = 'jammerbugt'\n\
             certificate_file = '{}'\nkey_file = '{}'\nunit_certificates_file = '{}'",
            fixture("sip.pem"),
            fixture("sip.key"),
            fixture("unit-ca.pem")
        ),
    );
    let anna = server.add("anna", "coordinator", "jammerbugt");
    let certificate = |file: &str| CertificateDer::from_pem_file(fixture(file)).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let believes = trust::calls(vec![certificate("sip.pem")], &provider).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let says = |method: &str, number: u32, more: &str, body: &str| {
        format!(
            "{method} sip:scaip@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bKt{number};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:700@127.0.0.1>;tag=1\r\nTo: <sip:scaip@127.0.0.1>\r\n\
             Call-ID: t{number}\r\nCSeq: {number} {method}\r\n{more}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let call = rustls::ClientConnection::new(believes, "localhost".try_into().unwrap()).unwrap();
    let mut unit = rustls::StreamOwned::new(call, TcpStream::connect(("127.0.0.1", port)).unwrap());
    let contact = format!("Contact: <sip:700@{};transport=tls>\r\n", listener.local_addr().unwrap());
    unit.write_all(says("REGISTER", 1, &contact, "").as_bytes()).unwrap();
    heard(&mut unit, "\r\n\r\n");
    let body = "<mrq><ref>s1</ref><cid>700</cid><dty>3</dty></mrq>";
    unit.write_all(says("MESSAGE", 2, "Content-Type: application/scaip+xml\r\n", body).as_bytes()).unwrap();
    drop(unit);

    let key = PrivateKeyDer::from_pem_file(fixture("unit.key")).unwrap();
    let ours = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate("unit.pem")], key)
        .unwrap();
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(BOUND)).unwrap();
    let answered = rustls::ServerConnection::new(Arc::new(ours)).unwrap();
    let own = heard(&mut rustls::StreamOwned::new(answered, stream), "</mrs>");
    assert!(own.contains("<ref>s1</ref><snu>4</snu>"), "{own}");
    assert_eq!(alarms(&server, &anna).len(), 1);
}

#[test]
fn what_cannot_be_read_rings_if_it_says_who_it_is_and_is_a_duty_if_not() {
    let (server, at) = start("jammerbugt", "");
    let anna = server.add("anna", "coordinator", "jammerbugt");
    let mut unit = Unit::new(at, "4512345678");
    assert_eq!(unit.say("<!DOCTYPE mrq><mrq/>", "x").sip, 400);
    let seen = |all: &[Value]| all.iter().find(|it| it["details"]["trouble"] == "alarm-unreadable").cloned();
    let trouble = until(&server, &anna, "a duty", seen);
    assert_eq!(
        (&trouble["details"]["what"], &trouble["state"]),
        (&json!("xml-doctype"), &json!("unreadable"))
    );
    let (level, overdue) = (&trouble["attention"]["level"], &trouble["attention"]["overdue"]);
    assert_eq!((level, overdue), (&json!("duty"), &json!(true)), "{trouble:#}");
    assert!(alarms(&server, &anna).is_empty());

    let told = unit.say("<mrq><ref>u1</ref><cid>444</cid><dty>0004", "u1");
    assert_eq!((told.sip, told.own), (200, Some(4)));
    let rings = alarms(&server, &anna);
    assert_eq!(rings.len(), 1, "{rings:#?}");
    let details = &rings[0]["details"];
    assert_eq!((&details["device"], &details["trigger"]), (&json!("444"), &json!("unreadable")));
    assert_eq!(rings[0]["attention"]["level"], "alarm");
}

#[test]
fn what_units_say_of_themselves_leaves_no_row_and_takes_none_that_rings() {
    let (server, at) = start("jammerbugt", "");
    let anna = server.add("anna", "coordinator", "jammerbugt");
    let mut ill = Unit::new(at, "100200300");
    assert_eq!(ill.ask("m1", "<dty>2</dty><stc>0085</stc>").own, Some(0));
    assert_eq!(ill.ask("m2", "<dty>2</dty><stc>0016</stc>").own, Some(0));
    assert_eq!(ill.ask("m3", "<dty>3</dty><stc>0010</stc>").own, Some(4));
    let triggers = || -> Vec<String> {
        let all = alarms(&server, &anna);
        let mut all: Vec<String> =
            all.iter().map(|it| it["details"]["trigger"].as_str().unwrap().to_owned()).collect();
        all.sort_unstable();
        all
    };
    assert_eq!(triggers(), ["battery", "mains-lost", "pendant"]);
    assert_eq!(ill.ask("m4", "<dty>2</dty><stc>0086</stc>").own, Some(0));
    assert_eq!(triggers(), ["battery", "pendant"]);
    assert_eq!(ill.ask("m5", "<dty>2</dty><stc>0088</stc>").own, Some(0));
    for unit in 0..20 {
        let mut unit = Unit::new(at, &format!("8002003{unit:02}"));
        for state in ["0070", "0086", "0112", "0092", "0093", "0087", "0088", "0111"] {
            assert_eq!(unit.ask(state, &format!("<dty>2</dty><stc>{state}</stc>")).own, Some(0), "{state}");
        }
    }
    assert_eq!(triggers(), ["battery", "pendant"], "no row of theirs");
    assert_eq!(ill.ask("m6", "<dty>2</dty><stc>0070</stc>").own, Some(0));
    let left = alarms(&server, &anna);
    assert_eq!((left.len(), &left[0]["state"]), (1, &json!("raised")), "{left:#?}");
    assert!(left[0]["details"]["presence_at"].is_string(), "{left:#?}");
}
