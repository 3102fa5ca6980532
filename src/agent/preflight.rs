//! Checks before an action is offered: its target is live, the user is in its
//! audience, its page rule is met, the client can carry it out.
//!
//! The same checks run again when a client claims the action, since a project
//! can change between the offer and the click. They read what the turn resolved,
//! not the message's attributes, which are gone by then.

mod automation;

use std::sync::Arc;

use url::Url;

use super::trace::{ActionTrace, CheckTrace, target_of};
use super::turn_event::{ActionOrigin, OfferedAction};
use crate::domain::action::availability::{Availability, Context, availability};
use crate::domain::action::{Action, ActionKind, order};
use crate::domain::attribute::{Attributes, Encoding};
use crate::domain::condition::{Condition, Facts, Verdict};
use crate::domain::ids::{ExperienceId, PostId};
use crate::domain::page::{Page, PageRule};
use crate::domain::project::{Policy, Project};

/// What the checks read.
#[derive(Clone, Copy)]
pub(super) struct Preflight<'a> {
    /// The project, as one turn sees it.
    pub(super) project: &'a Project,
    /// What conditions are tested against.
    pub(super) facts: Facts<'a>,
    /// Attributes for addresses.
    pub(super) attributes: &'a Attributes,
    /// The kinds of action that the client can carry out.
    pub(super) capabilities: &'a [ActionKind],
}

