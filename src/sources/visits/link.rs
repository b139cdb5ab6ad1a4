//! What a watched folder does with a route list: read, ask who the citizens are, hand in, tell what could not be read.
//!
//! Owns the order: facts first, then the rows that were not taken, then "done", so that a file is deleted only when
//! all of it is on disk. Must never keep who a CPR number is for longer than the file that named it is there.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use super::translate::{self, Reading, Told, Who};
use super::wire::{self, BadRow};
use super::{Mapping, settings};
use crate::domain::identity::{AgreementId, CitizenId, Code, ExternalId, SourceName};
use crate::domain::observation::Observation;
use crate::protocol::observations::{Observed, Outcome};
use crate::sources::drop_folder::{Dropped, Handler, Verdict};
use crate::sources::{BadRows, Inbox, KnownVisit, Now};

/// Observations handed in together: an alarm that comes meanwhile waits behind no more than these.
const AT_ONCE: usize = 100;
/// Rows told one by one; of the rest, one line for each reason.
const BAD_ROWS_TOLD_MAX: usize = 20;
/// Citizens remembered while a file waits to be taken in.
const CITIZENS_MAX: usize = 50_000;

/// Why nobody was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotFound {
    /// There is nobody to ask, or they will not say.
    NobodyToAsk,
    /// The care system does not know them.
    Unknown,
    /// The care system is away: to be asked again.
    Away,
}

/// Who finds a citizen by CPR number: the care system, through whoever wires us.
pub trait Citizens: Send + Sync {
    fn by_cpr(&self, cpr: &SecretString) -> impl Future<Output = Result<CitizenId, NotFound>> + Send;
}

/// Reads the lists of one folder.
pub struct Lists<I, C> {
    source: SourceName,
    agreement: AgreementId,
    mapping: Arc<Mapping>,
    inbox: I,
    citizens: C,
    now: Now,
    /// Of the file being read: so that a care system that goes away half-way is not asked everything again.
    found: Mutex<HashMap<String, Result<CitizenId, NotFound>>>,
}

impl<I: Inbox, C: Citizens> Lists<I, C> {
    pub fn new(settings: &settings::Settings, mapping: Mapping, inbox: I, citizens: C, now: Now) -> Self {
        Self {
            source: settings.name(),
            agreement: settings.agreement.clone(),
            mapping: Arc::new(mapping),
            inbox,
            citizens,
            now,
            found: Mutex::default(),
        }
    }

    async fn list(&self, file: Dropped) -> Verdict {
        let reading = Reading { now: (self.now)(), written_at: file.written_at };
        let mapping = self.mapping.clone();
        // Thousands of rows: not on a thread that others wait for.
        let read = tokio::task::spawn_blocking(move || read(&file.bytes, &mapping, &reading));
        let (rows, mut bad) = match read.await {
            Ok(Ok(read)) => read,
            Ok(Err(unreadable)) => return Verdict::SetAside(code(unreadable.code())),
            // The server is stopping.
            Err(_) => return Verdict::Retry,
        };
        let mut is_waiting = false;
        let mut lines = Vec::new();
        for told in rows {
            let line = told.line;
            match self.citizen(&told, is_waiting).await {
                Ok(citizen) => lines.push((line, told.observations(citizen, &self.agreement, &reading))),
                Err(NotFound::Away) => is_waiting = true,
                Err(NotFound::Unknown) => bad.push(BadRow { line, what: "citizen-unknown" }),
                Err(NotFound::NobodyToAsk) => bad.push(BadRow { line, what: "citizen-is-cpr" }),
            }
        }
        let Ok(refused) = self.hand_in(lines).await else { return Verdict::Retry };
        if is_waiting {
            // What is known is in; the rest of the file waits for the care system.
            return Verdict::Retry;
        }
        self.tell(bad, refused).await;
        // Nothing, handed in: an answer means that what was told before it is on disk.
        if self.inbox.submit(&self.source, Vec::new()).await.is_err() {
            return Verdict::Retry;
        }
        self.found.lock().await.clear();
        Verdict::Done
    }

