//! Keys and pastes: who gets them and what they do.

use chrono::Duration;

use super::super::action::{Action, Place, bare};
use super::super::boards::{self, ByHand};
use super::super::editor::Editor;
use super::super::effect::{Effect, Purpose};
use super::super::form::{Deed, Form};
use super::super::keymap::Chord;
use super::super::layout;
use super::super::model::{Aside, Asked, Confirm, Detail, History, Leaving, Model, Notice, Overlay, Stakes};
use super::submit;
use crate::protocol::actions::Action as Offered;
use crate::protocol::commands::{Command, Weight, verb_of};
use crate::protocol::{Board, Entry, EntryId};

/// So long the question whether somebody is dead is on the screen before it can be answered.
const DEATH_PAUSE_MS: i64 = 500;

/// Lines a page key moves inside a text.
const PAGE_LINES: u16 = 10;

/// What comes next may have been typed by nobody: nothing is done of it without its question, and no question answered.
pub(super) fn doubt(model: &mut Model) -> Vec<Effect> {
    model.doubted_at = Some(model.desk_now);
    Vec::new()
}

/// More at once than a hand types: in a text field it is text, elsewhere it was not meant for here.
pub(super) fn burst(model: &mut Model) -> Vec<Effect> {
    match model.overlays.last() {
        Some(Overlay::Form(_) | Overlay::Filter { .. }) => Vec::new(),
        _ => doubt(model),
    }
}

pub(super) fn press(model: &mut Model, chord: Chord) -> Vec<Effect> {
    let notice = model.notice.take();
    if let Some(effects) = offer_to_field(model, chord) {
        return effects;
    }
    let stack = model.contexts();
    let Some(action) = model.keymap.resolve(&stack, chord) else {
        if matches!(chord, Chord::Char(_)) && model.overlays.is_empty() {
            // No hand means a key that means nothing: what stands beside it may be of the same making.
            doubt(model);
        }
        model.notice = notice.filter(|_| model.overlays.is_empty());
        return Vec::new();
    };
    match (action, model.overlays.last()) {
        (Action::Quit, _) => leaving(model, Leaving::Quit),
        (Action::Suspend, _) => leaving(model, Leaving::Suspend),
        (Action::Redraw, _) => vec![Effect::Redraw],
        (Action::Worst, _) => {
            worst(model);
            Vec::new()
        }
        (_, Some(_)) => in_overlay(model, action),
        (_, None) => on_board(model, action),
    }
}

/// Text fields come first: a letter typed into a note is never a command.
fn offer_to_field(model: &mut Model, chord: Chord) -> Option<Vec<Effect>> {
    match model.overlays.last_mut()? {
        Overlay::Form(form) if form.sent.is_none() => form.press(chord).then(Vec::new),
        Overlay::Filter { .. } => {
            let is_taken = model.filter.press(chord);
            is_taken.then(Vec::new)
        }
        _ => None,
    }
}

pub(super) fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    let is_taken = match model.overlays.last_mut() {
        Some(Overlay::Form(form)) if form.sent.is_none() => form.paste(text),
        Some(Overlay::Filter { .. }) => model.filter.insert(text),
        _ => false,
    };
    if !is_taken {
        model.notice = Some(Notice::PasteIgnored);
    }
    Vec::new()
}

fn on_board(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Help => model.overlays.push(Overlay::Help { scroll: 0 }),
        Action::Numbers => model.overlays.push(Overlay::Numbers { scroll: 0 }),
        Action::Filter if !layout::has_list(model.place) => model.notice = Some(Notice::NothingToSearch),
        Action::Filter => {
            // The list is what is searched: it must be seen.
            if layout::areas(model).side.is_none() {
                model.detail = None;
            }
            let before = model.filter.clone();
            model.overlays.push(Overlay::Filter { before });
        }
        Action::GoTo(place) => go_to(model, place),
        Action::NextPlace => go_to(model, model.place.step(true)),
        Action::PreviousPlace => go_to(model, model.place.step(false)),
        Action::HidePeople => model.hides_people = !model.hides_people,
        Action::Back => back(model),
        Action::Leave => return leave(model),
        Action::Open => return open(model),
        Action::Menu => menu(model),
        Action::History => ask_purpose(model),
        Action::Copy => return copy(model),
        Action::Do(verb) => return do_verb(model, verb),
        moving => move_by(model, moving),
    }
    Vec::new()
}

