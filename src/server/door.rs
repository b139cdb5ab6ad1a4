//! The door: how many connections there are, and of whom.
//!
//! Owns who gets a place. Whoever has not signed in is a stranger; strangers together have a quarter, and when that is
//! full the one that has said nothing for longest makes room for the next. Everybody comes from this machine (a proxy,
//! an SSH line), so an address says nothing: a place belongs to a token. Must never wait: a new connection is let in at
//! once, as it may be an alarm.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio_util::sync::CancellationToken;

use super::listen::Limits;
use crate::domain::identity::PersonName;
use crate::protocol::Problem;

/// Cheap to clone.
#[derive(Clone)]
pub struct Door(Arc<Inner>);

struct Inner {
    strangers_max: usize,
    signed_in_max: usize,
    of_one_max: usize,
    places: Mutex<Places>,
}

#[derive(Default)]
struct Places {
    next: u64,
    /// Those that have asked nothing yet come before those that have, and each kind by age.
    strangers: BTreeMap<Seniority, CancellationToken>,
    signed_in: HashMap<PersonName, usize>,
}

/// Has asked something, and the number of the connection.
type Seniority = (bool, u64);

impl Door {
    pub fn new(limits: &Limits) -> Self {
        let strangers_max = (limits.connections_max / 4).max(1);
        let signed_in_max = (limits.connections_max - strangers_max.min(limits.connections_max)).max(1);
        let of_one_max = (signed_in_max / 4).max(1);
        Self(Arc::new(Inner { strangers_max, signed_in_max, of_one_max, places: Mutex::default() }))
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.0.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a new connection, if need be that of the stranger who is nearest to the door.
    pub fn come_in(&self) -> Admission {
        let mut places = self.places();
        while places.strangers.len() >= self.0.strangers_max {
            places.send_one_away();
        }
        let (number, gone) = (places.next, CancellationToken::new());
        places.next += 1;
        places.strangers.insert((false, number), gone.clone());
        Admission(Arc::new(Held { door: self.clone(), number, gone, holder: OnceLock::new() }))
    }

    /// The system gives no more descriptors: one stranger makes room.
    pub fn make_room(&self) {
        self.places().send_one_away();
    }
}

impl Places {
    fn send_one_away(&mut self) {
        if let Some((_, gone)) = self.strangers.pop_first() {
            gone.cancel();
        }
    }

    fn forget_stranger(&mut self, number: u64) -> Option<CancellationToken> {
        self.strangers.remove(&(false, number)).or_else(|| self.strangers.remove(&(true, number)))
    }
}

/// One connection's place; given back when the last clone is dropped. Cheap to clone.
#[derive(Clone)]
pub struct Admission(Arc<Held>);

struct Held {
    door: Door,
    number: u64,
    gone: CancellationToken,
    /// Whose place it is, once somebody has signed in on it.
    holder: OnceLock<PersonName>,
}

impl Admission {
    /// Ready when the connection must go.
    pub async fn must_go(&self) {
        self.0.gone.cancelled().await;
    }

    /// A whole header came: whoever says nothing at all goes first.
    pub fn has_asked(&self) {
        let mut places = self.0.door.places();
        if let Some(gone) = places.strangers.remove(&(false, self.0.number)) {
            places.strangers.insert((true, self.0.number), gone);
        }
    }

    /// Somebody has signed in. Errors: one token has too many connections, or all have.
    pub fn sign_in(&self, name: &PersonName) -> Result<(), Problem> {
        let inner = &self.0.door.0;
        let mut places = self.0.door.places();
        if self.0.holder.get().is_some() {
            return Ok(());
        }
        let of_one = places.signed_in.get(name).copied().unwrap_or(0);
        if of_one >= inner.of_one_max || places.signed_in.values().sum::<usize>() >= inner.signed_in_max {
            return Err(Problem::new(429, "too-many-connections").with("max", inner.of_one_max));
        }
        // Sent away in this moment: it is answered, and ends.
        places.forget_stranger(self.0.number);
        *places.signed_in.entry(name.clone()).or_insert(0) += 1;
        let _ = self.0.holder.set(name.clone());
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut places = self.door.places();
        let Some(name) = self.holder.get() else {
            places.forget_stranger(self.number);
            return;
        };
        if let Some(count) = places.signed_in.get_mut(name) {
            *count -= 1;
            if *count == 0 {
                places.signed_in.remove(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door(connections_max: usize) -> Door {
        Door::new(&Limits { connections_max, ..Limits::default() })
    }

    fn name(name: &str) -> PersonName {
        PersonName::new(name).expect("a name")
    }

    fn gone(place: &Admission) -> bool {
        place.0.gone.is_cancelled()
    }

    #[test]
    fn the_stranger_who_said_nothing_for_longest_makes_room_and_who_signed_in_never() {
        let door = door(16);
        let places: Vec<Admission> = (0..4).map(|_| door.come_in()).collect();
        places[0].has_asked();
        places[1].sign_in(&name("central")).expect("there is room");
        let fifth = door.come_in();
        assert!(places.iter().all(|place| !gone(place)), "who signed in left a place");
        let _sixth = door.come_in();
        assert_eq!(places.iter().map(gone).collect::<Vec<_>>(), [false, false, true, false]);
        door.make_room();
        assert!(gone(&places[3]) && !gone(&fifth) && !gone(&places[0]));
    }

    #[test]
    fn one_token_takes_a_share_and_gives_it_back() {
        let door = door(16);
        let mut held = Vec::new();
        for _ in 0..3 {
            let place = door.come_in();
            place.sign_in(&name("central")).expect("its share");
            place.sign_in(&name("central")).expect("once a connection");
            held.push(place);
        }
        let more = door.come_in();
        let problem = more.sign_in(&name("central")).expect_err("more than its share");
        assert_eq!((problem.status, problem.code.as_str()), (429, "too-many-connections"));
        more.sign_in(&name("anna")).expect("somebody else has hers");
        held.pop();
        door.come_in().sign_in(&name("central")).expect("given back");
    }

    #[test]
    fn a_thousand_half_open_connections_hold_no_more_than_their_quarter() {
        let door = door(100);
        let alarm = door.come_in();
        alarm.sign_in(&name("central")).expect("there is room");
        let strangers: Vec<Admission> = (0..1_000).map(|_| door.come_in()).collect();
        assert_eq!(strangers.iter().filter(|place| !gone(place)).count(), 25);
        assert!(!gone(&alarm));
        let next = door.come_in();
        next.sign_in(&name("nordlys")).expect("there is room");
    }
}
