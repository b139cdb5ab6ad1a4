//! Observations on the wire: `POST /v1/observations`, and what every source hands in.
//!
//! Owns the split between the fact (storable, the domain's own) and the live data beside it (memory only). Which facts
//! there are and what their fields are is the domain's: here stands only what is otherwise on the wire.

use chrono::{DateTime, Utc};
use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use serde_with::skip_serializing_none;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{OneOfBuilder, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::problem::Problem;
use super::text::Text;
use crate::domain::identity::{AgreementId, EntryId, Key};
use crate::domain::masking::Masked;
use crate::domain::observation::{Observation, Rank};
use crate::domain::verbs::Schemas;

/// Observations in one request at most.
pub const BATCH_MAX: usize = 500;

/// Personal data that came with a fact. Never stored, never logged: its `Debug` says only what is there.
#[derive(Clone, Default, PartialEq, ToSchema)]
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
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Receipt {
    pub key: Option<Key>,
    pub outcome: Outcome,
    pub entry: Option<EntryId>,
    pub problem: Option<Problem>,
}

/// One item of the request body, for the API description.
#[skip_serializing_none]
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ObservationItem {
    /// Unique per source, `[A-Za-z0-9._:/@+#=;-]{1,160}`.
    pub key: Key,
    /// When it happened; RFC 3339 with a zone, not in the future.
    pub at: DateTime<Utc>,
    /// May be missing on calls.
    pub agreement: Option<AgreementId>,
    pub observation: WireObservation,
}

/// A fact as it stands on the wire: its fields, and beside them the live data that its kind may bring.
#[derive(Debug, Clone, PartialEq)]
pub struct WireObservation {
    pub fact: Observation,
    pub live: LiveFacts,
}

impl From<Observation> for WireObservation {
    fn from(fact: Observation) -> Self {
        Self { fact, live: LiveFacts::default() }
    }
}

/// Which kinds bring live data, and under which names.
const LIVE: [(&str, &[&str]); 2] =
    [("call-waiting", &["caller", "caller_name"]), ("alarm-raised", &["text"])];

impl LiveFacts {
    /// The names of what a kind may bring.
    pub fn of(kind: &str) -> &'static [&'static str] {
        LIVE.iter().find(|(name, _)| *name == kind).map_or(&[], |(_, fields)| fields)
    }

    /// What stands under a name.
    pub fn named(&mut self, name: &str) -> Option<&mut Option<Text>> {
        match name {
            "caller" => Some(&mut self.caller),
            "caller_name" => Some(&mut self.caller_name),
            "text" => Some(&mut self.text),
            _ => None,
        }
    }
}

impl Serialize for WireObservation {
    fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        let Value::Object(mut fields) = serde_json::to_value(&self.fact).map_err(S::Error::custom)? else {
            return Err(S::Error::custom("a fact has fields"));
        };
        fields.retain(|_, value| !value.is_null());
        if let Observation::CitizenMatched { of, .. } = &self.fact {
            fields.remove(OF);
            if let Value::Object(one) = serde_json::to_value(of).map_err(S::Error::custom)? {
                fields.extend(one);
            }
        }
        let kind = fields.get("type").and_then(Value::as_str).unwrap_or_default();
        let mut live = self.live.clone();
        for name in LiveFacts::of(kind) {
            if let Some(text) = live.named(name).and_then(Option::take) {
                fields.insert((*name).into(), String::from(text).into());
            }
        }
        fields.serialize(writer)
    }
}

/// Who or what a citizen id belongs to: in the fact one field, on the wire the one of [`WHOSE`] that is there.
pub const OF: &str = "of";
pub const WHOSE: [&str; 3] = ["stay", "alarm", "call"];

impl PartialSchema for WireObservation {
    fn schema() -> RefOr<Schema> {
        let about = "What a source tells us. Ids are opaque; `caller`, `caller_name` and `text` are live data, never stored.";
        OneOfBuilder::new().description(Some(about)).into()
    }
}

impl ToSchema for WireObservation {
    /// A shape for each type; the description chooses among them.
    fn schemas(schemas: &mut Schemas) {
        /// Written out where they are used.
        const IN_PLACE: [&str; 2] = ["Matched", "Window"];
        let mut referred = Vec::new();
        LiveFacts::schemas(&mut referred);
        let RefOr::T(Schema::Object(live)) = LiveFacts::schema() else { return };
        for ((kind, _), (name, mut shape)) in
            Observation::TYPES.iter().zip(Observation::shapes(&mut referred))
        {
            if let RefOr::T(Schema::Object(shape)) = &mut shape {
                let brought = LiveFacts::of(kind).iter();
                let brought =
                    brought.filter_map(|it| Some(((*it).to_owned(), live.properties.get(*it)?.clone())));
                shape.properties.extend(brought);
            }
            schemas.push((name.into(), shape));
        }
        referred.retain(|(name, _)| !IN_PLACE.contains(&name.as_str()));
        schemas.extend(referred);
    }
}
