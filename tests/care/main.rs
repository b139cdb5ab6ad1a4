//! The care port against the demo's care system, over real HTTP on a free port.

mod nexus;
mod nexus_double;

use std::future::Future;
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;
use vagttavle::care::demo::{BadAddress, Client, Limits};
use vagttavle::care::demo_service::{Invented, Mode, Service};
use vagttavle::care::{Care, CareError, Cpr, ListedFact, Plan, Visit, VisitsOf, Whose, Why};
use vagttavle::domain::identity::{CitizenId, ExternalId, Key, looks_like_cpr};
use vagttavle::domain::observation::{Grant, Help, Observation};

/// No test waits longer than this for a condition.
const BOUND: Duration = Duration::from_secs(20);
const TOKEN: &str = "care-token-of-the-test";

/// A service on a free port; stopped when dropped.
struct Running {
    service: Service,
    base: String,
    stop: CancellationToken,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Running {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let service = Service::new(7, SecretString::from(TOKEN));
        let stop = CancellationToken::new();
        tokio::spawn(service.clone().serve(listener, stop.clone().cancelled_owned()));
        Self { service, base, stop }
    }

    fn care(&self) -> Care {
        self.care_with(limits(), TOKEN)
    }

    fn care_with(&self, limits: Limits, token: &str) -> Care {
        Care::Demo(Client::new(&self.base, SecretString::from(token), limits).unwrap())
    }

    fn first(&self) -> Invented {
        self.service.citizens()[0].clone()
    }
}

/// As shipped, without the pauses, and patient enough for a loaded machine.
fn limits() -> Limits {
    Limits {
        connect_for: BOUND,
        read_for: BOUND,
        write_for: BOUND,
        pause_for: Duration::ZERO,
        ..Limits::default()
    }
}

async fn bounded<T>(what: &str, wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, wait).await.unwrap_or_else(|_| panic!("gave up waiting for {what}"))
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn said_at() -> DateTime<Utc> {
    "2026-11-22T02:14:00Z".parse().unwrap()
}

#[tokio::test]
async fn a_citizen_and_a_device_lead_to_the_same_person() {
    let running = Running::start().await;
    let care = running.care();
    for known in running.service.citizens() {
        let by_id = care.who(&Whose::Citizen(known.person.citizen.clone())).await.unwrap();
        let by_device = care.who(&Whose::Device(known.device.clone())).await.unwrap();
        // `assert_eq` would show nothing anyway: `Debug` hides it.
        assert!(by_id == known.person && by_device == known.person, "another person than invented");
    }
}

#[tokio::test]
async fn whom_the_care_system_does_not_know() {
    let running = Running::start().await;
    let care = running.care();
    // An id with a slash is one id, not a path.
    for stranger in ["demo-citizen-jam-9999", "demo-citizen-jam-0001/notes"] {
        let whose = Whose::Citizen(CitizenId::new(stranger).unwrap());
        assert_eq!(care.who(&whose).await.unwrap_err(), CareError::Unknown, "{stranger}");
    }
    let device = Whose::Device(ExternalId::new("demo-device-0404").unwrap());
    assert_eq!(care.who(&device).await.unwrap_err(), CareError::Unknown);
    let nobody = CitizenId::new("demo-citizen-nor-9999").unwrap();
    let written = care.write_note(&key("bo-1"), &nobody, "Tekst", said_at()).await;
    assert_eq!(written, Err(CareError::Unknown));
    assert_eq!(running.service.notes(), 0);
}

#[tokio::test]
async fn a_cpr_number_leads_to_our_citizen_or_to_nobody() {
    let running = Running::start().await;
    let care = running.care();
    let known = running.first();
    running.service.know(Cpr::new("250947-9989").unwrap(), known.person.citizen.clone());
    let found = care.who(&Whose::Cpr(Cpr::new("2509479989").unwrap())).await.unwrap();
    assert!(found == known.person, "another person than the one with the number");
    let stranger = Whose::Cpr(Cpr::new("0101010101").unwrap());
    assert_eq!(care.who(&stranger).await.unwrap_err(), CareError::Unknown);
    running.service.set(Mode::Away);
    assert_eq!(care.who(&stranger).await.unwrap_err(), CareError::Away { why: Why::Failed });
}

