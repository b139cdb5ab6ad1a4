//! What a coordinator does with an alarm, and the way back. Must never apply an event.

use super::clocks::{arrive_due, clocks, justification_due};
use super::evolve::corrected;
use super::observe::redirect;
use super::{Alarm, AlarmEvent, Command, Correctable, Helper};
use crate::domain::agreement::Response;
use crate::domain::entry::{self, Entry};
use crate::domain::identity::AgreementId;
use crate::domain::refusal::Refusal;
use crate::domain::vocabulary::CorrectionReason;
use crate::domain::{Ctx, Draft, Event, State};

/// Decides a coordinator's command.
pub fn decide(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    alarm: &Alarm,
    command: &Command,
) -> Result<Vec<Draft>, Refusal> {
    let one = |event| Ok(vec![entry.draft(ctx.at, Event::Alarms(event))]);
    match command {
        Command::Assign { agreement } => assign(state, ctx, entry, alarm, agreement),
        Command::Correct { what, reason } => correct(state, ctx, entry, alarm, *what, *reason),
        // Also of one that is over.
        Command::Documented {} if alarm.documented_at.is_some() => Err(Refusal::AlreadyDone),
        Command::Documented {} if alarm.talked_at.is_none() => Err(entry.wrong_state()),
        Command::Documented {} => one(AlarmEvent::Documented {}),
        _ if !entry.is_open() => Err(entry.wrong_state()),
        Command::Respond { with, helper } => respond(state, ctx, entry, alarm, *with, *helper),
        Command::Arrive {} => {
            person_alarm(alarm)?;
            in_hand(ctx, entry, alarm)?;
            if alarm.arrived_at.is_some() {
                return Err(Refusal::AlreadyDone);
            }
            one(AlarmEvent::Arrived {})
        }
        Command::Close { outcome } => {
            entry.not_held_by_other(ctx)?;
            if alarm.is_handled() {
                return Err(entry.wrong_state());
            }
            one(AlarmEvent::Closed { outcome: *outcome })
        }
        Command::Redirect { to } => {
            entry.not_held_by_other(ctx)?;
            if alarm.outcome.is_some() {
                return Err(entry.wrong_state());
            }
            match redirect(state, ctx, entry, alarm, &(*to).into()) {
                Err(Refusal::Unchanged) => Err(Refusal::AlreadyDone),
                decided => decided,
            }
        }
        Command::ContestRedirect { reason } => match &alarm.redirect {
            None => Err(entry.wrong_state()),
            Some(redirect) if redirect.contested.is_some() => Err(Refusal::AlreadyDone),
            Some(_) => one(AlarmEvent::RedirectContested { reason: *reason }),
        },
        Command::JustifyBegin {} => match &alarm.justification {
            None => Err(Refusal::JustificationNotOwed),
            Some(it) if it.sent.is_some() || it.begun_at.is_some() => Err(Refusal::AlreadyDone),
            Some(_) => one(AlarmEvent::JustificationBegun {}),
        },
        Command::JustifySent { channel, reference } => match &alarm.justification {
            None => Err(Refusal::JustificationNotOwed),
            Some(it) if it.sent.is_some() => Err(Refusal::AlreadyDone),
            Some(it) => one(AlarmEvent::JustificationSent {
                channel: *channel,
                reference: reference.clone(),
                late: ctx.at > it.due.at,
            }),
        },
        Command::TechnicalDone {} => {
            if !alarm.technical {
                return Err(Refusal::NotTechnical);
            }
            entry.not_held_by_other(ctx)?;
            one(AlarmEvent::TechnicalDone {})
        }
    }
}

fn person_alarm(alarm: &Alarm) -> Result<(), Refusal> {
    if alarm.technical { Err(Refusal::TechnicalAlarm) } else { Ok(()) }
}

/// Not held by another, not over.
fn in_hand(ctx: &Ctx, entry: &Entry, alarm: &Alarm) -> Result<(), Refusal> {
    entry.not_held_by_other(ctx)?;
    if alarm.is_handled() {
        return Err(entry.wrong_state());
    }
    Ok(())
}

/// A response from one who has not claimed it claims it too: one key at 03:00.
fn respond(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    alarm: &Alarm,
    with: Response,
    helper: Option<Helper>,
) -> Result<Vec<Draft>, Refusal> {
    person_alarm(alarm)?;
    in_hand(ctx, entry, alarm)?;
    let named: Vec<_> =
        state.rules(entry.agreements()).filter_map(|rules| rules.alarms.responses.as_ref()).collect();
    if !named.is_empty() && !named.iter().any(|value| value.value().contains(&with)) {
        return Err(Refusal::ResponseNotInAgreement);
    }
    let mut drafts = Vec::new();
    if entry.holder.is_none() {
        drafts.extend(entry::decide(state, ctx, entry, &entry::Command::Claim {})?);
    }
    let arrive_due = arrive_due(state, entry, with, ctx.at);
    let event = AlarmEvent::Responded { with, helper, arrive_due };
    drafts.push(entry.draft(ctx.at, Event::Alarms(event)));
    Ok(drafts)
}

/// Gives the alarm to a municipality: its rules decide about the justification, its ledger counts the redirect.
fn assign(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    alarm: &Alarm,
    agreement: &AgreementId,
) -> Result<Vec<Draft>, Refusal> {
    entry.may_be_assigned(state, ctx, agreement)?;
    Ok(given_to(state, ctx, entry, alarm, agreement))
}

pub(super) fn given_to(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    alarm: &Alarm,
    agreement: &AgreementId,
) -> Vec<Draft> {
    let redirected_at = alarm.redirect.as_ref().map(|it| it.at);
    let justification_due = alarm
        .unanswered_at
        .into_iter()
        .chain(redirected_at)
        .min()
        .and_then(|at| justification_due(state, std::slice::from_ref(agreement), at));
    let event = AlarmEvent::Assigned { agreement: agreement.clone(), justification_due };
    let mut draft = entry.draft(ctx.at, Event::Alarms(event));
    draft.agreement = Some(agreement.clone());
    vec![draft]
}

/// The way back for what was wrong. Both stay visible; figures count the corrected one.
fn correct(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    alarm: &Alarm,
    what: Correctable,
    reason: CorrectionReason,
) -> Result<Vec<Draft>, Refusal> {
    let stands = match what {
        Correctable::Response => alarm.response.is_some(),
        Correctable::Arrival => alarm.arrived_at.is_some(),
        Correctable::Outcome => alarm.outcome.is_some(),
        Correctable::Redirect => alarm.redirect.is_some(),
        Correctable::Unanswered => alarm.unanswered_at.is_some() && alarm.redirect.is_none(),
        Correctable::Justification => {
            alarm.justification.as_ref().is_some_and(|it| it.sent.is_some() || it.begun_at.is_some())
        }
    };
    if !stands {
        return Err(Refusal::NothingToCorrect);
    }
    let mut after = alarm.clone();
    corrected(&mut after, what);
    let dues = clocks(state, ctx, entry, &after);
    let event = AlarmEvent::Corrected { what, reason, dues };
    Ok(vec![entry.draft(ctx.at, Event::Alarms(event))])
}
