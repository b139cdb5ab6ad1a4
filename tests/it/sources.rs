//! Health of the sources: whose it is, and silence that is not forgotten by a restart.

use chrono::TimeDelta;
use serde_json::{Value, json};
use vagttavle::clock::Clock;
use vagttavle::domain::identity::{AgreementId, SourceName};
use vagttavle::domain::people::Role;
use vagttavle::engine::health::Queue;
use vagttavle::ids::Ids;

use crate::world::{Folder, Setup, TestServer, add_person, minutes, night, wait_for};

fn names(board: &Value) -> Vec<&str> {
    board["sources"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_source_that_gets_its_token_while_the_server_runs_is_shown_to_its_own_agreements_only() {
    let mut server = Setup::memory().start().await;
    let token = add_person(&server.engine, &Ids::system(), "vestby", Role::Source, &["jammerbugt"]).await;
    server.tokens.insert("vestby".into(), token);
    let item =
        crate::world::observation_at(server.now(), None, json!({ "type": "alarm-raised", "alarm": "a" }));
    let answer = server.post("/v1/observations", "vestby", &json!([item])).await;
    assert_eq!(answer.body[0]["outcome"], "recorded", "{answer:?}");
    assert!(names(&server.board("bo").await).contains(&"vestby"));
    assert!(!names(&server.board("nora").await).contains(&"vestby"));
    server.stop().await;
}

/// A queue of the exchange with so many on duty and waiting.
fn queue(name: &str, on_duty: u32, waiting: u32) -> Queue {
    let agreements = vec![AgreementId::new("jammerbugt").unwrap()];
    Queue { name: name.into(), agreements, on_duty, busy: 0, paused: 1, waiting }
}

#[tokio::test]
async fn callers_whom_nobody_takes_are_an_entry_until_somebody_does() {
    let clock = Clock::manual(night());
    let server = Setup::memory().clock(&clock).start().await;
    let name = expect_exchange(&server);
    let staffed = |queues: Vec<Queue>| server.engine.health.staffed(&name, queues);
    let pass = async |seconds: i64, state: &str, is_open: bool| {
        clock.set(clock.now() + TimeDelta::seconds(seconds));
        server.engine.health.heard(&name, "ami", clock.now());
        wait_for(&format!("{state}: {is_open}"), || async {
            clock.set(clock.now() + TimeDelta::milliseconds(1100));
            server.engine.health.heard(&name, "ami", clock.now());
            let board = server.board("bo").await;
            let shows = board["entries"].as_array().unwrap().iter().any(|it| it["state"] == state);
            if shows == is_open { Ok(()) } else { Err(board) }
        })
        .await;
    };
    staffed(vec![queue("doegnvagt", 2, 3), queue("teknik", 0, 0)]);
    let board = server.board("bo").await;
    assert_eq!(board["entries"], json!([]));
    let shown =
        &board["sources"].as_array().unwrap().iter().find(|it| it["name"] == "exchange").unwrap()["queues"];
    assert_eq!(shown[0], json!({ "queue": "doegnvagt", "on_duty": 2, "busy": 0, "paused": 1, "waiting": 3 }));
    assert_eq!(shown[1]["on_duty"], 0);

    staffed(vec![queue("doegnvagt", 0, 1), queue("teknik", 0, 0)]);
    pass(1, "nobody-listening", true).await;
    let board = server.board("bo").await;
    assert_eq!(board["entries"][0]["details"]["what"], "nobody-on-duty", "{board:#}");
    assert_eq!(server.board("nora").await["entries"], json!([]), "it is no business of Norddjurs");
    // The caller gave up: still nobody is there.
    staffed(vec![queue("doegnvagt", 0, 0), queue("teknik", 0, 0)]);
    pass(20, "nobody-listening", true).await;
    staffed(Vec::new());
    pass(20, "nobody-listening", true).await;
    staffed(vec![queue("doegnvagt", 1, 0), queue("teknik", 0, 0)]);
    pass(1, "nobody-listening", false).await;
    server.stop().await;
}

/// An exchange that should be heard every ten seconds.
fn expect_exchange(server: &TestServer) -> SourceName {
    let name = SourceName::new("exchange").unwrap();
    let agreements = vec![AgreementId::new("jammerbugt").unwrap()];
    server.engine.health.expect(name.clone(), "ami", Some(TimeDelta::seconds(10)), agreements, server.now());
    name
}

async fn until_silent(server: &TestServer, clock: &Clock, is_silent: bool) {
    wait_for("the silence to show or to end", || async {
        clock.set(clock.now() + TimeDelta::seconds(1));
        let board = server.board("bo").await;
        let shows = board["entries"].as_array().unwrap().iter().any(|it| it["state"] == "silent");
        if shows == is_silent { Ok(()) } else { Err(board) }
    })
    .await;
}

#[tokio::test]
async fn a_silence_is_an_entry_that_only_being_heard_ends_also_across_a_restart() {
    let folder = Folder::new();
    let clock = Clock::manual(night());
    let server = Setup::sqlite(&folder).clock(&clock).start().await;
    expect_exchange(&server);
    until_silent(&server, &clock, true).await;
    assert_eq!(server.board("nora").await["entries"], json!([]), "it is no business of Norddjurs");
    let next = Setup::sqlite(&folder).clock(&clock).people_of(&server);
    server.stop().await;

    let server = next.start().await;
    let name = expect_exchange(&server);
    for _ in 0..3 {
        clock.set(clock.now() + TimeDelta::seconds(2));
        server.alarm(&format!("a-{}", clock.now().timestamp())).await;
    }
    until_silent(&server, &clock, true).await;
    server.engine.health.heard(&name, "ami", clock.now() + minutes(60));
    until_silent(&server, &clock, false).await;
    server.stop().await;
}

#[tokio::test]
async fn a_source_that_hands_in_a_plan_only_makes_nothing_late_by_silence() {
    let clock = Clock::manual(night());
    let server = Setup::memory().clock(&clock).start().await;
    server.engine.plan_only.add(SourceName::new("nordlys").unwrap());
    let plan = |visit: &str, starts: Option<bool>| {
        json!({ "type": "visit-planned", "visit": visit, "citizen": "c-1", "grant": "service", "help": "personal",
                "agreed_at": night() + minutes(10), "starts": starts })
    };
    let says = |who: &'static str, visit: &'static str, starts| {
        let item = crate::world::observation_at(night(), Some("norddjurs"), plan(visit, starts));
        let server = &server;
        async move {
            let answer = server.post("/v1/observations", who, &json!([item])).await;
            assert_eq!(answer.body[0]["outcome"], "recorded", "{answer:?}");
            answer.body[0]["entry"].as_str().unwrap().to_owned()
        }
    };
    let quiet = says("nordlys", "v-1", None).await;
    let told = says("central", "v-2", None).await;
    let of_itself = says("central", "v-3", Some(false)).await;
    clock.set(night() + minutes(41));
    wait_for("the visit whose start is told to be late", || async {
        let entry = server.entry("nora", &told).await;
        if entry["state"] == "late" { Ok(()) } else { Err(entry) }
    })
    .await;
    for id in [quiet, of_itself] {
        assert_eq!(server.entry("nora", &id).await["state"], "planned");
    }
    server.stop().await;
}

fn states(board: &Value) -> Vec<(String, String)> {
    let entries = board["entries"].as_array().unwrap();
    entries
        .iter()
        .map(|it| (it["details"]["source"].to_string(), it["state"].as_str().unwrap().to_owned()))
        .collect()
}

/// Lets time pass, a second at a look, until the board is as wanted.
async fn until_board(server: &TestServer, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    wait_for(what, || async {
        server.clock.set(server.clock.now() + TimeDelta::seconds(1));
        let board = server.board("lise").await;
        if is_so(&board) { Ok(board) } else { Err(board) }
    })
    .await
}

#[tokio::test]
async fn that_nobody_listens_is_an_entry_of_each_agreement_and_ends_when_somebody_opens_a_desk() {
    let folder = Folder::new();
    let clock = Clock::manual(night());
    let watched = |setup: Setup| {
        let mut setup = setup.clock(&clock);
        setup.options.watches_desks = true;
        setup
    };
    let server = watched(Setup::sqlite(&folder)).start().await;
    let nobody =
        |board: &Value| states(board).iter().filter(|(_, state)| state == "nobody-listening").count();
    let board = until_board(&server, "nobody to be listening", |board| nobody(board) == 2).await;
    assert!(!board.to_string().contains("albertslund"), "nobody could ever listen to it: {board}");

    // Only the seat of somebody who may act counts, and only for the agreements they have; open streams are nobody.
    let stream = |name| server.request(reqwest::Method::GET, "/v1/stream", name).send();
    let (wall, lises) = (stream("vera").await.unwrap(), stream("lise").await.unwrap());
    server.post("/v1/seat", "vera", &json!({ "desk": "wall" })).await.is_problem(403, "not-allowed", "");
    let seat = json!({ "desk": "desk-bo" });
    assert_eq!(server.post("/v1/seat", "bo", &seat).await.body, json!({ "empty_after_s": 10 }));
    let board = until_board(&server, "Jammerbugt to be heard", |board| nobody(board) == 1).await;
    assert_eq!(states(&board), [("\"vagt-norddjurs\"".to_owned(), "nobody-listening".to_owned())]);
    // He leaves, and the streams stay open.
    assert_eq!(server.post("/v1/seat", "bo", &json!({ "desk": "desk-bo", "left": true })).await.status, 200);
    until_board(&server, "bo's desk to be missed", |board| nobody(board) == 2).await;
    drop((wall, lises));

    // A restart is no desk.
    let next = watched(Setup::sqlite(&folder)).people_of(&server);
    server.stop().await;
    let server = next.start().await;
    until_board(&server, "the desks to be watched again", |board| names(board).contains(&"vagt-norddjurs"))
        .await;
    assert_eq!(nobody(&server.board("lise").await), 2);
    assert_eq!(server.post("/v1/seat", "anna", &json!({ "desk": "desk-anna" })).await.status, 200);
    until_board(&server, "both to be heard", |board| nobody(board) == 0).await;
    server.stop().await;
}

#[tokio::test]
async fn what_a_web_hook_sends_and_cannot_be_read_is_counted_with_its_reason() {
    let server = Setup::memory().start().await;
    for _ in 0..3 {
        assert_eq!(server.post_text("/v1/observations", "nordlys", "[{]").await.status, 400);
    }
    let bad = json!([{ "key": "k", "at": "no time", "observation": { "type": "call-ended" } }]);
    assert_eq!(server.post("/v1/observations", "nordlys", &bad).await.body[0]["outcome"], "refused");
    let board = server.board("nora").await;
    let source =
        board["sources"].as_array().unwrap().iter().find(|it| it["name"] == "nordlys").unwrap().clone();
    let counted: Vec<_> = source["unreadable"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["what"].as_str().unwrap(), it["count"].as_u64().unwrap()))
        .collect();
    assert_eq!(counted, [("bad-json", 3), ("refused-item", 1)]);
    // Told to the log once, not three times: a source that sends rubbish all night must not fill it.
    let board = wait_for("the entry", || async {
        let board = server.board("nora").await;
        if states(&board).is_empty() { Err(board) } else { Ok(board) }
    })
    .await;
    assert_eq!(states(&board), [("\"nordlys\"".to_owned(), "unreadable".to_owned())]);
    server.stop().await;
}
