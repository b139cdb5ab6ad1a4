//! Answers on their way to units: what is said to a unit once its alarm is on disk.
//!
//! A unit that does not hear us is told again for half a minute. Nothing else waits for that: an answer is a task of its
//! own, in bounded number, and of too many the oldest is given up, for whoever has not answered for longest is likeliest
//! not to be there. It is answered when it asks again. Must never hold what an alarm needs to be taken in.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;

/// Answers that are told at once.
pub const ANSWERS_MAX: usize = 4_096;

/// Cheap to clone.
#[derive(Clone, Default)]
pub struct Answers(Arc<Mutex<Open>>);

#[derive(Default)]
struct Open {
    /// In the order in which they were begun.
    tasks: BTreeMap<u64, AbortHandle>,
    begun: u64,
}

impl Answers {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to tell one. False: there were too many, and the oldest was given up for it.
    pub fn begin(&self, telling: impl Future<Output = ()> + Send + 'static) -> bool {
        let mut open = self.open();
        open.begun += 1;
        let nth = open.begun;
        let its = self.clone();
        // It cannot end before it stands in the list: that is held here.
        let task = tokio::spawn(async move {
            telling.await;
            its.open().tasks.remove(&nth);
        });
        open.tasks.insert(nth, task.abort_handle());
        if open.tasks.len() <= ANSWERS_MAX {
            return true;
        }
        if let Some((_, oldest)) = open.tasks.pop_first() {
            oldest.abort();
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn of_too_many_the_oldest_is_given_up_and_the_newest_is_told() {
        let answers = Answers::default();
        let (tell, told) = tokio::sync::oneshot::channel::<()>();
        assert!(answers.begin(async move {
            let _held = tell;
            std::future::pending::<()>().await;
        }));
        for _ in 1..ANSWERS_MAX {
            assert!(answers.begin(std::future::pending()));
        }
        let (tell_newest, newest) = tokio::sync::oneshot::channel();
        assert!(!answers.begin(async move {
            let _ = tell_newest.send(());
        }));
        newest.await.expect("it was told");
        assert!(told.await.is_err(), "the oldest was given up");
        assert!(answers.open().tasks.len() <= ANSWERS_MAX);
    }
}
