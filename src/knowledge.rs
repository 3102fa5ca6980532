//! Knowledge: a folder of text files becomes a [`Project`] and a list of mistakes.
//!
//! [`load`] reads a folder once, [`Loader`] again and again: only what changed is
//! read, and all other objects are shared between the projects it gives. Nothing
//! stops at a mistake. Each file is read to its end, and all files are checked
//! against each other, so that an author sees everything at once.
//!
//! A file becomes a tree with positions (`yaml`), is read key by key (`reading`),
//! one module for each kind of object, and leaves behind what it refers to
//! (`uses`), which the checks across files look at (`checks`).
//!
//! [`Project`]: crate::domain::project::Project

mod action;
mod article;
mod automation;
mod checks;
mod condition;
mod custom_answer;
mod entry;
mod experience;
mod files;
pub mod front_matter;
mod heading;
mod html;
pub mod init;
mod kind;
mod loader;
mod markdown;
mod post;
pub mod prompts;
pub(crate) mod reading;
mod scope;
mod segment;
mod settings;
mod trigger;
mod uses;
pub mod watch;
pub mod yaml;

pub use kind::Kind;
pub use loader::{Changes, Loaded, Loader, load, load_files};
