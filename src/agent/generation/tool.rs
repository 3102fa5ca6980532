//! What a model may call, and what its calls mean.
//!
//! Arguments are checked against the catalog of the turn. What does not fit is told
//! to the model and never repaired; what fits becomes an offer that a user accepts
//! with a click.

use serde::Deserialize;
use serde_json::{Value, json};

use super::catalog::Catalog;
use crate::agent::turn_event::OfferedAction;
use crate::domain::action::ActionKind;
use crate::domain::conversation::HandoverReason;
use crate::ports::chat_model::{ToolCall, ToolDefinition};

const LAUNCH: &str = "launch_experience";
const OPEN_POST: &str = "open_post";
const NAVIGATE: &str = "navigate";
const AUTOMATION: &str = "run_automation";
const SEARCH: &str = "search";
const HAND_OVER: &str = "hand_over";

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
        (!names.is_empty()).then(|| ToolDefinition {
            name,
            description: format!("{about}. The user sees a button and decides.{list}"),
            parameters: object(json!({ *argument: { "type": "string", "enum": names } }), &[argument]),
        })
    });
    let search = ToolDefinition {
        name: SEARCH,
        description:
            "Searches the documentation again, in other words. Call it when the passages do not hold the answer"
                .to_owned(),
        parameters: object(json!({ "query": { "type": "string", "maxLength": QUERY_CHARS } }), &["query"]),
    };
    let hand_over = may_hand_over.then(|| ToolDefinition {
        name: HAND_OVER,
        description: "Lets a person take over the conversation. Call it when the user asks for a person, or when you cannot help and a person could".to_owned(),
        parameters: object(json!({ "reason": { "type": "string", "enum": HandoverReason::OF_A_MODEL.map(HandoverReason::name) } }), &["reason"]),
    });
    offers.chain([search]).chain(hand_over).collect()
}

/// What a call asks for, when every argument fits.
pub(super) fn read(call: &ToolCall, catalog: &Catalog, may_hand_over: bool) -> Result<Wish, Refusal> {
    if let Some((kind, name, argument, _)) = OFFERS.iter().find(|(_, name, _, _)| *name == call.name) {
        let arguments: serde_json::Map<String, Value> = parse(call)?;
        let chosen = arguments.get(*argument).and_then(Value::as_str);
        let chosen = chosen.ok_or_else(|| Refusal(format!("`{name}` needs the text `{argument}`")))?;
        if let Some(other) = arguments.keys().find(|key| key.as_str() != *argument) {
            return Err(Refusal(format!("`{name}` has no argument `{}`", shown(other))));
        }
        return match catalog.find(*kind, chosen) {
            Some(target) => Ok(Wish::Offer(Box::new(target.offered.clone()))),
            None => Err(Refusal(format!("`{}` is not one that can be offered now", shown(chosen)))),
        };
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

fn object(properties: Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}
