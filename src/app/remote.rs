//! What needs a running server: the desk, and its actions without a screen.

use std::io::{IsTerminal, Read};
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use tokio_util::sync::CancellationToken;

use super::say::{self, Failed};
use crate::cli::{Demo, DoArgs, LookArgs, Named, OpenArgs, Opened, Remote, ShowArgs};
use crate::client::{Client, LinkError};
use crate::clock::Clock;
use crate::config;
use crate::domain::identity::Key;
use crate::i18n::{Texts, dates, key};
use crate::ids::Ids;
use crate::protocol::actions::{Action, FieldKind, opening_a_notice, opening_a_stay};
use crate::protocol::commands::{self, CommandReply, CommandRequest};
use crate::protocol::{Entry, Problem, boards};

/// A note read from standard input at most (bytes).
const TEXT_MAX: u64 = 64 * 1024;

pub(super) fn client(server: Option<String>, token_file: Option<PathBuf>) -> Result<Client> {
    let settings = config::desk_settings()?;
    let server = server.or(settings.server).ok_or_else(|| Failed::new(key::CLI_NO_SERVER))?;
    let file = token_file.or(settings.token_file).ok_or_else(|| Failed::new(key::CLI_NO_TOKEN_FILE))?;
    Ok(Client::new(&server, config::secret(&file)?)?)
}

/// `vagttavle` alone: the desk for the configured server. On a first run it offers the demo.
pub async fn configured_desk(texts: &Texts) -> Result<()> {
    let look = LookArgs { theme: None, read_only: false };
    let is_set_up = config::desk_settings()?.server.is_some() || config::server().is_some();
    if is_set_up || !std::io::stdin().is_terminal() {
        return desk(config::server(), config::token_file(), look, texts).await;
    }
    say::line(texts.get(key::CLI_NO_SERVER).as_str())?;
    say::line(texts.get(key::CLI_OFFER_DEMO).as_str())?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    // Only Enter means yes: a stray word starts nothing.
    if answer != "\n" {
        return Ok(());
    }
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    super::demo::run(Demo { headless: false, listen, seed: 1, speed: 1.0, look }, texts).await
}

pub async fn desk(
    server: Option<String>,
    token_file: Option<PathBuf>,
    look: LookArgs,
    texts: &Texts,
) -> Result<()> {
    let client = client(server, token_file)?;
    let stop = CancellationToken::new();
    super::desk::run(client, &look, texts, &stop).await
}

pub async fn list(args: Remote, texts: &Texts) -> Result<()> {
    let board = client(args.server, args.token_file)?.board().await?;
    if args.json {
        return say::line(&serde_json::to_string_pretty(&board)?);
    }
    if board.entries.is_empty() {
        return say::line(texts.get(key::CLI_NOTHING_OPEN).as_str());
    }
    board.entries.iter().try_for_each(|entry| say::line(&summary(texts, entry, board.now)))?;
    let carried = board.entries.iter().filter(|entry| entry.at_rest).count();
    match usize::try_from(board.at_rest).unwrap_or(usize::MAX).saturating_sub(carried) {
        0 => Ok(()),
        more => say::line(texts.with(key::LIST_MORE_PLANNED, &[("count", more.into())]).as_str()),
    }
}

fn summary(texts: &Texts, entry: &Entry, now: chrono::DateTime<chrono::Utc>) -> String {
    let holder = entry.holder.as_ref().map(|it| it.name.to_string()).unwrap_or_default();
    let agreement = entry.agreement.as_ref().map(ToString::to_string).unwrap_or_default();
    format!(
        "{:>3}  {:<10}  {:<14}  {:>9}  {:<12}  {:<10}  {}",
        entry.number,
        texts.code("board", entry.board().name()),
        texts.code("state", &entry.state),
        dates::age(texts, entry.opened_at, now),
        agreement,
        holder,
        texts.code("next", entry.attention.next),
    )
}

