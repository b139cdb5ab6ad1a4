//! Every code the server may send has words in both languages, and only checked text is drawn.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use strum::VariantNames;
use vagttavle::domain::devices;
use vagttavle::domain::identity::Board;
use vagttavle::domain::people::Role;
use vagttavle::domain::vocabulary::{CorrectionReason, Word};
use vagttavle::domain::{
    Refusal, agreement, alarms, complaints, discharges, duties, escalation, kinds, observation, phone,
    sources, visits,
};
use vagttavle::i18n::{Lang, Texts};
use vagttavle::protocol::attention::{Next, Why};
use vagttavle::tui::action::Action;
use vagttavle::tui::keymap::{Context, Keymap};

#[track_caller]
fn has_words<'c>(prefix: &str, codes: impl IntoIterator<Item = &'c str>) {
    let codes: Vec<&str> = codes.into_iter().collect();
    assert!(!codes.is_empty(), "nothing to look for under {prefix}");
    for lang in Lang::ALL {
        let texts = Texts::new(lang);
        let holes: Vec<&&str> = codes.iter().filter(|code| !texts.has_code(prefix, code)).collect();
        assert!(holes.is_empty(), "{prefix}-… lacks {holes:?} in {lang:?}");
    }
}

/// Every word of a list has its text.
#[track_caller]
fn words<W: Word>(prefix: &str) {
    has_words(prefix, W::names());
}

#[test]
fn choices_have_words() {
    words::<alarms::Outcome>("outcome");
    words::<alarms::Ending>("outcome");
    words::<alarms::RedirectTo>("redirect-to");
    words::<alarms::Channel>("channel");
    words::<alarms::ContestReason>("contest");
    words::<alarms::Helper>("helper");
    words::<agreement::Response>("response");
    words::<phone::GiveUpReason>("give-up");
    words::<observation::MissedReason>("missed");
    words::<observation::Rank>("rank");
    words::<duties::PostponeReason>("postpone");
    words::<duties::ToldTo>("told-to");
    words::<agreement::Matter>("matter");
    words::<discharges::Teller>("teller");
    words::<discharges::StopReason>("stop");
    words::<discharges::Ending>("stop");
    words::<observation::Setting>("setting");
    words::<agreement::DischargeStep>("step");
    words::<agreement::DoorStep>("step");
    words::<visits::DoorOutcome>("door-outcome");
    words::<visits::Halt>("halt");
    words::<visits::Side>("off");
    words::<visits::Canceller>("party");
    words::<observation::CancelledBy>("party");
    words::<observation::Grant>("grant");
    words::<observation::Help>("help");
    words::<observation::Help>("help-short");
    words::<alarms::Correctable>("correct");
    words::<phone::Correctable>("correct");
    words::<discharges::Correctable>("correct");
    words::<visits::Correctable>("correct");
    words::<duties::Correctable>("correct");
    words::<complaints::Correctable>("correct");
    words::<complaints::Form>("form");
    words::<complaints::Subject>("complaint");
    words::<complaints::Settlement>("outcome");
    words::<agreement::Complaints>("complaints");
    words::<CorrectionReason>("correction");
    words::<escalation::Outcome>("escalated");
    words::<sources::TroubleKind>("trouble");
    words::<duties::DutyKind>("duty");
    has_words("board", Board::ALL.iter().copied().map(Board::name));
    words::<Role>("role");
}

#[test]
fn states_and_what_they_ask_for_have_words() {
    words::<alarms::AlarmState>("state");
    words::<phone::CallState>("state");
    words::<discharges::StayState>("state");
    words::<visits::VisitState>("state");
    words::<duties::DutyState>("state");
    words::<sources::TroubleState>("state");
    words::<complaints::ComplaintState>("state");
    words::<discharges::Upset>("upset-short");
    words::<Why>("why");
    words::<Next>("next");
}

#[test]
fn every_trouble_with_an_exchange_has_words() {
    let mut codes = BTreeSet::from(["nobody-on-duty".to_owned()]);
    for (path, text) in program("sources/ami") {
        if path.ends_with("link.rs") || path.ends_with("wire.rs") {
            codes.extend(quoted_after(&text, "=> "));
            codes.extend(quoted_after(&text, "code("));
        }
    }
    assert!(codes.contains("half-open") && codes.contains("line-too-long"), "{codes:?}");
    has_words("trouble-what", codes.iter().map(String::as_str));
}

