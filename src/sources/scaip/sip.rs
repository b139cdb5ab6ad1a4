//! The SIP transport: sockets, requests that are answered, and questions of our own that are.
//!
//! Of SIP there is what an alarm needs: MESSAGE, REGISTER and OPTIONS without a dialog (RFC 3261, 17.1.2 and 17.2.2;
//! RFC 3428). How a message is read is `head` and `frames`. Must never know what a body says, nor put any of a message
//! into a log line. Whatever can be taken for a request is answered, if only with 400.
//!
//! What arrives is handed on in bounded numbers: a reader that gets too far ahead says so and stops reading.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::CancellationToken;

use super::frames::{self, Ends, Frames, KEEP_ALIVE, KEEP_ALIVE_ANSWER, Message, Next};
pub use super::head::Body;
use super::head::{self, Asked, Contact, Head, Start};
use super::places::{Place, Places};
use super::served::{Begun, Served, Ticket};
use super::settings::{Allowed, Listen, Transport};
use crate::clock::steady;

/// Largest datagram that UDP can carry (bytes).
const DATAGRAM_MAX: usize = 65_535;
/// Answers that may wait for a slow connection; one that lets more wait is closed.
const UNSENT_MAX: usize = 256;
/// New requests of one address within a second; more are asked to come again. Behind one address may be all there are.
const PER_SECOND_MAX: u32 = 20_000;
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
/// For a connection that makes room to be gone.
const ROOM: Duration = Duration::from_secs(1);
/// Pause after a failure to take a connection (no file handles left).
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);
/// A question over UDP is said again after this, then after twice as long, up to the other (RFC 3261: T1, T2).
const SAID_AGAIN: Duration = Duration::from_millis(500);
const SAID_AGAIN_MAX: Duration = Duration::from_secs(4);
/// It is not answered any more after so long (timer F).
const UNANSWERED: Duration = Duration::from_secs(32);

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
    MethodNotAllowed,
    UnsupportedMediaType,
    ServiceUnavailable,
}

impl Reply {
    fn status(self) -> (u16, &'static str) {
        match self {
            Self::Ok => (200, "OK"),
            Self::BadRequest => (400, "Bad Request"),
            Self::Unauthorized => (401, "Unauthorized"),
            Self::MethodNotAllowed => (405, "Method Not Allowed"),
            Self::UnsupportedMediaType => (415, "Unsupported Media Type"),
            Self::ServiceUnavailable => (503, "Service Unavailable"),
        }
    }
}

/// A request that waits for its answer. Personal: no `Debug`.
pub struct Arrived {
    pub wanted: Wanted,
    pub flow: Flow,
    pub body: Vec<u8>,
    /// What came with it behind the length that it says of its body.
    pub beyond: Vec<u8>,
    /// What is wrong with its form, by its code of source health.
    pub odd: Option<&'static str>,
    head: Head,
    method: String,
    ticket: Ticket,
    /// Ours, for an answer.
    tag: String,
}

impl Arrived {
    /// A header's value; names are those of the long form, whatever their case.
    pub fn header(&self, name: &str) -> Option<String> {
        self.head.get(&name.to_ascii_lowercase()).map(str::to_owned)
    }

    pub fn method(&self) -> &str {
        &self.method
    }

    /// The user part of who sent it.
    pub fn from_user(&self) -> Option<String> {
        self.head.from_user().map(str::to_owned)
    }

    /// The first contact of a registration, if it is on the machine that sent it.
    fn contact(&self) -> Option<Contact> {
        self.head.contact().filter(|contact| contact.address.ip() == self.flow.peer.ip())
    }

    /// Answers. Repetitions of the request get the same answer from now on.
    ///
    /// # Errors
    /// [`NotSent`]: the sender is gone; it will send again.
    pub async fn answer(
        self,
        reply: Reply,
        headers: &[(&str, String)],
        body: Option<&Body>,
    ) -> Result<(), NotSent> {
        let bytes = self.head.answer(reply.status(), self.flow.peer, &self.tag, headers, body);
        self.ticket.answered(&bytes, steady());
        self.flow.answer(&self.head, &bytes).await
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
    way: Way,
    /// Cancelled when a stream is gone.
    gone: CancellationToken,
    /// Cancelled when the other side of a stream says nothing more: what we asked it would not be answered.
    silent: CancellationToken,
}

#[derive(Clone)]
enum Way {
    Datagrams(Arc<UdpSocket>),
    /// To the one task that writes.
    Stream(mpsc::Sender<Vec<u8>>),
}

impl Flow {
    fn by_datagrams(socket: &Arc<UdpSocket>, peer: SocketAddr) -> Self {
        let local = socket.local_addr().unwrap_or_else(|_| ([0; 4], 0).into());
        let never = CancellationToken::new();
        let way = Way::Datagrams(socket.clone());
        Self { transport: Transport::Udp, peer, local, way, gone: never.clone(), silent: never }
    }

