//! No fact is swallowed: what two facts are one thing, whose they are, and what they look like, through the real server.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde_json::{Value, json};

use vagttavle::clock::Clock;

use crate::world::{Folder, Setup, TestServer, night, observation_at};

async fn post(server: &TestServer, source: &str, item: Value) -> Value {
    let answer = server.post("/v1/observations", source, &json!([item])).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body[0].clone()
}

fn press(alarm: &str, device: &str) -> Value {
    json!({ "type": "alarm-raised", "alarm": alarm, "device": device })
}

/// The open alarms that somebody sees: device, state and signals, by number.
async fn alarms(server: &TestServer, name: &str) -> Vec<(String, String, u64)> {
    let board = server.board(name).await;
    let mut seen: Vec<_> =
        board["entries"].as_array().unwrap().iter().filter(|it| it["board"] == "alarms").collect();
    seen.sort_by_key(|it| it["number"].as_u64());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    seen.iter()
        .map(|it| {
            let details = &it["details"];
            (text(&details["device"]), text(&it["state"]), details["signals"].as_u64().unwrap_or_default())
        })
        .collect()
}

/// What source health says of a source, as kind and reason.
async fn said(server: &TestServer, name: &str) -> Vec<(String, String)> {
    let board = server.board(name).await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let entries = board["entries"].as_array().unwrap();
    let sources = entries.iter().filter(|it| it["board"] == "sources").map(|it| &it["details"]);
    sources.map(|it| (text(&it["trouble"]), text(&it["what"]))).collect()
}

#[tokio::test]
async fn a_press_in_one_municipality_is_never_folded_into_another_ones() {
    let server = Setup::memory().start().await;
    server.told(Some("jammerbugt"), press("aj", "7")).await;
    let receipt = post(&server, "nordlys", observation_at(server.now(), None, press("an", "7"))).await;
    assert_eq!(receipt["outcome"], "recorded");
    let entry = receipt["entry"].as_str().unwrap().to_owned();
    assert_eq!(server.show(&entry, "bo").await.status, 404, "it is nobody's in Jammerbugt");
    assert_eq!(server.entry("nora", &entry).await["agreement"], "norddjurs");
    for name in ["bo", "nora"] {
        assert_eq!(alarms(&server, name).await, [("7".into(), "raised".into(), 1)], "{name}");
    }
    // The same source, the same id, another municipality.
    server.told(Some("norddjurs"), press("aj", "7")).await;
    assert_eq!(alarms(&server, "bo").await.len(), 1);
    assert_eq!(alarms(&server, "nora").await.len(), 2);
    server.stop().await;
}

