//! The canary night: an invented citizen comes in by every way there is, and rests nowhere.
//!
//! The real program, as talkative as it can be made, with every limit on cores up. What is searched is everything below
//! its home: data folder with the write-ahead log, the witness beside it, settings, keys, its log, standard output, what
//! a second person was told, acknowledgements to hospitals, a backup, the desk's home; while it runs, killed, crashed
//! twice and ended. In every disguise of [`crate::at_rest`].
//!
//! The ways in are [`Way`]. A new path that is posted to, a new block of the settings and a new command of the program do
//! not build, or fail here, until it is said which way they are.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use strum::VariantArray;
use vagttavle::cli;
use vagttavle::clock::Clock;
use vagttavle::config::Settings;

use crate::at_rest::leaks;
use crate::description::Generated;
use crate::exchanges::{self, Exchange};
use crate::messages;
use crate::nexus::{self, LIST, NAMES};
use crate::nexus_double::{CLIENT_SECRET, Double};
use crate::ports::free_port;
use crate::process::{Home, Serving};
use crate::terminal::Start;
use crate::unit::Unit;
use crate::world::{uuid, wait_for};

/// Every way in there is, in an order in which what is seen on the desk is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, strum::VariantArray)]
enum Way {
    /// Forms and notes of the desk in a terminal.
    Desk,
    /// The program's own command line.
    CommandLine,
    /// `POST /v1/observations`: whoever has a source's token, each kind, each field.
    WebHook,
    /// `POST /v1/commands`: each verb, each field.
    Commands,
    /// Alarm units by SIP.
    Scaip,
    /// An exchange's events.
    Exchange,
    /// An exchange's own log of its queues.
    QueueLog,
    /// Hospital messages posted to `/v1/medcom`.
    MedcomPosted,
    /// Hospital messages in a folder.
    MedcomFolder,
    /// Route lists in a folder.
    RouteList,
    /// What the care system says: who it is, its lists.
    CareSystem,
}

const NAME: &str = "Esther Kanariegul";
const CPR: &str = "250947-9989";
/// Who else is told of, by whom there is no care system to ask.
const CALLER: &str = "70201934";
const CALLER_NAME: &str = "Kaldenavn Kanariegrøn";
const SAID: &str = "Apparat Kanarieblå siger hjælp";
const NOTED: &str = "Notat Kanarierød om fald";
const ON_A_LIST: &str = "Rute Kanariehvid";

/// What must be nowhere.
fn canaries() -> BTreeSet<String> {
    let all =
        [NAME, CPR, CALLER, CALLER_NAME, SAID, NOTED, ON_A_LIST, messages::CPR, "2509479989", "250947 9989"];
    let others = ["Sivsangerstien 7", "Nøgleboks 107", "Kanarie Række", "+4570201934", "4570201934"];
    all.into_iter().chain(others).map(str::to_owned).collect()
}

/// A setting that opens a way is here with it: a new one does not build until somebody has thought of it.
fn ways_of(settings: &Settings) -> BTreeSet<Way> {
    let Settings {
        listen: _,
        witness: _,
        id_key_file: _,
        agreements: _,
        ami: _,
        scaip: _,
        care: _,
        medcom: _,
        // An alarm of our own, of nobody.
        canary: _,
        // A way out: what it says is searched.
        escalation: _,
        web_hook: _,
        visits: _,
        units: _,
    } = settings;
    use Way::*;
    [Exchange, QueueLog, Scaip, CareSystem, MedcomPosted, MedcomFolder, WebHook, RouteList].into()
}

/// The same of the program's commands: which of them are given anything of a citizen.
fn is_given_a_citizen(command: &cli::Command) -> bool {
    use cli::Command as C;
    match command {
        C::Do(_) | C::Open(_) | C::Show(_) | C::List(_) | C::Closed(_) | C::Unit(_) | C::Visits(_) => true,
        // What they read is the log.
        C::Verify(_) | C::Backup(_) | C::Restore(_) | C::Doctor(_) => false,
        C::Demo(_) | C::Serve(_) | C::Desk(_) | C::User(_) | C::Agreement(_) => false,
        C::Keys | C::Themes | C::Completions { .. } | C::Man => false,
    }
}

/// Paths that are posted to.
const POSTED: [(&str, Option<Way>); 4] = [
    ("/v1/observations", Some(Way::WebHook)),
    ("/v1/commands", Some(Way::Commands)),
    ("/v1/medcom", Some(Way::MedcomPosted)),
    // The name that a desk gave itself, kept in memory for ten seconds.
    ("/v1/seat", None),
];

