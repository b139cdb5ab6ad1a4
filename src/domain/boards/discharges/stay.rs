//! A hospital stay as it was told, folded by when things happened and not by when we heard of them.
//!
//! Owns the order of the facts and what corrections and cancellations do to them: any order of arrival gives the
//! same stay, and a late message never reopens one. Clocks of the outside are not to be trusted: an end that is dated
//! before its own beginning ends it all the same (see `in_order`), and the stay is marked as odd. Must never know what a
//! coordinator did about it.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};

use crate::domain::entry::Due;
use crate::domain::identity::{Code, ExternalId};
use crate::domain::observation::{Setting, StayFact};

/// An end dated before its beginning by so much at most is that beginning's: two clocks, each a day off (hours). Further
/// off it is the end of an earlier time in hospital that we were not told the beginning of.
const ODD_HOURS: i64 = 48;
/// Likewise of a leave, of which there may be several (hours).
const ODD_LEAVE_HOURS: i64 = 24;
/// An acute stay that becomes an admission has two beginnings and one end. The end may be dated before the second by so
/// much at most; further off it ended the first, and the citizen was admitted again (minutes).
const ODD_SECOND_MINUTES: i64 = 60;

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
    /// Of a stay with several ids of one source: the one it was told under, if that is not the first. A citizen who is
    /// moved to another hospital is the same stay under another id.
    pub under: Option<ExternalId>,
}

/// Where the citizen is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Whereabouts {
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

impl Whereabouts {
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
    pub place: Whereabouts,
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
    /// An end is dated before its own beginning.
    pub is_odd: bool,
    /// The admission was taken back, also of somebody who is dead.
    pub never_admitted: bool,
}

/// A fact that stands.
struct StandingFact<'t> {
    of: StayFact,
    under: Option<&'t ExternalId>,
    /// Nobody told it: it follows from what was taken back.
    is_inferred: bool,
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

    /// When the last of them happened.
    pub fn last_at(&self) -> Option<DateTime<Utc>> {
        self.0.last().map(|told| told.at)
    }

    /// What they say together. Pure: depends on what was told, not on the order it came in.
    pub fn fold(&self) -> Folded {
        let mut standing: Vec<StandingFact<'_>> = self.0.iter().filter_map(first_told).collect();
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
                    cancel(&mut standing, told, *of, *setting);
                }
                Item::Fact { .. } | Item::Expected { .. } => {}
            }
        }
        standing.sort_by_key(|it| (it.at, it.of, it.told_at));
        let (ordered, is_odd) = in_order(of_last_admission(&standing));
        let mut folded = read(&ordered, admission_cancelled);
        folded.is_odd = is_odd;
        // All we heard of was taken back, but not the admission: then the citizen is still in hospital.
        if folded.place == Whereabouts::Unknown && something_cancelled {
            folded.place = Whereabouts::Hospital;
        }
        folded.corrections = corrections;
        folded.expected = self.expected(&folded, last_discharge_told);
        folded
    }

    fn expected(&self, folded: &Folded, used_up_at: Option<DateTime<Utc>>) -> Option<Expected> {
        let is_open = folded.place.is_hospitals() || folded.place == Whereabouts::Unknown;
        let last = self.0.iter().rev().find_map(|told| match &told.item {
            Item::Expected { expected_at, told_by } => {
                Some(Expected { expected_at: *expected_at, told_by: told_by.clone(), told_at: told.at })
            }
            _ => None,
        })?;
        (is_open && used_up_at.is_none_or(|used| used < last.told_at)).then_some(last)
    }
}

fn is_discharge(it: &StandingFact<'_>) -> bool {
    it.of == StayFact::Discharged
}

fn first_told(told: &Told) -> Option<StandingFact<'_>> {
    let Item::Fact { of, setting, planned, department } = &told.item else { return None };
    Some(StandingFact {
        of: *of,
        under: told.under.as_ref(),
        is_inferred: false,
        told_at: told.at,
        at: told.at,
        setting: *setting,
        planned: *planned,
        department: department.as_ref(),
        resume_due: told.resume_due.as_ref(),
    })
}

/// The ids that have an admission of their own: the others only add to those.
fn with_admission<'t>(standing: &[StandingFact<'t>]) -> BTreeSet<Option<&'t ExternalId>> {
    standing.iter().filter(|it| it.of == StayFact::Admitted).map(|it| it.under).collect()
}

