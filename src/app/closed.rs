//! `vagttavle closed`: what is over, a page at a time, without a screen.

use anyhow::Result;

use super::remote::client;
use super::say;
use crate::cli::ClosedArgs;
use crate::i18n::{Texts, dates, key};
use crate::protocol::Entry;
use crate::protocol::closed::ClosedQuery;
use crate::protocol::entry::Details;

pub async fn run(args: ClosedArgs, texts: &Texts) -> Result<()> {
    let query = ClosedQuery {
        number: args.number.map(|number| number.to_string()),
        day: args.day,
        board: args.board,
        agreement: args.agreement.map(|id| id.to_string()),
        outcome: args.outcome,
        id: args.id,
        after: args.after,
    };
    let page = client(args.remote.server, args.remote.token_file)?.closed(&query).await?;
    if args.remote.json {
        return say::line(&serde_json::to_string_pretty(&page)?);
    }
    if page.entries.is_empty() && page.next.is_none() {
        let nothing = if query.is_everything() { key::CLI_NOTHING_CLOSED } else { key::CLI_NO_CLOSED_SUCH };
        return say::line(texts.get(nothing).as_str());
    }
    page.entries.iter().try_for_each(|entry| say::line(&line(texts, entry)))?;
    match &page.next {
        Some(next) => {
            say::line(texts.with(key::CLI_MORE_CLOSED, &[("after", next.as_str().into())]).as_str())
        }
        None => Ok(()),
    }
}

/// One entry: when it was closed and how, and the id by which it is shown.
fn line(texts: &Texts, entry: &Entry) -> String {
    let agreement = entry.agreement.as_ref().map(ToString::to_string).unwrap_or_default();
    let outcome = match &entry.details {
        Details::Alarms(alarm) => alarm.outcome.map(|it| texts.code("outcome", it.name())),
        _ => None,
    };
    let outcome = outcome.unwrap_or_else(|| texts.code("state", &entry.state));
    format!(
        "{}  {:>3}  {:<10}  {:<14}  {:<12}  {}",
        entry.closed_at.map(dates::full).unwrap_or_default(),
        entry.number,
        texts.code("board", entry.board().name()),
        outcome,
        agreement,
        entry.id,
    )
}
