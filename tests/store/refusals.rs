//! The log does not open where it could not keep its promises.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};
use vagttavle::domain::identity::Sequence;
use vagttavle::store::folder::{default_witness, network_kind};
use vagttavle::store::sqlite::check_settings;
use vagttavle::store::{Log, StoreError};

use crate::build::{Place, batch, salts};

async fn refusal(place: &Place) -> String {
    match place.try_open().await {
        Err(StoreError::Refused { why }) => why.to_string(),
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("it opened"),
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("rights set");
}

#[tokio::test]
async fn settings_that_lose_commits_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let safe = SqliteConnectOptions::new()
        .filename(folder.path().join("any.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut connection = safe.connect().await.unwrap();
    assert_eq!(check_settings(&mut connection).await, Ok(()));
    connection.close().await.unwrap();

    let wrong = [
        (safe.clone().synchronous(SqliteSynchronous::Normal), "synchronous is 1"),
        (safe.clone().synchronous(SqliteSynchronous::Off), "synchronous is 0"),
        (safe.clone().foreign_keys(false), "foreign_keys is 0"),
        (safe.clone().journal_mode(SqliteJournalMode::Delete), "journal_mode is delete"),
        (safe.journal_mode(SqliteJournalMode::Memory), "journal_mode is memory"),
    ];
    for (options, words) in wrong {
        let mut connection = options.connect().await.unwrap();
        match check_settings(&mut connection).await {
            Err(StoreError::Refused { why }) => assert!(why.contains(words), "{why}"),
            other => panic!("{words}: {other:?}"),
        }
        connection.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_second_server_is_refused_until_the_first_is_closed() {
    let place = Place::new();
    let mut log = place.open().await;
    let why = refusal(&place).await;
    assert!(why.contains(&format!("another server (process {}) holds", std::process::id())), "{why}");
    log.append(Sequence(0), &batch(1, 1)).await.unwrap();
    log.close().await.unwrap();
    let log = place.open().await;
    assert_eq!(log.head().await.unwrap().sequence, Sequence(1));
}

#[tokio::test]
async fn folders_and_files_that_others_may_read_are_refused_with_the_command_to_run() {
    let place = Place::new();
    place.open().await.close().await.unwrap();
    let targets = [
        (place.data(), 0o750, 0o700),
        (place.witness(), 0o705, 0o700),
        (place.file("log.db"), 0o640, 0o600),
        (place.file("lock"), 0o604, 0o600),
        (place.witness().join("head"), 0o660, 0o600),
    ];
    for (path, wide, right) in targets {
        set_mode(&path, wide);
        let why = refusal(&place).await;
        assert!(why.contains(&format!("chmod {right:03o} {}", path.display())), "{why}");
        set_mode(&path, right);
    }
    fs::write(place.file("log.db-wal"), b"").unwrap();
    set_mode(&place.file("log.db-wal"), 0o644);
    assert!(refusal(&place).await.contains("log.db-wal"));
    fs::remove_file(place.file("log.db-wal")).unwrap();
    place.open().await;
}

#[tokio::test]
async fn the_witness_may_not_lie_beside_the_log() {
    let place = Place::new();
    match Log::open_sqlite(&place.data(), &place.data(), salts()).await {
        Err(StoreError::Refused { why }) => assert!(why.contains("witness"), "{why}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it opened"),
    }
}

#[tokio::test]
async fn a_log_of_a_newer_program_is_refused() {
    let place = Place::new();
    place.open().await.close().await.unwrap();
    let options = SqliteConnectOptions::new().filename(place.file("log.db"));
    let mut connection = options.connect().await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (9999, 'later', TRUE, x'00', 0)";
    sqlx::query(newer).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let why = refusal(&place).await;
    assert!(why.contains("newer program"), "{why}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named_as_damaged() {
    let place = Place::new();
    place.open().await.close().await.unwrap();
    fs::write(place.file("log.db"), "not a database, not at all".repeat(400)).unwrap();
    let error = place.try_open().await.err().expect("refused");
    assert!(matches!(error, StoreError::Corrupt { sequence: Sequence(0), .. }), "{error}");
}

#[test]
fn network_file_systems_are_told_from_local_ones() {
    let mounts = "\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 22 0:35 / /home rw - nfs4 server:/home rw,vers=4.2
41 40 254:1 / /home/local rw - ext4 /dev/vdb rw
42 22 0:36 / /homework rw - tmpfs tmpfs rw
";
    assert_eq!(network_kind(mounts, Path::new("/var/lib/vagttavle")), None);
    assert_eq!(network_kind(mounts, Path::new("/home/anna/data")), Some("nfs4"));
    assert_eq!(network_kind(mounts, Path::new("/home/local/data")), None);
    assert_eq!(network_kind(mounts, Path::new("/homework")), None);
    assert_eq!(network_kind("", Path::new("/home")), None);
}

#[test]
fn the_witness_lies_beside_the_data_folder_by_default() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    assert_eq!(default_witness(&root.join("data")), root.join("data.witness"));
    assert_eq!(default_witness(Path::new("data")).file_name().unwrap(), "data.witness");
    assert_eq!(
        default_witness(&root),
        root.with_file_name(format!("{}.witness", root.file_name().unwrap().display()))
    );
}
