//! The way back to a sender: a datagram, or the stream that it spoke on.
//!
//! Owns that nobody who takes nothing is waited for. Must never know what is sent.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::head::Head;
use super::settings::Transport;

/// Answers that may wait for a slow connection; one that lets more wait is closed.
const UNSENT_MAX: usize = 256;
/// A connection that takes no answer is closed after so long.
pub(super) const HALF_MESSAGE: Duration = Duration::from_secs(20);

/// A message could not be handed to the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the other side cannot be reached")]
pub struct NotSent;

/// The way back to a sender. Cheap to clone.
#[derive(Clone)]
pub struct Flow {
    pub transport: Transport,
    pub peer: SocketAddr,
    pub(super) local: SocketAddr,
    way: Way,
    /// Cancelled when a stream is gone.
    pub(super) gone: CancellationToken,
    /// Cancelled when the other side of a stream says nothing more: what we asked it would not be answered.
    pub(super) silent: CancellationToken,
}

#[derive(Clone)]
enum Way {
    Datagrams(Arc<UdpSocket>),
    /// To the one task that writes.
    Stream(mpsc::Sender<Vec<u8>>),
}

impl Flow {
    pub(super) fn by_datagrams(socket: &Arc<UdpSocket>, peer: SocketAddr) -> Self {
        let local = socket.local_addr().unwrap_or_else(|_| ([0; 4], 0).into());
        let never = CancellationToken::new();
        let way = Way::Datagrams(socket.clone());
        Self { transport: Transport::Udp, peer, local, way, gone: never.clone(), silent: never }
    }

    /// By a stream whose task writes until `stop`; it ends when nobody can send any more.
    pub(super) fn by_stream<W: AsyncWrite + Send + Unpin + 'static>(
        writer: W,
        (transport, peer, local): (Transport, SocketAddr, SocketAddr),
        stop: &CancellationToken,
    ) -> (Self, JoinHandle<()>) {
        let gone = stop.child_token();
        let (unsent, to_send) = mpsc::channel(UNSENT_MAX);
        let silent = gone.child_token();
        let writing = tokio::spawn(write(writer, to_send, gone.clone()));
        (Self { transport, peer, local, way: Way::Stream(unsent), gone, silent }, writing)
    }

    /// False once a stream is closed, or half of it.
    pub(super) fn is_open(&self) -> bool {
        !self.gone.is_cancelled() && !self.silent.is_cancelled()
    }

    pub(super) async fn send(&self, bytes: &[u8]) -> Result<(), NotSent> {
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

    pub(super) async fn answer(&self, head: &Head, bytes: &[u8]) -> Result<(), NotSent> {
        if let (Way::Datagrams(socket), Some(also)) = (&self.way, head.answers_also_at(self.peer)) {
            let _ = socket.send_to(bytes, also).await;
        }
        self.send(bytes).await
    }
}

/// Our address as the other side sees it: a listener on all addresses has none of its own.
pub(super) async fn local_towards(flow: &Flow) -> SocketAddr {
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

/// Writes answers in order, until nobody can send any more, or the other side takes none.
async fn write<W: AsyncWrite + Send + Unpin>(
    mut writer: W,
    mut to_send: mpsc::Receiver<Vec<u8>>,
    gone: CancellationToken,
) {
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
