//! The agreement file: TOML text to [`Agreement`].
//!
//! Owns the names of the keys and what each may hold. Must never know what a rule is used for.
//!
//! A rule is written in one of two ways, and left out when it is unset:
//!
//! ```toml
//! justification_days = { contract = 7, clause = "3.1.13", says = "En sætning med vores egne ord." }
//! help_on_site_minutes = { own = 30 }
//! ```

use std::cell::RefCell;

use super::agreement::{
    Agreement, AlarmRules, AnswerTarget, CalendarRules, Clause, Contact, Contacts, DeliveryWindow,
    DischargeRules, DutyRules, MoveRule, PhoneRules, RecordRules, Rule, Value, VisitRules, WindowRule,
};
use super::calendar::{ClockWindow, Days};
use super::identity::{AgreementId, Code};
use super::toml_reader::{self, Mistake, Node, Problem, Table};
use super::vocabulary::Word;

// Above these a number is a slip of the hand, whatever the contract.
const MOST_SECONDS: u32 = 3600;
const MOST_MINUTES: u32 = 7 * 24 * 60;
const MOST_DAYS: u32 = 366;
const MOST_MONTHS: u32 = 24;
const MOST_REDIRECTS: u32 = 100;
const LONGEST_NAME: usize = 60;
const LONGEST_READING: usize = 300;
const LONGEST_NUMBER: usize = 20;

/// Reads a file. Errors: every mistake found, in order of place.
pub(super) fn read(text: &str) -> Result<Agreement, Vec<Mistake>> {
    toml_reader::read(text, agreement)
}

fn agreement(file: &Table<'_>) -> Option<Agreement> {
    // All parts are read before any is missed, so that one pass names every mistake.
    let id = file.need("id").and_then(|it| it.checked(|text| AgreementId::new(text).ok()));
    let name = file.need("name").and_then(|it| short_text(&it, LONGEST_NAME));
    let version = file.need("version").and_then(|it| short_text(&it, LONGEST_NAME));
    let valid_from = file.need("valid_from").and_then(|it| it.date());
    let alarms = section(file, "alarms", alarms);
    let phone = section(file, "phone", phone);
    let duties = section(file, "duties", duties);
    let discharges = section(file, "discharges", discharges);
    let visits = section(file, "visits", visits);
    let records = section(file, "records", records);
    let calendar = section(file, "calendar", calendar);
    let contacts = list_of(file, "contacts", contact);
    let care_system = file.get("care_system").and_then(|it| it.checked(|text| Code::new(text).ok()));
    let immediate_notice = rule(file, "immediate_notice", words);
    Some(Agreement {
        id: id?,
        name: name?,
        version: version?,
        valid_from: valid_from?,
        alarms,
        phone,
        duties,
        discharges,
        visits,
        records,
        calendar,
        contacts: Contacts(contacts),
        immediate_notice,
        care_system,
    })
}

