//! `GET /v1/entries?closed`: what is asked of what is over.
//!
//! Owns the names of the filters. Must never judge what they are set to: the server does.

/// Entries in one page, when nobody says how many.
pub const PAGE: usize = 50;
/// The same, at most.
pub const PAGE_MAX: usize = 100;

/// Which of what is over, each as it stands in the address; none of a field: whatever it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClosedQuery {
    pub number: Option<String>,
    /// By Copenhagen's calendar: `2026-11-22`.
    pub day: Option<String>,
    pub board: Option<String>,
    pub agreement: Option<String>,
    /// Its outcome, or its state where it has none.
    pub outcome: Option<String>,
    /// A citizen's, or what a source calls it; the whole of it.
    pub id: Option<String>,
    /// `next` of the page before.
    pub after: Option<String>,
}

impl ClosedQuery {
    /// Names and values, as they stand in the address.
    pub fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("number", &self.number),
            ("day", &self.day),
            ("board", &self.board),
            ("agreement", &self.agreement),
            ("outcome", &self.outcome),
            ("id", &self.id),
            ("after", &self.after),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)))
    }

    /// Anything, and not the next page of it.
    pub fn is_everything(&self) -> bool {
        self.pairs().next().is_none()
    }
}
