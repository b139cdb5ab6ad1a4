//! What is the same when it comes again: a command under its id, a fact under its key, a timer that fires twice.
//!
//! Owns the digests that are remembered and the causes that are stored. Both are for ever: each says its form, or is made
//! of words that no renaming changes. Must never know what came of the first.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::{Fact, Item, in_micros};
use crate::domain::entry::DueKind;
use crate::domain::identity::{AgreementId, EntryId, Key};
use crate::domain::{Actor, StandingDue};
use crate::engine::Order;
use crate::store::Seen;

/// What must be the same for two commands under one id to be one command, as a digest. The number in front says which
/// form of it.
pub(super) fn asked(order: &Order) -> String {
    format!("2:{}", digest(&serde_json::to_string(&(order.entry, &order.command)).unwrap_or_default()))
}

/// Whether what is remembered under its id is this command. One of an older form is not compared but for the entry, where
/// one is named: whoever asks again across an upgrade gets the answer of then. Ids are drawn anew for each command.
pub(super) fn is_asked_again(seen: &Seen, asked: &str, entry: Option<EntryId>) -> bool {
    match seen.digest.starts_with("2:") {
        true => seen.digest == asked,
        false => entry.is_none() || seen.entry == entry,
    }
}

/// What must be the same for two facts under one key to be one fact, as a digest. The number in front says which form
/// of it: what was remembered before in another form is compared in that one.
pub(super) fn content(fact: &Fact) -> String {
    let said = serde_json::to_string(&fact.observation).unwrap_or_default();
    let at = fact.is_timed.then(|| in_micros(fact.at).timestamp_micros());
    let agreement = fact.agreement.as_ref().map(AgreementId::as_str);
    format!("2:{}:{}", digest(&format!("{said}\n{agreement:?}")), at.unwrap_or_default())
}

/// The same under the same key, and only the time differs: a sender that says it again as of now.
pub(super) fn is_said_later(seen: &Seen, content: &str) -> bool {
    let what = |digest: &str| digest.rsplit_once(':').map(|(what, _)| what.to_owned());
    seen.digest.starts_with("2:") && what(&seen.digest) == what(content)
}

/// Whether what is remembered under its key is this fact.
pub(super) fn is_equal(seen: &Seen, fact: &Fact, content: &str) -> bool {
    match seen.digest.strip_prefix("2:") {
        Some(_) => seen.digest == content,
        None => seen.digest == digest(&serde_json::to_string(&fact.observation).unwrap_or_default()),
    }
}

/// The key of a fact whose own key stood for another one.
pub(super) fn again_key(key: &Key, content: &str) -> Key {
    cause("again-", &format!("{key}\n{content}"))
}

/// The keys under which facts may stand whose own key stands for another fact, in the log or in this batch. Nearly every
/// key is new: of those nothing is worked out.
pub(super) fn reused(items: &[Item], known: &HashMap<(String, Key), Seen>) -> Vec<(String, Key)> {
    let mut first: HashMap<(String, Key), &Fact> = HashMap::new();
    let mut again = Vec::new();
    for item in items {
        let Item::Facts(source, facts, ..) = item else { continue };
        let scope = Actor::Source(source.clone()).to_string();
        for fact in facts {
            let place = (scope.clone(), fact.key.clone());
            let is_other = |content: &str| match (known.get(&place), first.get(&place)) {
                (Some(seen), _) => !is_equal(seen, fact, content),
                (None, Some(first)) => self::content(first) != content,
                (None, None) => false,
            };
            if known.contains_key(&place) || first.contains_key(&place) {
                let content = content(fact);
                if is_other(&content) {
                    again.push((scope.clone(), again_key(&fact.key, &content)));
                }
            }
            first.entry(place).or_insert(fact);
        }
    }
    again
}

/// SHA-256, the first 128 bits.
pub(in crate::engine) fn digest(text: &str) -> String {
    hex::encode(&Sha256::digest(text.as_bytes())[..16])
}

