//! What is over is found again: by number, day, board, agreement, outcome and every id, page by page, by whom it concerns.

use rstest::rstest;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use vagttavle::clock::Clock;

use crate::world::{Folder, Setup, TestServer, minutes, night, wait_for};

async fn page(server: &TestServer, name: &str, asked: &str) -> Value {
    let answer = server.get(&format!("/v1/entries?closed&{asked}"), name).await;
    assert_eq!(answer.status, 200, "{asked}: {answer:?}");
    answer.body
}

async fn ids(server: &TestServer, name: &str, asked: &str) -> Vec<String> {
    let page = page(server, name, asked).await;
    let id = |entry: &Value| entry["id"].as_str().unwrap().to_owned();
    page["entries"].as_array().unwrap().iter().map(id).collect()
}

async fn closed_alarm(server: &TestServer, agreement: &str, alarm: &str, outcome: &str) -> String {
    let citizen = format!("c-{alarm}");
    let told = json!({ "type": "alarm-raised", "alarm": alarm, "citizen": citizen });
    let id = server.told(Some(agreement), told).await;
    let entry = server.entry("anna", &id).await;
    server.act("anna", &entry, json!({ "type": "close", "outcome": outcome })).await.done();
    id
}

#[rstest]
#[case::memory(false)]
#[case::sqlite(true)]
#[tokio::test]
async fn what_is_over_is_found_by_each_of_its_facts_and_by_nobody_of_another_agreement(
    #[case] on_disk: bool,
) {
    let folder = Folder::new();
    let clock = Clock::manual(night());
    let setup = if on_disk { Setup::sqlite(&folder) } else { Setup::memory() };
    let server = setup.clock(&clock).start().await;
    let first = closed_alarm(&server, "jammerbugt", "a-1", "helped").await;
    clock.set(night() + minutes(24 * 60));
    let second = closed_alarm(&server, "jammerbugt", "a-2", "nothing-wrong").await;
    clock.set(night() + minutes(24 * 60 + 1));
    let theirs = closed_alarm(&server, "norddjurs", "a-3", "helped").await;
    let open = server.told(Some("jammerbugt"), json!({ "type": "alarm-raised", "alarm": "a-4" })).await;

    let number = server.show(&first, "anna").await.body["entry"]["number"].clone();
    for (asked, who, right) in [
        (String::new(), "bo", vec![&second, &first]),
        (String::new(), "anna", vec![&theirs, &second, &first]),
        (format!("number={number}"), "bo", vec![&first]),
        (format!("day={}", night().date_naive()), "anna", vec![&first]),
        ("board=alarms&outcome=helped".into(), "anna", vec![&theirs, &first]),
        ("board=phone".into(), "anna", vec![]),
        ("agreement=norddjurs".into(), "anna", vec![&theirs]),
        ("id=c-a-2".into(), "anna", vec![&second]),
        ("id=a-1".into(), "anna", vec![&first]),
        ("id=a-".into(), "anna", vec![]),
        ("id=a-3".into(), "bo", vec![]),
        ("id=a-4".into(), "bo", vec![]),
    ] {
        assert_eq!(ids(&server, who, &asked).await.iter().collect::<Vec<_>>(), right, "{asked} for {who}");
    }
    // Page by page the same, and no more is told of than there is to see.
    let (mut paged, mut after) = (Vec::new(), String::new());
    loop {
        let page = page(&server, "bo", &format!("limit=1{after}")).await;
        paged.push(page["entries"][0]["id"].as_str().unwrap().to_owned());
        assert_eq!(page["more"], !page["next"].is_null());
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(paged, [second.clone(), first.clone()]);

    // Three months later they have left the memory, and are found and opened all the same.
    clock.set(night() + minutes(90 * 24 * 60));
    server.told(Some("jammerbugt"), json!({ "type": "alarm-raised", "alarm": "a-5" })).await;
    assert!(server.engine.state().entry(first.parse().map(vagttavle::protocol::EntryId).unwrap()).is_none());
    assert_eq!(ids(&server, "bo", "").await, [second, first.clone()]);
    let shown = server.show(&first, "bo").await;
    assert_eq!(
        (&shown.body["entry"]["state"], &shown.body["entry"]["details"]["outcome"]),
        (&json!("closed"), &json!("helped"))
    );
    assert!(shown.body["history"].as_array().unwrap().len() >= 2, "{shown:?}");
    server.show(&first, "nora").await.is_problem(404, "unknown-entry", "");
    assert_eq!(ids(&server, "nora", "").await, [theirs]);
    assert!(!ids(&server, "anna", "").await.contains(&open));
    server.stop().await;
}

#[tokio::test]
async fn what_was_closed_by_mistake_is_open_again_and_no_longer_there() {
    let server = Setup::memory().start().await;
    let id = closed_alarm(&server, "jammerbugt", "a-1", "helped").await;
    assert_eq!(ids(&server, "bo", "").await, std::slice::from_ref(&id));
    let shown = server.show(&id, "bo").await.body["entry"].clone();
    server
        .act("bo", &shown, json!({ "type": "correct", "what": "outcome", "reason": "typing-mistake" }))
        .await
        .done();
    assert_eq!(ids(&server, "bo", "").await, Vec::<String>::new());
    let again = server.entry("bo", &id).await;
    assert_eq!(again["closed_at"], Value::Null);
    server.act("bo", &again, json!({ "type": "close", "outcome": "nothing-wrong" })).await.done();
    assert_eq!(ids(&server, "bo", "outcome=nothing-wrong").await, [id]);
    server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_its_field() {
    let server = Setup::memory().start().await;
    for (asked, field) in [
        ("number=abc", "number"),
        ("number=-1", "number"),
        ("day=2026-02-30", "day"),
        ("day=yesterday", "day"),
        ("day=99999-01-01", "day"),
        ("board=kitchen", "board"),
        ("agreement=atlantis", "agreement"),
        ("outcome=%20", "outcome"),
        ("id=%20", "id"),
        ("after=1", "after"),
        ("after=99999999999999999999.0190f5fe-7c00-7a00-8000-010128012345", "after"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
    ] {
        server.get(&format!("/v1/entries?closed&{asked}"), "bo").await.is_problem(422, "bad-value", field);
    }
    // An agreement of others is as one that nobody has.
    server.get("/v1/entries?closed&agreement=norddjurs", "bo").await.is_problem(
        422,
        "bad-value",
        "agreement",
    );
    server.get("/v1/entries?closed=2", "bo").await.is_problem(422, "bad-value", "closed");
    server.get("/v1/entries?closed&find=1", "bo").await.is_problem(422, "bad-value", "closed");
    server.get("/v1/entries?closed&day=2026-11-22&day=2026-11-22", "bo").await.is_problem(
        400,
        "parameter-repeated",
        "day",
    );
    assert_eq!(server.get("/v1/entries?closed", "").await.status, 401);
    assert_eq!(server.get("/v1/entries?closed", "central").await.status, 403);
    server.stop().await;
}

#[tokio::test]
async fn a_number_of_a_person_is_looked_for_as_it_is_kept_and_that_is_a_look() {
    let server = Setup::memory().start().await;
    let told = json!({ "type": "alarm-raised", "alarm": "a-1", "citizen": "010128-0123" });
    let id = server.told(Some("jammerbugt"), told).await;
    let entry = server.entry("anna", &id).await;
    server.act("anna", &entry, json!({ "type": "close", "outcome": "helped" })).await.done();
    assert_eq!(ids(&server, "bo", "id=0101280123").await, std::slice::from_ref(&id));
    assert_eq!(ids(&server, "bo", "id=c-9").await, Vec::<String>::new());
    let looks = wait_for("bo's looks", || async {
        let looks = server.get("/v1/audit", "lise").await.body;
        let of_bo = |look: &&Value| look["who"] == "person:bo";
        let found: Vec<Value> = looks.as_array().unwrap().iter().filter(of_bo).cloned().collect();
        if found.len() < 2 { Err(looks) } else { Ok(found) }
    })
    .await;
    assert_eq!((&looks[0]["entry"], &looks[1]["citizen"]), (&json!(id), &json!("c-9")));
    server.stop().await;
}

#[tokio::test]
async fn a_log_from_before_there_was_an_index_has_one_after_the_next_start() {
    let folder = Folder::new();
    let clock = Clock::manual(night());
    let server = Setup::sqlite(&folder).clock(&clock).start().await;
    let first = closed_alarm(&server, "jammerbugt", "a-1", "helped").await;
    clock.set(night() + minutes(90 * 24 * 60));
    let second = closed_alarm(&server, "jammerbugt", "a-2", "helped").await;
    let again = Setup::sqlite(&folder).clock(&clock).people_of(&server);
    server.stop().await;

    let options = SqliteConnectOptions::new().filename(folder.data().join("log.db"));
    let mut connection = options.connect().await.unwrap();
    for sql in [
        "DELETE FROM closed",
        "DELETE FROM closed_known",
        "UPDATE closed_filled SET until = (SELECT max(sequence) FROM records)",
    ] {
        sqlx::query(sql).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();

    let server = again.start().await;
    assert_eq!(ids(&server, "bo", "").await, [second.clone(), first.clone()]);
    assert_eq!(ids(&server, "bo", "id=c-a-1").await, std::slice::from_ref(&first));
    clock.set(night() + minutes(90 * 24 * 60 + 1));
    let third = closed_alarm(&server, "jammerbugt", "a-3", "helped").await;
    assert_eq!(ids(&server, "bo", "outcome=helped").await, [third, second, first]);
    server.stop().await;
}
