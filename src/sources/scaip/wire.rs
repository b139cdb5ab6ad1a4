//! A SCAIP body -> a request; an answer -> a body.
//!
//! Owns the names of the elements, and every leniency: root `mrq`, or `scaip` with the same inside, with or without
//! name space; element names in any case and order; codes as numbers, whatever their padding; UTF-8, UTF-16 and Latin-1,
//! whatever is declared; NULs and blanks around. What is missing or makes no sense is left out here, never guessed. A body
//! that is no good XML is read as far as whole elements go. Must never know what a code means.

use std::borrow::Cow;
use std::fmt;

use super::salvage;
use crate::sources::xml::{self, Element, Limits};

/// A whole request is small; the standard counts in single kilobytes. Nothing is refused for what is still harmless.
pub const LIMITS: Limits = Limits {
    bytes_max: 128 * 1024,
    depth_max: 32,
    elements_max: 1024,
    attributes_max: 32,
    text_bytes_max: 128 * 1024,
};
/// Most `crd` that are read.
pub const CALLERS_MAX: usize = 8;
/// So much of one text is read (characters); far more than can be shown.
const TEXT_CHARS_MAX: usize = 1000;
/// So much of a reference is repeated in an answer (characters); the standard has 16.
const REFERENCE_CHARS_MAX: usize = 1000;

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
    /// It is no good XML: this is what of it could be read.
    pub is_broken: bool,
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
}

impl Unreadable {
    /// Stable code for source health.
    pub fn code(self) -> &'static str {
        match self {
            Self::Xml(refused) => refused.code(),
            Self::Root => "scaip-unknown-root",
        }
    }
}

impl From<xml::Refused> for Unreadable {
    fn from(refused: xml::Refused) -> Self {
        Self::Xml(refused)
    }
}

/// What of a body can be read.
pub enum Read {
    Whole(Request),
    /// Not all of it; and why.
    Broken(Request, Unreadable),
}

/// Reads a body, whole or as far as it goes.
///
/// # Errors
/// [`Unreadable`]: not even who sent it.
pub fn read_any(body: &[u8]) -> Result<Read, Unreadable> {
    let unreadable = match read(body) {
        Ok(request) => return Ok(Read::Whole(request)),
        Err(unreadable) => unreadable,
    };
    let fields = salvage::fields(&in_utf8(body));
    let is_answer = fields.iter().any(|(name, _)| name == "snu");
    let request = request(Root::default(), &fields);
    if request.account.is_none() || is_answer {
        return Err(unreadable);
    }
    Ok(Read::Broken(Request { is_broken: true, to_come: 0, ..request }, unreadable))
}

/// Reads a body.
///
/// # Errors
/// [`Unreadable`]: no good request. One that lacks something is one all the same.
pub fn read(body: &[u8]) -> Result<Request, Unreadable> {
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
    let fields: Vec<(String, String)> =
        fields.children.iter().map(|it| (it.name.to_ascii_lowercase(), it.text.clone())).collect();
    Ok(request(root, &fields))
}

/// A request of its elements, by their names in small letters.
fn request(root: Root, fields: &[(String, String)]) -> Request {
    let id = |name| all(fields, name).map(id).find(|id| !id.is_empty());
    Request {
        root,
        kind: kind(field(fields, "mty")),
        reference: id("ref"),
        account: id("cid"),
        device_type: number(fields, "dty"),
        state: number(fields, "stc"),
        info: number(fields, "ico"),
        takes_interval: number(fields, "hbo") == Some(1),
        to_come: number(fields, "ame").unwrap_or(0),
        callers: all(fields, "crd").take(CALLERS_MAX).map(cut).collect(),
        texts: ["dte", "stt", "lte", "ite"].iter().filter_map(|name| field(fields, name)).map(cut).collect(),
        is_broken: false,
    }
}

fn cut(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}

/// An id has no blank, and nothing that cannot be seen.
fn id(text: &str) -> String {
    let is_part = |c: &char| {
        !c.is_whitespace() && !c.is_control() && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}')
    };
    text.chars().filter(is_part).collect()
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
fn all<'f>(fields: &'f [(String, String)], name: &'f str) -> impl Iterator<Item = &'f str> {
    let named = fields.iter().filter(move |(it, _)| it == name);
    named.map(|(_, text)| text.trim()).filter(|text| !text.is_empty())
}