fn go_to(model: &mut Model, place: Place) {
    model.place = place;
    model.detail = None;
    model.settle_cursor();
    model.slipped_at = None;
}

/// To what is worst, whatever is open, searched for or being typed; what was typed is put aside. From there back to it.
fn worst(model: &mut Model) {
    if model.is_at_worst()
        && let Some(aside) = model.aside.take()
    {
        go_to(model, aside.place);
        (model.detail, model.overlays) = (aside.detail, aside.overlays);
        return;
    }
    let mut typed = std::mem::take(&mut model.overlays);
    // A question is asked again when its form is back.
    typed.retain(|overlay| matches!(overlay, Overlay::Form(_)));
    if !typed.is_empty() {
        let (place, detail) = (model.place, model.detail.take());
        let aside = model.aside.get_or_insert(Aside { overlays: Vec::new(), place, detail });
        aside.overlays.extend(typed);
        model.notice = Some(Notice::PutAside);
    }
    model.filter = Editor::line();
    go_to(model, Place::Overview);
    move_by(model, Action::Top);
}

/// One step back. From the top it goes nowhere: one `Esc` too many must not end the watch.
fn back(model: &mut Model) {
    if model.detail.take().is_some() {
    } else if !model.filter.is_empty() {
        model.filter = Editor::line();
    } else {
        go_to(model, Place::Overview);
    }
}

/// One step back, and out from the top.
fn leave(model: &mut Model) -> Vec<Effect> {
    if model.detail.is_none() && model.filter.is_empty() && model.place == Place::Overview {
        return leaving(model, Leaving::Quit);
    }
    back(model);
    Vec::new()
}

/// Out, or stopped for a while. Asks when somebody would be left alone with something.
fn leaving(model: &mut Model, how: Leaving) -> Vec<Effect> {
    if how == Leaving::Suspend && !model.can_suspend {
        model.notice = Some(Notice::NoJobControl);
        return Vec::new();
    }
    if model.stakes() == Stakes::default() && !model.is_in_doubt() {
        return vec![left(how)];
    }
    let is_asked = |it: &Overlay| matches!(it, Overlay::Confirm(open) if open.asked == Asked::Leave(how));
    if !model.overlays.last().is_some_and(is_asked) {
        ask(model, Asked::Leave(how));
    }
    Vec::new()
}

fn left(how: Leaving) -> Effect {
    match how {
        Leaving::Quit => Effect::Quit,
        Leaving::Suspend => Effect::Suspend,
    }
}

fn ask(model: &mut Model, asked: Asked) {
    model.overlays.push(Overlay::Confirm(Box::new(Confirm {
        asked,
        death_asked_at: None,
        sent: None,
        problem: None,
    })));
}

fn open(model: &mut Model) -> Vec<Effect> {
    let Some(entry) = model.chosen().map(|entry| entry.id) else {
        model.notice = Some(Notice::NothingChosen);
        return Vec::new();
    };
    model.detail = Some(Detail { entry, view: None, problem: None, scroll: 0 });
    vec![Effect::FetchEntry { entry, purpose: Purpose::Duty }]
}

fn menu(model: &mut Model) {
    match model.chosen().map(|entry| (entry.id, likeliest(model, entry))) {
        Some((entry, index)) => model.overlays.push(Overlay::Menu { entry, index }),
        None => model.notice = Some(Notice::NothingChosen),
    }
}

