//! The agreement files: what is built in, and how a mistake is named.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use rstest::rstest;
use vagttavle::domain::agreement::{
    self, Agreement, AnswerTarget, Clause, Complaints, ContactRole, DeadlineEnd, DischargeStep, DoorStep,
    Matter, ProviderMoves, Response, Rule, Value, holds, value_of,
};
use vagttavle::domain::calendar;
use vagttavle::domain::observation::{Grant, Help};
use vagttavle::domain::vocabulary::Word;

fn built_in(id: &str) -> Agreement {
    agreement::built_in().into_iter().find(|it| it.id.as_str() == id).expect("a built-in agreement")
}

fn clause_of<T>(rule: &Rule<T>) -> Option<&str> {
    rule.as_ref()?.clause().map(Clause::as_str)
}

fn time(hour: u32) -> NaiveTime {
    NaiveTime::from_hms_opt(hour, 0, 0).unwrap()
}

/// An instant from a local clock time.
fn at(local: &str) -> DateTime<Utc> {
    calendar::instant(NaiveDateTime::parse_from_str(local, "%Y-%m-%d %H:%M").unwrap())
}

#[test]
fn built_in_files_are_read() {
    let ids: Vec<String> = agreement::built_in().iter().map(|it| it.id.to_string()).collect();
    assert_eq!(ids, ["albertslund", "jammerbugt", "norddjurs"]);
    for it in agreement::built_in() {
        assert_eq!(it.version, "2026-11-01");
        assert_eq!(it.valid_from, NaiveDate::from_ymd_opt(2026, 11, 1).unwrap());
        let text = agreement::built_in_text(&it.id).expect("its text");
        assert_eq!(Agreement::parse(text).as_ref(), Ok(&it));
    }
}

#[test]
fn jammerbugt_has_its_alarm_rules_from_the_contract() {
    let alarms = built_in("jammerbugt").alarms;
    assert_eq!(
        (value_of(&alarms.justification_days), clause_of(&alarms.justification_days)),
        (Some(7), Some("3.1.13"))
    );
    assert_eq!(
        (value_of(&alarms.redirect_limit), clause_of(&alarms.redirect_limit)),
        (Some(2), Some("3.1.13"))
    );
    assert_eq!(value_of(&alarms.redirect_window_days), Some(30));
    assert_eq!(alarms.justification_until, None);
    assert_eq!(
        alarms.responses.as_ref().map(|it| it.value().clone()),
        Some(vec![Response::OwnHelp, Response::Nurse, Response::Doctor, Response::Emergency112])
    );
    assert!(holds(&alarms.material_breach));
    assert!(alarms.responses.as_ref().is_some_and(|it| it.says().is_some_and(|says| says.ends_with('.'))));
    // The times are nobody's clause.
    for own in [
        &alarms.help_on_site_minutes,
        &alarms.ring_out_seconds,
        &alarms.claim_minutes,
        &alarms.bell_repeat_seconds,
    ] {
        assert!(own.as_ref().is_some_and(Value::is_own), "{own:?}");
    }
    assert_eq!(
        alarms.answer_within,
        Some(Value::Own {
            value: vec![
                AnswerTarget { seconds: 60, permille: 975 },
                AnswerTarget { seconds: 180, permille: 990 }
            ]
        })
    );
}

#[test]
fn norddjurs_and_albertslund_say_nothing_of_justifications_and_redirects() {
    for id in ["norddjurs", "albertslund"] {
        let it = built_in(id);
        assert_eq!(it.alarms.justification_days, None, "{id}");
        assert_eq!(it.alarms.redirect_limit, None, "{id}");
        assert_eq!(it.alarms.redirect_window_days, None, "{id}");
        assert_eq!(it.alarms.responses, None, "{id}");
        assert_eq!(it.alarms.justification_due_at(at("2026-11-22 03:00")), None, "{id}");
        assert_eq!(it.alarms.redirect_falls_out_at(at("2026-11-22 03:00")), None, "{id}");
        assert!(!holds(&it.duties.action_plan), "{id}");
        assert_eq!(it.immediate_notice, None, "{id}");
    }
    let albertslund = built_in("albertslund");
    assert_eq!(albertslund.visits, agreement::VisitRules::default());
    assert_eq!(albertslund.discharges, agreement::DischargeRules::default());
    assert_eq!(albertslund.duties, agreement::DutyRules::default());
    let json = serde_json::to_string(&albertslund).unwrap();
    assert!(!json.contains("\"contract\""), "no value of Albertslund's is from the contract: {json}");
}

