//! Hospital messages through the real server: each code to its state, each repeat to its answer, before and after a
//! restart; who is not ours leaves no trace, and our own trouble is a transient error.

use std::path::Path;

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use vagttavle::care::Cpr;
use vagttavle::care::demo_service::Mode;
use vagttavle::clock::Clock;
use vagttavle::engine::cares::Cares;
use vagttavle::sources::medcom::Form;
use vagttavle::sources::medcom::settings::OursRule;

use crate::care::{invented, port};
use crate::messages::{CPR, LOCAL, Message, admit, codes, discharge};
use crate::mutate::{cuts, json as bent_json, pieces};
use crate::process::{Home, Serving};
use crate::unstored::{limit_files, serve};
use crate::world::{Answer, CARE_TOKEN, DemoCare, Folder, Setup, TestServer, wait_for};

/// The token of the hospitals' forwarder; it is Norddjurs' alone.
const HOSPITAL: &str = "nordlys";

fn noon() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn at_noon() -> Setup {
    Setup::memory().clock(&Clock::manual(noon()))
}

fn on_disk(folder: &Folder) -> Setup {
    Setup { ours: OursRule::All, ..Setup::sqlite(folder) }.clock(&Clock::manual(noon()))
}

/// The answer's code and the first issue's, in either form.
fn said(answer: &Answer) -> (String, String) {
    assert_eq!(answer.status, 200, "{answer:?}");
    match &answer.body {
        Value::String(xml) => {
            assert_eq!(answer.kind, "application/fhir+xml");
            let after = |text: &str, mark: &str| {
                let rest = text.split_once(mark).map(|(_, rest)| rest.to_owned()).unwrap_or_default();
                rest.split('"').next().unwrap_or_default().to_owned()
            };
            let response = xml.split_once("<response>").unwrap().1;
            let issue = xml
                .split_once("<issue>")
                .map(|(_, rest)| after(rest, "acknowledgement-error-codes\"/><code value=\""));
            (after(response, "<code value=\""), issue.unwrap_or_default())
        }
        body => {
            assert_eq!(answer.kind, "application/fhir+json");
            let entries = body["entry"].as_array().unwrap();
            let code = entries[0]["resource"]["response"]["code"].as_str().unwrap().to_owned();
            let issue = &entries[1]["resource"]["issue"][0]["details"]["coding"][0]["code"];
            (code, issue.as_str().unwrap_or_default().to_owned())
        }
    }
}

fn ok() -> (String, String) {
    ("ok".into(), String::new())
}

fn pair(code: &str, issue: &str) -> (String, String) {
    (code.into(), issue.into())
}

async fn post(server: &TestServer, body: impl Into<reqwest::Body>) -> Answer {
    // What is said beside a message is not believed.
    let request = server.request(Method::POST, "/v1/medcom", HOSPITAL).header("content-type", "text/plain");
    Answer::of(request.body(body).send().await.unwrap()).await
}

async fn send(server: &TestServer, message: &Value) -> (String, String) {
    said(&post(server, message.to_string()).await)
}

fn in_envelope(message: &Value, envelope: &str) -> Value {
    let mut message = message.clone();
    message["id"] = json!(envelope);
    message
}

async fn entries(server: &TestServer) -> Vec<Value> {
    server.board("anna").await["entries"].as_array().unwrap().clone()
}

async fn stays(server: &TestServer) -> Vec<Value> {
    entries(server).await.into_iter().filter(|it| it["board"] == "discharges").collect()
}

async fn troubles(server: &TestServer) -> Vec<Value> {
    entries(server).await.into_iter().filter(|it| it["board"] == "sources").collect()
}

