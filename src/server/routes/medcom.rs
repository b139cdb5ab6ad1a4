//! `POST /v1/medcom` in the API's description. It is answered by the receiver of hospital messages.

use crate::protocol::Problem;

/// Hands in a hospital notification: a FHIR message bundle, JSON or XML, as its type says. Answered with the
/// acknowledgement bundle if it has a message header, else with a problem.
#[utoipa::path(post, path = "/v1/medcom",
    request_body(content((serde_json::Value = "application/fhir+json"), (String = "application/fhir+xml")),
        description = "a FHIR R4 bundle of type message"),
    responses(
    (status = 200, description = "the acknowledgement", content(
        (serde_json::Value = "application/fhir+json"), (String = "application/fhir+xml"),
        (serde_json::Value = "application/json"))),
    (status = 401, body = Problem), (status = 403, body = Problem), (status = 409, body = Problem),
    (status = 422, body = Problem), (status = 503, body = Problem)))]
#[expect(dead_code, reason = "describes what a receiver answers")]
pub fn medcom() {}
