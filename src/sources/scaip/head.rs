//! The head of a SIP message: how one is read, and the ones that we write. Pure.
//!
//! Owns every leniency: short names and long ones in any case, folded lines, bare line ends, blanks and NULs in front,
//! lines that are none, headers that are not there. An alarm is not left unheard for the form of its envelope (RFC 3261
//! itself demands that a request without a tag is taken). Must never know what a body says, nor be logged.

use std::net::{IpAddr, SocketAddr};

use super::settings::Transport;

/// Ports where none is said (RFC 3261, 19.1.2).
const PORT: u16 = 5060;
const PORT_TLS: u16 = 5061;
/// What a word at the beginning of a request may be.
const METHODS: [&str; 14] = [
    "MESSAGE",
    "REGISTER",
    "OPTIONS",
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "SUBSCRIBE",
    "NOTIFY",
    "INFO",
    "PRACK",
    "UPDATE",
    "REFER",
    "PUBLISH",
];
/// What an answer repeats of its request, and how it is written.
const REPEATED: [(&str, &str); 5] =
    [("via", "Via"), ("from", "From"), ("to", "To"), ("call-id", "Call-ID"), ("cseq", "CSeq")];

/// How a message begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// The method in capitals.
    Request(String),
    Response(u16),
}

/// How long a message says that its body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    Said(usize),
    NotSaid,
    /// Something that is no length.
    Odd,
}

/// Where a unit is to be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Contact {
    pub transport: Transport,
    pub address: SocketAddr,
}

/// A body with its type.
#[derive(Clone)]
pub struct Body {
    pub content_type: String,
    pub bytes: Vec<u8>,
}

/// The head of one message. Personal: no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Head {
    pub start: Start,
    /// Long names in small letters; values on one line.
    lines: Vec<(String, String)>,
}

/// Where the head ends and where the body begins; lines may end in LF alone. None: the head is not whole.
pub fn split(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut line_start = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if *byte != b'\n' {
            continue;
        }
        let line = &bytes[line_start..at];
        if line_start > 0 && (line.is_empty() || line == b"\r") {
            return Some((line_start, at + 1));
        }
        line_start = at + 1;
    }
    None
}

/// Without what stands before the first word: line ends (RFC 3261, 7.5), blanks, NULs, a byte order mark.
pub fn begun(bytes: &[u8]) -> &[u8] {
    let bytes = &bytes[bytes.iter().take_while(|byte| is_nothing(**byte)).count()..];
    bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes)
}

/// A byte that says nothing where a message may begin.
pub fn is_nothing(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0
}