    /// False once a stream is closed, or half of it.
    fn is_open(&self) -> bool {
        !self.gone.is_cancelled() && !self.silent.is_cancelled()
    }

    async fn send(&self, bytes: &[u8]) -> Result<(), NotSent> {
        match &self.way {
            Way::Datagrams(socket) => socket.send_to(bytes, self.peer).await.map(|_| ()).map_err(|_| NotSent),
            Way::Stream(unsent) => unsent.try_send(bytes.to_vec()).map_err(|full| {
                // Whoever takes nothing is not waited for.
                if matches!(full, TrySendError::Full(_)) {
                    self.gone.cancel();
                }
                NotSent
            }),
        }
    }

    async fn answer(&self, head: &Head, bytes: &[u8]) -> Result<(), NotSent> {
        if let (Way::Datagrams(socket), Some(also)) = (&self.way, head.answers_also_at(self.peer)) {
            let _ = socket.send_to(bytes, also).await;
        }
        self.send(bytes).await
    }
}

/// Everything that listens for one source.
pub struct Station {
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

/// The keys of a station.
#[derive(Clone, Default)]
pub struct Tls {
    /// Who we are; needed to listen by TLS.
    pub ours: Option<Arc<rustls::ServerConfig>>,
    /// Whom we believe when we call: without it no unit is called by TLS.
    pub units: Option<Arc<rustls::ClientConfig>>,
}

/// What a station is made of besides its sockets.
pub struct Made {
    pub tls: Tls,
    pub allowed: Allowed,
    /// Where a body is over that says so itself.
    pub ends: Ends,
    /// Random: our tags and the names of our requests are drawn from it.
    pub seed: [u8; 32],
    /// One for each stream connection; without one the longest silent makes room. Shared by all stations of a program.
    pub connections: Places,
}

/// What the tasks of one station share.
#[derive(Clone)]
struct Shared {
    heard: mpsc::Sender<Heard>,
    allowed: Arc<Allowed>,
    ends: Ends,
    connections: Places,
    /// New requests of each address in this second.
    counted: Arc<Mutex<HashMap<IpAddr, u32>>>,
    served: Served,
    /// Who waits for the answer to which request of ours.
    asked: Arc<Mutex<HashMap<String, oneshot::Sender<u16>>>>,
    drawn: Arc<([u8; 32], AtomicU64)>,
    stop: CancellationToken,
}

impl Station {
    /// Opens every listener, then reads until `stop`. What arrives goes to `heard`.
    ///
    /// # Errors
    /// [`CannotListen`]: the first that cannot be opened; none is then.
    pub async fn open(
        listens: &[Listen],
        made: Made,
        heard: mpsc::Sender<Heard>,
        stop: CancellationToken,
    ) -> Result<Self, CannotListen> {
        let Made { tls, allowed, ends, seed, connections } = made;
        let shared = Shared {
            heard,
            allowed: Arc::new(allowed),
            ends,
            connections,
            counted: Arc::default(),
            served: Served::default(),
            asked: Arc::default(),
            drawn: Arc::new((seed, AtomicU64::new(0))),
            stop,
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
        Ok(station)
    }

    /// Sends a MESSAGE of our own, again and again over UDP, and waits for the answer: its status.
    ///
    /// # Errors
    /// [`NotSent`]: the way is closed, or nobody answers.
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
        let id = self.shared.draw();
        let local = local_towards(flow).await;
        let asked = Asked { user, transport: flow.transport, peer: flow.peer, local, id: &id };
        let bytes = asked.message(body);
        let (mut answered, _waits) = self.shared.wait_for(id);
        let give_up_at = steady() + UNANSWERED;
        let mut pause = SAID_AGAIN;
        loop {
            flow.send(&bytes).await?;
            let until = match flow.transport {
                Transport::Udp => give_up_at.min(steady() + pause),
                Transport::Tcp | Transport::Tls => give_up_at,
            };
            tokio::select! {
                () = flow.silent.cancelled() => return Err(NotSent),
                () = flow.gone.cancelled() => return Err(NotSent),
                status = &mut answered => return status.map_err(|_| NotSent),
                () = tokio::time::sleep_until(until) => {}
            }
            if until >= give_up_at {
                return Err(NotSent);
            }
            pause = (pause * 2).min(SAID_AGAIN_MAX);
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
            Some(Contact { transport: Transport::Udp, address }) => self.flow_to(address).ok_or(NotSent),
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
        let permit = self.shared.connections.permits.clone().try_acquire_owned().map_err(|_| NotSent)?;
        let stream =
            timeout(CONNECT, TcpStream::connect(peer)).await.map_err(|_| NotSent)?.map_err(|_| NotSent)?;
        let _ = stream.set_nodelay(true);
        let listens = self.listening.iter().find(|it| it.transport == transport).map(|it| it.address);
        let local = listens.or_else(|| stream.local_addr().ok()).ok_or(NotSent)?;
        let flow = if transport == Transport::Tls {
            let stream = self.handshake(stream, peer).await?;
            self.begin(stream, peer, local, transport, permit)
        } else {
            self.begin(stream, peer, local, transport, permit)
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

    fn begin<S>(
        &self,
        stream: S,
        peer: SocketAddr,
        local: SocketAddr,
        transport: Transport,
        permit: OwnedSemaphorePermit,
    ) -> Flow
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (opened, flow) = self.shared.begin(stream, peer, local, transport);
        let (shared, its) = (self.shared.clone(), flow.clone());
        tokio::spawn(async move {
            let _permit = permit;
            let place = shared.connections.take();
            shared.converse(opened, its, place).await;
        });
        flow
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
    pub fn flow_to(&self, peer: SocketAddr) -> Option<Flow> {
        let socket =
            self.udp.iter().find(|it| it.local_addr().is_ok_and(|at| at.is_ipv4() == peer.is_ipv4()))?;
        Some(Flow::by_datagrams(socket, peer))
    }
}

enum Opened {
    Udp(Arc<UdpSocket>),
    Stream(TcpListener, Option<TlsAcceptor>),
}

fn listening(transport: Transport, at: std::io::Result<SocketAddr>) -> Option<Listen> {
    at.ok().map(|address| Listen { transport, address })
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

/// Somebody waits for an answer until this is let go of.
struct Waits {
    asked: Arc<Mutex<HashMap<String, oneshot::Sender<u16>>>>,
    id: String,
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

impl Shared {
    /// A name that nobody else has and nobody can guess.
    fn draw(&self) -> String {
        let (seed, drawn) = &*self.drawn;
        let nth = drawn.fetch_add(1, Ordering::Relaxed);
        hex::encode(&Sha256::digest([&seed[..], &nth.to_be_bytes()].concat())[..12])
    }

    fn wait_for(&self, id: String) -> (oneshot::Receiver<u16>, Waits) {
        let (tell, told) = oneshot::channel();
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), tell);
        (told, Waits { asked: self.asked.clone(), id })
    }

    async fn tell(&self, what: &'static str) {
        // Fails only when nobody works any more.
        let _ = self.heard.send(Heard::Unreadable(what)).await;
    }

    /// The answer to a request of ours. One that is no end (100 Trying) is waited on.
    fn answered(&self, head: &Head, status: u16) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if status >= 200
            && let Some(tell) = head::answers(head).find_map(|id| asked.remove(id))
        {
            let _ = tell.send(status);
        }
    }

    /// One message, from whichever socket.
    async fn receive(&self, flow: Flow, message: Message) {
        let method = match &message.head.start {
            Start::Response(status) => return self.answered(&message.head, *status),
            // Nothing is answered to it, whatever it is about.
            Start::Request(method) if method == "ACK" => return,
            Start::Request(method) => method.clone(),
        };
        let ticket = match self.served.begin(&message, flow.peer, steady()) {
            Begun::New(ticket) => ticket,
            Begun::InWork => return,
            Begun::Answered(answer) => {
                let _ = flow.answer(&message.head, &answer).await;
                return;
            }
        };
        if self.is_too_many(flow.peer.ip()) {
            self.tell("too-many-messages").await;
            let status = Reply::ServiceUnavailable.status();
            let answer = message.head.answer(status, flow.peer, &self.draw(), &[], None);
            let _ = flow.answer(&message.head, &answer).await;
            return;
        }
        let wanted = match method.as_str() {
            "MESSAGE" => Wanted::Message,
            "REGISTER" => Wanted::Register,
            "OPTIONS" => Wanted::Options,
            _ => Wanted::Other,
        };
        let Message { head, body, beyond, odd } = message;
        let tag = self.draw();
        let arrived = Arrived { wanted, flow, body, beyond, odd, head, method, ticket, tag };
        // Fails only when nobody works any more.
        if let Err(TrySendError::Full(heard)) = self.heard.try_send(Heard::Request(Box::new(arrived))) {
            let _ = self.heard.send(heard).await;
            self.tell("scaip-full").await;
        }
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
            if bytes.iter().all(|byte| head::is_nothing(*byte)) {
                if bytes == KEEP_ALIVE {
                    let _ = socket.send_to(KEEP_ALIVE_ANSWER, peer).await;
                }
                continue;
            }
            match frames::datagram(bytes) {
                Ok(message) => self.receive(Flow::by_datagrams(&socket, peer), message).await,
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
            let Some(permit) = self.room().await else { continue };
            let place = self.connections.take();
            let (shared, tls, local) = (self.clone(), tls.clone(), *local);
            tokio::spawn(async move {
                let _permit = permit;
                shared.accepted(stream, peer, local, tls, place).await;
            });
        }
    }

    /// Room for one more connection: if there is none, the one that has said nothing for longest makes it. It is said
    /// either way, and a unit that calls is heard.
    async fn room(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(permit) = self.connections.permits.clone().try_acquire_owned() {
            return Some(permit);
        }
        self.tell("too-many-connections").await;
        if !self.connections.make_room() {
            return None;
        }
        timeout(ROOM, self.connections.permits.clone().acquire_owned()).await.ok()?.ok()
    }

    async fn accepted(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        local: SocketAddr,
        tls: Option<TlsAcceptor>,
        place: Place,
    ) {
        let _ = stream.set_nodelay(true);
        match tls {
            None => self.stream(stream, peer, local, Transport::Tcp, place).await,
            Some(acceptor) => {
                let accepted = tokio::select! {
                    () = place.must_go() => return,
                    accepted = timeout(HANDSHAKE, acceptor.accept(stream)) => accepted,
                };
                match accepted {
                    Ok(Ok(stream)) => self.stream(stream, peer, local, Transport::Tls, place).await,
                    Ok(Err(_)) | Err(_) => self.tell("tls-handshake").await,
                }
            }
        }
    }

    /// One connection until it is closed, by whomever.
    async fn stream<S>(
        &self,
        stream: S,
        peer: SocketAddr,
        local: SocketAddr,
        transport: Transport,
        place: Place,
    ) where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (opened, flow) = self.begin(stream, peer, local, transport);
        self.converse(opened, flow, place).await;
    }

    fn begin<S>(
        &self,
        stream: S,
        peer: SocketAddr,
        local: SocketAddr,
        transport: Transport,
    ) -> (Conversation<S>, Flow)
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (reader, writer) = tokio::io::split(stream);
        let gone = self.stop.child_token();
        let (unsent, to_send) = mpsc::channel(UNSENT_MAX);
        let silent = gone.child_token();
        let flow = Flow { transport, peer, local, way: Way::Stream(unsent), gone: gone.clone(), silent };
        let writing = tokio::spawn(write(writer, to_send, gone));
        (Conversation { reader, writing }, flow)
    }

