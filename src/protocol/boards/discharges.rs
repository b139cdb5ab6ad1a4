//! Discharges on the wire: a hospital stay, from the admission to help that runs again.
//!
//! Owns a stay's details: how they are made, what is offered and what the stay asks for. Must never know another board's
//! details.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use utoipa::ToSchema;

use super::super::action::{Action, FieldKind, field, opening, word};
use super::super::attention::{Attention, Level, Next, Why};
use super::super::head::Head;
use super::super::sight::Shown;
use super::column::Column;
use super::offer::{MadeUp, Offer, choice, correction, offer};
use super::steps::{Step, steps};
use crate::domain::agreement::{Agreement, DischargeStep, Rule, Value, holds};
use crate::domain::discharges::{
    Command as C, Stay, StayState, StopReason, Teller, Upset, WhyStopped, elsewhere, first_day_visits,
    may_be_same,
};
use crate::domain::entry::{self, DueKind};
use crate::domain::identity::{AgreementId, Code, EntryId, ExternalId};
use crate::domain::observation::Setting;
use crate::domain::vocabulary::Word;
use crate::domain::{self, State};

/// A homecoming is a duty for somebody on this shift when it is expected within this many hours.
const HOMECOMING_NEAR_HOURS: i64 = 24;

/// A hospital stay. Where the citizen is comes from what was told, folded by when it happened.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DischargeDetails {
    /// None for one opened by hand that no message has joined yet.
    pub stay: Option<ExternalId>,
    pub setting: Option<Setting>,
    /// A planned admission; the others are acute.
    pub planned: bool,
    pub department: Option<ExternalId>,
    pub admitted_at: Option<DateTime<Utc>>,
    pub leave_since: Option<DateTime<Utc>>,
    pub discharged_at: Option<DateTime<Utc>>,
    pub died_at: Option<DateTime<Utc>>,
    /// When the citizen is expected home, as last told.
    pub expected_at: Option<DateTime<Utc>>,
    /// Who said so.
    pub expected_told_by: Option<Code>,
    pub expected_told_at: Option<DateTime<Utc>>,
    /// How often something told before was corrected or cancelled.
    pub corrections: u32,
    /// The resume list of the agreement, in its order.
    pub steps: Vec<Step>,
    /// Whether the assessors must be asked about: did they tell us before an acute admission?
    pub asks_assessors: bool,
    pub assessors_told: Option<bool>,
    /// The first day's visits count as wasted; none while unknown or where the agreement does not say.
    pub first_day_wasted: Option<bool>,
    pub first_day_clause: Option<String>,
    /// Visits of the admission's own date from then on.
    pub first_day_visits: u32,
    /// Planned admission: the cancelled visits are reported to the assessors.
    pub report_clause: Option<String>,
    /// Acute help to receive groceries may be needed.
    pub groceries_clause: Option<String>,
    pub resumed_at: Option<DateTime<Utc>>,
    pub stopped_at: Option<DateTime<Utc>>,
    pub stop_reason: Option<WhyStopped>,
    /// The open entry that may be the same stay (`join`): of one opened by hand that of a message, of one whose citizen
    /// is unknown that of another source.
    pub may_be_same: Option<EntryId>,
    /// Told after help was resumed or stopped.
    pub upset: Option<Upset>,
    pub upset_at: Option<DateTime<Utc>>,
    /// By its times it ended before it began: taken at its word, and a clock is wrong somewhere.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub odd: bool,
    /// A later stay of the same citizen, while this one has no end: moved there? (`join`)
    pub elsewhere: Option<EntryId>,
}

impl DischargeDetails {
    /// Taken away or dead by what our own people say; no hospital has said a word of it.
    pub fn is_by_our_word(&self) -> bool {
        self.stay.is_none() && (self.admitted_at.is_some() || self.died_at.is_some())
    }
}

impl Column for DischargeDetails {
    type Body = Stay;
    type Command = C;

