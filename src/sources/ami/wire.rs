//! Bytes of the manager interface -> messages.
//!
//! Owns the framing: a banner line, then messages of `Name: value` lines, each ended by
//! an empty line, with CRLF or LF. Must never know what a message means.
//!
//! Our own codec, not the crate `asterisk-rs-ami` (0.8): there a message over the limit
//! ends the connection, only CRLF ends a line, and events reach the reader through a
//! broadcast bus apart from the replies, which loses the order between a queue's
//! list and the events around it (and events, when the reader lags). We need one ordered stream,
//! and a breach of a limit that costs one message.
//!
//! Nothing in here can end the connection but the socket itself: what cannot be read
//! becomes [`Frame::Unreadable`] and reading goes on after the next empty line.

use std::fmt;
use std::io;

use bytes::{Buf, BytesMut};
use tokio_util::codec::Decoder;

use crate::domain::identity::Code;

/// Longest line, in bytes. Asterisk sets no limit on what it sends; its longest seen is 2 kB.
pub const LINE_BYTES_MAX: usize = 16 * 1024;
/// Most lines in a message.
pub const MESSAGE_LINES_MAX: usize = 512;
/// Most bytes in a message.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// How the banner begins; after it comes the version of the interface, not of Asterisk.
const BANNER: &[u8] = b"Asterisk Call Manager/";

/// What the decoder hands out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// The greeting. No empty line follows it.
    Banner,
    Message(Message),
    /// A message was thrown away, or read without one of its lines.
    Unreadable(Breach),
}

/// Which rule was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breach {
    LineTooLong,
    TooManyLines,
    MessageTooBig,
    /// A line without a colon. The rest of its message is still read.
    NotAHeader,
    /// The first line was no banner: this is no manager interface.
    NoBanner,
}

impl Breach {
    /// Stable code for source health.
    pub fn code(self) -> Code {
        Code::constant(match self {
            Self::LineTooLong => "line-too-long",
            Self::TooManyLines => "too-many-lines",
            Self::MessageTooBig => "message-too-big",
            Self::NotAHeader => "not-a-header",
            Self::NoBanner => "no-banner",
        })
    }
}

/// One message: headers in the order they came. Values are as sent, bytes that are no UTF-8
/// replaced by U+FFFD, escapes not undone.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Message {
    headers: Vec<(String, String)>,
}

impl Message {
    /// The first value of that name (any case); empty values count as absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Every value of that name, empty ones too.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let wanted = self.headers.iter().filter(move |(header, _)| header.eq_ignore_ascii_case(name));
        wanted.map(|(_, value)| value.as_str())
    }

    /// The kind of event, if it is one.
    pub fn event(&self) -> Option<&str> {
        self.get("Event")
    }
}

/// Names only: values hold callers' numbers and names, and this may end up in a log line.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Message ")?;
        f.debug_set().entries(self.headers.iter().map(|(name, _)| name)).finish()
    }
}

/// The decoder. One for each connection.
#[derive(Debug, Clone, Default)]
pub struct Wire {
    greeted: bool,
    message: Message,
    /// Bytes and lines of the message so far.
    size: usize,
    lines: usize,
    /// Bytes at the front of the buffer known to hold no line end.
    searched: usize,
    /// Set while the rest of a message is thrown away.
    skipping: Option<Breach>,
    /// The front of the line now in the buffer was thrown away.
    line_cut: bool,
    /// A breach to report after the message it was in.
    flaw: Option<Breach>,
}

impl Wire {
    /// Takes the next whole line, without its end. None: more bytes are needed.
    fn line(&mut self, src: &mut BytesMut) -> Option<BytesMut> {
        let Some(found) = src[self.searched..].iter().position(|byte| *byte == b'\n') else {
            self.searched = src.len();
            return None;
        };
        let mut line = src.split_to(self.searched + found);
        src.advance(1);
        self.searched = 0;
        if line.last() == Some(&b'\r') {
            line.truncate(line.len() - 1);
        }
        Some(line)
    }

