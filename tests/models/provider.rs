//! A provider of chat completions on loopback that follows a script, byte by byte.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use docent::adapters::openai_chat::{OpenAiChat, OpenAiChatSettings};
use docent::domain::secret::Secret;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::Instant;

pub(crate) const KEY: &str = "key-that-nobody-may-see";

/// One thing that the provider does with a connection.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Send(Vec<u8>),
    Wait(Duration),
    /// Says no more until the client closes.
    Stall,
    /// Breaks the connection off; without this it is closed at the end.
    Reset,
}

pub(crate) type Script = Vec<Step>;

#[derive(Default)]
struct Stage {
    scripts: VecDeque<Script>,
    by_message: HashMap<String, VecDeque<Script>>,
    requests: Vec<Request>,
    asked: HashMap<String, usize>,
    /// When clients closed a connection before its script was over.
    closed: Vec<Instant>,
}

/// What the provider was asked.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub head: String,
    pub body: Value,
}

impl Request {
    fn message(&self) -> &str {
        let messages = self.body["messages"].as_array();
        messages.and_then(|all| all.last()?["content"].as_str()).unwrap_or_default()
    }
}

/// A running provider. When its scripts are over it answers well.
pub(crate) struct Provider {
    stage: Arc<Mutex<Stage>>,
    pub base_url: String,
    server: JoinHandle<()>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Provider {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        let stage = Arc::<Mutex<Stage>>::default();
        let shared = Arc::clone(&stage);
        let server = tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(socket, Arc::clone(&shared)));
            }
        });
        Self { stage, base_url, server }
    }

    /// What it does with the next requests.
    pub(crate) fn will(&self, scripts: impl IntoIterator<Item = Script>) {
        self.stage.lock().unwrap().scripts.extend(scripts);
    }

    /// What it does with the next requests whose last message is `message`.
    pub(crate) fn will_for(&self, message: &str, scripts: impl IntoIterator<Item = Script>) {
        self.stage.lock().unwrap().by_message.entry(message.to_owned()).or_default().extend(scripts);
    }

    /// How many requests had this last message.
    pub(crate) fn asked(&self, message: &str) -> usize {
        self.stage.lock().unwrap().asked.get(message).copied().unwrap_or(0)
    }

    /// Requests since the last time.
    pub(crate) fn take_requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.stage.lock().unwrap().requests)
    }

    /// When clients closed a connection before its script was over.
    pub(crate) fn closed(&self) -> Vec<Instant> {
        self.stage.lock().unwrap().closed.clone()
    }

    pub(crate) fn settings(&self) -> OpenAiChatSettings {
        OpenAiChatSettings {
            section: "model",
            base_url: self.base_url.clone(),
            api_key: Some(Secret::new(KEY)),
            model: "a-model".to_owned(),
            context_tokens: 8_192,
            max_output_tokens: 1_000,
            connect: Duration::from_secs(60),
            begins_with_reasoning: false,
        }
    }

    pub(crate) fn model(&self) -> OpenAiChat {
        OpenAiChat::new(&self.settings()).unwrap()
    }
}

async fn serve(mut socket: TcpStream, stage: Arc<Mutex<Stage>>) {
    let Some(request) = read_request(&mut socket).await else { return };
    let script = {
        let mut stage = stage.lock().unwrap();
        let own = stage.by_message.get_mut(request.message()).and_then(VecDeque::pop_front);
        *stage.asked.entry(request.message().to_owned()).or_default() += 1;
        stage.requests.push(request);
        own.or_else(|| stage.scripts.pop_front()).unwrap_or_else(|| answer(&[said("Good."), ended("stop")]))
    };
    for step in script {
        let mut rest = [0; 64];
        let is_over = match step {
            Step::Send(bytes) => socket.write_all(&bytes).await.is_err(),
            Step::Wait(time) => tokio::select! {
                () = tokio::time::sleep(time) => false,
                read = socket.read(&mut rest) => matches!(read, Ok(0) | Err(_)),
            },
            Step::Stall => loop {
                if matches!(socket.read(&mut rest).await, Ok(0) | Err(_)) {
                    break true;
                }
            },
            Step::Reset => {
                socket.set_zero_linger().unwrap();
                return;
            }
        };
        if is_over {
            stage.lock().unwrap().closed.push(Instant::now());
            return;
        }
    }
    let _ = socket.shutdown().await;
}

async fn read_request(socket: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4_096];
        let read = socket.read(&mut part).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
        });
        if body.len() >= length.unwrap_or(0) {
            return Some(Request { head: head.to_owned(), body: serde_json::from_str(body).unwrap_or_default() });
        }
    }
}

/// An event with JSON.
pub(crate) fn event(value: &Value) -> String {
    format!("data: {value}\n\n")
}

/// An event with text.
pub(crate) fn said(text: &str) -> String {
    event(&json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]}))
}

/// An event with a fragment of a call.
pub(crate) fn called(index: u32, id: &str, name: &str, arguments: &str) -> String {
    let call =
        json!({"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": arguments}});
    event(&json!({"choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": null}]}))
}

/// The events at the end of an answer.
pub(crate) fn ended(reason: &str) -> String {
    let end = event(&json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}));
    let usage = event(&json!({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}));
    format!("{end}{usage}data: [DONE]\n\n")
}

/// The head of an answer that ends with its connection.
pub(crate) fn head(status: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
}

/// A whole answer of these events.
pub(crate) fn answer(events: &[String]) -> Script {
    vec![Step::Send(head("200 OK").into_bytes()), Step::Send(events.concat().into_bytes())]
}

/// An answer with another status, further header lines and a body.
pub(crate) fn status(status: &str, headers: &str, body: &str) -> Script {
    let length = body.len();
    let text = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}");
    vec![Step::Send(text.into_bytes())]
}
