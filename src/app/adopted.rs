//! The settings against the log: an agreement that a setting names is in force, a source's name is its own.
//!
//! What a source hands in for any other agreement would be recorded, and nobody could see it: the server does not start.

use super::say::Failed;
use crate::config::Settings;
use crate::domain::State;
use crate::domain::identity::AgreementId;
use crate::domain::people::{Person, Role};
use crate::domain::toml_reader::nearest;
use crate::i18n::key;
use crate::sources::settings::Block;

/// Two sources of one name would have one health and one set of keys.
fn apart(settings: &Settings, state: &State) -> Result<(), Failed> {
    for block in settings.blocks() {
        let Some(source) = block.source().filter(|it| !it.may_have_token) else { continue };
        let has_token =
            |it: &Person| it.role == Role::Source && !it.revoked && it.name.as_str() == source.name.as_str();
        if state.people.values().any(has_token) {
            // The sentence has brackets of its own.
            let block = block.heading().trim_matches(['[', ']']);
            return Err(Failed::new(key::CLI_NAME_OF_TOKEN)
                .with("block", block)
                .with("name", source.name.as_str()));
        }
    }
    Ok(())
}

/// Errors: a source of the settings that bears the name of one with a token; the first setting that names an
/// agreement which is not in force, with the id most like it.
pub fn check(settings: &Settings, state: &State) -> Result<(), Failed> {
    apart(settings, state)?;
    for (setting, id) in settings.blocks().into_iter().flat_map(Block::agreements) {
        if state.agreements.contains_key(id) {
            continue;
        }
        let adopted: Vec<&str> = state.agreements.keys().map(AgreementId::as_str).collect();
        let failed = match nearest(id.as_str(), &adopted) {
            Some(nearest) => Failed::new(key::CLI_NOT_ADOPTED_NEAREST).with("nearest", nearest),
            None => Failed::new(key::CLI_NOT_ADOPTED).with("adopted", adopted.join(", ")),
        };
        return Err(failed.with("setting", setting).with("agreement", id.as_str()));
    }
    Ok(())
}
