//! Messages out of bytes: a datagram, or a stream of them. Pure.
//!
//! Owns where one message ends and the next begins, also when a length is wrong or not there: an alarm is handed on with
//! what is there of it, and what follows it is not lost with it. What a body says is asked of [`Ends`]; nothing else may
//! be known of it here.

use bytes::{Buf, BytesMut};

use super::head::{Head, Length, Start, begun, is_nothing, split};

/// Start line and headers (bytes).
pub const HEAD_MAX: usize = 64 * 1024;
/// What is read of a message's body (bytes); of a longer one the beginning. The standard stays below 2000.
pub const BODY_MAX: usize = 64 * 1024;
/// A body that is longer than this ends its connection: so much is not read to be thrown away.
const SKIPPED_MAX: usize = 1024 * 1024;

/// Where a body that says so itself is over; none: it does not say, or not yet.
pub type Ends = fn(&[u8]) -> Option<usize>;

/// One message. Personal: no `Debug`.
pub struct Message {
    pub head: Head,
    pub body: Vec<u8>,
    /// What came with it behind the length that it says. Only of a datagram.
    pub beyond: Vec<u8>,
    /// What is wrong with its form, by its code of source health; it is read all the same.
    pub odd: Option<&'static str>,
}

/// What stands at the front of a stream.
pub enum Next {
    /// Nothing whole yet.
    More,
    KeepAlive,
    Message(Box<Message>),
    /// Something that is no message; what is after it can be read.
    Unreadable(&'static str),
    /// Where the next message begins is not known: the connection must be closed.
    Lost(&'static str),
}

pub const KEEP_ALIVE: &[u8] = b"\r\n\r\n";
pub const KEEP_ALIVE_ANSWER: &[u8] = b"\r\n";

/// One datagram.
///
/// # Errors
/// The code of source health: it is no SIP at all.
pub fn datagram(bytes: &[u8]) -> Result<Message, &'static str> {
    let bytes = begun(bytes);
    let (head_ends, body_at) = split(bytes).unwrap_or((bytes.len(), bytes.len()));
    if head_ends > HEAD_MAX {
        return Err("sip-head-too-large");
    }
    let head = Head::read(&bytes[..head_ends]).ok_or("sip-unreadable")?;
    let rest = &bytes[body_at..];
    let (length, mut odd) = match head.length() {
        Length::Said(length) if length > rest.len() => (rest.len(), Some("sip-body-cut")),
        Length::Said(length) => (length, None),
        Length::NotSaid => (rest.len(), None),
        Length::Odd => (rest.len(), Some("sip-bad-length")),
    };
    if head_ends == body_at {
        odd = Some("sip-half-message");
    }
    let odd = odd.or(head.lacks_something().then_some("sip-headers-missing"));
    let (body, beyond) = rest.split_at(length);
    Ok(Message { head, body: body.to_vec(), beyond: beyond.to_vec(), odd })
}

/// What is read of one stream.
pub struct Frames {
    ends: Ends,
    /// Of a body that is too long so much is still to come.
    skip: usize,
}

impl Frames {
    pub fn new(ends: Ends) -> Self {
        Self { ends, skip: 0 }
    }

    /// Takes what is whole from the front.
    pub fn next(&mut self, buffer: &mut BytesMut) -> Next {
        let skipped = self.skip.min(buffer.len());
        buffer.advance(skipped);
        self.skip -= skipped;
        if buffer.starts_with(KEEP_ALIVE) {
            buffer.advance(KEEP_ALIVE.len());
            return Next::KeepAlive;
        }
        // Half a keep-alive, or one too many.
        if self.skip > 0 || matches!(&buffer[..], b"" | b"\r" | b"\r\n" | b"\r\n\r") {
            return Next::More;
        }
        let nothing = buffer.iter().take_while(|byte| is_nothing(**byte)).count();
        buffer.advance(nothing);
        let Some((head_ends, body_at)) = split(buffer) else {
            return if buffer.len() > HEAD_MAX { Next::Lost("sip-head-too-large") } else { Next::More };
        };
        if head_ends > HEAD_MAX {
            return Next::Lost("sip-head-too-large");
        }
        let Some(head) = Head::read(&buffer[..head_ends]) else {
            // The rest of a body whose length was too small, or no SIP.
            buffer.advance(body_at);
            return Next::Unreadable("sip-unreadable");
        };
        let Some((length, odd)) = self.length(&head, &buffer[body_at..]) else { return Next::More };
        if length > BODY_MAX + SKIPPED_MAX {
            return Next::Lost("sip-body-too-large");
        }
        let kept = length.min(BODY_MAX);
        if buffer.len() < body_at + kept {
            return Next::More;
        }
        let odd = if kept < length { Some("sip-body-too-large") } else { odd };
        self.skip = length - kept;
        buffer.advance(body_at);
        let body = buffer.split_to(kept).to_vec();
        Next::Message(Box::new(whole(head, body, odd)))
    }

