//! One call, one story: through all queues of ours, by the log and as it happens, a call is one entry.

use std::collections::BTreeMap;

use proptest::prelude::*;
use vagttavle::domain::State;
use vagttavle::domain::entry::{Body, Entry};
use vagttavle::domain::observation::Observation;
use vagttavle::protocol::observations::Observed;
use vagttavle::sources::ami::queue_log::Line;
use vagttavle::sources::ami::settings::Settings;
use vagttavle::sources::ami::translate::Calls;
use vagttavle::sources::ami::wire::Message;

use crate::support::{NIGHT_EPOCH_S, after, boards, exchange, messages, session};

const CALL: &str = "1795310041.7";

/// 9000 and 9002 are of kind phone or alarm, as asked; 9001 too; what 9003 lets go of goes to the municipal unit.
fn settings(first: &str, second: &str) -> Settings {
    exchange(&format!(
        r#"
        [queues]
        9000 = {{ kind = "{first}", agreements = ["jammerbugt", "norddjurs"] }}
        9001 = {{ kind = "{second}", agreements = ["jammerbugt"] }}
        9002 = {{ kind = "{first}", agreements = ["norddjurs"] }}
        9003 = {{ kind = "{second}", agreements = ["jammerbugt"], then = "municipal-unit" }}
        [agents]
        "PJSIP/301" = "bo"
        "#
    ))
}

/// What happened to a call at a second, in a queue.
type Step = (i64, &'static str, &'static str);

fn line((second, queue, event): Step) -> Line {
    let (agent, parameters) = match event {
        "ENTERQUEUE" => ("NONE", "|20304050|1"),
        "CONNECT" => ("PJSIP/301", "4|1795310041.9|4"),
        "COMPLETEAGENT" | "COMPLETECALLER" => ("PJSIP/301", "4|30|1"),
        "BLINDTRANSFER" | "TRANSFER" => ("PJSIP/301", "9001|ind|4|30|1"),
        "ATTENDEDTRANSFER" => ("PJSIP/301", "BRIDGE|1f-2e|4|30|1"),
        "EXITWITHKEY" => ("NONE", "1|1|1|9"),
        _ => ("NONE", "1|1|9"),
    };
    let text = format!("{}|{CALL}|{queue}|{agent}|{event}|{parameters}", NIGHT_EPOCH_S + second);
    Line::parse(text.as_bytes()).unwrap()
}

/// The same as the interface tells it.
fn events((_, queue, event): Step) -> Vec<Message> {
    let one = |name: &str, more: &str| {
        format!(
            "Event: {name}\nPrivilege: agent,all\nQueue: {queue}\nUniqueid: {CALL}\nCallerIDNum: 20304050\n{more}\n"
        )
    };
    let agent = "Interface: PJSIP/301\nMemberName: Bo\nHoldTime: 4\n";
    let text = match event {
        "ENTERQUEUE" => one("QueueCallerJoin", ""),
        "CONNECT" => one("QueueCallerLeave", "") + &one("AgentConnect", agent),
        "EXITWITHKEY" => one("QueueCallerLeave", ""),
        "EXITWITHTIMEOUT" | "EXITEMPTY" => {
            one("QueueCallerAbandon", "HoldTime: 9\n") + &one("QueueCallerLeave", "")
        }
        "ABANDON" => {
            format!("Event: HangupRequest\nPrivilege: call,all\nUniqueid: {CALL}\n\n")
                + &one("QueueCallerAbandon", "HoldTime: 9\n")
                + &one("QueueCallerLeave", "")
        }
        "COMPLETEAGENT" => one("AgentComplete", &format!("{agent}TalkTime: 30\nReason: agent\n")),
        "COMPLETECALLER" => one("AgentComplete", &format!("{agent}TalkTime: 30\nReason: caller\n")),
        _ => one("AgentComplete", &format!("{agent}TalkTime: 30\nReason: transfer\n")),
    };
    let all = format!(
        "Asterisk Call Manager/11.0.0\nEvent: Newchannel\nPrivilege: call,all\nUniqueid: 9.9\n\n{text}"
    );
    messages(&session(&all))
}

