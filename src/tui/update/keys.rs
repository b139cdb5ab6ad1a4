//! Keys and pastes: who gets them, and what they do on the board.
//!
//! Owns moving, going to places and leaving. Must never know what a verb does (`deeds`), nor what lies over the board
//! (`overlays`).

use super::super::action::{Action, Place, bare};
use super::super::boards::listed;
use super::super::editor::Editor;
use super::super::effect::{Effect, Purpose};
use super::super::keymap::Chord;
use super::super::layout;
use super::super::model::{Aside, Asked, Confirm, Detail, Leaving, Model, Notice, Overlay, Stakes};
use super::deeds::do_verb;
use super::overlays::in_overlay;
use crate::protocol::actions::Action as Offered;
use crate::protocol::{Entry, EntryId};

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
        Action::OpenAbout => return open_about(model),
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
    if place == Place::Closed {
        model.closed.forget();
    }
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

pub(super) fn left(how: Leaving) -> Effect {
    match how {
        Leaving::Quit => Effect::Quit,
        Leaving::Suspend => Effect::Suspend,
    }
}

pub(super) fn ask(model: &mut Model, asked: Asked) {
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
    show(model, entry)
}

fn show(model: &mut Model, entry: EntryId) -> Vec<Effect> {
    model.detail = Some(Detail { entry, view: None, problem: None, scroll: 0 });
    vec![Effect::FetchEntry { entry, purpose: Purpose::Duty }]
}

/// A duty says what it is about: that is opened, open or over.
fn open_about(model: &mut Model) -> Vec<Effect> {
    let Some(entry) = model.chosen().and_then(|entry| listed(entry).about()) else {
        model.notice = Some(Notice::NothingChosen);
        return Vec::new();
    };
    show(model, entry)
}

fn menu(model: &mut Model) {
    match model.chosen().map(|entry| (entry.id, likeliest(model, entry))) {
        Some((entry, index)) => model.overlays.push(Overlay::Menu { entry, index }),
        None => model.notice = Some(Notice::NothingChosen),
    }
}

/// A citizen's history is looked at for something: that is asked first, with the duty itself chosen.
pub(super) fn ask_purpose(model: &mut Model) {
    match model.chosen().map(|entry| (entry.id, entry.citizen.clone())) {
        Some((about, Some(citizen))) => {
            model.overlays.push(Overlay::Purpose { about, citizen, index: 0 });
        }
        Some((_, None)) => model.notice = Some(Notice::NoCitizen),
        None => model.notice = Some(Notice::NothingChosen),
    }
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
pub(super) fn scrolled(scroll: u16, action: Action, max: u16) -> u16 {
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
