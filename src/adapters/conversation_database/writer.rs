//! The one thread that writes the database.

use std::thread;
use std::time::Duration;

use rusqlite::TransactionBehavior;
use tokio::sync::mpsc;

use super::work::{Job, Work, alone, carry_out};
use super::write_ahead::WriteAhead;

/// Jobs that share one transaction.
const JOBS_TOGETHER: usize = 256;
/// How long more jobs are waited for, up to so many, after some came together: others
/// will come, and each transaction costs a sync.
const GATHERING: Duration = Duration::from_millis(1);
const GATHERED_JOBS: usize = 16;

/// Carries out jobs until nobody can send any more.
pub(super) fn run(mut database: WriteAhead, mut waiting: mpsc::Receiver<Job>) {
    let mut jobs = Vec::with_capacity(JOBS_TOGETHER);
    let mut is_busy = false;
    while waiting.blocking_recv_many(&mut jobs, JOBS_TOGETHER) > 0 {
        if is_busy && jobs.len() < GATHERED_JOBS {
            thread::sleep(GATHERING);
            while jobs.len() < JOBS_TOGETHER
                && let Ok(job) = waiting.try_recv()
            {
                jobs.push(job);
            }
        }
        is_busy = jobs.len() > 1;
        let (works, replies): (Vec<Work>, Vec<_>) = jobs.drain(..).map(|job| (job.work, job.reply)).unzip();
        match carry_out(&mut database.connection, TransactionBehavior::Immediate, &works) {
            Ok(answers) => {
                for (reply, answer) in replies.into_iter().zip(answers) {
                    let _ = reply.send(answer);
                }
            }
            // Each for itself: the others need not fail with one.
            Err(_) => {
                for (reply, work) in replies.into_iter().zip(works) {
                    let _ = reply.send(alone(&mut database.connection, TransactionBehavior::Immediate, work));
                }
            }
        }
        database.move_if_due();
    }
}
