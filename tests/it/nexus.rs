//! The real binary with Nexus as its care system: names, notes, lists, pause; what is not set up; what is lost.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::nexus_double::{CLIENT_SECRET, Double, Mode};
use crate::process::{Home, Serving};
use crate::world::{find, wait_for};

const NAME: &str = "Esther Kanariegul";
const CPR: &str = "250947-9989";
pub const LIST: &str = "Vagttavle: udskrevne";

/// Settings of everything, with more of them below `[care]`.
pub fn settings(double: &Double, more: &str) -> String {
    let access = double.access();
    format!(
        "[care]\nadapter = \"nexus\"\nurl = \"{}\"\ntoken_url = \"{}\"\nclient_id = \"{}\"\n\
         secret_file = \"nexus.secret\"\npoll_seconds = 5\n{more}",
        access.url, access.token_url, access.client_id
    )
}

pub const NAMES: &str = "[care.nexus]\ncitizens_link = \"patients\"\ndevice_key_type = \"ALARM\"\n\
    note_form = \"Observation\"\nnote_field = \"Notat\"\nnote_action = \"Aktivt\"\n\
    paused_state = \"Pauseret\"\nactive_state = \"Aktiv\"\n\
    [[care.lists]]\nname = \"Vagttavle: udskrevne\"\nagreement = \"jammerbugt\"\n\
    rows = { \"Udskrivningsadvis\" = \"discharged\" }\n";

struct Night {
    home: Home,
    double: Double,
    serving: Serving,
    central: String,
    anna: String,
}

impl Night {
    async fn begin(more: &str) -> Self {
        let double = Double::start().await;
        double.citizen(12384, NAME, CPR);
        let home = Home::new();
        let central = home.add("central", "source", "jammerbugt");
        let anna = home.add("anna", "coordinator", "jammerbugt");
        home.write("nexus.secret", CLIENT_SECRET);
        home.write("server.toml", &settings(&double, more));
        let serving = Self::serve(&home);
        Self { home, double, serving, central, anna }
    }

    fn serve(home: &Home) -> Serving {
        let mut command = home.command("serve --data {data} --listen 127.0.0.1:0 --config server.toml");
        // As talkative as it can be made.
        command.env("VAGTTAVLE_LOG", "trace");
        Serving::start(command, &home.path("stderr.log"))
    }

    async fn board(&self) -> Value {
        self.serving.get("/v1/board", &self.anna).await.body
    }

    /// An alarm of the citizen's device, once the name is there.
    async fn alarm(&self) -> Value {
        let raised = json!({ "type": "alarm-raised", "alarm": "a-1", "device": "dev-12384" });
        let receipt = self.serving.observe(&self.central, "k-1", raised).await;
        let id = receipt["entry"].as_str().unwrap().to_owned();
        wait_for("the name", || async {
            let entry = find(&self.board().await, &id);
            if entry["live"]["name"] == NAME && entry["citizen"] == "nexus-12384" {
                Ok(entry)
            } else {
                Err(entry)
            }
        })
        .await
    }

    async fn command(&self, entry: &Value, id: &str, command: Value) -> Value {
        let order = json!({ "id": id, "entry": entry["id"], "expected_version": entry["version"], "command": command });
        let answer = self.serving.post("/v1/commands", &self.anna, &order).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.home.path("stderr.log")).unwrap()
    }

    /// Nothing that is somebody's business stands in the log.
    fn log_is_discreet(&self) {
        let log = self.log();
        for secret in
            ["Kanarie", "250947", "2509479989", "Sivsangerstien", "00 00 31 07", CLIENT_SECRET, "t-1\""]
        {
            assert!(!log.contains(secret), "{secret} is in the log");
        }
        assert!(!log.contains("panicked"), "{log}");
    }
}

#[tokio::test]
async fn the_name_stands_on_the_alarm_and_a_note_leaves_a_receipt() {
    let mut night = Night::begin(NAMES).await;
    let entry = night.alarm().await;
    assert_eq!(entry["live"]["address"], "Sivsangerstien 7, 8961 Allingåbro");
    let done = night.command(&entry, "n-1", json!({ "type": "note", "text": "Notat Kanarierød." })).await;
    assert_eq!(done["entry"]["notes"], 1, "{done}");
    let written = night.double.written();
    let text = written[0]["items"][1]["value"].as_str().unwrap();
    assert!(written.len() == 1 && text.starts_with("Notat Kanarierød.\n\n[vagttavle "), "{written:?}");
    let history =
        night.serving.get(&format!("/v1/entries/{}", entry["id"].as_str().unwrap()), &night.anna).await;
    assert!(history.body.to_string().contains("nexus-form-9001"), "{history:?}");

    // Away: the note waits and is counted; then it is written, once.
    night.double.set(Mode::Away);
    let waits = night.command(&entry, "n-2", json!({ "type": "note", "text": "Venter Kanarieblå." })).await;
    assert_eq!(waits["waiting"], true, "{waits}");
    assert_eq!(night.board().await["notes_waiting"], 1);
    night.double.set(Mode::Well);
    wait_for("the note to be written", || async {
        let waiting = night.board().await["notes_waiting"].clone();
        if waiting == 0 { Ok(()) } else { Err(waiting) }
    })
    .await;
    assert_eq!(night.double.written().len(), 2);
    assert!(night.serving.terminate().success());
    night.log_is_discreet();
    assert!(!night.log().contains("er tabt"));
}

