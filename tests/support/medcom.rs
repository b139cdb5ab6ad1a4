//! Hospital messages for the tests: of invented people, as they are meant to be, one for each code of MedCom's table with
//! its correction (RE_) and its cancellation (AN_).

use serde_json::{Value, json};

/// An invented person on the 31st of February: nobody has this number.
pub const CPR: &str = "3102001234";
pub const LOCAL: &str = "7c1f3a50-5b1e-4c9d-9a70-aaaaaaaaaaaa";
pub const SOR: &str = "https://sor2.sum.dsdn.dk/#id=111111000016001";

/// A message as it is meant to be, to be bent by the tests.
#[derive(Clone)]
pub struct Message {
    pub header: &'static str,
    pub activity: &'static str,
    pub status: &'static str,
    pub class: &'static str,
    pub start: &'static str,
    pub end: Option<&'static str>,
    pub leave: Option<(&'static str, Option<&'static str>)>,
    pub sent: &'static str,
    pub deceased: Option<bool>,
    /// The treating department's SOR.
    pub department: &'static str,
    /// `revision` or `removal`, and the header of the message it is about.
    pub about: Option<(&'static str, &'static str)>,
    /// Earlier links of the chain: header, activity, when sent.
    pub history: Vec<(&'static str, &'static str, &'static str)>,
}

impl Message {
    pub fn new(header: &'static str, activity: &'static str, sent: &'static str) -> Self {
        Self {
            header,
            activity,
            status: "in-progress",
            class: "IMP",
            start: "2026-11-20T09:00:00+01:00",
            end: None,
            leave: None,
            sent,
            deceased: None,
            department: "111111000016001",
            about: None,
            history: Vec::new(),
        }
    }

