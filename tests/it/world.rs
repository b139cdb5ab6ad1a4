//! A server to test against: the real one, in this process, on a free port, over a fresh log.
//!
//! Nothing here knows what a test is about. Waiting is always for a condition, with a bound, and says what it saw.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use vagttavle::app::medcom::routes;
use vagttavle::care::Care;
use vagttavle::care::demo::{Client as CareClient, Limits as CareLimits};
use vagttavle::care::demo_service::{Invented, Service};
use vagttavle::client::Client;
use vagttavle::clock::Clock;
use vagttavle::domain::Command;
use vagttavle::domain::agreement;
use vagttavle::domain::identity::{AgreementId, PersonName};
use vagttavle::domain::masking::Masking;
use vagttavle::domain::people::{PeopleCommand, Role};
use vagttavle::engine::cares::Cares;
use vagttavle::engine::{Engine, Parts};
use vagttavle::ids::Ids;
use vagttavle::server::{self, Options, token_digest};
use vagttavle::sources::medcom::Ours;
use vagttavle::sources::medcom::settings::OursRule;
use vagttavle::store::{Log, folder};
use vagttavle::workers::medcom::Medcom;

/// The server hangs up a silent connection after 10 s; a request must not meet that on the way.
pub const IDLE_MAX: Duration = Duration::from_secs(5);
/// No test waits longer than this for a condition.
pub const BOUND: Duration = Duration::from_secs(60);

/// Who there is: name, role, agreements.
const PEOPLE: [(&str, Role, &[&str]); 7] = [
    ("anna", Role::Coordinator, &["jammerbugt", "norddjurs"]),
    ("bo", Role::Coordinator, &["jammerbugt"]),
    ("nora", Role::Coordinator, &["norddjurs"]),
    ("lise", Role::Leader, &["jammerbugt", "norddjurs"]),
    ("vera", Role::Viewer, &["jammerbugt", "norddjurs"]),
    ("central", Role::Source, &["jammerbugt", "norddjurs"]),
    ("nordlys", Role::Source, &["norddjurs"]),
];

