//! How the steps of a flow lead to each other.

use crate::domain::experience::{ExperienceKind, Step};
use crate::knowledge::experience::StepPlaces;
use crate::knowledge::reading::Reading;

/// Checks the steps of one flow, each with its places.
pub(crate) fn check(_kind: ExperienceKind, _steps: &[Step], _places: &[StepPlaces], _reading: &mut Reading<'_>) {}
