//! Direction: who may use whom, held against the sources themselves; no circle among the files of the wire; the only files
//! that ask the time, draw randomness or read the surroundings; and none so long that it owns two things.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Top folder or file of `src` and what of ours it may use besides itself. `cli`, `app` and `main` may use all. The table
/// of `lib.rs` says the same to people.
const MAY_USE: &[(&str, &[&str])] = &[
    // Settings are declared by the source they are for and read in one place.
    ("config", &["domain", "sources", "workers"]),
    ("clock", &[]),
    ("ids", &["domain"]),
    ("domain", &[]),
    ("protocol", &["domain"]),
    ("store", &["domain"]),
    ("care", &["domain"]),
    ("engine", &["store", "domain", "care"]),
    ("sources", &["domain", "protocol"]),
    ("inbox", &["engine", "sources", "protocol", "domain"]),
    ("workers", &["inbox", "engine", "sources", "care", "protocol", "i18n", "domain"]),
    ("server", &["inbox", "engine", "protocol", "domain"]),
    ("client", &["protocol"]),
    ("i18n", &["protocol"]),
    ("theme", &[]),
    ("tui", &["protocol", "i18n", "theme"]),
];
/// The doors to time and randomness, which a layer that is not pure may name. That to the settings only `app` opens.
const DOORS: &[&str] = &["clock", "ids"];
/// Layers that must not use the doors: they take instants and ids as arguments.
const PURE: &[&str] = &["domain", "protocol", "i18n", "theme", "tui"];
/// The files of the desk that may touch the client and the clock.
const DESK_EDGE: &[&str] = &["tui/run.rs", "tui/seat.rs", "tui/terminal.rs"];
/// Nobody imports these.
const TOP: &[&str] = &["cli", "app", "main", "lib"];
/// Boards, which the generic layers must not name.
const BOARDS: &[&str] = &["phone", "alarms", "discharges", "visits", "duties", "complaints"];
const GENERIC: &[&str] = &["store", "engine", "client", "theme"];

/// Where time, randomness and the surroundings are asked for.
/// A generator with a seed asks nothing: it says the same again.
const ASKING: &[&str] = &[
    "Utc::now",
    "Local::now",
    "SystemTime",
    "Instant::now",
    "rand::rng()",
    "rand::random",
    "ThreadRng",
    "SysRng",
    "OsRng",
    "getrandom",
    "std::env",
    "env::var",
    "now_v7()",
];
const MAY_ASK: &[&str] = &["clock.rs", "ids.rs", "config.rs"];

fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut found, mut left): (Vec<(String, String)>, Vec<PathBuf>) = (Vec::new(), vec![root.clone()]);
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                let name = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    assert!(found.len() > 20, "the sources are found");
    found
}

/// The code without comments, and without its unit tests (they stand last in a file).
fn code_of(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    code.lines().map(strip_comment).collect::<Vec<_>>().join("\n")
}

fn strip_comment(line: &str) -> &str {
    match line.trim_start().starts_with("//") {
        true => "",
        // A `//` inside a string is an address; nothing after it is code we look for.
        false => line.split(" // ").next().unwrap_or(line),
    }
}

/// The layer of a file: its top folder, or its own name.
fn layer(file: &str) -> &str {
    file.split('/').next().unwrap_or(file).trim_end_matches(".rs")
}

/// What of ours a file uses: the first word after each `crate::` or `vagttavle::`, braces opened.
fn used(code: &str) -> BTreeSet<String> {
    let outer = ["crate::", "vagttavle::"].into_iter().flat_map(|root| after(code, root));
    outer.flat_map(paths).filter_map(|path| path.get(1).cloned()).collect()
}

/// A module of a layer: the words of its path, `protocol::boards::phone`.
type Module = Vec<String>;

/// Every path that a piece of a `use` names, braces opened: `a::{b, c::d}` gives a b and a c d.
fn paths(text: &str) -> Vec<Module> {
    let text = text.trim_start();
    if let Some(group) = text.strip_prefix('{') {
        return members(group).into_iter().flat_map(paths).collect();
    }
    let Some(first) = word(text) else { return vec![Vec::new()] };
    let rest = match text[first.len()..].strip_prefix("::") {
        Some(rest) => paths(rest),
        None => vec![Vec::new()],
    };
    rest.into_iter().map(|path| [vec![first.clone()], path].concat()).collect()
}

fn word(text: &str) -> Option<String> {
    let word: String = text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!word.is_empty()).then_some(word)
}