#[test]
fn the_same_thirty_minutes_are_agreed_in_norddjurs_and_a_habit_in_jammerbugt() {
    let (norddjurs, jammerbugt) = (built_in("norddjurs").visits, built_in("jammerbugt").visits);
    assert_eq!(value_of(&norddjurs.contact_minutes), Some(30));
    assert_eq!(clause_of(&norddjurs.contact_minutes), Some("3.5.5"));
    assert_eq!(jammerbugt.contact_minutes, Some(Value::Own { value: 30 }));
}

#[test]
fn what_each_contract_says_stands_in_its_own_file() {
    let (n, j) = (built_in("norddjurs"), built_in("jammerbugt"));
    assert_eq!(clause_of(&n.phone.documentation), Some("3.9.1"));
    assert_eq!(clause_of(&j.phone.documentation), Some("3.1.6"));
    assert_eq!(clause_of(&j.phone.one_number_always), Some("3.1.12"));
    assert_eq!(n.phone.one_number_always, None);
    assert_eq!(clause_of(&n.discharges.first_day_wasted), Some("3.5.3"));
    assert_eq!(j.discharges.first_day_wasted, None);
    assert_eq!(clause_of(&n.discharges.groceries_help), Some("3.4"));
    assert_eq!(clause_of(&j.discharges.help_stops), Some("3.1.1"));
    assert_eq!(clause_of(&j.duties.hospital_messages_daily), Some("3.1.3"));
    // "Daily" is agreed, the hour is ours.
    assert_eq!(j.duties.hospital_messages_daily_at, Some(Value::Own { value: time(9) }));
    assert_eq!(value_of(&n.duties.complaints_forwarded), Some(Complaints::All));
    assert_eq!(value_of(&j.duties.complaints_forwarded), Some(Complaints::Unresolved));
    assert_eq!(value_of(&n.duties.self_control_months), Some(6));
    assert_eq!(j.duties.self_control_months, None);
    assert_eq!(
        (value_of(&n.visits.start_within_days), clause_of(&n.visits.start_within_days)),
        (Some(14), Some("3.4"))
    );
    assert_eq!(value_of(&j.visits.cancellation_before), Some(time(12)));
    assert_eq!(n.visits.cancellation_before, None);
    assert_eq!(value_of(&n.records.paper_allowed), Some(true));
    assert_eq!(value_of(&j.records.paper_allowed), Some(false));
    let mut notices = j.immediate_notice.as_ref().unwrap().value().clone();
    notices.sort();
    // Of a door that nobody opens another clause says what is done.
    assert_eq!(notices, Matter::ALL.iter().copied().filter(|it| *it != Matter::NotFound).collect::<Vec<_>>());
    assert_eq!(clause_of(&j.immediate_notice), Some("3.2"));
    assert_eq!(j.visits.door_steps.as_ref().unwrap().value(), DoorStep::ALL);
    assert_eq!(n.discharges.steps.as_ref().unwrap().value(), DischargeStep::ALL);
}

#[test]
fn personal_care_is_moved_in_neither_the_same_way() {
    let (n, j) = (built_in("norddjurs").visits, built_in("jammerbugt").visits);
    assert_eq!(n.moves_for(Help::Personal).map(Value::value), Some(&ProviderMoves::Never));
    assert_eq!(n.moves_for(Help::Practical), None);
    for help in [Help::Personal, Help::Practical] {
        assert_eq!(j.moves_for(help).map(Value::value), Some(&ProviderMoves::DependsOnContent));
    }
}

