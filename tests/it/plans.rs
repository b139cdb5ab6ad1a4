//! A plan longer than the board: what is carried, what is found by asking, and that nothing that slips is missed.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::headless_desk::Desk;
use crate::stream::Follower;
use crate::world::{Setup, TestServer, find, observation_at, wait_for};

/// As `AT_REST_MAX` of the server.
const CARRIED: usize = 1_000;
const PLANNED: usize = 1_300;
/// One item with its actions; a visit as planned has about 2,200.
const ENTRY_BYTES_MAX: usize = 3_000;

/// Visits of as many citizens, a minute apart; the first in an hour: nothing falls due while a test runs.
async fn plan(server: &TestServer) {
    let first = server.now() + TimeDelta::minutes(60);
    for hundred in 0..PLANNED / 100 {
        let visit = |n: usize| {
            let agreed_at = first + TimeDelta::minutes(i64::try_from(n).unwrap());
            let planned = json!({ "type": "visit-planned", "visit": format!("b-{n}"), "citizen": format!("c-{n}"),
                "grant": "service", "help": "personal", "agreed_at": agreed_at });
            observation_at(server.now(), Some("norddjurs"), planned)
        };
        let items: Vec<Value> = (hundred * 100..(hundred + 1) * 100).map(visit).collect();
        let answer = server.post("/v1/observations", "central", &json!(items)).await;
        let receipts = answer.body.as_array().unwrap();
        assert!(receipts.iter().all(|it| it["outcome"] == "recorded"), "{answer:?}");
    }
}

