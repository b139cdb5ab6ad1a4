//! The care systems: opened from the settings, their lists and calendars as sources, and what a coordinator does about a
//! stay told to the one of its agreement.
//!
//! Says once, at the start, what is not set up. Must never log a citizen.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::inbox::EngineInbox;
use super::say::Failed;
use crate::care::nexus::settings::Names;
use crate::care::nexus::{self, Access, BadAccess};
use crate::care::{Ability, Care, CareError, Held, Plan, Told, Visit, VisitsOf, demo, demo_service};
use crate::config::{self, CareAdapter, CareSettings};
use crate::domain::discharges::{self, DischargeEvent, StopReason, WhyStopped};
use crate::domain::entry::Body;
use crate::domain::identity::{AgreementId, CitizenId, Code, ExternalId, Key, SourceName};
use crate::domain::observation::{Observation, Rank};
use crate::domain::sources::{Report, TroubleKind};
use crate::domain::visits::Canceller;
use crate::domain::{Event, Record, State};
use crate::engine::cares::{Cares, Port};
use crate::engine::{Engine, Published};
use crate::i18n::{Said, Texts, key};
use crate::ids::Ids;
use crate::protocol::observations::{LiveFacts, Observed, Said as Form};
use crate::sources::polled::{Answer, Asked, NoAnswer, Poll};
use crate::sources::withdrawn::{self, Standing};
use crate::sources::{Inbox, Waiting};

/// How often lists and calendars are read, unless set (seconds).
const POLL_SECONDS: u32 = 60;
/// Never more often than this (seconds).
const POLL_SECONDS_MIN: u32 = 5;
/// A list counts as late after so many times that.
const POLLS_EXPECTED: i64 = 3;
/// Older rows of a list are left alone, unless set (days).
const LOOK_BACK_DAYS: u32 = 3;
/// Planned visits are read this far back and ahead (hours).
const VISITS_BACK: TimeDelta = TimeDelta::hours(6);
const VISITS_AHEAD: TimeDelta = TimeDelta::hours(24);
/// Between tries to pause or resume somebody while the care system is away (seconds).
const PAUSE_AGAIN: TimeDelta = TimeDelta::seconds(30);

/// How long an ending server waits for the care system to take the notes that wait.
const LAST_NOTES_FOR: Duration = Duration::from_secs(5);

/// The care systems of the settings; none at all is one that is off.
pub async fn open(settings: &[CareSettings], texts: &Texts, stop: &CancellationToken) -> Result<Cares> {
    let mut ports = Vec::new();
    for one in settings {
        let care = open_one(one, stop).await?;
        say_missing(&care, &one.agreements, texts);
        ports.push(Port::new(one.name(), one.agreements.clone(), care));
    }
    if ports.is_empty() {
        say_missing(&Care::Off, &[], texts);
        return Ok(Care::Off.into());
    }
    Ok(Cares::new(ports))
}

/// The demo adapter without an address brings its own, of invented citizens.
async fn open_one(settings: &CareSettings, stop: &CancellationToken) -> Result<Care> {
    Ok(match settings.adapter {
        CareAdapter::Off => Care::Off,
        CareAdapter::Demo => match &settings.url {
            None => start_demo(1, stop).await?.1,
            Some(url) => {
                let token = match &settings.token_file {
                    Some(file) => config::secret(file)?,
                    None => return Err(needed(settings, "care.token_file")),
                };
                Care::Demo(demo::Client::new(url, token, demo::Limits::default())?)
            }
        },
        CareAdapter::Nexus => Care::Nexus(nexus(settings)?),
    })
}