impl Head {
    /// None: neither its first line nor its CSeq says what it is.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(begun(bytes));
        let mut all = text.lines();
        let first = all.next()?;
        let mut lines: Vec<(String, String)> = Vec::new();
        for line in all {
            if line.starts_with([' ', '\t']) {
                if let Some((_, value)) = lines.last_mut() {
                    value.push(' ');
                    value.push_str(line.trim());
                }
            } else if let Some((name, value)) = line.split_once(':') {
                lines.push((long(name.trim()), value.trim().to_owned()));
            }
        }
        let number = lines.iter().find(|(name, _)| name == "cseq").map(|(_, value)| value.as_str());
        let start = start(first, number)?;
        Some(Self { start, lines })
    }

    /// The first value of this name (long, small letters).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.lines.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    /// It has nothing of what an answer is found by.
    pub fn lacks_something(&self) -> bool {
        REPEATED.iter().any(|(name, _)| self.get(name).is_none_or(str::is_empty))
    }

    pub fn length(&self) -> Length {
        match self.get("content-length") {
            None => Length::NotSaid,
            Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse::<u32>().map_or(Length::Odd, |it| Length::Said(it as usize))
            }
            Some(_) => Length::Odd,
        }
    }

    /// What its sender calls this exchange: of the first Via.
    pub fn branch(&self) -> Option<&str> {
        parameters(first_of(self.get("via")?))
            .find_map(|(name, value)| if name.eq_ignore_ascii_case("branch") { value } else { None })
    }

    /// The user part of who sent it.
    pub fn from_user(&self) -> Option<&str> {
        let (_, rest) = scheme(self.get("from")?)?;
        let end = rest.find(['@', '>', ';', '?', ' '])?;
        if !rest[end..].starts_with('@') {
            return None;
        }
        let user = rest[..end].split(':').next().unwrap_or_default();
        (!user.is_empty()).then_some(user)
    }

    /// Where it says that it is to be reached, if that is an address.
    pub fn contact(&self) -> Option<Contact> {
        let (is_secure, rest) = scheme(self.get("contact")?)?;
        let rest = rest.split(['>', ',', '?']).next()?;
        let (place, parameters) = rest.split_once(';').unwrap_or((rest, ""));
        let place = place.rsplit_once('@').map_or(place, |(_, place)| place).trim();
        let transport = parameters.split(';').find_map(|it| {
            let (name, value) = it.split_once('=')?;
            name.trim().eq_ignore_ascii_case("transport").then(|| value.trim().to_ascii_lowercase())
        });
        let transport = match transport.as_deref() {
            // `sips:` is by TLS and by nothing else (RFC 3261, 26.2.2).
            _ if is_secure => Transport::Tls,
            None | Some("udp") => Transport::Udp,
            Some("tcp") => Transport::Tcp,
            Some("tls") => Transport::Tls,
            Some(_) => return None,
        };
        let port = if transport == Transport::Tls { PORT_TLS } else { PORT };
        Some(Contact { transport, address: socket(place, port)? })
    }

    /// Where an answer over UDP goes besides where the request came from: the port that the sender names and does not
    /// leave to us (RFC 3261, 18.2.2; RFC 3581).
    pub fn answers_also_at(&self, peer: SocketAddr) -> Option<SocketAddr> {
        let via = first_of(self.get("via")?);
        if parameters(via).any(|(name, _)| name.eq_ignore_ascii_case("rport")) {
            return None;
        }
        let place = via.split(';').next()?.split_whitespace().next_back()?;
        let port = match socket(place, PORT) {
            Some(said) => said.port(),
            None => match place.rsplit_once(':') {
                Some((_, port)) => port.parse().ok()?,
                None => PORT,
            },
        };
        (port != peer.port() && port != 0).then(|| SocketAddr::new(peer.ip(), port))
    }

    /// Our answer to it, whole. `tag`: ours, where the request has none for us.
    pub fn answer(
        &self,
        (status, reason): (u16, &str),
        peer: SocketAddr,
        tag: &str,
        more: &[(&str, String)],
        body: Option<&Body>,
    ) -> Vec<u8> {
        let mut text = format!("SIP/2.0 {status} {reason}\r\n");
        let mut say = |name: &str, value: &str| {
            text.push_str(name);
            text.push_str(": ");
            text.push_str(value);
            text.push_str("\r\n");
        };
        for (name, written) in REPEATED {
            let mut is_first = true;
            for (_, value) in self.lines.iter().filter(|(it, _)| it == name) {
                match name {
                    "via" if is_first => say(written, &seen_from(value, peer)),
                    "to" if !has_tag(value) => say(written, &format!("{value};tag={tag}")),
                    _ => say(written, value),
                }
                is_first = false;
                if name != "via" {
                    break;
                }
            }
        }
        for (name, value) in more {
            say(name, value);
        }
        say("Server", "vagttavle");
        let bytes: &[u8] = match body {
            Some(body) => {
                say("Content-Type", &body.content_type);
                &body.bytes
            }
            None => &[],
        };
        say("Content-Length", &bytes.len().to_string());
        text.push_str("\r\n");
        [text.as_bytes(), bytes].concat()
    }
}

/// A request of our own.
pub struct Asked<'a> {
    pub user: &'a str,
    pub transport: Transport,
    /// Who is asked, and where we are to them.
    pub peer: SocketAddr,
    pub local: SocketAddr,
    /// Of this request alone; its branch and Call-ID are made of it.
    pub id: &'a str,
}

