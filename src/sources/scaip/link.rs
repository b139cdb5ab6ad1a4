//! The receiver of alarms: what listens, waits and answers.
//!
//! Owns the order of an answer: first the disk, then SIP's 200, then our own MESSAGE. Must never know a board, nor put
//! a text or a number into a log line. One message never waits for another: each has its own task, in bounded number,
//! and that task is over when the alarm is on disk: whether a unit hears our answer is nobody's business but its own.

mod health;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::answers::Answers;
use super::arrived::FULL;
use super::auth::{Doorkeeper, Verdict};
use super::frames::BODY_MAX;
use super::memory;
use super::parts::{Part, Parts};
use super::places::Places;
use super::pulse::Pulse;
use super::settings::{Dialect, Listen, Settings};
use super::sip::{Arrived, Body, CannotListen, Heard, Made, Reply, Station, Tls, Wanted};
use super::translate::{self, Meaning, Word};
use super::wire::{self, Answer, Kind, Read, Request, Root, Status, Unreadable};
use super::words::Words;
use crate::clock::steady;
use crate::domain::identity::ExternalId;
use crate::domain::masking::{Masked, Masking};
use crate::protocol::board::SourceState;
use crate::protocol::observations::Observed;
use crate::sources::inflate::{Refused, inflate};
use crate::sources::{
    AlarmLog, AlarmStanding, Contact, HandIn, LostAlarms, Malformed, Now, SourceHealth, Stands, Unavailable,
};
use health::Trouble;

/// Messages that wait for the disk at once.
const IN_WORK_MAX: usize = 2_048;
/// Messages read and not yet begun; more wait in their sockets, which is told.
const HEARD_MAX: usize = 2_048;
/// What is told while there is no room for an answer of ours.
const ANSWERS_FULL: &str = "scaip-answers-full";
/// Sessions looked through under one reference; a unit that uses the same one always has one a press.
const SESSIONS_MAX: u32 = 10_000;
/// What a sender that could not be stored is asked to wait (seconds).
const RETRY_AFTER_SECONDS: u32 = 5;
/// What we answer to besides alarms.
const METHODS: &str = "MESSAGE, OPTIONS, REGISTER";
const TYPES: &str = "application/scaip+xml";
const ENCODINGS: &str = "deflate, identity";

/// Whom a receiver tells, and asks where alarms stand.
pub trait Inbox: HandIn + Contact + SourceHealth + Malformed + LostAlarms + AlarmLog {}

impl<I: HandIn + Contact + SourceHealth + Malformed + LostAlarms + AlarmLog> Inbox for I {}

/// One receiver, ready to be opened.
pub struct Receiver<I> {
    pub settings: Settings,
    /// Read by the caller from `settings.accounts`.
    pub accounts: BTreeMap<String, SecretString>,
    /// Read by the caller from the certificate and key files.
    pub tls: Tls,
    /// Where it is remembered who was heard when; none: it is not.
    pub memory: Option<PathBuf>,
    /// Random; signs the challenges of digest authentication.
    pub key: [u8; 32],
    /// One for each stream connection, of all receivers.
    pub connections: Places,
    /// Makes ids from outside storable; each id of a unit goes through it.
    pub masking: Masking,
    pub inbox: I,
    pub now: Now,
}

/// A receiver that listens.
pub struct Opened<I> {
    link: Arc<Link<I>>,
    heard: mpsc::Receiver<Heard>,
    stop: CancellationToken,
}

