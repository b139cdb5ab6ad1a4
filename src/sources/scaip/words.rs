//! What units said of themselves last.
//!
//! Owns when a word says nothing new. Of more units than are remembered, the one that spoke longest ago makes room: its
//! next word is taken as new.

use std::num::NonZeroUsize;
use std::time::Duration;

use lru::LruCache;
use tokio::time::Instant;

use super::translate::Word;
use crate::domain::identity::ExternalId;

/// A unit that says the same of itself within so long says nothing new.
const SAME_WORD: Duration = Duration::from_secs(10);
/// Units whose last word is remembered, at most.
const WORDS_MAX: NonZeroUsize = NonZeroUsize::new(20_000).unwrap();

pub struct Words(LruCache<ExternalId, (Word, Instant)>);

impl Words {
    pub fn new() -> Self {
        Self(LruCache::sparse(WORDS_MAX))
    }

    /// The unit said just this a moment ago.
    pub fn is_same(&self, device: &ExternalId, word: Word, now: Instant) -> bool {
        let before = self.0.peek(device);
        before.is_some_and(|(before, at)| *before == word && now.duration_since(*at) < SAME_WORD)
    }

    pub fn remember(&mut self, device: ExternalId, word: Word, now: Instant) {
        self.0.put(device, (word, now));
    }

    pub fn forget(&mut self, device: &ExternalId) {
        self.0.pop(device);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::steady;

    #[test]
    fn the_word_said_longest_ago_makes_room_for_a_new_one() {
        let (mut words, now) = (Words::new(), steady());
        let device = |nth: usize| ExternalId::new(format!("unit-{nth}")).expect("an id");
        let max = WORDS_MAX.get();
        (0..max).for_each(|nth| words.remember(device(nth), Word::Presence, now));
        words.remember(device(0), Word::Presence, now);
        words.remember(device(max), Word::Presence, now);
        let left = [0, 1, 2, max].map(|nth| words.is_same(&device(nth), Word::Presence, now));
        assert_eq!(left, [true, false, true, true], "said again, oldest, next, newest");
        assert!(!words.is_same(&device(max), Word::Presence, now + SAME_WORD), "long ago");
    }
}
