//! `queue_log`: file -> lines -> observations.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use vagttavle::domain::observation::{MissedReason, Rank};
use vagttavle::protocol::observations::Observed;
use vagttavle::sources::ami::queue_log::{LOG_LINE_BYTES_MAX, LOG_READ_BYTES_MAX, Line, LogReader};
use vagttavle::sources::ami::translate::Calls;

use crate::support::{End, NIGHT_EPOCH_S, after, fold, lines, messages, night, session, settings, told_by};

/// `+S|call|…` becomes a line at S seconds after the night began.
fn log(text: &str) -> String {
    text.lines()
        .map(|line| {
            let (seconds, rest) = line.trim().split_once('|').unwrap();
            format!("{}|{rest}\n", NIGHT_EPOCH_S + seconds.parse::<i64>().unwrap())
        })
        .collect()
}

fn told(calls: &mut Calls, text: &str) -> Vec<Observed> {
    let lines: Vec<Line> = text.lines().map(|line| Line::parse(line.as_bytes()).unwrap()).collect();
    let mut told: Vec<Observed> = lines.iter().flat_map(|line| calls.line(line, after(1000))).collect();
    told.extend(calls.settle(after(1010)));
    told
}

const NIGHT_LOG: &str = "0|NONE|NONE|NONE|QUEUESTART|
    1|natnat-1.0|hovednummer|NONE|ENTERQUEUE||20304050|1
    2|natnat-1.0|hovednummer|Bo Bagvagt|RINGNOANSWER|6000
    9|natnat-1.0|hovednummer|NONE|ABANDON|1|1|8
    10|natnat-1.3|hovednummer|NONE|ENTERQUEUE||20304051|1
    12|natnat-1.3|hovednummer|PJSIP/301|CONNECT|2|natnat-1.4|2
    20|natnat-1.3|hovednummer|PJSIP/301|COMPLETECALLER|2|8|1
    21|natnat-1.6|noedkald|NONE|ENTERQUEUE||20304052|1
    51|natnat-1.6|noedkald|NONE|EXITWITHTIMEOUT|1|1|30
    52|natnat-1.7|hovednummer|NONE|ENTERQUEUE||20304053|1
    53|natnat-1.7|hovednummer|NONE|EXITEMPTY|1|1|1
    54|natnat-1.8|teknik|NONE|ENTERQUEUE||20304054|1
    55|natnat-1.9|hovednummer|NONE|ENTERQUEUE||20304055|1
    56|natnat-1.9|hovednummer|PJSIP/301|CONNECT|1|natnat-1.11|1
    60|natnat-1.9|hovednummer|PJSIP/301|BLINDTRANSFER|2500|ind|1|4|1";

#[test]
fn a_night_in_the_log() {
    let told = told(&mut Calls::new(&settings()), &log(NIGHT_LOG));
    let ends = fold(&told);
    assert_eq!(ends["natnat-1.0"], (End::Missed(MissedReason::HungUp), false));
    assert_eq!(ends["natnat-1.3"], (End::Answered, true));
    assert_eq!(ends["natnat-1.6"], (End::Unanswered, false));
    assert_eq!(ends["natnat-1.7"], (End::Missed(MissedReason::NoAgent), false));
    assert_eq!(ends["natnat-1.9"], (End::Answered, true));
    assert_eq!(ends.len(), 5, "a queue that is not ours is left alone");
    assert!(
        told.iter().all(|observed| observed.rank == Rank::Log && observed.key.as_str().ends_with("-log"))
    );
    assert_eq!(lines(&told)[..2], ["natnat-1.0/waiting/hovednummer-log +1s", "natnat-1.0/missed-log +9s"]);
    assert_eq!(told[0].live.caller.as_ref().unwrap().as_str(), "20304050");
    assert_eq!(told[1].live.caller, None);
}

#[test]
fn reading_the_log_again_tells_the_same_keys() {
    let once = told(&mut Calls::new(&settings()), &log(NIGHT_LOG));
    let mut calls = Calls::new(&settings());
    let mut twice = told(&mut calls, &log(NIGHT_LOG));
    twice.extend(told(&mut calls, &log(NIGHT_LOG)));
    assert_eq!(lines(&once), lines(&twice));
}

