//! Duties: what must be done by somebody, apart from a call or an alarm: action plans (J 3.1.13),
//! documentation of a talk (N 3.9.1), the daily hospital-message tick (J 3.1.3), a new citizen's first times (N 3.4),
//! follow-ups; and what the municipality is told at once, of which `notices` has the rules.
//!
//! Must never know what the duty is about beyond the entry it points at.

use chrono::{DateTime, Duration, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::agreement::{Agreement, Matter, value_of};
use super::entry::{Body, Due, DueKind, Entry, Opening};
use super::envelope::Record;
use super::identity::{AgreementId, Board, CitizenId, EntryId, PersonName, Reference};
use super::observation::Help;
use super::realm::Citizen;
use super::refusal::Refusal;
use super::verbs::verbs;
use super::vocabulary::{CorrectionReason, vocabulary};
use super::{Ctx, Draft, Event, State, calendar, notices, phone, visits};

vocabulary! {
    /// States, in the words of the outside contract.
    DutyState {
        Open,
        Done,
        Late,
    }
}
vocabulary! {
    /// Why a duty is put off.
    PostponeReason {
        WaitingForMunicipality,
        WaitingForColleague,
        ByAgreement,
        BusyNight,
    }
}
vocabulary! {
    /// Why a duty fell away before it was done.
    WithdrawnWhy {
        /// What started it was corrected.
        Corrected,
        /// Help ended: it may come back.
        HelpEnded,
        WrongEntry,
        TypingMistake,
        NewInformation,
    }
}
vocabulary! {
    /// Whom at the municipality a matter may have been told.
    ToldTo {
        Assessors,
        Nurse,
        MunicipalUnit,
        Office,
        CareSystem,
    }
}
vocabulary! {
    /// What may be corrected about a duty.
    Correctable {
        /// A notice that a person opened by hand.
        Notice,
    }
}

impl From<CorrectionReason> for WithdrawnWhy {
    fn from(reason: CorrectionReason) -> Self {
        match reason {
            CorrectionReason::WrongEntry => Self::WrongEntry,
            CorrectionReason::TypingMistake => Self::TypingMistake,
            CorrectionReason::NewInformation => Self::NewInformation,
        }
    }
}

vocabulary! {
    DutyKind {
        ActionPlan,
        Documentation,
        HospitalMessages,
        FollowUp,
        /// A new citizen's practical help is to begin (N 3.4).
        StartOfHelp,
        /// A time is to be agreed with a new citizen by the order date (N 3.4).
        AgreeTime,
        /// The municipality is to be told at once (J 3.2).
        ImmediateNotice,
        /// What it was told turned out not to be so: it is to be told that.
        NoticeTakenBack,
    }
}

impl DutyKind {
    /// Something is said to the municipality, to somebody and at a time.
    pub fn is_notice(self) -> bool {
        matches!(self, Self::ImmediateNotice | Self::NoticeTakenBack)
    }

    /// Owed to somebody who is to have help: not to the dead, nor to those who have moved away.
    fn begins_help(self) -> bool {
        matches!(self, Self::StartOfHelp | Self::AgreeTime)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Duty {
    pub duty: DutyKind,
    /// The entry it is about.
    pub about: Option<EntryId>,
    /// Who it falls to, when that is known.
    pub owner: Option<PersonName>,
    /// What the municipality is to be told of.
    pub matter: Option<Matter>,
    /// Which help a time is to be agreed for.
    pub help: Option<Help>,
    /// Where it comes from, whether or not it has a date.
    pub clause: Option<String>,
    /// A person opened it; no message did.
    pub by_hand: bool,
    pub done_at: Option<DateTime<Utc>>,
    pub reference: Option<Reference>,
    /// Whom at the municipality it was told.
    pub told_to: Option<ToldTo>,
    pub late: bool,
    pub postponed: u32,
    /// Nobody owed it any more before it was done.
    pub withdrawn: bool,
    /// It fell away because help ended; the limit that stands again if help did not.
    fell_with_help: Option<Due>,
}

impl Duty {
    pub fn state(&self) -> DutyState {
        match (self.done_at, self.late) {
            (Some(_), _) => DutyState::Done,
            (None, true) => DutyState::Late,
            (None, false) => DutyState::Open,
        }
    }
}

verbs! {
    /// What a coordinator does with a duty.
    Command {
        "done" [Asked, Entry] => Done {
            #[serde(default, skip_serializing_if = "Option::is_none")]
            reference: Option<Reference>,
            /// Of what the municipality is told at once: whom there.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            to: Option<ToldTo>,
            /// When it was told, if not now.
            #[serde(
                default,
                deserialize_with = "crate::domain::verbs::zoned_option",
                skip_serializing_if = "Option::is_none"
            )]
            told_at: Option<DateTime<Utc>>,
        }
        "postpone" [Light, Entry] => Postpone {
            #[serde(deserialize_with = "crate::domain::verbs::zoned")]
            until: DateTime<Utc>,
            reason: PostponeReason,
        }
        /// By hand: the municipality is to be told of something at once (J 3.2). About the entry it is given for, on any
        /// board; without one about nothing on the board, and then `agreement` says which municipality unless the
        /// person has only one.
        "notify" [Light, Either] => Notify {
            what: Matter,
            /// Only without an entry, and may be left out by who has only one.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            agreement: Option<AgreementId>,
            /// Only without an entry.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            citizen: Option<CitizenId>,
        }
        /// The way back for what was recorded wrongly.
        "correct" [Light, Entry] => Correct { what: Correctable, reason: CorrectionReason }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum DutyEvent {
    Opened {
        #[serde(flatten)]
        opening: Opening,
        duty: DutyKind,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        about: Option<EntryId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<PersonName>,
        #[serde(default, rename = "what", skip_serializing_if = "Option::is_none")]
        matter: Option<Matter>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        help: Option<Help>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clause: Option<String>,
        /// A person said that the municipality is to be told; no message did.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        by_hand: bool,
    },
    FellLate {},
    Postponed {
        until: DateTime<Utc>,
        reason: PostponeReason,
    },
    Done {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<Reference>,
        /// Of a notice: whom at the municipality it was told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<ToldTo>,
        late: bool,
    },
    /// The call it is about was given to a municipality; without one that was taken back.
    Assigned {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agreement: Option<AgreementId>,
    },
    /// The stay it is about goes on in another entry.
    NowAbout {
        about: EntryId,
    },
    /// What started the duty was corrected: it is no longer owed.
    Withdrawn {
        why: WithdrawnWhy,
    },
    /// Help had not ended after all: it is owed again, by the same limit.
    StandsAgain {},
}

impl DutyEvent {
    pub fn is_material(&self) -> bool {
        true
    }
}

pub(super) fn open(
    ctx: &Ctx,
    state: &State,
    nth: u32,
    about: &Entry,
    duty: DutyKind,
    due: Option<Due>,
) -> Draft {
    let opening = Opening {
        number: state.free_number(nth),
        candidates: about.candidates.clone(),
        origin: None,
        citizen: about.citizen.clone(),
        dues: due.into_iter().collect(),
    };
    let owner = match &about.body {
        Body::Phone(call) => call.answered_by.clone().or_else(|| ctx.actor.person().cloned()),
        _ => None,
    };
    Draft {
        entry: ctx.fresh(nth),
        happened_at: ctx.at,
        agreement: about.agreement.clone(),
        event: Event::Duties(DutyEvent::Opened {
            opening,
            duty,
            about: Some(about.id),
            owner,
            matter: None,
            help: None,
            clause: None,
            by_hand: false,
        }),
    }
}

/// The reminder to write a talk down in the care system. None where no agreement in question asks for it.
pub fn documentation(state: &State, ctx: &Ctx, call: &Entry, nth: u32) -> Option<Draft> {
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
    Some(open(ctx, state, nth, call, DutyKind::Documentation, due))
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
    let mut draft = open(ctx, state, 1, alarm, DutyKind::ActionPlan, None);
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

/// The open reminder to document a talk that, as we now know, did not take place or need not be documented.
pub fn documentation_withdrawn(state: &State, ctx: &Ctx, call: &Entry) -> Option<Draft> {
    state.documentation_of(call.id).map(|duty| withdrawn(ctx, duty))
}

/// The open reminder follows its call to the municipality that the call was given to; None: it may be any again.
pub fn documentation_assigned(
    state: &State,
    ctx: &Ctx,
    call: &Entry,
    agreement: Option<&AgreementId>,
) -> Option<Draft> {
    let duty = state.documentation_of(call.id)?;
    let event = DutyEvent::Assigned { agreement: agreement.cloned() };
    let mut draft = duty.draft(ctx.at, Event::Duties(event));
    draft.agreement = agreement.cloned();
    Some(draft)
}

/// What is owed about an entry goes with it to the municipality that it is given to.
pub fn assigned_with(state: &State, ctx: &Ctx, about: &Entry, agreement: &AgreementId) -> Vec<Draft> {
    let owed = state.duties_about(about.id).filter(|(duty, _)| duty.agreement.as_ref() != Some(agreement));
    let given = |(duty, _): (&Entry, &Duty)| {
        let event = DutyEvent::Assigned { agreement: Some(agreement.clone()) };
        Draft { agreement: Some(agreement.clone()), ..duty.draft(ctx.at, Event::Duties(event)) }
    };
    owed.map(given).collect()
}

pub(super) fn withdrawn(ctx: &Ctx, duty: &Entry) -> Draft {
    duty.draft(ctx.at, Event::Duties(DutyEvent::Withdrawn { why: WithdrawnWhy::Corrected }))
}

/// Whether a duty done at `at` is done too late.
pub fn is_late(entry: &Entry, at: DateTime<Utc>) -> bool {
    let fell_late = matches!(&entry.body, Body::Duty(duty) if duty.late);
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
    let opening = Opening {
        number: state.free_number(0),
        candidates: Vec::new(),
        origin: None,
        citizen: None,
        dues: vec![due],
    };
    Draft {
        entry: ctx.fresh(0),
        happened_at: at,
        agreement: Some(rules.id.clone()),
        event: Event::Duties(DutyEvent::Opened {
            opening,
            duty: DutyKind::HospitalMessages,
            about: None,
            owner: None,
            matter: None,
            help: None,
            clause: None,
            by_hand: false,
        }),
    }
}

/// What a notice that help was granted starts (N 3.4): practical help begins within so many days, and a time is
/// agreed by the order date. Nothing where the agreement says neither, and nothing twice.
pub fn help_granted(
    state: &State,
    ctx: &Ctx,
    citizen: &CitizenId,
    help: Help,
    notified_at: DateTime<Utc>,
    order_on: NaiveDate,
) -> Vec<Draft> {
    let start = start_of_help(state, ctx, citizen, notified_at).filter(|_| help == Help::Practical);
    let time = agree_time(state, ctx, citizen, help, order_on);
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
    citizen: &CitizenId,
    help: Help,
    order_on: NaiveDate,
) -> Option<Draft> {
    let (rules, rule) = state.rules(ctx.scope()).find_map(|rules| {
        let rule = rules.visits.agree_by_order_date.as_ref().filter(|rule| *rule.value())?;
        Some((rules, rule))
    })?;
    let whose = state.citizen_in(std::slice::from_ref(&rules.id), citizen)?;
    // Delegated nursing has its own ways.
    if help == Help::Nursing
        || state.is_dead(&whose)
        || visits::has_planned(state, &whose, help)
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
    let opening = Opening {
        number: state.free_number(nth),
        candidates: Vec::new(),
        origin: None,
        citizen: Some(citizen.clone()),
        dues: vec![Due { what: DueKind::Duty, at: due_at, clause: clause.clone(), agreement_version }],
    };
    Draft {
        entry: ctx.fresh(nth),
        happened_at: ctx.at,
        agreement: Some(rules.id.clone()),
        event: Event::Duties(DutyEvent::Opened {
            opening,
            duty,
            about: None,
            owner: None,
            matter: None,
            help: Some(help),
            clause,
            by_hand: false,
        }),
    }
}

/// The citizen's open duty of that kind, for that help where one is named.
fn of_citizen<'s>(
    state: &'s State,
    citizen: &Citizen,
    kind: DutyKind,
    help: Option<Help>,
) -> Option<&'s Entry> {
    state.of_citizen_on(citizen, Board::Duties).find(|entry| {
        matches!(&entry.body, Body::Duty(duty) if duty.duty == kind && (help.is_none() || duty.help == help))
    })
}

/// The citizen has died or moved away, or help has stopped: nobody owes a beginning any more.
pub fn help_ended(state: &State, ctx: &Ctx, citizen: &Citizen) -> Vec<Draft> {
    let why = WithdrawnWhy::HelpEnded;
    state
        .of_citizen_on(citizen, Board::Duties)
        .filter(|entry| matches!(&entry.body, Body::Duty(duty) if duty.duty.begins_help()))
        .map(|entry| entry.draft(ctx.at, Event::Duties(DutyEvent::Withdrawn { why })))
        .collect()
}

/// Help had not ended after all: what fell away with it is owed again.
pub fn help_goes_on(state: &State, ctx: &Ctx, citizen: &Citizen) -> Vec<Draft> {
    state
        .closed_of_citizen(citizen)
        .filter(|entry| matches!(&entry.body, Body::Duty(duty) if duty.fell_with_help.is_some()))
        .map(|entry| entry.draft(ctx.at, Event::Duties(DutyEvent::StandsAgain {})))
        .collect()
}

fn fulfilled(ctx: &Ctx, entry: &Entry) -> Draft {
    let late = entry.due(DueKind::Duty).is_some_and(|due| ctx.at > due.at);
    entry.draft(ctx.at, Event::Duties(DutyEvent::Done { reference: None, to: None, late }))
}

/// Help has begun: the duties to begin it and to agree a time are done.
pub fn help_started(state: &State, ctx: &Ctx, citizen: &Citizen, help: Help) -> Vec<Draft> {
    let start = of_citizen(state, citizen, DutyKind::StartOfHelp, None).filter(|_| help == Help::Practical);
    let start = start.map(|entry| fulfilled(ctx, entry));
    start.into_iter().chain(time_agreed(state, ctx, citizen, help)).collect()
}

/// A visit of that help is planned: the duty to agree a time is done.
pub fn time_agreed(state: &State, ctx: &Ctx, citizen: &Citizen, help: Help) -> Option<Draft> {
    of_citizen(state, citizen, DutyKind::AgreeTime, Some(help)).map(|entry| fulfilled(ctx, entry))
}

/// Decides a coordinator's command.
pub fn decide(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    duty: &Duty,
    command: &Command,
) -> Result<Vec<Draft>, Refusal> {
    if let Command::Correct { reason, .. } = command {
        return notices::correct(ctx, entry, duty, *reason);
    }
    if duty.done_at.is_some() && !notices::may_still_be_told(duty, command) {
        return Err(Refusal::AlreadyDone);
    }
    entry.not_held_by_other(ctx)?;
    let event = match command {
        Command::Done { reference, to, told_at } if duty.duty.is_notice() => {
            return notices::told(state, ctx, entry, duty, reference.as_ref(), *to, *told_at);
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
    let is_done = matches!(event, DutyEvent::Done { .. });
    let mut drafts = vec![entry.draft(ctx.at, Event::Duties(event))];
    if is_done && duty.duty == DutyKind::Documentation {
        drafts.extend(duty.about.and_then(|call| phone::documented(state, ctx, call)));
    }
    Ok(drafts)
}

/// The duty's date has passed: the timer's decision.
pub fn fell_late(ctx: &Ctx, entry: &Entry, duty: &Duty) -> Result<Vec<Draft>, Refusal> {
    let due = entry.due(DueKind::Duty).ok_or(Refusal::NotDue)?;
    if due.at > ctx.now || duty.late || duty.done_at.is_some() {
        return Err(Refusal::NotDue);
    }
    Ok(vec![entry.draft(due.at, Event::Duties(DutyEvent::FellLate {}))])
}

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
