//! Who is behind an alarm: shown while it is open, never at rest.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use vagttavle::care::Person;
use vagttavle::care::demo_service::{Invented, Mode};
use vagttavle::clock::Clock;
use vagttavle::domain::identity::{AgreementId, CitizenId, ExternalId, SourceName};
use vagttavle::engine::cares::{Cares, Port};

use crate::at_rest::leaks;
use crate::process::Home;
use crate::world::{CARE_TOKEN, DemoCare, Setup, TestServer, find, minutes, night, wait_for};

#[tokio::test]
async fn who_is_behind_a_device_is_asked_shown_and_forgotten_with_the_entry() {
    let care = DemoCare::start().await;
    let server = Setup::memory().care(&care).start().await;
    let somebody = care.somebody();
    let device = somebody.device.to_string();
    let raised = json!({ "type": "alarm-raised", "alarm": "a-1", "device": device });
    let id = server.told(Some("jammerbugt"), raised).await;
    let entry = wait_for("the name", || async {
        let entry = server.entry("anna", &id).await;
        if entry["live"]["name"].is_string() && entry["citizen"].is_string() { Ok(entry) } else { Err(entry) }
    })
    .await;
    assert_eq!(entry["live"]["name"], somebody.person.name.as_str());
    assert_eq!(entry["live"]["address"], somebody.person.address.as_str());
    assert_eq!(entry["citizen"], somebody.person.citizen.as_str());
    assert!(entry["live"]["look"].is_null(), "{entry}");
    let closed = server.act("anna", &entry, json!({ "type": "close", "outcome": "helped" })).await.done();
    assert!(closed["live"].is_null(), "{closed}");
    let shown = server.show(&id, "anna").await;
    assert!(!shown.body.to_string().contains(&somebody.person.name), "{shown:?}");
    server.stop().await;
}

#[tokio::test]
async fn while_the_care_system_is_away_it_says_where_to_look_and_asks_again() {
    let care = DemoCare::start().await;
    let clock = Clock::manual(night());
    let server = Setup::memory().clock(&clock).care(&care).start().await;
    care.service.set(Mode::Away);
    let somebody = care.somebody();
    let raised = json!({ "type": "alarm-raised", "alarm": "a-1", "device": somebody.device.to_string() });
    let id = server.told(Some("jammerbugt"), raised).await;
    wait_for("the care system to be asked", || async {
        if care.service.asked() > 0 { Ok(()) } else { Err(care.service.asked()) }
    })
    .await;
    let live = server.entry("anna", &id).await["live"].clone();
    assert_eq!(
        (&live["look"]["place"], live["look"]["id"].as_str()),
        (&json!("device"), Some(somebody.device.as_str()))
    );
    care.service.set(Mode::Well);
    wait_for("the name", || async {
        clock.set(clock.now() + minutes(1));
        let entry = server.entry("anna", &id).await;
        if entry["live"]["name"] == somebody.person.name.as_str() { Ok(()) } else { Err(entry) }
    })
    .await;
    server.stop().await;
}

#[tokio::test]
async fn a_long_list_of_citizens_never_stands_before_an_alarm() {
    let care = DemoCare::start().await;
    let server = Setup::memory().care(&care).start().await;
    care.service.set(Mode::Slow);
    for number in 0..20 {
        let admitted = json!({ "type": "stay-admitted", "stay": format!("s-{number}"), "setting": "inpatient",
            "citizen": format!("c-{number}") });
        server.told(Some("norddjurs"), admitted).await;
    }
    let asked = |at_least: usize| {
        let service = care.service.clone();
        move || {
            let asked = service.asked();
            async move { if asked >= at_least { Ok(asked) } else { Err(asked) } }
        }
    };
    wait_for("the first citizens to be asked about", asked(8)).await;
    let raised =
        json!({ "type": "alarm-raised", "alarm": "a-1", "device": care.somebody().device.to_string() });
    server.told(Some("jammerbugt"), raised).await;
    assert_eq!(wait_for("the alarm to be asked about", asked(9)).await, 9, "the others take their turn");
    care.service.set(Mode::Well);
    wait_for("the others to be asked about", asked(21)).await;
    server.stop().await;
}

pub fn invented(agreement: &str, device: &str, citizen: &str, name: &str) -> Invented {
    Invented {
        agreement: AgreementId::new(agreement).unwrap(),
        device: ExternalId::new(device).unwrap(),
        person: Person {
            citizen: CitizenId::new(citizen).unwrap(),
            name: name.into(),
            address: format!("{name}s vej 1"),
            phone: None,
            key_box: None,
        },
    }
}

