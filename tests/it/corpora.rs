//! Texts and bodies that others collected because they break programs, through the real binary: each gets an answer
//! with a code, the server goes on answering everybody else, and nothing of it comes back in a form that could be drawn
//! raw.
//!
//! Needs the collections beside the project (`../shared/corpora`). Without them this says so; where `CI` is set it fails.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::process::{Home, Serving};
use crate::world::within;

/// A folder or file of the collections. None: this machine has none.
fn corpus(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpora")).join(name);
    if path.exists() {
        return Some(path);
    }
    #[expect(clippy::disallowed_methods, reason = "whether it must be there is not the program's business")]
    let must_be_there = std::env::var_os("CI").is_some();
    assert!(!must_be_there, "the collection is missing: {}", path.display());
    eprintln!("NOT TESTED: there is no collection {}", path.display());
    None
}

/// Every string of the list of naughty strings, and some that are not on it.
fn naughty() -> Option<Vec<String>> {
    let listed = std::fs::read_to_string(corpus("blns.json")?).unwrap();
    let mut texts: Vec<String> = serde_json::from_str(&listed).unwrap();
    texts.extend(
        ["\u{1b}[31mrød\u{7}", "\u{202e}nettok", "a\u{0}b", "\u{9b}2J", "A\u{301}\u{301}\u{301}\u{301}"]
            .map(str::to_owned),
    );
    assert!(texts.len() > 400, "{}", texts.len());
    Some(texts)
}

/// Shown as it may be drawn: no control characters but the line ends of a note, nothing that turns or hides text.
fn is_drawable(text: &str) -> bool {
    let is_foul = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}' | '\u{feff}')
    };
    !text.contains(is_foul)
}

/// Every text of a JSON value, names of fields included.
fn texts_of(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts_of(item, found)),
        Value::Object(fields) => {
            found.extend(fields.keys().cloned());
            fields.values().for_each(|item| texts_of(item, found));
        }
        _ => {}
    }
}

fn all_drawable(value: &Value) {
    let mut texts = Vec::new();
    texts_of(value, &mut texts);
    for text in texts {
        assert!(is_drawable(&text), "{text:?}");
    }
}

/// A server with a care system, and the tokens of a source and a coordinator.
fn start(home: &Home) -> (Serving, String, String) {
    let (source, anna) =
        (home.add("kilde", "source", "jammerbugt"), home.add("anna", "coordinator", "jammerbugt"));
    home.write("server.toml", "[care]\nadapter = \"demo\"\n");
    (home.serve("--config server.toml"), source, anna)
}

/// Asks as somebody else, all the while: every answer is a good one. Returns how many there were.
async fn meanwhile(serving: &Serving, token: &str, is_over: &AtomicBool) -> usize {
    let mut count = 0;
    while !is_over.load(Ordering::SeqCst) {
        let answer = within("an answer to somebody else", serving.get("/v1/me", token)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        count += 1;
        tokio::task::yield_now().await;
    }
    count
}

#[tokio::test]
async fn every_json_file_as_a_body_gets_an_answer_with_a_code_and_delays_nobody() {
    let Some(folder) = corpus("json") else { return };
    let home = Home::new();
    let (serving, source, anna) = start(&home);
    let (is_over, sent) = (AtomicBool::new(false), AtomicUsize::new(0));
    let send_all = async {
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if !name.ends_with(".json") {
                continue;
            }
            let body = std::fs::read(&path).unwrap();
            for (path, token) in
                [("/v1/observations", &source), ("/v1/commands", &anna), ("/v1/medcom", &source)]
            {
                let answer = serving.post_bytes(path, token, body.clone()).await;
                assert!((200..500).contains(&answer.status), "{path} {name}: {answer:?}");
                let is_list_of_receipts = answer.status == 200 && answer.body.is_array();
                assert!(is_list_of_receipts || !answer.code().is_empty(), "{path} {name}: {answer:?}");
                // `n_` must not be read; what is no JSON is no message either.
                if name.starts_with("n_") {
                    let codes = ["bad-json", "body-too-large", "unreadable-message", "nested-too-deep"];
                    assert!(codes.contains(&answer.code()), "{path} {name}: {answer:?}");
                }
                all_drawable(&answer.body);
            }
            sent.fetch_add(1, Ordering::SeqCst);
        }
        is_over.store(true, Ordering::SeqCst);
    };
    let ((), asked) = tokio::join!(send_all, meanwhile(&serving, &anna, &is_over));
    assert!(sent.into_inner() > 300 && asked > 300, "somebody else was answered {asked} times");
    let board = serving.get("/v1/board", &anna).await;
    assert_eq!(board.status, 200);
    all_drawable(&board.body);
}

