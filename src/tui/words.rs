//! An entry in words: what every board, the detail pane and the overlays say alike.
//!
//! Owns the mark of a severity (`***`, `**`, `*`), which stands beside the colour, and the
//! texts of codes. Draws nothing.

use std::cell::Cell;

use chrono::{DateTime, Utc};

use super::action::{Action, bare};
use super::boards::alarms::is_person_alarm;
use super::boards::listed;
use super::form::Deed;
use super::keymap::Context;
use super::look::Look;
use super::model::Model;
use super::paint::Piece;
use crate::i18n::{Said, dates, key};
use crate::protocol::board::LogTrouble;
use crate::protocol::text::Text;
use crate::protocol::{AgreementId, Board, Entry, Level, Problem};
use crate::theme::Role;

/// Characters of an id in a column.
const ID_CHARS: usize = 9;

/// What the words are about: model and look together.
#[derive(Clone, Copy)]
pub struct Words<'a> {
    pub model: &'a Model,
    pub look: &'a Look,
    /// How far the topmost text on the screen can be scrolled; noted while it is drawn.
    pub scroll_max: &'a Cell<u16>,
}

impl<'a> Words<'a> {
    pub fn new(model: &'a Model, look: &'a Look, scroll_max: &'a Cell<u16>) -> Self {
        Self { model, look, scroll_max }
    }

    pub fn now(self) -> DateTime<Utc> {
        self.model.now()
    }

    pub fn code(self, prefix: &str, code: impl AsRef<str>) -> Said {
        self.look.texts.code(prefix, code)
    }

    /// How bad it is, as a colour. Never the only sign of it.
    pub fn role(self, entry: &Entry) -> Role {
        match entry.attention.level {
            Level::Alarm if entry.holder.is_some() => Role::AlarmAcknowledged,
            Level::Alarm => Role::Alarm,
            Level::Duty if is_person_alarm(entry) => Role::AlarmAcknowledged,
            Level::Duty => Role::Warning,
            Level::Info | Level::None => Role::Info,
        }
    }

    /// How bad it is, in three cells.
    pub fn mark(self, entry: &Entry) -> Piece {
        let mark = match entry.attention.level {
            Level::Alarm => "***",
            Level::Duty => "** ",
            Level::Info => "*  ",
            Level::None => "   ",
        };
        Piece::fixed(mark, self.role(entry))
    }

    pub fn number(self, entry: &Entry) -> Said {
        Said::number(i64::from(entry.number))
    }

    pub fn board(self, board: Board) -> Said {
        self.code("board", board.name())
    }

    pub fn state(self, entry: &Entry) -> Said {
        if self.is_unstored(entry) {
            return self.look.texts.get(key::COMMON_UNSTORED);
        }
        self.code("state", listed(entry).state(entry))
    }

    pub fn is_unstored(self, entry: &Entry) -> bool {
        self.model.board.as_ref().is_some_and(|board| board.is_unstored(entry.id))
    }

    /// What is wrong with the log, across the whole screen.
    pub fn log_trouble(self, trouble: &LogTrouble) -> Said {
        let number = |number: Option<u64>| i64::try_from(number.unwrap_or(0)).unwrap_or(i64::MAX);
        let args = [("from", number(trouble.from).into()), ("to", number(trouble.to).into())];
        match (trouble.from, trouble.to) {
            (Some(0) | None, _) => self.code("banner", &trouble.why),
            (Some(_), None) => self.look.texts.code_with("banner-from", &trouble.why, &args),
            (Some(_), Some(_)) => self.look.texts.code_with("banner-span", &trouble.why, &args),
        }
    }

    pub fn log_role(trouble: &LogTrouble) -> Role {
        if trouble.why == "log-damaged" { Role::Alarm } else { Role::LinkDown }
    }

    /// `Nødkald 12`
    pub fn name(self, entry: &Entry) -> Said {
        self.board(entry.board()).join(" ", &self.number(entry))
    }

    /// `Nødkald 12 · Anna Hansen`, the citizen only while the live data is here.
    pub fn name_with_citizen(self, entry: &Entry) -> Said {
        self.name(entry).join(" · ", &self.citizen(entry).unwrap_or_default())
    }

    /// What a question or form is about; still said when the entry is gone.
    pub fn deed_name(self, deed: &Deed) -> Said {
        let Some(id) = deed.entry else { return self.board(deed.board) };
        match self.model.entry(id) {
            Some(entry) => self.name_with_citizen(entry),
            None => self.board(deed.board).join(" ", &Said::number(i64::from(deed.number))),
        }
    }

