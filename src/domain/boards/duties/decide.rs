//! What a coordinator does with a duty, and the way back. Must never apply an event.

use super::owed::is_late;
use super::{Command, Duty, DutyEvent};
use crate::domain::entry::{DueKind, Entry};
use crate::domain::refusal::Refusal;
use crate::domain::{Ctx, Draft, Event, notices};

/// Decides a coordinator's command.
pub fn decide(ctx: &Ctx, entry: &Entry, duty: &Duty, command: &Command) -> Result<Vec<Draft>, Refusal> {
    if let Command::Correct { reason, .. } = command {
        return notices::correct(ctx, entry, duty, *reason);
    }
    if duty.done_at.is_some() && !notices::may_still_be_told(duty, command) {
        return Err(Refusal::AlreadyDone);
    }
    entry.not_held_by_other(ctx)?;
    let event = match command {
        Command::Done { reference, to, told_at } if duty.duty.is_notice() => {
            return notices::told(ctx, entry, reference.as_ref(), *to, *told_at);
        }
        Command::Done { to: Some(_), .. } => return Err(Refusal::UnknownCode { field: "to".into() }),
        Command::Done { reference, .. } => {
            DutyEvent::Done { reference: reference.clone(), to: None, late: is_late(entry, ctx.at) }
        }
        Command::Notify { .. } | Command::Correct { .. } => {
            return Err(Refusal::WrongBoard { board: entry.board() });
        }
        Command::Postpone { until, reason } => {
            if *until <= ctx.now {
                return Err(Refusal::InPast { field: "until".into() });
            }
            DutyEvent::Postponed { until: *until, reason: *reason }
        }
    };
    Ok(vec![entry.draft(ctx.at, Event::Duties(event))])
}

/// The duty's date has passed: the timer's decision.
pub fn fell_late(ctx: &Ctx, entry: &Entry, duty: &Duty) -> Result<Vec<Draft>, Refusal> {
    let due = entry.due(DueKind::Duty).ok_or(Refusal::NotDue)?;
    if due.at > ctx.now || duty.late || duty.done_at.is_some() {
        return Err(Refusal::NotDue);
    }
    Ok(vec![entry.draft(due.at, Event::Duties(DutyEvent::FellLate {}))])
}
