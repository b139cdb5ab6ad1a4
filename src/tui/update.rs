//! `update`: what happens becomes the next model and the effects wanted. Pure.
//!
//! Owns who gets a key, when a command may be sent and what a change of the board does to
//! what is open on the screen. Must never do I/O, read a clock or draw at random.

mod deeds;
mod keys;
mod overlays;

use chrono::{DateTime, Duration, Utc};

use super::action::Place;
use super::boards::alarms::is_ringing;
use super::boards::{closed, listed};
use super::effect::{Effect, Purpose};
use super::form::Deed;
use super::input::Input;
use super::model::{Asked, Confirm, Link, Model, Notice, Overlay, Pending, Size};
use super::msg::Msg;
use crate::protocol::board::{BoardSnapshot, Found, Me};
use crate::protocol::commands::Command;
use crate::protocol::entry::EntryView;
use crate::protocol::history::CitizenHistory;
use crate::protocol::sync::{Applied, Replica};
use crate::protocol::{CitizenId, CommandReply, CommandRequest, EntryId, Key, Problem, StreamItem};

/// An alarm nobody has taken rings again after this long where no agreement says otherwise.
const BELL_REPEAT_SECONDS: i64 = 30;

/// Takes one message in.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let mut effects = match msg {
        Msg::Drawn { scroll_max } => {
            model.scroll_max = scroll_max;
            return Vec::new();
        }
        Msg::Tick(now) => tick(model, now),
        Msg::Input(Input::Resize { width, height }) => {
            model.size = Size { width, height };
            Vec::new()
        }
        Msg::Input(Input::Press(chord)) => keys::press(model, chord),
        Msg::Input(Input::Paste(text)) => keys::paste(model, &text),
        Msg::Input(Input::Garbled) => keys::doubt(model),
        Msg::Input(Input::Burst) => keys::burst(model),
        Msg::Input(Input::Unfinished(what)) => {
            if !matches!(model.notice, Some(Notice::NewAlarm { .. })) {
                model.notice = Some(Notice::Unfinished(what));
            }
            keys::doubt(model)
        }
        Msg::SignedIn(me) => signed_in(model, me),
        Msg::Board(board) => snapshot(model, *board),
        Msg::Item(item) => stream_item(model, *item),
        Msg::LinkLost { code } => {
            model.link_problem = Some(code);
            Vec::new()
        }
        Msg::Done { id, outcome } => done(model, &id, *outcome),
        Msg::Fetched { entry, outcome } => fetched(model, entry, outcome),
        Msg::History { citizen, outcome } => {
            history(model, &citizen, *outcome);
            Vec::new()
        }
        Msg::Closed { query, outcome } => {
            closed::answered(model, query, outcome.map(|found| *found));
            Vec::new()
        }
        Msg::Found { wanted, outcome } => found(model, &wanted, outcome),
        Msg::Agreements(outcome) => {
            if let Ok(agreements) = outcome {
                model.agreements = Some(agreements);
            }
            Vec::new()
        }
        Msg::Terminate => vec![Effect::Quit],
        Msg::Suspend if model.can_suspend => vec![Effect::Suspend],
        Msg::Suspend => Vec::new(),
    };
    effects.extend(find(model));
    settle(model);
    effects.extend(closed::ask(model));
    effects.extend(bell(model));
    effects.extend(title(model));
    effects
}

fn tick(model: &mut Model, now: DateTime<Utc>) -> Vec<Effect> {
    model.desk_now = now;
    if let Some(board) = &mut model.board {
        board.tick(now);
        match (&model.link, board.is_stale(now)) {
            (Link::Live | Link::Connecting, true) => model.link = Link::Stale { since: board.heard_at() },
            (Link::Stale { .. } | Link::Connecting, false) => model.link = Link::Live,
            _ => {}
        }
    }
    Vec::new()
}

