//! Keeps what was spent on language models, so that caps hold over parallel turns
//! and restarts.
//!
//! The most that a request can cost is reserved before it is sent, and replaced by
//! what it did cost once that is known. A process that dies between the two has
//! spent the whole reservation.

/// Who pays, and up to which cap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Names it, such as `project` or `user ann`.
    pub name: String,
    /// Most tokens of one day; no bound when absent.
    pub cap: Option<u64>,
}

/// Why nothing was reserved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpendingError {
    /// An account would go over its cap.
    #[error("the account has no more tokens for today")]
    Exhausted {
        /// Place of the account among those that were to pay.
        account: usize,
    },
    /// It could not be written down.
    #[error("spending cannot be recorded: {0}")]
    Unrecorded(String),
}

/// Keeps what was spent by account and day. Days are counted in UTC since 1970.
///
/// Both operations return at once, after a write that need not have reached the disk:
/// a crash of the process loses nothing, one of the machine may lose the last ones.
pub trait SpendingLedger: Send + Sync {
    /// Reserves `tokens` on every account, or on none.
    ///
    /// # Errors
    /// When an account would go over its cap, or the ledger cannot be written.
    fn reserve(&self, day: u64, accounts: &[Account], tokens: u64) -> Result<(), SpendingError>;

    /// Replaces a reservation of `reserved` tokens on every account by `used`.
    fn settle(&self, day: u64, accounts: &[Account], reserved: u64, used: u64);

    /// What was spent or is reserved on an account on a day.
    fn spent(&self, day: u64, account: &str) -> u64;
}
