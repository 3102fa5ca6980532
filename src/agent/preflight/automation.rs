//! What is checked of an automation before it is offered, and of each of its steps
//! before a tab may carry it out.

use super::Preflight;
use crate::agent::trace::CheckTrace;
use crate::domain::action::{ActionKind, RunAutomation};
use crate::domain::automation::plan;
use crate::domain::automation::{Automation, AutomationStep, Deed, StepInRun};
use crate::domain::experience::Schedule;
use crate::domain::ids::{AutomationId, ExperienceId, HandlerName};

impl Preflight<'_> {
    /// Everything about an automation but its policy, with those inside it.
    pub(super) fn automation(&self, run: &RunAutomation) -> Vec<CheckTrace> {
        let (automation, all) = match self.with_inner(&run.automation) {
            Ok(found) => found,
            Err(missing) => return vec![missing],
        };
        let mut checks = vec![self.capability(ActionKind::AutomationStep), active(automation)];
        for one in &all {
            checks.extend(self.usable(one));
            checks.extend(one.steps.iter().flat_map(|step| match step {
                AutomationStep::LaunchExperience(id) => self.shown(id, false),
                AutomationStep::Handler { name, .. } => vec![self.callable(name)],
                AutomationStep::Navigate(_)
                | AutomationStep::Click(_)
                | AutomationStep::Fill { .. }
                | AutomationStep::WaitFor { .. }
                | AutomationStep::Run(_) => Vec::new(),
            }));
        }
        let needed = plan::needed(automation, self.project).unwrap_or_default();
        checks.push(match plan::accepted(&run.arguments, &needed) {
            Ok(_) => CheckTrace::passed("arguments", "the known ones are values of theirs"),
            Err(invalid) => CheckTrace::failed("arguments", invalid.to_string()),
        });
        checks
    }

    /// Everything about a step but the policy of its automation.
    pub(super) fn automation_step(&self, step: &StepInRun) -> Vec<CheckTrace> {
        let (automation, all) = match self.with_inner(&step.automation) {
            Ok(found) => found,
            Err(missing) => return vec![missing],
        };
        let mut checks = vec![active(automation)];
        checks.extend(all.iter().flat_map(|one| self.usable(one)));
        match &step.deed {
            Deed::Navigate(url) => checks.push(self.address(url)),
            Deed::LaunchExperience(id) => checks.extend(self.shown(id, true)),
            Deed::Call { handler, .. } => checks.push(self.callable(handler)),
            Deed::Click(_) | Deed::Fill { .. } | Deed::WaitFor(_) => {}
        }
        checks
    }

    fn with_inner(&self, id: &AutomationId) -> Result<(&Automation, Vec<&Automation>), CheckTrace> {
        let found = self.project.automations.get(id);
        let automation = found.ok_or_else(|| CheckTrace::failed("exists", format!("there is no automation `{id}`")))?;
        match plan::with_inner(automation, self.project) {
            Ok(all) => Ok((automation, all)),
            Err(fault) => Err(CheckTrace::failed("exists", fault.to_string())),
        }
    }

    fn usable(&self, automation: &Automation) -> [CheckTrace; 2] {
        let is_live = automation.status.is_live(Schedule::default(), self.facts.now);
        [self.live(is_live, automation.id.as_str()), self.audience(automation.audience.as_ref())]
    }

    /// An experience that a step starts; on which page, only the step itself knows.
    fn shown(&self, id: &ExperienceId, is_there: bool) -> Vec<CheckTrace> {
        let Some(experience) = self.project.experiences.get(id) else {
            return vec![CheckTrace::failed("exists", format!("there is no experience `{id}`"))];
        };
        let mut checks = vec![
            self.live(experience.status.is_live(experience.schedule, self.facts.now), id.as_str()),
            self.audience(experience.audience.as_ref()),
        ];
        checks.extend(is_there.then(|| self.page(experience.pages.as_ref(), None)));
        checks
    }

    fn callable(&self, handler: &HandlerName) -> CheckTrace {
        if self.project.settings.run_js.as_ref().is_some_and(|handlers| handlers.contains(handler)) {
            CheckTrace::passed("handler", "listed under `run_js.handlers`")
        } else {
            CheckTrace::failed("handler", format!("the function `{handler}` may not be called"))
        }
    }
}

fn active(automation: &Automation) -> CheckTrace {
    if automation.agent.active {
        CheckTrace::passed("active", "the agent may offer it")
    } else {
        CheckTrace::failed("active", format!("`{}` has `agent.active: false`", automation.id))
    }
}
