//! The connection to the exchange, and everything that waits.
//!
//! Owns the socket, login, keep-alive, reconnecting, and the order in which things are
//! asked: subscribe first, then the list, then `queue_log`, then the comparison. Must never know what a
//! fact means (that is `translate`) nor keep one: what is handed out here was either told
//! now, or is in the log, or will be in the next list.
//!
//! Four tasks share what is known of the calls: the connection, the follower of `queue_log` (it reads
//! on while the connection is down), the settling of conclusions, and delivery, which hands the
//! same batch in again until the inbox has it.

mod delivery;
mod log;

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::StreamExt;
use md5::{Digest, Md5};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::codec::FramedRead;
use tokio_util::sync::CancellationToken;

pub use super::action::{Action, Proof};
use super::canary::Canary;
use super::members::is_about_a_member;
use super::settings::Settings;
use super::translate::{Calls, LIST_ACTION};
use super::wire::{Frame, Message, Wire};
use crate::domain::identity::Code;
use crate::protocol::board::SourceState;
use crate::protocol::observations::Observed;
use crate::sources::{
    CallLog, ClockOffset, Contact, HandIn, Malformed, Now, QueueStaff, SourceHealth, Staffing,
};

/// Batches that may wait for the inbox; then reading waits too.
const OUTBOX_MAX: usize = 1024;
/// A change of the exchange's clock that is told.
const CLOCK_STEP: TimeDelta = TimeDelta::seconds(1);

/// Every wait of the link. Tests shorten them; the defaults are what is promised.
#[derive(Debug, Clone)]
pub struct Timing {
    pub connect_within: Duration,
    /// For the greeting and for each answer of the login. A wrong secret is answered after 1 s.
    pub login_within: Duration,
    /// After login, how long "fully booted" may take. Some users are never told, so it ends.
    pub boot_within: Duration,
    pub ping_every: Duration,
    /// No byte for this long: the connection is taken as lost and the source as silent.
    pub silent_after: Duration,
    /// The list is asked for again this often, against lost events.
    pub list_every: Duration,
    pub settle_every: Duration,
    pub log_every: Duration,
    /// Between attempts, doubling from the first to the second.
    pub retry_min: Duration,
    pub retry_max: Duration,
    /// After a refused login; hammering would only lock the user out.
    pub refused_retry: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            connect_within: seconds(5),
            login_within: seconds(5),
            boot_within: seconds(3),
            ping_every: seconds(5),
            silent_after: seconds(12),
            list_every: seconds(60),
            settle_every: seconds(1),
            log_every: seconds(1),
            retry_min: Duration::from_millis(250),
            retry_max: seconds(5),
            refused_retry: seconds(30),
        }
    }
}

/// Why a connection ended; the words are the codes of source health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lost {
    Unreachable,
    NoBanner,
    LoginRefused,
    LoginUnanswered,
    Closed,
    /// The exchange said that it stops or restarts.
    Restarting,
    HalfOpen,
    ListUnfinished,
}

impl Lost {
    fn code(self) -> Code {
        Code::constant(match self {
            Self::Unreachable => "unreachable",
            Self::NoBanner => "no-banner",
            Self::LoginRefused => "login-refused",
            Self::LoginUnanswered => "login-unanswered",
            Self::Closed => "closed",
            Self::Restarting => "restarting",
            Self::HalfOpen => "half-open",
            Self::ListUnfinished => "list-unfinished",
        })
    }
}

/// Whom an exchange tells, and asks which calls are open.
pub trait Inbox: HandIn + Contact + SourceHealth + Malformed + ClockOffset + Staffing + CallLog {}

impl<I: HandIn + Contact + SourceHealth + Malformed + ClockOffset + Staffing + CallLog> Inbox for I {}

/// One exchange, ready to run.
pub struct Exchange<I> {
    pub settings: Settings,
    /// Read by the caller from `settings.secret_file`.
    pub secret: SecretString,
    pub inbox: I,
    pub now: Now,
    pub timing: Timing,
    /// Whose queue it tells of besides.
    pub canary: Option<Canary>,
}

