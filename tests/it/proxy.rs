//! A line between a desk and its server that can be cut, held, and mended.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    Open,
    /// Connections are taken and ended at once; those that are open are ended.
    Cut,
    /// Connections stay open and nothing passes: a peer that vanished without a word.
    Silent,
    /// Each connection is cut once so many bytes have come back.
    CutAfter(usize),
}

/// Listens on a free port and passes everything on to `to`.
pub struct Proxy {
    pub base: String,
    line: watch::Sender<Line>,
    connections: Arc<AtomicUsize>,
}

impl Proxy {
    pub async fn start(to: &str) -> Self {
        let to = to.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let line = watch::Sender::new(Line::Open);
        let connections = Arc::new(AtomicUsize::new(0));
        let (states, count) = (line.subscribe(), connections.clone());
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(pass(near, to.clone(), states.clone()));
            }
        });
        Self { base, line, connections }
    }

    pub fn set(&self, line: Line) {
        self.line.send_replace(line);
    }

    /// Connections taken so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

async fn pass(near: TcpStream, to: String, line: watch::Receiver<Line>) {
    let Ok(far) = TcpStream::connect(to).await else { return };
    let (near_in, near_out) = near.into_split();
    let (far_in, far_out) = far.into_split();
    let mut ends = line.clone();
    tokio::select! {
        () = copy(near_in, far_out, line.clone(), false) => {}
        () = copy(far_in, near_out, line, true) => {}
        _ = ends.wait_for(|line| *line == Line::Cut) => {}
    }
}

async fn copy(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut line: watch::Receiver<Line>,
    is_answer: bool,
) {
    let mut passed = 0;
    let mut buffer = vec![0; 4096];
    loop {
        let Ok(read) = from.read(&mut buffer).await else { return };
        if read == 0 {
            return;
        }
        match line.wait_for(|line| *line != Line::Silent).await.map(|line| *line) {
            Ok(Line::Cut) | Err(_) => return,
            Ok(_) => {}
        }
        let mut take = read;
        if let (true, Line::CutAfter(max)) = (is_answer, *line.borrow()) {
            take = take.min(max.saturating_sub(passed));
        }
        passed += take;
        if to.write_all(&buffer[..take]).await.is_err() || take < read {
            return;
        }
    }
}
