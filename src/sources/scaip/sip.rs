//! The SIP transport: sockets, framing, transactions.
//!
//! The only file that knows the SIP library. Of it we use messages and transactions (retransmissions, timers); the
//! sockets are ours, since the library's own drop what they cannot read without a word, log whole messages, and set
//! no limit to a length. Must never know what a body says, nor put any of a message into a log line.
//!
//! What arrives is handed on in bounded numbers: a reader that gets too far ahead stops reading.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use futures_util::FutureExt;
use rsipstack::sip::prelude::{HeadersExt, ToTypedHeader};
use rsipstack::sip::{self, Header, Method, Param, SipMessage, StatusCode, StatusCodeKind, Uri};
use rsipstack::transaction::endpoint::EndpointOption;
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use rsipstack::transaction::{Endpoint, EndpointBuilder, Transaction, make_tag};
use rsipstack::transport::channel::ChannelConnection;
use rsipstack::transport::udp::{UdpConnection, UdpInner};
use rsipstack::transport::{SipAddr, SipConnection, TransportEvent};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::CancellationToken;

use super::settings::{Allowed, Listen, Transport};

/// Largest datagram that UDP can carry (bytes).
const DATAGRAM_MAX: usize = 65_535;
/// Start line and headers (bytes).
pub const HEAD_MAX: usize = 16 * 1024;
/// Lines of a head.
pub const HEAD_LINES_MAX: usize = 64;
/// A message's body (bytes). The standard stays below 2000.
pub const BODY_MAX: usize = 32 * 1024;
/// Stream connections at once; more are closed at once.
pub const CONNECTIONS_MAX: usize = 1024;
/// Answers that may wait for a slow connection.
const UNSENT_MAX: usize = 64;
/// New requests of one address within a second; more are not taken.
const PER_SECOND_MAX: u32 = 1_000;
const SECOND: Duration = Duration::from_secs(1);
/// Addresses whose requests are counted, and units whose contact is remembered, at most.
const REMEMBERED_MAX: usize = 20_000;
/// A connection of our own to a unit must be there within so long.
const CONNECT: Duration = Duration::from_secs(5);
/// A connection with half a message, or one that takes no answer, is closed after so long.
const HALF_MESSAGE: Duration = Duration::from_secs(20);
/// A connection on which nothing was said for so long is closed; a unit's longest heartbeat is a day.
const IDLE: Duration = Duration::from_secs(25 * 60 * 60);
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Pause after a failure to take a connection (no file handles left).
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

/// What came in.
pub enum Heard {
    Request(Box<Arrived>),
    /// Something that is no SIP; the code says which rule it broke.
    Unreadable(&'static str),
}

/// What a request wants, as far as we answer it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    Message,
    Register,
    Options,
    Other,
}

/// Our SIP answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    Ok,
    BadRequest,
    Unauthorized,
    Forbidden,
    MethodNotAllowed,
    UnsupportedMediaType,
    ServiceUnavailable,
}

impl Reply {
    fn status(self) -> StatusCode {
        match self {
            Self::Ok => StatusCode::OK,
            Self::BadRequest => StatusCode::BadRequest,
            Self::Unauthorized => StatusCode::Unauthorized,
            Self::Forbidden => StatusCode::Forbidden,
            Self::MethodNotAllowed => StatusCode::MethodNotAllowed,
            Self::UnsupportedMediaType => StatusCode::UnsupportedMediaType,
            Self::ServiceUnavailable => StatusCode::ServiceUnavailable,
        }
    }
}

/// A body with its type.
#[derive(Clone)]
pub struct Body {
    pub content_type: String,
    pub bytes: Vec<u8>,
}

/// A request that waits for its answer. Personal: no `Debug`.
pub struct Arrived {
    pub wanted: Wanted,
    pub flow: Flow,
    pub body: Vec<u8>,
    transaction: Transaction,
}

impl Arrived {
    /// A header's value; names are those of the long form.
    pub fn header(&self, name: &str) -> Option<String> {
        self.transaction.original.header_value(name)
    }

    pub fn method(&self) -> String {
        self.transaction.original.method.to_string()
    }

    /// The user part of who sent it.
    pub fn from_user(&self) -> Option<String> {
        let from = self.transaction.original.from_header().ok()?.typed().ok()?;
        from.uri.user().map(str::to_owned)
    }

