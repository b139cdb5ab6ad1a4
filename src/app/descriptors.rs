//! File descriptors: as many as the machine gives, and what connections may have of them.
//!
//! Owns the number. Must never know what a descriptor is used for: the server divides its share.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::server::Limits;

/// More than this is of no use to us.
const USEFUL_MAX: u64 = 65_536;

/// Raises the limit to what this process may have, and says how many there are now.
pub fn raise() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(USEFUL_MAX).min(USEFUL_MAX);
    if current.is_some_and(|current| current < wanted) {
        // Refused: then it is as it was.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum });
    }
    getrlimit(Resource::Nofile).current.unwrap_or(USEFUL_MAX)
}

/// The server's limits on this machine.
pub fn limits() -> Limits {
    Limits::of(raise())
}
