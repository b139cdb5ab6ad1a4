//! A colleague's own call into a queue, and a citizen whom a colleague passes on. The stories `consult-*` were recorded
//! from an Asterisk 22 with SIP phones; what its `queue_log` said of them stands beside.

use std::collections::HashSet;

use vagttavle::domain::entry::{Body, DueKind, Entry};
use vagttavle::domain::observation::Observation;
use vagttavle::domain::{State, alarms, phone};
use vagttavle::protocol::observations::Observed;
use vagttavle::sources::ami::queue_log::Line;
use vagttavle::sources::ami::settings::Settings;
use vagttavle::sources::ami::translate::Calls;
use vagttavle::sources::ami::wire::Message;

use crate::support::{NIGHT_EPOCH_S, after, boards, exchange, messages, session};

/// A colleague waits, and hangs up.
const LOST: Story = Story {
    events: include_str!("fixtures/ami/consult-plain-lost.txt"),
    log: &[(0, "1796046625.2", "NONE", "ENTERQUEUE||2422|1"), (1, "1796046625.2", "NONE", "ABANDON|1|1|1")],
};
/// A colleague asks a member of the queue, then passes the citizen on.
const ASKED: Story = Story {
    events: include_str!("fixtures/ami/consult-after-answer.txt"),
    log: &[
        (0, "1796046637.7", "NONE", "ENTERQUEUE||2422|1"),
        (1, "1796046637.7", "Anna Andersen", "CONNECT|1|vagttest-1796046637.8|1"),
        (2, "1796046637.7", "Anna Andersen", "COMPLETECALLER|1|1|1"),
    ],
};
/// A colleague passes the citizen on while still waiting; the citizen hangs up before anybody answers.
const PASSED_ON_AND_LOST: Story = Story {
    events: include_str!("fixtures/ami/consult-waiting-lost.txt"),
    log: &[
        (0, "1796046656.12", "NONE", "ENTERQUEUE||2422|1"),
        (5, "1796046655.10", "Anna Andersen", "RINGCANCELED|4104"),
        (5, "1796046655.10", "NONE", "ABANDON|1|1|4"),
    ],
};
/// The same, and somebody answers.
const PASSED_ON_AND_ANSWERED: Story = Story {
    events: include_str!("fixtures/ami/consult-waiting-answered.txt"),
    log: &[
        (0, "1796046671.17", "NONE", "ENTERQUEUE||2422|1"),
        (4, "1796046670.15", "Anna Andersen", "CONNECT|4|vagttest-1796046671.18|4"),
        (9, "1796046670.15", "Anna Andersen", "COMPLETECALLER|4|5|1"),
    ],
};

struct Story {
    events: &'static str,
    /// Second, the number in the Uniqueid, agent, the rest.
    log: &'static [(i64, &'static str, &'static str, &'static str)],
}

impl Story {
    fn lines(&self) -> Vec<Line> {
        let line = |(second, call, agent, rest): &(i64, &str, &str, &str)| {
            let text = format!("{}|vagttest-{call}|doegnvagt|{agent}|{rest}", NIGHT_EPOCH_S + second);
            Line::parse(text.as_bytes()).unwrap()
        };
        self.log.iter().map(line).collect()
    }

    fn messages(&self) -> Vec<Message> {
        messages(&session(self.events))
    }
}

fn settings(kind: &str) -> Settings {
    exchange(&format!(
        r#"
        [queues]
        doegnvagt = {{ kind = "{kind}", agreements = ["jammerbugt"] }}
        [agents]
        "PJSIP/2422" = "carla"
        "Local/2411@agenter" = "anna"
        "#
    ))
}

