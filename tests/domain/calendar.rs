//! Danish dates against figures worked out another way, over every year from 2024 to 2037.

use chrono::{DateTime, Datelike, Duration, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc, Weekday};
use proptest::prelude::*;
use rstest::rstest;
use vagttavle::domain::calendar::{
    self, ClockWindow, Days, ExtraDaysOff, Holiday, Month, days_apart, end_of_day_after, holiday, holidays,
    instant, is_working_day, iso_week, local, local_date, plus_calendar_days, starts_of_local_date,
    working_day_before,
};

const YEARS: std::ops::RangeInclusive<i32> = 2024..=2037;
const NO_EXTRA: ExtraDaysOff = ExtraDaysOff { december_24: false, december_31: false, june_5: false };

/// Easter Sundays as printed in the almanac (month, day), 2024 first.
const ALMANAC: [(u32, u32); 14] = [
    (3, 31),
    (4, 20),
    (4, 5),
    (3, 28),
    (4, 16),
    (4, 1),
    (4, 21),
    (4, 13),
    (3, 28),
    (4, 17),
    (4, 9),
    (3, 25),
    (4, 13),
    (4, 5),
];

/// The anonymous Gregorian algorithm: not what the program uses.
fn anonymous_gregorian(year: i32) -> (u32, u32) {
    let (a, b, c) = (year % 19, year / 100, year % 100);
    let (d, e, f) = (b / 4, b % 4, (b + 8) / 25);
    let g = (b - f + 1) / 3;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let n = h + l - 7 * m + 114;
    ((n / 31) as u32, (n % 31 + 1) as u32)
}

