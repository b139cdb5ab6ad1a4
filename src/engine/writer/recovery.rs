//! A log that failed: nothing is decided until it has been read again.
//!
//! Owns when it is tried again, and what everybody is told meanwhile. What is on disk is what the log says then, whatever
//! was thought to be. Must never decide.

use std::time::Duration;

use tracing::{error, warn};

use super::disk::Meanwhile;
use super::{Writer, replay};
use crate::clock::steady;
use crate::domain::identity::{Code, Sequence, SourceName};
use crate::domain::{State, sources};
use crate::engine::storing::Storing;
use crate::engine::timers::Now;
use crate::engine::{Failure, Item, Loaded, Published};
use crate::store::{Log, StoreError};

/// Pause between tries to use the log again after it failed.
const RECOVER_EVERY: Duration = Duration::from_millis(500);
/// The same for a log that is damaged: it takes somebody to mend it.
pub(super) const RECOVER_DAMAGED_EVERY: Duration = Duration::from_secs(60);

impl Writer {
    /// The log failed: nothing more is decided until it has been read again.
    pub(super) fn broke(&mut self, storing: Storing) {
        self.out.storing.send_replace(storing);
        self.retry_at = Some(steady() + RECOVER_EVERY);
    }

    /// The same, saying of a damage how far it reaches: what comes behind a broken link is not proved.
    pub(super) async fn broke_by(&mut self, error: &StoreError) {
        let Some(mut trouble) = error.trouble() else { return self.broke(Storing::Away) };
        let chain = trouble.chain;
        let reached = async move |log: &mut Log| log.reached(chain).await;
        trouble.to = self.on_log(Meanwhile::TurnAway, reached).await.filter(|to| *to >= trouble.from);
        self.broke(Storing::Damaged(trouble));
        self.retry_at = Some(steady() + RECOVER_DAMAGED_EVERY);
    }

    pub(super) fn is_well_again(&self) {
        if self.retry_at.is_none() && !self.out.storing.borrow().is_yes() {
            warn!("the log can be written");
            self.out.storing.send_replace(Storing::Yes);
        }
    }

    /// Nothing can be stored now: everybody is told, and the alarms ring.
    pub(super) fn turn_away(&mut self, items: Vec<Item>) {
        for item in items {
            self.take_over(&item);
            match item {
                Item::Order(_, reply) => drop(reply.send(Err(Failure::Unavailable))),
                Item::Known(_, _, reply) => drop(reply.send(Err(Failure::Unavailable))),
                Item::Facts(.., reply) => drop(reply.send(Err(Failure::Unavailable))),
                Item::Looks(looking) => self.keep_looks(looking, false),
                Item::Report(source, report) => self.keep_report(source, report),
                // Still due, and handed in again.
                Item::Standing(_) | Item::Damaged(_) => {}
            }
        }
        self.ring();
    }

    /// The commit may have happened or not: the log alone knows. When it can be used again, what rang unstored is put
    /// into it.
    pub(super) async fn recover(&mut self) {
        let is_loaded = self.engine.is_loaded();
        let head = is_loaded.then_some(self.state.head);
        let reread = async move |log: &mut Log| (reread(log, head).await, log.is_unwitnessed());
        let (reread, is_unwitnessed) = self.on_log(Meanwhile::TurnAway, reread).await;
        let reread = match reread {
            Ok(reread) => reread,
            Err(error) => {
                warn!(%error, "the log is still not to be had");
                self.broke_by(&error).await;
                if !is_loaded {
                    self.out.loaded.send_replace(Loaded::Failed(error));
                }
                return;
            }
        };
        self.retry_at = None;
        if !is_loaded {
            self.loads(is_unwitnessed);
        }
        if let Some(state) = reread {
            let before = std::mem::replace(&mut self.state, state);
            self.out.state.send_replace(self.state.clone());
            self.engine.units.learn(&self.state, &self.engine.masking);
            for entry in self.state.open_entries() {
                if self.forget_if_moved(&before, entry) || before.entry(entry.id).is_none() {
                    self.engine.ask_who(entry);
                }
            }
            self.let_go_of_stored();
            let _ = self.engine.published.send(Published::StartOver);
        }
        self.timers.follow(&self.state, Now::of(&self.engine.clock));
        self.unstored_state = None;
        self.write_looks().await;
        self.store_what_rang().await;
        self.is_well_again();
        if !is_loaded {
            self.out.loaded.send_replace(Loaded::Yes);
            self.keep_known().await;
        }
    }

    /// The log was opened for the first time: what of it is missing is said.
    fn loads(&mut self, is_unwitnessed: bool) {
        let lost = self.engine.owed.lost();
        let told = [("vidnet", "witness-missing", u32::from(is_unwitnessed)), ("opslag", "looks-lost", lost)];
        for (name, what, times) in told.into_iter().filter(|it| it.2 > 0) {
            error!(times, what, "something of the log is missing");
            if let Ok(name) = SourceName::new(name) {
                let (trouble, what) = (sources::TroubleKind::Failed, Code::new(what).ok());
                self.keep_report(name, sources::Report::Trouble { trouble, what, times });
            }
        }
        self.forgives = lost;
    }

    /// Hands the alarms that rang unstored in again, under the ids they rang with.
    async fn store_what_rang(&mut self) {
        let left = self.left_to_us();
        if !left.is_empty() || !self.reports.is_empty() {
            Box::pin(self.turn(left)).await;
        }
    }
}

/// Opens the log anew. The state it says, if that is not the one up to `head`.
async fn reread(log: &mut Log, head: Option<Sequence>) -> Result<Option<State>, StoreError> {
    log.recover().await?;
    if Some(log.head().await?.sequence) == head {
        return Ok(None);
    }
    replay(log).await.map(Some)
}
