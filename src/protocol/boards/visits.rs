//! Visits on the wire: an agreed visit, on time or not, moved, cancelled, or at a door that nobody opens.
//!
//! Owns a visit's details: how they are made, what is offered and what the visit asks for. Must never know another
//! board's details.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use utoipa::ToSchema;

use super::super::action::{FieldKind, field, word, word_or_none, words_or_none};
use super::super::attention::{Attention, Level, Next, Why};
use super::super::head::Head;
use super::super::sight::Shown;
use super::column::Column;
use super::offer::{Offer, choice, correction, offer};
use super::steps::{Step, steps};
use crate::domain;
use crate::domain::agreement::DoorStep;
use crate::domain::entry::DueKind;
use crate::domain::identity::ExternalId;
use crate::domain::observation::{CancelledBy, Grant, Help};
use crate::domain::visit_rules::{Standing, holiday_clause};
use crate::domain::visits::{
    Canceller, Command as C, Door, DoorOutcome, DoorSkipped, Halt, Side, Visit, VisitState,
};
use crate::domain::vocabulary::Word;

#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VisitDetails {
    pub visit: ExternalId,
    pub grant: Option<Grant>,
    pub help: Option<Help>,
    /// As now agreed, after moves.
    pub agreed_at: Option<DateTime<Utc>>,
    /// As agreed at first, when it was moved.
    pub first_agreed_at: Option<DateTime<Utc>>,
    /// The plan's own window, Copenhagen `HH:MM`.
    pub window_from: Option<String>,
    pub window_to: Option<String>,
    pub expected_at: Option<DateTime<Utc>>,
    pub started_at: Option<DateTime<Utc>>,
    pub done_at: Option<DateTime<Utc>>,
    /// Once it is as far off as must be told.
    pub side: Option<Side>,
    /// How far off.
    pub minutes: Option<i64>,
    /// From how many minutes the citizen is contacted.
    pub limit_minutes: Option<u32>,
    pub contacted_at: Option<DateTime<Utc>>,
    pub reached: Option<bool>,
    /// Tries to contact the citizen.
    pub tries: u32,
    pub moves: Vec<VisitMove>,
    pub cancelled_at: Option<DateTime<Utc>>,
    pub cancelled_by: Option<Canceller>,
    pub cancellation_told_at: Option<DateTime<Utc>>,
    /// Told before the agreed hour on the working day before (J 3.1.5).
    pub cancelled_in_time: Option<bool>,
    /// None where nothing is owed.
    pub replacement: Option<Standing>,
    pub replaced_at: Option<DateTime<Utc>>,
    pub door: Option<DoorDetails>,
    /// The visit stands still.
    pub halted: Option<Halt>,
    /// Its time is long over and no receipt came.
    pub no_receipt: bool,
    /// The clause that the last change spoke against.
    pub against_contract: Option<String>,
    /// The clause of the delivery interval that the visit will leave as it is expected now, while the citizen does not
    /// know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_outside: Option<String>,
    /// Practical help on a public holiday: another day is offered by this clause.
    pub holiday_clause: Option<String>,
}

impl VisitDetails {
    /// How far off it is at `now` (minutes): one that has not begun gets later until it does.
    pub fn minutes_off(&self, now: DateTime<Utc>) -> Option<i64> {
        let known = self.minutes?;
        let is_over = self.started_at.is_some() || self.done_at.is_some() || self.cancelled_at.is_some();
        if is_over || self.side != Some(Side::Late) {
            return Some(known);
        }
        Some(self.agreed_at.map_or(known, |agreed| known.max((now - agreed).num_minutes())))
    }
}

/// One move of a visit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VisitMove {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub asked_by: CancelledBy,
    pub at: DateTime<Utc>,
}

/// A door that nobody opened.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DoorDetails {
    pub since: DateTime<Utc>,
    /// The agreement's steps in its order, then others that were done.
    pub steps: Vec<Step>,
    pub clause: Option<String>,
    pub outcome: Option<DoorOutcome>,
    pub closed_at: Option<DateTime<Utc>>,
    /// Why steps were left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<DoorSkipped>,
    /// Where the municipality's instruction is to be found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instruction: Option<String>,
}

impl DoorDetails {
    fn of(door: &Door, shown: Shown<'_>) -> Self {
        let rule =
            shown.state.rules(shown.entry.agreements()).find_map(|rules| rules.visits.door_steps.as_ref());
        let listed = rule.map(|value| value.value().as_slice()).unwrap_or_default();
        Self {
            since: door.since,
            steps: steps(listed, &door.steps),
            clause: rule.and_then(|value| value.clause()).map(|clause| clause.as_str().to_owned()),
            outcome: door.outcome.as_ref().map(|(code, _)| *code),
            closed_at: door.outcome.as_ref().map(|(_, at)| *at),
            skipped: door.skipped,
            instruction: shown
                .state
                .rules(shown.entry.agreements())
                .find_map(|rules| rules.visits.door_instruction.as_ref())
                .map(|value| value.value().clone()),
        }
    }
}

