//! Discharges: stays folded by event time, the resume list, what upsets a resumption, the daily round.

use proptest::prelude::*;
use vagttavle::domain::Refusal;
use vagttavle::domain::duties::DutyKind;
use vagttavle::domain::entry::{Body, DueKind};
use vagttavle::domain::identity::EntryId;
use vagttavle::domain::observation::{Help, Observation, Setting, StayFact};
use vagttavle::domain::stay::Whereabouts;
use vagttavle::protocol::Details;
use vagttavle::protocol::attention::Level;

use crate::homecare::*;

/// A Saturday morning in Copenhagen (UTC+1).
const SATURDAY: &str = "2026-11-21T08:00:00Z";

fn world() -> World {
    World::at(SATURDAY, "norddjurs")
}

fn details(world: &World, stay: &str) -> vagttavle::protocol::entry::DischargeDetails {
    match world.shown(stay).details {
        Details::Discharges(details) => details,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_fact_gives_its_state() {
    let mut world = world();
    world.given("2026-11-18T10:00:00Z", admitted("s"));
    assert_eq!(world.state_of("s"), "admitted");
    world.given("2026-11-19T10:00:00Z", leave_started("s"));
    assert_eq!(world.state_of("s"), "on-leave");
    world.given("2026-11-20T10:00:00Z", leave_ended("s"));
    assert_eq!(world.state_of("s"), "admitted");
    world.given("2026-11-20T11:00:00Z", expected("s", "2026-11-21T10:00:00Z"));
    assert_eq!(world.state_of("s"), "discharge-expected");
    world.given("2026-11-21T07:00:00Z", discharged("s"));
    assert_eq!(world.state_of("s"), "discharged");
    world.does(world.id_of("s"), resume());
    assert_eq!(world.state_of("s"), "resumed");
    assert!(!world.is_open("s"), "resumed and said so: it is over");
    world.replays();
}

#[test]
fn the_first_fact_heard_opens_the_stay_whatever_it_is() {
    for (fact, state) in [
        (discharged("s"), "discharged"),
        (died("s"), "dead"),
        (leave_started("s"), "on-leave"),
        (leave_ended("s"), "admitted"),
        (stay_cancelled("s", StayFact::Admitted), "cancelled"),
        (stay_cancelled("s", StayFact::Discharged), "admitted"),
        (stay_cancelled("s", StayFact::LeaveStarted), "admitted"),
        (stay_cancelled("s", StayFact::LeaveEnded), "on-leave"),
        (stay_cancelled("s", StayFact::Died), "admitted"),
        (
            Observation::StayCorrected {
                stay: id("s"),
                of: StayFact::Discharged,
                at: None,
                setting: None,
                department: None,
            },
            "discharged",
        ),
    ] {
        let mut world = world();
        world.given("2026-11-20T10:00:00Z", fact.clone());
        assert_eq!(world.state_of("s"), state, "{fact:?}");
    }
}

#[test]
fn a_late_message_never_reopens_a_stay() {
    let mut world = world();
    world.given("2026-11-20T12:00:00Z", discharged("s"));
    let stay = world.id_of("s");
    world.does(stay, resume());
    // Sent at 09:00, heard after the discharge.
    world.given("2026-11-20T09:00:00Z", admitted("s"));
    assert_eq!(world.state_of("s"), "resumed");
    assert!(!world.is_open("s"));
    assert_eq!(world.stay("s").now.admitted_at, Some(at("2026-11-20T09:00:00Z")));
    assert_eq!(world.stay("s").upset, None, "nothing that was done is put in doubt");
}

#[test]
fn the_same_fact_twice_changes_nothing() {
    let mut world = world();
    world.given("2026-11-20T12:00:00Z", discharged("s"));
    assert_eq!(world.tells("2026-11-20T12:00:00Z", discharged("s")), Err(Refusal::Unchanged));
}

#[test]
fn a_correction_changes_time_and_department_and_says_so() {
    let mut world = world();
    world.given("2026-11-20T12:00:00Z", admitted("s"));
    world.given(
        "2026-11-20T14:00:00Z",
        Observation::StayCorrected {
            stay: id("s"),
            of: StayFact::Admitted,
            at: Some(at("2026-11-20T11:00:00Z")),
            setting: Some(Setting::AcuteOutpatient),
            department: Some(id("SOR:399841000016000")),
        },
    );
    let shown = details(&world, "s");
    assert_eq!(shown.admitted_at, Some(at("2026-11-20T11:00:00Z")));
    assert_eq!(shown.setting.map(|it| it.name()), Some("acute-outpatient"));
    assert_eq!(shown.department, Some(id("SOR:399841000016000")));
    assert_eq!(shown.corrections, 1);
    assert_eq!(world.state_of("s"), "admitted");
}

#[test]
fn leave_never_starts_help() {
    let mut world = world();
    world.given("2026-11-19T10:00:00Z", admitted("s")).given("2026-11-20T10:00:00Z", leave_started("s"));
    let stay = world.id_of("s");
    let refused = world.tries("anna", Some(stay), resume());
    assert_eq!(refused, Err(Refusal::WrongState { state: "on-leave".into() }));
    assert_eq!(world.attention("s").level, Level::Info);
    // Only when somebody has said that the citizen comes home for good.
    world.does(stay, expect("2026-11-21T10:00:00Z", "hospital"));
    assert_eq!(world.state_of("s"), "discharge-expected");
    world.does(stay, resume());
    assert_eq!(world.state_of("s"), "resumed");
}

#[test]
fn a_leave_after_an_expectation_is_still_a_leave() {
    let mut world = world();
    world
        .given("2026-11-18T10:00:00Z", admitted("s"))
        .given("2026-11-19T10:00:00Z", expected("s", "2026-11-22T10:00:00Z"))
        .given("2026-11-20T10:00:00Z", leave_started("s"));
    assert_eq!(world.state_of("s"), "on-leave");
    world.given("2026-11-20T18:00:00Z", leave_ended("s"));
    assert_eq!(world.state_of("s"), "discharge-expected");
}

#[test]
fn a_discharge_cancelled_after_help_was_resumed_warns_loudly() {
    let mut world = world();
    world.given("2026-11-19T10:00:00Z", admitted("s")).given("2026-11-20T10:00:00Z", discharged("s"));
    let stay = world.id_of("s");
    world.does(stay, resume());
    world.given("2026-11-21T07:30:00Z", stay_cancelled("s", StayFact::Discharged));
    assert_eq!(world.state_of("s"), "admitted");
    assert!(world.is_open("s"), "it comes back to the board");
    let attention = world.attention("s");
    assert_eq!((attention.level, attention.why.name()), (Level::Duty, "discharge-cancelled"));
    assert!(attention.overdue, "the staff must hear of it now");
    assert_eq!(attention.next, word("stop-help-again"));

    world.does(stay, stop("back-in-hospital"));
    assert_eq!(world.state_of("s"), "admitted");
    assert_ne!(world.why("s"), "discharge-cancelled");
    assert_eq!(
        world.tries("anna", Some(stay), stop("back-in-hospital")),
        Err(Refusal::WrongState { state: "admitted".into() })
    );
    world.given("2026-11-21T07:45:00Z", discharged("s"));
    assert_eq!(world.state_of("s"), "discharged", "help has to be resumed anew");
    world.replays();
}

#[test]
fn a_discharge_cancelled_before_anybody_acted_is_quiet() {
    let mut world = world();
    world
        .given("2026-11-19T10:00:00Z", admitted("s"))
        .given("2026-11-20T10:00:00Z", discharged("s"))
        .given("2026-11-20T11:00:00Z", stay_cancelled("s", StayFact::Discharged));
    assert_eq!(world.state_of("s"), "admitted");
    assert_eq!(world.stay("s").upset, None);
}

#[test]
fn admitted_again_while_help_runs_warns_as_loudly() {
    let mut world = world();
    world.given("2026-11-19T10:00:00Z", discharged("s"));
    let stay = world.id_of("s");
    world.does(stay, resume());
    world.until("2026-11-21T12:00:00Z");
    world.given("2026-11-21T11:00:00Z", admitted("s"));
    let again = world.id_of("s");
    assert_ne!(again, stay, "what is over is not begun again: another stay, linked");
    assert_eq!((world.state_of("s"), world.why("s").as_str()), ("admitted", "ask-assessors"));
}

#[test]
fn death_stops_everything_and_a_cancelled_death_restores_it() {
    let mut world = world();
    world.given("2026-11-19T10:00:00Z", admitted("s")).given("2026-11-20T10:00:00Z", leave_started("s"));
    world.given("2026-11-21T06:00:00Z", died("s"));
    assert_eq!((world.state_of("s"), world.why("s").as_str()), ("dead", "dead"));
    let stay = world.id_of("s");
    assert_eq!(world.tries("anna", Some(stay), resume()), Err(Refusal::WrongState { state: "dead".into() }));
    world.does(stay, stop("dead"));
    assert_eq!((world.state_of("s"), world.is_open("s")), ("dead", false));

    world.given("2026-11-21T07:00:00Z", stay_cancelled("s", StayFact::Died));
    assert_eq!((world.state_of("s"), world.is_open("s")), ("on-leave", true));
    assert_eq!(world.why("s"), "death-cancelled");
    assert_eq!(world.attention("s").level, Level::Duty);
}

#[test]
fn a_death_cancelled_after_help_was_resumed_asks_for_it_again() {
    let mut world = world();
    world.given("2026-11-19T10:00:00Z", discharged("s"));
    let stay = world.id_of("s");
    world.does(stay, resume());
    world.given("2026-11-21T06:00:00Z", died("s"));
    assert!(world.is_open("s"));
    world.given("2026-11-21T07:00:00Z", stay_cancelled("s", StayFact::Died));
    assert_eq!((world.state_of("s"), world.is_open("s")), ("resumed", true));
    assert_eq!(world.why("s"), "death-cancelled");
    world.does(stay, resume());
    assert_eq!((world.state_of("s"), world.is_open("s")), ("resumed", false));
}

#[test]
fn a_cancelled_admission_asks_whether_anybody_was_skipped() {
    let mut world = world();
    world
        .given("2026-11-20T10:00:00Z", admitted("s"))
        .given("2026-11-20T12:00:00Z", stay_cancelled("s", StayFact::Admitted));
    assert_eq!((world.state_of("s"), world.why("s").as_str()), ("cancelled", "never-admitted"));
    assert!(world.is_open("s"));
    world.does(world.id_of("s"), resume());
    assert!(!world.is_open("s"));
}

/// An acute stay of a few hours that becomes an admission: two facts of one kind on one stay.
fn acute_and_inpatient() -> World {
    let mut world = world();
    let acute = Observation::StayAdmitted {
        stay: id("s"),
        citizen: Some(citizen("c-1")),
        setting: Setting::AcuteOutpatient,
        planned: false,
        department: None,
    };
    world.given("2026-11-20T08:00:00Z", acute).given("2026-11-20T12:00:00Z", admitted("s"));
    world
}

fn cancelled_admission(setting: Option<Setting>) -> Observation {
    Observation::StayCancelled { stay: id("s"), of: StayFact::Admitted, setting }
}

#[test]
fn of_an_acute_and_an_inpatient_admission_the_one_that_is_named_is_cancelled() {
    for (named, left_at, left) in [
        (Some(Setting::Inpatient), "2026-11-20T08:00:00Z", Setting::AcuteOutpatient),
        (Some(Setting::AcuteOutpatient), "2026-11-20T12:00:00Z", Setting::Inpatient),
        (None, "2026-11-20T08:00:00Z", Setting::AcuteOutpatient),
    ] {
        let mut world = acute_and_inpatient();
        world.given("2026-11-20T13:00:00Z", cancelled_admission(named));
        let now = &world.stay("s").now;
        assert_eq!((now.admitted_at, now.setting), (Some(at(left_at)), Some(left)), "{named:?}");
        assert_eq!(world.state_of("s"), "admitted");
    }
}

#[test]
fn an_admission_of_another_setting_than_the_cancelled_one_stands() {
    let mut world = world();
    world.given("2026-11-20T12:00:00Z", admitted("s"));
    world.given("2026-11-20T13:00:00Z", cancelled_admission(Some(Setting::AcuteOutpatient)));
    assert_eq!(world.state_of("s"), "admitted", "the acute one was never told to us");
}

#[test]
fn both_admissions_cancelled_is_never_admitted() {
    let mut world = acute_and_inpatient();
    for setting in [Setting::Inpatient, Setting::AcuteOutpatient] {
        world.given("2026-11-20T13:00:00Z", cancelled_admission(Some(setting)));
    }
    assert_eq!(world.state_of("s"), "cancelled");
}

// ---- told at once -----------------------------------------------------------------------------

fn notices(world: &World) -> Vec<String> {
    let matter = |entry: &&vagttavle::domain::entry::Entry| match &entry.body {
        Body::Duties(duty) => duty.matter.as_ref().map(ToString::to_string).unwrap_or_default(),
        other => panic!("{other:?}"),
    };
    world.duties(DutyKind::ImmediateNotice).iter().map(matter).collect()
}

#[test]
fn admission_and_death_are_told_the_municipality_at_once_where_the_agreement_says_so() {
    let mut world = World::at(SATURDAY, "jammerbugt");
    world.given("2026-11-21T05:00:00Z", admitted("s"));
    assert_eq!(notices(&world), ["admission"]);
    let notice = world.duties(DutyKind::ImmediateNotice)[0].clone();
    let due = notice.due(DueKind::Duty).unwrap();
    // An hour from when we heard of it, not from the admission.
    assert_eq!((due.at, due.clause.as_deref()), (at("2026-11-21T09:00:00Z"), Some("3.2")));
    let Body::Duties(duty) = &notice.body else { panic!() };
    assert_eq!((duty.about, duty.clause.as_deref()), (Some(world.id_of("s")), Some("3.2")));
    let shown = vagttavle::protocol::project::entry(&world.state, &notice, world.now);
    assert_eq!((shown.attention.level, shown.attention.next.name()), (Level::Duty, "do-immediate-notice"));

    world.given("2026-11-21T05:10:00Z", leave_started("s")).given("2026-11-21T05:20:00Z", leave_ended("s"));
    assert_eq!(notices(&world), ["admission"], "back from leave is no new admission");
    world.does(notice.id, duty_done());
    world.given("2026-11-21T07:00:00Z", died("s"));
    assert_eq!(notices(&world), ["death"]);
    let stay = world.id_of("s");
    world.does(stay, stop("dead"));
    assert_eq!(notices(&world), ["death"], "one is enough");
    world.replays();
}

#[test]
fn norddjurs_has_no_such_clause_and_no_such_duty() {
    let mut world = world();
    world.given("2026-11-20T10:00:00Z", admitted("s")).given("2026-11-20T12:00:00Z", died("s"));
    assert!(notices(&world).is_empty());
}

#[test]
fn a_notice_of_what_was_not_so_is_withdrawn() {
    let mut world = World::at(SATURDAY, "jammerbugt");
    world.given("2026-11-20T10:00:00Z", admitted("s")).given("2026-11-20T12:00:00Z", died("s"));
    assert_eq!(notices(&world).len(), 2);
    world.given("2026-11-20T13:00:00Z", stay_cancelled("s", StayFact::Died));
    assert_eq!(notices(&world), ["admission"]);
    world.given("2026-11-20T14:00:00Z", stay_cancelled("s", StayFact::Admitted));
    assert!(notices(&world).is_empty());
}

#[test]
fn a_death_told_by_telephone_is_told_at_once_too() {
    let mut world = World::at(SATURDAY, "jammerbugt");
    world.given("2026-11-20T10:00:00Z", discharged("s"));
    let stay = world.id_of("s");
    world.does(stay, stop("dead"));
    assert_eq!(notices(&world), ["death"]);
    world.does(stay, correct("stop"));
    assert!(notices(&world).is_empty());
}

// ---- one stay, told twice ---------------------------------------------------------------------

fn told_by_telephone(world: &mut World, command: vagttavle::domain::Command) -> EntryId {
    world.tries("anna", None, command).unwrap()[0].entry
}

fn stays(world: &World) -> usize {
    world.state.open_entries().filter(|entry| matches!(entry.body, Body::Discharges(_))).count()
}

#[test]
fn a_message_about_a_stay_that_was_resumed_by_telephone_opens_no_second_entry() {
    let mut world = world();
    let by_hand = told_by_telephone(&mut world, open(Some("norddjurs"), Some("c-1"), "2026-11-21T12:00:00Z"));
    world.does(by_hand, resume());
    assert_eq!(stays(&world), 0);
    world.until("2026-11-21T13:00:00Z");
    world.given("2026-11-21T11:30:00Z", discharged("s"));
    assert_eq!((world.id_of("s"), stays(&world)), (by_hand, 0), "joined, and still over");
    assert_eq!(world.state_of("s"), "resumed");
    // Its admission comes last of all.
    world.given("2026-11-19T08:00:00Z", admitted("s"));
    assert_eq!((world.state_of("s"), world.is_open("s")), ("resumed", false));
    world.replays();
}

#[test]
fn an_admission_after_help_was_resumed_is_another_stay() {
    let mut world = world();
    let by_hand = told_by_telephone(&mut world, open(Some("norddjurs"), Some("c-1"), "2026-11-21T12:00:00Z"));
    world.does(by_hand, resume());
    world.until("2026-11-21T20:00:00Z");
    world.given("2026-11-21T19:00:00Z", admitted("s"));
    assert_ne!(world.id_of("s"), by_hand);
    assert_eq!(world.state_of("s"), "admitted");
}

#[test]
fn a_message_without_a_citizen_may_be_the_one_told_by_telephone_and_is_joined_by_hand() {
    let mut world = world();
    let told = Observation::StayDischarged { stay: id("s"), citizen: None };
    world.given("2026-11-21T07:30:00Z", told);
    let by_hand = told_by_telephone(&mut world, open(Some("norddjurs"), None, "2026-11-21T12:00:00Z"));
    let from_message = world.id_of("s");
    world.does(by_hand, step("groceries", true)).does(from_message, step("key", true));
    let shown =
        vagttavle::protocol::project::entry(&world.state, world.state.entry(by_hand).unwrap(), world.now);
    let Details::Discharges(stay) = &shown.details else { panic!("{shown:?}") };
    assert_eq!(stay.may_be_same, Some(from_message));
    assert!(shown.actions.iter().any(|it| it.verb == "discharges.join" && it.refused.is_none()));

    world.does(by_hand, join(from_message));
    assert_eq!(world.id_of("s"), by_hand, "from now on the hospital's messages are about it");
    assert_eq!((world.state_of("s"), stays(&world)), ("discharged", 1));
    let steps: Vec<_> = world.stay("s").steps.iter().map(|(step, _)| step.name()).collect();
    assert_eq!(steps, ["groceries", "key"]);
    assert!(world.are_linked(by_hand, from_message));
    let over = world.tries("anna", Some(from_message), correct("stop"));
    assert_eq!(over, Err(Refusal::NothingToCorrect), "it lives on in the other");
    world.given("2026-11-21T08:00:00Z", stay_cancelled("s", StayFact::Discharged));
    assert_eq!((world.state_of("s"), world.id_of("s")), ("admitted", by_hand), "in hospital after all");
    world.replays();
}

#[test]
fn a_stay_whose_citizen_becomes_known_joins_the_one_opened_by_hand() {
    let mut world = world();
    world.given("2026-11-21T07:30:00Z", Observation::StayDischarged { stay: id("s"), citizen: None });
    let by_hand = told_by_telephone(&mut world, open(Some("norddjurs"), Some("c-1"), "2026-11-21T12:00:00Z"));
    assert_eq!(stays(&world), 2);
    let of = vagttavle::domain::observation::Matched::Stay(id("s"));
    world.given(SATURDAY, Observation::CitizenMatched { of, citizen: citizen("c-1") });
    assert_eq!((world.id_of("s"), stays(&world)), (by_hand, 1));
    assert_eq!(world.state_of("s"), "discharged");
    world.replays();
}

// ---- one stay, told by two sources ------------------------------------------------------------

/// An admission of somebody whose id the source does not know.
fn unknown(stay: &str) -> Observation {
    Observation::StayAdmitted {
        stay: id(stay),
        citizen: None,
        setting: Setting::Inpatient,
        planned: false,
        department: None,
    }
}

fn of_source(world: &World, source: &str, stay: &str) -> EntryId {
    let source = vagttavle::domain::identity::SourceName::new(source).unwrap();
    world.state.by_origin(&source, &id(stay)).unwrap().id
}

fn matched(stay: &str) -> Observation {
    let of = vagttavle::domain::observation::Matched::Stay(id(stay));
    Observation::CitizenMatched { of, citizen: citizen("c-1") }
}

fn mark(world: &World, entry: EntryId) -> Option<EntryId> {
    let shown =
        vagttavle::protocol::project::entry(&world.state, world.state.entry(entry).unwrap(), world.now);
    match shown.details {
        Details::Discharges(stay) => stay.may_be_same,
        other => panic!("{other:?}"),
    }
}

#[test]
fn two_sources_of_one_stay_are_one_entry_once_both_citizens_are_known() {
    let mut world = World::at(SATURDAY, "jammerbugt");
    world.given("2026-11-21T05:00:00Z", unknown("message"));
    world.told_by("list", "2026-11-21T05:20:00Z", admitted("row")).unwrap();
    assert_eq!((stays(&world), world.duties(DutyKind::ImmediateNotice).len()), (2, 2));
    world.given(SATURDAY, matched("message"));
    let one = world.id_of("message");
    assert_eq!((stays(&world), of_source(&world, "list", "row")), (1, one), "it goes on where it was first");
    assert_eq!(world.duties(DutyKind::ImmediateNotice).len(), 1, "the municipality is told once");
    // Both sources go on telling of it, each under its own id.
    world.told_by("list", "2026-11-21T06:00:00Z", leave_started("row")).unwrap();
    assert_eq!(world.state_of("message"), "on-leave");
    world.given("2026-11-21T07:00:00Z", discharged("message"));
    assert_eq!((world.state_of("message"), stays(&world)), ("discharged", 1));
    world.replays();
}

#[test]
fn it_goes_on_where_a_coordinator_has_worked() {
    let mut world = world();
    world.given("2026-11-21T05:00:00Z", unknown("message"));
    world.told_by("list", "2026-11-21T05:20:00Z", admitted("row")).unwrap();
    let row = of_source(&world, "list", "row");
    world.does(row, step("key", true));
    world.given(SATURDAY, matched("message"));
    assert_eq!((stays(&world), world.id_of("message")), (1, row));
    assert_eq!(world.stay("message").steps.len(), 1);
    world.replays();
}

#[test]
fn a_citizen_who_is_learnt_from_a_later_message_stops_the_visits_and_joins_what_is_there() {
    let mut world = world();
    world.given("2026-11-21T04:00:00Z", visit("v", Help::Personal, "2026-11-21T18:00:00Z"));
    world.given("2026-11-21T05:00:00Z", unknown("message"));
    assert!(world.visit("v").halted.is_none(), "nobody knows whose visits");
    // The same admission again, and now with the citizen.
    world.given("2026-11-21T05:00:01Z", admitted("message"));
    assert!(world.visit("v").halted.is_some());

    world.given("2026-11-21T06:00:00Z", unknown("other"));
    assert_eq!(stays(&world), 2);
    world.given("2026-11-21T07:00:00Z", discharged("other"));
    assert_eq!((stays(&world), world.id_of("other")), (1, world.id_of("message")));
    assert_eq!(world.state_of("message"), "discharged", "what brought the citizen counts too");
    world.replays();
}

#[test]
fn home_and_admitted_again_are_two_stays_though_the_citizen_is_learnt_late() {
    let mut world = world();
    world.given("2026-11-19T05:00:00Z", admitted("first")).given("2026-11-20T05:00:00Z", discharged("first"));
    world.told_by("list", "2026-11-21T05:20:00Z", unknown("second")).unwrap();
    let second = of_source(&world, "list", "second");
    world.told_by("list", SATURDAY, matched("second")).unwrap();
    assert_eq!(stays(&world), 2);
    let refused = world.tries("anna", Some(second), join(world.id_of("first")));
    assert_eq!(refused, Err(Refusal::CannotLink));
}

#[test]
fn two_sources_that_name_nobody_may_be_of_one_stay_and_are_joined_by_hand() {
    let mut world = world();
    world.given("2026-11-21T05:00:00Z", unknown("message"));
    world.given("2026-11-21T05:05:00Z", unknown("another-citizens-message"));
    let first = world.id_of("message");
    assert_eq!(mark(&world, first), None, "one source has one id for a stay");
    world.told_by("list", "2026-11-21T06:30:00Z", unknown("much-later")).unwrap();
    assert_eq!(mark(&world, first), None);
    world.told_by("list", "2026-11-21T05:20:00Z", unknown("row")).unwrap();
    let row = of_source(&world, "list", "row");
    assert_eq!(mark(&world, first), Some(row));
    world.does(first, join(row));
    assert_eq!((of_source(&world, "list", "row"), mark(&world, first)), (first, None));
    world.replays();
}

#[test]
fn every_id_of_a_joined_entry_goes_over() {
    let mut world = world();
    world.given("2026-11-21T05:00:00Z", admitted("a")).given("2026-11-21T05:01:00Z", admitted("b"));
    let by_hand = told_by_telephone(&mut world, open(Some("norddjurs"), None, "2026-11-22T12:00:00Z"));
    world.does(by_hand, join(world.id_of("a")));
    assert_eq!((world.id_of("a"), world.id_of("b")), (by_hand, by_hand));
    world.given("2026-11-21T07:00:00Z", discharged("b"));
    assert_eq!(world.state_of("a"), "discharged");
    world.replays();
}

#[test]
fn two_different_citizens_are_never_joined() {
    let mut world = world();
    world.given("2026-11-21T07:30:00Z", discharged("s"));
    let by_hand = told_by_telephone(&mut world, open(Some("norddjurs"), Some("c-2"), "2026-11-21T12:00:00Z"));
    assert_ne!(by_hand, world.id_of("s"));
    let from_message = world.id_of("s");
    assert_eq!(world.tries("anna", Some(by_hand), join(from_message)), Err(Refusal::CannotLink));
}

#[test]
fn opened_by_hand_when_the_message_has_come_says_which_entry_it_is() {
    let mut world = world();
    world.given("2026-11-21T07:30:00Z", discharged("s"));
    let again = world.tries("anna", None, open(Some("norddjurs"), Some("c-1"), "2026-11-21T12:00:00Z"));
    assert_eq!(again, Err(Refusal::AlreadyOpen { number: world.of("s").number }));
}

#[test]
fn moving_away_stops() {
    let mut world = world();
    world.given("2026-11-20T10:00:00Z", admitted("s"));
    world.given("2026-11-21T07:00:00Z", Observation::CitizenMoved { citizen: citizen("c-1") });
    assert_eq!((world.state_of("s"), world.is_open("s")), ("stopped", false));
    let again = world.tells("2026-11-21T07:00:00Z", Observation::CitizenMoved { citizen: citizen("c-1") });
    assert_eq!(again, Err(Refusal::Unchanged));
}

#[test]
fn opened_by_hand_in_a_minute_the_citizen_unknown() {
    let mut world = world();
    let opened = world.tries("anna", None, open(Some("norddjurs"), None, "2026-11-21T13:00:00Z")).unwrap();
    let entry = opened[0].entry;
    let state = |world: &World| world.state.entry(entry).unwrap().state();
    assert_eq!(state(&world), "discharge-expected");
    world.until("2026-11-21T14:00:00Z");
    let shown =
        vagttavle::protocol::project::entry(&world.state, world.state.entry(entry).unwrap(), world.now);
    assert_eq!(shown.attention.why, word("home-by-now"));
    assert!(shown.attention.overdue);
    world.does(entry, resume());
    assert_eq!(state(&world), "resumed");
    world.replays();
}

#[test]
fn by_hand_needs_an_agreement_where_there_are_two() {
    let mut world = world();
    let missing = world.tries("anna", None, open(None, None, "2026-11-21T13:00:00Z"));
    assert_eq!(missing, Err(Refusal::FieldMissing { field: "agreement".into() }));
    let foreign = world.tries("mette", None, open(Some("jammerbugt"), None, "2026-11-21T13:00:00Z"));
    assert_eq!(foreign, Err(Refusal::UnknownAgreement { agreement: agreement_id("jammerbugt") }));
    let only_one = world.tries("mette", None, expect("2026-11-21T13:00:00Z", "relative"));
    assert!(only_one.is_ok(), "{only_one:?}");
}

#[test]
fn a_message_joins_the_entry_that_was_opened_by_hand() {
    let mut world = world();
    let opened =
        world.tries("anna", None, open(Some("norddjurs"), Some("c-1"), "2026-11-21T13:00:00Z")).unwrap();
    world.given("2026-11-20T10:00:00Z", admitted("s"));
    assert_eq!(world.id_of("s"), opened[0].entry, "one stay, one entry");
    assert_eq!(world.state_of("s"), "discharge-expected", "what was told on the phone stands");
    world.given("2026-11-21T07:30:00Z", discharged("s"));
    assert_eq!(world.state_of("s"), "discharged");
    // And the other way round: opening by hand finds the stay that is there.
    let again = world.tries("anna", None, open(Some("norddjurs"), Some("c-1"), "2026-11-21T15:00:00Z"));
    assert_eq!(again, Err(Refusal::AlreadyOpen { number: world.of("s").number }));
}

#[test]
fn a_citizen_is_in_one_stay_at_a_time_whatever_ids_it_is_told_under() {
    let mut world = world();
    world.given("2026-11-20T10:00:00Z", admitted("hospital-7"));
    world.given("2026-11-20T10:05:00Z", admitted("row-1"));
    world.given("2026-11-21T07:30:00Z", discharged("row-2"));
    let entry = world.id_of("hospital-7");
    assert_eq!((world.id_of("row-1"), world.id_of("row-2")), (entry, entry), "one stay, one entry");
    assert_eq!(details(&world, "hospital-7").stay.unwrap().as_str(), "hospital-7", "the first id is shown");
    assert_eq!(world.state_of("hospital-7"), "discharged");
    // Told by the first source as well, a little later: the same stay.
    world.given("2026-11-21T07:31:00Z", discharged("hospital-7"));
    assert_eq!(world.state_of("hospital-7"), "discharged");
    // Home and admitted again is another stay; its discharge is not the old one's.
    world.given("2026-11-21T20:00:00Z", admitted("row-3"));
    let next = world.id_of("row-3");
    assert_ne!(next, entry);
    world.given("2026-11-22T01:00:00Z", discharged("row-4"));
    assert_eq!(world.id_of("row-4"), next);
}

#[test]
fn the_resume_list_is_the_agreements() {
    let mut world = world();
    world.given("2026-11-20T10:00:00Z", discharged("s"));
    let stay = world.id_of("s");
    let names = |world: &World| -> Vec<String> {
        details(world, "s").steps.iter().map(|step| step.step.to_string()).collect()
    };
    assert_eq!(names(&world), ["visits-planned", "groceries", "medicine", "aids", "key", "citizen-phoned"]);
    world.does(stay, step("groceries", true));
    let ticked = details(&world, "s").steps[1].done_at;
    assert_eq!(ticked, Some(at(SATURDAY)));
    assert_eq!(world.tries("anna", Some(stay), step("groceries", true)), Err(Refusal::AlreadyDone));
    world.does(stay, step("groceries", false));
    assert_eq!(details(&world, "s").steps[1].done_at, None);
    assert_eq!(details(&world, "s").groceries_clause.as_deref(), Some("3.4"));
}

#[test]
fn first_day_visits_are_wasted_unless_the_assessors_told() {
    let mut world = world();
    world
        .given("2026-11-21T07:00:00Z", visit("before", Help::Personal, "2026-11-21T07:15:00Z"))
        .given("2026-11-21T07:00:00Z", visit("noon", Help::Personal, "2026-11-21T11:00:00Z"))
        .given("2026-11-21T07:00:00Z", visit("evening", Help::Food, "2026-11-21T17:00:00Z"))
        .given("2026-11-21T07:00:00Z", visit("sunday", Help::Personal, "2026-11-22T07:00:00Z"))
        .given("2026-11-21T07:30:00Z", admitted("s"));
    let stay = world.id_of("s");
    let shown = details(&world, "s");
    assert!(shown.asks_assessors);
    assert_eq!((shown.first_day_wasted, shown.first_day_visits), (None, 2));
    assert_eq!(shown.first_day_clause.as_deref(), Some("3.5.3"));
    assert_eq!(world.why("s"), "ask-assessors");
    world.does(stay, assessors_told(false));
    assert_eq!(details(&world, "s").first_day_wasted, Some(true));
    world.does(stay, assessors_told(true));
    assert_eq!(details(&world, "s").first_day_wasted, Some(false));
    assert_eq!(world.tries("anna", Some(stay), assessors_told(true)), Err(Refusal::AlreadyDone));
}

#[test]
fn a_planned_admission_is_reported_and_asks_nothing() {
    let mut world = world();
    world.given("2026-11-21T07:00:00Z", planned_admission("s"));
    let shown = details(&world, "s");
    assert!(!shown.asks_assessors);
    assert_eq!(shown.report_clause.as_deref(), Some("3.5.3"));
    assert_eq!(world.why("s"), "admitted-planned");
}

#[test]
fn jammerbugt_has_no_rule_on_the_first_day_and_shows_none() {
    let mut world = World::at(SATURDAY, "jammerbugt");
    world.given("2026-11-21T07:00:00Z", admitted("s"));
    let shown = details(&world, "s");
    assert!(!shown.asks_assessors);
    assert_eq!((shown.first_day_clause, shown.first_day_wasted), (None, None));
}

#[test]
fn a_wrong_resumption_is_taken_back() {
    let mut world = world();
    world.given("2026-11-20T10:00:00Z", discharged("s"));
    let stay = world.id_of("s");
    world.does(stay, resume()).does(stay, correct("resumption"));
    assert_eq!((world.state_of("s"), world.is_open("s")), ("discharged", true));
    assert_eq!(world.tries("anna", Some(stay), correct("stop")), Err(Refusal::NothingToCorrect));
}

#[test]
fn nobody_resumes_what_another_has_claimed() {
    let mut world = world();
    world.given("2026-11-20T10:00:00Z", discharged("s"));
    let stay = world.id_of("s");
    world.does(stay, vagttavle::domain::Command::Entry(vagttavle::domain::entry::Command::Claim {}));
    let refused = world.tries("bo", Some(stay), resume());
    assert!(matches!(refused, Err(Refusal::HeldByOther { .. })), "{refused:?}");
}

// ---- the daily round --------------------------------------------------------------------------

#[test]
fn hospital_messages_are_gone_through_once_a_day_by_name() {
    // Adopted at 02:00 local time: the first one is at 09:00 the same day, 08:00 UTC.
    let mut world = World::at("2026-11-20T01:00:00Z", "norddjurs");
    assert!(world.duties(DutyKind::HospitalMessages).is_empty());
    world.until("2026-11-20T08:00:00Z");
    let open: Vec<_> = world.duties(DutyKind::HospitalMessages).iter().map(|it| it.id).collect();
    assert_eq!(open.len(), 2, "jammerbugt by contract, norddjurs by own rule; albertslund is unset");
    let duty = world.duties(DutyKind::HospitalMessages)[0];
    assert_eq!(duty.opened_at, at("2026-11-20T08:00:00Z"));
    assert_eq!(duty.due(DueKind::Duty).map(|due| due.at), Some(at("2026-11-20T22:59:59.999Z")));

    for duty in open {
        world.does(duty, duty_done());
    }
    world.until("2026-11-20T22:00:00Z");
    assert!(world.duties(DutyKind::HospitalMessages).is_empty(), "once a day");
    world.until("2026-11-21T08:00:00Z");
    assert_eq!(world.duties(DutyKind::HospitalMessages).len(), 2);
    // Nobody did it: at midnight it is late, and the next day's stands beside it.
    world.until("2026-11-22T09:00:00Z");
    let states: Vec<_> = world.duties(DutyKind::HospitalMessages).iter().map(|entry| entry.state()).collect();
    assert_eq!(states.iter().filter(|state| **state == "late").count(), 2, "{states:?}");
    assert_eq!(states.len(), 4);
    world.replays();
}

#[test]
fn the_round_carries_its_clause_where_it_is_agreed() {
    let mut world = World::at("2026-11-20T01:00:00Z", "norddjurs");
    world.until("2026-11-20T08:00:00Z");
    let clauses: Vec<_> = world
        .duties(DutyKind::HospitalMessages)
        .iter()
        .map(|entry| {
            let clause = entry.due(DueKind::Duty).and_then(|due| due.clause.clone());
            (entry.agreement.as_ref().unwrap().to_string(), clause)
        })
        .collect();
    assert!(clauses.contains(&("jammerbugt".into(), Some("3.1.3".into()))), "{clauses:?}");
    assert!(clauses.contains(&("norddjurs".into(), None)), "{clauses:?}");
}

#[test]
fn a_server_that_was_down_for_days_opens_todays_round_only() {
    let world = World::at("2026-11-20T01:00:00Z", "norddjurs");
    let dues = vagttavle::domain::standing_dues(&world.state, at("2026-11-24T12:00:00Z"));
    assert_eq!(dues.iter().map(|(at, _)| *at).collect::<Vec<_>>(), vec![at("2026-11-24T08:00:00Z"); 2]);
}

#[test]
fn a_round_is_not_opened_before_its_time_nor_twice() {
    use vagttavle::domain::{Actor, Ctx, Request, decide, standing_dues};
    let mut world = World::at("2026-11-20T01:00:00Z", "norddjurs");
    let (_, due) = standing_dues(&world.state, world.now)[0].clone();
    let ctx = |now| Ctx::new(now, Actor::Timer, uuid::Uuid::from_u128(7));
    let early = decide(&world.state, &ctx(at("2026-11-20T07:59:59Z")), &Request::Standing(due.clone()));
    assert_eq!(early, Err(Refusal::NotDue));
    world.until("2026-11-20T08:00:00Z");
    let twice = decide(&world.state, &ctx(world.now), &Request::Standing(due));
    assert_eq!(twice, Err(Refusal::NotDue));
}

// ---- any order of arrival ---------------------------------------------------------------------

/// What may be told about one stay, by the hour it happened.
pub fn any_fact() -> impl Strategy<Value = (u32, Observation)> {
    let kind = prop_oneof![
        Just(StayFact::Admitted),
        Just(StayFact::LeaveStarted),
        Just(StayFact::LeaveEnded),
        Just(StayFact::Discharged),
        Just(StayFact::Died),
    ];
    let hour = 0_u32..72;
    let observation = prop_oneof![
        5 => kind.clone().prop_map(fact),
        1 => (0_u32..72).prop_map(|hour| expected("s", &hour_of(hour))),
        2 => kind.clone().prop_map(|of| stay_cancelled("s", of)),
        2 => (kind, proptest::option::of(0_u32..72)).prop_map(|(of, corrected)| Observation::StayCorrected {
            stay: id("s"),
            of,
            at: corrected.map(|hour| at(&hour_of(hour))),
            setting: None,
            department: Some(id("SOR:1")),
        }),
    ];
    (hour, observation)
}

fn fact(of: StayFact) -> Observation {
    match of {
        StayFact::Admitted => admitted("s"),
        StayFact::LeaveStarted => leave_started("s"),
        StayFact::LeaveEnded => leave_ended("s"),
        StayFact::Discharged => discharged("s"),
        StayFact::Died => died("s"),
    }
}

pub fn hour_of(hour: u32) -> String {
    format!("2026-11-{:02}T{:02}:00:00Z", 17 + hour / 24, hour % 24)
}

fn told_in_order(facts: &[(u32, Observation)]) -> World {
    let mut world = world();
    for (hour, observation) in facts {
        match world.tells(&hour_of(*hour), observation.clone()) {
            Ok(_) | Err(Refusal::Unchanged) => {}
            Err(refusal) => panic!("facts are never refused: {refusal:?}"),
        }
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_arrival_gives_the_same_stay(
        (facts, shuffled) in proptest::collection::vec(any_fact(), 1..8)
            .prop_flat_map(|facts| (Just(facts.clone()), Just(facts).prop_shuffle()))
    ) {
        let (one, other) = (told_in_order(&facts), told_in_order(&shuffled));
        prop_assert_eq!(one.state_of("s"), other.state_of("s"));
        prop_assert_eq!(&one.stay("s").now, &other.stay("s").now);
        one.replays();
    }

    #[test]
    fn a_death_that_stands_is_the_last_word(facts in proptest::collection::vec(any_fact(), 1..8)) {
        let mut world = told_in_order(&facts);
        let _ = world.tells(&hour_of(73), died("s"));
        prop_assert_eq!(world.state_of("s"), "dead");
        let _ = world.tells(&hour_of(1), admitted("s"));
        prop_assert_eq!(world.state_of("s"), "dead");
    }

    #[test]
    fn a_message_older_than_the_discharge_never_reopens_it(
        facts in proptest::collection::vec(any_fact(), 1..8),
        late in prop_oneof![Just(StayFact::Admitted), Just(StayFact::LeaveStarted), Just(StayFact::LeaveEnded)],
        hour in 0_u32..72,
    ) {
        let mut world = told_in_order(&facts);
        let _ = world.tells(&hour_of(74), discharged("s"));
        // A death or a cancellation may stand before it: then there is no discharge to reopen.
        if world.state_of("s") != "discharged" {
            return Ok(());
        }
        let _ = world.tells(&hour_of(hour), fact(late));
        prop_assert_eq!(world.state_of("s"), "discharged");
        prop_assert_eq!(world.stay("s").now.place, Whereabouts::Home);
    }
}

/// Every order of a whole stay with a correction and two cancellations, exhaustively.
#[test]
fn every_permutation_of_a_whole_stay_ends_alike() {
    let facts = [
        (8, admitted("s")),
        (20, leave_started("s")),
        (30, stay_cancelled("s", StayFact::LeaveStarted)),
        (40, discharged("s")),
        (44, stay_cancelled("s", StayFact::Discharged)),
        (60, discharged("s")),
    ];
    let mut orders = vec![Vec::new()];
    for place in 0..facts.len() {
        orders = orders
            .into_iter()
            .flat_map(|order: Vec<usize>| {
                (0..=order.len()).map(move |slot| {
                    let mut next = order.clone();
                    next.insert(slot, place);
                    next
                })
            })
            .collect();
    }
    assert_eq!(orders.len(), 720);
    for order in orders {
        let told: Vec<_> = order.iter().map(|place| facts[*place].clone()).collect();
        let world = told_in_order(&told);
        assert_eq!(world.state_of("s"), "discharged", "{order:?}");
        assert_eq!(world.stay("s").now.discharged_at, Some(at(&hour_of(60))), "{order:?}");
    }
}

#[test]
fn an_entry_opened_by_hand_has_no_outside_id() {
    let mut world = world();
    let entry: EntryId =
        world.tries("mette", None, expect("2026-11-21T13:00:00Z", "nurse")).unwrap()[0].entry;
    match &world.state.entry(entry).unwrap().body {
        Body::Discharges(stay) => assert_eq!(stay.stay, None),
        other => panic!("{other:?}"),
    }
}

// ---- clocks that are wrong, and stays that end elsewhere -------------------------------------

/// Every order of a few things.
fn orders<T: Clone>(of: &[T]) -> Vec<Vec<T>> {
    let mut orders = vec![Vec::new()];
    for it in of {
        let with_it =
            |order: Vec<T>| (0..=order.len()).map(move |slot| (slot, order.clone())).collect::<Vec<_>>();
        orders = orders
            .into_iter()
            .flat_map(with_it)
            .map(|(slot, mut order): (usize, Vec<T>)| {
                order.insert(slot, it.clone());
                order
            })
            .collect();
    }
    orders
}

fn told_at(facts: &[(&str, Observation)]) -> World {
    let mut world = World::at(SATURDAY, "jammerbugt");
    for (when, fact) in facts {
        match world.tells(when, fact.clone()) {
            Ok(_) | Err(Refusal::Unchanged) => {}
            Err(refusal) => panic!("facts are never refused: {refusal:?}"),
        }
    }
    world.replays();
    world
}

/// What is on the board of each stay, and what is to be told: sorted, without ids.
fn end_of(world: &World) -> (Vec<&'static str>, Vec<String>) {
    let stays = world.state.open_entries().filter(|entry| matches!(entry.body, Body::Discharges(_)));
    let mut states: Vec<_> = stays.map(|entry| entry.state()).collect();
    states.sort_unstable();
    let mut matters = notices(world);
    matters.sort();
    (states, matters)
}

fn oddities(world: &World) -> u32 {
    use vagttavle::domain::sources::TroubleKind;
    let odd = world.state.open_entries().filter_map(|entry| match &entry.body {
        Body::Sources(it) if it.trouble == TroubleKind::Odd => {
            assert_eq!(it.what.as_ref().unwrap().as_str(), "end-before-beginning");
            Some(it.count)
        }
        _ => None,
    });
    odd.sum()
}

#[test]
fn an_end_dated_before_its_beginning_ends_it_is_marked_and_stands_in_source_health() {
    let acute = || Observation::StayAdmitted {
        stay: id("s"),
        citizen: Some(citizen("c-1")),
        setting: Setting::AcuteOutpatient,
        planned: false,
        department: None,
    };
    for (facts, ends) in [
        // The hospital's offset is an hour wrong; then one second.
        (
            vec![("2026-11-20T05:00:00Z", admitted("s")), ("2026-11-20T04:40:00Z", discharged("s"))],
            "discharged",
        ),
        (
            vec![("2026-11-20T05:00:00Z", admitted("s")), ("2026-11-20T04:59:59Z", discharged("s"))],
            "discharged",
        ),
        // A day off.
        (
            vec![("2026-11-20T05:00:00Z", admitted("s")), ("2026-11-19T05:00:00Z", discharged("s"))],
            "discharged",
        ),
        // An acute stay that becomes an admission has one end.
        (
            vec![
                ("2026-11-20T04:00:00Z", acute()),
                ("2026-11-20T05:00:00Z", admitted("s")),
                ("2026-11-20T04:59:59Z", discharged("s")),
            ],
            "discharged",
        ),
        (
            vec![("2026-11-20T05:00:00Z", leave_started("s")), ("2026-11-20T04:00:00Z", leave_ended("s"))],
            "admitted",
        ),
        (
            vec![
                ("2026-11-19T05:00:00Z", admitted("s")),
                ("2026-11-20T05:00:00Z", leave_started("s")),
                ("2026-11-20T04:59:59Z", discharged("s")),
            ],
            "discharged",
        ),
        // Each leave an hour off.
        (
            vec![
                ("2026-11-19T10:00:00Z", leave_started("s")),
                ("2026-11-19T09:00:00Z", leave_ended("s")),
                ("2026-11-20T10:00:00Z", leave_started("s")),
                ("2026-11-20T09:00:00Z", leave_ended("s")),
            ],
            "admitted",
        ),
    ] {
        for order in orders(&facts) {
            let world = told_at(&order);
            assert_eq!(world.state_of("s"), ends, "{order:?}");
            assert!(details(&world, "s").odd, "{order:?}");
            assert!(oddities(&world) > 0, "{order:?}");
        }
    }
    let world = told_at(&[("2026-11-20T05:00:00Z", admitted("s")), ("2026-11-20T05:00:00Z", died("s"))]);
    assert_eq!((world.state_of("s"), oddities(&world)), ("dead", 0), "dead on arrival is not odd");
}

#[test]
fn admitted_again_under_the_same_id_is_no_oddity() {
    for order in orders(&[
        ("2026-11-18T05:00:00Z", admitted("s")),
        ("2026-11-19T05:00:00Z", discharged("s")),
        ("2026-11-20T05:00:00Z", admitted("s")),
    ]) {
        let world = told_at(&order);
        assert_eq!((world.state_of("s"), details(&world, "s").odd), ("admitted", false), "{order:?}");
    }
}

/// The message kinds by their Danish codes, each with its correction (RE_) and its cancellation (AN_).
fn every_kind() -> Vec<(&'static str, &'static str, Observation)> {
    let corrected = |of, to: &str| Observation::StayCorrected {
        stay: id("s"),
        of,
        at: Some(at(to)),
        setting: None,
        department: Some(id("SOR:2")),
    };
    let acute = Observation::StayAdmitted {
        stay: id("s"),
        citizen: Some(citizen("c-1")),
        setting: Setting::AcuteOutpatient,
        planned: false,
        department: None,
    };
    let back = |setting| Observation::StayCancelled { stay: id("s"), of: StayFact::Admitted, setting };
    vec![
        ("STAA", "2026-11-18T05:00:00Z", acute),
        ("RE_STAA", "2026-11-18T05:30:00Z", corrected(StayFact::Admitted, "2026-11-18T05:05:00Z")),
        ("AN_STAA", "2026-11-18T06:00:00Z", back(Some(Setting::AcuteOutpatient))),
        ("STIN", "2026-11-18T07:00:00Z", admitted("s")),
        ("RE_STIN", "2026-11-18T07:30:00Z", corrected(StayFact::Admitted, "2026-11-18T07:10:00Z")),
        ("AN_STIN", "2026-11-18T08:00:00Z", back(Some(Setting::Inpatient))),
        ("STOR", "2026-11-19T05:00:00Z", leave_started("s")),
        ("RE_STOR", "2026-11-19T05:30:00Z", corrected(StayFact::LeaveStarted, "2026-11-19T05:10:00Z")),
        ("AN_STOR", "2026-11-19T06:00:00Z", stay_cancelled("s", StayFact::LeaveStarted)),
        ("SLOR", "2026-11-19T07:00:00Z", leave_ended("s")),
        ("RE_SLOR", "2026-11-19T07:30:00Z", corrected(StayFact::LeaveEnded, "2026-11-19T07:10:00Z")),
        ("AN_SLOR", "2026-11-19T08:00:00Z", stay_cancelled("s", StayFact::LeaveEnded)),
        ("SLHJ", "2026-11-20T05:00:00Z", discharged("s")),
        ("RE_SLHJ", "2026-11-20T05:30:00Z", corrected(StayFact::Discharged, "2026-11-20T05:10:00Z")),
        ("AN_SLHJ", "2026-11-20T06:00:00Z", stay_cancelled("s", StayFact::Discharged)),
        ("MORS", "2026-11-20T07:00:00Z", died("s")),
        ("RE_MORS", "2026-11-20T07:30:00Z", corrected(StayFact::Died, "2026-11-20T07:10:00Z")),
        ("AN_MORS", "2026-11-20T08:00:00Z", stay_cancelled("s", StayFact::Died)),
    ]
}

#[test]
fn messages_of_any_kind_leave_the_same_stay_and_the_same_duties_in_every_order() {
    let kinds = every_kind();
    let of = |name: &str| {
        let (_, when, fact) = kinds.iter().find(|(it, ..)| *it == name).unwrap();
        (*when, fact.clone())
    };
    for (names, state, to_tell) in [
        (&["STIN", "SLHJ"][..], "discharged", &["admission"][..]),
        (&["STAA", "STIN", "SLHJ"], "discharged", &["admission"]),
        (&["STAA", "RE_STAA", "AN_STAA", "STIN"], "admitted", &["admission"]),
        (&["STIN", "RE_STIN", "AN_STIN"], "cancelled", &[]),
        (&["STIN", "STOR", "RE_STOR", "SLOR", "RE_SLOR"], "admitted", &["admission"]),
        (&["STIN", "STOR", "AN_STOR", "SLHJ"], "discharged", &["admission"]),
        (&["STIN", "STOR", "SLOR", "AN_SLOR"], "on-leave", &["admission"]),
        (&["STIN", "SLHJ", "RE_SLHJ"], "discharged", &["admission"]),
        (&["STIN", "SLHJ", "AN_SLHJ"], "admitted", &["admission"]),
        (&["STIN", "SLHJ", "AN_SLHJ", "MORS"], "dead", &["admission", "death"]),
        (&["STIN", "MORS", "RE_MORS"], "dead", &["admission", "death"]),
        (&["STIN", "MORS", "RE_MORS", "AN_MORS"], "admitted", &["admission"]),
        (&["STIN", "AN_STIN", "MORS"], "dead", &["death"]),
        (&["STAA", "MORS"], "dead", &["admission", "death"]),
    ] {
        let facts: Vec<_> = names.iter().map(|name| of(name)).collect();
        let to_tell: Vec<String> = to_tell.iter().map(|it| (*it).to_owned()).collect();
        for order in orders(&facts) {
            let world = told_at(&order);
            assert_eq!(end_of(&world), (vec![state], to_tell.clone()), "{names:?} as {order:?}");
        }
    }
}

#[test]
fn moved_to_another_hospital_a_citizen_ends_up_the_same_in_every_order() {
    // No message says "moved": the second hospital's admission does, and at times the first's discharge.
    let (first, second) =
        (("2026-11-18T05:00:00Z", admitted("ep-1")), ("2026-11-19T05:00:00Z", admitted("ep-2")));
    for order in orders(&[first.clone(), second.clone(), ("2026-11-20T05:00:00Z", discharged("ep-2"))]) {
        assert_eq!(end_of(&told_at(&order)), (vec!["discharged"], vec!["admission".into()]), "{order:?}");
    }
    // The first tells of its end on the way, or long after.
    for left in ["2026-11-19T02:00:00Z", "2026-11-19T18:00:00Z"] {
        for order in orders(&[first.clone(), second.clone(), (left, discharged("ep-1"))]) {
            let ends = end_of(&told_at(&order));
            assert_eq!(ends, (vec!["admitted"], vec!["admission".into()]), "{left} {order:?}");
        }
    }
}

#[test]
fn late_by_days_an_admission_from_before_the_homecoming_opens_nothing() {
    let mut world = world();
    world.given("2026-11-19T05:00:00Z", admitted("ep-2")).given("2026-11-20T05:00:00Z", discharged("ep-2"));
    let stay = world.id_of("ep-2");
    world.does(stay, resume());
    world.given("2026-11-18T05:00:00Z", admitted("ep-1"));
    assert_eq!((world.id_of("ep-1"), stays(&world)), (stay, 0), "it is over, and stays so");
}

/// Two hospitals, and no care system that knows the citizen: the same, as far as the server's memory goes.
fn elsewhere(order: &[&str]) -> World {
    let mut world = World::at(SATURDAY, "jammerbugt");
    for stay in order {
        let when = if *stay == "ep-1" { "2026-11-20T05:00:00Z" } else { "2026-11-20T20:00:00Z" };
        let known: Vec<EntryId> = world.state.open_entries().map(|entry| entry.id).collect();
        world.of_same_person(known, when, unknown(stay));
    }
    world.replays();
    world
}

#[test]
fn an_admission_elsewhere_of_an_unknown_citizen_asks_moved_on_the_first_stay_in_any_order() {
    for order in orders(&["ep-1", "ep-2"]) {
        let mut world = elsewhere(&order);
        assert_eq!(stays(&world), 2);
        assert_eq!(details(&world, "ep-1").elsewhere, Some(world.id_of("ep-2")), "{order:?}");
        assert_eq!(
            (world.why("ep-1").as_str(), world.attention("ep-1").level),
            ("moved-elsewhere", Level::Duty)
        );
        assert_eq!((details(&world, "ep-2").elsewhere, world.state_of("ep-2")), (None, "admitted"));
        world.given("2026-11-21T07:00:00Z", Observation::StayDischarged { stay: id("ep-2"), citizen: None });
        assert_eq!(world.why("ep-1"), "moved-elsewhere", "home from there is home from here");
        // Yes: then they are one, and home.
        let first = world.id_of("ep-1");
        world.does(first, join(world.id_of("ep-2")));
        assert_eq!((stays(&world), world.state_of("ep-2"), world.id_of("ep-2")), (1, "discharged", first));
        world.replays();
    }
}

#[test]
fn not_a_word_for_48_hours_asks_moved_until_somebody_has_asked_the_hospital() {
    let mut world = World::at(SATURDAY, "jammerbugt");
    world.given("2026-11-21T05:00:00Z", unknown("s"));
    world.until("2026-11-23T04:59:59Z");
    assert_ne!(world.why("s"), "no-word");
    world.until("2026-11-23T05:00:00Z");
    assert_eq!((world.why("s").as_str(), world.attention("s").level), ("no-word", Level::Duty));
    let stay = world.id_of("s");
    world.does(
        stay,
        vagttavle::domain::Command::Discharges(vagttavle::domain::discharges::Command::StillThere {}),
    );
    assert_ne!(world.why("s"), "no-word");
    world.until("2026-11-25T05:00:00Z");
    assert_eq!(world.why("s"), "no-word", "asked anew");
    world.given("2026-11-25T04:00:00Z", leave_started("s"));
    assert_ne!(world.why("s"), "no-word", "a word is a word");
    world.given("2026-11-25T04:30:00Z", discharged("s"));
    assert_eq!(world.why("s"), "discharged");
    world.replays();
}
