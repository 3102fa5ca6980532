//! Reads one frame of a client: a command, or an array of them.
//!
//! A frame that is not that at all is a [`FrameError`], which ends the connection.
//! A command in it that cannot be read is a [`FrameCommand`] with an error of its
//! own: the others are carried out.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::client_message::{ClientFrame, ClientMessage};
use super::error_code::ErrorCode;
use super::server_message::CommandError;
use super::{MAX_COMMAND_BYTES, MAX_COMMAND_ID_BYTES, MAX_COMMANDS_PER_FRAME, MAX_DEPTH};

/// One command of a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameCommand {
    /// Its identifier, when it could be read.
    pub id: Option<String>,
    /// The bytes of its type and data, to tell it from another with its identifier.
    pub content: String,
    /// What it says, or why that cannot be read.
    pub message: Result<ClientMessage, CommandError>,
}

impl FrameCommand {
    /// The command with its envelope.
    ///
    /// # Errors
    /// Why it could not be read.
    pub fn frame(self) -> Result<ClientFrame, CommandError> {
        let id = self.id;
        self.message.map(|message| ClientFrame { message, id })
    }
}

/// Why a frame is not one or several commands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Longer than [`MAX_COMMAND_BYTES`].
    #[error("a frame has at most {MAX_COMMAND_BYTES} bytes")]
    TooLong,
    /// Not JSON.
    #[error("the frame is not JSON: {0}")]
    NotJson(String),
    /// JSON, and neither an object nor an array of objects.
    #[error("a frame is a JSON object or an array of objects")]
    NotCommands,
    /// An array of more than [`MAX_COMMANDS_PER_FRAME`] objects.
    #[error("a frame has at most {MAX_COMMANDS_PER_FRAME} commands")]
    TooMany,
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("a frame is nested at most {MAX_DEPTH} deep")]
    TooDeep,
    /// A binary frame.
    #[error("frames are text, not binary")]
    Binary,
}

impl FrameError {
    /// The code of the error that is sent before the connection is closed.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::TooLong | Self::TooMany => ErrorCode::PayloadTooLarge,
            Self::NotJson(_) | Self::NotCommands | Self::TooDeep | Self::Binary => ErrorCode::BadRequest,
        }
    }
}

/// Reads a frame.
///
/// # Errors
/// See [`FrameError`]. An array that holds anything but objects is refused whole.
pub fn parse_frame(text: &str) -> Result<Vec<FrameCommand>, FrameError> {
    if text.len() > MAX_COMMAND_BYTES {
        return Err(FrameError::TooLong);
    }
    if depth(text) > MAX_DEPTH {
        return Err(FrameError::TooDeep);
    }
    let not_json = |error: serde_json::Error| FrameError::NotJson(brief(&error));
    match text.trim_ascii_start().as_bytes().first() {
        Some(b'{') => Ok(vec![parse_command(serde_json::from_str(text).map_err(not_json)?)]),
        Some(b'[') => {
            let commands: Vec<&RawValue> = serde_json::from_str(text).map_err(not_json)?;
            if commands.len() > MAX_COMMANDS_PER_FRAME {
                return Err(FrameError::TooMany);
            }
            if commands.iter().any(|command| !command.get().starts_with('{')) {
                return Err(FrameError::NotCommands);
            }
            Ok(commands.into_iter().map(parse_command).collect())
        }
        Some(_) | None => match serde_json::from_str::<&RawValue>(text) {
            Ok(_) => Err(FrameError::NotCommands),
            Err(error) => Err(not_json(error)),
        },
    }
}

/// A member of the envelope that is read whatever it is, so that one faulty
/// member does not hide the others.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    r#type: Option<&'a RawValue>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

fn parse_command(command: &RawValue) -> FrameCommand {
    let bad_request = |message: String| CommandError::new(ErrorCode::BadRequest, message);
    let envelope: Envelope<'_> = match serde_json::from_str(command.get()) {
        Ok(envelope) => envelope,
        Err(error) => {
            let message = Err(bad_request(brief(&error)));
            return FrameCommand { id: None, content: String::new(), message };
        }
    };
    let text_of = |value: &RawValue| serde_json::from_str::<String>(value.get()).ok();
    let id = match envelope.id {
        None => Ok(None),
        Some(value) => match text_of(value) {
            Some(id) if is_command_id(&id) => Ok(Some(id)),
            Some(_) | None => Err(bad_request(format!(
                "`id` must be a text of 1 to {MAX_COMMAND_ID_BYTES} letters, digits, `-`, `_`, `.` or `:`"
            ))),
        },
    };
    let data = envelope.data.map_or("{}", RawValue::get);
    let type_name = envelope.r#type.and_then(text_of);
    let content = format!("{} {data}", type_name.as_deref().unwrap_or_default());
    let message = match (&id, type_name) {
        (Err(error), _) => Err(error.clone()),
        (Ok(_), None) => Err(bad_request("`type` must be a text".to_owned())),
        // Else a list would be read as the fields in their order.
        (Ok(_), Some(name)) if !data.starts_with('{') && ClientMessage::TYPES.contains(&name.as_str()) => {
            Err(bad_request("`data` must be an object".to_owned()))
        }
        (Ok(_), Some(type_name)) => match ClientMessage::read(&type_name, data) {
            Some(Ok(message)) => Ok(message),
            Some(Err(error)) => Err(bad_request(format!("the data of `{type_name}` is not valid: {}", brief(&error)))),
            None => Err(CommandError::new(ErrorCode::UnknownType, unknown_type(&type_name))),
        },
    };
    FrameCommand { id: id.unwrap_or_default(), content, message }
}

