//! A look at a citizen's data is on disk before its answer; it stays to be seen; and one that was lost is said.

use serde_json::{Value, json};
use vagttavle::clock::Clock;

use crate::process::Home;
use crate::unstored::{limit_files, serve};
use crate::world::{Folder, Setup, minutes, night, wait_for};

fn of<'a>(looks: &'a Value, entry: &str) -> Vec<&'a Value> {
    looks.as_array().unwrap().iter().filter(|look| look["entry"] == entry).collect()
}

#[tokio::test]
async fn a_look_that_was_answered_survives_a_kill_in_the_next_moment() {
    let home = Home::new();
    let (source, anna) =
        (home.add("central", "source", "jammerbugt"), home.add("anna", "coordinator", "jammerbugt"));
    let lise = home.add("lise", "leader", "jammerbugt");
    let mut seen = Vec::new();
    for round in 0..5 {
        let mut serving = home.serve("");
        let alarm = format!("alarm-{round}");
        let raised = json!({ "type": "alarm-raised", "alarm": alarm });
        let id = serving.observe(&source, &alarm, raised).await["entry"].as_str().unwrap().to_owned();
        let answer = serving.get(&format!("/v1/entries/{id}"), &anna).await;
        // At once: nothing is waited for in between.
        serving.kill();
        assert_eq!(answer.status, 200);
        seen.push(id);
    }
    let serving = home.serve("");
    let looks = serving.get("/v1/audit", &lise).await.body;
    for id in seen {
        assert_eq!(of(&looks, &id).len(), 1, "{id} in {looks}");
    }
}

#[tokio::test]
async fn a_look_at_an_open_alarm_does_not_wait_for_a_broken_disk_and_is_said_when_it_was_lost() {
    let home = Home::new();
    let (source, anna) =
        (home.add("central", "source", "jammerbugt"), home.add("anna", "coordinator", "jammerbugt"));
    let mut serving = serve(&home);
    let observe = |kind: &str, id: &str| match kind {
        "alarm" => json!({ "type": "alarm-raised", "alarm": id }),
        _ => json!({ "type": "call-waiting", "call": id, "queue": "q", "caller": "70200100" }),
    };
    let mut ids = Vec::new();
    for (kind, id) in [("alarm", "a-1"), ("call", "c-1")] {
        let receipt = serving.observe(&source, id, observe(kind, id)).await;
        ids.push(receipt["entry"].as_str().unwrap().to_owned());
    }
    limit_files(&serving, "8192");
    let broken = json!([{ "key": "k", "at": Clock::system().now(), "agreement": "jammerbugt",
        "observation": { "type": "alarm-raised", "alarm": "a-2" } }]);
    serving.post("/v1/observations", &source, &broken).await.unwrap().is_problem(
        503,
        "store-unavailable",
        "",
    );
    assert_eq!(serving.get(&format!("/v1/entries/{}", ids[0]), &anna).await.status, 200, "an open alarm");
    let call = serving.get(&format!("/v1/entries/{}", ids[1]), &anna).await;
    call.is_problem(503, "store-unavailable", "");
    let board = serving.get("/v1/board", &anna).await.body;
    let waiting = crate::world::find(&board, &ids[1]);
    assert!(waiting["live"]["caller"].is_null() && !waiting["live"]["look"].is_null(), "withheld: {waiting}");
    // The disk never comes back: the look is lost with the process, and that is known.
    serving.kill();
    let serving = home.serve("");
    let said = wait_for("the loss to be said", || async {
        let board = serving.get("/v1/board", &anna).await.body;
        let entries = board["entries"].as_array().unwrap();
        let lost = entries.iter().find(|it| it["details"]["what"] == "looks-lost").cloned();
        lost.ok_or(board)
    })
    .await;
    assert_eq!(said["details"]["source"], "opslag");
    // Once: it is not said again at the next start.
    let mut serving = serving;
    assert!(serving.terminate().success());
    let serving = home.serve("");
    let board = serving.get("/v1/board", &anna).await.body;
    let count =
        board["entries"].as_array().unwrap().iter().filter(|it| it["details"]["what"] == "looks-lost");
    assert_eq!(
        count.map(|it| it["details"]["count"].clone()).collect::<Vec<_>>(),
        [said["details"]["count"].clone()]
    );
}

#[tokio::test]
async fn a_look_stays_in_the_leaders_view_when_its_entry_has_left_and_asking_in_vain_is_one() {
    let (clock, folder) = (Clock::manual(night()), Folder::new());
    let server = Setup::sqlite(&folder).clock(&clock).start().await;
    let alarm = server.alarm("old").await;
    let id = alarm["id"].as_str().unwrap().to_owned();
    assert_eq!(server.show(&id, "bo").await.status, 200);
    // Not nora's to see, and not anybody's.
    assert_eq!(server.show(&id, "nora").await.status, 404);
    let nobody = "0190f000-0000-7000-8000-000000000000";
    assert_eq!(server.show(nobody, "bo").await.status, 404);
    assert_eq!(server.get("/v1/entries?find=no-such-id", "bo").await.status, 200);
    server.act("bo", &alarm, json!({ "type": "close", "outcome": "helped" })).await.done();
    // 900 days: it has left the board and the memory.
    clock.set(night() + minutes(900 * 24 * 60));
    server.alarm("new").await;
    assert!(server.engine.state().entry(vagttavle::domain::identity::EntryId(id.parse().unwrap())).is_none());
    let looks = server.get("/v1/audit", "lise").await.body;
    let who = |entry: &str| of(&looks, entry).iter().map(|it| it["who"].clone()).collect::<Vec<_>>();
    for name in ["person:bo", "person:nora"] {
        assert!(who(&id).contains(&json!(name)), "{name}: {looks}");
    }
    assert_eq!(who(nobody), ["person:bo"]);
    assert!(who("00000000-0000-0000-0000-000000000000").contains(&json!("person:bo")), "{looks}");
    server.stop().await;
}
