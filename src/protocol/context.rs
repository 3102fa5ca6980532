//! What the client tells of the user and the page, and small commands about both.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Values by name, of any JSON type.
pub type Attributes = serde_json::Map<String, serde_json::Value>;

/// A page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PageInfo {
    /// Its absolute address.
    pub url: String,
    /// Its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// `context.update`: what changed since `hello`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContextUpdate {
    /// The page the user looks at now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<PageInfo>,
    /// Traits that changed; null removes one.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
}

/// `event.track`: something the user did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EventTrack {
    /// Its name.
    pub name: String,
    /// Its properties.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub properties: Attributes,
}

/// `read.mark`: how far the user has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReadMark {
    /// Number of the last event read.
    pub seq: u64,
}

/// `unread`: how much the user has not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unread {
    /// Messages not read.
    pub count: u32,
}
