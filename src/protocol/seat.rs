//! The seat: that somebody can see the board, as their desk confirms it.
//!
//! Owns how often it is confirmed and when it is empty. An open line is no proof: a desk that hangs, or whose terminal
//! takes nothing more, keeps its line open for hours.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::identity::Key;

/// Seconds between two confirmations.
pub const CONFIRM_SECONDS: u64 = 3;
/// Bytes that the terminal took within this count (seconds): a slow line is no empty seat.
pub const TAKEN_WITHIN_SECONDS: u64 = 10;
/// Seconds without a confirmation after which a seat is empty.
pub const EMPTY_AFTER_SECONDS: u64 = 10;

/// `POST /v1/seat`: what the desk drew was taken by its terminal; or its person leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SeatReport {
    /// One desk of several that a person may have open; drawn by the desk when it starts.
    pub desk: Key,
    /// The seat is empty from now on.
    #[serde(default)]
    pub left: bool,
}

/// What the server makes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SeatReply {
    /// Confirmed again before so many seconds are over, or empty.
    pub empty_after_s: u64,
}

/// Reads a request body. Errors name the field.
pub fn parse(body: serde_json::Value) -> Result<SeatReport, super::problem::Problem> {
    if !body.is_object() {
        return Err(super::problem::Problem::new(422, "not-an-object"));
    }
    super::wire::read("", body)
}
