//! What real exchanges (Asterisk 22 and 16) sent, byte for byte, read by our wire and
//! translation. The recordings lie beside the project; without them this says so.

use std::path::{Path, PathBuf};

use vagttavle::domain::observation::MissedReason;
use vagttavle::protocol::observations::Observed;
use vagttavle::sources::ami::queue_log::Line;
use vagttavle::sources::ami::settings::Settings;
use vagttavle::sources::ami::translate::Calls;
use vagttavle::sources::ami::wire::{Frame, Message};

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
    }
}
