//! What somebody or something changed behind our back is found, and at the right place.

use std::fs;
use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use vagttavle::domain::identity::Sequence;
use vagttavle::store::sqlite::TAIL_MAX;
use vagttavle::store::{Chain, Log, PAGE_MAX, StoreError};

use crate::build::{Place, batch, look, record};

const FORGET_TRIGGERS: &str =
    "DROP TRIGGER IF EXISTS records_never_deleted; DROP TRIGGER IF EXISTS records_never_changed;";

async fn raw(file: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(file).connect().await.expect("a plain connection")
}

async fn meddle(file: &Path, sql: &str) {
    let mut connection = raw(file).await;
    let sql = format!("{FORGET_TRIGGERS} {sql}");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect("the change");
    connection.close().await.expect("closed");
}

/// A log of ten records and four looks.
async fn ten(place: &Place) -> Log {
    let mut log = place.open().await;
    for number in 1..=10 {
        log.append(Sequence(number - 1), &batch(number, number)).await.unwrap();
    }
    for number in 1..=4 {
        log.look(&look(number)).await.unwrap();
    }
    log
}

fn place_of(error: &StoreError) -> Option<(Chain, u64)> {
    match error {
        StoreError::Corrupt { chain, sequence, .. } => Some((*chain, sequence.0)),
        _ => None,
    }
}

#[tokio::test]
async fn changes_in_the_tables_are_named_while_running_and_at_start() {
    let cases: &[(&str, Chain, u64)] = &[
        ("UPDATE records SET payload = replace(payload, '1795325932', '1795325933') WHERE sequence = 7", Chain::Records, 7),
        ("UPDATE records SET payload = payload || ' ' WHERE sequence = 1", Chain::Records, 1),
        ("UPDATE records SET salt = zeroblob(16) WHERE sequence = 7", Chain::Records, 7),
        ("UPDATE records SET payload = NULL WHERE sequence = 7", Chain::Records, 7),
        ("UPDATE records SET digest = zeroblob(32), salt = NULL, payload = NULL WHERE sequence = 7", Chain::Records, 7),
        ("UPDATE records SET hash = zeroblob(32) WHERE sequence = 7", Chain::Records, 7),
        ("UPDATE records SET happened_at = happened_at - 1 WHERE sequence = 7", Chain::Records, 7),
        ("UPDATE records SET recorded_at = recorded_at + 1 WHERE sequence = 10", Chain::Records, 10),
        ("UPDATE records SET actor = 'source:other' WHERE sequence = 7", Chain::Records, 7),
        ("UPDATE records SET agreement = NULL WHERE sequence = 8", Chain::Records, 8),
        ("UPDATE records SET agreement = '' WHERE sequence = 7", Chain::Records, 7),
        ("UPDATE records SET kind = 'phone.missed' WHERE sequence = 7", Chain::Records, 7),
        ("UPDATE records SET version = 2 WHERE sequence = 7", Chain::Records, 7),
        ("UPDATE records SET cause = 'other' WHERE sequence = 7", Chain::Records, 7),
        ("UPDATE records SET idx = 9 WHERE sequence = 7", Chain::Records, 7),
        ("UPDATE records SET entry = '01900000-0000-7000-8000-000000000009' WHERE sequence = 7", Chain::Records, 7),
        ("DELETE FROM records WHERE sequence = 7", Chain::Records, 7),
        ("DELETE FROM records WHERE sequence IN (7, 8)", Chain::Records, 7),
        ("DELETE FROM records WHERE sequence = 1", Chain::Records, 1),
        ("DELETE FROM records WHERE sequence > 8", Chain::Records, 9),
        ("DELETE FROM records", Chain::Records, 1),
        (
            "UPDATE records SET sequence = 99 WHERE sequence = 7; UPDATE records SET sequence = 7 WHERE sequence = 8;
             UPDATE records SET sequence = 8 WHERE sequence = 99",
            Chain::Records,
            7,
        ),
        (
            "INSERT INTO records SELECT 11, entry, happened_at, recorded_at, actor, agreement, kind, version, payload, salt,
             digest, 'forged', 0, hash FROM records WHERE sequence = 10",
            Chain::Records,
            11,
        ),
        ("UPDATE looks SET who = 'person:bent' WHERE number = 2", Chain::Looks, 2),
        ("UPDATE looks SET citizen = NULL WHERE number = 2", Chain::Looks, 2),
        ("UPDATE looks SET at = at + 1 WHERE number = 4", Chain::Looks, 4),
        ("DELETE FROM looks WHERE number = 2", Chain::Looks, 2),
        ("DELETE FROM looks WHERE number = 4", Chain::Looks, 4),
    ];
    for (sql, chain, sequence) in cases {
        let place = Place::new();
        let mut log = ten(&place).await;
        log.verify().await.unwrap();
        meddle(&place.file("log.db"), sql).await;
        let running = log.verify().await.expect_err(sql);
        assert_eq!(place_of(&running), Some((*chain, *sequence)), "running: {sql}: {running}");
        log.close().await.unwrap();
        drop(log);
        let start = place.try_open().await.err().unwrap_or_else(|| panic!("opened after {sql}"));
        assert_eq!(place_of(&start), Some((*chain, *sequence)), "at start: {sql}: {start}");
    }
}

