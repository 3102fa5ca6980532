//! The `docent` executable.
fn main() {}
