//! The one table of what units say by their codes: what rings, what is technical, what ends which trouble, what is a mark.
//!
//! Codes are numbers, whatever their padding. What does not stand here rings: ringing for nothing is better than not
//! ringing. Must never know how a request is written.

use std::ops::RangeInclusive;

use crate::domain::devices::{LINK_LOST, MAINS_LOST};
use crate::domain::observation::Ends;

/// What a state (`stc`) says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// Somebody needs help.
    Rings,
    /// The unit itself is not well; the trigger says how.
    Technical(&'static str),
    /// What was told before is over: a remark on an alarm, never its end.
    GivenUp,
    /// The unit is well again, or this much of it: ends its technical trouble. Opens nothing.
    Well(Ends),
    /// The same, and it was set back: what was told under this reference is over as well.
    Reset,
    /// Somebody is with the citizen. Opens nothing.
    Presence,
}

/// Every state that is known.
pub const STATES: [(RangeInclusive<u16>, Says); 18] = [
    (2..=2, Says::GivenUp),
    (9..=10, Says::Rings),
    (14..=14, Says::Technical("battery")),
    (16..=16, Says::Technical("battery")),
    (19..=19, Says::GivenUp),
    (23..=27, Says::Technical(LINK_LOST)),
    (70..=70, Says::Well(Ends::All)),
    (85..=85, Says::Technical(MAINS_LOST)),
    (86..=86, Says::Well(Ends::Mains)),
    (87..=87, Says::Presence),
    (88..=88, Says::Presence),
    (92..=92, Says::Reset),
    (93..=93, Says::Reset),
    (99..=105, Says::Rings),
    (110..=110, Says::Rings),
    (111..=111, Says::Presence),
    (112..=116, Says::Well(Ends::Link)),
    (125..=125, Says::Technical("tamper")),
];

/// What a state says; none, or one that nobody knows, rings.
pub fn state(code: Option<u16>) -> Says {
    let known = |code| STATES.iter().find(|(codes, _)| codes.contains(&code)).map(|(_, says)| *says);
    code.and_then(known).unwrap_or(Says::Rings)
}

/// What pressed or noticed it, by the device type (`dty`).
pub fn trigger(device_type: Option<u16>) -> &'static str {
    match device_type {
        Some(3) => "pendant",
        Some(4) => "fixed-trigger",
        Some(5) => "fall",
        Some(6 | 7) => "panic",
        Some(10) => "inactivity",
        Some(12) => "bed",
        Some(14 | 15) => "wander",
        Some(17) => "epilepsy",
        Some(21) => "gas",
        Some(23) => "smoke",
        Some(25) => "heat",
        Some(26) => "carbon-monoxide",
        Some(33) => "flood",
        Some(51) => "tracker",
        _ => "alarm-unit",
    }
}
