//! A SCAIP body -> a request; an answer -> a body.
//!
//! Owns the names of the elements, and every leniency: root `mrq`, or `scaip` with the same inside, with or without
//! name space; element names in any case and order; codes as numbers, whatever their padding; Latin-1. What is
//! missing or makes no sense is left out here, never guessed. Must never know what a code means.

use std::borrow::Cow;
use std::fmt;

use crate::sources::xml::{self, Element, Limits};

/// A whole request is small; the standard counts in single kilobytes.
pub const LIMITS: Limits =
    Limits { bytes_max: 16 * 1024, depth_max: 8, elements_max: 128, attributes_max: 8, text_bytes_max: 2048 };
/// Longest `ref` and `cid` that are taken (characters); the standard has 16 and 32.
pub const ID_CHARS_MAX: usize = 128;
/// Most `crd` that are read.
pub const CALLERS_MAX: usize = 8;

const CONTENT_TYPE: &str = "application/scaip+xml";
const CONTENT_TYPE_OTHER: &str = "application/xml";

/// What kind of message it is (`mty`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// `ME`, or nothing, or a word we do not know: an alarm until it proves to be less.
    #[default]
    Message,
    /// `RE`: the unit gives up.
    Reset,
    /// `IN`: more about the same.
    Information,
    /// `PI`: it lives.
    Heartbeat,
}

/// How a request is dressed; its answer is dressed likewise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Root {
    #[default]
    Mrq,
    Scaip,
}

/// One request. The texts and callers are personal: `Debug` shows only what is there.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Request {
    pub root: Root,
    pub kind: Kind,
    pub reference: Option<String>,
    /// The account number of the controller.
    pub account: Option<String>,
    pub device_type: Option<u16>,
    pub state: Option<u16>,
    pub info: Option<u16>,
    /// The unit lets itself be told how often to say that it lives.
    pub takes_interval: bool,
    /// So many parts of it are still to come.
    pub to_come: u16,
    /// Where it can be called, as it says: `gsm:…`, `sip:…`, `no-voice:`.
    pub callers: Vec<String>,
    /// Device, status, place and information, as texts, in this order.
    pub texts: Vec<String>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Request({:?} {:?}, type {:?}, state {:?}, {} texts)",
            self.root,
            self.kind,
            self.device_type,
            self.state,
            self.texts.len()
        )
    }
}

/// Why a body is no request. Says nothing of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.code())]
pub enum Unreadable {
    Xml(xml::Refused),
    /// Another root than `mrq` or `scaip`.
    Root,
    IdTooLong,
}

impl Unreadable {
    /// Stable code for source health.
    pub fn code(self) -> &'static str {
        match self {
            Self::Xml(refused) => refused.code(),
            Self::Root => "scaip-unknown-root",
            Self::IdTooLong => "scaip-id-too-long",
        }
    }
}

impl From<xml::Refused> for Unreadable {
    fn from(refused: xml::Refused) -> Self {
        Self::Xml(refused)
    }
}

/// Reads a body.
///
/// # Errors
/// [`Unreadable`]: no request at all. One that lacks something is a request all the same.
pub fn read(body: &[u8]) -> Result<Request, Unreadable> {
    if body.len() > LIMITS.bytes_max {
        return Err(xml::Refused::TooLarge.into());
    }
    let text = in_utf8(body);
    let checked = xml::check(text.as_bytes(), &LIMITS)?;
    let document = xml::tree(&checked)?;
    let (root, fields) = match document.name.to_ascii_lowercase().as_str() {
        "mrq" => (Root::Mrq, &document),
        "scaip" => {
            let inner = document.children.iter().find(|it| it.name.eq_ignore_ascii_case("mrq"));
            (Root::Scaip, inner.unwrap_or(&document))
        }
        _ => return Err(Unreadable::Root),
    };
    let id = |name| match field(fields, name) {
        Some(text) if text.chars().count() > ID_CHARS_MAX => Err(Unreadable::IdTooLong),
        found => Ok(found.map(str::to_owned)),
    };
    Ok(Request {
        root,
        kind: kind(field(fields, "mty")),
        reference: id("ref")?,
        account: id("cid")?,
        device_type: number(fields, "dty"),
        state: number(fields, "stc"),
        info: number(fields, "ico"),
        takes_interval: number(fields, "hbo") == Some(1),
        to_come: number(fields, "ame").unwrap_or(0),
        callers: all(fields, "crd").take(CALLERS_MAX).map(str::to_owned).collect(),
        texts: ["dte", "stt", "lte", "ite"]
            .iter()
            .filter_map(|name| field(fields, name))
            .map(str::to_owned)
            .collect(),
    })
}