fn unknown_type(type_name: &str) -> String {
    let shown: String = type_name.chars().take(80).collect();
    match crate::diagnostic::did_you_mean(&shown, ClientMessage::TYPES.iter().copied()) {
        Some(close) => format!("there is no command `{shown}`; did you mean `{close}`?"),
        None => format!("there is no command `{shown}`"),
    }
}

fn is_command_id(id: &str) -> bool {
    (1..=MAX_COMMAND_ID_BYTES).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'))
}

/// What is wrong, without the position and without what the client said, which may be
/// personal, cut to a length that fits into an answer.
fn brief(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = &text[..text.rfind(" at line ").unwrap_or(text.len())];
    let text = match text.rfind(", expected ") {
        Some(at) => {
            let said = text[..at].find(['"', '`']).unwrap_or(at);
            format!("{}{}", text[..said].trim_end(), &text[at..])
        }
        None => text.to_owned(),
    };
    text.chars().take(200).collect()
}

/// How deep brackets are nested outside of strings. Faulty JSON gets some number.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn codes(text: &str) -> Vec<Option<ErrorCode>> {
        let commands = parse_frame(text).expect("a frame");
        commands.into_iter().map(|command| command.message.err().map(|error| error.code)).collect()
    }

    #[test]
    fn reads_one_command_or_several() {
        assert_eq!(codes(r#"{"type":"pong"}"#), [None]);
        assert_eq!(codes(r#" {"type":"pong","data":{},"id":"a","later":[1]}"#), [None]);
        assert_eq!(codes("[]"), []);
        assert_eq!(
            codes(
                r#"[{"type":"pong"},{"type":"x"},{"type":"message.send","data":{"text":1}},{"id":7,"type":"pong"},{}]"#
            ),
            [
                None,
                Some(ErrorCode::UnknownType),
                Some(ErrorCode::BadRequest),
                Some(ErrorCode::BadRequest),
                Some(ErrorCode::BadRequest)
            ]
        );
    }

    #[test]
    fn a_faulty_command_keeps_its_readable_id() {
        let commands = parse_frame(r#"{"type":"nonsense","id":"01ABC","data":null}"#).expect("a frame");
        assert_eq!(commands[0].id.as_deref(), Some("01ABC"));
    }

    #[test]
    fn errors_do_not_repeat_what_was_said() {
        for (data, expected) in [
            (r#"{"text":{"a, expected `b`":1}}"#, "invalid type: map, expected a string"),
            (
                r#"{"message_id":"m","value":"ann@example.com, expected `x`"}"#,
                "unknown variant, expected `up` or `down`",
            ),
            (r#"{"message_id":7}"#, "invalid type: integer, expected a string"),
            ("{}", "missing field `message_id`"),
        ] {
            let kind = if data.contains("text") { "message.send" } else { "feedback.set" };
            let frame = format!(r#"{{"type":"{kind}","data":{data}}}"#);
            let error = parse_frame(&frame).expect("a frame").remove(0).message.expect_err(data);
            assert!(error.message.ends_with(&format!("is not valid: {expected}")), "{data}: {}", error.message);
        }
    }

    #[test]
    fn refuses_what_is_not_a_frame() {
        let array = |n: usize| format!("[{}]", vec![r#"{"type":"pong"}"#; n].join(","));
        assert!(parse_frame(&array(64)).is_ok());
        assert_eq!(parse_frame(&array(65)), Err(FrameError::TooMany));
        assert_eq!(parse_frame(&"[".repeat(33)), Err(FrameError::TooDeep));
        assert_eq!(parse_frame(&" ".repeat(MAX_COMMAND_BYTES + 1)), Err(FrameError::TooLong));
        for scalar in ["1", "\"x\"", "null", "[1]", "[{},null]"] {
            assert_eq!(parse_frame(scalar), Err(FrameError::NotCommands), "{scalar}");
        }
        for broken in ["", "{", "[{}", "{} {}", "{'a':1}", "nul", "{\"type\":\"pong\",}", "\u{feff}{}"] {
            assert!(matches!(parse_frame(broken), Err(FrameError::NotJson(_))), "{broken}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*") {
            let _ = parse_frame(&text);
        }

        #[test]
        fn a_known_type_with_any_data_is_read_or_refused(
            at in 0..ClientMessage::TYPES.len(),
            data in "(\\{|\\[|\"|[a-z_]{1,12}\"?|:|,|[0-9]|\\]|\\}){0,40}",
        ) {
            let _ = parse_frame(&format!(r#"{{"type":"{}","id":"x","data":{data}}}"#, ClientMessage::TYPES[at]));
        }
    }
}