fn signed_in(model: &mut Model, me: Me) -> Vec<Effect> {
    model.me = Some(me);
    if model.agreements.is_some() { Vec::new() } else { vec![Effect::FetchAgreements] }
}

fn snapshot(model: &mut Model, board: BoardSnapshot) -> Vec<Effect> {
    let known: Option<Vec<EntryId>> =
        model.board.is_some().then(|| model.ringing().map(|it| it.id).collect());
    let mut fresh = Replica::new(board, model.desk_now);
    // What was found went with the old board.
    model.found.clear();
    std::mem::swap(model.board.get_or_insert_with(|| fresh.clone()), &mut fresh);
    heard(model);
    forget_confirmed(model);
    let mut effects = refetch_detail(model, None);
    // What began to ring while the line was down is new to whoever sits here.
    let came = known.and_then(|known| model.ringing().find(|it| !known.contains(&it.id)));
    if let Some(number) = came.map(|alarm| alarm.number) {
        effects.extend(new_alarm(model, number));
    }
    effects
}

fn new_alarm(model: &mut Model, number: u32) -> [Effect; 2] {
    model.notice = Some(Notice::NewAlarm { number });
    model.rung_at = Some(model.desk_now);
    [Effect::Bell, Effect::Notify { ringing: model.ringing().count() }]
}

fn heard(model: &mut Model) {
    if model.board.as_ref().is_some_and(|board| !board.is_stale(model.desk_now)) {
        model.link = Link::Live;
        model.link_problem = None;
    }
}

fn stream_item(model: &mut Model, item: StreamItem) -> Vec<Effect> {
    let now = model.desk_now;
    let Some(board) = &mut model.board else { return Vec::new() };
    let applied = board.apply(item, now);
    heard(model);
    forget_confirmed(model);
    match applied {
        Applied::Gap => vec![Effect::Resync],
        Applied::Old => Vec::new(),
        Applied::Fresh { entry, is_new } => {
            let fresh = entry.filter(|_| is_new).and_then(|id| model.entry(id));
            let is_heard = fresh.is_some_and(|entry| listed(entry).is_heard_once(entry));
            let rings = fresh.filter(|entry| is_ringing(entry)).map(|alarm| alarm.number);
            let mut effects = Vec::new();
            effects.extend(rings.into_iter().flat_map(|number| new_alarm(model, number)));
            effects.extend(is_heard.then_some(Effect::Bell));
            effects.extend(refetch_detail(model, entry));
            if let Some(id) = entry {
                closed::heard(model, id);
            }
            effects
        }
    }
}

/// The opened entry changed (or may have): its history is fetched anew.
fn refetch_detail(model: &Model, changed: Option<EntryId>) -> Vec<Effect> {
    match &model.detail {
        Some(detail) if changed.is_none_or(|id| id == detail.entry) => {
            vec![Effect::FetchEntry { entry: detail.entry, purpose: Purpose::Duty }]
        }
        _ => Vec::new(),
    }
}

/// A sent command is over when the stream has said what the answer said.
fn forget_confirmed(model: &mut Model) {
    let through = model.board.as_ref().map_or(0, |board| board.through);
    model.pending.retain(|_, pending| pending.sequence.is_none_or(|sequence| sequence > through));
}

fn done(model: &mut Model, id: &Key, outcome: Result<CommandReply, Problem>) -> Vec<Effect> {
    let Some(pending) = model.pending.get_mut(id) else { return Vec::new() };
    let about = pending.about;
    let verb = pending.verb.clone();
    match outcome {
        Ok(reply) => {
            pending.sequence = Some(reply.sequence.0);
            close_sent(model, id);
            if reply.waiting {
                model.notice = Some(Notice::NoteWaits);
            } else if !matches!(model.notice, Some(Notice::NewAlarm { .. })) {
                model.notice = Some(Notice::Done {
                    number: about.and_then(|it| it.0),
                    board: about.map(|it| it.1),
                    verb,
                });
            }
            forget_confirmed(model);
        }
        Err(problem) => {
            model.pending.remove(id);
            if !refuse_overlay(model, id, &problem) {
                let number = about.and_then(|it| it.0);
                let board = about.map(|it| it.1);
                model.notice = Some(Notice::Refused { number, board, verb, problem });
            }
        }
    }
    Vec::new()
}

