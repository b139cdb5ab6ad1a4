//! Route lists: what a Danish spreadsheet makes of them -> what is handed in, and what is told of the rest.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use rstest::rstest;
use secrecy::{ExposeSecret, SecretString};
use vagttavle::domain::identity::{CitizenId, Code, ExternalId, looks_like_cpr};
use vagttavle::domain::observation::{CancelledBy, Grant, Help, Observation};
use vagttavle::protocol::observations::Observed;
use vagttavle::sources::Waiting;
use vagttavle::sources::drop_folder::{Dropped, Handler, Verdict};
use vagttavle::sources::visits::settings::Settings;
use vagttavle::sources::visits::times::{self, When};
use vagttavle::sources::visits::{Citizens, Lists, Mapping, NotFound, Reading, check};
use vagttavle::sources::withdrawn::StandingVisit;

use crate::inbox::TestInbox;
use crate::support::{masking, night};

/// The lists of these tests say nothing of the grant.
const MAPPING: &str = "[defaults]\ngrant = \"service\"\n";

fn mapping(text: &str) -> Mapping {
    toml::from_str(text).unwrap()
}

/// Knows one citizen by CPR number; may be away.
#[derive(Clone, Default)]
struct Care {
    asked: Arc<Mutex<Vec<String>>>,
    is_away: Arc<Mutex<bool>>,
    /// CPR numbers that it will not say anything of.
    refuses: Arc<Mutex<BTreeSet<String>>>,
    is_off: bool,
}

const KNOWN_CPR: &str = "0101019995";

impl Citizens for Care {
    async fn by_cpr(&self, cpr: &SecretString) -> Result<CitizenId, NotFound> {
        let cpr = cpr.expose_secret().replace('-', "");
        self.asked.lock().unwrap().push(cpr.clone());
        if self.refuses.lock().unwrap().contains(&cpr) {
            return Err(NotFound::Refused("care-refused"));
        }
        match (self.is_off, *self.is_away.lock().unwrap(), cpr == KNOWN_CPR) {
            (true, _, _) => Err(NotFound::NobodyToAsk),
            (_, true, _) => Err(NotFound::Away("care-took-too-long")),
            (_, _, true) => Ok(CitizenId::new("b-kendt").unwrap()),
            _ => Err(NotFound::Unknown),
        }
    }
}

struct Bench {
    inbox: TestInbox,
    care: Care,
    lists: Lists<TestInbox, Care>,
}

impl Bench {
    fn new(mapping_text: &str, care: Care) -> Self {
        Self::of("", mapping_text, care)
    }

    fn of(more: &str, mapping_text: &str, care: Care) -> Self {
        let settings = format!("folder = \"ind\"\nagreement = \"norddjurs\"\n{more}");
        let settings: Settings = toml::from_str(&settings).unwrap();
        let inbox = TestInbox::new();
        let now = Arc::new(night);
        let lists = Lists::new(&settings, mapping(mapping_text), masking(), inbox.clone(), care.clone(), now);
        Self { inbox, care, lists }
    }

    async fn drop(&self, bytes: impl Into<Vec<u8>>) -> Verdict {
        self.drop_at(bytes, night()).await
    }

    async fn drop_at(&self, bytes: impl Into<Vec<u8>>, written_at: DateTime<Utc>) -> Verdict {
        self.lists.handle(Dropped { name: "rute.csv".into(), bytes: bytes.into(), written_at }).await
    }

    async fn drop_as(&self, name: &str, bytes: impl Into<Vec<u8>>) -> Verdict {
        let (bytes, written_at) = (bytes.into(), night() + TimeDelta::minutes(5));
        self.lists.handle(Dropped { name: name.into(), bytes, written_at }).await
    }

    /// The files that wait have their turn again.
    fn again(&self) {
        self.lists.again(&["rute.csv".to_owned(), "rute-2.csv".to_owned()].into());
    }

    fn observed(&self) -> Vec<Observed> {
        self.inbox.change(|seen| seen.observed.clone())
    }

    fn facts(&self) -> Vec<Observation> {
        self.observed().into_iter().map(|it| it.observation).collect()
    }

    fn bad(&self) -> Vec<(u32, String, u32)> {
        self.inbox.change(|seen| seen.bad_rows.clone())
    }
}

/// One good list, read by default words; the answer: when its only visit was agreed.
async fn agreed_at(bytes: impl Into<Vec<u8>>) -> DateTime<Utc> {
    let bench = Bench::new(MAPPING, Care::default());
    assert_eq!(bench.drop(bytes).await, Verdict::Done);
    assert_eq!(bench.bad(), []);
    match bench.facts().as_slice() {
        [
            Observation::VisitPlanned {
                visit,
                citizen,
                help: Help::Personal,
                grant: Grant::Service,
                agreed_at,
                ..
            },
        ] => {
            assert_eq!((visit.as_str(), citizen.as_str()), ("b-1", "c-1"));
            *agreed_at
        }
        other => panic!("{other:?}"),
    }
}

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

const SEMICOLONS: &str = "Besøgs-ID;Borger-id;Navn;Ydelsestype;Planlagt start\r\nb-1;c-1;Åse Ærø;Personlig pleje;22.11.2026 07:30\r\n";

