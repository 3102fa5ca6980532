//! Posts on their way out.

use crate::domain::post::{Notify, Post};
use crate::protocol::experience::ButtonSlot;
use crate::protocol::post as wire;

use super::Resolver;
use super::experience::button;

/// A post as it is published in `revision`.
pub fn post(post: &Post, revision: u64, resolver: Resolver<'_>) -> wire::PostContent {
    wire::PostContent {
        post_id: post.id.to_string(),
        revision,
        title: post.title.clone(),
        body: post.body.clone(),
        locale: post.locale.as_ref().map(ToString::to_string),
        notify: match post.notify {
            Notify::Silent => wire::PostNotify::Silent,
            Notify::Badge => wire::PostNotify::Badge,
            Notify::Popup => wire::PostNotify::Popup,
        },
        published_at: post.schedule.from.map(|from| from.to_string()),
        cta: post.cta.as_ref().map(|cta| button(cta, ButtonSlot::Primary, resolver)),
    }
}
