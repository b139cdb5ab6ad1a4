//! The demo's care system: an HTTP service with invented citizens, everything in memory.
//!
//! Owns the invented people. The same seed invents the same ones; nobody of them exists: the streets are not to be
//! found in the towns, the surnames were made up, the telephone numbers begin with 00 00, which nobody has, and
//! nobody has a CPR number, unless a test says whose is whose. It can be told to be slow, away or wrong, for tests. Must never write anything to disk.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::demo::{KEY_HEADER, WireNote, WirePerson, WireReceipt, WireSearch};
use super::{Cpr, ListedFact, Person, Visit, locked};
use crate::domain::identity::{AgreementId, CitizenId, ExternalId};

/// Longest request body (bytes).
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Invented citizens of each municipality.
const CITIZENS_EACH: usize = 12;

/// An invented citizen: who, under which agreement, with which alarm device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invented {
    pub agreement: AgreementId,
    pub device: ExternalId,
    pub person: Person,
}

/// How the service behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    #[default]
    Well,
    /// Every request is held until the mode changes.
    Slow,
    /// Every request is answered "cannot now".
    Away,
    /// Notes are written, but the answer says "cannot now".
    LosesAnswers,
    /// Answers are no JSON.
    Garbled,
    /// Answers are about another citizen.
    WrongPerson,
}

/// The service. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Service {
    inner: Arc<Inner>,
}

struct Inner {
    token: SecretString,
    citizens: Vec<Invented>,
    /// By key. A text is kept only as whether it is the same.
    notes: Mutex<HashMap<String, Written>>,
    cprs: Mutex<Vec<(Cpr, CitizenId)>>,
    refused: Mutex<Vec<Cpr>>,
    told: Mutex<Vec<ListedFact>>,
    visits: Mutex<Vec<Visit>>,
    paused: Mutex<BTreeSet<CitizenId>>,
    mode: watch::Sender<Mode>,
    held: watch::Sender<usize>,
    asked: watch::Sender<usize>,
}

struct Written {
    citizen: CitizenId,
    text: String,
    receipt: ExternalId,
}

impl Service {
    /// A service with the citizens of this seed, open to whoever has `token`.
    pub fn new(seed: u64, token: SecretString) -> Self {
        Self::of(invent(seed), token)
    }

    /// A service with these citizens.
    pub fn of(citizens: Vec<Invented>, token: SecretString) -> Self {
        let inner = Inner {
            token,
            citizens,
            notes: Mutex::default(),
            cprs: Mutex::default(),
            refused: Mutex::default(),
            told: Mutex::default(),
            visits: Mutex::default(),
            paused: Mutex::default(),
            mode: watch::Sender::new(Mode::Well),
            held: watch::Sender::new(0),
            asked: watch::Sender::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    pub fn citizens(&self) -> &[Invented] {
        &self.inner.citizens
    }

    /// From now on it behaves so; what is held goes on.
    pub fn set(&self, mode: Mode) {
        self.inner.mode.send_replace(mode);
    }

    /// Waits until at least so many requests have been held since it began. Only in [`Mode::Slow`] is any.
    pub async fn until_held(&self, at_least: usize) {
        // The sender lives in `self`: it cannot be gone.
        let _ = self.inner.held.subscribe().wait_for(|held| *held >= at_least).await;
    }

    /// From now on a search for this number finds this citizen.
    pub fn know(&self, cpr: Cpr, citizen: CitizenId) {
        locked(&self.inner.cprs).push((cpr, citizen));
    }

    /// Whether a search for this number is refused, whoever asks.
    pub fn refuse(&self, cpr: Cpr, refused: bool) {
        let mut all = locked(&self.inner.refused);
        all.retain(|it| *it != cpr);
        all.extend(refused.then_some(cpr));
    }

    /// From now on this stands in the lists.
    pub fn tell(&self, told: ListedFact) {
        locked(&self.inner.told).push(told);
    }

    /// From now on this visit is planned.
    pub fn plan(&self, visit: Visit) {
        let mut visits = locked(&self.inner.visits);
        visits.retain(|known| known.visit != visit.visit);
        visits.push(visit);
    }

    pub fn is_paused(&self, citizen: &CitizenId) -> bool {
        locked(&self.inner.paused).contains(citizen)
    }

    /// Requests that came so far, the refused ones included.
    pub fn asked(&self) -> usize {
        *self.inner.asked.borrow()
    }

    /// Notes that stand written.
    pub fn notes(&self) -> usize {
        self.notes_by_key().len()
    }

    /// Whether this text stands written about this citizen.
    pub fn has_note(&self, citizen: &CitizenId, text: &str) -> bool {
        self.notes_by_key().values().any(|note| note.citizen == *citizen && note.text == text)
    }

    fn notes_by_key(&self) -> MutexGuard<'_, HashMap<String, Written>> {
        locked(&self.inner.notes)
    }

    fn knows(&self, citizen: &str) -> bool {
        self.citizens().iter().any(|it| it.person.citizen.as_str() == citizen)
    }

    pub fn router(&self) -> Router {
        Router::new()
            .route("/citizens/{citizen}", get(citizen))
            .route("/citizens/search", post(search))
            .route("/devices/{device}", get(device))
            .route("/citizens/{citizen}/notes", post(note))
            .route("/citizens/{citizen}/visits", get(visits_of))
            .route("/citizens/{citizen}/paused", put(pause))
            .route("/visits", get(visits))
            .route("/lists", get(lists))
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .layer(middleware::from_fn_with_state(self.clone(), behave))
            .with_state(self.clone())
    }

    /// Serves until `shutdown` is done; what is held then is answered "cannot now".
    ///
    /// # Errors
    /// The listener failed.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let router = self.router();
        let shutdown = async move {
            shutdown.await;
            self.set(Mode::Away);
        };
        axum::serve(listener, router).with_graceful_shutdown(shutdown).await
    }
}

