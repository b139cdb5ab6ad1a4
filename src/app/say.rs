//! What the command line says: one place that prints.
//!
//! Standard output carries answers (a token alone, JSON alone); sentences for people come from `i18n`.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use clap::CommandFactory;

use super::admin::{Answer, Request};
use super::log;
use crate::client::LinkError;
use crate::config::BadConfig;
use crate::domain::agreement::{self, Agreement, Mistake};
use crate::domain::identity::{AgreementId, ExternalId};
use crate::i18n::{Key, Texts, key};
use crate::protocol::Problem;
use crate::sources::scaip::CannotStart;
use crate::store::{Heads, StoreError, Why};
use crate::theme::Library;
use crate::tui::keymap::Keymap;
use crate::tui::table;
use crate::workers::canary::Unfit;

/// A failure with a sentence of its own.
#[derive(Debug)]
pub struct Failed {
    key: Key,
    arguments: Vec<(&'static str, String)>,
}

impl Failed {
    pub fn new(key: Key) -> Self {
        Self { key, arguments: Vec::new() }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.arguments.push((name, value.into()));
        self
    }

    fn text(&self, texts: &Texts) -> String {
        let arguments: Vec<_> =
            self.arguments.iter().map(|(name, value)| (*name, value.as_str().into())).collect();
        texts.with(self.key, &arguments).as_str().to_owned()
    }
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.key.id())
    }
}

impl std::error::Error for Failed {}

/// Mistakes in an agreement file.
#[derive(Debug, thiserror::Error)]
#[error("{file}")]
pub struct BadAgreement {
    file: String,
    mistakes: Vec<Mistake>,
}

/// One line on standard output, at once: others wait for it.
pub fn line(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()?;
    Ok(())
}

/// Lines on standard output from a program that runs on: it waits for no reader.
pub fn announce(lines: String) {
    log::aside(std::io::stdout(), lines);
}

/// Nobody reads our answer any more.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// One sentence on standard error: what happened, where, what to do now.
pub fn error(texts: &Texts, error: &anyhow::Error) {
    let text = explain(texts, error);
    log::aside(std::io::stderr(), format!("vagttavle: {text}\n"));
}

pub fn explain(texts: &Texts, error: &anyhow::Error) -> String {
    if let Some(failed) = error.downcast_ref::<Failed>() {
        return failed.text(texts);
    }
    if let Some(bad) = error.downcast_ref::<BadConfig>() {
        return bad_config(texts, bad);
    }
    if let Some(bad) = error.downcast_ref::<BadAgreement>() {
        return bad.mistakes.iter().map(|it| mistake(texts, &bad.file, it)).collect::<Vec<_>>().join("\n");
    }
    if let Some(unfit) = error.downcast_ref::<Unfit>() {
        return unfit_canary(unfit).text(texts);
    }
    if let Some(closed) = error.downcast_ref::<CannotStart>() {
        return closed_receiver(closed).text(texts);
    }
    if let Some(link) = error.downcast_ref::<LinkError>() {
        return link_error(texts, link);
    }
    if let Some(store) = error.downcast_ref::<StoreError>() {
        return store_error(texts, store);
    }
    texts.with(key::CLI_FAILED, &[("why", format!("{error:#}").as_str().into())]).as_str().to_owned()
}

fn unfit_canary(unfit: &Unfit) -> Failed {
    match unfit {
        Unfit::NoTestAccount(account) => Failed::new(key::CLI_CANARY_NO_TEST).with("account", account),
        Unfit::NoExchange(exchange) => {
            Failed::new(key::CLI_CANARY_NO_EXCHANGE).with("exchange", exchange.as_str())
        }
        Unfit::ReadQueue(queue) => Failed::new(key::CLI_CANARY_READ_QUEUE).with("queue", queue),
    }
}

fn closed_receiver(closed: &CannotStart) -> Failed {
    match closed {
        CannotStart::Listen(error) => Failed::new(key::CLI_SCAIP_CANNOT_LISTEN)
            .with("address", error.listen.as_str())
            .with("why", error.why.to_string()),
        CannotStart::Certificate { file, why } => Failed::new(key::CLI_SCAIP_CERTIFICATE)
            .with("file", file.display().to_string())
            .with("why", why.as_str()),
        CannotStart::TooLate { agreement, ring_out, holds } => Failed::new(key::CLI_SCAIP_TOO_LATE)
            .with("agreement", agreement.as_str())
            .with("seconds", ring_out.to_string())
            .with("holds", holds.to_string()),
    }
}

