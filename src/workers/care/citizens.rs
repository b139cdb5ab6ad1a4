//! Who a citizen of a route list is: the care system of the list's agreement is asked by CPR number.
//!
//! Owns which of its answers may be another one later. Must never keep or log the number.

use secrecy::{ExposeSecret, SecretString};

use crate::care::{Care, CareError, Cpr, Whose};
use crate::domain::identity::CitizenId;
use crate::sources::visits::{Citizens, NotFound};

/// The care system of the folder's agreement, as the lists need it.
pub struct ByCpr(pub Care);

impl Citizens for ByCpr {
    async fn by_cpr(&self, cpr: &SecretString) -> Result<CitizenId, NotFound> {
        let cpr = Cpr::new(cpr.expose_secret()).map_err(|_| NotFound::Unknown)?;
        match self.0.who(&Whose::Cpr(cpr)).await {
            Ok(person) => Ok(person.citizen),
            Err(CareError::Unknown) => Err(NotFound::Unknown),
            Err(CareError::NotSetUp { .. }) => Err(NotFound::NobodyToAsk),
            Err(error @ CareError::Refused) => Err(NotFound::Refused(error.code())),
            Err(error @ CareError::Away { .. }) => Err(NotFound::Away(error.code())),
        }
    }
}