#[rstest]
// Practical help: 07-17 in Norddjurs, 08-17 for a service in Jammerbugt, working days only.
#[case("norddjurs", Grant::Service, Help::Practical, "2026-11-20 07:00", Some(true))]
#[case("norddjurs", Grant::Pathway, Help::Practical, "2026-11-20 06:59", Some(false))]
#[case("norddjurs", Grant::Pathway, Help::Practical, "2026-11-20 17:00", Some(false))]
#[case("norddjurs", Grant::Pathway, Help::Practical, "2026-11-21 10:00", Some(false))]
#[case("jammerbugt", Grant::Service, Help::Practical, "2026-11-20 07:30", Some(false))]
#[case("jammerbugt", Grant::Service, Help::Practical, "2026-11-20 08:00", Some(true))]
#[case("jammerbugt", Grant::Service, Help::Practical, "2026-04-06 10:00", Some(false))]
// Under a pathway Jammerbugt's citizen and provider agree the time.
#[case("jammerbugt", Grant::Pathway, Help::Practical, "2026-11-20 20:00", None)]
#[case("norddjurs", Grant::Pathway, Help::Food, "2026-12-25 22:59", Some(true))]
#[case("norddjurs", Grant::Pathway, Help::Food, "2026-12-25 23:00", Some(false))]
#[case("jammerbugt", Grant::Service, Help::Food, "2026-12-25 03:00", Some(true))]
#[case("norddjurs", Grant::Pathway, Help::Personal, "2026-12-25 03:00", Some(true))]
#[case("norddjurs", Grant::Pathway, Help::Nursing, "2026-11-20 10:00", None)]
#[case("albertslund", Grant::Pathway, Help::Practical, "2026-11-20 10:00", None)]
fn a_delivery_window_hangs_on_grant_and_help(
    #[case] id: &str,
    #[case] grant: Grant,
    #[case] help: Help,
    #[case] when: &str,
    #[case] allowed: Option<bool>,
) {
    let it = built_in(id);
    let window = it.visits.window_for(grant, help);
    let extra = it.calendar.extra_days_off();
    assert_eq!(window.map(|rule| rule.window.value().allows(at(when), &extra)), allowed);
}

#[rstest]
#[case::a_weekday("2026-11-25 09:00", "2026-11-24 12:00")]
#[case::a_monday("2026-11-23 09:00", "2026-11-20 12:00")]
#[case::after_easter("2026-04-07 09:00", "2026-04-01 12:00")]
// 24 December is a working day unless the agreement says otherwise.
#[case::christmas_day("2026-12-25 09:00", "2026-12-24 12:00")]
#[case::just_after_midnight("2026-11-25 00:10", "2026-11-24 12:00")]
fn a_cancellation_is_in_time_until_noon_of_the_working_day_before(#[case] visit: &str, #[case] until: &str) {
    assert_eq!(built_in("jammerbugt").cancellation_until(at(visit)), Some(at(until)));
    assert_eq!(built_in("norddjurs").cancellation_until(at(visit)), None);
}

#[test]
fn an_agreement_may_count_christmas_eve_as_a_day_off() {
    let text = format!(
        "{HEAD}[calendar]\nday_off_24_december = {{ own = true }}\n\
         [visits]\ncancellation_before = {{ own = \"12:00\" }}\n"
    );
    let it = Agreement::parse(&text).unwrap();
    assert_eq!(it.cancellation_until(at("2026-12-25 09:00")), Some(at("2026-12-23 12:00")));
    assert!(!it.calendar.extra_days_off().december_31);
}

#[test]
fn the_justification_is_due_seven_dates_later_by_the_reading_the_agreement_has() {
    let strict = built_in("jammerbugt").alarms;
    // Over the spring change 2026: 167 hours.
    assert_eq!(strict.justification_due_at(at("2026-03-25 02:30")), Some(at("2026-04-01 02:30")));
    assert_eq!(
        strict.justification_due_at(at("2026-03-22 02:30")),
        Some("2026-03-29T00:59:59.999Z".parse().unwrap())
    );
    // A Saturday is not moved on.
    assert_eq!(strict.justification_due_at(at("2026-11-21 03:10")), Some(at("2026-11-28 03:10")));
    let mut wide = strict;
    wide.justification_until = Some(Value::Own { value: DeadlineEnd::EndOfDay });
    assert_eq!(
        wide.justification_due_at(at("2026-11-21 03:10")),
        Some("2026-11-28T22:59:59.999Z".parse().unwrap())
    );
}