pub fn port(agreement: &str, care: &DemoCare) -> Port {
    let name = SourceName::new(format!("demo-{agreement}")).unwrap();
    Port::new(name, vec![AgreementId::new(agreement).unwrap()], care.client())
}

/// The entry once it shows this name; it must never show another.
async fn named(server: &TestServer, id: &str, name: &str) -> Value {
    wait_for("the name", || async {
        let entry = server.entry("anna", id).await;
        let shown = entry["live"]["name"].clone();
        assert!(shown.is_null() || shown == name, "{name} is shown as {shown}");
        if shown == name { Ok(entry) } else { Err(entry) }
    })
    .await
}

#[tokio::test]
async fn a_citizen_is_looked_up_in_the_care_system_of_the_agreement_and_in_no_other() {
    // The same ids, and nobody of them is the same person.
    let (jam, nor) = ("jammerbugt", "norddjurs");
    let care_jam =
        DemoCare::of(vec![invented(jam, "d-1", "4444", "Agnete"), invented(jam, "d-2", "5555", "Frede")])
            .await;
    let care_nor =
        DemoCare::of(vec![invented(nor, "d-1", "5555", "Valborg"), invented(nor, "d-2", "4444", "Bodil")])
            .await;
    let cares = Cares::new([port(jam, &care_jam), port(nor, &care_nor)]);
    let server = Setup::memory().cares(cares).start().await;
    let raised = |alarm: &str, what: &str, id: &str| {
        let mut raised = json!({ "type": "alarm-raised", "alarm": alarm });
        raised[what] = id.into();
        raised
    };
    // By device, and by the citizen's id; and so do the notes.
    let a = server.told(Some(jam), raised("a-1", "device", "d-1")).await;
    let b = server.told(Some(nor), raised("a-2", "citizen", "4444")).await;
    let a = named(&server, &a, "Agnete").await;
    let b = named(&server, &b, "Bodil").await;
    for entry in [&a, &b] {
        let text = format!("Notat om {}", entry["live"]["name"].as_str().unwrap());
        server.act("anna", entry, json!({ "type": "note", "text": text })).await.done();
    }
    let citizen = CitizenId::new("4444").unwrap();
    assert!(care_jam.service.has_note(&citizen, "Notat om Agnete"));
    assert!(care_nor.service.has_note(&citizen, "Notat om Bodil"));
    assert_eq!((care_jam.service.notes(), care_nor.service.notes()), (1, 1));
    server.act("anna", &a, json!({ "type": "close", "outcome": "helped" })).await.done();
    server.act("anna", &b, json!({ "type": "close", "outcome": "helped" })).await.done();

    // Of one or the other: nobody is asked, and no text goes anywhere, before somebody says whose it is.
    let asked = (care_jam.service.asked(), care_nor.service.asked());
    let c = server.told(None, raised("a-3", "device", "d-2")).await;
    let entry = server.entry("anna", &c).await;
    assert_eq!(entry["candidates"], json!([jam, nor]), "{entry}");
    assert_eq!(entry["live"]["look"]["place"], "device", "{entry}");
    let refused = server.act("anna", &entry, json!({ "type": "note", "text": "Notat" })).await;
    refused.is_problem(422, "care-not-set-up", "");
    assert_eq!((care_jam.service.asked(), care_nor.service.asked()), asked);
    server.act("anna", &entry, json!({ "type": "assign", "agreement": nor })).await.done();
    let entry = named(&server, &c, "Bodil").await;
    // Given on: the name goes with the change, and the device's own is asked for in the other care system.
    server.act("anna", &entry, json!({ "type": "assign", "agreement": jam })).await.done();
    named(&server, &c, "Frede").await;

    // Told as one municipality's: its ids say nothing in the other.
    let asked = care_nor.service.asked();
    let d = server.told(Some(jam), raised("a-4", "citizen", "5555")).await;
    let entry = named(&server, &d, "Frede").await;
    server.act("anna", &entry, json!({ "type": "assign", "agreement": nor })).await.done();
    let entry = server.entry("anna", &d).await;
    assert!(entry["live"]["name"].is_null(), "{entry}");
    let refused = server.act("anna", &entry, json!({ "type": "note", "text": "Notat" })).await;
    refused.is_problem(422, "care-not-set-up", "");
    assert_eq!(care_nor.service.asked(), asked);
    server.stop().await;
}

