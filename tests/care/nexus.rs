//! The Nexus adapter against a Nexus that is slow, wrong, away, and pages.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use serde_json::json;
use tokio::net::{TcpListener, TcpSocket};
use vagttavle::care::demo::Limits;
use vagttavle::care::nexus::settings::{List, Names, Says, Settings, Visits};
use vagttavle::care::nexus::{Access, BadAccess, Client};
use vagttavle::care::{Ability, Care, CareError, Cpr, Held, ListedFact, Plan, VisitsOf, Whose, Why};
use vagttavle::domain::identity::{AgreementId, CitizenId, ExternalId};
use vagttavle::domain::observation::{Grant, Help, Observation};

use crate::nexus_double::{CLIENT_SECRET, Double, Mode};
use crate::{bounded, key, limits, said_at};

const CPR: &str = "250947-9989";
const ADVIS: &str = "MedCom - adviser";

fn citizen() -> CitizenId {
    CitizenId::new("nexus-12384").unwrap()
}

fn away(why: Why) -> CareError {
    CareError::Away { why }
}

fn not_set_up(setting: &'static str) -> CareError {
    CareError::NotSetUp { setting }
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// Everything set up.
fn names() -> Names {
    let agreement = AgreementId::new("norddjurs").unwrap();
    let rows = [
        ("Indlæggelsesadvis", Says::Admitted),
        ("Melding om færdigbehandling", Says::DischargeExpected),
        ("Udskrivningsadvis", Says::Discharged),
        ("Dødsadvis", Says::Died),
        ("Fraflytning", Says::Moved),
    ];
    Names {
        nexus: Settings {
            citizens_link: some("patients"),
            device_key_type: some("ALARM"),
            key_box_field: some("keyBox"),
            note_form: some("Observation"),
            note_field: some("Notat"),
            note_action: some("Aktivt"),
            paused_state: some("Pauseret"),
            active_state: some("Aktiv"),
        },
        lists: vec![List {
            name: ADVIS.into(),
            agreement: agreement.clone(),
            rows: rows.map(|(name, says)| (name.to_owned(), says)).into(),
            expected_field: some("dueDateTime"),
        }],
        visits: Some(Visits {
            citizens_list: "Vores borgere".into(),
            agreement,
            calendar: "Borgerkalender".into(),
            title_field: "title".into(),
            help: [("Personlig pleje, aften".to_owned(), Help::Personal)].into(),
            grant: Grant::Service,
            planned_field: "start".into(),
            started_field: some("actualStart"),
            done_field: None,
        }),
    }
}

fn care_with(double: &Double, names: Names, limits: Limits) -> Care {
    Care::Nexus(Client::new(double.access(), names, limits).unwrap())
}

fn care(double: &Double) -> Care {
    care_with(double, names(), limits())
}

async fn double() -> Double {
    let double = Double::start().await;
    double.citizen(12384, "Esther Kanariegul", CPR);
    double.citizen(777, "Knud Kanariegrøn", "010101-0101");
    double
}

#[tokio::test]
async fn a_citizen_is_found_by_our_id_by_cpr_number_and_by_device() {
    let double = double().await;
    let care = care(&double);
    let by_id = care.who(&Whose::Citizen(citizen())).await.unwrap();
    let by_cpr = care.who(&Whose::Cpr(Cpr::new(CPR).unwrap())).await.unwrap();
    let by_device = care.who(&Whose::Device(ExternalId::new("dev-12384").unwrap())).await.unwrap();
    assert!(by_id == by_cpr && by_id == by_device, "three people");
    assert_eq!(by_id.citizen, citizen());
    assert_eq!((by_id.name.as_str(), by_id.phone.as_deref()), ("Esther Kanariegul", Some("00 00 31 07")));
    assert_eq!(by_id.address, "Sivsangerstien 7, 8961 Allingåbro");
    assert_eq!(by_id.key_box.as_deref(), Some("Nøgleboks 107"));
    assert_eq!(double.tokens(), 1, "one token for all of it");
}

#[tokio::test]
async fn a_cpr_number_stands_in_the_body_of_the_search_and_nowhere_else() {
    let double = double().await;
    care(&double).who(&Whose::Cpr(Cpr::new(CPR).unwrap())).await.unwrap();
    let asked = double.asked();
    assert!(asked.iter().all(|it| !it.target.contains("2509")), "{asked:?}");
    let with_it: Vec<_> = asked.iter().filter(|it| it.body.contains("2509479989")).collect();
    assert_eq!(with_it.len(), 1);
    assert!(with_it[0].target.ends_with("/patientDetailsSearch"), "{with_it:?}");
}

#[tokio::test]
async fn whom_nexus_does_not_know_or_not_show_us() {
    let double = double().await;
    double.citizen(5, "Ikke Vores", "311299-0007");
    let care = care(&double);
    for stranger in ["0202020202", "3112990007"] {
        let whose = Whose::Cpr(Cpr::new(stranger).unwrap());
        assert_eq!(care.who(&whose).await.unwrap_err(), CareError::Unknown);
    }
    for stranger in ["nexus-404", "demo-citizen-jam-0001", "nexus-12384x"] {
        let whose = Whose::Citizen(CitizenId::new(stranger).unwrap());
        assert_eq!(care.who(&whose).await.unwrap_err(), CareError::Unknown, "{stranger}");
    }
}

#[tokio::test]
async fn somebody_elses_name_is_no_answer() {
    let double = double().await;
    let care = care(&double);
    double.set(Mode::WrongPerson);
    assert_eq!(care.who(&Whose::Citizen(citizen())).await.unwrap_err(), away(Why::Unreadable));
    assert_eq!(care.who(&Whose::Cpr(Cpr::new(CPR).unwrap())).await.unwrap_err(), away(Why::Unreadable));
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends_and_once_when_it_is_refused() {
    let double = double().await;
    let care = care(&double);
    let whose = Whose::Citizen(citizen());
    care.who(&whose).await.unwrap();
    double.refuse_next(1);
    care.who(&whose).await.unwrap();
    assert_eq!(double.tokens(), 2, "a new one after the 401");
    double.refuse_next(2);
    assert_eq!(care.who(&whose).await.unwrap_err(), CareError::Refused, "not again and again");
    double.tokens_live(0);
    double.refuse_next(1);
    care.who(&whose).await.unwrap();
    let before = double.tokens();
    care.who(&whose).await.unwrap();
    assert!(double.tokens() > before, "one that lives no time is not used again");
}

#[tokio::test]
async fn many_askers_fetch_one_token() {
    let double = double().await;
    let care = care(&double);
    let asking = (0..8).map(|_| {
        let care = care.clone();
        tokio::spawn(async move { care.who(&Whose::Citizen(citizen())).await })
    });
    for asked in asking.collect::<Vec<_>>() {
        bounded("an answer", asked).await.unwrap().unwrap();
    }
    assert_eq!(double.tokens(), 1);
}

#[tokio::test]
async fn who_gets_no_token_is_refused() {
    let double = double().await;
    double.set(Mode::NoTokens);
    let error = care(&double).who(&Whose::Citizen(citizen())).await.unwrap_err();
    assert_eq!(error, CareError::Refused);
    double.set(Mode::Well);
    let access = Access { secret: SecretString::from("another"), ..double.access() };
    let stranger = Care::Nexus(Client::new(access, names(), limits()).unwrap());
    assert_eq!(stranger.who(&Whose::Citizen(citizen())).await.unwrap_err(), CareError::Refused);
    assert_eq!(double.tokens(), 0);
}

#[tokio::test]
async fn a_read_is_tried_a_few_times_while_it_is_away_or_has_too_much_to_do() {
    let double = double().await;
    let care = care(&double);
    let whose = Whose::Citizen(citizen());
    care.who(&whose).await.unwrap();
    double.fail_next(2);
    care.who(&whose).await.unwrap();
    for mode in [Mode::Away, Mode::TooMany] {
        double.set(mode);
        let before = double.asked_for("/patients/12384");
        assert_eq!(care.who(&whose).await.unwrap_err(), away(Why::Failed), "{mode:?}");
        assert_eq!(double.asked_for("/patients/12384") - before, limits().read_tries, "{mode:?}");
    }
    double.set(Mode::Well);
    care.who(&whose).await.unwrap();
}

#[tokio::test]
async fn what_makes_no_sense_or_has_no_end_is_no_answer() {
    let double = double().await;
    let care = care(&double);
    for mode in [Mode::Garbled, Mode::Endless] {
        double.set(mode);
        let error = bounded("an answer", care.who(&Whose::Citizen(citizen()))).await.unwrap_err();
        assert_eq!(error, away(Why::Unreadable), "{mode:?}");
        assert_eq!(care.lists().await.unwrap_err(), away(Why::Unreadable), "{mode:?}");
    }
}

#[tokio::test]
async fn a_slow_answer_is_waited_for_within_the_limit_and_not_beyond() {
    let double = double().await;
    let (patient, short) = (care(&double), Duration::from_millis(40));
    let hasty = care_with(&double, names(), Limits { read_for: short, ..limits() });
    // With its token and the root's links: what is slow is the citizen.
    hasty.who(&Whose::Citizen(citizen())).await.unwrap();
    double.set(Mode::Slow);
    let error = bounded("the limit", hasty.who(&Whose::Citizen(citizen()))).await.unwrap_err();
    assert_eq!(error, away(Why::TookTooLong));
    let asking = tokio::spawn(async move { patient.who(&Whose::Citizen(citizen())).await });
    bounded("a held request", double.until_held(2)).await;
    double.set(Mode::Well);
    bounded("the answer", asking).await.unwrap().unwrap();
}

#[tokio::test]
async fn nobody_at_the_address() {
    // Ours, so that nobody else gets it, and not listened on.
    let taken = TcpSocket::new_v4().unwrap();
    taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let base = format!("http://{}", taken.local_addr().unwrap());
    let access = Access { url: base.clone(), token_url: base, client_id: "x".into(), secret: "x".into() };
    let care = Care::Nexus(Client::new(access, names(), limits()).unwrap());
    let error = bounded("an answer from nobody", care.who(&Whose::Citizen(citizen()))).await.unwrap_err();
    assert_eq!(error, away(Why::Unreachable));
}

#[tokio::test]
async fn a_link_to_another_host_is_not_followed() {
    let asked = Arc::new(AtomicUsize::new(0));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let abroad = format!("http://{}", listener.local_addr().unwrap());
    let count = asked.clone();
    let router = Router::new().fallback(move || {
        count.fetch_add(1, Ordering::SeqCst);
        async { "{}" }
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    let double = double().await;
    let care = care(&double);
    double.abroad(&abroad);
    for _ in 0..2 {
        assert_eq!(care.who(&Whose::Citizen(citizen())).await.unwrap_err(), away(Why::Unreadable));
        assert_eq!(care.who(&Whose::Cpr(Cpr::new(CPR).unwrap())).await.unwrap_err(), away(Why::Unreadable));
        assert_eq!(care.lists().await.unwrap_err(), away(Why::Unreadable));
    }
    double.set(Mode::Well);
    // A citizen whose own link leads there is found by the setting's way instead.
    let row = json!({ "id": 1, "name": "Udskrivningsadvis", "date": "2026-11-22T01:00:00.000+0000",
                      "patients": [{ "id": 12384, "_links": { "self": { "href": format!("{abroad}/patients/12384") } } }] });
    double.raw_row(ADVIS, row);
    care.lists().await.unwrap();
    care.who(&Whose::Citizen(citizen())).await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 0, "somebody else got our token");
}

#[test]
fn addresses_keep_what_is_said_to_themselves() {
    let made = |url: &str, token_url: &str| {
        let access = Access {
            url: url.into(),
            token_url: token_url.into(),
            client_id: "x".into(),
            secret: SecretString::from(CLIENT_SECRET),
        };
        Client::new(access, Names::default(), limits()).map(|_| ())
    };
    let good = "https://kommune.example/api/";
    assert_eq!(made(good, good), Ok(()));
    assert_eq!(made("http://localhost:1/", "http://127.0.0.1:1/token"), Ok(()));
    for wrong in
        ["", "kommune.example", "http://kommune.example/", "ftp://localhost/", "https://a:b@kommune.example/"]
    {
        assert_eq!(made(wrong, good), Err(BadAccess::Url), "{wrong}");
        assert_eq!(made(good, wrong), Err(BadAccess::TokenUrl), "{wrong}");
    }
}

#[tokio::test]
async fn a_note_becomes_a_form_of_the_named_kind_and_leaves_a_receipt() {
    let double = double().await;
    let care = care(&double);
    let receipt = care.write_note(&key("bo-1"), &citizen(), "Faldet ved sengen.", said_at()).await.unwrap();
    assert_eq!(receipt.as_str(), "nexus-form-9001");
    let again = care.write_note(&key("bo-1"), &citizen(), "Faldet ved sengen.", said_at()).await.unwrap();
    assert_eq!(again, receipt);
    let [written] = &double.written()[..] else { panic!("{:?}", double.written()) };
    // The form is sent back whole, with the one field filled.
    assert_eq!((&written["formDefinition"]["id"], &written["items"][0]["value"]), (&json!(12), &json!(null)));
    let text = written["items"][1]["value"].as_str().unwrap();
    assert_eq!(text, "Faldet ved sengen.\n\n[vagttavle 22.11.2026 03.14 · bo-1]");
}

#[tokio::test]
async fn a_lost_answer_to_a_note_is_away_and_it_is_not_tried_again_by_itself() {
    let double = double().await;
    let care = care(&double);
    double.set(Mode::LosesAnswers);
    let lost = care.write_note(&key("bo-1"), &citizen(), "Faldet.", said_at()).await;
    assert_eq!(lost, Err(away(Why::Failed)));
    assert_eq!(double.written().len(), 1, "it was written all the same");
    double.set(Mode::Well);
    // Refused tokens write nothing, so that may be tried again.
    double.refuse_next(1);
    care.write_note(&key("bo-1"), &citizen(), "Faldet.", said_at()).await.unwrap();
    let texts: Vec<String> = double.written().iter().map(|it| it["items"][1]["value"].to_string()).collect();
    assert_eq!(texts.len(), 2);
    assert_eq!(texts[0], texts[1], "a reader sees that they are one");
}

#[tokio::test]
async fn a_note_whose_asker_went_away_is_written_once() {
    let double = double().await;
    let care = care(&double);
    double.set(Mode::Slow);
    let (writing, note) = (care.clone(), key("bo-1"));
    let asker =
        tokio::spawn(async move { writing.write_note(&note, &citizen(), "Faldet.", said_at()).await });
    bounded("a held request", double.until_held(1)).await;
    asker.abort();
    double.set(Mode::Well);
    let receipt = care.write_note(&key("bo-1"), &citizen(), "Faldet.", said_at()).await.unwrap();
    assert_eq!((receipt.as_str(), double.written().len()), ("nexus-form-9001", 1));
}

#[tokio::test]
async fn what_is_not_set_up_says_so_and_asks_nothing() {
    let double = double().await;
    let care = care_with(&double, Names::default(), limits());
    let not = not_set_up;
    assert_eq!(care.who(&Whose::Citizen(citizen())).await.unwrap_err(), not("care.nexus.citizens_link"));
    let device = Whose::Device(ExternalId::new("dev-1").unwrap());
    assert_eq!(care.who(&device).await.unwrap_err(), not("care.nexus.device_key_type"));
    let note = care.write_note(&key("bo-1"), &citizen(), "Tekst", said_at()).await;
    assert_eq!(note, Err(not("care.nexus.note_form")));
    assert_eq!(care.lists().await, Err(not("care.lists")));
    let visits = care.visits(&VisitsOf::Everybody, said_at(), said_at()).await;
    assert_eq!(visits, Err(not("care.visits")));
    assert_eq!(care.set_paused(&citizen(), true).await, Err(not("care.nexus.paused_state")));
    assert!(double.asked().is_empty(), "{:?}", double.asked());
    let missing: Vec<Ability> = care.missing().into_iter().map(|(ability, _)| ability).collect();
    assert_eq!(missing, Ability::ALL);

    // A CPR number finds people all the same, and leads to them afterwards.
    care.who(&Whose::Cpr(Cpr::new(CPR).unwrap())).await.unwrap();
    care.who(&Whose::Citizen(citizen())).await.unwrap();
}

#[tokio::test]
async fn a_name_that_nexus_does_not_have_is_not_set_up_either() {
    let double = double().await;
    let mut wrong = names();
    wrong.nexus.note_form = some("Findes ikke");
    wrong.nexus.paused_state = some("Findes ikke");
    wrong.lists[0].name = "Findes ikke".into();
    let care = care_with(&double, wrong, limits());
    let note = care.write_note(&key("bo-1"), &citizen(), "Tekst", said_at()).await;
    assert_eq!(note, Err(not_set_up("care.nexus.note_form")));
    assert_eq!(care.set_paused(&citizen(), true).await, Err(not_set_up("care.nexus.paused_state")));
    assert_eq!(care.lists().await, Err(not_set_up("care.lists.name")));
    assert_eq!((double.written().len(), double.state_of(12384).as_str()), (0, "Aktiv"));
}

#[tokio::test]
async fn a_citizen_is_paused_and_resumed_by_the_named_states() {
    let double = double().await;
    let care = care(&double);
    let changes = || double.asked().iter().filter(|it| it.method == "PUT").count();
    for (paused, state, wrote) in
        [(true, "Pauseret", 1), (true, "Pauseret", 1), (false, "Aktiv", 2), (false, "Aktiv", 2)]
    {
        care.set_paused(&citizen(), paused).await.unwrap();
        assert_eq!((double.state_of(12384).as_str(), changes()), (state, wrote));
    }
    // The rest of the citizen went back as it came.
    let person = care.who(&Whose::Citizen(citizen())).await.unwrap();
    assert_eq!(person.name, "Esther Kanariegul");
    double.set(Mode::Away);
    assert_eq!(care.set_paused(&citizen(), true).await, Err(away(Why::Failed)));
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[tokio::test]
async fn rows_of_an_activity_list_over_all_its_pages_become_facts() {
    let double = double().await;
    let care = care(&double);
    // Seven rows, three on a page, newest first; and a list that is none of ours.
    double.row("Andet", 90, "Udskrivningsadvis", "2026-11-20T10:00:00.000+0000", 777);
    double.row(ADVIS, 7, "Dødsadvis", "2026-11-22T01:30:00.000+0000", 777);
    double.row(ADVIS, 6, "Fraflytning", "2026-11-22T01:00:00.000+0000", 777);
    double.row(ADVIS, 5, "Korrespondance", "2026-11-22T00:30:00.000+0000", 777);
    double.row(ADVIS, 4, "Udskrivningsadvis", "2026-11-22T01:15:00.000+0100", 12384);
    double.row(ADVIS, 3, "Melding om færdigbehandling", "2026-11-21T20:00:00Z", 12384);
    double.whole(3, json!({ "id": 3, "dueDateTime": "2026-11-22T09:00:00.000+0100" }));
    double.row(ADVIS, 2, "Indlæggelsesadvis", "2026-11-20T10:00:00.000+0000", 12384);
    // A reference that says nothing of the citizen; what it leads to has a CPR number only.
    let half = json!({ "id": 1, "name": "Indlæggelsesadvis", "date": "2026-11-19T10:00:00.000+0000",
                       "_links": { "referencedObject": { "href": "rows/1" } } });
    double.raw_row(ADVIS, half);
    double.whole(1, json!({ "id": 1, "patient": { "patientIdentifier": { "identifier": "0101010101" } } }));

    let heard = care.lists().await.unwrap();
    assert_eq!(heard.unreadable, Vec::new());
    assert!(heard.told.iter().all(|told| told.agreement.as_str() == "norddjurs"));
    let said = |told: &ListedFact| {
        let (what, citizen) = match &told.observation {
            Observation::StayAdmitted { citizen, .. } => ("admitted", citizen.clone()),
            Observation::StayDischargeExpected { citizen, expected_at, told_by, .. } => {
                assert_eq!((expected_at, told_by.as_str()), (&at("2026-11-22T08:00:00Z"), "care-system"));
                ("expected", citizen.clone())
            }
            Observation::StayDischarged { citizen, .. } => ("discharged", citizen.clone()),
            Observation::StayDied { citizen, .. } => ("died", citizen.clone()),
            Observation::CitizenMoved { citizen } => ("moved", Some(citizen.clone())),
            other => panic!("{other:?}"),
        };
        (told.at, what, citizen.unwrap().to_string())
    };
    let told: Vec<_> = heard.told.iter().map(said).collect();
    let expected = [
        ("2026-11-19T10:00:00Z", "admitted", "nexus-777"),
        ("2026-11-20T10:00:00Z", "admitted", "nexus-12384"),
        ("2026-11-21T20:00:00Z", "expected", "nexus-12384"),
        ("2026-11-22T00:15:00Z", "discharged", "nexus-12384"),
        ("2026-11-22T01:00:00Z", "moved", "nexus-777"),
        ("2026-11-22T01:30:00Z", "died", "nexus-777"),
    ];
    assert_eq!(told, expected.map(|(when, what, who)| (at(when), what, who.to_owned())));
    assert_eq!(care.lists().await.unwrap(), heard, "the same keys each time");
    assert_eq!(double.asked_for("/content"), 2, "only the list that is named");
    let keys: std::collections::BTreeSet<_> = heard.told.iter().map(|told| told.key.as_str()).collect();
    assert_eq!(keys.len(), 6);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_said_and_the_others_are_read() {
    let double = double().await;
    let care = care(&double);
    double.row(ADVIS, 1, "Udskrivningsadvis", "i går", 12384);
    let two = json!({ "id": 2, "name": "Udskrivningsadvis", "date": "2026-11-22T01:00:00Z",
                      "patients": [{ "id": 12384 }, { "id": 777 }] });
    double.raw_row(ADVIS, two);
    double.raw_row(ADVIS, json!({ "name": "Udskrivningsadvis" }));
    // Of a citizen whom we may not see.
    double.citizen(5, "Ikke Vores", "311299-0007");
    let theirs = json!({ "id": 4, "name": "Udskrivningsadvis", "date": "2026-11-22T01:00:00Z",
                         "patients": [{ "patientIdentifier": { "identifier": "311299-0007" } }] });
    double.raw_row(ADVIS, theirs);
    // Expected home, but it does not say when.
    double.row(ADVIS, 5, "Melding om færdigbehandling", "2026-11-22T01:00:00Z", 12384);
    double.whole(5, json!({ "id": 5 }));
    double.row(ADVIS, 6, "Udskrivningsadvis", "2026-11-22T01:00:00Z", 12384);
    let heard = care.lists().await.unwrap();
    assert_eq!(heard.told.len(), 1);
    let unreadable: Vec<&str> = heard.unreadable.iter().map(ExternalId::as_str).collect();
    assert_eq!(
        unreadable,
        ["nexus-row-1", "nexus-row-2", "nexus-row-without-id", "nexus-row-4", "nexus-row-5"]
    );
}

#[tokio::test]
async fn planned_visits_are_the_events_that_are_named_visits() {
    let double = double().await;
    let care = care(&double);
    double.row("Vores borgere", 1, "Borger", "2026-11-01T00:00:00Z", 12384);
    double.row("Vores borgere", 2, "Borger", "2026-11-01T00:00:00Z", 777);
    double.row("Vores borgere", 3, "Borger", "2026-11-01T00:00:00Z", 12384);
    let event = |id: u64, title: &str, start: &str| json!({ "id": id, "title": title, "start": start });
    let title = "Personlig pleje, aften";
    double.event(12384, event(31, title, "2026-11-22T19:00:00.000+0100"));
    double.event(12384, event(32, "Frisør", "2026-11-22T12:00:00.000+0100"));
    double.event(12384, event(33, title, "2026-11-29T19:00:00.000+0100"));
    let mut begun = event(41, title, "2026-11-22T20:00:00.000+0100");
    begun["actualStart"] = json!("2026-11-22T20:11:00.000+0100");
    double.event(777, begun);
    let day = (said_at(), said_at() + TimeDelta::hours(24));
    let plan = care.visits(&VisitsOf::Everybody, day.0, day.1).await.unwrap();
    let mut visits = plan.visits.clone();
    visits.sort_by(|a, b| a.visit.cmp(&b.visit));
    let said: Vec<_> = visits
        .iter()
        .map(|it| (it.visit.as_str(), it.citizen.as_str(), it.planned_at, it.started_at, it.tells_start))
        .collect();
    let expected = [
        ("nexus-event-31", "nexus-12384", at("2026-11-22T18:00:00Z"), None, true),
        ("nexus-event-41", "nexus-777", at("2026-11-22T19:00:00Z"), Some(at("2026-11-22T19:11:00Z")), true),
    ];
    assert_eq!(said, expected);
    let others: Vec<&str> = plan.others.iter().map(|it| it.as_str()).collect();
    assert_eq!(others, ["nexus-event-32", "nexus-event-33"], "there, and no visit of that day");
    let whole: Vec<&str> = plan.whole.iter().map(|it| it.as_str()).collect();
    assert_eq!((whole, plan.held, plan.unreadable), (vec!["nexus-12384", "nexus-777"], None, vec![]));
    let before = double.asked().len();
    let one = care.visits(&VisitsOf::Citizen(citizen()), day.0, day.1).await.unwrap();
    assert_eq!((one.visits.len(), one.visits[0].visit.as_str()), (1, "nexus-event-31"));
    assert_eq!(double.asked().len() - before, 1, "the way to a calendar is remembered");

    let mut unknown = names();
    unknown.visits.as_mut().unwrap().started_field = None;
    let care = care_with(&double, unknown, limits());
    assert_eq!(care.missing(), vec![(Ability::VisitStarts, "care.visits.started_field")]);
    let visits = care.visits(&VisitsOf::Everybody, day.0, day.1).await.unwrap().visits;
    assert!(visits.iter().all(|it| !it.tells_start && it.started_at.is_none()), "{visits:?}");
}

#[tokio::test]
async fn a_calendar_that_is_not_read_to_its_end_is_not_whole_and_holds_up_no_other() {
    let double = double().await;
    let care = care(&double);
    let title = "Personlig pleje, aften";
    for (row, number) in [(1, 12384), (2, 777)] {
        double.row("Vores borgere", row, "Borger", "2026-11-01T00:00:00Z", number);
        let start = "2026-11-22T19:00:00.000+0100";
        double.event(number, json!({ "id": number, "title": title, "start": start }));
    }
    let day = (said_at(), said_at() + TimeDelta::hours(24));
    let read = || care.visits(&VisitsOf::Everybody, day.0, day.1);
    let whole = |plan: &Plan| plan.whole.iter().map(|it| it.to_string()).collect::<Vec<_>>();
    assert_eq!(whole(&read().await.unwrap()), ["nexus-12384", "nexus-777"]);
    for (status, why) in [
        (StatusCode::FORBIDDEN, CareError::Refused),
        (StatusCode::NOT_FOUND, CareError::Away { why: Why::Unreadable }),
        (StatusCode::SERVICE_UNAVAILABLE, CareError::Away { why: Why::Failed }),
    ] {
        double.bar("calendars/777/events", Some(status));
        let plan = read().await.unwrap();
        assert_eq!((plan.visits.len(), whole(&plan)), (1, vec!["nexus-12384".to_owned()]), "{status}");
        assert_eq!(plan.held, Some(Held { count: 1, why }), "{status}");
    }
    double.bar("calendars/12384/events", Some(StatusCode::FORBIDDEN));
    double.bar("calendars/777/events", Some(StatusCode::FORBIDDEN));
    assert_eq!(read().await, Err(CareError::Refused), "nothing of it is an answer");
    double.bar("calendars/12384/events", None);
    double.bar("calendars/777/events", None);
    // Says that there is more than it shows; holds something without an id; a visit that does not say when.
    double.shorten(true);
    let plan = read().await.unwrap();
    assert_eq!((plan.visits.len(), whole(&plan)), (2, vec![]));
    double.shorten(false);
    double.event(777, json!({ "title": title }));
    double.event(12384, json!({ "id": 9, "title": title, "start": "i morgen" }));
    let plan = read().await.unwrap();
    assert_eq!((plan.visits.len(), whole(&plan)), (2, vec!["nexus-12384".to_owned()]));
    assert_eq!(plan.unreadable.iter().map(|it| it.as_str()).collect::<Vec<_>>(), ["nexus-event-9"]);
    assert!(plan.others.contains(&plan.unreadable[0]), "it is there, whatever it says");
}

#[tokio::test]
async fn a_row_about_a_citizen_that_is_refused_is_held_and_the_others_are_told() {
    let double = double().await;
    let care = care(&double);
    double.row(ADVIS, 1, "Udskrivningsadvis", "2026-11-22T01:00:00Z", 12384);
    double.raw_row(
        ADVIS,
        json!({ "id": 2, "name": "Udskrivningsadvis", "date": "2026-11-22T02:00:00Z",
        "_links": { "referencedObject": { "href": double.link("rows/2") } } }),
    );
    for status in [StatusCode::FORBIDDEN, StatusCode::BAD_GATEWAY] {
        double.bar("rows/2", Some(status));
        let heard = care.lists().await.unwrap();
        assert_eq!((heard.told.len(), heard.held.map(|it| it.count)), (1, Some(1)), "{status}");
        assert_eq!(heard.unreadable, vec![]);
    }
    double.bar("rows/2", None);
    double.whole(2, json!({ "id": 2, "patients": [{ "id": 777 }] }));
    let heard = care.lists().await.unwrap();
    assert_eq!((heard.told.len(), heard.held), (2, None));
}

#[test]
fn debug_and_errors_show_nothing_personal() {
    let access = Access {
        url: "https://kommune.example/api/".into(),
        token_url: "https://kommune.example/token".into(),
        client_id: "x".into(),
        secret: SecretString::from(CLIENT_SECRET),
    };
    let shown = format!("{access:?} {:?}", Client::new(access.clone(), names(), limits()).unwrap());
    assert!(!shown.contains(CLIENT_SECRET), "{shown}");
    assert_eq!(not_set_up("care.lists").to_string(), "not set up: care.lists");
}
