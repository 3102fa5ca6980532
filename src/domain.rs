//! Plain values of the field: what a project, a user and a conversation are.
//!
//! Nothing here does I/O, waits, or knows a file or wire format; other layers
//! convert into and out of these types, so each format can change alone.

pub mod action;
pub mod article;
pub mod attribute;
pub mod automation;
pub mod condition;
pub mod conversation;
pub mod custom_answer;
pub mod experience;
pub mod ids;
pub mod locale;
pub mod page;
pub mod post;
pub mod project;
pub mod revocation;
pub mod secret;
pub mod segment;
pub mod trigger;
pub mod user;
pub mod value;
