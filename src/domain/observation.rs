//! Observations: what a source tells us, without a citizen's data.
//!
//! Owns the list of types of the outside contract, reduced to what may be stored, and how one is read from its fields
//! (so that a mistake names its field), remembered and described.
//! Must never hold a name, a number or free text: those travel beside it, in memory,
//! as `protocol::observations::LiveFacts`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::identity::{CitizenId, Code, ExternalId};
use super::verbs::{BadFields, Schemas, Shape, zoned, zoned_option};
use super::vocabulary::vocabulary;

vocabulary! {
    /// How good a fact about a call is. A better one corrects a worse one; among equals an answer stands over a miss.
    Rank {
        /// Concluded from absence (gone from the queue while we were away), or a person's word that the exchange may
        /// know better.
        Inference,
        /// Told as it happened (AMI, web hook).
        Event,
        /// Read in the exchange's own log (`queue_log`).
        Log,
    }
}

vocabulary! {
    /// Why a call was missed.
    MissedReason {
        HungUp,
        Timeout,
        NoAgent,
    }
}

vocabulary! {
    Setting {
        Inpatient,
        AcuteOutpatient,
    }
}

vocabulary! {
    StayFact {
        Admitted,
        LeaveStarted,
        LeaveEnded,
        Discharged,
        Died,
    }
}

vocabulary! {
    Grant {
        /// Under the Elderly Act: a pathway.
        Pathway,
        /// Under the old act: a single service.
        Service,
    }
}

vocabulary! {
    Help {
        Personal,
        Practical,
        Food,
        Nursing,
        Training,
    }
}

vocabulary! {
    CancelledBy {
        Citizen,
        Provider,
        Municipality,
    }
}

/// A local delivery window on the day of the visit, `HH:MM` to `HH:MM` in Europe/Copenhagen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Window {
    pub from: chrono::NaiveTime,
    pub to: chrono::NaiveTime,
}

vocabulary! {
    /// The technical trouble of a device that is over when it says so.
    Ends {
        /// Whatever there is.
        All,
        Mains,
        Link,
    }
}

/// Who or what a citizen id belongs to. From outside it comes as a field of its own name beside the others.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Matched {
    Stay(ExternalId),
    Alarm(ExternalId),
    Call(ExternalId),
}

