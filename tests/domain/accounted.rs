//! Every fact is accounted for: what became of each item of a random history, whatever its ids, its order and its clock.
//!
//! Two municipalities with the same ids, told by one source and by two; ids reused, items repeated, orders shuffled,
//! clocks off by up to a day either way. (Keys are the writer's: what it hands to the domain is judged here as it comes.)

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use uuid::Uuid;
use vagttavle::domain::entry::{Body, Entry, EntryEvent};
use vagttavle::domain::identity::{AgreementId, Board, CitizenId, EntryId, ExternalId, SourceName};
use vagttavle::domain::observation::{
    CancelledBy, Ends, FactKind, Grant, Help, Matched, MissedReason, Observation, Rank, Setting, StayFact,
};
use vagttavle::domain::sources::TroubleKind;
use vagttavle::domain::{Actor, Command, Draft, Event, Refusal, Request, State, decide};

use crate::support::*;

/// An item as it is posted.
#[derive(Debug, Clone, PartialEq)]
struct Item {
    source: &'static str,
    scope: &'static [&'static str],
    fact: Observation,
    rank: Rank,
    /// When it happened by its sender's clock, in seconds from the beginning of the history.
    at_s: i64,
}

#[derive(Debug, Clone)]
enum Step {
    Tells(Item),
    /// The nth item again.
    Repeats(usize),
    /// A coordinator does something about the nth entry.
    Does(usize, Command),
    Passes(i64),
}

/// All kinds there are, as the enum itself lists them when it is asked for one that is none.
fn kinds_of_facts() -> Vec<FactKind> {
    let error = serde_json::from_str::<FactKind>("\"no-such-kind\"").unwrap_err().to_string();
    let names: Vec<&str> = error.split('`').skip(3).step_by(2).collect();
    names.iter().map(|name| serde_json::from_value((*name).into()).unwrap()).collect()
}

// ---- inventing ------------------------------------------------------------------------------

/// What a fact says besides its kind: small numbers, so that ids meet.
#[derive(Debug, Clone, Copy)]
struct Says {
    id: u8,
    device: u8,
    citizen: u8,
    variant: u8,
    hours: i64,
}

fn said() -> impl Strategy<Value = Says> {
    (0..3u8, 0..3u8, 0..3u8, 0..6u8, -24..24i64).prop_map(|(id, device, citizen, variant, hours)| Says {
        id,
        device,
        citizen,
        variant,
        hours,
    })
}

fn one_of<T: Clone>(of: &[T], nth: u8) -> T {
    of[usize::from(nth) % of.len()].clone()
}

