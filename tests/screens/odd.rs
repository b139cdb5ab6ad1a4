//! What a coordinator sees of what came oddly: as pictures at 80x24, on the board, on its own board and opened.

use chrono::Duration;
use serde_json::{Value, json};
use vagttavle::protocol::Entry;
use vagttavle::protocol::attention;
use vagttavle::tui::msg::Msg;

use crate::desk::Desk;
use crate::night::{self, ago, now};
use crate::screens::snapshot;

/// An entry of the night, with other details, state and fields.
fn changed(entry: Entry, state: &str, details: Value, fields: Value) -> Entry {
    let mut whole = serde_json::to_value(&entry).unwrap();
    whole["state"] = state.into();
    for (name, value) in details.as_object().unwrap() {
        whole["details"][name] = value.clone();
    }
    for (name, value) in fields.as_object().unwrap() {
        whole[name] = value.clone();
    }
    let mut entry: Entry = serde_json::from_value(whole).unwrap();
    entry.attention = attention(&entry, now());
    entry
}

/// Nothing but its unit could be read.
fn unreadable_alarm(number: u32) -> Entry {
    let details = json!({ "device": "444", "trigger": "unreadable" });
    changed(night::ringing(number), "raised", details, json!({ "citizen": null, "live": {} }))
}

/// Its account is a telephone number: a digest on the board, and a short name if the settings give one.
fn masked_unit(number: u32, name: Option<&str>) -> Entry {
    let details = json!({ "device": "x-nhkoofmafeojnihfbhicbfigldmidmjp" });
    let live = name.map_or(json!({}), |name| json!({ "unit": name }));
    changed(night::ringing(number), "raised", details, json!({ "citizen": null, "live": live }))
}

/// Nobody said yet whose it is.
fn of_two_agreements(number: u32) -> Entry {
    let fields =
        json!({ "agreement": null, "candidates": ["jammerbugt", "norddjurs"], "citizen": null, "live": {} });
    changed(night::ringing(number), "raised", json!({}), fields)
}

/// Somebody talks with the citizen at the exchange, and nobody has said who it is.
fn talked_about_now(number: u32) -> Entry {
    changed(night::ringing(number), "answered", json!({ "talked_at": ago(20) }), json!({ "due": [] }))
}

/// A colleague waits, not a citizen.
fn colleague_waits(number: u32) -> Entry {
    changed(night::waiting(number), "waiting", json!({ "colleague": true }), json!({}))
}

fn trouble(number: u32, trouble: &str, what: &str, more: Value) -> Entry {
    let details =
        json!({ "source": "ruter", "trouble": trouble, "what": what, "count": 2, "last_at": ago(60) });
    let state = match trouble {
        "rows-refused" => "refused",
        "odd" => "odd",
        _ => "unreadable",
    };
    changed(changed(night::silent(number), state, details, json!({})), state, more, json!({}))
}

/// Away from here without an end, and admitted somewhere else since.
fn perhaps_moved(number: u32) -> Entry {
    let elsewhere = json!({ "elsewhere": "00000000-0000-7000-8000-000000000099" });
    changed(night::on_leave(number), "admitted", elsewhere, json!({}))
}

/// By its times it ended before it began.
fn odd_times(number: u32) -> Entry {
    changed(
        night::discharged(number),
        "discharged",
        json!({ "odd": true, "discharged_at": ago(1_500) - Duration::days(4) }),
        json!({}),
    )
}

/// One name and picture for each.
fn all() -> Vec<(&'static str, Entry)> {
    let rows = json!({ "rows": [{ "what": "unknown-help", "line": 12, "times": 1 }, { "what": "bad-time", "line": 31, "times": 1 }] });
    vec![
        ("alarm-unreadable", unreadable_alarm(70)),
        ("unit-masked", masked_unit(71, None)),
        ("unit-named", masked_unit(72, Some("Solgården 4"))),
        ("alarm-of-two-agreements", of_two_agreements(73)),
        ("talking-now", talked_about_now(74)),
        ("colleague", colleague_waits(75)),
        ("key-reused", trouble(76, "key-reused", "visit-planned", json!({ "what": null }))),
        ("two-citizens-of-one-visit", trouble(77, "conflict", "two-citizens", json!({}))),
        ("id-masked", trouble(82, "odd", "id-read-as-phone", json!({}))),
        ("rows-refused", trouble(78, "rows-refused", "unknown-help", rows)),
        ("nobody-knows-whose-alarm", trouble(79, "alarm-unreadable", "xml-doctype", json!({}))),
        ("perhaps-moved", perhaps_moved(80)),
        ("odd-times", odd_times(81)),
    ]
}

#[test]
fn each_opened() {
    for (name, entry) in all() {
        let id = entry.id;
        let mut desk = Desk::with(night::board(vec![entry.clone()]));
        desk.press("Enter").send(Msg::Fetched { entry: id, outcome: Ok(Box::new(night::opened(entry))) });
        snapshot(&format!("odd__{name}__80x24__da"), &desk.screen());
    }
}

#[test]
fn all_of_them_at_once_and_those_of_sources_and_telephones() {
    let entries = all().into_iter().map(|(_, entry)| entry).collect();
    let mut desk = Desk::with(night::board(entries));
    for (key, place) in
        [("1", "overview"), ("2", "alarms"), ("3", "phone"), ("4", "discharges"), ("8", "sources")]
    {
        desk.press(key);
        snapshot(&format!("odd__{place}__80x24__da"), &desk.screen());
    }
}
