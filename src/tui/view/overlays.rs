//! What lies over the board: drawn bottom-up, framed, never wider than the screen.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::super::action::Action;
use super::super::boards::listed;
use super::super::form::{ALL_THE_SAME, Form, FormField};
use super::super::keymap::Context;
use super::super::model::{Asked, Confirm, Leaving, Overlay};
use super::super::paint::{self, Piece, Pieces};
use super::super::table;
use super::super::words::Words;
use super::{detail, history};
use crate::i18n::{Said, dates, key};
use crate::protocol::EntryId;
use crate::protocol::actions::FieldKind;
use crate::protocol::board::Contact;
use crate::theme::Role;

/// Entries that a question names; the rest are counted.
const NAMED_MAX: usize = 4;
/// Lines of a field for several lines of text.
const LONG_FIELD_LINES: u16 = 5;

pub fn draw(words: Words<'_>, frame: &mut Frame<'_>) {
    for overlay in &words.model.overlays {
        match overlay {
            Overlay::Menu { entry, index } => menu(words, frame, *entry, *index),
            Overlay::Form(it) => form(words, frame, it),
            Overlay::Confirm(it) => confirm(words, frame, it),
            Overlay::Help { scroll } => help(words, frame, *scroll),
            Overlay::Numbers { scroll } => numbers(words, frame, *scroll),
            Overlay::Purpose { about, index, .. } => history::purpose(words, frame, *about, *index),
            Overlay::History(it) => history::draw(words, frame, it),
            // Drawn with the list it filters.
            Overlay::Filter { .. } => {}
        }
    }
}

/// Lines at the head (the clock and the alarms) and at the foot (the keys) that nothing lies over.
const HEAD_KEPT: u16 = 2;
const FOOT_KEPT: u16 = 1;

/// The tallest a box may be.
fn height_max(frame: &Frame<'_>) -> u16 {
    frame.area().height.saturating_sub(HEAD_KEPT + FOOT_KEPT)
}

/// A box in the middle, as wide as wanted where there is room.
fn centered(frame: &Frame<'_>, width: u16, height: u16) -> Rect {
    let screen = frame.area();
    let (width, height) = (width.min(screen.width), height.min(height_max(frame)));
    let y = ((screen.height - height) / 2).max(HEAD_KEPT).min(screen.height);
    Rect { x: (screen.width - width) / 2, y, width, height }
}

pub(super) fn width_wanted(frame: &Frame<'_>) -> u16 {
    frame.area().width.saturating_sub(4).min(76)
}

fn height_of(lines: usize) -> u16 {
    u16::try_from(lines).unwrap_or(u16::MAX).saturating_add(2)
}

/// A window of lines that may be scrolled.
pub(super) fn window_of_lines(
    words: Words<'_>,
    frame: &mut Frame<'_>,
    title: &Said,
    lines: &[Pieces],
    scroll: u16,
) {
    let area = centered(frame, width_wanted(frame), height_of(lines.len()));
    let inside = paint::window(frame, area, title, Role::Focus, &words.look.theme);
    super::scrolled(words, frame, inside, lines, scroll);
}

fn menu(words: Words<'_>, frame: &mut Frame<'_>, id: EntryId, chosen: usize) {
    let Some(entry) = words.model.entry(id) else { return };
    let me = words.model.me_name();
    let room = width_wanted(frame).saturating_sub(4);
    let mut lines: Vec<Pieces> = Vec::new();
    let mut chosen_line = 0;
    for (index, action) in entry.actions.iter().enumerate() {
        let refused = action.refused_for(me);
        let is_chosen = index == chosen;
        if is_chosen {
            chosen_line = lines.len();
        }
        let role = match (is_chosen, refused.is_some()) {
            (true, _) => Role::Selection,
            (false, true) => Role::Muted,
            (false, false) => Role::Base,
        };
        let mark = Piece::fixed(if is_chosen { "> " } else { "  " }, role);
        let not_now = refused.map(|_| words.look.texts.get(key::MENU_NOT_NOW)).unwrap_or_default();
        let name = detail::action_name(words, entry, action).join(" · ", &not_now);
        lines.push(vec![mark, Piece::new(name, role)]);
        let Some(problem) = refused.filter(|_| is_chosen) else { continue };
        for part in paint::wrap(&words.problem(problem), room) {
            lines.push(vec![Piece::fixed("    ", Role::Base), Piece::new(part, Role::Warning)]);
        }
    }
    let name = words.name_with_citizen(entry);
    let title = words.look.texts.with(key::MENU_TITLE, &[("entry", name.into())]);
    let height = height_max(frame).saturating_sub(2);
    let scroll = u16::try_from(chosen_line + 3).unwrap_or(0).saturating_sub(height);
    window_of_lines(words, frame, &title, &lines, scroll);
}

