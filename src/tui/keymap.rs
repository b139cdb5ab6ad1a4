//! The key table's machinery: chords, rows, resolving, and what is derived from the rows.
//!
//! Owns how a chord finds its action in a stack of contexts and the rules a table must
//! keep (`problems`). The rows themselves are in `bindings`; footer hints, the help
//! overlay, the `keys` sub-command and the table in `docs/desk.md` all come out of the same rows.
//! Knows no board and no terminal library.

use std::collections::BTreeMap;
use std::fmt;

use super::action::Action;
use super::bindings;
use crate::i18n::Key;

/// A key press as the desk understands it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Chord {
    /// A character as typed: `G` is shift and g.
    Char(char),
    Ctrl(char),
    F(u8),
    Enter,
    Esc,
    Tab,
    BackTab,
    Backspace,
    Delete,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
}

/// Names as they are shown; `parse` knows the words for the arrows too.
const NAMED: [(&str, Chord); 14] = [
    ("Enter", Chord::Enter),
    ("Esc", Chord::Esc),
    ("Tab", Chord::Tab),
    ("Shift+Tab", Chord::BackTab),
    ("Backspace", Chord::Backspace),
    ("Delete", Chord::Delete),
    ("↑", Chord::Up),
    ("↓", Chord::Down),
    ("←", Chord::Left),
    ("→", Chord::Right),
    ("Home", Chord::Home),
    ("End", Chord::End),
    ("PgUp", Chord::PageUp),
    ("PgDn", Chord::PageDown),
];

const ARROWS: [(&str, Chord); 4] =
    [("Up", Chord::Up), ("Down", Chord::Down), ("Left", Chord::Left), ("Right", Chord::Right)];

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Char(' ') => f.write_str("Space"),
            Self::Char(c) => write!(f, "{c}"),
            Self::Ctrl(c) => write!(f, "Ctrl+{c}"),
            Self::F(number) => write!(f, "F{number}"),
            named => {
                let name = NAMED.iter().find(|(_, chord)| chord == named).map_or("", |(name, _)| name);
                f.write_str(name)
            }
        }
    }
}

impl Chord {
    /// Reads what `Display` writes; case does not matter except for a single character.
    pub fn parse(text: &str) -> Option<Self> {
        let lower = text.to_lowercase();
        let named = NAMED.iter().chain(&ARROWS).find(|(name, _)| name.to_lowercase() == lower);
        if let Some((_, chord)) = named {
            return Some(*chord);
        }
        let mut chars = text.chars();
        if let (Some(c), None) = (chars.next(), chars.next()) {
            return Some(Self::Char(c));
        }
        if lower == "space" {
            return Some(Self::Char(' '));
        }
        if let Some(letter) = lower.strip_prefix("ctrl+") {
            let mut letters = letter.chars();
            return match (letters.next(), letters.next()) {
                (Some(c), None) => Some(Self::Ctrl(c)),
                _ => None,
            };
        }
        let number: u8 = lower.strip_prefix('f')?.parse().ok()?;
        (1..=12).contains(&number).then_some(Self::F(number))
    }

    /// True when a Danish keyboard types it with at most Shift: no AltGr, no dead key.
    pub fn is_typable_in_danish(self) -> bool {
        match self {
            Self::Char(c) => c.is_ascii_alphanumeric() || "æøåÆØÅ +-.,:;'*<>/?!\"#%&()=_".contains(c),
            _ => true,
        }
    }

    /// True when tmux, screen or the line's flow control takes it away.
    pub fn is_taken_by_others(self) -> bool {
        matches!(self, Self::Ctrl('a' | 'b' | 's' | 'q'))
    }
}

/// Where a row applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Context {
    /// Everywhere, in a text field too: no character, and nothing that acts on an entry.
    Always,
    /// Everywhere save under an overlay.
    Global,
    /// A list has the keys.
    List,
    /// The detail pane has the keys.
    Detail,
    /// An entry is chosen, whatever its board.
    Entry,
    /// The chosen entry is on this board (its name on the wire).
    On(&'static str),
    /// This place is shown, whatever is chosen (the place's name).
    At(&'static str),
    /// Overlays: nothing below them gets a key, except that the menu also knows the entry's keys.
    Menu,
    Form,
    Confirm,
    Help,
    Filter,
    Card,
}

/// One key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    pub context: Context,
    pub chord: Chord,
    pub action: Action,
    /// What it does, in a few words.
    pub text: Key,
    /// Place among the footer hints, 1 first; 0 is never hinted.
    pub rank: u8,
    /// Cannot be undone: never done without an overlay that names the entry.
    pub is_destructive: bool,
}

/// A fault in a key table. The text is for whoever wrote the table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    #[error("{chord} means two things where {first:?} and {second:?} both apply")]
    Twice { chord: Chord, first: Context, second: Context },
    #[error("{0} cannot be typed on a Danish keyboard without AltGr")]
    NotTypable(Chord),
    #[error("{0} belongs to tmux, screen or flow control")]
    Taken(Chord),
    #[error("no action is called {name}{}", near.as_ref().map(|near| format!("; did you mean {near}?")).unwrap_or_default())]
    UnknownAction { name: String, near: Option<String> },
    #[error("{0} is not a key")]
    UnknownChord(String),
}