async fn numbered(client: &Client, number: u32) -> Result<Entry> {
    let is_it = |entry: &Entry| entry.number == number;
    let mut found = client.board().await?.entries.into_iter().find(is_it);
    if found.is_none() {
        // A visit as planned, one of too many for the board.
        found = client.find(&number.to_string()).await?.entries.into_iter().find(is_it);
    }
    found.ok_or_else(|| Failed::new(key::CLI_NO_SUCH_NUMBER).with("number", number.to_string()).into())
}

/// The entry: an open one by its number, one that is over by its id.
async fn named(client: &Client, named: Named) -> Result<Entry> {
    match named {
        Named::Number(number) => numbered(client, number).await,
        Named::Id(id) => Ok(client.entry(id, "duty").await?.entry),
    }
}

pub async fn show(args: ShowArgs, texts: &Texts) -> Result<()> {
    let client = client(args.remote.server, args.remote.token_file)?;
    let entry = named(&client, args.number).await?;
    if args.history {
        return history(&client, &entry, &args.purpose, args.remote.json, texts).await;
    }
    let view = client.entry(entry.id, "duty").await?;
    if args.remote.json {
        return say::line(&serde_json::to_string_pretty(&view)?);
    }
    say::line(&summary(texts, &view.entry, Clock::system().now()))?;
    for line in &view.history {
        let at = dates::full(line.happened_at);
        say::line(&format!("  {at}  {}  {}", texts.code("kind", line.kind.replace('.', "-")), line.actor))?;
    }
    for contact in &view.numbers {
        say::line(&format!("  {}  {}", texts.code("contact", &contact.role), contact.number))?;
    }
    Ok(())
}

/// What the log has of an entry's citizen, newest first.
async fn history(client: &Client, entry: &Entry, purpose: &str, is_json: bool, texts: &Texts) -> Result<()> {
    let Some(citizen) = &entry.citizen else { return Err(Failed::new(key::NOTICE_NO_CITIZEN).into()) };
    let history = client.history(citizen, entry.agreement.as_ref(), purpose).await?;
    if is_json {
        return say::line(&serde_json::to_string_pretty(&history)?);
    }
    for past in &history.entries {
        let it = &past.entry;
        let closed = it.closed_at.map_or_else(|| texts.get(key::HISTORY_OPEN), dates::full);
        let agreement = it.agreement.as_ref().map(ToString::to_string).unwrap_or_default();
        say::line(&format!(
            "{}  {:>3}  {:<10}  {:<14}  {:<12}  {}  {}",
            dates::full(it.opened_at),
            it.number,
            texts.code("board", it.board().name()),
            texts.code("state", &it.state),
            agreement,
            closed,
            past.who.join(", "),
        ))?;
    }
    let end = match (history.entries.is_empty(), history.more) {
        (true, _) => key::HISTORY_EMPTY,
        (_, true) => key::HISTORY_MORE,
        _ => key::HISTORY_ALL,
    };
    say::line(texts.get(end).as_str())
}

/// Does one of the entry's actions. Closing and its like send the version that was just read.
pub async fn act(args: DoArgs, texts: &Texts) -> Result<()> {
    let client = client(args.remote.server, args.remote.token_file)?;
    let entry = named(&client, args.number).await?;
    let wanted = |action: &&Action| {
        action.verb == args.action || action.verb.split_once('.').is_some_and(|(_, verb)| verb == args.action)
    };
    let Some(action) = entry.actions.iter().find(wanted) else {
        let known: Vec<_> = entry.actions.iter().map(|action| action.verb.as_str()).collect();
        return Err(Failed::new(key::CLI_NO_SUCH_ACTION)
            .with("action", args.action.clone())
            .with("actions", known.join(", "))
            .into());
    };
    let reply = send(&client, action, Some(&entry), &args.fields).await?;
    said(&reply, &entry, args.remote.json, texts)
}

