//! A world for the night: the domain alone, under a clock that only the night's own waiting moves.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Duration, Utc};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vagttavle::care::demo_service;
use vagttavle::domain::agreement::Agreement;
use vagttavle::domain::entry::Body;
use vagttavle::domain::identity::{AgreementId, Board, EntryId, ExternalId, Key, PersonName, SourceName};
use vagttavle::domain::observation::{Observation, Rank};
use vagttavle::domain::people::{PeopleCommand, Role};
use vagttavle::domain::{
    self, Actor, Command, Ctx, Record, Refusal, Request, State, alarms, entry, kinds, phone,
};
use vagttavle::protocol::board::Shift;
use vagttavle::protocol::commands::{self, CommandReply, CommandRequest};
use vagttavle::protocol::entry::Entry;
use vagttavle::protocol::item::parse_item;
use vagttavle::protocol::observations::{ObservationItem, Outcome, Receipt};
use vagttavle::protocol::text::Text;
use vagttavle::protocol::{BoardSnapshot, Level, Problem, project};
use vagttavle::sources::demo::{AGREEMENTS, COLLEAGUE, Citizen, Clock, Hands, HandsError, SOURCE, USER};

/// What the one before the screen does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum User {
    Watches,
    /// Claims every alarm at once and goes on with it.
    TakesEveryAlarm,
    /// As above, and answers and calls back everything.
    DoesEverything,
}

/// How the board was at an instant.
#[derive(Debug, Clone)]
pub struct Sample {
    pub at: DateTime<Utc>,
    pub open: usize,
    /// Alarms and duties that nobody has.
    pub pressing: usize,
    pub whys: BTreeSet<String>,
}

#[derive(Clone)]
pub struct World {
    state: State,
    now: DateTime<Utc>,
    user: User,
    started_at: DateTime<Utc>,
    drawn: u128,
    callers: HashMap<ExternalId, Text>,
    seen: BTreeSet<Key>,
    /// Kinds of what was recorded since the start and is not of the past.
    pub kinds: BTreeSet<String>,
    /// Who recorded what since the start.
    pub deeds: Vec<(String, String)>,
    pub samples: Vec<Sample>,
    away: bool,
}

#[derive(Clone)]
pub struct TestHands(Arc<Mutex<World>>);

pub struct TestClock {
    world: Arc<Mutex<World>>,
    ends_at: DateTime<Utc>,
    stop: CancellationToken,
}

/// Invented citizens, as the program will hand them in.
pub fn citizens(seed: u64) -> Vec<Citizen> {
    let service = demo_service::Service::new(seed, secrecy::SecretString::from("unused"));
    let text = |raw: &str| Text::new(raw).unwrap();
    let citizen = |it: &demo_service::Invented| Citizen {
        agreement: it.agreement.clone(),
        citizen: it.person.citizen.clone(),
        device: it.device.clone(),
        name: text(&it.person.name),
        phone: text(it.person.phone.as_deref().unwrap()),
    };
    service.citizens().iter().map(citizen).collect()
}

/// A world at `start`, and a clock that stops the night after so long.
pub fn new(
    start: DateTime<Utc>,
    lasts: Duration,
    user: User,
    stop: CancellationToken,
) -> (TestHands, TestClock) {
    let mut world = World {
        state: State::default(),
        now: start,
        user,
        started_at: start,
        drawn: 1,
        callers: HashMap::new(),
        seen: BTreeSet::new(),
        kinds: BTreeSet::new(),
        deeds: Vec::new(),
        samples: Vec::new(),
        away: false,
    };
    world.found();
    let world = Arc::new(Mutex::new(world));
    (TestHands(world.clone()), TestClock { world, ends_at: start + lasts, stop })
}

fn name(of: &str) -> PersonName {
    PersonName::new(of).unwrap()
}

