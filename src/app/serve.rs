//! The server: everything is opened, started and ended here, in this order.
//!
//! Owns what every server needs, the demo's too: the socket, the signals, the agreements. Must never
//! know how a source works: each is started by a line, from its own folder.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::slice::from_ref;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::descriptors::Budget;
use super::host::EngineHost;
use super::say::{self, Failed};
use super::{Paths, admin, adopted, care, log, medcom, settings, web_hooks};
use crate::cli::{LISTEN_DEFAULT, Serve};
use crate::clock::Clock;
use crate::config::{self, Settings};
use crate::domain::agreement::{self, Agreement, value_of};
use crate::domain::identity::{AgreementId, SourceName};
use crate::domain::masking::Masking;
use crate::engine::{Engine, Parts};
use crate::i18n::{Texts, key};
use crate::ids::Ids;
use crate::server::{self, Options};
use crate::sources::{ami, scaip, visits};
use crate::store::StoreError;
use crate::workers::care::ByCpr;
use crate::workers::{self, canary, escalation, id_key};

/// A log that is read within this is read before anything is started.
const READ_FIRST_WITHIN: Duration = Duration::from_millis(1_500);

/// Runs until it is told to end.
pub async fn run(args: Serve, texts: &Texts) -> Result<()> {
    if let Some(url) = &args.database {
        let is_postgres = url.starts_with("postgres://") || url.starts_with("postgresql://");
        let key = if is_postgres { key::CLI_POSTGRES_LATER } else { key::CLI_UNKNOWN_DATABASE };
        return Err(Failed::new(key).into());
    }
    log::begin();
    let budget = Budget::raised();
    let settings = settings(&args.data)?;
    let signers = web_hooks::signers(&settings)?;
    let place = Paths::new(args.data.data.as_ref(), &settings)?;
    let address = match args.listen.or(settings.listen) {
        Some(address) => address,
        None => LISTEN_DEFAULT.parse()?,
    };
    let listener = listen(address).await?;
    let stop = CancellationToken::new();
    stop_on_signals(&stop)?;
    let ids = Ids::system();
    let log = place.claim(&ids)?;
    // The writer ends last: everything that could still hand something in is stopped before.
    let engine_stop = CancellationToken::new();
    let masking = Masking::new(config::id_key(&place.id_key, || ids.secret())?);
    let cares = care::open(&settings.care, texts, &stop).await?;
    let parts = Parts { log, clock: Clock::system(), ids, cares, masking };
    let (engine, writer) = Engine::begin(parts, engine_stop.clone());
    engine.units.name_all(settings.units.clone());
    let medcom = workers::medcom::start(settings.medcom.clone().unwrap_or_default(), &engine, &stop)?;
    let options = Options {
        receivers: medcom::routes(medcom),
        signers,
        watches_desks: true,
        limits: budget.limits(),
        ..Options::default()
    };
    let says = format!("listening on http://{}\n", listener.local_addr()?);
    // From here on alarms are heard, whatever becomes of the log.
    let serving = tokio::spawn(server::serve(listener, engine.clone(), options, stop.clone()));
    let starting =
        Starting { settings: &settings, place: &place, engine: &engine, budget, texts, stop: &stop };
    let started = starting.start(says).await;
    if started.is_err() {
        stop.cancel();
    }
    serving.await?;
    if started.is_err() {
        engine_stop.cancel();
        writer.await?;
        return started;
    }
    care::last_notes(&engine, texts).await;
    engine_stop.cancel();
    writer.await?;
    Ok(())
}

/// What is started around the engine, and in which order.
struct Starting<'a> {
    settings: &'a Settings,
    place: &'a Paths,
    engine: &'a Engine,
    budget: Budget,
    texts: &'a Texts,
    stop: &'a CancellationToken,
}

impl Starting<'_> {
    /// A log that is read at once is read first. One that is long is not waited for by whoever listens for alarms; and
    /// one that is damaged keeps nobody from hearing them.
    async fn start(&self, says: String) -> Result<()> {
        let (engine, settings, stop) = (self.engine, self.settings, self.stop);
        let early = tokio::time::timeout(READ_FIRST_WITHIN, engine.loaded()).await;
        if let Ok(Err(refused @ StoreError::Refused { .. })) = early {
            return Err(refused.into());
        }
        let is_early = matches!(early, Ok(Ok(())));
        if is_early {
            self.check().await?;
        }
        let host = EngineHost { engine, stop };
        let call = settings.canary.as_ref().and_then(|it| it.call.as_ref());
        let canary = call.map(|call| canary::call::seen_by(call, &settings.ami)).transpose()?;
        ami::start(&settings.ami, canary.as_ref(), &host)?;
        if let (Some(call), Some((_, canary))) = (call, canary) {
            let secret = call.secret_file.as_deref().map(config::secret).transpose()?;
            canary::call::start(call, secret, canary, engine, stop);
        }
        let means = scaip::Means {
            data: &self.place.data,
            connections: &self.budget.alarms(),
            key: &|| engine.ids.secret(),
            ring_out_seconds: &|agreement| {
                value_of(&engine.state().agreements.get(agreement)?.alarms.ring_out_seconds)
            },
        };
        scaip::start(&settings.scaip, &means, &host).await?;
        if let Some(settings) = &settings.escalation {
            let secret = settings.secret_file.as_deref().map(web_hooks::long_secret).transpose()?;
            escalation::start(settings, secret, engine, self.texts, stop)?;
        }
        if is_early {
            self.start_the_rest().await?;
        }
        say::announce(says);
        if is_early {
            return Ok(());
        }
        warn!("the log is not read yet: alarms ring unstored until it is");
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            loaded = engine.loaded() => match loaded {
                Ok(()) => {}
                Err(refused @ StoreError::Refused { .. }) => return Err(refused.into()),
                Err(damage) => {
                    error!(%damage, "the log cannot be read: alarms ring unstored, nothing is acknowledged");
                    say::error(self.texts, &damage.into());
                    tokio::select! {
                        () = stop.cancelled() => return Ok(()),
                        () = engine.until_loaded() => {}
                    }
                }
            },
        }
        self.check().await?;
        self.start_the_rest().await
    }

    /// The settings against the log.
    async fn check(&self) -> Result<()> {
        let folder = config::agreement_folder();
        adopt(self.engine, self.settings.agreements.as_deref().or(folder.as_deref())).await?;
        adopted::check(self.settings, &self.engine.state())?;
        id_key::check(self.engine).await;
        web_hooks::expect(self.engine, self.settings);
        Ok(())
    }

    /// What needs to know what is open, and rings nobody.
    async fn start_the_rest(&self) -> Result<()> {
        let (engine, settings, stop) = (self.engine, self.settings, self.stop);
        workers::care::start(&settings.care, engine, stop)?;
        let citizens = |agreement: &AgreementId| ByCpr(engine.cares.care_of(from_ref(agreement)));
        visits::start(&settings.visits, citizens, &EngineHost { engine, stop })?;
        if let Some(canary) = &settings.canary {
            canary::alarm::start(canary, &settings.scaip, engine, stop)?;
        }
        say_what_is_not_set_up(settings, engine);
        say_newer_rules(engine, self.texts);
        admin::listen(&self.place.data, engine.clone(), stop.clone()).await?;
        info!(agreements = engine.state().agreements.len(), "serving");
        Ok(())
    }
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
    for (name, why) in canary::not_set_up(settings.canary.as_ref()) {
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