/// What becomes of a story, told as it happens, from the log, and from both in either order. Each ends with a server
/// that knows nothing and reads the log again.
fn ways(kind: &str, story: &Story) -> Vec<(&'static str, Vec<Observed>)> {
    let mut ways = Vec::new();
    for way in ["events", "log", "events, then log", "log, then events"] {
        let mut told = Vec::new();
        let mut calls = Calls::new(&settings(kind));
        let parts: Vec<&str> = way.split(", then ").collect();
        for (part, is_last) in parts.iter().zip([parts.len() == 1, true]) {
            if *part == "events" {
                for (step, message) in story.messages().iter().enumerate() {
                    let second = i64::try_from(step).unwrap() / 2;
                    told.extend(calls.message(message, after(second)));
                }
            } else {
                told.extend(story.lines().iter().flat_map(|line| calls.line(line, after(12))));
            }
            if is_last {
                told.extend(calls.settle(after(300)));
            }
        }
        if way != "events" {
            let mut calls = Calls::new(&settings(kind));
            told.extend(story.lines().iter().flat_map(|line| calls.line(line, after(400))));
        }
        // The server takes a key once.
        let mut keys = HashSet::new();
        told.retain(|it| keys.insert(it.key.clone()));
        ways.push((way, told));
    }
    ways
}

/// Each call's number, its state, whether it is open, and whether it is to be rung back or kept.
fn calls(state: &State) -> Vec<(String, String, bool, bool)> {
    let mut calls: Vec<_> = state
        .open_entries()
        .chain(state.closed_entries())
        .filter_map(|entry| {
            let (Body::Phone(phone::Call { call, .. }) | Body::Alarms(alarms::Alarm { alarm: call, .. })) =
                &entry.body
            else {
                return None;
            };
            let is_owed = entry.due(DueKind::CallBack).or(entry.due(DueKind::Kept)).is_some();
            let number = call.as_str().rsplit('.').next().unwrap().to_owned();
            Some((number, entry.state().to_owned(), entry.is_open(), is_owed))
        })
        .collect();
    calls.sort();
    calls
}

fn one(number: &str, state: &str, is_open: bool, is_owed: bool) -> (String, String, bool, bool) {
    (number.to_owned(), state.to_owned(), is_open, is_owed)
}

#[test]
fn only_the_whole_endpoint_of_a_member_is_a_colleague() {
    let settings = settings("phone");
    assert!(settings.is_colleague("PJSIP/2422-0000000a"));
    for channel in [
        "PJSIP/24220-0000000a",
        "PJSIP/242-0000000a",
        "PJSIP/trunk-2422-0000000a",
        "PJSIP/2422",
        "PJSIP/2422-",
        "PJSIP/2422-trunk",
        "SIP/2422-0000000a",
        "Local/2411@agenter-00000001;1",
        "Local/2411@agenter-00000001",
        "",
    ] {
        assert!(!settings.is_colleague(channel), "{channel}");
    }
}

#[test]
fn a_colleague_who_hangs_up_is_not_rung_back() {
    for (way, told) in ways("phone", &LOST) {
        // The log has no channel: alone it cannot know.
        let expected =
            if way == "log" { one("2", "missed", true, true) } else { one("2", "colleague", false, false) };
        assert_eq!(calls(&boards(&told)), [expected], "{way}");
    }
}

#[test]
fn a_colleagues_call_that_times_out_is_over_and_one_that_is_answered_after_all_is_answered() {
    let join = LOST.messages().remove(0);
    let mut calls_told = Calls::new(&settings("phone"));
    let mut told = calls_told.message(&join, after(0));
    let timeout = format!("{}|vagttest-1796046625.2|doegnvagt|NONE|EXITWITHTIMEOUT|1|1|9", NIGHT_EPOCH_S + 9);
    told.extend(calls_told.line(&Line::parse(timeout.as_bytes()).unwrap(), after(9)));
    told.extend(calls_told.settle(after(60)));
    assert_eq!(calls(&boards(&told)), [one("2", "colleague", false, false)]);
    let again = format!("{}|vagttest-1796046625.2|doegnvagt|NONE|ENTERQUEUE||2422|1", NIGHT_EPOCH_S + 70);
    told.extend(calls_told.line(&Line::parse(again.as_bytes()).unwrap(), after(70)));
    assert_eq!(calls(&boards(&told)), [one("2", "waiting", true, false)]);
    let answer = format!("{}|vagttest-1796046625.2|doegnvagt|Anna|CONNECT|9|x|9", NIGHT_EPOCH_S + 79);
    told.extend(calls_told.line(&Line::parse(answer.as_bytes()).unwrap(), after(79)));
    assert_eq!(calls(&boards(&told)), [one("2", "answered", true, false)]);
}

