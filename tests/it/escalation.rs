//! A second person is called by the real program: by a command, by a web hook, after a crash; and when it fails it shows.

use std::path::PathBuf;

use serde_json::{Value, json};
use vagttavle::protocol::signature::Claim;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::process::{Home, Serving};
use crate::world::wait_for;

const SECRET: &str = "en hemmelighed paa mindst 32 tegn";

/// Jammerbugt's agreement, with a second for everything that is waited for.
fn hasty(home: &Home) {
    let rules = include_str!("../../src/domain/agreements/jammerbugt.toml")
        .replace("second_person_seconds = { own = 90 }", "second_person_seconds = { own = 1 }")
        .replace("nobody_listening_seconds = { own = 30 }\n", "");
    std::fs::create_dir_all(home.path("agreements")).unwrap();
    home.write("agreements/jammerbugt.toml", &rules);
}

/// A program that a test can look at: it writes what it was called with, a line each time.
fn program(home: &Home, name: &str, then: &str) -> (PathBuf, PathBuf) {
    use std::os::unix::fs::PermissionsExt;
    let said = home.path(&format!("{name}.said"));
    let text =
        format!("#!/bin/sh\nprintf '%s|' \"$@\" >> {0}\nprintf '\\n' >> {0}\n{then}\n", said.display());
    let program = home.write(name, &text);
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    (program, said)
}

fn serve(home: &Home, escalation: &str) -> Serving {
    let text = format!("agreements = \"agreements\"\n[escalation]\n{escalation}\n");
    let config = home.write("server.toml", &text);
    home.serve(&format!("--config {}", config.display()))
}

async fn raise(server: &Serving, token: &str, alarm: &str) -> String {
    let receipt = server
        .observe(token, alarm, json!({ "type": "alarm-raised", "alarm": alarm, "text": "Hemmelig Hansen" }))
        .await;
    receipt["entry"].as_str().unwrap().to_owned()
}

/// The entry, once its escalation has ended.
async fn ended(server: &Serving, token: &str, id: &str) -> Value {
    wait_for("somebody to be called", || async {
        let entry = server.get(&format!("/v1/entries/{id}"), token).await.body["entry"].clone();
        if entry["escalation"]["outcome"].is_string() { Ok(entry) } else { Err(entry) }
    })
    .await
}

#[tokio::test]
async fn a_program_is_called_once_for_an_alarm_nobody_takes_and_learns_nothing_of_the_citizen() {
    let home = Home::new();
    hasty(&home);
    let (anna, central) =
        (home.add("anna", "coordinator", "jammerbugt"), home.add("central", "source", "jammerbugt"));
    let (program, said) = program(&home, "ring-op", "exit 0");
    let server = serve(
        &home,
        &format!("command = [\"{}\", \"{{text}}\", \"{{number}}\", \"{{again}}\"]", program.display()),
    );
    let id = raise(&server, &central, "a-1").await;
    let entry = ended(&server, &anna, &id).await;
    assert_eq!((&entry["escalation"]["outcome"], &entry["escalation"]["times"]), (&json!("sent"), &json!(1)));
    let other = raise(&server, &central, "a-2").await;
    ended(&server, &anna, &other).await;
    let said = std::fs::read_to_string(said).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(
        lines[0].starts_with("Vagttavle: nødkald 1 (Jammerbugt) fra ") && lines[0].ends_with("|1|false|"),
        "{said}"
    );
    assert!(!said.contains("Hansen"), "{said}");
}