/// A digest as a key: letters only, so that it never has the shape of a CPR number.
pub(super) fn cause(prefix: &'static str, text: &str) -> Key {
    Key::of_bytes(prefix, &Sha256::digest(text.as_bytes())[..16])
}

/// The cause of an observation's events: a digest, since keys are unique per source only.
pub(super) fn fact_cause(scope: &str, fact: &Key) -> Key {
    cause("fact-", &format!("{scope}\n{fact}"))
}

/// The cause of a command's events: a digest, since ids are unique per person only.
pub(super) fn order_cause(scope: &str, id: &Key) -> Key {
    cause("order-", &format!("{scope}\n{id}"))
}

/// The cause of a timer's events, the same on every server. With the version, since what was corrected may fall due
/// at the same time once more.
pub(super) fn timer_cause(entry: EntryId, version: u32, what: DueKind, at_ms: i64) -> Key {
    cause("due-", &format!("{entry}/{version}/{}/{at_ms}", what.cause()))
}

/// The cause of a standing duty's events, the same on every server.
pub(super) fn standing_cause(due: &StandingDue) -> Key {
    cause("standing-", &due.cause())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::vocabulary::Word;
    use crate::domain::{Command, entry};

    fn seen(digest: &str, entry: Option<EntryId>) -> Seen {
        Seen {
            scope: "person:anna".into(),
            key: Key::new("k-1").unwrap(),
            digest: digest.into(),
            outcome: "done".into(),
            entry,
            first: None,
            answer: None,
        }
    }

    fn order(entry: Option<EntryId>, command: Command) -> Order {
        let actor = Actor::Person(crate::domain::identity::PersonName::nobody());
        Order {
            id: Key::new("k-1").unwrap(),
            actor,
            entry,
            expected_version: None,
            happened_at: None,
            command,
        }
    }

    #[test]
    fn a_command_of_before_is_answered_as_then_and_another_is_told_apart() {
        let (one, other) = (EntryId(uuid::Uuid::from_u128(1)), EntryId(uuid::Uuid::from_u128(2)));
        let claim = order(Some(one), Command::Entry(entry::Command::Claim {}));
        let release = order(Some(one), Command::Entry(entry::Command::Release {}));
        // As versions before this one remembered it.
        let old = seen("0f1e2d3c4b5a69788796a5b4c3d2e1f0", Some(one));
        assert!(is_asked_again(&old, &asked(&claim), Some(one)));
        assert!(!is_asked_again(&old, &asked(&claim), Some(other)), "about another entry");
        let new = seen(&asked(&claim), Some(one));
        assert!(is_asked_again(&new, &asked(&claim), Some(one)));
        assert!(!is_asked_again(&new, &asked(&release), Some(one)), "another command");
    }

    #[test]
    fn the_causes_of_timers_are_those_of_every_version_before() {
        // A log of 30 November 2026 has these, made of the words as they were then.
        for what in DueKind::ALL {
            assert_eq!(what.cause(), format!("{what:?}"), "renamed: the cause keeps the old word");
        }
        let entry = EntryId(uuid::Uuid::from_u128(7));
        let old = Sha256::digest(format!("{entry}/3/RingOut/1795000000000").as_bytes());
        assert_eq!(
            timer_cause(entry, 3, DueKind::RingOut, 1_795_000_000_000),
            Key::of_bytes("due-", &old[..16])
        );
        let due = StandingDue::HospitalMessages {
            agreement: AgreementId::new("jammerbugt").unwrap(),
            on: chrono::NaiveDate::from_ymd_opt(2026, 11, 30).unwrap(),
        };
        let old = r#"HospitalMessages { agreement: AgreementId("jammerbugt"), on: 2026-11-30 }"#;
        assert_eq!(standing_cause(&due), cause("standing-", old));
    }
}
