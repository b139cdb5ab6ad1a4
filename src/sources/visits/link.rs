//! What a watched folder does with a route list: read, ask who the citizens are, hand in, tell what could not be read.
//!
//! Owns the order: facts first, then the rows that were not taken, then "done", so that a file is deleted only when
//! all of it is on disk. A row whose citizen the care system cannot tell now waits, and its file with it; the other
//! rows and files go in. Must never keep who a CPR number is for longer than the file that named it is there.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};

use super::translate::{self, Reading, RowSays, Who};
use super::wire::{self, BadRow, RowPlace};
use super::{Mapping, settings};
use crate::domain::identity::{AgreementId, CitizenId, Code, ExternalId, SourceName};
use crate::domain::masking::Masking;
use crate::domain::observation::Observation;
use crate::protocol::observations::{Observed, Outcome};
use crate::sources::drop_folder::{Dropped, Handler, Verdict};
use crate::sources::{
    BadRows, FileRows, HandIn, KnownVisit, Malformed, Now, RowsAre, Unavailable, VisitLog, Waiting, withdrawn,
};

/// Observations handed in together: an alarm that comes meanwhile waits behind no more than these.
const AT_ONCE: usize = 100;
/// Rows told one by one; of the rest, one line for each reason.
const BAD_ROWS_TOLD_MAX: usize = 20;
/// Citizens remembered while a file waits to be taken in.
const CITIZENS_MAX: usize = 50_000;

/// So many questions in a row that nobody answers, and the care system is not asked again until the files that wait
/// are read again.
const AWAY_MAX: u32 = 3;
/// Why a list is set aside of which no row could be read.
const NO_ROW_READ: &str = "no-row-read";
/// What the others wait for then.
const AWAY: &str = "care-failed";
/// A row waits for its citizen no longer than this after its visit was to begin.
const WAIT_FOR_MAX: TimeDelta = TimeDelta::hours(24);

/// Why nobody was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotFound {
    /// There is nobody to ask.
    NobodyToAsk,
    /// The care system does not know them.
    Unknown,
    /// The care system is away, the code says how: to be asked again.
    Away(&'static str),
    /// It will not say of this one, the code says why: to be asked again, as somebody may give us leave.
    Refused(&'static str),
}

impl NotFound {
    /// The code of what is waited for.
    fn waits(self) -> Option<&'static str> {
        match self {
            Self::Away(why) | Self::Refused(why) => Some(why),
            Self::NobodyToAsk | Self::Unknown => None,
        }
    }
}

/// Who finds a citizen by CPR number: the care system, through whoever wires us.
pub trait Citizens: Send + Sync {
    fn by_cpr(&self, cpr: &SecretString) -> impl Future<Output = Result<CitizenId, NotFound>> + Send;
}

/// Whom the lists tell, and ask what is known of visits.
pub trait Inbox: HandIn + Malformed + FileRows + VisitLog {}

impl<I: HandIn + Malformed + FileRows + VisitLog> Inbox for I {}

/// Reads the lists of one folder.
pub struct Lists<I, C> {
    source: SourceName,
    agreement: AgreementId,
    mapping: Arc<Mapping>,
    is_whole: bool,
    masking: Masking,
    inbox: I,
    citizens: C,
    now: Now,
    asked: Mutex<Asked>,
}

/// What is remembered while files wait: in memory only, and no longer than the file is there.
#[derive(Default)]
struct Asked {
    /// Who could not be told since the waiting files were last read: they wait in later files as well, so that
    /// nothing overtakes what was said first.
    waits: HashMap<String, NotFound>,
    away_in_a_row: u32,
    files: HashMap<String, Seen>,
}

/// What is remembered of one file that waits.
#[derive(Default)]
struct Seen {
    written_at: DateTime<Utc>,
    /// So that nobody is asked about twice.
    found: HashMap<String, Result<CitizenId, NotFound>>,
    /// The rows that wait; all others are on disk. None: it was not read yet.
    waiting: Option<BTreeSet<RowPlace>>,
    /// What was told of it.
    told: BTreeSet<(RowPlace, Code)>,
}

/// What a list holds.
#[derive(Default)]
struct Span {
    named: BTreeSet<ExternalId>,
    /// How many of them are new.
    fresh: usize,
    /// When its first and its last visit are planned.
    times: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// Every row could be read.
    is_whole: bool,
}

