//! Lists of actions: what may stand where, and what together.

use crate::diagnostic::Diagnostic;
use crate::domain::action::availability::{Availability, Context, availability, contexts_of};
use crate::domain::action::combination::{COMFORTABLE_LENGTH, Strictness, admits, first_conflict};
use crate::domain::action::{Action, ActionKind, StepTarget};
use crate::domain::experience::ExperienceKind;
use crate::knowledge::uses::ActionSite;

use super::Across;

/// Reports what the tables of availability and combination forbid.
pub(super) fn check(across: &mut Across<'_>) {
    for (_, entry) in across.entries {
        for site in &entry.uses.sites {
            steps_of(across, site);
            if availability_of(across, site) {
                combination_of(across, site);
                habits_of(across, site);
            }
        }
    }
}

/// Reports actions that may not stand there; `true` when all may.
fn availability_of(across: &mut Across<'_>, site: &ActionSite) -> bool {
    let before = across.diagnostics.len();
    // That this kind has no closing cross at all is reported where it is read.
    let crossless = site.inside.is_some_and(|inside| !inside.kind.has_cross());
    if site.context == Context::ClosingCross && crossless {
        return false;
    }
    for (action, place) in &site.actions {
        let kind = action.kind();
        match availability(kind, site.context) {
            Availability::Yes | Availability::Default | Availability::Enabled | Availability::Offered => {}
            Availability::FirstStep => {
                let message = match site.inside {
                    Some(inside) if !inside.kind.can_snooze() => {
                        format!("a {} cannot be snoozed", inside.kind.name())
                    }
                    Some(inside) if !inside.first_step => "only the first step can be snoozed".to_owned(),
                    Some(_) | None => continue,
                };
                let hint = "`snooze` is for the first step of a tour, a survey or a banner";
                across.report(Diagnostic::error("snooze", place.clone(), message).hint(hint));
            }
            Availability::No | Availability::Fixed | Availability::Itself => {
                let message = format!("`{kind}` is not allowed in {}", shown(site.context));
                let contexts: Vec<String> = contexts_of(kind).map(shown).collect();
                let hint = format!("it is allowed in {}", contexts.join(", "));
                across.report(Diagnostic::error("forbidden-action", place.clone(), message).hint(hint));
            }
        }
    }
    across.diagnostics.len() == before
}

/// A context as an author sees it: what the agent offers stands in a Custom Answer.
fn shown(context: Context) -> String {
    match context {
        Context::Agent => "a Custom Answer".to_owned(),
        Context::CtaButton
        | Context::ProgressTrigger
        | Context::SurveyCondition
        | Context::ClosingCross
        | Context::PostCta
        | Context::ResourceCenterBlock
        | Context::ChecklistTask => context.to_string(),
    }
}

fn steps_of(across: &mut Across<'_>, site: &ActionSite) {
    let Some(inside) = site.inside else { return };
    for (action, place) in &site.actions {
        let Action::GoToStep(target) = action else { continue };
        let stepless = match inside.kind {
            ExperienceKind::Banner | ExperienceKind::Checklist | ExperienceKind::ResourceCenter => Some("has no steps"),
            ExperienceKind::Hint => Some("shows all its steps at once"),
            ExperienceKind::Tour | ExperienceKind::Modal | ExperienceKind::Survey => None,
        };
        match (stepless, target) {
            (Some(_), StepTarget::Complete) | (None, StepTarget::Next | StepTarget::Complete | StepTarget::Step(_)) => {
            }
            (Some(reason), StepTarget::Next | StepTarget::Previous | StepTarget::Step(_)) => {
                let message = format!("a {} {reason}", inside.kind.name());
                let hint = "only `{go_to_step: complete}` has a meaning here";
                across.report(Diagnostic::error("no-steps-here", place.clone(), message).hint(hint));
            }
            (None, StepTarget::Previous) if site.context != Context::CtaButton => {
                let message = format!("`go_to_step: previous` is not allowed in {}", shown(site.context));
                let hint = "it is for buttons; name the step by its id";
                across.report(Diagnostic::error("previous-step", place.clone(), message).hint(hint));
            }
            (None, StepTarget::Previous) => {}
        }
    }
}

fn combination_of(across: &mut Across<'_>, site: &ActionSite) {
    let kinds: Vec<ActionKind> = site.actions.iter().map(|(action, _)| action.kind()).collect();
    let strictness = across.settings.combination;
    let Some((earlier, later)) = first_conflict(&kinds, strictness) else { return };
    let (first, second) = (kinds[earlier], kinds[later]);
    let place = site.actions[later].1.clone();
    let (message, hint) = if first == second {
        (format!("`{first}` stands twice in one list"), "keep one of them")
    } else if [first, second].contains(&ActionKind::RunAutomation) {
        (format!("`{first}` cannot stand together with `{second}`"), "`run_automation` stands alone in its list")
    } else if strictness == Strictness::Order && admits(second, first) {
        let message = format!("with `strict_order` on, `{second}` cannot be added after `{first}`");
        (message, "write the two in the other order")
    } else {
        (format!("`{first}` cannot stand together with `{second}`"), "keep one of them")
    };
    across.report(Diagnostic::error("forbidden-combination", place, message).hint(hint));
}

fn habits_of(across: &mut Across<'_>, site: &ActionSite) {
    let place_of =
        |kind: ActionKind| site.actions.iter().find(|(action, _)| action.kind() == kind).map(|(_, place)| place);
    if site.actions.len() > COMFORTABLE_LENGTH {
        let message = format!("{} actions start at once here", site.actions.len());
        let hint = format!("more than {COMFORTABLE_LENGTH} are hard to follow for a user");
        across.report(Diagnostic::warning("many-actions", site.place.clone(), message).hint(hint));
    }
    if let (Some(_), Some(place), false) =
        (place_of(ActionKind::LaunchExperience), place_of(ActionKind::RunJs), site.js_first)
    {
        let message = "`run_js` starts after `launch_experience`, whatever their order in the list";
        let hint = match site.context {
            Context::CtaButton | Context::PostCta => "write `js_first: true` on the button if it must go first",
            Context::ProgressTrigger
            | Context::SurveyCondition
            | Context::ClosingCross
            | Context::ResourceCenterBlock
            | Context::ChecklistTask
            | Context::Agent => "put them on a button with `js_first: true` if it must go first",
        };
        across.report(Diagnostic::warning("js-order", place.clone(), message).hint(hint));
    }
    if let (Some(place), Some(_)) = (place_of(ActionKind::Dismiss), place_of(ActionKind::GoToStep)) {
        let message = "`dismiss` beside `go_to_step` closes what the step is shown in";
        across.report(Diagnostic::warning("pointless", place.clone(), message).hint("remove one of them"));
    }
}
