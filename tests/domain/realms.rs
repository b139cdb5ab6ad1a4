//! The same citizen's id of two municipalities is two people, unless their agreements say that they share a care system.

use vagttavle::domain::agreement::{Agreement, built_in_text};
use vagttavle::domain::identity::EntryId;
use vagttavle::domain::observation::{Help, Matched, Observation};
use vagttavle::domain::{Command, Refusal, alarms};

use crate::homecare::*;

/// A Tuesday, 07:00 in Copenhagen.
const TUESDAY: &str = "2026-11-24T06:00:00Z";
const TODAY: &str = "2026-11-24T08:00:00Z";

/// Jammerbugt has a visit of its citizen "c-1" today; from here on Norddjurs speaks.
fn two_towns() -> World {
    let mut world = World::at(TUESDAY, "jammerbugt");
    world.given(TUESDAY, visit("v", Help::Personal, TODAY)).of_agreement("norddjurs");
    world
}

fn moved() -> Observation {
    Observation::CitizenMoved { citizen: citizen("c-1") }
}

fn granted(help: Help) -> Observation {
    Observation::HelpGranted {
        citizen: citizen("c-1"),
        help,
        notified_at: at(TUESDAY),
        order_on: "2026-12-01".parse().expect("a date"),
    }
}

fn assign_alarm(to: &str) -> Command {
    Command::Alarms(alarms::Command::Assign { agreement: agreement_id(to) })
}

fn is_halted(world: &World, visit: &str) -> bool {
    world.visit(visit).halted.is_some()
}

#[test]
fn a_stay_halts_no_visit_of_another_municipalitys_namesake() {
    for stay in [admitted("s"), died("s"), discharged("s"), expected("s", "2026-11-25T08:00:00Z")] {
        let mut world = two_towns();
        let before = world.of("v").clone();
        world.given(TUESDAY, stay);
        assert_eq!(*world.of("v"), before, "not touched: neither halted, nor linked, nor spoken of");
        // Called late as ever.
        world.until("2026-11-24T08:30:00Z");
        assert_eq!(world.state_of("v"), "late");
        world.replays();
    }
}

#[test]
fn a_visit_planned_later_is_not_halted_by_a_namesakes_stay_or_death() {
    for stay in [admitted("s"), died("s")] {
        let mut world = World::at(TUESDAY, "norddjurs");
        world.given(TUESDAY, stay).of_agreement("jammerbugt").given(TUESDAY, visit("v", Help::Food, TODAY));
        assert!(!is_halted(&world, "v"));
        assert!(!world.are_linked(world.id_of("s"), world.id_of("v")));
    }
}

#[test]
fn help_resumed_stopped_and_corrected_touches_no_namesake() {
    let mut world = two_towns();
    // Jammerbugt's citizen is in hospital as well.
    world.of_agreement("jammerbugt").given(TUESDAY, admitted("j")).of_agreement("norddjurs");
    assert!(is_halted(&world, "v"));
    world.given(TUESDAY, admitted("s")).given(TUESDAY, discharged("s"));
    assert_ne!(world.id_of("s"), world.id_of("j"), "two people, two stays");
    let stay = world.id_of("s");
    world.does(stay, resume());
    assert!(is_halted(&world, "v"), "it is the other one whose help is resumed");
    let mut stopped = world.clone();
    stopped.until(TODAY);
    stopped.given(TODAY, admitted("s2"));
    let stay = stopped.id_of("s2");
    stopped.does(stay, stop("moved")).does(stay, correct("stop"));
    assert!(stopped.is_open("v"));
    assert_eq!(*stopped.of("j"), *world.of("j"));
}

#[test]
fn moving_away_ends_the_help_of_one_person() {
    let mut world = two_towns();
    assert_eq!(world.tells(TUESDAY, moved()), Err(Refusal::Unchanged), "nobody of Norddjurs has that id");
    world.given(TUESDAY, visit("n", Help::Personal, TODAY)).given(TUESDAY, moved());
    assert_eq!(world.state_of("n"), "cancelled");
    assert_eq!(world.state_of("v"), "planned");
}

