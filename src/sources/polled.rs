//! A source that is asked, again and again, and each time says all it knows: the care system's lists and calendars.
//!
//! Owns when it is asked and what of its answer is new. Must never know who is asked: that is handed in. It keeps no
//! fact, only the keys of the last answer, so that nothing is handed in each minute that was a minute ago.

use std::collections::HashSet;
use std::future::Future;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{Backlog, Contact, HandIn, Malformed, SourceHealth, Waiting};
use crate::domain::identity::{Code, ExternalId, Key, SourceName};
use crate::protocol::board::SourceState;
use crate::protocol::observations::{BATCH_MAX, Observed, Outcome};

/// So many questions in a row without an answer, and it is said to be silent.
const SILENT_AFTER: u32 = 3;

/// All that the other side knows now.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    pub observed: Vec<Observed>,
    /// What is there and could not be read, by ids that say nothing.
    pub unreadable: Vec<ExternalId>,
    /// What could not be asked about now; it is with the next answer.
    pub waiting: Option<Waiting>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoAnswer {
    /// It may be there the next time.
    Away(Code),
    /// Somebody must do something first.
    Never(Code),
}

/// Who is asked.
pub trait Asked: Send + Sync + 'static {
    fn ask(&self) -> impl Future<Output = Result<Answer, NoAnswer>> + Send;
}

/// Whom a source that is asked tells.
pub trait Inbox: HandIn + Contact + SourceHealth + Malformed + Backlog {}

impl<I: HandIn + Contact + SourceHealth + Malformed + Backlog> Inbox for I {}

/// One source that is asked.
pub struct Poll<I, A> {
    pub source: SourceName,
    pub inbox: I,
    pub asked: A,
    pub every: Duration,
}

impl<I: Inbox, A: Asked> Poll<I, A> {
    /// Asks until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let (mut known, mut said) = (HashSet::new(), HashSet::new());
        let mut unanswered = 0;
        loop {
            let answer = tokio::select! {
                () = stop.cancelled() => return,
                answer = self.asked.ask() => answer,
            };
            match answer {
                Ok(answer) => {
                    unanswered = 0;
                    self.inbox.heard(&self.source);
                    self.inbox.state(&self.source, SourceState::Ok, None);
                    self.inbox.waits(&self.source, answer.waiting);
                    self.say_unreadable(answer.unreadable, &mut said);
                    self.hand_in(answer.observed, &mut known).await;
                }
                Err(NoAnswer::Away(why)) => {
                    unanswered += 1;
                    if unanswered == SILENT_AFTER {
                        self.inbox.state(&self.source, SourceState::Silent, Some(why));
                    }
                }
                Err(NoAnswer::Never(why)) => {
                    if unanswered < SILENT_AFTER {
                        self.inbox.state(&self.source, SourceState::Silent, Some(why));
                    }
                    unanswered = SILENT_AFTER;
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(self.every) => {}
            }
        }
    }

    /// Hands in what was not in the answer before. What could not be stored comes again with the next answer.
    async fn hand_in(&self, observed: Vec<Observed>, known: &mut HashSet<Key>) {
        let keys: HashSet<Key> = observed.iter().map(|it| it.key.clone()).collect();
        known.retain(|key| keys.contains(key));
        let mut new: Vec<Observed> = observed.into_iter().filter(|it| !known.contains(&it.key)).collect();
        while !new.is_empty() {
            let rest = new.split_off(new.len().min(BATCH_MAX));
            let batch = std::mem::replace(&mut new, rest);
            let keys: Vec<Key> = batch.iter().map(|it| it.key.clone()).collect();
            let Ok(receipts) = self.inbox.submit(&self.source, batch).await else { return };
            let refused = receipts.iter().filter(|receipt| receipt.outcome == Outcome::Refused).count();
            if refused > 0 {
                warn!(source = %self.source, refused, "facts of a source that is asked were refused");
                self.unreadable("care-fact-refused");
            }
            known.extend(keys);
        }
    }

    /// Each thing that cannot be read is said once.
    fn say_unreadable(&self, unreadable: Vec<ExternalId>, said: &mut HashSet<ExternalId>) {
        said.retain(|id| unreadable.contains(id));
        for id in unreadable {
            if said.insert(id) {
                self.unreadable("care-row-unreadable");
            }
        }
    }

    fn unreadable(&self, what: &'static str) {
        self.inbox.unreadable(&self.source, Code::constant(what));
    }
}
