//! The wiring: the only place that knows all parts and puts them together.

mod admin;
mod adopted;
mod canary;
mod canary_call;
mod care;
mod demo;
mod desk;
mod escalation;
mod inbox;
pub mod medcom;
mod remote;
mod say;
mod scaip;
mod visits;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::care::Care;
use crate::cli::{
    self, AgreementArgs, AgreementCommand, Cli, Command, Copy, Desk, LISTEN_DEFAULT, Serve, User,
    UserCommand, VisitsCommand,
};
use crate::clock::Clock;
use crate::config::{self, Settings};
use crate::domain::agreement::{self, Agreement};
use crate::domain::identity::{Code, SourceName};
use crate::domain::people::Role;
use crate::engine::{Engine, Parts};
use crate::i18n::{Lang, Texts, key};
use crate::ids::Ids;
use crate::protocol::signature::SECRET_MIN;
use crate::server::{self, Options};
use crate::sources::ami;
use crate::store::{Log, folder, sqlite::LOG_FILE};
use admin::{Answer, Request};
use inbox::EngineInbox;
use say::Failed;

/// A telephone exchange is pinged each 5 s; nothing for this long and it counts as late (seconds).
const EXCHANGE_EXPECTED_SECONDS: i64 = 12;

/// Runs a command line; an error is one sentence on standard error.
pub fn main(cli: Cli) -> ExitCode {
    // A provider that is there already is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let lang = cli.lang.as_deref().and_then(Lang::parse).unwrap_or(Lang::Danish);
    let texts = Texts::new(lang);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            say::error(&texts, &error.into());
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(run(cli, &texts));
    // What still waits for a slow disk or network must not hold the terminal.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read us has had enough (`| head`).
        Err(error) if say::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            say::error(&texts, &error);
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli, texts: &Texts) -> Result<()> {
    match cli.command {
        None => remote::configured_desk(texts).await,
        Some(Command::Demo(args)) => demo::run(args, texts).await,
        Some(Command::Serve(args)) => serve(args, texts).await,
        Some(Command::Desk(Desk { server, token_file, look })) => {
            remote::desk(server, token_file, look, texts).await
        }
        Some(Command::User(args)) => user(args, texts).await,
        Some(Command::Agreement(args)) => agreement(args, texts).await,
        Some(Command::List(args)) => remote::list(args, texts).await,
        Some(Command::Show(args)) => remote::show(args, texts).await,
        Some(Command::Do(args)) => remote::act(args, texts).await,
        Some(Command::Visits(args)) => {
            let VisitsCommand::Check { file, mapping } = args.command;
            visits::check(&file, mapping.as_deref(), texts)
        }
        Some(Command::Verify(data)) => verify(&place(&data)?, texts).await,
        Some(Command::Backup(args)) => backup(args, texts).await,
        Some(Command::Restore(args)) => restore(args, texts).await,
        Some(Command::Doctor(data)) => doctor(data, texts),
        Some(Command::Keys) => say::keys(texts),
        Some(Command::Themes) => say::themes(),
        Some(Command::Completions { shell }) => say::completions(shell),
        Some(Command::Man) => say::man(),
    }
}

/// Where the log and its witness lie.
struct Place {
    data: PathBuf,
    witness: PathBuf,
}

impl Place {
    fn new(given: Option<&PathBuf>, settings: &Settings) -> Result<Self> {
        let data = given.cloned().or_else(config::default_data_folder);
        let data = data.ok_or_else(|| Failed::new(key::CLI_NO_DATA_FOLDER))?;
        let witness = settings.witness.clone().unwrap_or_else(|| folder::default_witness(&data));
        Ok(Self { data, witness })
    }

    async fn open(&self, ids: &Ids) -> Result<Log> {
        let ids = ids.clone();
        Ok(Log::open_sqlite(&self.data, &self.witness, Box::new(move || ids.salt())).await?)
    }

    /// For checking and copying: a folder that was mistyped must not look like a log that is whole and empty.
    async fn open_existing(&self, ids: &Ids) -> Result<Log> {
        if !self.data.join(LOG_FILE).exists() {
            return Err(Failed::new(key::CLI_NO_LOG).with("folder", self.data.display().to_string()).into());
        }
        self.open(ids).await
    }
}

/// The same place for every command: a witness that only the server knew would see nothing of what others append.
fn place(args: &cli::Data) -> Result<Place> {
    Place::new(args.data.as_ref(), &settings(args)?)
}

fn settings(args: &cli::Data) -> Result<Settings> {
    match &args.config {
        Some(file) => Ok(config::settings(file)?),
        None => Ok(Settings::default()),
    }
}

/// Ends on ctrl-c and on a request to end.
fn stop_on_signals(stop: &CancellationToken) -> Result<()> {
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

/// Operating logs: JSON lines on standard error, no citizen in them.
fn log_to_stderr() {
    use tracing_subscriber::Layer;
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;
    let filter = tracing_subscriber::EnvFilter::try_new(config::log_filter())
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    // The SIP library writes whole messages into its log lines, citizens and all: whatever the filter says, not here.
    let may_speak = tracing_subscriber::filter::filter_fn(|about| !about.target().starts_with("rsipstack"));
    let lines = tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr).with_filter(may_speak);
    // A second subscriber in one process is no fault: the first one stays.
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
}