    /// The first contact of a registration, if it is on the machine that sent it.
    fn contact(&self) -> Option<Contact> {
        let text = self.header("Contact")?;
        let contact = sip::typed::Contact::parse(&text).ok()?;
        let transport = match contact.uri.params.iter().find_map(|param| match param {
            Param::Transport(transport) => Some(*transport),
            _ => None,
        }) {
            None | Some(sip::Transport::Udp) => Transport::Udp,
            Some(sip::Transport::Tcp) => Transport::Tcp,
            Some(sip::Transport::Tls) => Transport::Tls,
            Some(_) => return None,
        };
        // `sips:` is by TLS and by nothing else (RFC 3261, 26.2.2).
        let is_secure = contact.uri.scheme.as_ref().is_some_and(|it| *it == sip::Scheme::Sips);
        let transport = if is_secure { Transport::Tls } else { transport };
        let address = SocketAddr::try_from(contact.uri.host_with_port).ok()?;
        (address.ip() == self.flow.peer.ip()).then_some(Contact { transport, address })
    }

    /// Answers. Retransmissions of the request get the same answer from now on.
    ///
    /// # Errors
    /// [`NotSent`]: the sender is gone; it will send again.
    pub async fn answer(
        mut self,
        reply: Reply,
        headers: &[(&str, String)],
        body: Option<&Body>,
    ) -> Result<(), NotSent> {
        let mut all: Vec<Header> =
            headers.iter().map(|(name, value)| sip::headers::make_header(name, value.clone())).collect();
        if let Some(body) = body {
            all.push(sip::headers::make_header("Content-Type", body.content_type.clone()));
        }
        let bytes = body.map(|body| body.bytes.clone());
        self.transaction.reply_with(reply.status(), all, bytes).await.map_err(|_| NotSent)
    }
}

/// A message could not be handed to the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the other side cannot be reached")]
pub struct NotSent;

/// Why a listener cannot start.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {listen}: {why}")]
pub struct CannotListen {
    pub listen: String,
    pub why: std::io::Error,
}

/// The way back to a sender. Cheap to clone.
#[derive(Clone)]
pub struct Flow {
    pub transport: Transport,
    pub peer: SocketAddr,
    local: SocketAddr,
    connection: SipConnection,
    /// Cancelled when a stream is gone.
    gone: CancellationToken,
    /// Cancelled when the other side of a stream says nothing more: what we asked it would not be answered.
    silent: CancellationToken,
}

impl Flow {
    /// False once a stream is closed, or half of it.
    fn is_open(&self) -> bool {
        !self.gone.is_cancelled() && !self.silent.is_cancelled()
    }
}

/// Everything that listens for one source.
pub struct Station {
    endpoint: Arc<Endpoint>,
    /// Where it listens, with the ports that were given to it.
    pub listening: Vec<Listen>,
    udp: Vec<Arc<UdpSocket>>,
    shared: Shared,
    /// Where units said that they are to be reached, by their user.
    contacts: Mutex<HashMap<String, Contact>>,
    calls: Option<TlsConnector>,
    /// Connections of our own to units, while both sides speak: the next answer goes the same way.
    called: Arc<Mutex<HashMap<Contact, Flow>>>,
}

/// Where a unit is to be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Contact {
    transport: Transport,
    address: SocketAddr,
}

/// The keys of a station.
#[derive(Clone, Default)]
pub struct Tls {
    /// Who we are; needed to listen by TLS.
    pub ours: Option<Arc<rustls::ServerConfig>>,
    /// Whom we believe when we call: without it no unit is called by TLS.
    pub units: Option<Arc<rustls::ClientConfig>>,
}

/// What the tasks of one station share.
#[derive(Clone)]
struct Shared {
    endpoint: Arc<Endpoint>,
    heard: mpsc::Sender<Heard>,
    allowed: Arc<Allowed>,
    connections: Arc<Semaphore>,
    /// New requests of each address in this second.
    counted: Arc<Mutex<HashMap<IpAddr, u32>>>,
    stop: CancellationToken,
}

