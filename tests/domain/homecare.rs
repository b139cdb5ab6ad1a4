//! A world for the boards of discharges and visits: two agreements, a hospital's messages, a plan of visits, and a
//! clock that moves only when told. Timers of entries and of the calendar fire on the way.

use chrono::{DateTime, Utc};
use uuid::Uuid;
use vagttavle::domain::entry::{Body, DueKind, Entry};
use vagttavle::domain::identity::{
    AgreementId, CitizenId, Code, EntryId, ExternalId, Key, PersonName, SourceName,
};
use vagttavle::domain::observation::{CancelledBy, Grant, Help, Observation, Setting, StayFact, Window};
use vagttavle::domain::people::{PeopleCommand, Role};
use vagttavle::domain::{
    Actor, Command, Ctx, Draft, Record, Refusal, Request, State, agreement, decide, discharges, duties,
    evolve, kinds, standing_dues, visits,
};
use vagttavle::protocol::attention::Attention;
use vagttavle::protocol::{self, project};

pub use crate::support::word;

pub fn at(text: &str) -> DateTime<Utc> {
    text.parse::<DateTime<Utc>>().unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub fn code(text: &str) -> Code {
    Code::new(text).unwrap()
}

pub fn id(text: &str) -> ExternalId {
    ExternalId::new(text).unwrap()
}

pub fn citizen(text: &str) -> CitizenId {
    CitizenId::new(text).unwrap()
}

pub fn agreement_id(name: &str) -> AgreementId {
    AgreementId::new(name).unwrap()
}

// ---- what is told ---------------------------------------------------------------------------

pub fn admitted(stay: &str) -> Observation {
    Observation::StayAdmitted {
        stay: id(stay),
        citizen: Some(citizen("c-1")),
        setting: Setting::Inpatient,
        planned: false,
        department: Some(id("SOR:265161000016000")),
    }
}

pub fn planned_admission(stay: &str) -> Observation {
    Observation::StayAdmitted {
        stay: id(stay),
        citizen: Some(citizen("c-1")),
        setting: Setting::Inpatient,
        planned: true,
        department: None,
    }
}

pub fn leave_started(stay: &str) -> Observation {
    Observation::StayLeaveStarted { stay: id(stay) }
}

pub fn leave_ended(stay: &str) -> Observation {
    Observation::StayLeaveEnded { stay: id(stay) }
}

pub fn discharged(stay: &str) -> Observation {
    Observation::StayDischarged { stay: id(stay), citizen: Some(citizen("c-1")) }
}

pub fn died(stay: &str) -> Observation {
    Observation::StayDied { stay: id(stay), citizen: Some(citizen("c-1")) }
}

pub fn expected(stay: &str, expected_at: &str) -> Observation {
    Observation::StayDischargeExpected {
        stay: id(stay),
        citizen: Some(citizen("c-1")),
        expected_at: at(expected_at),
        told_by: code("hospital"),
    }
}

pub fn stay_cancelled(stay: &str, of: StayFact) -> Observation {
    Observation::StayCancelled { stay: id(stay), of, setting: None }
}

pub fn visit(name: &str, help: Help, agreed_at: &str) -> Observation {
    visit_of(name, "c-1", Grant::Service, help, agreed_at, None)
}

pub fn visit_of(
    name: &str,
    whose: &str,
    grant: Grant,
    help: Help,
    agreed_at: &str,
    window: Option<Window>,
) -> Observation {
    Observation::VisitPlanned {
        visit: id(name),
        citizen: citizen(whose),
        grant,
        help,
        agreed_at: at(agreed_at),
        window,
        starts: None,
    }
}

pub fn visit_expected(name: &str, expected_at: &str) -> Observation {
    Observation::VisitExpected { visit: id(name), expected_at: at(expected_at) }
}

pub fn visit_started(name: &str) -> Observation {
    Observation::VisitStarted { visit: id(name) }
}

pub fn visit_done(name: &str) -> Observation {
    Observation::VisitDone { visit: id(name) }
}

pub fn door_unanswered(name: &str) -> Observation {
    Observation::DoorUnanswered { visit: id(name) }
}

pub fn visit_cancelled(name: &str, by: CancelledBy, told_at: &str) -> Observation {
    Observation::VisitCancelled { visit: id(name), by, told_at: at(told_at), withdrawn: false }
}

/// It is no longer in the plan, and nobody said why.
pub fn visit_withdrawn(name: &str, told_at: &str) -> Observation {
    Observation::VisitCancelled {
        visit: id(name),
        by: CancelledBy::Municipality,
        told_at: at(told_at),
        withdrawn: true,
    }
}

// ---- what is asked --------------------------------------------------------------------------

pub fn resume() -> Command {
    Command::Discharges(discharges::Command::Resume {})
}

pub fn stop(reason: &str) -> Command {
    Command::Discharges(discharges::Command::Stop { reason: word(reason) })
}

pub fn join(same_as: EntryId) -> Command {
    Command::Discharges(discharges::Command::Join { same_as })
}

pub fn step(step: &str, done: bool) -> Command {
    Command::Discharges(discharges::Command::Step { step: word(step), done })
}

pub fn expect(expected_at: &str, told_by: &str) -> Command {
    Command::Discharges(discharges::Command::Expect {
        agreement: None,
        citizen: None,
        expected_at: at(expected_at),
        told_by: word(told_by),
    })
}

pub fn open(agreement: Option<&str>, whose: Option<&str>, expected_at: &str) -> Command {
    Command::Discharges(discharges::Command::Open {
        agreement: agreement.map(agreement_id),
        citizen: whose.map(citizen),
        expected_at: at(expected_at),
        told_by: word("nurse"),
    })
}

pub fn assessors_told(told: bool) -> Command {
    Command::Discharges(discharges::Command::AssessorsTold { told })
}

pub fn contact(reached: bool) -> Command {
    Command::Visits(visits::Command::Contact { reached })
}

pub fn move_to(to: &str, asked_by: CancelledBy) -> Command {
    Command::Visits(visits::Command::Move { to: at(to), asked_by, confirmed: false })
}

pub fn move_anyway(to: &str, asked_by: CancelledBy) -> Command {
    Command::Visits(visits::Command::Move { to: at(to), asked_by, confirmed: true })
}

pub fn replace(to: &str) -> Command {
    Command::Visits(visits::Command::Replace { at: at(to), confirmed: false })
}

pub fn door_step(step: &str) -> Command {
    Command::Visits(visits::Command::Door {
        steps: Vec::new(),
        step: Some(word(step)),
        done: true,
        outcome: None,
        skipped: None,
    })
}

pub fn door_outcome(outcome: &str) -> Command {
    at_door(&[], Some(outcome), None)
}

/// Steps done at a door, how it turned out, and why steps were left out.
pub fn at_door(steps: &[&str], outcome: Option<&str>, skipped: Option<&str>) -> Command {
    Command::Visits(visits::Command::Door {
        steps: steps.iter().map(|step| word(step)).collect(),
        step: None,
        done: true,
        outcome: outcome.map(word),
        skipped: skipped.map(word),
    })
}

pub fn cancel(by: CancelledBy) -> Command {
    Command::Visits(visits::Command::Cancel { by, told_at: None, confirmed: false })
}

pub fn cancel_anyway(by: CancelledBy) -> Command {
    Command::Visits(visits::Command::Cancel { by, told_at: None, confirmed: true })
}

pub fn visit_receipted() -> Command {
    Command::Visits(visits::Command::Done {})
}

pub fn duty_done() -> Command {
    Command::Duties(duties::Command::Done { reference: None, to: None, told_at: None })
}

/// The municipality was told, now.
pub fn told(to: &str) -> Command {
    Command::Duties(duties::Command::Done { reference: None, to: Some(word(to)), told_at: None })
}

pub fn notify(what: &str) -> Command {
    notify_about_nothing(what, None, None)
}

pub fn notify_about_nothing(what: &str, agreement: Option<&str>, whose: Option<&str>) -> Command {
    Command::Duties(duties::Command::Notify {
        what: word(what),
        agreement: agreement.map(agreement_id),
        citizen: whose.map(citizen),
    })
}

pub fn correct(what: &str) -> Command {
    crate::support::correct_for(what, "typing-mistake")
}

pub fn against(refused: Result<Vec<Draft>, Refusal>) -> String {
    match refused {
        Err(Refusal::AgainstContract { clause, says }) => {
            assert!(!says.is_empty(), "a warning says what the clause says");
            clause
        }
        other => panic!("expected a warning with its clause, got {other:?}"),
    }
}

// ---- the world ------------------------------------------------------------------------------

#[derive(Clone)]
pub struct World {
    pub state: State,
    pub log: Vec<Record>,
    pub now: DateTime<Utc>,
    pub agreement: Option<AgreementId>,
    /// What is told may belong to one of these, while `agreement` is none.
    pub candidates: Vec<AgreementId>,
    /// Whether the plan's source tells when visits start.
    pub visit_starts: bool,
    asked: u32,
}

impl World {
    /// The agreements and anna in the log; `now` is as given; what is told belongs to `agreement`.
    pub fn at(now: &str, agreement_name: &str) -> Self {
        let mut world = Self {
            state: State::default(),
            log: Vec::new(),
            now: at(now),
            agreement: Some(agreement_id(agreement_name)),
            candidates: Vec::new(),
            visit_starts: true,
            asked: 0,
        };
        for rules in agreement::built_in() {
            world.server(Command::Adopt(Box::new(rules)));
        }
        let both = ["jammerbugt", "norddjurs"].map(agreement_id).to_vec();
        for (name, agreements) in
            [("anna", both.clone()), ("bo", both), ("mette", vec![agreement_id("norddjurs")])]
        {
            world.server(Command::People(PeopleCommand::Add {
                name: PersonName::new(name).unwrap(),
                role: Role::Coordinator,
                agreements,
                token_digest: format!("digest-of-{name}"),
            }));
        }
        world
    }

    /// From now on these agreements say that they share a care system.
    pub fn share(&mut self, system: &str, agreements: &[&str]) -> &mut Self {
        for name in agreements {
            let mut rules = (*self.state.agreements[&agreement_id(name)]).clone();
            rules.care_system = Some(code(system));
            self.server(Command::Adopt(Box::new(rules)));
        }
        self
    }

    /// What is told from now on belongs to this agreement.
    pub fn of_agreement(&mut self, name: &str) -> &mut Self {
        self.agreement = Some(agreement_id(name));
        self.candidates = Vec::new();
        self
    }

    /// What is told from now on belongs to one of these agreements.
    pub fn of_one_of(&mut self, names: &[&str]) -> &mut Self {
        self.agreement = None;
        self.candidates = names.iter().map(|name| agreement_id(name)).collect();
        self
    }

    fn server(&mut self, command: Command) {
        let ctx = self.ctx(Actor::Server);
        self.ask(&ctx, &Request::Command { entry: None, expected_version: None, command }).unwrap();
    }

    fn ctx(&mut self, actor: Actor) -> Ctx {
        self.asked += 1;
        let mut ctx = Ctx::new(self.now, actor, Uuid::from_u128(u128::from(self.asked) << 32));
        ctx.agreement.clone_from(&self.agreement);
        ctx.candidates.clone_from(&self.candidates);
        ctx.visit_starts = self.visit_starts;
        ctx
    }

    fn ask(&mut self, ctx: &Ctx, request: &Request) -> Result<Vec<Draft>, Refusal> {
        let before = self.state.clone();
        let decided = decide(&self.state, ctx, request);
        assert!(self.state == before, "deciding changes nothing");
        let drafts = decided?;
        assert!(!drafts.is_empty(), "what is granted does something: {request:?}");
        for (index, draft) in drafts.iter().cloned().enumerate() {
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
            let stored = kinds::encode(&record.event).unwrap_or_else(|error| panic!("{error}"));
            let read = kinds::decode(&stored.kind, stored.version, &stored.payload);
            assert_eq!(read.as_ref(), Ok(&record.event), "an event is read as it was written");
            evolve(&mut self.state, &record);
            self.log.push(record);
        }
        // A remark in the history changes nothing else.
        let is_remark = |it: &Draft| {
            matches!(
                it.event,
                vagttavle::domain::Event::Entry(vagttavle::domain::entry::EntryEvent::Remarked { .. })
            )
        };
        if drafts.iter().all(is_remark) {
            return Err(Refusal::Unchanged);
        }
        Ok(drafts)
    }

    pub fn tells(&mut self, happened_at: &str, observation: Observation) -> Result<Vec<Draft>, Refusal> {
        self.told_by("feed", happened_at, observation)
    }

    /// As `tells`, of another source.
    pub fn told_by(
        &mut self,
        source: &str,
        happened_at: &str,
        observation: Observation,
    ) -> Result<Vec<Draft>, Refusal> {
        let mut ctx = self.ctx(Actor::Source(SourceName::new(source).unwrap()));
        ctx.at = at(happened_at);
        // An exchange's: the id alone says which call is meant.
        ctx.is_session = source == "central";
        self.ask(&ctx, &Request::Observation(observation))
    }

    /// Told of a citizen whom no care system knows: these entries are the same citizen's, as the server remembers.
    pub fn of_same_person(&mut self, same: Vec<EntryId>, happened_at: &str, observation: Observation) {
        let mut ctx = self.ctx(Actor::Source(SourceName::new("feed").unwrap()));
        (ctx.at, ctx.same_person) = (at(happened_at), same);
        self.ask(&ctx, &Request::Observation(observation)).unwrap();
    }

    /// As `tells`, and it is taken.
    pub fn given(&mut self, happened_at: &str, observation: Observation) -> &mut Self {
        let said = format!("{observation:?}");
        self.tells(happened_at, observation).unwrap_or_else(|refusal| panic!("{said}: {refusal:?}"));
        self
    }

    pub fn tries(
        &mut self,
        name: &str,
        entry: Option<EntryId>,
        command: Command,
    ) -> Result<Vec<Draft>, Refusal> {
        self.tries_reading(name, entry, None, command)
    }

    /// As `tries`, with the version that was on the screen.
    pub fn tries_reading(
        &mut self,
        name: &str,
        entry: Option<EntryId>,
        expected_version: Option<u32>,
        command: Command,
    ) -> Result<Vec<Draft>, Refusal> {
        let ctx = self.ctx(Actor::Person(PersonName::new(name).unwrap()));
        self.ask(&ctx, &Request::Command { entry, expected_version, command })
    }

    /// anna does it, and it is granted.
    pub fn does(&mut self, entry: EntryId, command: Command) -> &mut Self {
        let said = format!("{command:?}");
        self.tries("anna", Some(entry), command).unwrap_or_else(|refusal| panic!("{said}: {refusal:?}"));
        self
    }

    /// The clock moves on to `until`; timers that fall due on the way fire at their time, in order.
    pub fn until(&mut self, until: &str) -> &mut Self {
        let until = at(until);
        loop {
            let of_entry = self.next_timer(until);
            let standing = standing_dues(&self.state, self.now).into_iter().find(|(at, _)| *at <= until);
            let (request, due_at) = match (of_entry, standing) {
                (Some((due_at, entry, what)), other)
                    if other.as_ref().is_none_or(|(at, _)| due_at <= *at) =>
                {
                    (Request::Due { entry, what, at: due_at }, due_at)
                }
                (_, Some((due_at, due))) => (Request::Standing(due), due_at),
                _ => break,
            };
            self.now = self.now.max(due_at);
            let ctx = self.ctx(Actor::Timer);
            self.ask(&ctx, &request).unwrap_or_else(|refusal| panic!("{request:?} did nothing: {refusal:?}"));
        }
        self.now = until;
        self
    }

    fn next_timer(&self, until: DateTime<Utc>) -> Option<(DateTime<Utc>, EntryId, DueKind)> {
        let is_spent = |entry: &Entry, what| {
            what == DueKind::Duty && matches!(&entry.body, Body::Duties(duty) if duty.late)
        };
        self.state
            .open_entries()
            .flat_map(|entry| entry.dues.iter().map(move |due| (due.at, entry, due.what)))
            .filter(|(at, entry, what)| *at <= until && what.has_timer() && !is_spent(entry, *what))
            .map(|(at, entry, what)| (at, entry.id, what))
            .min()
    }

    // ---- looking ----

    /// The entry of an outside id.
    pub fn of(&self, outside: &str) -> &Entry {
        let source = SourceName::new("feed").unwrap();
        self.state.by_origin(&source, &id(outside)).unwrap_or_else(|| panic!("no entry of {outside}"))
    }

    pub fn id_of(&self, outside: &str) -> EntryId {
        self.of(outside).id
    }

    pub fn state_of(&self, outside: &str) -> &'static str {
        self.of(outside).state()
    }

    pub fn is_open(&self, outside: &str) -> bool {
        self.of(outside).is_open()
    }

    pub fn stay(&self, outside: &str) -> &discharges::Stay {
        match &self.of(outside).body {
            Body::Discharges(stay) => stay,
            other => panic!("{outside} is {other:?}"),
        }
    }

    pub fn visit(&self, outside: &str) -> &visits::Visit {
        match &self.of(outside).body {
            Body::Visits(visit) => visit,
            other => panic!("{outside} is {other:?}"),
        }
    }

    /// The public entry as of now.
    pub fn shown(&self, outside: &str) -> protocol::Entry {
        project::entry(&self.state, self.of(outside), self.now)
    }

    pub fn attention(&self, outside: &str) -> Attention {
        self.shown(outside).attention
    }

    pub fn why(&self, outside: &str) -> String {
        self.attention(outside).why.to_string()
    }

    pub fn duties(&self, kind: duties::DutyKind) -> Vec<&Entry> {
        self.state
            .open_entries()
            .filter(|entry| matches!(&entry.body, Body::Duties(duty) if duty.duty == kind))
            .collect()
    }

    /// True when the two entries name each other.
    pub fn are_linked(&self, one: EntryId, other: EntryId) -> bool {
        let names = |from: EntryId, to: EntryId| {
            let entry = self.state.entry(from).unwrap_or_else(|| panic!("no entry {from}"));
            entry.links.iter().filter(|link| link.to == to).count()
        };
        let counts = (names(one, other), names(other, one));
        assert!(matches!(counts, (0, 0) | (1, 1)), "links go both ways, once: {counts:?}");
        counts == (1, 1)
    }

    /// Reading the log again gives the same state.
    pub fn replays(&self) {
        let mut again = State::default();
        for record in &self.log {
            evolve(&mut again, record);
        }
        assert!(again == self.state, "a replay of the log gives the same state");
    }
}

pub fn alarm_raised(alarm: &str, whose: &str) -> Observation {
    Observation::AlarmRaised {
        alarm: id(alarm),
        device: Some(id(&format!("device-of-{whose}"))),
        citizen: Some(citizen(whose)),
        trigger: None,
        technical: false,
        test: false,
    }
}
