//! What was spent on models, in memory and in a journal of one line a change.
//!
//! The journal holds one day. It begins anew, as sums, when it is opened and when
//! another day begins, so that it stays as long as a day's turns make it.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::ports::spending_ledger::{Account, SpendingError, SpendingLedger};

/// Name of the journal in the data folder.
const FILE: &str = "spending.jsonl";

/// What was spent, by account, on one day.
#[derive(Default)]
pub struct SpendingJournal {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    day: u64,
    spent: HashMap<String, u64>,
    /// Absent when nothing is kept on disk.
    journal: Option<Journal>,
}

struct Journal {
    path: PathBuf,
    file: File,
}

/// A line of the journal. Accounts are named, so the file is the operator's alone.
#[derive(Serialize, Deserialize)]
struct Line {
    day: u64,
    account: String,
    tokens: i64,
}

impl SpendingJournal {
    /// A journal in memory alone.
    pub fn in_memory() -> Self {
        Self::default()
    }

    /// The journal in the data folder `folder`. Lines that cannot be read, such as
    /// one that a crash cut off, are passed over.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = folder.join(FILE);
        let text = match fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let lines: Vec<Line> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let day = lines.iter().map(|line| line.day).max().unwrap_or(0);
        let mut sums: HashMap<String, i64> = HashMap::new();
        for line in lines.into_iter().filter(|line| line.day == day) {
            let sum = sums.entry(line.account).or_default();
            *sum = sum.saturating_add(line.tokens);
        }
        let spent = sums.into_iter().map(|(account, sum)| (account, u64::try_from(sum).unwrap_or(0))).collect();
        let journal = Journal { file: begun(&path, day, &spent)?, path };
        Ok(Self { state: Mutex::new(State { day, spent, journal: Some(journal) }) })
    }

    /// The lock is held for one write, never across a wait.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes a journal of sums in the place of the one before.
fn begun(path: &Path, day: u64, spent: &HashMap<String, u64>) -> io::Result<File> {
    let fresh = path.with_extension("new");
    fs::write(&fresh, lines(day, spent.iter().map(|(account, tokens)| (account.as_str(), signed(*tokens))))?)?;
    fs::rename(&fresh, path)?;
    OpenOptions::new().append(true).open(path)
}

fn lines<'a>(day: u64, changes: impl Iterator<Item = (&'a str, i64)>) -> io::Result<String> {
    let mut text = String::new();
    for (account, tokens) in changes {
        text.push_str(&serde_json::to_string(&Line { day, account: account.to_owned(), tokens })?);
        text.push('\n');
    }
    Ok(text)
}

fn signed(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}

impl State {
    fn turn_to(&mut self, day: u64) -> io::Result<()> {
        if day <= self.day {
            return Ok(());
        }
        let spent = HashMap::new();
        if let Some(journal) = &mut self.journal {
            journal.file = begun(&journal.path, day, &spent)?;
        }
        (self.day, self.spent) = (day, spent);
        Ok(())
    }

    fn write(&mut self, accounts: &[Account], tokens: i64) -> io::Result<()> {
        let day = self.day;
        match &mut self.journal {
            Some(journal) => {
                let names = accounts.iter().map(|account| (account.name.as_str(), tokens));
                journal.file.write_all(lines(day, names)?.as_bytes())
            }
            None => Ok(()),
        }
    }
}

impl SpendingLedger for SpendingJournal {
    fn reserve(&self, day: u64, accounts: &[Account], tokens: u64) -> Result<(), SpendingError> {
        let unrecorded = |error: io::Error| SpendingError::Unrecorded(error.to_string());
        let mut state = self.lock();
        state.turn_to(day).map_err(unrecorded)?;
        let over = accounts.iter().position(|account| {
            let spent = state.spent.get(&account.name).copied().unwrap_or(0);
            account.cap.is_some_and(|cap| spent.saturating_add(tokens) > cap)
        });
        if let Some(account) = over {
            return Err(SpendingError::Exhausted { account });
        }
        state.write(accounts, signed(tokens)).map_err(unrecorded)?;
        for account in accounts {
            let spent = state.spent.entry(account.name.clone()).or_default();
            *spent = spent.saturating_add(tokens);
        }
        Ok(())
    }

    fn settle(&self, day: u64, accounts: &[Account], reserved: u64, used: u64) {
        let mut state = self.lock();
        // A reservation of the day before has been forgotten with it.
        if state.day != day {
            return;
        }
        if let Err(error) = state.write(accounts, signed(used).saturating_sub(signed(reserved))) {
            tracing::error!(%error, "spending cannot be recorded; the reservation stands after a restart");
        }
        for account in accounts {
            let spent = state.spent.entry(account.name.clone()).or_default();
            *spent = spent.saturating_sub(reserved).saturating_add(used);
        }
    }

    fn spent(&self, day: u64, account: &str) -> u64 {
        let state = self.lock();
        if state.day == day { state.spent.get(account).copied().unwrap_or(0) } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn accounts(cap: u64) -> Vec<Account> {
        vec![Account { name: "project".to_owned(), cap: None }, Account { name: "user ann".to_owned(), cap: Some(cap) }]
    }

    #[test]
    fn a_cap_holds_under_parallel_callers() {
        let ledger = Arc::new(SpendingJournal::in_memory());
        let granted: u64 = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..200)
                .map(|_| {
                    let ledger = Arc::clone(&ledger);
                    scope.spawn(move || u64::from(ledger.reserve(1, &accounts(1_000), 30).is_ok()))
                })
                .collect();
            tries.into_iter().map(|one| one.join().expect("a thread")).sum()
        });
        assert_eq!(granted, 33);
        assert_eq!((ledger.spent(1, "user ann"), ledger.spent(1, "project")), (990, 990));
    }

    #[test]
    fn what_was_spent_outlives_the_process_and_ends_with_the_day() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || SpendingJournal::open(folder.path()).expect("a journal");
        let ledger = open();
        ledger.reserve(5, &accounts(100), 80).expect("within the cap");
        ledger.settle(5, &accounts(100), 80, 20);
        ledger.reserve(5, &accounts(100), 70).expect("within the cap");
        // It dies before the second request is settled, in the middle of a line.
        fs::write(folder.path().join("spending.jsonl"), {
            let mut bytes = fs::read(folder.path().join("spending.jsonl")).expect("a file");
            bytes.extend_from_slice(b"{\"day\":5,\"acc");
            bytes
        })
        .expect("a file");
        let ledger = open();
        assert_eq!(ledger.spent(5, "user ann"), 90);
        assert_eq!(ledger.reserve(5, &accounts(100), 11), Err(SpendingError::Exhausted { account: 1 }));
        assert_eq!(ledger.spent(5, "project"), 90, "nothing is reserved on any account");
        ledger.reserve(6, &accounts(100), 100).expect("another day");
        ledger.settle(5, &accounts(100), 70, 0);
        assert_eq!(open().spent(6, "user ann"), 100);
    }
}