#[test]
fn moving_away_of_one_of_two_people_must_say_whose() {
    let mut world = two_towns();
    world.given(TUESDAY, visit("n", Help::Personal, TODAY)).of_one_of(&["jammerbugt", "norddjurs"]);
    assert_eq!(world.tells(TUESDAY, moved()), Err(Refusal::FieldMissing { field: "agreement".into() }));
    // Only one of the two is known: that one is meant.
    let mut world = two_towns();
    world.of_one_of(&["jammerbugt", "norddjurs"]).given(TUESDAY, moved());
    assert_eq!(world.state_of("v"), "cancelled");
}

#[test]
fn a_dead_namesake_keeps_nobody_from_being_promised_help() {
    let mut world = World::at(TUESDAY, "jammerbugt");
    world.given(TUESDAY, died("s")).of_agreement("norddjurs").given(TUESDAY, granted(Help::Practical));
    let of_norddjurs =
        world.state.open_entries().filter(|it| it.agreement == Some(agreement_id("norddjurs")));
    let duties = of_norddjurs.count();
    assert!(duties > 0, "Norddjurs owes its own citizen a beginning");
    // And the visit of the namesake fulfils nothing.
    world.of_agreement("jammerbugt").given(TUESDAY, visit("v", Help::Practical, TODAY));
    let of_norddjurs =
        world.state.open_entries().filter(|it| it.agreement == Some(agreement_id("norddjurs")));
    assert_eq!(of_norddjurs.count(), duties);
}

#[test]
fn agreements_that_share_a_care_system_share_their_citizens() {
    let mut world = two_towns();
    world.share("nexus-nord", &["jammerbugt", "norddjurs"]).given(TUESDAY, admitted("s"));
    assert!(is_halted(&world, "v"));
    assert!(world.are_linked(world.id_of("s"), world.id_of("v")));
    world.replays();
    // One that says so alone shares with nobody.
    let mut world = two_towns();
    world.share("nexus-nord", &["jammerbugt"]).given(TUESDAY, admitted("s"));
    assert!(!is_halted(&world, "v"));
}

#[test]
fn an_id_that_may_be_two_peoples_joins_nothing_until_it_is_said_whose_it_is() {
    for (whose, joins) in [("jammerbugt", true), ("norddjurs", false)] {
        let mut world = two_towns();
        world.of_agreement("jammerbugt").given(TUESDAY, admitted("s"));
        world.of_one_of(&["jammerbugt", "norddjurs"]).given(TUESDAY, alarm_raised("a", "c-1"));
        let (alarm, stay) = (world.id_of("a"), world.id_of("s"));
        assert!(world.of("a").links.is_empty());
        world.does(alarm, assign_alarm(whose));
        assert_eq!(world.are_linked(alarm, stay), joins, "{whose}");
        world.replays();
    }
}

#[test]
fn a_call_matched_to_a_citizen_joins_when_it_is_assigned() {
    let mut world = World::at(TUESDAY, "jammerbugt");
    world
        .given(TUESDAY, admitted("s"))
        .of_one_of(&["jammerbugt", "norddjurs"])
        .given(TUESDAY, Observation::CallWaiting { call: id("k"), queue: id("doegnvagt"), colleague: false })
        .given(TUESDAY, Observation::CitizenMatched { of: Matched::Call(id("k")), citizen: citizen("c-1") });
    let (call, stay): (EntryId, EntryId) = (world.id_of("k"), world.id_of("s"));
    assert!(!world.are_linked(call, stay));
    world.does(call, crate::support::assign("jammerbugt"));
    assert!(world.are_linked(call, stay));
}

#[test]
fn an_agreement_file_says_with_whom_it_shares_its_citizens() {
    let text = built_in_text(&agreement_id("norddjurs")).expect("it comes with the program");
    let alone = Agreement::parse(text).expect("a good file");
    assert_eq!(alone.care_system, None);
    let shared = Agreement::parse(&format!("care_system = \"nexus-nord\"\n{text}")).expect("a good file");
    assert_eq!(shared.care_system, Some(code("nexus-nord")));
    assert_ne!(shared.hash(), alone.hash(), "it is another edition");
    let stored = serde_json::to_string(&alone).expect("plain fields");
    assert!(!stored.contains("care_system"), "what was adopted before has the hash it had");
    for bad in ["care_system = \"Nexus Nord\"", "care_system = 4", "care_systm = \"nexus-nord\""] {
        let mistakes = Agreement::parse(&format!("{bad}\n{text}")).expect_err(bad);
        assert_eq!(mistakes[0].line, 1, "{bad}: {mistakes:?}");
    }
}

