//! Reading what only surveys have: questions and conditions on answers.

use crate::domain::action::StepTarget;
use crate::domain::action::availability::Context;
use crate::domain::condition::Comparison;
use crate::domain::experience::survey::{Question, QuestionKind, SurveyCondition};
use crate::domain::value::Value;
use crate::knowledge::action;
use crate::knowledge::condition::{comparison, single_key};
use crate::knowledge::reading::{Mapping, Reading};
use crate::knowledge::uses::Inside;
use crate::knowledge::yaml::Node;

/// Highest rating when the author says nothing.
const DEFAULT_SCALE: u8 = 5;

#[derive(Clone, Copy, PartialEq)]
enum QuestionType {
    Nps,
    Rating,
    Single,
    Multi,
    Text,
}

/// Reads `{type, text}` and what the type needs.
pub(crate) fn question(node: &Node, reading: &mut Reading<'_>) -> Option<Question> {
    let types = [
        ("nps", QuestionType::Nps),
        ("rating", QuestionType::Rating),
        ("single", QuestionType::Single),
        ("multi", QuestionType::Multi),
        ("text", QuestionType::Text),
    ];
    let mut mapping = Mapping::open(node, "a question", reading)?;
    let question_type = mapping.require("type").and_then(|node| reading.choice(node, "a type of question", &types));
    let text = mapping.require("text").and_then(|node| reading.template(node));
    let optional = mapping.get("optional").and_then(|node| reading.boolean(node)).unwrap_or_default();
    let has_options = matches!(question_type, Some(QuestionType::Single | QuestionType::Multi));
    let options_node = if has_options { mapping.require("options") } else { mapping.get("options") };
    let options = options_node.map(|node| reading.texts(node, "a list of options")).unwrap_or_default();
    let scale_node = mapping.get("scale");
    let scale = scale_node.map_or(Some(u32::from(DEFAULT_SCALE)), |node| reading.integer(node, 2..=10));
    mapping.close(reading);
    let question_type = question_type?;
    if let (Some(node), false) = (options_node, has_options) {
        let message = "only `single` and `multi` have options";
        reading.error_with_hint("question-options", node.position, message, "write `type: single`");
    }
    if let (Some(node), true) = (options_node, has_options && options.len() < 2) {
        reading.error("question-options", node.position, "a choice needs at least two options");
    }
    if let (Some(node), false) = (scale_node, question_type == QuestionType::Rating) {
        let message = "only `rating` has a scale";
        reading.error_with_hint("question-scale", node.position, message, "write `type: rating`");
    }
    let kind = match question_type {
        QuestionType::Nps => QuestionKind::Nps,
        QuestionType::Rating => QuestionKind::Rating(u8::try_from(scale?).ok()?),
        QuestionType::Single => QuestionKind::Single(options),
        QuestionType::Multi => QuestionKind::Multi(options),
        QuestionType::Text => QuestionKind::Text,
    };
    Some(Question { kind, text: text?, optional })
}

/// Reads `{if: {answer: …}, then}`.
pub(crate) fn condition(
    node: &Node,
    question: Option<&Question>,
    inside: Option<Inside>,
    reading: &mut Reading<'_>,
) -> Option<SurveyCondition> {
    const HINT: &str = "write `if: {answer: {lte: 6}}`";
    let mut mapping = Mapping::open(node, "a condition on the answer", reading)?;
    let answer = mapping.require("if").and_then(|node| {
        let (key, value) = single_key(node, "a condition on the answer", HINT, reading)?;
        if key.text != "answer" {
            reading.not_one_of(key.position, &key.text, "what a survey can ask about", &["answer"]);
            return None;
        }
        let answer = comparison(value, reading)?;
        if let Some(question) = question {
            check_answer(&answer, question, value, reading);
        }
        Some(answer)
    });
    let then =
        mapping.require("then").map(|node| action::actions(node, Context::SurveyCondition, inside, false, reading));
    mapping.close(reading);
    Some(SurveyCondition { answer: answer?, then: then? })
}

/// Warns about a comparison that no answer can pass.
fn check_answer(answer: &Comparison, question: &Question, node: &Node, reading: &mut Reading<'_>) {
    let wanted: Vec<&Value> = match answer {
        Comparison::Eq(value) | Comparison::Contains(value) => vec![value],
        Comparison::In(values) => values.iter().collect(),
        Comparison::Lt(value) | Comparison::Lte(value) | Comparison::Gt(value) | Comparison::Gte(value) => vec![value],
        Comparison::Ne(_)
        | Comparison::Starts(_)
        | Comparison::Ends(_)
        | Comparison::Matches(_)
        | Comparison::Exists(_)
        | Comparison::Within(_) => return,
    };
    let range = match &question.kind {
        QuestionKind::Nps => 0.0..=10.0,
        QuestionKind::Rating(scale) => 1.0..=f64::from(*scale),
        QuestionKind::Single(options) | QuestionKind::Multi(options) => {
            for value in wanted {
                if !options.contains(&value.to_string()) {
                    let options: Vec<&str> = options.iter().map(String::as_str).collect();
                    reading.not_one_of(node.position, &value.to_string(), "an option of this question", &options);
                }
            }
            return;
        }
        QuestionKind::Text => return,
    };
    for value in wanted {
        if !value.as_number().is_some_and(|number| range.contains(&number)) {
            let message = format!("no answer to this question is `{value}`");
            let hint = format!("answers are numbers from {} to {}", range.start(), range.end());
            reading.warning("answer-range", node.position, message, hint);
        }
    }
}

/// Reads `else: {go_to_step: …}`.
pub(crate) fn otherwise(node: &Node, reading: &mut Reading<'_>) -> Option<StepTarget> {
    const HINT: &str = "write `else: {go_to_step: next}`; what else should happen stands under `conditions`";
    let (key, value) = single_key(node, "`else`", HINT, reading)?;
    if key.text != "go_to_step" {
        reading.error_with_hint("else", key.position, "`else` can only go to a step", HINT);
        return None;
    }
    action::step_target(value, reading)
}
