//! The bytes a program wrote to its terminal, taken apart: which control characters and escape sequences there are.

/// What may be written to a terminal, and nothing else. Parameters that only say where or in which colour are left out.
const ALLOWED: &[&str] = &[
    // The bell, and the bell alone.
    "control 07",
    // Go to a place, colours, clear.
    "CSI H",
    "CSI m",
    "CSI J 2",
    // Alternate screen, cursor, bracketed paste, synchronised update.
    "CSI ?1049 h",
    "CSI ?1049 l",
    "CSI ?25 h",
    "CSI ?25 l",
    "CSI ?2004 h",
    "CSI ?2004 l",
    "CSI ?2026 h",
    "CSI ?2026 l",
    // The title: put aside, set, put back.
    "CSI t 22;0",
    "OSC 0",
    "CSI t 23;0",
];

#[derive(Default)]
struct Reader {
    found: Vec<String>,
}

/// Everything that is no plain character, in order.
pub fn read(bytes: &[u8]) -> Vec<String> {
    let mut reader = Reader::default();
    vte::Parser::new().advance(&mut reader, bytes);
    reader.found
}

/// What is not on the list of what may be written.
pub fn forbidden(bytes: &[u8]) -> Vec<String> {
    let mut found = read(bytes);
    found.retain(|it| !ALLOWED.contains(&it.as_str()));
    found.sort();
    found.dedup();
    found
}

/// Sequences that set a colour.
pub fn colours(bytes: &[u8]) -> Vec<String> {
    #[derive(Default)]
    struct Colours(Vec<String>);
    impl vte::Perform for Colours {
        fn csi_dispatch(&mut self, params: &vte::Params, _intermediates: &[u8], _ignore: bool, action: char) {
            let is_colour = |code: u16| matches!(code, 30..=38 | 40..=48 | 58 | 90..=97 | 100..=107);
            if action == 'm' && params.iter().any(|param| param.first().copied().is_some_and(is_colour)) {
                self.0.push(format!("{:?}", params.iter().collect::<Vec<_>>()));
            }
        }
    }
    let mut colours = Colours::default();
    vte::Parser::new().advance(&mut colours, bytes);
    colours.0
}

impl vte::Perform for Reader {
    fn print(&mut self, c: char) {
        // Characters that turn the line round, hide, or join what stands apart.
        let is_hidden = c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
            || matches!(c, '\u{61c}' | '\u{ad}' | '\u{feff}' | '\u{180e}' | '\u{fff9}'..='\u{fffb}')
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{e0000}'..='\u{e007f}');
        if is_hidden {
            self.found.push(format!("character {:04x}", u32::from(c)));
        }
    }

    fn execute(&mut self, byte: u8) {
        self.found.push(format!("control {byte:02x}"));
    }

    fn hook(&mut self, _params: &vte::Params, _intermediates: &[u8], _ignore: bool, action: char) {
        self.found.push(format!("DCS {action}"));
    }

    fn osc_dispatch(&mut self, params: &[&[u8]], _bell_terminated: bool) {
        let number = params.first().map(|it| String::from_utf8_lossy(it).into_owned()).unwrap_or_default();
        self.found.push(format!("OSC {number}"));
    }

    fn csi_dispatch(&mut self, params: &vte::Params, intermediates: &[u8], _ignore: bool, action: char) {
        let before = String::from_utf8_lossy(intermediates).into_owned();
        let numbers: Vec<String> = params.iter().flatten().map(u16::to_string).collect();
        self.found.push(match action {
            'H' | 'm' if before.is_empty() => format!("CSI {action}"),
            'h' | 'l' => format!("CSI {before}{} {action}", numbers.join(";")),
            _ => format!("CSI {before}{action} {}", numbers.join(";")),
        });
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], _ignore: bool, byte: u8) {
        self.found.push(format!("ESC {}{}", String::from_utf8_lossy(intermediates), char::from(byte)));
    }
}

#[test]
fn what_is_forbidden_is_found() {
    let bytes = "\x1b[2;3Hå\x1b[6n\x1b]52;c;aGVq\x07\x1b]8;;http://x\x1b\\\x1bc\u{202e}\x1b[?1003h\x08";
    let expected =
        ["CSI ?1003 h", "CSI n 6", "ESC \\", "ESC c", "OSC 52", "OSC 8", "character 202e", "control 08"];
    assert_eq!(forbidden(bytes.as_bytes()), expected);
    assert_eq!(forbidden("\x1b]0;Vagttavle\x07\x07\x1b[?25l".as_bytes()), Vec::<String>::new());
    assert_eq!(read("\x1b]0;Vagttavle\x07\x07".as_bytes()), ["OSC 0", "control 07"]);
    assert_eq!(colours("\x1b[1;7m\x1b[39;49m\x1b[0m".as_bytes()), Vec::<String>::new());
    assert_eq!(colours("\x1b[38;5;9mx\x1b[41m".as_bytes()).len(), 2);
}
