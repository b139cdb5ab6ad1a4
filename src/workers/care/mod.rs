//! The care systems at work: their lists and calendars as sources, what a coordinator does about a stay told to them, and
//! who in a route list somebody is.
//!
//! Owns how often and whom each is asked, and what of it is not set up. Opening one, with its secrets, is the caller's.
//! Must never log a citizen.

mod calendars;
mod citizens;
mod lists;
pub mod settings;
mod stays;

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use crate::care::{Ability, Care, CareError, Held, ListedFact};
use crate::domain::identity::{AgreementId, BadId, Code, SourceName};
use crate::domain::observation::Rank;
use crate::engine::Engine;
use crate::engine::cares::Port;
use crate::inbox::EngineInbox;
use crate::protocol::observations::{LiveFacts, Observed, Said};
use crate::sources::Waiting;
use crate::sources::polled::{Asked, NoAnswer, Poll};
use calendars::Calendars;
use lists::Lists;
use settings::{Adapter, Settings};

pub use citizens::ByCpr;

/// How often lists and calendars are read, unless set (seconds).
const POLL_SECONDS: u32 = 60;
/// Never more often than this (seconds).
const POLL_SECONDS_MIN: u32 = 5;
/// A list counts as late after so many times that.
const POLLS_EXPECTED: i64 = 3;
/// Older rows of a list are left alone, unless set (days).
const LOOK_BACK_DAYS: u32 = 3;

/// Starts what reads the lists and the calendars, and what tells the care systems of stays, as far as they are set up.
pub fn start(settings: &[Settings], engine: &Engine, stop: &CancellationToken) -> Result<(), BadId> {
    show_missing(engine)?;
    if engine.cares.all().iter().any(|port| may(port, Ability::Pause)) {
        tokio::spawn(stays::tell(engine.clone(), stop.clone()));
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
    settings: &Settings,
    port: &Arc<Port>,
    engine: &Engine,
    stop: &CancellationToken,
) -> Result<(), BadId> {
    if settings.adapter == Adapter::Demo && settings.url.is_none() {
        // Its own service has neither.
        return Ok(());
    }
    let seconds = settings.poll_seconds.unwrap_or(POLL_SECONDS).max(POLL_SECONDS_MIN);
    let within = TimeDelta::seconds(i64::from(seconds) * POLLS_EXPECTED);
    if may(port, Ability::Lists) {
        let agreements = settings.lists.iter().map(|list| list.agreement.clone()).collect();
        let look_back = TimeDelta::days(settings.look_back_days.unwrap_or(LOOK_BACK_DAYS).into());
        let lists = Lists { engine: engine.clone(), port: port.clone(), look_back };
        let source = port.name.clone();
        let inbox = expecting(engine, source.clone(), within, agreements);
        poll(source, inbox, lists, seconds, stop);
    }
    if may(port, Ability::Visits) {
        let agreements = settings.visits.iter().map(|visits| visits.agreement.clone()).collect();
        let source = SourceName::new(format!("{}-kalender", port.name))?;
        let inbox = expecting(engine, source.clone(), within, agreements);
        let calendars = Calendars { port: port.clone(), source: source.clone(), inbox: inbox.clone() };
        poll(source, inbox, calendars, seconds, stop);
    }
    Ok(())
}

/// The demo's own care system, in a night `speed` times as fast as the wall's clock.
pub fn start_for_demo(
    engine: &Engine,
    agreements: Vec<AgreementId>,
    speed: f64,
    stop: &CancellationToken,
) -> Result<(), BadId> {
    tokio::spawn(stays::tell(engine.clone(), stop.clone()));
    let look_back = TimeDelta::days(LOOK_BACK_DAYS.into());
    let expected = (f64::from(POLL_SECONDS_MIN) * speed.max(1.0)).ceil();
    let within = TimeDelta::seconds(expected as i64 * POLLS_EXPECTED);
    let source = SourceName::new("omsorgssystem")?;
    for port in engine.cares.all() {
        let lists = Lists { engine: engine.clone(), port: port.clone(), look_back };
        let inbox = expecting(engine, source.clone(), within, agreements.clone());
        poll(source.clone(), inbox, lists, POLL_SECONDS_MIN, stop);
    }
    Ok(())
}

/// What is not set up stands among the sources: nobody takes its silence for quiet.
fn show_missing(engine: &Engine) -> Result<(), BadId> {
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

fn expecting(
    engine: &Engine,
    source: SourceName,
    within: TimeDelta,
    agreements: Vec<AgreementId>,
) -> EngineInbox {
    EngineInbox::expecting(engine, source, "care", Some(within), agreements)
}

fn poll(source: SourceName, inbox: EngineInbox, asked: impl Asked, seconds: u32, stop: &CancellationToken) {
    let poll = Poll { source, inbox, asked, every: Duration::from_secs(u64::from(seconds)) };
    tokio::spawn(poll.run(stop.clone()));
}

/// What the care system could not answer for, as the source shows it.
fn waiting(held: Held) -> Waiting {
    Waiting { count: held.count, why: Code::constant(held.why.code()) }
}

fn no_answer(error: CareError) -> NoAnswer {
    let code = Code::constant(error.code());
    match error {
        CareError::Away { .. } | CareError::Unknown => NoAnswer::Away(code),
        CareError::Refused | CareError::NotSetUp { .. } => NoAnswer::Never(code),
    }
}

fn observed(told: ListedFact) -> Observed {
    Observed {
        key: told.key,
        at: told.at,
        agreement: Some(told.agreement),
        candidates: Vec::new(),
        rank: Rank::Event,
        observation: told.observation,
        live: LiveFacts::default(),
        said: Said::default(),
    }
}