#[tokio::test]
async fn a_discharge_from_an_activity_list_stands_on_the_board_once_and_resuming_it_is_told() {
    let double_row = |night: &Night, id: u64| {
        let at = vagttavle::clock::Clock::system().now() - chrono::TimeDelta::hours(1);
        night.double.row(LIST, id, "Udskrivningsadvis", &at.to_rfc3339(), 12384);
    };
    let mut night = Night::begin(NAMES).await;
    night.double.pause(12384);
    double_row(&night, 71);
    let old = json!({ "id": 72, "name": "Udskrivningsadvis", "date": "2026-01-01T00:00:00.000+0000",
                      "patients": [{ "id": 12384 }] });
    night.double.raw_row(LIST, old);
    night.double.raw_row(LIST, json!({ "id": 73, "name": "Udskrivningsadvis" }));
    let entry = wait_for("the discharge", || async {
        let board = night.board().await;
        let found =
            board["entries"].as_array().unwrap().iter().find(|it| it["board"] == "discharges").cloned();
        found.ok_or(board)
    })
    .await;
    assert_eq!((&entry["state"], &entry["citizen"]), (&json!("discharged"), &json!("nexus-12384")));
    assert_eq!(entry["agreement"], "jammerbugt");
    let board = night.board().await;
    let source = board["sources"].as_array().unwrap().iter().find(|it| it["name"] == "nexus").cloned();
    assert_eq!(source.unwrap()["state"], "ok");
    // It is told beside the rows that could be read, not before them.
    wait_for("the row without a date", || async {
        let board = night.board().await;
        let is_trouble = board["entries"].as_array().unwrap().iter().any(|it| it["board"] == "sources");
        if is_trouble { Ok(()) } else { Err(board) }
    })
    .await;

    // Read again and again, also by the next server: it stays one.
    night.serving.kill();
    night.serving = Night::serve(&night.home);
    let reads = night.double.asked_for("/content");
    wait_for("another reading", || async {
        let now = night.double.asked_for("/content");
        if now > reads { Ok(()) } else { Err(now) }
    })
    .await;
    let board = night.board().await;
    let stays = board["entries"].as_array().unwrap().iter().filter(|it| it["board"] == "discharges").count();
    assert_eq!(stays, 1, "{board}");

    assert_eq!(night.double.state_of(12384), "Pauseret");
    let entry = find(&board, entry["id"].as_str().unwrap());
    let done = night.command(&entry, "r-1", json!({ "type": "resume" })).await;
    assert_eq!(done["entry"]["state"], "resumed", "{done}");
    wait_for("Nexus to hear of it", || async {
        let state = night.double.state_of(12384);
        if state == "Aktiv" { Ok(()) } else { Err(state) }
    })
    .await;
    assert!(night.serving.terminate().success());
    night.log_is_discreet();
}

#[tokio::test]
async fn planned_visits_stand_on_the_board_and_are_not_late_by_silence_where_starts_are_not_told() {
    let visits = "[care.visits]\ncitizens_list = \"Vores borgere\"\nagreement = \"jammerbugt\"\n\
        title_field = \"title\"\nhelp = { \"Personlig pleje\" = \"personal\" }\ngrant = \"service\"\n\
        planned_field = \"start\"\n";
    let mut night = Night::begin(&format!("{NAMES}{visits}")).await;
    let at = vagttavle::clock::Clock::system().now() - chrono::TimeDelta::hours(2);
    let event = json!({ "id": 31, "title": "Personlig pleje", "start": at.to_rfc3339() });
    night.double.event(12384, event);
    night.double.row("Vores borgere", 1, "Borger", "2026-11-01T00:00:00Z", 12384);
    let visit = wait_for("the visit", || async {
        let board = night.board().await;
        let found = board["entries"].as_array().unwrap().iter().find(|it| it["board"] == "visits").cloned();
        found.ok_or(board)
    })
    .await;
    assert_eq!((&visit["state"], &visit["citizen"]), (&json!("planned"), &json!("nexus-12384")));
    let board = night.board().await;
    let named =
        |name: &str| board["sources"].as_array().unwrap().iter().find(|it| it["name"] == name).cloned();
    assert_eq!(named("nexus-kalender").unwrap()["state"], "ok");
    assert_eq!(named("nexus-visit-starts").unwrap()["why"], "care-visit-starts");
    assert!(night.serving.terminate().success());
    night.log_is_discreet();
}

