//! Who may sign in and which agreements are in force, kept beside the log: for as long as the log is being read, and for
//! when it is damaged.
//!
//! Owns that nobody is shut out, and no alarm unheard, because a log is long or broken. What stands in it decides nothing
//! else: whatever is recorded is decided on what the log says. Must never hold a token, only its digest, nor anything
//! about a citizen.

use std::io::Write;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::domain::adoption::AdoptionEvent;
use crate::domain::identity::{Key, Sequence};
use crate::domain::people::PeopleEvent;
use crate::domain::{self, Actor, Event, NO_ENTRY, Record, State, agreement, kinds};
use crate::store::{StoreError, folder};

/// Name of the file in the witness folder.
const FILE: &str = "known";
/// Longer ones are not ours (bytes).
const LENGTH_MAX: u64 = 4 * 1024 * 1024;

/// Where it is kept; nowhere for a log in memory.
#[derive(Debug, Clone)]
pub struct Known(pub Option<PathBuf>);

#[derive(Serialize, Deserialize)]
struct Stored {
    kind: String,
    version: u16,
    payload: Value,
}

impl Known {
    /// The state at `now` as far as it is known without the log. What cannot be read is left out.
    pub fn read(&self, now: DateTime<Utc>) -> State {
        let mut state = State::default();
        for rules in agreement::built_in() {
            apply(&mut state, adopted(rules), now);
        }
        for event in self.events().unwrap_or_default() {
            apply(&mut state, event, now);
        }
        state
    }

    fn events(&self) -> Option<Vec<Event>> {
        let file = self.0.as_ref()?.join(FILE);
        if std::fs::metadata(&file).ok()?.len() > LENGTH_MAX {
            return None;
        }
        let text = std::fs::read_to_string(file).ok()?;
        let (check, events) = text.split_once('\n')?;
        if check != digest(events) {
            tracing::warn!("what is known beside the log cannot be read");
            return None;
        }
        let stored: Vec<Stored> = serde_json::from_str(events).ok()?;
        let event = |it: &Stored| kinds::decode(&it.kind, it.version, &it.payload).ok();
        // Nothing else is believed from here.
        let is_ours = |it: &Event| matches!(it, Event::People(_) | Event::Agreements(_));
        Some(stored.iter().filter_map(event).filter(is_ours).collect())
    }

    /// Keeps what this state says. Blocks. Errors: `Unavailable`.
    pub fn write(&self, state: &State) -> Result<(), StoreError> {
        let Some(dir) = &self.0 else { return Ok(()) };
        let mut stored = Vec::new();
        for event in events_of(state) {
            if let Ok(it) = kinds::encode(&event) {
                stored.push(Stored { kind: it.kind, version: it.version, payload: it.payload });
            }
        }
        let events = serde_json::to_string(&stored).unwrap_or_default();
        let (file, text) = (dir.join(FILE), format!("{}\n{events}", digest(&events)));
        if std::fs::read_to_string(&file).is_ok_and(|known| known == text) {
            return Ok(());
        }
        folder::replace(&file, |file| file.write_all(text.as_bytes()))
    }
}

/// Whether these records change what is known.
pub fn is_told_by(records: &[Record]) -> bool {
    records.iter().any(|record| matches!(record.event, Event::People(_) | Event::Agreements(_)))
}

fn events_of(state: &State) -> Vec<Event> {
    let mut events: Vec<Event> =
        state.agreements.values().map(|rules| adopted(rules.as_ref().clone())).collect();
    for person in state.people.values() {
        events.push(Event::People(PeopleEvent::Added {
            name: person.name.clone(),
            role: person.role,
            agreements: person.agreements.clone(),
            token_digest: person.token_digest.clone(),
        }));
        if person.revoked {
            events.push(Event::People(PeopleEvent::Revoked { name: person.name.clone() }));
        }
    }
    events
}

fn adopted(rules: agreement::Agreement) -> Event {
    Event::Agreements(AdoptionEvent::Adopted { hash: rules.hash(), agreement: Box::new(rules) })
}

fn apply(state: &mut State, event: Event, now: DateTime<Utc>) {
    let record = Record {
        sequence: Sequence(0),
        entry: NO_ENTRY,
        happened_at: now,
        recorded_at: now,
        actor: Actor::Server,
        agreement: None,
        event,
        cause: Key::new("known").expect("a constant key"),
        index: 0,
    };
    domain::evolve(state, &record);
}

fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::identity::PersonName;
    use crate::domain::people::Role;

    #[test]
    fn who_may_sign_in_is_known_again_and_a_changed_file_is_not_believed() {
        let folder = tempfile::tempdir().expect("a folder");
        let known = Known(Some(folder.path().to_path_buf()));
        let now = DateTime::default();
        let mut state = known.read(now);
        let name = PersonName::new("anna").expect("a name");
        let added = PeopleEvent::Added {
            name: name.clone(),
            role: Role::Coordinator,
            agreements: state.agreements.keys().cloned().collect(),
            token_digest: "d".repeat(64),
        };
        apply(&mut state, Event::People(added), now);
        known.write(&state).expect("written");
        assert_eq!(known.read(now).people, state.people);
        assert_eq!(known.read(now).agreements, state.agreements);
        let file = folder.path().join(FILE);
        let text = std::fs::read_to_string(&file).expect("the file").replace("coordinator", "leader");
        std::fs::write(&file, text).expect("changed");
        assert!(known.read(now).people.get(&name).is_none());
    }
}