#[tokio::test]
async fn every_code_gives_its_state_in_json_and_in_xml() {
    let server = at_noon().start().await;
    for (n, case) in codes().iter().enumerate() {
        for form in [Form::Json, Form::Xml] {
            let known: Vec<Value> = stays(&server).await.iter().map(|it| it["id"].clone()).collect();
            // A stay and envelopes of its own for each.
            let stay = format!("00000000-0000-4000-8000-0000000000{n:02}");
            let own = |message: &Message| {
                let text = message.json().to_string().replace(LOCAL, &format!("{stay}-{}", form.ending()));
                let text = text.replace("bundle-of-", &format!("bundle-{n}-{}-", form.ending()));
                form.write(&serde_json::from_str(&text).unwrap())
            };
            for message in case.before.iter().chain([&case.message]) {
                assert_eq!(said(&post(&server, own(message)).await), ok(), "{}", case.code);
            }
            let new: Vec<Value> =
                stays(&server).await.into_iter().filter(|it| !known.contains(&it["id"])).collect();
            assert_eq!(new.len(), 1, "{} in {form:?}: {new:#?}", case.code);
            let (field, instant) = case.detail;
            let saw = (new[0]["state"].as_str().unwrap(), new[0]["details"][field].as_str());
            assert_eq!(saw, (case.state, instant), "{} in {form:?}: {:#?}", case.code, new[0]);
        }
    }
    assert_eq!(troubles(&server).await, Vec::<Value>::new());
    server.stop().await;
}

#[tokio::test]
async fn what_was_answered_is_answered_again_also_after_a_restart() {
    let folder = Folder::new();
    let mut server = on_disk(&folder).start().await;
    let first = admit("h1").json();
    let mut refused = discharge("h2").json();
    refused["id"] = json!("bundle-refused");
    refused["entry"][3]["resource"]["class"]["code"] = json!("AMB");
    let stolen = in_envelope(&discharge("h3").json(), "bundle-of-h1");
    assert_eq!(send(&server, &first).await, ok());
    assert_eq!(send(&server, &in_envelope(&first, "bundle-again")).await, pair("ok", "MSG_DUPLICATE_ID"));
    assert_eq!(send(&server, &refused).await, pair("fatal-error", "MSG_VALUESET_VALUE_UNKNOWN"));
    assert_eq!(send(&server, &stolen).await, pair("fatal-error", "MSG_DUPLICATE_ID"));
    for round in 0..3 {
        assert_eq!(send(&server, &first).await, ok(), "round {round}");
        assert_eq!(said(&post(&server, Form::Xml.write(&first)).await), ok(), "the same message in XML");
        let again = in_envelope(&first, "bundle-again");
        assert_eq!(send(&server, &again).await, pair("ok", "MSG_DUPLICATE_ID"), "round {round}");
        let other = in_envelope(&first, &format!("bundle-{round}"));
        assert_eq!(send(&server, &other).await, pair("ok", "MSG_DUPLICATE_ID"), "round {round}");
        assert_eq!(send(&server, &refused).await, pair("fatal-error", "MSG_VALUESET_VALUE_UNKNOWN"));
        assert_eq!(send(&server, &stolen).await, pair("fatal-error", "MSG_DUPLICATE_ID"));
        let saw: Vec<Value> = stays(&server).await.iter().map(|it| it["state"].clone()).collect();
        assert_eq!(saw, ["admitted"], "shown once, round {round}");
        let next = on_disk(&folder).people_of(&server);
        server.stop().await;
        server = next.start().await;
    }
    // Nobody has its name after a restart: it says where to look.
    let stay = stays(&server).await[0].clone();
    let shown = server.show(stay["id"].as_str().unwrap(), "anna").await.done();
    let look = &shown["live"]["look"];
    assert_eq!(
        (&look["place"], &look["id"]),
        (&json!("hospital-notice"), &json!("SOR:111111000016001")),
        "{shown}"
    );
    // Another event in a used header and a used envelope is an event: content decides.
    let mut other = discharge("h1").json();
    other["id"] = json!("bundle-of-h1");
    assert_eq!(send(&server, &other).await, ok());
    assert_eq!(stays(&server).await[0]["state"], "discharged");
    // What was refused may be sent mended, in a new envelope.
    let mut mended = discharge("h2").json();
    mended["id"] = json!("bundle-mended");
    assert_eq!(send(&server, &mended).await, ok());
    let seen: Vec<Value> = troubles(&server).await.iter().map(|it| it["state"].clone()).collect();
    assert_eq!(seen, ["unreadable"], "what was refused is seen");
    server.stop().await;
    nothing_of_the_citizen_in(&folder.data());
}

