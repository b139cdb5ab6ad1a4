//! The index of what is over, in its tables.
//!
//! Owns how it is written, within the transaction of the records that say so, and how it is asked. Must never read a
//! record.

use sqlx::sqlite::{Sqlite, SqliteConnection, SqlitePool, SqliteRow};
use sqlx::{Connection, QueryBuilder, Row as _};

use super::super::StoreError;
use super::super::closed::{EVERYBODY, Found, Wanted, in_order};
use super::super::row;
use super::failures::failed;
use super::files::Files;
use super::rows::json;
use crate::domain::closed::Became;
use crate::domain::identity::{EntryId, Sequence};

const FORGET: &str = "DELETE FROM closed WHERE entry IN (SELECT unhex(value->>0) FROM json_each($1))";
const INSERT: &str = "
INSERT INTO closed (entry, agreement, closed_at, number, board, outcome)
SELECT unhex(it.value->>0), of.value, it.value->>1, it.value->>2, it.value->>3, it.value->>4
FROM json_each($1) AS it, json_each(it.value, '$[5]') AS of
WHERE it.value->>1 IS NOT NULL";
const INSERT_KNOWN: &str = "
INSERT OR IGNORE INTO closed_known (id, entry)
SELECT known.value, unhex(it.value->>0) FROM json_each($1) AS it, json_each(it.value, '$[6]') AS known
WHERE it.value->>1 IS NOT NULL";
const NUMBER: &str = "SELECT number FROM closed WHERE entry = $1 LIMIT 1";
const FILLED: &str = "SELECT through, until FROM closed_filled";
const FILL: &str = "UPDATE closed_filled SET through = $1";

pub(super) fn closed_json(became: &[Became]) -> Result<String, StoreError> {
    let values: Vec<_> = became
        .iter()
        .map(|(entry, closed)| {
            let it = closed.as_ref();
            let of = it.map(|it| match it.agreements.as_slice() {
                [] => vec![EVERYBODY],
                of => of.iter().map(AsRef::as_ref).collect(),
            });
            (
                hex::encode(entry.0.as_bytes()),
                it.map(|it| it.closed_at.timestamp_micros()),
                it.map(|it| it.number),
                it.map(|it| it.board),
                it.map(|it| it.outcome),
                of,
                it.map(|it| &it.known_as),
            )
        })
        .collect();
    json(&values)
}

/// Puts what entries became in place of what they were.
pub(super) async fn write(connection: &mut SqliteConnection, became: &str) -> Result<(), sqlx::Error> {
    for sql in [FORGET, INSERT, INSERT_KNOWN] {
        sqlx::query(sql).bind(became).execute(&mut *connection).await?;
    }
    Ok(())
}

/// The same of records from before there was an index, and how far those have been read.
pub(super) async fn fill(
    writer: &mut SqliteConnection,
    through: Sequence,
    became: &[Became],
) -> Result<(), StoreError> {
    let (became, through) = (closed_json(became)?, row::number(through)?);
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    write(&mut transaction, &became).await.map_err(failed)?;
    sqlx::query(FILL).bind(through).execute(&mut *transaction).await.map_err(failed)?;
    transaction.commit().await.map_err(failed)
}

impl Files {
    /// The records that must still be read for the index: after the first, up to the second. None: it is whole.
    pub(in crate::store) async fn unfilled(&self) -> Result<Option<(Sequence, Sequence)>, StoreError> {
        let row = sqlx::query(FILLED).fetch_one(&self.pool).await.map_err(failed)?;
        let at = |column| row.try_get::<i64, _>(column).map(|at| Sequence(at.unsigned_abs())).map_err(failed);
        let (through, until) = (at(0)?, at(1)?);
        Ok((through < until).then_some((through, until)))
    }

    pub(in crate::store) async fn number_of(&self, entry: EntryId) -> Result<Option<u32>, StoreError> {
        let query = sqlx::query(NUMBER).bind(entry.0.as_bytes().to_vec());
        let row = query.fetch_optional(&self.pool).await.map_err(failed)?;
        row.map(|row| number_in(&row, 0)).transpose()
    }

    pub(in crate::store) async fn closed(
        &self,
        wanted: &Wanted,
        limit: usize,
    ) -> Result<Vec<Found>, StoreError> {
        let mut found = Vec::new();
        // One walk along an index for each: as long as the page, however long the log is.
        for agreement in wanted.agreements() {
            found.extend(closed_of(&self.pool, wanted, agreement, limit).await?);
        }
        Ok(in_order(found, limit))
    }
}

/// The index that leaves least to pass over. SQLite knows nothing of how many there are of each, and guesses.
fn index_of(wanted: &Wanted) -> &'static str {
    match (wanted.number, &wanted.outcome, &wanted.board) {
        (Some(_), _, _) => "closed_by_number",
        (None, Some(_), _) => "closed_by_outcome",
        (None, None, Some(_)) => "closed_by_board",
        (None, None, None) => "closed_by_time",
    }
}

fn number_in(row: &SqliteRow, column: usize) -> Result<u32, StoreError> {
    let number: i64 = row.try_get(column).map_err(failed)?;
    Ok(u32::try_from(number).unwrap_or_default())
}

async fn closed_of(
    pool: &SqlitePool,
    wanted: &Wanted,
    agreement: &str,
    limit: usize,
) -> Result<Vec<Found>, StoreError> {
    let mut sql = QueryBuilder::<Sqlite>::new("SELECT it.closed_at, it.entry, it.number FROM ");
    match &wanted.known_as {
        Some(id) => {
            sql.push(
                "closed_known AS known CROSS JOIN closed AS it ON it.entry = known.entry WHERE known.id = ",
            );
            sql.push_bind(id).push(" AND ");
        }
        None => {
            sql.push("closed AS it INDEXED BY ").push(index_of(wanted)).push(" WHERE ");
        }
    }
    sql.push("it.agreement = ").push_bind(agreement);
    if let Some(board) = &wanted.board {
        sql.push(" AND it.board = ").push_bind(board);
    }
    if let Some(outcome) = &wanted.outcome {
        sql.push(" AND it.outcome = ").push_bind(outcome);
    }
    if let Some(number) = wanted.number {
        sql.push(" AND it.number = ").push_bind(i64::from(number));
    }
    let (from, mut until) = wanted.times();
    if let Some((at, _)) = wanted.after {
        // Where the walk begins: pairs alone would be passed over one by one.
        until = until.min(at.saturating_add(1));
    }
    sql.push(" AND it.closed_at >= ").push_bind(from).push(" AND it.closed_at < ").push_bind(until);
    if let Some((at, entry)) = wanted.after {
        sql.push(" AND (it.closed_at, it.entry) < (").push_bind(at);
        sql.push(", ").push_bind(entry.0.as_bytes().to_vec()).push(")");
    }
    sql.push(" ORDER BY it.closed_at DESC, it.entry DESC LIMIT ");
    sql.push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let rows = sql.build().fetch_all(pool).await.map_err(failed)?;
    rows.iter()
        .map(|row| {
            let at: i64 = row.try_get(0).map_err(failed)?;
            let entry: Vec<u8> = row.try_get(1).map_err(failed)?;
            let entry = uuid::Uuid::from_slice(&entry).unwrap_or_default();
            Ok(((at, EntryId(entry)), number_in(row, 2)?))
        })
        .collect()
}
