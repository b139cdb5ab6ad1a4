//! How many requests each address sends within a second.
//!
//! Owns when they are too many. Of more addresses than are counted, the one unheard for longest begins anew.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lru::LruCache;
use tokio_util::sync::CancellationToken;

/// New requests of one address within a second; more are asked to come again. Behind one address may be all there are.
const PER_SECOND_MAX: u32 = 20_000;
const SECOND: Duration = Duration::from_secs(1);
/// Addresses whose requests are counted, at most.
const COUNTED_MAX: NonZeroUsize = NonZeroUsize::new(20_000).unwrap();

/// Cheap to clone.
#[derive(Clone)]
pub struct Counted(Arc<Mutex<LruCache<IpAddr, u32>>>);

impl Counted {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(LruCache::sparse(COUNTED_MAX))))
    }

    /// Counts a request. True: there are too many from there.
    pub fn is_too_many(&self, address: IpAddr) -> bool {
        let mut all = self.all();
        let count = all.get_or_insert_mut(address, || 0);
        *count += 1;
        *count > PER_SECOND_MAX
    }

    /// Every second begins anew.
    pub async fn count_anew(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(SECOND) => {}
            }
            self.all().clear();
        }
    }

    fn all(&self) -> MutexGuard<'_, LruCache<IpAddr, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_flood_from_many_addresses_takes_no_count_from_those_that_go_on() {
        let counted = Counted::new();
        let address = |nth: u32| IpAddr::from(Ipv4Addr::from(0x0a00_0000 + nth));
        let max = u32::try_from(COUNTED_MAX.get()).expect("few enough");
        for _ in 0..PER_SECOND_MAX {
            assert!(!counted.is_too_many(address(0)));
        }
        assert!((1..max).all(|nth| !counted.is_too_many(address(nth))));
        assert!(counted.is_too_many(address(0)), "it goes on");
        assert!(!counted.is_too_many(address(max)), "one more than there is room for");
        assert!(counted.is_too_many(address(0)), "and it is counted all the same");
        let count = |nth: u32| counted.all().peek(&address(nth)).copied();
        assert_eq!((count(max), count(2)), (Some(1), Some(1)), "the newest, and all but one");
        assert_eq!(count(1), None, "the one unheard for longest");
    }
}
