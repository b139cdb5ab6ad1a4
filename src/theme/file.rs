//! The theme file: TOML to specs. Knows nothing of terminals.

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

use super::{Role, ThemeError};

/// One theme file as written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// The theme this one starts from.
    pub inherits: Option<String>,
    #[serde(default)]
    pub roles: BTreeMap<Role, Spec>,
    /// Styles for terminals of sixteen colours.
    #[serde(default)]
    pub sixteen: BTreeMap<Role, Spec>,
}

/// One role's style as written. A color is `#rrggbb` or one of the sixteen names.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Spec {
    fg: Option<Color>,
    bg: Option<Color>,
    bold: bool,
    italic: bool,
    underline: bool,
    reverse: bool,
}

impl Spec {
    pub fn style(self) -> Style {
        let mut style = Style { fg: self.fg, bg: self.bg, ..Style::default() };
        for (wanted, modifier) in [
            (self.bold, Modifier::BOLD),
            (self.italic, Modifier::ITALIC),
            (self.underline, Modifier::UNDERLINED),
            (self.reverse, Modifier::REVERSED),
        ] {
            if wanted {
                style = style.add_modifier(modifier);
            }
        }
        style
    }
}

impl File {
    pub fn parse(name: &str, source: &str) -> Result<Self, ThemeError> {
        toml::from_str(source).map_err(|error| ThemeError::File {
            name: name.to_owned(),
            line: error.span().map_or(1, |span| source[..span.start].matches('\n').count() + 1),
            problem: error.message().to_owned(),
        })
    }
}