    /// Who a row's citizen is. Once the care system is away, it is not asked again in this reading.
    async fn citizen(&self, told: &Told, is_away: bool) -> Result<Option<CitizenId>, NotFound> {
        let cpr = match &told.planned {
            None => return Ok(None),
            Some((Who::Id(citizen), _)) => return Ok(Some(citizen.clone())),
            Some((Who::Cpr(cpr), _)) => cpr,
        };
        let mut found = self.found.lock().await;
        if let Some(known) = found.get(cpr.expose_secret()) {
            return known.clone().map(Some);
        }
        let answer = if is_away { Err(NotFound::Away) } else { self.citizens.by_cpr(cpr).await };
        if answer != Err(NotFound::Away) && found.len() < CITIZENS_MAX {
            found.insert(cpr.expose_secret().to_owned(), answer.clone());
        }
        answer.map(Some)
    }

    /// Hands in what is new. The answer: what was refused, with its line.
    async fn hand_in(
        &self,
        lines: Vec<(u32, Vec<Observed>)>,
    ) -> Result<Vec<(u32, Code)>, crate::sources::Unavailable> {
        let visits: Vec<ExternalId> = lines
            .iter()
            .flat_map(|(_, told)| told)
            .filter_map(|it| visit_of(&it.observation))
            .cloned()
            .collect();
        let known = self.inbox.known_visits(&self.source, &visits);
        let mut news = lines.into_iter().flat_map(|(line, told)| told.into_iter().map(move |it| (line, it)));
        let is_new = |observed: &Observed| {
            let known = visit_of(&observed.observation).and_then(|visit| known.get(visit));
            known.is_none_or(|known| !known.says(&observed.observation))
        };
        let mut refused = Vec::new();
        loop {
            let batch: Vec<(u32, Observed)> =
                news.by_ref().filter(|(_, observed)| is_new(observed)).take(AT_ONCE).collect();
            if batch.is_empty() {
                return Ok(refused);
            }
            let (lines, batch): (Vec<u32>, Vec<Observed>) = batch.into_iter().unzip();
            let receipts = self.inbox.submit(&self.source, batch).await?;
            for (line, receipt) in lines.into_iter().zip(receipts) {
                if receipt.outcome == Outcome::Refused {
                    let why = receipt.problem.and_then(|problem| Code::new(problem.code).ok());
                    refused.push((line, why.unwrap_or_else(|| code("refused"))));
                }
            }
        }
    }

    /// Tells what was not taken: the first rows one by one, the rest by reason.
    async fn tell(&self, bad: Vec<BadRow>, refused: Vec<(u32, Code)>) {
        let mut all: Vec<(u32, Code)> = bad.into_iter().map(|bad| (bad.line, code(bad.what))).collect();
        all.extend(refused);
        all.sort();
        let rest = all.split_off(all.len().min(BAD_ROWS_TOLD_MAX));
        let mut told: Vec<BadRows> =
            all.into_iter().map(|(line, what)| BadRows { what, first_line: line, rows: 1 }).collect();
        let mut by_reason: BTreeMap<Code, BadRows> = BTreeMap::new();
        for (line, what) in rest {
            let rows = by_reason.entry(what.clone()).or_insert(BadRows { what, first_line: line, rows: 0 });
            rows.rows += 1;
        }
        told.extend(by_reason.into_values());
        for rows in told {
            self.inbox.bad_rows(&self.source, rows).await;
        }
    }
}

impl<I: Inbox, C: Citizens> Handler for Lists<I, C> {
    async fn handle(&self, file: Dropped) -> Verdict {
        self.list(file).await
    }
}

/// The rows that can be read, and those that cannot.
fn read(
    bytes: &[u8],
    mapping: &Mapping,
    reading: &Reading,
) -> Result<(Vec<Told>, Vec<BadRow>), wire::Unreadable> {
    let list = wire::read(bytes, mapping)?;
    let (mut rows, mut bad) = (Vec::with_capacity(list.rows.len()), list.bad);
    for row in &list.rows {
        match translate::row(row, mapping, reading) {
            Ok(told) => rows.extend(told),
            Err(row) => bad.push(row),
        }
    }
    Ok((rows, bad))
}

fn code(word: &'static str) -> Code {
    Code::new(word).expect("the codes of this folder are kebab-case")
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
