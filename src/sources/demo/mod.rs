//! The demo's night as a source: a seeded script of invented facts, and a colleague who acts on them.
//!
//! Owns what it needs of the world (`Hands`, `Clock`) and nothing more. It works through the public ways only:
//! observations with the token of a source, commands and the board with the token of a person. Nothing else in the
//! program knows that it is a demo, and it must never know a server, a socket or the engine.

pub mod around;
mod colleague;
mod driver;
mod history;
mod homecare;
mod opening;
mod quiet;
mod script;

use std::fmt;
use std::future::Future;

use chrono::{DateTime, Utc};

pub use driver::{Driver, Tally};
pub use script::{Act, Deed, Night, Said, Step, TooFewCitizens};

use crate::domain::identity::{AgreementId, CitizenId, ExternalId, PersonName};
use crate::protocol::observations::{ObservationItem, Receipt};
use crate::protocol::text::Text;
use crate::protocol::{BoardSnapshot, CommandReply, CommandRequest, Problem};

/// The name the source's token must have.
pub const SOURCE: &str = "demo";
/// The colleague whom the night plays; a coordinator under both agreements.
pub const COLLEAGUE: &str = "mette";
/// The one who watches and acts; a coordinator under both agreements. The night never gives a command as them.
pub const USER: &str = "bo";
/// The agreements that must be adopted before the night begins.
pub const AGREEMENTS: [&str; 2] = ["jammerbugt", "norddjurs"];

/// What the night needs of the world: the public ways of a server.
pub trait Hands: Send + Sync {
    /// `POST /v1/observations` with the source's token: at most [`crate::protocol::observations::BATCH_MAX`] of them.
    fn submit(
        &self,
        items: Vec<ObservationItem>,
    ) -> impl Future<Output = Result<Vec<Receipt>, HandsError>> + Send;

    /// `POST /v1/commands` as this person.
    fn command(
        &self,
        person: &PersonName,
        request: CommandRequest,
    ) -> impl Future<Output = Result<CommandReply, HandsError>> + Send;

    /// `GET /v1/board` as this person.
    fn board(&self, person: &PersonName) -> impl Future<Output = Result<BoardSnapshot, HandsError>> + Send;
}

/// Why a hand did not reach.
#[derive(Debug, Clone, PartialEq)]
pub enum HandsError {
    /// The server answered with a problem. Normal for a colleague who came second.
    Refused(Problem),
    /// No answer; the code says why.
    Away(&'static str),
}

/// The server's clock, which may run faster than the wall's.
pub trait Clock: Send + Sync {
    fn now(&self) -> DateTime<Utc>;

    /// Waits until that clock shows `at`; at once when it has passed.
    fn sleep_until(&self, at: DateTime<Utc>) -> impl Future<Output = ()> + Send;
}

/// An invented citizen as the night needs them: who rings, and which device.
#[derive(Clone, PartialEq)]
pub struct Citizen {
    pub agreement: AgreementId,
    pub citizen: CitizenId,
    pub device: ExternalId,
    pub name: Text,
    pub phone: Text,
}

impl fmt::Debug for Citizen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Citizen({}, …)", self.citizen)
    }
}