/// A fact of this kind. The compiler asks for each that is new.
fn fact(kind: FactKind, says: Says) -> Observation {
    use Observation as O;
    let named = |kind: &str| id(&format!("{kind}-{}", says.id));
    let (call, alarm, stay, visit) = (named("id"), named("id"), named("id"), named("id"));
    let device = Some(id(&format!("device-{}", says.device))).filter(|_| says.device > 0);
    let the_device = id(&format!("device-{}", says.device));
    let whose = || citizen(&format!("c-{}", says.citizen));
    let maybe = Some(whose()).filter(|_| says.citizen > 0);
    let at = || at(NIGHT) + Duration::hours(says.hours);
    let help = one_of(&[Help::Personal, Help::Practical, Help::Food, Help::Nursing], says.variant);
    let of = one_of(
        &[
            StayFact::Admitted,
            StayFact::LeaveStarted,
            StayFact::LeaveEnded,
            StayFact::Discharged,
            StayFact::Died,
        ],
        says.variant,
    );
    let setting = one_of(&[Setting::Inpatient, Setting::AcuteOutpatient], says.variant);
    let queue = one_of(&[id("doegnvagt"), id("bagvagt")], says.variant);
    match kind {
        FactKind::CallWaiting => O::CallWaiting { call, queue, colleague: says.variant == 5 },
        FactKind::CallAnswered => O::CallAnswered { call, agent: device },
        FactKind::CallMissed => {
            let reason = one_of(&[MissedReason::HungUp, MissedReason::Timeout], says.variant);
            O::CallMissed { call, reason }
        }
        FactKind::CallEnded => O::CallEnded { call },
        FactKind::AlarmRaised => O::AlarmRaised {
            alarm,
            device,
            citizen: maybe,
            trigger: one_of(&[None, Some(code("pendant")), Some(code("smoke"))], says.variant),
            technical: says.variant == 4,
            test: says.variant == 5,
        },
        FactKind::AlarmWaiting => O::AlarmWaiting { alarm, queue },
        FactKind::AlarmAnswered => O::AlarmAnswered { alarm, agent: device },
        FactKind::AlarmCleared => O::AlarmCleared { alarm },
        FactKind::AlarmUnanswered => O::AlarmUnanswered { alarm },
        FactKind::AlarmRedirected => O::AlarmRedirected { alarm, to: code("municipal-unit") },
        FactKind::HelpArrived => O::HelpArrived { alarm },
        FactKind::DeviceHeard => match says.variant {
            0 | 1 => O::DeviceHeard { device: the_device },
            2 => O::DeviceWell { device: the_device, ends: Ends::All },
            3 => O::DeviceWell { device: the_device, ends: Ends::Mains },
            _ => O::DevicePresence { device: the_device },
        },
        FactKind::DeviceSilent => O::DeviceSilent { device: the_device },
        FactKind::StayAdmitted => {
            O::StayAdmitted { stay, citizen: maybe, setting, planned: says.variant == 4, department: device }
        }
        FactKind::StayLeaveStarted => O::StayLeaveStarted { stay },
        FactKind::StayLeaveEnded => O::StayLeaveEnded { stay },
        FactKind::StayDischargeExpected => O::StayDischargeExpected {
            stay,
            citizen: maybe,
            expected_at: at(),
            told_by: one_of(&[code("hospital"), code("nurse")], says.variant),
        },
        FactKind::StayDischarged => O::StayDischarged { stay, citizen: maybe },
        FactKind::StayDied => O::StayDied { stay, citizen: maybe },
        FactKind::StayCorrected => {
            O::StayCorrected { stay, of, at: Some(at()), setting: Some(setting), department: device }
        }
        FactKind::StayCancelled => O::StayCancelled { stay, of, setting: Some(setting) },
        FactKind::CitizenMatched => {
            let of = one_of(&[Matched::Stay(stay), Matched::Alarm(alarm), Matched::Call(call)], says.variant);
            O::CitizenMatched { of, citizen: whose() }
        }
        FactKind::CitizenMoved => O::CitizenMoved { citizen: whose() },
        FactKind::VisitPlanned => O::VisitPlanned {
            visit,
            citizen: whose(),
            grant: one_of(&[Grant::Pathway, Grant::Service], says.variant),
            help,
            agreed_at: at(),
            window: None,
            starts: None,
        },
        FactKind::VisitExpected => O::VisitExpected { visit, expected_at: at() },
        FactKind::VisitStarted => O::VisitStarted { visit },
        FactKind::VisitDone => O::VisitDone { visit },
        FactKind::VisitCancelled => {
            let by = one_of(
                &[CancelledBy::Citizen, CancelledBy::Provider, CancelledBy::Municipality],
                says.variant,
            );
            O::VisitCancelled { visit, by, told_at: at(), withdrawn: says.variant == 5 }
        }
        FactKind::DoorUnanswered => O::DoorUnanswered { visit },
        FactKind::HelpGranted => {
            O::HelpGranted { citizen: whose(), help, notified_at: at(), order_on: at().date_naive() }
        }
    }
}

const SCOPES: [&[&str]; 3] = [&["jammerbugt"], &["norddjurs"], &["jammerbugt", "norddjurs"]];

fn items(scopes: usize, kinds: Vec<FactKind>) -> impl Strategy<Value = Item> {
    let kind = prop::sample::select(kinds);
    let rank = prop::sample::select(vec![Rank::Inference, Rank::Event, Rank::Log]);
    // Few times, so that some are equal; and the sender's clock may be off by a day.
    let at_s = prop_oneof![4 => (-6..6i64).prop_map(|it| it * 600), 1 => -86_400..86_400i64];
    (0..2usize, 0..scopes, kind, said(), rank, at_s).prop_map(|(source, scope, kind, says, rank, at_s)| {
        let fact = fact(kind, says);
        // The exchange tells of calls, the other of everything.
        let source = if is_session(&fact) { ["central", "feed"][source] } else { "feed" };
        // Nobody but an exchange has queues of kind alarm.
        let source = if matches!(fact, Observation::AlarmWaiting { .. }) { "central" } else { source };
        Item { source, scope: SCOPES[scope], fact, rank, at_s }
    })
}