impl<I: Inbox> Exchange<I> {
    /// Runs until `stop`; says goodbye then. Never fails: whatever goes wrong is told as source
    /// health and tried again.
    pub async fn run(self, stop: CancellationToken) {
        let (outbox, deliveries) = mpsc::channel(OUTBOX_MAX);
        let (ask_log, asked) = mpsc::channel(1);
        let log = self.settings.queue_log.clone();
        let link = Link {
            calls: Mutex::new(Calls::new(&self.settings)),
            ask_log: log.is_some().then_some(ask_log),
            outbox,
            staff: Mutex::default(),
            exchange: self,
            stop,
        };
        let follow = async {
            if let Some(path) = log {
                link.follow_log(path, asked).await;
            }
        };
        tokio::join!(link.stay_connected(), follow, link.settle(), link.deliver(deliveries));
        link.exchange.inbox.state(&link.exchange.settings.name, SourceState::Off, None);
    }
}

/// What the four tasks share.
struct Link<I> {
    exchange: Exchange<I>,
    calls: Mutex<Calls>,
    outbox: mpsc::Sender<Vec<Observed>>,
    /// Asks the follower of the log to read to the end now.
    ask_log: Option<mpsc::Sender<oneshot::Sender<()>>>,
    /// Who takes calls, as told last: the same is not told again.
    staff: Mutex<Vec<QueueStaff>>,
    stop: CancellationToken,
}

/// How the source was, over several connections.
struct Health {
    /// When silence begins, unless something is heard.
    silent_at: Instant,
    /// What was told last: the same is not told again.
    told: Option<(SourceState, Option<Code>)>,
    /// The clock difference last told.
    ahead: TimeDelta,
}

/// One connection.
struct Session {
    reader: FramedRead<ReadHalf<TcpStream>, Wire>,
    writer: WriteHalf<TcpStream>,
}

/// Where the list is.
enum List {
    /// To be asked for at this moment.
    Due(Instant),
    /// Asked; must be finished at this moment.
    Asked(Instant),
    /// Finished; waiting for the log to be read to its end.
    ReadingLog(oneshot::Receiver<()>),
}

impl<I: Inbox> Link<I> {
    fn calls(&self) -> MutexGuard<'_, Calls> {
        // A panic elsewhere leaves facts, not half a fact: each is pushed whole.
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> DateTime<Utc> {
        (self.exchange.now)()
    }

    fn timing(&self) -> &Timing {
        &self.exchange.timing
    }

    fn tell(&self, health: &mut Health, state: SourceState, why: Option<Code>) {
        let told = Some((state, why));
        if health.told != told {
            let why = told.as_ref().and_then(|(_, why)| why.clone());
            health.told = told;
            self.exchange.inbox.state(&self.exchange.settings.name, state, why);
        }
    }

    fn unreadable(&self, what: Code) {
        self.exchange.inbox.unreadable(&self.exchange.settings.name, what);
    }

    /// Tells who takes calls, when that has changed.
    fn tell_staff(&self) {
        let staff = self.calls().staff();
        let mut told = self.staff.lock().unwrap_or_else(PoisonError::into_inner);
        if *told != staff {
            told.clone_from(&staff);
            self.exchange.inbox.staff(&self.exchange.settings.name, staff);
        }
    }

    async fn hand_out(&self, told: Vec<Observed>) {
        if !told.is_empty() {
            // Fails only when delivery has ended, and then so have we.
            let _ = self.outbox.send(told).await;
        }
    }

    // Connecting.

    async fn stay_connected(&self) {
        let mut health = Health {
            silent_at: Instant::now() + self.timing().silent_after,
            told: None,
            ahead: TimeDelta::zero(),
        };
        let mut waits = self.waits();
        while !self.stop.is_cancelled() {
            let mut agreed = false;
            let Err(lost) = self.connection(&mut health, &mut agreed).await else { return };
            self.calls().disconnected();
            if let Some(canary) = &self.exchange.canary {
                canary.lost();
            }
            self.tell_staff();
            if agreed {
                waits = self.waits();
            }
            let wait = match lost {
                Lost::LoginRefused => self.timing().refused_retry,
                _ => waits.next().unwrap_or(self.timing().retry_max),
            };
            tracing::debug!(source = %self.exchange.settings.name, why = %lost.code(), "the exchange is away");
            self.pause(wait, lost, &mut health).await;
        }
    }

    fn waits(&self) -> backon::ExponentialBackoff {
        let (min, max) = (self.timing().retry_min, self.timing().retry_max);
        ExponentialBuilder::default().with_min_delay(min).with_max_delay(max).without_max_times().build()
    }

