//! One call as both sides know it: what is told gives what is to be sent. Pure; must never read a clock or a socket.

use std::net::SocketAddr;

use super::{Account, Callee, Missed};
use crate::sources::digest::{answer, is_stale};

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
    account: Account,
    uri: String,
    /// The other side's `To`, with its tag once it has one.
    to: String,
    /// Where the rest of the call is asked for.
    target: String,
    /// `Record-Route` of the answer, in the order to go.
    route: Vec<String>,
    phase: Phase,
    wants_end: bool,
    /// The `CSeq` of the call as it was asked for last; the goodbye has the next one.
    number: u32,
    /// The header line that says who we are, once that was asked.
    proof: String,
    /// That of the goodbye.
    goodbye_proof: String,
    /// Why it was refused.
    why: Missed,
}

impl Dialog {
    pub fn new(to: &Callee, account: Account, at: SocketAddr, sound_port: u16, reference: &str) -> Self {
        let uri = to.uri();
        Self {
            at,
            sound_port,
            reference: reference.to_owned(),
            account,
            to: format!("<{uri}>"),
            target: uri.clone(),
            uri,
            route: Vec::new(),
            phase: Phase::Calling,
            wants_end: false,
            number: 1,
            proof: String::new(),
            goodbye_proof: String::new(),
            why: Missed::Refused,
        }
    }

    /// The call itself, with the smallest offer that any exchange takes.
    pub fn begin(&self) -> String {
        let ip = self.at.ip();
        let version = if ip.is_ipv4() { 4 } else { 6 };
        let offer = format!(
            "v=0\r\no=- 1 1 IN IP{version} {ip}\r\ns=-\r\nc=IN IP{version} {ip}\r\nt=0 0\r\n\
             m=audio {} RTP/AVP 8 0\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n",
            self.sound_port
        );
        let more = format!(
            "Contact: <sip:{}@{}>\r\n{}Content-Type: application/sdp\r\n",
            self.account.user, self.at, self.proof
        );
        self.write(&Ask { more: &more, body: &offer, ..self.about_the_call("INVITE", &self.to) })
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
        let (number, method) = (number.parse().unwrap_or(0), method.trim());
        match (heard.status, method) {
            (Some(status), "INVITE") if number == self.number => self.answered(status, &heard),
            // A refusal that was already answered with a proof: said again, it is only acknowledged again.
            (Some(300..), "INVITE") if (1..self.number).contains(&number) => {
                vec![self.heard_refusal(number, &heard)]
            }
            (Some(status), "BYE") if number == self.goodbye_number() && status >= 200 => {
                self.let_go(status, &heard)
            }
            (Some(_), _) | (None, "ACK") => Vec::new(),
            (None, method) => {
                if method == "BYE" {
                    self.phase = Phase::Over;
                }
                vec![heard.reply(if method == "BYE" { "200 OK" } else { "501 Not Implemented" })]
            }
        }
    }

    fn answered(&mut self, status: u16, heard: &Heard) -> Vec<String> {
        match status {
            0..200 => {
                self.keep_to(heard);
                if self.phase != Phase::Calling {
                    return Vec::new();
                }
                self.phase = Phase::Ringing;
                if self.wants_end { self.hang_up() } else { Vec::new() }
            }
            200..300 => {
                self.keep_to(heard);
                if let Some(contact) = heard.one("contact", "m") {
                    let inner = contact.split_once('<').and_then(|(_, it)| it.split_once('>'));
                    inner.map_or(contact, |(uri, _)| uri).clone_into(&mut self.target);
                }
                self.route = heard.all("record-route").map(str::to_owned).collect();
                self.route.reverse();
                let mut send = vec![self.heard_answer()];
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
                let mut send = vec![self.heard_refusal(self.number, heard)];
                if matches!(self.phase, Phase::Calling | Phase::Ringing) {
                    match self.proven(status, heard) {
                        Ok(()) => send.push(self.begin()),
                        Err(why) => (self.phase, self.why) = (Phase::Refused, why),
                    }
                } else if self.phase == Phase::Cancelled {
                    self.phase = Phase::Over;
                }
                send
            }
        }
    }

    fn keep_to(&mut self, heard: &Heard) {
        if let Some(to) = heard.one("to", "t") {
            to.clone_into(&mut self.to);
        }
    }

    /// Refused: asked again as whom the exchange wants to know us, if that was all. Once, and once more when only the
    /// exchange's word for it was too old: what is wrong now is wrong the next time too.
    fn proven(&mut self, status: u16, heard: &Heard) -> Result<(), Missed> {
        let asked = match status {
            401 | 407 => heard.challenges(status),
            403 if !self.proof.is_empty() => return Err(Missed::SecretWrong),
            _ => return Err(Missed::Refused),
        };
        let is_first = self.proof.is_empty() || self.number == 2 && asked.iter().any(|it| is_stale(it));
        if !is_first {
            return Err(Missed::SecretWrong);
        }
        if self.account.secret.is_none() {
            return Err(Missed::SecretNeeded);
        }
        let proof = self.proof_for(status, &asked, "INVITE", &self.uri).ok_or(Missed::Refused)?;
        if self.wants_end {
            return Err(Missed::Unanswered);
        }
        self.proof = proof;
        self.number += 1;
        self.phase = Phase::Calling;
        self.to = format!("<{}>", self.uri);
        Ok(())
    }