#[test]
fn a_redirect_falls_out_at_midnight_of_the_31st_date() {
    let alarms = built_in("jammerbugt").alarms;
    assert_eq!(alarms.redirect_falls_out_at(at("2026-10-10 23:59")), Some(at("2026-11-10 00:00")));
    assert_eq!(alarms.redirect_falls_out_at(at("2026-10-10 00:00")), Some(at("2026-11-10 00:00")));
}

#[test]
fn below_forty_calls_one_miss_breaks_97_and_a_half_percent() {
    let target = AnswerTarget { seconds: 60, permille: 975 };
    assert_eq!([0, 1, 39, 40, 79, 80, 1000].map(|of| target.allowed_misses(of)), [0, 0, 0, 1, 1, 2, 25]);
    assert_eq!(AnswerTarget { seconds: 60, permille: 1000 }.allowed_misses(1_000_000), 0);
}

#[test]
fn an_agreement_comes_back_from_json_as_it_was() {
    for it in agreement::built_in() {
        let json = serde_json::to_string(&it).unwrap();
        let back: Agreement = serde_json::from_str(&json).unwrap();
        assert_eq!(back, it);
        assert_eq!(back.hash(), it.hash());
    }
}

#[test]
fn stored_values_with_a_field_nobody_knows_are_refused() {
    let mut json = serde_json::to_value(built_in("jammerbugt")).unwrap();
    json["alarms"]["justification_days"]["hours"] = 168.into();
    assert!(serde_json::from_value::<Agreement>(json).is_err());
    let mut json = serde_json::to_value(built_in("jammerbugt")).unwrap();
    json["alarms"]["redirect_limits"] = 2.into();
    assert!(serde_json::from_value::<Agreement>(json).is_err());
}

#[test]
fn the_hash_follows_the_values_and_nothing_else() {
    let text = agreement::built_in_text(&built_in("jammerbugt").id).unwrap();
    let hash = built_in("jammerbugt").hash();
    assert_eq!(hash.len(), 64);
    let reworded = format!("# another comment\n{}", text.replace("= { own = 30 }", "={own=30}"));
    assert_eq!(Agreement::parse(&reworded).unwrap().hash(), hash);
    let changed =
        text.replace("redirect_window_days = { contract = 30", "redirect_window_days = { contract = 31");
    assert_ne!(changed, text);
    assert_ne!(Agreement::parse(&changed).unwrap().hash(), hash);
    // The same number as an own rule is another agreement.
    let mut own = built_in("jammerbugt");
    own.alarms.justification_days = Some(Value::Own { value: 7 });
    assert_ne!(own.hash(), hash);
}

/// The least an agreement must say; four lines.
const HEAD: &str = "id = \"test\"\nname = \"Test\"\nversion = \"1\"\nvalid_from = 2026-11-01\n";

#[test]
fn the_least_agreement_leaves_every_rule_unset() {
    let it = Agreement::parse(HEAD).unwrap();
    assert_eq!(it.alarms, agreement::AlarmRules::default());
    assert!(it.contacts.0.is_empty());
}

