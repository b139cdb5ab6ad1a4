//! The wiring: the only place that knows all parts and puts them together.

mod admin;
mod adopted;
mod care;
mod closed;
mod demo;
mod descriptors;
mod desk;
mod host;
mod log;
pub mod medcom;
mod remote;
mod say;
mod serve;
mod upkeep;
mod visits;
mod web_hooks;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use crate::cli::{self, Cli, Command, Desk, VisitsCommand};
use crate::config::{self, Settings};
use crate::i18n::{Lang, Texts, key};
use crate::ids::Ids;
use crate::store::{Log, folder, sqlite::LOG_FILE};
use say::Failed;

/// Runs a command line; an error is one sentence on standard error.
pub fn main(cli: Cli) -> ExitCode {
    // A provider that is there already is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let texts = Texts::new(lang(&cli));
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
    log::flush();
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

/// As the command line or the environment says, else as the settings of a person's desk do: the server is nobody's.
fn lang(cli: &Cli) -> Lang {
    let is_server = matches!(cli.command, Some(Command::Serve(_)));
    let of_the_desk = || config::desk_settings().ok().filter(|_| !is_server)?.lang;
    cli.lang.clone().or_else(of_the_desk).as_deref().and_then(Lang::parse).unwrap_or(Lang::Danish)
}

async fn run(cli: Cli, texts: &Texts) -> Result<()> {
    match cli.command {
        None => remote::configured_desk(texts).await,
        Some(Command::Demo(args)) => demo::run(args, texts).await,
        Some(Command::Serve(args)) => serve::run(args, texts).await,
        Some(Command::Desk(Desk { server, token_file, look })) => {
            remote::desk(server, token_file, look, texts).await
        }
        Some(Command::User(args)) => upkeep::user(args, texts).await,
        Some(Command::Agreement(args)) => upkeep::agreement(args, texts).await,
        Some(Command::List(args)) => remote::list(args, texts).await,
        Some(Command::Closed(args)) => closed::run(args, texts).await,
        Some(Command::Show(args)) => remote::show(args, texts).await,
        Some(Command::Do(args)) => remote::act(args, texts).await,
        Some(Command::Open(args)) => remote::open(args, texts).await,
        Some(Command::Visits(args)) => {
            let VisitsCommand::Check { file, mapping } = args.command;
            visits::check(&file, mapping.as_deref(), texts)
        }
        Some(Command::Unit(args)) => upkeep::unit(&args.unit, &place(&args.data)?),
        Some(Command::Verify(data)) => upkeep::verify(&place(&data)?, texts).await,
        Some(Command::Backup(args)) => upkeep::backup(args, texts).await,
        Some(Command::Restore(args)) => upkeep::restore(args, texts).await,
        Some(Command::Doctor(data)) => doctor(data, texts),
        Some(Command::Keys) => say::keys(texts),
        Some(Command::Themes) => say::themes(),
        Some(Command::Completions { shell }) => say::completions(shell),
        Some(Command::Man) => say::man(),
    }
}

/// Where the log and its witness lie.
struct Paths {
    data: PathBuf,
    witness: PathBuf,
    /// The secret of ids that are kept as digests: never beside the data.
    id_key: PathBuf,
}

impl Paths {
    fn new(given: Option<&PathBuf>, settings: &Settings) -> Result<Self> {
        let data = given.cloned().or_else(config::default_data_folder);
        let data = data.ok_or_else(|| Failed::new(key::CLI_NO_DATA_FOLDER))?;
        let witness = settings.witness.clone().unwrap_or_else(|| folder::default_witness(&data));
        let id_key = settings.id_key_file.clone().unwrap_or_else(|| witness.join(config::ID_KEY));
        Ok(Self { data, witness, id_key })
    }

    async fn open(&self, ids: &Ids) -> Result<Log> {
        let ids = ids.clone();
        Ok(Log::open_sqlite(&self.data, &self.witness, Box::new(move || ids.salt())).await?)
    }

    /// Takes the folders and reads nothing: the engine opens the log while it serves.
    fn claim(&self, ids: &Ids) -> Result<Log> {
        let ids = ids.clone();
        Ok(Log::claim_sqlite(&self.data, &self.witness, Box::new(move || ids.salt()))?)
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
fn place(args: &cli::Data) -> Result<Paths> {
    Paths::new(args.data.as_ref(), &settings(args)?)
}

fn settings(args: &cli::Data) -> Result<Settings> {
    match &args.config {
        Some(file) => Ok(config::settings(file)?),
        None => Ok(Settings::default()),
    }
}

fn doctor(args: cli::Data, texts: &Texts) -> Result<()> {
    let settings = settings(&args)?;
    let care = care::checked(&settings.care, texts);
    let place = Paths::new(args.data.as_ref(), &settings).ok();
    say::doctor(place.as_ref().map(|it| (it.data.as_path(), it.witness.as_path())), &care, texts)
}