#[test]
fn every_trouble_with_alarm_units_and_every_trigger_has_words() {
    let texts: String = program("sources/scaip").into_iter().map(|(_, text)| text).collect();
    let codes: BTreeSet<String> = ["unreadable(", "tell(", "Err(", "Lost(", "ok_or(", "{ ", "=> ", "new("]
        .iter()
        .flat_map(|before| quoted_after(&texts, before))
        .filter(|code| !code.ends_with('-') && code.contains('-'))
        .filter(|code| {
            !["municipal-unit", "content-type", "content-length", "call-id", "sha-256"]
                .contains(&code.as_str())
        })
        .collect();
    let triggers: Vec<&str> = codes.iter().map(String::as_str).filter(|it| TRIGGERS.contains(it)).collect();
    assert_eq!(triggers.len(), TRIGGERS.len(), "{codes:?}");
    has_words("trigger", triggers);
    has_words("trigger", [devices::MAINS_LOST, devices::LINK_LOST]);
    let troubles = codes.iter().map(String::as_str).filter(|it| !TRIGGERS.contains(it));
    let troubles: Vec<&str> = troubles.collect();
    assert!(troubles.len() > 15, "{troubles:?}");
    has_words("trouble-what", troubles);
}

/// Those of alarm units that are more than one word.
const TRIGGERS: [&str; 3] = ["alarm-unit", "carbon-monoxide", "fixed-trigger"];

#[test]
fn every_recorded_kind_has_words() {
    let shown = |kind: &String| !kind.starts_with("people.") && !kind.starts_with("agreements.");
    let kinds: Vec<String> =
        kinds::all().into_iter().filter(shown).map(|kind| kind.replace('.', "-")).collect();
    has_words("kind", kinds.iter().map(String::as_str));
}

#[test]
fn every_key_of_an_entry_has_words() {
    let texts = Texts::new(Lang::Danish);
    for row in Keymap::default().rows() {
        if let (Action::Do(verb), Context::On(board)) = (row.action, row.context) {
            let code = format!("{board}-{}", verb.replace('.', "-"));
            assert!(texts.has_code("action", &code), "action-{code}");
        }
    }
}

/// The program's own sources; tests beside the code are not among them.
fn program(folder: &str) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs")
                && path.file_name().is_some_and(|it| it != "tests.rs")
            {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned();
                files.push((path, code));
            }
        }
    }
    assert!(!files.is_empty());
    files
}

/// What stands in quotes after each occurrence of `before`, skipping one number and blanks.
fn quoted_after(text: &str, before: &str) -> BTreeSet<String> {
    text.split(before)
        .skip(1)
        .filter_map(|rest| {
            let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ',' || c.is_whitespace());
            let (code, _) = rest.strip_prefix('"')?.split_once('"')?;
            Some(code.to_owned())
        })
        .collect()
}

#[test]
fn every_problem_code_has_words() {
    let mut codes = BTreeSet::new();
    for folder in ["protocol", "server", "engine", "client", "tui", "app"] {
        for (path, text) in program(folder) {
            if path.ends_with("problem.rs") {
                codes.extend(quoted_after(&text, "Self::new("));
            }
            codes.extend(quoted_after(&text, "Problem::new("));
            codes.extend(quoted_after(&text, "Problem::field("));
        }
    }
    for known in ["offline", "missing-field", "unknown-entry", "store-unavailable"] {
        assert!(codes.contains(known), "{known} is not found: the search is broken");
    }
    let texts = Texts::new(Lang::Danish);
    let holes: Vec<&String> = codes
        .iter()
        .filter(|code| !texts.has_code("problem", code) && !texts.has_code("refusal", code))
        .collect();
    assert!(holes.is_empty(), "no words for {holes:?}");
}

#[test]
fn every_refusal_has_words() {
    has_words("refusal", Refusal::VARIANTS.iter().copied());
}

#[test]
fn the_next_step_fits_its_column() {
    let ftl = |file: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/i18n/da").join(file);
        fs::read_to_string(path).unwrap()
    };
    for file in ["detail.ftl", "discharges.ftl", "visits.ftl"] {
        for line in ftl(file).lines().filter(|line| line.starts_with("next-")) {
            let said = line.split_once(" = ").unwrap().1;
            assert!(said.chars().count() <= 12, "{file}: {line}");
        }
    }
}

#[test]
fn only_checked_text_is_drawn() {
    // `paint` alone makes ratatui text, and it takes nothing but `Said`.
    for (path, text) in program("tui") {
        if path.ends_with("paint.rs") {
            continue;
        }
        for raw in
            ["Span::", "Line::from", "Line::raw", "Paragraph::", "set_string", "set_symbol", "Text::raw"]
        {
            assert!(!text.contains(raw), "{} draws by itself: {raw}", path.display());
        }
    }
}

#[test]
fn no_danish_outside_the_language_files() {
    for (path, text) in program("tui") {
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let has = code.contains(['æ', 'ø', 'å', 'Æ', 'Ø', 'Å']);
            // The key table may name the letters themselves.
            assert!(!has || path.ends_with("keymap.rs"), "{}:{}: {line}", path.display(), number + 1);
        }
    }
}