/// The latest standing fact of that kind told no later than the correction; of several admissions one of the
/// setting that is named, if there is one. What is told under an id with an admission of its own is about that one.
fn target(
    standing: &[StandingFact<'_>],
    told: &Told,
    of: StayFact,
    setting: Option<Setting>,
) -> Option<usize> {
    let under = told.under.as_ref();
    let own = with_admission(standing);
    let may_be =
        |it: &StandingFact<'_>| it.under == under || !(own.contains(&under) && own.contains(&it.under));
    standing
        .iter()
        .enumerate()
        .filter(|(_, it)| it.of == of && it.told_at <= told.at && may_be(it))
        .max_by_key(|(_, it)| (it.under == under, setting.is_some() && it.setting == setting, it.told_at))
        .map(|(place, _)| place)
}

fn correct<'t>(standing: &mut Vec<StandingFact<'t>>, told: &'t Told, of: StayFact) {
    let Item::Corrected { corrected_at, setting, department, .. } = &told.item else { return };
    let place = match target(standing, told, of, *setting) {
        Some(place) => Some(place),
        // One that leaves the time alone may be dated before what it corrects.
        None if corrected_at.is_none() => standing.iter().position(|it| it.of == of),
        None => None,
    };
    let Some(place) = place else {
        // Nobody told us what it corrects: then it is the first we hear of it.
        standing.push(StandingFact {
            of,
            under: told.under.as_ref(),
            is_inferred: false,
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

fn cancel<'t>(standing: &mut Vec<StandingFact<'t>>, told: &'t Told, of: StayFact, setting: Option<Setting>) {
    let at = told.at;
    if of == StayFact::Died {
        // One dies once: a corrected time of death is the same death.
        let before = standing.len();
        standing.retain(|it| it.of != of || it.told_at > at);
        if standing.len() < before {
            return;
        }
    } else if let Some(place) = target(standing, told, of, setting) {
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
    standing.push(StandingFact {
        of: instead,
        under: told.under.as_ref(),
        is_inferred: true,
        told_at: at,
        at,
        setting: None,
        planned: false,
        department: None,
        resume_due: None,
    });
}

/// Nobody is in two hospitals: of several admissions under ids of their own the last one says where the citizen is, and
/// what is told under the ids before it says nothing of that any more. A death is a death under any id.
fn of_last_admission<'s, 't>(standing: &'s [StandingFact<'t>]) -> Vec<&'s StandingFact<'t>> {
    let own = with_admission(standing);
    let last = standing.iter().filter(|it| it.of == StayFact::Admitted).map(|it| (it.at, it.under)).max();
    let is_of_last = |it: &&StandingFact<'t>| {
        it.of == StayFact::Died || !own.contains(&it.under) || last.is_none_or(|(_, under)| it.under == under)
    };
    standing.iter().filter(is_of_last).collect()
}

/// The facts, in order of time, in the order in which they are read: each end behind its beginning. And whether one had
/// to be put there: by their times the citizen was home before being admitted. Depends on the facts alone, so that any
/// order of arrival says the same.
fn in_order<'s, 't>(line: Vec<&'s StandingFact<'t>>) -> (Vec<&'s StandingFact<'t>>, bool) {
    let mut pairs = Pairs { line: &line, is_ended: vec![false; line.len()] };
    let moved: Vec<Option<DateTime<Utc>>> = (0..line.len()).map(|place| pairs.read_at(place)).collect();
    let is_odd = moved.iter().any(Option::is_some);
    let mut order: Vec<usize> = (0..line.len()).collect();
    order.sort_by_key(|place| {
        let it = line[*place];
        (moved[*place].unwrap_or(it.at), it.of, it.at, it.told_at)
    });
    (order.into_iter().map(|place| line[place]).collect(), is_odd)
}

/// Which beginnings have their end.
struct Pairs<'p, 's, 't> {
    line: &'p [&'s StandingFact<'t>],
    is_ended: Vec<bool>,
}

impl Pairs<'_, '_, '_> {
    /// When the fact is read, if not at its own time. Asked of each in turn.
    fn read_at(&mut self, place: usize) -> Option<DateTime<Utc>> {
        match self.line[place].of {
            _ if self.line[place].is_inferred => None,
            StayFact::Discharged => self.discharge(place),
            StayFact::LeaveEnded => self.leave_end(place),
            StayFact::Admitted | StayFact::LeaveStarted | StayFact::Died => None,
        }
    }

    /// Behind an admission that it must have ended, and behind what is told of a leave although the stay was over.
    fn discharge(&mut self, place: usize) -> Option<DateTime<Utc>> {
        let (line, end) = (self.line, self.line[place]);
        let of_its_stay = |at: usize, most: Duration| {
            let it = line[at];
            it.under == end.under && !it.is_inferred && it.at - end.at <= most
        };
        let next_admission = |from: usize| (from..line.len()).find(|at| line[*at].of == StayFact::Admitted);
        let has_own = (0..place).any(|at| line[at].of == StayFact::Admitted && !self.is_ended[at]);
        let admitted = next_admission(place + 1).filter(|at| match has_own {
            false => of_its_stay(*at, Duration::hours(ODD_HOURS)),
            // The second beginning of one stay, unless that has an end of its own.
            true => {
                let is_last = line[*at..].iter().all(|it| it.of != StayFact::Discharged);
                is_last && of_its_stay(*at, Duration::minutes(ODD_SECOND_MINUTES))
            }
        });
        let from = admitted.unwrap_or(place);
        let until = next_admission(from + 1).unwrap_or(line.len());
        let leave = (from + 1..until).rev().find(|at| {
            let is_of_leave = matches!(line[*at].of, StayFact::LeaveStarted | StayFact::LeaveEnded);
            is_of_leave && of_its_stay(*at, Duration::hours(ODD_LEAVE_HOURS))
        });
        let last = leave.or(admitted);
        self.is_ended[..=last.unwrap_or(place)].fill(true);
        last.map(|at| line[at].at)
    }

    /// Behind a leave that it must have ended.
    fn leave_end(&mut self, place: usize) -> Option<DateTime<Utc>> {
        let (line, end) = (self.line, self.line[place]);
        let begun = (0..place).rev().find(|at| line[*at].of == StayFact::LeaveStarted && !self.is_ended[*at]);
        if let Some(begun) = begun {
            self.is_ended[begun] = true;
            return None;
        }
        let next = (place + 1..line.len()).find(|at| line[*at].of != StayFact::LeaveEnded)?;
        let it = line[next];
        let is_its = it.of == StayFact::LeaveStarted && it.under == end.under && !self.is_ended[next];
        if !is_its || it.at - end.at > Duration::hours(ODD_LEAVE_HOURS) {
            return None;
        }
        self.is_ended[next] = true;
        Some(it.at)
    }
}

