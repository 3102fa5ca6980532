//! Experiences and posts for one user. What is not for them does not exist for them,
//! so that asking tells nobody what else there is.

use crate::domain::attribute::Attributes;
use crate::domain::condition::{Audience, Facts, Verdict};
use crate::domain::ids::{ExperienceId, PostId};
use crate::domain::post::Post;
use crate::domain::project::Project;
use crate::domain::user::UserContext;
use crate::protocol::convert::{self, Resolver};
use crate::protocol::error_code::ErrorCode;
use crate::protocol::post::{FeedEntry, FeedPage};
use crate::protocol::server_message::{CommandError, ServerFrame, ServerMessage};
use crate::session::moment::Moment;

use super::answerer::Published;

/// A published experience, when it is for this user.
pub fn experience(
    published: &Published,
    id: &ExperienceId,
    context: &UserContext,
    reference: Option<String>,
    now: Moment,
) -> ServerFrame {
    let project = &published.project;
    let found = project
        .experiences
        .get(id)
        .filter(|experience| experience.status.is_live(experience.schedule, now.timestamp()))
        .filter(|experience| is_in_audience(project, experience.audience.as_ref(), context, now))
        .ok_or_else(|| CommandError::new(ErrorCode::ExperienceNotFound, "there is no such published experience"));
    let message = found.map(|experience| {
        let attributes = context.template_attributes();
        let content = convert::experience::experience(experience, published.version, resolver(project, &attributes));
        ServerMessage::ExperienceContent(Box::new(content))
    });
    ServerFrame::answer(reference, message.unwrap_or_else(ServerMessage::Error))
}

/// A published post, when it is for this user.
pub fn post(
    published: &Published,
    id: &PostId,
    context: &UserContext,
    reference: Option<String>,
    now: Moment,
) -> ServerFrame {
    let project = &published.project;
    let found = project.posts.get(id).filter(|post| is_readable(project, post, context, now)).ok_or_else(no_post);
    let message = found.map(|post| {
        let attributes = context.template_attributes();
        let content = convert::post::post(post, published.version, resolver(project, &attributes));
        ServerMessage::PostContent(Box::new(content))
    });
    ServerFrame::answer(reference, message.unwrap_or_else(ServerMessage::Error))
}

/// Most posts of a page.
const PAGE_POSTS: usize = 50;
/// Bytes of the posts of a page, so that it fits into a frame.
const PAGE_BYTES: usize = 192 * 1024;

/// The published posts that are for this user, the newest first; those without a date
/// are the oldest. `seen` are those that the user has opened.
pub fn feed(
    published: &Published,
    (before, limit): (Option<&PostId>, u32),
    context: &UserContext,
    seen: &[PostId],
    now: Moment,
) -> Result<FeedPage, CommandError> {
    let project = &published.project;
    let mut posts: Vec<_> = project.posts.values().filter(|post| is_readable(project, post, context, now)).collect();
    posts.sort_by(|one, other| other.schedule.from.cmp(&one.schedule.from).then_with(|| one.id.cmp(&other.id)));
    let start = match before {
        Some(before) => posts.iter().position(|post| post.id == *before).ok_or_else(no_post)? + 1,
        None => 0,
    };
    let attributes = context.template_attributes();
    let limit = usize::try_from(limit).unwrap_or(PAGE_POSTS).clamp(1, PAGE_POSTS);
    let mut page = FeedPage { posts: Vec::new(), has_more: false };
    let mut bytes = 0;
    for post in &posts[start..] {
        bytes += post.title.len() + post.body.len();
        if page.posts.len() == limit || (bytes > PAGE_BYTES && !page.posts.is_empty()) {
            page.has_more = true;
            break;
        }
        let content = convert::post::post(post, published.version, resolver(project, &attributes));
        page.posts.push(FeedEntry { post: content, seen: seen.contains(&post.id) });
    }
    Ok(page)
}

fn is_readable(project: &Project, post: &Post, context: &UserContext, now: Moment) -> bool {
    post.status.is_live(post.schedule, now.timestamp()) && is_in_audience(project, post.audience.as_ref(), context, now)
}

fn no_post() -> CommandError {
    CommandError::new(ErrorCode::PostNotFound, "there is no such published post")
}

fn resolver<'a>(project: &'a Project, attributes: &'a Attributes) -> Resolver<'a> {
    Resolver { attributes, settings: &project.settings }
}

/// An audience that cannot be decided here, such as one by past events, admits nobody.
fn is_in_audience(project: &Project, audience: Option<&Audience>, context: &UserContext, now: Moment) -> bool {
    let Some(audience) = audience else { return true };
    let segments = project.segment_conditions();
    let facts = Facts { user: &context.user, page: context.page.as_ref(), segments: &segments, now: now.timestamp() };
    audience.test(facts) == Verdict::Yes
}