#[rstest]
#[case::utf8(SEMICOLONS.as_bytes().to_vec())]
#[case::with_a_mark([b"\xEF\xBB\xBF", SEMICOLONS.as_bytes()].concat())]
#[case::windows(windows_1252(SEMICOLONS))]
#[case::utf16([vec![0xFF, 0xFE], SEMICOLONS.encode_utf16().flat_map(u16::to_le_bytes).collect()].concat())]
#[case::lines_of_unix(SEMICOLONS.replace("\r\n", "\n").into_bytes())]
#[case::lines_of_old_machines(SEMICOLONS.replace("\r\n", "\r").into_bytes())]
#[case::told_separator(format!("sep=;\r\n\r\n{SEMICOLONS}").into_bytes())]
#[case::commas(SEMICOLONS.replace(';', ",").into_bytes())]
#[case::tabs(SEMICOLONS.replace(';', "\t").into_bytes())]
#[case::quoted(b"visit,citizen,help,agreed_at\n\"b-1\",\"c-1\",\"personal\",\"2026-11-22T07:30:00+01:00\"\n".to_vec())]
#[case::kept_zeros(b"visit;citizen;help;agreed_at\n=\"b-1\";=\"c-1\";personal;2026-11-22 06:30Z".to_vec())]
#[case::a_note_over_lines(b"visit;note;citizen;help;agreed_at\nb-1;\"ring\nforst\";c-1;personal;22/11-26 7.30".to_vec())]
#[case::date_and_time(b"visit;citizen;help;Dato;Starttid\nb-1;c-1;personal;22-11-2026;kl. 7.30\n".to_vec())]
#[case::json(br#"[{"visit":"b-1","citizen":"c-1","help":"personal","agreed_at":"2026-11-22T06:30:00Z","name":"Karl"}]"#.to_vec())]
#[case::json_lines(b"{\"visit\":\"b-1\",\"citizen\":\"c-1\",\"help\":\"personal\",\"agreed_at\":\"22.11.2026 07:30\"}\n".to_vec())]
#[case::json_wrapped(br#"{"visits": [{"visit":"b-1","citizen":"c-1","help":"personal","agreed_at":"22.11.2026 07:30"}], "n": 1}"#.to_vec())]
#[tokio::test]
async fn a_list_is_read_however_it_was_saved(#[case] bytes: Vec<u8>) {
    assert_eq!(agreed_at(bytes).await, utc("2026-11-22T06:30:00Z"));
}