impl World {
    /// Agreements and people, as a demo has them.
    fn found(&mut self) {
        for text in [
            include_str!("../../src/domain/agreements/jammerbugt.toml"),
            include_str!("../../src/domain/agreements/norddjurs.toml"),
        ] {
            let agreement = Agreement::parse(text).unwrap();
            self.as_server(Command::Adopt(Box::new(agreement)));
        }
        for (person, role) in
            [(COLLEAGUE, Role::Coordinator), (USER, Role::Coordinator), (SOURCE, Role::Source)]
        {
            self.as_server(Command::People(PeopleCommand::Add {
                name: name(person),
                role,
                agreements: Self::scope(),
                token_digest: "00".into(),
            }));
        }
    }

    fn as_server(&mut self, command: Command) {
        let request = Request::Command { entry: None, expected_version: None, command };
        let ctx = self.ctx(Actor::Server);
        self.decide(&ctx, &request).unwrap();
    }

    fn scope() -> Vec<AgreementId> {
        AGREEMENTS.map(|id| AgreementId::new(id).unwrap()).to_vec()
    }

    fn ctx(&mut self, actor: Actor) -> Ctx {
        self.drawn += 1;
        // Room for the entries of one request between two bases; ordered as time is.
        Ctx::new(self.now, actor, Uuid::from_u128(self.drawn << 64))
    }

    fn decide(&mut self, ctx: &Ctx, request: &Request) -> Result<Option<EntryId>, Refusal> {
        let drafts = domain::decide(&self.state, ctx, request)?;
        let first = drafts.first().map(|draft| draft.entry);
        for (index, draft) in drafts.into_iter().enumerate() {
            let record = Record {
                sequence: self.state.head.next(),
                entry: draft.entry,
                happened_at: draft.happened_at,
                recorded_at: ctx.now,
                actor: ctx.actor.clone(),
                agreement: draft.agreement,
                event: draft.event,
                cause: Key::new(format!("cause-{}", self.drawn)).unwrap(),
                index: u32::try_from(index).unwrap(),
            };
            domain::evolve(&mut self.state, &record);
            if record.happened_at >= self.started_at {
                let kind = kinds::kind_of(&record.event);
                let who = record.actor.person().map(ToString::to_string).unwrap_or_default();
                self.kinds.insert(kind.clone());
                self.deeds.push((who, kind));
            }
        }
        Ok(first)
    }

    /// Moves time on: timers fire at their own times, then the user acts, then the board is looked at.
    fn advance(&mut self, to: DateTime<Utc>) {
        while let Some((at, entry, what)) = self.next_due(to) {
            self.now = self.now.max(at);
            let ctx = self.ctx(Actor::Timer);
            let fired = self.decide(&ctx, &Request::Due { entry, what, at });
            fired.unwrap_or_else(|refusal| panic!("the timer of {what:?} was refused: {refusal:?}"));
        }
        self.now = self.now.max(to);
        self.user_acts();
        let open = self.open();
        let whys = open.iter().map(|it| it.attention.why.to_string()).collect();
        let presses =
            |it: &&Entry| matches!(it.attention.level, Level::Alarm | Level::Duty) && it.holder.is_none();
        let pressing = open.iter().filter(presses).count();
        self.samples.push(Sample { at: self.now, open: open.len(), pressing, whys });
    }

    fn next_due(&self, until: DateTime<Utc>) -> Option<(DateTime<Utc>, EntryId, entry::DueKind)> {
        let dues = self.state.open_entries().flat_map(|it| it.dues.iter().map(move |due| (it, due)));
        dues.filter(|(it, due)| due.what.has_timer() && due.at <= until && !has_fallen(it, due.what))
            .map(|(it, due)| (due.at, it.id, due.what))
            .min()
    }

    fn user_acts(&mut self) {
        if self.user == User::Watches {
            return;
        }
        for shown in self.open() {
            if shown.holder.as_ref().is_some_and(|holder| holder.name.as_str() != USER) {
                continue;
            }
            let Some(command) = self.wish(&shown) else { continue };
            let ctx = self.ctx(Actor::Person(name(USER)));
            let request = Request::Command { entry: Some(shown.id), expected_version: None, command };
            self.decide(&ctx, &request).unwrap();
        }
    }

