//! File descriptors: as many as the machine gives, and who may have how many of them.
//!
//! Owns the budget: what is kept for the log and the rest, what alarm receivers have, and that connections of people and
//! sources have only what is left. Must never know what a descriptor is used for: whoever has a share bounds itself by it.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::server::Limits;
use crate::sources::scaip::places::Places;

/// More than this is of no use to us.
const USEFUL_MAX: u64 = 65_536;
/// Descriptors of the log and of calling a second person, …
const KEPT_FOR_LOG: usize = 16;
/// … and what the program has open anyway: files, sources, the care system.
const KEPT_FOR_THE_REST: usize = 48;
/// Alarm receivers have so many however few there are …
const KEPT_FOR_ALARMS: usize = 64;
/// … and of what is more, half, up to so many: units that keep their connection open.
const ALARMS_MAX: usize = 1_024;

/// Who may have how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Connections of all alarm receivers together.
    alarms: usize,
    /// Connections of people and sources.
    server: usize,
}

impl Budget {
    /// With as many descriptors as this process may have.
    pub fn raised() -> Self {
        Self::of(raise())
    }

    fn of(descriptors: u64) -> Self {
        let all = usize::try_from(descriptors).unwrap_or(usize::MAX);
        let left = all.saturating_sub(KEPT_FOR_LOG + KEPT_FOR_THE_REST + KEPT_FOR_ALARMS);
        let alarms = (KEPT_FOR_ALARMS + left / 2).min(ALARMS_MAX);
        Self { alarms, server: left - (alarms - KEPT_FOR_ALARMS) }
    }

    /// The server's limits on this machine.
    pub fn limits(self) -> Limits {
        Limits::of(self.server)
    }

    /// The connections of alarm receivers, to be shared by all of them.
    pub fn alarms(self) -> Places {
        Places::new(self.alarms)
    }
}

/// Raises the limit to what this process may have, and says how many there are now.
fn raise() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(USEFUL_MAX).min(USEFUL_MAX);
    if current.is_some_and(|current| current < wanted) {
        // Refused: then it is as it was.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum });
    }
    getrlimit(Resource::Nofile).current.unwrap_or(USEFUL_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_shares_together_are_never_more_than_there_are_and_alarms_always_have_theirs() {
        let of = |descriptors: u64| {
            let budget = Budget::of(descriptors);
            (budget.alarms, budget.limits().connections_max)
        };
        assert_eq!([of(0), of(256), of(1_024), of(20_000)], [(64, 8), (128, 64), (512, 448), (1_024, 2_000)]);
        for descriptors in 200..5_000 {
            let (alarms, server) = of(descriptors);
            assert!(alarms >= KEPT_FOR_ALARMS);
            assert!(
                alarms + server + KEPT_FOR_LOG + KEPT_FOR_THE_REST
                    <= usize::try_from(descriptors).unwrap_or(0)
            );
        }
    }
}