/// Asks until there is an answer; on time-out says what was seen last.
pub async fn wait_for<T, S: Debug, F: Future<Output = Result<T, S>>>(
    what: &str,
    mut ask: impl FnMut() -> F,
) -> T {
    let deadline = tokio::time::Instant::now() + BOUND;
    loop {
        match ask().await {
            Ok(found) => return found,
            Err(saw) => {
                assert!(tokio::time::Instant::now() < deadline, "waited for {what}; saw {saw:#?}");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

/// Ends within the bound, or says what hung.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(BOUND, future).await {
        Ok(done) => done,
        Err(_) => panic!("{what} did not end within {BOUND:?}"),
    }
}

/// What the next server is to be.
pub struct Setup {
    pub data: Option<PathBuf>,
    pub clock: Clock,
    pub cares: Cares,
    pub options: Options,
    pub tokens: BTreeMap<String, String>,
    /// Whose hospital messages are ours.
    pub ours: OursRule,
}

impl Setup {
    /// In memory, on the machine's clock, without a care system.
    pub fn memory() -> Self {
        Self {
            data: None,
            clock: Clock::system(),
            cares: Care::Off.into(),
            options: Options::default(),
            tokens: BTreeMap::new(),
            ours: OursRule::All,
        }
    }

    pub fn sqlite(folder: &Folder) -> Self {
        Self { data: Some(folder.data()), ..Self::memory() }
    }

    pub fn clock(mut self, clock: &Clock) -> Self {
        self.clock = clock.clone();
        self
    }

    pub fn care(mut self, care: &DemoCare) -> Self {
        self.cares = care.client().into();
        self
    }

    pub fn cares(mut self, cares: Cares) -> Self {
        self.cares = cares;
        self
    }

    /// The people of a server before: a restart.
    pub fn people_of(mut self, before: &TestServer) -> Self {
        self.tokens = before.tokens.clone();
        self
    }

    pub async fn start(self) -> TestServer {
        TestServer::start(self).await
    }
}

/// A folder for a log, with its witness beside it; both gone when dropped.
pub struct Folder {
    at: TempDir,
}

impl Folder {
    pub fn new() -> Self {
        Self { at: tempfile::tempdir().unwrap() }
    }

    pub fn data(&self) -> PathBuf {
        self.at.path().join("data")
    }
}

/// The demo's care system, answering over HTTP.
pub struct DemoCare {
    pub service: Service,
    pub base: String,
    stop: CancellationToken,
}

pub const CARE_TOKEN: &str = "care-token-of-the-test";

impl DemoCare {
    pub async fn start() -> Self {
        Self::serving(Service::new(7, SecretString::from(CARE_TOKEN))).await
    }

    /// One with these citizens.
    pub async fn of(citizens: Vec<Invented>) -> Self {
        Self::serving(Service::of(citizens, SecretString::from(CARE_TOKEN))).await
    }

    async fn serving(service: Service) -> Self {
        install_tls();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        tokio::spawn(service.clone().serve(listener, stop.clone().cancelled_owned()));
        Self { service, base, stop }
    }

    pub fn client(&self) -> Care {
        let limits = CareLimits { pause_for: Duration::from_millis(1), ..CareLimits::default() };
        Care::Demo(CareClient::new(&self.base, SecretString::from(CARE_TOKEN), limits).unwrap())
    }

    /// Somebody with a device in Jammerbugt.
    pub fn somebody(&self) -> Invented {
        let known = self.service.citizens();
        known.iter().find(|it| it.agreement.as_str() == "jammerbugt").unwrap().clone()
    }
}

impl Drop for DemoCare {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A provider that is there already is as good.
pub fn install_tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

pub struct TestServer {
    pub base: String,
    pub engine: Engine,
    pub clock: Clock,
    pub tokens: BTreeMap<String, String>,
    http: reqwest::Client,
    stop: CancellationToken,
    engine_stop: CancellationToken,
    serving: Option<JoinHandle<()>>,
    writer: Option<JoinHandle<()>>,
}

impl Drop for TestServer {
    /// A test that failed must not leave its writer waiting for a clock that nobody sets any more.
    fn drop(&mut self) {
        self.stop.cancel();
        self.engine_stop.cancel();
    }
}

impl TestServer {
    async fn start(setup: Setup) -> Self {
        install_tls();
        let ids = Ids::system();
        let salts = ids.clone();
        let log = match &setup.data {
            None => Log::memory(Box::new(move || salts.salt())),
            Some(data) => {
                let witness = data.parent().unwrap().join("witness");
                folder::prepare(data).unwrap();
                Log::open_sqlite(data, &witness, Box::new(move || salts.salt())).await.unwrap()
            }
        };
        let parts = Parts {
            log,
            clock: setup.clock.clone(),
            ids: ids.clone(),
            cares: setup.cares,
            masking: Masking::new([7; 32]),
        };
        let engine_stop = CancellationToken::new();
        let (engine, writer) = Engine::start(parts, engine_stop.clone()).await.unwrap();
        let mut tokens = setup.tokens;
        if tokens.is_empty() {
            for rules in agreement::built_in() {
                engine.administer(Command::Adopt(Box::new(rules))).await.unwrap();
            }
            for (name, role, agreements) in PEOPLE {
                tokens.insert(name.to_owned(), add_person(&engine, &ids, name, role, agreements).await);
            }
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let mut options = setup.options;
        let medcom = Medcom::start(engine.clone(), Ours::default(), setup.ours, &stop);
        options.receivers.extend(routes(medcom));
        let serving = tokio::spawn(server::serve(listener, engine.clone(), options, stop.clone()));
        let http = reqwest::Client::builder().no_proxy().pool_idle_timeout(IDLE_MAX).build().unwrap();
        let (serving, writer) = (Some(serving), Some(writer));
        Self { base, engine, clock: setup.clock, tokens, http, stop, engine_stop, serving, writer }
    }

    /// Ends as `vagttavle serve` does: the server first, the writer last.
    pub async fn stop(mut self) {
        self.stop.cancel();
        within("the server", self.serving.take().unwrap()).await.unwrap();
        self.engine_stop.cancel();
        within("the writer", self.writer.take().unwrap()).await.unwrap();
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub fn client(&self, name: &str) -> Client {
        self.client_at(&self.base, name)
    }

    /// A client that goes another way (through a proxy).
    pub fn client_at(&self, base: &str, name: &str) -> Client {
        Client::new(base, SecretString::from(self.tokens[name].clone())).unwrap()
    }

    pub async fn revoke(&self, name: &str) {
        let command = PeopleCommand::Revoke { name: PersonName::new(name).unwrap() };
        self.engine.administer(Command::People(command)).await.unwrap();
    }

    /// A request as it is; `name` empty: without a token.
    pub fn request(&self, method: Method, path: &str, name: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match self.tokens.get(name) {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub async fn get(&self, path: &str, name: &str) -> Answer {
        Answer::of(self.request(Method::GET, path, name).send().await.unwrap()).await
    }

    /// As `get`, for an entry.
    pub async fn show(&self, id: &str, name: &str) -> Answer {
        let request = self.request(Method::GET, &format!("/v1/entries/{id}"), name);
        Answer::of(request.header("Purpose", "duty").send().await.unwrap()).await
    }

    pub async fn post(&self, path: &str, name: &str, body: &Value) -> Answer {
        self.post_text(path, name, body.to_string()).await
    }

    pub async fn post_text(&self, path: &str, name: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.request(Method::POST, path, name).header("content-type", "application/json");
        Answer::of(request.body(body).send().await.unwrap()).await
    }

    pub async fn command(&self, name: &str, body: Value) -> Answer {
        self.post("/v1/commands", name, &body).await
    }

    /// A command on an entry under an id of its own.
    pub async fn act(&self, name: &str, entry: &Value, command: Value) -> Answer {
        let id = uuid();
        let mut body = json!({ "id": id, "entry": entry["id"], "command": command });
        // As a desk does it: only what demands the version that was read sends it.
        let verb = command["type"].as_str().unwrap();
        if verb.ends_with("close") || verb.ends_with("redirect") && !verb.contains("contest") {
            body["expected_version"] = entry["version"].clone();
        }
        self.command(name, body).await
    }

    /// One observation of `central`; its receipt.
    pub async fn observe(&self, item: Value) -> Value {
        let answer = self.post("/v1/observations", "central", &json!([item])).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body[0].clone()
    }

    /// One observation as of now, under a key of its own; must be recorded. The entry's id.
    pub async fn told(&self, agreement: Option<&str>, observation: Value) -> String {
        let receipt = self.observe(observation_at(self.now(), agreement, observation)).await;
        assert_eq!(receipt["outcome"], "recorded", "{receipt}");
        receipt["entry"].as_str().unwrap_or_default().to_owned()
    }

    /// An alarm in Jammerbugt, waiting for somebody.
    pub async fn alarm(&self, alarm: &str) -> Value {
        let id = self.told(Some("jammerbugt"), json!({ "type": "alarm-raised", "alarm": alarm })).await;
        self.entry("anna", &id).await
    }

    /// A call in Jammerbugt that nobody took.
    pub async fn missed_call(&self, call: &str) -> Value {
        let waiting =
            json!({ "type": "call-waiting", "call": call, "queue": "doegnvagt", "caller": "70200100" });
        let id = self.told(Some("jammerbugt"), waiting).await;
        self.told(None, json!({ "type": "call-missed", "call": call, "reason": "timeout" })).await;
        self.entry("anna", &id).await
    }

    pub async fn board(&self, name: &str) -> Value {
        let answer = self.get("/v1/board", name).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }

    /// The entry as on the board of somebody; null when it is not there.
    pub async fn entry(&self, name: &str, id: &str) -> Value {
        find(&self.board(name).await, id)
    }
}

/// An entry of a board.
pub fn find(board: &Value, id: &str) -> Value {
    let entries = board["entries"].as_array().unwrap();
    entries.iter().find(|entry| entry["id"] == id).cloned().unwrap_or(Value::Null)
}

pub fn uuid() -> String {
    Ids::system().uuid(Clock::system().now()).to_string()
}

pub fn observation_at(at: DateTime<Utc>, agreement: Option<&str>, observation: Value) -> Value {
    let mut item = json!({ "key": uuid(), "at": at, "observation": observation });
    if let Some(agreement) = agreement {
        item["agreement"] = agreement.into();
    }
    item
}

pub async fn add_person(engine: &Engine, ids: &Ids, name: &str, role: Role, agreements: &[&str]) -> String {
    let token = ids.token();
    let command = PeopleCommand::Add {
        name: PersonName::new(name).unwrap(),
        role,
        agreements: agreements.iter().map(|id| AgreementId::new(*id).unwrap()).collect(),
        token_digest: token_digest(&token),
    };
    engine.administer(Command::People(command)).await.unwrap();
    token
}

/// An answer, read whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub kind: String,
    pub no_store: bool,
    /// JSON, or the text as a JSON string.
    pub body: Value,
}

impl Answer {
    pub async fn of(response: reqwest::Response) -> Self {
        let header = |name: &str| {
            response.headers().get(name).and_then(|it| it.to_str().ok()).unwrap_or_default().to_owned()
        };
        let (kind, cache) = (header("content-type"), header("cache-control"));
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Self { status, kind, no_store: cache == "no-store", body }
    }

    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// It is a problem with this status, code and field ("" for none).
    #[track_caller]
    pub fn is_problem(&self, status: u16, code: &str, field: &str) {
        let saw = (self.status, self.code(), self.body["field"].as_str().unwrap_or_default());
        assert_eq!(saw, (status, code, field), "{self:?}");
        assert_eq!(self.kind, "application/problem+json");
        assert!(self.no_store, "{self:?}");
    }

    /// It went well; the entry as it is now.
    #[track_caller]
    pub fn done(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.body["entry"].clone()
    }
}

/// A fixed Sunday night, for manual clocks.
pub fn night() -> DateTime<Utc> {
    "2026-11-22T01:30:00Z".parse().unwrap()
}

pub fn minutes(count: i64) -> TimeDelta {
    TimeDelta::minutes(count)
}
