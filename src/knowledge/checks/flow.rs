//! How the steps of a flow lead to each other.

use crate::diagnostic::Diagnostic;
use crate::domain::action::{Action, StepTarget};
use crate::domain::experience::{ExperienceKind, Step};
use crate::knowledge::experience::StepPlaces;
use crate::knowledge::reading::Reading;

/// Checks the steps of one flow, each with its places: steps that do not exist,
/// steps that nothing leads to, and steps that lead nowhere.
pub(crate) fn check(kind: ExperienceKind, steps: &[Step], places: &[StepPlaces], reading: &mut Reading<'_>) {
    let all_known = unknown_steps(steps, places, reading);
    // Hints stand side by side; and where a way leads nowhere, the others are in doubt.
    if kind == ExperienceKind::Hint || steps.is_empty() || !all_known {
        return;
    }
    let ways: Vec<Ways> = (0..steps.len()).map(|index| ways(kind, steps, index)).collect();
    let mut reached = vec![false; steps.len()];
    let mut open = vec![0];
    while let Some(index) = open.pop() {
        if !std::mem::replace(&mut reached[index], true) {
            open.extend(ways[index].to.iter().copied());
        }
    }
    for (index, step) in steps.iter().enumerate() {
        let last = index + 1 == steps.len();
        let dead_end = ways[index].to.is_empty() && !ways[index].ends;
        if dead_end && !last {
            let message = format!("nothing leads on from the step `{}`", step.id);
            let hint = "give it a button or a progress trigger with `{go_to_step: next}`";
            reading.warning("dead-end", places[index].step, message, hint);
        }
        // After a dead end the reason is reported already.
        let after_dead_end = index > 0 && ways[index - 1].to.is_empty() && !ways[index - 1].ends;
        if !reached[index] && !after_dead_end {
            let message = format!("nothing leads to the step `{}`", step.id);
            let hint = format!("write `{{go_to_step: {}}}` in a step that is shown, or remove the step", step.id);
            reading.warning("unreachable-step", places[index].step, message, hint);
        }
    }
}

/// Where a step can lead.
#[derive(Debug, Default)]
struct Ways {
    /// To these steps.
    to: Vec<usize>,
    /// To the end of the experience.
    ends: bool,
}

impl Ways {
    fn follow(&mut self, target: &StepTarget, steps: &[Step], index: usize) {
        match target {
            StepTarget::Next if index + 1 < steps.len() => self.to.push(index + 1),
            StepTarget::Next | StepTarget::Complete => self.ends = true,
            // It leads to a step that was reached before.
            StepTarget::Previous => {}
            StepTarget::Step(id) => self.to.extend(steps.iter().position(|step| step.id == *id)),
        }
    }
}

fn ways(kind: ExperienceKind, steps: &[Step], index: usize) -> Ways {
    let step = &steps[index];
    let mut ways = Ways::default();
    if kind == ExperienceKind::Survey {
        ways.follow(&step.otherwise, steps, index);
    }
    let lists = step
        .buttons
        .iter()
        .map(|button| &button.actions)
        .chain(step.progress.iter().map(|trigger| &trigger.then))
        .chain(step.conditions.iter().map(|condition| &condition.then));
    for action in lists.flatten() {
        match action {
            Action::GoToStep(target) => ways.follow(target, steps, index),
            Action::Dismiss | Action::LaunchExperience(_) | Action::Navigate(_) | Action::BookInterview(_) => {
                ways.ends = true;
            }
            Action::LaunchAgent(_)
            | Action::OpenPost(_)
            | Action::Snooze(_)
            | Action::RunJs(_)
            | Action::RunAutomation(_)
            | Action::AutomationStep(_) => {}
        }
    }
    ways
}

/// Reports steps that do not exist; `true` when there are none.
fn unknown_steps(steps: &[Step], places: &[StepPlaces], reading: &mut Reading<'_>) -> bool {
    let known = |id: &str| steps.iter().any(|step| step.id.as_str() == id);
    let mut unknown = Vec::new();
    for (action, place) in reading.uses.sites.iter().flat_map(|site| &site.actions) {
        if let Action::GoToStep(StepTarget::Step(id)) = action
            && !known(id.as_str())
        {
            unknown.push((id.to_string(), place.clone()));
        }
    }
    for (step, places) in steps.iter().zip(places) {
        if let (StepTarget::Step(id), Some(position)) = (&step.otherwise, places.otherwise)
            && !known(id.as_str())
        {
            unknown.push((id.to_string(), reading.place(position)));
        }
    }
    let all_known = unknown.is_empty();
    for (id, place) in unknown {
        let diagnostic = Diagnostic::error("unknown-step", place, format!("unknown step `{id}`"));
        let names = steps.iter().map(|step| step.id.as_str()).chain(["next", "previous", "complete"]);
        reading.report(diagnostic.suggest(&id, names));
    }
    all_known
}
