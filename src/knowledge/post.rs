//! Reading `posts/*.md`.

use crate::domain::action::availability::Context;
use crate::domain::experience::Status;
use crate::domain::ids::PostId;
use crate::domain::post::{Notify, Post};

use super::reading::{Mapping, Reading};
use super::{action, heading};

/// Reads a post.
pub(crate) fn post(reading: &mut Reading<'_>) -> Option<Post> {
    let front = reading.front_matter("a post")?;
    let mut mapping = Mapping::open(&front.root, "a post", reading)?;
    let id = heading::id(&mut mapping, PostId::new, reading);
    let title = mapping.require("title").and_then(|node| reading.text(node));
    let (status, schedule) = heading::status_and_schedule(&mut mapping, reading);
    let choices = [("silent", Notify::Silent), ("badge", Notify::Badge), ("popup", Notify::Popup)];
    let notify = mapping.get("notify").and_then(|node| reading.choice(node, "a way to notify", &choices));
    let audience = heading::audience(&mut mapping, reading);
    let locale = mapping.get("locale").and_then(|node| reading.locale(node));
    let cta = mapping.get("cta").and_then(|node| action::cta(node, Context::PostCta, None, reading));
    mapping.close(reading);
    let body = front.body.trim().to_owned();
    if body.is_empty() && status != Status::Draft {
        reading.file_error("empty-body", "this post has no text", "write it below the front matter");
    }
    Some(Post {
        id: id?,
        title: title?,
        status,
        schedule,
        notify: notify.unwrap_or_default(),
        audience,
        locale,
        cta,
        body,
    })
}
