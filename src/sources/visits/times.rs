//! Dates and times as a Danish spreadsheet writes them -> instants.
//!
//! Owns every way of writing that is read. Must never guess a zone other than Copenhagen's: missing and doubled hours
//! are `domain::calendar`'s.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};

use crate::domain::calendar;

/// A year written with two digits is of this century.
const CENTURY: i32 = 2000;

/// A moment with its date, or a clock time that needs one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    At(DateTime<Utc>),
    Clock(NaiveTime),
}

/// Reads `2026-11-22T07:30:00+01:00`, `22.11.2026 07:30`, `22-11-26 kl. 7.30`, `07:30`. Without a zone: Copenhagen.
/// None: not a time.
pub fn when(text: &str) -> Option<When> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return is_likely(at.naive_local().date()).then_some(When::At(at.with_timezone(&Utc)));
    }
    let text = text.replace("kl.", " ").replace("kl", " ").replace(['T', ','], " ");
    let parts: Vec<&str> = text.split_whitespace().collect();
    match parts.as_slice() {
        [clock] => self::clock(clock).map(When::Clock),
        [date, clock] => at(self::date(date)?, clock),
        [date, clock, zone] => at(self::date(date)?, &format!("{clock}{zone}")),
        _ => None,
    }
}

/// What is odd about a time without a zone: the clocks go forward over it, or back over it. See [`odd_local`].
pub fn oddity(text: &str) -> Option<&'static str> {
    let text = text.replace("kl.", " ").replace("kl", " ").replace(['T', ','], " ");
    let mut parts = text.split_whitespace();
    let (date, clock) = (self::date(parts.next()?)?, self::clock(parts.next()?)?);
    if parts.next().is_some() { None } else { odd_local(date.and_time(clock)) }
}

/// A local time that does not exist, or does twice.
pub fn odd_local(local: NaiveDateTime) -> Option<&'static str> {
    let at = calendar::instant(local);
    if calendar::local(at) != local {
        return Some("time-missing");
    }
    let again = calendar::local(at + TimeDelta::hours(1));
    (again == local).then_some("time-doubled")
}

/// A date with a clock time, which may carry a zone.
fn at(date: NaiveDate, clock: &str) -> Option<When> {
    let sign = clock.find(['Z', 'z', '+', '-']);
    if let Some(at) = sign {
        let (clock, zone) = clock.split_at(at);
        let local = date.and_time(self::clock(clock)?);
        return Some(When::At((local - offset(zone)?).and_utc()));
    }
    if clock == "24:00" || clock == "24.00" {
        return Some(When::At(calendar::starts_of_local_date(date.checked_add_days(Days::new(1))?)));
    }
    Some(When::At(calendar::instant(date.and_time(self::clock(clock)?))))
}

/// `Z`, `+01:00`, `+0100` or `+01`.
fn offset(zone: &str) -> Option<TimeDelta> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(TimeDelta::zero());
    }
    let (sign, rest) = zone.split_at_checked(1)?;
    let digits: String = rest.chars().filter(|c| *c != ':').collect();
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = match digits.len() {
        1 | 2 => (digits.parse().ok()?, 0),
        4 => (digits[..2].parse::<i64>().ok()?, digits[2..].parse::<i64>().ok()?),
        _ => return None,
    };
    let size = TimeDelta::minutes(hours * 60 + minutes);
    (hours <= 14 && minutes < 60).then_some(if sign == "-" { -size } else { size })
}

/// `2026-11-22`, `22.11.2026`, `22/11-26`, `20261122`: the day first unless the year is.
pub fn date(text: &str) -> Option<NaiveDate> {
    let text = text.trim();
    let found = if text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) {
        NaiveDate::parse_from_str(text, "%Y%m%d").ok()?
    } else {
        let numbers = numbers(text, &['.', '-', '/'])?;
        let &[(a, a_digits), (b, _), (c, c_digits)] = numbers.as_slice() else { return None };
        let (year, day) = match (a_digits, c_digits) {
            (4, 1 | 2) => (i32::try_from(a).ok()?, c),
            (1 | 2, 4) => (i32::try_from(c).ok()?, a),
            (1 | 2, 2) => (CENTURY + i32::try_from(c).ok()?, a),
            _ => return None,
        };
        NaiveDate::from_ymd_opt(year, b, day)?
    };
    is_likely(found).then_some(found)
}

/// `07:30`, `7.30`, `07:30:15`, `07:30:15.000`.
pub fn clock(text: &str) -> Option<NaiveTime> {
    let numbers = numbers(text.trim(), &[':', '.'])?;
    match *numbers.as_slice() {
        [(hour, 1 | 2), (minute, 2)] => NaiveTime::from_hms_opt(hour, minute, 0),
        [(hour, 1 | 2), (minute, 2), (second, 2)] | [(hour, 1 | 2), (minute, 2), (second, 2), _] => {
            NaiveTime::from_hms_opt(hour, minute, second)
        }
        _ => None,
    }
}

/// Numbers between signs, each with how many digits it has.
fn numbers(text: &str, signs: &[char]) -> Option<Vec<(u32, usize)>> {
    let part = |part: &str| {
        let is_number = !part.is_empty() && part.len() <= 9 && part.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| part.parse().ok().map(|number| (number, part.len()))).flatten()
    };
    // `22.11.2026.`: a full stop behind the year is Danish as well.
    text.trim_end_matches('.').split(signs).take(8).map(part).collect()
}

/// A year that a route list may have: anything else is a slip of the keyboard or another column.
fn is_likely(date: NaiveDate) -> bool {
    use chrono::Datelike;
    (CENTURY..CENTURY + 100).contains(&date.year())
}

/// A clock time as the moment nearest to another: a visit agreed for 23:50 that starts at 00:10 starts the day after.
pub fn nearest(clock: NaiveTime, to: DateTime<Utc>) -> DateTime<Utc> {
    let day = calendar::local_date(to);
    let days = [day.pred_opt(), Some(day), day.succ_opt()];
    let moments = days.into_iter().flatten().map(|day| calendar::instant(day.and_time(clock)));
    moments.min_by_key(|at| (*at - to).abs()).unwrap_or(to)
}
