//! A thread that carries out jobs, one after the other.

use std::io;
use std::thread::{Builder, JoinHandle};

use tokio::sync::mpsc::{self, Receiver, Sender};

/// A thread that carries out jobs, and the way to send them to it.
#[derive(Debug)]
pub(super) struct Worker<J> {
    /// Absent only while this is dropped.
    jobs: Option<Sender<J>>,
    thread: Option<JoinHandle<()>>,
}

impl<J: Send + 'static> Worker<J> {
    /// Starts the thread, in which `run` takes jobs until nobody can send any more. Of
    /// these `waiting` may wait.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(super) fn start(
        name: &str,
        waiting: usize,
        run: impl FnOnce(Receiver<J>) + Send + 'static,
    ) -> io::Result<Self> {
        let (jobs, receiver) = mpsc::channel(waiting);
        let thread = Builder::new().name(name.to_owned()).spawn(move || run(receiver))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Where jobs are sent to.
    pub(super) fn jobs(&self) -> Option<&Sender<J>> {
        self.jobs.as_ref()
    }
}

impl<J> Drop for Worker<J> {
    /// Waits until the thread has given up what it holds.
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("a thread of the conversations panicked");
        }
    }
}
