//! Live data: names, numbers, addresses and free text of open entries. In memory only.
//!
//! Owns who may still be known about and when it is forgotten (with the entry). Must never write, log or format
//! what it holds.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::domain::identity::EntryId;

/// Shorter ones are not somebody's own: extensions, service numbers.
const NUMBER_DIGITS_MIN: usize = 5;

/// Personal data of one entry. Its `Debug` says nothing.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Personal {
    pub caller: Option<String>,
    pub caller_name: Option<String>,
    pub name: Option<String>,
    pub address: Option<String>,
    pub phone: Option<String>,
    pub key_box: Option<String>,
    pub text: Option<String>,
    /// Of a stay whose citizen no care system knows: so that another of the same citizen is seen.
    pub cpr: Option<String>,
    /// The care system was asked and did not answer, or does not know.
    pub care_missing: bool,
}

impl std::fmt::Debug for Personal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Personal(…)")
    }
}

impl Personal {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes over what the other knows.
    fn merge(&mut self, other: Personal) {
        let fields = [
            (&mut self.caller, other.caller),
            (&mut self.caller_name, other.caller_name),
            (&mut self.name, other.name),
            (&mut self.address, other.address),
            (&mut self.phone, other.phone),
            (&mut self.key_box, other.key_box),
            (&mut self.text, other.text),
            (&mut self.cpr, other.cpr),
        ];
        for (mine, theirs) in fields {
            if theirs.is_some() {
                *mine = theirs;
            }
        }
        self.care_missing = other.care_missing;
    }
}

/// Shared between the writer and the server. Cheap to clone.
#[derive(Clone, Default)]
pub struct Live(Arc<RwLock<HashMap<EntryId, Personal>>>);

impl Live {
    pub fn get(&self, entry: EntryId) -> Option<Personal> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&entry).cloned()
    }

    pub fn merge(&self, entry: EntryId, personal: Personal) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.entry(entry).or_default().merge(personal);
    }

    /// Who it is about is forgotten, as that may be somebody else from now on; what its source said stays.
    pub fn forget_person(&self, entry: EntryId) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(personal) = all.get_mut(&entry) {
            (personal.name, personal.address) = (None, None);
            (personal.phone, personal.key_box) = (None, None);
        }
    }

    pub fn forget(&self, entry: EntryId) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&entry);
    }

    /// Entries of the citizen with this CPR number.
    pub fn same_person(&self, cpr: &str) -> Vec<EntryId> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let is_it = |personal: &Personal| personal.cpr.as_deref() == Some(cpr);
        all.iter().filter(|(_, personal)| is_it(personal)).map(|(entry, _)| *entry).collect()
    }

    /// Entries whose caller has this number, whole or without the country code.
    pub fn same_caller(&self, number: &str) -> Vec<EntryId> {
        let wanted = digits(number);
        if wanted.len() < NUMBER_DIGITS_MIN {
            return Vec::new();
        }
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut found: Vec<_> = all
            .iter()
            .filter(|(_, personal)| personal.caller.as_deref().is_some_and(|it| digits(it) == wanted))
            .map(|(entry, _)| *entry)
            .collect();
        found.sort_unstable();
        found
    }
}

/// Whether two numbers are one.
pub fn is_same_number(one: &str, other: &str) -> bool {
    let wanted = digits(one);
    wanted.len() >= NUMBER_DIGITS_MIN && wanted == digits(other)
}

/// A number's digits without the country code, so that `+45 20 30 40 50` is `20304050`.
fn digits(number: &str) -> String {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let bare =
        digits.strip_prefix("0045").or_else(|| digits.strip_prefix("45").filter(|rest| rest.len() == 8));
    bare.unwrap_or(&digits).to_owned()
}
