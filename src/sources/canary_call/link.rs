//! The call's socket and everything that waits: repetitions, how long it may take, and that it is hung up.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{UdpSocket, lookup_host};
use tokio::time::{Instant, sleep_until};

use super::dialog::Dialog;
use super::{Account, Callee, Missed};

/// Until the first repetition (RFC 3261, T1); doubled each time up to `REPEAT_MAX`.
const REPEAT_FIRST: Duration = Duration::from_millis(500);
const REPEAT_MAX: Duration = Duration::from_secs(4);
/// How long the exchange may take to confirm that the call is over.
pub const HANG_UP_WITHIN: Duration = Duration::from_secs(4);
const DATAGRAM_MAX: usize = 65_535;

/// Calls as `account`, waits until the call was `seen` in its queue or until `within` is over, and hangs up in either case.
/// `reference` is a word of this call alone, in hexadecimal digits.
///
/// # Errors
/// See [`Missed`].
pub async fn call(
    to: &Callee,
    account: &Account,
    reference: &str,
    within: Duration,
    seen: impl Future<Output = ()>,
) -> Result<(), Missed> {
    let (socket, sound) = open(to).await.ok_or(Missed::NotSent)?;
    let port = |socket: &UdpSocket| socket.local_addr().map_err(|_| Missed::NotSent);
    let mut dialog = Dialog::new(to, account.clone(), port(&socket)?, port(&sound)?.port(), reference);
    let mut line =
        Line { socket, until: Instant::now() + within, repeat_at: Instant::now(), wait: REPEAT_FIRST };
    let invite = dialog.begin();
    line.begin(&invite).await;
    let mut is_seen = false;
    let mut hung_up = false;
    let mut buffer = vec![0; DATAGRAM_MAX];
    tokio::pin!(seen);
    while !(dialog.is_refused() || dialog.is_over() && is_seen) {
        tokio::select! {
            biased;
            () = &mut seen, if !is_seen && !hung_up => {
                is_seen = true;
                hung_up = true;
                line.until = Instant::now() + HANG_UP_WITHIN;
                line.send_all(dialog.hang_up()).await;
            }
            // An error is one of something sent before (nobody listens there): it is repeated.
            received = line.socket.recv(&mut buffer) => if let Ok(size) = received {
                let text = String::from_utf8_lossy(&buffer[..size]);
                line.send_all(dialog.told(&text)).await;
            },
            () = sleep_until(line.repeat_at), if dialog.repeats().is_some() => {
                if let Some(message) = dialog.repeats() {
                    line.repeat(&message).await;
                }
            }
            () = sleep_until(line.until) => {
                if hung_up || dialog.is_over() {
                    break;
                }
                hung_up = true;
                line.until = Instant::now() + HANG_UP_WITHIN;
                line.send_all(dialog.hang_up()).await;
            }
        }
        if hung_up && dialog.is_over() {
            break;
        }
    }
    match (is_seen, dialog.is_over()) {
        (true, true) => Ok(()),
        (true, false) => Err(Missed::NotEnded),
        (false, _) => Err(dialog.why_not_seen()),
    }
}

/// A socket to the exchange, and one for the sound that we leave unread.
async fn open(to: &Callee) -> Option<(UdpSocket, UdpSocket)> {
    let found: Vec<SocketAddr> = lookup_host(to.host()).await.ok()?.collect();
    let peer = *found.iter().find(|it| it.is_ipv4()).or(found.first())?;
    let any: SocketAddr = if peer.is_ipv4() { ([0; 4], 0).into() } else { ([0u16; 8], 0).into() };
    let socket = UdpSocket::bind(any).await.ok()?;
    socket.connect(peer).await.ok()?;
    let sound = UdpSocket::bind(any).await.ok()?;
    Some((socket, sound))
}

/// The socket and when what may be repeated.
struct Line {
    socket: UdpSocket,
    until: Instant,
    repeat_at: Instant,
    wait: Duration,
}

impl Line {
    /// What cannot be sent now is repeated, or missed.
    async fn send(&self, message: &str) {
        let _ = self.socket.send(message.as_bytes()).await;
    }

    /// Something new: its repetitions begin anew.
    async fn begin(&mut self, message: &str) {
        self.send(message).await;
        self.wait = REPEAT_FIRST;
        self.repeat_at = Instant::now() + self.wait;
    }

    async fn send_all(&mut self, messages: Vec<String>) {
        for message in messages {
            self.begin(&message).await;
        }
    }

    async fn repeat(&mut self, message: &str) {
        self.send(message).await;
        self.wait = (self.wait * 2).min(REPEAT_MAX);
        self.repeat_at = Instant::now() + self.wait;
    }
}