fn read(standing: &[&StandingFact<'_>], admission_cancelled: bool) -> Folded {
    let mut folded = Folded::default();
    for it in standing {
        match it.of {
            StayFact::Admitted => {
                folded.place = Whereabouts::Hospital;
                folded.admitted_at = Some(it.at);
                folded.setting = it.setting.or(folded.setting);
                folded.planned = it.planned;
                folded.department = it.department.cloned().or(folded.department.take());
                folded.leave_since = None;
            }
            StayFact::LeaveStarted => {
                folded.place = Whereabouts::Leave;
                folded.leave_since = Some(it.at);
            }
            StayFact::LeaveEnded => {
                folded.place = Whereabouts::Hospital;
                folded.leave_since = None;
            }
            StayFact::Discharged => {
                folded.place = Whereabouts::Home;
                folded.discharged_at = Some(it.at);
                folded.leave_since = None;
                folded.resume_due = it.resume_due.cloned();
            }
            StayFact::Died => folded.died_at = Some(it.at),
        }
    }
    if folded.place != Whereabouts::Home {
        folded.discharged_at = None;
        folded.resume_due = None;
    }
    let never_home = !matches!(folded.place, Whereabouts::Home) && folded.admitted_at.is_none();
    folded.never_admitted = admission_cancelled && never_home;
    if folded.never_admitted {
        folded.place = Whereabouts::NeverAdmitted;
    }
    if folded.died_at.is_some() {
        folded.place = Whereabouts::Dead;
    }
    folded
}
