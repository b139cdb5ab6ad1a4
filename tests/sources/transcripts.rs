//! What real exchanges (Asterisk 22 and 16) sent, byte for byte, read by our wire and
//! translation. The recordings lie beside the project; without them this says so.

use std::path::{Path, PathBuf};

use bytes::BytesMut;
use tokio_util::codec::Decoder;
use vagttavle::domain::observation::MissedReason;
use vagttavle::protocol::observations::Observed;
use vagttavle::sources::ami::queue_log::Line;
use vagttavle::sources::ami::settings::Settings;
use vagttavle::sources::ami::translate::Calls;
use vagttavle::sources::ami::wire::{Frame, Message, Wire};

use crate::mutate::{cuts, in_parallel, pieces};
use crate::support::{End, after, fold, frames};

const TRANSCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/asterisk/transcripts");

/// The folders with recordings of either version; none: they are not on this machine.
fn folders() -> Vec<PathBuf> {
    let folder = Path::new(TRANSCRIPTS);
    if folder.is_dir() {
        return vec![folder.to_path_buf(), folder.join("asterisk-16")];
    }
    assert!(std::env::var_os("CI").is_none(), "the recordings are missing: {TRANSCRIPTS}");
    eprintln!("NOT TESTED: no recordings of real exchanges in {TRANSCRIPTS}");
    Vec::new()
}

fn settings() -> Settings {
    toml::from_str(
        r#"
        name = "central"
        address = "127.0.0.1:25038"
        user = "vagt-laes"
        secret_file = "s"
        queues = { doegnvagt = { kind = "phone", agreements = ["jammerbugt"] }, teknik = { kind = "alarm", agreements = ["jammerbugt"] } }
        "#,
    )
    .unwrap()
}

fn read(folder: &Path, name: &str) -> Vec<Message> {
    let bytes = std::fs::read(folder.join("raw").join(format!("{name}.bin"))).unwrap();
    let mut messages = Vec::new();
    for frame in frames(&bytes, 1460) {
        match frame {
            Frame::Message(message) => messages.push(message),
            Frame::Banner => {}
            Frame::Unreadable(breach) => panic!("{name}: {breach:?}"),
        }
    }
    assert!(!messages.is_empty(), "{name} holds no message");
    messages
}

fn told(messages: &[Message]) -> Vec<Observed> {
    let mut calls = Calls::new(&settings());
    let mut told: Vec<Observed> =
        messages.iter().flat_map(|message| calls.message(message, after(0))).collect();
    told.extend(calls.settle(after(300)));
    told
}

fn ends(folder: &Path, name: &str) -> Vec<(End, bool)> {
    fold(&told(&read(folder, name))).into_values().collect()
}

#[test]
fn every_recording_is_read_whole_and_in_any_pieces() {
    for folder in folders() {
        for file in std::fs::read_dir(folder.join("raw")).unwrap() {
            let path = file.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            let whole = frames(&bytes, usize::MAX);
            assert!(whole.iter().all(|frame| !matches!(frame, Frame::Unreadable(_))), "{}", path.display());
            for size in [1, 13] {
                assert_eq!(frames(&bytes, size), whole, "{}", path.display());
            }
            assert_eq!(whole.first(), Some(&Frame::Banner));
        }
    }
}

/// A call that comes after the damage: of another channel, joining and giving up.
const AFTERWARDS: &str = "\r\n\r\n\
    Event: QueueCallerJoin\r\nUniqueid: natnat-1795310040.900\r\nQueue: doegnvagt\r\nCallerIDNum: 20304090\r\n\r\n\
    Event: QueueCallerAbandon\r\nUniqueid: natnat-1795310040.900\r\nQueue: doegnvagt\r\n\r\n";

/// What a connection has come to: its decoder, and what its messages said so far.
#[derive(Clone)]
struct Listener {
    wire: Wire,
    buffer: BytesMut,
    calls: Calls,
    told: Vec<Observed>,
    frames: usize,
}

impl Listener {
    fn hears(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        while let Some(frame) = self.wire.decode(&mut self.buffer).unwrap() {
            self.frames += 1;
            if let Frame::Message(message) = frame {
                self.told.extend(self.calls.message(&message, after(1)));
                self.calls.ends_list(&message);
            }
        }
    }
}

/// Heard byte by byte; at each byte a copy of what it has come to hears the rest of the night instead.
#[test]
fn a_recording_cut_at_every_byte_costs_at_most_the_message_it_was_cut_in() {
    let recordings: Vec<(PathBuf, Vec<u8>)> = folders()
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder.join("raw")).unwrap())
        .map(|file| file.unwrap().path())
        .map(|path| (path.clone(), std::fs::read(&path).unwrap()))
        .collect();
    in_parallel(|nth, of| {
        for (path, bytes) in &recordings {
            let (wire, calls) = (Wire::default(), Calls::new(&settings()));
            let mut listener = Listener { wire, buffer: BytesMut::new(), calls, told: Vec::new(), frames: 0 };
            // Before its end there is no exchange to listen to.
            let banner = bytes.iter().position(|byte| *byte == b'\n').unwrap();
            for (at, byte) in bytes.iter().enumerate() {
                if at > banner && at % of == nth {
                    let mut cut = Listener { told: Vec::new(), ..listener.clone() };
                    cut.hears(AFTERWARDS.as_bytes());
                    let said = format!("{} cut at {at}", path.display());
                    let more = cut.frames - listener.frames;
                    assert!((2..=4).contains(&more), "{said}: {more} frames");
                    let end = fold(&cut.told).get("natnat-1795310040.900").copied();
                    assert!(
                        matches!(end, None | Some((End::Waiting | End::Missed(_), _))),
                        "{said}: {end:?}"
                    );
                    let joined = cut.told.iter().any(|it| it.key.as_str().contains("natnat-1795310040.900"));
                    assert!(joined, "{said}: {:?}", cut.told);
                }
                listener.hears(&[*byte]);
                // What was told is not copied along.
                listener.told.clear();
            }
        }
    });
}