#[tokio::test]
async fn lists_and_visits_are_read_and_a_citizen_is_paused_and_resumed() {
    let running = Running::start().await;
    let care = running.care();
    let citizen = running.first().person.citizen;
    assert_eq!(care.lists().await.unwrap().told, Vec::new());
    let stay = ExternalId::new("stay-1").unwrap();
    let told = ListedFact {
        key: key("row-1"),
        at: said_at(),
        agreement: running.first().agreement,
        observation: Observation::StayDischarged { stay, citizen: Some(citizen.clone()) },
    };
    running.service.tell(told.clone());
    assert_eq!(care.lists().await.unwrap().told, vec![told]);

    let visit = |id: &str, hours: i64| Visit {
        visit: ExternalId::new(id).unwrap(),
        citizen: citizen.clone(),
        agreement: running.first().agreement,
        grant: Grant::Service,
        help: Help::Personal,
        planned_at: said_at() + chrono::TimeDelta::hours(hours),
        tells_start: true,
        started_at: None,
        done_at: None,
    };
    let (soon, later) = (visit("v-1", 1), visit("v-2", 30));
    running.service.plan(soon.clone());
    running.service.plan(later);
    let day = (said_at(), said_at() + chrono::TimeDelta::hours(24));
    assert_eq!(care.visits(&VisitsOf::Everybody, day.0, day.1).await.unwrap().visits, vec![soon.clone()]);
    assert_eq!(
        care.visits(&VisitsOf::Citizen(citizen.clone()), day.0, day.1).await.unwrap().visits,
        vec![soon]
    );
    let other = VisitsOf::Citizen(running.service.citizens()[1].person.citizen.clone());
    assert_eq!(
        care.visits(&other, day.0, day.1).await.unwrap(),
        Plan::default(),
        "and it is not said to be whole"
    );

    for paused in [true, true, false] {
        care.set_paused(&citizen, paused).await.unwrap();
        assert_eq!(running.service.is_paused(&citizen), paused);
    }
    let stranger = CitizenId::new("demo-citizen-jam-9999").unwrap();
    assert_eq!(care.set_paused(&stranger, true).await, Err(CareError::Unknown));
}

#[test]
fn a_cpr_number_is_checked_and_shows_nothing_of_itself() {
    for wrong in ["", "250947998", "25094799890", "25-09479989", "2509a79989", "3213010101", "250947 9989"] {
        assert!(Cpr::new(wrong).is_err(), "{wrong}");
    }
    let whose = Whose::Cpr(Cpr::new("250947-9989").unwrap());
    assert_eq!(format!("{whose:?}"), "Cpr(Cpr(…))");
}

#[tokio::test]
async fn a_note_is_written_and_leaves_a_receipt() {
    let running = Running::start().await;
    let care = running.care();
    let citizen = running.first().person.citizen;
    let first = care.write_note(&key("bo-1"), &citizen, "Faldet ved sengen.", said_at()).await.unwrap();
    let second = care.write_note(&key("bo-2"), &citizen, "Ringet til datter.", said_at()).await.unwrap();
    assert_ne!(first, second);
    assert_eq!(running.service.notes(), 2);
    assert!(running.service.has_note(&citizen, "Faldet ved sengen."));
    assert!(running.service.has_note(&citizen, "Ringet til datter."));
}

#[tokio::test]
async fn the_same_key_writes_one_note_also_when_the_answer_was_lost() {
    let running = Running::start().await;
    let care = running.care();
    let citizen = running.first().person.citizen;
    running.service.set(Mode::LosesAnswers);
    let lost = care.write_note(&key("bo-1"), &citizen, "Faldet ved sengen.", said_at()).await;
    assert_eq!(lost, Err(CareError::Away { why: Why::Failed }));
    assert_eq!(running.service.notes(), 1, "it was written all the same");
    assert_eq!(running.service.asked(), 1, "a write is not tried again by itself");

    running.service.set(Mode::Well);
    let again = care.write_note(&key("bo-1"), &citizen, "Faldet ved sengen.", said_at()).await.unwrap();
    let thrice = care.write_note(&key("bo-1"), &citizen, "Faldet ved sengen.", said_at()).await.unwrap();
    assert_eq!(again, thrice);
    assert_eq!(running.service.notes(), 1);

    let other = care.write_note(&key("bo-1"), &citizen, "Noget andet.", said_at()).await;
    assert_eq!(other, Err(CareError::Refused), "a key belongs to one text");
    assert!(!running.service.has_note(&citizen, "Noget andet."));
}

