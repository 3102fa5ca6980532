//! The generated documents are golden files: within a version they only grow, and
//! a change shows in review. `UPDATE_GOLDEN=1 cargo test --test schema` writes them.

use std::fs;
use std::path::Path;

use docent::protocol::client_message::ClientMessage;
use docent::protocol::close_code::CloseCode;
use docent::protocol::error_code::ErrorCode;
use docent::protocol::schema::{asyncapi, schema};
use docent::protocol::server_message::ServerMessage;
use serde_json::Value;

fn check(name: &str, document: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let text = format!("{}\n", serde_json::to_string_pretty(document).expect("JSON"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &text).expect("a golden file");
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == text, "{name} has changed; if that is right, run UPDATE_GOLDEN=1 cargo test --test schema");
}

#[test]
fn the_schema_is_the_golden_one() {
    check("docent.chat.v1.schema.json", &schema());
    check("docent.chat.v1.asyncapi.json", &asyncapi());
}

#[test]
fn every_reference_leads_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(members) => members.iter().for_each(|member| references(member, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let (schema, asyncapi) = (schema(), asyncapi());
    let mut found = Vec::new();
    references(&schema, &mut found);
    assert!(found.len() > 50);
    for reference in found {
        let path = reference.strip_prefix('#').expect("a local reference");
        assert!(schema.pointer(path).is_some(), "{reference}");
    }
    let mut found = Vec::new();
    references(&asyncapi, &mut found);
    for reference in found {
        let (document, path) = match reference.strip_prefix("schema.json#") {
            Some(path) => (&schema, path),
            None => (&asyncapi, reference.strip_prefix('#').expect("a local reference")),
        };
        assert!(document.pointer(path).is_some(), "{reference}");
    }
}

#[test]
fn the_document_for_client_authors_names_everything() {
    let document = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/protocol/PROTOCOL.md"))
        .expect("src/protocol/PROTOCOL.md");
    for name in ClientMessage::TYPES.iter().chain(ServerMessage::TYPES) {
        assert!(document.contains(&format!("`{name}`")), "PROTOCOL.md does not tell what `{name}` is");
    }
    for code in ErrorCode::ALL {
        let name = serde_json::to_value(code).expect("JSON");
        let row = format!("| `{}` | {} |", name.as_str().expect("a text"), if code.retryable() { "yes" } else { "no" });
        assert!(document.contains(&row), "PROTOCOL.md lacks `{row}`");
    }
    for code in CloseCode::ALL {
        assert!(document.contains(&format!("| {} |", code.number())), "PROTOCOL.md lacks {}", code.number());
    }
}
