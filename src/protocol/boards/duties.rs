//! Duties on the wire: what is to be written, told or done, and by when.
//!
//! Owns a duty's details: how they are made, what is offered and what the duty asks for. Must never know another board's
//! details.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use utoipa::ToSchema;

use super::super::action::{Action, FieldKind, field, opening, word};
use super::super::attention::{Attention, Level, Next, Why};
use super::super::head::Head;
use super::super::sight::Shown;
use super::column::Column;
use super::offer::{Offer, offer};
use crate::domain::agreement::Matter;
use crate::domain::duties::{Command as C, Correctable, Duty, DutyKind, PostponeReason, ToldTo};
use crate::domain::entry::DueKind;
use crate::domain::identity::{AgreementId, Board, EntryId, PersonName};
use crate::domain::observation::Help;
use crate::domain::vocabulary::{CorrectionReason, Word};

#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DutyDetails {
    pub duty: DutyKind,
    pub about: Option<EntryId>,
    /// The spoken number of what it is about, while that is known.
    pub about_number: Option<u32>,
    /// The board it is on, and since when.
    pub about_board: Option<Board>,
    pub about_since: Option<DateTime<Utc>>,
    pub owner: Option<PersonName>,
    /// Of a notice: what the municipality is told of, or told that it is not so (admission, death, accident, …).
    pub matter: Option<Matter>,
    /// Of a new citizen's first times: which help.
    pub help: Option<Help>,
    /// The contract's clause; none for an own rule.
    pub clause: Option<String>,
    pub done_at: Option<DateTime<Utc>>,
    pub reference: Option<String>,
    /// Of a notice: whom at the municipality it was told.
    pub told_to: Option<ToldTo>,
    pub late: bool,
    pub postponed: u32,
}

impl Column for DutyDetails {
    type Body = Duty;
    type Command = C;

    /// Notes and notices are of the entry that a duty is about.
    const IS_OF_CITIZENS: bool = false;

    fn project(duty: &Duty, shown: Shown<'_>) -> Self {
        let about = duty.about.and_then(|id| shown.sight.find(shown.state, id));
        Self {
            duty: duty.duty,
            about: duty.about.filter(|about| shown.sight.may_name(shown.state, *about)),
            about_number: about.map(|entry| entry.number),
            about_board: about.map(|entry| entry.board()),
            about_since: about.map(|entry| entry.opened_at),
            owner: duty.owner.clone(),
            matter: duty.matter,
            help: duty.help,
            clause: duty.clause.clone(),
            done_at: duty.done_at,
            reference: duty.reference.clone().map(String::from),
            told_to: duty.told_to,
            late: duty.late,
            postponed: duty.postponed,
        }
    }

    fn remnant(_: &Duty, _: DateTime<Utc>) -> Self {
        Self {
            duty: DutyKind::FollowUp,
            about: None,
            about_number: None,
            about_board: None,
            about_since: None,
            owner: None,
            matter: None,
            help: None,
            clause: None,
            done_at: None,
            reference: None,
            told_to: None,
            late: false,
            postponed: 0,
        }
    }

    fn offers(duty: &Duty, _: Shown<'_>) -> Vec<Offer<C>> {
        let until = DateTime::<Utc>::MAX_UTC;
        let mut done = vec![field("reference", FieldKind::Reference, false, &[])];
        if duty.duty.is_notice() {
            done.insert(0, word("to", ToldTo::ALL));
            done.insert(1, field("told_at", FieldKind::Time, false, &[]));
        }
        let mut offers = vec![
            offer(done, C::Done { reference: None, to: None, told_at: None }),
            offer(
                vec![field("until", FieldKind::Time, true, &[]), word("reason", PostponeReason::ALL)],
                C::Postpone { until, reason: PostponeReason::ALL[0] },
            ),
        ];
        if duty.by_hand {
            let (what, reason) = (Correctable::Notice, CorrectionReason::ALL[0]);
            let fields = vec![word("what", Correctable::ALL), word("reason", CorrectionReason::ALL)];
            offers.push(offer(fields, C::Correct { what, reason }));
        }
        offers
    }

    fn attention(&self, head: Head<'_>, now: DateTime<Utc>) -> Option<Attention> {
        let due = head.due_at(DueKind::Duty);
        let (why, next) = match self.duty {
            DutyKind::ActionPlan => (Why::DutyActionPlan, Next::DoActionPlan),
            DutyKind::Documentation => (Why::DutyDocumentation, Next::DoDocumentation),
            DutyKind::HospitalMessages => (Why::DutyHospitalMessages, Next::DoHospitalMessages),
            DutyKind::FollowUp => (Why::DutyFollowUp, Next::DoFollowUp),
            DutyKind::StartOfHelp => (Why::DutyStartOfHelp, Next::DoStartOfHelp),
            DutyKind::AgreeTime => (Why::DutyAgreeTime, Next::DoAgreeTime),
            DutyKind::ImmediateNotice => (Why::DutyImmediateNotice, Next::DoImmediateNotice),
            // Somebody acts on what is not so: overdue from the moment we know.
            DutyKind::NoticeTakenBack => {
                let told = Attention::new(Level::Duty, Why::DutyNoticeTakenBack, Next::DoNoticeTakenBack);
                return Some(told.until(Some(head.opened_at), now));
            }
        };
        let is_asked_for = matches!(self.duty, DutyKind::ActionPlan | DutyKind::ImmediateNotice);
        let is_pressing = self.late || due.is_some_and(|at| at <= now) || is_asked_for;
        let level = if is_pressing { Level::Duty } else { Level::Info };
        Some(Attention::new(level, why, next).until(due, now))
    }
}

/// Telling the municipality at once of what no message tells of, and of no entry on the board (J 3.2).
pub fn opening_a_notice(agreements: &[AgreementId]) -> Action {
    let fields = vec![word("what", Matter::ALL), field("citizen", FieldKind::Citizen, false, &[])];
    opening("duties.notify", agreements, 1, fields)
}
