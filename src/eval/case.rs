//! Eval cases as authors write them: a question, and what the agent must do.

use std::collections::BTreeMap;
use std::sync::Arc;

use url::Url;

use crate::diagnostic::Diagnostic;
use crate::domain::action::ActionKind;
use crate::domain::attribute::Template;
use crate::domain::ids::UserId;
use crate::domain::page::Page;
use crate::domain::user::UserContext;
use crate::domain::value::Value;
use crate::knowledge::reading::{Mapping, Reading};
use crate::knowledge::yaml::{Node, NodeKind};

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    /// File and line, such as `answers.yaml:12`.
    pub place: String,
    /// What it shows.
    pub name: String,
    /// What the user says or launches.
    pub input: Input,
    /// Who says it, and where.
    pub context: UserContext,
    /// What must come of it.
    pub expect: Expect,
}

/// What starts a case.
#[derive(Clone, Debug)]
pub enum Input {
    /// A message of the user.
    Ask(String),
    /// A Launch Agent request.
    Launch(Template),
}

/// What must come of a case; what is absent is not checked.
#[derive(Clone, Debug, Default)]
pub struct Expect {
    /// Kind of answer, such as `custom_answer`.
    pub kind: Option<String>,
    /// The Custom Answer.
    pub answer: Option<String>,
    /// An article among the citations.
    pub cites: Option<String>,
    /// Texts that the reply has.
    pub contains: Vec<String>,
    /// Texts that the reply does not have.
    pub not_contains: Vec<String>,
    /// The offered actions in order, by kind and target.
    pub actions: Option<Vec<(ActionKind, String)>>,
    /// Attributes without a value.
    pub missing_attributes: Option<Vec<String>>,
}

const KINDS: &[(&str, &str)] = &[
    ("custom_answer", "custom_answer"),
    ("knowledge", "knowledge"),
    ("chips", "chips"),
    ("no_answer", "no_answer"),
    ("handover", "handover"),
];

/// Reads the cases of one file, and reports every mistake in it.
pub fn read(path: &str, text: &str) -> (Vec<Case>, Vec<Diagnostic>) {
    let mut reading = Reading::new(Arc::from(path), text);
    let mut cases = Vec::new();
    if let Some(root) = reading.yaml(reading.text_of_file(), 1) {
        for node in reading.items(&root, "eval cases") {
            cases.extend(case(node, &mut reading));
        }
    }
    let (_, diagnostics, _) = reading.finish();
    (cases, diagnostics)
}

fn case(node: &Node, reading: &mut Reading<'_>) -> Option<Case> {
    let mut keys = Mapping::open(node, "an eval case", reading)?;
    let name = keys.require("name").and_then(|node| reading.text(node));
    let asked = keys.get("ask").and_then(|node| reading.text(node));
    let mut context = UserContext::new(UserId::new("eval").expect("`eval` is an identifier"));
    let launched = keys.get("launch").and_then(|node| launch(node, &mut context, reading));
    if let Some(node) = keys.get("user") {
        user(node, &mut context, reading);
    }
    if let Some(node) = keys.get("page")
        && let Some(text) = reading.text(node)
    {
        match Url::parse(&text) {
            Ok(url) => context.page = Some(Page { url, title: None }),
            Err(_) => reading.expected("an absolute URL", node),
        }
    }
    let expected = keys.require("expect").and_then(|node| expect(node, reading));
    let input = match (asked, launched) {
        (Some(text), None) => Some(Input::Ask(text)),
        (None, Some(template)) => Some(Input::Launch(template)),
        (None, None) | (Some(_), Some(_)) => {
            reading.error("bad-value", node.position, "an eval case needs either `ask` or `launch`");
            None
        }
    };
    keys.close(reading);
    let place = reading.place(node.position).to_string();
    Some(Case { place, name: name?, input: input?, context, expect: expected? })
}

fn launch(node: &Node, context: &mut UserContext, reading: &mut Reading<'_>) -> Option<Template> {
    let mut keys = Mapping::open(node, "a launch", reading)?;
    let message = keys.require("message").and_then(|node| reading.template(node));
    if let Some(node) = keys.get("attributes") {
        for (name, value) in values(node, reading) {
            context.attributes.insert(name, value);
        }
    }
    keys.close(reading);
    message
}

fn user(node: &Node, context: &mut UserContext, reading: &mut Reading<'_>) {
    let Some(mut keys) = Mapping::open(node, "a user", reading) else { return };
    if let Some(id) = keys.get("id").and_then(|node| reading.id(node, UserId::new)) {
        context.user.id = id;
    }
    context.user.locale = keys.get("locale").and_then(|node| reading.locale(node));
    if let Some(node) = keys.get("traits") {
        context.user.traits = values(node, reading).into_iter().collect();
    }
    keys.close(reading);
}

fn values(node: &Node, reading: &mut Reading<'_>) -> BTreeMap<String, Value> {
    match reading.value(node) {
        Value::Map(values) => values,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => {
            reading.expected("a mapping of names to values", node);
            BTreeMap::new()
        }
    }
}

fn expect(node: &Node, reading: &mut Reading<'_>) -> Option<Expect> {
    let mut keys = Mapping::open(node, "`expect`", reading)?;
    let mut text = |key, reading: &mut Reading<'_>| keys.get(key).and_then(|node| reading.text(node));
    let answer = text("answer", reading);
    let cites = text("cites", reading);
    let kind = keys.get("kind").and_then(|node| reading.choice(node, "kind of answer", KINDS)).map(str::to_owned);
    let mut texts = |key, reading: &mut Reading<'_>| keys.get(key).map(|node| reading.texts(node, "texts"));
    let contains = texts("contains", reading).unwrap_or_default();
    let not_contains = texts("not_contains", reading).unwrap_or_default();
    let missing_attributes = texts("missing_attributes", reading);
    let actions = keys
        .get("actions")
        .map(|node| reading.items(node, "actions").iter().filter_map(|node| action(node, reading)).collect());
    keys.close(reading);
    Some(Expect { kind, answer, cites, contains, not_contains, actions, missing_attributes })
}

/// `{open_post: export-v2}`: the kind and the target.
fn action(node: &Node, reading: &mut Reading<'_>) -> Option<(ActionKind, String)> {
    if let NodeKind::Mapping(entries) = &node.kind
        && let [(key, target)] = entries.as_slice()
        && let Some(kind) = ActionKind::from_name(&key.text)
    {
        return reading.text(target).map(|target| (kind, target));
    }
    reading.expected("an action with its target, such as {open_post: export-v2}", node);
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_of_a_file_is_reported() {
        let text = "- name: good\n  ask: hello\n  expect: {kind: no_answer}\n- name: bad\n  ask: a\n  launch: {message: b}\n  expect: {kind: knowlege, actions: [open_post]}\n- ask: c\n  page: here\n  expct: {}\n";
        let (cases, diagnostics) = read("cases.yaml", text);
        assert_eq!(cases.iter().map(|case| case.name.as_str()).collect::<Vec<_>>(), ["good"]);
        let codes: Vec<_> = diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
        assert!(diagnostics.len() >= 5, "{diagnostics:?}");
        assert!(codes.contains(&"unknown-key") && codes.contains(&"missing-key"), "{codes:?}");
    }
}
