//! What starts a duty and what ends it without anybody doing it: called by what happened elsewhere. Must never know what
//! a coordinator does with it.

use chrono::{DateTime, Duration, NaiveDate, Utc};

use super::{DutyEvent, DutyKind, WithdrawnWhy};
use crate::domain::agreement::{Agreement, value_of};
use crate::domain::entry::{Body, Due, DueKind, Entry};
use crate::domain::identity::{AgreementId, Board, CitizenId};
use crate::domain::observation::Help;
use crate::domain::realm::Citizen;
use crate::domain::{Ctx, Draft, Event, State, boards, calendar};

pub(in crate::domain) fn open(
    ctx: &Ctx,
    state: &State,
    about: &Entry,
    duty: DutyKind,
    due: Option<Due>,
) -> Draft {
    let owner = match &about.body {
        Body::Phone(call) => call.answered_by.clone().or_else(|| ctx.actor.person().cloned()),
        // Who ends an alarm knows what was said.
        Body::Alarms(_) if duty == DutyKind::Documentation => ctx.actor.person().cloned(),
        _ => None,
    };
    boards::following(ctx, state, about, due.into_iter().collect(), |opening| {
        Event::Duties(DutyEvent::Opened {
            opening,
            duty,
            about: Some(about.id),
            owner,
            matter: None,
            help: None,
            clause: None,
            by_hand: false,
        })
    })
}

/// The reminder to write a talk down in the care system. None where no agreement in question asks for it.
pub fn documentation(state: &State, ctx: &Ctx, call: &Entry) -> Option<Draft> {
    let rules = state.rules(call.agreements()).find(|rules| rules.phone.documentation.is_some())?;
    let due = rules.phone.documentation_minutes.as_ref().map(|minutes| Due {
        what: DueKind::Duty,
        at: ctx.at + Duration::minutes(i64::from(*minutes.value())),
        clause: rules
            .phone
            .documentation
            .as_ref()
            .and_then(|it| it.clause().map(|it| it.as_str().to_owned())),
        agreement_version: Some(rules.version.clone()),
    });
    Some(open(ctx, state, call, DutyKind::Documentation, due))
}

/// The action plan that the municipality demands when this redirect reaches the limit (J 3.1.13).
/// The contract gives it no date: the municipality sets a reasonable one.
pub fn action_plan(
    state: &State,
    ctx: &Ctx,
    alarm: &Entry,
    agreement: &AgreementId,
    redirected_at: DateTime<Utc>,
) -> Option<Draft> {
    let rules = state.agreements.get(agreement)?;
    let limit = value_of(&rules.alarms.redirect_limit)?;
    let used = state.figures.most_together(rules, Some(redirected_at), Some(alarm.id));
    if used < limit || open_plan(state, agreement).is_some() {
        return None;
    }
    let mut draft = open(ctx, state, alarm, DutyKind::ActionPlan, None);
    draft.agreement = Some(agreement.clone());
    Some(draft)
}

fn open_plan<'s>(state: &'s State, agreement: &AgreementId) -> Option<&'s Entry> {
    state.action_plan(agreement)
}

/// The open action plan that nothing demands any more once this alarm's redirect counts no longer here.
pub fn plan_withdrawn(state: &State, ctx: &Ctx, alarm: &Entry) -> Option<Draft> {
    let agreement = alarm.agreement.as_ref()?;
    let rules = state.agreements.get(agreement)?;
    let limit = value_of(&rules.alarms.redirect_limit)?;
    let plan = open_plan(state, agreement)?;
    let is_still_owed = state.figures.most_together(rules, None, Some(alarm.id)) >= limit;
    if is_still_owed { None } else { Some(withdrawn(ctx, plan)) }
}

/// A duty goes with what it is about to the municipality that this is given to; None: it may be any again.
pub(in crate::domain) fn given(ctx: &Ctx, duty: &Entry, agreement: Option<&AgreementId>) -> Draft {
    let event = DutyEvent::Assigned { agreement: agreement.cloned() };
    Draft { agreement: agreement.cloned(), ..duty.draft(ctx.at, Event::Duties(event)) }
}

