//! What the tests of sources share: settings, reading of fixtures, and the boards that the domain makes of what was
//! told.

use std::collections::BTreeMap;

use bytes::BytesMut;
use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::codec::Decoder;
use vagttavle::domain::entry::Body;
use vagttavle::domain::identity::SourceName;
use vagttavle::domain::masking::Masking;
use vagttavle::domain::observation::{MissedReason, Observation};
use vagttavle::domain::phone::CallState;
use vagttavle::domain::{Actor, Ctx, Record, Request, State, decide, evolve};
use vagttavle::protocol::observations::Observed;
use vagttavle::sources::ami::settings::Settings;
use vagttavle::sources::ami::translate::Calls;
use vagttavle::sources::ami::wire::{Frame, Message, Wire};

/// A quiet Sunday night, 02:14 in Copenhagen.
pub const NIGHT_EPOCH_S: i64 = 1_795_310_040;

pub fn night() -> DateTime<Utc> {
    DateTime::from_timestamp(NIGHT_EPOCH_S, 0).unwrap()
}

pub fn after(seconds: i64) -> DateTime<Utc> {
    night() + TimeDelta::seconds(seconds)
}

/// An exchange with these queues and agents.
pub fn exchange(queues_and_agents: &str) -> Settings {
    let settings: Settings = toml::from_str(&format!(
        r#"
        name = "central"
        address = "127.0.0.1:5038"
        user = "vagt-laes"
        secret_file = "ami.secret"
        {queues_and_agents}
        "#
    ))
    .unwrap();
    settings.check().unwrap();
    settings
}

/// Two phone queues, one queue of alarms.
pub fn settings() -> Settings {
    exchange(
        r#"
        [queues]
        hovednummer = { kind = "phone", agreements = ["jammerbugt", "norddjurs"] }
        bagvagt = { kind = "phone", agreements = ["jammerbugt"] }
        noedkald = { kind = "alarm", agreements = ["jammerbugt"] }
        [agents]
        "PJSIP/301" = "bo"
        "#,
    )
}

/// A fixture as the exchange would send it: lines end in CRLF.
pub fn session(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

/// Every frame in the bytes, handed over in pieces of `size`.
pub fn frames(bytes: &[u8], size: usize) -> Vec<Frame> {
    let mut wire = Wire::default();
    let mut buffer = BytesMut::new();
    let mut frames = Vec::new();
    for piece in bytes.chunks(size.max(1)) {
        buffer.extend_from_slice(piece);
        while let Some(frame) = wire.decode(&mut buffer).unwrap() {
            frames.push(frame);
        }
    }
    while let Some(frame) = wire.decode_eof(&mut buffer).unwrap() {
        frames.push(frame);
    }
    frames
}

pub fn messages(bytes: &[u8]) -> Vec<Message> {
    frames(bytes, bytes.len())
        .into_iter()
        .filter_map(|frame| match frame {
            Frame::Message(message) => Some(message),
            Frame::Banner | Frame::Unreadable(_) => None,
        })
        .collect()
}

/// Feeds messages, one each second from the night on, then waits out every grace.
pub fn told_by(calls: &mut Calls, messages: &[Message]) -> Vec<Observed> {
    let mut told = Vec::new();
    for (second, message) in messages.iter().enumerate() {
        told.extend(calls.message(message, after(second as i64)));
    }
    told.extend(calls.settle(after(messages.len() as i64 + 300)));
    told
}

/// `key fact rank` of each, in order, for reading.
pub fn lines(told: &[Observed]) -> Vec<String> {
    told.iter()
        .map(|observed| format!("{} +{}s", observed.key, (observed.at - night()).num_seconds()))
        .collect()
}

/// How a call ended up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Waiting,
    Answered,
    Missed(MissedReason),
    Unanswered,
}

/// What ids become that read as a number of a person.
pub fn masking() -> Masking {
    Masking::new([7; 32])
}

/// The boards after these facts: the domain's own word on what they mean together. Refusals are kept quiet, as for a
/// source that repeats itself.
pub fn boards<'a>(told: impl IntoIterator<Item = &'a Observed>) -> State {
    let mut state = State::default();
    for (turn, observed) in told.into_iter().enumerate() {
        let source = SourceName::new("central").unwrap();
        let base = uuid::Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0000 + ((turn as u128) << 8));
        let now = observed.at.max(night()) + TimeDelta::days(1);
        let mut ctx = Ctx::new(now, Actor::Source(source), base);
        ctx.at = observed.at;
        ctx.rank = observed.rank;
        ctx.is_timed = observed.said.is_timed;
        ctx.is_session = observed.said.is_session;
        ctx.agreement.clone_from(&observed.agreement);
        ctx.candidates.clone_from(&observed.candidates);
        let request = Request::Observation(observed.observation.clone());
        for (index, draft) in decide(&state, &ctx, &request).into_iter().flatten().enumerate() {
            let record = Record {
                sequence: state.head.next(),
                entry: draft.entry,
                happened_at: draft.happened_at,
                recorded_at: now,
                actor: ctx.actor.clone(),
                agreement: draft.agreement,
                event: draft.event,
                cause: observed.key.clone(),
                index: index as u32,
            };
            evolve(&mut state, &record);
        }
    }
    state
}

/// Where every call stands. The flag: the talk is over. A call that became an alarm stands as that alone.
pub fn fold<'a>(told: impl IntoIterator<Item = &'a Observed>) -> BTreeMap<String, (End, bool)> {
    let told: Vec<&Observed> = told.into_iter().collect();
    let state = boards(told.iter().copied());
    let source = SourceName::new("central").unwrap();
    let calls = told.iter().filter_map(|observed| match &observed.observation {
        Observation::CallWaiting { call, .. }
        | Observation::CallAnswered { call, .. }
        | Observation::CallMissed { call, .. }
        | Observation::CallEnded { call }
        | Observation::AlarmWaiting { alarm: call, .. }
        | Observation::AlarmAnswered { alarm: call, .. }
        | Observation::AlarmUnanswered { alarm: call } => Some(call.clone()),
        Observation::AlarmRedirected { .. } | Observation::CallPassedOn { .. } => None,
        other => panic!("an exchange tells of calls only, not {other:?}"),
    });
    let ends = calls.map(|call| {
        let end = match &state.by_origin(&source, &call).expect("a fact opens what it is about").body {
            Body::Phone(it) => match it.state() {
                CallState::Waiting => (End::Waiting, false),
                CallState::Answered => (End::Answered, false),
                CallState::Ended => (End::Answered, true),
                CallState::Missed => (End::Missed(it.reason.unwrap()), it.ended_at.is_some()),
                other => panic!("{other} needs a person"),
            },
            Body::Alarms(it) if it.unanswered_at.is_some() => (End::Unanswered, false),
            Body::Alarms(it) if it.talked_at.is_some() => (End::Answered, it.talk_ended_at.is_some()),
            Body::Alarms(_) => (End::Waiting, false),
            other => panic!("an exchange opens calls and alarms only, not {other:?}"),
        };
        (call.to_string(), end)
    });
    ends.collect()
}
