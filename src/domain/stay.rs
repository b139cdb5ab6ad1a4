//! A hospital stay as it was told, folded by when things happened and not by when we heard of them.
//!
//! Owns the order of the facts and what corrections and cancellations do to them: any order of arrival gives the
//! same stay, and a late message never reopens one. Must never know what a coordinator did about it.

use chrono::{DateTime, Utc};

use super::entry::Due;
use super::identity::{Code, ExternalId};
use super::observation::{Setting, StayFact};

/// One thing told about a stay. The order of the variants is the order at one and the same instant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    Fact {
        of: StayFact,
        setting: Option<Setting>,
        planned: bool,
        department: Option<ExternalId>,
    },
    /// Somebody said when the citizen comes home. No hospital message says that.
    Expected {
        expected_at: DateTime<Utc>,
        told_by: Code,
    },
    /// The latest fact of that kind was another: wrong time, setting or department.
    Corrected {
        of: StayFact,
        corrected_at: Option<DateTime<Utc>>,
        setting: Option<Setting>,
        department: Option<ExternalId>,
    },
    /// The latest fact of that kind never was.
    Cancelled {
        of: StayFact,
        /// Of an admission: which one, where the stay has an acute one and another.
        setting: Option<Setting>,
    },
}

/// An item with the time it happened; for a correction or cancellation, the time it was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    pub at: DateTime<Utc>,
    pub item: Item,
    /// With a discharge, or the correction of one: by when help is to be resumed, where the agreement says.
    pub resume_due: Option<Due>,
}

/// Where the citizen is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Place {
    /// Nothing but an expectation has been told.
    #[default]
    Unknown,
    Hospital,
    /// At home, still the hospital's patient.
    Leave,
    Home,
    Dead,
    /// The admission was cancelled: never away.
    NeverAdmitted,
}

impl Place {
    /// Still the hospital's, so that no help of ours is given.
    pub fn is_hospitals(self) -> bool {
        matches!(self, Self::Hospital | Self::Leave)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    pub expected_at: DateTime<Utc>,
    pub told_by: Code,
    pub told_at: DateTime<Utc>,
}

/// What the facts say, taken together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Folded {
    pub place: Place,
    pub admitted_at: Option<DateTime<Utc>>,
    pub setting: Option<Setting>,
    pub planned: bool,
    pub department: Option<ExternalId>,
    pub leave_since: Option<DateTime<Utc>>,
    pub discharged_at: Option<DateTime<Utc>>,
    pub died_at: Option<DateTime<Utc>>,
    /// Stands until a discharge, a death or the admission's cancellation.
    pub expected: Option<Expected>,
    pub resume_due: Option<Due>,
    /// How often something told before was corrected or cancelled.
    pub corrections: u32,
}

/// A fact that stands.
struct Standing<'t> {
    of: StayFact,
    /// As first told: what a correction or cancellation is matched by.
    told_at: DateTime<Utc>,
    /// As corrected.
    at: DateTime<Utc>,
    setting: Option<Setting>,
    planned: bool,
    department: Option<&'t ExternalId>,
    resume_due: Option<&'t Due>,
}

/// Everything told about one stay, in order of time. The same thing told twice is there once.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Facts(Vec<Told>);

impl Facts {
    /// Adds what was told. False when it was there.
    pub fn hear(&mut self, told: Told) -> bool {
        let key = |told: &Told| (told.at, told.item.clone());
        match self.0.binary_search_by_key(&key(&told), key) {
            Ok(_) => false,
            Err(place) => {
                self.0.insert(place, told);
                true
            }
        }
    }

    pub fn knows(&self, at: DateTime<Utc>, item: &Item) -> bool {
        self.0.iter().any(|told| told.at == at && told.item == *item)
    }

    /// In order of time.
    pub fn iter(&self) -> impl Iterator<Item = &Told> {
        self.0.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What they say together. Pure: depends on what was told, not on the order it came in.
    pub fn fold(&self) -> Folded {
        let mut standing: Vec<Standing<'_>> = self.0.iter().filter_map(first_told).collect();
        let (mut admission_cancelled, mut something_cancelled) = (false, false);
        let mut last_discharge_told =
            standing.iter().filter(|it| is_discharge(it)).map(|it| it.told_at).max();
        let mut corrections = 0;
        for told in &self.0 {
            match &told.item {
                Item::Corrected { of, .. } => {
                    corrections += 1;
                    correct(&mut standing, told, *of);
                }
                Item::Cancelled { of, setting } => {
                    corrections += 1;
                    match of {
                        StayFact::Admitted => admission_cancelled = true,
                        _ => something_cancelled = true,
                    }
                    if *of == StayFact::Discharged {
                        last_discharge_told = last_discharge_told.max(Some(told.at));
                    }
                    cancel(&mut standing, told.at, *of, *setting);
                }
                Item::Fact { .. } | Item::Expected { .. } => {}
            }
        }
        standing.sort_by_key(|it| (it.at, it.of, it.told_at));
        let mut folded = read(&standing, admission_cancelled);
        // All we heard of was taken back, but not the admission: then the citizen is still in hospital.
        if folded.place == Place::Unknown && something_cancelled {
            folded.place = Place::Hospital;
        }
        folded.corrections = corrections;
        folded.expected = self.expected(&folded, last_discharge_told);
        folded
    }

    fn expected(&self, folded: &Folded, used_up_at: Option<DateTime<Utc>>) -> Option<Expected> {
        let is_open = folded.place.is_hospitals() || folded.place == Place::Unknown;
        let last = self.0.iter().rev().find_map(|told| match &told.item {
            Item::Expected { expected_at, told_by } => {
                Some(Expected { expected_at: *expected_at, told_by: told_by.clone(), told_at: told.at })
            }
            _ => None,
        })?;
        (is_open && used_up_at.is_none_or(|used| used < last.told_at)).then_some(last)
    }
}

fn is_discharge(it: &Standing<'_>) -> bool {
    it.of == StayFact::Discharged
}

fn first_told(told: &Told) -> Option<Standing<'_>> {
    let Item::Fact { of, setting, planned, department } = &told.item else { return None };
    Some(Standing {
        of: *of,
        told_at: told.at,
        at: told.at,
        setting: *setting,
        planned: *planned,
        department: department.as_ref(),
        resume_due: told.resume_due.as_ref(),
    })
}

