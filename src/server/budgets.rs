//! How many turns each person and the project as a whole have taken today, in UTC.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::ids::UserId;
use crate::ports::conversation_store::{ConversationStore, StoreError};
use crate::session::moment::Moment;

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;
/// Users whose counts are kept; the store knows those of the others.
const REMEMBERED: usize = 50_000;

/// The turns of today. The store is asked once for each holder and day; it has all
/// turns of before a restart.
pub(crate) struct Budgets {
    store: Arc<dyn ConversationStore>,
    /// By the person; the project's are under none.
    taken: Mutex<HashMap<Option<UserId>, Taken>>,
}

#[derive(Clone, Copy)]
struct Taken {
    day: u64,
    turns: u64,
}

/// A turn that is counted; it is given back when this is dropped before [`Self::keep`].
pub(crate) struct Reservation {
    budgets: Arc<Budgets>,
    user: Option<UserId>,
    day: u64,
    is_kept: bool,
}

impl Budgets {
    pub(crate) fn new(store: Arc<dyn ConversationStore>) -> Arc<Self> {
        Arc::new(Self { store, taken: Mutex::default() })
    }

    /// Counts one more turn of `user`, or of all without one, unless there have been
    /// `most` today.
    pub(crate) async fn reserve(
        self: &Arc<Self>,
        user: Option<&UserId>,
        most: u64,
        now: Moment,
    ) -> Result<Option<Reservation>, StoreError> {
        let day = now.0 / DAY_MS;
        let user = user.cloned();
        let is_known = self.lock().get(&user).is_some_and(|taken| taken.day == day);
        let stored =
            if is_known { 0 } else { self.store.runs_since(user.as_ref(), &Moment(day * DAY_MS).text()).await? };
        let mut all = self.lock();
        if all.len() >= REMEMBERED {
            all.retain(|_, taken| taken.day == day);
            if all.len() >= REMEMBERED {
                all.clear();
            }
        }
        let taken = all.entry(user.clone()).or_insert(Taken { day, turns: stored });
        if taken.day != day {
            *taken = Taken { day, turns: stored };
        }
        if taken.turns >= most {
            return Ok(None);
        }
        taken.turns += 1;
        Ok(Some(Reservation { budgets: self.clone(), user, day, is_kept: false }))
    }

    /// Milliseconds until the next day begins.
    pub(crate) fn renewed_in_ms(now: Moment) -> u64 {
        DAY_MS - now.0 % DAY_MS
    }

    /// The lock is held for map accesses, never across a wait.
    fn lock(&self) -> MutexGuard<'_, HashMap<Option<UserId>, Taken>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reservation {
    /// The turn has begun.
    pub(crate) fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        let mut all = self.budgets.lock();
        if let Some(taken) = all.get_mut(&self.user).filter(|taken| taken.day == self.day) {
            taken.turns = taken.turns.saturating_sub(1);
        }
    }
}
