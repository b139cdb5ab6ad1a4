//! What jams a server: a disk that hangs, a log nobody reads, connections that say nothing, units that answer nothing.
//!
//! Each holds until it is dropped. Nothing here knows what a test is about, and none asserts how long anything takes.
#![allow(dead_code, reason = "each test binary and bench uses its own part")]

use std::io::{PipeReader, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::unit;

/// What a pipe holds before a writer waits.
pub const PIPE: usize = 64 * 1024;
/// Longest wait for what a jam needs to be one.
const BOUND: Duration = Duration::from_secs(60);

/// Every sync of a running process is delayed from now on, as by a disk that hangs.
pub struct Hanging {
    tracer: Child,
    traced: u32,
}

impl Hanging {
    pub fn begin(process: u32, seconds: u32) -> Self {
        let delayed = format!("inject=fsync,fdatasync:delay_enter={seconds}s");
        let tracer = Command::new("strace")
            .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", &delayed])
            .args(["-p", &process.to_string()])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("strace is there");
        Self { tracer, traced: process }
    }

    /// Threads that still write at once: as long as there are any, nothing hangs.
    pub fn free(&self) -> Vec<PathBuf> {
        let tracer = format!("TracerPid:\t{}\n", self.tracer.id());
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.traced)).unwrap();
        let is_traced =
            |path: &PathBuf| std::fs::read_to_string(path).is_ok_and(|said| said.contains(&tracer));
        tasks.map(|it| it.unwrap().path().join("status")).filter(|it| !is_traced(it)).collect()
    }
}

impl Drop for Hanging {
    fn drop(&mut self) {
        // It lets go of the server when told to end.
        let told = Command::new("kill").args(["-INT", &self.tracer.id().to_string()]).status();
        if told.is_err() {
            let _ = self.tracer.kill();
        }
        let _ = self.tracer.wait();
    }
}

/// A pipe that is full and that nobody reads yet: its reader, and the end for a program.
pub fn full_pipe() -> (PipeReader, Stdio) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&[b'x'; PIPE]).unwrap();
    (reader, writer.into())
}

/// A connection with this much of a request.
pub fn begun(address: &str, request: &str) -> TcpStream {
    let mut line = TcpStream::connect(address).unwrap();
    // It may be hung up already, to make room for another.
    let _ = line.write_all(request.as_bytes());
    line
}

/// Connections of one process that begin to ask and go no further; whichever is hung up is there again.
pub struct HalfOpen {
    opened: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
    keeper: Option<JoinHandle<()>>,
}

impl HalfOpen {
    /// All are open when it returns.
    pub fn keep(address: &str, count: usize) -> Self {
        let half = "POST /v1/observations HTTP/1.1\r\nHost: a\r\nAuth";
        let (opened, is_over) = (Arc::new(AtomicUsize::new(count)), Arc::new(AtomicBool::new(false)));
        let mut lines: Vec<TcpStream> = (0..count).map(|_| begun(address, half)).collect();
        let (address, counted, ends) = (address.to_owned(), opened.clone(), is_over.clone());
        let keeper = std::thread::spawn(move || {
            while !ends.load(Ordering::SeqCst) {
                for line in lines.iter_mut().filter(|line| is_closed(line)) {
                    *line = begun(&address, half);
                    counted.fetch_add(1, Ordering::SeqCst);
                }
                std::thread::park_timeout(Duration::from_millis(300));
            }
        });
        Self { opened, is_over, keeper: Some(keeper) }
    }

    /// How many there were so far.
    pub fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }
}

impl Drop for HalfOpen {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        if let Some(keeper) = self.keeper.take() {
            keeper.thread().unpark();
            let _ = keeper.join();
        }
    }
}

/// Whether the other side has hung up; nothing is waited for.
pub fn is_closed(mut line: &TcpStream) -> bool {
    line.set_nonblocking(true).unwrap();
    match line.read(&mut [0; 16]) {
        Ok(0) => true,
        Ok(_) => false,
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
    }
}

/// As many descriptors as this process may have: a jam is many sockets.
pub fn with_all_descriptors() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    }
}

/// Units that speak SIP up to the receiver's 200 and never answer the MESSAGE that follows it. Each has a socket.
pub struct Mute {
    units: Vec<(UdpSocket, Vec<u8>)>,
    /// Which of them had their 200.
    answered: Vec<bool>,
}

impl Mute {
    /// They say this, each under an account of its own: `first` and up.
    pub fn speak(at: SocketAddr, first: u64, count: usize, elements: &str) -> Self {
        let one = |account: u64| {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.set_nonblocking(true).unwrap();
            let body = format!("<mrq><ref>m</ref><cid>{account}</cid>{elements}</mrq>");
            let from = (socket.local_addr().unwrap(), account.to_string());
            let request = unit::request(at, (from.0, &from.1), 1, "", body.as_bytes());
            socket.send_to(&request, at).unwrap();
            (socket, request)
        };
        let units = (first..).take(count).map(one).collect();
        Self { units, answered: vec![false; count] }
    }

    /// Says it again for whom nothing came back, as SIP does. How many have their 200.
    pub fn say_again(&mut self, at: SocketAddr) -> usize {
        let mut buffer = [0; 2_048];
        for ((socket, request), answered) in self.units.iter().zip(&mut self.answered) {
            // The first that comes is the 200: what comes later is heard by nobody.
            *answered = *answered
                || socket.recv(&mut buffer).is_ok_and(|size| buffer[..size].starts_with(b"SIP/2.0 200"));
            if !*answered {
                // No room now: the next time.
                let _ = socket.send_to(request, at);
            }
        }
        self.answered.iter().filter(|it| **it).count()
    }

    /// Until each has its 200.
    pub fn until_answered(&mut self, at: SocketAddr) {
        let give_up_at = Instant::now() + BOUND;
        while self.say_again(at) < self.units.len() {
            assert!(Instant::now() < give_up_at, "{} of {}", self.say_again(at), self.units.len());
            std::thread::park_timeout(Duration::from_millis(300));
        }
    }
}
