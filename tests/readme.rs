//! The pages tell the truth: keys, settings, commands, dependencies and examples of the README and the manual are those
//! of the code, the README is a front page, and every way from one page to another leads somewhere.
//!
//! On a difference the test prints what should stand there; the keys and the picture are written into their pages by
//! `cargo test --test readme -- --ignored`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{CommandFactory, Parser};
use serde::de::DeserializeOwned;
use vagttavle::care::Ability;
use vagttavle::care::nexus::settings::Names;
use vagttavle::cli::Cli;
use vagttavle::config::{self, DeskSettings, Settings};
use vagttavle::domain::observation::Help;
use vagttavle::i18n::{Lang, Texts};
use vagttavle::protocol::item::parse_item;
use vagttavle::sources::visits::Mapping;
use vagttavle::tui::keymap::{Context, Keymap};
use vagttavle::tui::table;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const README: &str = "README.md";
const CONTRIBUTING: &str = "CONTRIBUTING.md";
/// The page on which each marked section stands.
const SECTIONS: [(&str, &str); 12] = [
    ("picture", README),
    ("card", README),
    ("folders", CONTRIBUTING),
    ("server.toml", "docs/settings.md"),
    ("desk.toml", "docs/settings.md"),
    ("environment", "docs/settings.md"),
    ("mapping.toml", "docs/sources.md"),
    ("exchange", "docs/sources.md"),
    ("abilities", "docs/care.md"),
    ("keys", "docs/desk.md"),
    ("commands", "docs/operation.md"),
    ("dependencies", "docs/dependencies.md"),
];
/// A front page, and one page on how to change the code (bytes).
const BYTES_MAX: [(&str, usize); 2] = [(README, 8 * 1024), (CONTRIBUTING, 4 * 1024)];
/// Lines of the commands that set it up.
const SET_UP_LINES_MAX: usize = 10;
/// The screen in the README, byte for byte.
const PICTURE: &str = "tests/screens/snapshots/overview__busy__80x24__da.snap";
/// The keys on the README's card.
const CARD: [&str; 21] = [
    "0", "↓", "Enter", "Space", "t", "u", "r", "f", "a", "v", "b", "B", "d", "i", "n", "!", "w", "/", "z",
    "+", "q",
];
/// Overlays say their keys themselves.
const NOT_ON_CARD: [Context; 6] =
    [Context::Menu, Context::Form, Context::Confirm, Context::Help, Context::Filter, Context::Card];
/// Hosts that a page may name: this machine, what is invented, and the care system's own.
const HOSTS: [&str; 4] = ["127.0.0.1", "sms.example.invalid", "KOMMUNE.nexus.kmd.dk", "iam.nexus.kmd.dk"];
/// A name that ends so is a host somewhere out there, registries first of all.
const HOST_ENDINGS: [&str; 6] = [".io", ".org", ".com", ".net", ".dev", "docs.rs"];
/// Dependencies whose name in code is another than theirs.
const OTHER_NAMES: [(&str, &str); 1] = [("md-5", "md5")];

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The README, the page for contributors and the manual.
fn pages() -> BTreeMap<String, String> {
    let manual = std::fs::read_dir(Path::new(ROOT).join("docs")).unwrap();
    let manual = manual.map(|page| format!("docs/{}", page.unwrap().file_name().to_str().unwrap()));
    let names = manual.chain([README.to_owned(), CONTRIBUTING.to_owned()]);
    names.map(|name| (name.clone(), read(&name))).collect()
}

/// What stands between `<!-- name -->` and `<!-- /name -->` of a page.
fn between<'a>(page: &'a str, name: &str) -> &'a str {
    let after =
        page.split_once(&format!("<!-- {name} -->\n")).unwrap_or_else(|| panic!("no <!-- {name} -->")).1;
    after.split_once(&format!("<!-- /{name} -->")).unwrap_or_else(|| panic!("no <!-- /{name} -->")).0
}

/// The marked section of this name, from its page.
fn section(name: &str) -> String {
    let (_, page) = SECTIONS.iter().find(|(section, _)| *section == name).unwrap();
    between(&read(page), name).to_owned()
}

