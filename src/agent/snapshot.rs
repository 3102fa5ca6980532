//! Everything a turn reads, as it was at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::suggestion::Suggestions;
use crate::domain::condition::{Condition, Facts, Verdict};
use crate::domain::ids::SegmentId;
use crate::domain::locale::Locale;
use crate::domain::project::Project;
use crate::domain::user::UserContext;
use crate::intent::phrases::Phrases;
use crate::knowledge::prompts::Prompts;
use crate::retrieval::index::Index;
use crate::retrieval::search::{Mode, SearchRequest, SearchResult};
use crate::text::language::{self, Language};

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
    /// What is sent to a language model.
    pub(super) prompts: Arc<Prompts>,
    /// What automations are for, to be compared with messages.
    pub(super) suggestions: Suggestions,
    pub(super) segments: BTreeMap<SegmentId, Condition>,
    default_language: Language,
    /// The languages of articles and Custom Answers.
    languages: Vec<Language>,
}

impl KnowledgeSnapshot {
    pub(super) fn new(
        version: u64,
        project: Arc<Project>,
        (index, phrases): (Arc<Index>, Arc<Phrases>),
        suggestions: Suggestions,
        prompts: Arc<Prompts>,
    ) -> Self {
        let segments = project.segment_conditions();
        let default_language = Language::of_locale(&project.settings.default_locale);
        let mut languages: Vec<Language> = index.languages().collect();
        for locale in project.answers.values().filter_map(|answer| answer.locale.as_ref()) {
            let language = Language::of_locale(locale);
            if !languages.contains(&language) {
                languages.push(language);
            }
        }
        Self { version, project, index, phrases, suggestions, prompts, segments, default_language, languages }
    }

    /// What conditions are tested against for one user at one time.
    pub fn facts<'a>(&'a self, context: &'a UserContext, now: Timestamp) -> Facts<'a> {
        Facts { user: &context.user, page: context.page.as_ref(), segments: &self.segments, now }
    }

    /// The passages that answer `query` best, among those that the user may read.
    pub(super) async fn search(
        &self,
        query: &str,
        context: &UserContext,
        now: Timestamp,
        limit: usize,
    ) -> SearchResult {
        let audiences = self.index.allowed(self.facts(context, now));
        let locale = context.user.locale.as_ref();
        let request = SearchRequest { query, locale, audiences: &audiences, mode: Mode::Hybrid, limit };
        self.index.search(request).await
    }

    /// The language that a message was written in, as far as it can be told.
    pub(super) fn language_of(&self, message: &str, user: Option<&Locale>) -> Language {
        language::of_question(message, user, self.default_language, &self.languages)
    }

    /// Whether a user may see what is meant for `audience`: what is not known
    /// about the user does not let them in.
    pub fn admits(audience: Option<&Condition>, facts: Facts<'_>) -> bool {
        audience.is_none_or(|audience| audience.test(facts) == Verdict::Yes)
    }
}
