//! The log in memory: for demos and tests. Keeps the same rows as the database and checks the same chains.
//!
//! Must never touch the disk.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::chain::Walk;
use super::closed::{Found, Wanted, found, in_order};
use super::row::{self, LookRow, Row, SeenRow};
use super::{Batch, Hash, Head, Heads, Look, Salts, Seen, StoreError, check_numbering};
use crate::domain::closed::Closed;
use crate::domain::identity::{CitizenId, EntryId, Key, Sequence};

#[derive(Default)]
struct Tables {
    records: Vec<Row>,
    causes: HashSet<(String, i64)>,
    keys: Vec<SeenRow>,
    seen: HashMap<(String, Key), Seen>,
    looks: Vec<LookRow>,
    closed: HashMap<EntryId, Closed>,
}

/// The tables as readers see them.
#[derive(Clone, Default)]
pub struct Shared(Arc<RwLock<Tables>>);

pub struct Memory {
    tables: Shared,
    salts: Salts,
}

impl Memory {
    pub fn new(salts: Salts) -> Self {
        Self { tables: Shared::default(), salts }
    }

    pub(super) fn tables(&self) -> Shared {
        self.tables.clone()
    }

    pub(super) fn append(&mut self, expected: Sequence, batch: &Batch) -> Result<Sequence, StoreError> {
        let head = self.tables.head();
        if head.sequence != expected {
            return Err(StoreError::Conflict { expected, actual: head.sequence });
        }
        check_numbering(head.sequence, &batch.records)?;
        let mut rows: Vec<Row> = Vec::with_capacity(batch.records.len());
        for record in &batch.records {
            let previous = rows.last().map_or(head.hash, |row| row.hash);
            rows.push(Row::of(record, previous, &mut self.salts)?);
        }
        let mut tables = self.tables.write();
        let mut causes = HashSet::new();
        for row in &rows {
            let cause = (row.cause.clone(), row.index);
            if tables.causes.contains(&cause) || !causes.insert(cause) {
                return Err(StoreError::Duplicate { what: "a cause and index".into() });
            }
        }
        let (mut keys, mut key_rows) = (HashSet::new(), Vec::with_capacity(batch.seen.len()));
        for seen in &batch.seen {
            let key = (seen.scope.clone(), seen.key.clone());
            if tables.seen.contains_key(&key) || !keys.insert(key) {
                return Err(StoreError::Duplicate { what: "a seen key".into() });
            }
            let last =
                key_rows.last().or(tables.keys.last()).map_or((0, Hash::ZERO), |row| (row.number, row.hash));
            key_rows.push(SeenRow::of(seen, last.0, last.1)?);
        }
        tables.keys.extend(key_rows);
        tables.causes.extend(causes);
        tables.records.extend(rows);
        let seen = batch.seen.iter().map(|seen| ((seen.scope.clone(), seen.key.clone()), seen.clone()));
        tables.seen.extend(seen);
        for (entry, closed) in &batch.became {
            match closed {
                Some(closed) => tables.closed.insert(*entry, closed.clone()),
                None => tables.closed.remove(entry),
            };
        }
        drop(tables);
        Ok(self.tables.head().sequence)
    }

    pub(super) fn look_all(&mut self, looks: &[Look]) {
        let mut tables = self.tables.write();
        for look in looks {
            let (last, previous) = tables.looks.last().map_or((0, Hash::ZERO), |row| (row.number, row.hash));
            let row = LookRow::of(look, last, previous, &mut self.salts);
            tables.looks.push(row);
        }
    }

    pub(super) fn seen(&self, keys: &[(String, Key)]) -> Vec<Option<Seen>> {
        let tables = self.tables.get();
        keys.iter().map(|key| tables.seen.get(key).cloned()).collect()
    }
}

impl Shared {
    // A poisoned lock means that another thread ended while it held it; nothing here panics half-way through a change.
    fn get(&self) -> RwLockReadGuard<'_, Tables> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Tables> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn head(&self) -> Head {
        let tables = self.get();
        tables.records.last().map_or(Head::default(), |row| Head {
            sequence: Sequence(row.sequence.unsigned_abs()),
            hash: row.hash,
        })
    }

    pub(super) fn rows(&self, after: Sequence, limit: usize) -> Vec<Row> {
        let skip = usize::try_from(after.0).unwrap_or(usize::MAX);
        self.get().records.iter().skip(skip).take(limit).cloned().collect()
    }

    pub(super) fn rows_of(&self, entry: EntryId) -> Vec<Row> {
        let entry = Some(entry);
        self.get().records.iter().filter(|row| row::entry(&row.entry) == entry).cloned().collect()
    }

    pub(super) fn entries_of(&self, citizen: &CitizenId) -> Vec<EntryId> {
        let mut entries: Vec<EntryId> = Vec::new();
        for row in
            self.get().records.iter().filter(|row| row::citizen(row).as_deref() == Some(citizen.as_str()))
        {
            if let Some(entry) = row::entry(&row.entry).filter(|entry| !entries.contains(entry)) {
                entries.push(entry);
            }
        }
        entries.reverse();
        entries
    }

    pub(super) fn closed(&self, wanted: &Wanted, limit: usize) -> Vec<Found> {
        in_order(self.get().closed.values().filter(|it| wanted.takes(it)).map(found).collect(), limit)
    }

    pub(super) fn number_of(&self, entry: EntryId) -> Option<u32> {
        self.get().closed.get(&entry).map(|it| it.number)
    }

    pub(super) fn look_rows(&self, after: u64, limit: usize) -> Vec<LookRow> {
        let skip = usize::try_from(after).unwrap_or(usize::MAX);
        self.get().looks.iter().skip(skip).take(limit).cloned().collect()
    }

    pub(super) fn verify(&self) -> Result<Heads, StoreError> {
        let tables = self.get();
        let (mut records, mut looks, mut keys) = (Walk::start(), Walk::start(), Walk::start());
        for row in &tables.records {
            records.step(row)?;
        }
        for row in &tables.looks {
            looks.step(row)?;
        }
        for row in &tables.keys {
            keys.step(row)?;
        }
        Ok(Heads { records: records.head(), looks: looks.head(), keys: keys.head() })
    }
}
