//! One call as both sides know it: what is told gives what is to be sent. Pure; must never read a clock or a socket.

use std::net::SocketAddr;

use super::{CALLER, Callee, Missed};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing was said yet.
    Calling,
    /// The exchange has it.
    Ringing,
    /// Cancelled; the last word on the call is awaited.
    Cancelled,
    Talking,
    /// Hung up; to be confirmed.
    HungUp,
    Refused,
    Over,
}

/// One call.
pub struct Dialog {
    /// Our address.
    at: SocketAddr,
    sound_port: u16,
    reference: String,
    uri: String,
    /// The other side's `To`, with its tag once it has one.
    to: String,
    /// Where the rest of the call is asked for.
    target: String,
    /// `Record-Route` of the answer, in the order to go.
    route: Vec<String>,
    phase: Phase,
    wants_end: bool,
}

impl Dialog {
    pub fn new(to: &Callee, at: SocketAddr, sound_port: u16, reference: &str) -> Self {
        let uri = format!("sip:{}@{}:{}", to.user, to.host, to.port);
        Self {
            at,
            sound_port,
            reference: reference.to_owned(),
            to: format!("<{uri}>"),
            target: uri.clone(),
            uri,
            route: Vec::new(),
            phase: Phase::Calling,
            wants_end: false,
        }
    }

    /// The call itself, with the smallest offer that any exchange takes.
    pub fn begin(&self) -> String {
        let ip = self.at.ip();
        let offer = format!(
            "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {} RTP/AVP 8 0\r\n\
             a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n",
            self.sound_port
        );
        let more = format!("Contact: <sip:{CALLER}@{}>\r\nContent-Type: application/sdp\r\n", self.at);
        self.request("INVITE", "INVITE", 1, &self.uri, &more, &offer)
    }

    /// It is to end; what is sent for that now. Before the exchange said anything nothing can be (RFC 3261, 9.1): it
    /// follows its first word.
    pub fn hang_up(&mut self) -> Vec<String> {
        self.wants_end = true;
        match self.phase {
            Phase::Ringing => {
                self.phase = Phase::Cancelled;
                vec![self.cancel()]
            }
            Phase::Talking => {
                self.phase = Phase::HungUp;
                vec![self.bye()]
            }
            Phase::Calling | Phase::Cancelled | Phase::HungUp | Phase::Refused | Phase::Over => Vec::new(),
        }
    }

    /// A datagram came; what is sent for it. What is not about this call gives nothing.
    pub fn told(&mut self, text: &str) -> Vec<String> {
        let Some(heard) =
            Heard::read(text).filter(|heard| heard.one("call-id", "i") == Some(&self.call_id()))
        else {
            return Vec::new();
        };
        let Some((number, method)) = heard.one("cseq", "").and_then(|it| it.split_once(' ')) else {
            return Vec::new();
        };
        match (heard.status, number, method.trim()) {
            (Some(status), "1", "INVITE") => self.answered(status, &heard),
            (Some(status), "2", "BYE") if status >= 200 => {
                self.phase = Phase::Over;
                Vec::new()
            }
            (Some(_), ..) | (None, _, "ACK") => Vec::new(),
            (None, _, method) => {
                if method == "BYE" {
                    self.phase = Phase::Over;
                }
                vec![heard.reply(if method == "BYE" { "200 OK" } else { "501 Not Implemented" })]
            }
        }
    }

    fn answered(&mut self, status: u16, heard: &Heard) -> Vec<String> {
        if let Some(to) = heard.one("to", "t") {
            to.clone_into(&mut self.to);
        }
        match status {
            0..200 => {
                if self.phase != Phase::Calling {
                    return Vec::new();
                }
                self.phase = Phase::Ringing;
                if self.wants_end { self.hang_up() } else { Vec::new() }
            }
            200..300 => {
                if let Some(contact) = heard.one("contact", "m") {
                    let inner = contact.split_once('<').and_then(|(_, it)| it.split_once('>'));
                    inner.map_or(contact, |(uri, _)| uri).clone_into(&mut self.target);
                }
                self.route = heard.all("record-route").map(str::to_owned).collect();
                self.route.reverse();
                let mut send = vec![self.request("ACK", "talking", 1, &self.target, "", "")];
                // Said again, it is only acknowledged again.
                if matches!(self.phase, Phase::Calling | Phase::Ringing | Phase::Cancelled) {
                    self.phase = Phase::Talking;
                    if self.wants_end {
                        send.extend(self.hang_up());
                    }
                }
                send
            }
            _ => {
                self.phase = match self.phase {
                    Phase::Cancelled | Phase::Over => Phase::Over,
                    _ => Phase::Refused,
                };
                vec![self.request("ACK", "INVITE", 1, &self.uri, "", "")]
            }
        }
    }

