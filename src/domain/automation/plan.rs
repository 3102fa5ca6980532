//! From an automation to the steps of one run: what must be told first, and then
//! every step with its values in their places.
//!
//! Automations inside an automation become part of its plan. Each has arguments of
//! its own; one that the outer automation was told under the same name is passed on.

use std::collections::BTreeMap;
use std::time::Duration;

use super::argument::{Argument, InvalidArgument};
use super::{Arguments, Automation, AutomationStep, Deed, MAX_AUTOMATION_DEPTH};
use crate::domain::action::Navigate;
use crate::domain::attribute::{Attributes, Encoding, Template};
use crate::domain::ids::{AutomationId, HandlerName};
use crate::domain::project::{NavigationRefusal, Project};
use crate::domain::value::Value;

/// Most steps of one run.
pub const MAX_STEPS: usize = 100;

/// How long a step may take that says nothing else.
pub const STEP_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a step may take that loads a page.
pub const PAGE_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest time that a step may wait for an element.
pub const MAX_WAIT: Duration = Duration::from_secs(300);

/// Most bytes of the texts of a plan.
const MAX_PLAN_BYTES: usize = 64 * 1024;

/// Why an automation cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanFault {
    /// An automation inside it is gone.
    #[error("there is no automation `{0}`")]
    Unknown(AutomationId),
    /// Automations run each other too deep, or in a circle.
    #[error("automations run each other more than {MAX_AUTOMATION_DEPTH} levels deep")]
    TooDeep,
    /// More steps than [`MAX_STEPS`].
    #[error("a run has at most {MAX_STEPS} steps")]
    TooLong,
    /// Its texts are too long together.
    #[error("the steps of a run have at most {MAX_PLAN_BYTES} bytes")]
    TooBig,
    /// Nothing stands where a template needs a value.
    #[error("no value for `{0}`")]
    NoValue(String),
    /// An address may not be gone to.
    #[error(transparent)]
    Address(#[from] NavigationRefusal),
    /// A function of the page may not be called.
    #[error("the function `{0}` may not be called")]
    Handler(HandlerName),
    /// A value is not one of its argument.
    #[error(transparent)]
    Argument(#[from] InvalidArgument),
}

/// An argument of an automation or of one inside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Needed<'p> {
    /// The name under which its value is kept: its own, or with that of the inner
    /// automation before it.
    pub key: String,
    /// The argument.
    pub argument: &'p Argument,
}

/// Everything that a run must be told, in the order of the steps.
///
/// # Errors
/// When an automation inside is gone or too deep.
pub fn needed<'p>(automation: &'p Automation, project: &'p Project) -> Result<Vec<Needed<'p>>, PlanFault> {
    let mut needed = Vec::new();
    for one in with_inner(automation, project)? {
        for argument in &one.arguments {
            let key = key_of(automation, one, argument);
            if needed.iter().all(|known: &Needed<'_>| known.key != key) {
                needed.push(Needed { key, argument });
            }
        }
    }
    Ok(needed)
}

/// The automation and all those that it runs, in the order of the steps.
///
/// # Errors
/// When one of them is gone or too deep.
pub fn with_inner<'p>(automation: &'p Automation, project: &'p Project) -> Result<Vec<&'p Automation>, PlanFault> {
    let mut all = Vec::new();
    gather(automation, project, 1, &mut all)?;
    Ok(all)
}

fn gather<'p>(
    automation: &'p Automation,
    project: &'p Project,
    depth: usize,
    all: &mut Vec<&'p Automation>,
) -> Result<(), PlanFault> {
    if depth > MAX_AUTOMATION_DEPTH {
        return Err(PlanFault::TooDeep);
    }
    if all.len() >= MAX_STEPS {
        return Err(PlanFault::TooLong);
    }
    all.push(automation);
    for step in &automation.steps {
        if let AutomationStep::Run(id) = step {
            let inner = project.automations.get(id).ok_or_else(|| PlanFault::Unknown(id.clone()))?;
            gather(inner, project, depth + 1, all)?;
        }
    }
    Ok(())
}

fn key_of(outer: &Automation, one: &Automation, argument: &Argument) -> String {
    if one.id == outer.id { argument.name.clone() } else { format!("{}.{}", one.id, argument.name) }
}

/// The values of `given` that are ones of their arguments, and those that follow from
/// them for automations inside.
///
/// # Errors
/// The first value that is not, or that belongs to no argument.
pub fn accepted(given: &Arguments, needed: &[Needed<'_>]) -> Result<Arguments, InvalidArgument> {
    if let Some(unknown) = given.keys().find(|name| needed.iter().all(|one| one.key != **name)) {
        return Err(InvalidArgument::Unknown(unknown.chars().take(80).collect()));
    }
    let mut accepted = Arguments::new();
    for one in needed {
        if let Some(value) = given.get(&one.key) {
            accepted.insert(one.key.clone(), one.argument.validate(value)?);
        }
    }
    Ok(accepted)
}

/// The first argument that has no value yet. A value that was told under the name of
/// an inner automation's argument counts for that one too, and is put there.
pub fn next_needed<'n, 'p>(needed: &'n [Needed<'p>], arguments: &mut Arguments) -> Option<&'n Needed<'p>> {
    needed.iter().find(|one| {
        if arguments.contains_key(&one.key) {
            return false;
        }
        let told = arguments.get(&one.argument.name).and_then(|value| one.argument.validate(value).ok());
        let is_told = told.is_some();
        if let Some(value) = told {
            arguments.insert(one.key.clone(), value);
        }
        !is_told
    })
}

