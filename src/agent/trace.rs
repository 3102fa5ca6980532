//! Why a turn went as it did: what was compared, with which scores, what was
//! checked and how long each step took.
//!
//! A trace shows scores and passages, so it goes to authors and operators, not
//! to end users.

use std::time::Instant;

use serde::Serialize;

use crate::domain::action::Action;
use crate::ports::chat_model::ToolCall;

/// The trace of one turn.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TurnTrace {
    /// Version of the knowledge that the turn read.
    pub knowledge_version: u64,
    /// The message.
    pub input: InputTrace,
    /// How it compared to the Custom Answers; absent when a chip was clicked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intent: Option<IntentTrace>,
    /// What the search found; absent when a Custom Answer matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retrieval: Option<RetrievalTrace>,
    /// What a language model did; absent when none was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<GenerationTrace>,
    /// How well automations fitted, best first; absent when a Custom Answer matched.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub automations: Vec<AutomationTrace>,
    /// The questions that were answered apart, when the message asks several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<QuestionTrace>,
    /// What was checked before each action was offered.
    pub actions: Vec<ActionTrace>,
    /// The steps in the order in which they ran.
    pub timings: Vec<StepTiming>,
}

/// One of several questions of a message.
#[derive(Clone, Debug, Serialize)]
pub struct QuestionTrace {
    /// The question.
    pub text: String,
    /// How it was answered, such as `knowledge`.
    pub kind: &'static str,
    /// The Custom Answer that was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_id: Option<String>,
}

/// The message of a turn.
#[derive(Clone, Debug, Default, Serialize)]
pub struct InputTrace {
    /// As the user wrote it.
    pub text: String,
    /// As it is compared.
    pub normalized: String,
    /// The language it was taken for.
    pub language: String,
    /// With its typing mistakes put right, when it has any that phrases explain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrected: Option<String>,
}

/// How a message compared to the Custom Answers.
#[derive(Clone, Debug, Serialize)]
pub struct IntentTrace {
    /// `matched`, `near_tie` or `abstained`.
    pub outcome: &'static str,
    /// Least score of a match, 0 to 1.
    pub threshold: f32,
    /// Least distance to the next answer.
    pub min_margin: f32,
    /// Distance of the first to the next answer, when there are two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub margin: Option<f32>,
    /// Whether meanings were compared beside words, and if not, why.
    pub semantic: SemanticTrace,
    /// The closest phrase of each of the closest answers, best first.
    pub candidates: Vec<CandidateTrace>,
}

/// Whether vectors took part.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SemanticTrace {
    /// Whether they did.
    pub used: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One Custom Answer that came into question.
#[derive(Clone, Debug, Serialize)]
pub struct CandidateTrace {
    /// The answer.
    pub answer_id: String,
    /// Its closest phrase.
    pub phrase: String,
    /// Whether the phrase equals the message after normalization.
    pub exact: bool,
    /// Combined score, 0 to 1.
    pub score: f32,
    /// Share of the words in common, 0 to 1.
    pub lexical: f32,
    /// Cosine of the two meanings, when they were compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub semantic: Option<f32>,
    /// The gates it had to pass.
    pub gates: Vec<CheckTrace>,
}

/// What the search found.
#[derive(Clone, Debug, Serialize)]
pub struct RetrievalTrace {
    /// `lexical`, `semantic` or `hybrid`.
    pub mode: &'static str,
    /// Whether meanings were compared beside words, and if not, why.
    pub semantic: SemanticTrace,
    /// The words that no passage has and what they were taken for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub corrections: Vec<CorrectionTrace>,
    /// Abbreviations in the question and what they stand for, the other way round, and
    /// words that are written together with their parts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expansions: Vec<ExpansionTrace>,
    /// How sure it is that the knowledge holds the answer.
    pub confidence: ConfidenceTrace,
    /// The best passages, best first.
    pub passages: Vec<PassageTrace>,
}

/// A mistyped word.
#[derive(Clone, Debug, Serialize)]
pub struct CorrectionTrace {
    /// As the user wrote it.
    pub written: String,
    /// The word that was searched for.
    pub meant: String,
}

/// What was searched for beside what the question says.
#[derive(Clone, Debug, Serialize)]
pub struct ExpansionTrace {
    /// What the question says.
    pub written: String,
    /// What it stands for or is made of, or its abbreviation.
    pub meant: String,
}

/// How sure the search is that the knowledge holds the answer.
#[derive(Clone, Debug, Serialize)]
pub struct ConfidenceTrace {
    /// 0 to 1.
    pub value: f32,
    /// Least value for an answer.
    pub threshold: f32,
}

/// What the words of a passage say about a question; shares from 0 to 1.
#[derive(Clone, Debug, Serialize)]
pub struct WordingTrace {
    /// How many of the question's words it has, in this form or another.
    pub coverage: f32,
    /// How much its title and headings and the question say the same.
    pub title: f32,
    /// How many of the question's neighboring words stand close together.
    pub nearness: f32,
}