fn is_session(fact: &Observation) -> bool {
    use Observation as O;
    matches!(
        fact,
        O::CallWaiting { .. }
            | O::CallAnswered { .. }
            | O::CallMissed { .. }
            | O::CallEnded { .. }
            | O::AlarmWaiting { .. }
    )
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let does =
        prop::sample::select(vec![claim(), close("helped"), give_up("duplicate"), redirect(), duty_done()]);
    // A few kinds at a time, so that they meet, and now and then all of them.
    let all = kinds_of_facts();
    let kinds = prop_oneof![
        4 => prop::sample::subsequence(all.clone(), 1..7),
        1 => Just(all),
    ];
    kinds.prop_flat_map(move |kinds| {
        let step = prop_oneof![
            12 => items(3, kinds).prop_map(Step::Tells),
            3 => (0..30usize).prop_map(Step::Repeats),
            2 => (0..12usize, does.clone()).prop_map(|(which, what)| Step::Does(which, what)),
            2 => prop_oneof![0..600i64, Just(3_600), Just(86_400)].prop_map(Step::Passes),
        ];
        prop::collection::vec(step, 1..30)
    })
}

// ---- accounting -----------------------------------------------------------------------------

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Became {
    /// It opened an entry.
    Entry,
    /// It changed one that it is about, or stands in its history.
    Change,
    /// Source health says that it contradicts what was said.
    Conflict,
    /// An equal one had been told.
    Repeat,
    /// About nobody and nothing that we know, and the sender is told so.
    Ignored,
    /// Not taken, and the sender is told so.
    Refused,
}

fn scope_of(item: &Item) -> Vec<AgreementId> {
    item.scope.iter().map(|name| agreement(name)).collect()
}

/// The id that it is about, if it names one.
fn id_of(fact: &Observation) -> Option<ExternalId> {
    let value = serde_json::to_value(fact).unwrap();
    let matched = || value.get("of").and_then(|it| it.as_object()).and_then(|it| it.values().next());
    let found = ["call", "alarm", "stay", "visit"].iter().find_map(|it| value.get(it)).or_else(matched);
    found.and_then(|it| it.as_str()).map(id)
}

fn device_of(fact: &Observation) -> Option<&ExternalId> {
    use Observation as O;
    match fact {
        O::DeviceHeard { device }
        | O::DeviceSilent { device }
        | O::DeviceWell { device, .. }
        | O::DevicePresence { device } => Some(device),
        _ => None,
    }
}

fn citizen_of(fact: &Observation) -> Option<&CitizenId> {
    match fact {
        Observation::CitizenMoved { citizen } | Observation::HelpGranted { citizen, .. } => Some(citizen),
        _ => None,
    }
}

/// Whether the entry is what the fact is about.
fn is_about(after: &State, item: &Item, entry: &Entry) -> bool {
    let source = SourceName::new(item.source).unwrap();
    if let Some(id) = id_of(&item.fact) {
        return after.all_by_origin(&source, &id).any(|it| it.id == entry.id);
    }
    if let Some(device) = device_of(&item.fact) {
        return entry.device() == Some(device);
    }
    citizen_of(&item.fact).is_some_and(|citizen| entry.citizen.as_ref() == Some(citizen))
}

fn is_conflict(item: &Item, entry: &Entry) -> bool {
    matches!(&entry.body, Body::Sources(it) if it.source.as_str() == item.source
        && matches!(it.trouble, TroubleKind::Conflict | TroubleKind::Odd))
}