impl Station {
    /// Opens every listener, then reads until `stop`. What arrives goes to `heard`.
    ///
    /// # Errors
    /// [`CannotListen`]: the first that cannot be opened; none is then.
    pub async fn open(
        listens: &[Listen],
        tls: Tls,
        allowed: Allowed,
        heard: mpsc::Sender<Heard>,
        stop: CancellationToken,
    ) -> Result<Self, CannotListen> {
        let mut endpoint = EndpointBuilder::new();
        let option =
            EndpointOption { callid_suffix: Some("vagttavle".to_owned()), ..EndpointOption::default() };
        endpoint.with_user_agent("vagttavle").with_cancel_token(stop.clone()).with_option(option);
        let endpoint = Arc::new(endpoint.build());
        let shared = Shared {
            endpoint: endpoint.clone(),
            heard,
            allowed: Arc::new(allowed),
            connections: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            counted: Arc::default(),
            stop: stop.clone(),
        };
        let mut opened = Vec::new();
        for listen in listens {
            let cannot = |why| CannotListen { listen: listen.to_string(), why };
            opened.push(match listen.transport {
                Transport::Udp => {
                    Opened::Udp(Arc::new(UdpSocket::bind(listen.address).await.map_err(cannot)?))
                }
                Transport::Tcp => {
                    Opened::Stream(TcpListener::bind(listen.address).await.map_err(cannot)?, None)
                }
                Transport::Tls => {
                    let config =
                        tls.ours.clone().ok_or_else(|| cannot(std::io::ErrorKind::InvalidInput.into()))?;
                    let listener = TcpListener::bind(listen.address).await.map_err(cannot)?;
                    Opened::Stream(listener, Some(TlsAcceptor::from(config)))
                }
            });
        }
        let mut station = Self {
            endpoint: endpoint.clone(),
            listening: Vec::new(),
            udp: Vec::new(),
            shared: shared.clone(),
            contacts: Mutex::default(),
            calls: tls.units.map(TlsConnector::from),
            called: Arc::default(),
        };
        for one in opened {
            match one {
                Opened::Udp(socket) => {
                    station.listening.extend(listening(Transport::Udp, socket.local_addr()));
                    station.udp.push(socket.clone());
                    tokio::spawn(shared.clone().datagrams(socket));
                }
                Opened::Stream(listener, tls) => {
                    let transport = if tls.is_some() { Transport::Tls } else { Transport::Tcp };
                    station.listening.extend(listening(transport, listener.local_addr()));
                    tokio::spawn(shared.clone().streams(listener, tls));
                }
            }
        }
        tokio::spawn(shared.count_anew());
        tokio::spawn(async move { endpoint.serve().await });
        Ok(station)
    }

    /// Sends a MESSAGE of our own, with the transport's retransmissions, and waits for the answer: its status.
    ///
    /// # Errors
    /// [`NotSent`]: the way is closed.
    pub async fn send(&self, flow: &Flow, user: &str, body: &Body) -> Result<u16, NotSent> {
        let way = self.way_to(flow, user).await?;
        let sent = self.send_on(&way, user, body).await;
        if sent.is_err() {
            self.hang_up(&way);
        }
        if sent.is_ok() || way.is_open() {
            return sent;
        }
        // Closed under our hands: perhaps there is another way.
        self.send_on(&self.way_to(flow, user).await?, user, body).await
    }

    async fn send_on(&self, flow: &Flow, user: &str, body: &Body) -> Result<u16, NotSent> {
        let local = local_towards(flow).await;
        let name = flow.transport.name();
        let uri = |text: String| Uri::try_from(text.as_str()).map_err(|_| NotSent);
        let target = match flow.transport {
            Transport::Udp => uri(format!("sip:{user}@{}", flow.peer))?,
            _ => uri(format!("sip:{user}@{};transport={name}", flow.peer))?,
        };
        let inner = &self.endpoint.inner;
        let via = inner.get_via(Some(address(flow.transport, local)), None).map_err(|_| NotSent)?;
        let from = sip::typed::From {
            display_name: None,
            uri: uri(format!("sip:vagttavle@{local}"))?,
            params: vec![Param::Tag(make_tag())],
        };
        let to = sip::typed::To { display_name: None, uri: target.clone(), params: Vec::new() };
        let mut request = inner.make_request(Method::Message, target, via, from, to, 1, None);
        request.headers.push(sip::headers::make_header("Content-Type", body.content_type.clone()));
        request.body.clone_from(&body.bytes);
        let key = TransactionKey::from_request(&request, TransactionRole::Client).map_err(|_| NotSent)?;
        let connection = Some(flow.connection.clone());
        let mut transaction = Transaction::new_client(key, request, inner.clone(), connection);
        transaction.destination = Some(address(flow.transport, flow.peer));
        transaction.send().await.map_err(|_| NotSent)?;
        loop {
            let message = tokio::select! {
                () = flow.silent.cancelled() => return Err(NotSent),
                message = transaction.receive() => message.ok_or(NotSent)?,
            };
            if let SipMessage::Response(response) = message
                && response.status_code.kind() != StatusCodeKind::Provisional
            {
                return Ok(response.status_code.code());
            }
        }
    }

    /// Remembers where a unit says that it is to be reached. Only the machine that it speaks from is believed.
    pub fn register(&self, request: &Arrived) {
        let Some(user) = request.from_user() else { return };
        let contact = request
            .contact()
            .unwrap_or(Contact { transport: request.flow.transport, address: request.flow.peer });
        let mut contacts = self.contacts.lock().unwrap_or_else(PoisonError::into_inner);
        if contacts.len() >= REMEMBERED_MAX {
            contacts.clear();
        }
        contacts.insert(user, contact);
    }