fn by_log(settings: &Settings, steps: &[Step]) -> Vec<Observed> {
    let mut calls = Calls::new(settings);
    let mut told: Vec<Observed> =
        steps.iter().flat_map(|step| calls.line(&line(*step), after(step.0))).collect();
    told.extend(calls.settle(after(steps.last().unwrap().0 + 300)));
    told
}

fn as_it_happens(settings: &Settings, steps: &[Step]) -> Vec<Observed> {
    let mut calls = Calls::new(settings);
    let mut told = Vec::new();
    for step in steps {
        told.extend(calls.settle(after(step.0)));
        for message in events(*step) {
            told.extend(calls.message(&message, after(step.0)));
        }
    }
    told.extend(calls.settle(after(steps.last().unwrap().0 + 300)));
    told
}

/// The log read one second late, beside what is told as it happens.
fn both(settings: &Settings, steps: &[Step]) -> Vec<Observed> {
    let mut calls = Calls::new(settings);
    let mut told = Vec::new();
    let end = steps.last().unwrap().0;
    for second in 0..=end + 300 {
        for step in steps.iter().filter(|step| step.0 == second) {
            for message in events(*step) {
                told.extend(calls.message(&message, after(second)));
            }
        }
        for step in steps.iter().filter(|step| step.0 == second - 1) {
            told.extend(calls.line(&line(*step), after(second)));
        }
        told.extend(calls.settle(after(second)));
    }
    told
}

fn all(state: &State) -> Vec<&Entry> {
    state.open_entries().chain(state.closed_entries()).collect()
}

/// Board and state, queue, seconds waited until the answer, the second of the miss, the agreement.
type Story = (String, Option<String>, Option<i64>, Option<i64>, Option<String>);

/// The entries, but for a call that became an alarm.
fn stories(told: &[Observed]) -> Vec<Story> {
    let state = boards(told);
    let stories = all(&state).into_iter().filter(|entry| entry.state() != "became-alarm").map(|entry| {
        let (queue, answered_at, missed_at) = match &entry.body {
            Body::Phone(call) => (call.queue.clone(), call.answered_at, call.missed_at),
            Body::Alarms(alarm) => (alarm.queue.clone(), alarm.answered_at, alarm.unanswered_at),
            other => panic!("an exchange opens calls and alarms only, not {other:?}"),
        };
        (
            format!("{:?} {}", entry.board(), entry.state()).to_lowercase(),
            queue.map(|it| it.to_string()),
            answered_at.map(|at| (at - entry.opened_at).num_seconds()),
            missed_at.map(|at| (at - after(0)).num_seconds()),
            entry.agreement.as_ref().map(ToString::to_string),
        )
    });
    stories.collect()
}

fn is_wait(observed: &Observed) -> bool {
    matches!(observed.observation, Observation::CallWaiting { .. } | Observation::AlarmWaiting { .. })
}

const KINDS: [(&str, &str); 4] =
    [("phone", "phone"), ("alarm", "alarm"), ("phone", "alarm"), ("alarm", "phone")];

fn ways(settings: &Settings, steps: &[Step]) -> BTreeMap<&'static str, Vec<Observed>> {
    BTreeMap::from([
        ("log", by_log(settings, steps)),
        ("live", as_it_happens(settings, steps)),
        ("both", both(settings, steps)),
    ])
}

