//! Sources: everything that tells us something, one folder each.
//!
//! Owns what every source shares: the observation as it is handed in and the inbox it
//! is handed to. A folder holds the same three parts: wire (bytes -> message), translate
//! (message -> observation, pure) and link (socket or router, supervision).
//!
//! Must never know the engine, the store or the desk: the inbox is a trait that others
//! fulfil. A source never decides what a board shows; repeats and disorder are its
//! normal weather, and keys make them harmless.

pub mod ami;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::identity::{AgreementId, Code, ExternalId, Key, SourceName};
use crate::domain::observation::{Observation, Rank};
use crate::protocol::text::Text;

/// The clock as sources see it: the only way a source learns the time.
pub type Now = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// One observation as a source hands it in. Personal data travels beside the fact and
/// stays in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// Unique per source; the same fact always has the same key.
    pub key: Key,
    /// When it happened (UTC), never later than the moment it was handed in.
    pub at: DateTime<Utc>,
    /// Set when it can only be one.
    pub agreement: Option<AgreementId>,
    /// The agreements it may belong to; empty when the source cannot say.
    pub candidates: Vec<AgreementId>,
    pub rank: Rank,
    pub observation: Observation,
    pub live: LiveFacts,
}

/// What may be shown but never stored.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct LiveFacts {
    /// The caller's number as the network sent it; none when withheld.
    pub caller: Option<Text>,
    pub caller_name: Option<Text>,
    /// Free text from a device.
    pub text: Option<Text>,
}

/// Says which facts are there, never what they are: this may end up in a log line.
impl fmt::Debug for LiveFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_set();
        for (name, fact) in
            [("caller", &self.caller), ("caller_name", &self.caller_name), ("text", &self.text)]
        {
            if fact.is_some() {
                list.entry(&name);
            }
        }
        list.finish()
    }
}

/// What became of one observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    Recorded,
    /// The key was known.
    Repeat,
    /// Understood, changed nothing.
    Ignored,
    Refused,
}

/// The inbox could not store now. The same batch is handed in again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the log cannot be written now")]
pub struct Unavailable;

/// How a source is, as source health shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceState {
    /// Connected and agreed with the other side on what is true now.
    Ok,
    /// Lost a moment ago; being sought again.
    Late,
    /// Nothing heard for longer than the source promises.
    Silent,
    /// Stopped on purpose.
    Off,
}

/// What a queue's calls are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QueueKind {
    /// An ordinary call.
    Phone,
    /// An emergency call: joining raises an alarm, leaving unanswered is a ring-out.
    Alarm,
}

/// A call that the log believes is not over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenCall {
    pub call: ExternalId,
    pub kind: QueueKind,
    /// True once somebody answered it.
    pub answered: bool,
}

/// Where observations go. Fulfilled by the engine.
pub trait Inbox: Clone + Send + Sync + 'static {
    /// Hands in a batch, in order; answers when it is durable, one receipt for each.
    ///
    /// # Errors
    /// [`Unavailable`]: nothing is known to be stored; hand the same batch in again.
    fn submit(
        &self,
        source: &SourceName,
        batch: Vec<Observed>,
    ) -> impl Future<Output = Result<Vec<Receipt>, Unavailable>> + Send;

    /// The other side said something, whatever it was.
    fn heard(&self, source: &SourceName);

    /// Something arrived that could not be read; `what` says which rule it broke.
    fn unreadable(&self, source: &SourceName, what: Code);

    /// How the source is now, and why if it is not well.
    fn state(&self, source: &SourceName, state: SourceState, why: Option<Code>);

    /// The other side's clock is this far ahead of ours (negative: behind).
    fn clock_ahead(&self, source: &SourceName, by: TimeDelta);

    /// The calls of this source that the log believes are not over.
    fn open_calls(&self, source: &SourceName) -> impl Future<Output = Vec<OpenCall>> + Send;
}
