//! Observations: what a source tells us, without a citizen's data.
//!
//! Owns the list of types of the outside contract, reduced to what may be stored.
//! Must never hold a name, a number or free text: those travel beside it, in memory,
//! as `protocol::observations::LiveFacts`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::identity::{CitizenId, Code, ExternalId};
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

/// Who or what a citizen id belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Matched {
    Stay(ExternalId),
    Alarm(ExternalId),
    Call(ExternalId),
}

/// One fact from a source. Times are UTC. The variants are the outside contract's types.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Observation {
    CallWaiting {
        call: ExternalId,
        queue: ExternalId,
        /// The call is of one of our own, not of a citizen.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        colleague: bool,
    },
    CallAnswered {
        call: ExternalId,
        agent: Option<ExternalId>,
    },
    CallMissed {
        call: ExternalId,
        reason: MissedReason,
    },
    CallEnded {
        call: ExternalId,
    },
    /// A colleague's call waited in a queue for somebody else's, and that one has its place now (attended transfer).
    CallPassedOn {
        call: ExternalId,
        /// The one that waits in its place.
        to: ExternalId,
    },
    AlarmRaised {
        alarm: ExternalId,
        device: Option<ExternalId>,
        citizen: Option<CitizenId>,
        trigger: Option<Code>,
        technical: bool,
        test: bool,
    },
    /// A call is in a queue of kind alarm: it is an alarm, and its id is the call's.
    AlarmWaiting {
        alarm: ExternalId,
        queue: ExternalId,
    },
    AlarmAnswered {
        alarm: ExternalId,
        agent: Option<ExternalId>,
    },
    AlarmCleared {
        alarm: ExternalId,
    },
    AlarmUnanswered {
        alarm: ExternalId,
    },
    AlarmRedirected {
        alarm: ExternalId,
        to: Code,
    },
    HelpArrived {
        alarm: ExternalId,
    },
    DeviceHeard {
        device: ExternalId,
    },
    DeviceSilent {
        device: ExternalId,
    },
    /// All is well with it, or this much is: ends trouble of the device itself, never a person's alarm.
    DeviceWell {
        device: ExternalId,
        ends: Ends,
    },
    /// Somebody is with the citizen, the device says.
    DevicePresence {
        device: ExternalId,
    },
    StayAdmitted {
        stay: ExternalId,
        citizen: Option<CitizenId>,
        setting: Setting,
        planned: bool,
        department: Option<ExternalId>,
    },
    StayLeaveStarted {
        stay: ExternalId,
    },
    StayLeaveEnded {
        stay: ExternalId,
    },
    StayDischargeExpected {
        stay: ExternalId,
        citizen: Option<CitizenId>,
        expected_at: DateTime<Utc>,
        told_by: Code,
    },
    StayDischarged {
        stay: ExternalId,
        citizen: Option<CitizenId>,
    },
    StayDied {
        stay: ExternalId,
        citizen: Option<CitizenId>,
    },
    StayCorrected {
        stay: ExternalId,
        of: StayFact,
        at: Option<DateTime<Utc>>,
        setting: Option<Setting>,
        department: Option<ExternalId>,
    },
    StayCancelled {
        stay: ExternalId,
        of: StayFact,
        /// Of an admission: which one, where the stay has an acute one and another.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        setting: Option<Setting>,
    },
    CitizenMatched {
        of: Matched,
        citizen: CitizenId,
    },
    CitizenMoved {
        citizen: CitizenId,
    },
    VisitPlanned {
        visit: ExternalId,
        citizen: CitizenId,
        grant: Grant,
        help: Help,
        agreed_at: DateTime<Utc>,
        window: Option<Window>,
        /// Whether this visit's start will be told; none: as its source does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        starts: Option<bool>,
    },
    VisitExpected {
        visit: ExternalId,
        expected_at: DateTime<Utc>,
    },
    VisitStarted {
        visit: ExternalId,
    },
    VisitDone {
        visit: ExternalId,
    },
    VisitCancelled {
        visit: ExternalId,
        by: CancelledBy,
        told_at: DateTime<Utc>,
        /// Nobody said so: it is no longer in its source's plan. A plan that comes again takes it back.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        withdrawn: bool,
    },
    DoorUnanswered {
        visit: ExternalId,
    },
    HelpGranted {
        citizen: CitizenId,
        help: Help,
        notified_at: DateTime<Utc>,
        order_on: chrono::NaiveDate,
    },
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

impl Observation {
    /// Which kind of fact this is. What a device says of itself is one kind.
    pub fn kind(&self) -> FactKind {
        use Observation as O;
        match self {
            O::CallWaiting { .. } => FactKind::CallWaiting,
            O::CallAnswered { .. } => FactKind::CallAnswered,
            O::CallMissed { .. } => FactKind::CallMissed,
            // For who made that call it is over.
            O::CallEnded { .. } | O::CallPassedOn { .. } => FactKind::CallEnded,
            O::AlarmRaised { .. } => FactKind::AlarmRaised,
            O::AlarmWaiting { .. } => FactKind::AlarmWaiting,
            O::AlarmAnswered { .. } => FactKind::AlarmAnswered,
            O::AlarmCleared { .. } => FactKind::AlarmCleared,
            O::AlarmUnanswered { .. } => FactKind::AlarmUnanswered,
            O::AlarmRedirected { .. } => FactKind::AlarmRedirected,
            O::HelpArrived { .. } => FactKind::HelpArrived,
            O::DeviceHeard { .. } | O::DeviceWell { .. } | O::DevicePresence { .. } => FactKind::DeviceHeard,
            O::DeviceSilent { .. } => FactKind::DeviceSilent,
            O::StayAdmitted { .. } => FactKind::StayAdmitted,
            O::StayLeaveStarted { .. } => FactKind::StayLeaveStarted,
            O::StayLeaveEnded { .. } => FactKind::StayLeaveEnded,
            O::StayDischargeExpected { .. } => FactKind::StayDischargeExpected,
            O::StayDischarged { .. } => FactKind::StayDischarged,
            O::StayDied { .. } => FactKind::StayDied,
            O::StayCorrected { .. } => FactKind::StayCorrected,
            O::StayCancelled { .. } => FactKind::StayCancelled,
            O::CitizenMatched { .. } => FactKind::CitizenMatched,
            O::CitizenMoved { .. } => FactKind::CitizenMoved,
            O::VisitPlanned { .. } => FactKind::VisitPlanned,
            O::VisitExpected { .. } => FactKind::VisitExpected,
            O::VisitStarted { .. } => FactKind::VisitStarted,
            O::VisitDone { .. } => FactKind::VisitDone,
            O::VisitCancelled { .. } => FactKind::VisitCancelled,
            O::DoorUnanswered { .. } => FactKind::DoorUnanswered,
            O::HelpGranted { .. } => FactKind::HelpGranted,
        }
    }
}
