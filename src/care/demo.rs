//! The adapter for the demo's care system: HTTP, JSON, a bearer token.
//!
//! Owns the time limits and what is tried again. Only reads are: a note goes out once per call, and its key makes
//! the caller's own next try harmless. Must never log an address it asked, an answer or a text.

use backon::{ConstantBuilder, Retryable};
use chrono::{DateTime, Utc};
use reqwest::{RequestBuilder, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub use super::http::Limits;
use super::http::{away, bounded, by_status, is_worth_another_try};
use super::{CareError, Heard, Person, Plan, Visit, VisitsOf, Whose, Why};
use crate::domain::identity::{CitizenId, ExternalId, Key};

/// Longest answer that is read (bytes); a person is a few hundred, a day's visits some thousand.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// The header that carries a note's key.
pub(super) const KEY_HEADER: &str = "idempotency-key";

/// The address of the care system is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an http address")]
pub struct BadAddress;

/// A client of one care system. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    token: SecretString,
    limits: Limits,
}

/// A person on the wire. No `Debug`: it is personal.
#[derive(Serialize, Deserialize)]
pub(super) struct WirePerson {
    pub citizen: CitizenId,
    pub name: String,
    pub address: String,
    #[serde(default)]
    pub phone: Option<String>,
    #[serde(default)]
    pub key_box: Option<String>,
}

/// A search on the wire. No `Debug`: it is personal.
#[derive(Serialize, Deserialize)]
pub(super) struct WireSearch {
    /// Ten digits.
    pub cpr: String,
}

/// A note on the wire. No `Debug`: it is personal.
#[derive(Serialize, Deserialize)]
pub(super) struct WireNote {
    pub text: String,
    pub at: DateTime<Utc>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct WireReceipt {
    pub receipt: ExternalId,
}

impl Client {
    /// A client for the service at `base`, e.g. `http://127.0.0.1:7990`.
    ///
    /// # Errors
    /// [`BadAddress`]: `base` is not an http or https address.
    pub fn new(base: &str, token: SecretString, limits: Limits) -> Result<Self, BadAddress> {
        let base = Url::parse(base).map_err(|_| BadAddress)?;
        if !matches!(base.scheme(), "http" | "https") || base.cannot_be_a_base() {
            return Err(BadAddress);
        }
        let http = super::http::client(&limits).map_err(|_| BadAddress)?;
        Ok(Self { http, base, token, limits })
    }

    /// See [`super::Care::who`].
    pub async fn who(&self, whose: &Whose) -> Result<Person, CareError> {
        let tries = ConstantBuilder::default()
            .with_delay(self.limits.pause_for)
            .with_max_times(self.limits.read_tries.saturating_sub(1));
        let person = (|| self.read_person(whose)).retry(tries).when(is_worth_another_try).await?;
        // Somebody else's name on an alarm is worse than no name.
        if matches!(whose, Whose::Citizen(asked) if *asked != person.citizen) {
            return Err(CareError::Away { why: Why::Unreadable });
        }
        Ok(person)
    }

    async fn read_person(&self, whose: &Whose) -> Result<Person, CareError> {
        let request = match whose {
            Whose::Citizen(citizen) => self.http.get(self.address(&["citizens", citizen.as_str()])),
            Whose::Device(device) => self.http.get(self.address(&["devices", device.as_str()])),
            // In the body: addresses end up in logs.
            Whose::Cpr(cpr) => {
                let search = WireSearch { cpr: cpr.expose().to_owned() };
                self.http.post(self.address(&["citizens", "search"])).json(&search)
            }
        };
        let request = request.timeout(self.limits.read_for);
        let WirePerson { citizen, name, address, phone, key_box } = self.ask(request).await?;
        Ok(Person { citizen, name, address, phone, key_box })
    }

    /// See [`super::Care::write_note`].
    pub async fn write_note(
        &self,
        key: &Key,
        citizen: &CitizenId,
        text: &str,
        at: DateTime<Utc>,
    ) -> Result<ExternalId, CareError> {
        let request = self
            .http
            .post(self.address(&["citizens", citizen.as_str(), "notes"]))
            .timeout(self.limits.write_for)
            .header(KEY_HEADER, key.as_str())
            .json(&WireNote { text: text.to_owned(), at });
        let WireReceipt { receipt } = self.ask(request).await?;
        Ok(receipt)
    }

    /// See [`super::Care::lists`].
    pub async fn lists(&self) -> Result<Heard, CareError> {
        let request = self.http.get(self.address(&["lists"])).timeout(self.limits.read_for);
        let told = self.ask(request).await?;
        Ok(Heard { told, ..Heard::default() })
    }

    /// See [`super::Care::visits`].
    pub async fn visits(
        &self,
        of: &VisitsOf,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Plan, CareError> {
        let address = match of {
            VisitsOf::Citizen(citizen) => self.address(&["citizens", citizen.as_str(), "visits"]),
            VisitsOf::Everybody => self.address(&["visits"]),
        };
        let request = self.http.get(address).timeout(self.limits.read_for);
        let mut visits: Vec<Visit> = self.ask(request).await?;
        visits.retain(|visit| from <= visit.planned_at && visit.planned_at < to);
        // It does not say whose calendars it has read to the end.
        Ok(Plan { visits, ..Plan::default() })
    }

    /// See [`super::Care::set_paused`].
    pub async fn set_paused(&self, citizen: &CitizenId, paused: bool) -> Result<(), CareError> {
        let request = self
            .http
            .put(self.address(&["citizens", citizen.as_str(), "paused"]))
            .timeout(self.limits.write_for)
            .json(&paused);
        self.ask(request).await
    }

    fn address(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        // Ids may hold slashes: each is one segment, escaped.
        url.path_segments_mut().expect("checked in `new`").pop_if_empty().extend(path);
        url
    }

    async fn ask<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, CareError> {
        let response = request.bearer_auth(self.token.expose_secret()).send().await.map_err(away)?;
        by_status(response.status())?;
        let bytes = bounded(response, ANSWER_BYTES_MAX).await?;
        serde_json::from_slice(&bytes).map_err(|_| CareError::Away { why: Why::Unreadable })
    }
}
