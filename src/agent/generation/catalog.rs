//! What a model may offer in this turn: only what exists, what this user may have
//! here and now, and what the client can carry out.

use std::sync::Arc;

use crate::agent::preflight::Preflight;
use crate::agent::reply;
use crate::agent::snapshot::KnowledgeSnapshot;
use crate::agent::turn_event::{ActionOrigin, OfferedAction};
use crate::domain::action::{Action, ActionKind, Navigate, OpenIn, RunAutomation};
use crate::domain::attribute::Template;
use crate::domain::automation::argument::Argument;
use crate::domain::automation::{Arguments, Automation};
use crate::domain::experience::Experience;
use crate::retrieval::passage::Passage;
use crate::text::analysis::Analyzer;
use crate::text::language::Language;

/// Targets of one kind that a model is told of.
const MOST_TARGETS: usize = 20;

/// Something that may be offered.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// What the model calls it: an identifier, or an address of the catalog.
    pub(super) name: String,
    /// What the model is told of it.
    pub(super) about: String,
    /// The checked action.
    pub(super) offered: OfferedAction,
    /// What it can be told; automations alone have any.
    pub(super) arguments: Vec<Argument>,
}

/// What may be offered, by kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Catalog {
    targets: Vec<Target>,
}

impl Catalog {
    /// What may be offered to the user of `preflight` who asks `message`, of whom
    /// the passages are shown.
    pub(super) fn of(
        snapshot: &KnowledgeSnapshot,
        preflight: &Preflight<'_>,
        message: &str,
        language: Language,
        passages: &[Arc<Passage>],
    ) -> Self {
        let project = &snapshot.project;
        let mut candidates: Vec<(String, String, Action)> = Vec::new();
        for (id, experience) in &project.experiences {
            candidates.push((id.to_string(), about_experience(experience), Action::LaunchExperience(id.clone())));
        }
        for (id, post) in &project.posts {
            candidates.push((id.to_string(), post.title.clone(), Action::OpenPost(id.clone())));
        }
        for (id, automation) in project.automations.iter().filter(|(_, automation)| automation.agent.active) {
            let run = RunAutomation { automation: id.clone(), arguments: Arguments::new() };
            candidates.push((id.to_string(), about_automation(automation), Action::RunAutomation(run)));
        }
        for passage in passages {
            let article = &passage.article;
            if let Some(url) = reply::address(article, &article.url, project) {
                let navigate = Navigate { url: Template::literal(url), open_in: OpenIn::SameTab };
                candidates.push((url.to_owned(), article.title.clone(), Action::Navigate(navigate)));
            }
        }
        for answer in project.answers.values() {
            let is_for_user = KnowledgeSnapshot::admits(answer.audience.as_ref(), preflight.facts);
            for action in answer.actions.iter().filter(|_| is_for_user) {
                if let Action::Navigate(navigate) = action
                    && navigate.url.placeholders().next().is_none()
                {
                    let about = answer.phrases.first().cloned().unwrap_or_default();
                    candidates.push((navigate.url.source().to_owned(), about, action.clone()));
                }
            }
        }
        let words = Words::of(message, language);
        candidates.sort_by_cached_key(|(_, about, _)| std::cmp::Reverse(words.shared_with(about)));
        let mut catalog = Self::default();
        for (name, about, action) in candidates {
            if catalog.of_kind(action.kind()).count() < MOST_TARGETS && catalog.find(action.kind(), &name).is_none() {
                let (mut offered, _) = preflight.check_list(&[action], ActionOrigin::Agent);
                catalog.targets.extend(offered.pop().map(|offered| {
                    let automation = match &offered.action {
                        Action::RunAutomation(run) => project.automations.get(&run.automation),
                        _ => None,
                    };
                    let arguments = automation.map(|automation| automation.arguments.clone()).unwrap_or_default();
                    Target { name, about, offered, arguments }
                }));
            }
        }
        catalog
    }

    /// The targets of one kind, those first that are closest to the message.
    pub(super) fn of_kind(&self, kind: ActionKind) -> impl Iterator<Item = &Target> {
        self.targets.iter().filter(move |target| target.offered.action.kind() == kind)
    }

    /// The target of a name.
    pub(super) fn find(&self, kind: ActionKind, name: &str) -> Option<&Target> {
        self.of_kind(kind).find(|target| target.name == name)
    }
}

fn about_experience(experience: &Experience) -> String {
    format!("{} ({})", experience.name, experience.kind().name())
}

fn about_automation(automation: &Automation) -> String {
    let arguments: Vec<&str> = automation.arguments.iter().map(|argument| argument.name.as_str()).collect();
    let told = if arguments.is_empty() { String::new() } else { format!(" (arguments: {})", arguments.join(", ")) };
    format!("{}: when {}{told}", automation.name, automation.agent.instructions)
}

/// The words of a message that say what it is about.
struct Words {
    analyzer: Analyzer,
    terms: Vec<String>,
}

impl Words {
    fn of(message: &str, language: Language) -> Self {
        let analyzer = Analyzer::of(language);
        let terms = analyzer.terms(message).into_iter().filter(|term| !term.stopword).map(|term| term.text).collect();
        Self { analyzer, terms }
    }

    fn shared_with(&self, text: &str) -> usize {
        let mut shared = 0;
        self.analyzer.visit(text, |term| shared += usize::from(self.terms.iter().any(|known| known == term.text)));
        shared
    }
}
