//! Sources that post to us: what is expected of each, and the secrets they sign with.

use std::path::Path;

use anyhow::Result;
use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};

use super::say::Failed;
use crate::config::{self, Settings};
use crate::domain::identity::{Code, SourceName};
use crate::domain::people::Role;
use crate::engine::Engine;
use crate::i18n::key;
use crate::protocol::signature::SECRET_MIN;
use crate::server;

/// Every source that has a token is a source whose health is shown, and so is one that should have one.
pub fn expect(engine: &Engine, settings: &Settings) {
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
        if let Some(others) = &hook.units_of {
            engine.namespaces.join(hook.name.clone(), others.clone());
        }
        engine.health.not_set_up(hook.name.clone(), "web-hook", Code::new("no-token").ok(), now);
        engine.health.expect_within(&hook.name, within(&hook.name));
    }
}

/// The secrets of the sources that sign.
pub fn signers(settings: &Settings) -> Result<server::Signers> {
    let with_secret =
        settings.web_hook.iter().filter_map(|hook| Some((hook.name.clone(), hook.secret_file.as_ref()?)));
    let secrets = with_secret.map(|(name, file)| Ok((name, long_secret(file)?)));
    Ok(server::Signers::new(secrets.collect::<Result<_>>()?))
}

/// A secret that bodies are signed with: too long to be tried out.
pub fn long_secret(file: &Path) -> Result<SecretString> {
    let secret = config::secret(file)?;
    if secret.expose_secret().len() < SECRET_MIN {
        return Err(Failed::new(key::CLI_SECRET_TOO_SHORT)
            .with("file", file.display().to_string())
            .with("min", SECRET_MIN.to_string())
            .into());
    }
    Ok(secret)
}