fn form(words: Words<'_>, frame: &mut Frame<'_>, form: &Form) {
    let texts = &words.look.texts;
    let width = width_wanted(frame);
    let room = width.saturating_sub(4);
    let mut lines: Vec<Pieces> = changed_meanwhile(words, form, room);
    let (mut cursor, mut focus_line) = (None, 0);
    for (index, field) in form.fields.iter().enumerate() {
        if !form.shows(field) {
            continue;
        }
        let is_here = form.focus == index && form.sent.is_none();
        lines.push(label_line(words, form, field, is_here));
        if field.spec.kind == FieldKind::Text {
            for part in paint::wrap(&texts.get(key::TEXT_GOES_TO_CARE_SYSTEM), room) {
                lines.push(vec![Piece::fixed("  ", Role::Base), Piece::new(part, Role::Muted)]);
            }
        }
        if field.is_choice() {
            choice_lines(words, form, field, is_here, room, &mut lines);
        } else {
            let at = lines.len();
            let (typed, place) = typed_lines(field, room);
            lines.extend(typed);
            if is_here {
                cursor = Some((place.0, at + place.1));
            }
        }
        lines.extend(problem_lines(words, form, Some(field), room));
        if is_here {
            focus_line = lines.len().saturating_sub(1);
        }
    }
    lines.extend(problem_lines(words, form, None, room));
    lines.push(Vec::new());
    lines.push(button(words, form));
    if form.focused().is_none() || form.problem.is_some() {
        focus_line = lines.len() - 1;
    }
    let action = words.action(Some(form.deed.board), &form.deed.verb);
    let title = texts
        .with(key::FORM_TITLE, &[("action", action.into()), ("entry", words.deed_name(&form.deed).into())]);
    let area = centered(frame, width, height_of(lines.len()));
    let inside = paint::window(frame, area, &title, Role::Focus, &words.look.theme);
    let shown = usize::from(inside.height);
    let focus_line = cursor.map_or(focus_line, |(_, line)| line);
    let top = (focus_line + 2).saturating_sub(shown).min(lines.len().saturating_sub(shown));
    paint::lines(frame, inside, &lines[top..], &words.look.theme);
    if let Some((x, line)) = cursor.filter(|(_, line)| *line >= top && *line - top < shown) {
        let x = (inside.x + 2 + x).min(inside.right().saturating_sub(1));
        paint::cursor(frame, x, inside.y + u16::try_from(line - top).unwrap_or(0));
    }
}

/// What became of the entry since the form was opened. The text is kept either way.
fn changed_meanwhile(words: Words<'_>, form: &Form, room: u16) -> Vec<Pieces> {
    let texts = &words.look.texts;
    let Some(id) = form.deed.entry else { return Vec::new() };
    let said = match words.model.entry(id) {
        _ if form.sent.is_some() => return Vec::new(),
        None => texts.get(key::FORM_ENTRY_OVER),
        Some(entry) if entry.version != form.deed.version => texts.with(
            key::FORM_ENTRY_CHANGED,
            &[("state", words.state(entry).into()), ("holder", words.holder(entry).into())],
        ),
        Some(_) => return Vec::new(),
    };
    let parts = paint::wrap(&said, room).into_iter();
    parts.map(|part| vec![Piece::fixed("  ", Role::Base), Piece::new(part, Role::Warning)]).collect()
}

