//! How many connections the limit of open files allows.

/// Descriptors kept for files, the listener and connections that are being refused.
const RESERVED: u64 = 256;

/// Raises the soft limit of open files to the hard one, and returns what it is then.
pub fn raise_open_files() -> u64 {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => limit,
        Err(error) => {
            tracing::warn!(error = %error, "the limit of open files could not be raised");
            rlimit::Resource::NOFILE.get_soft().unwrap_or(1024)
        }
    }
}

/// How many connections may be open at a time under a limit of open files.
pub fn connections_within(open_files: u64) -> usize {
    let connections = open_files.saturating_sub(RESERVED).max(open_files / 2).max(16);
    usize::try_from(connections).unwrap_or(usize::MAX).min(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_below_the_limit() {
        assert_eq!(connections_within(20_000), 19_744);
        assert_eq!(connections_within(256), 128);
        assert_eq!(connections_within(u64::MAX), 1_000_000);
    }
}
