//! What a turn may spend on a model, reserved before each request and settled after
//! it, also when the turn is cancelled.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::domain::ids::UserId;
use crate::ports::chat_model::TokenUsage;
use crate::ports::spending_ledger::{Account, SpendingError, SpendingLedger};

/// What identifiers of unsigned users begin with.
const ANONYMOUS: &str = "anon-";

/// Most tokens of one day; no bound where absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenCaps {
    /// Of the whole project.
    pub project: Option<u64>,
    /// Of each user, visitors included.
    pub user: Option<u64>,
    /// Of all unsigned visitors together, who can take any number of names.
    pub visitors: Option<u64>,
}

/// Who pays for the turns of one user.
pub(super) struct Budget {
    ledger: Arc<dyn SpendingLedger>,
    day: u64,
    accounts: Vec<Account>,
}

impl Budget {
    pub(super) fn new(ledger: Arc<dyn SpendingLedger>, caps: TokenCaps, user: &UserId, day: u64) -> Self {
        let mut accounts = vec![
            Account { name: "project".to_owned(), cap: caps.project },
            // The ledger tells users apart and does not know them.
            Account { name: format!("user {}", pseudonym(user)), cap: caps.user },
        ];
        if user.as_str().starts_with(ANONYMOUS) {
            accounts.push(Account { name: "visitors".to_owned(), cap: caps.visitors });
        }
        Self { ledger, day, accounts }
    }

    /// Reserves what a request can cost at most.
    pub(super) fn reserve(&self, input: u64, output: u64) -> Result<Reservation, SpendingError> {
        let tokens = input.saturating_add(output);
        self.ledger.reserve(self.day, &self.accounts, tokens)?;
        Ok(Reservation {
            ledger: Arc::clone(&self.ledger),
            day: self.day,
            accounts: self.accounts.clone(),
            reserved: tokens,
            input,
            used: TokenUsage { input, output: 0 },
        })
    }
}

fn pseudonym(user: &UserId) -> String {
    Sha256::digest(user.as_str().as_bytes())[..12].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Tokens that are reserved for one request. When it is dropped, what was used is
/// what counts: the whole input, and the output as far as it is known.
pub(super) struct Reservation {
    ledger: Arc<dyn SpendingLedger>,
    day: u64,
    accounts: Vec<Account>,
    reserved: u64,
    /// Tokens of one request.
    input: u64,
    used: TokenUsage,
}

impl Reservation {
    /// The model wrote about so many tokens more.
    pub(super) fn wrote(&mut self, tokens: usize) {
        self.used.output = self.used.output.saturating_add(u64::try_from(tokens).unwrap_or(u64::MAX));
    }

    /// Models were asked several times, and each may bill what it read.
    pub(super) fn attempted(&mut self, attempts: u32) {
        self.used.input = self.input.saturating_mul(u64::from(attempts));
    }

    /// Nothing was read and nothing written.
    pub(super) fn unused(&mut self) {
        self.used = TokenUsage::default();
    }

    /// What the model says that it used. Reading nothing is not believed.
    pub(super) fn billed(&mut self, usage: TokenUsage) {
        if usage.input > 0 {
            self.used = usage;
        }
    }

    pub(super) fn used(&self) -> TokenUsage {
        self.used
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let used = self.used.input.saturating_add(self.used.output);
        self.ledger.settle(self.day, &self.accounts, self.reserved, used);
    }
}
