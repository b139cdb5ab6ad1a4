//! Which key a whole sequence is. Knows the forms that xterm, rxvt, the Linux console, tmux and screen send without being
//! asked for more; every other sequence is an answer, and no key.

use super::super::keymap::Chord;

/// What a control sequence means here.
pub enum Csi {
    Key(Chord),
    Focus(bool),
    /// Pasted text begins.
    Paste,
}

/// `read`: what stands between `CSI` and its last byte. None for answers, mouse reports and what nobody knows.
pub fn csi(read: &[u8], last: u8) -> Option<Csi> {
    if read.is_empty() {
        match last {
            b'I' => return Some(Csi::Focus(true)),
            b'O' => return Some(Csi::Focus(false)),
            _ => {}
        }
    }
    let numbers = numbers(read)?;
    if last == b'~' {
        return match numbers.as_slice() {
            [200] => Some(Csi::Paste),
            [number] | [number, 2..=16] => tilde(*number).map(Csi::Key),
            _ => None,
        };
    }
    // `CSI 1 ; 2 A` is Shift and up. A place on the screen (`R`) is an answer, never F3.
    let is_key = matches!(numbers.as_slice(), [] | [1] | [1, 2..=16]);
    letter(last).filter(|_| is_key).map(Csi::Key)
}

/// The mark of a paste with a byte or two lost, or with what came behind it. F9 looks like that too.
pub fn may_be_of_a_paste(read: &[u8], last: u8) -> bool {
    match (last, numbers(read)) {
        (b'~', Some(numbers)) => match numbers.as_slice() {
            [200] => false,
            [number] | [number, 2..=16] => *number == 20 || tilde(*number).is_none(),
            _ => true,
        },
        (_, Some(numbers)) => numbers.iter().any(|it| matches!(it, 200 | 201)),
        (_, None) => false,
    }
}

/// None when there is anything but numbers.
fn numbers(read: &[u8]) -> Option<Vec<u16>> {
    if read.is_empty() {
        return Some(Vec::new());
    }
    std::str::from_utf8(read).ok()?.split(';').map(|it| it.parse().ok()).collect()
}

fn tilde(number: u16) -> Option<Chord> {
    Some(match number {
        1 | 7 => Chord::Home,
        3 => Chord::Delete,
        4 | 8 => Chord::End,
        5 => Chord::PageUp,
        6 => Chord::PageDown,
        11..=15 => f(number - 10),
        17..=21 => f(number - 11),
        23 | 24 => f(number - 12),
        _ => return None,
    })
}

fn f(number: u16) -> Chord {
    Chord::F(u8::try_from(number).unwrap_or_default())
}

fn letter(last: u8) -> Option<Chord> {
    Some(match last {
        b'A' => Chord::Up,
        b'B' => Chord::Down,
        b'C' => Chord::Right,
        b'D' => Chord::Left,
        b'F' => Chord::End,
        b'H' => Chord::Home,
        b'P' => Chord::F(1),
        b'Q' => Chord::F(2),
        b'S' => Chord::F(4),
        b'Z' => Chord::BackTab,
        _ => return None,
    })
}

/// Behind `SS3`: cursor keys of a keypad in application mode, F1 to F4, the keypad's Enter.
pub fn ss3(last: u8) -> Option<Chord> {
    match last {
        b'R' => Some(Chord::F(3)),
        b'M' => Some(Chord::Enter),
        b'Z' => None,
        _ => letter(last),
    }
}

/// The answer to `OSC 11`: `11;rgb:1e1e/1e1e/2e2e`, one to four hex digits a colour.
pub fn background(text: &[u8]) -> Option<[u8; 3]> {
    let rest = std::str::from_utf8(text).ok()?.strip_prefix("11;")?;
    let rest = rest.strip_prefix("rgb:").or_else(|| rest.strip_prefix("rgba:"))?;
    let mut colours = rest.split('/').map(|digits| {
        let value = u32::from_str_radix(digits, 16).ok()?;
        let most = match digits.len() {
            count @ 1..=4 => (1 << (4 * count)) - 1,
            _ => return None,
        };
        u8::try_from(value * 255 / most).ok()
    });
    Some([colours.next()??, colours.next()??, colours.next()??])
}
