//! Commands over HTTP: each once, one winner, the same answer again.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde_json::{Value, json};
use vagttavle::care::demo_service::Mode;
use vagttavle::clock::Clock;

use crate::world::{DemoCare, Folder, Setup, TestServer, night, uuid, wait_for, within};

fn version(entry: &Value) -> u64 {
    entry["version"].as_u64().unwrap()
}

#[tokio::test]
async fn every_alarm_command_bare_and_with_its_board() {
    let server = Setup::memory().start().await;
    let mut entry = server.alarm("call-1").await;
    for (command, state) in [
        (json!({ "type": "claim" }), "claimed"),
        (json!({ "type": "alarms.release" }), "raised"),
        (json!({ "type": "alarms.claim" }), "claimed"),
        (json!({ "type": "respond", "with": "own-help", "helper": "own-team" }), "help-sent"),
        (json!({ "type": "alarms.arrive" }), "arrived"),
        (json!({ "type": "correct", "what": "arrival", "reason": "typing-mistake" }), "help-sent"),
        (json!({ "type": "arrive" }), "arrived"),
        (json!({ "type": "alarms.close", "outcome": "helped" }), "closed"),
    ] {
        entry = server.act("anna", &entry, command.clone()).await.done();
        assert_eq!(entry["state"], state, "{command}");
    }
    assert!(server.entry("anna", entry["id"].as_str().unwrap()).await.is_null(), "closed: off the board");

    let mut entry = server.alarm("call-2").await;
    for (command, state) in [
        (json!({ "type": "redirect", "to": "municipal-unit" }), "redirected"),
        (json!({ "type": "alarms.contest-redirect", "reason": "was-answered" }), "redirected"),
        (json!({ "type": "alarms.justify.begin" }), "redirected"),
        (json!({ "type": "justify.sent", "channel": "letter", "reference": "SAG-2026/17" }), "justified"),
    ] {
        entry = server.act("anna", &entry, command.clone()).await.done();
        assert_eq!(entry["state"], state, "{command}");
    }
    let battery =
        json!({ "type": "alarm-raised", "alarm": "call-3", "technical": true, "trigger": "low-battery" });
    let id = server.told(Some("jammerbugt"), battery).await;
    let entry = server.entry("anna", &id).await;
    let done = server.act("anna", &entry, json!({ "type": "technical.done" })).await.done();
    assert!(!done["closed_at"].is_null(), "{done}");
    server.stop().await;
}

