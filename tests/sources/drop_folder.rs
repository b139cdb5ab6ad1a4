//! The watched folder: which files are taken, in which order, and what becomes of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use rstest::rstest;
use vagttavle::domain::identity::{Code, SourceName};
use vagttavle::protocol::board::SourceState;
use vagttavle::sources::Waiting;
use vagttavle::sources::drop_folder::{DropFolder, Dropped, Handler, Looked, Timing, Verdict, Watch};

use crate::inbox::TestInbox;

/// Notes what it is handed and answers what the test wants.
#[derive(Default)]
struct Notes {
    files: Mutex<Vec<(String, Vec<u8>)>>,
    verdict: Mutex<Option<Verdict>>,
    /// The files that waited, each time they came again.
    again: Mutex<Vec<Vec<String>>>,
}

impl Notes {
    fn names(&self) -> Vec<String> {
        self.files.lock().unwrap().iter().map(|(name, _)| name.clone()).collect()
    }

    fn answers(&self, verdict: Verdict) {
        *self.verdict.lock().unwrap() = Some(verdict);
    }
}

impl Handler for Notes {
    async fn handle(&self, file: Dropped) -> Verdict {
        self.files.lock().unwrap().push((file.name, file.bytes));
        self.verdict.lock().unwrap().clone().unwrap_or(Verdict::Done)
    }

    fn again(&self, waiting: &BTreeSet<String>) {
        self.again.lock().unwrap().push(waiting.iter().cloned().collect());
    }
}

struct Bench {
    folder: tempfile::TempDir,
    inbox: TestInbox,
    notes: Notes,
    watch: Watch<TestInbox>,
}

fn watch(folder: &Path, inbox: &TestInbox) -> Watch<TestInbox> {
    let folder = DropFolder {
        source: SourceName::new("besoeg").unwrap(),
        folder: folder.to_owned(),
        file_max: 100,
        inbox: inbox.clone(),
        timing: Timing { looks: 2, rest: TimeDelta::zero(), ..Timing::default() },
        now: Arc::new(crate::support::night),
    };
    folder.watch()
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let inbox = TestInbox::new();
        let watch = watch(folder.path(), &inbox);
        Self { folder, inbox, notes: Notes::default(), watch }
    }

    fn drop(&self, name: &str, content: &str) {
        fs::write(self.folder.path().join(name), content).unwrap();
    }

    async fn look(&mut self) -> Looked {
        self.watch.scan_once(&self.notes).await
    }

    /// Two looks: what is there by then is complete.
    async fn settle(&mut self) -> Looked {
        self.look().await;
        self.look().await
    }

    fn there(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|it| it.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

#[tokio::test]
async fn a_file_is_handed_on_once_it_looks_the_same_twice_and_is_then_deleted() {
    let mut bench = Bench::new();
    bench.drop("b.csv", "to");
    bench.drop("a.csv", "en");
    assert_eq!(bench.look().await, Looked::default());
    bench.drop("a.csv", "en mere");
    assert_eq!(bench.look().await.done, 1, "the one that grew waits");
    assert_eq!(bench.look().await.done, 1);
    let files = bench.notes.files.lock().unwrap().clone();
    assert_eq!(files, [("b.csv".into(), b"to".to_vec()), ("a.csv".into(), b"en mere".to_vec())]);
    assert!(bench.there().is_empty());
}

#[tokio::test]
async fn files_go_in_order_of_name() {
    let mut bench = Bench::new();
    for name in ["c", "a", "b"] {
        bench.drop(name, "x");
    }
    bench.settle().await;
    assert_eq!(bench.notes.names(), ["a", "b", "c"]);
}

#[rstest]
#[case(".skjult")]
#[case("rute.csv.tmp")]
#[case("RUTE.CSV.PART")]
#[case("rute.filepart")]
#[case("rute~")]
#[case("rute.csv.unreadable")]
#[case("rute.csv.unreadable-2")]
#[tokio::test]
async fn a_file_under_a_name_of_its_writing_is_left_alone(#[case] name: &str) {
    let mut bench = Bench::new();
    bench.drop(name, "x");
    bench.settle().await;
    assert_eq!((bench.notes.names().len(), bench.there()), (0, vec![name.to_owned()]));
}

#[tokio::test]
async fn links_and_folders_are_never_followed() {
    let mut bench = Bench::new();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("hemmelig"), "x").unwrap();
    let link = bench.folder.path().join("rute.csv");
    std::os::unix::fs::symlink(outside.path().join("hemmelig"), &link).unwrap();
    fs::create_dir(bench.folder.path().join("mappe.csv")).unwrap();
    bench.settle().await;
    assert!(bench.notes.names().is_empty());
    assert!(outside.path().join("hemmelig").exists());
    bench.inbox.change(|seen| {
        let (state, why) = seen.states.last().unwrap();
        assert_eq!(*state, SourceState::Late);
        assert!(["is-link", "is-folder"].contains(&why.as_deref().unwrap()), "{why:?}");
    });
}

