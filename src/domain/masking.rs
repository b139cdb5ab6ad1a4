//! Ids that must not be stored as they came: those that read as a CPR or a telephone number, are too long or hold
//! characters that no id has. Such an id becomes a keyed digest: the same text gives the same id, and nobody without
//! the key gets the text back. A fact is never refused for its id.
//!
//! Owns what reads as a number of a person and what it becomes. Must never know where the key is kept.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use super::identity::{CitizenId, ExternalId, Key, is_digest, letters, looks_like_cpr, looks_like_phone};

/// What stands in front of a digest: an id that begins so was made here.
const PREFIX: &str = "x-";
/// The longest text that may be an id or a key (bytes).
const ID_MAX: usize = 160;
/// Bytes of the digest that are kept.
const BYTES: usize = 16;

/// What an id names; what it may look like hangs on that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// A telephone exchange's own id of a call: `1801123456.4` is Unix seconds and a counter.
    Call,
    /// A device, an account or a caller: a telephone number is one of a citizen.
    Device,
    /// Everything else: alarm, stay, visit, department, citizen, key.
    Other,
}

/// Why an id was masked, for source health. No part of the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Masked {
    Cpr,
    Phone,
    /// Too long, or a character that no id has.
    Form,
}

/// Makes ids storable. Cheap to clone.
#[derive(Clone)]
pub struct Masking {
    key: Arc<[u8; 32]>,
}

impl std::fmt::Debug for Masking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Masking")
    }
}

impl Masking {
    /// With this secret. Another one makes other ids of the same texts.
    pub fn new(key: [u8; 32]) -> Self {
        Self { key: Arc::new(key) }
    }

    /// Says which key this is and gives nothing of it away; kept in the log to notice a wrong one.
    pub fn check_value(&self) -> String {
        self.letters("check-", "which key")
    }

    /// An id from outside. None: nothing but blanks.
    pub fn id(&self, field: Field, text: &str) -> Option<(ExternalId, Option<Masked>)> {
        let (text, masked) = self.settled(field, text)?;
        match ExternalId::new(text.clone()) {
            Ok(id) => Some((id, masked)),
            Err(_) => Some((ExternalId::new(self.letters(PREFIX, &text)).ok()?, Some(Masked::Form))),
        }
    }

    /// Any text as a digest, for what may repeat a number that is stored nowhere.
    pub fn digest(&self, text: &str) -> Option<ExternalId> {
        ExternalId::new(self.letters(PREFIX, text)).ok()
    }

    /// A citizen's id of a care system. None: nothing but blanks.
    pub fn citizen(&self, text: &str) -> Option<(CitizenId, Option<Masked>)> {
        let (text, masked) = self.settled(Field::Other, text)?;
        match CitizenId::new(text.clone()) {
            Ok(id) => Some((id, masked)),
            Err(_) => Some((CitizenId::new(self.letters(PREFIX, &text)).ok()?, Some(Masked::Form))),
        }
    }

    /// The key of a fact. None: nothing but blanks.
    pub fn key(&self, text: &str) -> Option<(Key, Option<Masked>)> {
        let (text, masked) = self.settled(Field::Other, text)?;
        match Key::new(text.clone()) {
            Ok(key) => Some((key, masked)),
            Err(_) => Some((Key::new(self.letters(PREFIX, &text)).ok()?, Some(Masked::Form))),
        }
    }

    /// The text without blanks around it, or what stands for it.
    fn settled(&self, field: Field, text: &str) -> Option<(String, Option<Masked>)> {
        let text = text.trim_matches(|c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}');
        if text.is_empty() {
            return None;
        }
        // No id is so long, and whatever it holds it becomes a digest whole: it is not looked through.
        if text.len() > ID_MAX {
            return Some((self.letters(PREFIX, text), Some(Masked::Form)));
        }
        if let Some(cpr) = cpr_in(field, text) {
            return Some((self.letters(PREFIX, &cpr), Some(Masked::Cpr)));
        }
        if let Some(phone) = Some(text).filter(|_| field == Field::Device).and_then(phone_in) {
            return Some((self.letters(PREFIX, &phone), Some(Masked::Phone)));
        }
        Some((text.to_owned(), None))
    }

