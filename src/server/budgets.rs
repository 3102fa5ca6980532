//! How many turns each user has taken today, in UTC.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::ids::UserId;
use crate::ports::conversation_store::{ConversationStore, StoreError};
use crate::session::moment::Moment;

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;
/// Users whose counts are kept; beyond, those of days before go.
const REMEMBERED: usize = 50_000;

/// The turns of today. The store is asked once for each user and day; it has all
/// turns of before a restart.
pub(crate) struct Budgets {
    store: Arc<dyn ConversationStore>,
    taken: Mutex<HashMap<UserId, (u64, u64)>>,
}

impl Budgets {
    pub(crate) fn new(store: Arc<dyn ConversationStore>) -> Self {
        Self { store, taken: Mutex::default() }
    }

    /// Turns that `user` has taken today.
    pub(crate) async fn taken(&self, user: &UserId, now: Moment) -> Result<u64, StoreError> {
        let day = now.0 / DAY_MS;
        if let Some((_, count)) = self.lock().get(user).filter(|(of, _)| *of == day) {
            return Ok(*count);
        }
        let count = self.store.runs_since(user, &Moment(day * DAY_MS).text()).await?;
        let mut taken = self.lock();
        if taken.len() >= REMEMBERED {
            taken.retain(|_, (of, _)| *of == day);
        }
        Ok(taken
            .entry(user.clone())
            .and_modify(|(of, known)| {
                if *of != day {
                    (*of, *known) = (day, count);
                }
            })
            .or_insert((day, count))
            .1)
    }

    /// Counts one more.
    pub(crate) fn take(&self, user: &UserId) {
        if let Some((_, count)) = self.lock().get_mut(user) {
            *count += 1;
        }
    }

    /// Milliseconds until the next day begins.
    pub(crate) fn renewed_in_ms(now: Moment) -> u64 {
        DAY_MS - now.0 % DAY_MS
    }

    /// The lock is held for map accesses, never across a wait.
    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, (u64, u64)>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
