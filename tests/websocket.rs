//! RFC 6455, by the cases of the Autobahn test suite (sections 1 to 7, 9 and 10) and
//! under their numbers, over a client that writes its frames byte by byte. They are
//! played against the server's own websocket behind a handler that echoes, with limits
//! that let the large cases through.
//!
//! The cases stand in `websocket/cases.jsonl`. Sections 12 and 13 test compression,
//! which the server does not offer.

#[path = "websocket/case.rs"]
mod case;
#[path = "websocket/echo.rs"]
mod echo;
#[path = "websocket/play.rs"]
mod play;
#[path = "websocket/wire.rs"]
mod wire;

use std::collections::BTreeMap;

use case::Case;
use futures_util::{StreamExt, stream};
use play::Outcome;

/// How many cases the suite has in each section, without those of compression.
const SECTIONS: [(&str, usize); 9] =
    [("1", 16), ("2", 11), ("3", 7), ("4", 10), ("5", 20), ("6", 145), ("7", 37), ("9", 54), ("10", 1)];

/// Cases that the suite itself lets pass as less than strict: an invalid text is refused
/// when its frame has come whole, not at the first byte that is wrong.
const NON_STRICT: [&str; 2] = ["6.4.3", "6.4.4"];

/// Cases whose outcome the standard leaves open.
const INFORMATIONAL: [&str; 3] = ["7.1.6", "7.13.1", "7.13.2"];

#[test]
fn every_case_of_the_suite_is_in_the_table() {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for case in case::all() {
        *counts.entry(case.id.split('.').next().expect("a section").to_owned()).or_default() += 1;
    }
    assert_eq!(counts, SECTIONS.map(|(section, count)| (section.to_owned(), count)).into());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_websocket_is_as_rfc_6455_says() {
    let address = echo::start().await;
    let cases = case::all();
    let outcomes: Vec<(&Case, Outcome)> = stream::iter(&cases)
        .map(|case| async move { (case, play::play(address, case).await) })
        .buffer_unordered(8)
        .collect()
        .await;
    let ids = |wanted: fn(&Outcome) -> bool| {
        let mut ids: Vec<&str> =
            outcomes.iter().filter(|(_, outcome)| wanted(outcome)).map(|(case, _)| case.id.as_str()).collect();
        ids.sort_unstable();
        ids
    };
    let failed: Vec<String> = outcomes
        .iter()
        .filter_map(|(case, outcome)| match outcome {
            Outcome::Failed(why) => Some(format!("{}: {why}", case.id)),
            Outcome::Strict | Outcome::NonStrict | Outcome::Informational => None,
        })
        .collect();
    let strict = ids(|outcome| matches!(outcome, Outcome::Strict)).len();
    println!("{} cases: {strict} strict, {NON_STRICT:?} not strict, {INFORMATIONAL:?} informational", cases.len());
    assert!(failed.is_empty(), "{} of {} cases failed:\n{}", failed.len(), cases.len(), failed.join("\n"));
    assert_eq!(ids(|outcome| matches!(outcome, Outcome::NonStrict)), NON_STRICT);
    assert_eq!(ids(|outcome| matches!(outcome, Outcome::Informational)), INFORMATIONAL);
}
