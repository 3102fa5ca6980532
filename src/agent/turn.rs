//! The pipeline of one turn: Custom Answers first, then search, then an honest
//! "I don't know".

mod automation;

use std::sync::Arc;

use tokio::sync::mpsc;

use super::generation::{ChatUse, Generation, Written};
use super::phrasing::Phrasing;
use super::preflight::Preflight;
use super::reply::{self, Reply};
use super::snapshot::KnowledgeSnapshot;
use super::trace::{InputTrace, QuestionTrace, Stopwatch, TurnTrace};
use super::turn_event::{ActionOrigin, AgentMessage, OfferedAction, Phase, TurnEvent, TurnFault, TurnFinish};
use super::turn_request::TurnRequest;
use super::{instead, intent_trace, questions, retrieval_trace};
use crate::domain::attribute::Attributes;
use crate::domain::conversation::{AnswerKind, Choice, HandoverReason, Outcome};
use crate::domain::custom_answer::CustomAnswer;
use crate::domain::locale::Locale;
use crate::intent::matcher::{self, Decision};
use crate::intent::message::Message;
use crate::ports::chat_model::TokenUsage;
use crate::ports::embedder::{Embedder, Role};
use crate::retrieval::confidence::ANSWER_THRESHOLD;
use crate::retrieval::search::SearchResult;
use crate::text::language;
use crate::text::normalize::normalize_phrase;

/// Passages that a turn looks at.
const PASSAGES: usize = 8;

/// Runs a turn to its end.
pub(super) async fn run(
    snapshot: &KnowledgeSnapshot,
    embedder: &dyn Embedder,
    chat: Option<&ChatUse>,
    request: &TurnRequest,
    events: &mpsc::Sender<TurnEvent>,
) {
    let attributes = request.context.template_attributes();
    let mut turn = Turn {
        snapshot,
        embedder,
        chat,
        request,
        events,
        attributes: &attributes,
        language: snapshot.language_of(&request.message, request.context.user.locale.as_ref()),
        trace: TurnTrace { knowledge_version: snapshot.version, ..TurnTrace::default() },
        watch: Stopwatch::start(),
        degraded: false,
        usage: None,
    };
    let mut reply = match turn.chosen() {
        Some(reply) => Ok(reply),
        None => turn.answer().await,
    };
    if let Ok(reply) = reply.as_mut()
        && !reply.actions.is_empty()
    {
        instead::prepare(snapshot, request, reply).await;
        turn.watch.lap("prepare for failure");
    }
    turn.finish(reply).await;
}

struct Turn<'a> {
    snapshot: &'a KnowledgeSnapshot,
    embedder: &'a dyn Embedder,
    chat: Option<&'a ChatUse>,
    request: &'a TurnRequest,
    events: &'a mpsc::Sender<TurnEvent>,
    attributes: &'a Attributes,
    /// That of the user's message.
    language: language::Language,
    trace: TurnTrace,
    watch: Stopwatch,
    degraded: bool,
    usage: Option<TokenUsage>,
}

/// What broke off an answer after some of it was shown.
type BrokenOff = TurnFault;

/// A text as it is matched and searched for.
struct Reading {
    /// With its typing mistakes put right.
    said: String,
    message: Message,
    corrected: Option<String>,
}

impl<'a> Turn<'a> {
    /// What the chip that was clicked stands for, if the user may still have it.
    fn chosen(&mut self) -> Option<Reply> {
        let project = Arc::clone(&self.snapshot.project);
        let language = self.language;
        match self.request.choice.as_ref()? {
            Choice::Answer(id) => {
                let answer = project.answers.get(id).filter(|answer| self.may_have(answer))?;
                self.trace.input = self.input(language, None);
                Some(self.custom_answer(answer))
            }
            Choice::Handover => {
                project.settings.handover_message.as_ref()?;
                self.trace.input = self.input(language, None);
                let reason = HandoverReason::CustomerRequest;
                Some(reply::handover(reason, &project.settings, self.phrasing(language)))
            }
        }
    }