/// Token first, then whatever the mode says.
async fn behave(State(service): State<Service>, request: Request, next: Next) -> Response {
    let inner = &service.inner;
    inner.asked.send_modify(|asked| *asked += 1);
    let wanted = format!("Bearer {}", inner.token.expose_secret());
    if request.headers().get(header::AUTHORIZATION).is_none_or(|given| given.as_bytes() != wanted.as_bytes())
    {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let mut modes = inner.mode.subscribe();
    if *modes.borrow() == Mode::Slow {
        inner.held.send_modify(|held| *held += 1);
        let _ = modes.wait_for(|mode| *mode != Mode::Slow).await;
    }
    let mode = *modes.borrow();
    match mode {
        Mode::Well | Mode::Slow | Mode::WrongPerson => next.run(request).await,
        Mode::Away => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Mode::Garbled => "<html>".into_response(),
        Mode::LosesAnswers => {
            next.run(request).await;
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

async fn citizen(State(service): State<Service>, Path(id): Path<String>) -> Response {
    service.answer(|it| it.person.citizen.as_str() == id)
}

async fn device(State(service): State<Service>, Path(id): Path<String>) -> Response {
    service.answer(|it| it.device.as_str() == id)
}

async fn search(State(service): State<Service>, Json(search): Json<WireSearch>) -> Response {
    let Ok(cpr) = Cpr::new(&search.cpr) else { return StatusCode::UNPROCESSABLE_ENTITY.into_response() };
    if locked(&service.inner.refused).contains(&cpr) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let cprs = locked(&service.inner.cprs).clone();
    match cprs.into_iter().find(|(known, _)| *known == cpr) {
        None => StatusCode::NOT_FOUND.into_response(),
        Some((_, citizen)) => service.answer(|it| it.person.citizen == citizen),
    }
}

impl Service {
    fn answer(&self, is_wanted: impl Fn(&Invented) -> bool) -> Response {
        let is_wrong = *self.inner.mode.borrow() == Mode::WrongPerson;
        match self.citizens().iter().find(|it| is_wanted(it) != is_wrong) {
            None => StatusCode::NOT_FOUND.into_response(),
            Some(it) => {
                let Person { citizen, name, address, phone, key_box } = it.person.clone();
                Json(WirePerson { citizen, name, address, phone, key_box }).into_response()
            }
        }
    }
}

async fn lists(State(service): State<Service>) -> Response {
    Json(locked(&service.inner.told).clone()).into_response()
}

async fn visits(State(service): State<Service>) -> Response {
    Json(locked(&service.inner.visits).clone()).into_response()
}

async fn visits_of(State(service): State<Service>, Path(id): Path<String>) -> Response {
    if !service.knows(&id) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let mut visits = locked(&service.inner.visits).clone();
    visits.retain(|visit| visit.citizen.as_str() == id);
    Json(visits).into_response()
}

async fn pause(State(service): State<Service>, Path(id): Path<String>, Json(paused): Json<bool>) -> Response {
    let Some(it) = service.citizens().iter().find(|it| it.person.citizen.as_str() == id) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let citizen = it.person.citizen.clone();
    let mut all = locked(&service.inner.paused);
    if paused {
        all.insert(citizen);
    } else {
        all.remove(&citizen);
    }
    Json(()).into_response()
}

async fn note(
    State(service): State<Service>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(note): Json<WireNote>,
) -> Response {
    let Some(about) = service.citizens().iter().find(|it| it.person.citizen.as_str() == id) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let Some(key) = headers.get(KEY_HEADER).and_then(|key| key.to_str().ok()) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    if note.text.trim().is_empty() {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    }
    let mut notes = service.notes_by_key();
    if let Some(known) = notes.get(key) {
        let is_same = known.citizen == about.person.citizen && known.text == note.text;
        return if is_same {
            Json(WireReceipt { receipt: known.receipt.clone() }).into_response()
        } else {
            StatusCode::CONFLICT.into_response()
        };
    }
    let receipt = id_of("demo-note", notes.len() + 1);
    let citizen = about.person.citizen.clone();
    notes.insert(key.to_owned(), Written { citizen, text: note.text, receipt: receipt.clone() });
    (StatusCode::CREATED, Json(WireReceipt { receipt })).into_response()
}

fn id_of(what: &str, number: usize) -> ExternalId {
    ExternalId::new(format!("{what}-{number:04}")).expect("lower-case letters, hyphens and four digits")
}

// ---- the invented people --------------------------------------------------------------------

const GIVEN: [&str; 24] = [
    "Agnete",
    "Anders Peter",
    "Bodil",
    "Børge",
    "Dagny",
    "Ejnar",
    "Else Marie",
    "Esther",
    "Frede",
    "Gerda",
    "Gunnar",
    "Helga",
    "Herluf",
    "Inger-Lis",
    "Johannes",
    "Karla",
    "Knud Aage",
    "Magda",
    "Niels Kristian",
    "Oda",
    "Poul Erik",
    "Rigmor",
    "Svend Aage",
    "Valborg",
];
const SURNAMES: [&str; 24] = [
    "Blåvrå",
    "Dagskov",
    "Ellebæklund",
    "Fjordmose",
    "Gyvelhøj",
    "Havrekær",
    "Hyldespang",
    "Klitvang",
    "Kystlund",
    "Lyngsande",
    "Marehalm",
    "Mosegaardlund",
    "Nattergaard",
    "Porsehede",
    "Revlebjerg",
    "Rughave",
    "Sandvrå",
    "Skumring",
    "Strandvik Øe",
    "Tangmose",
    "Tidslund",
    "Tranebærholm",
    "Vesterklit",
    "Åmandslund",
];
/// Not to be found in any of the towns.
const STREETS: [&str; 16] = [
    "Aftentågen",
    "Brombærslippen",
    "Den Lange Vante",
    "Harespringet",
    "Katteporten",
    "Kludetæppet",
    "Lærkelåsen",
    "Mågekløften",
    "Pindsvinestræde",
    "Rugbrødsvænget",
    "Sivsangerstien",
    "Sneglehusvej",
    "Strikkepinden",
    "Tusmørkevænget",
    "Ugleskumringen",
    "Vadefuglelunden",
];
const MUNICIPALITIES: [(&str, &str, [&str; 4]); 2] = [
    ("jammerbugt", "jam", ["9440 Aabybro", "9460 Brovst", "9490 Pandrup", "9690 Fjerritslev"]),
    ("norddjurs", "nor", ["8500 Grenaa", "8585 Glesborg", "8961 Allingåbro", "8963 Auning"]),
];

/// The citizens of a seed, first those of Jammerbugt, then those of Norddjurs.
fn invent(seed: u64) -> Vec<Invented> {
    let mut rng = StdRng::seed_from_u64(seed);
    let (mut given, mut surnames) = (GIVEN, SURNAMES);
    given.shuffle(&mut rng);
    surnames.shuffle(&mut rng);
    let names = given.into_iter().zip(surnames);
    let homes = MUNICIPALITIES.into_iter().flat_map(|home| std::iter::repeat_n(home, CITIZENS_EACH));
    names
        .zip(homes)
        .enumerate()
        .map(|(nth, ((given, surname), (agreement, short, towns)))| {
            let street = STREETS[rng.random_range(0..STREETS.len())];
            let town = towns[rng.random_range(0..towns.len())];
            let number = nth + 1;
            let has_key_box = rng.random_bool(0.7);
            Invented {
                agreement: AgreementId::new(agreement).expect("a constant id"),
                device: id_of(&format!("demo-device-{short}"), number),
                person: Person {
                    citizen: CitizenId::new(format!("demo-citizen-{short}-{number:04}"))
                        .expect("lower-case letters, hyphens and four digits"),
                    name: format!("{given} {surname}"),
                    address: format!("{street} {}, {town}", rng.random_range(1..90)),
                    phone: Some(format!("00 00 {:02} {:02}", 20 + rng.random_range(0..70), number)),
                    key_box: has_key_box.then(|| format!("Nøgleboks {}", 100 + number)),
                },
            }
        })
        .collect()
}