struct Night {
    home: Home,
    /// Folders of other systems: what they put there is theirs until it is taken.
    theirs: tempfile::TempDir,
    double: Double,
    exchange: Exchange,
    scaip: SocketAddr,
    base: String,
    anna: String,
    source: String,
    hospital: String,
    document: Value,
    fed: BTreeSet<Way>,
}

impl Night {
    async fn begin() -> Self {
        let (home, theirs) = (Home::new(), tempfile::tempdir().unwrap());
        let double = Double::start().await;
        double.citizen(12384, NAME, CPR);
        let exchange = Exchange::start(&[]).await;
        let scaip = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let base = format!("127.0.0.1:{}", free_port());
        for folder in ["advis", "ruter"] {
            std::fs::create_dir(theirs.path().join(folder)).unwrap();
        }
        std::fs::create_dir(home.path("desk-home")).unwrap();
        home.write("nexus.secret", CLIENT_SECRET);
        home.write("ami.secret", "hemmelig");
        home.write("ord.toml", "[defaults]\ngrant = \"service\"\n");
        let called = home.path("bagvagt.said").display().to_string();
        let call = home.write("bagvagt", &format!("#!/bin/sh\necho \"$@\" >> {called}\n"));
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(&call, mode).unwrap();
        let at = |name: &str| theirs.path().join(name).display().to_string();
        let exchange_s = exchanges::settings("by", exchange.port, "jammerbugt");
        let exchange_s =
            exchange_s.replace("queues =", &format!("queue_log = \"{}\"\nqueues =", at("queue_log")));
        let settings = format!(
            "{}{exchange_s}[[scaip]]\nlisten = [\"udp://{scaip}\"]\nagreement = \"jammerbugt\"\n\
             [medcom]\ninbox = \"{}\"\noutbox = \"kvitteringer\"\ndefault_agreement = \"jammerbugt\"\n\
             [[visits]]\nfolder = \"{}\"\nagreement = \"jammerbugt\"\nname = \"ruter\"\nrest_seconds = 0\n\
             mapping = \"ord.toml\"\n[escalation]\ncommand = [\"{}\", \"{{text}}\"]\n",
            nexus::settings(&double, NAMES),
            at("advis"),
            at("ruter"),
            call.display(),
        );
        home.write("server.toml", &settings);
        let anna = home.add("anna", "coordinator", "jammerbugt");
        let (source, hospital) =
            (home.add("central", "source", "jammerbugt"), home.add("regionen", "source", "jammerbugt"));
        let (document, fed) = (Value::Null, BTreeSet::new());
        Self { home, theirs, double, exchange, scaip, base, anna, source, hospital, document, fed }
    }

    /// As talkative as it can be made, and with every limit on cores up.
    async fn serve(&self) -> Serving {
        let program =
            self.home.command(&format!("serve --data {{data}} --listen {} --config server.toml", self.base));
        let mut command = Command::new("sh");
        self.home.dress(&mut command);
        command.args(["-c", "ulimit -c unlimited 2>/dev/null; exec \"$0\" \"$@\""]);
        command.arg(program.get_program()).args(program.get_args());
        command.env("VAGTTAVLE_LOG", "trace").env("RUST_BACKTRACE", "full");
        let file = |name: &str| {
            std::fs::OpenOptions::new().create(true).append(true).open(self.home.path(name)).unwrap()
        };
        command.stdout(file("stdout.log")).stderr(file("stderr.log"));
        let serving = Serving::unheard(command, &self.base);
        wait_for("the server", || async {
            match serving.post("/v1/seat", "none", &json!({})).await {
                Ok(answer) if answer.status == 401 && serving.get("/readyz", "").await.status == 200 => {
                    Ok(())
                }
                other => Err(format!("{other:?}")),
            }
        })
        .await;
        serving
    }

    async fn board(&self, serving: &Serving) -> Value {
        serving.get("/v1/board", &self.anna).await.body
    }

    /// Until an entry of the board is so.
    async fn until(&self, serving: &Serving, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        wait_for(what, || async {
            let board = self.board(serving).await;
            let found = board["entries"].as_array().unwrap().iter().find(|it| is_so(it)).cloned();
            found.ok_or(board)
        })
        .await
    }