#[tokio::test]
async fn of_a_long_log_the_tail_is_checked_at_start_and_the_rest_on_reading() {
    const STEP: u64 = 5_000;
    let place = Place::new();
    let mut log = place.open().await;
    let end = TAIL_MAX + STEP;
    for number in 0..end / STEP {
        let head = number * STEP;
        log.append(Sequence(head), &batch(head + 1, head + STEP)).await.unwrap();
    }
    log.close().await.unwrap();
    let change = |number: u64| format!("UPDATE records SET actor = 'timer' WHERE sequence = {number}");

    meddle(&place.file("log.db"), &change(STEP - 10)).await;
    let log = place.open().await;
    let read = log.read(Sequence(0), PAGE_MAX).await.unwrap_err();
    assert_eq!(place_of(&read), Some((Chain::Records, STEP - 10)), "{read}");
    let verified = log.verify().await.unwrap_err();
    assert_eq!(place_of(&verified), Some((Chain::Records, STEP - 10)), "{verified}");
    drop(log);

    meddle(&place.file("log.db"), &change(STEP + 10)).await;
    let start = place.try_open().await.err().expect("refused");
    assert_eq!(place_of(&start), Some((Chain::Records, STEP + 10)), "{start}");
}

#[tokio::test]
async fn whatever_is_changed_in_what_was_seen_is_found() {
    let place = Place::new();
    let log = ten(&place).await;
    drop(log);
    let changes = [
        ("digest = 'f' || substr(digest, 2)", 4),
        ("outcome = 'ignored'", 7),
        ("entry = NULL", 7),
        ("first = first + 1", 7),
        ("answer = NULL", 8),
        ("scope = 'source:other'", 1),
        ("key = 'key-77'", 10),
        ("hash = zeroblob(32)", 7),
    ];
    for (change, number) in changes {
        let place = Place::new();
        drop(ten(&place).await);
        let sql = format!("UPDATE seen SET {change} WHERE number = {number}");
        meddle(&place.file("log.db"), &sql).await;
        let start = place.try_open().await.err().unwrap_or_else(|| panic!("opened after {sql}"));
        assert_eq!(place_of(&start), Some((Chain::Keys, number)), "{sql}: {start}");
    }
    for (sql, number) in [
        ("DELETE FROM seen WHERE number = 5", 5),
        ("DELETE FROM seen WHERE number = 10", 10),
        ("UPDATE seen SET number = NULL WHERE number = 5", 5),
        ("UPDATE seen_before SET hash = hash", 0),
    ] {
        let place = Place::new();
        drop(ten(&place).await);
        meddle(&place.file("log.db"), sql).await;
        match (number, place.try_open().await.err()) {
            (0, found) => assert!(found.is_none(), "{sql}: {found:?}"),
            (_, found) => assert_eq!(place_of(&found.expect(sql)), Some((Chain::Keys, number)), "{sql}"),
        }
    }
}

#[tokio::test]
async fn a_key_that_was_changed_is_never_answered_from() {
    let place = Place::new();
    let log = ten(&place).await;
    meddle(&place.file("log.db"), "UPDATE seen SET outcome = 'ignored' WHERE number = 7").await;
    let key = crate::build::key;
    assert!(log.seen(&[key(6), key(8)]).await.unwrap().iter().all(Option::is_some));
    let error = log.seen(&[key(7)]).await.unwrap_err();
    assert_eq!(place_of(&error), Some((Chain::Keys, 7)), "{error}");
}

