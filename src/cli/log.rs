//! Where the log goes: standard error, so that standard output stays a result.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::{Config, LogFormat};

/// What is never logged in full: the websocket library traces each frame with its text.
const QUIET: &str = "tungstenite=info,tokio_tungstenite=info";

/// The log of a server, as it is configured.
pub(super) fn of_server(config: &Config) {
    let log = fmt()
        .with_env_filter(EnvFilter::new(format!("{},{QUIET}", config.log_level)))
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let _ = match config.log {
        LogFormat::Text => log.with_target(false).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
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
