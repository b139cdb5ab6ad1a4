//! From the domain to the wire: a domain entry as the public one, and the figures of a board.
//!
//! Must never decide anything: it only shows.

use chrono::{DateTime, Utc};

use super::actions::actions;
use super::attention::{Attention, attention};
use super::board::{Answering, Contact, Ledger, Within};
use super::entry::{
    AlarmDetails, Details, DischargeDetails, DoorDetails, Due, DutyDetails, Entry, Escalation, Holder,
    Justification, MunicipalityTold, PhoneDetails, RowOfFile, SourceDetails, Step, VisitDetails, VisitMove,
};
use crate::domain::agreement::{Agreement, AnswerTarget, DischargeStep, Rule, Value, holds};
use crate::domain::discharges::StayState;
use crate::domain::entry::{self, Body, LinkWhy};
use crate::domain::figures::Counts;
use crate::domain::identity::{AgreementId, Board, Code, EntryId};
use crate::domain::visit_rules::{self, Standing};
use crate::domain::vocabulary::Word;
use crate::domain::{self, State, alarms, discharges, duties, notices, phone, sources, visits};

/// What of the other entries may be named in one that is shown.
#[derive(Debug, Clone, Copy)]
pub enum Sight<'a> {
    /// For who may see everything there is.
    All,
    /// For who may see what belongs to these agreements.
    Of(&'a [AgreementId]),
}

impl Sight<'_> {
    pub fn sees(self, entry: &entry::Entry) -> bool {
        match self {
            Self::All => true,
            Self::Of(scope) => entry.is_in(scope),
        }
    }

    /// The entry, if it may be named. One that was let go of long ago says nothing any more.
    fn find(self, state: &State, id: EntryId) -> Option<&entry::Entry> {
        state.entry(id).filter(|entry| self.sees(entry))
    }

    /// Whether an entry may be named; one that was let go of long ago only to who sees everything.
    fn may_name(self, state: &State, id: EntryId) -> bool {
        matches!(self, Self::All) || self.find(state, id).is_some()
    }
}

/// The public entry as of `now`, without live data, for who may see everything.
pub fn entry(state: &State, entry: &entry::Entry, now: DateTime<Utc>) -> Entry {
    seen(state, entry, Sight::All, now)
}

/// The public entry as of `now`, without live data: it names no other that is out of sight.
pub fn seen(state: &State, entry: &entry::Entry, sight: Sight<'_>, now: DateTime<Utc>) -> Entry {
    let is_named = |link: &&entry::Link| sight.may_name(state, link.to) && state.link_stands(entry, link);
    let mut shown = Entry {
        id: entry.id,
        number: entry.number,
        state: entry.state().to_owned(),
        agreement: entry.agreement.clone(),
        candidates: entry.candidates.clone(),
        version: entry.version,
        opened_at: entry.opened_at,
        recorded_at: entry.recorded_at,
        closed_at: entry.closed_at,
        holder: entry.holder.as_ref().map(|holder| Holder {
            name: holder.name.clone(),
            since: holder.since,
            until: Some(holder.until),
        }),
        due: entry
            .dues
            .iter()
            .map(|due| Due { what: due.what, at: due.at, clause: due.clause.clone() })
            .collect(),
        attention: Attention::NONE,
        citizen: entry.citizen.clone(),
        links: entry.links.iter().filter(is_named).map(|link| link.to).collect(),
        notes: entry.notes,
        escalation: entry.escalation.as_ref().map(escalation),
        told: entry.told.iter().map(|told| municipality_told(entry, told)).collect(),
        details: details(state, entry, sight),
        at_rest: entry.rests_until().is_some(),
        actions: actions(state, entry, sight, now),
        live: None,
    };
    shown.attention = attention(&shown, now);
    shown
}

fn escalation(it: &domain::escalation::Escalation) -> Escalation {
    let ended = it.ended.as_ref();
    Escalation {
        why: it.why,
        begun_at: it.begun_at,
        outcome: ended.map(|ended| ended.outcome),
        ended_at: ended.map(|ended| ended.at),
        times: ended.map_or(0, |ended| ended.times),
    }
}

fn municipality_told(entry: &entry::Entry, told: &entry::MunicipalityTold) -> MunicipalityTold {
    let (what, to, at) = (told.what, told.to, told.at);
    MunicipalityTold { what, to, at, untrue: notices::is_untrue(entry, told) }
}

fn details(state: &State, entry: &entry::Entry, sight: Sight<'_>) -> Details {
    match &entry.body {
        Body::Phone(call) => Details::Phone(of_call(state, entry, call, sight)),
        Body::Alarms(alarm) => Details::Alarms(of_alarm(alarm)),
        Body::Discharges(stay) => Details::Discharges(of_stay(state, entry, stay, sight)),
        Body::Visits(visit) => Details::Visits(of_visit(state, entry, visit)),
        Body::Duties(duty) => Details::Duties(of_duty(state, duty, sight)),
        Body::Sources(trouble) => Details::Sources(of_trouble(trouble)),
    }
}