#[test]
fn a_call_that_goes_on_into_the_next_queue_is_answered_after_the_whole_wait_whatever_let_it_go() {
    for exit in ["EXITWITHTIMEOUT", "EXITEMPTY", "EXITWITHKEY"] {
        for (first, second) in KINDS {
            let steps = [
                (1, "9000", "ENTERQUEUE"),
                (31, "9000", exit),
                (33, "9001", "ENTERQUEUE"),
                (41, "9001", "CONNECT"),
            ];
            let state =
                if (first, second) == ("phone", "phone") { "phone answered" } else { "alarms answered" };
            for (way, told) in ways(&settings(first, second), &steps) {
                let one = (
                    state.to_owned(),
                    Some("9001".to_owned()),
                    Some(40),
                    None,
                    Some("jammerbugt".to_owned()),
                );
                assert_eq!(stories(&told), [one], "{first} {second} {exit} by {way}");
            }
        }
    }
}

#[test]
fn while_it_waits_in_the_second_queue_it_waits_there() {
    for (first, second) in KINDS {
        let steps = [(1, "9000", "ENTERQUEUE"), (31, "9000", "EXITWITHTIMEOUT"), (36, "9001", "ENTERQUEUE")];
        let state = if (first, second) == ("phone", "phone") { "phone waiting" } else { "alarms raised" };
        for (way, told) in ways(&settings(first, second), &steps) {
            let one = (state.to_owned(), Some("9001".to_owned()), None, None, Some("jammerbugt".to_owned()));
            assert_eq!(stories(&told), [one], "{first} {second} by {way}");
        }
    }
}

#[test]
fn a_call_that_no_other_queue_has_in_time_is_lost_when_it_was_let_go() {
    for (first, second) in KINDS {
        let steps = [
            (1, "9000", "ENTERQUEUE"),
            (31, "9000", "EXITWITHTIMEOUT"),
            (33, "9001", "ENTERQUEUE"),
            (63, "9001", "EXITWITHTIMEOUT"),
        ];
        let state = if (first, second) == ("phone", "phone") { "phone missed" } else { "alarms unanswered" };
        for (way, told) in ways(&settings(first, second), &steps) {
            let one =
                (state.to_owned(), Some("9001".to_owned()), None, Some(63), Some("jammerbugt".to_owned()));
            assert_eq!(stories(&told), [one], "{first} {second} by {way}");
        }
    }
}

#[test]
fn three_queues_the_same_queue_twice_and_a_passing_on_are_one_call() {
    for steps in [
        &[
            (1, "9000", "ENTERQUEUE"),
            (11, "9000", "EXITWITHTIMEOUT"),
            (11, "9001", "ENTERQUEUE"),
            (21, "9001", "EXITEMPTY"),
            (22, "9002", "ENTERQUEUE"),
            (41, "9002", "CONNECT"),
            (71, "9002", "COMPLETEAGENT"),
        ][..],
        &[
            (1, "9000", "ENTERQUEUE"),
            (11, "9000", "EXITWITHTIMEOUT"),
            (11, "9000", "ENTERQUEUE"),
            (21, "9000", "EXITWITHTIMEOUT"),
            (22, "9001", "ENTERQUEUE"),
            (31, "9001", "EXITWITHTIMEOUT"),
            (31, "9000", "ENTERQUEUE"),
            (41, "9000", "CONNECT"),
            (71, "9000", "COMPLETECALLER"),
        ][..],
        &[
            (1, "9000", "ENTERQUEUE"),
            (41, "9000", "CONNECT"),
            (71, "9000", "BLINDTRANSFER"),
            (72, "9001", "ENTERQUEUE"),
            (81, "9001", "CONNECT"),
            (111, "9001", "COMPLETECALLER"),
        ][..],
    ] {
        for (way, told) in ways(&settings("phone", "phone"), steps) {
            let stories = stories(&told);
            assert_eq!(stories.len(), 1, "{steps:?} by {way}: {stories:?}");
            assert_eq!(
                (stories[0].0.as_str(), stories[0].2),
                ("phone ended", Some(40)),
                "{steps:?} by {way}"
            );
        }
        for (way, told) in ways(&settings("alarm", "alarm"), steps) {
            let stories = stories(&told);
            assert_eq!(stories.len(), 1, "{steps:?} by {way}: {stories:?}");
            assert_eq!(
                (stories[0].0.as_str(), stories[0].2),
                ("alarms answered", Some(40)),
                "{steps:?} by {way}"
            );
        }
    }
}