/// (what follows the four head lines, line, column, key, code, nearest)
#[rstest]
#[case::unknown_key(
    "[alarms]\njustification_dais = { own = 7 }",
    6,
    1,
    "alarms.justification_dais",
    "unknown-key",
    Some("justification_days")
)]
#[case::unknown_section("[alarm]\nclaim_minutes = { own = 7 }", 5, 2, "alarm", "unknown-key", Some("alarms"))]
#[case::unknown_key_far_from_all("[phone]\nzzz = 1", 6, 1, "phone.zzz", "unknown-key", None)]
#[case::unknown_key_in_a_value(
    "[phone]\nclaim_minutes = { own = 1, claus = \"3.1\" }",
    6,
    28,
    "phone.claim_minutes.claus",
    "unknown-key",
    Some("clause")
)]
#[case::no_clause(
    "[alarms]\njustification_days = { contract = 7, says = \"Vores ord.\" }",
    6,
    22,
    "alarms.justification_days.clause",
    "missing-clause",
    None
)]
#[case::no_reading(
    "[alarms]\njustification_days = { contract = 7, clause = \"3.1.13\" }",
    6,
    22,
    "alarms.justification_days.says",
    "missing-key",
    None
)]
#[case::a_clause_in_words(
    "[alarms]\nredirect_limit = { contract = 2, clause = \"afsnit 3\", says = \"Ord.\" }",
    6,
    43,
    "alarms.redirect_limit.clause",
    "bad-text",
    None
)]
#[case::an_own_rule_with_a_clause(
    "[alarms]\nclaim_minutes = { own = 15, clause = \"3.1\" }",
    6,
    38,
    "alarms.claim_minutes.clause",
    "clause-of-own-rule",
    None
)]
#[case::both_at_once(
    "[alarms]\nclaim_minutes = { contract = 1, own = 15, clause = \"3.1\", says = \"Ord.\" }",
    6,
    39,
    "alarms.claim_minutes.own",
    "two-values",
    None
)]
#[case::neither("[alarms]\nclaim_minutes = { }", 6, 17, "alarms.claim_minutes", "no-value", None)]
#[case::a_bare_number("[alarms]\nclaim_minutes = 15", 6, 17, "alarms.claim_minutes", "wrong-type", None)]
#[case::negative(
    "[alarms]\nclaim_minutes = { own = -15 }",
    6,
    25,
    "alarms.claim_minutes.own",
    "out-of-range",
    None
)]
#[case::zero(
    "[alarms]\njustification_days = { own = 0 }",
    6,
    30,
    "alarms.justification_days.own",
    "out-of-range",
    None
)]
#[case::absurd(
    "[phone]\nmissed_kept_days = { own = 36500 }",
    6,
    28,
    "phone.missed_kept_days.own",
    "out-of-range",
    None
)]
#[case::more_than_fits(
    "[phone]\nmissed_kept_days = { own = 99999999999999 }",
    6,
    28,
    "phone.missed_kept_days.own",
    "out-of-range",
    None
)]
#[case::a_number_in_quotes(
    "[phone]\nmissed_kept_days = { own = \"30\" }",
    6,
    28,
    "phone.missed_kept_days.own",
    "wrong-type",
    None
)]
#[case::a_number_with_decimals(
    "[phone]\nmissed_kept_days = { own = 1.5 }",
    6,
    28,
    "phone.missed_kept_days.own",
    "wrong-type",
    None
)]
#[case::more_than_all(
    "[phone]\nanswer_within = { own = [{ seconds = 60, percent = 101 }] }",
    6,
    52,
    "phone.answer_within.own[0].percent",
    "out-of-range",
    None
)]
#[case::not_a_number(
    "[phone]\nanswer_within = { own = [{ seconds = 60, percent = nan }] }",
    6,
    52,
    "phone.answer_within.own[0].percent",
    "out-of-range",
    None
)]
#[case::a_level_without_seconds(
    "[phone]\nanswer_within = { own = [{ percent = 99 }] }",
    6,
    26,
    "phone.answer_within.own[0].seconds",
    "missing-key",
    None
)]
#[case::two_levels_of_one_time(
    "[phone]\nanswer_within = { own = [{ seconds = 60, percent = 99 }, { seconds = 60, percent = 98 }] }",
    6,
    25,
    "phone.answer_within.own",
    "repeated",
    None
)]
#[case::no_level("[phone]\nanswer_within = { own = [] }", 6, 25, "phone.answer_within.own", "no-value", None)]
#[case::not_a_clock_time(
    "[duties]\nhospital_messages_daily_at = { own = \"9.00\" }",
    6,
    38,
    "duties.hospital_messages_daily_at.own",
    "not-clock-time",
    None
)]
#[case::an_hour_too_many(
    "[visits]\ncancellation_before = { own = \"24:00\" }",
    6,
    31,
    "visits.cancellation_before.own",
    "not-clock-time",
    None
)]
#[case::a_window_that_is_none(
    "[[visits.windows]]\nhelp = \"food\"\nwindow = { own = { from = \"07:00\", to = \"23\" } }",
    7,
    41,
    "visits.windows[0].window.own.to",
    "not-clock-time",
    None
)]
#[case::a_window_without_an_end(
    "[[visits.windows]]\nhelp = \"food\"\nwindow = { own = { from = \"07:00\" } }",
    7,
    18,
    "visits.windows[0].window.own.to",
    "missing-key",
    None
)]
#[case::help_nobody_gives(
    "[[visits.windows]]\nhelp = \"practica\"\nwindow = { own = { from = \"07:00\", to = \"23:00\" } }",
    6,
    8,
    "visits.windows[0].help",
    "unknown-word",
    Some("practical")
)]
#[case::a_step_nobody_knows(
    "[visits]\ndoor_steps = { own = [\"windows\", \"bicycel\"] }",
    6,
    34,
    "visits.door_steps.own[1]",
    "unknown-word",
    Some("bicycle")
)]
#[case::a_step_twice(
    "[visits]\ndoor_steps = { own = [\"car\", \"car\"] }",
    6,
    22,
    "visits.door_steps.own",
    "repeated",
    None
)]
#[case::a_notice_nobody_knows(
    "[immediate_notice]\nown = [\"deaths\"]",
    6,
    8,
    "immediate_notice.own[0]",
    "unknown-word",
    Some("death")
)]
#[case::a_response_nobody_has(
    "[alarms]\nresponses = { own = [\"own-hepl\"] }",
    6,
    22,
    "alarms.responses.own[0]",
    "unknown-word",
    Some("own-help")
)]
#[case::a_role_nobody_has(
    "[[contacts]]\nrole = \"nurses\"\nnumber = \"1\"",
    6,
    8,
    "contacts[0].role",
    "unknown-word",
    Some("nurse")
)]
#[case::a_number_nobody_can_dial(
    "[[contacts]]\nrole = \"nurse\"\nnumber = \"ring bare\"",
    7,
    10,
    "contacts[0].number",
    "bad-text",
    None
)]
#[case::hours_without_an_end(
    "[[contacts]]\nrole = \"nurse\"\nnumber = \"1\"\nfrom = \"07:00\"",
    5,
    1,
    "contacts[0].to",
    "missing-key",
    None
)]
#[case::days_nobody_has(
    "[[contacts]]\nrole = \"nurse\"\nnumber = \"1\"\ndays = \"weekends\"",
    8,
    8,
    "contacts[0].days",
    "unknown-word",
    Some("weekend")
)]
#[case::two_windows_for_one_kind_of_help(
    "[[visits.windows]]\nhelp = \"food\"\nwindow = { own = { from = \"07:00\", to = \"23:00\" } }\n[[visits.windows]]\nhelp = \"food\"\nwindow = { own = { from = \"08:00\", to = \"23:00\" } }",
    8,
    1,
    "visits.windows[1]",
    "repeated",
    None
)]
#[case::two_rules_for_moving(
    "[[visits.moves]]\nby_provider = { own = \"never\" }\n[[visits.moves]]\nby_provider = { own = \"never\" }",
    7,
    1,
    "visits.moves[1]",
    "repeated",
    None
)]
#[case::yes_in_words(
    "[records]\npaper_allowed = { own = \"ja\" }",
    6,
    25,
    "records.paper_allowed.own",
    "wrong-type",
    None
)]
#[case::the_same_key_twice(
    "[phone]\nclaim_minutes = { own = 1 }\nclaim_minutes = { own = 2 }",
    7,
    1,
    "claim_minutes",
    "syntax",
    None
)]
#[case::not_toml("[phone]\nclaim_minutes = { own = ", 6, 24, "claim_minutes", "syntax", None)]
fn a_mistake_is_named_by_line_and_key(
    #[case] rest: &str,
    #[case] line: usize,
    #[case] column: usize,
    #[case] key: &str,
    #[case] code: &str,
    #[case] nearest: Option<&str>,
) {
    let mistakes = Agreement::parse(&format!("{HEAD}{rest}\n")).expect_err("a mistake");
    assert_eq!(mistakes.len(), 1, "{mistakes:#?}");
    let found = &mistakes[0];
    assert_eq!(
        (found.line, found.column, found.key.as_str(), found.problem.code(), found.nearest.as_deref()),
        (line, column, key, code, nearest),
        "{found}"
    );
}

