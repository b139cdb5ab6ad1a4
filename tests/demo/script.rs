//! The script by itself: pure, seeded, and of nothing but invented things.

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;
use vagttavle::domain::agreement::{Agreement, value_of};
use vagttavle::domain::identity::{looks_like_cpr, looks_like_phone};
use vagttavle::domain::observation::Observation;
use vagttavle::protocol::commands;
use vagttavle::protocol::item::parse_item;
use vagttavle::protocol::observations::ObservationItem;
use vagttavle::sources::demo::{Act, Night, Said, Step, TooFewCitizens};

use super::world;

fn start() -> DateTime<Utc> {
    "2026-11-22T01:40:00Z".parse().unwrap()
}

fn night(seed: u64) -> Night {
    Night::new(seed, start(), &world::citizens(1)).unwrap()
}

/// History and the first four hours.
fn steps(night: &Night) -> Vec<Step> {
    let hours = Duration::hours(4).num_milliseconds();
    let live = night.live().take_while(|step| step.at_offset_ms < hours);
    night.history.iter().cloned().chain(live).collect()
}

fn said(step: &Step) -> Option<&Said> {
    match &step.act {
        Act::Say(said) | Act::SayIfUntaken { said, .. } => Some(said),
        Act::Do(_) => None,
    }
}

#[test]
fn the_same_seed_is_the_same_night() {
    assert_eq!(steps(&night(42)), steps(&night(42)));
    assert_ne!(steps(&night(42)), steps(&night(43)));
    let once = night(42);
    assert_eq!(steps(&once), steps(&once), "asking twice changes nothing");
}

#[test]
fn live_steps_come_in_order_of_time_and_never_end() {
    for seed in 0..10 {
        let live: Vec<_> = night(seed).live().take(2_000).collect();
        assert_eq!(live.len(), 2_000);
        assert!(live.is_sorted_by_key(|step| step.at_offset_ms), "seed {seed}");
        assert!(live[0].at_offset_ms >= 0, "seed {seed}");
        let longest = live.windows(2).map(|two| two[1].at_offset_ms - two[0].at_offset_ms).max().unwrap();
        assert!(longest <= Duration::minutes(6).num_milliseconds(), "seed {seed}: {longest} ms of nothing");
    }
}

#[test]
fn every_fact_reads_back_as_it_was_meant() {
    for seed in 0..5 {
        let night = night(seed);
        for step in steps(&night) {
            let Some(said) = said(&step) else { continue };
            let at = night.at(&step);
            let item: ObservationItem = said.clone().item(at);
            let json = serde_json::to_value(&item).unwrap();
            let (key, read) = parse_item(json, at.max(start()), &super::world::masking());
            assert_eq!(key.as_ref(), Some(&said.key));
            let read = read.unwrap_or_else(|problem| panic!("seed {seed}: {problem:?}"));
            let meant = said.observation.clone();
            assert_eq!((read.observation, read.live), (meant.fact, meant.live));
            assert_eq!((read.at, read.agreement), (at, said.agreement.clone()));
        }
    }
}

#[test]
fn every_command_reads_back() {
    let night = night(1);
    for step in steps(&night) {
        let Act::Do(deed) = &step.act else { continue };
        let command = commands::Command::from(deed.command.clone());
        let request = serde_json::json!({ "id": "demo-1", "command": command });
        let read = commands::parse(request).unwrap_or_else(|problem| panic!("{problem:?}"));
        assert_eq!(read.command(None).unwrap(), command);
    }
}

#[test]
fn keys_are_unique_and_ids_are_opaque() {
    for seed in 0..5 {
        let steps = steps(&night(seed));
        let mut keys: Vec<_> = steps.iter().filter_map(said).map(|said| said.key.as_str()).collect();
        let all = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), all, "seed {seed}: a key twice");
        for step in &steps {
            if let Some(said) = said(step) {
                check(&serde_json::to_value(&said.observation).unwrap(), "");
                check(&serde_json::to_value(&said.key).unwrap(), "key");
            }
        }
    }
}

/// No text that may be stored has the shape of a personal number; what may not be stored is from the invented.
fn check(value: &Value, field: &str) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| check(value, name)),
        Value::String(text) => {
            assert!(!looks_like_cpr(text), "{field} has the shape of a CPR number");
            match field {
                "caller" => assert!(text.starts_with("00 00 "), "a number that somebody may have"),
                "caller_name" | "text" => {}
                _ => assert!(!looks_like_phone(text), "{field} has the shape of a phone number"),
            }
        }
        _ => {}
    }
}