#[test]
fn an_alarm_that_is_let_go_where_the_setting_says_is_redirected_there_and_not_before_it_is_sure() {
    let steps = [(1, "9003", "ENTERQUEUE"), (31, "9003", "EXITWITHTIMEOUT")];
    for (way, told) in ways(&settings("phone", "alarm"), &steps) {
        assert_eq!(stories(&told)[0].0, "alarms redirected", "by {way}");
        assert_eq!(stories(&told)[0].3, Some(31), "by {way}");
    }
    let steps = [(1, "9003", "ENTERQUEUE"), (31, "9003", "EXITWITHTIMEOUT"), (32, "9001", "ENTERQUEUE")];
    for (way, told) in ways(&settings("phone", "alarm"), &steps) {
        assert_eq!(stories(&told)[0].0, "alarms raised", "by {way}");
    }
    let hangs_up = [(1, "9003", "ENTERQUEUE"), (31, "9003", "ABANDON")];
    for (way, told) in ways(&settings("phone", "alarm"), &hangs_up) {
        assert_eq!(stories(&told)[0].0, "alarms unanswered", "by {way}");
    }
}

#[test]
fn a_talk_that_ended_was_answered_though_nothing_else_is_known_of_it() {
    for end in ["COMPLETEAGENT", "COMPLETECALLER", "TRANSFER", "BLINDTRANSFER", "ATTENDEDTRANSFER"] {
        for (kind, state) in [("phone", "phone ended"), ("alarm", "alarms answered")] {
            for (way, told) in ways(&settings(kind, kind), &[(100, "9001", end)]) {
                let stories = stories(&told);
                assert_eq!(stories.len(), 1, "{end} by {way}");
                assert_eq!((stories[0].0.as_str(), stories[0].2), (state, Some(4)), "{end} by {way}");
                assert_eq!(stories[0].3, None, "{end} by {way}");
            }
        }
    }
}

proptest! {
    /// Two servers, a start in the middle, a file that is read again: the same facts in any order, any of them twice. Of
    /// each stay the wait is told first; the source sees to that.
    #[test]
    fn facts_in_any_order_and_repeated_end_in_the_same_story(
        kinds in 0usize..4,
        end in prop::sample::select(vec!["CONNECT", "ABANDON", "EXITWITHTIMEOUT"]),
        order in Just((0..24usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let (first, second) = KINDS[kinds];
        let steps = [
            (1, "9000", "ENTERQUEUE"),
            (31, "9000", "EXITWITHTIMEOUT"),
            (33, "9001", "ENTERQUEUE"),
            (43, "9001", "EXITEMPTY"),
            (44, "9002", "ENTERQUEUE"),
            (61, "9002", end),
        ];
        let told = by_log(&settings(first, second), &steps);
        let twice: Vec<Observed> = told.iter().chain(&told).cloned().collect();
        let mut shuffled: Vec<Observed> = Vec::new();
        for it in order.iter().filter_map(|at| twice.get(*at)) {
            let stay = |it: &Observed| ["waiting.2", "missed.2", "waiting.3", "missed.3", "answered.3"]
                .iter()
                .find(|word| it.key.as_str().contains(*word))
                .map(|word| word.chars().last());
            let wait = told.iter().find(|wait| is_wait(wait) && stay(wait) == stay(it)).unwrap();
            if !shuffled.contains(wait) {
                shuffled.push(wait.clone());
            }
            shuffled.push(it.clone());
        }
        let short = |told: &[Observed]| {
            stories(told).into_iter().map(|it| (it.0, it.1, it.2, it.3)).collect::<Vec<_>>()
        };
        prop_assert_eq!(short(&shuffled), short(&told), "{:?}", crate::support::lines(&shuffled));
    }
}