/// The table in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Keymap {
    rows: Vec<Row>,
}

impl Default for Keymap {
    fn default() -> Self {
        Self { rows: bindings::rows() }
    }
}

impl Keymap {
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The action of a chord: the first context of the stack that knows it wins.
    pub fn resolve(&self, stack: &[Context], chord: Chord) -> Option<Action> {
        stack.iter().find_map(|context| {
            self.rows.iter().find(|row| row.context == *context && row.chord == chord).map(|row| row.action)
        })
    }

    /// The first chord of an action in a stack.
    pub fn chord_of(&self, stack: &[Context], action: Action) -> Option<Chord> {
        self.rows.iter().find(|row| row.action == action && stack.contains(&row.context)).map(|row| row.chord)
    }

    /// Rows for the foot of the screen, most useful first, one for each action.
    pub fn hints(&self, stack: &[Context]) -> Vec<&Row> {
        let mut hints: Vec<&Row> =
            self.rows.iter().filter(|row| row.rank > 0 && stack.contains(&row.context)).collect();
        hints.sort_by_key(|row| row.rank);
        let mut seen = Vec::new();
        hints.retain(|row| {
            let is_new = !seen.contains(&row.action);
            seen.push(row.action);
            is_new
        });
        hints
    }

    /// All chords of each action of a stack, in the order of the table: the help overlay and `keys`.
    pub fn help(&self, stack: &[Context]) -> Vec<(Context, Action, Key, Vec<Chord>)> {
        let mut lines: Vec<(Context, Action, Key, Vec<Chord>)> = Vec::new();
        for row in self.rows.iter().filter(|row| stack.contains(&row.context)) {
            match lines.iter_mut().find(|line| line.0 == row.context && line.1 == row.action) {
                Some(line) => line.3.push(row.chord),
                None => lines.push((row.context, row.action, row.text, vec![row.chord])),
            }
        }
        lines
    }

    /// Gives actions other chords; the ones named lose their old chords in every context.
    /// Errors: unknown action or chord, and every rule the new table would break.
    pub fn rebind(&mut self, wanted: &BTreeMap<String, Vec<String>>) -> Result<(), KeyProblem> {
        let mut rows = self.rows.clone();
        for (name, chords) in wanted {
            let mut old: Vec<Row> = rows.iter().filter(|row| row.action.name() == *name).copied().collect();
            if old.is_empty() {
                return Err(KeyProblem::UnknownAction { name: name.clone(), near: self.nearest(name) });
            }
            rows.retain(|row| row.action.name() != *name);
            old.dedup_by_key(|row| (row.context, row.action));
            for text in chords {
                let chord = Chord::parse(text).ok_or_else(|| KeyProblem::UnknownChord(text.clone()))?;
                rows.extend(old.iter().map(|row| Row { chord, ..*row }));
            }
        }
        match problems(&rows).into_iter().next() {
            Some(problem) => Err(problem),
            None => {
                self.rows = rows;
                Ok(())
            }
        }
    }

    fn nearest(&self, name: &str) -> Option<String> {
        self.rows
            .iter()
            .map(|row| row.action.name())
            .min_by_key(|known| strsim::levenshtein(known, name))
            .filter(|known| strsim::levenshtein(known, name) <= 4)
    }
}

/// True when both may be in one stack, so that a chord must not mean two things.
fn may_meet(first: Context, second: Context) -> bool {
    use Context::{Always, At, Card, Confirm, Detail, Entry, Filter, Form, Global, Help, List, Menu, On};
    match (first, second) {
        _ if first == second => true,
        (Always, _) | (_, Always) => true,
        (On(_), On(_)) | (At(_), At(_)) | (List, Detail) | (Detail, List) => false,
        (Menu, On(_) | Entry) | (On(_) | Entry, Menu) => true,
        (Global | List | Detail | Entry | On(_) | At(_), Global | List | Detail | Entry | On(_) | At(_)) => {
            true
        }
        (Menu | Form | Confirm | Help | Filter | Card, _)
        | (_, Menu | Form | Confirm | Help | Filter | Card) => false,
    }
}

/// Every rule the rows break.
pub fn problems(rows: &[Row]) -> Vec<KeyProblem> {
    let mut found = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        if !row.chord.is_typable_in_danish() {
            found.push(KeyProblem::NotTypable(row.chord));
        }
        if row.chord.is_taken_by_others() {
            found.push(KeyProblem::Taken(row.chord));
        }
        for other in &rows[index + 1..] {
            if row.chord == other.chord && may_meet(row.context, other.context) {
                found.push(KeyProblem::Twice { chord: row.chord, first: row.context, second: other.context });
            }
        }
    }
    found
}