#[test]
fn the_times_fit_the_agreements() {
    let text = include_str!("../../src/domain/agreements/jammerbugt.toml");
    let rules = Agreement::parse(text).unwrap();
    let rings_for = i64::from(value_of(&rules.alarms.ring_out_seconds).unwrap()) * 1_000;
    let waits = i64::from(value_of(&rules.phone.waiting_too_long_seconds).unwrap()) * 1_000;
    assert_eq!(
        value_of(&rules.alarms.justification_days),
        Some(7),
        "the old redirect counts back from its due time"
    );
    for seed in 0..20 {
        let opening = night(seed).opening;
        let at = |wanted: &dyn Fn(&Observation) -> bool| {
            let found =
                opening.iter().find(|step| said(step).is_some_and(|said| wanted(&said.observation.fact)));
            found.unwrap_or_else(|| panic!("seed {seed}: not in the opening")).at_offset_ms
        };
        let out = opening.iter().find_map(|step| match said(step).map(|said| &said.observation.fact) {
            Some(Observation::AlarmUnanswered { alarm }) => Some((alarm.clone(), step.at_offset_ms)),
            _ => None,
        });
        let (alarm, out_ms) = out.unwrap();
        let raised_ms = at(&|it| matches!(it, Observation::AlarmRaised { alarm: it, .. } if *it == alarm));
        assert!(out_ms >= raised_ms + rings_for, "seed {seed}: rings out after {} ms", out_ms - raised_ms);

        let Observation::CallWaiting { call: first, .. } = opening
            .iter()
            .filter_map(said)
            .map(|said| &said.observation.fact)
            .find(|it| matches!(it, Observation::CallWaiting { .. }))
            .unwrap()
        else {
            unreachable!()
        };
        let came_ms = at(&|it| matches!(it, Observation::CallWaiting { call, .. } if call == first));
        let taken_ms = at(&|it| matches!(it, Observation::CallAnswered { call, .. } if call == first));
        assert!(taken_ms - came_ms > waits, "seed {seed}: answered after {} ms", taken_ms - came_ms);
    }
}

#[test]
fn visits_slip_as_far_as_must_be_told() {
    for (text, seconds) in [
        (include_str!("../../src/domain/agreements/norddjurs.toml"), 34 * 60),
        (include_str!("../../src/domain/agreements/jammerbugt.toml"), -40 * 60),
    ] {
        let rules = Agreement::parse(text).unwrap();
        let limit = i64::from(value_of(&rules.visits.contact_minutes).unwrap()) * 60;
        for seed in 0..20 {
            let night = night(seed);
            let agreed: std::collections::HashMap<_, _> = night
                .history
                .iter()
                .filter_map(|step| match &said(step)?.observation.fact {
                    Observation::VisitPlanned { visit, agreed_at, .. } => Some((visit.clone(), *agreed_at)),
                    _ => None,
                })
                .collect();
            let off = night.opening.iter().filter_map(|step| {
                let said = said(step)?;
                let Observation::VisitExpected { visit, expected_at } = &said.observation.fact else {
                    return None;
                };
                let is_here = said.agreement.as_ref() == Some(&rules.id);
                is_here.then(|| (*expected_at - agreed[visit]).num_seconds())
            });
            let off: Vec<_> = off.collect();
            assert_eq!(off, [seconds], "seed {seed}");
            assert!(off[0].abs() >= limit);
        }
    }
}

#[test]
fn plans_are_on_whole_minutes_whenever_the_night_begins() {
    let start: DateTime<Utc> = "2026-11-22T01:41:07.123456789Z".parse().unwrap();
    let night = Night::new(3, start, &world::citizens(1)).unwrap();
    let plans: Vec<_> = night
        .history
        .iter()
        .filter_map(|step| match &said(step)?.observation.fact {
            Observation::VisitPlanned { agreed_at, .. } => Some(*agreed_at),
            _ => None,
        })
        .collect();
    assert_eq!(plans.len(), 6);
    assert!(plans.iter().all(|at| at.timestamp_millis() % 300_000 == 0), "{plans:?}");
}

#[test]
fn a_night_needs_people() {
    let all = world::citizens(1);
    let only: Vec<_> = all.iter().filter(|it| it.agreement.as_str() == "jammerbugt").cloned().collect();
    assert_eq!(Night::new(1, start(), &only).unwrap_err(), TooFewCitizens);
    assert_eq!(Night::new(1, start(), &[]).unwrap_err(), TooFewCitizens);
    assert!(!format!("{:?}", all[0]).contains(all[0].name.as_str()), "a citizen shows nothing of itself");
}
