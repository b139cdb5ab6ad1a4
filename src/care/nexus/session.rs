//! Asking Nexus: a token, a time limit, links of its own host only, bounded answers.
//!
//! Owns the token (fetched with our client's secret, renewed before it ends and once after a 401) and the rule that it
//! goes to the configured host and to nobody else, whatever a link says. Must never log an address, a body or a
//! header.

use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use oauth2::basic::{BasicClient, BasicRequestTokenError};
use oauth2::{AsyncHttpClient, ClientId, ClientSecret, HttpRequest, HttpResponse, TokenResponse, TokenUrl};
use reqwest::{Method, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;

use super::super::http::{self, Limits, away, bounded, by_status, is_worth_another_try};
use super::super::{CareError, Why};
use super::hal;
use crate::clock::steady;

/// Longest answer that is read (bytes): a page of a list, or a form with all its fields.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
const TOKEN_BYTES_MAX: usize = 64 * 1024;
/// Requests under way at once; more wait here and not at Nexus.
const AT_ONCE_MAX: usize = 16;
/// A token is renewed this long before it ends; one that lives shorter than twice this, at half its life.
const RENEW_BEFORE: Duration = Duration::from_secs(30);
/// For a token whose answer does not say.
const TOKEN_LIVES: Duration = Duration::from_secs(60);

/// Where Nexus is and who we are there.
#[derive(Debug, Clone)]
pub struct Access {
    /// The root of the interface, e.g. `https://KOMMUNE.nexus.kmd.dk/api/core/mobile/KOMMUNE/v2/`.
    pub url: String,
    pub token_url: String,
    pub client_id: String,
    pub secret: SecretString,
}

/// What is wrong with an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadAccess {
    #[error("care.url must be an https address; http only on this machine")]
    Url,
    #[error("care.token_url must be an https address; http only on this machine")]
    TokenUrl,
}

struct Token {
    secret: SecretString,
    renew_at: Instant,
}

#[derive(Clone)]
pub struct Session {
    http: reqwest::Client,
    root: Url,
    token_url: TokenUrl,
    client_id: ClientId,
    secret: SecretString,
    /// Held while one is fetched: many askers, one request.
    token: Arc<Mutex<Option<Token>>>,
    turns: Arc<Semaphore>,
    pub limits: Limits,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Session(…)")
    }
}

const UNREADABLE: CareError = CareError::Away { why: Why::Unreadable };

impl Session {
    /// # Errors
    /// [`BadAccess`]: an address is none, or would send secrets over the net in the open.
    pub fn new(access: Access, limits: Limits) -> Result<Self, BadAccess> {
        let mut root = checked(&access.url).ok_or(BadAccess::Url)?;
        // A relative link hangs on the last slash.
        if !root.path().ends_with('/') {
            root.set_path(&format!("{}/", root.path()));
        }
        let token_url = checked(&access.token_url).ok_or(BadAccess::TokenUrl)?;
        Ok(Self {
            http: http::client(&limits).map_err(|_| BadAccess::Url)?,
            root,
            token_url: TokenUrl::from_url(token_url),
            client_id: ClientId::new(access.client_id),
            secret: access.secret,
            token: Arc::default(),
            turns: Arc::new(Semaphore::new(AT_ONCE_MAX)),
            limits,
        })
    }

    pub fn root(&self) -> Url {
        self.root.clone()
    }

    /// Where a link of an object leads. A link to another host is no link: our token must not follow it.
    ///
    /// # Errors
    /// `Away`, unreadable: there is no such link, or it leads elsewhere.
    pub fn link(&self, object: &Value, name: &str) -> Result<Url, CareError> {
        let href = hal::href(object, name).ok_or(UNREADABLE)?;
        let url = self.root.join(href).map_err(|_| UNREADABLE)?;
        if url.origin() != self.root.origin() || !url.username().is_empty() || url.password().is_some() {
            tracing::warn!(link = name, "the care system's link leads to another host; not followed");
            return Err(UNREADABLE);
        }
        Ok(url)
    }

    /// Reads; tried a few times while it is away.
    pub async fn get(&self, url: &Url) -> Result<Value, CareError> {
        self.read(Method::GET, url, None).await
    }

    /// A question whose answer changes nothing, asked with a body; tried as a read.
    pub async fn query(&self, url: &Url, body: &Value) -> Result<Value, CareError> {
        self.read(Method::POST, url, Some(body)).await
    }

    async fn read(&self, method: Method, url: &Url, body: Option<&Value>) -> Result<Value, CareError> {
        let tries = ExponentialBuilder::default()
            .with_min_delay(self.limits.pause_for)
            .with_max_times(self.limits.read_tries.saturating_sub(1));
        (|| self.once(method.clone(), url, body, self.limits.read_for).boxed())
            .retry(tries)
            .when(is_worth_another_try)
            .await
    }

