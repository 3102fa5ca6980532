//! What an action's failure needs, made ready with its offer: a language to speak of it
//! in, and an article that serves the same question.

use super::reply::{self, Reply};
use super::snapshot::KnowledgeSnapshot;
use super::turn_event::OfferedAction;
use super::turn_request::TurnRequest;
use crate::domain::action::Action;
use crate::domain::conversation::AnswerKind;
use crate::domain::locale::Locale;
use crate::retrieval::confidence::ANSWER_THRESHOLD;
use crate::retrieval::search::{Mode, SearchRequest};

/// Passages that are looked at.
const PASSAGES: usize = 4;

/// Completes the actions of a reply. An answer from articles links to them itself; where
/// a page is gone to, the page is the article.
pub(super) async fn prepare(snapshot: &KnowledgeSnapshot, request: &TurnRequest, reply: &mut Reply) {
    let is_on_page = |offered: &OfferedAction| {
        matches!(offered.action, Action::LaunchExperience(_) | Action::OpenPost(_) | Action::RunAutomation(_))
    };
    let mut instead = None;
    if reply.kind == AnswerKind::CustomAnswer && reply.actions.iter().any(is_on_page) {
        let audiences = snapshot.index.allowed(snapshot.facts(&request.context, request.now));
        let search = SearchRequest {
            query: &request.message,
            locale: request.context.user.locale.as_ref(),
            audiences: &audiences,
            mode: Mode::Hybrid,
            limit: PASSAGES,
        };
        let found = snapshot.index.search(search).await;
        if found.confidence >= ANSWER_THRESHOLD {
            instead = reply::nearest(&found, &snapshot.project);
        }
    }
    let language = Locale::new(snapshot.language_of(&request.message, request.context.user.locale.as_ref()).as_str());
    for offered in &mut reply.actions {
        offered.language.clone_from(&language);
        if is_on_page(offered) {
            offered.instead.clone_from(&instead);
        }
    }
}
