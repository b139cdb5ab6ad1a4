//! Running the desk: the other file that touches the world.
//!
//! Waits for a key, a word from the server, the outcome of an effect or the next second;
//! hands it to `update`; carries out the effects; draws when nothing more waits. Keys go
//! before drawing, a burst is drawn once, and never more than ten frames a second go down
//! the line. Contains no rule about what a board means.

use std::io;
use std::time::Duration;

use crossterm::event::EventStream;
use futures_util::StreamExt;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::effect::Effect;
use super::input;
use super::keymap::Keymap;
use super::look::Look;
use super::model::{Model, Size};
use super::msg::Msg;
use super::seat::Seat;
use super::terminal::{self, Screen};
use super::update::update;
use super::view::view;
use crate::client::{Client, LinkError, Update, follow};
use crate::clock::Clock;
use crate::i18n::{dates, key};
use crate::protocol::{CommandRequest, Problem};

/// Ten frames a second.
const FRAME: Duration = Duration::from_millis(100);
/// A burst that never ends is drawn all the same after this long.
const BURST_MAX: Duration = Duration::from_millis(300);
/// Outcomes that may wait to be taken in.
const OUTCOMES_MAX: usize = 64;
/// Items of the stream that may wait to be taken in.
const UPDATES_MAX: usize = 256;
/// Pause before a question nobody answered is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(2);
/// Exit status of a desk that could not be ended in any other way.
const EXIT_STUCK: i32 = 1;

/// What the desk is started with.
#[derive(Debug, Clone)]
pub struct Settings {
    pub look: Look,
    pub keymap: Keymap,
    pub read_only: bool,
    /// Makes command ids unique: drawn anew for every start.
    pub session: String,
}

/// Runs until it is left, told to end, or its terminal is gone. Errors: no terminal, or a closed one.
pub async fn run(client: Client, clock: Clock, settings: Settings) -> io::Result<()> {
    let mut screen = Screen::open()?;
    let signs = screen.signs();
    let (width, height) = screen.size()?;
    let mut seat = Seat::take(&client, &settings.session, settings.read_only, signs.clone());
    let mut model = Model::new(clock.now(), Size { width, height }, settings.session);
    model.keymap = settings.keymap;
    model.read_only = settings.read_only;
    let (outcomes, mut outcomes_in) = mpsc::channel(OUTCOMES_MAX);
    let (updates, mut updates_in) = mpsc::channel(UPDATES_MAX);
    let (resync, resync_in) = watch::channel(0);
    let world = World { client: client.clone(), clock, look: settings.look, outcomes, resync };
    tokio::spawn(follow(client, updates, resync_in));
    world.sign_in();
    let mut events = EventStream::new();
    let mut ends = Ends::new()?;
    let _watch = Watch::new()?;
    let mut frames = Frames::new();
    loop {
        let msg = tokio::select! {
            biased;
            () = ends.wait() => Some(Msg::Terminate),
            event = events.next() => match event {
                Some(Ok(event)) => input::read(event).map(Msg::Input),
                Some(Err(_)) | None => Some(Msg::Terminate),
            },
            () = frames.overdue() => None,
            Some(update) = updates_in.recv() => {
                if !matches!(update, Update::Lost(_)) {
                    signs.heard();
                }
                Some(from_link(update))
            }
            Some(msg) = outcomes_in.recv() => Some(msg),
            () = tokio::time::sleep(world.until_next_second()) => Some(Msg::Tick(world.clock.now())),
            () = frames.due() => None,
        };
        let Some(msg) = msg else {
            if frames.is_wanted() {
                // A resize that comes together with a key is now and then not told: the terminal itself knows.
                let (width, height) = screen.size()?;
                model.size = Size { width, height };
                let scroll_max = screen.draw(|frame| view(&model, &world.look, frame).scroll_max)?;
                update(&mut model, Msg::Drawn { scroll_max });
                frames.drawn();
            }
            continue;
        };
        frames.want();
        let mut effects = update(&mut model, Msg::Tick(world.clock.now()));
        effects.extend(update(&mut model, msg));
        for effect in effects {
            if effect == Effect::Quit {
                seat.leave().await;
                return Ok(());
            }
            world.carry_out(effect, &mut screen)?;
        }
    }
}

