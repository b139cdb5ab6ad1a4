//! Settings of calling a second person: the `[escalation]` block.
//!
//! Owns their names, defaults and checks. Must never read a file: the secret is read by the caller.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::domain::identity::AgreementId;
use crate::sources::settings::{Block, Source, label, resolve};

/// `[escalation]`: how a second person is called.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// A program and its arguments, run without a shell; words in braces stand for what it is about.
    #[serde(default)]
    pub command: Vec<String>,
    /// Where it is posted to.
    #[serde(default)]
    pub web_hook: Option<String>,
    /// What is posted is signed with it.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// The program, or the answer, may take this long (seconds).
    #[serde(default = "timeout_s")]
    pub timeout_s: u32,
    /// How often it is tried.
    #[serde(default = "tries")]
    pub tries: u32,
}

fn timeout_s() -> u32 {
    20
}

fn tries() -> u32 {
    5
}

impl Settings {
    /// The words that a command's arguments may have in braces.
    pub const WORDS: [&str; 8] =
        ["text", "why", "number", "board", "state", "agreement", "opened_at", "again"];

    fn wrong(&self) -> Result<(), String> {
        if self.command.is_empty() && self.web_hook.is_none() {
            return Err("neither command nor web_hook is set: nobody would be called".into());
        }
        if self.command.first().is_some_and(|program| !program.starts_with('/')) {
            return Err(
                "the command's first word must be a program with its whole path, beginning with /".into()
            );
        }
        if let Some(url) = &self.web_hook
            && !url.starts_with("https://")
            && !url.starts_with("http://")
        {
            return Err("web_hook must begin with https:// or http://".into());
        }
        if !(1..=300).contains(&self.timeout_s) || !(1..=20).contains(&self.tries) {
            return Err("timeout_s must be 1 to 300 and tries 1 to 20".into());
        }
        for word in self.command.iter().flat_map(|argument| words_in(argument)) {
            if !Self::WORDS.contains(&word) {
                return Err(format!(
                    "{{{word}}} is no word of a command; known are: {}",
                    Self::WORDS.join(", ")
                ));
            }
        }
        Ok(())
    }
}

/// What stands in braces.
fn words_in(argument: &str) -> impl Iterator<Item = &str> {
    argument.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(word, _)| word))
}

impl Block for Settings {
    fn heading(&self) -> &'static str {
        "[escalation]"
    }

    /// It is a way out: nothing comes in by it.
    fn source(&self) -> Option<Source> {
        None
    }

    fn resolve(&mut self, folder: &Path) {
        resolve(&mut self.secret_file, folder);
    }

    fn checked(&self) -> Result<(), String> {
        self.wrong().map_err(|wrong| format!("{}: {wrong}", label(self)))
    }

    fn agreements(&self) -> Vec<(String, &AgreementId)> {
        Vec::new()
    }
}
