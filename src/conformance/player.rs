//! Plays transcripts against a server.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::Server;
use super::connection::{Arrival, Connection, Opened};
use super::pattern::{Bindings, fill, matches};
use super::report::{Fault, Finding, Report, Verdict};
use super::transcript::{Act, Connect, Exchange, Step, Transcript};
use crate::protocol::SUBPROTOCOL;
use crate::protocol::server_message::ServerMessage;
use crate::server::clock::anonymous_id;

/// Frames that may come at any time; they are passed over unless they are expected.
const AT_ANY_TIME: &[&str] = &["run.status", "run.trace", "unread", "experience.show", "experience.close"];

/// How often a server that has no room at present is asked again, and how long after.
const ATTEMPTS: u32 = 30;
const PAUSE: Duration = Duration::from_secs(1);

/// Plays all of them, one after the other.
///
/// # Errors
/// When the server cannot be reached or does not speak the protocol at all.
pub async fn play(server: &Server, transcripts: &[Transcript]) -> anyhow::Result<Report> {
    let has_sample = has_sample(server).await?;
    let mut findings = Vec::new();
    for transcript in transcripts {
        let verdict = if transcript.needs_sample && !has_sample {
            Verdict::Skipped
        } else {
            match Player::new(server).play(transcript).await {
                Ok(()) => Verdict::Passed,
                Err(fault) => Verdict::Failed(fault),
            }
        };
        findings.push(Finding { file: transcript.file.clone(), title: transcript.title.clone(), verdict });
    }
    Ok(Report { findings })
}

/// Whether the server's project is the one that `docent init` writes.
async fn has_sample(server: &Server) -> anyhow::Result<bool> {
    let mut player = Player::new(server);
    let connect = Connect { protocols: vec![SUBPROTOCOL.to_owned()], origin: None, refused: None };
    player.connect("probe", &connect).await.map_err(anyhow::Error::msg)?;
    let hello = json!({"project_key": server.project_key, "client_id": "probe", "anonymous_id": "$user"});
    let ask = [
        Act::Send(json!({"type": "hello", "id": "h", "data": hello})),
        Act::Expect(json!({"type": "welcome", "ref": "h"})),
        Act::Send(json!({"type": "experience.get", "id": "e", "data": {"experience_id": "export-tour"}})),
        Act::Until { frame: json!({"type": "$answer", "ref": "e"}), without: Vec::new() },
    ];
    for act in &ask {
        player.perform(act).await.map_err(anyhow::Error::msg).context("the server does not speak the protocol")?;
    }
    Ok(player.bindings.get("$answer") == Some(&json!("experience.content")))
}

struct Player<'a> {
    server: &'a Server,
    sockets: BTreeMap<String, Connection>,
    /// The socket that steps without a name are about.
    current: String,
    bindings: Bindings,
}

impl<'a> Player<'a> {
    fn new(server: &'a Server) -> Self {
        let mut bindings = Bindings::new();
        bindings.insert("$project_key".to_owned(), json!(server.project_key));
        for name in ["$user", "$other_user"] {
            bindings.insert(name.to_owned(), json!(anonymous_id()));
        }
        Self { server, sockets: BTreeMap::new(), current: String::new(), bindings }
    }

    async fn play(&mut self, transcript: &Transcript) -> Result<(), Fault> {
        for Step { line, act, on } in &transcript.steps {
            if let Some(on) = on {
                self.current.clone_from(on);
            }
            self.perform(act).await.map_err(|what| Fault { line: *line, what })?;
        }
        Ok(())
    }

    async fn perform(&mut self, act: &Act) -> Result<(), String> {
        match act {
            Act::Connect(connect) => self.connect(&self.current.clone(), connect).await?,
            Act::Send(frame) => {
                let frame = fill(frame, &self.bindings)?;
                self.socket()?.send(&frame).await;
            }
            Act::Text(text) => self.socket()?.send_message(Message::text(text)).await,
            Act::Binary(bytes) => self.socket()?.send_message(Message::binary(bytes.clone())).await,
            Act::Expect(pattern) => self.expect(pattern).await?,
            Act::Until { frame, without } => self.until(frame, without).await?,
            Act::Closed(code) => self.closed(*code).await?,
            Act::Cut => {
                let name = &self.current;
                self.sockets.remove(name).ok_or_else(|| format!("no socket `{name}` is open"))?;
            }
            Act::Request(exchange) => self.request(exchange).await?,
        }
        Ok(())
    }

    fn socket(&mut self) -> Result<&mut Connection, String> {
        let name = &self.current;
        self.sockets.get_mut(name).ok_or_else(|| format!("no socket `{name}` is open"))
    }

