//! Stopped and started, killed and started: what was acknowledged is there, once.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::process::{Home, Serving};
use crate::world::{Answer, Folder, Setup, TestServer, find, observation_at, uuid};

/// The board without what goes with the clock and with memory.
fn lasting(board: &Value) -> Value {
    let mut entries = board["entries"].as_array().unwrap().clone();
    for entry in &mut entries {
        let fields = entry.as_object_mut().unwrap();
        for gone in ["attention", "live", "actions"] {
            fields.remove(gone);
        }
    }
    entries.sort_by_key(|entry| entry["id"].to_string());
    json!({ "sequence": board["sequence"], "entries": entries, "ledgers": board["ledgers"], "answering": board["answering"] })
}

async fn some_night(server: &TestServer) {
    for n in 0..5 {
        let entry = server.alarm(&format!("a-{n}")).await;
        let command = match n {
            0 => json!({ "type": "claim" }),
            1 => json!({ "type": "respond", "with": "nurse" }),
            2 => json!({ "type": "redirect", "to": "municipal-unit" }),
            3 => json!({ "type": "close", "outcome": "helped" }),
            _ => continue,
        };
        server.act("anna", &entry, command).await.done();
        server.missed_call(&format!("c-{n}")).await;
    }
}

#[tokio::test]
async fn after_a_restart_the_board_is_the_same() {
    let folder = Folder::new();
    let server = Setup::sqlite(&folder).start().await;
    some_night(&server).await;
    let before = lasting(&server.board("anna").await);
    let next = Setup::sqlite(&folder).people_of(&server);
    server.stop().await;
    let server = next.start().await;
    assert_eq!(lasting(&server.board("anna").await), before);
    some_other_round(&server).await;
    server.stop().await;
}

/// Numbers, versions and timers go on where they were.
async fn some_other_round(server: &TestServer) {
    let entry = server.alarm("after").await;
    server.act("bo", &entry, json!({ "type": "claim" })).await.done();
}

#[tokio::test]
async fn live_data_is_gone_after_a_restart_says_where_to_look_and_comes_back() {
    let folder = Folder::new();
    let server = Setup::sqlite(&folder).start().await;
    let waiting = json!({ "type": "call-waiting", "call": "1795325932.4", "queue": "q", "caller": "70200100", "caller_name": "Agnete" });
    let item = observation_at(server.now(), Some("jammerbugt"), waiting);
    let id = server.observe(item.clone()).await["entry"].as_str().unwrap().to_owned();
    let live = server.entry("anna", &id).await["live"].clone();
    assert_eq!((&live["caller"], &live["look"]), (&json!("70200100"), &Value::Null));
    let next = Setup::sqlite(&folder).people_of(&server);
    server.stop().await;
    let server = next.start().await;
    let live = server.entry("anna", &id).await["live"].clone();
    assert!(live["caller"].is_null(), "{live}");
    let look = (&live["look"]["place"], &live["look"]["source"], &live["look"]["id"]);
    assert_eq!(look, (&json!("exchange-call"), &json!("central"), &json!("1795325932.4")));
    let again = server.observe(item).await;
    assert_eq!((&again["outcome"], again["entry"].as_str()), (&json!("repeat"), Some(id.as_str())));
    let live = server.entry("anna", &id).await["live"].clone();
    assert_eq!((&live["caller"], &live["caller_name"]), (&json!("70200100"), &json!("Agnete")));
    server.stop().await;
}

