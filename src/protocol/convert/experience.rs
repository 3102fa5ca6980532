//! Experiences on their way out.

use crate::domain::experience::checklist::{Checklist, Task, TaskDone};
use crate::domain::experience::resource_center::{ResourceBlock, ResourceBlockKind};
use crate::domain::experience::survey::{Question, QuestionKind};
use crate::domain::experience::{
    Banner, BannerPosition, Buttons, Content, Cta, Experience, Flow, ProgressCondition, ShowOn, Step,
};
use crate::protocol::condition::ShowOn as WireShowOn;
use crate::protocol::experience as wire;

use super::Resolver;
use super::action::{go_to_step, interview_provider, list};
use super::condition::{comparison, event_test, millis, page_rule};

/// An experience as it is published in `revision`.
pub fn experience(experience: &Experience, revision: u64, resolver: Resolver<'_>) -> wire::ExperienceContent {
    wire::ExperienceContent {
        experience_id: experience.id.to_string(),
        revision,
        name: experience.name.clone(),
        show_on: show_on(&experience.show_on),
        pages: experience.pages.as_ref().map(page_rule),
        priority: experience.priority,
        content: content(&experience.content, resolver),
    }
}

/// A button.
pub fn button(cta: &Cta, slot: wire::ButtonSlot, resolver: Resolver<'_>) -> wire::Button {
    wire::Button { slot, label: resolver.text(&cta.label), actions: list(&cta.actions, cta.js_first, resolver) }
}

fn buttons(buttons: &Buttons, resolver: Resolver<'_>) -> Vec<wire::Button> {
    let primary = buttons.primary.iter().map(|cta| button(cta, wire::ButtonSlot::Primary, resolver));
    let secondary = buttons.secondary.iter().map(|cta| button(cta, wire::ButtonSlot::Secondary, resolver));
    primary.chain(secondary).collect()
}

fn content(content: &Content, resolver: Resolver<'_>) -> wire::Content {
    match content {
        Content::Tour(flow) => wire::Content::Tour { steps: steps(flow, resolver) },
        Content::Modal(flow) => wire::Content::Modal { steps: steps(flow, resolver) },
        Content::Survey(flow) => wire::Content::Survey {
            steps: flow
                .steps
                .iter()
                .map(|one| wire::Step { otherwise: Some(go_to_step(&one.otherwise)), ..step(one, resolver) })
                .collect(),
        },
        Content::Banner(banner) => {
            let Banner { body, position, buttons: ctas, cross } = banner.as_ref();
            wire::Content::Banner {
                body: resolver.text(body),
                position: match position {
                    BannerPosition::Top => wire::BannerPosition::Top,
                    BannerPosition::Bottom => wire::BannerPosition::Bottom,
                    BannerPosition::Inline => wire::BannerPosition::Inline,
                },
                buttons: buttons(ctas, resolver),
                cross: list(cross, false, resolver),
            }
        }
        Content::Hint(flow) => wire::Content::Hint { steps: steps(flow, resolver) },
        Content::Checklist(Checklist { in_order, tasks }) => wire::Content::Checklist {
            in_order: *in_order,
            tasks: tasks.iter().map(|one| task(one, resolver)).collect(),
        },
        Content::ResourceCenter(blocks) => {
            wire::Content::ResourceCenter { blocks: blocks.iter().map(|one| block(one, resolver)).collect() }
        }
    }
}

fn steps(flow: &Flow, resolver: Resolver<'_>) -> Vec<wire::Step> {
    flow.steps.iter().map(|one| step(one, resolver)).collect()
}

fn step(step: &Step, resolver: Resolver<'_>) -> wire::Step {
    wire::Step {
        id: step.id.to_string(),
        target: step.target.clone(),
        title: step.title.as_ref().map(|title| resolver.text(title)),
        body: step.body.as_ref().map(|body| resolver.text(body)),
        question: step.question.as_ref().map(|one| question(one, resolver)),
        book_interview: step.book_interview.as_ref().map(|interview| wire::BookInterview {
            provider: interview_provider(interview.provider),
            url: interview.url.clone(),
        }),
        buttons: buttons(&step.buttons, resolver),
        cross: list(&step.cross, false, resolver),
        progress: step
            .progress
            .iter()
            .map(|trigger| wire::ProgressTrigger {
                when: progress_condition(&trigger.when),
                then: list(&trigger.then, false, resolver),
            })
            .collect(),
        conditions: step
            .conditions
            .iter()
            .map(|condition| wire::SurveyCondition {
                answer: comparison(&condition.answer),
                then: list(&condition.then, false, resolver),
            })
            .collect(),
        otherwise: None,
    }
}

