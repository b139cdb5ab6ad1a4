//! The desk without a terminal: real keys in, real server behind, the screen as text.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use termprofile::TermProfile;
use tokio::sync::{mpsc, watch};
use vagttavle::client::{Client, LinkError, Update, follow};
use vagttavle::clock::Clock;
use vagttavle::i18n::{Lang, Texts};
use vagttavle::protocol::Problem;
use vagttavle::theme::Library;
use vagttavle::tui::action::Place;
use vagttavle::tui::effect::Effect;
use vagttavle::tui::input::Input;
use vagttavle::tui::keymap::Chord;
use vagttavle::tui::look::Look;
use vagttavle::tui::model::{Model, Size};
use vagttavle::tui::msg::Msg;
use vagttavle::tui::update::update;
use vagttavle::tui::view::view;

use crate::proxy::{Line, Proxy};
use crate::world::{BOUND, Setup};
use serde_json::json;

/// A desk wired as the real one, only without a terminal.
pub struct Desk {
    model: Model,
    look: Look,
    client: Client,
    clock: Clock,
    updates: mpsc::Receiver<Update>,
    outcomes: (mpsc::Sender<Msg>, mpsc::Receiver<Msg>),
    resync: watch::Sender<u64>,
    bells: usize,
}

fn problem(error: LinkError) -> Problem {
    match error {
        LinkError::Refused(problem) => problem,
        _ => Problem::new(503, "offline"),
    }
}

impl Desk {
    pub async fn open(client: Client) -> Self {
        let clock = Clock::system();
        let look = Look {
            texts: Texts::new(Lang::Danish),
            theme: Library::default().load("nat", TermProfile::TrueColor).unwrap(),
        };
        let session = "desk-1";
        let model = Model::new(clock.now(), Size { width: 100, height: 30 }, session);
        let (sender, updates) = mpsc::channel(256);
        let (resync, resync_in) = watch::channel(0);
        tokio::spawn(follow(client.clone(), sender, resync_in));
        let mut desk =
            Self { model, look, client, clock, updates, outcomes: mpsc::channel(64), resync, bells: 0 };
        let me = desk.client.me().await.unwrap();
        desk.take(Msg::SignedIn(me));
        desk
    }

    fn take(&mut self, msg: Msg) {
        let mut effects = update(&mut self.model, Msg::Tick(self.clock.now()));
        effects.extend(update(&mut self.model, msg));
        for effect in effects {
            self.carry_out(effect);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        let (client, outcomes) = (self.client.clone(), self.outcomes.0.clone());
        match effect {
            Effect::Submit(request) => drop(tokio::spawn(async move {
                let outcome = Box::new(client.submit(&request).await.map_err(problem));
                let _gone = outcomes.send(Msg::Done { id: request.id, outcome }).await;
            })),
            Effect::FetchEntry { entry, purpose } => drop(tokio::spawn(async move {
                let outcome = client.entry(entry, purpose.name()).await.map(Box::new).map_err(problem);
                let _gone = outcomes.send(Msg::Fetched { entry, outcome }).await;
            })),
            Effect::FetchHistory { citizen, agreement, purpose } => drop(tokio::spawn(async move {
                let outcome = Box::new(
                    client.history(&citizen, agreement.as_ref(), purpose.name()).await.map_err(problem),
                );
                let _gone = outcomes.send(Msg::History { citizen, outcome }).await;
            })),
            Effect::Find(wanted) => drop(tokio::spawn(async move {
                let outcome = client.find(&wanted).await.map(Box::new).map_err(problem);
                let _gone = outcomes.send(Msg::Found { wanted, outcome }).await;
            })),
            Effect::Resync => self.resync.send_modify(|count| *count += 1),
            Effect::Bell => self.bells += 1,
            _ => {}
        }
    }

    pub fn press(&mut self, chord: &str) {
        self.take(Msg::Input(Input::Press(Chord::parse(chord).unwrap())));
    }

    pub fn screen(&self) -> String {
        let Size { width, height } = self.model.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let draw = |frame: &mut ratatui::Frame<'_>| {
            view(&self.model, &self.look, frame);
        };
        terminal.draw(draw).unwrap();
        let buffer = terminal.backend().buffer().clone();
        let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..height).map(|y| row(y).trim_end().to_owned() + "\n").collect()
    }

    /// Lives on until the screen holds (or no longer holds) this text.
    pub async fn until(&mut self, text: &str, there: bool) {
        self.until_so(&format!("{text:?} to be {there}"), |desk| desk.screen().contains(text) == there).await;
    }

    pub fn has_nothing_pending(&self) -> bool {
        self.model.pending.is_empty()
    }

    /// Who has an entry, as this desk knows.
    fn holder(&self, id: &str) -> Option<String> {
        let rows = self.model.rows(Place::Overview);
        let entry = rows.into_iter().find(|it| it.id.to_string() == id)?;
        entry.holder.as_ref().map(|holder| holder.name.to_string())
    }

    async fn until_held_by(&mut self, id: &str, name: &str) {
        self.until_so(&format!("{name} to have {id}"), |desk| desk.holder(id).as_deref() == Some(name)).await;
        self.until(name, true).await;
    }

    /// Takes in the next thing that happens, if only that time passed.
    async fn live_on(&mut self) {
        let msg = tokio::select! {
            Some(update) = self.updates.recv() => match update {
                Update::Board(board) => Msg::Board(board),
                Update::Item(item) => Msg::Item(item),
                Update::Lost(error) => Msg::LinkLost { code: problem(error).code },
            },
            Some(msg) = self.outcomes.1.recv() => msg,
            () = tokio::time::sleep(std::time::Duration::from_millis(100)) => Msg::Tick(self.clock.now()),
        };
        self.take(msg);
    }

    /// Lives on until it is so.
    pub async fn until_so(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let deadline = tokio::time::Instant::now() + BOUND;
        while !is_so(self) {
            self.live_on().await;
            assert!(tokio::time::Instant::now() < deadline, "waited for {what}:\n{}", self.screen());
        }
    }
}

