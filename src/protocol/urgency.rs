//! Urgency: what an entry asks for at an instant, when that changes by itself, and which of two comes first. Pure, over a
//! public entry; runs on the server and on the desk, so that ages and thresholds move without a message.
//!
//! Must never know a board: each says what its own entries ask for.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};

use super::attention::Attention;
use super::entry::Entry;

/// What the entry asks for at `now`. Nothing of a state that this program does not know.
pub fn attention(entry: &Entry, now: DateTime<Utc>) -> Attention {
    if !entry.is_open() {
        return Attention::NONE;
    }
    entry.details.attention(entry.head(), now).unwrap_or(Attention::NONE)
}

/// Somebody waits for us at this moment, on the line or at home: a call in the queue, an alarm in hand. Paper and
/// yesterday's missed call can wait that long.
fn is_waited_for(entry: &Entry) -> bool {
    entry.details.is_waited_for(entry.head())
}

/// When it is, or was, about: a visit's agreed time; of anything else when we heard of it.
fn stands_at(entry: &Entry) -> DateTime<Utc> {
    entry.details.stands_at().unwrap_or(entry.opened_at)
}

/// Worst first: level, then what nobody has, then where somebody waits, then the nearest limit (overdue first), then
/// the oldest; visits in the order of their times.
pub fn order(a: &Entry, b: &Entry) -> Ordering {
    let key = |entry: &Entry| (entry.attention.level, entry.holder.is_some(), !is_waited_for(entry));
    key(a)
        .cmp(&key(b))
        .then_with(|| match (a.attention.breach_at, b.attention.breach_at) {
            (Some(a), Some(b)) => a.cmp(&b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        })
        .then_with(|| stands_at(a).cmp(&stands_at(b)))
        .then_with(|| a.id.cmp(&b.id))
}

/// The next instant after `now` at which this entry's attention changes by itself.
pub fn changes_at(entry: &Entry, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let near = entry.details.nears_at(entry.head());
    entry.due.iter().map(|due| due.at).chain(near).filter(|at| *at > now).min()
}