/// That an item has no effect on what is not its sender's to speak of.
fn check_scope(before: &State, after: &State, item: &Item, drafts: &[Draft]) {
    let scope = scope_of(item);
    for draft in drafts {
        let Some(entry) = after.entry(draft.entry) else {
            assert!(matches!(draft.event, Event::Devices(_)), "{item:?} did {draft:?}");
            continue;
        };
        if is_conflict(item, entry) {
            assert!(entry.links.is_empty(), "a word in source health names no entry");
            continue;
        }
        // An exchange's call is one story, whatever queues it is in.
        let of_what = match &entry.body {
            Body::Duties(duty) => duty.about.and_then(|it| after.entry(it)).unwrap_or(entry),
            _ => entry,
        };
        let is_its_call = item.source == "central" && is_about(after, item, of_what);
        let was = before.entry(draft.entry).unwrap_or(entry);
        assert!(was.is_in(&scope) || is_its_call, "{item:?} of {scope:?} did {draft:?} to {was:?}");
        // One that crosses a border later, when it is said whose an entry is, is shown to nobody beyond it (`Sight`).
        if let Event::Entry(EntryEvent::Linked { to, .. }) = &draft.event {
            let other = after.entry(*to).expect("what is linked to is there");
            let is_shared = other.is_in(entry.agreements()) || entry.is_in(other.agreements());
            assert!(is_shared, "linked over the border: {entry:?} and {other:?}");
        }
    }
}

/// What became of an item; panics with the item when nothing did.
fn account(
    before: &State,
    after: &State,
    item: &Item,
    decided: &Result<Vec<Draft>, Refusal>,
    told: &[Item],
) -> Became {
    let drafts = match decided {
        Ok(drafts) => drafts,
        Err(Refusal::Unchanged) => return unchanged(before, item, told),
        Err(refusal) => {
            let is_said = match (&item.fact, refusal) {
                (Observation::CitizenMatched { .. }, Refusal::UnknownEntry) => true,
                // One of two people: it must be said which.
                (Observation::CitizenMoved { .. }, Refusal::FieldMissing { .. }) => item.scope.len() > 1,
                (Observation::AlarmRedirected { .. }, Refusal::TestAlarm | Refusal::TechnicalAlarm) => true,
                _ => false,
            };
            assert!(is_said, "{item:?} was refused: {refusal:?}");
            return Became::Refused;
        }
    };
    check_scope(before, after, item, drafts);
    let touched = || drafts.iter().filter_map(|draft| after.entry(draft.entry));
    let is_of_it = |entry: &&Entry| is_about(after, item, entry);
    if touched().filter(is_of_it).any(|entry| before.entry(entry.id).is_none()) {
        return Became::Entry;
    }
    if touched().any(|entry| is_about(after, item, entry)) {
        return Became::Change;
    }
    if touched().any(|entry| is_conflict(item, entry)) {
        return Became::Conflict;
    }
    let is_noted = drafts.iter().any(|draft| matches!(draft.event, Event::Devices(_)));
    assert!(is_noted, "{item:?} did only {drafts:?}");
    Became::Change
}

/// The same besides its id, with nothing in it that neither the other says nor one of these entries, which are what both are
/// about.
fn says_no_more(fact: &Observation, other: &Observation, known: &[&Entry]) -> bool {
    let fields = |fact: &Observation| serde_json::to_value(fact).unwrap().as_object().unwrap().clone();
    let other = fields(other);
    let is_known = |name: &str, value: &str| {
        known.iter().any(|it| match name {
            "citizen" => it.citizen.as_ref().is_some_and(|known| known.as_str() == value),
            "device" => it.device().is_some_and(|known| known.as_str() == value),
            _ => false,
        })
    };
    let is_in = |(name, value): (String, serde_json::Value)| {
        // Who answered is asked of the first who says that somebody did.
        let is_aside = ["call", "alarm", "stay", "visit", "agent"].contains(&name.as_str());
        is_aside
            || value.is_null()
            || value == false
            || other.get(&name) == Some(&value)
            || value.as_str().is_some_and(|value| is_known(&name, value))
    };
    fields(fact).into_iter().all(is_in)
}