/// The steps of one run, each with how long it may take.
///
/// Values are put in as data: escaped in selectors, percent-encoded in addresses,
/// which are checked after that, and as JSON values in what a function is called with.
///
/// # Errors
/// When a value is missing, an address or a function is not allowed, or it grows too
/// long.
pub fn steps(
    automation: &Automation,
    project: &Project,
    arguments: &Arguments,
    attributes: &Attributes,
) -> Result<Vec<(Deed, Duration)>, PlanFault> {
    // Whether everything inside is there and not too deep.
    with_inner(automation, project)?;
    let mut plan = Plan { outer: automation, project, arguments, attributes, steps: Vec::new(), bytes: 0 };
    plan.extend(automation)?;
    Ok(plan.steps)
}

struct Plan<'a> {
    outer: &'a Automation,
    project: &'a Project,
    arguments: &'a Arguments,
    attributes: &'a Attributes,
    steps: Vec<(Deed, Duration)>,
    bytes: usize,
}

impl<'a> Plan<'a> {
    fn extend(&mut self, automation: &'a Automation) -> Result<(), PlanFault> {
        for step in &automation.steps {
            let (deed, timeout) = match step {
                AutomationStep::Run(id) => {
                    let inner = self.project.automations.get(id).ok_or_else(|| PlanFault::Unknown(id.clone()))?;
                    self.extend(inner)?;
                    continue;
                }
                AutomationStep::Navigate(Navigate { url, .. }) => {
                    let url = self.filled(automation, url, Encoding::Url)?;
                    self.project.settings.check_navigation(&url)?;
                    (Deed::Navigate(url), PAGE_TIMEOUT)
                }
                AutomationStep::Click(selector) => {
                    (Deed::Click(self.filled(automation, selector, Encoding::Selector)?), PAGE_TIMEOUT)
                }
                AutomationStep::Fill { selector, value } => {
                    let selector = self.filled(automation, selector, Encoding::Selector)?;
                    let value = self.filled(automation, value, Encoding::Plain)?;
                    (Deed::Fill { selector, value }, STEP_TIMEOUT)
                }
                AutomationStep::WaitFor { selector, timeout } => {
                    let selector = self.filled(automation, selector, Encoding::Selector)?;
                    (Deed::WaitFor(selector), timeout.unwrap_or(STEP_TIMEOUT).min(MAX_WAIT))
                }
                AutomationStep::LaunchExperience(id) => (Deed::LaunchExperience(id.clone()), PAGE_TIMEOUT),
                AutomationStep::Handler { name, args } => {
                    if !self.project.settings.run_js.as_ref().is_some_and(|handlers| handlers.contains(name)) {
                        return Err(PlanFault::Handler(name.clone()));
                    }
                    let args = self.called_with(automation, args)?;
                    self.count(args.to_string().len())?;
                    (Deed::Call { handler: name.clone(), args }, PAGE_TIMEOUT)
                }
            };
            if self.steps.len() >= MAX_STEPS {
                return Err(PlanFault::TooLong);
            }
            self.steps.push((deed, timeout));
        }
        Ok(())
    }

    fn value_of(&self, automation: &Automation, name: &str) -> Option<&'a Value> {
        let argument = automation.arguments.iter().find(|argument| argument.name == name);
        match argument {
            Some(argument) => self.arguments.get(&key_of(self.outer, automation, argument)),
            None => self.attributes.get(name),
        }
    }

    fn filled(&mut self, automation: &Automation, text: &Template, encoding: Encoding) -> Result<String, PlanFault> {
        let resolved = text.resolve(encoding, |name| self.value_of(automation, name));
        let is_needed = |name: &&String| text.placeholders().any(|p| p.name == **name && p.fallback.is_none());
        if let Some(missing) = resolved.missing.iter().find(is_needed) {
            return Err(PlanFault::NoValue(missing.clone()));
        }
        self.count(resolved.text.len())?;
        Ok(resolved.text)
    }

    fn count(&mut self, bytes: usize) -> Result<(), PlanFault> {
        self.bytes += bytes;
        if self.bytes > MAX_PLAN_BYTES { Err(PlanFault::TooBig) } else { Ok(()) }
    }

    /// A text that is one `{{name}}` and nothing else becomes the value itself.
    fn called_with(&mut self, automation: &Automation, args: &Value) -> Result<Value, PlanFault> {
        Ok(match args {
            Value::Null | Value::Bool(_) | Value::Number(_) => args.clone(),
            Value::Text(text) => {
                let Ok(template) = Template::parse(text) else { return Ok(args.clone()) };
                let mut placeholders = template.placeholders();
                let only = placeholders.next().filter(|first| first.offset == 0 && placeholders.next().is_none());
                let only = only.filter(|_| text.find("}}") == Some(text.len() - 2));
                match only.and_then(|placeholder| self.value_of(automation, &placeholder.name)) {
                    Some(value) => value.clone(),
                    None => Value::Text(self.filled(automation, &template, Encoding::Plain)?),
                }
            }
            Value::List(values) => {
                Value::List(values.iter().map(|value| self.called_with(automation, value)).collect::<Result<_, _>>()?)
            }
            Value::Map(values) => Value::Map(
                values
                    .iter()
                    .map(|(name, value)| Ok((name.clone(), self.called_with(automation, value)?)))
                    .collect::<Result<BTreeMap<_, _>, PlanFault>>()?,
            ),
        })
    }
}

#[cfg(test)]
mod tests;
