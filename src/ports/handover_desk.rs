//! Tells people that a conversation is handed over to them.

/// A conversation that a person should take over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    /// Names it; the same handover is told again under the same name.
    pub id: String,
    /// The conversation.
    pub conversation: String,
    /// Its user.
    pub user: String,
    /// Why, such as `customer_request`.
    pub reason: String,
    /// What the user asked last.
    pub question: String,
    /// When, in RFC 3339.
    pub at: String,
}

/// Why a handover was not taken in.
#[derive(Debug, thiserror::Error)]
#[error("the handover cannot be kept: {0}")]
pub struct DeskError(pub String);

/// Takes handovers in.
pub trait HandoverDesk: Send + Sync {
    /// Takes a handover in. Once this returns it is told, sooner or later, also over a
    /// restart; it may be told twice.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn take_in(&self, handover: &Handover) -> Result<(), DeskError>;
}
