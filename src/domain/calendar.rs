//! Danish dates: the calendar in Europe/Copenhagen, public holidays, working days and clock windows.
//!
//! Owns every step from an instant (UTC) to a local date or clock time and back, and what a
//! holiday is. Must never know an agreement's deadlines nor ask what time it is: the instant
//! always arrives as an argument.

use chrono::{
    DateTime, Datelike, Duration, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Timelike, Utc, Weekday,
};
use chrono_tz::Europe::Copenhagen;
use serde::{Deserialize, Serialize};

use super::vocabulary::vocabulary;

/// The local date and clock time of an instant.
pub fn local(at: DateTime<Utc>) -> NaiveDateTime {
    at.with_timezone(&Copenhagen).naive_local()
}

/// The local date of an instant.
pub fn local_date(at: DateTime<Utc>) -> NaiveDate {
    local(at).date()
}

/// The local clock time of an instant.
pub fn local_time(at: DateTime<Utc>) -> NaiveTime {
    local(at).time()
}

/// Hours east of UTC at an instant: 1 in winter, 2 in summer. Shown beside a doubled hour.
pub fn utc_offset_hours(at: DateTime<Utc>) -> i64 {
    (local(at) - at.naive_utc()).num_hours()
}

/// The instant of a local clock time. A doubled time (autumn) is its first occurrence; a time
/// that does not exist (spring) is the last millisecond before the gap, so that a deadline
/// never moves to later than the clock says.
pub fn instant(clock: NaiveDateTime) -> DateTime<Utc> {
    if let Some(found) = Copenhagen.from_local_datetime(&clock).earliest() {
        return found.with_timezone(&Utc);
    }
    let into_minute =
        Duration::nanoseconds(i64::from(clock.nanosecond())) + Duration::seconds(clock.second().into());
    let mut minute = clock - into_minute;
    // Gaps begin on a whole minute and last an hour, so this ends within sixty steps.
    loop {
        minute -= Duration::minutes(1);
        if let Some(found) = Copenhagen.from_local_datetime(&minute).latest() {
            return found.with_timezone(&Utc) + Duration::milliseconds(59_999);
        }
    }
}

/// The same local clock time `days` calendar days later (earlier when negative). Seven days
/// over a clock change are not 168 hours. Gaps and doubled hours as in [`instant`]; a time
/// inside the doubled hour stays itself when `days` is 0.
pub fn plus_calendar_days(at: DateTime<Utc>, days: i64) -> DateTime<Utc> {
    if days == 0 { at } else { instant(local(at) + Duration::days(days)) }
}

/// The last millisecond of the local date that lies `days` dates after the instant's own.
pub fn end_of_day_after(at: DateTime<Utc>, days: i64) -> DateTime<Utc> {
    starts_of_local_date(local_date(at) + Duration::days(days + 1)) - Duration::milliseconds(1)
}

/// How many local dates lie between two instants, whichever came first.
pub fn days_apart(a: DateTime<Utc>, b: DateTime<Utc>) -> i64 {
    (local_date(a) - local_date(b)).num_days().abs()
}

/// 00:00 local of a date, as an instant. (Danish clock changes never touch midnight.)
pub fn starts_of_local_date(date: NaiveDate) -> DateTime<Utc> {
    instant(date.and_time(NaiveTime::MIN))
}

/// A calendar month in Copenhagen. Ordered by time; written `YYYY-MM`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month {
    year: i32,
    /// 1 to 12.
    month: u32,
}

impl Month {
    /// The local month of an instant.
    pub fn of(at: DateTime<Utc>) -> Self {
        Self::of_date(local_date(at))
    }

    pub fn of_date(date: NaiveDate) -> Self {
        Self { year: date.year(), month: date.month() }
    }