/// Nothing became of it: it must be an equal one again, or be about nothing we know.
fn unchanged(before: &State, item: &Item, told: &[Item]) -> Became {
    let knows = |entry: &&Entry| entry.is_in(&scope_of(item)) && is_about(before, item, entry);
    let known: Vec<&Entry> = before.open_entries().chain(before.closed_entries()).filter(knows).collect();
    // Two municipalities may speak of one entry that is open to both.
    let at = at(NIGHT) + Duration::seconds(item.at_s);
    let is_heard = known.iter().any(|it| it.heard.contains(&(item.fact.kind(), at)));
    // Two ids of one stay, two signals of one alarm.
    let is_same_thing = |other: &Item| {
        id_of(&other.fact) == id_of(&item.fact) || known.iter().any(|it| is_about(before, other, it))
    };
    let is_equal = |other: &Item| {
        is_same_thing(other)
            && other.source == item.source
            && says_no_more(&item.fact, &other.fact, &known)
            && (is_heard || other.at_s == item.at_s)
            && (is_heard || other.scope.iter().any(|it| item.scope.contains(it)))
    };
    // What came first said it too: one that was answered then was raised then.
    let is_of_then =
        |it: &Item| it.fact.kind() == item.fact.kind() && it.at_s == item.at_s && is_same_thing(it);
    let is_implied = is_heard && !told.iter().any(is_of_then);
    if is_implied || told.iter().any(is_equal) {
        return Became::Repeat;
    }
    // The exchange tells each thing twice, as it happened and from its log, and concludes what it did not tell: of a call
    // that is known that is the same story. (What the story is in whatever order is tried in the sources' `one_call`.)
    if item.source == "central"
        && before.open_entries().chain(before.closed_entries()).any(|it| is_about(before, item, it))
    {
        return Became::Repeat;
    }
    use Observation as O;
    let is_nothing = match &item.fact {
        // Noted once a day; missed once a day.
        O::DeviceHeard { .. } => true,
        O::DeviceSilent { .. } => !known.is_empty(),
        O::DeviceWell { .. } | O::DevicePresence { .. } => true,
        O::VisitCancelled { withdrawn: true, .. } => true,
        // Of one moment it was told before, and a newer word stands: of what that replaced only the time is kept.
        O::VisitExpected { .. } | O::VisitPlanned { .. } | O::CallWaiting { .. } | O::CallMissed { .. } => {
            let is_newer = |it: &Item| it.fact.kind() == item.fact.kind() && it.at_s > item.at_s;
            is_heard && told.iter().any(|it| is_newer(it) && is_same_thing(it))
        }
        // Nothing of theirs is to come; of an entry that may be one of two people's nobody knows whose it is.
        O::CitizenMoved { .. } => {
            let goes_on = |body: &Body| matches!(body, Body::Discharges(stay) if stay.stopped.is_none());
            !known.iter().any(|it| it.is_open() && it.agreement.is_some() && goes_on(&it.body))
        }
        // Owed already, or no agreement of theirs promises anything.
        O::HelpGranted { .. } => true,
        // Concluded from an absence, of a call that we do not know.
        O::CallEnded { .. } => {
            item.rank == Rank::Inference && known.iter().all(|it| it.board() != Board::Phone)
        }
        _ => false,
    };
    assert!(is_nothing, "{item:?} was swallowed; known: {known:#?}");
    Became::Ignored
}

// ---- the history ----------------------------------------------------------------------------

fn tell(world: &mut World, start: DateTime<Utc>, item: &Item) -> (State, Result<Vec<Draft>, Refusal>) {
    *world = world.clone().within(item.scope);
    world.rank = item.rank;
    let mut ctx = world.ctx(Actor::Source(SourceName::new(item.source).unwrap()));
    // As the writer has it: nothing has happened yet that is to come.
    ctx.at = (start + Duration::seconds(item.at_s)).min(world.now);
    ctx.is_session = item.source == "central";
    // An exchange's stamps are of the telling: told again they differ.
    ctx.is_timed = !ctx.is_session;
    let before = world.state.clone();
    let _ = world.ask(&ctx, &Request::Observation(item.fact.clone()));
    let decided = decide(&before, &ctx, &Request::Observation(item.fact.clone()));
    (before, decided)
}