/// Puts a text in the place of a marked section.
fn write_section(name: &str, text: &str) {
    let (_, page) = SECTIONS.iter().find(|(section, _)| *section == name).unwrap();
    let now = read(page);
    let marked = |text: &str| format!("<!-- {name} -->\n{text}<!-- /{name} -->");
    let right = now.replace(&marked(between(&now, name)), &marked(text));
    std::fs::write(Path::new(ROOT).join(page), right).unwrap();
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

/// The keys of the night: on the screen and in English.
fn card() -> String {
    let [danish, english] = [Lang::Danish, Lang::English].map(Texts::new);
    let overlays = NOT_ON_CARD.map(|context| table::context_name(&danish, context));
    let lines: Vec<_> = table::lines(&danish, &Keymap::default())
        .into_iter()
        .zip(table::lines(&english, &Keymap::default()))
        .filter(|(line, _)| !overlays.contains(&line.context))
        .collect();
    let mut text = "| key | on the screen | that is |\n|---|---|---|\n".to_owned();
    for key in CARD {
        let mut said: Vec<(String, String)> = Vec::new();
        for (da, en) in lines.iter().filter(|(it, _)| it.chords.as_str().split(", ").any(|it| it == key)) {
            let asks = if da.asks { "!" } else { "" };
            let both = (format!("{}{asks}", da.text), format!("{}{asks}", en.text));
            if !said.contains(&both) {
                said.push(both);
            }
        }
        assert!(!said.is_empty(), "no such key: {key}");
        let (da, en): (Vec<_>, Vec<_>) = said.into_iter().unzip();
        writeln!(text, "| `{key}` | {} | {} |", da.join(" · "), en.join(" · ")).unwrap();
    }
    text
}

/// A screen as the tests of the screens keep it.
fn picture() -> String {
    let snapshot = read(PICTURE);
    let screen = snapshot.splitn(3, "---\n").nth(2).unwrap();
    format!("```text\n{}\n```\n", screen.trim_end())
}

#[test]
fn the_keys_are_those_of_the_key_table() {
    for (name, right) in [("keys", key_table()), ("card", card())] {
        assert!(section(name) == right, "between the marks of {name} belongs:\n{right}");
    }
}

#[test]
fn the_picture_is_a_screen_of_the_tests() {
    let right = picture();
    assert!(section("picture") == right, "between the marks of the picture belongs:\n{right}");
}

#[test]
#[ignore = "writes the pages"]
fn write_the_keys_and_the_picture() {
    write_section("keys", &key_table());
    write_section("card", &card());
    write_section("picture", &picture());
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
    let [server, desk] = [section("server.toml"), section("desk.toml")];
    let [server, desk] = [server.as_str(), desk.as_str()];
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
    let folder = tempfile::tempdir().unwrap();
    let file: PathBuf = folder.path().join("server.toml");
    std::fs::write(&file, fenced(&section("server.toml"))).unwrap();
    let settings = config::settings(&file).unwrap();
    assert_eq!(settings.ami.len(), 1);
    toml::from_str::<DeskSettings>(&fenced(&section("desk.toml"))).unwrap();
}

#[test]
fn the_example_mapping_is_taken() {
    let example = section("mapping.toml");
    let mapping: Mapping = toml::from_str(&fenced(&example)).unwrap();
    assert_eq!(mapping.help("pp"), Some(Help::Personal));
    let known = known_keys::<Mapping>("unheard_of = 1");
    let missing: Vec<_> = known.iter().filter(|key| !names(&example, key)).collect();
    assert!(missing.is_empty(), "not in the example: {missing:?}");
}

/// Without the fence around it.
fn fenced(block: &str) -> String {
    block.lines().filter(|line| !line.starts_with("```")).fold(String::new(), |text, line| text + line + "\n")
}

#[test]
fn what_an_exchange_is_told_to_post_is_what_the_server_takes() {
    let recipe = section("exchange");
    let recipe = recipe.split("```json").nth(1).unwrap();
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
    let commands = section("commands");
    for command in Cli::command().get_subcommands() {
        let name = command.get_name();
        assert!(
            commands.contains(&format!("vagttavle {name}")),
            "the page of the commands does not name: vagttavle {name}"
        );
    }
}

/// The blocks of commands of a page: what stands between a fence with `sh` and the next.
fn shell_blocks(page: &str) -> Vec<&str> {
    page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn every_command_line_of_a_page_is_one() {
    let mut tried = 0;
    for (page, text) in pages() {
        let lines = shell_blocks(&text).into_iter().flat_map(str::lines);
        for line in lines {
            let line = line.replace("cargo run --release -- ", "vagttavle ");
            let command = line.split(" #").next().unwrap().split(" > ").next().unwrap();
            if command.starts_with("vagttavle") {
                tried += 1;
                let parsed = Cli::try_parse_from(command.split_whitespace());
                parsed.unwrap_or_else(|error| panic!("{page}: {command}: {error}"));
            }
        }
    }
    assert!(tried >= 10, "{tried}");
}

#[test]
fn the_two_commands_are_those_that_are_tried_before_a_change_goes_in() {
    let (readme, gate) = (read(README), read(".ci/run"));
    let two: Vec<&str> =
        shell_blocks(&readme)[0].lines().map(|it| it.split(" #").next().unwrap().trim()).collect();
    assert_eq!(two, ["cargo run --release -- demo", "cargo test"]);
    for command in two {
        let locked = command.replacen("run", "run --locked", 1).replacen("test", "test --locked", 1);
        assert!(gate.contains(&locked), ".ci/run does not try: {locked}");
    }
}

#[test]
fn it_is_set_up_in_ten_lines() {
    let readme = read(README);
    let (_, set_up) = readme.split_once("## Set it up\n").unwrap();
    let lines = shell_blocks(set_up)[0].lines().count();
    assert!((1..=SET_UP_LINES_MAX).contains(&lines), "{lines}");
}

/// Each variable of the environment that an argument may stand in, with that argument.
fn variables(command: &clap::Command) -> BTreeMap<String, String> {
    let own = command.get_arguments().filter_map(|argument| {
        let variable = argument.get_env()?.to_str().unwrap().to_owned();
        Some((variable, format!("--{}", argument.get_long().unwrap())))
    });
    own.chain(command.get_subcommands().flat_map(variables)).collect()
}

#[test]
fn every_variable_of_the_environment_is_told_with_its_argument() {
    let told: BTreeMap<String, String> = section("environment")
        .lines()
        .filter_map(|line| {
            let mut cells = line.split('|').skip(1).map(|cell| cell.trim().trim_matches('`').to_owned());
            let variable = cells.next().filter(|it| it.starts_with("VAGTTAVLE_"))?;
            Some((variable, cells.next().unwrap()))
        })
        .collect();
    let mut right = variables(&Cli::command());
    let mut code = String::new();
    append_rust(&Path::new(ROOT).join("src"), &mut code);
    for rest in code.split("\"VAGTTAVLE_").skip(1) {
        let name = rest.split('"').next().unwrap();
        right.entry(format!("VAGTTAVLE_{name}")).or_default();
    }
    assert_eq!(told, right);
}

#[test]
fn what_hangs_on_a_municipality_is_told_with_its_settings() {
    let abilities = section("abilities");
    assert_eq!(abilities.lines().count(), 2 + Ability::ALL.len(), "a row each");
    for (ability, setting) in Names::default().missing() {
        assert!(abilities.contains(&format!("`{setting}`")), "{ability:?} needs {setting}");
    }
    let tables = [
        ("care", "[care]\nunheard_of = 1"),
        ("care.nexus", "[care.nexus]\nunheard_of = 1"),
        ("care.lists", "[[care.lists]]\nunheard_of = 1"),
        ("care.visits", "[care.visits]\nunheard_of = 1"),
    ];
    let known: BTreeSet<String> = tables
        .iter()
        .flat_map(|(table, text)| {
            known_keys::<Settings>(text).into_iter().map(move |key| format!("{table}.{key}"))
        })
        .collect();
    for setting in abilities.split('`').filter(|it| it.starts_with("care.")) {
        assert!(known.contains(setting), "there is no setting {setting}");
    }
}

#[test]
fn every_folder_is_told_of_and_there() {
    let folders = section("folders");
    let told: BTreeSet<&str> = folders
        .lines()
        .skip(2)
        .flat_map(|line| line.split('|').nth(1).unwrap().split('`').skip(1).step_by(2))
        .collect();
    let gone: Vec<_> = told.iter().filter(|it| !Path::new(ROOT).join(it).exists()).collect();
    assert!(gone.is_empty(), "told and not there: {gone:?}");
    for item in std::fs::read_dir(Path::new(ROOT).join("src")).unwrap() {
        let item = item.unwrap();
        let name = format!("src/{}", item.file_name().to_str().unwrap());
        let is_told = told.contains(name.as_str()) || !item.path().is_dir();
        assert!(is_told, "not told of: {name}");
    }
}

#[test]
fn the_readme_is_a_front_page() {
    for (page, bytes_max) in BYTES_MAX {
        let bytes = read(page).len();
        assert!(bytes <= bytes_max, "{page}: {bytes} bytes, {bytes_max} are a page");
    }
    let readme = read(README);
    let linked: BTreeSet<&str> =
        links(&readme).into_iter().map(|link| link.split('#').next().unwrap()).collect();
    let missing: Vec<String> =
        pages().into_keys().filter(|page| page != README && !linked.contains(page.as_str())).collect();
    assert!(missing.is_empty(), "the README leads to none of: {missing:?}");
}

/// A page without its blocks of code.
fn prose(page: &str) -> String {
    let mut is_code = false;
    let lines = page.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    });
    lines.fold(String::new(), |text, line| text + line + "\n")
}

