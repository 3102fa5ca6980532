//! One turn of the agent: from a message to an answer with its actions.

pub mod turn_event;
pub mod turn_request;
