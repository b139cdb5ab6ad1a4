//! Route lists dropped into a folder as CSV or JSON: which visits are planned, begun, done, cancelled.
//!
//! wire: bytes -> rows. mapping: which column and word means what. times: Danish dates -> instants. translate: row ->
//! observations. link: what a watched folder does with a file. start: the folders of the settings, watched. A row that
//! cannot be read is told with line and reason, and the rest goes in. Names and addresses beside what is mapped are never
//! read; a citizen written as a CPR number is asked about in the care system, or the row is refused.
//!
//! A list need not be whole: a visit that is not in a later one is not changed by that, unless the folder's settings say
//! that its lists are.

pub mod link;
pub mod mapping;
pub mod settings;
mod start;
pub mod times;
pub mod translate;
pub mod wire;

use crate::domain::masking::Masking;

pub use link::{Citizens, Lists, NotFound};
pub use mapping::Mapping;
pub use start::start;
pub use translate::Reading;
pub use wire::{BadRow, RowPlace, Unreadable};

/// Larger files are set aside unread (bytes). A day of a large provider is below one megabyte.
pub const FILE_MAX: u64 = 16 * 1024 * 1024;

/// What a list would do, for whoever sets one up. Nothing is handed in, nobody is asked.
#[derive(Debug, Default)]
pub struct Checked {
    /// The line that names the columns; none in JSON.
    pub header_line: Option<u32>,
    /// Rows that would be taken in.
    pub good: usize,
    /// Of these, rows whose citizen is a CPR number: the care system would be asked.
    pub by_cpr: usize,
    /// In their order in the file.
    pub bad: Vec<BadRow>,
    /// Taken in and marked, likewise.
    pub odd: Vec<BadRow>,
}

/// Reads a list as the folder would. Errors: nothing of it can be read.
pub fn check(bytes: &[u8], mapping: &Mapping, reading: &Reading) -> Result<Checked, Unreadable> {
    let list = wire::read(bytes, mapping)?;
    let mut checked =
        Checked { header_line: list.header_line, bad: list.bad, odd: list.odd, ..Checked::default() };
    for row in &list.rows {
        // Nothing is kept: any key does.
        match translate::row(row, mapping, reading, &Masking::new([0; 32])) {
            Ok(None) => {}
            Ok(Some(told)) => {
                checked.good += 1;
                checked.odd.extend(told.odd.iter().map(|what| BadRow { place: told.place, what }));
                checked.by_cpr += usize::from(matches!(told.planned, Some((translate::Who::Cpr(_), _))));
            }
            Err(bad) => checked.bad.push(bad),
        }
    }
    checked.bad.sort_by_key(|bad| bad.place);
    Ok(checked)
}
