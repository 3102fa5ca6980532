//! Counts the fragments of websocket messages as their bytes come in.
//!
//! The library bounds the size of a message but not the number of its fragments,
//! and empty ones cost the sender next to nothing. This reads only frame headers.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream that fails once a message has too many fragments.
#[derive(Debug)]
pub struct FragmentGuard<S> {
    stream: S,
    limit: u32,
    fragments: u32,
    header: Header,
    /// Bytes of the current frame that are still to come.
    payload: u64,
    /// Whether the bytes read so far had too many fragments.
    failed: bool,
}

/// The header of a frame as far as it has come: at most 14 bytes.
#[derive(Debug, Default)]
struct Header {
    bytes: [u8; 14],
    len: u8,
}

impl Header {
    /// How many bytes it has, once that is known.
    fn whole(&self) -> u8 {
        if self.len < 2 {
            return 2;
        }
        let mask = if self.bytes[1] & 0x80 == 0 { 0 } else { 4 };
        match self.bytes[1] & 0x7f {
            126 => 4 + mask,
            127 => 10 + mask,
            _ => 2 + mask,
        }
    }

    fn payload(&self) -> u64 {
        let big_endian = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte));
        match self.bytes[1] & 0x7f {
            126 => big_endian(&self.bytes[2..4]),
            127 => big_endian(&self.bytes[2..10]),
            len => u64::from(len),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a message has too many fragments")]
struct TooManyFragments;

/// Whether a stream failed because of its fragments.
pub(super) fn is_too_many(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|error| error.is::<TooManyFragments>())
}

impl<S> FragmentGuard<S> {
    /// Watches `stream`, of which `early` was read before.
    pub(super) fn new(stream: S, limit: u32, early: &[u8]) -> Self {
        let mut guard = Self { stream, limit, fragments: 0, header: Header::default(), payload: 0, failed: false };
        guard.look_at(early);
        guard
    }

    /// The stream itself.
    pub(super) fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    fn look_at(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.failed {
            if self.payload > 0 {
                let skip = self.payload.min(bytes.len() as u64);
                self.payload -= skip;
                bytes = &bytes[usize::try_from(skip).unwrap_or(bytes.len())..];
                continue;
            }
            self.header.bytes[usize::from(self.header.len)] = bytes[0];
            self.header.len += 1;
            bytes = &bytes[1..];
            if self.header.len == self.header.whole() {
                self.frame_began();
            }
        }
    }

    fn frame_began(&mut self) {
        let header = std::mem::take(&mut self.header);
        self.payload = header.payload();
        let is_control = header.bytes[0] & 0x08 != 0;
        let is_final = header.bytes[0] & 0x80 != 0;
        if is_control {
            return;
        }
        self.fragments += 1;
        self.failed = self.fragments > self.limit;
        if is_final {
            self.fragments = 0;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for FragmentGuard<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let guard = self.get_mut();
        if guard.failed {
            return Poll::Ready(Err(io::Error::other(TooManyFragments)));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut guard.stream).poll_read(context, buffer);
        guard.look_at(&buffer.filled()[before..]);
        // At once: the end of the message may be among the same bytes.
        if guard.failed { Poll::Ready(Err(io::Error::other(TooManyFragments))) } else { polled }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for FragmentGuard<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(first: u8, payload: usize) -> Vec<u8> {
        let mut bytes = vec![first];
        match payload {
            0..126 => bytes.push(0x80 | u8::try_from(payload).expect("small")),
            126..65_536 => {
                bytes.push(0x80 | 126);
                bytes.extend(u16::try_from(payload).expect("small").to_be_bytes());
            }
            _ => {
                bytes.push(0x80 | 127);
                bytes.extend((payload as u64).to_be_bytes());
            }
        }
        bytes.extend([0; 4]);
        bytes.extend(std::iter::repeat_n(0xff, payload));
        bytes
    }

    fn fails(frames: &[Vec<u8>], chunk: usize) -> bool {
        let mut guard = FragmentGuard::new((), 3, &[]);
        for bytes in frames.concat().chunks(chunk) {
            guard.look_at(bytes);
        }
        guard.failed
    }

    #[test]
    fn counts_fragments_however_the_bytes_are_cut() {
        let (start, middle, last, whole, ping) = (0x01, 0x00, 0x80, 0x81, 0x89);
        let fine = [
            frame(whole, 70_000),
            frame(start, 200),
            frame(ping, 5),
            frame(middle, 0),
            frame(last, 1),
            frame(whole, 0),
            frame(start, 0),
            frame(middle, 300),
            frame(last, 0),
        ];
        let bad = [frame(start, 1), frame(middle, 0), frame(middle, 0), frame(ping, 0), frame(middle, 0)];
        for chunk in [1, 2, 3, 7, 4096] {
            assert!(!fails(&fine, chunk), "{chunk}");
            assert!(fails(&bad, chunk), "{chunk}");
        }
    }
}
