//! Terminal events to the desk's own input. Knows crossterm's words so that nothing else must.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::keymap::Chord;

/// What a person did at the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Press(Chord),
    /// Bracketed paste: never keys.
    Paste(String),
    Resize {
        width: u16,
        height: u16,
    },
}

/// None for what the desk does not care about: releases, mouse, focus, keys it has no word for.
pub fn read(event: Event) -> Option<Input> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => chord(key).map(Input::Press),
        Event::Paste(text) => Some(Input::Paste(text)),
        Event::Resize(width, height) => Some(Input::Resize { width, height }),
        _ => None,
    }
}

fn chord(key: KeyEvent) -> Option<Chord> {
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    let is_alt = key.modifiers.contains(KeyModifiers::ALT);
    Some(match key.code {
        // AltGr may arrive as ctrl and alt with the finished character.
        KeyCode::Char(c) if is_control && !is_alt => Chord::Ctrl(c.to_ascii_lowercase()),
        KeyCode::Char(_) if is_alt && !is_control => return None,
        KeyCode::Char(c) => Chord::Char(c),
        KeyCode::F(number) => Chord::F(number),
        KeyCode::Enter => Chord::Enter,
        KeyCode::Esc => Chord::Esc,
        KeyCode::Tab => Chord::Tab,
        KeyCode::BackTab => Chord::BackTab,
        KeyCode::Backspace => Chord::Backspace,
        KeyCode::Delete => Chord::Delete,
        KeyCode::Up => Chord::Up,
        KeyCode::Down => Chord::Down,
        KeyCode::Left => Chord::Left,
        KeyCode::Right => Chord::Right,
        KeyCode::Home => Chord::Home,
        KeyCode::End => Chord::End,
        KeyCode::PageUp => Chord::PageUp,
        KeyCode::PageDown => Chord::PageDown,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(code: KeyCode, modifiers: KeyModifiers) -> Option<Input> {
        read(Event::Key(KeyEvent::new(code, modifiers)))
    }

    #[test]
    fn keys_become_chords() {
        let plain = KeyModifiers::NONE;
        assert_eq!(press(KeyCode::Char('å'), plain), Some(Input::Press(Chord::Char('å'))));
        assert_eq!(press(KeyCode::Char('G'), KeyModifiers::SHIFT), Some(Input::Press(Chord::Char('G'))));
        assert_eq!(press(KeyCode::Char('l'), KeyModifiers::CONTROL), Some(Input::Press(Chord::Ctrl('l'))));
        let alt_gr = KeyModifiers::CONTROL | KeyModifiers::ALT;
        assert_eq!(press(KeyCode::Char('@'), alt_gr), Some(Input::Press(Chord::Char('@'))));
        assert_eq!(press(KeyCode::Char('t'), KeyModifiers::ALT), None);
        assert_eq!(read(Event::Paste("q".into())), Some(Input::Paste("q".into())));
    }
}
