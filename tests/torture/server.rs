//! A server process on a project of its own.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A server process; it is killed when this is dropped.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: SocketAddr,
    /// Everything that it has printed.
    pub(crate) log: Arc<Mutex<String>>,
}

/// Writes a small project into `folder`.
pub(crate) fn project(folder: &Path) {
    let knowledge = folder.join("knowledge");
    fs::create_dir_all(knowledge.join("answers")).expect("a folder");
    fs::create_dir_all(knowledge.join("articles")).expect("a folder");
    let answer = "---\nphrases: [how do I export my data, download everything, export to a file]\n---\nPress Export.\n";
    fs::write(knowledge.join("answers/export.md"), answer).expect("a file");
    let article = "---\ntitle: Invite a teammate\n---\nOpen Team and press Invite. A link is sent by mail.\n";
    fs::write(knowledge.join("articles/invite.md"), article).expect("a file");
}

/// What starts a server in `folder` at a port of its own.
pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_docent"));
    command.current_dir(folder).args(["serve", "--listen", "127.0.0.1:0", "--data", "data"]);
    command
}

impl Server {
    /// Starts a server in `folder` and waits until it listens. Its limits are raised,
    /// so that they are not what is tested.
    pub(crate) fn start(folder: &Path) -> Self {
        Self::start_raised(folder, &[])
    }

    /// The same, with these variables in its environment too.
    pub(crate) fn start_raised(folder: &Path, environment: &[(&str, &str)]) -> Self {
        let raised = [
            "DOCENT_LIMITS_COMMANDS_PER_10S",
            "DOCENT_LIMITS_TURNS_PER_MIN_VISITOR",
            "DOCENT_LIMITS_TURNS_PER_MIN",
            "DOCENT_LIMITS_CONNECTIONS_PER_MIN_USER",
        ];
        Self::start_with(folder, &[&raised.map(|limit| (limit, "100000")), environment].concat())
    }

    /// Starts a server with these variables in its environment, and no other settings.
    pub(crate) fn start_with(folder: &Path, environment: &[(&str, &str)]) -> Self {
        let mut process =
            command(folder).envs(environment.iter().copied()).stderr(Stdio::piped()).spawn().expect("docent starts");
        let mut lines = BufReader::new(process.stderr.take().expect("standard error")).lines();
        let log = Arc::new(Mutex::new(String::new()));
        let keep = {
            let log = log.clone();
            move |line: std::io::Result<String>| {
                let line = line.unwrap_or_default();
                *log.lock().expect("no panic") += &format!("{line}\n");
                line
            }
        };
        let line = lines.by_ref().map(&keep).find(|line| line.contains("Docent serves"));
        let line = line.unwrap_or_else(|| panic!("no server: {}", log.lock().expect("no panic")));
        let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).expect("an address");
        let address = address.parse().expect("an address");
        // Reads on, so that the server never waits for its log.
        std::thread::spawn(move || lines.for_each(|line| drop(keep(line))));
        Self { process, address, log }
    }

    /// The number of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// How many websockets it has closed with `code`.
    pub(crate) fn closed_by(&self, code: u16) -> u64 {
        self.metric(&format!("docent_sockets_closed_total{{code=\"{code}\"}} "))
    }

    /// Its open websockets but one, which is somebody's who looks on.
    pub(crate) fn open_sockets(&self) -> u64 {
        self.metric("docent_sockets ").saturating_sub(1)
    }

    fn metric(&self, name: &str) -> u64 {
        let mut stream = TcpStream::connect(self.address).expect("a connection");
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address)
            .expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let value = answer.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        value.unwrap_or(0)
    }

    /// The memory that it has, in bytes.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        line.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("a number") * 1024
    }

    /// Ends it without a chance to do anything more.
    pub(crate) fn kill(mut self) {
        self.process.kill().expect("a signal");
        self.process.wait().expect("an end");
    }
}

impl Server {
    /// Asks it to end, and waits until it has; it must say that all went well.
    pub(crate) fn terminate(mut self) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
        let started = Instant::now();
        let status = self.process.wait().expect("an end");
        assert_eq!(status.code(), Some(0), "a server that is told to end ends well");
        assert!(started.elapsed() < Duration::from_secs(30), "the drain took {:?}", started.elapsed());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
