//! What sources say of a stay: facts into events. Must never refuse what happened.

use chrono::{DateTime, Duration, Utc};

use super::decide::joined_by_citizen;
use super::{DischargeEvent, MOVED_HOURS, Stay, StopReason, TOLD_BEFORE_HOURS, WhyStopped};
use crate::domain::agreement::value_of;
use crate::domain::entry::{self, Body, Due, DueKind, Entry, EntryEvent, LinkWhy};
use crate::domain::identity::{Board, CitizenId, ExternalId};
use crate::domain::intake::{self, Claims, StandsFor};
use crate::domain::observation::{FactKind, Observation, StayFact};
use crate::domain::realm::Citizen;
use crate::domain::refusal::Refusal;
use crate::domain::stay::Whereabouts;
use crate::domain::{Ctx, Draft, Event, State, boards};

/// Decides an observation about a stay. Facts are never refused: one about a stay we have not heard of opens it.
pub fn observe(state: &State, ctx: &Ctx, observation: &Observation) -> Result<Vec<Draft>, Refusal> {
    use Observation as O;
    let (stay, citizen) = match observation {
        O::StayAdmitted { stay, citizen, .. }
        | O::StayDischargeExpected { stay, citizen, .. }
        | O::StayDischarged { stay, citizen }
        | O::StayDied { stay, citizen } => (stay, citizen.as_ref()),
        O::StayLeaveStarted { stay }
        | O::StayLeaveEnded { stay }
        | O::StayCorrected { stay, .. }
        | O::StayCancelled { stay, .. } => (stay, None),
        _ => return Err(Refusal::Unchanged),
    };
    ctx.source().ok_or(Refusal::Unchanged)?;
    let claims =
        Claims { board: Board::Discharges, device: None, citizen, opens: Some(FactKind::StayAdmitted) };
    let admits = matches!(observation, O::StayAdmitted { .. });
    let other = match intake::what(state, ctx, stay, claims) {
        StandsFor::Known(entry)
            if admits && intake::is_another(ctx, entry, FactKind::StayAdmitted, entry.closed_at) =>
        {
            Some((entry, false))
        }
        StandsFor::Known(entry) => {
            let linked = linked_by_citizen(state, ctx, entry);
            return on_known(state, ctx, entry, citizen, observation, linked);
        }
        StandsFor::Either(_) => return intake::ambiguous(state, ctx),
        StandsFor::New { beside } => beside.map(|other| (other, true)),
    };
    let known = by_hand(state, ctx, citizen, observation);
    if let Some(entry) = known.or_else(|| same_stay(state, ctx, citizen, observation)) {
        let joined = entry
            .draft(ctx.at, Event::Discharges(DischargeEvent::Joined { stay: stay.clone(), source: None }));
        return on_known(state, ctx, entry, citizen, observation, vec![joined]);
    }
    let opening = boards::told(ctx, state.free_number(0), stay, citizen, Vec::new(), |opening| {
        Event::Discharges(DischargeEvent::Opened { opening, stay: Some(stay.clone()) })
    });
    let entry = boards::opened_entry(&ctx.provisional(&opening)).ok_or(Refusal::Unchanged)?;
    let mut drafts = vec![opening];
    drafts.extend(linked_by_citizen(state, ctx, &entry));
    let mut drafts = on_known(state, ctx, &entry, citizen, observation, drafts)?;
    drafts.extend(other.into_iter().flat_map(|(other, is)| intake::beside(state, ctx, &entry, other, is)));
    Ok(drafts)
}

/// The other open stays of this citizen, whom no care system knows, by what is in memory: they are linked, so that the
/// one asks about the other.
fn linked_by_citizen(state: &State, ctx: &Ctx, entry: &Entry) -> Vec<Draft> {
    let others = ctx.same_person.iter().filter_map(|id| state.entry(*id));
    let is_new = |other: &&Entry| {
        other.id != entry.id
            && other.is_open()
            && matches!(other.body, Body::Discharges(_))
            && entry.agreements().iter().any(|id| other.agreements().contains(id))
            && entry.links.iter().all(|link| link.to != other.id)
    };
    others
        .filter(is_new)
        .flat_map(|other| entry::link_both(ctx.at, entry, other, LinkWhy::SamePerson))
        .collect()
}

