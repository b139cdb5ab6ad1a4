//! The answer that every message must have: a FHIR bundle that says ok, transient-error or fatal-error.
//!
//! Owns its shape. Carries ids and codes of the message and the two organizations, and nothing of the citizen.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::wire::{Envelope, Issue, Organization};

/// Longer texts of the message are not said back (bytes).
const ECHO_MAX: usize = 500;
/// Identifiers of an organization that are said back.
const IDENTIFIERS_MAX: usize = 5;
const TERMINOLOGY: &str = "http://medcomfhir.dk/ig/terminology/CodeSystem";

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Stored; also for one that is about nobody of ours.
    Ok,
    /// Had it before: ok, and says so.
    Duplicate,
    /// Sending it again unchanged is pointless.
    Fatal(Vec<Issue>),
    /// Our trouble: try again later.
    Transient,
}

impl Answer {
    fn code(&self) -> &'static str {
        match self {
            Self::Ok | Self::Duplicate => "ok",
            Self::Fatal(_) => "fatal-error",
            Self::Transient => "transient-error",
        }
    }

    /// Severity, MedCom's code and the element at fault.
    fn issues(&self) -> Vec<(&'static str, &'static str, Option<&'static str>)> {
        match self {
            Self::Ok => Vec::new(),
            Self::Duplicate => vec![("information", "MSG_DUPLICATE_ID", None)],
            Self::Transient => vec![("error", "MSG_Mailbox_Out_Of_Operation", None)],
            Self::Fatal(issues) => issues.iter().map(|it| ("fatal", it.code, Some(it.at))).collect(),
        }
    }
}

/// New ids of an answer, drawn by the caller; each envelope has its own, also when the same answer is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    pub bundle: Uuid,
    pub header: Uuid,
    pub outcome: Uuid,
    pub provenances: [Uuid; 2],
    pub now: DateTime<Utc>,
}

/// Whom to answer, and about what.
#[derive(Debug, Clone)]
pub struct Reply {
    message: String,
    sent_at: Option<String>,
    activity: Option<String>,
    /// Where it came from: where the answer goes.
    source: Option<String>,
    destination: Option<String>,
    sender: Option<Organization>,
    receiver: Option<Organization>,
}

impl Reply {
    pub(super) fn to(envelope: &Envelope) -> Self {
        let destination = envelope.header.destination.first();
        let first = envelope.provenances.iter().flatten().find(|it| {
            let mut targets = it.target.iter().filter_map(|target| target.reference.as_deref());
            targets.any(|target| super::wire::last_part(target) == envelope.header_id)
        });
        let activity = first.and_then(|it| it.activity.as_ref()).and_then(|it| it.coding.first());
        Self {
            message: envelope.header_id.clone(),
            sent_at: echoed(
                first.and_then(|it| it.occurred_date_time.clone()).or(envelope.timestamp.clone()),
            ),
            activity: echoed(activity.and_then(|coding| coding.code.clone())),
            source: echoed(envelope.header.source.as_ref().and_then(|it| it.endpoint.clone())),
            destination: echoed(destination.and_then(|it| it.endpoint.clone())),
            sender: envelope.organization(envelope.header.sender.as_ref()).map(shortened),
            receiver: envelope.organization(destination.and_then(|it| it.receiver.as_ref())).map(shortened),
        }
    }

    /// The bundle. The same answer under another stamp differs in ids and times only.
    pub fn acknowledge(&self, answer: &Answer, stamp: &Stamp) -> Value {
        let now = stamp.now.to_rfc3339_opts(SecondsFormat::Secs, true);
        let issues = answer.issues();
        let mut entries =
            vec![entry("MessageHeader", &stamp.header, self.header(answer, stamp, !issues.is_empty()))];
        if !issues.is_empty() {
            entries.push(entry("OperationOutcome", &stamp.outcome, outcome(&issues, &stamp.outcome)));
        }
        for organization in self.sender.iter().chain(&self.receiver) {
            entries.extend(of_organization(organization));
        }
        let [original, own] = stamp.provenances;
        if let (Some(activity), Some(sent_at)) = (&self.activity, &self.sent_at) {
            let resource =
                provenance(&original, &self.message, activity, sent_at, self.sender.as_ref(), None);
            entries.push(entry("Provenance", &original, resource));
        }
        let header = stamp.header.to_string();
        let cause = Some(self.message.as_str());
        let resource = provenance(&own, &header, "acknowledgement", &now, self.receiver.as_ref(), cause);
        entries.push(entry("Provenance", &own, resource));
        json!({
            "resourceType": "Bundle",
            "id": stamp.bundle.to_string(),
            "type": "message",
            "timestamp": now,
            "entry": entries,
        })
    }