/// A citizen's history is looked at for something: that is asked first, with the duty itself chosen.
fn ask_purpose(model: &mut Model) {
    match model.chosen().map(|entry| (entry.id, entry.citizen.clone())) {
        Some((about, Some(citizen))) => {
            model.overlays.push(Overlay::Purpose { about, citizen, index: 0 });
        }
        Some((_, None)) => model.notice = Some(Notice::NoCitizen),
        None => model.notice = Some(Notice::NothingChosen),
    }
}

fn in_purpose(model: &mut Model, action: Action) -> Vec<Effect> {
    let Some(Overlay::Purpose { about, citizen, index }) = model.overlays.last_mut() else {
        return Vec::new();
    };
    match action {
        Action::Up => *index = index.saturating_sub(1),
        Action::Down => *index = (*index + 1).min(Purpose::ALL.len() - 1),
        Action::Choose => {
            let purpose = Purpose::ALL.get(*index).copied().unwrap_or(Purpose::Duty);
            let (about, citizen) = (*about, citizen.clone());
            model.overlays.pop();
            let history = History { about, citizen: citizen.clone(), purpose, answer: None, scroll: 0 };
            model.overlays.push(Overlay::History(Box::new(history)));
            let agreement = model.entry(about).and_then(|entry| entry.agreement.clone());
            return vec![Effect::FetchHistory { citizen, agreement, purpose }];
        }
        Action::Close => {
            model.overlays.pop();
        }
        _ => {}
    }
    Vec::new()
}

/// Where the menu of an entry begins: at what takes its next step, else at the first hinted action that may be done now, never at one that may not.
fn likeliest(model: &Model, entry: &Entry) -> usize {
    let may = |action: &Offered| action.refused_for(model.me_name()).is_none();
    let hints = model.keymap.hints(&model.contexts());
    let next = super::super::next::verb(entry);
    let takes_it = |action: &Offered| next == Some(bare(&action.verb)) && may(action);
    if let Some(index) = entry.actions.iter().position(takes_it) {
        return index;
    }
    let hinted = hints.iter().find_map(|row| {
        entry.actions.iter().position(|action| may(action) && row.action.is_verb(bare(&action.verb)))
    });
    hinted.or_else(|| entry.actions.iter().position(may)).unwrap_or(0)
}

/// The number to ring of the chosen entry, for the phone on the same screen.
fn copy(model: &mut Model) -> Vec<Effect> {
    let shown = model.chosen().filter(|_| !model.hides_people);
    let number = shown.and_then(|entry| model.live_of(entry)).and_then(|live| {
        live.phone.as_ref().or(live.caller.as_ref()).map(|number| number.as_str().to_owned())
    });
    model.notice = Some(if number.is_some() { Notice::Copied } else { Notice::NothingToCopy });
    number.into_iter().map(Effect::Copy).collect()
}

fn move_by(model: &mut Model, action: Action) {
    let max = model.scroll_max;
    if let Some(detail) = &mut model.detail {
        detail.scroll = scrolled(detail.scroll, action, max);
        return;
    }
    let ids: Vec<EntryId> = model.rows(model.place).iter().map(|entry| entry.id).collect();
    let page = usize::from(layout::list_rows(model)).max(1);
    let has_text_below = layout::has_text_below(model.place);
    if !layout::has_list(model.place) {
        // The shift and the agreements are a text alone.
        let cursor = model.cursors.entry(model.place).or_default();
        cursor.below = scrolled(cursor.below, action, max);
        return;
    }
    let cursor = model.cursors.entry(model.place).or_default();
    let last = ids.len().saturating_sub(1);
    if has_text_below && moves_text(cursor.index.min(last) == last, cursor.below.min(max), action) {
        cursor.below = scrolled(cursor.below, action, max);
        return;
    }
    if action == Action::Top {
        cursor.below = 0;
    } else if action == Action::Bottom && has_text_below {
        cursor.below = max;
    }
    cursor.index = match action {
        Action::Up => cursor.index.saturating_sub(1),
        Action::Down => (cursor.index + 1).min(last),
        Action::Top => 0,
        Action::Bottom => last,
        Action::PageUp => cursor.index.saturating_sub(page),
        Action::PageDown => (cursor.index + page).min(last),
        _ => cursor.index,
    };
    cursor.chosen = ids.get(cursor.index).copied();
    model.slipped_at = None;
}

