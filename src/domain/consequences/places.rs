//! What an ending says of where the citizen is, and what follows (J 3.2): the table, and the step from it to a stay.
//!
//! Owns which ending of which board is such a word. What a stay means for visits, duties and the municipality is the page
//! above. Must never refuse anything.

use chrono::{DateTime, Utc};

use super::Step;
use crate::domain::agreement::Matter;
use crate::domain::discharges::said::{self, Away};
use crate::domain::duties::{DutyEvent, DutyKind, notices};
use crate::domain::entry::{self, Body, Entry, LinkWhy};
use crate::domain::identity::EntryId;
use crate::domain::vocabulary::Ended;
use crate::domain::{Event, alarms, visits};

/// What an entry says of where its citizen is, and when that was so.
struct Word {
    place: Place,
    at: DateTime<Utc>,
}

enum Place {
    Away(Away),
    Home,
}

/// The table: which ending of which board says where the citizen is. A visit that was only begun says so as well.
fn word_of(entry: &Entry) -> Option<Word> {
    use alarms::Outcome as O;
    use visits::DoorOutcome as D;
    let (place, at) = match &entry.body {
        Body::Alarms(alarm) => match alarm.outcome? {
            Ended::Said(O::TakenToHospital) => (Place::Away(Away::TakenToHospital), alarm.outcome_at?),
            Ended::Said(O::Deceased) => (Place::Away(Away::Dead), alarm.outcome_at?),
            // It rang there: two presses of one fall are ended one after the other, and may say different things.
            Ended::Said(O::Helped | O::NothingWrong) => (Place::Home, entry.opened_at),
            // Of these nobody saw the citizen.
            Ended::Said(O::FalseAlarm | O::Test | O::Technical | O::NotOurs) | Ended::Became(_) => {
                return None;
            }
        },
        Body::Visits(visit) => match visit.door.as_ref().and_then(|door| door.outcome) {
            Some((D::InHospital, at)) => (Place::Away(Away::TakenToHospital), at),
            Some((D::Deceased, at)) => (Place::Away(Away::Dead), at),
            Some((D::LetIn | D::FoundWell | D::Helped, _)) => (Place::Home, visit.door.as_ref()?.since),
            Some((D::NotHome | D::HandedToMunicipality, _)) => return None,
            // Begun; or, where only the end is told, agreed for then and done.
            None => {
                let done = visit.done_at.zip(visit.agreed_at()).map(|(done, agreed)| done.min(agreed));
                (Place::Home, visit.started_at.or(done)?)
            }
        },
        Body::Duties(duty) if duty.by_hand && duty.duty == DutyKind::ImmediateNotice => match duty.matter? {
            Matter::Admission => (Place::Away(Away::TakenToHospital), entry.opened_at),
            Matter::Death => (Place::Away(Away::Dead), entry.opened_at),
            _ => return None,
        },
        _ => return None,
    };
    Some(Word { place, at })
}

fn matter_of(away: Away) -> Matter {
    match away {
        Away::TakenToHospital => Matter::Admission,
        Away::Dead => Matter::Death,
    }
}

impl Step<'_> {
    /// What an entry says now of where its citizen is.
    pub(super) fn says_where(&mut self, id: EntryId) {
        let Some(entry) = self.entry(id) else { return };
        match word_of(&entry) {
            Some(Word { place: Place::Away(away), at }) => self.is_away(&entry, away, at),
            Some(Word { place: Place::Home, at }) => self.is_at_home(&entry, at),
            None => {}
        }
    }

    /// What an entry said of it before was not so.
    pub(super) fn said_where(&mut self, id: EntryId) {
        let Some(was) = self.before.entry(id).cloned() else { return };
        if let Some(Word { place: Place::Away(away), at }) = word_of(&was) {
            self.is_not_away(&was, away, at);
        }
    }

    /// One of us says that the citizen is dead or was taken to hospital: the stay says so from now on, with all that
    /// follows from it (J 3.2). Of somebody whom we do not know the municipality is told at least.
    fn is_away(&mut self, by: &Entry, away: Away, at: DateTime<Utc>) {
        let ctx = self.ctx;
        let Some(whose) = self.after().citizen_of(by) else {
            // A notice is on the board already.
            if !matches!(by.body, Body::Duties(_)) {
                self.tell(by.id, |after, ctx, entry| notices::arises(after, ctx, entry, matter_of(away)));
            }
            return;
        };
        let said = said::said(self.after(), ctx, by, &whose, away, at);
        self.add(said);
        let stay = said::open_stay(self.after(), by, &whose).map(|(entry, _)| entry.clone());
        let Some(stay) = stay else { return };
        // What is told of it already, or is on the board to be told, is of the stay now.
        let over = match &by.body {
            Body::Duties(_) => {
                vec![by.draft(ctx.at, Event::Duties(DutyEvent::NowAbout { about: stay.id }))]
            }
            _ => notices::go_over(self.after(), ctx, &stay, by),
        };
        self.add(over);
        let linked = entry::link_both(ctx.at, by, &stay, LinkWhy::SameCitizen);
        self.add(linked);
    }

    fn is_not_away(&mut self, by: &Entry, away: Away, at: DateTime<Utc>) {
        let ctx = self.ctx;
        let whose = self.after().citizen_of(by);
        let stay = whose.and_then(|whose| {
            said::stay_of(self.after(), &whose, away, at).map(|(entry, stay)| (entry.clone(), stay.clone()))
        });
        let back = match stay {
            Some((entry, stay)) => said::taken_back(ctx, &entry, &stay, away, at),
            None if matches!(by.body, Body::Duties(_)) => Vec::new(),
            None => notices::falls(self.after(), ctx, by, matter_of(away)),
        };
        self.add(back);
    }

    /// Somebody was helped at home after the ambulance had gone: the citizen is back, and so are the visits.
    fn is_at_home(&mut self, by: &Entry, at: DateTime<Utc>) {
        let Some(whose) = self.after().citizen_of(by) else { return };
        let home = said::is_at_home(self.after(), by, &whose, at);
        self.add(home);
    }
}