#[rstest]
#[case("id", "missing-key")]
#[case("name", "missing-key")]
#[case("version", "missing-key")]
#[case("valid_from", "missing-key")]
fn what_every_agreement_must_say(#[case] key: &str, #[case] code: &str) {
    let without: String =
        HEAD.lines().filter(|line| !line.starts_with(key)).map(|line| format!("{line}\n")).collect();
    let mistakes = Agreement::parse(&without).expect_err("something is missing");
    let found: Vec<_> = mistakes.iter().map(|it| (it.line, it.key.as_str(), it.problem.code())).collect();
    assert_eq!(found, [(1, key, code)]);
}

#[rstest]
#[case::a_date_in_quotes("valid_from = \"2026-11-01\"", "wrong-type")]
#[case::a_date_with_a_time("valid_from = 2026-11-01T00:00:00Z", "wrong-type")]
#[case::a_month_only("valid_from = \"2026-11\"", "wrong-type")]
fn valid_from_is_a_date(#[case] line: &str, #[case] code: &str) {
    let text = format!("id = \"test\"\nname = \"Test\"\nversion = \"1\"\n{line}\n");
    let mistakes = Agreement::parse(&text).expect_err("not a date");
    assert_eq!(
        (mistakes[0].line, mistakes[0].key.as_str(), mistakes[0].problem.code()),
        (4, "valid_from", code)
    );
}

