//! Alarms by SIP: the wiring of the `[[scaip]]` receivers.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::say::Failed;
use crate::config;
use crate::domain::agreement::value_of;
use crate::domain::identity::SourceName;
use crate::engine::Engine;
use crate::i18n::key;
use crate::inbox::EngineInbox;
use crate::sources::scaip::link::Receiver;
use crate::sources::scaip::places::Places;
use crate::sources::scaip::settings::{Fit, Settings, fit};
use crate::sources::scaip::sip::{CannotListen, Tls};
use crate::sources::scaip::trust;

/// The units of all receivers are one list; `[[web_hook]]` may join it.
const UNITS: &str = "scaip";

/// Opens every receiver. Nothing is heard before all of them listen.
/// `data`: where each remembers who was heard when. `connections`: what all of them may have of the descriptors.
pub async fn start(
    receivers: &[Settings],
    data: &Path,
    engine: &Engine,
    connections: &Places,
    stop: &CancellationToken,
) -> Result<()> {
    let mut opened = Vec::new();
    let units = SourceName::new(UNITS).expect("a short word is a name");
    for settings in receivers {
        // A unit that turns to the back-up receiver is the same unit.
        engine.namespaces.join(settings.name.clone(), units.clone());
        rings_out_in_time(settings, engine)?;
        let accounts = settings.accounts.iter();
        let accounts = accounts.map(|(user, file)| Ok((user.clone(), config::secret(file)?)));
        let clock = engine.clock.clone();
        let receiver = Receiver {
            settings: settings.clone(),
            accounts: accounts.collect::<Result<_>>()?,
            tls: tls(settings)?,
            memory: Some(data.join(format!("heard-{}.json", settings.name))),
            key: random(engine),
            connections: connections.clone(),
            masking: engine.masking.clone(),
            inbox: EngineInbox { engine: engine.clone(), kind: "scaip" },
            now: Arc::new(move || clock.now()),
        };
        let one = receiver.open(stop.clone()).await.map_err(cannot_listen)?;
        for listen in one.listening() {
            info!(source = %settings.name, %listen, "alarms by SIP");
        }
        opened.push(one);
    }
    for (one, settings) in opened.into_iter().zip(receivers) {
        let agreements = vec![settings.agreement.clone()];
        engine.health.expect(settings.name.clone(), "scaip", None, agreements, engine.clock.now());
        tokio::spawn(one.run());
    }
    Ok(())
}

fn cannot_listen(error: CannotListen) -> Failed {
    Failed::new(key::CLI_SCAIP_CANNOT_LISTEN)
        .with("address", error.listen.clone())
        .with("why", error.why.to_string())
}

/// A unit that has given us up cannot be told that its alarm rang out.
fn rings_out_in_time(settings: &Settings, engine: &Engine) -> Result<()> {
    let state = engine.state();
    let agreement = settings.agreement.as_str();
    // That it is in force is checked with those of all other sources.
    let Some(rules) = state.agreements.get(&settings.agreement) else { return Ok(()) };
    let ring_out = value_of(&rules.alarms.ring_out_seconds);
    match fit(ring_out, settings.holds_seconds) {
        Fit::Fits => Ok(()),
        Fit::Needs(seconds) => {
            warn!(source = %settings.name, agreement, seconds, "units must hold longer than this: set holds_seconds");
            Ok(())
        }
        Fit::TooLate(holds) => Err(Failed::new(key::CLI_SCAIP_TOO_LATE)
            .with("agreement", agreement)
            .with("seconds", ring_out.unwrap_or_default().to_string())
            .with("holds", holds.to_string())
            .into()),
    }
}

fn random(engine: &Engine) -> [u8; 32] {
    let mut key = [0; 32];
    key[..16].copy_from_slice(&engine.ids.salt());
    key[16..].copy_from_slice(&engine.ids.salt());
    key
}

fn unusable(file: &Path, why: impl std::fmt::Display) -> Failed {
    let failed = Failed::new(key::CLI_SCAIP_CERTIFICATE).with("file", file.display().to_string());
    failed.with("why", why.to_string())
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Failed> {
    CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable(file, error))
}

/// Who we are to units, and whom we believe to be one.
fn tls(settings: &Settings) -> Result<Tls> {
    let ours = match (&settings.certificate_file, &settings.key_file) {
        (Some(certificate), Some(key)) => Some(ours(certificate, key)?),
        _ => None,
    };
    let units = settings.unit_certificates_file.as_deref().map(units).transpose()?;
    Ok(Tls { ours, units })
}

fn ours(certificate: &Path, key: &Path) -> Result<Arc<rustls::ServerConfig>, Failed> {
    let chain = certificates(certificate)?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, error))?;
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, private);
    Ok(Arc::new(config.map_err(|error| unusable(certificate, error))?))
}

fn units(file: &Path) -> Result<Arc<rustls::ClientConfig>, Failed> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    trust::calls(certificates(file)?, &provider).map_err(|error| unusable(file, error))
}
