//! What every entry has: holder, number, links, scope, version.

use chrono::Duration;
use vagttavle::domain::Refusal;
use vagttavle::domain::entry::DueKind;
use vagttavle::domain::identity::EntryId;
use vagttavle::domain::observation::{Matched, MissedReason, Observation};

use crate::support::*;

fn waiting() -> (World, EntryId) {
    let mut world = World::new();
    world.given(call_waiting("c-1"));
    let call = world.of("c-1");
    (world, call)
}

#[test]
fn of_two_claims_the_first_wins_and_the_second_learns_who_has_it() {
    let (mut world, call) = waiting();
    let since = world.now;
    world.does("anna", call, claim());
    assert_eq!(
        world.tries("bo", call, claim()),
        Err(Refusal::AlreadyClaimed { holder: person("anna"), since })
    );
    assert!(world.tries("bo", call, claim()).unwrap_err().is_conflict());
    assert_eq!(world.tries("anna", call, claim()), Err(Refusal::AlreadyDone));
}

#[test]
fn only_the_holder_gives_back() {
    let (mut world, call) = waiting();
    assert_eq!(world.tries("anna", call, release()), Err(Refusal::NotClaimed));
    world.does("anna", call, claim());
    assert_eq!(world.tries("bo", call, release()), Err(Refusal::NotYours { holder: person("anna") }));
    world.does("anna", call, release());
    assert!(world.entry(call).holder.is_none());
}

#[test]
fn taking_over_is_explicit_and_names_who_had_it() {
    let (mut world, call) = waiting();
    assert_eq!(world.tries("bo", call, take_over()), Err(Refusal::NotClaimed));
    world.does("anna", call, claim());
    assert_eq!(world.tries("anna", call, take_over()), Err(Refusal::AlreadyDone));
    world.pass_minutes(30).does("bo", call, take_over());
    assert_eq!(world.entry(call).holder.as_ref().unwrap().name, person("bo"));
    assert!(format!("{:?}", world.log.last().unwrap().event).contains("anna"));
    assert_eq!(world.due(call, DueKind::Claim), Some(world.now + Duration::minutes(60)));
}

#[test]
fn a_claim_runs_out_and_the_entry_comes_back() {
    let (mut world, call) = waiting();
    world.does("anna", call, claim()).pass_minutes(59);
    assert!(world.entry(call).holder.is_some());
    world.pass_minutes(1);
    assert!(world.entry(call).holder.is_none());
    assert_eq!(world.last_kinds(1), ["entry.claim-expired"]);
    assert_eq!(world.due(call, DueKind::Claim), None);
}

#[test]
fn an_agreement_that_says_nothing_about_claims_still_lets_them_run_out() {
    let mut world = World::new().within(&["albertslund"]);
    world.agreement = Some(agreement("albertslund"));
    world.given(call_waiting("c-1"));
    // Nobody here serves Albertslund.
    let call = world.of("c-1");
    assert_eq!(world.tries("anna", call, claim()), Err(Refusal::UnknownEntry));
}

#[test]
fn two_entries_are_linked_both_ways_once() {
    let (mut world, one) = waiting();
    world.given(call_waiting("c-2"));
    let two = world.of("c-2");
    world.does("anna", one, link(two));
    assert_eq!(world.entry(one).links[0].to, two);
    assert_eq!(world.entry(two).links[0].to, one);
    assert_eq!(world.tries("anna", one, link(two)), Err(Refusal::AlreadyDone));
    assert_eq!(world.tries("anna", one, link(one)), Err(Refusal::CannotLink));
    assert_eq!(world.tries("anna", one, link(EntryId(uuid::Uuid::nil()))), Err(Refusal::CannotLink));
}

#[test]
fn an_entry_cannot_be_linked_to_one_that_may_not_be_seen() {
    let mut world = World::new().within(&["norddjurs"]);
    world.given(call_waiting("n-1"));
    let mut world = world.within(&["jammerbugt"]);
    world.given(call_waiting("j-1"));
    let (ours, theirs) = (world.of("n-1"), world.of("j-1"));
    assert_eq!(world.tries("mette", ours, link(theirs)), Err(Refusal::CannotLink));
}

#[test]
fn a_foreign_entry_answers_like_one_that_is_not_there() {
    let (mut world, call) = waiting();
    let nowhere = EntryId(uuid::Uuid::from_u128(7));
    assert_eq!(world.tries("mette", call, claim()), Err(Refusal::UnknownEntry));
    assert_eq!(world.tries("mette", nowhere, claim()), Err(Refusal::UnknownEntry));
}

#[test]
fn an_entry_that_may_be_ours_is_seen_until_it_is_somebody_elses() {
    let mut world = World::new().within(&["jammerbugt", "norddjurs"]);
    world.given(call_waiting("c-1"));
    let call = world.of("c-1");
    world.does("mette", call, claim()).does("mette", call, release());
    world.does("anna", call, assign("jammerbugt"));
    assert_eq!(world.tries("mette", call, claim()), Err(Refusal::UnknownEntry));
}

