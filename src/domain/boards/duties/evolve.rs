//! What a record makes of a duty. Pure and total: what makes no sense is left alone. Must never decide.

use chrono::{DateTime, Utc};

use super::{DutyEvent, WithdrawnWhy};
use crate::domain::entry::{Body, Due, DueKind, Entry};

pub(super) fn apply(entry: &mut Entry, at: DateTime<Utc>, event: &DutyEvent) {
    let Body::Duties(duty) = &mut entry.body else { return };
    match event {
        DutyEvent::Opened { .. } => {}
        DutyEvent::FellLate {} => duty.late = true,
        DutyEvent::Postponed { until, .. } => {
            duty.postponed += 1;
            duty.late = false;
            entry.set_due(Due::own(DueKind::Duty, *until));
        }
        DutyEvent::Done { reference, to, late } => {
            duty.done_at = Some(at);
            duty.reference = reference.clone();
            duty.told_to = *to;
            duty.withdrawn = false;
            duty.late = *late;
            entry.close(at);
        }
        DutyEvent::Assigned { agreement } => entry.agreement.clone_from(agreement),
        DutyEvent::NowAbout { about } => duty.about = Some(*about),
        DutyEvent::Withdrawn { why } => {
            duty.done_at = Some(at);
            duty.withdrawn = true;
            let due = entry.dues.iter().find(|due| due.what == DueKind::Duty);
            duty.fell_with_help = due.filter(|_| *why == WithdrawnWhy::HelpEnded).cloned();
            entry.close(at);
        }
        DutyEvent::StandsAgain {} => {
            duty.done_at = None;
            duty.withdrawn = false;
            let due = duty.fell_with_help.take();
            entry.reopen();
            due.into_iter().for_each(|due| entry.set_due(due));
        }
    }
}
