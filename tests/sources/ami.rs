//! Manager interface: bytes -> messages -> observations.

use chrono::TimeDelta;
use proptest::prelude::*;
use vagttavle::domain::identity::ExternalId;
use vagttavle::domain::observation::{MissedReason, Observation, Rank};
use vagttavle::sources::ami::settings::Settings;
use vagttavle::sources::ami::translate::Calls;
use vagttavle::sources::ami::wire::{
    Breach, Frame, LINE_BYTES_MAX, MESSAGE_BYTES_MAX, MESSAGE_LINES_MAX, Message, unescape,
};
use vagttavle::sources::{OpenCall, QueueKind};

use crate::support::{End, after, boards, fold, frames, lines, messages, night, session, settings, told_by};

const ABANDON: &str = include_str!("fixtures/ami/abandon.txt");
const ANSWERED: &str = include_str!("fixtures/ami/answered.txt");
const TIMEOUT: &str = include_str!("fixtures/ami/timeout.txt");
const ALARMS: &str = include_str!("fixtures/ami/alarms.txt");
const LIST: &str = include_str!("fixtures/ami/list.txt");

fn calls() -> Calls {
    Calls::new(&settings())
}

fn told(fixture: &str) -> Vec<vagttavle::protocol::observations::Observed> {
    told_by(&mut calls(), &messages(&session(fixture)))
}

fn breaches(frames: &[Frame]) -> Vec<Breach> {
    frames
        .iter()
        .filter_map(|frame| if let Frame::Unreadable(breach) = frame { Some(*breach) } else { None })
        .collect()
}

fn event(text: &str) -> Message {
    messages(&session(&format!("Asterisk Call Manager/11.0.0\n{text}\n"))).remove(0)
}

// The wire.

#[test]
fn the_banner_has_no_empty_line_after_it() {
    let frames = frames(b"Asterisk Call Manager/11.0.0\r\nEvent: A\r\n\r\n", 1);
    assert_eq!(frames[0], Frame::Banner);
    assert!(matches!(&frames[1], Frame::Message(message) if message.event() == Some("A")));
    assert_eq!(frames.len(), 2);
}

