//! Why a command was refused.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The code of an `error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// Say `hello` first.
    AuthRequired,
    /// The identity is not valid here.
    AuthInvalid,
    /// The identity token has expired.
    AuthExpired,
    /// This client may not do that.
    Forbidden,
    /// The command is not formed as the schema says.
    BadRequest,
    /// The server does not know or not serve commands of this type.
    UnknownType,
    /// The command or its text is longer than the limits.
    PayloadTooLarge,
    /// Too many commands in a short time.
    RateLimited,
    /// A budget or a store is used up.
    QuotaExceeded,
    /// There is no such conversation of this user, or it is not the current one.
    ConversationNotFound,
    /// The conversation's last message is still being answered.
    RunInProgress,
    /// There is no such run.
    RunNotFound,
    /// There is no such published experience.
    ExperienceNotFound,
    /// There is no such published post.
    PostNotFound,
    /// It exists, and is not for this user on this page.
    NotEligible,
    /// Nothing can be stored at present; nothing was done.
    StorageUnavailable,
    /// An attribute that has no fallback is missing.
    AttributeMissing,
    /// The client did not declare this kind of action.
    ActionUnsupported,
    /// The action is no longer open.
    ActionExpired,
    /// The action was granted before.
    ActionAlreadyClaimed,
    /// The identifier of an earlier command came with another content.
    IdempotencyConflict,
    /// The language model cannot be reached.
    ModelUnavailable,
    /// The answer took too long.
    ModelTimeout,
    /// The content may not be processed.
    ContentBlocked,
    /// A fault of the server, which its log explains.
    Internal,
}

impl ErrorCode {
    /// All codes.
    pub const ALL: [Self; 25] = [
        Self::AuthRequired,
        Self::AuthInvalid,
        Self::AuthExpired,
        Self::Forbidden,
        Self::BadRequest,
        Self::UnknownType,
        Self::PayloadTooLarge,
        Self::RateLimited,
        Self::QuotaExceeded,
        Self::ConversationNotFound,
        Self::RunInProgress,
        Self::RunNotFound,
        Self::ExperienceNotFound,
        Self::PostNotFound,
        Self::NotEligible,
        Self::StorageUnavailable,
        Self::AttributeMissing,
        Self::ActionUnsupported,
        Self::ActionExpired,
        Self::ActionAlreadyClaimed,
        Self::IdempotencyConflict,
        Self::ModelUnavailable,
        Self::ModelTimeout,
        Self::ContentBlocked,
        Self::Internal,
    ];

    /// Whether the same command may succeed later without a change.
    pub fn retryable(self) -> bool {
        match self {
            Self::RateLimited
            | Self::RunInProgress
            | Self::StorageUnavailable
            | Self::ModelUnavailable
            | Self::ModelTimeout
            | Self::Internal => true,
            Self::AuthRequired
            | Self::AuthInvalid
            | Self::AuthExpired
            | Self::Forbidden
            | Self::BadRequest
            | Self::UnknownType
            | Self::PayloadTooLarge
            | Self::QuotaExceeded
            | Self::ConversationNotFound
            | Self::RunNotFound
            | Self::ExperienceNotFound
            | Self::PostNotFound
            | Self::NotEligible
            | Self::AttributeMissing
            | Self::ActionUnsupported
            | Self::ActionExpired
            | Self::ActionAlreadyClaimed
            | Self::IdempotencyConflict
            | Self::ContentBlocked => false,
        }
    }
}
