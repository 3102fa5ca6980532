//! Prints the result of a measurement.

use std::fmt::Display;

use anstream::println;
use serde::Serialize;

/// Prints `report` as a table, or as one JSON object.
pub(super) fn print<R: Display + Serialize>(report: &R, json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string(report)?);
    } else {
        println!("{report}");
    }
    Ok(())
}