    fn header(&self, answer: &Answer, stamp: &Stamp, has_details: bool) -> Value {
        let mut response = json!({ "identifier": self.message, "code": answer.code() });
        if has_details {
            response["details"] = json!({ "reference": format!("OperationOutcome/{}", stamp.outcome) });
        }
        let reference = |it: &Option<Organization>| {
            it.as_ref()
                .and_then(|it| it.id.as_ref())
                .map(|id| json!({ "reference": format!("Organization/{id}") }))
        };
        let mut destination = json!({ "extension": [{
            "url": "http://medcomfhir.dk/ig/messaging/StructureDefinition/medcom-messaging-destinationUseExtension",
            "valueCoding": { "system": format!("{TERMINOLOGY}/medcom-messaging-destinationUse"), "code": "primary" },
        }] });
        set(&mut destination, "endpoint", self.source.clone().map(Value::String));
        set(&mut destination, "receiver", reference(&self.sender));
        let mut source = json!({});
        set(&mut source, "endpoint", self.destination.clone().map(Value::String));
        let mut header = json!({
            "resourceType": "MessageHeader",
            "id": stamp.header.to_string(),
            "eventCoding": {
                "system": format!("{TERMINOLOGY}/medcom-messaging-eventCodes"),
                "code": "acknowledgement-message",
            },
            "destination": [destination],
            "source": source,
            "response": response,
        });
        set(&mut header, "sender", reference(&self.receiver));
        header
    }
}

fn echoed(text: Option<String>) -> Option<String> {
    text.filter(|text| text.len() <= ECHO_MAX)
}

/// What of an organization is said back.
fn shortened(organization: &Organization) -> Organization {
    let mut it = organization.clone();
    it.id = echoed(it.id);
    it.name = echoed(it.name);
    it.identifier.truncate(IDENTIFIERS_MAX);
    for identifier in &mut it.identifier {
        identifier.system = echoed(identifier.system.take());
        identifier.value = echoed(identifier.value.take());
    }
    it
}

fn set(object: &mut Value, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        object[name] = value;
    }
}

fn entry(kind: &str, id: &Uuid, resource: Value) -> Value {
    json!({ "fullUrl": format!("https://vagttavle.invalid/{kind}/{id}"), "resource": resource })
}

fn outcome(issues: &[(&str, &str, Option<&str>)], id: &Uuid) -> Value {
    let issues: Vec<Value> = issues
        .iter()
        .map(|(severity, code, at)| {
            let mut issue = json!({
                "severity": severity,
                "code": if *severity == "information" { "informational" } else { "processing" },
                "details": { "coding": [{
                    "system": format!("{TERMINOLOGY}/medcom-acknowledgement-error-codes"),
                    "code": code,
                }] },
            });
            set(&mut issue, "expression", at.map(|at| json!([at])));
            issue
        })
        .collect();
    json!({ "resourceType": "OperationOutcome", "id": id.to_string(), "issue": issues })
}

/// As it came, less what we do not read.
fn of_organization(organization: &Organization) -> Option<Value> {
    let id = organization.id.as_ref()?;
    let identifiers: Vec<Value> = organization
        .identifier
        .iter()
        .filter_map(|it| Some(json!({ "system": it.system.as_ref()?, "value": it.value.as_ref()? })))
        .collect();
    let mut resource = json!({ "resourceType": "Organization", "id": id, "identifier": identifiers });
    set(&mut resource, "name", organization.name.clone().map(Value::String));
    Some(json!({ "fullUrl": format!("https://vagttavle.invalid/Organization/{id}"), "resource": resource }))
}

fn provenance(
    id: &Uuid,
    target: &str,
    activity: &str,
    at: &str,
    who: Option<&Organization>,
    answers: Option<&str>,
) -> Value {
    let mut resource = json!({
        "resourceType": "Provenance",
        "id": id.to_string(),
        "target": [{ "reference": format!("MessageHeader/{target}") }],
        "occurredDateTime": at,
        "recorded": at,
        "activity": { "coding": [{
            "system": format!("{TERMINOLOGY}/medcom-messaging-activityCodes"),
            "code": activity,
        }] },
    });
    let agent = who
        .and_then(|who| who.id.as_ref())
        .map(|id| json!([{ "who": { "reference": format!("Organization/{id}") } }]));
    set(&mut resource, "agent", agent);
    let entity = answers.map(
        |message| json!([{ "role": "source", "what": { "reference": format!("MessageHeader/{message}") } }]),
    );
    set(&mut resource, "entity", entity);
    resource
}