#[tokio::test]
async fn an_empty_note_and_a_wrong_token_are_refused() {
    let running = Running::start().await;
    let citizen = running.first().person.citizen;
    let empty = running.care().write_note(&key("bo-1"), &citizen, "  ", said_at()).await;
    assert_eq!(empty, Err(CareError::Refused));
    let stranger = running.care_with(limits(), "another-token");
    assert_eq!(stranger.who(&Whose::Citizen(citizen.clone())).await.unwrap_err(), CareError::Refused);
    let written = stranger.write_note(&key("bo-2"), &citizen, "Tekst", said_at()).await;
    assert_eq!(written, Err(CareError::Refused));
    assert_eq!(running.service.notes(), 0);
}

#[tokio::test]
async fn a_read_is_tried_a_few_times_and_a_write_once_while_it_is_away() {
    let running = Running::start().await;
    let care = running.care();
    let known = running.first();
    running.service.set(Mode::Away);
    let away = CareError::Away { why: Why::Failed };
    assert_eq!(care.who(&Whose::Device(known.device.clone())).await.unwrap_err(), away);
    assert_eq!(running.service.asked(), limits().read_tries);
    let written = care.write_note(&key("bo-1"), &known.person.citizen, "Tekst", said_at()).await;
    assert_eq!(written, Err(away));
    assert_eq!(running.service.asked(), limits().read_tries + 1);

    running.service.set(Mode::Well);
    assert!(care.who(&Whose::Device(known.device)).await.is_ok(), "and is there again");
}

#[tokio::test]
async fn nobody_at_the_address() {
    // Ours, so that nobody else gets it, and not listened on.
    let taken = TcpSocket::new_v4().unwrap();
    taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let base = format!("http://{}", taken.local_addr().unwrap());
    let care = Care::Demo(Client::new(&base, SecretString::from(TOKEN), limits()).unwrap());
    let whose = Whose::Device(ExternalId::new("demo-device-0001").unwrap());
    let error = bounded("an answer from nobody", care.who(&whose)).await.unwrap_err();
    assert_eq!(error, CareError::Away { why: Why::Unreachable });
}

#[tokio::test]
async fn a_slow_answer_is_waited_for_within_the_limit() {
    let running = Running::start().await;
    let (care, known) = (running.care(), running.first());
    running.service.set(Mode::Slow);
    let asking = tokio::spawn(async move { care.who(&Whose::Device(known.device)).await });
    bounded("a held request", running.service.until_held(1)).await;
    assert!(!asking.is_finished(), "answered while the service held it");
    running.service.set(Mode::Well);
    let person = bounded("the answer", asking).await.unwrap().unwrap();
    assert!(person == running.first().person);
}

#[tokio::test]
async fn beyond_the_limit_it_is_away_and_a_read_is_not_tried_again() {
    let running = Running::start().await;
    let known = running.first();
    let short = Duration::from_millis(40);
    let care = running.care_with(Limits { read_for: short, write_for: short, ..limits() }, TOKEN);
    running.service.set(Mode::Slow);
    let too_long = CareError::Away { why: Why::TookTooLong };
    let read = bounded("the read's limit", care.who(&Whose::Device(known.device))).await;
    assert_eq!(read.unwrap_err(), too_long);
    let bo = key("bo-1");
    let wrote = care.write_note(&bo, &known.person.citizen, "Tekst", said_at());
    assert_eq!(bounded("the write's limit", wrote).await, Err(too_long));
    assert!(running.service.asked() <= 2, "asked {} times", running.service.asked());
}

