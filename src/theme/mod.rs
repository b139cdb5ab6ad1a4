//! Colours hang on meanings.
//!
//! Owns the fourteen roles and the files of `themes/` that give each a style. Knows no
//! board and no widget: the screen asks for "alarm", never for red. Severity never rests
//! on colour alone; the screen adds a mark and a word, and the theme `terminal` (bold and
//! reverse only) is what a terminal without colours gets.

mod file;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ratatui::style::Style;
use serde::Deserialize;
use termprofile::TermProfile;

use file::File;

/// The default theme, a dark one: most use it at night.
pub const DEFAULT: &str = "nat";
/// The theme of a terminal without colours.
const COLORLESS: &str = "terminal";
/// A chain of themes longer than this is a circle.
const INHERITANCE_MAX: usize = 8;

const EMBEDDED: [(&str, &str); 4] = [
    ("nat", include_str!("../../themes/nat.toml")),
    ("dag", include_str!("../../themes/dag.toml")),
    ("kontrast", include_str!("../../themes/kontrast.toml")),
    ("terminal", include_str!("../../themes/terminal.toml")),
];

/// What a style means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Ordinary text, and the ground everything stands on.
    Base,
    /// Text that may be overlooked: labels, empty lists.
    Muted,
    Title,
    /// The frame or field that takes the keys.
    Focus,
    /// The chosen row.
    Selection,
    /// Lowest of three severities.
    Info,
    /// Something to read, no severity: a message at the foot.
    Notice,
    /// Middle severity: a deadline or a duty to contact somebody.
    Warning,
    /// Highest severity: an alarm nobody has taken.
    Alarm,
    AlarmAcknowledged,
    Ok,
    /// What is shown may be old.
    LinkDown,
    /// Sent, not yet confirmed.
    Pending,
    KeyHint,
}

impl Role {
    pub const ALL: [Role; 14] = [
        Self::Base,
        Self::Muted,
        Self::Title,
        Self::Focus,
        Self::Selection,
        Self::Info,
        Self::Notice,
        Self::Warning,
        Self::Alarm,
        Self::AlarmAcknowledged,
        Self::Ok,
        Self::LinkDown,
        Self::Pending,
        Self::KeyHint,
    ];
}

/// Why a theme cannot be used. Shown to whoever wrote the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ThemeError {
    #[error("no theme is called {name}; there are {known}")]
    Unknown { name: String, known: String },
    #[error("theme {name}, line {line}: {problem}")]
    File { name: String, line: usize, problem: String },
    #[error("theme {name} inherits from itself")]
    Circle { name: String },
    #[error("theme {name} gives no style to {role:?}")]
    Missing { name: String, role: Role },
    #[error("{path}: {problem}")]
    Unreadable { path: PathBuf, problem: String },
}

/// Every role's style, adapted to what the terminal can show.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    name: String,
    styles: BTreeMap<Role, Style>,
}

impl Theme {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn style(&self, role: Role) -> Style {
        self.styles[&role]
    }
}

/// All themes that can be asked for: those built in, and those of a person's own folder.
#[derive(Debug, Clone)]
pub struct Library {
    sources: BTreeMap<String, String>,
}

impl Default for Library {
    fn default() -> Self {
        Self { sources: EMBEDDED.map(|(name, source)| (name.to_owned(), source.to_owned())).into() }
    }
}

impl Library {
    /// Adds every `NAME.toml` of a folder; one with a built-in name replaces it. A folder
    /// that does not exist adds nothing. Errors: a file that cannot be read.
    pub fn add_folder(&mut self, folder: &Path) -> Result<(), ThemeError> {
        let unreadable = |path: &Path, error: std::io::Error| ThemeError::Unreadable {
            path: path.into(),
            problem: error.to_string(),
        };
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(unreadable(folder, error)),
        };
        for entry in entries {
            let path = entry.map_err(|error| unreadable(folder, error))?.path();
            let (Some(stem), Some("toml")) =
                (path.file_stem().and_then(|s| s.to_str()), path.extension().and_then(|e| e.to_str()))
            else {
                continue;
            };
            let source = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
            self.sources.insert(stem.to_owned(), source);
        }
        Ok(())
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.sources.keys().map(String::as_str)
    }

    /// The theme for a terminal of `depth`. Without colours it is always the one of bold and
    /// reverse; with sixteen, the file's own choice for sixteen over that one.
    /// Errors: unknown name, unreadable file, a circle, a role without a style.
    pub fn load(&self, name: &str, depth: TermProfile) -> Result<Theme, ThemeError> {
        let file = self.resolved(name)?;
        let styles = match depth {
            TermProfile::NoTty | TermProfile::NoColor => {
                complete(COLORLESS, &self.resolved(COLORLESS)?.roles)?
            }
            TermProfile::Ansi16 => {
                complete(name, &file.roles)?;
                let mut styles = complete(COLORLESS, &self.resolved(COLORLESS)?.roles)?;
                styles.extend(file.sixteen.iter().map(|(role, spec)| (*role, spec.style())));
                styles
            }
            TermProfile::Ansi256 | TermProfile::TrueColor => complete(name, &file.roles)?
                .into_iter()
                .map(|(role, style)| (role, depth.adapt_style(style)))
                .collect(),
        };
        Ok(Theme { name: name.to_owned(), styles })
    }

    /// The file with everything it inherits.
    fn resolved(&self, name: &str) -> Result<File, ThemeError> {
        let mut file = self.parse(name)?;
        let mut seen = 1;
        while let Some(parent) = file.inherits.take() {
            seen += 1;
            if seen > INHERITANCE_MAX {
                return Err(ThemeError::Circle { name: name.to_owned() });
            }
            let mut under = self.parse(&parent)?;
            under.roles.append(&mut file.roles);
            under.sixteen.append(&mut file.sixteen);
            file = under;
        }
        Ok(file)
    }

    fn parse(&self, name: &str) -> Result<File, ThemeError> {
        let source = self.sources.get(name).ok_or_else(|| ThemeError::Unknown {
            name: name.to_owned(),
            known: self.names().collect::<Vec<_>>().join(", "),
        })?;
        File::parse(name, source)
    }
}

/// Every role's style; a role without its own ground stands on the base.
fn complete(name: &str, roles: &BTreeMap<Role, file::Spec>) -> Result<BTreeMap<Role, Style>, ThemeError> {
    let missing = |role| ThemeError::Missing { name: name.to_owned(), role };
    let base = roles.get(&Role::Base).ok_or_else(|| missing(Role::Base))?.style();
    Role::ALL
        .into_iter()
        .map(|role| {
            let spec = roles.get(&role).ok_or_else(|| missing(role))?;
            Ok((role, base.patch(spec.style())))
        })
        .collect()
}

#[cfg(test)]
mod tests;
