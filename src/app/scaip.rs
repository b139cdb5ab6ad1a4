//! Alarms by SIP: the wiring of the `[[scaip]]` receivers.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::inbox::EngineInbox;
use super::say::Failed;
use crate::config;
use crate::domain::agreement::value_of;
use crate::engine::Engine;
use crate::i18n::key;
use crate::sources::scaip::link::Receiver;
use crate::sources::scaip::settings::{Fit, Settings, fit};
use crate::sources::scaip::sip::CannotListen;

/// Opens every receiver. Nothing is heard before all of them listen.
pub async fn start(receivers: &[Settings], engine: &Engine, stop: &CancellationToken) -> Result<()> {
    let mut opened = Vec::new();
    for settings in receivers {
        rings_out_in_time(settings, engine)?;
        let accounts = settings.accounts.iter();
        let accounts = accounts.map(|(user, file)| Ok((user.clone(), config::secret(file)?)));
        let clock = engine.clock.clone();
        let receiver = Receiver {
            settings: settings.clone(),
            accounts: accounts.collect::<Result<_>>()?,
            tls: tls(settings)?,
            key: random(engine),
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

/// The certificate and key of a receiver that has them.
fn tls(settings: &Settings) -> Result<Option<Arc<rustls::ServerConfig>>> {
    let (Some(certificate), Some(key)) = (&settings.certificate_file, &settings.key_file) else {
        return Ok(None);
    };
    let unusable = |file: &Path, why: String| {
        Failed::new(key::CLI_SCAIP_CERTIFICATE).with("file", file.display().to_string()).with("why", why)
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable(certificate, error.to_string()))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, error.to_string()))?;
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| unusable(certificate, error.to_string()))?;
    Ok(Some(Arc::new(config)))
}
