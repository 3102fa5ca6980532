//! Puts objects into a project, and tells what changed.

use std::sync::Arc;

use crate::domain::ids::ArticleId;
use crate::domain::project::{Project, Settings};
use crate::knowledge::entry::{Entry, Object};

use super::Changes;

/// The project of these files. Of two objects with one id the first one stays.
pub(super) fn project(settings: Arc<Settings>, entries: &[(&Arc<str>, &Entry)]) -> Project {
    // Files come in the order of their paths, which is nearly that of the ids, so
    // that the maps are built in one pass; the last of two equal ids is kept.
    let objects = || entries.iter().rev().filter_map(|(_, entry)| entry.object.as_ref());
    macro_rules! objects_by_id {
        ($kind:ident) => {
            objects()
                .filter_map(|object| match object {
                    Object::$kind(object) => Some((object.id.clone(), object.clone())),
                    #[expect(unreachable_patterns, reason = "one of these is the kind above")]
                    Object::Settings(_)
                    | Object::Article(_)
                    | Object::Answer(_)
                    | Object::Post(_)
                    | Object::Experience(_)
                    | Object::Automation(_)
                    | Object::Segment(_)
                    | Object::Trigger(_) => None,
                })
                .collect()
        };
    }
    Project {
        settings,
        articles: objects_by_id!(Article),
        answers: objects_by_id!(Answer),
        experiences: objects_by_id!(Experience),
        posts: objects_by_id!(Post),
        automations: objects_by_id!(Automation),
        segments: objects_by_id!(Segment),
        triggers: objects_by_id!(Trigger),
    }
}

fn article_id(entry: &Entry) -> Option<ArticleId> {
    match entry.object.as_ref()? {
        Object::Article(article) => Some(article.id.clone()),
        Object::Settings(_)
        | Object::Answer(_)
        | Object::Post(_)
        | Object::Experience(_)
        | Object::Automation(_)
        | Object::Segment(_)
        | Object::Trigger(_) => None,
    }
}

impl Changes {
    pub(super) fn note_read(&mut self, entry: &Entry) {
        match article_id(entry) {
            Some(id) => {
                self.articles.insert(id);
            }
            None => self.other = true,
        }
    }

    pub(super) fn note_removed(&mut self, entry: &Entry) {
        match article_id(entry) {
            Some(id) => {
                self.removed_articles.insert(id);
            }
            None => self.other = true,
        }
    }

    /// An article that was removed in one file and stands in another is changed.
    pub(super) fn settle(&mut self, project: &Project) {
        let (kept, gone) =
            std::mem::take(&mut self.removed_articles).into_iter().partition(|id| project.articles.contains_key(id));
        self.removed_articles = gone;
        self.articles.extend::<std::collections::BTreeSet<_>>(kept);
    }
}
