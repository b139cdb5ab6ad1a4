//! What the log knows of one citizen: for whom, how far back, and what is logged of the look.

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use vagttavle::clock::Clock;

use crate::world::{Answer, Folder, Setup, TestServer, minutes, night, wait_for};

/// The history of a citizen as somebody asks for it.
async fn history(server: &TestServer, name: &str, citizen: &str, purpose: &str) -> Answer {
    let request = server.request(Method::GET, &format!("/v1/citizens/{citizen}/history"), name);
    Answer::of(request.header("Purpose", purpose).send().await.unwrap()).await
}

fn ids(answer: &Answer) -> Vec<String> {
    let entries = answer.body["entries"].as_array().unwrap_or_else(|| panic!("{answer:?}"));
    entries.iter().map(|it| it["entry"]["id"].as_str().unwrap().to_owned()).collect()
}

async fn alarm_of(server: &TestServer, agreement: &str, alarm: &str, citizen: &str) -> String {
    server.told(Some(agreement), json!({ "type": "alarm-raised", "alarm": alarm, "citizen": citizen })).await
}

#[tokio::test]
async fn open_and_closed_entries_newest_first_and_nothing_of_others() {
    let clock = Clock::manual(night());
    let server = Setup::memory().clock(&clock).start().await;
    let first = alarm_of(&server, "jammerbugt", "a-1", "c-1").await;
    let closing = server.entry("anna", &first).await;
    server.act("bo", &closing, json!({ "type": "claim" })).await.done();
    let closing = server.entry("anna", &first).await;
    server.act("anna", &closing, json!({ "type": "take-over" })).await.done();
    let closing = server.entry("anna", &first).await;
    server.act("anna", &closing, json!({ "type": "close", "outcome": "helped" })).await.done();
    clock.set(night() + minutes(5));
    let second = alarm_of(&server, "jammerbugt", "a-2", "c-1").await;
    let theirs = alarm_of(&server, "norddjurs", "a-3", "c-1").await;
    alarm_of(&server, "jammerbugt", "a-4", "c-2").await;
    clock.set(night() + minutes(6));

    // One id of two municipalities is two people: nothing of either before it is said who is meant.
    let unsaid = history(&server, "anna", "c-1", "duty").await;
    assert_eq!(unsaid.body["entries"], Value::Null);
    unsaid.is_problem(422, "several-citizens", "agreement");
    for (whose, known) in [("norddjurs", vec![theirs]), ("jammerbugt", vec![second.clone(), first.clone()])] {
        let path = format!("/v1/citizens/c-1/history?agreement={whose}");
        let request = server.request(Method::GET, &path, "anna").header("Purpose", "duty");
        assert_eq!(ids(&Answer::of(request.send().await.unwrap()).await), known, "{whose}");
    }
    let bo = history(&server, "bo", "c-1", "duty").await;
    assert_eq!(ids(&bo), [second, first]);
    let closed = &bo.body["entries"][1];
    assert_eq!(
        (&closed["entry"]["state"], &closed["entry"]["details"]["outcome"], &closed["who"]),
        (&json!("closed"), &json!("helped"), &json!(["bo", "anna"]))
    );
    for past in bo.body["entries"].as_array().unwrap() {
        assert_eq!((&past["entry"]["live"], &past["entry"]["actions"]), (&Value::Null, &json!([])));
    }
    // Somebody else's citizen is as one that nobody knows.
    let (foreign, unknown) =
        (history(&server, "nora", "c-2", "duty").await, history(&server, "nora", "c-9", "duty").await);
    let without_id = |answer: &Answer| {
        let mut body = answer.body.clone();
        body["citizen"].take();
        (answer.status, body)
    };
    assert_eq!(without_id(&foreign), without_id(&unknown));
    assert_eq!((foreign.status, ids(&foreign)), (200, Vec::<String>::new()));
    server.stop().await;
}

#[tokio::test]
async fn it_takes_a_purpose_and_is_one_look_in_the_log_and_no_source_may() {
    let server = Setup::memory().start().await;
    let alarm = alarm_of(&server, "jammerbugt", "a-1", "c-1").await;
    alarm_of(&server, "jammerbugt", "a-2", "c-1").await;
    let path = "/v1/citizens/c-1/history";
    server.get(path, "bo").await.is_problem(422, "purpose-missing", "Purpose");
    history(&server, "bo", "c-1", "curiosity").await.is_problem(422, "purpose-missing", "Purpose");
    history(&server, "central", "c-1", "duty").await.is_problem(403, "not-allowed", "");
    history(&server, "bo", "010101-9995", "duty").await.is_problem(422, "looks-like-cpr", "id");
    assert_eq!(history(&server, "bo", "c-9", "inspection").await.status, 200);
    assert_eq!(ids(&history(&server, "bo", "c-1", "complaint").await).len(), 2);
    let looks = wait_for("bo's look", || async {
        let looks = server.get("/v1/audit", "lise").await.body;
        let of_bo = |look: &&Value| look["who"] == "person:bo" && look["purpose"] != "duty";
        let found: Vec<Value> = looks.as_array().unwrap().iter().filter(of_bo).cloned().collect();
        if found.is_empty() { Err(looks) } else { Ok(found) }
    })
    .await;
    // Nobody is known as c-9: that it was asked is a look all the same.
    assert_eq!(looks.len(), 2, "{looks:?}");
    assert_eq!((&looks[0]["purpose"], &looks[0]["citizen"]), (&json!("inspection"), &json!("c-9")));
    assert_eq!((&looks[1]["purpose"], &looks[1]["citizen"]), (&json!("complaint"), &json!("c-1")));
    assert_ne!(looks[1]["entry"], alarm, "the newest one stands for all");
    server.stop().await;
}

#[rstest]
#[case::memory(false)]
#[case::sqlite(true)]
#[tokio::test]
async fn what_is_long_over_is_read_from_the_log(#[case] on_disk: bool) {
    let folder = Folder::new();
    let clock = Clock::manual(night());
    let setup = if on_disk { Setup::sqlite(&folder) } else { Setup::memory() };
    let server = setup.clock(&clock).start().await;
    // An id with every sign an id may have.
    let citizen = "nexus:patients/7@x+#=;.";
    let old = alarm_of(&server, "jammerbugt", "a-1", citizen).await;
    let entry = server.entry("anna", &old).await;
    server.act("anna", &entry, json!({ "type": "close", "outcome": "nothing-wrong" })).await.done();
    clock.set(night() + minutes(90 * 24 * 60));
    let new = alarm_of(&server, "jammerbugt", "a-2", citizen).await;
    assert!(server.engine.state().entry(old.parse().map(vagttavle::protocol::EntryId).unwrap()).is_none());
    let found = server.client("anna").history(&citizen.parse().unwrap(), None, "follow-up").await.unwrap();
    let found: Vec<(String, String)> =
        found.entries.iter().map(|it| (it.entry.id.to_string(), it.entry.state.clone())).collect();
    assert_eq!(found, [(new, "raised".to_owned()), (old, "closed".to_owned())]);
    server.stop().await;
}
