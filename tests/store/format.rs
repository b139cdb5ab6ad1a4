//! The stored format is the documented one: the chain is recomputed here from the table alone, with nothing of the
//! program but what `store::chain` says in words. A change that breaks this test breaks every log in use.

use sha2::{Digest, Sha256};
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{ConnectOptions, Row};
use vagttavle::domain::identity::Sequence;

use crate::build::{Place, batch, look};

struct Parts(Vec<u8>);

impl Parts {
    fn of(list: &str) -> Self {
        Self(Vec::new()).bytes(list.as_bytes())
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend(u64::try_from(bytes.len()).unwrap().to_be_bytes());
        self.0.extend(bytes);
        self
    }

    fn text(self, row: &SqliteRow, column: &str) -> Self {
        match row.get::<Option<String>, _>(column) {
            Some(text) => self.bytes(text.as_bytes()),
            None => Self([self.0, vec![0xff; 8]].concat()),
        }
    }

    fn number(self, row: &SqliteRow, column: &str) -> Self {
        self.bytes(&row.get::<i64, _>(column).to_be_bytes())
    }

    fn blob(self, row: &SqliteRow, column: &str) -> Self {
        self.bytes(&row.get::<Vec<u8>, _>(column))
    }

    fn hash(self) -> Vec<u8> {
        Sha256::digest(self.0).to_vec()
    }
}

#[tokio::test]
async fn both_chains_are_as_documented() {
    let place = Place::new();
    let mut log = place.open().await;
    log.append(Sequence(0), &batch(1, 7)).await.unwrap();
    for number in 1..=3 {
        log.look(&look(number)).await.unwrap();
    }
    let options = SqliteConnectOptions::new().filename(place.file("log.db"));
    let mut connection = options.connect().await.unwrap();

    let mut previous = vec![0; 32];
    let rows =
        sqlx::query("SELECT * FROM records ORDER BY sequence").fetch_all(&mut connection).await.unwrap();
    for row in &rows {
        let content = Parts::of("vagttavle/content/1").blob(row, "salt").text(row, "payload").hash();
        assert_eq!(content, row.get::<Vec<u8>, _>("digest"));
        let mut parts =
            Parts::of("vagttavle/record/1").bytes(&previous).number(row, "sequence").text(row, "entry");
        parts = parts.number(row, "happened_at").number(row, "recorded_at").text(row, "actor");
        parts = parts.text(row, "agreement").text(row, "kind").number(row, "version").text(row, "cause");
        previous = parts.number(row, "idx").bytes(&content).hash();
        assert_eq!(previous, row.get::<Vec<u8>, _>("hash"));
    }
    assert_eq!((rows.len(), previous), (7, log.head().await.unwrap().hash.0.to_vec()));

    let mut previous = vec![0; 32];
    let rows = sqlx::query("SELECT * FROM looks ORDER BY number").fetch_all(&mut connection).await.unwrap();
    for row in &rows {
        let parts =
            Parts::of("vagttavle/look-content/1").blob(row, "salt").text(row, "who").text(row, "purpose");
        let content = parts.text(row, "entry").text(row, "citizen").hash();
        assert_eq!(content, row.get::<Vec<u8>, _>("digest"));
        let parts = Parts::of("vagttavle/look/1").bytes(&previous).number(row, "number").number(row, "at");
        previous = parts.bytes(&content).hash();
        assert_eq!(previous, row.get::<Vec<u8>, _>("hash"));
    }
    assert_eq!(rows.len(), 3);
}

#[tokio::test]
async fn times_rest_as_whole_microseconds_in_utc() {
    let place = Place::new();
    let mut log = place.open().await;
    log.append(Sequence(0), &batch(1, 1)).await.unwrap();
    let options = SqliteConnectOptions::new().filename(place.file("log.db"));
    let mut connection = options.connect().await.unwrap();
    let row =
        sqlx::query("SELECT happened_at, recorded_at FROM records").fetch_one(&mut connection).await.unwrap();
    // 2026-11-22 00:00:01.001 and one record later.
    assert_eq!((row.get::<i64, _>(0), row.get::<i64, _>(1)), (1_795_305_601_001_000, 1_795_305_602_002_000));
}
