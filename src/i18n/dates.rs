//! Dates, times, ages and counts as a Danish duty coordinator reads them.
//!
//! The only place that turns an instant (UTC) into words: Copenhagen time, 24-hour clock,
//! day before month. Clock times have a colon (`03:12`), lengths of time a full stop
//! (`om 1.40` is one minute and forty seconds), so that the two are never mistaken.
//! In the hour of October that comes twice, the offset is shown as well (`02:30+01`).
//! Never reads a clock: `now` is an argument.

use chrono::{DateTime, Datelike, Duration, NaiveDate, Offset, TimeZone, Timelike, Utc};
use chrono_tz::Europe::Copenhagen;
use chrono_tz::Tz;

use super::{Key, Said, Texts, key};

/// Lengths shorter than this are shown with seconds.
const SECONDS_SHOWN_BELOW_MIN: i64 = 10;

const WEEKDAYS: [Key; 7] = [
    key::DATE_MONDAY,
    key::DATE_TUESDAY,
    key::DATE_WEDNESDAY,
    key::DATE_THURSDAY,
    key::DATE_FRIDAY,
    key::DATE_SATURDAY,
    key::DATE_SUNDAY,
];
const WEEKDAYS_SHORT: [Key; 7] =
    [key::DATE_MON, key::DATE_TUE, key::DATE_WED, key::DATE_THU, key::DATE_FRI, key::DATE_SAT, key::DATE_SUN];
const MONTHS: [Key; 12] = [
    key::DATE_JANUARY,
    key::DATE_FEBRUARY,
    key::DATE_MARCH,
    key::DATE_APRIL,
    key::DATE_MAY,
    key::DATE_JUNE,
    key::DATE_JULY,
    key::DATE_AUGUST,
    key::DATE_SEPTEMBER,
    key::DATE_OCTOBER,
    key::DATE_NOVEMBER,
    key::DATE_DECEMBER,
];

fn local(at: DateTime<Utc>) -> DateTime<Tz> {
    at.with_timezone(&Copenhagen)
}

/// The Copenhagen date of an instant.
pub fn local_date(at: DateTime<Utc>) -> NaiveDate {
    local(at).date_naive()
}

/// `+02` when the wall clock shows this time twice, else nothing.
fn offset_if_doubled(at: DateTime<Tz>) -> String {
    match Copenhagen.from_local_datetime(&at.naive_local()) {
        chrono::LocalResult::Ambiguous(..) => format!("{:+03}", at.offset().fix().local_minus_utc() / 3600),
        _ => String::new(),
    }
}

/// `03:12`
pub fn clock(at: DateTime<Utc>) -> Said {
    let at = local(at);
    Said::ours(&format!("{}{}", at.format("%H:%M"), offset_if_doubled(at)))
}

/// `03:12:05`
pub fn clock_seconds(at: DateTime<Utc>) -> Said {
    let at = local(at);
    Said::ours(&format!("{}{}", at.format("%H:%M:%S"), offset_if_doubled(at)))
}

/// `17.12.2026 03:12`
pub fn full(at: DateTime<Utc>) -> Said {
    let at = local(at);
    Said::ours(&format!("{}{}", at.format("%d.%m.%Y %H:%M"), offset_if_doubled(at)))
}

/// `03:12` on the same day, `17.12 03:12` in the same year, else with the year.
pub fn near(at: DateTime<Utc>, now: DateTime<Utc>) -> Said {
    let (day, today) = (local_date(at), local_date(now));
    if day == today {
        return clock(at);
    }
    if day.year() == today.year() {
        let at = local(at);
        return Said::ours(&format!("{}{}", at.format("%d.%m %H:%M"), offset_if_doubled(at)));
    }
    full(at)
}

/// `to. 17.12`
pub fn day(texts: &Texts, date: NaiveDate) -> Said {
    let weekday = texts.get(WEEKDAYS_SHORT[date.weekday().num_days_from_monday() as usize]);
    Said::ours(&format!("{weekday} {}", date.format("%d.%m")))
}

/// `03:12` on the same day, `to. 03:12` within six days, `to. 17.12` beyond: for a column of few cells.
pub fn clock_or_day(texts: &Texts, at: DateTime<Utc>, now: DateTime<Utc>) -> Said {
    let date = local_date(at);
    if date == local_date(now) {
        return clock(at);
    }
    // The same weekday in another week is not this one.
    if (date - local_date(now)).num_days().abs() > 6 {
        return day(texts, date);
    }
    let weekday = texts.get(WEEKDAYS_SHORT[date.weekday().num_days_from_monday() as usize]);
    Said::ours(&format!("{weekday} {}", clock(at)))
}