#[tokio::test]
async fn an_alarm_whose_municipality_is_not_told_rings_in_all_that_its_source_speaks_for() {
    let server = Setup::memory().start().await;
    let id = server.told(None, press("a", "9")).await;
    for name in ["bo", "nora", "anna"] {
        assert_eq!(alarms(&server, name).await.len(), 1, "{name}");
    }
    let entry = server.entry("anna", &id).await;
    server.act("anna", &entry, json!({ "type": "assign", "agreement": "norddjurs" })).await.done();
    assert_eq!(alarms(&server, "bo").await.len(), 0);
    assert_eq!(alarms(&server, "nora").await.len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn one_id_for_two_units_is_two_alarms_and_a_conflict() {
    let server = Setup::memory().start().await;
    let with = |device: &str, citizen: &str| json!({ "type": "alarm-raised", "alarm": "1", "device": device, "citizen": citizen });
    let one = server.told(Some("jammerbugt"), with("unit-A", "cA")).await;
    let other = server.told(Some("jammerbugt"), with("unit-B", "cB")).await;
    assert_ne!(one, other);
    let ringing = alarms(&server, "bo").await;
    assert_eq!(ringing, [("unit-A".into(), "raised".into(), 1), ("unit-B".into(), "raised".into(), 1)]);
    assert!(said(&server, "bo").await.contains(&("conflict".into(), "id-doubled".into())));
    // What follows under the id alone may be about either: both ring on.
    let answered = json!({ "type": "alarm-answered", "alarm": "1" });
    let receipt = server.observe(observation_at(server.now(), Some("jammerbugt"), answered)).await;
    assert_eq!(receipt["outcome"], "recorded");
    assert!(alarms(&server, "bo").await.iter().all(|(_, state, _)| state == "raised"));
    server.stop().await;
}

#[tokio::test]
async fn one_key_for_two_facts_is_two_facts() {
    let server = Setup::memory().start().await;
    let at = server.now();
    let item = |device: &str| json!({ "key": "1", "at": at, "agreement": "jammerbugt", "observation": press(device, device) });
    let one = server.observe(item("unit-A")).await;
    let again = server.observe(item("unit-A")).await;
    assert_eq!((&one["outcome"], &again["outcome"]), (&json!("recorded"), &json!("repeat")));
    assert_eq!(one["entry"], again["entry"]);
    let other = server.observe(item("unit-B")).await;
    assert_eq!(other["outcome"], "recorded", "its counter began again");
    assert_ne!(one["entry"], other["entry"]);
    let repeated = server.observe(item("unit-B")).await;
    assert_eq!((&repeated["outcome"], &repeated["entry"]), (&json!("repeat"), &other["entry"]));
    assert!(said(&server, "bo").await.iter().any(|(trouble, _)| trouble == "key-reused"));
    server.stop().await;
}

#[tokio::test]
async fn a_press_after_the_end_rings_and_knows_the_first() {
    let server = Setup::memory().start().await;
    let first = server.alarm("a").await;
    let id = first["id"].as_str().unwrap().to_owned();
    server.act("anna", &first, json!({ "type": "close", "outcome": "helped" })).await.done();
    let opened_at = first["opened_at"].clone();
    let same = json!({ "key": "same", "at": opened_at, "agreement": "jammerbugt", "observation": { "type": "alarm-raised", "alarm": "a" } });
    let same = server.observe(same).await;
    assert_eq!((&same["outcome"], &same["entry"]), (&json!("repeat"), &json!(id)));
    let again = server.alarm("a").await;
    assert_ne!(again["id"], json!(id));
    assert_eq!(again["state"], "raised");
    assert!(again["links"].to_string().contains(&id), "{again}");
    // A late remark opens nothing.
    let cleared = json!({ "type": "alarm-cleared", "alarm": "a" });
    server.told(Some("jammerbugt"), cleared).await;
    assert_eq!(alarms(&server, "bo").await.len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn a_cpr_number_as_an_id_rings_and_is_nowhere_on_disk() {
    let folder = Folder::new();
    let server = Setup::sqlite(&folder).start().await;
    let mut rang = 0;
    for (n, alarm) in ["1801123456", "180112-3456", "18.01.12.3456", "801123456"].iter().enumerate() {
        let item = json!({ "key": format!("{alarm}/{n}"), "at": server.now(), "agreement": "jammerbugt",
            "observation": { "type": "alarm-raised", "alarm": alarm, "device": format!("+45 2030405{n}"), "citizen": alarm } });
        let receipt = server.observe(item).await;
        assert_eq!(receipt["outcome"], "recorded", "{alarm}");
        rang += 1;
        assert_eq!(alarms(&server, "bo").await.len(), rang, "{alarm}");
    }
    assert!(
        said(&server, "bo")
            .await
            .iter()
            .any(|(trouble, what)| trouble == "odd" && what.starts_with("id-read-as"))
    );
    let data = folder.data();
    server.stop().await;
    let mut left = vec![data];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(std::fs::read_dir(&path).unwrap().map(|it| it.unwrap().path()));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        for number in ["1801123456", "180112-3456", "18.01.12.3456", "801123456", "2030405"] {
            let is_there = bytes.windows(number.len()).any(|window| window == number.as_bytes());
            assert!(!is_there, "{number} in {}", path.display());
        }
    }
}

#[tokio::test]
async fn a_unit_whose_clock_is_fast_or_slow_rings_now() {
    let server = Setup::memory().start().await;
    for (n, off) in [8, 86_400, -86_400, 40_000_000].into_iter().enumerate() {
        let at = server.now() + TimeDelta::seconds(off);
        let item = observation_at(at, Some("jammerbugt"), press(&format!("a{n}"), &format!("d{n}")));
        let receipt = server.observe(item).await;
        assert_eq!(receipt["outcome"], "recorded", "{off}");
        let entry = server.entry("bo", receipt["entry"].as_str().unwrap()).await;
        assert_eq!(entry["state"], "raised");
        let opened: chrono::DateTime<chrono::Utc> = entry["opened_at"].as_str().unwrap().parse().unwrap();
        assert!(opened <= server.now(), "opened now and not in the future");
        if off > 0 {
            let board = server.board("bo").await;
            let source = board["sources"]
                .as_array()
                .unwrap()
                .iter()
                .find(|it| it["name"] == "central")
                .unwrap()
                .clone();
            assert!(source["clock_ahead_s"].as_i64().is_some_and(|ahead| ahead >= off - 5), "{source}");
        }
    }
    server.stop().await;
}

/// Every posted item is accounted for: its receipt names an entry that is about what it said, or is a repeat.
#[tokio::test]
async fn every_item_is_accounted_for() {
    let server = Setup::memory().start().await;
    let mut seed = 0x2545_f491_u64;
    let mut next = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let start = server.now();
    let (mut told, mut devices) = (0, BTreeMap::<(String, String), usize>::new());
    for _ in 0..40 {
        let mut items = Vec::new();
        for _ in 0..10 {
            let (source, agreement) =
                if next(2) == 0 { ("central", "jammerbugt") } else { ("central", "norddjurs") };
            let (alarm, device) = (format!("a{}", next(4)), format!("d{}", next(3)));
            let kind =
                ["alarm-raised", "alarm-raised", "alarm-cleared", "alarm-answered", "alarm-unanswered"]
                    [usize::try_from(next(5)).unwrap()];
            let at = start + TimeDelta::seconds(i64::try_from(next(172_800)).unwrap() - 86_400);
            let mut observation = json!({ "type": kind, "alarm": alarm });
            if kind == "alarm-raised" {
                observation["device"] = device.clone().into();
                *devices.entry((agreement.to_owned(), device)).or_default() += 1;
            }
            let item = json!({ "key": format!("k{}", next(12)), "at": at, "agreement": agreement, "observation": observation });
            items.push((source, item));
        }
        let body: Vec<&Value> = items.iter().map(|(_, item)| item).collect();
        let answer = server.post("/v1/observations", "central", &json!(body)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        for ((_, item), receipt) in items.iter().zip(answer.body.as_array().unwrap()) {
            told += 1;
            let outcome = receipt["outcome"].as_str().unwrap();
            assert!(["recorded", "repeat"].contains(&outcome), "{item} → {receipt}");
            let Some(entry) = receipt["entry"].as_str() else {
                panic!("{item} → {receipt} names no entry");
            };
            let entry = server.entry("anna", entry).await;
            if entry["board"] == "sources" {
                assert_eq!(entry["details"]["trouble"], "conflict", "a shown conflict");
                continue;
            }
            assert_eq!(entry["agreement"], item["agreement"], "{item} → {entry}");
            let device = &item["observation"]["device"];
            assert!(device.is_null() || *device == entry["details"]["device"], "{item} → {entry}");
        }
    }
    assert_eq!(told, 400);
    for (agreement, device) in devices.keys() {
        let name = if agreement == "jammerbugt" { "bo" } else { "nora" };
        assert!(
            alarms(&server, name).await.iter().any(|(it, ..)| it == device),
            "{device} of {agreement} rings"
        );
    }
    server.stop().await;
}

/// Bytes of the log with everything beside it.
fn bytes_of(folder: &Folder) -> u64 {
    let files = std::fs::read_dir(folder.data()).unwrap();
    files.map(|it| it.unwrap().metadata().unwrap().len()).sum()
}

/// One device at ten signals a second for an hour, each under a key of its own: a stuck button, or a hand in a cramp.
#[tokio::test]
async fn of_ten_signals_a_second_for_an_hour_one_alarm_rings_and_the_log_stays_small() {
    const SIGNALS: i64 = 36_000;
    const AT_ONCE: i64 = 100;
    let (folder, start) = (Folder::new(), night());
    let clock = Clock::manual(start);
    let server = Setup::sqlite(&folder).clock(&clock).start().await;
    let again = Setup::sqlite(&folder).clock(&clock).people_of(&server);
    server.stop().await;
    let before = bytes_of(&folder);
    let server = again.start().await;
    for first in (0..SIGNALS).step_by(100) {
        let at = |nth: i64| start + TimeDelta::milliseconds(nth * 100);
        clock.set(at(first + AT_ONCE));
        let items: Vec<Value> = (first..first + AT_ONCE)
            .map(|nth| {
                json!({ "key": format!("signal-{nth}"), "at": at(nth), "agreement": "jammerbugt",
                    "observation": press(&format!("a-{nth}"), "700") })
            })
            .collect();
        let answer = server.post("/v1/observations", "central", &json!(items)).await;
        let mut outcomes = answer.body.as_array().unwrap().iter().map(|it| &it["outcome"]);
        assert!(outcomes.all(|it| it == "recorded" || it == "repeat"), "{answer:?}");
    }
    let rows = alarms(&server, "anna").await;
    server.stop().await;
    // Nobody takes it: it has rung out once, and goes on ringing as one that nobody answered.
    let [(device, state, signals)] = rows.as_slice() else { panic!("one row: {rows:?}") };
    assert_eq!((device.as_str(), state.as_str()), ("700", "unanswered"));
    assert!((300..=420).contains(signals), "one each ten seconds is kept: {signals}");
    let bytes = bytes_of(&folder) - before;
    assert!(bytes <= 1_000_000, "{bytes} bytes");
}