#[test]
fn two_care_systems_for_one_agreement_are_refused_with_the_setting_named() {
    let home = Home::new();
    let block = |agreements: &str| format!("[[care]]\nadapter = \"demo\"\n{agreements}\n");
    let jammerbugt = "agreements = [\"jammerbugt\"]";
    for (text, says) in [
        (block(jammerbugt) + &block(jammerbugt), ["jammerbugt", "agreements under to omsorgssystemer"]),
        (block("") + &block(""), ["uden agreements", "[[care]]"]),
    ] {
        home.write("server.toml", &text);
        home.run("serve --data {data} --listen 127.0.0.1:0 --config server.toml").refused(&says);
    }
}

/// While one care system is away, notes reach the other, and the one that waits reaches its own.
#[tokio::test]
async fn a_care_system_that_is_away_holds_up_no_other() {
    let care_jam = DemoCare::of(vec![invented("jammerbugt", "d-1", "4444", "Agnete")]).await;
    let care_nor = DemoCare::of(vec![invented("norddjurs", "d-2", "4444", "Bodil")]).await;
    let cares = Cares::new([port("jammerbugt", &care_jam), port("norddjurs", &care_nor)]);
    let clock = Clock::manual(night());
    let server = Setup::memory().clock(&clock).cares(cares).start().await;
    let raised = |alarm: &str| json!({ "type": "alarm-raised", "alarm": alarm, "citizen": "4444" });
    let a = server.told(Some("jammerbugt"), raised("a-1")).await;
    let b = server.told(Some("norddjurs"), raised("a-2")).await;
    let (a, b) = (named(&server, &a, "Agnete").await, named(&server, &b, "Bodil").await);
    care_jam.service.set(Mode::Away);
    care_nor.service.set(Mode::Away);
    for (entry, text) in [(&a, "til Agnete"), (&b, "til Bodil")] {
        server.act("anna", entry, json!({ "type": "note", "text": text })).await;
    }
    let citizen = CitizenId::new("4444").unwrap();
    for (care, text) in [(&care_nor, "til Bodil"), (&care_jam, "til Agnete")] {
        assert_eq!(care.service.notes(), 0);
        care.service.set(Mode::Well);
        wait_for("the note", || async {
            clock.set(clock.now() + minutes(1));
            if care.service.has_note(&citizen, text) { Ok(()) } else { Err(care.service.asked()) }
        })
        .await;
        assert_eq!(care.service.notes(), 1);
    }
    server.stop().await;
}

