//! The SIP transport: everything that listens for one source, and questions of our own to units.
//!
//! Owns the listeners, the way to a unit and the connections that we opened to one. What arrives is read in `sockets`;
//! how a message is read is `head` and `frames`. Must never know what a body says, nor put any of a message into a log
//! line.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::CancellationToken;

pub use super::arrived::{Arrived, Heard, Reply, Wanted};
use super::contacts::Contacts;
use super::flow::local_towards;
pub use super::flow::{Flow, NotSent};
use super::frames::Ends;
pub use super::head::Body;
use super::head::{Asked, Contact};
use super::places::Places;
use super::settings::{Allowed, Listen, Transport};
use super::sockets::{HANDSHAKE, Shared};
use crate::clock::steady;

/// A connection of our own to a unit must be there within so long.
const CONNECT: Duration = Duration::from_secs(5);
/// A question over UDP is said again after this, then after twice as long, up to the other (RFC 3261: T1, T2).
const SAID_AGAIN: Duration = Duration::from_millis(500);
const SAID_AGAIN_MAX: Duration = Duration::from_secs(4);
/// It is not answered any more after so long (timer F).
const UNANSWERED: Duration = Duration::from_secs(32);

/// Why a listener cannot start.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {listen}: {why}")]
pub struct CannotListen {
    pub listen: String,
    pub why: std::io::Error,
}

/// Everything that listens for one source.
pub struct Station {
    /// Where it listens, with the ports that were given to it.
    pub listening: Vec<Listen>,
    udp: Vec<Arc<UdpSocket>>,
    shared: Shared,
    contacts: Contacts,
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
        let shared = Shared::new(heard, (allowed, ends, connections), seed, stop);
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
            contacts: Contacts::new(),
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
        self.contacts.remember(user, contact);
    }

    /// The way to who sent a request: where it registered, else back where it came from.
    async fn way_to(&self, flow: &Flow, user: &str) -> Result<Flow, NotSent> {
        let contact = self.contacts.of(user).filter(|it| it.address.ip() == flow.peer.ip());
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
        let room = self.shared.connections.permits.clone().try_acquire_owned().map_err(|_| NotSent)?;
        let stream =
            timeout(CONNECT, TcpStream::connect(peer)).await.map_err(|_| NotSent)?.map_err(|_| NotSent)?;
        let _ = stream.set_nodelay(true);
        let listens = self.listening.iter().find(|it| it.transport == transport).map(|it| it.address);
        let local = listens.or_else(|| stream.local_addr().ok()).ok_or(NotSent)?;
        let flow = if transport == Transport::Tls {
            let stream = self.handshake(stream, peer).await?;
            self.begin(stream, peer, local, transport, room)
        } else {
            self.begin(stream, peer, local, transport, room)
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
        room: OwnedSemaphorePermit,
    ) -> Flow
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (opened, flow) = self.shared.begin(stream, peer, local, transport);
        let (shared, its) = (self.shared.clone(), flow.clone());
        tokio::spawn(async move {
            let place = shared.connections.take(room);
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