impl Column for VisitDetails {
    type Body = Visit;
    type Command = C;

    fn project(visit: &Visit, shown: Shown<'_>) -> Self {
        let plan = visit.plan.as_ref();
        let off = visit.deviation();
        let clock = |time: chrono::NaiveTime| time.format("%H:%M").to_string();
        let window = plan.and_then(|plan| plan.window);
        let cancelled = visit.cancelled.as_ref();
        Self {
            visit: visit.visit.clone(),
            grant: plan.map(|plan| plan.grant),
            help: plan.map(|plan| plan.help),
            agreed_at: visit.agreed_at(),
            first_agreed_at: visit.moves.first().map(|moved| moved.from),
            window_from: window.map(|window| clock(window.from)),
            window_to: window.map(|window| clock(window.to)),
            expected_at: visit.expected_at,
            started_at: visit.started_at,
            done_at: visit.done_at,
            side: off.map(|off| off.side),
            minutes: off.map(|off| off.minutes),
            limit_minutes: plan.and_then(|plan| plan.limit.as_ref()).map(|limit| limit.minutes),
            contacted_at: visit.contact.as_ref().map(|it| it.at),
            reached: visit.contact.as_ref().map(|it| it.reached),
            tries: visit.tries,
            moves: visit
                .moves
                .iter()
                .map(|it| VisitMove { from: it.from, to: it.to, asked_by: it.asked_by, at: it.at })
                .collect(),
            cancelled_at: cancelled.map(|it| it.at),
            cancelled_by: cancelled.map(|it| it.by),
            cancellation_told_at: cancelled.map(|it| it.told_at),
            cancelled_in_time: cancelled.and_then(|it| it.in_time),
            replacement: Some(visit.replacement).filter(|it| *it != Standing::Nothing),
            replaced_at: visit.replaced_at,
            door: visit.door.as_ref().map(|door| DoorDetails::of(door, shown)),
            halted: visit.halted,
            no_receipt: visit.no_receipt_since.is_some(),
            against_contract: visit.against_contract.clone(),
            expected_outside: visit.expected_outside.clone().filter(|_| visit.leaves_interval()),
            holiday_clause: plan.and_then(|plan| holiday_clause(shown.state, shown.entry, plan)),
        }
    }

    fn remnant(visit: &Visit, _: DateTime<Utc>) -> Self {
        Self {
            visit: visit.visit.clone(),
            grant: None,
            help: None,
            agreed_at: None,
            first_agreed_at: None,
            window_from: None,
            window_to: None,
            expected_at: None,
            started_at: None,
            done_at: None,
            side: None,
            minutes: None,
            limit_minutes: None,
            contacted_at: None,
            reached: None,
            tries: 0,
            moves: Vec::new(),
            cancelled_at: None,
            cancelled_by: None,
            cancellation_told_at: None,
            cancelled_in_time: None,
            replacement: None,
            replaced_at: None,
            door: None,
            halted: None,
            no_receipt: false,
            against_contract: None,
            expected_outside: None,
            holiday_clause: None,
        }
    }

    fn offers(visit: &Visit, shown: Shown<'_>) -> Vec<Offer<C>> {
        let confirmed = || field("confirmed", FieldKind::Yes, false, &[]);
        let another_time = visit.agreed_at().unwrap_or(shown.now) + Duration::hours(1);
        let is_open = |step: &&DoorStep| {
            visit.door.as_ref().is_none_or(|door| door.steps.iter().all(|(done, _)| done != *step))
        };
        let open: Vec<DoorStep> = DoorStep::ALL.iter().filter(is_open).copied().collect();
        let outcome = if open.is_empty() { Some(DoorOutcome::ALL[0]) } else { None };
        let mut at_door = vec![words_or_none("steps", &open)];
        if open.len() < DoorStep::ALL.len() {
            at_door.extend([word_or_none("step", DoorStep::ALL), field("done", FieldKind::Yes, false, &[])]);
        }
        at_door
            .extend([word_or_none("outcome", DoorOutcome::ALL), word_or_none("skipped", DoorSkipped::ALL)]);
        let by = CancelledBy::Citizen;
        let mut offers = vec![
            offer(vec![field("reached", FieldKind::Yes, true, &[])], C::Contact { reached: true }),
            offer(
                at_door,
                C::Door {
                    steps: open.first().copied().into_iter().collect(),
                    step: None,
                    done: true,
                    outcome,
                    skipped: None,
                },
            ),
            offer(
                vec![
                    field("to", FieldKind::Time, true, &[]),
                    word("asked_by", CancelledBy::ALL),
                    confirmed(),
                ],
                C::Move { to: another_time, asked_by: by, confirmed: true },
            ),
            offer(
                vec![field("at", FieldKind::Time, true, &[]), confirmed()],
                C::Replace { at: another_time, confirmed: true },
            ),
            offer(vec![], C::Done {}),
            offer(
                vec![
                    word("by", CancelledBy::ALL),
                    field("told_at", FieldKind::Time, false, &[]),
                    confirmed(),
                ],
                C::Cancel { by, told_at: None, confirmed: true },
            ),
        ];
        offers.extend(choice(shown, |agreement| C::Assign { agreement }));
        offers
    }