    fn project(stay: &Stay, shown: Shown<'_>) -> Self {
        let Shown { state, entry, sight, .. } = shown;
        let struck = first_day_visits(state, entry, stay);
        let struck = struck.into_iter().filter(|visit| sight.may_name(state, *visit)).count();
        let rules = || state.rules(entry.agreements());
        let wasted_rule = rules().any(|rules| holds(&rules.discharges.first_day_wasted)) && stay.is_acute();
        let lists = rules().filter_map(|rules| rules.discharges.steps.as_ref());
        let listed: Vec<DischargeStep> = lists.flat_map(|value| value.value().iter().copied()).collect();
        let clause = |when: bool, rule: fn(&Agreement) -> &Rule<bool>| {
            if when { clause_of(state, entry, rule) } else { None }
        };
        let comes_home = matches!(stay.state(), StayState::DischargeExpected | StayState::Discharged);
        let now = &stay.now;
        Self {
            stay: stay.stay.clone(),
            setting: now.setting,
            planned: now.planned,
            department: now.department.clone(),
            admitted_at: now.admitted_at,
            leave_since: now.leave_since,
            discharged_at: now.discharged_at,
            died_at: now.died_at,
            expected_at: now.expected.as_ref().map(|it| it.expected_at),
            expected_told_by: now.expected.as_ref().map(|it| it.told_by.clone()),
            expected_told_at: now.expected.as_ref().map(|it| it.told_at),
            corrections: now.corrections,
            steps: steps(&listed, &stay.steps),
            asks_assessors: wasted_rule && stay.assessors_told.is_none(),
            assessors_told: stay.assessors_told,
            first_day_wasted: stay.assessors_told.filter(|_| wasted_rule).map(|told| !told),
            first_day_clause: clause(wasted_rule, |rules| &rules.discharges.first_day_wasted),
            first_day_visits: u32::try_from(struck).unwrap_or(u32::MAX),
            report_clause: clause(now.planned, |rules| &rules.discharges.report_planned_admission),
            groceries_clause: clause(comes_home, |rules| &rules.discharges.groceries_help),
            resumed_at: stay.resumed_at,
            stopped_at: stay.stopped.as_ref().map(|it| it.at),
            stop_reason: stay.stopped.as_ref().map(|it| it.reason),
            may_be_same: may_be_same(state, entry, stay, |other| sight.sees(other)).map(|other| other.id),
            upset: stay.upset.map(|(upset, _)| upset),
            upset_at: stay.upset.map(|(_, at)| at),
            odd: now.is_odd,
            elsewhere: elsewhere(state, entry, stay).filter(|other| sight.sees(other)).map(|other| other.id),
        }
    }

    fn remnant(_: &Stay, _: DateTime<Utc>) -> Self {
        Self {
            stay: None,
            setting: None,
            planned: false,
            department: None,
            admitted_at: None,
            leave_since: None,
            discharged_at: None,
            died_at: None,
            expected_at: None,
            expected_told_by: None,
            expected_told_at: None,
            corrections: 0,
            steps: Vec::new(),
            asks_assessors: false,
            assessors_told: None,
            first_day_wasted: None,
            first_day_clause: None,
            first_day_visits: 0,
            report_clause: None,
            groceries_clause: None,
            resumed_at: None,
            stopped_at: None,
            stop_reason: None,
            may_be_same: None,
            upset: None,
            upset_at: None,
            odd: false,
            elsewhere: None,
        }
    }

    fn offers(stay: &Stay, shown: Shown<'_>) -> Vec<Offer<C>> {
        let steps = DischargeStep::ALL;
        let is_open = |step: &&DischargeStep| stay.steps.iter().all(|(done, _)| done != *step);
        let step = *steps.iter().find(is_open).unwrap_or(&steps[0]);
        // Taking a resumption back is offered only when help runs in vain, and then first.
        let in_vain = stay.resumed_at.is_some() && !stay.is_resumed();
        let mut reasons = StopReason::ALL.to_vec();
        if in_vain {
            reasons.rotate_right(1);
        } else {
            reasons.retain(|reason| *reason != StopReason::BackInHospital);
        }
        let told_by = Teller::ALL[0];
        let mut offers = vec![
            offer(vec![], C::Resume {}),
            offer(
                vec![field("expected_at", FieldKind::Time, true, &[]), word("told_by", Teller::ALL)],
                C::Expect { agreement: None, citizen: None, expected_at: shown.now, told_by },
            ),
            offer(
                vec![word("step", steps), field("done", FieldKind::Yes, false, &[])],
                C::Step { step, done: true },
            ),
            offer(
                vec![field("told", FieldKind::Yes, true, &[])],
                C::AssessorsTold { told: !stay.assessors_told.unwrap_or(false) },
            ),
            offer(vec![word("reason", &reasons)], C::Stop { reason: reasons[0] }),
        ];
        if shown.entry.due(DueKind::StillThere).is_some() {
            offers.push(offer(vec![], C::StillThere {}));
        }
        if let Some(other) = may_be_same(shown.state, shown.entry, stay, |other| shown.sight.sees(other)) {
            let same_as = vec![field("same_as", FieldKind::Entry, true, &[&other.number.to_string()])];
            offers.push(offer(same_as, C::Join { same_as: other.id }).made_up(MadeUp::Entry));
        }
        offers.extend(choice(shown, |agreement| C::Assign { agreement }));
        offers
    }

    fn correction(shown: Shown<'_>) -> Option<Offer<C>> {
        Some(correction(shown, domain::Command::Discharges, |what, reason| C::Correct { what, reason }))
    }