fn nothing_of_the_citizen_in(folder: &Path) {
    let mut read = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let Ok(bytes) = std::fs::read(&path) else { continue };
        read += bytes.len();
        for secret in [CPR, "Opfundet", "Per "] {
            assert!(!bytes.windows(secret.len()).any(|it| it == secret.as_bytes()), "{secret} in {path:?}");
        }
    }
    assert!(read > 1_000, "{read} bytes were looked at");
}

#[tokio::test]
async fn what_cannot_be_read_is_a_problem_and_is_seen() {
    let server = at_noon().start().await;
    let whole = admit("h1").json().to_string();
    post(&server, whole[..700].to_owned()).await.is_problem(422, "unreadable-message", "");
    let doctype =
        format!("<!DOCTYPE Bundle>{}", String::from_utf8(Form::Xml.write(&admit("h1").json())).unwrap());
    let answer = post(&server, doctype).await;
    answer.is_problem(422, "unreadable-message", "");
    assert_eq!(answer.body["what"], "xml-doctype");
    post(&server, vec![b'x'; 16 * 1024 * 1024 + 1]).await.is_problem(413, "body-too-large", "");
    let trouble = wait_for("the trouble to be seen", || async {
        let troubles = troubles(&server).await;
        if troubles.len() == 1 { Ok(troubles[0].clone()) } else { Err(troubles) }
    })
    .await;
    assert_eq!(trouble["state"], "unreadable");
    let health = server.board("anna").await["sources"].to_string();
    for what in ["not-json", "xml-doctype", "body-too-large"] {
        assert!(health.contains(what), "{what} in {health}");
    }
    // An acknowledgement is never acknowledged.
    let mut acknowledgement = admit("h1").json();
    acknowledgement["entry"][0]["resource"]["eventCoding"]["code"] = json!("acknowledgement-message");
    let answer = post(&server, acknowledgement.to_string()).await;
    assert_eq!((answer.status, &answer.body), (200, &json!({})));
    server.stop().await;
}

#[tokio::test]
async fn the_same_message_many_times_at_once_is_one() {
    let server = at_noon().start().await;
    let first = admit("h1").json();
    let answers = futures_util::future::join_all((0..20).map(|n| {
        let message = if n % 2 == 0 { first.clone() } else { in_envelope(&first, &format!("bundle-{n}")) };
        let server = &server;
        async move { send(server, &message).await.0 }
    }))
    .await;
    assert!(answers.iter().all(|it| it == "ok"), "{answers:?}");
    assert_eq!(stays(&server).await.len(), 1);
    assert_eq!(troubles(&server).await, Vec::<Value>::new());
    server.stop().await;
}

/// With another envelope's id in the place of this one, if it is still there.
fn in_own_envelope(mut bytes: Vec<u8>, id: &str, n: usize) -> Vec<u8> {
    if let Some(at) = bytes.windows(id.len()).position(|it| it == id.as_bytes()) {
        let own = format!("{n:0width$}", width = id.len());
        bytes[at..at + id.len()].copy_from_slice(own.as_bytes());
    }
    bytes
}