fn question(question: &Question, resolver: Resolver<'_>) -> wire::Question {
    let kind = match &question.kind {
        QuestionKind::Nps => wire::QuestionKind::Nps {},
        QuestionKind::Rating(scale) => wire::QuestionKind::Rating { scale: *scale },
        QuestionKind::Single(options) => wire::QuestionKind::Single { options: options.clone() },
        QuestionKind::Multi(options) => wire::QuestionKind::Multi { options: options.clone() },
        QuestionKind::Text => wire::QuestionKind::Text {},
    };
    wire::Question { text: resolver.text(&question.text), optional: question.optional, kind }
}

fn progress_condition(condition: &ProgressCondition) -> wire::ProgressCondition {
    match condition {
        ProgressCondition::Click(selector) => wire::ProgressCondition::Click { selector: selector.clone() },
        ProgressCondition::Input(selector, value) => {
            wire::ProgressCondition::Input { selector: selector.clone(), value: value.as_ref().map(comparison) }
        }
        ProgressCondition::Hover(selector) => wire::ProgressCondition::Hover { selector: selector.clone() },
        ProgressCondition::Appears(selector) => wire::ProgressCondition::Appears { selector: selector.clone() },
        ProgressCondition::Page(pages) => wire::ProgressCondition::Page { pages: page_rule(pages) },
        ProgressCondition::Event(event) => wire::ProgressCondition::Event { event: event_test(event) },
        ProgressCondition::After(duration) => wire::ProgressCondition::After { after_ms: millis(*duration) },
    }
}

fn show_on(show_on: &ShowOn) -> Option<WireShowOn> {
    Some(match show_on {
        ShowOn::None => return None,
        ShowOn::PageOpen => WireShowOn::PageOpen {},
        ShowOn::PageExit => WireShowOn::PageExit {},
        ShowOn::ElementClick(selector) => WireShowOn::ElementClick { selector: selector.clone() },
        ShowOn::Event(event) => WireShowOn::Event { event: event_test(event) },
        ShowOn::Trigger => WireShowOn::Trigger {},
        ShowOn::SharedUrl => WireShowOn::SharedUrl {},
    })
}

fn task(task: &Task, resolver: Resolver<'_>) -> wire::Task {
    wire::Task {
        id: task.id.to_string(),
        title: resolver.text(&task.title),
        body: task.body.as_ref().map(|body| resolver.text(body)),
        actions: list(&task.actions, false, resolver),
        buttons: buttons(&task.buttons, resolver),
        done: match &task.done {
            None | Some(TaskDone::Click) => wire::TaskDone::Click {},
            Some(TaskDone::Event(event)) => wire::TaskDone::Event { event: event_test(event) },
            Some(TaskDone::Page(pages)) => wire::TaskDone::Page { pages: page_rule(pages) },
            Some(TaskDone::Segment(_) | TaskDone::Experience(..)) => wire::TaskDone::Server {},
        },
    }
}

fn block(block: &ResourceBlock, resolver: Resolver<'_>) -> wire::Block {
    wire::Block {
        id: block.id.to_string(),
        title: block.title.as_ref().map(|title| resolver.text(title)),
        kind: match &block.kind {
            ResourceBlockKind::Agent => wire::BlockKind::Agent {},
            ResourceBlockKind::Action(actions) => wire::BlockKind::Action { actions: list(actions, false, resolver) },
            ResourceBlockKind::Feed => wire::BlockKind::Feed {},
            ResourceBlockKind::Checklist(id) => wire::BlockKind::Checklist { experience_id: id.to_string() },
        },
    }
}
