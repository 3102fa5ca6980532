//! Finds out what an endpoint can do, with a few small requests.

mod heard;

use std::time::Duration;

use serde_json::{Map, Value, json};

use self::heard::Heard;
use super::endpoint::Endpoint;
use super::failure::Failure;
use super::request::{Content, FORM, form};
use super::{OpenAiChat, OpenAiChatSettings};
use crate::ports::chat_model::ChatFault;

/// Tokens that one answer to a probe may have; a model that reasons needs some.
const PROBE_TOKENS: u32 = 300;
/// Time for one probe.
const PROBE_TIME: Duration = Duration::from_secs(60);

/// What a probe came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It is as it should be.
    Good,
    /// It is missing, and Docent goes on without it.
    Gap,
    /// Docent cannot work with it.
    Fault,
    /// It could not be told.
    Unknown,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What: one word.
    pub name: &'static str,
    /// What it came to.
    pub finding: Finding,
    /// What was found.
    pub found: String,
    /// What Docent does about it, or what the operator can do.
    pub advice: String,
}

impl Check {
    fn new(name: &'static str, finding: Finding, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, finding, found: found.into(), advice: advice.into() }
    }
}

/// Looks at everything that Docent uses. Nothing is asked beyond the first probe
/// when that one fails.
///
/// # Errors
/// When the settings cannot be used.
pub async fn probe(settings: &OpenAiChatSettings) -> Result<Vec<Check>, Failure> {
    let model = OpenAiChat::new(settings).map_err(|error| Failure { fault: error.fault, reason: error.reason })?;
    let endpoint = &model.endpoint;
    let count = "Count from one to twenty in English words, with spaces between.";
    let text = match ask(endpoint, count, Content::new()).await {
        Ok(heard) => heard,
        Err(failure) => {
            let advice = format!("nothing else can be found out; correct the settings under {}", settings.section);
            return Ok(vec![Check::new("answer", Finding::Fault, failure.reason, advice)]);
        }
    };
    let called = ask(endpoint, "Report the number 7 with the tool.", tools()).await;
    let schema = ask(endpoint, "Give the capital of France as JSON.", json_schema()).await;
    let context = endpoint.models(PROBE_TIME).await.and_then(|models| context_of(&models, &settings.model));
    Ok(vec![
        answers(&text),
        streams(&text),
        ends(&text),
        usage(&text),
        limit(endpoint),
        reasoning(&text, settings),
        calls(called),
        json_output(schema, endpoint),
        context_size(context, settings),
    ])
}

/// Asks once more where the first request was lost: a connection that was kept may be closed
/// at any moment.
async fn ask(endpoint: &Endpoint, question: &str, mut content: Content) -> Result<Heard, Failure> {
    content.insert("messages".to_owned(), json!([{"role": "user", "content": question}]));
    let asked = async {
        let response = match endpoint.send(&content, PROBE_TOKENS).await.outcome {
            Err(Failure { fault: ChatFault::Unavailable { .. }, .. }) => {
                endpoint.send(&content, PROBE_TOKENS).await.outcome?
            }
            first => first?,
        };
        Ok(heard::listen(response).await)
    };
    let late = || Failure::passing(format!("it did not answer within {} s", PROBE_TIME.as_secs()));
    tokio::time::timeout(PROBE_TIME, asked).await.unwrap_or_else(|_| Err(late()))
}

