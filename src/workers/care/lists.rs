//! A care system's activity lists as a source that is asked: who was admitted, discharged, moved.
//!
//! Owns whose rows are taken and how old they may be. Must never log a citizen.

use std::sync::Arc;

use chrono::TimeDelta;

use super::{no_answer, observed, waiting};
use crate::care::ListedFact;
use crate::domain::identity::ExternalId;
use crate::engine::Engine;
use crate::engine::cares::Port;
use crate::sources::polled::{Answer, Asked, NoAnswer};

/// The lists of one care system.
pub struct Lists {
    pub engine: Engine,
    pub port: Arc<Port>,
    pub look_back: TimeDelta,
}

impl Asked for Lists {
    async fn ask(&self) -> Result<Answer, NoAnswer> {
        let mut heard = self.port.care.lists().await.map_err(no_answer)?;
        // Another municipality's citizens are not its own to tell of.
        let is_own = |told: &ListedFact| self.engine.cares.is_served_by(&told.agreement, &self.port);
        let (told, others): (Vec<_>, Vec<_>) = heard.told.into_iter().partition(is_own);
        heard.told = told;
        heard.unreadable.extend(others.iter().filter_map(|it| ExternalId::new(it.key.as_str()).ok()));
        let since = self.engine.clock.now() - self.look_back;
        let observed = heard.told.into_iter().filter(|told| told.at >= since).map(observed).collect();
        Ok(Answer { observed, unreadable: heard.unreadable, waiting: heard.held.map(waiting) })
    }
}