#[tokio::test]
async fn our_own_trouble_leaves_the_file_and_holds_back_those_after_it() {
    let mut bench = Bench::new();
    bench.drop("a", "1");
    bench.drop("b", "2");
    bench.notes.answers(Verdict::Retry);
    bench.look().await;
    assert_eq!(bench.look().await, Looked { kept: 1, ..Looked::default() });
    assert_eq!((bench.notes.names(), bench.there().len()), (vec!["a".to_owned()], 2));
    bench.notes.answers(Verdict::Done);
    assert_eq!(bench.look().await.done, 2);
}

#[tokio::test]
async fn a_file_of_which_a_part_waits_holds_back_no_other_and_comes_again_in_its_place() {
    let mut bench = Bench::new();
    let waiting = |count| Verdict::Waits(Waiting { count, why: Code::new("care-refused").unwrap() });
    bench.drop("a", "1");
    bench.drop("b", "2");
    bench.notes.answers(waiting(2));
    assert_eq!(bench.settle().await, Looked { waits: 2, ..Looked::default() });
    bench.drop("c", "3");
    bench.notes.answers(Verdict::Done);
    assert_eq!(bench.settle().await.done, 1, "the one after them");
    assert_eq!(
        (bench.notes.names(), bench.there()),
        (["a", "b", "c"].map(str::to_owned).to_vec(), ["a", "b"].map(str::to_owned).to_vec())
    );
    // Four looks were taken: the fifth is their turn again.
    assert_eq!(bench.look().await.done, 2);
    assert_eq!(bench.notes.names()[3..], ["a", "b"]);
    let said = bench.inbox.change(|seen| seen.waiting.clone());
    assert_eq!(said, [Some((4, "care-refused".to_owned())), None]);
    assert_eq!(*bench.notes.again.lock().unwrap(), [vec!["a".to_owned(), "b".to_owned()]]);
}

#[tokio::test]
async fn what_cannot_be_read_is_renamed_in_place_and_told_and_never_overwrites() {
    let mut bench = Bench::new();
    let why = Code::new("no-header").unwrap();
    bench.notes.answers(Verdict::SetAside(why));
    bench.drop("rute.csv", "et");
    assert_eq!(bench.settle().await.set_aside, 1);
    bench.drop("rute.csv", "to");
    assert_eq!(bench.settle().await.set_aside, 1);
    assert_eq!(bench.there(), ["rute.csv.unreadable", "rute.csv.unreadable-2"]);
    let first = fs::read_to_string(bench.folder.path().join("rute.csv.unreadable")).unwrap();
    assert_eq!(first, "et");
    bench.inbox.change(|seen| assert_eq!(seen.unreadable, ["no-header", "no-header"]));
}

#[tokio::test]
async fn a_file_that_is_too_large_is_set_aside_unread() {
    let mut bench = Bench::new();
    bench.drop("stor.csv", &"x".repeat(101));
    assert_eq!(bench.settle().await.set_aside, 1);
    assert!(bench.notes.names().is_empty());
    bench.inbox.change(|seen| assert_eq!(seen.unreadable, ["file-too-large"]));
}

/// Writes the file anew while it is being handled.
struct WritesOver<'p>(&'p Path);

impl Handler for WritesOver<'_> {
    async fn handle(&self, _: Dropped) -> Verdict {
        fs::write(self.0, "en nyere rute").unwrap();
        Verdict::Done
    }
}

#[tokio::test]
async fn a_file_written_over_while_it_is_read_is_not_deleted() {
    let mut bench = Bench::new();
    bench.drop("rute.csv", "en");
    bench.look().await;
    let path = bench.folder.path().join("rute.csv");
    bench.watch.scan_once(&WritesOver(&path)).await;
    assert_eq!(bench.there(), ["rute.csv"]);
    bench.settle().await;
    assert_eq!(bench.notes.files.lock().unwrap()[0].1, b"en nyere rute");
}

/// A folder whose clock the test moves: a file rests for a minute.
struct Resting {
    bench: Bench,
    seconds: Arc<Mutex<i64>>,
}