impl<I: Inbox, C: Citizens> Lists<I, C> {
    /// `masking`: each id of a row goes through it.
    pub fn new(
        settings: &settings::Settings,
        mapping: Mapping,
        masking: Masking,
        inbox: I,
        citizens: C,
        now: Now,
    ) -> Self {
        Self {
            source: settings.name(),
            agreement: settings.agreement.clone(),
            mapping: Arc::new(mapping),
            is_whole: settings.whole,
            masking,
            inbox,
            citizens,
            now,
            asked: Mutex::default(),
        }
    }

    async fn list(&self, file: Dropped) -> Verdict {
        let reading = Reading { now: (self.now)(), written_at: file.written_at };
        let mapping = self.mapping.clone();
        // Thousands of rows: not on a thread that others wait for.
        let masking = self.masking.clone();
        let read = tokio::task::spawn_blocking(move || read(&file.bytes, &mapping, &reading, &masking));
        let (rows, bad, mut odd) = match read.await {
            Ok(Ok(read)) => read,
            Ok(Err(unreadable)) => return Verdict::SetAside(Code::constant(unreadable.code())),
            // The server is stopping.
            Err(_) => return Verdict::Retry,
        };
        let mut seen = self.remembered(&file.name, file.written_at);
        let is_unread = rows.is_empty() && !bad.is_empty();
        let span = self.span(&rows, bad.is_empty());
        let (mut known, mut waits) = (Vec::new(), Vec::new());
        for told in rows {
            let place = told.place;
            if seen.waiting.as_ref().is_some_and(|waiting| !waiting.contains(&place)) {
                continue;
            }
            match self.citizen(&told, &mut seen).await {
                Ok(citizen) => known.push((place, told.observations(citizen, &self.agreement, &reading))),
                // Nobody knows who it is: taken all the same, under what stands for the number, and said.
                Err(why) if why.waits().is_none() || told.is_over(&reading, WAIT_FOR_MAX) => {
                    let what = match why {
                        NotFound::Unknown => "citizen-unknown",
                        NotFound::NobodyToAsk => "citizen-is-cpr",
                        NotFound::Away(_) | NotFound::Refused(_) => "citizen-never-told",
                    };
                    odd.push(BadRow { place, what });
                    let citizen = told.stand_in(&self.masking);
                    known.push((place, told.observations(citizen, &self.agreement, &reading)));
                }
                Err(why) => waits.extend(why.waits().map(|why| (place, why))),
            }
        }
        // What waits is read again, perhaps after a later list: what was known already must have a key by then, too.
        let Ok(mut troubles) = self.hand_in(known, waits.is_empty()).await else { return Verdict::Retry };
        troubles.extend(bad.into_iter().map(|bad| (bad.place, Code::constant(bad.what))));
        troubles.retain(|trouble| !seen.told.contains(trouble));
        let mut oddities: Vec<(RowPlace, Code)> =
            odd.into_iter().map(|odd| (odd.place, Code::constant(odd.what))).collect();
        oddities.retain(|odd| !seen.told.contains(odd));
        let (refused, marked) = (told_of(troubles.clone()), told_of(oddities.clone()));
        if !refused.is_empty() {
            self.inbox.rows(&self.source, RowsAre::Refused, refused).await;
        }
        if !marked.is_empty() {
            self.inbox.rows(&self.source, RowsAre::Odd, marked).await;
        }
        troubles.extend(oddities);
        if let Some((_, why)) = waits.first() {
            seen.told.extend(troubles);
            let waiting =
                Waiting { count: u32::try_from(waits.len()).unwrap_or(u32::MAX), why: Code::constant(why) };
            seen.waiting = Some(waits.into_iter().map(|(place, _)| place).collect());
            self.asked().files.insert(file.name, seen);
            return Verdict::Waits(waiting);
        }
        // The list of a day of which nobody knows a word yet: once the mapping says them, it can be read again.
        if is_unread {
            return Verdict::SetAside(Code::constant(NO_ROW_READ));
        }
        if self.is_whole && self.withdraw(span, &reading).await.is_err() {
            return Verdict::Retry;
        }
        // Nothing, handed in: an answer means that what was told before it is on disk.
        if self.inbox.submit(&self.source, Vec::new()).await.is_err() {
            return Verdict::Retry;
        }
        Verdict::Done
    }

    /// No panic leaves it half changed: every change is one step.
    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of this very file, taken out; nothing of one that was written over.
    fn remembered(&self, name: &str, written_at: DateTime<Utc>) -> Seen {
        let seen = self.asked().files.remove(name).filter(|seen| seen.written_at == written_at);
        seen.unwrap_or(Seen { written_at, ..Seen::default() })
    }

