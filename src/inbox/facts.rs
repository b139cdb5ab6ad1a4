//! What is handed in, as the engine takes it, and the engine's answer as it is given back.
//!
//! Owns nothing but the two directions. What is live goes beside the fact, never into it.

use crate::domain::identity::{Code, Key};
use crate::engine::live::Personal;
use crate::engine::{self, Fact};
use crate::protocol::Problem;
use crate::protocol::observations::{Observed, Outcome, Receipt};

/// An observation as the engine takes it.
pub fn fact(observed: Observed) -> Fact {
    Fact {
        key: observed.key,
        at: observed.at,
        agreement: observed.agreement,
        candidates: observed.candidates,
        rank: observed.rank,
        observation: observed.observation,
        personal: Personal {
            caller: observed.live.caller.map(String::from),
            caller_name: observed.live.caller_name.map(String::from),
            text: observed.live.text.map(String::from),
            ..Personal::default()
        },
        is_timed: observed.said.is_timed,
        is_session: observed.said.is_session,
        marks: observed.said.marks.iter().filter_map(|mark| Code::new(mark.code()).ok()).collect(),
    }
}

/// The engine's answer as a receipt.
pub fn receipt(key: Key, outcome: engine::FactOutcome) -> Receipt {
    let (outcome, entry, problem) = match outcome {
        engine::FactOutcome::Recorded(entry) => (Outcome::Recorded, entry, None),
        engine::FactOutcome::Repeat(entry) => (Outcome::Repeat, entry, None),
        engine::FactOutcome::Ignored => (Outcome::Ignored, None, None),
        engine::FactOutcome::Refused(refusal) => return refused(Some(key), Problem::from(&refusal)),
    };
    Receipt { key: Some(key), outcome, entry, problem }
}

/// The receipt of what was never handed in, or was refused.
pub fn refused(key: Option<Key>, problem: Problem) -> Receipt {
    Receipt { key, outcome: Outcome::Refused, entry: None, problem: Some(problem) }
}
