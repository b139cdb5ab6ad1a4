//! Starts the exchanges of the settings.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::canary::Canary;
use super::link::{Exchange, Inbox, Timing};
use super::settings::Settings;
use crate::domain::identity::SourceName;
use crate::sources::host::{Announced, Host};

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
        let timing = Timing::default();
        let inbox = host.announce(Announced {
            name: exchange.name.clone(),
            kind: "ami",
            // A connection that says nothing for so long is taken as lost: then it is late too.
            within: TimeDelta::from_std(timing.silent_after).ok(),
            agreements: agreements.into_iter().collect(),
            units_of: None,
            is_plan_only: false,
        });
        let link = Exchange {
            settings: exchange.clone(),
            secret,
            inbox,
            now: host.now(),
            timing,
            canary: canary.filter(|(seen_by, _)| *seen_by == exchange.name).map(|(_, canary)| canary.clone()),
        };
        tokio::spawn(link.run(host.stop()));
    }
    Ok(())
}