fn windows_1252(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

#[rstest]
#[case("22.11.2026 07:30", "2026-11-22T06:30:00Z")]
#[case("22-11-26 7.30", "2026-11-22T06:30:00Z")]
#[case("22.11.2026 kl. 07.30", "2026-11-22T06:30:00Z")]
#[case("2026-11-22 07:30:15", "2026-11-22T06:30:15Z")]
#[case("20261122T0730", "")]
#[case("22.11.2026 24:00", "2026-11-22T23:00:00Z")]
#[case("2026-07-01T07:30:00.5-04:00", "2026-07-01T11:30:00.500Z")]
// The hour that is doubled is the first one; the one that is missing ends before the gap.
#[case("25.10.2026 02:30", "2026-10-25T00:30:00Z")]
#[case("29.03.2026 02:30", "2026-03-29T00:59:59.999Z")]
#[case("11/22/2026 07:30", "")]
#[case("22.11.1926 07:30", "")]
#[case("31.11.2026 07:30", "")]
#[case("22.11.2026 25:00", "")]
#[case("i morgen 07:30", "")]
#[case("22.11.2026", "")]
#[case("-1.-1.-1 -1:-1", "")]
#[case("", "")]
fn danish_dates(#[case] text: &str, #[case] wanted: &str) {
    let wanted = (!wanted.is_empty()).then(|| When::At(utc(wanted)));
    assert_eq!(times::when(text), wanted);
}

#[tokio::test]
async fn a_status_and_times_become_facts_in_their_order() {
    let bench = Bench::new(MAPPING, Care::default());
    // It is 02:14. A clock time alone is the one nearest to the agreed time, here across midnight.
    let list = "visit;citizen;help;agreed_at;forventet;startet;udført;status\n\
                b-1;c-1;pleje;21.11.2026 23:50;;00:10;00:40;Udført\n\
                b-2;c-2;pleje;22.11.2026 07:30;08:15;;;Planlagt\n\
                b-3;c-3;pleje;22.11.2026 01:00;;;;Ikke hjemme\n\
                b-4;c-4;pleje;22.11.2026 09:00;;;;Afbud fra borger\n";
    assert_eq!(bench.drop(list).await, Verdict::Done);
    assert_eq!(bench.bad(), []);
    let observed = bench.observed();
    let is_at = |at: usize| observed[at].at;
    let kinds: Vec<String> = observed
        .iter()
        .map(|it| serde_json::to_value(&it.observation).unwrap()["type"].to_string())
        .collect();
    assert_eq!(
        kinds.join(" ").replace('"', ""),
        "visit-planned visit-started visit-done visit-planned visit-expected visit-planned door-unanswered \
         visit-planned visit-cancelled"
    );
    assert_eq!((is_at(1), is_at(2)), (utc("2026-11-21T23:10:00Z"), utc("2026-11-21T23:40:00Z")));
    let Observation::VisitExpected { expected_at, .. } = &observed[4].observation else { panic!() };
    assert_eq!(*expected_at, utc("2026-11-22T07:15:00Z"));
    let Observation::VisitCancelled { by: CancelledBy::Citizen, told_at, .. } = &observed[8].observation
    else {
        panic!("{observed:?}")
    };
    assert_eq!(*told_at, night());
}

#[rstest]
#[case("b-1;c-1;flyvning;22.11.2026 07:30;", "unknown-help")]
#[case("b-1;c-1;;22.11.2026 07:30;", "missing-help")]
#[case("b-1;;pleje;22.11.2026 07:30;", "missing-citizen")]
#[case("b-1;c-1;pleje;;", "missing-time")]
#[case("b-1;c-1;pleje;i morgen;", "bad-time")]
#[case("b-1;c-1;pleje;07:30;", "missing-date")]
#[case("b-1;c-1;pleje;22.11.2026 07:30;svævende", "unknown-status")]
#[case("b-1;c-1;pleje;22.11.2026 07:30;aflyst", "missing-cancelled-by")]
#[case(";c-1;pleje;22.11.2026 07:30;", "missing-visit")]
#[case("b-1;;;;", "missing-citizen")]
#[case("b-1;c-1;pleje;22.11.2026 07:30;;;flyttet en celle", "too-many-cells")]
#[case("1,23457E+11;c-1;pleje;22.11.2026 07:30;", "not-an-id")]
#[case("1.2E+05;c-1;pleje;22.11.2026 07:30;", "not-an-id")]
#[case("1E5;c-1;pleje;22.11.2026 07:30;", "not-an-id")]
#[case("#REF!;c-1;pleje;22.11.2026 07:30;", "not-an-id")]
#[case("#N/A;c-1;pleje;22.11.2026 07:30;", "not-an-id")]
#[case("#I/T;c-1;pleje;22.11.2026 07:30;", "not-an-id")]
#[case("#VÆRDI!;c-1;pleje;22.11.2026 07:30;", "not-an-id")]
#[case("#NAVN?;c-1;pleje;22.11.2026 07:30;", "not-an-id")]
#[case("#######;c-1;pleje;22.11.2026 07:30;", "not-an-id")]
#[case("b-1;1,23457E+09;pleje;22.11.2026 07:30;", "not-an-id")]
#[case("b-1;\"c-1;pleje;22.11.2026 07:30;", "open-quote")]
#[tokio::test]
async fn a_bad_row_is_told_with_its_line_and_reason_and_the_rest_goes_in(
    #[case] row: &str,
    #[case] what: &str,
) {
    let bench = Bench::new(MAPPING, Care::default());
    let good = |id: &str| format!("{id};c-9;pleje;22.11.2026 08:00;planlagt\n");
    let list = format!("visit;citizen;help;agreed_at;status\n{}\n{row}\n{}", good("b-8"), good("b-9"));
    assert_eq!(bench.drop(list).await, Verdict::Done);
    // The blank line counts: the line is the one that an editor shows.
    assert_eq!(bench.bad(), [(4, what.to_owned(), 1)]);
    assert_eq!(bench.facts().len(), 2);
}

#[tokio::test]
async fn a_list_of_which_no_row_can_be_read_is_kept_for_when_it_can() {
    let bench = Bench::new("", Care::default());
    let list = "visit;citizen;help;agreed_at\nb-1;c-1;PP;22.11.2026 08:00\nb-2;c-2;PP;22.11.2026 09:00\n";
    assert_eq!(bench.drop(list).await, Verdict::SetAside(Code::new("no-row-read").unwrap()));
    assert_eq!(bench.bad(), [(2, "unknown-help".to_owned(), 1), (3, "unknown-help".to_owned(), 1)]);
    assert!(bench.facts().is_empty());
}

#[tokio::test]
async fn many_bad_rows_are_told_one_by_one_and_then_by_reason() {
    let bench = Bench::new(MAPPING, Care::default());
    let mut list = "visit;citizen;help;agreed_at\n".to_owned();
    for number in 0..50 {
        writeln!(list, "b-{number};c-1;{};i dag", if number % 2 == 0 { "pleje" } else { "flyvning" })
            .unwrap();
    }
    bench.drop(list).await;
    let bad = bench.bad();
    assert_eq!((bad.len(), bad[0].clone()), (22, (2, "bad-time".into(), 1)));
    assert_eq!(bad[20..], [(22, "bad-time".into(), 15), (23, "unknown-help".into(), 15)]);
}

#[rstest]
#[case::a_title("Ruteplan for søndag 22. november\n", 2)]
#[case::a_title_over_all_columns("Ruteplan;;;;\nDistrikt Nord;;;;\n\n", 4)]
#[case::a_title_that_is_a_columns_name("Besøg\n", 2)]
#[case::a_mark_a_title_and_a_separator("\u{feff}sep=;\n\nUdskrevet, af Karl, 21.11.2026\n", 4)]
#[case::an_open_quote("Rute \"nord\n", 2)]
#[case::many("Forklaring\n".repeat(24).leak(), 25)]
#[tokio::test]
async fn lines_above_the_names_of_the_columns_are_passed_over(#[case] above: &str, #[case] line: u32) {
    let list = format!("{above}{SEMICOLONS}{}", "b-2;c-2;Karl;Flyvning;22.11.2026 08:30\r\n");
    let checked = check(list.as_bytes(), &mapping(MAPPING), &reading()).unwrap();
    assert_eq!((checked.good, checked.header_line), (1, Some(line)));
    let bad: Vec<_> = checked.bad.iter().map(|bad| (bad.place.line, bad.place.row, bad.what)).collect();
    assert_eq!(bad, [(line + 2, None, "unknown-help")], "the line is the one that an editor shows");
    agreed_at(format!("{above}{SEMICOLONS}")).await;
}

#[tokio::test]
async fn too_much_above_the_names_of_the_columns_is_no_list() {
    let list = format!("{}{SEMICOLONS}", "Forklaring\n".repeat(25));
    let Verdict::SetAside(why) = Bench::new(MAPPING, Care::default()).drop(list).await else { panic!() };
    assert_eq!(why.as_str(), "no-visit-column");
}

#[test]
fn the_rows_of_a_json_list_are_told_apart_also_on_one_line() {
    let row = |id: u32, help: &str| {
        format!(r#"{{"visit":"b-{id}","citizen":"c","help":"{help}","agreed_at":"2026-11-22T06:30:00Z"}}"#)
    };
    let rows = [row(1, "pleje"), row(2, "flyvning"), row(3, "pleje"), row(4, "flyvning")];
    let bad = |list: String| -> Vec<(u32, Option<u32>)> {
        let checked = check(list.as_bytes(), &mapping(MAPPING), &reading()).unwrap();
        assert_eq!((checked.good, checked.header_line), (2, None));
        checked.bad.iter().map(|bad| (bad.place.line, bad.place.row)).collect()
    };
    assert_eq!(bad(format!("[{}]", rows.join(","))), [(1, Some(2)), (1, Some(4))]);
    assert_eq!(bad(format!("{{\"visits\": [\n{}]}}", rows.join(",\n"))), [(3, Some(2)), (5, Some(4))]);
    assert_eq!(bad(rows.join("\n")), [(2, Some(2)), (4, Some(4))]);
}

#[tokio::test]
async fn one_row_of_a_json_list_on_one_line_waits_alone() {
    let bench = Bench::new(MAPPING, Care::default());
    bench.care.refuses.lock().unwrap().insert(KNOWN_CPR.to_owned());
    let row = |id: u32, citizen: &str| {
        format!(
            r#"{{"visit":"b-{id}","citizen":"{citizen}","help":"pleje","agreed_at":"2026-11-22T06:30:00Z"}}"#
        )
    };
    let list = format!("[{},{},{}]", row(1, "c-1"), row(2, KNOWN_CPR), row(3, "c-3"));
    assert_eq!(bench.drop(list.clone()).await, waits(1, "care-refused"));
    assert_eq!(bench.facts().len(), 2);
    bench.care.refuses.lock().unwrap().clear();
    bench.again();
    assert_eq!((bench.drop(list).await, bench.facts().len()), (Verdict::Done, 3));
}

#[rstest]
#[case(b"".as_slice(), "empty-file")]
#[case(b" \r\n\r\n", "empty-file")]
#[case(b"PK\x03\x04\x14\x00", "is-workbook")]
#[case(b"\xD0\xCF\x11\xE0\xA1", "is-workbook")]
#[case(b"visit;citizen\0", "not-text")]
#[case(b"navn;adresse\nKarl;Vej 1\n", "no-visit-column")]
#[case(b"{}", "no-visit-column")]
#[case(b"[1, 2]", "not-a-list")]
#[tokio::test]
async fn a_file_that_says_nothing_is_set_aside_with_why(#[case] bytes: &[u8], #[case] what: &str) {
    let bench = Bench::new(MAPPING, Care::default());
    let Verdict::SetAside(why) = bench.drop(bytes).await else { panic!() };
    assert_eq!(why.as_str(), what);
}

#[tokio::test]
async fn a_mapping_file_says_what_a_systems_columns_and_words_mean() {
    let words = "[columns]\nvisit = \"Nr.\"\ncitizen = [\"Sag\", \"Borger\"]\nagreed_at = \"Kl\"\nhelp = \"Art\"\n\
                 [help]\n\"PP\" = \"personal\"\n[status]\n\"X\" = \"pass-over\"\n\"4\" = \"cancelled\"\n\
                 [defaults]\ngrant = \"pathway\"\ncancelled_by = \"municipality\"\n";
    let bench = Bench::new(words, Care::default());
    let list = "NR;SAG;ART;DATO;KL;STATUS\n1;s1;pp;22.11.2026;0730;X\n2;s2;pp;22.11.2026;07:30;4\n";
    assert_eq!(bench.drop(list).await, Verdict::Done);
    assert_eq!(bench.bad(), []);
    let facts = bench.facts();
    assert!(
        matches!(
            facts.as_slice(),
            [
                Observation::VisitPlanned { grant: Grant::Pathway, .. },
                Observation::VisitCancelled { by: CancelledBy::Municipality, .. }
            ]
        ),
        "{facts:?}"
    );
}

#[rstest]
#[case("[colums]\n")]
#[case("[columns]\nvisits = \"x\"\n")]
#[case("[help]\nx = \"flying\"\n")]
#[case("separator = \"ab\"\n")]
fn a_mistake_in_a_mapping_file_is_refused(#[case] text: &str) {
    assert!(toml::from_str::<Mapping>(text).is_err());
}

// ---- citizens -------------------------------------------------------------------------------

const BY_CPR: &str = "visit;cpr;help;agreed_at\n\
                      b-1;010101-9995;pleje;22.11.2026 07:30\n\
                      b-2;0101019995;pleje;22.11.2026 09:30\n\
                      b-3;020202-1234;pleje;22.11.2026 10:30\n\
                      b-4;c-4;pleje;22.11.2026 11:30\n";

#[tokio::test]
async fn a_citizen_named_by_cpr_is_asked_about_and_the_number_goes_nowhere() {
    let bench = Bench::new(MAPPING, Care::default());
    assert_eq!(bench.drop(BY_CPR).await, Verdict::Done);
    // Whom nobody knows is taken under what stands for the number, and said.
    assert_eq!((bench.bad(), bench.odd()), (vec![], vec![(4, "citizen-unknown".into(), 1)]));
    let observed = bench.observed();
    assert_eq!(observed.len(), 4);
    for one in &observed {
        assert!(!looks_like_cpr(&format!("{one:?}")), "{one:?}");
    }
}

#[tokio::test]
async fn without_a_care_system_a_row_with_a_cpr_number_is_taken_and_said() {
    let bench = Bench::new(MAPPING, Care { is_off: true, ..Care::default() });
    assert_eq!(bench.drop(BY_CPR).await, Verdict::Done);
    let lines: Vec<u32> = bench.odd().iter().map(|(line, _, _)| *line).collect();
    assert_eq!((lines, bench.facts().len(), bench.bad()), (vec![2, 3, 4], 4, vec![]));
    assert!(bench.odd().iter().all(|(_, what, _)| what == "citizen-is-cpr"));
    let whose: Vec<String> = bench
        .facts()
        .iter()
        .map(|fact| match fact {
            Observation::VisitPlanned { citizen, .. } => citizen.to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(whose[0] == whose[1] && whose[1] != whose[2], "one number is one citizen: {whose:?}");
}

fn waits(count: u32, why: &str) -> Verdict {
    Verdict::Waits(Waiting { count, why: Code::new(why).unwrap() })
}

#[tokio::test]
async fn while_the_care_system_is_away_the_rest_goes_in_and_the_file_waits() {
    let bench = Bench::new(MAPPING, Care::default());
    *bench.care.is_away.lock().unwrap() = true;
    let many: String = (10..99).map(|n| format!("b-{n};0202{n}-1234;pleje;22.11.2026 07:30\n")).collect();
    let list = format!("{BY_CPR}{many}");
    assert_eq!(bench.drop(list.clone()).await, waits(92, "care-took-too-long"));
    assert_eq!((bench.facts().len(), bench.bad()), (1, vec![]));
    assert_eq!(bench.care.asked.lock().unwrap().len(), 3, "not for every row, nor for one number twice");
    assert_eq!(bench.drop(list.clone()).await, waits(92, "care-took-too-long"));
    assert_eq!(bench.care.asked.lock().unwrap().len(), 3, "nor again before its turn");
    *bench.care.is_away.lock().unwrap() = false;
    bench.again();
    assert_eq!(bench.drop(list).await, Verdict::Done);
    assert_eq!(
        (bench.facts().len(), bench.odd().len()),
        (93, 21),
        "the strangers are told, and then by reason"
    );
}

#[tokio::test]
async fn a_citizen_that_is_refused_keeps_only_their_own_rows_waiting_also_in_later_lists() {
    let bench = Bench::new(MAPPING, Care::default());
    bench.care.refuses.lock().unwrap().insert(KNOWN_CPR.to_owned());
    assert_eq!(bench.drop(BY_CPR).await, waits(2, "care-refused"));
    assert_eq!((bench.facts().len(), bench.odd().len()), (2, 1), "the stranger is taken and told");
    // A later list moves one of the two: it must not be overtaken by the earlier one when that goes in.
    let later =
        "visit;cpr;help;agreed_at\nb-1;010101-9995;pleje;22.11.2026 09:00\nb-5;c-5;pleje;22.11.2026 12:00\n";
    assert_eq!(bench.drop_as("rute-2.csv", later).await, waits(1, "care-refused"));
    assert_eq!(bench.facts().len(), 3);
    let asked = bench.care.asked.lock().unwrap().len();
    bench.care.refuses.lock().unwrap().clear();
    assert_eq!(bench.drop_as("rute-2.csv", later).await, waits(1, "care-refused"), "not before the first");
    bench.again();
    assert_eq!(bench.drop(BY_CPR).await, Verdict::Done);
    assert_eq!(bench.drop_as("rute-2.csv", later).await, Verdict::Done);
    assert_eq!(bench.care.asked.lock().unwrap().len() - asked, 2, "one number, once for each list");
    let facts = bench.facts();
    let last = facts.iter().rev().find_map(|it| match it {
        Observation::VisitPlanned { visit, agreed_at, .. } if visit.as_str() == "b-1" => Some(*agreed_at),
        _ => None,
    });
    assert_eq!((facts.len(), last), (6, Some(utc("2026-11-22T08:00:00Z"))), "{facts:?}");
    assert_eq!(bench.odd().len(), 1, "told once");
}

#[tokio::test]
async fn a_row_whose_visit_is_long_over_waits_for_nobody() {
    let bench = Bench::new(MAPPING, Care::default());
    bench.care.refuses.lock().unwrap().insert(KNOWN_CPR.to_owned());
    let list = "visit;cpr;help;agreed_at\nb-1;010101-9995;pleje;20.11.2026 07:30\n";
    assert_eq!(bench.drop(list).await, Verdict::Done);
    assert_eq!((bench.facts().len(), bench.odd()), (1, vec![(2, "citizen-never-told".into(), 1)]));
}

// ---- whole lists ------------------------------------------------------------------------------

#[tokio::test]
async fn a_whole_list_takes_off_the_board_what_it_no_longer_names() {
    let list = |ids: &[u32]| {
        let row = |id: &u32| format!("b-{id};c-1;pleje;22.11.2026 {:02}:00\n", 7 + id);
        format!("visit;citizen;help;agreed_at\n{}", ids.iter().map(row).collect::<String>())
    };
    let stands = |id: u32| StandingVisit {
        visit: ExternalId::new(format!("b-{id}")).unwrap(),
        citizen: None,
        planned_at: utc(&format!("2026-11-22T{:02}:00:00Z", 6 + id)),
        version: 1,
    };
    let gone = |bench: &Bench| -> Vec<String> {
        let withdrawn = |it: Observation| match it {
            Observation::VisitCancelled { visit, withdrawn: true, .. } => Some(visit.to_string()),
            _ => None,
        };
        bench.facts().into_iter().filter_map(withdrawn).collect()
    };
    let with = |more: &str| {
        let bench = Bench::of(more, MAPPING, Care::default());
        bench.inbox.change(|seen| seen.planned = (0..6).map(stands).collect());
        bench
    };
    let bench = with("whole = true\n");
    assert_eq!(bench.drop(list(&[1, 3, 4])).await, Verdict::Done);
    assert_eq!(gone(&bench), ["b-2"], "not what lies outside of the list's time");

    let bench = with("");
    assert_eq!(
        (bench.drop(list(&[1, 4])).await, gone(&bench)),
        (Verdict::Done, vec![]),
        "as is not said of it"
    );

    let bench = with("whole = true\n");
    let broken = format!("{}b-9;c-1;flyvning;22.11.2026 09:00\n", list(&[1, 4]));
    assert_eq!((bench.drop(broken).await, gone(&bench)), (Verdict::Done, vec![]), "a row could not be read");

    let bench = with("whole = true\n");
    bench.care.refuses.lock().unwrap().insert(KNOWN_CPR.to_owned());
    let partly = format!("{}b-8;{KNOWN_CPR};pleje;22.11.2026 09:30\n", list(&[1, 4]));
    assert_eq!((bench.drop(partly.clone()).await, gone(&bench)), (waits(1, "care-refused"), vec![]));
    bench.care.refuses.lock().unwrap().clear();
    bench.again();
    assert_eq!((bench.drop(partly).await, gone(&bench)), (Verdict::Done, vec!["b-2".into(), "b-3".into()]));

    let bench = with("whole = true\n");
    bench.inbox.change(|seen| {
        let named = |n: u32| ExternalId::new(format!("b-{n}")).unwrap();
        let many = (100..120).map(|n| StandingVisit { visit: named(n), ..stands(2) });
        seen.planned.extend(many);
    });
    assert_eq!((bench.drop(list(&[1, 3, 4])).await, gone(&bench)), (Verdict::Done, vec![]));
    assert_eq!(bench.inbox.change(|seen| seen.unreadable.clone()), ["list-shrunk"]);
}

// ---- repeats --------------------------------------------------------------------------------

#[tokio::test]
async fn the_same_file_again_is_harmless_and_a_later_one_may_say_what_an_earlier_one_said() {
    let bench = Bench::new(MAPPING, Care::default());
    let list = |clock: &str| format!("visit;citizen;help;agreed_at\nb-1;c-1;pleje;22.11.2026 {clock}\n");
    let at = |minutes: i64| night() - TimeDelta::minutes(60 - minutes);
    for _ in 0..2 {
        assert_eq!(bench.drop_at(list("09:00"), at(0)).await, Verdict::Done);
    }
    assert_eq!(bench.facts().len(), 1);
    bench.drop_at(list("10:00"), at(5)).await;
    bench.drop_at(list("09:00"), at(10)).await;
    assert_eq!(bench.facts().len(), 3, "moved to ten and back to nine");
}

#[tokio::test]
async fn our_own_trouble_tells_of_no_row_and_keeps_the_file() {
    let bench = Bench::new(MAPPING, Care::default());
    bench.inbox.change(|seen| seen.turn_away = 1);
    let list = "visit;citizen;help;agreed_at\nb-1;c-1;pleje;22.11.2026 07:30\nb-2;c-1;x;22.11.2026 07:30\n";
    assert_eq!((bench.drop(list).await, bench.bad()), (Verdict::Retry, vec![]));
    assert_eq!(bench.drop(list).await, Verdict::Done);
    assert_eq!((bench.facts().len(), bench.bad().len()), (1, 1));
}

// ---- hostile --------------------------------------------------------------------------------

fn reading() -> Reading {
    Reading { now: night(), written_at: night() }
}

#[rstest]
#[case::csv(
    "visit;citizen;help;agreed_at\nb-1;\"c-1\";pleje;22.11.2026 07:30\nb-2;c-2;\"pleje\";22.11.2026 08:30\n"
)]
#[case::json(
    r#"[{"visit":"b-1","citizen":"c-1","help":"pleje","agreed_at":"22.11.2026 07:30"},
{"visit":"b-\"2","citizen":"c-2","help":"pleje","agreed_at":"22.11.2026 08:30"}]"#
)]
fn a_file_cut_anywhere_makes_no_more_of_it_than_is_there(#[case] whole: &str) {
    let words = mapping(MAPPING);
    for at in 0..=whole.len() {
        // Either nothing of it can be read, or what is read is at most what was there.
        if let Ok(checked) = check(&whole.as_bytes()[..at], &words, &reading()) {
            assert!(checked.good + checked.bad.len() <= 2, "cut at {at}: {checked:?}");
        }
    }
    assert_eq!(check(whole.as_bytes(), &words, &reading()).unwrap().good, 2);
}