    async fn connect(&mut self, name: &str, connect: &Connect) -> Result<(), String> {
        self.current = name.to_owned();
        for _ in 0..ATTEMPTS {
            let opened = Connection::open(self.server, connect).await.map_err(|error| format!("{error:#}"))?;
            match (opened, connect.refused) {
                (Opened::Open(connection), None) => {
                    self.sockets.insert(name.to_owned(), *connection);
                    return Ok(());
                }
                (Opened::Refused(status), Some(expected)) if status == expected => return Ok(()),
                (Opened::Open(_), Some(expected)) => return Err(format!("expected HTTP {expected}, came a socket")),
                (Opened::Refused(429 | 503), _) => sleep(PAUSE).await,
                (Opened::Refused(status), _) => return Err(format!("the socket was refused with HTTP {status}")),
            }
        }
        Err("the server has no room for a socket".to_owned())
    }

    /// The next frame, without those that may come at any time.
    async fn next(&mut self, wanted: &Value) -> Result<Arrival, String> {
        let server = self.server;
        loop {
            let arrival = self.socket()?.next(server).await?;
            if let Arrival::Frame(frame) = &arrival {
                let name = frame["type"].as_str().unwrap_or_default();
                let is_known = ServerMessage::TYPES.contains(&name);
                if wanted["type"] != name && (AT_ANY_TIME.contains(&name) || !is_known) {
                    continue;
                }
            }
            return Ok(arrival);
        }
    }

    async fn expect(&mut self, pattern: &Value) -> Result<(), String> {
        match self.next(pattern).await.map_err(|error| format!("expected {pattern}\n{error}"))? {
            Arrival::Frame(frame) => {
                let matched = matches(pattern, &frame, &mut self.bindings);
                matched.map_err(|difference| format!("expected {pattern}\ncame     {frame}\n{difference}"))
            }
            end => Err(format!("expected {pattern}\ncame     {}", described(&end))),
        }
    }

    async fn until(&mut self, pattern: &Value, without: &[Value]) -> Result<(), String> {
        let server = self.server;
        loop {
            match self.socket()?.next(server).await.map_err(|error| format!("expected {pattern}\n{error}"))? {
                Arrival::Frame(frame) => {
                    if matches(pattern, &frame, &mut self.bindings).is_ok() {
                        return Ok(());
                    }
                    let mut bindings = self.bindings.clone();
                    if let Some(wrong) = without.iter().find(|wrong| matches(wrong, &frame, &mut bindings).is_ok()) {
                        return Err(format!("expected no {wrong}\ncame     {frame}"));
                    }
                }
                end => return Err(format!("expected {pattern}\ncame     {}", described(&end))),
            }
        }
    }

    async fn closed(&mut self, code: u16) -> Result<(), String> {
        match self.next(&Value::Null).await? {
            Arrival::Closed(came) if came == code => {
                self.sockets.remove(&self.current);
                Ok(())
            }
            other => Err(format!("expected a close with {code}\ncame     {}", described(&other))),
        }
    }

    async fn request(&mut self, exchange: &Exchange) -> Result<(), String> {
        let Exchange { request, status, body } = exchange;
        let url = self.server.page(&request.path).ok_or_else(|| format!("`{}` is not a path", request.path))?;
        let method = request.method.parse().map_err(|_| format!("`{}` is not a method", request.method))?;
        let mut asking = reqwest::Client::new().request(method, url);
        if let Some(json) = &request.json {
            let json = fill(json, &self.bindings)?;
            asking = asking.header("content-type", "application/json").body(json.to_string());
        }
        let answered = async {
            let response = asking.send().await?;
            Ok::<_, reqwest::Error>((response.status().as_u16(), response.text().await?))
        };
        let answered = timeout(self.server.patience, answered).await.map_err(|_| "no answer in time".to_owned())?;
        let (came, text) = answered.map_err(|error| error.to_string())?;
        if came != *status {
            return Err(format!("expected HTTP {status}\ncame     HTTP {came} {text}"));
        }
        let Some(pattern) = body else { return Ok(()) };
        let json: Value = serde_json::from_str(&text).map_err(|error| format!("the body is not JSON: {error}"))?;
        matches(pattern, &json, &mut self.bindings)
            .map_err(|difference| format!("expected {pattern}\ncame     {json}\n{difference}"))
    }
}

fn described(arrival: &Arrival) -> String {
    match arrival {
        Arrival::Frame(frame) => frame.to_string(),
        Arrival::Closed(code) => format!("a close with {code}"),
        Arrival::Cut => "the end of the connection".to_owned(),
    }
}
