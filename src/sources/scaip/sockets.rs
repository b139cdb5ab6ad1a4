//! The sockets of a station: what is read from them, who is let in, and what each message is.
//!
//! Of SIP there is what an alarm needs: MESSAGE, REGISTER and OPTIONS without a dialog (RFC 3261, 17.1.2 and 17.2.2;
//! RFC 3428). Owns what is handed on, in bounded numbers: a reader that gets too far ahead says so and stops reading.
//! Must never know what a body says. Whatever can be taken for a request is answered, if only with 400.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::arrived::{Arrived, FULL, Heard, Reply, Wanted};
use super::counted::Counted;
use super::flow::{Flow, HALF_MESSAGE};
use super::frames::{self, Ends, Frames, KEEP_ALIVE, KEEP_ALIVE_ANSWER, Message, Next};
use super::head::{self, Head, Start};
use super::places::{Permit, Places};
use super::served::{Begun, Served};
use super::settings::{Allowed, Transport};
use crate::clock::steady;

/// Largest datagram that UDP can carry (bytes).
const DATAGRAM_MAX: usize = 65_535;
/// A connection on which nothing was said for so long is closed; a unit's longest heartbeat is a day.
const IDLE: Duration = Duration::from_secs(25 * 60 * 60);
pub(super) const HANDSHAKE: Duration = Duration::from_secs(10);
/// For a connection that makes room to be gone.
const ROOM: Duration = Duration::from_secs(1);
/// Pause after a failure to take a connection (no file handles left).
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

/// What the tasks of one station share.
#[derive(Clone)]
pub(super) struct Shared {
    heard: mpsc::Sender<Heard>,
    allowed: Arc<Allowed>,
    ends: Ends,
    pub(super) connections: Places,
    counted: Counted,
    served: Served,
    /// Who waits for the answer to which request of ours.
    asked: Arc<Mutex<HashMap<String, oneshot::Sender<u16>>>>,
    drawn: Arc<([u8; 32], AtomicU64)>,
    stop: CancellationToken,
}

/// Somebody waits for an answer until this is let go of.
pub(super) struct Waits {
    asked: Arc<Mutex<HashMap<String, oneshot::Sender<u16>>>>,
    id: String,
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

impl Shared {
    /// For sockets that read until `stop`.
    pub(super) fn new(
        heard: mpsc::Sender<Heard>,
        (allowed, ends, connections): (Allowed, Ends, Places),
        seed: [u8; 32],
        stop: CancellationToken,
    ) -> Self {
        let counted = Counted::new();
        tokio::spawn(counted.clone().count_anew(stop.clone()));
        Self {
            heard,
            allowed: Arc::new(allowed),
            ends,
            connections,
            counted,
            served: Served::default(),
            asked: Arc::default(),
            drawn: Arc::new((seed, AtomicU64::new(0))),
            stop,
        }
    }

    /// A name that nobody else has and nobody can guess.
    pub(super) fn draw(&self) -> String {
        let (seed, drawn) = &*self.drawn;
        let nth = drawn.fetch_add(1, Ordering::Relaxed);
        hex::encode(&Sha256::digest([&seed[..], &nth.to_be_bytes()].concat())[..12])
    }

    pub(super) fn wait_for(&self, id: String) -> (oneshot::Receiver<u16>, Waits) {
        let (tell, told) = oneshot::channel();
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), tell);
        (told, Waits { asked: self.asked.clone(), id })
    }

    pub(super) async fn tell(&self, what: &'static str) {
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
        if self.counted.is_too_many(flow.peer.ip()) {
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
            self.tell(FULL).await;
        }
    }

    pub(super) async fn datagrams(self, socket: Arc<UdpSocket>) {
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

    pub(super) async fn streams(self, listener: TcpListener, tls: Option<TlsAcceptor>) {
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
            let Some(room) = self.room().await else { continue };
            let place = self.connections.take(room);
            let (shared, tls, local) = (self.clone(), tls.clone(), *local);
            tokio::spawn(async move { shared.accepted(stream, peer, local, tls, place).await });
        }
    }

    /// Room for one more connection: if there is none, the one that has said nothing for longest makes it. It is said
    /// either way, and a unit that calls is heard.
    async fn room(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(room) = self.connections.permits.clone().try_acquire_owned() {
            return Some(room);
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
        place: Permit,
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
        place: Permit,
    ) where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (opened, flow) = self.begin(stream, peer, local, transport);
        self.converse(opened, flow, place).await;
    }

    pub(super) fn begin<S>(
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
        let (flow, writing) = Flow::by_stream(writer, (transport, peer, local), &self.stop);
        (Conversation { reader, writing }, flow)
    }

    pub(super) async fn converse<S>(&self, opened: Conversation<S>, flow: Flow, mut place: Permit)
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
pub(super) struct Conversation<S> {
    reader: tokio::io::ReadHalf<S>,
    writing: tokio::task::JoinHandle<()>,
}