    /// Reads `YYYY-MM`; anything else is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-')?;
        if year.len() != 4
            || month.len() != 2
            || !(year.bytes().chain(month.bytes())).all(|b| b.is_ascii_digit())
        {
            return None;
        }
        let found = Self { year: year.parse().ok()?, month: month.parse().ok()? };
        (1..=12).contains(&found.month).then_some(found)
    }

    pub fn first_day(self) -> NaiveDate {
        NaiveDate::from_ymd_opt(self.year, self.month, 1).expect("a checked month has a first day")
    }

    pub fn next(self) -> Self {
        if self.month == 12 {
            Self { year: self.year + 1, month: 1 }
        } else {
            Self { year: self.year, month: self.month + 1 }
        }
    }

    pub fn previous(self) -> Self {
        Self::of_date(self.first_day() - Duration::days(1))
    }

    /// Number of days, 28 to 31.
    pub fn days(self) -> i64 {
        (self.next().first_day() - self.first_day()).num_days()
    }

    /// First instant of the month.
    pub fn starts_at(self) -> DateTime<Utc> {
        starts_of_local_date(self.first_day())
    }

    /// First instant after the month.
    pub fn ends_before(self) -> DateTime<Utc> {
        self.next().starts_at()
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl From<Month> for String {
    fn from(month: Month) -> String {
        month.to_string()
    }
}

impl TryFrom<String> for Month {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| "a month is written YYYY-MM".to_owned())
    }
}

/// ISO week of a date: the year the week belongs to and its number, 1 to 53.
pub fn iso_week(date: NaiveDate) -> (i32, u32) {
    let week = date.iso_week();
    (week.year(), week.week())
}

vocabulary! {
    /// A Danish public holiday (helligdag).
    Holiday {
        NewYearsDay,
        MaundyThursday,
        GoodFriday,
        EasterSunday,
        EasterMonday,
        /// Store bededag; abolished by law from 2024.
        GreatPrayerDay,
        AscensionDay,
        WhitSunday,
        WhitMonday,
        ChristmasDay,
        SecondChristmasDay,
    }
}

/// The last year in which the Great Prayer Day was a holiday.
const LAST_GREAT_PRAYER_YEAR: i32 = 2023;

/// Easter Sunday, or `None` outside the years of the Gregorian reckoning.
fn easter(year: i32) -> Option<NaiveDate> {
    let found = computus::gregorian(year).ok()?;
    NaiveDate::from_ymd_opt(found.year, found.month, found.day)
}

/// The public holiday on a date, if any.
pub fn holiday(date: NaiveDate) -> Option<Holiday> {
    match (date.month(), date.day()) {
        (1, 1) => return Some(Holiday::NewYearsDay),
        (12, 25) => return Some(Holiday::ChristmasDay),
        (12, 26) => return Some(Holiday::SecondChristmasDay),
        _ => {}
    }
    match (date - easter(date.year())?).num_days() {
        -3 => Some(Holiday::MaundyThursday),
        -2 => Some(Holiday::GoodFriday),
        0 => Some(Holiday::EasterSunday),
        1 => Some(Holiday::EasterMonday),
        26 if date.year() <= LAST_GREAT_PRAYER_YEAR => Some(Holiday::GreatPrayerDay),
        39 => Some(Holiday::AscensionDay),
        49 => Some(Holiday::WhitSunday),
        50 => Some(Holiday::WhitMonday),
        _ => None,
    }
}

/// The public holidays of a year, in order of date.
pub fn holidays(year: i32) -> Vec<(NaiveDate, Holiday)> {
    let Some(first) = NaiveDate::from_ymd_opt(year, 1, 1) else { return Vec::new() };
    first
        .iter_days()
        .take_while(|day| day.year() == year)
        .filter_map(|day| Some((day, holiday(day)?)))
        .collect()
}

/// Days that are no public holidays but that an agreement may count as days off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtraDaysOff {
    pub december_24: bool,
    pub december_31: bool,
    pub june_5: bool,
}

impl ExtraDaysOff {
    fn holds(self, date: NaiveDate) -> bool {
        match (date.month(), date.day()) {
            (12, 24) => self.december_24,
            (12, 31) => self.december_31,
            (6, 5) => self.june_5,
            _ => false,
        }
    }
}

