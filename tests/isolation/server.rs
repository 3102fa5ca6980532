//! The real agent behind the real server, on a project with two segments.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use docent::adapters::conversation_memory::{ConversationMemory, MemoryBounds};
use docent::adapters::static_embedder::StaticEmbedder;
use docent::agent::Agent;
use docent::agent::library::{Folders, KnowledgeLibrary};
use docent::domain::revocation::{Revocation, Revocations, Revoked};
use docent::ports::embedder::Embedder;
use docent::server::settings::ServerSettings;
use docent::server::{Services, listener, serve};
use docent::session::identity::Identity;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::attempts::Request;
use crate::client::PATIENCE;
use crate::people;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    _folder: tempfile::TempDir,
    _revoke: watch::Sender<Arc<Revocations>>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        write_project(folder.path());
        let embedder: Arc<dyn Embedder> = Arc::new(StaticEmbedder::new());
        let folders = Folders::new(folder.path(), None);
        let opened = KnowledgeLibrary::open(folders, embedder.clone()).await;
        let (library, _) = opened.unwrap_or_else(|error| panic!("{error:?}"));
        let listener = listener::listen("127.0.0.1:0".parse().expect("an address")).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let revoked = Revocation { what: Revoked::Token(people::REVOKED.to_owned()), at_ms: 0 };
        let (revoke, revocations) = watch::channel(Arc::new(Revocations::new(vec![revoked])));
        let services = Services {
            answerer: Arc::new(Agent::new(library, embedder)),
            store: Arc::new(ConversationMemory::new("epoch-1".to_owned(), MemoryBounds::default())),
            desk: None,
            revocations,
        };
        let mut settings = ServerSettings { sockets_per_user: 1_000, ..ServerSettings::default() };
        settings.session.identity = Identity { keys: vec![people::key()], lenient: false };
        settings.rates.visitor_turns.count = 100_000;
        settings.rates.user_turns.count = 100_000;
        settings.rates.user_connections.count = 100_000;
        settings.session.commands.count = 100_000;
        settings.session.strikes.count = 100_000;
        tokio::spawn(serve(listener, services, settings, std::future::pending()));
        Self { address, _folder: folder, _revoke: revoke }
    }

    /// The whole response to a request.
    pub(crate) async fn request(&self, request: &Request, token: Option<&str>) -> String {
        let Request { method, path, body } = request;
        let authorization = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        let text = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{authorization}content-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let mut stream = TcpStream::connect(self.address).await.expect("a connection");
        stream.write_all(text.as_bytes()).await.expect("a write");
        let mut response = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut response)).await.expect("an end").expect("a response");
        String::from_utf8_lossy(&response).into_owned()
    }
}

/// For each segment an article, a Custom Answer, a post and an experience, each with a
/// word that nothing else says.
fn write_project(folder: &Path) {
    let write = |path: String, text: String| {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    };
    for segment in ["gold", "silver"] {
        let secret = |kind: &str| people::secret(segment, kind);
        write(
            format!("segments/{segment}.yaml"),
            format!("name: The {segment} plan\nif: {{all: [{{trait: {{plan: {{eq: {segment}}}}}}}]}}\n"),
        );
        write(
            format!("articles/{segment}-lounge.md"),
            format!(
                "---\ntitle: The {segment} lounge\naudience: {{segment: {segment}}}\n---\nThe door code of the {segment} lounge is {}. It is open on weekdays.\n",
                secret("article")
            ),
        );
        write(
            format!("answers/{segment}-discount.md"),
            format!(
                "---\nphrases: [what is my {segment} discount, tell me the {segment} discount code, {segment} rebate please]\naudience: {{segment: {segment}}}\nactions: [{{open_post: {segment}-news}}]\n---\nYour code is {}.\n",
                secret("answer")
            ),
        );
        write(
            format!("posts/{segment}-news.md"),
            format!(
                "---\nstatus: published\nnotify: silent\ntitle: News for {segment}\naudience: {{segment: {segment}}}\n---\nPick up {} at the desk.\n",
                secret("post")
            ),
        );
        write(
            format!("experiences/{segment}-tour.yaml"),
            format!(
                "type: modal\nname: For {segment}\nstatus: published\nshow_on: none\naudience: {{segment: {segment}}}\nrecurrence: {{mode: always}}\nsteps:\n  - id: one\n    title: Hello\n    body: Say {} at the door.\n    ctas: {{primary: {{label: Done, actions: [{{go_to_step: complete}}]}}}}\n",
                secret("experience")
            ),
        );
    }
}