pub(in crate::domain) fn withdrawn(ctx: &Ctx, duty: &Entry) -> Draft {
    duty.draft(ctx.at, Event::Duties(DutyEvent::Withdrawn { why: WithdrawnWhy::Corrected }))
}

/// Whether a duty done at `at` is done too late.
pub fn is_late(entry: &Entry, at: DateTime<Utc>) -> bool {
    let fell_late = matches!(&entry.body, Body::Duties(duty) if duty.late);
    fell_late || entry.due(DueKind::Duty).is_some_and(|due| at > due.at)
}

/// The daily round of hospital messages (J 3.1.3), opened at `at` and due within that local date.
pub fn hospital_messages(state: &State, ctx: &Ctx, rules: &Agreement, at: DateTime<Utc>) -> Draft {
    let rule = rules.duties.hospital_messages_daily.as_ref();
    let due = Due {
        what: DueKind::Duty,
        at: calendar::end_of_day_after(at, 0),
        clause: rule.and_then(|it| it.clause().map(|it| it.as_str().to_owned())),
        agreement_version: Some(rules.version.clone()),
    };
    let opened = boards::untold(ctx, state.free_number(0), rules.id.clone(), None, vec![due], |opening| {
        Event::Duties(DutyEvent::Opened {
            opening,
            duty: DutyKind::HospitalMessages,
            about: None,
            owner: None,
            matter: None,
            help: None,
            clause: None,
            by_hand: false,
        })
    });
    Draft { happened_at: at, ..opened }
}

/// What a notice says that help was granted.
pub struct Granted<'o> {
    pub citizen: &'o CitizenId,
    pub help: Help,
    pub notified_at: DateTime<Utc>,
    pub order_on: NaiveDate,
}

/// What such a notice starts (N 3.4): practical help begins within so many days, and a time is agreed by the order date,
/// unless `is_planned` says that a visit of that help is. Nothing where the agreement says neither, and nothing twice.
pub(in crate::domain) fn help_granted(
    state: &State,
    ctx: &Ctx,
    granted: &Granted<'_>,
    is_planned: impl Fn(&Citizen, Help) -> bool,
) -> Vec<Draft> {
    let start = start_of_help(state, ctx, granted.citizen, granted.notified_at);
    let start = start.filter(|_| granted.help == Help::Practical);
    let time = agree_time(state, ctx, granted, is_planned);
    start.into_iter().chain(time).collect()
}

/// The duty to begin a new citizen's practical help within so many days of the notice.
fn start_of_help(state: &State, ctx: &Ctx, citizen: &CitizenId, notified_at: DateTime<Utc>) -> Option<Draft> {
    let (rules, days) =
        state.rules(ctx.scope()).find_map(|rules| Some((rules, rules.visits.start_within_days.as_ref()?)))?;
    let whose = state.citizen_in(std::slice::from_ref(&rules.id), citizen)?;
    if state.is_dead(&whose) || of_citizen(state, &whose, DutyKind::StartOfHelp, None).is_some() {
        return None;
    }
    let clause = days.clause().map(|it| it.as_str().to_owned());
    let due_at = calendar::plus_calendar_days(notified_at, i64::from(*days.value()));
    Some(first_time(state, ctx, rules, citizen, DutyKind::StartOfHelp, Help::Practical, due_at, clause))
}

/// The duty to agree a time by the end of the order date; none once a visit of that help is planned.
fn agree_time(
    state: &State,
    ctx: &Ctx,
    granted: &Granted<'_>,
    is_planned: impl Fn(&Citizen, Help) -> bool,
) -> Option<Draft> {
    let Granted { citizen, help, order_on, .. } = *granted;
    let (rules, rule) = state.rules(ctx.scope()).find_map(|rules| {
        let rule = rules.visits.agree_by_order_date.as_ref().filter(|rule| *rule.value())?;
        Some((rules, rule))
    })?;
    let whose = state.citizen_in(std::slice::from_ref(&rules.id), citizen)?;
    // Delegated nursing has its own ways.
    if help == Help::Nursing
        || state.is_dead(&whose)
        || is_planned(&whose, help)
        || of_citizen(state, &whose, DutyKind::AgreeTime, Some(help)).is_some()
    {
        return None;
    }
    let clause = rule.clause().map(|it| it.as_str().to_owned());
    let due_at = calendar::end_of_day_after(calendar::starts_of_local_date(order_on), 0);
    Some(first_time(state, ctx, rules, citizen, DutyKind::AgreeTime, help, due_at, clause))
}