fn label_line(words: Words<'_>, form: &Form, field: &FormField, is_here: bool) -> Pieces {
    let texts = &words.look.texts;
    let mark = Piece::fixed(if is_here { "> " } else { "  " }, Role::Focus);
    let label = words.field(&field.spec.name);
    let needed = if field.spec.required { key::FORM_REQUIRED } else { key::FORM_OPTIONAL };
    let hint = match field.spec.kind {
        FieldKind::Time => texts.get(key::FORM_TIME_HINT),
        FieldKind::Entry => texts.get(key::FORM_NUMBER_HINT),
        FieldKind::Code | FieldKind::Yes | FieldKind::Agreement if is_here => {
            texts.get(key::FORM_CHOOSE_HINT)
        }
        FieldKind::Codes if is_here => texts.get(key::FORM_MARK_HINT),
        _ => Said::default(),
    };
    let hint = texts.get(needed).join(" · ", &hint);
    let role = if is_here && form.sent.is_none() { Role::Focus } else { Role::Base };
    vec![mark, Piece::new(label, role), Piece::fixed("  ", Role::Base), Piece::new(hint, Role::Muted)]
}

/// The choices in a row each, numbered: recognition instead of recall.
fn choice_lines(
    words: Words<'_>,
    form: &Form,
    field: &FormField,
    is_here: bool,
    room: u16,
    lines: &mut Vec<Pieces>,
) {
    if !is_here {
        let chosen: Vec<Said> =
            field.choices().map(|code| words.option(&form.deed.verb, &field.spec.name, code)).collect();
        let said = match chosen.is_empty() {
            true => words.look.texts.get(key::COMMON_NOBODY),
            false => Said::all(&chosen, ", "),
        };
        for part in paint::wrap(&said, room.saturating_sub(4)) {
            lines.push(vec![Piece::fixed("    ", Role::Base), Piece::plain(part)]);
        }
        return;
    }
    for (index, code) in field.spec.codes.iter().enumerate() {
        let is_chosen = field.choices().any(|it| it == code);
        let role = if is_chosen { Role::Selection } else { Role::Base };
        let number = Said::number(i64::try_from(index + 1).unwrap_or(0));
        let name = words.option(&form.deed.verb, &field.spec.name, code);
        let ring = number_for(words, form, &field.spec.name, code).unwrap_or_default();
        let name = name.join("  ", &ring).join(" · ", &done_at(words, form, &field.spec.name, code));
        let text = paint::fit(&number.join(" ", &name), room.saturating_sub(4));
        let mark = match (field.is_several(), is_chosen) {
            (true, true) => "  [x] ",
            (true, false) => "  [ ] ",
            (false, true) => "  (x) ",
            (false, false) => "  ( ) ",
        };
        let mark = Piece::fixed(mark, role);
        lines.push(vec![mark, Piece::new(text, role)]);
    }
}

/// `gjort 03:12`, for a step of a list that somebody has been through: the rest is what is missing.
fn done_at(words: Words<'_>, form: &Form, field: &str, code: &str) -> Said {
    let entry = form.deed.entry.and_then(|id| words.model.entry(id)).filter(|_| field == "step");
    let steps = entry.map_or(&[][..], |entry| listed(entry).steps());
    let done_at = steps.iter().find(|it| it.step.as_str() == code).and_then(|it| it.done_at);
    done_at.map_or_else(Said::default, |at| {
        words.look.texts.with(key::FORM_STEP_DONE, &[("clock", dates::near(at, words.now()).into())])
    })
}

/// The number to ring for a choice that means ringing somebody, as the agreement has it just now.
fn number_for(words: Words<'_>, form: &Form, field: &str, code: &str) -> Option<Said> {
    let role = match (field, code) {
        ("with", "112") => "emergency-112",
        ("with", "nurse" | "doctor") | ("to", "municipal-unit" | "back-up" | "nurse" | "assessors") => code,
        _ => return None,
    };
    let entry = words.model.entry(form.deed.entry?)?;
    let agreement = entry.agreement.as_ref().or(entry.candidates.first())?;
    let contacts = words.model.board.iter().flat_map(|board| &board.contacts);
    let found =
        contacts.filter(|it| it.agreement == *agreement && it.role == role && it.now).map(|it| &it.number);
    found.map(|number| Said::outside(number)).next().filter(|number| number.as_str() != code)
}