#[test]
fn bytes_of_any_kind_are_survived() {
    let words = mapping(MAPPING);
    let good =
        b"visit;citizen;help;agreed_at\nb-1;\"c-1\";pleje;22.11.2026 07:30\nb-2;c-2;pleje;22.11.2026 08:30\n";
    for at in 0..good.len() {
        for byte in [0, b'"', b'\r', b'\n', b';', 0xFF, b'{', 0xC3] {
            let mut bytes = good.to_vec();
            bytes[at] = byte;
            // Whatever it is: an answer, and no line beyond the file's.
            if let Ok(checked) = check(&bytes, &words, &reading()) {
                assert!(
                    checked.bad.iter().all(|bad| (1..=4).contains(&bad.place.line)),
                    "{at} {byte}: {checked:?}"
                );
            }
        }
    }
}

#[test]
fn nothing_but_quotes_or_braces_ends_as_well() {
    let words = mapping(MAPPING);
    let header = "visit;citizen;help;agreed_at\n";
    for body in ["\"", "\"\n", "\"a\n;", "{", "[", "\\\"", "=\"\n"] {
        let list = format!("{header}{}", body.repeat(5_000));
        let checked = check(list.as_bytes(), &words, &reading()).unwrap();
        assert_eq!(checked.good, 0, "{body:?}");
        // As JSON, nested as deep as it likes.
        let _ = check(body.repeat(5_000).as_bytes(), &words, &reading());
    }
}