struct Link<I> {
    settings: Settings,
    doorkeeper: Mutex<Doorkeeper>,
    masking: Masking,
    inbox: I,
    now: Now,
    station: Station,
    /// When each trouble was told last.
    told: Mutex<HashMap<(&'static str, Trouble), DateTime<Utc>>>,
    pulse: Mutex<Pulse>,
    parts: Mutex<Parts>,
    memory: Option<PathBuf>,
    answers: Answers,
    /// When there was no room last, and for what.
    full: Mutex<Option<(Instant, &'static str)>>,
    words: Mutex<Words>,
}

impl<I: Inbox> Receiver<I> {
    /// Opens every listener.
    ///
    /// # Errors
    /// [`CannotListen`]: the first that cannot be opened.
    pub async fn open(self, stop: CancellationToken) -> Result<Opened<I>, CannotListen> {
        let (tell, heard) = mpsc::channel(HEARD_MAX);
        let Self { settings, accounts, tls, memory, key, connections, masking, inbox, now } = self;
        let seed = Sha256::digest([&key[..], b"station"].concat()).into();
        let made = Made { tls, allowed: settings.allowed(), ends: wire::ends, seed, connections };
        let station = Station::open(&settings.listen, made, tell, stop.clone()).await?;
        let doorkeeper = Mutex::new(Doorkeeper::new(accounts, key));
        let before = memory.as_deref().and_then(memory::read);
        let before = before.map(|before| before.masked(&masking));
        // Units may be known by a number of before numbers were masked.
        let masked = |(device, is_silent): (ExternalId, bool)| {
            (translate::device(device.as_str(), &masking).0, is_silent)
        };
        let known = inbox.devices(&settings.name).await.into_iter().map(masked).collect();
        let pulse = Mutex::new(Pulse::new(settings.silent_after(), known, before.as_ref(), now()));
        let told = Mutex::default();
        let link = Arc::new(Link {
            settings,
            doorkeeper,
            masking,
            inbox,
            now,
            station,
            told,
            pulse,
            parts: Mutex::default(),
            memory,
            answers: Answers::default(),
            full: Mutex::default(),
            words: Mutex::new(Words::new()),
        });
        Ok(Opened { link, heard, stop })
    }
}

impl<I: Inbox> Opened<I> {
    /// Where it listens, with the ports that were given.
    pub fn listening(&self) -> &[Listen] {
        &self.link.station.listening
    }

    /// Takes what comes until `stop`.
    pub async fn run(mut self) {
        let in_work = Arc::new(Semaphore::new(IN_WORK_MAX));
        let supervised = tokio::spawn(self.link.clone().supervise(self.stop.clone()));
        self.link.inbox.state(&self.link.settings.name, SourceState::Ok, None);
        loop {
            let heard = tokio::select! {
                () = self.stop.cancelled() => break,
                heard = self.heard.recv() => match heard { Some(heard) => heard, None => break },
            };
            let link = self.link.clone();
            match heard {
                Heard::Unreadable(what) if what == FULL => link.is_full(what),
                Heard::Unreadable(what) => link.unreadable(what),
                Heard::Request(arrived) => {
                    if in_work.available_permits() == 0 {
                        link.is_full(FULL);
                    }
                    let Ok(permit) = in_work.clone().acquire_owned().await else { break };
                    tokio::spawn(async move {
                        let _permit = permit;
                        link.request(*arrived).await;
                    });
                }
            }
        }
        supervised.abort();
        self.link.remember().await;
        self.link.inbox.state(&self.link.settings.name, SourceState::Off, None);
    }
}

impl<I: Inbox> Link<I> {
    fn now(&self) -> DateTime<Utc> {
        (self.now)()
    }

    async fn request(self: &Arc<Self>, arrived: Arrived) {
        if let Some(odd) = arrived.odd {
            self.unreadable(odd);
        }
        if arrived.wanted != Wanted::Options && !self.may_speak(&arrived) {
            self.challenge(arrived).await;
            return;
        }
        let allow = [("Allow", METHODS.to_owned())];
        // A sender that is gone sends again, or had no use for the answer.
        let _ = match arrived.wanted {
            Wanted::Message => return self.message(arrived).await,
            Wanted::Options => arrived.answer(Reply::Ok, &allow, None).await,
            Wanted::Register => {
                self.inbox.heard(&self.settings.name);
                self.station.register(&arrived);
                let echoed = ["Contact", "Expires"];
                let echoed: Vec<_> =
                    echoed.iter().filter_map(|name| Some((*name, arrived.header(name)?))).collect();
                arrived.answer(Reply::Ok, &echoed, None).await
            }
            Wanted::Other => arrived.answer(Reply::MethodNotAllowed, &allow, None).await,
        };
    }

    fn may_speak(&self, arrived: &Arrived) -> bool {
        let mut doorkeeper = self.doorkeeper.lock().unwrap_or_else(PoisonError::into_inner);
        if !doorkeeper.asks() {
            return true;
        }
        let header = arrived.header("Authorization");
        let verdict = doorkeeper.judge(arrived.method(), header.as_deref(), self.now());
        drop(doorkeeper);
        if verdict == Verdict::Wrong {
            self.unreadable("wrong-credentials");
        }
        verdict == Verdict::Good
    }

    async fn challenge(&self, arrived: Arrived) {
        let is_again = arrived.header("Authorization").is_some();
        let challenge = {
            let mut doorkeeper = self.doorkeeper.lock().unwrap_or_else(PoisonError::into_inner);
            doorkeeper.challenge(is_again, self.now())
        };
        let headers = challenge.map(|it| ("WWW-Authenticate", it));
        let _ = arrived.answer(Reply::Unauthorized, &headers, None).await;
    }

    async fn message(self: &Arc<Self>, arrived: Arrived) {
        let request = match self.understood(&arrived) {
            Ok(request) => request,
            Err(reply) => {
                let takes = [("Accept", TYPES.to_owned()), ("Accept-Encoding", ENCODINGS.to_owned())];
                let takes = if reply == Reply::UnsupportedMediaType { &takes[..] } else { &[] };
                let _ = arrived.answer(reply, takes, None).await;
                return;
            }
        };
        self.inbox.heard(&self.settings.name);
        let part = self.part(request);
        let from_user = arrived.from_user();
        let call_id = arrived.header("Call-ID").unwrap_or_default();
        match self.take(&part, from_user.as_deref(), &call_id).await {
            Ok(_) if part.is_half => {
                // The answer is one to all of it. A sender that is gone says it again.
                let _ = arrived.answer(Reply::Ok, &[], None).await;
            }
            Ok((answer, alarm)) => {
                let root = self.root(&part.request);
                self.answer(arrived, root, &answer, from_user, alarm).await;
            }
            Err(Unavailable) => {
                let later = [("Retry-After", RETRY_AFTER_SECONDS.to_string())];
                let _ = arrived.answer(Reply::ServiceUnavailable, &later, None).await;
            }
        }
    }

    /// What a message asks, as far as it can be read; else what SIP answers, and it was told.
    fn understood(&self, arrived: &Arrived) -> Result<Request, Reply> {
        let content_type = arrived.header("Content-Type");
        if !wire::may_be_request(content_type.as_deref(), &arrived.body) {
            self.unreadable("not-xml");
            return Err(Reply::UnsupportedMediaType);
        }
        let body = unpacked(arrived).map_err(|(reply, what)| {
            self.lost(what);
            reply
        })?;
        let mut read = wire::read_any(&body);
        if !arrived.beyond.is_empty() && !matches!(read, Ok(Read::Whole(_))) {
            // It says that it is shorter than it is.
            let all = wire::read_any(&[&body[..], &arrived.beyond].concat());
            if matches!(all, Ok(Read::Whole(_))) || read.is_err() {
                self.unreadable("sip-bad-length");
                read = all;
            }
        }
        match read {
            Ok(Read::Whole(request)) => Ok(request),
            Ok(Read::Broken(request, why)) => {
                self.unreadable(why.code());
                Ok(request)
            }
            // Something else than an alarm, and good for what it is.
            Err(why @ Unreadable::Root) => {
                self.unreadable(why.code());
                Err(Reply::BadRequest)
            }
            Err(why) => {
                self.lost(why.code());
                Err(Reply::BadRequest)
            }
        }
    }

    /// With what was said of it before.
    fn part(&self, request: Request) -> Part {
        let (part, is_known) = {
            let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
            parts.told(request, self.now())
        };
        if !is_known {
            self.unreadable("scaip-too-many-parts");
        }
        part
    }

    /// Hands a request in. The answer, and the alarm that is to be told as redirected once the answer is there.
    async fn take(
        &self,
        part: &Part,
        from_user: Option<&str>,
        call_id: &str,
    ) -> Result<(Answer, Option<ExternalId>), Unavailable> {
        let request = &part.request;
        let mut answer = Answer {
            reference: request.reference.clone().unwrap_or_default(),
            status: Status::Handled,
            voice: false,
            interval_minutes: request.takes_interval.then_some(self.settings.heartbeat_minutes),
        };
        let is_heartbeat = request.kind == Kind::Heartbeat;
        let device = self.device(request);
        if is_heartbeat {
            match &device {
                Some(device) => self.lives(device, true).await?,
                None => {
                    self.unreadable("scaip-field-missing");
                    answer.status = Status::FieldMissing;
                }
            }
            return Ok((answer, None));
        }
        let meaning = translate::meaning(request, &self.settings);
        if let Some(word) = meaning.word {
            answer.status = self.of_itself(request, &meaning, word, (from_user, call_id)).await?;
            return Ok((answer, None));
        }
        if let Some(device) = &device {
            // What it says next of itself may be about this.
            self.words().forget(device);
        }
        let (alarm, known) = self.session(request, &meaning, call_id).await;
        let is_update = part.is_more || request.kind == Kind::Information || meaning.is_reset;
        let about = (&alarm, device.as_ref());
        let batch = self.batch(request, &meaning, about, known.is_some() && is_update, from_user);
        self.submit(batch).await?;
        if let Some(device) = &device {
            // The alarm is stored; that the unit lives can be told the next time.
            let _ = self.lives(device, false).await;
        }
        let stands =
            self.inbox.standing(&self.settings.name, &alarm).await.map_or(Stands::Ringing, |it| it.stands);
        answer.status = match (&request.reference, &request.account) {
            (None, _) => Status::ReferenceMissing,
            (_, None) => Status::FieldMissing,
            _ if meaning.is_reset => Status::Handled,
            _ => translate::status(stands),
        };
        answer.voice = stands == Stands::Taken && !meaning.is_reset && translate::has_voice(request);
        let tells = answer.status == Status::NotTreated && stands == Stands::RangOut { redirected: false };
        Ok((answer, tells.then_some(alarm)))
    }

    fn device(&self, request: &Request) -> Option<ExternalId> {
        let account = request.account.as_deref()?;
        Some(translate::device(account, &self.masking).0)
    }

    fn words(&self) -> MutexGuard<'_, Words> {
        self.words.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A unit says of itself that it is well, or that somebody is there: no alarm of its own, and what rings goes on.
    async fn of_itself(
        &self,
        request: &Request,
        meaning: &Meaning,
        word: Word,
        (from_user, call_id): (Option<&str>, &str),
    ) -> Result<Status, Unavailable> {
        let Some(device) = self.device(request) else {
            self.unreadable("scaip-field-missing");
            return Ok(Status::FieldMissing);
        };
        let now = self.now();
        let mut batch = Vec::new();
        // Of the alarm under the same reference it says more, and that it was set back.
        if request.reference.is_some() && (meaning.is_reset || request.kind == Kind::Information) {
            let about = Meaning { is_reset: true, ..meaning.clone() };
            if let (alarm, Some(_)) = self.session(request, &about, call_id).await {
                batch.push(translate::updated(
                    &self.settings,
                    request,
                    (&alarm, Some(&device)),
                    from_user,
                    now,
                ));
                if meaning.is_reset {
                    batch.push(translate::cleared(&self.settings, &alarm, now));
                }
            }
        }
        if !self.words().is_same(&device, word, steady()) {
            batch.push(translate::word(&self.settings, &device, word, (request.reference.as_deref(), now)));
        }
        if !batch.is_empty() {
            self.submit(batch).await?;
            self.words().remember(device.clone(), word, steady());
        }
        // That it lives can be told the next time.
        let _ = self.lives(&device, false).await;
        Ok(match request.reference {
            Some(_) => Status::Handled,
            None => Status::ReferenceMissing,
        })
    }

    /// The alarm a request is about: the one it was before, while the sender can still be holding; else a new one.
    async fn session(
        &self,
        request: &Request,
        meaning: &Meaning,
        call_id: &str,
    ) -> (ExternalId, Option<AlarmStanding>) {
        if request.reference.is_none() || request.account.is_none() {
            self.unreadable("scaip-field-missing");
        }
        let masking = &self.masking;
        let account = request.account.as_deref().unwrap_or("unknown");
        // A telephone number is a good account, and many units have one.
        if matches!(translate::device(account, masking).1, Some(Masked::Cpr | Masked::Form)) {
            self.unreadable("scaip-account-no-id");
        }
        // Without a reference each message is an alarm of its own; a unit's folds into the one that rings.
        let by_call = translate::by_call(call_id, masking);
        let reference = request.reference.as_deref().unwrap_or(by_call.as_str());
        for session in 1..SESSIONS_MAX {
            let alarm = translate::alarm(account, reference, session, masking);
            match self.inbox.standing(&self.settings.name, &alarm).await {
                None => return (alarm, None),
                Some(known) if translate::is_same_session(&known, meaning, self.now()) => {
                    return (alarm, Some(known));
                }
                Some(_) => {}
            }
        }
        (translate::alarm(account, reference, SESSIONS_MAX, masking), None)
    }

    fn batch(
        &self,
        request: &Request,
        meaning: &Meaning,
        (alarm, device): (&ExternalId, Option<&ExternalId>),
        is_update: bool,
        from_user: Option<&str>,
    ) -> Vec<Observed> {
        let now = self.now();
        let mut batch = vec![if is_update {
            translate::updated(&self.settings, request, (alarm, device), from_user, now)
        } else {
            translate::raised(&self.settings, request, meaning, (alarm, device), from_user, now)
        }];
        if meaning.is_reset {
            batch.push(translate::cleared(&self.settings, alarm, now));
        }
        batch
    }

    async fn submit(&self, batch: Vec<Observed>) -> Result<(), Unavailable> {
        self.inbox.submit(&self.settings.name, batch).await.map(|_| ())
    }

    /// SIP's 200; then, and whoever waits for it, a MESSAGE of our own.
    async fn answer(
        self: &Arc<Self>,
        arrived: Arrived,
        root: Root,
        answer: &Answer,
        from_user: Option<String>,
        redirects: Option<ExternalId>,
    ) {
        let (content_type, text) = answer.write(root);
        let body = Body { content_type: content_type.to_owned(), bytes: text.into_bytes() };
        let flow = arrived.flow.clone();
        let in_ok = self.settings.answer_in_ok.then_some(&body);
        let told_in_ok = arrived.answer(Reply::Ok, &[], in_ok).await.is_ok() && in_ok.is_some();
        let link = self.clone();
        let has_room = self.answers.begin(async move {
            let user = from_user.unwrap_or_else(|| "scaip".to_owned());
            let told = matches!(link.station.send(&flow, &user, &body).await, Ok(200..=299));
            if let Some(alarm) = redirects.filter(|_| told || told_in_ok) {
                let redirected = translate::redirected(&link.settings, &alarm, link.now());
                // Not stored now: the unit asks again, or the coordinator says so.
                let _ = link.submit(vec![redirected]).await;
            }
        });
        if !has_room {
            self.is_full(ANSWERS_FULL);
        }
    }

    fn root(&self, request: &Request) -> Root {
        match self.settings.dialect {
            Dialect::AsAsked => request.root,
            Dialect::Standard => Root::Mrq,
            Dialect::Scaip => Root::Scaip,
        }
    }
}

/// A body as its unit wrote it, or what is answered and the rule it breaks.
fn unpacked(arrived: &Arrived) -> Result<Cow<'_, [u8]>, (Reply, &'static str)> {
    let encoding = arrived.header("Content-Encoding").map(|it| it.trim().to_ascii_lowercase());
    match encoding.as_deref() {
        None | Some("" | "identity") => Ok(Cow::Borrowed(&*arrived.body)),
        // It says that it is packed, and is not.
        Some(_) if wire::is_plain(&arrived.body) => Ok(Cow::Borrowed(&*arrived.body)),
        Some("deflate") => match inflate(&arrived.body, BODY_MAX) {
            Ok(body) => Ok(Cow::Owned(body)),
            Err(Refused::TooLarge) => Err((Reply::BadRequest, "deflate-too-large")),
            Err(Refused::Broken) => Err((Reply::BadRequest, "deflate-broken")),
        },
        Some(_) => Err((Reply::UnsupportedMediaType, "content-encoding")),
    }
}
