//! The key table: the one place where a key is written.
//!
//! A letter means the same thing on every board where it means anything (`a` always ends,
//! `r` always rings), because on the overview the chosen entry's board changes from row to
//! row. What cannot be undone always asks, by the weight that the verb is declared with; the
//! answer is a capital letter that does nothing anywhere else.

use super::action::{Action, Place};
use super::keymap::{Chord, Context, Row};
use crate::i18n::{Key, key};
use crate::protocol::Board;
use crate::protocol::commands::{Weight, weight_of};

const fn row(context: Context, chord: Chord, action: Action, text: Key, rank: u8) -> Row {
    Row { context, chord, action, text, rank, is_destructive: false }
}

const fn deed(context: Context, letter: char, command: &'static str, text: Key, rank: u8) -> Row {
    row(context, Chord::Char(letter), Action::Do(command), text, rank)
}

/// Every row, in the order help shows them.
pub fn rows() -> Vec<Row> {
    let rows = [ALWAYS, GLOBAL, MOVING, ENTRY, BOARDS, OVERLAYS].concat();
    rows.into_iter().map(|row| Row { is_destructive: asks_first(&row), ..row }).collect()
}

/// A board's verb that weighs so much that one key never does it.
fn asks_first(row: &Row) -> bool {
    let (Action::Do(verb), Context::On(board) | Context::At(board)) = (row.action, row.context) else {
        return false;
    };
    Board::parse(board).is_some_and(|board| weight_of(board, verb) >= Weight::Asked)
}

const ALWAYS: &[Row] = &{
    use Chord::{Ctrl, F};
    use Context::Always;
    [
        row(Always, F(4), Action::Worst, key::KEYS_WORST, 1),
        row(Always, Ctrl('c'), Action::Quit, key::KEYS_QUIT, 0),
        row(Always, Ctrl('z'), Action::Suspend, key::KEYS_SUSPEND, 0),
        row(Always, Ctrl('l'), Action::Redraw, key::KEYS_REDRAW, 0),
    ]
};

const GLOBAL: &[Row] = &{
    use Chord::{Char, F};
    use Context::Global;
    [
        row(Global, Char('?'), Action::Help, key::KEYS_HELP, 90),
        row(Global, F(1), Action::Help, key::KEYS_HELP, 0),
        row(Global, Char('/'), Action::Filter, key::KEYS_FILTER, 80),
        row(Global, F(3), Action::Filter, key::KEYS_FILTER, 0),
        row(Global, Char('w'), Action::Numbers, key::KEYS_NUMBERS, 5),
        row(Global, F(2), Action::Numbers, key::KEYS_NUMBERS, 0),
        row(Global, Char('1'), Action::GoTo(Place::Overview), key::PLACE_OVERVIEW, 0),
        row(Global, Char('2'), Action::GoTo(Place::Alarms), key::PLACE_ALARMS, 0),
        row(Global, Char('3'), Action::GoTo(Place::Phone), key::PLACE_PHONE, 0),
        row(Global, Char('4'), Action::GoTo(Place::Discharges), key::PLACE_DISCHARGES, 0),
        row(Global, Char('5'), Action::GoTo(Place::Visits), key::PLACE_VISITS, 0),
        row(Global, Char('6'), Action::GoTo(Place::Duties), key::PLACE_DUTIES, 0),
        row(Global, Char('7'), Action::GoTo(Place::Shift), key::PLACE_SHIFT, 0),
        row(Global, Char('8'), Action::GoTo(Place::Sources), key::PLACE_SOURCES, 0),
        row(Global, Char('9'), Action::GoTo(Place::Agreements), key::PLACE_AGREEMENTS, 0),
        row(Global, Char('L'), Action::GoTo(Place::Closed), key::PLACE_CLOSED, 0),
        row(Global, Char('0'), Action::Worst, key::KEYS_WORST, 0),
        row(Global, Char('z'), Action::HidePeople, key::KEYS_HIDE_PEOPLE, 0),
        row(Global, F(9), Action::HidePeople, key::KEYS_HIDE_PEOPLE, 0),
        row(Global, Chord::Tab, Action::NextPlace, key::KEYS_NEXT_PLACE, 0),
        row(Global, Chord::BackTab, Action::PreviousPlace, key::KEYS_PREVIOUS_PLACE, 0),
        row(Global, Chord::Esc, Action::Back, key::KEYS_BACK, 0),
        row(Global, Char('q'), Action::Leave, key::KEYS_LEAVE, 95),
    ]
};