/// Declares the facts: `"name" [Kind] => Variant { field: Type, … }`. What is *told* comes from outside too, and is read
/// and described from here; what is *ours* an adapter of ours alone says.
///
/// Makes the enum, written as `{ "type": "name", … }` (which is remembered as a digest: its form is for ever), and with
/// it `TYPES`, `kind`, `read` and `shapes`.
macro_rules! facts {
    ($(#[$meta:meta])* $name:ident {
        told { $(
            $(#[$vmeta:meta])*
            $tag:literal [$kind:ident] => $variant:ident { $( $(#[$fmeta:meta])* $field:ident : $type:ty ),* $(,)? }
        )* }
        ours { $(
            $(#[$own_vmeta:meta])*
            $own_tag:literal [$own_kind:ident] => $own:ident { $( $(#[$own_fmeta:meta])* $own_field:ident : $own_type:ty ),* $(,)? }
        )* }
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "type")]
        pub enum $name {
            $( $(#[$vmeta])* #[serde(rename = $tag)] $variant { $( $(#[$fmeta])* $field: $type ),* }, )*
            $( $(#[$own_vmeta])* #[serde(rename = $own_tag)] $own { $( $(#[$own_fmeta])* $own_field: $own_type ),* }, )*
        }

        impl $name {
            /// The name of every fact that is told, with that of its shape in the API's description.
            pub const TYPES: &'static [(&'static str, &'static str)] = &[$(($tag, stringify!($variant))),*];

            /// Which kind of fact this is. What a device says of itself is one kind.
            pub fn kind(&self) -> FactKind {
                match self {
                    $( Self::$variant { .. } => FactKind::$kind, )*
                    $( Self::$own { .. } => FactKind::$own_kind, )*
                }
            }

            /// Reads the fields of a fact that is told. None: there is none of this name.
            pub fn read(name: &str, fields: serde_json::Value) -> Option<Result<Self, BadFields>> {
                match name {
                    $( $tag => {
                        #[derive(Deserialize)]
                        struct Fields { $( $(#[$fmeta])* $field: $type ),* }
                        let read = serde_path_to_error::deserialize(fields);
                        Some(read.map(|Fields { $( $field ),* }| Self::$variant { $( $field ),* }))
                    } )*
                    _ => None,
                }
            }

            /// What the fields of each that is told look like, by the shape's name; what that refers to is added to
            /// `schemas`.
            pub fn shapes(schemas: &mut Schemas) -> Vec<Shape> {
                vec![$( (stringify!($variant), {
                    #[derive(utoipa::ToSchema)]
                    #[allow(dead_code)]
                    struct Fields { $( $(#[$fmeta])* $field: $type ),* }
                    <Fields as utoipa::ToSchema>::schemas(schemas);
                    <Fields as utoipa::PartialSchema>::schema()
                }), )*]
            }
        }
    };
}

vocabulary! {
    /// The kinds of facts; on the wire and in the log the names of the outside contract.
    FactKind {
        CallWaiting,
        CallAnswered,
        CallMissed,
        CallEnded,
        AlarmRaised,
        AlarmWaiting,
        AlarmAnswered,
        AlarmCleared,
        AlarmUnanswered,
        AlarmRedirected,
        HelpArrived,
        DeviceHeard,
        DeviceSilent,
        StayAdmitted,
        StayLeaveStarted,
        StayLeaveEnded,
        StayDischargeExpected,
        StayDischarged,
        StayDied,
        StayCorrected,
        StayCancelled,
        CitizenMatched,
        CitizenMoved,
        VisitPlanned,
        VisitExpected,
        VisitStarted,
        VisitDone,
        VisitCancelled,
        DoorUnanswered,
        HelpGranted,
    }
}

facts! {
    /// One fact from a source. Times are UTC. What is told is the outside contract, reduced to what may be stored.
    Observation {
        told {
            "call-waiting" [CallWaiting] => CallWaiting {
                call: ExternalId,
                queue: ExternalId,
                /// One of our own calls, not a citizen: missed, nobody is to be rung back.
                #[serde(default, skip_serializing_if = "std::ops::Not::not")]
                colleague: bool,
            }
            "call-answered" [CallAnswered] => CallAnswered { call: ExternalId, agent: Option<ExternalId> }
            "call-missed" [CallMissed] => CallMissed {
                call: ExternalId,
                /// hung-up, timeout or no-agent.
                reason: MissedReason,
            }
            "call-ended" [CallEnded] => CallEnded { call: ExternalId }
            "alarm-raised" [AlarmRaised] => AlarmRaised {
                alarm: ExternalId,
                device: Option<ExternalId>,
                citizen: Option<CitizenId>,
                trigger: Option<Code>,
                /// Battery, line or heartbeat: kept apart.
                #[serde(default)]
                technical: bool,
                /// An installer's test: kept out of all figures.
                #[serde(default)]
                test: bool,
            }
            "alarm-answered" [AlarmAnswered] => AlarmAnswered { alarm: ExternalId, agent: Option<ExternalId> }
            "alarm-cleared" [AlarmCleared] => AlarmCleared { alarm: ExternalId }
            "alarm-unanswered" [AlarmUnanswered] => AlarmUnanswered { alarm: ExternalId }
            "alarm-redirected" [AlarmRedirected] => AlarmRedirected { alarm: ExternalId, to: Code }
            "help-arrived" [HelpArrived] => HelpArrived { alarm: ExternalId }
            "device-heard" [DeviceHeard] => DeviceHeard { device: ExternalId }
            "device-silent" [DeviceSilent] => DeviceSilent { device: ExternalId }
            /// All is well with it, or this much is: ends trouble of the device itself, never a person's alarm.
            "device-well" [DeviceHeard] => DeviceWell {
                device: ExternalId,
                /// all, mains or link: the technical trouble of the device that is over. Never ends a person's alarm.
                ends: Ends,
            }
            /// Somebody is with the citizen, the device says.
            "device-presence" [DeviceHeard] => DevicePresence { device: ExternalId }
            "stay-admitted" [StayAdmitted] => StayAdmitted {
                stay: ExternalId,
                citizen: Option<CitizenId>,
                setting: Setting,
                #[serde(default)]
                planned: bool,
                department: Option<ExternalId>,
            }
            "stay-leave-started" [StayLeaveStarted] => StayLeaveStarted { stay: ExternalId }
            "stay-leave-ended" [StayLeaveEnded] => StayLeaveEnded { stay: ExternalId }
            "stay-discharge-expected" [StayDischargeExpected] => StayDischargeExpected {
                stay: ExternalId,
                citizen: Option<CitizenId>,
                #[serde(deserialize_with = "zoned")]
                expected_at: DateTime<Utc>,
                told_by: Code,
            }
            "stay-discharged" [StayDischarged] => StayDischarged { stay: ExternalId, citizen: Option<CitizenId> }
            "stay-died" [StayDied] => StayDied { stay: ExternalId, citizen: Option<CitizenId> }
            "stay-corrected" [StayCorrected] => StayCorrected {
                stay: ExternalId,
                of: StayFact,
                #[serde(default, deserialize_with = "zoned_option")]
                at: Option<DateTime<Utc>>,
                setting: Option<Setting>,
                department: Option<ExternalId>,
            }
            "stay-cancelled" [StayCancelled] => StayCancelled {
                stay: ExternalId,
                of: StayFact,
                /// Of an admission: inpatient or acute-outpatient, where the stay has both.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                setting: Option<Setting>,
            }
            "citizen-matched" [CitizenMatched] => CitizenMatched { of: Matched, citizen: CitizenId }
            "citizen-moved" [CitizenMoved] => CitizenMoved { citizen: CitizenId }
            "visit-planned" [VisitPlanned] => VisitPlanned {
                visit: ExternalId,
                citizen: CitizenId,
                grant: Grant,
                help: Help,
                #[serde(deserialize_with = "zoned")]
                agreed_at: DateTime<Utc>,
                window: Option<Window>,
                /// False: nobody will tell when it starts, so that silence is not late. None: as set for the source.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                starts: Option<bool>,
            }
            "visit-expected" [VisitExpected] => VisitExpected {
                visit: ExternalId,
                #[serde(deserialize_with = "zoned")]
                expected_at: DateTime<Utc>,
            }
            "visit-started" [VisitStarted] => VisitStarted { visit: ExternalId }
            "visit-done" [VisitDone] => VisitDone { visit: ExternalId }
            "visit-cancelled" [VisitCancelled] => VisitCancelled {
                visit: ExternalId,
                by: CancelledBy,
                #[serde(deserialize_with = "zoned")]
                told_at: DateTime<Utc>,
                /// True: nobody said so, it is no longer in the plan. A begun visit is left alone, one that somebody may have
                /// acted on stays on the board as cancelled, and a plan that comes again takes it back.
                #[serde(default, skip_serializing_if = "std::ops::Not::not")]
                withdrawn: bool,
            }
            "door-unanswered" [DoorUnanswered] => DoorUnanswered { visit: ExternalId }
            "help-granted" [HelpGranted] => HelpGranted {
                citizen: CitizenId,
                help: Help,
                #[serde(deserialize_with = "zoned")]
                notified_at: DateTime<Utc>,
                order_on: chrono::NaiveDate,
            }
        }
        ours {
            /// A colleague's call waited in a queue for somebody else's, and that one has its place now (attended
            /// transfer). For who made that call it is over.
            "call-passed-on" [CallEnded] => CallPassedOn {
                call: ExternalId,
                /// The one that waits in its place.
                to: ExternalId,
            }
            /// A call is in a queue of kind alarm: it is an alarm, and its id is the call's.
            "alarm-waiting" [AlarmWaiting] => AlarmWaiting { alarm: ExternalId, queue: ExternalId }
        }
    }
}