pub async fn start_demo(seed: u64, stop: &CancellationToken) -> Result<(demo_service::Service, Care)> {
    let token = SecretString::from(Ids::system().token());
    let service = demo_service::Service::new(seed, token.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    tokio::spawn(service.clone().serve(listener, stop.clone().cancelled_owned()));
    let client = demo::Client::new(&base, token, demo::Limits::default())?;
    Ok((service, Care::Demo(client)))
}

/// Without these nothing of Nexus works: the server does not start.
fn nexus(settings: &CareSettings) -> Result<nexus::Client> {
    let needs = |value: &Option<String>, name| value.clone().ok_or_else(|| needed(settings, name));
    let access = Access {
        url: needs(&settings.url, "care.url")?,
        token_url: needs(&settings.token_url, "care.token_url")?,
        client_id: needs(&settings.client_id, "care.client_id")?,
        secret: match &settings.secret_file {
            Some(file) => config::secret(file)?,
            None => return Err(needed(settings, "care.secret_file")),
        },
    };
    nexus::Client::new(access, names(settings), demo::Limits::default()).map_err(|bad| {
        let setting = match bad {
            BadAccess::Url => "care.url",
            BadAccess::TokenUrl => "care.token_url",
        };
        Failed::new(key::CLI_CARE_BAD_ADDRESS).with("setting", of_whom(setting, &settings.agreements)).into()
    })
}

fn names(settings: &CareSettings) -> Names {
    Names { nexus: settings.nexus.clone(), lists: settings.lists.clone(), visits: settings.visits.clone() }
}

fn needed(settings: &CareSettings, setting: &str) -> anyhow::Error {
    Failed::new(key::CLI_CARE_NEEDED).with("setting", of_whom(setting, &settings.agreements)).into()
}

/// A setting, and which of several care systems' it is: `care.url [jammerbugt]`.
fn of_whom(setting: &str, agreements: &[AgreementId]) -> String {
    if agreements.is_empty() {
        return setting.to_owned();
    }
    let names: Vec<&str> = agreements.iter().map(AgreementId::as_str).collect();
    format!("{setting} [{}]", names.join(", "))
}

/// What does not work for want of a setting, a line each; one line when nothing is set up at all.
fn say_missing(care: &Care, agreements: &[AgreementId], texts: &Texts) {
    if matches!(care, Care::Off) {
        warn!("{}", of_whom(texts.get(key::CLI_CARE_OFF).as_str(), agreements));
        return;
    }
    for (ability, setting) in care.missing() {
        let setting = of_whom(setting, agreements);
        warn!(setting, "{}", not_set_up(texts, ability, &setting));
    }
}

/// `ikke sat op: besøgenes begyndelse (care.visits.started_field)`
fn not_set_up(texts: &Texts, ability: Ability, setting: &str) -> Said {
    let what = texts.code_with("care-ability", ability.name(), &[]);
    texts.with(key::CLI_CARE_NOT_SET_UP, &[("what", what.into()), ("setting", setting.into())])
}

/// For `doctor`: each adapter, and what is not set up. The care systems themselves are not asked.
pub fn checked(settings: &[CareSettings], texts: &Texts) -> Vec<(bool, String)> {
    match settings {
        [] => checked_one(&CareSettings::default(), texts),
        all => all.iter().flat_map(|one| checked_one(one, texts)).collect(),
    }
}

fn checked_one(settings: &CareSettings, texts: &Texts) -> Vec<(bool, String)> {
    let whose = &settings.agreements;
    let missing = match settings.adapter {
        CareAdapter::Off => return vec![(true, of_whom(texts.get(key::CLI_CARE_OFF).as_str(), whose))],
        CareAdapter::Demo => return vec![(true, of_whom("demo", whose))],
        CareAdapter::Nexus => names(settings).missing(),
    };
    let mut lines = match nexus(settings) {
        Ok(_) => vec![(true, of_whom("nexus", whose))],
        Err(error) => vec![(false, super::say::explain(texts, &error))],
    };
    let said = |(ability, setting)| {
        (false, not_set_up(texts, ability, &of_whom(setting, whose)).as_str().to_owned())
    };
    lines.extend(missing.into_iter().map(said));
    lines
}

/// The server ends: notes that wait are tried once more, and what is lost is said. They are kept in memory only.
pub async fn last_notes(engine: &Engine, texts: &Texts) {
    if engine.notes_waiting() == 0 {
        return;
    }
    let _ = tokio::time::timeout(LAST_NOTES_FOR, engine.write_waiting()).await;
    let lost = engine.notes_waiting();
    if lost > 0 {
        let said = texts.with(key::CLI_NOTES_LOST, &[("count", lost.into())]);
        tracing::error!(notes = lost, "{said}");
    }
}

// ---- lists and calendars as sources ---------------------------------------------------------

/// Starts what reads the lists and the calendars, and what tells the care systems of stays, as far as they are set up.
pub fn start(settings: &[CareSettings], engine: &Engine, stop: &CancellationToken) -> Result<()> {
    show_missing(engine)?;
    if engine.cares.all().iter().any(|port| may(port, Ability::Pause)) {
        tokio::spawn(tell_of_stays(engine.clone(), stop.clone()));
    }
    for one in settings {
        if let Some(port) = engine.cares.named(&one.name()) {
            start_one(one, port, engine, stop)?;
        }
    }
    Ok(())
}

fn may(port: &Port, ability: Ability) -> bool {
    port.care.missing().iter().all(|(missing, _)| *missing != ability)
}

fn start_one(
    settings: &CareSettings,
    port: &Arc<Port>,
    engine: &Engine,
    stop: &CancellationToken,
) -> Result<()> {
    if settings.adapter == CareAdapter::Demo && settings.url.is_none() {
        // Its own service has neither.
        return Ok(());
    }
    let seconds = settings.poll_seconds.unwrap_or(POLL_SECONDS).max(POLL_SECONDS_MIN);
    let within = TimeDelta::seconds(i64::from(seconds) * POLLS_EXPECTED);
    if may(port, Ability::Lists) {
        let agreements = settings.lists.iter().map(|list| list.agreement.clone()).collect();
        let look_back = TimeDelta::days(settings.look_back_days.unwrap_or(LOOK_BACK_DAYS).into());
        let lists = Lists { engine: engine.clone(), port: port.clone(), look_back };
        poll(engine, port.name.clone(), agreements, lists, seconds, within, stop);
    }
    if may(port, Ability::Visits) {
        let agreements = settings.visits.iter().map(|visits| visits.agreement.clone()).collect();
        let source = SourceName::new(format!("{}-kalender", port.name))?;
        let inbox = EngineInbox { engine: engine.clone(), kind: "care" };
        let calendars =
            Calendars { engine: engine.clone(), port: port.clone(), source: source.clone(), inbox };
        poll(engine, source, agreements, calendars, seconds, within, stop);
    }
    Ok(())
}

/// The demo's own care system, in a night `speed` times as fast as the wall's clock.
pub fn start_for_demo(
    engine: &Engine,
    agreements: Vec<AgreementId>,
    speed: f64,
    stop: &CancellationToken,
) -> Result<()> {
    tokio::spawn(tell_of_stays(engine.clone(), stop.clone()));
    let look_back = TimeDelta::days(LOOK_BACK_DAYS.into());
    let expected = (f64::from(POLL_SECONDS_MIN) * speed.max(1.0)).ceil();
    let within = TimeDelta::seconds(expected as i64 * POLLS_EXPECTED);
    let source = SourceName::new("omsorgssystem")?;
    for port in engine.cares.all() {
        let lists = Lists { engine: engine.clone(), port: port.clone(), look_back };
        poll(engine, source.clone(), agreements.clone(), lists, POLL_SECONDS_MIN, within, stop);
    }
    Ok(())
}

/// What is not set up stands among the sources: nobody takes its silence for quiet.
fn show_missing(engine: &Engine) -> Result<()> {
    let now = engine.clock.now();
    // One agreement without a care system is enough.
    let agreements = engine.state().agreements;
    let is_off = |id: &AgreementId| matches!(engine.cares.care_of(std::slice::from_ref(id)), Care::Off);
    let all_off = engine.cares.all().iter().all(|port| matches!(port.care, Care::Off));
    if all_off || agreements.keys().any(is_off) {
        engine.health.not_set_up(SourceName::new("care")?, "care", None, now);
    }
    for port in engine.cares.all().iter().filter(|port| !matches!(port.care, Care::Off)) {
        for (ability, _) in port.care.missing() {
            let name = SourceName::new(format!("{}-{}", port.name, ability.name()))?;
            let what = Code::new(format!("care-{}", ability.name())).ok();
            engine.health.not_set_up(name, "care", what, now);
        }
    }
    Ok(())
}

fn poll(
    engine: &Engine,
    source: SourceName,
    agreements: Vec<AgreementId>,
    asked: impl Asked,
    seconds: u32,
    within: TimeDelta,
    stop: &CancellationToken,
) {
    engine.health.expect(source.clone(), "care", Some(within), agreements, engine.clock.now());
    let inbox = EngineInbox { engine: engine.clone(), kind: "care" };
    let poll = Poll { source, inbox, asked, every: Duration::from_secs(u64::from(seconds)) };
    tokio::spawn(poll.run(stop.clone()));
}

struct Lists {
    engine: Engine,
    port: Arc<Port>,
    look_back: TimeDelta,
}

impl Asked for Lists {
    async fn ask(&self) -> Result<Answer, NoAnswer> {
        let mut heard = self.port.care.lists().await.map_err(no_answer)?;
        // Another municipality's citizens are not its own to tell of.
        let is_own = |told: &Told| self.engine.cares.is_served_by(&told.agreement, &self.port);
        let (told, others): (Vec<_>, Vec<_>) = heard.told.into_iter().partition(is_own);
        heard.told = told;
        heard.unreadable.extend(others.iter().filter_map(|it| ExternalId::new(it.key.as_str()).ok()));
        let since = self.engine.clock.now() - self.look_back;
        let observed = heard.told.into_iter().filter(|told| told.at >= since).map(observed).collect();
        Ok(Answer { observed, unreadable: heard.unreadable, waiting: heard.held.map(waiting) })
    }
}

struct Calendars {
    engine: Engine,
    port: Arc<Port>,
    source: SourceName,
    inbox: EngineInbox,
}

impl Asked for Calendars {
    async fn ask(&self) -> Result<Answer, NoAnswer> {
        let now = self.engine.clock.now();
        let (from, to) = (now - VISITS_BACK, now + VISITS_AHEAD);
        let mut plan = self.port.care.visits(&VisitsOf::Everybody, from, to).await.map_err(no_answer)?;
        let is_own = |visit: &Visit| self.engine.cares.is_served_by(&visit.agreement, &self.port);
        let (visits, others): (Vec<_>, Vec<_>) = plan.visits.into_iter().partition(is_own);
        plan.visits = visits;
        plan.unreadable.extend(others.into_iter().map(|it| it.visit));
        let mut told: Vec<Observed> = plan
            .visits
            .iter()
            .flat_map(|visit| told_of(visit, now, self.came_back(&visit.visit)))
            .map(observed)
            .collect();
        let mut waiting = plan.held.map(waiting);
        match self.gone(&plan, from, to) {
            Ok(gone) => told.extend(gone.iter().map(|(it, agreement)| withdrawn::told(it, agreement, now))),
            Err(withdrawn::Shrunk { gone }) => {
                waiting = Some(Waiting { count: gone, why: constant("care-calendar-shrunk") });
            }
        }
        Ok(Answer { observed: told, unreadable: plan.unreadable, waiting })
    }
}

impl Calendars {
    /// What is no longer in the calendar of somebody whose calendar was read to its end.
    fn gone(
        &self,
        plan: &Plan,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<(Standing, AgreementId)>, withdrawn::Shrunk> {
        let state = self.engine.state();
        let is_whole = |it: &Standing| it.citizen.as_ref().is_some_and(|whose| plan.whole.contains(whose));
        let mut standing = self.inbox.standing_visits(&self.source, from, to);
        standing.retain(is_whole);
        let fresh =
            plan.visits.iter().filter(|it| state.by_origin(&self.source, &it.visit).is_none()).count();
        let listed = plan.visits.iter().map(|it| it.visit.clone()).chain(plan.others.clone()).collect();
        let with_agreement = |it: Standing| {
            let agreement = state.by_origin(&self.source, &it.visit)?.agreement.clone()?;
            Some((it, agreement))
        };
        Ok(withdrawn::gone(standing, &listed, fresh)?.into_iter().filter_map(with_agreement).collect())
    }

    /// Of a visit that was taken out of the calendar: its version then. That it stands there is a new fact.
    fn came_back(&self, visit: &ExternalId) -> Option<u32> {
        let state = self.engine.state();
        let entry = state.by_origin(&self.source, visit)?;
        let Body::Visits(known) = &entry.body else { return None };
        known.cancelled.as_ref().filter(|it| it.by == Canceller::Withdrawn).map(|_| entry.version)
    }
}

/// What the care system could not answer for, as the source shows it.
fn waiting(held: Held) -> Waiting {
    Waiting { count: held.count, why: constant(held.why.code()) }
}

fn constant(code: &'static str) -> Code {
    Code::new(code).expect("a constant code")
}

fn no_answer(error: CareError) -> NoAnswer {
    let code = constant(error.code());
    match error {
        CareError::Away { .. } | CareError::Unknown => NoAnswer::Away(code),
        CareError::Refused | CareError::NotSetUp { .. } => NoAnswer::Never(code),
    }
}

fn observed(told: Told) -> Observed {
    Observed {
        key: told.key,
        at: told.at,
        agreement: Some(told.agreement),
        candidates: Vec::new(),
        rank: Rank::Event,
        observation: told.observation,
        live: LiveFacts::default(),
        said: Form::default(),
    }
}

/// A visit's plan, and that it began and ended where that is told. The keys are made of what is said: a plan that
/// changed is another fact, and so is one that came back (`again`).
fn told_of(visit: &Visit, now: DateTime<Utc>, again: Option<u32>) -> Vec<Told> {
    let id = &visit.visit;
    let plan = Observation::VisitPlanned {
        visit: id.clone(),
        citizen: visit.citizen.clone(),
        grant: visit.grant,
        help: visit.help,
        agreed_at: visit.planned_at,
        window: None,
        starts: Some(visit.tells_start),
    };
    let mut facts = vec![(now, visit.planned_at, plan)];
    facts.extend(visit.started_at.map(|at| (at, at, Observation::VisitStarted { visit: id.clone() })));
    facts.extend(visit.done_at.map(|at| (at, at, Observation::VisitDone { visit: id.clone() })));
    let told = |(at, said, observation): (DateTime<Utc>, DateTime<Utc>, Observation)| {
        let mut content = format!("{id}\n{}\n{observation:?}", said.timestamp_millis());
        if let Some(version) = again {
            content.push_str(&format!("\n{version}"));
        }
        let key = Key::of_bytes("care-visit-", &Sha256::digest(content.as_bytes())[..16]);
        Told { key, at, agreement: visit.agreement.clone(), observation }
    };
    facts.into_iter().map(told).collect()
}

// ---- pause and resume -----------------------------------------------------------------------

/// What a coordinator's record means for the citizen in the care system: true is paused (N 3.5.3).
fn pauses(record: &Record) -> Option<bool> {
    match &record.event {
        Event::Discharges(DischargeEvent::Resumed {}) => Some(false),
        Event::Discharges(DischargeEvent::Stopped { reason })
            if *reason == WhyStopped::Said(StopReason::BackInHospital) =>
        {
            Some(true)
        }
        Event::Discharges(DischargeEvent::Corrected { what, .. })
            if *what == discharges::Correctable::Resumption =>
        {
            Some(true)
        }
        _ => None,
    }
}

/// Whom to pause or resume, by the name of their care system. Whose care system cannot pause anybody is left out: that it
/// is not set up stands among the sources.
fn wanted(engine: &Engine, records: &[Record], after: &State) -> Vec<((SourceName, CitizenId), bool)> {
    let of = |record: &Record| {
        let paused = pauses(record)?;
        let entry = after.entry(record.entry)?;
        let citizen = entry.citizen.clone()?;
        let port = engine.cares.of_entry(entry).filter(|port| may(port, Ability::Pause))?;
        Some(((port.name.clone(), citizen), paused))
    };
    records.iter().filter_map(of).collect()
}

/// Pauses and resumes citizens in their care system as the coordinators record it. What could not be told is told again;
/// a later record about the same citizen takes its place.
async fn tell_of_stays(engine: Engine, stop: CancellationToken) {
    let mut news = engine.subscribe();
    let mut waiting: BTreeMap<(SourceName, CitizenId), bool> = BTreeMap::new();
    loop {
        let again = async {
            match waiting.is_empty() {
                true => std::future::pending().await,
                false => engine.clock.sleep(PAUSE_AGAIN).await,
            }
        };
        tokio::select! {
            () = stop.cancelled() => {
                if !waiting.is_empty() {
                    warn!(citizens = waiting.len(), "ended before the care system heard who is paused or resumed");
                }
                return;
            }
            () = again => {}
            news = news.recv() => match news {
                Ok(Published::Recorded { records, after, .. }) => {
                    let wanted = wanted(&engine, &records, &after);
                    if wanted.is_empty() {
                        continue;
                    }
                    waiting.extend(wanted);
                }
                Ok(_) | Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            }
        }
        tell_all(&engine, &mut waiting).await;
    }
}

async fn tell_all(engine: &Engine, waiting: &mut BTreeMap<(SourceName, CitizenId), bool>) {
    for (whose, paused) in waiting.clone() {
        let (name, citizen) = &whose;
        let Some(port) = engine.cares.named(name) else { continue };
        match port.care.set_paused(citizen, paused).await {
            Ok(()) => drop(waiting.remove(&whose)),
            Err(CareError::Away { .. }) => {}
            Err(error) => {
                warn!(%error, paused, "the care system does not pause or resume a citizen");
                waiting.remove(&whose);
                refused(engine, name, "care-pause-refused").await;
            }
        }
    }
}

/// What the care system will not take becomes an entry: somebody must do it there by hand.
async fn refused(engine: &Engine, source: &SourceName, what: &'static str) {
    let report = Report::Trouble { trouble: TroubleKind::Unreadable, what: Code::new(what).ok(), times: 1 };
    engine.report(source, report).await;
}
