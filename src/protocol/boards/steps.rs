//! A list that is worked through step by step: a stay's before somebody comes home, a visit's at a door that nobody
//! opens.
//!
//! Must never know what a step is.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use utoipa::ToSchema;

use crate::domain::identity::Code;
use crate::domain::vocabulary::Word;

/// A step of a list, with when it was done.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Step {
    pub step: Code,
    pub done_at: Option<DateTime<Utc>>,
}

/// The agreement's steps in its order, then others that were done, each with its time.
pub(super) fn steps<W: Word + Into<Code>>(listed: &[W], done: &[(W, DateTime<Utc>)]) -> Vec<Step> {
    let mut steps: Vec<W> = Vec::new();
    for step in listed.iter().chain(done.iter().map(|(step, _)| step)) {
        if !steps.contains(step) {
            steps.push(*step);
        }
    }
    let done_at = |step: W| done.iter().find(|(known, _)| *known == step).map(|(_, at)| *at);
    steps.into_iter().map(|step| Step { step: step.into(), done_at: done_at(step) }).collect()
}
