//! Starts the exchanges of the settings.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::canary::Canary;
use super::link::{Exchange, Inbox, Timing};
use super::settings::Settings;
use crate::domain::identity::SourceName;
use crate::sources::host::{Announced, Host};

/// A telephone exchange is pinged each 5 s; nothing for this long and it counts as late (seconds).
const EXPECTED_SECONDS: i64 = 12;

/// Begins to read them. `canary`: which of them tells of a queue besides its own.
///
/// # Errors
/// A secret cannot be read.
pub fn start<H: Host<Inbox: Inbox>>(
    exchanges: &[Settings],
    canary: Option<&(SourceName, Canary)>,
    host: &H,
) -> Result<(), H::Error> {
    for exchange in exchanges {
        let secret = host.secret(&exchange.secret_file)?;
        let agreements: BTreeSet<_> =
            exchange.queues.values().flat_map(|queue| queue.agreements.iter().cloned()).collect();
        let inbox = host.announce(Announced {
            name: exchange.name.clone(),
            kind: "ami",
            within: Some(TimeDelta::seconds(EXPECTED_SECONDS)),
            agreements: agreements.into_iter().collect(),
            units_of: None,
            is_plan_only: false,
        });
        let link = Exchange {
            settings: exchange.clone(),
            secret,
            inbox,
            now: host.now(),
            timing: Timing::default(),
            canary: canary.filter(|(seen_by, _)| *seen_by == exchange.name).map(|(_, canary)| canary.clone()),
        };
        tokio::spawn(link.run(host.stop()));
    }
    Ok(())
}