    async fn answer(&mut self) -> Result<Reply, BrokenOff> {
        let whole = self.read(&self.request.message);
        self.trace.input = self.input(whole.message.language, whole.corrected.clone());
        self.watch.lap("read");
        let (decision, reason) = self.decide(&whole).await;
        self.trace.intent = self.request.trace.then(|| intent_trace::of(&decision, reason));
        let matched = match decision.outcome {
            matcher::Outcome::Matched(ref answer) => Some(Arc::clone(answer)),
            matcher::Outcome::NearTie(_) | matcher::Outcome::Abstained => self.matched_plain().await,
        };
        self.watch.lap("match");
        // A phrase that its author wrote with two questions is one question.
        if !decision.is_exact()
            && let Some(reply) = self.answer_apart().await
        {
            return Ok(reply);
        }
        if let Some(answer) = matched {
            return Ok(self.custom_answer(&answer));
        }
        match self.chat {
            Some(chat) => self.answer_with(chat, whole, decision).await,
            None => {
                if let Some(chips) = self.near_ties(&decision, &whole) {
                    return Ok(chips);
                }
                let found = self.search(&whole.said).await;
                let reply = self.extractive(&found, &decision.outcome, &whole).await;
                Ok(self.with_automation(reply, &decision.outcome, &whole).await)
            }
        }
    }

    /// The answer of a language model, or what there is without one when it fails.
    async fn answer_with(
        &mut self,
        chat: &'a ChatUse,
        mut asked: Reading,
        mut decision: Decision,
    ) -> Result<Reply, BrokenOff> {
        let phrasing = self.phrasing(asked.message.language);
        let mut generation =
            Generation::new(chat, self.snapshot, self.request, self.preflight(), phrasing, self.events);
        // A follow-up is matched and searched by what it means.
        if let Some(question) = generation.standalone(asked.message.language).await {
            self.watch.lap("condense");
            asked = self.read(&question);
            decision = self.decide(&asked).await.0;
            if let matcher::Outcome::Matched(answer) = &decision.outcome {
                let answer = Arc::clone(answer);
                self.take_over(generation);
                return Ok(self.custom_answer(&answer));
            }
        }
        if let Some(chips) = self.near_ties(&decision, &asked) {
            self.take_over(generation);
            return Ok(chips);
        }
        let found = self.search(&asked.said).await;
        let _ = self.events.send(TurnEvent::Status(Phase::Answering)).await;
        let written = generation.answer(&asked.said, asked.message.language, &found).await;
        self.watch.lap("generate");
        self.take_over(generation);
        match written {
            Written::Reply(reply) => Ok(*reply),
            Written::BrokenOff(fault) => Err(fault),
            Written::Nothing(fault) => {
                self.degraded = true;
                let reply = self.extractive(&found, &decision.outcome, &asked).await;
                let settings = &self.snapshot.project.settings;
                if reply.kind == AnswerKind::NoAnswer && settings.handover_message.is_some() {
                    return Ok(reply::handover(fault.into(), settings, phrasing));
                }
                Ok(self.with_automation(reply, &decision.outcome, &asked).await)
            }
        }
    }

    fn take_over(&mut self, generation: Generation<'_>) {
        let (usage, trace) = generation.finish();
        self.usage = usage;
        self.trace.generation = Some(trace);
    }

    /// Asks which of several answers was meant, when several may be.
    fn near_ties(&self, decision: &Decision, asked: &Reading) -> Option<Reply> {
        match &decision.outcome {
            matcher::Outcome::NearTie(answers) if answers.len() > 1 => {
                Some(reply::chips(answers, self.phrasing(asked.message.language)))
            }
            matcher::Outcome::NearTie(_) | matcher::Outcome::Matched(_) | matcher::Outcome::Abstained => None,
        }
    }

    fn read(&self, text: &str) -> Reading {
        let embedder = self.embedder;
        let language = self.language;
        let corrected = embedder
            .knows(language.as_str())
            .then(|| self.snapshot.phrases.corrected(text, |word| embedder.is_word(word)))
            .flatten();
        let said = corrected.clone().unwrap_or_else(|| text.to_owned());
        Reading { message: Message::read(&said, language), said, corrected }
    }

