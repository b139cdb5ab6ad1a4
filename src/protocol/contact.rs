//! A number to ring, as an agreement gives it.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use utoipa::ToSchema;

use crate::domain::identity::AgreementId;

/// A number to ring, from an agreement.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Contact {
    pub agreement: AgreementId,
    /// emergency-112, doctor, nurse, municipal-unit, back-up or assessors.
    pub role: String,
    pub number: String,
    /// Copenhagen `HH:MM`; none means all day. A window may pass midnight.
    pub from: Option<String>,
    pub to: Option<String>,
    /// all, working or weekend.
    pub days: String,
    /// Whether it holds now, by the server's clock.
    pub now: bool,
}
