//! Route lists in a real folder, read by the real program: on the board, then gone; killed in between, once.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use vagttavle::clock::Clock;
use vagttavle::domain::calendar;

use crate::process::{Home, Serving};
use crate::world::wait_for;

struct Bench {
    home: Home,
    anna: String,
}

impl Bench {
    fn new(more: &str) -> Self {
        let home = Home::new();
        let anna = home.add("anna", "coordinator", "norddjurs");
        fs::create_dir(home.path("ind")).unwrap();
        home.write("ord.toml", "[defaults]\ngrant = \"service\"\n");
        home.write(
            "server.toml",
            &format!(
                "[[visits]]\nfolder = \"ind\"\nagreement = \"norddjurs\"\nname = \"ruter\"\nrest_seconds = 0\nmapping = \"ord.toml\"\n{more}"
            ),
        );
        Self { home, anna }
    }

    fn serve(&self) -> Serving {
        let config = self.home.path("server.toml").display().to_string();
        self.home.serve(&format!("--config {config}"))
    }

    /// As whoever fills the folder does: under another name, then renamed.
    fn drop(&self, name: &str, list: &str) -> PathBuf {
        let part = self.home.path("ind").join(format!("{name}.part"));
        let whole = self.home.path("ind").join(name);
        fs::write(&part, list).unwrap();
        fs::rename(part, &whole).unwrap();
        whole
    }

    async fn entries(&self, serving: &Serving) -> Vec<Value> {
        serving.get("/v1/board", &self.anna).await.body["entries"].as_array().unwrap().clone()
    }

