//! Conditions that the client tests: values, events and pages.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a value compares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// The comparison.
    pub op: ComparisonOp,
    /// What it is compared with: a list for `in`, a text for `starts`, `ends` and
    /// `matches` (a regular expression), a boolean for `exists`, milliseconds for `within`.
    pub value: serde_json::Value,
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ComparisonOp {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// One of these.
    In,
    /// Contains it.
    Contains,
    /// Begins with it.
    Starts,
    /// Ends with it.
    Ends,
    /// A regular expression is found in it.
    Matches,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// Present or absent.
    Exists,
    /// A time at most this long ago.
    Within,
}

/// A test of how often something happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EventTest {
    /// The event's name.
    pub name: String,
    /// At least so often.
    pub min: u32,
    /// At most so often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// Only this far back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_ms: Option<u64>,
    /// Only events whose properties pass all of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<PropertyTest>,
}

/// A test of one property.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PropertyTest {
    /// Its dotted name.
    pub name: String,
    /// How its value compares.
    #[serde(flatten)]
    pub comparison: Comparison,
}

/// Which pages are meant: one of `any` (when there are any), none of `none`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PageRule {
    /// One of these must match.
    #[serde(default)]
    pub any: Vec<UrlTest>,
    /// None of these may match.
    #[serde(default)]
    pub none: Vec<UrlTest>,
    /// The device must be one of these, when there are any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub device: Vec<Device>,
}

/// A test of one part of an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UrlTest {
    /// The part.
    pub part: UrlPart,
    /// How it compares.
    pub op: UrlOp,
    /// What it is compared with.
    pub value: String,
}

/// A part of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UrlPart {
    /// Host name without the port.
    Host,
    /// Path from the first `/`.
    Path,
    /// Query without the `?`.
    Query,
    /// Fragment without the `#`.
    Hash,
}

/// How a part of an address compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UrlOp {
    /// The whole text.
    Exact,
    /// The beginning.
    Prefix,
    /// Any part.
    Contains,
    /// `*` within a path segment, `**` across them.
    Glob,
    /// A regular expression.
    Regex,
}

/// A kind of device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Device {
    /// A desktop or laptop computer.
    Desktop,
    /// A tablet.
    Tablet,
    /// A telephone.
    Mobile,
}

/// What makes an experience appear by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ShowOn {
    /// Its page opens.
    PageOpen {},
    /// The user is about to leave its page.
    PageExit {},
    /// The user clicks an element.
    ElementClick {
        /// CSS selector.
        selector: String,
    },
    /// The user does something.
    Event {
        /// Which event.
        event: EventTest,
    },
    /// A behaviour trigger names it.
    Trigger {},
    /// Someone opens a link to it.
    SharedUrl {},
}
