//! Sessions: who asks, by bearer token. The log holds only the token's digest.

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use sha2::{Digest, Sha256};

use super::App;
use super::errors::ApiError;
use crate::domain::State;
use crate::domain::people::{Person, Role};
use crate::protocol::Problem;

/// A token longer than this is not looked at (bytes).
const TOKEN_MAX: usize = 200;

/// The digest under which a token is known.
pub fn digest(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

/// The person who asks; not revoked.
pub struct Session(pub Person);

/// Somebody who may see the board: everybody but a source.
pub struct Reader(pub Person);

/// A source.
pub struct SourceSession(pub Person);

/// Who has this token, if anybody still has.
pub fn holder(state: &State, token: &str) -> Option<Person> {
    if token.is_empty() || token.len() > TOKEN_MAX {
        return None;
    }
    let digest = digest(token);
    // A digest of 256 random bits: comparing digests tells a listener nothing about a token.
    state.people.values().find(|person| person.token_digest == digest && !person.revoked).cloned()
}

impl FromRequestParts<App> for Session {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let token = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer ").or_else(|| value.strip_prefix("bearer ")))
            .map(str::trim);
        let person = token.and_then(|token| holder(&app.engine.state(), token));
        person.map(Session).ok_or(ApiError(Problem::unauthorized()))
    }
}

impl FromRequestParts<App> for Reader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Session(person) = Session::from_request_parts(parts, app).await?;
        if person.role.may_read() { Ok(Self(person)) } else { Err(not_allowed(person.role)) }
    }
}

impl FromRequestParts<App> for SourceSession {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Session(person) = Session::from_request_parts(parts, app).await?;
        if person.role == Role::Source { Ok(Self(person)) } else { Err(not_allowed(person.role)) }
    }
}

pub fn not_allowed(role: Role) -> ApiError {
    ApiError(Problem::new(403, "not-allowed").with("role", role.name()))
}
