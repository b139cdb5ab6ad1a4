//! The shift: who is signed on, since when.
//!
//! Must never know whether a desk is connected (that is presence, `server`).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::envelope::Record;
use super::identity::PersonName;
use super::refusal::Refusal;
use super::verbs::verbs;
use super::{Ctx, Draft, Event, State};

verbs! {
    /// What a coordinator does about the own shift.
    Command {
        "sign-on" [Light, Nothing] => SignOn {
            /// Until when the shift lasts, when that is known.
            #[serde(default, deserialize_with = "crate::domain::verbs::zoned_option")]
            until: Option<DateTime<Utc>>,
        }
        "sign-off" [Asked, Nothing] => SignOff {}
    }
}

#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::VariantNames)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum ShiftEvent {
    SignedOn { until: Option<DateTime<Utc>> },
    SignedOff {},
}

/// One person on duty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnDuty {
    pub name: PersonName,
    pub since: DateTime<Utc>,
    pub until: Option<DateTime<Utc>>,
}

/// Decides a coordinator's command.
pub fn decide(state: &State, ctx: &Ctx, command: &Command) -> Result<Vec<Draft>, Refusal> {
    let me = ctx.actor.person().ok_or(Refusal::NotAllowed { role: "source".into() })?;
    let is_on = state.on_duty.contains_key(me);
    let event = match command {
        Command::SignOn { .. } if is_on => return Err(Refusal::AlreadyDone),
        Command::SignOn { until } => ShiftEvent::SignedOn { until: *until },
        Command::SignOff {} if !is_on => return Err(Refusal::AlreadyDone),
        Command::SignOff {} => ShiftEvent::SignedOff {},
    };
    Ok(vec![Draft {
        entry: super::NO_ENTRY,
        happened_at: ctx.at,
        agreement: None,
        event: Event::Shift(event),
    }])
}

/// Applies one event.
pub fn evolve(state: &mut State, record: &Record, event: &ShiftEvent) {
    let Some(name) = record.actor.person() else { return };
    match event {
        ShiftEvent::SignedOn { until } => {
            let on = OnDuty { name: name.clone(), since: record.happened_at, until: *until };
            state.on_duty.insert(name.clone(), on);
        }
        ShiftEvent::SignedOff {} => {
            state.on_duty.remove(name);
        }
    }
}