const MOVING: &[Row] = &{
    use Chord::Char;
    use Context::{Detail, List};
    [
        row(List, Chord::Enter, Action::Open, key::KEYS_OPEN, 4),
        row(List, Chord::Up, Action::Up, key::KEYS_UP, 0),
        row(List, Char('k'), Action::Up, key::KEYS_UP, 0),
        row(List, Chord::Down, Action::Down, key::KEYS_DOWN, 0),
        row(List, Char('j'), Action::Down, key::KEYS_DOWN, 0),
        row(List, Char('g'), Action::Top, key::KEYS_TOP, 0),
        row(List, Chord::Home, Action::Top, key::KEYS_TOP, 0),
        row(List, Char('G'), Action::Bottom, key::KEYS_BOTTOM, 0),
        row(List, Chord::End, Action::Bottom, key::KEYS_BOTTOM, 0),
        row(List, Chord::PageUp, Action::PageUp, key::KEYS_PAGE_UP, 0),
        row(List, Chord::PageDown, Action::PageDown, key::KEYS_PAGE_DOWN, 0),
        row(List, Chord::Right, Action::Open, key::KEYS_OPEN, 0),
        row(List, Char('l'), Action::Open, key::KEYS_OPEN, 0),
        row(Detail, Chord::Enter, Action::Menu, key::KEYS_MENU, 4),
        row(Detail, Chord::Up, Action::Up, key::KEYS_UP, 0),
        row(Detail, Char('k'), Action::Up, key::KEYS_UP, 0),
        row(Detail, Chord::Down, Action::Down, key::KEYS_DOWN, 0),
        row(Detail, Char('j'), Action::Down, key::KEYS_DOWN, 0),
        row(Detail, Char('g'), Action::Top, key::KEYS_TOP, 0),
        row(Detail, Chord::Home, Action::Top, key::KEYS_TOP, 0),
        row(Detail, Char('G'), Action::Bottom, key::KEYS_BOTTOM, 0),
        row(Detail, Chord::End, Action::Bottom, key::KEYS_BOTTOM, 0),
        row(Detail, Chord::PageUp, Action::PageUp, key::KEYS_PAGE_UP, 0),
        row(Detail, Chord::PageDown, Action::PageDown, key::KEYS_PAGE_DOWN, 0),
        row(Detail, Chord::Left, Action::Back, key::KEYS_BACK, 0),
        row(Detail, Char('h'), Action::Back, key::KEYS_BACK, 0),
    ]
};

const ENTRY: &[Row] = &{
    use Context::Entry;
    [
        deed(Entry, 't', "claim", key::ACTION_CLAIM, 1),
        deed(Entry, 'o', "take-over", key::ACTION_TAKE_OVER, 15),
        deed(Entry, 's', "release", key::ACTION_RELEASE, 16),
        deed(Entry, 'n', "note", key::ACTION_NOTE, 20),
        deed(Entry, 'c', "correct", key::ACTION_CORRECT, 0),
        deed(Entry, '!', "notify", key::ACTION_NOTIFY, 0),
        row(Entry, Chord::Char(' '), Action::Menu, key::KEYS_MENU, 0),
        row(Entry, Chord::Char('H'), Action::History, key::KEYS_HISTORY, 0),
        row(Entry, Chord::Char('y'), Action::Copy, key::KEYS_COPY, 0),
    ]
};