/// The entry that a coordinator opened for this citizen before any message came: one that is open, or one where help
/// was resumed a short while ago and the message only now tells of that stay.
fn by_hand<'s>(
    state: &'s State,
    ctx: &Ctx,
    citizen: Option<&CitizenId>,
    observation: &Observation,
) -> Option<&'s Entry> {
    let citizen = state.citizen_named(ctx, citizen?)?;
    let may_be = |entry: &&Entry| {
        same_agreement(ctx, entry) && matches!(&entry.body, Body::Discharges(stay) if stay.stay.is_none())
    };
    let was_this_stay = |entry: &&Entry| {
        let is_near = entry
            .closed_at
            .is_some_and(|closed| (ctx.at - closed).abs() <= Duration::hours(TOLD_BEFORE_HOURS));
        let Body::Discharges(stay) = &entry.body else { return false };
        // Admitted after help was resumed is another stay.
        let is_new =
            matches!(observation, Observation::StayAdmitted { .. }) && Some(ctx.at) > stay.resumed_at;
        is_near && stay.resumed_at.is_some() && !is_new
    };
    state
        .of_citizen(&citizen)
        .find(may_be)
        .or_else(|| state.closed_of_citizen(&citizen).filter(may_be).find(was_this_stay))
}

fn same_agreement(ctx: &Ctx, entry: &Entry) -> bool {
    match (&entry.agreement, &ctx.agreement) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

/// The open stay of this citizen that a fact under an unknown id is about: nobody is in two hospitals. A second source
/// has its own id for it, and a list of the care system one for each message. Somebody who is home and admitted again
/// begins another stay, unless that was on the way to another hospital; an admission from before the homecoming is only
/// late.
fn same_stay<'s>(
    state: &'s State,
    ctx: &Ctx,
    citizen: Option<&CitizenId>,
    observation: &Observation,
) -> Option<&'s Entry> {
    let citizen = state.citizen_named(ctx, citizen?)?;
    let admits = matches!(observation, Observation::StayAdmitted { .. });
    let is_late = |stay: &Stay| stay.ended_at().is_some_and(|ended| ctx.at <= ended);
    let may_be = |stay: &Stay| match stay.now.place {
        _ if !admits => true,
        Whereabouts::Home => {
            let moved = |home| ctx.at - home <= Duration::hours(MOVED_HOURS);
            is_late(stay) || stay.now.discharged_at.is_some_and(moved)
        }
        Whereabouts::Dead => is_late(stay),
        _ => true,
    };
    let stays = state.of_citizen(&citizen).filter_map(|entry| match &entry.body {
        Body::Discharges(stay) if may_be(stay) => {
            Some((stay.now.place.is_hospitals(), stay.now.admitted_at, entry))
        }
        _ => None,
    });
    let open = stays
        .filter(|(.., entry)| same_agreement(ctx, entry))
        .max_by_key(|(in_hospital, admitted_at, _)| (*in_hospital, *admitted_at))
        .map(|(.., entry)| entry);
    let over = || {
        let was_this = |entry: &&Entry| matches!(&entry.body, Body::Discharges(stay) if is_late(stay));
        state.closed_of_citizen(&citizen).filter(|entry| same_agreement(ctx, entry)).find(was_this)
    };
    open.or_else(|| over().filter(|_| admits))
}

