//! The README tells the truth: its keys, settings, commands, texts of the settings and dependencies are those of the code.
//!
//! On a difference the test prints what should stand there; the keys are written into it by
//! `cargo test --test readme -- --ignored`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use serde::de::DeserializeOwned;
use vagttavle::cli::Cli;
use vagttavle::config::{self, DeskSettings, Settings};
use vagttavle::domain::observation::Help;
use vagttavle::i18n::{Lang, Texts};
use vagttavle::protocol::item::parse_item;
use vagttavle::sources::visits::Mapping;
use vagttavle::tui::keymap::Keymap;
use vagttavle::tui::table;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Dependencies whose name in code is another than theirs.
const OTHER_NAMES: [(&str, &str); 1] = [("md-5", "md5")];

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(file)).unwrap()
}

/// What stands between `<!-- name -->` and `<!-- /name -->`.
fn section<'a>(readme: &'a str, name: &str) -> &'a str {
    let after =
        readme.split_once(&format!("<!-- {name} -->\n")).unwrap_or_else(|| panic!("no <!-- {name} -->")).1;
    after.split_once(&format!("<!-- /{name} -->")).unwrap_or_else(|| panic!("no <!-- /{name} -->")).0
}

/// One row a context: `keys` what, …
fn key_table() -> String {
    let lines = table::lines(&Texts::new(Lang::Danish), &Keymap::default());
    let mut text = "| where | keys |\n|---|---|\n".to_owned();
    for (place, line) in lines.iter().enumerate() {
        let is_new = place == 0 || lines[place - 1].context != line.context;
        match (is_new, place) {
            (true, 0) => write!(text, "| {} | ", line.context).unwrap(),
            (true, _) => write!(text, " |\n| {} | ", line.context).unwrap(),
            (false, _) => text.push_str(" · "),
        }
        let chords: Vec<String> =
            line.chords.as_str().split(", ").map(|chord| format!("`{chord}`")).collect();
        write!(text, "{} {}{}", chords.join(" "), line.text, if line.asks { "!" } else { "" }).unwrap();
    }
    text.push_str(" |\n");
    text
}

#[test]
fn the_keys_are_those_of_the_key_table() {
    let readme = read("README.md");
    let right = key_table();
    assert!(section(&readme, "keys") == right, "between the marks of the keys belongs:\n{right}");
}

#[test]
#[ignore = "writes the README"]
fn write_the_keys() {
    let readme = read("README.md");
    let right = readme.replace(section(&readme, "keys"), &key_table());
    std::fs::write(Path::new(ROOT).join("README.md"), right).unwrap();
}

/// The keys that settings of this type know, by asking for one they do not.
fn known_keys<T: DeserializeOwned>(with_unknown: &str) -> BTreeSet<String> {
    let Err(error) = toml::from_str::<T>(with_unknown) else { panic!("{with_unknown} was taken") };
    let message = error.message();
    assert!(message.starts_with("unknown field"), "{message}");
    let names = message.split('`').skip(1).step_by(2).map(str::to_owned);
    let known: BTreeSet<String> = names.filter(|name| name != "unheard_of").collect();
    assert!(!known.is_empty(), "{message}");
    known
}

#[test]
fn every_setting_is_in_the_example() {
    let readme = read("README.md");
    let server = section(&readme, "server.toml");
    let desk = section(&readme, "desk.toml");
    let ami = "[[ami]]\nname = 'c'\naddress = 'a:1'\nuser = 'u'\nsecret_file = 's'\n";
    let scaip = "[[scaip]]\nlisten = ['udp://127.0.0.1:5060']\nagreement = 'a'\n";
    let blocks = [
        (server, known_keys::<Settings>("unheard_of = 1")),
        (server, known_keys::<Settings>("[care]\nunheard_of = 1")),
        (server, known_keys::<Settings>("[care.nexus]\nunheard_of = 1")),
        (server, known_keys::<Settings>("[[care.lists]]\nunheard_of = 1")),
        (server, known_keys::<Settings>("[care.visits]\nunheard_of = 1")),
        (server, known_keys::<Settings>(&format!("{ami}unheard_of = 1"))),
        (server, known_keys::<Settings>(&format!("{scaip}unheard_of = 1"))),
        (server, known_keys::<Settings>(&format!("{ami}queues = {{ a = {{ unheard_of = 1 }} }}"))),
        (server, known_keys::<Settings>("[canary]\nalarm = '127.0.0.1:1'\nunheard_of = 1")),
        (server, known_keys::<Settings>("[canary]\ncall = { unheard_of = 1 }")),
        (server, known_keys::<Settings>("[escalation]\nunheard_of = 1")),
        (server, known_keys::<Settings>("[[web_hook]]\nname = 'c'\nunheard_of = 1")),
        (server, known_keys::<Settings>("[[visits]]\nfolder = 'f'\nagreement = 'a'\nunheard_of = 1")),
        (desk, known_keys::<DeskSettings>("unheard_of = 1")),
    ];
    for (text, keys) in blocks {
        let missing: Vec<_> = keys.iter().filter(|key| !names(text, key)).collect();
        assert!(missing.is_empty(), "not in the example: {missing:?}");
    }
}

