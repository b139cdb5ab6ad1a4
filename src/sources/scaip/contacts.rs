//! Where units said that they are to be reached.
//!
//! Owns how many are remembered: the one unheard for longest makes room. Must never know who may be believed.

use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use super::head::Contact;

/// Units whose contact is remembered, at most.
const REMEMBERED_MAX: NonZeroUsize = NonZeroUsize::new(20_000).unwrap();

/// By the user that a unit registered as.
pub struct Contacts(Mutex<LruCache<String, Contact>>);

impl Contacts {
    pub fn new() -> Self {
        Self(Mutex::new(LruCache::sparse(REMEMBERED_MAX)))
    }

    pub fn remember(&self, user: String, contact: Contact) {
        self.all().put(user, contact);
    }

    pub fn of(&self, user: &str) -> Option<Contact> {
        self.all().get(user).copied()
    }

    fn all(&self) -> MutexGuard<'_, LruCache<String, Contact>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::Transport;
    use super::*;

    #[test]
    fn a_unit_unheard_for_longest_makes_room_for_a_new_one() {
        let contacts = Contacts::new();
        let max = REMEMBERED_MAX.get();
        let contact = Contact { transport: Transport::Udp, address: ([192, 0, 2, 1], 5060).into() };
        let hears = |nth: usize| contacts.remember(nth.to_string(), contact);
        (0..max).for_each(hears);
        hears(0);
        hears(max);
        let left = [0, 1, 2, max].map(|nth| contacts.of(&nth.to_string()).is_some());
        assert_eq!(left, [true, false, true, true], "registered again, oldest, next, newest");
    }
}