    /// The header line for the first challenge that we know.
    fn proof_for(&self, status: u16, asked: &[&str], method: &str, uri: &str) -> Option<String> {
        let secret = self.account.secret.as_ref()?;
        let name = if status == 401 { "Authorization" } else { "Proxy-Authorization" };
        let own = format!("{}{method}{}", self.reference, self.number);
        let known = |it: &&str| answer(it, (&self.account.user, secret), (method, uri), &own);
        asked.iter().find_map(known).map(|value| format!("{name}: {value}\r\n"))
    }

    /// The goodbye was answered. Some ask once more who says it.
    fn let_go(&mut self, status: u16, heard: &Heard) -> Vec<String> {
        if matches!(status, 401 | 407) && self.phase == Phase::HungUp && self.goodbye_proof.is_empty() {
            let proof = self.proof_for(status, &heard.challenges(status), "BYE", &self.target);
            if let Some(proof) = proof {
                self.goodbye_proof = proof;
                return vec![self.bye()];
            }
        }
        self.phase = Phase::Over;
        Vec::new()
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
            Phase::Refused => self.why,
            _ => Missed::NotSeen,
        }
    }

    /// A request with the mark of the call as it was asked for last.
    fn about_the_call<'a>(&'a self, method: &'a str, to: &'a str) -> Ask<'a> {
        Ask { method, mark: "INVITE", number: self.number, uri: &self.uri, to, more: "", body: "" }
    }

    fn cancel(&self) -> String {
        self.write(&self.about_the_call("CANCEL", &format!("<{}>", self.uri)))
    }

    /// The acknowledgement of a refusal.
    fn heard_refusal(&self, number: u32, heard: &Heard) -> String {
        let to = heard.one("to", "t").unwrap_or(&self.to);
        self.write(&Ask { number, ..self.about_the_call("ACK", to) })
    }

    /// The acknowledgement of an answer.
    fn heard_answer(&self) -> String {
        let (uri, more) = (self.target.as_str(), self.proof.as_str());
        self.write(&Ask { mark: "talking", uri, more, ..self.about_the_call("ACK", &self.to) })
    }

    fn goodbye_number(&self) -> u32 {
        self.number + 1 + u32::from(!self.goodbye_proof.is_empty())
    }

    fn bye(&self) -> String {
        let (number, uri, more) = (self.goodbye_number(), self.target.as_str(), self.goodbye_proof.as_str());
        self.write(&Ask { mark: "BYE", number, uri, more, ..self.about_the_call("BYE", &self.to) })
    }

    fn call_id(&self) -> String {
        format!("{}@{}", self.reference, self.at.ip())
    }

    fn write(&self, ask: &Ask) -> String {
        let Ask { method, mark, number, uri, to, more, body } = ask;
        let (at, reference, user) = (self.at, &self.reference, &self.account.user);
        let route: String = self.route.iter().map(|it| format!("Route: {it}\r\n")).collect();
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {at};branch=z9hG4bK{reference}{mark}{number};rport\r\n\
             Max-Forwards: 70\r\n{route}From: <sip:{user}@{at}>;tag={reference}\r\nTo: {to}\r\n\
             Call-ID: {}\r\nCSeq: {number} {method}\r\nUser-Agent: Vagttavle\r\n{more}Content-Length: {}\r\n\r\n{body}",
            self.call_id(),
            body.len()
        )
    }
}

/// One request of ours.
struct Ask<'a> {
    method: &'a str,
    /// Its own among those of its number; what takes back a request, or acknowledges its refusal, bears that one's.
    mark: &'a str,
    number: u32,
    uri: &'a str,
    to: &'a str,
    /// More header lines, whole.
    more: &'a str,
    body: &'a str,
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

    /// Who we must say that we are, in the order that the other side likes best.
    fn challenges(&self, status: u16) -> Vec<&'a str> {
        self.all(if status == 401 { "www-authenticate" } else { "proxy-authenticate" }).collect()
    }

    /// The answer to a request: the headers that belong to it come back as they are.
    fn reply(&self, status: &str) -> String {
        let kept = ["via", "v", "from", "f", "to", "t", "call-id", "i", "cseq"];
        let kept = self.headers.iter().filter(|(name, _)| kept.contains(&name.as_str()));
        let lines: String = kept.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("SIP/2.0 {status}\r\n{lines}Content-Length: 0\r\n\r\n")
    }
}