#[test]
fn every_mistake_is_named_in_one_go() {
    let text = "id = \"Ikke En Id\"\nname = \"\"\nvalid_from = 2026-11-01\n\n[alarms]\nclaim_minutes = { own = 0 }\n\
                \"blæst\" = 1\n[phone]\ndocumentation = { contract = true, clause = \"3.9.1\", say = \"Ord.\" }\n";
    let mistakes = Agreement::parse(text).expect_err("mistakes");
    let found: Vec<_> = mistakes.iter().map(|it| (it.line, it.key.as_str(), it.problem.code())).collect();
    assert_eq!(
        found,
        [
            (1, "version", "missing-key"),
            (1, "id", "bad-text"),
            (2, "name", "bad-text"),
            (6, "alarms.claim_minutes.own", "out-of-range"),
            (7, "alarms.blæst", "unknown-key"),
            (9, "phone.documentation.says", "missing-key"),
            (9, "phone.documentation.say", "unknown-key"),
        ]
    );
    assert_eq!(mistakes[6].nearest.as_deref(), Some("says"));
    assert_eq!(mistakes[3].problem.arguments(), [("from", "1".to_owned()), ("to", "10080".to_owned())]);
}

#[test]
fn columns_are_counted_in_characters_and_lines_survive_windows_ends() {
    let text =
        format!("{}[phone]\r\n\"æøå\" = 1\r\nclaim_minutes = {{ own = 0 }}\r\n", HEAD.replace('\n', "\r\n"));
    let mistakes = Agreement::parse(&text).expect_err("mistakes");
    let found: Vec<_> = mistakes.iter().map(|it| (it.line, it.column, it.key.as_str())).collect();
    assert_eq!(found, [(6, 1, "phone.æøå"), (7, 25, "phone.claim_minutes.own")]);
    let text = format!("{HEAD}[phone]\nclaim_minutes = {{ \"æ\" = 1, own = 0 }}\n");
    let mistakes = Agreement::parse(&text).expect_err("mistakes");
    assert_eq!(mistakes.iter().map(|it| it.column).collect::<Vec<_>>(), [19, 34]);
}

#[test]
fn a_file_cut_short_anywhere_is_refused_or_read_but_never_breaks() {
    let text = agreement::built_in_text(&built_in("jammerbugt").id).unwrap();
    for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)).step_by(7) {
        if let Err(mistakes) = Agreement::parse(&text[..end]) {
            let last_line = text[..end].matches('\n').count() + 1;
            assert!(!mistakes.is_empty(), "refused without a reason at {end}");
            assert!(mistakes.iter().all(|it| (1..=last_line).contains(&it.line)), "{mistakes:?} at {end}");
        }
    }
}

