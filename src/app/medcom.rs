//! Hospital notifications over HTTP: `POST /v1/medcom`, from message to acknowledgement.
//!
//! Nothing is acknowledged as ok before it is on disk; our own trouble is a transient error; refused content is a
//! fatal error and shows in source health. Must never keep the CPR number.

use axum::body::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::domain::identity::{Code, SourceName};
use crate::domain::people::Person;
use crate::engine::{Engine, Observed};
use crate::protocol::Problem;
use crate::server::{Receiver, fact};
use crate::sources::medcom::{Answer, MESSAGE_MAX, Ours, Received, Stamp, receive};

pub struct Medcom {
    pub engine: Engine,
    pub ours: Ours,
}

impl Receiver for Medcom {
    fn path(&self) -> &'static str {
        "medcom"
    }

    fn body_max(&self) -> usize {
        MESSAGE_MAX
    }

    fn receive<'a>(&'a self, caller: &'a Person, body: Bytes) -> BoxFuture<'a, Result<Value, Problem>> {
        self.one(caller, body).boxed()
    }
}

impl Medcom {
    async fn one(&self, caller: &Person, body: Bytes) -> Result<Value, Problem> {
        let source =
            SourceName::new(caller.name.as_str()).map_err(|bad| Problem::field(422, bad.code(), "source"))?;
        let now = self.engine.clock.now();
        self.engine.health.heard(&source, "medcom", now);
        let received = match receive(&body, &self.ours_of(caller), now) {
            Ok(received) => received,
            Err(unreadable) => {
                self.unreadable(&source, unreadable.what).await;
                return Err(Problem::new(422, "unreadable-message").with("what", unreadable.what));
            }
        };
        let answer = self.store(&source, &received).await;
        let Some(reply) = &received.reply else {
            // An acknowledgement is never acknowledged.
            return Ok(Value::Object(serde_json::Map::new()));
        };
        let id = || self.engine.ids.uuid(now);
        let stamp = Stamp { bundle: id(), header: id(), outcome: id(), provenances: [id(), id()], now };
        Ok(reply.acknowledge(&answer, &stamp))
    }

    /// The settings' agreements; a receiver that is not listed falls to the token's only agreement.
    fn ours_of(&self, caller: &Person) -> Ours {
        let mut ours = self.ours.clone();
        if ours.default_agreement.is_none()
            && let [only] = caller.agreements.as_slice()
        {
            ours.default_agreement = Some(only.clone());
        }
        ours
    }

    async fn store(&self, source: &SourceName, received: &Received) -> Answer {
        if !received.issues.is_empty() {
            self.unreadable(source, "refused-content").await;
            return received.answer();
        }
        if received.observations.is_empty() {
            return Answer::Ok;
        }
        let name = received.person.as_ref().and_then(|person| person.name.clone()).map(String::from);
        let facts = received
            .observations
            .iter()
            .cloned()
            .map(|observed| {
                let mut fact = fact(observed);
                fact.personal.name.clone_from(&name);
                fact
            })
            .collect();
        match self.engine.observe(source, facts).await {
            Err(_) => Answer::Transient,
            Ok(outcomes) if outcomes.iter().all(|it| matches!(it, Observed::Repeat(_))) => Answer::Duplicate,
            Ok(_) => Answer::Ok,
        }
    }

    async fn unreadable(&self, source: &SourceName, what: &str) {
        let what = Code::new(what).unwrap_or_else(|_| Code::new("unreadable").expect("a constant code"));
        self.engine.unreadable(source, "medcom", what).await;
    }
}
