//! Running the desk: the other file that touches the world.
//!
//! Waits for a key, a word from the server, the outcome of an effect or the next second;
//! hands it to `update`; carries out the effects; draws when nothing more waits. A key is
//! drawn at once and a burst of them together; what the server says is drawn ten times a
//! second at most. Contains no rule about what a board means.

use std::io;
use std::task::Poll;
use std::time::Duration;

use rustix::process::Signal as Number;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::boards::closed::Closed;
use super::effect::Effect;
use super::guard::Guard;
use super::input::{self, Input};
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

/// Ten frames a second of what nobody typed.
const FRAME: Duration = Duration::from_millis(100);
/// A burst that never ends is drawn all the same after this long.
const BURST_MAX: Duration = Duration::from_millis(300);
/// The first frame waits this long for the board.
const FIRST_MAX: Duration = Duration::from_millis(300);
/// Bytes read from the terminal at once, and reads that may wait to be taken in.
const READ_BYTES: usize = 4096;
const READS_MAX: usize = 16;
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
    model.closed = Closed::in_words_of(&settings.look.texts);
    model.read_only = settings.read_only;
    model.can_suspend = terminal::has_job_control();
    let (outcomes, mut outcomes_in) = mpsc::channel(OUTCOMES_MAX);
    let (updates, mut updates_in) = mpsc::channel(UPDATES_MAX);
    let (resync, _) = watch::channel(0);
    let mut world = World { client, clock, look: settings.look, outcomes, resync, updates, link: None };
    world.follow();
    world.sign_in();
    let mut hands = Hands::new()?;
    let mut signals = Signals::new()?;
    let _watch = Watch::new()?;
    let mut frames = Frames::new();
    loop {
        let msgs = tokio::select! {
            biased;
            told = signals.wait() => match told {
                Signalled::End => vec![Msg::Terminate],
                Signalled::Stop => vec![Msg::Suspend],
                Signalled::Continue => {
                    screen.take_again()?;
                    Vec::new()
                }
                Signalled::Resize => Vec::new(),
            },
            inputs = hands.inputs() => match inputs {
                Some(inputs) => inputs.into_iter().map(Msg::Input).collect(),
                None => vec![Msg::Terminate],
            },
            () = frames.overdue() => {
                draw(&mut model, &world.look, &mut screen, &mut frames, &mut hands)?;
                continue;
            }
            Some(update) = updates_in.recv() => {
                if !matches!(update, Update::Lost(_)) {
                    signs.heard();
                }
                vec![from_link(update)]
            }
            Some(msg) = outcomes_in.recv() => vec![msg],
            () = tokio::time::sleep(world.until_next_second()) => Vec::new(),
            () = frames.due() => {
                draw(&mut model, &world.look, &mut screen, &mut frames, &mut hands)?;
                continue;
            }
        };
        frames.want(msgs.iter().any(|msg| matches!(msg, Msg::Input(_))));
        let mut effects = update(&mut model, Msg::Tick(world.clock.now()));
        for msg in msgs {
            effects.extend(update(&mut model, msg));
        }
        frames.is_first &= model.board.is_none();
        for effect in effects {
            if effect == Effect::Quit {
                seat.leave().await;
                return Ok(());
            }
            if effect == Effect::Suspend {
                // Nobody sits here meanwhile.
                seat.leave().await;
                world.suspend(&mut screen).await?;
                let session = model.session.as_str();
                seat = Seat::take(&world.client, session, model.read_only, signs.clone());
                frames.want(true);
                continue;
            }
            world.carry_out(effect, &mut screen)?;
        }
    }
}

fn draw(
    model: &mut Model,
    look: &Look,
    screen: &mut Screen,
    frames: &mut Frames,
    hands: &mut Hands,
) -> io::Result<()> {
    // A resize that comes together with a key is now and then not told: the terminal itself knows.
    let (width, height) = screen.size()?;
    model.size = Size { width, height };
    // Before the frame goes out: it is answered before the writing of it is over.
    let mut shown_at = Instant::now();
    let scroll_max = screen.draw(|frame| {
        let scroll_max = view(model, look, frame).scroll_max;
        shown_at = Instant::now();
        scroll_max
    })?;
    hands.shown(shown_at);
    update(model, Msg::Drawn { scroll_max });
    frames.drawn();
    Ok(())
}

/// What hands do at the terminal: its bytes through the guard.
struct Hands {
    guard: Guard,
    begun_at: Instant,
    /// With the time of the reading, so that a slow drawing makes no two packets of one.
    bytes: mpsc::Receiver<(Instant, Vec<u8>)>,
    reader: JoinHandle<()>,
}

impl Hands {
    /// Errors: no terminal.
    fn new() -> io::Result<Self> {
        let (found, bytes) = mpsc::channel(READS_MAX);
        // A terminal is waited for and read as a pipe is.
        let keyboard = pipe::Receiver::from_file_unchecked(terminal::keyboard()?)?;
        let reader = tokio::spawn(read(keyboard, found));
        Ok(Self { guard: Guard::default(), begun_at: Instant::now(), bytes, reader })
    }

    fn shown(&mut self, at: Instant) {
        self.guard.shown(at.saturating_duration_since(self.begun_at));
    }

    /// None when the terminal is gone.
    async fn inputs(&mut self) -> Option<Vec<Input>> {
        let due = self.guard.due().map(|due| self.begun_at + due);
        let events = tokio::select! {
            biased;
            read = self.bytes.recv() => {
                let (at, bytes) = read?;
                self.guard.read(&bytes, at.saturating_duration_since(self.begun_at))
            }
            () = tokio::time::sleep_until(due.unwrap_or(self.begun_at)), if due.is_some() => {
                self.guard.expire(self.begun_at.elapsed())
            }
        };
        Some(events.into_iter().filter_map(input::of).collect())
    }
}

