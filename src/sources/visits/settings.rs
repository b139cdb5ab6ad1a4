//! Settings of one folder of route lists: a `[[visits]]` block.
//!
//! Owns names, defaults and checks. Must never read a file: the mapping is read by the caller and handed in beside
//! this.

use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use serde::Deserialize;

use crate::domain::identity::{AgreementId, SourceName};
use crate::sources::settings::{Block, Source, label, resolve};

/// How long a file must have been at rest, if the settings do not say (seconds).
const REST_SECONDS: u32 = 60;
/// Longest pause between two lists that may be expected (hours).
const EXPECTED_WITHIN_MAX_HOURS: u32 = 24 * 31;

/// One folder.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The source's name; without one it is `visits-AGREEMENT`.
    #[serde(default)]
    name: Option<SourceName>,
    /// Relative to the settings file. Whoever fills it owns it; a file is deleted once its effects are on disk.
    pub folder: PathBuf,
    pub agreement: AgreementId,
    /// False: the lists never tell when a visit starts, so that silence is not late.
    #[serde(default = "yes")]
    pub starts: bool,
    /// True: a list names every visit from its first to its last, so that one which is missing was taken out of the plan.
    #[serde(default)]
    pub whole: bool,
    /// What the columns and values of these lists mean, where they differ from the built-in words.
    #[serde(default)]
    pub mapping: Option<PathBuf>,
    /// A list comes at least this often (hours); without it, no list is never late.
    #[serde(default)]
    pub expected_within_hours: Option<u32>,
    /// A file is taken in when it has not changed and nobody has had it open for writing for so long (seconds; 60 if not
    /// set). Less only where whoever fills the folder writes under another name and renames.
    #[serde(default)]
    rest_seconds: Option<u32>,
}

fn yes() -> bool {
    true
}

/// What is wrong with a folder's settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSettings {
    #[error("expected_within_hours must be 1 to {EXPECTED_WITHIN_MAX_HOURS}")]
    ExpectedWithin,
}

impl Settings {
    /// The name under which the source is shown and its keys are remembered.
    pub fn name(&self) -> SourceName {
        let of_agreement = || {
            SourceName::new(format!("visits-{}", self.agreement))
                .expect("an agreement's id in a name is short")
        };
        self.name.clone().unwrap_or_else(of_agreement)
    }

    /// How long a file must have been at rest.
    pub fn rest(&self) -> TimeDelta {
        TimeDelta::seconds(self.rest_seconds.unwrap_or(REST_SECONDS).into())
    }

    /// What the types alone cannot say. Errors: see [`BadSettings`].
    pub fn check(&self) -> Result<(), BadSettings> {
        match self.expected_within_hours {
            Some(hours) if hours == 0 || hours > EXPECTED_WITHIN_MAX_HOURS => {
                Err(BadSettings::ExpectedWithin)
            }
            _ => Ok(()),
        }
    }
}

impl Block for Settings {
    fn heading(&self) -> &'static str {
        "[[visits]]"
    }

    fn source(&self) -> Option<Source> {
        Some(Source { name: self.name(), may_have_token: false })
    }

    fn resolve(&mut self, folder: &Path) {
        self.folder = folder.join(&self.folder);
        resolve(&mut self.mapping, folder);
    }

    fn checked(&self) -> Result<(), String> {
        self.check().map_err(|bad| format!("{}: {bad}", label(self)))
    }

    fn agreements(&self) -> Vec<(String, &AgreementId)> {
        vec![(format!("{} agreement", label(self)), &self.agreement)]
    }
}