    /// Comes in, and is seen: what never came proves nothing.
    async fn feed(&mut self, way: Way, serving: &Serving) {
        match way {
            Way::WebHook => self.web_hook(serving).await,
            Way::Commands => self.commands(serving).await,
            Way::Scaip => self.scaip(serving).await,
            Way::Exchange => self.exchange(serving).await,
            Way::QueueLog => self.queue_log(serving).await,
            Way::MedcomPosted => {
                let message = messages::admit("h1").json();
                let answer = serving.post("/v1/medcom", &self.hospital, &message).await.unwrap();
                assert!(answer.status == 200 && answer.body.to_string().contains("\"ok\""), "{answer:?}");
            }
            Way::MedcomFolder => self.medcom_folder().await,
            Way::RouteList => self.route_list(serving).await,
            Way::CareSystem => self.care_system(serving).await,
            Way::Desk => self.desk(serving).await,
            Way::CommandLine => self.command_line(serving).await,
        }
        self.fed.insert(way);
    }

    async fn alarm(&self, serving: &Serving) -> Value {
        let raised = json!({ "type": "alarm-raised", "alarm": uuid(), "device": "dev-12384", "text": SAID });
        let receipt = serving.observe(&self.source, &uuid(), raised).await;
        let id = receipt["entry"].clone();
        self.until(serving, "the citizen's name", |it| it["id"] == id && it["live"]["name"] == NAME).await
    }

    async fn web_hook(&self, serving: &Serving) {
        let alarm = self.alarm(serving).await;
        assert_eq!(alarm["live"]["address"], "Sivsangerstien 7, 8961 Allingåbro");
        let waiting = json!({ "type": "call-waiting", "call": uuid(), "queue": "q", "caller": CALLER, "caller_name": CALLER_NAME });
        serving.observe(&self.source, &uuid(), waiting).await;
        self.until(serving, "the caller's name", |it| it["live"]["caller_name"] == CALLER_NAME).await;
        let made = Generated { document: &self.document, now: Clock::system().now(), whole: true };
        let mut items = Vec::new();
        for body in made.bodies("ObservationItem", "observation") {
            for mut item in with_each_text_a_canary(&body) {
                item["key"] = if item["key"] == body["key"] { uuid().into() } else { item["key"].clone() };
                items.push(item);
            }
        }
        assert!(items.len() > 100, "{}", items.len());
        for some in items.chunks(100) {
            let answer = serving.post("/v1/observations", &self.source, &json!(some)).await.unwrap();
            assert_eq!(answer.status, 200, "{answer:?}");
            no_canary_in(&answer.body);
        }
    }

    async fn commands(&self, serving: &Serving) {
        let alarm = self.alarm(serving).await;
        let note =
            json!({ "id": uuid(), "entry": alarm["id"], "command": { "type": "note", "text": NOTED } });
        let noted = serving.post("/v1/commands", &self.anna, &note).await.unwrap();
        assert_eq!(noted.status, 200, "{noted:?}");
        assert!(json!(self.double.written()).to_string().contains(NOTED));
        let made = Generated { document: &self.document, now: Clock::system().now(), whole: true };
        for body in made.bodies("CommandRequest", "command") {
            for mut order in with_each_text_a_canary(&body) {
                order["entry"] = if order["entry"] == body["entry"] {
                    alarm["id"].clone()
                } else {
                    order["entry"].clone()
                };
                order["id"] = if order["id"] == body["id"] { uuid().into() } else { order["id"].clone() };
                let answer = serving.post("/v1/commands", &self.anna, &order).await.unwrap();
                if answer.status != 200 {
                    no_canary_in(&answer.body);
                }
            }
        }
    }

    async fn scaip(&self, serving: &Serving) {
        let at = self.scaip;
        let say = move || {
            let mut unit = Unit::new(at, &format!("45{CALLER}"));
            let texts = format!("<crd>gsm:+45{CALLER}</crd><dte>{SAID}</dte><lte>{NAME}</lte>");
            assert_eq!(unit.ask(&uuid(), &format!("<dty>0003</dty>{texts}<stc>0010</stc>")).own, Some(4));
            // Cut off, and what is no alarm at all.
            unit.say(&format!("<mrq><ref>c1</ref><cid>{CPR}</cid><dte>{NAME}</dte><dty>0004"), "c1");
            let body = format!("<!DOCTYPE mrq><mrq><cid>{CALLER}</cid><dte>{NAME}</dte></mrq>");
            unit.say_as("", body.as_bytes(), None);
        };
        tokio::task::spawn_blocking(say).await.unwrap();
        self.until(serving, "the unit's text", |it| {
            it["details"]["device"].as_str().is_some_and(|it| it.starts_with("x-"))
                && it["live"]["text"].as_str().is_some_and(|text| text.contains(NAME))
        })
        .await;
    }