const CALENDARS: &str = "[care.visits]\ncitizens_list = \"Vores borgere\"\nagreement = \"jammerbugt\"\n\
    title_field = \"title\"\nhelp = { \"Personlig pleje\" = \"personal\" }\ngrant = \"service\"\n\
    planned_field = \"start\"\nstarted_field = \"actualStart\"\n";

impl Night {
    /// A visit so many minutes from now.
    fn plan(&self, id: u64, minutes: i64) {
        let at = vagttavle::clock::Clock::system().now() + chrono::TimeDelta::minutes(minutes);
        self.double.event(12384, json!({ "id": id, "title": "Personlig pleje", "start": at.to_rfc3339() }));
    }

    /// The visit with this state, as the board shows it.
    async fn until_visit(&self, id: u64, state: &str) -> Value {
        wait_for(&format!("visit {id} to be {state}"), || async {
            let board = self.board().await;
            let is_it = |it: &&Value| it["details"]["visit"] == format!("nexus-event-{id}");
            let found = board["entries"].as_array().unwrap().iter().find(is_it).cloned();
            found.filter(|it| it["state"] == state).ok_or(board)
        })
        .await
    }

    async fn until_gone(&self, id: u64) {
        wait_for(&format!("visit {id} to leave the board"), || async {
            let board = self.board().await;
            let is_it = |it: &Value| it["details"]["visit"] == format!("nexus-event-{id}");
            if board["entries"].as_array().unwrap().iter().any(is_it) { Err(board) } else { Ok(()) }
        })
        .await;
    }
}

#[tokio::test]
async fn a_visit_taken_out_of_the_calendar_leaves_the_board_and_a_late_one_stays_marked() {
    let mut night = Night::begin(&format!("{NAMES}{CALENDARS}")).await;
    night.double.row("Vores borgere", 1, "Borger", "2026-11-01T00:00:00Z", 12384);
    night.plan(31, 180);
    night.plan(32, 200);
    night.plan(33, -90);
    let first = night.until_visit(31, "planned").await;
    night.until_visit(32, "planned").await;
    night.until_visit(33, "late").await;

    // Refused, or not all of it: nothing is taken off the board, and it is said what waits.
    night.double.bar("calendars/12384/events", Some(StatusCode::FORBIDDEN));
    night.double.remove_event(12384, 31);
    wait_for("the refusal to be said", || async {
        let board = night.board().await;
        let sources = board["sources"].as_array().unwrap();
        let source = sources.iter().find(|it| it["name"] == "nexus-kalender").cloned().unwrap();
        if source["why"] == "care-refused" { Ok(()) } else { Err(source) }
    })
    .await;
    night.double.shorten(true);
    night.double.bar("calendars/12384/events", None);
    let reads = night.double.asked_for("/events");
    wait_for("two more readings", || async {
        let now = night.double.asked_for("/events");
        if now > reads + 1 { Ok(()) } else { Err(now) }
    })
    .await;
    night.until_visit(31, "planned").await;

    // Whole: it is gone; put back, it is there again.
    night.double.shorten(false);
    night.until_gone(31).await;
    night.until_visit(32, "planned").await;
    night.plan(31, 180);
    let again = night.until_visit(31, "planned").await;
    assert_eq!(first["id"], again["id"]);
    let path = format!("/v1/entries/{}", first["id"].as_str().unwrap());
    let history = night.serving.get(&path, &night.anna).await;
    assert!(history.body.to_string().contains("\"withdrawn\""), "{history:?}");

    // Somebody may have rung about the late one.
    night.double.remove_event(12384, 33);
    let late = night.until_visit(33, "cancelled").await;
    assert_eq!(
        (&late["details"]["cancelled_by"], &late["attention"]["why"]),
        (&json!("withdrawn"), &json!("visit-withdrawn")),
        "{late}"
    );
    assert!(night.serving.terminate().success());
    night.log_is_discreet();
}

