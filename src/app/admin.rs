//! Administration by the machine's owner: people and agreements, also while the server runs.
//!
//! A running server listens on `DIR/admin.sock` (0600): one JSON request a line, one JSON answer. Without a server
//! the log is opened for the moment.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::domain::agreement::Agreement;
use crate::domain::identity::{AgreementId, PersonName};
use crate::domain::people::{PeopleCommand, Role};
use crate::domain::{Command, Refusal};
use crate::engine::{Engine, Failure};
use crate::protocol::Problem;
use crate::server::token_digest;

/// A request or answer at most (bytes).
const LINE_MAX: u64 = 1024 * 1024;
/// The socket's name in the data folder.
const SOCKET: &str = "admin.sock";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Request {
    AddUser { name: PersonName, role: Role, agreements: Vec<AgreementId> },
    RevokeUser { name: PersonName },
    ListUsers,
    Adopt { text: String },
    ListAgreements,
    ShowAgreement { id: AgreementId },
    Backup { file: PathBuf },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer {
    /// Shown once, never stored.
    Token {
        token: String,
    },
    Users {
        users: Vec<User>,
    },
    Agreements {
        agreements: Vec<Agreement>,
    },
    Done,
    BackedUp {
        records: u64,
    },
    Refused {
        problem: Problem,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct User {
    pub name: PersonName,
    pub role: Role,
    pub agreements: Vec<AgreementId>,
    pub revoked: bool,
}

/// Answers one request.
pub async fn handle(engine: &Engine, request: Request) -> Answer {
    let state = engine.state();
    match request {
        Request::AddUser { name, role, agreements } => {
            let token = engine.ids.token();
            let command = PeopleCommand::Add { name, role, agreements, token_digest: token_digest(&token) };
            match engine.administer(Command::People(command)).await {
                Ok(_) => Answer::Token { token },
                Err(failure) => refused(&failure),
            }
        }
        Request::RevokeUser { name } => {
            done(engine.administer(Command::People(PeopleCommand::Revoke { name })).await.err())
        }
        Request::ListUsers => Answer::Users {
            users: state
                .people
                .values()
                .map(|person| User {
                    name: person.name.clone(),
                    role: person.role,
                    agreements: person.agreements.clone(),
                    revoked: person.revoked,
                })
                .collect(),
        },
        Request::Adopt { text } => match Agreement::parse(&text) {
            Ok(agreement) => done(engine.administer(Command::Adopt(Box::new(agreement))).await.err()),
            Err(_) => Answer::Refused { problem: Problem::new(422, "bad-agreement") },
        },
        Request::Backup { file } => match engine.reader.backup(&file).await {
            Ok(copied) => Answer::BackedUp { records: copied.records.sequence.0 },
            Err(error) => {
                warn!(%error, "a backup");
                Answer::Refused { problem: Problem::new(422, "backup-failed") }
            }
        },
        Request::ListAgreements => Answer::Agreements {
            agreements: state.agreements.values().map(|rules| rules.as_ref().clone()).collect(),
        },
        Request::ShowAgreement { id } => match state.agreements.get(&id) {
            Some(rules) => Answer::Agreements { agreements: vec![rules.as_ref().clone()] },
            None => Answer::Refused { problem: Problem::from(&Refusal::UnknownAgreement { agreement: id }) },
        },
    }
}

fn done(failure: Option<Failure>) -> Answer {
    failure.map_or(Answer::Done, |failure| refused(&failure))
}

fn refused(failure: &Failure) -> Answer {
    let problem = match failure {
        Failure::Refused(refusal) => Problem::from(refusal),
        _ => Problem::unavailable(),
    };
    Answer::Refused { problem }
}

fn socket(data: &Path) -> PathBuf {
    data.join(SOCKET)
}

/// Listens in the data folder until `stop`.
pub async fn listen(data: &Path, engine: Engine, stop: CancellationToken) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let path = socket(data);
    // The folder's lock is ours: a socket that is there was left by a server that is gone.
    if path.exists() {
        std::fs::remove_file(&path).with_context(|| format!("{}", path.display()))?;
    }
    let listener = UnixListener::bind(&path).with_context(|| format!("{}", path.display()))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    tokio::spawn(async move {
        loop {
            let stream = tokio::select! {
                () = stop.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, _)) = stream else { continue };
            let engine = engine.clone();
            tokio::spawn(async move {
                if let Err(error) = serve_one(&engine, stream).await {
                    warn!(%error, "a request on the admin socket");
                }
            });
        }
        // A left-over socket does no harm: the next server removes it.
        let _ = std::fs::remove_file(&path);
    });
    Ok(())
}

async fn serve_one(engine: &Engine, mut stream: UnixStream) -> Result<()> {
    let (reading, mut writing) = stream.split();
    let mut line = String::new();
    BufReader::new(reading.take(LINE_MAX)).read_line(&mut line).await?;
    let answer = match serde_json::from_str(&line) {
        Ok(request) => handle(engine, request).await,
        Err(_) => Answer::Refused { problem: Problem::new(400, "bad-json") },
    };
    let mut text = serde_json::to_string(&answer)?;
    text.push('\n');
    writing.write_all(text.as_bytes()).await?;
    Ok(())
}

/// Asks the running server of a data folder. None when no server runs there.
pub async fn ask(data: &Path, request: &Request) -> Result<Option<Answer>> {
    let Ok(mut stream) = UnixStream::connect(socket(data)).await else { return Ok(None) };
    let mut text = serde_json::to_string(request)?;
    text.push('\n');
    stream.write_all(text.as_bytes()).await?;
    let mut line = String::new();
    BufReader::new(stream.take(LINE_MAX)).read_line(&mut line).await?;
    if line.is_empty() {
        bail!("the server ended while it was asked");
    }
    Ok(Some(serde_json::from_str(&line)?))
}
