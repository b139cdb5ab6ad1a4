//! Problems: errors as `application/problem+json` (RFC 9457) with a stable code and arguments.
//!
//! Must never hold a sentence for people (desk and cli render texts) nor what was sent to us: it may be personal.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use serde_with::skip_serializing_none;
use utoipa::ToSchema;

use crate::domain::Refusal;

/// One problem. `code` is stable; arguments stand beside it.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// Stable, kebab-case.
    pub code: String,
    /// The field at fault, as a path (`observation.call`).
    pub field: Option<String>,
    /// Arguments of the code.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub arguments: Map<String, Value>,
}

impl Problem {
    pub fn new(status: u16, code: &str) -> Self {
        Self { status, code: code.into(), field: None, arguments: Map::new() }
    }

    pub fn field(status: u16, code: &str, field: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..Self::new(status, code) }
    }

    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.arguments.insert(name.into(), value.into());
        self
    }

    /// No token, an unknown one, or a revoked one.
    pub fn unauthorized() -> Self {
        Self::new(401, "not-signed-in")
    }

    /// What is not there and what may not be seen answer alike.
    pub fn not_found() -> Self {
        Self::new(404, "unknown-entry")
    }

    /// The log cannot be written just now; try again with the same id.
    pub fn unavailable() -> Self {
        Self::new(503, "store-unavailable")
    }
}

impl From<&Refusal> for Problem {
    fn from(refusal: &Refusal) -> Self {
        let status = match refusal {
            Refusal::UnknownEntry => 404,
            Refusal::NotAllowed { .. } => 403,
            refusal if refusal.is_conflict() => 409,
            _ => 422,
        };
        let mut problem = Self::new(status, &refusal.code());
        if let Ok(Value::Object(mut arguments)) = serde_json::to_value(refusal) {
            arguments.remove("code");
            problem.field = arguments.remove("field").and_then(|field| field.as_str().map(str::to_owned));
            problem.arguments = arguments;
        }
        if let Refusal::UnknownAgreement { .. } = refusal {
            problem.field = Some("agreement".into());
        }
        problem
    }
}