    /// Waits before the next attempt, and says when lateness becomes silence.
    async fn pause(&self, wait: Duration, lost: Lost, health: &mut Health) {
        let until = Instant::now() + wait;
        let was_silent = matches!(health.told, Some((SourceState::Silent, _)));
        if was_silent || lost == Lost::LoginRefused || health.silent_at <= Instant::now() {
            self.tell(health, SourceState::Silent, Some(lost.code()));
        } else {
            self.tell(health, SourceState::Late, Some(lost.code()));
            if health.silent_at <= until && self.unless_stopped(sleep_until(health.silent_at)).await.is_some()
            {
                self.tell(health, SourceState::Silent, Some(lost.code()));
            }
        }
        self.unless_stopped(sleep_until(until)).await;
    }

    async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            () = self.stop.cancelled() => None,
            done = work => Some(done),
        }
    }

    /// One connection from greeting to end. Ok: stopped on purpose.
    async fn connection(&self, health: &mut Health, agreed: &mut bool) -> Result<(), Lost> {
        let connect =
            timeout(self.timing().connect_within, TcpStream::connect(&self.exchange.settings.address));
        let Some(connected) = self.unless_stopped(connect).await else { return Ok(()) };
        let stream = connected.map_err(|_| Lost::Unreachable)?.map_err(|_| Lost::Unreachable)?;
        // An action is one small write: waiting to fill a packet would only delay it.
        let _ = stream.set_nodelay(true);
        let (reader, writer) = tokio::io::split(stream);
        let mut session = Session { reader: FramedRead::new(reader, Wire::default()), writer };
        match self.unless_stopped(self.login(&mut session)).await {
            None => return Ok(()),
            Some(login) => login?,
        }
        self.calls().connected();
        self.listen(&mut session, health, agreed).await
    }

    async fn login(&self, session: &mut Session) -> Result<(), Lost> {
        let within = self.timing().login_within;
        timeout(within, greeting(session)).await.map_err(|_| Lost::NoBanner)??;
        self.send(&mut session.writer, &Action::Challenge).await?;
        let offered = timeout(within, reply(session)).await.map_err(|_| Lost::LoginUnanswered)??;
        let secret = &self.exchange.secret;
        let proof = match offered.get("Challenge") {
            Some(challenge) => {
                let digest =
                    Md5::new().chain_update(challenge).chain_update(secret.expose_secret()).finalize();
                Proof::Md5(hex::encode(digest).into())
            }
            None => Proof::Plain(secret.clone()),
        };
        let login = Action::Login { user: &self.exchange.settings.user, proof };
        self.send(&mut session.writer, &login).await?;
        let answer = timeout(within, reply(session)).await.map_err(|_| Lost::LoginUnanswered)??;
        match answer.get("Response") {
            Some("Success") => Ok(()),
            _ => Err(Lost::LoginRefused),
        }
    }

    async fn send(&self, writer: &mut (impl AsyncWrite + Unpin), action: &Action<'_>) -> Result<(), Lost> {
        let sent = timeout(self.timing().silent_after, writer.write_all(&action.encode())).await;
        sent.map_err(|_| Lost::HalfOpen)?.map_err(|_| Lost::Closed)
    }

    // Connected.

    async fn listen(
        &self,
        session: &mut Session,
        health: &mut Health,
        agreed: &mut bool,
    ) -> Result<(), Lost> {
        let timing = self.timing();
        let Session { reader, writer } = session;
        let mut heard_at = Instant::now();
        let mut ping_at = heard_at;
        let mut list = List::Due(heard_at + timing.boot_within);
        let mut lost = Lost::Closed;
        loop {
            let list_at = match &list {
                List::Due(at) | List::Asked(at) => *at,
                List::ReadingLog(_) => heard_at,
            };
            tokio::select! {
                biased;
                () = self.stop.cancelled() => {
                    let _ = self.send(writer, &Action::Logoff).await;
                    return Ok(());
                }
                frame = reader.next() => {
                    let Some(Ok(frame)) = frame else { return Err(lost) };
                    heard_at = Instant::now();
                    health.silent_at = heard_at + timing.silent_after;
                    self.exchange.inbox.heard(&self.exchange.settings.name);
                    let Some(message) = self.message_of(frame) else { continue };
                    match message.event() {
                        Some("FullyBooted") if matches!(list, List::Due(_)) => list = List::Due(heard_at),
                        Some("Shutdown") => lost = Lost::Restarting,
                        _ => {}
                    }
                    if is_refused_list(&message) {
                        self.tell(health, SourceState::Late, Some(Code::constant("list-refused")));
                        list = List::Due(heard_at + timing.list_every);
                    }
                    self.take(&message, health).await;
                    if self.calls().ends_list(&message) {
                        list = self.list_ended().await;
                    }
                }
                done = log_read(&mut list) => {
                    // The follower ended: we are being stopped.
                    if done {
                        self.compare(health, agreed);
                    }
                    list = List::Due(Instant::now() + timing.list_every);
                }
                () = sleep_until(heard_at + timing.silent_after) => return Err(Lost::HalfOpen),
                () = wanted(self.exchange.canary.as_ref()), if *agreed && matches!(list, List::Due(_)) => {
                    list = List::Due(Instant::now());
                }
                () = sleep_until(ping_at) => {
                    self.send(writer, &Action::Ping).await?;
                    ping_at = Instant::now() + timing.ping_every;
                }
                () = sleep_until(list_at), if !matches!(list, List::ReadingLog(_)) => {
                    if matches!(list, List::Asked(_)) {
                        return Err(Lost::ListUnfinished);
                    }
                    let open = self.exchange.inbox.open_calls(&self.exchange.settings.name).await;
                    let id = self.calls().ask_list(open, self.now());
                    if let Some(canary) = &self.exchange.canary {
                        canary.list_begins();
                    }
                    self.send(writer, &Action::QueueStatus { id: &id }).await?;
                    list = List::Asked(Instant::now() + timing.silent_after);
                }
            }
        }
    }

    fn message_of(&self, frame: Frame) -> Option<Message> {
        match frame {
            Frame::Message(message) => Some(message),
            Frame::Banner => None,
            Frame::Unreadable(breach) => {
                self.unreadable(breach.code());
                None
            }
        }
    }

    /// Translates one message and hands out what it told.
    async fn take(&self, message: &Message, health: &mut Health) {
        if let Some(canary) = &self.exchange.canary {
            canary.hears(message);
        }
        let (told, ahead) = {
            let mut calls = self.calls();
            (calls.message(message, self.now()), calls.clock_ahead())
        };
        if (ahead - health.ahead).abs() >= CLOCK_STEP {
            health.ahead = ahead;
            self.exchange.inbox.clock_ahead(&self.exchange.settings.name, ahead);
        }
        self.hand_out(told).await;
        if message.event().is_some_and(is_about_a_member) {
            self.tell_staff();
        }
    }

    /// The list is whole. The log has the last word, so it is read to its end before anything is concluded.
    async fn list_ended(&self) -> List {
        let (done, read) = oneshot::channel();
        match &self.ask_log {
            Some(ask) => {
                let _ = ask.send(done).await;
            }
            None => {
                let _ = done.send(());
            }
        }
        List::ReadingLog(read)
    }

    fn compare(&self, health: &mut Health, agreed: &mut bool) {
        let missing = self.calls().compare(self.now());
        for queue in missing {
            tracing::warn!(source = %self.exchange.settings.name, queue, "the exchange has no such queue");
            if !*agreed {
                self.unreadable(Code::constant("unknown-queue"));
            }
        }
        *agreed = true;
        if let Some(canary) = &self.exchange.canary {
            canary.list_ended();
        }
        self.tell(health, SourceState::Ok, None);
        self.tell_staff();
    }
}

