//! How many sockets each user has open.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::ids::UserId;

/// The open sockets of all users.
#[derive(Debug, Default)]
pub(crate) struct Seats {
    taken: Mutex<HashMap<UserId, usize>>,
}

/// One open socket; its seat is free again once this is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Arc<Seats>,
    user: UserId,
}

impl Seats {
    /// A seat for one more socket of `user`, unless they have `most`.
    pub(crate) fn take(self: &Arc<Self>, user: &UserId, most: usize) -> Option<Seat> {
        let mut taken = self.lock();
        let count = taken.entry(user.clone()).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Seat { seats: self.clone(), user: user.clone() })
    }

    /// The lock is held for map accesses, never across a wait.
    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        if let Some(count) = taken.get_mut(&self.user) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                taken.remove(&self.user);
            }
        }
    }
}