/// A log from before keys had numbers: as it lay on disk, with nothing of the third set of tables.
#[tokio::test]
async fn keys_from_before_they_had_numbers_are_sealed_when_the_log_is_opened() {
    let before = "DROP TABLE seen_before; DROP INDEX seen_number; ALTER TABLE seen DROP COLUMN number;
        ALTER TABLE seen DROP COLUMN hash; DELETE FROM _sqlx_migrations WHERE version = 3;";
    let place = Place::new();
    let mut log = ten(&place).await;
    log.close().await.unwrap();
    drop(log);
    meddle(&place.file("log.db"), before).await;
    let witness = place.witness().join("head");
    let noted = fs::read_to_string(&witness).unwrap();
    let lines: String = noted.lines().take(2).map(|line| format!("{line}\n")).collect();
    let check = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(lines.as_bytes()));
    fs::write(&witness, format!("{lines}check {check}\n")).unwrap();

    let mut log = place.open().await;
    let key = crate::build::key;
    assert_eq!(log.seen(&[key(3)]).await.unwrap(), [Some(crate::build::seen(3))]);
    log.append(Sequence(10), &batch(11, 12)).await.unwrap();
    log.verify().await.unwrap();
    log.close().await.unwrap();
    drop(log);
    for sql in [
        "UPDATE seen SET outcome = 'ignored' WHERE key = 'key-3'",
        "DELETE FROM seen WHERE key = 'key-3'",
        "INSERT INTO seen (scope, key, digest, outcome) VALUES ('source:central', 'key-99', 'x', 'recorded')",
    ] {
        let copy = Place::new();
        copy_as_killed(&place, &copy);
        meddle(&copy.file("log.db"), sql).await;
        let found = copy.open().await.verify().await.unwrap_err();
        assert_eq!(place_of(&found), Some((Chain::Keys, 0)), "{sql}: {found}");
    }
    // Whoever takes the seal away to have it made anew is found at once.
    meddle(&place.file("log.db"), "DELETE FROM seen_before").await;
    let found = place.try_open().await.err().expect("found");
    assert_eq!(place_of(&found), Some((Chain::Keys, 0)), "{found}");
}

#[tokio::test]
async fn a_changed_record_is_never_handed_out() {
    let place = Place::new();
    let log = ten(&place).await;
    meddle(&place.file("log.db"), "UPDATE records SET actor = 'source:other' WHERE sequence = 7").await;
    let reader = log.reader();
    assert_eq!(reader.read(Sequence(0), 6).await.unwrap().len(), 6);
    let page = reader.read(Sequence(0), 10).await.unwrap_err();
    assert_eq!(place_of(&page), Some((Chain::Records, 7)), "{page}");
    let entry = reader.read_entry(record(7).entry).await.unwrap_err();
    assert_eq!(place_of(&entry), Some((Chain::Records, 7)), "{entry}");
}

#[tokio::test]
async fn our_own_program_cannot_change_or_delete_records() {
    let place = Place::new();
    let _log = ten(&place).await;
    let mut connection = raw(&place.file("log.db")).await;
    for sql in
        ["DELETE FROM records WHERE sequence = 7", "UPDATE records SET actor = 'timer' WHERE sequence = 7"]
    {
        let error = sqlx::query(sql).execute(&mut connection).await.expect_err(sql).to_string();
        assert!(error.contains("records are never"), "{sql}: {error}");
    }
}

#[tokio::test]
async fn an_erased_content_leaves_a_chain_that_verifies() {
    let place = Place::new();
    let log = ten(&place).await;
    let mut connection = raw(&place.file("log.db")).await;
    let erase = "UPDATE records SET payload = NULL, salt = NULL WHERE sequence = 7";
    sqlx::query(erase).execute(&mut connection).await.unwrap();
    let erase = "UPDATE looks SET who = NULL, purpose = NULL, entry = NULL, citizen = NULL, salt = NULL WHERE number = 2";
    sqlx::query(erase).execute(&mut connection).await.unwrap();
    assert_eq!(log.verify().await.unwrap().records.sequence, Sequence(10));
}

// ---- files --------------------------------------------------------------------------------

/// Copies what a killed process would leave behind: no orderly close.
fn copy_as_killed(from: &Place, to: &Place) {
    for (source, target) in [(from.data(), to.data()), (from.witness(), to.witness())] {
        make_folder(&target);
        for name in ["log.db", "log.db-wal", "head"] {
            if source.join(name).exists() {
                fs::copy(source.join(name), target.join(name)).expect("copied");
            }
        }
    }
}

fn make_folder(path: &Path) {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).expect("a folder");
}

fn flip(file: &PathBuf, position: usize) {
    let mut bytes = fs::read(file).expect("the file");
    bytes[position] ^= 0x10;
    fs::write(file, bytes).expect("written");
}

/// Refused, at start or by `verify`; else nothing may be missing.
async fn is_found_or_whole(place: &Place, what: &str) -> bool {
    let Ok(log) = place.try_open().await else { return true };
    if log.verify().await.is_err() {
        return true;
    }
    let records = log.read(Sequence(0), 100).await.unwrap();
    assert_eq!(records, (1..=10).map(record).collect::<Vec<_>>(), "{what}: silent loss");
    assert_eq!(log.looks(0, 100).await.unwrap().len(), 4, "{what}: silent loss");
    false
}