    /// The citizen's name, or else the number that rang; none without live data. What the exchange or the caller says
    /// the caller's name is, is nobody's name until it was looked up.
    pub fn citizen(self, entry: &Entry) -> Option<Said> {
        let live = self.model.live_of(entry)?;
        self.one_of(&[&live.name], &live.caller)
    }

    /// Who rang: the citizen, or else the name or number that came with the call.
    pub fn caller(self, entry: &Entry) -> Option<Said> {
        let live = self.model.live_of(entry)?;
        self.one_of(&[&live.name, &live.caller_name], &live.caller)
    }

    fn one_of(self, names: &[&Option<Text>], number: &Option<Text>) -> Option<Said> {
        let name = names.iter().find_map(|name| name.as_ref());
        if self.model.hides_people {
            return Some(name.map_or_else(|| self.hidden(), |name| initials(name.as_str())));
        }
        name.or(number.as_ref()).map(Said::from)
    }

    /// What stands where something about a citizen would.
    pub fn hidden(self) -> Said {
        self.look.texts.get(key::COMMON_HIDDEN)
    }

    /// The citizen while known, else the care system's id to look up, else `?`.
    pub fn citizen_or_id(self, entry: &Entry) -> Said {
        self.citizen(entry).unwrap_or_else(|| match &entry.citizen {
            Some(id) => tail(id.as_str()),
            None => self.look.texts.get(key::COMMON_UNKNOWN),
        })
    }

    /// The key of an action where it stands, as it is said; nothing when it has none.
    pub fn key_of(self, context: Context, action: Action) -> Said {
        let chord = self.model.keymap.chord_of(&[context], action);
        chord.map(|chord| Said::outside(&chord.to_string())).unwrap_or_default()
    }

    /// A clause as it is shown: `pkt. 3.5.3`.
    pub fn clause_said(self, clause: &str) -> Said {
        self.look.texts.with(key::COMMON_CLAUSE, &[("clause", Said::outside(clause).into())])
    }

    pub fn holder(self, entry: &Entry) -> Said {
        match &entry.holder {
            Some(holder) if holder.name.as_str() == self.model.me_name() => {
                self.look.texts.get(key::COMMON_ME)
            }
            Some(holder) => Said::outside(holder.name.as_str()),
            None => self.look.texts.get(key::COMMON_NOBODY),
        }
    }

    /// The municipality's name, as its agreement says it.
    pub fn agreement(self, id: &AgreementId) -> Said {
        let named = self
            .model
            .agreements
            .iter()
            .flatten()
            .find(|it| it.pointer("/id").and_then(serde_json::Value::as_str) == Some(id.as_str()));
        match named.and_then(|it| it.pointer("/name")).and_then(serde_json::Value::as_str) {
            Some(name) => Said::outside(name),
            None => capitalized(id.as_str()),
        }
    }

    /// `(3.1.13)`: the clause of a rule of an agreement, by its place in the file; none when it is not agreed.
    pub fn clause(self, id: &AgreementId, rule: &str) -> Option<Said> {
        let agreement = self
            .model
            .agreements
            .iter()
            .flatten()
            .find(|it| it.pointer("/id").and_then(serde_json::Value::as_str) == Some(id.as_str()))?;
        let clause = agreement.pointer(rule)?.get("clause")?.as_str()?;
        Some(Said::fixed("(").join("", &Said::outside(clause)).join("", &Said::fixed(")")))
    }

    /// Its municipality, `?` while nobody has said, nothing where there is none.
    pub fn agreement_of(self, entry: &Entry) -> Said {
        match &entry.agreement {
            Some(id) => self.agreement(id),
            None if listed(entry).origin().is_some() => Said::default(),
            None => self.look.texts.get(key::COMMON_UNKNOWN),
        }
    }

    pub fn next(self, entry: &Entry) -> Said {
        self.code("next", entry.attention.next)
    }

    /// How long it has been as it is; nothing for what is still to come.
    pub fn age(self, entry: &Entry) -> Said {
        let (since, now) = (entry.since(), self.now());
        if since > now { Said::default() } else { dates::age_short(&self.look.texts, since, now) }
    }

    /// Time to the next limit, with a role when it is past.
    pub fn due(self, entry: &Entry) -> Piece {
        self.limit(entry.attention.breach_at, self.role(entry))
    }

    pub fn limit(self, at: Option<DateTime<Utc>>, role: Role) -> Piece {
        match at {
            Some(at) => {
                let role = if at <= self.now() { role } else { Role::Base };
                Piece::new(dates::countdown_short(&self.look.texts, at, self.now()), role)
            }
            None => Piece::plain(Said::default()),
        }
    }