/// Monday to Friday, less public holidays and the agreement's own days off.
pub fn is_working_day(date: NaiveDate, extra: &ExtraDaysOff) -> bool {
    !matches!(date.weekday(), Weekday::Sat | Weekday::Sun) && holiday(date).is_none() && !extra.holds(date)
}

/// The last working day before a date (never the date itself).
pub fn working_day_before(date: NaiveDate, extra: &ExtraDaysOff) -> NaiveDate {
    let mut day = date - Duration::days(1);
    // The longest run of days off (Easter, Christmas) is far below a fortnight.
    while !is_working_day(day, extra) {
        day -= Duration::days(1);
    }
    day
}

/// The first working day after a date (never the date itself).
pub fn working_day_after(date: NaiveDate, extra: &ExtraDaysOff) -> NaiveDate {
    let mut day = date + Duration::days(1);
    while !is_working_day(day, extra) {
        day += Duration::days(1);
    }
    day
}

vocabulary! {
    /// Which dates a rule or a contact is for.
    #[derive(Default)]
    Days {
        #[default]
        All,
        /// Working days ([`is_working_day`]).
        Working,
        /// Every day that is not a working day: Saturdays, Sundays, holidays.
        Weekend,
    }
}

impl Days {
    pub fn holds(self, date: NaiveDate, extra: &ExtraDaysOff) -> bool {
        match self {
            Self::All => true,
            Self::Working => is_working_day(date, extra),
            Self::Weekend => !is_working_day(date, extra),
        }
    }
}

/// A daily window on the local clock, from (included) to (excluded). `to` before `from` passes
/// midnight; equal ones are a whole day that begins at `from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockWindow {
    pub from: NaiveTime,
    pub to: NaiveTime,
}

impl ClockWindow {
    /// All day, midnight to midnight.
    pub const WHOLE_DAY: Self = Self { from: NaiveTime::MIN, to: NaiveTime::MIN };

    /// The date on which the window that covers this local time began, or `None` outside it.
    /// At 03:00 on a Saturday a window 22:00 to 06:00 began on Friday.
    pub fn began_on(&self, clock: NaiveDateTime) -> Option<NaiveDate> {
        let (date, time) = (clock.date(), clock.time());
        if self.from < self.to {
            return (self.from <= time && time < self.to).then_some(date);
        }
        if time >= self.from { Some(date) } else { (time < self.to).then(|| date - Duration::days(1)) }
    }

    /// True when an instant lies in the window on the local clock and the window began on one of
    /// `days`. Both passes of a doubled hour count; a removed hour simply does not happen.
    pub fn covers(&self, at: DateTime<Utc>, days: Days, extra: &ExtraDaysOff) -> bool {
        self.began_on(local(at)).is_some_and(|date| days.holds(date, extra))
    }
}

/// Reads a clock time written `HH:MM`, 00:00 to 23:59; anything else is `None`.
pub fn parse_clock(text: &str) -> Option<NaiveTime> {
    let (hour, minute) = text.split_once(':')?;
    if hour.len() != 2
        || minute.len() != 2
        || !(hour.bytes().chain(minute.bytes())).all(|b| b.is_ascii_digit())
    {
        return None;
    }
    NaiveTime::from_hms_opt(hour.parse().ok()?, minute.parse().ok()?, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_time_is_two_digits_a_colon_and_two_digits() {
        assert_eq!(parse_clock("07:30"), NaiveTime::from_hms_opt(7, 30, 0));
        for wrong in ["7:30", "0730", "24:00", "07:60", "07.30", "+7:30", "", "07:30:00"] {
            assert_eq!(parse_clock(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_month_is_read_as_it_is_written() {
        let december = Month::parse("2026-12").unwrap();
        assert_eq!(december.next().to_string(), "2027-01");
        assert_eq!(december.next().previous(), december);
        assert_eq!(Month::parse("2026-13"), None);
        assert_eq!(Month::parse("2026-1"), None);
    }
}
