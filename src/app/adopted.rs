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

/// Every agreement that a setting names, with the setting. A source that takes agreements adds its line here.
fn named(settings: &Settings) -> Vec<(String, &AgreementId)> {
    let mut named = Vec::new();
    for exchange in &settings.ami {
        for (queue, rule) in &exchange.queues {
            let setting = format!("[[ami]] {}, queues.{queue}.agreements", exchange.name);
            named.extend(rule.agreements.iter().map(|id| (setting.clone(), id)));
        }
    }
    for receiver in &settings.scaip {
        named.push((format!("[[scaip]] {}, agreement", receiver.name), &receiver.agreement));
    }
    let lists = settings.visits.iter();
    named.extend(lists.map(|it| (format!("[[visits]] {} agreement", it.name()), &it.agreement)));
    for care in &settings.care {
        named.extend(care.agreements.iter().map(|id| ("[[care]] agreements".to_owned(), id)));
        for list in &care.lists {
            named.push((format!("[[care.lists]] {}, agreement", list.name), &list.agreement));
        }
        named.extend(care.visits.iter().map(|it| ("[care.visits] agreement".to_owned(), &it.agreement)));
    }
    if let Some(medcom) = &settings.medcom {
        named.extend(medcom.default_agreement.iter().map(|id| ("[medcom] default_agreement".to_owned(), id)));
        let by_receiver = medcom.agreement_by_receiver.iter();
        named.extend(by_receiver.map(|(at, id)| (format!("[medcom] agreement_by_receiver, \"{at}\""), id)));
    }
    named
}

/// Two sources of one name would have one health and one set of keys.
fn apart(settings: &Settings, state: &State) -> Result<(), Failed> {
    let exchanges = settings.ami.iter().map(|it| ("ami", it.name.to_string()));
    let receivers = settings.scaip.iter().map(|it| ("scaip", it.name.to_string()));
    let lists = settings.visits.iter().map(|it| ("visits", it.name().to_string()));
    for (block, name) in exchanges.chain(receivers).chain(lists) {
        let has_token = |it: &Person| it.role == Role::Source && !it.revoked && it.name.as_str() == name;
        if state.people.values().any(has_token) {
            return Err(Failed::new(key::CLI_NAME_OF_TOKEN).with("block", block).with("name", name));
        }
    }
    Ok(())
}

/// Errors: a source of the settings that bears the name of one with a token; the first setting that names an
/// agreement which is not in force, with the id most like it.
pub fn check(settings: &Settings, state: &State) -> Result<(), Failed> {
    apart(settings, state)?;
    for (setting, id) in named(settings) {
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