    /// The way to who sent a request: where it registered, else back where it came from.
    async fn way_to(&self, flow: &Flow, user: &str) -> Result<Flow, NotSent> {
        let contact = {
            let contacts = self.contacts.lock().unwrap_or_else(PoisonError::into_inner);
            contacts.get(user).copied().filter(|it| it.address.ip() == flow.peer.ip())
        };
        let is_stream = flow.transport != Transport::Udp;
        match contact {
            _ if is_stream && flow.is_open() => Ok(flow.clone()),
            Some(Contact { transport: Transport::Udp, address }) => {
                self.flow_to(address).await.ok_or(NotSent)
            }
            Some(contact) => match self.called_before(contact) {
                Some(flow) => Ok(flow),
                None => self.connect(contact).await,
            },
            _ if is_stream => Err(NotSent),
            _ => Ok(flow.clone()),
        }
    }

    /// A connection of our own, read like the others. Never by TCP to who asked for TLS.
    async fn connect(&self, contact: Contact) -> Result<Flow, NotSent> {
        let Contact { transport, address: peer } = contact;
        let permit = self.shared.connections.clone().try_acquire_owned().map_err(|_| NotSent)?;
        let stream =
            timeout(CONNECT, TcpStream::connect(peer)).await.map_err(|_| NotSent)?.map_err(|_| NotSent)?;
        let _ = stream.set_nodelay(true);
        let listens = self.listening.iter().find(|it| it.transport == transport).map(|it| it.address);
        let local = listens.or_else(|| stream.local_addr().ok()).ok_or(NotSent)?;
        let flow = if transport == Transport::Tls {
            let stream = self.handshake(stream, peer).await?;
            self.begin(stream, peer, local, transport, permit).await?
        } else {
            self.begin(stream, peer, local, transport, permit).await?
        };
        self.called().insert(contact, flow.clone());
        // Nothing may hold it that is not to be spoken on any more: it could not end.
        let (called, silent) = (self.called.clone(), flow.silent.clone());
        tokio::spawn(async move {
            silent.cancelled().await;
            let mut called = called.lock().unwrap_or_else(PoisonError::into_inner);
            called.retain(|_, flow| flow.is_open());
        });
        Ok(flow)
    }

    fn called(&self) -> MutexGuard<'_, HashMap<Contact, Flow>> {
        self.called.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection of our own on which nothing is answered is as good as none.
    fn hang_up(&self, way: &Flow) {
        if self.called().values().any(|it| it.peer == way.peer && it.transport == way.transport) {
            way.gone.cancel();
        }
    }

    fn called_before(&self, contact: Contact) -> Option<Flow> {
        self.called().get(&contact).filter(|flow| flow.is_open()).cloned()
    }

    async fn begin<S>(
        &self,
        stream: S,
        peer: SocketAddr,
        local: SocketAddr,
        transport: Transport,
        permit: OwnedSemaphorePermit,
    ) -> Result<Flow, NotSent>
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (opened, flow) = self.shared.begin(stream, peer, local, transport).await.ok_or(NotSent)?;
        let (shared, its) = (self.shared.clone(), flow.clone());
        tokio::spawn(async move {
            let _permit = permit;
            shared.converse(opened, its).await;
        });
        Ok(flow)
    }

    /// What we take for a unit and is none is seen.
    async fn handshake(&self, stream: TcpStream, peer: SocketAddr) -> Result<TlsStream<TcpStream>, NotSent> {
        let Some(calls) = &self.calls else {
            self.shared.tell("unit-trust-not-set").await;
            return Err(NotSent);
        };
        match timeout(HANDSHAKE, calls.connect(peer.ip().into(), stream)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(_)) | Err(_) => {
                self.shared.tell("unit-not-trusted").await;
                Err(NotSent)
            }
        }
    }

    /// A way to somebody who has not spoken to us, over UDP from a listener of ours. None without one.
    pub async fn flow_to(&self, peer: SocketAddr) -> Option<Flow> {
        let socket =
            self.udp.iter().find(|it| it.local_addr().is_ok_and(|at| at.is_ipv4() == peer.is_ipv4()))?;
        Some(datagram_flow(socket, peer).await)
    }
}

enum Opened {
    Udp(Arc<UdpSocket>),
    Stream(TcpListener, Option<TlsAcceptor>),
}