/// A section that may be left out. A mistake inside is noted, so the empty one is never used.
fn section<T: Default>(file: &Table<'_>, key: &'static str, read: impl FnOnce(&Table<'_>) -> T) -> T {
    file.get(key).and_then(|it| it.table(|table| Some(read(table)))).unwrap_or_default()
}

/// A list of tables that may be left out.
fn list_of<T>(table: &Table<'_>, key: &'static str, read: impl Fn(&Table<'_>) -> Option<T>) -> Vec<T> {
    table.get(key).and_then(|it| it.list(|element| element.table(&read))).unwrap_or_default()
}

/// A list of tables, each for something else: `what` is what one is for, and it comes once.
fn list_by<T, K: PartialEq>(
    table: &Table<'_>,
    key: &'static str,
    read: impl Fn(&Table<'_>) -> Option<T>,
    what: impl Fn(&T) -> K,
) -> Vec<T> {
    let seen = RefCell::new(Vec::new());
    list_of(table, key, |element| {
        let found = read(element)?;
        let kind = what(&found);
        if seen.borrow().contains(&kind) {
            element.mistake(Problem::Repeated);
            return None;
        }
        seen.borrow_mut().push(kind);
        Some(found)
    })
}

fn alarms(table: &Table<'_>) -> AlarmRules {
    AlarmRules {
        justification_days: rule(table, "justification_days", days),
        justification_until: rule(table, "justification_until", |it| it.word()),
        redirect_limit: rule(table, "redirect_limit", |it| it.whole(1, MOST_REDIRECTS)),
        redirect_window_days: rule(table, "redirect_window_days", days),
        answer_within: rule(table, "answer_within", answer_targets),
        help_on_site_minutes: rule(table, "help_on_site_minutes", minutes),
        ring_out_seconds: rule(table, "ring_out_seconds", seconds),
        claim_minutes: rule(table, "claim_minutes", minutes),
        bell_repeat_seconds: rule(table, "bell_repeat_seconds", seconds),
        second_person_seconds: rule(table, "second_person_seconds", seconds),
        nobody_listening_seconds: rule(table, "nobody_listening_seconds", seconds),
        responses: rule(table, "responses", words),
        material_breach: rule(table, "material_breach", yes_or_no),
        nurse_decides_acute_need: rule(table, "nurse_decides_acute_need", yes_or_no),
    }
}

fn phone(table: &Table<'_>) -> PhoneRules {
    PhoneRules {
        one_number_always: rule(table, "one_number_always", yes_or_no),
        answer_within: rule(table, "answer_within", answer_targets),
        short_abandon_seconds: rule(table, "short_abandon_seconds", seconds),
        waiting_too_long_seconds: rule(table, "waiting_too_long_seconds", seconds),
        missed_kept_days: rule(table, "missed_kept_days", days),
        call_back_minutes: rule(table, "call_back_minutes", minutes),
        claim_minutes: rule(table, "claim_minutes", minutes),
        documentation: rule(table, "documentation", yes_or_no),
        documentation_minutes: rule(table, "documentation_minutes", minutes),
    }
}

fn duties(table: &Table<'_>) -> DutyRules {
    DutyRules {
        hospital_messages_daily: rule(table, "hospital_messages_daily", yes_or_no),
        hospital_messages_daily_at: rule(table, "hospital_messages_daily_at", clock),
        action_plan: rule(table, "action_plan", yes_or_no),
        complaints_forwarded: rule(table, "complaints_forwarded", |it| it.word()),
        immediate_notice_minutes: rule(table, "immediate_notice_minutes", minutes),
        self_control_months: rule(table, "self_control_months", |it| it.whole(1, MOST_MONTHS)),
    }
}

fn discharges(table: &Table<'_>) -> DischargeRules {
    DischargeRules {
        first_day_wasted: rule(table, "first_day_wasted", yes_or_no),
        report_planned_admission: rule(table, "report_planned_admission", yes_or_no),
        help_stops: rule(table, "help_stops", yes_or_no),
        groceries_help: rule(table, "groceries_help", yes_or_no),
        steps: rule(table, "steps", words),
        resume_within_minutes: rule(table, "resume_within_minutes", minutes),
    }
}

fn visits(table: &Table<'_>) -> VisitRules {
    VisitRules {
        contact_minutes: rule(table, "contact_minutes", minutes),
        windows: list_by(table, "windows", window_rule, |it| (it.grant, it.help)),
        morning_care: rule(table, "morning_care", delivery_window),
        moves: list_by(table, "moves", move_rule, |it| it.help),
        provider_never_cancels: rule(table, "provider_never_cancels", yes_or_no),
        postponed_once_at_most: rule(table, "postponed_once_at_most", yes_or_no),
        replacement_owed: rule(table, "replacement_owed", yes_or_no),
        holiday_offers_another_day: rule(table, "holiday_offers_another_day", yes_or_no),
        citizen_cancellation_unreplaced: rule(table, "citizen_cancellation_unreplaced", yes_or_no),
        cancellation_before: rule(table, "cancellation_before", clock),
        start_within_days: rule(table, "start_within_days", days),
        agree_by_order_date: rule(table, "agree_by_order_date", yes_or_no),
        receipts: rule(table, "receipts", yes_or_no),
        door_steps: rule(table, "door_steps", words),
        door_instruction: rule(table, "door_instruction", |it| short_text(it, LONGEST_READING)),
        not_found_told: rule(table, "not_found_told", yes_or_no),
    }
}

fn records(table: &Table<'_>) -> RecordRules {
    RecordRules { paper_allowed: rule(table, "paper_allowed", yes_or_no) }
}

fn calendar(table: &Table<'_>) -> CalendarRules {
    CalendarRules {
        day_off_24_december: rule(table, "day_off_24_december", yes_or_no),
        day_off_31_december: rule(table, "day_off_31_december", yes_or_no),
        day_off_5_june: rule(table, "day_off_5_june", yes_or_no),
    }
}

fn contact(table: &Table<'_>) -> Option<Contact> {
    let role = table.need("role").and_then(|it| it.word());
    let number = table.need("number").and_then(|it| it.checked(phone_number));
    let hours = hours(table);
    let days = days_of_week(table);
    Some(Contact { role: role?, number: number?, hours: hours?, days: days? })
}

/// `from` and `to`: both, or neither for around the clock.
fn hours(table: &Table<'_>) -> Option<Option<ClockWindow>> {
    match (table.get("from"), table.get("to")) {
        (None, None) => Some(None),
        (Some(from), Some(to)) => {
            let (from, to) = (from.clock(), to.clock());
            Some(Some(ClockWindow { from: from?, to: to? }))
        }
        (Some(_), None) => {
            table.missing("to", Problem::MissingKey);
            None
        }
        (None, Some(_)) => {
            table.missing("from", Problem::MissingKey);
            None
        }
    }
}

fn days_of_week(table: &Table<'_>) -> Option<Days> {
    table.get("days").map_or(Some(Days::All), |it| it.word())
}

fn phone_number(text: &str) -> Option<String> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let dialled =
        digits.bytes().all(|b| b.is_ascii_digit() || b == b' ') && digits.bytes().any(|b| b.is_ascii_digit());
    (dialled && text.len() <= LONGEST_NUMBER).then(|| text.to_owned())
}

fn window_rule(table: &Table<'_>) -> Option<WindowRule> {
    let grant = optional_word(table, "grant");
    let help = table.need("help").and_then(|it| it.word());
    let window = table.need("window").and_then(|it| value(&it, delivery_window));
    Some(WindowRule { grant: grant?, help: help?, window: window? })
}

fn move_rule(table: &Table<'_>) -> Option<MoveRule> {
    let help = optional_word(table, "help");
    let by_provider = table.need("by_provider").and_then(|it| value(&it, |inner| inner.word()));
    Some(MoveRule { help: help?, by_provider: by_provider? })
}

/// A word that may be left out; the outer `None` is a mistake.
fn optional_word<W: Word>(table: &Table<'_>, key: &'static str) -> Option<Option<W>> {
    match table.get(key) {
        None => Some(None),
        Some(node) => node.word().map(Some),
    }
}

fn delivery_window(node: &Node<'_>) -> Option<DeliveryWindow> {
    node.table(|table| {
        let from = table.need("from").and_then(|it| it.clock());
        let to = table.need("to").and_then(|it| it.clock());
        let days = days_of_week(table);
        Some(DeliveryWindow { from: from?, to: to?, days: days? })
    })
}

/// The rule at a key, or unset when the key is not there.
fn rule<T>(table: &Table<'_>, key: &'static str, read: impl Fn(&Node<'_>) -> Option<T>) -> Rule<T> {
    table.get(key).and_then(|it| value(&it, read))
}

/// `{ contract = …, clause = "…", says = "…" }` or `{ own = … }`.
fn value<T>(node: &Node<'_>, read: impl Fn(&Node<'_>) -> Option<T>) -> Option<Value<T>> {
    node.table(|table| {
        let (agreed, own) = (table.get("contract"), table.get("own"));
        let (clause, says) = (table.get("clause"), table.get("says"));
        match (agreed, own) {
            (Some(agreed), None) => agreed_value(table, read(&agreed), clause, says),
            (None, Some(own)) => {
                if let Some(misplaced) = clause.or(says) {
                    misplaced.mistake(Problem::ClauseOfOwnRule);
                }
                Some(Value::Own { value: read(&own)? })
            }
            (None, None) => {
                table.mistake(Problem::NoValue);
                None
            }
            (Some(_), Some(own)) => {
                own.mistake(Problem::TwoValues);
                None
            }
        }
    })
}

fn agreed_value<T>(
    table: &Table<'_>,
    value: Option<T>,
    clause: Option<Node<'_>>,
    says: Option<Node<'_>>,
) -> Option<Value<T>> {
    if clause.is_none() {
        table.missing("clause", Problem::MissingClause);
    }
    if says.is_none() {
        table.missing("says", Problem::MissingKey);
    }
    let clause = clause.and_then(|it| it.checked(|text| Clause::new(text)));
    let says = says.and_then(|it| short_text(&it, LONGEST_READING));
    Some(Value::Contract { value: value?, clause: clause?, says: says? })
}

fn short_text(node: &Node<'_>, longest: usize) -> Option<String> {
    let fits = |text: &str| !text.trim().is_empty() && text.chars().count() <= longest;
    node.checked(|text| (fits(text) && !text.chars().any(char::is_control)).then(|| text.to_owned()))
}

fn seconds(node: &Node<'_>) -> Option<u32> {
    node.whole(1, MOST_SECONDS)
}

fn minutes(node: &Node<'_>) -> Option<u32> {
    node.whole(1, MOST_MINUTES)
}

fn days(node: &Node<'_>) -> Option<u32> {
    node.whole(1, MOST_DAYS)
}

/// Codes out of a list of known ones, each once.
fn words<W: Word>(node: &Node<'_>) -> Option<Vec<W>> {
    without_repeats(node, |element| element.word())
}

/// A list of at least one, nothing twice.
fn without_repeats<T: PartialEq>(node: &Node<'_>, read: impl Fn(&Node<'_>) -> Option<T>) -> Option<Vec<T>> {
    let all = node.list(read)?;
    if all.is_empty() {
        node.mistake(Problem::NoValue);
        return None;
    }
    if (1..all.len()).any(|at| all[..at].contains(&all[at])) {
        node.mistake(Problem::Repeated);
        return None;
    }
    Some(all)
}

/// Service levels, put in order of seconds; one for each number of seconds.
fn answer_targets(node: &Node<'_>) -> Option<Vec<AnswerTarget>> {
    let mut all = without_repeats(node, |element| element.table(answer_target))?;
    all.sort_by_key(|target| target.seconds);
    if all.windows(2).any(|pair| pair[0].seconds == pair[1].seconds) {
        node.mistake(Problem::Repeated);
        return None;
    }
    Some(all)
}

fn answer_target(table: &Table<'_>) -> Option<AnswerTarget> {
    let seconds = table.need("seconds").and_then(|it| seconds(&it));
    let permille = table.need("percent").and_then(|it| permille(&it));
    Some(AnswerTarget { seconds: seconds?, permille: permille? })
}

/// A percentage above 0 and up to 100, with at most one decimal, as thousandths.
fn permille(node: &Node<'_>) -> Option<u32> {
    let percent = node.decimal()?;
    let thousandths = (1..=1000).find(|permille| (f64::from(*permille) / 10.0 - percent).abs() < 1e-9);
    if thousandths.is_none() {
        node.mistake(Problem::OutOfRange { from: 0, to: 100 });
    }
    thousandths
}

fn yes_or_no(node: &Node<'_>) -> Option<bool> {
    node.yes_or_no()
}

fn clock(node: &Node<'_>) -> Option<chrono::NaiveTime> {
    node.clock()
}
