//! `strace`, attached to a server: what it asks of the system, and what it is refused.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// An attached `strace`; it lets go when this is dropped.
pub(crate) struct Tracer {
    process: Child,
}

impl Tracer {
    /// Attaches to all threads of a process; else why that cannot be done here.
    pub(crate) fn attach(pid: u32, arguments: &[&str], output: &Path) -> Result<Self, String> {
        let mut command = Command::new("strace");
        command.args(["-f", "-y", "-s", "70000", "-p", &pid.to_string(), "-o"]).arg(output).args(arguments);
        let mut process = command.stderr(Stdio::piped()).spawn().map_err(|error| format!("no strace: {error}"))?;
        let mut lines = BufReader::new(process.stderr.take().expect("standard error")).lines();
        let first = lines.next().and_then(Result::ok).unwrap_or_default();
        std::thread::spawn(move || lines.for_each(drop));
        if first.contains("attached") {
            return Ok(Self { process });
        }
        let _ = process.kill();
        let _ = process.wait();
        Err(format!("strace may not attach: {first}"))
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-INT", &self.process.id().to_string()]).status();
        let _ = self.process.wait();
    }
}
