//! A small product: what can be offered in it, and an automation.

use std::sync::Arc;

use docent::agent::turn_event::{ActionOrigin, OfferedAction};
use docent::domain::action::{Action, ActionKind, Navigate, OpenIn, RunAutomation, RunJs, Snooze, StepTarget};
use docent::domain::attribute::Template;
use docent::domain::automation::argument::{Argument, ArgumentKind};
use docent::domain::automation::{AgentUse, Arguments, Automation, AutomationStep, Risk};
use docent::domain::conversation::Link;
use docent::domain::experience::Status;
use docent::domain::ids::{AutomationId, ExperienceId, HandlerName, PostId, StepId, UserId};
use docent::domain::locale::Locale;
use docent::domain::page::Page;
use docent::domain::project::{Policy, Project, Settings};
use docent::domain::user::UserContext;
use docent::domain::value::Value;
use docent::session::conversation::command::TurnSetup;

pub(crate) fn setup() -> TurnSetup {
    TurnSetup {
        context: UserContext::new(UserId::new("u").expect("an id")),
        capabilities: ActionKind::all().collect(),
        trace: true,
    }
}

/// An action of each kind that can be offered.
pub(crate) fn offered(at: u8) -> OfferedAction {
    let navigate = |url: &str| Navigate { url: Template::literal(url), open_in: OpenIn::SameTab };
    let action = match at {
        8 => Action::LaunchExperience(ExperienceId::new("tour").expect("an id")),
        9 => Action::Navigate(navigate("/a?b={{c}}")),
        10 => Action::RunJs(RunJs { handler: HandlerName::new("save").expect("an id"), args: Value::Number(1.5) }),
        11 => Action::GoToStep(StepTarget::Step(StepId::new("one").expect("an id"))),
        12 => Action::Dismiss,
        13 => Action::Snooze(Snooze { hours: 3, up_to: 2 }),
        14 => Action::RunAutomation(RunAutomation {
            automation: AutomationId::new("billing").expect("an id"),
            arguments: Arguments::new(),
        }),
        _ => Action::OpenPost(PostId::new("p").expect("an id")),
    };
    let url = "https://app.example/a".parse().expect("a URL");
    OfferedAction {
        resolved_url: matches!(action, Action::Navigate(_)).then(|| "/a?b={{c}}".to_owned()),
        arrives_at: (at == 8).then(|| Arc::new(Page { url, title: None })),
        action,
        label: "Do it".to_owned(),
        origin: if at % 3 == 2 { ActionOrigin::Agent } else { ActionOrigin::CustomAnswer },
        order: u32::from(at),
        language: Locale::new("de"),
        instead: (at == 15).then(|| Link { title: "News".to_owned(), url: "/news".to_owned() }),
    }
}

/// Lets posts and navigations start without a click, and calls one function.
pub(crate) fn project() -> Arc<Project> {
    let policy = [ActionKind::OpenPost, ActionKind::Navigate, ActionKind::Dismiss].map(|kind| (kind, Policy::Allow));
    let run_js = Some(vec![HandlerName::new("save").expect("an id")]);
    let template = |text: &str| Template::parse(text).expect("a template");
    let plans = ArgumentKind::Enum(vec!["free".to_owned(), "pro".to_owned()]);
    let billing = Automation {
        id: AutomationId::new("billing").expect("an id"),
        name: "Change the plan".to_owned(),
        status: Status::Published,
        risk: Risk::Confirm,
        agent: AgentUse { active: true, instructions: "the user wants to change the plan".to_owned() },
        audience: None,
        arguments: vec![Argument { name: "plan".to_owned(), kind: plans, ask: None }],
        steps: vec![
            AutomationStep::Navigate(Navigate { url: template("/billing"), open_in: OpenIn::SameTab }),
            AutomationStep::Click(template("#plan-{{plan}}")),
            AutomationStep::WaitFor { selector: template("#done"), timeout: None },
        ],
    };
    let settings = Settings { action_policy: policy.into(), run_js, ..Settings::default() };
    let automations = [(billing.id.clone(), Arc::new(billing))].into();
    Arc::new(Project { settings: Arc::new(settings), automations, ..Project::default() })
}
