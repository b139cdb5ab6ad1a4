//! Alarm units against the receiver, over real sockets: transport, dialects, accounts, and where each request leads.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use md5::{Digest, Md5};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use secrecy::SecretString;
use sha2::Sha256;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;
use vagttavle::domain::observation::Observation;
use vagttavle::protocol::board::SourceState;
use vagttavle::sources::Stands;
use vagttavle::sources::scaip::ask::{Asked, ask};
use vagttavle::sources::scaip::link::Receiver;
use vagttavle::sources::scaip::places::Places;
use vagttavle::sources::scaip::settings::{Settings, Transport};
use vagttavle::sources::scaip::sip::Tls;
use vagttavle::sources::scaip::trust;

use crate::inbox::{Seen, TestInbox};
use crate::mutate::{cuts, pieces};
use crate::support::{masking, night};

/// An alarm with the reference z1, packed by another hand: in its frame, and without one.
const PACKED: &str = "78daedd2b10d84300c05d055b2818d2868be5cdf1a77c4485100e9421ad80766a0cf62c45b50a4b19ff55d7e2ce92f483ac9d1816c630c5e066690013eefc2cc3dc8842d8ff5ec6a6aaaa9cae73b6fb15c5e5d70b1dc31eaaad9de5510ea28e74f57e7cb9d5c63e32b08b26682acfd0f63035c77";
const PACKED_RAW: &str =
    "b3c92d2ab4b3294a4db3ab32b4d107d136c9992976e6060636fa20864d4a49a59db18d3e88b2d107290600";

/// A few kilobytes, in hexadecimal, that would be a thousand times as much.
fn bomb() -> String {
    // One block of the fixed code: a zero, then again and again the 258 before; lowest bits first.
    let mut bits = "1".to_owned() + "10" + "00110000";
    for _ in 0..10_000 {
        bits.push_str("1100010100000");
    }
    bits.push_str("0000000");
    let byte = |bits: &[u8]| bits.iter().rev().fold(0u8, |byte, bit| byte << 1 | (bit - b'0'));
    hex::encode(bits.as_bytes().chunks(8).map(byte).collect::<Vec<u8>>())
}

pub const ALARM: &str = "<dty>0003</dty><stc>0010</stc>";
pub const BOUND: Duration = Duration::from_secs(60);
/// A datagram that is not answered by then is sent again.
const AGAIN: Duration = Duration::from_secs(1);

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/sources/fixtures/scaip").join(name)
}

/// Stream connections of a world at once.
const CONNECTIONS: usize = 64;

/// A receiver on free ports with an inbox in memory and a clock set by hand.
pub struct World {
    pub inbox: TestInbox,
    now: Arc<Mutex<DateTime<Utc>>>,
    pub at: BTreeMap<&'static str, SocketAddr>,
    /// What its connections are bounded by.
    connections: Places,
    stop: CancellationToken,
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl World {
    pub async fn new(more: &str) -> Self {
        Self::with(more, TestInbox::new()).await
    }

    async fn with(more: &str, inbox: TestInbox) -> Self {
        Self::that(more, inbox, &[]).await
    }

    /// `units`: files of certificates that are believed to be units'.
    async fn that(more: &str, inbox: TestInbox, units: &[&str]) -> Self {
        Self::of(more, inbox, units, Places::new(CONNECTIONS)).await
    }

    /// Another receiver of the same program: what there is of connections is for both.
    async fn beside(other: &Self) -> Self {
        Self::of("", TestInbox::new(), &[], other.connections.clone()).await
    }

    async fn of(more: &str, inbox: TestInbox, units: &[&str], connections: Places) -> Self {
        let settings: Settings = toml::from_str(&format!(
            "listen = ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0', 'tls://127.0.0.1:0']\nagreement = 'jammerbugt'\n\
             certificate_file = 'sip.pem'\nkey_file = 'sip.key'\n{more}"
        ))
        .unwrap();
        settings.check().unwrap();
        let chain = vec![certificate()];
        let key = PrivateKeyDer::from_pem_file(fixture("sip.key")).unwrap();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tls = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
        let now = Arc::new(Mutex::new(night()));
        let clock = now.clone();
        let accounts = settings.accounts.keys().map(|user| (user.clone(), SecretString::from("hemmelig")));
        let receiver = Receiver {
            accounts: accounts.collect(),
            settings,
            tls: Tls { ours: Some(Arc::new(tls)), units: trust_in(units) },
            memory: None,
            key: [7; 32],
            connections: connections.clone(),
            masking: masking(),
            inbox: inbox.clone(),
            now: Arc::new(move || *clock.lock().unwrap()),
        };
        let stop = CancellationToken::new();
        let opened = receiver.open(stop.clone()).await.unwrap();
        let at = opened.listening().iter().map(|it| (it.transport.name(), it.address)).collect();
        tokio::spawn(opened.run());
        Self { inbox, now, at, connections, stop }
    }

    fn later(&self, by: TimeDelta) {
        *self.now.lock().unwrap() += by;
    }

    /// What was handed in, in order, in words.
    pub fn told(&self) -> Vec<String> {
        self.inbox.change(|seen| words(seen))
    }

    pub async fn unit(&self, transport: Transport, account: &str) -> Unit {
        let at = self.at[transport.name()];
        let line = match transport {
            Transport::Udp => {
                let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
                socket.connect(at).await.unwrap();
                Line::Udp(socket)
            }
            Transport::Tcp => Line::Tcp(Stream(TcpStream::connect(at).await.unwrap(), Vec::new())),
            Transport::Tls => Line::Tls(Box::new(Stream(tls_to(at).await, Vec::new()))),
        };
        Unit {
            line,
            account: account.to_owned(),
            sent: 0,
            transport,
            authorization: None,
            heard: BTreeSet::new(),
        }
    }
}

pub fn words(seen: &Seen) -> Vec<String> {
    let of = |observation: &Observation| match observation {
        Observation::AlarmRaised { alarm, technical, test, .. } => {
            let sort = if *technical {
                " technical"
            } else if *test {
                " test"
            } else {
                ""
            };
            format!("raised {alarm}{sort}")
        }
        Observation::AlarmCleared { alarm } => format!("cleared {alarm}"),
        Observation::AlarmRedirected { alarm, to } => format!("redirected {alarm} {to}"),
        Observation::DeviceHeard { device } => format!("heard {device}"),
        Observation::DeviceSilent { device } => format!("silent {device}"),
        Observation::DeviceWell { device, ends } => format!("well {device} {ends:?}"),
        Observation::DevicePresence { device } => format!("presence {device}"),
        other => format!("{other:?}"),
    };
    seen.observed.iter().map(|it| of(&it.observation)).collect()
}

fn certificate() -> CertificateDer<'static> {
    CertificateDer::from_pem_file(fixture("sip.pem")).unwrap()
}