impl Preflight<'_> {
    /// Checks a list of actions and brings those that pass into nominal order.
    ///
    /// In a list with a navigation, a page rule is tested against the page it
    /// leads to: the launch happens on arrival.
    pub(super) fn check_list(
        &self,
        actions: &[Action],
        origin: ActionOrigin,
    ) -> (Vec<OfferedAction>, Vec<ActionTrace>) {
        let mut ordered = actions.to_vec();
        order::sort(&mut ordered, false);
        let destination = self.destination(&ordered).map(Arc::new);
        let mut offered = Vec::new();
        let mut traces = Vec::new();
        for action in ordered {
            let mut checks = Vec::new();
            let resolved_url = self.resolved_url(&action);
            let passes = self.check(&action, destination.as_deref(), resolved_url.as_ref(), &mut checks);
            traces.push(ActionTrace {
                action: action.kind().name(),
                target: target_of(&action),
                offered: passes,
                checks,
            });
            if passes {
                offered.push(OfferedAction {
                    label: self.label(&action, resolved_url.as_ref()),
                    resolved_url: resolved_url.and_then(Result::ok),
                    arrives_at: destination.clone(),
                    order: u32::try_from(offered.len()).unwrap_or(u32::MAX),
                    action,
                    origin,
                    language: None,
                    instead: None,
                });
            }
        }
        (offered, traces)
    }

    /// Checks one action again, as at its claim.
    ///
    /// # Errors
    /// The check that failed.
    pub(super) fn recheck(&self, offered: &OfferedAction) -> Result<(), CheckTrace> {
        let mut checks = Vec::new();
        let resolved_url = offered.resolved_url.clone().map(Ok);
        if self.check(&offered.action, offered.arrives_at.as_deref(), resolved_url.as_ref(), &mut checks) {
            Ok(())
        } else {
            Err(checks.pop().unwrap_or_else(|| CheckTrace::failed("unknown", "")))
        }
    }

    /// Runs the checks in order until one fails.
    fn check(
        &self,
        action: &Action,
        destination: Option<&Page>,
        resolved_url: Option<&Result<String, String>>,
        checks: &mut Vec<CheckTrace>,
    ) -> bool {
        let mut note = |check: CheckTrace| {
            let passed = check.passed;
            checks.push(check);
            passed
        };
        note(self.policy(action.kind()))
            && note(self.capability(action.kind()))
            && match action {
                Action::LaunchExperience(id) => match self.project.experiences.get(id) {
                    None => note(CheckTrace::failed("exists", format!("there is no experience `{id}`"))),
                    Some(experience) => {
                        note(self.live(experience.status.is_live(experience.schedule, self.facts.now), id.as_str()))
                            && note(self.audience(experience.audience.as_ref()))
                            && note(self.page(experience.pages.as_ref(), destination))
                    }
                },
                Action::OpenPost(id) => match self.project.posts.get(id) {
                    None => note(CheckTrace::failed("exists", format!("there is no post `{id}`"))),
                    Some(post) => {
                        note(self.live(post.status.is_live(post.schedule, self.facts.now), id.as_str()))
                            && note(self.audience(post.audience.as_ref()))
                    }
                },
                Action::Navigate(_) => note(match resolved_url {
                    Some(Ok(url)) => self.address(url),
                    Some(Err(missing)) => CheckTrace::failed("url", missing.clone()),
                    None => CheckTrace::failed("url", "the action has no address"),
                }),
                Action::RunAutomation(run) => self.automation(run).into_iter().all(note),
                Action::AutomationStep(step) => self.automation_step(step).into_iter().all(note),
                Action::LaunchAgent(_)
                | Action::GoToStep(_)
                | Action::Dismiss
                | Action::Snooze(_)
                | Action::RunJs(_)
                | Action::BookInterview(_) => {
                    note(CheckTrace::failed("context", format!("`{}` is not available to the agent", action.kind())))
                }
            }
    }

    fn policy(&self, kind: ActionKind) -> CheckTrace {
        // What holds for an automation holds for its steps.
        let kind = if kind == ActionKind::AutomationStep { ActionKind::RunAutomation } else { kind };
        if availability(kind, Context::Agent) != Availability::Offered {
            return CheckTrace::failed("context", format!("`{kind}` is not available to the agent"));
        }
        match self.project.settings.action_policy.get(&kind) {
            Some(Policy::Deny) => CheckTrace::failed("policy", "denied by `action_policy` in project.yaml"),
            Some(Policy::Allow | Policy::Offer) | None => CheckTrace::passed("policy", "may be offered"),
        }
    }

    fn address(&self, url: &str) -> CheckTrace {
        match self.project.settings.check_navigation(url) {
            Ok(()) => CheckTrace::passed("url", "relative, or on an allowed host"),
            Err(refusal) => CheckTrace::failed("url", refusal.to_string()),
        }
    }

    fn capability(&self, kind: ActionKind) -> CheckTrace {
        if self.capabilities.contains(&kind) {
            CheckTrace::passed("capability", "the client can carry it out")
        } else {
            CheckTrace::failed("capability", format!("the client did not declare `{kind}`"))
        }
    }

    fn live(&self, live: bool, id: &str) -> CheckTrace {
        if live {
            CheckTrace::passed("published", "published and within its schedule")
        } else {
            CheckTrace::failed("published", format!("`{id}` is not published now"))
        }
    }

    fn audience(&self, audience: Option<&Condition>) -> CheckTrace {
        let Some(audience) = audience else { return CheckTrace::passed("audience", "for everyone") };
        match audience.test(self.facts) {
            Verdict::Yes => CheckTrace::passed("audience", "the user is in it"),
            Verdict::No => CheckTrace::failed("audience", "the user is not in it"),
            Verdict::Unknown => {
                CheckTrace::failed("audience", "it asks about past events or states, which are not recorded yet")
            }
        }
    }

    fn page(&self, rule: Option<&PageRule>, destination: Option<&Page>) -> CheckTrace {
        let Some(rule) = rule else { return CheckTrace::passed("page", "on every page") };
        match destination.or(self.facts.page) {
            None => CheckTrace::passed("page", "the client did not tell its page and checks the rule itself"),
            Some(page) if rule.matches(&page.url) => CheckTrace::passed("page", "the page rule is met"),
            Some(page) => CheckTrace::failed("page", format!("the page rule does not admit {}", page.url.path())),
        }
    }

    /// The address of a navigation with its attributes, or which ones are missing.
    fn resolved_url(&self, action: &Action) -> Option<Result<String, String>> {
        let Action::Navigate(navigate) = action else { return None };
        let resolved = navigate.url.resolve(Encoding::Url, |name| self.attributes.get(name));
        let missing: Vec<_> = resolved
            .missing
            .into_iter()
            .filter(|name| navigate.url.placeholders().any(|p| p.name == *name && p.fallback.is_none()))
            .collect();
        Some(if missing.is_empty() { Ok(resolved.text) } else { Err(format!("no value for {}", missing.join(", "))) })
    }

    /// The page that a list of actions leads to.
    fn destination(&self, actions: &[Action]) -> Option<Page> {
        let url = actions.iter().find_map(|action| self.resolved_url(action))?.ok()?;
        let url = match self.facts.page {
            Some(page) => page.url.join(&url).ok()?,
            None => Url::parse("https://page.invalid/").ok()?.join(&url).ok()?,
        };
        Some(Page { url, title: None })
    }

    /// The title of the article at `url` when the user may read it, else the address itself.
    fn page_name(&self, url: &str) -> String {
        let page = url.split('#').next().unwrap_or(url);
        let may_read = |audience: Option<&Condition>| self.audience(audience).passed;
        let mut articles = self.project.articles.values();
        let article = articles.find(|article| article.url == page && may_read(article.audience.as_ref()));
        article.map_or_else(|| url.to_owned(), |article| article.title.clone())
    }

    fn label(&self, action: &Action, resolved_url: Option<&Result<String, String>>) -> String {
        let experience = |id: &ExperienceId| self.project.experiences.get(id).map(|e| e.name.clone());
        let post = |id: &PostId| self.project.posts.get(id).map(|p| p.title.clone());
        match action {
            Action::LaunchExperience(id) => experience(id),
            Action::OpenPost(id) => post(id),
            Action::RunAutomation(run) => self.project.automations.get(&run.automation).map(|a| a.name.clone()),
            Action::Navigate(_) => resolved_url.and_then(|url| url.as_ref().ok()).map(|url| self.page_name(url)),
            Action::LaunchAgent(_)
            | Action::GoToStep(_)
            | Action::Dismiss
            | Action::Snooze(_)
            | Action::RunJs(_)
            | Action::BookInterview(_)
            | Action::AutomationStep(_) => None,
        }
        .unwrap_or_else(|| target_of(action))
    }
}