    fn wish(&self, shown: &Entry) -> Option<Command> {
        let is_alarm = shown.board() == Board::Alarms;
        let is_person_alarm = self
            .state
            .entry(shown.id)
            .is_some_and(|entry| matches!(&entry.body, Body::Alarms(alarm) if alarm.is_person_alarm()));
        match shown.state.as_str() {
            "raised" if is_person_alarm => Some(Command::Entry(entry::Command::Claim {})),
            "claimed" if is_alarm => Some(Command::Alarms(alarms::Command::Respond {
                with: alarms::Response::OwnHelp,
                helper: None,
            })),
            "waiting" if self.user == User::DoesEverything => Some(Command::Phone(phone::Command::Answer {})),
            "missed" if self.user == User::DoesEverything => {
                Some(Command::Phone(phone::Command::CallBack { reached: true, promise_at: None }))
            }
            _ => None,
        }
    }

    // ---- looking ----------------------------------------------------------------------------

    /// The open entries, oldest first.
    pub fn open(&self) -> Vec<Entry> {
        let mut open: Vec<_> =
            self.state.open_entries().map(|entry| project::entry(&self.state, entry, self.now)).collect();
        open.sort_by_key(|entry| (entry.opened_at, entry.id));
        open
    }

    /// Every reason for attention that stood on the board at some time.
    pub fn shown(&self) -> BTreeSet<String> {
        self.samples.iter().flat_map(|sample| sample.whys.iter().cloned()).collect()
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// The most alarms and duties that nobody had at one time.
    pub fn most_pressing(&self) -> usize {
        self.samples.iter().map(|it| it.pressing).max().unwrap_or_default()
    }

    /// Used, limit, action plan.
    pub fn ledger(&self, agreement: &str) -> (u32, u32, bool) {
        let ledgers = project::ledgers(&self.state, &Self::scope(), self.now);
        let it = ledgers.iter().find(|it| it.agreement.as_str() == agreement).expect("a ledger");
        (it.used, it.limit, it.action_plan)
    }

    /// Answered within 60 s, of all, this month.
    pub fn within_60_s(&self, agreement: &str, board: Board) -> (u32, u32) {
        let figures = project::answering(&self.state, &Self::scope(), self.now);
        let of = figures.iter().find(|it| it.agreement.as_str() == agreement && it.board == board).unwrap();
        let within = of.within.iter().find(|it| it.s == 60).unwrap();
        (within.count, within.of)
    }

    pub fn on_duty(&self) -> Vec<String> {
        self.state.on_duty.keys().map(ToString::to_string).collect()
    }

    // ---- the public ways --------------------------------------------------------------------

    fn take(&mut self, item: &ObservationItem) -> Receipt {
        let (key, read) = parse_item(serde_json::to_value(item).unwrap(), self.now, &masking());
        let observed = match read {
            Ok(observed) => observed,
            Err(problem) => {
                return Receipt { key, outcome: Outcome::Refused, entry: None, problem: Some(problem) };
            }
        };
        if !self.seen.insert(observed.key.clone()) {
            return Receipt { key, outcome: Outcome::Repeat, entry: None, problem: None };
        }
        let mut ctx = self.ctx(Actor::Source(SourceName::new(SOURCE).unwrap()));
        ctx.at = observed.at;
        ctx.rank = Rank::Event;
        ctx.candidates = if observed.agreement.is_some() { Vec::new() } else { Self::scope() };
        ctx.agreement = observed.agreement;
        if let (Observation::CallWaiting { call, .. }, Some(caller)) =
            (&observed.observation, observed.live.caller)
        {
            self.callers.insert(call.clone(), caller);
        }
        if let Observation::CallAnswered { call, .. } = &observed.observation {
            ctx.same_caller = self.missed_from_the_same(call);
        }
        match self.decide(&ctx, &Request::Observation(observed.observation)) {
            Ok(entry) => Receipt { key, outcome: Outcome::Recorded, entry, problem: None },
            Err(Refusal::Unchanged) => Receipt { key, outcome: Outcome::Ignored, entry: None, problem: None },
            Err(refusal) => Receipt {
                key,
                outcome: Outcome::Refused,
                entry: None,
                problem: Some(Problem::from(&refusal)),
            },
        }
    }

    fn missed_from_the_same(&self, call: &ExternalId) -> Vec<EntryId> {
        let Some(caller) = self.callers.get(call) else { return Vec::new() };
        let is_missed = |entry: &&entry::Entry| match &entry.body {
            Body::Phone(it) => it.phase == phone::Phase::Missed && self.callers.get(&it.call) == Some(caller),
            _ => false,
        };
        self.state.open_entries().filter(is_missed).map(|entry| entry.id).collect()
    }

    fn command(&mut self, person: &PersonName, request: &CommandRequest) -> Result<CommandReply, Problem> {
        let parsed = commands::parse(serde_json::to_value(request).unwrap())?;
        let shown = parsed.entry.and_then(|id| self.state.entry(id));
        let (entry, expected_version) = (parsed.entry, parsed.expected_version);
        let happened_at = parsed.happened_at;
        let command = parsed.command(shown.map(entry::Entry::board))?;
        assert!(
            !command.demands_version() || expected_version.is_some(),
            "closing without the version that was read"
        );
        let commands::Command::Plain(command) = command else { panic!("the night writes no notes") };
        let mut ctx = self.ctx(Actor::Person(person.clone()));
        ctx.at = happened_at.unwrap_or(self.now);
        let request = Request::Command { entry, expected_version, command };
        self.decide(&ctx, &request).map_err(|refusal| Problem::from(&refusal))?;
        Ok(CommandReply { sequence: self.state.head, entry: None, waiting: false })
    }

    fn board(&self) -> BoardSnapshot {
        BoardSnapshot {
            sequence: self.state.head.0,
            now: self.now,
            rate: 1.0,
            entries: self.open(),
            sources: Vec::new(),
            ledgers: project::ledgers(&self.state, &Self::scope(), self.now),
            answering: project::answering(&self.state, &Self::scope(), self.now),
            shift: Shift::default(),
            contacts: Vec::new(),
            synthetic: true,
            notes_waiting: 0,
            log: None,
            at_rest: 0,
        }
    }
}

/// A duty's own time has passed and was recorded: it is not due again.
fn has_fallen(entry: &entry::Entry, what: entry::DueKind) -> bool {
    what == entry::DueKind::Duty && matches!(&entry.body, Body::Duties(duty) if duty.late)
}

impl TestHands {
    /// A copy as it is now.
    pub fn world(&self) -> World {
        self.0.lock().unwrap().clone()
    }

