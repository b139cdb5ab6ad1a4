//! A big plan of visits: what it costs the care system, the numbers, the stream and the log.

use serde_json::{Value, json};
use vagttavle::clock::Clock;

use crate::world::{DemoCare, Setup, TestServer, minutes, night, uuid, wait_for};

/// Visits of a day of a large provider.
const VISITS: usize = 3_000;
/// Items in one request.
const AT_ONCE: usize = 500;

/// The first ten are this citizen's, the others those of six hundred more.
async fn hand_in_plan(server: &TestServer, citizen: &str) {
    let whose = |nth: usize| if nth < 10 { citizen.to_owned() } else { format!("c-{}", nth % 600) };
    let plan = |nth: usize| {
        json!({ "type": "visit-planned", "visit": format!("v-{nth}"), "citizen": whose(nth), "grant": "service",
                "help": "personal", "agreed_at": night() + minutes(60 + i64::try_from(nth).unwrap() % 600) })
    };
    let item =
        |nth| json!({ "key": uuid(), "at": night(), "agreement": "norddjurs", "observation": plan(nth) });
    for from in (0..VISITS).step_by(AT_ONCE) {
        let items: Vec<Value> = (from..from + AT_ONCE).map(item).collect();
        let answer = server.post("/v1/observations", "central", &json!(items)).await;
        let receipts = answer.body.as_array().unwrap();
        assert!(receipts.iter().all(|it| it["outcome"] == "recorded"), "{receipts:?}");
    }
}

#[tokio::test]
async fn three_thousand_planned_visits_ask_for_nobody_and_take_no_spoken_number() {
    let care = DemoCare::start().await;
    let clock = Clock::manual(night());
    let server = Setup::memory().clock(&clock).care(&care).start().await;
    let somebody = care.somebody();
    hand_in_plan(&server, somebody.person.citizen.as_str()).await;

    let board = server.board("nora").await;
    let entries = board["entries"].as_array().unwrap();
    // The board carries the nearest of them.
    assert_eq!((&board["at_rest"], entries.len()), (&json!(VISITS), 1_000));
    assert!(entries.iter().all(|entry| entry["number"].as_u64() >= Some(1_000)), "none is spoken of");
    assert_eq!(care.service.asked(), 0, "nobody need be known");

    // Opening one asks who it is about.
    let first = entries.iter().find(|entry| entry["details"]["visit"] == "v-0").unwrap();
    let id = first["id"].as_str().unwrap().to_owned();
    let opened = server.show(&id, "nora").await;
    assert_eq!(opened.body["entry"]["live"]["name"], somebody.person.name.as_str());
    assert_eq!(care.service.asked(), 1);

    // One that slips gets a short number, and then its citizen's name.
    let expected = json!({ "type": "visit-expected", "visit": "v-7", "expected_at": night() + minutes(120) });
    let late = server.told(Some("norddjurs"), expected).await;
    assert_eq!(server.entry("nora", &late).await["number"], 1);
    wait_for("the name", || async {
        let opened = server.show(&late, "nora").await.body;
        if opened["entry"]["live"]["name"].is_string() { Ok(()) } else { Err(opened) }
    })
    .await;
    let alarm = server.told(Some("norddjurs"), json!({ "type": "alarm-raised", "alarm": "a-1" })).await;
    assert_eq!(server.entry("nora", &alarm).await["number"], 2, "an alarm keeps a number one can say");

    server.stop().await;
}