    async fn exchange(&self, serving: &Serving) {
        let joined = exchanges::event("QueueCallerJoin", "doegnvagt", "1795310040.4", CALLER);
        let joined = format!("{}\nCallerIDName: {CALLER_NAME}\n\n", joined.trim_end());
        self.exchange.say.send(joined.replace('\n', "\r\n").into_bytes()).await.unwrap();
        self.until(serving, "the call", |it| {
            it["details"]["call"] == "1795310040.4" && it["live"]["caller"] == CALLER
        })
        .await;
    }

    async fn queue_log(&self, serving: &Serving) {
        let at = Clock::system().now().timestamp();
        let lines = format!(
            "{at}|{at}.7|doegnvagt|NONE|ENTERQUEUE||{CALLER}|1\n{at}|{at}.7|doegnvagt|NONE|ABANDON|1|1|9\n"
        );
        let mut log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.theirs.path().join("queue_log"))
            .unwrap();
        std::io::Write::write_all(&mut log, lines.as_bytes()).unwrap();
        let call = format!("{at}.7");
        self.until(serving, "the call of the exchange's log", |it| it["details"]["call"] == call.as_str())
            .await;
    }

    async fn medcom_folder(&self) {
        let inbox = self.theirs.path().join("advis");
        let name = format!("{}-{}.json", messages::CPR, uuid());
        std::fs::write(inbox.join(&name), messages::discharge("h2").json().to_string()).unwrap();
        std::fs::write(inbox.join("halv.json"), format!("{{\"name\": \"{NAME} {CPR}\"")).unwrap();
        let is_taken = || !inbox.join(&name).exists() && !inbox.join("halv.json").exists();
        wait_for("the messages to be taken", || async { if is_taken() { Ok(()) } else { Err("there") } })
            .await;
    }

    async fn route_list(&self, serving: &Serving) {
        let at = vagttavle::domain::calendar::local(Clock::system().now() + chrono::TimeDelta::hours(1));
        let at = at.format("%d.%m.%Y %H:%M");
        let list = format!(
            "Besøgs-ID;Borger;Navn;Hjælp;Start;Status\nrute-1;c-1;{ON_A_LIST};Personlig pleje;{at};Planlagt\n\
             rute-2;{CPR};{NAME};Personlig pleje;{at};Planlagt\nrute-3;c-3;{NAME};{ON_A_LIST};{CPR};{CALLER}\n"
        );
        let file = self.theirs.path().join("ruter").join(format!("{CPR} rute.csv"));
        std::fs::write(file.with_extension("part"), list).unwrap();
        std::fs::rename(file.with_extension("part"), &file).unwrap();
        wait_for("the list to be taken", || async {
            if file.exists() { Err("it is there") } else { Ok(()) }
        })
        .await;
        self.until(serving, "the row that cannot be read", |it| it["details"]["source"] == "ruter").await;
    }

    async fn care_system(&self, serving: &Serving) {
        let at = Clock::system().now() - chrono::TimeDelta::hours(1);
        self.double.row(LIST, 71, "Udskrivningsadvis", &at.to_rfc3339(), 12384);
        self.until(serving, "the discharge", |it| {
            it["board"] == "discharges" && it["citizen"] == "nexus-12384"
        })
        .await;
    }

    async fn desk(&self, serving: &Serving) {
        self.alarm(serving).await;
        let token = self.home.path("anna.token").display().to_string();
        let desk = Start::new(&["desk", "--server", &serving.base, "--token-file", &token])
            .env("HOME", &self.home.path("desk-home").display().to_string())
            .open();
        desk.until("has the citizen's name", |seen| seen.has(NAME) || seen.has("Kanarie"));
        // The alarm is the worst there is.
        desk.send("\x1bOS");
        desk.press("n", "Teksten skrives i omsorgssystemet");
        desk.paste(NOTED);
        desk.until("has the note", |seen| seen.has("Kanarie"));
        desk.send("\x1b[21~");
        desk.until("is done", |seen| !seen.has("Teksten skrives i omsorgssystemet"));
        desk.signal(Signal::ABORT);
        assert!(!desk.ended().core_dumped());
    }

    async fn command_line(&self, serving: &Serving) {
        let alarm = self.alarm(serving).await;
        let way = format!("--server {} --token-file anna.token", serving.base);
        let number = &alarm["number"];
        assert!(self.home.run(&format!("show {number} --json {way}")).good().contains(NAME));
        self.home.run(&format!("list {way}")).good();
        for id in [NAME, CPR, CALLER] {
            let mut command = self.home.command("closed");
            assert!(command.args(["--id", id]).args(way.split(' ')).output().unwrap().status.success());
        }
        let say = |last: &str, words: &[&str]| {
            let mut command = self.home.command(&format!("do {number} {last}"));
            command.args(words).args(way.split(' ')).output().unwrap()
        };
        // A text on a command line would stay in the shell's history: it is not taken.
        assert!(!say("note", &[&format!("text={NOTED}")]).status.success());
        // Texts where none belong.
        assert!(!say("close", &[&format!("outcome={NAME}")]).status.success());
        self.home.run(&format!("open discharge expected_at=14:00 told_by={CALLER} {way}"));
        self.home.run(&format!("unit +45{CALLER} --data {{data}} --config server.toml")).good();
    }
}

