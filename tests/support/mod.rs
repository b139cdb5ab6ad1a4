//! Given, when, then over `decide` and `evolve`: a world with a log, three people, two agreements, two sources and
//! a clock that only moves when told.
//!
//! Must never sleep, read a clock or draw a random number.
#![allow(dead_code, reason = "each test binary uses its own part")]

use chrono::{DateTime, Duration, Utc};
use uuid::Uuid;
use vagttavle::domain::entry::{Body, DueKind, Entry};
use vagttavle::domain::identity::{
    AgreementId, CitizenId, Code, EntryId, ExternalId, Key, PersonName, Reference, Sequence, SourceName,
};
use vagttavle::domain::observation::{MissedReason, Observation, Rank};
use vagttavle::domain::people::{PeopleCommand, Role};
use vagttavle::domain::vocabulary::Word;
use vagttavle::domain::{
    Actor, Command, Ctx, Draft, Record, Refusal, Request, State, agreement, alarms, decide, discharges,
    duties, entry, evolve, kinds, phone, visits,
};

/// The night of 21 to 22 November 2026 in Copenhagen (UTC+1): 03:00 local.
pub const NIGHT: &str = "2026-11-22T02:00:00Z";

pub fn at(text: &str) -> DateTime<Utc> {
    text.parse::<DateTime<Utc>>().unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub fn code(text: &str) -> Code {
    Code::new(text).unwrap()
}

/// A word of ours by its name.
pub fn word<W: Word>(name: &str) -> W {
    W::of(name).unwrap_or_else(|| panic!("{name} is none of {:?}", W::names()))
}

pub fn id(text: &str) -> ExternalId {
    ExternalId::new(text).unwrap()
}

pub fn person(name: &str) -> PersonName {
    PersonName::new(name).unwrap()
}

pub fn agreement(name: &str) -> AgreementId {
    AgreementId::new(name).unwrap()
}

pub fn reference(text: &str) -> Option<Reference> {
    Some(Reference::new(text).unwrap())
}

// ---- observations ---------------------------------------------------------------------------

pub fn call_waiting(call: &str) -> Observation {
    Observation::CallWaiting { call: id(call), queue: id("doegnvagt"), colleague: false }
}

pub fn call_answered(call: &str, agent: Option<&str>) -> Observation {
    Observation::CallAnswered { call: id(call), agent: agent.map(id) }
}

pub fn call_missed(call: &str, reason: MissedReason) -> Observation {
    Observation::CallMissed { call: id(call), reason }
}

pub fn call_ended(call: &str) -> Observation {
    Observation::CallEnded { call: id(call) }
}

pub fn alarm_raised(alarm: &str) -> Observation {
    alarm_of(alarm, Some("dev-1"), false, false)
}

pub fn alarm_of(alarm: &str, device: Option<&str>, technical: bool, test: bool) -> Observation {
    Observation::AlarmRaised {
        alarm: id(alarm),
        device: device.map(id),
        citizen: None,
        trigger: Some(code("pendant")),
        technical,
        test,
    }
}

pub fn alarm_unanswered(alarm: &str) -> Observation {
    Observation::AlarmUnanswered { alarm: id(alarm) }
}

pub fn alarm_answered(alarm: &str, agent: Option<&str>) -> Observation {
    Observation::AlarmAnswered { alarm: id(alarm), agent: agent.map(id) }
}

pub fn alarm_redirected(alarm: &str) -> Observation {
    Observation::AlarmRedirected { alarm: id(alarm), to: code("municipal-unit") }
}

pub fn alarm_cleared(alarm: &str) -> Observation {
    Observation::AlarmCleared { alarm: id(alarm) }
}

pub fn help_arrived(alarm: &str) -> Observation {
    Observation::HelpArrived { alarm: id(alarm) }
}

// ---- commands -------------------------------------------------------------------------------

pub fn claim() -> Command {
    Command::Entry(entry::Command::Claim {})
}

pub fn release() -> Command {
    Command::Entry(entry::Command::Release {})
}

pub fn take_over() -> Command {
    Command::Entry(entry::Command::TakeOver {})
}

pub fn link(to: EntryId) -> Command {
    Command::Entry(entry::Command::Link { to })
}

/// Of whichever board has that to correct: no two have the same.
pub fn correct(what: &str) -> Command {
    correct_for(what, "wrong-entry")
}

pub fn correct_for(what: &str, reason: &str) -> Command {
    let fields = serde_json::json!({ "what": what, "reason": reason });
    let (alarms, phone) =
        (alarms::Command::read("correct", fields.clone()), phone::Command::read("correct", fields.clone()));
    let (stays, visits) = (
        discharges::Command::read("correct", fields.clone()),
        visits::Command::read("correct", fields.clone()),
    );
    let duties = duties::Command::read("correct", fields);
    let of = [
        alarms.and_then(Result::ok).map(Command::Alarms),
        phone.and_then(Result::ok).map(Command::Phone),
        stays.and_then(Result::ok).map(Command::Discharges),
        visits.and_then(Result::ok).map(Command::Visits),
        duties.and_then(Result::ok).map(Command::Duties),
    ];
    of.into_iter().flatten().next().unwrap_or_else(|| panic!("no board corrects {what}"))
}

pub fn respond(with: alarms::Response) -> Command {
    Command::Alarms(alarms::Command::Respond { with, helper: None })
}

pub fn own_help() -> Command {
    respond(alarms::Response::OwnHelp)
}

pub fn arrive() -> Command {
    Command::Alarms(alarms::Command::Arrive {})
}

pub fn close(outcome: &str) -> Command {
    Command::Alarms(alarms::Command::Close { outcome: word(outcome) })
}

pub fn redirect() -> Command {
    Command::Alarms(alarms::Command::Redirect { to: word("municipal-unit") })
}

pub fn contest(reason: &str) -> Command {
    Command::Alarms(alarms::Command::ContestRedirect { reason: word(reason) })
}

pub fn justify_begin() -> Command {
    Command::Alarms(alarms::Command::JustifyBegin {})
}

pub fn justify_sent() -> Command {
    Command::Alarms(alarms::Command::JustifySent {
        channel: word("letter"),
        reference: reference("2026-117/B"),
    })
}

pub fn technical_done() -> Command {
    Command::Alarms(alarms::Command::TechnicalDone {})
}

pub fn assign_alarm(to: &str) -> Command {
    Command::Alarms(alarms::Command::Assign { agreement: agreement(to) })
}

pub fn assign(to: &str) -> Command {
    Command::Phone(phone::Command::Assign { agreement: agreement(to) })
}

pub fn answer() -> Command {
    Command::Phone(phone::Command::Answer {})
}

pub fn call_back(reached: bool) -> Command {
    Command::Phone(phone::Command::CallBack { reached, promise_at: None })
}

pub fn give_up(reason: &str) -> Command {
    Command::Phone(phone::Command::GiveUp { reason: word(reason) })
}

pub fn documented() -> Command {
    Command::Phone(phone::Command::Documented {})
}

pub fn duty_done() -> Command {
    Command::Duties(duties::Command::Done { reference: None, to: None, told_at: None })
}

// ---- the world ------------------------------------------------------------------------------

#[derive(Clone)]
pub struct World {
    pub state: State,
    pub log: Vec<Record>,
    pub now: DateTime<Utc>,
    /// How good the next observations are.
    pub rank: Rank,
    /// What the next observations belong to.
    pub agreement: Option<AgreementId>,
    pub candidates: Vec<AgreementId>,
    pub same_caller: Vec<EntryId>,
    /// Entries with the number of what is told next.
    pub same_number: Vec<EntryId>,
    /// What the last request came to.
    pub last: Result<Vec<Draft>, Refusal>,
    asked: u32,
}

impl World {
    /// Nothing but the agreements in the log. Alarms and calls belong to Jammerbugt unless told otherwise.
    fn bare() -> Self {
        let mut world = Self {
            state: State::default(),
            log: Vec::new(),
            now: at(NIGHT),
            rank: Rank::Event,
            agreement: Some(agreement("jammerbugt")),
            candidates: Vec::new(),
            same_caller: Vec::new(),
            same_number: Vec::new(),
            last: Ok(Vec::new()),
            asked: 0,
        };
        for rules in agreement::built_in() {
            world.server(Command::Adopt(Box::new(rules)));
        }
        world
    }

    /// anna and bo serve both municipalities, mette only Norddjurs; viggo looks on; lea leads.
    pub fn new() -> Self {
        let mut world = Self::bare();
        let both = ["jammerbugt", "norddjurs"].as_slice();
        for (name, role, scope) in [
            ("anna", Role::Coordinator, both),
            ("bo", Role::Coordinator, both),
            ("mette", Role::Coordinator, &["norddjurs"][..]),
            ("lea", Role::Leader, both),
            ("viggo", Role::Viewer, both),
        ] {
            world.server(Command::People(PeopleCommand::Add {
                name: person(name),
                role,
                agreements: scope.iter().map(|name| agreement(name)).collect(),
                token_digest: format!("digest-of-{name}"),
            }));
        }
        world
    }

    /// In which municipality the next observations are: one, or several to choose from.
    pub fn within(mut self, agreements: &[&str]) -> Self {
        match agreements {
            [only] => {
                self.agreement = Some(agreement(only));
                self.candidates = Vec::new();
            }
            several => {
                self.agreement = None;
                self.candidates = several.iter().map(|name| agreement(name)).collect();
            }
        }
        self
    }

    pub fn ctx(&mut self, actor: Actor) -> Ctx {
        self.asked += 1;
        let mut ctx = Ctx::new(self.now, actor, Uuid::from_u128(u128::from(self.asked) << 32));
        ctx.rank = self.rank;
        ctx.agreement = self.agreement.clone();
        ctx.candidates = self.candidates.clone();
        ctx.same_caller = self.same_caller.clone();
        ctx.same_number = self.same_number.clone();
        ctx
    }

    /// Decides and, if decided, records. Says why not otherwise.
    pub fn ask(&mut self, ctx: &Ctx, request: &Request) -> Result<(), Refusal> {
        let before = self.state.clone();
        self.last = decide(&self.state, ctx, request);
        assert!(self.state == before, "deciding must not change anything");
        // A remark in the history changes nothing else.
        let is_remark = |it: &Draft| {
            matches!(
                it.event,
                vagttavle::domain::Event::Entry(vagttavle::domain::entry::EntryEvent::Remarked { .. })
            )
        };
        let changes_nothing = self.last.as_ref().is_ok_and(|drafts| drafts.iter().all(is_remark));
        let drafts = self.last.clone()?;
        if changes_nothing {
            self.last = Err(Refusal::Unchanged);
        }
        assert!(!drafts.is_empty(), "a request that is granted does something: {request:?}");
        for (index, draft) in drafts.into_iter().enumerate() {
            let record = Record {
                sequence: self.state.head.next(),
                entry: draft.entry,
                happened_at: draft.happened_at,
                recorded_at: ctx.now,
                actor: ctx.actor.clone(),
                agreement: draft.agreement,
                event: draft.event,
                cause: Key::new(format!("cause-{}", self.asked)).unwrap(),
                index: u32::try_from(index).unwrap(),
            };
            evolve(&mut self.state, &record);
            self.log.push(record);
        }
        if changes_nothing { Err(Refusal::Unchanged) } else { Ok(()) }
    }

    fn server(&mut self, command: Command) {
        let ctx = self.ctx(Actor::Server);
        let request = Request::Command { entry: None, expected_version: None, command };
        self.ask(&ctx, &request).unwrap();
    }

    pub fn revoke(&mut self, name: &str) {
        self.server(Command::People(PeopleCommand::Revoke { name: person(name) }));
    }

    /// A person asks something of an entry.
    pub fn tries(&mut self, name: &str, entry: EntryId, command: Command) -> Result<(), Refusal> {
        let ctx = self.ctx(Actor::Person(person(name)));
        self.ask(&ctx, &Request::Command { entry: Some(entry), expected_version: None, command })
    }

    /// As `tries`, and it happened earlier.
    pub fn tries_of(
        &mut self,
        name: &str,
        happened_at: DateTime<Utc>,
        entry: EntryId,
        command: Command,
    ) -> Result<(), Refusal> {
        let mut ctx = self.ctx(Actor::Person(person(name)));
        ctx.at = happened_at;
        self.ask(&ctx, &Request::Command { entry: Some(entry), expected_version: None, command })
    }

    /// As `tries`, with the version that was read.
    pub fn tries_at_version(
        &mut self,
        name: &str,
        version: u32,
        entry: EntryId,
        command: Command,
    ) -> Result<(), Refusal> {
        let ctx = self.ctx(Actor::Person(person(name)));
        self.ask(&ctx, &Request::Command { entry: Some(entry), expected_version: Some(version), command })
    }

    /// As `tries`, and it must be granted.
    pub fn does(&mut self, name: &str, entry: EntryId, command: Command) -> &mut Self {
        let said = format!("{name}: {command:?}");
        self.tries(name, entry, command).unwrap_or_else(|refusal| panic!("{said}: {refusal:?}"));
        self
    }

    /// A source tells something that happens now.
    pub fn tells(&mut self, source: &str, observation: Observation) -> Result<(), Refusal> {
        self.tells_of(source, self.now, observation)
    }

    /// A source tells something that happened at `happened_at`.
    pub fn tells_of(
        &mut self,
        source: &str,
        happened_at: DateTime<Utc>,
        observation: Observation,
    ) -> Result<(), Refusal> {
        let mut ctx = self.ctx(Actor::Source(SourceName::new(source).unwrap()));
        ctx.at = happened_at;
        // The tests' exchange: a call is one call for as long as it has its id.
        ctx.is_session = source == "central" && is_of_a_call(&observation);
        self.ask(&ctx, &Request::Observation(observation))
    }

    /// The exchange `central` tells, and it is taken.
    pub fn given(&mut self, observation: Observation) -> &mut Self {
        let said = format!("{observation:?}");
        self.tells("central", observation).unwrap_or_else(|refusal| panic!("{said}: {refusal:?}"));
        self
    }

    pub fn report(
        &mut self,
        source: &str,
        report: vagttavle::domain::sources::Report,
    ) -> Result<(), Refusal> {
        let ctx = self.ctx(Actor::Source(SourceName::new(source).unwrap()));
        self.ask(&ctx, &Request::Report(report))
    }

    /// The clock moves; timers that fall due on the way fire at their time, in order.
    pub fn pass(&mut self, by: Duration) -> &mut Self {
        let until = self.now + by;
        while let Some((due_at, entry, what)) = self.next_timer(until) {
            self.now = self.now.max(due_at);
            let ctx = self.ctx(Actor::Timer);
            let before = self.log.len();
            let request = Request::Due { entry, what, at: due_at };
            let fired = self.ask(&ctx, &request);
            assert!(fired.is_ok() && self.log.len() > before, "{what:?} was due and did nothing: {fired:?}");
        }
        self.now = until;
        self
    }

    pub fn pass_seconds(&mut self, seconds: i64) -> &mut Self {
        self.pass(Duration::seconds(seconds))
    }

    pub fn pass_minutes(&mut self, minutes: i64) -> &mut Self {
        self.pass(Duration::minutes(minutes))
    }

    pub fn pass_days(&mut self, days: i64) -> &mut Self {
        self.pass(Duration::days(days))
    }

    fn next_timer(&self, until: DateTime<Utc>) -> Option<(DateTime<Utc>, EntryId, DueKind)> {
        self.state
            .open_entries()
            .flat_map(|entry| entry.dues.iter().map(move |due| (due.at, entry, due.what)))
            .filter(|(at, entry, what)| *at <= until && what.has_timer() && !is_spent(entry, *what))
            .map(|(at, entry, what)| (at, entry.id, what))
            .min()
    }

    // ---- looking ----

    pub fn entry(&self, entry: EntryId) -> &Entry {
        self.state.entry(entry).unwrap_or_else(|| panic!("no entry {entry}"))
    }

    pub fn of(&self, outside: &str) -> EntryId {
        self.of_source("central", outside)
    }

    pub fn of_source(&self, source: &str, outside: &str) -> EntryId {
        self.state.by_origin(&SourceName::new(source).unwrap(), &id(outside)).expect("known").id
    }

    pub fn state_of(&self, entry: EntryId) -> &'static str {
        self.entry(entry).state()
    }

    pub fn due(&self, entry: EntryId, what: DueKind) -> Option<DateTime<Utc>> {
        self.entry(entry).due(what).map(|due| due.at)
    }

    pub fn alarm(&self, entry: EntryId) -> &alarms::Alarm {
        match &self.entry(entry).body {
            Body::Alarms(alarm) => alarm,
            other => panic!("not an alarm: {other:?}"),
        }
    }

    pub fn call(&self, entry: EntryId) -> &phone::Call {
        match &self.entry(entry).body {
            Body::Phone(call) => call,
            other => panic!("not a call: {other:?}"),
        }
    }

    pub fn open_duties(&self, kind: duties::DutyKind) -> Vec<EntryId> {
        self.state
            .open_entries()
            .filter(|entry| matches!(&entry.body, Body::Duties(duty) if duty.duty == kind))
            .map(|entry| entry.id)
            .collect()
    }

    /// Redirects used under an agreement now.
    pub fn redirects_used(&self, name: &str) -> u32 {
        let rules = self.state.agreements.get(&agreement(name)).unwrap();
        self.state.figures.ledger(rules, self.now).map_or(0, |ledger| ledger.used)
    }

    /// Answering figures of this month: (answered within the seconds, of all).
    pub fn answering(
        &self,
        name: &str,
        board: vagttavle::domain::identity::Board,
        seconds: u32,
    ) -> (u32, u32) {
        let slot = vagttavle::domain::figures::Slot {
            agreement: agreement(name),
            board,
            month: vagttavle::domain::calendar::Month::of(self.now),
        };
        let counts = self.state.figures.counts(&slot);
        (counts.within(seconds), counts.of)
    }

    /// The kinds of the last so many records.
    pub fn last_kinds(&self, how_many: usize) -> Vec<String> {
        self.log[self.log.len() - how_many..].iter().map(|record| kinds::kind_of(&record.event)).collect()
    }

    pub fn replayed(&self) -> State {
        let mut state = State::default();
        for record in &self.log {
            evolve(&mut state, record);
        }
        state
    }
}

/// A timer whose effect is already there: firing again is nothing.
fn is_spent(entry: &Entry, what: DueKind) -> bool {
    matches!(&entry.body, Body::Duties(duty) if what == DueKind::Duty && duty.late)
}

/// An opaque citizen id.
pub fn citizen(text: &str) -> CitizenId {
    CitizenId::new(text).unwrap()
}

pub fn seq(number: u64) -> Sequence {
    Sequence(number)
}

/// The tests' own key: the same text is the same id in every test.
pub fn masking() -> vagttavle::domain::masking::Masking {
    vagttavle::domain::masking::Masking::new([7; 32])
}

fn is_of_a_call(observation: &Observation) -> bool {
    use Observation as O;
    matches!(
        observation,
        O::CallWaiting { .. }
            | O::CallAnswered { .. }
            | O::CallMissed { .. }
            | O::CallEnded { .. }
            | O::CallPassedOn { .. }
            | O::AlarmWaiting { .. }
    )
}