    /// How often each visit is on the board.
    async fn visits(&self, serving: &Serving) -> BTreeMap<String, usize> {
        let mut visits = BTreeMap::new();
        for entry in self.entries(serving).await.iter().filter(|it| it["board"] == "visits") {
            *visits.entry(entry["details"]["visit"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        visits
    }
}

/// So many minutes from now, as a spreadsheet writes it.
fn clock(minutes: i64) -> String {
    let at: DateTime<Utc> = Clock::system().now() + TimeDelta::minutes(minutes);
    calendar::local(at).format("%d.%m.%Y %H:%M").to_string()
}

async fn gone(file: &std::path::Path) {
    wait_for("the file to be deleted", || async { if file.exists() { Err("it is there") } else { Ok(()) } })
        .await;
}

#[tokio::test]
async fn rows_land_on_the_board_a_bad_one_is_told_and_the_file_is_deleted() {
    let bench = Bench::new("");
    let serving = bench.serve();
    let list = format!(
        "Besøgs-ID;Borger;Navn;Hjælp;Start;Status\nb-1;c-1;Karl Olsen;Personlig pleje;{};Planlagt\n\
         b-2;c-2;Åse Ærø;Flyvning;{};Planlagt\nb-3;c-3;Bent;Rengøring;{};Ikke hjemme\n",
        clock(60),
        clock(60),
        clock(-20)
    );
    gone(&bench.drop("010101-9995 rute.csv", &list)).await;
    assert_eq!(bench.visits(&serving).await, BTreeMap::from([("b-1".into(), 1), ("b-3".into(), 1)]));
    let entries = bench.entries(&serving).await;
    let state = |id: &str| entries.iter().find(|it| it["details"]["visit"] == id).unwrap()["state"].clone();
    assert_eq!((state("b-1"), state("b-3")), ("planned".into(), "door-unanswered".into()));
    let trouble = entries.iter().find(|it| it["board"] == "sources").unwrap();
    assert_eq!(
        (&trouble["details"]["source"], &trouble["details"]["what"], &trouble["details"]["line"]),
        (&"ruter".into(), &"unknown-help".into(), &3.into()),
        "{trouble}"
    );
    let config = bench.home.path("stderr.log");
    let said = fs::read_to_string(config).unwrap();
    assert!(said.contains("unknown-help"), "{said}");
    for never in ["010101", "Karl", "Ærø", "Flyvning"] {
        assert!(!said.contains(never), "{never} is in {said}");
    }
}

#[tokio::test]
async fn killed_in_the_middle_of_a_list_and_started_again_every_visit_is_there_once() {
    const ROWS: usize = 900;
    let bench = Bench::new("starts = false\n");
    let mut serving = bench.serve();
    let mut list = "visit;citizen;help;agreed_at\n".to_owned();
    for number in 0..ROWS {
        writeln!(list, "b-{number};c-{number};pleje;{}", clock(-90)).unwrap();
    }
    let file = bench.drop("rute.csv", &list);
    wait_for("the first of them", || async {
        let visits = bench.visits(&serving).await.len();
        if visits > 0 { Ok(()) } else { Err(visits) }
    })
    .await;
    serving.kill();
    let mut serving = bench.serve();
    gone(&file).await;
    let all_once =
        |visits: &BTreeMap<String, usize>| visits.len() == ROWS && visits.values().all(|n| *n == 1);
    let visits = bench.visits(&serving).await;
    assert!(all_once(&visits), "{} of {ROWS}, {:?}", visits.len(), visits.values().max());
    // Killed between "on disk" and "deleted": the very same file is there again, and says nothing new.
    let sequence = serving.get("/v1/board", &bench.anna).await.body["sequence"].clone();
    serving.kill();
    let serving = bench.serve();
    gone(&bench.drop("rute.csv", &list)).await;
    assert_eq!(serving.get("/v1/board", &bench.anna).await.body["sequence"], sequence);
    // A plan only: an hour and a half after its time nobody is late by silence.
    let states: Vec<Value> = bench
        .entries(&serving)
        .await
        .iter()
        .filter(|it| it["board"] == "visits")
        .map(|it| it["state"].clone())
        .collect();
    assert!(states.iter().all(|state| state != "late"), "{states:?}");
}

#[tokio::test]
async fn of_a_plan_longer_than_the_board_every_visit_is_shown_and_acted_on_by_its_number() {
    const ROWS: usize = 1_040;
    let bench = Bench::new("");
    let serving = bench.serve();
    let mut list = "visit;citizen;help;agreed_at\n".to_owned();
    for number in 0..ROWS {
        writeln!(list, "b-{number};c-{number};pleje;{}", clock(120 + i64::try_from(number).unwrap()))
            .unwrap();
    }
    gone(&bench.drop("rute.csv", &list)).await;
    assert_eq!(bench.visits(&serving).await.len(), 1_000);
    let way = format!("--server {} --token-file anna.token", serving.base);
    let said = bench.home.run(&format!("list {way}")).good();
    assert!(said.contains("og 40 planlagte besøg mere"), "{}", said.lines().last().unwrap_or_default());
    let found = serving.get("/v1/entries?find=b-1039", &bench.anna).await.body;
    let number = found["entries"][0]["number"].clone();
    let shown: Value =
        serde_json::from_str(&bench.home.run(&format!("show {number} --json {way}")).good()).unwrap();
    assert_eq!(shown["entry"]["details"]["visit"], "b-1039");
    bench.home.run(&format!("do {number} contact reached=ja {way}")).good();
    assert_eq!(bench.visits(&serving).await.get("b-1039"), Some(&1), "told of: more than a plan");
}

#[tokio::test]
async fn a_folder_that_is_missing_shows_the_source_as_silent_with_why() {
    let bench = Bench::new("");
    fs::remove_dir(bench.home.path("ind")).unwrap();
    let serving = bench.serve();
    let trouble = wait_for("the silence", || async {
        let entries = bench.entries(&serving).await;
        entries.iter().find(|it| it["state"] == "silent").cloned().ok_or(entries)
    })
    .await;
    assert_eq!(trouble["details"]["what"], "folder-missing");
    fs::create_dir(bench.home.path("ind")).unwrap();
    wait_for("it to be well again", || async {
        let board = serving.get("/v1/board", &bench.anna).await.body;
        let source = board["sources"].as_array().unwrap().iter().find(|it| it["name"] == "ruter").cloned();
        if source.as_ref().is_some_and(|it| it["state"] == "ok") { Ok(()) } else { Err(source) }
    })
    .await;
}

#[test]
fn a_list_is_checked_before_anybody_drops_it() {
    let home = Home::new();
    home.write("ord.toml", "defaults = { grant = \"service\" }\n");
    let good = format!("visit;cpr;help;agreed_at\nb-1;010101-9995;pleje;{}\n", clock(30));
    home.write("god.csv", &good);
    let said = home.run("visits check god.csv --mapping ord.toml").good();
    assert!(said.contains("1 rækker kan tages ind, 0 kan ikke; 1 nævner"), "{said}");
    home.write("slem.csv", &format!("{good}b-2;c-2;flyvning;{}\n", clock(30)));
    let said = home.run("visits check slem.csv --mapping ord.toml");
    assert!(!said.status.success() && said.out.contains("linje 3: ukendt hjælp"), "{said:?}");
    assert!(!said.out.contains("010101"), "{said:?}");
    home.write("titel.csv", &format!("Ruteplan;;;\n\n{good}"));
    let said = home.run("visits check titel.csv --mapping ord.toml").good();
    assert!(said.contains("Kolonnernes navne står i linje 3."), "{said}");
    let row = |help: &str| {
        let at = Clock::system().now();
        serde_json::json!({ "visit": "b-1", "citizen": "c-1", "help": help, "agreed_at": at })
    };
    let one_line = serde_json::json!([row("pleje"), row("pleje"), row("flyvning")]).to_string();
    home.write("en-linje.json", &one_line);
    let said = home.run("visits check en-linje.json --mapping ord.toml");
    assert!(!said.status.success() && said.out.contains("række 3 (linje 1): ukendt hjælp"), "{said:?}");
    home.write("ark.csv", "PK\u{3}\u{4}");
    home.run("visits check ark.csv").refused(&["regneark"]);
    home.write("ord.toml", "[colums]\n");
    home.run("visits check god.csv --mapping ord.toml").refused(&["ord.toml", "columns"]);
}
