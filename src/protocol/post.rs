//! Changelog posts on the wire.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::experience::Button;

/// `post.get`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PostGet {
    /// The post.
    pub post_id: String,
}

/// `post.content`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PostContent {
    /// The post.
    pub post_id: String,
    /// Changes when the published content changes.
    pub revision: u64,
    /// Its title.
    pub title: String,
    /// Its text, in Markdown.
    pub body: String,
    /// Its language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// How readers learn of it.
    pub notify: PostNotify,
    /// When it was published, RFC 3339, when its author says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<String>,
    /// Its button.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cta: Option<Button>,
}

/// How readers learn of a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PostNotify {
    /// They find it in the feed.
    Silent,
    /// A mark on the launcher.
    Badge,
    /// It opens by itself.
    Popup,
}

/// `feed.get`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FeedGet {
    /// Only posts that are older than this one, which is the last of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// At most so many.
    pub limit: u32,
}

/// `feed.page`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FeedPage {
    /// The newest first.
    pub posts: Vec<FeedEntry>,
    /// Whether there are older ones.
    pub has_more: bool,
}

/// A post in the feed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FeedEntry {
    /// The post.
    #[serde(flatten)]
    pub post: PostContent,
    /// Whether the user has opened it, with `post.get`.
    pub seen: bool,
}