/// Whether the example sets this key or opens this table.
fn names(text: &str, key: &str) -> bool {
    let is_set = |line: &str| line.contains(&format!("{key} = "));
    let opens = |line: &str| line.contains(&format!("[{key}]")) || line.contains(&format!(".{key}"));
    text.lines().any(|line| is_set(line) || opens(line))
}

#[test]
fn the_example_settings_are_taken() {
    let readme = read("README.md");
    let folder = tempfile::tempdir().unwrap();
    let file: PathBuf = folder.path().join("server.toml");
    std::fs::write(&file, fenced(section(&readme, "server.toml"))).unwrap();
    let settings = config::settings(&file).unwrap();
    assert_eq!(settings.ami.len(), 1);
    toml::from_str::<DeskSettings>(&fenced(section(&readme, "desk.toml"))).unwrap();
}

#[test]
fn the_example_mapping_is_taken() {
    let readme = read("README.md");
    let mapping: Mapping = toml::from_str(&fenced(section(&readme, "mapping.toml"))).unwrap();
    assert_eq!(mapping.help("pp"), Some(Help::Personal));
    let known = known_keys::<Mapping>("unheard_of = 1");
    let missing: Vec<_> = known.iter().filter(|key| !names(section(&readme, "mapping.toml"), key)).collect();
    assert!(missing.is_empty(), "not in the example: {missing:?}");
}

/// Without the fence around it.
fn fenced(block: &str) -> String {
    block.lines().filter(|line| !line.starts_with("```")).fold(String::new(), |text, line| text + line + "\n")
}

#[test]
fn what_an_exchange_is_told_to_post_is_what_the_server_takes() {
    let readme = read("README.md");
    let recipe = section(&readme, "exchange").split("```json").nth(1).unwrap();
    let recipe = recipe.split("```").next().unwrap();
    let items: Vec<serde_json::Value> = serde_json::from_str(recipe).unwrap();
    assert!(items.len() >= 6);
    let now = "2026-11-22T03:00:00Z".parse().unwrap();
    for item in items {
        let (_, read) = parse_item(item.clone(), now, &vagttavle::domain::masking::Masking::new([7; 32]));
        read.unwrap_or_else(|problem| panic!("{item} is refused: {problem:?}"));
    }
}

#[test]
fn every_command_is_named() {
    let readme = read("README.md");
    let commands = section(&readme, "commands");
    for command in Cli::command().get_subcommands() {
        let name = command.get_name();
        assert!(
            commands.contains(&format!("vagttavle {name}")),
            "the README does not name: vagttavle {name}"
        );
    }
}

/// All dependencies, whatever they are for.
fn dependencies() -> BTreeSet<String> {
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    ["dependencies", "build-dependencies", "dev-dependencies"]
        .iter()
        .flat_map(|table| manifest[*table].as_table().unwrap().keys().cloned())
        .collect()
}

#[test]
fn every_dependency_says_what_it_is_for() {
    let readme = read("README.md");
    let told: BTreeSet<String> = section(&readme, "dependencies")
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name.to_owned())
        .collect();
    let there = dependencies();
    let (missing, gone): (Vec<_>, Vec<_>) =
        (there.difference(&told).collect(), told.difference(&there).collect());
    assert!(missing.is_empty() && gone.is_empty(), "not told: {missing:?}; told and not there: {gone:?}");
}

#[test]
fn every_dependency_is_used() {
    let mut code = String::new();
    for folder in ["src", "tests", "benches"] {
        append_rust(&Path::new(ROOT).join(folder), &mut code);
    }
    let unused: Vec<String> = dependencies().into_iter().filter(|name| !is_used(&code, name)).collect();
    assert!(unused.is_empty(), "in Cargo.toml and nowhere in the code: {unused:?}");
}

fn is_used(code: &str, dependency: &str) -> bool {
    let other = OTHER_NAMES.iter().find(|(name, _)| *name == dependency);
    let name = other.map_or_else(|| dependency.replace('-', "_"), |(_, name)| (*name).to_owned());
    let is_start =
        |at: usize| !code[..at].ends_with(|it: char| it.is_alphanumeric() || it == '_' || it == ':');
    code.match_indices(&format!("{name}::")).any(|(at, _)| is_start(at))
}

fn append_rust(folder: &Path, code: &mut String) {
    for item in std::fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() {
            append_rust(&path, code);
        } else if path.extension().is_some_and(|it| it == "rs") {
            code.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}
