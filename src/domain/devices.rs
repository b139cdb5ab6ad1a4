//! Devices: one that says that it lives is noted once a local day; a silent one is a technical alarm (once a local
//! day), heard again is a remark on it; one that says that it is well ends its own technical trouble, and nothing else.
//!
//! Must never know how a device speaks; when it is silent is its source's to say.

use serde::{Deserialize, Serialize};

use super::alarms::{self, AlarmEvent};
use super::entry::{Body, Entry, Origin};
use super::envelope::Record;
use super::identity::{Board, Code, ExternalId};
use super::observation::{Ends, Observation};
use super::refusal::Refusal;
use super::{Ctx, Draft, Event, State, calendar};

/// The trigger of an alarm that stands for silence.
pub const SILENT: &str = "device-silent";
/// Triggers of technical alarms that end when the mains are, or the link is, back.
pub const MAINS_LOST: &str = "mains-lost";
pub const LINK_LOST: &str = "link-lost";

/// Belongs to no entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::VariantNames)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum DeviceEvent {
    /// It lives: noted the first time and once each local day, so that its silence is missed after a restart too.
    Heard { device: ExternalId },
}

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
    let waiting = its_alarms(state, ctx, device).map(|(entry, _)| entry).find(|entry| is_silence(entry));
    let cleared = waiting.map(|entry| entry.draft(ctx.at, Event::Alarms(AlarmEvent::Cleared {})));
    let drafts: Vec<Draft> = cleared.into_iter().chain(noted(state, ctx, device)).collect();
    if drafts.is_empty() { Err(Refusal::Unchanged) } else { Ok(drafts) }
}

/// The device says that all is well with it, or this much: what is technical and its own is over, whatever it was. A
/// person's alarm and an installer's test are never ended by a device.
pub fn well(state: &State, ctx: &Ctx, device: &ExternalId, ends: Ends) -> Result<Vec<Draft>, Refusal> {
    let over = its_alarms(state, ctx, device).filter(|(entry, alarm)| {
        let trigger = alarm.trigger.as_ref().map(Code::as_str);
        let is_it = match ends {
            Ends::All => true,
            Ends::Mains => trigger == Some(MAINS_LOST),
            Ends::Link => matches!(trigger, Some(LINK_LOST | SILENT)),
        };
        // What began after it was said is another trouble.
        alarm.technical && is_it && alarm.last_signal_at <= ctx.at && entry.opened_at <= ctx.at
    });
    let drafts: Vec<Draft> =
        over.map(|(entry, _)| entry.draft(ctx.at, Event::Alarms(AlarmEvent::TechnicalDone {}))).collect();
    if drafts.is_empty() { Err(Refusal::Unchanged) } else { Ok(drafts) }
}

/// Somebody is with the citizen: a remark on what rings from there, once an alarm. Opens nothing.
pub fn presence(state: &State, ctx: &Ctx, device: &ExternalId) -> Result<Vec<Draft>, Refusal> {
    let rings = its_alarms(state, ctx, device).filter(|(_, alarm)| {
        alarm.is_person_alarm() && alarm.outcome.is_none() && alarm.presence_at.is_none()
    });
    let drafts: Vec<Draft> =
        rings.map(|(entry, _)| entry.draft(ctx.at, Event::Alarms(AlarmEvent::Presence {}))).collect();
    if drafts.is_empty() { Err(Refusal::Unchanged) } else { Ok(drafts) }
}

/// The open alarms of a device, whichever receiver it told: of nobody else's agreement or system.
fn its_alarms<'s>(
    state: &'s State,
    ctx: &'s Ctx,
    device: &'s ExternalId,
) -> impl Iterator<Item = (&'s Entry, &'s alarms::Alarm)> {
    state.open_on(Board::Alarms).filter_map(move |entry| match &entry.body {
        Body::Alarms(alarm) => alarms::is_of_device(ctx, entry, alarm, device).then_some((entry, alarm)),
        _ => None,
    })
}

/// Whether the entry is about the silence of this device, and it was not heard since.
pub fn is_silence_of(entry: &Entry, device: &ExternalId) -> bool {
    entry.device() == Some(device) && is_silence(entry)
}

/// Whether the entry is about a silence that goes on.
fn is_silence(entry: &Entry) -> bool {
    match &entry.body {
        Body::Alarms(alarm) => {
            alarm.trigger.as_ref().is_some_and(|trigger| trigger.as_str() == SILENT)
                && alarm.cleared_at.is_none()
        }
        _ => false,
    }
}

fn noted(state: &State, ctx: &Ctx, device: &ExternalId) -> Option<Draft> {
    let source = ctx.source()?.clone();
    let noted_at = state.device_heard_at(&Origin { source, id: device.clone() });
    if noted_at.is_some_and(|at| calendar::local_date(at) >= calendar::local_date(ctx.at)) {
        return None;
    }
    let event = Event::Devices(DeviceEvent::Heard { device: device.clone() });
    let agreement = ctx.agreement.clone();
    Some(Draft { entry: super::NO_ENTRY, happened_at: ctx.at, agreement, event })
}

/// Applies one event.
pub fn evolve(state: &mut State, record: &Record, event: &DeviceEvent) {
    let DeviceEvent::Heard { device } = event;
    if let super::Actor::Source(source) = &record.actor {
        state.note_device(Origin { source: source.clone(), id: device.clone() }, record.happened_at);
    }
}