impl Asked<'_> {
    /// A MESSAGE, whole.
    pub fn message(&self, body: &Body) -> Vec<u8> {
        let Self { transport, peer, local, id, .. } = self;
        // A user that came from outside: what cannot stand in an address is left out.
        let is_part = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '*' | '#');
        let user: String = self.user.chars().filter(is_part).take(64).collect();
        let user = if user.is_empty() { "scaip" } else { &user };
        let name = transport.name();
        let by = if *transport == Transport::Udp { String::new() } else { format!(";transport={name}") };
        let head = format!(
            "MESSAGE sip:{user}@{peer}{by} SIP/2.0\r\nVia: SIP/2.0/{} {local};branch={BRANCH}{id};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:vagttavle@{local}>;tag={id}\r\nTo: <sip:{user}@{peer}{by}>\r\n\
             Call-ID: {id}@vagttavle\r\nCSeq: 1 MESSAGE\r\nUser-Agent: vagttavle\r\nContent-Type: {}\r\n\
             Content-Length: {}\r\n\r\n",
            name.to_ascii_uppercase(),
            body.content_type,
            body.bytes.len()
        );
        [head.as_bytes(), &body.bytes].concat()
    }
}

/// What every branch of this SIP begins with.
const BRANCH: &str = "z9hG4bK";

/// The id of the request of ours that this answers: by its branch, else by its Call-ID.
pub fn answers(head: &Head) -> impl Iterator<Item = &str> {
    let branch = head.branch().and_then(|it| it.strip_prefix(BRANCH));
    let call = head.get("call-id").and_then(|it| it.strip_suffix("@vagttavle"));
    branch.into_iter().chain(call)
}

fn start(first: &str, number: Option<&str>) -> Option<Start> {
    let words: Vec<&str> = first.split_whitespace().collect();
    let is_version = |word: &&str| word.get(..4).is_some_and(|it| it.eq_ignore_ascii_case("SIP/"));
    if words.first().is_some_and(is_version) {
        let status = words.get(1)?.parse().ok().filter(|it| (100..700).contains(it))?;
        return Some(Start::Response(status));
    }
    let known = |word: &str| {
        let word = word.to_ascii_uppercase();
        METHODS.contains(&word.as_str()).then_some(word)
    };
    let said = words.first().and_then(|word| known(word));
    let counted = || number?.split_whitespace().nth(1).and_then(known);
    let method = said.or_else(counted);
    let is_request = words.len() >= 2 && words.last().is_some_and(is_version);
    match method {
        Some(method) => Some(Start::Request(method)),
        None if is_request => words.first().map(|word| Start::Request(word.to_ascii_uppercase())),
        None => None,
    }
}

/// The long name, in small letters.
fn long(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        "v" => "via",
        "f" => "from",
        "t" => "to",
        "i" => "call-id",
        "m" => "contact",
        "l" => "content-length",
        "c" => "content-type",
        "e" => "content-encoding",
        _ => return name,
    }
    .to_owned()
}

/// The first of the values on one line.
fn first_of(value: &str) -> &str {
    let mut is_quoted = false;
    let end = value.find(|c| {
        is_quoted ^= c == '"';
        c == ',' && !is_quoted
    });
    value[..end.unwrap_or(value.len())].trim()
}

/// `;name=value` or `;name`, after the first part.
fn parameters(value: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    value.split(';').skip(1).map(|it| match it.split_once('=') {
        Some((name, value)) => (name.trim(), Some(value.trim())),
        None => (it.trim(), None),
    })
}

/// A Via as we saw it: whence it came (RFC 3261, 18.2.1; RFC 3581).
fn seen_from(value: &str, peer: SocketAddr) -> String {
    let first = first_of(value);
    let rest = value.trim_start().strip_prefix(first).unwrap_or_default();
    let mut seen = first.split(';').next().unwrap_or_default().trim().to_owned();
    for (name, value) in parameters(first) {
        match (name.to_ascii_lowercase().as_str(), value) {
            ("received", _) => {}
            ("rport", _) => seen.push_str(&format!(";rport={}", peer.port())),
            (_, Some(value)) => seen.push_str(&format!(";{name}={value}")),
            (_, None) => seen.push_str(&format!(";{name}")),
        }
    }
    seen.push_str(&format!(";received={}", peer.ip()));
    seen + rest
}