fn kind(mty: Option<&str>) -> Kind {
    match mty.map(str::to_ascii_uppercase).as_deref() {
        Some("RE") => Kind::Reset,
        Some("IN") => Kind::Information,
        Some("PI") => Kind::Heartbeat,
        _ => Kind::Message,
    }
}

/// Every value of that name that is not blank.
fn all<'e>(fields: &'e Element, name: &'e str) -> impl Iterator<Item = &'e str> {
    let named = fields.children.iter().filter(move |it| it.name.eq_ignore_ascii_case(name));
    named.map(|it| it.text.trim()).filter(|text| !text.is_empty())
}

/// The first value of that name.
fn field<'e>(fields: &'e Element, name: &'e str) -> Option<&'e str> {
    all(fields, name).next()
}

fn number(fields: &Element, name: &str) -> Option<u16> {
    let text = field(fields, name)?;
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// The body as UTF-8. Units that say, or do not say, that theirs is Latin-1 are not left unheard for an ø. The
/// declaration goes with the encoding it declares.
fn in_utf8(body: &[u8]) -> Cow<'_, str> {
    let text = match std::str::from_utf8(body) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(body.iter().map(|byte| char::from(*byte)).collect()),
    };
    let declaration = text.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>"));
    let says_latin = declaration.is_some_and(|(says, _)| {
        let says = says.to_ascii_lowercase();
        says.contains("iso-8859-1") || says.contains("windows-1252") || says.contains("us-ascii")
    });
    match declaration {
        Some((_, rest)) if says_latin => Cow::Owned(rest.to_owned()),
        _ => text,
    }
}

/// What we answer (`snu`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Handled,
    Hold,
    NotTreated,
    FieldMissing,
    ReferenceMissing,
}

impl Status {
    pub fn number(self) -> u8 {
        match self {
            Self::Handled => 0,
            Self::Hold => 4,
            Self::NotTreated => 5,
            Self::FieldMissing => 7,
            Self::ReferenceMissing => 10,
        }
    }
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// As it was asked, even if it is none.
    pub reference: String,
    pub status: Status,
    /// The unit is to call: speech both ways. Else it is to keep quiet.
    pub voice: bool,
    /// How often it is to say that it lives (minutes).
    pub interval_minutes: Option<u16>,
}

impl Answer {
    /// The answer and its content type.
    pub fn write(&self, root: Root) -> (&'static str, String) {
        let (name, content_type) = match root {
            Root::Mrq => ("mrs", CONTENT_TYPE),
            Root::Scaip => ("scaip", CONTENT_TYPE_OTHER),
        };
        let said = |name: &str, text: String| Element { text, ..Element::new(name) };
        let mut answer = Element::new(name)
            .holding(said("ref", self.reference.clone()))
            .holding(said("snu", self.status.number().to_string()));
        if self.status == Status::Handled {
            answer = answer.holding(said("mre", u8::from(self.voice).to_string()));
        }
        if let Some(minutes) = self.interval_minutes {
            answer = answer.holding(said("hbi", minutes.to_string()));
        }
        (content_type, answer.document())
    }
}

/// A request and its content type. For those who ask.
pub fn question(account: &str, reference: &str, elements: &[(&str, &str)]) -> (&'static str, String) {
    let said = |(name, text): (&str, &str)| Element { text: text.to_owned(), ..Element::new(name) };
    let always = [("ref", reference), ("cid", account)];
    let all = always.into_iter().chain(elements.iter().copied());
    let request = all.fold(Element::new("mrq"), |request, element| request.holding(said(element)));
    (CONTENT_TYPE, request.document())
}

/// What an answer of the other side says: its reference and status. For those who ask.
///
/// # Errors
/// [`Unreadable`]: no answer.
pub fn read_answer(body: &[u8]) -> Result<(Option<String>, Option<u16>), Unreadable> {
    let document = xml::tree(&xml::check(body, &LIMITS)?)?;
    if !matches!(document.name.to_ascii_lowercase().as_str(), "mrs" | "scaip") {
        return Err(Unreadable::Root);
    }
    Ok((field(&document, "ref").map(str::to_owned), number(&document, "snu")))
}

/// Whether a body of this content type may be a request. Some units send it as something else.
pub fn may_be_request(content_type: Option<&str>, body: &[u8]) -> bool {
    let is_xml = content_type.is_none_or(|it| it.to_ascii_lowercase().contains("xml"));
    let has =
        |what: &[u8]| body.windows(what.len()).take(512).any(|window| window.eq_ignore_ascii_case(what));
    is_xml || has(b"<mrq") || has(b"<scaip")
}
