//! XML: the only entry of it into the program, and the only way out.
//!
//! Owns what is refused before anything is read: documents with a DOCTYPE, an entity of their own, a processing
//! instruction, another encoding, or more of anything than the named [`Limits`]. Only [`check`] makes a [`Checked`], and
//! only a [`Checked`] can be read. Must never know what a document is about, nor put content into an error.

use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use serde::{Deserialize, Serialize};

/// How much of anything a document may have. Each source names its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The whole document.
    pub bytes_max: usize,
    /// Elements inside each other, the root included.
    pub depth_max: usize,
    /// Elements in all.
    pub elements_max: usize,
    /// Attributes of one element, name space declarations included.
    pub attributes_max: usize,
    /// One attribute's value, or the text between two tags (bytes, as written).
    pub text_bytes_max: usize,
}

/// Why a document is refused. Says nothing of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.code())]
pub enum Refused {
    TooLarge,
    NotUtf8,
    /// One that XML does not allow, written or referred to.
    BadCharacter,
    /// A declaration of another version or encoding, or in another place than the beginning.
    Declaration,
    Doctype,
    /// An entity besides the five that every document has.
    Entity,
    Instruction,
    TooDeep,
    TooManyElements,
    TooManyAttributes,
    TextTooLong,
    Syntax,
    /// It ends before its root does, or has none.
    Incomplete,
    /// Good XML of another kind than was asked for.
    Shape,
}

impl Refused {
    /// A stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "xml-too-large",
            Self::NotUtf8 => "xml-not-utf8",
            Self::BadCharacter => "xml-bad-character",
            Self::Declaration => "xml-bad-declaration",
            Self::Doctype => "xml-doctype",
            Self::Entity => "xml-entity",
            Self::Instruction => "xml-instruction",
            Self::TooDeep => "xml-too-deep",
            Self::TooManyElements => "xml-too-many-elements",
            Self::TooManyAttributes => "xml-too-many-attributes",
            Self::TextTooLong => "xml-text-too-long",
            Self::Syntax => "xml-syntax",
            Self::Incomplete => "xml-incomplete",
            Self::Shape => "xml-wrong-shape",
        }
    }
}

/// A document that was looked through and found harmless. Personal: no `Debug`.
#[derive(Clone, Copy)]
pub struct Checked<'a> {
    text: &'a str,
}

impl<'a> Checked<'a> {
    /// The document, without a byte order mark.
    pub const fn as_str(&self) -> &'a str {
        self.text
    }
}

/// Looks a document through, to its end.
///
/// # Errors
/// The first thing that is refused.
pub fn check<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Checked<'a>, Refused> {
    if bytes.len() > limits.bytes_max {
        return Err(Refused::TooLarge);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Refused::NotUtf8)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !text.chars().all(is_allowed) {
        return Err(Refused::BadCharacter);
    }
    let mut reader = reader(text);
    let mut walk = Walk { limits, depth: 0, elements: 0, text_bytes: 0, has_root: false };
    loop {
        let is_first = reader.buffer_position() == 0;
        match reader.read_event().map_err(|_| Refused::Syntax)? {
            Event::Eof => break,
            event => walk.step(&event, is_first)?,
        }
    }
    if walk.depth > 0 || !walk.has_root { Err(Refused::Incomplete) } else { Ok(Checked { text }) }
}

/// Reads a checked document into a type: attributes are `@name`, text is `$text`, names are without prefix.
///
/// # Errors
/// [`Refused::Shape`]: it is not one of those.
pub fn read<'a, T: Deserialize<'a>>(checked: &Checked<'a>) -> Result<T, Refused> {
    quick_xml::de::from_str(checked.text).map_err(|_| Refused::Shape)
}

/// Writes a value as a document, without a declaration.
///
/// # Errors
/// [`Refused::Shape`]: a value that cannot be written as XML (a map with keys that are no names).
pub fn write<T: Serialize + ?Sized>(root: &str, value: &T) -> Result<String, Refused> {
    quick_xml::se::to_string_with_root(root, value).map_err(|_| Refused::Shape)
}

fn reader(text: &str) -> Reader<&[u8]> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_comments = true;
    reader
}

/// The characters of XML 1.0.
pub const fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// A name, or a prefix and a name: each is one by itself, as we go by the second alone.
fn is_name(name: &str) -> bool {
    let is_start = |c: char| c.is_alphabetic() || c == '_';
    let is_part = |part: &str| {
        part.starts_with(is_start)
            && part.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
    };
    name.splitn(2, ':').all(is_part)
}

fn is_predefined(entity: &[u8]) -> bool {
    matches!(entity, b"amp" | b"lt" | b"gt" | b"quot" | b"apos")
}

