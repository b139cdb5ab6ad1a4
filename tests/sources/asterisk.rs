//! The link against a real Asterisk: calls by SIP, a cut cable, a restart, and in the end the
//! same as in the exchange's own log.
//!
//! Needs the bench beside the project (`../shared/asterisk`, installed once by its `install`). Without it this
//! says so; where `CI` is set it fails.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinHandle};
use tokio_util::sync::CancellationToken;
use vagttavle::domain::observation::MissedReason;
use vagttavle::protocol::board::SourceState;
use vagttavle::sources::ami::link::{Exchange, Timing};
use vagttavle::sources::ami::settings::Settings;

use crate::inbox::{Seen, TestInbox};
use crate::pbx::{Pbx, SECRET};
use crate::support::{End, fold};

impl Pbx {
    /// What the exchange itself says became of each call, read by other code than ours.
    fn truth(&self) -> BTreeMap<String, (End, bool)> {
        let mut calls = BTreeMap::new();
        for line in self.queue_log_lines() {
            let fields: Vec<&str> = line.split('|').collect();
            if fields[1] == "NONE" {
                continue;
            }
            let call = calls.entry(fields[1].to_owned()).or_insert((End::Waiting, false));
            match fields[4] {
                "ABANDON" if fields[2] == "teknik" => call.0 = End::Unanswered,
                "CONNECT" => call.0 = End::Answered,
                "ABANDON" => call.0 = End::Missed(MissedReason::HungUp),
                "EXITWITHTIMEOUT" => call.0 = End::Missed(MissedReason::Timeout),
                "COMPLETEAGENT" | "COMPLETECALLER" => call.1 = true,
                _ => {}
            }
        }
        calls
    }
}

/// Carries both ways until either end closes; what goes to the exchange is written down.
async fn carry(near: TcpStream, far: TcpStream, tap: &Mutex<Vec<u8>>) {
    let ((mut from, mut back), (mut answers, mut to)) = (near.into_split(), far.into_split());
    let there = async {
        let mut piece = [0; 4096];
        while let Ok(count) = from.read(&mut piece).await
            && count > 0
        {
            tap.lock().unwrap().extend_from_slice(&piece[..count]);
            if to.write_all(&piece[..count]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = there => {}
        _ = tokio::io::copy(&mut answers, &mut back) => {}
    }
}

/// A cable between the link and the exchange that can be cut.
struct Cable {
    port: u16,
    is_cut: Arc<AtomicBool>,
    wires: Arc<Mutex<Vec<AbortHandle>>>,
    /// Every byte that went to the exchange.
    sent: Arc<Mutex<Vec<u8>>>,
    laid: JoinHandle<()>,
}

impl Cable {
    async fn lay(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (is_cut, wires) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let sent: Arc<Mutex<Vec<u8>>> = Arc::default();
        let (cut, all, tap) = (is_cut.clone(), wires.clone(), sent.clone());
        let laid = tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.unwrap();
                if cut.load(Ordering::SeqCst) {
                    continue;
                }
                let tap = tap.clone();
                let wire = tokio::spawn(async move {
                    if let Ok(far) = TcpStream::connect(("127.0.0.1", to)).await {
                        carry(near, far, &tap).await;
                    }
                });
                all.lock().unwrap().push(wire.abort_handle());
            }
        });
        Self { port, is_cut, wires, sent, laid }
    }

    /// The names of the actions that went to the exchange.
    fn actions(&self) -> Vec<String> {
        let sent = String::from_utf8_lossy(&self.sent.lock().unwrap()).into_owned();
        sent.lines().filter_map(|line| Some(line.strip_prefix("Action: ")?.to_owned())).collect()
    }

    fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
        self.wires.lock().unwrap().drain(..).for_each(|wire| wire.abort());
    }

    fn mend(&self) {
        self.is_cut.store(false, Ordering::SeqCst);
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.laid.abort();
    }
}

