//! Who takes the calls: from the list and from the events, and nothing when it is not known.

use vagttavle::sources::QueueStaff;
use vagttavle::sources::ami::translate::Calls;

use crate::support::{after, messages, session, settings};

fn member(event: &str, name: &str, queue: &str, more: &str) -> String {
    let place = if event == "QueueMember" { "Location" } else { "Interface" };
    let mut text = format!("Event: {event}\nQueue: {queue}\n{place}: {name}\n");
    for field in more.split(' ').filter(|field| !field.is_empty()) {
        let (name, value) = field.split_once('=').unwrap();
        text.push_str(&format!("{name}: {value}\n"));
    }
    text + "\n"
}

fn feed(calls: &mut Calls, text: &str) {
    for message in messages(&session(&format!("Asterisk Call Manager/11.0.0\n{text}"))) {
        calls.message(&message, after(0));
    }
}

/// Asks for the list and tells these members.
fn list(calls: &mut Calls, members: &[String]) {
    let action = calls.ask_list(Vec::new(), after(0));
    let mut text = String::new();
    for queue in ["hovednummer", "bagvagt", "noedkald"] {
        text.push_str(&format!("Event: QueueParams\nQueue: {queue}\nActionID: {action}\n\n"));
    }
    for member in members {
        text.push_str(&member.replace("\n\n", &format!("\nActionID: {action}\n\n")));
    }
    feed(calls, &text);
    calls.compare(after(0));
}

/// `queue duty/busy/paused` of each queue.
fn staff(calls: &Calls) -> Vec<String> {
    let line = |it: &QueueStaff| format!("{} {}/{}/{}", it.queue, it.on_duty, it.busy, it.paused);
    calls.staff().iter().map(line).collect()
}

#[test]
fn members_are_counted_by_what_they_do_and_only_where_they_can_be_reached() {
    let mut calls = Calls::new(&settings());
    assert_eq!(staff(&calls), Vec::<String>::new(), "before the first list nothing is known");
    let at = |name: &str, more: &str| member("QueueMember", name, "hovednummer", more);
    list(
        &mut calls,
        &[
            at("PJSIP/1", "Status=1 Paused=0 InCall=0"),
            at("PJSIP/2", "Status=2 Paused=0 InCall=0"),
            at("PJSIP/3", "Status=1 Paused=0 InCall=1"),
            at("PJSIP/4", "Status=1 Paused=1 InCall=0"),
            at("PJSIP/5", "Status=5 Paused=0 InCall=0"),
            at("PJSIP/6", "Status=4 Paused=1 InCall=0"),
            at("PJSIP/7", "Status=6 Paused=0 InCall=0"),
            at("PJSIP/8", "Status=0 Paused=0 InCall=0"),
            member("QueueMember", "PJSIP/1", "noedkald", "Status=1 Paused=1"),
            member("QueueMember", "PJSIP/1", "teknik", "Status=1 Paused=0"),
        ],
    );
    assert_eq!(staff(&calls), ["bagvagt 0/0/0", "hovednummer 5/2/1", "noedkald 0/0/1"]);
}

#[test]
fn events_move_members_and_the_next_list_has_the_last_word() {
    let mut calls = Calls::new(&settings());
    let one = member("QueueMember", "PJSIP/1", "bagvagt", "Status=1 Paused=0");
    list(&mut calls, std::slice::from_ref(&one));
    let steps = [
        ("QueueMemberAdded", "PJSIP/2", "Status=1 Paused=0", "bagvagt 2/0/0"),
        ("QueueMemberPause", "PJSIP/2", "Status=1 Paused=1 PausedReason=kaffe", "bagvagt 1/0/1"),
        ("QueueMemberStatus", "PJSIP/1", "Status=2 Paused=0 InCall=1", "bagvagt 1/1/1"),
        ("QueueMemberPause", "PJSIP/2", "Status=1 Paused=0", "bagvagt 2/1/0"),
        ("QueueMemberStatus", "PJSIP/1", "Status=5 Paused=0 InCall=0", "bagvagt 1/0/0"),
        ("QueueMemberRemoved", "PJSIP/2", "Status=1 Paused=0", "bagvagt 0/0/0"),
        ("QueueMemberRemoved", "PJSIP/2", "Status=1 Paused=0", "bagvagt 0/0/0"),
    ];
    for (event, who, more, wanted) in steps {
        feed(&mut calls, &member(event, who, "bagvagt", more));
        assert_eq!(staff(&calls)[0], wanted, "{event} {who}");
    }
    // An event was lost: whom the list does not name is gone, whom an event names meanwhile is not.
    feed(&mut calls, &member("QueueMemberAdded", "PJSIP/9", "bagvagt", "Status=1 Paused=0"));
    calls.ask_list(Vec::new(), after(1));
    feed(&mut calls, &member("QueueMemberAdded", "PJSIP/3", "bagvagt", "Status=1 Paused=0"));
    calls.compare(after(1));
    assert_eq!(staff(&calls)[0], "bagvagt 1/0/0");
    list(&mut calls, &[one]);
    assert_eq!(staff(&calls)[0], "bagvagt 1/0/0");
    calls.disconnected();
    assert_eq!(staff(&calls), Vec::<String>::new(), "away: nothing is known");
}

#[test]
fn callers_who_wait_are_counted_by_queue() {
    let mut calls = Calls::new(&settings());
    list(&mut calls, &[]);
    feed(
        &mut calls,
        "Event: QueueCallerJoin\nQueue: noedkald\nUniqueid: 1.1\n\nEvent: QueueCallerJoin\nQueue: bagvagt\nUniqueid: 1.2\n\n",
    );
    let waiting = |calls: &Calls| -> Vec<u32> { calls.staff().iter().map(|it| it.waiting).collect() };
    assert_eq!(waiting(&calls), [1, 0, 1]);
    feed(&mut calls, "Event: QueueCallerLeave\nQueue: noedkald\nUniqueid: 1.1\n\n");
    assert_eq!(waiting(&calls), [1, 0, 0]);
}
