//! What a record makes of a duty. Pure and total: what makes no sense is left alone. Must never decide.

use super::{Duty, DutyEvent, DutyKind, WithdrawnWhy};
use crate::domain::entry::{Body, Due, DueKind, Entry};
use crate::domain::envelope::Record;
use crate::domain::{State, calendar};

/// Applies one event.
pub fn evolve(state: &mut State, record: &Record, event: &DutyEvent) {
    if let DutyEvent::Opened { opening, duty, about, owner, matter, help, clause, by_hand } = event {
        let body = Body::Duty(Duty {
            duty: *duty,
            about: *about,
            owner: owner.clone(),
            matter: *matter,
            help: *help,
            clause: clause.clone(),
            by_hand: *by_hand,
            done_at: None,
            reference: None,
            told_to: None,
            late: false,
            postponed: 0,
            withdrawn: false,
            fell_with_help: None,
        });
        if let (DutyKind::HospitalMessages, Some(agreement)) = (duty, &record.agreement) {
            state.standing_opened(agreement, calendar::local_date(record.happened_at));
        }
        state.insert(Entry::open(record, opening, body));
        return;
    }
    state.change(record.entry, |entry| {
        entry.version += 1;
        let Body::Duty(duty) = &mut entry.body else { return };
        match event {
            DutyEvent::Opened { .. } => {}
            DutyEvent::FellLate {} => duty.late = true,
            DutyEvent::Postponed { until, .. } => {
                duty.postponed += 1;
                duty.late = false;
                entry.set_due(Due::own(DueKind::Duty, *until));
            }
            DutyEvent::Done { reference, to, late } => {
                duty.done_at = Some(record.happened_at);
                duty.reference = reference.clone();
                duty.told_to = *to;
                duty.withdrawn = false;
                duty.late = *late;
                entry.close(record.happened_at);
            }
            DutyEvent::Assigned { agreement } => entry.agreement.clone_from(agreement),
            DutyEvent::NowAbout { about } => duty.about = Some(*about),
            DutyEvent::Withdrawn { why } => {
                duty.done_at = Some(record.happened_at);
                duty.withdrawn = true;
                let due = entry.dues.iter().find(|due| due.what == DueKind::Duty);
                duty.fell_with_help = due.filter(|_| *why == WithdrawnWhy::HelpEnded).cloned();
                entry.close(record.happened_at);
            }
            DutyEvent::StandsAgain {} => {
                duty.done_at = None;
                duty.withdrawn = false;
                let due = duty.fell_with_help.take();
                entry.reopen();
                due.into_iter().for_each(|due| entry.set_due(due));
            }
        }
    });
}