    pub fn go_away(&self) {
        self.0.lock().unwrap().away = true;
    }

    fn reach<T>(&self, then: impl FnOnce(&mut World) -> Result<T, Problem>) -> Result<T, HandsError> {
        let mut world = self.0.lock().unwrap();
        if world.away {
            return Err(HandsError::Away("unreachable"));
        }
        then(&mut world).map_err(HandsError::Refused)
    }
}

impl Hands for TestHands {
    async fn submit(&self, items: Vec<ObservationItem>) -> Result<Vec<Receipt>, HandsError> {
        self.reach(|world| Ok(items.iter().map(|item| world.take(item)).collect()))
    }

    async fn command(
        &self,
        person: &PersonName,
        request: CommandRequest,
    ) -> Result<CommandReply, HandsError> {
        self.reach(|world| world.command(person, &request))
    }

    async fn board(&self, _person: &PersonName) -> Result<BoardSnapshot, HandsError> {
        self.reach(|world| Ok(world.board()))
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        self.world.lock().unwrap().now
    }

    fn sleep_until(&self, at: DateTime<Utc>) -> impl Future<Output = ()> + Send {
        let is_over = at > self.ends_at;
        self.world.lock().unwrap().advance(at.min(self.ends_at));
        if is_over {
            self.stop.cancel();
        }
        async move {
            if is_over {
                std::future::pending::<()>().await;
            }
        }
    }
}

/// Kept so that a failing test can show who did what.
impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut by_kind: BTreeMap<&str, u32> = BTreeMap::new();
        for (_, kind) in &self.deeds {
            *by_kind.entry(kind).or_default() += 1;
        }
        write!(f, "World({by_kind:?})")
    }
}

/// The tests' own key: the same text is the same id in every test.
pub fn masking() -> vagttavle::domain::masking::Masking {
    vagttavle::domain::masking::Masking::new([7; 32])
}
