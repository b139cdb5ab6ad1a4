//! People, roles, the shift, agreements as adopted.

use vagttavle::domain::agreement as rules;
use vagttavle::domain::people::{PeopleCommand, Role};
use vagttavle::domain::{Actor, Command, Refusal, Request, shift};

use crate::support::*;

fn asked(world: &mut World, actor: Actor, command: Command) -> Result<(), Refusal> {
    let ctx = world.ctx(actor);
    world.ask(&ctx, &Request::Command { entry: None, expected_version: None, command })
}

fn add(name: &str, agreements: &[&str]) -> Command {
    Command::People(PeopleCommand::Add {
        name: person(name),
        role: Role::Coordinator,
        agreements: agreements.iter().map(|name| agreement(name)).collect(),
        token_digest: "digest".into(),
    })
}

fn sign_on() -> Command {
    Command::Shift(shift::Command::SignOn { until: None })
}

#[test]
fn a_name_is_given_once_and_again_after_it_was_revoked() {
    let mut world = World::new();
    assert_eq!(asked(&mut world, Actor::Server, add("anna", &["jammerbugt"])), Err(Refusal::NameTaken));
    world.revoke("anna");
    asked(&mut world, Actor::Server, add("anna", &["norddjurs"])).unwrap();
    assert_eq!(world.state.people.get(&person("anna")).unwrap().agreements, [agreement("norddjurs")]);
}

#[test]
fn nobody_is_nobodys_name() {
    let mut world = World::new();
    let nobody = vagttavle::domain::identity::PersonName::nobody();
    assert_eq!(asked(&mut world, Actor::Server, add(nobody.as_str(), &[])), Err(Refusal::NameTaken));
}

#[test]
fn a_person_is_added_to_agreements_that_are_there() {
    let mut world = World::new();
    assert_eq!(
        asked(&mut world, Actor::Server, add("carl", &["atlantis"])),
        Err(Refusal::UnknownAgreement { agreement: agreement("atlantis") })
    );
}

#[test]
fn only_the_machines_owner_administers() {
    let mut world = World::new();
    for name in ["anna", "lea"] {
        let refused = asked(&mut world, Actor::Person(person(name)), add("carl", &[]));
        assert_eq!(refused.unwrap_err().code(), "not-allowed");
        let adopt = Command::Adopt(Box::new(rules::built_in().remove(0)));
        assert_eq!(asked(&mut world, Actor::Person(person(name)), adopt).unwrap_err().code(), "not-allowed");
    }
}

#[test]
fn who_only_looks_or_was_revoked_or_is_unknown_changes_nothing() {
    let mut world = World::new();
    world.given(call_waiting("c-1"));
    let call = world.of("c-1");
    assert_eq!(world.tries("viggo", call, claim()), Err(Refusal::NotAllowed { role: "viewer".into() }));
    world.revoke("bo");
    assert_eq!(world.tries("bo", call, claim()), Err(Refusal::NotAllowed { role: "coordinator".into() }));
    assert_eq!(world.tries("nobody-known", call, claim()), Err(Refusal::UnknownPerson));
}

#[test]
fn a_source_gives_no_commands() {
    let mut world = World::new();
    let central = Actor::Source(vagttavle::domain::identity::SourceName::new("central").unwrap());
    assert_eq!(asked(&mut world, central, sign_on()), Err(Refusal::NotAllowed { role: "source".into() }));
}

#[test]
fn revoking_is_done_once_and_ends_the_shift() {
    let mut world = World::new();
    asked(&mut world, Actor::Person(person("bo")), sign_on()).unwrap();
    world.revoke("bo");
    assert!(world.state.on_duty.is_empty());
    let revoke = |name: &str| Command::People(PeopleCommand::Revoke { name: person(name) });
    assert_eq!(asked(&mut world, Actor::Server, revoke("bo")), Err(Refusal::AlreadyDone));
    assert_eq!(asked(&mut world, Actor::Server, revoke("carl")), Err(Refusal::UnknownPerson));
}

#[test]
fn signing_on_and_off_is_done_once_each() {
    let mut world = World::new();
    let anna = || Actor::Person(person("anna"));
    let off = || Command::Shift(shift::Command::SignOff {});
    assert_eq!(asked(&mut world, anna(), off()), Err(Refusal::AlreadyDone));
    asked(&mut world, anna(), sign_on()).unwrap();
    assert_eq!(world.state.on_duty.get(&person("anna")).unwrap().since, world.now);
    assert_eq!(asked(&mut world, anna(), sign_on()), Err(Refusal::AlreadyDone));
    asked(&mut world, anna(), off()).unwrap();
    assert!(world.state.on_duty.is_empty());
}

#[test]
fn adopting_the_same_agreement_again_is_done_already() {
    let mut world = World::new();
    let adopt = Command::Adopt(Box::new(rules::built_in().remove(1)));
    assert_eq!(asked(&mut world, Actor::Server, adopt), Err(Refusal::AlreadyDone));
}

#[test]
fn a_new_edition_rules_what_begins_and_not_what_has_begun() {
    let mut world = World::new();
    world.given(alarm_raised("a-1")).pass_seconds(180);
    let alarm = world.of("a-1");
    let due = world.entry(alarm).due(vagttavle::domain::entry::DueKind::Justification).cloned();
    let mut edition = rules::built_in().remove(1);
    edition.version = "2027-01-01".into();
    edition.alarms.justification_days = Some(rules::Value::Own { value: 3 });
    asked(&mut world, Actor::Server, Command::Adopt(Box::new(edition))).unwrap();
    let kind = vagttavle::domain::entry::DueKind::Justification;
    assert_eq!(world.entry(alarm).due(kind).cloned(), due);
    world.given(alarm_of("a-2", Some("dev-2"), false, false)).pass_seconds(180);
    let later = world.entry(world.of("a-2")).due(kind).unwrap().clone();
    assert_eq!(later.agreement_version.as_deref(), Some("2027-01-01"));
    assert_eq!(later.clause, None, "an own rule has no clause");
    assert_eq!((later.at - world.now).num_days(), 3);
}
