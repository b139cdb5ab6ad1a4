//! Properties over random nights: three people, two sources that tell in any order, timers, clock steps.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Duration;
use proptest::prelude::*;
use vagttavle::domain::alarms::Response;
use vagttavle::domain::entry::{Body, Entry};
use vagttavle::domain::figures::Figures;
use vagttavle::domain::identity::EntryId;
use vagttavle::domain::observation::{MissedReason, Observation, Rank};
use vagttavle::domain::people::Role;
use vagttavle::domain::vocabulary::Word;
use vagttavle::domain::{Command, Event, Refusal, State, alarms, evolve, kinds, phone};
use vagttavle::protocol::attention::Why;
use vagttavle::protocol::project;

use crate::support::*;

/// One thing that may happen in a night.
#[derive(Debug, Clone)]
enum Step {
    /// A person asks something of the nth entry ever opened, so many seconds ago.
    Asks {
        who: usize,
        which: usize,
        what: Command,
        ago: i64,
    },
    /// A source tells something that happened so many seconds ago.
    Tells {
        source: usize,
        fact: Observation,
        rank: Rank,
        scope: usize,
        ago: i64,
    },
    Passes {
        seconds: i64,
    },
}

fn commands() -> impl Strategy<Value = Command> {
    let corrections: Vec<Command> =
        phone::Correctable::names().into_iter().chain(alarms::Correctable::names()).map(correct).collect();
    let mut all = vec![
        claim(),
        release(),
        take_over(),
        answer(),
        call_back(true),
        call_back(false),
        give_up("duplicate"),
        documented(),
        assign("jammerbugt"),
        assign("norddjurs"),
        own_help(),
        respond(Response::Emergency112),
        arrive(),
        close("helped"),
        close("test"),
        redirect(),
        contest("not-ours"),
        justify_begin(),
        justify_sent(),
        technical_done(),
        assign_alarm("jammerbugt"),
        assign_alarm("norddjurs"),
        duty_done(),
        link(EntryId(uuid::Uuid::from_u128(9 << 32))),
    ];
    all.extend(corrections);
    prop::sample::select(all)
}

