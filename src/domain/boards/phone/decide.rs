//! What a coordinator does with a call, and the way back. Must never apply an event.

use super::observe::kept_until;
use super::{Call, Command, Correctable, Phase, PhoneEvent};
use crate::domain::entry::{Due, DueKind, Entry};
use crate::domain::identity::Code;
use crate::domain::observation::Rank;
use crate::domain::refusal::Refusal;
use crate::domain::vocabulary::CorrectionReason;
use crate::domain::{Ctx, Draft, Event, State};

/// Decides a coordinator's command.
pub fn decide(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    call: &Call,
    command: &Command,
) -> Result<Vec<Draft>, Refusal> {
    let wrong_state = || Err(entry.wrong_state());
    let one = |event| Ok(vec![entry.draft(ctx.at, Event::Phone(event))]);
    match command {
        Command::Correct { what, reason } => correct(state, ctx, entry, call, *what, *reason),
        Command::Documented {} => {
            if call.documented_at.is_some() {
                return Err(Refusal::AlreadyDone);
            }
            if matches!(call.phase, Phase::Waiting | Phase::Missed) {
                return wrong_state();
            }
            one(PhoneEvent::Documented {})
        }
        Command::Assign { agreement } => {
            entry.may_be_assigned(state, ctx, agreement)?;
            let mut draft =
                entry.draft(ctx.at, Event::Phone(PhoneEvent::Assigned { agreement: agreement.clone() }));
            draft.agreement = Some(agreement.clone());
            Ok(vec![draft])
        }
        _ if !entry.is_open() => wrong_state(),
        Command::Answer {} => match call.phase {
            Phase::Waiting => {
                entry.not_held_by_other(ctx)?;
                one(PhoneEvent::Answered {
                    by: ctx.actor.person().cloned(),
                    // A key pressed on the wrong row must not hide a miss: the exchange knows better.
                    rank: Rank::Inference,
                    corrects: false,
                })
            }
            _ => wrong_state(),
        },
        Command::CallBack { reached, promise_at } => match call.phase {
            Phase::Missed => {
                entry.not_held_by_other(ctx)?;
                if promise_at.is_some_and(|promise_at| promise_at <= ctx.at) {
                    return Err(Refusal::InPast { field: "promise_at".into() });
                }
                if *reached {
                    one(PhoneEvent::CalledBack {})
                } else {
                    one(PhoneEvent::CallBackTried { promise_at: *promise_at })
                }
            }
            _ => wrong_state(),
        },
        Command::GiveUp { reason } => match call.phase {
            Phase::Missed | Phase::Waiting => {
                entry.not_held_by_other(ctx)?;
                one(PhoneEvent::GivenUp { reason: (*reason).into() })
            }
            _ => wrong_state(),
        },
    }
}

/// The way back for what was wrong.
fn correct(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    call: &Call,
    what: Correctable,
    reason: CorrectionReason,
) -> Result<Vec<Draft>, Refusal> {
    let stands = match what {
        Correctable::CallBack => call.phase == Phase::CalledBack || call.attempts > 0,
        Correctable::GiveUp => call.phase == Phase::GivenUp,
        Correctable::Agreement => entry.agreement.is_some() && entry.candidates.len() > 1,
    };
    if !stands {
        return Err(Refusal::NothingToCorrect);
    }
    let mut dues = Vec::new();
    if let (true, Some(missed_at)) = (what != Correctable::Agreement, call.missed_at.or(call.ended_at)) {
        let kept = kept_until(state, entry, missed_at);
        let kept = if kept > ctx.now { kept } else { kept_until(state, entry, ctx.now) };
        dues = vec![Due::own(DueKind::CallBack, ctx.at), Due::own(DueKind::Kept, kept)];
    }
    let event = PhoneEvent::Corrected { what, reason, dues };
    Ok(vec![entry.draft(ctx.at, Event::Phone(event))])
}

/// A missed call has been kept as long as it is kept: it leaves with an event that says so.
pub fn kept_due(ctx: &Ctx, entry: &Entry, call: &Call) -> Result<Vec<Draft>, Refusal> {
    let due = entry.due(DueKind::Kept).ok_or(Refusal::NotDue)?;
    if due.at > ctx.now || call.phase != Phase::Missed {
        return Err(Refusal::NotDue);
    }
    let reason = Code::new("kept-period-over").expect("a kebab-case constant");
    Ok(vec![entry.draft(ctx.now, Event::Phone(PhoneEvent::GivenUp { reason }))])
}
