//! `POST /v1/observations`: the general web hook.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use serde_json::value::RawValue;

use super::{BODY_MAX, bad_json};
use crate::domain::identity::{AgreementId, Code, SourceName};
use crate::domain::observation::Observation;
use crate::domain::people::Person;
use crate::inbox::{fact, receipt, refused};
use crate::protocol::item::parse_item;
use crate::protocol::observations::{self as wire, BATCH_MAX, Mark, ObservationItem, Outcome, Receipt};
use crate::protocol::{Problem, json};
use crate::server::errors::ApiError;
use crate::server::session::{Posted, SourceSession};
use crate::server::{App, scope};

/// A name stood twice in an item: the first value was taken, and the item is marked.
const DUPLICATE: &str = "duplicate-name";

/// Hands in what a source observed. A bad item does not stop the others; one that gives a name twice is taken with the
/// first value, and its receipt has the problem `duplicate-name`. A source with a secret signs instead of
/// sending its token: the HMAC-SHA-256 of `TIMESTAMP.BODY`, within 300 s, once.
#[utoipa::path(post, path = "/v1/observations", request_body = Vec<ObservationItem>, params(
    ("Vagttavle-Source" = Option<String>, Header, description = "its name, for one that signs"),
    ("Vagttavle-Timestamp" = Option<String>, Header, description = "seconds since 1970"),
    ("Vagttavle-Signature" = Option<String>, Header, description = "`v1=` and the HMAC in hex")), responses(
    (status = 200, body = Vec<Receipt>), (status = 400, body = Problem), (status = 401, body = Problem),
    (status = 403, body = Problem), (status = 409, body = Problem), (status = 413, body = Problem),
    (status = 422, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem)))]
pub async fn observations(
    State(app): State<App>,
    source: SourceSession,
    body: Body,
) -> Result<Json<Vec<Receipt>>, ApiError> {
    let Posted { person, name: source, body } = source.read(&app, body, BODY_MAX).await?;
    let now = app.engine.clock.now();
    // Given its token while the server runs: from now on it is expected as those from before.
    app.engine.health.expect(source.clone(), "web-hook", None, person.agreements.clone(), now);
    app.engine.health.heard(&source, "web-hook", now);
    let items = match items(&body) {
        Ok(items) => items,
        Err(problem) => {
            unreadable(&app, &source, &problem.code).await;
            return Err(problem.into());
        }
    };
    if items.len() > BATCH_MAX {
        return Err(Problem::new(413, "too-many-items").with("max", BATCH_MAX).into());
    }
    let mut receipts: Vec<Option<Receipt>> = vec![None; items.len()];
    let (mut facts, mut places) = (Vec::new(), Vec::new());
    let mut doubled: Vec<Option<String>> = vec![None; items.len()];
    for (place, item) in items.into_iter().enumerate() {
        // What is wrong inside an item is that item's alone.
        let Ok(read) = json::read(item.get().as_bytes()) else {
            receipts[place] = Some(refused(None, Problem::new(422, "bad-json")));
            continue;
        };
        doubled[place] = read.doubled.into_iter().next();
        let (key, parsed) = parse_item(read.value, now, &app.engine.masking);
        match parsed.and_then(|observed| in_scope(&person, observed)) {
            Ok(mut observed) => {
                observed.said.marks.extend(doubled[place].is_some().then_some(Mark::NameTwice));
                places.push((place, observed.key.clone()));
                facts.push(fact(observed));
            }
            Err(problem) => receipts[place] = Some(refused(key, problem)),
        }
    }
    let outcomes = if facts.is_empty() { Vec::new() } else { app.engine.observe(&source, facts).await? };
    for ((place, key), outcome) in places.into_iter().zip(outcomes) {
        receipts[place] = Some(receipt(key, outcome));
    }
    for (receipt, path) in receipts.iter_mut().zip(doubled) {
        if let (Some(receipt), Some(path)) = (receipt, path) {
            receipt.problem.get_or_insert_with(|| Problem::field(422, DUPLICATE, path));
        }
    }
    // What was given to others since it was told is nothing of this source's any more.
    let state = app.engine.state();
    for receipt in receipts.iter_mut().flatten() {
        receipt.entry = receipt.entry.filter(|id| scope::find(&state, &person.agreements, *id).is_some());
    }
    let receipts: Vec<Receipt> = receipts.into_iter().flatten().collect();
    for _ in receipts.iter().filter(|receipt| receipt.outcome == Outcome::Refused) {
        unreadable(&app, &source, "refused-item").await;
    }
    for receipt in &receipts {
        app.metrics.observation(match receipt.outcome {
            Outcome::Recorded => "recorded",
            Outcome::Repeat => "repeat",
            Outcome::Ignored => "ignored",
            Outcome::Refused => "refused",
        });
    }
    Ok(Json(receipts))
}

/// The items of a body, each as its own text. Errors: no JSON, or no array.
fn items(body: &[u8]) -> Result<Vec<&RawValue>, Problem> {
    let whole: &RawValue = serde_json::from_slice(body).map_err(|error| bad_json(&error))?;
    if !whole.get().starts_with('[') {
        return Err(Problem::new(422, "not-an-array"));
    }
    serde_json::from_str(whole.get()).map_err(|error| bad_json(&error))
}

/// Whoever sent it was told; whoever is on duty sees that something did not come through.
async fn unreadable(app: &App, source: &SourceName, what: &str) {
    if let Ok(what) = Code::new(what) {
        app.engine.unreadable(source, "web-hook", what).await;
    }
}

/// The agreement must be one of the token's; on calls it may be unknown.
fn in_scope(person: &Person, mut observed: wire::Observed) -> Result<wire::Observed, Problem> {
    if let Some(agreement) = &observed.agreement {
        if !person.agreements.contains(agreement) {
            return Err(Problem::field(422, "unknown-agreement", "agreement"));
        }
        return Ok(observed);
    }
    match person.agreements.as_slice() {
        [only] => observed.agreement = Some(AgreementId::clone(only)),
        _ if needs_agreement(&observed.observation) => {
            return Err(Problem::field(422, "missing-field", "agreement"));
        }
        many => observed.candidates = many.to_vec(),
    }
    Ok(observed)
}

/// A plan and a grant say whose rules they are under; everything else that is not told rings in all that the source may
/// speak for, until somebody says whose it is.
fn needs_agreement(observation: &Observation) -> bool {
    matches!(observation, Observation::VisitPlanned { .. } | Observation::HelpGranted { .. })
}
