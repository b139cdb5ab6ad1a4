//! A clause that an intention speaks against: the way that is warned of, and marked when it is gone all the same.
//!
//! Must never know which intention it is.

use super::agreement::Value;
use super::refusal::Refusal;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Against {
    clause: String,
    says: String,
}

impl Against {
    /// None for the provider's own rule: that warns nobody.
    pub fn of<T>(value: &Value<T>) -> Option<Self> {
        let clause = value.clause()?.as_str().to_owned();
        Some(Self { clause, says: value.says().unwrap_or_default().to_owned() })
    }

    pub fn clause(self) -> String {
        self.clause
    }
}

/// An intention against the contract is warned about with the clause; repeated as confirmed it is recorded, marked with
/// the clause.
///
/// # Errors
/// [`Refusal::AgainstContract`] until it is confirmed.
pub fn warned(against: Option<Against>, confirmed: bool) -> Result<Option<String>, Refusal> {
    match against {
        Some(Against { clause, says }) if !confirmed => Err(Refusal::AgainstContract { clause, says }),
        against => Ok(against.map(Against::clause)),
    }
}
