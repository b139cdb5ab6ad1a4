//! Visits: early and late, contact, moves and cancellations against the contract, doors, receipts.

use chrono::{Duration, NaiveTime};
use proptest::prelude::*;
use vagttavle::domain::Refusal;
use vagttavle::domain::duties::DutyKind;
use vagttavle::domain::entry::{Body, DueKind};
use vagttavle::domain::observation::CancelledBy::{Citizen, Municipality, Provider};
use vagttavle::domain::observation::{Grant, Help, Observation, StayFact, Window};
use vagttavle::domain::visit_rules::Standing;
use vagttavle::domain::visits::{Canceller, Halt, Side};
use vagttavle::protocol::Details;
use vagttavle::protocol::attention::Level;

use crate::homecare::*;

/// A Tuesday, 07:00 in Copenhagen (UTC+1).
const TUESDAY: &str = "2026-11-24T06:00:00Z";

fn norddjurs() -> World {
    World::at(TUESDAY, "norddjurs")
}

fn jammerbugt() -> World {
    World::at(TUESDAY, "jammerbugt")
}

/// A visit `v` agreed at 09:00 Copenhagen time.
fn with_visit(mut world: World, help: Help) -> World {
    world.given(TUESDAY, visit("v", help, "2026-11-24T08:00:00Z"));
    world
}

fn details(world: &World, visit: &str) -> vagttavle::protocol::entry::VisitDetails {
    match world.shown(visit).details {
        Details::Visits(details) => details,
        other => panic!("{other:?}"),
    }
}

// ---- early and late ---------------------------------------------------------------------------

#[test]
fn a_visit_as_planned_asks_for_nothing() {
    let world = with_visit(norddjurs(), Help::Personal);
    assert_eq!((world.state_of("v"), world.attention("v").level), ("planned", Level::None));
}

#[test]
fn thirty_minutes_is_enough_to_either_side_and_twenty_nine_is_not() {
    for (expected_at, state) in [
        ("2026-11-24T08:29:59Z", "planned"),
        ("2026-11-24T08:30:00Z", "late"),
        ("2026-11-24T08:34:00Z", "late"),
        ("2026-11-24T07:30:01Z", "planned"),
        ("2026-11-24T07:30:00Z", "early"),
    ] {
        for world in [norddjurs(), jammerbugt()] {
            let mut world = with_visit(world, Help::Personal);
            world.given(TUESDAY, visit_expected("v", expected_at));
            assert_eq!(world.state_of("v"), state, "{expected_at}");
        }
    }
}

#[test]
fn the_limit_is_contract_in_norddjurs_and_own_rule_in_jammerbugt() {
    for (world, clause) in [(norddjurs(), Some("3.5.5")), (jammerbugt(), None)] {
        let mut world = with_visit(world, Help::Personal);
        world.given(TUESDAY, visit_expected("v", "2026-11-24T08:34:00Z"));
        let due = world.of("v").due(DueKind::Contact).cloned().unwrap();
        assert_eq!(due.clause.as_deref(), clause);
        assert_eq!(due.at, at("2026-11-24T08:30:00Z"));
        assert_eq!(world.why("v"), "visit-late");
    }
}

#[test]
fn where_the_agreement_says_nothing_nobody_is_late() {
    let mut world = with_visit(World::at(TUESDAY, "albertslund"), Help::Personal);
    world.given(TUESDAY, visit_expected("v", "2026-11-24T12:00:00Z"));
    assert_eq!(world.state_of("v"), "planned");
}

#[test]
fn silence_is_late_when_the_source_tells_starts() {
    let mut world = with_visit(norddjurs(), Help::Personal);
    world.until("2026-11-24T08:29:59Z");
    assert_eq!(world.state_of("v"), "planned");
    world.until("2026-11-24T08:30:00Z");
    assert_eq!((world.state_of("v"), world.why("v").as_str()), ("late", "visit-late"));
    world.replays();
}

#[test]
fn with_a_plan_only_nothing_is_late_by_silence() {
    let mut world = norddjurs();
    world.visit_starts = false;
    let mut world = with_visit(world, Help::Personal);
    world.until("2026-11-24T09:30:00Z");
    assert_eq!(world.state_of("v"), "planned");
    world.given("2026-11-24T09:30:00Z", visit_expected("v", "2026-11-24T10:00:00Z"));
    assert_eq!(world.state_of("v"), "late", "but it is late when told so");
}

#[test]
fn a_plan_only_visit_leaves_the_board_when_its_time_is_long_over() {
    let mut world = norddjurs();
    world.visit_starts = false;
    let mut world = with_visit(world, Help::Personal);
    world.until("2026-11-24T12:00:00Z");
    assert_eq!((world.state_of("v"), world.is_open("v")), ("planned", false));
}

#[test]
fn a_visit_may_say_of_itself_that_its_start_is_not_told() {
    for (source_tells, says, state) in [
        (true, Some(false), "planned"),
        (false, Some(true), "late"),
        (false, None, "planned"),
        (true, None, "late"),
    ] {
        let mut world = norddjurs();
        world.visit_starts = source_tells;
        let mut plan = visit("v", Help::Personal, "2026-11-24T08:00:00Z");
        if let Observation::VisitPlanned { starts, .. } = &mut plan {
            *starts = says;
        }
        world.given(TUESDAY, plan);
        world.until("2026-11-24T08:30:00Z");
        assert_eq!(world.state_of("v"), state, "source {source_tells}, visit {says:?}");
    }
}

// ---- numbers ----------------------------------------------------------------------------------

