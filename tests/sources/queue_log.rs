//! `queue_log`: file -> lines -> observations.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use vagttavle::domain::observation::{MissedReason, Rank};
use vagttavle::protocol::observations::Observed;
use vagttavle::sources::ami::queue_log::{LOG_LINE_BYTES_MAX, LOG_READ_BYTES_MAX, Line, LogReader};
use vagttavle::sources::ami::rotated::Unread;
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
    fs::write(file.path.with_extension("2.gz"), packed(line(5))).unwrap();
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

// Older parts that were packed.

fn packed(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(text.as_ref()).unwrap();
    packed.finish().unwrap()
}

/// The calls read until there is no more, and what was not read.
fn read_all(mut reader: LogReader) -> (Vec<String>, Vec<(String, Unread)>) {
    let (mut calls, mut unread) = (Vec::new(), Vec::new());
    loop {
        let lines = reader.read().unwrap();
        calls.extend(lines.lines.into_iter().map(|line| line.call));
        unread.extend(lines.unread.into_iter().map(|it| (it.file, it.why)));
        if !lines.more {
            unread.sort_by(|a, b| a.0.cmp(&b.0));
            return (calls, unread);
        }
    }
}

/// Beside the log, by ending; the log itself has line 30.
fn with_older(older: &[(&str, Vec<u8>)]) -> Folder {
    let file = folder();
    write(&file.path, line(30));
    for (ending, bytes) in older {
        fs::write(file.path.with_file_name(format!("queue_log{ending}")), bytes).unwrap();
    }
    file
}

#[test]
fn packed_and_unpacked_older_parts_are_read_in_the_order_of_their_lines() {
    // As they are numbered, dated, joined together and copied back: what they hold says when that was.
    let joined = [packed(line(3)), packed(line(4) + &line(5))].concat();
    let older = [
        (".1", line(20).into_bytes()),
        (".2.gz", packed(line(10))),
        ("-20261129.gz", joined),
        ("-20261128.gz", packed(line(1) + &line(2))),
        (".3.gz", packed("")),
    ];
    let file = with_older(&older);
    let (calls, unread) = read_all(LogReader::new(file.path.clone(), after(2)));
    assert_eq!(calls, [2, 3, 4, 5, 10, 20, 30].map(|call| format!("x-1.{call}")));
    assert_eq!(unread, []);
    // The newest of them may still be written to, if it is not packed.
    let mut reader = LogReader::new(file.path.clone(), after(25));
    assert_eq!(read(&mut reader), ["x-1.30"]);
    write(&file.path.with_extension("1"), line(28));
    assert_eq!(read(&mut reader), ["x-1.28"]);
}

#[test]
fn a_part_that_is_just_being_packed_is_read_once() {
    let whole = packed(line(10) + &line(11));
    let half = whole[..whole.len() / 2].to_vec();
    let file = with_older(&[(".1", (line(10) + &line(11)).into_bytes()), (".1.gz", half)]);
    let read = read_all(LogReader::new(file.path.clone(), after(-100)));
    assert_eq!(read, (["x-1.10", "x-1.11", "x-1.30"].map(str::to_owned).to_vec(), vec![]));
}

#[test]
fn what_is_packed_otherwise_is_named_if_it_lies_within_the_look_back() {
    let older = [
        (".1.bz2", b"BZh91AY&SY".to_vec()),
        (".2.xz", b"\xfd7zXZ\0\0".to_vec()),
        (".3.zst", vec![0x28, 0xb5, 0x2f, 0xfd, 4]),
        // By what it is, whatever it is called; and by what it is called, where it is nothing.
        (".4", b"BZh91AY&SY".to_vec()),
        (".5", packed(line(7))),
        (".6.gz", Vec::new()),
        (".7.gz", line(8).into_bytes()),
    ];
    let file = with_older(&older);
    let long_ago = fs::File::create(file.path.with_file_name("queue_log.8.bz2")).unwrap();
    long_ago.set_modified(after(-200).into()).unwrap();
    let (calls, unread) = read_all(LogReader::new(file.path.clone(), after(-100)));
    assert_eq!(calls, ["x-1.7", "x-1.30"]);
    let named: Vec<(&str, Unread)> = unread.iter().map(|(file, why)| (file.as_str(), *why)).collect();
    let right = [
        ("queue_log.1.bz2", Unread::Bz2),
        ("queue_log.2.xz", Unread::Xz),
        ("queue_log.3.zst", Unread::Zst),
        ("queue_log.4", Unread::Bz2),
        ("queue_log.6.gz", Unread::Broken),
        ("queue_log.7.gz", Unread::Broken),
    ];
    assert_eq!(named, right);
}

