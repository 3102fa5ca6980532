//! A text that is never shown.

use std::fmt;

/// A key or a password. It can be compared and used, and is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text itself, for the one who needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_used_and_never_printed() {
        let secret = Secret::new("key-1");
        assert_eq!(secret.expose(), "key-1");
        assert!(!format!("{:?}", Some(secret)).contains("key-1"));
    }
}