    pub fn json(&self) -> Value {
        let mut patient = json!({
            "resourceType": "Patient", "id": "p1",
            "identifier": [{ "system": "urn:oid:1.2.208.176.1.2", "value": CPR }],
            "name": [{ "use": "official", "family": "Opfundet", "given": ["Per"] }],
        });
        if let Some(deceased) = self.deceased {
            patient["deceasedBoolean"] = json!(deceased);
        }
        let mut encounter = json!({
            "resourceType": "Encounter", "id": "e1",
            "status": self.status,
            "class": { "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": self.class },
            "episodeOfCare": [{ "identifier": { "system": SOR, "value": LOCAL } }],
            "period": { "start": self.start },
            "serviceProvider": { "reference": "Organization/sender" },
        });
        if let Some(end) = self.end {
            encounter["period"]["end"] = json!(end);
        }
        if let Some((start, end)) = self.leave {
            let mut period = json!({ "start": start });
            if let Some(end) = end {
                period["end"] = json!(end);
            }
            encounter["extension"] = json!([{
                "url": "http://medcomfhir.dk/ig/hospitalnotification/StructureDefinition/medcom-hospitalnotifiation-leave-period-extension",
                "valuePeriod": period,
            }]);
        }
        let header = json!({
            "resourceType": "MessageHeader", "id": self.header,
            "eventCoding": { "code": "hospital-notification-message" },
            "destination": [{
                "extension": [{
                    "url": "http://medcomfhir.dk/ig/messaging/StructureDefinition/medcom-messaging-destinationUseExtension",
                    "valueCoding": { "code": "primary" },
                }],
                "endpoint": "https://sor2.sum.dsdn.dk/#id=222222000016002",
                "receiver": { "reference": "Organization/receiver" },
            }],
            "source": { "endpoint": SOR },
            "sender": { "reference": "Organization/sender" },
            "focus": [{ "reference": "Encounter/e1" }],
        });
        let organization = |id: &str, gln: &str, sor: &str| {
            json!({
                "resourceType": "Organization", "id": id, "name": "Opfundet afdeling",
                "identifier": [
                    { "system": "http://www.gs1.org/gln", "value": gln },
                    { "system": "urn:oid:1.2.208.176.1.1", "value": sor },
                ],
            })
        };
        let mut provenance = json!({
            "resourceType": "Provenance", "id": "v1",
            "target": [{ "reference": format!("MessageHeader/{}", self.header) }],
            "occurredDateTime": self.sent, "recorded": self.sent,
            "activity": { "coding": [{ "code": self.activity }] },
            "agent": [{ "who": { "reference": "Organization/sender" } }],
        });
        if let Some((role, message)) = self.about {
            let what = json!({ "reference": format!("MessageHeader/{message}") });
            provenance["entity"] = json!([{ "role": role, "what": what }]);
        }
        let history = json!({
            "resourceType": "Provenance", "id": "v0",
            "target": [{ "reference": "MessageHeader/some-older-one" }],
            "occurredDateTime": "2026-11-19T09:00:00+01:00",
            "activity": { "coding": [{ "code": "admit-emergency" }] },
        });
        let resources = [
            header,
            history,
            patient,
            encounter,
            organization("sender", "5790000000005", self.department),
            organization("receiver", "5790000000012", "222222000016002"),
            provenance,
        ];
        let older = self.history.iter().map(|(header, activity, sent)| {
            json!({
                "resourceType": "Provenance", "id": format!("of-{header}"),
                "target": [{ "reference": format!("MessageHeader/{header}") }],
                "occurredDateTime": sent, "recorded": sent,
                "activity": { "coding": [{ "code": activity }] },
            })
        });
        let entries: Vec<Value> =
            resources.into_iter().chain(older).map(|resource| json!({ "resource": resource })).collect();
        json!({
            "resourceType": "Bundle", "id": format!("bundle-of-{}", self.header), "type": "message",
            "timestamp": self.sent, "entry": entries,
        })
    }
}

pub fn admit(header: &'static str) -> Message {
    Message::new(header, "admit-inpatient", "2026-11-20T09:00:02+01:00")
}

pub fn start_leave(header: &'static str) -> Message {
    Message {
        status: "onleave",
        leave: Some(("2026-11-20T15:00:00+01:00", None)),
        ..Message::new(header, "start-leave-inpatient", "2026-11-20T15:00:02+01:00")
    }
}

pub fn end_leave(header: &'static str) -> Message {
    Message {
        leave: Some(("2026-11-20T15:00:00+01:00", Some("2026-11-21T10:00:00+01:00"))),
        ..Message::new(header, "end-leave-inpatient", "2026-11-21T10:00:02+01:00")
    }
}

pub fn discharge(header: &'static str) -> Message {
    Message {
        status: "finished",
        end: Some("2026-11-21T14:00:00+01:00"),
        ..Message::new(header, "discharge-inpatient-home", "2026-11-21T14:00:02+01:00")
    }
}

pub fn death(header: &'static str, activity: &'static str) -> Message {
    Message {
        status: "finished",
        end: Some("2026-11-21T20:00:00+01:00"),
        deceased: Some(true),
        ..Message::new(header, activity, "2026-11-21T20:00:02+01:00")
    }
}

/// One code of the table: what came before it, the message, and what the board then shows.
pub struct Case {
    pub code: &'static str,
    pub before: Vec<Message>,
    pub message: Message,
    pub state: &'static str,
    /// A field of the entry's details and the instant in it (UTC; null: nothing).
    pub detail: (&'static str, Option<&'static str>),
}

/// An acute visit of its own.
fn acute(header: &'static str) -> Message {
    Message { class: "EMER", ..Message::new(header, "admit-emergency", "2026-11-20T09:00:02+01:00") }
}

fn acute_end(header: &'static str) -> Message {
    Message {
        class: "EMER",
        status: "finished",
        end: Some("2026-11-20T13:00:00+01:00"),
        ..Message::new(header, "discharge-emergency-home", "2026-11-20T13:00:02+01:00")
    }
}

/// The correction of a message: sent later, with other times, of another department.
fn corrected(of: &Message, header: &'static str, activity: &'static str) -> Message {
    Message {
        header,
        activity,
        sent: "2026-11-22T08:00:00+01:00",
        department: "333333000016003",
        about: Some(("revision", of.header)),
        history: vec![(of.header, of.activity, of.sent)],
        ..of.clone()
    }
}

/// The cancellation of a message: the status is what it was before it.
fn cancelled(of: &Message, header: &'static str, activity: &'static str, status: &'static str) -> Message {
    Message {
        header,
        activity,
        status,
        end: None,
        sent: "2026-11-22T08:00:00+01:00",
        about: Some(("removal", of.header)),
        history: vec![(of.header, of.activity, of.sent)],
        ..of.clone()
    }
}

/// Every code with its correction and its cancellation, in the setting it belongs to.
pub fn codes() -> Vec<Case> {
    let (stin, staa, stor, slor, slhj) =
        (admit("stin"), acute("staa"), start_leave("stor"), end_leave("slor"), discharge("slhj"));
    let acute_slhj = acute_end("slhj-a");
    let mors = death("mors", "admit-inpatient");
    let mut mors_a = death("mors-a", "admit-emergency");
    (mors_a.class, mors_a.start, mors_a.end) =
        ("EMER", "2026-11-20T08:30:00+01:00", Some("2026-11-20T08:30:00+01:00"));
    let mut on_leave_mors = death("mors-l", "start-leave-inpatient");
    on_leave_mors.leave = stor.leave;
    let start = Some("2026-11-20T08:00:00Z");
    let earlier = |of: &Message, header, activity| Message {
        start: "2026-11-20T08:15:00+01:00",
        ..corrected(of, header, activity)
    };
    let re_mors = Message {
        end: Some("2026-11-21T19:30:00+01:00"),
        history: vec![
            ("stin", "admit-inpatient", "2026-11-20T09:00:02+01:00"),
            ("mors", "admit-inpatient", "2026-11-21T20:00:02+01:00"),
        ],
        ..corrected(&mors, "re-mors", "admit-inpatient")
    };
    let alive = |of: &Message, header, status| Message {
        deceased: Some(false),
        ..cancelled(of, header, of.activity, status)
    };
    let case = |code, before: &[&Message], message: &Message, state, detail| Case {
        code,
        before: before.iter().map(|it| (*it).clone()).collect(),
        message: message.clone(),
        state,
        detail,
    };
    let re_leave =
        |of: &Message, header, activity, leave| Message { leave, ..corrected(of, header, activity) };
    let re_end = |of: &Message, header, activity, end| Message { end, ..corrected(of, header, activity) };
    vec![
        case("STIN", &[], &stin, "admitted", ("admitted_at", start)),
        case("STAA", &[], &staa, "admitted", ("admitted_at", start)),
        case("STOR", &[&stin], &stor, "on-leave", ("leave_since", Some("2026-11-20T14:00:00Z"))),
        case("SLOR", &[&stin, &stor], &slor, "admitted", ("leave_since", None)),
        case("SLHJ", &[&stin], &slhj, "discharged", ("discharged_at", Some("2026-11-21T13:00:00Z"))),
        case(
            "SLHJ acute",
            &[&staa],
            &acute_slhj,
            "discharged",
            ("discharged_at", Some("2026-11-20T12:00:00Z")),
        ),
        case("MORS", &[&stin], &mors, "dead", ("died_at", Some("2026-11-21T19:00:00Z"))),
        case("MORS on arrival", &[], &mors_a, "dead", ("died_at", Some("2026-11-20T07:30:00Z"))),
        case(
            "MORS on leave",
            &[&stin, &stor],
            &on_leave_mors,
            "dead",
            ("died_at", Some("2026-11-21T19:00:00Z")),
        ),
        case(
            "RE_STIN",
            &[&stin],
            &earlier(&stin, "re-stin", "revise-admit-inpatient"),
            "admitted",
            ("admitted_at", Some("2026-11-20T07:15:00Z")),
        ),
        case(
            "RE_STAA",
            &[&staa],
            &earlier(&staa, "re-staa", "revise-admit-emergency"),
            "admitted",
            ("admitted_at", Some("2026-11-20T07:15:00Z")),
        ),
        case(
            "RE_STOR",
            &[&stin, &stor],
            &re_leave(
                &stor,
                "re-stor",
                "revise-start-leave-inpatient",
                Some(("2026-11-20T16:00:00+01:00", None)),
            ),
            "on-leave",
            ("leave_since", Some("2026-11-20T15:00:00Z")),
        ),
        case(
            "RE_SLOR",
            &[&stin, &stor, &slor],
            &re_leave(
                &slor,
                "re-slor",
                "revise-end-leave-inpatient",
                Some(("2026-11-20T15:00:00+01:00", Some("2026-11-21T11:00:00+01:00"))),
            ),
            "admitted",
            ("leave_since", None),
        ),
        case(
            "RE_SLHJ",
            &[&stin, &slhj],
            &re_end(&slhj, "re-slhj", "revise-discharge-inpatient-home", Some("2026-11-21T16:00:00+01:00")),
            "discharged",
            ("discharged_at", Some("2026-11-21T15:00:00Z")),
        ),
        case(
            "RE_SLHJ acute",
            &[&staa, &acute_slhj],
            &re_end(
                &acute_slhj,
                "re-slhj-a",
                "revise-discharge-emergency-home",
                Some("2026-11-20T12:30:00+01:00"),
            ),
            "discharged",
            ("discharged_at", Some("2026-11-20T11:30:00Z")),
        ),
        case("RE_MORS", &[&stin, &mors], &re_mors, "dead", ("died_at", Some("2026-11-21T18:30:00Z"))),
        case(
            "AN_STIN",
            &[&stin],
            &cancelled(&stin, "an-stin", "cancel-admit-inpatient", "entered-in-error"),
            "cancelled",
            ("discharged_at", None),
        ),
        case(
            "AN_STAA",
            &[&staa],
            &cancelled(&staa, "an-staa", "cancel-admit-emergency", "cancelled"),
            "cancelled",
            ("discharged_at", None),
        ),
        case(
            "AN_STOR",
            &[&stin, &stor],
            &cancelled(&stor, "an-stor", "cancel-start-leave-inpatient", "in-progress"),
            "admitted",
            ("leave_since", None),
        ),
        case(
            "AN_SLOR",
            &[&stin, &stor, &slor],
            &cancelled(&slor, "an-slor", "cancel-end-leave-inpatient", "onleave"),
            "on-leave",
            ("leave_since", Some("2026-11-20T14:00:00Z")),
        ),
        case(
            "AN_SLHJ",
            &[&stin, &slhj],
            &cancelled(&slhj, "an-slhj", "cancel-discharge-inpatient-home", "in-progress"),
            "admitted",
            ("discharged_at", None),
        ),
        case(
            "AN_SLHJ acute",
            &[&staa, &acute_slhj],
            &cancelled(&acute_slhj, "an-slhj-a", "cancel-discharge-emergency-home", "in-progress"),
            "admitted",
            ("discharged_at", None),
        ),
        case(
            "AN_MORS",
            &[&stin, &mors],
            &alive(&mors, "an-mors", "in-progress"),
            "admitted",
            ("died_at", None),
        ),
        case(
            "AN_MORS on leave",
            &[&stin, &stor, &on_leave_mors],
            &alive(&on_leave_mors, "an-mors-l", "onleave"),
            "on-leave",
            ("died_at", None),
        ),
    ]
}
