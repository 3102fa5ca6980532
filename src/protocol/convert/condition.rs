//! Conditions on their way out.

use std::time::Duration;

use serde_json::Value as Json;

use crate::domain::condition::{Comparison, EventTest};
use crate::domain::page::{Device, PageRule, Pattern, UrlPart, UrlTest};
use crate::protocol::condition as wire;
use crate::protocol::condition::ComparisonOp;

use super::value::to_json;

/// How a value compares.
pub fn comparison(comparison: &Comparison) -> wire::Comparison {
    let (op, value) = match comparison {
        Comparison::Eq(value) => (ComparisonOp::Eq, to_json(value)),
        Comparison::Ne(value) => (ComparisonOp::Ne, to_json(value)),
        Comparison::In(values) => (ComparisonOp::In, values.iter().map(to_json).collect()),
        Comparison::Contains(value) => (ComparisonOp::Contains, to_json(value)),
        Comparison::Starts(text) => (ComparisonOp::Starts, Json::from(text.as_str())),
        Comparison::Ends(text) => (ComparisonOp::Ends, Json::from(text.as_str())),
        Comparison::Matches(regex) => (ComparisonOp::Matches, Json::from(regex.as_str())),
        Comparison::Lt(value) => (ComparisonOp::Lt, to_json(value)),
        Comparison::Lte(value) => (ComparisonOp::Lte, to_json(value)),
        Comparison::Gt(value) => (ComparisonOp::Gt, to_json(value)),
        Comparison::Gte(value) => (ComparisonOp::Gte, to_json(value)),
        Comparison::Exists(exists) => (ComparisonOp::Exists, Json::from(*exists)),
        Comparison::Within(duration) => (ComparisonOp::Within, Json::from(millis(*duration))),
    };
    wire::Comparison { op, value }
}

/// A test of how often something happened.
pub fn event_test(event: &EventTest) -> wire::EventTest {
    wire::EventTest {
        name: event.name.clone(),
        min: event.count.min,
        max: event.count.max,
        within_ms: event.within.map(millis),
        properties: event
            .properties
            .iter()
            .map(|property| wire::PropertyTest {
                name: property.name.clone(),
                comparison: comparison(&property.comparison),
            })
            .collect(),
    }
}

/// Which pages are meant.
pub fn page_rule(rule: &PageRule) -> wire::PageRule {
    wire::PageRule {
        any: rule.any.iter().map(url_test).collect(),
        none: rule.none.iter().map(url_test).collect(),
        device: rule
            .device
            .iter()
            .map(|device| match device {
                Device::Desktop => wire::Device::Desktop,
                Device::Tablet => wire::Device::Tablet,
                Device::Mobile => wire::Device::Mobile,
            })
            .collect(),
    }
}

fn url_test(test: &UrlTest) -> wire::UrlTest {
    let (op, value) = match &test.pattern {
        Pattern::Exact(text) => (wire::UrlOp::Exact, text.as_str()),
        Pattern::Prefix(text) => (wire::UrlOp::Prefix, text.as_str()),
        Pattern::Contains(text) => (wire::UrlOp::Contains, text.as_str()),
        Pattern::Glob(glob) => (wire::UrlOp::Glob, glob.glob().glob()),
        Pattern::Regex(regex) => (wire::UrlOp::Regex, regex.as_str()),
    };
    let part = match test.part {
        UrlPart::Host => wire::UrlPart::Host,
        UrlPart::Path => wire::UrlPart::Path,
        UrlPart::Query => wire::UrlPart::Query,
        UrlPart::Hash => wire::UrlPart::Hash,
    };
    wire::UrlTest { part, op, value: value.to_owned() }
}

/// A duration in milliseconds.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
