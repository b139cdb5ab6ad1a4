//! The link against an exchange of our own making on a free port.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use secrecy::SecretString;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use vagttavle::domain::observation::Rank;
use vagttavle::protocol::board::SourceState;
use vagttavle::sources::ami::link::{Action, Exchange, Proof, Timing};

use crate::inbox::TestInbox;
use crate::support::{End, NIGHT_EPOCH_S, after, fold, session, settings};

const ABANDON: &str = include_str!("fixtures/ami/abandon.txt");
const ANSWERED: &str = include_str!("fixtures/ami/answered.txt");
const LIST: &str = include_str!("fixtures/ami/list.txt");
const BANNER: &str = "Asterisk Call Manager/11.0.0\r\n";
const SECRET: &str = "hemmelig-nat";
/// `printf 220780212hemmelig-nat | md5sum`
const CHALLENGE_ANSWER: &str = "63668b8d72b0e5da6a6abf9eeae9e3e0";

/// Short waits; only silence is long enough not to strike on a busy machine.
fn timing() -> Timing {
    Timing {
        boot_within: Duration::from_millis(50),
        ping_every: Duration::from_millis(50),
        silent_after: Duration::from_secs(20),
        settle_every: Duration::from_millis(2),
        log_every: Duration::from_millis(2),
        retry_min: Duration::from_millis(1),
        retry_max: Duration::from_millis(5),
        refused_retry: Duration::from_millis(20),
        ..Timing::default()
    }
}

/// Our link, running against a listener that the test plays.
struct Bench {
    listener: TcpListener,
    inbox: TestInbox,
    /// Milliseconds since the night began; the test's clock.
    clock: Arc<AtomicI64>,
    /// Every line we sent, over all connections.
    sent: Arc<Mutex<Vec<String>>>,
    stop: CancellationToken,
    running: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Bench {
    async fn start(log: Option<&str>, timing: Timing) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut settings = settings();
        settings.address = listener.local_addr().unwrap().to_string();
        settings.queue_log = log.map(|text| {
            let path = folder.path().join("queue_log");
            std::fs::write(&path, text).unwrap();
            path
        });
        let inbox = TestInbox::new();
        let clock = Arc::new(AtomicI64::new(0));
        let told = clock.clone();
        let exchange = Exchange {
            settings,
            secret: SecretString::from(SECRET),
            inbox: inbox.clone(),
            now: Arc::new(move || after(0) + TimeDelta::milliseconds(told.load(Ordering::SeqCst))),
            timing,
            canary: None,
        };
        let stop = CancellationToken::new();
        let running = tokio::spawn(exchange.run(stop.clone()));
        Self { listener, inbox, clock, sent: Arc::default(), stop, running, _folder: folder }
    }

    async fn accept(&self) -> Peer {
        let (stream, _) = self.listener.accept().await.unwrap();
        Peer::new(stream, self.sent.clone())
    }

    /// Accepts, lets us log in, says that it is booted and answers the list.
    async fn accept_all(&self, list: &str) -> Peer {
        let mut peer = self.accept().await;
        peer.login(true).await;
        peer.send("Event: FullyBooted\r\nPrivilege: system,all\r\nStatus: Fully Booted\r\n\r\n").await;
        peer.list(list).await;
        peer
    }

    fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    /// Stops the link while the peer goes on answering; returns every line we sent.
    async fn stop(mut self, peer: Peer) -> Vec<String> {
        self.stop.cancel();
        let (running, ()) = tokio::join!(&mut self.running, peer.serve());
        running.unwrap();
        self.sent.lock().unwrap().clone()
    }
}

/// A link left running would dial its port for ever, and reach the next test that is given the same one.
impl Drop for Bench {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// One connection, seen from the exchange.
struct Peer {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    sent: Arc<Mutex<Vec<String>>>,
}

impl Peer {
    fn new(stream: TcpStream, sent: Arc<Mutex<Vec<String>>>) -> Self {
        stream.set_nodelay(true).unwrap();
        let (reader, writer) = stream.into_split();
        Self { reader: BufReader::new(reader), writer, sent }
    }

    async fn send(&mut self, text: &str) {
        self.writer.write_all(text.as_bytes()).await.unwrap();
    }

