//! The program around a source: the engine, the settings' files, the clock.

use std::path::Path;
use std::sync::Arc;

use secrecy::SecretString;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::config;
use crate::domain::masking::Masking;
use crate::engine::Engine;
use crate::inbox::EngineInbox;
use crate::sources::Now;
use crate::sources::host::{Announced, Host};

/// What every source of a server is started with.
pub struct EngineHost<'a> {
    pub engine: &'a Engine,
    pub stop: &'a CancellationToken,
}

impl Host for EngineHost<'_> {
    type Inbox = EngineInbox;
    type Error = anyhow::Error;

    fn announce(&self, source: Announced) -> EngineInbox {
        let Announced { name, kind, within, agreements, units_of, is_plan_only } = source;
        if let Some(others) = units_of {
            self.engine.namespaces.join(name.clone(), others);
        }
        if is_plan_only {
            self.engine.plan_only.add(name.clone());
        }
        EngineInbox::expecting(self.engine, name, kind, within, agreements)
    }

    fn secret(&self, file: &Path) -> anyhow::Result<SecretString> {
        Ok(config::secret(file)?)
    }

    fn toml<T: DeserializeOwned>(&self, file: &Path) -> anyhow::Result<T> {
        Ok(config::toml(file)?)
    }

    fn now(&self) -> Now {
        let clock = self.engine.clock.clone();
        Arc::new(move || clock.now())
    }

    fn masking(&self) -> Masking {
        self.engine.masking.clone()
    }

    fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }
}