/// Whether an address has a tag: behind its brackets, if it has any.
fn has_tag(value: &str) -> bool {
    let after = value.rsplit_once('>').map_or(value, |(_, after)| after);
    parameters(after).any(|(name, _)| name.eq_ignore_ascii_case("tag"))
}

/// What follows `sip:` or `sips:`, and whether it was the second.
fn scheme(value: &str) -> Option<(bool, &str)> {
    let small = value.to_ascii_lowercase();
    let at = |word: &str| small.find(word).map(|at| at + word.len());
    match (at("sips:"), at("sip:")) {
        (Some(at), _) => Some((true, &value[at..])),
        (None, Some(at)) => Some((false, &value[at..])),
        (None, None) => None,
    }
}

/// An address with or without a port; names are not looked up.
fn socket(place: &str, port: u16) -> Option<SocketAddr> {
    let bare = place.trim_start_matches('[').trim_end_matches(']');
    let alone = || bare.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, port));
    place.parse().ok().or_else(alone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Head {
        Head::read(text.as_bytes()).expect("a head")
    }

    fn peer() -> SocketAddr {
        ([10, 0, 0, 7], 40_000).into()
    }

    #[test]
    fn short_names_folded_lines_any_case_and_what_is_no_line_are_read_alike() {
        let plain = head(
            "MESSAGE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h:9;branch=z9hG4bK1\r\nFrom: <sip:700@h>\r\n\
             Content-Type: application/scaip+xml\r\nContent-Length: 6",
        );
        let odd = head(
            "\0\r\n\r\n message sip:a@b sip/2.0 \nv : SIP/2.0/UDP h:9;\n\tbranch=z9hG4bK1\nF:<sip:700@h>\n\
             this is none\nC: application/scaip+xml\nl:6",
        );
        assert!(plain.start == odd.start && plain.length() == odd.length());
        assert_eq!((plain.branch(), odd.branch()), (Some("z9hG4bK1"), Some("z9hG4bK1")));
        assert_eq!((plain.from_user(), odd.from_user()), (Some("700"), Some("700")));
        assert_eq!(odd.get("content-type"), Some("application/scaip+xml"));
    }

    #[test]
    fn what_a_message_is_stands_in_its_first_line_or_in_its_number() {
        let method = |text: &str| Head::read(text.as_bytes()).map(|it| it.start);
        let message = Some(Start::Request("MESSAGE".into()));
        assert_eq!(method("MESSAGE sip:a@b SIP/2.0"), message);
        assert_eq!(method("MESSAGE sip:a@b"), message);
        assert_eq!(method("rest of a body</mrq>MESSAGE sip:a@b SIP/2.0\nCSeq: 7 MESSAGE"), message);
        assert_eq!(method("XX\nCSeq: 7 message"), message);
        assert_eq!(method("DANCE sip:a@b SIP/2.0"), Some(Start::Request("DANCE".into())));
        assert_eq!(method("SIP/2.0 200 OK\nCSeq: 7 MESSAGE"), Some(Start::Response(200)));
        for none in ["", "\r\n", "SIP/2.0", "SIP/2.0 x", "GET / HTTP/1.1\nHost: x", "\u{0}"] {
            assert_eq!(method(none), None, "{none:?}");
        }
    }

    #[test]
    fn an_answer_repeats_what_it_is_found_by_and_is_written_whatever_is_missing() {
        let asked = head(
            "MESSAGE sip:a@b SIP/2.0\nVia: SIP/2.0/UDP h:9;rport;branch=z9hG4bK1, SIP/2.0/TCP x;branch=z9hG4bK0\n\
             Via: SIP/2.0/UDP y;branch=z9hG4bK2\nFrom: \"A, B\" <sip:700@h>\nTo: <sip:a@b;tag=not>\nCall-ID: c\nCSeq: 1 MESSAGE",
        );
        let body = Body { content_type: "text/x".into(), bytes: b"hej".to_vec() };
        let answer = asked.answer((200, "OK"), peer(), "t1", &[("Allow", "MESSAGE".into())], Some(&body));
        assert_eq!(
            String::from_utf8(answer).expect("text"),
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h:9;rport=40000;branch=z9hG4bK1;received=10.0.0.7, SIP/2.0/TCP x;branch=z9hG4bK0\r\n\
             Via: SIP/2.0/UDP y;branch=z9hG4bK2\r\nFrom: \"A, B\" <sip:700@h>\r\nTo: <sip:a@b;tag=not>;tag=t1\r\nCall-ID: c\r\n\
             CSeq: 1 MESSAGE\r\nAllow: MESSAGE\r\nServer: vagttavle\r\nContent-Type: text/x\r\nContent-Length: 3\r\n\r\nhej"
        );
        let bare = head("MESSAGE x").answer((400, "Bad Request"), peer(), "t1", &[], None);
        assert_eq!(bare, b"SIP/2.0 400 Bad Request\r\nServer: vagttavle\r\nContent-Length: 0\r\n\r\n");
    }

    #[test]
    fn an_answer_goes_also_where_the_sender_listens_if_it_leaves_that_not_to_us() {
        let also = |via: &str| head(&format!("MESSAGE x SIP/2.0\nVia: {via}")).answers_also_at(peer());
        let port = |port: u16| Some(SocketAddr::new(peer().ip(), port));
        assert_eq!(also("SIP/2.0/UDP h:9;branch=1;rport"), None);
        assert_eq!(also("SIP/2.0/UDP h:40000;branch=1"), None);
        assert_eq!(also("SIP/2.0/UDP h:9;branch=1"), port(9));
        assert_eq!(also("SIP/2.0/UDP 192.168.1.4;branch=1"), port(5060));
        assert_eq!(also("SIP/2.0/UDP [fd00::1]:77;branch=1"), port(77));
        assert_eq!(also("SIP/2.0/UDP h:x"), None);
    }

    #[test]
    fn a_contact_is_an_address_with_its_transport() {
        let contact = |text: &str| head(&format!("REGISTER x SIP/2.0\nm: {text}")).contact();
        let is = |transport, address: &str| {
            Some(Contact { transport, address: address.parse().expect("an address") })
        };
        assert_eq!(contact("<sip:700@10.0.0.7:9>"), is(Transport::Udp, "10.0.0.7:9"));
        assert_eq!(
            contact("\"A\" <sip:700@10.0.0.7;transport=TCP>;expires=60"),
            is(Transport::Tcp, "10.0.0.7:5060")
        );
        assert_eq!(contact("<sips:700@[fd00::1]>"), is(Transport::Tls, "[fd00::1]:5061"));
        for none in ["*", "<sip:700@unit.example>", "<sip:700@10.0.0.7;transport=sctp>", ""] {
            assert_eq!(contact(none), None, "{none}");
        }
    }

    #[test]
    fn what_we_ask_holds_nothing_of_the_user_that_could_be_a_line() {
        let asked =
            Asked { user: "70 0>\r\nX: y", transport: Transport::Tcp, peer: peer(), local: peer(), id: "ab" };
        let text = asked.message(&Body { content_type: "a/b".into(), bytes: b"x".to_vec() });
        let text = String::from_utf8(text).expect("text");
        assert!(text.starts_with("MESSAGE sip:700Xy@10.0.0.7:40000;transport=tcp SIP/2.0\r\n"), "{text}");
        let answer =
            text.replacen("MESSAGE sip:700Xy@10.0.0.7:40000;transport=tcp SIP/2.0", "SIP/2.0 200 OK", 1);
        assert_eq!(answers(&head(&answer)).collect::<Vec<_>>(), ["ab", "ab"]);
    }
}