impl Resting {
    fn new() -> Self {
        let mut bench = Bench::new();
        let seconds: Arc<Mutex<i64>> = Arc::default();
        let clock = seconds.clone();
        let folder = DropFolder {
            source: SourceName::new("besoeg").unwrap(),
            folder: bench.folder.path().to_owned(),
            file_max: 100,
            inbox: bench.inbox.clone(),
            timing: Timing { looks: 2, ..Timing::default() },
            now: Arc::new(move || crate::support::after(*clock.lock().unwrap())),
        };
        bench.watch = folder.watch();
        Self { bench, seconds }
    }

    /// A look after so many seconds; how many files are done.
    async fn look_after(&mut self, seconds: i64) -> usize {
        *self.seconds.lock().unwrap() += seconds;
        self.bench.look().await.done
    }
}

#[tokio::test]
async fn a_file_is_taken_when_it_has_been_at_rest_for_a_minute_and_that_it_waits_is_told() {
    let mut it = Resting::new();
    it.bench.drop("rute.csv", "en");
    assert_eq!((it.look_after(0).await, it.look_after(20).await, it.look_after(20).await), (0, 0, 0));
    it.bench.inbox.change(|seen| assert!(seen.was(SourceState::Late, "file-being-written")));
    it.bench.drop("rute.csv", "en mere");
    assert_eq!((it.look_after(20).await, it.look_after(59).await), (0, 0), "its minute begins anew");
    assert_eq!(it.look_after(1).await, 1);
    assert_eq!(it.bench.notes.files.lock().unwrap()[0].1, b"en mere");
    it.look_after(2).await;
    it.bench.inbox.change(|seen| assert!(seen.is(SourceState::Ok)));
}

#[tokio::test]
async fn a_file_that_somebody_has_open_is_not_taken_however_long() {
    use std::io::Write as _;
    let mut it = Resting::new();
    let path = it.bench.folder.path().join("rute.csv");
    let mut writing = fs::File::create(&path).unwrap();
    writing.write_all(b"en\n").unwrap();
    for _ in 0..5 {
        assert_eq!(it.look_after(100).await, 0);
    }
    writing.write_all(b"to\n").unwrap();
    drop(writing);
    assert_eq!((it.look_after(1).await, it.look_after(30).await, it.look_after(40).await), (0, 0, 1));
    assert_eq!(it.bench.notes.files.lock().unwrap()[0].1, b"en\nto\n");
}

/// Opens the file again and adds to it while it is being handled.
struct Appends<'p>(&'p Path, Mutex<Option<fs::File>>);

impl Handler for Appends<'_> {
    async fn handle(&self, _: Dropped) -> Verdict {
        *self.1.lock().unwrap() = Some(fs::OpenOptions::new().append(true).open(self.0).unwrap());
        Verdict::Done
    }
}

#[tokio::test]
async fn nothing_is_deleted_of_which_a_byte_may_still_come() {
    use std::io::Write as _;
    let mut bench = Bench::new();
    bench.drop("rute.csv", "en\n");
    bench.look().await;
    let path = bench.folder.path().join("rute.csv");
    let handler = Appends(&path, Mutex::default());
    bench.watch.scan_once(&handler).await;
    handler.1.lock().unwrap().take().unwrap().write_all(b"to\n").unwrap();
    assert_eq!(
        (bench.there(), fs::read(&path).unwrap()),
        (vec!["rute.csv".to_owned()], b"en\nto\n".to_vec())
    );
    bench.settle().await;
    assert_eq!(
        (bench.notes.files.lock().unwrap()[0].1.clone(), bench.there().len()),
        (b"en\nto\n".to_vec(), 0)
    );
}

#[tokio::test]
async fn what_was_being_deleted_when_the_program_ended_is_put_back_and_read_again() {
    let mut bench = Bench::new();
    bench.drop(".rute.csv.taken", "en");
    bench.look().await;
    bench.settle().await;
    assert_eq!((bench.notes.names(), bench.there().len()), (vec!["rute.csv".to_owned()], 0));
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_told_once_with_why_and_again_when_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("indbakke");
    let inbox = TestInbox::new();
    let mut watch = watch(&path, &inbox);
    let notes = Notes::default();
    watch.scan_once(&notes).await;
    watch.scan_once(&notes).await;
    fs::create_dir(&path).unwrap();
    watch.scan_once(&notes).await;
    inbox.change(|seen| {
        let missing = (SourceState::Silent, Some("folder-missing".to_owned()));
        assert_eq!(seen.states, [missing, (SourceState::Ok, None)]);
    });
}

#[test]
fn a_files_name_and_content_are_never_shown() {
    let file = Dropped {
        name: "010150-1234.csv".into(),
        bytes: b"Karl".to_vec(),
        written_at: crate::support::night(),
    };
    assert_eq!(format!("{file:?}"), "Dropped(4 bytes)");
}