struct Walk<'l> {
    limits: &'l Limits,
    depth: usize,
    elements: usize,
    /// Of the text since the last tag.
    text_bytes: usize,
    has_root: bool,
}

impl Walk<'_> {
    fn step(&mut self, event: &Event<'_>, is_first: bool) -> Result<(), Refused> {
        match event {
            Event::Start(start) => {
                self.element(start)?;
                self.depth += 1;
                Ok(())
            }
            Event::Empty(start) => self.element(start),
            Event::End(_) => {
                // The reader has matched the name.
                self.depth = self.depth.saturating_sub(1);
                self.text_bytes = 0;
                Ok(())
            }
            Event::Text(text) => self.text(text),
            Event::CData(text) if self.depth > 0 => self.long(text.len()),
            Event::GeneralRef(reference) if self.depth > 0 => {
                self.long(reference.len() + 2)?;
                referred(reference)
            }
            Event::CData(_) | Event::GeneralRef(_) => Err(Refused::Syntax),
            Event::Comment(_) | Event::Eof => Ok(()),
            Event::Decl(declaration) if is_first => declared(declaration),
            Event::Decl(_) => Err(Refused::Declaration),
            Event::PI(_) => Err(Refused::Instruction),
            Event::DocType(_) => Err(Refused::Doctype),
        }
    }

    fn element(&mut self, start: &BytesStart<'_>) -> Result<(), Refused> {
        if self.depth == 0 && self.has_root {
            return Err(Refused::Syntax);
        }
        self.has_root = true;
        self.text_bytes = 0;
        self.elements += 1;
        if self.elements > self.limits.elements_max {
            return Err(Refused::TooManyElements);
        }
        if self.depth >= self.limits.depth_max {
            return Err(Refused::TooDeep);
        }
        named(start.name().as_ref())?;
        for (place, attribute) in start.attributes().enumerate() {
            if place == self.limits.attributes_max {
                return Err(Refused::TooManyAttributes);
            }
            let attribute = attribute.map_err(|_| Refused::Syntax)?;
            named(attribute.key.as_ref())?;
            if attribute.value.len() > self.limits.text_bytes_max {
                return Err(Refused::TextTooLong);
            }
            value(&attribute.value)?;
        }
        Ok(())
    }

    fn text(&mut self, text: &[u8]) -> Result<(), Refused> {
        if self.depth == 0 {
            return if text.iter().all(u8::is_ascii_whitespace) { Ok(()) } else { Err(Refused::Syntax) };
        }
        if text.windows(3).any(|it| it == b"]]>") {
            return Err(Refused::Syntax);
        }
        self.long(text.len())
    }

    fn long(&mut self, bytes: usize) -> Result<(), Refused> {
        self.text_bytes = self.text_bytes.saturating_add(bytes);
        if self.text_bytes > self.limits.text_bytes_max { Err(Refused::TextTooLong) } else { Ok(()) }
    }
}

fn named(name: &[u8]) -> Result<(), Refused> {
    match std::str::from_utf8(name) {
        Ok(name) if is_name(name) => Ok(()),
        _ => Err(Refused::Syntax),
    }
}

/// An attribute's value: no tag in it, and no entity that is not everybody's.
fn value(raw: &[u8]) -> Result<(), Refused> {
    if raw.contains(&b'<') {
        return Err(Refused::Syntax);
    }
    let text = std::str::from_utf8(raw).map_err(|_| Refused::NotUtf8)?;
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('&') {
        let (name, left) = after.split_once(';').ok_or(Refused::Syntax)?;
        referred(&BytesRef::new(name))?;
        rest = left;
    }
    Ok(())
}

/// `&name;` or `&#number;`.
fn referred(reference: &BytesRef<'_>) -> Result<(), Refused> {
    match reference.resolve_char_ref().map_err(|_| Refused::Syntax)? {
        Some(c) if is_allowed(c) => Ok(()),
        Some(_) => Err(Refused::BadCharacter),
        None if is_predefined(reference) => Ok(()),
        None => Err(Refused::Entity),
    }
}

fn declared(declaration: &BytesDecl<'_>) -> Result<(), Refused> {
    let is_first_version = declaration.version().is_ok_and(|version| version.as_ref() == b"1.0");
    let is_utf8 = declaration
        .encoding()
        .is_none_or(|encoding| encoding.is_ok_and(|encoding| encoding.eq_ignore_ascii_case(b"utf-8")));
    if is_first_version && is_utf8 { Ok(()) } else { Err(Refused::Declaration) }
}