/// A part of the mutants, that of each place and of each byte being tried without a server.
#[tokio::test]
async fn whatever_is_sent_is_answered_or_is_a_problem_and_is_seen() {
    let server = at_noon().start().await;
    let json = codes().into_iter().find(|case| case.code == "RE_STOR").unwrap().message.json();
    let xml = Form::Xml.write(&json);
    let whole = json.to_string().into_bytes();
    let broken = bent_json(&json).chain(pieces(&xml, b">")).chain(cuts(&xml)).chain(cuts(&whole));
    let mut became = std::collections::BTreeMap::new();
    for (n, mutant) in broken.step_by(61).enumerate() {
        let answer = post(&server, in_own_envelope(mutant.bytes, "bundle-of-re-stor", n)).await;
        let kind = match answer.status {
            200 => said(&answer).0,
            422 => {
                assert_eq!(answer.code(), "unreadable-message", "{}: {answer:?}", mutant.what);
                assert!(answer.body["what"].is_string(), "{}: {answer:?}", mutant.what);
                "problem".to_owned()
            }
            _ => panic!("{}: {answer:?}", mutant.what),
        };
        *became.entry(kind).or_insert(0) += 1;
    }
    assert!(became["ok"] > 10 && became["fatal-error"] > 10 && became["problem"] > 10, "{became:?}");
    assert_eq!(became.len(), 3, "{became:?}");
    let trouble = wait_for("the trouble to be seen", || async {
        let troubles = troubles(&server).await;
        if troubles.is_empty() { Err(()) } else { Ok(troubles) }
    })
    .await;
    assert!(trouble.iter().any(|it| it["state"] == "unreadable"), "{trouble:?}");
    assert_eq!(send(&server, &admit("h-after").json()).await, ok());
    server.stop().await;
}

// ---- whose it is ------------------------------------------------------------------------------

fn known_to(care: &DemoCare) -> String {
    let citizen = care.somebody().person.citizen;
    care.service.know(Cpr::new(CPR).unwrap(), citizen.clone());
    citizen.as_str().to_owned()
}

#[tokio::test]
async fn of_who_is_not_ours_nothing_is_kept_and_the_answer_stays_ok() {
    let (care, folder) = (DemoCare::start().await, Folder::new());
    let setup = || Setup { ours: OursRule::Care, ..on_disk(&folder) }.care(&care);
    let server = setup().start().await;
    let before = server.board("anna").await["sequence"].clone();
    assert_eq!(send(&server, &admit("h1").json()).await, ok());
    assert_eq!(server.board("anna").await["sequence"], before, "no event");
    assert_eq!(stays(&server).await, Vec::<Value>::new());
    let next = setup().people_of(&server);
    server.stop().await;
    let server = next.start().await;
    // Now the care system is away: what was answered ok is not answered with an error.
    care.service.set(Mode::Away);
    assert_eq!(send(&server, &admit("h1").json()).await, ok());
    assert_eq!(send(&server, &in_envelope(&admit("h1").json(), "another")).await, ok());
    assert_eq!(stays(&server).await, Vec::<Value>::new());
    server.stop().await;
    nothing_of_the_citizen_in(&folder.data());
}

#[tokio::test]
async fn a_hospital_message_is_matched_in_the_care_system_of_its_municipality() {
    let of = async |agreement: &str, citizen: &str| {
        let care = DemoCare::of(vec![invented(agreement, "d-1", citizen, "Agnete")]).await;
        care.service.know(Cpr::new(CPR).unwrap(), care.service.citizens()[0].person.citizen.clone());
        care
    };
    let (others, own) = (of("jammerbugt", "4444").await, of("norddjurs", "7777").await);
    let cares = Cares::new([port("jammerbugt", &others), port("norddjurs", &own)]);
    let server = at_noon().cares(cares).start().await;
    assert_eq!(send(&server, &admit("h1").json()).await, ok());
    assert_eq!(stays(&server).await[0]["citizen"], "7777");
    assert_eq!(others.service.asked(), 0, "a number is told to nobody else");
    server.stop().await;
}

