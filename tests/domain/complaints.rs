//! Complaints: taken down by hand, settled in one act, and by which contract they must go on (J 3.2.2, N 3.7.3).

use serde_json::json;
use vagttavle::domain::complaints::{Command as C, Complaint, Correctable, Form, Settlement, Subject};
use vagttavle::domain::entry::{Body, Entry};
use vagttavle::domain::identity::{Board, EntryId};
use vagttavle::domain::vocabulary::CorrectionReason;
use vagttavle::domain::{Command, Refusal};
use vagttavle::protocol::attention::{Level, Next, Why};
use vagttavle::protocol::{self, project};

use crate::homecare::*;

const MONDAY: &str = "2026-11-23T08:00:00Z";

fn receive(agreement: Option<&str>) -> Command {
    Command::Complaints(C::Receive {
        form: Form::Oral,
        what: Subject::NotVisited,
        agreement: agreement.map(agreement_id),
        citizen: Some(citizen("c-1")),
    })
}

fn settle(outcome: Settlement, confirmed: bool) -> Command {
    Command::Complaints(C::Settle { outcome, reference: None, confirmed })
}

fn correct(what: Correctable) -> Command {
    Command::Complaints(C::Correct { what, reason: CorrectionReason::WrongEntry })
}

/// A complaint of this municipality.
fn taken(agreement: &str) -> (World, EntryId) {
    let mut world = World::at(MONDAY, agreement);
    world.tries("anna", None, receive(Some(agreement))).unwrap();
    let open: Vec<EntryId> = world.state.open_on(Board::Complaints).map(|entry| entry.id).collect();
    assert_eq!(open.len(), 1);
    (world, open[0])
}

fn complaint(entry: &Entry) -> &Complaint {
    match &entry.body {
        Body::Complaints(complaint) => complaint,
        other => panic!("{other:?}"),
    }
}

fn shown(world: &World, id: EntryId) -> protocol::Entry {
    project::entry(&world.state, world.state.entry(id).unwrap(), world.now)
}

#[test]
fn one_is_taken_down_with_how_it_came_and_what_it_is_about() {
    let (world, id) = taken("jammerbugt");
    let entry = world.state.entry(id).unwrap();
    assert_eq!((complaint(entry).form, complaint(entry).subject), (Form::Oral, Subject::NotVisited));
    assert_eq!(
        (entry.agreement.clone(), entry.citizen.clone()),
        (Some(agreement_id("jammerbugt")), Some(citizen("c-1")))
    );
    let seen = shown(&world, id);
    assert_eq!((seen.state.as_str(), seen.is_spoken_of()), ("open", true));
    assert_eq!((seen.attention.level, seen.attention.why), (Level::Duty, Why::Complaint));
    world.replays();
}

#[test]
fn what_we_solve_stays_with_us_in_jammerbugt_and_the_rest_goes_on() {
    let (mut world, id) = taken("jammerbugt");
    assert_eq!(shown(&world, id).attention.next, Next::SettleComplaint);
    let mut solved = world.clone();
    solved.does(id, settle(Settlement::Solved, false));
    assert_eq!(shown(&solved, id).state, "solved");
    world.does(id, settle(Settlement::Forwarded, false));
    assert_eq!(shown(&world, id).state, "forwarded");
    assert!(!world.state.entry(id).unwrap().is_open());
    let again = world.tries("anna", Some(id), settle(Settlement::Solved, false));
    assert_eq!(again, Err(Refusal::WrongState { state: "forwarded".into() }));
    world.replays();
}

#[test]
fn in_norddjurs_all_of_them_go_on_and_keeping_one_is_warned_of_and_marked() {
    let (mut world, id) = taken("norddjurs");
    assert_eq!(shown(&world, id).attention.next, Next::ForwardComplaint);
    let warned = world.tries("anna", Some(id), settle(Settlement::Solved, false));
    assert!(
        matches!(&warned, Err(Refusal::AgainstContract { clause, .. }) if clause == "3.7.3"),
        "{warned:?}"
    );
    let mut kept = world.clone();
    kept.does(id, settle(Settlement::Solved, true));
    let settled = complaint(kept.state.entry(id).unwrap()).settled.clone().unwrap();
    assert_eq!(settled.against_contract.as_deref(), Some("3.7.3"));
    let mut both = world.clone();
    both.does(id, settle(Settlement::SolvedAndForwarded, false));
    assert_eq!(shown(&both, id).state, "forwarded");
    // Nothing speaks against sending it on, whatever was confirmed.
    world.does(id, settle(Settlement::Forwarded, true));
    let settled = complaint(world.state.entry(id).unwrap()).settled.clone().unwrap();
    assert_eq!(settled.against_contract, None);
}

#[test]
fn a_settlement_and_a_complaint_by_mistake_are_taken_back() {
    let (mut world, id) = taken("jammerbugt");
    assert_eq!(
        world.tries("anna", Some(id), correct(Correctable::Settlement)),
        Err(Refusal::NothingToCorrect)
    );
    world.does(id, settle(Settlement::Solved, false)).does(id, correct(Correctable::Settlement));
    assert!(world.state.entry(id).unwrap().is_open());
    assert_eq!(shown(&world, id).state, "open");
    world.does(id, correct(Correctable::Complaint));
    assert_eq!(shown(&world, id).state, "withdrawn");
    assert!(!world.state.entry(id).unwrap().is_open());
    world.replays();
}

/// With two municipalities it must be said whose it is; a verb of this board is no other's.
#[test]
fn it_belongs_to_a_municipality_and_is_no_other_boards() {
    let mut world = World::at(MONDAY, "jammerbugt");
    assert_eq!(
        world.tries("anna", None, receive(None)),
        Err(Refusal::FieldMissing { field: "agreement".into() })
    );
    assert_eq!(world.tries("anna", None, settle(Settlement::Solved, false)), Err(Refusal::EntryMissing));
    world.given(MONDAY, visit("v", vagttavle::domain::observation::Help::Personal, "2026-11-23T09:00:00Z"));
    let refused = world.tries("anna", Some(world.id_of("v")), settle(Settlement::Solved, false));
    assert_eq!(refused, Err(Refusal::WrongBoard { board: Board::Visits }));
}

#[test]
fn what_was_said_is_written_through_and_is_no_field() {
    let text = json!({ "form": "oral", "what": "late", "text": "Hun råbte" });
    let read = C::read("receive", text).unwrap().unwrap();
    assert!(!format!("{read:?}").contains("Hun"));
    let (world, id) = taken("jammerbugt");
    let verbs: Vec<String> = shown(&world, id).actions.into_iter().map(|action| action.verb).collect();
    for verb in ["complaints.settle", "complaints.note", "complaints.correct"] {
        assert!(verbs.iter().any(|it| it == verb), "{verb} in {verbs:?}");
    }
}
