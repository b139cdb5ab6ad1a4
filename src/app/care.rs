//! The care systems: opened from the settings, with their secrets; and what is not set up, said once at the start.
//!
//! Must never log a citizen, nor know what a care system is asked.

use std::time::Duration;

use anyhow::Result;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::say::Failed;
use crate::care::nexus::settings::Names;
use crate::care::nexus::{self, Access, BadAccess};
use crate::care::{Ability, Care, demo, demo_service};
use crate::config;
use crate::domain::identity::AgreementId;
use crate::engine::Engine;
use crate::engine::cares::{Cares, Port};
use crate::i18n::{Said, Texts, key};
use crate::ids::Ids;
use crate::workers::care::settings::{Adapter, Settings};

/// How long an ending server waits for the care system to take the notes that wait.
const LAST_NOTES_FOR: Duration = Duration::from_secs(5);

/// The care systems of the settings; none at all is one that is off.
pub async fn open(settings: &[Settings], texts: &Texts, stop: &CancellationToken) -> Result<Cares> {
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
async fn open_one(settings: &Settings, stop: &CancellationToken) -> Result<Care> {
    Ok(match settings.adapter {
        Adapter::Off => Care::Off,
        Adapter::Demo => match &settings.url {
            None => start_demo(1, stop).await?.1,
            Some(url) => {
                let token = match &settings.token_file {
                    Some(file) => config::secret(file)?,
                    None => return Err(needed(settings, "care.token_file")),
                };
                Care::Demo(demo::Client::new(url, token, demo::Limits::default())?)
            }
        },
        Adapter::Nexus => Care::Nexus(nexus(settings)?),
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
fn nexus(settings: &Settings) -> Result<nexus::Client> {
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

fn names(settings: &Settings) -> Names {
    Names { nexus: settings.nexus.clone(), lists: settings.lists.clone(), visits: settings.visits.clone() }
}

fn needed(settings: &Settings, setting: &str) -> anyhow::Error {
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
pub fn checked(settings: &[Settings], texts: &Texts) -> Vec<(bool, String)> {
    match settings {
        [] => checked_one(&Settings::default(), texts),
        all => all.iter().flat_map(|one| checked_one(one, texts)).collect(),
    }
}

fn checked_one(settings: &Settings, texts: &Texts) -> Vec<(bool, String)> {
    let whose = &settings.agreements;
    let missing = match settings.adapter {
        Adapter::Off => return vec![(true, of_whom(texts.get(key::CLI_CARE_OFF).as_str(), whose))],
        Adapter::Demo => return vec![(true, of_whom("demo", whose))],
        Adapter::Nexus => names(settings).missing(),
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