/// What was typed, wrapped; and where the cursor stands in it (cell, line).
fn typed_lines(field: &FormField, room: u16) -> (Vec<Pieces>, (u16, usize)) {
    let wrapped = paint::wrap_hard(&Said::typed(field.editor.text()), room);
    let before = paint::wrap_hard(&Said::typed(field.editor.before_cursor()), room);
    let line = before.len().saturating_sub(1);
    let cell = before.last().map_or(0, paint::width);
    let wanted = if field.editor.has_lines() { LONG_FIELD_LINES } else { 1 };
    let count = wrapped.len().max(usize::from(wanted)).max(line + 1);
    let lines = (0..count)
        .map(|index| {
            let said = wrapped.get(index).cloned().unwrap_or_default();
            let pad = room.saturating_sub(paint::width(&said));
            let blank = if pad > 0 { "_" } else { "" };
            vec![Piece::fixed("  ", Role::Base), Piece::plain(said), Piece::fixed(blank, Role::Muted)]
        })
        .collect();
    (lines, (cell, line))
}

/// Why it was refused, under the field it is about, or below all of them.
fn problem_lines(words: Words<'_>, form: &Form, field: Option<&FormField>, room: u16) -> Vec<Pieces> {
    let Some(problem) = &form.problem else { return Vec::new() };
    let at = problem.field.as_deref().map(|path| path.rsplit('.').next().unwrap_or(path));
    let is_of_a_field = form.fields.iter().any(|field| Some(field.spec.name.as_str()) == at);
    let belongs = match field {
        Some(field) => Some(field.spec.name.as_str()) == at,
        None => !is_of_a_field,
    };
    if !belongs {
        return Vec::new();
    }
    let wrapped = paint::wrap(&words.problem(problem), room);
    wrapped
        .into_iter()
        .map(|part| vec![Piece::fixed("  ", Role::Base), Piece::new(part, Role::Warning)])
        .collect()
}

fn button(words: Words<'_>, form: &Form) -> Pieces {
    let texts = &words.look.texts;
    if form.sent.is_some() {
        return vec![Piece::fixed("  ", Role::Base), Piece::new(texts.get(key::FORM_SENDING), Role::Pending)];
    }
    let is_here = form.focus == form.fields.len();
    let role = if is_here { Role::Selection } else { Role::Base };
    vec![
        Piece::fixed(if is_here { "> " } else { "  " }, Role::Focus),
        Piece::fixed("[ ", role),
        Piece::new(texts.get(key::FORM_SEND), role),
        Piece::fixed(" ]", role),
    ]
}

fn confirm(words: Words<'_>, frame: &mut Frame<'_>, confirm: &Confirm) {
    let texts = &words.look.texts;
    let width = width_wanted(frame).min(64);
    let room = width.saturating_sub(4);
    let mut lines: Vec<Pieces> = vec![Vec::new()];
    let mut add = |said: &Said, role: Role| {
        lines.extend(
            paint::wrap(said, room)
                .into_iter()
                .map(|part| vec![Piece::fixed(" ", Role::Base), Piece::new(part, role)]),
        );
    };
    if let Asked::Leave(_) = confirm.asked {
        stakes(words).iter().for_each(|said| add(said, Role::Base));
    }
    let question = match confirm.death_asked_at {
        Some(_) => texts.get(key::CONFIRM_DEATH),
        None => question(words, &confirm.asked),
    };
    add(&question, Role::Title);
    for fact in asked_facts(words, &confirm.asked) {
        add(&fact, Role::Base);
    }
    if let Some(problem) = &confirm.problem {
        add(&words.problem(problem), Role::Warning);
    }
    lines.push(Vec::new());
    let last = if confirm.sent.is_some() {
        Piece::new(texts.get(key::FORM_SENDING), Role::Pending)
    } else {
        let key_of = |action| words.key_of(Context::Confirm, action);
        let args = [("yes", key_of(Action::Confirm).into()), ("no", key_of(Action::Close).into())];
        Piece::new(texts.with(key::CONFIRM_KEYS, &args), Role::KeyHint)
    };
    lines.push(vec![Piece::fixed(" ", Role::Base), last]);
    let area = centered(frame, width, height_of(lines.len()));
    let inside = paint::window(frame, area, &texts.get(key::CONFIRM_TITLE), Role::Warning, &words.look.theme);
    paint::lines(frame, inside, &lines, &words.look.theme);
}

