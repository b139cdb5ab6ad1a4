//! Hospital notifications over HTTP: the wiring of [`Medcom`] as a route of the server.

use std::sync::Arc;

use axum::body::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::domain::people::Person;
use crate::protocol::Problem;
use crate::server::{Answer, Receiver};
use crate::sources::medcom::MESSAGE_MAX;
use crate::workers::medcom::Medcom;

/// `POST /v1/medcom`.
struct Route(Medcom);

/// The routes of what takes messages in a form of its own.
pub fn routes(medcom: Medcom) -> Vec<Arc<dyn Receiver>> {
    vec![Arc::new(Route(medcom))]
}

impl Receiver for Route {
    fn path(&self) -> &'static str {
        "medcom"
    }

    fn body_max(&self) -> usize {
        MESSAGE_MAX
    }

    fn receive<'a>(&'a self, caller: &'a Person, body: Bytes) -> BoxFuture<'a, Result<Answer, Problem>> {
        async move {
            let answer = self.0.posted(caller, &body).await?;
            Ok(Answer { content_type: answer.content_type, body: answer.body })
        }
        .boxed()
    }
}
