//! A Nexus to test against: over real HTTP, with its tokens, links, half objects and pages; slow, wrong or away when
//! told. Everybody in it is invented.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use vagttavle::care::nexus::Access;

pub const CLIENT_ID: &str = "vagttavle-test";
pub const CLIENT_SECRET: &str = "nexus-secret-of-the-test";
/// `client_credentials` by this client.
const BASIC: &str = "Basic dmFndHRhdmxlLXRlc3Q6bmV4dXMtc2VjcmV0LW9mLXRoZS10ZXN0";

/// How the double behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    #[default]
    Well,
    /// Every request but those for tokens is held until the mode changes.
    Slow,
    Away,
    TooMany,
    Garbled,
    /// Answers are about somebody else.
    WrongPerson,
    /// Forms are written, but the answer says "cannot now".
    LosesAnswers,
    /// Tokens are given out to nobody.
    NoTokens,
    /// Links lead to another host.
    Abroad,
    /// No end to what is answered.
    Endless,
}

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: Method,
    /// Path and query.
    pub target: String,
    pub authorization: Option<String>,
    pub body: String,
}

#[derive(Default)]
struct World {
    citizens: BTreeMap<u64, Value>,
    /// Activity lists by name: their rows.
    lists: BTreeMap<String, Vec<Value>>,
    /// Events by citizen.
    events: BTreeMap<u64, Vec<Value>>,
    /// What rows lead to, by row.
    whole: BTreeMap<u64, Value>,
    written: Vec<Value>,
    asked: Vec<Asked>,
    tokens: usize,
    /// So many next requests are refused as if the token had ended.
    refuse: usize,
    /// So many next requests are answered "cannot now".
    fail: usize,
    /// What lies below a path that ends so is answered with this status.
    bars: Vec<(String, StatusCode)>,
    /// Calendars say that there is one event more than they show.
    shortens: bool,
    lives_s: u64,
    /// Where links lead in [`Mode::Abroad`].
    abroad: String,
}

/// Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Double {
    world: Arc<Mutex<World>>,
    mode: watch::Sender<Mode>,
    held: watch::Sender<usize>,
    stop: CancellationToken,
    pub base: String,
}

/// Rows on a page.
const PAGE: usize = 3;
const ROOT: &str = "/api/core/mobile/test/v2";

