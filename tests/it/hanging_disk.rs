//! The disk hangs: the bell comes before the sync returns, whoever comes meanwhile is heard, nothing is acknowledged
//! before it is durable, and afterwards everything is there once.

use secrecy::SecretString;
use serde_json::{Value, json};
use vagttavle::client::Client;
use vagttavle::clock::Clock;

use crate::jam::Hanging;
use crate::process::{Home, Serving};
use crate::stream::Follower;
use crate::world::{Answer, find, wait_for};

/// Every sync of the server hangs from now on.
pub async fn hang(serving: &Serving, seconds: u32) -> Hanging {
    let hanging = Hanging::begin(serving.id(), seconds);
    wait_for("the disk to hang", || async {
        let free = hanging.free();
        if free.is_empty() { Ok(()) } else { Err(free) }
    })
    .await;
    hanging
}

fn raised(alarm: &str) -> Value {
    json!([{ "key": alarm, "at": Clock::system().now(), "agreement": "jammerbugt",
        "observation": { "type": "alarm-raised", "alarm": alarm } }])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_hangs_makes_nobody_deaf_and_nothing_is_acknowledged_before_it_is_durable() {
    let home = Home::new();
    let (source, anna) =
        (home.add("central", "source", "jammerbugt"), home.add("anna", "coordinator", "jammerbugt"));
    let serving = home.serve("");
    let client = Client::new(&serving.base, SecretString::from(anna.clone())).unwrap();
    let desk = Follower::start(client, Clock::system());
    wait_for("the desk", || async { if desk.heard("beat") > 0 { Ok(()) } else { Err("no beat") } }).await;

    let hanging = hang(&serving, 20).await;
    let (posted, others) = (raised("first"), ["second", "third"].map(raised));
    let first = serving.post("/v1/observations", &source, &posted);
    let meanwhile = async {
        wait_for("the first to ring", || async { desk.unstored("first").ok_or("not yet") }).await;
        serving.get("/readyz", "").await.is_problem(503, "store-unavailable", "");
        let board = serving.get("/v1/board", &anna).await.body;
        assert_eq!(board["log"]["why"], "disk-slow", "the desk says so: {board}");
        assert_eq!(serving.get("/healthz", "").await.status, 200);
    };
    let second = async {
        wait_for("the first to ring", || async { desk.unstored("first").ok_or("not yet") }).await;
        serving.post("/v1/observations", &source, &others[0]).await
    };
    // It came while the first was being written, and comes again, as sources do.
    let again = async {
        wait_for("the second to ring", || async { desk.unstored("second").ok_or("not yet") }).await;
        serving.post("/v1/observations", &source, &others[0]).await
    };
    let third = async {
        wait_for("the second to ring", || async { desk.unstored("second").ok_or("not yet") }).await;
        serving.post("/v1/observations", &source, &others[1]).await
    };
    let all_ring = async {
        wait_for("all to ring", || async { desk.unstored("third").ok_or("not yet") }).await;
        drop(hanging);
    };
    let answers = async { tokio::join!(first, meanwhile, second, again, third) };
    tokio::pin!(answers);
    tokio::select! {
        biased;
        // In this order: every bell before the first acknowledgement.
        answered = &mut answers => panic!("acknowledged before it was durable: {answered:?}"),
        () = all_ring => {}
    }
    let rang = ["first", "second", "third"].map(|alarm| desk.unstored(alarm).unwrap());
    let (first, (), second, again, third) = answers.await;
    let said = |answer: Result<Answer, _>| {
        let answer: Answer = answer.unwrap_or_else(|lost: reqwest::Error| panic!("{lost}"));
        assert_eq!(answer.status, 200, "{answer:?}");
        let receipt = answer.body[0].clone();
        (receipt["outcome"].as_str().unwrap().to_owned(), receipt["entry"].as_str().unwrap().to_owned())
    };
    let recorded = |id: &String| ("recorded".to_owned(), id.clone());
    assert_eq!([first, second, third].map(said), rang.each_ref().map(recorded));
    assert_eq!(said(again), ("repeat".to_owned(), rang[1].clone()));
    wait_for("readiness", || async {
        let ready = serving.get("/readyz", "").await;
        if ready.status == 200 { Ok(()) } else { Err(ready) }
    })
    .await;
    let board = serving.get("/v1/board", &anna).await.body;
    assert_eq!(board["entries"].as_array().unwrap().len(), 3, "each once: {board}");
    assert!(rang.iter().all(|id| !find(&board, id).is_null()) && board["log"].is_null(), "{board}");
    wait_for("the desk to show what is stored", || async {
        let entries = desk.entries();
        if entries.len() == 3 { Ok(()) } else { Err(entries) }
    })
    .await;
}
