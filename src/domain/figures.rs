//! Figures that the contract counts: redirects within a window, and how many were answered in time.
//!
//! Owns the counting and nothing else; a correction takes the old contribution out and puts the new one in.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use imbl::OrdMap;

use super::agreement::{Agreement, value_of};
use super::calendar;
use super::identity::{AgreementId, Board, EntryId};

/// One call or alarm in the answering figures.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Contribution {
    slot: Slot,
    /// Seconds until a person answered; none when nobody did.
    waited_s: Option<u32>,
}

/// A month of a board under an agreement, by Copenhagen dates.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    pub agreement: AgreementId,
    pub board: Board,
    pub month: calendar::Month,
}

/// Counts of a slot: all, and a histogram of seconds waited by those answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    pub of: u32,
    waits: OrdMap<u32, u32>,
}

impl Counts {
    /// How many were answered within so many seconds.
    pub fn within(&self, seconds: u32) -> u32 {
        self.waits.range(..=seconds).map(|(_, count)| count).sum()
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Redirect {
    agreement: AgreementId,
    at: DateTime<Utc>,
}

/// All figures. Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    contributions: OrdMap<EntryId, Arc<Contribution>>,
    counts: OrdMap<Slot, Counts>,
    redirects: OrdMap<EntryId, Redirect>,
}

/// The redirect ledger of one agreement at an instant (J 3.1.13).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    pub used: u32,
    pub limit: u32,
    pub window_days: u32,
    /// When the oldest one falls out: 00:00 local of the 31st day after it.
    pub clears_on: Option<NaiveDate>,
}

impl Figures {
    /// Puts, replaces or (with none) takes out what an entry counts in the answering figures.
    pub fn count(&mut self, entry: EntryId, counted: Option<(Slot, Option<u32>)>) {
        if let Some(old) = self.contributions.remove(&entry) {
            let counts = self.counts.entry(old.slot.clone()).or_default();
            counts.of = counts.of.saturating_sub(1);
            if let Some(seconds) = old.waited_s {
                let left = counts.waits.get(&seconds).map_or(0, |count| count.saturating_sub(1));
                if left == 0 {
                    counts.waits.remove(&seconds)
                } else {
                    counts.waits.insert(seconds, left)
                };
            }
        }
        let Some((slot, waited_s)) = counted else { return };
        let counts = self.counts.entry(slot.clone()).or_default();
        counts.of += 1;
        if let Some(seconds) = waited_s {
            *counts.waits.entry(seconds).or_insert(0) += 1;
        }
        self.contributions.insert(entry, Arc::new(Contribution { slot, waited_s }));
    }

    /// Puts or (with none) takes out a redirect.
    pub fn redirected(&mut self, entry: EntryId, redirect: Option<(AgreementId, DateTime<Utc>)>) {
        match redirect {
            Some((agreement, at)) => self.redirects.insert(entry, Redirect { agreement, at }),
            None => self.redirects.remove(&entry),
        };
    }

    pub fn counts(&self, slot: &Slot) -> Counts {
        self.counts.get(slot).cloned().unwrap_or_default()
    }

    /// The most redirects of the agreement that count together, by local dates: with one more on `also` if given
    /// (then only windows with that one in them), and without those of `except`. A redirect told late may
    /// complete a window that ends after it.
    pub fn most_together(
        &self,
        rules: &Agreement,
        also: Option<DateTime<Utc>>,
        except: Option<EntryId>,
    ) -> u32 {
        let window = i64::from(value_of(&rules.alarms.redirect_window_days).unwrap_or(0));
        let also = also.map(calendar::local_date);
        let dates: Vec<NaiveDate> = self
            .redirects
            .iter()
            .filter(|(entry, it)| it.agreement == rules.id && Some(**entry) != except)
            .map(|(_, it)| calendar::local_date(it.at))
            .chain(also)
            .collect();
        let together = |last: NaiveDate| {
            let is_inside = |date: NaiveDate| (0..=window).contains(&(last - date).num_days());
            if also.is_some_and(|also| !is_inside(also)) {
                return 0;
            }
            dates.iter().filter(|date| is_inside(**date)).count()
        };
        u32::try_from(dates.iter().map(|last| together(*last)).max().unwrap_or(0)).unwrap_or(u32::MAX)
    }

    fn dates_within<'f>(
        &'f self,
        agreement: &'f AgreementId,
        window_days: u32,
        at: DateTime<Utc>,
    ) -> impl Iterator<Item = NaiveDate> + 'f {
        let today = calendar::local_date(at);
        self.redirects.values().filter(move |redirect| redirect.agreement == *agreement).filter_map(
            move |redirect| {
                let on = calendar::local_date(redirect.at);
                let age = (today - on).num_days();
                (0..=i64::from(window_days)).contains(&age).then_some(on)
            },
        )
    }

    /// The ledger, or none when the agreement names no limit.
    pub fn ledger(&self, rules: &Agreement, at: DateTime<Utc>) -> Option<Ledger> {
        let limit = value_of(&rules.alarms.redirect_limit)?;
        let window_days = value_of(&rules.alarms.redirect_window_days)?;
        let dates: Vec<_> = self.dates_within(&rules.id, window_days, at).collect();
        let clears_on =
            dates.iter().min().map(|oldest| *oldest + chrono::Days::new(u64::from(window_days) + 1));
        Some(Ledger { used: u32::try_from(dates.len()).unwrap_or(u32::MAX), limit, window_days, clears_on })
    }

    /// Lets go of a forgotten entry: its month stays counted, its redirect goes when it is older than `before`
    /// (no window reaches back so far).
    pub fn forget(&mut self, entry: EntryId, before: DateTime<Utc>) {
        self.contributions.remove(&entry);
        if self.redirects.get(&entry).is_some_and(|it| it.at < before) {
            self.redirects.remove(&entry);
        }
    }
}
