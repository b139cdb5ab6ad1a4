//! What is remembered of Nexus from one question to the next: links that were met, receipts of the last notes.
//!
//! Owns how much of it: what was unused for longest makes room. In memory only. Must never hold a name or a text.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use lru::LruCache;
use reqwest::Url;
use serde_json::Value;

use crate::care::locked;
use crate::domain::identity::{ExternalId, Key};

/// Links of citizens remembered at most.
const LINKS_MAX: NonZeroUsize = NonZeroUsize::new(20_000).unwrap();
/// Receipts of written notes remembered at most, so that a key is not written twice.
const RECEIPTS_MAX: NonZeroUsize = NonZeroUsize::new(1_000).unwrap();

pub struct Memory {
    /// The root and its links.
    pub root: Mutex<Option<Arc<Value>>>,
    /// Where a citizen is found, by number, as a list or a search led there.
    pub citizens: Links,
    /// Where the events of a citizen's calendar are found, by the citizen's number.
    pub events: Links,
    /// Held while a note is written: the same note is never under way twice.
    pub receipts: tokio::sync::Mutex<Receipts>,
}

impl Memory {
    pub fn new() -> Self {
        Self {
            root: Mutex::default(),
            citizens: Links::new(),
            events: Links::new(),
            receipts: tokio::sync::Mutex::new(Receipts(LruCache::sparse(RECEIPTS_MAX))),
        }
    }
}

/// A link for each citizen, by number.
pub struct Links(Mutex<LruCache<u64, Url>>);

impl Links {
    fn new() -> Self {
        Self(Mutex::new(LruCache::sparse(LINKS_MAX)))
    }

    pub fn get(&self, number: u64) -> Option<Url> {
        locked(&self.0).get(&number).cloned()
    }

    pub fn remember(&self, number: u64, url: Url) {
        locked(&self.0).put(number, url);
    }

    pub fn forget(&self, number: u64) {
        locked(&self.0).pop(&number);
    }
}

/// By the key that a note was written under.
pub struct Receipts(LruCache<Key, ExternalId>);

impl Receipts {
    pub fn get(&mut self, key: &Key) -> Option<ExternalId> {
        self.0.get(key).cloned()
    }

    pub fn remember(&mut self, key: Key, receipt: ExternalId) {
        self.0.put(key, receipt);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_links_let_go_of_the_one_unused_for_longest() {
        let links = Links::new();
        let url = || Url::parse("https://nexus.example/patient").expect("an address");
        let max = LINKS_MAX.get() as u64;
        (0..max).for_each(|number| links.remember(number, url()));
        assert!(links.get(0).is_some(), "used again");
        links.remember(max, url());
        let left = [0, 1, 2, max].map(|number| links.get(number).is_some());
        assert_eq!(left, [true, false, true, true], "used again, oldest, next, newest");
    }

    #[test]
    fn full_receipts_let_go_of_the_one_unused_for_longest() {
        let mut receipts = Receipts(LruCache::sparse(RECEIPTS_MAX));
        let key = |nth: usize| Key::new(format!("note-{nth}")).expect("a key");
        let receipt = || ExternalId::new("form-1").expect("an id");
        let max = RECEIPTS_MAX.get();
        (0..max).for_each(|nth| receipts.remember(key(nth), receipt()));
        assert!(receipts.get(&key(0)).is_some(), "asked again");
        receipts.remember(key(max), receipt());
        let left = [0, 1, 2, max].map(|nth| receipts.get(&key(nth)).is_some());
        assert_eq!(left, [true, false, true, true], "asked again, oldest, next, newest");
    }
}