/// `17.12.2026`
pub fn date(date: NaiveDate) -> Said {
    Said::ours(&date.format("%d.%m.%Y").to_string())
}

/// `torsdag 17. december 03:12:05` as in the header.
pub fn heading(texts: &Texts, at: DateTime<Utc>) -> Said {
    let here = local(at);
    texts.with(
        key::DATE_HEADING,
        &[
            ("weekday", texts.get(WEEKDAYS[here.weekday().num_days_from_monday() as usize]).into()),
            ("day", here.day().into()),
            ("month", texts.get(MONTHS[here.month0() as usize]).into()),
            ("clock", clock_seconds(at).into()),
        ],
    )
}

/// `december 2026`
pub fn month(texts: &Texts, first: NaiveDate) -> Said {
    texts.with(
        key::DATE_MONTH,
        &[
            ("month", texts.get(MONTHS[first.month0() as usize]).into()),
            ("year", Said::number(first.year()).into()),
        ],
    )
}

/// A length of time to the minute: `0 min`, `3 min`, `1 t 12 min`, `2 d 3 t`. Negative counts as none.
pub fn length(texts: &Texts, length: Duration) -> Said {
    let minutes = length.num_minutes().max(0);
    if minutes < 60 {
        return texts.with(key::DATE_MINUTES, &[("minutes", minutes.into())]);
    }
    let hours = minutes / 60;
    if hours < 48 {
        return texts
            .with(key::DATE_HOURS_MINUTES, &[("hours", hours.into()), ("minutes", (minutes % 60).into())]);
    }
    texts.with(key::DATE_DAYS_HOURS, &[("days", (hours / 24).into()), ("hours", (hours % 24).into())])
}

/// A length of time with seconds while it is short: `1.40`, then as `length`.
pub fn length_seconds(texts: &Texts, length_of: Duration) -> Said {
    let seconds = length_of.num_seconds().max(0);
    if seconds / 60 < SECONDS_SHOWN_BELOW_MIN {
        return Said::ours(&format!("{}.{:02}", seconds / 60, seconds % 60));
    }
    length(texts, length_of)
}

/// As `length_seconds`, in the few cells of a column: `1.40`, `34 min`, `9 t 59`, `23 t`, `6 d`.
pub fn length_short(texts: &Texts, length_of: Duration) -> Said {
    let hours = length_of.num_hours().max(0);
    match hours {
        0 => length_seconds(texts, length_of),
        1..10 => {
            let minutes = Said::ours(&format!("{:02}", length_of.num_minutes() % 60));
            texts.with(key::DATE_SHORT_HOURS, &[("hours", hours.into()), ("minutes", minutes.into())])
        }
        10..48 => texts.with(key::DATE_ONLY_HOURS, &[("hours", hours.into())]),
        _ => texts.with(key::DATE_ONLY_DAYS, &[("days", (hours / 24).into())]),
    }
}

/// As `countdown`, in the few cells of a column.
pub fn countdown_short(texts: &Texts, at: DateTime<Utc>, now: DateTime<Utc>) -> Said {
    if at > now {
        let left = at - now + Duration::milliseconds(999);
        texts.with(key::DATE_LEFT, &[("length", length_short(texts, left).into())])
    } else {
        texts.with(key::DATE_OVER, &[("length", length_short(texts, now - at).into())])
    }
}

/// As `age`, in the few cells of a column.
pub fn age_short(texts: &Texts, since: DateTime<Utc>, now: DateTime<Utc>) -> Said {
    let passed = now - since;
    if passed.num_hours() < 1 { length(texts, passed) } else { length_short(texts, passed) }
}

/// How long ago: `3 min`, `1 t 12 min`.
pub fn age(texts: &Texts, since: DateTime<Utc>, now: DateTime<Utc>) -> Said {
    length(texts, now - since)
}

/// How long something has waited, with seconds while it is short.
pub fn waited(texts: &Texts, since: DateTime<Utc>, now: DateTime<Utc>) -> Said {
    length_seconds(texts, now - since)
}

/// Time left or overrun: `om 1.40`, `om 6 d 3 t`, `2.10 over`.
pub fn countdown(texts: &Texts, at: DateTime<Utc>, now: DateTime<Utc>) -> Said {
    if at > now {
        // Rounded up: "om 0.01" until it is due, never "om 0.00" while time is left.
        let left = at - now + Duration::milliseconds(999);
        texts.with(key::DATE_LEFT, &[("length", length_seconds(texts, left).into())])
    } else {
        texts.with(key::DATE_OVER, &[("length", length_seconds(texts, now - at).into())])
    }
}