fn on_known(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    citizen: Option<&CitizenId>,
    observation: &Observation,
    mut drafts: Vec<Draft>,
) -> Result<Vec<Draft>, Refusal> {
    let Body::Discharges(stay) = &entry.body else { return Err(Refusal::Unchanged) };
    let learnt = citizen.filter(|_| entry.citizen.is_none());
    if let Some(citizen) = learnt {
        let event = EntryEvent::CitizenMatched { citizen: citizen.clone() };
        drafts.push(entry.draft(ctx.at, Event::Entry(event)));
    }
    let event = translated(state, ctx, entry, stay, observation).ok_or(Refusal::Unchanged)?;
    let told = event.told(ctx.at).ok_or(Refusal::Unchanged)?;
    if !stay.facts.knows(told.at, &told.item) {
        drafts.push(entry.draft(ctx.at, Event::Discharges(event)));
    }
    if let Some(citizen) = learnt {
        // Joined as things are after these drafts.
        let after = crate::domain::after(state, ctx, &drafts);
        if let Some(known) = after.entry(entry.id) {
            drafts.extend(joined_by_citizen(&after, ctx, known, citizen));
        }
    }
    if drafts.is_empty() { Err(Refusal::Unchanged) } else { Ok(drafts) }
}

/// The id that a fact was told under, if the source whose first id the stay is known by has another for it.
fn told_under(ctx: &Ctx, entry: &Entry, stay: &Stay, id: &ExternalId) -> Option<ExternalId> {
    let first = stay.stay.as_ref().filter(|first| *first != id)?;
    let mut origins = entry.origin.iter().chain(&entry.also);
    let told_first = origins.find(|origin| origin.id == *first)?;
    (Some(&told_first.source) == ctx.source()).then(|| id.clone())
}

fn translated(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    known: &Stay,
    observation: &Observation,
) -> Option<DischargeEvent> {
    use Observation as O;
    let under = |id: &ExternalId| told_under(ctx, entry, known, id);
    Some(match observation {
        O::StayAdmitted { setting, planned, department, stay, .. } => DischargeEvent::Admitted {
            setting: *setting,
            planned: *planned,
            department: department.clone(),
            stay: under(stay),
        },
        O::StayLeaveStarted { stay } => DischargeEvent::LeaveStarted { stay: under(stay) },
        O::StayLeaveEnded { stay } => DischargeEvent::LeaveEnded { stay: under(stay) },
        O::StayDischargeExpected { expected_at, told_by, .. } => {
            DischargeEvent::DischargeExpected { expected_at: *expected_at, told_by: told_by.clone() }
        }
        O::StayDischarged { stay, .. } => {
            DischargeEvent::Discharged { resume_due: resume_due(state, entry, ctx.at), stay: under(stay) }
        }
        O::StayDied { stay, .. } => DischargeEvent::Died { stay: under(stay) },
        O::StayCorrected { of, at, setting, department, stay } => DischargeEvent::FactCorrected {
            of: *of,
            corrected_at: *at,
            setting: *setting,
            department: department.clone(),
            resume_due: match of {
                StayFact::Discharged => resume_due(state, entry, at.unwrap_or(ctx.at)),
                _ => None,
            },
            stay: under(stay),
        },
        O::StayCancelled { of, setting, stay } => {
            DischargeEvent::FactCancelled { of: *of, setting: *setting, stay: under(stay) }
        }
        _ => return None,
    })
}

fn resume_due(state: &State, entry: &Entry, discharged_at: DateTime<Utc>) -> Option<Due> {
    state
        .rules(entry.agreements())
        .filter_map(|rules| {
            let minutes = value_of(&rules.discharges.resume_within_minutes)?;
            Some(Due {
                what: DueKind::Resume,
                at: discharged_at + Duration::minutes(i64::from(minutes)),
                clause: rules
                    .discharges
                    .resume_within_minutes
                    .as_ref()
                    .and_then(|it| it.clause().map(|it| it.as_str().to_owned())),
                agreement_version: Some(rules.version.clone()),
            })
        })
        .min_by_key(|due| due.at)
}

/// Help stops on the open stays of a citizen who has moved away (J 3.1.1).
pub(in crate::domain) fn moved_away(state: &State, ctx: &Ctx, citizen: &Citizen) -> Vec<Draft> {
    state
        .of_citizen(citizen)
        .filter(|entry| matches!(&entry.body, Body::Discharges(stay) if stay.stopped.is_none()))
        .map(|entry| {
            let event = DischargeEvent::Stopped { reason: WhyStopped::Said(StopReason::Moved) };
            entry.draft(ctx.at, Event::Discharges(event))
        })
        .collect()
}
