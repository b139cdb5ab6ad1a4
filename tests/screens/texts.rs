//! Every code the server may send has words in both languages, and only checked text is drawn.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use vagttavle::domain::devices;
use vagttavle::domain::identity::Board;
use vagttavle::domain::people::Role;
use vagttavle::domain::{agreement, alarms, discharges, duties, kinds, notices, phone, visits};
use vagttavle::i18n::{Lang, Texts};
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

#[test]
fn choices_have_words() {
    has_words("outcome", alarms::OUTCOMES);
    has_words("redirect-to", alarms::REDIRECT_TO);
    has_words("channel", alarms::CHANNELS);
    has_words("contest", alarms::CONTEST_REASONS);
    has_words("helper", alarms::HELPERS);
    has_words("correct", alarms::CORRECTABLE);
    has_words("correct", phone::CORRECTABLE);
    has_words("correction", alarms::CORRECTION_REASONS);
    has_words("correction", phone::CORRECTION_REASONS);
    has_words("give-up", phone::GIVE_UP_REASONS);
    has_words("postpone", duties::POSTPONE_REASONS);
    has_words("teller", discharges::TELLERS);
    has_words("stop", discharges::STOP_REASONS);
    has_words("step", agreement::DISCHARGE_STEPS);
    has_words("step", agreement::DOOR_STEPS);
    has_words("door-outcome", visits::DOOR_OUTCOMES);
    has_words("correct", discharges::CORRECTABLE);
    has_words("correct", visits::CORRECTABLE);
    has_words("correction", discharges::CORRECTION_REASONS);
    has_words("correction", visits::CORRECTION_REASONS);
    has_words(
        "party",
        ["citizen", "provider", "municipality", "hospital", "death", "help-stopped", "withdrawn"],
    );
    has_words("duty", ["start-of-help", "agree-time", "immediate-notice", "notice-taken-back"]);
    has_words("why", ["duty-immediate-notice", "duty-notice-taken-back"]);
    has_words("next", ["do-immediate-notice", "do-notice-taken-back"]);
    has_words("matter", agreement::IMMEDIATE_NOTICES);
    has_words("told-to", notices::TOLD_TO);
    has_words("correct", notices::CORRECTABLE);
    has_words("correction", notices::CORRECTION_REASONS);
    has_words(
        "why",
        ["discharge-cancelled", "admitted-again", "death-cancelled", "admitted", "on-leave", "resumed"],
    );
    has_words("why", ["planned", "moved", "contacted"]);
    has_words("response", ["own-help", "nurse", "doctor", "112"]);
    has_words("missed", ["hung-up", "timeout", "no-agent"]);
    has_words("board", Board::ALL.map(Board::name));
    has_words("role", Role::ALL.map(Role::name));
}

#[test]
fn every_trouble_with_an_exchange_has_words() {
    let mut codes = BTreeSet::from(["nobody-on-duty".to_owned()]);
    for (path, text) in sources("sources/ami") {
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
    let texts: String = sources("sources/scaip").into_iter().map(|(_, text)| text).collect();
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
    let shown = |kind: &&str| !kind.starts_with("people.") && !kind.starts_with("agreements.");
    let kinds: Vec<String> =
        kinds::KINDS.iter().map(|(kind, _)| *kind).filter(shown).map(|kind| kind.replace('.', "-")).collect();
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
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
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
        for (path, text) in sources(folder) {
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
    let (_, text) = sources("domain").into_iter().find(|(path, _)| path.ends_with("refusal.rs")).unwrap();
    let body = text.split_once("pub enum Refusal {").unwrap().1.split_once("\n}").unwrap().0;
    let variants: Vec<String> = body
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()))
        .map(|line| kebab(line.split([' ', ',', '(', '{']).next().unwrap_or_default()))
        .collect();
    assert!(variants.contains(&"already-claimed".to_owned()));
    has_words("refusal", variants.iter().map(String::as_str));
}

#[test]
fn every_why_and_next_has_words() {
    let (_, text) = sources("protocol").into_iter().find(|(path, _)| path.ends_with("attention.rs")).unwrap();
    let mut pairs = BTreeSet::new();
    for rest in text.split("Attention::new(").skip(1) {
        let call = rest.split(')').next().unwrap_or_default();
        let codes: Vec<&str> =
            call.split('"').skip(1).step_by(2).filter(|code| !code.contains('{')).collect();
        if let Some(next) = codes.last() {
            pairs.insert((*next).to_owned());
        }
    }
    assert!(pairs.contains("claim"), "{pairs:?}");
    has_words("next", pairs.iter().map(String::as_str));
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
    for (path, text) in sources("tui") {
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
    for (path, text) in sources("tui") {
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let has = code.contains(['æ', 'ø', 'å', 'Æ', 'Ø', 'Å']);
            // The key table may name the letters themselves.
            assert!(!has || path.ends_with("keymap.rs"), "{}:{}: {line}", path.display(), number + 1);
        }
    }
}

fn kebab(name: &str) -> String {
    let mut out = String::new();
    for (index, c) in name.chars().enumerate() {
        if c.is_uppercase() && index > 0 {
            out.push('-');
        }
        out.extend(c.to_lowercase());
    }
    out
}
