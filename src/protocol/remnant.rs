//! What is left of an entry for a scope that it turned out not to belong to: that it is over there, and which one it was.
//!
//! Made from nothing, never by taking away from what others see: a field that an entry gets tomorrow is not in it.

use chrono::{DateTime, Utc};

use super::attention::Attention;
use super::entry::{
    AlarmDetails, Details, DischargeDetails, DutyDetails, Entry, PhoneDetails, SourceDetails, VisitDetails,
};
use crate::domain::duties::DutyKind;
use crate::domain::entry::{self, Body};
use crate::domain::observation::Rank;
use crate::domain::sources::TroubleKind;

/// The state of every remnant.
pub const ELSEWHERE: &str = "elsewhere";

/// The remnant of an entry that was given to others at `at`.
pub fn remnant(of: &entry::Entry, at: DateTime<Utc>) -> Entry {
    Entry {
        id: of.id,
        number: of.number,
        state: ELSEWHERE.to_owned(),
        agreement: None,
        candidates: Vec::new(),
        version: of.version,
        opened_at: of.opened_at,
        recorded_at: of.recorded_at,
        closed_at: Some(at),
        holder: None,
        due: Vec::new(),
        attention: Attention::NONE,
        citizen: None,
        links: Vec::new(),
        notes: 0,
        escalation: None,
        told: Vec::new(),
        details: details(&of.body, at),
        at_rest: false,
        actions: Vec::new(),
        live: None,
    }
}

/// What the outside calls it, where the scope knew that; else nothing.
fn details(body: &Body, at: DateTime<Utc>) -> Details {
    match body {
        Body::Phone(call) => Details::Phone(PhoneDetails {
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
        }),
        Body::Alarms(alarm) => Details::Alarms(AlarmDetails {
            alarm: alarm.alarm.clone(),
            device: None,
            trigger: None,
            technical: false,
            test: false,
            signals: 0,
            queue: None,
            talked_at: None,
            talk_ended_at: None,
            answered_at: None,
            response: None,
            responded_at: None,
            helper: None,
            arrived_at: None,
            outcome: None,
            cleared_at: None,
            presence_at: None,
            unanswered_at: None,
            redirected_at: None,
            redirected_to: None,
            contested: None,
            justification: None,
        }),
        Body::Discharges(_) => Details::Discharges(stay()),
        Body::Visits(visit) => Details::Visits(VisitDetails {
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
            holiday_clause: None,
        }),
        Body::Duties(_) => Details::Duties(DutyDetails {
            duty: DutyKind::FollowUp,
            about: None,
            about_number: None,
            owner: None,
            matter: None,
            help: None,
            clause: None,
            done_at: None,
            reference: None,
            told_to: None,
            late: false,
            postponed: 0,
        }),
        Body::Sources(_) => Details::Sources(SourceDetails {
            source: String::new(),
            trouble: TroubleKind::Odd,
            what: None,
            line: None,
            row: None,
            count: 0,
            last_at: at,
            rows: Vec::new(),
        }),
    }
}

fn stay() -> DischargeDetails {
    DischargeDetails {
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