fn date(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

fn clock(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").unwrap()
}

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The last Sunday of a month: clocks change at 01:00 UTC on it, in March and October.
fn last_sunday(year: i32, month: u32) -> NaiveDate {
    (25..=31).map(|day| date(year, month, day)).find(|day| day.weekday() == Weekday::Sun).unwrap()
}

#[test]
fn every_holiday_of_every_year_is_where_the_almanac_has_it() {
    for (year, printed) in YEARS.zip(ALMANAC) {
        assert_eq!(anonymous_gregorian(year), printed, "the test's own two ways disagree in {year}");
        let easter = date(year, printed.0, printed.1);
        let after = |days| easter + Duration::days(days);
        let mut expected = vec![
            (date(year, 1, 1), Holiday::NewYearsDay),
            (after(-3), Holiday::MaundyThursday),
            (after(-2), Holiday::GoodFriday),
            (easter, Holiday::EasterSunday),
            (after(1), Holiday::EasterMonday),
            (after(39), Holiday::AscensionDay),
            (after(49), Holiday::WhitSunday),
            (after(50), Holiday::WhitMonday),
            (date(year, 12, 25), Holiday::ChristmasDay),
            (date(year, 12, 26), Holiday::SecondChristmasDay),
        ];
        expected.sort();
        assert_eq!(holidays(year), expected, "{year}");
        for (day, weekday) in [
            (after(-3), Weekday::Thu),
            (after(-2), Weekday::Fri),
            (after(39), Weekday::Thu),
            (after(50), Weekday::Mon),
        ] {
            assert_eq!(day.weekday(), weekday, "{day}");
        }
    }
}

#[test]
fn no_other_day_of_the_year_is_off_by_itself() {
    for year in YEARS {
        for (month, day) in [(5, 1), (6, 5), (12, 24), (12, 31)] {
            let day = date(year, month, day);
            // 5 June can be Whit Sunday (2033) or Whit Monday (2028): then it is a holiday as that.
            let whit = matches!(
                holiday(day),
                Some(Holiday::WhitSunday | Holiday::WhitMonday | Holiday::AscensionDay)
            );
            assert!(holiday(day).is_none() || whit, "{day}");
        }
        assert_eq!(holidays(year).len(), 10, "{year}");
    }
}

#[rstest]
#[case(2021, 4, 30)]
#[case(2022, 5, 13)]
#[case(2023, 5, 5)]
fn great_prayer_day_was_a_holiday_until_2023(#[case] year: i32, #[case] month: u32, #[case] day: u32) {
    assert_eq!(holiday(date(year, month, day)), Some(Holiday::GreatPrayerDay));
    assert_eq!(holidays(year).len(), 11);
    // The fourth Friday after Easter 2024 is a working day.
    assert!(is_working_day(date(2024, 4, 26), &NO_EXTRA));
}

#[test]
fn a_working_day_is_monday_to_friday_less_holidays_and_what_the_agreement_adds() {
    let all = ExtraDaysOff { december_24: true, december_31: true, june_5: true };
    for (day, plain, with_extra) in [
        (date(2026, 11, 20), true, true),
        (date(2026, 11, 21), false, false),
        (date(2026, 11, 22), false, false),
        (date(2026, 4, 2), false, false),
        (date(2026, 4, 6), false, false),
        (date(2026, 6, 5), true, false),
        (date(2026, 12, 24), true, false),
        (date(2026, 12, 31), true, false),
        (date(2026, 12, 30), true, true),
    ] {
        assert_eq!(is_working_day(day, &NO_EXTRA), plain, "{day}");
        assert_eq!(is_working_day(day, &all), with_extra, "{day} with extra days off");
    }
    let only_christmas_eve = ExtraDaysOff { december_24: true, ..NO_EXTRA };
    assert!(!is_working_day(date(2026, 12, 24), &only_christmas_eve));
    assert!(is_working_day(date(2026, 12, 31), &only_christmas_eve));
}

#[rstest]
#[case::monday("2026-11-23", "2026-11-20")]
#[case::inside_the_week("2026-11-25", "2026-11-24")]
#[case::after_easter("2026-04-07", "2026-04-01")]
#[case::after_christmas("2026-12-28", "2026-12-24")]
#[case::after_new_year("2027-01-04", "2026-12-31")]
#[case::leap_day("2028-03-01", "2028-02-29")]
fn the_working_day_before(#[case] day: NaiveDate, #[case] expected: NaiveDate) {
    assert_eq!(working_day_before(day, &NO_EXTRA), expected);
    let next = calendar::working_day_after(expected, &NO_EXTRA);
    assert!(next <= day, "{next} lies beyond {day}");
}

#[test]
fn the_working_day_before_skips_what_the_agreement_adds() {
    let extra = ExtraDaysOff { december_24: true, december_31: true, june_5: false };
    assert_eq!(working_day_before(date(2026, 12, 28), &extra), date(2026, 12, 23));
    assert_eq!(working_day_before(date(2027, 1, 4), &extra), date(2026, 12, 30));
}

#[test]
fn both_clock_changes_of_every_year_fall_on_the_last_sunday() {
    for year in YEARS {
        for (month, before, after) in [(3, 1, 2), (10, 2, 1)] {
            let change = last_sunday(year, month).and_hms_opt(1, 0, 0).unwrap().and_utc();
            let last = change - Duration::milliseconds(1);
            assert_eq!(calendar::utc_offset_hours(last), before, "{last}");
            assert_eq!(calendar::utc_offset_hours(change), after, "{change}");
        }
    }
}

#[test]
fn a_removed_time_is_the_last_millisecond_before_the_gap() {
    for year in YEARS {
        let day = last_sunday(year, 3);
        let gap = day.and_hms_opt(1, 0, 0).unwrap().and_utc();
        for (hour, minute, second, milli) in [(2, 0, 0, 0), (2, 30, 0, 0), (2, 30, 15, 250), (2, 59, 59, 999)]
        {
            let removed = day.and_hms_milli_opt(hour, minute, second, milli).unwrap();
            assert_eq!(instant(removed), gap - Duration::milliseconds(1), "{removed}");
        }
        assert_eq!(instant(day.and_hms_opt(3, 0, 0).unwrap()), gap);
        assert_eq!(instant(day.and_hms_opt(1, 59, 59).unwrap()), gap - Duration::seconds(1));
    }
}

#[test]
fn a_doubled_time_is_the_first_of_the_two() {
    for year in YEARS {
        let day = last_sunday(year, 10);
        let first = day.and_hms_opt(0, 30, 0).unwrap().and_utc();
        assert_eq!(instant(day.and_hms_opt(2, 30, 0).unwrap()), first);
        let second = first + Duration::hours(1);
        assert_eq!(local(second), local(first), "both passes read half past two");
        // Zero days on is the very instant, also in the second pass.
        assert_eq!(plus_calendar_days(second, 0), second);
        assert_eq!(plus_calendar_days(second, 7), plus_calendar_days(first, 7));
    }
}

#[test]
fn seven_days_over_a_clock_change_are_not_168_hours() {
    for year in YEARS {
        for (month, hours) in [(3, 167), (10, 169)] {
            let at = instant((last_sunday(year, month) - Duration::days(3)).and_hms_opt(2, 30, 0).unwrap());
            assert_eq!(plus_calendar_days(at, 7) - at, Duration::hours(hours), "{at}");
            assert_eq!(local(plus_calendar_days(at, 7)).time(), local(at).time());
        }
        let plain = instant(date(year, 6, 10).and_hms_opt(2, 30, 0).unwrap());
        assert_eq!(plus_calendar_days(plain, 7) - plain, Duration::hours(168));
    }
}

#[rstest]
// Wednesday 25 March 2026 02:30 winter time; due at 02:30 summer time.
#[case::over_the_spring_change("2026-03-25T01:30:00Z", 7, "2026-04-01T00:30:00Z")]
// A week before the gap itself: 02:30 on 29 March does not exist.
#[case::into_the_gap("2026-03-22T01:30:00Z", 7, "2026-03-29T00:59:59.999Z")]
// A week before the doubled hour: the first 02:30 (summer time).
#[case::into_the_doubled_hour("2026-10-18T00:30:00Z", 7, "2026-10-25T00:30:00Z")]
#[case::over_the_autumn_change("2026-10-21T00:30:00Z", 7, "2026-10-28T01:30:00Z")]
#[case::over_leap_day("2028-02-26T12:00:00Z", 7, "2028-03-04T12:00:00Z")]
#[case::without_leap_day("2027-02-26T12:00:00Z", 7, "2027-03-05T12:00:00Z")]
#[case::over_the_year("2026-12-28T23:30:00Z", 7, "2027-01-04T23:30:00Z")]
#[case::backwards("2026-04-01T00:30:00Z", -7, "2026-03-25T01:30:00Z")]
fn so_many_days_later(#[case] from: DateTime<Utc>, #[case] days: i64, #[case] expected: DateTime<Utc>) {
    assert_eq!(plus_calendar_days(from, days), expected);
}

#[rstest]
#[case::winter("2026-01-10T12:00:00Z", 7, "2026-01-17T22:59:59.999Z")]
#[case::summer("2026-06-10T12:00:00Z", 7, "2026-06-17T21:59:59.999Z")]
#[case::over_the_spring_change("2026-03-25T12:00:00Z", 7, "2026-04-01T21:59:59.999Z")]
#[case::ends_on_the_day_of_the_change("2026-10-18T12:00:00Z", 7, "2026-10-25T22:59:59.999Z")]
// 23:30 UTC is already the next date in Copenhagen.
#[case::near_midnight("2026-01-10T23:30:00Z", 0, "2026-01-11T22:59:59.999Z")]
#[case::year_end("2026-12-31T12:00:00Z", 0, "2026-12-31T22:59:59.999Z")]
fn the_end_of_a_day(#[case] from: DateTime<Utc>, #[case] days: i64, #[case] expected: DateTime<Utc>) {
    assert_eq!(end_of_day_after(from, days), expected);
}

#[test]
fn days_are_counted_on_local_dates() {
    // Two minutes apart, over local midnight.
    assert_eq!(days_apart(utc("2026-11-22T22:59:00Z"), utc("2026-11-22T23:01:00Z")), 1);
    // Almost 24 hours, one date.
    assert_eq!(days_apart(utc("2026-11-22T23:01:00Z"), utc("2026-11-23T22:59:00Z")), 0);
    // 30 dates over the autumn change.
    assert_eq!(days_apart(utc("2026-10-10T10:00:00Z"), utc("2026-11-09T23:30:00Z")), 31);
    assert_eq!(days_apart(utc("2026-10-10T10:00:00Z"), utc("2026-11-09T22:30:00Z")), 30);
}

#[rstest]
#[case("2026-12-31T22:59:59Z", "2026-12", 31)]
#[case("2026-12-31T23:00:00Z", "2027-01", 31)]
#[case("2028-02-29T12:00:00Z", "2028-02", 29)]
#[case("2027-02-28T22:59:00Z", "2027-02", 28)]
#[case("2026-06-30T21:59:59Z", "2026-06", 30)]
#[case("2026-06-30T22:00:00Z", "2026-07", 31)]
fn the_month_is_the_local_one(#[case] at: DateTime<Utc>, #[case] key: &str, #[case] days: i64) {
    let month = Month::of(at);
    assert_eq!((month.to_string().as_str(), month.days()), (key, days));
    assert!(month.starts_at() <= at && at < month.ends_before());
    assert_eq!(Month::parse(key), Some(month));
}

#[rstest]
#[case("2026-01-01", (2026, 1))]
#[case("2026-12-31", (2026, 53))]
#[case("2027-01-03", (2026, 53))]
#[case("2027-01-04", (2027, 1))]
#[case("2024-12-30", (2025, 1))]
fn the_iso_week_may_belong_to_another_year(#[case] day: NaiveDate, #[case] expected: (i32, u32)) {
    assert_eq!(iso_week(day), expected);
}

#[test]
fn a_window_over_midnight_belongs_to_the_date_it_began_on() {
    let time = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
    let night = ClockWindow { from: time(22), to: time(6) };
    // Friday 20 November 2026 and the Saturday after.
    assert_eq!(night.began_on(clock("2026-11-20 22:00:00")), Some(date(2026, 11, 20)));
    assert_eq!(night.began_on(clock("2026-11-21 05:59:59.999")), Some(date(2026, 11, 20)));
    assert_eq!(night.began_on(clock("2026-11-21 06:00:00")), None);
    assert!(night.covers(instant(clock("2026-11-21 03:00:00")), Days::Working, &NO_EXTRA));
    assert!(!night.covers(instant(clock("2026-11-23 03:00:00")), Days::Working, &NO_EXTRA));
    assert!(night.covers(instant(clock("2026-11-23 03:00:00")), Days::Weekend, &NO_EXTRA));

    let from_eight_to_eight = ClockWindow { from: time(8), to: time(8) };
    assert_eq!(from_eight_to_eight.began_on(clock("2026-11-21 07:59:59")), Some(date(2026, 11, 20)));
    assert_eq!(from_eight_to_eight.began_on(clock("2026-11-21 08:00:00")), Some(date(2026, 11, 21)));
    assert_eq!(ClockWindow::WHOLE_DAY.began_on(clock("2026-11-21 00:00:00")), Some(date(2026, 11, 21)));
}

/// Any instant from 2024 to the end of 2037, to the millisecond.
fn any_instant() -> impl Strategy<Value = DateTime<Utc>> {
    let (first, last) = (utc("2024-01-01T00:00:00Z"), utc("2037-12-31T23:59:59Z"));
    (first.timestamp_millis()..=last.timestamp_millis())
        .prop_map(|ms| DateTime::from_timestamp_millis(ms).unwrap())
}

/// An instant within a day and a half of a clock change: where mistakes are.
fn near_a_clock_change() -> impl Strategy<Value = DateTime<Utc>> {
    let around = -36 * 3_600_000..36 * 3_600_000_i64;
    (YEARS, prop_oneof![Just(3_u32), Just(10)], around).prop_map(|(year, month, ms)| {
        last_sunday(year, month).and_hms_opt(1, 0, 0).unwrap().and_utc() + Duration::milliseconds(ms)
    })
}

proptest! {
    #[test]
    fn later_days_keep_the_clock_time_unless_it_is_removed(
        at in prop_oneof![any_instant(), near_a_clock_change()], days in -400_i64..400,
    ) {
        let wanted = local(at) + Duration::days(days);
        let found = local(plus_calendar_days(at, days));
        let removed = wanted.date() == last_sunday(wanted.year(), 3) && wanted.hour() == 2;
        if removed && days != 0 {
            prop_assert_eq!(found, wanted.date().and_hms_milli_opt(1, 59, 59, 999).unwrap());
        } else {
            prop_assert_eq!(found, wanted);
        }
    }

    #[test]
    fn an_instant_found_again_is_itself_or_the_first_pass(at in prop_oneof![any_instant(), near_a_clock_change()]) {
        let again = instant(local(at));
        prop_assert!(again == at || again == at - Duration::hours(1), "{} became {}", at, again);
        prop_assert_eq!(local(again), local(at));
    }

    #[test]
    fn days_apart_is_symmetric_and_zero_on_one_date(a in any_instant(), b in any_instant()) {
        prop_assert_eq!(days_apart(a, b), days_apart(b, a));
        prop_assert_eq!(days_apart(a, b) == 0, local_date(a) == local_date(b));
    }

    #[test]
    fn days_apart_counts_what_plus_adds(at in prop_oneof![any_instant(), near_a_clock_change()], days in 0_i64..400) {
        prop_assert_eq!(days_apart(at, plus_calendar_days(at, days)), days);
    }

    #[test]
    fn a_day_begins_and_ends_around_each_of_its_instants(at in prop_oneof![any_instant(), near_a_clock_change()]) {
        let (start, end) = (starts_of_local_date(local_date(at)), end_of_day_after(at, 0));
        prop_assert!(start <= at && at <= end, "{} is not within {} to {}", at, start, end);
        prop_assert_eq!(local(start).time(), NaiveTime::MIN);
        prop_assert_eq!(end + Duration::milliseconds(1), starts_of_local_date(local_date(at) + Duration::days(1)));
    }

    #[test]
    fn the_end_of_day_is_never_before_the_same_clock_time(
        at in prop_oneof![any_instant(), near_a_clock_change()], days in 1_i64..60,
    ) {
        prop_assert!(plus_calendar_days(at, days) <= end_of_day_after(at, days));
    }

    #[test]
    fn between_a_day_and_the_working_day_before_all_is_off(at in any_instant()) {
        let day = local_date(at);
        let before = working_day_before(day, &NO_EXTRA);
        prop_assert!(is_working_day(before, &NO_EXTRA) && before < day);
        let mut between = before + Duration::days(1);
        while between < day {
            prop_assert!(!is_working_day(between, &NO_EXTRA), "{} was skipped", between);
            between += Duration::days(1);
        }
    }
}