#[tokio::test]
async fn a_web_hook_is_signed_and_one_way_that_works_is_enough() {
    let receiver = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(204)).mount(&receiver).await;
    let home = Home::new();
    hasty(&home);
    home.write("escalation.secret", SECRET);
    let (anna, central) =
        (home.add("anna", "coordinator", "jammerbugt"), home.add("central", "source", "jammerbugt"));
    let settings = format!(
        "command = [\"/bin/false\"]\nweb_hook = \"{}/vagt\"\nsecret_file = \"escalation.secret\"",
        receiver.uri()
    );
    let server = serve(&home, &settings);
    let id = raise(&server, &central, "a-1").await;
    assert_eq!(ended(&server, &anna, &id).await["escalation"]["outcome"], "sent");
    let [request] = <[_; 1]>::try_from(receiver.received_requests().await.unwrap()).unwrap();
    let header = |name: &str| request.headers.get(name).unwrap().to_str().unwrap();
    let claim = Claim::parse(header("vagttavle-timestamp"), header("vagttavle-signature")).unwrap();
    assert_eq!(claim.check(SECRET.as_bytes(), &request.body), Ok(()));
    let told: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(
        (&told["id"], &told["why"], &told["state"], &told["agreement"], &told["again"]),
        (&json!(id), &json!("unclaimed"), &json!("raised"), &json!("jammerbugt"), &json!(false))
    );
    assert!(!told.to_string().contains("Hansen"));
    // The way that did not work shows all the same.
    wait_for("the failed way to show", || async {
        let board = server.get("/v1/board", &anna).await.body;
        let shows = board["entries"].as_array().unwrap().iter().any(|it| {
            it["state"] == "failed"
                && it["details"]["source"] == "bagvagt-kommando"
                && it["details"]["what"] == "command-failed"
        });
        if shows { Ok(()) } else { Err(board) }
    })
    .await;
}

/// With these settings nobody is called: the alarm says so, and this way with why, among the sources and as an entry.
async fn fails(home: &Home, settings: &str, way: &str, why: &str) {
    let (anna, central) =
        (home.add("anna", "coordinator", "jammerbugt"), home.add("central", "source", "jammerbugt"));
    let server = serve(home, &format!("{settings}\ntries = 1"));
    let id = raise(&server, &central, "a-1").await;
    let entry = ended(&server, &anna, &id).await;
    assert_eq!(
        (&entry["escalation"]["outcome"], &entry["escalation"]["times"]),
        (&json!("failed"), &json!(1)),
        "{settings}"
    );
    wait_for("it to show", || async {
        let board = server.get("/v1/board", &anna).await.body;
        let source = board["sources"].as_array().unwrap().iter().find(|it| it["name"] == way).cloned();
        let source = source.unwrap_or_default();
        let is_entry = |it: &Value| {
            it["state"] == "failed" && it["details"]["source"] == way && it["details"]["what"] == why
        };
        let shows = board["entries"].as_array().unwrap().iter().any(is_entry);
        if shows && source["state"] == "silent" && source["why"] == why { Ok(()) } else { Err(board) }
    })
    .await;
}

#[tokio::test]
async fn when_nobody_can_be_called_the_alarm_and_source_health_say_so() {
    let home = Home::new();
    hasty(&home);
    fails(&home, "command = [\"/no/such/program\"]", "bagvagt-kommando", "command-missing").await;
}

/// Whether a process is there and not only waits to be forgotten.
fn is_alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['Z', 'X']))
}

#[tokio::test]
async fn a_program_that_hangs_is_ended_with_all_that_it_started() {
    let home = Home::new();
    hasty(&home);
    let pids = home.path("pids");
    let then = format!("sleep 600 &\necho $$ $! > {}\nwait", pids.display());
    let (program, _) = program(&home, "ring-op", &then);
    let settings = format!("command = [\"{}\"]\ntimeout_s = 3", program.display());
    fails(&home, &settings, "bagvagt-kommando", "command-too-slow").await;
    // A machine that was too slow for it to write them has nothing to show.
    let pids = std::fs::read_to_string(pids).unwrap_or_default();
    wait_for("all of it to be gone", || async {
        if pids.split_whitespace().any(is_alive) { Err(pids.clone()) } else { Ok(()) }
    })
    .await;
}

#[tokio::test]
async fn a_program_may_write_what_it_likes_and_one_that_fails_is_called_again() {
    let home = Home::new();
    hasty(&home);
    let (anna, central) =
        (home.add("anna", "coordinator", "jammerbugt"), home.add("central", "source", "jammerbugt"));
    let been = home.path("been");
    let flood = "head -c 20000000 /dev/zero; head -c 20000000 /dev/zero >&2";
    let then = format!("{flood}\n[ -e {0} ] && exit 0\ntouch {0}\nexit 3", been.display());
    let (program, said) = program(&home, "ring-op", &then);
    let server = serve(
        &home,
        &format!("command = [\"{}\", \"{{number}}\"]\ntries = 2\ntimeout_s = 120", program.display()),
    );
    let id = raise(&server, &central, "a-1").await;
    let entry = ended(&server, &anna, &id).await;
    assert_eq!((&entry["escalation"]["outcome"], &entry["escalation"]["times"]), (&json!("sent"), &json!(2)));
    assert_eq!(std::fs::read_to_string(said).unwrap(), "1|\n1|\n");
}

