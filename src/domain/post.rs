//! Changelog posts.

use super::condition::Audience;
use super::experience::{Cta, Schedule, Status};
use super::ids::PostId;
use super::locale::Locale;

/// A changelog post.
#[derive(Clone, Debug, PartialEq)]
pub struct Post {
    /// Its identifier.
    pub id: PostId,
    /// Its title.
    pub title: String,
    /// Whether it may be read at all.
    pub status: Status,
    /// When a published one may be read.
    pub schedule: Schedule,
    /// How readers learn of it.
    pub notify: Notify,
    /// Who may read it; everyone when absent.
    pub audience: Option<Audience>,
    /// The language it is written in, when its author says so.
    pub locale: Option<Locale>,
    /// Its one button.
    pub cta: Option<Cta>,
    /// Its text, in Markdown.
    pub body: String,
}

/// How readers learn of a post.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Notify {
    /// They find it in the feed.
    Silent,
    /// A mark on the launcher.
    #[default]
    Badge,
    /// It opens by itself.
    Popup,
}