    /// The next action as its lines. None: we hung up.
    async fn action(&mut self) -> Option<Vec<String>> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if self.reader.read_line(&mut line).await.unwrap_or(0) == 0 {
                return None;
            }
            let line = line.trim_end().to_owned();
            if line.is_empty() {
                return Some(lines);
            }
            self.sent.lock().unwrap().push(line.clone());
            lines.push(line);
        }
    }

    /// The next action that is no ping; pings are answered.
    async fn asked(&mut self) -> Option<Vec<String>> {
        loop {
            let action = self.action().await?;
            if action[0] != "Action: Ping" {
                return Some(action);
            }
            let pong =
                format!("Response: Success\r\nPing: Pong\r\nTimestamp: {NIGHT_EPOCH_S}.000000\r\n\r\n");
            if self.writer.write_all(pong.as_bytes()).await.is_err() {
                return None;
            }
        }
    }

    /// Greets and answers the login; with the challenge or, like an old exchange, without.
    async fn login(&mut self, with_challenge: bool) {
        self.send(BANNER).await;
        assert_eq!(self.asked().await.unwrap()[0], "Action: Challenge");
        if with_challenge {
            self.send("Response: Success\r\nActionID: challenge\r\nChallenge: 220780212\r\n\r\n").await;
        } else {
            self.send("Response: Error\r\nActionID: challenge\r\nMessage: Invalid/unknown command\r\n\r\n")
                .await;
        }
        assert_eq!(self.asked().await.unwrap()[0], "Action: Login");
        self.send("Response: Success\r\nActionID: login\r\nMessage: Authentication accepted\r\n\r\n").await;
    }

    async fn list(&mut self, list: &str) {
        let asked = self.asked().await.unwrap();
        assert_eq!(asked[0], "Action: QueueStatus");
        let id = asked[1].strip_prefix("ActionID: ").unwrap();
        let answer = String::from_utf8(session(list)).unwrap().replace("status-1", id);
        self.send(&answer).await;
    }

    /// Answers pings and lists (nobody waits) until we hang up or say goodbye.
    async fn serve(mut self) {
        while let Some(asked) = self.asked().await {
            if asked[0] != "Action: QueueStatus" {
                return;
            }
            let id = asked[1].strip_prefix("ActionID: ").unwrap();
            let answer = String::from_utf8(session(&empty_list())).unwrap().replace("status-1", id);
            if self.writer.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

/// The list without anybody waiting.
fn empty_list() -> String {
    let messages = LIST.split_inclusive("\n\n").filter(|message| !message.contains("QueueEntry"));
    messages.collect()
}

/// The events of a fixture, without greeting and login.
fn events(fixture: &str) -> Vec<u8> {
    let begin = fixture.find("Event: Newchannel").unwrap();
    session(&fixture[begin..])
}

/// Both fixtures, as the exchange itself logged them.
fn truth() -> String {
    [
        "0|NONE|NONE|NONE|QUEUESTART|",
        "2|natnat-1795310040.4|hovednummer|NONE|ENTERQUEUE||20304050|1",
        "3|natnat-1795310040.6|hovednummer|NONE|ENTERQUEUE||20304051|2",
        "5|natnat-1795310040.6|hovednummer|PJSIP/301|CONNECT|2|natnat-1795310040.7|2",
        "14|natnat-1795310040.4|hovednummer|NONE|ABANDON|1|1|12",
        "36|natnat-1795310040.6|hovednummer|PJSIP/301|COMPLETEAGENT|2|31|2",
    ]
    .iter()
    .map(|line| {
        let (seconds, rest) = line.split_once('|').unwrap();
        format!("{}|{rest}\n", NIGHT_EPOCH_S + seconds.parse::<i64>().unwrap())
    })
    .collect()
}

#[tokio::test]
async fn login_by_challenge_subscribe_then_list_then_ok() {
    let bench = Bench::start(None, timing()).await;
    let peer = bench.accept_all(LIST).await;
    bench.inbox.until("ok", |seen| seen.is(SourceState::Ok)).await;
    bench.inbox.until("the waiting call", |seen| seen.observed.len() == 1).await;
    bench.inbox.change(|seen| assert_eq!(seen.unreadable, Vec::<String>::new()));
    let sent = bench.stop(peer).await;
    assert!(sent.iter().any(|line| line == "Events: agent,call,system"), "{sent:?}");
    assert!(sent.iter().any(|line| *line == format!("Key: {CHALLENGE_ANSWER}")), "{sent:?}");
    assert!(!sent.iter().any(|line| line.contains(SECRET)), "the secret must not travel: {sent:?}");
    assert_eq!(sent.last().unwrap(), "Action: Logoff");
}

#[test]
fn a_value_never_becomes_a_line() {
    let proof = Proof::Plain(SecretString::from("hem\r\n\r\nmelig"));
    let text =
        String::from_utf8(Action::Login { user: "vagt\r\nAction: Originate", proof }.encode()).unwrap();
    assert_eq!(text.matches("\r\n").count(), 6, "{text}");
    assert!(text.contains("Username: vagtAction: Originate\r\nSecret: hemmelig\r\n"), "{text}");
}

#[tokio::test]
async fn without_a_challenge_the_secret_is_sent_as_before() {
    let bench = Bench::start(None, timing()).await;
    let mut peer = bench.accept().await;
    peer.login(false).await;
    peer.list(&empty_list()).await;
    bench.inbox.until("ok, though nobody said fully booted", |seen| seen.is(SourceState::Ok)).await;
    assert!(bench.stop(peer).await.contains(&format!("Secret: {SECRET}")));
}

#[tokio::test]
async fn a_refused_login_is_told_as_silence_and_tried_again() {
    let bench = Bench::start(None, timing()).await;
    for _ in 0..2 {
        let mut peer = bench.accept().await;
        peer.send(BANNER).await;
        peer.asked().await.unwrap();
        peer.send("Response: Success\r\nActionID: challenge\r\nChallenge: 1\r\n\r\n").await;
        peer.asked().await.unwrap();
        peer.send("Response: Error\r\nActionID: login\r\nMessage: Authentication failed\r\n\r\n").await;
    }
    bench.inbox.until("refused", |seen| seen.was(SourceState::Silent, "login-refused")).await;
    let peer = bench.accept_all(&empty_list()).await;
    bench.inbox.until("ok", |seen| seen.is(SourceState::Ok)).await;
    bench.stop(peer).await;
}

#[tokio::test]
async fn cut_anywhere_the_log_completes_what_was_lost() {
    let bytes = [events(ABANDON), events(ANSWERED)].concat();
    let expected = {
        let bench = Bench::start(Some(&truth()), timing()).await;
        bench.inbox.until("the log alone", |seen| seen.observed.len() == 5).await;
        bench.inbox.change(|seen| fold(&seen.observed))
    };
    for cut in (0..bytes.len()).step_by(61) {
        let bench = Bench::start(Some(&truth()), timing()).await;
        let mut peer = bench.accept_all(&empty_list()).await;
        bench.inbox.until("ok", |seen| seen.is(SourceState::Ok)).await;
        peer.writer.write_all(&bytes[..cut]).await.unwrap();
        drop(peer);
        let peer = bench.accept_all(&empty_list()).await;
        bench.inbox.until("ok again", |seen| seen.times_ok() >= 2).await;
        bench.pass(600);
        bench.inbox.until(&format!("the truth, cut at {cut}"), |seen| fold(&seen.observed) == expected).await;
        bench.stop(peer).await;
    }
}

#[tokio::test]
async fn cut_anywhere_without_a_log_nobody_waits_for_ever() {
    let bytes = [events(ABANDON), events(ANSWERED)].concat();
    for cut in (0..bytes.len()).step_by(97) {
        let bench = Bench::start(None, timing()).await;
        let mut peer = bench.accept_all(&empty_list()).await;
        bench.inbox.until("ok", |seen| seen.is(SourceState::Ok)).await;
        peer.writer.write_all(&bytes[..cut]).await.unwrap();
        drop(peer);
        let peer = bench.accept_all(&empty_list()).await;
        bench.inbox.until("ok again", |seen| seen.times_ok() >= 2).await;
        bench.pass(600);
        bench.inbox.until(&format!("all over, cut at {cut}"), |seen| seen.open().is_empty()).await;
        bench.inbox.change(|seen| {
            for (call, (end, _)) in fold(&seen.observed) {
                assert!(end != End::Waiting, "{call} cut at {cut}");
            }
        });
        bench.stop(peer).await;
    }
}

#[tokio::test]
async fn a_call_the_log_has_open_from_before_is_concluded() {
    let bench = Bench::start(None, timing()).await;
    let mut peer = bench.accept_all(LIST).await;
    bench.inbox.until("waiting", |seen| seen.open().len() == 1).await;
    peer.send("Event: Shutdown\r\nPrivilege: system,all\r\nShutdown: Cleanly\r\nRestart: True\r\n\r\n").await;
    drop(peer);
    bench.inbox.until("restarting", |seen| seen.was(SourceState::Late, "restarting")).await;
    let peer = bench.accept_all(&empty_list()).await;
    bench.inbox.until("ok again", |seen| seen.times_ok() >= 2).await;
    bench.pass(10);
    bench.inbox.until("concluded", |seen| seen.open().is_empty()).await;
    bench.inbox.change(|seen| assert_eq!(seen.observed.last().unwrap().rank, Rank::Inference));
    bench.stop(peer).await;
}

#[tokio::test]
async fn a_half_open_connection_is_left_and_silence_is_told() {
    let bench = Bench::start(None, Timing { silent_after: Duration::from_millis(300), ..timing() }).await;
    let silent = bench.accept_all(&empty_list()).await;
    bench.inbox.until("ok", |seen| seen.is(SourceState::Ok)).await;
    // It stays open and says nothing more.
    bench.inbox.until("silent", |seen| seen.was(SourceState::Silent, "half-open")).await;
    let peer = bench.accept_all(&empty_list()).await;
    bench.inbox.until("ok again", |seen| seen.times_ok() >= 2).await;
    drop(silent);
    bench.stop(peer).await;
}

#[tokio::test]
async fn something_else_on_the_port_is_told() {
    let bench = Bench::start(None, timing()).await;
    let mut peer = bench.accept().await;
    peer.send("SSH-2.0-OpenSSH_9.2\r\n\r\n").await;
    bench.inbox.until("told", |seen| seen.was(SourceState::Late, "no-banner")).await;
    bench.stop(peer).await;
}

#[tokio::test]
async fn a_refused_list_and_an_unreadable_message_are_told() {
    let bench = Bench::start(None, timing()).await;
    let mut peer = bench.accept().await;
    peer.login(true).await;
    let asked = peer.asked().await.unwrap();
    peer.send(&format!("Response: Error\r\n{}\r\nMessage: Permission denied\r\n\r\n", asked[1])).await;
    bench.inbox.until("refused", |seen| seen.was(SourceState::Late, "list-refused")).await;
    peer.send(&format!("Event: A\r\nX: {}\r\n\r\n", "x".repeat(20_000))).await;
    bench.inbox.until("unreadable", |seen| seen.unreadable == ["line-too-long"]).await;
    bench.stop(peer).await;
}

#[tokio::test]
async fn a_queue_that_does_not_exist_and_a_missing_log_are_told_once() {
    let bench = Bench::start(Some(""), timing()).await;
    std::fs::remove_file(bench._folder.path().join("queue_log")).unwrap();
    let mut peer = bench.accept_all(&empty_list().replace("bagvagt", "andet")).await;
    bench.inbox.until("ok", |seen| seen.is(SourceState::Ok)).await;
    bench.inbox.change(|seen| {
        assert!(seen.unreadable.contains(&"unknown-queue".to_owned()), "{:?}", seen.unreadable)
    });
    peer.writer.write_all(&events(ABANDON)).await.unwrap();
    bench.inbox.until("still read", |seen| seen.observed.len() == 2).await;
    bench.stop(peer).await;
}

#[tokio::test]
async fn what_cannot_be_stored_is_handed_in_again_in_order() {
    let bench = Bench::start(None, timing()).await;
    bench.inbox.change(|seen| seen.turn_away = 7);
    let mut peer = bench.accept_all(&empty_list()).await;
    peer.writer.write_all(&events(ANSWERED)).await.unwrap();
    bench.inbox.until("all three", |seen| seen.observed.len() == 3).await;
    bench.inbox.change(|seen| {
        let keys: Vec<&str> = seen.observed.iter().filter_map(|o| o.key.as_str().split('/').nth(1)).collect();
        assert_eq!(keys, ["waiting", "answered", "ended"]);
    });
    bench.stop(peer).await;
}

#[tokio::test]
async fn the_clock_of_the_exchange_is_compared() {
    let bench = Bench::start(None, timing()).await;
    bench.pass(-180);
    let peer = bench.accept_all(&empty_list()).await;
    bench.inbox.until("three minutes", |seen| seen.ahead == Some(TimeDelta::seconds(180))).await;
    bench.stop(peer).await;
}

#[tokio::test]
async fn nothing_is_ever_sent_that_could_change_the_exchange() {
    let bench = Bench::start(Some(&truth()), timing()).await;
    let mut peer = bench.accept_all(LIST).await;
    peer.writer.write_all(&[events(ABANDON), events(ANSWERED)].concat()).await.unwrap();
    drop(peer);
    let peer = bench.accept_all(&empty_list()).await;
    bench.inbox.until("ok again", |seen| seen.is(SourceState::Ok)).await;
    let sent = bench.stop(peer).await;
    let allowed = ["Challenge", "Login", "Ping", "QueueStatus", "Logoff"];
    let actions: Vec<&str> = sent.iter().filter_map(|line| line.strip_prefix("Action: ")).collect();
    assert!(actions.len() >= 7, "{actions:?}");
    assert!(actions.iter().all(|action| allowed.contains(action)), "{actions:?}");
}
