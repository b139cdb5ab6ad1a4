//! Aftaler: the values of each agreement and where each comes from.
//!
//! Reads the agreements as they come from the server, whatever rules they have: a value with
//! a clause is agreed, one without is the provider's own, and what is unset is not there.

use serde_json::Value;

use super::super::paint::{self, Piece, Pieces};
use super::super::words::Words;
use crate::i18n::{Said, dates, key};
use crate::theme::Role;

/// Names that make up the head line and are no rules.
const HEAD: [&str; 5] = ["id", "name", "version", "valid_from", CARE_SYSTEM];
/// Whom citizens' ids are shared with.
const CARE_SYSTEM: &str = "care_system";

pub fn lines(words: Words<'_>, width: u16) -> Vec<Pieces> {
    let texts = &words.look.texts;
    let Some(agreements) = &words.model.agreements else {
        return vec![vec![Piece::new(texts.get(key::AGREEMENTS_LOADING), Role::Muted)]];
    };
    if agreements.is_empty() {
        return vec![vec![Piece::new(texts.get(key::AGREEMENTS_NONE), Role::Muted)]];
    }
    let mut out: Vec<Pieces> = paint::wrap(&texts.get(key::AGREEMENTS_LEGEND), width)
        .into_iter()
        .map(|line| vec![Piece::new(line, Role::Muted)])
        .collect();
    for agreement in agreements {
        out.push(Vec::new());
        out.push(vec![Piece::new(head(words, agreement), Role::Title)]);
        if let Some(system) = agreement.get(CARE_SYSTEM).and_then(Value::as_str) {
            let said = texts.with(key::AGREEMENTS_SHARED, &[("system", Said::outside(system).into())]);
            out.extend(paint::wrap(&said, width).into_iter().map(|line| vec![Piece::new(line, Role::Muted)]));
        }
        let mut rules = Vec::new();
        collect(agreement, "", &[], &mut rules);
        for rule in rules {
            rule_lines(words, &rule, width, &mut out);
        }
    }
    out.extend(what_follows(words, width));
    out
}

/// What follows of an ending, whatever the agreement: `domain::consequences` decides it.
fn what_follows(words: Words<'_>, width: u16) -> Vec<Pieces> {
    let texts = &words.look.texts;
    let mut out = vec![Vec::new(), vec![Piece::new(texts.get(key::FOLLOWS_HEAD), Role::Title)]];
    for line in [key::FOLLOWS_HOSPITAL, key::FOLLOWS_DEATH, key::FOLLOWS_HOME, key::FOLLOWS_BACK] {
        for part in paint::wrap(&texts.get(line), width.saturating_sub(2)) {
            out.push(vec![Piece::fixed("  ", Role::Base), Piece::plain(part)]);
        }
    }
    out
}

fn head(words: Words<'_>, agreement: &Value) -> Said {
    let text = |name: &str| agreement.get(name).and_then(Value::as_str).unwrap_or_default();
    let from = text("valid_from").parse().map_or_else(|_| Said::outside(text("valid_from")), dates::date);
    words.look.texts.with(
        key::AGREEMENTS_HEAD,
        &[("name", text("name").into()), ("version", text("version").into()), ("from", from.into())],
    )
}

/// One rule: its path in the file, its value, its clause and our reading of it.
struct Rule<'a> {
    path: String,
    /// What it is limited to, where a list has several (the kind of help).
    only: Vec<&'a str>,
    value: &'a Value,
    clause: Option<&'a str>,
    says: Option<&'a str>,
}

