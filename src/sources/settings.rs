//! What every block of the settings file says of itself: its name, its files, what is wrong with it, whose it is.
//!
//! Owns the questions. Each source answers them beside its settings, so that whoever reads the file need not know one.
//! Must never read a file.

use std::path::{Path, PathBuf};

use crate::domain::identity::{AgreementId, SourceName};

/// One block of the settings file.
pub trait Block {
    /// As it stands in the file: `[canary]`, or `[[ami]]` for each of several.
    fn heading(&self) -> &'static str;

    /// The source that it sets up. None: it sets up none, or one that may be another's too.
    fn source(&self) -> Option<Source>;

    /// Files named in it are relative to `folder`, where the settings file lies.
    fn resolve(&mut self, folder: &Path);

    /// Checks what the types alone cannot say.
    ///
    /// # Errors
    /// One line, which begins with the block ([`label`]).
    fn checked(&self) -> Result<(), String>;

    /// Each agreement that it names, and the setting that does.
    fn agreements(&self) -> Vec<(String, &AgreementId)>;
}

/// The source of a block, which no other block's may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub name: SourceName,
    /// False: nor may one with a token.
    pub may_have_token: bool,
}

/// Which block it is, for whoever must mend it: `[canary]`, `[[ami]] central`.
pub fn label(block: &dyn Block) -> String {
    match block.source() {
        Some(source) => format!("{} {}", block.heading(), source.name),
        None => block.heading().to_owned(),
    }
}

/// A file or folder that may be named: relative to `folder`.
pub fn resolve(file: &mut Option<PathBuf>, folder: &Path) {
    if let Some(file) = file {
        *file = folder.join(&*file);
    }
}