impl Double {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let world = World { lives_s: 300, ..World::default() };
        let double = Self {
            world: Arc::new(Mutex::new(world)),
            mode: watch::Sender::new(Mode::Well),
            held: watch::Sender::new(0),
            stop: CancellationToken::new(),
            base,
        };
        let router = Router::new().fallback(answer).with_state(double.clone());
        let stop = double.stop.clone().cancelled_owned();
        tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(stop).await });
        double
    }

    pub fn access(&self) -> Access {
        Access {
            url: format!("{}{ROOT}/", self.base),
            token_url: format!("{}/iam/token", self.base),
            client_id: CLIENT_ID.into(),
            secret: SecretString::from(CLIENT_SECRET),
        }
    }

    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    pub async fn until_held(&self, at_least: usize) {
        let _ = self.held.subscribe().wait_for(|held| *held >= at_least).await;
    }

    fn with<T>(&self, then: impl FnOnce(&mut World) -> T) -> T {
        then(&mut self.world.lock().unwrap())
    }

    /// An invented citizen.
    pub fn citizen(&self, number: u64, name: &str, cpr: &str) {
        let citizen = json!({
            "id": number,
            "version": 7,
            "fullName": name,
            "patientIdentifier": { "type": "cpr", "identifier": cpr },
            "mobileTelephone": "00 00 31 07",
            "homeTelephone": null,
            "primaryAddress": { "addressLine1": "Sivsangerstien 7", "postalCode": "8961", "postalDistrict": "Allingåbro" },
            "patientState": { "id": 1, "name": "Aktiv" },
            "keyBox": "Nøgleboks 107",
            "_links": {
                "self": { "href": self.link(&format!("patients/{number}")) },
                "update": { "href": self.link(&format!("patients/{number}")) },
                "patientPreferences": { "href": format!("patients/{number}/preferences") },
                "availablePatientStates": { "href": self.link("patientStates") },
                "availableFormDefinitions": { "href": self.link(&format!("patients/{number}/forms")) },
            },
        });
        self.with(|world| world.citizens.insert(number, citizen));
    }

    /// A row of an activity list, about a citizen.
    pub fn row(&self, list: &str, id: u64, name: &str, date: &str, number: u64) {
        let row = json!({
            "id": id, "name": name, "date": date, "type": "medcomMessage", "status": "Modtaget",
            "patients": [{ "id": number, "fullName": "Kanarie Række",
                           "patientIdentifier": { "identifier": "250947-9989" },
                           "_links": { "self": { "href": self.link(&format!("patients/{number}")) } } }],
            "_links": { "referencedObject": { "href": self.link(&format!("rows/{id}")) } },
        });
        self.raw_row(list, row);
    }

    /// A row just so.
    pub fn raw_row(&self, list: &str, row: Value) {
        self.with(|world| world.lists.entry(list.into()).or_default().push(row));
    }

    /// What a row leads to.
    pub fn whole(&self, id: u64, whole: Value) {
        self.with(|world| world.whole.insert(id, whole));
    }

    pub fn event(&self, number: u64, event: Value) {
        self.with(|world| world.events.entry(number).or_default().push(event));
    }

    pub fn link(&self, path: &str) -> String {
        format!("{}{ROOT}/{path}", self.base)
    }

    pub fn refuse_next(&self, count: usize) {
        self.with(|world| world.refuse = count);
    }

    pub fn fail_next(&self, count: usize) {
        self.with(|world| world.fail = count);
    }

    /// What ends so is answered with this status; none: as it should be.
    pub fn bar(&self, end: &str, status: Option<StatusCode>) {
        self.with(|world| {
            world.bars.retain(|(barred, _)| barred != end);
            world.bars.extend(status.map(|status| (end.to_owned(), status)));
        });
    }

    pub fn shorten(&self, shortens: bool) {
        self.with(|world| world.shortens = shortens);
    }

    /// The event is taken out of the citizen's calendar.
    pub fn remove_event(&self, number: u64, id: u64) {
        self.with(|world| world.events.entry(number).or_default().retain(|event| event["id"] != id));
    }

    pub fn tokens_live(&self, seconds: u64) {
        self.with(|world| world.lives_s = seconds);
    }

    pub fn abroad(&self, base: &str) {
        self.with(|world| world.abroad = base.into());
        self.set(Mode::Abroad);
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.with(|world| world.asked.clone())
    }

    /// Requests whose path ends so.
    pub fn asked_for(&self, end: &str) -> usize {
        let path = |it: &Asked| it.target.split('?').next().unwrap_or_default().to_owned();
        self.asked().iter().filter(|it| path(it).ends_with(end)).count()
    }

    pub fn tokens(&self) -> usize {
        self.with(|world| world.tokens)
    }

    /// The forms that stand written.
    pub fn written(&self) -> Vec<Value> {
        self.with(|world| world.written.clone())
    }

    /// Nexus does not know the citizen any more.
    pub fn remove(&self, number: u64) {
        self.with(|world| world.citizens.remove(&number));
    }

    /// The citizen's help is paused in Nexus.
    pub fn pause(&self, number: u64) {
        let paused = json!({ "id": 2, "name": "Pauseret" });
        self.with(|world| world.citizens.get_mut(&number).unwrap()["patientState"] = paused);
    }

    pub fn state_of(&self, number: u64) -> String {
        self.with(|world| world.citizens[&number]["patientState"]["name"].as_str().unwrap().to_owned())
    }
}