    /// Letters only, so that no digest ever reads as a number.
    fn letters(&self, prefix: &str, text: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.as_ref()).expect("a key of any length");
        mac.update(text.as_bytes());
        let digest = mac.finalize().into_bytes();
        format!("{prefix}{}", letters(&digest[..BYTES]))
    }
}

/// The ten digits of a text that is a CPR number, however people and spreadsheets write it: with hyphen, blanks or full
/// stops, as a number cell (`1012800123.0`), with the zero in front lost. For a column that may hold one.
pub fn cpr_of(text: &str) -> Option<String> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}');
    let number = text
        .rsplit_once(['.', ','])
        .filter(|(_, zeros)| !zeros.is_empty() && zeros.len() <= 2 && zeros.bytes().all(|b| b == b'0'));
    let mut forms = number.map(|(whole, _)| whole).into_iter().chain([text]);
    forms.find_map(|form| as_cpr(&digits_alone(form)?))
}

/// What stands for the CPR number in a text: its ten digits where the text is one (a lost zero restored), else the
/// whole text.
fn cpr_in(field: Field, text: &str) -> Option<String> {
    if Uuid::try_parse(text).is_ok() || (field == Field::Call && is_call_id(text)) {
        return None;
    }
    // A number cell of a spreadsheet: `1012800123.0`, `1012800123,00`.
    let number = text
        .rsplit_once(['.', ','])
        .filter(|(_, zeros)| !zeros.is_empty() && zeros.len() <= 2 && zeros.bytes().all(|b| b == b'0'));
    for whole in number.map(|(whole, _)| whole).into_iter().chain([text]) {
        let digits = digits_alone(whole);
        if let Some(cpr) = digits.and_then(|digits| as_cpr(&digits)) {
            return Some(cpr);
        }
    }
    let holds = looks_like_cpr(text) || (!is_random(text) && parts(text).any(|part| as_cpr(&part).is_some()));
    holds.then(|| text.to_owned())
}

/// The digits of a text that has nothing else but what people write between them.
fn digits_alone(text: &str) -> Option<String> {
    let is_between =
        |c: char| matches!(c, '-' | '.' | ',' | '/' | '_' | '\'') || c.is_whitespace() || is_dash(c);
    let mut digits = String::new();
    for c in text.chars() {
        match c.to_digit(10) {
            Some(_) => digits.push(c),
            None if is_between(c) => {}
            None => return None,
        }
    }
    Some(digits)
}

fn is_dash(c: char) -> bool {
    ('\u{2010}'..='\u{2015}').contains(&c) || c == '\u{2212}'
}

/// Runs of digits with hyphens, blanks or full stops between them, as one number each.
fn parts(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !(c.is_ascii_digit() || matches!(c, '-' | ' ' | '.')))
        .map(|run| run.trim_matches(['-', ' ', '.']))
        .filter_map(digits_alone)
        .filter(|digits| digits.len() == 10)
}

/// Made by a hash, or drawn.
fn is_random(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .any(|piece| is_digest(piece) || Uuid::try_parse(piece).is_ok())
        || text.split(['/', ':', '@', '#', '=', ';', '+']).any(|piece| Uuid::try_parse(piece).is_ok())
}

/// Ten digits of the shape DDMMYYSSSS, or nine where the zero in front was lost.
fn as_cpr(digits: &str) -> Option<String> {
    let ten = match digits.len() {
        9 => format!("0{digits}"),
        10 => digits.to_owned(),
        _ => return None,
    };
    looks_like_cpr(&ten).then_some(ten)
}

/// `1801123456.4`, also behind the name of an exchange (`nord-1801123456.4`).
fn is_call_id(text: &str) -> bool {
    let tail = text.rsplit_once(|c: char| !(c.is_ascii_digit() || c == '.')).map_or(text, |(_, tail)| tail);
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let name = &text[..text.len() - tail.len()];
    tail.split_once('.').is_some_and(|(seconds, count)| {
        seconds.len() == 10 && is_number(seconds) && is_number(count) && count.len() <= 9
    }) && !looks_like_cpr(name)
}

