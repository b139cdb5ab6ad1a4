//! One story, told by both logs.

use vagttavle::domain::identity::Sequence;
use vagttavle::store::{Batch, Log, PAGE_MAX, Reader, StoreError};

use crate::build::{Place, batch, entry, key, look, record, salts, seen};

async fn tell(log: &mut Log) {
    assert_eq!(log.head().await.unwrap().sequence, Sequence(0));
    assert_eq!(log.read(Sequence(0), 10).await.unwrap(), []);
    assert_eq!(log.append(Sequence(0), &Batch::default()).await.unwrap(), Sequence(0));

    assert_eq!(log.append(Sequence(0), &batch(1, 5)).await.unwrap(), Sequence(5));
    wrong_batches_write_nothing(log).await;
    assert_eq!(log.append(Sequence(5), &batch(6, 6)).await.unwrap(), Sequence(6));
    // What changed nothing is remembered too.
    let only_seen = Batch { seen: vec![seen(100)], ..Batch::default() };
    assert_eq!(log.append(Sequence(6), &only_seen).await.unwrap(), Sequence(6));

    log.look(&look(1)).await.unwrap();
    log.look_all(&[look(2), look(3)]).await.unwrap();
    log.look_all(&[]).await.unwrap();
    is_as_told(log).await;
}

async fn wrong_batches_write_nothing(log: &mut Log) {
    let before = log.head().await.unwrap();
    let late = log.append(Sequence(4), &batch(5, 5)).await;
    assert_eq!(late, Err(StoreError::Conflict { expected: Sequence(4), actual: Sequence(5) }));
    let gap = log.append(Sequence(5), &batch(7, 7)).await;
    assert!(matches!(gap, Err(StoreError::Refused { .. })), "{gap:?}");

    let mut same_cause = batch(6, 6);
    same_cause.records[0].cause = record(1).cause;
    same_cause.records[0].index = record(1).index;
    let same_cause = log.append(Sequence(5), &same_cause).await;
    assert!(matches!(same_cause, Err(StoreError::Duplicate { .. })), "{same_cause:?}");

    let mut same_key = batch(6, 6);
    same_key.seen[0] = seen(2);
    let same_key = log.append(Sequence(5), &same_key).await;
    assert!(matches!(same_key, Err(StoreError::Duplicate { .. })), "{same_key:?}");

    let mut twice_within = batch(6, 6);
    twice_within.seen.push(seen(6));
    let twice_within = log.append(Sequence(5), &twice_within).await;
    assert!(matches!(twice_within, Err(StoreError::Duplicate { .. })), "{twice_within:?}");

    assert_eq!(log.head().await.unwrap(), before);
    assert_eq!(log.seen(&[key(6)]).await.unwrap(), [None]);
}

