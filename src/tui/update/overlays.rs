//! Keys while something lies over the board: a menu, a form, a question, a text.
//!
//! Owns what closes it and what is sent from it. Must never send what was not on the screen.

use chrono::Duration;

use super::super::action::{Action, bare};
use super::super::editor::Editor;
use super::super::effect::{Effect, Purpose};
use super::super::form::Deed;
use super::super::model::{Asked, History, Model, Notice, Overlay};
use super::deeds::{begin, send_plain};
use super::keys::{ask, ask_purpose, left, scrolled};
use super::submit;
use crate::protocol::EntryId;

/// So long the question whether somebody is dead is on the screen before it can be answered.
const DEATH_PAUSE_MS: i64 = 500;

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

pub(super) fn in_overlay(model: &mut Model, action: Action) -> Vec<Effect> {
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
            send_plain(model, "sign-off")
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