/// The first value of that name.
fn field<'f>(fields: &'f [(String, String)], name: &'f str) -> Option<&'f str> {
    all(fields, name).next()
}

fn number(fields: &[(String, String)], name: &str) -> Option<u16> {
    let text = field(fields, name)?;
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// The body as UTF-8, without what stands around it. The declaration goes with the encoding it declares: what it is in
/// is seen, not believed. NULs say nothing; other characters that XML does not have are replaced.
fn in_utf8(body: &[u8]) -> String {
    let text = decoded(body);
    let is_nothing = |c: char| c.is_whitespace() || matches!(c, '\0' | '\u{feff}');
    let text = text.trim_matches(is_nothing);
    let text = match text.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")) {
        Some((_, rest)) => rest.trim_start_matches(is_nothing),
        None => text,
    };
    let allowed = |c: char| match c {
        '\0' => None,
        c if xml::is_allowed(c) => Some(c),
        _ => Some(char::REPLACEMENT_CHARACTER),
    };
    text.chars().filter_map(allowed).collect()
}

fn decoded(body: &[u8]) -> Cow<'_, str> {
    let wide = |read: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = body.chunks_exact(2).map(|pair| read([pair[0], pair[1]])).collect();
        Cow::Owned(String::from_utf16_lossy(&units))
    };
    match body {
        [0xff, 0xfe, ..] | [b'<', 0, ..] => return wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] | [0, b'<', ..] => return wide(u16::from_be_bytes),
        _ => {}
    }
    match std::str::from_utf8(body) {
        Ok(text) => Cow::Borrowed(text),
        // Cut in the middle of a character.
        Err(error) if error.error_len().is_none() => String::from_utf8_lossy(body),
        Err(_) => Cow::Owned(body.iter().map(|byte| char::from(*byte)).collect()),
    }
}

/// Where a document is over: behind the end of its root, if that is one of ours.
pub fn ends(body: &[u8]) -> Option<usize> {
    let opens = |at: &usize| body[*at] == b'<' && body.get(at + 1).is_some_and(u8::is_ascii_alphabetic);
    let start = (0..body.len()).find(opens)?;
    let name = &body[start + 1..];
    let name =
        &name[..name.iter().position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/'))?];
    let local = name.rsplit(|byte| *byte == b':').next().unwrap_or(name);
    if ![&b"mrq"[..], b"scaip", b"mrs"].iter().any(|ours| local.eq_ignore_ascii_case(ours)) {
        return None;
    }
    let tag_ends = start + body[start..].iter().position(|byte| *byte == b'>')?;
    if body[tag_ends - 1] == b'/' {
        return Some(tag_ends + 1);
    }
    let end = [b"</", name].concat();
    let at = tag_ends + body[tag_ends..].windows(end.len()).position(|it| it.eq_ignore_ascii_case(&end))?;
    let behind = at + end.len();
    let close = body[behind..].iter().position(|byte| !byte.is_ascii_whitespace())?;
    (body[behind + close] == b'>').then_some(behind + close + 1)
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
            .holding(said("ref", self.reference.chars().take(REFERENCE_CHARS_MAX).collect()))
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
    let document = xml::tree(&xml::check(in_utf8(body).as_bytes(), &LIMITS)?)?;
    if !matches!(document.name.to_ascii_lowercase().as_str(), "mrs" | "scaip") {
        return Err(Unreadable::Root);
    }
    let fields: Vec<(String, String)> =
        document.children.into_iter().map(|it| (it.name.to_ascii_lowercase(), it.text)).collect();
    Ok((field(&fields, "ref").map(str::to_owned), number(&fields, "snu")))
}

/// Whether a body of this content type may be a request. Some units send it as something else.
pub fn may_be_request(content_type: Option<&str>, body: &[u8]) -> bool {
    let is_xml =
        content_type.is_none_or(|it| it.trim().is_empty() || it.to_ascii_lowercase().contains("xml"));
    is_xml || {
        let text = decoded(&body[..body.len().min(1024)]).to_ascii_lowercase();
        ["<mrq", ":mrq", "<scaip", "<cid"].iter().any(|it| text.contains(it))
    }
}

/// Whether it is text that begins as a request does: then it is not packed, whatever is said of it.
pub fn is_plain(body: &[u8]) -> bool {
    decoded(&body[..body.len().min(64)])
        .trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '\0' | '\u{feff}'))
        .starts_with('<')
}
