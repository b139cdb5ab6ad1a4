//! Somebody sets the server's clock: durations go on as if nothing had been, and it is said.

use chrono::TimeDelta;
use serde_json::{Value, json};
use vagttavle::clock::Clock;

use crate::world::{Setup, TestServer, minutes, night, wait_for};

async fn becomes(server: &TestServer, entry: &Value, state: &str) -> Value {
    let id = entry["id"].as_str().unwrap();
    wait_for(state, || async {
        let entry = server.entry("anna", id).await;
        if entry["state"] == state { Ok(entry) } else { Err(entry) }
    })
    .await
}

/// What is said of the clock on the board of sources.
async fn said_of_clock(server: &TestServer) -> Vec<String> {
    let board = server.board("anna").await;
    let entries = board["entries"].as_array().unwrap().iter();
    let of_clock = entries.filter(|it| it["details"]["source"] == "uret");
    of_clock.filter_map(|it| it["details"]["what"].as_str().map(str::to_owned)).collect()
}

async fn is_said(server: &TestServer, clock: &Clock, what: &str) {
    wait_for(what, || async {
        // It is looked for each second.
        clock.set(clock.now() + TimeDelta::seconds(1));
        let said = said_of_clock(server).await;
        if said.iter().any(|it| it == what) { Ok(()) } else { Err(said) }
    })
    .await;
}

#[tokio::test]
async fn a_clock_set_back_stops_no_ring_out_no_claim_and_nobody_from_taking_an_alarm() {
    let clock = Clock::manual(night());
    let server = Setup::memory().clock(&clock).start().await;
    let (rings, taken) = (server.alarm("rings").await, server.alarm("taken").await);
    clock.jump(night() - minutes(60));
    let taken = server.act("anna", &taken, json!({ "type": "claim" })).await.done();
    assert_eq!(taken["holder"]["name"], "anna", "it was opened an hour ahead of what the clock says now");
    let after = server.alarm("after").await;
    is_said(&server, &clock, "clock-set-back").await;
    // Three minutes after it was raised, whatever the clock says.
    clock.set(clock.now() + TimeDelta::seconds(180));
    becomes(&server, &rings, "unanswered").await;
    becomes(&server, &after, "unanswered").await;
    // The claim runs out as well, and not before its time.
    assert_eq!(becomes(&server, &taken, "claimed").await["holder"]["name"], "anna");
    clock.set(clock.now() + minutes(60));
    wait_for("the claim to run out", || async {
        let entry = server.entry("anna", taken["id"].as_str().unwrap()).await;
        if entry["holder"].is_null() { Ok(()) } else { Err(entry) }
    })
    .await;
    server.stop().await;
}

#[tokio::test]
async fn a_clock_set_forward_hurries_no_ring_out() {
    let clock = Clock::manual(night());
    let server = Setup::memory().clock(&clock).start().await;
    let rings = server.alarm("rings").await;
    clock.jump(night() + minutes(60));
    is_said(&server, &clock, "clock-set-forward").await;
    // Another one, decided after: by now the first would have rung out.
    let after = server.alarm("after").await;
    assert_eq!(server.entry("anna", rings["id"].as_str().unwrap()).await["state"], "raised");
    clock.set(clock.now() + TimeDelta::seconds(180));
    becomes(&server, &rings, "unanswered").await;
    becomes(&server, &after, "unanswered").await;
    server.stop().await;
}

/// What a calendar says goes by the clock on the wall: the daily round is due when its hour is reached, however.
#[tokio::test]
async fn a_clock_set_forward_brings_what_the_calendar_says() {
    let clock = Clock::manual(night());
    let server = Setup::memory().clock(&clock).start().await;
    clock.jump(night() + minutes(12 * 60));
    wait_for("the day's round", || async {
        let board = server.board("anna").await;
        let entries = board["entries"].as_array().unwrap();
        match entries.iter().any(|it| it["details"]["duty"] == "hospital-messages") {
            true => Ok(()),
            false => Err(board),
        }
    })
    .await;
    server.stop().await;
}
