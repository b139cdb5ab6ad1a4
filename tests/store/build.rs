//! Small builders: records of made-up calls, logs in temporary folders.

use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;
use vagttavle::domain::Event;
use vagttavle::domain::entry::Opening;
use vagttavle::domain::envelope::{Actor, Record};
use vagttavle::domain::identity::{
    AgreementId, CitizenId, Code, EntryId, ExternalId, Key, Sequence, SourceName,
};
use vagttavle::domain::observation::Rank;
use vagttavle::domain::phone::PhoneEvent;
use vagttavle::store::{Batch, Log, Look, Salts, Seen, StoreError};

/// Salts that differ and repeat from run to run.
pub fn salts() -> Salts {
    let mut next = 0u128;
    Box::new(move || {
        next += 1;
        next.to_be_bytes()
    })
}

/// Each record is a second and a millisecond after the one before.
pub fn at(number: u64) -> DateTime<Utc> {
    let start = DateTime::from_timestamp(1_795_305_600, 0).expect("a fixed time");
    start + TimeDelta::milliseconds(i64::try_from(number).expect("small") * 1_001)
}

/// Three records make one call: waiting, answered, ended.
pub fn entry(sequence: u64) -> EntryId {
    EntryId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from((sequence - 1) / 3)))
}

pub fn record(sequence: u64) -> Record {
    let call = ExternalId::new(format!("1795325932.{}", (sequence - 1) / 3)).expect("an id");
    let queue = ExternalId::new("doegn").expect("an id");
    let event = match sequence % 3 {
        1 => PhoneEvent::Waiting {
            opening: Opening {
                number: u32::try_from(sequence).expect("small"),
                candidates: vec![agreement()],
                origin: None,
                citizen: None,
                dues: Vec::new(),
            },
            call,
            queue: Some(queue),
        },
        2 => PhoneEvent::Answered { by: None, rank: Rank::Log, corrects: false },
        _ => PhoneEvent::Ended { rank: Rank::Event },
    };
    Record {
        sequence: Sequence(sequence),
        entry: entry(sequence),
        happened_at: at(sequence),
        recorded_at: at(sequence + 1),
        actor: Actor::Source(SourceName::new("central").expect("a name")),
        agreement: sequence.is_multiple_of(2).then(agreement),
        event: Event::Phone(event),
        cause: Key::new(format!("cause-{}", (sequence - 1) / 2)).expect("a key"),
        index: u32::try_from((sequence - 1) % 2).expect("small"),
    }
}

fn agreement() -> AgreementId {
    AgreementId::new("jammerbugt").expect("an id")
}

pub fn key(number: u64) -> (String, Key) {
    ("source:central".into(), Key::new(format!("key-{number}")).expect("a key"))
}

pub fn seen(number: u64) -> Seen {
    let (scope, key) = key(number);
    Seen {
        scope,
        key,
        digest: format!("{number:064x}"),
        outcome: "recorded".into(),
        entry: Some(entry(number)),
        first: Some(Sequence(number)),
        answer: number.is_multiple_of(2).then(|| r#"{"code":"already-done"}"#.into()),
    }
}

/// Records `from..=to`, each with its key.
pub fn batch(from: u64, to: u64) -> Batch {
    Batch {
        records: (from..=to).map(record).collect(),
        seen: (from..=to).map(seen).collect(),
        ..Batch::default()
    }
}

pub fn look(number: u64) -> Look {
    Look {
        at: at(number),
        who: Actor::try_from("person:anna".to_owned()).expect("an actor"),
        purpose: Code::new("duty").expect("a code"),
        entry: entry(number),
        citizen: number
            .is_multiple_of(2)
            .then(|| CitizenId::new(format!("citizen-{number}")).expect("an id")),
    }
}

/// A data folder and a witness folder.
pub struct Place {
    root: PathBuf,
    /// Removes all of it in the end; a child leaves that to its parent.
    _temporary: Option<tempfile::TempDir>,
}

impl Place {
    pub fn new() -> Self {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        Self { root: temporary.path().to_path_buf(), _temporary: Some(temporary) }
    }

    pub fn at(root: PathBuf) -> Self {
        Self { root, _temporary: None }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    pub fn witness(&self) -> PathBuf {
        self.root.join("witness")
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.data().join(name)
    }

    pub async fn try_open(&self) -> Result<Log, StoreError> {
        Log::open_sqlite(&self.data(), &self.witness(), salts()).await
    }

    pub async fn open(&self) -> Log {
        self.try_open().await.expect("the log opens")
    }
}
