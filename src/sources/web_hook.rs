//! Settings of a source that has a token and posts to us: a `[[web_hook]]` block.
//!
//! Owns their names. What it posts is read by the server's route; must never read a file.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::domain::identity::{AgreementId, SourceName};
use crate::sources::settings::{Block, Source, resolve};

/// One `[[web_hook]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The name it was given with `vagttavle user add`.
    pub name: SourceName,
    /// Silence longer than this is trouble (seconds); without it silence is not seen.
    #[serde(default)]
    pub expected_within_s: Option<u32>,
    /// The secret it signs with; then its token alone is refused.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// Its units are those of this source, or of `scaip`, the alarm receivers: device 7 there is device 7 here. Without
    /// it they are its own.
    #[serde(default)]
    pub units_of: Option<SourceName>,
    /// It hands in plans of visits and never tells when one starts.
    #[serde(default)]
    pub plan_only: bool,
}

impl Block for Settings {
    fn heading(&self) -> &'static str {
        "[[web_hook]]"
    }

    fn source(&self) -> Option<Source> {
        Some(Source { name: self.name.clone(), may_have_token: true })
    }

    fn resolve(&mut self, folder: &Path) {
        resolve(&mut self.secret_file, folder);
    }

    fn checked(&self) -> Result<(), String> {
        Ok(())
    }

    /// Its token says whose it is.
    fn agreements(&self) -> Vec<(String, &AgreementId)> {
        Vec::new()
    }
}
