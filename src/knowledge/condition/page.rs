//! Reading page rules.

use globset::GlobBuilder;

use crate::domain::page::{Device, PageRule, Pattern, UrlPart, UrlTest};
use crate::knowledge::condition::single_key;
use crate::knowledge::reading::{Mapping, Reading};
use crate::knowledge::yaml::Node;

const TEST_HINT: &str = "write a part of the address and a pattern, such as `{path: {glob: \"/projects/*\"}}`";

/// Reads `{any, none, device}`.
pub(crate) fn page_rule(node: &Node, reading: &mut Reading<'_>) -> Option<PageRule> {
    let mut mapping = Mapping::open(node, "a page rule", reading)?;
    let any = mapping.get("any").map(|node| url_tests(node, reading)).unwrap_or_default();
    let none = mapping.get("none").map(|node| url_tests(node, reading)).unwrap_or_default();
    let device = mapping.get("device").map(|node| devices(node, reading)).unwrap_or_default();
    mapping.close(reading);
    Some(PageRule { any, none, device })
}

fn devices(node: &Node, reading: &mut Reading<'_>) -> Vec<Device> {
    let choices = [("desktop", Device::Desktop), ("tablet", Device::Tablet), ("mobile", Device::Mobile)];
    let items = reading.items(node, "a list of devices");
    items.iter().filter_map(|item| reading.choice(item, "a device", &choices)).collect()
}

fn url_tests(node: &Node, reading: &mut Reading<'_>) -> Vec<UrlTest> {
    let items = reading.items(node, "a list of tests of an address");
    items.iter().filter_map(|item| url_test(item, reading)).collect()
}

fn url_test(node: &Node, reading: &mut Reading<'_>) -> Option<UrlTest> {
    let (part, pattern) = single_key(node, "a test of an address", TEST_HINT, reading)?;
    let part = match part.text.as_str() {
        "host" => UrlPart::Host,
        "path" => UrlPart::Path,
        "query" => UrlPart::Query,
        "hash" => UrlPart::Hash,
        unknown => {
            reading.not_one_of(part.position, unknown, "a part of an address", &["host", "path", "query", "hash"]);
            return None;
        }
    };
    let (operator, value) = single_key(pattern, "a pattern", TEST_HINT, reading)?;
    let pattern = match operator.text.as_str() {
        "exact" => Pattern::Exact(reading.text(value)?),
        "prefix" => Pattern::Prefix(reading.text(value)?),
        "contains" => Pattern::Contains(reading.text(value)?),
        "glob" => {
            let text = reading.text(value)?;
            match GlobBuilder::new(&text).literal_separator(true).build() {
                Ok(glob) => Pattern::Glob(glob.compile_matcher()),
                Err(error) => {
                    reading.error("glob", value.position, format!("this glob cannot be used: {}", error.kind()));
                    return None;
                }
            }
        }
        "regex" => Pattern::Regex(reading.regex(value)?),
        unknown => {
            let names = ["exact", "prefix", "contains", "glob", "regex"];
            reading.not_one_of(operator.position, unknown, "a pattern", &names);
            return None;
        }
    };
    Some(UrlTest { part, pattern })
}