/// Closes the form or question this command came from.
fn close_sent(model: &mut Model, id: &Key) {
    let is_other = |overlay: &Overlay| match overlay {
        Overlay::Form(form) => form.sent.as_ref() != Some(id),
        Overlay::Confirm(confirm) => confirm.sent.as_ref() != Some(id),
        _ => true,
    };
    model.overlays.retain(is_other);
    if let Some(aside) = &mut model.aside {
        aside.overlays.retain(is_other);
    }
    model.aside.take_if(|aside| aside.overlays.is_empty());
}

/// Shows a refusal where the command came from; the text stays. False when that is closed.
fn refuse_overlay(model: &mut Model, id: &Key, problem: &Problem) -> bool {
    let mut is_shown = false;
    for overlay in model.overlays_mut() {
        match overlay {
            Overlay::Form(form) if form.sent.as_ref() == Some(id) => {
                form.refuse(problem.clone());
                is_shown = true;
            }
            Overlay::Confirm(confirm) if confirm.sent.as_ref() == Some(id) => {
                (confirm.sent, confirm.death_asked_at) = (None, None);
                confirm.problem = Some(problem.clone());
                is_shown = true;
            }
            _ => {}
        }
    }
    // A question on top of a form gives way to it: that is where the text is.
    if let [.., Overlay::Form(form), Overlay::Confirm(_)] = model.overlays.as_slice()
        && form.problem.is_some()
    {
        model.overlays.pop();
    }
    is_shown
}

fn fetched(model: &mut Model, entry: EntryId, outcome: Result<Box<EntryView>, Problem>) -> Vec<Effect> {
    if let Some(detail) = model.detail.as_mut().filter(|detail| detail.entry == entry) {
        match outcome {
            Ok(view) => {
                detail.view = Some(view);
                detail.problem = None;
            }
            Err(problem) => detail.problem = Some(problem),
        }
    }
    Vec::new()
}

/// What is searched for may be among the entries that are not held: the server is asked, once at a time.
fn find(model: &mut Model) -> Option<Effect> {
    let wanted = model.filter.text().trim().to_owned();
    // There the same is looked for among what is over.
    let is_of_open = model.place != Place::Closed;
    let has_more = is_of_open && model.board.as_ref().is_some_and(|board| board.more() > 0);
    if !is_an_id(&wanted) || !has_more {
        model.found.clear();
        return None;
    }
    if model.finding.is_some() || model.found == wanted {
        return None;
    }
    model.finding = Some(wanted.clone());
    Some(Effect::Find(wanted))
}

/// Like a number on the board, or what the outside calls a citizen or a visit. Names, streets and telephone numbers
/// are searched for here, and leave the desk for nowhere.
fn is_an_id(wanted: &str) -> bool {
    let is_phone = wanted.len() >= 8 && wanted.bytes().all(|b| b.is_ascii_digit());
    wanted.bytes().any(|b| b.is_ascii_digit()) && !is_phone && CitizenId::new(wanted).is_ok()
}

/// The answer to a search. What came too late for the stream, or for what is searched for by now, is asked again.
fn found(model: &mut Model, wanted: &str, outcome: Result<Box<Found>, Problem>) -> Vec<Effect> {
    model.finding = None;
    let now = model.desk_now;
    if let (Ok(found), Some(board)) = (outcome, &mut model.board)
        && !board.found(*found, now)
    {
        return Vec::new();
    }
    wanted.clone_into(&mut model.found);
    Vec::new()
}

