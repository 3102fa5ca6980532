//! `docent chat`: a client in the terminal.
//!
//! It speaks the protocol as any other client does, reconnects and resumes. With a
//! pipe instead of a keyboard it says one line after the other, waits for the
//! answer to each, and ends with the last.

mod link;
mod screen;
mod talk;

use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;

use anstream::eprintln;
use anyhow::Context;
use clap::Args;
use tokio::sync::mpsc;
use ulid::Ulid;
use url::Url;

use super::user_file::UserFile;
use crate::domain::action::ActionKind;
use crate::protocol::context::PageInfo;
use crate::protocol::hello::{Capabilities, ClientInfo, Hello};
use crate::session::profile::is_anonymous_id;

use link::{Arrival, Link};
use screen::Screen;
use talk::{Next, Talk};

/// Arguments of `docent chat`.
#[derive(Debug, Args)]
pub(super) struct ChatArgs {
    /// The server.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8787")]
    url: Url,
    /// Launch the agent with this message first; it may name attributes, as in
    /// `Hello from {{user.name|me}}`.
    #[arg(long, value_name = "TEXT")]
    launch: Option<String>,
    /// JSON file with the user: `{"id": "anon-...", "locale": "en", "traits": {"plan": "pro"}}`.
    #[arg(long, value_name = "FILE")]
    user: Option<PathBuf>,
    /// Address of the page that the user looks at.
    #[arg(long, value_name = "URL")]
    page: Option<Url>,
    /// The project's public key.
    #[arg(long, value_name = "KEY", default_value = "local")]
    key: String,
}

pub(super) async fn run(args: ChatArgs) -> anyhow::Result<ExitCode> {
    let hello = hello_of(&args)?;
    let is_interactive = std::io::stdin().is_terminal();
    let mut link = Link::open(&args.url, hello).await?;
    let mut screen = Screen::new(is_interactive);
    let mut talk = Talk::default();
    let mut lines = lines_of_input();
    let mut is_at_end = false;
    screen.greet(&args.url);
    if let Some(text) = &args.launch {
        link.send(talk.launch(text)).await;
    }
    loop {
        let is_idle = talk.is_idle();
        if is_idle && is_at_end {
            link.close().await;
            return Ok(ExitCode::SUCCESS);
        }
        if is_idle {
            screen.prompt();
        }
        let next = tokio::select! {
            arrival = link.next(&talk) => match arrival {
                Arrival::Frame(frame) => talk.arrived(*frame, &mut screen),
                Arrival::Lost(why) => {
                    screen.note(&format!("connection lost ({why}), trying again"));
                    Next::Nothing
                }
                Arrival::Closed(why) => {
                    eprintln!("error: the server closed the connection: {why}");
                    return Ok(ExitCode::FAILURE);
                }
            },
            line = lines.recv(), if is_idle && !is_at_end => match line {
                Some(line) => {
                    screen.entered(&line);
                    talk.said(line.trim(), &mut screen)
                }
                None => {
                    is_at_end = true;
                    Next::Nothing
                }
            },
        };
        match next {
            Next::Nothing => {}
            Next::Send(frames) => {
                for frame in frames {
                    link.send(frame).await;
                }
            }
            Next::Quit => {
                link.close().await;
                return Ok(ExitCode::SUCCESS);
            }
        }
    }
}

fn hello_of(args: &ChatArgs) -> anyhow::Result<Hello> {
    let user = UserFile::read(args.user.as_deref())?;
    let anonymous_id = user.id.clone().filter(|id| is_anonymous_id(id));
    if let (Some(id), None) = (&user.id, &anonymous_id) {
        eprintln!(
            "note: `{id}` is not an anonymous id, and this version cannot prove another; chatting as someone new"
        );
    }
    Ok(Hello {
        project_key: args.key.clone(),
        identity_token: None,
        // The same person after a reconnect, else the conversation would not be found.
        anonymous_id: Some(anonymous_id.unwrap_or_else(new_anonymous_id)),
        client_id: format!("chat-{}", Ulid::generate()),
        client: Some(ClientInfo { name: "docent chat".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }),
        capabilities: Capabilities {
            actions: ActionKind::all().map(|kind| kind.name().to_owned()).collect(),
            features: Vec::new(),
        },
        locale: user.locale,
        page: args.page.as_ref().map(|url| PageInfo { url: url.to_string(), title: None }),
        attributes: user.traits.into_iter().collect(),
        resume: None,
    })
}

/// `anon-` and a random UUID of version 4.
fn new_anonymous_id() -> String {
    let random = (Ulid::generate().random() << 64) ^ Ulid::generate().random();
    let version_4 = (random & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{version_4:032x}");
    format!("anon-{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// The lines of standard input. A thread of its own reads them: a read from a
/// terminal cannot be given up, and must not keep the program from ending.
fn lines_of_input() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The address of the socket of a server.
pub(super) fn socket_address(server: &Url) -> anyhow::Result<Url> {
    let mut address = server.clone();
    let scheme = match server.scheme() {
        "http" | "ws" => "ws",
        "https" | "wss" => {
            anyhow::bail!("`{server}`: there is no TLS here; connect to the server itself, as in http://127.0.0.1:8787")
        }
        other => anyhow::bail!("`{server}`: `{other}:` is not a way to reach a server; use http://HOST:PORT"),
    };
    address.set_scheme(scheme).ok().with_context(|| format!("`{server}` is not the address of a server"))?;
    if matches!(address.path(), "" | "/") {
        address.set_path("/v1/socket");
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anonymous_ids_are_random_uuids() {
        for _ in 0..100 {
            assert!(is_anonymous_id(&new_anonymous_id()));
        }
        assert_ne!(new_anonymous_id(), new_anonymous_id());
    }

    #[test]
    fn addresses_of_servers_lead_to_their_sockets() {
        let check = |server: &str, expected: Option<&str>| {
            let address = socket_address(&Url::parse(server).expect("a URL")).ok();
            assert_eq!(address.as_ref().map(Url::as_str), expected, "{server}");
        };
        check("http://127.0.0.1:8787", Some("ws://127.0.0.1:8787/v1/socket"));
        check("ws://localhost:1/other", Some("ws://localhost:1/other"));
        check("https://example.com", None);
        check("file:///x", None);
    }
}
