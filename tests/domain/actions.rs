//! What an entry says may be done, against what is decided when it is asked for.

use serde_json::{Value, json};
use vagttavle::domain::identity::{Board, EntryId};
use vagttavle::domain::observation::MissedReason;
use vagttavle::domain::sources::{Report, TroubleKind};
use vagttavle::protocol::actions::{Action, FieldKind, actions};
use vagttavle::protocol::commands::{self, Command};
use vagttavle::protocol::project::Sight;
use vagttavle::protocol::{Problem, project};

use crate::support::*;

/// Entries in many states, each with a few people's claims on it.
fn entries() -> Vec<(World, EntryId)> {
    let mut all = Vec::new();
    let mut alarm = |steps: &dyn Fn(&mut World, EntryId)| {
        let mut world = World::new();
        world.given(alarm_raised("a-1"));
        let entry = world.of("a-1");
        steps(&mut world, entry);
        all.push((world, entry));
    };
    alarm(&|_, _| {});
    alarm(&|world, it| {
        world.does("anna", it, claim());
    });
    alarm(&|world, it| {
        world.does("anna", it, own_help());
    });
    alarm(&|world, it| {
        world.does("bo", it, own_help()).does("bo", it, arrive());
    });
    alarm(&|world, it| {
        world.does("bo", it, own_help()).does("bo", it, release());
    });
    alarm(&|world, it| {
        world.does("bo", it, close("helped"));
    });
    alarm(&|world, _| {
        world.pass_seconds(180);
    });
    alarm(&|world, it| {
        world.pass_seconds(180).does("anna", it, redirect());
    });
    alarm(&|world, it| {
        world.does("anna", it, redirect()).does("anna", it, justify_begin());
    });
    alarm(&|world, it| {
        world.does("anna", it, redirect()).does("anna", it, justify_sent());
    });
    for (technical, test) in [(true, false), (false, true)] {
        let mut world = World::new();
        world.given(alarm_of("a-1", None, technical, test));
        let entry = world.of("a-1");
        all.push((world, entry));
    }
    let mut call = |steps: &dyn Fn(&mut World, EntryId)| {
        let mut world = World::new().within(&["jammerbugt", "norddjurs"]);
        world.given(call_waiting("c-1"));
        let entry = world.of("c-1");
        steps(&mut world, entry);
        all.push((world, entry));
    };
    let miss = || call_missed("c-1", MissedReason::Timeout);
    call(&|_, _| {});
    call(&|world, it| {
        world.does("anna", it, claim());
    });
    call(&|world, _| {
        world.given(call_answered("c-1", None));
    });
    call(&|world, _| {
        world.given(miss());
    });
    call(&|world, it| {
        world.given(miss()).does("anna", it, claim());
    });
    call(&|world, it| {
        world.given(miss()).does("anna", it, call_back(true));
    });
    call(&|world, it| {
        world.given(miss()).does("anna", it, give_up("duplicate"));
    });
    let mut world = World::new();
    world.given(call_waiting("c-1")).given(call_answered("c-1", None)).given(call_ended("c-1"));
    let duty = world.open_duties(vagttavle::domain::duties::DutyKind::Documentation)[0];
    all.push((world.clone(), duty));
    world.does("bo", duty, claim());
    all.push((world, duty));
    let mut world = World::new();
    world.report("central", Report::Trouble { trouble: TroubleKind::Silent, what: None, times: 1 }).unwrap();
    let trouble = world.state.open_entries().next().unwrap().id;
    all.push((world, trouble));
    all
}

/// A body for the action as a desk would send it: the first code of each required list.
fn body(action: &Action, world: &World) -> Value {
    let mut command = json!({ "type": action.verb });
    for field in action.fields.iter().filter(|field| field.required) {
        let value = match field.kind {
            FieldKind::Code => json!(field.codes.first().map_or("wrong-entry", String::as_str)),
            FieldKind::Codes => json!(field.codes),
            FieldKind::Agreement => json!("norddjurs"),
            FieldKind::Yes => json!(true),
            FieldKind::Time => json!((world.now + chrono::Duration::hours(1)).to_rfc3339()),
            FieldKind::Reference => json!("A-1"),
            FieldKind::Text => json!("text"),
            FieldKind::Entry => json!("019aa000-0000-7000-8000-000000000001"),
            FieldKind::Citizen => json!("cit-1"),
        };
        command[&field.name] = value;
    }
    json!({ "id": "command-1", "command": command })
}