    /// Who a row's citizen is. Nobody is asked about twice in a round, nor anybody once the care system is away.
    async fn citizen(&self, told: &RowSays, seen: &mut Seen) -> Result<Option<CitizenId>, NotFound> {
        let cpr = match &told.planned {
            None => return Ok(None),
            Some((Who::Id(citizen), _)) => return Ok(Some(citizen.clone())),
            Some((Who::Cpr(cpr), _)) => cpr,
        };
        let digits = &cpr.expose_secret().replace('-', "");
        if let Some(known) = seen.found.get(digits) {
            return known.clone().map(Some);
        }
        let (before, is_away) = {
            let asked = self.asked();
            (asked.waits.get(digits).copied(), asked.away_in_a_row >= AWAY_MAX)
        };
        if let Some(why) = before {
            return Err(why);
        }
        let answer = if is_away { Err(NotFound::Away(AWAY)) } else { self.citizens.by_cpr(cpr).await };
        let mut asked = self.asked();
        asked.away_in_a_row = match answer {
            Err(NotFound::Away(_)) => asked.away_in_a_row.saturating_add(1),
            _ => 0,
        };
        match &answer {
            Err(why) if why.waits().is_some() => drop(asked.waits.insert(digits.clone(), *why)),
            _ if seen.found.len() < CITIZENS_MAX => drop(seen.found.insert(digits.clone(), answer.clone())),
            _ => {}
        }
        answer.map(Some)
    }

    /// What the list holds, before any of it is handed in.
    fn span(&self, rows: &[RowSays], is_read: bool) -> Span {
        if !self.is_whole {
            return Span::default();
        }
        let times = rows.iter().filter_map(|told| Some(told.planned.as_ref()?.1.agreed_at));
        let times = times.clone().min().zip(times.max());
        let named: BTreeSet<ExternalId> = rows.iter().map(|told| told.visit.clone()).collect();
        let all: Vec<ExternalId> = named.iter().cloned().collect();
        let known = self.inbox.known_visits(&self.source, &all).len();
        Span { fresh: named.len().saturating_sub(known), named, times, is_whole: is_read }
    }

    /// Takes off the board what was planned within the list's time and is not in the list.
    async fn withdraw(&self, span: Span, reading: &Reading) -> Result<(), Unavailable> {
        let Some((first, last)) = span.times.filter(|_| span.is_whole) else { return Ok(()) };
        let standing = self.inbox.standing_visits(&self.source, first, last + TimeDelta::seconds(1));
        match withdrawn::gone(standing, &span.named, span.fresh) {
            Ok(gone) => {
                let told: Vec<Observed> =
                    gone.iter().map(|it| withdrawn::told(it, &self.agreement, reading.now)).collect();
                for batch in told.chunks(AT_ONCE) {
                    self.inbox.submit(&self.source, batch.to_vec()).await?;
                }
            }
            Err(_) => self.inbox.unreadable(&self.source, Code::constant("list-shrunk")),
        }
        Ok(())
    }

    /// Hands in what is new, or everything. The answer: what was refused, with its place.
    async fn hand_in(
        &self,
        rows: Vec<(RowPlace, Vec<Observed>)>,
        only_new: bool,
    ) -> Result<Vec<(RowPlace, Code)>, Unavailable> {
        let visits: Vec<ExternalId> = rows
            .iter()
            .flat_map(|(_, told)| told)
            .filter_map(|it| visit_of(&it.observation))
            .cloned()
            .collect();
        let known = self.inbox.known_visits(&self.source, &visits);
        let mut news = rows.into_iter().flat_map(|(place, told)| told.into_iter().map(move |it| (place, it)));
        let is_new = |observed: &Observed| {
            let known = visit_of(&observed.observation).and_then(|visit| known.get(visit));
            !only_new || known.is_none_or(|known| !known.says(&observed.observation))
        };
        let mut refused = Vec::new();
        loop {
            let batch: Vec<(RowPlace, Observed)> =
                news.by_ref().filter(|(_, observed)| is_new(observed)).take(AT_ONCE).collect();
            if batch.is_empty() {
                return Ok(refused);
            }
            let (places, batch): (Vec<RowPlace>, Vec<Observed>) = batch.into_iter().unzip();
            let receipts = self.inbox.submit(&self.source, batch).await?;
            for (place, receipt) in places.into_iter().zip(receipts) {
                if receipt.outcome == Outcome::Refused {
                    let why = receipt.problem.and_then(|problem| Code::new(problem.code).ok());
                    refused.push((place, why.unwrap_or_else(|| Code::constant("refused"))));
                }
            }
        }
    }
}

