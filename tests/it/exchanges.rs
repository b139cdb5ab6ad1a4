//! Two telephone exchanges at once, through the real binary: equal call ids and equal names of queues are never mixed.

use std::io::Write;
use std::sync::{Arc, Mutex};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use vagttavle::clock::Clock;

use crate::process::Home;
use crate::world::wait_for;

/// Every action that may be sent: none of them changes anything in an exchange.
const ALLOWED: [&str; 5] = ["Challenge", "Login", "Ping", "QueueStatus", "Logoff"];

/// An exchange as far as its manager interface goes.
pub struct Exchange {
    pub port: u16,
    /// Sent to whoever is connected.
    pub say: mpsc::Sender<Vec<u8>>,
    /// Names of the actions that came.
    asked: Arc<Mutex<Vec<String>>>,
    /// The list of queues was asked for and told so many times.
    listed: watch::Receiver<u32>,
}

impl Exchange {
    /// `members` are told in each list: (queue, interface, paused).
    pub async fn start(members: &'static [(&'static str, &'static str, bool)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (say, mut texts) = mpsc::channel::<Vec<u8>>(16);
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (told, listed) = watch::channel(0);
        let heard = asked.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serve(stream, members, &mut texts, &heard, &told).await;
            }
        });
        Self { port, say, asked, listed }
    }

    pub async fn until_listed(&mut self) {
        self.listed.wait_for(|times| *times > 0).await.unwrap();
    }

    async fn send(&self, text: &str) {
        self.say.send(text.replace('\n', "\r\n").into_bytes()).await.unwrap();
    }
}

async fn serve(
    stream: TcpStream,
    members: &[(&str, &str, bool)],
    texts: &mut mpsc::Receiver<Vec<u8>>,
    asked: &Mutex<Vec<String>>,
    told: &watch::Sender<u32>,
) {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    writer.write_all(b"Asterisk Call Manager/11.0.0\r\n").await.unwrap();
    let (mut action, mut id) = (String::new(), String::new());
    loop {
        tokio::select! {
            text = texts.recv() => {
                let Some(text) = text else { return };
                if writer.write_all(&text).await.is_err() { return }
            }
            line = lines.next_line() => {
                let Ok(Some(line)) = line else { return };
                match line.split_once(": ") {
                    Some(("Action", name)) => name.clone_into(&mut action),
                    Some(("ActionID", name)) => name.clone_into(&mut id),
                    Some(_) => {}
                    None => {
                        asked.lock().unwrap().push(action.clone());
                        let answer = answer(&action, &id, members);
                        if writer.write_all(answer.as_bytes()).await.is_err() { return }
                        told.send_modify(|times| *times += u32::from(action == "QueueStatus"));
                    }
                }
            }
        }
    }
}

fn answer(action: &str, id: &str, members: &[(&str, &str, bool)]) -> String {
    let text = match action {
        "Challenge" => format!("Response: Success\nActionID: {id}\nChallenge: 1234\n\n"),
        "Login" => {
            format!("Response: Success\nActionID: {id}\n\nEvent: FullyBooted\nPrivilege: system,all\n\n")
        }
        "QueueStatus" => {
            let mut text = format!("Response: Success\nActionID: {id}\nEventList: start\n\n");
            for queue in ["doegnvagt", "noedkald"] {
                text.push_str(&format!("Event: QueueParams\nQueue: {queue}\nActionID: {id}\n\n"));
            }
            for (queue, interface, paused) in members {
                let paused = u8::from(*paused);
                text.push_str(&format!(
                    "Event: QueueMember\nQueue: {queue}\nLocation: {interface}\nStatus: 1\nPaused: {paused}\nActionID: {id}\n\n"
                ));
            }
            text + &format!("Event: QueueStatusComplete\nActionID: {id}\n\n")
        }
        _ => format!("Response: Success\nActionID: {id}\nPing: Pong\n\n"),
    };
    text.replace('\n', "\r\n")
}

pub fn event(name: &str, queue: &str, call: &str, caller: &str) -> String {
    format!("Event: {name}\nQueue: {queue}\nUniqueid: {call}\nCallerIDNum: {caller}\n\n")
}

pub fn settings(name: &str, port: u16, agreement: &str) -> String {
    format!(
        "[[ami]]\nname = \"{name}\"\naddress = \"127.0.0.1:{port}\"\nuser = \"vagt-laes\"\nsecret_file = \"ami.secret\"\n\
         queues = {{ doegnvagt = {{ kind = \"phone\", agreements = [\"{agreement}\"] }}, noedkald = {{ kind = \"alarm\", agreements = [\"{agreement}\"] }} }}\n"
    )
}