async fn listen(address: SocketAddr) -> Result<TcpListener> {
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
async fn adopt(engine: &Engine, folder: Option<&Path>) -> Result<()> {
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

fn start_exchanges(settings: &Settings, engine: &Engine, stop: &CancellationToken) -> Result<()> {
    canary_call::check(settings)?;
    for exchange in &settings.ami {
        let secret = config::secret(&exchange.secret_file)?;
        let agreements: std::collections::BTreeSet<_> =
            exchange.queues.values().flat_map(|queue| queue.agreements.iter().cloned()).collect();
        let within = Some(TimeDelta::seconds(EXCHANGE_EXPECTED_SECONDS));
        let now = engine.clock.now();
        engine.health.expect(exchange.name.clone(), "ami", within, agreements.into_iter().collect(), now);
        let clock = engine.clock.clone();
        let link = ami::link::Exchange {
            settings: exchange.clone(),
            secret,
            inbox: EngineInbox { engine: engine.clone(), kind: "ami" },
            now: Arc::new(move || clock.now()),
            timing: ami::link::Timing::default(),
            canary: canary_call::seen_by(settings, &exchange.name),
        };
        if let Some(canary) = &link.canary {
            canary_call::start(settings, canary.clone(), engine, stop)?;
        }
        tokio::spawn(link.run(stop.clone()));
    }
    Ok(())
}

/// Every source that has a token is a source whose health is shown, and so is one that should have one.
fn expect_web_hooks(engine: &Engine, settings: &Settings) {
    let now = engine.clock.now();
    let within = |name: &SourceName| {
        let hook = settings.web_hook.iter().find(|hook| hook.name == *name)?;
        Some(TimeDelta::seconds(hook.expected_within_s?.into()))
    };
    for person in engine.state().people.values().filter(|it| it.role == Role::Source && !it.revoked) {
        if let Ok(name) = SourceName::new(person.name.as_str()) {
            engine.health.expect(name.clone(), "web-hook", within(&name), person.agreements.clone(), now);
        }
    }
    for hook in &settings.web_hook {
        if hook.plan_only {
            engine.plan_only.add(hook.name.clone());
        }
        engine.health.not_set_up(hook.name.clone(), "web-hook", Code::new("no-token").ok(), now);
        engine.health.expect_within(&hook.name, within(&hook.name));
    }
}

/// The secrets of the sources that sign.
fn signers(settings: &Settings) -> Result<server::Signers> {
    let with_secret =
        settings.web_hook.iter().filter_map(|hook| Some((hook.name.clone(), hook.secret_file.as_ref()?)));
    let secrets = with_secret.map(|(name, file)| Ok((name, long_secret(file)?)));
    Ok(server::Signers::new(secrets.collect::<Result<_>>()?))
}

/// A secret that bodies are signed with: too long to be tried out.
fn long_secret(file: &Path) -> Result<SecretString> {
    let secret = config::secret(file)?;
    if secret.expose_secret().len() < SECRET_MIN {
        return Err(Failed::new(key::CLI_SECRET_TOO_SHORT)
            .with("file", file.display().to_string())
            .with("min", SECRET_MIN.to_string())
            .into());
    }
    Ok(secret)
}

/// What the program could listen to and nobody has set up says so: what is not there is no quiet.
fn say_what_is_not_set_up(settings: &Settings, engine: &Engine) {
    let known = [("ami", "telefoncentral"), ("scaip", "nødkald-ip"), ("escalation", "bagvagt")];
    for (kind, name) in known {
        if let (false, Ok(name)) = (engine.health.has_kind(kind), SourceName::new(name)) {
            engine.health.not_set_up(name, kind, None, engine.clock.now());
        }
    }
    let canary = settings.canary.as_ref();
    let canaries = [
        ("kanariefugl", None, canary.is_some_and(|it| it.alarm.is_some())),
        (canary_call::NAME, Code::new("canary-call").ok(), canary.is_some_and(|it| it.call.is_some())),
    ];
    for (name, why, is_set_up) in canaries {
        if let (false, Ok(name)) = (is_set_up, SourceName::new(name)) {
            engine.health.not_set_up(name, "canary", why, engine.clock.now());
        }
    }
}

async fn serve(args: Serve, texts: &Texts) -> Result<()> {
    if let Some(url) = &args.database {
        let is_postgres = url.starts_with("postgres://") || url.starts_with("postgresql://");
        let key = if is_postgres { key::CLI_POSTGRES_LATER } else { key::CLI_UNKNOWN_DATABASE };
        return Err(Failed::new(key).into());
    }
    log_to_stderr();
    let settings = settings(&args.data)?;
    let signers = signers(&settings)?;
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
    let parts =
        Parts { log, clock: Clock::system(), ids, care: care::open(&settings.care, texts, &stop).await? };
    let (engine, writer) = Engine::start(parts, engine_stop.clone()).await?;
    adopt(&engine, settings.agreements.as_deref().or(config::agreement_folder().as_deref())).await?;
    adopted::check(&settings, &engine.state())?;
    expect_web_hooks(&engine, &settings);
    start_exchanges(&settings, &engine, &stop)?;
    scaip::start(&settings.scaip, &engine, &stop).await?;
    care::start(&settings.care, &engine, &stop)?;
    let receivers = medcom::start(settings.medcom.clone(), &engine, &stop)?;
    visits::start(&settings, &engine, &stop)?;
    escalation::start(settings.escalation.as_ref(), &engine, texts, &stop)?;
    canary::start(&settings, &engine, &stop)?;
    say_what_is_not_set_up(&settings, &engine);
    admin::listen(&place.data, engine.clone(), stop.clone()).await?;
    say::line(&format!("listening on http://{}", listener.local_addr()?))?;
    info!(agreements = engine.state().agreements.len(), "serving");
    let options = Options { receivers, signers, watches_desks: true, ..Options::default() };
    server::serve(listener, engine.clone(), options, stop).await;
    care::last_notes(&engine, texts).await;
    engine_stop.cancel();
    writer.await?;
    Ok(())
}

/// Asks the running server; without one, opens the log for the moment.
async fn administer(place: &Place, request: Request) -> Result<Answer> {
    if let Some(answer) = admin::ask(&place.data, &request).await? {
        return Ok(answer);
    }
    let ids = Ids::system();
    let log = place.open(&ids).await?;
    let stop = CancellationToken::new();
    let parts = Parts { log, clock: Clock::system(), ids, care: Care::Off };
    let (engine, writer) = Engine::start(parts, stop.clone()).await?;
    adopt(&engine, None).await?;
    let answer = admin::handle(&engine, request).await;
    stop.cancel();
    writer.await?;
    Ok(answer)
}

async fn user(args: User, texts: &Texts) -> Result<()> {
    let place = place(&args.data)?;
    let request = match args.command {
        UserCommand::Add { name, role, agreements } => {
            Request::AddUser { name, role: role.into(), agreements }
        }
        UserCommand::List => Request::ListUsers,
        UserCommand::Revoke { name } => Request::RevokeUser { name },
    };
    say::answer(texts, &request, administer(&place, request.clone()).await?)
}

async fn agreement(args: AgreementArgs, texts: &Texts) -> Result<()> {
    let request = match args.command {
        AgreementCommand::Check { file } => return say::agreement_check(texts, &file),
        AgreementCommand::Adopt { file } => {
            say::read_agreement(&file)?;
            Request::Adopt { text: std::fs::read_to_string(&file)? }
        }
        AgreementCommand::List => Request::ListAgreements,
        AgreementCommand::Show { id } => Request::ShowAgreement { id },
    };
    // What comes with the program can be shown without a log.
    let place = place(&args.data)?;
    let is_question = matches!(request, Request::ListAgreements | Request::ShowAgreement { .. });
    if is_question && !place.data.exists() {
        return say::built_in_agreements(texts, &request);
    }
    say::answer(texts, &request, administer(&place, request.clone()).await?)
}

fn doctor(args: cli::Data, texts: &Texts) -> Result<()> {
    let care = care::checked(&settings(&args)?.care, texts);
    say::doctor(args.data.or_else(config::default_data_folder), &care, texts)
}

async fn verify(place: &Place, texts: &Texts) -> Result<()> {
    let log = place.open_existing(&Ids::system()).await?;
    let verified = log.verify().await?;
    say::verified(texts, &verified)
}

async fn backup(args: Copy, texts: &Texts) -> Result<()> {
    let place = place(&args.data)?;
    let request = Request::Backup { file: std::path::absolute(&args.file)? };
    if let Some(answer) = admin::ask(&place.data, &request).await? {
        return say::answer(texts, &Request::Backup { file: args.file }, answer);
    }
    let log = place.open_existing(&Ids::system()).await?;
    let copied = log.backup(&args.file).await?;
    say::backed_up(texts, &args.file, copied.records.sequence.0)
}

/// Puts a copy into an empty folder; the witness starts anew from what the copy proves.
///
/// The copy gets its name only when it is whole: a restore that was cut short can be made again.
async fn restore(args: Copy, texts: &Texts) -> Result<()> {
    let place = place(&args.data)?;
    let data = &place.data;
    let target = data.join(LOG_FILE);
    if target.exists() {
        return Err(Failed::new(key::CLI_RESTORE_NOT_EMPTY)
            .with("folder", data.display().to_string())
            .into());
    }
    folder::prepare(data)?;
    let unfinished = data.join("log.db.restoring");
    let mut from = std::fs::File::open(&args.file).with_context(|| args.file.display().to_string())?;
    let mut to = folder::own_file(&unfinished)?;
    to.set_len(0)?;
    std::io::copy(&mut from, &mut to)?;
    to.sync_all()?;
    std::fs::rename(&unfinished, &target)?;
    folder::sync_folder_of(&target)?;
    let log = place.open(&Ids::system()).await?;
    let verified = log.verify().await?;
    say::restored(texts, data, verified.records.sequence.0)
}
