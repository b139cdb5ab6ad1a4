//! What is asked: query, path and the headers that HTTP itself demands. What cannot be read is a problem 400 that names it.
//!
//! Must never guess: of two values for one thing another program on the way may have taken the other.

use axum::extract::{FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::errors::ApiError;
use crate::protocol::Problem;

/// A number larger than this is none of ours: the log counts to it.
const NUMBER_MAX: u64 = i64::MAX as u64;

/// The parameters of a query. What nobody asks for is left alone.
pub struct Asked(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        pairs.map(|Query(pairs)| Self(pairs)).map_err(|_| Problem::new(400, "bad-query").into())
    }
}

impl Asked {
    /// A parameter that may be given once. Errors: it is given again.
    pub fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        let mut values = self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let first = values.next();
        match values.next() {
            Some(_) => Err(Problem::field(400, "parameter-repeated", name)),
            None => Ok(first),
        }
    }

    /// A number from 0 on. Errors: it is given again, or is no such number.
    pub fn number(&self, name: &str) -> Result<Option<u64>, Problem> {
        self.text(name)?.map(|text| number(name, text)).transpose()
    }
}

/// A number in digits alone. Errors: it is none, or larger than the log counts.
pub fn number(name: &str, text: &str) -> Result<u64, Problem> {
    let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits
        .and_then(|text| text.parse().ok())
        .filter(|number| *number <= NUMBER_MAX)
        .ok_or_else(|| Problem::field(400, "not-a-number", name).with("max", NUMBER_MAX))
}

/// The one part of a path that names something.
pub struct Id(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.map(|Path(id)| Self(id)).map_err(|_| Problem::field(400, "bad-path", "id").into())
    }
}

/// A header that may stand there once. Errors: it stands there again, or is no text.
pub fn one<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Problem::field(400, "header-repeated", name));
    }
    value.to_str().map(Some).map_err(|_| Problem::field(400, "bad-header", name))
}

/// Every request: one host (RFC 9112, 3.2), and a body as it is.
pub async fn is_proper(request: Request, next: Next) -> Response {
    match host(&request).and_then(|()| plain(request.headers())) {
        Ok(()) => next.run(request).await,
        Err(problem) => ApiError(problem).into_response(),
    }
}

fn host(request: &Request) -> Result<(), Problem> {
    let name = header::HOST.as_str();
    match one(request.headers(), name)? {
        None if request.version() <= Version::HTTP_10 => Ok(()),
        None => Err(Problem::field(400, "header-missing", name)),
        // Whoever asks for nothing with a name of its own says an empty one.
        Some("") => Ok(()),
        Some(host) => match host.parse::<Authority>() {
            Ok(authority) if !authority.as_str().contains('@') => Ok(()),
            _ => Err(Problem::field(400, "bad-header", name)),
        },
    }
}

fn plain(headers: &HeaderMap) -> Result<(), Problem> {
    match one(headers, header::CONTENT_ENCODING.as_str())? {
        None | Some("identity" | "") => Ok(()),
        Some(_) => Err(Problem::field(415, "content-encoding", header::CONTENT_ENCODING.as_str())),
    }
}