/// From the last row on the moving keys go on into the text below the rows, and back.
fn moves_text(is_at_last: bool, below: u16, action: Action) -> bool {
    match action {
        Action::Down | Action::PageDown => is_at_last,
        Action::Up | Action::PageUp => below > 0,
        _ => false,
    }
}

/// A text's first line after a moving key, never beyond its end as last drawn.
fn scrolled(scroll: u16, action: Action, max: u16) -> u16 {
    let scroll = scroll.min(max);
    match action {
        Action::Up => scroll.saturating_sub(1),
        Action::Down => scroll.saturating_add(1).min(max),
        Action::PageUp => scroll.saturating_sub(PAGE_LINES),
        Action::PageDown => scroll.saturating_add(PAGE_LINES).min(max),
        Action::Top => 0,
        Action::Bottom => max,
        _ => scroll,
    }
}

/// A verb on the chosen entry (or on nothing, for the shift).
fn do_verb(model: &mut Model, verb: &str) -> Vec<Effect> {
    if verb_of(Board::Shift, verb).is_some() {
        return sign(model, verb);
    }
    if let Some(by_hand) = boards::by_hand(model, verb) {
        return open_by_hand(model, by_hand);
    }
    if model.has_just_slipped() {
        if let Some(number) = model.chosen().map(|entry| entry.number) {
            model.notice = Some(Notice::Held { number });
        }
        model.slipped_at = None;
        return Vec::new();
    }
    let Some(entry) = model.chosen().cloned() else {
        model.notice = Some(Notice::NothingChosen);
        return Vec::new();
    };
    begin(model, &entry, verb)
}

/// The offer of a verb among an entry's actions.
fn offered<'e>(entry: &'e Entry, verb: &str) -> Option<&'e Offered> {
    entry.actions.iter().find(|action| bare(&action.verb) == verb)
}

/// Begins an action: sends it, or opens its form, or asks.
fn begin(model: &mut Model, entry: &Entry, verb: &str) -> Vec<Effect> {
    if !model.may_act() {
        model.notice = Some(Notice::ReadOnly);
        return Vec::new();
    }
    let Some(action) = offered(entry, verb).cloned() else {
        model.notice = Some(Notice::NotHere);
        return Vec::new();
    };
    if let Some(problem) = action.refused_for(model.me_name()) {
        let problem = problem.clone();
        let (number, board) = (Some(entry.number), Some(entry.board()));
        model.notice = Some(Notice::Refused { number, board, verb: verb.to_owned(), problem });
        return Vec::new();
    }
    if model.pending.values().any(|pending| pending.entry == Some(entry.id) && pending.verb == verb) {
        // Sent already; the row says so. A second press must not become a second command.
        return Vec::new();
    }
    let deed = Deed {
        entry: Some(entry.id),
        number: entry.number,
        board: entry.board(),
        verb: verb.to_owned(),
        version: entry.version,
    };
    let is_unfinished = verb == "resume" && entry.is_home_unprepared();
    let asks = model.is_in_doubt()
        || action.confirm
        || verb_of(entry.board(), verb).is_some_and(|it| it.weight >= Weight::Asked)
        || is_unfinished;
    if !action.fields.is_empty() {
        model.overlays.push(Overlay::Form(Box::new(Form::new(deed, &action, asks))));
        return Vec::new();
    }
    let Some(Ok(command)) = Command::read("", entry.board(), verb, serde_json::Map::new()) else {
        model.notice = Some(Notice::NotHere);
        return Vec::new();
    };
    if asks {
        ask(model, Asked::Command { deed, command });
        return Vec::new();
    }
    let (_, effect) = submit(model, Some(&deed), verb, None, command);
    vec![effect]
}

