//! The secret under which ids are kept as digests: the log knows which one it was.
//!
//! Owns saying that it is another one now. Must never know what is masked.

use tracing::error;

use crate::domain::Command;
use crate::domain::identity::{Code, SourceName};
use crate::domain::sources::{Report, TroubleKind};
use crate::engine::Engine;

/// Notes the key in the log. Another one than before is said, in the log of the server and among the sources: what was
/// masked under the old one is known under its old id only.
pub async fn check(engine: &Engine) {
    let Ok(check) = Code::new(engine.masking.check_value()) else { return };
    let before = engine.state().id_key.clone();
    let is_other = before.as_ref().is_some_and(|known| *known != check);
    if before.as_ref() != Some(&check) && engine.administer(Command::IdKey(check)).await.is_err() {
        error!("the check value of the key of ids could not be written");
    }
    if is_other {
        error!(
            "the key of ids is another one than before: put back the old ids.key, or units are known anew"
        );
        if let (Ok(name), Ok(what)) = (SourceName::new("id-nøgle"), Code::new("id-key-changed")) {
            let report = Report::Trouble { trouble: TroubleKind::Failed, what: Some(what), times: 1 };
            engine.report(&name, report).await;
        }
    }
}
