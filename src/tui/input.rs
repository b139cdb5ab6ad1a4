//! What the desk takes in from its terminal.

use super::guard::{Event, Unfinished};
use super::keymap::Chord;

/// What a person did at the terminal, and what came with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Press(Chord),
    /// Bracketed paste: never keys.
    Paste(String),
    Resize {
        width: u16,
        height: u16,
    },
    /// Something from the terminal never ended, and was dropped.
    Unfinished(Unfinished),
    /// What comes now may not have been typed: no act of it without its question.
    Garbled,
    /// The same outside a text field: there, more comes at once than a hand types.
    Burst,
}

/// None for what the desk does not care about.
pub fn of(event: Event) -> Option<Input> {
    Some(match event {
        Event::Press(chord) => Input::Press(chord),
        Event::Paste(text) => Input::Paste(text),
        Event::Unfinished(what) => Input::Unfinished(what),
        Event::Garbled => Input::Garbled,
        Event::Burst => Input::Burst,
        Event::Focus(_) | Event::Background(_) => return None,
    })
}
