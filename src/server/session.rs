//! Sessions: who asks, by bearer token, or a source by its signature. The log holds only the token's digest.

use axum::body::{Body, Bytes};
use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use sha2::{Digest, Sha256};

use super::App;
use super::asked::one;
use super::door::Admission;
use super::errors::ApiError;
use super::refused::Why;
use super::routes::bytes;
use super::signed;
use crate::domain::State;
use crate::domain::identity::{Code, PersonName, SourceName};
use crate::domain::people::{Person, Role};
use crate::protocol::Problem;
use crate::protocol::signature::Claim;

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

/// A source, as its headers say. One that signs is believed only when its body has been read.
pub struct SourceSession {
    person: Person,
    name: SourceName,
    claim: Option<Claim>,
    place: Option<Admission>,
}

/// A source whose token or signature is right, and what it posted.
pub struct Posted {
    pub person: Person,
    pub name: SourceName,
    pub body: Bytes,
}

/// From now on the connection is theirs. In a test without a listener there is none.
fn sign_in(place: Option<&Admission>, name: &PersonName) -> Result<(), Problem> {
    place.map_or(Ok(()), |place| place.sign_in(name))
}

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
        let header = one(&parts.headers, header::AUTHORIZATION.as_str())?;
        let token = header
            .and_then(|value| value.strip_prefix("Bearer ").or_else(|| value.strip_prefix("bearer ")))
            .map(str::trim);
        let Some(person) = token.and_then(|token| holder(&app.engine.state(), token)) else {
            // Who is not known may be in the log that is still being read.
            if !app.engine.is_loaded() {
                return Err(Problem::unavailable().into());
            }
            app.refused.count(if token.is_some() { Why::WrongToken } else { Why::NoToken });
            return Err(Problem::unauthorized().into());
        };
        sign_in(parts.extensions.get(), &person.name)?;
        Ok(Self(person))
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
        match signed::claimed(&parts.headers) {
            Some(claimed) => Self::signing(app, claimed?, parts.extensions.get().cloned()).await,
            None => {
                let Session(person) = Session::from_request_parts(parts, app).await?;
                Self::with_token(app, person).await
            }
        }
    }
}

impl SourceSession {
    async fn with_token(app: &App, person: Person) -> Result<Self, ApiError> {
        if person.role != Role::Source {
            return Err(not_allowed(person.role));
        }
        let name = SourceName::new(person.name.as_str())
            .map_err(|bad| ApiError(Problem::field(422, bad.code(), "source")))?;
        if app.options.signers.must_sign(&name) {
            return Err(refuse(app, &name, Problem::new(401, "signature-needed")).await);
        }
        Ok(Self { person, name, claim: None, place: None })
    }

    async fn signing(
        app: &App,
        (name, claim): (SourceName, Claim),
        place: Option<Admission>,
    ) -> Result<Self, ApiError> {
        let state = app.engine.state();
        let known = PersonName::new(name.as_str()).ok().and_then(|name| state.people.get(&name).cloned());
        let Some(person) = known
            .filter(|person| person.role == Role::Source && !person.revoked)
            .filter(|_| app.options.signers.must_sign(&name))
        else {
            app.refused.count(Why::WrongSignature);
            return Err(Problem::unauthorized().into());
        };
        if let Err(bad) = claim.is_in_time(app.engine.clock.now()) {
            return Err(refuse(app, &name, signed::problem(bad)).await);
        }
        Ok(Self { person, name, claim: Some(claim), place })
    }

    /// Reads the body, and believes the source.
    pub async fn read(self, app: &App, body: Body, max: usize) -> Result<Posted, ApiError> {
        let Self { person, name, claim, place } = self;
        let body = match bytes(app, body, max).await {
            Ok(body) => body,
            Err(ApiError(problem)) => return Err(refuse(app, &name, problem).await),
        };
        if let Some(claim) = claim
            && let Err(problem) = app.options.signers.check(&name, &claim, &body, app.engine.clock.now())
        {
            app.refused.count(Why::WrongSignature);
            return Err(refuse(app, &name, problem).await);
        }
        sign_in(place.as_ref(), &person.name)?;
        Ok(Posted { person, name, body })
    }
}

/// Whoever is on duty sees that a source is not heard: a body too large, or a wrong clock or secret on its side, which
/// makes it silent.
async fn refuse(app: &App, name: &SourceName, problem: Problem) -> ApiError {
    if let Ok(what) = Code::new(problem.code.as_str()) {
        app.engine.unreadable(name, "web-hook", what).await;
    }
    problem.into()
}

pub fn not_allowed(role: Role) -> ApiError {
    ApiError(Problem::new(403, "not-allowed").with("role", role.name()))
}
