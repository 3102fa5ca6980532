//! The pure state machines, under random sequences of events.

#[path = "session/connection.rs"]
mod connection;
#[path = "session/conversation.rs"]
mod conversation;
#[path = "session/product.rs"]
mod product;
#[path = "session/seen.rs"]
mod seen;
