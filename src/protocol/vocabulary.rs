//! The words that stand on the wire, for those who know the domain only by it.
//!
//! Owns nothing: the words are the domain's own, so that a desk's match on one is complete.

pub use crate::domain::alarms::{AlarmState, Ending as AlarmEnding, Outcome as AlarmOutcome};
pub use crate::domain::discharges::StayState;
pub use crate::domain::duties::DutyKind;
pub use crate::domain::escalation::Outcome as EscalationOutcome;
pub use crate::domain::phone::CallState;
pub use crate::domain::visit_rules::Standing;
pub use crate::domain::visits::{Canceller, VisitState};
pub use crate::domain::vocabulary::Word;