#[test]
fn the_log_corrects_what_the_interface_took_for_a_hangup() {
    let mut calls = Calls::new(&settings());
    let all = messages(&session(include_str!("fixtures/ami/timeout.txt")));
    let only_agent: Vec<_> = all.into_iter().filter(|m| m.get("Privilege") != Some("call,all")).collect();
    let mut seen = told_by(&mut calls, &only_agent);
    seen.extend(told(
        &mut calls,
        &log("3|natnat-1795310040.8|hovednummer|NONE|ENTERQUEUE||20304052|1
              5|natnat-1795310040.8|hovednummer|NONE|EXITWITHTIMEOUT|1|1|30"),
    ));
    assert_eq!(fold(&seen)["natnat-1795310040.8"], (End::Missed(MissedReason::Timeout), false));
}

#[test]
fn all_stays_of_a_caller_are_one_call() {
    let text = log("1|x-1.0|hovednummer|NONE|ENTERQUEUE||20304050|1
        31|x-1.0|hovednummer|NONE|EXITWITHTIMEOUT|1|1|30
        31|x-1.0|hovednummer|NONE|ENTERQUEUE||20304050|1
        40|x-1.0|hovednummer|PJSIP/301|CONNECT|9|x-1.2|9
        50|x-1.0|hovednummer|PJSIP/301|BLINDTRANSFER|2400|ind|9|10|1
        52|x-1.0|bagvagt|NONE|ENTERQUEUE||20304050|1
        60|x-1.0|bagvagt|NONE|ABANDON|1|1|8");
    let mut calls = Calls::new(&settings());
    let mut seen = told(&mut calls, &text);
    seen.extend(told(&mut calls, &text));
    let ends = fold(&seen);
    assert_eq!(
        ends["x-1.0"].0,
        End::Missed(MissedReason::HungUp),
        "lost in the last queue, to be called back"
    );
    assert_eq!(ends.len(), 1);
}

#[test]
fn what_was_open_when_the_exchange_began_anew_is_over() {
    let mut calls = Calls::new(&settings());
    let mut seen = told(
        &mut calls,
        &log("1|x-1.0|hovednummer|NONE|ENTERQUEUE||20304050|1
              2|x-1.1|hovednummer|NONE|ENTERQUEUE||20304051|2
              3|x-1.1|hovednummer|PJSIP/301|CONNECT|9|x-1.2|9
              30|NONE|NONE|NONE|QUEUESTART|
              31|x-2.0|hovednummer|NONE|ENTERQUEUE||20304052|1"),
    );
    seen.extend(calls.settle(after(2000)));
    let ends = fold(&seen);
    assert_eq!(ends["x-1.0"], (End::Missed(MissedReason::HungUp), false));
    assert_eq!(ends["x-1.1"], (End::Answered, true));
    assert_eq!(ends["x-2.0"], (End::Waiting, false));
}

#[test]
fn a_clock_three_minutes_off_is_corrected_and_never_in_the_future() {
    let mut calls = Calls::new(&settings());
    let line =
        Line::parse(log("180|x-1.0|hovednummer|NONE|ENTERQUEUE||20304050|1").trim().as_bytes()).unwrap();
    assert_eq!(calls.line(&line, after(5))[0].at, after(5));
    let mut calls = Calls::new(&settings());
    let pong = format!("Asterisk Call Manager/11.0.0\nPing: Pong\nTimestamp: {}.0\n\n", NIGHT_EPOCH_S + 185);
    calls.message(&messages(&session(&pong))[0], after(5));
    assert_eq!(calls.line(&line, after(5))[0].at, night());
}

#[test]
fn odd_lines_are_counted_not_fatal() {
    assert_eq!(Line::parse(b""), None);
    assert_eq!(Line::parse(b"noon|a|b|c|ABANDON|"), None);
    assert_eq!(Line::parse(b"1|a|b|c"), None);
    assert_eq!(Line::parse(b"1|a|b|c|ABANDON\xff").unwrap().event, "ABANDON\u{fffd}");
    let line = Line::parse(b"9223372036854775807|a|hovednummer|c|ABANDON|1|1|1").unwrap();
    assert_eq!(Calls::new(&settings()).line(&line, night())[0].at, night());
}

// The file.

struct Folder {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn folder() -> Folder {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue_log");
    Folder { _folder: folder, path }
}

fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(bytes.as_ref()).unwrap();
}

fn line(call: u32) -> String {
    log(&format!("{call}|x-1.{call}|hovednummer|NONE|ABANDON|1|1|1"))
}

/// The calls read until there is no more.
fn read(reader: &mut LogReader) -> Vec<String> {
    let mut calls = Vec::new();
    loop {
        let lines = reader.read().unwrap();
        calls.extend(lines.lines.into_iter().map(|line| line.call));
        if !lines.more {
            return calls;
        }
    }
}

#[test]
fn cut_at_every_byte_a_line_is_read_once_and_whole() {
    let text = line(1) + &line(2) + &line(3);
    for cut in 0..text.len() {
        let file = folder();
        let mut reader = LogReader::new(file.path.clone(), after(-100));
        write(&file.path, &text[..cut]);
        let mut calls = read(&mut reader);
        calls.extend(read(&mut reader));
        write(&file.path, &text[cut..]);
        calls.extend(read(&mut reader));
        assert_eq!(calls, ["x-1.1", "x-1.2", "x-1.3"], "cut at {cut}");
    }
}

#[test]
fn rotation_by_renaming_loses_nothing_even_if_the_old_file_is_still_written() {
    let file = folder();
    let mut reader = LogReader::new(file.path.clone(), after(-100));
    write(&file.path, line(1));
    assert_eq!(read(&mut reader), ["x-1.1"]);
    let rotated = file.path.with_extension("1");
    write(&file.path, line(2));
    fs::rename(&file.path, &rotated).unwrap();
    write(&rotated, line(3));
    assert_eq!(read(&mut reader), ["x-1.2", "x-1.3"]);
    write(&file.path, line(5));
    write(&rotated, line(4));
    assert_eq!(read(&mut reader), ["x-1.4", "x-1.5"]);
    write(&rotated, line(6));
    write(&file.path, line(7));
    assert_eq!(read(&mut reader), ["x-1.6", "x-1.7"]);
}

#[test]
fn truncation_is_noticed_also_when_the_file_has_grown_past_the_old_place() {
    let file = folder();
    let mut reader = LogReader::new(file.path.clone(), after(-100));
    write(&file.path, line(1) + &line(2));
    assert_eq!(read(&mut reader).len(), 2);
    fs::write(&file.path, line(3)).unwrap();
    assert_eq!(read(&mut reader), ["x-1.3"]);
    fs::write(&file.path, line(4) + &line(5) + &line(6)).unwrap();
    assert_eq!(read(&mut reader), ["x-1.4", "x-1.5", "x-1.6"]);
    fs::write(&file.path, "").unwrap();
    assert_eq!(read(&mut reader), Vec::<String>::new());
    write(&file.path, line(7));
    assert_eq!(read(&mut reader), ["x-1.7"]);
}

#[test]
fn the_first_read_goes_back_into_rotated_files_and_no_further_than_set() {
    let file = folder();
    write(&file.path.with_extension("1"), line(10) + &line(20));
    fs::write(file.path.with_extension("2.gz"), line(5)).unwrap();
    write(&file.path, line(30));
    let mut reader = LogReader::new(file.path.clone(), after(15));
    assert_eq!(read(&mut reader), ["x-1.20", "x-1.30"]);
    write(&file.path, line(40));
    assert_eq!(read(&mut reader), ["x-1.40"]);
}

#[test]
fn a_missing_file_is_told_and_found_when_it_comes() {
    let file = folder();
    let mut reader = LogReader::new(file.path.clone(), after(-100));
    assert!(reader.read().is_err());
    write(&file.path, line(1));
    assert_eq!(read(&mut reader), ["x-1.1"]);
}

#[test]
fn a_line_without_end_is_thrown_away_and_counted() {
    let file = folder();
    let mut reader = LogReader::new(file.path.clone(), after(-100));
    write(&file.path, line(1));
    write(&file.path, "9".repeat(LOG_LINE_BYTES_MAX * 2));
    assert_eq!(read(&mut reader), ["x-1.1"]);
    write(&file.path, "\n".to_owned() + &line(2));
    let lines = reader.read().unwrap();
    assert_eq!((lines.lines.len(), lines.unreadable), (1, 1));
}

#[test]
fn a_large_file_is_read_in_portions() {
    let file = folder();
    let count = LOG_READ_BYTES_MAX as u32 / line(1).len() as u32 * 2;
    let text: String = (1..=count).map(line).collect();
    write(&file.path, text);
    let mut reader = LogReader::new(file.path.clone(), after(-100));
    assert!(reader.read().unwrap().more);
    let mut reader = LogReader::new(file.path.clone(), after(-100));
    assert_eq!(read(&mut reader).len(), count as usize);
}