/// One passage that was found.
#[derive(Clone, Debug, Serialize)]
pub struct PassageTrace {
    /// Its article.
    pub article_id: String,
    /// The article's title.
    pub title: String,
    /// The headings above it.
    pub heading_path: Vec<String>,
    /// BM25F score.
    pub lexical: f32,
    /// Cosine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub semantic: Option<f32>,
    /// What its words say about the question, when it was looked at word by word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wording: Option<WordingTrace>,
    /// The score it was ranked by.
    pub fused: f32,
    /// Its beginning.
    pub text: String,
}

/// What a language model did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct GenerationTrace {
    /// The model that answered, or should have.
    pub model: String,
    /// The follow-up as a question that stands alone, when it was made one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// The system prompt.
    pub prompt: String,
    /// How often it was asked.
    pub steps: u32,
    /// What it called.
    pub calls: Vec<CallTrace>,
    /// `grounded`, `question`, `ungrounded`, `handed_over` or `failed`.
    pub verdict: &'static str,
    /// Claims with a citation.
    pub claims: u32,
    /// Those that their passages support.
    pub supported_claims: u32,
    /// Citations of passages that there are not.
    pub removed_citations: u32,
    /// Links that may not be followed, and images.
    pub removed_links: u32,
    /// What went wrong last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// A call of a model.
#[derive(Clone, Debug, Serialize)]
pub struct CallTrace {
    /// Which tool.
    pub tool: String,
    /// Its arguments as the model wrote them, cut to a bound.
    pub arguments: String,
    /// Why it was not carried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// Characters of a call's arguments that a trace shows.
const ARGUMENTS_CHARS: usize = 300;

impl CallTrace {
    /// The trace of `call`.
    pub fn of(call: &ToolCall, refused: Option<&str>) -> Self {
        Self {
            tool: call.name.clone(),
            arguments: call.arguments.chars().take(ARGUMENTS_CHARS).collect(),
            refused: refused.map(str::to_owned),
        }
    }
}

/// How well one automation fitted the message.
#[derive(Clone, Debug, Serialize)]
pub struct AutomationTrace {
    /// The automation.
    pub automation_id: String,
    /// What of its instructions came closest.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// How much of it and of the message the other one says, 0 to 1.
    pub words: f32,
    /// Cosine of the two meanings, when they were compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meaning: Option<f32>,
    /// The score of both.
    pub score: f32,
    /// Least score of one that fits.
    pub threshold: f32,
    /// Whether it fitted, or why not.
    pub detail: String,
}

impl AutomationTrace {
    /// One that was not compared.
    pub fn not_active(automation: &str) -> Self {
        let detail = "it has `agent.active: false`".to_owned();
        let automation_id = automation.to_owned();
        Self { automation_id, text: String::new(), words: 0.0, meaning: None, score: 0.0, threshold: 0.0, detail }
    }
}

/// Why an action was offered or not.
#[derive(Clone, Debug, Serialize)]
pub struct ActionTrace {
    /// Its kind, such as `open_post`.
    pub action: &'static str,
    /// What it leads to.
    pub target: String,
    /// Whether it was offered.
    pub offered: bool,
    /// The checks in order, up to the first that failed.
    pub checks: Vec<CheckTrace>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CheckTrace {
    /// What was checked.
    pub name: &'static str,
    /// Whether it passed.
    pub passed: bool,
    /// What was found.
    pub detail: String,
}

impl CheckTrace {
    /// A check that passed.
    pub fn passed(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, passed: true, detail: detail.into() }
    }

    /// A check that failed.
    pub fn failed(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, passed: false, detail: detail.into() }
    }
}

/// How long a step took.
#[derive(Clone, Debug, Serialize)]
pub struct StepTiming {
    /// Its name.
    pub step: &'static str,
    /// Microseconds.
    pub micros: u64,
}

/// Times the steps of a turn.
pub(super) struct Stopwatch {
    last: Instant,
    timings: Vec<StepTiming>,
}

impl Stopwatch {
    pub(super) fn start() -> Self {
        Self { last: Instant::now(), timings: Vec::with_capacity(6) }
    }

    /// Ends the step that ran since the last call.
    pub(super) fn lap(&mut self, step: &'static str) {
        let now = Instant::now();
        let micros = u64::try_from((now - self.last).as_micros()).unwrap_or(u64::MAX);
        self.timings.push(StepTiming { step, micros });
        self.last = now;
    }

    pub(super) fn finish(self) -> Vec<StepTiming> {
        self.timings
    }
}

/// What an action leads to, for people.
pub fn target_of(action: &Action) -> String {
    match action {
        Action::LaunchAgent(launch) => launch.message.as_ref().map(|m| m.source().to_owned()).unwrap_or_default(),
        Action::LaunchExperience(id) => id.to_string(),
        Action::OpenPost(id) => id.to_string(),
        Action::Navigate(navigate) => navigate.url.source().to_owned(),
        Action::RunJs(run) => run.handler.to_string(),
        Action::RunAutomation(run) => run.automation.to_string(),
        Action::AutomationStep(step) => format!("{} step {}", step.automation, step.index + 1),
        Action::BookInterview(book) => book.url.clone(),
        Action::GoToStep(_) | Action::Dismiss | Action::Snooze(_) => String::new(),
    }
}