fn listening(transport: Transport, at: std::io::Result<SocketAddr>) -> Option<Listen> {
    at.ok().map(|address| Listen { transport, address })
}

fn address(transport: Transport, at: SocketAddr) -> SipAddr {
    let transport = match transport {
        Transport::Udp => sip::Transport::Udp,
        Transport::Tcp => sip::Transport::Tcp,
        Transport::Tls => sip::Transport::Tls,
    };
    SipAddr { r#type: Some(transport), addr: at.into() }
}

/// Our address as the other side sees it: a listener on all addresses has none of its own.
async fn local_towards(flow: &Flow) -> SocketAddr {
    if !flow.local.ip().is_unspecified() {
        return flow.local;
    }
    let any: SocketAddr = if flow.peer.is_ipv4() { ([0; 4], 0).into() } else { ([0u16; 8], 0).into() };
    let found = async {
        let probe = UdpSocket::bind(any).await?;
        probe.connect(flow.peer).await?;
        probe.local_addr()
    };
    match found.await {
        Ok(at) => SocketAddr::new(at.ip(), flow.local.port()),
        Err(_) => flow.local,
    }
}

async fn datagram_flow(socket: &Arc<UdpSocket>, peer: SocketAddr) -> Flow {
    let local = socket.local_addr().unwrap_or_else(|_| ([0; 4], 0).into());
    let inner = UdpInner { conn: socket.clone(), addr: address(Transport::Udp, local) };
    let connection = SipConnection::Udp(UdpConnection::attach(inner, None, None).await);
    let never = CancellationToken::new();
    Flow { transport: Transport::Udp, peer, local, connection, gone: never.clone(), silent: never }
}

impl Shared {
    async fn tell(&self, what: &'static str) {
        // Fails only when nobody works any more.
        let _ = self.heard.send(Heard::Unreadable(what)).await;
    }

    /// One message, from whichever socket. A retransmission is answered by the library, with what was answered.
    async fn receive(&self, flow: Flow, message: SipMessage) {
        let inner = &self.endpoint.inner;
        let peer = address(flow.transport, flow.peer);
        let request = match message {
            SipMessage::Request(request) => request,
            response @ SipMessage::Response(_) => {
                self.pass_on(response, flow.connection, peer).await;
                return;
            }
        };
        let Ok(key) = TransactionKey::from_request(&request, TransactionRole::Server) else {
            self.tell("sip-headers-missing").await;
            return;
        };
        if request.to_header().and_then(|to| to.tag()).is_err() {
            // Nobody could be answered.
            self.tell("sip-headers-missing").await;
            return;
        }
        let is_known =
            inner.transactions.contains_key(&key) || inner.finished_transactions.contains_key(&key);
        if is_known || matches!(request.method, Method::Ack | Method::Cancel) {
            self.pass_on(SipMessage::Request(request), flow.connection, peer).await;
            return;
        }
        if self.is_too_many(flow.peer.ip()) {
            self.tell("too-many-messages").await;
            return;
        }
        let wanted = match request.method {
            Method::Message => Wanted::Message,
            Method::Register => Wanted::Register,
            Method::Options => Wanted::Options,
            _ => Wanted::Other,
        };
        let body = request.body.clone();
        let connection = Some(flow.connection.clone());
        let transaction = Transaction::new_server(key, request, inner.clone(), connection);
        // Fails only when nobody works any more.
        let _ = self.heard.send(Heard::Request(Box::new(Arrived { wanted, flow, body, transaction }))).await;
    }

    fn is_too_many(&self, address: IpAddr) -> bool {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.len() >= REMEMBERED_MAX {
            counted.clear();
        }
        let count = counted.entry(address).or_insert(0);
        *count += 1;
        *count > PER_SECOND_MAX
    }

    /// Every second begins anew.
    async fn count_anew(self) {
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(SECOND) => {}
            }
            self.counted.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    /// A panic of the library costs one message.
    async fn pass_on(&self, message: SipMessage, connection: SipConnection, peer: SipAddr) {
        let received = self.endpoint.inner.on_received_message(message, connection, &peer);
        match AssertUnwindSafe(received).catch_unwind().await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => self.tell("sip-headers-missing").await,
        }
    }

    async fn datagrams(self, socket: Arc<UdpSocket>) {
        let mut buffer = vec![0; DATAGRAM_MAX];
        loop {
            let received = tokio::select! {
                () = self.stop.cancelled() => return,
                received = socket.recv_from(&mut buffer) => received,
            };
            // An error here is one of an answer sent before (nobody listens there any more).
            let Ok((size, peer)) = received else { continue };
            if !self.allowed.is_allowed(peer.ip()) {
                self.tell("sender-not-allowed").await;
                continue;
            }
            let bytes = &buffer[..size];
            if bytes.iter().all(u8::is_ascii_whitespace) {
                if bytes == KEEP_ALIVE {
                    let _ = socket.send_to(KEEP_ALIVE_ANSWER, peer).await;
                }
                continue;
            }
            match read(bytes, None).and_then(|message| seen_from(message, peer, Transport::Udp)) {
                Ok(message) => self.receive(datagram_flow(&socket, peer).await, message).await,
                Err(what) => self.tell(what).await,
            }
        }
    }

    async fn streams(self, listener: TcpListener, tls: Option<TlsAcceptor>) {
        let local = listener.local_addr();
        loop {
            let accepted = tokio::select! {
                () = self.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let (Ok((stream, peer)), Ok(local)) = (accepted, &local) else {
                tokio::time::sleep(ACCEPT_AGAIN).await;
                continue;
            };
            if !self.allowed.is_allowed(peer.ip()) {
                self.tell("sender-not-allowed").await;
                continue;
            }
            let Ok(permit) = self.connections.clone().try_acquire_owned() else {
                self.tell("too-many-connections").await;
                continue;
            };
            let (shared, tls, local) = (self.clone(), tls.clone(), *local);
            tokio::spawn(async move {
                let _permit = permit;
                shared.accepted(stream, peer, local, tls).await;
            });
        }
    }

    async fn accepted(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        local: SocketAddr,
        tls: Option<TlsAcceptor>,
    ) {
        let _ = stream.set_nodelay(true);
        match tls {
            None => self.stream(stream, peer, local, Transport::Tcp).await,
            Some(acceptor) => match timeout(HANDSHAKE, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => self.stream(stream, peer, local, Transport::Tls).await,
                Ok(Err(_)) | Err(_) => self.tell("tls-handshake").await,
            },
        }
    }

    /// One connection until it is closed, by whomever.
    async fn stream<S>(&self, stream: S, peer: SocketAddr, local: SocketAddr, transport: Transport)
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        if let Some((opened, flow)) = self.begin(stream, peer, local, transport).await {
            self.converse(opened, flow).await;
        }
    }

    async fn begin<S>(
        &self,
        stream: S,
        peer: SocketAddr,
        local: SocketAddr,
        transport: Transport,
    ) -> Option<(Conversation<S>, Flow)>
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (reader, writer) = tokio::io::split(stream);
        let gone = self.stop.child_token();
        let (unsent, to_send) = mpsc::channel(UNSENT_MAX);
        let (raw, raw_to_send) = mpsc::channel(1);
        let connection = channel(unsent, address(transport, peer), &gone).await.ok()?;
        let connection = SipConnection::Channel(connection);
        let silent = gone.child_token();
        let flow = Flow { transport, peer, local, connection, gone: gone.clone(), silent };
        let writing = tokio::spawn(write(writer, to_send, raw_to_send, gone));
        Some((Conversation { reader, raw, writing }, flow))
    }

    async fn converse<S>(&self, opened: Conversation<S>, flow: Flow)
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let Conversation { mut reader, raw, writing } = opened;
        let (peer, transport, gone) = (flow.peer, flow.transport, flow.gone.clone());
        let mut buffer = BytesMut::new();
        loop {
            match next(&mut buffer) {
                Next::More => {}
                Next::KeepAlive => {
                    let _ = raw.try_send(KEEP_ALIVE_ANSWER);
                    continue;
                }
                Next::Message(message) => {
                    match seen_from(message, peer, transport) {
                        Ok(message) => self.receive(flow.clone(), message).await,
                        Err(what) => self.tell(what).await,
                    }
                    continue;
                }
                Next::Unreadable(what) => {
                    self.tell(what).await;
                    continue;
                }
                Next::Lost(what) => {
                    self.tell(what).await;
                    break;
                }
            }
            let patience = if buffer.is_empty() { IDLE } else { HALF_MESSAGE };
            let read = tokio::select! {
                () = gone.cancelled() => break,
                read = timeout(patience, reader.read_buf(&mut buffer)) => read,
            };
            match read {
                Ok(Ok(0)) | Ok(Err(_)) => break,
                Ok(Ok(_)) => {}
                Err(_) => {
                    if !buffer.is_empty() {
                        self.tell("sip-half-message").await;
                    }
                    break;
                }
            }
        }
        if !buffer.is_empty() && !self.stop.is_cancelled() {
            self.tell("sip-half-message").await;
        }
        flow.silent.cancel();
        // The writer goes on until everything that was asked before is answered, then it is gone too.
        drop(flow);
        let _ = writing.await;
        gone.cancel();
    }
}