    /// What the matcher says, and why meanings were not compared.
    async fn decide(&mut self, reading: &Reading) -> (Decision, Option<String>) {
        let embedder = self.embedder;
        let (vector, reason) = self.embed(&reading.message, &reading.said).await;
        self.watch.lap("embed");
        let decision =
            matcher::decide(&self.snapshot.phrases, &reading.message, vector.as_deref(), embedder.words(), |answer| {
                self.may_have(answer)
            });
        (decision, reason)
    }

    /// The answer that a launch's message means without the values put into it.
    async fn matched_plain(&mut self) -> Option<Arc<CustomAnswer>> {
        let plain = self.read(self.request.plain.as_deref()?);
        match self.decide(&plain).await.0.outcome {
            matcher::Outcome::Matched(answer) => Some(answer),
            matcher::Outcome::NearTie(_) | matcher::Outcome::Abstained => None,
        }
    }

    /// The answers to the questions of a message that asks several, when at least
    /// two of them have one. A language model is given the whole message, unless
    /// authors have answered all of it.
    async fn answer_apart(&mut self) -> Option<Reply> {
        let questions = questions::of(&self.request.message);
        if questions.len() < 2 {
            return None;
        }
        let mut replies: Vec<Reply> = Vec::new();
        let mut traces = Vec::new();
        for question in questions {
            let reading = self.read(question);
            let (decision, _) = self.decide(&reading).await;
            let reply = match &decision.outcome {
                matcher::Outcome::Matched(answer) => self.custom_answer(answer),
                matcher::Outcome::NearTie(_) | matcher::Outcome::Abstained if self.chat.is_some() => return None,
                matcher::Outcome::NearTie(_) | matcher::Outcome::Abstained => {
                    let found = self.search(&reading.said).await;
                    self.extractive(&found, &matcher::Outcome::Abstained, &reading).await
                }
            };
            traces.push(QuestionTrace {
                text: question.to_owned(),
                kind: reply.kind.name(),
                answer_id: reply.answer.as_ref().map(ToString::to_string),
            });
            let is_new = reply.answer.is_none() || replies.iter().all(|other| other.answer != reply.answer);
            if reply.kind != AnswerKind::NoAnswer && is_new {
                replies.push(reply);
            }
        }
        self.trace.questions = traces;
        let strictness = self.snapshot.project.settings.combination;
        (replies.len() > 1).then(|| reply::joined(replies, strictness)).flatten()
    }

    fn input(&self, language: language::Language, corrected: Option<String>) -> InputTrace {
        InputTrace {
            text: self.request.message.clone(),
            normalized: normalize_phrase(&self.request.message),
            language: language.as_str().to_owned(),
            corrected,
        }
    }

    async fn embed(&mut self, message: &Message, said: &str) -> (Option<Vec<f32>>, Option<String>) {
        let embedder = self.embedder;
        if self.snapshot.phrases.is_empty() {
            return (None, Some("there are no Custom Answers".to_owned()));
        }
        if !embedder.knows(message.language.as_str()) {
            let reason =
                format!("the embedder `{}` does not know the language `{}`", embedder.name(), message.language);
            return (None, Some(reason));
        }
        match embedder.embed(&[said], Role::Question).await {
            Ok(vectors) => (Some(vectors.into_values()), None),
            Err(error) => {
                self.degraded = true;
                tracing::warn!(embedder.name = embedder.name(), %error, "a message could not be embedded");
                (None, Some("the embedder failed".to_owned()))
            }
        }
    }

    fn may_have(&self, answer: &CustomAnswer) -> bool {
        let facts = self.snapshot.facts(&self.request.context, self.request.now);
        KnowledgeSnapshot::admits(answer.audience.as_ref(), facts)
    }

