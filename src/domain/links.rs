//! Entries of the same citizen know each other: a call, an alarm, a visit and a stay.
//!
//! Owns which pairs are joined and when. Must never know who the citizen is beyond an opaque id.

use chrono::{DateTime, Utc};

use super::entry::{self, Body, Entry, EntryEvent};
use super::identity::EntryId;
use super::{Ctx, Draft, Event, State, alarms, calendar, discharges, stay, visits};

/// The reason on the link.
const WHY: &str = "same-citizen";

/// The drafts, and after them the links that they bring about: an admission and today's visits, a death and
/// everything open, a late visit and the citizen's call.
pub fn with_links(state: &State, ctx: &Ctx, mut drafts: Vec<Draft>) -> Vec<Draft> {
    let touched: Vec<EntryId> =
        drafts.iter().filter(|draft| may_join(&draft.event)).map(|it| it.entry).collect();
    if touched.is_empty() {
        return drafts;
    }
    // Joined as things are after these drafts; nothing of this copy is kept.
    let mut after = state.clone();
    for draft in &drafts {
        super::evolve(&mut after, &ctx.provisional(draft));
    }
    let mut joined: Vec<(EntryId, EntryId)> = Vec::new();
    for id in touched {
        let Some(one) = after.entry(id) else { continue };
        let Some(citizen) = &one.citizen else { continue };
        for other in after.of_citizen(citizen).filter(|other| other.id != id) {
            let is_new = !joined.contains(&(id, other.id)) && !joined.contains(&(other.id, id));
            if is_new && belong_together(one, other, ctx.at) {
                joined.push((id, other.id));
                drafts.extend(entry::link_both(ctx.at, one, other, WHY));
            }
        }
    }
    drafts
}

/// Events after which an entry may belong together with others than before.
fn may_join(event: &Event) -> bool {
    use visits::VisitEvent as V;
    match event {
        Event::Entry(EntryEvent::CitizenMatched { .. }) => true,
        Event::Alarms(alarms::AlarmEvent::Raised { opening, .. }) => opening.citizen.is_some(),
        Event::Alarms(alarms::AlarmEvent::ArrivalKnown { citizen, .. }) => citizen.is_some(),
        Event::Discharges(event) => {
            use discharges::DischargeEvent as D;
            matches!(event, D::Opened { .. } | D::Admitted { .. } | D::Died {} | D::Discharged { .. })
        }
        Event::Visits(event) => matches!(
            event,
            V::Opened { .. }
                | V::Planned { .. }
                | V::Expected { .. }
                | V::FellSilent {}
                | V::Started {}
                | V::DoorUnanswered {}
        ),
        _ => false,
    }
}

fn belong_together(one: &Entry, other: &Entry, now: DateTime<Utc>) -> bool {
    match (&one.body, &other.body) {
        (Body::Duty(_) | Body::Source(_), _) | (_, Body::Duty(_) | Body::Source(_)) => false,
        (Body::Visit(_), Body::Visit(_)) => false,
        (Body::Visit(visit), Body::Stay(stay)) | (Body::Stay(stay), Body::Visit(visit)) => {
            is_dead(stay) || is_of_the_day(visit, now) || touches(visit, stay)
        }
        // A visit as planned is nothing that a caller rings about; one that is off, or of a closed door, is.
        (Body::Visit(visit), _) | (_, Body::Visit(visit)) => !matches!(visit.state(), "planned" | "moved"),
        _ => true,
    }
}

fn is_dead(stay: &discharges::Stay) -> bool {
    stay.now.place == stay::Place::Dead
}

fn is_of_the_day(visit: &visits::Visit, now: DateTime<Utc>) -> bool {
    visit.agreed_at().is_some_and(|at| calendar::days_apart(at, now) == 0)
}

/// The visit was for the date of the admission.
fn touches(visit: &visits::Visit, stay: &discharges::Stay) -> bool {
    match (visit.agreed_at(), stay.now.admitted_at) {
        (Some(at), Some(admitted)) => calendar::days_apart(at, admitted) == 0,
        _ => false,
    }
}