/// A stream that was begun.
struct Conversation<S> {
    reader: tokio::io::ReadHalf<S>,
    /// Answers that are no messages.
    raw: mpsc::Sender<&'static [u8]>,
    writing: tokio::task::JoinHandle<()>,
}

const KEEP_ALIVE: &[u8] = b"\r\n\r\n";
const KEEP_ALIVE_ANSWER: &[u8] = b"\r\n";

/// The library's handle to a stream of ours: what it sends comes out of `unsent`.
async fn channel(
    unsent: mpsc::Sender<TransportEvent>,
    peer: SipAddr,
    gone: &CancellationToken,
) -> Result<ChannelConnection, ()> {
    let (_, nothing) = mpsc::unbounded_channel();
    ChannelConnection::create_connection_bounded(nothing, unsent, peer, Some(gone.clone()))
        .await
        .map_err(|_| ())
}

/// Writes answers in order, until nobody can send any more, or the other side takes none.
async fn write<S: AsyncWrite + Send>(
    writer: tokio::io::WriteHalf<S>,
    mut to_send: mpsc::Receiver<TransportEvent>,
    mut raw: mpsc::Receiver<&'static [u8]>,
    gone: CancellationToken,
) {
    let mut writer = writer;
    loop {
        let bytes = tokio::select! {
            () = gone.cancelled() => break,
            event = to_send.recv() => match event {
                Some(TransportEvent::Incoming(message, ..)) => message.to_bytes(),
                Some(_) => continue,
                None => break,
            },
            Some(bytes) = raw.recv() => bytes.to_vec(),
        };
        if !matches!(timeout(HALF_MESSAGE, writer.write_all(&bytes)).await, Ok(Ok(()))) {
            break;
        }
        let _ = timeout(HALF_MESSAGE, writer.flush()).await;
    }
    gone.cancel();
    let _ = timeout(HALF_MESSAGE, writer.shutdown()).await;
}