#[tokio::test]
async fn stopping_the_service_lets_go_of_what_it_holds() {
    let running = Running::start().await;
    let (care, known) = (running.care(), running.first());
    running.service.set(Mode::Slow);
    let asking = tokio::spawn(async move { care.who(&Whose::Device(known.device)).await });
    bounded("a held request", running.service.until_held(1)).await;
    running.stop.cancel();
    let answer = bounded("the end of the held request", asking).await.unwrap();
    assert!(matches!(answer, Err(CareError::Away { .. })), "{answer:?}");
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_no_answer() {
    let running = Running::start().await;
    let (care, known) = (running.care(), running.first());
    let unreadable = CareError::Away { why: Why::Unreadable };
    running.service.set(Mode::Garbled);
    assert_eq!(care.who(&Whose::Device(known.device)).await.unwrap_err(), unreadable);
    // Another citizen's name on this entry would be worse than none.
    running.service.set(Mode::WrongPerson);
    assert_eq!(care.who(&Whose::Citizen(known.person.citizen)).await.unwrap_err(), unreadable);
}

#[tokio::test]
async fn switched_off_it_is_away() {
    let off = CareError::NotSetUp { setting: "care.adapter" };
    let whose = Whose::Citizen(CitizenId::new("demo-citizen-jam-0001").unwrap());
    assert_eq!(Care::Off.who(&whose).await.unwrap_err(), off);
    let Whose::Citizen(citizen) = whose else { unreachable!() };
    assert_eq!(Care::Off.write_note(&key("bo-1"), &citizen, "Tekst", said_at()).await, Err(off));
    assert_eq!(Care::Off.lists().await, Err(off));
    assert_eq!(Care::Off.visits(&VisitsOf::Everybody, said_at(), said_at()).await, Err(off));
    assert_eq!(Care::Off.set_paused(&citizen, true).await, Err(off));
}

#[test]
fn debug_and_errors_show_nothing_personal() {
    let service = Service::new(7, SecretString::from(TOKEN));
    for known in service.citizens() {
        let person = &known.person;
        let shown = format!("{person:?} {known:?}");
        let said = [&person.name, &person.address]
            .into_iter()
            .chain(person.phone.as_ref())
            .chain(person.key_box.as_ref());
        for personal in said {
            assert!(!shown.contains(personal.as_str()), "{shown}");
        }
        assert!(!format!("{person:?}").contains(person.citizen.as_str()));
    }
    let client = Client::new("http://127.0.0.1:1", SecretString::from(TOKEN), limits()).unwrap();
    assert!(!format!("{:?}", Care::Demo(client)).contains(TOKEN));
    assert_eq!(
        CareError::Away { why: Why::TookTooLong }.to_string(),
        "the care system is away: took-too-long"
    );
}

#[test]
fn an_address_must_be_one() {
    for wrong in ["", "127.0.0.1:80", "ftp://localhost", "mailto:nexus"] {
        let made = Client::new(wrong, SecretString::from(TOKEN), limits());
        assert_eq!(made.unwrap_err(), BadAddress, "{wrong}");
    }
}

#[test]
fn the_same_seed_invents_the_same_people_and_nobody_real() {
    let (one, same, other) = (people(7), people(7), people(8));
    assert!(one == same && one != other);
    assert!(
        one.iter().any(|it| it.person.key_box.is_none()) && one.iter().any(|it| it.person.key_box.is_some())
    );
    for agreement in ["jammerbugt", "norddjurs"] {
        assert_eq!(one.iter().filter(|it| it.agreement.as_str() == agreement).count(), 12, "{agreement}");
    }
    for seed in 0..50 {
        let all = people(seed);
        for (nth, it) in all.iter().enumerate() {
            let phone = it.person.phone.as_deref().unwrap();
            assert!(phone.starts_with("00 00 ") && phone.len() == 11, "a number somebody may have");
            for text in [&it.person.name, &it.person.address, it.person.phone.as_ref().unwrap()] {
                assert!(!looks_like_cpr(text), "seed {seed}: a CPR shape");
            }
            for before in &all[..nth] {
                assert!(before.person.name != it.person.name, "seed {seed}: one name twice");
                assert!(before.person.phone != it.person.phone, "seed {seed}: one number twice");
                assert!(before.device != it.device && before.person.citizen != it.person.citizen);
            }
        }
    }
}

fn people(seed: u64) -> Vec<Invented> {
    Service::new(seed, SecretString::from(TOKEN)).citizens().to_vec()
}
