//! What the municipality is told at once (J 3.2): opened by what happens or by hand, told to somebody at a time, void
//! or taken back when it turns out not to be so.
//!
//! Owns when such a duty begins and ends. Must never know what was said or of whom: a code, a clause, an opaque id.

use chrono::{DateTime, Duration, Utc};

use crate::domain::agreement::{Matter, value_of};
use crate::domain::duties::{self, Command, Duty, DutyEvent, DutyKind, ToldTo};
use crate::domain::entry::{Body, Due, DueKind, Entry, EntryEvent};
use crate::domain::identity::{AgreementId, CitizenId, EntryId, Reference};
use crate::domain::refusal::Refusal;
use crate::domain::vocabulary::CorrectionReason;
use crate::domain::{Ctx, Draft, Event, State, boards};

/// Own choice: told longer ago than this before it was written down is a slip of the keys.
const TOLD_BEFORE_DAYS: i64 = 7;

/// The clause that says the matter is told, if one of these agreements has one, and by when "at once" is. A citizen not
/// found behind a door has a clause of its own (J 3.1.8).
fn rule_of(
    state: &State,
    ctx: &Ctx,
    agreements: &[AgreementId],
    matter: Matter,
) -> Option<(Option<String>, Option<Due>)> {
    let (rules, clause) = state.rules(agreements).find_map(|rules| {
        let clause = match matter {
            Matter::NotFound => rules.visits.not_found_told.as_ref().filter(|it| *it.value())?.clause(),
            _ => rules.immediate_notice.as_ref().filter(|it| it.value().contains(&matter))?.clause(),
        };
        Some((rules, clause))
    })?;
    let clause = clause.map(|it| it.as_str().to_owned());
    let due = value_of(&rules.duties.immediate_notice_minutes).map(|minutes| Due {
        what: DueKind::Duty,
        at: ctx.now + Duration::minutes(i64::from(minutes)),
        clause: clause.clone(),
        agreement_version: Some(rules.version.clone()),
    });
    Some((clause, due))
}

fn about(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    kind: DutyKind,
    matter: Matter,
    rule: Option<(Option<String>, Option<Due>)>,
) -> Draft {
    let (listed_in, due) = rule.unwrap_or_default();
    let mut draft = duties::open(ctx, state, entry, kind, due);
    if let Event::Duties(DutyEvent::Opened { matter: told_of, clause, .. }) = &mut draft.event {
        *told_of = Some(matter);
        *clause = listed_in;
    }
    draft
}

fn open_of(state: &State, about: EntryId, kind: DutyKind, matter: Matter) -> Option<&Entry> {
    let is_it = |duty: &Duty| duty.duty == kind && duty.matter == Some(matter);
    state.duties_about(about).find(|(_, duty)| is_it(duty)).map(|(entry, _)| entry)
}

/// The duty to tell of this entry, unless the agreement does not list the matter or it is on the board already. Due
/// from when we heard of it, where the agreement says how soon "at once" is. True again before it was taken back: then
/// there is nothing to take back.
pub fn arises(state: &State, ctx: &Ctx, entry: &Entry, matter: Matter) -> Option<Draft> {
    if let Some(stands) = stands(state, ctx, entry, matter) {
        return Some(stands);
    }
    if open_of(state, entry.id, DutyKind::ImmediateNotice, matter).is_some() {
        return None;
    }
    let rule = rule_of(state, ctx, entry.agreements(), matter)?;
    Some(about(state, ctx, entry, DutyKind::ImmediateNotice, matter, Some(rule)))
}

/// What the municipality was told is so after all, and nobody has said otherwise: there is nothing to take back.
pub fn stands(state: &State, ctx: &Ctx, entry: &Entry, matter: Matter) -> Option<Draft> {
    let taken_back = open_of(state, entry.id, DutyKind::NoticeTakenBack, matter);
    taken_back.map(|duty| duties::withdrawn(ctx, duty))
}

/// It was not so: a notice nobody has given yet is void; what the municipality was told is to be taken back.
pub fn falls(state: &State, ctx: &Ctx, entry: &Entry, matter: Matter) -> Vec<Draft> {
    let void = open_of(state, entry.id, DutyKind::ImmediateNotice, matter);
    let was_told = entry.told.iter().any(|told| told.what == matter);
    let take_back = was_told.then(|| taken_back(state, ctx, entry, matter)).flatten();
    void.map(|duty| duties::withdrawn(ctx, duty)).into_iter().chain(take_back).collect()
}

/// The duty to say that what was told is not so; none when it is on the board.
pub(in crate::domain) fn taken_back(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    matter: Matter,
) -> Option<Draft> {
    if open_of(state, entry.id, DutyKind::NoticeTakenBack, matter).is_some() {
        return None;
    }
    let rule = rule_of(state, ctx, entry.agreements(), matter);
    Some(about(state, ctx, entry, DutyKind::NoticeTakenBack, matter, rule))
}

