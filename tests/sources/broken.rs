//! Everything an exchange may send, broken in every way: nothing panics, what comes after it is read all the same, and
//! what could not be read is seen.

use std::path::Path;

use vagttavle::domain::observation::{MissedReason, Rank};
use vagttavle::protocol::observations::Observed;
use vagttavle::sources::ami::queue_log::{LOG_LINE_BYTES_MAX, LogReader};
use vagttavle::sources::ami::translate::Calls;
use vagttavle::sources::ami::wire::{Frame, LINE_BYTES_MAX};

use crate::mutate::{Mutant, cuts, pieces};
use crate::support::{End, NIGHT_EPOCH_S, after, fold, frames, night, session, settings};

const FIXTURES: [&str; 5] = [
    include_str!("fixtures/ami/abandon.txt"),
    include_str!("fixtures/ami/answered.txt"),
    include_str!("fixtures/ami/timeout.txt"),
    include_str!("fixtures/ami/alarms.txt"),
    include_str!("fixtures/ami/list.txt"),
];

/// A call that comes after the damage: of another channel, joining and giving up.
const AFTERWARDS: &str = "\r\n\r\n\
    Event: QueueCallerJoin\r\nUniqueid: natnat-1795310040.900\r\nQueue: bagvagt\r\nCallerIDNum: 20304090\r\n\r\n\
    Event: QueueCallerAbandon\r\nUniqueid: natnat-1795310040.900\r\nQueue: bagvagt\r\n\r\n";

/// Reads a broken session; what came after it must have been read.
fn survive(mutant: &Mutant, size: usize) -> Vec<Frame> {
    let bytes = [&mutant.bytes[..], AFTERWARDS.as_bytes()].concat();
    let read = frames(&bytes, size);
    let mut calls = Calls::new(&settings());
    calls.ask_list(Vec::new(), night());
    let mut told: Vec<Observed> = Vec::new();
    for frame in &read {
        if let Frame::Message(message) = frame {
            told.extend(calls.message(message, after(1)));
            calls.ends_list(message);
        }
    }
    calls.compare(after(2));
    told.extend(calls.settle(after(600)));
    let end = fold(&told).get("natnat-1795310040.900").copied();
    assert!(
        matches!(end, Some((End::Missed(MissedReason::HungUp | MissedReason::Timeout), _))),
        "{}: the call after it ended as {end:?}",
        mutant.what
    );
    read
}

#[test]
fn a_session_cut_anywhere_costs_at_most_the_message_it_was_cut_in() {
    for fixture in FIXTURES {
        let bytes = session(fixture);
        for mutant in cuts(&bytes) {
            let broken = survive(&mutant, 1460);
            let whole = frames(&mutant.bytes, mutant.bytes.len());
            assert_eq!(broken[..whole.len()], whole[..], "{}", mutant.what);
        }
    }
}

#[test]
fn a_session_with_any_line_or_field_broken_is_read_on() {
    for fixture in FIXTURES {
        let bytes = session(fixture);
        for mutant in pieces(&bytes, b"\n").chain(pieces(&bytes, b":\n")) {
            let read = survive(&mutant, 4096);
            let is_oversized = mutant.bytes.len() > bytes.len() + LINE_BYTES_MAX;
            let is_told = read.iter().any(|frame| matches!(frame, Frame::Unreadable(_)));
            assert!(is_told || !is_oversized, "{}: an oversized line is told of", mutant.what);
        }
    }
}

const LOG: &str = "E|natnat-1.4|hovednummer|NONE|ENTERQUEUE||20304050|1
E|natnat-1.4|hovednummer|NONE|ABANDON|1|1|12
E|natnat-1.6|hovednummer|NONE|ENTERQUEUE||20304051|1
E|natnat-1.6|hovednummer|PJSIP/301|CONNECT|2|natnat-1.7|2
E|natnat-1.6|hovednummer|PJSIP/301|COMPLETEAGENT|2|31|1
E|NONE|NONE|NONE|QUEUESTART|
E|natnat-1.10|noedkald|NONE|ENTERQUEUE||20304053|1
E|natnat-1.10|noedkald|NONE|EXITWITHTIMEOUT|1|1|30
";

/// Reads a broken log with a good call after it, through the file as the link does.
fn survive_log(folder: &Path, nth: usize, mutant: &Mutant) -> usize {
    let path = folder.join(nth.to_string());
    let good =
        "\nE|natnat-9.9|bagvagt|NONE|ENTERQUEUE||20304090|1\nE|natnat-9.9|bagvagt|NONE|EXITEMPTY|1|1|5\n";
    let good = good.replace("E|", &format!("{NIGHT_EPOCH_S}|"));
    std::fs::write(&path, [&mutant.bytes[..], good.as_bytes()].concat()).unwrap();
    let mut reader = LogReader::new(path.clone(), night() - chrono::TimeDelta::days(7));
    let mut calls = Calls::new(&settings());
    let (mut told, mut unreadable) = (Vec::new(), 0);
    loop {
        let lines = reader.read().unwrap();
        unreadable += lines.unreadable;
        for line in &lines.lines {
            told.extend(calls.line(line, after(60)));
        }
        if !lines.more {
            break;
        }
    }
    told.extend(calls.settle(after(600)));
    std::fs::remove_file(&path).unwrap();
    assert!(told.iter().all(|it| it.at <= after(600)), "{}: nothing is in the future", mutant.what);
    let end = fold(told.iter().filter(|it| it.rank == Rank::Log)).get("natnat-9.9").copied();
    assert_eq!(end, Some((End::Missed(MissedReason::NoAgent), false)), "{}", mutant.what);
    unreadable
}

#[test]
fn a_log_with_any_byte_cut_or_any_line_or_field_broken_is_read_on() {
    let folder = tempfile::tempdir().unwrap();
    let good = LOG.replace("E|", &format!("{NIGHT_EPOCH_S}|"));
    let good = good.as_bytes();
    let mutants = cuts(good).chain(pieces(good, b"\n")).chain(pieces(good, b"|\n"));
    for (nth, mutant) in mutants.enumerate() {
        let unreadable = survive_log(folder.path(), nth, &mutant);
        let is_oversized = mutant.bytes.len() > good.len() + LOG_LINE_BYTES_MAX;
        assert!(unreadable > 0 || !is_oversized, "{}: an oversized line is told of", mutant.what);
    }
}
