//! Values stay in their places, and what cannot be run is refused.

use super::*;
use crate::domain::automation::argument::ArgumentKind;
use crate::domain::automation::{AgentUse, Risk};
use crate::domain::experience::Status;
use crate::domain::project::Settings;

fn template(text: &str) -> Template {
    Template::parse(text).expect("a template")
}

fn automation(id: &str, arguments: &[(&str, ArgumentKind)], steps: Vec<AutomationStep>) -> Automation {
    let arguments =
        arguments.iter().map(|(name, kind)| Argument { name: (*name).to_owned(), kind: kind.clone(), ask: None });
    Automation {
        id: AutomationId::new(id).expect("an id"),
        name: id.to_owned(),
        status: Status::Published,
        risk: Risk::Low,
        agent: AgentUse::default(),
        audience: None,
        arguments: arguments.collect(),
        steps,
    }
}

fn run(id: &str) -> AutomationStep {
    AutomationStep::Run(AutomationId::new(id).expect("an id"))
}

fn navigate(url: &str) -> AutomationStep {
    AutomationStep::Navigate(Navigate { url: template(url), open_in: Default::default() })
}

fn project(automations: Vec<Automation>) -> Project {
    let handler = HandlerName::new("save").expect("an id");
    let settings = Settings { run_js: Some(vec![handler]), ..Settings::default() };
    Project {
        settings: settings.into(),
        automations: automations.into_iter().map(|one| (one.id.clone(), one.into())).collect(),
        ..Project::default()
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// The steps of the automation `a`.
fn planned(project: &Project, arguments: &[(&str, Value)]) -> Result<Vec<Deed>, PlanFault> {
    let arguments: Arguments = arguments.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let attributes: Attributes = [("user.name".to_owned(), text("Ann"))].into_iter().collect();
    let steps = steps(&project.automations["a"], project, &arguments, &attributes)?;
    Ok(steps.into_iter().map(|(deed, _)| deed).collect())
}

#[test]
fn values_stay_in_their_places() {
    let called = Value::Map(
        [
            ("plan".to_owned(), text("{{plan}}")),
            ("seats".to_owned(), text("{{seats}}")),
            ("note".to_owned(), text("for {{user.name}}: {{plan}}")),
        ]
        .into(),
    );
    let name = HandlerName::new("save").expect("an id");
    let steps = vec![
        navigate("/billing/{{plan}}"),
        AutomationStep::Click(template("[data-plan=\"{{plan}}\"]")),
        AutomationStep::Fill { selector: template("#seats"), value: template("{{seats}} for {{user.name}}") },
        AutomationStep::WaitFor { selector: template("#done"), timeout: Some(Duration::from_secs(9_999)) },
        AutomationStep::Handler { name: name.clone(), args: called },
    ];
    let arguments = [("plan", ArgumentKind::Text), ("seats", ArgumentKind::Number)];
    let project = project(vec![automation("a", &arguments, steps)]);
    let hostile = text("\"],body{{seats}}//evil.example/..");
    let deeds = planned(&project, &[("plan", hostile.clone()), ("seats", Value::Number(3.0))]).expect("a plan");
    assert_eq!(
        deeds[..4],
        [
            Deed::Navigate("/billing/%22%5D%2Cbody%7B%7Bseats%7D%7D%2F%2Fevil.example%2F..".to_owned()),
            Deed::Click(r#"[data-plan="\"\]\,body\{\{seats\}\}\/\/evil\.example\/\.\."]"#.to_owned()),
            Deed::Fill { selector: "#seats".to_owned(), value: "3 for Ann".to_owned() },
            Deed::WaitFor("#done".to_owned()),
        ]
    );
    let Deed::Call { handler, args } = &deeds[4] else { panic!("a call") };
    assert_eq!(handler, &name);
    assert_eq!(args.get("plan"), Some(&hostile), "a value is passed as it is");
    assert_eq!(args.get("seats"), Some(&Value::Number(3.0)), "a number stays one");
    assert_eq!(args.get("note"), Some(&text("for Ann: \"],body{{seats}}//evil.example/..")));
}

#[test]
fn no_step_waits_for_ever() {
    let wait = |timeout| AutomationStep::WaitFor { selector: template("#a"), timeout };
    let long = Duration::from_secs(9_999);
    let project = project(vec![automation("a", &[], vec![wait(None), wait(Some(long)), navigate("/a")])]);
    let steps = steps(&project.automations["a"], &project, &Arguments::new(), &Attributes::new()).expect("a plan");
    let timeouts: Vec<Duration> = steps.into_iter().map(|(_, timeout)| timeout).collect();
    assert_eq!(timeouts, [STEP_TIMEOUT, MAX_WAIT, PAGE_TIMEOUT]);
}

#[test]
fn what_cannot_be_run_is_refused() {
    let unknown = |id: &str| PlanFault::Unknown(AutomationId::new(id).expect("an id"));
    let evil = navigate("https://evil.example/");
    let other = HandlerName::new("other").expect("an id");
    let call = AutomationStep::Handler { name: other.clone(), args: Value::Null };
    for (steps, expected) in [
        (vec![run("nowhere")], unknown("nowhere")),
        (vec![run("a")], PlanFault::TooDeep),
        (vec![run("b")], PlanFault::TooDeep),
        (vec![evil], PlanFault::Address(NavigationRefusal::Host("evil.example".to_owned()))),
        (vec![AutomationStep::Click(template("#{{plan}}"))], PlanFault::NoValue("plan".to_owned())),
        (vec![navigate("/{{user.email}}")], PlanFault::NoValue("user.email".to_owned())),
        (vec![call], PlanFault::Handler(other)),
        (vec![navigate("/a"); MAX_STEPS + 1], PlanFault::TooLong),
        (vec![navigate(&format!("/{}", "x".repeat(MAX_PLAN_BYTES)))], PlanFault::TooBig),
    ] {
        let automations = vec![
            automation("a", &[("plan", ArgumentKind::Text)], steps),
            automation("b", &[], vec![run("c")]),
            automation("c", &[], vec![run("d")]),
            automation("d", &[], vec![navigate("/d")]),
        ];
        assert_eq!(planned(&project(automations), &[]), Err(expected));
    }
}

#[test]
fn inner_automations_have_arguments_of_their_own() {
    let plans = ArgumentKind::Enum(vec!["free".to_owned(), "pro".to_owned()]);
    let project = project(vec![
        automation("a", &[("plan", ArgumentKind::Text)], vec![run("b"), navigate("/{{plan}}"), run("b")]),
        automation("b", &[("plan", plans), ("seats", ArgumentKind::Number)], vec![navigate("/{{plan}}/{{seats}}")]),
    ]);
    let needed = needed(&project.automations["a"], &project).expect("arguments");
    assert_eq!(needed.iter().map(|one| one.key.as_str()).collect::<Vec<_>>(), ["plan", "b.plan", "b.seats"]);
    let next = |arguments: &mut Arguments| next_needed(&needed, arguments).map(|one| one.key.clone());
    let mut arguments = Arguments::new();
    assert_eq!(next(&mut arguments).as_deref(), Some("plan"));
    arguments.insert("plan".to_owned(), text("Pro"));
    assert_eq!(next(&mut arguments).as_deref(), Some("b.seats"), "the plan is passed on");
    assert_eq!(arguments.get("b.plan"), Some(&text("pro")));
    arguments.insert("plan".to_owned(), text("enterprise"));
    arguments.remove("b.plan");
    assert_eq!(next(&mut arguments).as_deref(), Some("b.plan"), "what is no value there is asked for");
    let told = [("plan", text("x")), ("b.plan", text("free")), ("b.seats", Value::Number(2.0))];
    let expected = ["/free/2", "/x", "/free/2"].map(|url| Deed::Navigate(url.to_owned()));
    assert_eq!(planned(&project, &told), Ok(expected.to_vec()));

    let given = |name: &str, value: Value| [(name.to_owned(), value)].into();
    assert!(accepted(&given("b.seats", text("7")), &needed).is_ok_and(|known| known["b.seats"] == Value::Number(7.0)));
    assert_eq!(
        accepted(&given("b.plan", text("gold")), &needed),
        Err(InvalidArgument::Enum("plan".to_owned(), "free, pro".to_owned()))
    );
    assert_eq!(accepted(&given("color", text("red")), &needed), Err(InvalidArgument::Unknown("color".to_owned())));
}