/// A telephone number as written in whatever form: its digits, the country's in front where it is told and not ours.
fn phone_in(text: &str) -> Option<String> {
    let text = text.strip_prefix("tel:").or_else(|| text.strip_prefix("sips:")).unwrap_or(text);
    let text = text.strip_prefix("sip:").unwrap_or(text);
    let text = text.split(['@', ';']).next().unwrap_or(text);
    let digits = digits_alone(&text.replace(['+', '(', ')'], "")).filter(|digits| !digits.is_empty())?;
    let is_told = text.starts_with('+') || digits.starts_with("00");
    let digits = digits.strip_prefix("00").unwrap_or(&digits);
    let ours = digits.strip_prefix("45").filter(|rest| rest.len() == 8).unwrap_or(digits);
    if looks_like_phone(ours) {
        return Some(ours.to_owned());
    }
    (is_told && (8..=15).contains(&digits.len())).then(|| digits.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masking() -> Masking {
        Masking::new([7; 32])
    }

    fn stored(field: Field, text: &str) -> String {
        masking().id(field, text).unwrap().0.to_string()
    }

    #[test]
    fn a_cpr_number_in_whatever_form_is_one_digest() {
        let one = stored(Field::Other, "0101280123");
        for text in [
            "101280123",
            "010128-0123",
            "010128 0123",
            "01.01.28-0123",
            "010128\u{a0}0123",
            " 0101280123 ",
            "\u{feff}0101280123",
            "101280123.0",
            "0101280123,00",
            "10128-0123",
            "010128–0123",
        ] {
            assert_eq!(stored(Field::Other, text), one, "{text:?}");
            assert_eq!(masking().id(Field::Device, text).unwrap().1, Some(Masked::Cpr));
            assert_eq!(masking().citizen(text).unwrap().0.as_str(), one);
        }
        assert!(one.starts_with("x-") && !one.bytes().any(|b| b.is_ascii_digit()));
        for text in ["cpr-010128-0123", "borger:0101280123", "a/01.01.28.0123/b", "visit-0101280123-2"] {
            assert_eq!(masking().id(Field::Other, text).unwrap().1, Some(Masked::Cpr), "{text}");
        }
    }

    #[test]
    fn ids_of_exchanges_uuids_and_digests_stay_in_the_months_whose_seconds_read_as_cpr_numbers() {
        // 26 January to 14 June 2027, a step of an hour and a bit.
        for seconds in (1_801_000_000_u64..1_813_000_000).step_by(4_001) {
            for call in [format!("{seconds}.4"), format!("nord-{seconds}.123"), format!("pbx1-{seconds}.0")] {
                assert_eq!(stored(Field::Call, &call), call);
            }
            assert_ne!(stored(Field::Device, &format!("{seconds}.0")), format!("{seconds}.0"));
        }
        for id in [
            "01011234-5678-4abc-8def-0101280123aa",
            "0190f5fe-7c00-7a00-8000-010128012345",
            "a0101280123bcdef0123456789abcdef",
        ] {
            assert_eq!(stored(Field::Other, id), id);
        }
    }

    #[test]
    fn a_telephone_number_is_one_where_a_device_is_named_and_an_id_elsewhere() {
        let one = stored(Field::Device, "20304050");
        for text in [
            "+45 20 30 40 50",
            "4520304050",
            "0045 20304050",
            "20-30-40-50",
            "tel:+4520304050",
            "sip:20304050@x",
        ] {
            assert_eq!(stored(Field::Device, text), one, "{text}");
        }
        assert_eq!(stored(Field::Other, "20304050"), "20304050");
        assert_eq!(stored(Field::Device, "444"), "444");
        assert_ne!(stored(Field::Device, "+47 22 33 44 556"), "+472233445566");
        assert_eq!(masking().citizen("20304050").unwrap().0.as_str(), "20304050");
    }

    #[test]
    fn what_no_id_looks_like_is_taken_all_the_same() {
        assert_eq!(masking().id(Field::Other, "  \u{0} "), None);
        for text in ["æble", "a b", "\u{202e}1", &"x".repeat(5_000)] {
            let (id, masked) = masking().id(Field::Other, text).unwrap();
            assert_eq!(
                (id.as_str().len(), masked),
                (PREFIX.len() + 2 * BYTES, Some(Masked::Form)),
                "{text:?}"
            );
        }
        assert_eq!(stored(Field::Other, "a-1"), "a-1");
        assert_ne!(
            stored(Field::Other, "a b"),
            Masking::new([8; 32]).id(Field::Other, "a b").unwrap().0.as_str()
        );
    }
}
