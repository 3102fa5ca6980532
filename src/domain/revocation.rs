//! Users and tokens that hold no more, although they are signed and not over.

use super::ids::UserId;

/// Everything that was revoked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revocations(Vec<Revocation>);

/// One revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// What is revoked.
    pub what: Revoked,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
}

/// What is revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// Every token of this user that was signed before.
    User(String),
    /// The token with this `jti`.
    Token(String),
}

impl Revocations {
    /// All of them.
    pub fn new(all: Vec<Revocation>) -> Self {
        Self(all)
    }

    /// Whether a token of `user` is revoked, which was signed at `signed_ms` at the
    /// earliest (milliseconds since 1970).
    pub fn concern(&self, user: &UserId, token: Option<&str>, signed_ms: u64) -> bool {
        self.0.iter().any(|revocation| match &revocation.what {
            Revoked::Token(id) => token == Some(id),
            Revoked::User(name) => user.as_str() == name && signed_ms <= revocation.at_ms,
        })
    }
}