impl Drop for Hands {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// Reads until the terminal or the desk is gone.
async fn read(mut keyboard: pipe::Receiver, found: mpsc::Sender<(Instant, Vec<u8>)>) {
    let mut bytes = vec![0; READ_BYTES];
    loop {
        let Ok(length @ 1..) = keyboard.read(&mut bytes).await else { return };
        if found.send((Instant::now(), bytes[..length].to_vec())).await.is_err() {
            return;
        }
    }
}

/// When to draw.
struct Frames {
    /// Since when something is to be drawn.
    wanted_at: Option<Instant>,
    drawn_at: Instant,
    /// A hand did something: that is drawn as soon as nothing more waits.
    is_urgent: bool,
    /// Nothing was drawn yet, and there is no board.
    is_first: bool,
}

impl Frames {
    fn new() -> Self {
        let now = Instant::now();
        Self { wanted_at: Some(now), drawn_at: now, is_urgent: false, is_first: true }
    }

    fn want(&mut self, is_urgent: bool) {
        self.wanted_at.get_or_insert_with(Instant::now);
        self.is_urgent |= is_urgent;
    }

    fn drawn(&mut self) {
        *self = Self { wanted_at: None, drawn_at: Instant::now(), is_urgent: false, is_first: false };
    }

    /// Ready when a frame may be drawn; never while none is wanted.
    async fn due(&self) {
        let at = match self.is_first {
            true => self.drawn_at + FIRST_MAX,
            false if self.is_urgent => self.drawn_at,
            false => self.drawn_at + FRAME,
        };
        self.at(at).await;
    }

    /// Ready when a frame has been put off for too long.
    async fn overdue(&self) {
        let wanted_at = self.wanted_at.unwrap_or(self.drawn_at);
        self.at((wanted_at + BURST_MAX).max(self.drawn_at + BURST_MAX)).await;
    }

    async fn at(&self, at: Instant) {
        match self.wanted_at {
            Some(_) => tokio::time::sleep_until(at).await,
            None => std::future::pending().await,
        }
    }
}

/// A desk whose terminal takes nothing more is stuck in a write; it is ended this long after it was told to.
const STUCK_AFTER: Duration = Duration::from_secs(2);

/// Ends the program when the desk has not ended by itself. Dropped with the desk.
struct Watch(tokio::task::JoinHandle<()>);

impl Watch {
    fn new() -> io::Result<Self> {
        let mut signals = Signals::new()?;
        Ok(Self(tokio::spawn(async move {
            while signals.wait().await != Signalled::End {}
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

/// Everything that ends a program by itself and may be caught: each gives the terminal back first, for what stands there
/// is about citizens. What means that the program itself is broken (SEGV and its like) is left alone.
const ENDS: [Number; 13] = [
    Number::TERM,
    Number::HUP,
    Number::INT,
    Number::QUIT,
    Number::ABORT,
    Number::USR1,
    Number::USR2,
    Number::ALARM,
    Number::VTALARM,
    Number::PROF,
    Number::XCPU,
    Number::XFSZ,
    Number::POWER,
];

/// What the system tells the desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signalled {
    End,
    /// Give the terminal to the shell.
    Stop,
    /// It was stopped in a way that nobody can catch, and is back.
    Continue,
    Resize,
}

struct Signals {
    told: Vec<(Signal, Signalled)>,
}

impl Signals {
    fn new() -> io::Result<Self> {
        let others = [
            (Number::TSTP, Signalled::Stop),
            (Number::CONT, Signalled::Continue),
            (Number::WINCH, Signalled::Resize),
        ];
        let listen =
            |(number, told): (Number, Signalled)| Ok((signal(SignalKind::from_raw(number.as_raw()))?, told));
        let told = ENDS.map(|number| (number, Signalled::End)).into_iter().chain(others);
        Ok(Self { told: told.map(listen).collect::<io::Result<_>>()? })
    }

    async fn wait(&mut self) -> Signalled {
        std::future::poll_fn(|cx| {
            let found = self
                .told
                .iter_mut()
                .find_map(|(signal, told)| signal.poll_recv(cx).is_ready().then_some(*told));
            found.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

fn from_link(update: Update) -> Msg {
    match update {
        Update::Board(board) => Msg::Board(board),
        Update::Item(item) => Msg::Item(item),
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
    updates: mpsc::Sender<Update>,
    /// What follows the server; none while the desk is stopped.
    link: Option<JoinHandle<()>>,
}

impl World {
    fn until_next_second(&self) -> Duration {
        let now = self.clock.now();
        (dates::next_second(now) - now).to_std().unwrap_or(ASK_AGAIN)
    }

    /// Follows the server from now on.
    fn follow(&mut self) {
        let (client, updates) = (self.client.clone(), self.updates.clone());
        self.link = Some(tokio::spawn(follow(client, updates, self.resync.subscribe())));
    }

    /// Stops until the shell brings us back. Nobody sits here meanwhile, and the server sees that at once.
    async fn suspend(&mut self, screen: &mut Screen) -> io::Result<()> {
        if let Some(link) = self.link.take() {
            link.abort();
            // Ended or aborted: either way the connection is closed then.
            let _over = link.await;
        }
        screen.suspend()?;
        self.follow();
        Ok(())
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
            Effect::FetchClosed(query) => {
                let client = self.client.clone();
                self.answer(async move {
                    let outcome = client.closed(&query).await;
                    Msg::Closed { query, outcome: outcome.map(Box::new).map_err(|error| problem(&error)) }
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
            // Done by the loop before it comes here.
            Effect::Quit | Effect::Suspend => {}
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
