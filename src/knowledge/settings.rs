//! Reading `project.yaml`.

use std::collections::BTreeMap;

use crate::domain::action::ActionKind;
use crate::domain::action::availability::{Context, availability};
use crate::domain::action::combination::Strictness;
use crate::domain::attribute::is_attribute_name;
use crate::domain::ids::HandlerName;
use crate::domain::project::{Policy, Settings};

use super::reading::{Mapping, Reading};
use super::yaml::{Node, NodeKind};

/// The name of the file.
pub(crate) const FILE: &str = "project.yaml";

/// Reads the settings of a project. What is faulty keeps its default.
pub(crate) fn settings(reading: &mut Reading<'_>) -> Settings {
    let mut settings = Settings::default();
    let Some(root) = reading.yaml(reading.text_of_file(), 1).filter(|root| !root.is_null()) else { return settings };
    let Some(mut mapping) = Mapping::open(&root, "the project", reading) else { return settings };
    if let Some(name) = mapping.get("name").and_then(|node| reading.text(node)) {
        settings.name = name;
    }
    settings.persona = mapping.get("persona").and_then(|node| reading.text(node));
    settings.tone = mapping.get("tone").and_then(|node| reading.text(node));
    settings.greeting = mapping.get("greeting").and_then(|node| reading.text(node));
    settings.suggestions =
        mapping.get("suggestions").map(|node| reading.texts(node, "a list of questions")).unwrap_or_default();
    if let Some(locale) = mapping.get("default_locale").and_then(|node| reading.locale(node)) {
        settings.default_locale = locale;
    }
    if let Some(url) = mapping.get("articles_url").and_then(|node| articles_url(node, reading)) {
        settings.articles_url = url;
    }
    settings.allowed_hosts = mapping.get("allowed_hosts").map(|node| hosts(node, reading)).unwrap_or_default();
    settings.handover_message = mapping.get("handover").and_then(|node| handover(node, reading));
    settings.attributes = mapping.get("attributes").map(|node| attributes(node, reading)).unwrap_or_default();
    settings.run_js = mapping.get("run_js").and_then(|node| run_js(node, reading));
    if let Some(rate) = mapping.get("max_wrong_match_rate").and_then(|node| reading.number(node, 0.0..=1.0)) {
        settings.max_wrong_match_rate = rate;
    }
    if mapping.get("strict_order").and_then(|node| reading.boolean(node)) == Some(true) {
        settings.combination = Strictness::Order;
    }
    settings.action_policy = mapping.get("action_policy").map(|node| policies(node, reading)).unwrap_or_default();
    settings.daily_turns_per_user = mapping.get("caps").and_then(|node| daily_turns(node, reading));
    mapping.close(reading);
    settings
}

fn articles_url(node: &Node, reading: &mut Reading<'_>) -> Option<String> {
    let url = reading.text(node)?;
    let web = url.starts_with("https://") || url.starts_with("http://");
    if !web && (!url.starts_with('/') || url.starts_with("//")) {
        let hint = "write a path such as `/articles/` or an address that begins with `https://`";
        reading.error_with_hint("articles-url", node.position, format!("`{url}` is not a base of addresses"), hint);
        return None;
    }
    Some(if url.ends_with('/') { url } else { format!("{url}/") })
}

fn hosts(node: &Node, reading: &mut Reading<'_>) -> Vec<String> {
    let mut hosts = Vec::new();
    for item in reading.items(node, "a list of hosts") {
        let Some(text) = reading.text(item) else { continue };
        let host = text.to_ascii_lowercase();
        let name = host.strip_prefix("*.").unwrap_or(&host);
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_');
        if name.is_empty() || !name.chars().all(is_name) || name.starts_with('.') || name.ends_with('.') {
            let hint = "write a host alone, such as `docs.example.com` or `*.example.com`";
            reading.error_with_hint("host", item.position, format!("`{text}` is not a host"), hint);
        } else {
            hosts.push(host);
        }
    }
    hosts
}

fn handover(node: &Node, reading: &mut Reading<'_>) -> Option<String> {
    let mut mapping = Mapping::open(node, "`handover`", reading)?;
    let message = mapping.require("message").and_then(|node| reading.text(node));
    mapping.close(reading);
    message
}

fn attributes(node: &Node, reading: &mut Reading<'_>) -> Vec<String> {
    let mut names = Vec::new();
    for item in reading.items(node, "a list of attributes") {
        let Some(name) = reading.text(item) else { continue };
        if is_attribute_name(&name) {
            names.push(name);
        } else {
            let hint = "names have letters, digits, `_`, `-` and dots";
            let message = format!("`{name}` is not the name of an attribute");
            reading.error_with_hint("attribute-name", item.position, message, hint);
        }
    }
    names
}

fn run_js(node: &Node, reading: &mut Reading<'_>) -> Option<Vec<HandlerName>> {
    let mut mapping = Mapping::open(node, "`run_js`", reading)?;
    let enabled = mapping.require("enabled").and_then(|node| reading.boolean(node));
    let handlers = mapping.get("handlers").map(|node| {
        let items = reading.items(node, "a list of names of functions");
        items.iter().filter_map(|item| reading.id(item, HandlerName::new)).collect::<Vec<_>>()
    });
    mapping.close(reading);
    enabled?.then(|| handlers.unwrap_or_default())
}

fn policies(node: &Node, reading: &mut Reading<'_>) -> BTreeMap<ActionKind, Policy> {
    let mut policies = BTreeMap::new();
    let NodeKind::Mapping(entries) = &node.kind else {
        reading.expected_with_hint("actions with policies", node, "write `{navigate: offer}`");
        return policies;
    };
    let of_agent = |kind: &ActionKind| availability(*kind, Context::Agent).is_possible();
    let kinds: Vec<ActionKind> = ActionKind::all().filter(of_agent).collect();
    for (key, value) in entries {
        let policy = reading.choice(
            value,
            "a policy",
            &[("allow", Policy::Allow), ("offer", Policy::Offer), ("deny", Policy::Deny)],
        );
        match (kinds.iter().find(|kind| kind.name() == key.text), policy) {
            (Some(kind), Some(policy)) => {
                policies.insert(*kind, policy);
            }
            (Some(_), None) => {}
            (None, _) => {
                let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
                reading.not_one_of(key.position, &key.text, "an action that the agent may offer", &names);
            }
        }
    }
    policies
}

fn daily_turns(node: &Node, reading: &mut Reading<'_>) -> Option<u32> {
    let mut mapping = Mapping::open(node, "`caps`", reading)?;
    let turns = mapping.get("daily_turns_per_user").and_then(|node| reading.integer(node, 1..=u32::MAX));
    mapping.close(reading);
    turns
}