#[tokio::test]
async fn two_desks_see_each_others_claims_and_a_cut_one_says_so_and_recovers_by_itself() {
    let server = Setup::memory().start().await;
    let proxy = Proxy::start(&server.base).await;
    let mut bo = Desk::open(server.client("bo")).await;
    let mut anna = Desk::open(server.client_at(&proxy.base, "anna")).await;
    let alarm = server.alarm("a-1").await;
    let number = format!(" {} ", alarm["number"]);
    for desk in [&mut bo, &mut anna] {
        desk.until(&number, true).await;
        assert!(desk.bells > 0, "a new alarm rings");
    }
    assert!(!anna.screen().contains("FORÆLDET"));
    // Bo takes it; Anna sees who has it.
    let first = alarm["id"].as_str().unwrap();
    bo.press("t");
    bo.until_held_by(first, "bo").await;
    anna.until_held_by(first, "bo").await;
    assert_eq!(server.entry("anna", first).await["holder"]["name"], "bo");

    // The line goes dead without a word; then it is cut; then it is back.
    proxy.set(Line::Silent);
    anna.until("FORÆLDET siden", true).await;
    assert!(anna.screen().contains(&number), "what was known stays:\n{}", anna.screen());
    let second = server.alarm("a-2").await;
    bo.until("FORÆLDET", false).await;
    proxy.set(Line::Cut);
    let closing = server.entry("bo", alarm["id"].as_str().unwrap()).await;
    server.act("bo", &closing, json!({ "type": "close", "outcome": "helped" })).await.done();
    proxy.set(Line::Open);
    anna.until("FORÆLDET", false).await;
    anna.until(&format!(" {} ", second["number"]), true).await;
    let is_only_second = |desk: &Desk| {
        let rows = desk.model.rows(Place::Overview);
        rows.iter().map(|it| it.id.to_string()).eq([second["id"].as_str().unwrap()])
    };
    anna.until_so("the second alarm alone: nothing lost, nothing doubled", is_only_second).await;

    // And it acts again. A key right after the chosen entry vanished is held back: pressed again.
    let second = second["id"].as_str().unwrap();
    while anna.holder(second).is_none() {
        anna.press("t");
        anna.until_so("an answer", |desk| desk.holder(second).is_some() || desk.model.notice.is_some()).await;
        anna.live_on().await;
    }
    anna.until_held_by(second, "anna").await;
    bo.until_held_by(second, "anna").await;
    server.stop().await;
}

#[tokio::test]
async fn a_key_pressed_twice_is_one_effect_and_of_two_desks_one_wins() {
    let server = Setup::memory().start().await;
    let mut bo = Desk::open(server.client("bo")).await;
    let mut anna = Desk::open(server.client("anna")).await;
    let alarm = server.alarm("a-1").await;
    let number = format!(" {} ", alarm["number"]);
    bo.until(&number, true).await;
    anna.until(&number, true).await;
    for desk in [&mut bo, &mut anna] {
        desk.press("t");
        desk.press("t");
    }
    let id = alarm["id"].as_str().unwrap();
    let winner = crate::world::wait_for("a winner", || async {
        let holder = server.entry("anna", id).await["holder"]["name"].clone();
        holder.as_str().map(str::to_owned).ok_or(holder)
    })
    .await;
    for desk in [&mut bo, &mut anna] {
        desk.until_held_by(id, &winner).await;
        desk.until_so("nothing to be pending", |desk| desk.model.pending.is_empty()).await;
    }
    assert_eq!(server.entry("anna", id).await["version"], alarm["version"].as_u64().unwrap() + 1);
    server.stop().await;
}

#[tokio::test]
async fn a_citizens_history_is_one_key_a_purpose_and_one_look() {
    let server = Setup::memory().start().await;
    let raised = json!({ "type": "alarm-raised", "alarm": "a-1", "citizen": "c-1" });
    let first = server.told(Some("jammerbugt"), raised).await;
    let entry = server.entry("anna", &first).await;
    server.act("anna", &entry, json!({ "type": "close", "outcome": "helped" })).await.done();
    let raised = json!({ "type": "alarm-raised", "alarm": "a-2", "citizen": "c-1" });
    server.told(Some("jammerbugt"), raised).await;
    let mut bo = Desk::open(server.client("bo")).await;
    bo.until_so("the alarm", |desk| !desk.model.rows(Place::Overview).is_empty()).await;
    bo.press("H");
    bo.until("Hvad skal historikken bruges til?", true).await;
    for _ in 0..3 {
        bo.press("Down");
    }
    bo.press("Enter");
    bo.until("2 poster, nyeste først · formål: klage", true).await;
    bo.until("afsluttet · hjulpet", true).await;
    bo.press("Esc");
    bo.until("Historik:", false).await;
    let looks = crate::world::wait_for("the look", || async {
        let looks = server.get("/v1/audit", "lise").await.body;
        let is_it = |look: &&serde_json::Value| look["who"] == "person:bo" && look["purpose"] == "complaint";
        let count = looks.as_array().unwrap().iter().filter(is_it).count();
        if count > 0 { Ok(count) } else { Err(looks) }
    })
    .await;
    assert_eq!(looks, 1);
    server.stop().await;
}
