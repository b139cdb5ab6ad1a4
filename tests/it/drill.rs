//! The drill: everything that ever made a duty board deaf, at once, and then a real alarm.
//!
//! The disk hangs, nobody reads the log, six hundred units answer nothing, a thousand connections begin to ask and go no
//! further, and the only desk is frozen. Asserted is order and cause; the seconds are those of `benches/open_way.rs`.

use std::net::SocketAddr;
use std::sync::mpsc::{TryRecvError, channel};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::hanging_disk::hang;
use crate::jam::{HalfOpen, Mute, full_pipe, with_all_descriptors};
use crate::open_way::{address, with_descriptors};
use crate::ports::free_port;
use crate::process::{Home, Serving};
use crate::terminal::{Start, Terminal};
use crate::unit::Unit;
use crate::world::{wait_for, within};

/// Jammerbugt's agreement, which misses its desks soon: later than they are looked for, so that it is never by chance.
fn quick_to_miss(home: &Home) {
    let rules = include_str!("../../src/domain/agreements/jammerbugt.toml")
        .replace("nobody_listening_seconds = { own = 30 }", "nobody_listening_seconds = { own = 5 }");
    std::fs::create_dir_all(home.path("agreements")).unwrap();
    home.write("agreements/jammerbugt.toml", &rules);
}

/// The desk of somebody in a terminal.
fn desk(home: &Home, serving: &Serving, name: &str) -> Terminal {
    let token = home.path(&format!("{name}.token")).display().to_string();
    Start::new(&["desk", "--server", &serving.base, "--token-file", &token]).open()
}

/// Until the server says so of who listens in Jammerbugt.
async fn until_desks_are(serving: &Serving, token: &str, state: &str) {
    wait_for(&format!("the desks to be {state}"), || async {
        let board = serving.get("/v1/board", token).await.body;
        let found = board["sources"].as_array().unwrap().iter().find(|it| it["name"] == "vagt-jammerbugt");
        let is = found.map(|it| it["state"].clone()).unwrap_or_default();
        if is == state { Ok(()) } else { Err(is) }
    })
    .await;
}

/// A row of the board that says so; the banner above it uses the same words.
fn rings_unstored(line: &str) -> bool {
    line.contains("***") && line.contains("IKKE GEMT")
}

/// The alarms of a unit.
fn alarms_of<'b>(board: &'b Value, device: &str) -> Vec<&'b Value> {
    let entries = board["entries"].as_array().unwrap();
    entries.iter().filter(|it| it["details"]["device"] == device).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_all_that_jams_at_once_a_real_alarm_rings_at_a_second_desk() {
    with_all_descriptors();
    let home = Home::new();
    quick_to_miss(&home);
    for name in ["anna", "bo"] {
        home.add(name, "coordinator", "jammerbugt");
    }
    let wall = home.add("skaerm", "viewer", "jammerbugt");
    let port = free_port();
    let settings = format!(
        "agreements = \"agreements\"\n[[scaip]]\nlisten = [\"udp://127.0.0.1:{port}\"]\nagreement = \"jammerbugt\"\n"
    );
    let config = home.write("server.toml", &settings);
    let program =
        home.command(&format!("serve --data {{data}} --listen 127.0.0.1:0 --config {}", config.display()));
    let mut command = with_descriptors(&home, &program, 1_024);
    command.env("VAGTTAVLE_LOG", "debug");
    // A log that nobody reads …
    let (_reader, stderr) = full_pipe();
    let serving = Serving::saying_to(command, stderr);
    let at = SocketAddr::from(([127, 0, 0, 1], port));
    // … while strangers give it much to say.
    for nth in 0..400 {
        let token = if nth % 2 == 0 { "" } else { "nobody-has-this" };
        assert_eq!(serving.get("/v1/board", token).await.status, 401);
    }

    let first = desk(&home, &serving, "anna");
    until_desks_are(&serving, &wall, "ok").await;
    first.signal(Signal::STOP);
    let half_open = HalfOpen::keep(&address(&serving), 1_000);
    let mute = tokio::task::spawn_blocking(move || {
        let mut mute = Mute::speak(at, 800_000, 600, "<dty>0002</dty><stc>0016</stc>");
        mute.until_answered(at);
        mute
    });
    let mute = within("the mute units", mute).await.unwrap();
    // The frozen desk is there, and is nobody.
    until_desks_are(&serving, &wall, "silent").await;

    let second = desk(&home, &serving, "bo");
    second.until("has the board", |seen| seen.has("Kilder") && !seen.has("Venter på serveren"));
    until_desks_are(&serving, &wall, "ok").await;
    let bells = second.look(|seen| seen.bells());
    let hanging = hang(&serving, 30).await;

    // A real alarm, on the way that the mute units jam.
    let (tell, told) = channel();
    let unit = std::thread::spawn(move || {
        let mut unit = Unit::new(at, "700100");
        let answered = unit.ask_until_taken("r1", "<dty>0003</dty><stc>0010</stc>");
        let _ = tell.send((answered.sip, answered.own));
        unit
    });
    second.until("rings, unstored", |seen| seen.bells() > bells && seen.text().lines().any(rings_unstored));
    second.until("says why", |seen| seen.has("DISKEN SVARER IKKE"));
    assert_eq!(told.try_recv(), Err(TryRecvError::Empty), "nothing is acknowledged before it is on disk");
    serving.get("/readyz", "").await.is_problem(503, "store-unavailable", "");
    assert_eq!(serving.get("/healthz", "").await.status, 200);
    assert_eq!(told.try_recv(), Err(TryRecvError::Empty), "the disk still hangs");

    drop(hanging);
    second.until("shows it as stored", |seen| !seen.has("IKKE GEMT") && seen.has("***"));
    let mut unit =
        within("the unit's answer", tokio::task::spawn_blocking(|| unit.join())).await.unwrap().unwrap();
    assert_eq!(told.recv(), Ok((200, Some(4))), "acknowledged, once");
    assert!(told.recv().is_err());
    assert_eq!(
        tokio::task::spawn_blocking(move || unit.ask("r1", "<dty>0003</dty>").own).await.unwrap(),
        Some(4)
    );
    let board = serving.get("/v1/board", &wall).await.body;
    assert_eq!(alarms_of(&board, "700100").len(), 1, "said again it is the same: {board}");
    assert!(board["log"].is_null(), "{board}");

    // It was neither for the strangers nor for the mute being gone that it rang: they are still there.
    let before = half_open.opened();
    wait_for("more strangers", || async {
        let opened = half_open.opened();
        if opened > before { Ok(()) } else { Err(opened) }
    })
    .await;
    drop((half_open, mute));
    // Somebody has it, and it is not the frozen desk's: that one is still nobody.
    second.send("\x1bOS");
    second.until("has chosen it", |seen| {
        seen.text().lines().any(|it| it.starts_with('>') && it.contains("***"))
    });
    second.press("t", "Svar på kald");
    second.leave();
    until_desks_are(&serving, &wall, "silent").await;
    first.signal(Signal::CONT);
    until_desks_are(&serving, &wall, "ok").await;
    let entry = serving.get("/v1/board", &wall).await.body;
    assert_eq!(alarms_of(&entry, "700100")[0]["holder"]["name"], json!("bo"));
}
