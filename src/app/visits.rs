//! The folders of route lists: wired to the engine, and to the care system for citizens named by CPR number.

use std::path::Path;
use std::slice::from_ref;
use std::sync::Arc;

use anyhow::{Context, Result};
use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use super::say::{self, Failed};
use crate::clock::Clock;
use crate::config::{self, Settings};
use crate::engine::Engine;
use crate::i18n::{Texts, key};
use crate::inbox::EngineInbox;
use crate::sources::drop_folder::{DropFolder, Timing};
use crate::sources::visits::{self, FILE_MAX, Lists, Mapping, Reading};
use crate::workers::care::ByCpr;

/// The source's kind on the board.
const KIND: &str = "visits";

/// Begins to watch every folder of the settings. Errors: a mapping that cannot be read.
pub fn start(settings: &Settings, engine: &Engine, stop: &CancellationToken) -> Result<()> {
    for folder in &settings.visits {
        let mapping = match &folder.mapping {
            Some(file) => config::visit_mapping(file)?,
            None => Mapping::default(),
        };
        let source = folder.name();
        let within = folder.expected_within_hours.map(|hours| TimeDelta::hours(hours.into()));
        let now = engine.clock.now();
        engine.health.expect(source.clone(), KIND, within, vec![folder.agreement.clone()], now);
        if !folder.starts {
            engine.plan_only.add(source.clone());
        }
        let clock = engine.clock.clone();
        let inbox = EngineInbox { engine: engine.clone(), kind: KIND };
        let lists = Lists::new(
            folder,
            mapping,
            engine.masking.clone(),
            inbox.clone(),
            ByCpr(engine.cares.care_of(from_ref(&folder.agreement))),
            Arc::new(move || clock.now()),
        );
        let watched = DropFolder {
            source,
            folder: folder.folder.clone(),
            file_max: FILE_MAX,
            inbox,
            timing: Timing { rest: folder.rest(), ..Timing::default() },
            now: clock_of(engine),
        };
        tokio::spawn(watched.run(lists, stop.clone()));
    }
    Ok(())
}

fn clock_of(engine: &Engine) -> crate::sources::Now {
    let clock = engine.clock.clone();
    Arc::new(move || clock.now())
}

/// Reads a list as the folder would, and says what is wrong with it. Errors: nothing of it can be read, or a row.
pub fn check(file: &Path, mapping: Option<&Path>, texts: &Texts) -> Result<()> {
    let mapping = match mapping {
        Some(file) => config::visit_mapping(file)?,
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