/// Roles and last digits of the numbers one may reach, as `role:digit`.
fn reachable(it: &Agreement, when: DateTime<Utc>) -> Vec<String> {
    it.contacts_at(when)
        .iter()
        .map(|contact| format!("{}:{}", contact.role.name(), &contact.number[contact.number.len() - 1..]))
        .collect()
}

#[rstest]
// Friday 20 November 2026.
#[case::in_hours("2026-11-20 10:00", &["emergency-112:2", "nurse:2", "municipal-unit:3", "assessors:6", "back-up:5"])]
#[case::the_unit_changes_at_half_past_three("2026-11-20 15:29", &["emergency-112:2", "nurse:2", "municipal-unit:3", "back-up:5"])]
#[case::the_unit_of_the_evening("2026-11-20 15:30", &["emergency-112:2", "nurse:2", "municipal-unit:4", "back-up:5"])]
#[case::doctor_on_call_from_four("2026-11-20 16:00", &["emergency-112:2", "doctor:1", "nurse:2", "municipal-unit:4", "back-up:5"])]
#[case::over_midnight("2026-11-20 03:00", &["emergency-112:2", "doctor:1", "nurse:2", "municipal-unit:4", "back-up:5"])]
#[case::at_the_end_of_the_night("2026-11-20 08:00", &["emergency-112:2", "nurse:2", "municipal-unit:3", "back-up:5"])]
#[case::sunday("2026-11-22 10:00", &["emergency-112:2", "doctor:1", "nurse:2", "municipal-unit:3", "back-up:5"])]
#[case::a_holiday_in_the_week("2026-04-06 10:00", &["emergency-112:2", "doctor:1", "nurse:2", "municipal-unit:3", "back-up:5"])]
#[case::the_night_after_a_holiday("2026-04-07 03:00", &["emergency-112:2", "nurse:2", "municipal-unit:4", "back-up:5"])]
fn whom_to_call_by_the_hour(#[case] when: &str, #[case] expected: &[&str]) {
    assert_eq!(reachable(&built_in("jammerbugt"), at(when)), expected);
}

#[test]
fn hours_over_both_clock_changes_follow_the_clock_on_the_wall() {
    let text = format!(
        "{HEAD}[[contacts]]\nrole = \"nurse\"\nnumber = \"1\"\nfrom = \"22:00\"\nto = \"02:30\"\n\
         [[contacts]]\nrole = \"municipal-unit\"\nnumber = \"2\"\nfrom = \"02:30\"\nto = \"22:00\"\n"
    );
    let it = Agreement::parse(&text).unwrap();
    let roles = |when: &str| -> Vec<ContactRole> {
        it.contacts_at(when.parse().unwrap()).iter().map(|contact| contact.role).collect()
    };
    // 25 October 2026: half past two comes twice, so the nurse answers again in the second pass.
    for (when, role) in [
        ("2026-10-25T00:29:00Z", ContactRole::Nurse),
        ("2026-10-25T00:30:00Z", ContactRole::MunicipalUnit),
        ("2026-10-25T00:59:00Z", ContactRole::MunicipalUnit),
        ("2026-10-25T01:00:00Z", ContactRole::Nurse),
        ("2026-10-25T01:30:00Z", ContactRole::MunicipalUnit),
        // 29 March 2026: two o'clock is three o'clock.
        ("2026-03-29T00:59:59Z", ContactRole::Nurse),
        ("2026-03-29T01:00:00Z", ContactRole::MunicipalUnit),
    ] {
        assert_eq!(roles(when), [role], "{when}");
    }
}

#[test]
fn every_agreement_has_112_and_only_invented_numbers_beside_it() {
    for it in agreement::built_in() {
        for contact in &it.contacts.0 {
            if contact.role == ContactRole::Emergency112 {
                assert_eq!(contact.number, "112");
            } else {
                // No Danish number begins with a nought.
                assert!(contact.number.starts_with("00 00 "), "{} has {contact:?}", it.id);
            }
        }
        assert!(reachable(&it, at("2026-11-22 03:00")).contains(&"emergency-112:2".to_owned()));
    }
}
