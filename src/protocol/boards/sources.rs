//! Sources on the wire: what is wrong with one that tells us things.
//!
//! Owns the details of a trouble: how they are made, what is offered and what it asks for. Must never know another
//! board's details.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use utoipa::ToSchema;

use super::super::attention::{Attention, Level, Next, Why};
use super::super::head::Head;
use super::super::sight::Shown;
use super::column::Column;
use super::offer::{Offer, offer};
use crate::domain::identity::Code;
use crate::domain::sources::{Command as C, RowSaid, Trouble, TroubleKind};

#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SourceDetails {
    pub source: String,
    pub trouble: TroubleKind,
    pub what: Option<Code>,
    /// Where in a file, from 1; of several rows the first.
    pub line: Option<u32>,
    /// Which row of the file, from 1, where lines do not tell the rows apart (JSON).
    pub row: Option<u32>,
    /// The rows of a file, each with what is wrong with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<RowOfFile>,
    pub count: u32,
    pub last_at: DateTime<Utc>,
}

/// A row of a file, and what is wrong with it.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RowOfFile {
    pub what: Code,
    /// From 1, as an editor counts.
    pub line: u32,
    pub row: Option<u32>,
    /// So many rows for that reason, of which this is the first.
    pub times: u32,
}

impl RowOfFile {
    fn of(row: &RowSaid) -> Self {
        Self { what: row.what.clone(), line: row.line, row: row.row, times: row.times }
    }
}

impl Column for SourceDetails {
    type Body = Trouble;
    type Command = C;

    const IS_OF_CITIZENS: bool = false;

    fn project(trouble: &Trouble, _: Shown<'_>) -> Self {
        Self {
            source: trouble.source.to_string(),
            trouble: trouble.trouble,
            what: trouble.what.clone(),
            line: trouble.line,
            row: trouble.row,
            rows: trouble.rows.iter().map(RowOfFile::of).collect(),
            count: trouble.count,
            last_at: trouble.last_at,
        }
    }

    fn remnant(_: &Trouble, at: DateTime<Utc>) -> Self {
        Self {
            source: String::new(),
            trouble: TroubleKind::Odd,
            what: None,
            line: None,
            row: None,
            count: 0,
            last_at: at,
            rows: Vec::new(),
        }
    }

    fn offers(_: &Trouble, _: Shown<'_>) -> Vec<Offer<C>> {
        vec![offer(vec![], C::Done {})]
    }

    fn attention(&self, head: Head<'_>, now: DateTime<Utc>) -> Option<Attention> {
        let look = |level, why| Attention::new(level, why, Next::LookAtSource);
        Some(match self.trouble {
            // Somebody must put them in by hand: due from the moment we know.
            TroubleKind::RowsRefused => {
                Attention::new(Level::Duty, Why::SourceRowsRefused, Next::PutInByHand)
                    .until(Some(head.opened_at), now)
            }
            // Somebody may wait for help: overdue from the moment it came.
            TroubleKind::AlarmUnreadable => {
                look(Level::Duty, Why::SourceAlarmUnreadable).until(Some(head.opened_at), now)
            }
            TroubleKind::Silent => look(Level::Duty, Why::SourceSilent),
            TroubleKind::NobodyListening => look(Level::Duty, Why::SourceNobodyListening),
            TroubleKind::Failed => look(Level::Duty, Why::SourceFailed),
            TroubleKind::Unreadable => look(Level::Info, Why::SourceUnreadable),
            TroubleKind::KeyReused => look(Level::Info, Why::SourceKeyReused),
            TroubleKind::Conflict => look(Level::Info, Why::SourceConflict),
            TroubleKind::Odd => look(Level::Info, Why::SourceOdd),
        })
    }
}
