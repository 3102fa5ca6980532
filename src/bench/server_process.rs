//! The process behind a listening port of this machine, and its memory.

use std::fs;
use std::path::Path;

/// A process of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerProcess {
    pid: u32,
}

/// The state of a listening socket in `/proc/net/tcp`.
const LISTENING: &str = "0A";

impl ServerProcess {
    /// The process with an id, if it runs.
    pub fn of_pid(pid: u32) -> Option<Self> {
        let process = Self { pid };
        process.resident_bytes().map(|_| process)
    }

    /// The process that listens on a port, if this user may look at it.
    pub fn listening_on(port: u16) -> Option<Self> {
        let sockets = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
        let inode = sockets.iter().find_map(|table| inode_of(table, port))?;
        let link = format!("socket:[{inode}]");
        let processes = fs::read_dir("/proc").ok()?.flatten();
        processes
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .find(|pid: &u32| holds(&Path::new("/proc").join(pid.to_string()).join("fd"), &link))
            .map(|pid| Self { pid })
    }

    /// Its resident memory.
    pub fn resident_bytes(self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
    }

    /// Its id.
    pub fn pid(self) -> u32 {
        self.pid
    }
}

fn holds(descriptors: &Path, link: &str) -> bool {
    let Ok(entries) = fs::read_dir(descriptors) else { return false };
    entries.flatten().any(|entry| fs::read_link(entry.path()).is_ok_and(|target| target.as_os_str() == link))
}

fn inode_of(table: &str, port: u16) -> Option<&str> {
    let suffix = format!(":{port:04X}");
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        (fields.len() > 9 && fields[1].ends_with(&suffix) && fields[3] == LISTENING).then(|| fields[9])
    })
}

/// How often, since the machine started, a connection found a listener's queue full.
pub fn listen_overflows() -> Option<u64> {
    let text = fs::read_to_string("/proc/net/netstat").ok()?;
    let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
    let (names, values) = (lines.next()?, lines.next()?);
    let at = names.split_whitespace().position(|name| name == "ListenOverflows")?;
    values.split_whitespace().nth(at)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_behind_a_port_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a listener");
        let port = listener.local_addr().expect("an address").port();
        let process = ServerProcess::listening_on(port).expect("this process");
        assert_eq!(process.pid(), std::process::id());
        assert!(process.resident_bytes().is_some_and(|bytes| bytes > 100_000));
    }
}