/// Every object with `kind` and `value` is a rule; anything else is looked into.
fn collect<'a>(node: &'a Value, path: &str, only: &[&'a str], rules: &mut Vec<Rule<'a>>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}-{name}") };
    match node {
        Value::Object(fields) => {
            if let (Some(Value::String(_)), Some(value)) = (fields.get("kind"), fields.get("value")) {
                let text = |name: &str| fields.get(name).and_then(Value::as_str);
                rules.push(Rule {
                    path: path.replace('_', "-"),
                    only: only.to_vec(),
                    value,
                    clause: text("clause"),
                    says: text("says"),
                });
                return;
            }
            let is_head = |name: &str| path.is_empty() && HEAD.contains(&name);
            let only: Vec<&str> =
                fields.iter().filter(|(name, _)| !is_head(name)).filter_map(|(_, it)| it.as_str()).collect();
            for (name, child) in fields.iter().filter(|(name, _)| !is_head(name)) {
                collect(child, &below(name), &only, rules);
            }
        }
        Value::Array(items) => {
            for item in items {
                collect(item, path, only, rules);
            }
        }
        _ => {}
    }
}

fn rule_lines(words: Words<'_>, rule: &Rule<'_>, width: u16, out: &mut Vec<Pieces>) {
    let texts = &words.look.texts;
    let origin = match rule.clause {
        Some(clause) => texts.with(key::COMMON_CLAUSE, &[("clause", Said::outside(clause).into())]),
        None => texts.get(key::COMMON_OWN_RULE),
    };
    let only: Vec<Said> = rule.only.iter().map(|code| word(words, code)).collect();
    let name = texts.code("rule", &rule.path).join(", ", &Said::all(&only, ", "));
    let said = name.join(": ", &value(words, rule.value)).join(" · ", &origin);
    for part in paint::wrap(&said, width.saturating_sub(2)) {
        out.push(vec![Piece::fixed("  ", Role::Base), Piece::plain(part)]);
    }
    for part in rule.says.iter().flat_map(|says| paint::wrap(&Said::outside(says), width.saturating_sub(4))) {
        out.push(vec![Piece::fixed("    ", Role::Base), Piece::new(part, Role::Muted)]);
    }
}

fn value(words: Words<'_>, value: &Value) -> Said {
    let texts = &words.look.texts;
    match value {
        Value::Bool(true) => texts.get(key::COMMON_YES),
        Value::Bool(false) => texts.get(key::COMMON_NO),
        Value::String(text) => word(words, text),
        Value::Number(number) => Said::outside(&number.to_string()),
        Value::Array(items) => {
            Said::all(&items.iter().map(|item| self::value(words, item)).collect::<Vec<_>>(), ", ")
        }
        Value::Object(fields) if fields.contains_key("permille") => {
            let number = |name: &str| fields.get(name).and_then(Value::as_u64).unwrap_or_default();
            let percent = dates::per_mille(texts, u32::try_from(number("permille")).unwrap_or_default());
            let args = [("percent", percent.into()), ("seconds", number("seconds").into())];
            texts.with(key::VALUE_WITHIN, &args)
        }
        Value::Object(fields) if fields.contains_key("from") && fields.contains_key("to") => {
            let part = |name: &str| fields.get(name).map(|it| self::value(words, it)).unwrap_or_default();
            let days = words.code("days", fields.get("days").and_then(Value::as_str).unwrap_or_default());
            let (from, to) = (part("from"), part("to"));
            if from == to {
                return texts.with(key::VALUE_WINDOW_ALL_DAY, &[("days", days.into())]);
            }
            texts.with(key::VALUE_WINDOW, &[("days", days.into()), ("from", from.into()), ("to", to.into())])
        }
        Value::Object(fields) => {
            Said::all(&fields.values().map(|item| self::value(words, item)).collect::<Vec<_>>(), " ")
        }
        Value::Null => texts.get(key::COMMON_UNSET),
    }
}

/// A code in words, a clock time without seconds, anything else as it stands.
fn word(words: Words<'_>, text: &str) -> Said {
    let texts = &words.look.texts;
    if texts.has_code("value", text) {
        return texts.code("value", text);
    }
    match text.parse::<chrono::NaiveTime>() {
        Ok(_) => Said::outside(text.get(..5).unwrap_or(text)),
        Err(_) => Said::outside(text),
    }
}
