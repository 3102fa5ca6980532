//! What one connection wants done.

use super::conversation::command::Request;
use super::conversation::tab::Visitor;
use crate::domain::ids::{ConversationId, ExperienceId, PostId, UserId};
use crate::domain::user::UserContext;
use crate::protocol::close_code::CloseCode;
use crate::protocol::server_message::ServerFrame;

/// What one connection wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Send this after everything that waits.
    Send(ServerFrame),
    /// Send this before everything that waits, and the missed events after it.
    Greet(ServerFrame),
    /// Find or make the conversation, and follow it.
    Join(JoinRequest),
    /// Carry out a command in the current conversation.
    Converse(Box<Request>),
    /// Make a new conversation, carry out a command in it, and follow it instead.
    Enter {
        /// The identifier of the new conversation; the same one whenever the command comes.
        conversation: ConversationId,
        /// Its identifier when that one cannot be had.
        otherwise: ConversationId,
        /// The command.
        request: Box<Request>,
    },
    /// The user has done something in this tab that is no command for the conversation.
    Used,
    /// Look up an experience for this user.
    ReadExperience {
        /// The command that asks.
        reference: Option<String>,
        /// Which.
        experience: ExperienceId,
        /// For whom.
        context: Box<UserContext>,
    },
    /// Look up a post for this user.
    ReadPost {
        /// The command that asks.
        reference: Option<String>,
        /// Which.
        post: PostId,
        /// For whom.
        context: Box<UserContext>,
    },
    /// Look up the posts that this user may read.
    ReadFeed {
        /// The command that asks.
        reference: Option<String>,
        /// Only posts older than this one.
        before: Option<PostId>,
        /// At most so many.
        limit: u32,
        /// For whom.
        context: Box<UserContext>,
    },
    /// Look up past messages of a conversation of this user.
    ReadHistory {
        /// The command that asks.
        reference: Option<String>,
        /// Which conversation.
        conversation: ConversationId,
        /// Whose it must be.
        user: UserId,
        /// Only messages before this event.
        before: u64,
        /// At most so many.
        limit: u32,
    },
    /// Close the connection.
    Close(CloseCode),
}

/// Which conversation a connection wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinRequest {
    /// Whose.
    pub user: UserId,
    /// The one that the client left.
    pub resume: Option<Cursor>,
    /// The identifier of a new one, when that cannot be had.
    pub fresh: ConversationId,
    /// The tab, and what it can carry out.
    pub visitor: Visitor,
    /// Whether it gets traces.
    pub trace: bool,
}

/// Where a client left off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The conversation.
    pub conversation: ConversationId,
    /// Its epoch then.
    pub epoch: String,
    /// Number of the last event that the client has seen.
    pub after: u64,
}
