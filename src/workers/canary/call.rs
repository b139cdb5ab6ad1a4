//! The canary call: a telephone call of our own to a queue without members, again and again. It must be seen there by the
//! same way as everybody's calls, and is hung up at once. It is no observation: no entry, no figure. Heard of only when
//! it fails.
//!
//! Must never be a queue whose calls are read: it would ring at every desk. Nor one that has a member, on duty or not: it
//! would ring a person. The exchange is asked before each call, and without its answer there is none.

use std::time::Duration;

use chrono::TimeDelta;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::settings::Call;
use super::{Probe, Unfit, fly};
use crate::domain::identity::SourceName;
use crate::engine::Engine;
use crate::sources::ami;
use crate::sources::ami::canary::{Canary, QueueStanding};
use crate::sources::canary_call::link::call;
use crate::sources::canary_call::{Account, Missed};

/// How it is called on the screen.
pub const NAME: &str = "kanariefugl-opkald";
/// The exchange is not heard: nobody can say who would be rung, nor whether the call came through.
const BLIND: &str = "canary-call-blind";
/// After the start, how long the exchange may take to be heard before that is told.
const LISTENS_WITHIN: TimeDelta = TimeDelta::seconds(30);

/// Which exchange must see it, and what it must look for.
///
/// # Errors
/// Its exchange is none of these, or its queue is not its own.
pub fn seen_by(call: &Call, exchanges: &[ami::settings::Settings]) -> Result<(SourceName, Canary), Unfit> {
    let exchange = exchanges.iter().find(|it| it.name == call.exchange);
    let exchange = exchange.ok_or_else(|| Unfit::NoExchange(call.exchange.clone()))?;
    if call.queue.trim().is_empty() || exchange.queues.contains_key(&call.queue) {
        return Err(Unfit::ReadQueue(call.queue.clone()));
    }
    let caller = call.caller.as_deref().unwrap_or(&call.user);
    Ok((exchange.name.clone(), Canary::new(&call.queue, caller)))
}

/// Begins to call. `secret`: for an exchange that asks who calls.
pub fn start(
    call: &Call,
    secret: Option<SecretString>,
    canary: Canary,
    engine: &Engine,
    stop: &CancellationToken,
) {
    let account = Account { user: call.user.clone(), secret };
    let bird = Bird { engine: engine.clone(), call: call.clone(), account, canary };
    fly(NAME, bird, engine, stop);
}

struct Bird {
    engine: Engine,
    call: Call,
    account: Account,
    canary: Canary,
}

impl Probe for Bird {
    fn every(&self) -> TimeDelta {
        TimeDelta::minutes(self.call.every_minutes.into())
    }

    async fn ready(&self) {
        let clock = &self.engine.clock;
        tokio::select! {
            () = self.canary.is_known() => {}
            () = clock.sleep(LISTENS_WITHIN) => {}
        }
    }

    async fn fly(&self, stop: &CancellationToken) -> Result<(), &'static str> {
        let standing = tokio::select! {
            () = stop.cancelled() => return Err(BLIND),
            standing = self.canary.look() => standing,
        };
        match standing {
            QueueStanding::Unknown => Err(BLIND),
            QueueStanding::Missing => Err("canary-call-no-queue"),
            QueueStanding::Members => Err("canary-call-members"),
            QueueStanding::Empty => self.call(stop).await.map_err(Missed::code),
        }
    }
}

impl Bird {
    /// One call. It is hung up before we are stopped, too.
    async fn call(&self, stop: &CancellationToken) -> Result<(), Missed> {
        let reference = self.engine.ids.uuid(self.engine.clock.now()).simple().to_string();
        let within = Duration::from_secs(self.call.within_s.into());
        // Waits from here on: what is told before the first look is not lost.
        let joined = self.canary.seen();
        let seen = async {
            tokio::select! {
                () = joined => {}
                () = stop.cancelled() => {}
            }
        };
        call(&self.call.to, &self.account, &reference, within, seen).await
    }
}