/// The form of what is opened by hand.
fn open_by_hand(model: &mut Model, by_hand: &ByHand) -> Vec<Effect> {
    if !model.may_act() {
        model.notice = Some(Notice::ReadOnly);
        return Vec::new();
    }
    let agreements = model.me.as_ref().map(|me| me.agreements.clone()).unwrap_or_default();
    let action = (by_hand.form)(&agreements);
    let board = by_hand.board;
    let deed = Deed { entry: None, number: 0, board, verb: bare(&action.verb).to_owned(), version: 0 };
    let form = Form::new(deed, &action, false);
    model.overlays.push(Overlay::Form(Box::new(form)));
    Vec::new()
}

fn sign(model: &mut Model, verb: &str) -> Vec<Effect> {
    if !model.may_act() {
        model.notice = Some(Notice::ReadOnly);
        return Vec::new();
    }
    if model.is_in_doubt() {
        model.notice = Some(Notice::Doubted);
        return Vec::new();
    }
    if verb == "sign-off" {
        ask(model, Asked::SignOff);
        return Vec::new();
    }
    send_plain(model, verb).map(|(_, effect)| effect).into_iter().collect()
}

/// A command without an entry and without fields.
fn send_plain(model: &mut Model, verb: &str) -> Option<(crate::protocol::Key, Effect)> {
    let command = Command::read("", Board::Shift, verb, serde_json::Map::new())?.ok()?;
    Some(submit(model, None, verb, None, command))
}

fn in_overlay(model: &mut Model, action: Action) -> Vec<Effect> {
    let max = model.scroll_max;
    match model.overlays.last_mut() {
        Some(Overlay::Menu { .. }) => in_menu(model, action),
        Some(Overlay::Form(_)) => in_form(model, action),
        Some(Overlay::Confirm(_)) => in_confirm(model, action),
        Some(Overlay::Filter { .. }) => {
            in_filter(model, action);
            Vec::new()
        }
        Some(Overlay::Help { scroll } | Overlay::Numbers { scroll }) => {
            *scroll = scrolled(*scroll, action, max);
            if action == Action::Close {
                model.overlays.pop();
            }
            Vec::new()
        }
        Some(Overlay::History(history)) => {
            history.scroll = scrolled(history.scroll, action, max);
            if action == Action::Close {
                model.overlays.pop();
            }
            Vec::new()
        }
        Some(Overlay::Purpose { .. }) => in_purpose(model, action),
        None => Vec::new(),
    }
}

fn in_menu(model: &mut Model, action: Action) -> Vec<Effect> {
    let Some(Overlay::Menu { entry, index }) = model.overlays.last() else { return Vec::new() };
    let (id, index) = (*entry, *index);
    let Some(entry) = model.entry(id).cloned() else {
        model.overlays.pop();
        return Vec::new();
    };
    let last = entry.actions.len().saturating_sub(1);
    let step_to = match action {
        Action::Up => index.saturating_sub(1),
        Action::Down => (index + 1).min(last),
        _ => index,
    };
    match action {
        Action::Close => {
            model.overlays.pop();
        }
        Action::Choose => {
            model.overlays.pop();
            if let Some(verb) = entry.actions.get(index).map(|action| bare(&action.verb).to_owned()) {
                return begin(model, &entry, &verb);
            }
        }
        Action::Do(verb) => {
            model.overlays.pop();
            return begin(model, &entry, verb);
        }
        Action::History => {
            model.overlays.pop();
            ask_purpose(model);
        }
        _ => {
            if let Some(Overlay::Menu { index, .. }) = model.overlays.last_mut() {
                *index = step_to;
            }
        }
    }
    Vec::new()
}

