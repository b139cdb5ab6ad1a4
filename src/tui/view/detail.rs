//! The entry in full: what is known, what may be done now, whom to ring, what has happened.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::super::action::bare;
use super::super::boards::alarms::is_ringing;
use super::super::boards::{listed, sources};
use super::super::keymap::Context;
use super::super::model::Detail;
use super::super::paint::{self, Piece, Pieces};
use super::super::words::Words;
use crate::i18n::{Key, Said, dates, key};
use crate::protocol::actions::Action as Offered;
use crate::protocol::board::Contact;
use crate::protocol::entry::{Due, Escalation, HistoryLine, Live, MunicipalityTold, WhereToLook};
use crate::protocol::vocabulary::EscalationOutcome;
use crate::protocol::{DueKind, Entry, EntryId};
use crate::theme::Role;

/// Both times are shown when they differ by more than this (minutes).
const TWO_TIMES_FROM_MINUTES: i64 = 2;
/// Cells of the labels.
const LABEL: u16 = 15;

pub fn draw(words: Words<'_>, frame: &mut Frame<'_>, area: Rect, id: EntryId, opened: Option<&Detail>) {
    let fetched = opened.and_then(|detail| detail.view.as_ref());
    let Some(entry) = words.model.entry(id) else { return };
    let mut rest = super::bars(words, frame, area);
    let mut title = vec![words.mark(entry), Piece::fixed(" ", Role::Base)];
    let heading = words.name(entry).join(" · ", &words.state(entry)).join(" · ", &words.agreement_of(entry));
    title.push(Piece::new(heading, Role::Title));
    paint::line(frame, rest, &title, &words.look.theme);
    rest = super::below(rest, 1);

    let mut page = Page { words, width: area.width, lines: Vec::new() };
    page.now(entry, words.model.on_board(id).is_none_or(|entry| !entry.is_open()));
    page.citizen(entry);
    page.dues(entry);
    page.facts(entry);
    page.actions(entry);
    page.numbers(entry, fetched.map(|view| view.numbers.as_slice()));
    page.history(opened, fetched.map(|view| view.history.as_slice()));
    super::scrolled(words, frame, rest, &page.lines, opened.map_or(0, |detail| detail.scroll));
}

struct Page<'a> {
    words: Words<'a>,
    width: u16,
    lines: Vec<Pieces>,
}