#[expect(
    clippy::too_many_arguments,
    reason = "one shape for two duties; each argument is a fact of the duty"
)]
fn first_time(
    state: &State,
    ctx: &Ctx,
    rules: &Agreement,
    citizen: &CitizenId,
    duty: DutyKind,
    help: Help,
    due_at: DateTime<Utc>,
    clause: Option<String>,
) -> Draft {
    let nth = u32::from(duty == DutyKind::AgreeTime);
    let agreement_version = Some(rules.version.clone());
    let due = Due { what: DueKind::Duty, at: due_at, clause: clause.clone(), agreement_version };
    let (number, agreement) = (state.free_number(nth), rules.id.clone());
    let opened = boards::untold(ctx, number, agreement, Some(citizen), vec![due], |opening| {
        Event::Duties(DutyEvent::Opened {
            opening,
            duty,
            about: None,
            owner: None,
            matter: None,
            help: Some(help),
            clause,
            by_hand: false,
        })
    });
    Draft { entry: ctx.fresh(nth), ..opened }
}

/// The citizen's open duty of that kind, for that help where one is named.
fn of_citizen<'s>(
    state: &'s State,
    citizen: &Citizen,
    kind: DutyKind,
    help: Option<Help>,
) -> Option<&'s Entry> {
    state.of_citizen_on(citizen, Board::Duties).find(|entry| {
        matches!(&entry.body, Body::Duties(duty) if duty.duty == kind && (help.is_none() || duty.help == help))
    })
}

/// The citizen has died or moved away, or help has stopped: nobody owes a beginning any more.
pub fn help_ended(state: &State, ctx: &Ctx, citizen: &Citizen) -> Vec<Draft> {
    let why = WithdrawnWhy::HelpEnded;
    state
        .of_citizen_on(citizen, Board::Duties)
        .filter(|entry| matches!(&entry.body, Body::Duties(duty) if duty.duty.begins_help()))
        .map(|entry| entry.draft(ctx.at, Event::Duties(DutyEvent::Withdrawn { why })))
        .collect()
}

/// Help had not ended after all: what fell away with it is owed again.
pub fn help_goes_on(state: &State, ctx: &Ctx, citizen: &Citizen) -> Vec<Draft> {
    state
        .closed_of_citizen(citizen)
        .filter(|entry| matches!(&entry.body, Body::Duties(duty) if duty.fell_with_help.is_some()))
        .map(|entry| entry.draft(ctx.at, Event::Duties(DutyEvent::StandsAgain {})))
        .collect()
}

/// It is done, by what happened elsewhere.
pub(in crate::domain) fn fulfilled(ctx: &Ctx, entry: &Entry, late: bool) -> Draft {
    entry.draft(ctx.at, Event::Duties(DutyEvent::Done { reference: None, to: None, late }))
}

/// It happened in time or not, whenever we heard of it: heard of after the limit is not done after it.
fn in_its_time(ctx: &Ctx, entry: &Entry) -> Draft {
    let late = entry.due(DueKind::Duty).is_some_and(|due| ctx.at > due.at);
    fulfilled(ctx, entry, late)
}

/// Help has begun: the duties to begin it and to agree a time are done.
pub fn help_started(state: &State, ctx: &Ctx, citizen: &Citizen, help: Help) -> Vec<Draft> {
    let start = of_citizen(state, citizen, DutyKind::StartOfHelp, None).filter(|_| help == Help::Practical);
    let start = start.map(|entry| in_its_time(ctx, entry));
    start.into_iter().chain(time_agreed(state, ctx, citizen, help)).collect()
}

/// A visit of that help is planned: the duty to agree a time is done.
pub fn time_agreed(state: &State, ctx: &Ctx, citizen: &Citizen, help: Help) -> Option<Draft> {
    of_citizen(state, citizen, DutyKind::AgreeTime, Some(help)).map(|entry| in_its_time(ctx, entry))
}