    fn preflight(&self) -> Preflight<'a> {
        Preflight {
            project: &self.snapshot.project,
            facts: self.snapshot.facts(&self.request.context, self.request.now),
            attributes: self.attributes,
            capabilities: &self.request.capabilities,
        }
    }

    fn custom_answer(&mut self, answer: &CustomAnswer) -> Reply {
        let (offered, traces) = self.preflight().check_list(&answer.actions, ActionOrigin::CustomAnswer);
        self.trace.actions.extend(traces);
        self.watch.lap("check actions");
        reply::custom_answer(answer, offered)
    }

    async fn search(&mut self, said: &str) -> SearchResult {
        let _ = self.events.send(TurnEvent::Status(Phase::Retrieving)).await;
        let found = self.snapshot.search(said, &self.request.context, self.request.now, PASSAGES).await;
        self.degraded |= found.degraded;
        self.trace.retrieval = self.request.trace.then(|| retrieval_trace::of(&found));
        self.watch.lap("retrieve");
        found
    }

    /// Quotes what was found, or says that it is not there.
    async fn extractive(&mut self, found: &SearchResult, likely: &matcher::Outcome, asked: &Reading) -> Reply {
        let phrasing = self.phrasing(asked.message.language);
        let project = &self.snapshot.project;
        let reply = if found.confidence < ANSWER_THRESHOLD {
            reply::no_answer(found, project, phrasing)
        } else {
            let meant = (found.question != asked.said).then(|| Message::read(&found.question, asked.message.language));
            let terms = &meant.as_ref().unwrap_or(&asked.message).terms;
            let reply = reply::extractive(found, terms, project, phrasing);
            self.watch.lap("compose");
            reply
        };
        match likely {
            // One answer that is only likely is asked about when articles say nothing.
            matcher::Outcome::NearTie(answers) if reply.kind == AnswerKind::NoAnswer => reply::chips(answers, phrasing),
            matcher::Outcome::NearTie(_) | matcher::Outcome::Matched(_) | matcher::Outcome::Abstained => reply,
        }
    }

    fn phrasing(&self, language: language::Language) -> &'static Phrasing {
        let spoken = Locale::new(language.as_str());
        Phrasing::of(spoken.as_ref(), &self.snapshot.project.settings.default_locale)
    }

    /// Sends what the reply consists of, in the order in which a client shows it.
    async fn finish(self, reply: Result<Reply, BrokenOff>) {
        let mut trace = self.trace;
        trace.timings = self.watch.finish();
        let finish = TurnFinish {
            kind: reply.as_ref().ok().map(|reply| reply.kind),
            answer: reply.as_ref().ok().and_then(|reply| reply.answer.clone()),
            outcome: if reply.is_ok() { Outcome::Completed } else { Outcome::Interrupted },
            degraded: self.degraded,
            fault: reply.as_ref().err().copied(),
            handover: reply.as_ref().ok().and_then(|reply| reply.handover),
            usage: self.usage,
        };
        for event in reply.map(events_of).unwrap_or_default() {
            if self.events.send(event).await.is_err() {
                return;
            }
        }
        if self.request.trace {
            match serde_json::to_value(&trace) {
                Ok(value) => drop(self.events.send(TurnEvent::Trace(Arc::new(value))).await),
                Err(error) => tracing::error!(%error, "a trace could not be written"),
            }
        }
        let _ = self.events.send(TurnEvent::Finished(finish)).await;
    }
}

fn events_of(reply: Reply) -> Vec<TurnEvent> {
    let mut events = Vec::with_capacity(reply.pieces.len() * 2 + reply.actions.len() + 1);
    let text: String = reply.pieces.iter().map(|(text, _)| text.as_str()).collect();
    if !reply.is_shown {
        events.extend(reply.citations.iter().cloned().map(TurnEvent::Citation));
        events.extend(reply.pieces.into_iter().map(|(text, cites)| TurnEvent::Delta { text, cites }));
    }
    events.push(TurnEvent::Message(AgentMessage {
        text,
        citations: reply.citations,
        quick_replies: reply.quick_replies,
    }));
    events.extend(reply.actions.into_iter().map(|action: OfferedAction| TurnEvent::Action(action)));
    events
}
