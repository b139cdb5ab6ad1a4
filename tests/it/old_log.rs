//! A log of before in the store's file, and the server started on it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use vagttavle::clock::Clock;
use vagttavle::domain::entry::EntryEvent;
use vagttavle::domain::identity::{EntryId, Key, PersonName, Sequence};
use vagttavle::domain::people::PeopleEvent;
use vagttavle::domain::{Actor, Event, Record, State, evolve, kinds};
use vagttavle::ids::Ids;
use vagttavle::server::token_digest;
use vagttavle::store::{Batch, Log, Seen, folder};

use crate::old_logs::{OldLog, old_logs, still_says};
use crate::world::{Folder, Setup, TestServer};

/// Logs that ended before somebody looked at what had fallen due: the server does.
const STILL_DUE: [&str; 4] = [
    "plans__a_desk_that_hears_of_each_change_has_the_order_of_one_that_fetches_the_board.103",
    "plans__what_is_looked_up_is_what_looking_through_everything_finds.1",
    "visits__facts_about_a_visit_are_never_refused.108",
    "visits__facts_about_a_visit_are_never_refused.130",
];

async fn open(folder: &Folder) -> Log {
    let (ids, data) = (Ids::system(), folder.data());
    folder::prepare(&data).unwrap();
    Log::open_sqlite(&data, &data.with_file_name("witness"), Box::new(move || ids.salt())).await.unwrap()
}

/// Writes it as the server of then left it. The tokens of its people, whose digests were not kept with it.
async fn left_behind(folder: &Folder, log: &OldLog, seen: Vec<Seen>) -> BTreeMap<String, String> {
    let (ids, mut records, mut tokens) = (Ids::system(), log.records.clone(), BTreeMap::new());
    for record in &mut records {
        if let Event::People(PeopleEvent::Added { name, token_digest: digest, .. }) = &mut record.event {
            let token = ids.token();
            *digest = token_digest(&token);
            tokens.insert(name.to_string(), token);
        }
    }
    let mut store = open(folder).await;
    store.append(Sequence(0), &Batch { records, seen, ..Batch::default() }).await.unwrap();
    store.close().await.unwrap();
    tokens
}

/// The server, when the last of it was recorded.
async fn start(folder: &Folder, log: &OldLog, tokens: BTreeMap<String, String>) -> TestServer {
    let clock = Clock::manual(log.ended_at());
    Setup { data: Some(folder.data()), tokens, ..Setup::memory() }.clock(&clock).start().await
}

/// Who took an entry, and the record of it.
fn claims(log: &OldLog) -> Vec<(&PersonName, &Record)> {
    let by = |record: &Record| matches!(&record.event, Event::Entry(EntryEvent::Claimed { .. }));
    let claimed = log.records.iter().filter(|record| by(record));
    let by_person = claimed.filter_map(|record| match &record.actor {
        Actor::Person(name) => Some((name, record)),
        _ => None,
    });
    by_person.collect()
}

/// A command's id as it was remembered then: the digest is of what the program called it, and says no form.
fn remembered(log: &OldLog) -> Vec<Seen> {
    let seen = |(name, record): (&PersonName, &Record)| Seen {
        scope: Actor::Person(name.clone()).to_string(),
        key: id_of(record),
        digest: "0f1e2d3c4b5a69788796a5b4c3d2e1f0".into(),
        outcome: "done".into(),
        entry: Some(record.entry),
        first: Some(record.sequence),
        answer: None,
    };
    claims(log).into_iter().map(seen).collect()
}

fn id_of(record: &Record) -> Key {
    Key::new(format!("desk-{}", record.sequence)).unwrap()
}

/// What a timer records, told apart from what another does; numbers of entries are drawn anew.
fn deed(record: &Record, log: &OldLog) -> String {
    let mut encoded = kinds::encode(&record.event).unwrap();
    encoded.payload.as_object_mut().unwrap().remove("number");
    // What it opens has an id of its own each time.
    let entry = log.records.iter().any(|it| it.entry == record.entry).then_some(record.entry);
    format!("{entry:?} {:?} {} {}", record.agreement, encoded.kind, encoded.payload)
}

