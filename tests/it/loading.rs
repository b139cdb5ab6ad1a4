//! The log is not read yet, or cannot be believed: the server hears alarms all the same.

use std::path::Path;

use secrecy::SecretString;
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use vagttavle::client::Client;
use vagttavle::clock::Clock;

use crate::process::{Home, Serving};
use crate::stream::Follower;
use crate::world::{Answer, find, wait_for};

/// Holds the log's file so that nobody can read it: as good as a log whose reading takes for ever.
async fn held(file: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(file).pragma("locking_mode", "EXCLUSIVE");
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql("BEGIN EXCLUSIVE").execute(&mut connection).await.unwrap();
    connection
}

async fn raise(serving: &Serving, token: &str, alarm: &str) -> Answer {
    let items = json!([{ "key": alarm, "at": Clock::system().now(), "agreement": "jammerbugt",
        "observation": { "type": "alarm-raised", "alarm": alarm } }]);
    serving.post("/v1/observations", token, &items).await.unwrap()
}

fn desk(serving: &Serving, token: &str) -> Follower {
    Follower::start(
        Client::new(&serving.base, SecretString::from(token.to_owned())).unwrap(),
        Clock::system(),
    )
}

#[tokio::test]
async fn while_the_log_is_being_read_alarms_ring_and_are_stored_under_the_same_id_when_it_is() {
    let home = Home::new();
    let (source, anna) =
        (home.add("central", "source", "jammerbugt"), home.add("anna", "coordinator", "jammerbugt"));
    let mut serving = home.serve("");
    let stored = raise(&serving, &source, "stored").await.body[0]["entry"].as_str().unwrap().to_owned();
    assert!(serving.terminate().success());

    let file = held(&home.data().join("log.db")).await;
    let mut serving = home.serve("");
    let early = desk(&serving, &anna);
    raise(&serving, &source, "rings").await.is_problem(503, "store-unavailable", "");
    wait_for("it to ring", || async { early.unstored("rings").ok_or("not yet") }).await;
    // One that is in the log already, repeated: it rings until that is known.
    raise(&serving, &source, "stored").await.is_problem(503, "store-unavailable", "");
    let ready = serving.get("/readyz", "").await;
    ready.is_problem(503, "store-unavailable", "");
    assert!(["log-loading", "log-away"].contains(&ready.body["why"].as_str().unwrap()), "{ready:?}");
    assert_eq!(serving.get("/healthz", "").await.status, 200);
    let board = serving.get("/v1/board", &anna).await.body;
    assert!(board["entries"].as_array().unwrap().is_empty() && !board["log"].is_null(), "{board}");
    // Who is not known may be in the log: not turned away for good.
    serving.get("/v1/board", "no-such-token").await.is_problem(503, "store-unavailable", "");
    let rang = early.unstored("rings").unwrap();

    file.close().await.unwrap();
    let board = wait_for("the log to be read", || async {
        let board = serving.get("/v1/board", &anna).await.body;
        if !find(&board, &rang).is_null() && board["log"].is_null() { Ok(board) } else { Err(board) }
    })
    .await;
    assert!(!find(&board, &stored).is_null(), "{board}");
    assert_eq!(board["entries"].as_array().unwrap().len(), 2, "each once: {board}");
    for (alarm, id) in [("rings", &rang), ("stored", &stored)] {
        let again = raise(&serving, &source, alarm).await;
        let said = (&again.body[0]["outcome"], again.body[0]["entry"].as_str());
        assert_eq!(said, (&json!("repeat"), Some(id.as_str())));
    }
    wait_for("the desk to show what is stored", || async {
        let entries: Vec<Value> = early.entries().iter().map(|it| json!(it)).collect();
        if entries.len() == 2 { Ok(()) } else { Err(entries) }
    })
    .await;
    serving.get("/v1/board", "no-such-token").await.is_problem(401, "not-signed-in", "");
    assert!(serving.terminate().success());
    assert!(home.run("verify --data {data}").good().contains("hel"));
}

#[tokio::test]
async fn a_damaged_log_is_not_believed_and_not_deaf_and_a_second_person_is_called() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let (source, anna) =
        (home.add("central", "source", "jammerbugt"), home.add("anna", "coordinator", "jammerbugt"));
    let mut serving = home.serve("");
    for alarm in ["a-1", "a-2", "a-3"] {
        assert_eq!(raise(&serving, &source, alarm).await.status, 200);
    }
    assert!(serving.terminate().success());
    let options = SqliteConnectOptions::new().filename(home.data().join("log.db"));
    let mut file = options.connect().await.unwrap();
    let last: i64 =
        sqlx::query_scalar("SELECT max(sequence) FROM records").fetch_one(&mut file).await.unwrap();
    let changed = format!(
        "DROP TRIGGER records_never_changed; UPDATE records SET actor = 'timer' WHERE sequence = {}",
        last - 1
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(changed)).execute(&mut file).await.unwrap();
    file.close().await.unwrap();

    let said = home.path("called");
    let program = home.write("call", &format!("#!/bin/sh\nprintf '%s\\n' \"$1\" >> {}\n", said.display()));
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    let config = home
        .write("server.toml", &format!("[escalation]\ncommand = [\"{}\", \"{{why}}\"]\n", program.display()));
    let mut serving = home.serve(&format!("--config {}", config.display()));
    let desk = desk(&serving, &anna);
    raise(&serving, &source, "rings").await.is_problem(503, "store-unavailable", "");
    wait_for("it to ring", || async { desk.unstored("rings").ok_or("not yet") }).await;
    let ready = serving.get("/readyz", "").await;
    ready.is_problem(503, "store-unavailable", "");
    let log = serving.get("/v1/board", &anna).await.body["log"].clone();
    assert_eq!(
        (&log["why"], log["from"].as_i64(), log["to"].as_i64()),
        (&json!("log-damaged"), Some(last - 1), Some(last)),
        "{log}"
    );
    assert_eq!((ready.body["from"].as_i64(), ready.body["to"].as_i64()), (Some(last - 1), Some(last)));
    wait_for("somebody to be called", || async {
        let called = std::fs::read_to_string(&said).unwrap_or_default();
        if called.lines().any(|it| it == "log-damaged") { Ok(()) } else { Err(called) }
    })
    .await;
    assert!(serving.terminate().success());
    home.run("verify --data {data}").refused(&["Loggen er beskadiget"]);
}

#[tokio::test]
async fn a_witness_that_is_missing_is_said_everywhere_and_not_made_anew_in_silence() {
    let home = Home::new();
    let anna = home.add("anna", "coordinator", "jammerbugt");
    let witness = vagttavle::store::folder::default_witness(&home.data()).join("head");
    std::fs::remove_file(&witness).unwrap();
    let said = home.run("verify --data {data}");
    assert!(said.err.contains("Vidnet"), "{said:?}");
    let is_made = || std::fs::metadata(&witness).is_ok_and(|it| it.len() > 0);
    assert!(!is_made(), "reading makes none");
    assert!(
        home.run("doctor --data {data}")
            .out
            .lines()
            .any(|it| it.starts_with("witness") && it.contains("ikke i orden"))
    );
    let serving = home.serve("");
    let ready = serving.get("/readyz", "").await;
    assert!(ready.status == 200 && ready.body.to_string().contains("witness"), "{ready:?}");
    let board = serving.get("/v1/board", &anna).await.body;
    let entries = board["entries"].as_array().unwrap();
    assert!(entries.iter().any(|it| it["details"]["what"] == "witness-missing"), "{board}");
    assert!(is_made(), "with what was appended");
}