#[test]
fn recorded_calls_end_as_they_did() {
    for folder in folders() {
        let hung_up = (End::Missed(MissedReason::HungUp), false);
        assert_eq!(ends(&folder, "04-abandon"), [hung_up; 3], "{}", folder.display());
        assert_eq!(ends(&folder, "05-answered"), [(End::Answered, true); 3], "{}", folder.display());
        assert_eq!(
            ends(&folder, "06-answered-phone-all-events"),
            [(End::Answered, true)],
            "{}",
            folder.display()
        );
        assert_eq!(
            ends(&folder, "09-ringall-two-agents"),
            [(End::Answered, true); 2],
            "{}",
            folder.display()
        );
        // Only the class agent was recorded: a timeout cannot be told from a hang-up.
        assert_eq!(
            ends(&folder, "08-ringnoanswer-busy-timeout").last(),
            Some(&hung_up),
            "{}",
            folder.display()
        );
        assert_eq!(
            ends(&folder, "11-restart"),
            [(End::Answered, true), hung_up, hung_up],
            "{}",
            folder.display()
        );
    }
}

#[test]
fn a_recorded_name_is_the_same_in_the_list_and_in_events() {
    for folder in folders() {
        let messages = read(&folder, "10-caller-names");
        let names = |event: &str| -> Vec<String> {
            let mut calls = Calls::new(&settings());
            let action = calls.ask_list(Vec::new(), after(0));
            let mut names: Vec<String> = messages
                .iter()
                .filter(|message| message.event() == Some(event))
                .flat_map(|message| {
                    // The recording asked under another id than ours.
                    let (from, to) = (message.get("ActionID").unwrap_or("none").to_owned(), action.clone());
                    let text: String = message_text(message)
                        .replace(&format!("ActionID: {from}"), &format!("ActionID: {to}"));
                    let renamed = crate::support::messages(&crate::support::session(&text));
                    renamed.iter().flat_map(|message| calls.message(message, after(0))).collect::<Vec<_>>()
                })
                .filter_map(|observed| observed.live.caller_name.map(|name| name.as_str().to_owned()))
                .collect();
            names.sort();
            names
        };
        let listed = names("QueueEntry");
        assert!(listed.len() >= 6, "{listed:?}");
        assert_eq!(listed, names("QueueCallerJoin"), "{}", folder.display());
        assert!(
            listed.iter().all(|name| !name.contains('\u{1b}') && !name.contains('\u{202e}')),
            "{listed:?}"
        );
    }
}

fn message_text(message: &Message) -> String {
    let headers =
        ["Event", "Privilege", "ActionID", "Queue", "Uniqueid", "CallerIDNum", "CallerIDName", "Wait"];
    let mut text = String::from("Asterisk Call Manager/11.0.0\n");
    for name in headers {
        if let Some(value) = message.get(name) {
            text.push_str(&format!("{name}: {value}\n"));
        }
    }
    text + "\n"
}

#[test]
fn members_who_come_pause_and_go_in_a_recording_are_followed() {
    for folder in folders() {
        let mut calls = Calls::new(&settings());
        calls.ask_list(Vec::new(), after(0));
        calls.compare(after(0));
        let mut seen: Vec<(u32, u32)> = Vec::new();
        for message in read(&folder, "07-members") {
            calls.message(&message, after(0));
            let staff = calls.staff().into_iter().find(|it| it.queue == "doegnvagt").unwrap();
            if seen.last() != Some(&(staff.on_duty, staff.paused)) {
                seen.push((staff.on_duty, staff.paused));
            }
        }
        assert!(seen.iter().any(|(_, paused)| *paused > 0), "somebody pauses: {seen:?}");
        let most = seen.iter().map(|(on_duty, _)| *on_duty).max().unwrap();
        assert!(most >= 2 && seen.last().unwrap().0 < most, "some come, and some go: {seen:?}");
    }
}

#[test]
fn the_recorded_log_is_read() {
    for folder in folders() {
        let text = std::fs::read(folder.join("queue_log-of-13.txt")).unwrap();
        let mut calls = Calls::new(&settings());
        let told: Vec<Observed> = text
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .flat_map(|line| calls.line(&Line::parse(line).expect("a line of the log"), after(1_000_000)))
            .collect();
        let ends: Vec<_> = fold(&told).into_values().collect();
        assert_eq!(ends, [(End::Missed(MissedReason::HungUp), false), (End::Answered, true)]);
        let mut lines_read = 0;
        for mutant in cuts(&text).chain(pieces(&text, b"\n")).chain(pieces(&text, b"|\n")) {
            let mut calls = Calls::new(&settings());
            let parsed = mutant.bytes.split(|byte| *byte == b'\n').filter_map(Line::parse);
            let told: Vec<Observed> = parsed.flat_map(|line| calls.line(&line, after(1_000_000))).collect();
            assert!(told.iter().all(|it| it.at <= after(1_000_000)), "{}", mutant.what);
            lines_read += usize::from(!told.is_empty());
        }
        assert!(lines_read > 100, "{lines_read}");
    }
}
