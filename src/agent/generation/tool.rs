//! What a model may call, and what its calls mean.
//!
//! Arguments are checked against the catalog of the turn. What does not fit is told
//! to the model and never repaired; what fits becomes an offer that a user accepts
//! with a click.

use serde::Deserialize;
use serde_json::{Value, json};

use super::catalog::Catalog;
use crate::agent::turn_event::OfferedAction;
use crate::domain::action::{Action, ActionKind};
use crate::domain::automation::Arguments;
use crate::domain::automation::argument::Argument;
use crate::domain::conversation::HandoverReason;
use crate::domain::value as domain;
use crate::ports::chat_model::{ToolCall, ToolDefinition};
use crate::protocol::convert;
use crate::text::normalize::normalize;

const LAUNCH: &str = "launch_experience";
const OPEN_POST: &str = "open_post";
const NAVIGATE: &str = "navigate";
const AUTOMATION: &str = "run_automation";
const SEARCH: &str = "search";
const HAND_OVER: &str = "hand_over";

/// What an automation is told.
const ARGUMENTS: &str = "arguments";

/// Characters of a query.
const QUERY_CHARS: usize = 400;

/// Each tool that offers something of the catalog: its kind, its name, the name of
/// its argument, and what it does.
const OFFERS: [(ActionKind, &str, &str, &str); 4] = [
    (
        ActionKind::LaunchExperience,
        LAUNCH,
        "experience_id",
        "Offers to start something inside the product that shows the user how it is done. Call it when one fits what the user wants to do",
    ),
    (
        ActionKind::OpenPost,
        OPEN_POST,
        "post_id",
        "Offers to open a changelog post. Call it when the user asks about what it announces",
    ),
    (
        ActionKind::Navigate,
        NAVIGATE,
        "url",
        "Offers to take the user to a page. Call it when the user wants to go there",
    ),
    (
        ActionKind::RunAutomation,
        AUTOMATION,
        "automation_id",
        "Offers to do something for the user on the page. Call it when its condition fits what the user wants",
    ),
];

/// What a call asks for.
#[derive(Clone, Debug)]
pub(super) enum Wish {
    /// An offer to the user.
    Offer(Box<OfferedAction>),
    /// Another search.
    Search(String),
    /// A person should take over.
    HandOver(HandoverReason),
}

/// Why a call is not carried out, for the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal(pub(super) String);

impl Refusal {
    /// It was called with the same arguments before.
    pub(super) fn repeated() -> Self {
        Self("you called this before; answer with what you have".to_owned())
    }
}

/// What may be called in this turn.
pub(super) fn definitions(catalog: &Catalog, may_hand_over: bool) -> Vec<ToolDefinition> {
    let offers = OFFERS.iter().filter_map(|(kind, name, argument, about)| {
        let targets: Vec<_> = catalog.of_kind(*kind).collect();
        let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
        let list: String = targets.iter().map(|target| format!("\n- {}: {}", target.name, target.about)).collect();
        let mut properties = json!({ *argument: { "type": "string", "enum": names } });
        if targets.iter().any(|target| !target.arguments.is_empty()) {
            properties[ARGUMENTS] = json!({ "type": "object", "description": "Only what the user has stated" });
        }
        (!names.is_empty()).then(|| ToolDefinition {
            name,
            description: format!("{about}. The user sees a button and decides.{list}"),
            parameters: object(&properties, &[argument]),
        })
    });
    let search = ToolDefinition {
        name: SEARCH,
        description:
            "Searches the documentation again, in other words. Call it when the passages do not hold the answer"
                .to_owned(),
        parameters: object(&json!({ "query": { "type": "string", "maxLength": QUERY_CHARS } }), &["query"]),
    };
    let hand_over = may_hand_over.then(|| ToolDefinition {
        name: HAND_OVER,
        description: "Lets a person take over the conversation. Call it when the user asks for a person, or when you cannot help and a person could".to_owned(),
        parameters: object(&json!({ "reason": { "type": "string", "enum": HandoverReason::OF_A_MODEL.map(HandoverReason::name) } }), &["reason"]),
    });
    offers.chain([search]).chain(hand_over).collect()
}

