//! Chat models: what their endpoints send, how they fail, and what a caller gets.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "models/dialects.rs"]
mod dialects;
#[path = "models/doctor.rs"]
mod doctor;
#[path = "models/faults.rs"]
mod faults;
#[path = "models/llama.rs"]
mod llama;
#[path = "models/provider.rs"]
mod provider;
#[path = "models/recording.rs"]
mod recording;
#[path = "models/relay.rs"]
mod relay;
#[path = "models/replay.rs"]
mod replay;
#[path = "models/requests.rs"]
mod requests;
#[path = "models/served.rs"]
mod served;
#[path = "models/site.rs"]
mod site;
#[path = "models/splits.rs"]
mod splits;
