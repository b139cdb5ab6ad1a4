//! A desk one can press keys on and look at.

use chrono::{DateTime, Duration, Utc};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::{Color, Modifier, Style};
use termprofile::TermProfile;
use vagttavle::i18n::{Lang, Texts};
use vagttavle::protocol::board::{BoardSnapshot, Me};
use vagttavle::protocol::{CommandRequest, StreamItem};
use vagttavle::theme::Library;
use vagttavle::tui::effect::Effect;
use vagttavle::tui::input::Input;
use vagttavle::tui::keymap::Chord;
use vagttavle::tui::look::Look;
use vagttavle::tui::model::{Model, Size};
use vagttavle::tui::msg::Msg;
use vagttavle::tui::update::update;
use vagttavle::tui::view::{Drawn, view};

use crate::night;

/// The desk of anna, a coordinator, at a fixed instant.
pub struct Desk {
    pub model: Model,
    pub look: Look,
    /// Everything asked of the world and not yet taken out.
    pub effects: Vec<Effect>,
}

impl Desk {
    pub fn new(width: u16, height: u16) -> Self {
        let look = Look {
            texts: Texts::new(Lang::Danish),
            theme: Library::default().load("nat", TermProfile::TrueColor).unwrap(),
        };
        let model = Model::new(night::now(), Size { width, height }, "anna-1");
        Self { model, look, effects: Vec::new() }
    }

    /// 80x24, signed in, with a board.
    pub fn with(board: BoardSnapshot) -> Self {
        Self::new(80, 24).showing(board)
    }

    pub fn showing(mut self, board: BoardSnapshot) -> Self {
        self.send(Msg::Agreements(Ok(night::agreements())));
        self.send(Msg::SignedIn(Me {
            name: "anna".into(),
            role: "coordinator".into(),
            agreements: Vec::new(),
        }));
        self.send(Msg::Board(Box::new(board)));
        self.effects.clear();
        self
    }

    pub fn lang(mut self, lang: Lang) -> Self {
        self.look.texts = Texts::new(lang);
        self
    }

    pub fn theme(mut self, name: &str, depth: TermProfile) -> Self {
        self.look.theme = Library::default().load(name, depth).unwrap();
        self
    }

    pub fn send(&mut self, msg: Msg) -> &mut Self {
        let effects = update(&mut self.model, msg);
        self.effects.extend(effects);
        self
    }

    /// Tells the desk what drawing found out, as `run` does after each frame.
    pub fn drawn(&mut self) -> &mut Self {
        let (_, drawn) = self.terminal();
        self.send(Msg::Drawn { scroll_max: drawn.scroll_max })
    }

    /// Keys by name with blanks between: `t`, `Enter`, `Space`. What stands in «…» is typed.
    pub fn press(&mut self, keys: &str) -> &mut Self {
        let mut rest = keys.trim();
        while !rest.is_empty() {
            if let Some(typed) = rest.strip_prefix('«') {
                let (text, after) = typed.split_once('»').expect("a closing »");
                for c in text.chars() {
                    self.send(Msg::Input(Input::Press(Chord::Char(c))));
                }
                rest = after.trim_start();
                continue;
            }
            let (key, after) = rest.split_once(' ').unwrap_or((rest, ""));
            let chord = Chord::parse(key).unwrap_or_else(|| panic!("{key} is no key"));
            self.send(Msg::Input(Input::Press(chord)));
            rest = after.trim_start();
        }
        self
    }

    pub fn item(&mut self, item: StreamItem) -> &mut Self {
        self.send(Msg::Item(Box::new(item)))
    }

    /// The desk's clock goes on; the server says nothing.
    pub fn pass(&mut self, by: Duration) -> &mut Self {
        let now: DateTime<Utc> = self.model.desk_now + by;
        self.send(Msg::Tick(now))
    }

    pub fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// The commands sent since the last look.
    pub fn submitted(&mut self) -> Vec<CommandRequest> {
        self.take()
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::Submit(request) => Some(request),
                _ => None,
            })
            .collect()
    }

    fn terminal(&self) -> (Terminal<TestBackend>, Drawn) {
        let Size { width, height } = self.model.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let mut drawn = Drawn { scroll_max: 0 };
        terminal.draw(|frame| drawn = view(&self.model, &self.look, frame)).unwrap();
        (terminal, drawn)
    }

    /// The screen as text, without blanks at line ends.
    pub fn screen(&self) -> String {
        let (terminal, _) = self.terminal();
        let buffer = terminal.backend().buffer();
        let area = buffer.area;
        let mut out = String::new();
        for y in area.top()..area.bottom() {
            let mut line = String::new();
            let mut skip = 0;
            for x in area.left()..area.right() {
                let symbol = buffer[(x, y)].symbol();
                if skip == 0 {
                    line.push_str(symbol);
                    skip = unicode_width::UnicodeWidthStr::width(symbol).saturating_sub(1);
                } else {
                    skip -= 1;
                }
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }

    /// The screen with each run of one style in brackets behind its style's name.
    pub fn styled(&self) -> String {
        let (terminal, _) = self.terminal();
        let buffer = terminal.backend().buffer();
        let area = buffer.area;
        let mut out = String::new();
        for y in area.top()..area.bottom() {
            let mut run = String::new();
            let mut style: Option<Style> = None;
            for x in area.left()..area.right() {
                let cell = &buffer[(x, y)];
                if style != Some(cell.style()) {
                    flush(&mut out, &run, style);
                    run.clear();
                    style = Some(cell.style());
                }
                run.push_str(cell.symbol());
            }
            flush(&mut out, &run, style);
            out.push('\n');
        }
        out
    }

    #[track_caller]
    pub fn shows(&self, text: &str) -> &Self {
        let screen = self.screen();
        assert!(screen.contains(text), "{text:?} is not on the screen:\n{screen}");
        self
    }

    #[track_caller]
    pub fn hides(&self, text: &str) -> &Self {
        let screen = self.screen();
        assert!(!screen.contains(text), "{text:?} is on the screen:\n{screen}");
        self
    }
}

fn flush(out: &mut String, run: &str, style: Option<Style>) {
    let text = run.trim_end();
    if let Some(style) = style.filter(|_| !text.is_empty()) {
        out.push_str(&format!("{}⟨{text}⟩", name(style)));
    }
}

fn name(style: Style) -> String {
    let color = |color: Option<Color>| match color {
        Some(Color::Reset) | None => "-".to_owned(),
        Some(color) => color.to_string().to_lowercase(),
    };
    let mut name = format!("{}/{}", color(style.fg), color(style.bg));
    for (modifier, sign) in [
        (Modifier::BOLD, "b"),
        (Modifier::ITALIC, "i"),
        (Modifier::UNDERLINED, "u"),
        (Modifier::REVERSED, "r"),
    ] {
        if style.add_modifier.contains(modifier) {
            name.push_str(sign);
        }
    }
    name
}