fn question(words: Words<'_>, asked: &Asked) -> Said {
    let texts = &words.look.texts;
    match asked {
        Asked::Command { deed, .. } if deed.verb == "take-over" => {
            let entry = deed.entry.and_then(|id| words.model.entry(id));
            let holder = entry.map(|entry| words.holder(entry)).unwrap_or_default();
            let args = [("entry", words.deed_name(deed).into()), ("holder", holder.into())];
            texts.with(key::CONFIRM_TAKE_OVER, &args)
        }
        Asked::Command { deed, .. } => {
            let action = words.action(Some(deed.board), &deed.verb);
            let args = [("action", action.into()), ("entry", words.deed_name(deed).into())];
            texts.with(key::CONFIRM_COMMAND, &args)
        }
        Asked::SignOff => texts.get(key::CONFIRM_SIGN_OFF),
        Asked::Leave(Leaving::Quit) => texts.get(key::CONFIRM_QUIT),
        Asked::Leave(Leaving::Suspend) => texts.get(key::CONFIRM_SUSPEND),
        Asked::Discard => texts.get(key::CONFIRM_DISCARD),
    }
}

/// What leaving would lose and whom it leaves alone, as it is now; the worst first.
fn stakes(words: Words<'_>) -> Vec<Said> {
    let texts = &words.look.texts;
    let stakes = words.model.stakes();
    let say = |key, count: usize| (count > 0).then(|| texts.with(key, &[("count", count.into())]));
    let named = |key, ids: &[EntryId]| {
        let names: Vec<Said> =
            ids.iter().filter_map(|id| words.model.entry(*id)).map(|it| words.name(it)).collect();
        let more = names.len().saturating_sub(NAMED_MAX);
        let said = Said::all(&names[..names.len() - more], ", ");
        let more = say(key::CONFIRM_LEAVE_MORE, more).unwrap_or_default();
        let said = [("entries", said.join(" ", &more).into())];
        (!names.is_empty()).then(|| texts.with(key, &said))
    };
    let parts = [
        named(key::CONFIRM_LEAVE_RINGING, &stakes.ringing),
        named(key::CONFIRM_LEAVE_HELD, &stakes.held),
        stakes.is_on_shift.then(|| texts.get(key::CONFIRM_LEAVE_ON_SHIFT)),
        say(key::CONFIRM_QUIT_UNSENT, stakes.unsent),
        say(key::CONFIRM_LEAVE_TEXTS, stakes.texts),
        say(key::CONFIRM_QUIT_NOTES, stakes.notes),
    ];
    parts.into_iter().flatten().collect()
}

/// Every fact of the command, as it will be sent.
fn asked_facts(words: Words<'_>, asked: &Asked) -> Vec<Said> {
    let Asked::Command { deed, command } = asked else { return Vec::new() };
    let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(command) else { return Vec::new() };
    let mut facts: Vec<Said> = fields
        .iter()
        .filter(|(name, _)| name.as_str() != "type" && name.as_str() != "text")
        // Nothing was warned of.
        .filter(|(name, value)| name.as_str() != ALL_THE_SAME || **value == true)
        .filter_map(|(name, value)| {
            let value = match value {
                serde_json::Value::Bool(true) => words.look.texts.get(key::COMMON_YES),
                serde_json::Value::Bool(false) => words.look.texts.get(key::COMMON_NO),
                serde_json::Value::String(text) if name == "reference" => Said::outside(text),
                serde_json::Value::String(code) => words.option(&deed.verb, name, code),
                _ => return None,
            };
            Some(words.field(name).join(": ", &value))
        })
        .collect();
    let about = deed.entry.and_then(|id| words.model.entry(id));
    facts.extend(about.iter().flat_map(|entry| listed(entry).warnings(words, entry, &deed.verb)));
    facts
}