/// Posts alarms and claims until the server is gone; what was acknowledged.
async fn post_until_gone(
    serving: &Serving,
    source: &str,
    person: &str,
    round: usize,
    acked: &mut BTreeMap<String, Value>,
) {
    for n in 0.. {
        let alarm = format!("alarm-{round}-{n}");
        let at = vagttavle::clock::Clock::system().now();
        let items = json!([{ "key": alarm, "at": at, "agreement": "jammerbugt", "observation": { "type": "alarm-raised", "alarm": alarm } }]);
        let Ok(answer) = serving.post("/v1/observations", source, &items).await else { return };
        if answer.status != 200 {
            continue;
        }
        let entry = answer.body[0]["entry"].clone();
        acked.insert(alarm.clone(), json!({ "entry": entry }));
        let command = json!({ "id": alarm, "entry": entry, "command": { "type": "claim" } });
        let Ok(answer) = serving.post("/v1/commands", person, &command).await else { return };
        if answer.status == 200 {
            acked.get_mut(&alarm).unwrap()["claim"] = answer.body["sequence"].clone();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_everything_acknowledged_is_there_once() {
    let home = Home::new();
    let (source, anna) =
        (home.add("central", "source", "jammerbugt"), home.add("anna", "coordinator", "jammerbugt"));
    let mut acked = BTreeMap::new();
    for round in 0..4_usize {
        let mut serving = home.serve("");
        let pid = serving.id().to_string();
        let enough = acked.len() + 4 + round * 3;
        // Killed from beside, in the middle of whatever it does.
        tokio::select! {
            () = post_until_gone(&serving, &source, &anna, round, &mut acked) => {}
            () = tokio::time::sleep(std::time::Duration::from_millis(150 + 70 * round as u64)) => {}
        }
        assert_eq!(pid, serving.id().to_string());
        serving.kill();
        assert!(acked.len() + 20 > enough);
    }
    assert!(acked.len() > 4, "nothing was acknowledged: {acked:?}");
    let mut serving = home.serve("");
    let board = serving.get("/v1/board", &anna).await.body;
    for (alarm, said) in &acked {
        let there: Vec<&Value> = board["entries"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|it| it["details"]["alarm"] == alarm.as_str())
            .collect();
        assert_eq!(there.len(), 1, "{alarm}");
        assert_eq!(there[0]["id"], said["entry"], "{alarm}");
        if said["claim"].is_u64() {
            let command = json!({ "id": alarm, "entry": said["entry"], "command": { "type": "claim" } });
            let again = serving.post("/v1/commands", &anna, &command).await.unwrap();
            assert_eq!((again.status, &again.body["sequence"]), (200, &said["claim"]), "{alarm}: {again:?}");
        }
        let repeat = serving.observe(&source, alarm, json!({ "type": "alarm-raised", "alarm": alarm })).await;
        assert_eq!((&repeat["outcome"], &repeat["entry"]), (&json!("repeat"), &said["entry"]), "{alarm}");
    }
    assert!(serving.terminate().success());
    assert!(home.run("verify --data {data}").good().contains("hel"));
}

#[tokio::test]
async fn a_second_server_on_the_same_folder_is_refused_and_the_first_goes_on() {
    let home = Home::new();
    let anna = home.add("anna", "coordinator", "jammerbugt");
    let mut serving = home.serve("");
    home.run("serve --data {data} --listen 127.0.0.1:0")
        .refused(&["Loggen åbnes ikke", "en anden server (proces"]);
    home.run("verify --data {data}").refused(&["Loggen åbnes ikke", "en anden server (proces"]);
    assert_eq!(serving.get("/v1/board", &anna).await.status, 200);
    let port = serving.base.rsplit(':').next().unwrap().to_owned();
    let other = Home::new();
    other
        .run(&format!("serve --data {{data}} --listen 127.0.0.1:{port}"))
        .refused(&["Kan ikke lytte på", &port]);
    assert!(!other.data().join("log.db").exists(), "nothing was made before the address was had");
    assert!(serving.terminate().success(), "ends well when told to");
}

/// A witness elsewhere sees what every command appends, and every command sees what it knows.
#[tokio::test]
async fn a_witness_that_the_settings_name_is_heeded_by_every_command() {
    let home = Home::new();
    let folder = home.data().parent().unwrap().to_owned();
    let config = folder.join("server.toml");
    std::fs::write(&config, "witness = \"elsewhere\"\n").unwrap();
    let at = format!("--data {{data}} --config {}", config.display());
    home.run(&format!("user add anna --role viewer --agreement jammerbugt {at}")).good();
    assert!(folder.join("elsewhere").is_dir());
    assert!(!vagttavle::store::folder::default_witness(&home.data()).exists());
    assert!(home.run(&format!("verify {at}")).good().contains("hel"));
    // A copy of the log from before: it verifies in itself, and only the witness knows that something is missing.
    let copy = folder.join("before.copy");
    home.run(&format!("backup {} {at}", copy.display())).good();
    home.run(&format!("user add bo --role viewer --agreement jammerbugt {at}")).good();
    for file in ["log.db", "log.db-wal", "log.db-shm"] {
        let _ = std::fs::remove_file(home.data().join(file));
    }
    std::fs::copy(&copy, home.data().join("log.db")).unwrap();
    home.run(&format!("verify {at}")).refused(&["Loggen er beskadiget", "vagttavle restore"]);
}

/// A copy that was cut short has not taken the log's name: it can be made again.
#[tokio::test]
async fn a_restore_that_was_cut_short_is_made_again() {
    let home = Home::new();
    home.add("anna", "viewer", "jammerbugt");
    let folder = home.data().parent().unwrap().to_owned();
    let (copy, new) = (folder.join("a.copy"), folder.join("new"));
    home.run(&format!("backup {} --data {{data}}", copy.display())).good();
    std::fs::DirBuilder::new().create(&new).unwrap();
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::write(
        new.join("log.db.restoring"),
        "half of a copy, and longer than a whole one? ".repeat(20_000),
    )
    .unwrap();
    std::fs::set_permissions(new.join("log.db.restoring"), std::fs::Permissions::from_mode(0o600)).unwrap();
    home.run(&format!("restore {} --data {}", copy.display(), new.display())).good();
    assert!(!new.join("log.db.restoring").exists());
    assert!(home.run(&format!("user list --data {}", new.display())).good().contains("anna"));
}

#[tokio::test]
async fn people_are_administered_with_and_without_a_server() {
    let home = Home::new();
    assert!(home.run("user list --data {data}").good().contains("Ingen har adgang endnu"));
    let anna = home.add("anna", "coordinator", "jammerbugt norddjurs");
    assert_eq!(anna.len(), 64, "a token alone: {anna}");
    home.run("user add anna --role viewer --agreement jammerbugt --data {data}")
        .refused(&["Navnet er i brug"]);
    home.run("user add bo --role viewer --agreement atlantis --data {data}").refused(&["atlantis"]);
    let serving = home.serve("");
    let socket = std::fs::metadata(home.data().join("admin.sock")).unwrap();
    assert_eq!(socket.permissions().mode() & 0o777, 0o600);
    let bo = home.add("bo", "coordinator", "jammerbugt");
    assert_eq!(serving.get("/v1/me", &bo).await.body["name"], "bo");
    let list = home.run("user list --data {data}").good();
    assert!(
        list.contains("anna\tcoordinator\tjammerbugt,norddjurs\n")
            && list.contains("bo\tcoordinator\tjammerbugt\n"),
        "{list}"
    );
    assert!(home.run("user revoke bo --data {data}").good().contains("bo"));
    serving.get("/v1/board", &bo).await.is_problem(401, "not-signed-in", "");
    assert_eq!(serving.get("/v1/board", &anna).await.status, 200);
    home.run("user revoke bo --data {data}").refused(&[]);
    home.run("user revoke cai --data {data}").refused(&[]);
    drop(serving);
    assert!(home.run("user list --data {data}").good().contains("uden adgang"));
    home.run("user revoke anna --data {data}").good();
    let serving = home.serve("");
    serving.get("/v1/board", &anna).await.is_problem(401, "not-signed-in", "");
}

#[test]
fn folders_and_files_that_others_may_read_are_refused_with_what_to_do() {
    let home = Home::new();
    home.add("anna", "coordinator", "jammerbugt");
    let set = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap()
    };
    set(&home.data(), 0o755);
    home.run("serve --data {data} --listen 127.0.0.1:0").refused(&["chmod 700"]);
    home.run("user list --data {data}").refused(&["chmod 700"]);
    set(&home.data(), 0o700);
    set(&home.data().join("log.db"), 0o644);
    home.run("serve --data {data} --listen 127.0.0.1:0").refused(&["chmod 600"]);
    set(&home.data().join("log.db"), 0o600);
    drop(home.serve(""));
}

#[test]
fn what_serve_cannot_do_it_refuses_plainly() {
    let home = Home::new();
    home.run("serve --database postgres://localhost/vagt")
        .refused(&["PostgreSQL kommer i en senere udgave", "--data"]);
    home.run("serve --database mysql://localhost/vagt").refused(&["Ukendt database"]);
    home.run("serve --data {data} --listen 0.0.0.0:0").refused(&["loopback"]);
    home.run("serve --data {data} --config nowhere.toml").refused(&["nowhere.toml"]);
    home.write("a.toml", "listen = \"127.0.0.1:0\"\n\n[care]\nadaptor = \"demo\"\n");
    home.run("serve --data {data} --config a.toml").refused(&[
        "a.toml",
        "linje 4",
        "adaptor",
        "Mente du adapter?",
    ]);
    home.write("b.toml", "[[ami]]\nname = \"central\"\naddres = \"x\"\n");
    home.run("serve --data {data} --config b.toml").refused(&["b.toml", "linje 3", "Mente du address?"]);
    home.write("c.toml", "[care]\nadapter = \"dmo\"\n");
    home.run("serve --data {data} --config c.toml").refused(&["c.toml", "linje 2", "Mente du demo?"]);
    home.write("d.toml", "listen = \n");
    home.run("serve --data {data} --config d.toml").refused(&["d.toml", "linje 1"]);
    assert!(!home.data().join("log.db").exists(), "nothing was made");
}

#[tokio::test]
async fn a_copy_of_the_running_log_can_be_put_elsewhere_and_holds_everything() {
    let home = Home::new();
    let (source, anna) =
        (home.add("central", "source", "jammerbugt"), home.add("anna", "coordinator", "jammerbugt"));
    let serving = home.serve("");
    let receipt = serving.observe(&source, "k", json!({ "type": "alarm-raised", "alarm": "a" })).await;
    home.run("backup copy.db --data {data}").good();
    home.run("backup copy.db --data {data}").refused(&[]);
    home.run("restore copy.db --data {data}").refused(&["har allerede en log"]);
    drop(serving);
    home.run("restore copy.db --data elsewhere").good();
    let mut command = home.command("serve --data elsewhere --listen 127.0.0.1:0");
    command.env("VAGTTAVLE_LOG", "warn");
    let serving = Serving::start(command, &home.path("stderr.log"));
    let board = serving.get("/v1/board", &anna).await.body;
    assert!(!find(&board, receipt["entry"].as_str().unwrap()).is_null(), "{board}");
    let unused: Answer = serving
        .post(
            "/v1/commands",
            &anna,
            &json!({ "id": uuid(), "entry": receipt["entry"], "command": { "type": "claim" } }),
        )
        .await
        .unwrap();
    unused.done();
}