/// What happened to the log and what to do now; the why is the store's own, for whoever mends it.
fn store_error(texts: &Texts, error: &StoreError) -> String {
    let text = match error {
        StoreError::Corrupt { chain, sequence, why } => {
            let at = format!("{chain} {sequence}");
            texts.with(key::CLI_LOG_DAMAGED, &[("at", at.as_str().into()), ("why", why.as_str().into())])
        }
        StoreError::Unavailable { why } => {
            texts.with(key::CLI_LOG_UNAVAILABLE, &[("why", store_why(texts, why).as_str().into())])
        }
        StoreError::Refused { why } => {
            texts.with(key::CLI_LOG_REFUSED, &[("why", store_why(texts, why).as_str().into())])
        }
        StoreError::Conflict { .. } | StoreError::Duplicate { .. } => {
            texts.with(key::CLI_FAILED, &[("why", error.to_string().as_str().into())])
        }
    };
    text.as_str().to_owned()
}

/// A known reason says what to do; another is as the store has it.
fn store_why(texts: &Texts, why: &Why) -> String {
    let Some(code) = why.code else { return why.to_string() };
    let arguments: Vec<_> =
        why.arguments.iter().map(|(name, value)| (*name, value.as_str().into())).collect();
    texts.code_with("store-why", code, &arguments).as_str().to_owned()
}

/// The reader's words for the two mistakes that everybody makes, in the screen's language; the rest as it is.
fn what_is_wrong(texts: &Texts, what: &str) -> String {
    let quoted: Vec<&str> = what.split('`').skip(1).step_by(2).collect();
    let said = match quoted.as_slice() {
        [name, known @ ..] if what.starts_with("unknown ") => {
            let known = known.join(", ");
            texts
                .with(key::CLI_UNKNOWN_SETTING, &[("name", (*name).into()), ("known", known.as_str().into())])
        }
        [name] if what.starts_with("missing field ") => {
            texts.with(key::CLI_MISSING_SETTING, &[("name", (*name).into())])
        }
        _ => return what.to_owned(),
    };
    said.as_str().to_owned()
}

fn bad_config(texts: &Texts, bad: &BadConfig) -> String {
    if let Some(code) = bad.code {
        let arguments = [("file", bad.file.as_str().into()), ("what", bad.what.as_str().into())];
        return texts.code_with("file-trouble", code, &arguments).as_str().to_owned();
    }
    let what = what_is_wrong(texts, &bad.what);
    let mut text = if bad.line == 0 {
        let arguments = [("file", bad.file.as_str().into()), ("what", what.as_str().into())];
        texts.with(key::CLI_BAD_FILE, &arguments).as_str().to_owned()
    } else {
        let arguments = [
            ("file", bad.file.as_str().into()),
            ("line", bad.line.into()),
            ("column", bad.column.into()),
            ("what", what.as_str().into()),
        ];
        texts.with(key::CLI_BAD_SETTINGS, &arguments).as_str().to_owned()
    };
    if let Some(nearest) = &bad.nearest {
        text.push(' ');
        text.push_str(texts.with(key::CLI_DID_YOU_MEAN, &[("nearest", nearest.as_str().into())]).as_str());
    }
    text
}

fn mistake(texts: &Texts, file: &str, mistake: &Mistake) -> String {
    let arguments: Vec<_> = mistake.problem.arguments();
    let arguments: Vec<_> = arguments.iter().map(|(name, value)| (*name, value.as_str().into())).collect();
    let what = texts.code_with("mistake", mistake.problem.code(), &arguments);
    let mut text = texts
        .with(
            key::CLI_BAD_AGREEMENT_LINE,
            &[
                ("file", file.into()),
                ("line", mistake.line.into()),
                ("column", mistake.column.into()),
                ("key", mistake.key.as_str().into()),
                ("what", (&what).into()),
            ],
        )
        .as_str()
        .to_owned();
    if let Some(nearest) = &mistake.nearest {
        text.push(' ');
        text.push_str(texts.with(key::CLI_DID_YOU_MEAN, &[("nearest", nearest.as_str().into())]).as_str());
    }
    text
}

pub fn link_error(texts: &Texts, error: &LinkError) -> String {
    match error {
        LinkError::Refused(it) => problem(texts, it),
        LinkError::Offline => texts.get(key::PROBLEM_OFFLINE).as_str().to_owned(),
        LinkError::Incompatible => texts.get(key::PROBLEM_INCOMPATIBLE).as_str().to_owned(),
        LinkError::BadAddress => texts.get(key::CLI_NO_SERVER).as_str().to_owned(),
    }
}

/// A problem's sentence: a refusal's, else a problem's own.
pub fn problem(texts: &Texts, problem: &Problem) -> String {
    let mut arguments: Vec<(String, String)> = problem
        .arguments
        .iter()
        .map(|(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (name.replace('_', "-"), text)
        })
        .collect();
    if let Some(field) = &problem.field {
        arguments.push(("field".into(), field.clone()));
    }
    let arguments: Vec<_> =
        arguments.iter().map(|(name, value)| (name.as_str(), value.as_str().into())).collect();
    let prefix = if texts.has_code("refusal", &problem.code) { "refusal" } else { "problem" };
    let text = texts.code_with(prefix, &problem.code, &arguments).as_str().to_owned();
    match &problem.field {
        Some(field) if !text.contains(field.as_str()) => format!("{text} ({field})"),
        _ => text,
    }
}

