//! What an exchange tells, through the real domain: the boards end the same whatever the order,
//! and whichever of the two ways (interface, `queue_log`) was there.

use std::collections::BTreeMap;

use proptest::prelude::*;
use vagttavle::domain::entry::Body;
use vagttavle::domain::identity::{Key, SourceName};
use vagttavle::protocol::observations::Observed;
use vagttavle::sources::ami::queue_log::Line;
use vagttavle::sources::ami::translate::Calls;
use vagttavle::sources::ami::wire::Message;

use crate::support::{NIGHT_EPOCH_S, after, boards, messages, night, session, settings};

/// What may arrive, by either way.
#[derive(Debug, Clone)]
enum Arrival {
    Message(Message),
    Line(Line),
}

fn events() -> Vec<Arrival> {
    [
        include_str!("fixtures/ami/abandon.txt"),
        include_str!("fixtures/ami/answered.txt"),
        include_str!("fixtures/ami/timeout.txt"),
        include_str!("fixtures/ami/alarms.txt"),
    ]
    .into_iter()
    .flat_map(|fixture| messages(&session(fixture)))
    .filter(|message| message.get("Uniqueid").is_some())
    .map(Arrival::Message)
    .collect()
}

/// The same calls in the exchange's own log.
fn log() -> Vec<Arrival> {
    [
        "4|hovednummer|NONE|ENTERQUEUE||20304050|1",
        "4|hovednummer|NONE|ABANDON|1|1|12",
        "6|hovednummer|NONE|ENTERQUEUE||20304051|1",
        "6|hovednummer|PJSIP/301|CONNECT|2|natnat-1795310040.7|2",
        "6|hovednummer|PJSIP/301|COMPLETEAGENT|2|31|1",
        "8|hovednummer|NONE|ENTERQUEUE||20304052|1",
        "8|hovednummer|NONE|EXITWITHTIMEOUT|1|1|30",
        "10|noedkald|NONE|ENTERQUEUE||20304053|1",
        "10|noedkald|PJSIP/301|CONNECT|1|natnat-1795310040.12|1",
        "10|noedkald|PJSIP/301|COMPLETECALLER|1|4|1",
        "11|noedkald|NONE|ENTERQUEUE||20304054|2",
        "11|noedkald|NONE|ABANDON|1|2|3",
    ]
    .iter()
    .map(|text| {
        let (call, rest) = text.split_once('|').unwrap();
        let line = format!("{NIGHT_EPOCH_S}|natnat-1795310040.{call}|{rest}");
        Arrival::Line(Line::parse(line.as_bytes()).unwrap())
    })
    .collect()
}

/// Decides and records what was told, as the server would: a known key changes nothing.
fn board(told: &[Observed]) -> BTreeMap<String, String> {
    let mut seen: Vec<&Key> = Vec::new();
    let new = told.iter().filter(|observed| {
        let is_new = !seen.contains(&&observed.key);
        seen.push(&observed.key);
        is_new
    });
    let state = boards(new);
    let source = SourceName::new("central").unwrap();
    let calls = ["4", "6", "8", "10", "11"].map(|call| format!("natnat-1795310040.{call}"));
    calls
        .into_iter()
        .map(|call| {
            let entry = state.by_origin(&source, &call.parse().unwrap());
            let shown = match entry.map(|entry| &entry.body) {
                Some(Body::Phone(known)) => format!("{} {:?}", known.state(), known.reason),
                Some(Body::Alarms(known)) => {
                    format!(
                        "answered {} rang out {}",
                        known.answered_at.is_some(),
                        known.unanswered_at.is_some()
                    )
                }
                other => format!("{other:?}"),
            };
            (call, shown)
        })
        .collect()
}

fn arrive(arrivals: &[Arrival]) -> BTreeMap<String, String> {
    let mut calls = Calls::new(&settings());
    let channels =
        messages(b"Asterisk Call Manager/11.0.0\nEvent: Newchannel\nPrivilege: call,all\nUniqueid: 9.9\n\n");
    calls.message(&channels[0], night());
    let mut told = Vec::new();
    for arrival in arrivals {
        told.extend(match arrival {
            Arrival::Message(message) => calls.message(message, night()),
            Arrival::Line(line) => calls.line(line, night()),
        });
    }
    told.extend(calls.settle(after(600)));
    board(&told)
}

fn expected() -> BTreeMap<String, String> {
    [
        ("natnat-1795310040.4", "missed Some(HungUp)"),
        ("natnat-1795310040.6", "ended None"),
        ("natnat-1795310040.8", "missed Some(Timeout)"),
        ("natnat-1795310040.10", "answered true rang out false"),
        ("natnat-1795310040.11", "answered false rang out true"),
    ]
    .map(|(call, shown)| (call.to_owned(), shown.to_owned()))
    .into()
}

#[test]
fn events_alone_and_the_log_alone_end_the_same() {
    assert_eq!(arrive(&events()), expected());
    assert_eq!(arrive(&log()), expected());
    assert_eq!(arrive(&[events(), log()].concat()), expected());
    assert_eq!(arrive(&[log(), events()].concat()), expected());
}

proptest! {
    #[test]
    fn events_in_any_order_and_twice_end_the_same(
        order in Just([events(), events()].concat()).prop_shuffle()
    ) {
        prop_assert_eq!(arrive(&order), expected());
    }

    #[test]
    fn events_in_any_order_among_the_lines_of_the_log_end_the_same(
        order in Just(events()).prop_shuffle(), places in proptest::collection::vec(0usize..12, 40)
    ) {
        // The log is a file: its own order holds.
        let mut all: Vec<(usize, Arrival)> = order.into_iter().zip(places).map(|(event, place)| (place, event)).collect();
        all.extend(log().into_iter().enumerate());
        all.sort_by_key(|(place, _)| *place);
        let all: Vec<Arrival> = all.into_iter().map(|(_, arrival)| arrival).collect();
        prop_assert_eq!(arrive(&all), expected());
    }
}
