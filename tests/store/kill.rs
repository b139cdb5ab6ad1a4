//! A process that ends in the middle of writing, a disk that fills up, a sync that fails: what was acknowledged stays.
//!
//! The writing process is this test binary itself, told by `CHILD_FOLDER` to run `child` alone. It prints
//! `acknowledged <sequence>` after each batch.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use vagttavle::domain::identity::Sequence;
use vagttavle::store::{Log, PAGE_MAX, StoreError};

use crate::build::{Place, batch, look, record};

/// The place's root, set for the child alone.
const CHILD_FOLDER: &str = "VAGTTAVLE_TEST_FOLDER";
const KILLS: u64 = 24;
/// The child ends by itself here, whatever happens.
const CHILD_RECORDS_MAX: u64 = 3_000;
/// How often the child tries to go on after a failed write.
const CHILD_RECOVERIES_MAX: u32 = 12;

#[tokio::test]
#[ignore = "started by the other tests of this file in a process of its own"]
#[expect(clippy::disallowed_methods, reason = "how a test tells its child where to write")]
async fn child() {
    let root = std::env::var_os(CHILD_FOLDER).expect("the folder to write to");
    let place = Place::at(root.into());
    say("opening");
    let mut log = place.open().await;
    let mut head = log.head().await.expect("the head").sequence.0;
    let mut recoveries = 0;
    let last = head + CHILD_RECORDS_MAX;
    while head < last && recoveries < CHILD_RECOVERIES_MAX {
        match write_some(&mut log, head).await {
            Ok(new_head) => {
                head = new_head;
                say(&format!("acknowledged {head}"));
            }
            Err(error) => {
                recoveries += 1;
                say(&format!("failed: {error}"));
                head = go_on(&mut log, head).await;
            }
        }
    }
    say("ended");
}

/// Batches of one to five records; sometimes a look.
async fn write_some(log: &mut Log, head: u64) -> Result<u64, StoreError> {
    let new_head = log.append(Sequence(head), &batch(head + 1, head + 1 + head % 5)).await?.0;
    if head.is_multiple_of(4) {
        log.look(&look(head + 1)).await?;
    }
    Ok(new_head)
}

/// Nothing may be written before recovering; then the log says what it holds.
async fn go_on(log: &mut Log, head: u64) -> u64 {
    let refused = log.append(Sequence(head), &batch(head + 1, head + 1)).await;
    assert!(refused.is_err(), "a doubtful log takes no batch");
    match log.recover().await {
        Ok(()) => log.head().await.expect("the head").sequence.0,
        Err(error) => {
            say(&format!("not recovered: {error}"));
            head
        }
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // The parent may be gone; then nobody listens.
    let _ = writeln!(out, "\n{line}").and_then(|()| out.flush());
}

struct Writer {
    process: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
    said: Vec<String>,
    acknowledged: u64,
}

impl Writer {
    /// Starts the child, through another program (with arguments) if one is named.
    fn start(place: &Place, through: &[&str]) -> Self {
        let this = std::env::current_exe().expect("this binary");
        let mut command = match through {
            [] => Command::new(&this),
            [program, arguments @ ..] => {
                let mut command = Command::new(program);
                command.args(arguments).arg(&this);
                command
            }
        };
        let mut process = command
            .args(["--exact", "kill::child", "--ignored", "--nocapture", "--test-threads=1"])
            .env(CHILD_FOLDER, place.root())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the child starts");
        let lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        Self { process, lines, said: Vec::new(), acknowledged: 0 }
    }

    /// Reads one line; false at the end.
    fn hear(&mut self) -> bool {
        let Some(Ok(line)) = self.lines.next() else { return false };
        if let Some(sequence) = line.strip_prefix("acknowledged ") {
            self.acknowledged = sequence.parse().expect("a sequence");
        }
        self.said.push(line);
        true
    }

    fn has_said(&self, word: &str) -> usize {
        self.said.iter().filter(|line| line.starts_with(word)).count()
    }

    /// Ends it with SIGKILL and hears what it had said before.
    fn kill(&mut self) {
        self.process.kill().expect("killed");
        self.process.wait().expect("waited for");
        while self.hear() {}
    }
}

/// All that was acknowledged is there, in order, and nothing else but what was being written.
async fn holds(log: &Log, acknowledged: u64) -> u64 {
    let records = log.read(Sequence(0), PAGE_MAX).await.unwrap();
    let held = records.len() as u64;
    assert!(held >= acknowledged, "{acknowledged} acknowledged, {held} held");
    assert_eq!(records, (1..=held).map(record).collect::<Vec<_>>());
    log.verify().await.unwrap();
    held
}

#[tokio::test]
async fn a_killed_process_loses_nothing_acknowledged() {
    let place = Place::new();
    let mut held = 0;
    for round in 0..KILLS {
        let mut writer = Writer::start(&place, &[]);
        // At another place each round: while opening, after the first batch, after some.
        let wanted = usize::try_from(round * 7 % 12).expect("small");
        while writer.has_said("opening") == 0 || writer.has_said("acknowledged") < wanted {
            assert!(writer.hear(), "the child ended: {:?}", writer.said);
        }
        writer.kill();
        let acknowledged = writer.acknowledged.max(held);
        let mut log = place.open().await;
        held = holds(&log, acknowledged).await;
        // An orderly close leaves no write-ahead file: only every other round gets one.
        if round % 2 == 0 {
            log.close().await.unwrap();
        }
    }
    assert!(held > KILLS, "the children wrote {held} records");
}

#[tokio::test]
async fn a_full_disk_takes_no_acknowledged_record_and_the_log_goes_on_afterwards() {
    let place = Place::new();
    // No file may grow beyond 150 KiB; the write fails instead of ending the process.
    let limit = r#"trap "" XFSZ; ulimit -f 300; exec "$0" "$@""#;
    let mut writer = Writer::start(&place, &["sh", "-c", limit]);
    while writer.hear() {}
    writer.process.wait().unwrap();
    assert!(writer.has_said("failed: the log cannot be used") > 0, "{:?}", writer.said);
    assert_eq!(writer.has_said("ended"), 1, "{:?}", writer.said);
    assert!(writer.acknowledged > 10, "{:?}", writer.said);

    let mut log = place.open().await;
    let held = holds(&log, writer.acknowledged).await;
    log.append(Sequence(held), &batch(held + 1, held + 10)).await.unwrap();
    holds(&log, held + 10).await;
}

#[tokio::test]
async fn a_failed_sync_is_not_acknowledged_and_the_log_recovers() {
    if Command::new("strace").arg("-V").output().is_err() {
        eprintln!("not run: there is no strace here");
        return;
    }
    let place = Place::new();
    place.open().await.close().await.unwrap();
    let fail = "inject=fsync,fdatasync:error=EIO:when=9+40";
    let trace = place.root().join("trace");
    let trace = trace.to_str().expect("UTF-8");
    let mut writer =
        Writer::start(&place, &["strace", "-f", "-o", trace, "-e", "trace=fsync,fdatasync", "-e", fail]);
    while writer.hear() {}
    writer.process.wait().unwrap();
    assert_eq!(
        writer.has_said("failed: the log cannot be used"),
        usize::try_from(CHILD_RECOVERIES_MAX).unwrap()
    );
    assert_eq!(writer.has_said("ended"), 1, "{:?}", writer.said);
    assert!(writer.acknowledged > 10, "{:?}", writer.said);
    let log = place.open().await;
    holds(&log, writer.acknowledged).await;
}
