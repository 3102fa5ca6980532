//! The transcripts that the executable brings along.

use super::transcript::Transcript;

macro_rules! transcripts {
    ($($name:literal,)*) => {
        /// The transcripts by file, as they are written.
        pub const FILES: &[(&str, &str)] = &[
            $((
                concat!("tests/transcripts/", $name, ".jsonl"),
                include_str!(concat!("../../tests/transcripts/", $name, ".jsonl")),
            ),)*
        ];
    };
}

transcripts! {
    "actions",
    "bad-commands",
    "bad-frames",
    "batches",
    "before-hello",
    "cancel",
    "capabilities",
    "content",
    "duplicates",
    "feedback",
    "handshake",
    "history",
    "http",
    "identity",
    "large-frames",
    "launch",
    "message",
    "new-conversation",
    "regenerate",
    "resume-nothing",
    "resume",
    "snapshot",
    "two-tabs",
    "unknown",
    "users",
    "versions",
}

/// The transcripts, in the order of their names.
///
/// # Errors
/// The place of a mistake in one of them.
pub fn transcripts() -> Result<Vec<Transcript>, String> {
    FILES.iter().map(|(file, text)| Transcript::parse(file, text)).collect()
}