/// Feeds the real binary everything personal there is, in every way that goes wrong, and looks what is left.
#[tokio::test]
async fn nothing_of_a_citizen_rests_anywhere_whatever_happens() {
    let care = DemoCare::start().await;
    let home = Home::new();
    let (source, anna) =
        (home.add("central", "source", "jammerbugt"), home.add("anna", "coordinator", "jammerbugt"));
    home.write("care.token", CARE_TOKEN);
    home.write(
        "server.toml",
        &format!("[care]\nadapter = \"demo\"\nurl = \"{}\"\ntoken_file = \"care.token\"\n", care.base),
    );
    let start = || {
        let mut command = home.command("serve --data {data} --listen 127.0.0.1:0 --config server.toml");
        // As talkative as it can be made.
        command.env("VAGTTAVLE_LOG", "trace").env("RUST_BACKTRACE", "full");
        crate::process::Serving::start(command, &home.path("stderr.log"))
    };
    let known: Vec<_> = care
        .service
        .citizens()
        .iter()
        .filter(|it| it.agreement.as_str() == "jammerbugt")
        .take(6)
        .cloned()
        .collect();
    let texts = [
        "Kaldenavn Kanariegul",
        "70201934",
        "Apparat Kanariegrøn siger hjælp",
        "Notat Kanarierød om fald",
        "Begrundelse Kanarieblå",
    ];
    let mut canaries: BTreeSet<String> = texts.map(str::to_owned).into();
    canaries.extend(["0102031234".to_owned(), "010203-1234".to_owned()]);
    for it in &known {
        canaries.extend([it.person.name.clone(), it.person.address.clone()]);
        canaries.extend(it.person.phone.clone());
    }
    for round in 0..3 {
        let mut serving = start();
        for (n, it) in known.iter().enumerate() {
            let alarm = format!("a-{n}");
            let raised = json!({ "type": "alarm-raised", "alarm": alarm, "device": it.device.to_string(), "text": texts[2] });
            let receipt = serving.observe(&source, &format!("k-{round}-{n}"), raised).await;
            let id = receipt["entry"].as_str().map(str::to_owned);
            let waiting = json!({ "type": "call-waiting", "call": format!("c-{round}-{n}"), "queue": "q", "caller": texts[1], "caller_name": texts[0] });
            serving.observe(&source, &format!("w-{round}-{n}"), waiting).await;
            let Some(id) = id else { continue };
            let entry = wait_for("the name", || async {
                let board = serving.get("/v1/board", &anna).await.body;
                let entry = find(&board, &id);
                if entry["live"]["name"] == it.person.name.as_str() && entry["citizen"].is_string() {
                    Ok(entry)
                } else {
                    Err(entry)
                }
            })
            .await;
            assert_eq!(
                entry["live"]["text"],
                if round == 0 { json!(texts[2]) } else { entry["live"]["text"].clone() }
            );
            let say = |key: &str, command: Value| json!({ "id": format!("{key}-{round}-{n}"), "entry": id, "expected_version": entry["version"], "command": command });
            let noted = serving
                .post("/v1/commands", &anna, &say("n", json!({ "type": "note", "text": texts[3] })))
                .await
                .unwrap();
            assert_eq!(noted.status, 200, "{noted:?}");
            // Text where a code belongs, numbers where an id belongs, and broken around it all.
            for command in [
                json!({ "type": "close", "outcome": texts[3] }),
                json!({ "type": texts[3] }),
                json!({ "type": "correct", "what": it.person.name, "reason": it.person.phone }),
                json!({ "type": "justify.sent", "channel": "care-system", "text": texts[4] }),
                json!({ "type": "justify.sent", "channel": "letter", "reference": "010203-1234" }),
            ] {
                let no = serving.post("/v1/commands", &anna, &say("x", command)).await.unwrap();
                assert!(no.status >= 400, "{no:?}");
                assert!(!no.body.to_string().contains("Kanarie"), "{no:?}");
            }
            for item in [
                json!({ "key": "0102031234", "at": it.person.name, "observation": { "type": "alarm-raised", "alarm": it.person.name } }),
                json!({ "key": "y", "at": "2026-11-22T01:00:00Z", "agreement": it.person.name, "observation": { "type": it.person.name } }),
                json!({ "key": "z", "at": "2026-11-22T01:00:00Z", "agreement": "jammerbugt", "observation": { "type": "alarm-raised", "alarm": "0102031234", "citizen": "010203-1234" } }),
            ] {
                let answer = serving.post("/v1/observations", &source, &json!([item])).await.unwrap();
                // A number as an id is no reason to refuse the fact: it is taken, and the number is kept nowhere.
                let is_told = item["observation"]["type"] == "alarm-raised";
                let outcome = answer.body[0]["outcome"].as_str().unwrap_or_default();
                let outcomes: &[&str] = if is_told { &["recorded", "repeat"] } else { &["refused"] };
                assert!(outcomes.contains(&outcome), "{answer:?}");
                assert!(!answer.body.to_string().contains("010203"), "{answer:?}");
            }
            let broken = json!(texts[3]).to_string() + &it.person.name;
            let no = serving.post("/v1/commands", &anna, &json!(broken)).await.unwrap();
            assert_eq!(no.status, 422, "{no:?}");
        }
        if round == 1 {
            care.service.set(Mode::Garbled);
            let board = serving.get("/v1/board", &anna).await.body;
            let waits = json!({ "id": "g", "entry": board["entries"][0]["id"], "command": { "type": "note", "text": texts[3] } });
            serving.post("/v1/commands", &anna, &waits).await.unwrap();
            care.service.set(Mode::Well);
        }
        // Before it ends, after a crash, and after a good end.
        assert_eq!(leaks(&home.path(""), &canaries), Vec::<String>::new(), "round {round}, running");
        if round < 2 {
            serving.kill()
        } else {
            assert!(serving.terminate().success())
        }
        assert_eq!(leaks(&home.path(""), &canaries), Vec::<String>::new(), "round {round}, ended");
    }
    let log = std::fs::read_to_string(home.path("stderr.log")).unwrap();
    for token in [&source, &anna, CARE_TOKEN] {
        assert!(!log.contains(token), "a token is in the log");
    }
    assert!(!log.contains("panicked"), "{log}");
}