/// Our link on this port, as the user that may only read.
fn link(port: u16, queue_log: Option<PathBuf>) -> (TestInbox, CancellationToken, JoinHandle<()>) {
    let mut settings: Settings = toml::from_str(
        r#"
        name = "central"
        address = "127.0.0.1:1"
        user = "vagt-laes"
        secret_file = "unused"
        queues = { doegnvagt = { kind = "phone", agreements = ["jammerbugt"] }, teknik = { kind = "alarm", agreements = ["jammerbugt"] } }
        "#,
    )
    .unwrap();
    settings.address = format!("127.0.0.1:{port}");
    settings.queue_log = queue_log;
    let inbox = TestInbox::new();
    let stop = CancellationToken::new();
    let exchange = Exchange {
        settings,
        secret: SecretString::from(SECRET),
        inbox: inbox.clone(),
        now: Arc::new(chrono::Utc::now),
        timing: Timing {
            log_every: Duration::from_millis(200),
            ping_every: Duration::from_secs(1),
            silent_after: Duration::from_secs(5),
            ..Timing::default()
        },
        canary: None,
    };
    let running = tokio::spawn(exchange.run(stop.clone()));
    (inbox, stop, running)
}

/// Runs a tool of the bench beside everything else, and expects it to go well.
async fn run(pbx: &Arc<Pbx>, tool: &'static str, arguments: &'static [&'static str]) {
    let pbx = pbx.clone();
    let output = tokio::task::spawn_blocking(move || pbx.tool(tool, arguments)).await.unwrap();
    assert!(output.status.success(), "{tool} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_who_pause_sign_in_and_leave_a_real_exchange_are_counted() {
    let Some(pbx) = tokio::task::spawn_blocking(Pbx::start).await.unwrap().map(Arc::new) else { return };
    let (inbox, stop, running) = link(pbx.ami_port, None);
    let counts = |seen: &Seen, queue: &str| {
        let staff = seen.staff.last()?.iter().find(|it| it.queue == queue)?;
        Some((staff.on_duty, staff.paused, staff.waiting))
    };
    // Anna is there, Bo's telephone is not; of the technicians nobody.
    inbox.until("the members are known", |seen| counts(seen, "doegnvagt") == Some((1, 0, 0))).await;
    inbox.until("an empty queue", |seen| counts(seen, "teknik") == Some((0, 0, 0))).await;
    run(&pbx, "cli", &["queue pause member Local/2411@agenter/n queue doegnvagt reason kaffe"]).await;
    inbox.until("she pauses", |seen| counts(seen, "doegnvagt") == Some((0, 1, 0))).await;
    run(&pbx, "cli", &["queue add member Local/2412@agenter/n to doegnvagt"]).await;
    inbox.until("another comes", |seen| counts(seen, "doegnvagt") == Some((1, 1, 0))).await;
    run(&pbx, "cli", &["queue unpause member Local/2411@agenter/n queue doegnvagt"]).await;
    inbox.until("she is back", |seen| counts(seen, "doegnvagt") == Some((2, 0, 0))).await;
    run(&pbx, "cli", &["queue remove member Local/2412@agenter/n from doegnvagt"]).await;
    inbox.until("one goes", |seen| counts(seen, "doegnvagt") == Some((1, 0, 0))).await;
    run(&pbx, "call", &["--number", "20304057", "--to", "2500", "--abandon", "4", "--bg"]).await;
    inbox.until("one waits where nobody is", |seen| counts(seen, "teknik") == Some((0, 0, 1))).await;
    inbox.until("and gives up", |seen| counts(seen, "teknik") == Some((0, 0, 0))).await;
    pbx.signal("-STOP");
    inbox.until("silent: not known any more", |seen| seen.staff.last().is_some_and(Vec::is_empty)).await;
    pbx.signal("-CONT");
    inbox.until("known again", |seen| counts(seen, "doegnvagt") == Some((1, 0, 0))).await;
    stop.cancel();
    running.await.unwrap();
}

fn is_missed(end: End) -> bool {
    matches!(end, End::Missed(_))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_a_cut_and_a_restart_end_as_in_the_log_of_the_exchange() {
    let Some(pbx) = tokio::task::spawn_blocking(Pbx::start).await.unwrap().map(Arc::new) else { return };
    let cable = Cable::lay(pbx.ami_port).await;
    // One with the log over a cable that will be cut, one that hears everything but has no log.
    let (inbox, stop, running) = link(cable.port, Some(pbx.queue_log()));
    let (plain, plain_stop, plain_running) = link(pbx.ami_port, None);
    inbox.until("connected", |seen| seen.is(SourceState::Ok)).await;
    plain.until("connected", |seen| seen.is(SourceState::Ok)).await;

    run(&pbx, "call", &["--number", "20304050", "--abandon", "1"]).await;
    run(&pbx, "call", &["--number", "20304051", "--answer", "1", "--talk", "1"]).await;
    inbox
        .until("one missed, one answered", |seen| fold(&seen.observed).len() == 2 && seen.open().is_empty())
        .await;

    // The log is rotated, and an alarm rings out.
    run(&pbx, "cli", &["logger rotate"]).await;
    run(&pbx, "call", &["--number", "20304059", "--to", "2500", "--abandon", "1"]).await;
    let rang_out = |end: &(End, bool)| end.0 == End::Unanswered;
    inbox.until("rang out", |seen| fold(&seen.observed).values().any(rang_out)).await;

    // While the cable is cut one is missed, and one is answered whose talk is still going on afterwards.
    cable.cut();
    run(&pbx, "call", &["--number", "20304052", "--abandon", "1"]).await;
    run(&pbx, "call", &["--number", "20304053", "--answer", "1", "--talk", "20", "--bg"]).await;
    plain.until("the talk begins", |seen| seen.open().iter().any(|call| call.answered)).await;
    cable.mend();
    inbox.until("connected again", |seen| seen.times_ok() >= 2).await;
    inbox
        .until("both of the gap are known", |seen| {
            fold(&seen.observed).len() == 5 && seen.open().len() == 1 && seen.open()[0].answered
        })
        .await;

    // A restart ends the talk and takes the one who waits.
    run(&pbx, "call", &["--number", "20304054", "--bg"]).await;
    inbox.until("one waits, one talks", |seen| seen.open().len() == 2).await;
    run(&pbx, "cli", &["core restart now"]).await;
    inbox
        .until("connected after the restart", |seen| {
            seen.was(SourceState::Late, "restarting") && seen.is(SourceState::Ok)
        })
        .await;
    inbox.until("nobody is left", |seen| seen.open().is_empty()).await;

    // The exchange hangs: connected, and silent.
    pbx.signal("-STOP");
    inbox.until("half-open is told", |seen| seen.was(SourceState::Silent, "half-open")).await;
    pbx.signal("-CONT");
    inbox.until("connected after the silence", |seen| seen.is(SourceState::Ok)).await;
    plain.until("connected after the silence", |seen| seen.is(SourceState::Ok)).await;

    run(&pbx, "call", &["--number", "20304055", "--answer", "1", "--talk", "1"]).await;
    run(&pbx, "call", &["--number", "20304056", "--timeout", "2"]).await;
    let truth = pbx.truth();
    assert_eq!(truth.len(), 8, "{truth:?}");
    assert_eq!(truth.values().filter(|(end, _)| *end == End::Answered).count(), 3, "{truth:?}");
    inbox.until("the same as the log", |seen| fold(&seen.observed) == truth).await;
    plain
        .until("events alone: the same but for the reason", |seen| {
            let ours = fold(&seen.observed);
            let same = |(call, (end, over)): (&String, &(End, bool))| {
                ours.get(call).is_some_and(|found| {
                    found.1 == *over && (found.0 == *end || is_missed(found.0) && is_missed(*end))
                })
            };
            ours.len() == truth.len() && truth.iter().all(same)
        })
        .await;
    inbox.change(|seen| assert_eq!(seen.unreadable, Vec::<String>::new()));
    plain.change(|seen| assert_eq!(seen.unreadable, Vec::<String>::new()));

    // A link that begins now knows all of it from the log, with the callers' numbers.
    let (late, late_stop, late_running) = link(pbx.ami_port, Some(pbx.queue_log()));
    late.until("the same from the log alone", |seen| fold(&seen.observed) == truth).await;
    late.change(|seen| {
        assert!(
            seen.observed.iter().any(|o| o
                .live
                .caller
                .as_ref()
                .is_some_and(|caller| caller.as_str() == "20304052"))
        );
    });
    for (stop, running) in [(stop, running), (plain_stop, plain_running), (late_stop, late_running)] {
        stop.cancel();
        running.await.unwrap();
    }
    // Over a cut, a restart and a silence: as the user that may only read, and nothing that changes anything.
    let allowed = ["Challenge", "Login", "Ping", "QueueStatus", "Logoff"];
    let were_sent = || allowed.iter().all(|it| cable.actions().iter().any(|action| action == it));
    // The goodbye may still be on its way through the cable.
    let all_sent = async {
        while !were_sent() {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), all_sent).await;
    let actions = cable.actions();
    assert!(waited.is_ok(), "{actions:?}");
    assert!(actions.iter().all(|it| allowed.contains(&it.as_str())), "{actions:?}");
}
