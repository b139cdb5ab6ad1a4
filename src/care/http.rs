//! What every adapter's HTTP has in common: time limits, which tries are repeated, bounded answers.
//!
//! Must never log an address or an answer.

use std::time::Duration;

use reqwest::{Response, StatusCode};

use super::{CareError, Why};

/// How long each thing may take, and how often a read is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub connect_for: Duration,
    /// One try of a read, from request to the whole answer.
    pub read_for: Duration,
    pub write_for: Duration,
    pub read_tries: usize,
    pub pause_for: Duration,
}

impl Default for Limits {
    /// A coordinator waits for this with a citizen on the line: seconds, not minutes.
    fn default() -> Self {
        Self {
            connect_for: Duration::from_secs(2),
            read_for: Duration::from_secs(3),
            write_for: Duration::from_secs(8),
            read_tries: 3,
            pause_for: Duration::from_millis(150),
        }
    }
}

/// A client that goes nowhere but where it is told: no redirects, no proxy.
pub fn client(limits: &Limits) -> Result<reqwest::Client, reqwest::Error> {
    // An error means that the process has a provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .connect_timeout(limits.connect_for)
        // Shorter than servers keep a silent connection: a request must not meet one that is being closed.
        .pool_idle_timeout(Duration::from_secs(4))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
}

pub fn is_worth_another_try(error: &CareError) -> bool {
    // Not after a time-out: the person at the desk has waited once already.
    matches!(error, CareError::Away { why: Why::Unreachable | Why::Failed })
}

/// The error's own text names the address, and so is dropped.
pub fn away(error: reqwest::Error) -> CareError {
    let why = if error.is_timeout() { Why::TookTooLong } else { Why::Unreachable };
    CareError::Away { why }
}

pub fn by_status(status: StatusCode) -> Result<(), CareError> {
    match status {
        status if status.is_success() => Ok(()),
        StatusCode::NOT_FOUND => Err(CareError::Unknown),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
            Err(CareError::Away { why: Why::Failed })
        }
        status if status.is_client_error() => Err(CareError::Refused),
        _ => Err(CareError::Away { why: Why::Failed }),
    }
}

pub async fn bounded(mut response: Response, bytes_max: usize) -> Result<Vec<u8>, CareError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(away)? {
        if bytes.len() + chunk.len() > bytes_max {
            return Err(CareError::Away { why: Why::Unreadable });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
