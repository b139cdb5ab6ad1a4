//! The server: everything is opened, started and ended here, in this order.
//!
//! Owns what every server needs, the demo's too: the socket, the signals, the agreements. Must never
//! know how a source works: each has its own file here.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::say::{self, Failed};
use super::{
    Place, admin, adopted, canary, care, descriptors, escalation, exchanges, id_key, log, medcom, scaip,
    settings, visits, web_hooks,
};
use crate::cli::{LISTEN_DEFAULT, Serve};
use crate::clock::Clock;
use crate::config::{self, Settings};
use crate::domain::agreement::{self, Agreement};
use crate::domain::identity::SourceName;
use crate::domain::masking::Masking;
use crate::engine::{Engine, Parts};
use crate::i18n::{Texts, key};
use crate::ids::Ids;
use crate::server::{self, Options};

/// Runs until it is told to end.
pub async fn run(args: Serve, texts: &Texts) -> Result<()> {
    if let Some(url) = &args.database {
        let is_postgres = url.starts_with("postgres://") || url.starts_with("postgresql://");
        let key = if is_postgres { key::CLI_POSTGRES_LATER } else { key::CLI_UNKNOWN_DATABASE };
        return Err(Failed::new(key).into());
    }
    log::begin();
    let limits = descriptors::limits();
    let settings = settings(&args.data)?;
    let signers = web_hooks::signers(&settings)?;
    let place = Place::new(args.data.data.as_ref(), &settings)?;
    let address = match args.listen.or(settings.listen) {
        Some(address) => address,
        None => LISTEN_DEFAULT.parse()?,
    };
    let listener = listen(address).await?;
    let stop = CancellationToken::new();
    stop_on_signals(&stop)?;
    let ids = Ids::system();
    let log = place.open(&ids).await?;
    // The writer ends last: everything that could still hand something in is stopped before.
    let engine_stop = CancellationToken::new();
    let masking = Masking::new(config::id_key(&place.id_key, || ids.secret())?);
    let care = care::open(&settings.care, texts, &stop).await?;
    let parts = Parts { log, clock: Clock::system(), ids, care, masking };
    let (engine, writer) = Engine::start(parts, engine_stop.clone()).await?;
    adopt(&engine, settings.agreements.as_deref().or(config::agreement_folder().as_deref())).await?;
    adopted::check(&settings, &engine.state())?;
    id_key::check(&engine).await;
    web_hooks::expect(&engine, &settings);
    exchanges::start(&settings, &engine, &stop)?;
    scaip::start(&settings.scaip, &place.data, &engine, &stop).await?;
    care::start(&settings.care, &engine, &stop)?;
    let receivers = medcom::start(settings.medcom.clone(), &engine, &stop)?;
    visits::start(&settings, &engine, &stop)?;
    escalation::start(settings.escalation.as_ref(), &engine, texts, &stop)?;
    canary::alarm::start(&settings, &engine, &stop)?;
    say_what_is_not_set_up(&settings, &engine);
    say_newer_rules(&engine, texts);
    admin::listen(&place.data, engine.clone(), stop.clone()).await?;
    say::announce(format!("listening on http://{}\n", listener.local_addr()?));
    info!(agreements = engine.state().agreements.len(), "serving");
    let options = Options { receivers, signers, watches_desks: true, limits, ..Options::default() };
    server::serve(listener, engine.clone(), options, stop).await;
    care::last_notes(&engine, texts).await;
    engine_stop.cancel();
    writer.await?;
    Ok(())
}

/// An agreement stays as it was adopted; a program that has newer rules for it says so, and how to get them.
fn say_newer_rules(engine: &Engine, texts: &Texts) {
    for rules in engine.state().agreements.values() {
        if let Some(said) = say::newer_rules(texts, rules) {
            warn!("{said}");
        }
    }
}

/// What the program could listen to and nobody has set up says so: what is not there is no quiet.
fn say_what_is_not_set_up(settings: &Settings, engine: &Engine) {
    let known = [("ami", "telefoncentral"), ("scaip", "nødkald-ip"), ("escalation", "bagvagt")];
    for (kind, name) in known {
        if let (false, Ok(name)) = (engine.health.has_kind(kind), SourceName::new(name)) {
            engine.health.not_set_up(name, kind, None, engine.clock.now());
        }
    }
    for (name, why) in canary::not_set_up(settings) {
        if let Ok(name) = SourceName::new(name) {
            engine.health.not_set_up(name, "canary", why, engine.clock.now());
        }
    }
}

/// Ends on ctrl-c and on a request to end.
pub fn stop_on_signals(stop: &CancellationToken) -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        stop.cancel();
    });
    Ok(())
}

/// The server's socket: on this machine only.
pub async fn listen(address: SocketAddr) -> Result<TcpListener> {
    if !address.ip().is_loopback() {
        return Err(Failed::new(key::CLI_NOT_LOOPBACK).with("address", address.to_string()).into());
    }
    TcpListener::bind(address).await.map_err(|error| {
        Failed::new(key::CLI_CANNOT_LISTEN)
            .with("address", address.to_string())
            .with("why", error.to_string())
            .into()
    })
}

/// Adopts the agreements that come with the program, where none of that name is in force, and those of a folder.
pub async fn adopt(engine: &Engine, folder: Option<&Path>) -> Result<()> {
    let state = engine.state();
    for rules in agreement::built_in() {
        if !state.agreements.contains_key(&rules.id) {
            adopt_one(engine, rules).await?;
        }
    }
    let Some(folder) = folder.filter(|folder| folder.is_dir()) else { return Ok(()) };
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|it| Ok(it?.path())).collect::<Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|it| it == "toml"));
    files.sort();
    for file in files {
        let rules = say::read_agreement(&file)?;
        let is_new = engine.state().agreements.get(&rules.id).is_none_or(|it| it.hash() != rules.hash());
        if is_new {
            adopt_one(engine, rules).await?;
        }
    }
    Ok(())
}

async fn adopt_one(engine: &Engine, rules: Agreement) -> Result<()> {
    let command = crate::domain::Command::Adopt(Box::new(rules));
    engine.administer(command).await.map(|_| ()).context("agreement")
}