impl Page<'_> {
    fn get(&self, key: Key) -> Said {
        self.words.look.texts.get(key)
    }

    /// A label and its value, the value wrapped beside it.
    fn fact(&mut self, label: Said, value: &Said, role: Role) {
        let room = self.width.saturating_sub(LABEL + 1);
        let label = paint::fit(&label, LABEL);
        let pad = LABEL + 1 - paint::width(&label).min(LABEL);
        for (index, part) in paint::wrap(value, room).into_iter().enumerate() {
            let mut line = if index == 0 {
                vec![Piece::new(label.clone(), Role::Muted), Piece::plain(Said::spaces(pad))]
            } else {
                vec![Piece::plain(Said::spaces(LABEL + 1))]
            };
            line.push(Piece::new(part, role));
            self.lines.push(line);
        }
    }

    fn line(&mut self, said: &Said, role: Role) {
        for part in paint::wrap(said, self.width) {
            self.lines.push(vec![Piece::new(part, role)]);
        }
    }

    fn now(&mut self, entry: &Entry, is_over: bool) {
        let words = self.words;
        if is_over {
            let over = self.get(key::DETAIL_OVER);
            return self.line(&over, Role::Notice);
        }
        let why = words.code("why", entry.attention.why);
        let next = words.next(entry);
        self.fact(self.get(key::DETAIL_NOW), &why, words.role(entry));
        self.fact(self.get(key::COLUMN_NEXT), &next, Role::Title);
        if is_ringing(entry) {
            for piece in super::cost(words, entry, key::COST_NEXT) {
                self.line(&piece.said, piece.role);
            }
        }
        let holder = match &entry.holder {
            None => self.get(key::DETAIL_HOLDER_NOBODY),
            Some(holder) => {
                let texts = &words.look.texts;
                let since = dates::near(holder.since, words.now());
                let name = words.holder(entry);
                match holder.until {
                    Some(until) => texts.with(
                        key::DETAIL_HOLDER_LINE,
                        &[
                            ("name", name.into()),
                            ("since", since.into()),
                            ("until", dates::near(until, words.now()).into()),
                        ],
                    ),
                    None => {
                        texts.with(key::DETAIL_HOLDER_OPEN, &[("name", name.into()), ("since", since.into())])
                    }
                }
            }
        };
        self.fact(self.get(key::DETAIL_HOLDER), &holder, Role::Base);
        if let Some(escalation) = &entry.escalation {
            let role = if escalation.outcome == Some(EscalationOutcome::Failed) {
                Role::LinkDown
            } else {
                Role::Base
            };
            self.fact(self.get(key::DETAIL_ESCALATION), &called(words, escalation), role);
        }
        let opened = two_times(words, entry.opened_at, entry.recorded_at);
        self.fact(self.get(listed(entry).opened_label()), &opened, Role::Base);
    }

    fn citizen(&mut self, entry: &Entry) {
        let words = self.words;
        let live = words.model.live_of(entry);
        if let Some(live) = live {
            self.live(live);
        }
        let is_said = live.is_some_and(|live| live.name.is_some() || live.look.is_some());
        match (&entry.citizen, is_said) {
            (Some(id), _) => {
                self.fact(self.get(key::DETAIL_CITIZEN_ID), &Said::outside(id.as_str()), Role::Muted);
            }
            (None, false) if listed(entry).is_of_a_caller() => {
                let unknown = words.look.texts.get(key::DETAIL_CITIZEN_UNKNOWN);
                self.fact(self.get(key::DETAIL_CITIZEN), &unknown, Role::Muted);
            }
            _ => {}
        }
    }

    fn live(&mut self, live: &Live) {
        let shown = [
            (key::DETAIL_NAME, &live.name, Role::Title),
            (key::DETAIL_ADDRESS, &live.address, Role::Base),
            (key::DETAIL_PHONE, &live.phone, Role::Base),
            (key::DETAIL_CALLER, &live.caller, Role::Base),
            (key::DETAIL_CALLER_NAME, &live.caller_name, Role::Base),
            (key::DETAIL_UNIT, &live.unit, Role::Base),
            (key::DETAIL_KEY_BOX, &live.key_box, Role::Base),
            (key::DETAIL_TEXT, &live.text, Role::Base),
        ];
        for (label, value, role) in shown {
            let Some(value) = value else { continue };
            let value = if self.words.model.hides_people { self.words.hidden() } else { Said::from(value) };
            self.fact(self.get(label), &value, role);
        }
        if let Some(look) = &live.look {
            let said = where_to_look(self.words, look);
            self.fact(self.get(key::DETAIL_CITIZEN), &said, Role::Notice);
        }
    }

    fn dues(&mut self, entry: &Entry) {
        let mut label = self.get(key::DETAIL_DUES);
        let shown = |due: &&Due| due.what != DueKind::Kept;
        for due in entry.due.iter().filter(shown) {
            let said = due_line(self.words, due);
            let is_past = due.at <= self.words.now();
            self.fact(std::mem::take(&mut label), &said, if is_past { Role::Warning } else { Role::Base });
        }
    }

    fn facts(&mut self, entry: &Entry) {
        for (label, value) in listed(entry).facts(self.words, entry) {
            self.fact(self.get(label), &value, Role::Base);
        }
        if !entry.candidates.is_empty() && entry.agreement.is_none() {
            let names: Vec<Said> = entry.candidates.iter().map(|id| self.words.agreement(id)).collect();
            self.fact(self.get(key::FACT_CANDIDATES), &Said::all(&names, ", "), Role::Base);
        }
        let linked: Vec<Said> = entry
            .links
            .iter()
            .filter_map(|id| self.words.model.entry(*id))
            .map(|other| self.words.name(other))
            .collect();
        if !linked.is_empty() {
            self.fact(self.get(key::DETAIL_LINKS), &Said::all(&linked, ", "), Role::Base);
        }
        for told in &entry.told {
            let said = municipality_told(self.words, told);
            let role = if told.untrue { Role::Warning } else { Role::Base };
            self.fact(self.get(key::FACT_MUNICIPALITY_TOLD), &said, role);
        }
        if entry.notes > 0 {
            self.fact(self.get(key::DETAIL_NOTES), &Said::number(i64::from(entry.notes)), Role::Base);
        }
    }

    /// What may be done, with its key; what may not is in the menu with its reason.
    fn actions(&mut self, entry: &Entry) {
        let model = self.words.model;
        if !model.may_act() {
            return;
        }
        let possible: Vec<Said> = entry
            .actions
            .iter()
            .filter(|action| action.refused_for(model.me_name()).is_none())
            .map(|action| action_name(self.words, entry, action))
            .collect();
        let said = if possible.is_empty() {
            self.get(key::DETAIL_ACTIONS_NONE)
        } else {
            Said::all(&possible, " · ")
        };
        self.fact(self.get(key::DETAIL_ACTIONS), &said, Role::Base);
    }

    fn numbers(&mut self, entry: &Entry, fetched: Option<&[Contact]>) {
        if !listed(entry).is_rung_about() {
            return;
        }
        let all = self.words.model.board.iter().flat_map(|board| &board.contacts);
        let own = |contact: &&Contact| {
            contact.now
                && entry
                    .agreement
                    .as_ref()
                    .map_or(entry.candidates.contains(&contact.agreement), |id| *id == contact.agreement)
        };
        let contacts: Vec<&Contact> = match fetched {
            Some(contacts) => contacts.iter().filter(|contact| contact.now).collect(),
            None => all.filter(own).collect(),
        };
        // Of several municipalities the same role has several numbers: whose each is must be said.
        let is_one = contacts.windows(2).all(|pair| pair[0].agreement == pair[1].agreement);
        let mut label = self.get(key::DETAIL_NUMBERS);
        for contact in contacts {
            let said = contact_line(self.words, contact);
            let whose = if is_one { Said::default() } else { self.words.agreement(&contact.agreement) };
            let said = whose.join(" · ", &said);
            self.fact(std::mem::take(&mut label), &said, Role::Base);
        }
    }

    fn history(&mut self, opened: Option<&Detail>, fetched: Option<&[HistoryLine]>) {
        let words = self.words;
        self.lines.push(Vec::new());
        let title = self.get(key::DETAIL_HISTORY);
        self.line(&title, Role::Title);
        if let Some(problem) = opened.and_then(|detail| detail.problem.as_ref()) {
            let said = words.problem(problem);
            return self.line(&said, Role::Warning);
        }
        let Some(history) = fetched else {
            let hint =
                if opened.is_some() { key::DETAIL_HISTORY_LOADING } else { key::DETAIL_HISTORY_CLOSED };
            let hint = self.get(hint);
            return self.line(&hint, Role::Muted);
        };
        for line in history {
            let said = history_line(words, line);
            self.line(&said, Role::Base);
        }
    }
}