    /// What a verb is called.
    pub fn action(self, board: Option<Board>, verb: &str) -> Said {
        let verb = bare(verb).replace('.', "-");
        let verb = verb.as_str();
        if let Some(board) = board {
            let of_board = format!("{}-{verb}", board.name());
            if self.look.texts.has_code("action", &of_board) {
                return self.code("action", &of_board);
            }
        }
        if self.look.texts.has_code("action", &format!("shift-{verb}")) {
            return self.code("action", format!("shift-{verb}"));
        }
        self.code("action", verb)
    }

    /// A choice in a form, or a code in the history.
    pub fn option(self, verb: &str, field: &str, code: &str) -> Said {
        if field == "agreement" {
            return AgreementId::new(code).map_or_else(|_| Said::outside(code), |id| self.agreement(&id));
        }
        self.code(option_prefix(verb, field), code)
    }

    /// Why something was refused, or went wrong, and what to do now.
    pub fn problem(self, problem: &Problem) -> Said {
        let texts = &self.look.texts;
        let mut arguments: Vec<(&str, crate::i18n::Value)> = Vec::new();
        let owned: Vec<(String, Said)> = problem
            .arguments
            .iter()
            .map(|(name, value)| (name.replace('_', "-"), self.argument(name, value)))
            .chain(problem.field.iter().map(|field| ("field".to_owned(), self.field(field))))
            .collect();
        arguments.extend(owned.iter().map(|(name, said)| (name.as_str(), said.into())));
        let prefix = if texts.has_code("refusal", &problem.code) { "refusal" } else { "problem" };
        texts.code_with(prefix, &problem.code, &arguments)
    }

    fn argument(self, name: &str, value: &serde_json::Value) -> Said {
        match (name, value) {
            ("state", serde_json::Value::String(state)) => self.code("state", state),
            ("board", serde_json::Value::String(board)) => self.code("board", board),
            ("role", serde_json::Value::String(role)) => self.code("role", role),
            (_, serde_json::Value::String(text)) => match text.parse::<DateTime<Utc>>() {
                Ok(at) => dates::near(at, self.now()),
                Err(_) => Said::outside(text),
            },
            (_, other) => Said::outside(&other.to_string()),
        }
    }

    /// A form field's label.
    pub fn field(self, name: &str) -> Said {
        let name = name.rsplit('.').next().unwrap_or(name);
        self.code("field", name)
    }
}

/// Where the texts of a field's codes are.
fn option_prefix(verb: &str, field: &str) -> &'static str {
    match (bare(verb), field) {
        (_, "reached" | "told" | "done" | "confirmed") => "yes-no",
        ("door" | "door-closed", "outcome") => "door-outcome",
        ("stop" | "stopped", "reason") => "stop",
        (_, "told_by") => "teller",
        (_, "step" | "steps") => "step",
        (_, "asked_by" | "by" | "cancelled_by") => "party",
        (_, "setting") => "setting",
        (_, "replacement") => "replacement",
        (_, "halt") => "halt",
        (_, "of") => "stay-fact",
        ("respond" | "responded", "with") => "response",
        (_, "helper") => "helper",
        (_, "outcome") => "outcome",
        (_, "skipped") => "door-skipped",
        (_, "channel") => "channel",
        (_, "trigger") => "trigger",
        (_, "duty") => "duty",
        (_, "trouble") => "trouble",
        ("redirect" | "redirected", "to") => "redirect-to",
        ("contest-redirect" | "redirect-contested", "reason") => "contest",
        ("give-up" | "given-up", "reason") => "give-up",
        ("missed", "reason") => "missed",
        ("postpone" | "postponed", "reason") => "postpone",
        ("opened" | "notify" | "municipality-told" | "municipality-corrected", "what") => "matter",
        ("done" | "municipality-told" | "municipality-corrected", "to") => "told-to",
        ("receive" | "received", "what") => "complaint",
        (_, "form") => "form",
        (_, "what") => "correct",
        ("correct" | "corrected", "reason") => "correction",
        _ => "code",
    }
}

/// The end of a long id: the beginnings of ids are alike.
fn tail(id: &str) -> Said {
    let count = id.chars().count();
    if count <= ID_CHARS {
        return Said::outside(id);
    }
    let end: String = id.chars().skip(count - (ID_CHARS - 1)).collect();
    Said::fixed("…").join("", &Said::outside(&end))
}

/// `Ellen Prøve` as `E.P.`
fn initials(name: &str) -> Said {
    let letters: String = name
        .split_whitespace()
        .filter_map(|word| word.chars().find(|c| c.is_alphanumeric()))
        .flat_map(|letter| [letter, '.'])
        .collect();
    Said::outside(&letters)
}

fn capitalized(id: &str) -> Said {
    let mut letters = id.chars();
    let first: String = letters.next().map(|letter| letter.to_uppercase().collect()).unwrap_or_default();
    Said::outside(&(first + letters.as_str()))
}