/// What is told of rows: the first one by one, the rest by reason.
fn told_of(mut all: Vec<(RowPlace, Code)>) -> Vec<BadRows> {
    all.sort();
    all.dedup();
    let rest = all.split_off(all.len().min(BAD_ROWS_TOLD_MAX));
    let bad_rows = |place: RowPlace, what, rows| BadRows { what, line: place.line, row: place.row, rows };
    let mut told: Vec<BadRows> = all.into_iter().map(|(place, what)| bad_rows(place, what, 1)).collect();
    let mut by_reason: BTreeMap<Code, BadRows> = BTreeMap::new();
    for (place, what) in rest {
        let rows = by_reason.entry(what.clone()).or_insert_with(|| bad_rows(place, what, 0));
        rows.rows += 1;
    }
    told.extend(by_reason.into_values());
    told
}

impl<I: Inbox, C: Citizens> Handler for Lists<I, C> {
    async fn handle(&self, file: Dropped) -> Verdict {
        self.list(file).await
    }

    fn again(&self, waiting: &BTreeSet<String>) {
        let mut asked = self.asked();
        asked.waits.clear();
        asked.away_in_a_row = 0;
        asked.files.retain(|name, _| waiting.contains(name));
    }
}

/// The rows that can be read, those that cannot, and what is odd about the first.
type Read = (Vec<RowSays>, Vec<BadRow>, Vec<BadRow>);

fn read(
    bytes: &[u8],
    mapping: &Mapping,
    reading: &Reading,
    masking: &Masking,
) -> Result<Read, wire::Unreadable> {
    let list = wire::read(bytes, mapping)?;
    let (mut rows, mut bad, mut odd) = (Vec::with_capacity(list.rows.len()), list.bad, list.odd);
    for row in &list.rows {
        match translate::row(row, mapping, reading, masking) {
            Ok(told) => {
                let marks = told.iter().flat_map(|told| told.odd.iter().map(|what| (told.place, *what)));
                odd.extend(marks.map(|(place, what)| BadRow { place, what }));
                rows.extend(told);
            }
            Err(row) => bad.push(row),
        }
    }
    odd.extend(doubles(&mut rows, masking));
    Ok((rows, bad, odd))
}

/// One id for two citizens: both are kept, the second under an id of its own. One visit at two times: the last stands.
fn doubles(rows: &mut [RowSays], masking: &Masking) -> Vec<BadRow> {
    let mut firsts: HashMap<ExternalId, (RowPlace, String, DateTime<Utc>)> = HashMap::new();
    let mut odd = Vec::new();
    for told in rows {
        let Some((who, plan)) = &told.planned else { continue };
        let (whose, at) = (who.said(), plan.agreed_at);
        let known = firsts.get(&told.visit);
        if let Some((first, _, _)) = known.filter(|(_, other, _)| *other != whose) {
            odd.extend([*first, told.place].map(|place| BadRow { place, what: "two-citizens" }));
            let own = translate::of_its_own(&told.visit, who, masking);
            told.rename(&own);
        } else if known.is_some_and(|(.., before)| *before != at) {
            odd.push(BadRow { place: told.place, what: "visit-twice" });
        }
        firsts.insert(told.visit.clone(), (told.place, whose, at));
    }
    odd
}

/// The visit an observation is about; none for one of something else.
fn visit_of(observation: &Observation) -> Option<&ExternalId> {
    match observation {
        Observation::VisitPlanned { visit, .. }
        | Observation::VisitExpected { visit, .. }
        | Observation::VisitStarted { visit }
        | Observation::VisitDone { visit }
        | Observation::VisitCancelled { visit, .. }
        | Observation::DoorUnanswered { visit } => Some(visit),
        _ => None,
    }
}

impl KnownVisit {
    /// Whether the log says this already. A list that comes every few minutes costs nothing for what is in it again.
    fn says(&self, observation: &Observation) -> bool {
        match observation {
            Observation::VisitPlanned { grant, help, agreed_at, window, .. } => {
                self.has_citizen && self.plan == Some((*grant, *help, *agreed_at, *window))
            }
            Observation::VisitExpected { expected_at, .. } => self.expected_at == Some(*expected_at),
            Observation::VisitStarted { .. } => self.is_started,
            Observation::VisitDone { .. } => self.is_done,
            Observation::VisitCancelled { .. } => self.is_cancelled,
            Observation::DoorUnanswered { .. } => self.is_door_unanswered || self.is_done,
            _ => false,
        }
    }
}