#[tokio::test]
async fn a_web_hook_that_fails_is_asked_again_and_one_that_points_elsewhere_is_not_followed() {
    let receiver = MockServer::start().await;
    let to = |path_: &str| Mock::given(method("POST")).and(path(path_));
    to("/syg").respond_with(ResponseTemplate::new(500)).up_to_n_times(1).mount(&receiver).await;
    to("/syg").respond_with(ResponseTemplate::new(200)).mount(&receiver).await;
    let elsewhere = ResponseTemplate::new(307).insert_header("location", format!("{}/andet", receiver.uri()));
    to("/flyttet").respond_with(elsewhere).mount(&receiver).await;
    to("/andet").respond_with(ResponseTemplate::new(200)).mount(&receiver).await;
    let slow = ResponseTemplate::new(200).set_delay(std::time::Duration::from_secs(600));
    to("/langsom").respond_with(slow).mount(&receiver).await;
    let hook = |path: &str| format!("web_hook = \"{}{path}\"\n", receiver.uri());

    let home = Home::new();
    hasty(&home);
    let (anna, central) =
        (home.add("anna", "coordinator", "jammerbugt"), home.add("central", "source", "jammerbugt"));
    let server = serve(&home, &(hook("/syg") + "tries = 2"));
    let id = raise(&server, &central, "a-1").await;
    let entry = ended(&server, &anna, &id).await;
    assert_eq!((&entry["escalation"]["outcome"], &entry["escalation"]["times"]), (&json!("sent"), &json!(2)));
    drop(server);

    for (path, more, why) in
        [("/flyttet", "", "web-hook-refused"), ("/langsom", "timeout_s = 10", "web-hook-too-slow")]
    {
        let home = Home::new();
        hasty(&home);
        fails(&home, &(hook(path) + more), "bagvagt-web-hook", why).await;
    }
    let asked = receiver.received_requests().await.unwrap();
    let paths: Vec<&str> = asked.iter().map(|it| it.url.path()).collect();
    assert_eq!(paths, ["/syg", "/syg", "/flyttet", "/langsom"]);
}

#[tokio::test]
async fn what_was_begun_before_a_crash_is_done_after_it_and_says_that_it_may_be_twice() {
    let home = Home::new();
    hasty(&home);
    let (anna, central) =
        (home.add("anna", "coordinator", "jammerbugt"), home.add("central", "source", "jammerbugt"));
    let (slow, said) = program(&home, "ring-op", "sleep 60");
    let mut server = serve(&home, &format!("command = [\"{}\", \"{{again}}\"]", slow.display()));
    let id = raise(&server, &central, "a-1").await;
    wait_for("the program to run", || async {
        std::fs::read_to_string(&said).map_err(|error| error.to_string())
    })
    .await;
    server.kill();

    let (quick, said) = program(&home, "ring-op-2", "exit 0");
    let server = serve(&home, &format!("command = [\"{}\", \"{{again}}\"]", quick.display()));
    assert_eq!(ended(&server, &anna, &id).await["escalation"]["outcome"], "sent");
    assert_eq!(std::fs::read_to_string(said).unwrap(), "true|\n");
    let history = server.get(&format!("/v1/entries/{id}"), &anna).await.body["history"].to_string();
    assert_eq!(history.matches("entry.escalation-begun").count(), 1, "{history}");
}

#[tokio::test]
async fn when_the_last_desk_closes_somebody_is_called() {
    let home = Home::new();
    let rules = include_str!("../../src/domain/agreements/jammerbugt.toml")
        .replace("nobody_listening_seconds = { own = 30 }", "nobody_listening_seconds = { own = 1 }");
    std::fs::create_dir_all(home.path("agreements")).unwrap();
    home.write("agreements/jammerbugt.toml", &rules);
    home.add("anna", "coordinator", "jammerbugt");
    let (program, said) = program(&home, "ring-op", "exit 0");
    let _server =
        serve(&home, &format!("command = [\"{}\", \"{{why}}\", \"{{agreement}}\"]", program.display()));
    let said = wait_for("somebody to be called", || async {
        std::fs::read_to_string(&said).ok().filter(|said| said.ends_with('\n')).ok_or("nothing said")
    })
    .await;
    assert_eq!(said, "nobody-listening|jammerbugt|\n");
}