/// An action's name with its key in front.
pub fn action_name(words: Words<'_>, entry: &Entry, action: &Offered) -> Said {
    let stack = [Context::On(entry.board().name()), Context::Entry];
    let verb = bare(&action.verb);
    let row =
        words.model.keymap.rows().iter().find(|row| stack.contains(&row.context) && row.action.is_verb(verb));
    let chord = row.map(|row| Said::outside(&row.chord.to_string())).unwrap_or_default();
    chord.join(" ", &words.action(Some(entry.board()), verb))
}

fn two_times(
    words: Words<'_>,
    happened: chrono::DateTime<chrono::Utc>,
    recorded: chrono::DateTime<chrono::Utc>,
) -> Said {
    let shown = dates::near(happened, words.now());
    if (recorded - happened).abs() <= chrono::Duration::minutes(TWO_TIMES_FROM_MINUTES) {
        return shown;
    }
    let args = [("happened", shown.into()), ("recorded", dates::near(recorded, words.now()).into())];
    words.look.texts.with(key::COMMON_TIMES, &args)
}

fn due_line(words: Words<'_>, due: &Due) -> Said {
    let texts = &words.look.texts;
    let what = serde_json::to_value(due.what).ok();
    let what = words.code("due", what.as_ref().and_then(|it| it.as_str()).unwrap_or_default());
    let line = texts.with(
        key::DETAIL_DUE_LINE,
        &[
            ("what", what.into()),
            ("countdown", dates::countdown(texts, due.at, words.now()).into()),
            ("clock", dates::near(due.at, words.now()).into()),
        ],
    );
    let origin = match &due.clause {
        Some(clause) => words.clause_said(clause),
        // What somebody said, or a claim running out, is no rule.
        None if matches!(due.what, DueKind::Promise | DueKind::Expected) => Said::default(),
        None => texts.get(key::COMMON_OWN_RULE),
    };
    line.join(", ", &origin)
}