#[tokio::test]
async fn whose_it_is_is_asked_again_when_the_care_system_was_away_and_a_stranger_is_never_shown() {
    let care = DemoCare::start().await;
    let citizen = known_to(&care);
    let clock = Clock::manual(noon());
    let setup = Setup { ours: OursRule::Care, ..Setup::memory() };
    let server = setup.clock(&clock).care(&care).start().await;
    care.service.set(Mode::Away);
    assert_eq!(
        send(&server, &admit("h1").json()).await,
        pair("transient-error", "MSG_Mailbox_Out_Of_Operation")
    );
    let stranger = admit("h9").json().to_string().replace(CPR, "3102005678").replace(LOCAL, "of-a-stranger");
    let stranger: Value = serde_json::from_str(&stranger).unwrap();
    assert_eq!(send(&server, &stranger).await.0, "transient-error");
    assert_eq!(stays(&server).await, Vec::<Value>::new());
    wait_for("the trouble to be seen", || async {
        if troubles(&server).await.len() == 1 { Ok(()) } else { Err(()) }
    })
    .await;
    care.service.set(Mode::Well);
    let stay = wait_for("the stay, without anybody sending it again", || async {
        clock.set(clock.now() + chrono::TimeDelta::seconds(11));
        let stays = stays(&server).await;
        if stays.len() == 1 { Ok(stays[0].clone()) } else { Err(stays) }
    })
    .await;
    assert_eq!((&stay["state"], stay["citizen"].as_str()), (&json!("admitted"), Some(citizen.as_str())));
    // The sender sends again, as it was told to.
    assert_eq!(send(&server, &in_envelope(&admit("h1").json(), "again")).await.0, "ok");
    assert_eq!(send(&server, &in_envelope(&stranger, "again-too")).await, ok());
    assert_eq!(stays(&server).await.len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn a_citizen_that_could_not_be_found_at_once_is_joined_later() {
    let care = DemoCare::start().await;
    let citizen = known_to(&care);
    let clock = Clock::manual(noon());
    let server = Setup::memory().clock(&clock).care(&care).start().await;
    care.service.set(Mode::Away);
    assert_eq!(send(&server, &admit("h1").json()).await, ok(), "everybody is ours: it is shown at once");
    assert_eq!(stays(&server).await[0]["citizen"], Value::Null);
    care.service.set(Mode::Well);
    let found = wait_for("the citizen", || async {
        clock.set(clock.now() + chrono::TimeDelta::seconds(11));
        stays(&server).await[0]["citizen"].as_str().map(str::to_owned).ok_or(())
    })
    .await;
    assert_eq!(found, citizen);
    assert_eq!(send(&server, &discharge("h2").json()).await, ok());
    let stays = stays(&server).await;
    assert_eq!((stays.len(), stays[0]["citizen"].as_str()), (1, Some(citizen.as_str())));
    server.stop().await;
}

// ---- the real program -------------------------------------------------------------------------

async fn post_to(serving: &Serving, token: &str, message: &Value) -> (String, String) {
    said(&serving.post("/v1/medcom", token, message).await.unwrap())
}

#[tokio::test]
async fn what_cannot_be_stored_is_a_transient_error_and_ok_when_it_can() {
    let home = Home::new();
    let (hospital, anna) =
        (home.add("regionen", "source", "jammerbugt"), home.add("anna", "coordinator", "jammerbugt"));
    let serving = serve(&home);
    assert_eq!(post_to(&serving, &hospital, &admit("h1").json()).await, ok());
    limit_files(&serving, "8192");
    let mut refused = discharge("h3").json();
    refused["entry"][3]["resource"]["class"]["code"] = json!("AMB");
    for message in [&discharge("h2").json(), &refused] {
        assert_eq!(post_to(&serving, &hospital, message).await.0, "transient-error");
    }
    limit_files(&serving, "unlimited");
    let answer = wait_for("it to be taken", || async {
        let answer = post_to(&serving, &hospital, &discharge("h2").json()).await;
        if answer.0 == "ok" { Ok(answer) } else { Err(answer) }
    })
    .await;
    assert_eq!(answer.0, "ok");
    assert_eq!(post_to(&serving, &hospital, &refused).await.0, "fatal-error");
    let board = serving.get("/v1/board", &anna).await.body;
    let states: Vec<&Value> = board["entries"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["board"] == "discharges")
        .map(|it| &it["state"])
        .collect();
    assert_eq!(states, [&json!("discharged")], "{board}");
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|it| it.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_folder_is_emptied_into_the_board_and_each_message_gets_its_acknowledgement() {
    let home = Home::new();
    let anna = home.add("anna", "coordinator", "jammerbugt");
    let (inbox, outbox) = (home.path("advis"), home.path("kvitteringer"));
    std::fs::create_dir(&inbox).unwrap();
    home.write(
        "server.toml",
        "[medcom]\ninbox = \"advis\"\noutbox = \"kvitteringer\"\ndefault_agreement = \"jammerbugt\"\n",
    );
    let serving = home.serve("--config server.toml");
    std::fs::write(inbox.join("1-3102001234.xml"), Form::Xml.write(&admit("h1").json())).unwrap();
    std::fs::write(inbox.join("2.json"), discharge("h2").json().to_string()).unwrap();
    let mut refused = discharge("h3").json();
    refused["entry"][3]["resource"]["class"]["code"] = json!("AMB");
    std::fs::write(inbox.join("3.json"), refused.to_string()).unwrap();
    std::fs::write(inbox.join("4.json"), "{\"resourceType\":").unwrap();
    wait_for("the folder to be emptied", || async {
        let left = files(&inbox);
        if left == ["4.json.unreadable"] { Ok(()) } else { Err(left) }
    })
    .await;
    let mut codes: Vec<String> = files(&outbox)
        .iter()
        .map(|name| {
            let text = std::fs::read_to_string(outbox.join(name)).unwrap();
            assert!(!text.contains(CPR) && !text.contains("Opfundet, Per"), "{text}");
            let form = if name.ends_with(".xml") { "xml" } else { "json" };
            let code = ["fatal-error", "transient-error", "ok"]
                .into_iter()
                .find(|code| {
                    text.contains(&format!("\"code\":\"{code}\""))
                        || text.contains(&format!("<code value=\"{code}\"/>"))
                })
                .unwrap();
            format!("{form} {code}")
        })
        .collect();
    codes.sort();
    assert_eq!(codes, ["json fatal-error", "json ok", "xml ok"]);
    let board = serving.get("/v1/board", &anna).await.body;
    let saw: Vec<(&str, &str)> = board["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["board"].as_str().unwrap(), it["state"].as_str().unwrap()))
        .collect();
    assert!(
        saw.contains(&("discharges", "discharged")) && saw.contains(&("sources", "unreadable")),
        "{saw:?}"
    );
    let others = saw.iter().filter(|(board, _)| !["discharges", "sources", "duties"].contains(board));
    assert_eq!(
        (saw.iter().filter(|(board, _)| *board == "discharges").count(), others.count()),
        (1, 0),
        "{saw:?}"
    );
    let log = std::fs::read_to_string(home.path("stderr.log")).unwrap();
    assert!(!log.contains(CPR) && !log.contains("panicked"), "{log}");
}

#[tokio::test]
async fn a_file_waits_for_the_care_system_and_a_stranger_leaves_with_an_ok() {
    let (home, care) = (Home::new(), DemoCare::start().await);
    let citizen = known_to(&care);
    let anna = home.add("anna", "coordinator", "jammerbugt");
    let (inbox, outbox) = (home.path("advis"), home.path("advis-outbox"));
    std::fs::create_dir(&inbox).unwrap();
    home.write("care.token", CARE_TOKEN);
    home.write(
        "server.toml",
        &format!(
            "[medcom]\nours = \"care\"\ninbox = \"advis\"\ndefault_agreement = \"jammerbugt\"\n\
             [care]\nadapter = \"demo\"\nurl = \"{}\"\ntoken_file = \"care.token\"\n",
            care.base
        ),
    );
    let serving = home.serve("--config server.toml");
    care.service.set(Mode::Away);
    let stranger = admit("h9").json().to_string().replace(CPR, "3102005678").replace(LOCAL, "of-a-stranger");
    std::fs::write(inbox.join("1.json"), admit("h1").json().to_string()).unwrap();
    std::fs::write(inbox.join("2.json"), stranger).unwrap();
    let asked = care.service.asked();
    wait_for("the care system to be asked", || async {
        if care.service.asked() > asked { Ok(()) } else { Err(care.service.asked()) }
    })
    .await;
    assert_eq!((files(&inbox).len(), files(&outbox).len()), (2, 0), "nothing is answered, nothing is lost");
    care.service.set(Mode::Well);
    wait_for("the folder to be emptied", || async {
        let left = files(&inbox);
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
    assert_eq!(files(&outbox).len(), 2);
    let board = serving.get("/v1/board", &anna).await.body;
    let stays: Vec<&Value> =
        board["entries"].as_array().unwrap().iter().filter(|it| it["board"] == "discharges").collect();
    assert_eq!(stays.len(), 1, "{board}");
    assert_eq!(
        (&stays[0]["state"], stays[0]["citizen"].as_str()),
        (&json!("admitted"), Some(citizen.as_str()))
    );
}

#[tokio::test]
async fn one_message_whose_citizen_is_refused_stays_and_the_others_go_in() {
    let (home, care) = (Home::new(), DemoCare::start().await);
    known_to(&care);
    let refused = Cpr::new("3102005678").unwrap();
    care.service.refuse(refused.clone(), true);
    let anna = home.add("anna", "coordinator", "jammerbugt");
    let (inbox, outbox) = (home.path("advis"), home.path("advis-outbox"));
    std::fs::create_dir(&inbox).unwrap();
    home.write("care.token", CARE_TOKEN);
    home.write(
        "server.toml",
        &format!(
            "[medcom]\nours = \"care\"\ninbox = \"advis\"\ndefault_agreement = \"jammerbugt\"\n\
             [care]\nadapter = \"demo\"\nurl = \"{}\"\ntoken_file = \"care.token\"\n",
            care.base
        ),
    );
    let serving = home.serve("--config server.toml");
    let other = admit("h9").json().to_string().replace(CPR, "3102005678").replace(LOCAL, "of-another");
    std::fs::write(inbox.join("1.json"), other).unwrap();
    std::fs::write(inbox.join("2.json"), admit("h1").json().to_string()).unwrap();
    let source = async || {
        let board = serving.get("/v1/board", &anna).await.body;
        board["sources"].as_array().unwrap().iter().find(|it| it["name"] == "medcom-inbox").cloned().unwrap()
    };
    wait_for("the second message to be taken, and the first to be said to wait", || async {
        let (left, answered, source) = (files(&inbox), files(&outbox).len(), source().await);
        let is_said = source["waiting"] == 1 && source["waiting_why"] == "care-refused";
        let is_late = source["state"] == "late";
        if left == ["1.json"] && answered == 1 && is_said && is_late { Ok(()) } else { Err((left, source)) }
    })
    .await;
    care.service.refuse(refused, false);
    wait_for("the first to be answered, too", || async {
        let (left, source) = (files(&inbox), source().await);
        if left.is_empty() && source["waiting"].is_null() { Ok(()) } else { Err((left, source)) }
    })
    .await;
    assert_eq!(files(&outbox).len(), 2);
    let log = std::fs::read_to_string(home.path("stderr.log")).unwrap();
    assert!(!log.contains("3102005678") && !log.contains("panicked"), "{log}");
}

#[test]
fn settings_that_cannot_work_are_refused_at_start() {
    let home = Home::new();
    home.write("server.toml", "[medcom]\nours = \"care\"\n");
    home.run("serve --data {data} --config server.toml --listen 127.0.0.1:0").refused(&["[care] adapter"]);
    home.write("server.toml", "[medcom]\noutbox = \"kvitteringer\"\n");
    home.run("serve --data {data} --config server.toml --listen 127.0.0.1:0").refused(&["inbox"]);
}