    /// Throws the message so far away, and what follows up to the next empty line.
    fn skip(&mut self, breach: Breach) {
        self.message = Message::default();
        self.flaw = None;
        self.skipping.get_or_insert(breach);
    }

    /// Takes one line into the message.
    fn header(&mut self, line: &[u8]) {
        self.size += line.len();
        self.lines += 1;
        if line.len() > LINE_BYTES_MAX {
            self.skip(Breach::LineTooLong);
        } else if self.lines > MESSAGE_LINES_MAX {
            self.skip(Breach::TooManyLines);
        } else if self.size > MESSAGE_BYTES_MAX {
            self.skip(Breach::MessageTooBig);
        } else if let Some(colon) = line.iter().position(|byte| *byte == b':') {
            let value = line[colon + 1..].strip_prefix(b" ").unwrap_or(&line[colon + 1..]);
            let name = String::from_utf8_lossy(&line[..colon]).trim().to_owned();
            self.message.headers.push((name, String::from_utf8_lossy(value).into_owned()));
        } else {
            self.flaw = Some(Breach::NotAHeader);
        }
    }

    /// The empty line: hands out what was gathered.
    fn end(&mut self) -> Option<Frame> {
        self.size = 0;
        self.lines = 0;
        if let Some(breach) = self.skipping.take() {
            return Some(Frame::Unreadable(breach));
        }
        if self.message.headers.is_empty() {
            return self.flaw.take().map(Frame::Unreadable);
        }
        Some(Frame::Message(std::mem::take(&mut self.message)))
    }
}

impl Decoder for Wire {
    type Item = Frame;
    type Error = io::Error;

    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<Frame>, io::Error> {
        // A message may have been handed out with a flaw: told after it, before the next.
        if self.lines == 0
            && let Some(breach) = self.flaw.take()
        {
            return Ok(Some(Frame::Unreadable(breach)));
        }
        while let Some(line) = self.line(src) {
            if self.line_cut {
                self.line_cut = false;
                continue;
            }
            if self.lines == 0 && self.skipping.is_none() {
                if line.starts_with(BANNER) && line.len() <= LINE_BYTES_MAX {
                    self.greeted = true;
                    return Ok(Some(Frame::Banner));
                }
                if !std::mem::replace(&mut self.greeted, true) {
                    self.skip(Breach::NoBanner);
                }
            }
            if line.is_empty() {
                if let Some(frame) = self.end() {
                    return Ok(Some(frame));
                }
            } else if self.skipping.is_none() {
                self.header(&line);
            }
        }
        // An endless line must not fill the memory.
        if src.len() > LINE_BYTES_MAX {
            let was_greeted = std::mem::replace(&mut self.greeted, true);
            self.skip(if was_greeted { Breach::LineTooLong } else { Breach::NoBanner });
            self.line_cut = true;
            self.searched = 0;
            src.clear();
        }
        Ok(None)
    }

    /// What stands without an empty line after it was cut off: it is no message.
    fn decode_eof(&mut self, src: &mut BytesMut) -> Result<Option<Frame>, io::Error> {
        let frame = self.decode(src)?;
        if frame.is_none() {
            src.clear();
        }
        Ok(frame)
    }
}

/// Undoes the C escapes that Asterisk puts into callers' names in events (not in the
/// items of a queue's list). An escape it never writes stays as it is.
pub fn unescape(value: &str) -> String {
    let mut plain = String::with_capacity(value.len());
    let mut rest = value.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match rest.next() {
            Some('a') => plain.push('\u{7}'),
            Some('b') => plain.push('\u{8}'),
            Some('f') => plain.push('\u{c}'),
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('t') => plain.push('\t'),
            Some('v') => plain.push('\u{b}'),
            Some(same @ ('\\' | '\'' | '"' | '?')) => plain.push(same),
            Some(other) => plain.extend(['\\', other]),
            None => plain.push('\\'),
        }
    }
    plain
}
