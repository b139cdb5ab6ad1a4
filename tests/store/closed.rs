//! Where to look for what is over: both logs answer alike, page by page, and an older log gets its index.

use proptest::prelude::*;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use vagttavle::domain::closed::{Became, Closed};
use vagttavle::domain::identity::{AgreementId, Sequence};
use vagttavle::store::{Batch, Log, Spot, Wanted};

use crate::build::{Place, at, batch, entry, salts};

const AGREEMENTS: [&str; 3] = ["frederikshavn", "jammerbugt", "norddjurs"];

fn agreement(nth: usize) -> AgreementId {
    AgreementId::new(AGREEMENTS[nth % 3]).unwrap()
}

/// The nth thing that is over: no two facts of it go together, and two of four are closed at the same time.
fn closed(nth: u64) -> Closed {
    let place = usize::try_from(nth).unwrap();
    let agreements = match nth % 5 {
        0 => Vec::new(),
        1 => vec![agreement(place), agreement(place + 1)],
        _ => vec![agreement(place)],
    };
    Closed {
        entry: entry(nth * 3 + 1),
        closed_at: at(nth / 2 * 1_000),
        number: u32::try_from(nth % 7).unwrap(),
        board: ["alarms", "phone"][place % 2],
        outcome: ["helped", "missed", "deceased"][place / 2 % 3],
        agreements,
        known_as: vec![format!("c-{}", nth % 4), format!("a-{nth}")],
    }
}

fn over(numbers: impl Iterator<Item = u64>) -> Batch {
    let became: Vec<Became> = numbers.map(|nth| (closed(nth).entry, Some(closed(nth)))).collect();
    Batch { became, ..Batch::default() }
}

async fn all(log: &Log, wanted: &Wanted, page: usize) -> Vec<Spot> {
    let (mut all, mut wanted) = (Vec::new(), wanted.clone());
    loop {
        let found = log.reader().closed(&wanted, page).await.unwrap();
        assert!(found.len() <= page);
        let Some((last, _)) = found.last() else { return all };
        wanted.after = Some(*last);
        for (spot, number) in found {
            assert_eq!(log.reader().number_of(spot.1).await.unwrap(), Some(number));
            all.push(spot);
        }
    }
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let scope = prop::collection::vec((0..3_usize).prop_map(agreement), 0..3);
    let one =
        |from: &'static [&'static str]| prop::option::of(prop::sample::select(from).prop_map(str::to_owned));
    let time = || prop::option::of((0..25_u64).prop_map(|nth| at(nth * 1_000)));
    (
        scope,
        prop::option::weighted(0.3, (0..3_usize).prop_map(agreement)),
        one(&["alarms", "phone", "visits"]),
        one(&["helped", "missed", "deceased"]),
        prop::option::weighted(0.3, 0..8_u32),
        prop::option::weighted(0.3, (0..6_u64).prop_map(|nth| format!("c-{nth}"))),
        (time(), time()),
    )
        .prop_map(|(scope, agreement, board, outcome, number, known_as, (from, until))| Wanted {
            scope,
            agreement,
            board,
            outcome,
            number,
            known_as,
            from,
            until,
            after: None,
        })
}

/// What is over, found again, opened once more and closed otherwise.
async fn told(log: &mut Log) {
    log.append(Sequence(0), &batch(1, 6)).await.unwrap();
    log.append(Sequence(6), &over(0..40)).await.unwrap();
    let (opened, moved) = (closed(3), Closed { number: 99, closed_at: at(5), ..closed(4) });
    let again = Batch { became: vec![(opened.entry, None), (moved.entry, Some(moved))], ..Batch::default() };
    log.append(Sequence(6), &again).await.unwrap();
}

#[test]
fn both_logs_find_the_same_and_page_by_page_nothing_is_missing_or_twice() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let place = Place::new();
    let (memory, sqlite) = runtime.block_on(async {
        let (mut memory, mut sqlite) = (Log::memory(salts()), place.open().await);
        told(&mut memory).await;
        told(&mut sqlite).await;
        (memory, sqlite)
    });
    let there: Vec<Closed> = (0..40)
        .filter(|nth| *nth != 3)
        .map(|nth| if nth == 4 { Closed { number: 99, closed_at: at(5), ..closed(4) } } else { closed(nth) })
        .collect();
    let config = ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(wanted in wanted(), page in 1_usize..9)| {
        let mut right: Vec<Spot> =
            there.iter().filter(|it| wanted.takes(it)).map(vagttavle::store::closed::spot).collect();
        right.sort_unstable_by(|left, right| right.cmp(left));
        runtime.block_on(async {
            prop_assert_eq!(&all(&memory, &wanted, page).await, &right);
            prop_assert_eq!(&all(&sqlite, &wanted, page).await, &right);
            Ok(())
        })?;
    });
}

