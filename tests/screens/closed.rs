//! Lukkede: what is over, fetched a page at a time, looked for in a person's own words, opened and put right.

use chrono::Duration;
use rstest::rstest;
use serde_json::{Value, json};
use vagttavle::i18n::Lang;
use vagttavle::protocol::board::Found;
use vagttavle::protocol::closed::ClosedQuery;
use vagttavle::protocol::{Entry, Problem};
use vagttavle::tui::effect::{Effect, Purpose};
use vagttavle::tui::model::Closed;
use vagttavle::tui::msg::Msg;

use crate::desk::Desk;
use crate::night;
use crate::screens::snapshot;

/// An alarm that ended so, some hours ago.
fn ended(number: u32, outcome: &str, hours: i64) -> Entry {
    let mut entry = serde_json::to_value(night::ringing(number)).unwrap();
    let what = json!([{ "name": "what", "kind": "code", "required": true, "codes": ["outcome", "response"] },
        { "name": "reason", "kind": "code", "required": true, "codes": ["typing-mistake", "wrong-entry"] }]);
    entry["state"] = "closed".into();
    entry["closed_at"] = json!(night::now() - Duration::hours(hours));
    entry["due"] = json!([]);
    entry["live"] = Value::Null;
    entry["citizen"] = format!("c-{number}").into();
    entry["details"]["outcome"] = outcome.into();
    entry["attention"] = json!({ "level": "none", "why": "over", "next": "nothing" });
    entry["actions"] = json!([night::action("alarms.correct", what, false)]);
    serde_json::from_value(entry).unwrap()
}

fn page(numbers: std::ops::Range<u32>, next: Option<&str>) -> Found {
    let outcomes = ["helped", "nothing-wrong", "deceased", "taken-to-hospital"];
    let entry = |number: u32| ended(number, outcomes[number as usize % 4], i64::from(number - 700) * 7 + 1);
    Found {
        sequence: 100,
        entries: numbers.map(entry).collect(),
        more: next.is_some(),
        next: next.map(str::to_owned),
    }
}

/// A desk at the place, which understands Danish.
fn at_the_place(lang: Lang) -> Desk {
    let mut desk = Desk::with(night::busy()).lang(lang);
    desk.model.closed = Closed::in_words_of(&desk.look.texts);
    desk.press("L");
    desk
}

#[track_caller]
fn asked(desk: &mut Desk) -> ClosedQuery {
    let effects = desk.take();
    let mut queries = effects.into_iter().filter_map(|effect| match effect {
        Effect::FetchClosed(query) => Some(query),
        _ => None,
    });
    let query = queries.next().expect("it asks the server");
    assert_eq!(queries.next(), None, "one question at a time");
    query
}

#[track_caller]
fn answered(desk: &mut Desk, found: Result<Found, Problem>) -> ClosedQuery {
    let query = asked(desk);
    desk.send(Msg::Closed { query: query.clone(), outcome: found.map(Box::new) });
    query
}

#[rstest]
#[case("da", Lang::Danish)]
#[case("en", Lang::English)]
fn the_place_at_80x24(#[case] name: &str, #[case] lang: Lang) {
    let mut desk = at_the_place(lang);
    assert!(answered(&mut desk, Ok(page(700..712, None))).is_everything());
    snapshot(&format!("closed_some_80x24_{name}"), &desk.screen());

    let mut desk = at_the_place(lang);
    answered(&mut desk, Ok(page(700..700, None)));
    snapshot(&format!("closed_empty_80x24_{name}"), &desk.screen());
    desk.press("/ «c-9» Enter");
    answered(&mut desk, Ok(page(700..700, None)));
    snapshot(&format!("closed_not_found_80x24_{name}"), &desk.screen());
}

#[test]
fn it_says_that_it_asks_and_what_was_wrong_when_it_cannot_be_had() {
    let mut desk = at_the_place(Lang::Danish);
    desk.shows("Søger …");
    answered(&mut desk, Err(Problem::unavailable()));
    desk.hides("Søger …").hides("Intet er afsluttet endnu");
    assert_eq!(desk.take(), [], "it is not asked again by itself");
    // Whoever comes back asks anew.
    desk.press("1 L");
    answered(&mut desk, Ok(page(700..703, None)));
    desk.shows("hjulpet");
}