#[test]
fn in_a_queue_of_kind_alarm_a_colleague_rings_like_any_other() {
    let told = Calls::new(&settings("alarm")).message(&LOST.messages()[0], after(0));
    assert_eq!(calls(&boards(&told)), [one("2", "raised", true, false)]);
    for (way, told) in ways("alarm", &LOST) {
        assert_eq!(calls(&boards(&told)), [one("2", "unanswered", true, false)], "{way}");
    }
}

#[test]
fn a_consultation_that_was_answered_is_one_story_answered() {
    for (way, told) in ways("phone", &ASKED) {
        assert_eq!(calls(&boards(&told)), [one("7", "ended", false, false)], "{way}");
    }
}

#[test]
fn a_citizen_who_is_passed_on_and_hangs_up_is_rung_back_and_the_colleague_is_not() {
    for (way, told) in ways("phone", &PASSED_ON_AND_LOST) {
        let mut expected = vec![one("10", "missed", true, true)];
        match way {
            // Nothing said what became of the colleague: the list that is asked for says it at the next connection.
            "log" => expected.push(one("12", "waiting", true, false)),
            _ => expected.push(one("12", "colleague", false, false)),
        }
        assert_eq!(calls(&boards(&told)), expected, "{way}");
    }
}

/// The calls whose entries are linked with this reason, both ways.
fn passed_on(state: &State) -> Vec<String> {
    let all = || state.open_entries().chain(state.closed_entries());
    let number = |entry: &Entry| {
        let origin = entry.origin.as_ref().map(|origin| origin.id.to_string()).unwrap_or_default();
        origin.rsplit('.').next().unwrap().to_owned()
    };
    let of = |entry: &Entry| -> Vec<String> {
        let links = entry.links.iter().filter(|link| link.why.name() == "passed-on");
        links.map(|link| format!("{}-{}", number(entry), number(state.entry(link.to).unwrap()))).collect()
    };
    let mut links: Vec<String> = all().flat_map(of).collect();
    links.sort();
    links
}

#[test]
fn in_a_queue_of_kind_alarm_the_citizen_who_is_passed_on_is_the_one_alarm() {
    for (story, [citizen, colleague], end) in [
        (&PASSED_ON_AND_LOST, ["10", "12"], "unanswered"),
        (&PASSED_ON_AND_ANSWERED, ["15", "17"], "answered"),
    ] {
        for (way, told) in ways("alarm", story) {
            let state = boards(&told);
            let citizens = one(citizen, end, true, false);
            if way == "log" {
                // Nothing said what became of the colleague: it rings until somebody looks.
                assert_eq!(calls(&state), [citizens, one(colleague, "raised", true, false)], "{way}");
                continue;
            }
            assert_eq!(calls(&state), [citizens, one(colleague, "closed", false, false)], "{way}");
            let both = [format!("{citizen}-{colleague}"), format!("{colleague}-{citizen}")];
            assert_eq!(passed_on(&state), both, "{way}");
        }
    }
}

#[test]
fn at_no_step_of_a_transfer_in_a_queue_of_kind_alarm_does_nobody_ring() {
    let mut translate = Calls::new(&settings("alarm"));
    let mut told = Vec::new();
    for (second, message) in PASSED_ON_AND_LOST.messages().iter().enumerate() {
        for fact in translate.message(message, after(second as i64)) {
            told.push(fact);
            let state = boards(&told);
            let ring = state.open_entries().filter(|it| ["raised", "unanswered"].contains(&it.state()));
            assert!(ring.count() > 0, "after {:?}", told.last());
        }
    }
    assert!(told.iter().any(|it| matches!(it.observation, Observation::CallPassedOn { .. })));
}