#[tokio::test]
async fn a_damaged_write_ahead_file_is_never_silent_loss() {
    let original = Place::new();
    let _log = ten(&original).await;
    let length = fs::read(original.file("log.db-wal")).unwrap().len();
    assert!(length > 10 * 4096, "all ten records are in the write-ahead file ({length} bytes)");
    let mut found = 0;
    let steps: Vec<usize> = (0..length).step_by(length / 60).collect();
    for &position in &steps {
        let place = Place::new();
        copy_as_killed(&original, &place);
        flip(&place.file("log.db-wal"), position);
        found += usize::from(is_found_or_whole(&place, &format!("flipped byte {position}")).await);

        let place = Place::new();
        copy_as_killed(&original, &place);
        let wal = fs::OpenOptions::new().write(true).open(place.file("log.db-wal")).unwrap();
        wal.set_len(position as u64).unwrap();
        found += usize::from(is_found_or_whole(&place, &format!("cut at {position}")).await);
    }
    // Some flips hit bytes that do not matter; most take records with them.
    assert!(found > steps.len(), "{found} of {} found", steps.len() * 2);
}

#[tokio::test]
async fn a_deleted_write_ahead_file_is_named_from_to() {
    let original = Place::new();
    let mut log = original.open().await;
    log.append(Sequence(0), &batch(1, 6)).await.unwrap();
    log.close().await.unwrap();
    let mut log = original.open().await;
    log.append(Sequence(6), &batch(7, 10)).await.unwrap();
    let place = Place::new();
    copy_as_killed(&original, &place);
    fs::remove_file(place.file("log.db-wal")).unwrap();
    let error = place.try_open().await.err().expect("refused");
    assert_eq!(place_of(&error), Some((Chain::Records, 7)));
    assert!(error.to_string().contains("records 7 to 10 are gone"), "{error}");
}

#[tokio::test]
async fn flipped_bytes_in_the_main_file_are_found() {
    let original = Place::new();
    let mut log = ten(&original).await;
    log.close().await.unwrap();
    let length = fs::read(original.file("log.db")).unwrap().len();
    let mut found = 0;
    for position in (0..length).step_by(length / 180) {
        let place = Place::new();
        copy_as_killed(&original, &place);
        flip(&place.file("log.db"), position);
        found += usize::from(is_found_or_whole(&place, &format!("flipped byte {position}")).await);
    }
    assert!(found > 20, "many of the flips hit something that matters, {found} were found");
}

#[tokio::test]
async fn an_old_backup_is_not_taken_silently() {
    let place = Place::new();
    let mut log = place.open().await;
    log.append(Sequence(0), &batch(1, 5)).await.unwrap();
    let backup = place.witness().join("backup.db");
    let copied = log.backup(&backup).await.unwrap();
    assert_eq!(copied.records, log.head().await.unwrap());
    let again = log.backup(&backup).await.unwrap_err();
    assert!(matches!(again, StoreError::Refused { .. }), "{again}");
    log.append(Sequence(5), &batch(6, 10)).await.unwrap();
    log.close().await.unwrap();

    fs::copy(&backup, place.file("log.db")).unwrap();
    let error = place.try_open().await.err().expect("refused");
    assert_eq!(place_of(&error), Some((Chain::Records, 6)));
    assert!(error.to_string().contains("records 6 to 10 are gone"), "{error}");

    // Whoever restores on purpose says so by deleting the witness.
    fs::remove_file(place.witness().join("head")).unwrap();
    let mut log = place.open().await;
    assert_eq!(log.read(Sequence(0), 100).await.unwrap(), (1..=5).map(record).collect::<Vec<_>>());
    log.append(Sequence(5), &batch(6, 7)).await.unwrap();
    log.verify().await.unwrap();
}

#[tokio::test]
async fn another_log_of_the_same_length_is_not_taken() {
    let (place, other) = (Place::new(), Place::new());
    let mut log = ten(&place).await;
    log.close().await.unwrap();
    let mut log = other.open().await;
    let mut changed = batch(1, 12);
    changed.records[3].recorded_at += chrono::TimeDelta::hours(1);
    log.append(Sequence(0), &changed).await.unwrap();
    log.close().await.unwrap();
    fs::copy(other.file("log.db"), place.file("log.db")).unwrap();
    let error = place.try_open().await.err().expect("refused");
    assert_eq!(place_of(&error), Some((Chain::Records, 10)), "{error}");
}

#[tokio::test]
async fn a_witness_behind_the_log_is_normal_and_a_broken_one_is_not() {
    let place = Place::new();
    let mut log = place.open().await;
    log.append(Sequence(0), &batch(1, 5)).await.unwrap();
    let witness = place.witness().join("head");
    let early = fs::read(&witness).unwrap();
    log.append(Sequence(5), &batch(6, 10)).await.unwrap();
    log.close().await.unwrap();

    // A power cut may take the last second of the witness.
    fs::write(&witness, &early).unwrap();
    place.open().await.close().await.unwrap();
    assert_ne!(fs::read(&witness).unwrap(), early);

    flip(&witness, 30);
    let error = place.try_open().await.err().expect("refused");
    assert!(error.to_string().contains("cannot be read; delete it"), "{error}");
}