async fn answer(State(double): State<Double>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body: Bytes = to_bytes(body, 1 << 20).await.unwrap();
    let authorization = parts.headers.get(header::AUTHORIZATION).map(|it| it.to_str().unwrap().to_owned());
    let asked = Asked {
        method: parts.method.clone(),
        target: parts.uri.to_string(),
        authorization: authorization.clone(),
        body: String::from_utf8(body.to_vec()).unwrap(),
    };
    double.with(|world| world.asked.push(asked.clone()));
    let mode = *double.mode.borrow();
    if parts.uri.path() == "/iam/token" {
        return double.token(mode, &parts.headers, &asked.body);
    }
    let fails = double.with(|world| {
        let fails = world.fail > 0;
        world.fail = world.fail.saturating_sub(1);
        fails
    });
    if fails {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let refused = double.with(|world| {
        let is_ours = authorization == Some(format!("Bearer t-{}", world.tokens));
        let refused = world.refuse > 0;
        world.refuse = world.refuse.saturating_sub(1);
        !is_ours || refused
    });
    if refused {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let barred = double.with(|world| {
        let bar = world.bars.iter().find(|(end, _)| parts.uri.path().ends_with(end.as_str()));
        bar.map(|(_, status)| *status)
    });
    if let Some(status) = barred {
        return status.into_response();
    }
    if mode == Mode::Slow {
        double.held.send_modify(|held| *held += 1);
        let _ = double.mode.subscribe().wait_for(|mode| *mode != Mode::Slow).await;
    }
    let mode = *double.mode.borrow();
    match mode {
        Mode::Away => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Mode::TooMany => StatusCode::TOO_MANY_REQUESTS.into_response(),
        Mode::Garbled => "<html>Kanarie</html>".into_response(),
        Mode::Endless => vec![b' '; 8 * 1024 * 1024].into_response(),
        _ => {
            let path = parts.uri.path().strip_prefix(ROOT).unwrap_or("").trim_matches('/').to_owned();
            let query = parts.uri.query().unwrap_or_default();
            let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
            match double.find(&parts.method, &path, query, body, mode) {
                Some(answer) => axum::Json(answer).into_response(),
                None if mode == Mode::LosesAnswers => StatusCode::SERVICE_UNAVAILABLE.into_response(),
                None => StatusCode::NOT_FOUND.into_response(),
            }
        }
    }
}

impl Double {
    fn token(&self, mode: Mode, headers: &HeaderMap, body: &str) -> Response {
        let is_ours = headers.get(header::AUTHORIZATION).is_some_and(|it| it == BASIC);
        if mode == Mode::NoTokens || !is_ours || !body.contains("grant_type=client_credentials") {
            let problem = json!({ "error": "unauthorized_client", "error_description": "Kanarie" });
            return (StatusCode::UNAUTHORIZED, axum::Json(problem)).into_response();
        }
        let answer = self.with(|world| {
            world.tokens += 1;
            json!({ "access_token": format!("t-{}", world.tokens), "expires_in": world.lives_s,
                    "refresh_token": "r", "token_type": "Bearer" })
        });
        axum::Json(answer).into_response()
    }

    fn href(&self, mode: Mode, path: &str) -> Value {
        match mode {
            Mode::Abroad => json!({ "href": format!("{}/{path}", self.with(|world| world.abroad.clone())) }),
            _ => json!({ "href": self.link(path) }),
        }
    }

    fn find(&self, method: &Method, path: &str, query: &str, body: Value, mode: Mode) -> Option<Value> {
        let parts: Vec<&str> = path.split('/').collect();
        match (method.as_str(), parts.as_slice()) {
            ("GET", [""]) => Some(json!({ "_links": {
                "preferences": self.href(mode, "preferences"),
                "patientDetailsSearch": self.href(mode, "patientDetailsSearch"),
                "patients": self.href(mode, "patients"),
            } })),
            ("POST", ["patientDetailsSearch"]) => self.search(&body, mode),
            ("GET", ["patients", number]) => self.citizen_of(number.parse().ok()?, mode),
            ("PUT", ["patients", number]) => {
                let number: u64 = number.parse().ok()?;
                self.with(|world| world.citizens.insert(number, body.clone()));
                Some(body)
            }
            ("GET", ["patientStates"]) => {
                Some(json!([{ "id": 1, "name": "Aktiv" }, { "id": 2, "name": "Pauseret" }]))
            }
            ("GET", ["patients", number, "forms"]) => Some(json!([
                { "name": "Andet skema", "_links": {} },
                { "name": "Observation", "_links": {
                    "formdataPrototype": self.href(mode, &format!("patients/{number}/forms/12/prototype")) } },
            ])),
            ("GET", ["patients", number, "forms", "12", "prototype"]) => Some(json!({
                "id": null, "formDefinition": { "id": 12 }, "patient": number,
                "items": [{ "label": "Dato", "type": "date", "value": null },
                          { "label": "Notat", "type": "text", "value": null }],
                "_links": { "availableActions": self.href(mode, "forms/12/actions") },
            })),
            ("GET", ["forms", "12", "actions"]) => Some(json!([
                { "name": "Kladde", "_links": { "createFormData": self.href(mode, "forms/draft") } },
                { "name": "Aktivt", "_links": { "createFormData": self.href(mode, "forms/12") } },
            ])),
            ("POST", ["forms", "12"]) => {
                let count = self.with(|world| {
                    world.written.push(body);
                    world.written.len()
                });
                (mode != Mode::LosesAnswers).then(|| json!({ "id": 9000 + count }))
            }
            ("GET", ["preferences"]) => {
                let names: Vec<String> = self.with(|world| world.lists.keys().cloned().collect());
                let lists: Vec<Value> = names
                    .iter()
                    .enumerate()
                    .map(|(nth, name)| json!({ "id": nth, "name": name, "_links": { "self": self.href(mode, &format!("lists/{nth}")) } }))
                    .collect();
                Some(json!({ "ACTIVITY_LIST": lists, "CITIZEN_LIST": [] }))
            }
            ("GET", ["lists", nth]) => Some(json!({ "_links": {
                "content": self.href(mode, &format!("lists/{nth}/content?filter=1")) } })),
            ("GET", ["lists", nth, "content"]) => {
                assert!(query.contains("filter=1&pageSize="), "{query}");
                let pages = self.rows(nth)?.len().div_ceil(PAGE);
                let page = |page| json!({ "_links": { "content": self.href(mode, &format!("lists/{nth}/pages/{page}")) } });
                Some(json!({ "totalItems": 0, "pages": (0..pages).map(page).collect::<Vec<_>>() }))
            }
            ("GET", ["lists", nth, "pages", page]) => {
                let page: usize = page.parse().ok()?;
                Some(self.rows(nth)?.into_iter().skip(page * PAGE).take(PAGE).collect())
            }
            ("GET", ["rows", id]) => self.with(|world| world.whole.get(&id.parse().ok()?).cloned()),
            ("GET", ["patients", number, "preferences"]) => Some(json!({ "CITIZEN_CALENDAR": [
                { "name": "En anden", "_links": {} },
                { "name": "Borgerkalender", "_links": { "self": self.href(mode, &format!("calendars/{number}")) } },
            ] })),
            ("GET", ["calendars", number]) => Some(
                json!({ "_links": { "events": self.href(mode, &format!("calendars/{number}/events")) } }),
            ),
            ("GET", ["calendars", number, "events"]) => {
                assert!(
                    query.starts_with("from=2026-") && query.contains("Z&to=2026-") && query.ends_with('Z'),
                    "{query}"
                );
                let number: u64 = number.parse().ok()?;
                let events = self.with(|world| world.events.get(&number).cloned().unwrap_or_default());
                let total = events.len() + usize::from(self.with(|world| world.shortens));
                Some(json!({ "eventResources": events, "totalItems": total }))
            }
            _ => None,
        }
    }

    fn rows(&self, nth: &str) -> Option<Vec<Value>> {
        let nth: usize = nth.parse().ok()?;
        self.with(|world| world.lists.values().nth(nth).cloned())
    }

    fn citizen_of(&self, number: u64, mode: Mode) -> Option<Value> {
        self.with(|world| match mode {
            Mode::WrongPerson => {
                world.citizens.iter().find(|(other, _)| **other != number).map(|it| it.1.clone())
            }
            _ => world.citizens.get(&number).cloned(),
        })
    }

    fn search(&self, body: &Value, mode: Mode) -> Option<Value> {
        let key = body["businessKey"].as_str()?.to_owned();
        if body["keyType"] == "ALARM" {
            let number = key.strip_prefix("dev-")?.parse().ok()?;
            return Some(json!({ "isPatientAccessible": true, "patient": self.citizen_of(number, mode)? }));
        }
        assert_eq!(body["keyType"], "CPR");
        let found = self.with(|world| {
            let is_theirs = |it: &&Value| {
                let theirs = it["patientIdentifier"]["identifier"].as_str().unwrap().replace('-', "");
                (theirs == key) != (mode == Mode::WrongPerson)
            };
            world.citizens.values().find(is_theirs).cloned()
        })?;
        let accessible = found["fullName"] != "Ikke Vores";
        Some(json!({ "isPatientAccessible": accessible, "patient": accessible.then_some(found) }))
    }
}
