//! The HTTP client of desk and cli: fetch, submit, follow the stream.
//!
//! A command is tried again under the same id, so that an answer that got lost costs nothing. Must never know a
//! terminal or what a board means.

mod follow;

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;

use crate::protocol::board::{Found, Me};
use crate::protocol::closed::ClosedQuery;
use crate::protocol::commands::{CommandReply, CommandRequest};
use crate::protocol::entry::EntryView;
use crate::protocol::history::CitizenHistory;
use crate::protocol::observations::{ObservationItem, Receipt};
use crate::protocol::seat::{SeatReply, SeatReport};
use crate::protocol::{AgreementId, BoardSnapshot, CitizenId, EntryId, Problem};

pub use follow::{Update, follow};

/// A server that does not take a connection within this is away.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);
/// A silent connection is not used again after this: the server hangs up after 10 s, and a request may meet that on the
/// way.
const IDLE_MAX: Duration = Duration::from_secs(5);
/// An answer that takes longer than this is lost.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// A confirmation that takes longer than this is late anyway.
const SEAT_TIMEOUT: Duration = Duration::from_secs(4);
/// Tries of one command or question, the first included.
const TRIES_MAX: usize = 4;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LinkError {
    /// No connection, or it broke.
    #[error("no connection to the server")]
    Offline,
    /// The server answered with a problem.
    #[error("{}", .0.code)]
    Refused(Problem),
    /// What came back is not what this version understands.
    #[error("the server speaks another version")]
    Incompatible,
    /// The server's address cannot be used.
    #[error("not a server's address")]
    BadAddress,
}

impl LinkError {
    /// Worth another try with the same id.
    fn is_passing(&self) -> bool {
        match self {
            Self::Offline => true,
            Self::Refused(problem) => problem.status == 503 && problem.code != "care-away",
            Self::Incompatible | Self::BadAddress => false,
        }
    }
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: SecretString,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({})", self.base)
    }
}

impl Client {
    /// For the server at `base` (`http://127.0.0.1:7878`). Errors: not an address.
    pub fn new(base: &str, token: SecretString) -> Result<Self, LinkError> {
        let address = reqwest::Url::parse(base).map_err(|_| LinkError::BadAddress)?;
        if !matches!(address.scheme(), "http" | "https") || !address.has_host() {
            return Err(LinkError::BadAddress);
        }
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_MAX)
            // A desk talks to its own server; what a proxy of the machine is for is something else.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|_| LinkError::BadAddress)?;
        Ok(Self { http, base: base.trim_end_matches('/').to_owned(), token })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(self.token.expose_secret())
    }

    pub async fn board(&self) -> Result<BoardSnapshot, LinkError> {
        self.get("/v1/board").await
    }

    pub async fn me(&self) -> Result<Me, LinkError> {
        self.get("/v1/me").await
    }

    /// The agreements in force, as adopted.
    pub async fn agreements(&self) -> Result<serde_json::Value, LinkError> {
        self.get("/v1/agreements").await
    }

    /// One entry with history, live data and numbers. The purpose is logged.
    pub async fn entry(&self, id: EntryId, purpose: &str) -> Result<EntryView, LinkError> {
        let request = self.request(Method::GET, &format!("/v1/entries/{id}")).header("Purpose", purpose);
        read(send(request.timeout(ANSWER_TIMEOUT)).await?).await
    }

    /// Open entries by number, citizen or what the outside calls them, also those that the board does not carry.
    pub async fn find(&self, wanted: &str) -> Result<Found, LinkError> {
        let mut url = self.url(&["v1", "entries"])?;
        url.query_pairs_mut().append_pair("find", wanted);
        let request = self.http.get(url).bearer_auth(self.token.expose_secret());
        read(send(request.timeout(ANSWER_TIMEOUT)).await?).await
    }

    /// What is over, a page at a time, the last closed first.
    pub async fn closed(&self, query: &ClosedQuery) -> Result<Found, LinkError> {
        let mut url = self.url(&["v1", "entries"])?;
        url.query_pairs_mut().append_key_only("closed").extend_pairs(query.pairs());
        let request = self.http.get(url).bearer_auth(self.token.expose_secret());
        read(send(request.timeout(ANSWER_TIMEOUT)).await?).await
    }

    /// What the log knows of a citizen, in our scope; of several of that id, the one of this agreement. The purpose is
    /// logged.
    pub async fn history(
        &self,
        citizen: &CitizenId,
        agreement: Option<&AgreementId>,
        purpose: &str,
    ) -> Result<CitizenHistory, LinkError> {
        let mut url = self.url(&["v1", "citizens", citizen.as_str(), "history"])?;
        if let Some(agreement) = agreement {
            url.query_pairs_mut().append_pair("agreement", agreement.as_str());
        }
        let request = self.http.get(url).bearer_auth(self.token.expose_secret()).header("Purpose", purpose);
        read(send(request.timeout(ANSWER_TIMEOUT)).await?).await
    }

    /// Gives a command; tries again under the same id while the server is away.
    pub async fn submit(&self, command: &CommandRequest) -> Result<CommandReply, LinkError> {
        let once = || async {
            let request = self.request(Method::POST, "/v1/commands").json(command);
            read(send(request.timeout(ANSWER_TIMEOUT)).await?).await
        };
        once.retry(tries()).when(LinkError::is_passing).await
    }

    /// Confirms that the desk's person can see the board, or leaves. Once: the next one comes soon.
    pub async fn seat(&self, report: &SeatReport) -> Result<SeatReply, LinkError> {
        let request = self.request(Method::POST, "/v1/seat").json(report);
        read(send(request.timeout(SEAT_TIMEOUT)).await?).await
    }

    /// Hands in observations as a source; repeats are harmless.
    pub async fn observe(&self, items: &[ObservationItem]) -> Result<Vec<Receipt>, LinkError> {
        let once = || async {
            let request = self.request(Method::POST, "/v1/observations").json(items);
            read(send(request.timeout(ANSWER_TIMEOUT)).await?).await
        };
        once.retry(tries()).when(LinkError::is_passing).await
    }

    fn url(&self, path: &[&str]) -> Result<reqwest::Url, LinkError> {
        let mut url = reqwest::Url::parse(&self.base).map_err(|_| LinkError::BadAddress)?;
        url.path_segments_mut().map_err(|()| LinkError::BadAddress)?.pop_if_empty().extend(path);
        Ok(url)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, LinkError> {
        let once =
            || async { read(send(self.request(Method::GET, path).timeout(ANSWER_TIMEOUT)).await?).await };
        once.retry(tries()).when(LinkError::is_passing).await
    }
}

fn tries() -> ExponentialBuilder {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(200))
        .with_max_delay(Duration::from_secs(2))
        .with_max_times(TRIES_MAX - 1)
        .with_jitter()
}

/// Sends; what is not a success is read as a problem.
async fn send(request: RequestBuilder) -> Result<Response, LinkError> {
    let response = request.send().await.map_err(|_| LinkError::Offline)?;
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status();
    let problem: Problem = response.json().await.map_err(|_| unreadable(status))?;
    Err(LinkError::Refused(problem))
}

/// An answer that is no problem of ours: something else stands at that address, or between.
fn unreadable(status: StatusCode) -> LinkError {
    if status.is_server_error() { LinkError::Offline } else { LinkError::Incompatible }
}

async fn read<T: DeserializeOwned>(response: Response) -> Result<T, LinkError> {
    let undecoded = |error: reqwest::Error| {
        if error.is_decode() { LinkError::Incompatible } else { LinkError::Offline }
    };
    response.json().await.map_err(undecoded)
}
