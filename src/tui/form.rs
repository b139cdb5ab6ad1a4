//! A form: the facts an action needs, as they are being filled in.
//!
//! Owns the fields' content and how it becomes a command. The fields themselves come from
//! the server with the action, so that what is asked and what is accepted cannot differ.
//! A refused form keeps its text.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use serde_json::{Map, Value, json};

use super::editor::Editor;
use super::keymap::Chord;
use crate::i18n::dates;
use crate::protocol::actions::{Action, Field, FieldKind};
use crate::protocol::commands::Command;
use crate::protocol::{Board, EntryId, Key, Problem};

/// What a yes-or-no field offers.
const YES_NO: [&str; 2] = ["yes", "no"];

/// The field that repeats a command which was warned about.
pub const ALL_THE_SAME: &str = "confirmed";
/// A time that lies behind: a clock time without a date is the last one, not the next.
const TOLD_AT: &str = "told_at";

/// Which action on what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// None for what opens an entry.
    pub entry: Option<EntryId>,
    pub number: u32,
    pub board: Board,
    /// The verb without its board, e.g. `justify.sent`.
    pub verb: String,
    /// The version that was on the screen.
    pub version: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    pub deed: Deed,
    pub fields: Vec<FormField>,
    /// Index of the field with the keys; one past the last is the button.
    pub focus: usize,
    /// Why it was refused, here or by the server.
    pub problem: Option<Problem>,
    /// Sent and not yet answered.
    pub sent: Option<Key>,
    /// Asks once more before it is sent.
    pub asks: bool,
    /// The server warned that it speaks against the contract: doing it all the same is offered.
    pub is_warned: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct FormField {
    pub spec: Field,
    /// The codes that are chosen: one at most, unless several may be.
    pub chosen: BTreeSet<usize>,
    pub editor: Editor,
}

impl FormField {
    fn new(spec: &Field) -> Self {
        let mut spec = spec.clone();
        if spec.kind == FieldKind::Yes {
            spec.codes = YES_NO.map(str::to_owned).to_vec();
        }
        let mut editor = if spec.kind == FieldKind::Text { Editor::long() } else { Editor::line() };
        if let (FieldKind::Entry, Some(number)) = (spec.kind, spec.codes.first()) {
            editor.insert(number);
        }
        Self { spec, chosen: BTreeSet::new(), editor }
    }

    /// A choice among codes; else it is typed.
    pub fn is_choice(&self) -> bool {
        matches!(self.spec.kind, FieldKind::Code | FieldKind::Codes | FieldKind::Yes | FieldKind::Agreement)
    }

    /// Each digit marks one, or takes the mark away.
    pub fn is_several(&self) -> bool {
        self.spec.kind == FieldKind::Codes
    }

    pub fn is_filled(&self) -> bool {
        if self.is_choice() { !self.chosen.is_empty() } else { !self.editor.is_empty() }
    }

    /// What is chosen of the codes.
    pub fn choices(&self) -> impl Iterator<Item = &str> {
        self.chosen.iter().filter_map(|index| self.spec.codes.get(*index)).map(String::as_str)
    }

    fn pick(&mut self, index: usize) {
        if !self.is_several() {
            self.chosen = BTreeSet::from([index]);
        } else if !self.chosen.remove(&index) {
            self.chosen.insert(index);
        }
    }

    fn choice(&self) -> Option<&str> {
        self.choices().next()
    }

    fn step(&mut self, forward: bool) {
        let count = self.spec.codes.len();
        if count == 0 || self.is_several() {
            return;
        }
        let index = match (self.chosen.first().copied(), forward) {
            (None, true) => 0,
            (None, false) => count - 1,
            (Some(index), true) => (index + 1) % count,
            (Some(index), false) => (index + count - 1) % count,
        };
        self.pick(index);
    }

    /// The value for the command. Errors: a code of `problem-…`.
    fn value(
        &self,
        now: DateTime<Utc>,
        entry_of: &dyn Fn(u32) -> Option<EntryId>,
    ) -> Result<Value, &'static str> {
        let text = self.editor.text().trim();
        Ok(match self.spec.kind {
            FieldKind::Yes => json!(self.choice() == Some(YES_NO[0])),
            FieldKind::Code | FieldKind::Agreement => json!(self.choice()),
            FieldKind::Codes => json!(self.choices().collect::<Vec<_>>()),
            FieldKind::Time => {
                let from = if self.spec.name == TOLD_AT { now - Duration::days(1) } else { now };
                json!(dates::parse_next(text, from).ok_or("not-a-time")?)
            }
            FieldKind::Entry => {
                let number = text.parse().map_err(|_| "not-a-number")?;
                json!(entry_of(number).ok_or("unknown-number")?)
            }
            FieldKind::Reference => json!(text.to_uppercase()),
            FieldKind::Text | FieldKind::Citizen => json!(text),
        })
    }
}