#[tokio::test]
async fn every_naughty_text_as_caller_alarm_text_id_and_note_is_shown_visibly_or_refused() {
    let Some(texts) = naughty() else { return };
    let home = Home::new();
    let (serving, source, anna) = start(&home);
    let at = vagttavle::clock::Clock::system().now();
    let item = |key: String, observation: Value| json!({ "key": key, "at": at, "agreement": "jammerbugt", "observation": observation });
    for (chunk, texts) in texts.chunks(50).enumerate() {
        let mut items = Vec::new();
        for (n, text) in texts.iter().enumerate() {
            let id = format!("{chunk}-{n}");
            let call = json!({ "type": "call-waiting", "call": format!("c-{id}"), "queue": "q", "caller": text, "caller_name": text });
            let alarm = json!({ "type": "alarm-raised", "alarm": format!("a-{id}"), "text": text });
            items.extend([item(format!("c-{id}"), call), item(format!("a-{id}"), alarm)]);
        }
        let answer = serving.post("/v1/observations", &source, &json!(items)).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        for receipt in answer.body.as_array().unwrap() {
            assert!(["recorded", "refused"].contains(&receipt["outcome"].as_str().unwrap()), "{receipt}");
        }
        // As ids they are taken only where they look like ids, and are never said back raw.
        let ids: Vec<Value> = texts
            .iter()
            .map(|text| json!({ "key": text, "at": text, "agreement": text, "observation": { "type": text, "alarm": text } }))
            .collect();
        let answer = serving.post("/v1/observations", &source, &json!(ids)).await.unwrap();
        for receipt in answer.body.as_array().unwrap() {
            assert_eq!(receipt["outcome"], "refused", "{receipt}");
        }
        all_drawable(&answer.body);
    }
    // As a note, which goes through to the care system; as every other field of a command it is refused.
    let board = serving.get("/v1/board", &anna).await.body;
    let entry =
        board["entries"].as_array().unwrap().iter().find(|it| it["board"] == "alarms").unwrap()["id"].clone();
    for (n, text) in texts.iter().enumerate() {
        let note =
            json!({ "id": format!("note-{n}"), "entry": entry, "command": { "type": "note", "text": text } });
        let answer = serving.post("/v1/commands", &anna, &note).await.unwrap();
        assert!([200, 422].contains(&answer.status), "{text:?}: {answer:?}");
        all_drawable(&answer.body);
        for command in [
            json!({ "id": text, "entry": text, "command": { "type": text } }),
            json!({ "id": format!("x-{n}"), "entry": entry, "command": { "type": "close", "outcome": text } }),
            json!({ "id": format!("y-{n}"), "entry": entry, "command": { "type": "correct", "what": text, "reason": text } }),
        ] {
            let answer = serving.post("/v1/commands", &anna, &command).await.unwrap();
            assert!((400..500).contains(&answer.status) && !answer.code().is_empty(), "{text:?}: {answer:?}");
            all_drawable(&answer.body);
        }
    }
    let board = serving.get("/v1/board", &anna).await.body;
    assert!(
        board["entries"].as_array().unwrap().len() > 600,
        "{}",
        board["entries"].as_array().unwrap().len()
    );
    all_drawable(&board);
    all_drawable(&serving.get(&format!("/v1/entries/{}", entry.as_str().unwrap()), &anna).await.body);
}