#[test]
fn in_a_phone_queue_the_colleagues_call_and_the_citizens_know_each_other() {
    for (story, both) in
        [(&PASSED_ON_AND_LOST, ["10-12", "12-10"]), (&PASSED_ON_AND_ANSWERED, ["15-17", "17-15"])]
    {
        for (way, told) in ways("phone", story).into_iter().filter(|(way, _)| *way != "log") {
            assert_eq!(passed_on(&boards(&told)), both, "{way}");
        }
    }
}

#[test]
fn a_citizen_who_is_passed_on_waits_from_then_on_under_the_own_number() {
    let story = PASSED_ON_AND_LOST.messages();
    let transfer = story.iter().position(|it| it.event() == Some("AttendedTransfer")).unwrap();
    let mut translate = Calls::new(&settings("phone"));
    let told: Vec<Observed> = story[..=transfer]
        .iter()
        .enumerate()
        .flat_map(|(second, message)| translate.message(message, after(second as i64)))
        .collect();
    let state = boards(&told);
    assert_eq!(calls(&state), [one("10", "waiting", true, false), one("12", "waiting", true, false)]);
    let citizen = told.iter().rfind(|it| matches!(it.observation, Observation::CallWaiting { .. })).unwrap();
    assert_eq!(citizen.live.caller.as_ref().map(|it| it.as_str()), Some("20304050"));
    assert!(matches!(citizen.observation, Observation::CallWaiting { colleague: false, .. }));
    assert_eq!(citizen.at, after(1));
}

#[test]
fn a_citizen_who_is_passed_on_and_answered_is_one_story_answered() {
    for (way, told) in ways("phone", &PASSED_ON_AND_ANSWERED) {
        let mut expected = vec![one("15", "ended", false, false)];
        match way {
            "log" => expected.push(one("17", "waiting", true, false)),
            _ => expected.push(one("17", "colleague", false, false)),
        }
        assert_eq!(calls(&boards(&told)), expected, "{way}");
    }
}

#[test]
fn a_citizen_who_was_answered_in_the_queue_and_is_passed_on_into_it_waits_in_whatever_order_it_is_told() {
    let of = |name: &str, more: &str| {
        let text = format!(
            "Asterisk Call Manager/11.0.0\nEvent: {name}\nPrivilege: agent,all\nQueue: doegnvagt\n\
             Uniqueid: vagttest-1796046655.10\nChannel: PJSIP/anonymous-00000006\nCallerIDNum: 20304050\n{more}\n"
        );
        messages(&session(&text)).remove(0)
    };
    let agent = "Interface: PJSIP/2422\nMemberName: Carla\nHoldTime: 1\nTalkTime: 3\nReason: transfer\n";
    let story = PASSED_ON_AND_LOST.messages();
    let (complete, transfer) = (of("AgentComplete", agent), story[1].clone());
    for late in [false, true] {
        let [first, second] =
            if late { [transfer.clone(), complete.clone()] } else { [complete.clone(), transfer.clone()] };
        let steps = [
            of("QueueCallerJoin", ""),
            of("QueueCallerLeave", ""),
            of("AgentConnect", agent),
            story[0].clone(),
            first,
            second,
        ];
        let mut translate = Calls::new(&settings("phone"));
        let mut told = Vec::new();
        for (second, message) in steps.iter().chain(&story[2..4]).enumerate() {
            told.extend(translate.message(message, after(second as i64)));
        }
        told.extend(translate.settle(after(30)));
        let waits = [one("10", "waiting", true, false), one("12", "colleague", false, false)];
        assert_eq!(calls(&boards(&told)), waits, "late: {late}");
        for (second, message) in story[4..].iter().enumerate() {
            told.extend(translate.message(message, after(31 + second as i64)));
        }
        let lost = [one("10", "missed", true, true), one("12", "colleague", false, false)];
        assert_eq!(calls(&boards(&told)), lost, "late: {late}");
    }
}
