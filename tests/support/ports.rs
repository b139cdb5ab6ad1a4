//! Ports for what a test starts in a process of its own: a server, a receiver of alarms, an exchange.
//!
//! A port the kernel picked (`:0`) and that was closed again may be given to another test's connection before the
//! process has it. These lie below what the kernel gives away, and each is told once.

use std::net::{TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below 32768, where Linux begins; above the sound of the exchanges.
const FIRST: u16 = 31_000;
const COUNT: u16 = 1_700;

/// A port nobody has, for UDP and TCP, that stays free until it is used.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test programs that run at the same time begin in different places.
    let begin = std::process::id().wrapping_mul(97) % u32::from(COUNT);
    for _ in 0..COUNT {
        let at = (begin + u32::from(NEXT.fetch_add(1, Ordering::Relaxed))) % u32::from(COUNT);
        let port = FIRST + u16::try_from(at).unwrap();
        let local = ("127.0.0.1", port);
        if TcpListener::bind(local).is_ok() && UdpSocket::bind(local).is_ok() {
            return port;
        }
    }
    panic!("no free port from {FIRST} on");
}
