//! Who an entry is about, asked of its municipality's care system.
//!
//! Owns who is asked about and when; the answer goes into live data and nowhere else. Must never keep what was asked for
//! an entry that is over, or given to another municipality meanwhile.

use super::cares::{self, Port};
use super::live::Personal;
use super::{Engine, Fact, Published};
use crate::care::{CareError, Person};
use crate::domain::Refusal;
use crate::domain::entry::{Body, Entry, Origin};
use crate::domain::identity::{CitizenId, EntryId, Key};
use crate::domain::observation::{Matched, Observation, Rank};

/// Pause before a care system that was away is asked again who somebody is.
const ASK_WHO_AGAIN: chrono::TimeDelta = chrono::TimeDelta::seconds(10);

impl Engine {
    /// Asks its care system who an entry is about, in the background; puts the answer in live data. A plan of a thousand
    /// visits asks for nobody: it does when there is something to ring about, or when somebody opens one. An alarm or a
    /// call is asked about at once; everything else takes its turn, so that many late visits never stand before it.
    pub(super) fn ask_who(&self, entry: &Entry) {
        let asked = self.cares.about(entry);
        if !entry.is_spoken_of() || matches!(asked, Err(Refusal::CitizenUnknown)) {
            return;
        }
        let engine = self.clone();
        let id = entry.id;
        let device = entry.origin.clone().filter(|_| entry.citizen.is_none());
        let may_wait = !matches!(entry.body, Body::Alarms(_) | Body::Phone(_));
        tokio::spawn(async move {
            let Ok((port, whose)) = asked else {
                return engine.told_who(id, None, None, Err(cares::NOBODY)).await;
            };
            let mut was_away = false;
            while engine.is_served(id, &port) {
                let answer = {
                    let _turn = if may_wait { port.asking.acquire().await.ok() } else { None };
                    if !engine.is_served(id, &port) {
                        return;
                    }
                    port.care.who(&whose).await
                };
                let is_away = matches!(answer, Err(CareError::Away { .. }));
                // Being away is news once.
                if !(is_away && was_away) {
                    engine.told_who(id, Some(&port), device.as_ref(), answer).await;
                }
                if !is_away {
                    return;
                }
                was_away = true;
                engine.clock.sleep(ASK_WHO_AGAIN).await;
            }
        });
    }

    /// Somebody opens a visit as planned: only now its care system is asked who it is about.
    pub async fn ask_on_opening(&self, entry: &Entry) {
        let is_named = self.live.get(entry.id).is_some_and(|personal| personal.name.is_some());
        if entry.is_spoken_of() || !entry.is_open() || is_named {
            return;
        }
        if let Ok((port, whose)) = self.cares.about(entry) {
            let answer = port.care.who(&whose).await;
            self.told_who(entry.id, Some(&port), None, answer).await;
        }
    }

    /// Open, and still one that this port may be asked about.
    fn is_served(&self, entry: EntryId, port: &Port) -> bool {
        let state = self.state();
        let entry = state.entry(entry).filter(|entry| entry.is_open());
        entry.and_then(|it| self.cares.of_entry(it)).is_some_and(|it| it.name == port.name)
    }

    fn is_open(&self, entry: EntryId) -> bool {
        self.state().entry(entry).is_some_and(Entry::is_open)
    }

    async fn told_who(
        &self,
        id: EntryId,
        port: Option<&Port>,
        device: Option<&Origin>,
        answer: Result<Person, CareError>,
    ) {
        let is_anothers = || port.is_some_and(|port| self.is_open(id) && !self.is_served(id, port));
        // Given to another municipality while it was asked: this is not whom its id means there.
        if is_anothers() {
            return;
        }
        let personal = match answer {
            Ok(person) => {
                if let Some(origin) = device {
                    self.matched(id, origin.clone(), person.citizen).await;
                }
                Personal {
                    name: Some(person.name),
                    address: Some(person.address),
                    phone: person.phone,
                    key_box: person.key_box,
                    ..Personal::default()
                }
            }
            Err(error) => {
                // What is not set up was said once, at the start; whom it does not know is said on the entry.
                if !matches!(error, CareError::NotSetUp { .. } | CareError::Unknown) {
                    tracing::warn!(entry = %id, %error, "the care system was asked who it is");
                }
                Personal { care_missing: true, ..Personal::default() }
            }
        };
        if is_anothers() {
            return;
        }
        self.live.merge(id, personal);
        if is_anothers() {
            self.live.forget_person(id);
        }
        // Over in the meantime: what came too late must not stay.
        if !self.is_open(id) {
            self.live.forget(id);
            return;
        }
        let _ = self.published.send(Published::LiveChanged(id));
    }

    /// The care system told whose device it is: its opaque id joins the entry.
    async fn matched(&self, entry: EntryId, origin: Origin, citizen: CitizenId) {
        let key = Key::of_bytes("care-", entry.0.as_bytes());
        let fact = Fact {
            key,
            at: self.clock.now(),
            agreement: None,
            candidates: Vec::new(),
            rank: Rank::Event,
            observation: Observation::CitizenMatched { of: Matched::Alarm(origin.id), citizen },
            personal: Personal::default(),
            is_timed: false,
            is_session: false,
            marks: Vec::new(),
        };
        if self.observe(&origin.source, vec![fact]).await.is_err() {
            tracing::warn!("a citizen could not be joined to an entry");
        }
    }
}
