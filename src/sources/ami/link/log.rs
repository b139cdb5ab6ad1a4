//! The follower of `queue_log`: it reads on while the connection is down.
//!
//! Owns when the log is read. Must never know what a line means.

use std::io;
use std::path::PathBuf;

use chrono::TimeDelta;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

use super::super::queue_log::{Lines, LogReader};
use super::{Inbox, Link};
use crate::domain::identity::Code;
use crate::protocol::observations::Observed;

impl<I: Inbox> Link<I> {
    pub(super) async fn follow_log(&self, path: PathBuf, mut asked: mpsc::Receiver<oneshot::Sender<()>>) {
        let days = i64::from(self.exchange.settings.look_back_days);
        let mut reader = LogReader::new(path, self.now() - TimeDelta::days(days));
        let mut failed: Option<io::ErrorKind> = None;
        let mut waiting: Vec<oneshot::Sender<()>> = Vec::new();
        loop {
            let outcome;
            (reader, outcome) = read_log(reader).await;
            match outcome {
                Ok(lines) => {
                    failed = None;
                    let more = lines.more;
                    self.take_lines(lines).await;
                    if more && !self.stop.is_cancelled() {
                        continue;
                    }
                }
                Err(error) => {
                    if failed.replace(error.kind()) != Some(error.kind()) {
                        self.unreadable(Code::constant("queue-log-missing"));
                    }
                }
            }
            for done in waiting.drain(..) {
                let _ = done.send(());
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                ask = asked.recv() => waiting.extend(ask),
                () = sleep(self.timing().log_every) => {}
            }
        }
    }

    async fn take_lines(&self, lines: Lines) {
        if lines.unreadable > 0 {
            self.unreadable(Code::constant("queue-log-line"));
        }
        for unread in &lines.unread {
            let (source, file) = (&self.exchange.settings.name, &unread.file);
            tracing::warn!(%source, file, why = %unread.why.code(), "an older part of the queue log was not read");
            self.unreadable(unread.why.code());
        }
        let told: Vec<Observed> = {
            let now = self.now();
            let mut calls = self.calls();
            lines.lines.iter().flat_map(|line| calls.line(line, now)).collect()
        };
        self.hand_out(told).await;
    }
}

/// Reads on a thread that may block. A reader that was lost to a panic begins again.
async fn read_log(mut reader: LogReader) -> (LogReader, io::Result<Lines>) {
    let again = reader.anew();
    let read = tokio::task::spawn_blocking(move || {
        let lines = reader.read();
        (reader, lines)
    });
    read.await.unwrap_or_else(|lost| (again, Err(io::Error::other(lost))))
}
