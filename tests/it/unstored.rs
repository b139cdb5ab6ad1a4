//! The log cannot be written: alarms ring all the same, nothing is promised, and afterwards nothing is lost.

use std::process::Command;

use secrecy::SecretString;
use serde_json::{Value, json};
use vagttavle::client::Client;
use vagttavle::clock::Clock;

use crate::process::{Home, Serving};
use crate::stream::Follower;
use crate::world::{find, wait_for};

/// No file of this process may grow past so many bytes from now on: as good as a full disk.
pub fn limit_files(serving: &Serving, bytes: &str) {
    let said = Command::new("prlimit")
        .args(["--pid", &serving.id().to_string(), &format!("--fsize={bytes}:unlimited")])
        .output()
        .unwrap();
    assert!(said.status.success(), "{said:?}");
}

/// A server that survives a file at its limit as it survives a full disk: by an error, not by a signal.
pub fn serve(home: &Home) -> Serving {
    let mut command = Command::new("bash");
    home.dress(&mut command);
    let data = home.data().display().to_string();
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_vagttavle")]);
    command.args(["serve", "--data", &data, "--listen", "127.0.0.1:0"]);
    Serving::start(command, &home.path("stderr.log"))
}

async fn raise(serving: &Serving, token: &str, alarm: &str) -> crate::world::Answer {
    let items = json!([{ "key": alarm, "at": Clock::system().now(), "agreement": "jammerbugt",
        "observation": { "type": "alarm-raised", "alarm": alarm } }]);
    serving.post("/v1/observations", token, &items).await.unwrap()
}

#[tokio::test]
async fn an_alarm_that_cannot_be_stored_rings_and_is_stored_later_under_the_same_id() {
    let home = Home::new();
    let (source, anna) =
        (home.add("central", "source", "jammerbugt"), home.add("anna", "coordinator", "jammerbugt"));
    let mut serving = serve(&home);
    let stored = raise(&serving, &source, "stored").await.body[0]["entry"].clone();
    let desk = || {
        Follower::start(
            Client::new(&serving.base, SecretString::from(anna.clone())).unwrap(),
            Clock::system(),
        )
    };
    let early = desk();
    wait_for("the desk", || async { if early.entries().len() == 1 { Ok(()) } else { Err(early.entries()) } })
        .await;

    limit_files(&serving, "8192");
    raise(&serving, &source, "rings").await.is_problem(503, "store-unavailable", "");
    wait_for("it to ring", || async { early.unstored("rings").ok_or("not yet") }).await;
    let claim = json!({ "id": "c-1", "entry": stored, "command": { "type": "claim" } });
    serving.post("/v1/commands", &anna, &claim).await.unwrap().is_problem(503, "store-unavailable", "");
    serving.get("/readyz", "").await.is_problem(503, "store-unavailable", "");
    assert_eq!(serving.get("/healthz", "").await.status, 200);
    // The source repeats, as it must: it rings once. A desk that comes now hears it as well.
    for _ in 0..3 {
        assert_eq!(raise(&serving, &source, "rings").await.status, 503);
    }
    raise(&serving, &source, "rings-too").await.is_problem(503, "store-unavailable", "");
    let late = desk();
    for alarm in ["rings", "rings-too"] {
        for desk in [&early, &late] {
            wait_for("both to ring on both", || async { desk.unstored(alarm).ok_or("not yet") }).await;
        }
        assert_eq!(early.unstored(alarm), late.unstored(alarm));
    }
    // What was acknowledged is still shown.
    assert!(!find(&serving.get("/v1/board", &anna).await.body, stored.as_str().unwrap()).is_null());

    limit_files(&serving, "unlimited");
    let rang = ["rings", "rings-too"].map(|alarm| early.unstored(alarm).unwrap());
    let board = wait_for("what rang to be stored without anybody asking", || async {
        let board = serving.get("/v1/board", &anna).await.body;
        if rang.iter().all(|id| !find(&board, id).is_null()) { Ok(board) } else { Err(board) }
    })
    .await;
    assert_eq!(board["entries"].as_array().unwrap().len(), 3, "each once: {board}");
    wait_for("readiness", || async {
        let ready = serving.get("/readyz", "").await;
        if ready.status == 200 { Ok(()) } else { Err(ready) }
    })
    .await;
    for (alarm, id) in ["rings", "rings-too"].iter().zip(&rang) {
        let again = raise(&serving, &source, alarm).await;
        assert_eq!(
            (&again.body[0]["outcome"], again.body[0]["entry"].as_str()),
            (&json!("repeat"), Some(id.as_str()))
        );
    }
    let claimed = serving.post("/v1/commands", &anna, &claim).await.unwrap();
    assert_eq!(claimed.done()["holder"]["name"], "anna", "the same id goes through now");
    for desk in [&early, &late] {
        wait_for("the desks to show what is stored", || async {
            let entries: Value = json!(desk.entries());
            let is_claimed = entries.as_array().unwrap().iter().any(|it| !it["holder"].is_null());
            if desk.entries().len() == 3 && is_claimed { Ok(()) } else { Err(entries) }
        })
        .await;
    }
    serving.kill();
    let serving = serve(&home);
    let board = serving.get("/v1/board", &anna).await.body;
    for id in rang.iter().map(String::as_str).chain(stored.as_str()) {
        assert!(!find(&board, id).is_null(), "{id} in {board}");
    }
    assert!(!std::fs::read_to_string(home.path("stderr.log")).unwrap().contains("panicked"));
}