    /// What is sent again until it is answered.
    pub fn repeats(&self) -> Option<String> {
        match self.phase {
            Phase::Calling => (!self.wants_end).then(|| self.begin()),
            Phase::Cancelled => Some(self.cancel()),
            Phase::HungUp => Some(self.bye()),
            Phase::Ringing | Phase::Talking | Phase::Refused | Phase::Over => None,
        }
    }

    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over | Phase::Refused)
    }

    pub fn is_refused(&self) -> bool {
        self.phase == Phase::Refused
    }

    /// Nobody saw it: how far it got.
    pub fn why_not_seen(&self) -> Missed {
        match self.phase {
            Phase::Calling => Missed::Unanswered,
            Phase::Refused => Missed::Refused,
            _ => Missed::NotSeen,
        }
    }

    fn cancel(&self) -> String {
        let plain = format!("<{}>", self.uri);
        self.request_to("CANCEL", "INVITE", 1, &self.uri, &plain, "", "")
    }

    fn bye(&self) -> String {
        self.request("BYE", "BYE", 2, &self.target, "", "")
    }

    fn call_id(&self) -> String {
        format!("{}@{}", self.reference, self.at.ip())
    }

    fn request(&self, method: &str, branch: &str, number: u32, uri: &str, more: &str, body: &str) -> String {
        self.request_to(method, branch, number, uri, &self.to, more, body)
    }

    #[expect(clippy::too_many_arguments, reason = "the lines of one message")]
    fn request_to(
        &self,
        method: &str,
        branch: &str,
        number: u32,
        uri: &str,
        to: &str,
        more: &str,
        body: &str,
    ) -> String {
        let (at, reference) = (self.at, &self.reference);
        let route: String = self.route.iter().map(|it| format!("Route: {it}\r\n")).collect();
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {at};branch=z9hG4bK{reference}{branch};rport\r\n\
             Max-Forwards: 70\r\n{route}From: <sip:{CALLER}@{at}>;tag={reference}\r\nTo: {to}\r\n\
             Call-ID: {}\r\nCSeq: {number} {method}\r\nUser-Agent: Vagttavle\r\n{more}Content-Length: {}\r\n\r\n{body}",
            self.call_id(),
            body.len()
        )
    }
}

/// What of a message is needed here.
struct Heard<'a> {
    /// None: a request.
    status: Option<u16>,
    headers: Vec<(String, &'a str)>,
}

impl<'a> Heard<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let mut lines = text.lines();
        let first = lines.next()?;
        let status = match first.strip_prefix("SIP/2.0 ") {
            Some(rest) => Some(rest.get(..3)?.parse().ok().filter(|it| (100..700).contains(it))?),
            None => first.ends_with(" SIP/2.0").then_some(None)?,
        };
        let head = lines.take_while(|line| !line.is_empty()).filter_map(|line| line.split_once(':'));
        let headers = head.map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim())).collect();
        Some(Self { status, headers })
    }

    /// By its name or its one-letter name.
    fn one(&self, name: &str, short: &str) -> Option<&'a str> {
        self.headers.iter().find(|(it, _)| it == name || it == short).map(|(_, value)| *value)
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(it, _)| it == name).map(|(_, value)| *value)
    }

    /// The answer to a request: the headers that belong to it come back as they are.
    fn reply(&self, status: &str) -> String {
        let kept = ["via", "v", "from", "f", "to", "t", "call-id", "i", "cseq"];
        let kept = self.headers.iter().filter(|(name, _)| kept.contains(&name.as_str()));
        let lines: String = kept.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("SIP/2.0 {status}\r\n{lines}Content-Length: 0\r\n\r\n")
    }
}
