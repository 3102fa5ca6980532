//! The JSON Schema of all messages, and an AsyncAPI document that refers to it.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::client_message::{ClientFrame, ClientMessage};
use super::server_message::{ServerFrame, ServerMessage};
use super::{MAX_COMMANDS_PER_FRAME, SUBPROTOCOL};

/// The schema as JSON Schema 2020-12: `#/$defs/ClientFrame` and `#/$defs/ServerFrame`.
pub fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let client = generator.subschema_for::<ClientFrame>();
    let server = generator.subschema_for::<ServerFrame>();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("urn:docent:{SUBPROTOCOL}"),
        "title": SUBPROTOCOL,
        "description": "Any message of the protocol. A frame of the client is one ClientFrame or an array of them; a frame of the server is one ServerFrame.",
        "oneOf": [client, server],
        "$defs": generator.take_definitions(true),
    })
}

/// The protocol as AsyncAPI 3, whose payloads are those of `/v1/schema.json`.
pub fn asyncapi() -> Value {
    let payload = |frame: &str| json!({ "$ref": format!("schema.json#/$defs/{frame}") });
    let message = |frame: &str, types: &[&str]| {
        json!({
            "contentType": "application/json",
            "description": format!("One of: {}.", types.join(", ")),
            "payload": payload(frame),
        })
    };
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Docent chat",
            "version": "1",
            "description": format!(
                "Websocket protocol {SUBPROTOCOL}. The client says hello first; a client frame is one command or an array of at most {MAX_COMMANDS_PER_FRAME}."
            ),
            "license": { "name": "Apache-2.0" },
        },
        "defaultContentType": "application/json",
        "servers": {
            "local": { "host": "127.0.0.1:8787", "protocol": "ws", "description": "docent serve, as it starts by default" },
        },
        "channels": {
            "socket": {
                "address": "/v1/socket",
                "bindings": {
                    "ws": {
                        "method": "GET",
                        "headers": {
                            "type": "object",
                            "properties": { "Sec-WebSocket-Protocol": { "const": SUBPROTOCOL } },
                        },
                        "bindingVersion": "0.1.0",
                    },
                },
                "messages": {
                    "client": message("ClientFrame", ClientMessage::TYPES),
                    "server": message("ServerFrame", ServerMessage::TYPES),
                },
            },
        },
        "operations": {
            "command": {
                "action": "receive",
                "channel": { "$ref": "#/channels/socket" },
                "messages": [{ "$ref": "#/channels/socket/messages/client" }],
            },
            "message": {
                "action": "send",
                "channel": { "$ref": "#/channels/socket" },
                "messages": [{ "$ref": "#/channels/socket/messages/server" }],
            },
        },
    })
}