fn help(words: Words<'_>, frame: &mut Frame<'_>, scroll: u16) {
    let texts = &words.look.texts;
    let under = words.model.overlays.iter().rev().nth(1);
    let mut lines: Vec<Pieces> = Vec::new();
    for context in words.model.contexts_under(under) {
        let known = words.model.keymap.help(&[context]);
        if known.is_empty() {
            continue;
        }
        if !lines.is_empty() {
            lines.push(Vec::new());
        }
        lines.push(vec![Piece::new(table::context_name(texts, context), Role::Title)]);
        for (_, _, text, chords) in known {
            let chords: Vec<Said> = chords.iter().map(|chord| Said::outside(&chord.to_string())).collect();
            let keys = Said::all(&chords, ", ");
            let pad = 16u16.saturating_sub(paint::width(&keys));
            lines.push(vec![
                Piece::fixed("  ", Role::Base),
                Piece::new(keys, Role::KeyHint),
                Piece::plain(Said::spaces(pad + 1)),
                Piece::plain(texts.get(text)),
            ]);
        }
    }
    window_of_lines(words, frame, &texts.get(key::HELP_TITLE), &lines, scroll);
}

/// Numbers of the chosen entry's municipality first, those that answer now before the rest.
fn numbers(words: Words<'_>, frame: &mut Frame<'_>, scroll: u16) {
    let texts = &words.look.texts;
    let first = words.model.chosen().and_then(|entry| entry.agreement.clone());
    let mut contacts: Vec<&Contact> = words.model.board.iter().flat_map(|board| &board.contacts).collect();
    contacts.sort_by_key(|contact| {
        (Some(&contact.agreement) != first.as_ref(), contact.agreement.clone(), !contact.now)
    });
    let mut lines: Vec<Pieces> = Vec::new();
    let mut group = None;
    for contact in contacts {
        if group != Some(&contact.agreement) {
            if group.is_some() {
                lines.push(Vec::new());
            }
            lines.push(vec![Piece::new(words.agreement(&contact.agreement), Role::Title)]);
            group = Some(&contact.agreement);
        }
        let role = if contact.now { Role::Base } else { Role::Muted };
        let not_now = if contact.now { Said::default() } else { texts.get(key::MENU_NOT_NOW) };
        let said = detail::contact_line(words, contact).join(" · ", &not_now);
        for (nth, part) in paint::wrap(&said, width_wanted(frame).saturating_sub(8)).into_iter().enumerate() {
            let indent = if nth == 0 { "  " } else { "    " };
            lines.push(vec![Piece::fixed(indent, Role::Base), Piece::new(part, role)]);
        }
    }
    if lines.is_empty() {
        lines.push(vec![Piece::new(texts.get(key::DETAIL_NUMBERS_NONE), Role::Muted)]);
    }
    window_of_lines(words, frame, &texts.get(key::NUMBERS_TITLE), &lines, scroll);
}

/// The search above the list, with the cursor while it is being typed.
pub fn filter_line(words: Words<'_>, frame: &mut Frame<'_>, area: Rect) {
    let texts = &words.look.texts;
    let line = |typed: &str| texts.with(key::LIST_FILTER, &[("text", Said::typed(typed).into())]);
    let pieces = [Piece::new(line(words.model.filter.text()), Role::Focus)];
    paint::line(frame, area, &pieces, &words.look.theme);
    if matches!(words.model.overlays.last(), Some(Overlay::Filter { .. })) {
        let before = paint::width(&line(words.model.filter.before_cursor()));
        paint::cursor(frame, (area.x + before).min(area.right().saturating_sub(1)), area.y);
    }
}