#[test]
fn a_packed_part_that_is_cut_or_damaged_anywhere_costs_itself_alone() {
    let text: String = (10..20).map(line).collect();
    let whole = packed(&text);
    let file = with_older(&[(".2", line(5).into_bytes())]);
    let part = file.path.with_file_name("queue_log.1.gz");
    let right: Vec<String> = (10..20).map(|call| format!("x-1.{call}")).collect();
    for cut in 0..whole.len() {
        fs::write(&part, &whole[..cut]).unwrap();
        let (calls, unread) = read_all(LogReader::new(file.path.clone(), after(-100)));
        let (first, rest) = calls.split_first().unwrap();
        let (last, between) = rest.split_last().unwrap();
        assert_eq!((first.as_str(), last.as_str()), ("x-1.5", "x-1.30"), "cut at {cut}");
        assert!(right.starts_with(between), "cut at {cut}: {between:?}");
        assert_eq!(unread, [("queue_log.1.gz".to_owned(), Unread::Broken)], "cut at {cut}");
    }
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << bit;
            fs::write(&part, damaged).unwrap();
            let (calls, unread) = read_all(LogReader::new(file.path.clone(), after(-100)));
            assert!(calls.contains(&"x-1.5".to_owned()) && calls.contains(&"x-1.30".to_owned()), "{at}");
            assert!(unread.len() == 1 || right.iter().all(|it| calls.contains(it)), "bit {bit} of {at}");
        }
    }
    // All that could be unpacked before the end of the file came too early was read.
    fs::write(&part, &whole[..whole.len() - 8]).unwrap();
    let (calls, _) = read_all(LogReader::new(file.path.clone(), after(-100)));
    assert_eq!(calls[1..11], right);
}

#[test]
fn what_would_become_too_much_is_read_in_portions_and_not_to_its_end() {
    let portions = 5;
    let zeros = vec![0; LOG_READ_BYTES_MAX];
    let mut bomb = GzEncoder::new(Vec::new(), Compression::default());
    bomb.write_all(line(10).as_bytes()).unwrap();
    (0..portions).for_each(|_| bomb.write_all(&zeros).unwrap());
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 10_000);
    let file = with_older(&[(".1.gz", bomb), (".2.gz", packed(line(5)))]);
    let max = LOG_READ_BYTES_MAX as u64 * 2;
    let (calls, unread) = read_all(LogReader::new(file.path.clone(), after(-100)).unpacking_at_most(max));
    assert_eq!(calls, ["x-1.5", "x-1.10", "x-1.30"]);
    assert_eq!(unread, [("queue_log.1.gz".to_owned(), Unread::TooLarge)]);
    // One that is as large as it may be is read to its end.
    let count = max as usize / line(100_000).len();
    let text: String = (100_000..).take(count).map(line).collect();
    let file = with_older(&[(".1.gz", packed(text))]);
    let (calls, unread) = read_all(LogReader::new(file.path.clone(), after(-100)).unpacking_at_most(max));
    assert_eq!((calls.len(), unread), (count + 1, vec![]));
}

#[test]
fn what_is_no_file_or_may_not_be_read_stops_nothing() {
    let file = with_older(&[(".1", line(10).into_bytes())]);
    // As the old parts' own folder, and a link to nowhere.
    fs::create_dir(file.path.with_file_name("queue_log.old")).unwrap();
    fs::create_dir(file.path.with_file_name("queue_log-2026.gz")).unwrap();
    std::os::unix::fs::symlink("nowhere", file.path.with_file_name("queue_log.9")).unwrap();
    let read = read_all(LogReader::new(file.path.clone(), after(-100)));
    assert_eq!(read, (["x-1.10", "x-1.30"].map(str::to_owned).to_vec(), vec![]));
}

#[test]
fn a_talk_and_a_wait_that_began_in_a_packed_part_are_known() {
    let older = log("1|x-1.0|hovednummer|NONE|ENTERQUEUE||20304050|1
        4|x-1.0|hovednummer|PJSIP/301|CONNECT|3|x-1.2|3
        8|x-1.9|noedkald|NONE|ENTERQUEUE||20304051|1");
    let newer = log("40|x-1.0|hovednummer|PJSIP/301|COMPLETEAGENT|3|36|1
        41|x-1.9|noedkald|PJSIP/301|CONNECT|33|x-1.10|3");
    let file = folder();
    fs::write(file.path.with_file_name("queue_log.1.gz"), packed(older)).unwrap();
    write(&file.path, newer);
    let lines_read = LogReader::new(file.path.clone(), after(-100)).read().unwrap().lines;
    let mut calls = Calls::new(&settings());
    let seen: Vec<Observed> = lines_read.iter().flat_map(|line| calls.line(line, after(1000))).collect();
    let right = [
        "x-1.0/waiting/hovednummer-log +1s",
        "x-1.0/answered-log +4s",
        "x-1.9/waiting/noedkald-log +8s",
        "x-1.0/ended-log +40s",
        "x-1.9/answered-log +41s",
    ];
    assert_eq!(lines(&seen), right);
}
