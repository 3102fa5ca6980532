//! Where the log goes: standard error, so that standard output stays a result.

use std::io::IsTerminal;
use std::panic::PanicHookInfo;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::{Config, LogFormat};

/// What is never logged in full: the websocket library traces each frame with its text.
const QUIET: &str = "tungstenite=info,tokio_tungstenite=info";

/// Changes what the log of a server holds.
pub(super) struct LogLevel(Box<dyn Fn(EnvFilter) + Send>);

impl LogLevel {
    /// As it is configured from now on.
    pub(super) fn change(&self, config: &Config) {
        (self.0)(filter(config));
    }
}

/// The log of a server, as it is configured.
pub(super) fn of_server(config: &Config) -> LogLevel {
    let log =
        fmt().with_env_filter(filter(config)).with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr);
    std::panic::set_hook(Box::new(panicked));
    match config.log {
        LogFormat::Text => {
            let log = log.with_target(false).with_filter_reloading();
            let handle = log.reload_handle();
            let _ = log.try_init();
            LogLevel(Box::new(move |filter| drop(handle.reload(filter))))
        }
        LogFormat::Json => {
            let log = log.json().flatten_event(true).with_filter_reloading();
            let handle = log.reload_handle();
            let _ = log.try_init();
            LogLevel(Box::new(move |filter| drop(handle.reload(filter))))
        }
    }
}

fn filter(config: &Config) -> EnvFilter {
    EnvFilter::new(format!("{},{QUIET}", config.log_level))
}

/// Logs where a panic was, and not what it says: that may repeat what a user wrote, such
/// as a text that was cut in the middle of a letter.
fn panicked(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(panic.place = place, "a task panicked");
}

/// Warnings and progress of a command that answers on standard output.
pub(super) fn of_command() {
    let log = fmt()
        .with_env_filter(EnvFilter::new(format!("warn,docent::cli::progress=info,{QUIET}")))
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .with_target(false);
    let _ = log.try_init();
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_panic_is_logged_without_what_it_says() {
        let lines = Lines::default();
        let writer = lines.clone();
        let log = fmt().with_writer(move || writer.clone()).finish();
        let text = "ünlucky";
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(panicked));
        let cut = tracing::subscriber::with_default(log, || std::panic::catch_unwind(|| text[..1].len()));
        std::panic::set_hook(usual);
        assert!(cut.is_err());
        let log = String::from_utf8(lines.0.lock().expect("no panic").clone()).expect("text");
        assert!(log.contains("a task panicked") && log.contains("log.rs") && !log.contains("nlucky"), "{log}");
    }
}