/// The members of a group whose brace was opened before.
fn members(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '}' if depth == 0 => {
                found.push(&group[start..at]);
                return found;
            }
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found
}

/// What stands in the code after each `root`, unless that is the middle of a longer path.
fn after<'c>(code: &'c str, root: &str) -> Vec<&'c str> {
    let is_start = |at: usize| {
        !code[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    };
    code.match_indices(root).filter(|(at, _)| is_start(*at)).map(|(at, _)| &code[at..]).collect()
}

/// Names this module: in a path, or anywhere in a `use`, however many lines that has.
fn names(code: &str, module: &str) -> bool {
    let uses = after(code, "use ").into_iter().filter_map(|it| it.split(';').next());
    let mut words = uses.flat_map(|it| it.split(|c: char| !c.is_alphanumeric() && c != '_'));
    code.contains(&format!("{module}::")) || words.any(|word| word == module)
}

/// What is wrong with the direction of one file, as `file uses layer`.
fn wrong_uses(file: &str, text: &str) -> Vec<String> {
    let code = code_of(text);
    let own = layer(file);
    let layers: Vec<&str> = MAY_USE.iter().map(|(name, _)| *name).chain(TOP.iter().copied()).collect();
    let complain = |used: &str| format!("{file} uses {used}");
    if TOP.contains(&own) {
        return Vec::new();
    }
    let Some((_, may)) = MAY_USE.iter().find(|(name, _)| *name == own) else {
        return vec![format!("{file}: layer {own} is not in the table")];
    };
    let is_edge = DESK_EDGE.contains(&file);
    used(&code)
        .iter()
        .map(String::as_str)
        .filter(|used| layers.contains(used) && *used != own && !may.contains(used))
        .filter(|used| !(DOORS.contains(used) && (!PURE.contains(&own) || is_edge)))
        .filter(|used| !(*used == "client" && is_edge))
        .map(complain)
        .collect()
}

/// The rows of "Who owns what" in `lib.rs`: each layer, and those of `layers` that its row says it may use.
fn table_of(page: &str, layers: &BTreeSet<String>) -> BTreeMap<String, BTreeSet<String>> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("//! | [`"));
    let mut table = BTreeMap::new();
    for row in rows {
        let cells: Vec<&str> = row.split(" | ").collect();
        let [names, _, may] = cells.as_slice() else { panic!("a row of three cells: {row}") };
        let words = |text: &str| {
            let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').map(str::to_owned);
            words.filter(|word| !word.is_empty()).collect::<BTreeSet<String>>()
        };
        let may = words(may).intersection(layers).cloned().collect::<BTreeSet<_>>();
        table.extend(words(names).into_iter().map(|name| (name, may.clone())));
    }
    table
}

fn asks(file: &str, text: &str) -> Vec<String> {
    if MAY_ASK.contains(&file) || file == "i18n/build.rs" {
        return Vec::new();
    }
    let code = code_of(text);
    // A socket's own timers are tokio's, which a test may pause; the system's clock stays forbidden.
    let has_timers = file.ends_with("/link.rs") || file.ends_with("/run.rs");
    let is_timer =
        |asking: &str| has_timers && asking == "Instant::now" && !code.contains("std::time::Instant");
    ASKING
        .iter()
        .filter(|asking| code.contains(**asking) && !is_timer(asking))
        .map(|asking| format!("{file} asks {asking}"))
        .collect()
}

/// A generic layer that imports a board's file.
fn names_a_board(file: &str, text: &str) -> Vec<String> {
    if !GENERIC.contains(&layer(file)) {
        return Vec::new();
    }
    let code = code_of(text);
    BOARDS
        .iter()
        .filter(|board| code.contains(&format!("domain::{board}")) || names(&code, board))
        .map(|board| format!("{file} names {board}"))
        .collect()
}