#[test]
fn a_stay_of_one_of_two_municipalities_halts_the_visits_of_the_one_it_is_given_to() {
    let assign = |to: &str| {
        Command::Discharges(vagttavle::domain::discharges::Command::Assign { agreement: agreement_id(to) })
    };
    let mut world = two_towns();
    world.given(TUESDAY, visit("n", Help::Personal, TODAY)).of_one_of(&["jammerbugt", "norddjurs"]);
    world.given(TUESDAY, admitted("s"));
    assert!(!is_halted(&world, "v") && !is_halted(&world, "n"), "whose it is nobody knows yet");
    let offered = |world: &World| world.shown("s").actions.iter().any(|it| it.verb == "discharges.assign");
    assert!(offered(&world));
    let stay = world.id_of("s");
    let notices = |world: &World| {
        let duties = world.duties(vagttavle::domain::duties::DutyKind::ImmediateNotice);
        duties.iter().map(|duty| duty.agreement.as_ref().map(ToString::to_string)).collect::<Vec<_>>()
    };
    assert_eq!(notices(&world), [None], "the municipality is to be told, and nobody knows which");
    world.does(stay, assign("jammerbugt"));
    assert!(is_halted(&world, "v") && !is_halted(&world, "n"));
    assert!(world.are_linked(stay, world.id_of("v")));
    assert_eq!(notices(&world), [Some("jammerbugt".to_owned())]);
    assert_eq!(world.tries("anna", Some(stay), assign("jammerbugt")), Err(Refusal::AlreadyDone));
    // It was the other one.
    world.does(stay, assign("norddjurs"));
    assert!(!is_halted(&world, "v") && is_halted(&world, "n"));
    assert_eq!(notices(&world), [Some("norddjurs".to_owned())]);
    world.replays();
}

/// Given to the wrong one first, then to the right one, where it goes on in another entry.
#[test]
fn a_stay_given_to_another_and_joined_there_leaves_nobodys_visits_halted() {
    let assign = |to: &str| {
        Command::Discharges(vagttavle::domain::discharges::Command::Assign { agreement: agreement_id(to) })
    };
    let mut world = two_towns();
    world.tries("anna", None, open(Some("norddjurs"), Some("c-1"), "2026-11-26T10:00:00Z")).unwrap();
    world.given(TUESDAY, visit("n", Help::Personal, TODAY)).of_one_of(&["jammerbugt", "norddjurs"]);
    world.given(TUESDAY, admitted("s"));
    let stay = world.id_of("s");
    world.does(stay, assign("jammerbugt"));
    assert!(is_halted(&world, "n") != is_halted(&world, "v"), "one of the two namesakes'");
    world.does(stay, assign("norddjurs"));
    assert_ne!(world.id_of("s"), stay, "it goes on in the one opened by hand");
    let halted: Vec<&str> = ["v", "n"].into_iter().filter(|name| is_halted(&world, name)).collect();
    assert_eq!(halted, ["n"]);
    let notices = world.duties(vagttavle::domain::duties::DutyKind::ImmediateNotice);
    assert!(notices.iter().all(|duty| duty.agreement == Some(agreement_id("norddjurs"))), "{notices:?}");
    world.replays();
}

#[test]
fn a_visit_of_one_of_two_municipalities_gets_the_limit_of_the_one_it_is_given_to() {
    let assign = |to: &str| {
        Command::Visits(vagttavle::domain::visits::Command::Assign { agreement: agreement_id(to) })
    };
    let mut world = World::at(TUESDAY, "norddjurs");
    world.given(TUESDAY, admitted("s")).of_one_of(&["jammerbugt", "norddjurs"]);
    world.given(TUESDAY, visit("v", Help::Personal, TODAY));
    assert!(!is_halted(&world, "v"));
    let visit = world.id_of("v");
    let limit =
        |world: &World| world.visit("v").plan.as_ref().unwrap().limit.as_ref().map(|it| it.clause.clone());
    world.does(visit, assign("norddjurs"));
    assert!(is_halted(&world, "v"), "of Norddjurs' citizen, who is in hospital");
    assert_eq!(limit(&world), Some(Some("3.5.5".to_owned())));
    world.does(visit, assign("jammerbugt"));
    assert!(!is_halted(&world, "v"), "Jammerbugt's namesake is at home");
    world.until("2026-11-24T08:40:00Z");
    world.replays();
}