/// Opened by hand: neglect, an accident, concern for somebody we do not serve. Nothing but the code is kept.
pub fn by_hand(state: &State, ctx: &Ctx, entry: &Entry, what: Matter) -> Result<Vec<Draft>, Refusal> {
    if matches!(entry.body, Body::Duties(_) | Body::Sources(_)) {
        return Err(Refusal::WrongBoard { board: entry.board() });
    }
    if let Some(open) = open_of(state, entry.id, DutyKind::ImmediateNotice, what) {
        return Err(Refusal::AlreadyOpen { number: open.number });
    }
    // What an agreement does not list may be told all the same: then without a clause.
    let rule = rule_of(state, ctx, entry.agreements(), what);
    let mut draft = about(state, ctx, entry, DutyKind::ImmediateNotice, what, rule);
    if let Event::Duties(DutyEvent::Opened { by_hand, .. }) = &mut draft.event {
        *by_hand = true;
    }
    Ok(vec![draft])
}

/// As `by_hand`, about nothing that is on the board.
pub fn open_by_hand(
    state: &State,
    ctx: &Ctx,
    what: Matter,
    agreement: Option<&AgreementId>,
    citizen: Option<&CitizenId>,
) -> Result<Vec<Draft>, Refusal> {
    let agreement = boards::agreement_of(state, ctx, agreement)?;
    let (clause, due) = rule_of(state, ctx, std::slice::from_ref(&agreement), what).unwrap_or_default();
    let dues = due.into_iter().collect();
    let opened = boards::untold(ctx, state.free_number(0), agreement, citizen, dues, |opening| {
        Event::Duties(DutyEvent::Opened {
            opening,
            duty: DutyKind::ImmediateNotice,
            about: None,
            owner: None,
            matter: Some(what),
            help: None,
            clause,
            by_hand: true,
        })
    });
    Ok(vec![opened])
}

/// The way back for what was opened by hand and is nothing to tell: the wrong matter, or the wrong entry.
pub fn correct(
    ctx: &Ctx,
    entry: &Entry,
    duty: &Duty,
    reason: CorrectionReason,
) -> Result<Vec<Draft>, Refusal> {
    if !duty.by_hand || !entry.is_open() {
        return Err(Refusal::NothingToCorrect);
    }
    let withdrawn = DutyEvent::Withdrawn { why: reason.into() };
    Ok(vec![entry.draft(ctx.at, Event::Duties(withdrawn))])
}

/// A notice that became void while somebody was telling it: that it was told is a fact.
pub(in crate::domain) fn may_still_be_told(duty: &Duty, command: &Command) -> bool {
    duty.withdrawn
        && !duty.by_hand
        && duty.duty == DutyKind::ImmediateNotice
        && matches!(command, Command::Done { .. })
}

/// The municipality was told: by whom we know, to whom and when is said.
pub(in crate::domain) fn told(
    ctx: &Ctx,
    entry: &Entry,
    reference: Option<&Reference>,
    to: Option<ToldTo>,
    told_at: Option<DateTime<Utc>>,
) -> Result<Vec<Draft>, Refusal> {
    let told_at = told_at.unwrap_or(ctx.at);
    if told_at > ctx.now {
        return Err(Refusal::InFuture);
    }
    // One rings first and writes afterwards; further back it is a slip of the keys.
    if told_at < entry.opened_at - Duration::days(TOLD_BEFORE_DAYS) {
        return Err(Refusal::BeforeOpened { opened_at: entry.opened_at });
    }
    // Told in time and ticked afterwards is in time.
    let late = entry.due(DueKind::Duty).is_some_and(|due| told_at > due.at);
    let done = DutyEvent::Done { reference: reference.cloned(), to, late };
    Ok(vec![entry.draft(told_at, Event::Duties(done))])
}

/// A stay goes on in another entry: what was told of it, and what is still to be told, goes with it.
pub(in crate::domain) fn go_over(state: &State, ctx: &Ctx, to: &Entry, from: &Entry) -> Vec<Draft> {
    let is_new = |what: Matter| to.told.iter().all(|known| known.what != what);
    let told = from.told.iter().filter(|it| is_new(it.what)).map(|it| {
        let event = EntryEvent::MunicipalityTold { what: it.what, to: it.to };
        to.draft(it.at, Event::Entry(event))
    });
    let duties = state.duties_about(from.id).filter(|(_, duty)| duty.duty.is_notice());
    let duties = duties.map(|(entry, duty)| {
        let matter = duty.matter;
        let is_there = matter.is_some_and(|matter| {
            open_of(state, to.id, duty.duty, matter).is_some()
                || (duty.duty == DutyKind::ImmediateNotice && !is_new(matter))
        });
        match is_there {
            true => duties::withdrawn(ctx, entry),
            false => entry.draft(ctx.at, Event::Duties(DutyEvent::NowAbout { about: to.id })),
        }
    });
    told.chain(duties).collect()
}
