//! A request that comes in parts (`ame`: so many are still to come). Pure: told what came and when, says what is known.
//!
//! Nothing waits for the rest. The first part is taken in as the alarm that it is, each later one as more about the same;
//! so the alarm rings and is on disk as early as if it had come whole, whatever becomes of the others. What is joined
//! here is only what was said so far, so that a later part without a state does not look like another alarm. Must never
//! hold a part back, nor remember one for longer than a unit may take to say the next.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::wire::{CALLERS_MAX, Kind, Request};

/// Most parts of one request.
pub const PARTS_MAX: u16 = 16;
/// So much text is joined (bytes).
const TEXT_MAX: usize = 16 * 1024;
/// How long the next part may take.
const NEXT_WITHIN: TimeDelta = TimeDelta::seconds(60);
/// Requests that may be half said at once; of more the parts are taken each on its own.
const OPEN_MAX: usize = 1_000;

/// What a part is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Everything said so far.
    pub request: Request,
    /// It goes on something that was said before.
    pub is_more: bool,
    /// More is to come: who says it is answered after the last one.
    pub is_half: bool,
}

/// Requests of one receiver that are half said.
#[derive(Default)]
pub struct Parts {
    open: HashMap<(String, String), Half>,
}

struct Half {
    request: Request,
    until: DateTime<Utc>,
}

impl Parts {
    /// A request came. False beside it: it promises more parts than are joined, and is taken on its own.
    pub fn told(&mut self, request: Request, now: DateTime<Utc>) -> (Part, bool) {
        let whole = |request| Part { request, is_more: false, is_half: false };
        self.open.retain(|_, half| half.until >= now);
        let (Some(account), Some(reference)) = (&request.account, &request.reference) else {
            return (whole(request), true);
        };
        let id = (account.clone(), reference.clone());
        if request.kind != Kind::Message {
            // Given up, or something else: what was half said is over.
            self.open.remove(&id);
            return (whole(request), true);
        }
        let before = self.open.remove(&id).filter(|half| request.to_come < half.request.to_come);
        if request.to_come > PARTS_MAX {
            return (whole(request), false);
        }
        let is_more = before.is_some();
        let request = match before {
            Some(half) => joined(half.request, request),
            None => request,
        };
        let is_half = request.to_come > 0 && self.open.len() < OPEN_MAX;
        if is_half {
            self.open.insert(id, Half { request: request.clone(), until: now + NEXT_WITHIN });
        }
        (Part { request, is_more, is_half }, true)
    }
}

/// What was said first stands; texts and callers are added, up to what one request may hold.
fn joined(first: Request, next: Request) -> Request {
    let mut texts = first.texts;
    let mut room = TEXT_MAX - texts.iter().map(String::len).sum::<usize>().min(TEXT_MAX);
    for text in next.texts {
        if text.len() <= room && !texts.contains(&text) {
            room -= text.len();
            texts.push(text);
        }
    }
    let mut callers = first.callers;
    callers.extend(next.callers);
    callers.truncate(CALLERS_MAX);
    Request {
        root: first.root,
        kind: first.kind,
        reference: first.reference,
        account: first.account,
        device_type: first.device_type.or(next.device_type),
        // What would make a person's alarm a lesser one is believed at its beginning alone.
        state: first.state,
        info: first.info,
        takes_interval: first.takes_interval || next.takes_interval,
        to_come: next.to_come,
        callers,
        texts,
        is_broken: first.is_broken || next.is_broken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_310_040 + seconds, 0).expect("a good time")
    }

    fn part(to_come: u16, text: &str) -> Request {
        Request {
            reference: Some("r1".into()),
            account: Some("700".into()),
            to_come,
            texts: vec![text.into()],
            ..Request::default()
        }
    }

    fn said(part: &Part) -> (String, bool, bool) {
        (part.request.texts.join("+"), part.is_more, part.is_half)
    }

    #[test]
    fn parts_are_joined_one_by_one_and_none_is_held_back() {
        let mut parts = Parts::default();
        let first = Request { state: Some(16), ..part(2, "a") };
        assert_eq!(said(&parts.told(first, at(0)).0), ("a".into(), false, true));
        assert_eq!(said(&parts.told(part(1, "b"), at(59)).0), ("a+b".into(), true, true));
        let (last, _) = parts.told(part(0, "c"), at(118));
        assert_eq!((said(&last), last.request.state), (("a+b+c".into(), true, false), Some(16)));
        assert_eq!(said(&parts.told(part(0, "d"), at(119)).0), ("d".into(), false, false), "a new request");
    }

    #[test]
    fn what_is_said_from_the_beginning_again_too_late_or_by_another_unit_begins_anew() {
        let mut parts = Parts::default();
        parts.told(part(2, "a"), at(0));
        assert_eq!(said(&parts.told(part(2, "a"), at(1)).0), ("a".into(), false, true), "repeated");
        assert_eq!(said(&parts.told(part(0, "c"), at(62)).0), ("c".into(), false, false), "too late");
        parts.told(part(2, "a"), at(0));
        let other = Request { account: Some("800".into()), ..part(1, "x") };
        assert_eq!(said(&parts.told(other, at(1)).0), ("x".into(), false, true));
        let gives_up = Request { kind: Kind::Reset, ..part(0, "") };
        assert!(!parts.told(gives_up, at(2)).0.is_more);
        assert!(!parts.told(part(1, "b"), at(3)).0.is_more, "what it gave up is over");
    }

    #[test]
    fn too_many_parts_too_many_half_said_and_too_much_text_are_not_joined() {
        let mut parts = Parts::default();
        let (alone, is_known) = parts.told(part(PARTS_MAX + 1, "a"), at(0));
        assert_eq!((said(&alone), is_known), (("a".into(), false, false), false));
        for unit in 0..=OPEN_MAX {
            let one = Request { account: Some(unit.to_string()), ..part(1, "a") };
            assert_eq!(parts.told(one, at(0)).0.is_half, unit < OPEN_MAX);
        }
        let mut parts = Parts::default();
        let long = "x".repeat(TEXT_MAX - 1);
        parts.told(part(3, "a"), at(0));
        parts.told(part(2, &long), at(0));
        let (more, _) = parts.told(Request { callers: vec!["gsm:1".into(); 20], ..part(1, "bb") }, at(0));
        assert_eq!((more.request.texts.len(), more.request.callers.len()), (2, CALLERS_MAX));
    }
}