/// The answer repeats nothing of what it was given.
#[track_caller]
fn no_canary_in(answer: &Value) {
    let text = answer.to_string();
    for canary in canaries() {
        assert!(!text.contains(&canary), "{canary} in {text}");
    }
}

/// Where eight digits are somebody's number. Elsewhere they are another system's id, and are kept.
const OF_A_TELEPHONE: [&str; 4] = ["/device", "/caller", "/caller_name", "/text"];

/// The body once for each text in it and each canary, with that text as the canary.
fn with_each_text_a_canary(body: &Value) -> Vec<Value> {
    let mut places = Vec::new();
    texts_below(body, String::new(), &mut places);
    let all = places.iter().flat_map(|place| [NAME, CPR, CALLER].map(|canary| (place, canary)));
    let is_somebodys = |place: &str| OF_A_TELEPHONE.iter().any(|field| place.ends_with(field));
    let all = all.filter(|(place, canary)| *canary != CALLER || is_somebodys(place));
    let with = |(place, canary): (&String, &str)| {
        let mut body = body.clone();
        *body.pointer_mut(place).unwrap() = canary.into();
        body
    };
    all.map(with).collect()
}

/// Where texts are. What kind it is says which fields there are: that stays.
fn texts_below(value: &Value, at: String, places: &mut Vec<String>) {
    match value {
        Value::String(_) if !at.ends_with("/type") => places.push(at),
        Value::Object(fields) => {
            fields.iter().for_each(|(name, it)| texts_below(it, format!("{at}/{name}"), places));
        }
        Value::Array(all) => {
            all.iter().enumerate().for_each(|(nth, it)| texts_below(it, format!("{at}/{nth}"), places));
        }
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_citizen_who_comes_in_by_every_way_rests_nowhere() {
    let mut night = Night::begin().await;
    let mut serving = night.serve().await;
    night.document = serving.get("/openapi.json", "").await.body;
    let paths = night.document["paths"].as_object().unwrap();
    let posted: BTreeSet<&str> = paths
        .iter()
        .filter(|(_, about)| about.get("post").is_some())
        .map(|(path, _)| path.as_str())
        .collect();
    assert_eq!(posted, POSTED.iter().map(|(path, _)| *path).collect(), "a new path is a new way");
    night.exchange.until_listed().await;
    for way in Way::VARIANTS.iter().copied() {
        night.feed(way, &serving).await;
        assert_eq!(leaks(&night.home.path(""), &canaries()), Vec::<String>::new(), "after {way:?}");
    }
    let settings: Settings = toml::from_str("").unwrap();
    let mut all = ways_of(&settings);
    all.extend(POSTED.iter().filter_map(|(_, way)| *way));
    all.extend([Way::Desk, Way::CommandLine]);
    assert_eq!(night.fed, all, "each way was gone");
    assert!(!is_given_a_citizen(&cli::Command::Man));

    // Killed, crashed with a core asked for, ended: with what was alive in its memory each time. (A SEGV that somebody sends
    // is passed over once by the standard library's handler.)
    for end in [Signal::KILL, Signal::ABORT, Signal::ILL] {
        let pid = Pid::from_raw(i32::try_from(serving.id()).unwrap()).unwrap();
        kill_process(pid, end).unwrap();
        let status = serving.ended();
        assert!(status.signal().is_some() && !status.core_dumped(), "{end:?}: {status:?}");
        assert_eq!(leaks(&night.home.path(""), &canaries()), Vec::<String>::new(), "after {end:?}");
        serving = night.serve().await;
        night.alarm(&serving).await;
    }
    assert!(serving.terminate().success());
    night.home.run(&format!("backup {} --data {{data}}", night.home.path("kopi").display())).good();
    night.home.run("verify --data {data}").good();
    assert_eq!(leaks(&night.home.path(""), &canaries()), Vec::<String>::new(), "ended");
    let log = std::fs::read_to_string(night.home.path("stderr.log")).unwrap();
    for secret in [night.anna.as_str(), &night.source, CLIENT_SECRET, "hemmelig"] {
        assert!(!log.contains(secret), "a secret is in the log");
    }
    assert!(!log.contains("panicked"), "{log}");
}