fn command(action: &Action, world: &World, board: Board) -> Option<vagttavle::domain::Command> {
    let parsed =
        commands::parse(body(action, world)).unwrap_or_else(|problem| panic!("{action:?}: {problem:?}"));
    assert_eq!(parsed.board, Some(board), "{}", action.verb);
    match parsed.command(Some(board)).unwrap() {
        Command::Plain(command) => Some(command),
        Command::Note { .. } | Command::Justification { .. } => None,
    }
}

#[test]
fn what_is_refused_here_is_refused_there_for_the_same_reason_and_the_rest_is_granted() {
    for (world, entry) in entries() {
        let state = world.state_of(entry);
        let board = world.entry(entry).board();
        for action in actions(&world.state, world.entry(entry), Sight::All, world.now) {
            let verb = action.verb.split_once('.').map_or("", |(_, verb)| verb);
            if verb == "correct" && action.fields[0].codes.is_empty() {
                assert_eq!(action.refused.unwrap().code, "nothing-to-correct");
                continue;
            }
            // A link needs a real other entry; a note goes through the care port first.
            let (false, Some(command)) = (verb == "link", command(&action, &world, board)) else { continue };
            for me in ["anna", "bo"] {
                let holder = world.entry(entry).holder.as_ref().map(|holder| holder.name.as_str());
                // Refused to everybody, to the holder because it is done.
                if holder == Some(me) && verb == "claim" {
                    continue;
                }
                let decided = world.clone().tries(me, entry, command.clone());
                let expected = action.refused_for(me).map(|problem| problem.code.clone());
                let got = decided.err().map(|refusal| Problem::from(&refusal).code);
                // `assign` to what it is already in is refused to a person who asks for just that.
                if verb == "assign" && got.as_deref() == Some("already-done") {
                    continue;
                }
                // To somebody else a held entry is refused for that first; both say no.
                if holder.is_some_and(|holder| holder != me) {
                    assert_eq!(got.is_some(), expected.is_some(), "{} of {state} for {me}", action.verb);
                    continue;
                }
                assert_eq!(got, expected, "{} of {state} for {me}", action.verb);
            }
        }
    }
}

#[test]
fn taking_over_is_offered_to_everybody_but_who_has_it() {
    let mut world = World::new();
    world.given(alarm_raised("a-1"));
    let alarm = world.of("a-1");
    world.does("anna", alarm, claim());
    let offered = actions(&world.state, world.entry(alarm), Sight::All, world.now);
    let take_over = offered.iter().find(|action| action.verb == "alarms.take-over").unwrap();
    assert_eq!(take_over.refused_for("bo"), None);
    assert_eq!(take_over.refused_for("anna").unwrap().code, "already-done");
    assert!(offered.iter().filter(|action| action.refused_to_holder.is_some()).count() == 1, "{offered:?}");
}

#[test]
fn only_what_stands_is_offered_for_correction() {
    let mut world = World::new();
    world.given(alarm_raised("a-1"));
    let alarm = world.of("a-1");
    let correct = |world: &World| {
        actions(&world.state, world.entry(alarm), Sight::All, world.now)
            .into_iter()
            .find(|action| action.verb == "alarms.correct")
            .unwrap()
    };
    assert_eq!(correct(&world).refused.unwrap().code, "nothing-to-correct");
    world.does("anna", alarm, own_help()).does("anna", alarm, arrive());
    let offered = correct(&world);
    assert_eq!(offered.refused, None);
    assert_eq!(offered.fields[0].codes, ["response", "arrival"]);
}

#[test]
fn every_verb_offered_is_one_of_the_contract_and_confirmed_where_it_cannot_be_undone() {
    for (world, entry) in entries() {
        for action in actions(&world.state, world.entry(entry), Sight::All, world.now) {
            let (board, verb) = action.verb.split_once('.').unwrap();
            assert_eq!(board, world.entry(entry).board().name());
            assert!(commands::verb_of(world.entry(entry).board(), verb).is_some(), "{verb}");
            assert_eq!(action.confirm, matches!(verb, "close" | "redirect" | "give-up"), "{verb}");
        }
    }
}

#[test]
fn the_public_entry_survives_its_json() {
    for (world, entry) in entries() {
        let shown = project::entry(&world.state, world.entry(entry), world.now);
        let text = serde_json::to_string(&shown).unwrap();
        let read: vagttavle::protocol::Entry = serde_json::from_str(&text).unwrap();
        assert_eq!(read, shown);
    }
}
