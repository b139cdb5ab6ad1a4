//! `GET /v1/stream?after=N`: server-sent events.

use std::collections::BTreeSet;
use std::convert::Infallible;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, Sse};
use futures_util::stream::{self, Stream, StreamExt};
use tokio_stream::wrappers::ReceiverStream;

use crate::domain::identity::{EntryId, PersonName, Sequence};
use crate::domain::{self, Record};
use crate::protocol::{Problem, StreamItem};
use crate::server::App;
use crate::server::asked::{Asked, number, one};
use crate::server::errors::ApiError;
use crate::server::hub::{self, Frame};
use crate::server::looks::Looks;
use crate::server::session::Reader;

/// Records a stream may be behind when it comes back; more, and it fetches the board anew.
const RESUME_MAX: u64 = 5_000;
/// The id of the last item that a reader of events had.
const LAST_EVENT_ID: &str = "last-event-id";

/// What happens in the asker's scope, from `after` on. A beat every two seconds.
#[utoipa::path(get, path = "/v1/stream", params(("after" = Option<u64>, Query),
    ("Last-Event-ID" = Option<u64>, Header, description = "goes before `after`")), responses(
    (status = 200, description = "text/event-stream of StreamItem", body = StreamItem,
        content_type = "text/event-stream"),
    (status = 401, body = Problem), (status = 403, body = Problem), (status = 410, body = Problem),
    (status = 503, body = Problem)))]
pub async fn stream(
    State(app): State<App>,
    Reader(person): Reader,
    asked: Asked,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    // One that cannot be read is no reason to begin anew in silence: what was missed would stay so.
    let last_id = one(&headers, LAST_EVENT_ID)?.filter(|id| !id.is_empty());
    let last_id = last_id.map(|id| number(LAST_EVENT_ID, id)).transpose()?;
    let after = last_id.or(asked.number("after")?);
    let scope = person.agreements.clone();
    let joined = app.hub.join(person.name.clone(), scope.clone()).await.ok_or_else(Problem::unavailable)?;
    let head = joined.state.head.0;
    let after = after.unwrap_or(head);
    // A board may be newer than what the hub has handed on: what is known already is left out below.
    let newest = app.engine.state().head.0.max(head);
    if after > newest || head.saturating_sub(after) > RESUME_MAX {
        return Err(Problem::new(410, "resync").with("head", newest).into());
    }
    let missed = missed(&app, &person, &joined.state, after).await?;
    let (stop, looks, name) = (app.stop.clone(), app.looks.clone(), person.name.clone());
    let frames = stream::iter(missed)
        .chain(ReceiverStream::new(joined.frames))
        .filter(move |frame| std::future::ready(frame.id.is_none_or(|id| id > after)))
        .then(move |frame| {
            let (looks, name) = (looks.clone(), name.clone());
            async move { Ok(event(seen(&looks, &name, frame).await)) }
        })
        .take_until(async move { stop.cancelled().await });
    Ok(Sse::new(frames))
}

/// What happened between `after` and the moment of joining, with the entries as they are now.
async fn missed(
    app: &App,
    person: &domain::people::Person,
    state: &domain::State,
    after: u64,
) -> Result<Vec<Frame>, ApiError> {
    let left = usize::try_from(state.head.0.saturating_sub(after)).unwrap_or(0);
    if left == 0 {
        return Ok(Vec::new());
    }
    let records = app.engine.reader.read(Sequence(after), left).await?;
    let now = app.engine.clock.now();
    let before = before_given(app, &records, after).await?;
    let mut frames = hub::frames(&app.engine, &records, &before, state, &person.agreements, now);
    frames.truncate(left);
    Ok(frames)
}

/// Logs whose data is in it, before it is handed over.
async fn seen(looks: &Looks, who: &PersonName, mut frame: Frame) -> Frame {
    if let Some(shown) = frame.shows.take() {
        let withheld = looks.on_board(who, vec![shown]).await;
        if let Some(without) = frame.without.take().filter(|_| !withheld.is_empty()) {
            frame.data = without;
        }
    }
    frame
}

/// The entries that are given to others in these records, as they were before: whoever could see one must be told.
async fn before_given(app: &App, records: &[Record], after: u64) -> Result<domain::State, ApiError> {
    let mut before = domain::State::default();
    let given: BTreeSet<EntryId> =
        records.iter().filter(|record| record.event.may_assign()).map(|record| record.entry).collect();
    for id in given {
        let past = app.engine.reader.read_entry(id).await?;
        past.iter().filter(|it| it.sequence.0 <= after).for_each(|it| domain::evolve(&mut before, it));
    }
    Ok(before)
}

fn event(frame: Frame) -> Event {
    let event = Event::default().event(frame.event).data(&*frame.data);
    match frame.id {
        Some(id) => event.id(id.to_string()),
        None => event,
    }
}