/// What stands at the front of a stream.
enum Next {
    /// Nothing whole yet.
    More,
    KeepAlive,
    Message(SipMessage),
    /// A message that cannot be read; the one after it can.
    Unreadable(&'static str),
    /// Where the next message begins is not known: the connection must be closed.
    Lost(&'static str),
}

fn next(buffer: &mut BytesMut) -> Next {
    if buffer.starts_with(KEEP_ALIVE) {
        buffer.advance(KEEP_ALIVE.len());
        return Next::KeepAlive;
    }
    // Half a keep-alive, or one too many.
    if matches!(&buffer[..], b"" | b"\r" | b"\r\n" | b"\r\n\r") {
        return Next::More;
    }
    let blank = buffer.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    buffer.advance(blank);
    let Some((head, body_at)) = head_of(buffer) else {
        return if buffer.len() > HEAD_MAX { Next::Lost("sip-head-too-large") } else { Next::More };
    };
    if head > HEAD_MAX {
        return Next::Lost("sip-head-too-large");
    }
    let length = match content_length(&buffer[..head]) {
        Ok(length) => length.unwrap_or(0),
        Err(what) => return Next::Lost(what),
    };
    if length > BODY_MAX {
        return Next::Lost("sip-body-too-large");
    }
    if buffer.len() < body_at + length {
        return Next::More;
    }
    let message = buffer.split_to(body_at + length);
    match read(&message, Some(length)) {
        Ok(message) => Next::Message(message),
        Err(what) => Next::Unreadable(what),
    }
}

/// Where the head ends and where the body begins; lines may end in LF alone.
fn head_of(bytes: &[u8]) -> Option<(usize, usize)> {
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

/// The first Content-Length, if there is one.
fn content_length(head: &[u8]) -> Result<Option<usize>, &'static str> {
    for line in head.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = line[..colon].trim_ascii();
        if !name.eq_ignore_ascii_case(b"content-length") && !name.eq_ignore_ascii_case(b"l") {
            continue;
        }
        let value = std::str::from_utf8(line[colon + 1..].trim_ascii()).unwrap_or_default();
        return value.parse::<u32>().map(|it| Some(it as usize)).map_err(|_| "sip-bad-length");
    }
    Ok(None)
}

/// Reads one whole message. A datagram (`length` none) without a length is all body to its end.
///
/// # Errors
/// The code of source health that says which rule was broken.
pub fn read(bytes: &[u8], length: Option<usize>) -> Result<SipMessage, &'static str> {
    let (head, body_at) = head_of(bytes).ok_or("sip-half-message")?;
    if head > HEAD_MAX {
        return Err("sip-head-too-large");
    }
    let rest = &bytes[body_at..];
    let length = match length {
        Some(length) => length,
        None => content_length(&bytes[..head])?.unwrap_or(rest.len()),
    };
    let body = rest.get(..length).ok_or("sip-body-cut")?;
    if body.len() > BODY_MAX {
        return Err("sip-body-too-large");
    }
    let text = String::from_utf8_lossy(&bytes[..head]);
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() > HEAD_LINES_MAX {
        return Err("sip-too-many-headers");
    }
    let mut head = lines.join("\r\n");
    head.push_str("\r\n\r\n");
    let parsed = std::panic::catch_unwind(|| SipMessage::try_from(head.as_bytes()));
    let Ok(Ok(mut message)) = parsed else { return Err("sip-unreadable") };
    match &mut message {
        SipMessage::Request(request) => request.body = body.to_vec(),
        SipMessage::Response(response) => response.body = body.to_vec(),
    }
    Ok(message)
}