/// Opens an entry by hand: what was told on the telephone, or what the municipality is to be told at once.
pub async fn open(args: OpenArgs, texts: &Texts) -> Result<()> {
    let client = client(args.remote.server, args.remote.token_file)?;
    let agreements = client.me().await?.agreements;
    let action = match args.what {
        Opened::Discharge => opening_a_stay(&agreements),
        Opened::Notice => opening_a_notice(&agreements),
        Opened::Complaint => boards::complaints::opening_a_complaint(&agreements),
    };
    let reply = send(&client, &action, None, &args.fields).await?;
    match &reply.entry {
        Some(entry) => said(&reply, entry, args.remote.json, texts),
        None => Ok(()),
    }
}

fn said(reply: &CommandReply, entry: &Entry, is_json: bool, texts: &Texts) -> Result<()> {
    if is_json {
        return say::line(&serde_json::to_string_pretty(reply)?);
    }
    if reply.waiting {
        return say::line(texts.get(key::CLI_NOTE_WAITS).as_str());
    }
    let state = reply.entry.as_ref().map_or(&entry.state, |entry| &entry.state);
    let arguments = [("number", entry.number.into()), ("state", (&texts.code("state", state)).into())];
    say::line(texts.with(key::CLI_DONE, &arguments).as_str())
}

/// Sends an action with the fields given; its text comes from standard input.
async fn send(
    client: &Client,
    action: &Action,
    entry: Option<&Entry>,
    fields: &[String],
) -> Result<CommandReply> {
    let mut command = serde_json::Map::new();
    command.insert("type".into(), action.verb.clone().into());
    for given in fields {
        let (name, value) = field(client, action, given).await?;
        command.insert(name, value);
    }
    let text = action.fields.iter().find(|field| field.kind == FieldKind::Text && field.required);
    if let Some(field) = text {
        let mut text = String::new();
        std::io::stdin().lock().take(TEXT_MAX).read_to_string(&mut text)?;
        command.insert(field.name.clone(), text.trim_end().into());
    }
    let id = Key::of_bytes("do-", Ids::system().uuid(Clock::system().now()).as_bytes());
    let version = entry.filter(|_| action.confirm).map(|entry| entry.version);
    let body = serde_json::json!({
        "id": id, "entry": entry.map(|entry| entry.id), "command": command, "expected_version": version,
    });
    // Read as the server will read it: a mistake is named before it is sent.
    let parsed = commands::parse(body).map_err(LinkError::Refused)?;
    let request = CommandRequest {
        id: parsed.id.clone(),
        entry: parsed.entry,
        expected_version: parsed.expected_version,
        happened_at: parsed.happened_at,
        command: parsed.command(entry.map(Entry::board)).map_err(LinkError::Refused)?,
    };
    Ok(client.submit(&request).await?)
}

async fn field(client: &Client, action: &Action, given: &str) -> Result<(String, serde_json::Value)> {
    let known = || action.fields.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(", ");
    let bad = || Failed::new(key::CLI_BAD_FIELD).with("field", given).with("fields", known());
    let (name, value) = given.split_once('=').ok_or_else(bad)?;
    let field = action.fields.iter().find(|it| it.name == name).ok_or_else(bad)?;
    let value = match (field.kind, value) {
        // Free text on a command line would stay in the shell's history.
        (FieldKind::Text, _) => return Err(bad().into()),
        (FieldKind::Yes, "true" | "yes" | "ja") => true.into(),
        (FieldKind::Yes, "false" | "no" | "nej") => false.into(),
        (FieldKind::Yes, _) => return Err(LinkError::Refused(Problem::field(422, "bad-value", name)).into()),
        // As on the desk: another entry by its number, a time by the clock.
        (FieldKind::Entry, number) if number.parse::<u32>().is_ok() => {
            let number = number.parse().unwrap_or_default();
            serde_json::to_value(numbered(client, number).await?.id)?
        }
        (FieldKind::Time, clock) => match dates::parse_next(clock, Clock::system().now()) {
            Some(at) => serde_json::to_value(at)?,
            None => clock.into(),
        },
        (FieldKind::Codes, several) => several.split(',').map(str::trim).collect(),
        (_, value) => value.into(),
    };
    Ok((name.to_owned(), value))
}