/// A unit enum's name on the wire.
fn word(value: impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

fn of_call(state: &State, entry: &entry::Entry, call: &phone::Call, sight: Sight<'_>) -> PhoneDetails {
    let answered_later = entry.links.iter().filter(|link| link.why == LinkWhy::SameCaller).find_map(|link| {
        let other = sight.find(state, link.to)?;
        match &other.body {
            Body::Phone(later) if later.answered_at > call.missed_at => Some(other.id),
            _ => None,
        }
    });
    PhoneDetails {
        call: call.call.clone(),
        queue: call.queue.clone(),
        colleague: call.colleague,
        answered_at: call.answered_at,
        answered_by: call.answered_by.clone(),
        ended_at: call.ended_at,
        missed_at: call.missed_at,
        reason: call.reason,
        rank: call.rank,
        attempts: call.attempts,
        promise_at: call.promise_at,
        documented: call.documented_at.is_some(),
        answered_later: answered_later.filter(|_| call.missed_at.is_some()),
    }
}

fn of_alarm(alarm: &alarms::Alarm) -> AlarmDetails {
    AlarmDetails {
        alarm: alarm.alarm.clone(),
        device: alarm.device.clone(),
        trigger: alarm.trigger.clone(),
        technical: alarm.technical,
        test: alarm.test,
        signals: alarm.signals,
        queue: alarm.queue.clone(),
        // Of others it is not known whether they still talk.
        talked_at: alarm.talked_at.filter(|_| alarm.queue.is_some() || alarm.by_voice),
        talk_ended_at: alarm.talk_ended_at,
        answered_at: alarm.answered_at,
        response: alarm.response.as_ref().map(|it| it.with),
        responded_at: alarm.response.as_ref().map(|it| it.at),
        helper: alarm.response.as_ref().and_then(|it| it.helper),
        arrived_at: alarm.arrived_at,
        outcome: alarm.outcome,
        cleared_at: alarm.cleared_at,
        presence_at: alarm.presence_at,
        unanswered_at: alarm.unanswered_at,
        redirected_at: alarm.redirect.as_ref().map(|it| it.at),
        redirected_to: alarm.redirect.as_ref().map(|it| it.to.clone()),
        contested: alarm.redirect.as_ref().and_then(|it| it.contested),
        justification: alarm.justification.as_ref().map(|it| Justification {
            started_at: it.started_at,
            due_at: it.due.at,
            clause: it.due.clause.clone(),
            agreement_version: it.due.agreement_version.clone(),
            begun_at: it.begun_at,
            begun_by: it.begun_by.clone(),
            sent_at: it.sent.as_ref().map(|sent| sent.at),
            channel: it.sent.as_ref().map(|sent| sent.channel),
            reference: it.sent.as_ref().and_then(|sent| sent.reference.clone()).map(String::from),
            late: it.sent.as_ref().is_some_and(|sent| sent.late),
        }),
    }
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

/// The agreement's steps in its order, then others that were done, each with its time.
fn steps<W: Word + Into<Code>>(listed: &[W], done: &[(W, DateTime<Utc>)]) -> Vec<Step> {
    let mut steps: Vec<W> = Vec::new();
    for step in listed.iter().chain(done.iter().map(|(step, _)| step)) {
        if !steps.contains(step) {
            steps.push(*step);
        }
    }
    let done_at = |step: W| done.iter().find(|(known, _)| *known == step).map(|(_, at)| *at);
    steps.into_iter().map(|step| Step { step: step.into(), done_at: done_at(step) }).collect()
}

fn of_stay(
    state: &State,
    entry: &entry::Entry,
    stay: &discharges::Stay,
    sight: Sight<'_>,
) -> DischargeDetails {
    let struck = discharges::first_day_visits(state, entry, stay);
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
    DischargeDetails {
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
        may_be_same: discharges::may_be_same(state, entry, stay, |other| sight.sees(other))
            .map(|other| other.id),
        upset: stay.upset.map(|(upset, _)| upset),
        upset_at: stay.upset.map(|(_, at)| at),
        odd: now.is_odd,
        elsewhere: discharges::elsewhere(state, entry, stay)
            .filter(|other| sight.sees(other))
            .map(|other| other.id),
    }
}

fn of_visit(state: &State, entry: &entry::Entry, visit: &visits::Visit) -> VisitDetails {
    let plan = visit.plan.as_ref();
    let off = visit.deviation();
    let clock = |time: chrono::NaiveTime| time.format("%H:%M").to_string();
    let window = plan.and_then(|plan| plan.window);
    let cancelled = visit.cancelled.as_ref();
    VisitDetails {
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
        door: visit.door.as_ref().map(|door| of_door(state, entry, door)),
        halted: visit.halted,
        no_receipt: visit.no_receipt_since.is_some(),
        against_contract: visit.against_contract.clone(),
        holiday_clause: plan.and_then(|plan| visit_rules::holiday_clause(state, entry, plan)),
    }
}

fn of_door(state: &State, entry: &entry::Entry, door: &visits::Door) -> DoorDetails {
    let rule = state.rules(entry.agreements()).find_map(|rules| rules.visits.door_steps.as_ref());
    let listed = rule.map(|value| value.value().as_slice()).unwrap_or_default();
    DoorDetails {
        since: door.since,
        steps: steps(listed, &door.steps),
        clause: rule.and_then(|value| value.clause()).map(|clause| clause.as_str().to_owned()),
        outcome: door.outcome.as_ref().map(|(code, _)| *code),
        closed_at: door.outcome.as_ref().map(|(_, at)| *at),
    }
}

fn of_duty(state: &State, duty: &duties::Duty, sight: Sight<'_>) -> DutyDetails {
    DutyDetails {
        duty: duty.duty,
        about: duty.about.filter(|about| sight.may_name(state, *about)),
        about_number: duty.about.and_then(|id| sight.find(state, id)).map(|entry| entry.number),
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

fn of_trouble(trouble: &sources::Trouble) -> SourceDetails {
    SourceDetails {
        source: trouble.source.to_string(),
        trouble: trouble.trouble,
        what: trouble.what.clone(),
        line: trouble.line,
        row: trouble.row,
        rows: trouble.rows.iter().map(row_of_file).collect(),
        count: trouble.count,
        last_at: trouble.last_at,
    }
}

fn row_of_file(row: &sources::RowSaid) -> RowOfFile {
    RowOfFile { what: row.what.clone(), line: row.line, row: row.row, times: row.times }
}

/// The redirect ledgers of these agreements, those that name a limit.
pub fn ledgers(state: &State, scope: &[AgreementId], now: DateTime<Utc>) -> Vec<Ledger> {
    state
        .rules(scope)
        .filter_map(|rules| {
            let ledger = state.figures.ledger(rules, now)?;
            let has_plan = state.action_plan(&rules.id).is_some();
            Some(Ledger {
                agreement: rules.id.clone(),
                used: ledger.used,
                limit: ledger.limit,
                window_days: ledger.window_days,
                clears_on: ledger.clears_on,
                action_plan: has_plan || ledger.used >= ledger.limit,
            })
        })
        .collect()
}

/// The answering figures of these agreements in the month of `now`: alarms and phone, where a goal is set.
pub fn answering(state: &State, scope: &[AgreementId], now: DateTime<Utc>) -> Vec<Answering> {
    state
        .slots(now)
        .into_iter()
        .filter(|(slot, _)| scope.contains(&slot.agreement))
        .filter_map(|(slot, rules)| {
            let goals = goals(&rules, slot.board)?;
            let counts = state.figures.counts(&slot);
            let clause = goals.clause().map(|clause| clause.as_str().to_owned());
            let within = goals.value().iter().map(|goal| against(&counts, goal, clause.clone())).collect();
            let board = slot.board;
            Some(Answering {
                agreement: slot.agreement,
                board,
                month: slot.month.to_string(),
                within,
                formula: formula(&rules, board).into(),
            })
        })
        .collect()
}

/// The name of the formula: an agreement may leave out callers who hang up at once. Alarms leave out nobody.
fn formula(rules: &Agreement, board: Board) -> &'static str {
    match (board, &rules.phone.short_abandon_seconds) {
        (Board::Phone, Some(_)) => "answered-within-of-all-but-short",
        _ => "answered-within-of-all",
    }
}

fn goals(rules: &Agreement, board: Board) -> Option<&Value<Vec<AnswerTarget>>> {
    match board {
        Board::Alarms => rules.alarms.answer_within.as_ref(),
        Board::Phone => rules.phone.answer_within.as_ref(),
        _ => None,
    }
}

fn against(counts: &Counts, goal: &AnswerTarget, clause: Option<String>) -> Within {
    let count = counts.within(goal.seconds);
    let allowed = i64::try_from(goal.allowed_misses(u64::from(counts.of))).unwrap_or(i64::MAX);
    Within {
        s: goal.seconds,
        count,
        of: counts.of,
        misses_left: allowed - i64::from(counts.of - count),
        percent: f64::from(goal.permille) / 10.0,
        clause,
    }
}

/// The numbers to ring of these agreements, all hours, with what holds at `now`.
pub fn contacts(state: &State, scope: &[AgreementId], now: DateTime<Utc>) -> Vec<Contact> {
    state
        .rules(scope)
        .flat_map(|rules| {
            let current = rules.contacts_at(now);
            rules.contacts.0.iter().map(move |contact| Contact {
                agreement: rules.id.clone(),
                role: contact.role.name().to_owned(),
                number: contact.number.clone(),
                from: contact.hours.map(|hours| hours.from.format("%H:%M").to_string()),
                to: contact.hours.map(|hours| hours.to.format("%H:%M").to_string()),
                days: word(contact.days),
                now: current.contains(&contact),
            })
        })
        .collect()
}
