//! Snapshot and stream: nothing lost, nothing doubled, whatever the line does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use vagttavle::client::{Client, Update, follow};
use vagttavle::clock::Clock;
use vagttavle::protocol::sync::{Applied, Replica};
use vagttavle::protocol::{Entry, StreamItem};

use crate::proxy::{Line, Proxy};
use crate::world::{Setup, TestServer, minutes, wait_for, within};

/// A desk without a screen: the client's link and the replica, as the real one wires them.
pub struct Follower {
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    replica: Option<Replica>,
    /// Sequences applied since the last snapshot, in order.
    applied: Vec<u64>,
    boards: usize,
    lost: usize,
    gaps: usize,
    items: Vec<&'static str>,
    /// Ids of the alarms that rang unstored, by the source's id.
    unstored: BTreeMap<String, String>,
}

impl Follower {
    pub fn start(client: Client, clock: Clock) -> Self {
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let (updates, inbox) = mpsc::channel(256);
        let (resync, resync_in) = watch::channel(0);
        let link = tokio::spawn(follow(client, updates, resync_in));
        let task = tokio::spawn(take_in(seen.clone(), inbox, resync, clock, link));
        Self { seen, task }
    }

    fn with<T>(&self, then: impl FnOnce(&Seen) -> T) -> T {
        then(&self.seen.lock().unwrap())
    }

    pub fn through(&self) -> u64 {
        self.with(|seen| seen.replica.as_ref().map_or(0, |it| it.through))
    }

    /// Items of this kind so far.
    pub fn heard(&self, kind: &str) -> usize {
        self.with(|seen| seen.items.iter().filter(|it| **it == kind).count())
    }

    pub fn lost(&self) -> usize {
        self.with(|seen| seen.lost)
    }

    /// The entry's id if this alarm rang unstored.
    pub fn unstored(&self, alarm: &str) -> Option<String> {
        self.with(|seen| seen.unstored.get(alarm).cloned())
    }

    pub fn entries(&self) -> Vec<Entry> {
        self.with(|seen| {
            seen.replica.iter().flat_map(|it| it.worst_first().cloned().collect::<Vec<_>>()).collect()
        })
    }

