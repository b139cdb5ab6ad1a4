//! What a key can ask of the desk.
//!
//! Owns the list of actions and their names (used by the settings and `keys`). Says nothing
//! about which key it is nor what then happens.

use crate::protocol::commands::split_board;

/// A screen one can go to: the boards, and what lies above and beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Place {
    #[default]
    Overview,
    Alarms,
    Phone,
    Discharges,
    Visits,
    Duties,
    Shift,
    Sources,
    Agreements,
    /// What is over. No place of what is open: it stands beside them, and in the ring last.
    Closed,
}

impl Place {
    pub const ALL: [Place; 10] = [
        Self::Overview,
        Self::Alarms,
        Self::Phone,
        Self::Discharges,
        Self::Visits,
        Self::Duties,
        Self::Shift,
        Self::Sources,
        Self::Agreements,
        Self::Closed,
    ];

    /// Stable name; that of the board where it is one.
    pub fn name(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Alarms => "alarms",
            Self::Phone => "phone",
            Self::Discharges => "discharges",
            Self::Visits => "visits",
            Self::Duties => "duties",
            Self::Shift => "shift",
            Self::Sources => "sources",
            Self::Agreements => "agreements",
            Self::Closed => "closed",
        }
    }

    /// The next one round the ring, or the one before.
    pub fn step(self, forward: bool) -> Self {
        let index = Self::ALL.iter().position(|place| *place == self).unwrap_or_default();
        let count = Self::ALL.len();
        Self::ALL[(index + if forward { 1 } else { count - 1 }) % count]
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    // everywhere
    Help,
    Filter,
    Numbers,
    GoTo(Place),
    /// To the overview's first row: what is worst now. From there back to what was put aside for it.
    Worst,
    NextPlace,
    PreviousPlace,
    /// Initials instead of names, no numbers or addresses: somebody looks over the shoulder.
    HidePeople,
    Redraw,
    /// One step back; from the overview nowhere.
    Back,
    /// One step back; from the overview out.
    Leave,
    Quit,
    /// Give the terminal to the shell for a while.
    Suspend,
    // moving
    Up,
    Down,
    Top,
    Bottom,
    PageUp,
    PageDown,
    // on an entry
    Open,
    /// What the entry is about, also one that is closed.
    OpenAbout,
    Menu,
    /// What the log knows of the citizen.
    History,
    Copy,
    /// A command of the outside contract, by its verb without the board (`claim`, `justify.sent`).
    Do(&'static str),
    // in an overlay
    Choose,
    NextField,
    PreviousField,
    NextChoice,
    PreviousChoice,
    Submit,
    Confirm,
    Close,
}

impl Action {
    /// True when this is the command with that verb.
    pub fn is_verb(self, verb: &str) -> bool {
        matches!(self, Self::Do(own) if own == verb)
    }

    /// Name in the settings and in `keys`.
    pub fn name(self) -> String {
        match self {
            Self::GoTo(place) => format!("go-to-{}", place.name()),
            Self::Do(verb) => format!("do-{}", verb.replace('.', "-")),
            other => kebab(&format!("{other:?}")),
        }
    }
}

/// A verb without its board.
pub fn bare(verb: &str) -> &str {
    split_board(verb).1
}

fn kebab(name: &str) -> String {
    let mut out = String::new();
    for (index, c) in name.chars().enumerate() {
        if c.is_uppercase() && index > 0 {
            out.push('-');
        }
        out.extend(c.to_lowercase());
    }
    out
}
