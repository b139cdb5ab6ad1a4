//! Observations on the wire: `POST /v1/observations`, and what every source hands in.
//!
//! Owns the split between the fact (storable) and the live data beside it (memory only).

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::Problem;
use super::text::Text;
use super::wire::{self, tagged_enum};
use crate::domain::identity::{AgreementId, CitizenId, Code, EntryId, ExternalId, Key};
use crate::domain::masking::Masked;
use crate::domain::observation::{
    CancelledBy, Ends, Grant, Help, Matched, MissedReason, Observation, Rank, Setting, StayFact, Window,
};

/// Observations in one request at most.
pub const BATCH_MAX: usize = 500;

/// Personal data that came with a fact. Never stored, never logged: its `Debug` says only what is there.
#[derive(Clone, Default, PartialEq)]
pub struct LiveFacts {
    pub caller: Option<Text>,
    pub caller_name: Option<Text>,
    pub text: Option<Text>,
}

impl LiveFacts {
    pub fn is_empty(&self) -> bool {
        self.caller.is_none() && self.caller_name.is_none() && self.text.is_none()
    }
}

impl std::fmt::Debug for LiveFacts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let there = |it: &Option<Text>| if it.is_some() { "…" } else { "-" };
        write!(
            f,
            "LiveFacts(caller {}, name {}, text {})",
            there(&self.caller),
            there(&self.caller_name),
            there(&self.text)
        )
    }
}

/// One observation as a source hands it in.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// Unique per source: the same key again is a repeat.
    pub key: Key,
    pub at: DateTime<Utc>,
    pub agreement: Option<AgreementId>,
    /// Agreements it may belong to while `agreement` is unknown.
    pub candidates: Vec<AgreementId>,
    pub rank: Rank,
    pub observation: Observation,
    pub live: LiveFacts,
    pub said: Said,
}

/// Clocks differ: so far ahead counts as now (seconds).
pub const CLOCK_SKEW_MAX: chrono::TimeDelta = chrono::TimeDelta::seconds(5);

/// How a fact was said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// Its time is the sender's own and the same whenever it says the fact again: two times are two facts. False
    /// where the time is that of the receipt, or worked out.
    pub is_timed: bool,
    /// The id alone says which thing is meant, whatever else is told: an exchange's call is one call through all its
    /// queues.
    pub is_session: bool,
    /// What was odd about its form; it was taken all the same.
    pub marks: Vec<Mark>,
}

/// What was odd about a fact that was taken. Stands in source health; never any of the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mark {
    /// An id or key that reads as a CPR number is kept as a digest.
    MaskedCpr,
    /// A device or account that reads as a telephone number is kept as a digest.
    MaskedPhone,
    /// An id that is too long, or holds what no id holds, is kept as a digest.
    MaskedForm,
    /// A text was too long and is cut.
    TextCut,
    /// No key that can be read: one was made of the content.
    KeyMissing,
    /// No time that can be read: the time of the receipt stands.
    TimeUnreadable,
    /// A field that cannot be read was left out, or a word that is not known taken as `other`.
    FieldDropped,
    /// A name stood twice in the item: the first one was read.
    NameTwice,
}

impl Mark {
    /// Stable code in source health.
    pub fn code(self) -> &'static str {
        match self {
            Self::MaskedCpr => "id-read-as-cpr",
            Self::MaskedPhone => "id-read-as-phone",
            Self::MaskedForm => "id-not-an-id",
            Self::TextCut => "text-cut",
            Self::KeyMissing => "key-missing",
            Self::TimeUnreadable => "time-unreadable",
            Self::FieldDropped => "field-dropped",
            Self::NameTwice => "item-name-twice",
        }
    }
}