    fn attention(&self, head: Head<'_>, now: DateTime<Utc>) -> Option<Attention> {
        let due = |what| head.due_at(what);
        if let Some(upset) = self.upset {
            // Help runs for nobody, or nobody gets help: overdue from the moment it was told.
            let (why, next) = match upset {
                Upset::DischargeCancelled => (Why::DischargeCancelled, Next::StopHelpAgain),
                Upset::AdmittedAgain => (Why::AdmittedAgain, Next::StopHelpAgain),
                Upset::DeathCancelled => (Why::DeathCancelled, Next::ResumeOrLook),
            };
            return Some(Attention::new(Level::Duty, why, next).until(self.upset_at, now));
        }
        let nothing = |why| Attention::new(Level::Info, why, Next::Nothing);
        Some(match head.state_of::<StayState>()? {
            StayState::Discharged => {
                Attention::new(Level::Duty, Why::Discharged, Next::Resume).until(due(DueKind::Resume), now)
            }
            StayState::DischargeExpected => {
                let at = due(DueKind::Expected);
                let near = at.is_none_or(|at| at - now <= Duration::hours(HOMECOMING_NEAR_HOURS));
                let why = if at.is_some_and(|at| at <= now) { Why::HomeByNow } else { Why::ComesHome };
                let is_prepared = self.steps.iter().all(|step| step.done_at.is_some());
                let next = if is_prepared { Next::Resume } else { Next::Prepare };
                Attention::new(if near { Level::Duty } else { Level::Info }, why, next).until(at, now)
            }
            StayState::Cancelled => Attention::new(Level::Duty, Why::NeverAdmitted, Next::Resume),
            StayState::Dead => Attention::new(Level::Duty, Why::Dead, Next::Stop),
            // Help stands still for somebody who may be elsewhere, or at home.
            StayState::Admitted | StayState::OnLeave if self.elsewhere.is_some() => {
                Attention::new(Level::Duty, Why::MovedElsewhere, Next::AskMoved)
            }
            StayState::Admitted | StayState::OnLeave
                if due(DueKind::StillThere).is_some_and(|at| at <= now) =>
            {
                let (why, next) = match self.is_by_our_word() {
                    true => (Why::StillAway, Next::AskStillThere),
                    false => (Why::NoWord, Next::AskMoved),
                };
                Attention::new(Level::Duty, why, next).until(due(DueKind::StillThere), now)
            }
            StayState::Admitted if self.asks_assessors => {
                Attention::new(Level::Duty, Why::AskAssessors, Next::AssessorsTold)
            }
            StayState::Admitted if self.report_clause.is_some() => {
                Attention::new(Level::Info, Why::AdmittedPlanned, Next::ReportToAssessors)
            }
            StayState::Admitted => nothing(Why::Admitted),
            StayState::OnLeave => nothing(Why::OnLeave),
            // Resumed and stopped are over, but for an upset.
            StayState::Resumed | StayState::Stopped => nothing(Why::Resumed),
        })
    }

    fn nears_at(&self, head: Head<'_>) -> Option<DateTime<Utc>> {
        head.due_at(DueKind::Expected).map(|at| at - Duration::hours(HOMECOMING_NEAR_HOURS))
    }

    fn since(&self, head: Head<'_>) -> Option<DateTime<Utc>> {
        match head.state_of()? {
            _ if self.upset.is_some() => self.upset_at,
            StayState::OnLeave => self.leave_since,
            StayState::Discharged => self.discharged_at,
            StayState::Dead => self.died_at,
            StayState::Admitted => self.admitted_at,
            StayState::DischargeExpected | StayState::Resumed | StayState::Stopped | StayState::Cancelled => {
                None
            }
        }
    }

    fn says_dead(command: &C) -> bool {
        matches!(command, C::Stop { reason: StopReason::Dead })
    }
}

/// Opening a stay by hand: what the coordinator was told on the telephone (N 3.5.3). For whoever may use these
/// agreements; with only one there is nothing to choose.
pub fn opening_a_stay(agreements: &[AgreementId]) -> Action {
    let fields = vec![
        field("citizen", FieldKind::Citizen, false, &[]),
        field("expected_at", FieldKind::Time, true, &[]),
        word("told_by", Teller::ALL),
    ];
    opening("discharges.open", agreements, 0, fields)
}

/// The clause of a yes-or-no rule that says yes in one of the entry's agreements.
fn clause_of<'s>(
    state: &'s State,
    entry: &'s entry::Entry,
    rule: impl Fn(&'s Agreement) -> &'s Rule<bool>,
) -> Option<String> {
    state
        .rules(entry.agreements())
        .filter_map(rule_of(rule))
        .find_map(|value| value.clause().map(|clause| clause.as_str().to_owned()))
}

fn rule_of<'s>(
    rule: impl Fn(&'s Agreement) -> &'s Rule<bool>,
) -> impl Fn(&'s Agreement) -> Option<&'s Value<bool>> {
    move |rules| rule(rules).as_ref().filter(|value| *value.value())
}
