//! Any text is a frame or is refused, and whatever is read can be written and read again.

#![no_main]

use docent::protocol::client_message::{ClientFrame, ClientMessage};
use docent::protocol::frame::parse_frame;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(commands) = parse_frame(text) else { return };
    assert!(commands.len() <= docent::protocol::MAX_COMMANDS_PER_FRAME);
    for command in commands {
        let Ok(frame) = command.frame() else { continue };
        if matches!(&frame.message, ClientMessage::Hello(hello) if hello.project_key.is_empty()) {
            continue;
        }
        let written = serde_json::to_string(&frame).expect("what was read can be written");
        let again: ClientFrame = serde_json::from_str(&written).expect("what was written can be read");
        assert_eq!(again.message.type_name(), frame.message.type_name());
    }
});