    fn correction(shown: Shown<'_>) -> Option<Offer<C>> {
        Some(correction(shown, domain::Command::Visits, |what, reason| C::Correct { what, reason }))
    }

    fn attention(&self, head: Head<'_>, now: DateTime<Utc>) -> Option<Attention> {
        let contact = head.due_at(DueKind::Contact);
        let started = self.started_at.is_some();
        let moved_by_us = self.moves.last().is_some_and(|moved| moved.asked_by == CancelledBy::Provider);
        let duty = |why| Attention::new(Level::Duty, why, Next::Contact);
        let info = |why, next| Attention::new(Level::Info, why, next);
        let state = head.state_of::<VisitState>()?;
        Some(match state {
            VisitState::DoorUnanswered => {
                let since = self.door.as_ref().map(|door| door.since);
                Attention::new(Level::Duty, Why::DoorUnanswered, Next::DoorSteps).until(since, now)
            }
            // Somebody is there: it is a fact for the figures, nobody need be rung any more.
            VisitState::Late | VisitState::NotReached | VisitState::Early if started => {
                info(Why::StartedOffTime, Next::Nothing)
            }
            VisitState::Late => duty(Why::VisitLate).until(contact, now),
            VisitState::Early => duty(Why::VisitEarly).until(contact, now),
            VisitState::NotReached => duty(Why::NotReached).until(contact, now),
            VisitState::Cancelled => match self.replacement {
                // Somebody may have been about to ring about it: that does not go away with it.
                Some(Standing::Judgement) if self.cancelled_by == Some(Canceller::Withdrawn) => {
                    Attention::new(Level::Duty, Why::VisitWithdrawn, Next::CheckPlan)
                }
                Some(Standing::Judgement) => info(Why::ReplacementJudgement, Next::AskOrReplace),
                Some(Standing::Owed | Standing::Nothing) | None => info(Why::ReplacementOwed, Next::Replace),
            },
            VisitState::Moved if moved_by_us => duty(Why::MovedUntold),
            _ if self.no_receipt => info(Why::NoReceipt, Next::Receipt),
            _ if self.halted.is_some() => Attention::new(Level::None, Why::VisitHalted, Next::Nothing),
            VisitState::Planned if self.expected_outside.is_some() => {
                duty(Why::LeavesInterval).until(self.agreed_at, now)
            }
            VisitState::Planned if self.holiday_clause.is_some() && !started => {
                info(Why::OnHoliday, Next::OfferAnotherDay)
            }
            VisitState::Moved => Attention::new(Level::None, Why::Moved, Next::Nothing),
            VisitState::Contacted => Attention::new(Level::None, Why::Contacted, Next::Nothing),
            VisitState::Planned | VisitState::Replaced | VisitState::Done => {
                Attention::new(Level::None, Why::Planned, Next::Nothing)
            }
        })
    }

    fn is_waited_for(&self, head: Head<'_>) -> bool {
        head.state_of() == Some(VisitState::DoorUnanswered)
    }

    /// The plan was known long before: a visit is as old as its agreed time.
    fn since(&self, head: Head<'_>) -> Option<DateTime<Utc>> {
        match head.state_of()? {
            VisitState::DoorUnanswered => self.door.as_ref().map(|door| door.since),
            VisitState::Cancelled => self.cancelled_at,
            VisitState::Moved => self.moves.last().map(|moved| moved.at),
            VisitState::Planned
            | VisitState::Late
            | VisitState::Early
            | VisitState::Contacted
            | VisitState::NotReached
            | VisitState::Replaced
            | VisitState::Done => self.agreed_at,
        }
    }

    fn stands_at(&self) -> Option<DateTime<Utc>> {
        self.agreed_at
    }

    fn says_dead(command: &C) -> bool {
        matches!(command, C::Door { outcome: Some(DoorOutcome::Deceased), .. })
    }
}
