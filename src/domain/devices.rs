//! Devices: a silent one is a technical alarm (once a local day), heard again is a remark on it.
//!
//! Must never know how a device speaks; when it is silent is its source's to say.

use super::alarms::{self, AlarmEvent};
use super::entry::Body;
use super::identity::{Code, ExternalId};
use super::observation::Observation;
use super::refusal::Refusal;
use super::{Ctx, Draft, Event, State, calendar};

/// The trigger of an alarm that stands for silence.
pub const SILENT: &str = "device-silent";

/// The device said nothing when it should have: a technical alarm, kept apart and out of all figures.
pub fn silent(state: &State, ctx: &Ctx, device: &ExternalId) -> Result<Vec<Draft>, Refusal> {
    let on = calendar::local_date(ctx.at);
    let alarm = ExternalId::new(format!("{SILENT}/{on}/{device}")).map_err(|_| Refusal::Unchanged)?;
    let raised = Observation::AlarmRaised {
        alarm,
        device: Some(device.clone()),
        citizen: None,
        trigger: Code::new(SILENT).ok(),
        technical: true,
        test: false,
    };
    alarms::observe(state, ctx, &raised)
}

/// The device was heard: an open alarm about its silence is told so. It is still for a person to close.
pub fn heard(state: &State, ctx: &Ctx, device: &ExternalId) -> Result<Vec<Draft>, Refusal> {
    let waiting = state.open_entries().find(|entry| match &entry.body {
        Body::Alarm(alarm) => {
            alarm.device.as_ref() == Some(device)
                && alarm.trigger.as_ref().is_some_and(|trigger| trigger.as_str() == SILENT)
                && alarm.cleared_at.is_none()
        }
        _ => false,
    });
    let entry = waiting.ok_or(Refusal::Unchanged)?;
    Ok(vec![entry.draft(ctx.at, Event::Alarms(AlarmEvent::Cleared {}))])
}