    /// The replica says what the server's board says, attention aside (it goes with the clock).
    pub async fn agrees_with(&self, server: &TestServer, name: &str) {
        wait_for("the desk to agree with the server", || async {
            let board = server.board(name).await;
            let (mine, its) = (comparable(json!(self.entries())), comparable(board["entries"].clone()));
            let through = self.through();
            if mine == its && self.with(|seen| seen.replica.is_some()) {
                Ok(())
            } else {
                Err((through, board["sequence"].clone(), mine, its))
            }
        })
        .await;
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn comparable(entries: Value) -> BTreeSet<String> {
    let strip = |entry: &Value| {
        let mut entry = entry.clone();
        let fields = entry.as_object_mut().unwrap();
        fields.remove("attention");
        fields.remove("actions");
        entry.to_string()
    };
    entries.as_array().unwrap().iter().map(strip).collect()
}

async fn take_in(
    seen: Arc<Mutex<Seen>>,
    mut inbox: mpsc::Receiver<Update>,
    resync: watch::Sender<u64>,
    clock: Clock,
    _link: JoinHandle<()>,
) {
    while let Some(update) = inbox.recv().await {
        let now: DateTime<Utc> = clock.now();
        let mut seen = seen.lock().unwrap();
        match update {
            Update::Board(board) => {
                seen.boards += 1;
                seen.applied.clear();
                seen.replica = Some(Replica::new(*board, now));
            }
            Update::Item(item) => {
                seen.items.push(match &*item {
                    StreamItem::Recorded(_) => "recorded",
                    StreamItem::Live { .. } => "live",
                    StreamItem::Unstored { .. } => "unstored",
                    StreamItem::Beat(_) => "beat",
                });
                if let StreamItem::Unstored { entry } = &*item {
                    let entry = serde_json::to_value(entry).unwrap();
                    let text = |value: &Value| value.as_str().unwrap().to_owned();
                    let known = seen.unstored.insert(text(&entry["details"]["alarm"]), text(&entry["id"]));
                    assert!(known.is_none_or(|known| known == entry["id"]), "it rang under two ids");
                }
                let sequence = if let StreamItem::Recorded(it) = &*item { Some(it.sequence) } else { None };
                let applied = seen.replica.as_mut().unwrap().apply(*item, now);
                match (applied, sequence) {
                    (Applied::Gap, _) => {
                        seen.gaps += 1;
                        resync.send_modify(|count| *count += 1);
                    }
                    (Applied::Fresh { .. }, Some(sequence)) => seen.applied.push(sequence),
                    _ => {}
                }
            }
            Update::Lost(_) => seen.lost += 1,
        }
    }
}

/// Raises, claims and closes alarms, so that much happens.
async fn busy(server: &TestServer, round: usize) {
    for n in 0..4 {
        let entry = server.alarm(&format!("a-{round}-{n}")).await;
        let entry = server.act("bo", &entry, json!({ "type": "claim" })).await.done();
        if n % 2 == 0 {
            server.act("bo", &entry, json!({ "type": "close", "outcome": "helped" })).await.done();
        }
    }
    server.missed_call(&format!("c-{round}")).await;
}

#[tokio::test]
async fn a_desk_that_follows_has_everything_once_in_order_and_without_a_gap() {
    let server = Setup::memory().start().await;
    let desk = Follower::start(server.client("anna"), server.clock.clone());
    desk.agrees_with(&server, "anna").await;
    for round in 0..3 {
        busy(&server, round).await;
    }
    desk.agrees_with(&server, "anna").await;
    desk.with(|seen| {
        assert_eq!((seen.boards, seen.gaps, seen.lost), (1, 0, 0));
        assert!(seen.applied.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", seen.applied);
        let all: BTreeSet<_> = seen.applied.iter().collect();
        assert_eq!(all.len(), seen.applied.len());
    });
    wait_for("a beat", || async {
        desk.with(|seen| if seen.items.contains(&"beat") { Ok(()) } else { Err(seen.items.clone()) })
    })
    .await;
    server.stop().await;
}

#[tokio::test]
async fn cut_again_and_again_a_desk_loses_nothing_and_doubles_nothing() {
    let server = Setup::memory().start().await;
    let proxy = Proxy::start(&server.base).await;
    let desk = Follower::start(server.client_at(&proxy.base, "anna"), server.clock.clone());
    desk.agrees_with(&server, "anna").await;
    for round in 0..6 {
        let lost = desk.lost();
        busy(&server, round).await;
        // Whole, or in the middle of an answer or an item.
        proxy.set(Line::Cut);
        wait_for("the cut to be noticed", || async {
            if desk.lost() > lost { Ok(()) } else { Err(desk.lost()) }
        })
        .await;
        busy(&server, round + 100).await;
        proxy.set(if round % 2 == 0 { Line::Open } else { Line::CutAfter(3_000 + round * 777) });
        busy(&server, round + 200).await;
        proxy.set(Line::Open);
        desk.agrees_with(&server, "anna").await;
    }
    assert!(proxy.connections() > 6);
    server.stop().await;
}

/// Reads the raw stream until `enough` items came; the items with their ids.
async fn read_stream(
    server: &TestServer,
    name: &str,
    query: &str,
    enough: usize,
) -> Vec<(Option<u64>, Value)> {
    use eventsource_stream::Eventsource;
    use futures_util::StreamExt;
    let response = server.request(Method::GET, &format!("/v1/stream{query}"), name).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["cache-control"], "no-store");
    let items = response.bytes_stream().eventsource().take(enough).map(|event| {
        let event = event.unwrap();
        let item: Value = serde_json::from_str(&event.data).unwrap();
        assert_eq!(item["type"], event.event.as_str());
        (event.id.parse().ok(), item)
    });
    within("the stream", items.collect()).await
}

#[tokio::test]
async fn after_a_number_the_rest_comes_as_a_chain() {
    let server = Setup::memory().start().await;
    let start = server.board("anna").await["sequence"].as_u64().unwrap();
    busy(&server, 0).await;
    let head = server.board("anna").await["sequence"].as_u64().unwrap();
    let count = usize::try_from(head - start).unwrap();
    let items = read_stream(&server, "anna", &format!("?after={start}"), count).await;
    let mut last = start;
    for (id, item) in &items {
        assert_eq!(item["type"], "recorded");
        let sequence = item["sequence"].as_u64().unwrap();
        assert_eq!(*id, Some(sequence));
        assert!(item["after"].as_u64().unwrap() <= last, "{item}");
        assert_eq!(sequence, last + 1);
        last = sequence;
    }
    assert_eq!(last, head);
    server.get(&format!("/v1/stream?after={}", head + 1_000), "anna").await.is_problem(410, "resync", "");
    server.stop().await;
}

#[tokio::test]
async fn a_call_that_turns_out_to_be_anothers_leaves_the_other_desk_and_tells_it_nothing_more() {
    let server = Setup::memory().start().await;
    let nora = Follower::start(server.client("nora"), server.clock.clone());
    let bo = Follower::start(server.client("bo"), server.clock.clone());
    let start = server.board("nora").await["sequence"].as_u64().unwrap();
    let id = server
        .told(None, json!({ "type": "call-waiting", "call": "c-1", "queue": "q", "caller": "70200100" }))
        .await;
    for (desk, name) in [(&nora, "nora"), (&bo, "bo")] {
        desk.agrees_with(&server, name).await;
        assert_eq!(desk.entries().len(), 1, "{name}");
    }
    let entry = server.entry("anna", &id).await;
    let entry =
        server.act("anna", &entry, json!({ "type": "assign", "agreement": "jammerbugt" })).await.done();
    wait_for("the call to leave nora's desk", || async {
        if nora.entries().is_empty() { Ok(()) } else { Err(nora.entries()) }
    })
    .await;
    server.act("bo", &entry, json!({ "type": "claim" })).await.done();
    nora.agrees_with(&server, "nora").await;
    bo.agrees_with(&server, "bo").await;
    server.show(&id, "nora").await.is_problem(404, "unknown-entry", "");

    // Neither does the stream tell her more when she comes back later.
    let items = read_stream(&server, "nora", &format!("?after={start}"), 3).await;
    let told: Vec<&Value> =
        items.iter().map(|(_, item)| item).filter(|it| it["type"] == "recorded").collect();
    let kinds: Vec<&str> = told.iter().filter_map(|item| item["kind"].as_str()).collect();
    assert_eq!(kinds, ["phone.waiting", "phone.assigned"], "that it went elsewhere, not what is done there");
    for item in told {
        let entry = &item["entry"];
        assert!(!entry["closed_at"].is_null(), "{item}");
        assert_eq!(
            (&entry["state"], &entry["details"]["queue"]),
            (&json!("elsewhere"), &Value::Null),
            "{item}"
        );
        for field in ["agreement", "holder", "live", "candidates", "citizen", "told", "escalation"] {
            assert!(entry[field].is_null(), "{field}: {item}");
        }
        for field in ["links", "due", "actions"] {
            assert_eq!(entry[field], json!([]), "{field}: {item}");
        }
        assert!(!item.to_string().contains("person:"), "{item}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_revoked_token_ends_its_streams_and_no_others() {
    let server = Setup::memory().start().await;
    let open = |name: &'static str| server.request(Method::GET, "/v1/stream", name).send();
    let (bo, anna) = (open("bo").await.unwrap(), open("anna").await.unwrap());
    let started = server.now();
    server.revoke("bo").await;
    let left = within("the revoked stream", bo.bytes()).await;
    assert!(left.is_ok(), "it ends, it does not break");
    assert!(server.now() - started < chrono::TimeDelta::seconds(5), "{started}");
    server.get("/v1/stream", "bo").await.is_problem(401, "not-signed-in", "");
    server.alarm("call-1").await;
    use futures_util::StreamExt;
    assert!(within("anna's stream", anna.bytes_stream().next()).await.is_some());
    server.stop().await;
}

/// A stream whose reader takes the header and then nothing more.
async fn reads_nothing(server: &TestServer, name: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let address = server.base.trim_start_matches("http://").parse().unwrap();
    let mut line = socket.connect(address).await.unwrap();
    let ask = format!(
        "GET /v1/stream HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n\r\n",
        server.tokens[name]
    );
    line.write_all(ask.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    line.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    line
}

#[tokio::test]
async fn a_reader_that_does_not_read_is_cut_and_holds_up_nobody() {
    let server = Setup::memory().start().await;
    let mut slow = Vec::new();
    for _ in 0..3 {
        slow.push(reads_nothing(&server, "vera").await);
    }
    let desk = Follower::start(server.client("anna"), server.clock.clone());
    let mut entry = server.alarm("call-1").await;
    let cut = || async {
        let text = server.get("/metrics", "").await.body.as_str().unwrap().to_owned();
        let line = text.lines().find(|line| line.contains("streams_cut") && !line.starts_with('#'));
        line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).unwrap_or(0.0)
    };
    let mut rounds = 0;
    while cut().await < 3.0 {
        // Many observations in one batch: much to send for little work.
        let items: Vec<Value> = (0..100)
            .map(|n| {
                json!({ "key": format!("k-{rounds}-{n}"), "at": server.now(), "agreement": "jammerbugt",
                "observation": { "type": "call-waiting", "call": format!("c-{rounds}-{n}"), "queue": "q" } })
            })
            .collect();
        let answer = within("a batch", server.post("/v1/observations", "central", &json!(items))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        rounds += 1;
        assert!(rounds < 40, "the slow readers were never cut");
    }
    entry = within("a claim", server.act("anna", &entry, json!({ "type": "claim" }))).await.done();
    let id = entry["id"].as_str().unwrap().to_owned();
    wait_for("the claim on the desk that reads", || async {
        let found = desk.entries().into_iter().find(|it| it.id.to_string() == id);
        if found.as_ref().is_some_and(|it| it.holder.is_some()) { Ok(()) } else { Err(found) }
    })
    .await;
    drop(slow);
    server.stop().await;
}

#[tokio::test]
async fn one_stream_too_many_cuts_the_oldest_of_that_person() {
    let server = Setup::memory().start().await;
    let mut open = Vec::new();
    for _ in 0..9 {
        open.push(server.request(Method::GET, "/v1/stream", "anna").send().await.unwrap());
    }
    let oldest = open.remove(0);
    within("the oldest stream", oldest.bytes()).await.unwrap();
    use futures_util::StreamExt;
    for response in open {
        assert!(within("a beat", response.bytes_stream().next()).await.unwrap().is_ok());
    }
    server.stop().await;
}

#[tokio::test]
async fn the_server_stops_with_streams_open_and_nothing_left_running() {
    let clock = Clock::manual(crate::world::night());
    let server = Setup::memory().clock(&clock).start().await;
    let open = server.request(Method::GET, "/v1/stream", "anna").send().await.unwrap();
    server.alarm("call-1").await;
    clock.set(crate::world::night() + minutes(1));
    server.stop().await;
    assert!(within("the stream", open.bytes()).await.is_ok(), "it ends, it does not break");
}