fn in_form(model: &mut Model, action: Action) -> Vec<Effect> {
    let Some(Overlay::Form(form)) = model.overlays.last_mut() else { return Vec::new() };
    match action {
        Action::Close if form.has_text() => ask(model, Asked::Discard),
        Action::Close => {
            model.overlays.pop();
        }
        _ if form.sent.is_some() => {}
        Action::NextField => form.move_focus(true),
        Action::PreviousField => form.move_focus(false),
        Action::NextChoice => form.step_choice(true),
        Action::PreviousChoice => form.step_choice(false),
        Action::Choose | Action::Submit => return send_form(model),
        _ => {}
    }
    Vec::new()
}

fn send_form(model: &mut Model) -> Vec<Effect> {
    let now = model.now();
    let numbers: Vec<(u32, EntryId)> = model
        .board
        .iter()
        .flat_map(|board| board.worst_first())
        .map(|entry| (entry.number, entry.id))
        .collect();
    let is_in_doubt = model.is_in_doubt();
    let entry_of = |number: u32| numbers.iter().find(|(other, _)| *other == number).map(|(_, id)| *id);
    let Some(Overlay::Form(form)) = model.overlays.last_mut() else { return Vec::new() };
    let Some(command) = form.command(now, &entry_of) else { return Vec::new() };
    let (deed, asks) = (form.deed.clone(), form.asks || is_in_doubt);
    if asks {
        // What is asked about is what is on the screen now; a change since the form was opened shows in it.
        let entry = deed.entry.and_then(|id| model.entry(id));
        let version = entry.map_or(deed.version, |entry| entry.version);
        ask(model, Asked::Command { deed: Deed { version, ..deed }, command });
        return Vec::new();
    }
    let (id, effect) = submit(model, Some(&deed), &deed.verb, None, command);
    if let Some(Overlay::Form(form)) = model.overlays.last_mut() {
        form.sent = Some(id);
    }
    vec![effect]
}

fn in_confirm(model: &mut Model, action: Action) -> Vec<Effect> {
    let Some(Overlay::Confirm(confirm)) = model.overlays.last() else { return Vec::new() };
    if action == Action::Close {
        model.overlays.pop();
        return Vec::new();
    }
    if action != Action::Confirm || confirm.sent.is_some() {
        return Vec::new();
    }
    let asked = confirm.asked.clone();
    if model.is_in_deep_doubt() {
        model.notice = Some(Notice::Doubted);
        return Vec::new();
    }
    match asked {
        Asked::Leave(how) => {
            model.overlays.pop();
            vec![left(how)]
        }
        Asked::Discard => {
            model.overlays.pop();
            model.overlays.pop();
            Vec::new()
        }
        Asked::SignOff => {
            model.overlays.pop();
            send_plain(model, "sign-off").map(|(_, effect)| effect).into_iter().collect()
        }
        Asked::Command { command, .. } if command.says_dead() && !is_death_answered(model) => Vec::new(),
        Asked::Command { deed, command } => {
            let version = Some(deed.version);
            let (id, effect) = submit(model, Some(&deed), &deed.verb, version, command);
            for overlay in &mut model.overlays {
                match overlay {
                    Overlay::Confirm(confirm) => confirm.sent = Some(id.clone()),
                    Overlay::Form(form) if form.deed.entry == deed.entry => form.sent = Some(id.clone()),
                    _ => {}
                }
            }
            vec![effect]
        }
    }
}

/// That somebody is dead has a question of its own, and one press that repeats itself is no answer to it.
fn is_death_answered(model: &mut Model) -> bool {
    let now = model.desk_now;
    let Some(Overlay::Confirm(confirm)) = model.overlays.last_mut() else { return false };
    let asked_at = *confirm.death_asked_at.get_or_insert(now);
    now - asked_at >= Duration::milliseconds(DEATH_PAUSE_MS)
}

fn in_filter(model: &mut Model, action: Action) {
    match action {
        Action::Submit => {
            model.overlays.pop();
        }
        Action::Close => {
            if let Some(Overlay::Filter { before }) = model.overlays.pop() {
                model.filter = if before.is_empty() { Editor::line() } else { before };
            }
        }
        _ => {}
    }
    model.slipped_at = None;
}
