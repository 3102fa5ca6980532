//! The configuration, read again for a server that runs.

use std::path::Path;

use super::setting::Raw;
use super::{Config, Overrides, gather, resolve};
use crate::diagnostic::Diagnostic;

/// A configuration that was read again.
#[derive(Clone, Debug, PartialEq)]
pub struct Reloaded {
    /// The newest values of the settings that may change while a server runs; the
    /// others are as they were.
    pub config: Config,
    /// The settings whose new values wait for a restart.
    pub waiting: Vec<&'static str>,
}

/// Reads the configuration again, for a server that runs with `before`.
///
/// # Errors
/// Every mistake, as [`super::load`].
pub fn reload(path: Option<&Path>, overrides: &Overrides, before: &Config) -> Result<Reloaded, Vec<Diagnostic>> {
    let (raw, diagnostics) = gather(path, overrides);
    reloaded(raw, diagnostics, before)
}

fn reloaded(mut raw: Raw, diagnostics: Vec<Diagnostic>, before: &Config) -> Result<Reloaded, Vec<Diagnostic>> {
    resolve(&raw, diagnostics)?;
    let waiting: Vec<_> = raw.differing(&before.given).filter(|setting| !setting.is_live).collect();
    for setting in &waiting {
        raw.keep(setting.key, &before.given);
    }
    let waiting = waiting.into_iter().map(|setting| setting.key).collect();
    Ok(Reloaded { config: resolve(&raw, Vec::new())?, waiting })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::file;

    #[test]
    fn a_running_server_takes_what_it_can_and_names_the_rest() {
        let given = |toml: &str| {
            let (mut raw, mut diagnostics) = (Raw::default(), Vec::new());
            file::parse("docent.toml", toml, &mut raw, &mut diagnostics);
            (raw, diagnostics)
        };
        let (raw, mistakes) = given("listen = '127.0.0.1:1'\n[limits]\ntext_chars = 10\nheartbeat_ms = 9000");
        let before = resolve(&raw, mistakes).expect("no mistake");
        let again = |toml: &str| {
            let (raw, mistakes) = given(toml);
            reloaded(raw, mistakes, &before)
        };
        let Reloaded { config, waiting } =
            again("listen = '127.0.0.1:2'\norigins = ['https://a.example']\n[limits]\ntext_chars = 20")
                .expect("no mistake");
        assert_eq!((config.limits.text_chars, config.origins.len()), (20, 1));
        assert_eq!((config.listen.port(), config.limits.heartbeat.as_secs()), (1, 9));
        assert_eq!(waiting, ["listen", "limits.heartbeat_ms"]);
        let same =
            again("\n\nlisten = '127.0.0.1:1'\n[limits]\nheartbeat_ms = 9000\ntext_chars = 10").expect("no mistake");
        assert_eq!((same.config, same.waiting.len()), (before.clone(), 0), "the place of a value is none of it");
        assert_eq!(again("[limits]\ntext_chars = 0\nheartbeat_ms = 0").expect_err("mistakes").len(), 2);
    }
}