/// One element of a document, for those who read it without a type. Personal: no `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// Without prefix.
    pub name: String,
    /// Names without prefix, values with their entities put in. Name space declarations are left out.
    pub attributes: Vec<(String, String)>,
    pub children: Vec<Element>,
    /// The element's own text, that of its children left out.
    pub text: String,
    /// The name space that the element itself declares without prefix, or under its own.
    pub name_space: Option<String>,
}

impl Element {
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// The same with one attribute more.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.attributes.push((name.to_owned(), value.into()));
        self
    }

    /// The same with one child more.
    #[must_use]
    pub fn holding(mut self, child: Self) -> Self {
        self.children.push(child);
        self
    }

    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    /// As a document with a declaration. What XML cannot hold is replaced.
    pub fn document(&self) -> String {
        let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        self.write(&mut text);
        text
    }

    fn write(&self, into: &mut String) {
        into.push('<');
        into.push_str(&self.name);
        let declared = self.name_space.iter().map(|it| ("xmlns", it));
        let attributes = self.attributes.iter().map(|(name, value)| (name.as_str(), value));
        for (name, value) in declared.chain(attributes) {
            into.push(' ');
            into.push_str(name);
            into.push_str("=\"");
            escape(value, into);
            into.push('"');
        }
        if self.children.is_empty() && self.text.is_empty() {
            into.push_str("/>");
            return;
        }
        into.push('>');
        escape(&self.text, into);
        for child in &self.children {
            child.write(into);
        }
        into.push_str("</");
        into.push_str(&self.name);
        into.push('>');
    }
}

fn escape(text: &str, into: &mut String) {
    for c in text.chars() {
        match c {
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            '&' => into.push_str("&amp;"),
            '"' => into.push_str("&quot;"),
            '\t' | '\n' | '\r' => into.push_str(&format!("&#{};", u32::from(c))),
            c if is_allowed(c) => into.push(c),
            _ => into.push('\u{fffd}'),
        }
    }
}

/// A checked document as a tree, no deeper than it was allowed to be.
///
/// # Errors
/// [`Refused::Syntax`]: does not happen to a checked document.
pub fn tree(checked: &Checked<'_>) -> Result<Element, Refused> {
    let mut reader = reader(checked.text);
    // The first one holds the root.
    let mut open = vec![Element::default()];
    loop {
        let event = reader.read_event().map_err(|_| Refused::Syntax)?;
        match event {
            Event::Start(start) => open.push(begun(&start)?),
            Event::Empty(start) => close(&mut open, begun(&start)?),
            Event::End(_) => {
                let done = open.pop().ok_or(Refused::Syntax)?;
                close(&mut open, done);
            }
            Event::Text(text) => say(&mut open, &text.xml10_content().map_err(|_| Refused::Syntax)?),
            Event::CData(text) => say(&mut open, &text.xml10_content().map_err(|_| Refused::Syntax)?),
            Event::GeneralRef(reference) => say(&mut open, &meant(&reference)?),
            Event::Eof => break,
            _ => {}
        }
    }
    let top = open.pop().filter(|_| open.is_empty()).ok_or(Refused::Syntax)?;
    top.children.into_iter().next().ok_or(Refused::Syntax)
}

fn close(open: &mut [Element], done: Element) {
    if let Some(parent) = open.last_mut() {
        parent.children.push(done);
    }
}

fn say(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn meant(reference: &BytesRef<'_>) -> Result<String, Refused> {
    let name = std::str::from_utf8(reference).map_err(|_| Refused::NotUtf8)?;
    quick_xml::escape::unescape(&format!("&{name};"))
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| Refused::Entity)
}

fn begun(start: &BytesStart<'_>) -> Result<Element, Refused> {
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Refused::NotUtf8);
    let mut element = Element::new(&text(start.local_name().as_ref())?);
    let own_prefix = start.name().prefix().map(|it| it.as_ref().to_vec());
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|_| Refused::Syntax)?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| Refused::Syntax)?;
        let key = attribute.key;
        let declares = match key.prefix() {
            Some(prefix) if prefix.as_ref() == b"xmlns" => Some(Some(key.local_name().as_ref().to_vec())),
            None if key.as_ref() == b"xmlns" => Some(None),
            _ => None,
        };
        match declares {
            Some(prefix) if prefix == own_prefix => element.name_space = Some(value.into_owned()),
            Some(_) => {}
            None => {
                // Of two that differ in their prefix only, the first is the one.
                let name = text(key.local_name().as_ref())?;
                if element.attribute(&name).is_none() {
                    element.attributes.push((name, value.into_owned()));
                }
            }
        }
    }
    Ok(element)
}
