//! What a source is started with: the only way by which it meets the program around it.
//!
//! Owns what a source says of itself before it is heard. Must never know who fulfils it: a source that names a setting, a
//! file or the engine elsewhere is wrong.

use std::path::Path;

use chrono::TimeDelta;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use super::Now;
use crate::domain::identity::{AgreementId, SourceName};
use crate::domain::masking::Masking;

/// What a source says of itself, for source health and for those it is told apart from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    pub name: SourceName,
    /// As it stands in source health: `ami`.
    pub kind: &'static str,
    /// Silence longer than this is trouble; none: silence is not seen.
    pub within: Option<TimeDelta>,
    /// Whose screens show it.
    pub agreements: Vec<AgreementId>,
    /// The source whose devices its devices are; none: they are its own.
    pub units_of: Option<SourceName>,
    /// It hands in plans of visits and never tells when one starts.
    pub is_plan_only: bool,
}

/// The program around a source.
pub trait Host {
    /// Whom the source tells.
    type Inbox;
    /// Why a file that a setting names cannot be used.
    type Error;

    /// From now on the source is expected; answers where it is told.
    fn announce(&self, source: Announced) -> Self::Inbox;

    /// The secret in a file.
    ///
    /// # Errors
    /// It cannot be read, others may read it too, or there is none in it.
    fn secret(&self, file: &Path) -> Result<SecretString, Self::Error>;

    /// What a TOML file says.
    ///
    /// # Errors
    /// It cannot be read, or says something else.
    fn toml<T: DeserializeOwned>(&self, file: &Path) -> Result<T, Self::Error>;

    /// The clock.
    fn now(&self) -> Now;

    /// Makes ids from outside storable.
    fn masking(&self) -> Masking;

    /// Ends every source.
    fn stop(&self) -> CancellationToken;
}