/// Ends when the list is wanted before its time.
async fn wanted(canary: Option<&Canary>) {
    match canary {
        Some(canary) => canary.wanted().await,
        None => std::future::pending().await,
    }
}

/// Waits for the banner.
async fn greeting(session: &mut Session) -> Result<(), Lost> {
    match session.reader.next().await {
        Some(Ok(Frame::Banner)) => Ok(()),
        Some(Ok(_)) => Err(Lost::NoBanner),
        Some(Err(_)) | None => Err(Lost::Closed),
    }
}

/// Waits for an answer; before the login there is nothing else to hear.
async fn reply(session: &mut Session) -> Result<Message, Lost> {
    loop {
        match session.reader.next().await {
            Some(Ok(Frame::Message(message))) if message.get("Response").is_some() => return Ok(message),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return Err(Lost::Closed),
        }
    }
}

fn is_refused_list(message: &Message) -> bool {
    message.get("Response") == Some("Error")
        && message.get("ActionID").is_some_and(|action| action.starts_with(LIST_ACTION))
}

/// True when the log was read, false when nobody will; waits for ever unless that is waited for.
async fn log_read(list: &mut List) -> bool {
    match list {
        List::ReadingLog(read) => read.await.is_ok(),
        List::Due(_) | List::Asked(_) => std::future::pending().await,
    }
}