const BOARDS: &[Row] = &{
    const ALARMS: Context = Context::On("alarms");
    const PHONE: Context = Context::On("phone");
    const DISCHARGES: Context = Context::On("discharges");
    const VISITS: Context = Context::On("visits");
    const DUTIES: Context = Context::On("duties");
    const SOURCES: Context = Context::On("sources");
    const SHIFT: Context = Context::At("shift");
    [
        deed(ALARMS, 'u', "respond", key::ACTION_ALARMS_RESPOND, 2),
        deed(ALARMS, 'f', "arrive", key::ACTION_ALARMS_ARRIVE, 3),
        deed(ALARMS, 'a', "close", key::ACTION_ALARMS_CLOSE, 6),
        deed(ALARMS, 'v', "redirect", key::ACTION_ALARMS_REDIRECT, 7),
        deed(ALARMS, 'b', "justify.begin", key::ACTION_ALARMS_JUSTIFY_BEGIN, 3),
        deed(ALARMS, 'B', "justify.sent", key::ACTION_ALARMS_JUSTIFY_SENT, 3),
        deed(ALARMS, 'd', "documented", key::ACTION_ALARMS_DOCUMENTED, 0),
        deed(ALARMS, 'x', "technical.done", key::ACTION_ALARMS_TECHNICAL_DONE, 8),
        deed(ALARMS, 'm', "assign", key::ACTION_ALARMS_ASSIGN, 9),
        deed(PHONE, 'u', "answer", key::ACTION_PHONE_ANSWER, 2),
        deed(PHONE, 'r', "call-back", key::ACTION_PHONE_CALL_BACK, 2),
        deed(PHONE, 'd', "documented", key::ACTION_PHONE_DOCUMENTED, 3),
        deed(PHONE, 'm', "assign", key::ACTION_PHONE_ASSIGN, 4),
        deed(PHONE, 'p', "give-up", key::ACTION_PHONE_GIVE_UP, 6),
        deed(DISCHARGES, 'd', "step", key::ACTION_DISCHARGES_STEP, 3),
        deed(DISCHARGES, 'u', "assessors-told", key::ACTION_DISCHARGES_ASSESSORS_TOLD, 3),
        deed(DISCHARGES, 'b', "still-there", key::ACTION_DISCHARGES_STILL_THERE, 4),
        deed(DISCHARGES, 'e', "expect", key::ACTION_DISCHARGES_EXPECT, 5),
        deed(DISCHARGES, 'i', "resume", key::ACTION_DISCHARGES_RESUME, 2),
        deed(DISCHARGES, 'p', "stop", key::ACTION_DISCHARGES_STOP, 6),
        deed(DISCHARGES, 'm', "assign", key::ACTION_DISCHARGES_ASSIGN, 0),
        deed(DISCHARGES, '=', "join", key::ACTION_DISCHARGES_JOIN, 0),
        deed(VISITS, 'r', "contact", key::ACTION_VISITS_CONTACT, 2),
        deed(VISITS, 'd', "door", key::ACTION_VISITS_DOOR, 3),
        deed(VISITS, 'e', "move", key::ACTION_VISITS_MOVE, 5),
        deed(VISITS, 'i', "replace", key::ACTION_VISITS_REPLACE, 5),
        deed(VISITS, 'a', "done", key::ACTION_VISITS_DONE, 4),
        deed(VISITS, 'p', "cancel", key::ACTION_VISITS_CANCEL, 6),
        deed(DUTIES, 'a', "done", key::ACTION_DUTIES_DONE, 2),
        deed(VISITS, 'm', "assign", key::ACTION_VISITS_ASSIGN, 0),
        deed(DUTIES, 'e', "postpone", key::ACTION_DUTIES_POSTPONE, 3),
        row(DUTIES, Chord::Char('f'), Action::OpenAbout, key::KEYS_OPEN_ABOUT, 21),
        deed(SOURCES, 'a', "done", key::ACTION_SOURCES_DONE, 2),
        deed(Context::On("complaints"), 'a', "settle", key::ACTION_COMPLAINTS_SETTLE, 2),
        deed(Context::At("discharges"), '+', "open", key::ACTION_DISCHARGES_OPEN, 1),
        deed(Context::At("duties"), '+', "notify", key::ACTION_NOTIFY, 2),
        deed(Context::At("duties"), 'K', "receive", key::ACTION_COMPLAINTS_RECEIVE, 3),
        deed(SHIFT, '+', "sign-on", key::ACTION_SHIFT_SIGN_ON, 2),
        deed(SHIFT, '-', "sign-off", key::ACTION_SHIFT_SIGN_OFF, 3),
    ]
};

