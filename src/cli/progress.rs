//! Shows how far long work is: a bar on a terminal, else a line every few seconds.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::adapters::embedding_gauge::EmbeddingGauge;

/// How often the bar is drawn.
const REDRAW: Duration = Duration::from_millis(200);
/// How often a line is written where there is no terminal.
const LINE: Duration = Duration::from_secs(5);

/// A thread that shows the state of a gauge until this is dropped.
pub(super) struct Progress {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Shows how many texts are embedded. Work that is soon done shows nothing.
    pub(super) fn of_embedding(gauge: Arc<EmbeddingGauge>) -> Self {
        let (stop, stopped) = mpsc::channel();
        let watch = move || {
            let every = if std::io::stderr().is_terminal() { REDRAW } else { LINE };
            let mut display = Display::new();
            while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                let (done, expected) = gauge.read();
                display.show(done, expected);
            }
        };
        let thread = std::thread::Builder::new().name("docent-progress".to_owned()).spawn(watch).ok();
        Self { stop: Some(stop), thread }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Display {
    bar: Option<ProgressBar>,
    started: Instant,
    seen: usize,
}

impl Display {
    fn new() -> Self {
        Self { bar: None, started: Instant::now(), seen: 0 }
    }

    fn show(&mut self, done: usize, expected: usize) {
        if done >= expected {
            if let Some(bar) = self.bar.take() {
                bar.finish_and_clear();
            }
        } else if std::io::stderr().is_terminal() {
            let bar = self.bar.get_or_insert_with(|| bar(expected, "texts embedded"));
            bar.set_length(expected as u64);
            bar.set_position(done as u64);
        } else if done != self.seen {
            tracing::info!(done, expected, seconds = self.started.elapsed().as_secs(), "texts are being embedded");
        }
        self.seen = done;
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// A bar on standard error.
fn bar(length: usize, what: &str) -> ProgressBar {
    let template = "{bar:30} {human_pos}/{human_len} {msg}, {eta} left";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length as u64).with_style(style).with_message(what.to_owned())
}
