//! Whether the log can be written now, and why not.
//!
//! Owns the words for it. Must never know how a log is kept.

use crate::store::Trouble;

/// What the log can do. Anything but `Yes`: alarms ring unstored and nobody is told that anything was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storing {
    Yes,
    /// The log is being read for the first time.
    Loading,
    /// A commit or a look-up takes longer than it may: a disk that hangs.
    Slow,
    /// It failed, and is tried again.
    Away,
    /// What is stored is not what was written. Nothing of it is believed until somebody has mended it.
    Damaged(Trouble),
}

impl Storing {
    pub fn is_yes(&self) -> bool {
        *self == Self::Yes
    }

    /// The code of the reason; none while all is well.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Yes => None,
            Self::Loading => Some("log-loading"),
            Self::Slow => Some("disk-slow"),
            Self::Away => Some("log-away"),
            Self::Damaged(_) => Some("log-damaged"),
        }
    }
}