/// A share of a thousand as per cent with the comma of the language: `97,5 %`.
pub fn per_mille(texts: &Texts, share: u32) -> Said {
    let (whole, tenth) = (share / 10, share % 10);
    if tenth == 0 {
        return texts.with(key::DATE_PERCENT, &[("whole", whole.into())]);
    }
    texts.with(key::DATE_PERCENT_TENTH, &[("whole", whole.into()), ("tenth", tenth.into())])
}

/// A typed time as an instant: `03:12` or `3.12` is the next such clock time after `now`; `17.12 03:12` is on
/// that day, this year or (if long past) the next. In the hour that comes twice `02:30+01` says which; without it the
/// next one is meant. None when it is no time, or one that the spring change removes.
pub fn parse_next(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let (day, clock) = match text.trim().rsplit_once(' ') {
        Some((day, clock)) => (Some(day), clock),
        None => (None, text.trim()),
    };
    let (clock, offset) = match clock.split_once('+') {
        Some((clock, offset)) => (clock, Some(offset.parse::<i32>().ok()?)),
        None => (clock, None),
    };
    let (hour, minute) = clock.split_once([':', '.'])?;
    let clock = chrono::NaiveTime::from_hms_opt(hour.parse().ok()?, minute.parse().ok()?, 0)?;
    let today = local_date(now);
    match day {
        None => {
            let of_today = instants(today.and_time(clock), offset);
            if of_today.is_empty() && local(now).time() < clock {
                // Removed today: tomorrow's is not what was meant.
                return None;
            }
            let of_tomorrow = instants(today.succ_opt()?.and_time(clock), offset);
            of_today.into_iter().chain(of_tomorrow).find(|at| *at > now)
        }
        Some(day) => {
            let (day, month) = day.trim().trim_end_matches('.').split_once(['.', '/'])?;
            let (day, month) = (day.parse().ok()?, month.parse().ok()?);
            let date = NaiveDate::from_ymd_opt(today.year(), month, day)?;
            let is_long_past = today - date > Duration::days(180);
            let date = if is_long_past { date.with_year(today.year() + 1)? } else { date };
            let all = instants(date.and_time(clock), offset);
            all.iter().find(|at| **at > now).or(all.first()).copied()
        }
    }
}

/// When the clock of Copenhagen shows this: twice in the hour that is doubled, never in the one that is skipped.
/// `offset` (hours ahead of UTC) keeps the one that has it.
fn instants(clock: chrono::NaiveDateTime, offset: Option<i32>) -> Vec<DateTime<Utc>> {
    let found = Copenhagen.from_local_datetime(&clock);
    let all = match found {
        chrono::LocalResult::Ambiguous(first, second) => vec![first, second],
        found => found.earliest().into_iter().collect(),
    };
    let has_offset = |at: &DateTime<Tz>| {
        offset.is_none_or(|hours| at.offset().fix().local_minus_utc() == hours.saturating_mul(3600))
    };
    all.into_iter().filter(has_offset).map(|at| at.to_utc()).collect()
}

