//! The real sipp against the real server.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

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

/// Sends with the bench's `send`; what it showed.
fn send(at: SocketAddr, arguments: &[&str]) -> String {
    let port = at.port().to_string();
    let out =
        Command::new(Path::new(BENCH).join("send")).args(["--port", &port]).args(arguments).output().unwrap();
    let shown = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "send {arguments:?}: {shown}");
    shown
}

#[test]
fn a_stranger_s_sip_over_udp_and_tcp_is_one_alarm_and_answered() {
    let Some(()) = sipp() else { return };
    let (server, at) = start("jammerbugt", "");
    let anna = server.add("anna", "coordinator", "jammerbugt");
    let shown = send(at, &["--wait", "1", "--ref", "r1"]);
    assert!(shown.contains("<ref>r1</ref><snu>4</snu>"), "{shown}");
    // The same reference again is the same alarm, whichever way it comes.
    let shown = send(at, &["--tcp", "--wait", "1", "--ref", "r1", "--type", "application/xml"]);
    assert!(shown.contains("<ref>r1</ref><snu>4</snu>"), "{shown}");
    send(at, &["-n", "20", "--rate", "50", "--ref", "r1", "--quiet"]);
    assert_eq!(alarms(&server, &anna).len(), 1);

    let heartbeat = format!("{BENCH}/heartbeat.xml");
    let shown = send(at, &["--wait", "1", "--body", &heartbeat]);
    assert!(shown.contains("<snu>0</snu>") && shown.contains("<hbi>60</hbi>"), "{shown}");

    let malformed = format!("{BENCH}/malformed.xml");
    send(at, &["--body", &malformed, "--expect", "400", "--quiet"]);
    until(&server, &anna, "unreadable", |all: &[Value]| {
        all.iter().find(|it| it["state"] == "unreadable").map(|_| ())
    });
    assert_eq!(alarms(&server, &anna).len(), 1);
}