fn facts() -> impl Strategy<Value = Observation> {
    let name = |kind: char| (1..4u8).prop_map(move |nth| format!("{kind}-{nth}"));
    prop_oneof![
        name('c').prop_map(|it| call_waiting(&it)),
        (name('c'), prop::option::of(Just("bo"))).prop_map(|(it, agent)| call_answered(&it, agent)),
        (name('c'), prop::sample::select(vec![MissedReason::HungUp, MissedReason::Timeout]))
            .prop_map(|(it, reason)| call_missed(&it, reason)),
        name('c').prop_map(|it| call_ended(&it)),
        (name('a'), 1..3u8, prop::bool::weighted(0.1), prop::bool::weighted(0.1)).prop_map(
            |(it, device, technical, test)| alarm_of(&it, Some(&format!("dev-{device}")), technical, test)
        ),
        (name('a'), prop::option::of(Just("bo"))).prop_map(|(it, agent)| alarm_answered(&it, agent)),
        name('a').prop_map(|it| alarm_unanswered(&it)),
        name('a').prop_map(|it| alarm_redirected(&it)),
        name('a').prop_map(|it| alarm_cleared(&it)),
        name('a').prop_map(|it| help_arrived(&it)),
        (name('a'), name('a')).prop_map(|(it, to)| Observation::CallPassedOn { call: id(&it), to: id(&to) }),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let rank = prop::sample::select(vec![Rank::Inference, Rank::Event, Rank::Log]);
    let ago = prop_oneof![3 => Just(0i64), 1 => 0..600i64];
    let step = prop_oneof![
        5 => (0..3usize, 0..12usize, commands(), ago.clone())
            .prop_map(|(who, which, what, ago)| Step::Asks { who, which, what, ago }),
        4 => (0..2usize, facts(), rank, 0..3usize, ago)
            .prop_map(|(source, fact, rank, scope, ago)| Step::Tells { source, fact, rank, scope, ago }),
        2 => prop_oneof![0..300i64, Just(3_600), Just(86_400), Just(8 * 86_400), Just(45 * 86_400)]
            .prop_map(|seconds| Step::Passes { seconds }),
    ];
    prop::collection::vec(step, 1..60)
}

/// Takes a step; what is refused is kept in `world.last`.
fn take(world: &mut World, opened: &[EntryId], step: &Step) {
    match step {
        Step::Asks { who, which, what, ago } => {
            let Some(entry) = opened.get(*which) else { return };
            let name = ["anna", "bo", "mette"][*who];
            let happened_at = world.now - Duration::seconds(*ago);
            let _ = world.tries_of(name, happened_at, *entry, what.clone());
        }
        Step::Tells { source, fact, rank, scope, ago } => {
            world.rank = *rank;
            *world = world
                .clone()
                .within([&["jammerbugt"][..], &["norddjurs"], &["jammerbugt", "norddjurs"]][*scope]);
            let happened_at = world.now - Duration::seconds(*ago);
            let _ = world.tells_of(["central", "scaip"][*source], happened_at, fact.clone());
        }
        Step::Passes { seconds } => {
            world.pass_seconds(*seconds);
        }
    }
}

fn opened(world: &World) -> Vec<EntryId> {
    let mut seen = Vec::new();
    for record in &world.log {
        let is_opening = matches!(
            &record.event,
            Event::Phone(phone::PhoneEvent::Waiting { .. })
                | Event::Alarms(alarms::AlarmEvent::Raised { .. })
        ) || kinds::kind_of(&record.event) == "duties.opened";
        if is_opening {
            seen.push(record.entry);
        }
    }
    seen
}

/// Whether an event raises its entry's version.
fn is_material(event: &Event) -> bool {
    match event {
        Event::Entry(event) => event.is_material(),
        Event::Phone(event) => event.is_material(),
        Event::Alarms(event) => event.is_material(),
        Event::Discharges(event) => event.is_material(),
        Event::Visits(event) => event.is_material(),
        Event::Duties(_) | Event::Complaints(_) => true,
        Event::Sources(event) => event.is_material(),
        Event::Shift(_) | Event::Devices(_) | Event::People(_) | Event::Agreements(_) | Event::Server(_) => {
            false
        }
    }
}

/// What must hold of every state.
fn check_state(state: &State) {
    assert!(state.is_indexed(), "what is looked up is what looking through everything finds");
    let mut numbers = BTreeSet::new();
    for entry in state.open_entries() {
        assert!(numbers.insert(entry.number), "number {} twice", entry.number);
        assert_eq!(state.by_number(entry.number).map(|it| it.id), Some(entry.id));
        let mut dues = BTreeSet::new();
        for due in &entry.dues {
            assert!(dues.insert(due.what), "{:?} twice on {entry:?}", due.what);
        }
        if let Body::Alarms(alarm) = &entry.body {
            check_open_alarm(entry, alarm);
        }
    }
}

fn check_open_alarm(entry: &Entry, alarm: &alarms::Alarm) {
    let owes = alarm.justification.as_ref().is_some_and(|it| it.sent.is_none());
    let is_handled = alarm.outcome.is_some() || alarm.redirect.is_some();
    assert!(!is_handled || owes, "an alarm stays for its paper only: {entry:?}");
    let has = |what| entry.due(what).is_some();
    use vagttavle::domain::entry::DueKind as D;
    assert_eq!(has(D::Justification), owes, "{entry:?}");
    // Left alone, one that rings is heard of again: it rings out, or somebody's claim runs out.
    let is_quiet = alarm.technical
        || alarm.test
        || is_handled
        || alarm.unanswered_at.is_some()
        || alarm.talked_at.is_some()
        || alarm.response.is_some()
        || alarm.arrived_at.is_some();
    assert!(is_quiet || has(D::RingOut) || has(D::Claim), "nothing will happen to {entry:?}");
    assert!(!has(D::RingOut) || entry.holder.is_none(), "held and ringing out: {entry:?}");
    assert!(!(is_handled && has(D::RingOut)), "{entry:?}");
}

/// What must hold between a state and the next.
fn check_change(before: &State, after: &State, record: &vagttavle::domain::Record) {
    let kind = kinds::kind_of(&record.event);
    let (was, is) = (before.entry(record.entry), after.entry(record.entry));
    let (Some(was), Some(is)) = (was, is) else { return };
    let grown = is.version - was.version;
    assert_eq!(grown, u32::from(is_material(&record.event)), "{kind}");
    if !is.is_open() {
        assert!(is.dues.is_empty() && is.holder.is_none(), "over, and still {is:?}");
    }
    if was.is_open() && !is.is_open() && matches!(is.body, Body::Alarms(_)) {
        let why = [
            "alarms.closed",
            "alarms.technical-done",
            "alarms.passed-on",
            "alarms.redirected",
            "alarms.justification-sent",
            "alarms.corrected",
            "alarms.assigned",
            // The ring-out that owed the paper is taken back by a better fact.
            "alarms.answered",
            "alarms.arrival-known",
        ];
        assert!(why.contains(&kind.as_str()), "an alarm left with {kind}");
    }
    if !was.is_open() && is.is_open() {
        let why = [
            "alarms.corrected",
            "alarms.assigned",
            "alarms.unanswered",
            "alarms.redirected",
            "phone.corrected",
            "phone.answered",
            "phone.missed",
            // Over, and in a queue again: it waits again.
            "phone.waits-in",
            // What fell with help that was none after all.
            "duties.stands-again",
        ];
        assert!(why.contains(&kind.as_str()), "an entry came back with {kind}");
    }
}

/// The figures counted from the entries alone.
fn recount(state: &State, all: &BTreeMap<EntryId, Entry>) -> Figures {
    let mut figures = Figures::default();
    for (id, entry) in all {
        let slot = entry.agreement.clone().map(|agreement| vagttavle::domain::figures::Slot {
            agreement,
            board: entry.board(),
            month: vagttavle::domain::calendar::Month::of(entry.opened_at),
        });
        let waited = match &entry.body {
            Body::Phone(call) => {
                let short = entry
                    .agreement
                    .as_ref()
                    .and_then(|id| state.agreements.get(id))
                    .and_then(|rules| rules.phone.short_abandon_seconds.as_ref())
                    .map(|rule| *rule.value());
                phone::wait_seconds(entry, call, short)
            }
            Body::Alarms(alarm) => alarms::wait_seconds(entry, alarm),
            _ => None,
        };
        figures.count(*id, waited.and_then(|waited| slot.map(|slot| (slot, waited))));
    }
    figures
}

fn counts_equal(world: &World, all: &BTreeMap<EntryId, Entry>) {
    let fresh = recount(&world.state, all);
    let months: BTreeSet<_> =
        all.values().map(|entry| vagttavle::domain::calendar::Month::of(entry.opened_at)).collect();
    for month in months {
        for agreement in world.state.agreements.keys() {
            for board in
                [vagttavle::domain::identity::Board::Phone, vagttavle::domain::identity::Board::Alarms]
            {
                let slot = vagttavle::domain::figures::Slot { agreement: agreement.clone(), board, month };
                assert_eq!(world.state.figures.counts(&slot), fresh.counts(&slot), "{slot:?}");
            }
        }
    }
    for rules in world.state.agreements.values() {
        let Some(ledger) = world.state.figures.ledger(rules, world.now) else { continue };
        let today = vagttavle::domain::calendar::local_date(world.now);
        let used = all
            .values()
            .filter(|entry| entry.agreement.as_ref() == Some(&rules.id))
            .filter_map(|entry| match &entry.body {
                Body::Alarms(alarm) if alarm.is_counted() => alarm.redirect.as_ref(),
                _ => None,
            })
            .filter(|redirect| {
                let age = (today - vagttavle::domain::calendar::local_date(redirect.at)).num_days();
                (0..=i64::from(ledger.window_days)).contains(&age)
            })
            .count();
        assert_eq!(usize::try_from(ledger.used).unwrap(), used, "ledger of {}", rules.id);
    }
}

/// Runs a night and checks everything on the way.
fn night(steps: &[Step]) -> World {
    let mut world = World::new();
    assert!(world.state.people.values().any(|person| person.role == Role::Coordinator));
    // Every entry as it last was, also when the state has let go of it.
    let mut all: BTreeMap<EntryId, Entry> = BTreeMap::new();
    let mut state = world.replayed();
    for step in steps {
        let (records, before) = (world.log.len(), world.state.clone());
        let ids = opened(&world);
        take(&mut world, &ids, step);
        let is_remark = world.last == Err(Refusal::Unchanged);
        if let (Err(_), false) = (&world.last, is_remark || matches!(step, Step::Passes { .. })) {
            assert_eq!(world.log.len(), records, "a refusal records nothing");
            assert_eq!(world.state, before, "a refusal changes nothing");
        }
        for record in &world.log[records..] {
            let encoded = kinds::encode(&record.event).unwrap();
            let decoded = kinds::decode(&encoded.kind, encoded.version, &encoded.payload).unwrap();
            assert_eq!(decoded, record.event, "{}", encoded.kind);
            let before = state.clone();
            evolve(&mut state, record);
            let mut again = before.clone();
            evolve(&mut again, record);
            assert_eq!(again, state, "evolve is deterministic");
            check_change(&before, &state, record);
            // As it would be if nothing old were let go of with this record.
            let mut kept = before;
            let recorded_at = kept.entry(record.entry).map_or(record.recorded_at, |entry| entry.recorded_at);
            evolve(&mut kept, &vagttavle::domain::Record { recorded_at, ..record.clone() });
            if let Some(entry) = kept.entry(record.entry) {
                all.insert(record.entry, entry.clone());
            }
        }
        assert_eq!(state, world.state, "replay is the live state");
        check_state(&state);
    }
    counts_equal(&world, &all);
    for entry in world.state.open_entries() {
        let shown = project::entry(&world.state, entry, world.now);
        assert_ne!(shown.attention.why, Why::Over, "open and of a state we know");
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_night_keeps_its_promises(steps in steps()) {
        night(&steps);
    }

    #[test]
    fn two_claims_in_a_row_have_one_winner(steps in steps(), which in 0..12usize) {
        let world = night(&steps);
        let free: Vec<EntryId> = world.state.open_entries()
            .filter(|entry| entry.holder.is_none())
            .map(|entry| entry.id)
            .collect();
        prop_assume!(!free.is_empty());
        let entry = free[which % free.len()];
        let mut world = world;
        let (first, second) = (world.tries("anna", entry, claim()), world.tries("bo", entry, claim()));
        prop_assert_eq!(first, Ok(()));
        prop_assert!(
            matches!(&second, Err(Refusal::AlreadyClaimed { holder, .. }) if *holder == person("anna")),
            "{:?}", second
        );
    }

    #[test]
    fn the_same_facts_told_twice_are_told_once(facts in prop::collection::vec((facts(), 0..3_600i64), 1..12)) {
        let mut world = World::new();
        let start = world.now;
        world.now += Duration::hours(2);
        let tell = |world: &mut World| {
            for (fact, second) in &facts {
                let _ = world.tells_of("central", start + Duration::seconds(*second), fact.clone());
            }
        };
        tell(&mut world);
        tell(&mut world);
        let settled = world.state.clone();
        tell(&mut world);
        let boards = |state: &State| -> Vec<_> {
            state.open_entries().map(|it| (it.id, it.state(), it.dues.len())).collect()
        };
        prop_assert_eq!(boards(&settled), boards(&world.state));
    }
}
