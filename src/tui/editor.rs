//! A text field: what has been typed and where the cursor is.
//!
//! Owns editing by graphemes, so that æ, ø, å and letters with marks are one step. Plain
//! data; `Debug` says nothing of the content, which may be about a citizen.

use std::fmt;

use unicode_segmentation::UnicodeSegmentation;

use super::keymap::Chord;
use crate::protocol::text::Text;

/// Longest text that can be typed or pasted into one line (bytes).
pub const LINE_BYTES_MAX: usize = 200;
/// Longest text of several lines (bytes).
pub const LONG_BYTES_MAX: usize = 4_000;

#[derive(Clone, Default, PartialEq, Eq)]
pub struct Editor {
    text: String,
    /// Byte position of the cursor.
    cursor: usize,
    /// Enter breaks the line.
    has_lines: bool,
}

impl fmt::Debug for Editor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Editor({} bytes)", self.text.len())
    }
}

impl Editor {
    pub fn line() -> Self {
        Self::default()
    }

    pub fn long() -> Self {
        Self { has_lines: true, ..Self::default() }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn has_lines(&self) -> bool {
        self.has_lines
    }

    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// The text before the cursor; what the screen needs to place it.
    pub fn before_cursor(&self) -> &str {
        &self.text[..self.cursor]
    }

    /// Types or pastes; line breaks become spaces in a single line. What does not fit is left
    /// out, and the answer says so.
    pub fn insert(&mut self, text: &str) -> bool {
        let limit = if self.has_lines { LONG_BYTES_MAX } else { LINE_BYTES_MAX };
        let mut fits = true;
        for c in text.replace("\r\n", "\n").chars() {
            let shown = match c {
                '\r' | '\n' if self.has_lines => "\n".to_owned(),
                '\r' | '\n' | '\t' => " ".to_owned(),
                c if c.is_control() => Text::cut(c.encode_utf8(&mut [0; 4])).to_string(),
                c => c.to_string(),
            };
            if self.text.len() + shown.len() > limit {
                fits = false;
                break;
            }
            self.text.insert_str(self.cursor, &shown);
            self.cursor += shown.len();
        }
        fits
    }

    /// Takes a key. False when it is none of the field's.
    pub fn press(&mut self, chord: Chord) -> bool {
        match chord {
            Chord::Char(c) => {
                self.insert(c.encode_utf8(&mut [0; 4]));
            }
            Chord::Enter if self.has_lines => {
                self.insert("\n");
            }
            Chord::Backspace => {
                let start = self.before();
                self.text.replace_range(start..self.cursor, "");
                self.cursor = start;
            }
            Chord::Delete => {
                let end = self.after();
                self.text.replace_range(self.cursor..end, "");
            }
            Chord::Left => self.cursor = self.before(),
            Chord::Right => self.cursor = self.after(),
            Chord::Home => self.cursor = self.line_start(),
            Chord::End => self.cursor = self.line_end(),
            Chord::Up if self.has_lines && self.line_start() > 0 => self.move_line(false),
            Chord::Down if self.has_lines && self.line_end() < self.text.len() => self.move_line(true),
            _ => return false,
        }
        true
    }

    fn before(&self) -> usize {
        self.text[..self.cursor].grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    fn after(&self) -> usize {
        self.text[self.cursor..].graphemes(true).next().map_or(self.text.len(), |it| self.cursor + it.len())
    }

    fn line_start(&self) -> usize {
        self.text[..self.cursor].rfind('\n').map_or(0, |at| at + 1)
    }

    fn line_end(&self) -> usize {
        self.text[self.cursor..].find('\n').map_or(self.text.len(), |at| self.cursor + at)
    }

    fn move_line(&mut self, down: bool) {
        let column = self.text[self.line_start()..self.cursor].graphemes(true).count();
        self.cursor = if down { self.line_end() + 1 } else { self.line_start() - 1 };
        if !down {
            self.cursor = self.line_start();
        }
        let line = &self.text[self.cursor..self.line_end()];
        self.cursor += line.graphemes(true).take(column).map(str::len).sum::<usize>();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(editor: &mut Editor, text: &str) {
        for c in text.chars() {
            editor.press(Chord::Char(c));
        }
    }

    #[test]
    fn danish_letters_are_one_step() {
        let mut editor = Editor::line();
        typed(&mut editor, "rød");
        editor.press(Chord::Left);
        editor.press(Chord::Backspace);
        editor.insert("a\u{30a}");
        assert_eq!(editor.text(), "ra\u{30a}d");
        editor.press(Chord::Backspace);
        assert_eq!(editor.text(), "rd");
    }

    #[test]
    fn lines_keep_their_column() {
        let mut editor = Editor::long();
        typed(&mut editor, "første");
        editor.press(Chord::Enter);
        typed(&mut editor, "to");
        editor.press(Chord::Up);
        assert_eq!(editor.before_cursor(), "fø");
        editor.press(Chord::Down);
        assert_eq!(editor.before_cursor(), "første\nto");
        assert!(!editor.press(Chord::Down));
    }

    #[test]
    fn a_line_takes_no_breaks_and_has_an_end() {
        let mut editor = Editor::line();
        assert!(editor.insert("a\r\nb\u{1b}[0m"));
        assert_eq!(editor.text(), "a b^[[0m");
        assert!(!editor.insert(&"x".repeat(LINE_BYTES_MAX)));
        assert_eq!(editor.text().len(), LINE_BYTES_MAX);
        assert!(!editor.press(Chord::Enter));
    }
}