#[tokio::test]
async fn a_list_of_ten_thousand_goes_in_whole() {
    let bench = Bench::new(MAPPING, Care::default());
    let mut list = "visit;citizen;navn;help;agreed_at\n".to_owned();
    for number in 0..10_000 {
        writeln!(list, "b-{number};c-{};\"Karl; Olsen\";pleje;22.11.2026 08:00", number % 800).unwrap();
    }
    assert_eq!(bench.drop(list).await, Verdict::Done);
    let visits: BTreeSet<String> = bench.observed().iter().map(|it| it.key.to_string()).collect();
    assert_eq!((visits.len(), bench.bad()), (10_000, vec![]));
}

#[test]
fn more_rows_than_anybody_has_are_told_as_one_trouble() {
    let list = format!("visit;status\n{}", "b-1;udført\n".repeat(50_010));
    let checked = check(list.as_bytes(), &mapping(MAPPING), &reading()).unwrap();
    assert_eq!((checked.good, checked.bad.len(), checked.bad[0].what), (50_000, 1, "too-many-rows"));
}

// ---- what a spreadsheet and a bad clock leave -------------------------------------------------

impl Bench {
    fn odd(&self) -> Vec<(u32, String, u32)> {
        self.inbox.change(|seen| seen.odd_rows.clone())
    }
}