impl From<Masked> for Mark {
    fn from(masked: Masked) -> Self {
        match masked {
            Masked::Cpr => Self::MaskedCpr,
            Masked::Phone => Self::MaskedPhone,
            Masked::Form => Self::MaskedForm,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// New, and on disk.
    Recorded,
    /// This key was handed in before.
    Repeat,
    /// Understood, remembered, changed nothing.
    Ignored,
    Refused,
}

/// The answer to one observation, in the order they were sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Receipt {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    pub outcome: Outcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<EntryId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// One item of the request body, for the API description.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ObservationItem {
    /// Unique per source, `[A-Za-z0-9._:/@+#=;-]{1,160}`.
    pub key: Key,
    /// When it happened; RFC 3339 with a zone, not in the future.
    pub at: DateTime<Utc>,
    /// May be missing on calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreement: Option<AgreementId>,
    pub observation: WireObservation,
}

tagged_enum! {
    /// What a source tells us. Ids are opaque; `caller`, `caller_name` and `text` are live data, never stored.
    WireObservation {
        "call-waiting" => CallWaiting {
            pub call: ExternalId,
            pub queue: ExternalId,
            #[serde(default, skip_serializing_if = "Option::is_none")] pub caller: Option<Text>,
            #[serde(default, skip_serializing_if = "Option::is_none")] pub caller_name: Option<Text>,
            /// One of our own calls, not a citizen: missed, nobody is to be rung back.
            #[serde(default, skip_serializing_if = "std::ops::Not::not")] pub colleague: bool,
        }
        "call-answered" => CallAnswered {
            pub call: ExternalId,
            #[serde(default, skip_serializing_if = "Option::is_none")] pub agent: Option<ExternalId>,
        }
        "call-missed" => CallMissed {
            pub call: ExternalId,
            /// hung-up, timeout or no-agent.
            pub reason: MissedReason,
        }
        "call-ended" => CallEnded { pub call: ExternalId, }
        "alarm-raised" => AlarmRaised {
            pub alarm: ExternalId,
            #[serde(default, skip_serializing_if = "Option::is_none")] pub device: Option<ExternalId>,
            #[serde(default, skip_serializing_if = "Option::is_none")] pub citizen: Option<CitizenId>,
            #[serde(default, skip_serializing_if = "Option::is_none")] pub trigger: Option<Code>,
            /// Battery, line or heartbeat: kept apart.
            #[serde(default)] pub technical: bool,
            /// An installer's test: kept out of all figures.
            #[serde(default)] pub test: bool,
            #[serde(default, skip_serializing_if = "Option::is_none")] pub text: Option<Text>,
        }
        "alarm-answered" => AlarmAnswered {
            pub alarm: ExternalId,
            #[serde(default, skip_serializing_if = "Option::is_none")] pub agent: Option<ExternalId>,
        }
        "alarm-cleared" => AlarmCleared { pub alarm: ExternalId, }
        "alarm-unanswered" => AlarmUnanswered { pub alarm: ExternalId, }
        "alarm-redirected" => AlarmRedirected {
            pub alarm: ExternalId,
            pub to: Code,
        }
        "help-arrived" => HelpArrived { pub alarm: ExternalId, }
        "device-heard" => DeviceHeard { pub device: ExternalId, }
        "device-silent" => DeviceSilent { pub device: ExternalId, }
        "device-well" => DeviceWell {
            pub device: ExternalId,
            /// all, mains or link: the technical trouble of the device that is over. Never ends a person's alarm.
            pub ends: Ends,
        }
        "device-presence" => DevicePresence { pub device: ExternalId, }
        "stay-admitted" => StayAdmitted {
            pub stay: ExternalId,
            #[serde(default, skip_serializing_if = "Option::is_none")] pub citizen: Option<CitizenId>,
            pub setting: Setting,
            #[serde(default)] pub planned: bool,
            #[serde(default, skip_serializing_if = "Option::is_none")] pub department: Option<ExternalId>,
        }
        "stay-leave-started" => StayLeaveStarted { pub stay: ExternalId, }
        "stay-leave-ended" => StayLeaveEnded { pub stay: ExternalId, }
        "stay-discharge-expected" => StayDischargeExpected {
            pub stay: ExternalId,
            #[serde(default, skip_serializing_if = "Option::is_none")] pub citizen: Option<CitizenId>,
            #[serde(deserialize_with = "wire::zoned")] pub expected_at: DateTime<Utc>,
            pub told_by: Code,
        }
        "stay-discharged" => StayDischarged {
            pub stay: ExternalId,
            #[serde(default, skip_serializing_if = "Option::is_none")] pub citizen: Option<CitizenId>,
        }
        "stay-died" => StayDied {
            pub stay: ExternalId,
            #[serde(default, skip_serializing_if = "Option::is_none")] pub citizen: Option<CitizenId>,
        }
        "stay-corrected" => StayCorrected {
            pub stay: ExternalId,
            pub of: StayFact,
            #[serde(default, deserialize_with = "wire::zoned_option", skip_serializing_if = "Option::is_none")] pub at: Option<DateTime<Utc>>,
            #[serde(default, skip_serializing_if = "Option::is_none")] pub setting: Option<Setting>,
            #[serde(default, skip_serializing_if = "Option::is_none")] pub department: Option<ExternalId>,
        }
        "stay-cancelled" => StayCancelled {
            pub stay: ExternalId,
            pub of: StayFact,
            /// Of an admission: inpatient or acute-outpatient, where the stay has both.
            #[serde(default, skip_serializing_if = "Option::is_none")] pub setting: Option<Setting>,
        }
        "citizen-matched" => CitizenMatched {
            /// One of `stay`, `alarm`, `call`.
            #[serde(default, skip_serializing_if = "Option::is_none")] pub stay: Option<ExternalId>,
            #[serde(default, skip_serializing_if = "Option::is_none")] pub alarm: Option<ExternalId>,
            #[serde(default, skip_serializing_if = "Option::is_none")] pub call: Option<ExternalId>,
            pub citizen: CitizenId,
        }
        "citizen-moved" => CitizenMoved { pub citizen: CitizenId, }
        "visit-planned" => VisitPlanned {
            pub visit: ExternalId,
            pub citizen: CitizenId,
            pub grant: Grant,
            pub help: Help,
            #[serde(deserialize_with = "wire::zoned")] pub agreed_at: DateTime<Utc>,
            #[schema(value_type = Option<Object>)] #[serde(default, skip_serializing_if = "Option::is_none")] pub window: Option<Window>,
            /// False: nobody will tell when it starts, so that silence is not late. None: as set for the source.
            #[serde(default, skip_serializing_if = "Option::is_none")] pub starts: Option<bool>,
        }
        "visit-expected" => VisitExpected {
            pub visit: ExternalId,
            #[serde(deserialize_with = "wire::zoned")] pub expected_at: DateTime<Utc>,
        }
        "visit-started" => VisitStarted { pub visit: ExternalId, }
        "visit-done" => VisitDone { pub visit: ExternalId, }
        "visit-cancelled" => VisitCancelled {
            pub visit: ExternalId,
            pub by: CancelledBy,
            #[serde(deserialize_with = "wire::zoned")] pub told_at: DateTime<Utc>,
            /// True: nobody said so, it is no longer in the plan. A begun visit is left alone, one that somebody may have
            /// acted on stays on the board as cancelled, and a plan that comes again takes it back.
            #[serde(default, skip_serializing_if = "std::ops::Not::not")] pub withdrawn: bool,
        }
        "door-unanswered" => DoorUnanswered { pub visit: ExternalId, }
        "help-granted" => HelpGranted {
            pub citizen: CitizenId,
            pub help: Help,
            #[serde(deserialize_with = "wire::zoned")] pub notified_at: DateTime<Utc>,
            pub order_on: NaiveDate,
        }
    }
}

impl WireObservation {
    /// The fact and the live data beside it. Errors: `citizen-matched` without exactly one id.
    pub fn split(self) -> Result<(Observation, LiveFacts), Problem> {
        use Observation as O;
        let mut live = LiveFacts::default();
        let fact = match self {
            Self::CallWaiting(it) => {
                live.caller = it.caller;
                live.caller_name = it.caller_name;
                O::CallWaiting { call: it.call, queue: it.queue, colleague: it.colleague }
            }
            Self::CallAnswered(it) => O::CallAnswered { call: it.call, agent: it.agent },
            Self::CallMissed(it) => O::CallMissed { call: it.call, reason: it.reason },
            Self::CallEnded(it) => O::CallEnded { call: it.call },
            Self::AlarmRaised(it) => {
                live.text = it.text;
                O::AlarmRaised {
                    alarm: it.alarm,
                    device: it.device,
                    citizen: it.citizen,
                    trigger: it.trigger,
                    technical: it.technical,
                    test: it.test,
                }
            }
            Self::AlarmAnswered(it) => O::AlarmAnswered { alarm: it.alarm, agent: it.agent },
            Self::AlarmCleared(it) => O::AlarmCleared { alarm: it.alarm },
            Self::AlarmUnanswered(it) => O::AlarmUnanswered { alarm: it.alarm },
            Self::AlarmRedirected(it) => O::AlarmRedirected { alarm: it.alarm, to: it.to },
            Self::HelpArrived(it) => O::HelpArrived { alarm: it.alarm },
            Self::DeviceHeard(it) => O::DeviceHeard { device: it.device },
            Self::DeviceSilent(it) => O::DeviceSilent { device: it.device },
            Self::DeviceWell(it) => O::DeviceWell { device: it.device, ends: it.ends },
            Self::DevicePresence(it) => O::DevicePresence { device: it.device },
            Self::StayAdmitted(it) => O::StayAdmitted {
                stay: it.stay,
                citizen: it.citizen,
                setting: it.setting,
                planned: it.planned,
                department: it.department,
            },
            Self::StayLeaveStarted(it) => O::StayLeaveStarted { stay: it.stay },
            Self::StayLeaveEnded(it) => O::StayLeaveEnded { stay: it.stay },
            Self::StayDischargeExpected(it) => O::StayDischargeExpected {
                stay: it.stay,
                citizen: it.citizen,
                expected_at: it.expected_at,
                told_by: it.told_by,
            },
            Self::StayDischarged(it) => O::StayDischarged { stay: it.stay, citizen: it.citizen },
            Self::StayDied(it) => O::StayDied { stay: it.stay, citizen: it.citizen },
            Self::StayCorrected(it) => O::StayCorrected {
                stay: it.stay,
                of: it.of,
                at: it.at,
                setting: it.setting,
                department: it.department,
            },
            Self::StayCancelled(it) => O::StayCancelled { stay: it.stay, of: it.of, setting: it.setting },
            Self::CitizenMatched(it) => {
                let of = match (it.stay, it.alarm, it.call) {
                    (Some(id), None, None) => Matched::Stay(id),
                    (None, Some(id), None) => Matched::Alarm(id),
                    (None, None, Some(id)) => Matched::Call(id),
                    _ => return Err(Problem::field(422, "exactly-one-of", "observation.stay")),
                };
                O::CitizenMatched { of, citizen: it.citizen }
            }
            Self::CitizenMoved(it) => O::CitizenMoved { citizen: it.citizen },
            Self::VisitPlanned(it) => O::VisitPlanned {
                visit: it.visit,
                citizen: it.citizen,
                grant: it.grant,
                help: it.help,
                agreed_at: it.agreed_at,
                window: it.window,
                starts: it.starts,
            },
            Self::VisitExpected(it) => O::VisitExpected { visit: it.visit, expected_at: it.expected_at },
            Self::VisitStarted(it) => O::VisitStarted { visit: it.visit },
            Self::VisitDone(it) => O::VisitDone { visit: it.visit },
            Self::VisitCancelled(it) => {
                O::VisitCancelled { visit: it.visit, by: it.by, told_at: it.told_at, withdrawn: it.withdrawn }
            }
            Self::DoorUnanswered(it) => O::DoorUnanswered { visit: it.visit },
            Self::HelpGranted(it) => O::HelpGranted {
                citizen: it.citizen,
                help: it.help,
                notified_at: it.notified_at,
                order_on: it.order_on,
            },
        };
        Ok((fact, live))
    }
}