    /// What is left when the other side says nothing more: a message with what there is of its body.
    pub fn last(&self, buffer: &mut BytesMut) -> Option<Message> {
        let bytes = std::mem::take(buffer);
        let bytes = begun(&bytes);
        let (head_ends, body_at) = split(bytes).unwrap_or((bytes.len(), bytes.len()));
        let head = Head::read(bytes.get(..head_ends.min(HEAD_MAX))?)?;
        let body = bytes[body_at..].iter().take(BODY_MAX).copied().collect();
        (self.skip == 0).then(|| whole(head, body, Some("sip-half-message")))
    }

    /// How long the body is, and what is wrong with what the head says of it. None: it is not known yet.
    fn length(&self, head: &Head, rest: &[u8]) -> Option<(usize, Option<&'static str>)> {
        let over = || (self.ends)(&rest[..rest.len().min(BODY_MAX)]);
        let has_body = matches!(&head.start, Start::Request(method) if method == "MESSAGE");
        match head.length() {
            // It says too much: it would wait for the message after it, or for ever.
            Length::Said(length) if length > rest.len() && has_body => Some(match over() {
                Some(end) => (end, Some("sip-bad-length")),
                None => (length, None),
            }),
            Length::Said(length) => Some(match over() {
                // Too little of it, or the message after it too.
                Some(end) if has_body && (end > length || is_message(&rest[end..length])) => {
                    (end, Some("sip-bad-length"))
                }
                _ => (length, None),
            }),
            Length::NotSaid | Length::Odd if !has_body => Some((0, None)),
            Length::NotSaid if rest.is_empty() && head.get("content-type").is_none() => Some((0, None)),
            Length::NotSaid | Length::Odd => {
                let end = over().or((rest.len() > BODY_MAX).then_some(rest.len()))?;
                Some((end, Some("sip-bad-length")))
            }
        }
    }
}

fn whole(head: Head, body: Vec<u8>, odd: Option<&'static str>) -> Message {
    let odd = odd.or(head.lacks_something().then_some("sip-headers-missing"));
    Message { head, body, beyond: Vec::new(), odd }
}

/// Whether a request begins here.
fn is_message(bytes: &[u8]) -> bool {
    let bytes = begun(bytes);
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Head::read(line).is_some_and(|head| matches!(head.start, Start::Request(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = "MESSAGE sip:scaip@127.0.0.1:5060 SIP/2.0\r\n\
        Via: SIP/2.0/TCP 127.0.0.1:40000;branch=z9hG4bK-1;rport\r\nMax-Forwards: 70\r\n\
        From: <sip:4512345678@127.0.0.1>;tag=1\r\nTo: <sip:scaip@127.0.0.1>\r\nCall-ID: 1@test\r\n\
        CSeq: 1 MESSAGE\r\nContent-Type: application/scaip+xml\r\nContent-Length:   6\r\n\r\n<mrq/>";

    /// A body that is `<mrq/>` is over behind it.
    fn ends(body: &[u8]) -> Option<usize> {
        body.windows(6).position(|it| it == b"<mrq/>").map(|at| at + 6)
    }

    /// What is read, a message by its body and what is wrong with it.
    fn read(frames: &mut Frames, buffer: &mut BytesMut) -> Vec<String> {
        let mut seen = Vec::new();
        loop {
            seen.push(match frames.next(buffer) {
                Next::More => return seen,
                Next::KeepAlive => "keep-alive".to_owned(),
                Next::Message(it) => {
                    format!("{} {}", String::from_utf8_lossy(&it.body), it.odd.unwrap_or("whole"))
                }
                Next::Unreadable(what) => what.to_owned(),
                Next::Lost(what) => {
                    seen.push(what.to_owned());
                    return seen;
                }
            });
        }
    }

    fn all(bytes: impl AsRef<[u8]>) -> Vec<String> {
        read(&mut Frames::new(ends), &mut BytesMut::from(bytes.as_ref()))
    }

    #[test]
    fn a_stream_cut_anywhere_gives_the_same_messages() {
        let twice = format!("\r\n\r\n{MESSAGE}\r\n\0{MESSAGE}");
        for cut in 0..=twice.len() {
            let mut frames = Frames::new(ends);
            let mut buffer = BytesMut::from(&twice.as_bytes()[..cut]);
            let mut seen = read(&mut frames, &mut buffer);
            buffer.extend_from_slice(&twice.as_bytes()[cut..]);
            seen.extend(read(&mut frames, &mut buffer));
            seen.retain(|it| it != "keep-alive");
            assert_eq!(seen, ["<mrq/> whole", "<mrq/> whole"], "cut at {cut}");
        }
    }

    #[test]
    fn a_length_that_is_wrong_or_not_there_costs_neither_this_message_nor_the_next() {
        for said in ["", "Content-Length: x\r\n", "Content-Length: 7000\r\n", "l: 99999999999999\r\n"] {
            let odd = MESSAGE.replace("Content-Length:   6\r\n", said);
            let both = ["<mrq/> sip-bad-length".to_owned(), "<mrq/> whole".to_owned()];
            assert_eq!(all(format!("{odd}{MESSAGE}")), both, "{said}");
        }
        let small = MESSAGE.replace("Content-Length:   6", "Content-Length: 2");
        assert_eq!(all(format!("{small}{MESSAGE}")), ["<mrq/> sip-bad-length", "<mrq/> whole"]);
        // The rest of it came later: it stands before the next one.
        for between in ["", "\r\n", "\r\n\r\n"] {
            let (mut frames, mut buffer) = (Frames::new(ends), BytesMut::from(&small[..small.len() - 4]));
            assert_eq!(read(&mut frames, &mut buffer), ["<m whole"]);
            buffer.extend_from_slice(format!("rq/>{between}{MESSAGE}").as_bytes());
            assert_eq!(read(&mut frames, &mut buffer).last().map(String::as_str), Some("<mrq/> whole"));
        }
        // Too large, and the next one is inside.
        let large = MESSAGE.replace("Content-Length:   6", &format!("Content-Length: {}", 6 + MESSAGE.len()));
        assert_eq!(all(format!("{large}{MESSAGE}")), ["<mrq/> sip-bad-length", "<mrq/> whole"]);
    }

    #[test]
    fn a_body_that_is_too_long_is_read_as_far_as_it_goes_and_the_next_message_follows() {
        let long = MESSAGE.replace("Content-Length:   6\r\n\r\n<mrq/>", "Content-Length: 70000\r\n\r\n");
        let text = format!("{long}{}{MESSAGE}", "x".repeat(70_000));
        let seen = all(text);
        assert_eq!(seen.len(), 2);
        assert!(seen[0].len() > BODY_MAX && seen[0].ends_with("sip-body-too-large"));
        assert_eq!(seen[1], "<mrq/> whole");
        let endless =
            MESSAGE.replace("Content-Length:   6\r\n\r\n<mrq/>", "Content-Length: 4000000000\r\n\r\n");
        assert_eq!(all(endless), ["sip-body-too-large"]);
        assert_eq!(all(vec![b'x'; HEAD_MAX + 1]), ["sip-head-too-large"]);
    }

    #[test]
    fn a_datagram_cut_anywhere_is_read_as_far_as_it_goes_and_says_what_is_wrong() {
        for cut in 0..MESSAGE.len() {
            match datagram(&MESSAGE.as_bytes()[..cut]) {
                Ok(it) => {
                    assert!(matches!(it.odd, Some("sip-half-message" | "sip-body-cut")), "cut at {cut}")
                }
                Err(what) => assert!(what == "sip-unreadable" && cut < 8, "cut at {cut}"),
            }
        }
        let whole = datagram(MESSAGE.as_bytes()).unwrap_or_else(|_| panic!("whole"));
        assert_eq!((whole.body.as_slice(), whole.odd), (b"<mrq/>".as_slice(), None));
    }

    #[test]
    fn a_datagram_may_begin_with_nothing_lack_a_length_and_say_a_wrong_one() {
        let bare = MESSAGE.replace("Content-Length:   6\r\n", "").replace("\r\n", "\n");
        for front in ["", "\r\n", "\r\n\r\n", "\u{feff}", "\0\0 \t\r\n"] {
            let it = datagram(format!("{front}{bare}").as_bytes()).unwrap_or_else(|_| panic!("read"));
            assert_eq!((it.body.as_slice(), it.odd), (b"<mrq/>".as_slice(), None), "{front:?}");
        }
        let small = MESSAGE.replace("Content-Length:   6", "Content-Length: 2");
        let it = datagram(small.as_bytes()).unwrap_or_else(|_| panic!("read"));
        assert_eq!((it.body.as_slice(), it.beyond.as_slice()), (b"<m".as_slice(), b"rq/>".as_slice()));
        let odd = MESSAGE.replace("Content-Length:   6", "Content-Length: six");
        let it = datagram(odd.as_bytes()).unwrap_or_else(|_| panic!("read"));
        assert_eq!((it.body.as_slice(), it.odd), (b"<mrq/>".as_slice(), Some("sip-bad-length")));
    }

    #[test]
    fn what_a_stream_ends_in_is_read_as_far_as_it_goes() {
        for cut in 8..MESSAGE.len() {
            let mut buffer = BytesMut::from(&MESSAGE.as_bytes()[..cut]);
            let mut frames = Frames::new(ends);
            assert!(matches!(frames.next(&mut buffer), Next::More));
            let last = frames.last(&mut buffer).unwrap_or_else(|| panic!("cut at {cut}"));
            assert!(last.odd == Some("sip-half-message") && buffer.is_empty());
        }
    }
}