#[tokio::test]
async fn every_phone_command_bare_and_with_its_board() {
    let server = Setup::memory().start().await;
    let unknown = json!({ "type": "call-waiting", "call": "c-1", "queue": "doegnvagt" });
    let id = server.told(None, unknown).await;
    let mut entry = server.entry("anna", &id).await;
    assert!(entry["agreement"].is_null(), "{entry}");
    for (command, state) in [
        (json!({ "type": "phone.assign", "agreement": "jammerbugt" }), "waiting"),
        (json!({ "type": "claim" }), "waiting"),
        (json!({ "type": "answer" }), "answered"),
    ] {
        entry = server.act("anna", &entry, command.clone()).await.done();
        assert_eq!(entry["state"], state, "{command}");
    }
    assert_eq!(entry["agreement"], "jammerbugt");

    let mut entry = server.missed_call("c-2").await;
    for (command, state) in [
        (json!({ "type": "phone.call-back", "reached": false }), "missed"),
        (json!({ "type": "call-back", "reached": true }), "called-back"),
        (json!({ "type": "correct", "what": "call-back", "reason": "wrong-entry" }), "missed"),
        (json!({ "type": "phone.give-up", "reason": "wrong-number" }), "given-up"),
    ] {
        entry = server.act("anna", &entry, command.clone()).await.done();
        assert_eq!(entry["state"], state, "{command}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_verb_of_another_board_or_none_is_refused_by_name() {
    let server = Setup::memory().start().await;
    let entry = server.alarm("call-1").await;
    let wrong = server.act("anna", &entry, json!({ "type": "phone.answer" })).await;
    wrong.is_problem(422, "wrong-board", "command.type");
    server.act("anna", &entry, json!({ "type": "answer" })).await.is_problem(
        422,
        "wrong-board",
        "command.type",
    );
    server.act("anna", &entry, json!({ "type": "fly" })).await.is_problem(
        422,
        "unknown-command",
        "command.type",
    );
    server.act("anna", &entry, json!({ "type": "close" })).await.is_problem(
        422,
        "missing-field",
        "command.outcome",
    );
    let missing = server.command("anna", json!({ "id": uuid(), "command": { "type": "claim" } })).await;
    missing.is_problem(422, "entry-missing", "");
    let missing =
        server.command("anna", json!({ "id": uuid(), "command": { "type": "note", "text": "a" } })).await;
    missing.is_problem(422, "entry-missing", "");
    server.stop().await;
}

#[tokio::test]
async fn closing_and_redirecting_demand_the_version_that_was_read_and_a_stale_one_is_refused() {
    let server = Setup::memory().start().await;
    let entry = server.alarm("call-1").await;
    for command in
        [json!({ "type": "close", "outcome": "helped" }), json!({ "type": "redirect", "to": "other" })]
    {
        let body = json!({ "id": uuid(), "entry": entry["id"], "command": command });
        server.command("anna", body).await.is_problem(422, "missing-field", "expected_version");
    }
    server.act("anna", &entry, json!({ "type": "claim" })).await.done();
    let stale = server.act("anna", &entry, json!({ "type": "close", "outcome": "helped" })).await;
    stale.is_problem(409, "stale", "");
    assert_eq!(stale.body["expected"], version(&entry), "{stale:?}");
    assert_eq!(stale.body["actual"], version(&entry) + 1, "{stale:?}");
    let now = server.entry("anna", entry["id"].as_str().unwrap()).await;
    server.act("anna", &now, json!({ "type": "close", "outcome": "helped" })).await.done();
    server.stop().await;
}

#[tokio::test]
async fn the_same_id_again_is_the_same_answer_and_one_effect() {
    let server = Setup::memory().start().await;
    let entry = server.alarm("call-1").await;
    let body = json!({ "id": "anna-1", "entry": entry["id"], "command": { "type": "claim" } });
    let first = server.command("anna", body.clone()).await;
    let all = futures_util::future::join_all((0..32).map(|_| server.command("anna", body.clone()))).await;
    for answer in all {
        assert_eq!(answer.body["sequence"], first.body["sequence"], "{answer:?}");
        assert_eq!(version(&answer.done()), version(&first.done()));
    }
    // A refusal is remembered as well, even when the command would go through by now.
    let refused = json!({ "id": "bo-1", "entry": entry["id"], "command": { "type": "claim" } });
    let no = server.command("bo", refused.clone()).await;
    no.is_problem(409, "already-claimed", "");
    assert_eq!(no.body["holder"], "anna");
    server
        .command("anna", json!({ "id": "anna-2", "entry": entry["id"], "command": { "type": "release" } }))
        .await
        .done();
    assert_eq!(server.command("bo", refused).await, no);
    server.stop().await;
}

#[tokio::test]
async fn one_id_sent_many_times_at_once_is_one_effect() {
    let server = Setup::memory().start().await;
    let entry = server.alarm("call-1").await;
    let head = server.board("anna").await["sequence"].as_u64().unwrap();
    let body = json!({ "id": "same", "entry": entry["id"], "command": { "type": "claim" } });
    let all = futures_util::future::join_all((0..64).map(|_| server.command("anna", body.clone()))).await;
    let sequences: BTreeSet<u64> = all.iter().map(|it| it.body["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequences, BTreeSet::from([head + 1]));
    assert_eq!(server.board("anna").await["sequence"], head + 1);
    server.stop().await;
}

#[tokio::test]
async fn the_same_id_with_other_content_is_refused() {
    let server = Setup::memory().start().await;
    let (one, other) = (server.alarm("call-1").await, server.alarm("call-2").await);
    let send =
        |entry: &Value, command: Value| json!({ "id": "anna-1", "entry": entry["id"], "command": command });
    server.command("anna", send(&one, json!({ "type": "claim" }))).await.done();
    for body in [send(&other, json!({ "type": "claim" })), send(&one, json!({ "type": "release" }))] {
        server.command("anna", body).await.is_problem(409, "id-reused", "id");
    }
    assert!(server.entry("anna", other["id"].as_str().unwrap()).await["holder"].is_null());
    server.stop().await;
}

#[tokio::test]
async fn ids_are_unique_per_person_only() {
    let server = Setup::memory().start().await;
    let (one, other) = (server.alarm("call-1").await, server.alarm("call-2").await);
    let send = |entry: &Value| json!({ "id": "1", "entry": entry["id"], "command": { "type": "claim" } });
    assert_eq!(server.command("anna", send(&one)).await.done()["holder"]["name"], "anna");
    assert_eq!(within("bo's claim", server.command("bo", send(&other))).await.done()["holder"]["name"], "bo");
    server.stop().await;
}

#[tokio::test]
async fn a_duty_that_falls_due_again_after_a_correction_fires_again() {
    let clock = Clock::manual(night());
    let server = Setup::memory().clock(&clock).start().await;
    let id = server.alarm("call-1").await["id"].as_str().unwrap().to_owned();
    let is_unanswered = || async {
        let entry = server.entry("anna", &id).await;
        if entry["state"] == "unanswered" { Ok(entry) } else { Err(entry) }
    };
    clock.set(night() + TimeDelta::minutes(30));
    let entry = wait_for("the ring-out", is_unanswered).await;
    let correct = json!({ "type": "correct", "what": "unanswered", "reason": "wrong-entry" });
    server.act("anna", &entry, correct).await.done();
    clock.set(night() + TimeDelta::minutes(60));
    // Whatever became of its timer: the server goes on deciding and storing.
    let other = within("another alarm", server.alarm("call-2")).await;
    within("a claim", server.act("anna", &other, json!({ "type": "claim" }))).await.done();
    server.stop().await;
}

#[tokio::test]
async fn of_sixty_four_who_claim_at_once_one_wins_and_the_others_hear_who() {
    let server = Setup::memory().start().await;
    for round in 0..5 {
        let entry = server.alarm(&format!("call-{round}")).await;
        let names = ["anna", "bo", "lise"];
        let claims = (0..64).map(|n| server.act(names[n % 3], &entry, json!({ "type": "claim" })));
        let answers = futures_util::future::join_all(claims).await;
        let won: Vec<&Value> = answers
            .iter()
            .filter(|it| it.status == 200)
            .map(|it| &it.body["entry"]["holder"]["name"])
            .collect();
        assert_eq!(won.len(), 1, "{won:?}");
        for (n, lost) in answers.iter().enumerate().filter(|(_, it)| it.status != 200) {
            if names[n % 3] == won[0] {
                lost.is_problem(422, "already-done", "");
            } else {
                lost.is_problem(409, "already-claimed", "");
                assert_eq!(&lost.body["holder"], won[0]);
            }
        }
        let now = server.entry("anna", entry["id"].as_str().unwrap()).await;
        assert_eq!((&now["holder"]["name"], version(&now)), (won[0], version(&entry) + 1));
    }
    server.stop().await;
}

#[tokio::test]
async fn taking_over_names_the_holder_and_a_claim_runs_out_and_comes_back() {
    let clock = Clock::manual(night());
    let server = Setup::memory().clock(&clock).start().await;
    let entry = server.alarm("call-1").await;
    let id = entry["id"].as_str().unwrap();
    server.act("anna", &entry, json!({ "type": "claim" })).await.done();
    let taken = server.act("bo", &entry, json!({ "type": "take-over" })).await.done();
    assert_eq!(taken["holder"]["name"], "bo");
    let until: chrono::DateTime<chrono::Utc> =
        serde_json::from_value(taken["holder"]["until"].clone()).unwrap();
    clock.set(until + TimeDelta::seconds(1));
    wait_for("the claim to run out", || async {
        let now = server.entry("anna", id).await;
        if now["holder"].is_null() { Ok(()) } else { Err(now) }
    })
    .await;
    server.stop().await;
}

#[tokio::test]
async fn what_happened_earlier_is_taken_and_the_future_is_refused() {
    let server = Setup::memory().start().await;
    let entry = server.alarm("call-1").await;
    let opened: chrono::DateTime<chrono::Utc> = serde_json::from_value(entry["opened_at"].clone()).unwrap();
    let claim = |at: String| json!({ "id": uuid(), "entry": entry["id"], "happened_at": at, "command": { "type": "claim" } });
    let future = (server.now() + TimeDelta::minutes(5)).to_rfc3339();
    server.command("anna", claim(future)).await.is_problem(422, "in-future", "");
    let before = (opened - TimeDelta::minutes(5)).to_rfc3339();
    server.command("anna", claim(before)).await.is_problem(422, "before-opened", "");
    server.command("anna", claim("2026-11-22T02:30:00".into())).await.is_problem(
        422,
        "time-without-zone",
        "happened_at",
    );
    server.command("anna", claim(opened.to_rfc3339())).await.done();
    server.stop().await;
}

async fn alarm_of_somebody(server: &TestServer, care: &DemoCare, alarm: &str) -> Value {
    let device = care.somebody().device.to_string();
    let id = server
        .told(Some("jammerbugt"), json!({ "type": "alarm-raised", "alarm": alarm, "device": device }))
        .await;
    // Whose device it is becomes known a moment later.
    wait_for("the citizen", || async {
        let entry = server.entry("anna", &id).await;
        if entry["live"]["name"].is_string() && entry["citizen"].is_string() { Ok(entry) } else { Err(entry) }
    })
    .await
}

#[tokio::test]
async fn a_note_goes_through_to_the_care_system_and_leaves_a_receipt() {
    let care = DemoCare::start().await;
    let server = Setup::memory().care(&care).start().await;
    let entry = alarm_of_somebody(&server, &care, "call-1").await;
    let text = "Faldet ved sengen, vågen.";
    let body = json!({ "id": "n-1", "entry": entry["id"], "command": { "type": "note", "text": text } });
    let noted = server.command("anna", body.clone()).await;
    assert_eq!(noted.done()["notes"], 1, "{noted:?}");
    assert!(care.service.has_note(&care.somebody().person.citizen, text));
    assert_eq!(server.command("anna", body).await.done()["notes"], 1, "the same id again writes nothing");
    assert_eq!(care.service.notes(), 1);
    let other =
        json!({ "id": "n-1", "entry": entry["id"], "command": { "type": "note", "text": "Noget andet" } });
    let other = server.command("anna", other).await;
    assert_eq!(other.status / 100, 4, "{other:?}");
    assert_eq!(care.service.notes(), 1);
    let claim = json!({ "id": "c-1", "entry": entry["id"], "command": { "type": "claim" } });
    server.command("anna", claim).await.done();
    let reused =
        json!({ "id": "c-1", "entry": entry["id"], "command": { "type": "note", "text": "Aldrig skrevet" } });
    server.command("anna", reused).await.is_problem(409, "id-reused", "id");
    assert_eq!(care.service.notes(), 1, "an id that was used for something else writes nothing");
    server.stop().await;
}

#[tokio::test]
async fn while_the_care_system_is_away_a_note_waits_is_counted_and_is_written_once_later() {
    let care = DemoCare::start().await;
    let clock = Clock::manual(night());
    let server = Setup::memory().clock(&clock).care(&care).start().await;
    let entry = alarm_of_somebody(&server, &care, "call-1").await;
    let id = entry["id"].as_str().unwrap();
    care.service.set(Mode::Away);
    let note = |key: &str, text: &str| json!({ "id": key, "entry": id, "command": { "type": "note", "text": text } });
    for _ in 0..2 {
        let waits = server.command("anna", note("n-1", "Venter på lægen.")).await;
        assert_eq!((waits.status, &waits.body["waiting"]), (200, &json!(true)), "{waits:?}");
    }
    server.command("anna", note("n-2", "Lægen er her.")).await.done();
    assert_eq!(server.board("anna").await["notes_waiting"], 2);
    assert_eq!(care.service.notes(), 0);
    care.service.set(Mode::Well);
    wait_for("the notes to be written", || async {
        clock.set(clock.now() + TimeDelta::seconds(6));
        let board = server.board("anna").await;
        let entry = crate::world::find(&board, id);
        if board["notes_waiting"] == 0 && entry["notes"] == 2 { Ok(()) } else { Err(board) }
    })
    .await;
    assert_eq!(care.service.notes(), 2);
    server.stop().await;
}

#[tokio::test]
async fn a_justifications_text_goes_through_and_nothing_is_sent_while_the_care_system_is_away() {
    let care = DemoCare::start().await;
    let server = Setup::memory().care(&care).start().await;
    let entry = alarm_of_somebody(&server, &care, "call-1").await;
    let entry =
        server.act("anna", &entry, json!({ "type": "redirect", "to": "municipal-unit" })).await.done();
    let text = "To alarmer på samme tid.";
    let sent = json!({ "type": "justify.sent", "channel": "care-system", "text": text });
    let other = alarm_of_somebody(&server, &care, "call-2").await;
    server.act("anna", &other, sent.clone()).await.is_problem(422, "justification-not-owed", "");
    assert_eq!(care.service.notes(), 0, "what is refused writes nothing");
    care.service.set(Mode::Away);
    server.act("anna", &entry, sent.clone()).await.is_problem(503, "care-away", "");
    assert_eq!(server.entry("anna", entry["id"].as_str().unwrap()).await["state"], "redirected");
    care.service.set(Mode::Well);
    let done = server.act("anna", &entry, sent).await.done();
    assert_eq!(done["state"], "justified", "{done}");
    let reference = done["details"]["justification"]["reference"].as_str().unwrap();
    assert!(reference.starts_with("DEMO-NOTE-"), "{reference}");
    assert!(care.service.has_note(&care.somebody().person.citizen, text));
    server.stop().await;
}

#[tokio::test]
async fn after_a_restart_the_same_id_is_still_the_same_answer() {
    let folder = Folder::new();
    let server = Setup::sqlite(&folder).start().await;
    let entry = server.alarm("call-1").await;
    let claim = |key: &str| json!({ "id": key, "entry": entry["id"], "command": { "type": "claim" } });
    let (done, refused) = (server.command("anna", claim("k")).await, server.command("bo", claim("k")).await);
    refused.is_problem(409, "already-claimed", "");
    let next = Setup::sqlite(&folder).people_of(&server);
    server.stop().await;
    let server = next.start().await;
    let again = server.command("anna", claim("k")).await;
    assert_eq!(again.body["sequence"], done.body["sequence"]);
    assert_eq!(version(&again.done()), version(&done.done()));
    assert_eq!(server.command("bo", claim("k")).await, refused);
    let other = json!({ "id": "k", "entry": entry["id"], "command": { "type": "release" } });
    server.command("anna", other).await.is_problem(409, "id-reused", "id");
    server.stop().await;
}
