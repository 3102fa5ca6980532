//! One file of a project after it was read: its object, mistakes and references.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Place};
use crate::domain::article::Article;
use crate::domain::automation::Automation;
use crate::domain::condition::Condition;
use crate::domain::custom_answer::CustomAnswer;
use crate::domain::experience::{Experience, Status};
use crate::domain::post::Post;
use crate::domain::project::Settings;
use crate::domain::segment::Segment;
use crate::domain::trigger::Trigger;

use super::article::{self, Digest, Setting};
use super::kind::Kind;
use super::reading::Reading;
use super::scope::{FileKind, Scope};
use super::uses::Uses;
use super::{automation, custom_answer, experience, post, segment, settings, trigger};

/// One file after it was read.
#[derive(Debug)]
pub(crate) struct Entry {
    /// What it is.
    pub kind: FileKind,
    /// The identifier of its object, which is known even when the object is faulty.
    pub id: Option<(String, Place)>,
    /// Its object; absent when it cannot be built.
    pub object: Option<Object>,
    /// Mistakes within the file.
    pub diagnostics: Vec<Diagnostic>,
    /// What it refers to.
    pub uses: Uses,
    /// More about an article.
    pub digest: Option<Digest>,
}

/// An object of any kind.
#[derive(Clone, Debug)]
pub(crate) enum Object {
    /// `project.yaml`.
    Settings(Arc<Settings>),
    /// An article.
    Article(Arc<Article>),
    /// A Custom Answer.
    Answer(Arc<CustomAnswer>),
    /// A post.
    Post(Arc<Post>),
    /// An experience.
    Experience(Arc<Experience>),
    /// An automation.
    Automation(Arc<Automation>),
    /// A segment.
    Segment(Arc<Segment>),
    /// A trigger.
    Trigger(Arc<Trigger>),
}

impl Entry {
    /// Reads the text of a file.
    pub(crate) fn read(path: &Arc<str>, kind: FileKind, scope: Scope, articles_url: &str, text: &str) -> Self {
        let mut reading = Reading::new(path.clone(), text);
        let mut digest = None;
        let object = match kind {
            FileKind::Settings => Some(Object::Settings(Arc::new(settings::settings(&mut reading)))),
            FileKind::Object(Kind::Article) => {
                let setting = match scope {
                    Scope::Project => Setting::Project,
                    Scope::PlainFolder => Setting::PlainFolder,
                };
                article::article(article_path(path, scope), articles_url, setting, &mut reading).map(
                    |(article, about)| {
                        digest = Some(about);
                        Object::Article(Arc::new(article))
                    },
                )
            }
            FileKind::Object(Kind::Answer) => {
                custom_answer::custom_answer(&mut reading).map(|answer| Object::Answer(Arc::new(answer)))
            }
            FileKind::Object(Kind::Post) => post::post(&mut reading).map(|post| Object::Post(Arc::new(post))),
            FileKind::Object(Kind::Experience) => {
                experience::experience(&mut reading).map(|experience| Object::Experience(Arc::new(experience)))
            }
            FileKind::Object(Kind::Automation) => {
                automation::automation(&mut reading).map(|automation| Object::Automation(Arc::new(automation)))
            }
            FileKind::Object(Kind::Segment) => {
                segment::segment(&mut reading).map(|segment| Object::Segment(Arc::new(segment)))
            }
            FileKind::Object(Kind::Trigger) => {
                trigger::trigger(&mut reading).map(|trigger| Object::Trigger(Arc::new(trigger)))
            }
        };
        let (id, diagnostics, uses) = reading.finish();
        Self { kind, id, object, diagnostics, uses, digest }
    }

    /// A file that could not be read.
    pub(crate) fn unread(path: &Arc<str>, kind: FileKind, scope: Scope, diagnostic: Diagnostic) -> Self {
        let name = match kind {
            FileKind::Object(Kind::Article) => article_path(path, scope),
            FileKind::Settings | FileKind::Object(_) => {
                let name = path.rsplit('/').next().unwrap_or_default();
                name.rsplit_once('.').map_or(name, |(stem, _)| stem)
            }
        };
        let id = Some((name.to_owned(), Place::file(path.clone())));
        Self { kind, id, object: None, diagnostics: vec![diagnostic], uses: Uses::default(), digest: None }
    }

    /// The kind of its object; none for the settings.
    pub(crate) fn object_kind(&self) -> Option<Kind> {
        match self.kind {
            FileKind::Settings => None,
            FileKind::Object(kind) => Some(kind),
        }
    }

    /// Who its object is for; everyone when absent.
    pub(crate) fn audience(&self) -> Option<&Condition> {
        match self.object.as_ref()? {
            Object::Settings(_) | Object::Segment(_) => None,
            Object::Article(article) => article.audience.as_ref(),
            Object::Answer(answer) => answer.audience.as_ref(),
            Object::Post(post) => post.audience.as_ref(),
            Object::Experience(experience) => experience.audience.as_ref(),
            Object::Automation(automation) => automation.audience.as_ref(),
            Object::Trigger(trigger) => trigger.condition.as_ref(),
        }
    }

    /// The status of its object; what has none is always live.
    pub(crate) fn status(&self) -> Option<Status> {
        match self.object.as_ref()? {
            Object::Settings(_) | Object::Segment(_) | Object::Article(_) | Object::Answer(_) => {
                Some(Status::Published)
            }
            Object::Post(post) => Some(post.status),
            Object::Experience(experience) => Some(experience.status),
            Object::Automation(automation) => Some(automation.status),
            Object::Trigger(trigger) => Some(trigger.status),
        }
    }
}

/// The path of an article as its identifier: without its folder and extension.
fn article_path(path: &str, scope: Scope) -> &str {
    let path = match scope {
        Scope::Project => path.strip_prefix("articles/").unwrap_or(path),
        Scope::PlainFolder => path,
    };
    path.rsplit_once('.').map_or(path, |(stem, _)| stem)
}
