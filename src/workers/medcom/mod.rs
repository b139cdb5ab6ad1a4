//! Hospital notifications: from message to acknowledgement, over HTTP (`POST /v1/medcom`) and from a folder.
//!
//! Owns what a message is answered, and what a message that comes again is answered. Nothing is acknowledged as ok
//! before it is on disk; our own trouble is a transient error; refused content is a fatal error and shows in source
//! health. What was answered is remembered in the log, with the events and as digests of ids only, so that a restart
//! answers the same. Must never keep a CPR number: it goes to the care system and is gone.
//!
//! | envelope (Bundle.id) | message (header and content) | answer |
//! |---|---|---|
//! | new | new | taken, ok; or refused, fatal |
//! | seen with this header | seen | what was answered then |
//! | new | seen | ok, marked as a duplicate; nothing is shown twice |
//! | seen with another header | any | fatal: an envelope's id is never used again |
//!
//! Content decides: another event in a used envelope of the same header is taken. What was refused is judged anew in a
//! new envelope: our settings may have been at fault.

mod folder;
mod waiting;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use folder::Outbox;
use waiting::Waiting;

use crate::care::{Care, CareError, Cpr, Whose};
use crate::domain::identity::{CitizenId, Code, SourceName};
use crate::domain::people::Person;
use crate::engine::{Engine, FactOutcome, Failure, Noted};
use crate::inbox::{EngineInbox, fact};
use crate::protocol::Problem;
use crate::sources::medcom::settings::{OursRule, Settings};
use crate::sources::medcom::{Answer, Issue, Ours, Received, Stamp, Unreadable, receive};

/// What became of a message or an envelope, as it is remembered.
const TAKEN: &str = "taken";
const AGAIN: &str = "again";
const REFUSED: &str = "refused";
const NOT_OURS: &str = "not-ours";
/// Why a message that came over HTTP is not taken now: our own trouble.
const AWAY: &str = "care-or-log-away";

/// The source of hospital messages that come as files, unless the settings name it.
const INBOX: &str = "medcom-inbox";

/// The folder of the acknowledgements cannot be made, and why.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", .outbox.display())]
pub struct NoOutbox {
    outbox: PathBuf,
    why: std::io::Error,
}

/// What a message that was posted is answered.
#[derive(Debug)]
pub struct Acknowledgement {
    pub content_type: &'static str,
    pub body: Vec<u8>,
}

/// Starts what takes hospital messages: whatever is posted, and a folder if there is one.
///
/// # Errors
/// The folder of the acknowledgements cannot be made.
pub fn start(settings: Settings, engine: &Engine, stop: &CancellationToken) -> Result<Medcom, NoOutbox> {
    let ours = Ours {
        agreement_by_receiver: settings.agreement_by_receiver,
        default_agreement: settings.default_agreement,
    };
    let medcom = Medcom::start(engine.clone(), ours, settings.ours, stop);
    if let Some(inbox) = settings.inbox {
        let outbox = Outbox(settings.outbox.unwrap_or_else(|| beside(&inbox)));
        // Missing later is told as source health; at start it is a mistake that is said at once.
        outbox.make().map_err(|why| NoOutbox { outbox: outbox.0.clone(), why })?;
        let source = settings.name.unwrap_or_else(|| SourceName::new(INBOX).expect("a constant name"));
        let Ours { agreement_by_receiver, default_agreement } = &medcom.ours;
        let agreements: BTreeSet<_> =
            agreement_by_receiver.values().chain(default_agreement).cloned().collect();
        let agreements = agreements.into_iter().collect();
        let told = EngineInbox::expecting(engine, source.clone(), "medcom", None, agreements);
        tokio::spawn(folder::watch(medcom.clone(), source, (inbox, outbox), told, stop.clone()));
    }
    Ok(medcom)
}

/// `advis-outbox` beside `advis`.
fn beside(inbox: &Path) -> PathBuf {
    let mut name = inbox.as_os_str().to_owned();
    name.push("-outbox");
    PathBuf::from(name)
}

/// Takes hospital messages. Cheap to clone.
#[derive(Clone)]
pub struct Medcom {
    engine: Engine,
    ours: Ours,
    rule: OursRule,
    waiting: Waiting,
}

/// What a message is, going by what came before.
enum Before {
    New,
    /// The same envelope, with what became of it.
    Same(String),
    /// The same message in a new envelope, with what became of it.
    Resent(String),
    /// The envelope's id came with another message.
    EnvelopeReused,
}

/// Whom a message is about.
enum About {
    /// Ours; who, if the care system knows.
    Ours(Option<CitizenId>),
    /// Ours; who, is asked again later.
    OursLater,
    NotOurs,
    /// Whether it is one of ours cannot be said now.
    NotKnown(CareError),
}

/// Why a message is not taken now. Its sender is told a transient error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    /// The log cannot be written: nothing can be taken.
    Log,
    /// The care system is away: whose it is is not known, and of others it is not asked.
    Away(CareError),
    /// This one waits, others may go on; the code says why.
    One(&'static str),
}

