//! Reading banners.

use crate::domain::action::availability::Context;
use crate::domain::experience::{Banner, BannerPosition, ExperienceKind};
use crate::knowledge::action;
use crate::knowledge::reading::{Mapping, Reading};
use crate::knowledge::uses::Inside;

/// Reads what a banner has beside the keys of every experience.
pub(crate) fn banner(mapping: &mut Mapping<'_>, reading: &mut Reading<'_>) -> Option<Banner> {
    let inside = Some(Inside { kind: ExperienceKind::Banner, first_step: true });
    let body = mapping.require("body").and_then(|node| reading.template(node));
    let positions =
        [("top", BannerPosition::Top), ("bottom", BannerPosition::Bottom), ("inline", BannerPosition::Inline)];
    let position = mapping.get("position").and_then(|node| reading.choice(node, "a position", &positions));
    let buttons = mapping.get("ctas").map(|node| action::buttons(node, inside, reading)).unwrap_or_default();
    let cross = mapping
        .get("cross")
        .map(|node| action::actions(node, Context::ClosingCross, inside, false, reading))
        .unwrap_or_default();
    Some(Banner { body: body?, position: position.unwrap_or_default(), buttons, cross })
}