/// Prints the answer to an administrator.
pub fn answer(texts: &Texts, request: &Request, answer: Answer) -> Result<()> {
    match answer {
        // Alone, so that it can go straight into a file.
        Answer::Token { token } => line(&token),
        Answer::Users { users } if users.is_empty() => line(texts.get(key::CLI_NO_USERS).as_str()),
        Answer::Users { users } => {
            for user in users {
                let agreements: Vec<_> = user.agreements.iter().map(|id| id.as_str()).collect();
                let revoked =
                    if user.revoked { format!("\t{}", texts.get(key::CLI_REVOKED)) } else { String::new() };
                line(&format!("{}\t{}\t{}{revoked}", user.name, user.role.name(), agreements.join(",")))?;
            }
            Ok(())
        }
        Answer::Agreements { agreements } => match request {
            Request::ShowAgreement { .. } => agreements.iter().try_for_each(|it| show_agreement(texts, it)),
            _ => {
                agreements
                    .iter()
                    .try_for_each(|it| line(&format!("{}\t{}\t{}", it.id, it.version, it.name)))?;
                // Beside the list, not in it: it may go straight into a script.
                agreements.iter().filter_map(|it| newer_rules(texts, it)).for_each(|said| hint(&said));
                Ok(())
            }
        },
        Answer::BackedUp { records } => match request {
            Request::Backup { file } => backed_up(texts, file, records),
            _ => Ok(()),
        },
        Answer::Done => match request {
            Request::RevokeUser { name } => {
                line(texts.with(key::CLI_USER_REVOKED, &[("name", name.as_str().into())]).as_str())
            }
            Request::Adopt { text } => {
                let id = Agreement::parse(text).map(|it| it.id.to_string()).unwrap_or_default();
                line(texts.with(key::CLI_AGREEMENT_ADOPTED, &[("id", id.as_str().into())]).as_str())
            }
            _ => Ok(()),
        },
        Answer::Refused { problem } => Err(LinkError::Refused(problem).into()),
    }
}

fn hint(said: &str) {
    // Nobody reading is no fault of ours.
    let _ = writeln!(std::io::stderr(), "{said}");
}

/// The rules that the program has for this agreement and it lacks, with what to do.
pub fn newer_rules(texts: &Texts, rules: &Agreement) -> Option<String> {
    let newer = agreement::newer_rules(rules);
    let arguments = [("id", rules.id.as_str().into()), ("rules", newer.join(", ").as_str().into())];
    (!newer.is_empty()).then(|| texts.with(key::CLI_NEWER_RULES, &arguments).as_str().to_owned())
}

/// Every value with where it comes from: contract with clause, own rule, or unset (not listed).
fn show_agreement(texts: &Texts, rules: &Agreement) -> Result<()> {
    line(&format!("{} ({}) {}", rules.name, rules.id, rules.version))?;
    if let Some(shared) = &rules.care_system {
        let says = texts.get(key::CLI_CARE_SYSTEM_SHARED);
        line(&format!("care_system = \"{shared}\"  {says}"))?;
    }
    let value = serde_json::to_value(rules)?;
    let mut left = vec![(String::new(), &value)];
    while let Some((path, value)) = left.pop() {
        let serde_json::Value::Object(fields) = value else { continue };
        if let (Some(kind), Some(value)) =
            (fields.get("kind").and_then(|it| it.as_str()), fields.get("value"))
        {
            let source = match fields.get("clause").and_then(|it| it.as_str()) {
                Some(clause) if kind == "contract" => {
                    texts.with(key::CLI_CONTRACT, &[("clause", clause.into())])
                }
                _ => texts.get(key::CLI_OWN_RULE),
            };
            let says = fields.get("says").and_then(|it| it.as_str()).unwrap_or_default();
            line(&format!("{path} = {value}  [{source}]  {says}"))?;
            continue;
        }
        // Taken from the end: pushed in reverse they come out in order.
        for (name, value) in fields.iter().rev() {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            left.push((path, value));
        }
    }
    Ok(())
}

/// Reads an agreement file. Errors name line and key of every mistake.
pub fn read_agreement(file: &Path) -> Result<Agreement> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file).with_context(|| name.clone())?;
    Agreement::parse(&text).map_err(|mistakes| BadAgreement { file: name, mistakes }.into())
}