#[test]
fn a_plan_of_three_thousand_visits_leaves_the_spoken_numbers_to_what_is_spoken_of() {
    let mut world = norddjurs();
    for nth in 0..3_000 {
        let (name, whose) = (format!("v{nth}"), format!("c{}", nth % 600));
        let plan = visit_of(&name, &whose, Grant::Service, Help::Personal, "2026-11-24T08:00:00Z", None);
        world.given(TUESDAY, plan);
    }
    let mut numbers: Vec<u32> = world.state.open_entries().map(|entry| entry.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!((numbers.len(), numbers[0]), (3_000, 1_000), "unique, and none of the short ones");
    world.given(TUESDAY, visit_expected("v2999", "2026-11-24T08:34:00Z"));
    world.given(TUESDAY, door_unanswered("v7"));
    assert_eq!(
        (world.of("v2999").number, world.of("v7").number),
        (1, 2),
        "short when there is something to say"
    );
    assert_eq!(world.state.by_number(2).map(|entry| entry.id), Some(world.id_of("v7")));
    assert_eq!(world.state.by_number(1_007), None, "its old number is free");
    world.given(TUESDAY, alarm_raised("a", "somebody"));
    assert_eq!(world.of("a").number, 3);
    world.replays();
}

#[test]
fn a_spoken_number_stays_when_the_visit_is_as_planned_again() {
    let mut world = with_visit(norddjurs(), Help::Personal);
    assert_eq!(world.of("v").number, 1_000);
    world.given(TUESDAY, visit_expected("v", "2026-11-24T08:34:00Z"));
    world.given("2026-11-24T06:01:00Z", visit_expected("v", "2026-11-24T08:05:00Z"));
    assert_eq!((world.state_of("v"), world.of("v").number), ("planned", 1));
}

#[test]
fn a_start_in_time_that_is_heard_late_takes_the_silence_back() {
    let mut world = with_visit(norddjurs(), Help::Personal);
    world.until("2026-11-24T08:31:00Z");
    assert_eq!(world.state_of("v"), "late");
    world.given("2026-11-24T08:05:00Z", visit_started("v"));
    assert_eq!((world.state_of("v"), world.attention("v").level), ("planned", Level::None));
}

#[test]
fn a_start_off_time_is_a_fact_and_rings_nobody() {
    for (started_at, side) in [("2026-11-24T08:41:00Z", Side::Late), ("2026-11-24T07:20:00Z", Side::Early)] {
        let mut world = with_visit(norddjurs(), Help::Personal);
        world.now = at(started_at);
        world.given(started_at, visit_started("v"));
        assert_eq!(world.visit("v").deviation().map(|off| off.side), Some(side));
        assert_eq!((world.attention("v").level, world.why("v").as_str()), (Level::Info, "started-off-time"));
    }
}

#[test]
fn an_older_expectation_does_not_overwrite_a_newer_one() {
    let mut world = with_visit(norddjurs(), Help::Personal);
    world.given("2026-11-24T05:50:00Z", visit_expected("v", "2026-11-24T08:10:00Z"));
    let old = world.tells("2026-11-24T05:40:00Z", visit_expected("v", "2026-11-24T09:00:00Z"));
    assert_eq!(old, Err(Refusal::Unchanged));
    assert_eq!(world.state_of("v"), "planned");
}

// ---- contact ----------------------------------------------------------------------------------

#[test]
fn the_citizen_is_tried_and_then_reached() {
    let mut world = with_visit(norddjurs(), Help::Personal);
    world.given(TUESDAY, visit_expected("v", "2026-11-24T08:40:00Z"));
    let id = world.id_of("v");
    world.does(id, contact(false));
    assert_eq!((world.state_of("v"), world.why("v").as_str()), ("not-reached", "not-reached"));
    world.does(id, contact(false));
    assert_eq!(details(&world, "v").tries, 2);
    world.does(id, contact(true));
    assert_eq!((world.state_of("v"), world.attention("v").level), ("contacted", Level::None));
    assert_eq!(world.of("v").due(DueKind::Contact), None);
}

#[test]
fn told_of_forty_minutes_and_then_it_is_ninety() {
    let mut world = with_visit(norddjurs(), Help::Personal);
    world.given(TUESDAY, visit_expected("v", "2026-11-24T08:40:00Z"));
    let id = world.id_of("v");
    world.does(id, contact(true));
    world.given("2026-11-24T06:00:00Z", visit_expected("v", "2026-11-24T08:55:00Z"));
    assert_eq!(world.state_of("v"), "contacted", "a quarter of an hour more is not told again");
    world.given("2026-11-24T06:00:00Z", visit_expected("v", "2026-11-24T09:30:00Z"));
    assert_eq!(world.state_of("v"), "late", "but fifty minutes more is");
}

#[test]
fn who_was_told_is_not_late_by_silence_again() {
    let mut world = with_visit(norddjurs(), Help::Personal);
    world.does(world.id_of("v"), contact(true));
    world.until("2026-11-24T09:00:00Z");
    assert_eq!(world.state_of("v"), "contacted");
}

#[test]
fn a_wrong_contact_is_taken_back() {
    let mut world = with_visit(norddjurs(), Help::Personal);
    world.given(TUESDAY, visit_expected("v", "2026-11-24T08:40:00Z"));
    let id = world.id_of("v");
    world.does(id, contact(true)).does(id, correct("contact"));
    assert_eq!(world.state_of("v"), "late");
}

// ---- moves ------------------------------------------------------------------------------------

/// Tuesday 24 November, hours in Copenhagen time; the answer is the clause warned about.
struct Case {
    agreement: &'static str,
    grant: Grant,
    help: Help,
    to: &'static str,
    asked_by: vagttavle::domain::observation::CancelledBy,
    clause: Option<&'static str>,
}

#[test]
fn a_new_time_is_held_against_the_window_of_help_and_grant_and_against_who_asked() {
    use Grant::{Pathway, Service};
    let case =
        |agreement, grant, help, to, asked_by, clause| Case { agreement, grant, help, to, asked_by, clause };
    let cases = [
        // Norddjurs: practical help 07-17 on working days, whoever asks.
        case("norddjurs", Service, Help::Practical, "2026-11-24T15:59:00Z", Provider, None),
        case("norddjurs", Service, Help::Practical, "2026-11-24T16:00:00Z", Provider, Some("3.4")),
        case("norddjurs", Pathway, Help::Practical, "2026-11-24T16:00:00Z", Citizen, Some("3.4")),
        case("norddjurs", Service, Help::Practical, "2026-11-28T10:00:00Z", Citizen, Some("3.4")),
        case("norddjurs", Service, Help::Practical, "2026-12-25T10:00:00Z", Citizen, Some("3.4")),
        // Food 07-23 every day.
        case("norddjurs", Service, Help::Food, "2026-11-28T21:59:00Z", Citizen, None),
        case("norddjurs", Service, Help::Food, "2026-11-28T22:00:00Z", Citizen, Some("3.4")),
        // Personal care: not moved by us, any hour when the citizen asks.
        case("norddjurs", Service, Help::Personal, "2026-11-24T09:00:00Z", Provider, Some("3.5.4")),
        case("norddjurs", Service, Help::Personal, "2026-11-24T02:00:00Z", Citizen, None),
        case("norddjurs", Service, Help::Personal, "2026-11-24T09:00:00Z", Municipality, None),
        // Jammerbugt: services 08-17 Monday to Friday; under a pathway the two agree the time.
        case("jammerbugt", Service, Help::Practical, "2026-11-24T06:30:00Z", Citizen, Some("3.1.11")),
        case("jammerbugt", Pathway, Help::Practical, "2026-11-24T18:30:00Z", Citizen, None),
        case("jammerbugt", Service, Help::Food, "2026-11-28T03:00:00Z", Citizen, None),
        case("jammerbugt", Service, Help::Personal, "2026-11-24T09:00:00Z", Provider, None),
    ];
    for Case { agreement, grant, help, to, asked_by, clause } in cases {
        let mut world = World::at(TUESDAY, agreement);
        world.given(TUESDAY, visit_of("v", "c-1", grant, help, "2026-11-24T08:00:00Z", None));
        let id = world.id_of("v");
        let said = format!("{agreement} {grant:?} {help:?} to {to} asked by {asked_by:?}");
        let asked = world.tries("anna", Some(id), move_to(to, asked_by));
        match clause {
            None => assert!(asked.is_ok(), "{said}: {asked:?}"),
            Some(clause) => {
                assert_eq!(against(asked), clause, "{said}");
                world.does(id, move_anyway(to, asked_by));
                assert_eq!(world.visit("v").against_contract.as_deref(), Some(clause), "{said}");
            }
        }
        assert_eq!(world.state_of("v"), "moved", "{said}");
        assert_eq!(world.visit("v").agreed_at(), Some(at(to)), "{said}");
    }
}

#[test]
fn morning_care_stays_in_the_morning() {
    let clock = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
    let window = Some(Window { from: clock(7), to: clock(11) });
    let mut world = norddjurs();
    world
        .given(TUESDAY, visit_of("v", "c-1", Grant::Service, Help::Personal, "2026-11-24T08:00:00Z", window));
    let id = world.id_of("v");
    assert_eq!(against(world.tries("anna", Some(id), move_to("2026-11-24T10:00:00Z", Citizen))), "3.4");
    assert!(world.tries("anna", Some(id), move_to("2026-11-24T09:59:00Z", Citizen)).is_ok());
}

#[test]
fn nothing_is_postponed_several_times_in_a_row() {
    let mut world = with_visit(norddjurs(), Help::Practical);
    let id = world.id_of("v");
    world.does(id, move_to("2026-11-25T08:00:00Z", Provider));
    assert_eq!(against(world.tries("anna", Some(id), move_to("2026-11-26T08:00:00Z", Provider))), "3.2");
    // Earlier is no postponement, and the citizen may ask as often as they like.
    assert!(world.clone().tries("anna", Some(id), move_to("2026-11-25T07:00:00Z", Provider)).is_ok());
    assert!(world.clone().tries("anna", Some(id), move_to("2026-11-26T08:00:00Z", Citizen)).is_ok());
}

#[test]
fn a_visit_we_moved_must_be_told_and_is_owed_until_then() {
    let mut world = with_visit(norddjurs(), Help::Practical);
    let id = world.id_of("v");
    world.does(id, move_to("2026-11-25T08:00:00Z", Provider));
    assert_eq!((world.why("v").as_str(), world.visit("v").replacement), ("moved-untold", Standing::Owed));
    world.does(id, contact(true));
    assert_eq!((world.state_of("v"), world.visit("v").replacement), ("contacted", Standing::Nothing));
    assert!(world.is_open("v"), "the visit is still to come");
}

#[test]
fn after_a_move_lateness_counts_from_the_new_time() {
    let mut world = with_visit(norddjurs(), Help::Practical);
    world.given(TUESDAY, visit_expected("v", "2026-11-24T08:40:00Z"));
    world.does(world.id_of("v"), move_to("2026-11-24T09:00:00Z", Citizen));
    assert_eq!(world.state_of("v"), "moved");
    world.until("2026-11-24T09:29:00Z");
    assert_eq!(world.state_of("v"), "moved");
    world.until("2026-11-24T09:30:00Z");
    assert_eq!(world.state_of("v"), "late");
    // The old plan heard again is no move back.
    let again = world.tells("2026-11-24T07:00:00Z", visit("v", Help::Practical, "2026-11-24T08:00:00Z"));
    assert_eq!(again, Err(Refusal::Unchanged));
}

#[test]
fn a_wrong_move_is_taken_back() {
    let mut world = with_visit(norddjurs(), Help::Personal);
    let id = world.id_of("v");
    world.does(id, move_anyway("2026-11-24T12:00:00Z", Provider)).does(id, correct("move"));
    assert_eq!(
        (world.state_of("v"), world.visit("v").agreed_at()),
        ("planned", Some(at("2026-11-24T08:00:00Z")))
    );
    assert_eq!(world.visit("v").against_contract, None);
}

#[test]
fn a_plan_changed_in_the_care_system_is_a_fact_and_marked() {
    let mut world = with_visit(norddjurs(), Help::Practical);
    world.given(TUESDAY, visit("v", Help::Practical, "2026-11-28T08:00:00Z"));
    assert_eq!(world.visit("v").agreed_at(), Some(at("2026-11-28T08:00:00Z")));
    assert_eq!(world.visit("v").against_contract.as_deref(), Some("3.4"), "a Saturday");
}

// ---- cancellations and replacements -----------------------------------------------------------

#[test]
fn we_never_cancel_a_granted_visit() {
    for (world, clause) in [(norddjurs(), "3.2"), (jammerbugt(), "3.1.5")] {
        let mut world = with_visit(world, Help::Practical);
        let id = world.id_of("v");
        assert_eq!(against(world.tries("anna", Some(id), cancel(Provider))), clause);
        assert_eq!(world.state_of("v"), "planned", "a warning changes nothing");
        world.does(id, cancel_anyway(Provider));
        assert_eq!(world.visit("v").against_contract.as_deref(), Some(clause));
        assert_eq!((world.state_of("v"), world.is_open("v")), ("cancelled", true));
        assert_eq!(
            (world.why("v").as_str(), world.attention("v").next.name()),
            ("replacement-owed", "replace")
        );
        world.does(id, replace("2026-11-25T09:00:00Z"));
        assert_eq!((world.state_of("v"), world.is_open("v")), ("replaced", false));
        world.replays();
    }
}

#[test]
fn what_the_care_system_says_we_cancelled_is_recorded_and_marked() {
    let mut world = with_visit(norddjurs(), Help::Personal);
    world.given(TUESDAY, visit_cancelled("v", Provider, TUESDAY));
    assert_eq!(world.visit("v").against_contract.as_deref(), Some("3.2"));
    assert_eq!(world.visit("v").replacement, Standing::Owed);
}

#[test]
fn a_replacement_is_held_against_the_window_too() {
    let mut world = with_visit(norddjurs(), Help::Practical);
    let id = world.id_of("v");
    world.does(id, cancel_anyway(Provider));
    assert_eq!(against(world.tries("anna", Some(id), replace("2026-11-28T09:00:00Z"))), "3.4");
}

#[test]
fn the_citizens_cancellation_is_classed_by_noon_on_the_working_day_before() {
    // The visit is on Monday 30 November, 09:00: the working day before is Friday the 27th, noon is 11:00 UTC.
    for (told_at, in_time, standing) in [
        ("2026-11-27T10:59:59Z", Some(true), Standing::Nothing),
        ("2026-11-27T11:00:00Z", Some(false), Standing::Judgement),
        ("2026-11-29T09:00:00Z", Some(false), Standing::Judgement),
    ] {
        let mut world = World::at("2026-11-29T10:00:00Z", "jammerbugt");
        world.given("2026-11-24T06:00:00Z", visit("v", Help::Practical, "2026-11-30T08:00:00Z"));
        world.given(told_at, visit_cancelled("v", Citizen, told_at));
        let cancelled = world.visit("v").cancelled.clone().unwrap();
        assert_eq!((cancelled.in_time, world.visit("v").replacement), (in_time, standing), "{told_at}");
        assert_eq!(world.is_open("v"), standing != Standing::Nothing, "{told_at}");
    }
}

#[test]
fn noon_is_noon_in_copenhagen_in_summer_too_and_holidays_are_skipped() {
    // Tuesday after Easter 2027 (30 March): the working day before is Wednesday 24 March; noon is 11:00 UTC, as
    // summer time begins on the 28th.
    let mut world = World::at("2027-03-26T10:00:00Z", "jammerbugt");
    for (name, told_at, in_time) in
        [("in-time", "2027-03-24T10:59:00Z", Some(true)), ("too-late", "2027-03-24T11:00:00Z", Some(false))]
    {
        world.given("2027-03-20T06:00:00Z", visit(name, Help::Practical, "2027-03-30T08:00:00Z"));
        world.given(told_at, visit_cancelled(name, Citizen, told_at));
        assert_eq!(world.visit(name).cancelled.as_ref().unwrap().in_time, in_time, "{name}");
    }
}

#[test]
fn a_late_cancellation_is_judged_and_settled() {
    let mut world = with_visit(jammerbugt(), Help::Practical);
    let id = world.id_of("v");
    world.does(id, cancel(Citizen));
    assert_eq!(world.why("v"), "replacement-judgement");
    world.does(id, visit_receipted());
    assert_eq!((world.state_of("v"), world.is_open("v")), ("cancelled", false));
}

#[test]
fn norddjurs_knows_no_hour_and_owes_nothing_for_the_citizens_own() {
    let mut world = with_visit(norddjurs(), Help::Practical);
    world.does(world.id_of("v"), cancel(Citizen));
    assert_eq!(world.visit("v").cancelled.as_ref().unwrap().in_time, None);
    assert_eq!((world.state_of("v"), world.is_open("v")), ("cancelled", false));
}

#[test]
fn a_wrong_cancellation_is_taken_back() {
    let mut world = with_visit(norddjurs(), Help::Practical);
    let id = world.id_of("v");
    world.does(id, cancel(Citizen)).does(id, correct("cancellation"));
    assert_eq!((world.state_of("v"), world.is_open("v")), ("planned", true));
    world.until("2026-11-24T08:30:00Z");
    assert_eq!(world.state_of("v"), "late", "its clock runs again");
}

#[test]
fn practical_help_on_a_holiday_is_offered_another_day_and_food_is_not() {
    let mut world = World::at("2026-12-20T08:00:00Z", "norddjurs");
    world
        .given("2026-12-20T08:00:00Z", visit("clean", Help::Practical, "2026-12-25T09:00:00Z"))
        .given("2026-12-20T08:00:00Z", visit("food", Help::Food, "2026-12-25T11:00:00Z"));
    assert_eq!(world.why("clean"), "on-holiday");
    assert_eq!(details(&world, "clean").holiday_clause.as_deref(), Some("3.2"));
    assert_eq!(world.why("food"), "planned");
}

// ---- the door ---------------------------------------------------------------------------------

#[test]
fn nobody_opens_is_a_list_of_steps_each_with_its_time_closed_with_an_outcome() {
    let mut world = with_visit(jammerbugt(), Help::Personal);
    world.until("2026-11-24T08:05:00Z");
    world.given("2026-11-24T08:04:00Z", door_unanswered("v"));
    assert_eq!((world.state_of("v"), world.why("v").as_str()), ("door-unanswered", "door-unanswered"));
    assert_eq!(world.attention("v").level, Level::Duty);
    let door = details(&world, "v").door.unwrap();
    let names: Vec<_> = door.steps.iter().map(|step| step.step.as_str()).collect();
    assert_eq!(names, ["windows", "light", "curtains", "car", "bicycle", "municipal-instruction"]);
    assert_eq!(door.clause.as_deref(), Some("3.1.8"));

    let id = world.id_of("v");
    world.does(id, door_step("windows"));
    world.until("2026-11-24T08:09:00Z");
    world.does(id, door_step("car"));
    let done: Vec<_> =
        details(&world, "v").door.unwrap().steps.into_iter().filter_map(|step| step.done_at).collect();
    assert_eq!(done, [at("2026-11-24T08:05:00Z"), at("2026-11-24T08:09:00Z")]);
    assert_eq!(world.tries("anna", Some(id), door_step("car")), Err(Refusal::AlreadyDone));

    let rest = ["light", "curtains", "bicycle", "municipal-instruction"];
    world.does(id, at_door(&rest, Some("not-home"), None));
    assert_eq!((world.state_of("v"), world.is_open("v")), ("done", false));
    world.replays();
}

/// J 3.1.8, N 3.5.6: a citizen whom nobody has seen is not a closed case before the instruction is followed.
#[test]
fn a_door_behind_which_nobody_was_seen_needs_the_instruction_or_a_reason() {
    for (agreement, steps) in [
        (jammerbugt(), &["windows", "light", "curtains", "car", "bicycle", "municipal-instruction"][..]),
        (norddjurs(), &["municipal-instruction"]),
    ] {
        let mut world = with_visit(agreement, Help::Personal);
        let id = world.id_of("v");
        for outcome in ["not-home", "handed-to-municipality"] {
            for done in 0..steps.len() {
                let refused = world.tries("anna", Some(id), at_door(&steps[..done], Some(outcome), None));
                assert_eq!(
                    refused,
                    Err(Refusal::StepsMissing { field: "skipped".into() }),
                    "{outcome} {done}"
                );
            }
        }
        assert!(world.visit("v").door.is_none(), "what is refused leaves nothing");
        let mut followed = world.clone();
        followed.does(id, at_door(steps, Some("not-home"), Some("relative-knows")));
        assert_eq!(details(&followed, "v").door.unwrap().skipped, None, "nothing was left out");
        world.does(id, at_door(&[], Some("not-home"), Some("relative-knows")));
        let door = details(&world, "v").door.unwrap();
        assert_eq!(door.skipped.map(|it| it.name()), Some("relative-knows"));
        world.replays();
    }
    // Whoever was seen was seen.
    for outcome in ["let-in", "found-well", "helped", "in-hospital", "deceased"] {
        let mut world = with_visit(jammerbugt(), Help::Personal);
        world.does(world.id_of("v"), door_outcome(outcome));
        assert!(!world.is_open("v"), "{outcome}");
    }
}

/// As of any matter that is told at once.
#[test]
fn nobody_at_home_said_twice_is_told_once() {
    let mut world = with_visit(jammerbugt(), Help::Personal);
    let id = world.id_of("v");
    let not_home = || at_door(&[], Some("not-home"), Some("cannot-be-seen"));
    world.does(id, not_home());
    let notice = world.duties(DutyKind::ImmediateNotice)[0].id;
    world.does(notice, told("nurse"));
    world.does(id, correct("door"));
    assert_eq!(world.duties(DutyKind::NoticeTakenBack).len(), 1, "what was told is taken back");
    world.does(id, not_home());
    let owed = [DutyKind::NoticeTakenBack, DutyKind::ImmediateNotice].map(|kind| world.duties(kind).len());
    assert_eq!(owed, [0, 0], "and is so after all");
    world.replays();
}

#[test]
fn nobody_at_home_is_told_at_once_where_the_agreement_says_so() {
    use vagttavle::domain::duties::DutyKind;
    let mut world = with_visit(jammerbugt(), Help::Personal);
    let id = world.id_of("v");
    world.does(id, at_door(&[], Some("not-home"), Some("cannot-be-seen")));
    assert_eq!(world.duties(DutyKind::ImmediateNotice).len(), 1);
    world.does(id, correct("door"));
    assert_eq!(world.duties(DutyKind::ImmediateNotice).len(), 0, "and not, when it was a mistake");
    let mut world = with_visit(norddjurs(), Help::Personal);
    world.does(world.id_of("v"), at_door(&[], Some("not-home"), Some("cannot-be-seen")));
    assert_eq!(world.duties(DutyKind::ImmediateNotice).len(), 0, "its guideline is not ours to write");
}

#[test]
fn staff_ring_in_that_nobody_opens() {
    let mut world = with_visit(norddjurs(), Help::Personal);
    world.does(world.id_of("v"), door_step("municipal-instruction"));
    assert_eq!(world.state_of("v"), "door-unanswered");
    assert_eq!(details(&world, "v").door.unwrap().steps.len(), 1, "the agreement names one step");
}

/// A form sent with nothing chosen: the contact that is owed stays owed.
#[test]
fn a_door_about_which_nothing_is_said_changes_nothing() {
    let mut world = with_visit(norddjurs(), Help::Personal);
    let before = world.state_of("v");
    let empty = at_door(&[], None, None);
    let refused = world.tries("anna", Some(world.id_of("v")), empty);
    assert_eq!(refused, Err(Refusal::FieldMissing { field: "steps".into() }));
    assert_eq!(world.state_of("v"), before);
}

#[test]
fn a_door_that_opens_after_all_is_a_visit_again() {
    let mut world = with_visit(norddjurs(), Help::Personal);
    world.until("2026-11-24T08:10:00Z");
    world
        .given("2026-11-24T08:04:00Z", door_unanswered("v"))
        .given("2026-11-24T08:09:00Z", visit_started("v"));
    assert_eq!(world.state_of("v"), "planned");
}

/// A planner who tidies the list, a receipt for having been there, a citizen who has moved: none of them is an answer.
#[test]
fn a_door_nobody_opened_stays_until_we_know_what_became_of_it() {
    let later = "2026-11-24T07:50:00Z";
    for (what, then) in [
        (visit_cancelled("v", Municipality, later), ("cancelled", false)),
        (visit_done("v"), ("done", false)),
        (Observation::CitizenMoved { citizen: citizen("c-1") }, ("cancelled", false)),
        // Why it was taken out of the plan is still to be looked at.
        (visit_withdrawn("v", later), ("cancelled", true)),
    ] {
        let mut world = with_visit(norddjurs(), Help::Personal);
        world.until("2026-11-24T08:30:00Z").given("2026-11-24T07:40:00Z", door_unanswered("v"));
        world.given(later, what.clone());
        assert_eq!((world.state_of("v"), world.is_open("v")), ("door-unanswered", true), "{what:?}");
        let entry = world.id_of("v");
        let done = world.tries("anna", Some(entry), visit_receipted());
        assert_eq!(done, Err(Refusal::WrongState { state: "door-unanswered".into() }), "{what:?}");
        world.does(entry, door_step("windows"));
        world.does(entry, door_outcome("found-well"));
        assert_eq!((world.state_of("v"), world.is_open("v")), then, "{what:?}");
        world.replays();
    }
}

#[test]
fn a_closed_door_at_a_visit_nobody_planned_is_shown_too() {
    let mut world = norddjurs();
    world.given(TUESDAY, door_unanswered("unknown"));
    assert_eq!(world.state_of("unknown"), "door-unanswered");
    world.given(TUESDAY, visit("unknown", Help::Personal, "2026-11-24T05:55:00Z"));
    assert_eq!(world.of("unknown").citizen, Some(citizen("c-1")));
    assert_eq!(world.state_of("unknown"), "door-unanswered");
}

// ---- receipts ---------------------------------------------------------------------------------

#[test]
fn a_visit_without_receipt_is_shown() {
    let mut world = with_visit(norddjurs(), Help::Personal);
    world.given("2026-11-24T08:00:00Z", visit_started("v")).until("2026-11-24T11:59:00Z");
    assert_eq!(world.attention("v").level, Level::None);
    world.until("2026-11-24T12:00:00Z");
    assert_eq!((world.why("v").as_str(), world.attention("v").next.name()), ("no-receipt", "receipt"));
    world.does(world.id_of("v"), visit_receipted());
    assert_eq!((world.state_of("v"), world.is_open("v")), ("done", false));
}

#[test]
fn a_done_visit_is_over_whatever_came_before() {
    let mut world = with_visit(norddjurs(), Help::Personal);
    world.given(TUESDAY, visit_expected("v", "2026-11-24T08:40:00Z"));
    world.given("2026-11-24T06:00:00Z", visit_done("v"));
    assert_eq!((world.state_of("v"), world.is_open("v")), ("done", false));
    assert_eq!(world.tells(TUESDAY, door_unanswered("v")), Err(Refusal::Unchanged));
    let late = world.tries("anna", Some(world.id_of("v")), contact(true));
    assert_eq!(late, Err(Refusal::WrongState { state: "done".into() }));
}

// ---- the citizen's stay -----------------------------------------------------------------------

#[test]
fn an_admission_halts_the_visits_from_then_on() {
    let mut world = norddjurs();
    world
        .given(TUESDAY, visit("morning", Help::Personal, "2026-11-24T06:30:00Z"))
        .given(TUESDAY, visit("noon", Help::Food, "2026-11-24T11:00:00Z"))
        .given(TUESDAY, visit("clean", Help::Practical, "2026-11-25T09:00:00Z"));
    world.until("2026-11-24T07:00:00Z");
    world.given("2026-11-24T06:45:00Z", admitted("s"));
    assert_eq!(world.visit("morning").halted, None, "before the admission");
    assert_eq!(world.visit("noon").halted, Some(Halt::InHospital));
    // One planned afterwards is halted from the start.
    world.given("2026-11-24T07:00:00Z", visit("evening", Help::Personal, "2026-11-24T18:00:00Z"));
    assert_eq!(world.visit("evening").halted, Some(Halt::InHospital));
    world.until("2026-11-24T12:00:00Z");
    assert_eq!((world.state_of("noon"), world.why("noon").as_str()), ("planned", "visit-halted"));
    // Their time comes and goes: food is gone, cleaning is owed.
    world.until("2026-11-25T13:00:00Z");
    assert_eq!((world.state_of("noon"), world.is_open("noon")), ("cancelled", false));
    assert_eq!(world.visit("clean").cancelled.as_ref().unwrap().by, Canceller::Hospital);
    assert_eq!(
        (world.why("clean").as_str(), world.visit("clean").replacement),
        ("replacement-owed", Standing::Owed)
    );
    world.replays();
}

#[test]
fn resuming_help_sets_the_coming_visits_going() {
    let mut world = norddjurs();
    world.given(TUESDAY, admitted("s"));
    world.given(TUESDAY, visit("v", Help::Personal, "2026-11-24T10:00:00Z"));
    world.until("2026-11-24T07:00:00Z");
    world.given("2026-11-24T06:50:00Z", discharged("s"));
    assert_eq!(world.visit("v").halted, Some(Halt::InHospital), "home, but help is not resumed yet");
    world.does(world.id_of("s"), resume());
    assert_eq!(world.visit("v").halted, None);
    world.until("2026-11-24T10:30:00Z");
    assert_eq!(world.state_of("v"), "late");
}

#[test]
fn an_admission_that_never_was_shows_whom_we_skipped() {
    let mut world = with_visit(norddjurs(), Help::Personal);
    world.given("2026-11-24T06:10:00Z", admitted("s"));
    world.until("2026-11-24T09:00:00Z");
    assert_eq!(world.state_of("v"), "planned");
    world.given(
        "2026-11-24T09:00:00Z",
        stay_cancelled("s", vagttavle::domain::observation::StayFact::Admitted),
    );
    world.until("2026-11-24T09:00:01Z");
    assert_eq!(world.state_of("v"), "late", "skipped, and now it shows");
}

#[test]
fn death_halts_every_visit_and_its_cancellation_restores_them() {
    use vagttavle::domain::observation::StayFact;
    let mut world = with_visit(norddjurs(), Help::Personal);
    world.given(TUESDAY, died("s"));
    assert_eq!(world.visit("v").halted, Some(Halt::Dead));
    world.until("2026-11-24T08:40:00Z");
    assert_eq!(world.state_of("v"), "planned", "nobody rings the home of the dead");
    world.given("2026-11-24T08:40:00Z", stay_cancelled("s", StayFact::Died));
    assert_eq!(world.visit("v").halted, Some(Halt::InHospital), "alive, in hospital");
}

// ---- taken out of the plan --------------------------------------------------------------------

#[test]
fn a_visit_taken_out_of_the_plan_leaves_the_board_and_comes_back_with_it() {
    let mut world = with_visit(norddjurs(), Help::Personal);
    let entry = world.id_of("v");
    world.given("2026-11-24T06:30:00Z", visit_withdrawn("v", "2026-11-24T06:30:00Z"));
    assert_eq!(world.visit("v").cancelled.as_ref().unwrap().by, Canceller::Withdrawn);
    assert!(!world.of("v").is_open());
    world.until("2026-11-24T09:00:00Z");
    assert_eq!(world.state_of("v"), "cancelled", "nobody is late for it");
    // Put back at the same time, later on.
    world.given("2026-11-24T09:00:00Z", visit("v", Help::Personal, "2026-11-24T11:00:00Z"));
    assert_eq!((world.state_of("v"), world.id_of("v")), ("planned", entry));
    assert!(world.of("v").is_open());
    world.until("2026-11-24T11:31:00Z");
    assert_eq!(world.state_of("v"), "late");
}

#[test]
fn what_somebody_may_have_rung_about_stays_as_cancelled_until_it_is_settled() {
    let mut world = with_visit(norddjurs(), Help::Personal);
    world.until("2026-11-24T08:31:00Z");
    assert_eq!(world.state_of("v"), "late");
    world.given("2026-11-24T08:31:00Z", visit_withdrawn("v", "2026-11-24T08:31:00Z"));
    assert_eq!((world.state_of("v"), world.why("v").as_str()), ("cancelled", "visit-withdrawn"));
    assert_eq!(
        (world.visit("v").replacement, world.attention("v").level),
        (Standing::Judgement, Level::Duty)
    );
    assert!(world.of("v").is_open());
    world.does(world.id_of("v"), visit_receipted());
    assert!(!world.of("v").is_open());
}

#[test]
fn what_has_begun_is_cancelled_by_no_absence_nor_is_what_is_not_known() {
    let mut world = with_visit(norddjurs(), Help::Personal);
    world.given("2026-11-24T08:05:00Z", visit_started("v"));
    assert_eq!(
        world.tells("2026-11-24T08:06:00Z", visit_withdrawn("v", "2026-11-24T08:06:00Z")),
        Err(Refusal::Unchanged)
    );
    assert_eq!(
        world.tells("2026-11-24T08:06:00Z", visit_withdrawn("never-heard-of", "2026-11-24T08:06:00Z")),
        Err(Refusal::Unchanged)
    );
    assert_eq!(world.state_of("v"), "planned");
}

#[test]
fn what_was_cancelled_in_words_is_not_taken_back_by_a_plan_that_is_told_again() {
    let mut world = with_visit(norddjurs(), Help::Personal);
    world.given("2026-11-24T06:10:00Z", visit_cancelled("v", Municipality, "2026-11-24T06:10:00Z"));
    let at = world.visit("v").agreed_at().unwrap();
    let again = visit("v", Help::Personal, &at.to_rfc3339());
    assert_eq!(world.tells("2026-11-24T06:20:00Z", again), Err(Refusal::Unchanged));
    assert_eq!(world.state_of("v"), "cancelled");
    // For a later time it is another visit.
    world.given("2026-11-24T06:21:00Z", visit("v", Help::Personal, "2026-11-24T10:00:00Z"));
    assert_eq!(world.state_of("v"), "planned");
}

#[test]
fn practical_help_that_goes_out_of_the_plan_during_a_stay_is_still_owed() {
    let mut world = with_visit(norddjurs(), Help::Practical);
    world.given("2026-11-24T06:10:00Z", admitted("s"));
    world.given("2026-11-24T06:20:00Z", visit_withdrawn("v", "2026-11-24T06:20:00Z"));
    assert_eq!((world.state_of("v"), world.visit("v").replacement), ("cancelled", Standing::Owed));
}

#[test]
fn moving_away_cancels_what_is_still_to_come() {
    let mut world = with_visit(norddjurs(), Help::Practical);
    world.given(TUESDAY, visit("before", Help::Personal, "2026-11-24T05:30:00Z"));
    world.given(TUESDAY, Observation::CitizenMoved { citizen: citizen("c-1") });
    assert_eq!(world.visit("v").cancelled.as_ref().unwrap().by, Canceller::HelpStopped);
    assert!(world.visit("before").cancelled.is_none());
}

#[test]
fn help_that_is_stopped_ends_the_visits_and_owes_nothing() {
    let mut world = norddjurs();
    world.given(TUESDAY, admitted("s"));
    world.given(TUESDAY, visit("v", Help::Practical, "2026-11-24T10:00:00Z"));
    world.does(world.id_of("s"), stop("care-home"));
    assert_eq!((world.state_of("v"), world.is_open("v")), ("cancelled", false));
    assert_eq!(world.visit("v").replacement, Standing::Nothing);
}

#[test]
fn a_stop_that_is_corrected_brings_the_coming_visits_back() {
    let mut world = norddjurs();
    world.given(TUESDAY, admitted("s"));
    world.given(TUESDAY, visit("v", Help::Practical, "2026-11-24T10:00:00Z"));
    world.given(TUESDAY, visit("of-itself", Help::Food, "2026-11-24T11:00:00Z"));
    world.given(TUESDAY, visit_cancelled("of-itself", Citizen, TUESDAY));
    let stay = world.id_of("s");
    world.until("2026-11-24T07:00:00Z").does(stay, stop("care-home"));
    assert_eq!((world.state_of("v"), world.is_open("v")), ("cancelled", false));
    world.does(stay, correct("stop"));
    assert_eq!((world.state_of("v"), world.is_open("v")), ("planned", true));
    assert_eq!(world.visit("v").halted, Some(Halt::InHospital), "the citizen is in hospital still");
    assert_eq!(world.state_of("of-itself"), "cancelled", "what the citizen cancelled stays so");
    world.replays();
}

#[test]
fn a_stop_that_is_corrected_too_late_shows_whom_we_skipped() {
    let mut world = norddjurs();
    world.given("2026-11-24T05:00:00Z", discharged("s"));
    world.given(TUESDAY, visit("v", Help::Personal, "2026-11-24T08:00:00Z"));
    let stay = world.id_of("s");
    world.does(stay, stop("not-ours")).until("2026-11-24T09:00:00Z").does(stay, correct("stop"));
    world.until("2026-11-24T09:00:01Z");
    assert_eq!(world.state_of("v"), "late");
}

#[test]
fn moved_away_by_mistake_brings_the_visits_back() {
    let mut world = with_visit(norddjurs(), Help::Practical);
    world.given(TUESDAY, discharged("s"));
    world.given(TUESDAY, Observation::CitizenMoved { citizen: citizen("c-1") });
    assert_eq!(world.state_of("v"), "cancelled");
    world.does(world.id_of("s"), correct("stop"));
    assert_eq!((world.state_of("v"), world.is_open("v")), ("planned", true));
}

/// Help was stopped, and then the hospital told of a death: that the stop was a mistake brings nothing back.
#[test]
fn a_stop_taken_back_of_somebody_who_has_died_since_brings_no_visit_back() {
    let mut world = norddjurs();
    world.given(TUESDAY, discharged("s"));
    world.given(TUESDAY, visit("v", Help::Practical, "2026-11-24T10:00:00Z"));
    let stay = world.id_of("s");
    world.does(stay, stop("moved"));
    assert_eq!(world.state_of("v"), "cancelled");
    world.given("2026-11-24T07:30:00Z", died("s"));
    world.does(stay, correct("stop"));
    assert_eq!((world.state_of("v"), world.is_open("v")), ("cancelled", false));
    world.replays();
}

/// Taken out of the plan, the citizen admitted, and planned again.
#[test]
fn a_visit_planned_again_for_somebody_in_hospital_stands_still() {
    let mut world = norddjurs();
    world.given(TUESDAY, visit("v", Help::Practical, "2026-11-25T10:00:00Z"));
    world.given(TUESDAY, visit_withdrawn("v", TUESDAY));
    world.given(TUESDAY, admitted("s"));
    world.given(TUESDAY, visit("v", Help::Practical, "2026-11-25T10:00:00Z"));
    assert_eq!(world.visit("v").halted, Some(Halt::InHospital));
    world.replays();
}

#[test]
fn a_death_told_by_telephone_halts_the_visits_and_owes_nothing() {
    let mut world = norddjurs();
    world.given(TUESDAY, discharged("s"));
    world.given(TUESDAY, visit("v", Help::Practical, "2026-11-24T10:00:00Z"));
    let stay = world.id_of("s");
    world.does(stay, stop("dead"));
    assert_eq!(world.visit("v").halted, Some(Halt::Dead));
    let mut corrected = world.clone();
    corrected.does(stay, correct("stop"));
    assert_eq!(corrected.visit("v").halted, Some(Halt::InHospital), "help was not resumed yet");
    world.until("2026-11-24T14:00:00Z");
    assert_eq!((world.state_of("v"), world.is_open("v")), ("cancelled", false));
    assert_eq!(world.visit("v").cancelled.as_ref().unwrap().by, Canceller::Death);
}

#[test]
fn what_we_cancel_ourselves_the_municipality_is_told_at_once() {
    let mut world = with_visit(jammerbugt(), Help::Practical);
    world.does(world.id_of("v"), cancel_anyway(Provider));
    let notice = world.duties(DutyKind::ImmediateNotice);
    assert_eq!(notice.len(), 1);
    let due = notice[0].due(DueKind::Duty).unwrap();
    assert_eq!((due.at, due.clause.as_deref()), (at("2026-11-24T07:00:00Z"), Some("3.2")));
    for (mut world, by) in [(jammerbugt(), Citizen), (norddjurs(), Provider)] {
        world.given(TUESDAY, visit("v", Help::Practical, "2026-11-24T08:00:00Z"));
        world.given(TUESDAY, visit_cancelled("v", by, TUESDAY));
        assert!(world.duties(DutyKind::ImmediateNotice).is_empty(), "{by:?}");
    }
}

// ---- a new citizen's help ---------------------------------------------------------------------

fn granted(help: Help) -> Observation {
    Observation::HelpGranted {
        citizen: citizen("c-1"),
        help,
        notified_at: at("2026-11-24T06:00:00Z"),
        order_on: "2026-12-01".parse().unwrap(),
    }
}

#[test]
fn practical_help_begins_within_fourteen_days_of_the_notice() {
    let mut world = norddjurs();
    world.given(TUESDAY, granted(Help::Practical));
    let duty = world.duties(DutyKind::StartOfHelp)[0];
    let due = duty.due(DueKind::Duty).unwrap();
    assert_eq!((due.at, due.clause.as_deref()), (at("2026-12-08T06:00:00Z"), Some("3.4")));
    assert_eq!(world.tells(TUESDAY, granted(Help::Practical)), Err(Refusal::Unchanged), "one is enough");
    world.until("2026-12-08T06:00:00Z");
    assert_eq!(world.duties(DutyKind::StartOfHelp)[0].state(), "late");
    world.given("2026-12-08T06:00:00Z", visit("v", Help::Practical, "2026-12-09T09:00:00Z"));
    world.until("2026-12-09T09:05:00Z").given("2026-12-09T09:05:00Z", visit_started("v"));
    assert!(world.duties(DutyKind::StartOfHelp).is_empty(), "begun, and late for ever");
    world.replays();
}

/// Heard of after the limit is not done after it.
#[test]
fn help_that_began_in_time_and_was_told_of_late_began_in_time() {
    let mut world = norddjurs();
    world.given(TUESDAY, granted(Help::Practical));
    let duty = world.duties(DutyKind::StartOfHelp)[0].id;
    world.given("2026-12-07T06:00:00Z", visit("v", Help::Practical, "2026-12-08T05:00:00Z"));
    world.until("2026-12-08T06:30:00Z");
    assert_eq!(world.state.entry(duty).unwrap().state(), "late");
    world.given("2026-12-08T05:00:00Z", visit_started("v"));
    let entry = world.state.entry(duty).unwrap();
    assert!(matches!(&entry.body, Body::Duties(duty) if duty.done_at.is_some() && !duty.late), "{entry:?}");
    world.replays();
}

#[test]
fn nobody_begins_help_for_the_dead_or_for_those_who_moved_away() {
    use vagttavle::domain::observation::StayFact;
    let owed =
        |world: &World| world.duties(DutyKind::StartOfHelp).len() + world.duties(DutyKind::AgreeTime).len();
    let mut world = norddjurs();
    world.given(TUESDAY, granted(Help::Practical)).given(TUESDAY, admitted("s"));
    assert_eq!(owed(&world), 2);
    let due = world.duties(DutyKind::StartOfHelp)[0].due(DueKind::Duty).unwrap().at;
    world.until("2026-11-24T09:00:00Z").given("2026-11-24T08:00:00Z", died("s"));
    assert_eq!(owed(&world), 0);
    assert_eq!(world.tells("2026-11-24T08:30:00Z", granted(Help::Practical)), Err(Refusal::Unchanged));
    world.given("2026-11-24T09:00:00Z", stay_cancelled("s", StayFact::Died));
    assert_eq!(owed(&world), 2, "alive: both are owed again");
    assert_eq!(world.duties(DutyKind::StartOfHelp)[0].due(DueKind::Duty).unwrap().at, due);
    world.replays();

    let mut world = norddjurs();
    world.given(TUESDAY, granted(Help::Practical));
    world.given(TUESDAY, Observation::CitizenMoved { citizen: citizen("c-1") });
    assert_eq!(owed(&world), 0);
    world.replays();

    // Help that was stopped by a slip of the keys goes on.
    let mut world = norddjurs();
    world.given(TUESDAY, granted(Help::Practical)).given(TUESDAY, admitted("s"));
    world.does(world.id_of("s"), stop("moved"));
    assert_eq!(owed(&world), 0);
    world.does(world.id_of("s"), correct("stop"));
    assert_eq!(owed(&world), 2);
    world.replays();
}

#[test]
fn begun_in_time_by_another_kind_of_help_is_not_begun() {
    let mut world = norddjurs();
    world.given(TUESDAY, granted(Help::Practical));
    world.given(TUESDAY, visit("v", Help::Personal, "2026-11-24T06:30:00Z"));
    world.until("2026-11-24T06:30:00Z").given("2026-11-24T06:30:00Z", visit_started("v"));
    assert_eq!(world.duties(DutyKind::StartOfHelp).len(), 1);
}

#[test]
fn where_no_days_are_agreed_there_is_no_duty() {
    assert_eq!(jammerbugt().tells(TUESDAY, granted(Help::Practical)), Err(Refusal::Unchanged));
    let mut world = norddjurs();
    world.given(TUESDAY, granted(Help::Personal));
    assert!(world.duties(DutyKind::StartOfHelp).is_empty(), "the fourteen days are practical help's");
}

#[test]
fn a_time_is_agreed_by_the_end_of_the_order_date_for_each_kind_of_help() {
    let mut world = norddjurs();
    world.given(TUESDAY, granted(Help::Personal)).given(TUESDAY, granted(Help::Practical));
    let duties = world.duties(DutyKind::AgreeTime);
    assert_eq!(duties.len(), 2);
    for duty in duties {
        let due = duty.due(DueKind::Duty).unwrap();
        // The last instant of 1 December in Copenhagen.
        assert_eq!(due.at.to_rfc3339()[..16].to_owned(), "2026-12-01T22:59", "{due:?}");
        assert_eq!(due.clause.as_deref(), Some("3.4"));
    }
    world.given(TUESDAY, visit("v", Help::Personal, "2026-11-30T08:00:00Z"));
    let left = world.duties(DutyKind::AgreeTime);
    let Body::Duties(duty) = &left[0].body else { panic!("{left:?}") };
    assert_eq!((left.len(), duty.help), (1, Some(Help::Practical)), "a plan is a time agreed");
    world.until("2026-12-02T06:00:00Z");
    assert_eq!(world.duties(DutyKind::AgreeTime)[0].state(), "late");
    world.replays();
}

#[test]
fn who_has_a_time_already_needs_none_and_nursing_has_its_own_ways() {
    let mut world = with_visit(norddjurs(), Help::Personal);
    assert_eq!(world.tells(TUESDAY, granted(Help::Personal)), Err(Refusal::Unchanged));
    assert_eq!(world.tells(TUESDAY, granted(Help::Nursing)), Err(Refusal::Unchanged));
    assert_eq!(
        jammerbugt().tells(TUESDAY, granted(Help::Personal)),
        Err(Refusal::Unchanged),
        "no such clause"
    );
}

// ---- what is offered --------------------------------------------------------------------------

#[test]
fn what_may_be_done_comes_with_the_visit() {
    let mut world = with_visit(norddjurs(), Help::Personal);
    let offered = |world: &World| -> Vec<(String, Option<String>)> {
        let shown = world.shown("v");
        shown.actions.into_iter().map(|it| (it.verb, it.refused.map(|problem| problem.code))).collect()
    };
    let open: Vec<_> = offered(&world);
    for verb in
        ["visits.contact", "visits.door", "visits.move", "visits.replace", "visits.done", "visits.cancel"]
    {
        assert!(open.contains(&(verb.into(), None)), "{verb}: {open:?}");
    }
    world.does(world.id_of("v"), visit_receipted());
    let over = offered(&world);
    assert!(over.contains(&("visits.contact".into(), Some("wrong-state".into()))), "{over:?}");
}

// ---- any order --------------------------------------------------------------------------------

fn any_told() -> impl Strategy<Value = Observation> {
    let minute = || (0_i64..240).prop_map(|minute| (at(TUESDAY) + Duration::minutes(minute)).to_rfc3339());
    prop_oneof![
        Just(visit("v", Help::Practical, "2026-11-24T08:00:00Z")),
        minute().prop_map(|at| visit_expected("v", &at)),
        Just(visit_started("v")),
        Just(visit_done("v")),
        Just(door_unanswered("v")),
        Just(visit_cancelled("v", Citizen, TUESDAY)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// Facts are never refused, the log replays, and a visit that is over asks for nothing.
    #[test]
    fn facts_about_a_visit_are_never_refused(
        told in proptest::collection::vec((0_i64..240, any_told()), 1..8),
    ) {
        let mut world = norddjurs();
        for (minute, observation) in told {
            let happened_at = at(TUESDAY) + Duration::minutes(minute);
            world.now = world.now.max(happened_at);
            match world.tells(&happened_at.to_rfc3339(), observation) {
                Ok(_) | Err(Refusal::Unchanged) => {}
                Err(refusal) => panic!("{refusal:?}"),
            }
        }
        world.replays();
        let shown = world.shown("v");
        prop_assert!(shown.closed_at.is_none() || shown.attention.level == Level::None);
        prop_assert!(shown.closed_at.is_none() || shown.due.is_empty());
        let visit = world.visit("v");
        prop_assert!(!visit.door_is_open_question() || shown.closed_at.is_none(), "somebody may lie behind it");
        if visit.done_at.is_some() && !visit.door_is_open_question() {
            prop_assert_eq!(world.state_of("v"), "done");
        }
    }

    /// Whatever is moved when: the contract's window is either kept, or the move is marked.
    #[test]
    fn no_move_against_the_window_goes_unmarked(hours in 1_i64..(24 * 30), confirmed in any::<bool>()) {
        let mut world = with_visit(norddjurs(), Help::Practical);
        let to = at("2026-11-24T08:00:00Z") + Duration::hours(hours);
        let id = world.id_of("v");
        let command = if confirmed {
            move_anyway(&to.to_rfc3339(), Citizen)
        } else {
            move_to(&to.to_rfc3339(), Citizen)
        };
        let is_kept = {
            use chrono::{Datelike, Timelike};
            let local = to + Duration::hours(1);
            let weekday = local.weekday().num_days_from_monday();
            weekday < 5 && (7..17).contains(&local.hour())
        };
        let asked = world.tries("anna", Some(id), command);
        prop_assert_eq!(asked.is_ok(), is_kept || confirmed);
        prop_assert_eq!(world.visit("v").against_contract.is_some(), confirmed && !is_kept);
    }
}

#[test]
fn a_visit_of_the_dead_that_is_planned_after_all_was_stopped_is_nobodys_duty() {
    let mut world = World::at("2026-11-21T08:00:00Z", "norddjurs");
    world.given("2026-11-21T07:00:00Z", died("s"));
    world.does(world.id_of("s"), stop("dead"));
    assert!(!world.is_open("s"));
    world.given("2026-11-21T08:00:00Z", visit("v", Help::Personal, "2026-11-21T09:00:00Z"));
    assert_eq!(world.visit("v").halted, Some(Halt::Dead));
    world.until("2026-11-21T12:00:00Z");
    assert_eq!(world.attention("v").level, Level::None);
    world.until("2026-11-21T14:00:00Z");
    let by = world.visit("v").cancelled.as_ref().map(|it| it.by);
    assert_eq!((by, world.is_open("v")), (Some(Canceller::Death), false));
    // The death is taken back: what is planned from now on is to be done.
    world.given("2026-11-21T13:00:00Z", stay_cancelled("s", StayFact::Died));
    world.given("2026-11-21T14:00:00Z", visit("w", Help::Personal, "2026-11-21T15:00:00Z"));
    assert_ne!(world.visit("w").halted, Some(Halt::Dead));
    world.replays();
}

#[test]
fn one_begun_outside_the_delivery_window_is_recorded_and_marked() {
    let morning = Window { from: "07:00:00".parse().unwrap(), to: "11:00:00".parse().unwrap() };
    let mut world = World::at("2026-11-23T05:00:00Z", "norddjurs");
    for (name, begun, marked) in
        [("in", "2026-11-23T09:59:00Z", None), ("out", "2026-11-23T10:10:00Z", Some("3.4"))]
    {
        let plan =
            visit_of(name, name, Grant::Service, Help::Personal, "2026-11-23T09:45:00Z", Some(morning));
        world.given("2026-11-23T05:00:00Z", plan);
        world.given(begun, visit_started(name));
        // Within half an hour of the agreed time both are.
        let visit = world.visit(name);
        assert_eq!((visit.against_contract.as_deref(), visit.deviation()), (marked, None), "{name}");
    }
    world.replays();
}

// ---- what is owed, in a row, and before it is too late ------------------------------------------

/// N 3.2: owed when the citizen is in hospital at the agreed time, not hours later.
#[test]
fn cleaning_missed_in_hospital_is_owed_from_the_agreed_time_on() {
    let mut world = norddjurs();
    world.given(TUESDAY, visit("clean", Help::Practical, "2026-11-24T09:00:00Z"));
    world.given(TUESDAY, admitted("s"));
    world.until("2026-11-24T08:59:59Z");
    assert_eq!(world.state_of("clean"), "planned");
    world.until("2026-11-24T09:00:01Z");
    assert_eq!(world.why("clean"), "replacement-owed");
    // It never was: then it was skipped, and that shows.
    world.until("2026-11-24T10:00:00Z");
    world.given(
        "2026-11-24T10:00:00Z",
        stay_cancelled("s", vagttavle::domain::observation::StayFact::Admitted),
    );
    world.until("2026-11-24T10:00:01Z");
    assert_eq!((world.visit("clean").replacement, world.state_of("clean")), (Standing::Nothing, "late"));
    world.replays();
}

#[test]
fn a_visit_that_was_made_after_all_is_not_missed() {
    let mut world = norddjurs();
    world.given(TUESDAY, visit("clean", Help::Practical, "2026-11-24T09:00:00Z"));
    world.given(TUESDAY, admitted("s"));
    world.until("2026-11-24T09:20:00Z");
    world.given("2026-11-24T09:10:00Z", visit_started("clean"));
    world.given("2026-11-24T09:20:00Z", visit_done("clean"));
    assert_eq!((world.state_of("clean"), world.visit("clean").replacement), ("done", Standing::Nothing));
}

/// N 3.2: not several times in a row, whichever visits of that help they are.
#[test]
fn a_second_postponement_in_a_row_is_warned_of_though_it_is_another_visit() {
    let mut world = norddjurs();
    for (name, agreed) in [
        ("first", "2026-11-24T10:00:00Z"),
        ("second", "2026-11-25T10:00:00Z"),
        ("food", "2026-11-25T11:00:00Z"),
        ("third", "2026-11-26T10:00:00Z"),
    ] {
        let help = if name == "food" { Help::Food } else { Help::Practical };
        world.given(TUESDAY, visit(name, help, agreed));
    }
    world.does(world.id_of("first"), move_to("2026-11-24T11:00:00Z", Provider));
    let again = world.tries("anna", Some(world.id_of("second")), move_to("2026-11-25T11:00:00Z", Provider));
    assert_eq!(against(again), "3.2");
    world.does(world.id_of("second"), move_to("2026-11-25T11:00:00Z", Citizen));
    // The one before was not postponed by us: then it is none in a row.
    world.does(world.id_of("third"), move_to("2026-11-26T11:00:00Z", Provider));
}

/// N 3.4: a delay of ten minutes that leaves the delivery interval is shown before it has happened.
#[test]
fn a_delay_out_of_the_delivery_interval_is_shown_before_whatever_its_length() {
    let mut world = norddjurs();
    world.given(TUESDAY, visit("v", Help::Practical, "2026-11-24T15:50:00Z"));
    world.until("2026-11-24T15:00:00Z");
    let number = world.of("v").number;
    world.given("2026-11-24T15:00:00Z", visit_expected("v", "2026-11-24T15:55:00Z"));
    assert_eq!(world.attention("v").level, Level::None, "within the interval");
    for (expected, why) in [
        ("2026-11-24T16:10:00Z", "leaves-interval"),
        ("2026-11-24T15:52:00Z", "planned"),
        ("2026-11-24T16:11:00Z", "leaves-interval"),
    ] {
        let at = world.now + chrono::Duration::minutes(1);
        world.until(&at.to_rfc3339());
        world.given(&at.to_rfc3339(), visit_expected("v", expected));
        assert_eq!(world.why("v"), why, "{expected}");
    }
    assert_ne!(world.of("v").number, number, "it has a number to speak of");
    world.does(world.id_of("v"), contact(true));
    assert_eq!(world.state_of("v"), "contacted");
    assert_eq!(world.attention("v").level, Level::None);
    world.replays();
}
