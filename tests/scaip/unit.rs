//! An alarm unit for tests: speaks SIP over UDP, says what it was answered. Its SIP is written here, without ours.

use std::collections::BTreeSet;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// Longest wait for an answer.
const BOUND: Duration = Duration::from_secs(60);

pub struct Unit {
    socket: UdpSocket,
    server: SocketAddr,
    account: String,
    sent: u32,
    /// Messages of the server that were heard: one may come again when we were slow to confirm it.
    heard: BTreeSet<String>,
}

/// What came back to one request.
#[derive(Debug)]
pub struct Answered {
    /// The status of the SIP answer.
    pub sip: u16,
    /// `snu` in the body of the SIP answer.
    pub in_ok: Option<u16>,
    /// `snu` of the MESSAGE that followed.
    pub own: Option<u16>,
}

fn between<'t>(text: &'t str, from: &str, to: &str) -> Option<&'t str> {
    text.split_once(from)?.1.split_once(to).map(|(found, _)| found)
}

fn snu(text: &str) -> Option<u16> {
    between(text, "<snu>", "</snu>").map(|it| it.parse().unwrap())
}

/// A MESSAGE with this body, from an address and an account: their `sent`th. `more`: header lines.
pub fn request(
    server: SocketAddr,
    (at, account): (SocketAddr, &str),
    sent: u32,
    more: &str,
    body: &[u8],
) -> Vec<u8> {
    let head = format!(
        "MESSAGE sip:scaip@{server} SIP/2.0\r\nVia: SIP/2.0/UDP {at};branch=z9hG4bK-{account}-{sent};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:{account}@{at}>;tag=unit\r\nTo: <sip:scaip@{server}>\r\n\
         Call-ID: {account}-{sent}@{at}\r\nCSeq: {sent} MESSAGE\r\nContent-Type: application/scaip+xml\r\n\
         {more}Content-Length: {length}\r\n\r\n",
        length = body.len(),
    );
    [head.as_bytes(), body].concat()
}

impl Unit {
    pub fn new(server: SocketAddr, account: &str) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        Self { socket, server, account: account.to_owned(), sent: 0, heard: BTreeSet::new() }
    }

    /// A request with these elements besides `ref` and `cid`; waits for the SIP answer and, after a 200, for the
    /// MESSAGE with the same reference.
    pub fn ask(&mut self, reference: &str, elements: &str) -> Answered {
        let account = &self.account;
        self.say(&format!("<mrq><ref>{reference}</ref><cid>{account}</cid>{elements}</mrq>"), reference)
    }

    /// As `ask`; refused for now, it is said again, as units do.
    pub fn ask_until_taken(&mut self, reference: &str, elements: &str) -> Answered {
        let give_up_at = Instant::now() + BOUND;
        loop {
            let answered = self.ask(reference, elements);
            if answered.sip != 503 {
                return answered;
            }
            assert!(Instant::now() < give_up_at, "{answered:?}");
            std::thread::park_timeout(Duration::from_millis(300));
        }
    }

    /// A body as it is.
    pub fn say(&mut self, body: &str, reference: &str) -> Answered {
        self.say_as("", body.as_bytes(), Some(reference))
    }

    /// With more header lines. Without a reference only SIP's answer is waited for.
    pub fn say_as(&mut self, more: &str, body: &[u8], reference: Option<&str>) -> Answered {
        self.sent += 1;
        let at = self.socket.local_addr().unwrap();
        let request = request(self.server, (at, &self.account), self.sent, more, body);
        self.send(&request);
        let wanted = reference.map(|it| format!("<ref>{it}</ref>"));
        let mut answered: Option<Answered> = None;
        let mut own = None;
        let mut next_copy = Instant::now() + Duration::from_millis(500);
        let give_up_at = Instant::now() + BOUND;
        loop {
            assert!(Instant::now() < give_up_at, "no answer to {reference:?}: {answered:?}");
            if answered.is_none() && Instant::now() >= next_copy {
                self.send(&request);
                next_copy += Duration::from_secs(1);
            }
            let Some(text) = self.hear() else { continue };
            if text.starts_with("MESSAGE ") {
                self.confirm(&text);
                let call = between(&text, "Call-ID: ", "\r\n").unwrap();
                let is_ours = wanted.as_ref().is_some_and(|it| text.contains(it));
                if self.heard.insert(call.to_owned()) && is_ours {
                    own = snu(&text);
                }
            } else if text.contains(&format!("Call-ID: {}-{}@", self.account, self.sent)) {
                let sip = text.split(' ').nth(1).unwrap().parse().unwrap();
                answered.get_or_insert(Answered { sip, in_ok: snu(&text), own: None });
            }
            if let Some(done) = answered.take_if(|it| it.sip != 200 || own.is_some() || wanted.is_none()) {
                return Answered { own, ..done };
            }
        }
    }

    fn send(&self, bytes: &[u8]) {
        self.socket.send_to(bytes, self.server).unwrap();
    }

    fn hear(&self) -> Option<String> {
        let mut buffer = vec![0; 65_535];
        let size = self.socket.recv(&mut buffer).ok()?;
        Some(String::from_utf8(buffer[..size].to_vec()).unwrap())
    }

    fn confirm(&self, message: &str) {
        let mut answer = String::from("SIP/2.0 200 OK\r\n");
        for line in message.lines().take_while(|line| !line.is_empty()) {
            if line.starts_with("To:") {
                answer.push_str(&format!("{line};tag=unit\r\n"));
            } else if ["Via:", "From:", "Call-ID:", "CSeq:"].iter().any(|name| line.starts_with(name)) {
                answer.push_str(&format!("{line}\r\n"));
            }
        }
        answer.push_str("Content-Length: 0\r\n\r\n");
        self.send(answer.as_bytes());
    }
}