pub fn agreement_check(texts: &Texts, file: &Path) -> Result<()> {
    let rules = read_agreement(file)?;
    let arguments = [
        ("file", file.display().to_string().as_str().into()),
        ("name", rules.name.as_str().into()),
        ("version", rules.version.as_str().into()),
    ];
    line(texts.with(key::CLI_AGREEMENT_GOOD, &arguments).as_str())
}

/// The file of an agreement that comes with the program, comments and all.
pub fn built_in_file(id: &AgreementId) -> Result<()> {
    let text = agreement::built_in_text(id).ok_or_else(|| LinkError::Refused(Problem::not_found()))?;
    line(text.trim_end())
}

/// Without a log: what comes with the program.
pub fn built_in_agreements(texts: &Texts, request: &Request) -> Result<()> {
    let mut agreements = agreement::built_in();
    if let Request::ShowAgreement { id } = request {
        agreements.retain(|it| it.id == *id);
    }
    if agreements.is_empty() {
        return Err(LinkError::Refused(Problem::not_found()).into());
    }
    answer(texts, request, Answer::Agreements { agreements })
}

pub fn verified(texts: &Texts, verified: &Heads) -> Result<()> {
    let arguments =
        [("records", verified.records.sequence.0.into()), ("looks", verified.looks.sequence.0.into())];
    line(texts.with(key::CLI_LOG_VERIFIED, &arguments).as_str())
}

/// Under which id a unit is kept.
pub fn unit(id: &ExternalId) -> Result<()> {
    line(id.as_str())
}

/// A log without its witness: said on standard error, as it is no answer.
pub fn unwitnessed(texts: &Texts) {
    let _ = writeln!(std::io::stderr(), "{}", texts.get(key::CLI_WITNESS_MISSING).as_str());
}

pub fn backed_up(texts: &Texts, file: &Path, records: u64) -> Result<()> {
    let arguments = [("file", file.display().to_string().as_str().into()), ("records", records.into())];
    line(texts.with(key::CLI_BACKED_UP, &arguments).as_str())
}

pub fn restored(texts: &Texts, folder: &Path, records: u64) -> Result<()> {
    let arguments = [("folder", folder.display().to_string().as_str().into()), ("records", records.into())];
    line(texts.with(key::CLI_RESTORED, &arguments).as_str())
}

/// Every key with what it does, by where it applies.
pub fn keys(texts: &Texts) -> Result<()> {
    let mut place = None;
    for row in table::lines(texts, &Keymap::default()) {
        if place.as_ref() != Some(&row.context) {
            line(row.context.as_str())?;
            place = Some(row.context.clone());
        }
        line(&format!("  {:<18} {}", row.chords, row.text))?;
    }
    Ok(())
}

pub fn themes() -> Result<()> {
    let mut library = Library::default();
    if let Some(folder) = crate::config::theme_folder() {
        library.add_folder(&folder)?;
    }
    library.names().try_for_each(line)
}

pub fn completions(shell: clap_complete::Shell) -> Result<()> {
    clap_complete::generate(shell, &mut crate::cli::Cli::command(), "vagttavle", &mut std::io::stdout());
    Ok(())
}

pub fn man() -> Result<()> {
    clap_mangen::Man::new(crate::cli::Cli::command()).render(&mut std::io::stdout())?;
    Ok(())
}

/// Looks at what often is wrong on a machine.
pub fn doctor(place: Option<(&Path, &Path)>, care: &[(bool, String)], texts: &Texts) -> Result<()> {
    use std::io::IsTerminal;
    use std::os::unix::fs::PermissionsExt;
    let check = |name: &str, is_good: bool, detail: String| {
        let word = texts.get(if is_good { key::CLI_DOCTOR_GOOD } else { key::CLI_DOCTOR_BAD });
        line(&format!("{name:<12} {word}  {detail}"))
    };
    check("version", true, env!("CARGO_PKG_VERSION").into())?;
    check("terminal", std::io::stdout().is_terminal(), crate::config::terminal())?;
    if let Some((folder, witness)) = place {
        let mode = std::fs::metadata(folder).map(|it| it.permissions().mode() & 0o777);
        let is_good = mode.as_ref().map_or(true, |mode| mode & 0o077 == 0);
        let mode = mode.map_or_else(|_| "-".into(), |mode| format!("{mode:o}"));
        check("data", is_good, format!("{} {mode}", folder.display()))?;
        if folder.join(crate::store::sqlite::LOG_FILE).exists() {
            let file = witness.join(crate::store::WITNESS_FILE);
            let is_there = std::fs::metadata(&file).is_ok_and(|it| it.len() > 0);
            check("witness", is_there, file.display().to_string())?;
        }
    }
    for (is_good, detail) in care {
        check("care", *is_good, detail.clone())?;
    }
    for rules in agreement::built_in() {
        check("agreement", true, format!("{} {}", rules.id, rules.version))?;
    }
    Ok(())
}