    async fn converse<S>(&self, opened: Conversation<S>, flow: Flow, mut place: Place)
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let Conversation { mut reader, writing } = opened;
        let gone = flow.gone.clone();
        let mut frames = Frames::new(self.ends);
        let mut buffer = BytesMut::new();
        loop {
            match frames.next(&mut buffer) {
                Next::More => {}
                Next::KeepAlive => {
                    place.is_heard();
                    let _ = flow.send(KEEP_ALIVE_ANSWER).await;
                    continue;
                }
                Next::Message(message) => {
                    place.is_heard();
                    self.receive(flow.clone(), *message).await;
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
                // Nothing it still waits for is worth more than a unit that calls now.
                () = place.must_go() => {
                    gone.cancel();
                    break;
                }
                read = timeout(patience, reader.read_buf(&mut buffer)) => read,
            };
            if !matches!(read, Ok(Ok(1..))) {
                break;
            }
        }
        if !self.stop.is_cancelled() && buffer.iter().any(|byte| !head::is_nothing(*byte)) {
            match frames.last(&mut buffer) {
                // What there is of an alarm is an alarm.
                Some(message) => self.receive(flow.clone(), message).await,
                None => self.tell("sip-half-message").await,
            }
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
    writing: tokio::task::JoinHandle<()>,
}

/// Writes answers in order, until nobody can send any more, or the other side takes none.
async fn write<S: AsyncWrite + Send>(
    writer: tokio::io::WriteHalf<S>,
    mut to_send: mpsc::Receiver<Vec<u8>>,
    gone: CancellationToken,
) {
    let mut writer = writer;
    loop {
        let bytes = tokio::select! {
            () = gone.cancelled() => break,
            bytes = to_send.recv() => match bytes {
                Some(bytes) => bytes,
                None => break,
            },
        };
        if !matches!(timeout(HALF_MESSAGE, writer.write_all(&bytes)).await, Ok(Ok(()))) {
            break;
        }
        let _ = timeout(HALF_MESSAGE, writer.flush()).await;
    }
    gone.cancel();
    let _ = timeout(HALF_MESSAGE, writer.shutdown()).await;
}