const OVERLAYS: &[Row] = &{
    use Chord::Char;
    use Context::{Card, Confirm, Filter, Form, Help, Menu};
    [
        row(Menu, Chord::Up, Action::Up, key::KEYS_UP, 0),
        row(Menu, Char('k'), Action::Up, key::KEYS_UP, 0),
        row(Menu, Chord::Down, Action::Down, key::KEYS_DOWN, 0),
        row(Menu, Char('j'), Action::Down, key::KEYS_DOWN, 0),
        row(Menu, Chord::Enter, Action::Choose, key::KEYS_CHOOSE, 1),
        row(Menu, Chord::Esc, Action::Close, key::KEYS_CLOSE, 2),
        row(Menu, Char('q'), Action::Close, key::KEYS_CLOSE, 0),
        row(Form, Chord::Tab, Action::NextField, key::KEYS_NEXT_FIELD, 2),
        row(Form, Chord::Down, Action::NextField, key::KEYS_NEXT_FIELD, 0),
        row(Form, Chord::BackTab, Action::PreviousField, key::KEYS_PREVIOUS_FIELD, 0),
        row(Form, Chord::Up, Action::PreviousField, key::KEYS_PREVIOUS_FIELD, 0),
        row(Form, Chord::Right, Action::NextChoice, key::KEYS_NEXT_CHOICE, 0),
        row(Form, Chord::Left, Action::PreviousChoice, key::KEYS_PREVIOUS_CHOICE, 0),
        row(Form, Chord::Enter, Action::Choose, key::KEYS_SUBMIT, 1),
        row(Form, Chord::F(10), Action::Submit, key::KEYS_SUBMIT, 1),
        row(Form, Chord::Esc, Action::Close, key::KEYS_CANCEL, 4),
        row(Confirm, Char('J'), Action::Confirm, key::KEYS_CONFIRM, 1),
        row(Confirm, Char('Y'), Action::Confirm, key::KEYS_CONFIRM, 0),
        row(Confirm, Chord::Esc, Action::Close, key::KEYS_CANCEL, 2),
        row(Confirm, Char('n'), Action::Close, key::KEYS_CANCEL, 0),
        row(Confirm, Char('q'), Action::Close, key::KEYS_CANCEL, 0),
        row(Help, Chord::Up, Action::Up, key::KEYS_UP, 0),
        row(Help, Char('k'), Action::Up, key::KEYS_UP, 0),
        row(Help, Chord::Down, Action::Down, key::KEYS_DOWN, 2),
        row(Help, Char('j'), Action::Down, key::KEYS_DOWN, 0),
        row(Help, Chord::PageUp, Action::PageUp, key::KEYS_PAGE_UP, 0),
        row(Help, Chord::PageDown, Action::PageDown, key::KEYS_PAGE_DOWN, 0),
        row(Help, Char('g'), Action::Top, key::KEYS_TOP, 0),
        row(Help, Chord::Home, Action::Top, key::KEYS_TOP, 0),
        row(Help, Char('G'), Action::Bottom, key::KEYS_BOTTOM, 0),
        row(Help, Chord::End, Action::Bottom, key::KEYS_BOTTOM, 0),
        row(Help, Chord::Esc, Action::Close, key::KEYS_CLOSE, 1),
        row(Help, Char('q'), Action::Close, key::KEYS_CLOSE, 0),
        row(Help, Char('?'), Action::Close, key::KEYS_CLOSE, 0),
        row(Help, Chord::F(1), Action::Close, key::KEYS_CLOSE, 0),
        row(Filter, Chord::Enter, Action::Submit, key::KEYS_FILTER_KEEP, 1),
        row(Filter, Chord::Esc, Action::Close, key::KEYS_FILTER_CLEAR, 2),
        row(Card, Chord::Up, Action::Up, key::KEYS_UP, 0),
        row(Card, Char('k'), Action::Up, key::KEYS_UP, 0),
        row(Card, Chord::Down, Action::Down, key::KEYS_DOWN, 2),
        row(Card, Char('j'), Action::Down, key::KEYS_DOWN, 0),
        row(Card, Chord::PageUp, Action::PageUp, key::KEYS_PAGE_UP, 0),
        row(Card, Chord::PageDown, Action::PageDown, key::KEYS_PAGE_DOWN, 0),
        row(Card, Char('g'), Action::Top, key::KEYS_TOP, 0),
        row(Card, Chord::Home, Action::Top, key::KEYS_TOP, 0),
        row(Card, Char('G'), Action::Bottom, key::KEYS_BOTTOM, 0),
        row(Card, Chord::End, Action::Bottom, key::KEYS_BOTTOM, 0),
        row(Card, Chord::Esc, Action::Close, key::KEYS_CLOSE, 1),
        row(Card, Chord::Enter, Action::Close, key::KEYS_CLOSE, 0),
        row(Card, Char('q'), Action::Close, key::KEYS_CLOSE, 0),
        row(Card, Char('w'), Action::Close, key::KEYS_CLOSE, 0),
    ]
};