const HEAD: &str = "visit;citizen;help;agreed_at;startet;status\n";

#[tokio::test]
async fn all_refused_rows_of_a_file_are_told_at_once() {
    let bench = Bench::new(MAPPING, Care::default());
    let list = format!(
        "{HEAD}1,23457E+11;c-1;pleje;22.11.2026 07:30;;\nb-1;c-1;pleje;22.11.2026 08:00;;\n#REF!;c-2;pleje;22.11.2026 09:00;;\n"
    );
    assert_eq!(bench.drop(list).await, Verdict::Done);
    assert_eq!(bench.bad(), [(2, "not-an-id".into(), 1), (4, "not-an-id".into(), 1)]);
    assert_eq!((bench.inbox.change(|seen| seen.bad_files), bench.facts().len()), (1, 1));
}

#[tokio::test]
async fn one_id_for_two_citizens_is_two_visits_and_is_said_of_both_rows() {
    let bench = Bench::new(MAPPING, Care::default());
    let list = format!("{HEAD}b-1;c-1;pleje;22.11.2026 07:30;;\nb-1;c-2;pleje;22.11.2026 02:00;02:05;\n");
    assert_eq!(bench.drop(list).await, Verdict::Done);
    let planned: BTreeSet<(String, String)> = bench
        .facts()
        .iter()
        .filter_map(|fact| match fact {
            Observation::VisitPlanned { visit, citizen, .. } => {
                Some((visit.to_string(), citizen.to_string()))
            }
            _ => None,
        })
        .collect();
    let visits: BTreeSet<&String> = planned.iter().map(|(visit, _)| visit).collect();
    assert_eq!((planned.len(), visits.len()), (2, 2), "{planned:?}");
    assert_eq!(bench.odd()[..2], [(2, "two-citizens".into(), 1), (3, "two-citizens".into(), 1)]);
    assert_eq!(bench.bad(), []);
}