/// The instant the next whole second begins; what the desk's clock waits for.
pub fn next_second(now: DateTime<Utc>) -> DateTime<Utc> {
    now + Duration::nanoseconds(1_000_000_000 - i64::from(now.nanosecond() % 1_000_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Lang;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn the_same_weekday_in_another_week_is_said_with_its_date() {
        let texts = Texts::new(Lang::Danish);
        let now = at("2026-11-22T11:00:00Z");
        let said = |then: &str| clock_or_day(&texts, at(then), now).as_str().to_owned();
        assert_eq!(said("2026-11-22T14:00:00Z"), "15:00");
        assert_eq!(said("2026-11-23T06:30:00Z"), "ma. 07:30");
        assert_eq!(said("2026-11-16T06:30:00Z"), "ma. 07:30");
        assert_eq!(said("2026-11-15T06:30:00Z"), "sø. 15.11");
        assert_eq!(said("2026-11-29T06:30:00Z"), "sø. 29.11");
    }

    #[test]
    fn clock_times_are_copenhagen_times() {
        assert_eq!(clock(at("2026-12-17T02:12:05Z")).as_str(), "03:12");
        assert_eq!(clock(at("2026-06-17T02:12:05Z")).as_str(), "04:12");
        assert_eq!(full(at("2026-12-31T23:30:00Z")).as_str(), "01.01.2027 00:30");
    }

    #[test]
    fn the_doubled_hour_shows_its_offset() {
        assert_eq!(clock(at("2026-10-25T00:30:00Z")).as_str(), "02:30+02");
        assert_eq!(clock(at("2026-10-25T01:30:00Z")).as_str(), "02:30+01");
        assert_eq!(clock(at("2026-10-25T02:30:00Z")).as_str(), "03:30");
    }

    #[test]
    fn words_are_of_the_language() {
        let danish = Texts::new(Lang::Danish);
        let english = Texts::new(Lang::English);
        let when = at("2026-12-17T02:12:05Z");
        assert_eq!(heading(&danish, when).as_str(), "torsdag 17. december 03:12:05");
        assert_eq!(heading(&english, when).as_str(), "Thursday 17 December 03:12:05");
        assert_eq!(day(&danish, local_date(when)).as_str(), "to. 17.12");
        assert_eq!(per_mille(&danish, 975).as_str(), "97,5 %");
        assert_eq!(per_mille(&english, 990).as_str(), "99%");
        assert_eq!(month(&danish, local_date(when)).as_str(), "december 2026");
    }

    #[test]
    fn lengths_and_countdowns() {
        let texts = Texts::new(Lang::Danish);
        let now = at("2026-12-17T02:00:00Z");
        for (seconds, said) in [
            (100, "om 1.40"),
            (1, "om 0.01"),
            (0, "0.00 over"),
            (-130, "2.10 over"),
            (34 * 60, "om 34 min"),
            (72 * 60, "om 1 t 12 min"),
            (6 * 86_400 + 3 * 3_600, "om 6 d 3 t"),
            (-3_600, "1 t 0 min over"),
        ] {
            assert_eq!(countdown(&texts, now + Duration::seconds(seconds), now).as_str(), said);
        }
        assert_eq!(age(&texts, now - Duration::seconds(190), now).as_str(), "3 min");
        assert_eq!(waited(&texts, now - Duration::seconds(45), now).as_str(), "0.45");
        assert_eq!(near(at("2026-12-16T02:00:00Z"), now).as_str(), "16.12 03:00");
    }

    #[test]
    fn typed_times_are_the_next_ones() {
        let now = at("2026-12-17T02:12:05Z");
        assert_eq!(parse_next("04:00", now), Some(at("2026-12-17T03:00:00Z")));
        assert_eq!(parse_next(" 3.12", now), Some(at("2026-12-18T02:12:00Z")));
        assert_eq!(parse_next("24.12 08:30", now), Some(at("2026-12-24T07:30:00Z")));
        assert_eq!(parse_next("2/1 08:30", now), Some(at("2027-01-02T07:30:00Z")));
        for nonsense in ["", "25:00", "snart", "31.2 08:00", "8"] {
            assert_eq!(parse_next(nonsense, now), None, "{nonsense}");
        }
    }

    #[test]
    fn a_typed_time_in_the_doubled_hour_is_the_next_one_or_the_one_that_is_said() {
        // 02:40, the second time.
        let second = at("2026-10-25T01:40:00Z");
        assert_eq!(parse_next("02:50", second), Some(at("2026-10-25T01:50:00Z")));
        let before = at("2026-10-24T22:00:00Z");
        assert_eq!(parse_next("02:50", before), Some(at("2026-10-25T00:50:00Z")));
        assert_eq!(parse_next("02:50+01", before), Some(at("2026-10-25T01:50:00Z")));
        assert_eq!(parse_next("25.10 02:50+02", before), Some(at("2026-10-25T00:50:00Z")));
        assert_eq!(parse_next("25.10 02:50", second), Some(at("2026-10-25T01:50:00Z")));
        assert_eq!(parse_next("02:50+03", before), None);
    }

    #[test]
    fn a_typed_time_that_the_spring_change_removes_is_none() {
        let before = at("2027-03-28T00:50:00Z");
        assert_eq!(parse_next("02:30", before), None);
        assert_eq!(parse_next("28.03 02:30", before), None);
        assert_eq!(parse_next("03:30", before), Some(at("2027-03-28T01:30:00Z")));
        // The next day it is there again.
        let after = at("2027-03-28T02:00:00Z");
        assert_eq!(parse_next("02:30", after), Some(at("2027-03-29T00:30:00Z")));
    }

    #[test]
    fn a_column_says_which_of_the_two_hours_on_another_day_as_well() {
        let texts = Texts::new(Lang::Danish);
        let said = clock_or_day(&texts, at("2026-10-25T01:30:00Z"), at("2026-10-24T10:00:00Z"));
        assert_eq!(said.as_str(), "sø. 02:30+01");
    }

    #[test]
    fn the_next_second_is_ahead() {
        let now = at("2026-12-17T02:00:00.250Z");
        assert_eq!(next_second(now), at("2026-12-17T02:00:01Z"));
        assert_eq!(next_second(at("2026-12-17T02:00:01Z")), at("2026-12-17T02:00:02Z"));
    }
}