async fn is_as_told(log: &Log) {
    let all: Vec<_> = (1..=6).map(record).collect();
    assert_eq!(log.read(Sequence(0), PAGE_MAX).await.unwrap(), all);
    assert_eq!(log.read(Sequence(0), usize::MAX).await.unwrap(), all);
    assert_eq!(log.read(Sequence(2), 3).await.unwrap(), all[2..5]);
    assert_eq!(log.read(Sequence(6), 3).await.unwrap(), []);
    assert_eq!(log.read_entry(entry(4)).await.unwrap(), all[3..6]);
    assert_eq!(log.read_entry(entry(400)).await.unwrap(), []);

    let keys = [key(2), key(7), key(100), ("person:anna".into(), key(2).1), key(2)];
    let known = log.seen(&keys).await.unwrap();
    assert_eq!(known, [Some(seen(2)), None, Some(seen(100)), None, Some(seen(2))]);

    let looks = log.looks(0, PAGE_MAX).await.unwrap();
    assert_eq!(looks.iter().map(|it| it.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(looks.into_iter().map(|it| it.look).collect::<Vec<_>>(), [look(1), look(2), look(3)]);
    assert_eq!(log.looks(1, 1).await.unwrap()[0].look, look(2));

    let verified = log.verify().await.unwrap();
    assert_eq!(verified.records, log.head().await.unwrap());
    assert_eq!((verified.records.sequence, verified.looks.sequence), (Sequence(6), Sequence(3)));
}

#[tokio::test]
async fn memory_tells_the_story() {
    tell(&mut Log::memory(salts())).await;
}

#[tokio::test]
async fn sqlite_tells_the_story_and_again_after_reopening() {
    let place = Place::new();
    let mut log = place.open().await;
    tell(&mut log).await;
    let head = log.head().await.unwrap();
    log.recover().await.unwrap();
    is_as_told(&log).await;
    log.close().await.unwrap();
    drop(log);

    let mut log = place.open().await;
    assert_eq!(log.head().await.unwrap(), head);
    is_as_told(&log).await;
    assert_eq!(log.append(Sequence(6), &batch(7, 9)).await.unwrap(), Sequence(9));
    log.look(&look(4)).await.unwrap();
    log.verify().await.unwrap();
}

#[tokio::test]
async fn both_logs_make_the_same_hashes() {
    let place = Place::new();
    let (mut memory, mut sqlite) = (Log::memory(salts()), place.open().await);
    for log in [&mut memory, &mut sqlite] {
        log.append(Sequence(0), &batch(1, 7)).await.unwrap();
        log.look(&look(1)).await.unwrap();
    }
    assert_eq!(memory.verify().await.unwrap(), sqlite.verify().await.unwrap());
}

#[tokio::test]
async fn a_closed_log_answers_that_it_is() {
    let place = Place::new();
    let mut log = place.open().await;
    let reader = log.reader();
    log.close().await.unwrap();
    let wrote = log.append(Sequence(0), &batch(1, 1)).await;
    assert!(matches!(wrote, Err(StoreError::Unavailable { .. })), "{wrote:?}");
    let read = reader.read(Sequence(0), 1).await;
    assert!(matches!(read, Err(StoreError::Unavailable { .. })), "{read:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_see_whole_batches_while_the_writer_appends() {
    const BATCHES: u64 = 60;
    let place = Place::new();
    for mut log in [place.open().await, Log::memory(salts())] {
        let readers: Vec<_> = (0..3).map(|_| tokio::spawn(read_until(log.reader(), BATCHES * 5))).collect();
        for number in 0..BATCHES {
            log.append(Sequence(number * 5), &batch(number * 5 + 1, number * 5 + 5)).await.unwrap();
        }
        for reader in readers {
            reader.await.unwrap();
        }
    }
}

/// Follows the log to its end. The writer is bounded, so this is.
async fn read_until(reader: Reader, end: u64) {
    let mut head = 0;
    while head < end {
        let records = reader.read(Sequence(head), PAGE_MAX).await.unwrap();
        let new_head = head + records.len() as u64;
        assert_eq!(new_head % 5, 0, "half a batch was seen");
        assert_eq!(records, (head + 1..=new_head).map(record).collect::<Vec<_>>());
        let verified = reader.verify().await.unwrap();
        assert!(verified.records.sequence >= Sequence(new_head), "{verified:?}");
        head = new_head;
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let mut log = place.open().await;
    log.append(Sequence(0), &batch(1, 1)).await.unwrap();
    let mode = |path: std::path::PathBuf| {
        let rights = std::fs::metadata(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        format!("{:03o}", rights.permissions().mode() & 0o777)
    };
    for name in ["log.db", "log.db-wal", "log.db-shm", "lock"] {
        assert_eq!(mode(place.file(name)), "600", "{name}");
    }
    assert_eq!(mode(place.witness().join("head")), "600");
    assert_eq!((mode(place.data()), mode(place.witness())), ("700".into(), "700".into()));
}

/// The engine moves the log into a task and reads it from others.
#[test]
fn the_log_and_its_readers_go_between_threads() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Log>();
    is_shared::<Reader>();
}