impl Held {
    /// What it waits for, as source health shows it.
    fn code(self) -> Code {
        Code::constant(match self {
            Self::Log => "log-away",
            Self::Away(error) => error.code(),
            Self::One(code) => code,
        })
    }
}

impl Medcom {
    /// `rule` says whose messages are ours; what the care system could not tell is asked again until `stop`.
    pub fn start(engine: Engine, ours: Ours, rule: OursRule, stop: &CancellationToken) -> Self {
        let waiting = Waiting::new(engine.clock.clone());
        let medcom = Self { engine, ours, rule, waiting: waiting.clone() };
        tokio::spawn(waiting.run(medcom.clone(), stop.clone()));
        medcom
    }

    /// Takes one message that a source with a token posted, and says what it is answered.
    ///
    /// # Errors
    /// Nobody can be answered in the form of the message: what was wrong with it.
    pub async fn posted(&self, caller: &Person, body: &[u8]) -> Result<Acknowledgement, Problem> {
        let source =
            SourceName::new(caller.name.as_str()).map_err(|bad| Problem::field(422, bad.code(), "source"))?;
        self.engine.health.heard(&source, "medcom", self.engine.clock.now());
        match self.take(&source, &self.ours_of(caller), body).await {
            Ok((received, answer)) => {
                let answer = match answer {
                    Ok(answer) => answer,
                    Err(held) => {
                        self.trouble(&source, AWAY).await;
                        self.waiting.keep(self, &source, &received, held);
                        Answer::Transient
                    }
                };
                Ok(match self.acknowledgement(&received, &answer) {
                    Some(body) => Acknowledgement { content_type: received.form.content_type(), body },
                    None => Acknowledgement { content_type: "application/json", body: b"{}".to_vec() },
                })
            }
            Err(unreadable) => {
                self.trouble(&source, unreadable.what).await;
                Err(Problem::new(422, "unreadable-message").with("what", unreadable.what))
            }
        }
    }

    /// The settings' agreements; a receiver that is not listed falls to the token's only agreement.
    fn ours_of(&self, caller: &Person) -> Ours {
        let mut ours = self.ours.clone();
        if ours.default_agreement.is_none()
            && let [only] = caller.agreements.as_slice()
        {
            ours.default_agreement = Some(only.clone());
        }
        ours
    }

    /// Takes one message and says what to answer. Errors: nobody can be answered.
    async fn take(
        &self,
        source: &SourceName,
        ours: &Ours,
        bytes: &[u8],
    ) -> Result<(Received, Result<Answer, Held>), Unreadable> {
        let received = receive(bytes, ours, self.engine.clock.now(), &self.engine.masking)?;
        if received.reply.is_none() {
            return Ok((received, Ok(Answer::Ok)));
        }
        let answer = match self.before(source, &received).await {
            Err(_) => Err(Held::Log),
            Ok(Before::New) => self.first(source, &received).await,
            Ok(Before::Same(outcome)) => Ok(again(&received, &outcome)),
            Ok(Before::Resent(outcome)) => self.resent(source, &received, &outcome).await,
            Ok(Before::EnvelopeReused) => {
                self.trouble(source, "bundle-id-reused").await;
                Ok(Answer::Fatal(vec![REUSED]))
            }
        };
        Ok((received, answer))
    }

    async fn before(&self, source: &SourceName, received: &Received) -> Result<Before, Failure> {
        let ask = async |key| match key {
            Some(key) => self.engine.remembered(source, key, &received.header).await,
            None => Ok(None),
        };
        let envelope = ask(received.bundle.as_ref()).await?;
        let message = ask(received.content.as_ref()).await?;
        Ok(match (envelope, message) {
            (Some(envelope), _) if !envelope.is_same => Before::EnvelopeReused,
            (Some(envelope), None) if received.content.is_some() && envelope.outcome != REFUSED => {
                Before::New
            }
            (Some(envelope), _) => Before::Same(envelope.outcome),
            (None, Some(message)) => Before::Resent(message.outcome),
            (None, None) => Before::New,
        })
    }

    async fn first(&self, source: &SourceName, received: &Received) -> Result<Answer, Held> {
        if !received.issues.is_empty() {
            self.trouble(source, "refused-content").await;
            self.note(source, envelope(received, REFUSED)).await?;
            return Ok(received.answer());
        }
        match self.about(received).await {
            About::Ours(citizen) => self.store(source, received, citizen.as_ref()).await,
            About::OursLater => {
                let answer = self.store(source, received, None).await?;
                self.waiting.join_later(self, source, received);
                Ok(answer)
            }
            About::NotOurs => self.pass_over(source, received).await,
            About::NotKnown(error @ CareError::Away { .. }) => Err(Held::Away(error)),
            About::NotKnown(error) => Err(Held::One(error.code())),
        }
    }