    /// Writes, once: whether it was done is not known when no answer comes.
    pub async fn write(&self, method: Method, url: &Url, body: &Value) -> Result<Value, CareError> {
        self.once(method, url, Some(body), self.limits.write_for).await
    }

    /// One request, and a second with a new token when the first one's was refused: nothing was done then.
    async fn once(
        &self,
        method: Method,
        url: &Url,
        body: Option<&Value>,
        within: Duration,
    ) -> Result<Value, CareError> {
        let _turn = self.turns.acquire().await;
        let mut refused = None;
        loop {
            let token = self.token(refused.as_ref()).await?;
            let mut request = self
                .http
                .request(method.clone(), url.clone())
                .header(reqwest::header::ACCEPT, "application/json")
                .timeout(within)
                .bearer_auth(token.expose_secret());
            if let Some(body) = body {
                request = request.json(body);
            }
            let response = request.send().await.map_err(away)?;
            if response.status() == StatusCode::UNAUTHORIZED && refused.is_none() {
                refused = Some(token);
                continue;
            }
            by_status(response.status())?;
            let bytes = bounded(response, ANSWER_BYTES_MAX).await?;
            if bytes.is_empty() {
                return Ok(Value::Null);
            }
            return serde_json::from_slice(&bytes).map_err(|_| UNREADABLE);
        }
    }

    /// A token that was not refused and does not end soon.
    async fn token(&self, refused: Option<&SecretString>) -> Result<SecretString, CareError> {
        let mut held = self.token.lock().await;
        if let Some(token) = held.as_ref() {
            let is_refused = refused.is_some_and(|it| it.expose_secret() == token.secret.expose_secret());
            if !is_refused && steady() < token.renew_at {
                return Ok(token.secret.clone());
            }
        }
        *held = None;
        let token = self.fetch_token().await?;
        let secret = token.secret.clone();
        *held = Some(token);
        Ok(secret)
    }

    async fn fetch_token(&self) -> Result<Token, CareError> {
        let client = BasicClient::new(self.client_id.clone())
            .set_client_secret(ClientSecret::new(self.secret.expose_secret().to_owned()))
            .set_token_uri(self.token_url.clone());
        let asked_at = steady();
        let request = client.exchange_client_credentials();
        let answer = request.request_async(self).await.map_err(no_token)?;
        let lives = answer.expires_in().unwrap_or(TOKEN_LIVES);
        let rest = lives.checked_sub(RENEW_BEFORE).filter(|rest| *rest >= RENEW_BEFORE);
        Ok(Token {
            secret: SecretString::from(answer.access_token().secret().to_owned()),
            renew_at: asked_at + rest.unwrap_or(lives / 2),
        })
    }

    async fn ask_for_token(&self, request: HttpRequest) -> Result<HttpResponse, NoToken> {
        let request = reqwest::Request::try_from(request).map_err(|_| NoToken(UNREADABLE))?;
        let sent = tokio::time::timeout(self.limits.read_for, async {
            let response = self.http.execute(request).await.map_err(|error| NoToken(away(error)))?;
            let (status, headers) = (response.status(), response.headers().clone());
            // What is no answer about us says so; a refusal has a body that `oauth2` reads.
            if !status.is_success() && !status.is_client_error() || status == StatusCode::TOO_MANY_REQUESTS {
                return Err(NoToken(CareError::Away { why: Why::Failed }));
            }
            let body = bounded(response, TOKEN_BYTES_MAX).await.map_err(NoToken)?;
            let mut answer = HttpResponse::new(body);
            *answer.status_mut() = status;
            *answer.headers_mut() = headers;
            Ok(answer)
        });
        sent.await.unwrap_or(Err(NoToken(CareError::Away { why: Why::TookTooLong })))
    }
}

impl<'s> AsyncHttpClient<'s> for Session {
    type Error = NoToken;
    type Future = BoxFuture<'s, Result<HttpResponse, NoToken>>;

    fn call(&'s self, request: HttpRequest) -> Self::Future {
        self.ask_for_token(request).boxed()
    }
}

/// Why no token came. Says nothing of the answer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NoToken(CareError);

fn no_token(error: BasicRequestTokenError<NoToken>) -> CareError {
    match error {
        BasicRequestTokenError::Request(NoToken(error)) => error,
        BasicRequestTokenError::ServerResponse(_) => CareError::Refused,
        BasicRequestTokenError::Parse(..) | BasicRequestTokenError::Other(_) => UNREADABLE,
    }
}

/// An address that keeps what is said to itself: https, or this machine.
fn checked(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_here = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    let is_private = url.scheme() == "https" || (url.scheme() == "http" && is_here);
    (is_private && !url.cannot_be_a_base() && url.username().is_empty()).then_some(url)
}
