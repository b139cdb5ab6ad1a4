//! Commands on the log: people, agreements, checking and copying it. Each asks the running server first; without one,
//! the log is opened for the moment.

use anyhow::{Context, Result};
use tokio_util::sync::CancellationToken;

use super::admin::{self, Answer, Request};
use super::say::{self, Failed};
use super::serve::adopt;
use super::{Paths, place};
use crate::care::Care;
use crate::cli::{AgreementArgs, AgreementCommand, Copy, User, UserCommand};
use crate::clock::Clock;
use crate::config;
use crate::domain::masking::{Field, Masking};
use crate::engine::{Engine, Parts};
use crate::i18n::{Texts, key};
use crate::ids::Ids;
use crate::store::{folder, sqlite::LOG_FILE};

/// Asks the running server; without one, opens the log for the moment.
async fn administer(place: &Paths, request: Request) -> Result<Answer> {
    if let Some(answer) = admin::ask(&place.data, &request).await? {
        return Ok(answer);
    }
    let ids = Ids::system();
    let log = place.open(&ids).await?;
    let stop = CancellationToken::new();
    // No source speaks here: nothing is masked.
    let masking = Masking::new(ids.secret());
    let parts = Parts { log, clock: Clock::system(), ids, cares: Care::Off.into(), masking };
    let (engine, writer) = Engine::start(parts, stop.clone()).await?;
    adopt(&engine, None).await?;
    let answer = admin::handle(&engine, request).await;
    stop.cancel();
    writer.await?;
    Ok(answer)
}

pub async fn user(args: User, texts: &Texts) -> Result<()> {
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

pub async fn agreement(args: AgreementArgs, texts: &Texts) -> Result<()> {
    let request = match args.command {
        AgreementCommand::Check { file } => return say::agreement_check(texts, &file),
        AgreementCommand::Adopt { file } => {
            say::read_agreement(&file)?;
            Request::Adopt { text: std::fs::read_to_string(&file)? }
        }
        AgreementCommand::List => Request::ListAgreements,
        AgreementCommand::Show { id, file: true } => return say::built_in_file(&id),
        AgreementCommand::Show { id, file: false } => Request::ShowAgreement { id },
    };
    // What comes with the program can be shown without a log.
    let place = place(&args.data)?;
    let is_question = matches!(request, Request::ListAgreements | Request::ShowAgreement { .. });
    if is_question && !place.data.exists() {
        return say::built_in_agreements(texts, &request);
    }
    say::answer(texts, &request, administer(&place, request.clone()).await?)
}

/// Says under which id a unit is kept: its own, or the digest that stands for a number.
pub fn unit(unit: &str, place: &Paths) -> Result<()> {
    let ids = Ids::system();
    let masking = Masking::new(config::id_key(&place.id_key, || ids.secret())?);
    let (id, _) = masking.id(Field::Device, unit).ok_or_else(|| Failed::new(key::CLI_NO_UNIT))?;
    say::unit(&id)
}

pub async fn verify(place: &Paths, texts: &Texts) -> Result<()> {
    let log = place.open_existing(&Ids::system()).await?;
    if log.is_unwitnessed() {
        say::unwitnessed(texts);
    }
    let verified = log.verify().await?;
    say::verified(texts, &verified)
}

pub async fn backup(args: Copy, texts: &Texts) -> Result<()> {
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
pub async fn restore(args: Copy, texts: &Texts) -> Result<()> {
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
    let mut log = place.open(&Ids::system()).await?;
    let verified = log.verify().await?;
    log.begin_witness();
    say::restored(texts, data, verified.records.sequence.0)
}