fn tools() -> Content {
    let parameters = json!({"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]});
    let function = json!({"name": "report", "description": "Reports a number.", "parameters": parameters});
    [("tools".to_owned(), json!([{"type": "function", "function": function}]))].into_iter().collect()
}

fn json_schema() -> Content {
    let schema = json!({
        "type": "object",
        "properties": {"capital": {"type": "string"}},
        "required": ["capital"],
        "additionalProperties": false,
    });
    [(FORM.to_owned(), form("capital", &schema))].into_iter().collect()
}

fn answers(heard: &Heard) -> Check {
    let time =
        heard.first.map_or_else(String::new, |first| format!(", the first piece after {} ms", first.as_millis()));
    match &heard.error {
        Some(error) => Check::new("answer", Finding::Fault, error.clone(), "an answer like this counts as failed"),
        None if heard.text.is_empty() && !heard.reasons => {
            Check::new("answer", Finding::Fault, "it answers without text", "look whether it has a chat template")
        }
        None => Check::new("answer", Finding::Good, format!("it answers{time}"), ""),
    }
}

fn streams(heard: &Heard) -> Check {
    if heard.pieces > 2 {
        return Check::new("stream", Finding::Good, format!("{} pieces", heard.pieces), "");
    }
    let advice = "answers are shown whole, once they are there; raise `first_token_ms` when they take long";
    Check::new("stream", Finding::Gap, "answers come in one piece", advice)
}

fn ends(heard: &Heard) -> Check {
    match (heard.has_reason, heard.has_done) {
        (true, true) => Check::new("end", Finding::Good, "a reason and `[DONE]`", ""),
        (true, false) => Check::new("end", Finding::Good, "a reason, and no `[DONE]`", "the reason is enough"),
        (false, true) => {
            let advice = "`[DONE]` after text counts as an end; answers with calls need a reason and will fail";
            Check::new("end", Finding::Gap, "`[DONE]`, and no reason", advice)
        }
        (false, false) => {
            let advice = "an answer without an end is taken for one that broke off";
            Check::new("end", Finding::Fault, "neither a reason nor `[DONE]`", advice)
        }
    }
}

fn usage(heard: &Heard) -> Check {
    match heard.usage {
        Some(usage) => {
            Check::new("usage", Finding::Good, format!("{} tokens read, {} written", usage.input, usage.output), "")
        }
        None => Check::new("usage", Finding::Gap, "it does not say", "the most that an answer may use is counted"),
    }
}

fn limit(endpoint: &Endpoint) -> Check {
    let dialect = endpoint.dialect();
    let name = if dialect.counts_completion { "max_completion_tokens" } else { "max_tokens" };
    let without = if dialect.tells_usage { "" } else { ", and refuses `stream_options`" };
    Check::new("limit", Finding::Good, format!("it takes `{name}`{without}"), "")
}

fn reasoning(heard: &Heard, settings: &OpenAiChatSettings) -> Check {
    if heard.begins_with_reasoning && !settings.begins_with_reasoning {
        let advice = format!(
            "set `{}.begins_with_reasoning = true`; else it is found out at the first answer, which may show some",
            settings.section
        );
        return Check::new("reasoning", Finding::Gap, "it closes a tag of reasoning that it did not open", advice);
    }
    if heard.reasons {
        let advice = format!(
            "it is not shown, and counts towards `{}.max_output_tokens`, which is {}",
            settings.section, settings.max_output_tokens
        );
        return Check::new("reasoning", Finding::Good, "it reasons, and keeps it apart", advice);
    }
    Check::new("reasoning", Finding::Good, "none was seen", "")
}

fn calls(heard: Result<Heard, Failure>) -> Check {
    let without = "the model answers in text alone; actions come from Custom Answers";
    let heard = match heard {
        Ok(heard) => heard,
        Err(failure) => return Check::new("tools", Finding::Gap, failure.reason, without),
    };
    let is_object = |arguments: &str| serde_json::from_str::<Map<String, Value>>(arguments).is_ok();
    match heard.calls.first() {
        Some(call) if call.name == "report" && is_object(&call.arguments) => {
            Check::new("tools", Finding::Good, "it calls a tool, with arguments that can be read", "")
        }
        Some(_) => Check::new(
            "tools",
            Finding::Gap,
            "it calls a tool, with arguments that cannot be read",
            "such calls are refused and never repaired; take another model for actions",
        ),
        None => Check::new("tools", Finding::Gap, "it did not call the tool that it was told to", without),
    }
}

fn json_output(heard: Result<Heard, Failure>, endpoint: &Endpoint) -> Check {
    let advice = "follow-ups are rewritten as plain text; what a model writes is checked in any case";
    match heard {
        Ok(_) if !endpoint.dialect().takes_schema => {
            Check::new("json_schema", Finding::Gap, "it refuses a JSON Schema", advice)
        }
        Ok(heard)
            if serde_json::from_str::<Value>(heard.text.trim()).is_ok_and(|value| value["capital"].is_string()) =>
        {
            Check::new("json_schema", Finding::Good, "it keeps to a JSON Schema", "follow-ups are rewritten by one")
        }
        Ok(_) => Check::new("json_schema", Finding::Gap, "it takes a JSON Schema and does not keep to it", advice),
        Err(failure) => Check::new("json_schema", Finding::Gap, failure.reason, advice),
    }
}

fn context_size(known: Option<u64>, settings: &OpenAiChatSettings) -> Check {
    let (section, set) = (settings.section, settings.context_tokens);
    match known {
        Some(known) if known < u64::from(set) => Check::new(
            "context",
            Finding::Fault,
            format!("{known} tokens, fewer than the {set} of the settings"),
            format!("set `{section}.context_tokens = {known}`"),
        ),
        Some(known) => Check::new("context", Finding::Good, format!("{known} tokens; {set} are used"), ""),
        None => Check::new(
            "context",
            Finding::Unknown,
            "it does not say",
            format!("look that it is not below `{section}.context_tokens`, which is {set}"),
        ),
    }
}

/// The context that a list of models tells, in the words of different servers.
fn context_of(models: &Value, name: &str) -> Option<u64> {
    let listed = models["data"].as_array()?;
    let own = listed.iter().find(|model| model["id"] == name);
    let model = own.or_else(|| listed.first().filter(|_| listed.len() == 1))?;
    let keys = ["loaded_context_length", "max_model_len", "context_length", "context_window", "max_context_length"];
    let told = keys.iter().find_map(|key| model[*key].as_u64());
    told.or_else(|| ["n_ctx", "n_ctx_train"].iter().find_map(|key| model["meta"][*key].as_u64()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_context_is_read_in_the_words_of_many_servers() {
        let of = |model: Value| context_of(&json!({"data": [{"id": "other", "max_model_len": 1}, model]}), "m");
        assert_eq!(of(json!({"id": "m", "max_model_len": 4096})), Some(4_096));
        assert_eq!(of(json!({"id": "m", "context_length": 32_768})), Some(32_768));
        assert_eq!(of(json!({"id": "m", "meta": {"n_ctx_train": 2048}})), Some(2_048));
        assert_eq!(of(json!({"id": "m"})), None);
        assert_eq!(context_of(&json!({"data": [{"id": "x.gguf", "meta": {"n_ctx": 512}}]}), "m"), Some(512));
        assert_eq!(context_of(&json!({"error": "x"}), "m"), None);
    }
}