#[tokio::test]
async fn one_visit_at_two_times_is_said_and_the_last_stands() {
    let bench = Bench::new(MAPPING, Care::default());
    let list = format!("{HEAD}b-1;c-1;pleje;22.11.2026 07:30;;\nb-1;c-1;pleje;22.11.2026 09:00;;\n");
    assert_eq!(bench.drop(list).await, Verdict::Done);
    assert_eq!((bench.odd(), bench.facts().len()), (vec![(3, "visit-twice".into(), 1)], 2));
}

#[rstest]
#[case("101019995")]
#[case("10101-9995")]
#[case("010101-9995")]
#[case("010101 9995")]
#[case("01.01.01.9995")]
#[case("101019995.0")]
#[case("\u{feff}0101019995")]
#[case("\u{a0}0101019995\u{a0}")]
#[tokio::test]
async fn a_citizen_as_a_spreadsheet_leaves_the_number_is_looked_up_and_never_kept(#[case] cpr: &str) {
    let bench = Bench::new(MAPPING, Care::default());
    assert_eq!(bench.drop(format!("{HEAD}b-1;{cpr};pleje;22.11.2026 07:30;;\n")).await, Verdict::Done);
    assert_eq!(*bench.care.asked.lock().unwrap(), [KNOWN_CPR]);
    let [Observation::VisitPlanned { citizen, .. }] = &bench.facts()[..] else { panic!() };
    assert_eq!(citizen.as_str(), "b-kendt");
}

