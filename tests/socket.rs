//! The server over real sockets on port 0, with a scripted agent.

#[path = "socket/actions.rs"]
mod actions;
#[path = "socket/automation.rs"]
mod automation;
#[path = "socket/bad_frames.rs"]
mod bad_frames;
#[path = "socket/client.rs"]
mod client;
#[path = "socket/conversation.rs"]
mod conversation;
#[path = "socket/fallback.rs"]
mod fallback;
#[path = "socket/faults.rs"]
mod faults;
#[path = "socket/feed.rs"]
mod feed;
#[path = "socket/http.rs"]
mod http;
#[path = "socket/http_client.rs"]
mod http_client;
#[path = "socket/identity.rs"]
mod identity;
#[path = "socket/limits.rs"]
mod limits;
#[path = "socket/project.rs"]
mod project;
#[path = "socket/retention.rs"]
mod retention;
#[path = "socket/rig.rs"]
mod rig;
#[path = "socket/shutdown.rs"]
mod shutdown;
#[path = "socket/terminal.rs"]
mod terminal;
#[path = "socket/throttles.rs"]
mod throttles;