#[tokio::test]
async fn what_is_not_of_the_scope_is_not_found_by_naming_its_agreement() {
    let mut log = Log::memory(salts());
    told(&mut log).await;
    let theirs = Wanted { scope: vec![agreement(0)], agreement: Some(agreement(1)), ..Wanted::default() };
    assert_eq!(all(&log, &theirs, 10).await, []);
}

#[tokio::test]
async fn a_batch_that_is_not_written_leaves_the_index_as_it_was() {
    let place = Place::new();
    for mut log in [Log::memory(salts()), place.open().await] {
        told(&mut log).await;
        let everything = Wanted { scope: (0..3).map(agreement).collect(), ..Wanted::default() };
        let before = all(&log, &everything, 50).await;
        let twice = Batch { became: over(100..101).became, ..batch(7, 7) };
        let twice = Batch { seen: batch(1, 1).seen, ..twice };
        log.append(Sequence(6), &twice).await.unwrap_err();
        assert_eq!(all(&log, &everything, 50).await, before);
        assert_eq!(before.len(), 39);
    }
}

/// As a program before the index left it: the records are there, and nothing says what is over.
async fn forget_the_index(place: &Place, until: i64) {
    let options = SqliteConnectOptions::new().filename(place.file("log.db"));
    let mut connection = options.connect().await.unwrap();
    for sql in ["DELETE FROM closed", "DELETE FROM closed_known"] {
        sqlx::query(sql).execute(&mut connection).await.unwrap();
    }
    let filled = sqlx::query("UPDATE closed_filled SET through = 0, until = $1").bind(until);
    filled.execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn an_older_log_says_how_far_it_must_be_read_and_is_whole_when_it_was() {
    let place = Place::new();
    let mut log = place.open().await;
    assert_eq!(log.unfilled().await.unwrap(), None, "a new log has its index from the first record on");
    told(&mut log).await;
    let everything = Wanted { scope: (0..3).map(agreement).collect(), ..Wanted::default() };
    let whole = all(&log, &everything, 50).await;
    log.close().await.unwrap();
    drop(log);
    forget_the_index(&place, 6).await;

    let mut log = place.open().await;
    assert_eq!(log.unfilled().await.unwrap(), Some((Sequence(0), Sequence(6))));
    log.fill(Sequence(4), &over(0..3).became).await.unwrap();
    log.close().await.unwrap();
    drop(log);
    // Stopped half-way: it goes on from there.
    let mut log = place.open().await;
    assert_eq!(log.unfilled().await.unwrap(), Some((Sequence(4), Sequence(6))));
    let moved = Closed { number: 99, closed_at: at(5), ..closed(4) };
    let rest = [over(5..40).became, vec![(moved.entry, Some(moved))]].concat();
    log.fill(Sequence(6), &rest).await.unwrap();
    assert_eq!(log.unfilled().await.unwrap(), None);
    assert_eq!(all(&log, &everything, 50).await, whole);
    log.verify().await.unwrap();
}

/// However much is over: one walk along an index for each agreement, and nothing sorted.
#[tokio::test]
async fn a_page_is_found_along_an_index() {
    let place = Place::new();
    let mut log = place.open().await;
    told(&mut log).await;
    log.close().await.unwrap();
    let options = SqliteConnectOptions::new().filename(place.file("log.db"));
    let mut connection = options.connect().await.unwrap();
    for (also, index) in [
        ("", "closed_by_time"),
        ("AND board = 'alarms'", "closed_by_board"),
        ("AND outcome = 'helped'", "closed_by_outcome"),
        ("AND number = 3", "closed_by_number"),
    ] {
        let sql = format!(
            "EXPLAIN QUERY PLAN SELECT closed_at, entry, number FROM closed INDEXED BY {index} WHERE agreement = 'jammerbugt' {also}
             AND closed_at >= 0 AND closed_at < 99 AND (closed_at, entry) < (98, x'00')
             ORDER BY closed_at DESC, entry DESC LIMIT 50"
        );
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
        let plan: Vec<&str> = plan.iter().map(|row| row.3.as_str()).collect();
        assert!(plan.len() == 1 && plan[0].contains(index), "{also}: {plan:?}");
    }
}
