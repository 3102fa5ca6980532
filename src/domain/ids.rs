//! One newtype per identifier, so that none can stand where another belongs.

use std::fmt;
use std::sync::Arc;

/// Why a text is not an identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// It has no characters.
    #[error("an identifier must not be empty")]
    Empty,
    /// It has more than [`MAX_ID_CHARS`] characters.
    #[error("an identifier must have at most {MAX_ID_CHARS} characters")]
    TooLong,
    /// It has a character that identifiers may not have.
    #[error("an identifier must not contain {0:?}")]
    Character(char),
}

/// Longest identifier, in characters.
pub const MAX_ID_CHARS: usize = 200;

fn check(text: &str) -> Result<(), InvalidId> {
    if text.is_empty() {
        return Err(InvalidId::Empty);
    }
    if text.chars().count() > MAX_ID_CHARS {
        return Err(InvalidId::TooLong);
    }
    match text.chars().find(|c| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | '`' | '<' | '>' | '\\'))
    {
        Some(c) => Err(InvalidId::Character(c)),
        None => Ok(()),
    }
}

macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks and wraps `text`.
            ///
            /// # Errors
            /// When `text` is empty, too long, or has white space, control
            /// characters, quotes, angle brackets or a backslash.
            pub fn new(text: &str) -> Result<Self, InvalidId> {
                check(text).map(|()| Self(text.into()))
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )*};
}

identifiers! {
    /// A help article: its path below `articles/` without the extension.
    ArticleId
    /// A Custom Answer.
    AnswerId
    /// An experience of any of the seven kinds.
    ExperienceId
    /// A step of a flow, a task of a checklist or a block of a resource center.
    StepId
    /// A changelog post.
    PostId
    /// An automation.
    AutomationId
    /// A saved audience.
    SegmentId
    /// A behaviour trigger.
    TriggerId
    /// A function that the page registers for Run JavaScript and automations.
    HandlerName
    /// A user: the customer's own id, or `anon-` and a UUID.
    UserId
    /// A browser tab or another client.
    ClientId
    /// A conversation.
    ConversationId
    /// One turn of the agent.
    RunId
    /// A message of a conversation.
    MessageId
    /// One offered action.
    ActionId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_could_break_out_of_a_quote_or_a_line() {
        assert!(ExperienceId::new("welcome-tour_2").is_ok());
        assert!(ArticleId::new("billing/résumé.v2").is_ok());
        assert_eq!(PostId::new(""), Err(InvalidId::Empty));
        assert_eq!(PostId::new(&"x".repeat(201)), Err(InvalidId::TooLong));
        for bad in ["a b", "a\nb", "a\"b", "<a>", "a\\b", "a\u{0}b"] {
            assert!(matches!(PostId::new(bad), Err(InvalidId::Character(_))), "{bad:?}");
        }
    }
}
