//! Measures quality offline: of a project's own cases, and of public data sets.

pub mod case;
pub mod cases;
