//! `vagttavle visits check`: what a route list would do.

use std::path::Path;

use anyhow::{Context, Result};

use super::say::{self, Failed};
use crate::clock::Clock;
use crate::config;
use crate::i18n::{Texts, key};
use crate::sources::visits::{self, Mapping, Reading};

/// Reads a list as the folder would, and says what is wrong with it. Errors: nothing of it can be read, or a row.
pub fn check(file: &Path, mapping: Option<&Path>, texts: &Texts) -> Result<()> {
    let mapping = match mapping {
        Some(file) => config::toml(file)?,
        None => Mapping::default(),
    };
    let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
    let now = Clock::system().now();
    let checked =
        visits::check(&bytes, &mapping, &Reading { now, written_at: now }).map_err(|unreadable| {
            Failed::new(key::CLI_VISITS_UNREADABLE).with("why", reason(texts, unreadable.code()))
        })?;
    if let Some(line) = checked.header_line {
        say::line(texts.with(key::CLI_VISITS_HEADER, &[("line", line.into())]).as_str())?;
    }
    for bad in &checked.bad {
        let what = reason(texts, bad.what);
        let mut arguments = vec![("line", bad.place.line.into()), ("what", what.as_str().into())];
        arguments.extend(bad.place.row.map(|row| ("row", row.into())));
        let says = if bad.place.row.is_some() { key::TROUBLE_ITEM } else { key::TROUBLE_ROW };
        say::line(texts.with(says, &arguments).as_str())?;
    }
    let arguments =
        [("good", checked.good.into()), ("bad", checked.bad.len().into()), ("cpr", checked.by_cpr.into())];
    say::line(texts.with(key::CLI_VISITS_CHECKED, &arguments).as_str())?;
    if checked.bad.is_empty() { Ok(()) } else { Err(Failed::new(key::CLI_VISITS_BAD_ROWS).into()) }
}

fn reason(texts: &Texts, code: &str) -> String {
    texts.code("trouble-what", code).as_str().to_owned()
}