/// What the municipality was told of it, when and whom there; and that it was not so.
fn municipality_told(words: Words<'_>, told: &MunicipalityTold) -> Said {
    let to = told.to.as_ref().map(|code| words.code("told-to", code)).unwrap_or_default();
    let at = dates::near(told.at, words.now());
    let said = words.code("matter", told.what).join(" ", &at).join(", ", &to);
    if told.untrue { said.join(" · ", &words.look.texts.get(key::FACT_TOLD_UNTRUE)) } else { said }
}

/// A number to ring, with whom and when.
pub fn contact_line(words: Words<'_>, contact: &Contact) -> Said {
    let texts = &words.look.texts;
    let line = texts.with(
        key::DETAIL_NUMBER_LINE,
        &[
            ("role", words.code("contact", &contact.role).into()),
            ("number", Said::outside(&contact.number).into()),
        ],
    );
    let hours = match (&contact.from, &contact.to) {
        (Some(from), Some(to)) => texts.with(
            key::DETAIL_NUMBER_HOURS,
            &[("from", Said::outside(from).into()), ("to", Said::outside(to).into())],
        ),
        _ => Said::default(),
    };
    let days = if contact.days == "all" { Said::default() } else { words.code("days", &contact.days) };
    line.join(", ", &days).join(" ", &hours)
}

fn where_to_look(words: Words<'_>, look: &WhereToLook) -> Said {
    let text = |text: &Option<String>| text.as_deref().map(Said::outside).unwrap_or_default();
    words.look.texts.code_with(
        "look",
        &look.place,
        &[
            ("source", text(&look.source).into()),
            ("id", text(&look.id).into()),
            ("clock", dates::near(look.at, words.now()).into()),
        ],
    )
}

/// `03:12 anna: svar egen hjælp`
fn history_line(words: Words<'_>, line: &HistoryLine) -> Said {
    let when = two_times(words, line.happened_at, line.recorded_at);
    let who = match line.actor.split_once(':') {
        Some((_, name)) => Said::outside(name),
        None => words.code("actor", &line.actor),
    };
    let (_, verb) = line.kind.split_once('.').unwrap_or(("", &line.kind));
    let what = words.code("kind", line.kind.replace('.', "-"));
    if line.kind.starts_with("sources.")
        && let Some(reason) = line.payload.get("what").and_then(|it| it.as_str())
    {
        let number = |field| line.payload.get(field).and_then(|it: &serde_json::Value| it.as_i64());
        let reason =
            sources::reason(words, reason, (number("line"), number("row")), number("times").unwrap_or(1));
        return when.join(" ", &who).join(": ", &what).join(" – ", &reason);
    }
    if line.kind == "entry.linked" {
        // Its id says nothing; one that is over by now has no name here.
        let to = line.payload.get("to").and_then(|to| serde_json::from_value::<EntryId>(to.clone()).ok());
        let other = to.and_then(|id| words.model.entry(id)).map(|other| words.name(other));
        return when.join(" ", &who).join(": ", &what).join(" ", &other.unwrap_or_default());
    }
    let shown = [
        "with",
        "helper",
        "outcome",
        "to",
        "channel",
        "reason",
        "what",
        "agreement",
        "trigger",
        "duty",
        "trouble",
        "told_by",
        "setting",
        "of",
        "step",
        "asked_by",
        "cancelled_by",
        "replacement",
        "halt",
    ];
    let codes: Vec<Said> = shown
        .iter()
        .filter_map(|field| {
            let code = line.payload.get(*field)?.as_str()?;
            Some(words.option(verb, field, code))
        })
        .collect();
    when.join(" ", &who).join(": ", &what).join(" ", &Said::all(&codes, ", "))
}

/// How it stands with the second person who was called.
fn called(words: Words<'_>, escalation: &Escalation) -> Said {
    let code = escalation.outcome.map_or("calling", EscalationOutcome::name);
    let at = escalation.ended_at.unwrap_or(escalation.begun_at);
    let args = [("clock", dates::near(at, words.now()).into()), ("times", escalation.times.into())];
    words.look.texts.code_with("escalated", code, &args)
}