impl Form {
    pub fn new(deed: Deed, action: &Action, asks: bool) -> Self {
        let fields = action.fields.iter().map(FormField::new).collect();
        Self { deed, fields, focus: 0, problem: None, sent: None, asks, is_warned: false }
    }

    pub fn focused(&self) -> Option<&FormField> {
        self.fields.get(self.focus)
    }

    /// True when something was typed that would be lost.
    pub fn has_text(&self) -> bool {
        self.fields.iter().any(|field| field.spec.kind == FieldKind::Text && !field.editor.is_empty())
    }

    /// Whether a field is on the screen: "all the same" only after a warning.
    pub fn shows(&self, field: &FormField) -> bool {
        field.spec.name != ALL_THE_SAME || self.is_warned
    }

    /// Takes a refusal in. A warning against the contract offers to do it all the same.
    pub fn refuse(&mut self, problem: Problem) {
        self.sent = None;
        let at = self.fields.iter().position(|field| field.spec.name == ALL_THE_SAME);
        if let Some(at) = at.filter(|_| problem.code == "against-contract") {
            self.is_warned = true;
            self.focus = at;
        } else if let Some(at) =
            self.fields.iter().position(|field| Some(&field.spec.name) == problem.field.as_ref())
        {
            self.focus = at;
        }
        self.problem = Some(problem);
    }

    /// Moves among the fields and the button.
    pub fn move_focus(&mut self, forward: bool) {
        let stops = self.fields.len() + 1;
        loop {
            self.focus = (self.focus + if forward { 1 } else { stops - 1 }) % stops;
            // The button is always there, so this ends.
            if self.focused().is_none_or(|field| self.shows(field)) {
                return;
            }
        }
    }

    pub fn step_choice(&mut self, forward: bool) {
        if let Some(field) = self.fields.get_mut(self.focus).filter(|field| field.is_choice()) {
            field.step(forward);
            self.problem = None;
        }
    }

    /// Offers a key to the field in focus. False when it is none of the field's.
    pub fn press(&mut self, chord: Chord) -> bool {
        let Some(field) = self.fields.get_mut(self.focus) else { return false };
        let is_taken = if field.is_choice() {
            match chord {
                Chord::Char(c) => match c.to_digit(10).map(|digit| digit as usize) {
                    Some(digit) if (1..=field.spec.codes.len()).contains(&digit) => {
                        field.pick(digit - 1);
                        true
                    }
                    _ => false,
                },
                _ => false,
            }
        } else {
            field.editor.press(chord)
        };
        if is_taken {
            self.problem = None;
        }
        is_taken
    }

    pub fn paste(&mut self, text: &str) -> bool {
        match self.fields.get_mut(self.focus) {
            Some(field) if !field.is_choice() => {
                if !field.editor.insert(text) {
                    self.problem = Some(Problem::field(422, "too-long", field.spec.name.clone()));
                }
                true
            }
            _ => false,
        }
    }

    /// The command, or the first fault with the focus moved to it.
    pub fn command(
        &mut self,
        now: DateTime<Utc>,
        entry_of: &dyn Fn(u32) -> Option<EntryId>,
    ) -> Option<Command> {
        match self.read(now, entry_of) {
            Ok(command) => Some(command),
            Err((index, problem)) => {
                self.focus = index.unwrap_or(self.focus);
                self.problem = Some(problem);
                None
            }
        }
    }

    fn read(
        &self,
        now: DateTime<Utc>,
        entry_of: &dyn Fn(u32) -> Option<EntryId>,
    ) -> Result<Command, (Option<usize>, Problem)> {
        let mut values = Map::new();
        for (index, field) in self.fields.iter().enumerate() {
            let fault = |code: &str| (Some(index), Problem::field(422, code, field.spec.name.clone()));
            if field.is_filled() {
                let value = field.value(now, entry_of).map_err(fault)?;
                values.insert(field.spec.name.clone(), value);
            } else if field.spec.required {
                return Err(fault("missing-field"));
            }
        }
        match Command::read("", self.deed.board, &self.deed.verb, values) {
            Some(Ok(command)) => Ok(command),
            Some(Err(problem)) => {
                let at = problem.field.as_deref();
                let index = self.fields.iter().position(|field| Some(field.spec.name.as_str()) == at);
                Err((index, problem))
            }
            None => Err((None, Problem::new(422, "unknown-command"))),
        }
    }
}