/// When to draw.
struct Frames {
    /// Since when something is to be drawn.
    wanted_at: Option<Instant>,
    drawn_at: Instant,
}

impl Frames {
    fn new() -> Self {
        let now = Instant::now();
        Self { wanted_at: Some(now), drawn_at: now - FRAME }
    }

    fn is_wanted(&self) -> bool {
        self.wanted_at.is_some()
    }

    fn want(&mut self) {
        self.wanted_at.get_or_insert_with(Instant::now);
    }

    fn drawn(&mut self) {
        self.wanted_at = None;
        self.drawn_at = Instant::now();
    }

    /// Ready when a frame may be drawn; never while none is wanted.
    async fn due(&self) {
        self.at(self.drawn_at + FRAME).await;
    }

    /// Ready when a frame has been put off for too long.
    async fn overdue(&self) {
        let wanted_at = self.wanted_at.unwrap_or(self.drawn_at);
        self.at((wanted_at + BURST_MAX).max(self.drawn_at + BURST_MAX)).await;
    }

    async fn at(&self, at: Instant) {
        match self.is_wanted() {
            true => tokio::time::sleep_until(at).await,
            false => std::future::pending().await,
        }
    }
}

/// A desk whose terminal takes nothing more is stuck in a write; it is ended this long after it was told to.
const STUCK_AFTER: Duration = Duration::from_secs(2);

/// Ends the program when the desk has not ended by itself. Dropped with the desk.
struct Watch(tokio::task::JoinHandle<()>);