/// What is on the board of who sees all, without what goes with memory.
async fn shown(server: &TestServer, log: &OldLog) -> Vec<Value> {
    let mut state = State::default();
    log.records.iter().for_each(|record| evolve(&mut state, record));
    let sees_all = state.people.iter().find(|(_, it)| !it.revoked && it.agreements.len() == 2);
    let (name, _) = sees_all.unwrap();
    let mut board = server.board(name.as_str()).await;
    let mut entries: Vec<Value> = board["entries"].as_array_mut().unwrap().drain(..).collect();
    for entry in &mut entries {
        let fields = entry.as_object_mut().unwrap();
        fields.remove("live");
        fields.remove("actions");
    }
    entries.sort_by_key(|entry| entry["id"].to_string());
    entries
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_on_a_log_of_before_shows_the_same_and_does_nothing_twice() {
    let (mut still_due, mut asked, mut timers) = (BTreeSet::new(), 0, 0);
    for log in old_logs() {
        let name = &log.name;
        let folder = Folder::new();
        let tokens = left_behind(&folder, &log, remembered(&log)).await;
        let server = start(&folder, &log, tokens).await;
        // What is due is done before any of these is answered.
        for (person, record) in claims(&log) {
            let again = json!({ "id": id_of(record), "entry": record.entry, "command": { "type": "claim" } });
            let answer = server.command(person.as_str(), again).await;
            assert_eq!(
                (answer.status, &answer.body["sequence"]),
                (200, &json!(record.sequence)),
                "{name}: {answer:?}"
            );
            asked += 1;
        }
        let shown = shown(&server, &log).await;
        server.stop().await;
        let store = open(&folder).await;
        let heads = store.verify().await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let new = store.read(Sequence(log.records.len() as u64), 1_000).await.unwrap();
        assert_eq!(heads.records.sequence.0 as usize, log.records.len() + new.len(), "{name}");
        // Those that fired then and those that did not.
        let fired = log.records.iter().filter(|it| it.actor == Actor::Timer);
        let fired: BTreeSet<String> = fired.map(|record| deed(record, &log)).collect();
        timers += fired.len();
        for record in &new {
            assert_eq!(record.actor, Actor::Timer, "{name}: {record:?}");
            assert!(!fired.contains(&deed(record, &log)), "{name}: fired again: {record:?}");
        }
        if !new.is_empty() {
            still_due.insert(name.clone());
        }
        let touched: BTreeSet<EntryId> = new.iter().map(|record| record.entry).collect();
        let is_as_before = |entry: &&Value| {
            let id = serde_json::from_value(entry["id"].clone()).unwrap();
            !touched.contains(&id) && entry["closed_at"].is_null()
        };
        let known: Vec<&Value> = log.shown.iter().filter(is_as_before).collect();
        let shown: Vec<&Value> = shown.iter().filter(is_as_before).collect();
        assert_eq!(shown.len(), known.len(), "{name}");
        for (shown, known) in shown.iter().zip(&known) {
            assert!(still_says(shown, known), "{name}\nthen: {known}\nnow: {shown}");
        }
    }
    assert!(asked > 20 && timers > 50, "{asked} asked again, {timers} timers");
    assert!(still_due.iter().all(|name| STILL_DUE.contains(&name.as_str())), "{still_due:#?}");
}

#[tokio::test]
async fn a_fact_and_a_refusal_of_before_are_answered_as_then() {
    let log = old_logs().into_iter().find(|log| log.name == "the_demos_night").unwrap();
    let raised = log
        .records
        .iter()
        .rfind(|record| matches!(kinds::encode(&record.event), Ok(it) if it.kind == "alarms.raised"));
    let raised = raised.unwrap();
    let content = r#"{"type":"alarm-raised","alarm":"demo-alarm-0071","device":"demo-device-nor-0015","citizen":"demo-citizen-nor-0015","trigger":"pendant","technical":false,"test":false}"#;
    let fact = Seen {
        scope: "source:demo".into(),
        key: Key::new("demo-00584").unwrap(),
        digest: hex::encode(&Sha256::digest(content)[..16]),
        outcome: "recorded".into(),
        entry: Some(raised.entry),
        first: None,
        answer: None,
    };
    let refused = Seen {
        scope: "person:bo".into(),
        key: Key::new("desk-1").unwrap(),
        digest: "0f1e2d3c4b5a69788796a5b4c3d2e1f0".into(),
        outcome: "refused".into(),
        entry: Some(raised.entry),
        first: None,
        answer: Some(r#"{"code":"already-done"}"#.into()),
    };
    let folder = Folder::new();
    let tokens = left_behind(&folder, &log, vec![fact, refused]).await;
    let server = start(&folder, &log, tokens).await;
    let item = json!([{ "key": "demo-00584", "at": raised.happened_at, "agreement": "norddjurs",
        "observation": serde_json::from_str::<Value>(content).unwrap() }]);
    let receipt = server.post("/v1/observations", "demo", &item).await.body[0].clone();
    assert_eq!((&receipt["outcome"], &receipt["entry"]), (&json!("repeat"), &json!(raised.entry)));
    let again = json!({ "id": "desk-1", "entry": raised.entry, "command": { "type": "claim" } });
    let answer = server.command("bo", again).await;
    assert_eq!((answer.status, answer.body["code"].as_str()), (422, Some("already-done")));
    server.stop().await;
    let store = open(&folder).await;
    assert_eq!(store.verify().await.unwrap().records.sequence.0 as usize, log.records.len());
}
