//! Plays one case.

use std::net::SocketAddr;

use crate::case::{Case, Part};
use crate::wire::{Frame, Wire};

/// What came of a case, in the words of the suite.
#[derive(Debug)]
pub(crate) enum Outcome {
    Strict,
    NonStrict,
    Informational,
    Failed(String),
}

/// The opcode of a close frame.
const CLOSE: u8 = 8;

pub(crate) async fn play(address: SocketAddr, case: &Case) -> Outcome {
    match follow(address, case).await {
        _ if case.informational => Outcome::Informational,
        Ok(true) => Outcome::Strict,
        Ok(false) => Outcome::NonStrict,
        Err(why) => Outcome::Failed(why),
    }
}

/// How often a case is done over one connection: a hundred times, or as often as the
/// suite does it when `DOCENT_TEST_TORTURE` is set.
fn most_rounds() -> usize {
    if std::env::var_os("DOCENT_TEST_TORTURE").is_some() { usize::MAX } else { 100 }
}

/// Whether the server was strict.
async fn follow(address: SocketAddr, case: &Case) -> Result<bool, String> {
    let mut wire = Wire::open(address).await;
    for _ in 1..case.rounds.min(most_rounds()) {
        round(&mut wire, case).await?;
    }
    let mut expected = case.expect.iter();
    for part in &case.send {
        if part.r#await {
            wire.flush(None).await;
            arrives(wire.frame().await, expected.next())?;
        } else {
            wire.send(part).await;
        }
    }
    wire.flush(None).await;
    for part in expected {
        arrives(wire.frame().await, Some(part))?;
    }
    let mut is_strict = true;
    let mut last = None;
    if !case.late.is_empty() {
        match wire.frame_soon().await {
            Some(frame) => last = Some(frame),
            None => {
                is_strict = false;
                for part in &case.late {
                    wire.send(part).await;
                }
                wire.flush(None).await;
            }
        }
    }
    let normal = [Some(1000)];
    let codes = match &case.closes {
        Some(codes) => codes.as_slice(),
        None => {
            wire.close(1000).await;
            &normal
        }
    };
    let last = match last {
        Some(frame) => frame,
        None => wire.frame().await,
    };
    let closed = match last {
        Some(Frame { opcode: CLOSE, payload }) => payload.first_chunk().map(|code| u16::from_be_bytes(*code)),
        other => return Err(format!("expected a close with one of {codes:?}, came {}", shown(&other))),
    };
    if !codes.contains(&closed) {
        return Err(format!("closed with {closed:?} instead of one of {codes:?}"));
    }
    if let Some(code) = closed.filter(|_| !case.send.iter().any(Part::is_close) && case.closes.is_some()) {
        wire.close(code).await;
    }
    match wire.frame().await {
        None => Ok(is_strict),
        after => Err(format!("after the close came {}", shown(&after))),
    }
}

async fn round(wire: &mut Wire, case: &Case) -> Result<(), String> {
    for part in &case.send {
        wire.send(part).await;
    }
    wire.flush(None).await;
    for part in &case.expect {
        arrives(wire.frame().await, Some(part))?;
    }
    Ok(())
}

fn arrives(came: Option<Frame>, expected: Option<&Part>) -> Result<(), String> {
    let (opcode, payload) = expected.and_then(Part::frame).ok_or("the table expects nothing here")?;
    match came {
        Some(frame) if frame == (Frame { opcode, payload }) => Ok(()),
        other => Err(format!("expected opcode {opcode}, came {}", shown(&other))),
    }
}

fn shown(frame: &Option<Frame>) -> String {
    match frame {
        None => "the end of the connection".to_owned(),
        Some(Frame { opcode, payload }) => {
            let start = &payload[..payload.len().min(40)];
            format!("opcode {opcode} with {} bytes {}", payload.len(), String::from_utf8_lossy(start))
        }
    }
}
