//! Opens the receivers of the settings.
//!
//! Owns that a receiver whose units would give up before they could be told does not start, and reads certificates.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tracing::{info, warn};

use super::link::{Inbox, Receiver};
use super::places::Places;
use super::settings::{Fit, Settings, fit};
use super::sip::{CannotListen, Tls};
use super::trust;
use crate::domain::identity::{AgreementId, SourceName};
use crate::sources::host::{Announced, Host};

/// The units of all receivers are one list; `[[web_hook]]` may join it.
const UNITS: &str = "scaip";

/// What receivers need besides.
pub struct Means<'a> {
    /// Where each remembers who was heard when.
    pub data: &'a Path,
    /// What all of them may have of the descriptors.
    pub connections: &'a Places,
    /// Random; another one for each.
    pub key: &'a (dyn Fn() -> [u8; 32] + Sync),
    /// After how many seconds an alarm rings out, by the agreement in force; none: it never does.
    pub ring_out_seconds: &'a (dyn Fn(&AgreementId) -> Option<u32> + Sync),
}

/// Why a receiver is not opened.
#[derive(Debug, thiserror::Error)]
pub enum CannotStart {
    #[error(transparent)]
    Listen(#[from] CannotListen),
    /// A certificate or key.
    #[error("{}: {why}", .file.display())]
    Certificate { file: PathBuf, why: String },
    /// Its units give up after `holds` seconds, before they could be told that an alarm rang out, after `ring_out`.
    #[error("{agreement}: alarms ring out after {ring_out} s, and units hold for {holds} s")]
    TooLate { agreement: AgreementId, ring_out: u32, holds: u32 },
}

/// Opens every receiver. Nothing is heard before all of them listen.
///
/// # Errors
/// The first that cannot be opened, and why.
pub async fn start<H>(receivers: &[Settings], means: &Means<'_>, host: &H) -> Result<(), H::Error>
where
    H: Host<Inbox: Inbox, Error: From<CannotStart>>,
{
    let mut opened = Vec::new();
    for settings in receivers {
        rings_out_in_time(settings, (means.ring_out_seconds)(&settings.agreement))?;
        let accounts = settings.accounts.iter();
        let accounts = accounts.map(|(user, file)| Ok((user.clone(), host.secret(file)?)));
        let receiver = Receiver {
            settings: settings.clone(),
            accounts: accounts.collect::<Result<_, H::Error>>()?,
            tls: tls(settings)?,
            memory: Some(means.data.join(format!("heard-{}.json", settings.name))),
            key: (means.key)(),
            connections: means.connections.clone(),
            masking: host.masking(),
            inbox: host.announce(announced(settings)),
            now: host.now(),
        };
        let one = receiver.open(host.stop()).await.map_err(CannotStart::from)?;
        for listen in one.listening() {
            info!(source = %settings.name, %listen, "alarms by SIP");
        }
        opened.push(one);
    }
    for one in opened {
        tokio::spawn(one.run());
    }
    Ok(())
}

/// A unit that turns to the back-up receiver is the same unit.
fn announced(settings: &Settings) -> Announced {
    Announced {
        name: settings.name.clone(),
        kind: "scaip",
        within: None,
        agreements: vec![settings.agreement.clone()],
        units_of: Some(SourceName::new(UNITS).expect("a short word is a name")),
        is_plan_only: false,
    }
}

/// A unit that has given us up cannot be told that its alarm rang out.
fn rings_out_in_time(settings: &Settings, ring_out: Option<u32>) -> Result<(), CannotStart> {
    match fit(ring_out, settings.holds_seconds) {
        Fit::Fits => Ok(()),
        Fit::Needs(seconds) => {
            let agreement = settings.agreement.as_str();
            warn!(source = %settings.name, agreement, seconds, "units must hold longer than this: set holds_seconds");
            Ok(())
        }
        Fit::TooLate(holds) => {
            let (agreement, ring_out) = (settings.agreement.clone(), ring_out.unwrap_or_default());
            Err(CannotStart::TooLate { agreement, ring_out, holds })
        }
    }
}

fn unusable(file: &Path, why: impl std::fmt::Display) -> CannotStart {
    CannotStart::Certificate { file: file.to_owned(), why: why.to_string() }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, CannotStart> {
    CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable(file, error))
}

/// Who we are to units, and whom we believe to be one.
fn tls(settings: &Settings) -> Result<Tls, CannotStart> {
    let ours = match (&settings.certificate_file, &settings.key_file) {
        (Some(certificate), Some(key)) => Some(ours(certificate, key)?),
        _ => None,
    };
    let units = settings.unit_certificates_file.as_deref().map(units).transpose()?;
    Ok(Tls { ours, units })
}

fn ours(certificate: &Path, key: &Path) -> Result<Arc<rustls::ServerConfig>, CannotStart> {
    let chain = certificates(certificate)?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, error))?;
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, private);
    Ok(Arc::new(config.map_err(|error| unusable(certificate, error))?))
}

fn units(file: &Path) -> Result<Arc<rustls::ClientConfig>, CannotStart> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    trust::calls(certificates(file)?, &provider).map_err(|error| unusable(file, error))
}