#[test]
fn a_command_of_another_board_is_refused() {
    let (mut world, call) = waiting();
    assert_eq!(world.tries("anna", call, arrive()).unwrap_err().code(), "wrong-board");
}

#[test]
fn a_command_without_its_entry_is_refused() {
    use vagttavle::domain::{Actor, Request};
    let (mut world, _) = waiting();
    let ctx = world.ctx(Actor::Person(person("anna")));
    let request = Request::Command { entry: None, expected_version: None, command: claim() };
    assert_eq!(world.ask(&ctx, &request), Err(Refusal::EntryMissing));
}

#[test]
fn nothing_happens_in_the_future_or_before_the_entry_began() {
    let (mut world, call) = waiting();
    let began_at = world.now;
    world.pass_minutes(5);
    let future = world.now + Duration::seconds(1);
    assert_eq!(world.tries_of("anna", future, call, claim()), Err(Refusal::InFuture));
    let before = began_at - Duration::seconds(1);
    assert_eq!(
        world.tries_of("anna", before, call, claim()),
        Err(Refusal::BeforeOpened { opened_at: began_at })
    );
    world.tries_of("anna", began_at, call, claim()).unwrap();
}

#[test]
fn an_entry_that_changed_since_it_was_read_is_stale() {
    let (mut world, call) = waiting();
    let read = world.entry(call).version;
    world.does("bo", call, claim());
    assert_eq!(
        world.tries_at_version("bo", read, call, answer()),
        Err(Refusal::Stale { expected: read, actual: read + 1 })
    );
    world.tries_at_version("bo", read + 1, call, answer()).unwrap();
}

#[test]
fn links_notes_and_receipts_do_not_raise_the_version() {
    let (mut world, call) = waiting();
    world.given(call_waiting("c-2"));
    let version = world.entry(call).version;
    let two = world.of("c-2");
    let note = vagttavle::domain::entry::OfServer::NoteWritten { receipt: id("N-77") };
    world.does("anna", call, link(two)).does("anna", call, vagttavle::domain::Command::OfServer(note));
    assert_eq!(world.entry(call).version, version);
    assert_eq!(world.entry(call).notes, 1);
}

#[test]
fn a_citizen_is_joined_to_the_entry_once_known() {
    let (mut world, call) = waiting();
    let matched = Observation::CitizenMatched { of: Matched::Call(id("c-1")), citizen: citizen("cit-4") };
    world.given(matched.clone());
    assert_eq!(world.entry(call).citizen, Some(citizen("cit-4")));
    assert_eq!(world.tells("central", matched), Err(Refusal::Unchanged));
    let nobody = Observation::CitizenMatched { of: Matched::Alarm(id("x")), citizen: citizen("cit-4") };
    assert_eq!(world.tells("central", nobody), Err(Refusal::UnknownEntry));
}

#[test]
fn numbers_are_spoken_and_free_ones_are_used_again_only_after_a_round() {
    let mut world = World::new();
    // Each talk leaves a duty to write it down: as many as there are numbers.
    for call in 1..=999 {
        let name = format!("c-{call}");
        world.given(call_waiting(&name)).given(call_answered(&name, None));
        let number = world.entry(world.of(&name)).number;
        if call == 1 {
            assert_eq!(number, 1);
        }
        assert!(number <= 999, "three digits");
        if call > 3 {
            world.given(call_ended(&name));
        }
    }
    let (first, last) = (world.of("c-1"), world.of("c-999"));
    assert_eq!(world.state.by_number(1).unwrap().id, first, "still open, still its own");
    assert!(world.entry(last).number < 999);
    assert_ne!(world.entry(last).number, 1);
}

#[test]
fn an_entry_that_comes_back_after_its_number_was_given_away_gets_another() {
    let (mut world, call) = waiting();
    world.given(call_missed("c-1", MissedReason::HungUp)).does("anna", call, call_back(true));
    let number = world.entry(call).number;
    for other in 1..1100 {
        let name = format!("x-{other}");
        world.given(call_waiting(&name));
        if world.entry(world.of(&name)).number == number {
            break;
        }
        world.does("anna", world.of(&name), give_up("duplicate"));
    }
    let taken = world.state.by_number(number).expect("given away").id;
    assert_ne!(taken, call);
    world.does("anna", call, correct("call-back"));
    assert_ne!(world.entry(call).number, number);
    assert_eq!(world.state.by_number(world.entry(call).number).unwrap().id, call);
    assert_eq!(world.replayed(), world.state);
}

#[test]
fn what_is_long_over_is_let_go_and_its_month_stays_counted() {
    let (mut world, call) = waiting();
    world.given(call_answered("c-1", None)).given(call_ended("c-1"));
    let month = world.now;
    world.pass_days(39).given(call_waiting("c-2"));
    assert!(world.state.entry(call).is_some());
    world.pass_days(3).given(call_waiting("c-3"));
    assert!(world.state.entry(call).is_none());
    world.now = month;
    assert_eq!(world.answering("jammerbugt", vagttavle::domain::identity::Board::Phone, 60), (1, 1));
}
