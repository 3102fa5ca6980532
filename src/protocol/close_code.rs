//! Why a connection was closed.
//!
//! 4000 to 4499 say reconnect, 4500 to 4999 say stop; so do the standard codes
//! listed here.

/// A close code that the server sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseCode {
    /// 1000: the client is done.
    Normal,
    /// 1002: the bytes are not websocket frames.
    Protocol,
    /// 1007: a text frame is not UTF-8.
    InvalidText,
    /// 1009: a message is longer than the limit.
    TooBig,
    /// 1013: the server is full at present.
    TryAgainLater,
    /// 4000: the server is shutting down.
    GoingAway,
    /// 4001: nothing was heard from the client for too long.
    NoPong,
    /// 4002: the client reads too slowly.
    Slow,
    /// 4003: the client must resume from its cursor.
    Resync,
    /// 4004: the identity token has expired.
    TokenExpired,
    /// 4005: the client sends too much.
    RateLimited,
    /// 4500: the identity is not valid.
    InvalidToken,
    /// 4501: a frame is not a JSON object or a short array of objects.
    BadFrame,
    /// 4502: no `hello` in time.
    HelloTimeout,
    /// 4503: no common version of the protocol.
    Version,
    /// 4504: the page's origin is not allowed.
    Origin,
    /// 4505: the user has too many connections.
    TooManySockets,
    /// 4506: the project is switched off.
    ProjectDisabled,
}

impl CloseCode {
    /// All codes.
    pub const ALL: [Self; 18] = [
        Self::Normal,
        Self::Protocol,
        Self::InvalidText,
        Self::TooBig,
        Self::TryAgainLater,
        Self::GoingAway,
        Self::NoPong,
        Self::Slow,
        Self::Resync,
        Self::TokenExpired,
        Self::RateLimited,
        Self::InvalidToken,
        Self::BadFrame,
        Self::HelloTimeout,
        Self::Version,
        Self::Origin,
        Self::TooManySockets,
        Self::ProjectDisabled,
    ];

    /// The number on the wire.
    pub fn number(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::Protocol => 1002,
            Self::InvalidText => 1007,
            Self::TooBig => 1009,
            Self::TryAgainLater => 1013,
            Self::GoingAway => 4000,
            Self::NoPong => 4001,
            Self::Slow => 4002,
            Self::Resync => 4003,
            Self::TokenExpired => 4004,
            Self::RateLimited => 4005,
            Self::InvalidToken => 4500,
            Self::BadFrame => 4501,
            Self::HelloTimeout => 4502,
            Self::Version => 4503,
            Self::Origin => 4504,
            Self::TooManySockets => 4505,
            Self::ProjectDisabled => 4506,
        }
    }

    /// The reason on the wire.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Normal => "done",
            Self::Protocol => "not a websocket frame",
            Self::InvalidText => "not UTF-8",
            Self::TooBig => "message too long",
            Self::TryAgainLater => "server full",
            Self::GoingAway => "going away",
            Self::NoPong => "no pong",
            Self::Slow => "reads too slowly",
            Self::Resync => "resume from the cursor",
            Self::TokenExpired => "token expired",
            Self::RateLimited => "sends too much",
            Self::InvalidToken => "identity not valid",
            Self::BadFrame => "bad frame",
            Self::HelloTimeout => "no hello in time",
            Self::Version => "no common version",
            Self::Origin => "origin not allowed",
            Self::TooManySockets => "too many connections",
            Self::ProjectDisabled => "project switched off",
        }
    }
}

/// Whether a client should reconnect by itself after a close with this number.
pub fn should_reconnect(number: u16) -> bool {
    matches!(number, 1001 | 1006 | 1012 | 1013 | 4000..=4499)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_tell_whether_to_reconnect() {
        for code in CloseCode::ALL {
            let stop = matches!(
                code,
                CloseCode::Normal
                    | CloseCode::Protocol
                    | CloseCode::InvalidText
                    | CloseCode::TooBig
                    | CloseCode::InvalidToken
                    | CloseCode::BadFrame
                    | CloseCode::HelloTimeout
                    | CloseCode::Version
                    | CloseCode::Origin
                    | CloseCode::TooManySockets
                    | CloseCode::ProjectDisabled
            );
            assert_eq!(should_reconnect(code.number()), !stop, "{code:?}");
            assert!(code.reason().len() <= 123, "a close reason has at most 123 bytes");
        }
    }
}
