//! Everything a turn reads, as it was at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::condition::{Condition, Facts, Verdict};
use crate::domain::ids::SegmentId;
use crate::domain::project::Project;
use crate::domain::user::UserContext;
use crate::intent::phrases::Phrases;
use crate::retrieval::index::Index;
use crate::text::language::Language;

/// One version of the knowledge. It never changes; a reload makes another one.
pub struct KnowledgeSnapshot {
    /// Counts the versions since the start, from 1.
    pub version: u64,
    /// What the authors wrote.
    pub project: Arc<Project>,
    /// The passages of the articles, to be searched.
    pub index: Arc<Index>,
    /// The phrases of the Custom Answers, to be matched.
    pub phrases: Arc<Phrases>,
    pub(super) segments: BTreeMap<SegmentId, Condition>,
    pub(super) default_language: Language,
}

impl KnowledgeSnapshot {
    pub(super) fn new(version: u64, project: Arc<Project>, index: Arc<Index>, phrases: Arc<Phrases>) -> Self {
        let segments = project.segment_conditions();
        let default_language = Language::of_locale(&project.settings.default_locale);
        Self { version, project, index, phrases, segments, default_language }
    }

    /// What conditions are tested against for one user at one time.
    pub fn facts<'a>(&'a self, context: &'a UserContext, now: Timestamp) -> Facts<'a> {
        Facts { user: &context.user, page: context.page.as_ref(), segments: &self.segments, now }
    }

    /// Whether a user may see what is meant for `audience`: what is not known
    /// about the user does not let them in.
    pub fn admits(audience: Option<&Condition>, facts: Facts<'_>) -> bool {
        audience.is_none_or(|audience| audience.test(facts) == Verdict::Yes)
    }
}