/// Every way in which a number of a person comes into a cell.
fn numbers() -> Vec<String> {
    let (nine, ten) = ("101280123", "0101019995");
    [
        nine.into(),
        ten.into(),
        format!("{}-{}", &ten[..6], &ten[6..]),
        format!("{}-{}", &nine[..5], &nine[5..]),
    ]
    .into_iter()
    .chain([
        format!("{} {}", &ten[..6], &ten[6..]),
        format!("{ten}.0"),
        format!("\u{a0}{ten}"),
        format!("{ten},00"),
    ])
    .collect()
}

#[tokio::test]
async fn no_id_of_a_row_that_reads_as_a_number_of_a_person_is_kept_or_refused() {
    for number in numbers() {
        for off in [true, false] {
            let bench = Bench::new(MAPPING, Care { is_off: off, ..Care::default() });
            let unknown = number.replace("9995", "9979");
            let list = format!("{HEAD}{number};{unknown};pleje;22.11.2026 07:30;00:30;\n");
            assert_eq!(bench.drop(list).await, Verdict::Done);
            assert_eq!(bench.bad(), [], "{number}");
            let said = format!("{:?}", bench.observed());
            let digits: String = number.chars().filter(char::is_ascii_digit).collect();
            assert!(!said.contains(&digits[..9]) && !said.contains(&unknown), "{number} in {said}");
            assert!(bench.facts().len() >= 2, "{number}");
            let odd: BTreeSet<String> = bench.odd().into_iter().map(|(_, what, _)| what).collect();
            assert!(odd.contains("id-read-as-cpr"), "{number}: {odd:?}");
            assert!(
                odd.contains(if off { "citizen-is-cpr" } else { "citizen-unknown" }),
                "{number}: {odd:?}"
            );
        }
    }
}

#[tokio::test]
async fn one_wrong_byte_costs_neither_the_header_nor_another_row() {
    let head = "Besøgs-ID;Borger-id;Navn;Ydelsestype;Planlagt start\n";
    let mut list = head.as_bytes().to_vec();
    list.extend_from_slice(b"b-1;c-1;K\xFFrl;Personlig pleje;22.11.2026 07:30\n");
    list.extend_from_slice("b-2;c-2;Åse Ærø;Rengøring;22.11.2026 08:30\n".as_bytes());
    let bench = Bench::new(MAPPING, Care::default());
    assert_eq!(bench.drop(list).await, Verdict::Done);
    assert_eq!((bench.bad(), bench.odd()), (vec![], vec![(2, "bad-byte".into(), 1)]));
    let helps: Vec<_> = bench
        .facts()
        .into_iter()
        .map(|it| match it {
            Observation::VisitPlanned { help, .. } => help,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(helps, [Help::Personal, Help::Practical]);
}

#[tokio::test]
async fn two_columns_of_one_name_are_said_and_the_first_is_read() {
    let bench = Bench::new(MAPPING, Care::default());
    let list = "visit;citizen;help;agreed_at;citizen\nb-1;c-1;pleje;22.11.2026 07:30;c-2\n";
    assert_eq!(bench.drop(list).await, Verdict::Done);
    assert_eq!(bench.odd(), [(1, "column-twice".into(), 1)]);
    let [Observation::VisitPlanned { citizen, .. }] = &bench.facts()[..] else { panic!() };
    assert_eq!(citizen.as_str(), "c-1");
}

#[rstest]
#[case("28.03.2027 02:30", "time-missing")]
#[case("25.10.2026 02:30", "time-doubled")]
#[case("22.09.2026 07:30", "long-past")]
#[case("22.11.2028 07:30", "far-ahead")]
#[tokio::test]
async fn a_time_that_cannot_be_is_taken_and_said(#[case] time: &str, #[case] what: &str) {
    let bench = Bench::new(MAPPING, Care::default());
    assert_eq!(bench.drop(format!("{HEAD}b-1;c-1;pleje;{time};;\n")).await, Verdict::Done);
    assert_eq!((bench.bad(), bench.facts().len()), (vec![], 1));
    assert!(bench.odd().contains(&(2, what.into(), 1)), "{:?}", bench.odd());
}

#[tokio::test]
async fn a_start_in_the_future_is_a_start_now_and_one_that_is_no_time_is_passed_over() {
    let bench = Bench::new(MAPPING, Care::default());
    let rows = "b-1;c-1;pleje;22.11.2026 02:00;22.11.2026 05:00;\nb-2;c-2;pleje;22.11.2026 02:00;hm;\n";
    assert_eq!(bench.drop(format!("{HEAD}{rows}")).await, Verdict::Done);
    assert_eq!(bench.odd(), [(2, "clock-ahead".into(), 1), (3, "time-unread".into(), 1)]);
    let started: Vec<_> = bench
        .observed()
        .into_iter()
        .filter(|it| matches!(it.observation, Observation::VisitStarted { .. }))
        .map(|it| it.at)
        .collect();
    assert_eq!(started, [night()]);
}

#[tokio::test]
async fn a_short_last_line_without_its_end_is_taken_and_marked() {
    for (last, odd) in [("b-2;c-2;pleje;22.11.2026 08:30", 1), ("b-2;c-2;pleje;22.11.2026 08:30;;", 0)] {
        let bench = Bench::new(MAPPING, Care::default());
        let list = format!("{HEAD}b-1;c-1;pleje;22.11.2026 07:30;;\n{last}");
        assert_eq!(bench.drop(list).await, Verdict::Done);
        assert_eq!((bench.facts().len(), bench.odd().len()), (2, odd), "{last}");
    }
}