/// The latest standing fact of that kind told no later than the correction; of several admissions one of the
/// setting that is named, if there is one.
fn target(
    standing: &[Standing<'_>],
    of: StayFact,
    at: DateTime<Utc>,
    setting: Option<Setting>,
) -> Option<usize> {
    standing
        .iter()
        .enumerate()
        .filter(|(_, it)| it.of == of && it.told_at <= at)
        .max_by_key(|(_, it)| (setting.is_some() && it.setting == setting, it.told_at))
        .map(|(place, _)| place)
}

fn correct<'t>(standing: &mut Vec<Standing<'t>>, told: &'t Told, of: StayFact) {
    let Item::Corrected { corrected_at, setting, department, .. } = &told.item else { return };
    let place = match target(standing, of, told.at, *setting) {
        Some(place) => Some(place),
        // One that leaves the time alone may be dated before what it corrects.
        None if corrected_at.is_none() => standing.iter().position(|it| it.of == of),
        None => None,
    };
    let Some(place) = place else {
        // Nobody told us what it corrects: then it is the first we hear of it.
        standing.push(Standing {
            of,
            told_at: told.at,
            at: corrected_at.unwrap_or(told.at),
            setting: *setting,
            planned: false,
            department: department.as_ref(),
            resume_due: told.resume_due.as_ref(),
        });
        return;
    };
    let it = &mut standing[place];
    it.at = corrected_at.unwrap_or(it.at);
    it.setting = setting.or(it.setting);
    it.department = department.as_ref().or(it.department);
    it.resume_due = told.resume_due.as_ref().or(it.resume_due);
}

fn cancel(standing: &mut Vec<Standing<'_>>, at: DateTime<Utc>, of: StayFact, setting: Option<Setting>) {
    if of == StayFact::Died {
        // One dies once: a corrected time of death is the same death.
        let before = standing.len();
        standing.retain(|it| it.of != of || it.told_at > at);
        if standing.len() < before {
            return;
        }
    } else if let Some(place) = target(standing, of, at, setting) {
        // One admission of another setting than the one cancelled: that one was never told to us.
        let is_it =
            setting.is_none() || standing[place].setting.is_none() || standing[place].setting == setting;
        if is_it {
            standing.remove(place);
        }
        return;
    }
    // What it cancels was never told to us. It still says where the citizen is: in hospital after all, or, when the
    // end of a leave is taken back, on leave.
    let instead = match of {
        StayFact::Admitted => return,
        StayFact::Died if standing.iter().any(|it| it.told_at <= at) => return,
        StayFact::LeaveEnded => StayFact::LeaveStarted,
        StayFact::Died | StayFact::LeaveStarted | StayFact::Discharged => StayFact::LeaveEnded,
    };
    standing.push(Standing {
        of: instead,
        told_at: at,
        at,
        setting: None,
        planned: false,
        department: None,
        resume_due: None,
    });
}

fn read(standing: &[Standing<'_>], admission_cancelled: bool) -> Folded {
    let mut folded = Folded::default();
    for it in standing {
        match it.of {
            StayFact::Admitted => {
                folded.place = Place::Hospital;
                folded.admitted_at = Some(it.at);
                folded.setting = it.setting.or(folded.setting);
                folded.planned = it.planned;
                folded.department = it.department.cloned().or(folded.department.take());
                folded.leave_since = None;
            }
            StayFact::LeaveStarted => {
                folded.place = Place::Leave;
                folded.leave_since = Some(it.at);
            }
            StayFact::LeaveEnded => {
                folded.place = Place::Hospital;
                folded.leave_since = None;
            }
            StayFact::Discharged => {
                folded.place = Place::Home;
                folded.discharged_at = Some(it.at);
                folded.leave_since = None;
                folded.resume_due = it.resume_due.cloned();
            }
            StayFact::Died => folded.died_at = Some(it.at),
        }
    }
    if folded.place != Place::Home {
        folded.discharged_at = None;
        folded.resume_due = None;
    }
    let never_home = !matches!(folded.place, Place::Home) && folded.admitted_at.is_none();
    if admission_cancelled && never_home {
        folded.place = Place::NeverAdmitted;
    }
    if folded.died_at.is_some() {
        folded.place = Place::Dead;
    }
    folded
}
