//! Settings of hospital notifications: the `[medcom]` block.
//!
//! Owns their names and checks. Must never read a file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::domain::identity::{AgreementId, SourceName};
use crate::sources::settings::{Block, Source, label, resolve};

/// Whose hospital notifications are ours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OursRule {
    /// Every message that reaches us is about a citizen we serve.
    #[default]
    All,
    /// The care system is asked who is ours; of others nothing is kept.
    Care,
}

/// `[medcom]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    #[serde(default)]
    pub ours: OursRule,
    /// How the folder is called on the screen. A token's name where messages come both ways: they are one source then.
    #[serde(default)]
    pub name: Option<SourceName>,
    /// Folder that a forwarder drops messages into; a file is deleted once its effects are on disk.
    #[serde(default)]
    pub inbox: Option<PathBuf>,
    /// Folder of the acknowledgements of those; the inbox with `-outbox` behind its name otherwise.
    #[serde(default)]
    pub outbox: Option<PathBuf>,
    /// GLN or SOR of the receiver.
    #[serde(default)]
    pub agreement_by_receiver: BTreeMap<String, AgreementId>,
    /// For receivers that are not listed.
    #[serde(default)]
    pub default_agreement: Option<AgreementId>,
}

impl Block for Settings {
    fn heading(&self) -> &'static str {
        "[medcom]"
    }

    /// What comes by folder may be what comes over HTTP too.
    fn source(&self) -> Option<Source> {
        None
    }

    fn resolve(&mut self, folder: &Path) {
        resolve(&mut self.inbox, folder);
        resolve(&mut self.outbox, folder);
    }

    fn checked(&self) -> Result<(), String> {
        if self.outbox.is_some() && self.inbox.is_none() {
            return Err(format!("{} outbox: there is no inbox", label(self)));
        }
        Ok(())
    }

    fn agreements(&self) -> Vec<(String, &AgreementId)> {
        let by_default =
            self.default_agreement.iter().map(|id| ("[medcom] default_agreement".to_owned(), id));
        let by_receiver = self.agreement_by_receiver.iter();
        let by_receiver =
            by_receiver.map(|(at, id)| (format!("[medcom] agreement_by_receiver, \"{at}\""), id));
        by_default.chain(by_receiver).collect()
    }
}
