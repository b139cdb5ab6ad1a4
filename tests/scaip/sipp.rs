//! The real sipp against the real server.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::ports::free_port;
use crate::{alarms, start, until};

const BENCH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/scaip");

/// None: this machine has no sipp. Panics where it must be there.
fn sipp() -> Option<()> {
    let has_sipp = Command::new("sipp").arg("-v").output().is_ok();
    let has_send = Path::new(BENCH).join("send").exists();
    if has_sipp && has_send {
        return Some(());
    }
    let what = if has_sipp {
        format!("there is no {BENCH}/send")
    } else {
        "there is no sipp: run ../shared/asterisk/install, or install Debian's sip-tester".to_owned()
    };
    #[expect(clippy::disallowed_methods, reason = "whether it must be there is not the program's business")]
    let must_be_there = std::env::var_os("CI").is_some();
    assert!(!must_be_there, "{what}");
    eprintln!("NOT TESTED against the real sipp: {what}");
    None
}

/// How often it is tried. The port that the bench finds for sipp may be taken before sipp has it, and what a busy
/// machine sends back may come when nobody looks any more: it is asked again, and looked for longer.
const TRIES: u32 = 6;

/// Sends with the bench's `send`, until it went well and this was shown.
fn send(at: SocketAddr, arguments: &[&str], shows: &str) {
    let port = at.port().to_string();
    let mut shown = String::new();
    for attempt in 0..TRIES {
        let wait = (1 << attempt).to_string();
        let out = Command::new(Path::new(BENCH).join("send"))
            .args(["--port", &port, "--timeout", "60", "--wait", if shows.is_empty() { "0" } else { &wait }])
            .args(arguments)
            .output()
            .unwrap();
        shown = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        if out.status.success() && shown.contains(shows) {
            return;
        }
    }
    panic!("send {arguments:?} never showed {shows:?}: {shown}");
}

#[test]
fn a_stranger_s_sip_over_udp_and_tcp_is_one_alarm_and_answered() {
    let Some(()) = sipp() else { return };
    let (server, at) = start("jammerbugt", "");
    let anna = server.add("anna", "coordinator", "jammerbugt");
    send(at, &["--ref", "r1"], "<ref>r1</ref><snu>4</snu>");
    // The same reference again is the same alarm, whichever way it comes.
    send(at, &["--tcp", "--ref", "r1", "--type", "application/xml"], "<ref>r1</ref><snu>4</snu>");
    send(at, &["-n", "20", "--rate", "50", "--ref", "r1", "--quiet"], "");
    assert_eq!(alarms(&server, &anna).len(), 1);

    let heartbeat = format!("{BENCH}/heartbeat.xml");
    send(at, &["--ref", "h1", "--body", &heartbeat], "<ref>h1</ref><snu>0</snu><mre>0</mre><hbi>60</hbi>");

    let malformed = format!("{BENCH}/malformed.xml");
    // It is cut, and says who sent it: it is taken, and belongs to the alarm of that unit that rings.
    send(at, &["--body", &malformed, "--ref", "m1"], "<ref>m1</ref><snu>4</snu>");
    until(&server, &anna, "unreadable", |all: &[Value]| {
        all.iter().find(|it| it["state"] == "unreadable").map(|_| ())
    });
    assert_eq!(alarms(&server, &anna).len(), 1);
}

/// Alarms in the load test, and how many of them a second.
const LOAD: u32 = 2_000;
const LOAD_PER_SECOND: u32 = 200;

/// The response times that sipp wrote (ms), in order.
fn response_times(folder: &Path) -> Vec<f64> {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let file = files.into_iter().find(|it| it.to_string_lossy().ends_with("_rtt.csv")).unwrap();
    let text = std::fs::read_to_string(file).unwrap();
    let mut times: Vec<f64> =
        text.lines().skip(1).map(|line| line.split(';').nth(1).unwrap().parse().unwrap()).collect();
    times.sort_unstable_by(f64::total_cmp);
    times
}

#[test]
fn two_hundred_alarms_a_second_are_each_exactly_one_entry() {
    let Some(()) = sipp() else { return };
    let (server, at) = start("jammerbugt", "");
    let anna = server.add("anna", "viewer", "jammerbugt");
    let folder = tempfile::tempdir().unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scaip");
    for file in ["alarms.xml", "confirm.xml"] {
        std::fs::copy(here.join(file), folder.path().join(file)).unwrap();
    }
    let port = free_port().to_string();
    let out = Command::new("sipp")
        .current_dir(folder.path())
        .args([&at.to_string(), "-i", "127.0.0.1", "-p", &port, "-t", "u1", "-nostdin", "-timeout_error"])
        .args(["-sf", "alarms.xml", "-oocsf", "confirm.xml", "-m", &LOAD.to_string()])
        .args(["-r", &LOAD_PER_SECOND.to_string(), "-trace_rtt", "-rtt_freq", "1"])
        // A busy machine is slower than that: then each is said again until it is heard, however often.
        .args(["-max_retrans", "1000", "-max_non_invite_retrans", "1000", "-timeout", "600"])
        .output()
        .unwrap();
    assert!(out.status.success(), "sipp: {}", String::from_utf8_lossy(&out.stderr));
    let found = alarms(&server, &anna);
    let mut ids: Vec<&str> = found.iter().map(|it| it["details"]["alarm"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((found.len(), ids.len()), (LOAD as usize, LOAD as usize));
    let times = response_times(folder.path());
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    eprintln!(
        "{} alarms at {LOAD_PER_SECOND} a second, request to 200 OK: p50 {} ms, p99 {} ms, worst {} ms",
        times.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
}