#[test]
fn repeated_headers_empty_values_and_case_are_kept() {
    let message = event("Event: Some\nOutput: one\noutput: two\nPausedReason: \nOdd:x: y\n");
    assert_eq!(message.all("Output").collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(message.get("OUTPUT"), Some("one"));
    assert_eq!(message.get("PausedReason"), None);
    assert_eq!(message.all("PausedReason").collect::<Vec<_>>(), [""]);
    assert_eq!(message.get("Odd"), Some("x: y"));
}

#[test]
fn a_session_reads_the_same_in_pieces_of_any_size_and_with_either_line_end() {
    for fixture in [ABANDON, ANSWERED, ALARMS] {
        let whole = frames(&session(fixture), usize::MAX);
        assert!(whole.len() > 8);
        for size in [1, 2, 3, 7, 64, 1000] {
            assert_eq!(frames(&session(fixture), size), whole);
        }
        assert_eq!(frames(fixture.as_bytes(), 5), whole);
    }
}

#[test]
fn cut_at_every_byte_nothing_is_invented() {
    let bytes = session(ALARMS);
    let whole = frames(&bytes, usize::MAX);
    for cut in 0..bytes.len() {
        let part = frames(&bytes[..cut], usize::MAX);
        assert_eq!(part[..], whole[..part.len()], "cut at {cut}");
    }
}

#[test]
fn bytes_that_are_no_utf8_are_replaced_and_the_message_is_read() {
    let bytes = b"Asterisk Call Manager/5.0.4\r\nEvent: A\r\nCallerIDName: J\xf8rgen\r\n\r\n";
    let Frame::Message(message) = frames(bytes, 3).remove(1) else { panic!("no message") };
    assert_eq!(message.get("CallerIDName"), Some("J\u{fffd}rgen"));
}

#[test]
fn a_breach_costs_one_message_and_reading_goes_on() {
    let next = "\r\n\r\nEvent: Next\r\n\r\n";
    let long = format!("Event: A\r\nX: {}{next}", "x".repeat(LINE_BYTES_MAX));
    let endless = format!("Event: A\r\nX: {}{next}", "x".repeat(LINE_BYTES_MAX * 5));
    let many = format!("Event: A\r\n{}{next}", "X: y\r\n".repeat(MESSAGE_LINES_MAX).trim_end());
    let line = format!("X: {}\r\n", "x".repeat(8000));
    let big = format!("Event: A\r\n{}{next}", line.repeat(MESSAGE_BYTES_MAX / 8000 + 1).trim_end());
    for (text, breach) in [
        (long, Breach::LineTooLong),
        (endless, Breach::LineTooLong),
        (many, Breach::TooManyLines),
        (big, Breach::MessageTooBig),
    ] {
        for size in [100, 4096, usize::MAX] {
            let frames = frames(format!("Asterisk Call Manager/11.0.0\r\n{text}").as_bytes(), size);
            assert_eq!(frames[0], Frame::Banner);
            assert_eq!(frames[1], Frame::Unreadable(breach), "in pieces of {size}");
            assert!(matches!(&frames[2], Frame::Message(message) if message.event() == Some("Next")));
            assert_eq!(frames.len(), 3);
        }
    }
}

#[test]
fn a_line_without_a_colon_is_told_and_its_message_still_read() {
    let frames =
        frames(b"Asterisk Call Manager/11.0.0\nEvent: A\nnonsense\nB: c\n\nEvent: D\n\n", usize::MAX);
    assert!(matches!(&frames[1], Frame::Message(message) if message.get("B") == Some("c")));
    assert_eq!(frames[2], Frame::Unreadable(Breach::NotAHeader));
    assert!(matches!(&frames[3], Frame::Message(message) if message.event() == Some("D")));
}

#[test]
fn something_else_on_the_port_is_told_as_such() {
    let frames = frames(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", usize::MAX);
    assert_eq!(breaches(&frames), [Breach::NoBanner]);
}

#[test]
fn escapes_are_undone_and_odd_ones_left() {
    assert_eq!(unescape(r#"a\tb \\\"x\\\" \\o/ \z \"#), "a\tb \\\"x\\\" \\o/ \\z \\");
}

#[test]
fn a_debug_line_of_a_message_shows_no_value() {
    let shown = format!("{:?}", messages(&session(ABANDON)));
    assert!(shown.contains("CallerIDNum") && !shown.contains("20304050") && !shown.contains("Karla"));
    let shown = format!("{:?}", told(ABANDON));
    assert!(shown.contains("caller …") && !shown.contains("20304050") && !shown.contains("Karla"));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..4000), size in 1usize..500) {
        let heard = frames(&bytes, size);
        prop_assert!(heard.len() <= bytes.len() + 1);
    }
}

// Calls.

#[test]
fn a_caller_who_hangs_up_is_missed() {
    let told = told(ABANDON);
    assert_eq!(
        lines(&told),
        ["natnat-1795310040.4/waiting/hovednummer +3s", "natnat-1795310040.4/missed +6s"]
    );
    assert_eq!(told[0].live.caller.as_ref().unwrap().as_str(), "20304050");
    assert_eq!(told[0].live.caller_name.as_ref().unwrap().as_str(), "Karla Prøve");
    assert_eq!(told[0].agreement, None);
    assert_eq!(told[0].candidates.len(), 2);
    assert!(told.iter().all(|observed| observed.rank == Rank::Event));
    assert!(
        matches!(&told[1].observation, Observation::CallMissed { reason: MissedReason::HungUp, call } if call.as_str() == "natnat-1795310040.4")
    );
}

#[test]
fn an_answered_call_names_who_took_it_and_ends() {
    let told = told(ANSWERED);
    let keys = [
        "natnat-1795310040.6/waiting/hovednummer +3s",
        "natnat-1795310040.6/answered +6s",
        "natnat-1795310040.6/ended +7s",
    ];
    assert_eq!(lines(&told), keys);
    assert!(
        matches!(&told[1].observation, Observation::CallAnswered { agent: Some(agent), .. } if agent.as_str() == "bo")
    );
}

#[test]
fn an_abandon_without_a_hangup_request_is_a_timeout_by_inference() {
    let told = told(TIMEOUT);
    assert_eq!(
        lines(&told),
        ["natnat-1795310040.8/waiting/hovednummer +3s", "natnat-1795310040.8/timeout-inferred +5s"]
    );
    assert_eq!(fold(&told)["natnat-1795310040.8"], (End::Missed(MissedReason::Timeout), false));
}

#[test]
fn without_the_class_call_an_abandon_is_a_hangup() {
    let only_agent: Vec<Message> =
        messages(&session(TIMEOUT)).into_iter().filter(|m| m.get("Privilege") != Some("call,all")).collect();
    let told = told_by(&mut calls(), &only_agent);
    assert_eq!(fold(&told)["natnat-1795310040.8"], (End::Missed(MissedReason::HungUp), false));
}

#[test]
fn a_queue_of_alarms_raises_answers_and_rings_out() {
    let told = told(ALARMS);
    let ends = fold(&told);
    assert_eq!(ends["natnat-1795310040.10"], (End::Answered, true));
    assert_eq!(ends["natnat-1795310040.11"], (End::Unanswered, false));
    assert_eq!(told[0].agreement.as_ref().unwrap().as_str(), "jammerbugt");
    assert!(
        matches!(&told[0].observation, Observation::AlarmWaiting { queue, .. } if queue.as_str() == "noedkald")
    );
}

#[test]
fn a_leave_alone_decides_nothing_until_its_grace_is_over() {
    let mut calls = calls();
    let all = messages(&session(ANSWERED));
    let join = all.iter().position(|m| m.event() == Some("QueueCallerJoin")).unwrap();
    let mut told = calls.message(&all[join], night());
    told.extend(calls.message(&all[join + 2], after(5)));
    told.extend(calls.settle(after(60)));
    assert_eq!(lines(&told), ["natnat-1795310040.6/waiting/hovednummer +0s"]);
    told.extend(calls.settle(after(66)));
    assert_eq!(lines(&told)[1], "natnat-1795310040.6/missed-inferred +5s");
    // The agent was listening to an announcement all the while.
    told.extend(calls.message(&all[join + 3], after(70)));
    assert_eq!(fold(&told)["natnat-1795310040.6"], (End::Answered, false));
}

#[test]
fn an_event_stamp_is_used_and_corrected_by_the_clock_of_the_exchange() {
    let mut calls = calls();
    let stamp = night().timestamp() + 180;
    calls.message(&event(&format!("Response: Success\nPing: Pong\nTimestamp: {stamp}.250000\n")), night());
    assert_eq!(calls.clock_ahead(), TimeDelta::milliseconds(180_250));
    let join = event(&format!(
        "Event: QueueCallerJoin\nQueue: hovednummer\nUniqueid: 1.1\nTimestamp: {}.250000\n",
        stamp - 60
    ));
    assert_eq!(calls.message(&join, after(5))[0].at, after(-60));
    let ahead = event(&format!(
        "Event: QueueCallerJoin\nQueue: hovednummer\nUniqueid: 1.2\nTimestamp: {}\n",
        stamp + 99
    ));
    assert_eq!(calls.message(&ahead, after(5))[0].at, after(5), "never in the future");
}

#[test]
fn other_queues_and_channels_are_none_of_our_business() {
    let elsewhere = ANSWERED.replace("Queue: hovednummer", "Queue: teknik");
    assert_eq!(told(&elsewhere), []);
}

#[test]
fn an_id_that_cannot_be_kept_becomes_letters_and_the_call_is_not_lost() {
    let odd = ABANDON.replace("natnat-1795310040.4", "vores central æøå|4");
    let told = told(&odd);
    assert_eq!(told.len(), 2);
    assert!(told[0].key.as_str().starts_with("id-"), "{}", told[0].key);
}

// The list.

fn listed(
    calls: &mut Calls,
    list: &str,
    open: Vec<OpenCall>,
) -> Vec<vagttavle::protocol::observations::Observed> {
    let action = calls.ask_list(open, after(100));
    let mut told = Vec::new();
    for message in
        messages(&session(&format!("Asterisk Call Manager/11.0.0\n{}", list.replace("status-1", &action))))
    {
        told.extend(calls.message(&message, after(101)));
        if calls.ends_list(&message) {
            assert_eq!(calls.compare(after(101)), Vec::<String>::new());
            told.extend(calls.settle(after(200)));
            return told;
        }
    }
    panic!("the list did not end");
}

#[test]
fn a_list_tells_who_waits_and_since_when() {
    let told = listed(&mut calls(), LIST, Vec::new());
    assert_eq!(lines(&told), ["natnat-1795310040.12/waiting/hovednummer +54s"]);
    assert_eq!(told[0].live.caller_name.as_ref().unwrap().as_str(), r#"Åse \"Ase\" \o/"#);
}

#[test]
fn who_is_in_no_list_any_more_is_concluded_at_the_lowest_rank() {
    let open = |call: &str, kind, answered| OpenCall { call: ExternalId::new(call).unwrap(), kind, answered };
    let told = listed(
        &mut calls(),
        LIST,
        vec![
            open("natnat-1795310040.12", QueueKind::Phone, false),
            open("natnat-1795310040.1", QueueKind::Phone, false),
            open("natnat-1795310040.2", QueueKind::Phone, true),
            open("natnat-1795310040.3", QueueKind::Alarm, false),
        ],
    );
    let mut lines = lines(&told);
    lines.sort();
    assert_eq!(
        lines,
        [
            "natnat-1795310040.1/missed-inferred +101s",
            "natnat-1795310040.12/waiting/hovednummer +54s",
            "natnat-1795310040.2/ended-inferred +101s",
            "natnat-1795310040.3/missed-inferred +101s",
        ]
    );
    assert!(told.iter().any(|observed| matches!(observed.observation, Observation::AlarmUnanswered { .. })));
}

#[test]
fn while_a_member_is_in_a_call_a_talk_is_not_declared_over() {
    let open = OpenCall {
        call: ExternalId::new("natnat-1795310040.2").unwrap(),
        kind: QueueKind::Phone,
        answered: true,
    };
    let told = listed(&mut calls(), &LIST.replace("InCall: 0", "InCall: 1"), vec![open]);
    assert_eq!(lines(&told), ["natnat-1795310040.12/waiting/hovednummer +54s"]);
}

#[test]
fn an_absence_is_explained_by_an_event_that_comes_late() {
    let mut calls = calls();
    let all = messages(&session(ANSWERED));
    let join = all.iter().position(|m| m.event() == Some("QueueCallerJoin")).unwrap();
    let mut told = calls.message(&all[join], night());
    let action = calls.ask_list(Vec::new(), after(2));
    for message in
        messages(&session(&format!("Asterisk Call Manager/11.0.0\n{}", LIST.replace("status-1", &action))))
    {
        told.extend(calls.message(&message, after(2)));
    }
    calls.compare(after(2));
    for message in &all[join + 2..] {
        told.extend(calls.message(message, after(3)));
    }
    told.extend(calls.settle(after(200)));
    assert_eq!(fold(&told)["natnat-1795310040.6"], (End::Answered, true));
    assert!(told.iter().all(|observed| observed.rank == Rank::Event), "{:?}", lines(&told));
}

#[test]
fn a_queue_the_exchange_does_not_have_is_told_and_nothing_concluded_of_it() {
    let mut settings: Settings = settings();
    let queue = settings.queues["hovednummer"].clone();
    settings.queues.insert("stavefejl".into(), queue);
    let mut calls = Calls::new(&settings);
    let lost = ExternalId::new("natnat-1795310040.1").unwrap();
    let open = OpenCall { call: lost, kind: QueueKind::Alarm, answered: false };
    let action = calls.ask_list(vec![open], night());
    for message in
        messages(&session(&format!("Asterisk Call Manager/11.0.0\n{}", LIST.replace("status-1", &action))))
    {
        calls.message(&message, night());
    }
    assert_eq!(calls.compare(night()), ["stavefejl"]);
    assert_eq!(calls.settle(after(600)), [], "it may be in the queue that was not listed");
}

// Disorder.

/// The events of all fixtures, without those of the login.
fn all_events() -> Vec<Message> {
    let all = [ABANDON, ANSWERED, TIMEOUT, ALARMS].map(|fixture| messages(&session(fixture)));
    all.into_iter().flatten().filter(|message| message.get("Uniqueid").is_some()).collect()
}

/// Feeds everything at the same moment: no order can be told from the time.
fn end_of(order: &[Message]) -> std::collections::BTreeMap<String, (End, bool)> {
    let mut calls = calls();
    let mut told = Vec::new();
    // The connection has shown the class `call` before.
    calls.message(&event("Event: Newchannel\nPrivilege: call,all\nUniqueid: 9.9\n"), night());
    for message in order {
        told.extend(calls.message(message, night()));
    }
    told.extend(calls.settle(after(600)));
    fold(&told)
}

proptest! {
    #[test]
    fn any_order_and_any_repetition_end_in_the_same_state(
        order in Just(all_events().into_iter().flat_map(|m| [m.clone(), m]).collect::<Vec<_>>()).prop_shuffle()
    ) {
        prop_assert_eq!(end_of(&order), end_of(&all_events()));
    }
}

#[test]
fn the_state_of_the_fixtures_is_the_expected_one() {
    let ends = end_of(&all_events());
    assert_eq!(ends["natnat-1795310040.4"], (End::Missed(MissedReason::HungUp), false));
    assert_eq!(ends["natnat-1795310040.6"], (End::Answered, true));
    assert_eq!(ends["natnat-1795310040.8"], (End::Missed(MissedReason::Timeout), false));
    assert_eq!(ends["natnat-1795310040.10"], (End::Answered, true));
    assert_eq!(ends["natnat-1795310040.11"], (End::Unanswered, false));
    assert_eq!(ends.len(), 5);
}

#[test]
fn overflow_to_another_queue_is_one_call_that_was_answered() {
    let mut both = messages(&session(TIMEOUT));
    both.pop();
    let second =
        ANSWERED.replace("natnat-1795310040.6", "natnat-1795310040.8").replace("hovednummer", "bagvagt");
    both.extend(messages(&session(&second)));
    let told = told_by(&mut calls(), &both);
    assert_eq!(fold(&told)["natnat-1795310040.8"], (End::Answered, true));
    assert_eq!(boards(&told).open_entries().count() + boards(&told).closed_entries().count(), 1);
}

#[test]
fn a_call_sent_back_into_the_queue_and_lost_there_is_to_be_called_back_though_it_was_answered_once() {
    let mut both = messages(&session(ANSWERED));
    both.pop();
    both.extend(messages(&session(&ABANDON.replace("natnat-1795310040.4", "natnat-1795310040.6"))));
    let ends = fold(&told_by(&mut calls(), &both));
    assert_eq!(ends["natnat-1795310040.6"].0, End::Missed(MissedReason::HungUp));
    assert_eq!(ends.len(), 1);
}

// Settings.

#[test]
fn settings_refuse_unknown_keys_and_what_cannot_work() {
    let block = r#"
        name = "central"
        address = "10.0.0.5:5038"
        user = "vagt"
        secret_file = "s"
        queues = { a = { kind = "alarm", agreements = ["jammerbugt"] } }
    "#;
    let good: Settings = toml::from_str(block).unwrap();
    assert_eq!(good.look_back_days, 7);
    assert_eq!(good.check(), Ok(()));
    assert!(toml::from_str::<Settings>(&format!("{block}\nqueuelog = \"x\"")).is_err());
    for wrong in [
        block.replace("10.0.0.5:5038", "10.0.0.5"),
        block.replace("\"vagt\"", "\"va\\ngt\""),
        block.replace("a = { kind = \"alarm\", agreements = [\"jammerbugt\"] }", ""),
        block.replace("[\"jammerbugt\"]", "[]"),
        format!("{block}\nlook_back_days = 31"),
    ] {
        assert!(toml::from_str::<Settings>(&wrong).unwrap().check().is_err(), "{wrong}");
    }
}
