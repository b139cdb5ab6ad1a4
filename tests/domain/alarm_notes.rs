//! A talk at an alarm is written down in the care system as any other (N 3.9.1, J 3.1.6).

use vagttavle::domain::duties::DutyKind;
use vagttavle::domain::entry::OfServer;
use vagttavle::domain::identity::EntryId;
use vagttavle::domain::observation::Observation;
use vagttavle::domain::{Command, alarms};
use vagttavle::protocol::Details;
use vagttavle::protocol::project;

use crate::homecare::*;

const NIGHT: &str = "2026-11-21T22:00:00Z";

fn answered(alarm: &str) -> Observation {
    Observation::AlarmAnswered { alarm: id(alarm), agent: None }
}

fn close(outcome: alarms::Outcome) -> Command {
    Command::Alarms(alarms::Command::Close { outcome })
}

fn note() -> Command {
    Command::OfServer(OfServer::NoteWritten { receipt: id("note-1") })
}

fn talked(agreement: &str) -> (World, EntryId) {
    let mut world = World::at(NIGHT, agreement);
    world.given(NIGHT, alarm_raised("a", "c-1"));
    world.given(NIGHT, answered("a"));
    let alarm = world.id_of("a");
    (world, alarm)
}

fn owed(world: &World) -> Vec<EntryId> {
    world.duties(DutyKind::Documentation).iter().map(|entry| entry.id).collect()
}

#[test]
fn it_is_owed_once_the_alarm_is_over_and_names_what_it_is_about() {
    for agreement in ["jammerbugt", "norddjurs"] {
        let (mut world, alarm) = talked(agreement);
        assert!(owed(&world).is_empty(), "not while it lasts");
        world.does(alarm, close(alarms::Outcome::Helped));
        let duty = owed(&world)[0];
        assert!(!world.state.entry(alarm).unwrap().is_open());
        let shown = project::entry(&world.state, world.state.entry(duty).unwrap(), world.now);
        let Details::Duties(details) = shown.details else { panic!("a duty") };
        assert_eq!((details.about, details.about_since), (Some(alarm), Some(at(NIGHT))));
        assert_eq!(details.about_board.map(|board| board.name()), Some("alarms"));
        assert_eq!(details.owner.as_ref().map(|name| name.as_str()), Some("anna"));
        assert_eq!(shown.agreement.unwrap().as_str(), agreement);
        world.replays();
    }
}

#[test]
fn a_note_about_it_is_what_was_owed() {
    let (mut world, alarm) = talked("norddjurs");
    world.does(alarm, close(alarms::Outcome::Helped));
    world.does(alarm, note());
    assert!(owed(&world).is_empty(), "written on the closed alarm itself");
    let (mut world, alarm) = talked("norddjurs");
    world.does(alarm, note());
    world.does(alarm, close(alarms::Outcome::Helped));
    assert!(owed(&world).is_empty(), "written before it was over");
}

#[test]
fn written_elsewhere_it_is_said_on_the_alarm_or_on_the_duty() {
    let documented = || Command::Alarms(alarms::Command::Documented {});
    let (mut world, alarm) = talked("norddjurs");
    world.does(alarm, documented());
    world.does(alarm, close(alarms::Outcome::Helped));
    assert!(owed(&world).is_empty());
    let (mut world, alarm) = talked("norddjurs");
    world.does(alarm, close(alarms::Outcome::Helped));
    world.does(alarm, documented());
    assert!(owed(&world).is_empty(), "said of the closed alarm");
    let (mut world, alarm) = talked("norddjurs");
    world.does(alarm, close(alarms::Outcome::Helped));
    world.does(owed(&world)[0], duty_done());
    // Ended by mistake, and ended again: it was written down.
    world.does(alarm, correct("outcome"));
    world.does(alarm, close(alarms::Outcome::NothingWrong));
    assert!(owed(&world).is_empty());
    world.replays();
}

#[test]
fn nothing_is_owed_where_nobody_spoke_of_a_citizen() {
    for outcome in [alarms::Outcome::Test, alarms::Outcome::Technical] {
        let (mut world, alarm) = talked("norddjurs");
        world.does(alarm, close(outcome));
        assert!(owed(&world).is_empty(), "{outcome:?}");
    }
    let mut world = World::at(NIGHT, "norddjurs");
    world.given(NIGHT, alarm_raised("a", "c-1"));
    world.does(world.id_of("a"), close(alarms::Outcome::FalseAlarm));
    assert!(owed(&world).is_empty(), "nobody spoke");
    let (mut world, alarm) = talked("norddjurs");
    world.does(alarm, close(alarms::Outcome::Helped));
    world.does(alarm, correct("outcome"));
    assert!(owed(&world).is_empty(), "it is not over");
}