/// What a call asks for, when every argument fits.
/// `said` is what the user has said.
pub(super) fn read(call: &ToolCall, catalog: &Catalog, may_hand_over: bool, said: &str) -> Result<Wish, Refusal> {
    if let Some((kind, name, argument, _)) = OFFERS.iter().find(|(_, name, _, _)| *name == call.name) {
        let arguments: serde_json::Map<String, Value> = parse(call)?;
        let chosen = arguments.get(*argument).and_then(Value::as_str);
        let chosen = chosen.ok_or_else(|| Refusal(format!("`{name}` needs the text `{argument}`")))?;
        let target = catalog.find(*kind, chosen);
        let target =
            target.ok_or_else(|| Refusal(format!("`{}` is not one that can be offered now", shown(chosen))))?;
        let is_known = |key: &str| key == *argument || key == ARGUMENTS && *kind == ActionKind::RunAutomation;
        if let Some(other) = arguments.keys().find(|key| !is_known(key)) {
            return Err(Refusal(format!("`{name}` has no argument `{}`", shown(other))));
        }
        let mut offered = target.offered.clone();
        if let Action::RunAutomation(run) = &mut offered.action {
            run.arguments = stated(&target.arguments, arguments.get(ARGUMENTS), said)?;
        }
        return Ok(Wish::Offer(Box::new(offered)));
    }
    match call.name.as_str() {
        SEARCH => {
            let Query { query } = parse(call)?;
            let query: String = query.trim().chars().take(QUERY_CHARS).collect();
            if query.is_empty() {
                Err(Refusal("`query` must not be empty".to_owned()))
            } else {
                Ok(Wish::Search(query))
            }
        }
        HAND_OVER if may_hand_over => {
            let Reason { reason } = parse(call)?;
            let reason = HandoverReason::OF_A_MODEL.into_iter().find(|known| known.name() == reason);
            reason.map(Wish::HandOver).ok_or_else(|| Refusal("`reason` is not one of those listed".to_owned()))
        }
        other => Err(Refusal(format!("there is no tool `{}`", shown(other)))),
    }
}

/// The values of an automation that the user has stated. A value that stands nowhere in
/// the user's words is left out, so that the user is asked for it: it may come from an
/// article or from nowhere.
fn stated(known: &[Argument], given: Option<&Value>, said: &str) -> Result<Arguments, Refusal> {
    let Some(given) = given else { return Ok(Arguments::new()) };
    let given = given.as_object().ok_or_else(|| Refusal(format!("`{ARGUMENTS}` must be an object")))?;
    let said = normalize(said);
    let mut arguments = Arguments::new();
    for (name, value) in given {
        let argument = known.iter().find(|argument| argument.name == *name);
        let argument = argument.ok_or_else(|| Refusal(format!("it has no argument `{}`", shown(name))))?;
        let value = convert::value::from_json(value);
        let valid = argument.validate(&value);
        let valid = valid.map_err(|_| Refusal(format!("the value of `{}` does not fit", argument.name)))?;
        let words = match &valid {
            domain::Value::Text(text) => normalize(text),
            domain::Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        if !words.is_empty() && said.contains(&words) {
            arguments.insert(argument.name.clone(), valid);
        }
    }
    Ok(arguments)
}

/// The same for two calls that ask for the same.
pub(super) fn key(call: &ToolCall) -> String {
    let arguments =
        serde_json::from_str::<Value>(&call.arguments).map_or_else(|_| call.arguments.clone(), |json| json.to_string());
    format!("{} {arguments}", call.name)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    query: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    reason: String,
}

fn parse<T: for<'de> Deserialize<'de>>(call: &ToolCall) -> Result<T, Refusal> {
    serde_json::from_str(&call.arguments)
        .map_err(|error| Refusal(format!("the arguments of `{}` do not fit: {error}", call.name)))
}

fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

fn object(properties: &Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}