#[test]
fn every_file_uses_only_what_its_layer_may_use() {
    let wrong: Vec<String> = sources().iter().flat_map(|(file, text)| wrong_uses(file, text)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_table_of_the_page_says_what_may_use_what_and_every_layer_is_there() {
    let files = sources();
    let there: BTreeSet<String> = files.iter().map(|(file, _)| layer(file).to_owned()).collect();
    let page = &files.iter().find(|(file, _)| file == "lib.rs").expect("the page").1;
    let of_the_page = table_of(page, &there);
    let mut held: BTreeMap<String, BTreeSet<String>> = MAY_USE
        .iter()
        .map(|(name, may)| ((*name).to_owned(), may.iter().map(|it| (*it).to_owned()).collect()))
        .collect();
    held.extend(["app", "cli"].map(|name| (name.to_owned(), BTreeSet::new())));
    assert_eq!(of_the_page, held);
    let named = held.into_keys().chain(["main", "lib"].map(str::to_owned)).collect::<BTreeSet<_>>();
    assert_eq!(named, there, "named, and in src");
}

#[test]
fn a_planted_wrong_use_is_found() {
    let planted = [
        ("domain/alarms.rs", "use crate::store::Log;", "domain/alarms.rs uses store"),
        ("domain/alarms.rs", "let now = crate::clock::now();", "domain/alarms.rs uses clock"),
        ("protocol/entry.rs", "pub use crate::engine;", "protocol/entry.rs uses engine"),
        (
            "client/mod.rs",
            "use crate::{\n    domain::{Event, State},\n    protocol::Entry,\n};",
            "client/mod.rs uses domain",
        ),
        ("tui/update.rs", "use crate::client::Client;", "tui/update.rs uses client"),
        ("tui/view.rs", "let it = vagttavle::domain::State::default();", "tui/view.rs uses domain"),
        ("store/sqlite.rs", "use crate::app;", "store/sqlite.rs uses app"),
        ("sources/ami/link.rs", "use crate::engine::Inbox;", "sources/ami/link.rs uses engine"),
        ("workers/medcom/mod.rs", "use crate::server::Receiver;", "workers/medcom/mod.rs uses server"),
        ("workers/canary/call.rs", "use crate::app::say::Failed;", "workers/canary/call.rs uses app"),
        ("server/routes/mod.rs", "use crate::workers::medcom;", "server/routes/mod.rs uses workers"),
        ("sources/ami/settings.rs", "use crate::config;", "sources/ami/settings.rs uses config"),
        ("kitchen/mod.rs", "", "kitchen/mod.rs: layer kitchen is not in the table"),
    ];
    for (file, text, complaint) in planted {
        assert_eq!(wrong_uses(file, text), [complaint], "{text}");
    }
}

#[test]
fn a_right_use_a_comment_and_a_unit_test_are_not_complained_about() {
    let fine = [
        (
            "engine/writer.rs",
            "use crate::domain::{State, decide};\nuse crate::store::Log;\nuse crate::clock::Clock;",
        ),
        ("tui/run.rs", "use crate::client::Client;\nuse crate::clock::Clock;"),
        ("tui/view.rs", "//! Must never touch crate::client.\nuse crate::protocol::Entry;"),
        ("domain/mod.rs", "use super::State;\nuse crate::domain::entry;"),
        ("theme/mod.rs", "fn f() {}\n#[cfg(test)]\nmod tests {\n    use crate::app;\n}"),
        ("app.rs", "use crate::{server, store, tui};"),
        ("i18n/mod.rs", "let text = other_crate::domain::x;"),
    ];
    for (file, text) in fine {
        assert_eq!(wrong_uses(file, text), [""; 0], "{file}");
    }
}

#[test]
fn only_the_doors_ask_the_time_draw_randomness_or_read_the_surroundings() {
    let wrong: Vec<String> = sources().iter().flat_map(|(file, text)| asks(file, text)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(asks("domain/alarms.rs", "let now = Utc::now();"), ["domain/alarms.rs asks Utc::now"]);
    assert_eq!(asks("engine/timers.rs", "let t = Instant::now();"), ["engine/timers.rs asks Instant::now"]);
    assert_eq!(asks("sources/ami/link.rs", "tokio::time::sleep(WAIT).await;"), [""; 0]);
    assert_eq!(asks("sources/ami/link.rs", "use tokio::time::Instant;\nInstant::now()"), [""; 0]);
    assert_eq!(asks("sources/ami/link.rs", "std::time::Instant::now()").len(), 1);
    assert_eq!(asks("clock.rs", "Utc::now()"), [""; 0]);
}

#[test]
fn the_generic_layers_name_no_board() {
    let wrong: Vec<String> = sources().iter().flat_map(|(file, text)| names_a_board(file, text)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(
        names_a_board("store/log.rs", "use crate::domain::alarms::Alarm;"),
        ["store/log.rs names alarms"]
    );
    assert_eq!(names_a_board("client/mod.rs", "phone::Call"), ["client/mod.rs names phone"]);
    let over_lines = "use crate::domain::{\n    Ctx,\n    visits,\n};";
    assert_eq!(names_a_board("engine/writer.rs", over_lines), ["engine/writer.rs names visits"]);
}

/// Outside crates with one door: XML is looked through before anybody reads it.
const XML_DOOR: &str = "sources/xml.rs";

fn opens_xml(file: &str, text: &str) -> Option<String> {
    let names_it = code_of(text).contains("quick_xml");
    (file != XML_DOOR && names_it).then(|| format!("{file} names quick_xml"))
}

#[test]
fn only_one_file_reads_xml() {
    let wrong: Vec<String> = sources().iter().filter_map(|(file, text)| opens_xml(file, text)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let planted = opens_xml("sources/scaip/wire.rs", "quick_xml::de::from_reader(body)");
    assert_eq!(planted.as_deref(), Some("sources/scaip/wire.rs names quick_xml"));
}

/// Lines that a file may have: one that is longer owns more than one thing.
const LINES_MAX: usize = 600;
/// Those that are longer still, until they are split.
const LONGER: &[&str] = &["domain/agreement.rs", "domain/entry.rs"];

fn too_long(file: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    let is_allowed = lines <= LINES_MAX || LONGER.contains(&file);
    (!is_allowed).then(|| format!("{file} has {lines} lines"))
}

#[test]
fn no_file_is_so_long_that_it_owns_two_things() {
    let sources = sources();
    let wrong: Vec<String> = sources.iter().filter_map(|(file, text)| too_long(file, text)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let is_longer =
        |file: &str| sources.iter().any(|(it, text)| it == file && text.lines().count() > LINES_MAX);
    let split: Vec<_> = LONGER.iter().filter(|file| !is_longer(file)).collect();
    assert!(split.is_empty(), "no longer than others, and still in the list: {split:?}");
    let planted = too_long("engine/writer.rs", &"a line\n".repeat(LINES_MAX + 1));
    assert_eq!(planted.as_deref(), Some("engine/writer.rs has 601 lines"));
    assert_eq!(too_long("engine/writer.rs", &"a line\n".repeat(LINES_MAX)), None);
}

/// The module of a file; a folder's own file is the folder.
fn module_of(file: &str) -> Module {
    let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').map(str::to_owned).collect()
}

/// The modules among `known` that a file of theirs names by path; an item is its module's, also where that only hands
/// it on.
fn neighbours(file: &str, text: &str, known: &BTreeSet<Module>) -> BTreeSet<Module> {
    let (code, own) = (code_of(text), module_of(file));
    let top = own[0].clone();
    let outer = after(&code, &format!("crate::{top}::")).into_iter().flat_map(paths);
    let mut named: Vec<Module> = outer.map(|path| path[1..].to_vec()).collect();
    for path in after(&code, "super::").into_iter().flat_map(paths) {
        let up = path.iter().take_while(|it| *it == "super").count();
        named.push([&own[..own.len().saturating_sub(up)], &path[up..]].concat());
    }
    let children = known.iter().filter(|it| it.len() == own.len() + 1 && it.starts_with(&own));
    named.extend(children.filter(|it| !after(&code, &format!("{}::", it[own.len()])).is_empty()).cloned());
    let found = named.iter().filter_map(|path| {
        (1..=path.len()).rev().map(|length| path[..length].to_vec()).find(|it| known.contains(it))
    });
    found.filter(|it| *it != own).collect()
}

/// The first circle of files of this layer that import each other, or none.
fn circle(layer_name: &str, files: &[(String, String)]) -> Option<String> {
    let files: Vec<_> = files.iter().filter(|(file, _)| layer(file) == layer_name).collect();
    let known: BTreeSet<Module> = files.iter().map(|(file, _)| module_of(file)).collect();
    let mut left: BTreeMap<Module, BTreeSet<Module>> =
        files.iter().map(|(file, text)| (module_of(file), neighbours(file, text, &known))).collect();
    // What uses nothing that is left is in no circle.
    loop {
        let done: Vec<Module> =
            left.iter().filter(|(_, uses)| uses.is_empty()).map(|(it, _)| it.clone()).collect();
        if done.is_empty() {
            break;
        }
        left.retain(|it, _| !done.contains(it));
        left.values_mut().for_each(|uses| uses.retain(|it| !done.contains(it)));
    }
    // Of what is left each uses another that is left: whoever follows that comes round.
    let mut walk = vec![left.keys().next()?.clone()];
    loop {
        let next = left[walk.last()?].first()?.clone();
        if let Some(start) = walk.iter().position(|it| *it == next) {
            walk.push(next);
            return Some(walk[start..].iter().map(|it| it.join("/")).collect::<Vec<_>>().join(" uses "));
        }
        walk.push(next);
    }
}

#[test]
fn no_files_of_the_wire_import_each_other_in_a_circle() {
    assert_eq!(circle("protocol", &sources()), None);
}

#[test]
fn a_planted_circle_is_found() {
    let planted = |files: &[(&str, &str)]| {
        let files: Vec<_> = files.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        circle("protocol", &files)
    };
    let two = [("protocol/a.rs", "use super::{text, b::B};"), ("protocol/b.rs", "crate::protocol::a::A")];
    assert_eq!(planted(&two).as_deref(), Some("protocol/a uses protocol/b uses protocol/a"));
    let board = [
        ("protocol/boards/mod.rs", "mod phone;\nuse phone::PhoneDetails;"),
        ("protocol/boards/phone.rs", "use super::Details;"),
    ];
    assert!(planted(&board).is_some(), "a board that asks the list");
    let around = [
        ("protocol/boards/mod.rs", "Phone(phone::PhoneDetails) = Phone;"),
        ("protocol/boards/phone.rs", "use super::super::entry::Entry;"),
        ("protocol/entry.rs", "pub use super::boards::Details;"),
    ];
    assert!(planted(&around).is_some(), "a board that sees the entry");
    let fine = [
        ("protocol/mod.rs", "pub mod a;\npub use b::B;"),
        ("protocol/a.rs", "use super::b::B;\nuse crate::domain::a::A;"),
        (
            "protocol/b.rs",
            "use crate::domain::a;\n// super::a::A\n#[cfg(test)]\nmod tests {\n    use super::a;\n}",
        ),
    ];
    assert_eq!(planted(&fine), None);
}

/// What boards on the wire may share.
const SHARED_BY_BOARDS: &[&str] = &["boards", "column", "offer", "steps"];

#[test]
fn no_board_on_the_wire_names_another() {
    let sources = sources();
    let files: Vec<_> = sources.iter().filter(|(file, _)| file.starts_with("protocol/boards/")).collect();
    let known: BTreeSet<Module> = files.iter().map(|(file, _)| module_of(file)).collect();
    let is_board = |it: &Module| !SHARED_BY_BOARDS.contains(&it[it.len() - 1].as_str());
    let boards = files.iter().filter(|(file, _)| is_board(&module_of(file)));
    let wrong: Vec<_> = boards
        .flat_map(|(file, text)| neighbours(file, text, &known).into_iter().map(move |it| (file, it)))
        .filter(|(_, it)| is_board(it))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(files.len() > 5, "the boards are found");
}

/// Which other boards a file of a board's rules names.
fn boards_named(file: &str, text: &str) -> Vec<String> {
    let own = file.strip_prefix("domain/boards/").unwrap_or_default();
    let own = own.split(['/', '.']).next().unwrap_or_default();
    let code = code_of(text);
    let others = BOARDS.iter().filter(|board| **board != own);
    others.filter(|board| names(&code, board)).map(|board| format!("{file} names {board}")).collect()
}

/// What follows on another board stands in `domain/consequences.rs`; a board's rules know their own alone.
#[test]
fn no_board_of_the_domain_names_another() {
    let files = sources();
    let is_board =
        |file: &&(String, String)| file.0.starts_with("domain/boards/") && file.0 != "domain/boards/mod.rs";
    let boards: Vec<_> = files.iter().filter(is_board).collect();
    let wrong: Vec<String> = boards.iter().flat_map(|(file, text)| boards_named(file, text)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(boards.len() > 15, "the boards are found");
    let planted = "use crate::domain::{Ctx, duties};\nfn f() { phone::x() }";
    assert_eq!(
        boards_named("domain/boards/alarms/decide.rs", planted),
        ["domain/boards/alarms/decide.rs names phone", "domain/boards/alarms/decide.rs names duties"]
    );
    let over_lines = "pub use crate::domain::{\n    Ctx,\n    entry::{self, Entry}, visits,\n    State,\n};";
    assert_eq!(
        boards_named("domain/boards/alarms/mod.rs", over_lines),
        ["domain/boards/alarms/mod.rs names visits"]
    );
}