/// Notes in a request where it came from, so that the answer finds its way (RFC 3581).
fn seen_from(
    message: SipMessage,
    peer: SocketAddr,
    transport: Transport,
) -> Result<SipMessage, &'static str> {
    let transport = match transport {
        Transport::Udp => sip::Transport::Udp,
        Transport::Tcp => sip::Transport::Tcp,
        Transport::Tls => sip::Transport::Tls,
    };
    let noted =
        std::panic::catch_unwind(|| SipConnection::update_msg_received(message, peer, transport).ok());
    noted.ok().flatten().ok_or("sip-headers-missing")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = "MESSAGE sip:scaip@127.0.0.1:5060 SIP/2.0\r\n\
        Via: SIP/2.0/TCP 127.0.0.1:40000;branch=z9hG4bK-1;rport\r\nMax-Forwards: 70\r\n\
        From: <sip:4512345678@127.0.0.1>;tag=1\r\nTo: <sip:scaip@127.0.0.1>\r\nCall-ID: 1@test\r\n\
        CSeq: 1 MESSAGE\r\nContent-Type: application/scaip+xml\r\nContent-Length:   6\r\n\r\n<mrq/>";

    fn whole(buffer: &mut BytesMut) -> Vec<&'static str> {
        let mut seen = Vec::new();
        loop {
            seen.push(match next(buffer) {
                Next::More => return seen,
                Next::KeepAlive => "keep-alive",
                Next::Message(_) => "message",
                Next::Unreadable(what) => what,
                Next::Lost(what) => {
                    seen.push(what);
                    return seen;
                }
            });
        }
    }

    #[test]
    fn a_stream_cut_anywhere_gives_the_same_messages() {
        let twice = format!("\r\n\r\n{MESSAGE}\r\n{MESSAGE}");
        for cut in 0..=twice.len() {
            let mut buffer = BytesMut::from(&twice.as_bytes()[..cut]);
            let mut seen = whole(&mut buffer);
            buffer.extend_from_slice(&twice.as_bytes()[cut..]);
            seen.extend(whole(&mut buffer));
            seen.retain(|it| *it != "keep-alive");
            assert_eq!(seen, ["message", "message"], "cut at {cut}");
        }
    }

    #[test]
    fn a_datagram_cut_anywhere_is_whole_or_says_why_not() {
        for cut in 0..MESSAGE.len() {
            let read = read(&MESSAGE.as_bytes()[..cut], None);
            assert!(matches!(read, Err("sip-half-message" | "sip-body-cut")), "cut at {cut}");
        }
        assert!(read(MESSAGE.as_bytes(), None).is_ok());
    }

    #[test]
    fn a_datagram_without_a_length_is_read_to_its_end_and_bare_line_ends_are_taken() {
        let bare = MESSAGE.replace("Content-Length:   6\r\n", "").replace("\r\n", "\n");
        let Ok(SipMessage::Request(request)) = read(bare.as_bytes(), None) else { panic!("it can be read") };
        assert_eq!(request.body, b"<mrq/>");
    }

    #[test]
    fn lengths_beyond_the_limits_are_lost_at_once() {
        let sizes = [("99999999999999999999", "sip-bad-length"), ("40000", "sip-body-too-large")];
        for (size, what) in sizes {
            let text = MESSAGE.replace("Content-Length:   6", &format!("Content-Length: {size}"));
            assert_eq!(whole(&mut BytesMut::from(text.as_bytes())), [what]);
        }
        let endless = vec![b'x'; HEAD_MAX + 1];
        assert_eq!(whole(&mut BytesMut::from(&endless[..])), ["sip-head-too-large"]);
    }
}