fn trust_in(units: &[&str]) -> Option<Arc<rustls::ClientConfig>> {
    let known = units.iter().map(|file| CertificateDer::from_pem_file(fixture(file)).unwrap()).collect();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    (!units.is_empty()).then(|| trust::calls(known, &provider).unwrap())
}

/// Trusts the one certificate of the fixtures.
#[derive(Debug)]
struct Pinned;

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        assert_eq!(end_entity, &certificate());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

async fn tls_to(at: SocketAddr) -> tokio_rustls::client::TlsStream<TcpStream> {
    let config = rustls::ClientConfig::builder()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned))
        .with_no_client_auth();
    let stream = TcpStream::connect(at).await.unwrap();
    TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await.unwrap()
}

/// Something SIP can be spoken over.
pub enum Line {
    Udp(UdpSocket),
    Tcp(Stream<TcpStream>),
    Tls(Box<Stream<tokio_rustls::client::TlsStream<TcpStream>>>),
}

impl Line {
    pub async fn say(&mut self, bytes: &[u8]) {
        match self {
            Self::Udp(socket) => drop(socket.send(bytes).await.unwrap()),
            Self::Tcp(stream) => stream.say(bytes).await,
            Self::Tls(stream) => stream.say(bytes).await,
        }
    }

    /// The next whole message.
    pub async fn hear(&mut self) -> String {
        match self {
            Self::Udp(socket) => {
                let mut buffer = vec![0; 65_535];
                let size = socket.recv(&mut buffer).await.unwrap();
                String::from_utf8(buffer[..size].to_vec()).unwrap()
            }
            Self::Tcp(stream) => stream.hear().await,
            Self::Tls(stream) => stream.hear().await,
        }
    }
}

/// And what was read of it and not yet taken.
pub struct Stream<S>(S, Vec<u8>);

impl<S: AsyncRead + AsyncWrite + Unpin> Stream<S> {
    async fn say(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
        self.0.flush().await.unwrap();
    }

    async fn hear(&mut self) -> String {
        loop {
            let text = String::from_utf8(self.1.clone()).unwrap();
            if let Some((head, _)) = text.strip_prefix("\r\n").unwrap_or(&text).split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
                let blank = if text.starts_with("\r\n") { 2 } else { 0 };
                let whole = blank + head.len() + 4 + length.trim().parse::<usize>().unwrap();
                if self.1.len() >= whole {
                    let message = self.1.drain(..whole).skip(blank).collect();
                    return String::from_utf8(message).unwrap();
                }
            }
            let mut buffer = [0; 4096];
            let size = self.0.read(&mut buffer).await.unwrap();
            assert!(size > 0, "closed after {text:?}");
            self.1.extend_from_slice(&buffer[..size]);
        }
    }
}

pub struct Unit {
    pub line: Line,
    account: String,
    sent: u32,
    transport: Transport,
    authorization: Option<String>,
    /// Messages of the receiver that were heard: one may come again when we were slow to confirm it.
    heard: BTreeSet<String>,
}

/// What came back.
#[derive(Debug, PartialEq, Eq)]
pub struct Back {
    pub sip: u16,
    pub in_ok: Option<u16>,
    pub own: Option<u16>,
}

pub fn snu(text: &str) -> Option<u16> {
    let (_, rest) = text.split_once("<snu>")?;
    rest.split_once("</snu>")?.0.parse().ok()
}

fn call_id(text: &str) -> &str {
    text.lines().find_map(|line| line.strip_prefix("Call-ID: ")).unwrap()
}