    /// Sent again because our answer was lost: nothing is shown twice.
    async fn resent(&self, source: &SourceName, received: &Received, outcome: &str) -> Result<Answer, Held> {
        tracing::info!(%source, "a hospital message came again in a new envelope");
        let (outcome, answer) = match outcome {
            NOT_OURS => (NOT_OURS, Answer::Ok),
            _ => (AGAIN, Answer::Duplicate),
        };
        self.note(source, envelope(received, outcome)).await?;
        Ok(answer)
    }

    /// Remembers that it came, and nothing else of it.
    async fn note(&self, source: &SourceName, noted: impl IntoIterator<Item = Noted>) -> Result<(), Held> {
        let noted = noted.into_iter().collect();
        self.engine.observe_noting(source, Vec::new(), noted).await.map(|_| ()).map_err(|_| Held::Log)
    }

    async fn about(&self, received: &Received) -> About {
        let Some(person) = &received.person else { return About::Ours(None) };
        let is_all = self.rule == OursRule::All;
        let care = self.engine.cares.care_of(received.agreement());
        if is_all && matches!(care, Care::Off) {
            return About::Ours(None);
        }
        // What has the shape of a number for us has it for the care system.
        let Ok(cpr) = Cpr::new(&person.cpr) else { return About::NotKnown(CareError::Unknown) };
        match care.who(&Whose::Cpr(cpr)).await {
            Ok(found) => About::Ours(Some(found.citizen)),
            Err(CareError::Unknown) if is_all => About::Ours(None),
            Err(CareError::Unknown) => About::NotOurs,
            Err(error) => {
                tracing::warn!(%error, "the care system was asked whom a hospital message is about");
                if is_all { About::OursLater } else { About::NotKnown(error) }
            }
        }
    }

    /// Records what the message says, and that it came.
    async fn store(
        &self,
        source: &SourceName,
        received: &Received,
        citizen: Option<&CitizenId>,
    ) -> Result<Answer, Held> {
        let mut received = received.clone();
        if let Some(citizen) = citizen {
            received.name_citizen(citizen);
        }
        // Only where nothing better says who it is, and in memory only.
        let cpr = received.person.as_ref().filter(|_| citizen.is_none()).map(|person| person.cpr.clone());
        let name = received.person.as_ref().and_then(|person| person.name.clone()).map(String::from);
        let facts = received
            .observations
            .iter()
            .cloned()
            .map(|observed| {
                let mut fact = fact(observed);
                fact.personal.name.clone_from(&name);
                fact.personal.cpr.clone_from(&cpr);
                fact
            })
            .collect();
        match self.engine.observe_noting(source, facts, both(&received, TAKEN)).await {
            Err(_) => Err(Held::Log),
            Ok(outcomes) if outcomes.iter().any(|it| matches!(it, FactOutcome::Refused(_))) => {
                self.trouble(source, "not-taken").await;
                Err(Held::One("not-taken"))
            }
            Ok(_) => Ok(Answer::Ok),
        }
    }

    /// About nobody of ours: ok, and nothing is kept but that it came.
    async fn pass_over(&self, source: &SourceName, received: &Received) -> Result<Answer, Held> {
        self.note(source, both(received, NOT_OURS)).await?;
        Ok(Answer::Ok)
    }

    /// The answer, written in the form of the message; none to an acknowledgement.
    fn acknowledgement(&self, received: &Received, answer: &Answer) -> Option<Vec<u8>> {
        let reply = received.reply.as_ref()?;
        let now = self.engine.clock.now();
        let id = || self.engine.ids.uuid(now);
        let stamp = Stamp { bundle: id(), header: id(), outcome: id(), provenances: [id(), id()], now };
        Some(received.form.write(&reply.acknowledge(answer, &stamp)))
    }

    async fn trouble(&self, source: &SourceName, what: &str) {
        let what = Code::new(what).unwrap_or_else(|_| Code::constant("unreadable"));
        self.engine.unreadable(source, "medcom", what).await;
    }
}

const REUSED: Issue = Issue { code: "MSG_DUPLICATE_ID", at: "Bundle.id" };

/// What an envelope was answered when it came before.
fn again(received: &Received, outcome: &str) -> Answer {
    match outcome {
        AGAIN => Answer::Duplicate,
        REFUSED if received.issues.is_empty() => Answer::Fatal(vec![REUSED]),
        REFUSED => received.answer(),
        _ => Answer::Ok,
    }
}

fn envelope(received: &Received, outcome: &'static str) -> Option<Noted> {
    let key = received.bundle.clone()?;
    Some(Noted { key, content: received.header.clone(), outcome })
}

/// The envelope and the message in it.
fn both(received: &Received, outcome: &'static str) -> Vec<Noted> {
    let noted = |key| Noted { key, content: received.header.clone(), outcome };
    let message = received.content.clone().map(noted);
    envelope(received, outcome).into_iter().chain(message).collect()
}