#[tokio::test]
async fn a_note_that_waited_and_is_refused_becomes_an_entry_and_is_not_lost_silently() {
    let mut night = Night::begin(NAMES).await;
    let entry = night.alarm().await;
    night.double.set(Mode::Away);
    night.command(&entry, "n-1", json!({ "type": "note", "text": "Afvist Kanariegrå." })).await;
    night.double.remove(12384);
    night.double.set(Mode::Well);
    wait_for("somebody to be told", || async {
        let board = night.board().await;
        let told = |it: &&Value| it["details"]["what"] == "care-note-refused";
        let found = board["entries"].as_array().unwrap().iter().any(|it| told(&it));
        if found && board["notes_waiting"] == 0 { Ok(()) } else { Err(board) }
    })
    .await;
    assert!(night.double.written().is_empty());
    assert!(night.serving.terminate().success());
    night.log_is_discreet();
}

#[tokio::test]
async fn a_server_that_ends_says_how_many_notes_are_lost() {
    let mut night = Night::begin(NAMES).await;
    let entry = night.alarm().await;
    night.double.set(Mode::Away);
    night.command(&entry, "n-1", json!({ "type": "note", "text": "Tabt Kanariehvid." })).await;
    assert!(night.serving.terminate().success());
    let log = night.log();
    assert!(log.contains("\"notes\":1") && log.contains("blev ikke skrevet og er tabt"), "{log}");
    night.log_is_discreet();
}

#[tokio::test]
async fn what_is_not_set_up_is_said_at_the_start_among_the_sources_and_by_the_doctor() {
    let mut night = Night::begin("").await;
    let raised = json!({ "type": "alarm-raised", "alarm": "a-1", "device": "dev-12384" });
    let receipt = night.serving.observe(&night.central, "k-1", raised).await;
    let board = night.board().await;
    let off: Vec<&str> = board["sources"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["kind"] == "care")
        .map(|it| it["why"].as_str().unwrap())
        .collect();
    let abilities = ["citizens", "devices", "lists", "notes", "pause", "visit-starts", "visits"];
    assert_eq!(off, abilities.map(|it| format!("care-{it}")));
    let entry = json!({ "id": receipt["entry"] });
    let note = json!({ "id": "n-1", "entry": entry["id"], "command": { "type": "note", "text": "Tekst" } });
    let refused = night.serving.post("/v1/commands", &night.anna, &note).await.unwrap();
    assert_eq!(refused.body["code"], "care-not-set-up", "{refused:?}");
    assert!(night.serving.terminate().success());
    let log = night.log();
    assert_eq!(log.matches("ikke sat op: ").count(), 7, "{log}");
    assert!(log.contains("ikke sat op: notater til omsorgssystemet (care.nexus.note_form)"), "{log}");
    let doctor = night.home.run("doctor --data {data} --config server.toml").good();
    assert!(doctor.contains("ikke sat op: planlagte besøg (care.visits)"), "{doctor}");
    assert!(night.double.asked().is_empty(), "{:?}", night.double.asked());
}

#[tokio::test]
async fn without_what_is_needed_it_does_not_start_and_says_what() {
    let home = Home::new();
    home.write("nexus.secret", CLIENT_SECRET);
    let serve = "serve --data {data} --listen 127.0.0.1:0 --config server.toml";
    let all = [
        ("url", "\"https://kommune.example/api/\""),
        ("token_url", "\"https://kommune.example/token\""),
        ("client_id", "\"vagttavle\""),
        ("secret_file", "\"nexus.secret\""),
    ];
    for missing in 0..all.len() {
        let given: String =
            all[..missing].iter().map(|(name, value)| format!("{name} = {value}\n")).collect();
        home.write("server.toml", &format!("[care]\nadapter = \"nexus\"\n{given}"));
        let setting = format!("ikke sat op: care.{}", all[missing].0);
        home.run(serve).refused(&[&setting]);
        let doctor = home.run("doctor --config server.toml").good();
        assert!(doctor.contains(&setting), "{doctor}");
    }
    home.write(
        "server.toml",
        "[care]\nadapter = \"nexus\"\nurl = \"http://kommune.example/\"\n\
        token_url = \"https://kommune.example/\"\nclient_id = \"x\"\nsecret_file = \"nexus.secret\"\n",
    );
    home.run(serve).refused(&["care.url skal være en https-adresse"]);
}

#[tokio::test]
async fn switched_off_it_is_said_once_and_not_for_each_alarm() {
    let home = Home::new();
    let central = home.add("central", "source", "jammerbugt");
    let mut serving = home.serve("");
    for n in 0..3 {
        let raised = json!({ "type": "alarm-raised", "alarm": format!("a-{n}"), "device": "dev-1" });
        serving.observe(&central, &format!("k-{n}"), raised).await;
    }
    assert!(serving.terminate().success());
    let log = std::fs::read_to_string(home.path("stderr.log")).unwrap();
    assert_eq!(log.matches("omsorgssystemet").count(), 1, "{log}");
    assert!(!log.contains("care system"), "{log}");
}