impl Watch {
    fn new() -> io::Result<Self> {
        let mut ends = Ends::new()?;
        Ok(Self(tokio::spawn(async move {
            ends.wait().await;
            tokio::time::sleep(STUCK_AFTER).await;
            terminal::abandon();
            std::process::exit(EXIT_STUCK);
        })))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Signals that mean the end: told to, or the line was hung up.
struct Ends {
    terminate: Signal,
    hang_up: Signal,
    interrupt: Signal,
}

impl Ends {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn from_link(update: Update) -> Msg {
    match update {
        Update::Board(board) => Msg::Board(board),
        Update::Item(item) => Msg::Item(Box::new(item)),
        Update::Lost(error) => Msg::LinkLost { code: problem(&error).code },
    }
}

/// A broken link as a problem, for the texts.
fn problem(error: &LinkError) -> Problem {
    match error {
        LinkError::Refused(problem) => problem.clone(),
        LinkError::Offline => Problem::new(503, "offline"),
        LinkError::Incompatible => Problem::new(502, "incompatible"),
        LinkError::BadAddress => Problem::new(400, "bad-address"),
    }
}

/// Where effects are carried out.
struct World {
    client: Client,
    clock: Clock,
    look: Look,
    outcomes: mpsc::Sender<Msg>,
    resync: watch::Sender<u64>,
}

impl World {
    fn until_next_second(&self) -> Duration {
        let now = self.clock.now();
        (dates::next_second(now) - now).to_std().unwrap_or(ASK_AGAIN)
    }

    /// Who am I? Asked until there is an answer.
    fn sign_in(&self) {
        let (client, outcomes) = (self.client.clone(), self.outcomes.clone());
        tokio::spawn(async move {
            loop {
                let (msg, is_over) = match client.me().await {
                    Ok(me) => (Msg::SignedIn(me), true),
                    Err(error) => (Msg::LinkLost { code: problem(&error).code }, false),
                };
                if outcomes.send(msg).await.is_err() || is_over {
                    return;
                }
                tokio::time::sleep(ASK_AGAIN).await;
            }
        });
    }

    /// Errors: the terminal is gone.
    fn carry_out(&self, effect: Effect, screen: &mut Screen) -> io::Result<()> {
        let texts = &self.look.texts;
        match effect {
            Effect::Submit(request) => self.submit(request),
            Effect::FetchEntry { entry, purpose } => {
                let client = self.client.clone();
                self.answer(async move {
                    let outcome = client.entry(entry, purpose.name()).await;
                    Msg::Fetched { entry, outcome: outcome.map(Box::new).map_err(|error| problem(&error)) }
                });
            }
            Effect::FetchHistory { citizen, agreement, purpose } => {
                let client = self.client.clone();
                self.answer(async move {
                    let outcome = client.history(&citizen, agreement.as_ref(), purpose.name()).await;
                    let outcome = Box::new(outcome.map_err(|error| problem(&error)));
                    Msg::History { citizen, outcome }
                });
            }
            Effect::Find(wanted) => {
                let client = self.client.clone();
                self.answer(async move {
                    let outcome = client.find(&wanted).await;
                    Msg::Found { wanted, outcome: outcome.map(Box::new).map_err(|error| problem(&error)) }
                });
            }
            Effect::FetchAgreements => {
                let client = self.client.clone();
                self.answer(async move { Msg::Agreements(agreements(&client).await) });
            }
            Effect::Resync => self.resync.send_modify(|count| *count += 1),
            Effect::Bell => screen.bell()?,
            Effect::Notify { ringing } => {
                notify(texts.with(key::DESKTOP_NOTICE, &[("ringing", ringing.into())]).to_string());
            }
            Effect::SetTitle { alarms, ringing } => {
                let title = if alarms == 0 {
                    texts.get(key::TITLE_BAR)
                } else {
                    let args = [("alarms", alarms.into()), ("ringing", ringing.into())];
                    texts.with(key::TITLE_BAR_ALARMS, &args)
                };
                screen.set_title(title.as_str())?;
            }
            Effect::Copy(text) => screen.copy(&text)?,
            Effect::Redraw => screen.redraw()?,
            // Ends the loop before it comes here.
            Effect::Quit => {}
        }
        Ok(())
    }

    fn answer(&self, question: impl Future<Output = Msg> + Send + 'static) {
        let outcomes = self.outcomes.clone();
        tokio::spawn(async move {
            // The desk is gone: nobody waits for the answer.
            let _gone = outcomes.send(question.await).await;
        });
    }

    /// Sends a command under its id until the server has answered it.
    fn submit(&self, request: CommandRequest) {
        let client = self.client.clone();
        let outcomes = self.outcomes.clone();
        self.answer(async move {
            loop {
                match client.submit(&request).await {
                    Ok(reply) => return Msg::Done { id: request.id, outcome: Box::new(Ok(reply)) },
                    Err(LinkError::Offline) => {
                        let lost = Msg::LinkLost { code: problem(&LinkError::Offline).code };
                        if outcomes.send(lost).await.is_err() {
                            return Msg::Terminate;
                        }
                        tokio::time::sleep(ASK_AGAIN).await;
                    }
                    Err(error) => {
                        return Msg::Done { id: request.id, outcome: Box::new(Err(problem(&error))) };
                    }
                }
            }
        });
    }
}

/// The agreements alone, without the hashes beside them.
async fn agreements(client: &Client) -> Result<Vec<serde_json::Value>, Problem> {
    let answer = client.agreements().await.map_err(|error| problem(&error))?;
    let items = answer.as_array().cloned().unwrap_or_default();
    Ok(items
        .into_iter()
        .map(|mut item| item.get_mut("agreement").map(serde_json::Value::take).unwrap_or(item))
        .collect())
}

/// A notice on the desktop, where there is one. Over a plain SSH line there is none: that is no error.
#[cfg(feature = "desktop-notify")]
fn notify(summary: String) {
    tokio::spawn(async move {
        let mut notice = notify_rust::Notification::new();
        let _not_available = notice.appname("vagttavle").summary(&summary).show_async().await;
    });
}

#[cfg(not(feature = "desktop-notify"))]
fn notify(_summary: String) {}