impl Unit {
    /// A whole message; `method` and `extra` header lines as given.
    fn message(&mut self, method: &str, extra: &str, body: &[u8]) -> Vec<u8> {
        self.sent += 1;
        let (sent, account) = (self.sent, &self.account);
        let (id, transport) =
            (format!("{}{account}.{sent}", self.transport.name()), self.transport.name().to_uppercase());
        let authorization =
            self.authorization.iter().fold(String::new(), |all, it| format!("{all}Authorization: {it}\r\n"));
        let head = format!(
            "{method} sip:scaip@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/{transport} 127.0.0.1:9;branch=z9hG4bK{id};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{account}@127.0.0.1>;tag=1\r\nTo: <sip:scaip@127.0.0.1>\r\n\
             Call-ID: {id}\r\nCSeq: {sent} {method}\r\n{authorization}{extra}Content-Length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    }

    pub async fn ask(&mut self, reference: &str, elements: &str) -> Back {
        let account = self.account.clone();
        self.ask_with(&format!("<mrq><ref>{reference}</ref><cid>{account}</cid>{elements}</mrq>")).await
    }

    /// Sends a body; waits for the answer, and after a 200 for the MESSAGE.
    pub async fn ask_with(&mut self, body: &str) -> Back {
        let message = self.message("MESSAGE", "Content-Type: application/scaip+xml\r\n", body.as_bytes());
        self.line.say(&message).await;
        self.back(&message).await
    }

    /// What comes back to this request; over UDP it is said again until something does.
    async fn back(&mut self, request: &[u8]) -> Back {
        let (mut sip, mut in_ok, mut own) = (None, None, None);
        let give_up_at = tokio::time::Instant::now() + BOUND;
        loop {
            let heard = tokio::time::timeout(AGAIN, self.line.hear()).await;
            let Ok(text) = heard else {
                assert!(tokio::time::Instant::now() < give_up_at, "{} heard nothing", self.account);
                if self.transport == Transport::Udp {
                    self.line.say(request).await;
                }
                continue;
            };
            if text.starts_with("MESSAGE") {
                self.confirm(&text).await;
                if self.heard.insert(call_id(&text).to_owned()) {
                    own = snu(&text).or(own);
                }
            } else if call_id(&text) == call_id(&String::from_utf8_lossy(request)) {
                sip = text.split(' ').nth(1).unwrap().parse().ok();
                in_ok = snu(&text);
            }
            match sip {
                Some(200) if own.is_none() => {}
                Some(sip) => return Back { sip, in_ok, own },
                None => {}
            }
        }
    }

    pub async fn hear(&mut self) -> String {
        let heard = tokio::time::timeout(BOUND, self.line.hear()).await;
        heard.unwrap_or_else(|_| panic!("{} heard nothing", self.account))
    }

    pub async fn confirm(&mut self, message: &str) {
        let names = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"];
        let kept = message.lines().filter(|line| names.iter().any(|name| line.starts_with(name)));
        let kept = kept.fold(String::new(), |all, line| format!("{all}{line}\r\n"));
        self.line.say(format!("SIP/2.0 200 OK\r\n{kept}Content-Length: 0\r\n\r\n").as_bytes()).await;
    }
}

const EVERY: [Transport; 3] = [Transport::Udp, Transport::Tcp, Transport::Tls];

pub fn held() -> Back {
    Back { sip: 200, in_ok: None, own: Some(4) }
}

#[tokio::test]
async fn an_alarm_is_the_same_over_udp_tcp_and_tls_and_however_often_it_comes() {
    let world = World::new("").await;
    for transport in EVERY {
        let mut unit = world.unit(transport, "700").await;
        assert_eq!(unit.ask("r1", ALARM).await, held(), "{transport:?}");
        assert_eq!(unit.ask("r1", ALARM).await, held(), "{transport:?}");
    }
    assert_eq!(world.told(), ["raised 700/r1"]);
}

#[tokio::test]
async fn a_retransmission_gets_the_same_answer_and_nothing_is_done_twice() {
    let world = World::new("answer_in_ok = true").await;
    let mut unit = world.unit(Transport::Udp, "700").await;
    let body = format!("<mrq><ref>r1</ref><cid>700</cid>{ALARM}</mrq>");
    let message = unit.message("MESSAGE", "Content-Type: application/scaip+xml\r\n", body.as_bytes());
    for _ in 0..11 {
        unit.line.say(&message).await;
    }
    // What is answered to the next alarm comes after all that is answered to this one.
    let next = body.replace("r1", "r2");
    let next = unit.message("MESSAGE", "Content-Type: application/scaip+xml\r\n", next.as_bytes());
    unit.line.say(&next).await;
    let mut oks = Vec::new();
    let mut owns = BTreeSet::new();
    while !owns.iter().any(|it: &String| it.contains("<ref>r2</ref>")) {
        let text = tokio::time::timeout(BOUND, unit.line.hear()).await.unwrap();
        if text.starts_with("MESSAGE") {
            unit.confirm(&text).await;
            // Sent again, to the letter, when we were slow to confirm.
            owns.insert(text);
        } else if text.contains("<ref>r1</ref>") {
            oks.push(text);
        }
    }
    assert!(!oks.is_empty() && oks.iter().all(|it| *it == oks[0]), "{oks:#?}");
    assert_eq!((owns.len(), snu(&oks[0])), (2, Some(4)), "{owns:#?}");
    assert_eq!(world.told(), ["raised 700/r1", "raised 700/r2"]);
}

#[tokio::test]
async fn several_messages_in_one_piece_and_one_in_many_pieces_are_each_read() {
    let world = World::new("").await;
    let mut unit = world.unit(Transport::Tcp, "700").await;
    let kind = "Content-Type: application/scaip+xml\r\n";
    let mut all = b"\r\n\r\n".to_vec();
    for reference in ["r1", "r2", "r3"] {
        let body = format!("<mrq><ref>{reference}</ref><cid>700</cid>{ALARM}</mrq>");
        all.extend(unit.message("MESSAGE", kind, body.as_bytes()));
        all.extend(b"\r\n");
    }
    for piece in all.chunks(97) {
        unit.line.say(piece).await;
    }
    let three = |seen: &Seen| words(seen).len() == 3;
    world.inbox.until("three alarms", three).await;
    let mut told = world.told();
    told.sort_unstable();
    assert_eq!(told, ["raised 700/r1", "raised 700/r2", "raised 700/r3"]);
}

#[tokio::test]
async fn the_answer_follows_where_the_alarm_stands_on_disk() {
    let world = World::new("redirects_to = 'back-up'").await;
    let mut unit = world.unit(Transport::Udp, "700").await;
    assert_eq!(unit.ask("r1", ALARM).await.own, Some(4));
    world.inbox.change(|seen| seen.standing.insert("700/r1".into(), Stands::Taken));
    assert_eq!(unit.ask("r1", ALARM).await.own, Some(0));
    world.inbox.change(|seen| seen.standing.insert("700/r1".into(), Stands::RangOut { redirected: false }));
    assert_eq!(unit.ask("r1", ALARM).await.own, Some(5));
    world.inbox.until("the redirect", |seen| words(seen).contains(&"redirected 700/r1 back-up".into())).await;
    world.inbox.change(|seen| seen.standing.insert("700/r1".into(), Stands::RangOut { redirected: true }));
    assert_eq!(unit.ask("r1", ALARM).await.own, Some(5));
    assert_eq!(world.told().len(), 2);
}

#[tokio::test]
async fn what_cannot_be_stored_is_not_acknowledged_and_comes_again() {
    let world = World::new("").await;
    let mut unit = world.unit(Transport::Udp, "700").await;
    world.inbox.change(|seen| seen.turn_away = 1);
    assert_eq!(unit.ask("r1", ALARM).await.sip, 503);
    assert_eq!(unit.ask("r1", ALARM).await, held());
    assert_eq!(world.told(), ["raised 700/r1"]);
}

#[tokio::test]
async fn a_reference_that_is_used_again_or_for_another_thing_is_another_alarm() {
    let world = World::new("").await;
    let mut unit = world.unit(Transport::Udp, "700").await;
    assert_eq!(unit.ask("1", "<stc>14</stc>").await.own, Some(0));
    assert_eq!(unit.ask("1", ALARM).await.own, Some(4));
    world.later(TimeDelta::minutes(44));
    assert_eq!(unit.ask("1", ALARM).await.own, Some(4));
    world.inbox.change(|seen| seen.standing.insert("700/1/2".into(), Stands::Taken));
    world.later(TimeDelta::minutes(2));
    assert_eq!(unit.ask("1", ALARM).await.own, Some(4), "nobody has the new one");
    assert_eq!(world.told(), ["raised 700/1 technical", "raised 700/1/2", "raised 700/1/3"]);
}

#[tokio::test]
async fn what_is_missing_is_said_and_the_alarm_rings_all_the_same() {
    let world = World::new("").await;
    let mut unit = world.unit(Transport::Udp, "700").await;
    assert_eq!(unit.ask_with("<mrq><cid>700</cid><dty>3</dty></mrq>").await.own, Some(10));
    assert_eq!(unit.ask_with("<mrq><ref>r2</ref><dty>3</dty></mrq>").await.own, Some(7));
    let told = world.told();
    assert_eq!(told.len(), 2, "{told:?}");
    // An account with the shape of a CPR number rests nowhere; it rings under a digest of itself.
    assert_eq!(unit.ask_with("<mrq><ref>r3</ref><cid>0101701234</cid></mrq>").await.own, Some(4));
    let told = world.told();
    assert!(told[2].starts_with("raised x-") && !told[2].contains("0101701234"), "{told:?}");
    let seen = world.inbox.change(|seen| seen.unreadable.clone());
    assert_eq!(seen, ["scaip-field-missing", "scaip-account-no-id"]);
}

#[tokio::test]
async fn the_known_dialects_are_read_and_answered_in_their_own_words() {
    let world = World::new("").await;
    let mut unit = world.unit(Transport::Tcp, "700").await;
    let latin: &[u8] = b"<?xml version='1.0' encoding='ISO-8859-1'?><mrq><ref>d5</ref><cid>700</cid><dte>N\xf8dkald</dte></mrq>";
    let bare: &[u8] = b"<mrq><ref>d6</ref><cid>700</cid><dte>N\xf8dkald</dte></mrq>";
    let bodies: [(&str, &[u8], &str); 7] = [
        ("application/scaip+xml", b"<mrq xmlns='urn:x'><ref>d1</ref><cid>700</cid></mrq>", "<mrs>"),
        (
            "application/xml; charset=utf-8",
            b"<s:MRQ xmlns:s='urn:x'><s:REF> d2 </s:REF><s:Cid>700</s:Cid></s:MRQ>",
            "<mrs>",
        ),
        ("application/xml", b"<scaip><ref>d3</ref><cid>700</cid></scaip>", "<scaip>"),
        ("text/xml", b"<scaip><mrq><cid>700</cid><ref>d4</ref></mrq></scaip>", "<scaip>"),
        ("application/scaip+xml", latin, "<mrs>"),
        ("text/plain", bare, "<mrs>"),
        (
            "application/scaip+xml",
            b"<mrq><ref>d7</ref><ref>other</ref><cid>700</cid><mty>XX</mty></mrq>",
            "<mrs>",
        ),
    ];
    for (nth, (content_type, body, root)) in bodies.into_iter().enumerate() {
        let message = unit.message("MESSAGE", &format!("Content-Type: {content_type}\r\n"), body);
        unit.line.say(&message).await;
        let ok = unit.hear().await;
        assert!(ok.starts_with("SIP/2.0 200"), "{content_type}: {ok}");
        let own = unit.hear().await;
        unit.confirm(&own).await;
        let kind = if root == "<scaip>" { "application/xml" } else { "application/scaip+xml" };
        let reference = format!("{root}<ref>d{}</ref><snu>4</snu>", nth + 1);
        assert!(own.contains(&reference) && own.contains(&format!("Content-Type: {kind}\r\n")), "{own}");
    }
    let texts = world
        .inbox
        .change(|seen| seen.observed.iter().filter_map(|it| it.live.text.clone()).collect::<Vec<_>>());
    assert_eq!(texts.iter().map(|it| it.as_str()).collect::<Vec<_>>(), ["Nødkald", "Nødkald"]);
    assert_eq!(world.told().len(), 7);
}

#[tokio::test]
async fn other_requests_are_answered_and_other_contents_are_refused_and_seen() {
    let world = World::new("").await;
    let mut unit = world.unit(Transport::Udp, "700").await;
    let plain = "Content-Type: text/plain\r\n";
    let packed = "Content-Type: application/scaip+xml\r\nContent-Encoding: gzip\r\n";
    let cases: [(&str, &str, &[u8], &str); 6] = [
        ("OPTIONS", "", b"", "200"),
        ("REGISTER", "Contact: <sip:700@127.0.0.1:9>\r\nExpires: 600\r\n", b"", "200"),
        ("MESSAGE", plain, b"hej", "415"),
        ("MESSAGE", packed, b"x", "415"),
        ("MESSAGE", "Content-Type: application/scaip+xml\r\n", b"<mrs/>", "400"),
        // Last: its answer is said again until it is acknowledged.
        ("INVITE", "", b"", "405"),
    ];
    for (method, extra, body, status) in cases {
        let message = unit.message(method, extra, body);
        unit.line.say(&message).await;
        let answer = unit.hear().await;
        assert_eq!(answer.split(' ').nth(1), Some(status), "{method}: {answer}");
        assert!(method != "REGISTER" || answer.contains("Expires: 600\r\n"), "{answer}");
    }
    let seen = world.inbox.change(|seen| seen.unreadable.clone());
    assert_eq!(seen, ["not-xml", "content-encoding", "scaip-unknown-root"]);
}

/// The answer to a challenge, written here anew.
fn credentials(challenge: &str, user: &str, secret: &str, algorithm: &str, nc: Option<&str>) -> String {
    let (_, rest) = challenge.split_once("nonce=\"").unwrap();
    let nonce = rest.split('"').next().unwrap();
    let hash = |text: String| match algorithm {
        "MD5" => hex::encode(Md5::digest(text)),
        _ => hex::encode(Sha256::digest(text)),
    };
    let one = hash(format!("{user}:vagttavle:{secret}"));
    let two = hash("MESSAGE:sip:scaip@127.0.0.1".to_owned());
    let common = format!(
        "Digest username=\"{user}\", realm=\"vagttavle\", nonce=\"{nonce}\", uri=\"sip:scaip@127.0.0.1\", algorithm={algorithm}"
    );
    match nc {
        Some(nc) => {
            let response = hash(format!("{one}:{nonce}:{nc}:abc:auth:{two}"));
            format!("{common}, qop=auth, nc={nc}, cnonce=\"abc\", response=\"{response}\"")
        }
        None => format!("{common}, response=\"{}\"", hash(format!("{one}:{nonce}:{two}"))),
    }
}

#[tokio::test]
async fn with_accounts_nobody_is_heard_without_and_nothing_is_good_twice() {
    let world = World::new("accounts = { luc = 'luc.secret' }").await;
    let mut unit = world.unit(Transport::Tcp, "700").await;
    let body = format!("<mrq><ref>r1</ref><cid>700</cid>{ALARM}</mrq>");
    let kind = "Content-Type: application/scaip+xml\r\n";
    let mut challenge = String::new();
    // user, secret, algorithm, count; and what comes back
    let cases = [
        ("nobody", "x", "MD5", None, 401, "no nonce of ours"),
        ("luc", "hemmelig", "MD5", Some("00000001"), 200, "good"),
        ("luc", "hemmelig", "MD5", Some("00000001"), 401, "the same count again"),
        ("luc", "hemmelig", "SHA-256", Some("00000001"), 200, "another algorithm"),
        ("luc", "gættet", "MD5", Some("00000002"), 401, "a wrong secret"),
        ("bo", "hemmelig", "MD5", Some("00000002"), 401, "an unknown user"),
        ("luc", "hemmelig", "MD5", None, 200, "without a count"),
        ("luc", "hemmelig", "MD5", None, 401, "the same again"),
    ];
    let mut last = None;
    for (user, secret, algorithm, nc, status, what) in cases {
        if what != "the same count again" && what != "the same again" && !challenge.is_empty() {
            unit.authorization = None;
            let message = unit.message("MESSAGE", kind, body.as_bytes());
            unit.line.say(&message).await;
            challenge = unit.hear().await;
            last = Some(credentials(&challenge, user, secret, algorithm, nc));
        }
        unit.authorization.clone_from(&last);
        let message = unit.message("MESSAGE", kind, body.as_bytes());
        unit.line.say(&message).await;
        let answer = unit.hear().await;
        assert_eq!(answer.split(' ').nth(1), Some(status.to_string().as_str()), "{what}: {answer}");
        if status == 200 {
            let own = unit.hear().await;
            unit.confirm(&own).await;
        } else {
            challenge = answer;
            assert!(
                challenge.contains("algorithm=MD5") && challenge.contains("algorithm=SHA-256"),
                "{challenge}"
            );
        }
    }
    assert_eq!(world.told(), ["raised 700/r1"]);
    assert_eq!(world.inbox.change(|seen| seen.unreadable.clone()), ["wrong-credentials"]);
    // A nonce grows old.
    unit.authorization = None;
    let message = unit.message("MESSAGE", kind, body.as_bytes());
    unit.line.say(&message).await;
    let challenge = unit.hear().await;
    world.later(TimeDelta::minutes(6));
    unit.authorization = Some(credentials(&challenge, "luc", "hemmelig", "MD5", Some("00000001")));
    let message = unit.message("MESSAGE", kind, body.as_bytes());
    unit.line.say(&message).await;
    let answer = unit.hear().await;
    assert!(answer.contains("401") && answer.contains("stale=true"), "{answer}");
}

#[tokio::test]
async fn who_is_not_on_the_list_of_senders_is_not_heard_but_seen() {
    let world = World::new("senders = ['10.0.0.0/8', '192.168.4.7']").await;
    let mut unit = world.unit(Transport::Udp, "700").await;
    let message = unit.message("MESSAGE", "", b"<mrq/>");
    unit.line.say(&message).await;
    let mut stream = TcpStream::connect(world.at["tcp"]).await.unwrap();
    let mut buffer = [0; 16];
    assert_eq!(stream.read(&mut buffer).await.unwrap_or(0), 0, "closed at once");
    world.inbox.until("seen", |seen| seen.unreadable.contains(&"sender-not-allowed".to_owned())).await;
    assert!(world.told().is_empty());
}

#[tokio::test]
async fn a_registered_unit_is_answered_where_it_says() {
    let world = World::new("").await;
    let body = format!("<mrq><ref>r1</ref><cid>700</cid>{ALARM}</mrq>");
    let kind = "Content-Type: application/scaip+xml\r\n";
    // By UDP to another port of its own.
    let elsewhere = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut unit = world.unit(Transport::Udp, "700").await;
    let contact = format!("Contact: <sip:700@{}>\r\n", elsewhere.local_addr().unwrap());
    let register = unit.message("REGISTER", &contact, b"");
    unit.line.say(&register).await;
    assert!(unit.hear().await.contains(&contact));
    let message = unit.message("MESSAGE", kind, body.as_bytes());
    unit.line.say(&message).await;
    assert!(unit.hear().await.starts_with("SIP/2.0 200"));
    let mut there = Line::Udp(elsewhere);
    let heard = tokio::time::timeout(BOUND, async {
        let Line::Udp(socket) = &mut there else { unreachable!() };
        let mut buffer = vec![0; 65_535];
        let size = socket.recv(&mut buffer).await.unwrap();
        String::from_utf8(buffer[..size].to_vec()).unwrap()
    });
    assert_eq!(snu(&heard.await.unwrap()), Some(4));

    // By a connection of ours, when its own is closed.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut unit = world.unit(Transport::Tcp, "800").await;
    let contact = format!("Contact: <sip:800@{};transport=tcp>\r\n", listener.local_addr().unwrap());
    let register = unit.message("REGISTER", &contact, b"");
    unit.line.say(&register).await;
    assert!(unit.hear().await.starts_with("SIP/2.0 200"));
    drop(unit);
    let mut unit = world.unit(Transport::Tcp, "800").await;
    let message = unit.message("MESSAGE", kind, body.replace("700", "800").as_bytes());
    world.inbox.change(|seen| seen.turn_away = 0);
    unit.line.say(&message).await;
    drop(unit);
    let (stream, _) = tokio::time::timeout(BOUND, listener.accept()).await.unwrap().unwrap();
    let mut back = world.unit(Transport::Udp, "800").await;
    back.line = Line::Tcp(Stream(stream, Vec::new()));
    let own = back.hear().await;
    assert_eq!(snu(&own), Some(4));
    back.confirm(&own).await;

    // And by the same connection the next time, for as long as it is there.
    for (sent, is_open) in [(10, true), (20, false)] {
        if !is_open {
            drop(std::mem::replace(&mut back.line, Line::Udp(UdpSocket::bind("127.0.0.1:0").await.unwrap())));
        }
        // Not the same message again.
        let mut unit = Unit { sent, ..world.unit(Transport::Tcp, "800").await };
        let message = unit.message("MESSAGE", kind, body.replace("700", "800").as_bytes());
        unit.line.say(&message).await;
        drop(unit);
        if !is_open {
            let (stream, _) = tokio::time::timeout(BOUND, listener.accept()).await.unwrap().unwrap();
            back.line = Line::Tcp(Stream(stream, Vec::new()));
        }
        let own = back.hear().await;
        assert_eq!(snu(&own), Some(4), "{is_open}");
        back.confirm(&own).await;
    }
}

/// A unit of this certificate that registers by TLS, speaks, and hangs up; what it hears when it is called back. None:
/// the caller left.
async fn called_back(world: &World, certificate: &str, key: &str, reference: &str) -> Option<String> {
    let chain = vec![CertificateDer::from_pem_file(fixture(certificate)).unwrap()];
    let key = PrivateKeyDer::from_pem_file(fixture(key)).unwrap();
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut unit = world.unit(Transport::Tls, "700").await;
    let contact = format!("Contact: <sip:700@{};transport=tls>\r\n", listener.local_addr().unwrap());
    let register = unit.message("REGISTER", &contact, b"");
    unit.line.say(&register).await;
    assert!(unit.hear().await.starts_with("SIP/2.0 200"));
    let body = format!("<mrq><ref>{reference}</ref><cid>700</cid>{ALARM}</mrq>");
    let message = unit.message("MESSAGE", "Content-Type: application/scaip+xml\r\n", body.as_bytes());
    unit.line.say(&message).await;
    drop(unit);
    let (stream, _) = tokio::time::timeout(BOUND, listener.accept()).await.unwrap().unwrap();
    let accepted = tokio_rustls::TlsAcceptor::from(Arc::new(config)).accept(stream);
    let stream = tokio::time::timeout(BOUND, accepted).await.unwrap().ok()?;
    let mut stream = Stream(stream, Vec::new());
    let mut byte = [0];
    // Whoever does not believe us leaves after the handshake, without a word.
    let first = tokio::time::timeout(BOUND, stream.0.read(&mut byte)).await.unwrap();
    if !matches!(first, Ok(1)) {
        return None;
    }
    stream.1.push(byte[0]);
    Some(tokio::time::timeout(BOUND, stream.hear()).await.unwrap())
}

#[tokio::test]
async fn a_unit_that_registered_by_tls_and_hung_up_is_called_by_tls_and_only_if_it_is_one_we_know() {
    // Its own certificate, and that of who signed it.
    for units in [["unit.pem", "sip.pem"], ["unit-ca.pem", "sip.pem"]] {
        let world = World::that("", TestInbox::new(), &units).await;
        let own = called_back(&world, "unit.pem", "unit.key", "r1").await.unwrap();
        assert!(own.starts_with("MESSAGE sip:700@127.0.0.1:") && own.contains("SIP/2.0/TLS"), "{own}");
        assert_eq!(snu(&own), Some(4));
    }
    let world = World::that("", TestInbox::new(), &["sip.pem"]).await;
    assert_eq!(called_back(&world, "unit.pem", "unit.key", "r1").await, None);
    world.inbox.until("seen", |seen| seen.unreadable.contains(&"unit-not-trusted".to_owned())).await;
    assert_eq!(world.told(), ["raised 700/r1"], "the alarm rings all the same");
}

#[tokio::test]
async fn a_packed_alarm_is_unpacked_and_one_too_large_or_broken_is_refused_by_name() {
    let world = World::new("").await;
    let mut unit = world.unit(Transport::Udp, "700").await;
    let packed = "Content-Type: application/scaip+xml\r\nContent-Encoding: deflate\r\n";
    let cases = [
        (PACKED.to_owned(), 200),
        // The short name of the header.
        (PACKED_RAW.to_owned(), 200),
        (PACKED[..40].to_owned(), 400),
        (bomb(), 400),
    ];
    for (nth, (body, status)) in cases.into_iter().enumerate() {
        let kind = if nth == 1 { packed.replace("Content-Encoding", "e") } else { packed.to_owned() };
        let message = unit.message("MESSAGE", &kind, &hex::decode(body).unwrap());
        unit.line.say(&message).await;
        let back = unit.back(&message).await;
        assert_eq!((back.sip, back.own), (status, (status == 200).then_some(4)), "{nth}");
    }
    assert_eq!(world.told(), ["raised 700/z1"]);
    let seen = world.inbox.change(|seen| seen.unreadable.clone());
    assert_eq!(seen, ["deflate-broken", "deflate-too-large"]);
}

#[tokio::test]
async fn an_alarm_in_parts_rings_with_the_first_and_is_answered_after_the_last() {
    let world = World::new("").await;
    let mut unit = world.unit(Transport::Tcp, "700").await;
    let kind = "Content-Type: application/scaip+xml\r\n";
    let parts = [
        "<dty>3</dty><stc>16</stc><dte>Halskæde</dte><ame>2</ame>",
        "<lte>Køkkenet</lte><ame>1</ame>",
        "<ite>nøgle</ite><ame>0</ame>",
    ];
    let mut known = 0;
    for (nth, part) in parts.iter().enumerate() {
        let body = format!("<mrq><ref>p1</ref><cid>700</cid>{part}</mrq>");
        let message = unit.message("MESSAGE", kind, body.as_bytes());
        unit.line.say(&message).await;
        // The next thing heard is SIP's answer, and only after the last part the alarm's.
        assert!(unit.hear().await.starts_with("SIP/2.0 200"));
        let observed = world.inbox.change(|seen| seen.observed.len());
        assert!(observed > known || nth > 1, "it is stored before it is answered");
        known = observed;
    }
    let own = unit.hear().await;
    assert_eq!(snu(&own), Some(0), "{own}");
    unit.confirm(&own).await;
    // One alarm, of the sort that its first part said: a later one without a state is no person's alarm.
    let ids: BTreeSet<String> =
        world.told().iter().map(|it| it.split(' ').nth(1).unwrap().to_owned()).collect();
    assert_eq!(ids, BTreeSet::from(["700/p1".to_owned()]), "{:?}", world.told());
    let texts = world.inbox.change(|seen| seen.live.clone());
    assert_eq!(texts.last().unwrap(), "Halskæde · Køkkenet · nøgle");
    assert_eq!(unit.ask("p2", "<dty>3</dty><ame>99</ame>").await.own, Some(4), "too many: on its own");
    assert_eq!(world.inbox.change(|seen| seen.unreadable.clone()), ["scaip-too-many-parts"]);
}

#[tokio::test]
async fn a_receiver_can_be_asked_as_a_unit_would() {
    let world = World::new("test_accounts = ['990001']").await;
    let asked =
        ask(world.at["udp"], "990001", "canary1", &[("dty", "3"), ("stc", "10")], BOUND).await.unwrap();
    assert_eq!(asked, Asked { sip: 200, status: Some(0) });
    world.inbox.change(|seen| seen.turn_away = 1);
    let asked = ask(world.at["udp"], "990001", "canary2", &[("dty", "3")], BOUND).await.unwrap();
    assert_eq!(asked, Asked { sip: 503, status: None });
    assert_eq!(world.told(), ["raised 990001/canary1 test"]);
}

#[tokio::test]
async fn a_unit_that_stops_to_say_that_it_lives_is_told_of_and_so_is_its_return() {
    let inbox = TestInbox::new();
    let known = vagttavle::domain::identity::ExternalId::new("600").unwrap();
    inbox.change(|seen| seen.devices.push((known, false)));
    let world = World::with("heartbeat_minutes = 60\nheartbeat_factor = 2.5", inbox).await;
    let mut unit = world.unit(Transport::Udp, "700").await;
    let beat = "<mty>PI</mty><hbo>001</hbo>";
    for _ in 0..3 {
        assert_eq!(unit.ask("h", beat).await, Back { sip: 200, in_ok: None, own: Some(0) });
    }
    assert_eq!(world.told(), ["heard 700"]);
    world.later(TimeDelta::minutes(100));
    assert_eq!(unit.ask("h", beat).await.own, Some(0));
    world.later(TimeDelta::minutes(51));
    world.inbox.until("600 is silent", |seen| words(seen).contains(&"silent 600".into())).await;
    world.later(TimeDelta::minutes(100));
    world.inbox.until("700 is silent", |seen| words(seen).contains(&"silent 700".into())).await;
    assert_eq!(unit.ask("a", ALARM).await.own, Some(4));
    let told = world.told();
    assert_eq!(told, ["heard 700", "silent 600", "silent 700", "raised 700/a", "heard 700"]);
    assert!(world.inbox.change(|seen| seen.is(SourceState::Ok)));
}

/// Whole messages, each of its own kind.
fn good_messages(unit: &mut Unit) -> Vec<Vec<u8>> {
    let bodies = [
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><mrq><ref>m1</ref><ver>01.00</ver><mty>ME</mty><cid>700</cid>\
         <dty>0003</dty><did>A1</did><dte>Halskæde</dte><stc>0010</stc><crd>gsm:+4500000000</crd></mrq>",
        "<mrq><ref>m2</ref><mty>PI</mty><hbo>1</hbo><cid>700</cid></mrq>",
        "<scaip><ref>m3</ref><mty>RE</mty><cid>700</cid></scaip>",
    ];
    bodies
        .map(|body| unit.message("MESSAGE", "Content-Type: application/scaip+xml\r\n", body.as_bytes()))
        .into()
}

/// With a branch of its own, where it has one: else it would be a retransmission of the one before.
fn of_its_own(bytes: &[u8], number: u32) -> Vec<u8> {
    let magic = b"z9hG4bK";
    match bytes.windows(magic.len()).position(|window| window == magic) {
        Some(at) => {
            [&bytes[..at + magic.len()], format!("{number}x").as_bytes(), &bytes[at + magic.len()..]].concat()
        }
        None => bytes.to_vec(),
    }
}

#[tokio::test]
async fn messages_broken_in_every_way_delay_nobody_and_are_seen() {
    let world = World::new("").await;
    let mut broken = world.unit(Transport::Udp, "700").await;
    let mut other = world.unit(Transport::Udp, "800").await;
    let (mut sent, mut asked) = (0u32, 0u32);
    // Each byte and each field of the first; of the others some. What bodies alone say is tested apart.
    for (message, step) in good_messages(&mut broken).into_iter().zip([1, 11, 11]) {
        let mutants =
            cuts(&message).chain(pieces(&message, b"\n").step_by(2)).chain(pieces(&message, b">").step_by(3));
        let mutants = mutants.step_by(step);
        for mutant in mutants {
            sent += 1;
            let bytes = of_its_own(&mutant.bytes, sent);
            // No datagram holds the largest: those go over a stream.
            if bytes.len() < 60_000 {
                broken.line.say(&bytes).await;
            } else if let Ok(mut stream) = TcpStream::connect(world.at["tcp"]).await {
                // It may be closed while we still write.
                let _ = stream.write_all(&bytes).await;
            }
            if sent % 100 == 0 {
                asked += 1;
                assert_eq!(other.ask(&format!("good{asked}"), ALARM).await, held(), "{}", mutant.what);
            }
        }
    }
    let seen = world.inbox.change(|seen| seen.unreadable.clone());
    for code in
        ["sip-half-message", "sip-body-cut", "sip-unreadable", "sip-headers-missing", "xml-incomplete"]
    {
        assert!(seen.contains(&code.to_owned()), "{code} is not among {seen:?}");
    }
    assert!(sent > 1_000, "{sent}");
}

#[tokio::test]
async fn streams_broken_in_every_way_delay_nobody_and_are_seen() {
    let world = World::new("").await;
    let mut shape = world.unit(Transport::Tcp, "700").await;
    let mut other = world.unit(Transport::Tls, "800").await;
    let message = good_messages(&mut shape).swap_remove(0);
    for mutant in cuts(&message).step_by(7).chain(pieces(&message, b"\n").step_by(5)) {
        let Ok(mut stream) = TcpStream::connect(world.at["tcp"]).await else { continue };
        let _ = stream.write_all(&mutant.bytes).await;
        // Half of them stay open, saying nothing more.
        if mutant.bytes.len() % 2 == 0 {
            let _ = stream.shutdown().await;
        }
    }
    assert_eq!(other.ask("good", ALARM).await, held());
    world.inbox.until("seen", |seen| seen.unreadable.contains(&"sip-half-message".to_owned())).await;
}

#[tokio::test]
async fn connections_are_bounded_by_what_all_receivers_share_and_datagrams_are_heard_all_the_same() {
    let world = World::new("").await;
    // As the others have them all.
    let held = world
        .connections
        .permits
        .clone()
        .acquire_many_owned(u32::try_from(CONNECTIONS).unwrap())
        .await
        .unwrap();
    let mut line = TcpStream::connect(world.at["tcp"]).await.unwrap();
    assert!(matches!(line.read(&mut [0; 1]).await, Ok(0) | Err(_)), "it is closed at once");
    let asked = ask(world.at["udp"], "700", "r1", &[("dty", "3"), ("stc", "10")], BOUND).await.unwrap();
    assert_eq!(asked.status, Some(4));
    drop(held);
    let _open = TcpStream::connect(world.at["tcp"]).await.unwrap();
    while world.connections.permits.available_permits() == CONNECTIONS {
        tokio::task::yield_now().await;
    }
}

/// The silent ones may be another receiver's: the share is all receivers' together.
#[tokio::test]
async fn a_silent_one_of_another_receiver_makes_room() {
    let world = World::new("").await;
    let other = World::beside(&world).await;
    let others = u32::try_from(CONNECTIONS - 1).unwrap();
    let _others = world.connections.permits.clone().acquire_many_owned(others).await.unwrap();
    let mut silent = TcpStream::connect(other.at["tcp"]).await.unwrap();
    while world.connections.permits.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    let mut caller = TcpStream::connect(world.at["tcp"]).await.unwrap();
    assert!(matches!(silent.read(&mut [0; 1]).await, Ok(0) | Err(_)), "it makes room");
    caller.write_all(b"\r\n\r\n").await.unwrap();
    caller.read_exact(&mut [0; 2]).await.unwrap();
}

#[tokio::test]
async fn the_one_that_said_nothing_for_longest_makes_room_for_a_unit_that_calls() {
    let world = World::new("").await;
    // All but three are others'.
    let others = u32::try_from(CONNECTIONS - 3).unwrap();
    let _others = world.connections.permits.clone().acquire_many_owned(others).await.unwrap();
    let taken = |count: usize| {
        let connections = world.connections.permits.clone();
        async move {
            while connections.available_permits() != 3 - count {
                tokio::task::yield_now().await;
            }
        }
    };
    let mut lines = Vec::new();
    for count in 1..=3 {
        lines.push(TcpStream::connect(world.at["tcp"]).await.unwrap());
        taken(count).await;
    }
    // The first speaks: it is not the longest silent any more.
    lines[0].write_all(b"\r\n\r\n").await.unwrap();
    let mut answer = [0; 2];
    lines[0].read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"\r\n");
    let mut caller = TcpStream::connect(world.at["tcp"]).await.unwrap();
    assert!(matches!(lines[1].read(&mut [0; 1]).await, Ok(0) | Err(_)), "the second makes room");
    caller.write_all(b"\r\n\r\n").await.unwrap();
    caller.read_exact(&mut answer).await.unwrap();
    lines[0].write_all(b"\r\n\r\n").await.unwrap();
    lines[0].read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"\r\n", "the first still stands");
}