fn history(steps: &[Step]) -> BTreeMap<Became, usize> {
    let mut world = World::new();
    // A day after it all began, so that a clock may be ahead and its facts be believed.
    world.now = at(NIGHT) + Duration::hours(25);
    let start = at(NIGHT);
    let mut told: Vec<Item> = Vec::new();
    let mut became = BTreeMap::new();
    for step in steps {
        let item = match step {
            Step::Passes(seconds) => {
                world.pass_seconds(*seconds);
                continue;
            }
            Step::Does(which, what) => {
                let nth = world.state.open_entries().map(|it| it.id).nth(*which);
                if let Some(entry) = nth {
                    let _ = world.tries("anna", entry, what.clone());
                }
                continue;
            }
            Step::Tells(item) => item.clone(),
            Step::Repeats(nth) => match told.get(*nth) {
                Some(item) => item.clone(),
                None => continue,
            },
        };
        let (before, decided) = tell(&mut world, start, &item);
        *became.entry(account(&before, &world.state, &item, &decided, &told)).or_default() += 1;
        told.push(item);
    }
    became
}

/// What one municipality has after these items, its own alone or all of them: each entry, but for its number and for what
/// source health says of a source that both have.
fn boards_of(name: &str, items: &[Item], alone: bool) -> BTreeMap<EntryId, String> {
    let mut world = World::new();
    world.now = at(NIGHT) + Duration::hours(25);
    for (turn, item) in items.iter().enumerate() {
        if alone && item.scope != [name] {
            continue;
        }
        world = world.within(item.scope);
        world.rank = item.rank;
        let mut ctx = world.ctx(Actor::Source(SourceName::new(item.source).unwrap()));
        ctx.base = Uuid::from_u128((turn as u128 + 1) << 64);
        ctx.at = (at(NIGHT) + Duration::seconds(item.at_s)).min(world.now);
        (ctx.is_session, ctx.is_timed) = (item.source == "central", item.source != "central");
        let _ = world.ask(&ctx, &Request::Observation(item.fact.clone()));
    }
    let all = world.state.open_entries().chain(world.state.closed_entries());
    let its_own = all.filter(|it| it.agreements() == [agreement(name)] && it.board() != Board::Sources);
    its_own.map(|it| (it.id, format!("{:#?}", Entry { number: 0, ..it.clone() }))).collect()
}

