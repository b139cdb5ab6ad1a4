//! A verb begins: it is sent, or has its form or its question first.
//!
//! Owns what is held back: who may not act, what was sent already, what may have been meant for a row that vanished. Must
//! never know what a verb does.

use super::super::action::bare;
use super::super::boards::{self, ByHand};
use super::super::effect::Effect;
use super::super::form::{Deed, Form};
use super::super::model::{Asked, Model, Notice, Overlay};
use super::keys::ask;
use super::submit;
use crate::protocol::actions::Action as Offered;
use crate::protocol::commands::{Command, Weight, verb_of, weight_of};
use crate::protocol::{Board, Entry};

/// A verb on the chosen entry (or on nothing, for the shift).
pub(super) fn do_verb(model: &mut Model, verb: &str) -> Vec<Effect> {
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
pub(super) fn begin(model: &mut Model, entry: &Entry, verb: &str) -> Vec<Effect> {
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
    let asks = model.is_in_doubt()
        || action.confirm
        || weight_of(entry.board(), verb) >= Weight::Asked
        || boards::listed(entry).asks_before(entry, verb);
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
    send_plain(model, verb)
}

/// A command without an entry and without fields.
pub(super) fn send_plain(model: &mut Model, verb: &str) -> Vec<Effect> {
    let Some(Ok(command)) = Command::read("", Board::Shift, verb, serde_json::Map::new()) else {
        return Vec::new();
    };
    let (_, effect) = submit(model, None, verb, None, command);
    vec![effect]
}
