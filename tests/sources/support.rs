//! What the tests of sources share: settings, reading of fixtures, and a small fold that
//! stands for the domain's rule (a better rank corrects, an equal one does not).

use std::collections::BTreeMap;

use bytes::BytesMut;
use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::codec::Decoder;
use vagttavle::domain::observation::{MissedReason, Observation, Rank};
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

/// Two phone queues, one queue of alarms.
pub fn settings() -> Settings {
    let settings: Settings = toml::from_str(
        r#"
        name = "central"
        address = "127.0.0.1:5038"
        user = "vagt-laes"
        secret_file = "ami.secret"
        [queues]
        hovednummer = { kind = "phone", agreements = ["jammerbugt", "norddjurs"] }
        bagvagt = { kind = "phone", agreements = ["jammerbugt"] }
        noedkald = { kind = "alarm", agreements = ["jammerbugt"] }
        [agents]
        "PJSIP/301" = "bo"
        "#,
    )
    .unwrap();
    settings.check().unwrap();
    settings
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

/// Where every call stands: by the best rank, among equals the first told. The flag: the talk is over.
pub fn fold<'a>(told: impl IntoIterator<Item = &'a Observed>) -> BTreeMap<String, (End, bool)> {
    let mut calls: BTreeMap<String, (Option<(Rank, End)>, bool)> = BTreeMap::new();
    for observed in told {
        let (call, end) = match &observed.observation {
            Observation::CallWaiting { call, .. } | Observation::AlarmRaised { alarm: call, .. } => {
                (call, None)
            }
            Observation::CallAnswered { call, .. } | Observation::AlarmAnswered { alarm: call, .. } => {
                (call, Some(End::Answered))
            }
            Observation::CallMissed { call, reason } => (call, Some(End::Missed(*reason))),
            Observation::AlarmUnanswered { alarm } => (alarm, Some(End::Unanswered)),
            Observation::CallEnded { call } => {
                calls.entry(call.to_string()).or_default().1 = true;
                continue;
            }
            other => panic!("an exchange tells of calls only, not {other:?}"),
        };
        let entry = calls.entry(call.to_string()).or_default();
        if let Some(end) = end
            && entry.0.is_none_or(|(rank, _)| observed.rank > rank)
        {
            entry.0 = Some((observed.rank, end));
        }
    }
    calls
        .into_iter()
        .map(|(call, (end, over))| (call, (end.map_or(End::Waiting, |(_, end)| end), over)))
        .collect()
}