/// `exchange board state agreement caller` of each entry of a call, sorted; the source is known by its agreement.
fn shown(board: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let line = |entry: &Value| {
        let caller = text(&entry["live"]["caller"]);
        format!("{} {} {} {caller}", text(&entry["agreement"]), text(&entry["board"]), text(&entry["state"]))
    };
    let entries = board["entries"].as_array().unwrap();
    let is_call = |entry: &&Value| ["phone", "alarms"].contains(&entry["board"].as_str().unwrap());
    let mut lines: Vec<String> = entries.iter().filter(is_call).map(line).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn equal_call_ids_and_queues_of_two_exchanges_are_two_calls_and_two_queues() {
    let mut one = Exchange::start(&[("doegnvagt", "PJSIP/1", false), ("noedkald", "PJSIP/1", false)]).await;
    let mut two = Exchange::start(&[("doegnvagt", "PJSIP/1", true), ("noedkald", "PJSIP/2", false)]).await;
    let home = Home::new();
    home.write("ami.secret", "hemmelig");
    let text = settings("by", one.port, "jammerbugt") + &settings("land", two.port, "norddjurs");
    home.write("server.toml", &text);
    let (anna, nora) = (home.add("anna", "viewer", "jammerbugt"), home.add("nora", "viewer", "norddjurs"));
    let mut serving = home.serve("--config server.toml");
    one.until_listed().await;
    two.until_listed().await;

    // The same ids at the same time: what becomes of one says nothing about the other.
    for (queue, call) in [("doegnvagt", "1795310040.4"), ("noedkald", "1795310040.5")] {
        one.send(&event("QueueCallerJoin", queue, call, "20304050")).await;
        two.send(&event("QueueCallerJoin", queue, call, "20304099")).await;
    }
    one.send(&event("QueueCallerLeave", "doegnvagt", "1795310040.4", "20304050")).await;
    one.send(&event("AgentConnect", "doegnvagt", "1795310040.4", "20304050")).await;
    two.send(&event("QueueCallerAbandon", "doegnvagt", "1795310040.4", "20304099")).await;
    two.send(&event("QueueCallerAbandon", "noedkald", "1795310040.5", "20304099")).await;
    one.send("Event: QueueMemberPause\nQueue: noedkald\nInterface: PJSIP/1\nStatus: 1\nPaused: 1\n\n").await;
    let of_one = ["jammerbugt alarms raised 20304050", "jammerbugt phone answered -"];
    let of_two = ["norddjurs alarms unanswered 20304099", "norddjurs phone missed 20304099"];
    let on_duty = |board: &Value| -> Vec<(String, u64, u64)> {
        let queues = board["sources"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|it| it["queues"].as_array().cloned().unwrap_or_default());
        let counts = |it: Value| {
            (
                it["queue"].as_str().unwrap().to_owned(),
                it["on_duty"].as_u64().unwrap(),
                it["paused"].as_u64().unwrap(),
            )
        };
        queues.map(counts).collect()
    };
    for (token, calls, staff) in [
        (&anna, of_one, [("doegnvagt", 1, 0), ("noedkald", 0, 1)]),
        (&nora, of_two, [("doegnvagt", 0, 1), ("noedkald", 1, 0)]),
    ] {
        let staff = staff.map(|(queue, on, paused)| (queue.to_owned(), on, paused));
        wait_for("each to end as it did at its own exchange", || async {
            let board = serving.get("/v1/board", token).await.body;
            if shown(&board) == calls && on_duty(&board) == staff { Ok(()) } else { Err(board) }
        })
        .await;
    }

    // Nothing but login, pings and questions was ever sent.
    assert!(serving.terminate().success());
    for exchange in [&one, &two] {
        let asked = exchange.asked.lock().unwrap().clone();
        assert!(asked.len() >= 3, "{asked:?}");
        assert!(asked.iter().all(|action| ALLOWED.contains(&action.as_str())), "{asked:?}");
    }
}

#[tokio::test]
async fn a_caller_s_name_in_any_encoding_is_shown_clean_and_delays_nothing() {
    let mut exchange = Exchange::start(&[]).await;
    let home = Home::new();
    home.write("ami.secret", "hemmelig");
    home.write("server.toml", &settings("by", exchange.port, "jammerbugt"));
    let anna = home.add("anna", "viewer", "jammerbugt");
    let serving = home.serve("--config server.toml");
    exchange.until_listed().await;
    // As events have them: escaped, with bytes that are no UTF-8, cut in the middle of a letter, with codes for a
    // terminal and for writing backwards.
    let names: [(&[u8], &str); 5] = [
        (b"Bo \\\"Bob\\\" \\\\ Bak", "Bo \"Bob\" \\ Bak"),
        (b"J\xf8rgen \xc5se", "J\u{fffd}rgen \u{fffd}se"),
        (b"S\xc3\xb8ren \xc3", "S\u{f8}ren \u{fffd}"),
        (b"\x1b[31mR\xe2\x80\xaeK\x07", "^[[31mR<U+202E>K^G"),
        (b"\\t \\n", "^I ^J"),
    ];
    for (nth, (name, _)) in names.iter().enumerate() {
        let head = event("QueueCallerJoin", "doegnvagt", &format!("1795310040.{nth}"), "20304050");
        let mut bytes = head.trim_end().replace('\n', "\r\n").into_bytes();
        bytes.extend_from_slice(b"\r\nCallerIDName: ");
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(b"\r\n\r\n");
        exchange.say.send(bytes).await.unwrap();
    }
    let wanted: Vec<&str> = names.iter().map(|(_, shown)| *shown).collect();
    wait_for("all of them to wait, with their names", || async {
        let board = serving.get("/v1/board", &anna).await.body;
        let mut waiting: Vec<&Value> =
            board["entries"].as_array().unwrap().iter().filter(|it| it["board"] == "phone").collect();
        waiting.sort_by_key(|it| it["details"]["call"].as_str().unwrap_or_default().to_owned());
        let shown: Vec<&str> =
            waiting.iter().map(|it| it["live"]["caller_name"].as_str().unwrap_or_default()).collect();
        if shown == wanted { Ok(()) } else { Err(format!("{shown:?} and not {wanted:?}")) }
    })
    .await;
}

#[tokio::test]
async fn a_call_that_began_in_a_packed_old_log_is_known_with_its_number_and_what_is_not_read_is_told() {
    let mut exchange = Exchange::start(&[]).await;
    let home = Home::new();
    home.write("ami.secret", "hemmelig");
    let named = "secret_file = \"ami.secret\"\n";
    let settings = settings("by", exchange.port, "jammerbugt")
        .replace(named, &(named.to_owned() + "queue_log = \"queue_log\"\n"));
    home.write("server.toml", &settings);
    let now_s = Clock::system().now().timestamp();
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    let (phone, alarm) = (format!("{}.1", now_s - 100), format!("{}.2", now_s - 90));
    writeln!(packed, "{}|{phone}|doegnvagt|NONE|ENTERQUEUE||20304050|1", now_s - 100).unwrap();
    writeln!(packed, "{}|{alarm}|noedkald|NONE|ENTERQUEUE||20304051|1", now_s - 90).unwrap();
    writeln!(packed, "{}|{alarm}|noedkald|PJSIP/1|CONNECT|5|x|5", now_s - 85).unwrap();
    let packed = packed.finish().unwrap();
    std::fs::write(home.path("queue_log.1.gz"), &packed).unwrap();
    std::fs::write(home.path("queue_log-20261129.gz"), &packed[..packed.len() / 2]).unwrap();
    std::fs::write(home.path("queue_log.2.xz"), b"\xfd7zXZ\0").unwrap();
    let log = format!(
        "{}|{phone}|doegnvagt|NONE|ABANDON|1|1|60\n{}|{alarm}|noedkald|PJSIP/1|COMPLETEAGENT|5|45|1\n",
        now_s - 40,
        now_s - 40
    );
    home.write("queue_log", &log);
    let anna = home.add("anna", "viewer", "jammerbugt");
    let serving = home.serve("--config server.toml");
    exchange.until_listed().await;
    let calls = ["jammerbugt alarms answered 20304051", "jammerbugt phone missed 20304050"];
    wait_for("both calls, and what was not read", || async {
        let board = serving.get("/v1/board", &anna).await.body;
        let sources = board["sources"].as_array().unwrap();
        let by = sources.iter().find(|it| it["name"] == "by").unwrap();
        let mut unread: Vec<&str> = by["unreadable"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|it| it["what"].as_str().unwrap_or_default())
            .collect();
        unread.sort_unstable();
        let is_told = unread == ["queue-log-old-broken", "queue-log-old-xz"];
        if shown(&board) == calls && is_told { Ok(()) } else { Err(format!("{unread:?} {board:#}")) }
    })
    .await;
}

#[test]
fn a_setting_that_names_an_agreement_not_in_force_stops_the_start() {
    let home = Home::new();
    home.write("ami.secret", "hemmelig");
    let started = |text: &str| {
        home.write("server.toml", text);
        home.run("serve --data {data} --listen 127.0.0.1:0 --config server.toml")
    };
    let said = started(&settings("central", 9, "jammerbukt"));
    said.refused(&["[[ami]] central, queues.doegnvagt.agreements", "jammerbukt", "Mente du jammerbugt?"]);
    let said = started("[medcom]\ndefault_agreement = \"atlantis\"\n");
    said.refused(&["[medcom] default_agreement", "atlantis", "vagttavle agreement adopt", "jammerbugt"]);
    let said = started("[medcom]\nagreement_by_receiver = { \"5790000000000\" = \"nordjurs\" }\n");
    said.refused(&["agreement_by_receiver, \"5790000000000\"", "Mente du norddjurs?"]);
    let said = started(&settings("central", 9, "jammerbugt").replace("[\"jammerbugt\"]", "[]"));
    said.refused(&["central", "agreement"]);
}

#[test]
fn a_source_of_the_settings_does_not_bear_the_name_of_one_with_a_token() {
    let home = Home::new();
    home.write("ami.secret", "hemmelig");
    home.add("central", "source", "jammerbugt");
    home.write("server.toml", &settings("central", 9, "jammerbugt"));
    let said = home.run("serve --data {data} --listen 127.0.0.1:0 --config server.toml");
    said.refused(&["[[ami]] central", "token", "vagttavle user revoke central"]);
}