/// The answer to a history; closed in the meantime, it is let go of.
fn history(model: &mut Model, citizen: &CitizenId, outcome: Result<CitizenHistory, Problem>) {
    for overlay in &mut model.overlays {
        if let Overlay::History(open) = overlay
            && open.citizen == *citizen
        {
            open.answer = Some(outcome);
            return;
        }
    }
}

/// Brings everything that hangs on an entry in step with the board.
fn settle(model: &mut Model) {
    model.settle_cursor();
    if let Some(Notice::NewAlarm { number }) = model.notice
        && model.ringing().all(|alarm| alarm.number != number)
    {
        // Somebody has it: the call to act is over.
        model.notice = None;
    }
    let mut closing: Option<Notice> = None;
    let mut overlays = std::mem::take(&mut model.overlays);
    overlays.retain(|overlay| {
        let notice = match overlay {
            Overlay::Menu { entry, .. } if model.board.is_some() && model.entry(*entry).is_none() => {
                Some(Notice::NothingChosen)
            }
            Overlay::Confirm(confirm) if confirm.sent.is_none() => overtaken(model, confirm),
            _ => None,
        };
        let is_kept = notice.is_none();
        closing = notice.or(closing.take());
        is_kept
    });
    model.overlays = overlays;
    if closing.is_some() {
        model.notice = closing;
    }
}

/// Why an open question no longer holds: its entry is gone, or not what was read.
fn overtaken(model: &Model, confirm: &Confirm) -> Option<Notice> {
    let Asked::Command { deed, .. } = &confirm.asked else { return None };
    model.board.as_ref()?;
    match model.entry(deed.entry?) {
        None => Some(Notice::Gone { number: deed.number }),
        Some(entry) if entry.version != deed.version => Some(Notice::Changed { number: deed.number }),
        Some(_) => None,
    }
}

/// Sends a command about an entry. `version` only where the change would be final.
fn submit(
    model: &mut Model,
    deed: Option<&Deed>,
    verb: &str,
    version: Option<u32>,
    command: Command,
) -> (Key, Effect) {
    model.sent_count += 1;
    let id = Key::new(format!("{}-{}", model.session, model.sent_count))
        .expect("a session name and a number make a key");
    let entry = deed.and_then(|deed| deed.entry);
    let about = deed.map(|deed| (deed.entry.map(|_| deed.number), deed.board));
    let pending = Pending { entry, about, verb: verb.to_owned(), since: model.desk_now, sequence: None };
    model.pending.insert(id.clone(), pending);
    let request =
        CommandRequest { id: id.clone(), entry, expected_version: version, happened_at: None, command };
    (id, Effect::Submit(request))
}

/// How long an alarm may ring before it rings again: the shortest any agreement asks for.
fn bell_repeat(model: &Model) -> Duration {
    let asked = model
        .agreements
        .iter()
        .flatten()
        .filter_map(|agreement| agreement.pointer("/alarms/bell_repeat_seconds/value")?.as_i64())
        .min();
    Duration::seconds(asked.unwrap_or(BELL_REPEAT_SECONDS).max(1))
}

fn bell(model: &mut Model) -> Vec<Effect> {
    if model.ringing().next().is_none() {
        model.rung_at = None;
        return Vec::new();
    }
    let is_due = model.rung_at.is_none_or(|at| model.desk_now - at >= bell_repeat(model));
    if !is_due {
        return Vec::new();
    }
    model.rung_at = Some(model.desk_now);
    vec![Effect::Bell]
}

fn title(model: &mut Model) -> Vec<Effect> {
    if model.board.is_none() {
        return Vec::new();
    }
    let (alarms, ringing) = (model.alarms_open(), model.ringing().count());
    if model.titled == Some((alarms, ringing)) {
        return Vec::new();
    }
    model.titled = Some((alarms, ringing));
    vec![Effect::SetTitle { alarms, ringing }]
}