#[test]
fn the_next_page_is_fetched_before_the_last_row_is_there_and_nothing_stands_twice() {
    let mut desk = at_the_place(Lang::Danish);
    answered(&mut desk, Ok(page(700..750, Some("1.x"))));
    assert_eq!(desk.take(), []);
    desk.press("G");
    let second = answered(&mut desk, Ok(page(748..760, None)));
    assert_eq!(second.after.as_deref(), Some("1.x"));
    let numbers: Vec<u32> = desk.model.rows(desk.model.place).iter().map(|it| it.number).collect();
    assert_eq!(numbers, (700..760).collect::<Vec<_>>());
    desk.press("G");
    assert_eq!(desk.take(), [], "there is no more");
}

#[rstest]
#[case("148", ClosedQuery { number: Some("148".into()), ..ClosedQuery::default() })]
#[case("nødkald død", ClosedQuery { board: Some("alarms".into()), outcome: Some("deceased".into()), ..ClosedQuery::default() })]
#[case("Intet galt jammerbugt", ClosedQuery { outcome: Some("nothing-wrong".into()), agreement: Some("jammerbugt".into()), ..ClosedQuery::default() })]
#[case("kørt på sygehus", ClosedQuery { outcome: Some("taken-to-hospital".into()), ..ClosedQuery::default() })]
#[case("i går", ClosedQuery { day: Some("2026-11-21".into()), ..ClosedQuery::default() })]
#[case("21.11", ClosedQuery { day: Some("2026-11-21".into()), ..ClosedQuery::default() })]
#[case("24.12. besøg", ClosedQuery { day: Some("2025-12-24".into()), board: Some("visits".into()), ..ClosedQuery::default() })]
#[case("2026-10-01 alarms", ClosedQuery { day: Some("2026-10-01".into()), board: Some("alarms".into()), ..ClosedQuery::default() })]
#[case("C-17", ClosedQuery { id: Some("C-17".into()), ..ClosedQuery::default() })]
#[case("1801123456.4", ClosedQuery { id: Some("1801123456.4".into()), ..ClosedQuery::default() })]
#[case("31.2", ClosedQuery { id: Some("31.2".into()), ..ClosedQuery::default() })]
fn it_is_looked_for_in_words(#[case] typed: &str, #[case] right: ClosedQuery) {
    let mut desk = at_the_place(Lang::Danish);
    answered(&mut desk, Ok(page(700..703, None)));
    desk.press("/").press(&format!("«{typed}»"));
    // What is half typed is asked of nobody: a look for a citizen is logged.
    assert_eq!(desk.take(), []);
    desk.press("Enter");
    assert_eq!(asked(&mut desk), right);
}

#[test]
fn enter_opens_it_with_its_history_and_c_puts_it_right() {
    let mut desk = at_the_place(Lang::Danish);
    answered(&mut desk, Ok(page(700..703, None)));
    desk.press("Down Enter");
    let entry = ended(701, "nothing-wrong", 8).id;
    assert_eq!(desk.take(), [Effect::FetchEntry { entry, purpose: Purpose::Duty }]);
    snapshot("closed_opened_80x24_da", &desk.screen());
    desk.press("c");
    assert!(desk.model.overlays.len() == 1, "its form is open");
    desk.press("Right Tab Right F10");
    let sent = desk.submitted();
    assert_eq!(sent.iter().map(|it| it.entry).collect::<Vec<_>>(), [Some(entry)]);
}

#[test]
fn what_is_open_again_no_longer_stands_there() {
    let mut desk = at_the_place(Lang::Danish);
    answered(&mut desk, Ok(page(700..703, None)));
    desk.item(night::recorded(101, night::ringing(701)));
    let numbers: Vec<u32> = desk.model.rows(desk.model.place).iter().map(|it| it.number).collect();
    assert_eq!(numbers, [700, 702]);
    answered(&mut desk, Ok(page(702..703, None)));
    // And what is closed meanwhile comes.
    let closed = ended(701, "helped", 0);
    desk.item(night::recorded(102, closed.clone()));
    let found = Found { entries: vec![closed, ended(702, "helped", 3)], ..page(702..702, None) };
    answered(&mut desk, Ok(found));
    desk.shows("701");
}

#[test]
fn the_worst_is_one_key_away_and_a_ringing_alarm_is_said_there_too() {
    let mut desk = at_the_place(Lang::Danish);
    answered(&mut desk, Ok(page(700..703, None)));
    desk.item(night::recorded(101, night::ringing(77)));
    desk.shows("77");
    desk.press("0");
    assert!(desk.model.is_at_worst());
}
