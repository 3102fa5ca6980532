//! A small project: an experience of each kind, posts and articles.

use docent::domain::action::{Action, ActionKind, LaunchAgent, LaunchMode, Navigate, OpenIn, Snooze, StepTarget};
use docent::domain::article::{Article, Block, BlockKind, Section};
use docent::domain::attribute::Template;
use docent::domain::condition::{Comparison, Condition, PropertyTest};
use docent::domain::experience::checklist::{Checklist, Task};
use docent::domain::experience::resource_center::{ResourceBlock, ResourceBlockKind};
use docent::domain::experience::survey::{Question, QuestionKind, SurveyCondition};
use docent::domain::experience::{
    Banner, BannerPosition, Buttons, Content, Cta, Experience, ExperienceKind, Flow, Recurrence, Schedule, ShowOn,
    Status, Step,
};
use docent::domain::ids::{ArticleId, ExperienceId, PostId, StepId};
use docent::domain::post::{Notify, Post};
use docent::domain::project::{Policy, Project, Settings};
use docent::domain::value::Value;

fn template(text: &str) -> Template {
    Template::parse(text).expect("a template")
}

fn step(id: &str) -> Step {
    let navigate =
        Navigate { url: template("/users/{{user.id}}/plan?of={{user.plan|free}}"), open_in: OpenIn::SameTab };
    let agent = LaunchAgent { message: Some(template("Help me, {{user.name|you}}")), mode: LaunchMode::Send };
    Step {
        id: StepId::new(id).expect("an id"),
        target: Some("#export".to_owned()),
        title: Some(template("Hello {{user.name|there}}")),
        body: Some(template("Some *text*.")),
        question: None,
        book_interview: None,
        buttons: Buttons {
            primary: Some(Cta {
                label: template("Go"),
                actions: vec![Action::Navigate(navigate), Action::GoToStep(StepTarget::Next)],
                js_first: false,
            }),
            secondary: Some(Cta { label: template("Ask"), actions: vec![Action::LaunchAgent(agent)], js_first: false }),
        },
        cross: vec![Action::Snooze(Snooze { hours: 4, up_to: 2 })],
        progress: Vec::new(),
        conditions: Vec::new(),
        otherwise: StepTarget::Next,
    }
}

fn experience(kind: ExperienceKind) -> Experience {
    let flow = || Flow { steps: vec![step("one"), step("two")] };
    let content = match kind {
        ExperienceKind::Tour => Content::Tour(flow()),
        ExperienceKind::Modal => Content::Modal(flow()),
        ExperienceKind::Survey => {
            let mut asked = step("nps");
            asked.question = Some(Question { kind: QuestionKind::Nps, text: template("How likely?"), optional: false });
            asked.conditions = vec![SurveyCondition {
                answer: Comparison::Lte(Value::Number(6.0)),
                then: vec![Action::GoToStep(StepTarget::Complete)],
            }];
            Content::Survey(Flow { steps: vec![asked] })
        }
        ExperienceKind::Banner => Content::Banner(Box::new(Banner {
            body: template("Maintenance on Sunday"),
            position: BannerPosition::Top,
            buttons: Buttons::default(),
            cross: Vec::new(),
        })),
        ExperienceKind::Hint => Content::Hint(flow()),
        ExperienceKind::Checklist => Content::Checklist(Checklist {
            in_order: true,
            tasks: vec![Task {
                id: StepId::new("first").expect("an id"),
                title: template("Do it"),
                body: None,
                actions: vec![Action::LaunchExperience(ExperienceId::new("tour").expect("an id"))],
                buttons: Buttons::default(),
                done: None,
            }],
        }),
        ExperienceKind::ResourceCenter => Content::ResourceCenter(vec![ResourceBlock {
            id: StepId::new("ask").expect("an id"),
            title: Some(template("Ask us")),
            kind: ResourceBlockKind::Agent,
        }]),
    };
    Experience {
        id: ExperienceId::new(kind.name()).expect("an id"),
        name: format!("The {}", kind.name()),
        status: Status::Published,
        schedule: Schedule::default(),
        show_on: ShowOn::PageOpen,
        audience: None,
        pages: None,
        recurrence: Recurrence::Once,
        priority: 50,
        cap_group: None,
        content,
    }
}

fn post(id: &str, status: Status, audience: Option<Condition>) -> Post {
    Post {
        id: PostId::new(id).expect("an id"),
        title: "News".to_owned(),
        status,
        schedule: Schedule::default(),
        notify: Notify::Badge,
        audience,
        locale: None,
        cta: None,
        body: "We **ship**.".to_owned(),
    }
}

/// A post that is out since a day of January 2026.
fn post_of(day: u32) -> Post {
    let from = format!("2026-01-{day:02}T00:00:00Z").parse().expect("a time");
    let schedule = Schedule { from: Some(from), until: None };
    Post { schedule, ..post(&format!("january-{day}"), Status::Published, None) }
}

fn article(id: &str, audience: Option<Condition>) -> Article {
    let section = Section {
        heading_path: vec!["When <they> come".to_owned()],
        anchor: Some("when".to_owned()),
        blocks: vec![Block {
            kind: BlockKind::Paragraph,
            markdown: "Monthly. <script>alert(1)</script> [x](javascript:alert(1))".to_owned(),
            text: "Monthly.".to_owned(),
        }],
    };
    Article {
        id: ArticleId::new(id).expect("an id"),
        title: "Invoices & <more>".to_owned(),
        url: format!("/articles/{id}"),
        locale: None,
        audience,
        keywords: Vec::new(),
        sections: vec![section],
    }
}

/// The project of all socket tests.
pub(crate) fn project() -> Project {
    let pro = || {
        let comparison = Comparison::Eq(Value::Text("pro".to_owned()));
        Some(Condition::Trait(PropertyTest { name: "plan".to_owned(), comparison }))
    };
    let settings = Settings { action_policy: [(ActionKind::Navigate, Policy::Allow)].into(), ..Settings::default() };
    let mut project = Project { settings: settings.into(), ..Project::default() };
    for kind in ExperienceKind::ALL {
        let experience = experience(kind);
        project.experiences.insert(experience.id.clone(), experience.into());
    }
    let draft = Experience {
        id: ExperienceId::new("draft").expect("an id"),
        status: Status::Draft,
        ..experience(ExperienceKind::Tour)
    };
    project.experiences.insert(draft.id.clone(), draft.into());
    for post in [
        post("news", Status::Published, None),
        post("draft", Status::Draft, None),
        post("pro", Status::Published, pro()),
        post_of(2),
        post_of(9),
        post_of(5),
    ] {
        project.posts.insert(post.id.clone(), post.into());
    }
    for article in [article("billing/invoices", None), article("secret", pro())] {
        project.articles.insert(article.id.clone(), article.into());
    }
    project
}
