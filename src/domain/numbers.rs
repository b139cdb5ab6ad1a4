//! Numbers of the open entries: which are given, and to whom; which is free next.
//!
//! Owns the runs of given numbers, so that a free one is found without trying each. Must never know what an entry is.

use imbl::OrdMap;

use super::identity::EntryId;

/// Given numbers. Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Numbers {
    given: OrdMap<u32, EntryId>,
    /// First and last of each longest row of given numbers; between two rows at least one is free.
    runs: OrdMap<u32, u32>,
}

impl Numbers {
    pub fn get(&self, number: u32) -> Option<EntryId> {
        self.given.get(&number).copied()
    }

    pub fn is_given(&self, number: u32) -> bool {
        self.given.contains_key(&number)
    }

    /// The highest one given.
    pub fn max(&self) -> Option<u32> {
        self.given.get_max().map(|(number, _)| *number)
    }

    /// Gives a number; one that was given before goes over.
    pub fn give(&mut self, number: u32, to: EntryId) {
        if self.given.insert(number, to).is_some() {
            return;
        }
        let mut first = number;
        if let Some((before, last)) = self.run_at(number)
            && last.checked_add(1) == Some(number)
        {
            first = before;
        }
        let after = number.checked_add(1).and_then(|next| self.runs.remove(&next));
        self.runs.insert(first, after.unwrap_or(number));
    }

    pub fn take_back(&mut self, number: u32) {
        if self.given.remove(&number).is_none() {
            return;
        }
        let Some((first, last)) = self.run_at(number) else { return };
        self.runs.remove(&first);
        if first < number {
            self.runs.insert(first, number - 1);
        }
        if number < last {
            self.runs.insert(number + 1, last);
        }
    }

    /// The nth free number after `last`, up to `max` and round again from `first`. Error: all are given; how many
    /// free ones were still to be passed over.
    pub fn free(&self, first: u32, max: u32, last: u32, nth: u32) -> Result<u32, u32> {
        let last = last.clamp(first - 1, max);
        self.free_between(last + 1, max, nth).or_else(|left| self.free_between(first, last, left))
    }

    fn free_between(&self, from: u32, to: u32, nth: u32) -> Result<u32, u32> {
        let (mut at, mut left) = (from, nth);
        let inside = self.run_at(from).filter(|(_, last)| *last >= from);
        let after = self.runs.range(from.saturating_add(1)..).map(|(first, last)| (*first, *last));
        for (first, last) in inside.into_iter().chain(after) {
            let free = first.min(to.saturating_add(1)).saturating_sub(at);
            if left < free {
                return Ok(at + left);
            }
            left -= free;
            at = last.saturating_add(1);
            if at > to {
                return Err(left);
            }
        }
        let free = to.saturating_add(1).saturating_sub(at);
        if left < free { Ok(at + left) } else { Err(left - free) }
    }

    /// The run that begins at this number or, of those before it, last.
    fn run_at(&self, number: u32) -> Option<(u32, u32)> {
        self.runs.range(..=number).next_back().map(|(first, last)| (*first, *last))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn id(number: u32) -> EntryId {
        EntryId(Uuid::from_u128(number.into()))
    }

    /// As `free` says it, by trying each.
    fn tried(numbers: &Numbers, first: u32, max: u32, last: u32, nth: u32) -> Result<u32, u32> {
        let last = last.clamp(first - 1, max);
        let mut left = nth;
        for number in (last + 1..=max).chain(first..=last) {
            if !numbers.is_given(number) {
                if left == 0 {
                    return Ok(number);
                }
                left -= 1;
            }
        }
        Err(left)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_free_is_what_trying_each_would_find(
            steps in prop::collection::vec((any::<bool>(), 1..40u32), 0..120),
            (first, max) in (1..20u32, 20..45u32),
            last in 0..60u32,
            nth in 0..8u32,
        ) {
            let mut numbers = Numbers::default();
            for (is_given, number) in steps {
                if is_given {
                    numbers.give(number, id(number));
                } else {
                    numbers.take_back(number);
                }
                prop_assert_eq!(numbers.free(first, max, last, nth), tried(&numbers, first, max, last, nth));
            }
            let mut runs = 0;
            for number in 1..46 {
                let begins = numbers.is_given(number) && !numbers.is_given(number - 1);
                runs += usize::from(begins);
                prop_assert_eq!(numbers.runs.contains_key(&number), begins);
            }
            prop_assert_eq!(numbers.runs.len(), runs);
        }
    }

    #[test]
    fn a_thousand_given_in_a_row_are_one_run() {
        let mut numbers = Numbers::default();
        for number in 1..=1_000 {
            numbers.give(number, id(number));
        }
        assert_eq!((numbers.runs.len(), numbers.free(1, 1_000, 500, 3)), (1, Err(3)));
        numbers.take_back(500);
        assert_eq!((numbers.runs.len(), numbers.free(1, 1_000, 999, 0)), (2, Ok(500)));
    }
}