async fn found(server: &TestServer, wanted: &str, name: &str) -> Value {
    let answer = server.get(&format!("/v1/entries?find={wanted}"), name).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

fn names(entries: &Value) -> BTreeSet<String> {
    let visit = |entry: &Value| entry["details"]["visit"].as_str().unwrap().to_owned();
    entries.as_array().unwrap().iter().map(visit).collect()
}

#[tokio::test]
async fn the_board_carries_the_nearest_and_says_how_many_there_are() {
    let server = Setup::memory().start().await;
    plan(&server).await;
    let answer = server.get("/v1/board", "anna").await;
    let board = &answer.body;
    assert_eq!(board["at_rest"], PLANNED);
    let nearest: BTreeSet<String> = (0..CARRIED).map(|n| format!("b-{n}")).collect();
    assert_eq!(names(&board["entries"]), nearest);
    let bytes = board.to_string().len();
    assert!(bytes < CARRIED * ENTRY_BYTES_MAX, "{bytes} for {CARRIED} carried visits");
    let entry = &board["entries"][0];
    assert_eq!((&entry["at_rest"], &entry["state"]), (&json!(true), &json!("planned")));
    assert!(!entry["actions"].as_array().unwrap().is_empty(), "what is carried is whole");
    // Whoever may not see them is told of none.
    let theirs = server.board("bo").await;
    assert_eq!((&theirs["at_rest"], theirs["entries"].as_array().unwrap().len()), (&json!(0), 0));
    server.stop().await;
}

#[tokio::test]
async fn any_other_is_found_by_number_citizen_and_its_own_id_and_by_nobody_elses() {
    let server = Setup::memory().start().await;
    plan(&server).await;
    let last = found(&server, "c-1299", "anna").await;
    assert_eq!((names(&last["entries"]), &last["more"]), (BTreeSet::from(["b-1299".into()]), &json!(false)));
    let entry = &last["entries"][0];
    assert!(entry["number"].as_u64().unwrap() > 999 && !entry["actions"].as_array().unwrap().is_empty());
    let number = entry["number"].to_string();
    for wanted in [number.as_str(), "B-1299", "%20c-1299%20"] {
        assert_eq!(
            names(&found(&server, wanted, "anna").await["entries"]),
            names(&last["entries"]),
            "{wanted}"
        );
    }
    let many = found(&server, "c-1", "anna").await;
    let entries = many["entries"].as_array().unwrap();
    let agreed: Vec<&str> = entries.iter().map(|it| it["details"]["agreed_at"].as_str().unwrap()).collect();
    assert!(
        many["more"] == true && entries.len() == 100 && agreed.is_sorted(),
        "the soonest hundred: {agreed:?}"
    );
    assert_eq!(found(&server, "c-1299", "bo").await["entries"], json!([]), "another agreement's");
    server.get("/v1/entries?find=%20", "anna").await.is_problem(422, "field-missing", "find");
    assert_eq!(server.get("/v1/entries?find=c", "").await.status, 401);
    assert_eq!(server.get("/v1/entries?find=c", "central").await.status, 403);
    server.stop().await;
}

#[tokio::test]
async fn what_slips_is_an_admissions_or_is_taken_in_hand_is_carried_wherever_it_stands_in_the_plan() {
    let server = Setup::memory().start().await;
    let desk = Follower::start(server.client("anna"), server.clock.clone());
    plan(&server).await;
    let id = async |wanted: &str| {
        let found = found(&server, wanted, "anna").await;
        found["entries"][0]["id"].as_str().unwrap().to_owned()
    };
    let (late, dead, held) = (id("b-1299").await, id("b-1298").await, id("b-1297").await);
    let board = server.board("anna").await;
    for left_out in [&late, &dead, &held] {
        assert_eq!(find(&board, left_out), Value::Null);
    }
    let agreed_at = server.now() + TimeDelta::minutes(60 + 1_299 + 40);
    server.told(None, json!({ "type": "visit-expected", "visit": "b-1299", "expected_at": agreed_at })).await;
    server.told(Some("norddjurs"), json!({ "type": "stay-died", "stay": "s", "citizen": "c-1298" })).await;
    let entry = found(&server, "b-1297", "anna").await["entries"][0].clone();
    server.act("anna", &entry, json!({ "type": "claim" })).await.done();
    let board = server.board("anna").await;
    assert_eq!(find(&board, &late)["state"], "late");
    assert_eq!(find(&board, &held)["holder"]["name"], "anna");
    let stay = find(&board, find(&board, &dead)["links"][0].as_str().unwrap());
    assert_eq!(stay["state"], "dead", "each knows the other, and both are there");
    assert_eq!(board["at_rest"], PLANNED - 3);
    wait_for("the desk to have them", || async {
        let has = |id: &String| desk.entries().iter().any(|entry| entry.id.to_string() == *id);
        let (through, missing) =
            (desk.through(), [&late, &dead, &held].into_iter().filter(|id| !has(id)).count());
        if missing == 0 && board["sequence"] == through { Ok(()) } else { Err((through, missing)) }
    })
    .await;
    // Those in reach as they came, the three that something is about, and of each hundred out of reach one word.
    let (most, heard) = (CARRIED + (PLANNED - CARRIED) / 100 + 20, desk.heard("recorded"));
    assert!(heard <= most, "{heard} of {PLANNED} and a few, at most {most}");
    server.stop().await;
}

#[tokio::test]
async fn at_the_desk_a_search_finds_the_visit_that_is_asked_about() {
    let server = Setup::memory().start().await;
    plan(&server).await;
    let mut anna = Desk::open(server.client("anna")).await;
    anna.press("5");
    anna.until("300 planlagte mere ved søgning", true).await;
    anna.press("/");
    for letter in ["c", "-", "1", "2", "5", "1"] {
        anna.press(letter);
    }
    anna.until("c-1251", true).await;
    anna.press("Enter");
    anna.until("299 planlagte mere ved søgning", true).await;
    // It can be acted on like any other.
    anna.press("t");
    anna.until_so("the claim", |desk| desk.screen().contains("anna") && desk.has_nothing_pending()).await;
    let held = found(&server, "c-1251", "anna").await["entries"][0].clone();
    assert_eq!(held["holder"]["name"], "anna");
    server.stop().await;
}