/// An exchange's call has an id of its own, whatever municipality's queue it is in.
fn own_calls(item: Item) -> Item {
    let name = if item.source == "central" {
        ["feed", "feed-2"][usize::from(item.at_s % 1_200 == 0)]
    } else {
        item.source
    };
    let is_alarm_queue = matches!(item.fact, Observation::AlarmWaiting { .. });
    if is_alarm_queue {
        Item { fact: Observation::DeviceHeard { device: id("device-1") }, source: "feed", ..item }
    } else {
        Item { source: name, ..item }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        // What fails must fail again: other histories are tried by hand, with another seed.
        rng_seed: RngSeed::Fixed(8),
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_item_of_every_history_is_accounted_for(steps in steps()) {
        history(&steps);
    }

    #[test]
    fn what_one_municipality_is_told_has_no_effect_on_the_other(
        items in prop::collection::vec(items(2, kinds_of_facts()).prop_map(own_calls), 1..40)
    ) {
        for name in ["jammerbugt", "norddjurs"] {
            prop_assert_eq!(boards_of(name, &items, true), boards_of(name, &items, false));
        }
    }
}

#[test]
fn each_kind_of_fact_is_invented() {
    let kinds = kinds_of_facts();
    assert!(kinds.len() >= 30, "{kinds:?}");
    for kind in kinds {
        for variant in 0..6 {
            let says = Says { id: 1, device: 1, citizen: 1, variant, hours: 1 };
            assert_eq!(fact(kind, says).kind(), kind);
        }
    }
}

// ---- what it found --------------------------------------------------------------------------

/// The words of source health about this source, sorted.
fn conflicts(world: &World) -> Vec<String> {
    let what = |body: &Body| match body {
        Body::Sources(it) if it.trouble == TroubleKind::Conflict => it.what.as_ref().map(ToString::to_string),
        _ => None,
    };
    world.state.open_entries().filter_map(|it| what(&it.body)).collect()
}

fn cancelled(told_at: &str) -> Observation {
    let (visit, by) = (id("v"), CancelledBy::Citizen);
    Observation::VisitCancelled { visit, by, told_at: at(told_at), withdrawn: false }
}

#[test]
fn a_cancellation_that_says_of_the_same_moment_that_it_was_told_at_another_time_is_a_conflict() {
    let mut world = World::new();
    world.tells("feed", cancelled("2026-11-21T20:00:00Z")).unwrap();
    assert_eq!(world.tells("feed", cancelled("2026-11-21T20:00:00Z")), Err(Refusal::Unchanged));
    assert_eq!(conflicts(&world), Vec::<String>::new());
    world.tells("feed", cancelled("2026-11-22T01:00:00Z")).unwrap();
    assert_eq!(conflicts(&world), ["said-otherwise"]);
}

#[test]
fn an_alarm_that_is_of_smoke_too_at_the_same_moment_is_a_conflict() {
    let mut world = World::new();
    let of = |trigger: &str| match alarm_raised("a") {
        Observation::AlarmRaised { alarm, device, citizen, technical, test, .. } => {
            let trigger = Some(code(trigger));
            Observation::AlarmRaised { alarm, device, citizen, trigger, technical, test }
        }
        other => other,
    };
    world.tells("feed", of("pendant")).unwrap();
    assert_eq!(world.tells("feed", of("pendant")), Err(Refusal::Unchanged));
    world.tells("feed", of("smoke")).unwrap();
    assert_eq!(conflicts(&world), ["said-otherwise"]);
}

#[test]
fn a_press_that_may_be_of_either_of_two_alarms_and_comes_late_is_said() {
    let mut world = World::new();
    let of = |citizen: Option<&str>| Observation::AlarmRaised {
        alarm: id("a"),
        device: None,
        citizen: citizen.map(crate::support::citizen),
        trigger: None,
        technical: false,
        test: false,
    };
    world.tells("feed", of(Some("c-1"))).unwrap();
    world.tells("feed", of(Some("c-2"))).unwrap();
    assert_eq!(conflicts(&world), ["id-doubled"]);
    let then = world.now + Duration::seconds(50);
    world.pass_seconds(100).tells("feed", of(None)).unwrap();
    world.tells_of("feed", then, of(None)).unwrap();
    assert_eq!(conflicts(&world), ["id-ambiguous"]);
}

#[test]
fn another_municipality_s_thing_under_the_same_id_stands_before_nobody_s_own() {
    let mut world = World::new().within(&["norddjurs"]);
    let admitted = fact(FactKind::StayAdmitted, Says { id: 2, device: 0, citizen: 0, variant: 0, hours: 0 });
    world.tells("feed", admitted).unwrap();
    let stay = world.of_source("feed", "id-2");
    world = world.within(&["jammerbugt"]);
    world.tells("feed", alarm_answered("id-2", None)).unwrap();
    world = world.within(&["norddjurs"]);
    world.tells("feed", alarm_answered("id-2", None)).unwrap();
    let alarm = world.of_source("feed", "id-2");
    let links = &world.state.entry(stay).unwrap().links;
    assert_eq!(links.iter().map(|link| link.to).collect::<Vec<_>>(), [alarm]);
}

#[test]
fn what_was_one_of_twos_and_is_now_one_s_is_not_the_other_s_any_more() {
    let mut world = World::new().within(&["jammerbugt", "norddjurs"]);
    world.tells("feed", call_waiting("k")).unwrap();
    let call = world.of_source("feed", "k");
    world.does("anna", call, assign("norddjurs"));
    let before = world.state.entry(call).unwrap().clone();
    let mut world = world.within(&["jammerbugt"]);
    world.tells("feed", call_missed("k", MissedReason::HungUp)).unwrap();
    assert_eq!(*world.state.entry(call).unwrap(), before, "it still waits");
    let other = world.of_source("feed", "k");
    assert_eq!(world.state.entry(other).unwrap().agreement, Some(agreement("jammerbugt")));
    assert!(world.state.entry(other).unwrap().links.is_empty());
    assert_eq!(conflicts(&world), ["id-doubled"]);
}
