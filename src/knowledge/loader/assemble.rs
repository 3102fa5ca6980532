//! Puts objects into a project, and tells what changed.

use std::sync::Arc;

use crate::domain::ids::ArticleId;
use crate::domain::project::{Project, Settings};
use crate::knowledge::entry::{Entry, Object};

use super::Changes;

/// The project of these files. Of two objects with one id the first one stays.
pub(super) fn project(settings: Arc<Settings>, entries: &[&Entry]) -> Project {
    let mut project = Project { settings, ..Project::default() };
    for object in entries.iter().filter_map(|entry| entry.object.as_ref()) {
        match object {
            Object::Settings(_) => {}
            Object::Article(article) => {
                project.articles.entry(article.id.clone()).or_insert_with(|| article.clone());
            }
            Object::Answer(answer) => {
                project.answers.entry(answer.id.clone()).or_insert_with(|| answer.clone());
            }
            Object::Post(post) => {
                project.posts.entry(post.id.clone()).or_insert_with(|| post.clone());
            }
            Object::Experience(experience) => {
                project.experiences.entry(experience.id.clone()).or_insert_with(|| experience.clone());
            }
            Object::Automation(automation) => {
                project.automations.entry(automation.id.clone()).or_insert_with(|| automation.clone());
            }
            Object::Segment(segment) => {
                project.segments.entry(segment.id.clone()).or_insert_with(|| segment.clone());
            }
            Object::Trigger(trigger) => {
                project.triggers.entry(trigger.id.clone()).or_insert_with(|| trigger.clone());
            }
        }
    }
    project
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
