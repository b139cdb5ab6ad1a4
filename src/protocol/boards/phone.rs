//! The phone on the wire: a citizen's call, waiting, missed or answered.
//!
//! Owns a call's details: how they are made, what is offered and what the call asks for. Must never know another
//! board's details.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use utoipa::ToSchema;

use super::super::action::{FieldKind, field, word};
use super::super::attention::{Attention, Level, Next, Why};
use super::super::head::Head;
use super::super::sight::Shown;
use super::column::Column;
use super::offer::{Offer, assign, correction, offer};
use crate::domain;
use crate::domain::agreement::{Agreement, AnswerTarget, Value};
use crate::domain::entry::{Body, DueKind, LinkWhy};
use crate::domain::identity::{EntryId, ExternalId, PersonName};
use crate::domain::observation::{MissedReason, Rank};
use crate::domain::phone::{Call, CallState, Command as C, GiveUpReason};
use crate::domain::vocabulary::Word;

#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PhoneDetails {
    pub call: ExternalId,
    pub queue: Option<ExternalId>,
    /// One of our own calls: missed, it is over, and nobody is to be rung back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub colleague: bool,
    pub answered_at: Option<DateTime<Utc>>,
    pub answered_by: Option<PersonName>,
    pub ended_at: Option<DateTime<Utc>>,
    pub missed_at: Option<DateTime<Utc>>,
    pub reason: Option<MissedReason>,
    /// How sure the last fact is.
    pub rank: Rank,
    /// Tries to call back that reached nobody.
    pub attempts: u32,
    pub promise_at: Option<DateTime<Utc>>,
    pub documented: bool,
    /// A later call from the same caller was answered: closing this one is offered.
    pub answered_later: Option<EntryId>,
}

impl Column for PhoneDetails {
    type Body = Call;
    type Command = C;

    fn project(call: &Call, shown: Shown<'_>) -> Self {
        let answered_later =
            shown.entry.links.iter().filter(|link| link.why == LinkWhy::SameCaller).find_map(|link| {
                let other = shown.sight.find(shown.state, link.to)?;
                let Body::Phone(later) = &other.body else { return None };
                (later.answered_at > call.missed_at).then_some(other.id)
            });
        Self {
            call: call.call.clone(),
            queue: call.queue.clone(),
            colleague: call.colleague,
            answered_at: call.answered_at,
            answered_by: call.answered_by.clone(),
            ended_at: call.ended_at,
            missed_at: call.missed_at,
            reason: call.reason,
            rank: call.rank,
            attempts: call.attempts,
            promise_at: call.promise_at,
            documented: call.documented_at.is_some(),
            answered_later: answered_later.filter(|_| call.missed_at.is_some()),
        }
    }

    fn remnant(call: &Call, _: DateTime<Utc>) -> Self {
        Self {
            call: call.call.clone(),
            queue: None,
            colleague: false,
            answered_at: None,
            answered_by: None,
            ended_at: None,
            missed_at: None,
            reason: None,
            rank: Rank::Inference,
            attempts: 0,
            promise_at: None,
            documented: false,
            answered_later: None,
        }
    }

    fn offers(_: &Call, shown: Shown<'_>) -> Vec<Offer<C>> {
        let mut offers = vec![
            offer(vec![], C::Answer {}),
            offer(
                vec![
                    field("reached", FieldKind::Yes, true, &[]),
                    field("promise_at", FieldKind::Time, false, &[]),
                ],
                C::CallBack { reached: true, promise_at: None },
            ),
            offer(vec![], C::Documented {}),
            offer(vec![word("reason", GiveUpReason::ALL)], C::GiveUp { reason: GiveUpReason::ALL[0] }),
        ];
        offers.extend(assign(shown, |agreement| C::Assign { agreement }));
        offers
    }

    fn correction(shown: Shown<'_>) -> Option<Offer<C>> {
        Some(correction(shown, domain::Command::Phone, |what, reason| C::Correct { what, reason }))
    }

    fn attention(&self, head: Head<'_>, now: DateTime<Utc>) -> Option<Attention> {
        let due = |what| head.due_at(what);
        Some(match head.state_of::<CallState>()? {
            CallState::Waiting => {
                let answer = due(DueKind::Answer);
                let why = if answer.is_some_and(|at| at <= now) { Why::WaitsTooLong } else { Why::Waits };
                Attention::new(Level::Duty, why, Next::Answer).until(answer, now)
            }
            CallState::Missed if self.answered_later.is_some() => {
                Attention::new(Level::Info, Why::CalledAgainAnswered, Next::CloseMissed)
                    .until(due(DueKind::CallBack), now)
            }
            CallState::Missed => match due(DueKind::Promise) {
                Some(promise) => {
                    Attention::new(Level::Duty, Why::Promised, Next::CallBack).until(Some(promise), now)
                }
                None => {
                    let why = if self.attempts > 0 { Why::Tried } else { Why::Missed };
                    Attention::new(Level::Duty, why, Next::CallBack).until(due(DueKind::CallBack), now)
                }
            },
            CallState::Answered
            | CallState::Ended
            | CallState::Colleague
            | CallState::CalledBack
            | CallState::GivenUp
            | CallState::BecameAlarm => Attention::new(Level::Info, Why::Talking, Next::Nothing),
        })
    }

    fn is_waited_for(&self, head: Head<'_>) -> bool {
        head.state_of() == Some(CallState::Waiting)
    }

    fn outside_id(&self) -> Option<&ExternalId> {
        Some(&self.call)
    }

    fn answer_within(rules: &Agreement) -> Option<&Value<Vec<AnswerTarget>>> {
        rules.phone.answer_within.as_ref()
    }

    /// An agreement may leave out callers who hang up at once.
    fn answer_formula(rules: &Agreement) -> &'static str {
        match rules.phone.short_abandon_seconds {
            Some(_) => "answered-within-of-all-but-short",
            None => "answered-within-of-all",
        }
    }
}