/// Where a page's links lead.
fn links(page: &str) -> Vec<&str> {
    page.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(link, _)| link)).collect()
}

/// The names under which a page's headings are linked to.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings = prose(page);
    let headings = headings.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let kept = |it: &char| it.is_alphanumeric() || matches!(it, ' ' | '-' | '_');
        let plain: String = heading.trim_start_matches('#').trim().chars().filter(kept).collect();
        plain.to_lowercase().replace(' ', "-")
    };
    headings.map(anchor).collect()
}

/// What is wrong with the links of a page that lies in the root or in `docs`.
fn lost_links(page: &str, text: &str) -> Vec<String> {
    let folder = Path::new(ROOT).join(page).parent().unwrap().to_owned();
    let prose = prose(text);
    let is_lost = |link: &&str| {
        let (file, anchor) =
            link.split_once('#').map_or((*link, None), |(file, anchor)| (file, Some(anchor)));
        let target = if file.is_empty() { Path::new(ROOT).join(page) } else { folder.join(file) };
        let has = |anchor| std::fs::read_to_string(&target).is_ok_and(|text| anchors(&text).contains(anchor));
        !target.exists() || !anchor.is_none_or(has)
    };
    links(&prose).into_iter().filter(is_lost).map(|link| format!("{page}: {link}")).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let lost: Vec<String> = pages().iter().flat_map(|(page, text)| lost_links(page, text)).collect();
    assert!(lost.is_empty(), "{lost:#?}");
    let planted =
        "[a](settings.md) [b](nowhere.md) [c](settings.md#nowhere) [d](../README.md#set-it-up) [e](#f)\n# F";
    assert_eq!(
        lost_links("docs/desk.md", planted),
        ["docs/desk.md: nowhere.md", "docs/desk.md: settings.md#nowhere", "docs/desk.md: #f"]
    );
}

/// The hosts that a text names and no page may.
fn foreign_hosts(text: &str) -> Vec<String> {
    let is_of_a_name = |it: char| it.is_ascii_alphanumeric() || it == '.' || it == '-';
    let addressed = text.split("://").skip(1).map(|rest| rest.split(|it| !is_of_a_name(it)).next().unwrap());
    let bare = text
        .split(|it| !is_of_a_name(it))
        .map(|name| name.trim_end_matches('.'))
        .filter(|name| HOST_ENDINGS.iter().any(|ending| name.ends_with(ending)));
    let named = addressed.chain(bare).filter(|host| !host.is_empty() && !HOSTS.contains(host));
    named.map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect()
}

#[test]
fn no_page_names_a_host_of_a_registry() {
    for (page, text) in pages() {
        assert_eq!(foreign_hosts(&text), [""; 0], "{page}");
    }
    let planted = "see https://registry.example/x, http://127.0.0.1:7878/v1 and udp://; crates are on packages.example.io.";
    assert_eq!(foreign_hosts(planted), ["packages.example.io", "registry.example"]);
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
    let told: BTreeSet<String> = section("dependencies")
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
